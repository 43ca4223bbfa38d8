//! Findings from the replayed state: a run whose transcript looks fine but whose state is wrong
//! is a failure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use archal_core::grade::{Finding, Owner};
use serde_json::Value;

use crate::reconstruct::replay::Replay;
use crate::run::attempt::{self, Change};
use crate::run::scenarios::Prepared;
use crate::run::score::{CriterionReport, CriterionStatus};
use crate::scenario::criteria::{self, Compiled, References, World};

use super::facts::Facts;
use super::verdict::NOT_SEEN;
use super::{ended, scene, signals};

/// What a finding on a scenario's criterion is called.
pub const CRITERION: &str = "state.criterion";

/// Decides the criteria of a scenario on the state that a trace's calls lead to, and finds what
/// those show that do not hold.
pub fn criteria(
    prepared: &Prepared,
    world: &World,
    replay: &Replay,
    facts: &Facts<'_>,
) -> (Vec<CriterionReport>, Vec<Finding>) {
    let ended = ended::of(facts.trace);
    let criteria = attempt::decide_all(prepared, world, |compiled| {
        ended::withheld(ended, criteria::references(compiled))
    });
    let findings = criteria
        .iter()
        .filter(|criterion| criterion.status == CriterionStatus::Fail)
        .map(|criterion| finding(criterion, prepared, (world, replay), facts))
        .collect();
    (criteria, findings)
}

fn finding(
    criterion: &CriterionReport,
    prepared: &Prepared,
    (world, replay): (&World, &Replay),
    facts: &Facts<'_>,
) -> Finding {
    let changes = scene::changes(replay);
    let plain: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
    let decisive = decisive(criterion, prepared, &plain);
    let references = references_of(prepared, &criterion.id);
    let (spans, owner, is_absence, confidence) = match stopped(facts, references) {
        Some(stopped) => (stopped.spans, stopped.owner, false, scene::SURE),
        None => {
            let spans = scene::spans_of(&decisive, &changes);
            // What breaks it is nothing that the trace has changed: something is not there.
            let is_absence = spans.is_empty() || !is_changed(world, references, &decisive);
            let rows = criterion.rows.iter();
            let keys: Vec<&str> = rows.filter_map(|row| row.get("key")?.as_str()).collect();
            let confidence = scene::confidence(replay, references, &keys);
            (spans, Owner::Agent, is_absence, confidence)
        }
    };
    let excerpt = criterion
        .rows
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    Finding {
        rule: CRITERION.to_owned(),
        subject: criterion.id.clone(),
        summary: format!("broken: {}", criterion.label),
        spans,
        excerpt,
        owner,
        confidence: match facts.lost && is_absence {
            true => confidence.min(NOT_SEEN),
            false => confidence,
        },
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

/// How the run ended, where that alone is what is read of it.
fn stopped(facts: &Facts<'_>, references: &References) -> Option<Finding> {
    let reads_more = !references.collections.is_empty() || references.calls || references.output;
    match references.run && !reads_more {
        true => signals::stopped(facts),
        false => None,
    }
}

/// Whether the rows that decided a criterion became others in what it reads of them. What else was
/// done to them did not break it.
fn is_changed(world: &World, references: &References, decisive: &Decisive) -> bool {
    let mut read = references.collections.iter();
    read.any(|read| {
        let clone = world.clones.iter().find(|clone| clone.name == read.clone);
        let rows = clone.into_iter().flat_map(|clone| &clone.diff);
        let is_read = |field: &str| {
            let mut paths = read.fields.iter();
            paths.any(|path| path.split('.').next() == Some(field))
        };
        let mut rows = rows.filter(|row| row.collection == read.collection);
        rows.any(|row| {
            let key = row.after.as_ref().or(row.before.as_ref());
            let is_decisive = key.is_some_and(|row| decisive.keys.contains(&row.key));
            is_decisive
                && match (&row.before, &row.after) {
                    (Some(before), Some(after)) => before
                        .fields
                        .iter()
                        .zip(&after.fields)
                        .any(|(before, after)| before != after && is_read(before.0)),
                    _ => true,
                }
        })
    })
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
    /// Whether a change is one that decided it.
    pub(super) fn caused(&self, change: &Change) -> bool {
        self.entity.as_deref() == Some(change.table.as_str())
            && (self.keys.is_empty() || self.keys.contains(&change.key))
    }
}

/// The decisive operation of a failed criterion: the one that last changed a row which breaks
/// it, or, where no such row can be told, the only one that changed what it reads.
pub fn decisive(criterion: &CriterionReport, prepared: &Prepared, changes: &[Change]) -> Decisive {
    let keys: Vec<String> = criterion
        .rows
        .iter()
        .filter_map(|row| row.get("key").and_then(Value::as_str).map(str::to_owned))
        .collect();
    decided_by(references_of(prepared, &criterion.id), keys, changes)
}

/// What a criterion reads; nothing where it is judged.
pub(super) fn references_of<'a>(prepared: &'a Prepared, id: &str) -> &'a References {
    static NOTHING: LazyLock<References> = LazyLock::new(References::default);
    compiled(prepared, id).map_or(&NOTHING, criteria::references)
}

/// [`decisive`] of anything that reads that, by the keys of the rows that decided it.
pub(super) fn decided_by(
    references: &References,
    keys: Vec<String>,
    changes: &[Change],
) -> Decisive {
    let collections = references.decisive().collections;
    let entity = collections.into_iter().next().map(|(_, name)| name);
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
