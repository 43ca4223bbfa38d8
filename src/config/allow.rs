//! What an agent may reach beside the clones: the entries of `route.allow`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

use archal_core::diagnostic::Diagnostic;

use super::host;
use super::schema::Route;

/// An entry of `route.allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// TLS to a host at port 443, handed on undecrypted: `api.openai.com`, `*.example.com`.
    Host(String),
    /// TCP to one port of a host: `db.internal:5432`.
    Address {
        /// The host or IPv4 address.
        host: String,
        /// The port.
        port: u16,
    },
    /// TCP to a port of this machine's own loopback: `localhost:11434`.
    Loopback {
        /// The address, the same inside and outside.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// A Unix socket of this machine: `unix:/run/docker.sock`.
    Socket(PathBuf),
}

impl Allowed {
    /// Whether TLS to `host`, lower case, may be handed on.
    pub fn takes_host(&self, host: &str) -> bool {
        match self {
            Self::Host(pattern) => host::is_of(pattern, host),
            Self::Address { .. } | Self::Loopback { .. } | Self::Socket(_) => false,
        }
    }
}

impl FromStr for Allowed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return match path.is_absolute() {
                true => Ok(Self::Socket(path)),
                false => Err("names a Unix socket without its absolute path"),
            };
        }
        if text.contains("://") || text.contains('/') {
            return Err("is a URL; write its host alone");
        }
        let (host, port) = host::split(text)?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_loopback = |address: &IpAddr| address.is_loopback();
        let address = match host.as_str() {
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            _ => host.parse().ok(),
        };
        match (address, port) {
            (Some(address), Some(port)) if is_loopback(&address) => {
                if matches!(port, 53 | 80 | 443) {
                    return Err("is a port that the clones have inside: 53, 80, 443");
                }
                Ok(Self::Loopback { address, port })
            }
            (Some(_), None) => Err("is an address without a port"),
            (Some(IpAddr::V6(_)), _) => {
                Err("is an IPv6 address; of these only [::1] can be let through")
            }
            (None, _) if !host::is_name(&host) => {
                Err("is neither `host`, `host:port`, `localhost:port` nor `unix:/path`")
            }
            (None, None | Some(443)) => Ok(Self::Host(host)),
            (None, Some(_)) if host.starts_with('*') => {
                Err("has a port behind a `*`; only whole hosts can have one")
            }
            (_, Some(port)) => Ok(Self::Address { host, port }),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Address { host, port } => write!(f, "{host}:{port}"),
            Self::Loopback {
                address: IpAddr::V6(address),
                port,
            } => write!(f, "[{address}]:{port}"),
            Self::Loopback { address, port } => write!(f, "{address}:{port}"),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The entries of a configuration that was read, all of which are sound.
pub fn entries(route: &Route) -> Vec<Allowed> {
    let sound = route.allow.iter().filter_map(|entry| entry.parse().ok());
    sound.collect()
}

/// What is wrong with the entries of a key: the entry's place and the finding.
pub(super) fn problem(key: &str, entries: &[String]) -> Option<(String, Diagnostic)> {
    entries.iter().enumerate().find_map(|(at, entry)| {
        let reason = entry.parse::<Allowed>().err()?;
        let path = format!("{key}.{at}");
        let name = key.rsplit('.').next().unwrap_or(key);
        let help =
            format!("\"{name}\": [\"api.openai.com\", \"db.internal:5432\", \"localhost:11434\"]");
        let finding =
            Diagnostic::error("config/allow", format!("`{entry}` {reason}")).with_help(help);
        Some((path, finding))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_hosts_ports_loopback_and_sockets() {
        let read = |text: &str| match text.parse::<Allowed>() {
            Ok(allowed) => format!("{allowed:?} {allowed}"),
            Err(reason) => reason.to_owned(),
        };
        let entries = [
            "API.openai.com.",
            "*.azure.example",
            "api.example:443",
            "db.internal:5432",
            "10.0.0.5:5432",
            "localhost:11434",
            "127.0.0.1:5432",
            "[::1]:9",
            "unix:/run/docker.sock",
            "unix:docker.sock",
            "https://api.openai.com/v1",
            "*.azure.example:99",
            "10.0.0.5",
            "[fd00::1]:5",
            "localhost:443",
            "db:0",
            "db:99999",
            "*",
            "",
            "a b",
        ];
        let told: Vec<String> = entries
            .iter()
            .map(|entry| format!("{entry}: {}", read(entry)))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        API.openai.com.: Host("api.openai.com") api.openai.com
        *.azure.example: Host("*.azure.example") *.azure.example
        api.example:443: Host("api.example") api.example
        db.internal:5432: Address { host: "db.internal", port: 5432 } db.internal:5432
        10.0.0.5:5432: Address { host: "10.0.0.5", port: 5432 } 10.0.0.5:5432
        localhost:11434: Loopback { address: 127.0.0.1, port: 11434 } 127.0.0.1:11434
        127.0.0.1:5432: Loopback { address: 127.0.0.1, port: 5432 } 127.0.0.1:5432
        [::1]:9: Loopback { address: ::1, port: 9 } [::1]:9
        unix:/run/docker.sock: Socket("/run/docker.sock") unix:/run/docker.sock
        unix:docker.sock: names a Unix socket without its absolute path
        https://api.openai.com/v1: is a URL; write its host alone
        *.azure.example:99: has a port behind a `*`; only whole hosts can have one
        10.0.0.5: is an address without a port
        [fd00::1]:5: is an IPv6 address; of these only [::1] can be let through
        localhost:443: is a port that the clones have inside: 53, 80, 443
        db:0: has no port from 1 to 65535 behind its colon
        db:99999: has no port from 1 to 65535 behind its colon
        *: is neither `host`, `host:port`, `localhost:port` nor `unix:/path`
        : is neither `host`, `host:port`, `localhost:port` nor `unix:/path`
        a b: is neither `host`, `host:port`, `localhost:port` nor `unix:/path`
        "#);
    }

    #[test]
    fn a_star_stands_for_one_label_or_more() {
        let allowed: Allowed = "*.azure.example".parse().expect("an entry");
        assert!(allowed.takes_host("a.azure.example") && allowed.takes_host("a.b.azure.example"));
        assert!(!allowed.takes_host("azure.example") && !allowed.takes_host("evilazure.example"));
        let host: Allowed = "api.example".parse().expect("an entry");
        assert!(host.takes_host("api.example") && !host.takes_host("x.api.example"));
    }
}
