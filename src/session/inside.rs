//! The way to what a session's children listen on: webhooks of a clone are for an agent's own server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::route::RouteLevel;
use crate::sandbox::broker::Broker;

/// The loopback, as programs listen on it.
const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];
/// A loopback answers at once, unless whoever listens takes no connection.
const CONNECT: Duration = Duration::from_secs(1);

/// The children that run in networks of their own, by the number of their run.
type Children = Mutex<Vec<(u64, Broker)>>;

/// Makes connections to what the session's children listen on, for as long as they run.
#[derive(Debug, Clone)]
pub struct Inside {
    /// How they are reached.
    pub(super) level: RouteLevel,
    /// Those that run.
    pub(super) children: Arc<Children>,
}

impl Inside {
    /// A connection to a port of the children's loopback: that of the child that was started last
    /// and listens there, and where children need no networks of their own also that of this
    /// machine, after theirs. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// When no child runs, or nobody listens there.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let brokers: Vec<Broker> = {
            let children = children(&self.children);
            let newest = children.iter().rev();
            newest.map(|(_, broker)| broker.clone()).collect()
        };
        let none = "no child of the session runs";
        let none = io::Error::new(io::ErrorKind::NotConnected, none);
        let inside = first_of(brokers, none, |broker| broker.connect(port));
        if inside.is_ok() || self.level == RouteLevel::Isolated {
            return inside;
        }
        let nobody = io::ErrorKind::ConnectionRefused.into();
        first_of(LOOPBACK, nobody, |address| {
            TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT)
        })
    }
}

/// The first connection that can be made, or why the last could not; `none` where there is nobody.
fn first_of<T>(
    to: impl IntoIterator<Item = T>,
    none: io::Error,
    connect: impl Fn(T) -> io::Result<TcpStream>,
) -> io::Result<TcpStream> {
    let mut failed = none;
    for one in to {
        match connect(one) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Those that run.
pub(super) fn children(children: &Children) -> MutexGuard<'_, Vec<(u64, Broker)>> {
    // Every change is a single step.
    children.lock().unwrap_or_else(PoisonError::into_inner)
}
