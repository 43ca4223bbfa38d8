//! How commands get into a session: each has a network of its own, whose sockets the session
//! serves.
//!
//! The sockets come over a unix socket in a private folder, beside the session's token; the
//! connection lives as long as the command, and its end is answered once everything that the
//! command had sent is in the evidence. Meanwhile the session asks over it for connections to what
//! the command listens on, where webhooks go.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use archal_core::clone::CloneDescriptor;
use archal_core::hash;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};

use super::super::door::Door;
use super::super::environment;
use super::super::inside::children;
use super::super::open::{self, ClonePlan, NAMES_PORT, Session, SessionError};
use super::super::route::RouteLevel;
use super::super::{mcp, trust};
use super::live::Live;
use super::place::{ENTRANCE, Record};
use crate::host::socket;
use crate::sandbox::broker::Broker;
use crate::sandbox::child::Bind;
use crate::sandbox::hold::{InsideSockets, Redirect};

/// Most commands at a time.
const COMMANDS: usize = 128;
/// Most sockets of a command.
const SOCKETS: usize = 64;
/// How long somebody may take to say who they are, and the session to settle.
const PATIENCE: Duration = Duration::from_secs(10);

/// What commands with a network of their own find in it.
pub(super) struct Inside {
    doors: Vec<(SocketAddr, Door)>,
    visible: Vec<PathBuf>,
    trust: trust::Files,
    environment: BTreeMap<String, String>,
}

/// What a command is started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// Variables that are set for it.
    pub variables: BTreeMap<String, String>,
    /// Where is listened inside.
    pub tcp: Vec<SocketAddr>,
    /// UDP ports that are received on inside.
    pub udp: Vec<u16>,
    /// Where connections to other addresses are led.
    pub redirect: Redirect,
    /// Unix sockets of this machine's programs that stay.
    pub visible: Vec<PathBuf>,
    /// Files that are shown over others.
    pub files: Vec<Bind>,
}

impl Inside {
    /// For the clones of a session.
    pub(super) fn of(session: &Session, plans: &[ClonePlan<'_>]) -> Result<Self, SessionError> {
        let certificate = session.trust.certificate();
        let pem = fs::read_to_string(&certificate).map_err(|source| SessionError::File {
            path: certificate,
            source,
        })?;
        let hosts = plans.iter().flat_map(ClonePlan::every_host);
        let trust = trust::Files::write(&session.evidence, &pem, hosts, &session.shared.egress)?;
        let (endpoints, doors) = open::inside_endpoints(plans, true, &session.shared);
        let visible = session.shared.egress.sockets();
        let clones: Vec<&CloneDescriptor> = plans.iter().map(|plan| plan.clone).collect();
        trust.write_servers(&mcp::servers(&clones, &endpoints.tools))?;
        Ok(Self {
            environment: environment::variables(&clones, &trust, &endpoints, RouteLevel::Isolated),
            visible: visible.map(Path::to_owned).collect(),
            doors,
            trust,
        })
    }

    /// For a command that is started in `directory` with these variables.
    pub(super) fn pass(&self, directory: &Path, variables: &BTreeMap<String, String>) -> Pass {
        Pass {
            variables: self.environment.clone(),
            tcp: self.doors.iter().map(|(address, _)| *address).collect(),
            udp: vec![NAMES_PORT],
            redirect: open::redirect(),
            visible: self.visible.clone(),
            files: self.trust.binds(directory, variables, &[]),
        }
    }

    /// Serves the sockets of a command, in the order of its pass; the number under which they are
    /// settled.
    fn serve(&self, session: &Session, sockets: InsideSockets) -> u64 {
        let run = session.server.new_run();
        for (listener, (_, door)) in sockets.tcp.into_iter().zip(&self.doors) {
            session.server.listen(listener, *door, Some(run));
        }
        for socket in sockets.udp {
            session.server.answer_names(socket, run);
        }
        run
    }
}

/// Gives a command the variables of its way, and takes out what would lead it around the session.
pub fn lead(
    variables: &mut BTreeMap<String, String>,
    isolated: bool,
    set: &BTreeMap<String, String>,
) {
    let level = if isolated {
        RouteLevel::Isolated
    } else {
        RouteLevel::Shim
    };
    environment::apply(variables, set, level);
}

/// The socket through which commands get in; dropping it closes it.
pub(super) struct Entrance {
    _folder: tempfile::TempDir,
    path: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Entrance {
    /// Opens it in a private folder below the first of these that takes it.
    pub(super) fn open(live: &Arc<Live>, token: &str, folders: &[PathBuf]) -> io::Result<Self> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for folder in folders {
            match bind(folder) {
                Ok((folder, listener)) => {
                    let path = folder.path().join("s");
                    let ended = Arc::new(AtomicBool::new(false));
                    let door = Doorman {
                        live: Arc::clone(live),
                        token: hash::sha256(token.as_bytes()),
                        inside: AtomicUsize::new(0),
                    };
                    let thread = std::thread::Builder::new()
                        .name("archal-entrance".to_owned())
                        .spawn({
                            let ended = Arc::clone(&ended);
                            move || Arc::new(door).mind(&listener, &ended)
                        })?;
                    return Ok(Self {
                        _folder: folder,
                        path,
                        ended,
                        thread: Some(thread),
                    });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes who waits for the next one. Where nothing does, it ends with the process.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            thread.join().ok();
        }
    }
}

fn bind(above: &Path) -> io::Result<(tempfile::TempDir, UnixListener)> {
    let folder = tempfile::Builder::new()
        .prefix(ENTRANCE)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(above)?;
    let listener = UnixListener::bind(folder.path().join("s"))?;
    Ok((folder, listener))
}

struct Doorman {
    live: Arc<Live>,
    token: String,
    /// Commands that are inside.
    inside: AtomicUsize,
}

impl Doorman {
    fn mind(self: &Arc<Self>, listener: &UnixListener, ended: &AtomicBool) {
        for stream in listener.incoming() {
            if ended.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else {
                // No waiting for something: there are no descriptors left, the connection stays in the
                // queue, and without a pause this would spin until others end.
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let is_full = self.inside.fetch_add(1, Ordering::SeqCst) >= COMMANDS;
            let own = Arc::clone(self);
            let guide = move || {
                if !is_full && socket::is_allowed(&stream) {
                    own.guide(&stream);
                }
                own.inside.fetch_sub(1, Ordering::SeqCst);
            };
            let spawned = std::thread::Builder::new()
                .name("archal-inside".to_owned())
                .stack_size(256 * 1024)
                .spawn(guide);
            if spawned.is_err() {
                self.inside.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// Lets a command in, and out again at its end.
    fn guide(&self, mut stream: &UnixStream) {
        if stream.set_read_timeout(Some(PATIENCE)).is_err() {
            return;
        }
        let Ok((token, sockets)) = receive(stream) else {
            return;
        };
        let Ok(Some(inside)) = self.live.inside() else {
            return;
        };
        if hash::sha256(token.as_bytes()) != self.token || stream.set_read_timeout(None).is_err() {
            return;
        }
        let run = inside.serve(&self.live.session, sockets);
        let (Ok(asking), within) = (stream.try_clone(), self.live.session.inside()) else {
            return;
        };
        // One question at a time on the wire; a command that reads none of them fills its side.
        asking.set_write_timeout(Some(PATIENCE)).ok();
        let asking = Mutex::new(asking);
        let broker = Broker::new(move |number, port| {
            let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.write_all(&Question { number, port }.encoded())
        });
        if stream.write_all(IN).is_ok() {
            children(&within.children).push((run, broker.clone()));
            // Until it closes its side, or is gone.
            while let Ok((number, answer)) = receive_answer(stream) {
                broker.answer(number, answer);
            }
            children(&within.children).retain(|(of, _)| *of != run);
            broker.close();
        }
        self.live.session.server.settle(run);
        self.live.flush();
        // Nobody may be there to hear it.
        stream.write_all(OUT).ok();
    }
}

const IN: &[u8] = b"i";
const OUT: &[u8] = b"o";
/// What a question begins with.
const ASKED: u8 = b'?';

/// A connection that the session wants to what a command listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    number: u64,
    port: u16,
}

impl Question {
    const LENGTH: usize = 10;

    fn encoded(self) -> Vec<u8> {
        let mut bytes = vec![ASKED];
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.port.to_be_bytes());
        bytes
    }

    /// What came behind its first byte.
    fn decoded(bytes: [u8; Self::LENGTH]) -> Self {
        let [number @ .., high, low] = bytes;
        Self {
            number: u64::from_be_bytes(number),
            port: u16::from_be_bytes([high, low]),
        }
    }
}

/// A command that is inside a session.
#[derive(Debug)]
pub struct Guest {
    stream: UnixStream,
    /// Tells that the session has let it out.
    out: mpsc::Receiver<()>,
}

impl Guest {
    /// Hands a command's sockets to the session of that record, and makes the connections to what
    /// the command listens on that the session asks for.
    ///
    /// # Errors
    ///
    /// When the session is gone or does not take them.
    pub fn enter(record: &Record, sockets: InsideSockets, broker: Broker) -> io::Result<Self> {
        let mut stream = UnixStream::connect(&record.entrance)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        send(&stream, &record.token, sockets)?;
        let mut answer = [0; 1];
        stream.read_exact(&mut answer)?;
        stream.set_read_timeout(None)?;
        let (left, out) = mpsc::channel();
        let asked = stream.try_clone()?;
        std::thread::Builder::new()
            .name("archal-guest".to_owned())
            .spawn(move || {
                // It ends when the session lets the command out, or is gone.
                answer_questions(&asked, &broker).ok();
                left.send(()).ok();
            })?;
        Ok(Self { stream, out })
    }

    /// Waits until everything the command had sent is in the evidence.
    pub fn leave(self) {
        let left = self.stream.shutdown(std::net::Shutdown::Write);
        if left.is_ok() {
            // A session that ended meanwhile has written its evidence.
            self.out.recv_timeout(PATIENCE).ok();
        }
        self.stream.shutdown(std::net::Shutdown::Both).ok();
    }
}

fn answer_questions(mut stream: &UnixStream, broker: &Broker) -> io::Result<()> {
    loop {
        let mut kind = [0; 1];
        stream.read_exact(&mut kind)?;
        if kind != [ASKED] {
            return Ok(());
        }
        let mut rest = [0; Question::LENGTH];
        stream.read_exact(&mut rest)?;
        let question = Question::decoded(rest);
        send_answer(stream, question.number, broker.connect(question.port))?;
    }
}

/// The number of the question and why there is no connection, or 0 with the connection beside it.
fn send_answer(
    mut stream: &UnixStream,
    number: u64,
    answer: io::Result<TcpStream>,
) -> io::Result<()> {
    let why = |error: &io::Error| {
        let why = rustix::io::Errno::from_io_error(error);
        why.unwrap_or(match error.kind() {
            io::ErrorKind::ConnectionRefused => rustix::io::Errno::CONNREFUSED,
            io::ErrorKind::TimedOut => rustix::io::Errno::TIMEDOUT,
            _ => rustix::io::Errno::NOTCONN,
        })
    };
    let code = answer
        .as_ref()
        .err()
        .map_or(0, |error| why(error).raw_os_error());
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend(code.to_be_bytes());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let connection = answer.ok();
    let borrowed: Vec<_> = connection.iter().map(AsFd::as_fd).collect();
    if !borrowed.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::Error::other("no room for a socket"));
    }
    let slice = [IoSlice::new(&bytes)];
    let sent = rustix::net::sendmsg(stream, &slice, &mut beside, SendFlags::NOSIGNAL)?;
    stream.write_all(&bytes[sent..])
}

fn receive_answer(mut stream: &UnixStream) -> io::Result<(u64, io::Result<OwnedFd>)> {
    let mut bytes = [0; 12];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut beside,
        RecvFlags::CMSG_CLOEXEC,
    )?
    .bytes;
    if received == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut connection = None;
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            connection = received.last();
        }
    }
    stream.read_exact(&mut bytes[received..])?;
    let [number @ .., a, b, c, d] = bytes;
    let code = i32::from_be_bytes([a, b, c, d]);
    let answer = match (code, connection) {
        (0, Some(connection)) => Ok(connection),
        (0, None) => Err(io::ErrorKind::NotConnected.into()),
        (code, _) => Err(io::Error::from_raw_os_error(code)),
    };
    Ok((u64::from_be_bytes(number), answer))
}

/// Lengths of the token and of the TCP sockets, the token, and the sockets beside the lengths.
fn send(mut stream: &UnixStream, token: &str, sockets: InsideSockets) -> io::Result<()> {
    let wrong = || io::Error::other("too many sockets");
    let tcp = u8::try_from(sockets.tcp.len()).map_err(|_| wrong())?;
    let length = u8::try_from(token.len()).map_err(|_| wrong())?;
    let all: Vec<OwnedFd> = sockets
        .tcp
        .into_iter()
        .map(OwnedFd::from)
        .chain(sockets.udp.into_iter().map(OwnedFd::from))
        .collect();
    let borrowed: Vec<_> = all.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !beside.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(wrong());
    }
    let head = [length, tcp];
    let slice = [IoSlice::new(&head)];
    let sent = rustix::net::sendmsg(stream, &slice, &mut beside, SendFlags::NOSIGNAL)?;
    stream.write_all(&head[sent..])?;
    stream.write_all(token.as_bytes())
}

fn receive(mut stream: &UnixStream) -> io::Result<(String, InsideSockets)> {
    let mut head = [0; 2];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut head)],
        &mut beside,
        RecvFlags::CMSG_CLOEXEC,
    )?
    .bytes;
    let mut sockets: Vec<OwnedFd> = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            sockets.extend(received);
        }
    }
    stream.read_exact(&mut head[received..])?;
    let [length, tcp] = head;
    let mut token = vec![0; usize::from(length)];
    stream.read_exact(&mut token)?;
    let mut sockets = sockets.into_iter();
    let tcp = sockets.by_ref().take(usize::from(tcp));
    let tcp = tcp.map(Into::into).collect();
    let udp = sockets.map(Into::into).collect();
    Ok((
        String::from_utf8_lossy(&token).into_owned(),
        InsideSockets { tcp, udp },
    ))
}
