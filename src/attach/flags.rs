//! What the command line says of one attachment; kept in its row, so that it holds after a
//! restart.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Override;

/// The options of `archal attach` that a watcher needs; each overrides a configuration key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttachFlags {
    /// `--config`, absolute.
    pub config: Option<PathBuf>,
    /// `--execution-policy`.
    pub policy: Option<String>,
    /// `--reproduce-runs`.
    pub reproduce_runs: Option<u32>,
    /// `--fix-command`.
    pub fix_command: Option<String>,
    /// `--allow-external-execution`.
    pub allow_external_execution: bool,
    /// `--budget-usd`.
    pub budget_usd: Option<Value>,
    /// `--poll`, in seconds.
    pub poll: Option<u32>,
}

impl AttachFlags {
    /// As overrides of keys.
    pub fn overrides(&self) -> Vec<Override> {
        [
            Override::of("--execution-policy", "attach.policy", self.policy.clone()),
            Override::of(
                "--reproduce-runs",
                "attach.reproduceRuns",
                self.reproduce_runs,
            ),
            Override::of(
                "--fix-command",
                "attach.fixCommand",
                self.fix_command.clone(),
            ),
            Override::of(
                "--allow-external-execution",
                "attach.allowExternalExecution",
                self.allow_external_execution.then_some(true),
            ),
            Override::of("--budget-usd", "attach.budgetUsd", self.budget_usd.clone()),
            Override::of("--poll", "attach.poll", self.poll),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
