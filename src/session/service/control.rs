//! The control API: one address on the loopback that answers whoever has the session's token.
//!
//! No browser has a way in: a page that got its own name to mean this machine names that name as
//! the host, a page of anywhere names its origin, and neither knows the token.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use archal_core::hash;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};

use super::desk;
use super::live::Live;
use crate::host::protocol::{Refusal, RefusalKind};

/// The path of the one address.
pub(super) const PATH: &str = "/v1";
/// Most connections at a time.
const CONNECTIONS: usize = 64;
/// Most requests that are worked on at a time.
const WORKING: usize = 16;
/// Most bytes of a request and of an answer: a saved state of a large session.
pub(super) const BODY: usize = 1024 * 1024 * 1024;
/// For a request's head, and for the whole of its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a failed accept: descriptors have run out, and some may come back.
const PAUSE: Duration = Duration::from_millis(20);

/// The control API of a session, served by a thread of its own.
pub(super) struct Control {
    port: u16,
    end: Mutex<Option<oneshot::Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a request is measured by.
struct Gate {
    live: Arc<Live>,
    token: String,
    port: u16,
    working: Semaphore,
}

impl Control {
    /// Starts the thread on a free port.
    pub(super) fn start(live: Arc<Live>, token: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let gate = Arc::new(Gate {
            live,
            token: hash::sha256(token.as_bytes()),
            port,
            working: Semaphore::new(WORKING),
        });
        let (end, ending) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("archal-control".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(gate, listener) => {}
                        // Dropped or sent, it is over.
                        _ = ending => {}
                    }
                });
                // Whoever waits for the next call would be waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            port,
            end: Mutex::new(Some(end)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Its root.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops answering.
    pub(super) fn stop(&self) {
        let taken =
            |end: &Mutex<Option<_>>| end.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(taken(&self.end));
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.join().ok();
        }
    }
}

async fn serve(gate: Arc<Gate>, listener: TcpListener) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let gate = Arc::clone(&gate);
                async move { Ok::<_, Infallible>(answer(gate, request).await) }
            });
            // How a connection ends is the client's affair.
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
            drop(permit);
        });
    }
}

async fn answer(gate: Arc<Gate>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let allowed = allowed(&gate, request.headers());
    // Before anything of a body is read: who may not ask sends none.
    if let Err((status, message)) = allowed {
        return refusal(status, &Refusal::new(RefusalKind::Usage, message));
    }
    if request.uri().path() != PATH || request.method() != Method::POST {
        let refused = Refusal::new(RefusalKind::Usage, format!("only POST {PATH} is answered"));
        return refusal(StatusCode::NOT_FOUND, &refused);
    }
    let Ok(permit) = gate.working.acquire().await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, &ended());
    };
    let body = Limited::new(request.into_body(), BODY).collect();
    let body = match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        _ => {
            let message = format!("the request broke off, or has more than {BODY} bytes");
            let refused = Refusal::new(RefusalKind::Usage, message);
            return refusal(StatusCode::BAD_REQUEST, &refused);
        }
    };
    let asked: desk::Request = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => {
            let message = format!(
                "session {} is archal {} and does not understand this: {error}",
                gate.live.name,
                env!("CARGO_PKG_VERSION")
            );
            let refused = Refusal::new(RefusalKind::Protocol, message);
            return refusal(StatusCode::BAD_REQUEST, &refused);
        }
    };
    // Who waits for the next call does no work, and keeps nobody from it.
    let permit = (!matches!(asked, desk::Request::Wait { .. })).then_some(permit);
    let live = Arc::clone(&gate.live);
    let answered = tokio::task::spawn_blocking(move || live.answer(asked)).await;
    drop(permit);
    match answered {
        Ok(Ok(payload)) => match json(StatusCode::OK, &payload) {
            answer if answer.body().size_hint().lower() <= BODY as u64 => answer,
            _ => {
                let message = format!("the answer would have more than {BODY} bytes");
                let refused = Refusal::new(RefusalKind::Environment, message);
                refusal(StatusCode::UNPROCESSABLE_ENTITY, &refused)
            }
        },
        Ok(Err(refused)) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &refused),
        Err(_) => {
            let message = "the session failed to answer; its log says more";
            let refused = Refusal::new(RefusalKind::Internal, message);
            refusal(StatusCode::INTERNAL_SERVER_ERROR, &refused)
        }
    }
}

fn ended() -> Refusal {
    Refusal::new(RefusalKind::Environment, "the session ends")
}

fn allowed(gate: &Gate, headers: &HeaderMap) -> Result<(), (StatusCode, String)> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = [
        format!("127.0.0.1:{}", gate.port),
        format!("localhost:{}", gate.port),
    ];
    if !host.is_some_and(|host| own.iter().any(|own| own == host)) {
        let message = "the control API is on this machine's own address alone".to_owned();
        return Err((StatusCode::FORBIDDEN, message));
    }
    let of_browsers = ["sec-fetch-site", "sec-fetch-mode"];
    if headers.contains_key(ORIGIN) || of_browsers.iter().any(|name| headers.contains_key(*name)) {
        let message = "the control API is not for pages in a browser".to_owned();
        return Err((StatusCode::FORBIDDEN, message));
    }
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    // Compared as hashes, so that time tells nothing of how much of it was right.
    if token.is_none_or(|token| hash::sha256(token) != gate.token) {
        let message = "the control API wants the session's token, which is in its session.json";
        return Err((StatusCode::UNAUTHORIZED, message.to_owned()));
    }
    let is_json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json {
        let message = "the control API takes application/json".to_owned();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    Ok(())
}

fn refusal(status: StatusCode, refused: &Refusal) -> Response<Full<Bytes>> {
    json(status, &serde_json::to_value(refused).unwrap_or_default())
}

fn json(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
