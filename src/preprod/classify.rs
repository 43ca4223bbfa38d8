//! Whose fault a failed scenario is, by rules over what its runs left.
//!
//! The rules stand in the order in which they are asked: what kept a run from showing anything
//! comes before what the run shows. The agent is at fault only where nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::attempt::CLOCK_LOST;
use crate::run::report::ScenarioReport;
use crate::run::result::RunResult;
use crate::run::score::{CriterionReport, CriterionStatus, RunStatus, ScenarioStatus, Unjudged};
use crate::sandbox::child::ChildOutcome;

use super::failure::{AgentFault, Category, Classification, Sign};

/// The most signs told of one failure.
const MOST_SIGNS: usize = 5;
/// The longest excerpt of a text that came from elsewhere, in characters.
const EXCERPT: usize = 200;

/// A call of a run, as far as rules look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallSeen {
    /// Its position, from 1.
    pub seq: u64,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status answered.
    pub status: u16,
    /// Whether it changed any row.
    pub has_changed: bool,
    /// Whether it went wrong on purpose.
    pub is_fault: bool,
}

/// What rules look at beside the report.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// What the agent is asked.
    pub prompt: String,
    /// The calls of each run, by its id.
    pub calls: BTreeMap<String, Vec<CallSeen>>,
    /// Criteria that read the starting state alone, by id: no agent can change what they come to.
    pub given: BTreeSet<String>,
    /// Criteria that are about changes, by id.
    pub about_changes: BTreeSet<String>,
}

/// One run's share.
struct Verdict {
    category: Category,
    fault: Option<AgentFault>,
    rule: &'static str,
    summary: String,
    signs: Vec<Sign>,
}

/// Whose fault it is that a scenario did not pass.
pub fn classify(report: &ScenarioReport, scene: &Scene) -> Classification {
    let verdicts: Vec<Verdict> = report
        .results
        .iter()
        .filter(|result| result.score.status != RunStatus::Passed)
        .map(|result| of_run(result, scene))
        .collect();
    let is_flaky = report.score.status == ScenarioStatus::Flaky;
    if is_flaky && verdicts.iter().all(|one| one.category == Category::Agent) {
        let (passed, runs) = (report.score.passed, report.score.runs);
        return Classification {
            category: Category::Flaky,
            fault: None,
            rule: "flaky.some-runs-pass".to_owned(),
            summary: format!("it passes in {passed} of {runs} runs"),
            evidence: signs(verdicts),
        };
    }
    let often = |category: Category| {
        let same = |one: &&Verdict| one.category == category;
        verdicts.iter().filter(same).count()
    };
    // Of equally frequent ones the first of the list: what keeps a run from showing anything.
    let decided = verdicts
        .iter()
        .map(|one| one.category)
        .min_by_key(|category| (usize::MAX - often(*category), *category));
    let Some(category) = decided else {
        return nothing_ran(report);
    };
    let of_it: Vec<Verdict> = verdicts
        .into_iter()
        .filter(|one| one.category == category)
        .collect();
    let first = &of_it[0];
    Classification {
        category,
        fault: first.fault,
        rule: first.rule.to_owned(),
        summary: first.summary.clone(),
        evidence: signs(of_it),
    }
}

/// Every run passed, or none was made, and the scenario did not pass all the same.
fn nothing_ran(report: &ScenarioReport) -> Classification {
    let (passed, runs) = (report.score.passed, report.score.runs);
    Classification {
        category: Category::Scenario,
        fault: None,
        rule: "scenario.threshold".to_owned(),
        summary: format!(
            "{passed} of {runs} runs pass, which is below the threshold of {}",
            report.threshold
        ),
        evidence: report
            .results
            .iter()
            .take(MOST_SIGNS)
            .map(|result| sign(result, None, "it passed"))
            .collect(),
    }
}

fn signs(verdicts: Vec<Verdict>) -> Vec<Sign> {
    let all = verdicts.into_iter().flat_map(|one| one.signs);
    all.take(MOST_SIGNS).collect()
}

fn sign(result: &RunResult, call: Option<u64>, seen: impl Into<String>) -> Sign {
    Sign {
        run: result.run_id.clone(),
        call,
        seen: excerpt(&seen.into()),
    }
}

fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn of_run(result: &RunResult, scene: &Scene) -> Verdict {
    let none = Vec::new();
    let calls = scene.calls.get(&result.run_id).unwrap_or(&none);
    cut_off(result)
        .or_else(|| surroundings(result, calls))
        .or_else(|| not_asked_fairly(result, scene, calls))
        .unwrap_or_else(|| the_agent(result, scene, calls))
}

fn verdict(
    category: Category,
    rule: &'static str,
    summary: impl Into<String>,
    signs: Vec<Sign>,
) -> Verdict {
    Verdict {
        category,
        fault: None,
        rule,
        summary: excerpt(&summary.into()),
        signs,
    }
}

/// What kept the run from showing anything.
fn cut_off(result: &RunResult) -> Option<Verdict> {
    let one = |category, rule, summary: &str, seen: &str| {
        Some(verdict(
            category,
            rule,
            summary,
            vec![sign(result, None, seen)],
        ))
    };
    if let ChildOutcome::NotStarted { reason } = &result.harness {
        let summary = "the harness does not start";
        return one(Category::Harness, "harness.not-started", summary, reason);
    }
    if let Some(operation) = result.unmodelled.first() {
        let summary = format!("a clone does not model {operation}");
        return one(Category::Clone, "clone.unmodelled", &summary, operation);
    }
    if let Some(clock) = result.inconclusive.iter().find(|one| *one == CLOCK_LOST) {
        return one(Category::Harness, "harness.clock", clock, clock);
    }
    if let Some(refused) = result.refused.first() {
        let port = refused.port.map_or_else(String::new, |p| format!(":{p}"));
        let seen = format!("{}{port}: {}", refused.host, refused.reason);
        let summary = format!("{} could not be reached", refused.host);
        return one(Category::Environment, "environment.egress", &summary, &seen);
    }
    if result.harness == ChildOutcome::TimedOut {
        let summary = "the harness did not end in time";
        let seen = format!("stopped after {} ms", result.duration_ms);
        return one(Category::Harness, "harness.timeout", summary, &seen);
    }
    if result.calls == 0 {
        return Some(match &result.harness {
            ChildOutcome::Exited { code: 0 } => verdict(
                Category::Harness,
                "harness.no-calls",
                "the harness ended without a call",
                vec![sign(result, None, "no call in calls.jsonl")],
            ),
            ended => verdict(
                Category::Harness,
                "harness.boot",
                "the harness failed before its first call",
                vec![sign(result, None, how(ended))],
            ),
        });
    }
    if let Some(raised) = of_status(result, CriterionStatus::Error).next() {
        let summary = format!("criterion {} cannot be decided", raised.id);
        let seen = raised.explanation.as_deref().unwrap_or(&raised.label);
        return one(
            Category::Scenario,
            "scenario.criterion-raises",
            &summary,
            seen,
        );
    }
    let unjudged = result.criteria.iter().find_map(|one| one.unjudged);
    let is_decided = of_status(result, CriterionStatus::Fail).next().is_some();
    match (is_decided, unjudged) {
        (false, Some(Unjudged::Unavailable)) => one(
            Category::Environment,
            "environment.judge",
            "the judge could not be asked",
            "criteria that a judge decides are open",
        ),
        (false, Some(Unjudged::Budget)) => one(
            Category::Environment,
            "environment.judge-budget",
            "the money for the judge is spent",
            "criteria that a judge decides are open",
        ),
        (false, None) if result.score.status == RunStatus::Inconclusive => {
            let why = result.inconclusive.first();
            match why {
                Some(why) => one(Category::Harness, "harness.inconclusive", why, why),
                None => one(
                    Category::Scenario,
                    "scenario.not-evaluated",
                    "no criterion was evaluated: all of them need a judge, and there is none",
                    "every criterion is not evaluated",
                ),
            }
        }
        _ => None,
    }
}

fn how(outcome: &ChildOutcome) -> String {
    match outcome {
        ChildOutcome::Exited { code } => format!("it exited with status {code}"),
        ChildOutcome::Killed { signal } => format!("signal {signal} killed it"),
        ChildOutcome::TimedOut => "it ran out of time".to_owned(),
        ChildOutcome::Stopped => "archal stopped it".to_owned(),
        ChildOutcome::NotStarted { reason } => reason.clone(),
    }
}

fn of_status(
    result: &RunResult,
    status: CriterionStatus,
) -> impl Iterator<Item = &CriterionReport> {
    let is_so = move |one: &&CriterionReport| one.status == status;
    result.criteria.iter().filter(is_so)
}

/// Keys and limits that stood in the way.
fn surroundings(result: &RunResult, calls: &[CallSeen]) -> Option<Verdict> {
    let last = calls.iter().rev().find(|call| !call.is_fault)?;
    let is_all = |status: u16| calls.iter().all(|call| call.status == status);
    let (rule, what) = match last.status {
        401 if is_all(401) => (
            "environment.auth",
            "every call was refused for want of a key",
        ),
        429 => ("environment.rate-limit", "the last call was over the limit"),
        _ => return None,
    };
    let seen = format!("{} {} answered {}", last.method, last.path, last.status);
    let signs = vec![sign(result, Some(last.seq), seen)];
    Some(verdict(Category::Environment, rule, what, signs))
}

/// Starting states and criteria that no agent could satisfy.
fn not_asked_fairly(result: &RunResult, scene: &Scene, calls: &[CallSeen]) -> Option<Verdict> {
    // What the task names and the first look does not find was never put there.
    let first = calls.first()?;
    let named = named_in(&first.path, &scene.prompt);
    let is_read = matches!(first.method.as_str(), "GET" | "HEAD");
    let nothing_came_of_it = calls.iter().all(|call| !call.has_changed);
    if let (Some(named), 404, true, true) = (
        named,
        first.status,
        is_read && !first.is_fault,
        nothing_came_of_it,
    ) {
        let seen = format!("{} {} answered 404", first.method, first.path);
        return Some(verdict(
            Category::Seed,
            "seed.not-there",
            format!("the starting state does not have {named}, which the task names"),
            vec![sign(result, Some(first.seq), seen)],
        ));
    }
    let failed: Vec<&CriterionReport> = of_status(result, CriterionStatus::Fail).collect();
    if !failed.is_empty() && failed.iter().all(|one| scene.given.contains(&one.id)) {
        let signs = failed
            .iter()
            .map(|one| sign(result, None, format!("{}: {}", one.id, one.label)))
            .collect();
        return Some(verdict(
            Category::Scenario,
            "scenario.contradicts-setup",
            "what does not hold is about the starting state alone, which no agent changes",
            signs,
        ));
    }
    let doubt = |one: &&CriterionReport| {
        let other = one.ambiguous.as_ref();
        other.is_some_and(|other| other.final_state || other.change)
    };
    if !failed.is_empty() && failed.iter().all(doubt) {
        let signs = failed
            .iter()
            .map(|one| {
                let rewrites = one.ambiguous.as_ref().map(|two| two.rewrites.join(" | "));
                let text = format!("{}: write {}", one.id, rewrites.unwrap_or_default());
                sign(result, None, text)
            })
            .collect();
        return Some(verdict(
            Category::Scenario,
            "scenario.ambiguous",
            "what does not hold can be read so that it does",
            signs,
        ));
    }
    None
}

/// The longest piece of a path that the task names word for word: `acme/webapp`, `ISSUE-7`. A plain
/// word alone may stand in any task.
fn named_in(path: &str, prompt: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut best: Option<String> = None;
    for from in 0..parts.len() {
        for to in from + 1..=parts.len() {
            let piece = parts[from..to].join("/");
            let is_plain = piece.chars().all(|c| c.is_ascii_lowercase());
            let is_longer = best.as_ref().is_none_or(|best| piece.len() > best.len());
            if !is_plain && is_longer && piece.len() > 2 && prompt.contains(&piece) {
                best = Some(piece);
            }
        }
    }
    best
}

/// Nothing else is at fault.
fn the_agent(result: &RunResult, scene: &Scene, calls: &[CallSeen]) -> Verdict {
    let failed: Vec<&CriterionReport> = of_status(result, CriterionStatus::Fail).collect();
    let about: Vec<Sign> = failed
        .iter()
        .map(|one| {
            let why = one.explanation.as_deref().unwrap_or(&one.label);
            sign(result, None, format!("{}: {why}", one.id))
        })
        .collect();
    let agent = |fault, rule, summary: String, signs| Verdict {
        fault: Some(fault),
        ..verdict(Category::Agent, rule, summary, signs)
    };
    if result.harness != (ChildOutcome::Exited { code: 0 }) {
        let mut signs = vec![sign(result, None, how(&result.harness))];
        signs.extend(about);
        return agent(
            AgentFault::StoppedEarly,
            "agent.stopped-early",
            format!("it failed after {} calls", result.calls),
            signs,
        );
    }
    let refused = calls
        .iter()
        .find(|call| matches!(call.status, 400 | 404 | 405 | 409 | 410 | 422) && !call.is_fault);
    let changed_nothing = calls.iter().all(|call| !call.has_changed);
    if let (true, Some(call)) = (changed_nothing, refused) {
        let seen = format!("{} {} answered {}", call.method, call.path, call.status);
        let mut signs = vec![sign(result, Some(call.seq), seen)];
        signs.extend(about);
        return agent(
            AgentFault::WrongArguments,
            "agent.wrong-arguments",
            "a service refused what it sent, and it changed nothing".to_owned(),
            signs,
        );
    }
    let wanted_change = failed
        .iter()
        .any(|one| scene.about_changes.contains(&one.id));
    if changed_nothing && wanted_change && !result.answer.trim().is_empty() {
        let mut signs = vec![sign(
            result,
            None,
            format!("it said: {}", result.answer.trim()),
        )];
        signs.extend(about);
        return agent(
            AgentFault::UnsupportedClaim,
            "agent.unsupported-claim",
            "it answered as if it were done, and no call changed anything".to_owned(),
            signs,
        );
    }
    let summary = match failed.first() {
        Some(first) => format!("{} does not hold", first.label),
        None => "it did not pass".to_owned(),
    };
    agent(AgentFault::WrongChoice, "agent.criterion", summary, about)
}

#[cfg(test)]
mod tests;
