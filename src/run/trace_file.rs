//! The agent's own account of a run, from the file that `AGENT_TRACE_FILE` names: OTLP as JSON or a
//! batch of traces. It is the agent's word and decides nothing; people and judges read it beside
//! the calls, which are evidence.

use archal_core::diagnostic::Severity;
use archal_core::source::FileFormat;
use archal_core::trace::{Span, SpanKind, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::environment::TRACE_FILE;

/// Most steps told; the file has all of them.
const STEPS: usize = 500;
/// Most bytes of a value as JSON; the file has the whole.
const VALUE: usize = 4 << 10;
/// Most notes of what could not be read.
const NOTES: usize = 5;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentTrace {
    /// What the agent says it did, in the order in which it began.
    pub steps: Vec<Step>,
    /// What could not be read, one sentence each.
    pub notes: Vec<String>,
}

/// One thing the agent says it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// What it stands for.
    pub span: SpanKind,
    /// How it says it ended.
    pub status: Status,
    /// Its error text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The model that was asked, for a call of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What went in: arguments, messages, a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// When it began, in milliseconds after the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// How long it took in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
}

/// Reads the file, of which secrets were taken out before.
pub fn read(file: &[u8], format: &FileFormat) -> AgentTrace {
    let decoded = (format.decode)(file);
    let note = |what: &str| format!("AGENT_TRACE_FILE: {what}");
    let mut notes: Vec<String> = decoded
        .diagnostics
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| note(&finding.message))
        .collect();
    if decoded.traces.is_empty() && notes.is_empty() {
        notes.push(note("there is no trace in it"));
    }
    if !decoded.complete {
        notes.push(note("its writer had not finished"));
    }
    let more = notes.len().saturating_sub(NOTES);
    notes.truncate(NOTES);
    if more > 0 {
        notes.push(note(&format!("{more} more findings")));
    }
    let mut spans: Vec<&Span> = decoded
        .traces
        .iter()
        .flat_map(|decoded| &decoded.trace.spans)
        .collect();
    spans.sort_by_key(|span| span.started_at);
    let first = spans.iter().find_map(|span| span.started_at);
    let steps = spans
        .into_iter()
        .take(STEPS)
        .map(|span| step(span, first))
        .collect();
    AgentTrace { steps, notes }
}

fn step(span: &Span, first: Option<jiff::Timestamp>) -> Step {
    let since = |from: Option<jiff::Timestamp>, to: Option<jiff::Timestamp>| {
        Some(to?.as_millisecond() - from?.as_millisecond())
    };
    let tool = span.tool.as_ref();
    let http = span.http.as_ref();
    let input = tool
        .and_then(|tool| tool.arguments.clone())
        .or_else(|| Some(Value::from(format!("{} {}", http?.method, http?.url))))
        .or_else(|| span.input.clone());
    let output = tool
        .and_then(|tool| tool.result.clone())
        .or_else(|| http?.status.map(Value::from))
        .or_else(|| span.output.clone());
    Step {
        name: tool.map_or(&span.name, |tool| &tool.name).clone(),
        span: span.kind,
        status: span.status,
        error: span.error.clone(),
        model: span.llm.as_ref().and_then(|llm| llm.model.clone()),
        input: input.map(bounded),
        output: output.map(bounded),
        at_ms: since(first, span.started_at),
        took_ms: since(span.started_at, span.ended_at),
    }
}

fn bounded(value: Value) -> Value {
    let size = value.to_string().len();
    if size > VALUE {
        Value::from(format!("[{size} bytes, in {TRACE_FILE}]"))
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use archal_core::diagnostic::Diagnostic;
    use archal_core::source::{Decoded, DecodedTrace};
    use archal_core::trace::{ToolCall, Trace};
    use serde_json::json;

    use super::*;

    fn decode(bytes: &[u8]) -> Decoded {
        let at = |seconds| jiff::Timestamp::from_second(seconds).ok();
        let span = |name: &str, from, to| Span {
            name: name.to_owned(),
            kind: SpanKind::Tool,
            started_at: at(from),
            ended_at: at(to),
            ..Span::default()
        };
        let tool = Span {
            tool: Some(ToolCall {
                name: "issue_read".to_owned(),
                arguments: Some(json!({"issue_number": 7})),
                result: Some(json!("x".repeat(VALUE))),
                ..ToolCall::default()
            }),
            ..span("mcp", 12, 14)
        };
        Decoded {
            complete: bytes != b"half",
            traces: vec![DecodedTrace {
                trace: Trace {
                    spans: vec![tool, span("first", 10, 11)],
                    ..Trace::default()
                },
                ..DecodedTrace::default()
            }],
            diagnostics: (0..bytes.len())
                .map(|at| Diagnostic::warning("t/t", format!("finding {at}")))
                .collect(),
            ..Decoded::default()
        }
    }

    const FORMAT: FileFormat = FileFormat {
        accepts: |_| true,
        decode,
        join: |_, later| later,
        lines: None,
    };

    #[test]
    fn steps_stand_in_order_with_what_went_in_and_out() {
        let read = read(b"", &FORMAT);
        assert_eq!(read.notes, Vec::<String>::new());
        insta::assert_json_snapshot!(read.steps, @r#"
        [
          {
            "name": "first",
            "span": "tool",
            "status": "unset",
            "atMs": 0,
            "tookMs": 1000
          },
          {
            "name": "issue_read",
            "span": "tool",
            "status": "unset",
            "input": {
              "issue_number": 7
            },
            "output": "[4098 bytes, in agent-trace.json]",
            "atMs": 2000,
            "tookMs": 2000
          }
        ]
        "#);
    }

    #[test]
    fn what_could_not_be_read_is_noted_within_bounds() {
        let told = read(b"half", &FORMAT).notes;
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[4].contains("not finished"), "{told:?}");
        let told = read(&[b'x'; 20], &FORMAT).notes;
        assert_eq!(
            told.last().map(String::as_str),
            Some("AGENT_TRACE_FILE: 15 more findings")
        );
    }
}
