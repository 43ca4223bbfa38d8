//! Which artifacts were removed because they were old. Their rows stay, so that a trace that was
//! looked at is not looked at again.

use std::path::Path;

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::job::Artifact;
use super::time_text;

/// What went of a trace.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The evidence of its runs.
    Runs,
    /// Everything that is kept of it.
    Trace,
}

impl Part {
    /// As it is written in reports and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Trace => "trace",
        }
    }
}

/// Notes what was removed of a trace; what was noted before is added to.
pub fn note(
    connection: &Connection,
    trace: i64,
    part: Part,
    bytes: u64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO pruned (trace, part, at, bytes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (trace, part) DO UPDATE SET at = ?3, bytes = bytes + ?4",
        )?
        .execute(params![trace, part.name(), time_text(now), bytes])?;
    Ok(())
}

/// When a part of a trace was removed. An artifact that is missing then is not derived again.
pub fn at(connection: &Connection, trace: i64, part: Part) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT at FROM pruned WHERE trace = ?1 AND part = ?2")?
        .query_row(params![trace, part.name()], |row| row.get(0))
        .optional()
}

/// Forgets that anything of a trace was removed: it is worked on again.
pub fn forget(connection: &Connection, trace: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM pruned WHERE trace = ?1")?
        .execute([trace])?;
    Ok(())
}

/// Takes artifacts that are gone out of the rows of a trace's jobs.
pub fn drop_artifacts(
    connection: &Connection,
    trace: i64,
    is_gone: impl Fn(&Path) -> bool,
) -> rusqlite::Result<()> {
    let rows: Vec<(i64, String)> = connection
        .prepare_cached(
            "SELECT id, artifacts FROM jobs WHERE trace = ?1 AND artifacts IS NOT NULL",
        )?
        .query_map([trace], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (job, text) in rows {
        let Ok(mut artifacts) = serde_json::from_str::<Vec<Artifact>>(&text) else {
            continue;
        };
        let before = artifacts.len();
        artifacts.retain(|artifact| !is_gone(&artifact.path));
        if artifacts.len() == before {
            continue;
        }
        let text =
            (!artifacts.is_empty()).then(|| serde_json::to_string(&artifacts).unwrap_or_default());
        connection
            .prepare_cached("UPDATE jobs SET artifacts = ?2 WHERE id = ?1")?
            .execute(params![job, text])?;
    }
    Ok(())
}
