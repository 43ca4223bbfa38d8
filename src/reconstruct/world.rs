//! The facts a trace's calls prove, applied in order.
//!
//! For each field of each row the first evidence that no earlier write of the trace can have
//! touched is what the field was before the trace began. A field that was written before it
//! was ever read stays unknown: its value before cannot be told.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{CloneDescriptor, Fact};
use serde_json::Value;

use super::exchanges::TracedCalls;

/// What is known of every clone a trace touched.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By clone name.
    pub(super) clones: BTreeMap<&'static str, CloneWorld>,
    /// Things that could not be used: span and reason.
    pub(super) gaps: Vec<Gap>,
    /// Evidence that contradicts other evidence.
    pub(super) conflicts: Vec<String>,
}

/// A call whose evidence could not be used.
#[derive(Debug)]
pub(super) struct Gap {
    pub(super) clone: &'static str,
    pub(super) span: String,
    pub(super) call: String,
    pub(super) reason: String,
}

/// What is known of one clone.
#[derive(Debug, Default)]
pub(super) struct CloneWorld {
    /// Rows by table and key.
    pub(super) rows: BTreeMap<(&'static str, String), Row>,
    /// Pages by what was listed.
    pub(super) lists: BTreeMap<String, List>,
    /// Number of children by table, field and parent, with the span that said so.
    pub(super) counts: BTreeMap<(&'static str, &'static str, String), (u64, String)>,
    /// Who the agent was.
    pub(super) actor: Option<String>,
}

/// What is known of one row.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Whether it was there before the trace began.
    pub(super) existed: Existed,
    /// Values before the trace began, with the span that proves each.
    pub(super) initial: BTreeMap<String, Proof>,
    /// Values that follow from how the service answered, where nothing shows the field itself.
    pub(super) implied: BTreeMap<&'static str, Proof>,
    /// Fields written before they were read, with the span that wrote.
    pub(super) unknown: BTreeMap<&'static str, String>,
    /// Fields the trace has written.
    dirty: BTreeSet<&'static str>,
    /// Whether the trace removed it.
    gone: bool,
}

/// A value and the span that proves it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proof {
    pub(super) value: Value,
    pub(super) span: String,
}

/// Whether a row was there before the trace began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Existed {
    /// Nothing says so yet.
    #[default]
    Unknown,
    Yes,
    /// The trace made it, or found it absent.
    No,
}

/// The pages of one list that were seen before any write.
#[derive(Debug)]
pub(super) struct List {
    pub(super) table: &'static str,
    pub(super) pages: BTreeMap<u64, Page>,
}

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) span: String,
    pub(super) more: Option<bool>,
    pub(super) full: bool,
}

impl World {
    /// Applies what each call proves, in order.
    pub(super) fn of(traced: &TracedCalls<'_>, clones: &[CloneDescriptor]) -> Self {
        let mut world = Self::default();
        for call in &traced.calls {
            let Some(descriptor) = clones.iter().find(|clone| clone.name == call.clone) else {
                continue;
            };
            let part = world.clones.entry(call.clone).or_default();
            let gap = |reason: String| Gap {
                clone: descriptor.name,
                span: call.span.to_owned(),
                call: call.line(),
                reason,
            };
            if call.proves_nothing() {
                continue;
            }
            let Some(exchange) = call.exchange() else {
                world.gaps.push(gap(call.not_captured()));
                continue;
            };
            let observation = (descriptor.observe)(&exchange);
            if observation.operation.is_none() {
                world
                    .gaps
                    .push(gap(format!("the {} clone does not model it", call.clone)));
            }
            world.gaps.extend(observation.gaps.into_iter().map(gap));
            for fact in observation.facts {
                part.apply(fact, call.span, &mut world.conflicts);
            }
        }
        world
    }
}

impl CloneWorld {
    fn apply(&mut self, fact: Fact, span: &str, conflicts: &mut Vec<String>) {
        match fact {
            Fact::Row {
                table,
                key,
                fields,
                written,
            } => {
                let name = format!("{table} {key}");
                let row = self.rows.entry((table, key)).or_default();
                row.observe(fields, &written, span, &name, conflicts);
            }
            Fact::Implied {
                table,
                key,
                field,
                value,
            } => {
                let row = self.rows.entry((table, key)).or_default();
                row.implied.entry(field).or_insert_with(|| Proof {
                    value,
                    span: span.to_owned(),
                });
            }
            Fact::Created { table, key } => {
                let row = self.rows.entry((table, key)).or_default();
                if row.existed == Existed::Unknown {
                    row.existed = Existed::No;
                }
                row.gone = false;
            }
            Fact::Deleted { table, key } => {
                let row = self.rows.entry((table, key)).or_default();
                if row.existed == Existed::Unknown {
                    row.existed = Existed::Yes;
                }
                row.gone = true;
            }
            Fact::Absent { table, key } => {
                let row = self.rows.entry((table, key.clone())).or_default();
                match row.existed {
                    Existed::Unknown => row.existed = Existed::No,
                    Existed::Yes if !row.gone => conflicts.push(format!(
                        "{table} {key} was seen and is absent in {span} though no call of the trace removed it"
                    )),
                    Existed::Yes | Existed::No => {}
                }
            }
            Fact::Page {
                table,
                list,
                page,
                per_page,
                keys,
                more,
            } => {
                let list = self.lists.entry(list).or_insert_with(|| List {
                    table,
                    pages: BTreeMap::new(),
                });
                list.pages.entry(page).or_insert_with(|| Page {
                    span: span.to_owned(),
                    more,
                    full: keys.len() as u64 >= per_page,
                });
            }
            Fact::Count {
                table,
                field,
                parent,
                count,
            } => {
                self.counts
                    .entry((table, field, parent))
                    .or_insert_with(|| (count, span.to_owned()));
            }
            Fact::Actor { key } => {
                self.actor.get_or_insert(key);
            }
        }
    }
}

impl Row {
    fn observe(
        &mut self,
        fields: BTreeMap<String, Value>,
        written: &[&'static str],
        span: &str,
        name: &str,
        conflicts: &mut Vec<String>,
    ) {
        if self.existed == Existed::No {
            return;
        }
        self.existed = Existed::Yes;
        for field in written {
            self.dirty.insert(field);
            if !self.initial.contains_key(*field) {
                self.unknown.entry(field).or_insert_with(|| span.to_owned());
            }
        }
        for (field, value) in fields {
            if self.dirty.contains(field.as_str()) {
                continue;
            }
            match self.initial.get(&field) {
                Some(known) if known.value != value => conflicts.push(format!(
                    "{name} {field} is {} in {} and {value} in {span}, and no call of the trace wrote it",
                    known.value, known.span
                )),
                Some(_) => {}
                None => {
                    self.initial.insert(
                        field,
                        Proof {
                            value,
                            span: span.to_owned(),
                        },
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(state: &str, written: &[&'static str]) -> Fact {
        Fact::Row {
            table: "issues",
            key: "a/b#1".to_owned(),
            fields: [
                ("state".to_owned(), json!(state)),
                ("title".to_owned(), json!("t")),
            ]
            .into(),
            written: written.to_vec(),
        }
    }

    fn after(facts: Vec<Fact>) -> (CloneWorld, Vec<String>) {
        let mut world = CloneWorld::default();
        let mut conflicts = Vec::new();
        for (at, fact) in facts.into_iter().enumerate() {
            world.apply(fact, &format!("s{at}"), &mut conflicts);
        }
        (world, conflicts)
    }

    fn only(world: &CloneWorld) -> &Row {
        world.rows.values().next().expect("one row")
    }

    #[test]
    fn a_write_is_undone_by_an_earlier_read() {
        let (world, conflicts) = after(vec![row("open", &[]), row("closed", &["state"])]);
        assert_eq!(only(&world).initial["state"].value, json!("open"));
        assert_eq!(only(&world).initial["state"].span, "s0");
        assert!(only(&world).unknown.is_empty());
        assert_eq!(conflicts, [""; 0]);
    }

    #[test]
    fn a_field_written_before_it_was_read_stays_unknown_and_the_rest_is_proved() {
        let (world, _) = after(vec![row("closed", &["state"]), row("closed", &[])]);
        assert_eq!(only(&world).unknown["state"], "s0");
        assert!(!only(&world).initial.contains_key("state"));
        assert_eq!(only(&world).initial["title"].value, json!("t"));
    }

    #[test]
    fn rows_the_trace_made_are_not_in_the_state_before() {
        let created = Fact::Created {
            table: "issues",
            key: "a/b#1".to_owned(),
        };
        let (world, _) = after(vec![created, row("open", &[])]);
        assert_eq!(only(&world).existed, Existed::No);
        assert!(only(&world).initial.is_empty());
    }

    #[test]
    fn a_change_nobody_made_is_a_conflict() {
        let (_, conflicts) = after(vec![row("open", &[]), row("closed", &[])]);
        assert_eq!(conflicts.len(), 1);
    }
}
