//! What the loop before a change ships may do, the key `preprod`, and when a watcher runs it, the key
//! `attach.preprod`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::BudgetCap;

/// When a watcher runs the loop before a change ships.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AttachPreprod {
    /// Whether each new commit of the branch that is checked out is run, by `archal preprod run` as
    /// `preprod` says, once HEAD stays where it is. The newest commit wins, and one runs at a time.
    pub on_commit: bool,
    /// The scenario files and folders of these runs; empty takes `scenarios`.
    pub scenarios: Vec<String>,
}

/// What `archal preprod run` may do. Its options win over these keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Preprod {
    /// How many times a fixer is asked at most.
    #[schemars(range(min = 0, max = 10))]
    pub max_fix_attempts: u32,
    /// The program that tries to repair the agent, as a command line.
    pub fix_command: Option<String>,
    /// Wall-clock limit of one fix attempt, in seconds.
    #[schemars(range(min = 1, max = 86400))]
    pub fix_timeout: u32,
    /// Whether failures of the harness itself (no call, no start, no end in time) go to the fixer,
    /// too.
    pub fix_harness: bool,
    /// A shell command that must succeed once the scenarios pass: `make test`.
    pub validation_command: Option<String>,
    /// Whether a proved patch is published, as `attach.publish` says. Needs `allowExternalExecution`.
    pub open_pr: bool,
    /// A shell command that opens the draft pull request in place of archal, which reads it back.
    pub pr_command: Option<String>,
    /// Whether commands that are not the harness may run: the fix, validation and pull request commands.
    pub allow_external_execution: bool,
    /// The most that one run of the loop may spend, in dollars, or `"none"`.
    pub budget_usd: BudgetCap,
}

impl Default for Preprod {
    fn default() -> Self {
        Self {
            max_fix_attempts: 2,
            fix_command: None,
            fix_timeout: 900,
            fix_harness: false,
            validation_command: None,
            open_pr: false,
            pr_command: None,
            allow_external_execution: false,
            budget_usd: BudgetCap::Usd(1.0),
        }
    }
}
