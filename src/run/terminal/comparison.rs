//! Two suites beside each other.

use crate::report::style::Style;
use crate::run::render::compare::{
    Comparison, CriterionChange, RateChange, ScenarioChange, Standing, Verdict,
};
use crate::run::render::significance::Change;
use crate::run::render::{quote, words};

use super::page::Page;
use super::{Detail, Look, mark};

/// The longest title.
const WIDTH: usize = 200;
/// Where criteria stand.
const INDENT: usize = 13;

/// The comparison for a person, what got worse last.
pub fn comparison(comparison: &Comparison, look: Look<'_>) -> String {
    let mut page = Page::new(look.width);
    for (what, side) in [("before", &comparison.before), ("after", &comparison.after)] {
        let stopped = if side.stopped {
            ", stopped before its last run"
        } else {
            ""
        };
        page.hanging(
            0,
            &format!("{} ", mark(what, Style::Heading)),
            &format!("{} of {}{stopped}", side.suite, side.started_at),
        );
    }
    page.gap();
    let mut ordered: Vec<&ScenarioChange> = comparison.scenarios.iter().collect();
    ordered.sort_by_key(|scenario| urgency(scenario));
    for scenario in ordered {
        let is_told = look.detail == Detail::All
            || scenario.verdict != Verdict::Same
            || (look.detail == Detail::Usual && fell(scenario));
        if is_told {
            told(&mut page, scenario, look);
        }
    }
    page.rule();
    sums(&mut page, comparison);
    page.into_text()
}

fn urgency(scenario: &ScenarioChange) -> u8 {
    match scenario.verdict {
        Verdict::Same => 0,
        Verdict::Removed => 1,
        Verdict::Added => 2,
        Verdict::Better => 3,
        _ if scenario.quarantined => 4,
        Verdict::Unclear => 5,
        Verdict::Worse => 6,
    }
}

/// Whether something holds less often, though so few runs say nothing.
fn fell(scenario: &ScenarioChange) -> bool {
    let perhaps =
        |rates: &RateChange| matches!(rates.change, Change::PerhapsWorse | Change::PerhapsBetter);
    perhaps(&scenario.runs) || scenario.criteria.iter().any(|one| perhaps(&one.rates))
}

fn told(page: &mut Page, scenario: &ScenarioChange, look: Look<'_>) {
    let (word, style) = match scenario.verdict {
        Verdict::Worse => ("WORSE", Style::Error),
        Verdict::Better => ("BETTER", Style::Good),
        Verdict::Same => ("SAME", Style::Faint),
        Verdict::Unclear => ("UNCLEAR", Style::Warning),
        Verdict::Added => ("NEW", Style::Heading),
        Verdict::Removed => ("GONE", Style::Warning),
    };
    let quarantined = if scenario.quarantined {
        " (in quarantine: decides nothing)"
    } else {
        ""
    };
    page.hanging(
        0,
        &format!("{} ", mark(word, style)),
        &format!("{}{quarantined}", quote::line(&scenario.title, WIDTH)),
    );
    page.line(INDENT, &standings(scenario));
    if scenario.before.is_some() && scenario.after.is_some() {
        page.line(INDENT, &format!("runs passed {}", rates(&scenario.runs)));
    }
    for criterion in &scenario.criteria {
        let is_same = criterion.rates.change == Change::Same;
        if !is_same || look.detail == Detail::All {
            changed(page, criterion);
        }
    }
}

/// `passed, satisfaction 100, 0.4s a run -> failed, …`.
fn standings(scenario: &ScenarioChange) -> String {
    let text = |standing: &Standing| {
        let time = standing.mean_ms.map_or_else(String::new, |milliseconds| {
            format!(", {} a run", words::seconds(milliseconds))
        });
        format!(
            "{}, satisfaction {}{time}",
            words::scenario_status(standing.status),
            words::satisfaction(standing.satisfaction)
        )
    };
    match (&scenario.before, &scenario.after) {
        (Some(before), Some(after)) => format!("{} → {}", text(before), text(after)),
        (Some(before), None) => format!("was {}", text(before)),
        (None, Some(after)) => text(after),
        (None, None) => String::new(),
    }
}

fn changed(page: &mut Page, criterion: &CriterionChange) {
    let style = match criterion.rates.change {
        Change::Worse => Style::Error,
        Change::Better => Style::Good,
        Change::Same => Style::Faint,
        Change::PerhapsBetter | Change::PerhapsWorse | Change::Unknown => Style::Warning,
    };
    page.hanging(
        INDENT,
        &format!("{} ", style.paint("•")),
        &format!(
            "{} {}",
            quote::line(&criterion.label, WIDTH),
            rates(&criterion.rates)
        ),
    );
}

/// The two rates and what can honestly be said of them.
fn rates(rates: &RateChange) -> String {
    let RateChange { before, after, .. } = rates;
    let chance = rates
        .chance
        .map_or_else(String::new, |chance| format!("p = {}", probability(chance)));
    let said = match rates.change {
        Change::Same => String::new(),
        Change::Worse => format!(": worse, by more than chance explains ({chance})"),
        Change::Better => format!(": better, by more than chance explains ({chance})"),
        Change::PerhapsWorse => format!(": lower, as chance alone makes so few runs ({chance})"),
        Change::PerhapsBetter => format!(": higher, as chance alone makes so few runs ({chance})"),
        Change::Unknown => ": one side was never decided".to_owned(),
    };
    format!("{before} → {after}{said}")
}

fn probability(chance: f64) -> String {
    if chance < 0.001 {
        "0.001 or less".to_owned()
    } else {
        format!("{chance:.3}")
    }
}

fn sums(page: &mut Page, comparison: &Comparison) {
    let counts = &comparison.counts;
    let parts: Vec<String> = [
        (counts.worse, "worse"),
        (counts.better, "better"),
        (counts.same, "without a change that can be told"),
        (counts.unclear, "unclear"),
        (counts.added, "new"),
        (counts.removed, "gone"),
        (counts.quarantined, "in quarantine"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    let style = match () {
        () if counts.worse > 0 => Style::Error,
        () if counts.unclear > 0 => Style::Warning,
        () => Style::Good,
    };
    let text = if parts.is_empty() {
        "no scenarios".to_owned()
    } else {
        parts.join(", ")
    };
    page.hanging(0, &format!("{} ", mark("Compared", style)), &text);
}
