//! Calls of the tools of official MCP servers.
//!
//! A tool's own code says which requests a call stands for: it is run with somebody to ask who only
//! writes down what it asks, and who answers with what the recorded result shows of the answer.
//! Where the result shows none, what the tool would ask next is not known, and it is left at that.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use archal_core::clone::{
    Arguments, CloneDescriptor, CloneRequest, CloneResponse, McpFace, RecordedTool, Tool,
    ToolAnswer,
};
use archal_core::trace::HttpExchange;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::names::{self, CARRIERS};
use super::results::Unwrapped;
use super::{Meaning, Request, ToolUse, sdk};

/// The most requests of one call.
const REQUESTS: usize = 32;

/// A tool of an official server, by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) clone: &'a CloneDescriptor,
    face: &'static McpFace,
    /// The published name.
    pub(super) name: &'static str,
    /// The tool where it is modelled.
    tool: Option<&'static Tool>,
    /// Whether what stands before the name says whose tool it is.
    is_sure: bool,
}

/// The tool that a name means.
pub(super) fn find<'a>(name: &str, clones: &'a [CloneDescriptor]) -> Option<Named<'a>> {
    let name = names::bounded(name);
    let faces = clones.iter().filter_map(|clone| Some((clone, clone.mcp?)));
    let found: Vec<Named<'a>> = faces
        .filter_map(|(clone, face)| in_face(name, clone, face))
        .collect();
    let sure = found.iter().find(|named| named.is_sure);
    match (sure, found.as_slice()) {
        (Some(sure), _) => Some(*sure),
        (None, [only]) => Some(*only),
        // A name that two services have, and nothing that says which.
        (None, _) => None,
    }
}

fn in_face<'a>(
    name: &str,
    clone: &'a CloneDescriptor,
    face: &'static McpFace,
) -> Option<Named<'a>> {
    names::starts(name).find_map(|(at, is_strong)| {
        let (before, rest) = (name.get(..at)?, name.get(at..)?);
        let rest = rest.replace('-', "_");
        let tool = face.tools.iter().find(|tool| tool.name == rest);
        let published = tool.map(|tool| tool.name).or_else(|| {
            let mut others = face.unmodelled.iter().copied();
            others.find(|other| *other == rest)
        })?;
        let server = names::words(face.server);
        let words = names::words(before);
        let is_sure = words.iter().any(|word| word == clone.name);
        let is_known = |word: &String| {
            word == clone.name || CARRIERS.contains(&word.as_str()) || server.contains(word)
        };
        (is_strong || words.iter().all(is_known)).then_some(Named {
            clone,
            face,
            name: published,
            tool,
            is_sure,
        })
    })
}

/// What a definition says of the arguments.
#[derive(Debug, Deserialize)]
struct Definition<'a> {
    name: &'a str,
    #[serde(rename = "inputSchema")]
    schema: InputSchema,
}

#[derive(Debug, Deserialize)]
struct InputSchema {
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    properties: BTreeMap<String, IgnoredAny>,
}

impl Named<'_> {
    /// Whether the arguments are ones that the tool takes.
    fn fits(&self, arguments: &Arguments) -> bool {
        let definitions: Vec<Definition<'_>> =
            serde_json::from_str(self.face.definitions).unwrap_or_default();
        let definition = definitions
            .iter()
            .find(|definition| definition.name == self.name);
        definition.is_some_and(|definition| {
            let schema = &definition.schema;
            schema
                .required
                .iter()
                .all(|name| arguments.contains_key(name))
                && arguments
                    .keys()
                    .all(|name| schema.properties.contains_key(name))
        })
    }

    /// What a call by this name was; none where it was no call of this tool.
    pub(super) fn meaning(&self, used: &ToolUse<'_>, page: u64) -> Option<Meaning> {
        let Some(arguments) = &used.arguments else {
            return self.is_sure.then(|| Meaning::Unclear {
                clone: Some(self.clone.name),
                field: "arguments",
                why: "the arguments of the call were not captured".to_owned(),
            });
        };
        let is_it = self.is_sure || self.fits(arguments) || self.refuses(arguments, &used.result);
        if !is_it {
            return None;
        }
        let Some(tool) = self.tool else {
            return Some(Meaning::Unclear {
                clone: Some(self.clone.name),
                field: "call",
                why: format!("the {} clone does not model this tool", self.clone.name),
            });
        };
        Some(self.calls(tool, arguments, used, page))
    }

    /// Whether the recorded result is what the tool says to these arguments by itself: a model may
    /// well call it with wrong ones.
    fn refuses(&self, arguments: &Arguments, result: &Unwrapped) -> bool {
        let Some((tool, said)) = self.tool.zip(result.value.as_ref().and_then(Value::as_str))
        else {
            return false;
        };
        let mut is_asked = false;
        let mut ask = |_: CloneRequest| {
            is_asked = true;
            nothing()
        };
        let answer = catch_unwind(AssertUnwindSafe(|| (tool.call)(arguments, &mut ask)));
        let refused = matches!(answer, Ok(ToolAnswer::Refused(text) | ToolAnswer::Fault(text)) if text == said);
        refused && !is_asked
    }

    fn calls(
        &self,
        tool: &'static Tool,
        arguments: &Arguments,
        used: &ToolUse<'_>,
        page: u64,
    ) -> Meaning {
        let mut requests: Vec<Request> = Vec::new();
        let mut is_known = true;
        let mut ask = |asked: CloneRequest| {
            if !is_known || requests.len() >= REQUESTS {
                return nothing();
            }
            let operation = (self.clone.operation_of)(&asked.host, &asked.method, &asked.path);
            let restored = used.result.value.as_ref().and_then(|result| {
                let recorded = RecordedTool {
                    tool: tool.name,
                    operation,
                    arguments,
                    result,
                    is_error: used.result.is_error,
                    page,
                };
                (self.face.restore)(&recorded, &asked)
            });
            is_known = restored.is_some();
            let (request, answer) = recorded(&asked, restored, self.clone.name, used);
            requests.push(request);
            answer
        };
        let answer = catch_unwind(AssertUnwindSafe(|| (tool.call)(arguments, &mut ask)));
        if !is_known && !used.result.is_error {
            let writes = self.unseen_writes(tool, arguments, &requests);
            requests.extend(writes);
        }
        match answer {
            Ok(ToolAnswer::Unmodelled(what)) => Meaning::Unclear {
                clone: Some(self.clone.name),
                field: "call",
                why: format!("the {} clone does not model {what}", self.clone.name),
            },
            Ok(ToolAnswer::Refused(text) | ToolAnswer::Fault(text))
                if requests.is_empty() && is_success(&used.result) =>
            {
                Meaning::Unclear {
                    clone: Some(self.clone.name),
                    field: "call",
                    why: format!(
                        "the {} clone's tool takes no such arguments: {text}",
                        self.clone.name
                    ),
                }
            }
            Ok(_) => Meaning::Calls {
                requests,
                tool: Some(tool),
            },
            Err(_) => Meaning::Unclear {
                clone: Some(self.clone.name),
                field: "arguments",
                why: "archal has a fault that these arguments find".to_owned(),
            },
        }
    }
}

impl Named<'_> {
    /// Requests by which a tool may have changed something behind the last one that is known, as far
    /// as the arguments say where. What they changed is not known, and that they did is not to be
    /// forgotten.
    fn unseen_writes(
        &self,
        tool: &'static Tool,
        arguments: &Arguments,
        seen: &[Request],
    ) -> Vec<Request> {
        let Some(host) = self.clone.hosts.first() else {
            return Vec::new();
        };
        let is_seen = |method: &str, path: &str| {
            seen.iter()
                .any(|request| request.http.method == method && request.path == path)
        };
        let operations = self.clone.operations.iter().filter(|operation| {
            tool.operations.contains(&operation.id)
                && !matches!(operation.method, "GET" | "HEAD")
                && operation.path.contains('{')
        });
        operations
            .filter_map(|operation| {
                let path = sdk::fill(operation.path, &mut arguments.clone()).ok()?;
                (!is_seen(operation.method, &path)).then(|| Request {
                    clone: self.clone.name,
                    host: (*host).to_owned(),
                    http: HttpExchange {
                        method: operation.method.to_owned(),
                        url: super::url(host, &path, ""),
                        ..HttpExchange::default()
                    },
                    path,
                    query: String::new(),
                    is_silent: true,
                    is_refused: false,
                })
            })
            .collect()
    }
}

/// A request as the trace would have recorded it, and the answer that the tool goes on with.
fn recorded(
    asked: &CloneRequest,
    restored: Option<archal_core::clone::Restored>,
    clone: &'static str,
    used: &ToolUse<'_>,
) -> (Request, CloneResponse) {
    let is_told = restored.is_some();
    let restored = restored.unwrap_or_default();
    let query = restored.query.unwrap_or_else(|| asked.query.clone());
    let answer = CloneResponse {
        status: if is_told { restored.status } else { 404 },
        body: restored
            .body
            .as_ref()
            .map(|body| bytes::Bytes::from(body.to_string()).into())
            .unwrap_or_default(),
        ..CloneResponse::default()
    };
    let request = Request {
        clone,
        host: asked.host.clone(),
        path: asked.path.clone(),
        query: query.clone(),
        http: HttpExchange {
            method: asked.method.clone(),
            url: super::url(&asked.host, &asked.path, &query),
            status: is_told.then_some(restored.status),
            response_headers: restored.headers,
            request_body: serde_json::from_slice(&asked.body).ok(),
            response_body: restored.body,
            ..HttpExchange::default()
        },
        // A result that is there and does not show the answer is no gap: the tool hands on less.
        is_silent: !is_told && used.result.value.is_some(),
        is_refused: used.result.is_error,
    };
    (request, answer)
}

/// Whether a result is one that a tool gives to arguments that it takes. A refusal is words.
fn is_success(result: &Unwrapped) -> bool {
    let value = result.value.as_ref();
    !result.is_error && value.is_some_and(|value| value.is_object() || value.is_array())
}

fn nothing() -> CloneResponse {
    CloneResponse {
        status: 404,
        ..CloneResponse::default()
    }
}
