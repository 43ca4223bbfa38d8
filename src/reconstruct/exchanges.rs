//! Which spans of a trace were calls of a cloned service.
//!
//! HTTP spans are the best there is, where they have bodies. A tool span is believed where no HTTP
//! span below it shows the same call better; [`super::tools`] says what it stood for.
//!
//! - `cover`: which of the spans that may show the same call counts.

mod cover;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archal_core::clone::{Arguments, CloneDescriptor, Exchange, Tool};
use archal_core::trace::{HttpExchange, Span, Status, Trace};
use jiff::Timestamp;
use serde_json::Value;

use super::tools::{self, Mapper, Meaning, Request, ToolUse, UnmappedTool};
use super::{Context, Missing, faults, hosts};

/// The calls of a trace in order of time.
#[derive(Debug, Default)]
pub struct TracedCalls<'a> {
    /// Calls to services that have a clone.
    pub calls: Vec<TracedCall<'a>>,
    /// Spans that called a service without one, with its host.
    pub without_clone: Vec<(String, String)>,
    /// Tools of which nothing tells whether they call a service.
    pub unmapped: Vec<UnmappedTool>,
    /// Calls of services that cannot be told from what was recorded.
    unclear: Vec<Missing>,
}

/// One call of a cloned service.
#[derive(Debug, Clone)]
pub struct TracedCall<'a> {
    /// The span's id.
    pub span: &'a str,
    /// When it began.
    pub at: Option<Timestamp>,
    /// The clone's name.
    pub clone: &'static str,
    /// The host, lower case, without port.
    pub host: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The recorded exchange, or what the result of a tool shows of it.
    pub http: Cow<'a, HttpExchange>,
    /// The tool that sent it, where the record is that tool's.
    pub tool: Option<Arc<TracedTool>>,
    /// Why the call failed, where it was no fault of the service's state.
    pub fault: Option<String>,
    /// Whether nothing was recorded of the answer, and that is no gap.
    is_silent: bool,
    /// Whether it was refused, however: it changed nothing.
    is_refused: bool,
}

/// A call of a tool that stood for calls of a service.
#[derive(Debug, Clone)]
pub struct TracedTool {
    /// The name as recorded.
    pub name: String,
    /// The tool of the official MCP server, where it is one; it is replayed as a whole.
    pub official: Option<&'static Tool>,
    /// The arguments.
    pub arguments: Arguments,
    /// The result: JSON where it is JSON, else text; none where it was not captured.
    pub result: Option<Value>,
    /// Whether the result says of itself that it is an error.
    pub is_error: bool,
    /// What is cut of the result.
    pub cut: Option<&'static str>,
}

impl TracedCall<'_> {
    /// The exchange as the clone's `observe` takes it; none where no response was captured.
    pub fn exchange(&self) -> Option<Exchange<'_>> {
        Some(Exchange {
            method: &self.http.method,
            host: &self.host,
            path: &self.path,
            query: &self.query,
            request_body: self.http.request_body.as_ref(),
            status: self.http.status?,
            response_headers: &self.http.response_headers,
            response_body: self.http.response_body.as_ref(),
        })
    }

    /// Whether it proves nothing, and that is no gap: it only read, and failed for reasons outside
    /// the service's state, or the result of its tool hands the answer on to nobody. A write whose
    /// answer is not known may have been done.
    pub fn proves_nothing(&self) -> bool {
        let only_reads = matches!(self.http.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let is_settled = self.http.status.is_some() || (self.is_refused && self.fault.is_none());
        (self.is_silent || self.fault.is_some()) && (only_reads || is_settled)
    }

    /// Whether it asks to change something, by what its clone knows of the service.
    pub fn asks_to_change(&self, descriptor: &CloneDescriptor) -> bool {
        let http = &self.http;
        (descriptor.changes)(
            &self.host,
            &http.method,
            &self.path,
            http.request_body.as_ref(),
        )
    }

    /// Why there is no response.
    pub fn not_captured(&self) -> String {
        match &self.tool {
            None => "its response was not captured".to_owned(),
            Some(tool) => {
                let why = match tool.cut {
                    Some(cut) => cut,
                    None if tool.result.is_none() => "its result was not captured",
                    None => "its result does not show whether and what this request changed",
                };
                format!("tool {}: {why}", tool.name)
            }
        }
    }

    /// `GET /repos/acme/webapp/issues?page=2`, for people.
    pub fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.http.method, self.path, self.query)
    }
}

impl TracedCalls<'_> {
    /// What is missing to tell what the calls of tools were.
    pub fn missing(&self) -> Vec<Missing> {
        let unmapped = self.unmapped.iter().filter_map(|tool| {
            Some(Missing {
                clone: "none".to_owned(),
                entity: format!("tool {}", tool.tool),
                field: "mapping".to_owned(),
                why: format!("nothing says what it calls, and {}", tool.sign.as_ref()?),
                span: tool.spans.first().cloned().unwrap_or_default(),
                how: format!(
                    "in .archal.json: {}, or {} where it touches no service",
                    tool.to_write(),
                    tool.to_write_local()
                ),
            })
        });
        self.unclear.iter().cloned().chain(unmapped).collect()
    }
}

/// What one span called.
enum Called<'a> {
    /// A cloned service over HTTP.
    Service(Box<TracedCall<'a>>),
    /// A service without a clone.
    Elsewhere(String),
    /// A tool.
    Tool(Box<ToolUse<'a>>),
}

struct Entry<'a> {
    span: &'a Span,
    called: Called<'a>,
    /// What the tool call was.
    meaning: Option<Meaning>,
    /// Whether another entry shows it, too, and better.
    is_covered: bool,
}

/// Finds the calls of cloned services among the spans of `trace`.
pub fn of<'a>(trace: &'a Trace, context: &Context<'_>) -> TracedCalls<'a> {
    let mut found = TracedCalls::default();
    let mut entries = entries(trace, context);
    // A stable sort: spans without a time, or with the same one, stay in the order written.
    entries.sort_by_key(|entry| entry.span.started_at);
    let mut mapper = Mapper::new(context.clones, context.tools);
    for entry in &mut entries {
        if let Called::Tool(used) = &entry.called {
            entry.meaning = Some(mapper.meaning(used));
        }
    }
    cover::cover(trace, &mut entries);
    let mut seen = tools::Seen::default();
    for entry in entries {
        if entry.is_covered {
            continue;
        }
        let span = entry.span;
        match (entry.called, entry.meaning) {
            (Called::Service(call), _) => found.calls.push(*call),
            (Called::Elsewhere(host), _) => found.without_clone.push((span.id.clone(), host)),
            (Called::Tool(used), Some(meaning)) => {
                found.tool(span, *used, meaning, &mut seen, context);
            }
            (Called::Tool(_), None) => {}
        }
    }
    let called: BTreeSet<&'static str> = found.calls.iter().map(|call| call.clone).collect();
    found.unmapped = tools::judge(seen, &called, context.clones);
    found
}

impl<'a> TracedCalls<'a> {
    fn tool(
        &mut self,
        span: &'a Span,
        used: ToolUse<'a>,
        meaning: Meaning,
        seen: &mut tools::Seen,
        context: &Context<'_>,
    ) {
        match meaning {
            Meaning::Local => {}
            Meaning::Unmapped => {
                seen.add(used.name, &span.id, used.arguments.as_ref(), context.clones);
            }
            Meaning::Unclear { clone, field, why } => self.unclear.push(Missing {
                clone: clone.unwrap_or("none").to_owned(),
                entity: format!("tool {}", used.name),
                field: field.to_owned(),
                why,
                span: span.id.clone(),
                how: match field {
                    "arguments" => "record the arguments of tool calls",
                    "clone" => "archal clone list",
                    _ => "archal clone coverage",
                }
                .to_owned(),
            }),
            Meaning::Calls { requests, tool } => {
                let traced = Arc::new(TracedTool {
                    name: used.name.to_owned(),
                    official: tool,
                    result: used.result().cloned(),
                    is_error: used.is_error(),
                    cut: used.cut(),
                    arguments: used.arguments.unwrap_or_default(),
                });
                let calls = requests
                    .into_iter()
                    .map(|request| traced_call(span, request, &traced));
                self.calls.extend(calls);
            }
        }
    }
}

fn traced_call<'a>(span: &'a Span, request: Request, tool: &Arc<TracedTool>) -> TracedCall<'a> {
    let words = tool
        .result
        .as_ref()
        .filter(|_| tool.is_error)
        .and_then(Value::as_str);
    TracedCall {
        span: &span.id,
        at: span.started_at,
        clone: request.clone,
        fault: faults::of(&request.http, words.or(span.error.as_deref())),
        host: request.host,
        path: request.path,
        query: request.query,
        http: Cow::Owned(request.http),
        tool: Some(Arc::clone(tool)),
        is_silent: request.is_silent,
        is_refused: request.is_refused,
    }
}

fn entries<'a>(trace: &'a Trace, context: &Context<'_>) -> Vec<Entry<'a>> {
    let cut: BTreeSet<usize> = trace
        .completeness
        .truncated
        .iter()
        .filter_map(|place| {
            let (index, rest) = place.strip_prefix("spans[")?.split_once(']')?;
            rest.contains("result")
                .then(|| index.parse().ok())
                .flatten()
        })
        .collect();
    let hosts: BTreeMap<&str, &'static str> = context
        .clones
        .iter()
        .flat_map(|clone| {
            let own = clone.hosts.iter().chain(clone.other_hosts);
            own.map(|host| (*host, clone.name))
        })
        .collect();
    let spans = trace.spans.iter().enumerate();
    spans
        .filter_map(|(at, span)| {
            let called = match (&span.http, &span.tool) {
                (Some(http), _) => over_http(span, http, &hosts, context)?,
                (None, Some(tool)) => {
                    let failed = span.status == Status::Error;
                    let error = span.error.as_deref().filter(|_| failed);
                    Called::Tool(Box::new(ToolUse::of(
                        &tool.name,
                        tool.arguments.as_ref(),
                        tool.result.as_ref(),
                        tool.result_is_error,
                        error,
                        cut.contains(&at),
                    )))
                }
                (None, None) => return None,
            };
            Some(Entry {
                span,
                called,
                meaning: None,
                is_covered: false,
            })
        })
        .collect()
}

fn over_http<'a>(
    span: &'a Span,
    http: &'a HttpExchange,
    hosts: &BTreeMap<&str, &'static str>,
    context: &Context<'_>,
) -> Option<Called<'a>> {
    let Some((host, port, path, query)) = split(&http.url) else {
        return Some(Called::Elsewhere(http.url.clone()));
    };
    let mut faces = context.clones.iter().filter_map(|clone| clone.mcp);
    let is_mcp = faces.any(|face| {
        face.remote
            .is_some_and(|(remote, below)| remote == host && path.starts_with(below))
    });
    if is_mcp {
        return over_mcp(http);
    }
    match hosts.get(host.as_str()) {
        Some(clone) => Some(Called::Service(Box::new(TracedCall {
            span: &span.id,
            at: span.started_at,
            clone,
            fault: faults::of(http, span.error.as_deref()),
            host,
            path,
            query,
            http: Cow::Borrowed(http),
            tool: None,
            is_silent: false,
            is_refused: false,
        }))),
        None if hosts::is_aside(&host, port, &http.method, &path) => None,
        None => Some(Called::Elsewhere(host)),
    }
}

/// A call of a tool at the address of an official MCP server.
fn over_mcp(http: &HttpExchange) -> Option<Called<'_>> {
    let request = http.request_body.as_ref()?;
    if request.get("method")?.as_str()? != "tools/call" {
        return None;
    }
    let called = request.get("params")?;
    let answer = http.response_body.as_ref();
    let result = answer.and_then(|answer| answer.get("result"));
    let error = answer.and_then(|answer| answer.pointer("/error/message")?.as_str());
    Some(Called::Tool(Box::new(ToolUse::of(
        called.get("name")?.as_str()?,
        Some(called.get("arguments").unwrap_or(&Value::Null)),
        result,
        false,
        error,
        false,
    ))))
}

/// Host, port, path and query of an absolute URL.
fn split(url: &str) -> Option<(String, Option<u16>, String, String)> {
    let uri: http::Uri = url.split('#').next()?.parse().ok()?;
    let host = uri.host()?.to_ascii_lowercase();
    let path = if uri.path().is_empty() {
        "/"
    } else {
        uri.path()
    };
    Some((
        host,
        uri.port_u16(),
        path.to_owned(),
        uri.query().unwrap_or_default().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_without_fragment() {
        assert_eq!(
            split("https://API.github.com:443/repos/a/b?page=2#x"),
            Some((
                "api.github.com".to_owned(),
                Some(443),
                "/repos/a/b".to_owned(),
                "page=2".to_owned()
            ))
        );
        assert_eq!(split("/relative"), None);
    }
}
