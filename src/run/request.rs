//! What `archal run` was asked for, kept so that a broken-off suite can be gone on with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::schema::RouteMode;

/// The options of an invocation that decide what its runs are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The folder it was given in.
    pub directory: PathBuf,
    /// The configuration file, where it was named.
    pub config: Option<PathBuf>,
    /// Scenario files, folders and patterns.
    pub scenarios: Vec<String>,
    /// The task, where there is no scenario file.
    pub task: Option<String>,
    /// The clones of that task.
    pub clones: Vec<String>,
    /// The agent's program.
    pub harness: Option<PathBuf>,
    /// Runs of each scenario.
    pub runs: Option<u32>,
    /// Time limit of a run in seconds.
    pub timeout: Option<u32>,
    /// Starting states.
    pub seeds: Vec<String>,
    /// The tag scenarios are chosen by.
    pub tag: Option<String>,
    /// The route.
    pub route: Option<RouteMode>,
    /// Faults in every scenario that has their clone.
    pub faults: Vec<String>,
    /// How many calls a caller may make of each clone.
    pub rate_limit: Option<String>,
    /// The threshold of each scenario.
    pub pass_threshold: Option<f64>,
    /// Thresholds by tag.
    pub tag_thresholds: BTreeMap<String, f64>,
    /// The judge's model.
    pub judge_model: Option<String>,
    /// The most that may be spent, in dollars.
    pub budget_usd: Option<f64>,
    /// How many runs are made at once.
    pub jobs: u32,
    /// Whether flaky and ambiguous are errors.
    pub strict: bool,
    /// Whether `archal prune` leaves the suite alone.
    pub keep: bool,
}
