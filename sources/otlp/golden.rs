//! What real SDKs export, through the dialects. The exports are recorded by the scripts in
//! `tests/dialects`: a small agent lists issues, fails to close one, is refused to close another,
//! and says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use archal_core::source::DecodedTrace;
use archal_core::trace::{Part, Span, SpanKind, Status, ToolCall, Trace};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Request, assemble, decode_json, decode_protobuf, decode_protobuf_logs};

macro_rules! recorded {
    ($($name:literal $(+ $logs:literal)?),* $(,)?) => {
        &[$(Recorded {
            name: $name,
            json: include_str!(concat!("fixtures/sdk/", $name, ".json")),
            protobuf: include_bytes!(concat!("fixtures/sdk/", $name, ".pb")),
            logs: &[$((
                include_str!(concat!("fixtures/sdk/", $name, ".", $logs, ".json")),
                include_bytes!(concat!("fixtures/sdk/", $name, ".", $logs, ".pb")),
            ))?],
        }),*]
    };
}

/// One run in both encodings.
struct Recorded {
    name: &'static str,
    json: &'static str,
    protobuf: &'static [u8],
    logs: &'static [(&'static str, &'static [u8])],
}

/// Runs of the whole agent.
const AGENTS: &[Recorded] = recorded![
    "ai_sdk_v5",
    "ai_sdk_v6",
    "ai_sdk_v7",
    "langsmith",
    "openinference",
    "openllmetry",
    "openllmetry_0_40",
    "otel_attributes",
    "otel_events" + "logs",
    "pydantic_ai",
    "pydantic_ai_v1",
    "pydantic_ai_v2",
];
/// HTTP calls alone, and an agent that ended when a tool threw.
const OTHERS: &[Recorded] = recorded!["ai_sdk_v4", "http_old", "logfire_http"];

fn one(request: Request) -> DecodedTrace {
    assert_eq!(request.rejected, 0, "{:?}", request.diagnostics);
    let mut diagnostics = Vec::new();
    let mut traces = assemble(request, &mut diagnostics);
    assert_eq!(diagnostics, []);
    assert_eq!(traces.len(), 1);
    traces.remove(0)
}

fn join(requests: impl IntoIterator<Item = Request>) -> Request {
    let mut joined = Request::default();
    for mut request in requests {
        joined.spans.append(&mut request.spans);
        joined.events.append(&mut request.events);
        joined.rejected += request.rejected;
    }
    joined
}

fn from_json(recorded: &Recorded) -> DecodedTrace {
    one(request(recorded))
}

fn request(recorded: &Recorded) -> Request {
    let read = |text: &str| decode_json(text.as_bytes()).expect("it is an export");
    let lines = recorded.json.lines().map(read);
    join(lines.chain(recorded.logs.iter().map(|(text, _)| read(text))))
}

fn from_protobuf(recorded: &Recorded) -> DecodedTrace {
    let spans = decode_protobuf(recorded.protobuf).expect("it is an export");
    let logs = recorded
        .logs
        .iter()
        .map(|(_, bytes)| decode_protobuf_logs(*bytes).expect("it is an export"));
    one(join([spans].into_iter().chain(logs)))
}

#[test]
fn both_encodings_give_the_same_trace() {
    for recorded in AGENTS.iter().chain(OTHERS) {
        assert_eq!(
            from_json(recorded),
            from_protobuf(recorded),
            "{}",
            recorded.name
        );
    }
}

#[test]
fn what_each_sdk_writes_reads_as_its_snapshot() {
    for recorded in AGENTS.iter().chain(OTHERS) {
        insta::assert_snapshot!(recorded.name, summary(&from_json(recorded)));
    }
}

#[test]
fn every_sdk_tells_the_same_run() {
    for recorded in AGENTS {
        let trace = from_json(recorded).trace;
        let name = recorded.name;
        let text = |text: &str| Some(Value::from(text));
        assert_eq!(
            trace.input,
            text("close stale issues in acme/webapp"),
            "{name}"
        );
        let answer = "Closed no issue: one call timed out, one was refused.";
        assert_eq!(trace.output, text(answer), "{name}");
        assert_eq!(trace.completeness.truncated, [""; 0], "{name}");
        assert!(trace.completeness.content, "{name}");

        let tools: Vec<(&Span, &ToolCall)> = trace
            .spans
            .iter()
            .filter(|span| span.kind == SpanKind::Tool)
            .filter_map(|span| Some((span, span.tool.as_ref()?)))
            .collect();
        let calls: BTreeMap<&str, (&Span, &ToolCall)> = tools
            .iter()
            .filter_map(|(span, tool)| Some((tool.call_id.as_deref()?, (*span, *tool))))
            .collect();
        assert_eq!((tools.len(), calls.len()), (3, 3), "{name}: each call once");

        let (span, listed) = calls["call_list"];
        assert_eq!(listed.name, "list_issues", "{name}");
        let asked = json!({"repo": "acme/webapp", "state": "open"});
        assert_eq!(listed.arguments, Some(asked), "{name}");
        let result = listed.result.as_ref().expect("it answered");
        assert_eq!(result[1]["title"], "typo in README", "{name}");
        assert!(!listed.result_is_error && span.status != Status::Error);

        let (span, failed) = calls["call_close_7"];
        let asked = json!({"repo": "acme/webapp", "number": 7});
        assert_eq!(failed.arguments, Some(asked), "{name}");
        assert_eq!(span.status, Status::Error, "{name}: the call failed");

        let (span, refused) = calls["call_close_12"];
        let result = refused.result.as_ref().expect("it answered");
        assert_eq!(result["status"], 403, "{name}");
        assert!(refused.result_is_error, "{name}: it answered with an error");
        assert_ne!(span.status, Status::Error, "{name}: but it did not fail");
        assert_eq!(span.error, None, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_spans_are_lost_no_call_is_told_twice_or_otherwise(
        which in 0..AGENTS.len(),
        kept in prop::collection::vec(any::<bool>(), 40),
    ) {
        let whole = request(&AGENTS[which]);
        let truth = calls(&assemble(whole.clone(), &mut Vec::new()).remove(0).trace);
        let mut rest = whole;
        let mut kept = kept.into_iter();
        rest.spans.retain(|_| kept.next().unwrap_or(true));
        for one in assemble(rest, &mut Vec::new()) {
            for (id, told) in calls(&one.trace) {
                let (_, true_arguments, true_result) = &truth[&id];
                let (times, arguments, result) = told;
                prop_assert_eq!(times, 1);
                prop_assert!(arguments.is_none() || arguments == *true_arguments);
                // A failed call without its span is known by what the model was told alone.
                prop_assert!(result.is_none() || true_result.is_none() || result == *true_result);
            }
        }
    }

    #[test]
    fn the_order_in_which_spans_come_changes_nothing(
        which in 0..AGENTS.len(),
        order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let whole = request(&AGENTS[which]);
        let mut shuffled = Request { events: whole.events.clone(), ..Request::default() };
        shuffled.events.reverse();
        for place in order {
            shuffled.spans.extend(whole.spans.get(place).cloned());
        }
        prop_assert_eq!(one(shuffled), one(whole));
    }
}

/// Of each call with an id how often it is told, its arguments and its result.
type Calls = BTreeMap<String, (usize, Option<Value>, Option<Value>)>;

fn calls(trace: &Trace) -> Calls {
    let mut calls = Calls::new();
    for tool in trace.spans.iter().filter_map(|span| span.tool.as_ref()) {
        let Some(id) = &tool.call_id else { continue };
        let call = calls.entry(id.clone()).or_default();
        call.0 += 1;
        call.1.clone_from(&tool.arguments);
        call.2.clone_from(&tool.result);
    }
    calls
}

/// A trace as people would tell it, with what no dialect understood by name.
fn summary(decoded: &DecodedTrace) -> String {
    let trace = &decoded.trace;
    let mut out = String::new();
    let shown = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let complete = &trace.completeness;
    writeln!(out, "{} {:?}", trace.name, trace.status).expect("memory");
    writeln!(out, "dialects {:?}", decoded.dialects).expect("memory");
    writeln!(out, "input {}", shown(&trace.input)).expect("memory");
    writeln!(out, "output {}", shown(&trace.output)).expect("memory");
    writeln!(
        out,
        "project {} model {} session {} user {} tags {:?}",
        word(&decoded.project),
        word(&trace.model),
        word(&trace.session_id),
        word(&trace.user_id),
        trace.tags
    )
    .expect("memory");
    writeln!(
        out,
        "content {} truncated {:?} dropped {} orphans {}",
        complete.content, complete.truncated, complete.dropped, complete.orphans
    )
    .expect("memory");
    for span in &trace.spans {
        tell(span, &mut out);
    }
    out
}

fn tell(span: &Span, out: &mut String) {
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    let value = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    line(format!(
        "\n{:?} {:?} {:?}{}",
        span.kind,
        span.name,
        span.status,
        if span.parent_id.is_none() {
            " root"
        } else {
            ""
        }
    ));
    if let Some(error) = &span.error {
        line(format!("  error {error:?}"));
    }
    if span.input.is_some() || span.output.is_some() {
        line(format!(
            "  {} -> {}",
            value(&span.input),
            value(&span.output)
        ));
    }
    if let Some(tool) = &span.tool {
        line(format!(
            "  {} {} {} -> {}{}",
            tool.name,
            tool.call_id.as_deref().unwrap_or("-"),
            value(&tool.arguments),
            value(&tool.result),
            if tool.result_is_error {
                " (an error)"
            } else {
                ""
            }
        ));
    }
    if let Some(http) = &span.http {
        // The loopback had another port each time.
        let path = http.url.splitn(4, '/').nth(3).unwrap_or_default();
        line(format!("  {} /{path} {:?}", http.method, http.status));
        if http.request_body.is_some() || http.response_body.is_some() {
            let bodies = [&http.request_body, &http.response_body].map(value);
            line(format!("  {}", bodies.join(" -> ")));
        }
        for (name, text) in http.request_headers.iter().chain(&http.response_headers) {
            // The loopback had another port, and the clock another time.
            if !["host", "date"].contains(&name.as_str()) {
                line(format!("  {name}: {text}"));
            }
        }
    }
    if let Some(llm) = &span.llm {
        line(format!(
            "  {} {:?}",
            llm.model.as_deref().unwrap_or("-"),
            llm.usage
        ));
        for message in &llm.messages {
            for part in &message.parts {
                let text = match part {
                    Part::Text { text } => text.clone(),
                    Part::ToolCall {
                        id,
                        name,
                        arguments,
                    } => format!("call {name} {id:?} {}", value(arguments)),
                    Part::ToolResult { id, result } => format!("result {id:?} {}", value(result)),
                    Part::Media { reference } => reference.clone(),
                };
                line(format!("  {}: {text}", message.role));
            }
        }
    }
    let names: Vec<&str> = span.attributes.keys().map(String::as_str).collect();
    if !names.is_empty() {
        line(format!("  left {}", names.join(" ")));
    }
}
