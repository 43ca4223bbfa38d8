//! Verdicts sent to a real receiver: archal's own `otel` source.

use archal_testkit::cli::TestEnv;
use serde_json::json;

use crate::push::served::{Served, at_once, options, traces};

/// A trace of one span in which the agent claims what nothing shows.
fn export() -> String {
    let said_by = |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
    let asked = said_by("user", "Send Ann the report");
    let answered = said_by("assistant", "I have sent the report.");
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "6513270e269e0d37f2a74de452e6b438", "spanId": "0c5c7fd0a6a3a450",
        "name": "chat model-1",
        "startTimeUnixNano": "1795261097420372963", "endTimeUnixNano": "1795261097421236620",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.input.messages", "value": {"stringValue": asked.to_string()}},
            {"key": "gen_ai.output.messages", "value": {"stringValue": answered.to_string()}},
        ],
    }]}]}]})
    .to_string()
}

#[test]
fn what_is_sent_to_the_source_a_trace_came_from_changes_nothing_of_the_trace() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    let door = served.at["http"];
    let environment = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    let config = json!({"grade": {"results": {"endpoint": format!("http://{door}")}}});
    environment.write(".archal.json", &config.to_string());
    environment.write("trace.json", &export());
    let output = environment
        .run(&["grade", "trace.json", "--send-results"])
        .ended(1);
    assert!(
        output.stderr.contains("sent 1 verdicts to 127.0.0.1:"),
        "{output}"
    );
    // The result came before its span, and waits for it: what archal said is no evidence.
    served.post_json(&export());
    served.packed();
    let kept = traces(&served.traces);
    let trace = &kept["6513270e269e0d37f2a74de452e6b438"];
    assert_eq!(trace.scores, []);
    served.end();

    let output = environment
        .run(&["grade", "trace.json", "--send-results"])
        .ended(3);
    assert!(output.stderr.contains("were not sent"), "{output}");
    environment.write(".archal.json", "{}");
    let output = environment
        .run(&["grade", "trace.json", "--send-results"])
        .ended(2);
    assert!(output.stderr.contains("nobody is named"), "{output}");
}
