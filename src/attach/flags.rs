//! What the command line says of one attachment; kept in its row, so that it holds after a
//! restart.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Override;

use super::handoff::quoted;

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
    /// `--fixer`.
    pub fixer: Option<String>,
    /// `--allow-external-execution`.
    pub allow_external_execution: bool,
    /// `--open-pr`.
    pub open_pr: bool,
    /// `--sandbox`.
    pub sandbox: Option<String>,
    /// `--budget-usd`.
    pub budget_usd: Option<Value>,
    /// `--poll`, in seconds.
    pub poll: Option<u32>,
    /// `--no-sources`.
    pub no_sources: bool,
}

impl AttachFlags {
    /// The command that attaches `directory` with these flags, to copy.
    pub fn command(&self, directory: &Path, repo: &Path) -> String {
        let mut words = vec!["archal".to_owned(), "attach".to_owned(), quoted(directory)];
        words.extend(["--repo".to_owned(), quoted(repo)]);
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), quoted(Path::new(&value))]);
            }
        };
        let path = |path: &PathBuf| path.display().to_string();
        option("--config", self.config.as_ref().map(path));
        option("--execution-policy", self.policy.clone());
        let runs = self.reproduce_runs.map(|runs| runs.to_string());
        option("--reproduce-runs", runs);
        option("--fix-command", self.fix_command.clone());
        option("--fixer", self.fixer.clone());
        option("--sandbox", self.sandbox.clone());
        let budget = self.budget_usd.as_ref().map(|cap| match cap {
            Value::String(word) => word.clone(),
            other => other.to_string(),
        });
        option("--budget-usd", budget);
        option("--poll", self.poll.map(|poll| poll.to_string()));
        if self.allow_external_execution {
            words.push("--allow-external-execution".to_owned());
        }
        if self.open_pr {
            words.push("--open-pr".to_owned());
        }
        if self.no_sources {
            words.push("--no-sources".to_owned());
        }
        words.join(" ")
    }

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
            Override::of("--fixer", "fixer.name", self.fixer.clone()),
            Override::of(
                "--allow-external-execution",
                "attach.allowExternalExecution",
                self.allow_external_execution.then_some(true),
            ),
            Override::of("--open-pr", "attach.openPr", self.open_pr.then_some(true)),
            Override::of("--sandbox", "attach.sandbox", self.sandbox.clone()),
            Override::of("--budget-usd", "attach.budgetUsd", self.budget_usd.clone()),
            Override::of("--poll", "attach.poll", self.poll),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
