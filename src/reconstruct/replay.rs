//! The trace's own calls run again on the rebuilt state, response by response.
//!
//! What is compared is what was recorded: the body of a response, or the result of a tool, which is
//! called as a whole where it is one of an official MCP server. What failed in the record for reasons
//! outside the service's state is not sent.

mod compare;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use archal_core::clone::{
    Arguments, CloneDescriptor, CloneRequest, CloneResponse, CloneState, OpenClone, RowChange,
    RowDiff, Seed, ServiceClone, Tool, ToolAnswer,
};
use archal_core::diagnostic::Diagnostic;
use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchanges::{TracedCall, TracedCalls, TracedTool};
use super::seed::{Conflict, ConflictKind, Reconstruction};
use compare::{Comparison, Ids};

/// What came of the replay.
pub struct Replay {
    /// Each call in order.
    pub calls: Vec<ReplayedCall>,
    /// Each clone's state before and after, by name.
    pub clones: BTreeMap<String, ReplayedClone>,
    /// What somebody else changed while the trace was under way: the state does not have it.
    pub meanwhile: Vec<Conflict>,
}

/// The state of one clone before and after the replay.
pub struct ReplayedClone {
    /// The rebuilt state.
    pub before: Arc<dyn CloneState>,
    /// The state the trace's calls lead to.
    pub after: Arc<dyn CloneState>,
    /// What they changed.
    pub diff: Vec<RowDiff>,
}

/// One call of the trace on the rebuilt state.
#[derive(Debug, Clone)]
pub struct ReplayedCall {
    /// The span.
    pub span: String,
    /// The clone.
    pub clone: &'static str,
    /// The operation.
    pub operation: Option<&'static str>,
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The request body as recorded.
    pub request: Value,
    /// The status the clone answered.
    pub status: u16,
    /// The body the clone answered, times as in evidence.
    pub response: Value,
    /// Whether it asks to change something.
    pub asks_to_change: bool,
    /// The rows the call changed.
    pub changes: Vec<RowChange>,
    /// The tool that sent it, where the trace has that tool and not the request.
    pub tool: Option<String>,
    /// Whether anything that was recorded of the answer was compared with the clone's.
    pub is_compared: bool,
    /// Why it was not sent: it failed in the record for reasons outside the service's state. Status
    /// and response are those of the record then.
    pub skipped: Option<String>,
    /// Where the clone's answer differs from the recorded one; none where it agrees.
    pub differences: Vec<String>,
}

/// How far the replay agrees with the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Calls compared.
    pub calls: usize,
    /// Calls whose response is the recorded one.
    pub agreeing: usize,
    /// Calls that were not sent: they failed in the record for reasons outside the service's state.
    #[serde(default)]
    pub skipped: usize,
    /// The first differences, `span path: recorded, replayed`.
    pub differences: Vec<String>,
}

impl Replay {
    /// Runs the trace's calls on the rebuilt state.
    pub fn run(
        reconstruction: &Reconstruction,
        traced: &TracedCalls<'_>,
        clones: &[CloneDescriptor],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut open: BTreeMap<&'static str, Running<'_>> = BTreeMap::new();
        for (name, seed) in &reconstruction.seeds {
            let Some(descriptor) = clones.iter().find(|clone| clone.name == name) else {
                continue;
            };
            let clone = (descriptor.open)(&OpenClone {
                base: reconstruction.base,
                ids: 0,
                seed: Seed::Document(seed),
            })?;
            let before = clone.state();
            open.insert(
                descriptor.name,
                Running {
                    clone,
                    before,
                    credential: descriptor.credentials.first().map(|(_, dummy)| *dummy),
                    descriptor,
                    ids: Ids::default(),
                    tags: BTreeMap::new(),
                },
            );
        }
        let mut calls = Vec::with_capacity(traced.calls.len());
        for step in steps(&traced.calls) {
            let Some(running) = step.first().and_then(|call| open.get_mut(call.clone)) else {
                continue;
            };
            running.step(step, reconstruction.base, &mut calls);
        }
        let clones = open
            .into_iter()
            .map(|(name, running)| {
                let after = ReplayedClone {
                    before: running.before,
                    after: running.clone.state(),
                    diff: running.clone.diff(),
                };
                (name.to_owned(), after)
            })
            .collect();
        let is_outside = |conflict: &&Conflict| conflict.kind == ConflictKind::OutsideChange;
        let conflicts = reconstruction.conflicts.iter();
        Ok(Self {
            calls,
            clones,
            meanwhile: conflicts.filter(is_outside).cloned().collect(),
        })
    }

    /// How far it agrees with the record.
    pub fn agreement(&self) -> Agreement {
        let differences: Vec<String> = self
            .calls
            .iter()
            .flat_map(|call| {
                call.differences
                    .iter()
                    .map(move |difference| format!("{} {difference}", call.span))
            })
            .take(20)
            .collect();
        let compared = || self.calls.iter().filter(|call| call.is_compared);
        Agreement {
            calls: compared().count(),
            agreeing: compared()
                .filter(|call| call.differences.is_empty())
                .count(),
            skipped: self
                .calls
                .iter()
                .filter(|call| call.skipped.is_some())
                .count(),
            differences,
        }
    }
}

/// The calls in order, those of one call of an official tool together: it is replayed as a whole.
fn steps<'c, 'a>(calls: &'c [TracedCall<'a>]) -> impl Iterator<Item = &'c [TracedCall<'a>]> {
    calls.chunk_by(|one, other| match (&one.tool, &other.tool) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    })
}

struct Running<'c> {
    clone: Box<dyn ServiceClone>,
    before: Arc<dyn CloneState>,
    credential: Option<&'static str>,
    descriptor: &'c CloneDescriptor,
    ids: Ids,
    /// The tag of the clone's last answer to a path and query.
    tags: BTreeMap<String, String>,
}

impl Running<'_> {
    /// Replays a call, or all that one call of a tool has sent.
    fn step(&mut self, step: &[TracedCall<'_>], base: Timestamp, out: &mut Vec<ReplayedCall>) {
        let Some(first) = step.first() else { return };
        let now = first.at.filter(|at| *at >= base).unwrap_or(base);
        if step.iter().any(|call| call.fault.is_some()) {
            out.extend(step.iter().map(|call| skipped(call, self.descriptor)));
            return;
        }
        match first
            .tool
            .as_ref()
            .and_then(|tool| Some((tool, tool.official?)))
        {
            Some((traced, tool)) => self.tool(first, traced, tool, now, out),
            None => out.extend(step.iter().map(|call| self.request(call, now))),
        }
    }

    fn request(&mut self, call: &TracedCall<'_>, now: Timestamp) -> ReplayedCall {
        let recorded = &call.http;
        let mut request = CloneRequest {
            method: recorded.method.clone(),
            scheme: "https".to_owned(),
            host: call.host.clone(),
            path: self.ids.translate(&call.path),
            query: self.ids.translate(&call.query),
            headers: vec![
                ("accept".to_owned(), accepted(call)),
                ("user-agent".to_owned(), "archal".to_owned()),
            ],
            body: recorded
                .request_body
                .as_ref()
                .map_or_else(Bytes::new, |body| {
                    let text = match body {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    Bytes::from(self.ids.translate(&text))
                }),
            spool: None,
        };
        if !request.body.is_empty() {
            request
                .headers
                .push(("content-type".to_owned(), "application/json".to_owned()));
        }
        // Nothing had changed since the answer that the client kept: the clone's own answer to the
        // same question has another tag.
        let tag = self
            .tags
            .get(&format!("{}?{}", request.path, request.query));
        let is_conditional = recorded.status == Some(304);
        if let Some(tag) = tag.filter(|_| is_conditional) {
            request
                .headers
                .push(("if-none-match".to_owned(), tag.clone()));
        }
        let is_unconditional = is_conditional && tag.is_none();
        let response = self.send(request, now);
        let evidence = parse(&response.body.evidence);
        // They differ only where a call of this run set a time.
        let apart =
            (response.body.wire != response.body.evidence).then(|| parse(&response.body.wire));
        let wire = apart.as_ref().unwrap_or(&evidence);
        let is_tool = call.tool.is_some();
        let mut comparison = Comparison {
            ids: &mut self.ids,
            is_partial: is_tool,
            differences: Vec::new(),
        };
        let status = recorded.status.filter(|_| !is_unconditional);
        match status {
            Some(status) if !is_same(status, response.status, is_tool) => {
                // Refused for another reason, it changed as little.
                let what = match (status, response.status) {
                    (400.., 400..) => "refusal",
                    _ => "status",
                };
                comparison.differences.push(format!(
                    "{what}: recorded {status}, replayed {}",
                    response.status
                ));
            }
            // The words of a refusal are the service's own where it was recorded itself.
            Some(400..) if is_tool => {}
            Some(_) => {
                if let Some(body) = &recorded.response_body {
                    comparison.of("", body, wire, &evidence);
                }
                if let Some(difference) = follows(call, &response) {
                    comparison.differences.push(difference);
                }
            }
            None => {}
        }
        ReplayedCall {
            differences: comparison.differences,
            is_compared: status.is_some(),
            ..replayed(call, response, evidence, self.descriptor)
        }
    }

    /// Calls the tool itself, and compares its answer with the recorded result.
    fn tool(
        &mut self,
        call: &TracedCall<'_>,
        traced: &TracedTool,
        tool: &Tool,
        now: Timestamp,
        out: &mut Vec<ReplayedCall>,
    ) {
        let arguments = match self
            .ids
            .translate_value(&Value::Object(traced.arguments.clone()))
        {
            Value::Object(arguments) => arguments,
            _ => Arguments::new(),
        };
        let begun = out.len();
        let descriptor = self.descriptor;
        let mut ask = |request: CloneRequest| {
            let (method, path) = (request.method.clone(), line(&request));
            let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            let asks_to_change =
                (descriptor.changes)(&request.host, &method, &request.path, Some(&body));
            let response = self.send(request, now);
            let evidence = parse(&response.body.evidence);
            out.push(ReplayedCall {
                method,
                path,
                request: body,
                asks_to_change,
                ..replayed(call, response.clone(), evidence, descriptor)
            });
            response
        };
        let answer = catch_unwind(AssertUnwindSafe(|| (tool.call)(&arguments, &mut ask)));
        let differences = match answer {
            Ok(answer) => self.compare_tool(traced, answer),
            Err(_) => vec!["result: the tool failed on the clone".to_owned()],
        };
        if out.len() == begun {
            let nothing = replayed(call, CloneResponse::default(), Value::Null, descriptor);
            out.push(nothing);
        }
        if let Some(last) = out.last_mut() {
            last.is_compared = traced.result.is_some();
            last.differences = differences;
        }
    }

    fn compare_tool(&mut self, traced: &TracedTool, answer: ToolAnswer) -> Vec<String> {
        let Some(recorded) = &traced.result else {
            return Vec::new();
        };
        let (ours, is_file) = match answer {
            ToolAnswer::Text(text) => (text, false),
            ToolAnswer::File { text, .. } => (text, true),
            ToolAnswer::Refused(text) | ToolAnswer::Fault(text) => {
                // How a refusal is worded depends on who hands it on.
                return if traced.is_error {
                    Vec::new()
                } else {
                    vec![format!(
                        "status: recorded a result, replayed the error {text:?}"
                    )]
                };
            }
            ToolAnswer::Unmodelled(what) => {
                return vec![format!("result: the clone does not model {what}")];
            }
        };
        if traced.is_error {
            let said = recorded
                .as_str()
                .map_or_else(|| recorded.to_string(), str::to_owned);
            return vec![format!(
                "status: recorded the error {said:?}, replayed a result"
            )];
        }
        if is_file {
            return Vec::new();
        }
        let evidence = parse(self.clone.state().evidence_text(&ours).as_bytes());
        let mut comparison = Comparison {
            ids: &mut self.ids,
            is_partial: true,
            differences: Vec::new(),
        };
        comparison.of("", recorded, &parse(ours.as_bytes()), &evidence);
        comparison.differences
    }

    fn send(&mut self, mut request: CloneRequest, now: Timestamp) -> CloneResponse {
        if let Some(credential) = self.credential {
            let header = ("authorization".to_owned(), format!("Bearer {credential}"));
            request.headers.push(header);
        }
        let response = self.clone.call(&request, now);
        let tag = response.headers.iter().find(|(name, _)| *name == "etag");
        if let Some((_, tag)) = tag.filter(|_| request.method == "GET") {
            let asked = format!("{}?{}", request.path, request.query);
            self.tags.insert(asked, tag.clone());
        }
        response
    }
}

/// The representation that the client asked for, where it was recorded.
fn accepted(call: &TracedCall<'_>) -> String {
    let asked = call.http.request_headers.get("accept");
    asked.map_or_else(|| "application/json".to_owned(), String::clone)
}

/// Whether two statuses are the same. Of one that a tool's result implies only its success is known.
fn is_same(recorded: u16, ours: u16, is_implied: bool) -> bool {
    recorded == ours || (is_implied && recorded / 100 == ours / 100 && recorded < 400)
}

/// Whether more pages follow in one of the two and not in the other.
fn follows(call: &TracedCall<'_>, response: &CloneResponse) -> Option<String> {
    let recorded = call.http.response_headers.get("link")?;
    let ours = response.headers.iter().find(|(name, _)| *name == "link");
    let leads = |link: &str| link.contains("rel=\"next\"");
    let (theirs, ours) = (leads(recorded), ours.is_some_and(|(_, link)| leads(link)));
    (theirs != ours).then(|| format!("headers/link: recorded next page {theirs}, replayed {ours}"))
}

fn line(request: &CloneRequest) -> String {
    let mark = if request.query.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", request.path, request.query)
}

/// A call with what the clone answered, before anything is compared.
fn replayed(
    call: &TracedCall<'_>,
    response: CloneResponse,
    evidence: Value,
    descriptor: &CloneDescriptor,
) -> ReplayedCall {
    let mark = if call.query.is_empty() { "" } else { "?" };
    ReplayedCall {
        span: call.span.to_owned(),
        clone: call.clone,
        operation: response.operation,
        method: call.http.method.clone(),
        path: format!("{}{mark}{}", call.path, call.query),
        request: call.http.request_body.clone().unwrap_or(Value::Null),
        status: response.status,
        response: evidence,
        asks_to_change: call.asks_to_change(descriptor),
        changes: response.changes,
        tool: call.tool.as_ref().map(|tool| tool.name.clone()),
        is_compared: false,
        skipped: None,
        differences: Vec::new(),
    }
}

/// A call that is not sent, with the answer of the record.
fn skipped(call: &TracedCall<'_>, descriptor: &CloneDescriptor) -> ReplayedCall {
    let answer = CloneResponse {
        operation: (descriptor.operation_of)(&call.host, &call.http.method, &call.path),
        status: call.http.status.unwrap_or_default(),
        ..CloneResponse::default()
    };
    let body = call.http.response_body.clone().unwrap_or(Value::Null);
    ReplayedCall {
        skipped: call
            .fault
            .clone()
            .or_else(|| Some("part of a call that failed".to_owned())),
        ..replayed(call, answer, body, descriptor)
    }
}

fn parse(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}
