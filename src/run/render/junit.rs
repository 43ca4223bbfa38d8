//! A suite as JUnit XML, for what reads test results: Jenkins, GitLab, GitHub.
//!
//! A test case is a scenario, because its status against its threshold is what the exit code
//! says: readers that count failures then count what archal counts. Its runs stand in the
//! elements Surefire made for repeated tests (`flakyFailure`, `rerunFailure`), which readers that
//! do not know them pass over. A scenario in quarantine is a skipped test, an inconclusive one an
//! error.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite,
};

use crate::run::report::{ScenarioReport, SuiteReport};
use crate::run::result::RunResult;
use crate::run::score::{CriterionStatus, RunStatus, ScenarioStatus};

use super::{quote, words};

/// Runs told of one scenario: a file of a thousand runs each is no help to a reader of results.
const RUNS: usize = 50;
/// Lines of a run's output.
const LINES: usize = 40;
/// The longest line.
const WIDTH: usize = 400;
/// Rows told of a criterion.
const ROWS: usize = 5;

/// Why the XML could not be written.
pub type JunitError = quick_junit::SerializeError;

/// The end of what a run wrote to stderr, where it was kept.
pub type Stderr<'a> = &'a dyn Fn(&RunResult) -> String;

/// The XML of a suite. Paths are told relative to `base`.
///
/// # Errors
///
/// When the XML cannot be written.
pub fn of(
    report: &SuiteReport,
    base: Option<&Path>,
    stderr: Stderr<'_>,
) -> Result<String, JunitError> {
    let mut document = Report::new("archal");
    if let Some(at) = time(&report.started_at) {
        document.set_timestamp(at);
    }
    document.set_time(Duration::from_millis(
        words::wall_ms(report).unwrap_or(report.totals.harness_ms),
    ));
    let mut folders: BTreeMap<String, Vec<&ScenarioReport>> = BTreeMap::new();
    for scenario in &report.scenarios {
        folders
            .entry(folder(scenario, base))
            .or_default()
            .push(scenario);
    }
    for (folder, scenarios) in folders {
        let mut suite = TestSuite::new(quote::line(&folder, WIDTH));
        if let Some(at) = time(&report.started_at) {
            suite.set_timestamp(at);
        }
        let mut sum = Duration::ZERO;
        for scenario in scenarios {
            sum += spent(scenario);
            suite.add_test_case(case(scenario, base, stderr));
        }
        suite.set_time(sum);
        suite.add_property(Property::new("archal.suite", report.suite.as_str()));
        if let Some(cost) = words::cost(report) {
            suite.add_property(Property::new("archal.cost", cost));
        }
        document.add_test_suite(suite);
    }
    document.to_string()
}

/// The folder of a scenario's file, dotted as classes are: readers group by it.
fn folder(scenario: &ScenarioReport, base: Option<&Path>) -> String {
    let path = words::path(&scenario.path, base);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.is_empty() {
        "scenarios".to_owned()
    } else {
        folder.to_owned()
    }
}

fn spent(scenario: &ScenarioReport) -> Duration {
    Duration::from_millis(scenario.results.iter().map(|run| run.duration_ms).sum())
}

fn case(scenario: &ScenarioReport, base: Option<&Path>, stderr: Stderr<'_>) -> TestCase {
    let mut case = TestCase::new(
        quote::line(&scenario.title, WIDTH),
        status(scenario, stderr),
    );
    case.set_classname(quote::line(
        &format!(
            "{}.{}",
            folder(scenario, base).replace('/', "."),
            scenario.scenario
        ),
        WIDTH,
    ));
    case.set_time(spent(scenario));
    case.set_assertions(scenario.criteria.len());
    let file = quote::line(&words::path(&scenario.path, base), WIDTH);
    case.extra.insert("file".into(), file.as_str().into());
    case.set_system_out(standing(scenario));
    case
}

/// k of n, of the scenario and of each criterion.
fn standing(scenario: &ScenarioReport) -> String {
    let score = &scenario.score;
    let mut lines = vec![format!(
        "{} {}/{} runs, satisfaction {} (threshold {})",
        words::scenario_status(score.status),
        score.passed,
        score.runs,
        words::satisfaction(score.satisfaction),
        words::score(scenario.threshold)
    )];
    lines.extend(words::quarantine(scenario));
    lines.extend(
        scenario
            .vacuous
            .as_deref()
            .map(|why| quote::line(why, WIDTH)),
    );
    for tally in &scenario.criteria {
        let remark = words::remark(tally).map_or_else(String::new, |text| format!(" ({text})"));
        lines.push(format!(
            "{}/{} {}{remark}",
            tally.passed,
            tally.evaluated(),
            quote::line(&tally.label, WIDTH)
        ));
    }
    // Of one that passed, this is the only text there is.
    let bad = score.runs - score.passed;
    if score.status == ScenarioStatus::Passed && bad > RUNS {
        lines.push(format!(
            "{} more runs did not pass and are not told here",
            bad - RUNS
        ));
    }
    lines.join("\n")
}

fn status(scenario: &ScenarioReport, stderr: Stderr<'_>) -> TestCaseStatus {
    let bad: Vec<&RunResult> = scenario
        .results
        .iter()
        .filter(|result| result.score.status != RunStatus::Passed)
        .collect();
    let short = format!(
        "{} of {} runs passed, satisfaction {}",
        scenario.score.passed,
        scenario.score.runs,
        words::satisfaction(scenario.score.satisfaction)
    );
    if let Some(quarantine) = words::quarantine(scenario) {
        let mut status = TestCaseStatus::skipped();
        status.set_type("quarantine");
        status.set_message(format!("{short}; {quarantine}"));
        return status;
    }
    let reruns = |runs: &[&RunResult]| -> Vec<TestRerun> {
        let told = runs.iter().take(RUNS);
        told.map(|result| rerun(result, stderr)).collect()
    };
    let kind = match scenario.score.status {
        ScenarioStatus::Passed => {
            let mut status = TestCaseStatus::success();
            status.add_reruns(reruns(&bad));
            return status;
        }
        ScenarioStatus::Failed | ScenarioStatus::Flaky => NonSuccessKind::Failure,
        ScenarioStatus::Inconclusive => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(words::scenario_status(scenario.score.status));
    status.set_message(short);
    let mut text = bad.first().map_or_else(String::new, |first| account(first));
    if bad.len() > RUNS + 1 {
        text.push_str(&format!(
            "\n{} more runs did not pass and are not told here",
            bad.len() - RUNS - 1
        ));
    }
    status.set_description(text);
    status.add_reruns(reruns(bad.get(1..).unwrap_or_default()));
    status
}

fn rerun(result: &RunResult, stderr: Stderr<'_>) -> TestRerun {
    let mut rerun = TestRerun::new(match result.score.status {
        RunStatus::Inconclusive => NonSuccessKind::Error,
        RunStatus::Passed | RunStatus::Failed => NonSuccessKind::Failure,
    });
    rerun.set_type(words::run_status(result.score.status));
    rerun.set_message(quote::line(&headline(result), WIDTH));
    rerun.set_stack_trace(account(result));
    rerun.set_system_out(excerpt(&quote::head(&result.answer, LINES, WIDTH)));
    rerun.set_system_err(excerpt(&quote::tail(&stderr(result), LINES, WIDTH)));
    rerun
}

fn excerpt(excerpt: &quote::Excerpt) -> String {
    let mut text = excerpt.lines.join("\n");
    if excerpt.left_out > 0 {
        text.push_str(&format!("\n[{} more lines]", excerpt.left_out));
    }
    text
}

/// Why a run did not pass, in a line.
pub(super) fn headline(result: &RunResult) -> String {
    let broken = result
        .criteria
        .iter()
        .find(|criterion| criterion.status == CriterionStatus::Fail);
    result
        .inconclusive
        .first()
        .cloned()
        .or_else(|| words::harness(result))
        .or_else(|| broken.map(|criterion| format!("broken: {}", criterion.label)))
        .unwrap_or_else(|| words::run_status(result.score.status).to_owned())
}

/// What a run came to, with the criteria that did not hold and what decided them.
fn account(result: &RunResult) -> String {
    let mut lines = vec![format!(
        "{}, run {}: {}",
        result.run_id,
        result.index,
        words::run_status(result.score.status)
    )];
    let said = |text: &str| quote::line(text, WIDTH);
    lines.extend(words::harness(result).map(|text| said(&text)));
    lines.extend(result.inconclusive.iter().map(|reason| said(reason)));
    for criterion in &result.criteria {
        if criterion.status == CriterionStatus::Pass {
            continue;
        }
        lines.push(format!(
            "{}: {}",
            words::criterion_status(criterion.status),
            said(&criterion.label)
        ));
        lines.extend(criterion.cel.iter().map(|cel| format!("  {}", said(cel))));
        lines.extend(
            criterion
                .explanation
                .iter()
                .map(|why| format!("  {}", said(why))),
        );
        let rows = criterion.rows.iter().take(ROWS);
        lines.extend(rows.map(|row| {
            format!(
                "  {}",
                quote::evidence(row, criterion.cel.as_deref(), WIDTH)
            )
        }));
        if criterion.rows.len() > ROWS {
            lines.push(format!("  and {} more rows", criterion.rows.len() - ROWS));
        }
        let quotes = criterion.quotes.iter().take(ROWS);
        lines.extend(quotes.map(|text| format!("  \"{}\"", said(text))));
        if criterion.quotes.len() > ROWS {
            let more = criterion.quotes.len() - ROWS;
            lines.push(format!("  and {}", words::count(more, "more quote")));
        }
    }
    lines.push(format!("evidence: archal runs show {}", result.run_id));
    lines.join("\n")
}

fn time(text: &str) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    chrono::DateTime::parse_from_rfc3339(text).ok()
}

#[cfg(test)]
mod tests {
    use crate::run::render::sample;

    use super::*;

    fn xml() -> String {
        let stderr = |_: &RunResult| "one\n::error::two\n".to_owned();
        of(&sample::suite(), Some(Path::new("/repo")), &stderr).expect("XML")
    }

    #[test]
    fn a_suite_is_what_readers_of_results_read() {
        insta::assert_snapshot!(xml());
    }

    #[test]
    fn what_is_not_told_is_counted() {
        let mut report = sample::suite();
        let flaky = &mut report.scenarios[1];
        let bad = flaky.results[1].clone();
        flaky.score.status = ScenarioStatus::Passed;
        flaky.results = vec![bad; RUNS + 7];
        flaky.score.runs = RUNS + 7;
        flaky.score.passed = 0;
        let polite = &mut report.scenarios[1].results[0].criteria[1];
        polite.status = CriterionStatus::Fail;
        polite.quotes = (0..ROWS + 2).map(|at| format!("quote {at}")).collect();
        let text = of(&report, None, &|_: &RunResult| String::new()).expect("XML");
        assert!(text.contains("\n7 more runs did not pass and are not told here"));
        assert_eq!(text.matches("and 2 more quotes").count(), 1);
        assert!(text.contains("quote 4") && !text.contains("quote 5"));
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let text = xml();
        let read = Report::deserialize_from_str(&text).expect("JUnit");
        assert_eq!((read.tests, read.failures, read.errors), (6, 2, 1));
        assert_eq!(read.to_string().expect("XML"), text);
    }
}
