//! What a trace proves of answers that it does not hold itself.
//!
//! A rebuilt state has what the trace shows and nothing else. Where the agent is run on it and asks
//! for something that no call of the trace speaks of, the state answers as if that were not there;
//! the service may have had it, and the span that showed it may be lost. What such a run does wrong
//! it may do wrong for that alone.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{CloneDescriptor, Exchange, Fact};
use serde_json::Value;

use super::Context;
use super::exchanges::TracedCalls;
use super::seed::Reconstruction;
use crate::scenario::criteria::CallFact;

/// What is known of the answers that services would have given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proven {
    clones: BTreeMap<String, Answers>,
}

/// What is known of one clone's service.
#[derive(Debug, Clone, Default, PartialEq)]
struct Answers {
    /// Method and path of what was refused, and the words of refusals in whole answers.
    refused: BTreeSet<(String, String)>,
    /// What was read, as [`place_read`] says.
    read: BTreeSet<String>,
    /// Tools of the official server that were called.
    tools: BTreeSet<String>,
    /// Lists that were seen, each with what its rows hold where it has every row that does.
    lists: BTreeMap<String, Option<Only>>,
    /// Paths of lists that a tool asked for: with which parameters is not known for sure.
    listed: BTreeSet<String>,
    /// Rows that were not there, by table and key.
    absent: BTreeSet<(String, String)>,
    /// Rows of the rebuilt state.
    rows: BTreeSet<(String, String)>,
    /// Fields that are proved, as `table key field`.
    fields: BTreeSet<String>,
    /// Tables of which the repository says what is in them.
    owned: BTreeSet<String>,
    /// Whether it is known who the agent was.
    knows_actor: bool,
}

/// A table and what the rows of a list of it hold.
type Only = (&'static str, Vec<(&'static str, Value)>);

/// What an attempt itself has made of the state so far.
#[derive(Default)]
struct Done {
    paths: BTreeSet<String>,
    rows: BTreeSet<(String, String)>,
}

impl Proven {
    /// What the calls of a trace prove, and the state that was rebuilt from them: one of which
    /// nothing is missing, so that each list was seen to its end.
    pub fn of(traced: &TracedCalls<'_>, rebuilt: &Reconstruction, context: &Context<'_>) -> Self {
        let mut clones: BTreeMap<String, Answers> = BTreeMap::new();
        for call in &traced.calls {
            let Some(descriptor) = context.clones.iter().find(|clone| clone.name == call.clone)
            else {
                continue;
            };
            let of = clones.entry(call.clone.to_owned()).or_default();
            if let Some(tool) = &call.tool {
                of.tools.insert(tool.name.clone());
            }
            if call.proves_nothing() {
                continue;
            }
            if let Some(exchange) = call.exchange() {
                of.show(descriptor, &exchange, call.tool.is_some());
            }
        }
        for (name, seed) in &rebuilt.seeds {
            if let Some(descriptor) = context.clones.iter().find(|clone| clone.name == name) {
                clones
                    .entry(name.clone())
                    .or_default()
                    .hold(descriptor, seed);
            }
        }
        for path in rebuilt.proofs.keys() {
            if let Some((clone, field)) = path.split_once(' ')
                && let Some(of) = clones.get_mut(clone)
            {
                of.fields.insert(field.to_lowercase());
            }
        }
        for owned in context.owned {
            let of = clones.entry(owned.clone.clone()).or_default();
            let tables = owned.document.as_object().into_iter().flatten();
            let with_rows = tables.filter(|(_, rows)| !rows.as_array().is_none_or(Vec::is_empty));
            of.owned.extend(with_rows.map(|(table, _)| table.clone()));
        }
        Self { clones }
    }

    /// The same of a world in which names are others: `new` gives the new text of an old one.
    pub fn renamed(&self, new: &dyn Fn(&str) -> String) -> Self {
        let clones = self.clones.iter();
        Self {
            clones: clones
                .map(|(clone, answers)| (clone.clone(), answers.renamed(new)))
                .collect(),
        }
    }

    /// The first answer in these calls of an attempt that rests on nothing the trace shows, one
    /// sentence; none where all of them do.
    pub fn gap(&self, calls: &[CallFact], clones: &[CloneDescriptor]) -> Option<String> {
        let unknown = Answers::default();
        let mut done: BTreeMap<&str, Done> = BTreeMap::new();
        calls.iter().find_map(|call| {
            let descriptor = clones.iter().find(|clone| clone.name == call.clone)?;
            let of = self.clones.get(&call.clone).unwrap_or(&unknown);
            let done = done.entry(&call.clone).or_default();
            of.gap(&Asked::of(call, descriptor), descriptor, done)
        })
    }
}

/// A call of an attempt, in the parts that are compared.
struct Asked<'a> {
    call: &'a CallFact,
    host: &'static str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Asked<'a> {
    fn of(call: &'a CallFact, descriptor: &CloneDescriptor) -> Self {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let operation = call.operation.as_deref();
        let hosts = descriptor.hosts.iter();
        let fits = |host: &&&'static str| {
            operation.is_some() && (descriptor.operation_of)(host, &call.method, path) == operation
        };
        Self {
            host: hosts
                .clone()
                .find(fits)
                .or(hosts.clone().next())
                .copied()
                .unwrap_or_default(),
            call,
            path,
            query,
        }
    }

    fn facts(&self, descriptor: &CloneDescriptor) -> Vec<Fact> {
        let some = |body: &'a Option<Value>| body.as_ref().filter(|body| !body.is_null());
        let exchange = Exchange {
            method: &self.call.method,
            host: self.host,
            path: self.path,
            query: self.query,
            request_body: some(&self.call.request),
            status: u16::try_from(self.call.status).unwrap_or_default(),
            response_headers: &BTreeMap::new(),
            response_body: some(&self.call.response),
        };
        (descriptor.observe)(&exchange).facts
    }

    /// `PATCH /repos/acme/webapp/issues/7`
    fn line(&self) -> String {
        format!("{} {}", self.call.method, self.path)
    }
}

impl Answers {
    /// Takes in a call of the trace.
    fn show(&mut self, descriptor: &CloneDescriptor, exchange: &Exchange<'_>, by_tool: bool) {
        let path = exchange.path.to_lowercase();
        let facts = (descriptor.observe)(exchange).facts;
        if is_refusal(i64::from(exchange.status)) {
            self.refused
                .insert((exchange.method.to_owned(), path.clone()));
        } else if exchange.status < 400 {
            let request = exchange.request_body;
            let place = place_read(exchange.method, exchange.path, request, &facts);
            self.read.extend(place);
        }
        let words = exchange.response_body.into_iter().flat_map(refusals);
        self.refused
            .extend(words.map(|word| (String::new(), word.to_owned())));
        for fact in facts {
            match fact {
                Fact::Absent { table, key } => {
                    self.absent.insert((table.to_owned(), key.to_lowercase()));
                }
                Fact::Page {
                    table, list, only, ..
                } => {
                    let only = only.map(|only| (table, only));
                    self.lists.insert(list.to_lowercase(), only);
                    if by_tool {
                        self.listed.insert(path.clone());
                    }
                }
                Fact::Actor { .. } => self.knows_actor = true,
                _ => {}
            }
        }
    }

    /// The same with new names.
    fn renamed(&self, new: &dyn Fn(&str) -> String) -> Self {
        let all = |texts: &BTreeSet<String>| texts.iter().map(|text| new(text)).collect();
        let rows = |rows: &BTreeSet<(String, String)>| {
            rows.iter()
                .map(|(table, key)| (table.clone(), new(key)))
                .collect()
        };
        let only = |(table, held): &Only| -> Only {
            let held = held.iter().map(|(field, value)| {
                let value = value
                    .as_str()
                    .map_or_else(|| value.clone(), |text| new(text).into());
                (*field, value)
            });
            (*table, held.collect())
        };
        let lists = self.lists.iter();
        Self {
            refused: rows(&self.refused),
            read: all(&self.read),
            tools: self.tools.clone(),
            lists: lists
                .map(|(list, holds)| (new(list), holds.as_ref().map(only)))
                .collect(),
            listed: all(&self.listed),
            absent: rows(&self.absent),
            rows: rows(&self.rows),
            fields: all(&self.fields),
            owned: self.owned.clone(),
            knows_actor: self.knows_actor,
        }
    }

    /// Takes in the rebuilt state.
    fn hold(&mut self, descriptor: &CloneDescriptor, seed: &Value) {
        self.knows_actor |= seed.get("actor").is_some();
        for table in descriptor.tables {
            let rows = seed.get(table.name).and_then(Value::as_array);
            for row in rows.into_iter().flatten() {
                if let Some(key) = (descriptor.row_key)(table.name, row) {
                    self.rows
                        .insert((table.name.to_owned(), key.to_lowercase()));
                }
            }
        }
    }

    /// Why an answer rests on nothing, where it does.
    fn gap(
        &self,
        asked: &Asked<'_>,
        descriptor: &CloneDescriptor,
        done: &mut Done,
    ) -> Option<String> {
        let facts = asked.facts(descriptor);
        let status = asked.call.status;
        if is_refusal(status) {
            return self.refusal(asked, &facts, done);
        }
        if !(200..300).contains(&status) {
            return None;
        }
        let answer = asked.call.response.as_ref();
        let mut words = answer.into_iter().flat_map(refusals);
        let unheard = words.find(|word| {
            let word = (String::new(), (*word).to_owned());
            !self.refused.contains(&word)
        });
        if let Some(word) = unheard {
            return Some(format!(
                "the rebuilt state answers {} with {word:?}, and no call of the trace shows whether \
                 the service would have",
                asked.line()
            ));
        }
        let request = asked.call.request.as_ref();
        if let Some(place) = place_read(&asked.call.method, asked.path, request, &facts) {
            return self.read((asked, &place), &facts, descriptor, done);
        }
        done.paths.insert(asked.path.to_lowercase());
        for fact in facts {
            if let Fact::Row { table, key, .. } | Fact::Created { table, key } = fact {
                done.rows.insert((table.to_owned(), key.to_lowercase()));
            }
        }
        None
    }

    /// Why a refusal rests on nothing, where it does.
    fn refusal(&self, asked: &Asked<'_>, facts: &[Fact], done: &Done) -> Option<String> {
        let path = asked.path.to_lowercase();
        let was_refused = self
            .refused
            .contains(&(asked.call.method.clone(), path.clone()));
        // What the attempt did there before is what it is refused for.
        let has_changed = done.paths.contains(&path);
        if was_refused || has_changed || is_malformed(asked.call) {
            return None;
        }
        let mut absences = facts.iter().filter_map(|fact| match fact {
            Fact::Absent { table, key } => Some(((*table).to_owned(), key.to_lowercase())),
            _ => None,
        });
        let is_known = |row: (String, String)| {
            let is_owned = self.owned.contains(&row.0);
            is_owned || self.absent.contains(&row) || self.rows.contains(&row)
        };
        if absences.clone().next().is_some() && absences.all(is_known) {
            return None;
        }
        let line = asked.line();
        Some(match asked.call.status {
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
        (asked, place): (&Asked<'_>, &str),
        facts: &[Fact],
        descriptor: &CloneDescriptor,
        done: &Done,
    ) -> Option<String> {
        // What the attempt changed there itself is its own.
        let was_read = self.read.contains(place) || done.paths.contains(place);
        for fact in facts {
            match fact {
                Fact::Part {
                    table,
                    key,
                    field,
                    part,
                    ..
                } if !was_read && !self.owned.contains(*table) => {
                    let path = format!("{table} {key} {field}/{part}").to_lowercase();
                    if !self.fields.contains(&path) {
                        return Some(format!(
                            "{} shows {part}, of which no call of the trace shows what is in it",
                            asked.line()
                        ));
                    }
                }
                Fact::Page {
                    table, list, only, ..
                } if !self.covers(asked, table, list, only.as_deref()) => {
                    return Some(format!(
                        "of {table} the rebuilt state has those that the trace shows, and no call of \
                         the trace shows all that {} lists",
                        asked.call.path
                    ));
                }
                Fact::Actor { .. } if !self.knows_actor => {
                    return Some(format!(
                        "{} says who the agent is, and no call of the trace shows it",
                        asked.line()
                    ));
                }
                Fact::Row {
                    table, key, fields, ..
                } if !was_read => {
                    let row = ((*table).to_owned(), key.to_lowercase());
                    let is_own = done.rows.contains(&row) || !self.rows.contains(&row);
                    let mut made_up = descriptor
                        .tables
                        .iter()
                        .filter(|known| known.name == *table)
                        .flat_map(|known| known.fields)
                        // When something changed last is no reason to act.
                        .filter(|field| field.must_be_proved && !field.name.ends_with("_at"))
                        .filter(|field| fields.contains_key(field.name));
                    let made_up = made_up.find(|field| {
                        let path = format!("{table} {key} {}", field.name).to_lowercase();
                        !self.fields.contains(&path)
                    });
                    if let Some(field) = made_up.filter(|_| !is_own) {
                        return Some(format!(
                            "{} shows {} of {table} {key}, which no call of the trace shows",
                            asked.line(),
                            field.name
                        ));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Whether the trace shows all that a list has.
    fn covers(
        &self,
        asked: &Asked<'_>,
        table: &str,
        list: &str,
        only: Option<&[(&'static str, Value)]>,
    ) -> bool {
        let by_same_tool = || {
            let tool = asked.call.tool.as_ref();
            tool.is_some_and(|tool| self.tools.contains(tool))
        };
        let is_within = || {
            let Some(only) = only else { return false };
            self.lists
                .values()
                .flatten()
                .any(|(of, wider)| *of == table && wider.iter().all(|held| only.contains(held)))
        };
        self.lists.contains_key(&list.to_lowercase())
            || self.listed.contains(&asked.path.to_lowercase())
            || self.owned.contains(table)
            || by_same_tool()
            || is_within()
    }
}

/// Whether a status says that the state does not allow the call.
fn is_refusal(status: i64) -> bool {
    matches!(status, 403..=405 | 409 | 410 | 422)
}

/// What a call reads, as its path and, where all questions go to one address, the question; none
/// where it changes something.
fn place_read(method: &str, path: &str, request: Option<&Value>, facts: &[Fact]) -> Option<String> {
    let path = path.to_lowercase();
    if method == "GET" {
        return Some(path);
    }
    let only_shows = |fact: &Fact| match fact {
        Fact::Row { written, .. } => written.is_empty(),
        Fact::Page { .. } | Fact::Count { .. } | Fact::Actor { .. } => true,
        _ => false,
    };
    let is_read = !facts.is_empty() && facts.iter().all(only_shows);
    is_read.then(|| match request {
        Some(request) => format!("{path} {request}"),
        None => path,
    })
}

/// What an answer that went well says was not found, as interfaces of one address do.
fn refusals(answer: &Value) -> impl Iterator<Item = &str> {
    let errors = answer.get("errors").and_then(Value::as_array);
    errors
        .into_iter()
        .flatten()
        .filter(|error| error.get("type").and_then(Value::as_str) == Some("NOT_FOUND"))
        .filter_map(|error| error.get("message")?.as_str())
}

/// Whether a call is refused for how it is written, whatever the state is.
fn is_malformed(call: &CallFact) -> bool {
    let Some(answer) = call.response.as_ref().filter(|_| call.status == 422) else {
        return false;
    };
    let message = answer.get("message").and_then(Value::as_str);
    let errors = answer.get("errors").and_then(Value::as_array);
    let is_missing =
        |error: &Value| error.get("code").and_then(Value::as_str) == Some("missing_field");
    // What a PUT must say may depend on what is there.
    let is_unread = call.method != "PUT"
        && message.is_some_and(|message| message.starts_with("Invalid request."));
    is_unread || errors.is_some_and(|errors| !errors.is_empty() && errors.iter().all(is_missing))
}
