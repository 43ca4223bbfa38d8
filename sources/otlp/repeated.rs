//! Ids that stand in an export more than once: of calls and of spans.

use super::{OtlpSpan, assemble, decode_json};

/// A call of a model with the messages it was shown and those it answered, as JSON.
fn model_call(id: &str, start: u64, shown: &str, answered: &str) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        r#"{{"traceId":"t","spanId":"{id}","name":"chat","startTimeUnixNano":"{start}","endTimeUnixNano":"{}",
        "attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},
        {{"key":"gen_ai.input.messages","value":{{"stringValue":{}}}}},
        {{"key":"gen_ai.output.messages","value":{{"stringValue":{}}}}}]}}"#,
        start + 1,
        text(shown),
        text(answered)
    )
}

fn tools_of(spans: &[String]) -> Vec<(Option<serde_json::Value>, Option<serde_json::Value>)> {
    let text = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    let request = decode_json(text.as_bytes()).expect("it is an export");
    let trace = assemble(request, &mut Vec::new()).remove(0).trace;
    let tools = trace.spans.into_iter().filter_map(|span| span.tool);
    tools.map(|tool| (tool.arguments, tool.result)).collect()
}

fn asks(id: &str, issue: u8) -> String {
    format!(
        r#"{{"role":"assistant","parts":[{{"type":"tool_call","id":"{id}","name":"label","arguments":{{"issue":{issue}}}}}]}}"#
    )
}

fn gives(id: &str, result: &str) -> String {
    format!(
        r#"{{"role":"tool","parts":[{{"type":"tool_call_response","id":"{id}","response":"{result}"}}]}}"#
    )
}

#[test]
fn calls_of_restored_history_and_calls_nobody_made_are_no_calls_of_the_trace() {
    let history = format!("[{},{}]", asks("old", 1), gives("old", "done"));
    let later = format!("[{},{}]", asks("new", 2), gives("new", "ok"));
    let spans = [
        model_call(
            "0000000000000001",
            10,
            &history,
            &format!("[{}]", asks("new", 2)),
        ),
        model_call(
            "0000000000000002",
            20,
            &later,
            &format!("[{}]", asks("open", 3)),
        ),
    ];
    let made = tools_of(&spans);
    let expected = (Some(serde_json::json!({"issue": 2})), Some("ok".into()));
    assert_eq!(made, [expected]);
}

#[test]
fn an_id_that_each_answer_begins_anew_is_another_call_each_time() {
    let one = format!("[{},{}]", asks("call_0", 1), gives("call_0", "one"));
    let two = format!(
        "[{},{},{},{}]",
        asks("call_0", 1),
        gives("call_0", "one"),
        asks("call_0", 2),
        gives("call_0", "two")
    );
    let mut spans = vec![
        model_call(
            "0000000000000001",
            10,
            "[]",
            &format!("[{}]", asks("call_0", 1)),
        ),
        model_call(
            "0000000000000002",
            20,
            &one,
            &format!("[{}]", asks("call_0", 2)),
        ),
        model_call("0000000000000003", 30, &two, "[]"),
    ];
    let issue = |number: u8| Some(serde_json::json!({"issue": number}));
    let expected = [
        (issue(1), Some("one".into())),
        (issue(2), Some("two".into())),
    ];
    assert_eq!(tools_of(&spans), expected);
    let executed = |id: &str, start: u64, issue: u8| {
        format!(
            r#"{{"traceId":"t","spanId":"{id}","name":"execute_tool label","startTimeUnixNano":"{start}",
            "attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"execute_tool"}}}},
            {{"key":"gen_ai.tool.name","value":{{"stringValue":"label"}}}},
            {{"key":"gen_ai.tool.call.id","value":{{"stringValue":"call_0"}}}},
            {{"key":"gen_ai.tool.call.arguments","value":{{"stringValue":"{{\"issue\":{issue}}}"}}}}]}}"#
        )
    };
    spans.push(executed("0000000000000004", 15, 1));
    spans.push(executed("0000000000000005", 25, 2));
    assert_eq!(tools_of(&spans), expected);
    spans.push(executed("0000000000000006", 35, 3));
    assert_eq!(
        tools_of(&spans)[2],
        (issue(3), None),
        "no message tells its result"
    );
}

#[test]
fn a_tool_whose_fields_are_recorded_in_one_argument_is_the_call_that_was_asked_for() {
    // What OpenInference's decorator writes of `def label(issue, **fields)`.
    let mut spans = vec![
        model_call(
            "0000000000000001",
            10,
            "[]",
            r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"label","arguments":{"issue":1,"name":"bug"}}]}]"#,
        ),
        model_call(
            "0000000000000003",
            30,
            &format!("[{}]", gives("c1", "ok")),
            "[]",
        ),
    ];
    let tool = |arguments: &str| {
        format!(
            r#"{{"traceId":"t","spanId":"0000000000000002","name":"label","startTimeUnixNano":"20",
            "attributes":[{{"key":"openinference.span.kind","value":{{"stringValue":"TOOL"}}}},
            {{"key":"tool.name","value":{{"stringValue":"label"}}}},
            {{"key":"input.mime_type","value":{{"stringValue":"application/json"}}}},
            {{"key":"input.value","value":{{"stringValue":{}}}}}]}}"#,
            serde_json::Value::from(arguments)
        )
    };
    let called = Some(serde_json::json!({"issue": 1, "name": "bug"}));
    spans.push(tool(r#"{"issue":1,"fields":{"name":"bug"}}"#));
    assert_eq!(tools_of(&spans), [(called.clone(), Some("ok".into()))]);
    spans[2] = tool(r#"{"issue":1,"fields":{"name":"docs"}}"#);
    let other = Some(serde_json::json!({"issue": 1, "fields": {"name": "docs"}}));
    let both = tools_of(&spans);
    assert_eq!(both.len(), 2, "another label is another call");
    assert!(both.contains(&(other, None)) && both.contains(&(called, Some("ok".into()))));
}

#[test]
fn a_large_span_with_the_id_of_many_small_ones_is_written_out_once() {
    let large = OtlpSpan {
        trace_id: "t".to_owned(),
        span_id: "s".to_owned(),
        attributes: [("a".to_owned(), "x".repeat(4 << 20).into())].into(),
        ..OtlpSpan::default()
    };
    let small = (0..20_000_u32).map(|number| OtlpSpan {
        trace_id: "t".to_owned(),
        span_id: "s".to_owned(),
        name: number.to_string(),
        ..OtlpSpan::default()
    });
    let spans: Vec<OtlpSpan> = std::iter::once(large).chain(small).collect();
    let trace = assemble(spans.into(), &mut Vec::new()).remove(0).trace;
    let kept = trace.spans[0]
        .attributes
        .get("a")
        .and_then(|text| text.as_str());
    assert!(kept.is_some_and(|text| text.len() > 1_000));
}
