//! What a page changes in the store.

use std::collections::HashMap;

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{RowStore, micros};
use crate::store::database::DatabaseError;

/// Rows of one trace that are kept.
pub const MOST_ROWS: u64 = 100_000;
/// Bytes of one trace's rows that are kept.
pub const MOST_BYTES: u64 = 64 << 20;
/// A smaller body is kept as it is.
const PACKED_FROM: usize = 256;
/// How a body begins that is kept as it is, and one that is compressed.
pub(super) const PLAIN: u8 = 0;
pub(super) const PACKED: u8 = 1;
/// The fastest; rows of a trace are read again seldom.
const LEVEL: i32 = 1;

/// A row on its way to the store, redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRow {
    /// What its trace goes by.
    pub trace: String,
    /// What it goes by in its trace.
    pub id: String,
    /// Of two versions the higher counts.
    pub version: Option<i64>,
    /// Whether it is the end of its trace's root.
    pub ends_root: bool,
    /// Whether it is a trace that came whole.
    pub is_whole: bool,
    /// When what it tells of ended.
    pub at: Option<Timestamp>,
    /// What it says.
    pub body: Value,
}

/// What is stored with the rows of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageEnd<'a> {
    /// Where to go on.
    pub cursor: &'a Value,
    /// Whether the rows so far make whole traces.
    pub is_whole: bool,
    /// Requests it took.
    pub requests: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// The time.
    pub now: Timestamp,
}

/// What became of the rows of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Rows that were not there.
    pub new: u64,
    /// Rows that were there otherwise.
    pub changed: u64,
    /// Rows that were there like this, or in a higher version.
    pub same: u64,
}

impl RowStore {
    /// Stores the rows of a page with the cursor behind them.
    ///
    /// # Errors
    ///
    /// When nothing of it was stored.
    pub fn take(&mut self, rows: &[NewRow], end: PageEnd<'_>) -> Result<Stored, DatabaseError> {
        self.changed(|change| {
            let mut taking = Taking {
                change,
                now: micros(end.now),
                traces: HashMap::new(),
                stored: Stored::default(),
            };
            for row in rows {
                taking.row(row)?;
            }
            let stored = taking.ended()?;
            change
                .prepare_cached(
                    "UPDATE standing SET cursor = ?1, cursor_at = ?2, is_whole = ?3,
                       pages = pages + 1, rows = rows + ?4, requests = requests + ?5,
                       bytes = bytes + ?6",
                )?
                .execute(params![
                    end.cursor.to_string(),
                    micros(end.now),
                    end.is_whole,
                    rows.len(),
                    end.requests,
                    end.bytes
                ])?;
            Ok(stored)
        })
    }
}

/// A trace of which the page has rows.
#[derive(Debug, Clone, Copy)]
struct Open {
    id: i64,
    rows: u64,
    bytes: u64,
    root_ended: bool,
    newest: Option<i64>,
    is_changed: bool,
}

struct Taking<'a> {
    change: &'a Connection,
    now: i64,
    traces: HashMap<&'a str, Open>,
    stored: Stored,
}

impl<'a> Taking<'a> {
    fn row(&mut self, row: &'a NewRow) -> rusqlite::Result<()> {
        let mut trace = match self.traces.get(row.trace.as_str()) {
            Some(open) => *open,
            None => self.trace(row)?,
        };
        let body = row.body.to_string();
        let hash = hash(row, &body);
        let known: Option<(Option<i64>, Vec<u8>, u64)> = self
            .change
            .prepare_cached("SELECT version, hash, size FROM rows WHERE trace = ?1 AND id = ?2")?
            .query_row(params![trace.id, row.id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let size = body.len() as u64;
        match &known {
            Some((version, same, _)) => {
                let is_older =
                    matches!((row.version, version), (Some(new), Some(old)) if new < *old);
                if is_older || *same == hash {
                    if !is_older && row.version != *version {
                        self.change
                            .prepare_cached(
                                "UPDATE rows SET version = ?3 WHERE trace = ?1 AND id = ?2",
                            )?
                            .execute(params![trace.id, row.id, row.version])?;
                    }
                    self.stored.same += 1;
                    self.traces.insert(&row.trace, trace);
                    return Ok(());
                }
                self.stored.changed += 1;
            }
            None => self.stored.new += 1,
        }
        let (before, is_new) = known.map_or((0, true), |(_, _, size)| (size, false));
        let bytes = (trace.bytes + size).saturating_sub(before);
        let fits = bytes <= MOST_BYTES && (!is_new || trace.rows < MOST_ROWS);
        // Its place is kept even so: what comes again is not counted twice.
        let (kept, size) = if fits {
            (Some(packed(&body)?), size)
        } else {
            (None, 0)
        };
        self.change
            .prepare_cached(
                "INSERT INTO rows (trace, id, version, hash, size, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (trace, id) DO UPDATE
                 SET version = ?3, hash = ?4, size = ?5, body = ?6",
            )?
            .execute(params![trace.id, row.id, row.version, hash, size, kept])?;
        trace.bytes = (trace.bytes + size).saturating_sub(before);
        trace.rows += u64::from(is_new);
        trace.root_ended |= row.ends_root;
        trace.newest = trace.newest.max(row.at.map(micros));
        trace.is_changed = true;
        self.traces.insert(&row.trace, trace);
        Ok(())
    }

    fn trace(&self, row: &NewRow) -> rusqlite::Result<Open> {
        self.change
            .prepare_cached(
                "INSERT INTO traces (name, is_whole, seen) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO NOTHING",
            )?
            .execute(params![row.trace, row.is_whole, self.now])?;
        self.change
            .prepare_cached(
                "SELECT id, rows, bytes, root_ended, newest FROM traces WHERE name = ?1",
            )?
            .query_row([&row.trace], |row| {
                Ok(Open {
                    id: row.get(0)?,
                    rows: row.get(1)?,
                    bytes: row.get(2)?,
                    root_ended: row.get(3)?,
                    newest: row.get(4)?,
                    is_changed: false,
                })
            })
    }

    fn ended(self) -> rusqlite::Result<Stored> {
        let mut update = self.change.prepare_cached(
            "UPDATE traces SET rows = ?2, bytes = ?3, root_ended = ?4, newest = ?5, seen = ?6,
               dirty = coalesce(dirty, ?6), change = change + 1, failed = NULL
             WHERE id = ?1",
        )?;
        for trace in self.traces.values().filter(|trace| trace.is_changed) {
            update.execute(params![
                trace.id,
                trace.rows,
                trace.bytes,
                trace.root_ended,
                trace.newest,
                self.now
            ])?;
        }
        Ok(self.stored)
    }
}

/// Equal for equal content, whatever its version.
fn hash(row: &NewRow, body: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update([u8::from(row.ends_root)]);
    hash.update(row.at.map_or(i64::MIN, micros).to_le_bytes());
    hash.update(body.as_bytes());
    hash.finalize().get(..16).unwrap_or_default().to_vec()
}

fn packed(body: &str) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = vec![PLAIN];
    if body.len() < PACKED_FROM {
        bytes.extend_from_slice(body.as_bytes());
        return Ok(bytes);
    }
    let smaller = zstd::bulk::compress(body.as_bytes(), LEVEL)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    bytes = vec![PACKED];
    bytes.extend_from_slice(&smaller);
    Ok(bytes)
}
