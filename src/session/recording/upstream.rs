//! Connections to the services themselves, on the way the caller takes to them, with certificates
//! verified.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::super::egress::Egress;
use super::super::stream::Stream;
use super::body::Passing;

/// How long a handshake with a service may take.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How long a connection is kept for another call; services close idle ones after more.
const IDLE: Duration = Duration::from_secs(10);

/// Sends requests.
pub(super) type Sender = Client<Connector, Passing>;

/// The clients of a recording: what came over HTTP/1.1 goes on over it.
#[derive(Clone)]
pub(super) struct Upstream {
    /// HTTP/1.1 alone.
    pub(super) first: Sender,
    /// HTTP/2 where the service speaks it.
    pub(super) both: Sender,
}

impl Upstream {
    /// Over the caller's way to the network, trusting those roots.
    pub(super) fn new(
        egress: &Arc<Egress>,
        roots: &str,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut store = RootCertStore::empty();
        // A bundle may hold what is no certificate, or none that can be one of a root.
        let certificates = CertificateDer::pem_slice_iter(roots.as_bytes()).flatten();
        store.add_parsable_certificates(certificates);
        let store = Arc::new(store);
        let client = |protocols: &[&[u8]]| -> Result<Sender, Box<dyn Error + Send + Sync>> {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut tls = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(Arc::clone(&store))
                .with_no_client_auth();
            tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Ok(Client::builder(TokioExecutor::new())
                .pool_idle_timeout(IDLE)
                .pool_timer(TokioTimer::new())
                .build(Connector {
                    egress: Arc::clone(egress),
                    tls: Arc::new(tls),
                }))
        };
        Ok(Self {
            first: client(&[b"http/1.1"])?,
            both: client(&[b"h2", b"http/1.1"])?,
        })
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    egress: Arc<Egress>,
    tls: Arc<ClientConfig>,
}

/// A connection to a service.
pub(super) struct Made {
    io: TokioIo<Box<dyn Stream>>,
    is_second: bool,
}

impl Service<Uri> for Connector {
    type Response = Made;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Made>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let own = self.clone();
        Box::pin(async move {
            let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
            let is_tls = to.scheme_str() == Some("https");
            let port = to.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
            let stream = own.egress.connect_over(host, port, is_tls).await?;
            // Pieces of a stream of a model are not to be waited with.
            stream.set_nodelay(true).ok();
            if !is_tls {
                return Ok(Made {
                    io: TokioIo::new(Box::new(stream)),
                    is_second: false,
                });
            }
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            let handshake = TlsConnector::from(own.tls).connect(name, stream);
            let stream = match timeout(HANDSHAKE, handshake).await {
                Ok(made) => made?,
                Err(_) => return Err(io::Error::other("its TLS handshake took too long")),
            };
            let is_second = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Ok(Made {
                io: TokioIo::new(Box::new(stream)),
                is_second,
            })
        })
    }
}

impl Connection for Made {
    fn connected(&self) -> Connected {
        match self.is_second {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl Read for Made {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Made {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Why a service could not be asked, with every cause once.
pub(super) fn why(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !told.iter().any(|one| one.contains(&text)) {
            told.push(text);
        }
        next = error.source();
    }
    told.join(": ")
}
