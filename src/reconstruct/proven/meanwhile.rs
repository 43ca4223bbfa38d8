//! What somebody else changed while the trace was under way.
//!
//! The rebuilt state has what was so before, for good. An attempt that looks as often as the trace
//! did before the change is answered as it was; one that looks again waits for what never comes.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{CloneDescriptor, Fact};

use super::{Place, of_field, place};
use crate::reconstruct::exchanges::TracedCalls;
use crate::reconstruct::seed::{ConflictKind, Reconstruction};

/// How often each row was shown.
pub(super) type Looks = BTreeMap<Place, usize>;

/// The rows that somebody else changed, each with the fields that they changed and how often the
/// trace shows the row before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Meanwhile {
    rows: BTreeMap<Place, Vec<(String, usize)>>,
}

impl Meanwhile {
    /// What the calls of a trace to one clone show of it.
    pub(super) fn of(
        clone: &str,
        traced: &TracedCalls<'_>,
        rebuilt: &Reconstruction,
        clones: &[CloneDescriptor],
    ) -> Self {
        let mut found = Self::default();
        let changed: Vec<_> = rebuilt
            .conflicts
            .iter()
            .filter(|conflict| conflict.kind == ConflictKind::OutsideChange)
            .filter(|conflict| conflict.clone == clone)
            // When something changed last is no reason to act.
            .filter(|conflict| !conflict.field.ends_with("_at"))
            .collect();
        let descriptor = clones.iter().find(|descriptor| descriptor.name == clone);
        let Some(descriptor) = descriptor.filter(|_| !changed.is_empty()) else {
            return found;
        };
        let mut looks = Looks::new();
        for call in traced.calls.iter().filter(|call| call.clone == clone) {
            for conflict in changed.iter().filter(|one| one.span == call.span) {
                if let Some((table, key)) = conflict.entity.split_once(' ') {
                    let row = place(table, key);
                    let before = looks.get(&row).copied().unwrap_or_default();
                    let fields = found.rows.entry(row).or_default();
                    fields.push((conflict.field.clone(), before));
                }
            }
            if let Some(exchange) = call.exchange().filter(|_| !call.proves_nothing()) {
                look(&(descriptor.observe)(&exchange).facts, &mut looks);
            }
        }
        found
    }

    /// Why what a read of an attempt shows rests on nothing, where it does. `set` are the fields that
    /// the attempt set itself, as `table key field`.
    pub(super) fn gap(
        &self,
        facts: &[Fact],
        looks: &mut Looks,
        set: &BTreeSet<String>,
    ) -> Option<String> {
        if self.rows.is_empty() {
            return None;
        }
        look(facts, looks);
        facts.iter().find_map(|fact| {
            let Fact::Row { table, key, .. } = fact else {
                return None;
            };
            let row = place(table, key);
            let seen = looks.get(&row).copied().unwrap_or_default();
            let mut fields = self.rows.get(&row)?.iter();
            let (field, _) = fields.find(|(field, before)| {
                seen > *before && !set.contains(&of_field(table, key, field))
            })?;
            let what = match field.as_str() {
                "" => String::new(),
                field => format!("{field} of "),
            };
            Some(format!(
                "shows {what}{table} {key}, which somebody else changed while the trace was under way: \
                 the rebuilt state has it as it was before"
            ))
        })
    }

    /// The same in a world in which names are others.
    pub(super) fn renamed(&self, new: &dyn Fn(&str) -> String) -> Self {
        let rows = self.rows.iter();
        Self {
            rows: rows
                .map(|((table, key), fields)| ((table.clone(), new(key)), fields.clone()))
                .collect(),
        }
    }
}

/// Counts the rows that a call shows, each once.
fn look(facts: &[Fact], looks: &mut Looks) {
    let rows: BTreeSet<Place> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Row { table, key, .. } => Some(place(table, key)),
            _ => None,
        })
        .collect();
    for row in rows {
        *looks.entry(row).or_default() += 1;
    }
}
