//! What became of a pass, and why one did not come to its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Estimate, PullError, PullErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::lock::LockError;
use crate::ingest::import::LedgerError;
use crate::ingest::objects;
use crate::store::atomic::WriteError;
use crate::store::database::DatabaseError;
use crate::store::space::{Full, SpaceError};

/// The most findings that are told one by one.
const MOST_FINDINGS: usize = 100;
/// The most files of which a report names each.
const MOST_FILES: usize = 1_000;

/// What became of a pass over a source that is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassReport {
    /// The source's name.
    pub source: String,
    /// Its provider.
    pub provider: String,
    /// The trace directory.
    pub trace_dir: PathBuf,
    /// Whether nothing was kept, because nothing was to be.
    pub is_dry_run: bool,
    /// Traces that the directory did not have.
    pub new: u64,
    /// Traces of which it had another revision.
    pub updated: u64,
    /// Traces of which something came, and that it had as they are.
    pub unchanged: u64,
    /// Traces that are not quiet yet.
    pub waiting: u64,
    /// Traces that ended too long ago to be asked for.
    pub older: u64,
    /// Traces of which nothing came that makes one yet, as their source told.
    pub unmade: u64,
    /// Traces that could not be put together, and rows that could not be read.
    pub failed: u64,
    /// Rows or objects that came.
    pub rows: u64,
    /// Of those, how many were not known before, or otherwise.
    pub changed_rows: u64,
    /// Pages that were asked for.
    pub pages: u64,
    /// Values that were redacted in what came.
    pub redactions: u64,
    /// Bytes that came, as they came.
    pub bytes: u64,
    /// Requests, those that were tried again among them.
    pub requests: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether the limit was reached, so that there may be more.
    pub is_limited: bool,
    /// Whether it was stopped before the end.
    pub is_interrupted: bool,
    /// Batch files that were written, the first of them.
    pub written: Vec<PathBuf>,
    /// How many were written.
    pub written_files: u64,
    /// Their size in bytes.
    pub written_bytes: u64,
    /// What became of objects, for a source of stored objects: rows are objects there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Objects>,
    /// What could not be read, the first findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// What became of the objects of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Objects {
    /// Not wanted: by their name, or because they are older than was asked for.
    pub skipped: u64,
    /// Known as they are.
    pub known: u64,
    /// There in another version than the one that was known.
    pub changed: u64,
    /// That could not be read.
    pub failed: u64,
    /// Known and not there any more. Their traces stay.
    pub gone: u64,
    /// Whether the pass went on where an earlier one was cut off.
    pub is_resumed: bool,
    /// Whether everything was listed.
    pub is_full: bool,
    /// The dialects of those that were read.
    pub dialects: BTreeSet<String>,
}

impl PassReport {
    /// Keeps a finding, where there is room.
    pub(super) fn found(&mut self, finding: Diagnostic) {
        if self.diagnostics.len() < MOST_FINDINGS {
            self.diagnostics.push(finding);
        }
    }

    /// Counts a batch file.
    pub(super) fn wrote(&mut self, path: PathBuf, bytes: u64) {
        self.written_files += 1;
        self.written_bytes += bytes;
        if self.written.len() < MOST_FILES {
            self.written.push(path);
        }
    }
}

/// What is heard of a pass while it goes on.
#[derive(Debug)]
pub enum Told<'a> {
    /// How much there is, before anything is asked for.
    Estimate(Estimate),
    /// Another page came.
    Page(&'a PassReport),
    /// The store was broken and lies there now: the source is asked from its beginning.
    Anew(PathBuf),
}

/// Why a pass did not come to its end. What came until then is kept.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The source has no answer.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// Its cursor leads nowhere: it stays where it is, comes back, or never ends.
    #[error("`{provider}` goes in circles: page {page} {what}")]
    Circle {
        /// The provider.
        provider: String,
        /// The number of the page in its pass.
        page: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The cursor holds what a variable of the source holds, and a cursor is written down.
    #[error("the cursor of `{provider}` holds the secret of one of its variables, and is not kept")]
    SecretCursor {
        /// The provider.
        provider: String,
    },
    /// archal has a fault that this source finds.
    #[error("archal has a fault that `{provider}` finds; please report it")]
    Fault {
        /// The provider.
        provider: String,
    },
    /// Another process asks it.
    #[error("another process asks `{name}` at this moment")]
    Taken {
        /// The source.
        name: String,
    },
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What came cannot be kept.
    #[error("what came cannot be kept")]
    Store(#[from] DatabaseError),
    /// A place for what is not to be kept cannot be made.
    #[error("a temporary folder cannot be made")]
    Temporary(#[source] std::io::Error),
    /// A batch file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What stands in the trace directory cannot be read or written.
    #[error("what is in the trace directory already cannot be told")]
    Ledger(#[source] LedgerError),
    /// There is no room for what comes.
    #[error(transparent)]
    Full(#[from] Full),
    /// The disk cannot be asked.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Objects cannot be imported.
    #[error(transparent)]
    Objects(#[from] objects::PassError),
    /// It is not asked in this way.
    #[error("`{provider}` cannot be asked here")]
    Unasked {
        /// The provider.
        provider: String,
    },
}

impl PassError {
    /// The command or setting that mends it.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Pull(error) => error.advice.as_deref(),
            Self::Store(error) => error.way_out(),
            _ if self.is_full() => Some("archal prune --dry-run"),
            _ => None,
        }
    }

    /// Whether it waits for room on the disk.
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Full(_) | Self::Objects(objects::PassError::Full(_))
        )
    }

    /// Whether the end was asked for, so that it is none.
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Pull(error) if error.kind == PullErrorKind::Stopped)
    }

    /// When the service wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Pull(PullError {
                kind: PullErrorKind::Limited { after },
                ..
            }) => *after,
            _ => None,
        }
    }
}
