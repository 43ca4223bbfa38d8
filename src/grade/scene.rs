//! What a trace shows, in the terms of criteria: the calls in order, the answer, and the state
//! they lead to where that could be rebuilt.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::CloneDescriptor;
use archal_core::trace::{Span, Status, Trace};
use jiff::Timestamp;
use serde_json::Value;

use crate::reconstruct::exchanges::TracedCalls;
use crate::reconstruct::replay::{Replay, ReplayedCall};
use crate::reconstruct::{Conflict, Synthesised};
use crate::run::attempt::Change;
use crate::scenario::criteria::{CallFact, CloneWorld, EvidenceRow, References, RunFact, World};

use super::facts::Facts;
use super::facts::effect::{self, Effect};
use super::rules::RuleStatus;
use super::state::{Decisive, decided_by};

/// How sure a finding is that reads what the record says and no rebuilt state. What is left is
/// whether the rule asks for the right thing.
pub(super) const SURE: f64 = 0.95;
/// How sure one is whose state answers another status than the service did.
const BROKEN: f64 = 0.4;

/// The statuses that a call of a tool is given, which has none of its own.
const TOOL_ANSWERED: i64 = 200;
const TOOL_FAILED: i64 = 400;

/// What a trace shows.
pub struct Scene<'a> {
    /// What rules are decided on. The calls are those of the record: of services, and of tools of
    /// which no call of a service is known.
    pub world: World<'a>,
    /// The span of each call.
    spans: Vec<&'a str>,
    replay: Result<&'a Replay, &'a str>,
    made_up: &'a [Synthesised],
}

/// What shows a finding.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The spans, in order.
    pub spans: Vec<String>,
    /// The operation that decided it, `github:issues/update`.
    pub operation: Option<String>,
    /// The collection it is about.
    pub entity: Option<String>,
}

impl<'a> Scene<'a> {
    /// The scene of a trace. `replay` is that of its calls, or why there is none; `made_up` is what
    /// no call shows of the state it began in.
    pub fn of(
        trace: &'a Trace,
        traced: &'a TracedCalls<'a>,
        replay: Result<&'a Replay, &'a str>,
        base: Timestamp,
        clones: &[CloneDescriptor],
        made_up: &'a [Synthesised],
    ) -> Self {
        let mut calls = service_calls(trace, traced, replay.ok(), clones);
        let places: BTreeMap<&str, usize> = trace
            .spans
            .iter()
            .enumerate()
            .map(|(at, span)| (span.id.as_str(), at))
            .collect();
        calls.extend(own_tools(trace, &calls, &places));
        // As calls of services are ordered: by time, then as written.
        calls.sort_by_key(|(span, _)| {
            let at = places.get(span).copied();
            (at.and_then(|at| trace.spans[at].started_at), at)
        });
        let (spans, facts): (Vec<&str>, Vec<CallFact>) = calls
            .into_iter()
            .zip(1..)
            .map(|((span, fact), seq)| (span, CallFact { seq, ..fact }))
            .unzip();
        Self {
            world: World {
                calls: facts,
                ..replayed(trace, replay.ok(), base)
            },
            spans,
            replay,
            made_up,
        }
    }

    /// Why what reads that cannot be decided on this trace; none where it can.
    pub fn withheld(&self, references: &References) -> Option<(RuleStatus, String)> {
        if references.run {
            let why = "a trace does not show how the harness ended";
            return Some((RuleStatus::NotEvaluated, why.to_owned()));
        }
        let absent = references.collections.iter().find(|read| {
            let mut known = self.world.clones.iter();
            !known.any(|clone| clone.name == read.clone)
        });
        match (absent, self.replay) {
            (Some(_), Err(why)) => Some((RuleStatus::NotEvaluated, why.to_owned())),
            (Some(absent), Ok(_)) => Some((
                RuleStatus::NotApplicable,
                format!("the trace calls no {}", absent.clone),
            )),
            (None, _) => {
                let made = self.made_up.iter().find(|made| reads(references, made))?;
                let what = match made.field.as_str() {
                    "" => made.entity.clone(),
                    field => format!("{field} of {}", made.entity),
                };
                let why = format!("it reads what no call shows, {what}: {}", made.why);
                Some((RuleStatus::NotEvaluated, why))
            }
        }
    }

    /// How sure a finding is that reads that: less where it reads state that answers otherwise
    /// than the service did.
    pub fn confidence(&self, references: &References) -> f64 {
        match self.replay {
            Ok(replay) if !references.collections.is_empty() => confidence(replay, references, &[]),
            _ => SURE,
        }
    }

    /// What shows that an expression came out as it did, by the rows that decided it.
    pub fn shown(&self, references: &References, rows: &[EvidenceRow]) -> Shown {
        let mut spans: Vec<&str> = Vec::new();
        let mut operations: BTreeSet<Option<String>> = BTreeSet::new();
        let seqs = rows.iter().filter_map(|row| row.value.get("seq")?.as_i64());
        for seq in seqs {
            let at = usize::try_from(seq - 1).ok();
            let Some((at, fact)) = at.and_then(|at| Some((at, self.world.calls.get(at)?))) else {
                continue;
            };
            spans.push(self.spans[at]);
            operations.insert(
                fact.operation
                    .as_ref()
                    .map(|operation| format!("{}:{operation}", fact.clone)),
            );
        }
        if !spans.is_empty() {
            let one = operations.pop_first().filter(|_| operations.is_empty());
            return Shown {
                spans: in_order(spans),
                operation: one.flatten(),
                entity: None,
            };
        }
        let keys = rows.iter().filter_map(|row| row.key.clone()).collect();
        let changes = self.replay.map(changes).unwrap_or_default();
        let plain: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
        let decisive = decided_by(references, keys, &plain);
        Shown {
            spans: spans_of(&decisive, &changes),
            operation: decisive.operation,
            entity: decisive.entity,
        }
    }
}

/// Whether that made-up field, or one of rows that were made up as a whole, is read. Such rows stand
/// at the start as at the end, so that they are no change.
fn reads(references: &References, made: &Synthesised) -> bool {
    let table = made.entity.split(' ').next().unwrap_or_default();
    references.collections.iter().any(|read| {
        let within = |path: &String| path.split('.').next() == Some(made.field.as_str());
        let is_read = match made.field.is_empty() {
            true => read.before || read.after,
            false => read.fields.iter().any(within),
        };
        read.clone == made.clone && read.collection == table && is_read
    })
}

/// How sure a finding on the replayed state is that reads that: the state is a fact as far as it
/// answers as the service did. Where a call is answered with another status the run took another
/// way. Other differences count only where they are in what the finding reads. `keys` are those of
/// the rows that decided it, where they are known: what somebody else changed in one of them while the
/// trace was under way the state does not have.
pub fn confidence(replay: &Replay, references: &References, keys: &[&str]) -> f64 {
    if broken(replay).is_some() || meanwhile(replay, references, keys).is_some() {
        return BROKEN;
    }
    let total = replay.calls.len();
    let fields: BTreeSet<&str> = references
        .collections
        .iter()
        .flat_map(|collection| &collection.fields)
        .flat_map(|path| path.split('.'))
        .collect();
    let is_other = |call: &&ReplayedCall| call.differences.iter().any(|one| concerns(one, &fields));
    let other = replay.calls.iter().filter(is_other).count();
    #[expect(
        clippy::cast_precision_loss,
        reason = "calls of a trace are far fewer than 2^52"
    )]
    let share = (total - other) as f64 / total.max(1) as f64;
    if total == 0 {
        return SURE;
    }
    (SURE * share).max(BROKEN)
}

/// What somebody else changed while the trace was under way, of what is read there of the rows with
/// these keys, or of any where none are given.
pub fn meanwhile<'a>(
    replay: &'a Replay,
    references: &References,
    keys: &[&str],
) -> Option<&'a Conflict> {
    let is_read = |conflict: &Conflict| {
        let (table, key) = conflict.entity.split_once(' ').unwrap_or_default();
        let within = |path: &String| path.split('.').next() == Some(conflict.field.as_str());
        let mut read = references.collections.iter();
        read.any(|read| {
            read.clone == conflict.clone
                && read.collection == table
                && (conflict.field.is_empty() || read.fields.iter().any(within))
        }) && (keys.is_empty() || keys.iter().any(|one| one.eq_ignore_ascii_case(key)))
    };
    replay.meanwhile.iter().find(|conflict| is_read(conflict))
}

/// Places of an answer that say which rows there are: a list itself, a page of a search, the link to
/// the next page, the result of a tool as a whole.
const ROWS: &[&str] = &["", "/items", "/total_count", "headers/link", "result"];

/// Whether a difference between answers is about which rows there are, or about one of those
/// fields.
fn concerns(difference: &str, fields: &BTreeSet<&str>) -> bool {
    let (place, _) = difference.split_once(": ").unwrap_or((difference, ""));
    ROWS.contains(&place) || place.split('/').any(|part| fields.contains(part))
}

/// The first call that the rebuilt state answers with another status than the service did: not one
/// that both refused.
pub fn broken(replay: &Replay) -> Option<&ReplayedCall> {
    replay
        .calls
        .iter()
        .find(|call| call.differences.iter().any(|one| one.starts_with("status")))
}

/// What the replay of a trace's calls is to criteria: its own answers, and no other calls.
pub fn replayed<'a>(trace: &Trace, replay: Option<&'a Replay>, base: Timestamp) -> World<'a> {
    let clones = replay.map(|replay| &replay.clones);
    let calls = replay.map(|replay| replay.calls.iter().zip(1..));
    World {
        clones: clones
            .into_iter()
            .flatten()
            .map(|(name, clone)| CloneWorld {
                name: name.clone(),
                before: clone.before.clone(),
                after: clone.after.clone(),
                diff: clone.diff.clone(),
                base,
            })
            .collect(),
        calls: calls
            .into_iter()
            .flatten()
            .map(|(call, seq)| CallFact { seq, ..fact(call) })
            .collect(),
        run: RunFact::default(),
        output: match &trace.output {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            // Where no span has the answer of the whole run it is what the agent said last.
            None => Facts::of(trace)
                .last_words()
                .map(|said| said.text.to_owned())
                .unwrap_or_default(),
        },
    }
}

/// The rows that the replayed calls changed, each with the span of its call.
pub fn changes(replay: &Replay) -> Vec<(Change, &str)> {
    let of = |call: &ReplayedCall, change: &archal_core::clone::RowChange| Change {
        clone: call.clone.to_owned(),
        operation: call.operation.map(str::to_owned),
        table: change.table.to_owned(),
        key: change.key.clone(),
    };
    replay
        .calls
        .iter()
        .flat_map(|call| {
            let changes = call.changes.iter();
            changes.map(move |change| (of(call, change), call.span.as_str()))
        })
        .collect()
}

/// The spans of the calls that caused it, each once, in order.
pub fn spans_of(decisive: &Decisive, changes: &[(Change, &str)]) -> Vec<String> {
    let caused = changes.iter().filter(|(change, _)| decisive.caused(change));
    in_order(caused.map(|(_, span)| *span).collect())
}

fn in_order(spans: Vec<&str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let first = spans.into_iter().filter(|span| seen.insert(*span));
    first.map(str::to_owned).collect()
}

fn fact(call: &ReplayedCall) -> CallFact<'_> {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    CallFact {
        seq: 0,
        clone: call.clone.to_owned(),
        operation: call.operation.map(str::to_owned),
        tool: call.tool.clone(),
        method: call.method.clone(),
        path: path.to_owned(),
        query: query.to_owned(),
        changes: call.asks_to_change,
        status: i64::from(call.status),
        request: Some(Cow::Borrowed(&call.request)),
        response: Some(Cow::Borrowed(&call.response)),
    }
}

/// The calls of services as the trace recorded them, of those without a clone too.
fn service_calls<'a>(
    trace: &'a Trace,
    traced: &'a TracedCalls<'a>,
    replay: Option<&Replay>,
    clones: &[CloneDescriptor],
) -> Vec<(&'a str, CallFact<'a>)> {
    let mut replayed: BTreeMap<(&str, &str), &ReplayedCall> = BTreeMap::new();
    for call in replay.into_iter().flat_map(|replay| &replay.calls) {
        replayed.entry((&call.span, &call.method)).or_insert(call);
    }
    let mut calls: Vec<(&str, CallFact)> = Vec::new();
    for call in &traced.calls {
        let answered = replayed.get(&(call.span, call.http.method.as_str()));
        let clone = clones.iter().find(|clone| clone.name == call.clone);
        let known =
            clone.and_then(|clone| (clone.operation_of)(&call.host, &call.http.method, &call.path));
        let operation = answered.and_then(|one| one.operation).or(known);
        let status = call.http.status.or(answered.map(|one| one.status));
        let fact = CallFact {
            seq: 0,
            clone: call.clone.to_owned(),
            operation: operation.map(str::to_owned),
            tool: call.tool.as_ref().map(|tool| tool.name.clone()),
            method: call.http.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            changes: clone.is_none_or(|clone| call.asks_to_change(clone)),
            status: i64::from(status.unwrap_or_default()),
            request: call.http.request_body.as_ref().map(Cow::Borrowed),
            response: call.http.response_body.as_ref().map(Cow::Borrowed),
        };
        calls.push((call.span, fact));
    }
    let elsewhere: BTreeSet<&str> = traced
        .without_clone
        .iter()
        .map(|(span, _)| span.as_str())
        .collect();
    let others = trace
        .spans
        .iter()
        .filter(|span| elsewhere.contains(span.id.as_str()));
    calls.extend(others.filter_map(|span| {
        let http = span.http.as_ref()?;
        let path = http
            .url
            .split_once("://")
            .map_or(&*http.url, |(_, rest)| rest);
        let path = path.find('/').map_or("/", |at| &path[at..]);
        let target = path.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let fact = CallFact {
            method: http.method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            changes: effect::of_exchange(http) == Effect::Write,
            status: http.status.map_or(0, i64::from),
            request: http.request_body.as_ref().map(Cow::Borrowed),
            response: http.response_body.as_ref().map(Cow::Borrowed),
            ..CallFact::default()
        };
        Some((span.id.as_str(), fact))
    }));
    calls
}

/// Calls of tools below which no call of a service stands: all that is known of them is what the
/// agent gave and got.
fn own_tools<'a>(
    trace: &'a Trace,
    services: &[(&'a str, CallFact<'_>)],
    places: &BTreeMap<&'a str, usize>,
) -> Vec<(&'a str, CallFact<'a>)> {
    let mut above: BTreeSet<&str> = BTreeSet::new();
    for (span, _) in services {
        let mut next = Some(*span);
        // Each span once, so that a circle of parents ends.
        while let Some(span) = next.filter(|span| above.insert(span)) {
            let span = places.get(span).map(|at| &trace.spans[*at]);
            next = span.and_then(|span| span.parent_id.as_deref());
        }
    }
    let own = |span: &'a Span| {
        let tool = span.tool.as_ref().filter(|_| !above.contains(&*span.id))?;
        let failed = tool.result_is_error || span.status == Status::Error;
        let fact = CallFact {
            tool: Some(tool.name.clone()),
            changes: effect::of_tool(&tool.name) == Effect::Write,
            status: if failed { TOOL_FAILED } else { TOOL_ANSWERED },
            request: tool.arguments.as_ref().map(Cow::Borrowed),
            response: tool.result.as_ref().map(Cow::Borrowed),
            ..CallFact::default()
        };
        Some((span.id.as_str(), fact))
    };
    trace.spans.iter().filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconstruct::seed::ConflictKind;
    use crate::scenario::criteria;

    #[test]
    fn a_difference_counts_where_rows_or_what_is_read_differ() {
        let fields = BTreeSet::from(["state", "labels", "name"]);
        let counts = |difference| concerns(difference, &fields);
        assert!(counts(": recorded 3 items, replayed 2"));
        assert!(counts("/3/state: recorded \"open\", replayed \"closed\""));
        assert!(counts("/labels: recorded 1 items, replayed 2"));
        assert!(counts("headers/link: recorded next page 2, replayed none"));
        assert!(!counts(
            "/0/author_association: recorded \"MEMBER\", replayed \"NONE\""
        ));
        assert!(!counts("/assignees: recorded 1 items, replayed 0"));
        assert!(!counts("/closed_by/url: recorded \"a: b\", replayed \"c\""));
    }

    #[test]
    fn what_somebody_else_changed_counts_where_it_is_read() {
        let github: Vec<_> = archal_clones::ALL.iter().collect();
        let cel = r#"github.issues.all(i, i.state == "closed")"#;
        let compiled = criteria::compile(cel, &github).expect("a criterion");
        let is_read = |clone: &str, entity: &str, field: &str, keys: &[&str]| {
            let changed = Conflict {
                clone: clone.to_owned(),
                entity: entity.to_owned(),
                field: field.to_owned(),
                kept: Value::Null,
                kept_span: String::new(),
                other: Value::Null,
                span: String::new(),
                kind: ConflictKind::OutsideChange,
            };
            let replay = Replay {
                calls: Vec::new(),
                clones: BTreeMap::new(),
                meanwhile: vec![changed],
            };
            meanwhile(&replay, criteria::references(&compiled), keys).is_some()
        };
        let (one, other) = ("issues a/b#1", "issues a/b#2");
        assert!(is_read("github", one, "state", &[]));
        assert!(is_read("github", one, "state", &["A/b#1"]));
        // The row itself, whatever is read of it.
        assert!(is_read("github", one, "", &[]));
        assert!(!is_read("github", one, "title", &[]));
        assert!(!is_read("github", other, "state", &["a/b#1"]));
        assert!(!is_read("github", "labels a/b#1", "state", &[]));
        assert!(!is_read("tracker", one, "state", &[]));
    }
}
