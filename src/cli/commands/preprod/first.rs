//! The first run: in the checkout as it is, like `archal run`, and gone on with where it was cut off.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use archal_core::id;
use serde::{Deserialize, Serialize};

use crate::budget::amount::Usd;
use crate::budget::spent::{Spent, SpentSource};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::making::resolved;
use crate::preprod::artifacts;
use crate::preprod::decide;
use crate::preprod::failure::Failure;
use crate::preprod::journal::{RunJournal, StepRefused};
use crate::preprod::scene;
use crate::preprod::status::StopReason;
use crate::preprod::trial;
use crate::run::attempt::Bench;
use crate::run::cost::Sum;
use crate::run::discarded;
use crate::run::estimate;
use crate::run::plan::{PlanError, SuiteLock, SuitePlan};
use crate::run::ready::Ready;
use crate::run::report::{StopReason as SuiteStop, SuiteReport};
use crate::run::scenarios::Prepared;
use crate::run::score::{ScenarioStatus, Unjudged};
use crate::run::suite::{self, Ended, SuiteOptions};
use crate::run::terminal::{self, Look};
use crate::store::atomic::{self, Durability};
use crate::store::layout::Layout;

use super::ending::End;

/// Which run the artifacts are of: `run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Begun {
    /// The name under which its money is counted.
    pub(super) run: String,
    /// The suite of its first run, once there is one.
    suite: Option<String>,
}

/// The run that the folder holds, or a new one.
pub(super) fn begun(folder: &Path, cx: &CommandContext) -> Result<Begun, CliError> {
    let kept = fs::read(folder.join(artifacts::RUN)).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice::<Begun>(&bytes).ok());
    if let Some(kept) = kept {
        cx.printer.note(format!(
            "going on with {} in {}",
            kept.run,
            folder.display()
        ));
        return Ok(kept);
    }
    let begun = Begun {
        run: format!("preprod/{}", id::prefixed(cx.ids.as_ref(), "run")),
        suite: None,
    };
    write(folder, &begun)?;
    Ok(begun)
}

fn write(folder: &Path, begun: &Begun) -> Result<(), CliError> {
    atomic::write_json(&folder.join(artifacts::RUN), begun, Durability::Synced)
        .map_err(CliError::environment)
}

/// What the first run is made of.
pub(super) struct First<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) layout: &'a Layout,
    pub(super) made: &'a resolved::Made<'a>,
    pub(super) scenarios: &'a [Prepared],
    pub(super) ready: &'a [Ready<'a>],
    pub(super) journal: &'a RunJournal<'a>,
    pub(super) folder: &'a Path,
}

/// What the first run came to.
pub(super) enum Made<'a> {
    /// Every run was made.
    Whole {
        report: Box<SuiteReport>,
        options: Box<SuiteOptions<'a>>,
    },
    /// The loop ends here.
    Stopped(Box<End>),
    /// A signal ended it.
    Interrupted,
}

/// Makes the runs that are not made yet.
pub(super) fn make<'a>(
    first: &First<'_>,
    mut options: SuiteOptions<'a>,
    mut begun: Begun,
    cx: &CommandContext,
) -> Result<Made<'a>, CliError> {
    let (bench, layout) = (first.bench, first.layout);
    let (plan, _lock) = planned(first, &options, &mut begun, cx)?;
    let known: BTreeSet<String> = plan
        .finished(layout)
        .into_values()
        .map(|result| result.run_id)
        .collect();
    let step = format!("run/{}", plan.suite);
    let mut open = None;
    if known.len() < plan.size() {
        let expected = estimate::of(layout, first.ready, options.jobs);
        let is_whole = expected.priced_runs == expected.runs;
        let expected = expected.usd.filter(|_| is_whole).and_then(Usd::reported);
        match first.journal.open(&step, "run", expected) {
            Ok((attempt, _)) => open = Some(attempt),
            Err(StepRefused::Budget(reason)) => {
                let reason = (StopReason::CostReservationDenied, reason);
                let end = End::stopped(reason.0, reason.1, first.folder);
                return Ok(Made::Stopped(Box::new(end)));
            }
            Err(StepRefused::Stopped) => return Ok(Made::Interrupted),
            Err(error) => return Err(CliError::environment(error)),
        }
    }
    plan.write(layout).map_err(CliError::environment)?;
    let paid = plan.finished(layout);
    let paid = Sum::of(paid.values().map(|result| result.cost.as_ref()));
    let left = first.journal.left().map_err(CliError::environment)?;
    // What was made before is in the suite's own count.
    options.budget = left.map(|left| left.saturating_add(paid.usd.unwrap_or_default()));
    let printer = cx.printer.clone();
    let mut sum = Sum::default();
    let mut progress = |ended: Ended<'_>| {
        let line = terminal::progress::line(ended.result, Some(ended.planned), Look::default());
        printer.note(line);
        sum.add(ended.result.cost.as_ref());
        if let (Some(attempt), Some(spent)) = (&open, sum.usd) {
            first.journal.told(attempt, spent);
        }
    };
    let made = suite::run(bench, layout, &plan, first.ready, &options, &mut progress);
    let spent = match (sum.usd, sum.unknown_runs) {
        (Some(usd), 0) => Spent {
            micros: Some(usd.micros()),
            source: SpentSource::Reported,
            ..Spent::UNKNOWN
        },
        _ => Spent::UNKNOWN,
    };
    if let Some(attempt) = &open {
        // It is its runs that are kept, each by itself; of the step only its cost is.
        let record = serde_json::json!({ "suite": plan.suite });
        first
            .journal
            .close(attempt, Some(&record), &spent)
            .map_err(CliError::environment)?;
    }
    let made = made.map_err(CliError::environment)?;
    let report = made.report;
    let mut end = End::of_first(report.clone(), Vec::new(), first.folder);
    if first.journal.is_capped() {
        end.reason = StopReason::BudgetCap;
        end.explanation = "the money for this run was spent in the first run".to_owned();
        return Ok(Made::Stopped(Box::new(end)));
    }
    if let Some(stopped) = &report.stopped {
        end.explanation = format!(
            "{} of {} runs were not made: {}",
            stopped.left,
            stopped.left + report.totals.runs,
            stopped.explanation
        );
        end.reason = match stopped.reason {
            SuiteStop::Interrupted => return Ok(Made::Interrupted),
            SuiteStop::Budget => StopReason::BudgetCap,
            SuiteStop::CouldNotRun => StopReason::RunIncomplete,
        };
        return Ok(Made::Stopped(Box::new(end)));
    }
    if is_judge_out_of_money(&report) {
        end.reason = StopReason::BudgetCap;
        end.explanation = "the money for the judge is spent, so criteria are open".to_owned();
        return Ok(Made::Stopped(Box::new(end)));
    }
    Ok(Made::Whole {
        report: Box::new(report),
        options: Box::new(options),
    })
}

/// The scenarios out of quarantine in which a judge left criteria open, by id.
pub(super) fn left_open(report: &SuiteReport) -> Vec<&str> {
    let counted = report
        .scenarios
        .iter()
        .filter(|one| one.quarantine.is_none());
    counted
        .filter(|one| {
            let mut criteria = one.results.iter().flat_map(|result| &result.criteria);
            criteria.any(trial::is_open)
        })
        .map(|one| one.scenario.as_str())
        .collect()
}

fn is_judge_out_of_money(report: &SuiteReport) -> bool {
    let results = report.scenarios.iter().flat_map(|one| &one.results);
    results
        .flat_map(|result| &result.criteria)
        .any(|criterion| criterion.unjudged == Some(Unjudged::Budget))
}

/// The plan that is gone on with, where it is of the same agent and was asked for alike; else a new
/// one.
fn planned(
    first: &First<'_>,
    options: &SuiteOptions<'_>,
    begun: &mut Begun,
    cx: &CommandContext,
) -> Result<(SuitePlan, SuiteLock), CliError> {
    let (bench, layout, request) = (first.bench, first.layout, first.made.request);
    let agent = resolved::agent(first.made, options, first.scenarios, cx);
    let present: Vec<_> = first
        .ready
        .iter()
        .map(|one| one.present(bench, options))
        .collect();
    let ids = cx.ids.as_ref();
    let kept = begun.suite.as_deref();
    let kept = kept.and_then(|suite| SuitePlan::read(layout, suite).ok());
    if let Some(mut old) = kept.filter(|plan| plan.request == *request) {
        let lock = old.lock(layout).map_err(resolved::plan_error)?;
        let with = (bench.scrubber, &options.prices);
        discarded::leftovers(&mut old, layout, with).map_err(resolved::plan_error)?;
        match old.renewed(layout, ids, &agent.hash, &present) {
            Ok((plan, notes)) => {
                let finished = plan.finished(layout).len();
                for note in notes
                    .into_iter()
                    .chain(agent.unseen.filter(|_| finished > 0))
                {
                    cx.printer.note(note);
                }
                cx.printer.note(format!(
                    "{finished} of {} runs in the checkout are finished",
                    plan.size()
                ));
                return Ok((plan, lock));
            }
            // Runs of another agent say nothing of this one.
            Err(error @ PlanError::Agent { .. }) => {
                cx.printer.note(format!("{error}: all are made again"))
            }
            Err(error) => return Err(resolved::plan_error(error)),
        }
    }
    let now = cx.clock.now().to_string();
    let plan = SuitePlan::new(ids, now, request.clone(), agent.hash, &present);
    let lock = plan.lock(layout).map_err(resolved::plan_error)?;
    plan.write(layout).map_err(CliError::environment)?;
    begun.suite = Some(plan.suite.clone());
    write(first.folder, begun)?;
    Ok((plan, lock))
}

/// What fails of the first run, and whose fault that is.
pub(super) fn failures(
    ready: &[Ready<'_>],
    report: &SuiteReport,
    fix_harness: bool,
) -> Vec<Failure> {
    let missed: Vec<&str> = report
        .tags
        .iter()
        .filter(|tag| tag.status != ScenarioStatus::Passed)
        .map(|tag| tag.tag.as_str())
        .collect();
    scene::failures(
        ready,
        &report.scenarios,
        &missed,
        report.command.strict,
        &|category| decide::is_fixable(category, fix_harness),
    )
}
