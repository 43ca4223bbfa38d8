//! From spans and messages to one list of steps.
//!
//! Some traces have a span for each tool call, some have calls only in the messages of models,
//! some have both; each call is told once. A model's span has the whole conversation so far or
//! only what is new: what was heard before is not heard again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use archal_core::trace::{Message, Part, Span, SpanKind, Trace};
use serde_json::Value;

use super::{Call, Facts, Said, Step, effect, outcome};

/// Ends of paths at which models are called: the agent thinking, not acting.
const MODEL_PATHS: &[&str] = &[
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/messages",
    "/responses",
    ":generateContent",
    ":streamGenerateContent",
];
/// Text that is looked into for JSON, in bytes.
const MAX_PARSED: usize = 4 * 1024 * 1024;

pub(super) fn facts(trace: &Trace) -> Facts<'_> {
    let mut joined = Joined::new(trace);
    for span in &trace.spans {
        joined.span(span);
    }
    joined.finish()
}

struct Joined<'a> {
    trace: &'a Trace,
    steps: Vec<Step<'a>>,
    calls: Vec<Call<'a>>,
    /// Ids of calls that have spans of their own.
    spanned: BTreeSet<&'a str>,
    /// Whether a tool's span names no id, so that calls in messages may be the same ones.
    anonymous: bool,
    /// Calls of messages that wait for their result, by id.
    open: BTreeMap<&'a str, usize>,
    /// Messages heard so far, with how often.
    heard: HashMap<u64, u32>,
    first: Option<u64>,
    /// Spans that are part of a tool's or a model's.
    inner: BTreeSet<&'a str>,
}

impl<'a> Joined<'a> {
    fn new(trace: &'a Trace) -> Self {
        let tools = || {
            trace
                .spans
                .iter()
                .filter(|span| span.kind == SpanKind::Tool)
                .filter_map(|span| span.tool.as_ref())
        };
        Self {
            trace,
            steps: Vec::new(),
            calls: Vec::new(),
            spanned: tools().filter_map(|tool| tool.call_id.as_deref()).collect(),
            anonymous: tools().any(|tool| tool.call_id.is_none()),
            open: BTreeMap::new(),
            heard: HashMap::new(),
            first: None,
            inner: inner(trace),
        }
    }

    fn span(&mut self, span: &'a Span) {
        if let Some(llm) = &span.llm {
            self.messages(span, &llm.messages);
        }
        if span.kind == SpanKind::Tool && span.tool.is_some() {
            self.tool(span);
        } else if let Some(http) = &span.http {
            let path = http.url.split(['?', '#']).next().unwrap_or_default();
            let model = MODEL_PATHS.iter().any(|end| path.ends_with(end));
            if !model && !self.inner.contains(span.id.as_str()) {
                self.exchange(span);
            }
        }
    }

    fn messages(&mut self, span: &'a Span, messages: &'a [Message]) {
        let hashes: Vec<u64> = messages.iter().map(hash_of).collect();
        let again =
            hashes.len() > 1 && self.first.is_some() && hashes.first().copied() == self.first;
        let instructed = messages.first().is_some_and(|first| first.role == "system");
        // A conversation with other instructions is another agent's: who speaks as the user
        // there is this one.
        let other = !again && instructed && self.first.is_some();
        if self.first.is_none() {
            self.first = hashes.first().copied();
        }
        // In a history each message that was heard stands again, as often as it was heard.
        let mut skipped: HashMap<u64, u32> = HashMap::new();
        for (message, hash) in messages.iter().zip(hashes) {
            let heard = self.heard.get(&hash).copied().unwrap_or_default();
            let times = skipped.entry(hash).or_default();
            if again && *times < heard {
                *times += 1;
                continue;
            }
            *times += 1;
            *self.heard.entry(hash).or_default() += 1;
            if !other {
                self.message(span, message);
            }
        }
    }

    fn message(&mut self, span: &'a Span, message: &'a Message) {
        for part in &message.parts {
            match part {
                Part::Text { text } if !text.trim().is_empty() => {
                    let said = Said {
                        span: &span.id,
                        text,
                    };
                    match message.role.as_str() {
                        "system" | "developer" => self.steps.push(Step::Instructions(text)),
                        "user" | "human" => self.steps.push(Step::User(said)),
                        "assistant" | "model" | "ai" => self.steps.push(Step::Agent(said)),
                        _ => {}
                    }
                }
                Part::ToolCall {
                    id,
                    name,
                    arguments,
                } => {
                    let told = id
                        .as_deref()
                        .is_some_and(|id| self.spanned.contains(id) || self.open.contains_key(id));
                    if told || self.anonymous {
                        continue;
                    }
                    if let Some(id) = id {
                        self.open.insert(id, self.calls.len());
                    }
                    self.call(Call {
                        span: &span.id,
                        name: Cow::Borrowed(name),
                        arguments: arguments.as_ref().map(parsed),
                        result: None,
                        http: None,
                        failure: None,
                        answered: false,
                        effect: effect::of_tool(name),
                        key: 0,
                        step: 0,
                    });
                }
                Part::ToolResult {
                    id: Some(id),
                    result: Some(result),
                } => {
                    let call = self
                        .open
                        .get(id.as_str())
                        .and_then(|place| self.calls.get_mut(*place));
                    if let Some(call) = call.filter(|call| call.result.is_none()) {
                        let result = parsed(result);
                        call.failure = outcome::of_result(&result);
                        call.answered = true;
                        call.result = Some(result);
                    }
                }
                _ => {}
            }
        }
    }

    fn tool(&mut self, span: &'a Span) {
        let Some(tool) = &span.tool else { return };
        let failure = outcome::of_span(span);
        let result = tool.result.as_ref().map(parsed);
        let failure = failure.or_else(|| result.as_deref().and_then(outcome::of_result));
        self.call(Call {
            span: &span.id,
            name: Cow::Borrowed(&tool.name),
            arguments: tool.arguments.as_ref().map(parsed),
            answered: result.is_some() || failure.is_some(),
            result,
            http: span.http.as_ref(),
            failure,
            effect: effect::of_tool(&tool.name),
            key: 0,
            step: 0,
        });
    }

    fn exchange(&mut self, span: &'a Span) {
        let Some(http) = &span.http else { return };
        let failure = outcome::of_span(span);
        let path = path_of(&http.url);
        self.call(Call {
            span: &span.id,
            name: Cow::Owned(format!("{} {path}", http.method)),
            arguments: http.request_body.as_ref().map(parsed),
            result: http.response_body.as_ref().map(parsed),
            http: Some(http),
            answered: http.status.is_some() || failure.is_some(),
            failure,
            effect: effect::of_exchange(http),
            key: 0,
            step: 0,
        });
    }

    fn call(&mut self, mut call: Call<'a>) {
        let mut hasher = DefaultHasher::new();
        call.name.hash(&mut hasher);
        if let Some(http) = call.http {
            http.url.hash(&mut hasher);
        }
        if let Some(arguments) = call.arguments.as_deref() {
            hash_value(arguments, &mut hasher);
        }
        call.key = hasher.finish();
        call.step = self.steps.len();
        self.steps.push(Step::Call(self.calls.len()));
        self.calls.push(call);
    }

    fn finish(self) -> Facts<'a> {
        let mut steps = self.steps;
        let mut calls = self.calls;
        let conversation = steps
            .iter()
            .any(|step| matches!(step, Step::Agent(_) | Step::User(_)));
        // A trace without messages still says what was asked.
        let asked = steps.iter().any(|step| matches!(step, Step::User(_)));
        if let (false, Some(Value::String(text))) = (asked, &self.trace.input) {
            let span = self.trace.spans.first().map_or("", |span| &span.id);
            steps.insert(0, Step::User(Said { span, text }));
            for call in &mut calls {
                call.step += 1;
            }
        }
        let complete = &self.trace.completeness;
        Facts {
            trace: self.trace,
            whole: complete.content
                && complete.truncated.is_empty()
                && complete.dropped == 0
                && complete.orphans == 0,
            conversation,
            steps,
            calls,
        }
    }
}

/// The spans below a tool's or a model's span: part of that call, not calls of their own. Spans
/// are in order of time, so that a parent mostly stands before its children; one that does not
/// is found by its own parent being a tool.
fn inner(trace: &Trace) -> BTreeSet<&str> {
    let outer: BTreeMap<&str, (bool, Option<&str>)> = trace
        .spans
        .iter()
        .map(|span| {
            let opens = matches!(span.kind, SpanKind::Tool | SpanKind::Llm);
            (span.id.as_str(), (opens, span.parent_id.as_deref()))
        })
        .collect();
    let mut known: HashMap<&str, bool> = HashMap::with_capacity(outer.len());
    for span in &trace.spans {
        let mut path = Vec::new();
        let mut at = span.id.as_str();
        let mut met = BTreeSet::new();
        let found = loop {
            if let Some(found) = known.get(at) {
                break *found;
            }
            if !met.insert(at) {
                // Parents in a circle lead nowhere.
                break false;
            }
            path.push(at);
            match outer.get(at).and_then(|(_, parent)| *parent) {
                Some(parent) if outer.get(parent).is_some_and(|(opens, _)| *opens) => break true,
                Some(parent) if outer.contains_key(parent) => at = parent,
                _ => break false,
            }
        };
        for id in path {
            known.insert(id, found);
        }
    }
    known
        .into_iter()
        .filter_map(|(id, found)| found.then_some(id))
        .collect()
}

/// JSON in a text parsed, anything else as it is.
fn parsed(value: &Value) -> Cow<'_, Value> {
    if let Value::String(text) = value {
        let trimmed = text.trim();
        let looks = (trimmed.starts_with('{') && trimmed.ends_with('}'))
            || (trimmed.starts_with('[') && trimmed.ends_with(']'));
        if looks
            && trimmed.len() <= MAX_PARSED
            && let Ok(inner) = serde_json::from_str::<Value>(trimmed)
        {
            return Cow::Owned(inner);
        }
    }
    Cow::Borrowed(value)
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

fn hash_of(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.role.hash(&mut hasher);
    for part in &message.parts {
        match part {
            Part::Text { text } => text.trim().hash(&mut hasher),
            // Some writers leave out ids or arguments where they tell the call again.
            Part::ToolCall { id, name, .. } => (1_u8, id, name).hash(&mut hasher),
            Part::ToolResult { id, result } => {
                (2_u8, id).hash(&mut hasher);
                if id.is_none()
                    && let Some(result) = result
                {
                    hash_value(result, &mut hasher);
                }
            }
            Part::Media { reference } => (3_u8, reference).hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// Hashes a value without writing it out; a value is nested at most as deep as its reader allowed.
fn hash_value(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(truth) => truth.hash(hasher),
        Value::Number(number) => number.hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => {
            items.len().hash(hasher);
            for item in items {
                hash_value(item, hasher);
            }
        }
        Value::Object(map) => {
            map.len().hash(hasher);
            for (key, item) in map {
                key.hash(hasher);
                hash_value(item, hasher);
            }
        }
    }
}
