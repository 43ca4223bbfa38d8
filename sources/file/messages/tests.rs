//! Conversations in, spans out.

use archal_core::trace::{Part, Trace};

use crate::file::decode;

/// What a person would want to see of a conversation.
fn told(bytes: &[u8]) -> String {
    let decoded = decode(bytes);
    let mut out = format!("{}\n", decoded.dialect.unwrap_or("?"));
    for one in &decoded.traces {
        out += &trace(&one.trace);
    }
    for finding in &decoded.diagnostics {
        out += &format!("{}: {}\n", finding.code, finding.message);
    }
    out
}

fn trace(trace: &Trace) -> String {
    let text = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let mut out = format!(
        "trace {} {:?} dropped={} {} -> {}\n",
        trace.id,
        trace.name,
        trace.completeness.dropped,
        text(&trace.input),
        text(&trace.output)
    );
    for span in &trace.spans {
        out += &format!("  {} {:?}", span.id, span.kind);
        if let Some(tool) = &span.tool {
            out += &format!(
                " {} {} -> {}{}",
                tool.name,
                text(&tool.arguments),
                text(&tool.result),
                if tool.result_is_error { " (error)" } else { "" }
            );
        }
        for message in span.llm.iter().flat_map(|llm| &llm.messages) {
            let parts: Vec<&str> = message
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text { .. } => "text",
                    Part::ToolCall { .. } => "call",
                    Part::ToolResult { .. } => "result",
                    Part::Media { .. } => "media",
                })
                .collect();
            out += &format!(" {}:{}", message.role, parts.join("+"));
        }
        out += "\n";
    }
    out
}

#[test]
fn calls_of_chat_apis_are_joined_to_their_results() {
    insta::assert_snapshot!(told(br#"{"id": "t-1", "name": "triage", "tags": ["a"], "label": "ok", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "close stale issues"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "list_issues", "arguments": "{\"state\":\"open\"}"}},
            {"id": "b", "type": "function", "function": {"name": "get_repo", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "b", "content": "Error: no such repo"},
        {"role": "tool", "tool_call_id": "a", "content": "[{\"number\": 7}]"},
        {"role": "assistant", "content": "There is one."},
        {"role": "user", "content": "thanks"}]}"#), @r#"
    messages
    trace t-1 "triage" dropped=0 "close stale issues" -> "There is one."
      m2 Llm system:text user:text assistant:call+call
      m2.c000 Tool list_issues {"state":"open"} -> [{"number":7}]
      m2.c001 Tool get_repo {} -> "Error: no such repo" (error)
      m5 Llm tool:result tool:result assistant:text
      m7 Event user:text
    "#);
}

#[test]
fn blocks_and_the_old_shape_of_calls_are_read_too() {
    insta::assert_snapshot!(told(br#"{"id": 5, "system": "Be brief.", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "x", "name": "read", "input": {"path": "a"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "is_error": true, "content": [{"type": "text", "text": "not there"}]}]},
        {"role": "assistant", "content": "It is not there."}]}
{"messages": [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": null, "function_call": {"name": "weather", "arguments": "{\"at\": \"Rome\"}"}},
        {"role": "function", "name": "weather", "content": "{\"c\": 20}"},
        {"role": "assistant", "content": "20 degrees."}]}"#), @r#"
    messages
    trace 5 "messages" dropped=0 "hi" -> "It is not there."
      m2 Llm system:text user:text assistant:text+call
      m2.c001 Tool read {"path":"a"} -> {"content":[{"text":"not there","type":"text"}],"isError":true} (error)
      m4 Llm user:result assistant:text
    trace messages-d3a43df7 "messages" dropped=0 "weather?" -> "20 degrees."
      m1 Llm user:text assistant:call
      m1.c000 Tool weather {"at":"Rome"} -> {"c":20}
      m3 Llm tool:result assistant:text
    "#);
}

#[test]
fn calls_in_texts_are_read_where_a_program_answers() {
    let record = |steps: &[(&str, &str)]| {
        let mut messages = vec![serde_json::json!({"role": "user", "content": "fix it"})];
        for (said, answered) in steps {
            messages.push(serde_json::json!({"role": "assistant", "content": said}));
            messages.push(serde_json::json!({"role": "user", "content": answered}));
        }
        told(
            serde_json::json!({"id": "t", "messages": messages})
                .to_string()
                .as_bytes(),
        )
    };
    insta::assert_snapshot!(record(&[
        ("I look.\n```bash\nls -la\n```", "<returncode>0</returncode>\n<output>a</output>"),
        ("Two commands.", "Give one command."),
        ("Again.\n```bash\npytest\n```", "<returncode>1</returncode>\n<output>1 failed</output>"),
    ]), @r#"
    messages
    trace t "messages" dropped=0 "fix it" -> -
      m1 Llm user:text assistant:text+call
      m1.c001 Tool bash {"command":"ls -la"} -> "<returncode>0</returncode>\n<output>a</output>"
      m3 Llm tool:result assistant:text
      m5 Llm environment:text assistant:text+call
      m5.c001 Tool bash {"command":"pytest"} -> "<returncode>1</returncode>\n<output>1 failed</output>" (error)
      m7 Event tool:result
    "#);
    insta::assert_snapshot!(record(&[
        ("<function=edit>\n<parameter=path>a.py</parameter>\n<parameter=text>x</parameter>\n</function>", "OBSERVATION:\nok"),
        ("<tool_call>{\"name\": \"run\", \"arguments\": {\"n\": 1}}</tool_call>", "<tool_response>fine</tool_response>"),
        ("Thought: search\nAction: search\nAction Input: {\"q\": \"x\"}", "Observation: nothing"),
    ]), @r#"
    messages
    trace t "messages" dropped=0 "fix it" -> -
      m1 Llm user:text assistant:text+call
      m1.c001 Tool edit {"path":"a.py","text":"x"} -> "OBSERVATION:\nok"
      m3 Llm tool:result assistant:text+call
      m3.c001 Tool run {"n":1} -> "<tool_response>fine</tool_response>"
      m5 Llm tool:result assistant:text+call
      m5.c001 Tool search {"q":"x"} -> "Observation: nothing"
      m7 Event tool:result
    "#);
    // Code shown to a person is no call.
    insta::assert_snapshot!(record(&[("Run this:\n```bash\nls\n```", "Thanks, that worked!")]), @r#"
    messages
    trace t "messages" dropped=0 "fix it" -> "Run this:\n```bash\nls\n```"
      m1 Llm user:text assistant:text
      m3 Event user:text
    "#);
}

#[test]
fn bad_messages_cost_themselves() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let file = format!(
        "{{\"id\": \"t\", \"score\": NaN, \"meta\": {deep}, \"messages\": [7, {{\"role\": \"user\", \"content\": {deep}}}, \
         {{\"role\": \"tool\", \"tool_call_id\": \"nobody\", \"name\": \"x\", \"content\": \"y\"}}, \
         {{\"role\": \"user\", \"content\": \"\u{1F600} \\ud83d \"}}, {{\"role\": 5}}, {{}}]}}"
    );
    let mut bytes = file.into_bytes();
    bytes.extend(b"\n{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\xfe\"}]}");
    insta::assert_snapshot!(told(&bytes), @r#"
    messages
    trace t "messages" dropped=2 "😀 � " -> -
      m0.r000 Tool x - -> "y"
      m4 Event tool:result user:text user: user:
    trace messages-25a7659f "messages" dropped=0 "��" -> -
      m1 Event user:text
    trace/not-utf8: places that are not UTF-8 and were replaced: 2
    trace/half-character: characters cut in half by their writer: 1
    trace/not-a-number: numbers that JSON does not have, read as null: 1
    trace/bad-field: field `meta` cannot be read: recursion limit exceeded
    trace/bad-message: message 0 of trace `t` cannot be read: it is not an object
    trace/bad-message: message 1 of trace `t` cannot be read: recursion limit exceeded
    "#);
}

#[test]
fn the_same_ids_and_endless_messages_do_no_harm() {
    let mut messages = vec![serde_json::json!({"role": "user", "content": "go"})];
    for number in 0..50_000 {
        messages.push(serde_json::json!({"role": "assistant", "tool_calls": [{"id": "same", "function": {"name": "f", "arguments": {"n": number}}}]}));
        messages.push(serde_json::json!({"role": "tool", "tool_call_id": "same", "content": number.to_string()}));
    }
    let file = serde_json::json!({"id": "t", "messages": messages}).to_string();
    let decoded = decode(file.as_bytes());
    let spans = &decoded.traces[0].trace.spans;
    // What came after the last answer of the model is a span of its own.
    assert_eq!(spans.len(), 100_001);
    let last = spans
        .iter()
        .rev()
        .find_map(|span| span.tool.as_ref())
        .expect("a call");
    assert_eq!(last.result, Some(serde_json::json!("49999")));
}
