//! The settings of runs: `config.yaml` and `hooks.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::role::{Role, Workflow};
use crate::budget::amount::Usd;

/// `.archeflow/config.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The version of the file; any.
    pub version: Option<Value>,
    /// The workflow of runs that name none.
    pub workflow: Option<Workflow>,
    /// Cycles with reviews, one pass with targeted repair, or one by the words of the task.
    pub strategy: Strategy,
    /// The most cycles of a run; the workflow's own number without it.
    #[schemars(range(min = 1, max = 20))]
    pub max_cycles: Option<u32>,
    /// The coding agent that plays the roles, by the name `archal fixer list` shows.
    pub driver: Option<String>,
    /// How long an agent may take, in seconds.
    #[schemars(range(min = 1, max = 86_400))]
    pub agent_seconds: Option<u64>,
    /// What runs may cost.
    pub costs: Costs,
    /// How git is used.
    pub git: Git,
    /// The command that tests the merged change.
    pub test_command: Option<String>,
    /// Which models play the roles.
    pub models: Models,
    /// What the repository is about: `code`, `writing`, `research` or a file of `domains`.
    pub domain: Option<String>,
    /// The live display.
    pub progress: Progress,
    /// Whether failure modes of roles are looked for.
    #[schemars(extend("default" = true))]
    pub shadows: Option<bool>,
    /// Lessons of earlier runs; not used by archal.
    pub memory: Option<Value>,
    /// Added review rules; not used by archal.
    pub lenses: Option<Value>,
    /// Other orders of agents; not used by archal.
    pub patterns: Option<Value>,
}

/// How cycles go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Plan, Do, Check and Act, with cycles.
    Pdca,
    /// One pass, with one targeted repair.
    Pipeline,
    /// A pipeline for a task that names a fix, cycles for any other.
    #[default]
    Auto,
}

/// What runs may cost, in US dollars; what is not set is not limited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// A run.
    pub budget_usd: Option<Usd>,
    /// An agent.
    pub per_agent_usd: Option<Usd>,
    /// A day, over all runs.
    pub daily_usd: Option<Usd>,
    /// From how much of the budget on a run warns, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub warn_at_percent: Option<u8>,
}

/// How git is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Git {
    /// Whether runs work on a branch of their own; archal does nothing without.
    pub enabled: bool,
    /// What stands before the run's id in the name of its branch.
    pub branch_prefix: String,
    /// Whether an approved run is merged without being asked for.
    pub auto_merge: bool,
    /// How an approved run is merged.
    pub merge_strategy: MergeStrategy,
    /// How commit messages are written.
    pub commit_style: CommitStyle,
    /// Pushes after the merge; archal never does.
    pub auto_push: bool,
    /// The key commits are signed with; not used by archal.
    pub signing_key: Option<String>,
}

impl Default for Git {
    fn default() -> Self {
        Self {
            enabled: true,
            branch_prefix: "archeflow/".to_owned(),
            auto_merge: false,
            merge_strategy: MergeStrategy::default(),
            commit_style: CommitStyle::default(),
            auto_push: false,
            signing_key: None,
        }
    }
}

/// How an approved run is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MergeStrategy {
    /// With a merge commit.
    #[default]
    #[serde(rename = "no-ff")]
    NoFf,
}

/// How commit messages of a run are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommitStyle {
    /// `archeflow(do): …`
    #[default]
    Conventional,
    /// `do: …`
    Simple,
}

/// Which models play the roles; what is not set is the driver's own choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Any role.
    pub default: Option<String>,
    /// By role.
    pub archetypes: BTreeMap<Role, String>,
    /// By workflow.
    pub workflows: BTreeMap<Workflow, WorkflowModels>,
    /// Who serves them; the driver's own setting decides.
    pub provider: Option<Value>,
    /// Other names of models; not used by archal.
    pub mapping: Option<Value>,
    /// A local server of models; the driver's own setting decides.
    pub ollama: Option<Value>,
}

/// Which models play the roles of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkflowModels {
    /// Any role.
    pub default: Option<String>,
    /// By role.
    pub archetypes: BTreeMap<Role, String>,
}

impl Models {
    /// The model that plays `role`: of the workflow by role, of the workflow, by role, of all.
    /// `of_domain` stands before the global ones.
    pub fn of<'a>(
        &'a self,
        role: Role,
        workflow: Workflow,
        of_domain: Option<&'a str>,
    ) -> Option<&'a str> {
        let of_workflow = self.workflows.get(&workflow);
        of_workflow
            .and_then(|models| models.archetypes.get(&role).or(models.default.as_ref()))
            .map(String::as_str)
            .or(of_domain)
            .or_else(|| self.archetypes.get(&role).map(String::as_str))
            .or(self.default.as_deref())
    }
}

/// The live display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Progress {
    /// Whether `progress.md` is written.
    pub enabled: bool,
    /// Where; archal writes `.archeflow/progress.md` only.
    pub file: Option<String>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            enabled: true,
            file: None,
        }
    }
}

/// `.archeflow/hooks.yaml`: commands at four points of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hooks {
    /// Before Plan.
    #[serde(rename = "run-start")]
    pub run_start: Option<Hook>,
    /// Before an approved run is merged.
    #[serde(rename = "pre-merge")]
    pub pre_merge: Option<Hook>,
    /// After the merge and its tests.
    #[serde(rename = "post-merge")]
    pub post_merge: Option<Hook>,
    /// At the end, however it ends.
    #[serde(rename = "run-complete")]
    pub run_complete: Option<Hook>,
}

/// A command at a point of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The command, for a shell.
    pub command: String,
    /// What its failure does; `abort` before the merge and `warn` elsewhere without it.
    #[serde(default)]
    pub fail_action: Option<FailAction>,
}

/// What the failure of a hook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailAction {
    /// It is told.
    Warn,
    /// It ends the run.
    Abort,
}
