//! Where a delivery may go, and one attempt to bring it there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use archal_core::clone::{Delivery, Missed, Receipt};
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::task::JoinSet;

use super::super::inside::Inside;
use super::super::stream::Stream;
use super::tls::Trust;

/// How long a receiver has for its answer, as on GitHub.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of an answer's body that are kept, and how long they may take when its head has come.
const ANSWER: usize = 16 * 1024;
const REST: Duration = Duration::from_secs(1);

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

/// Brings a delivery to its receiver, once; what it came to, and what the clone is told of that.
pub(super) async fn send(
    inside: Inside,
    trust: &Trust,
    target: &Target,
    delivery: &Delivery,
) -> (Outcome, Result<Receipt, Missed>) {
    match tokio::time::timeout(PATIENCE, attempt(inside, trust, target, delivery)).await {
        Ok(Ok(receipt)) => (Outcome::Answered(receipt.status), Ok(receipt)),
        Ok(Err(reason)) => (Outcome::Failed(reason), Err(Missed::Unreachable)),
        Err(_) => {
            let reason = format!("no answer within {} s", PATIENCE.as_secs());
            (Outcome::Failed(reason), Err(Missed::TimedOut))
        }
    }
}

async fn attempt(
    inside: Inside,
    trust: &Trust,
    target: &Target,
    delivery: &Delivery,
) -> Result<Receipt, String> {
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
        Some((name, unchecked)) => Box::new(trust.over(stream, name.clone(), *unchecked).await?),
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Dropped with this attempt, and the connection with it.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let request = request(target, delivery)?;
    // A redirect is an answer like others.
    let answer = sender.send_request(request).await.map_err(broken)?;
    let (head, body) = answer.into_parts();
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    Ok(Receipt {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(header).collect(),
        body: beginning(body).await,
    })
}

/// What comes of a body in a moment, and no more than is kept. The answer is one without it, too.
async fn beginning(mut body: Incoming) -> Bytes {
    let mut kept = Vec::new();
    let read = async {
        while kept.len() < ANSWER
            && let Some(Ok(frame)) = body.frame().await
        {
            if let Some(data) = frame.data_ref() {
                let room = data.len().min(ANSWER - kept.len());
                kept.extend_from_slice(&data[..room]);
            }
        }
    };
    tokio::time::timeout(REST, read).await.ok();
    kept.into()
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
