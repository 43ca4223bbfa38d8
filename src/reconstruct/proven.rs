//! What a trace proves of answers that it does not hold itself.
//!
//! A rebuilt state has what the trace shows and nothing else. Where the agent is run on it and asks
//! for something that no call of the trace speaks of, the state answers as if that were not there;
//! the service may have had it, and the span that showed it may be lost. What such a run does wrong
//! it may do wrong for that alone.
//!
//! - `done`: what an attempt has made of the state so far.
//! - `meanwhile`: what somebody else changed while the trace was under way.
//! - `named`: what calls ask for, the same in a trace and in an attempt.
//! - `refusals`: what calls were refused.
//! - `renamed`: the same of a world in which names are others.

mod done;
mod meanwhile;
mod named;
mod refusals;
mod renamed;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{CloneDescriptor, Exchange, Fact, Observation};
use archal_core::trace::{Status, Trace};
use jiff::Timestamp;
use serde_json::Value;

use super::Context;
use super::exchanges::TracedCalls;
use super::replay::Replay;
use super::seed::Reconstruction;
use crate::scenario::criteria::CallFact;
use done::Done;
use meanwhile::Meanwhile;
use named::{ByName, Named};
use refusals::{Refusals, is_malformed, is_refusal, refused_within};

/// What is known of the answers that services would have given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proven {
    clones: BTreeMap<String, Answers>,
    /// Whether the trace shows that the agent came to its answer, and ends in no error.
    pub is_answered: bool,
}

/// An answer in an attempt that rests on nothing the trace shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What is not known, one sentence.
    pub cause: String,
    /// Which of the attempt's calls got it, from 0.
    pub at: usize,
}

/// What is known of one clone's service.
#[derive(Debug, Clone, Default, PartialEq)]
struct Answers {
    refused: Refusals,
    /// What was read.
    read: ByName<()>,
    /// What was read that the rebuilt state answers as the service did.
    agreed: ByName<()>,
    /// Lists that were seen, each with what its rows hold where it has every row that does.
    lists: ByName<Option<Only>>,
    /// The rows of lists that a tool of the agent showed, by path: with which parameters it asked is
    /// not known for sure.
    shown: ByName<BTreeSet<String>>,
    /// Rows that were not there, by table and key.
    absent: BTreeSet<Place>,
    /// Rows that were asked for and left out of what was done.
    passed_over: BTreeSet<Place>,
    /// Rows of the rebuilt state.
    rows: BTreeSet<Place>,
    /// Fields that are proved, as `table key field`.
    fields: BTreeSet<String>,
    /// Rows of which the repository says what is in them.
    owned: BTreeMap<Place, Value>,
    /// What somebody else changed meanwhile.
    meanwhile: Meanwhile,
    /// Whether it is known who the agent was.
    knows_actor: bool,
}

/// A table and what the rows of a list of it hold.
type Only = (&'static str, Vec<(&'static str, Value)>);

/// A table and the key of a row of it, in lower case.
type Place = (String, String);

fn place(table: &str, key: &str) -> Place {
    (table.to_owned(), key.to_lowercase())
}

fn of_field(table: &str, key: &str, field: &str) -> String {
    format!("{table} {key} {field}").to_lowercase()
}

fn of_part(table: &str, key: &str, field: &str, part: &str) -> String {
    of_field(table, key, &format!("{field}/{part}"))
}

impl Proven {
    /// What the calls of a trace prove, and the state that was rebuilt from them: one of which
    /// nothing is missing, so that each list was seen to its end. `replay` is those calls on that
    /// state, where it opens.
    pub fn of(
        traced: &TracedCalls<'_>,
        rebuilt: &Reconstruction,
        replay: Option<&Replay>,
        context: &Context<'_>,
    ) -> Self {
        let mut clones: BTreeMap<String, Answers> = BTreeMap::new();
        let replayed = || replay.into_iter().flat_map(|replay| &replay.calls);
        let differing: BTreeSet<&str> = replayed()
            .filter(|call| !call.differences.is_empty() || call.skipped.is_some())
            .map(|call| call.span.as_str())
            .collect();
        let agreeing: BTreeSet<&str> = replayed()
            .filter(|call| call.is_compared)
            .map(|call| call.span.as_str())
            .filter(|span| !differing.contains(span))
            .collect();
        for call in &traced.calls {
            let Some(descriptor) = context.clones.iter().find(|clone| clone.name == call.clone)
            else {
                continue;
            };
            let of = clones.entry(call.clone.to_owned()).or_default();
            if call.proves_nothing() {
                continue;
            }
            if let Some(exchange) = call.exchange() {
                let own_tool = call
                    .tool
                    .as_ref()
                    .is_some_and(|tool| tool.official.is_none());
                let shown = Shown {
                    exchange: &exchange,
                    base: rebuilt.base,
                    by_own_tool: own_tool,
                    is_agreed: agreeing.contains(call.span),
                };
                of.show(descriptor, &shown);
            }
        }
        for (name, of) in &mut clones {
            of.meanwhile = Meanwhile::of(name, traced, rebuilt, context.clones);
        }
        for (name, seed) in &rebuilt.seeds {
            if let Some(descriptor) = context.clones.iter().find(|clone| clone.name == name) {
                let of = clones.entry(name.clone()).or_default();
                of.hold(descriptor, seed);
                let owned = context.owned.iter().filter(|owned| owned.clone == *name);
                of.own(descriptor, owned.map(|owned| &owned.document));
            }
        }
        for path in rebuilt.proofs.keys() {
            if let Some((clone, field)) = path.split_once(' ')
                && let Some(of) = clones.get_mut(clone)
            {
                of.fields.insert(field.to_lowercase());
            }
        }
        Self {
            clones,
            is_answered: false,
        }
    }

    /// The same, with how that trace ended.
    pub fn ended_as(self, trace: &Trace) -> Self {
        let is_said = |output: &Value| !output.is_null() && output.as_str() != Some("");
        let is_answered =
            trace.status != Status::Error && trace.output.as_ref().is_some_and(is_said);
        Self {
            is_answered,
            ..self
        }
    }

    /// The first answer in these calls of an attempt that began at `base` which rests on nothing the
    /// trace shows; none where all of them do.
    pub fn gap(
        &self,
        calls: &[CallFact],
        base: Timestamp,
        clones: &[CloneDescriptor],
    ) -> Option<Gap> {
        let unknown = Answers::default();
        let mut done: BTreeMap<&str, Done> = BTreeMap::new();
        calls.iter().enumerate().find_map(|(at, call)| {
            let descriptor = clones.iter().find(|clone| clone.name == call.clone)?;
            let of = self.clones.get(&call.clone).unwrap_or(&unknown);
            let done = done.entry(&call.clone).or_default();
            let cause = of.gap(&Asked::of(call, base, descriptor), descriptor, done)?;
            Some(Gap { cause, at })
        })
    }
}

/// A call of the trace.
struct Shown<'a> {
    exchange: &'a Exchange<'a>,
    /// When the trace began.
    base: Timestamp,
    /// Whether it is what a tool of the agent is known to stand for.
    by_own_tool: bool,
    /// Whether the rebuilt state answers it as the service did.
    is_agreed: bool,
}

/// A call of an attempt, in the parts that are compared.
struct Asked<'a> {
    call: &'a CallFact<'a>,
    base: Timestamp,
    path: Named,
    observed: Observation,
}

impl<'a> Asked<'a> {
    fn of(call: &'a CallFact<'a>, base: Timestamp, descriptor: &CloneDescriptor) -> Self {
        let operation = call.operation.as_deref();
        let mut hosts = descriptor.hosts.iter();
        let fits = |host: &&&'static str| {
            operation.is_some()
                && (descriptor.operation_of)(host, &call.method, &call.path) == operation
        };
        let host = hosts.clone().find(fits).or(hosts.next());
        let some = |body: Option<&'a Value>| body.filter(|body| !body.is_null());
        let observed = (descriptor.observe)(&Exchange {
            method: &call.method,
            host: host.copied().unwrap_or_default(),
            path: &call.path,
            query: &call.query,
            request_body: some(call.request.as_deref()),
            status: u16::try_from(call.status).unwrap_or_default(),
            response_headers: &BTreeMap::new(),
            response_body: some(call.response.as_deref()),
        });
        Self {
            call,
            base,
            path: Named::path(&call.path, base),
            observed,
        }
    }

    fn read(&self) -> Named {
        let call = self.call;
        let request = call.request.as_deref().filter(|body| !body.is_null());
        Named::read(&call.path, &call.query, request, self.base)
    }

    /// `PATCH /repos/acme/webapp/issues/7`
    fn line(&self) -> String {
        format!("{} {}", self.call.method, self.call.path)
    }
}

impl Answers {
    /// Takes in a call of the trace.
    fn show(&mut self, descriptor: &CloneDescriptor, shown: &Shown<'_>) {
        let (exchange, base) = (shown.exchange, shown.base);
        let request = exchange.request_body;
        let path = Named::path(exchange.path, base);
        let changes = (descriptor.changes)(exchange.host, exchange.method, exchange.path, request);
        if is_refusal(i64::from(exchange.status)) {
            self.refused.add(exchange, path.clone());
        } else if exchange.status < 400 && !changes {
            let read = Named::read(exchange.path, exchange.query, request, base);
            if shown.is_agreed {
                self.agreed.insert(read.clone(), ());
            }
            self.read.insert(read, ());
        }
        self.refused.add_within(exchange.response_body);
        for fact in (descriptor.observe)(exchange).facts {
            match fact {
                Fact::Absent { table, key } => _ = self.absent.insert(place(table, &key)),
                Fact::PassedOver { table, key } => {
                    self.passed_over.insert(place(table, &key));
                }
                Fact::Page {
                    table,
                    list,
                    only,
                    keys,
                    ..
                } => {
                    let only = only.map(|only| (table, only));
                    self.lists.insert(Named::of(&list, base), only);
                    if shown.by_own_tool {
                        let keys = keys.iter().map(|key| key.to_lowercase());
                        self.shown.insert(path.clone(), keys.collect());
                    }
                }
                Fact::Actor { .. } => self.knows_actor = true,
                _ => {}
            }
        }
    }

    /// Takes in the rebuilt state.
    fn hold(&mut self, descriptor: &CloneDescriptor, seed: &Value) {
        self.knows_actor |= seed.get("actor").is_some();
        for (at, _) in rows(descriptor, seed) {
            self.rows.insert(at);
        }
    }

    /// Takes in what the repository says of the state.
    fn own<'o>(
        &mut self,
        descriptor: &CloneDescriptor,
        documents: impl Iterator<Item = &'o Value>,
    ) {
        for document in documents {
            let owned = rows(descriptor, document).map(|(at, row)| (at, row.clone()));
            self.owned.extend(owned);
        }
    }

    /// Why an answer rests on nothing, where it does.
    fn gap(
        &self,
        asked: &Asked<'_>,
        descriptor: &CloneDescriptor,
        done: &mut Done,
    ) -> Option<String> {
        let status = asked.call.status;
        if is_refusal(status) {
            return self.refusal(asked, done);
        }
        if !(200..300).contains(&status) {
            return None;
        }
        let mut within = asked
            .call
            .response
            .as_deref()
            .into_iter()
            .flat_map(refused_within);
        if let Some(word) = within.find(|word| !self.refused.says(word)) {
            return Some(format!(
                "the rebuilt state answers {} with {word:?}, and no call of the trace shows whether \
                 the service would have",
                asked.line()
            ));
        }
        if asked.call.changes {
            done.add(asked, &asked.observed.facts);
            return self.left_out(asked, done);
        }
        self.read(asked, descriptor, done)
    }

    /// Why what a change leaves out in silence rests on nothing, where it does.
    fn left_out(&self, asked: &Asked<'_>, done: &Done) -> Option<String> {
        let mut left_out = asked.observed.facts.iter().filter_map(|fact| match fact {
            Fact::PassedOver { table, key } => Some((place(table, key), key)),
            _ => None,
        });
        let unknown =
            left_out.find(|(row, _)| !self.passed_over.contains(row) && !self.is_known(row, done));
        unknown.map(|((table, _), key)| {
            format!(
                "the rebuilt state passes over {key} at {}, and no call of the trace shows whether the \
                 service would have: of {table} it has those that the trace shows",
                asked.line()
            )
        })
    }

    /// Whether it is known of a row whether it is there.
    fn is_known(&self, row: &Place, done: &Done) -> bool {
        self.absent.contains(row) || self.rows.contains(row) || done.removed.contains(row)
    }

    /// Why a refusal rests on nothing, where it does.
    fn refusal(&self, asked: &Asked<'_>, done: &Done) -> Option<String> {
        let call = asked.call;
        // What the attempt did there before is what it is refused for.
        if self.refused.has(call, &asked.path) || done.did(asked) || is_malformed(call) {
            return None;
        }
        let mut absences = asked.observed.facts.iter().filter_map(|fact| match fact {
            Fact::Absent { table, key } => Some(place(table, key)),
            _ => None,
        });
        if absences.clone().next().is_some() && absences.all(|row| self.is_known(&row, done)) {
            return None;
        }
        let line = asked.line();
        Some(match call.status {
            404 | 410 => format!(
                "the rebuilt state has nothing at {line}, and no call of the trace shows whether the \
                 service had"
            ),
            status => format!(
                "the rebuilt state refuses {line} with {status}, and no call of the trace shows \
                 whether the service would have"
            ),
        })
    }

    /// Why what was read rests on nothing, where it does.
    fn read(
        &self,
        asked: &Asked<'_>,
        descriptor: &CloneDescriptor,
        done: &mut Done,
    ) -> Option<String> {
        let read = asked.read();
        let was_read = self.read.contains(&read);
        // Nothing of such an answer is in the rebuilt state: it is the service's where it is the
        // recorded one, and the clone's own where it is not.
        if !asked.observed.is_whole && !self.agreed.contains(&read) {
            return Some(format!(
                "{} is answered by the clone, and no call of the trace shows {}",
                asked.line(),
                match was_read {
                    true => "a state from which the service's answer follows",
                    false => "what the service answers",
                }
            ));
        }
        let facts = &asked.observed.facts;
        let changed = self.meanwhile.gap(facts, &mut done.looks, &done.fields);
        if let Some(changed) = changed {
            return Some(format!("{} {changed}", asked.line()));
        }
        facts.iter().find_map(|fact| match fact {
            Fact::Part {
                table,
                key,
                field,
                part,
                ..
            } if !was_read && !self.owned.contains_key(&place(table, key)) => {
                let path = of_part(table, key, field, part);
                let is_known = self.fields.contains(&path) || done.fields.contains(&path);
                (!is_known).then(|| {
                    format!(
                        "{} shows {part}, of which no call of the trace shows what is in it",
                        asked.line()
                    )
                })
            }
            Fact::Page {
                table,
                list,
                only,
                keys,
                ..
            } if !was_read => {
                let listed = Listed {
                    table,
                    list: Named::of(list, asked.base),
                    only: only.as_deref(),
                    keys,
                };
                (!self.covers(asked, &listed, done)).then(|| {
                    format!(
                        "of {table} the rebuilt state has those that the trace shows, and no call of \
                         the trace shows all that {} lists",
                        asked.call.target()
                    )
                })
            }
            Fact::Actor { .. } if !self.knows_actor => Some(format!(
                "{} says who the agent is, and no call of the trace shows it",
                asked.line()
            )),
            Fact::Row {
                table, key, fields, ..
            } if !was_read => {
                let row = place(table, key);
                let is_own = done.made.contains(&row) || !self.rows.contains(&row);
                let tables = descriptor.tables.iter().filter(|known| known.name == *table);
                let mut made_up = tables
                    .flat_map(|known| known.fields)
                    // When something changed last is no reason to act.
                    .filter(|field| field.must_be_proved && !field.name.ends_with("_at"))
                    .filter(|field| fields.contains_key(field.name));
                let made_up = made_up.find(|field| {
                    let path = of_field(table, key, field.name);
                    !self.fields.contains(&path) && !done.fields.contains(&path)
                });
                made_up.filter(|_| !is_own).map(|field| {
                    format!(
                        "{} shows {} of {table} {key}, which no call of the trace shows",
                        asked.line(),
                        field.name
                    )
                })
            }
            _ => None,
        })
    }

    /// Whether the trace, or the repository, shows all that a list has.
    fn covers(&self, asked: &Asked<'_>, listed: &Listed<'_>, done: &Done) -> bool {
        let only = listed.only;
        let is_within = || {
            let Some(only) = only else { return false };
            let mut wider = self.lists.values().flatten();
            wider.any(|(of, wider)| {
                *of == listed.table && wider.iter().all(|held| only.contains(held))
            })
        };
        let is_owned = || {
            let Some(only) = only else { return false };
            let mut owned = self.owned.iter();
            owned.any(|((table, _), row)| {
                let row = row.as_object().filter(|_| table == listed.table);
                row.is_some_and(|row| super::seed::holds(row, only))
            })
        };
        // The agent was shown the same rows, but for those that it changed since.
        let is_shown = || {
            let others = |key: &&String| !done.touched.contains(&place(listed.table, key));
            let keys: BTreeSet<String> = listed.keys.iter().map(|key| key.to_lowercase()).collect();
            let keys: BTreeSet<&String> = keys.iter().filter(others).collect();
            let mut shown = self.shown.get(&asked.path);
            shown.any(|shown| shown.iter().filter(others).collect::<BTreeSet<_>>() == keys)
        };
        self.lists.contains(&listed.list) || is_within() || is_owned() || is_shown()
    }
}

/// A list as an attempt got it.
struct Listed<'a> {
    table: &'static str,
    list: Named,
    /// What its rows hold, where it has every row that does.
    only: Option<&'a [(&'static str, Value)]>,
    keys: &'a [String],
}

/// The rows of a seed document that say which they are.
fn rows<'d>(
    descriptor: &CloneDescriptor,
    document: &'d Value,
) -> impl Iterator<Item = (Place, &'d Value)> {
    descriptor.tables.iter().flat_map(move |table| {
        let rows = document.get(table.name).and_then(Value::as_array);
        rows.into_iter().flatten().filter_map(move |row| {
            let key = (descriptor.row_key)(table.name, row)?;
            Some((place(table.name, &key), row))
        })
    })
}
