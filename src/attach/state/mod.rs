//! What attach knows between two lives of its process: `.archal/state.db`.
//!
//! Rows name artifacts, which are written first; a row that was lost is derived again from them
//! or from the trace file. One connection writes, one reads; every change is one transaction, so
//! a process that is killed leaves what was true before or after it.
//!
//! - `schema`: the tables.
//! - [`attachments`]: which directories are attached, with which flags.
//! - [`files`]: the files of these and what became of each.
//! - [`traces`]: which trace has which name.
//! - [`jobs`]: jobs, their transitions, and which is next.
//! - [`waits`]: which is graded next, and which wait for money or for their judge.
//! - [`attempts`]: paid steps of jobs.
//! - [`facts`]: about the state itself.
//! - [`failures`]: groups of traces that show the same failure.
//! - [`notices`]: what is to be told of them, and what became of that.
//! - [`results`]: verdicts that are to be sent, and what became of that.
//! - [`tallies`]: how many files and jobs stand how.
//! - [`pruned`]: which artifacts were removed because they were old.
//! - [`packed`]: what archal itself put into trace directories.
//! - [`submitted`]: commands that are jobs of the watcher.

pub mod attachments;
pub mod attempts;
pub mod facts;
pub mod failures;
pub mod files;
pub mod jobs;
pub mod notices;
pub mod packed;
pub mod pruned;
pub mod results;
mod schema;
pub mod submitted;
pub mod tallies;
pub mod traces;
pub mod waits;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use archal_core::clock::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::database::{self, DatabaseError, Promise};
use crate::store::inside;
use crate::store::layout::Layout;
use crate::store::space;

/// A database smaller than this is checked before anything else is done with it; a larger one
/// behind the work, because reading all of it takes longer than people wait.
const CHECKED_FIRST: u64 = 64 << 20;

/// The open database.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    /// The file that was opened, whatever lies under its name now.
    file: Option<FileId>,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

/// A state that was opened.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub state: State,
    /// Where a broken one was put, whose content has to be derived again.
    pub set_aside: Option<(PathBuf, String)>,
    /// Whether [`State::check`] was left for later.
    pub is_unchecked: bool,
}

/// The database, unless it is a link out of the repository: somebody who gave it to this user to clone put it
/// there.
fn path_of(layout: &Layout) -> Result<PathBuf, DatabaseError> {
    let path = layout.state_database();
    if inside::is_inside(&path, layout.bounds()) {
        return Ok(path);
    }
    let source = std::io::Error::other("it is a link that leads out of the repository; remove it");
    Err(DatabaseError::Io { path, source })
}

impl State {
    /// Opens the state of a repository to work with it; a broken one is put aside and a new one
    /// begun. Only the holder of the watcher's lock may do this.
    ///
    /// All of it is checked first where it is small, or where `check` says so.
    pub fn open(layout: &Layout, check: bool) -> Result<Opened, DatabaseError> {
        let path = path_of(layout)?;
        let is_large =
            std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= CHECKED_FIRST);
        let is_unchecked = is_large && !check;
        match Self::open_checked(&path, !is_unchecked) {
            Ok(state) => Ok(Opened {
                state,
                set_aside: None,
                is_unchecked,
            }),
            Err(error) if error.is_broken() => {
                let aside = database::set_aside(&path)?;
                Ok(Opened {
                    state: Self::open_checked(&path, false)?,
                    set_aside: Some((aside, error.to_string())),
                    is_unchecked: false,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the state of a repository to change something in it beside whoever works with it, as
    /// a person does from another terminal; none where nothing was ever attached. A broken one is
    /// left for its keeper to put aside.
    pub fn beside(layout: &Layout) -> Result<Option<Self>, DatabaseError> {
        let path = path_of(layout)?;
        if !path.exists() {
            return Ok(None);
        }
        Self::open_checked(&path, false).map(Some)
    }

    /// The same, begun where nothing was ever attached.
    pub fn beside_or_new(layout: &Layout) -> Result<Self, DatabaseError> {
        Self::open_checked(&path_of(layout)?, false)
    }

    fn open_checked(path: &Path, check: bool) -> Result<Self, DatabaseError> {
        if let Some(kind) = space::network_kind(path) {
            return Err(DatabaseError::Network {
                path: path.to_owned(),
                kind,
            });
        }
        let writer = database::open(path, schema::MIGRATIONS, Promise::Whole)?;
        if check {
            database::check(path, &writer)?;
        }
        let reader = database::open(path, schema::MIGRATIONS, Promise::Whole)?;
        Ok(Self {
            path: path.to_owned(),
            file: FileId::of(path),
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }

    /// Opens the state of a repository to look at it; none where nothing was ever attached.
    pub fn look(layout: &Layout) -> Result<Option<Look>, DatabaseError> {
        let path = path_of(layout)?;
        let reader = database::open_to_read(&path, schema::MIGRATIONS)?;
        Ok(reader.map(|reader| Look { path, reader }))
    }

    /// Reads all of the database and says what contradicts itself.
    pub fn check(&self) -> Result<(), DatabaseError> {
        // A connection of its own, so that nobody waits for it.
        match database::open_to_read(&self.path, schema::MIGRATIONS)? {
            Some(connection) => database::check(&self.path, &connection),
            None => Ok(()),
        }
    }

    /// Makes one change: all of it or nothing.
    pub fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut writer = lock(&self.writer);
        self.change(&mut writer, change)
    }

    /// Makes one change that is on the disk when this returns, whatever happens to the machine.
    pub fn write_synced<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut writer = lock(&self.writer);
        let synchronous = |writer: &Connection, how: &str| {
            writer
                .pragma_update(None, "synchronous", how)
                .map_err(|source| DatabaseError::of(&self.path, source))
        };
        synchronous(&writer, "full")?;
        let done = self.change(&mut writer, change);
        synchronous(&writer, "normal")?;
        done
    }

    fn change<T>(
        &self,
        writer: &mut Connection,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let failed = |source| DatabaseError::of(&self.path, source);
        self.is_in_place()?;
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let value = change(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(value)
    }

    /// Whether what is written here is found by those who come after: SQLite goes on with a file
    /// that was removed, and all of it is lost at the end.
    fn is_in_place(&self) -> Result<(), DatabaseError> {
        if FileId::of(&self.path) == self.file {
            return Ok(());
        }
        Err(DatabaseError::Broken {
            path: self.path.clone(),
            reason: "it was removed or replaced while it was in use".to_owned(),
        })
    }

    /// Asks something.
    pub fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        question(&lock(&self.reader)).map_err(|source| DatabaseError::of(&self.path, source))
    }

    /// Folds what was written lately into the one file.
    pub fn fold(&self) -> Result<(), DatabaseError> {
        lock(&self.writer)
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|source| DatabaseError::of(&self.path, source))
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What tells a file from another one under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    /// None where there is no file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }
}

/// A state that is only looked at, beside whoever works with it.
#[derive(Debug)]
pub struct Look {
    path: PathBuf,
    reader: Connection,
}

impl Look {
    /// Asks something.
    pub fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        question(&self.reader).map_err(|source| DatabaseError::of(&self.path, source))
    }
}

/// A panic in another thread left the connection with its transaction rolled back.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time as rows hold it: UTC with milliseconds, so that text sorts as time does.
pub fn time_text(time: Timestamp) -> String {
    format!("{time:.3}")
}
