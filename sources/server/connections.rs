//! Connections of one listener: so many at once, each with a bound on how long it may think.

use std::io::Cursor;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use archal_core::push::Waiting;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::callers;

/// Connections at once; the next ones wait in the system's queue.
const MOST: usize = 512;
/// How long the first bytes may take, and the head of a request.
const HEAD: Duration = Duration::from_secs(15);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 64;
/// After a failed accept: descriptors have run out, and some may come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// How long requests under way may take to their end once it is time to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The versions of HTTP that a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// 1.0, 1.1 and 2.
    Any,
    /// 2 alone, as gRPC has it.
    Two,
}

/// Serves each listener that is there until `stop` ends; then what is under way is answered.
pub(crate) async fn serve(doors: Vec<(Option<TcpListener>, Router, Versions)>, stop: Waiting<()>) {
    let (tell, stopped) = watch::channel(false);
    let mut open = JoinSet::new();
    for (listener, router, versions) in doors {
        if let Some(listener) = listener {
            open.spawn(serve_one(listener, router, versions, stopped.clone()));
        }
    }
    stop.await;
    tell.send_replace(true);
    while open.join_next().await.is_some() {}
}

/// Serves programs of this machine until `stop` says so.
async fn serve_one(
    listener: TcpListener,
    router: Router,
    versions: Versions,
    mut stop: watch::Receiver<bool>,
) {
    let router = router.layer(axum::middleware::from_fn(callers::only_local));
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let seats = Arc::new(Semaphore::new(MOST));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            accepted = next(&listener, &seats) => accepted,
        };
        let Some((stream, seat)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Answers are short and are waited for.
        stream.set_nodelay(true).ok();
        let service = TowerToHyperService::new(router.clone());
        let mut stop = stop.clone();
        open.spawn(async move {
            let _seat = seat;
            let (mut read, write) = stream.into_split();
            let first = tokio::select! {
                first = first_bytes(&mut read, HEAD) => first,
                _ = stop.wait_for(|stop| *stop) => None,
            };
            // Without them the connection would wait for its version for ever.
            let Some(first) = first else { return };
            let stream = tokio::io::join(Cursor::new(first).chain(read), write);
            let mut builder = Builder::new(TokioExecutor::new());
            if versions == Versions::Two {
                builder = builder.http2_only();
            }
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD);
            builder
                .http2()
                .timer(TokioTimer::new())
                .keep_alive_interval(Some(HEAD))
                .max_concurrent_streams(STREAMS);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            // How a client ends its connection is its own affair.
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = stop.wait_for(|stop| *stop) => {}
            }
            connection.as_mut().graceful_shutdown();
            drop(tokio::time::timeout(DRAIN, connection).await);
        });
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// As many bytes as it takes to tell the versions apart; none where they do not come in time.
async fn first_bytes(from: &mut (impl AsyncRead + Unpin), patience: Duration) -> Option<Vec<u8>> {
    let work = async {
        let mut first = Vec::with_capacity(PREFACE.len());
        while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
            let mut rest = (&mut *from).take((PREFACE.len() - first.len()) as u64);
            if rest.read_buf(&mut first).await.ok()? == 0 {
                return None;
            }
        }
        Some(first)
    };
    tokio::time::timeout(patience, work).await.ok()?
}

async fn next(
    listener: &tokio::net::TcpListener,
    seats: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, seat))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_says_nothing_or_half_a_preface_is_left() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let soon = Duration::from_millis(20);
        let first = |sent: &'static [u8]| {
            runtime.block_on(async {
                let (mut client, mut server) = tokio::io::duplex(64);
                tokio::io::AsyncWriteExt::write_all(&mut client, sent)
                    .await
                    .expect("it is open");
                first_bytes(&mut server, soon).await
            })
        };
        assert_eq!(first(b""), None);
        assert_eq!(first(b"PRI * HT"), None);
        assert_eq!(first(b"POST /").as_deref(), Some(b"POST /".as_slice()));
        assert_eq!(first(PREFACE).as_deref(), Some(PREFACE.as_slice()));
    }
}
