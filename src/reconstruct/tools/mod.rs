//! Which calls of tools were calls of a cloned service, and what requests they stand for.
//!
//! Most agents leave spans of tools and none of HTTP. What a call was is told, in this order, by the
//! repository where it names the tool itself, by the names of official MCP servers, by the names of
//! SDK methods, and by the patterns the repository gives. Names alone are not believed where the
//! arguments do not fit.
//!
//! - `names`: names of tools, as frameworks write them.
//! - `arguments`, `results`: what was recorded, out of its wrappings.
//! - `mcp`, `sdk`, `own`: the three ways to tell.
//! - `template`, `answer`: requests filled in, and answers read out of results.
//! - `unmapped`: tools that nothing tells, and the mapping to write for them.

mod answer;
mod arguments;
mod mcp;
mod names;
mod own;
mod results;
mod sdk;
mod template;
#[cfg(test)]
mod tests;
mod unmapped;

use std::collections::BTreeMap;

use archal_core::clone::{Arguments, CloneDescriptor, Tool};
use archal_core::trace::HttpExchange;
use serde_json::{Value, json};

use crate::config::schema::ToolMapping;
use crate::scenario::matching::NamePattern;

use answer::Answer;
use results::Unwrapped;

pub use unmapped::UnmappedTool;
pub(super) use unmapped::{Seen, judge};

/// What the repository says of its agent's own tools.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tools {
    named: BTreeMap<String, ToolMapping>,
    /// The narrowest pattern first.
    patterns: Vec<(NamePattern, ToolMapping)>,
}

impl Tools {
    /// Reads the mappings of a configuration that was checked.
    pub fn of(mappings: &BTreeMap<String, ToolMapping>) -> Self {
        let mut tools = Self::default();
        for (name, mapping) in mappings {
            match NamePattern::new(name) {
                Ok(pattern) if name.contains(['*', '?']) => {
                    tools.patterns.push((pattern, mapping.clone()));
                }
                _ => {
                    tools.named.insert(name.clone(), mapping.clone());
                }
            }
        }
        tools.patterns.sort_by(|(one, _), (other, _)| {
            let letters = other.letters().cmp(&one.letters());
            letters.then_with(|| one.text().cmp(other.text()))
        });
        tools
    }

    fn by_pattern(&self, name: &str) -> Option<&ToolMapping> {
        let mut all = self.patterns.iter();
        all.find(|(pattern, _)| pattern.fits(name))
            .map(|(_, mapping)| mapping)
    }
}

/// A recorded call of a tool, out of its wrappings.
#[derive(Debug)]
pub(super) struct ToolUse<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Option<Arguments>,
    result: Unwrapped,
}

impl<'a> ToolUse<'a> {
    /// Reads a call; `is_cut` says that its result is known to be cut. Where there is no result, what
    /// the span says went wrong is one.
    pub(super) fn of(
        name: &'a str,
        arguments: Option<&Value>,
        result: Option<&Value>,
        result_is_error: bool,
        error: Option<&'a str>,
        is_cut: bool,
    ) -> Self {
        let mut result = results::of(result, result_is_error, is_cut);
        if let (None, None, Some(error)) = (&result.value, result.cut, error) {
            result.value = Some(Value::from(error));
            result.is_error = true;
        }
        Self {
            name,
            arguments: arguments::of(arguments),
            result,
        }
    }

    /// The result: JSON where it is JSON, else text.
    pub(super) fn result(&self) -> Option<&Value> {
        self.result.value.as_ref()
    }

    /// Whether the result says of itself that it is an error.
    pub(super) fn is_error(&self) -> bool {
        self.result.is_error
    }

    /// What is cut of the result.
    pub(super) fn cut(&self) -> Option<&'static str> {
        self.result.cut
    }
}

/// A request that a call of a tool stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) clone: &'static str,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    /// The exchange, with what the tool's result shows of the answer.
    pub(super) http: HttpExchange,
    /// Whether the record says nothing of the answer, and that is no gap.
    pub(super) is_silent: bool,
    /// Whether it was refused, however: it changed nothing.
    pub(super) is_refused: bool,
}

/// What a call of a tool was.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// It touches no service.
    Local,
    /// Requests to a clone.
    Calls {
        /// In the order sent.
        requests: Vec<Request>,
        /// The official MCP tool, where it is one.
        tool: Option<&'static Tool>,
    },
    /// A call of a service, and what is missing to tell the request.
    Unclear {
        /// The clone, where it is known.
        clone: Option<&'static str>,
        /// What is missing: `arguments`, `call`.
        field: &'static str,
        /// Why it cannot be told.
        why: String,
    },
    /// Nothing tells.
    Unmapped,
}

/// Tells what calls of tools were, one after the other.
pub(super) struct Mapper<'a> {
    clones: &'a [CloneDescriptor],
    tools: &'a Tools,
    /// The page that each cursor leads to.
    cursors: BTreeMap<String, u64>,
}

impl<'a> Mapper<'a> {
    pub(super) fn new(clones: &'a [CloneDescriptor], tools: &'a Tools) -> Self {
        Self {
            clones,
            tools,
            cursors: BTreeMap::new(),
        }
    }

    /// What the call was. Calls are to come in the order of time: pages follow each other.
    pub(super) fn meaning(&mut self, used: &ToolUse<'_>) -> Meaning {
        if let Some(mapping) = self.tools.named.get(used.name) {
            return own::meaning(mapping, used, self.clones);
        }
        let named = mcp::find(used.name, self.clones);
        if let Some(meaning) = named.and_then(|named| named.meaning(used, self.page(used))) {
            self.follow(used);
            return meaning;
        }
        if let Some(meaning) = sdk::meaning(used, self.clones) {
            return meaning;
        }
        match self.tools.by_pattern(used.name) {
            Some(mapping) => own::meaning(mapping, used, self.clones),
            None => Meaning::Unmapped,
        }
    }

    fn page(&self, used: &ToolUse<'_>) -> u64 {
        let after = used
            .arguments
            .as_ref()
            .and_then(|all| all.get("after")?.as_str());
        match after.filter(|cursor| !cursor.is_empty()) {
            None => 1,
            // A cursor of a page that was not recorded: there was one before it at least.
            Some(cursor) => self.cursors.get(cursor).copied().unwrap_or(2),
        }
    }

    fn follow(&mut self, used: &ToolUse<'_>) {
        let next = used
            .result()
            .and_then(|result| result.pointer("/pageInfo/endCursor")?.as_str());
        if let Some(cursor) = next {
            let page = self.page(used) + 1;
            self.cursors.entry(cursor.to_owned()).or_insert(page);
        }
    }
}

fn url(host: &str, path: &str, query: &str) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("https://{host}{path}{mark}{query}")
}

/// The answer to a write whose result is only words: that it is done, to what the path names.
fn named_by(path: &str, method: &str) -> Option<Value> {
    let mut parts = path.rsplit('/');
    let number: u64 = parts.next()?.parse().ok()?;
    // What is counted within its repository has a number, everything else an id.
    let name = match parts.next()? {
        "issues" | "milestones" | "pulls" => "number",
        _ => "id",
    };
    matches!(method, "PATCH" | "PUT").then(|| json!({ name: number }))
}
