//! One request to a named host: on to the service, its answer back, both kept.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, UPGRADE};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::super::exchange::plain;
use super::body::{Passing, Side};
use super::recorder::Recorder;
use super::upstream::{Upstream, why};

/// What goes back to a client.
pub(super) type Answer = Response<Either<Passing, Full<Bytes>>>;

/// Headers that concern one connection alone.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The host, lower case.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// Whether it speaks TLS.
    pub(super) is_tls: bool,
}

impl Target {
    fn scheme(&self) -> Scheme {
        match self.is_tls {
            true => Scheme::HTTPS,
            false => Scheme::HTTP,
        }
    }

    /// `host`, or `host:port` where that is not the scheme's own.
    fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        let usual = if self.is_tls { 443 } else { 80 };
        match self.port == usual {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

/// Sends a request on; `recorder` is none where its host is not a named one.
pub(super) async fn forward(
    upstream: &Upstream,
    recorder: &Arc<Recorder>,
    is_recorded: bool,
    target: &Target,
    mut request: Request<Incoming>,
) -> Answer {
    let named = named(&request, target);
    let path = match request.uri().path_and_query() {
        Some(path) if path.as_str().starts_with('/') => path.as_str().to_owned(),
        _ => "/".to_owned(),
    };
    let call = match is_recorded {
        true => recorder.begin(
            request.method().as_str(),
            format!("{}://{named}{path}", target.scheme()),
            headers(request.headers()),
        ),
        false => None,
    };
    let failed = |status: StatusCode, told: String| {
        if let Some(call) = call {
            recorder.failed(call, told.clone());
        }
        plain(status, format!("archal record: {told}\n")).map(Either::Right)
    };
    let uri = format!("{}://{}{path}", target.scheme(), target.authority());
    let Ok(uri) = uri.parse::<Uri>() else {
        return failed(StatusCode::BAD_REQUEST, "its address is none".to_owned());
    };
    let is_second = request.version() == Version::HTTP_2;
    let upgrade = upgrade(request.headers()).filter(|_| !is_second);
    let client_side = upgrade.as_ref().map(|_| hyper::upgrade::on(&mut request));
    let (mut head, body) = request.into_parts();
    head.uri = uri;
    head.version = Version::HTTP_11;
    strip(&mut head.headers);
    if is_second && same_host(&head.headers, target) {
        head.headers.remove(HOST);
    }
    if let Some(to) = &upgrade {
        head.headers.insert(UPGRADE, to.clone());
        head.headers
            .insert(CONNECTION, http::HeaderValue::from_static("upgrade"));
    }
    // What belongs to the client's connection is not the next one's.
    head.extensions = http::Extensions::new();
    let body = Passing::new(body, Arc::clone(recorder), call, Side::Request);
    let sender = if is_second {
        &upstream.both
    } else {
        &upstream.first
    };
    let mut answer = match sender.request(Request::from_parts(head, body)).await {
        Ok(answer) => answer,
        Err(error) => {
            let told = format!("{} cannot be asked: {}", target.authority(), why(&error));
            return failed(StatusCode::BAD_GATEWAY, told);
        }
    };
    if let Some(call) = call {
        recorder.answered(call, answer.status().as_u16(), headers(answer.headers()));
    }
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(client_side)) = (answer.status(), client_side) {
        let to = upgrade.and_then(|to| Some(to.to_str().ok()?.to_owned()));
        if let Some(call) = call {
            recorder.upgraded(call, to.unwrap_or_default());
        }
        let service_side = hyper::upgrade::on(&mut answer);
        tokio::spawn(async move {
            if let (Ok(client), Ok(service)) = (client_side.await, service_side.await) {
                // How it ends is the affair of the two.
                copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(service))
                    .await
                    .ok();
            }
        });
        return answer.map(|_| Either::Right(Full::default()));
    }
    let (mut head, body) = answer.into_parts();
    head.version = Version::default();
    head.extensions = http::Extensions::new();
    strip(&mut head.headers);
    let body = Passing::new(body, Arc::clone(recorder), call, Side::Response);
    Response::from_parts(head, Either::Left(body))
}

/// The host as the client writes it.
fn named(request: &Request<Incoming>, target: &Target) -> String {
    let of_header = || {
        let host = request.headers().get(HOST)?.to_str().ok()?;
        host.parse::<Authority>().ok()
    };
    let named = request.uri().authority().cloned().or_else(of_header);
    match named {
        // A name and a password there are no part of the host.
        Some(named) => match named.port() {
            Some(port) => format!("{}:{port}", named.host()),
            None => named.host().to_owned(),
        },
        None => target.authority(),
    }
}

fn same_host(headers: &HeaderMap, target: &Target) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(&target.authority()))
}

/// What a client wants to make of its connection.
fn upgrade(headers: &HeaderMap) -> Option<http::HeaderValue> {
    let wants = headers.get_all(CONNECTION).iter().any(|value| {
        let mut tokens = value.to_str().unwrap_or_default().split(',');
        tokens.any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    });
    headers.get(UPGRADE).filter(|_| wants).cloned()
}

/// Takes out what concerns one connection alone, and what its `connection` header names.
fn strip(headers: &mut HeaderMap) {
    let more: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in more {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(*name);
    }
}

/// Headers in order; several of one name stand each for itself.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}
