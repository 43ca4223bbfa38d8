//! Requests of OTLP over HTTP protobuf: traces of five spans of 1.8 KB, as an agent with tools exports them.
//!
//! A request is built once; ids are written into it, for whoever sends it pays for building it, too.

use std::ops::Range;

/// Spans of one trace: its root and calls of tools.
pub(crate) const OF_TRACE: u64 = 5;
/// Traces of one request.
const OF_REQUEST: u64 = 100;
/// Spans of one request; exporters send 512 at most unless told otherwise.
pub(crate) const SPANS: u64 = OF_TRACE * OF_REQUEST;
/// When the traces began: 2026-03-01T12:00:00Z, in nanoseconds.
const BEGAN: u64 = 1_772_366_400_000_000_000;

/// A result of a tool: what a service says of an issue.
const ISSUE: &str = r#"{"number":41,"title":"The import stops at the second page","state":"open","user":{"login":"mona","id":583231},"labels":[{"name":"bug"},{"name":"keep-open"}],"comments":3,"created_at":"2026-01-14T09:12:44Z","updated_at":"2026-02-20T17:03:10Z","body":"Steps: open the report, choose a range of two months, press export. What comes holds the first hundred rows, and nothing says that there are more."}"#;

/// The body of a request, and where ids stand in it.
#[derive(Clone)]
pub(crate) struct Request {
    body: Vec<u8>,
    /// Of each span its trace, itself, and its parent.
    places: Vec<(Range<usize>, Range<usize>, Option<Range<usize>>)>,
}

impl Request {
    /// One with all ids zero.
    pub(crate) fn new() -> Self {
        let mut spans = Vec::new();
        let mut places = Vec::new();
        for number in 0..SPANS {
            let (span, [trace, own, parent]) = span(number % OF_TRACE);
            length(&mut spans, 2, span.len());
            let at = spans.len();
            let moved = |range: Range<usize>| range.start + at..range.end + at;
            let parent = (!parent.is_empty()).then(|| moved(parent));
            places.push((moved(trace), moved(own), parent));
            spans.extend_from_slice(&span);
        }
        let mut resource = Vec::new();
        attribute(&mut resource, 1, "service.name", "triage");
        attribute(&mut resource, 1, "telemetry.sdk.name", "opentelemetry");
        let mut of_resource = Vec::new();
        bytes(&mut of_resource, 1, &resource);
        length(&mut of_resource, 2, spans.len());
        let mut body = Vec::new();
        length(&mut body, 1, of_resource.len() + spans.len());
        body.extend_from_slice(&of_resource);
        let at = body.len();
        body.extend_from_slice(&spans);
        let moved = |range: Range<usize>| range.start + at..range.end + at;
        let places = places
            .into_iter()
            .map(|(trace, own, parent)| (moved(trace), moved(own), parent.map(moved)))
            .collect();
        Self { body, places }
    }

    /// The request of that number: no id is one of another number.
    pub(crate) fn of(&mut self, number: u64) -> &[u8] {
        for (at, (trace, own, parent)) in (0_u64..).zip(&self.places) {
            let run = number * OF_REQUEST + at / OF_TRACE;
            let id = u128::from(run) + (1 << 100);
            self.body[trace.clone()].copy_from_slice(&id.to_be_bytes());
            let id = |of: u64| ((1 << 60) + (run << 8) + of).to_be_bytes();
            self.body[own.clone()].copy_from_slice(&id(at % OF_TRACE));
            if let Some(parent) = parent {
                self.body[parent.clone()].copy_from_slice(&id(0));
            }
        }
        &self.body
    }

    /// Bytes of a request.
    pub(crate) fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// A span, and where its trace, its own id and its parent's stand.
fn span(of: u64) -> (Vec<u8>, [Range<usize>; 3]) {
    let is_root = of == 0;
    let mut out = Vec::new();
    let id = |out: &mut Vec<u8>, field, length| {
        bytes(out, field, &[0; 16][..length]);
        out.len() - length..out.len()
    };
    let trace = id(&mut out, 1, 16);
    let own = id(&mut out, 2, 8);
    let parent = if is_root { 0..0 } else { id(&mut out, 4, 8) };
    let name = if is_root {
        "invoke_agent triage"
    } else {
        "execute_tool get_issue"
    };
    bytes(&mut out, 5, name.as_bytes());
    for (field, time) in [(7, BEGAN + of), (8, BEGAN + 900_000_000 - of)] {
        varint(&mut out, field << 3 | 1);
        out.extend_from_slice(&time.to_le_bytes());
    }
    let mut said = |name: &str, value: &str| attribute(&mut out, 9, name, value);
    said("gen_ai.conversation.id", "b0f5c2f6-conversation");
    said(
        "gen_ai.agent.description",
        "Reads the issues of a repository, asks for what is missing in those that nobody can act upon, and closes those on which nothing happened for ninety days. It never closes what is labelled keep-open.",
    );
    if is_root {
        said("gen_ai.operation.name", "invoke_agent");
        said("gen_ai.agent.name", "triage");
        let text = format!("Answer to this issue: {ISSUE} And to that one: {ISSUE}");
        let message = |role: &str, text: &str| {
            serde_json::json!([{"role": role, "parts": [{"type": "text", "content": text}]}])
                .to_string()
        };
        said("gen_ai.input.messages", &message("user", &text));
        said("gen_ai.output.messages", &message("assistant", ISSUE));
    } else {
        said("gen_ai.operation.name", "execute_tool");
        said("gen_ai.tool.name", "get_issue");
        said("gen_ai.tool.call.id", &format!("call_{of}"));
        let arguments = format!(r#"{{"owner":"acme","repo":"webapp","issue_number":4{of}}}"#);
        said("gen_ai.tool.call.arguments", &arguments);
        let result = format!("[{ISSUE},{ISSUE},{ISSUE}]");
        said("gen_ai.tool.call.result", &result);
    }
    (out, [trace, own, parent])
}

fn attribute(out: &mut Vec<u8>, field: u64, name: &str, value: &str) {
    let mut inner = Vec::new();
    bytes(&mut inner, 1, value.as_bytes());
    let mut pair = Vec::new();
    bytes(&mut pair, 1, name.as_bytes());
    bytes(&mut pair, 2, &inner);
    bytes(out, field, &pair);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    length(out, field, value.len());
    out.extend_from_slice(value);
}

fn length(out: &mut Vec<u8>, field: u64, length: usize) {
    varint(out, field << 3 | 2);
    varint(out, length as u64);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
