//! The end: the result written, told and turned into an exit code.

use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::summary::Totals;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::fix::publish::record::Published;
use crate::preprod::artifacts;
use crate::preprod::course::Ended;
use crate::preprod::differing::Differing;
use crate::preprod::failure::Failure;
use crate::preprod::handoff;
use crate::preprod::report::{
    AttemptOutcome, Costs, Policy, PreprodResult, SCHEMA, ScenarioOutcome, VERSION,
    ValidationOutcome,
};
use crate::preprod::status::{Status, StopReason};
use crate::report::shell::quoted;
use crate::report::style::Style;
use crate::run::report::SuiteReport;
use crate::run::scrub::Scrubber;
use crate::run::totals;

/// How a run of the loop ended, before it is told.
pub(super) struct End {
    pub(super) reason: StopReason,
    pub(super) explanation: String,
    /// How to remove what stands in the way, where the reason alone does not say it.
    pub(super) way_out: Option<String>,
    pub(super) folder: PathBuf,
    pub(super) base: Option<String>,
    pub(super) suite: Option<String>,
    pub(super) scenarios: Vec<ScenarioOutcome>,
    pub(super) failures: Vec<Failure>,
    pub(super) differing: Vec<Differing>,
    pub(super) carried: Vec<PathBuf>,
    pub(super) attempts: Vec<AttemptOutcome>,
    pub(super) validation: Option<ValidationOutcome>,
    pub(super) patch: Option<PathBuf>,
    pub(super) pr: Option<Published>,
    pub(super) costs: Totals,
    pub(super) run: String,
    /// The runs that are shown: those of the last trial, or of the first run.
    pub(super) runs: Option<SuiteReport>,
}

impl End {
    /// It ended before anything ran.
    pub(super) fn stopped(
        reason: StopReason,
        explanation: impl Into<String>,
        folder: &Path,
    ) -> Self {
        Self {
            reason,
            explanation: explanation.into(),
            way_out: None,
            folder: folder.to_owned(),
            base: None,
            suite: None,
            scenarios: Vec::new(),
            failures: Vec::new(),
            differing: Vec::new(),
            carried: Vec::new(),
            attempts: Vec::new(),
            validation: None,
            patch: None,
            pr: None,
            costs: Totals::default(),
            run: String::new(),
            runs: None,
        }
    }

    /// After the first run.
    pub(super) fn of_first(
        report: impl Into<Box<SuiteReport>>,
        failures: Vec<Failure>,
        folder: &Path,
    ) -> Self {
        let report = *report.into();
        Self {
            suite: Some(report.suite.clone()),
            scenarios: report.scenarios.iter().map(ScenarioOutcome::of).collect(),
            failures,
            runs: Some(report),
            ..Self::stopped(StopReason::ScenariosPassed, "", folder)
        }
    }

    /// After the validation command ran in the checkout.
    pub(super) fn validated(mut self, outcome: ValidationOutcome) -> Self {
        (self.reason, self.explanation) = match outcome.passed {
            true => (
                StopReason::ScenariosPassed,
                "every scenario passes, and so does the validation command".to_owned(),
            ),
            false => (
                StopReason::ValidationCommand,
                format!(
                    "every scenario passes; the validation command {}",
                    outcome.how
                ),
            ),
        };
        self.validation = Some(outcome);
        self
    }

    /// After the fix phase.
    pub(super) fn fixed(mut self, ended: Ended) -> Self {
        self.reason = ended.reason;
        self.explanation = ended.explanation;
        self.attempts = ended.attempts;
        self.differing = ended.differing;
        self.validation = ended.validation;
        self.patch = ended.patch;
        self.failures = ended.failures;
        self.scenarios = ended.last.reports.iter().map(ScenarioOutcome::of).collect();
        if let Some(runs) = &mut self.runs {
            runs.totals = totals::of(&ended.last.reports);
            runs.tags = totals::tags(&ended.last.reports, &runs.command.tag_thresholds);
            runs.scenarios = ended.last.reports;
        }
        self
    }
}

/// What every end of a run shares.
pub(super) struct Ending<'a> {
    pub(super) scrubber: &'a Scrubber,
    pub(super) repo: &'a Path,
    pub(super) policy: Policy,
    pub(super) started_at: Timestamp,
    /// Whether this command leaves the artifacts to another run, or runs nothing.
    pub(super) is_unwritten: bool,
    /// Whether the command names the folder of the artifacts.
    pub(super) is_folder_named: bool,
}

/// A run that a signal ended: it goes on where it was.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interrupted {
    /// The folder of the artifacts.
    artifacts: PathBuf,
    /// The command that goes on.
    next: String,
}

impl Ending<'_> {
    /// Writes the artifacts and tells the result.
    pub(super) fn tell(&self, end: End, cx: &CommandContext) -> Result<Exit, CliError> {
        let status = end.reason.status();
        let next = self.next(&cx.command, &end.folder);
        let mut result = PreprodResult {
            command: cx.command.clone(),
            repo: self.repo.to_owned(),
            base: end.base,
            status,
            stop_reason: end.reason,
            blocker: blocker(end.reason, &end.explanation, end.way_out.as_deref()),
            explanation: end.explanation,
            started_at: self.started_at.to_string(),
            finished_at: cx.clock.now().to_string(),
            suite: end.suite,
            scenarios: end.scenarios,
            failures: end.failures.iter().map(Into::into).collect(),
            differing: end.differing,
            carried: end.carried,
            attempts: end.attempts,
            validation: end.validation,
            deciding: artifacts::deciding(&end.folder, end.patch.as_deref(), end.pr.is_some()),
            patch: end.patch,
            pr: end.pr,
            costs: Costs {
                run: end.run,
                totals: end.costs,
            },
            policy: self.policy.clone(),
            artifacts: end.folder.clone(),
            next,
        };
        if self.is_unwritten {
            // Nothing was run, so nothing is written.
            result.deciding.clear();
            result = self
                .scrubber
                .document(&result)
                .map_err(CliError::internal)?;
        } else {
            result = artifacts::write(
                &end.folder,
                &result,
                &end.failures,
                end.runs.as_ref(),
                self.scrubber,
            )
            .map_err(CliError::environment)?;
        }
        let style = match status {
            Status::Passed | Status::Planned => Style::Good,
            Status::DryRun if end.failures.is_empty() => Style::Good,
            _ => Style::Error,
        };
        cx.printer.line(format!(
            "{} ({})",
            style.paint(&status.name()),
            result.stop_reason.name()
        ));
        cx.printer.line(handoff::text(&result).trim_end());
        cx.printer.document(SCHEMA, VERSION, &result);
        Ok(exit(&result))
    }

    /// The command that goes on: the same with the same artifacts.
    fn next(&self, command: &str, folder: &Path) -> String {
        match self.is_folder_named {
            true => command.to_owned(),
            false => format!("{command} --artifacts {}", quoted(folder)),
        }
    }

    /// A signal ended the run: nothing is said of it but how to go on.
    pub(super) fn interrupted(&self, folder: &Path, cx: &CommandContext) -> Exit {
        let told = Interrupted {
            artifacts: folder.to_owned(),
            next: self.scrubber.text(&self.next(&cx.command, folder)),
        };
        cx.printer
            .warning("interrupted; what was finished is kept, and what was paid is charged");
        cx.printer.note(&told.next);
        cx.printer.document("archal.preprod-interrupted", 1, &told);
        Exit::Interrupted
    }
}

/// The exit code of each status.
fn exit(result: &PreprodResult) -> Exit {
    match result.status {
        Status::Passed | Status::Planned => Exit::Fine,
        Status::DryRun if result.failures.is_empty() => Exit::Fine,
        Status::DryRun | Status::BudgetExhausted | Status::ValidationFailed => Exit::Bad,
        Status::Blocked if result.stop_reason.is_money() => Exit::Budget,
        Status::Blocked | Status::PrFailed => Exit::CouldNotRun,
    }
}

/// What stands in the way and how to remove it; none where nothing does.
fn blocker(reason: StopReason, explanation: &str, own: Option<&str>) -> Option<String> {
    let way_out = match reason {
        StopReason::ScenariosPassed
        | StopReason::Fixed
        | StopReason::PlanOnly
        | StopReason::Classified => return None,
        StopReason::NoHarness => {
            "--harness <file>, or `agent` in .archal.json; archal init writes one"
        }
        StopReason::NoScenarios => {
            "archal preprod run <scenario.md>, or `scenarios` in .archal.json"
        }
        StopReason::RunIncomplete => "mend that; the same command goes on",
        StopReason::NotTheAgent => {
            "mend what the failures name; preprod.fixHarness lets a fixer mend the harness"
        }
        StopReason::ExternalExecutionNotAllowed => {
            "--allow-external-execution, or preprod.allowExternalExecution in .archal.json"
        }
        StopReason::NoFixer => {
            "--fix-command <command> or --fixer <name>, or preprod.fixCommand or fixer.name in .archal.json"
        }
        StopReason::NoRepository => "git init && git add --all && git commit",
        StopReason::TrackedFilesChanged => "commit or stash them",
        StopReason::SandboxUnavailable => "--sandbox best-effort",
        StopReason::Workspace => {
            "workspace.setup, workspace.share and workspace.env make the copy ready"
        }
        StopReason::NotReproduced => {
            "workspace.env, agentKeys and workspace.share name what the agent needs"
        }
        StopReason::FixerUnavailable => "look at the fixer's transcript in the artifacts",
        StopReason::CostReservationDenied | StopReason::BudgetCap => {
            "--budget-usd <more>, or budget.perDayUsd in .archal.json; archal budget shows what was spent"
        }
        StopReason::FixAttempts => "--max-fix-attempts <more>, or another fixer",
        StopReason::ValidationCommand => "look at validation.log in the artifacts",
        StopReason::PrRefused => "the patch is kept; mend what is named, and run the same again",
        StopReason::PrCommand => "look at pr-command.log in the artifacts",
        StopReason::PrVerification => {
            "look at the pull request; where it is not archal's doing, close it and run the same again"
        }
    };
    Some(format!("{explanation}: {}", own.unwrap_or(way_out)))
}
