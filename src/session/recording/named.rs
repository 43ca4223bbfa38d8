//! The hosts whose calls are recorded: `--host api.github.com`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::config::host;

/// The ports of a host that was named without one.
const USUAL: [u16; 2] = [443, 80];

/// A host that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedHost {
    /// A name or address, lower case; `*.` before it stands for whatever is below it.
    host: String,
    /// Its only port; 443 and 80 where none.
    port: Option<u16>,
}

impl NamedHost {
    /// A host of a service, with the usual ports.
    pub fn of_service(host: &str) -> Self {
        Self {
            host: host.to_ascii_lowercase(),
            port: None,
        }
    }

    /// Whether calls to a port of a host, lower case, are recorded.
    pub fn takes(&self, host: &str, port: u16) -> bool {
        self.ports().contains(&port) && self.takes_host(host)
    }

    fn takes_host(&self, host: &str) -> bool {
        // The loopback is one place, whichever of its names is written.
        host::is_of(&self.host, host) || (is_loopback(&self.host) && is_loopback(host))
    }

    /// Its ports.
    pub fn ports(&self) -> &[u16] {
        match &self.port {
            Some(port) => std::slice::from_ref(port),
            None => &USUAL,
        }
    }

    /// The hosts as they are written in a certificate's constraints: what is below a `*.` alone, and of
    /// the loopback every usual name.
    pub(in crate::session) fn constraints(&self) -> impl Iterator<Item = &str> {
        let others: &[&str] = match self.is_local() {
            true => &["localhost", "127.0.0.1", "::1"],
            false => &[],
        };
        let own = self.host.strip_prefix("*.").unwrap_or(&self.host);
        let others = others.iter().copied().filter(move |other| *other != own);
        std::iter::once(own).chain(others)
    }

    /// The host or pattern as it was written.
    pub(in crate::session) fn pattern(&self) -> &str {
        &self.host
    }

    /// The host, where it is one and no pattern.
    pub(in crate::session) fn host(&self) -> Option<&str> {
        (!self.host.starts_with('*')).then_some(self.host.as_str())
    }

    /// Whether it is on this machine's loopback.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.host)
    }
}

impl fmt::Display for NamedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

impl FromStr for NamedHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('/') {
            return Err("is a URL; write its host, and its port where that is neither 443 nor 80");
        }
        let (host, port) = host::split(text)?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_address = host.parse::<IpAddr>().is_ok();
        if !is_address && !host::is_name(&host) {
            return Err("is neither a host nor `host:port`");
        }
        if port.is_none() && is_loopback(&host) {
            return Err("is this machine's loopback, of which a port must be named");
        }
        Ok(Self { host, port })
    }
}

/// Whether a host, lower case, is this machine's loopback.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_patterns_and_addresses_with_ports() {
        let read = |text: &str| match text.parse::<NamedHost>() {
            Ok(named) => format!("{named} {:?}", named.ports()),
            Err(reason) => reason.to_owned(),
        };
        let written = [
            "API.github.com.",
            "*.openai.azure.com",
            "ghe.internal:8443",
            "127.0.0.1:9000",
            "[::1]:9000",
            "10.0.0.5",
            "localhost",
            "https://api.github.com/",
            "a b",
            "api.github.com:0",
            "",
        ];
        let told: Vec<String> = written
            .iter()
            .map(|text| format!("{text}: {}", read(text)))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        API.github.com.: api.github.com [443, 80]
        *.openai.azure.com: *.openai.azure.com [443, 80]
        ghe.internal:8443: ghe.internal:8443 [8443]
        127.0.0.1:9000: 127.0.0.1:9000 [9000]
        [::1]:9000: [::1]:9000 [9000]
        10.0.0.5: 10.0.0.5 [443, 80]
        localhost: is this machine's loopback, of which a port must be named
        https://api.github.com/: is a URL; write its host, and its port where that is neither 443 nor 80
        a b: is neither a host nor `host:port`
        api.github.com:0: has no port from 1 to 65535 behind its colon
        : is neither a host nor `host:port`
        ");
    }

    #[test]
    fn only_what_was_named_is_taken() {
        let takes = |named: &str, host: &str, port| {
            named
                .parse::<NamedHost>()
                .is_ok_and(|named| named.takes(host, port))
        };
        assert!(takes("api.github.com", "api.github.com", 443));
        assert!(takes("api.github.com", "api.github.com", 80));
        assert!(!takes("api.github.com", "api.github.com", 22));
        assert!(!takes("api.github.com", "uploads.api.github.com", 443));
        assert!(!takes("github.com", "api.github.com", 443));
        assert!(takes("*.github.com", "api.github.com", 443));
        assert!(!takes("*.github.com", "github.com", 443));
        assert!(!takes("*.github.com", "evilgithub.com", 443));
        assert!(takes("localhost:9000", "127.0.0.1", 9000));
        assert!(takes("127.0.0.1:9000", "localhost", 9000));
        assert!(!takes("127.0.0.1:9000", "127.0.0.1", 9001));
    }
}
