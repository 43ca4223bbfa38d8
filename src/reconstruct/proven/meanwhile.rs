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

#[cfg(test)]
mod tests {
    use archal_core::clone::Seed;
    use serde_json::Value;

    use super::*;
    use crate::reconstruct::seed::Conflict;
    use crate::reconstruct::tools::Tools;
    use crate::reconstruct::truth_tests::{open, rebuilt, traced};
    use crate::reconstruct::{Context, exchanges};

    const KEY: &str = "acme/webapp#7";

    fn changed() -> Meanwhile {
        let fields = vec![("state".to_owned(), 0)];
        Meanwhile {
            rows: [(place("issues", KEY), fields)].into(),
        }
    }

    /// Whether a look at that issue rests on nothing.
    fn is_gap(of: &Meanwhile, key: &str, set: &BTreeSet<String>) -> bool {
        let row = Fact::Row {
            table: "issues",
            key: key.to_owned(),
            fields: BTreeMap::new(),
            written: Vec::new(),
        };
        of.gap(&[row], &mut Looks::new(), set).is_some()
    }

    #[test]
    fn only_what_others_changed_in_that_service_counts() {
        let looks = ["GET /repos/acme/webapp/issues/7"; 2].map(str::to_owned);
        let trace = traced(open(Seed::Named("stale-issues")).as_mut(), &looks);
        let mut rebuilt = rebuilt(&trace, &[]);
        let tools = Tools::default();
        let context = Context {
            clones: archal_clones::ALL,
            tools: &tools,
            owned: &[],
        };
        let calls = exchanges::of(&trace, &context);
        for (clone, kind, counts) in [
            ("github", ConflictKind::OutsideChange, true),
            ("github", ConflictKind::Contradiction, false),
            ("tracker", ConflictKind::OutsideChange, false),
        ] {
            rebuilt.conflicts = vec![Conflict {
                clone: clone.to_owned(),
                entity: format!("issues {KEY}"),
                field: "state".to_owned(),
                kept: Value::Null,
                kept_span: trace.spans[0].id.clone(),
                other: Value::Null,
                span: trace.spans[1].id.clone(),
                kind,
            }];
            let found = Meanwhile::of("github", &calls, &rebuilt, archal_clones::ALL);
            assert_eq!(!found.rows.is_empty(), counts, "{clone} {kind:?}");
        }
    }

    #[test]
    fn what_an_attempt_set_itself_is_known() {
        let set = |field: &str| [of_field("issues", KEY, field)].into();
        assert!(is_gap(&changed(), KEY, &BTreeSet::new()));
        assert!(is_gap(&changed(), KEY, &set("title")));
        assert!(!is_gap(&changed(), KEY, &set("state")));
    }

    #[test]
    fn where_names_are_others_it_is_known_by_those() {
        let renamed = changed().renamed(&|text| text.replace("webapp", "shop"));
        assert!(is_gap(&renamed, "acme/shop#7", &BTreeSet::new()));
        assert!(!is_gap(&renamed, KEY, &BTreeSet::new()));
    }
}
