//! How the loop ends: a status, and the reason it stopped there. Both lists are closed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The scenarios pass, and so does the validation command where there is one.
    Passed,
    /// `--plan`: nothing was run.
    Planned,
    /// `--dry-run`: failures are classified and nothing else is done.
    DryRun,
    /// It stopped before a phase that could not begin safely.
    Blocked,
    /// Every fix attempt that was allowed is made, and scenarios still fail.
    BudgetExhausted,
    /// The scenarios pass and the validation command does not.
    ValidationFailed,
    /// What is proved could not be published, or is not published as it was proved.
    PrFailed,
}

/// Why the loop stopped. Each reason belongs to one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Every scenario passes as the tree is.
    ScenariosPassed,
    /// Every scenario passes with the patch that a fixer made.
    Fixed,
    /// `--plan` was asked for.
    PlanOnly,
    /// `--dry-run` was asked for.
    Classified,
    /// There is no agent to run.
    NoHarness,
    /// There is no scenario to run.
    NoScenarios,
    /// A run could not be made at all.
    RunIncomplete,
    /// Nothing of what fails is a fixer's to mend.
    NotTheAgent,
    /// A command would have to run, and nobody allowed it.
    ExternalExecutionNotAllowed,
    /// Nothing is named that could mend the agent.
    NoFixer,
    /// The folder is no git repository with a commit.
    NoRepository,
    /// Tracked files differ from HEAD, and fixes are made from HEAD.
    TrackedFilesChanged,
    /// The sandbox that is required is not to be had.
    SandboxUnavailable,
    /// No private copy in which the agent runs could be made.
    Workspace,
    /// What fails in the checkout does not fail in a private copy of HEAD.
    NotReproduced,
    /// The fixer cannot be started, or is refused by its model's provider.
    FixerUnavailable,
    /// A cap leaves no money for the phase that comes next.
    CostReservationDenied,
    /// A phase was ended because its money was spent.
    BudgetCap,
    /// As many fix attempts were made as were allowed.
    FixAttempts,
    /// The validation command failed.
    ValidationCommand,
    /// The patch may not be published, or the service refused it.
    PrRefused,
    /// The command that opens the pull request failed.
    PrCommand,
    /// The pull request that was read back is not what was proved.
    PrVerification,
}

impl StopReason {
    /// The status it belongs to.
    pub fn status(self) -> Status {
        match self {
            Self::ScenariosPassed | Self::Fixed => Status::Passed,
            Self::PlanOnly => Status::Planned,
            Self::Classified => Status::DryRun,
            Self::NoHarness
            | Self::NoScenarios
            | Self::RunIncomplete
            | Self::NotTheAgent
            | Self::ExternalExecutionNotAllowed
            | Self::NoFixer
            | Self::NoRepository
            | Self::TrackedFilesChanged
            | Self::SandboxUnavailable
            | Self::Workspace
            | Self::NotReproduced
            | Self::FixerUnavailable
            | Self::CostReservationDenied
            | Self::BudgetCap => Status::Blocked,
            Self::FixAttempts => Status::BudgetExhausted,
            Self::ValidationCommand => Status::ValidationFailed,
            Self::PrRefused | Self::PrCommand | Self::PrVerification => Status::PrFailed,
        }
    }

    /// Whether it is for want of money.
    pub fn is_money(self) -> bool {
        matches!(self, Self::CostReservationDenied | Self::BudgetCap)
    }

    /// As it is written in documents.
    pub fn name(self) -> String {
        word(&self)
    }
}

impl Status {
    /// As it is written in documents.
    pub fn name(self) -> String {
        word(&self)
    }
}

/// The word of a variant without fields.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_documents() {
        assert_eq!(StopReason::FixAttempts.name(), "fix_attempts");
        assert_eq!(StopReason::FixAttempts.status().name(), "budget_exhausted");
        assert_eq!(StopReason::Classified.status().name(), "dry_run");
        assert_eq!(StopReason::PrCommand.status().name(), "pr_failed");
        assert!(StopReason::BudgetCap.is_money());
        assert!(!StopReason::NoFixer.is_money());
    }
}
