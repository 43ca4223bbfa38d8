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
use crate::report::causes::chain;
use crate::run::attempt::Bench;
use crate::run::cost::Sum;
use crate::run::discarded::{self, Discarded};
use crate::run::estimate;
use crate::run::plan::{PlanError, SuiteLock, SuitePlan};
use crate::run::ready::Ready;
use crate::run::report::{StopReason as SuiteStop, SuiteReport};
use crate::run::scenarios::Prepared;
use crate::run::score::ScenarioStatus;
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
    /// The steps of a life before that are charged with all they reserved.
    pub(super) whole: &'a BTreeSet<String>,
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
    let Planned {
        plan,
        lock: _lock,
        left_over,
    } = planned(first, &options, &mut begun, cx)?;
    let finished = plan.finished(layout);
    // Before it reserves anything: its own reservation is there for it to spend.
    let left = first.journal.left().map_err(CliError::environment)?;
    let step = format!("run/{}", plan.suite);
    // What a killed process left half made is paid where it was charged with all it had reserved.
    let left_over = match first.whole.contains(&step) {
        true => Vec::new(),
        false => left_over,
    };
    let mut open = None;
    if finished.len() < plan.size() || !left_over.is_empty() {
        let to_make: Vec<usize> = (0..plan.scenarios.len())
            .map(|at| {
                let made = finished.keys().filter(|(one, _)| *one == at).count();
                plan.scenarios[at].runs.len() - made
            })
            .collect();
        let expected = estimate::of(layout, first.ready, options.jobs);
        let expected = expected.agent_usd(&to_make).and_then(Usd::reported);
        match first.journal.open(&step, "run", expected) {
            Ok(attempt) => open = Some(attempt),
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
    let is_charged = |one: &&Discarded| !left_over.contains(one);
    let paid = finished.values().map(|result| result.cost.as_ref());
    let discarded = plan.discarded.iter().filter(is_charged);
    let paid = Sum::of(paid.chain(discarded.map(|one| one.cost.as_ref())));
    // What was paid before is in the suite's own count.
    options.budget = left.map(|left| left.saturating_add(paid.usd.unwrap_or_default()));
    let printer = cx.printer.clone();
    let mut sum = Sum::default();
    // What a run that was killed left half made nobody has charged.
    for one in &left_over {
        sum.add_agent(one.cost.as_ref());
    }
    let mut progress = |ended: Ended<'_>| {
        let line = terminal::progress::line(ended.result, Some(ended.planned), Look::default());
        printer.note(line);
        sum.add_agent(ended.result.cost.as_ref());
        if let (Some(attempt), Some(spent)) = (&open, sum.usd) {
            first.journal.told(attempt, spent);
        }
    };
    let made = suite::run(bench, layout, &plan, first.ready, &options, &mut progress);
    // What was broken off in this life counts for nothing, and is spent.
    let now = SuitePlan::read(layout, &plan.suite).map_err(resolved::plan_error)?;
    for one in now.discarded.iter().skip(plan.discarded.len()) {
        sum.add_agent(one.cost.as_ref());
    }
    if let (Some(attempt), Some(spent)) = (&open, sum.usd) {
        first.journal.told(attempt, spent);
    }
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
    let error = made.error;
    let report = made.report;
    let mut end = End::of_first(report.clone(), Vec::new(), first.folder);
    if first.journal.is_capped() {
        end.reason = StopReason::BudgetCap;
        end.explanation = "the money for this run was spent in the first run".to_owned();
        return Ok(Made::Stopped(Box::new(end)));
    }
    if let Some(stopped) = &report.stopped {
        // What made a run impossible is told with all its causes.
        let why = error.as_ref().map(|error| chain(error));
        end.explanation = format!(
            "{} of {} runs were not made: {}",
            stopped.left,
            stopped.left + report.totals.runs,
            why.as_ref().unwrap_or(&stopped.explanation)
        );
        end.reason = match stopped.reason {
            SuiteStop::Interrupted => return Ok(Made::Interrupted),
            SuiteStop::Budget => StopReason::BudgetCap,
            SuiteStop::CouldNotRun => StopReason::RunIncomplete,
        };
        return Ok(Made::Stopped(Box::new(end)));
    }
    if report.scenarios.iter().any(trial::is_judge_out_of_money) {
        end.reason = StopReason::BudgetCap;
        end.explanation = "the money for the judge is spent, so criteria are open".to_owned();
        return Ok(Made::Stopped(Box::new(end)));
    }
    Ok(Made::Whole {
        report: Box::new(report),
        options: Box::new(options),
    })
}

/// The scenarios out of quarantine in which a judge left criteria open, by id, with why.
pub(super) fn left_open(report: &SuiteReport) -> Vec<String> {
    let counted = report
        .scenarios
        .iter()
        .filter(|one| one.quarantine.is_none());
    counted
        .filter_map(|one| {
            let mut criteria = one.results.iter().flat_map(|result| &result.criteria);
            let open = criteria.find(|criterion| trial::is_open(criterion))?;
            Some(match &open.explanation {
                Some(why) => format!("{} ({why})", one.scenario),
                None => one.scenario.clone(),
            })
        })
        .collect()
}

/// What the first run is to make.
struct Planned {
    /// Its runs.
    plan: SuitePlan,
    /// The right to make them.
    lock: SuiteLock,
    /// What a process that was killed left half made.
    left_over: Vec<Discarded>,
}

/// The plan that is gone on with, where it is of the same agent and was asked for alike; else a new
/// one.
fn planned(
    first: &First<'_>,
    options: &SuiteOptions<'_>,
    begun: &mut Begun,
    cx: &CommandContext,
) -> Result<Planned, CliError> {
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
    let mut left_over = Vec::new();
    let mut gone_on_with = None;
    if let Some(mut old) = kept {
        let lock = old.lock(layout).map_err(resolved::plan_error)?;
        let with = (bench.scrubber, &options.prices);
        // What has a result was told of when it ended, though it may have left a judge's part open.
        let runs = old.scenarios.iter().flat_map(|one| &one.runs);
        let is_told = |run: &&String| layout.run(run).join("result.json").is_file();
        let told: BTreeSet<String> = runs.filter(is_told).cloned().collect();
        let known = old.discarded.len();
        discarded::leftovers(&mut old, layout, with).map_err(resolved::plan_error)?;
        let left = old.discarded.iter().skip(known);
        left_over = left
            .filter(|one| !told.contains(&one.run))
            .cloned()
            .collect();
        gone_on_with = (old.request == *request).then_some((old, lock));
    }
    if let Some((old, lock)) = gone_on_with {
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
                return Ok(Planned {
                    plan,
                    lock,
                    left_over,
                });
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
    Ok(Planned {
        plan,
        lock,
        left_over,
    })
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
