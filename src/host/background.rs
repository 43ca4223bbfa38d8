//! Starting this binary again behind its caller's back, and saying over there how that went.
//!
//! The new process has its own session, so that closing the terminal ends nothing; none of the caller's
//! descriptors, so that a pipe the caller wrote into ends with the caller; and `/` as its folder,
//! so that no file system or folder is kept in use: what it is told by path is told absolutely.
//! It keeps the caller's environment, which has the agent's keys; nothing secret is an argument.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use archal_core::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::log::{self, LogError};
use crate::sandbox::{inherited, job};

/// The first argument of a binary that is to be the watcher in the background: a hidden command.
pub const BACKGROUND_ARGUMENT: &str = "__watch";
/// The same for a session of clones.
pub const SESSION_ARGUMENT: &str = "__session";
/// How long the new process may take to say how it went.
pub const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long a process that will say nothing any more may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at whether it has.
const LOOK: Duration = Duration::from_millis(10);
/// Most bytes of what it says.
const ANNOUNCEMENT_LIMIT: usize = 1 << 20;
/// Most bytes of the log's end that are shown.
const TAIL: u64 = 4096;

/// What is started in the background.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// This binary.
    pub binary: &'a Path,
    /// What it is to be: [`BACKGROUND_ARGUMENT`] or [`SESSION_ARGUMENT`].
    pub command: &'a str,
    /// Arguments behind that; paths in them are absolute.
    pub arguments: &'a [String],
    /// The caller's variables.
    pub variables: &'a BTreeMap<String, String>,
    /// Where its stdout and stderr go.
    pub log: &'a Path,
    /// How long it may take to be ready: [`START_PATIENCE`].
    pub patience: Duration,
}

/// A background process that is ready.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Its process.
    pub pid: u32,
    /// What it has to say.
    pub payload: Value,
}

/// Why a background process could not begin, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code that its caller is to end with.
    pub exit_code: u8,
    /// For a person.
    pub message: String,
    /// What was behind it, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Commands that mend it.
    #[serde(default)]
    pub hints: Vec<String>,
}

/// Why nothing runs in the background.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// Its log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It cannot be started.
    #[error("cannot start {} in the background", binary.display())]
    Start {
        /// The binary.
        binary: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It says why it could not begin.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It ended without a word.
    #[error("the background process ended before it was ready ({how}); {} has its last lines:\n{said}", log.display())]
    Died {
        /// How it ended.
        how: String,
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        said: String,
    },
    /// It was not ready in time, and was ended.
    #[error("the background process was not ready after {} s and was ended; see {}", patience.as_secs(), log.display())]
    Slow {
        /// How long was waited.
        patience: Duration,
        /// Its log.
        log: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Announcement {
    Ready(Value),
    Failed(Failure),
}

/// Starts this binary in the background and waits until it is ready or is not going to be.
pub fn start(launch: &Launch<'_>, clock: &dyn Clock) -> Result<Started, BackgroundError> {
    let failed = |source| BackgroundError::Start {
        binary: launch.binary.to_owned(),
        source,
    };
    let log = log::open_to_append(launch.log)?;
    let logged = log.metadata().map_err(failed)?.len();
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let mut child = Command::new(launch.binary)
        .arg(launch.command)
        .args(launch.arguments)
        .env_clear()
        .envs(launch.variables)
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    match hear(&ours, launch.patience, clock) {
        Ok(Some(Announcement::Ready(payload))) => Ok(Started {
            pid: child.id(),
            payload,
        }),
        Ok(Some(Announcement::Failed(failure))) => {
            ended(&mut child, clock);
            Err(failure.into())
        }
        Ok(None) => Err(BackgroundError::Died {
            how: ended(&mut child, clock),
            log: launch.log.to_owned(),
            said: tail(launch.log, logged),
        }),
        // Whatever is wrong with it, nothing is left running that its caller knows nothing about.
        Err(_) => {
            child.kill().ok();
            child.wait().ok();
            Err(BackgroundError::Slow {
                patience: launch.patience,
                log: launch.log.to_owned(),
            })
        }
    }
}

/// The announcement; none when the other side went away without one, an error when time is up.
fn hear(
    mut from: &UnixStream,
    patience: Duration,
    clock: &dyn Clock,
) -> io::Result<Option<Announcement>> {
    let until = clock.monotonic().saturating_add(patience);
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let left = until.saturating_sub(clock.monotonic());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        from.set_read_timeout(Some(left))?;
        let count = match from.read(&mut buffer) {
            // As gone as after a clean end: it died with something of ours unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let said = &buffer[..count];
        match said.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                heard.extend_from_slice(&said[..end]);
                return Ok(serde_json::from_slice(&heard).ok());
            }
            None if count == 0 || heard.len() > ANNOUNCEMENT_LIMIT => return Ok(None),
            None => heard.extend_from_slice(said),
        }
    }
}

/// Waits for the end of a process that has nothing more to say, and says how it ended.
fn ended(child: &mut Child, clock: &dyn Clock) -> String {
    let until = clock.monotonic().saturating_add(END_PATIENCE);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return how(status),
            Ok(None) if clock.monotonic() < until => std::thread::sleep(LOOK),
            _ => break,
        }
    }
    child.kill().ok();
    child.wait().ok();
    "it went silent and was ended".to_owned()
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// What was written to the log from `start` on, at most its end.
fn tail(log: &Path, start: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let start = start.max(file.metadata()?.len().saturating_sub(TAIL));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// Cuts a process that was started in the background loose from its caller; does nothing in any
/// other. `arguments` are those of the process without its name.
///
/// Right at the start, when this process has opened nothing and has one thread.
pub fn leave_caller(arguments: &[String]) {
    let hidden = [BACKGROUND_ARGUMENT, SESSION_ARGUMENT, job::JOB_ARGUMENT];
    if arguments
        .first()
        .is_none_or(|first| !hidden.contains(&first.as_str()))
    {
        return;
    }
    // Fails only for the leader of a process group, which one that was started in the
    // background is not.
    rustix::process::setsid().ok();
    inherited::close_inherited();
}

/// Why nobody waits to hear how the start went.
#[derive(Debug, thiserror::Error)]
pub enum AnnouncerError {
    /// It was typed by hand.
    #[error("`archal attach` and `archal clone start` start this; it is not to be started by hand")]
    NobodyWaits,
    /// stdin cannot be given up.
    #[error("cannot take leave of the caller")]
    Streams(#[source] io::Error),
}

/// The line to whoever started this process in the background. Dropping it without a word says that
/// the start failed.
#[derive(Debug)]
pub struct Announcer {
    to: UnixStream,
}

impl Announcer {
    /// Takes the line; stdin is empty from then on. Once in the life of a process.
    pub fn take() -> Result<Self, AnnouncerError> {
        let failed = AnnouncerError::Streams;
        let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
        let stdin = File::from(stdin);
        if !stdin.metadata().map_err(failed)?.file_type().is_socket() {
            return Err(AnnouncerError::NobodyWaits);
        }
        let nothing = File::open("/dev/null").map_err(failed)?;
        nix::unistd::dup2_stdin(nothing).map_err(|error| failed(error.into()))?;
        let to = UnixStream::from(OwnedFd::from(stdin));
        to.set_write_timeout(Some(END_PATIENCE)).map_err(failed)?;
        Ok(Self { to })
    }

    /// Says that all is well. False when nobody waits any more: the caller was interrupted, and does not
    /// know of this process.
    #[must_use = "a caller that was interrupted wants nothing in the background"]
    pub fn ready(self, payload: Value) -> bool {
        self.say(&Announcement::Ready(payload))
    }

    /// Says why this process cannot begin.
    pub fn failed(self, failure: Failure) {
        // Nobody to tell is no other failure.
        self.say(&Announcement::Failed(failure));
    }

    fn say(self, announcement: &Announcement) -> bool {
        let Ok(mut line) = serde_json::to_vec(announcement) else {
            return false;
        };
        line.push(b'\n');
        (&self.to).write_all(&line).is_ok()
    }
}
