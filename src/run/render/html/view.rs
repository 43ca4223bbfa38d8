//! What the template is given: every text cut and harmless, every number written.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::run::render::{quote, words};
use crate::run::report::{ScenarioReport, SuiteReport, TagReport};
use crate::run::result::RunResult;
use crate::run::score::{CriterionReport, CriterionStatus};
use crate::run::tally::CriterionTally;

use super::Folder;
use super::evidence::{EvidenceView, Text, evidence_view, text};
use super::room::{self, Room};

/// The longest line that is a heading or a label.
const LINE: usize = 300;

#[derive(Debug, Serialize)]
pub(super) struct PageView {
    suite: String,
    started: String,
    facts: Vec<String>,
    totals: Vec<Total>,
    sentence: String,
    stopped: Option<String>,
    cut: Option<String>,
    tags: Vec<TagView>,
    scenarios: Vec<ScenarioView>,
}

#[derive(Debug, Serialize)]
struct Total {
    number: usize,
    status: &'static str,
    label: &'static str,
}

#[derive(Debug, Serialize)]
struct TagView {
    tag: String,
    status: &'static str,
    satisfaction: String,
    threshold: String,
    scenarios: usize,
}

#[derive(Debug, Serialize)]
struct ScenarioView {
    /// Unique on the page, for links.
    anchor: String,
    title: String,
    id: String,
    path: String,
    status: &'static str,
    label: String,
    passed: usize,
    runs: usize,
    satisfaction: String,
    threshold: String,
    duration: String,
    tags: Vec<String>,
    quarantine: Option<String>,
    vacuous: Option<String>,
    planned: Option<String>,
    is_open: bool,
    criteria: Vec<TallyView>,
    results: Vec<RunView>,
    /// Runs that are not told one by one.
    more: Option<String>,
}

#[derive(Debug, Serialize)]
struct TallyView {
    kind: String,
    label: String,
    passed: usize,
    of: usize,
    status: &'static str,
    remark: Option<String>,
}

#[derive(Debug, Serialize)]
struct RunView {
    anchor: String,
    id: String,
    index: u32,
    status: &'static str,
    slow: bool,
    is_open: bool,
    duration: String,
    calls: usize,
    facts: Vec<(&'static str, String)>,
    reasons: Vec<String>,
    criteria: Vec<CriterionView>,
    answer: Text,
    evidence: Option<EvidenceView>,
    /// Why there is no evidence here, and the command that has it.
    left_out: Option<String>,
}

#[derive(Debug, Serialize)]
struct CriterionView {
    kind: String,
    label: String,
    status: &'static str,
    word: &'static str,
    marks: Vec<&'static str>,
    sentence: Option<String>,
    cel: Option<String>,
    explanation: Option<String>,
    ambiguous: Option<AmbiguousView>,
    rows: Vec<String>,
    more_rows: usize,
    quotes: Vec<String>,
    more_quotes: usize,
    judge: Option<String>,
}

#[derive(Debug, Serialize)]
struct AmbiguousView {
    final_state: bool,
    change: bool,
    rewrites: Vec<String>,
}

/// Everything of a suite there is room for.
pub(super) fn of(
    report: &SuiteReport,
    base: Option<&Path>,
    evidence: Folder<'_>,
    room: Room,
) -> PageView {
    let mut told: BTreeMap<(usize, usize), EvidenceView> = BTreeMap::new();
    let mut left = room.bytes;
    let mut without = 0;
    let ordered = room::order(report);
    let shown = ordered.len().min(room.runs);
    for &(scenario, run) in &ordered[..shown] {
        // Once there is no room, the small ones that might still fit would be told by luck.
        if left == 0 {
            without += 1;
            continue;
        }
        let result = &report.scenarios[scenario].results[run];
        let view = evidence_view(evidence(result), room);
        match left.checked_sub(view.bytes()) {
            Some(rest) => {
                left = rest;
                told.insert((scenario, run), view);
            }
            None => {
                left = 0;
                without += 1;
            }
        }
    }
    let listed: std::collections::BTreeSet<(usize, usize)> =
        ordered[..shown].iter().copied().collect();
    let mut by_urgency: Vec<(&ScenarioReport, usize)> = report.scenarios.iter().zip(0..).collect();
    by_urgency.sort_by_key(|(scenario, _)| words::urgency(scenario));
    let scenarios = by_urgency
        .into_iter()
        .map(|(scenario, at)| {
            let mut runs = Vec::new();
            for (result, run) in scenario.results.iter().zip(0..) {
                if listed.contains(&(at, run)) {
                    runs.push(run_view(result, base, told.remove(&(at, run)), room));
                }
            }
            // One that did not pass shows what there is to see.
            if let Some(first) = runs.iter_mut().find(|run| run.status != "passed") {
                first.is_open = true;
            }
            scenario_view(scenario, at, base, runs)
        })
        .collect();
    let mut cuts = Vec::new();
    if without > 0 {
        cuts.push(format!(
            "Calls, changes and transcripts of {} are left out, so that this file stays small enough to open",
            words::count(without, "run")
        ));
    }
    if shown < ordered.len() {
        cuts.push(format!(
            "{} are counted and not told one by one",
            words::count(ordered.len() - shown, "run")
        ));
    }
    PageView {
        suite: report.suite.clone(),
        started: report.started_at.clone(),
        facts: facts(report),
        totals: totals(report),
        sentence: words::totals(report),
        stopped: report.stopped.as_ref().map(|stopped| {
            format!(
                "{}; {} not made. Go on with: {}",
                quote::line(&stopped.explanation, LINE),
                words::count(stopped.left, "run"),
                report.resume()
            )
        }),
        cut: (!cuts.is_empty()).then(|| format!("{}.", cuts.join("; "))),
        tags: report.tags.iter().map(tag).collect(),
        scenarios,
    }
}

fn facts(report: &SuiteReport) -> Vec<String> {
    let command = &report.command;
    let mut facts = Vec::new();
    if let Some(wall) = words::wall_ms(report) {
        facts.push(format!("took {}", words::seconds(wall)));
    }
    facts.extend(words::cost(report).map(|cost| format!("cost {cost}")));
    if !command.harness.is_empty() {
        facts.push(format!(
            "harness {}",
            quote::line(&command.harness.join(" "), LINE)
        ));
    }
    if let Some(model) = &command.model {
        facts.push(format!("model {}", quote::line(model, LINE)));
    }
    if let Some(model) = &command.judge_model {
        facts.push(format!("judge {}", quote::line(model, LINE)));
    }
    if command.jobs > 1 {
        facts.push(format!("{} runs at once", command.jobs));
    }
    facts
}

fn totals(report: &SuiteReport) -> Vec<Total> {
    let totals = &report.totals;
    [
        (totals.failed, "failed", "failed"),
        (totals.flaky, "flaky", "flaky"),
        (totals.inconclusive, "inconclusive", "inconclusive"),
        (totals.quarantined, "quarantined", "in quarantine"),
        (totals.passed, "passed", "passed"),
    ]
    .into_iter()
    .map(|(number, status, label)| Total {
        number,
        status,
        label,
    })
    .collect()
}

fn tag(tag: &TagReport) -> TagView {
    TagView {
        tag: quote::line(&tag.tag, LINE),
        status: words::scenario_status(tag.status),
        satisfaction: words::satisfaction(tag.satisfaction),
        threshold: words::score(tag.threshold),
        scenarios: tag.scenarios,
    }
}

fn scenario_view(
    scenario: &ScenarioReport,
    at: usize,
    base: Option<&Path>,
    results: Vec<RunView>,
) -> ScenarioView {
    let score = &scenario.score;
    let status = words::scenario_status(score.status);
    let is_quarantined = scenario.quarantine.is_some();
    let milliseconds: u64 = scenario.results.iter().map(|run| run.duration_ms).sum();
    let more = scenario.results.len() - results.len();
    let planned = scenario.planned as usize;
    ScenarioView {
        anchor: format!("s{}", at + 1),
        title: quote::line(&scenario.title, LINE),
        id: quote::line(&scenario.scenario, LINE),
        path: quote::line(&words::path(&scenario.path, base), LINE),
        status: if is_quarantined {
            "quarantined"
        } else {
            status
        },
        label: if is_quarantined {
            format!("{status}, in quarantine")
        } else {
            status.to_owned()
        },
        passed: score.passed,
        runs: score.runs,
        satisfaction: words::satisfaction(score.satisfaction),
        threshold: words::score(scenario.threshold),
        duration: words::seconds(milliseconds),
        tags: scenario
            .tags
            .iter()
            .map(|tag| quote::line(tag, LINE))
            .collect(),
        quarantine: words::quarantine(scenario).map(|text| quote::line(&text, LINE)),
        vacuous: scenario
            .vacuous
            .as_ref()
            .map(|text| quote::line(text, LINE)),
        planned: (score.runs < planned).then(|| {
            format!(
                "{} of {} planned were made",
                score.runs,
                words::count(planned, "run")
            )
        }),
        is_open: score.passed < score.runs,
        criteria: scenario.criteria.iter().map(tally).collect(),
        results,
        more: (more > 0).then(|| {
            format!(
                "{} are not told one by one.",
                words::count(more, "more run")
            )
        }),
    }
}

fn tally(tally: &CriterionTally) -> TallyView {
    TallyView {
        kind: tally.kind.clone(),
        label: quote::line(&tally.label, LINE),
        passed: tally.passed,
        of: tally.evaluated(),
        status: match (tally.passed, tally.failed) {
            (0, 0) => "inconclusive",
            (_, 0) => "passed",
            (0, _) => "failed",
            _ => "flaky",
        },
        remark: words::remark(tally),
    }
}

fn run_view(
    result: &RunResult,
    base: Option<&Path>,
    evidence: Option<EvidenceView>,
    room: Room,
) -> RunView {
    let mut facts = vec![("route", words::route(&result.route))];
    facts.push(("containment", result.containment.clone()));
    facts.push(("process limit", result.process_limit.clone()));
    facts.extend(result.started_at.clone().map(|at| ("began", at)));
    if let Some(usd) = result.cost.as_ref().and_then(|cost| cost.usd) {
        facts.push(("cost", words::dollars(usd)));
    }
    if let Some(overhead) = result.overhead_ms {
        facts.push(("overhead of archal", format!("{overhead:.1} ms")));
    }
    facts.push(("evidence", words::path(&result.evidence, base)));
    let mut reasons: Vec<String> = result
        .inconclusive
        .iter()
        .map(|reason| quote::line(reason, LINE))
        .collect();
    reasons.extend(words::harness(result).map(|text| quote::line(&text, LINE)));
    for refused in result.refused.iter().take(room.rows) {
        let port = refused
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        let text = format!(
            "refused {} {}{port}: {}",
            refused.kind, refused.host, refused.reason
        );
        reasons.push(quote::line(&text, LINE));
    }
    let more = result.refused.len().saturating_sub(room.rows);
    if more > 0 {
        reasons.push(format!("refused {}", words::count(more, "more connection")));
    }
    RunView {
        anchor: quote::line(&result.run_id, LINE),
        id: quote::line(&result.run_id, LINE),
        index: result.index,
        status: words::run_status(result.score.status),
        slow: words::is_slow(result),
        is_open: false,
        duration: words::seconds(result.duration_ms),
        calls: result.calls,
        facts: facts
            .into_iter()
            .map(|(name, text)| (name, quote::line(&text, LINE)))
            .collect(),
        reasons,
        criteria: result
            .criteria
            .iter()
            .map(|one| criterion(one, room))
            .collect(),
        answer: text(&result.answer, room.text),
        left_out: evidence
            .is_none()
            .then(|| format!("archal runs show {}", result.run_id)),
        evidence,
    }
}

fn criterion(criterion: &CriterionReport, room: Room) -> CriterionView {
    let line = |text: &String| quote::line(text, room.text);
    CriterionView {
        kind: criterion.kind.clone(),
        label: quote::line(&criterion.label, LINE),
        status: match criterion.status {
            CriterionStatus::Pass => "passed",
            CriterionStatus::Fail => "failed",
            CriterionStatus::Unsure | CriterionStatus::Error => "flaky",
            CriterionStatus::NotEvaluated => "inconclusive",
        },
        word: words::criterion_status(criterion.status),
        marks: words::marks(criterion),
        sentence: criterion
            .sentence
            .as_ref()
            .filter(|sentence| **sentence != criterion.label)
            .map(line),
        cel: criterion.cel.as_ref().map(line),
        explanation: criterion.explanation.as_ref().map(line),
        ambiguous: criterion.ambiguous.as_ref().map(|ambiguous| AmbiguousView {
            final_state: ambiguous.final_state,
            change: ambiguous.change,
            rewrites: ambiguous.rewrites.iter().map(line).collect(),
        }),
        rows: criterion
            .rows
            .iter()
            .take(room.rows)
            .map(|row| quote::row(row, room.text))
            .collect(),
        more_rows: criterion.rows.len().saturating_sub(room.rows),
        quotes: criterion.quotes.iter().take(room.rows).map(line).collect(),
        more_quotes: criterion.quotes.len().saturating_sub(room.rows),
        judge: criterion.judge.as_ref().map(|judge| {
            let cached = if judge.cached { ", from its cache" } else { "" };
            let cost = judge.cost_usd.map_or_else(
                || ", cost unknown".to_owned(),
                |usd| format!(", {}", words::dollars(usd)),
            );
            format!("{}{cached}{cost}", quote::line(&judge.model, LINE))
        }),
    }
}
