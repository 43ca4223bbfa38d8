//! One request: whom it is for, its body within bounds, the clone's answer, the record.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::clone::{
    Arguments, CloneRequest, CloneResponse, FaultEffect, Progress, ServiceClone, Tool, ToolAnswer,
    Work,
};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::door::{self, Door, Origin};
use super::evidence::McpCall;
use super::fault::{self, Cut, Dropped};
use super::ledger::Begun;
use super::localize;
use super::loopback;
use super::mcp;
use super::passage;
use super::server::Shared;
use super::transfer::{self, FromFile, Received};

/// The ports that clones answer on.
const SERVED: [u16; 2] = [443, 80];

/// Headers that concern the connection or repeat what a request says elsewhere.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The body of an answer: of a clone's operation whole or cut, of a tool call perhaps as a stream.
pub(super) type Body = Either<Either<Full<Bytes>, Cut>, BoxBody<Bytes, Infallible>>;

/// The answer of a clone: in memory, or in a file.
type Held = Either<Full<Bytes>, FromFile>;

/// Answers one request.
pub(super) async fn answer(
    origin: &Arc<Origin>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let _at_work = origin.open.seat.at_work();
    let whole = |response: Response<Full<Bytes>>| {
        let response = response.map(|body| Either::Left(Either::Left(body)));
        Ok(response)
    };
    if request.method() == Method::CONNECT {
        return whole(connect(origin, &mut request).await);
    }
    let (host, clone) = match addressed(origin, request.uri(), request.headers()) {
        Ok(addressed) => addressed,
        Err(refused) => return whole(*refused),
    };
    let shared = &origin.open.shared;
    match mcp::leads_to(shared, origin.door, &host, clone, request.uri().path()) {
        mcp::Way::Tools => return Ok(mcp::answer(shared, origin.door, clone, request).await),
        mcp::Way::Nowhere => {
            let port = origin.port().or(Some(443));
            return whole(plain(StatusCode::NOT_FOUND, shared.refuse(&host, port)));
        }
        mcp::Way::Operations => {}
    }
    let reached = localize::Reached::by(origin, &request, &host, clone);
    let (answer, fault) = operation(origin, request, host, clone).await;
    let (head, body) = answer.into_parts();
    match body {
        Either::Left(body) => {
            let mut answer = Response::from_parts(head, body);
            if let Some(reached) = reached {
                answer = reached.localized(answer).await;
            }
            let answer = fault::deliver(fault, answer).await?;
            Ok(answer.map(Either::Left))
        }
        Either::Right(file) => {
            let file = fault::deliver_file(fault, file).await?;
            Ok(Response::from_parts(
                head,
                Either::Right(BoxBody::new(file)),
            ))
        }
    }
}

async fn operation(
    origin: &Arc<Origin>,
    request: Request<Incoming>,
    host: String,
    clone: usize,
) -> (Response<Held>, Option<FaultEffect>) {
    let (head, body) = request.into_parts();
    let room = &origin.open.shared.bodies;
    let Received { body, spool, share } = match transfer::read(body, room).await {
        Ok(received) => received,
        Err((status, reason)) => return (plain(status, reason).map(Either::Left), None),
    };
    let is_base = matches!(origin.door, Door::Base { .. } | Door::Host { .. });
    let is_tls = origin.tls_host.is_some() || is_base;
    let request = CloneRequest {
        method: head.method.as_str().to_owned(),
        scheme: if is_tls { "https" } else { "http" }.to_owned(),
        host,
        path: path(&head.uri),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&head.headers),
        body,
        spool,
    };
    let answered = call(origin, clone, request).await;
    drop(share);
    answered
}

/// Opens a tunnel to a clone or an allowed host; there is none to anywhere else.
async fn connect(origin: &Arc<Origin>, request: &mut Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request
        .uri()
        .authority()
        .and_then(|target| Some((bare(target.host()), target.port_u16()?)))
        .filter(|(host, _)| !host.is_empty());
    let Some((host, port)) = target else {
        return plain(StatusCode::BAD_REQUEST, "CONNECT needs a host and a port\n");
    };
    let shared = &origin.open.shared;
    if origin.door != Door::Proxy || origin.tunnel.is_some() || origin.tls_host.is_some() {
        shared.refuse(&host, Some(port));
        return plain(StatusCode::METHOD_NOT_ALLOWED, "this is not a proxy\n");
    }
    if shared.clone_of(&host).is_none() {
        let is_allowed = (port == door::HTTPS && shared.egress.takes_host(&host))
            || shared.egress.takes_address(&host, port);
        if !is_allowed {
            return plain(StatusCode::FORBIDDEN, shared.refuse(&host, Some(port)));
        }
        let server = match passage::reach(shared, &host, port).await {
            Ok(server) => server,
            Err(error) => {
                let told = format!("archal cannot reach {host}: {error}\n");
                return plain(StatusCode::BAD_GATEWAY, told);
            }
        };
        let upgrade = hyper::upgrade::on(request);
        let seat = Arc::clone(&origin.open.seat);
        tokio::spawn(async move {
            if let Ok(client) = upgrade.await {
                let handed_on = passage::between(&seat, TokioIo::new(client), server, &[]);
                tokio::select! {
                    () = handed_on => {}
                    () = seat.left() => {}
                }
            }
        });
        return Response::new(Full::default());
    }
    if !SERVED.contains(&port) {
        let reason = "its clone answers on the ports 443 and 80";
        shared.ledger.refuse("connect", &host, Some(port), reason);
        let told = format!("archal refused {host}:{port}: {reason}\n");
        return plain(StatusCode::FORBIDDEN, told);
    }
    let open = origin.open.again();
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let seat = Arc::clone(&open.seat);
        if let Ok(stream) = upgrade.await {
            tokio::select! {
                () = door::tunnel(open, TokioIo::new(stream), (host, port)) => {}
                () = seat.left() => {}
            }
        }
    });
    Response::new(Full::default())
}

/// The host and the clone a request is for; the answer where there is none.
fn addressed(
    origin: &Origin,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(String, usize), Box<Response<Full<Bytes>>>> {
    let shared = &origin.open.shared;
    let is_own = matches!(
        origin.door,
        Door::Base { .. } | Door::Host { .. } | Door::Tools { .. }
    );
    if is_own && let Some(reason) = loopback::refuses(uri, headers) {
        return Err(Box::new(plain(StatusCode::FORBIDDEN, reason)));
    }
    if let Door::Host { clone, host } = origin.door {
        return Ok((host.to_owned(), clone));
    }
    if let Door::Base { clone } | Door::Tools { clone } = origin.door {
        // A base URL stands for the service's first host, so that evidence knows no port.
        let host = shared.clones[clone].hosts.first();
        return Ok((host.cloned().unwrap_or_default(), clone));
    }
    let named = uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| headers.get(http::header::HOST)?.to_str().ok())
        .and_then(|authority| authority.parse::<http::uri::Authority>().ok());
    let host = named
        .as_ref()
        .map(|authority| bare(authority.host()))
        .or_else(|| origin.tls_host.clone());
    let Some(host) = host else {
        let refused = plain(StatusCode::BAD_REQUEST, "the request names no host\n");
        return Err(Box::new(refused));
    };
    match shared.clone_of(&host) {
        Some(clone) => Ok((host, clone)),
        None => {
            let port = named.and_then(|authority| authority.port_u16());
            let port = port.or(origin.port()).or(Some(80));
            let status = if origin.tls_host.is_some() {
                StatusCode::MISDIRECTED_REQUEST
            } else {
                StatusCode::FORBIDDEN
            };
            Err(Box::new(plain(status, shared.refuse(&host, port))))
        }
    }
}

/// Calls the clone and records the exchange. What the clone leaves as work is done on a thread of
/// its own, to its end and its record also where the client does not wait for it; the call has its
/// place in the record by when it is answered.
async fn call(
    origin: &Origin,
    clone: usize,
    request: CloneRequest,
) -> (Response<Held>, Option<FaultEffect>) {
    let shared = &origin.open.shared;
    let (work, request, mut begun) = match begin(shared, clone, request) {
        Ok(ended) => return ended,
        Err(left) => *left,
    };
    let shared = Arc::clone(shared);
    let finish = move || {
        let done = catch_unwind(AssertUnwindSafe(|| work.run()));
        let mut running = shared.clones[clone].running();
        shared.ledger.go_on(&mut begun);
        let answer = done.and_then(|done| {
            let finish = || running.finish(&request, done, begun.at);
            catch_unwind(AssertUnwindSafe(finish))
        });
        let answer = answer.unwrap_or_else(|_| broken(&request));
        end(&shared, &begun, clone, request, answer)
    };
    match tokio::task::spawn_blocking(finish).await {
        Ok(ended) => ended,
        Err(_) => {
            let text = "the session ends\n";
            (
                plain(StatusCode::SERVICE_UNAVAILABLE, text).map(Either::Left),
                None,
            )
        }
    }
}

/// Begins a call; what is left of it where the clone leaves work.
fn begin(
    shared: &Shared,
    clone: usize,
    request: CloneRequest,
) -> Result<(Response<Held>, Option<FaultEffect>), Box<(Work, CloneRequest, Begun)>> {
    let begun = shared.ledger.begin();
    let mut running = shared.clones[clone].running();
    for attempt in shared.webhooks.untold(clone) {
        running.attempted(attempt);
    }
    let begin = || running.begin(&request, begun.at);
    let answer = match catch_unwind(AssertUnwindSafe(begin)) {
        Ok(Progress::Answered(answer)) => *answer,
        Ok(Progress::Working(work)) => return Err(Box::new((work, request, begun))),
        Err(_) => broken(&request),
    };
    Ok(end(shared, &begun, clone, request, answer))
}

/// Records a call. The clone is still held: who puts another state in its place first writes what
/// was recorded before, by the state before.
fn end(
    shared: &Shared,
    begun: &Begun,
    clone: usize,
    request: CloneRequest,
    answer: CloneResponse,
) -> (Response<Held>, Option<FaultEffect>) {
    let response = render(&answer, request.method == "HEAD", begun.at);
    let fault = answer.fault;
    shared.end(begun, clone, request, answer);
    (response, fault)
}

/// Calls a tool of a clone as `caller`, whose authorisation each of its requests carries. Nothing
/// else reaches the clone in between.
pub(super) fn call_tool(
    shared: &Shared,
    clone: usize,
    tool: &Tool,
    arguments: &Arguments,
    caller: &str,
) -> ToolAnswer {
    let mut running = shared.clones[clone].running();
    let tool_call = shared.ledger.tool_call(tool.name);
    let mut asked = false;
    let mut ask = |mut request: CloneRequest| {
        asked = true;
        request
            .headers
            .push(("authorization".to_owned(), caller.to_owned()));
        let begun = shared.ledger.begin_in(&tool_call);
        let answer = guarded(&mut **running, &request, begun.at);
        shared.end(&begun, clone, request, answer.clone());
        answer
    };
    let Ok(answer) = catch_unwind(AssertUnwindSafe(|| (tool.call)(arguments, &mut ask))) else {
        let what = format!("the MCP tool {} (the tool failed)", tool.name);
        record(shared, clone, &tool_call, arguments, Instead::Broken(&what));
        let reason = "the tool failed; this is a fault of archal";
        return ToolAnswer::Fault(reason.to_owned());
    };
    let instead = match &answer {
        ToolAnswer::Unmodelled(what) => Some(Instead::Gap(what)),
        // What asked the clone for something has its record there.
        ToolAnswer::Refused(reason) | ToolAnswer::Fault(reason) if !asked => {
            Some(Instead::Refused(reason))
        }
        ToolAnswer::Text(_)
        | ToolAnswer::File { .. }
        | ToolAnswer::Refused(_)
        | ToolAnswer::Fault(_) => None,
    };
    if let Some(instead) = instead {
        record(shared, clone, &tool_call, arguments, instead);
    }
    answer
}

/// What a tool call came to that no operation answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instead<'a> {
    /// The clone does not model the tool, or what it was asked for.
    Gap(&'a str),
    /// It panicked: a gap of ours, so the run must not count.
    Broken(&'a str),
    /// There is no such tool, or its arguments are wrong: the caller's mistake, and no gap.
    Refused(&'a str),
}

/// Records a tool call that no operation answered, as the message it came in.
pub(super) fn record(
    shared: &Shared,
    clone: usize,
    tool_call: &McpCall,
    arguments: &Arguments,
    instead: Instead<'_>,
) {
    let (host, path) = shared.clones[clone]
        .clone
        .mcp
        .and_then(|face| face.remote)
        .unwrap_or_default();
    let request = CloneRequest {
        method: "POST".to_owned(),
        scheme: "https".to_owned(),
        host: host.to_owned(),
        path: path.to_owned(),
        body: serde_json::json!({"name": tool_call.tool, "arguments": arguments})
            .to_string()
            .into(),
        ..CloneRequest::default()
    };
    let response = match instead {
        Instead::Gap(what) | Instead::Broken(what) => CloneResponse {
            status: if matches!(instead, Instead::Gap(_)) {
                501
            } else {
                500
            },
            unmodelled: Some(what.to_owned()),
            ..CloneResponse::default()
        },
        // MCP's status of input that a server does not accept; the reason is in the message.
        Instead::Refused(reason) => CloneResponse {
            status: 400,
            body: Bytes::from(serde_json::json!({"message": reason}).to_string()).into(),
            ..CloneResponse::default()
        },
    };
    let begun = shared.ledger.begin_in(tool_call);
    shared.end(&begun, clone, request, response);
}

fn guarded(clone: &mut dyn ServiceClone, request: &CloneRequest, now: Timestamp) -> CloneResponse {
    catch_unwind(AssertUnwindSafe(|| clone.call(request, now))).unwrap_or_else(|_| broken(request))
}

/// The answer of a clone that panicked: a gap of ours, so the run must not count.
fn broken(request: &CloneRequest) -> CloneResponse {
    CloneResponse {
        status: 500,
        body: Bytes::from_static(b"the clone failed; this is a fault of archal\n").into(),
        unmodelled: Some(format!(
            "{} {} (the clone failed)",
            request.method, request.path
        )),
        ..CloneResponse::default()
    }
}

fn render(answer: &CloneResponse, is_head: bool, now: Timestamp) -> Response<Held> {
    let body = answer.body.wire.clone();
    let length = body.len();
    let mut response = match answer.spool.clone().map(FromFile::open) {
        None => {
            let body = if is_head { Bytes::new() } else { body };
            Response::new(Either::Left(Full::new(body)))
        }
        Some(Ok(body)) => Response::new(Either::Right(body)),
        Some(Err(_)) => {
            let text = "archal could not read its own temporary file\n";
            return plain(StatusCode::INTERNAL_SERVER_ERROR, text).map(Either::Left);
        }
    };
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let given = answer.headers.iter().chain(&answer.volatile_headers);
    for (name, value) in given {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            headers.append(name, value);
        }
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        headers.insert(http::header::DATE, date);
    }
    if is_head {
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// A time as the `date` header writes it.
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An answer of archal's own.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

fn path(uri: &Uri) -> String {
    match uri.path() {
        path if path.starts_with('/') => path.to_owned(),
        // `OPTIONS *` asks about the server as a whole.
        _ => "/".to_owned(),
    }
}

fn bare(host: &str) -> String {
    let host = host.trim_matches(['[', ']']);
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}
