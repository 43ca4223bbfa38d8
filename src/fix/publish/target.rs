//! Which repository of which service a remote is.

/// A repository of a service that speaks as GitHub does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host: `github.com`.
    pub host: String,
    /// Who owns it.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl Target {
    /// The repository that the URL of a remote names: `https://host/owner/name.git`,
    /// `ssh://git@host:22/owner/name`, `git@host:owner/name.git`. None for a path, another
    /// protocol, or a repository that is not two names deep.
    pub fn of_url(url: &str) -> Option<Self> {
        let url = url.trim();
        let (authority, path) = match url.split_once("://") {
            Some((scheme, rest)) => {
                if !matches!(scheme, "https" | "http" | "ssh" | "git") {
                    return None;
                }
                rest.split_once('/')?
            }
            None => url.split_once(':')?,
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, at)| at);
        let host = match url.contains("://") {
            true => host.split_once(':').map_or(host, |(host, _)| host),
            false => host,
        };
        if host.is_empty() || host.contains('/') {
            return None;
        }
        // What stands for github.com where a firewall lets only port 443 through.
        let host = match host {
            "ssh.github.com" => "github.com",
            host => host,
        };
        Self::of_name(path, host)
    }

    /// The repository `owner/name` at a host.
    pub fn of_name(name: &str, host: &str) -> Option<Self> {
        let path = name.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let (owner, name) = path.split_once('/')?;
        let is_plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        (is_plain(owner) && is_plain(name)).then(|| Self {
            host: host.to_ascii_lowercase(),
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// `github.com/owner/name`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.host, self.full_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_name_their_repository_or_none() {
        let of = |url: &str| {
            Target::of_url(url).map(|target| format!("{} {}", target.host, target.full_name()))
        };
        for url in [
            "https://github.com/acme/webapp.git",
            "https://x:secret@github.com/acme/webapp",
            "git@github.com:acme/webapp.git",
            "ssh://git@ssh.github.com:443/acme/webapp.git",
            "https://GitHub.com/acme/webapp/",
        ] {
            assert_eq!(of(url).as_deref(), Some("github.com acme/webapp"), "{url}");
        }
        for url in [
            "/srv/git/webapp.git",
            "../webapp",
            "file:///srv/acme/webapp",
            "https://gitlab.com/group/sub/webapp.git",
            "https://github.com/webapp",
            "https://github.com/../..",
            "",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }
}
