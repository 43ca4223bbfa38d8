//! How much traces show of the calls they record: what an agent's failure can be rebuilt from.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use archal_core::clone::CloneDescriptor;
use archal_core::trace::{HttpExchange, Trace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ingest::Imported;
use crate::reconstruct::tools::{Tools, UnmappedTool};
use crate::reconstruct::{self, Context, exchanges};

/// What traces show, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Traces that were looked at.
    pub traces: usize,
    /// Those that hold what the agent was asked.
    pub with_input: usize,
    /// Those that call a service archal has a clone of.
    pub with_clone_calls: usize,
    /// Those that hold what the agent answered, and a result that it can be held against.
    pub with_claims: usize,
    /// Those from which the state they began in can be rebuilt.
    pub rebuilt: usize,
    /// Calls of tools whose arguments are there.
    pub tool_arguments: Share,
    /// Calls of tools whose results are there.
    pub tool_results: Share,
    /// HTTP requests that carry a body by their method, and have it.
    pub request_bodies: Share,
    /// HTTP responses that carry a body by their status, and have it.
    pub response_bodies: Share,
    /// Values that were cut by whoever wrote them.
    pub truncated: usize,
    /// Dialects of attributes, with the number of traces that speak each.
    pub dialects: BTreeMap<String, usize>,
    /// Services that were called and have no clone, with the number of calls, most first.
    pub without_clone: Vec<(String, usize)>,
    /// Tools of which nothing tells whether they call a service, most called first.
    pub unmapped: Vec<UnmappedTool>,
    /// The first thing that is missing from each trace that cannot be rebuilt, with how to supply
    /// it, and in how many traces it is the first; most first.
    pub missing: Vec<(String, usize)>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// That are there.
    pub there: usize,
    /// That could be.
    pub of: usize,
}

impl Share {
    fn count(&mut self, is_there: bool) {
        self.of += 1;
        self.there += usize::from(is_there);
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.there, self.of)
    }
}

impl Evidence {
    /// What these traces show.
    pub fn of<'a>(
        traces: impl Iterator<Item = &'a Trace>,
        clones: &[CloneDescriptor],
        tools: &Tools,
    ) -> Self {
        let mut found = Self::default();
        for trace in traces {
            found.add(trace, clones, tools);
        }
        found
            .without_clone
            .sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        found
            .missing
            .sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        found.unmapped.sort_by(|one, other| {
            let calls = other.calls.cmp(&one.calls);
            calls.then_with(|| one.tool.cmp(&other.tool))
        });
        found
    }

    /// The same, with the dialects that the traces speak; see [`Imported::dialects`].
    #[must_use]
    pub fn spoken<'a>(mut self, traces: impl Iterator<Item = &'a Imported>) -> Self {
        for dialect in traces.flat_map(|one| one.dialects.keys()) {
            *self.dialects.entry((*dialect).to_owned()).or_default() += 1;
        }
        self
    }

    /// How much of what calls have is there, in percent; none where no call is recorded.
    pub fn score(&self) -> Option<usize> {
        let all = [
            self.tool_arguments,
            self.tool_results,
            self.request_bodies,
            self.response_bodies,
        ];
        let of: usize = all.iter().map(|share| share.of).sum();
        let there: usize = all.iter().map(|share| share.there).sum();
        (there * 100).checked_div(of)
    }

    fn add(&mut self, trace: &Trace, clones: &[CloneDescriptor], tools: &Tools) {
        self.traces += 1;
        self.with_input += usize::from(trace.input.is_some());
        self.with_claims += usize::from(trace.output.is_some() && has_results(trace));
        self.truncated += trace.completeness.truncated.len();
        for span in &trace.spans {
            if let Some(tool) = &span.tool {
                self.tool_arguments.count(tool.arguments.is_some());
                self.tool_results.count(tool.result.is_some());
            }
            if let Some(http) = &span.http {
                if carries_request(http) {
                    self.request_bodies.count(http.request_body.is_some());
                }
                if carries_response(http) {
                    self.response_bodies.count(http.response_body.is_some());
                }
            }
        }
        let context = Context {
            clones,
            tools,
            owned: &[],
        };
        let traced = exchanges::of(trace, &context);
        for (_, host) in &traced.without_clone {
            add_one(&mut self.without_clone, host);
        }
        let mut is_signed = false;
        for tool in &traced.unmapped {
            is_signed |= tool.sign.is_some();
            self.add_unmapped(tool);
        }
        if traced.calls.is_empty() && !is_signed {
            return;
        }
        self.with_clone_calls += usize::from(!traced.calls.is_empty());
        // A trace is hostile: one that finds a fault in archal is not to end the whole look.
        let rebuilt = catch_unwind(AssertUnwindSafe(|| {
            reconstruct::reconstruct(trace, &context)
        }));
        match rebuilt.as_ref().map(|rebuilt| rebuilt.missing.first()) {
            Ok(None) => self.rebuilt += 1,
            Ok(Some(first)) => {
                let what = format!("{}: {}", first.field, first.how);
                add_one(&mut self.missing, &what);
            }
            Err(_) => add_one(&mut self.missing, "archal has a fault that the trace finds"),
        }
    }
}

impl Evidence {
    fn add_unmapped(&mut self, tool: &UnmappedTool) {
        match self
            .unmapped
            .iter_mut()
            .find(|known| known.tool == tool.tool)
        {
            Some(known) => {
                known.calls += tool.calls;
                if known.sign.is_none() && tool.sign.is_some() {
                    known.sign.clone_from(&tool.sign);
                }
                // Who passes more arguments shows more of what is to be mapped.
                if tool.arguments.len() > known.arguments.len() {
                    known.arguments.clone_from(&tool.arguments);
                    known.mapping.clone_from(&tool.mapping);
                }
            }
            None => self.unmapped.push(tool.clone()),
        }
    }
}

fn add_one(counts: &mut Vec<(String, usize)>, what: &str) {
    match counts.iter_mut().find(|(known, _)| known == what) {
        Some((_, count)) => *count += 1,
        None => counts.push((what.to_owned(), 1)),
    }
}

/// Whether anything that a service answered is there.
fn has_results(trace: &Trace) -> bool {
    trace.spans.iter().any(|span| {
        let tool = span.tool.as_ref().and_then(|tool| tool.result.as_ref());
        let http = span.http.as_ref();
        tool.is_some() || http.is_some_and(|http| http.response_body.is_some())
    })
}

fn carries_request(http: &HttpExchange) -> bool {
    matches!(http.method.as_str(), "POST" | "PUT" | "PATCH")
}

/// A response that was not captured counts as one whose body is missing.
fn carries_response(http: &HttpExchange) -> bool {
    http.method != "HEAD" && !matches!(http.status, Some(100..=199 | 204 | 205 | 304))
}

#[cfg(test)]
mod tests {
    use archal_core::trace::{Span, ToolCall};
    use serde_json::json;

    use super::*;

    fn called(method: &str, status: Option<u16>, bodies: bool) -> Span {
        Span {
            http: Some(HttpExchange {
                method: method.to_owned(),
                url: "https://api.example.com/x".to_owned(),
                status,
                request_body: bodies.then(|| json!({})),
                response_body: bodies.then(|| json!({})),
                ..HttpExchange::default()
            }),
            ..Span::default()
        }
    }

    #[test]
    fn only_what_a_call_can_have_is_asked_of_it() {
        let trace = Trace {
            spans: vec![
                called("GET", Some(200), true),
                called("GET", None, false),
                called("DELETE", Some(204), false),
                called("POST", Some(201), false),
                Span {
                    tool: Some(ToolCall {
                        arguments: Some(json!({})),
                        ..ToolCall::default()
                    }),
                    ..Span::default()
                },
            ],
            ..Trace::default()
        };
        let found = Evidence::of([&trace, &trace].into_iter(), &[], &Tools::default());
        let share = |there, of| Share { there, of };
        assert_eq!(found.tool_arguments, share(2, 2));
        assert_eq!(found.tool_results, share(0, 2));
        assert_eq!(found.request_bodies, share(0, 2));
        assert_eq!(found.response_bodies, share(2, 6));
        assert_eq!(found.score(), Some(33));
        assert_eq!(found.without_clone, [("api.example.com".to_owned(), 8)]);
        assert_eq!((found.with_input, found.with_clone_calls), (0, 0));
        assert_eq!(found.with_claims, 0, "nothing was answered");
        assert_eq!(
            Evidence::of(std::iter::empty(), &[], &Tools::default()).score(),
            None
        );
    }
}
