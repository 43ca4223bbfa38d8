//! The runs of a scenario that did not pass. Runs that ended the same way are told once: what a
//! hundred equal failures say, one says.

use crate::report::style::Style;
use crate::run::render::{quote, words};
use crate::run::report::ScenarioReport;
use crate::run::result::RunResult;
use crate::run::score::{CriterionReport, CriterionStatus, RunStatus};

use super::page::Page;
use super::{Detail, Look, progress, run_mark};

/// Ways in which runs of one scenario ended that are told.
const WAYS: usize = 3;
/// Run ids that are named of each.
const NAMED: usize = 4;
/// The longest line of evidence.
const WIDTH: usize = 200;
/// Where evidence stands.
const INDENT: usize = 13;

/// The end of what a run wrote to stderr, where it was kept.
pub type Stderr<'a> = &'a dyn Fn(&RunResult) -> String;

/// How much of the evidence of a run is told.
struct Amount {
    rows: usize,
    answer: usize,
    stderr: usize,
}

impl Amount {
    fn of(detail: Detail) -> Self {
        match detail {
            Detail::Quiet | Detail::Usual => Self {
                rows: 5,
                answer: 4,
                stderr: 6,
            },
            Detail::All => Self {
                rows: 50,
                answer: 40,
                stderr: 60,
            },
        }
    }
}

/// Tells the runs that did not pass; with [`Detail::All`] the others, too.
pub(super) fn of_scenario(
    page: &mut Page,
    scenario: &ScenarioReport,
    stderr: Stderr<'_>,
    look: Look<'_>,
) {
    let mut ways: Vec<Vec<&RunResult>> = Vec::new();
    for result in &scenario.results {
        if result.score.status == RunStatus::Passed && look.detail < Detail::All {
            continue;
        }
        let same = ways
            .iter_mut()
            .find(|way| way.first().is_some_and(|first| is_same(first, result)));
        match same {
            Some(way) => way.push(result),
            None => ways.push(vec![result]),
        }
    }
    for way in ways.iter().take(WAYS) {
        if let [first, others @ ..] = way.as_slice() {
            run(page, scenario.planned, first, stderr, look);
            if !others.is_empty() {
                page.line(INDENT, &Style::Faint.paint(&alike(others)));
            }
            page.gap();
        }
    }
    if ways.len() > WAYS {
        let left: usize = ways[WAYS..].iter().map(Vec::len).sum();
        page.line(
            INDENT,
            &format!(
                "{} ended in yet other ways; `archal runs show` tells all",
                words::count(left, "run")
            ),
        );
        page.gap();
    }
}

fn alike(others: &[&RunResult]) -> String {
    let named: Vec<&str> = others
        .iter()
        .take(NAMED)
        .map(|result| result.run_id.as_str())
        .collect();
    let more = match others.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} ended the same way: {}{more}",
        words::count(others.len(), "other run"),
        named.join(", ")
    )
}

fn is_same(one: &RunResult, other: &RunResult) -> bool {
    let ends = |result: &RunResult| -> Vec<(String, CriterionStatus)> {
        let criteria = result.criteria.iter();
        criteria
            .map(|criterion| (criterion.id.clone(), criterion.status))
            .collect()
    };
    one.score.status == other.score.status
        && one.harness == other.harness
        && one.inconclusive == other.inconclusive
        && ends(one) == ends(other)
}

/// One run with its evidence.
pub(super) fn run(
    page: &mut Page,
    planned: u32,
    result: &RunResult,
    stderr: Stderr<'_>,
    look: Look<'_>,
) {
    let amount = Amount::of(look.detail);
    let place = match planned {
        1 => String::new(),
        planned => format!(" run {}/{planned}", result.index),
    };
    let slow = progress::slow(result);
    page.hanging(
        0,
        &format!(
            "{} {} ",
            run_mark(result.score.status),
            progress::time(result.duration_ms)
        ),
        &format!(
            "{}{slow}",
            Style::Heading.paint(&format!("{}{place}", quote::line(&result.title, WIDTH)))
        ),
    );
    for reason in &result.inconclusive {
        page.line(INDENT, &quote::line(reason, WIDTH));
    }
    if let Some(ended) = words::harness(result) {
        page.line(INDENT, &quote::line(&ended, WIDTH));
    }
    for criterion in &result.criteria {
        let is_told = criterion.status != CriterionStatus::Pass
            || criterion.ambiguous.is_some()
            || look.detail == Detail::All;
        if is_told {
            told(page, criterion, &amount);
        }
    }
    excerpt(
        page,
        "answer",
        &quote::head(&result.answer, amount.answer, WIDTH),
        "more",
    );
    if result.score.status != RunStatus::Passed {
        let errors = quote::tail(&stderr(result), amount.stderr, WIDTH);
        excerpt(page, "stderr", &errors, "before these");
    }
    let calls = words::count(result.calls, "call");
    let evidence = words::path(&result.evidence, look.base);
    let facts = format!(
        "{calls}, route {}, evidence {evidence}",
        words::route(&result.route)
    );
    page.line(INDENT, &Style::Faint.paint(&facts));
}

/// One criterion with what decided it.
fn told(page: &mut Page, criterion: &CriterionReport, amount: &Amount) {
    let (style, sign) = match criterion.status {
        CriterionStatus::Pass => (Style::Good, "✓"),
        CriterionStatus::Fail => (Style::Error, "✗"),
        CriterionStatus::Unsure | CriterionStatus::Error => (Style::Warning, "?"),
        CriterionStatus::NotEvaluated => (Style::Faint, "-"),
    };
    let mut words = vec![words::criterion_status(criterion.status)];
    words.extend(words::marks(criterion));
    page.hanging(
        INDENT,
        &format!("{} ", style.paint(sign)),
        &format!(
            "[{}] {} {}",
            criterion.kind,
            quote::line(&criterion.label, WIDTH),
            Style::Faint.paint(&format!("({})", words.join(", ")))
        ),
    );
    let inner = INDENT + 2;
    // A criterion without words is labelled by its CEL.
    if let Some(cel) = criterion
        .cel
        .as_ref()
        .filter(|cel| **cel != criterion.label)
    {
        page.line(inner, &Style::Hint.paint(&quote::line(cel, WIDTH * 2)));
    }
    if let Some(why) = &criterion.explanation {
        page.line(inner, &quote::line(why, WIDTH * 2));
    }
    if let Some(ambiguous) = &criterion.ambiguous {
        let reading = |holds| if holds { "holds" } else { "does not hold" };
        page.line(
            inner,
            &format!(
                "ambiguous: of the final state it {}, of the change during the run it {}; write one of",
                reading(ambiguous.final_state),
                reading(ambiguous.change)
            ),
        );
        for rewrite in &ambiguous.rewrites {
            page.line(inner + 2, &Style::Hint.paint(&quote::line(rewrite, WIDTH)));
        }
    }
    for row in criterion.rows.iter().take(amount.rows) {
        page.quoted(
            inner,
            &quote::evidence(row, criterion.cel.as_deref(), WIDTH),
        );
    }
    if criterion.rows.len() > amount.rows {
        let left = criterion.rows.len() - amount.rows;
        page.line(inner, &Style::Faint.paint(&words::count(left, "more row")));
    }
    for text in criterion.quotes.iter().take(amount.rows) {
        page.quoted(inner, &format!("“{}”", quote::line(text, WIDTH)));
    }
}

fn excerpt(page: &mut Page, what: &str, excerpt: &quote::Excerpt, rest: &str) {
    if excerpt.lines.is_empty() {
        return;
    }
    let left = match excerpt.left_out {
        0 => String::new(),
        left => format!(" ({} {rest})", words::count(left, "line")),
    };
    page.line(INDENT, &format!("{what}:{left}"));
    for line in &excerpt.lines {
        page.quoted(INDENT, line);
    }
}
