//! Which traces are to be given out, and which were.

use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::push::KeptSpan;
use rusqlite::params;
use serde_json::Value;

use super::page::PACKED;
use super::{RowStore, micros};
use crate::store::database::DatabaseError;

/// Traces that are asked for at once.
const AT_ONCE: u64 = 200;
/// Traces of which is known where they stand, when their rows are gone.
const MOST_KNOWN: u64 = 1_000_000;

/// When traces are given out, and how long their rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a trace whose root has ended must be quiet.
    pub settle: Duration,
    /// How long one without an end is waited for, and one that is never quiet.
    pub longest: Duration,
    /// How long rows are kept for what comes late.
    pub keep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(60),
            longest: Duration::from_secs(600),
            keep: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// A trace that is to be given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its place in the store.
    pub id: i64,
    /// What it goes by.
    pub name: String,
    /// Whether it came whole.
    pub is_whole: bool,
    /// What it was when it was read: a later change is not given out with it.
    pub(in crate::ingest::pull) change: i64,
    /// The batch file that has it as it was last given out, and its id there.
    pub file: Option<(PathBuf, String)>,
    /// Whether rows of it are gone.
    pub is_pruned: bool,
}

/// The rows of a trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeldRows {
    /// Those that are there.
    pub rows: Vec<KeptSpan>,
    /// How many were too many, or are broken.
    pub lost: u64,
}

/// Of which traces the rows so far are all there are, as far as is known, and when that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// The time: what was quiet then may be given out.
    pub at: Timestamp,
    /// Whether that holds of those alone whose root is here and has ended.
    pub is_rooted: bool,
}

impl Whole {
    /// All of them.
    pub fn all(at: Timestamp) -> Self {
        Self {
            at,
            is_rooted: false,
        }
    }
}

/// What makes a trace due.
const IS_DUE: &str = "dirty IS NOT NULL AND (root_ended OR NOT ?3) AND (
    root_ended AND min(coalesce(newest, seen), seen) <= ?1
    OR min(coalesce(newest, seen), seen) <= ?2 OR dirty <= ?2)";

impl Pace {
    /// Until when a trace must have been quiet, and without an end.
    fn until(&self, now: Timestamp) -> [i64; 2] {
        [self.settle, self.longest].map(|pause| micros(before(now, pause)))
    }
}

fn before(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_sub(pause).unwrap_or(Timestamp::MIN)
}

impl RowStore {
    /// How many traces are due.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn how_many_due(&self, pace: &Pace, whole: Whole) -> Result<u64, DatabaseError> {
        let [quiet, longest] = pace.until(whole.at);
        self.done(|connection| {
            connection
                .prepare_cached(&format!("SELECT count(*) FROM traces WHERE {IS_DUE}"))?
                .query_row(params![quiet, longest, whole.is_rooted], |row| row.get(0))
        })
    }

    /// The next traces that are due, behind that place; in an order that stays.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn due(&self, behind: i64, pace: &Pace, whole: Whole) -> Result<Vec<Due>, DatabaseError> {
        let [quiet, longest] = pace.until(whole.at);
        self.done(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT id, name, is_whole, change, given_file, given_id, is_pruned
                     FROM traces WHERE id > ?4 AND {IS_DUE} ORDER BY id LIMIT {AT_ONCE}"
                ))?
                .query_map(params![quiet, longest, whole.is_rooted, behind], |row| {
                    let file: Option<String> = row.get(4)?;
                    Ok(Due {
                        id: row.get(0)?,
                        name: row.get(1)?,
                        is_whole: row.get(2)?,
                        change: row.get(3)?,
                        file: file.map(PathBuf::from).zip(row.get(5)?),
                        is_pruned: row.get(6)?,
                    })
                })?
                .collect()
        })
    }

    /// The rows of a trace, in order of their ids.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn rows_of(&self, trace: &Due) -> Result<HeldRows, DatabaseError> {
        self.done(|connection| {
            let mut held = HeldRows::default();
            let mut select = connection
                .prepare_cached("SELECT body, size FROM rows WHERE trace = ?1 ORDER BY id")?;
            let mut rows = select.query([trace.id])?;
            while let Some(row) = rows.next()? {
                let body: Option<Vec<u8>> = row.get(0)?;
                match body.and_then(|body| unpacked(&body, row.get(1).ok()?)) {
                    Some(body) => held.rows.push(KeptSpan { shared: None, body }),
                    None => held.lost += 1,
                }
            }
            Ok(held)
        })
    }

    /// That traces stand in a batch file, under these ids. They are still due.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn note_file(
        &mut self,
        traces: &[(Due, String)],
        file: &Path,
    ) -> Result<(), DatabaseError> {
        self.changed(|change| {
            let mut update = change
                .prepare_cached("UPDATE traces SET given_file = ?2, given_id = ?3 WHERE id = ?1")?;
            for (trace, id) in traces {
                update.execute(params![trace.id, file.to_string_lossy(), id])?;
            }
            Ok(())
        })
    }

    /// That traces were given out as they were read.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn given_out<'a>(
        &mut self,
        traces: impl IntoIterator<Item = &'a Due>,
    ) -> Result<(), DatabaseError> {
        self.changed(|change| {
            let mut update = change
                .prepare_cached("UPDATE traces SET dirty = NULL WHERE id = ?1 AND change = ?2")?;
            for trace in traces {
                update.execute([trace.id, trace.change])?;
            }
            Ok(())
        })
    }

    /// That a trace cannot be put together. It is tried again when a row of it changes, and by the
    /// next version of archal.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn failed(&mut self, trace: &Due) -> Result<(), DatabaseError> {
        self.changed(|change| {
            change.execute(
                "UPDATE traces SET dirty = NULL, failed = ?2 WHERE id = ?1",
                params![trace.id, env!("CARGO_PKG_VERSION")],
            )
        })?;
        Ok(())
    }

    /// Removes the rows of traces that were given out or passed over and have not changed for so long; how
    /// many. The batch files of those that have one stand for them.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn prune(&mut self, pace: &Pace, now: Timestamp) -> Result<u64, DatabaseError> {
        let until = micros(before(now, pace.keep));
        let mut removed = 0;
        loop {
            let (traces, rows) = self.changed(|change| {
                let old: Vec<i64> = change
                    .prepare_cached(&format!(
                        "SELECT id FROM traces WHERE dirty IS NULL AND seen < ?1 AND rows > 0
                         LIMIT {AT_ONCE}"
                    ))?
                    .query_map([until], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                let mut rows = 0;
                for trace in &old {
                    rows += change
                        .prepare_cached("DELETE FROM rows WHERE trace = ?1")?
                        .execute([trace])?;
                    change
                        .prepare_cached(
                            "UPDATE traces SET is_pruned = 1, rows = 0, bytes = 0 WHERE id = ?1",
                        )?
                        .execute([trace])?;
                }
                Ok((old.len(), rows))
            })?;
            removed += rows as u64;
            if traces == 0 {
                break;
            }
        }
        if removed == 0 {
            return Ok(0);
        }
        self.changed(|change| {
            change.execute(
                "DELETE FROM traces WHERE id IN (SELECT id FROM traces
                   WHERE dirty IS NULL AND is_pruned = 1 AND rows = 0
                   ORDER BY seen DESC LIMIT -1 OFFSET ?1)",
                [MOST_KNOWN],
            )
        })?;
        Ok(removed)
    }
}

/// The body of a row; none where it is not what was written.
fn unpacked(bytes: &[u8], size: usize) -> Option<Value> {
    let (how, bytes) = bytes.split_first()?;
    if *how == PACKED {
        serde_json::from_slice(&zstd::bulk::decompress(bytes, size).ok()?).ok()
    } else {
        serde_json::from_slice(bytes).ok()
    }
}
