//! Verdicts that are to be sent, and what became of that: a second outbox.
//!
//! A result is a row that is written in the transaction that puts its grade down, and closed when
//! it was taken: so none is lost, and none that was taken is sent again.

use std::time::Duration;

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::notices::Outcome;
use super::time_text;
use crate::attach::results::event::ResultEvent;
use crate::config::grade::ResultsOn;

/// Longer than any pause between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(25 * 3_600);

/// A result as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResult {
    /// Its row.
    pub id: i64,
    /// The directory its trace came from.
    pub attachment: i64,
    /// What is sent; none where a later archal wrote it.
    pub event: Option<ResultEvent>,
    /// How often it was tried.
    pub tries: u32,
    /// What became of it; none while it is open.
    pub outcome: Option<String>,
    /// Why it was not taken the last time.
    pub error: Option<String>,
}

/// Writes down that a grade is to be sent; call it in the transaction that puts the grade down.
/// False where it was before, or tells of no change and only changes are sent. What was given up
/// was not sent.
pub fn add(
    connection: &Connection,
    job: i64,
    event: &ResultEvent,
    on: ResultsOn,
) -> rusqlite::Result<bool> {
    let (trace, attachment): (i64, i64) = connection
        .prepare_cached("SELECT trace, attachment FROM jobs WHERE id = ?1")?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let last: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT revision, verdict FROM results
             WHERE trace = ?1 AND (closed_at IS NULL OR outcome = 'sent') ORDER BY id DESC LIMIT 1",
        )?
        .query_row([trace], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let is_known = last.is_some_and(|(revision, verdict)| {
        let is_of_revision = on == ResultsOn::Change || revision == event.revision;
        is_of_revision && verdict == event.verdict
    });
    if is_known {
        return Ok(false);
    }
    let body = serde_json::to_string(event).unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT INTO results (trace, attachment, revision, verdict, body, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            trace,
            attachment,
            event.revision,
            event.verdict,
            body,
            time_text(event.at)
        ])?;
    Ok(true)
}

/// Results that are due, the first due first.
pub fn due(
    connection: &Connection,
    now: Timestamp,
    most: usize,
) -> rusqlite::Result<Vec<StoredResult>> {
    connection
        .prepare_cached(
            "SELECT id, attachment, body, tries, outcome, error FROM results
             WHERE closed_at IS NULL AND (due_at <= ?1 OR due_at > ?3) ORDER BY due_at, id LIMIT ?2",
        )?
        .query_map(
            params![time_text(now), most, time_text(latest(now))],
            of_row,
        )?
        .collect()
}

/// None is put off for longer than a day: what is due later was written by a clock that was set
/// back since.
fn latest(now: Timestamp) -> Timestamp {
    now.checked_add(LONGEST_WAIT).unwrap_or(now)
}

/// When the next open one is due, at the earliest now; none where there is none.
pub fn next_due(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let (first, last): (Option<String>, Option<String>) = connection
        .prepare_cached("SELECT min(due_at), max(due_at) FROM results WHERE closed_at IS NULL")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let [first, last] = [first, last].map(|text| text.and_then(|text| text.parse().ok()));
    if last.is_some_and(|last: Timestamp| last > latest(now)) {
        return Ok(Some(now));
    }
    Ok(first.map(|first: Timestamp| first.max(now)))
}

/// Every result of a trace, oldest first.
pub fn of_trace(connection: &Connection, trace: i64) -> rusqlite::Result<Vec<StoredResult>> {
    connection
        .prepare_cached(
            "SELECT id, attachment, body, tries, outcome, error FROM results
             WHERE trace = ?1 ORDER BY id",
        )?
        .query_map([trace], of_row)?
        .collect()
}

/// Writes that some were tried in vain and when they are to be tried again, and puts off with them
/// what else of their directory is due: it goes to the same place.
pub fn put_off(
    connection: &Connection,
    tried: &[StoredResult],
    error: &str,
    (now, due): (Timestamp, Timestamp),
) -> rusqlite::Result<()> {
    for result in tried {
        connection
            .prepare_cached(
                "UPDATE results SET tries = tries + 1, error = ?2, due_at = ?3
                 WHERE id = ?1 AND closed_at IS NULL",
            )?
            .execute(params![result.id, error, time_text(due)])?;
        connection
            .prepare_cached(
                "UPDATE results SET due_at = ?2
                 WHERE attachment = ?1 AND closed_at IS NULL AND due_at <= ?3",
            )?
            .execute(params![result.attachment, time_text(due), time_text(now)])?;
    }
    Ok(())
}

/// Closes a result; it is never sent again.
pub fn close(
    connection: &Connection,
    id: i64,
    outcome: Outcome,
    error: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE results SET outcome = ?2, error = ?3, closed_at = ?4,
               tries = tries + (?2 IN ('sent', 'given_up'))
             WHERE id = ?1 AND closed_at IS NULL",
        )?
        .execute(params![id, outcome.name(), error, time_text(now)])?;
    Ok(())
}

/// How many are not closed.
pub fn count_open(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM results WHERE closed_at IS NULL")?
        .query_row([], |row| row.get(0))
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<StoredResult> {
    let body: String = row.get(2)?;
    Ok(StoredResult {
        id: row.get(0)?,
        attachment: row.get(1)?,
        event: serde_json::from_str(&body).ok(),
        tries: row.get(3)?,
        outcome: row.get(4)?,
        error: row.get(5)?,
    })
}
