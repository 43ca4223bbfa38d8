//! How far the listing of a store has come, and where the next one begins.

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::ledger::ObjectLedger;
use crate::store::database::DatabaseError;

/// Where a listing has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The place behind which it goes on; none for its beginning.
    pub place: Option<String>,
    /// The last key before that place.
    pub last_key: Option<String>,
    /// Whether it began at the beginning of the store.
    pub is_full: bool,
}

/// A page that was listed: from where, and the newest object up to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSeen {
    /// The place it was listed from.
    pub place: Option<String>,
    /// The last key before it.
    pub last_key: Option<String>,
    /// When the newest object in it was written.
    pub newest: Option<Timestamp>,
}

/// A listing whose keys sort by time.
#[derive(Debug, Clone, Copy)]
pub struct Ordered {
    /// How far back it begins again.
    pub overlap: std::time::Duration,
    /// How often everything is listed nevertheless.
    pub full_list: std::time::Duration,
    /// The time.
    pub now: Timestamp,
}

impl Ordered {
    /// Where it begins; none where everything is to be listed.
    fn start(&self, change: &Connection) -> rusqlite::Result<Option<Position>> {
        let (full_at, is_due): (Option<String>, bool) = change.query_row(
            "SELECT listed_full_at, is_full_due FROM listing",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let full_at: Option<Timestamp> = full_at.and_then(|at| at.parse().ok());
        let is_old = |at: Timestamp| {
            at.checked_add(self.full_list)
                .is_ok_and(|due| due <= self.now)
        };
        if is_due || full_at.is_none_or(is_old) {
            return Ok(None);
        }
        let newest: Option<String> =
            change.query_row("SELECT max(newest) FROM pages", [], |row| row.get(0))?;
        let newest: Option<Timestamp> = newest.and_then(|at| at.parse().ok());
        let cutoff = newest.and_then(|at| at.checked_sub(self.overlap).ok());
        let Some(cutoff) = cutoff else {
            return Ok(None);
        };
        // The first page with something newer; all before it are older throughout.
        let first: Option<(i64, Option<String>, Option<String>)> = change
            .query_row(
                "SELECT number, place, last_key FROM pages WHERE newest >= ?1
                 ORDER BY number LIMIT 1",
                [cutoff.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((number, Some(place), last_key)) = first else {
            return Ok(None);
        };
        // They are listed again, and noted anew.
        change.execute("DELETE FROM pages WHERE number >= ?1", [number])?;
        Ok(Some(Position {
            place: Some(place),
            last_key,
            is_full: false,
        }))
    }
}

impl ObjectLedger {
    /// Since when the objects of `store` are wanted: what was said when it was first asked holds. Whoever says
    /// an earlier time later gets what was left out: everything is read again.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read or written.
    pub fn floor(
        &mut self,
        store: &str,
        said: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, DatabaseError> {
        self.change(|change| {
            let known: Option<(String, Option<String>)> = change
                .query_row("SELECT store, floor FROM listing", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let floor = match known {
                Some((of, floor)) if of == store => floor.and_then(|at| at.parse().ok()),
                _ => {
                    for table in ["objects", "listing", "pages", "wanted"] {
                        change.execute(&format!("DELETE FROM {table}"), [])?;
                    }
                    change.execute(
                        "INSERT INTO listing (id, store, filter, floor) VALUES (1, ?1, '', ?2)",
                        params![store, said.map(|at| at.to_string())],
                    )?;
                    return Ok(said);
                }
            };
            if let (Some(said), Some(floor)) = (said, floor)
                && said < floor
            {
                change.execute("DELETE FROM objects", [])?;
                change.execute("UPDATE listing SET floor = ?1", [said.to_string()])?;
                return Ok(Some(said));
            }
            Ok(floor)
        })
    }

    /// Where a pass begins that reads what `filter` says of the store. One that was cut off is gone on with; else a listing in order of time begins so far
    /// back as `cutoff` says of the newest object, and everything is listed where that is due.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read or written.
    pub fn begin(
        &mut self,
        filter: &str,
        ordered: Option<&Ordered>,
    ) -> Result<Position, DatabaseError> {
        self.change(|change| {
            let same: String =
                change.query_row("SELECT filter FROM listing", [], |row| row.get(0))?;
            if same != filter {
                change.execute("DELETE FROM pages", [])?;
                change.execute(
                    "UPDATE listing SET filter = ?1, place = NULL, last_key = NULL, is_full = 1,
                       listed_full_at = NULL",
                    [filter],
                )?;
            }
            let at: Position =
                change.query_row("SELECT place, last_key, is_full FROM listing", [], |row| {
                    Ok(Position {
                        place: row.get(0)?,
                        last_key: row.get(1)?,
                        is_full: row.get(2)?,
                    })
                })?;
            if at.place.is_some() {
                return Ok(at);
            }
            let start = match ordered {
                Some(ordered) => ordered.start(change)?,
                None => None,
            };
            if let Some(start) = start {
                return Ok(start);
            }
            change.execute("DELETE FROM pages", [])?;
            Ok(Position {
                is_full: true,
                ..Position::default()
            })
        })
    }

    /// Forgets how far a listing has come: it begins anew.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub fn begin_anew(&mut self) -> Result<Position, DatabaseError> {
        self.change(|change| {
            change.execute("DELETE FROM pages", [])?;
            change.execute(
                "UPDATE listing SET place = NULL, last_key = NULL, is_full = 1",
                [],
            )?;
            Ok(Position {
                is_full: true,
                ..Position::default()
            })
        })
    }

    /// Notes that a listing came to its end; `is_full_due` where the next is to be a full one.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn end(
        &mut self,
        position: &Position,
        is_full_due: bool,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let at = position.is_full.then(|| now.to_string());
        self.change(|change| {
            change.execute(
                "UPDATE listing SET place = NULL, last_key = NULL, is_full = 1, is_full_due = ?1,
                   listed_full_at = coalesce(?2, listed_full_at)",
                params![is_full_due, at],
            )
        })?;
        Ok(())
    }
}
