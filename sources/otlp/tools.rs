//! The calls of tools of one trace, each told once.
//!
//! One call stands in up to three places: in the model's answer that asks for it, in a span of its
//! own, and in every later prompt with its result. They are joined by the call's id. Spans of SDKs
//! that write no ids are joined by name and arguments, in order, which is said on the span; a call
//! that has no span gets one made of the messages, which is said as well.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::trace::{Part, Span, SpanKind, ToolCall};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Says on a span how its call's id was found, or that the span was made of messages.
const JOINED: &str = "archal.toolCall.joined";
/// Calls made into spans of one trace at most; each has a name in some message.
const MAX_MADE: usize = 10_000;

/// Occurrences of one id that are told apart; SDKs that repeat ids do so once a turn.
const MAX_OF_AN_ID: usize = 256;

/// Joins spans of tools with the messages that name their calls. `answered` says of each call of a
/// model how many of its last messages it answered; the ones before are what it was shown, which may
/// be of another trace.
pub(super) fn join(spans: &mut Vec<Span>, answered: &BTreeMap<String, usize>) {
    let mut told = told(spans, answered);
    let mut owners = own(spans, &told);
    guess_ids(spans, &told, &mut owners);
    let mut is_owned = vec![false; told.len()];
    for (place, of) in owners {
        is_owned[of] = true;
        let span = &mut spans[place];
        let failed = span.status == archal_core::trace::Status::Error;
        let (Some(tool), call) = (span.tool.as_mut(), &told[of]) else {
            continue;
        };
        if tool.arguments.is_none() {
            tool.arguments.clone_from(&call.arguments);
        }
        // A call that failed has no result: what the model was told then is the framework's word.
        if tool.result.is_none() && !failed {
            tool.result.clone_from(&call.result);
            tool.result_is_error = tool.result.as_ref().is_some_and(says_error);
        }
    }
    // Each id of a span stands for one of the calls with it, even where they do not agree.
    let mut of_id: BTreeMap<String, usize> = BTreeMap::new();
    for call in &told {
        *of_id.entry(call.id.clone()).or_default() += 1;
    }
    for span in spans.iter() {
        let id = span.tool.as_ref().and_then(|tool| tool.call_id.as_ref());
        if let Some(count) = id.and_then(|id| of_id.get_mut(id)) {
            *count = count.saturating_sub(1);
        }
    }
    let mut names = BTreeSet::new();
    let mut made = Vec::new();
    for (place, call) in told.iter_mut().enumerate() {
        let is_of_this_trace = call.asker.is_some() && call.result.is_some();
        if made.len() >= MAX_MADE || is_owned[place] || !is_of_this_trace {
            continue;
        }
        let Some(left) = of_id.get_mut(&call.id).filter(|left| **left > 0) else {
            continue;
        };
        *left -= 1;
        let asker = call.asker.clone().unwrap_or_default();
        let mut name = format!("{asker}/{}", call.id);
        if !names.insert(name.clone()) {
            name = format!("{name}/{place}");
        }
        made.push(made_span(name, std::mem::take(call)));
    }
    spans.append(&mut made);
}

/// What messages tell of one call.
#[derive(Default)]
struct Told {
    id: String,
    name: String,
    arguments: Option<Value>,
    result: Option<Value>,
    /// The call of a model that answered with it; none where it was only shown to one.
    asker: Option<String>,
    parent: Option<String>,
    asked_at: Option<Timestamp>,
    answered_at: Option<Timestamp>,
}

impl Told {
    /// Whether both can be one call, as far as each tells.
    fn agrees(&self, other: &Self) -> bool {
        let same = |one: &Option<Value>, other: &Option<Value>| {
            one.is_none() || other.is_none() || one == other
        };
        (self.name.is_empty() || other.name.is_empty() || self.name == other.name)
            && same(&self.arguments, &other.arguments)
            && same(&self.result, &other.result)
    }

    /// Adds what another sighting of the same call tells.
    fn fill(&mut self, other: Self) {
        if self.name.is_empty() {
            self.name = other.name;
        }
        self.arguments = self.arguments.take().or(other.arguments);
        if self.result.is_none() && other.result.is_some() {
            self.result = other.result;
            self.answered_at = other.answered_at;
        }
        if self.asker.is_none() && other.asker.is_some() {
            self.asker = other.asker;
            self.parent = other.parent;
            self.asked_at = other.asked_at;
        }
    }
}

/// The calls in the messages of models, in the order in which they are met. The spans are in order of
/// time. Some models number the calls of each answer anew: an id with another name, other arguments
/// or another result is another call, and so is one that is answered after its like was shown.
fn told(spans: &[Span], answered: &BTreeMap<String, usize>) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut of_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for span in spans {
        // In one conversation each call stands once: later ones are looked for behind earlier ones.
        let mut met: BTreeMap<String, usize> = BTreeMap::new();
        for seen in seen(span, answered.get(&span.id).copied().unwrap_or(0)) {
            let places = of_id.entry(seen.id.clone()).or_default();
            let from = met.entry(seen.id.clone()).or_default();
            let known = (*from..places.len()).find(|at| told[places[*at]].agrees(&seen));
            if let Some(at) = known {
                *from = at + 1;
                told[places[at]].fill(seen);
            } else if places.len() < MAX_OF_AN_ID {
                places.push(told.len());
                *from = places.len();
                told.push(seen);
            }
        }
    }
    told
}

/// The calls in the messages of one call of a model, each with its result where that follows.
fn seen(span: &Span, answered: usize) -> Vec<Told> {
    let messages = span.llm.as_ref().map_or(&[][..], |llm| &llm.messages);
    let shown = messages.len().saturating_sub(answered);
    let mut seen: Vec<Told> = Vec::new();
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, message) in messages.iter().enumerate() {
        for part in &message.parts {
            match part {
                Part::ToolCall {
                    id: Some(id),
                    name,
                    arguments,
                } => {
                    let mut call = Told {
                        id: id.clone(),
                        name: name.clone(),
                        arguments: arguments.clone(),
                        ..Told::default()
                    };
                    if place >= shown && !name.is_empty() {
                        call.asker = Some(span.id.clone());
                        // A model that is called outside of any agent stands for its agent.
                        call.parent = span.parent_id.clone().or(Some(span.id.clone()));
                        call.asked_at = span.ended_at.or(span.started_at);
                    }
                    let before = last.get(id.as_str()).map(|at| &mut seen[*at]);
                    match before.filter(|before| before.result.is_none() && before.agrees(&call)) {
                        // Some write one call twice into one message.
                        Some(before) => before.fill(call),
                        None => {
                            last.insert(id, seen.len());
                            seen.push(call);
                        }
                    }
                }
                Part::ToolResult {
                    id: Some(id),
                    result: Some(result),
                } => {
                    let given = Told {
                        id: id.clone(),
                        result: Some(result.clone()),
                        answered_at: span.started_at,
                        ..Told::default()
                    };
                    match last.get(id.as_str()).map(|at| &mut seen[*at]) {
                        Some(before) if before.agrees(&given) => before.fill(given),
                        _ => {
                            last.insert(id, seen.len());
                            seen.push(given);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    seen
}

/// The calls that spans with ids are: places of a span and of a call. Of several with one id a span is
/// the first that agrees with it and is no other's, or that of the span it stands in.
fn own(spans: &[Span], told: &[Told]) -> Vec<(usize, usize)> {
    let mut of_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, call) in told.iter().enumerate() {
        of_id.entry(&call.id).or_default().push(place);
    }
    let mut with_id: BTreeMap<&str, usize> = BTreeMap::new();
    let id_of = |span: &'_ Span| -> Option<String> { span.tool.as_ref()?.call_id.clone() };
    for span in spans {
        if let Some((id, _)) = id_of(span).and_then(|id| of_id.get_key_value(id.as_str())) {
            *with_id.entry(id).or_default() += 1;
        }
    }
    let mut owners = Vec::new();
    let mut owned: BTreeMap<usize, &str> = BTreeMap::new();
    for (place, span) in spans.iter().enumerate() {
        let Some(tool) = &span.tool else { continue };
        let Some(calls) = tool.call_id.as_deref().and_then(|id| of_id.get(id)) else {
            continue;
        };
        let id = tool.call_id.as_deref().unwrap_or_default();
        let is_alone = calls.len() == 1 && with_id.get(id) == Some(&1);
        let its = Told {
            name: tool.name.clone(),
            arguments: tool.arguments.clone(),
            result: tool.result.clone(),
            ..Told::default()
        };
        let fits = |at: &&usize| is_alone || told[**at].agrees(&its);
        let free = calls.iter().filter(fits).find(|at| !owned.contains_key(at));
        let outer = || {
            let parent = span.parent_id.as_deref()?;
            calls
                .iter()
                .filter(fits)
                .find(|at| owned.get(at) == Some(&parent))
        };
        if let Some(at) = outer().or(free) {
            owned.insert(*at, &span.id);
            owners.push((place, *at));
        }
    }
    owners
}

/// Gives spans without a call's id the id of the first call that a model asked for and no other span
/// is, of the same name and arguments: first of those that are written alike, then of those that are
/// once they are spread.
fn guess_ids(spans: &mut [Span], told: &[Told], owners: &mut Vec<(usize, usize)>) {
    let mut owned: BTreeSet<usize> = owners.iter().map(|(_, at)| *at).collect();
    for form in [Value::clone as fn(&Value) -> Value, spread] {
        let key = |name: &str, arguments: Option<&Value>| key(name, arguments.map(form).as_ref());
        let mut by_content: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (place, call) in told.iter().enumerate().rev() {
            if !owned.contains(&place) && call.asker.is_some() {
                by_content
                    .entry(key(&call.name, call.arguments.as_ref()))
                    .or_default()
                    .push(place);
            }
        }
        for (place, span) in spans.iter_mut().enumerate() {
            let Some(tool) = span.tool.as_mut().filter(|tool| tool.call_id.is_none()) else {
                continue;
            };
            let key = key(&tool.name, tool.arguments.as_ref());
            if let Some(at) = by_content.get_mut(&key).and_then(Vec::pop) {
                tool.call_id = Some(told[at].id.clone());
                if told[at].arguments.is_some() {
                    tool.arguments.clone_from(&told[at].arguments);
                }
                let how = Value::from("by name, arguments and order");
                span.attributes.insert(JOINED.to_owned(), how);
                owners.push((place, at));
                owned.insert(at);
            }
        }
    }
}

/// Arguments without the level that Python has and the model has not: what a function took as
/// `**fields` is recorded as an argument `fields`.
fn spread(arguments: &Value) -> Value {
    let Value::Object(map) = arguments else {
        return arguments.clone();
    };
    let mut flat = Map::new();
    for (name, value) in map {
        let inner = match value {
            Value::Object(inner) => inner.clone(),
            other => Map::from_iter([(name.clone(), other.clone())]),
        };
        for (name, value) in inner {
            if flat.insert(name, value).is_some() {
                return arguments.clone();
            }
        }
    }
    Value::Object(flat)
}

fn key(name: &str, arguments: Option<&Value>) -> (String, String) {
    let arguments = arguments.filter(|value| !value.as_object().is_some_and(|map| map.is_empty()));
    let text = arguments.map_or_else(String::new, Value::to_string);
    (name.to_owned(), text)
}

fn made_span(span_id: String, call: Told) -> Span {
    let result_is_error = call.result.as_ref().is_some_and(says_error);
    Span {
        id: span_id,
        parent_id: call.parent,
        name: call.name.clone(),
        kind: SpanKind::Tool,
        started_at: call.asked_at,
        ended_at: call.answered_at,
        tool: Some(ToolCall {
            name: call.name,
            call_id: Some(call.id),
            arguments: call.arguments,
            result: call.result,
            result_is_error,
        }),
        attributes: [(JOINED.to_owned(), Value::from("from messages alone"))].into(),
        ..Span::default()
    }
}

/// Whether a tool's answer says of itself that it is an error: MCP's flag, an `error` with
/// something in it, or a text that begins like one. Not whether the call failed.
pub(crate) fn says_error(result: &Value) -> bool {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    match result {
        Value::Object(map) => {
            ["isError", "is_error"]
                .iter()
                .any(|name| map.get(*name) == Some(&Value::Bool(true)))
                || ["error", "errors"]
                    .iter()
                    .any(|name| map.get(*name).is_some_and(says))
                || ["ok", "success"]
                    .iter()
                    .any(|name| map.get(*name) == Some(&Value::Bool(false)))
        }
        Value::String(text) => {
            let start: String = text.trim_start().chars().take(16).collect();
            let start = start.to_ascii_lowercase();
            start.starts_with("error:")
                || start.starts_with("error ")
                || start.starts_with("traceback (most")
        }
        _ => false,
    }
}
