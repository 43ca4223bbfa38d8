//! A whole suite: what failed, what every scenario came to, one line of sums, the next command.

use crate::report::style::Style;
use crate::run::render::{quote, words};
use crate::run::report::{ScenarioReport, SuiteReport, TagReport};
use crate::run::result::RunResult;
use crate::run::score::{CriterionStatus, RunStatus, ScenarioStatus};
use crate::run::tally::CriterionTally;

use super::failure::{self, Stderr};
use super::page::Page;
use super::{Detail, Look, mark, scenario_mark};

/// Scenarios whose runs are told in detail.
const SCENARIOS: usize = 30;
/// The longest title.
const WIDTH: usize = 200;
/// Where criteria stand.
const INDENT: usize = 13;

/// The summary of a suite.
pub fn of(report: &SuiteReport, stderr: Stderr<'_>, look: Look<'_>) -> String {
    let mut page = Page::new(look.width);
    let mut ordered: Vec<&ScenarioReport> = report.scenarios.iter().collect();
    // What needs a look stands nearest to the prompt.
    ordered.sort_by_key(|scenario| std::cmp::Reverse(words::urgency(scenario)));
    if look.detail > Detail::Quiet {
        failures(&mut page, &ordered, stderr, look);
    }
    page.rule();
    sums(&mut page, report);
    for scenario in &ordered {
        let is_told = look.detail > Detail::Quiet
            || scenario.score.status != ScenarioStatus::Passed
            || scenario.vacuous.is_some();
        if is_told {
            line(&mut page, scenario, look);
        }
    }
    for tag in &report.tags {
        tagged(&mut page, tag);
    }
    if let Some(stopped) = &report.stopped {
        page.hanging(
            0,
            &format!("{} ", mark("STOPPED", Style::Error)),
            &format!(
                "{}; {} not made",
                quote::line(&stopped.explanation, WIDTH),
                words::count(stopped.left, "run")
            ),
        );
    }
    next(&mut page, report, &ordered);
    page.into_text()
}

/// One run, as `archal runs show` tells it.
pub fn run(result: &RunResult, stderr: Stderr<'_>, look: Look<'_>) -> String {
    let mut page = Page::new(look.width);
    failure::run(&mut page, 1, result, stderr, look);
    page.into_text()
}

fn failures(page: &mut Page, ordered: &[&ScenarioReport], stderr: Stderr<'_>, look: Look<'_>) {
    let told: Vec<&&ScenarioReport> = ordered
        .iter()
        .filter(|scenario| {
            let bad = |result: &RunResult| result.score.status != RunStatus::Passed;
            look.detail == Detail::All || scenario.results.iter().any(bad)
        })
        .collect();
    // The most urgent are last, and the last are told.
    let skipped = told.len().saturating_sub(SCENARIOS);
    if skipped > 0 {
        page.line(
            0,
            &format!(
                "{} with runs that did not pass {} told only below",
                words::count(skipped, "scenario"),
                if skipped == 1 { "is" } else { "are" }
            ),
        );
        page.gap();
    }
    for scenario in &told[skipped..] {
        failure::of_scenario(page, scenario, stderr, look);
    }
}

fn sums(page: &mut Page, report: &SuiteReport) {
    let time = words::wall_ms(report).unwrap_or(report.totals.harness_ms);
    let mut text = words::totals(report);
    if let Some(cost) = words::cost(report) {
        text.push_str(&format!("; cost {cost}"));
    }
    if report.resumed > 0 {
        text.push_str(&format!(
            "; {} taken over from before a break",
            words::count(report.resumed, "run")
        ));
    }
    let style = match () {
        () if report.totals.failed > 0 || report.stopped.is_some() => Style::Error,
        () if report.totals.flaky + report.totals.inconclusive > 0 => Style::Warning,
        () => Style::Good,
    };
    page.hanging(
        0,
        &format!(
            "{} {} ",
            mark("Summary", style),
            super::progress::time(time)
        ),
        &text,
    );
}

/// What a scenario came to, with k of n of each criterion.
fn line(page: &mut Page, scenario: &ScenarioReport, look: Look<'_>) {
    let score = &scenario.score;
    let mut facts = vec![format!(
        "satisfaction {}",
        words::satisfaction(score.satisfaction)
    )];
    if scenario.threshold < 100.0 || score.status == ScenarioStatus::Flaky {
        facts.push(format!("threshold {}", words::score(scenario.threshold)));
    }
    let is_mixed = (score.passed < score.runs) && score.status == ScenarioStatus::Passed;
    if is_mixed {
        facts.push("passed at its threshold".to_owned());
    }
    if score.runs < scenario.planned as usize {
        facts.push(format!(
            "{} planned",
            words::count(scenario.planned as usize, "run")
        ));
    }
    if look.detail == Detail::Quiet && scenario.vacuous.is_some() {
        facts.push("vacuous".to_owned());
    }
    page.hanging(
        0,
        &format!(
            "{} {:>3}/{:<3} ",
            scenario_mark(score.status, scenario.quarantine.is_some()),
            score.passed,
            score.runs
        ),
        &format!(
            "{} {}",
            quote::line(&scenario.title, WIDTH),
            Style::Faint.paint(&format!("({})", facts.join(", ")))
        ),
    );
    if look.detail == Detail::Quiet {
        return;
    }
    if let Some(quarantine) = words::quarantine(scenario) {
        page.line(
            INDENT,
            &Style::Warning.paint(&quote::line(&quarantine, WIDTH)),
        );
    }
    if let Some(why) = &scenario.vacuous {
        page.line(
            INDENT,
            &Style::Warning.paint(&format!("vacuous: {}", quote::line(why, WIDTH))),
        );
    }
    for tally in &scenario.criteria {
        criterion(page, tally);
        if let Some(why) = undecided(scenario, &tally.id) {
            page.line(INDENT + 8, &quote::line(why, WIDTH * 2));
        }
    }
}

fn criterion(page: &mut Page, tally: &CriterionTally) {
    let rate = format!("{:>3}/{:<3}", tally.passed, tally.evaluated());
    let style = match (tally.failed, tally.passed) {
        (0, 0) => Style::Faint,
        (0, _) => Style::Good,
        (_, 0) => Style::Error,
        _ => Style::Warning,
    };
    let remark = words::remark(tally).map_or_else(String::new, |remark| {
        format!(" {}", Style::Warning.paint(&format!("({remark})")))
    });
    page.hanging(
        INDENT,
        &format!("{} ", style.paint(&rate)),
        &format!("{}{remark}", quote::line(&tally.label, WIDTH)),
    );
}

/// Why the judge did not decide a criterion, as it says of the first run in which it did not.
fn undecided<'a>(scenario: &'a ScenarioReport, id: &str) -> Option<&'a str> {
    let reports = scenario.results.iter().flat_map(|result| &result.criteria);
    let mut undecided = reports.filter(|one| {
        one.id == id && (one.status == CriterionStatus::Unsure || one.unjudged.is_some())
    });
    undecided.find_map(|one| one.explanation.as_deref())
}

fn tagged(page: &mut Page, tag: &TagReport) {
    page.hanging(
        0,
        &format!("{} ", scenario_mark(tag.status, false)),
        &format!(
            "tag {}: satisfaction {} over {} (threshold {})",
            quote::line(&tag.tag, WIDTH),
            words::satisfaction(tag.satisfaction),
            words::count(tag.scenarios, "scenario"),
            words::score(tag.threshold)
        ),
    );
}

/// The command a person copies next.
fn next(page: &mut Page, report: &SuiteReport, ordered: &[&ScenarioReport]) {
    let mut commands = Vec::new();
    let worst = ordered.iter().rev().find_map(|scenario| {
        let mut results = scenario.results.iter();
        results.find(|result| result.score.status != RunStatus::Passed)
    });
    if report.stopped.is_some() {
        commands.push(report.resume());
    }
    if let Some(result) = worst {
        commands.push(format!("archal runs show {}", result.run_id));
    }
    commands.push("archal runs export --format html -o report.html".to_owned());
    page.gap();
    for (number, command) in commands.iter().enumerate() {
        let head = if number == 0 { "next: " } else { "      " };
        // Never wrapped: it is there to be copied.
        page.whole(&format!("{head}{}", Style::Hint.paint(command)));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::run::render::sample;

    use super::*;

    fn shown(width: Option<usize>, detail: Detail) -> String {
        let look = Look {
            width,
            detail,
            base: Some(Path::new("/repo")),
        };
        let stderr = |_: &RunResult| "1\n2\n3\n4\n5\n6\n7\nKeyError: \"amount\"\n".to_owned();
        let text = of(&sample::suite(), &stderr, look);
        // As the printer does where colour is not wanted.
        crate::report::style::harmless(&text, false).into_owned()
    }

    #[test]
    fn failures_come_first_and_the_next_command_last() {
        insta::assert_snapshot!(shown(None, Detail::Usual));
    }

    #[test]
    fn quiet_is_what_did_not_pass_and_the_sums() {
        insta::assert_snapshot!(shown(None, Detail::Quiet), @r"
        ────────────────────────────────────────────────────────────
             Summary [ 192.400s] 6 scenarios: 2 passed, 1 failed, 1 flaky, 1 inconclusive, 1 in quarantine; 10 runs: 5 passed, 4 failed, 1 inconclusive; 1 run taken over from before a break
                PASS   1/1   Weekends (satisfaction 100, vacuous)
         QUARANTINED   1/2   In time (satisfaction 50, threshold 100)
        INCONCLUSIVE   0/1   </script><img src=x onerror=alert(1)> | `*_ red<U+202E> ::error::x # #[error]y {{ 7*7 }} (satisfaction none)
               FLAKY   2/3   Triage new bugs (satisfaction 83.3, threshold 100)
                FAIL   0/2   Refund by policy (satisfaction 0, 3 runs planned)
               FLAKY tag bugs: satisfaction 83.3 over 1 scenario (threshold 90)
             STOPPED the budget of $1.00 is spent; 1 run not made

        next: archal run --resume suite-0001
              archal runs show run-refund1
              archal runs export --format html -o report.html
        ");
    }

    #[test]
    fn no_line_is_wider_than_a_narrow_terminal_but_commands() {
        let text = shown(Some(60), Detail::All);
        for line in text.lines() {
            let is_command = line.contains("archal run");
            assert!(
                is_command || textwrap::core::display_width(line) <= 60,
                "{line}"
            );
        }
        insta::assert_snapshot!(text.lines().skip(1).take(24).collect::<Vec<_>>().join("\n"), @r#"
             ✓ [D] Exactly 4 issues are closed (holds)
               size(github.issues.filter(i, i.state ==
               "closed")) == 4
               4 is 4
               │ {number: 1, state: "closed"}
             ✓ [P] Each comment explains the reason politely
               (holds, from the judge's cache)
               │ “Closed as stale.”
             answer:
             │ Closed 4 stale issues.
             │ Nothing else.
             3 calls, route isolated, evidence
             .archal/cache/runs/run-triage1

        PASS [   0.412s] Weekends
             ✓ [D] All weekend issues have a comment (holds,
               vacuous)
               [].all(i, true)
               there was nothing to hold for
             answer:
             │ Closed 4 stale issues.
             │ Nothing else.
             3 calls, route isolated, evidence
             .archal/cache/runs/run-weekend1
        "#);
    }

    #[test]
    fn hostile_text_begins_no_line_and_has_no_escape() {
        let text = shown(None, Detail::All);
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::"), "{line}");
            assert!(
                !line.contains("##[") && !line.contains(['\u{1b}', '\u{202e}']),
                "{line}"
            );
        }
    }

    #[test]
    fn a_run_that_ended_is_one_line() {
        let report = sample::suite();
        let results = report
            .scenarios
            .iter()
            .flat_map(|scenario| &scenario.results);
        let lines: Vec<String> = results
            .map(|result| super::super::progress::line(result, Some(3), Look::default()))
            .collect();
        let text = crate::report::style::harmless(&lines.join("\n"), false).into_owned();
        insta::assert_snapshot!(text, @r"
                PASS [   0.412s] triage 1/3 run-triage1
                PASS [   0.412s] triage 1/3 run-triage1
                FAIL [  61.204s] triage 2/3 SLOW run-triage2
                PASS [   0.412s] triage 3/3 run-triage3
                FAIL [   0.412s] refund 1/3 run-refund1
                FAIL [   0.412s] refund 2/3 run-refund2
        INCONCLUSIVE [   0.412s] label 1/3 run-label1
                PASS [   0.412s] weekend 1/3 run-weekend1
                FAIL [  90.000s] late 1/3 SLOW run-late1
                PASS [   0.412s] late 2/3 run-late2
        ");
    }
}
