//! The seed documents that a trace's facts add up to, and what is missing from them.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clock::truncate_to_second;
use archal_core::clone::{CloneDescriptor, FieldKind, SeedField, SeedTable, offset};
use archal_core::trace::Trace;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::exchanges::TracedCalls;
use super::tools::UnmappedTool;
use super::world::{CloneWorld, Existed, List, World};

/// The most rows made up for one parent: a count above it is a sign of a broken trace.
const SYNTHETIC_ROWS: u64 = 1_000;

/// The state before a trace began, as far as the trace proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconstruction {
    /// The trace's start in whole seconds; times in the seeds are offsets from it.
    pub base: Timestamp,
    /// A seed document for each clone the trace called.
    pub seeds: BTreeMap<String, Value>,
    /// Which span proves which field: `github issues acme/webapp#7 state` to a span id.
    pub proofs: BTreeMap<String, String>,
    /// What was made up because it must exist and nothing depends on its content.
    pub synthesised: Vec<String>,
    /// Evidence that contradicts other evidence; the earlier one was kept.
    pub conflicts: Vec<String>,
    /// What the trace does not prove. Not empty means blocked.
    pub missing: Vec<Missing>,
    /// Tools of which nothing tells whether they call a service; those with a sign that they do are
    /// among what is missing.
    #[serde(default)]
    pub unmapped: Vec<UnmappedTool>,
}

/// One thing the trace does not prove.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The clone.
    pub clone: String,
    /// The row, list or call: `issues acme/webapp#41`.
    pub entity: String,
    /// The field, page or part of it: `state`, `page 2`, `responseBody`.
    pub field: String,
    /// Why it matters.
    pub why: String,
    /// The span that referred to it.
    pub span: String,
    /// How to supply it.
    pub how: String,
}

/// Puts the facts together.
pub(super) fn assemble(
    trace: &Trace,
    traced: &TracedCalls<'_>,
    world: World,
    clones: &[CloneDescriptor],
) -> Reconstruction {
    let base = trace
        .started_at
        .or_else(|| traced.calls.first().and_then(|call| call.at))
        .map_or(Timestamp::UNIX_EPOCH, truncate_to_second);
    let mut out = Reconstruction {
        base,
        seeds: BTreeMap::new(),
        proofs: BTreeMap::new(),
        synthesised: Vec::new(),
        conflicts: world.conflicts,
        missing: Vec::new(),
        unmapped: Vec::new(),
    };
    for gap in world.gaps {
        out.missing.push(Missing {
            clone: gap.clone.to_owned(),
            entity: gap.call,
            field: "response".to_owned(),
            why: gap.reason,
            span: gap.span,
            how: "record request and response bodies".to_owned(),
        });
    }
    for (span, host) in &traced.without_clone {
        out.missing.push(Missing {
            clone: "none".to_owned(),
            entity: host.clone(),
            field: "state".to_owned(),
            why: "the agent called a service that has no clone".to_owned(),
            span: span.clone(),
            how: "archal clone list".to_owned(),
        });
    }
    out.missing.extend(traced.missing());
    out.unmapped.clone_from(&traced.unmapped);
    for (name, part) in world.clones {
        if let Some(descriptor) = clones.iter().find(|clone| clone.name == name) {
            let seed = CloneSeed {
                descriptor,
                base,
                out: &mut out,
            }
            .build(part);
            out.seeds.insert(name.to_owned(), seed);
        }
    }
    // A page that was not recorded is the cause of much else that is missing.
    out.missing
        .sort_by_key(|missing| !missing.field.starts_with("page "));
    out
}

struct CloneSeed<'a> {
    descriptor: &'a CloneDescriptor,
    base: Timestamp,
    out: &'a mut Reconstruction,
}

impl CloneSeed<'_> {
    fn build(mut self, part: CloneWorld) -> Value {
        let mut tables: BTreeMap<&'static str, Vec<(String, Map<String, Value>)>> = BTreeMap::new();
        for table in self.descriptor.tables {
            tables.insert(table.name, Vec::new());
        }
        for ((name, key), row) in &part.rows {
            let Some(table) = self.table(name) else {
                continue;
            };
            if row.existed != Existed::Yes {
                continue;
            }
            let mut fields = Map::new();
            for field in table.fields {
                let proof = row
                    .initial
                    .get(field.name)
                    .or_else(|| row.implied.get(field.name));
                match proof {
                    Some(proof) => {
                        let path = format!("{} {name} {key} {}", self.descriptor.name, field.name);
                        self.out.proofs.insert(path, proof.span.clone());
                        fields.insert(
                            field.name.to_owned(),
                            relative(&proof.value, field.kind, self.base),
                        );
                    }
                    None if field.must_be_proved => {
                        let (why, span) = match row.unknown.get(field.name) {
                            Some(span) => (
                                "a call of the trace wrote it before any call read it".to_owned(),
                                span.clone(),
                            ),
                            None => (
                                "no call of the trace shows it".to_owned(),
                                row.initial
                                    .values()
                                    .next()
                                    .map(|proof| proof.span.clone())
                                    .unwrap_or_default(),
                            ),
                        };
                        self.missing(format!("{name} {key}"), field.name, &why, span);
                    }
                    None => {}
                }
            }
            tables
                .entry(table.name)
                .or_default()
                .push((key.clone(), fields));
        }
        for (list, pages) in &part.lists {
            self.pages(list, pages);
        }
        self.counts(&part, &mut tables);
        let mut document: Map<String, Value> = tables
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(name, rows)| {
                let rows = rows
                    .into_iter()
                    .map(|(_, row)| Value::Object(row))
                    .collect();
                (name.to_owned(), Value::Array(rows))
            })
            .collect();
        if let Some(actor) = part.actor {
            document.insert("actor".to_owned(), Value::String(actor));
        }
        Value::Object(document)
    }

    /// A list is known when every page up to the last one was seen and no more followed.
    fn pages(&mut self, list: &str, seen: &List) {
        let Some((last, last_page)) = seen.pages.last_key_value() else {
            return;
        };
        let first_seen = seen.pages.values().next().map(|page| page.span.clone());
        for page in 1..*last {
            if !seen.pages.contains_key(&page) {
                self.missing(
                    format!("{} of {list}", seen.table),
                    &format!("page {page}"),
                    "a later page was captured, so this one exists, and what is on it is not known",
                    first_seen.clone().unwrap_or_default(),
                );
            }
        }
        match last_page.more {
            Some(true) => self.missing(
                format!("{} of {list}", seen.table),
                &format!("page {}", last + 1),
                "the service said that more follows, and a repaired agent may read it",
                last_page.span.clone(),
            ),
            None if last_page.full => self.out.synthesised.push(format!(
                "{} {list}: page {last} is full and does not say whether more follows; taken as the last",
                self.descriptor.name
            )),
            Some(false) | None => {}
        }
    }

    /// Children that a parent counts but no call showed are made up, marked as such.
    fn counts(
        &mut self,
        part: &CloneWorld,
        tables: &mut BTreeMap<&'static str, Vec<(String, Map<String, Value>)>>,
    ) {
        for ((name, field, parent), (count, span)) in &part.counts {
            let Some(table) = self.table(name) else {
                continue;
            };
            let rows = tables.entry(table.name).or_default();
            let seen = rows
                .iter()
                .filter(|(_, row)| row.get(*field).and_then(Value::as_str) == Some(parent.as_str()))
                .count() as u64;
            if seen > *count {
                self.out.conflicts.push(format!(
                    "{} {parent} counts {count} {name} in {span}, and {seen} were seen",
                    self.descriptor.name
                ));
                continue;
            }
            let wanting = count - seen;
            if wanting > SYNTHETIC_ROWS {
                self.missing(
                    format!("{name} of {parent}"),
                    "rows",
                    "more than archal makes up",
                    span.clone(),
                );
                continue;
            }
            for nth in 0..wanting {
                rows.push((
                    format!("{parent} (made up {nth})"),
                    placeholder(table, field, parent, part.actor.as_deref()),
                ));
            }
            if wanting > 0 {
                self.out.synthesised.push(format!(
                    "{} {wanting} {name} of {parent}: counted in {span}, content never read",
                    self.descriptor.name
                ));
            }
        }
    }

    fn missing(&mut self, entity: String, field: &str, why: &str, span: String) {
        self.out.missing.push(Missing {
            clone: self.descriptor.name.to_owned(),
            how: "record the call that reads it".to_owned(),
            entity,
            field: field.to_owned(),
            why: why.to_owned(),
            span,
        });
    }

    fn table(&self, name: &str) -> Option<&'static SeedTable> {
        self.descriptor
            .tables
            .iter()
            .find(|table| table.name == name)
    }
}

/// A row of which only the parent is known.
fn placeholder(
    table: &SeedTable,
    parent_field: &str,
    parent: &str,
    actor: Option<&str>,
) -> Map<String, Value> {
    let mut row = Map::new();
    for SeedField {
        name,
        kind,
        required,
        references,
        ..
    } in table.fields
    {
        if *name == parent_field {
            row.insert((*name).to_owned(), Value::from(parent));
        } else if *required {
            let value = match (kind, references, actor) {
                (FieldKind::Text, Some("users"), Some(actor)) => Value::from(actor),
                (FieldKind::Text, _, _) => Value::from("(not captured)"),
                (FieldKind::Int, _, _) => Value::from(0),
                (FieldKind::Bool, _, _) => Value::from(false),
                (FieldKind::Time, _, _) => Value::from("-1d"),
                (FieldKind::List(_), _, _) => json!([]),
                (FieldKind::Object(_), _, _) => json!({}),
            };
            row.insert((*name).to_owned(), value);
        }
    }
    row
}

/// A value with times written as offsets from the trace's start.
fn relative(value: &Value, kind: FieldKind, base: Timestamp) -> Value {
    match (value, kind) {
        (Value::String(text), FieldKind::Time) => match text.parse::<Timestamp>() {
            Ok(at) => Value::String(offset(at, base)),
            Err(_) => value.clone(),
        },
        (Value::Array(items), FieldKind::List(inner)) => items
            .iter()
            .map(|item| relative(item, *inner, base))
            .collect(),
        (Value::Object(map), FieldKind::Object(fields)) => map
            .iter()
            .map(|(name, inner)| {
                let kind = fields
                    .iter()
                    .find(|field| field.name == name)
                    .map(|field| field.kind);
                let inner = kind.map_or_else(|| inner.clone(), |kind| relative(inner, kind, base));
                (name.clone(), inner)
            })
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

impl Reconstruction {
    /// The clones that have something missing.
    pub fn incomplete(&self) -> BTreeSet<&str> {
        self.missing
            .iter()
            .map(|missing| missing.clone.as_str())
            .collect()
    }
}
