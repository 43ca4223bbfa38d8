//! What a suite means for the exit code, and what is said besides its summary.

use crate::cli::context::CommandContext;
use crate::cli::exit::Exit;
use crate::judge::Judge;
use crate::run::report::{ScenarioReport, StopReason, SuiteReport};
use crate::run::result::RunResult;
use crate::run::score::{CriterionStatus, ScenarioStatus, Unjudged};
use crate::sandbox::child::ChildOutcome;

/// The exit code: of several outcomes the first of 130, 3, 5, 1, 4, 0.
pub(super) fn exit(report: &SuiteReport) -> Exit {
    let strict = report.command.strict;
    let stopped = report.stopped.iter().map(|stopped| match stopped.reason {
        StopReason::Interrupted => Exit::Interrupted,
        StopReason::Budget => Exit::Budget,
        StopReason::CouldNotRun => Exit::CouldNotRun,
    });
    let scenarios = report
        .scenarios
        .iter()
        .flat_map(|scenario| of_scenario(scenario, strict));
    let tags = report.tags.iter().map(|tag| of_status(tag.status, strict));
    let all = stopped.chain(scenarios).chain(tags);
    Exit::of_all(all.chain(unjudged(report)))
}

/// What kept a judge from deciding, in quarantine or not: like an agent that does not start it says
/// nothing about the scenario.
fn unjudged(report: &SuiteReport) -> impl Iterator<Item = Exit> + '_ {
    let results = report.scenarios.iter().flat_map(|one| &one.results);
    let reasons = results
        .flat_map(|result| &result.criteria)
        .filter_map(|criterion| criterion.unjudged);
    reasons.map(|reason| match reason {
        Unjudged::Unavailable => Exit::CouldNotRun,
        Unjudged::Budget => Exit::Budget,
    })
}

fn of_scenario(scenario: &ScenarioReport, strict: bool) -> [Exit; 3] {
    let not_started =
        |result: &RunResult| matches!(result.harness, ChildOutcome::NotStarted { .. });
    if scenario.results.iter().any(not_started) {
        // An agent that does not start says nothing about the scenario, in quarantine or not.
        return [Exit::CouldNotRun; 3];
    }
    if scenario.quarantine.is_some() {
        return [Exit::Fine; 3];
    }
    let own = if scenario.held_by.is_empty() {
        of_status(scenario.score.status, strict)
    } else {
        Exit::Fine
    };
    let criteria = || scenario.results.iter().flat_map(|result| &result.criteria);
    let is_ambiguous = criteria().any(|criterion| criterion.ambiguous.is_some());
    let ambiguous = if strict && is_ambiguous {
        Exit::Bad
    } else {
        Exit::Fine
    };
    // What the judge could not say may be bad, whatever the rest of the scenario came to.
    let unsure = if criteria().any(|criterion| criterion.status == CriterionStatus::Unsure) {
        Exit::Inconclusive
    } else {
        Exit::Fine
    };
    [own, ambiguous, unsure]
}

fn of_status(status: ScenarioStatus, strict: bool) -> Exit {
    match status {
        ScenarioStatus::Passed => Exit::Fine,
        ScenarioStatus::Failed => Exit::Bad,
        ScenarioStatus::Flaky if strict => Exit::Bad,
        ScenarioStatus::Flaky | ScenarioStatus::Inconclusive => Exit::Inconclusive,
    }
}

/// Says on stderr what stdout leaves open: what was not run and how to go on, and money of which
/// nobody knows. A summary for people says the first itself.
pub(super) fn tell(report: &SuiteReport, is_for_people: bool, cx: &CommandContext) {
    let (warning, command) = left_open(report, is_for_people);
    if let Some(warning) = warning {
        cx.printer.warning(warning);
    }
    if let Some(command) = command {
        cx.printer.note(command);
    }
}

/// What is left open, and the command to go on.
fn left_open(report: &SuiteReport, is_for_people: bool) -> (Option<String>, Option<String>) {
    match &report.stopped {
        Some(_) if is_for_people => (None, None),
        Some(stopped) => {
            let warning = format!(
                "{} of {} runs were not made: {}",
                stopped.left,
                stopped.left + report.totals.runs,
                stopped.explanation
            );
            (Some(warning), Some(report.resume()))
        }
        None if report.command.budget_usd.is_some() && report.cost.unknown_runs > 0 => {
            let warning = format!(
                "what {} of {} runs cost is not known, so the budget may be exceeded",
                report.cost.unknown_runs, report.totals.runs
            );
            (Some(warning), None)
        }
        None => (None, None),
    }
}

/// Says what kept the judge from deciding, and how it is made up for.
pub(super) fn judged(report: &SuiteReport, judge: Option<&Judge<'_>>, cx: &CommandContext) {
    let notes = judge.map(Judge::notes).unwrap_or_default();
    for note in notes {
        cx.printer.note(note);
    }
    let standing = judge.map(Judge::standing).unwrap_or_default();
    for not in [standing.spent, standing.unavailable].into_iter().flatten() {
        cx.printer
            .warning(format!("`[P]` criteria were not evaluated: {}", not.reason));
        if let Some(hint) = not.hint {
            cx.printer.note(format!("hint: {hint}"));
        }
    }
    if report.stopped.is_none() && unjudged(report).next().is_some() {
        cx.printer
            .note(format!("archal run --resume {}", report.suite));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A suite of scenarios, each with a status and more fields.
    fn report(strict: bool, scenarios: &[(&str, serde_json::Value)]) -> SuiteReport {
        let scenarios: Vec<_> = scenarios
            .iter()
            .map(|(status, more)| {
                let mut scenario = json!({
                    "scenario": "s", "title": "S", "path": "s.md", "threshold": 100.0,
                    "status": status, "satisfaction": null, "passed": 0, "runs": 0,
                    "planned": 1, "results": [],
                });
                let fields = scenario.as_object_mut().expect("an object");
                fields.extend(more.as_object().cloned().expect("an object"));
                scenario
            })
            .collect();
        serde_json::from_value(json!({
            "suite": "suite-1", "startedAt": "", "finishedAt": "",
            "command": {"harness": [], "jobs": 1, "strict": strict},
            "totals": {"scenarios": 1, "passed": 0, "failed": 0, "flaky": 0, "inconclusive": 0,
                "quarantined": 0, "runs": 0, "runsPassed": 0, "runsFailed": 0,
                "runsInconclusive": 0, "harnessMs": 0},
            "scenarios": scenarios, "cost": {"unknownRuns": 0},
        }))
        .expect("a report")
    }

    #[test]
    fn the_worst_counts_and_flaky_is_bad_only_where_it_was_said() {
        let code = |strict, statuses: &[&str]| {
            let all: Vec<_> = statuses.iter().map(|one| (*one, json!({}))).collect();
            exit(&report(strict, &all)).code()
        };
        assert_eq!(code(false, &["passed"]), 0);
        assert_eq!(code(false, &["passed", "flaky"]), 4);
        assert_eq!(code(true, &["passed", "flaky"]), 1);
        assert_eq!(code(false, &["inconclusive", "failed", "passed"]), 1);
        assert_eq!(code(true, &["inconclusive"]), 4);
    }

    #[test]
    fn quarantine_and_groups_hold_a_scenario_back_from_the_exit() {
        let quarantined = json!({"quarantine": {"owner": "me", "since": "2026-01-01"}});
        let held = json!({"heldBy": ["smoke"]});
        assert_eq!(exit(&report(true, &[("failed", quarantined)])), Exit::Fine);
        let mut grouped = report(false, &[("failed", held)]);
        assert_eq!(exit(&grouped), Exit::Fine);
        grouped.tags = serde_json::from_value(json!([
            {"tag": "smoke", "threshold": 90.0, "satisfaction": 50.0, "scenarios": 1,
             "status": "failed"}
        ]))
        .expect("tags");
        assert_eq!(exit(&grouped), Exit::Bad);
    }

    #[test]
    fn what_the_judge_did_not_decide_ends_the_command_so() {
        let with = |more: serde_json::Value, scenario: serde_json::Value| {
            let mut criterion = json!({"id": "p", "label": "P", "kind": "P", "vacuous": false});
            let fields = criterion.as_object_mut().expect("an object");
            fields.extend(more.as_object().cloned().expect("an object"));
            let mut report = report(false, &[("passed", scenario)]);
            let result = serde_json::from_value(json!({
                "schema": "archal.run", "version": 1, "runId": "r", "scenario": "s", "title": "S",
                "base": "2026-01-01T00:00:00Z", "route": {"level": "proxy"},
                "containment": "pgroup", "processLimit": "",
                "harness": {"how": "exited", "code": 0}, "answer": "", "durationMs": 1, "calls": 0,
                "criteria": [criterion], "refused": [], "unmodelled": [], "inconclusive": [],
                "status": "passed", "score": 100.0, "evidence": "",
            }));
            report.scenarios[0].results = vec![result.expect("a result")];
            exit(&report).code()
        };
        let quarantined = json!({"quarantine": {"owner": "me", "since": "2026-01-01"}});
        let unsure = json!({"status": "unsure"});
        assert_eq!(with(unsure.clone(), json!({})), 4);
        assert_eq!(with(unsure, quarantined.clone()), 0);
        for (reason, code) in [("unavailable", 3), ("budget", 5)] {
            let not = json!({"status": "not_evaluated", "unjudged": reason});
            assert_eq!(with(not.clone(), json!({})), code);
            assert_eq!(with(not, quarantined.clone()), code);
        }
        assert_eq!(with(json!({"status": "not_evaluated"}), json!({})), 0);
    }

    #[test]
    fn a_stopped_suite_is_told_once() {
        let mut stopped = report(false, &[("failed", json!({}))]);
        stopped.stopped = serde_json::from_value(
            json!({"reason": "budget", "explanation": "the budget is spent", "left": 1}),
        )
        .expect("stopped");
        // The summary has the line STOPPED and the command.
        assert_eq!(left_open(&stopped, true), (None, None));
        let (warning, command) = left_open(&stopped, false);
        assert!(warning.is_some_and(|warning| warning.contains("the budget is spent")));
        assert!(command.is_some_and(|command| command.starts_with("archal run --resume ")));
    }

    #[test]
    fn what_stopped_it_comes_before_what_it_found() {
        let mut stopped = report(false, &[("failed", json!({}))]);
        for (reason, code) in [("interrupted", 130), ("could_not_run", 3), ("budget", 5)] {
            stopped.stopped =
                serde_json::from_value(json!({"reason": reason, "explanation": "", "left": 1}))
                    .expect("stopped");
            assert_eq!(exit(&stopped).code(), code);
        }
    }
}
