//! What becomes of calls in a trace.

use archal_core::trace::SpanKind;
use serde_json::json;

use super::*;
use crate::record::call;
use crate::session::recording::body::Captured;
use crate::session::recording::recorder::Call;

const TOKEN: &str = "own-token-without-a-known-shape";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn body(text: &str) -> Captured {
    Captured {
        bytes: Some(text.as_bytes().to_vec().into()),
        length: text.len() as u64,
        hash: "sha256:00".to_owned(),
        is_whole: true,
    }
}

fn call(second: i64, method: &str, url: &str, request: &str, response: &str) -> Call {
    Call {
        started_at: at(second),
        ended_at: Some(at(second + 1)),
        method: method.to_owned(),
        url: url.to_owned(),
        request_headers: vec![("authorization".to_owned(), format!("Bearer {TOKEN}"))],
        request: body(request),
        status: Some(200),
        response: body(response),
        ..Call::default()
    }
}

fn assembled(calls: Vec<Call>, ended: Ended, stdout: Option<&str>) -> Assembled {
    let command = Command {
        id: "t".to_owned(),
        name: "agent.py".to_owned(),
        input: format!("python agent.py --token {TOKEN}"),
        started_at: at(0),
        metadata: BTreeMap::new(),
    };
    let end = End {
        ended,
        ended_at: at(100),
        stdout,
        dropped: 0,
    };
    let redactor = Redactor::new([7; 32], []);
    let literals = Literals::new(&redactor, [TOKEN]);
    let calls = calls.iter().map(|one| call::entry(one, &redactor, 1 << 20));
    trace(command, calls.collect(), end, &literals, &redactor)
}

#[test]
fn models_tools_and_services_are_spans_and_the_last_word_is_the_output() {
    let asked = json!({"model": "m", "messages": [{"role": "user", "content": "Close 7."}]});
    let calls_tool = json!({"model": "m", "choices": [{"message": {"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "close", "arguments": "{\"number\":7}"}}]}}]});
    let again = json!({"model": "m", "messages": [
        {"role": "user", "content": "Close 7."},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "close", "arguments": "{\"number\":7}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "closed"}]});
    let done = json!({"model": "m", "choices": [{"message": {"role": "assistant", "content": "Closed 7."}}]});
    let model = "https://api.openai.com/v1/chat/completions";
    let service = "https://me:pw@api.github.com/repos/a/b/issues/7?x=1";
    let calls = vec![
        call(
            1,
            "POST",
            model,
            &asked.to_string(),
            &calls_tool.to_string(),
        ),
        call(
            3,
            "PATCH",
            service,
            "{\"state\":\"closed\"}",
            &json!({"state": "closed", "echo": TOKEN}).to_string(),
        ),
        call(5, "POST", model, &again.to_string(), &done.to_string()),
    ];
    let made = assembled(calls, Ended::Code(0), Some("ignored"));
    let trace = &made.trace;
    assert_eq!(trace.status, Status::Ok);
    assert_eq!(trace.output, Some(json!("Closed 7.")));
    assert_eq!(trace.model.as_deref(), Some("m"));
    let told: Vec<(SpanKind, &str)> = trace
        .spans
        .iter()
        .map(|span| (span.kind, span.name.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (SpanKind::Agent, "agent.py"),
            (SpanKind::Llm, "chat m"),
            (SpanKind::Tool, "close"),
            (SpanKind::Http, "PATCH /repos/a/b/issues/7"),
            (SpanKind::Llm, "chat m"),
        ]
    );
    let http = trace.spans[3].http.as_ref().expect("an exchange");
    assert_eq!(http.url, "https://api.github.com/repos/a/b/issues/7?x=1");
    assert_eq!(http.request_body, Some(json!({"state": "closed"})));
    assert_eq!(
        http.response_body.as_ref().expect("a body")["state"],
        "closed"
    );
    let text = serde_json::to_string(trace).expect("JSON");
    assert!(!text.contains(TOKEN), "{text}");
    assert!(made.redactions > 0);
    assert_eq!(trace.revision, trace.revision_of());
    assert!(trace.completeness.truncated.is_empty());
}

#[test]
fn what_is_missing_is_said_at_its_place() {
    let mut long = call(1, "GET", "https://api.github.com/long", "", "x");
    long.response.bytes = None;
    long.response.length = 9_000_000;
    let mut broken = call(3, "GET", "https://api.github.com/broken", "", "{\"a\":");
    broken.response.is_whole = false;
    broken.error = Some("the answer broke off".to_owned());
    let mut down = call(5, "GET", "https://api.github.com/down", "", "");
    (down.status, down.error) = (None, Some("nobody listens".to_owned()));
    let mut waiting = call(7, "GET", "https://api.github.com/waiting", "", "");
    (waiting.status, waiting.ended_at) = (None, None);
    let made = assembled(
        vec![long, broken, down, waiting],
        Ended::Signal(9),
        Some(" done \n"),
    );
    let trace = &made.trace;
    assert_eq!(
        trace.completeness.truncated,
        ["spans[1].http.responseBody", "spans[2].http.responseBody"]
    );
    assert_eq!(made.cut, (1, 9_000_000));
    assert_eq!(
        trace.spans[1].attributes["archal.responseBody"],
        "[9000000 bytes, sha256:00]"
    );
    let errors: Vec<Option<&str>> = trace
        .spans
        .iter()
        .map(|span| span.error.as_deref())
        .collect();
    assert_eq!(
        errors,
        [
            Some("the command was ended by signal 9"),
            None,
            Some("the answer broke off"),
            Some("nobody listens"),
            Some("it had no answer when the command ended"),
        ]
    );
    assert_eq!(trace.output, Some(json!("done")));
    assert_eq!(trace.status, Status::Error);
}
