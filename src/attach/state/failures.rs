//! Groups of traces that show the same failure: what the inbox lists.

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time_text;

/// How a group stands with the people who look at it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FailureStatus {
    /// Nobody said anything of it.
    Open,
    /// A person said that it is a failure.
    Confirmed,
    /// A person said that it is none; its traces are not worked on.
    Dismissed,
    /// There is a proven patch.
    Fixed,
    /// It showed again after a fix, or a person took a dismissal back.
    Reopened,
}

impl FailureStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Confirmed,
        Self::Dismissed,
        Self::Fixed,
        Self::Reopened,
    ];

    /// As it is written in reports and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
            Self::Fixed => "fixed",
            Self::Reopened => "reopened",
        }
    }

    fn of(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == name)
            .unwrap_or(Self::Open)
    }
}

/// One group.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Its name, `<group>` in paths and branches.
    pub name: String,
    /// The failure identity, as JSON.
    pub identity: Value,
    /// What fails, one line.
    pub title: String,
    /// How it stands.
    pub status: FailureStatus,
    /// What a person said of it: the reason of a dismissal.
    pub note: Option<String>,
    /// The job that is or was worked on.
    pub leader: Option<i64>,
    /// The commit it was last worked on.
    pub base: Option<String>,
    /// When it first showed.
    pub first_seen: String,
    /// When it last showed.
    pub last_seen: String,
    /// How many traces show it.
    pub traces: u64,
}

/// Notes that a trace shows a failure.
pub fn seen(
    connection: &Connection,
    name: &str,
    identity: &Value,
    title: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO failures (name, identity, title, status, first_seen, last_seen, changed_at)
             VALUES (?1, ?2, ?3, 'open', ?4, ?4, ?4)
             ON CONFLICT (name) DO UPDATE SET last_seen = max(last_seen, ?4)",
        )?
        .execute(params![name, identity.to_string(), title, time_text(now)])?;
    Ok(())
}

/// One group.
pub fn get(connection: &Connection, name: &str) -> rusqlite::Result<Option<Failure>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
        .query_row([name], of_row)
        .optional()
}

/// Every group, the one that showed last first.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Failure>> {
    connection
        .prepare_cached(&format!("{SELECT} ORDER BY last_seen DESC, name"))?
        .query_map([], of_row)?
        .collect()
}

/// Says how a group stands.
pub fn set_status(
    connection: &Connection,
    name: &str,
    status: FailureStatus,
    note: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE failures SET status = ?2, note = coalesce(?3, note), changed_at = ?4
             WHERE name = ?1",
        )?
        .execute(params![name, status.name(), note, time_text(now)])?;
    Ok(changed > 0)
}

/// Makes a job the one of its group that is worked on, on that commit.
pub fn lead(connection: &Connection, name: &str, job: i64, base: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE failures SET leader = ?2, base = ?3 WHERE name = ?1")?
        .execute(params![name, job, base])?;
    Ok(())
}

/// Jobs of dismissed groups that are worked on and that nobody asked for since: their attachment
/// and the name of their trace.
pub fn running_dismissed(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    connection
        .prepare_cached(
            "SELECT jobs.attachment, traces.name FROM jobs
             JOIN failures ON failures.name = jobs.failure
             JOIN traces ON traces.id = jobs.trace
             WHERE jobs.status = 'running' AND jobs.asked = 0 AND failures.status = ?1",
        )?
        .query_map([FailureStatus::Dismissed.name()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

/// Whether a job belongs to a dismissed group and nobody asked for it since.
pub fn is_dismissed(connection: &Connection, job: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM jobs JOIN failures ON failures.name = jobs.failure
             WHERE jobs.id = ?1 AND jobs.asked = 0 AND failures.status = ?2)",
        )?
        .query_row(params![job, FailureStatus::Dismissed.name()], |row| {
            row.get(0)
        })
}

/// Forgets that a person asked for the jobs of a group: they said something else since.
pub fn unask(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE jobs SET asked = 0 WHERE failure = ?1")?
        .execute([name])?;
    Ok(())
}

const SELECT: &str = "SELECT name, identity, title, status, note, leader, base, first_seen,
    last_seen, (SELECT count(DISTINCT trace) FROM jobs WHERE failure = name
      AND status <> 'superseded') FROM failures";

fn of_row(row: &Row<'_>) -> rusqlite::Result<Failure> {
    let identity: String = row.get(1)?;
    let status: String = row.get(3)?;
    Ok(Failure {
        name: row.get(0)?,
        identity: serde_json::from_str(&identity).unwrap_or_default(),
        title: row.get(2)?,
        status: FailureStatus::of(&status),
        note: row.get(4)?,
        leader: row.get(5)?,
        base: row.get(6)?,
        first_seen: row.get(7)?,
        last_seen: row.get(8)?,
        traces: row.get(9)?,
    })
}
