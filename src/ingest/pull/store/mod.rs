//! What came of a source that is asked and how far it was asked: one database a source.
//!
//! A page's rows and the cursor behind them are one transaction, so whoever is killed anywhere
//! repeats a page at most, and a page that is repeated changes nothing. The rows of a trace are kept
//! after it was given out, because more may come of it; later the batch file stands for them.
//!
//! - [`page`]: what a page changes. [`traces`]: what is to be given out, and what was.
//! - [`standing`]: how far the source was asked, and how that went.

pub mod page;
pub mod standing;
pub mod traces;

use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use crate::store::database::{self, DatabaseError, Migrations, Promise};

pub use page::{MOST_BYTES, MOST_ROWS, NewRow, Stored};
pub use standing::Standing;
pub use traces::{Due, HeldRows, Pace, Whole};

/// The forms of the database. Times are microseconds since 1970.
const MIGRATIONS: Migrations = &[
    "
CREATE TABLE standing (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  cursor TEXT,
  cursor_at INTEGER,
  since INTEGER,
  -- Whether the rows so far make whole traces.
  is_whole INTEGER NOT NULL DEFAULT 1,
  pages INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  begun_at INTEGER,
  ended_at INTEGER,
  error TEXT,
  advice TEXT,
  error_at INTEGER
) STRICT;
INSERT INTO standing (only_one) VALUES (1);
CREATE TABLE traces (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  -- Whether its one row is a trace that came whole.
  is_whole INTEGER NOT NULL,
  root_ended INTEGER NOT NULL DEFAULT 0,
  -- The newest time that its rows tell, and when one of them last changed here.
  newest INTEGER,
  seen INTEGER NOT NULL,
  -- Since when something of it was not given out; null where all was.
  dirty INTEGER,
  -- Grows with each change.
  change INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  -- The batch file that has it, and its id there.
  given_file TEXT,
  given_id TEXT,
  -- Whether that file has more than the rows that are still here.
  is_pruned INTEGER NOT NULL DEFAULT 0,
  -- The version of archal that could not put it together.
  failed TEXT
) STRICT;
CREATE INDEX traces_dirty ON traces (id) WHERE dirty IS NOT NULL;
CREATE INDEX traces_seen ON traces (seen) WHERE dirty IS NULL;
CREATE TABLE rows (
  trace INTEGER NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  version INTEGER,
  hash BLOB NOT NULL,
  size INTEGER NOT NULL,
  -- Null where its trace had too many already.
  body BLOB,
  UNIQUE (trace, id)
) STRICT;
",
    "
-- What tells what is asked from anything else: the cursor is of that alone.
ALTER TABLE standing ADD COLUMN asked TEXT;
",
];

/// The rows, the traces and the cursor of one source.
#[derive(Debug)]
pub struct RowStore {
    path: PathBuf,
    connection: Connection,
}

/// Where the store of a source lies, whose spool is there.
pub fn path_of(spool: &Path) -> PathBuf {
    spool.join("rows.db")
}

impl RowStore {
    /// Opens the store of a source, or makes it.
    ///
    /// # Errors
    ///
    /// When it cannot be used.
    pub fn open(spool: &Path) -> Result<Self, DatabaseError> {
        let path = path_of(spool);
        let connection = database::open(&path, MIGRATIONS, Promise::Whole)?;
        Ok(Self { path, connection })
    }

    /// Opens the store of a source to look at it; none where it was never asked.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn look(spool: &Path) -> Result<Option<Self>, DatabaseError> {
        let path = path_of(spool);
        let connection = database::open_to_read(&path, MIGRATIONS)?;
        Ok(connection.map(|connection| Self { path, connection }))
    }

    /// A copy of the store of a source in another folder, empty where the source was never asked.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written.
    pub fn copied(spool: &Path, folder: &Path) -> Result<Self, DatabaseError> {
        if let Some(store) = Self::look(spool)? {
            let copy = path_of(folder);
            store.done(|connection| {
                connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])
            })?;
        }
        Self::open(folder)
    }

    /// Moves a broken store aside, so that the source is asked from its beginning; says where.
    ///
    /// # Errors
    ///
    /// When it cannot be moved.
    pub fn set_aside(spool: &Path) -> Result<PathBuf, DatabaseError> {
        database::set_aside(&path_of(spool))
    }

    fn done<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        work(&self.connection).map_err(|source| DatabaseError::of(&self.path, source))
    }

    /// All of it or nothing.
    fn changed<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let path = &self.path;
        let failed = |source| DatabaseError::of(path, source);
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let outcome = work(&change).map_err(failed)?;
        change.commit().map_err(failed)?;
        Ok(outcome)
    }
}

/// A time as it stands in the database.
fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// A time of the database.
fn time(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}
