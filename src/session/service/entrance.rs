//! How commands get into a session: each has a network of its own, whose sockets the session
//! serves.
//!
//! The sockets come over a unix socket in a private folder, beside the session's token; the
//! connection lives as long as the command, and its end is answered once everything that the
//! command had sent is in the evidence.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
use super::super::open::{self, ClonePlan, NAMES_PORT, Session, SessionError};
use super::super::route::RouteLevel;
use super::super::{mcp, trust};
use super::live::Live;
use super::place::{ENTRANCE, Record};
use crate::host::socket;
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
        let Some(inside) = self.live.inside.as_ref() else {
            return;
        };
        if hash::sha256(token.as_bytes()) != self.token || stream.set_read_timeout(None).is_err() {
            return;
        }
        let run = inside.serve(&self.live.session, sockets);
        if stream.write_all(IN).is_ok() {
            // Until it closes its side, or is gone.
            let mut nothing = [0; 1];
            while matches!(stream.read(&mut nothing), Ok(1..)) {}
        }
        self.live.session.server.settle(run);
        self.live.flush();
        // Nobody may be there to hear it.
        stream.write_all(OUT).ok();
    }
}

const IN: &[u8] = b"i";
const OUT: &[u8] = b"o";

/// A command that is inside a session.
#[derive(Debug)]
pub struct Guest {
    stream: UnixStream,
}

impl Guest {
    /// Hands a command's sockets to the session of that record.
    ///
    /// # Errors
    ///
    /// When the session is gone or does not take them.
    pub fn enter(record: &Record, sockets: InsideSockets) -> io::Result<Self> {
        let mut stream = UnixStream::connect(&record.entrance)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        send(&stream, &record.token, sockets)?;
        let mut answer = [0; 1];
        stream.read_exact(&mut answer)?;
        Ok(Self { stream })
    }

    /// Waits until everything the command had sent is in the evidence.
    pub fn leave(mut self) {
        let left = self.stream.shutdown(std::net::Shutdown::Write);
        if left.is_ok() {
            let mut answer = [0; 1];
            // A session that ended meanwhile has written its evidence.
            self.stream.read_exact(&mut answer).ok();
        }
    }
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
