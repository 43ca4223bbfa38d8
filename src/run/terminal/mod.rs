//! A suite for a person: a line a run, the failures last, the next command.

use std::fmt::Write as _;

use crate::session::{RouteLevel, RouteReport};

use super::attempt::RunResult;
use super::report::SuiteReport;
use super::score::{CriterionStatus, RunStatus, ScenarioStatus};
use super::tally::CriterionTally;

/// The most rows of evidence shown for a criterion.
const ROWS: usize = 5;

/// One line for a run that ended: `PASS [ 0.412s] close-stale-issues run-3f9c0a1b2c3d`.
pub fn progress(result: &RunResult) -> String {
    format!(
        "{} [{:>8.3}s] {} {}",
        mark(result.score.status),
        seconds(result.duration_ms),
        result.scenario,
        result.run_id
    )
}

/// The summary of a suite.
pub fn summary(report: &SuiteReport) -> String {
    let mut out = String::new();
    for scenario in &report.scenarios {
        for result in &scenario.results {
            if result.score.status != RunStatus::Passed {
                failure(&mut out, result);
            }
        }
    }
    for scenario in &report.scenarios {
        let mark = match scenario.score.status {
            ScenarioStatus::Passed => "PASS",
            ScenarioStatus::Failed => "FAIL",
            ScenarioStatus::Flaky => "FLAKY",
            ScenarioStatus::Inconclusive => "INCONCLUSIVE",
        };
        let satisfaction = scenario
            .score
            .satisfaction
            .map_or_else(|| "none".to_owned(), |value| format!("{value:.0}"));
        // Writing to a String cannot fail.
        _ = writeln!(
            out,
            "{mark} {}/{} {} (satisfaction {satisfaction})",
            scenario.score.passed, scenario.score.runs, scenario.title
        );
        for tally in &scenario.criteria {
            let (held, evaluated) = (tally.passed, tally.evaluated());
            _ = writeln!(
                out,
                "    {held}/{evaluated} {}{}",
                tally.label,
                remark(tally)
            );
        }
        if let Some(last) = scenario.results.last() {
            _ = writeln!(
                out,
                "    route: {}; evidence: {}",
                route(&last.route),
                last.evidence.display()
            );
        }
    }
    out
}

fn failure(out: &mut String, result: &RunResult) {
    _ = writeln!(
        out,
        "{} {} {}",
        mark(result.score.status),
        result.scenario,
        result.run_id
    );
    for reason in &result.inconclusive {
        _ = writeln!(out, "  inconclusive: {reason}");
    }
    use crate::sandbox::child::ChildOutcome;
    match &result.harness {
        ChildOutcome::Exited { code: 0 } => {}
        ChildOutcome::Exited { code } => {
            _ = writeln!(
                out,
                "  the harness exited with status {code}; see stderr in the evidence"
            );
        }
        ChildOutcome::Killed { signal } => {
            _ = writeln!(out, "  the harness was killed by signal {signal}");
        }
        ChildOutcome::TimedOut => {
            _ = writeln!(
                out,
                "  the harness ran out of time after {:.1} s and was stopped",
                seconds(result.duration_ms)
            );
        }
        ChildOutcome::NotStarted { .. } | ChildOutcome::Stopped => {}
    }
    for criterion in &result.criteria {
        if criterion.status != CriterionStatus::Fail {
            continue;
        }
        _ = writeln!(out, "  broken: {}", criterion.label);
        if let Some(cel) = &criterion.cel {
            _ = writeln!(out, "    {cel}");
        }
        if let Some(explanation) = &criterion.explanation {
            _ = writeln!(out, "    {explanation}");
        }
        for row in criterion.rows.iter().take(ROWS) {
            _ = writeln!(out, "    {}", short(&row.to_string()));
        }
        if criterion.rows.len() > ROWS {
            _ = writeln!(out, "    … and {} more rows", criterion.rows.len() - ROWS);
        }
    }
    out.push('\n');
}

/// What a criterion's two numbers do not say.
fn remark(tally: &CriterionTally) -> String {
    match (tally.evaluated(), tally.vacuous) {
        (0, _) if tally.unsure > 0 => " (the judge is unsure)".to_owned(),
        (0, _) if tally.kind == "P" => " (not evaluated: no judge)".to_owned(),
        (0, _) => " (not evaluated)".to_owned(),
        (_, 0) => String::new(),
        (_, vacuous) if vacuous == tally.passed => " (vacuous)".to_owned(),
        (_, vacuous) => format!(" (vacuous in {vacuous})"),
    }
}

/// The route for a person, with what it does not hold.
pub fn route(report: &RouteReport) -> String {
    match (report.level, &report.reason) {
        (RouteLevel::Isolated, _) => "isolated".to_owned(),
        (RouteLevel::Proxy, None) => "proxy (leaks possible)".to_owned(),
        (RouteLevel::Proxy, Some(reason)) => {
            format!("proxy (leaks possible; isolated does not work here: {reason})")
        }
    }
}

fn mark(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Passed => "PASS",
        RunStatus::Failed => "FAIL",
        RunStatus::Inconclusive => "VOID",
    }
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

fn short(text: &str) -> String {
    const LIMIT: usize = 160;
    if text.chars().count() <= LIMIT {
        return text.to_owned();
    }
    let cut: String = text.chars().take(LIMIT - 1).collect();
    format!("{cut}…")
}
