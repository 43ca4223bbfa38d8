//! Jobs, their transitions, and which is next.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::trace::TraceIdentity;
use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::job::{Artifact, JobReport, Stage, Status};
use super::time_text;
use super::traces::KnownTrace;

/// A job as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJob {
    /// Its row; jobs are numbered in the order in which their traces came.
    pub id: i64,
    /// The trace's row.
    pub trace: i64,
    /// The directory it came from.
    pub attachment: i64,
    /// The hash of its import artifact.
    pub import_hash: String,
    /// The last time its trace names, in nanoseconds, and how many spans it has: what tells a
    /// newer revision from an older one.
    pub age: (Option<i64>, i64),
    /// The commit it was reproduced on.
    pub base: Option<String>,
    /// Whether a person asked for it, so that it is no mere member of its group.
    pub is_asked: bool,
    /// What is told of it.
    pub report: JobReport,
}

/// A job that begins.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Its trace.
    pub trace: &'a KnownTrace,
    /// The directory it came from.
    pub attachment: i64,
    /// The revision.
    pub revision: &'a str,
    /// See [`StoredJob::age`].
    pub age: (Option<i64>, i64),
    /// The file it came from.
    pub file: &'a Path,
    /// The hash of its import artifact.
    pub import_hash: &'a str,
    /// Whether a person asked for it.
    pub is_asked: bool,
}

/// One change of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// When.
    pub at: String,
    /// The stage it entered or ended in.
    pub stage: Stage,
    /// How it stood then.
    pub status: Status,
    /// Why.
    pub reason: String,
}

const COLUMNS: &str = "jobs.id, jobs.trace, attachment, revision, ended_ns, spans, file,
    import_hash, stage, status, reason_code, reason, missing, failure, scenario, base, red, green,
    artifacts, patch, asked, traces.source, traces.project, traces.trace, traces.name, cause, published";
const FROM: &str = "jobs JOIN traces ON traces.id = jobs.trace";

/// Begins a job: running, at import.
pub fn begin(connection: &Connection, job: &NewJob<'_>, now: Timestamp) -> rusqlite::Result<i64> {
    let id = connection
        .prepare_cached(
            "INSERT INTO jobs (trace, attachment, revision, ended_ns, spans, file, import_hash,
               stage, status, reason, asked, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'import', 'running', '', ?8, ?9, ?9)",
        )?
        .insert(params![
            job.trace.id,
            job.attachment,
            job.revision,
            job.age.0,
            job.age.1,
            job.file.as_os_str().as_bytes(),
            job.import_hash,
            job.is_asked,
            time_text(now),
        ])?;
    note(connection, id, Stage::Import, Status::Running, "", now)?;
    Ok(id)
}

/// Begins a job of the same trace and content again, queued at that stage, because a person asked.
pub fn again(
    connection: &Connection,
    job: &StoredJob,
    from: Stage,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let id = connection
        .prepare_cached(
            "INSERT INTO jobs (trace, attachment, revision, ended_ns, spans, file, import_hash,
               stage, status, reason, failure, scenario, asked, created_at, updated_at)
             SELECT trace, attachment, revision, ended_ns, spans, file, import_hash, ?2, 'queued',
               '', CASE WHEN ?2 IN ('reproduce', 'fix') THEN failure END, scenario, 1, ?3, ?3
             FROM jobs WHERE id = ?1",
        )?
        .insert(params![job.id, from.name(), time_text(now)])?;
    note(connection, id, from, Status::Queued, "a person asked", now)?;
    Ok(id)
}

/// Writes how a job stands: everything its report says, and the transition.
pub fn put(
    connection: &Connection,
    id: i64,
    job: &JobReport,
    base: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let patch = job.patch.as_ref().map(|path| path.as_os_str().as_bytes());
    let scenario = job.scenario.as_ref().map(|path| path.to_string_lossy());
    connection
        .prepare_cached(
            "UPDATE jobs SET stage = ?2, status = ?3, reason_code = ?4, reason = ?5, cause = ?6,
               missing = ?7, failure = ?8, scenario = ?9, base = coalesce(?10, base), red = ?11,
               green = ?12, artifacts = ?13, patch = ?14, updated_at = ?15, published = ?16
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            job.stage.name(),
            job.status.name(),
            job.reason_code,
            job.reason,
            job.cause,
            json(&job.missing, job.missing.is_empty()),
            job.group,
            scenario,
            base,
            json(&job.red, job.red.is_none()),
            json(&job.green, job.green.is_none()),
            json(&job.artifacts, job.artifacts.is_empty()),
            patch,
            time_text(now),
            json(&job.published, job.published.is_none()),
        ])?;
    note(connection, id, job.stage, job.status, &job.reason, now)
}

/// Moves a job to another stage and status, leaving the rest of its row.
pub fn move_to(
    connection: &Connection,
    id: i64,
    stage: Stage,
    status: Status,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE jobs SET stage = ?2, status = ?3, reason = ?4, updated_at = ?5 WHERE id = ?1",
        )?
        .execute(params![
            id,
            stage.name(),
            status.name(),
            reason,
            time_text(now)
        ])?;
    note(connection, id, stage, status, reason, now)
}

/// Begins a job anew that was not graded: running, at import, with the import it has now.
pub fn renew(
    connection: &Connection,
    id: i64,
    file: &Path,
    import_hash: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE jobs SET file = ?2, import_hash = ?3 WHERE id = ?1")?
        .execute(params![id, file.as_os_str().as_bytes(), import_hash])?;
    move_to(connection, id, Stage::Import, Status::Running, "", now)
}

/// Whether a step works on a job.
pub fn is_running(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT status = 'running' FROM jobs WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
        .map(|found| found.unwrap_or(false))
}

/// How many jobs of the trace came before this one.
pub fn earlier(connection: &Connection, trace: i64, id: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT count(*) FROM jobs WHERE trace = ?1 AND id < ?2")?
        .query_row([trace, id], |row| row.get(0))
}

fn note(
    connection: &Connection,
    job: i64,
    stage: Stage,
    status: Status,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO transitions (job, number, at, stage, status, reason)
             SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4, ?5
             FROM transitions WHERE job = ?1",
        )?
        .execute(params![
            job,
            time_text(now),
            stage.name(),
            status.name(),
            reason
        ])?;
    Ok(())
}

/// What a job went through, oldest first.
pub fn transitions(connection: &Connection, job: i64) -> rusqlite::Result<Vec<Transition>> {
    connection
        .prepare_cached(
            "SELECT at, stage, status, reason FROM transitions WHERE job = ?1 ORDER BY number",
        )?
        .query_map([job], |row| {
            Ok(Transition {
                at: row.get(0)?,
                stage: stage(row, 1)?,
                status: status(row, 2)?,
                reason: row.get(3)?,
            })
        })?
        .collect()
}

/// One job.
pub fn get(connection: &Connection, id: i64) -> rusqlite::Result<Option<StoredJob>> {
    one(connection, "jobs.id = ?1", id)
}

/// The newest job of a trace.
pub fn newest(connection: &Connection, trace: i64) -> rusqlite::Result<Option<StoredJob>> {
    one(
        connection,
        "jobs.trace = ?1 ORDER BY jobs.id DESC LIMIT 1",
        trace,
    )
}

/// The job that is to be reproduced or fixed next. Of those that wait the first by what
/// identifies its trace, so that the order in which files were read decides nothing.
pub fn next_to_reproduce(
    connection: &Connection,
    attachments: &[i64],
) -> rusqlite::Result<Option<StoredJob>> {
    one_of(
        connection,
        "jobs.status = 'queued' AND stage IN ('reproduce', 'fix')
           AND attachment IN (SELECT value FROM json_each(?1))
           AND NOT EXISTS (SELECT 1 FROM jobs AS older WHERE older.trace = jobs.trace
             AND older.id < jobs.id AND older.stage IN ('reproduce', 'fix')
             AND older.status IN ('queued', 'running'))
         ORDER BY asked DESC, traces.source, traces.project, traces.trace, jobs.id LIMIT 1",
        attachments,
    )
}

/// Rows as SQLite's `json_each` takes them.
pub(super) fn ids(attachments: &[i64]) -> String {
    serde_json::to_string(attachments).unwrap_or_default()
}

fn one_of(
    connection: &Connection,
    condition: &str,
    attachments: &[i64],
) -> rusqlite::Result<Option<StoredJob>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE {condition}"))?
        .query_row([ids(attachments)], of_row)
        .optional()
}

/// The queued jobs of a group but one.
pub fn queued_of_group(
    connection: &Connection,
    group: &str,
    but: i64,
) -> rusqlite::Result<Vec<StoredJob>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE failure = ?1 AND jobs.id <> ?2
               AND jobs.status = 'queued' AND asked = 0 ORDER BY jobs.id"
        ))?
        .query_map(params![group, but], of_row)?
        .collect()
}

fn one(connection: &Connection, condition: &str, id: i64) -> rusqlite::Result<Option<StoredJob>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE {condition}"))?
        .query_row([id], of_row)
        .optional()
}

/// Which jobs a list is about.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Of this directory only.
    pub attachment: Option<i64>,
    /// With this status only.
    pub status: Option<Status>,
    /// With this group only.
    pub failure: Option<&'a str>,
    /// Superseded ones too.
    pub superseded: bool,
    /// At most so many, the newest; all where none.
    pub most: Option<usize>,
}

/// Jobs in the order in which their traces came.
pub fn list(connection: &Connection, wanted: &Wanted<'_>) -> rusqlite::Result<Vec<StoredJob>> {
    connection
        .prepare_cached(&format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM {FROM}
               WHERE (?1 IS NULL OR attachment = ?1) AND (?2 IS NULL OR status = ?2)
                 AND (?3 IS NULL OR failure = ?3) AND (?4 OR status <> 'superseded')
               ORDER BY jobs.id DESC LIMIT ?5) ORDER BY 1"
        ))?
        .query_map(
            params![
                wanted.attachment,
                wanted.status.map(Status::name),
                wanted.failure,
                wanted.superseded,
                wanted
                    .most
                    .map_or(-1, |most| i64::try_from(most).unwrap_or(-1)),
            ],
            of_row,
        )?
        .collect()
}

/// Every job of a trace, oldest first.
pub fn of_trace(connection: &Connection, trace: i64) -> rusqlite::Result<Vec<StoredJob>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE jobs.trace = ?1 ORDER BY jobs.id"
        ))?
        .query_map([trace], of_row)?
        .collect()
}

/// Puts all jobs of a directory that ended with `status` back into the queue, at `stage`; says
/// how many there were.
pub fn requeue_ended(
    connection: &Connection,
    attachment: i64,
    (status, stage): (Status, Stage),
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let now = time_text(now);
    connection
        .prepare_cached(
            "INSERT INTO transitions (job, number, at, stage, status, reason)
             SELECT id, 1 + (SELECT coalesce(max(number), 0) FROM transitions WHERE job = jobs.id),
               ?4, ?3, 'queued', ?5
             FROM jobs WHERE status = ?2 AND attachment = ?1",
        )?
        .execute(params![
            attachment,
            status.name(),
            stage.name(),
            now,
            reason
        ])?;
    connection
        .prepare_cached(
            "UPDATE jobs SET stage = ?3, status = 'queued', updated_at = ?4, reason = ?5
             WHERE status = ?2 AND attachment = ?1",
        )?
        .execute(params![
            attachment,
            status.name(),
            stage.name(),
            now,
            reason
        ])
}

/// Whether there is any job.
pub fn any(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM jobs)")?
        .query_row([], |row| row.get(0))
}

/// Puts jobs that a process left running back into the queue, at the stage they were in.
pub fn requeue_running(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    requeue_running_but(connection, &|_| false, now)
}

/// Puts running jobs back into the queue, but those that `is_in_hand`.
pub fn requeue_running_but(
    connection: &Connection,
    is_in_hand: &dyn Fn(i64) -> bool,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let running: Vec<(i64, String)> = connection
        .prepare_cached("SELECT id, stage FROM jobs WHERE status = 'running' ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut requeued = 0;
    for (id, stage) in &running {
        if is_in_hand(*id) {
            continue;
        }
        let stage = Stage::of(stage).unwrap_or(Stage::Import);
        let reason = "the process that worked on it ended";
        move_to(connection, *id, stage, Status::Queued, reason, now)?;
        requeued += 1;
    }
    Ok(requeued)
}

fn json<T: Serialize>(value: &T, is_nothing: bool) -> Option<String> {
    (!is_nothing).then(|| serde_json::to_string(value).unwrap_or_default())
}

fn of_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                column,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })
}

fn path(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<PathBuf>> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    Ok(bytes.map(|bytes| PathBuf::from(OsStr::from_bytes(&bytes))))
}

pub(super) fn stage(row: &Row<'_>, column: usize) -> rusqlite::Result<Stage> {
    let name: String = row.get(column)?;
    Stage::of(&name).ok_or_else(|| unknown(column, name))
}

pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    let name: String = row.get(column)?;
    Status::of(&name).ok_or_else(|| unknown(column, name))
}

fn unknown(column: usize, name: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        column,
        rusqlite::types::Type::Text,
        format!("{name:?} is none that is known").into(),
    )
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    let artifacts: Option<Vec<Artifact>> = of_json(row, 18)?;
    let scenario: Option<String> = row.get(14)?;
    Ok(StoredJob {
        id: row.get(0)?,
        trace: row.get(1)?,
        attachment: row.get(2)?,
        age: (row.get(4)?, row.get(5)?),
        import_hash: row.get(7)?,
        base: row.get(15)?,
        is_asked: row.get(20)?,
        report: JobReport {
            trace: TraceIdentity {
                source: row.get(21)?,
                project: row.get(22)?,
                trace: row.get(23)?,
            },
            name: row.get(24)?,
            revision: row.get(3)?,
            file: path(row, 6)?.unwrap_or_default(),
            status: status(row, 9)?,
            stage: stage(row, 8)?,
            reason_code: row.get(10)?,
            reason: row.get(11)?,
            cause: row.get(25)?,
            missing: of_json(row, 12)?.unwrap_or_default(),
            group: row.get(13)?,
            scenario: scenario.map(PathBuf::from),
            red: of_json(row, 16)?,
            green: of_json(row, 17)?,
            artifacts: artifacts.unwrap_or_default(),
            patch: path(row, 19)?,
            published: of_json(row, 26)?,
        },
    })
}
