//! Another archal as a child: a command of this binary that works for a watcher.
//!
//! It is not confined, since it holds children itself. Its stdin is a pipe that ends with whoever
//! started it, so it ends with them, in order: what it was killed in the midst of would have to be paid
//! by its whole reservation.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::stop::StopToken;

/// The first argument of a binary that is to be such a child; the command stands behind it.
pub const JOB_ARGUMENT: &str = "__job";
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(50);
/// What it gets for an orderly end when whoever started it is gone.
const GRACE: Duration = Duration::from_secs(20);

/// A command of this binary.
#[derive(Debug)]
pub struct Job<'a> {
    /// This binary.
    pub binary: &'a Path,
    /// The command and its arguments.
    pub arguments: &'a [String],
    /// Where it runs.
    pub directory: &'a Path,
    /// Its variables, all of them.
    pub variables: &'a BTreeMap<String, String>,
    /// What it writes, both streams.
    pub log: File,
}

impl Job<'_> {
    /// Runs it to its end. Being asked to stop is the signal that asks it for an orderly end; being
    /// stopped is its end at once, and that of everything it started.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn run(self, stop: &StopToken) -> io::Result<ExitStatus> {
        let (reader, writer) = io::pipe()?;
        let mut child = Command::new(self.binary)
            .arg(JOB_ARGUMENT)
            .args(self.arguments)
            .env_clear()
            .envs(self.variables)
            .current_dir(self.directory)
            .stdin(reader)
            .stdout(self.log.try_clone()?)
            .stderr(self.log)
            .spawn()?;
        let mut is_asked = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if stop.is_stopped() {
                // Gone already is as good.
                child.kill().ok();
                break child.wait()?;
            }
            if is_asked {
                thread::sleep(LOOK);
            } else if stop.wait(LOOK) {
                is_asked = true;
                kill_process(Pid::from_child(&child), Signal::TERM).ok();
            }
        };
        drop(writer);
        Ok(status)
    }
}

/// Ends this process when whoever started it as a job is gone.
///
/// # Errors
///
/// When there is no thread for it.
pub fn follow() -> io::Result<()> {
    thread::Builder::new()
        .name("follower".to_owned())
        .spawn(|| {
            let mut buffer = [0; 64];
            // Nothing is ever written to it.
            while io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
            kill_process(getpid(), Signal::TERM).ok();
            thread::sleep(GRACE);
            kill_process(getpid(), Signal::KILL).ok();
        })
        .map(drop)
}
