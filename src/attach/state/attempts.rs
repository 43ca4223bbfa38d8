//! Paid steps of jobs: begun, ended, or cut off.

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reproduce::spent::Spent;

use super::super::kept::KeptAttempt;
use super::time_text;

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttemptState {
    /// Its process runs.
    Running,
    /// It ended and its record is kept.
    Ended,
    /// Its process was cut off; what it had spent is charged.
    Interrupted,
}

impl AttemptState {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One paid step.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAttempt {
    /// Its id, which no other attempt ever has.
    pub id: String,
    /// The job.
    pub job: i64,
    /// What it is for: `reproduce`, `fixer`, `green`, …
    pub phase: String,
    /// Its place among those.
    pub slot: u32,
    /// How it stands.
    pub state: AttemptState,
    /// Its record, once it has ended.
    pub record: Option<Value>,
}

/// Writes down that an attempt is about to begin.
pub fn begin(
    connection: &Connection,
    id: &str,
    job: i64,
    (phase, slot): (&str, u32),
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO attempts (id, job, phase, slot, began_at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, 'running')",
        )?
        .execute(params![id, job, phase, slot, time_text(now)])?;
    Ok(())
}

/// Writes down how an attempt ended; an attempt that has an end keeps it.
pub fn end(
    connection: &Connection,
    id: &str,
    state: AttemptState,
    record: Option<&Value>,
    spent: Option<&Value>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE attempts SET state = ?2, record = ?3, spent = ?4, ended_at = ?5
             WHERE id = ?1 AND state = 'running'",
        )?
        .execute(params![
            id,
            state.name(),
            record.map(Value::to_string),
            spent.map(Value::to_string),
            time_text(now)
        ])?;
    Ok(())
}

/// Writes down a step that had ended in an earlier life of the state; one that is known stays.
pub(in crate::attach) fn restore(
    connection: &Connection,
    job: i64,
    attempt: &KeptAttempt,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO attempts
               (id, job, phase, slot, began_at, ended_at, state, record, spent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 'ended', ?6, ?7)",
        )?
        .execute(params![
            attempt.id,
            job,
            attempt.phase,
            attempt.slot,
            attempt.ended_at,
            attempt.record.to_string(),
            serde_json::to_string(&attempt.spent).ok(),
        ])?;
    Ok(())
}

/// The record of a step that has ended in this job, the last where there are several.
pub fn finished(
    connection: &Connection,
    job: i64,
    (phase, slot): (&str, u32),
) -> rusqlite::Result<Option<StoredAttempt>> {
    connection
        .prepare_cached(
            "SELECT id, job, phase, slot, state, record FROM attempts
             WHERE job = ?1 AND phase = ?2 AND slot = ?3 AND state = 'ended'
             ORDER BY ended_at DESC, id DESC LIMIT 1",
        )?
        .query_row(params![job, phase, slot], of_row)
        .optional()
}

/// What an attempt spent that has an end; none where it has none or was never written down.
pub fn spent(connection: &Connection, id: &str) -> rusqlite::Result<Option<Spent>> {
    let spent: Option<Option<String>> = connection
        .prepare_cached("SELECT spent FROM attempts WHERE id = ?1 AND state <> 'running'")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(spent
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok()))
}

/// Attempts that have no end.
pub fn open(connection: &Connection) -> rusqlite::Result<Vec<StoredAttempt>> {
    connection
        .prepare_cached(
            "SELECT id, job, phase, slot, state, record FROM attempts WHERE state = 'running'
             ORDER BY id",
        )?
        .query_map([], of_row)?
        .collect()
}

/// Whether an attempt was ever written down.
pub fn is_known(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM attempts WHERE id = ?1)")?
        .query_row([id], |row| row.get(0))
}

/// The attempts of a job, oldest first.
pub fn of_job(connection: &Connection, job: i64) -> rusqlite::Result<Vec<StoredAttempt>> {
    connection
        .prepare_cached(
            "SELECT id, job, phase, slot, state, record FROM attempts WHERE job = ?1
             ORDER BY began_at, id",
        )?
        .query_map([job], of_row)?
        .collect()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<StoredAttempt> {
    let state: String = row.get(4)?;
    let record: Option<String> = row.get(5)?;
    Ok(StoredAttempt {
        id: row.get(0)?,
        job: row.get(1)?,
        phase: row.get(2)?,
        slot: row.get(3)?,
        state: match state.as_str() {
            "running" => AttemptState::Running,
            "ended" => AttemptState::Ended,
            _ => AttemptState::Interrupted,
        },
        // A record that cannot be read is none: the step is then made again, under a new id.
        record: record.and_then(|text| serde_json::from_str(&text).ok()),
    })
}
