//! The control socket: other processes of the user ask, a handler answers.
//!
//! One thread listens, takes in lines and drops whoever sends none; a few others answer. However many
//! connect and whatever they send, the watcher loses no more than a few descriptors for a few seconds.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::lock::WatcherLock;
use super::place;
use super::protocol::{self, REPLY_LIMIT, REQUEST_LIMIT, Refusal, RefusalKind, Reply, Request};
use crate::store::layout::Layout;

/// Threads that answer.
const WORKERS: usize = 8;
/// Most connections that have not yet sent their request; beyond that the oldest goes.
const MOST_WAITING: usize = 64;
/// Most requests that are answered or wait to be; beyond that they are refused.
const MOST_ASKED: usize = 64;
/// How long a request may take to arrive, and a line of the answer to be read.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long no connection is taken after the system had no descriptor left for one.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the end waits for answers that are being written.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// What requests mean.
pub trait Handler: Send + Sync {
    /// Answers a request; several may be asked at the same time. `progress` tells a line to the person
    /// who waits; that nobody waits any more is no reason to stop.
    fn handle(&self, request: Request, progress: &mut dyn FnMut(&str)) -> Result<Value, Refusal>;
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It cannot be made.
    #[error("cannot make the control socket {}", path.display())]
    Bind {
        /// Where it was tried first.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It cannot be listened on.
    #[error("cannot listen on the control socket {}", path.display())]
    Listen {
        /// Where it is.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// A control socket that exists and is not answered yet: whoever connects waits.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Makes the socket of a repository, in the place of one that a dead watcher left. Only for whoever
    /// has the lock.
    pub fn bind(
        layout: &Layout,
        environment: &Environment,
        _lock: &WatcherLock,
    ) -> Result<Self, SocketError> {
        let (listener, path) = place::bind(layout, environment)
            .map_err(|(path, source)| SocketError::Bind { path, source })?;
        Ok(Self { listener, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers from now on, until the service is dropped.
    pub fn serve(
        self,
        handler: Arc<dyn Handler>,
        clock: Arc<dyn Clock>,
    ) -> Result<Service, SocketError> {
        let path = self.path;
        let failed = |source| SocketError::Listen {
            path: path.clone(),
            source,
        };
        self.listener.set_nonblocking(true).map_err(failed)?;
        let (end, ending) = io::pipe().map_err(failed)?;
        let (asked, questions) = channel();
        let desk = Arc::new(Desk {
            handler,
            questions: Mutex::new(questions),
            open: AtomicUsize::new(0),
            threads: Mutex::new(0),
            ended: Condvar::new(),
        });
        let door = Door {
            listener: self.listener,
            end,
            clock,
            asked,
            desk: Arc::clone(&desk),
            waiting: Vec::new(),
            closed_until: None,
        };
        let service = Service {
            path: path.clone(),
            ending: Some(ending),
            desk: Arc::clone(&desk),
        };
        for number in 1..=WORKERS {
            Desk::start(&desk, format!("answer-{number}"), Desk::answer_all).map_err(failed)?;
        }
        Desk::start(&desk, "control".to_owned(), move |_| door.mind()).map_err(failed)?;
        Ok(service)
    }
}

/// A control socket that is answered. Dropping it ends that, once answers under way are written, and
/// removes the socket. Not to be dropped by a handler, which would wait for itself.
#[derive(Debug)]
pub struct Service {
    path: PathBuf,
    /// Nothing is written into it: closing it ends the threads.
    ending: Option<PipeWriter>,
    desk: Arc<Desk>,
}

impl Service {
    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that is gone already was removed with the whole state folder.
        std::fs::remove_file(&self.path).ok();
        self.ending = None;
        let waited =
            self.desk
                .ended
                .wait_timeout_while(self.desk.threads(), END_PATIENCE, |left| *left > 0);
        if waited.is_ok_and(|(left, _)| *left > 0) {
            tracing::warn!("an answer on the control socket was not waited for any longer");
        }
    }
}

/// A request with whoever waits for the answer.
type Question = (UnixStream, Vec<u8>);

/// Where requests are answered.
struct Desk {
    handler: Arc<dyn Handler>,
    questions: Mutex<Receiver<Question>>,
    /// Requests that wait or are being answered.
    open: AtomicUsize,
    threads: Mutex<usize>,
    ended: Condvar,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    fn threads(&self) -> MutexGuard<'_, usize> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(
        desk: &Arc<Self>,
        name: String,
        main: impl FnOnce(&Self) + Send + 'static,
    ) -> io::Result<()> {
        let own = Arc::clone(desk);
        *desk.threads() += 1;
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            main(&own);
            *own.threads() -= 1;
            own.ended.notify_all();
        });
        if spawned.is_err() {
            *desk.threads() -= 1;
        }
        spawned.map(drop)
    }

    fn answer_all(&self) {
        loop {
            let questions = self.questions.lock();
            let question = questions.unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((stream, line)) = question else {
                return;
            };
            self.answer(&stream, &line);
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn answer(&self, stream: &UnixStream, line: &[u8]) {
        let answer = protocol::request(line).and_then(|request| {
            let mut progress = |text: &str| {
                let text = text.to_owned();
                say(stream, &Reply::Progress { text });
            };
            let handled = AssertUnwindSafe(|| self.handler.handle(request, &mut progress));
            catch_unwind(handled).unwrap_or_else(|_| {
                Err(Refusal::new(
                    RefusalKind::Internal,
                    "the watcher failed to answer; its log says more",
                ))
            })
        });
        let reply = match answer {
            Ok(payload) => Reply::Done { payload },
            Err(refusal) => Reply::Refused(refusal),
        };
        say(stream, &reply);
    }
}

/// Writes a line of an answer to somebody who may have gone.
fn say(mut stream: &UnixStream, reply: &Reply) {
    let line = protocol::line(reply)
        .ok()
        .filter(|line| line.len() <= REPLY_LIMIT);
    let line = line.or_else(|| {
        let text = "the answer of the watcher cannot be sent";
        protocol::line(&Reply::Refused(Refusal::new(RefusalKind::Internal, text))).ok()
    });
    if let Some(line) = line {
        stream.write_all(&line).ok();
    }
}

/// Takes connections and their requests in.
struct Door {
    listener: UnixListener,
    end: PipeReader,
    clock: Arc<dyn Clock>,
    asked: Sender<Question>,
    desk: Arc<Desk>,
    /// Oldest first.
    waiting: Vec<Caller>,
    closed_until: Option<Duration>,
}

/// Somebody who has not sent the whole request yet.
struct Caller {
    stream: UnixStream,
    received: Vec<u8>,
    until: Duration,
}

enum Arrived {
    /// Nothing more for now.
    Part,
    /// The whole request.
    All,
    /// More than a request may have.
    TooMuch,
    /// The other side is gone.
    Gone,
}

impl Door {
    fn mind(mut self) {
        let mut buffer = vec![0; 64 * 1024];
        while let Some(ready) = self.wait() {
            let now = self.clock.monotonic();
            let callers = std::mem::take(&mut self.waiting);
            for (caller, is_ready) in callers.into_iter().zip(ready.callers) {
                self.attend(caller, is_ready, now, &mut buffer);
            }
            if ready.door {
                self.let_in(now);
            }
        }
    }

    /// Waits until something happens; none when all is over.
    fn wait(&self) -> Option<Ready> {
        let now = self.clock.monotonic();
        let is_open = self.closed_until.is_none_or(|until| until <= now);
        let mut polled = vec![PollFd::from_borrowed_fd(self.end.as_fd(), PollFlags::IN)];
        polled.extend(
            self.waiting
                .iter()
                .map(|caller| PollFd::from_borrowed_fd(caller.stream.as_fd(), PollFlags::IN)),
        );
        if is_open {
            let listener = self.listener.as_fd();
            polled.push(PollFd::from_borrowed_fd(listener, PollFlags::IN));
        }
        let next = self
            .waiting
            .iter()
            .map(|caller| caller.until)
            .chain(self.closed_until.filter(|_| !is_open))
            .min();
        let timeout = next.map(|until| {
            let left = until.saturating_sub(now);
            Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {
                return Some(Ready {
                    callers: vec![false; self.waiting.len()],
                    door: false,
                });
            }
            Err(error) => {
                tracing::error!("the control socket cannot be watched any more: {error}");
                return None;
            }
        }
        let mut answers = polled.iter().map(|polled| !polled.revents().is_empty());
        if answers.next() == Some(true) {
            return None;
        }
        Some(Ready {
            callers: answers.by_ref().take(self.waiting.len()).collect(),
            door: answers.next().unwrap_or(false),
        })
    }

    fn attend(&mut self, mut caller: Caller, is_ready: bool, now: Duration, buffer: &mut [u8]) {
        let arrived = if is_ready {
            caller.read(buffer)
        } else {
            Arrived::Part
        };
        match arrived {
            Arrived::Part if now < caller.until => self.waiting.push(caller),
            Arrived::Part | Arrived::Gone => {}
            Arrived::All => self.hand_on(caller),
            Arrived::TooMuch => refuse(
                &caller.stream,
                Refusal::new(
                    RefusalKind::Usage,
                    format!("a request may have {REQUEST_LIMIT} bytes at most"),
                ),
            ),
        }
    }

    fn hand_on(&self, caller: Caller) {
        let open = self.desk.open.fetch_add(1, Ordering::SeqCst);
        let is_ready = open < MOST_ASKED && caller.stream.set_nonblocking(false).is_ok();
        if is_ready && caller.stream.set_write_timeout(Some(PATIENCE)).is_ok() {
            // The desk takes questions for as long as this thread lives.
            self.asked.send((caller.stream, caller.received)).ok();
            return;
        }
        self.desk.open.fetch_sub(1, Ordering::SeqCst);
        refuse(
            &caller.stream,
            Refusal::new(
                RefusalKind::Busy,
                "the watcher is being asked too much at once; try again in a moment",
            ),
        );
    }

    fn let_in(&mut self, now: Duration) {
        // So many at most before those who wait are looked at again.
        for _ in 0..16 {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if !is_allowed(&stream) || stream.set_nonblocking(true).is_err() {
                        continue;
                    }
                    self.waiting.push(Caller {
                        stream,
                        received: Vec::new(),
                        until: now + PATIENCE,
                    });
                    if self.waiting.len() > MOST_WAITING {
                        self.waiting.remove(0);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // Out of descriptors, most likely: the connection stays, so asking at once again
                    // would be asking forever.
                    tracing::warn!("a connection to the control socket was not taken: {error}");
                    self.closed_until = Some(now + PAUSE);
                    return;
                }
            }
        }
    }
}

struct Ready {
    callers: Vec<bool>,
    door: bool,
}

impl Caller {
    /// Reads what is there, at most one buffer, so that nobody starves the others.
    fn read(&mut self, buffer: &mut [u8]) -> Arrived {
        let count = match (&self.stream).read(buffer) {
            Ok(0) => return Arrived::Gone,
            Ok(count) => count,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Arrived::Part;
            }
            Err(_) => return Arrived::Gone,
        };
        let end = buffer[..count].iter().position(|byte| *byte == b'\n');
        self.received
            .extend_from_slice(&buffer[..end.unwrap_or(count)]);
        if self.received.len() > REQUEST_LIMIT {
            Arrived::TooMuch
        } else if end.is_some() {
            Arrived::All
        } else {
            Arrived::Part
        }
    }
}

/// Says no to somebody who may not read it.
fn refuse(stream: &UnixStream, refusal: Refusal) {
    // Still without blocking: a short line fits into the socket's own buffer.
    say(stream, &Reply::Refused(refusal));
}

/// Whether the other side is a process of the same user or of root.
pub fn is_allowed(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid();
    peer(stream).is_some_and(|peer| peer == own.as_raw() || peer == 0)
}

/// The user on the other side.
#[cfg(target_os = "linux")]
pub(super) fn peer(stream: &UnixStream) -> Option<u32> {
    let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some(peer.uid.as_raw())
}

/// The user on the other side.
#[cfg(not(target_os = "linux"))]
pub(super) fn peer(stream: &UnixStream) -> Option<u32> {
    let (user, _) = nix::unistd::getpeereid(stream).ok()?;
    Some(user.as_raw())
}
