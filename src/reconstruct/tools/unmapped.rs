//! Tools that nothing tells: whether they stand in the way, and the mapping to write for them.
//!
//! Most such tools are the agent's own business: calculators, notes, plans. They are listed and stand
//! in nobody's way. One stands in the way where there is a sign that it calls a service, for then the
//! state that is rebuilt lacks what it did:
//!
//! - its name says a service there is a clone of, or an argument holds an address of one;
//! - its name says a thing of such a service and what is done to it, and it either changes it or the
//!   trace calls that service otherwise, too;
//! - its name says that it changes something, and nothing of the trace is known to call any service.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{Arguments, CloneDescriptor, OperationInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::names;

/// The most spans and arguments that are named of one tool.
const NAMED: usize = 5;
/// The most tools that are told apart.
const TOOLS: usize = 200;

/// Verbs that change something, with the one that ids of operations use.
const WRITES: &[(&str, &str)] = &[
    ("add", "add"),
    ("apply", "update"),
    ("approve", "update"),
    ("archive", "update"),
    ("assign", "add"),
    ("book", "create"),
    ("cancel", "cancel"),
    ("change", "update"),
    ("charge", "create"),
    ("close", "update"),
    ("comment", "create"),
    ("create", "create"),
    ("delete", "delete"),
    ("dismiss", "delete"),
    ("edit", "update"),
    ("insert", "create"),
    ("label", "add"),
    ("lock", "lock"),
    ("merge", "merge"),
    ("modify", "update"),
    ("move", "update"),
    ("open", "create"),
    ("patch", "update"),
    ("pay", "create"),
    ("post", "create"),
    ("publish", "create"),
    ("push", "create"),
    ("put", "update"),
    ("refund", "create"),
    ("reject", "update"),
    ("remove", "remove"),
    ("rename", "update"),
    ("reopen", "update"),
    ("reply", "create"),
    ("resolve", "update"),
    ("send", "create"),
    ("set", "set"),
    ("submit", "create"),
    ("transfer", "transfer"),
    ("unassign", "remove"),
    ("unlock", "unlock"),
    ("update", "update"),
    ("upsert", "update"),
];
/// Verbs that only look.
const READS: &[(&str, &str)] = &[
    ("check", "get"),
    ("count", "list"),
    ("fetch", "get"),
    ("find", "search"),
    ("get", "get"),
    ("list", "list"),
    ("load", "get"),
    ("lookup", "get"),
    ("query", "search"),
    ("read", "get"),
    ("search", "search"),
    ("show", "get"),
    ("view", "get"),
];
/// Things that agents keep for themselves. What is done to them is no sign of a service.
const OWN_THINGS: &[&str] = &[
    "answer",
    "artifact",
    "cell",
    "code",
    "dir",
    "directory",
    "document",
    "file",
    "files",
    "folder",
    "memories",
    "memory",
    "message",
    "note",
    "notebook",
    "notes",
    "patch",
    "path",
    "plan",
    "prompt",
    "scratchpad",
    "shell",
    "state",
    "step",
    "task",
    "tasks",
    "thought",
    "thoughts",
    "todo",
    "todos",
    "variable",
];

/// A tool that nothing tells, with the calls of it in one trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmappedTool {
    /// Its name.
    pub tool: String,
    /// How often it was called.
    pub calls: usize,
    /// The first spans that called it.
    pub spans: Vec<String>,
    /// The arguments that were seen.
    pub arguments: Vec<String>,
    /// The sign that it calls a service; none where there is none, and it stands in nobody's way.
    pub sign: Option<String>,
    /// What to write in `.archal.json`, where it calls a service; else `{"local": true}`.
    pub mapping: Value,
}

impl UnmappedTool {
    /// What to write, in one line.
    pub fn to_write(&self) -> String {
        json!({"tools": {self.tool.clone(): self.mapping}}).to_string()
    }

    /// What else to write, where it calls nothing.
    pub fn to_write_local(&self) -> String {
        json!({"tools": {self.tool.clone(): {"local": true}}}).to_string()
    }
}

/// Calls that nothing tells, gathered by tool.
#[derive(Debug, Default)]
pub(in crate::reconstruct) struct Seen {
    tools: BTreeMap<String, Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    calls: usize,
    spans: Vec<String>,
    arguments: BTreeSet<String>,
    /// The clone whose address an argument holds.
    address: Option<&'static str>,
}

impl Seen {
    /// Takes a call in.
    pub(in crate::reconstruct) fn add(
        &mut self,
        name: &str,
        span: &str,
        arguments: Option<&Arguments>,
        clones: &[CloneDescriptor],
    ) {
        let name = names::bounded(name);
        if self.tools.len() >= TOOLS && !self.tools.contains_key(name) {
            return;
        }
        let gathered = self.tools.entry(name.to_owned()).or_default();
        gathered.calls += 1;
        if gathered.spans.len() < NAMED {
            gathered.spans.push(span.to_owned());
        }
        for (argument, value) in arguments.into_iter().flatten() {
            if gathered.arguments.len() < 4 * NAMED {
                gathered
                    .arguments
                    .insert(names::bounded(argument).to_owned());
            }
            if gathered.address.is_none() {
                gathered.address = value.as_str().and_then(|text| addressed(text, clones));
            }
        }
    }
}

/// The clone that an address leads to.
fn addressed(text: &str, clones: &[CloneDescriptor]) -> Option<&'static str> {
    let rest = text.trim().strip_prefix("https://")?;
    let host = rest.split(['/', '?', ':']).next()?.to_ascii_lowercase();
    let clone = clones.iter().find(|clone| {
        let mut hosts = clone.hosts.iter().chain(clone.other_hosts);
        hosts.any(|known| *known == host)
    })?;
    Some(clone.name)
}

/// Says of each tool whether it stands in the way. `called` are the clones that the trace is known
/// to call.
pub(in crate::reconstruct) fn judge(
    seen: Seen,
    called: &BTreeSet<&'static str>,
    clones: &[CloneDescriptor],
) -> Vec<UnmappedTool> {
    seen.tools
        .into_iter()
        .map(|(tool, gathered)| {
            let words = names::words(&tool);
            let sign = sign(&words, &gathered, called, clones);
            // All operations are looked through, which is not done for tools that stand in no way.
            let nearest = sign.as_ref().and_then(|_| nearest(&words, clones));
            let arguments: Vec<String> = gathered.arguments.into_iter().collect();
            UnmappedTool {
                mapping: proposed(nearest, &arguments, clones),
                tool,
                calls: gathered.calls,
                spans: gathered.spans,
                arguments,
                sign,
            }
        })
        .collect()
}

fn verb<'a>(words: &[String], of: &'a [(&str, &str)]) -> Option<&'a str> {
    words
        .iter()
        .find_map(|word| of.iter().find(|(verb, _)| verb == word))
        .map(|(_, canonical)| *canonical)
}

fn is_verb(word: &str) -> bool {
    WRITES.iter().chain(READS).any(|(verb, _)| *verb == word)
}

fn sign(
    words: &[String],
    gathered: &Gathered,
    called: &BTreeSet<&'static str>,
    clones: &[CloneDescriptor],
) -> Option<String> {
    let named = clones
        .iter()
        .find(|clone| words.iter().any(|word| word == clone.name));
    if let Some(clone) = named {
        return Some(format!("its name says {}", clone.name));
    }
    if let Some(clone) = gathered.address {
        return Some(format!("an argument of it is an address of {clone}"));
    }
    let writes = verb(words, WRITES).is_some();
    let reads = verb(words, READS).is_some();
    let thing = clones
        .iter()
        .filter(|clone| writes || called.contains(clone.name))
        .find_map(|clone| Some((clone.name, thing_of(clone, words)?)));
    if let Some((clone, thing)) = thing.filter(|_| writes || reads) {
        return Some(format!(
            "its name says what is done to {thing}, and {clone} has such"
        ));
    }
    let is_own = words.iter().any(|word| OWN_THINGS.contains(&word.as_str()));
    (writes && called.is_empty() && !is_own).then(|| {
        "its name says that it changes something, and no call of the trace is known to reach a service"
            .to_owned()
    })
}

/// The collection of a clone that a word names.
fn thing_of(clone: &CloneDescriptor, words: &[String]) -> Option<&'static str> {
    let names = clone.collections.iter().map(|collection| collection.name);
    names.into_iter().find(|name| {
        let parts: Vec<&str> = name.split('_').collect();
        words.windows(parts.len()).any(|window| {
            window
                .iter()
                .zip(&parts)
                .all(|(word, part)| stem(word) == stem(part))
        })
    })
}

fn stem(word: &str) -> &str {
    match word {
        "repository" | "repositories" | "repos" => "repo",
        "pull" | "pulls" | "pr" | "prs" => "pull",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

/// The operation that a tool's name is nearest to.
fn nearest<'a>(
    words: &[String],
    clones: &'a [CloneDescriptor],
) -> Option<(&'a CloneDescriptor, &'a OperationInfo)> {
    let verb = verb(words, WRITES).or_else(|| verb(words, READS))?;
    let things: Vec<&str> = words
        .iter()
        .map(|word| stem(word))
        .filter(|word| word.len() > 2 && !names::CARRIERS.contains(word) && !is_verb(word))
        .collect();
    let all = clones.iter().flat_map(|clone| {
        clone
            .operations
            .iter()
            .map(move |operation| (clone, operation))
    });
    let scored = all.filter_map(|(clone, operation)| {
        let id = names::words(operation.id);
        if !id.iter().any(|word| word == verb) {
            return None;
        }
        let known: BTreeSet<&str> = id.iter().map(|word| stem(word)).collect();
        let hits = things
            .iter()
            .filter(|thing| known.contains(**thing))
            .count();
        // Of those that say as much, the one that says least beside it.
        (hits > 0).then_some((hits, std::cmp::Reverse(id.len()), clone, operation))
    });
    let best = scored.max_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    best.map(|(_, _, clone, operation)| (clone, operation))
}

/// The mapping to write, with the arguments where they seem to belong.
fn proposed(
    nearest: Option<(&CloneDescriptor, &OperationInfo)>,
    arguments: &[String],
    clones: &[CloneDescriptor],
) -> Value {
    let Some((clone, operation)) = nearest else {
        let clone = clones.first().map_or("<clone>", |clone| clone.name);
        let named: Vec<String> = arguments
            .iter()
            .map(|name| format!("{name}={{{name}}}"))
            .collect();
        let query = if named.is_empty() {
            String::new()
        } else {
            format!("?{}", named.join("&"))
        };
        return json!({"clone": clone, "call": format!("<METHOD> /<path>{query}")});
    };
    let mut left: Vec<&String> = arguments.iter().collect();
    let path: Vec<String> = operation
        .path
        .split('/')
        .map(|segment| {
            let Some(name) = segment
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'))
            else {
                return segment.to_owned();
            };
            let wanted = names::words(name);
            let same = |own: &&&String| {
                let own = names::words(own);
                own == wanted || (own.len() == 1 && wanted.last() == own.first())
            };
            let own = left.iter().find(same).copied();
            left.retain(|other| Some(*other) != own);
            format!("{{{}}}", own.map_or(name, String::as_str))
        })
        .collect();
    let mut call = format!("{} {}", operation.method, path.join("/"));
    let mut mapping = Map::new();
    mapping.insert("clone".to_owned(), clone.name.into());
    if matches!(operation.method, "PATCH" | "POST" | "PUT") {
        let body: Map<String, Value> = left
            .iter()
            .map(|name| ((*name).clone(), Value::from(format!("{{{name}}}"))))
            .collect();
        mapping.insert("body".to_owned(), body.into());
    } else if !left.is_empty() {
        let named: Vec<String> = left
            .iter()
            .map(|name| format!("{name}={{{name}}}"))
            .collect();
        call.push_str(&format!("?{}", named.join("&")));
    }
    mapping.insert("call".to_owned(), call.into());
    mapping.into()
}
