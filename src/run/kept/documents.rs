//! What `archal runs` tells of kept suites and runs as documents.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::run::result::RunResult;

use super::evidence::Evidence;
use super::shelf::SuiteHead;

/// One run with what it left: `archal runs show <run> --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownRun {
    /// The run as it was kept.
    pub result: RunResult,
    /// What it left, cut to what can be shown.
    pub evidence: Evidence,
}

/// A suite without a summary: `archal runs show <suite> --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnfinishedSuite {
    /// What is known of it.
    #[serde(flatten)]
    pub head: SuiteHead,
    /// The runs it made so far.
    pub results: Vec<RunResult>,
}

/// What was written: `archal runs export --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// The suite.
    pub suite: String,
    /// The form.
    pub format: String,
    /// The file.
    pub file: PathBuf,
    /// Its bytes, or those added to it.
    pub bytes: usize,
}
