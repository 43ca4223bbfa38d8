//! Commands that are jobs of the watcher.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::host::queue::WorkKind;

use super::super::submitted::job::{SubmittedJob, SubmittedStatus};
use super::time_text;

/// How many that are over are remembered.
const REMEMBERED: u32 = 200;

const COLUMNS: &str = "name, kind, status, reason, exit_code, arguments, directory, artifacts, log, \
                       commit_id, tries, created_at, started_at, ended_at";

/// Adds a job; the oldest of those that are over go. Gives the logs of these.
pub fn add(connection: &Connection, job: &SubmittedJob) -> rusqlite::Result<Vec<PathBuf>> {
    let path = |path: &Path| path.as_os_str().as_bytes().to_vec();
    connection.execute(
        "INSERT INTO submitted (name, kind, status, reason, arguments, directory, artifacts, log,
           commit_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            job.id,
            kind_name(job.kind),
            job.status.name(),
            job.reason,
            serde_json::to_string(&job.arguments).unwrap_or_default(),
            path(&job.directory),
            path(&job.artifacts),
            path(&job.log),
            job.commit,
            job.created_at,
        ],
    )?;
    connection
        .prepare_cached(
            "DELETE FROM submitted WHERE status NOT IN ('queued', 'running') AND id <=
               (SELECT id FROM submitted ORDER BY id DESC LIMIT 1 OFFSET ?1) RETURNING log",
        )?
        .query_map([REMEMBERED], |row| {
            let bytes: Vec<u8> = row.get(0)?;
            Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
        })?
        .collect()
}

/// The oldest job of a kind that waits.
pub fn next(connection: &Connection, kind: WorkKind) -> rusqlite::Result<Option<SubmittedJob>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM submitted WHERE kind = ?1 AND status = 'queued' ORDER BY id"
        ))?
        .query_row([kind_name(kind)], of_row)
        .optional()
}

/// Begins a job.
pub fn begin(connection: &Connection, id: &str, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE submitted SET status = 'running', reason = '', tries = tries + 1, started_at = ?2
         WHERE name = ?1",
        params![id, time_text(now)],
    )?;
    Ok(())
}

/// Says how a job stands now.
pub fn change(
    connection: &Connection,
    id: &str,
    (status, reason): (SubmittedStatus, &str),
    exit_code: Option<i32>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let ended_at = (!status.is_open()).then(|| time_text(now));
    connection.execute(
        "UPDATE submitted SET status = ?2, reason = ?3, exit_code = ?4, ended_at = ?5
         WHERE name = ?1",
        params![id, status.name(), reason, exit_code, ended_at],
    )?;
    Ok(())
}

/// A job that was put back in order did not lose a try.
pub fn put_back(connection: &Connection, id: &str, reason: &str) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE submitted SET status = 'queued', reason = ?2, tries = tries - 1 WHERE name = ?1",
        params![id, reason],
    )?;
    Ok(())
}

/// Jobs that are not over, oldest first.
pub fn open(connection: &Connection) -> rusqlite::Result<Vec<SubmittedJob>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM submitted WHERE status IN ('queued', 'running') ORDER BY id"
        ))?
        .query_map([], of_row)?
        .collect()
}

/// The newest jobs, newest first, those that are not over before all others.
pub fn newest(connection: &Connection, most: usize) -> rusqlite::Result<Vec<SubmittedJob>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM submitted
             ORDER BY status NOT IN ('queued', 'running'), id DESC LIMIT ?1"
        ))?
        .query_map([most], of_row)?
        .collect()
}

/// The job of that name.
pub fn named(connection: &Connection, id: &str) -> rusqlite::Result<Option<SubmittedJob>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM submitted WHERE name = ?1"))?
        .query_row([id], of_row)
        .optional()
}

/// Whether a commit was run, or is to be.
pub fn has_commit(connection: &Connection, commit: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM submitted WHERE commit_id = ?1
               AND status IN ('queued', 'running', 'ended')",
        )?
        .exists([commit])
}

fn kind_name(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Trace => "trace",
        WorkKind::Preprod => "preprod",
        WorkKind::Pdca => "pdca",
    }
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<SubmittedJob> {
    let unknown = |column: usize, what: String| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
    };
    let path = |column: usize| {
        let bytes: Vec<u8> = row.get(column)?;
        Ok::<_, rusqlite::Error>(PathBuf::from(OsStr::from_bytes(&bytes)))
    };
    let (kind, status): (String, String) = (row.get(1)?, row.get(2)?);
    let arguments: String = row.get(5)?;
    Ok(SubmittedJob {
        id: row.get(0)?,
        kind: [WorkKind::Trace, WorkKind::Preprod, WorkKind::Pdca]
            .into_iter()
            .find(|known| kind_name(*known) == kind)
            .ok_or_else(|| unknown(1, format!("no kind {kind}")))?,
        status: SubmittedStatus::of(&status)
            .ok_or_else(|| unknown(2, format!("no status {status}")))?,
        reason: row.get(3)?,
        exit_code: row.get(4)?,
        arguments: serde_json::from_str(&arguments)
            .map_err(|error| unknown(5, error.to_string()))?,
        directory: path(6)?,
        artifacts: path(7)?,
        log: path(8)?,
        commit: row.get(9)?,
        tries: row.get(10)?,
        created_at: row.get(11)?,
        started_at: row.get(12)?,
        ended_at: row.get(13)?,
    })
}
