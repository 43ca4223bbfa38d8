//! Connections of one listener: so many at once, each with a bound on how long it may think.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at once; the next ones wait in the system's queue.
const MOST: usize = 512;
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(15);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 64;
/// After a failed accept: descriptors have run out, and some may come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// How long requests under way may take to their end once it is time to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `stop` says so; then what is under way is answered.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
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
            let mut builder = Builder::new(TokioExecutor::new());
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

async fn next(
    listener: &tokio::net::TcpListener,
    seats: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, seat))
}
