//! The SDKs of Langfuse and Braintrust, unmodified, write a run of an agent to their service on the
//! loopback, and what they wrote comes back through the source of that name.

use std::fs;
use std::io::Read;
use std::process::Command;
use std::sync::Arc;

use archal_core::trace::Status;
use archal_sources::otlp::{self, OtlpSpan};
use archal_testkit::FakeClock;
use archal_testkit::cli::TestEnv;
use archal_testkit::loopback::Asked;
use archal_testkit::{braintrust, langfuse};
use serde_json::{Value, json};

use super::{python, script};

/// The server's time: later than any run of this test.
fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::new(
        "2126-01-01T00:00:00Z".parse().expect("a time"),
    ))
}

/// Lets an agent run under its SDK.
fn works(agent: &str, arguments: &[&str]) {
    let ended = Command::new(python())
        .arg(script(agent))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the agent");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{agent}: {said}");
    // The SDKs only tell of what they could not send.
    assert!(!said.contains("rror"), "{agent}: {said}");
}

/// The one trace that a source brings.
fn brought(environment: &TestEnv, provider: &str, options: &[&str]) -> Value {
    let mut connect = vec!["trace-source", "connect", provider, "--name", "prod"];
    for option in options.iter().chain(&["settle=0s"]) {
        connect.extend(["--option", option]);
    }
    drop(environment.run(&connect).ended(0));
    let sync = ["trace-source", "sync", "prod", "--json"];
    let report = environment.run(&sync).ended(0).json();
    assert_eq!(report["new"], 1, "{report:#}");
    assert_eq!(report["failed"], 0, "{report:#}");
    let folder = environment.repo().join(".archal/traces");
    let mut files = fs::read_dir(folder).expect("a folder").flatten();
    let file = files.next().expect("a file").path();
    let batch = fs::read_to_string(file).expect("a batch");
    let batch: Value = serde_json::from_str(&batch).expect("a batch");
    let [trace] = batch["traces"].as_array().expect("a list").as_slice() else {
        panic!("one trace: {batch:#}");
    };
    trace.clone()
}

/// What both agents did.
fn is_right(trace: &Value) {
    assert_eq!(trace["input"], "close stale issues", "{trace:#}");
    assert_eq!(trace["output"], "Closed 0 issues", "{trace:#}");
    assert_eq!(trace["model"], "gpt-5", "{trace:#}");
    assert_eq!(trace["sessionId"], "s-1", "{trace:#}");
    assert_eq!(trace["userId"], "u-1", "{trace:#}");
    let spans = trace["spans"].as_array().expect("a list");
    let names: Vec<&Value> = spans.iter().map(|span| &span["name"]).collect();
    let expected = ["triage-run", "chat", "list_issues", "close_issue"];
    assert_eq!(names, expected, "{trace:#}");
    assert!(
        spans[1..]
            .iter()
            .all(|span| span["parentId"] == spans[0]["id"]),
        "{trace:#}"
    );
    let called = json!({"type": "tool_call", "id": "c1", "name": "list_issues", "arguments": {"state": "open"}});
    let said = spans[1]["llm"]["messages"].to_string();
    assert!(said.contains(&called.to_string()), "{said}");
    let tool = &spans[2]["tool"];
    assert_eq!(tool["name"], "list_issues");
    assert_eq!(tool["callId"], "c1");
    assert_eq!(tool["arguments"], json!({"state": "open"}));
    assert_eq!(tool["result"], json!([{"number": 4}]));
    let failed = &spans[3];
    assert_eq!(failed["tool"]["arguments"], json!({"number": 4}));
    assert_eq!(failed["status"], "error", "{failed:#}");
    let error = failed["error"].as_str().expect("an error");
    assert!(error.contains("rate limited"), "{error}");
}

/// Scores, by name.
fn scores(trace: &Value) -> Vec<(&str, &Value)> {
    let scores = trace["scores"].as_array().expect("a list");
    let mut scores: Vec<_> = scores
        .iter()
        .map(|score| (score["name"].as_str().expect("a name"), &score["value"]))
        .collect();
    scores.sort_by_key(|(name, _)| *name);
    scores
}

/// What Langfuse makes of the spans of a push, refusing what it refuses.
fn observations(asked: &Asked) -> Result<Vec<Value>, String> {
    let version = asked.header("x-langfuse-ingestion-version");
    if version.is_some_and(|version| version.parse::<u32>().is_ok_and(|version| version > 4)) {
        return Err("unsupported x-langfuse-ingestion-version".to_owned());
    }
    let mut body = asked.body.clone();
    if asked.header("content-encoding") == Some("gzip") {
        body.clear();
        let mut unpacked = flate2::read::GzDecoder::new(asked.body.as_slice());
        let read = unpacked.read_to_end(&mut body);
        read.map_err(|error| error.to_string())?;
    }
    let request = match asked.header("content-type") {
        Some("application/x-protobuf") => otlp::decode_protobuf(body),
        Some("application/json") => otlp::decode_json(&body),
        _ => return Err("Invalid content type".to_owned()),
    };
    let request = request.map_err(|error| error.to_string())?;
    if request.rejected > 0 {
        return Err("a span cannot be read".to_owned());
    }
    Ok(request.spans.iter().map(observation).collect())
}

fn observation(span: &OtlpSpan) -> Value {
    let own = |name: &str| span.attributes.get(&format!("langfuse.observation.{name}"));
    let shared = |name: &str| span.attributes.get(name).cloned();
    let parsed = |name: &str| {
        let text = own(name)?.as_str()?;
        serde_json::from_str::<Value>(text).ok()
    };
    let kind = own("type").and_then(Value::as_str).unwrap_or("span");
    let level = own("level").cloned().unwrap_or_else(|| match span.status {
        Status::Error => "ERROR".into(),
        _ => "DEFAULT".into(),
    });
    let prefix = "langfuse.observation.metadata.";
    let metadata = span.attributes.iter();
    let mut metadata: serde_json::Map<String, Value> = metadata
        .filter_map(|(name, value)| {
            // The SDK writes each as JSON since its release 5, and says that the service decodes it.
            let decoded = value.as_str().map(serde_json::from_str);
            let value = decoded.and_then(Result::ok).unwrap_or(value.clone());
            Some((name.strip_prefix(prefix)?.to_owned(), value))
        })
        .collect();
    let resource: serde_json::Map<_, _> = span.resource.as_ref().clone().into_iter().collect();
    metadata.insert("resourceAttributes".to_owned(), resource.into());
    metadata.insert("scope".to_owned(), json!({"name": &*span.scope}));
    json!({
        "id": span.span_id, "traceId": span.trace_id, "projectId": langfuse::PROJECT,
        "parentObservationId": span.parent_id, "isRootObservation": span.parent_id.is_none(),
        "type": kind.to_uppercase(), "name": span.name, "level": level,
        "statusMessage": own("status_message").cloned().or_else(|| span.status_message.clone().map(Value::from)),
        "startTime": span.start, "endTime": span.end, "createdAt": span.end, "updatedAt": span.end,
        "input": own("input"), "output": own("output"), "metadata": metadata,
        "providedModelName": own("model.name"), "usageDetails": parsed("usage_details"),
        "environment": shared("langfuse.environment"), "release": shared("langfuse.release"),
        "userId": shared("user.id"), "sessionId": shared("session.id"),
        "tags": shared("langfuse.trace.tags"), "traceName": shared("langfuse.trace.name"),
    })
}

#[test]
fn what_langfuses_sdk_writes_comes_back() {
    let server = langfuse::Langfuse::new(langfuse::Release::EventsOnly, clock());
    server.state().spans = Some(observations);
    let (public, secret) = (langfuse::PUBLIC_KEY, langfuse::SECRET_KEY);
    works("hosted/langfuse_agent.py", &[&server.url(), public, secret]);
    assert_eq!(server.state().observations.len(), 4);
    let mut environment = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    environment.set("LANGFUSE_PUBLIC_KEY", public);
    environment.set("LANGFUSE_SECRET_KEY", secret);
    let host = format!("host={}", server.url());
    let trace = brought(&environment, "langfuse", &[&host]);
    is_right(&trace);
    assert_eq!(trace["name"], "triage");
    assert_eq!(trace["environment"], "production");
    assert_eq!(trace["release"], "r1");
    assert_eq!(trace["tags"], json!(["nightly"]));
    assert_eq!(scores(&trace), [("user-feedback", &json!(-1.0))]);
    let usage = &trace["spans"][1]["llm"]["usage"];
    assert_eq!(
        (&usage["inputTokens"], &usage["outputTokens"]),
        (&json!(100), &json!(7))
    );
    // Longer than what the service shows unasked.
    let told = &trace["spans"][0]["attributes"]["langfuse.observation.metadata.transcript"];
    assert_eq!(told, &json!("y".repeat(500)));
}

#[test]
fn what_braintrusts_sdk_writes_comes_back() {
    let server = braintrust::Braintrust::new(clock());
    works(
        "hosted/braintrust_agent.py",
        &[&server.url(), braintrust::KEY],
    );
    let mut environment = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    environment.set("BRAINTRUST_API_KEY", braintrust::KEY);
    let host = format!("host={}", server.url());
    let project = format!("project={}", braintrust::NAME);
    let trace = brought(&environment, "braintrust", &[&host, &project]);
    is_right(&trace);
    assert_eq!(trace["name"], "triage-run");
    let given = [("Factuality", &json!(0.5)), ("thumbs", &json!(0))];
    assert_eq!(scores(&trace), given);
    assert!(!trace.to_string().contains("the judge's own words"));
}
