//! The judge asked about a failure that rules take for the agent's: whether its criterion asks more
//! than the task does.
//!
//! Rules come first, and what they say without doubt is not asked about. The judge is asked twice, for
//! the statement and for its opposite, and believed where it does not contradict itself and what it
//! quotes is there.

use serde_json::json;

use crate::judge::answer::Verdict;
use crate::judge::ask::{Account, Judge, Judged, Outcome, Pause};
use crate::judge::record::{By, Question, Step};
use crate::run::ready::Ready;
use crate::run::report::ScenarioReport;
use crate::run::score::RunStatus;

use super::failure::{Category, Classification, Failure, Sign};
use super::scene;

/// What holds where no agent is to blame.
const HOLDS: &str = "The criterion that does not hold (step 2) asks for something that the task (step 1) neither says nor implies, so that an agent which does the task well can fail it.";
/// Its opposite.
const OPPOSITE: &str = "The criterion that does not hold (step 2) asks for nothing but what the task (step 1) says or implies, so that an agent which does the task well meets it.";
/// The rule that only says that nothing else is at fault.
const OPEN: &str = "agent.criterion";
/// The rule by which the judge decided.
const RULE: &str = "judge.too-strict";
/// The most calls of a run that it is shown.
const MOST_CALLS: usize = 200;

/// Who is asked, and on whose money.
pub struct Asking<'a> {
    /// The judge.
    pub judge: &'a Judge<'a>,
    /// Whether work is to end.
    pub pause: &'a dyn Pause,
    /// The name under which the run's money is counted together.
    pub run: &'a str,
}

/// Asks about the failures that rules leave to the agent for want of another reason, and puts right
/// what the judge is sure of; `may_fix` says which categories go to a fixer.
pub fn ask(
    failures: &mut [Failure],
    ready: &[Ready<'_>],
    reports: &[ScenarioReport],
    asking: &Asking<'_>,
    may_fix: &dyn Fn(Category) -> bool,
) {
    for failure in failures {
        let is_open = failure.classification.rule == OPEN;
        let of_it = |at: &usize| reports[*at].path == failure.path;
        let at = (0..ready.len().min(reports.len())).find(of_it);
        let Some(at) = at.filter(|_| is_open) else {
            continue;
        };
        if let Some(found) = one(failure, &ready[at], &reports[at], asking) {
            failure.for_fixer = may_fix(found.category);
            failure.classification = found;
        }
    }
}

/// What the judge said of failures of the first run holds for the same failures in private copies.
pub fn overrule(failures: &mut [Failure], first: &[Failure], may_fix: &dyn Fn(Category) -> bool) {
    for failure in failures {
        let is_same = |one: &&Failure| {
            let ids = |failure: &Failure| -> Vec<String> {
                failure.criteria.iter().map(|one| one.id.clone()).collect()
            };
            one.classification.rule == RULE && one.path == failure.path && ids(one) == ids(failure)
        };
        let is_open = failure.classification.rule == OPEN;
        if let Some(said) = first.iter().find(is_same).filter(|_| is_open) {
            failure.classification = said.classification.clone();
            failure.for_fixer = may_fix(failure.classification.category);
        }
    }
}

/// What the judge makes of one failure, where it is sure.
fn one(
    failure: &Failure,
    ready: &Ready<'_>,
    report: &ScenarioReport,
    asking: &Asking<'_>,
) -> Option<Classification> {
    let is_red = |status: RunStatus| status != RunStatus::Passed;
    let result = report.results.iter().find(|one| is_red(one.score.status))?;
    let mut steps = vec![
        Step {
            by: By::Person,
            fields: json!({ "task": ready.scenario().prompt }),
        },
        Step {
            by: By::Person,
            fields: json!({
                "criteria": failure.criteria.iter().map(|one| &one.label).collect::<Vec<_>>(),
                "why": failure.criteria.iter().map(|one| &one.explanation).collect::<Vec<_>>(),
            }),
        },
    ];
    let calls = scene::calls(&result.evidence);
    let left_out = calls.len().saturating_sub(MOST_CALLS);
    for call in calls.into_iter().take(MOST_CALLS) {
        let said = format!("{} {}", call.method, call.path);
        steps.push(Step {
            by: By::Agent,
            fields: json!({ "call": said }),
        });
        steps.push(Step {
            by: By::Service,
            fields: json!({ "status": call.status, "changed": call.has_changed }),
        });
    }
    steps.push(Step {
        by: By::Agent,
        fields: json!({ "answer": result.answer }),
    });
    let first = put(HOLDS, &steps, left_out, &result.run_id, asking)?;
    if first.verdict != Verdict::Pass {
        return None;
    }
    let second = put(OPPOSITE, &steps, left_out, &result.run_id, asking)?;
    (second.verdict == Verdict::Fail).then(|| Classification {
        category: Category::Scenario,
        fault: None,
        rule: RULE.to_owned(),
        summary: format!(
            "the judge: the criterion asks more than the task: {}",
            first.reason
        ),
        evidence: first
            .quotes
            .iter()
            .map(|quote| Sign {
                run: result.run_id.clone(),
                call: None,
                seen: quote.clone(),
            })
            .collect(),
    })
}

/// Puts one statement to the judge; none where it cannot be asked, which leaves what the rules say.
fn put(
    statement: &'static str,
    steps: &[Step],
    left_out: usize,
    run: &str,
    asking: &Asking<'_>,
) -> Option<Judged> {
    let question = Question {
        instructions: None,
        steps: steps.to_vec(),
        left_out,
        statement,
    };
    let account = Account {
        attempt: run,
        trace: Some(asking.run),
    };
    let outcome = asking
        .judge
        .ask_prompt(&question.prompt(), account, None, asking.pause);
    match outcome {
        Outcome::Judged(judged) => Some(judged),
        Outcome::NotJudged(not) => {
            tracing::debug!("the judge is not asked about {run}: {}", not.reason);
            None
        }
    }
}
