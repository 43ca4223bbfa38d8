//! Where a delivery may go, and one attempt to bring it there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use archal_core::clone::Delivery;
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::task::JoinSet;

use super::super::inside::Inside;
use super::super::stream::Stream;
use super::tls;

/// How long a receiver has for its answer, as on GitHub.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a delivery came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::session) enum Outcome {
    /// The receiver answered with this status.
    Answered(u16),
    /// It was tried and nobody answered.
    Failed(String),
    /// It was not tried.
    NotSent(String),
}

/// A receiver that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The port on the agent's loopback.
    pub(super) port: u16,
    /// The name that its certificate is for, where TLS is spoken, and whether any will do.
    tls: Option<(ServerName<'static>, bool)>,
    authority: String,
    path: String,
}

impl Target {
    /// The receiver of a delivery, or why nothing goes there.
    pub(super) fn of(delivery: &Delivery) -> Result<Self, String> {
        let uri: Uri = delivery
            .url
            .parse()
            .map_err(|_| "its URL cannot be read".to_owned())?;
        let authority = uri.authority().ok_or("its URL names no host")?;
        let host = authority.host().to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let own = bare == "localhost"
            || bare.parse().is_ok_and(|address: IpAddr| {
                address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST
            });
        if !own {
            return Err(format!(
                "{host} is not of the agent's own network; only localhost is delivered to"
            ));
        }
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                let name = ServerName::try_from(bare.to_owned());
                let name = name.map_err(|_| "its URL names no host")?;
                (Some((name, delivery.unchecked)), 443)
            }
            _ => return Err("only http:// and https:// are spoken".to_owned()),
        };
        Ok(Self {
            port: authority.port_u16().unwrap_or(port),
            tls,
            authority: match authority.port_u16() {
                Some(port) => format!("{}:{port}", authority.host()),
                None => authority.host().to_owned(),
            },
            path: uri
                .path_and_query()
                .map_or("/", http::uri::PathAndQuery::as_str)
                .to_owned(),
        })
    }
}

/// Brings a delivery to its receiver, once.
pub(super) async fn send(inside: Inside, target: &Target, delivery: &Delivery) -> Outcome {
    match tokio::time::timeout(PATIENCE, attempt(inside, target, delivery)).await {
        Ok(Ok(status)) => Outcome::Answered(status),
        Ok(Err(reason)) => Outcome::Failed(reason),
        Err(_) => Outcome::Failed(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn attempt(inside: Inside, target: &Target, delivery: &Delivery) -> Result<u16, String> {
    let port = target.port;
    let stream = tokio::task::spawn_blocking(move || inside.connect(port)).await;
    let stream = stream
        .map_err(|_| "the connection was given up".to_owned())?
        .and_then(|stream| {
            stream.set_nonblocking(true)?;
            tokio::net::TcpStream::from_std(stream)
        })
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            _ => error.to_string(),
        })?;
    let broken = |_| "the connection broke off".to_owned();
    let stream: Box<dyn Stream> = match &target.tls {
        None => Box::new(stream),
        Some((name, unchecked)) => Box::new(tls::over(stream, name.clone(), *unchecked).await?),
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Dropped with this attempt, and the connection with it.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let request = request(target, delivery)?;
    // Nobody reads what the receiver says beside the status; a redirect is an answer like others.
    let answer = sender.send_request(request).await.map_err(broken)?;
    Ok(answer.status().as_u16())
}

fn request(target: &Target, delivery: &Delivery) -> Result<Request<Full<Bytes>>, String> {
    let wrong = |_| "it cannot be written as a request".to_owned();
    let mut request = Request::new(Full::new(delivery.body.wire.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.parse().map_err(|_| wrong(()))?;
    let headers = request.headers_mut();
    let host = HeaderValue::from_str(&target.authority).map_err(|_| wrong(()))?;
    headers.insert(HOST, host);
    let given = delivery.headers.iter().chain(&delivery.volatile_headers);
    for (name, value) in given {
        let value = HeaderValue::from_str(value).map_err(|_| wrong(()))?;
        headers.append(HeaderName::from_static(name), value);
    }
    Ok(request)
}
