//! A suite for a workflow of GitHub: the summary of a step, and annotations.
//!
//! The summary of a step may have 1 MiB, or none of it is shown; a step shows 10 annotations of
//! each level. Both are kept to, and what is left out is said. Everything others wrote is encoded
//! character by character, so that it is neither markdown nor HTML nor a command of the workflow.

use std::fmt::Write as _;
use std::path::Path;

use crate::run::report::{ScenarioReport, SuiteReport};
use crate::run::result::RunResult;
use crate::run::score::{CriterionStatus, RunStatus, ScenarioStatus};

use super::{junit, quote, words};

/// Bytes of a summary; GitHub takes 1 MiB a step, and a step may say something of its own.
const SUMMARY: usize = 900_000;
/// Bytes kept for the rows of the table, the rest is for details.
const TABLE: usize = 400_000;
/// Annotations of one level that a step shows.
const ANNOTATIONS: usize = 10;
/// Characters of an annotation's message; GitHub takes 64 KiB.
const MESSAGE: usize = 4_000;
/// Characters of an annotation's title; GitHub takes 255.
const TITLE: usize = 200;
/// Rows told of a criterion.
const ROWS: usize = 5;
/// The longest line of evidence.
const WIDTH: usize = 300;

/// Where a criterion stands in its file: its line from 1; none where the file is gone or changed.
pub type Line<'a> = &'a dyn Fn(&ScenarioReport, &str) -> Option<usize>;

/// The summary of a step, as markdown.
pub fn summary(report: &SuiteReport, base: Option<&Path>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    _ = writeln!(
        out,
        "## {} archal: {}\n",
        sign_of_all(report),
        text(&words::totals(report))
    );
    let mut facts = vec![format!("suite `{}`", code(&report.suite))];
    facts.extend(words::wall_ms(report).map(words::seconds));
    facts.extend(words::cost(report).map(|cost| format!("cost {}", text(&cost))));
    _ = writeln!(out, "{}\n", facts.join(" · "));
    if let Some(stopped) = &report.stopped {
        _ = writeln!(
            out,
            "**Stopped**: {}; {} missing. `{}`\n",
            text(&stopped.explanation),
            words::count(stopped.left, "run"),
            code(&report.resume())
        );
    }
    let mut ordered: Vec<&ScenarioReport> = report.scenarios.iter().collect();
    ordered.sort_by_key(|scenario| words::urgency(scenario));
    table(&mut out, &ordered);
    details(&mut out, &ordered, base);
    out
}

fn sign_of_all(report: &SuiteReport) -> &'static str {
    let totals = &report.totals;
    if totals.failed > 0 {
        "❌"
    } else if totals.flaky + totals.inconclusive > 0 || report.stopped.is_some() {
        "⚠️"
    } else {
        "✅"
    }
}

fn sign(scenario: &ScenarioReport) -> &'static str {
    match scenario.score.status {
        _ if scenario.quarantine.is_some() => "🔶 quarantined",
        ScenarioStatus::Passed => "✅ passed",
        ScenarioStatus::Failed => "❌ failed",
        ScenarioStatus::Flaky => "⚠️ flaky",
        ScenarioStatus::Inconclusive => "❔ inconclusive",
    }
}

fn table(out: &mut String, scenarios: &[&ScenarioReport]) {
    out.push_str("| status | runs passed | satisfaction | scenario | criteria |\n");
    out.push_str("|---|---|---|---|---|\n");
    for (number, scenario) in scenarios.iter().enumerate() {
        if out.len() > TABLE {
            let left = scenarios.len() - number;
            _ = writeln!(
                out,
                "\n{} more are not in this table; see the report.",
                words::count(left, "scenario")
            );
            break;
        }
        let score = &scenario.score;
        _ = writeln!(
            out,
            "| {} | {}/{} | {} | {} | {} |",
            sign(scenario),
            score.passed,
            score.runs,
            words::satisfaction(score.satisfaction),
            text(&quote::line(&scenario.title, WIDTH)),
            criteria(scenario)
        );
    }
    out.push('\n');
}

/// k of n of the criteria that did not always hold; the rest in a number.
fn criteria(scenario: &ScenarioReport) -> String {
    let mut parts = Vec::new();
    let mut whole = 0;
    for tally in &scenario.criteria {
        let remark = words::remark(tally);
        if tally.failed == 0 && remark.is_none() {
            whole += 1;
            continue;
        }
        let remark = remark.map_or_else(String::new, |remark| format!(" ({})", text(&remark)));
        parts.push(format!(
            "{}/{} {}{remark}",
            tally.passed,
            tally.evaluated(),
            text(&quote::line(&tally.label, 120))
        ));
    }
    if whole > 0 {
        parts.push(format!("{whole} always held"));
    }
    parts.join("<br>")
}

fn details(out: &mut String, scenarios: &[&ScenarioReport], base: Option<&Path>) {
    let bad: Vec<&&ScenarioReport> = scenarios
        .iter()
        .filter(|scenario| scenario.score.passed < scenario.score.runs)
        .collect();
    for (number, scenario) in bad.iter().enumerate() {
        let block = detail(scenario, base);
        if out.len() + block.len() > SUMMARY {
            _ = writeln!(
                out,
                "Details of {} are left out: a summary may have 1 MiB. `archal runs show` has them.",
                words::count(bad.len() - number, "scenario")
            );
            return;
        }
        out.push_str(&block);
    }
}

/// One scenario's first run that did not pass, and the number of the others.
fn detail(scenario: &ScenarioReport, base: Option<&Path>) -> String {
    let mut bad = scenario
        .results
        .iter()
        .filter(|result| result.score.status != RunStatus::Passed);
    let Some(first) = bad.next() else {
        return String::new();
    };
    let mut out = format!(
        "<details><summary>{} {}: {}</summary>\n\n",
        sign(scenario),
        text(&quote::line(&scenario.title, WIDTH)),
        text(&quote::line(&junit::headline(first), WIDTH))
    );
    _ = writeln!(
        out,
        "`{}` run {} `{}`\n",
        code(&words::path(&scenario.path, base)),
        first.index,
        code(&first.run_id)
    );
    if let Some(quarantine) = words::quarantine(scenario) {
        _ = writeln!(out, "{}\n", text(&quarantine));
    }
    for criterion in &first.criteria {
        if criterion.status == CriterionStatus::Pass {
            continue;
        }
        _ = writeln!(
            out,
            "- **{}**: {}",
            words::criterion_status(criterion.status),
            text(&quote::line(&criterion.label, WIDTH))
        );
        let mut lines: Vec<String> = Vec::new();
        lines.extend(criterion.cel.iter().map(|cel| quote::line(cel, WIDTH)));
        lines.extend(
            criterion
                .explanation
                .iter()
                .map(|why| quote::line(why, WIDTH)),
        );
        lines.extend(
            criterion
                .rows
                .iter()
                .take(ROWS)
                .map(|row| quote::evidence(row, criterion.cel.as_deref(), WIDTH)),
        );
        if criterion.rows.len() > ROWS {
            lines.push(format!("and {} more rows", criterion.rows.len() - ROWS));
        }
        lines.extend(
            criterion
                .quotes
                .iter()
                .take(ROWS)
                .map(|text| quote::line(text, WIDTH)),
        );
        if criterion.quotes.len() > ROWS {
            let more = criterion.quotes.len() - ROWS;
            lines.push(format!("and {}", words::count(more, "more quote")));
        }
        block(&mut out, &lines);
    }
    let answer = quote::head(&first.answer, 10, WIDTH);
    if !answer.lines.is_empty() {
        out.push_str("\nThe agent's answer:\n");
        let more = (answer.left_out > 0).then(|| format!("[{} more lines]", answer.left_out));
        let lines: Vec<String> = answer.lines.into_iter().chain(more).collect();
        block(&mut out, &lines);
    }
    let others = bad.count();
    if others > 0 {
        _ = writeln!(
            out,
            "\n{} did not pass either.",
            words::count(others, "other run")
        );
    }
    out.push_str("\n</details>\n\n");
    out
}

/// Lines as they are: a block of HTML, in which no markdown is read.
fn block(out: &mut String, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    out.push_str("\n<pre>");
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(&text(line));
    }
    out.push_str("</pre>\n\n");
}

/// Text as text: every character that markdown or HTML could take for more is written by number.
fn text(given: &str) -> String {
    let mut out = String::with_capacity(given.len() + 16);
    for c in given.chars() {
        match c {
            ' ' | ',' | '/' | ';' | '(' | ')' | '%' | '$' | '?' => out.push(c),
            '\n' | '\r' => out.push(' '),
            c if c.is_ascii_punctuation() => {
                _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Text in a code span, where numbers of characters are not read.
fn code(given: &str) -> String {
    quote::line(given, WIDTH)
        .replace('`', "'")
        .replace('|', "¦")
}

/// The annotations: commands of the workflow, a line each, with what is left out said last.
///
/// `base` is the repository: GitHub wants paths relative to it.
pub fn annotations(report: &SuiteReport, base: Option<&Path>, line: Line<'_>) -> Vec<String> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    for scenario in &report.scenarios {
        let level = match scenario.score.status {
            ScenarioStatus::Passed => continue,
            ScenarioStatus::Failed if scenario.quarantine.is_none() => &mut errors,
            _ => &mut warnings,
        };
        level.push(scenario);
    }
    let mut out = Vec::new();
    for (name, scenarios) in [("error", errors), ("warning", warnings)] {
        // The last place of a level tells how many there was no place for.
        let shown = if scenarios.len() > ANNOTATIONS {
            ANNOTATIONS - 1
        } else {
            scenarios.len()
        };
        out.extend(
            scenarios[..shown]
                .iter()
                .map(|scenario| annotation(name, scenario, base, line)),
        );
        if shown < scenarios.len() {
            let left = words::count(scenarios.len() - shown, "more scenario");
            out.push(format!(
                "::{name} title=archal::{}",
                message(&format!(
                    "{left} without an annotation: GitHub shows ten of a level"
                ))
            ));
        }
    }
    out
}

fn annotation(
    level: &str,
    scenario: &ScenarioReport,
    base: Option<&Path>,
    line: Line<'_>,
) -> String {
    let bad: Option<&RunResult> = scenario
        .results
        .iter()
        .find(|result| result.score.status != RunStatus::Passed);
    let broken = bad.and_then(|result| {
        result
            .criteria
            .iter()
            .find(|criterion| criterion.status == CriterionStatus::Fail)
    });
    let at = broken.and_then(|criterion| line(scenario, &criterion.id));
    let at = at.map_or_else(String::new, |at| format!(",line={at}"));
    let mut told = vec![format!(
        "{} {}/{} runs passed, satisfaction {}",
        words::scenario_status(scenario.score.status),
        scenario.score.passed,
        scenario.score.runs,
        words::satisfaction(scenario.score.satisfaction)
    )];
    told.extend(words::quarantine(scenario));
    told.extend(bad.map(|result| quote::line(&junit::headline(result), WIDTH)));
    if let Some(criterion) = broken {
        told.extend(criterion.cel.iter().map(|cel| quote::line(cel, WIDTH)));
        told.extend(
            criterion
                .explanation
                .iter()
                .map(|why| quote::line(why, WIDTH)),
        );
        told.extend(
            criterion
                .rows
                .iter()
                .take(ROWS)
                .map(|row| quote::evidence(row, criterion.cel.as_deref(), WIDTH)),
        );
        if criterion.rows.len() > ROWS {
            told.push(format!("and {} more rows", criterion.rows.len() - ROWS));
        }
    }
    told.extend(bad.map(|result| format!("archal runs show {}", result.run_id)));
    format!(
        "::{level} file={}{at},title={}::{}",
        property(&quote::line(&words::path(&scenario.path, base), WIDTH)),
        property(&quote::line(&scenario.title, TITLE)),
        message(&told.join("\n"))
    )
}

/// A message as a command of the workflow has it.
fn message(given: &str) -> String {
    quote::cut(given, MESSAGE)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property as a command of the workflow has it.
fn property(given: &str) -> String {
    message(given).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::run::render::sample;

    use super::*;

    #[test]
    fn a_summary_is_text_whatever_a_run_said() {
        let text = summary(&sample::suite(), Some(Path::new("/repo")));
        assert!(!text.contains("<img") && !text.contains('\u{1b}'), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn annotations_are_one_line_each_and_name_the_place() {
        let line = |_: &ScenarioReport, criterion: &str| (criterion == "exactly-4").then_some(9);
        let lines = annotations(&sample::suite(), Some(Path::new("/repo")), &line);
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"), @r###"
        ::error file=archal/refund.md,title=Refund by policy::failed 0/2 runs passed, satisfaction 0%0Athe harness exited with status 1%0Asize(github.issues) == 4%0A6 is not 4%0Aarchal runs show run-refund1
        ::warning file=archal/triage.md,line=9,title=Triage new bugs::flaky 2/3 runs passed, satisfaction 83.3%0Abroken: Exactly 4 issues are closed%0Asize(github.issues.filter(i, i.state == "closed")) == 4%0A7 is not 4%0A{number: 1, state: "closed"}%0A{number: 2, state: "closed"}%0A{number: 3, state: "closed"}%0A{number: 4, state: "closed"}%0A{number: 5, state: "closed"}%0Aand 2 more rows%0Aarchal runs show run-triage2
        ::warning file=archal/label.md,title=</script><img src=x onerror=alert(1)> | `*_ red<U+202E> %3A%3Aerror%3A%3Ax # #[error]y {{ 7*7 }}::inconclusive 0/1 runs passed, satisfaction none%0Acriterion exactly-4 raised: no such key: milestone%0Aarchal runs show run-label1
        ::warning file=archal/late.md,title=In time::flaky 1/2 runs passed, satisfaction 50%0Ain quarantine, since 2026-10-02, owner support%0Athe harness ran out of time after 90.000s and was stopped%0Aarchal runs show run-late1
        "###);
    }

    #[test]
    fn what_is_not_told_of_a_run_is_counted() {
        let mut report = sample::suite();
        let run = &mut report.scenarios[1].results[1];
        run.answer = "one line\n".repeat(13);
        let polite = &mut run.criteria[1];
        polite.status = CriterionStatus::Fail;
        polite.quotes = (0..ROWS + 2).map(|at| format!("quote {at}")).collect();
        let text = summary(&report, None);
        assert_eq!(text.matches("and 2 more quotes").count(), 1, "{text}");
        assert!(text.contains("quote 4") && !text.contains("quote 5"));
        assert_eq!(text.matches("3 more lines").count(), 1, "{text}");
    }

    #[test]
    fn limits_of_github_are_kept_and_said() {
        let mut report = sample::suite();
        let scenario = report.scenarios.remove(2);
        let mut many = vec![scenario; 4_000];
        for one in &mut many {
            one.title = "x".repeat(300);
        }
        report.scenarios = many;
        let text = summary(&report, None);
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert!(text.contains("more are not in this table"));
        assert!(text.contains("are left out: a summary may have 1 MiB"));
        let lines = annotations(&report, None, &|_, _| None);
        assert_eq!(lines.len(), ANNOTATIONS);
        insta::assert_snapshot!(lines[9], @"::error title=archal::3991 more scenarios without an annotation: GitHub shows ten of a level");
    }

    #[test]
    fn no_byte_of_a_text_is_a_command() {
        assert_eq!(property("a:b,c%d\ne"), "a%3Ab%2Cc%25d%0Ae");
        assert_eq!(message("a:b,c%d\r\ne"), "a:b,c%25d%0D%0Ae");
        assert_eq!(text("a|b<c>`@x"), "a&#124;b&#60;c&#62;&#96;&#64;x");
    }
}
