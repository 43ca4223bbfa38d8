//! How far a source was asked, and how that went.

use archal_core::clock::Timestamp;
use rusqlite::params;
use serde_json::Value;

use super::{RowStore, micros, time};
use crate::store::database::DatabaseError;

/// Where the asking of a source stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Where to go on; null for a source that was never asked.
    pub cursor: Value,
    /// When that was stored.
    pub cursor_at: Option<Timestamp>,
    /// Traces that ended before are not wanted, as was said when it was first asked.
    pub since: Option<Timestamp>,
    /// What tells what was asked from anything else.
    pub asked: Option<String>,
    /// Whether the rows so far make whole traces.
    pub is_whole: bool,
    /// Rows that ever came, those that came again among them.
    pub rows: u64,
    /// Requests that were ever made.
    pub requests: u64,
    /// Bytes that ever came.
    pub bytes: u64,
    /// When the last pass began.
    pub begun_at: Option<Timestamp>,
    /// When a pass last came to its end.
    pub ended_at: Option<Timestamp>,
    /// Why the last pass did not, what mends it, and when that was.
    pub error: Option<(String, Option<String>, Timestamp)>,
}

impl Standing {
    /// Whether the last pass did not come to its end.
    pub fn is_broken_off(&self) -> bool {
        !self.cursor.is_null() && self.begun_at > self.ended_at
    }
}

/// What the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holds {
    /// Rows.
    pub rows: u64,
    /// Traces that are known.
    pub traces: u64,
    /// Traces of which something was not given out.
    pub waiting: u64,
    /// Traces that could not be put together.
    pub failed: u64,
}

impl RowStore {
    /// Where the asking stands.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn standing(&self) -> Result<Standing, DatabaseError> {
        self.done(|connection| {
            connection
                .prepare_cached(
                    "SELECT cursor, cursor_at, since, is_whole, rows, requests, bytes, begun_at,
                       ended_at, error, advice, error_at, asked
                     FROM standing",
                )?
                .query_row([], |row| {
                    let at = |place: usize| -> rusqlite::Result<Option<Timestamp>> {
                        Ok(row.get::<_, Option<i64>>(place)?.and_then(time))
                    };
                    let cursor: Option<String> = row.get(0)?;
                    let error: Option<String> = row.get(9)?;
                    let advice = row.get(10)?;
                    Ok(Standing {
                        cursor: cursor
                            .and_then(|text| serde_json::from_str(&text).ok())
                            .unwrap_or_default(),
                        cursor_at: at(1)?,
                        since: at(2)?,
                        asked: row.get(12)?,
                        is_whole: row.get(3)?,
                        rows: row.get(4)?,
                        requests: row.get(5)?,
                        bytes: row.get(6)?,
                        begun_at: at(7)?,
                        ended_at: at(8)?,
                        error: error.zip(at(11)?).map(|(error, at)| (error, advice, at)),
                    })
                })
        })
    }

    /// How many traces wait to be given out.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn waiting(&self) -> Result<u64, DatabaseError> {
        self.done(|connection| {
            connection
                .prepare_cached("SELECT count(*) FROM traces WHERE dirty IS NOT NULL")?
                .query_row([], |row| row.get(0))
        })
    }

    /// What it holds.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn holds(&self) -> Result<Holds, DatabaseError> {
        self.done(|connection| {
            connection.query_row(
                "SELECT coalesce(sum(rows), 0), count(*), count(dirty), count(failed) FROM traces",
                [],
                |row| {
                    Ok(Holds {
                        rows: row.get(0)?,
                        traces: row.get(1)?,
                        waiting: row.get(2)?,
                        failed: row.get(3)?,
                    })
                },
            )
        })
    }

    /// That a pass begins, with traces since then; `anew` where it begins at nothing, because what
    /// is older than before is wanted, or something else is asked than before.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn begin(
        &mut self,
        since: Option<Timestamp>,
        asked: Option<&str>,
        anew: bool,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        self.changed(|change| {
            if anew {
                change.execute("UPDATE standing SET cursor = NULL, cursor_at = NULL", [])?;
                // What was passed over may be wanted now, and its rows come as they are here. What has
                // none any more comes as if it were new.
                change.execute(
                    "DELETE FROM traces WHERE dirty IS NULL AND given_file IS NULL AND rows = 0",
                    [],
                )?;
                change.execute(
                    "UPDATE traces SET dirty = ?1
                     WHERE dirty IS NULL AND given_file IS NULL AND failed IS NULL",
                    [micros(now)],
                )?;
            }
            change.execute(
                "UPDATE standing SET since = ?1, begun_at = ?2, asked = coalesce(?3, asked)",
                params![since.map(micros), micros(now), asked],
            )?;
            // What an older archal could not put together is tried again.
            change.execute(
                "UPDATE traces SET dirty = ?1, failed = NULL WHERE failed <> ?2",
                params![micros(now), env!("CARGO_PKG_VERSION")],
            )?;
            Ok(())
        })
    }

    /// How a pass ended: at its end, or why not and what mends that.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn end(
        &mut self,
        error: Option<(&str, Option<&str>)>,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        self.changed(|change| match error {
            None => change.execute(
                "UPDATE standing SET ended_at = ?1, error = NULL, advice = NULL, error_at = NULL",
                [micros(now)],
            ),
            Some((error, advice)) => change.execute(
                "UPDATE standing SET error = ?1, advice = ?2, error_at = ?3",
                params![error, advice, micros(now)],
            ),
        })?;
        Ok(())
    }
}
