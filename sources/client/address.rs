//! Which base URLs there may be.

use archal_core::pull::{PullError, PullErrorKind};
use reqwest::Url;

/// A base URL that credentials may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    url: Url,
}

impl Address {
    /// The address that an option names: `https`, or `http` on this machine.
    ///
    /// # Errors
    ///
    /// When nothing may be sent there. Nothing of a password in it is told.
    pub(crate) fn of(option: &'static str, text: &str) -> Result<Self, PullError> {
        let refused = |why: &str| {
            PullError::new(PullErrorKind::Options, format!("option `{option}` {why}"))
                .advice(format!("give it as {option}=https://HOST"))
        };
        let url = Url::parse(text.trim()).map_err(|_| refused("is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("has a user or password in it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("has a query or fragment in it"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refused("names no host"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_here(&url) => {}
            "http" => {
                return Err(refused(
                    "is http, and credentials are sent over https or to this machine alone",
                ));
            }
            _ => return Err(refused("is neither https nor http")),
        }
        Ok(Self { url })
    }

    /// The address of something below it.
    pub(super) fn join(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// `host`, or `host:port` where it is not the scheme's own.
    pub(crate) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Whether it is this domain or one below it.
    pub(crate) fn is_of(&self, domain: &str) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        host == domain
            || host
                .strip_suffix(domain)
                .is_some_and(|before| before.ends_with('.'))
    }
}

/// The host of an address that may be asked; none of any other text.
pub(crate) fn host_of(text: &str) -> Option<String> {
    Address::of("host", text).ok().map(|address| address.host())
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_over_https_or_stay_here() {
        for good in [
            "https://cloud.langfuse.com",
            "https://example.test/langfuse/",
            "http://127.0.0.1:3000",
            "http://localhost:3000",
            "http://[::1]:3000",
        ] {
            assert!(Address::of("host", good).is_ok(), "{good}");
        }
        for bad in [
            "cloud.langfuse.com",
            "http://cloud.langfuse.com",
            "http://127.0.0.1.example.test",
            "http://localhost.example.test",
            "https://user:hunter2@example.test",
            "https://example.test/?key=hunter2",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "",
        ] {
            let error = Address::of("host", bad).expect_err(bad);
            assert_eq!(error.kind, PullErrorKind::Options);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_path_in_front_stays_and_parameters_are_escaped() {
        let address = Address::of("host", "https://example.test/langfuse/").expect("good");
        let url = address.join("/api/x", &[("cursor", "a+b=&c".to_owned())]);
        assert_eq!(
            url.as_str(),
            "https://example.test/langfuse/api/x?cursor=a%2Bb%3D%26c"
        );
        assert!(address.is_of("example.test") && !address.is_of("ample.test"));
    }
}
