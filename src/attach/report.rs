//! What is told of one attachment when its work is done.

use std::path::PathBuf;

use archal_core::diagnostic::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::standing::Standing;
use crate::config::schema::ExecutionPolicy;
use crate::store::database::DatabaseError;

use super::engine::{Attached, Engine};
use super::job::{FileRow, JobReport};
use super::ready::Ready;
use super::state::{files, jobs};

/// The most files and jobs that are told one by one.
const MOST: usize = 100_000;

/// A trace directory: what was read and where each trace stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassReport {
    /// The repository.
    pub repo: PathBuf,
    /// The trace directory.
    pub trace_directory: PathBuf,
    /// How far the loop may go.
    pub policy: ExecutionPolicy,
    /// The commit everything ran on.
    pub base: String,
    /// Tracked files that differ from it and were left out.
    pub left_out: Vec<String>,
    /// Each file of the directory.
    pub files: Vec<FileRow>,
    /// Each trace, in the order of their names.
    pub jobs: Vec<JobReport>,
    /// Folders and files that could not be looked at.
    pub diagnostics: Vec<Diagnostic>,
    /// What all projects of the user spent today; null where the ledger cannot be read.
    pub budget: Option<Standing>,
}

impl Engine {
    /// Where everything of an attachment stands now.
    pub fn report(
        &self,
        attached: &Attached,
        ready: &Ready,
        diagnostics: Vec<Diagnostic>,
    ) -> Result<PassReport, DatabaseError> {
        let (files, jobs) = self.state.read(|connection| {
            let wanted = jobs::Wanted {
                attachment: Some(attached.id),
                most: Some(MOST),
                ..jobs::Wanted::default()
            };
            Ok((
                files::list(connection, attached.id, false, MOST)?,
                jobs::list(connection, &wanted)?,
            ))
        })?;
        let mut jobs: Vec<JobReport> = jobs.into_iter().map(|job| job.report).collect();
        jobs.sort_by(|one, other| one.trace.cmp(&other.trace));
        Ok(PassReport {
            repo: self.surround.repo.clone(),
            trace_directory: attached.directory.clone(),
            policy: ready.policy(),
            base: ready.base.clone(),
            left_out: ready.left_out.clone(),
            files,
            jobs,
            diagnostics,
            budget: Standing::of(Some(&self.ledger), &ready.settings.caps, self.now()).ok(),
        })
    }
}
