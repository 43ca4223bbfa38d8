//! The thread that serves everything a session listens on.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use archal_core::clone::{CloneDescriptor, CloneRequest, CloneResponse, CloneState, ServiceClone};
use rustls::ServerConfig;
use tokio::sync::mpsc as orders;
use tokio::task::AbortHandle;

use super::authority::Authority;
use super::door::{self, Door};
use super::egress::Egress;
use super::ledger::{Begun, Ledger};
use super::mcp::Faces;
use super::names::{self, Names};
use super::recording::Recording;
use super::seats::{Limits, Seats};
use super::transfer::Room;
use super::webhooks::Outbox;

/// Connections that wait in the system's queue.
const QUEUE: i32 = 4096;
/// How long connections of an ended child may take to be read to their end.
const SETTLE: Duration = Duration::from_secs(1);
/// After a failed accept: descriptors have run out, and some may come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// The longest datagram of a question.
const DATAGRAM: usize = 4096;

/// A clone in a session.
pub(super) struct Hosted {
    /// What it is.
    pub(super) clone: CloneDescriptor,
    /// The hosts it answers for.
    pub(super) hosts: Vec<String>,
    running: Mutex<Box<dyn ServiceClone>>,
}

impl Hosted {
    /// A clone that was opened.
    pub(super) fn new(
        clone: CloneDescriptor,
        hosts: Vec<String>,
        running: Box<dyn ServiceClone>,
    ) -> Self {
        Self {
            clone,
            hosts,
            running: Mutex::new(running),
        }
    }

    /// The running clone, for one call at a time.
    pub(super) fn running(&self) -> MutexGuard<'_, Box<dyn ServiceClone>> {
        // A clone whose call panicked is recorded as such; its state is shown as it is.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state the clone is in, without holding it.
    pub(super) fn state(&self) -> Arc<dyn CloneState> {
        self.running().state()
    }
}

/// What connections share.
pub(super) struct Shared {
    /// The clones, in the order of the configuration.
    pub(super) clones: Vec<Hosted>,
    /// The record.
    pub(super) ledger: Ledger,
    /// The TLS side of every listener.
    pub(super) tls: Arc<ServerConfig>,
    /// What the stub resolver answered.
    pub(super) names: Names,
    /// Connections that are open.
    pub(super) active: AtomicUsize,
    /// What each may take.
    pub(super) limits: Limits,
    /// What request bodies take of memory together.
    pub(super) bodies: Arc<Room>,
    /// What may be reached beside the clones.
    pub(super) egress: Egress,
    /// The MCP servers of the clones.
    pub(super) faces: Faces,
    /// What the clones tell webhooks.
    pub(super) webhooks: Outbox,
    /// What is recorded in place of clones; set where something is.
    pub(super) recording: OnceLock<Arc<Recording>>,
    /// Hosts that base URLs take the place of, and those URLs; set where hosts have several.
    pub(super) places: OnceLock<Vec<(&'static str, String)>>,
    hosts: HashMap<String, usize>,
    other_hosts: HashMap<&'static str, &'static str>,
}

impl Shared {
    /// Brings together what connections need.
    pub(super) fn new(
        clones: Vec<Hosted>,
        authority: Arc<Authority>,
        ledger: Ledger,
        egress: Egress,
        webhooks: Outbox,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut hosts = HashMap::new();
        let mut other_hosts = HashMap::new();
        for (index, hosted) in clones.iter().enumerate() {
            hosts.extend(hosted.hosts.iter().map(|host| (host.clone(), index)));
            // Of the MCP server's host only a part is one.
            let face = hosted.clone.mcp.and_then(|face| face.remote);
            let partly = face.iter().map(|(host, _)| host);
            let others = hosted.clone.other_hosts.iter().chain(partly);
            other_hosts.extend(others.map(|host| (*host, hosted.clone.name)));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(authority);
        // A ticket that cannot be written, because the client has ended already, would fail the
        // handshake, and what the client had asked with it.
        tls.send_tls13_tickets = 0;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            clones,
            ledger,
            tls: Arc::new(tls),
            names: Names::default(),
            active: AtomicUsize::new(0),
            limits: Limits::default(),
            bodies: Arc::default(),
            egress,
            faces: Faces::default(),
            webhooks,
            recording: OnceLock::new(),
            places: OnceLock::new(),
            hosts,
            other_hosts,
        })
    }

    /// The clone that answers for a host, lower case.
    pub(super) fn clone_of(&self, host: &str) -> Option<usize> {
        self.hosts.get(host).copied()
    }

    /// Records a call, and hands on what it tells webhooks.
    pub(super) fn end(
        &self,
        begun: &Begun,
        clone: usize,
        request: CloneRequest,
        mut response: CloneResponse,
    ) {
        let deliveries = std::mem::take(&mut response.deliveries);
        let fault = response.fault;
        let seq = self.ledger.end(begun, clone, request, response);
        self.webhooks.post(seq, begun.at, clone, fault, deliveries);
    }

    /// Records a host that no clone answers for; gives back the text for the client.
    pub(super) fn refuse(&self, host: &str, port: Option<u16>) -> String {
        let reason = match self.other_hosts.get(host) {
            Some(clone) => format!("a host of {clone} that its clone does not model"),
            None => "no clone of this session answers for it".to_owned(),
        };
        self.ledger.refuse("connect", host, port, &reason);
        format!("archal refused {host}: {reason}\n")
    }
}

enum Order {
    Listen {
        listener: TcpListener,
        door: Door,
        /// The run of a child whose end is the listener's end.
        run: Option<u64>,
    },
    Names {
        socket: UdpSocket,
        run: u64,
    },
    Settle {
        run: u64,
        done: mpsc::Sender<()>,
    },
    Stop,
}

/// The serving thread. Dropping it stops it.
pub(super) struct Server {
    orders: orders::UnboundedSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    runs: AtomicU64,
}

impl Server {
    /// Starts the thread; it listens on nothing yet.
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (orders, received) = orders::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("archal-clones".to_owned())
            .spawn(move || runtime.block_on(serve(shared, received)))?;
        Ok(Self {
            orders,
            thread: Mutex::new(Some(thread)),
            runs: AtomicU64::new(0),
        })
    }

    /// A number for the listeners of one child.
    pub(super) fn new_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// Serves a listener until the session ends, or until the run is settled.
    pub(super) fn listen(&self, listener: TcpListener, door: Door, run: Option<u64>) {
        self.order(Order::Listen {
            listener,
            door,
            run,
        });
    }

    /// Answers a run's questions for names.
    pub(super) fn answer_names(&self, socket: UdpSocket, run: u64) {
        self.order(Order::Names { socket, run });
    }

    /// Waits until everything an ended child had sent is answered and recorded, and closes the run's listeners.
    pub(super) fn settle(&self, run: u64) {
        let (done, wait) = mpsc::channel();
        self.order(Order::Settle { run, done });
        // The thread has ended when nobody answers: there is nothing left to settle.
        wait.recv().ok();
    }

    /// Stops serving; every connection is closed when this returns.
    pub(super) fn stop(&self) {
        self.order(Order::Stop);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            thread.join().ok();
        }
    }

    fn order(&self, order: Order) {
        // Nobody is there to take it only after the end.
        self.orders.send(order).ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(shared: Arc<Shared>, mut orders: orders::UnboundedReceiver<Order>) {
    let seats = Seats::new(shared.limits);
    let mut inside: Vec<(u64, AbortHandle)> = Vec::new();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Listen {
                listener,
                door,
                run,
            } => {
                let accepting = accept(Arc::clone(&shared), listener, door, Arc::clone(&seats));
                let task = tokio::spawn(accepting).abort_handle();
                inside.extend(run.map(|run| (run, task)));
            }
            Order::Names { socket, run } => {
                let task = tokio::spawn(answer_names(Arc::clone(&shared), socket));
                inside.push((run, task.abort_handle()));
            }
            Order::Settle { run, done } => {
                let (ending, kept) = inside.into_iter().partition(|(of, _)| *of == run);
                inside = kept;
                tokio::spawn(settle(Arc::clone(&shared), ending, done));
            }
            Order::Stop => break,
        }
    }
}

/// The child is dead, so every connection of its ends once it is read; what waits in the accept
/// queue is seen in the first of the two quiet rounds.
async fn settle(shared: Arc<Shared>, ending: Vec<(u64, AbortHandle)>, done: mpsc::Sender<()>) {
    let quiet = async {
        let mut rounds = 0;
        while rounds < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if shared.active.load(Ordering::Relaxed) == 0 {
                rounds += 1;
            } else {
                rounds = 0;
            }
        }
    };
    tokio::time::timeout(SETTLE, quiet).await.ok();
    for (_, task) in ending {
        task.abort();
    }
    done.send(()).ok();
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, door: Door, seats: Arc<Seats>) {
    // A client that finds the queue full waits a second before it tries again.
    rustix::net::listen(&listener, QUEUE).ok();
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| tokio::net::TcpListener::from_std(listener));
    let Ok(listener) = listener else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // The next waits in the system's queue.
                let seat = Arc::new(seats.take().await);
                let open = door::Open::new(Arc::clone(&shared), Arc::clone(&seat));
                tokio::spawn(async move {
                    tokio::select! {
                        () = door::connection(open, stream, door) => {}
                        () = seat.left() => {}
                    }
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn answer_names(shared: Arc<Shared>, socket: UdpSocket) {
    let socket = socket
        .set_nonblocking(true)
        .and_then(|()| tokio::net::UdpSocket::from_std(socket));
    let Ok(socket) = socket else {
        return;
    };
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            // An error of an earlier answer, whose asker is gone.
            tokio::task::yield_now().await;
            continue;
        };
        let answer = names::reply(&shared, &buffer[..length]);
        if let Some(answer) = answer {
            socket.send_to(&answer, from).await.ok();
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
