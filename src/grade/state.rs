//! Findings from the replayed state: a run whose transcript looks fine but whose state is wrong
//! is a failure.

use std::collections::BTreeMap;

use archal_core::grade::{Finding, Owner, Verdict};
use archal_core::trace::{Trace, TraceIdentity};
use jiff::Timestamp;
use serde_json::Value;

use crate::reconstruct::replay::{Replay, ReplayedCall};
use crate::run::attempt::{self, Change};
use crate::run::scenarios::Prepared;
use crate::run::score::{CriterionReport, CriterionStatus};
use crate::scenario::criteria::{CallFact, CloneWorld, Compiled, RunFact, World};

use super::document::Grade;

/// Grades a trace by its matched scenario on the state its calls lead to.
pub fn grade(
    trace: &Trace,
    identity: TraceIdentity,
    prepared: &Prepared,
    replay: &Replay,
    base: Timestamp,
) -> Grade {
    let world = world(trace, replay, base);
    let criteria = attempt::decide_all(prepared, &world, reads_the_run);
    let agreement = replay.agreement();
    let findings: Vec<Finding> = criteria
        .iter()
        .filter(|criterion| criterion.status == CriterionStatus::Fail)
        .map(|criterion| finding(criterion, prepared, replay))
        .collect();
    let raised: Vec<&str> = criteria
        .iter()
        .filter(|criterion| criterion.status == CriterionStatus::Error)
        .map(|criterion| criterion.id.as_str())
        .collect();
    let decided = criteria
        .iter()
        .any(|criterion| criterion.status == CriterionStatus::Pass);
    let broken = replay
        .calls
        .iter()
        .find(|call| call.differences.iter().any(|d| d.starts_with("status")));
    let (verdict, summary, reason) = if let Some(call) = broken {
        (
            Verdict::Unsure,
            "the rebuilt state does not answer as the service did".to_owned(),
            format!(
                "span {} ({} {}): {}",
                call.span,
                call.method,
                call.path,
                call.differences.join("; ")
            ),
        )
    } else if let Some(first) = findings.first() {
        (
            Verdict::Fail,
            first.summary.clone(),
            format!(
                "the state after the trace's own calls breaks {} of {} criteria of scenario {}",
                findings.len(),
                criteria.len(),
                prepared.scenario.id
            ),
        )
    } else if !raised.is_empty() || !decided {
        (
            Verdict::Unsure,
            "the criteria could not be decided on this trace".to_owned(),
            if raised.is_empty() {
                "no criterion of the scenario reads state or calls".to_owned()
            } else {
                format!("these raised: {}", raised.join(", "))
            },
        )
    } else {
        (
            Verdict::Ok,
            "every criterion holds on the state after the trace's own calls".to_owned(),
            format!("scenario {}", prepared.scenario.id),
        )
    };
    let mut grade = Grade::without_findings(identity, &trace.revision, verdict, &summary, &reason);
    grade.reproduce = verdict == Verdict::Fail;
    grade.scenario = Some(prepared.scenario.id.clone());
    grade.first_bad_step = findings
        .first()
        .and_then(|finding| finding.spans.first().cloned());
    grade.findings = findings;
    grade.criteria = criteria;
    grade.agreement = Some(agreement);
    grade
}

/// A trace says nothing reliable about how the harness ended, so criteria on the run wait for
/// reproduction.
fn reads_the_run(compiled: &Compiled) -> Option<&'static str> {
    crate::scenario::criteria::references(compiled)
        .run
        .then_some("a trace does not show how the harness ended")
}

fn world(trace: &Trace, replay: &Replay, base: Timestamp) -> World {
    World {
        clones: replay
            .clones
            .iter()
            .map(|(name, clone)| CloneWorld {
                name: name.clone(),
                before: clone.before.clone(),
                after: clone.after.clone(),
                diff: clone.diff.clone(),
                base,
            })
            .collect(),
        calls: replay.calls.iter().zip(1..).map(fact).collect(),
        run: RunFact::default(),
        output: match &trace.output {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        },
    }
}

fn fact((call, seq): (&ReplayedCall, i64)) -> CallFact {
    CallFact {
        seq,
        clone: call.clone.to_owned(),
        operation: call.operation.map(str::to_owned),
        tool: call.tool.clone(),
        method: call.method.clone(),
        path: call.path.split('?').next().unwrap_or_default().to_owned(),
        status: i64::from(call.status),
        request: Some(call.request.clone()),
        response: Some(call.response.clone()),
    }
}

fn finding(criterion: &CriterionReport, prepared: &Prepared, replay: &Replay) -> Finding {
    let changes: Vec<(Change, &ReplayedCall)> = replay
        .calls
        .iter()
        .flat_map(|call| {
            call.changes.iter().map(move |change| {
                let change = Change {
                    clone: call.clone.to_owned(),
                    operation: call.operation.map(str::to_owned),
                    table: change.table.to_owned(),
                    key: change.key.clone(),
                };
                (change, call)
            })
        })
        .collect();
    let plain: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
    let decisive = decisive(criterion, prepared, &plain);
    let spans: Vec<String> = changes
        .iter()
        .filter(|(change, _)| decisive.caused(change))
        .map(|(_, call)| call.span.clone())
        .fold(Vec::new(), |mut spans, span| {
            if !spans.contains(&span) {
                spans.push(span);
            }
            spans
        });
    let excerpt = criterion
        .rows
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    Finding {
        rule: "state.criterion".to_owned(),
        subject: criterion.id.clone(),
        summary: format!("broken: {}", criterion.label),
        spans,
        excerpt,
        owner: Owner::Agent,
        // The state is a fact; what is left is whether the criterion asks for the right thing.
        confidence: 0.95,
        operation: decisive.operation,
        entity: decisive.entity,
        rows: criterion
            .rows
            .iter()
            .filter_map(|row| row.as_object())
            .map(|row| {
                row.iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect::<BTreeMap<_, _>>()
            })
            .collect(),
        // The criterion itself is what it is.
        negation: None,
    }
}

/// The operation and kind of thing that decided a failed criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisive {
    /// `github:issues/update`.
    pub operation: Option<String>,
    /// `issues`.
    pub entity: Option<String>,
    keys: Vec<String>,
}

impl Decisive {
    fn caused(&self, change: &Change) -> bool {
        self.entity.as_deref() == Some(change.table.as_str())
            && (self.keys.is_empty() || self.keys.contains(&change.key))
    }
}

/// The decisive operation of a failed criterion: the one that last changed a row which breaks
/// it, or, where no such row can be told, the only one that changed what it reads.
pub fn decisive(criterion: &CriterionReport, prepared: &Prepared, changes: &[Change]) -> Decisive {
    let entity = compiled(prepared, &criterion.id).and_then(|compiled| {
        crate::scenario::criteria::decisive(compiled)
            .collections
            .into_iter()
            .next()
            .map(|(_, collection)| collection)
    });
    let keys: Vec<String> = criterion
        .rows
        .iter()
        .filter_map(|row| row.get("key").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let mut found = Decisive {
        operation: None,
        entity,
        keys,
    };
    let candidates: Vec<&Change> = changes
        .iter()
        .filter(|change| found.caused(change))
        .collect();
    let name = |change: &Change| {
        change
            .operation
            .as_ref()
            .map(|operation| format!("{}:{operation}", change.clone))
    };
    if found.keys.is_empty() {
        let mut names: Vec<Option<String>> = candidates.iter().map(|change| name(change)).collect();
        names.sort();
        names.dedup();
        if let [only] = names.as_slice() {
            found.operation = only.clone();
        }
    } else {
        found.operation = candidates.last().and_then(|change| name(change));
    }
    found
}

fn compiled<'a>(prepared: &'a Prepared, id: &str) -> Option<&'a Compiled> {
    prepared
        .scenario
        .criteria
        .iter()
        .zip(&prepared.compiled)
        .find(|(criterion, _)| criterion.id == id)
        .and_then(|(_, compiled)| compiled.as_ref())
}
