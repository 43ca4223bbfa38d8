//! What comes through a session's listeners: TLS, plain HTTP, tunnels, and what is refused.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;

use super::exchange;
use super::passage;
use super::recording;
use super::seats::Seat;
use super::server::Shared;
use super::stream::{Heard, Prefixed, Stream, Watched};

/// Most headers of a request.
const HEADERS: usize = 256;
/// Most bytes of a request's head.
const HEAD_BYTES: usize = 64 * 1024;
/// Most requests at a time on an HTTP/2 connection.
const STREAMS: u32 = 128;
/// The first byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// The port of TLS.
pub(super) const HTTPS: u16 = 443;
/// A fatal `access_denied` alert: the peer is told that this was a decision.
const ACCESS_DENIED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 49];

/// What a connection can be for, by the listener it came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// A service's own port inside a child's network: TLS or plain HTTP for any host.
    Service {
        /// The port.
        port: u16,
    },
    /// The proxy: `CONNECT`, absolute-form HTTP, or TLS straight away.
    Proxy,
    /// A clone's REST base URL: plain HTTP, whatever host it names.
    Base {
        /// The clone's position in the session.
        clone: usize,
    },
    /// The base URL that takes the place of one host of a clone: plain HTTP, whatever host it names.
    Host {
        /// The clone's position in the session.
        clone: usize,
        /// The host.
        host: &'static str,
    },
    /// A clone's MCP URL: plain HTTP, whatever host it names.
    Tools {
        /// The clone's position in the session.
        clone: usize,
    },
    /// A proxy that asks for no password, for clients of the same user that cannot be told one.
    OwnProxy,
    /// A port of a host whose calls are recorded, for a client that a shim led here.
    Led {
        /// The host's position among those that are named.
        host: usize,
        /// The port.
        port: u16,
    },
    /// Any address and port that nothing else is for: handed on where it is allowed.
    Elsewhere,
    /// A port of this machine's loopback, which is allowed.
    Loopback {
        /// The address outside, which is that inside.
        to: SocketAddr,
    },
    /// The stub resolver over TCP.
    Names,
}

/// A connection that is counted while it is open.
pub(super) struct Open {
    /// What all connections share.
    pub(super) shared: Arc<Shared>,
    /// Its seat, which a tunnel through it keeps.
    pub(super) seat: Arc<Seat>,
}

impl Open {
    /// Counts one more.
    pub(super) fn new(shared: Arc<Shared>, seat: Arc<Seat>) -> Self {
        shared.active.fetch_add(1, Ordering::Relaxed);
        Self { shared, seat }
    }

    /// One that goes on through this one.
    pub(super) fn again(&self) -> Self {
        Self::new(Arc::clone(&self.shared), Arc::clone(&self.seat))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a request comes from.
pub(super) struct Origin {
    /// The connection.
    pub(super) open: Open,
    /// Its listener.
    pub(super) door: Door,
    /// The host of the TLS handshake, lower case; none in plain HTTP.
    pub(super) tls_host: Option<String>,
    /// The target of the tunnel it came through.
    pub(super) tunnel: Option<(String, u16)>,
    /// The address it was made to.
    address: Option<Ipv4Addr>,
}

impl Origin {
    /// How long a handshake may take.
    fn handshake(&self) -> Duration {
        self.open.shared.limits.handshake
    }

    /// The port the client meant.
    pub(super) fn port(&self) -> Option<u16> {
        match (&self.tunnel, self.door) {
            (Some((_, port)), _) => Some(*port),
            (None, Door::Service { port }) => Some(port),
            (None, _) => None,
        }
    }

    /// The same where it speaks TLS.
    fn tls_port(&self) -> Option<u16> {
        self.port().or(Some(HTTPS))
    }

    /// What the client called the other end, where it did not say it in the connection itself.
    fn target(&self) -> String {
        if let Some((host, _)) = &self.tunnel {
            return host.clone();
        }
        self.address.map_or_else(
            || "unknown".to_owned(),
            |address| {
                let shared = &self.open.shared;
                shared
                    .names
                    .name_of(address)
                    .unwrap_or_else(|| address.to_string())
            },
        )
    }
}

/// Serves a connection to its end.
pub(super) async fn connection(open: Open, stream: TcpStream, door: Door) {
    if let Some(recording) = open.shared.recording.get() {
        let recording = Arc::clone(recording);
        return recording::connection(open, recording, stream, door).await;
    }
    // Answers are written whole, so waiting for more to send only costs time.
    stream.set_nodelay(true).ok();
    let (address, port) = match meant(&stream, door) {
        Some(meant) => (Some(*meant.ip()), Some(meant.port())),
        None => (None, None),
    };
    let origin = Origin {
        open,
        door,
        tls_host: None,
        tunnel: None,
        address,
    };
    match door {
        Door::Base { .. } | Door::Host { .. } | Door::Tools { .. } => {
            let stream = Watched::new(stream, Arc::clone(&origin.open.seat));
            return http(origin, stream).await;
        }
        Door::Names => return super::names::over_tcp(&origin.open.shared, stream).await,
        // Only recordings have those.
        Door::Led { .. } | Door::OwnProxy => return,
        Door::Loopback { to } => {
            let host = to.ip().to_string();
            return passage::serve(origin.open, stream, Vec::new(), &host, to.port()).await;
        }
        Door::Service { .. } | Door::Elsewhere | Door::Proxy => {}
    }
    if address.is_some_and(|address| address != Ipv4Addr::LOCALHOST)
        && let Some(port) = port
    {
        let target = origin.target();
        if origin.open.shared.egress.takes_address(&target, port) {
            return passage::serve(origin.open, stream, Vec::new(), &target, port).await;
        }
        if door == Door::Elsewhere {
            origin.open.shared.refuse(&target, Some(port));
        }
    }
    if door == Door::Elsewhere {
        // Cut off instead of closed: nobody was there.
        stream.set_zero_linger().ok();
        return;
    }
    let mut first = [0; 1];
    let peeked = timeout(origin.handshake(), stream.peek(&mut first)).await;
    let stream = Watched::new(stream, Arc::clone(&origin.open.seat));
    match peeked {
        Ok(Ok(1)) if first[0] == TLS_HANDSHAKE => tls(origin, stream).await,
        Ok(Ok(1)) => http(origin, stream).await,
        _ => silent(&origin),
    }
}

/// The address and port that a connection was made to, where that is not archal's own.
pub(super) fn meant(stream: &TcpStream, door: Door) -> Option<SocketAddrV4> {
    // What a shim led to the proxy was meant for elsewhere.
    if door == Door::Proxy {
        return None;
    }
    #[cfg(target_os = "linux")]
    if door == Door::Elsewhere
        && let Ok(meant) = rustix::net::sockopt::ip_original_dst(stream)
    {
        return Some(meant);
    }
    match stream.local_addr().ok()? {
        SocketAddr::V4(meant) => Some(meant),
        SocketAddr::V6(_) => None,
    }
}

/// Serves what comes through a tunnel.
///
/// Boxed, because a tunnel is opened by a request, whose connection this serves in turn.
pub(super) fn tunnel(
    open: Open,
    mut stream: impl Stream,
    target: (String, u16),
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let origin = Origin {
            open,
            door: Door::Proxy,
            tls_host: None,
            tunnel: Some(target),
            address: None,
        };
        let mut first = [0; 1];
        match timeout(origin.handshake(), stream.read(&mut first)).await {
            Ok(Ok(1)) => {
                let stream = Prefixed::new(first[0], stream);
                if first[0] == TLS_HANDSHAKE {
                    tls(origin, stream).await;
                } else {
                    http(origin, stream).await;
                }
            }
            _ => silent(&origin),
        }
    })
}

/// A connection that was made and not used: worth a line only where it was meant for elsewhere.
fn silent(origin: &Origin) {
    let target = origin.target();
    let is_ours = matches!(origin.door, Door::Proxy)
        || origin
            .address
            .is_none_or(|address| address == Ipv4Addr::LOCALHOST);
    if !is_ours {
        origin.open.shared.refuse(&target, origin.port());
    }
}

async fn tls(mut origin: Origin, stream: impl Stream) {
    let limit = origin.handshake();
    let hello = timeout(
        limit,
        LazyConfigAcceptor::new(Acceptor::default(), Heard::new(stream)),
    )
    .await;
    let refuse_handshake = |origin: &Origin, host: &str, reason: &str| {
        origin
            .open
            .shared
            .ledger
            .refuse("tls", host, origin.tls_port(), reason);
    };
    let mut hello = match hello {
        Ok(Ok(hello)) => hello,
        Ok(Err(error)) => {
            return refuse_handshake(&origin, &origin.target(), &error.to_string());
        }
        Err(_) => {
            return refuse_handshake(&origin, &origin.target(), "the handshake took too long");
        }
    };
    let host = hello
        .client_hello()
        .server_name()
        .map(str::to_ascii_lowercase);
    let Some(host) = host else {
        // Without a name the client means an address, and no clone is an address.
        let shared = &origin.open.shared;
        shared.refuse(&origin.target(), origin.tls_port());
        return deny(hello.io, limit).await;
    };
    if origin.open.shared.clone_of(&host).is_none() {
        // A proxy's tunnel to an allowed host is handed on before anything of it is read.
        if origin.tls_port() == Some(HTTPS) && origin.open.shared.egress.takes_host(&host) {
            let (heard, stream) = hello.io.into_parts();
            return passage::serve(origin.open, stream, heard, &host, HTTPS).await;
        }
        origin.open.shared.refuse(&host, origin.tls_port());
        return deny(hello.io, limit).await;
    }
    hello.io.forget();
    let config = Arc::clone(&origin.open.shared.tls);
    match timeout(limit, hello.into_stream(config)).await {
        Ok(Ok(stream)) => {
            origin.tls_host = Some(host);
            http(origin, stream).await;
        }
        Ok(Err(error)) => refuse_handshake(&origin, &host, &handshake_failure(&error)),
        Err(_) => refuse_handshake(&origin, &host, "the handshake took too long"),
    }
}

/// Why a client did not go on with a handshake.
pub(super) fn handshake_failure(error: &io::Error) -> String {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::AlertReceived(
            alert @ (rustls::AlertDescription::UnknownCA
            | rustls::AlertDescription::BadCertificate
            | rustls::AlertDescription::CertificateUnknown),
        )) => format!("the client does not trust the session's authority ({alert:?})"),
        Some(rustls::Error::AlertReceived(
            alert @ rustls::AlertDescription::CertificateExpired,
        )) => format!("the client takes the session's certificates for expired ({alert:?})"),
        Some(cause) => cause.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the client closed the connection during the handshake".to_owned()
        }
        None => error.to_string(),
    }
}

async fn deny(mut stream: impl Stream, limit: Duration) {
    let closing = async {
        stream.write_all(&ACCESS_DENIED).await?;
        stream.shutdown().await
    };
    // A client that is gone already needs no answer.
    timeout(limit, closing).await.ok();
}

async fn http(origin: Origin, stream: impl Stream) {
    let head = origin.open.shared.limits.head;
    let origin = Arc::new(origin);
    let begun = Arc::new(Notify::new());
    let beginning = Arc::clone(&begun);
    let service = service_fn(move |request| {
        let origin = Arc::clone(&origin);
        beginning.notify_one();
        async move { exchange::answer(&origin, request).await }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // A client may end its side, or itself, before it has read the answer.
        .half_close(true)
        .header_read_timeout(head)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX));
    // How a connection ends is the client's affair; what it asked is recorded already.
    let mut connection = pin!(server.serve_connection_with_upgrades(TokioIo::new(stream), service));
    // The time limit for a head begins only when it is known which version of HTTP it is.
    let too_late = tokio::time::sleep(head + head / 2);
    tokio::select! {
        _ = &mut connection => return,
        () = begun.notified() => {}
        () = too_late => return,
    }
    connection.await.ok();
}
