//! What the loop may do.

use std::time::Duration;

use crate::config::allow::Allowed;
use crate::config::publish::Publish;
use crate::config::sandbox::SandboxMode;
use crate::config::schema::ExecutionPolicy;
use crate::config::schema::{Reproduce, RouteMode};
use crate::fix::choice::FixerChoice;
use crate::reproduce::workplace::WorkspaceOptions;
use crate::run::seeds::OtherStates;

/// What the configuration and the command line allow.
#[derive(Debug, Clone)]
pub struct AttachOptions {
    /// How far to go.
    pub policy: ExecutionPolicy,
    /// Attempts at reproduction.
    pub reproduce_runs: u32,
    /// What takes the place of what has no clone.
    pub reproduce: Reproduce,
    /// Whether a fix command may run.
    pub allow_external_execution: bool,
    /// How a proven fix is published; none where it stays a patch.
    pub publish: Option<Publish>,
    /// The fixer.
    pub fixer: Option<FixerChoice>,
    /// How long it may take.
    pub fix_timeout: Duration,
    /// A command that must succeed with the patch.
    pub validation_command: Option<String>,
    /// How far fixer, set-up and validation are confined.
    pub sandbox: SandboxMode,
    /// Seed files the configuration names.
    pub seed_files: Vec<String>,
    /// The model the agent is told to use.
    pub model: Option<String>,
    /// Whether the agent is told the clones' addresses in `isolated` too.
    pub expose_clone_urls: bool,
    /// The route wanted.
    pub route: RouteMode,
    /// What agents may reach beside the clones.
    pub allow: Vec<Allowed>,
    /// The time limit of a run where the scenario has none.
    pub timeout: Duration,
    /// The private copies.
    pub workspace: WorkspaceOptions,
    /// Starting states the configuration names.
    pub states: OtherStates,
    /// Where scenarios are.
    pub scenarios: Vec<String>,
    /// How many jobs may run children at once; half the processors where none is chosen.
    pub jobs: Option<u32>,
    /// The shortest pause between two scans of the trace directory.
    pub poll: Duration,
}
