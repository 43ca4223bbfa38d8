//! Handing bytes on between a child and a host that it may reach.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::door::Open;
use super::seats::Seat;
use super::server::Shared;
use super::stream::Stream;

/// Connects to an allowed host; that it cannot be reached is recorded, and no escape.
pub(super) async fn reach(shared: &Shared, host: &str, port: u16) -> io::Result<TcpStream> {
    let made = shared.egress.connect(host, port).await;
    made.inspect_err(|error| {
        let reason = format!("it is allowed, but cannot be reached: {error}");
        shared
            .ledger
            .refuse("unreachable", host, Some(port), &reason);
    })
}

/// Hands everything on in both directions until one side is done; `first` was read already.
pub(super) async fn between(
    seat: &Seat,
    mut client: impl Stream,
    mut server: TcpStream,
    first: &[u8],
) {
    let _at_work = seat.at_work();
    // Small messages of a database or a model's stream are not to be waited with.
    server.set_nodelay(true).ok();
    if server.write_all(first).await.is_err() {
        return;
    }
    // How it ends is the affair of the two.
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .ok();
}

/// Opens the way to an allowed host and hands on what a client sends.
pub(super) async fn serve(open: Open, client: impl Stream, first: Vec<u8>, host: &str, port: u16) {
    let Ok(server) = reach(&open.shared, host, port).await else {
        return;
    };
    let seat = Arc::clone(&open.seat);
    // While others talk nothing of the session waits for them, but the seat is taken.
    drop(open);
    between(&seat, client, server, &first).await;
}
