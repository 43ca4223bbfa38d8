//! One pass over a trace directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::diagnostic::Diagnostic;
use archal_core::source::SourceDescriptor;
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::ExecutionPolicy;
use crate::ingest::artifact::{self, ImportArtifact};
use crate::ingest::folder::{self, ScanError};
use crate::ingest::{FileReport, FileStatus, Imported, identity, is_newer, read_file};
use crate::reproduce::workplace::Workshop;
use crate::run::attempt::Bench;
use crate::run::harness::Wanted;
use crate::store::atomic::WriteError;
use crate::store::layout::Layout;

use super::job::{FileRow, JobReport};
use super::options::AttachOptions;
use super::ready::Ready;
use super::stages::Stages;

/// A pass over a trace directory: what was read and where each trace ended.
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
    /// Each trace.
    pub jobs: Vec<JobReport>,
    /// Folders and files that could not be looked at, and traces that several files hold.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a pass stopped.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The trace directory cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// An artifact could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What a pass works with.
pub struct Pass<'a> {
    /// Clones, clock, ids, environment.
    pub bench: &'a Bench<'a>,
    /// Where state is kept.
    pub layout: &'a Layout,
    /// The source that reads the files.
    pub source: &'a SourceDescriptor,
    /// Makes private copies of the repository.
    pub workshop: Workshop<'a>,
    /// How the agent is named.
    pub agent: &'a Wanted<'a>,
    /// The repository at HEAD.
    pub ready: &'a Ready,
    /// What the loop may do.
    pub options: &'a AttachOptions,
}

impl Pass<'_> {
    /// Reads every file of `directory` and takes each trace as far as the policy allows.
    ///
    /// `told` is given one line at each step.
    pub fn run(
        &self,
        directory: &Path,
        told: &mut dyn FnMut(&str),
    ) -> Result<PassReport, PassError> {
        let scan = folder::scan(self.source, directory)?;
        let mut files = Vec::new();
        let mut diagnostics = scan.diagnostics;
        let mut imported: Found = BTreeMap::new();
        for path in scan.files {
            // One pass looks once: a file that is not finished now is not waited for.
            let report = read_file(self.source, &path, self.bench.scrubber.redactor(), None)
                .settle(Duration::MAX);
            files.push(row(&report));
            for one in &report.traces {
                keep_newest(&mut imported, &report, one, &mut diagnostics);
            }
        }
        let names = identity::path_names(imported.keys());
        let mut stages = Stages::new(self);
        let mut jobs = Vec::new();
        for (identity, (one, import)) in imported {
            let name = names
                .get(&identity)
                .cloned()
                .unwrap_or_else(|| identity.path_name());
            artifact::write(&artifact::artifact_path(self.layout, &name), &import)?;
            told(&format!("imported {name} from {}", import.file.display()));
            jobs.push(stages.take(&name, &one, import.file, told)?);
        }
        Ok(PassReport {
            repo: self.workshop.repo.to_owned(),
            trace_directory: directory.to_owned(),
            policy: self.options.policy,
            base: self.ready.base.clone(),
            left_out: self.ready.left_out.clone(),
            files,
            jobs,
            diagnostics,
        })
    }
}

/// Each trace of a pass with its import artifact.
type Found = BTreeMap<TraceIdentity, (Imported, ImportArtifact)>;

/// Keeps a trace unless another file holds a newer revision of it: the rule that counts within
/// one file, so that an older or cut copy never wins by its name.
fn keep_newest(
    imported: &mut Found,
    report: &FileReport,
    one: &Imported,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some((other, import)) = imported.get(&one.identity) {
        if other.trace.revision == one.trace.revision {
            return;
        }
        let is_newer = is_newer(&one.trace, &other.trace);
        let (kept, left) = if is_newer {
            (&report.path, &import.file)
        } else {
            (&import.file, &report.path)
        };
        diagnostics.push(
            Diagnostic::note(
                "trace/several-revisions",
                format!(
                    "trace `{}` is in {} too; its newest revision counts",
                    one.identity.trace.escape_default(),
                    kept.display()
                ),
            )
            .in_file(left),
        );
        if !is_newer {
            return;
        }
    }
    let import = ImportArtifact::new(report, one);
    imported.insert(one.identity.clone(), (one.clone(), import));
}

fn row(report: &FileReport) -> FileRow {
    let (status, reason) = match &report.status {
        FileStatus::Imported => ("imported", None),
        FileStatus::Waiting { reason } => ("waiting", Some(reason.clone())),
        FileStatus::Rejected { reason } => ("rejected", Some(reason.clone())),
    };
    FileRow {
        path: report.path.clone(),
        status: status.to_owned(),
        reason,
        dialect: report.dialect.map(str::to_owned),
        traces: report.traces.len(),
        redactions: report
            .traces
            .iter()
            .flat_map(|one| one.redactions.values())
            .sum(),
        diagnostics: report.diagnostics.clone(),
    }
}
