//! What a session's children may reach beside the clones, and the way there.
//!
//! Nothing is decrypted: archal connects to the real host and hands bytes on in both directions.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::environment::Environment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::allow::Allowed;

/// How long a connection to an allowed host may take to be made.
const CONNECT: Duration = Duration::from_secs(20);
/// Most bytes of a proxy's answer to `CONNECT`.
const ANSWER: usize = 16 * 1024;
/// How long a server of this machine may take to be found listening.
const LISTENING: Duration = Duration::from_millis(50);
/// The proxies of the caller, the first that is set; those of an address are tried in this order
/// by the clients that know them.
const PROXIES: &[&str] = &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Files of roots that the caller trusts beside the system's: a company's own, for its proxy.
const ROOTS: &[&str] = &["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"];
/// Variables with the address of a model's server, by their ends and by name.
const MODEL_SERVERS: &[&str] = &[
    "_BASE_URL",
    "_API_BASE",
    "OLLAMA_HOST",
    "AZURE_OPENAI_ENDPOINT",
];

/// What may be reached beside the clones; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    allow: Vec<Allowed>,
    proxy: Option<Result<Proxy, String>>,
    around: Vec<String>,
    roots: Vec<PathBuf>,
}

/// The caller's own proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Proxy {
    host: String,
    port: u16,
    authorization: Option<String>,
}

impl Egress {
    /// What is allowed, and how the caller reaches the network.
    pub fn of(allow: &[Allowed], environment: &Environment) -> Self {
        let get = |names: &[&str]| names.iter().find_map(|name| environment.get(name));
        let around = get(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
        Self {
            allow: allow.to_vec(),
            proxy: get(PROXIES).map(proxy),
            around: around
                .split([',', ' '])
                .map(|entry| entry.trim().to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
            roots: ROOTS
                .iter()
                .filter_map(|name| environment.get(name).map(|path| environment.resolve(path)))
                .collect(),
        }
    }

    /// Each entry as people write it, and the way there, or why there is none.
    pub fn ways(&self) -> Vec<(String, Result<String, String>)> {
        let way = |allowed: &Allowed| match allowed {
            Allowed::Host(host) => match &self.proxy {
                Some(Err(why)) if !self.goes_around(host) => Err(why.clone()),
                Some(Ok(proxy)) if !self.goes_around(host) => Ok(format!(
                    "TLS, handed on undecrypted through your proxy {}:{}",
                    proxy.host, proxy.port
                )),
                _ => Ok("TLS, handed on undecrypted".to_owned()),
            },
            Allowed::Address { .. } => Ok("TCP, handed on".to_owned()),
            Allowed::Loopback { address, port } => {
                let to = SocketAddr::new(*address, *port);
                match std::net::TcpStream::connect_timeout(&to, LISTENING) {
                    Ok(_) => Ok("a port of this machine, on which somebody listens".to_owned()),
                    Err(error) => Err(format!("nobody listens on that port now ({error})")),
                }
            }
            Allowed::Socket(path) if path.exists() => Ok("a socket of this machine".to_owned()),
            Allowed::Socket(_) => Err("there is no such socket now".to_owned()),
        };
        let ways = self.allow.iter();
        ways.map(|allowed| (allowed.to_string(), way(allowed)))
            .collect()
    }

    /// The entries, as people write them.
    pub(super) fn told(&self) -> Vec<String> {
        self.allow.iter().map(ToString::to_string).collect()
    }

    /// Files of roots that the caller trusts.
    pub(super) fn roots(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(PathBuf::as_path)
    }

    /// Whether TLS to a host, lower case, may be handed on.
    pub(super) fn takes_host(&self, host: &str) -> bool {
        self.allow.iter().any(|allowed| allowed.takes_host(host))
    }

    /// Whether TCP to a port of a host, lower case, may be handed on.
    pub(super) fn takes_address(&self, host: &str, port: u16) -> bool {
        self.addresses().any(|one| one == (host, port))
    }

    /// Whether a name, lower case, is that of a host that may be reached.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.takes_host(name) || self.addresses().any(|(host, _)| host == name)
    }

    /// The ports of hosts that may be reached.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&str, u16)> {
        self.allow.iter().filter_map(|allowed| match allowed {
            Allowed::Address { host, port } => Some((host.as_str(), *port)),
            Allowed::Host(_) | Allowed::Loopback { .. } | Allowed::Socket(_) => None,
        })
    }

    /// The ports of this machine's loopback that may be reached.
    pub(super) fn loopback(&self) -> impl Iterator<Item = SocketAddr> {
        self.allow.iter().filter_map(|allowed| match allowed {
            Allowed::Loopback { address, port } => Some(SocketAddr::new(*address, *port)),
            Allowed::Host(_) | Allowed::Address { .. } | Allowed::Socket(_) => None,
        })
    }

    /// Unix sockets of this machine that may be reached.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Path> {
        self.allow.iter().filter_map(|allowed| match allowed {
            Allowed::Socket(path) => Some(path.as_path()),
            Allowed::Host(_) | Allowed::Address { .. } | Allowed::Loopback { .. } => None,
        })
    }

    /// The same with a file of roots more.
    pub fn trusting(mut self, roots: Option<PathBuf>) -> Self {
        self.roots.extend(roots);
        self
    }

    /// A connection to a host on the way that the caller takes to it: its TLS port through the
    /// caller's proxy, any other port straight.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        self.connect_over(host, port, port == 443).await
    }

    /// The same where it is known whether TLS is spoken on the port.
    pub(super) async fn connect_over(
        &self,
        host: &str,
        port: u16,
        is_tls: bool,
    ) -> io::Result<TcpStream> {
        let made = async {
            match &self.proxy {
                Some(proxy) if is_tls && !self.goes_around(host) => {
                    let proxy = proxy
                        .as_ref()
                        .map_err(|why| io::Error::other(why.clone()))?;
                    through(proxy, host, port).await
                }
                _ => TcpStream::connect((host, port)).await,
            }
        };
        match timeout(CONNECT, made).await {
            Ok(made) => made,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
    }

    /// Whether the caller reaches a host without its proxy.
    fn goes_around(&self, host: &str) -> bool {
        let is_local = host == "localhost"
            || host
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback());
        is_local
            || self.around.iter().any(|entry| {
                let entry = entry.split(':').next().unwrap_or_default();
                let name = entry.trim_start_matches("*.").trim_start_matches('.');
                let below = host.strip_suffix(name);
                entry == "*" || below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
    }
}

/// The servers of models on this machine's loopback that a child is told and that listen.
///
/// One that does not listen is left out: the child may be about to start it itself.
pub(super) fn model_servers(environment: &BTreeMap<String, String>) -> Vec<SocketAddr> {
    let is_named = |name: &str| MODEL_SERVERS.iter().any(|end| name.ends_with(end));
    let told = environment.iter().filter(|(name, _)| is_named(name));
    let mut servers: Vec<SocketAddr> = told
        .filter_map(|(_, value)| on_loopback(value))
        .filter(|server| std::net::TcpStream::connect_timeout(server, LISTENING).is_ok())
        .collect();
    servers.sort();
    servers.dedup();
    servers
}

/// The address that a URL, or `host:port` alone, has on the loopback.
fn on_loopback(url: &str) -> Option<SocketAddr> {
    let uri: Uri = url.trim().parse().ok()?;
    let port = uri.port_u16()?;
    let host = uri.host()?.trim_matches(['[', ']']);
    let address = match host {
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        host => host.parse().ok().filter(IpAddr::is_loopback)?,
    };
    (!matches!(port, 53 | 80 | 443)).then(|| SocketAddr::new(address, port))
}

fn proxy(url: &str) -> Result<Proxy, String> {
    let url = url.trim();
    let full = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    };
    let uri: Uri = full
        .parse()
        .map_err(|_| "the caller's proxy is no URL".to_owned())?;
    match uri.scheme_str() {
        Some("http") => {}
        scheme => {
            let scheme = scheme.unwrap_or_default();
            return Err(format!(
                "the caller's proxy speaks {scheme}; archal goes through http ones"
            ));
        }
    }
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let authorization = authority.rsplit_once('@').map(|(user, _)| {
        let decoded: Vec<u8> = percent_decode_str(user).collect();
        format!("Basic {}", STANDARD.encode(decoded))
    });
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    Ok(Proxy {
        host: host.to_owned(),
        port: uri.port_u16().unwrap_or(80),
        authorization,
    })
}

async fn through(proxy: &Proxy, host: &str, port: u16) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((proxy.host.as_str(), proxy.port)).await?;
    let mut asked = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(authorization) = &proxy.authorization {
        asked.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    asked.push_str("\r\n");
    stream.write_all(asked.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte: what comes behind the answer is the host's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= ANSWER {
            return Err(io::Error::other("the caller's proxy answers without end"));
        }
        answer.push(stream.read_u8().await?);
    }
    let line = answer
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(stream),
        _ => Err(io::Error::other(format!("the caller's proxy says {line}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        Environment {
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            directory: "/".into(),
        }
    }

    #[test]
    fn the_callers_proxy_is_taken_but_for_those_it_goes_around() {
        let egress = Egress::of(
            &[],
            &environment(&[
                ("https_proxy", "http://me:p%40ss@proxy.example:3128"),
                ("NO_PROXY", "internal.example,.corp, *.dev.example:443"),
            ]),
        );
        let proxy = egress.proxy.clone().expect("a proxy").expect("a good one");
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 3128));
        assert_eq!(proxy.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        let around = [
            "internal.example",
            "a.internal.example",
            "x.corp",
            "a.dev.example",
            "localhost",
            "127.0.0.1",
        ];
        assert!(around.iter().all(|host| egress.goes_around(host)));
        assert!(
            ["example", "notinternal.example"]
                .iter()
                .all(|host| !egress.goes_around(host))
        );
        let other = Egress::of(&[], &environment(&[("ALL_PROXY", "socks5://localhost:1")]));
        let reason = other.proxy.expect("a proxy").expect_err("another kind");
        assert_eq!(
            reason,
            "the caller's proxy speaks socks5; archal goes through http ones"
        );
    }

    #[test]
    fn servers_of_models_on_the_loopback_are_found_where_they_listen() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("an address");
        let variables = [
            (
                "OPENAI_BASE_URL",
                format!("http://localhost:{}/v1", address.port()),
            ),
            ("OLLAMA_HOST", format!("127.0.0.1:{}", address.port())),
            ("OTHER_URL", "http://127.0.0.1:1".to_owned()),
            ("MODEL_BASE_URL", "http://127.0.0.1:1/v1".to_owned()),
            ("FAR_BASE_URL", "https://api.example:8443/v1".to_owned()),
        ];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        assert_eq!(model_servers(&variables), [address]);
    }
}
