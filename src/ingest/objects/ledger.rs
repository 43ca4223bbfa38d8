//! What is known of a source's objects, in a database of its own in the source's spool folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::pull::Object;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use schemars::JsonSchema;
use serde::Serialize;

use super::position::{PageSeen, Position};
use crate::store::database::{self, DatabaseError, Migrations, Promise};

const MIGRATIONS: Migrations = &[
    "
CREATE TABLE objects (
  key TEXT NOT NULL PRIMARY KEY,
  version TEXT NOT NULL,
  size INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX objects_to_read ON objects (state, key) WHERE state IN ('refused', 'listed', 'failed');
CREATE TABLE listing (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  store TEXT NOT NULL,
  filter TEXT NOT NULL,
  place TEXT,
  last_key TEXT,
  is_full INTEGER NOT NULL DEFAULT 1,
  listed_full_at TEXT,
  is_full_due INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE pages (
  number INTEGER NOT NULL PRIMARY KEY,
  place TEXT,
  last_key TEXT,
  newest TEXT
);
CREATE TABLE wanted (
  key TEXT NOT NULL PRIMARY KEY,
  manifest TEXT NOT NULL,
  unreadable TEXT
) WITHOUT ROWID;
",
    "
-- How it was tried to read an object that could not be read.
ALTER TABLE objects ADD COLUMN tried TEXT;
",
    "
-- When an object was first read whose scores are of traces that nobody has yet.
ALTER TABLE objects ADD COLUMN alone TEXT;
CREATE INDEX objects_alone ON objects (alone) WHERE alone IS NOT NULL;
-- What is older is not asked for: that is how the store was first asked.
ALTER TABLE listing ADD COLUMN floor TEXT;
",
];

/// Its name.
const NAME: &str = "objects.db";

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its traces stand in batch files.
    Read,
    /// It holds nothing that can be read; another version of it may, or another way to read it.
    Failed,
    /// The store did not give it; it is asked for again.
    Refused,
    /// It is known and not read: no manifest names it so far.
    Listed,
    /// It was there.
    Gone,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Listed => "listed",
            Self::Gone => "gone",
        }
    }

    fn of(text: &str) -> Self {
        match text {
            "read" => Self::Read,
            "failed" => Self::Failed,
            "refused" => Self::Refused,
            "listed" => Self::Listed,
            _ => Self::Gone,
        }
    }
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The version that it is about.
    pub version: String,
    /// Its size.
    pub size: u64,
    /// What became of it.
    pub state: State,
    /// How it was tried to read it: see [`super::Settings::way`].
    pub tried: Option<String>,
}

/// An object that the ledger knows and that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToRead {
    /// As it was listed.
    pub object: Object,
    /// Whether the store did not give it before.
    pub is_refused: bool,
}

/// Something to be noted of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its key.
    pub key: String,
    /// The version that was listed.
    pub version: String,
    /// The size that was listed.
    pub size: u64,
    /// What became of it.
    pub state: State,
    /// Why, where something went wrong.
    pub reason: Option<String>,
    /// Whether it has scores of traces that nobody has yet.
    pub is_alone: bool,
}

impl Mark {
    /// Of an object.
    pub fn of(object: &Object, state: State, reason: Option<String>) -> Self {
        Self {
            key: object.key.clone(),
            version: object.version.clone(),
            size: object.size,
            state,
            reason,
            is_alone: false,
        }
    }
}

/// A file that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// Its key.
    pub key: String,
    /// The manifest's.
    pub manifest: String,
    /// Why it cannot be read.
    pub unreadable: Option<String>,
}

/// How many objects there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerCounts {
    /// Whose traces stand in batch files.
    pub read: u64,
    /// That hold nothing that can be read.
    pub failed: u64,
    /// That the store did not give.
    pub refused: u64,
    /// That no manifest names so far.
    pub unnamed: u64,
}

/// The ledger of a source's objects.
#[derive(Debug)]
pub struct ObjectLedger {
    path: PathBuf,
    connection: Connection,
}

impl ObjectLedger {
    /// Opens the ledger in a spool folder, and makes it where there is none. One that is broken is
    /// put aside: everything is read again then, which changes nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be used.
    pub fn open(spool: &Path) -> Result<Self, DatabaseError> {
        let path = spool.join(NAME);
        let opened = match database::open(&path, MIGRATIONS, Promise::Whole) {
            Err(error) if error.is_broken() => {
                database::set_aside(&path)?;
                database::open(&path, MIGRATIONS, Promise::Whole)
            }
            opened => opened,
        };
        Ok(Self {
            connection: opened?,
            path,
        })
    }

    /// Copies the ledger of a spool folder, if there is one, to another folder: what is done with the
    /// copy leaves no trace.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or not be written there.
    pub fn copied(spool: &Path, to: &Path) -> Result<(), DatabaseError> {
        let path = spool.join(NAME);
        let Some(connection) = database::open_to_read(&path, MIGRATIONS)? else {
            return Ok(());
        };
        let copy = to.join(NAME);
        connection
            .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
            .map(drop)
            .map_err(|source| DatabaseError::of(&path, source))
    }

    /// How many objects are known in the spool folder; none where nothing was asked for yet.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn counts(spool: &Path) -> Result<Option<LedgerCounts>, DatabaseError> {
        let path = spool.join(NAME);
        let Some(connection) = database::open_to_read(&path, MIGRATIONS)? else {
            return Ok(None);
        };
        let counted = || {
            let mut counts = LedgerCounts::default();
            let mut each =
                connection.prepare("SELECT state, count(*) FROM objects GROUP BY state")?;
            let mut rows = each.query([])?;
            while let Some(row) = rows.next()? {
                let state: String = row.get(0)?;
                let count = match State::of(&state) {
                    State::Read => &mut counts.read,
                    State::Failed => &mut counts.failed,
                    State::Refused => &mut counts.refused,
                    State::Listed => &mut counts.unnamed,
                    State::Gone => continue,
                };
                *count = row.get(1)?;
            }
            rusqlite::Result::Ok(counts)
        };
        counted()
            .map(Some)
            .map_err(|source| DatabaseError::of(&path, source))
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> DatabaseError + use<> {
        let path = self.path.clone();
        move |source| DatabaseError::of(&path, source)
    }

    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let failed = self.failed();
        let transaction = self.connection.transaction().map_err(&failed)?;
        let done = work(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(done)
    }

    /// What is known of the objects of a page, by key, and of keys that should stand among them in
    /// a page whose keys are sorted: behind `after`, and up to the page's last key, or to the end.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn known(
        &self,
        objects: &[Object],
        between: Option<Between<'_>>,
    ) -> Result<BTreeMap<String, Row>, DatabaseError> {
        let read = || match between {
            Some(between) => self.range(objects, between),
            None => self.each(objects),
        };
        read().map_err(self.failed())
    }

    fn range(
        &self,
        objects: &[Object],
        between: Between<'_>,
    ) -> rusqlite::Result<BTreeMap<String, Row>> {
        let mut asked =
            "SELECT key, version, size, state, tried FROM objects WHERE key >= ?1".to_owned();
        let mut values = vec![Value::Text(between.prefix.to_owned())];
        if let Some(after) = between.after {
            asked.push_str(" AND key > ?2");
            values.push(Value::Text(after.to_owned()));
        }
        let to = objects.last().filter(|_| !between.is_end);
        if let Some(last) = to {
            asked.push_str(&format!(" AND key <= ?{}", values.len() + 1));
            values.push(Value::Text(last.key.clone()));
        }
        let mut statement = self.connection.prepare_cached(&asked)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            if !key.starts_with(between.prefix) {
                break;
            }
            found.insert(key, row_at(row, 1)?);
        }
        Ok(found)
    }

    fn each(&self, objects: &[Object]) -> rusqlite::Result<BTreeMap<String, Row>> {
        let mut one = self
            .connection
            .prepare_cached("SELECT version, size, state, tried FROM objects WHERE key = ?1")?;
        let mut found = BTreeMap::new();
        for object in objects {
            let row = one
                .query_row([&object.key], |row| row_at(row, 0))
                .optional()?;
            if let Some(row) = row {
                found.insert(object.key.clone(), row);
            }
        }
        Ok(found)
    }

    /// Notes what became of objects that were `tried` in that way and, where it is said, the place that
    /// the listing has come to.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn note(
        &mut self,
        marks: &[Mark],
        pages: &[PageSeen],
        position: Option<&Position>,
        tried: &str,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let now = now.to_string();
        self.change(|change| {
            let mut put = change.prepare_cached(
                "INSERT INTO objects (key, version, size, state, reason, at, tried, alone)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (key) DO UPDATE
                 SET version = ?2, size = ?3, state = ?4, reason = ?5, at = ?6, tried = ?7,
                   alone = CASE WHEN version = ?2 AND ?8 IS NOT NULL
                     THEN coalesce(alone, ?8) ELSE ?8 END",
            )?;
            for mark in marks {
                put.execute(params![
                    mark.key,
                    mark.version,
                    mark.size,
                    mark.state.text(),
                    mark.reason,
                    now,
                    (mark.state == State::Failed).then_some(tried),
                    mark.is_alone.then_some(&now)
                ])?;
            }
            let mut page = change.prepare_cached(
                "INSERT INTO pages (place, last_key, newest) VALUES (?1, ?2, ?3)",
            )?;
            for seen in pages {
                let newest = seen.newest.map(|at| at.to_string());
                page.execute(params![seen.place, seen.last_key, newest])?;
            }
            if let Some(position) = position {
                change.execute(
                    "UPDATE listing SET place = ?1, last_key = ?2, is_full = ?3",
                    params![position.place, position.last_key, position.is_full],
                )?;
            }
            Ok(())
        })
    }

    /// Objects that the store did not give before, behind a key; at most so many.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn refused(&self, after: &str, most: usize) -> Result<Vec<ToRead>, DatabaseError> {
        self.to_read(
            "SELECT key, version, size, state FROM objects WHERE state = 'refused' AND key > ?1
             ORDER BY key LIMIT ?2",
            after,
            most,
        )
    }

    /// Objects with scores of traces that nobody had, first read since that time; the newest of them, at most
    /// so many.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn alone(&self, since: Timestamp, most: usize) -> Result<Vec<ToRead>, DatabaseError> {
        self.to_read(
            "SELECT key, version, size, state FROM objects WHERE state = 'read' AND alone > ?1
             ORDER BY alone DESC, key LIMIT ?2",
            &since.to_string(),
            most,
        )
    }

    /// Notes the files that a manifest names.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn want(&mut self, files: &[WantedFile]) -> Result<(), DatabaseError> {
        self.change(|change| {
            let mut put = change.prepare_cached(
                "INSERT INTO wanted (key, manifest, unreadable) VALUES (?1, ?2, ?3)
                 ON CONFLICT (key) DO UPDATE SET manifest = ?2, unreadable = ?3",
            )?;
            for file in files {
                put.execute(params![file.key, file.manifest, file.unreadable])?;
            }
            Ok(())
        })
    }

    /// Files that manifests name and that are there but not read, behind a key; at most so many.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn wanted(&self, after: &str, most: usize) -> Result<Vec<ToRead>, DatabaseError> {
        self.to_read(
            "SELECT wanted.key, version, size, state FROM wanted JOIN objects ON objects.key = wanted.key
             WHERE objects.state IN ('listed', 'refused') AND wanted.unreadable IS NULL
               AND wanted.key > ?1
             ORDER BY wanted.key LIMIT ?2",
            after,
            most,
        )
    }

    /// Files that manifests name and that cannot be read: the key, the manifest's, and why. First
    /// those that are not there.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn missing(&self, most: usize) -> Result<Vec<WantedFile>, DatabaseError> {
        let read = || {
            let mut asked = self.connection.prepare_cached(
                "SELECT wanted.key, manifest, unreadable FROM wanted
                 LEFT JOIN objects ON objects.key = wanted.key
                 WHERE objects.key IS NULL OR objects.state = 'gone' OR unreadable IS NOT NULL
                 ORDER BY unreadable, wanted.key LIMIT ?1",
            )?;
            let rows = asked.query_map([most], |row| {
                Ok(WantedFile {
                    key: row.get(0)?,
                    manifest: row.get(1)?,
                    unreadable: row.get(2)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    fn to_read(
        &self,
        asked: &str,
        behind: &str,
        most: usize,
    ) -> Result<Vec<ToRead>, DatabaseError> {
        let read = || {
            let mut asked = self.connection.prepare_cached(asked)?;
            let rows = asked.query_map(params![behind, most], |row| {
                let state: String = row.get(3)?;
                Ok(ToRead {
                    object: Object {
                        key: row.get(0)?,
                        version: row.get(1)?,
                        size: row.get(2)?,
                        modified: None,
                    },
                    is_refused: State::of(&state) == State::Refused,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }
}

/// Where keys of a page stand in the order of all keys.
#[derive(Debug, Clone, Copy)]
pub struct Between<'a> {
    /// What all of them begin with.
    pub prefix: &'a str,
    /// The last key before the page.
    pub after: Option<&'a str>,
    /// Whether nothing comes behind the page.
    pub is_end: bool,
}

fn row_at(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Row> {
    let state: String = row.get(first + 2)?;
    Ok(Row {
        version: row.get(first)?,
        size: row.get(first + 1)?,
        state: State::of(&state),
        tried: row.get(first + 3)?,
    })
}
