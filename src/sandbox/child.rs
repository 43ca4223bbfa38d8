//! What a contained child is given and how it ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use archal_core::confined::Confined;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confine::Confine;

/// The most processes and threads of a child for which nobody chose another number: enough for
/// builds and test runs, and too few to harm the machine.
pub const DEFAULT_PROCESS_LIMIT: u64 = 2048;

/// The most bytes kept of the end of an output that is longer than its cap: whoever writes a record
/// when it ends writes it there.
pub const TAIL: usize = 1 << 20;

/// A program to run contained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildSpec {
    /// Program and arguments; no shell is involved. The program is looked up in `PATH` of `environment`.
    pub command: Vec<String>,
    /// The absolute working directory.
    pub directory: PathBuf,
    /// The whole environment of the child; nothing is inherited.
    pub environment: BTreeMap<String, String>,
    /// Wall-clock limit; then SIGTERM to all of it.
    pub timeout: Duration,
    /// How long it may write nothing to stdout and stderr, where that is limited; then as at the end of
    /// `timeout`.
    pub idle: Option<Duration>,
    /// How long after SIGTERM all of it gets SIGKILL.
    pub grace: Duration,
    /// Bytes kept of each of stdout and stderr; more is read and thrown away, and said.
    pub output_cap: usize,
    /// Files and folders shown to the child at other paths, where mount namespaces work.
    pub binds: Vec<Bind>,
    /// The most processes and threads, where the system can enforce it: [`DEFAULT_PROCESS_LIMIT`] unless
    /// there is a reason for another.
    pub process_limit: Option<u64>,
    /// To what it is confined beyond being held; none leaves it what the user may do.
    #[serde(default)]
    pub confine: Option<Confine>,
}

/// A file or folder mounted over another path inside the child's mount namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// What is shown.
    pub source: PathBuf,
    /// Where; it must exist.
    pub target: PathBuf,
    /// Whether the child may only read it.
    pub read_only: bool,
}

/// How a child was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Containment {
    /// User, mount and PID namespaces (and a network namespace in `isolated`).
    Namespaces,
    /// Child subreaper, parent-death signal and process group.
    Pgroup,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum ChildOutcome {
    /// It exited.
    Exited {
        /// Its status.
        code: i32,
    },
    /// A signal that archal did not send killed it.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// It ran out of time and was stopped.
    TimedOut,
    /// archal was asked to stop and ended it, or did not start it: it says nothing about the program.
    Stopped,
    /// It never started.
    NotStarted {
        /// Why, for a person.
        reason: String,
    },
}

/// What is left of a child that ended; none of its descendants runs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildEnd {
    /// How it ended.
    pub outcome: ChildOutcome,
    /// The process that held it, with which all of it ended; none where nothing was started.
    pub pid: Option<u32>,
    /// The first `output_cap` bytes of its stdout.
    pub stdout: Vec<u8>,
    /// The first `output_cap` bytes of its stderr.
    pub stderr: Vec<u8>,
    /// The last bytes of its stdout, where it was longer than `output_cap`: at most [`TAIL`], and
    /// nothing that stands in `stdout`.
    pub stdout_tail: Vec<u8>,
    /// Whether it was stopped because it was silent for too long.
    pub was_idle: bool,
    /// Bytes of stdout that were thrown away.
    pub stdout_dropped: u64,
    /// Bytes of stderr that were thrown away.
    pub stderr_dropped: u64,
    /// From the request to its end.
    pub duration: Duration,
    /// The program's own time in that: from when everything was ready for it to when its end was
    /// known. Nothing for one that never started.
    pub alive: Duration,
    /// How it was held.
    pub containment: Containment,
    /// How the process limit was enforced: `cgroup`, `rlimit` or `not enforced`.
    pub process_limit: String,
    /// How far it was confined, where it was to be.
    pub confined: Option<Confined>,
}

impl ChildEnd {
    /// Whether it exited with status 0.
    pub fn succeeded(&self) -> bool {
        self.outcome == (ChildOutcome::Exited { code: 0 })
    }
}
