//! The `[P]` criteria of a run, asked of the judge.

use std::collections::BTreeSet;
use std::time::Duration;

use archal_core::id;
use serde_json::{Value, json};

use crate::budget::amount::Usd;
use crate::budget::entry::CostSource;
use crate::judge::answer::Verdict;
use crate::judge::evidence::Evidence;
use crate::judge::question::Question;
use crate::judge::{Judge, Judged, NotJudged, Outcome, Paid, Pause, Why};
use crate::sandbox::StopToken;
use crate::scenario::Check;
use crate::scenario::criteria::{CloneWorld, World};

use super::attempt::{AttemptError, Bench};
use super::scenarios::Prepared;
use super::score::{CriterionReport, CriterionStatus, JudgeNote, Unjudged};
use super::trace_file::Step;

/// Most rows of the state that the judge is offered; there is room for fewer.
const ROWS: usize = 1_000;

/// Whether the judge can be asked what these scenarios take; fine where none takes one or nobody
/// judges. Agents cost money, so it is found out before the first runs.
///
/// # Errors
///
/// Why it cannot be.
pub fn ready<'a>(
    bench: &Bench<'_>,
    scenarios: impl IntoIterator<Item = &'a Prepared>,
) -> Result<(), NotJudged> {
    let is_judged = scenarios
        .into_iter()
        .flat_map(|prepared| &prepared.scenario.criteria)
        .any(|criterion| matches!(criterion.check, Check::Judged { .. }));
    let Some(judge) = bench.judge.filter(|_| is_judged) else {
        return Ok(());
    };
    let fresh = StopToken::new();
    judge.ready(&Until(bench.stop.unwrap_or(&fresh)))
}

/// Decides the judged criteria of a run, and says how long that took. `skip` says why nothing is asked
/// of it.
///
/// # Errors
///
/// When archal is asked to stop before the judge has answered: half a run is no evidence.
pub(super) fn decide(
    bench: &Bench<'_>,
    prepared: &Prepared,
    world: &World,
    steps: &[Step],
    run_id: &str,
    skip: Option<&str>,
    reports: &mut [CriterionReport],
) -> Result<Duration, AttemptError> {
    let scenario = &prepared.scenario;
    let began = bench.clock.monotonic();
    let mut evidence = None;
    for criterion in &scenario.criteria {
        let Check::Judged { sentence } = &criterion.check else {
            continue;
        };
        let Some(report) = reports.iter_mut().find(|one| one.id == criterion.id) else {
            continue;
        };
        let Some(judge) = bench.judge else {
            // Deciding the others has said so.
            continue;
        };
        if let Some(reason) = skip {
            report.explanation = Some(reason.to_owned());
            continue;
        }
        let clean = |text: &str| bench.scrubber.text(text);
        let evidence = evidence.get_or_insert_with(|| of(bench, world, steps));
        let question = Question {
            setup: scenario.setup.as_deref().map(clean),
            task: clean(&scenario.prompt),
            expected: scenario.expected.as_deref().map(clean),
            criterion: clean(sentence),
            evidence: evidence.clone(),
        };
        ask(judge, bench, &question, run_id, prepared, report)?;
    }
    Ok(bench.clock.monotonic().saturating_sub(began))
}

fn ask(
    judge: &Judge<'_>,
    bench: &Bench<'_>,
    question: &Question,
    run_id: &str,
    prepared: &Prepared,
    report: &mut CriterionReport,
) -> Result<(), AttemptError> {
    // A run that is made again after a break keeps its id, and what was paid for it is paid.
    let own = id::prefixed(bench.ids, "judge");
    let attempt = format!("{run_id}/{}/{own}", report.id);
    let model = prepared.scenario.config.evaluator_model.as_deref();
    let fresh = StopToken::new();
    let pause = Until(bench.stop.unwrap_or(&fresh));
    match judge.ask(question, &attempt, model, &pause) {
        Outcome::Judged(judged) => fill(report, judged),
        Outcome::NotJudged(NotJudged {
            why: Why::Stopped, ..
        }) => {
            return Err(AttemptError::Stopped {
                criteria: Vec::new(),
            });
        }
        Outcome::NotJudged(NotJudged {
            why,
            reason,
            hint,
            paid,
        }) => {
            report.unjudged = Some(match why {
                Why::Budget => Unjudged::Budget,
                Why::Unavailable | Why::Stopped => Unjudged::Unavailable,
            });
            report.explanation = Some(match hint {
                Some(hint) => format!("{reason}; hint: {hint}"),
                None => reason,
            });
            report.judge = paid.map(
                |Paid {
                     model,
                     cost,
                     source,
                 }| note(model, false, cost, source),
            );
        }
    }
    Ok(())
}

fn fill(report: &mut CriterionReport, judged: Judged) {
    report.status = match judged.verdict {
        Verdict::Pass => CriterionStatus::Pass,
        Verdict::Fail => CriterionStatus::Fail,
        Verdict::Unsure => CriterionStatus::Unsure,
    };
    report.explanation = Some(if judged.left_out.is_empty() {
        judged.reason
    } else {
        let left_out = judged.left_out.join(", ");
        format!("{} (it was not shown: {left_out})", judged.reason)
    });
    report.quotes = judged.quotes;
    report.judge = Some(note(
        judged.model,
        judged.cached,
        judged.cost,
        judged.cost_source,
    ));
}

fn note(model: String, cached: bool, cost: Option<Usd>, cost_source: CostSource) -> JudgeNote {
    JudgeNote {
        model,
        cached,
        cost_usd: cost.map(Usd::dollars),
        cost_source,
    }
}

/// What the judge is shown of a run, without secrets and without what differs between two runs
/// that did the same.
fn of(bench: &Bench<'_>, world: &World, steps: &[Step]) -> Evidence {
    // What cannot be cleaned is not shown.
    let clean = |value: Value| bench.scrubber.document(&value).unwrap_or_default();
    let calls = world.calls.iter().map(|call| {
        let mut shown = json!({
            "seq": call.seq,
            "clone": call.clone,
            "operation": call.operation,
            "tool": call.tool,
            "method": call.method,
            "path": call.target(),
            "status": call.status,
            "request": call.request,
            "response": call.response,
        });
        if let Some(fields) = shown.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        shown
    });
    let (state, state_left_out) = state(bench, world);
    Evidence {
        answer: bench.scrubber.text(&world.output),
        calls: calls.map(clean).collect(),
        changes: world.clones.iter().flat_map(changes).map(clean).collect(),
        state: state.into_iter().map(clean).collect(),
        state_left_out,
        steps: steps.iter().map(step).map(clean).collect(),
    }
}

/// What the agent says of a step, but for times, which differ from run to run.
fn step(step: &Step) -> Value {
    let timeless = Step {
        at_ms: None,
        took_ms: None,
        ..step.clone()
    };
    serde_json::to_value(timeless).unwrap_or_default()
}

/// The rows there are at the end, those first that the run made or changed, and how many more there
/// are.
fn state(bench: &Bench<'_>, world: &World) -> (Vec<Value>, usize) {
    let mut changed = Vec::new();
    let mut others = Vec::new();
    let mut count = 0;
    for clone in &world.clones {
        let named = bench.clones.iter().find(|one| one.name == clone.name);
        let touched: BTreeSet<(&str, &str)> = clone
            .diff
            .iter()
            .filter_map(|row| Some((row.collection, row.after.as_ref()?.key.as_str())))
            .collect();
        for collection in named.map_or(&[][..], |one| one.collections) {
            for row in clone.after.rows(collection.name) {
                count += 1;
                let is_touched = touched.contains(&(collection.name, row.key.as_str()));
                let rows = if is_touched {
                    &mut changed
                } else {
                    &mut others
                };
                if rows.len() < ROWS {
                    let mut shown = json!({"clone": clone.name, "collection": collection.name});
                    shown["row"] = row.to_json(clone.base);
                    rows.push(shown);
                }
            }
        }
    }
    changed.extend(others);
    changed.truncate(ROWS);
    let left_out = count - changed.len();
    (changed, left_out)
}

/// Each row of a clone that is new, gone or different; of the last, what it was before only where
/// it is different.
fn changes(clone: &CloneWorld) -> Vec<Value> {
    let base = clone.base;
    let one = |row: &archal_core::clone::RowDiff| {
        let place = json!({"clone": clone.name, "collection": row.collection});
        let (what, before, after) = match (&row.before, &row.after) {
            (None, Some(after)) => ("added", None, Some(after.to_json(base))),
            (Some(before), None) => ("removed", Some(before.to_json(base)), None),
            (Some(before), Some(after)) => {
                let after = after.to_json(base);
                let mut before = before.to_json(base);
                if let Some(fields) = before.as_object_mut() {
                    fields.retain(|name, value| after.get(name) != Some(value));
                }
                ("changed", Some(before), Some(after))
            }
            (None, None) => return None,
        };
        let mut shown = place;
        shown["change"] = what.into();
        if let Some(before) = before {
            shown["before"] = before;
        }
        if let Some(after) = after {
            shown["after"] = after;
        }
        Some(shown)
    };
    clone.diff.iter().filter_map(one).collect()
}

/// Work that ends when its token says so.
pub struct Until<'a>(pub &'a StopToken);

impl Pause for Until<'_> {
    fn is_over(&self) -> bool {
        self.0.is_asked()
    }

    fn pause(&self, time: Duration) -> bool {
        self.0.wait(time)
    }
}
