//! What comes through the listeners of a recording: calls to named hosts, and everything else, which
//! is handed on as it is.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use http::{Method, Request, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use rustls::sign::SingleCertAndKey;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;

use super::super::authority::Authority;
use super::super::door::{self, Door, Open};
use super::super::environment::PROXY_USER;
use super::super::exchange::plain;
use super::super::passage;
use super::super::stream::{Heard, Prefixed, Stream};
use super::forward::{Answer, Target, forward};
use super::named::is_loopback;
use super::peer;
use super::recorder::Recorder;
use super::upstream::Upstream;

/// The first byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long a client may take to say what it wants where that decides whom it is for.
const FIRST: Duration = Duration::from_secs(15);
/// Most headers of a request.
const HEADERS: usize = 256;

type BoxError = Box<dyn Error + Send + Sync>;

/// What connections of a recording share beside what those of every session do.
pub(in crate::session) struct Recording {
    /// Takes what goes through.
    pub(super) recorder: Arc<Recorder>,
    /// The way to the services.
    pub(super) upstream: Upstream,
    authority: Arc<Authority>,
    /// What clients of the proxy say to be taken.
    password: String,
    /// The TLS side for each host, made when it is first asked for.
    sides: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl Recording {
    /// With an authority for the named hosts, and a password for the proxy.
    pub(super) fn new(
        recorder: Arc<Recorder>,
        upstream: Upstream,
        authority: Arc<Authority>,
        password: &str,
    ) -> Self {
        let user = format!("{PROXY_USER}:{password}");
        Self {
            recorder,
            upstream,
            authority,
            password: format!("Basic {}", STANDARD.encode(user)),
            sides: Mutex::default(),
        }
    }

    /// Whether a request says the password of the proxy.
    fn is_known(&self, request: &Request<Incoming>) -> bool {
        let said = request.headers().get(PROXY_AUTHORIZATION);
        said.is_some_and(|said| said.as_bytes() == self.password.as_bytes())
    }

    /// The TLS side for a named host.
    fn side(&self, host: &str) -> Result<Arc<ServerConfig>, BoxError> {
        let mut sides = self.sides.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(side) = sides.get(host) {
            return Ok(Arc::clone(side));
        }
        let leaf = self.authority.leaf(host)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut side = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(
                rustls::sign::CertifiedKey::clone(&leaf),
            )));
        // As for clones: a ticket to a client that has ended would fail what it had asked.
        side.send_tls13_tickets = 0;
        side.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let side = Arc::new(side);
        sides.insert(host.to_owned(), Arc::clone(&side));
        Ok(side)
    }
}

/// Serves a connection to its end.
pub(in crate::session) async fn connection(
    open: Open,
    recording: Arc<Recording>,
    stream: TcpStream,
    door: Door,
) {
    // Pieces of an answer are not to be waited with.
    stream.set_nodelay(true).ok();
    let to = |host: String, port| (host, port);
    let (host, port) = match door {
        Door::Names => return super::super::names::over_tcp(&open.shared, stream).await,
        Door::Proxy => return http(open, recording, stream, Of::Anyone).await,
        Door::OwnProxy | Door::Led { .. } if !peer::may_connect(&stream).await => {
            let told = "a process of another user was not let in";
            return recording.recorder.distrusted("127.0.0.1", told.to_owned());
        }
        Door::OwnProxy => return http(open, recording, stream, Of::Own).await,
        Door::Led { host, port } => match recording.recorder.named().get(host) {
            Some(named) => to(named.host().unwrap_or_default().to_owned(), port),
            None => return,
        },
        Door::Loopback { to: meant } => to(meant.ip().to_string(), meant.port()),
        Door::Service { .. } | Door::Elsewhere => match meant(&open, &stream, door) {
            Some((host, port)) => to(host, port),
            None => return,
        },
        // Those are for clones, of which a recording has none.
        Door::Base { .. } | Door::Host { .. } | Door::Tools { .. } => return,
    };
    if let Err(stream) = serve(open, recording, stream, host, port).await {
        // Cut off instead of closed: nobody was there.
        stream.set_zero_linger().ok();
    }
}

/// Where a connection was meant to go.
fn meant(open: &Open, stream: &TcpStream, door: Door) -> Option<(String, u16)> {
    let meant = door::meant(stream, door)?;
    let host = match *meant.ip() {
        Ipv4Addr::LOCALHOST => Ipv4Addr::LOCALHOST.to_string(),
        address => {
            let name = open.shared.names.name_of(address);
            name.unwrap_or_else(|| address.to_string())
        }
    };
    Some((host, meant.port()))
}

/// Serves a connection to a place; gives it back where that cannot be reached.
///
/// Boxed, because a tunnel is opened by a request, whose connection this serves in turn.
fn serve<S: Stream>(
    open: Open,
    recording: Arc<Recording>,
    mut stream: S,
    host: String,
    port: u16,
) -> Pin<Box<dyn Future<Output = Result<(), S>> + Send>> {
    Box::pin(async move {
        let recorder = &recording.recorder;
        let is_named = recorder.takes(&host, port);
        // A client may have looked up the name itself: then the handshake says it.
        let is_address = host.is_empty() || host.parse::<std::net::IpAddr>().is_ok();
        let may_be_named = is_address && !is_loopback(&host) && recorder.takes_port(port);
        if !is_named && !may_be_named {
            return pass(&open, &recording, stream, &[], &host, port).await;
        }
        let mut first = [0; 1];
        let read = stream.read(&mut first);
        let read = match is_named {
            // It may keep a connection for later.
            true => Ok(read.await),
            false => timeout(FIRST, read).await,
        };
        match read {
            Ok(Ok(1)) => {}
            Ok(_) => return Ok(()),
            // The service speaks first, and no named one does.
            Err(_) => return pass(&open, &recording, stream, &[], &host, port).await,
        }
        if first[0] == TLS_HANDSHAKE {
            let stream = Prefixed::new(first[0], stream);
            tls(open, recording, stream, host, port).await;
            return Ok(());
        }
        if !is_named && !host.is_empty() {
            return pass(&open, &recording, stream, &first, &host, port).await;
        }
        let target = Target {
            host,
            port,
            is_tls: false,
        };
        http(
            open,
            recording,
            Prefixed::new(first[0], stream),
            Of::Target(target),
        )
        .await;
        Ok(())
    })
}

/// Hands a connection on as it is, and counts it.
async fn pass<S: Stream>(
    open: &Open,
    recording: &Recording,
    stream: S,
    first: &[u8],
    host: &str,
    port: u16,
) -> Result<(), S> {
    let made = open.shared.egress.connect(host, port).await;
    recording.recorder.pass(host, port, made.is_ok());
    match made {
        Ok(server) => {
            passage::between(&open.seat, stream, server, first).await;
            Ok(())
        }
        Err(_) => Err(stream),
    }
}

async fn tls(open: Open, recording: Arc<Recording>, stream: impl Stream, host: String, port: u16) {
    let recorder = &recording.recorder;
    let hello = LazyConfigAcceptor::new(Acceptor::default(), Heard::new(stream));
    let mut hello = match timeout(FIRST, hello).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(error)) => return recorder.distrusted(&host, error.to_string()),
        Err(_) => return recorder.distrusted(&host, "the handshake took too long".to_owned()),
    };
    let said = hello
        .client_hello()
        .server_name()
        .map(str::to_ascii_lowercase);
    let named = match &said {
        Some(name) if recorder.takes(name, port) => Some(name.clone()),
        _ => recorder.takes(&host, port).then(|| host.clone()),
    };
    let Some(named) = named else {
        let to = match (host.is_empty(), said) {
            (true, Some(name)) => name,
            _ => host,
        };
        let (heard, stream) = hello.io.into_parts();
        // A client whose connection ends here has asked for nothing yet.
        pass(&open, &recording, stream, &heard, &to, port)
            .await
            .ok();
        return;
    };
    hello.io.forget();
    let Ok(side) = recording.side(&named) else {
        return recorder.distrusted(&named, "no certificate could be made for it".to_owned());
    };
    match timeout(FIRST, hello.into_stream(side)).await {
        Ok(Ok(stream)) => {
            let target = Target {
                host: named,
                port,
                is_tls: true,
            };
            http(open, recording, stream, Of::Target(target)).await;
        }
        Ok(Err(error)) => recorder.distrusted(&named, door::handshake_failure(&error)),
        Err(_) => recorder.distrusted(&named, "the handshake took too long".to_owned()),
    }
}

/// Whose requests are served.
enum Of {
    /// All to one target.
    Target(Target),
    /// Those that a client gives a proxy, of the same user.
    Own,
    /// The same, of whoever knows the password.
    Anyone,
}

/// Serves requests.
async fn http(open: Open, recording: Arc<Recording>, stream: impl Stream, of: Of) {
    let shared = Arc::new((open, of));
    let service = service_fn(move |request| {
        let (shared, recording) = (Arc::clone(&shared), Arc::clone(&recording));
        async move {
            let (open, of) = &*shared;
            let _at_work = open.seat.at_work();
            let mut target = match of {
                Of::Target(target) => target.clone(),
                Of::Anyone if !recording.is_known(&request) => {
                    return Ok::<_, Infallible>(unknown());
                }
                Of::Anyone | Of::Own => return Ok(as_proxy(open, &recording, request).await),
            };
            if target.host.is_empty() {
                // A shim led it here, which knows the pattern alone.
                target.host = asked_host(&request);
            }
            let (upstream, recorder) = (&recording.upstream, &recording.recorder);
            let is_recorded = recorder.takes(&target.host, target.port);
            Ok(forward(upstream, recorder, is_recorded, &target, request).await)
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        // A client may end its side before it has read the answer.
        .half_close(true)
        .max_headers(HEADERS)
        // Headers are the service's own.
        .auto_date_header(false);
    server.http2().auto_date_header(false);
    // How a connection ends is the client's affair; what it asked is recorded already.
    server
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await
        .ok();
}

/// What a client of the proxy is told that does not say the password.
fn unknown() -> Answer {
    let told = "archal record: this proxy is the recorded command's alone\n";
    let mut answer = plain(StatusCode::PROXY_AUTHENTICATION_REQUIRED, told).map(Either::Right);
    let asks = HeaderValue::from_static("Basic realm=\"archal\"");
    answer.headers_mut().insert(PROXY_AUTHENTICATE, asks);
    answer
}

/// The host that a request of plain HTTP names, lower case; empty where none.
fn asked_host(request: &Request<Incoming>) -> String {
    let host = request.headers().get(http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok()?.parse::<http::uri::Authority>().ok());
    host.map_or_else(String::new, |host| host.host().to_ascii_lowercase())
}

/// What a client gives a proxy: a tunnel, or a request of plain HTTP.
async fn as_proxy(
    open: &Open,
    recording: &Arc<Recording>,
    mut request: Request<Incoming>,
) -> Answer {
    let refused = |told: &'static str| plain(StatusCode::BAD_REQUEST, told).map(Either::Right);
    let Some(authority) = request.uri().authority().cloned() else {
        return refused("archal record: this is a proxy, and the request names no host\n");
    };
    let host = authority.host().trim_matches(['[', ']']);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if request.method() != Method::CONNECT {
        let target = Target {
            port: authority.port_u16().unwrap_or(80),
            host,
            is_tls: false,
        };
        let (upstream, recorder) = (&recording.upstream, &recording.recorder);
        let is_recorded = recorder.takes(&target.host, target.port);
        let answer = forward(upstream, recorder, is_recorded, &target, request).await;
        if !is_recorded {
            let is_made = answer.status() != StatusCode::BAD_GATEWAY;
            recorder.pass(&target.host, target.port, is_made);
        }
        return answer;
    }
    let Some(port) = authority.port_u16() else {
        return refused("archal record: CONNECT needs a host and a port\n");
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (open, recording) = (open.again(), Arc::clone(recording));
    tokio::spawn(async move {
        let seat = Arc::clone(&open.seat);
        if let Ok(stream) = upgrade.await {
            let served = serve(open, recording, TokioIo::new(stream), host, port);
            tokio::select! {
                _ = served => {}
                () = seat.left() => {}
            }
        }
    });
    http::Response::new(Either::Right(Full::default()))
}

/// Where a recording in a network of its own listens beside the usual places: named ports of the
/// loopback, and those on which programs of this machine listen.
pub(super) fn loopback(
    recorder: &Recorder,
    listening: impl IntoIterator<Item = SocketAddr>,
    taken: &[u16],
) -> Vec<SocketAddr> {
    let local = recorder.named().iter().filter(|named| named.is_local());
    let named = local.flat_map(|named| {
        let host = named.host().unwrap_or_default();
        let address = host.parse().unwrap_or(Ipv4Addr::LOCALHOST.into());
        let ports = named.ports().iter();
        ports.map(move |port| SocketAddr::new(address, *port))
    });
    let mut places: Vec<SocketAddr> = named.chain(listening).collect();
    places.retain(|place| !taken.contains(&place.port()));
    places.sort();
    places.dedup();
    places
}
