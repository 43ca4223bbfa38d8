//! What the template is given: every text cut and harmless, every number written.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::run::kept::evidence::{Call, Collection, Evidence};
use crate::run::render::{quote, words};
use crate::run::report::{ScenarioReport, SuiteReport, TagReport};
use crate::run::result::RunResult;
use crate::run::score::{CriterionReport, CriterionStatus};
use crate::run::tally::CriterionTally;
use crate::run::transcript::Entry;

use super::Folder;
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
    judge: Option<String>,
}

#[derive(Debug, Serialize)]
struct AmbiguousView {
    final_state: bool,
    change: bool,
    rewrites: Vec<String>,
}

/// A text and what was cut from it.
#[derive(Debug, Default, Serialize)]
struct Text {
    text: String,
    cut: Option<String>,
}

#[derive(Debug, Serialize)]
struct EvidenceView {
    calls: Vec<CallView>,
    more_calls: usize,
    changes: Vec<ChangesView>,
    transcript: Vec<EntryView>,
    stdout: Text,
    stderr: Text,
    unreadable: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CallView {
    seq: u64,
    clone: String,
    what: String,
    method: String,
    path: String,
    status: u16,
    class: &'static str,
    latency: String,
    request: Option<Text>,
    response: Option<Text>,
    changes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ChangesView {
    clone: String,
    collection: String,
    added: Vec<Text>,
    removed: Vec<Text>,
    changed: Vec<ChangedView>,
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct ChangedView {
    key: String,
    fields: Vec<FieldView>,
}

#[derive(Debug, Serialize)]
struct FieldView {
    name: String,
    before: String,
    after: String,
}

#[derive(Debug, Serialize)]
struct EntryView {
    who: &'static str,
    head: String,
    text: String,
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
                "{}; {} not made. Go on with: archal run --resume {}",
                quote::line(&stopped.explanation, LINE),
                words::count(stopped.left, "run"),
                report.suite
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

impl EvidenceView {
    /// About how much of the page it takes.
    fn bytes(&self) -> usize {
        let texts = |all: &[Text]| all.iter().map(|text| text.text.len() + 80).sum::<usize>();
        let calls: usize = self
            .calls
            .iter()
            .map(|call| {
                let body =
                    |text: &Option<Text>| text.as_ref().map_or(0, |text| text.text.len() + 150);
                400 + call.path.len() + body(&call.request) + body(&call.response)
            })
            .sum();
        let changes: usize = self
            .changes
            .iter()
            .map(|one| {
                let fields = one.changed.iter().flat_map(|row| &row.fields);
                let fields = fields.map(|field| field.before.len() + field.after.len() + 120);
                300 + texts(&one.added) + texts(&one.removed) + fields.sum::<usize>()
            })
            .sum();
        let entries = self
            .transcript
            .iter()
            .map(|entry| entry.head.len() + entry.text.len() + 120);
        calls + changes + entries.sum::<usize>() + self.stdout.text.len() + self.stderr.text.len()
    }
}

fn evidence_view(evidence: Evidence, room: Room) -> EvidenceView {
    let entries = evidence.transcript.map(|transcript| transcript.entries);
    EvidenceView {
        calls: evidence.calls.iter().map(|one| call(one, room)).collect(),
        more_calls: evidence.calls_left_out,
        changes: evidence
            .changes
            .into_iter()
            .map(|one| changes(one, room))
            .collect(),
        transcript: entries
            .unwrap_or_default()
            .iter()
            .take(room.calls)
            .map(|one| entry(one, room))
            .collect(),
        stdout: output(&evidence.stdout, room),
        stderr: output(&evidence.stderr, room),
        unreadable: evidence
            .unreadable
            .iter()
            .map(|why| quote::line(why, LINE))
            .collect(),
    }
}

fn output(tail: &crate::run::kept::evidence::Tail, room: Room) -> Text {
    let mut text = text(&tail.text, room.text);
    if tail.bytes_left_out > 0 {
        text.cut = Some(format!("{} before this", words::bytes(tail.bytes_left_out)));
    }
    text
}

fn call(call: &Call, room: Room) -> CallView {
    let body = |body: &Value| (!body.is_null()).then(|| pretty(body, room.text));
    let key = |change: &Value| {
        let part = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("{} {} {}", part("change"), part("table"), part("key"))
    };
    CallView {
        seq: call.seq,
        clone: quote::line(&call.clone, LINE),
        what: match (&call.operation, &call.unmodelled) {
            (Some(operation), _) => quote::line(operation, LINE),
            (None, Some(unmodelled)) => format!("{} (not modelled)", quote::line(unmodelled, LINE)),
            (None, None) => String::new(),
        },
        method: quote::line(&call.method, LINE),
        path: quote::line(&call.path, LINE),
        status: call.status,
        class: match call.status {
            0..400 => "passed",
            400..500 => "flaky",
            _ => "failed",
        },
        latency: call.latency_us.map_or_else(String::new, latency),
        request: body(&call.request.body),
        response: body(&call.response.body),
        changes: call
            .changes
            .iter()
            .take(room.rows)
            .map(|change| quote::line(&key(change), LINE))
            .collect(),
    }
}

fn latency(microseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let milliseconds = microseconds as f64 / 1_000.0;
    format!("{milliseconds:.2} ms")
}

fn changes(given: Collection, room: Room) -> ChangesView {
    let rows = |rows: &[Value]| rows.iter().map(|row| pretty(row, room.text)).collect();
    ChangesView {
        added: rows(&given.added),
        removed: rows(&given.removed),
        changed: given
            .changed
            .iter()
            .map(|row| {
                let value = |side: &Value, name: &str| {
                    side.get(name)
                        .map_or_else(String::new, |value| quote::row(value, 600))
                };
                ChangedView {
                    key: row
                        .key
                        .as_str()
                        .map_or_else(|| quote::row(&row.key, LINE), |key| quote::line(key, LINE)),
                    fields: row
                        .fields
                        .iter()
                        .map(|name| FieldView {
                            name: quote::line(name, LINE),
                            before: value(&row.before, name),
                            after: value(&row.after, name),
                        })
                        .collect(),
                }
            })
            .collect(),
        left_out: given.left_out,
        clone: quote::line(&given.clone, LINE),
        collection: quote::line(&given.collection, LINE),
    }
}

fn entry(entry: &Entry, room: Room) -> EntryView {
    let of = |who, head, body: &str| EntryView {
        who,
        head,
        text: text(body, room.text).text,
    };
    match entry {
        Entry::Task { text } => of("task", String::new(), text),
        Entry::Call {
            method,
            path,
            status,
            operation,
            clone,
            ..
        } => {
            let what = operation.as_deref().unwrap_or("no operation");
            let head = format!("{clone} {what}: {method} {path} answered {status}");
            of("call", quote::line(&head, LINE), "")
        }
        Entry::Step(step) => {
            let input = step.input.as_ref().map(Value::to_string);
            let failed = step
                .error
                .as_deref()
                .map(|error| format!(" failed: {error}"));
            let input = input.as_deref().unwrap_or_default();
            let head = format!("{} {input}{}", step.name, failed.unwrap_or_default());
            of("says it did", quote::line(&head, LINE), "")
        }
        Entry::Answer { text } => of("answer", String::new(), text),
        Entry::End { outcome } => {
            let outcome = serde_json::to_value(outcome).unwrap_or_default();
            of("end", quote::row(&outcome, LINE), "")
        }
    }
}

/// JSON as people read it.
fn pretty(value: &Value, most: usize) -> Text {
    match value {
        Value::String(given) => text(given, most),
        value => text(&format!("{value:#}"), most),
    }
}

fn text(given: &str, most: usize) -> Text {
    let mut end = given.len().min(most);
    while !given.is_char_boundary(end) {
        end -= 1;
    }
    let left = given.len() - end;
    Text {
        text: quote::plain(&given[..end]),
        cut: (left > 0).then(|| format!("{} more", words::bytes(left as u64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_between_characters_and_said() {
        let cut = text("aé", 2);
        assert_eq!(
            (cut.text.as_str(), cut.cut.as_deref()),
            ("a", Some("2 B more"))
        );
        assert!(text("aé", 3).cut.is_none());
    }
}
