//! Statuses, times and amounts as every form of a report writes them.

use std::path::Path;
use std::time::Duration;

use crate::run::report::{ScenarioReport, SuiteReport, Totals};
use crate::run::result::RunResult;
use crate::run::score::{CriterionReport, CriterionStatus, RunStatus, ScenarioStatus};
use crate::run::tally::CriterionTally;
use crate::sandbox::child::ChildOutcome;
use crate::session::{RouteLevel, RouteReport};

/// A run that takes longer is marked as slow.
const SLOW: Duration = Duration::from_secs(60);

/// How a run ended, in a word.
pub fn run_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Passed => "passed",
        RunStatus::Failed => "failed",
        RunStatus::Inconclusive => "inconclusive",
    }
}

/// How a scenario ended, in a word.
pub fn scenario_status(status: ScenarioStatus) -> &'static str {
    match status {
        ScenarioStatus::Passed => "passed",
        ScenarioStatus::Failed => "failed",
        ScenarioStatus::Flaky => "flaky",
        ScenarioStatus::Inconclusive => "inconclusive",
    }
}

/// How a criterion ended, in a word or two.
pub fn criterion_status(status: CriterionStatus) -> &'static str {
    match status {
        CriterionStatus::Pass => "holds",
        CriterionStatus::Fail => "broken",
        CriterionStatus::Unsure => "unsure",
        CriterionStatus::Error => "error",
        CriterionStatus::NotEvaluated => "not evaluated",
    }
}

/// Seconds with three digits behind the point.
pub fn seconds(milliseconds: u64) -> String {
    format!("{:.3}s", Duration::from_millis(milliseconds).as_secs_f64())
}

/// Whether a run took so long that it is marked.
pub fn is_slow(result: &RunResult) -> bool {
    Duration::from_millis(result.duration_ms) >= SLOW
}

/// Bytes to three digits.
pub fn bytes(count: u64) -> String {
    let steps = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    match steps.into_iter().find(|(_, step)| count >= *step) {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        Some((unit, step)) => format!("{:.1} {unit}", count as f64 / step as f64),
        None => format!("{count} B"),
    }
}

/// Dollars, with more digits the smaller the amount is.
pub fn dollars(amount: f64) -> String {
    if amount >= 0.1 || amount == 0.0 {
        format!("${amount:.2}")
    } else {
        format!("${amount:.4}")
    }
}

/// `1 run`, `2 runs`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A score without digits nobody reads: `80`, `66.7`.
pub fn score(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The mean of a scenario's scores, `none` where no run has one.
pub fn satisfaction(value: Option<f64>) -> String {
    value.map_or_else(|| "none".to_owned(), score)
}

/// What became of the harness, where it did not end well.
pub fn harness(result: &RunResult) -> Option<String> {
    match &result.harness {
        ChildOutcome::Exited { code: 0 } => None,
        ChildOutcome::Exited { code } => Some(format!("the harness exited with status {code}")),
        ChildOutcome::Killed { signal } => {
            Some(format!("the harness was killed by signal {signal}"))
        }
        ChildOutcome::TimedOut => Some(format!(
            "the harness ran out of time after {} and was stopped",
            seconds(result.duration_ms)
        )),
        ChildOutcome::NotStarted { reason } => Some(format!("the harness did not start: {reason}")),
        ChildOutcome::Stopped => Some("archal was asked to stop".to_owned()),
    }
}

/// The route, with what it does not hold.
pub fn route(report: &RouteReport) -> String {
    match (report.level, &report.reason) {
        (RouteLevel::Isolated, _) => "isolated".to_owned(),
        (RouteLevel::Direct, _) => "direct (nothing is held; base URLs only)".to_owned(),
        (level, None) => format!("{} (leaks possible)", level.name()),
        (level, Some(reason)) => format!(
            "{} (leaks possible; isolated does not work here: {reason})",
            level.name()
        ),
    }
}

/// Where a scenario stands among others: what needs a look first, passed ones last.
pub fn urgency(scenario: &ScenarioReport) -> u8 {
    match scenario.score.status {
        ScenarioStatus::Passed => 4,
        _ if scenario.quarantine.is_some() => 3,
        ScenarioStatus::Failed => 0,
        ScenarioStatus::Flaky => 1,
        ScenarioStatus::Inconclusive => 2,
    }
}

/// What k of n does not say of a criterion: vacuous, unsure, errors, not evaluated.
pub fn remark(tally: &CriterionTally) -> Option<String> {
    let mut parts = Vec::new();
    if tally.vacuous > 0 && tally.vacuous == tally.passed && tally.failed == 0 {
        parts.push("vacuous: it held only because there was nothing to hold for".to_owned());
    } else if tally.vacuous > 0 {
        parts.push(format!("vacuous in {}", tally.vacuous));
    }
    if tally.unsure > 0 {
        parts.push(format!("the judge was unsure in {}", tally.unsure));
    }
    if tally.errors > 0 {
        parts.push(format!("raised in {}", tally.errors));
    }
    if tally.not_evaluated > 0 {
        parts.push(if tally.evaluated() == 0 && tally.kind == "P" {
            "not evaluated: no judge".to_owned()
        } else if tally.evaluated() == 0 {
            "not evaluated".to_owned()
        } else {
            format!("not evaluated in {}", tally.not_evaluated)
        });
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What a criterion's status alone does not say, as short marks.
pub fn marks(criterion: &CriterionReport) -> Vec<&'static str> {
    let mut marks = Vec::new();
    if criterion.vacuous {
        marks.push("vacuous");
    }
    if criterion.ambiguous.is_some() {
        marks.push("ambiguous");
    }
    if criterion.judge.as_ref().is_some_and(|judge| judge.cached) {
        marks.push("from the judge's cache");
    }
    marks
}

/// Who answers for a scenario in quarantine, and since when.
pub fn quarantine(scenario: &ScenarioReport) -> Option<String> {
    let quarantine = scenario.quarantine.as_ref()?;
    let release = if quarantine.release {
        "; all its runs passed, so it may be released"
    } else {
        ""
    };
    let or_nobody = |text: &str| {
        if text.is_empty() {
            "not named".to_owned()
        } else {
            text.to_owned()
        }
    };
    Some(format!(
        "in quarantine, since {}, owner {}{release}",
        or_nobody(&quarantine.since),
        or_nobody(&quarantine.owner)
    ))
}

/// What a suite counts, in a sentence: scenarios, then runs.
pub fn totals(report: &SuiteReport) -> String {
    let totals = &report.totals;
    let runs = [
        (totals.runs_passed, "passed"),
        (totals.runs_failed, "failed"),
        (totals.runs_inconclusive, "inconclusive"),
    ];
    format!(
        "{}; {}: {}",
        scenarios(totals),
        count(totals.runs, "run"),
        counted(&runs)
    )
}

/// The scenarios a suite counts.
pub fn scenarios(totals: &Totals) -> String {
    let kinds = [
        (totals.passed, "passed"),
        (totals.failed, "failed"),
        (totals.flaky, "flaky"),
        (totals.inconclusive, "inconclusive"),
        (totals.quarantined, "in quarantine"),
    ];
    format!(
        "{}: {}",
        count(totals.scenarios, "scenario"),
        counted(&kinds)
    )
}

fn counted(kinds: &[(usize, &str)]) -> String {
    let parts: Vec<String> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

/// What a suite cost, as far as anybody knows.
pub fn cost(report: &SuiteReport) -> Option<String> {
    let unknown = report.cost.unknown_runs;
    match report.cost.usd {
        Some(usd) if unknown == 0 => Some(dollars(usd)),
        Some(usd) => Some(format!(
            "{} and {} of unknown cost",
            dollars(usd),
            count(unknown, "run")
        )),
        None => None,
    }
}

/// A path as it is shown from a folder: relative where it lies below.
pub fn path(path: &Path, base: Option<&Path>) -> String {
    base.and_then(|base| path.strip_prefix(base).ok())
        .filter(|relative| !relative.as_os_str().is_empty())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Milliseconds from the start to the end of a suite, by the clock that wrote them.
pub fn wall_ms(report: &SuiteReport) -> Option<u64> {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let span = at(&report.finished_at)?.duration_since(at(&report.started_at)?);
    u64::try_from(span.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(seconds(412), "0.412s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(dollars(0.0), "$0.00");
        assert_eq!(dollars(0.0123), "$0.0123");
        assert_eq!(score(80.0), "80");
        assert_eq!(score(66.666), "66.7");
        assert_eq!(count(1, "run"), "1 run");
        assert_eq!(count(0, "run"), "0 runs");
    }

    #[test]
    fn a_tally_says_what_its_numbers_do_not() {
        let tally = |passed, failed, vacuous, unsure, not_evaluated, kind: &str| {
            remark(&CriterionTally {
                passed,
                failed,
                vacuous,
                unsure,
                not_evaluated,
                kind: kind.to_owned(),
                ..CriterionTally::default()
            })
        };
        assert_eq!(tally(3, 0, 0, 0, 0, "D"), None);
        insta::assert_snapshot!(tally(3, 0, 3, 0, 0, "D").unwrap_or_default(), @"vacuous: it held only because there was nothing to hold for");
        insta::assert_snapshot!(tally(3, 1, 2, 1, 0, "P").unwrap_or_default(), @"vacuous in 2; the judge was unsure in 1");
        insta::assert_snapshot!(tally(0, 0, 0, 0, 4, "P").unwrap_or_default(), @"not evaluated: no judge");
    }
}
