//! The facts a trace's calls prove, applied in order.
//!
//! For each field of each row the first evidence that no earlier call of the trace can have
//! touched is what the field was before the trace began. A field that was written before it
//! was ever read stays unknown: its value before cannot be told. A call whose outcome is not
//! known makes what it may have touched uncertain from then on.
//!
//! - [`doubts`]: what calls may have touched of which nothing certain is known.
//! - [`row`]: one row.

mod doubts;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use archal_core::clone::{CloneDescriptor, Exchange, Fact};
use jiff::Timestamp;
use serde_json::Value;

use super::exchanges::{TracedCall, TracedCalls};
use super::seed::{Conflict, ConflictKind};

use doubts::Doubts;
use row::Seeing;
pub(super) use row::{Existed, Proof, Row};

/// The most people named beside the first whose credentials a trace was made with.
const MOST_OTHERS: usize = 8;

/// What is known of every clone a trace touched.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By clone name.
    pub(super) clones: BTreeMap<&'static str, CloneWorld>,
    /// Things that could not be used: span and reason.
    pub(super) gaps: Vec<Gap>,
    /// Evidence that contradicts other evidence.
    pub(super) conflicts: Vec<Conflict>,
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
    /// The rows that global ids name, by id.
    nodes: BTreeMap<String, (&'static str, String)>,
    /// Who the agent was.
    pub(super) actor: Option<Proof>,
    /// Who it was, too: it called with the credentials of several.
    pub(super) others: Vec<Proof>,
    /// Calls of which nothing certain is known, and what they may have touched.
    doubts: Doubts,
    /// The last call that may have changed something.
    wrote: Option<String>,
}

/// The pages of one list that were seen, each the first time.
#[derive(Debug)]
pub(super) struct List {
    pub(super) table: &'static str,
    /// What the rows of it hold, where that says which rows are in it.
    pub(super) only: Option<Vec<(&'static str, Value)>>,
    pub(super) pages: BTreeMap<u64, Page>,
}

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) span: String,
    pub(super) more: Option<bool>,
    pub(super) full: bool,
    /// What was on it.
    pub(super) keys: Vec<String>,
    /// Whether the trace may have changed something before it was seen.
    pub(super) late: bool,
}

impl World {
    /// Applies what each call proves, in order. `base` is when the trace began.
    pub(super) fn of(
        traced: &TracedCalls<'_>,
        clones: &[CloneDescriptor],
        base: Timestamp,
    ) -> Self {
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
            let changes = writes(&call.http.method);
            // What a service did that failed on the way is not known.
            let failed = changes && call.http.status.is_some_and(|status| status >= 500);
            let exchange = match call.exchange() {
                _ if call.proves_nothing() && !failed => continue,
                Some(exchange) if !call.proves_nothing() => exchange,
                Some(_) => unanswered(call),
                None => {
                    // An answer that never came is no gap of the record.
                    if call.fault.is_none() {
                        world.gaps.push(gap(call.not_captured()));
                    }
                    if !changes {
                        continue;
                    }
                    unanswered(call)
                }
            };
            let observation = (descriptor.observe)(&exchange);
            if observation.operation.is_none() {
                world
                    .gaps
                    .push(gap(format!("the {} clone does not model it", call.clone)));
            }
            world.gaps.extend(observation.gaps.into_iter().map(gap));
            let before = part.wrote.clone();
            for fact in observation.facts {
                let applied = Applied {
                    clone: descriptor.name,
                    span: call.span,
                    base,
                    at: call.at,
                    wrote: before.as_deref(),
                };
                part.apply(fact, applied, &mut world.conflicts);
            }
        }
        world
    }
}

/// Whether a call of that method may change something.
fn writes(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// A call that got no answer, or whose answer was not recorded.
fn unanswered<'a>(call: &'a TracedCall<'_>) -> Exchange<'a> {
    Exchange {
        method: &call.http.method,
        host: &call.host,
        path: &call.path,
        query: &call.query,
        request_body: call.http.request_body.as_ref(),
        status: 0,
        response_headers: &call.http.response_headers,
        response_body: None,
    }
}

/// The call that a fact is of.
#[derive(Debug, Clone, Copy)]
struct Applied<'a> {
    clone: &'static str,
    span: &'a str,
    base: Timestamp,
    /// When the call was.
    at: Option<Timestamp>,
    /// The last call before it that may have changed something.
    wrote: Option<&'a str>,
}

impl CloneWorld {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of fact")]
    fn apply(&mut self, fact: Fact, of: Applied<'_>, conflicts: &mut Vec<Conflict>) {
        let span = of.span;
        if changes(&fact) {
            self.wrote = Some(span.to_owned());
        }
        match fact {
            Fact::Row {
                table,
                key,
                fields,
                written,
            } => {
                if let Some(id) = fields.get("node_id").and_then(Value::as_str) {
                    let of = || (table, key.clone());
                    self.nodes.entry(id.to_owned()).or_insert_with(of);
                }
                let uncertain = self.doubts.of(table, &key).map(str::to_owned);
                let swept = self.doubts.swept(table, &key);
                let seeing = Seeing {
                    span,
                    swept: &swept,
                    base: of.base,
                    at: of.at,
                    wrote: of.wrote,
                    uncertain: uncertain.as_deref(),
                };
                let row = self.rows.entry((table, key.clone())).or_default();
                for differs in row.observe(fields, &written, seeing) {
                    conflicts.push(Conflict {
                        clone: of.clone.to_owned(),
                        entity: format!("{table} {key}"),
                        field: differs.field,
                        kept: differs.before.value,
                        kept_span: differs.before.span,
                        other: differs.now,
                        span: span.to_owned(),
                        kind: ConflictKind::OutsideChange,
                    });
                }
            }
            Fact::Implied {
                table,
                key,
                field,
                value,
            } => {
                let row = self.rows.entry((table, key)).or_default();
                row.implied
                    .entry(field)
                    .or_insert_with(|| proof(value, span));
            }
            Fact::Standin {
                table,
                key,
                field,
                value,
            } => {
                let row = self.rows.entry((table, key)).or_default();
                row.standins
                    .entry(field)
                    .or_insert_with(|| proof(value, span));
            }
            Fact::Part {
                table,
                key,
                field,
                part,
                holds,
                written,
            } => {
                let doubtful = self.doubts.of(table, &key).is_some();
                let row = self.rows.entry((table, key)).or_default();
                if row.existed != Existed::No && (written || !doubtful) {
                    row.part(field, part, holds, written, span);
                }
            }
            Fact::Written { table, key, fields } => {
                let row = self.rows.entry((table, key)).or_default();
                if row.existed != Existed::No {
                    for field in fields {
                        row.write(field, span);
                    }
                }
            }
            Fact::Uncertain {
                tables,
                prefix,
                fields,
            } => self.doubts.add(&tables, &prefix, &fields, span),
            Fact::OfNode { id, touched } => match self.nodes.get(&id).cloned() {
                Some((table, key)) => {
                    for fact in touched.facts(table, &key) {
                        self.apply(fact, of, conflicts);
                    }
                }
                None => {
                    self.doubts.add(&[], "", &[], span);
                    for (table, fields) in touched.unsigned() {
                        self.doubts.add(&[table], "", &fields, span);
                    }
                }
            },
            Fact::Created { table, key } => {
                let row = self.rows.entry((table, key)).or_default();
                if row.existed == Existed::Unknown {
                    row.existed = Existed::No;
                }
                row.gone = false;
            }
            Fact::Deleted { table, key } => {
                let certain = self.doubts.of(table, &key).is_none();
                let row = self.rows.entry((table, key)).or_default();
                if row.existed == Existed::Unknown && certain {
                    row.existed = Existed::Yes;
                }
                if row.first.is_empty() {
                    span.clone_into(&mut row.first);
                }
                row.gone = true;
            }
            Fact::Absent { table, key } => {
                let certain = self.doubts.of(table, &key).is_none();
                let row = self.rows.entry((table, key.clone())).or_default();
                match row.existed {
                    Existed::Unknown if certain => row.existed = Existed::No,
                    Existed::Yes if !row.gone && certain => conflicts.push(Conflict {
                        clone: of.clone.to_owned(),
                        entity: format!("{table} {key}"),
                        field: String::new(),
                        kept: Value::from("there"),
                        kept_span: row.first.clone(),
                        other: Value::from("absent"),
                        span: span.to_owned(),
                        kind: ConflictKind::OutsideChange,
                    }),
                    _ => {}
                }
            }
            Fact::Page {
                table,
                list,
                page,
                per_page,
                keys,
                more,
                only,
            } => {
                let list = self.lists.entry(list).or_insert_with(|| List {
                    table,
                    only,
                    pages: BTreeMap::new(),
                });
                list.pages.entry(page).or_insert_with(|| Page {
                    span: span.to_owned(),
                    more,
                    full: keys.len() as u64 >= per_page,
                    keys,
                    late: of.wrote.is_some(),
                });
            }
            Fact::Count {
                table,
                field,
                parent,
                count,
            } => {
                // What a call that is not certain may have added is no longer counted out.
                if self.doubts.of(table, &parent).is_none() {
                    self.counts
                        .entry((table, field, parent))
                        .or_insert_with(|| (count, span.to_owned()));
                }
            }
            // Who is left out may be there all the same.
            Fact::PassedOver { .. } => {}
            Fact::Actor { key } => {
                let is = |one: &Proof| {
                    let name = one.value.as_str();
                    name.is_some_and(|name| name.eq_ignore_ascii_case(&key))
                };
                if self.actor.is_none() {
                    self.actor = Some(proof(Value::from(key), span));
                } else if !self.actor.iter().chain(&self.others).any(is)
                    && self.others.len() < MOST_OTHERS
                {
                    self.others.push(proof(Value::from(key), span));
                }
            }
        }
    }
}

fn proof(value: Value, span: &str) -> Proof {
    Proof {
        value,
        span: span.to_owned(),
    }
}

/// Whether a fact is of a call that may have changed something.
fn changes(fact: &Fact) -> bool {
    match fact {
        Fact::Row { written, .. } => !written.is_empty(),
        Fact::Part { written, .. } => *written,
        Fact::Written { .. }
        | Fact::Uncertain { .. }
        | Fact::OfNode { .. }
        | Fact::Created { .. }
        | Fact::Deleted { .. } => true,
        Fact::Implied { .. }
        | Fact::Standin { .. }
        | Fact::Absent { .. }
        | Fact::PassedOver { .. }
        | Fact::Page { .. }
        | Fact::Count { .. }
        | Fact::Actor { .. } => false,
    }
}
