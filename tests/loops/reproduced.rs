//! How a failure is run again: side by side, at the commit of its trace, with services and models
//! that answer as they did there, and what is said where it does not show.

use std::fs;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use super::attach::job;
use super::{git, untouched_demo};

const TRACE: &str = "demo/traces/2026-11-20-sweep.otlp.json";
/// What the agent asks its model before anything else.
const QUESTION: &str = "How many days is stale?";
/// A client of a model and of a service without a clone, with nothing but the standard library.
const CLIENT: &str = r#"
import json, os, ssl, urllib.request

def ask(url, body=None, headers={}):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json", **headers})
    with urllib.request.urlopen(request, context=ssl.create_default_context(), timeout=20) as response:
        return json.load(response)

def model(question):
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": question}]}
    key = {"authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "")}
    return ask("https://api.openai.com/v1/chat/completions", body, key)["choices"][0]["message"]["content"]

def claude(question):
    body = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": question}]}
    key = {"x-api-key": os.environ.get("ANTHROPIC_API_KEY", "")}
    return ask("https://api.anthropic.com/v1/messages", body, key)["content"][0]["text"]

def policy(label):
    return ask("https://policy.example.com/v1/labels?name=" + label)["keep"]
"#;

/// The spans of a trace as OTLP writes them.
fn spans(trace: &mut Value) -> &mut Vec<Value> {
    trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans")
}

/// The demonstration's trace under another id with something changed.
fn changed(world: &TestEnv, to: &str, change: impl FnOnce(&mut Value)) {
    let mut trace: Value = serde_json::from_str(&world.read(TRACE)).expect("JSON");
    let id = spans(&mut trace)[0]["traceId"]
        .as_str()
        .expect("an id")
        .to_owned();
    change(&mut trace);
    let other = format!("{}{}", &id[..id.len() - 4], "beef");
    world.write(to, &trace.to_string().replace(&id, &other));
}

/// A span before all others, with these attributes.
fn first_span(trace: &mut Value, name: &str, attributes: &[(&str, &str)]) {
    let spans = spans(trace);
    let mut span = spans[0].clone();
    span["name"] = json!(name);
    span["spanId"] = json!("00000000000000aa");
    let start: u64 = span["startTimeUnixNano"]
        .as_str()
        .and_then(|start| start.parse().ok())
        .expect("a time");
    span["startTimeUnixNano"] = json!((start - 2_000).to_string());
    span["endTimeUnixNano"] = json!((start - 1_000).to_string());
    span["attributes"] = attributes
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect();
    spans.push(span);
}

/// The demonstration with another agent, a client beside it, and a configuration.
fn with_agent(world: &TestEnv, change: (&str, &str), config: &Value) {
    let source = world.read("demo/agent.py");
    let changed = source.replace(change.0, change.1);
    assert_ne!(source, changed);
    world.write("demo/agent.py", &changed);
    world.write("demo/client.py", CLIENT);
    configure(world, config);
    git(world, "demo", &["add", "client.py"]);
    git(
        world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "agent"],
    );
}

fn configure(world: &TestEnv, more: &Value) {
    let mut config: Value = serde_json::from_str(&world.read("demo/.archal.json")).expect("JSON");
    let fields = config.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    world.write("demo/.archal.json", &config.to_string());
}

fn attach(world: &TestEnv, traces: &str, policy: &str, more: &[&str]) -> Output {
    let arguments = [
        "attach",
        traces,
        "--repo",
        "demo",
        "--once",
        "--foreground",
        "--json",
        "--execution-policy",
        policy,
    ];
    world.run(&[&arguments[..], more].concat())
}

fn told(output: &Output) -> String {
    let job = job(output);
    let text = |name: &str| job[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{} {}: {}",
        text("status"),
        text("reasonCode"),
        text("reason")
    )
}

fn manifest(world: &TestEnv, output: &Output) -> Value {
    let name = job(output)["name"].as_str().expect("a name").to_owned();
    let file = format!("demo/.archal/attach/runs/{name}/manifest.json");
    serde_json::from_str(&world.read(&file)).expect("JSON")
}

/// Opens the trace's job again.
fn again(world: &TestEnv, output: &Output) {
    let name = job(output)["name"].as_str().expect("a name").to_owned();
    let opened = world.run(&["attach-reprocess", "--repo", "demo", &name]);
    assert_eq!(opened.code, Some(0), "{opened}");
}

#[test]
fn attempts_are_made_side_by_side_and_come_to_the_same() {
    let (mut world, _) = untouched_demo();
    let meeting = world.repo().join("meeting");
    world.set("MEETING", meeting.display().to_string());
    changed(&world, "t/t.json", |_| {});
    // Each waits until as many as are to be at work at once have come.
    let meet = "    task = os.environ.get(\"AGENT_TASK\", \"\")
    import time
    open(os.path.join(os.environ[\"MEETING\"], os.environ[\"AGENT_SESSION_ID\"]), \"w\").close()
    until = time.monotonic() + 60
    while len(os.listdir(os.environ[\"MEETING\"])) < int(os.environ[\"TOGETHER\"]):
        if time.monotonic() > until:
            return 3
";
    with_agent(
        &world,
        ("    task = os.environ.get(\"AGENT_TASK\", \"\")\n", meet),
        &json!({"workspace": {"env": ["MEETING", "TOGETHER"]}}),
    );
    let calls = |world: &TestEnv, output: &Output| {
        let name = job(output)["name"].as_str().expect("a name").to_owned();
        (1..=3)
            .map(|attempt| {
                world.read(format!(
                    "demo/.archal/attach/runs/{name}/attempt-{attempt}/calls.jsonl"
                ))
            })
            .collect::<Vec<String>>()
    };
    fs::create_dir(&meeting).expect("writable");
    let mut evidence = Vec::new();
    let runs = ["--reproduce-runs", "3", "--jobs"];
    for (together, jobs) in [("1", "1"), ("3", "3")] {
        for left in fs::read_dir(&meeting).expect("readable") {
            fs::remove_file(left.expect("readable").path()).expect("removed");
        }
        world.set("TOGETHER", together);
        let output = attach(&world, "t", "reproduce", &[&runs[..], &[jobs]].concat());
        assert_eq!(job(&output)["status"], "reproduced", "{output}");
        assert_eq!(job(&output)["red"]["k"], 3, "{output}");
        evidence.extend(calls(&world, &output));
        again(&world, &output);
    }
    assert!(
        evidence
            .iter()
            .all(|calls| *calls == evidence[0] && !calls.is_empty())
    );
}

#[test]
fn what_is_repaired_since_the_release_of_its_trace_is_fixed_already() {
    let (world, demo) = untouched_demo();
    git(&world, "demo", &["tag", "issue-janitor-v1.4.0"]);
    changed(&world, "t/t.json", |trace| {
        let attributes = trace["resourceSpans"][0]["resource"]["attributes"].as_array_mut();
        attributes.expect("a list").push(
            json!({"key": "service.version", "value": {"stringValue": "issue-janitor@1.4.0"}}),
        );
    });
    let source = world.read("demo/agent.py");
    let repaired = source.replace(
        "for issue in issues if is_stale(issue, cutoff)]",
        "for issue in issues if is_stale(issue, cutoff) and not is_kept(issue)]",
    );
    world.write("demo/agent.py", &repaired);
    git(
        &world,
        "demo",
        &[
            "commit",
            "--quiet",
            "--all",
            "-m",
            "Heed the label on every page",
        ],
    );
    let output = attach(&world, "t", "fix", &["--reproduce-runs", "2"]);
    let job = job(&output);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(job["status"], "already_fixed", "{job}");
    let reason = job["reason"].as_str().expect("text");
    assert!(
        reason.starts_with("green 2/2 on HEAD, red 2/2 at the trace's release issue-janitor@1.4.0 (tag issue-janitor-v1.4.0): 1 commit, "),
        "{reason}"
    );
    let release = manifest(&world, &output)["release"].clone();
    assert_eq!(
        release["range"]["commits"][0]["subject"],
        "Heed the label on every page"
    );
    assert_eq!(release["attempts"].as_array().map(Vec::len), Some(2));
    // What was offered guards HEAD, and would have caught the failure.
    let name = job["name"].as_str().expect("a name");
    let patch = format!(".archal/attach/runs/{name}/regression.patch");
    assert!(
        job["patch"]
            .as_str()
            .is_some_and(|told| told.ends_with(&patch)),
        "{job}"
    );
    git(&world, "demo", &["apply", &patch]);
    let group = job["group"].as_str().expect("a group");
    let regression = format!("archal/regressions/{group}.md");
    assert!(demo.join(&regression).is_file());
    let run = |expected| {
        let mut command = world.command(&["run", &regression]);
        let output = command.current_dir(&demo).output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(expected), "{told}");
    };
    run(0);
    world.write("demo/agent.py", &source);
    run(1);
}

#[test]
fn where_an_attempt_leaves_the_trace_is_said() {
    let (world, _) = untouched_demo();
    changed(&world, "t/t.json", |_| {});
    let keep = "for issue in issues if is_stale(issue, cutoff)]";
    with_agent(
        &world,
        (
            keep,
            "for issue in issues if is_stale(issue, cutoff) and not is_kept(issue)]",
        ),
        &json!({}),
    );
    let output = attach(&world, "t", "reproduce", &["--reproduce-runs", "2"]);
    insta::assert_snapshot!(told(&output), @"not_reproduced -: the failure does not show on HEAD in 2 attempts; attempts 1, 2: POST /repos/acme/webapp/issues/12/comments is missing, which is call 47 of the trace");
    insta::assert_json_snapshot!(manifest(&world, &output)["differences"][0], @r#"
    {
      "attempt": 1,
      "fromTrace": [
        {
          "call": 47,
          "kind": "missing_call",
          "text": "POST /repos/acme/webapp/issues/12/comments is missing, which is call 47 of the trace"
        },
        {
          "kind": "finding",
          "text": "`no-issue-labelled-keep-open-is-closed` holds, and so does every other criterion"
        }
      ]
    }
    "#);
}

#[test]
fn a_recorded_model_answers_as_in_the_trace_until_it_is_asked_something_else() {
    let (world, _) = untouched_demo();
    let messages = |role: &str, text: &str| {
        json!([{"role": role, "parts": [{"type": "text", "content": text}]}]).to_string()
    };
    changed(&world, "t/t.json", |trace| {
        first_span(
            trace,
            "chat gpt-x",
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "gpt-x"),
                ("gen_ai.input.messages", &messages("user", QUESTION)),
                ("gen_ai.output.messages", &messages("assistant", "90")),
            ],
        );
    });
    let asks = |function: &str, question: &str| {
        format!(
            "    import client\n    days = int(client.{function}(\"{question}\"))\n    telemetry ="
        )
    };
    let first = asks("model", QUESTION);
    with_agent(&world, ("    telemetry =", &first), &json!({}));
    let one = ["--reproduce-runs", "1"];

    let live = attach(&world, "t", "reproduce", &one);
    assert_eq!(live.code, Some(3), "{live}");
    let mut all = vec![told(&live)];
    let mut next = |policy: &str, config: &Value| {
        configure(&world, config);
        again(&world, &live);
        let output = attach(&world, "t", policy, &one);
        all.push(told(&output));
        let is_run = job(&output)["reasonCode"] == "policy";
        is_run.then(|| manifest(&world, &output)["fidelity"].clone())
    };
    assert_eq!(
        next("reproduce", &json!({"agentKeys": ["NO_SUCH_KEY"]})),
        None
    );
    let recorded = json!({"agentKeys": [], "reproduce": {"model": "recorded"}});
    let fidelity = json!({"model": "recorded", "replayed": []});
    assert_eq!(next("reproduce", &recorded), Some(fidelity));
    assert_eq!(next("fix", &recorded), None);
    for (before, after) in [
        (first.clone(), asks("claude", QUESTION)),
        (
            asks("claude", QUESTION),
            asks("model", "How many weeks is stale?"),
        ),
    ] {
        with_agent(&world, (&before, &after), &recorded);
        let _told_below = next("reproduce", &recorded);
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    blocked model: 1 of 1 attempts say nothing: the agent's model at api.openai.com was not reached: no clone of this session answers for it; allow it with route.allow and name its key in agentKeys, or replay the trace's own turns with reproduce.model: recorded
    blocked model: the agent has no key for its model: agentKeys names NO_SUCH_KEY, and none of them is set; set one, or replay the trace's own turns with reproduce.model: recorded
    reproduced policy: red 1/1: broken: No issue labelled keep-open is closed (the model's turns are those of the trace)
    fix_blocked model: the model's turns were replayed from the trace, which never proves a fix; set reproduce.model: live and give the agent its key
    reproduced policy: red 1/1: broken: No issue labelled keep-open is closed (the model's turns are those of the trace)
    blocked diverged: 1 of 1 attempts say nothing: diverged: request 1 to the model differs from the trace's: part 1: the user's text is "How many weeks is stale?" where the trace has "How many days is stale?"
    "#);
}

#[test]
fn a_service_without_a_clone_answers_as_in_the_trace() {
    let (world, _) = untouched_demo();
    changed(&world, "t/t.json", |trace| {
        first_span(
            trace,
            "GET",
            &[
                ("http.request.method", "GET"),
                (
                    "url.full",
                    "https://policy.example.com/v1/labels?name=keep-open",
                ),
                ("http.response.status_code", "200"),
                ("http.response.body", "{\"keep\": true}"),
            ],
        );
    });
    let asks = |label: &str| {
        format!("    import client\n    assert client.policy(\"{label}\")\n    telemetry =")
    };
    with_agent(&world, ("    telemetry =", &asks("keep-open")), &json!({}));
    let one = ["--reproduce-runs", "1"];
    let first = attach(&world, "t", "reproduce", &one);
    let mut all = vec![told(&first)];
    let mut next = |policy: &str| {
        again(&world, &first);
        let output = attach(&world, "t", policy, &one);
        all.push(told(&output));
    };
    next("fix");
    with_agent(&world, (&asks("keep-open"), &asks("pinned")), &json!({}));
    next("reproduce");
    configure(&world, &json!({"reproduce": {"replay": false}}));
    next("reproduce");
    insta::assert_snapshot!(all.join("\n"), @r#"
    reproduced policy: red 1/1: broken: No issue labelled keep-open is closed (policy.example.com answered as in the trace)
    fix_blocked replay: policy.example.com answered as in the trace, since there is no clone: a regression that is kept could not be run without the trace
    blocked evidence: 1 of 1 attempts say nothing: GET https://policy.example.com/v1/labels has no recorded answer: the agent sends `name` "pinned" where the trace has "keep-open"
    blocked evidence: state of policy.example.com is not known: the agent called a service that has no clone
    "#);
}

#[test]
fn where_a_day_is_named_everybody_is_at_the_time_of_the_trace() {
    let (world, _) = untouched_demo();
    changed(&world, "t/t.json", |trace| {
        let dated = trace.to_string().replace(
            "Leave everything labelled",
            "Today is 2026-11-21. Leave everything labelled",
        );
        *trace = serde_json::from_str(&dated).expect("JSON");
    });
    // On the commit of the demonstration it would be the same failure, which was worked on.
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--allow-empty", "-m", "other"],
    );
    let output = attach(&world, "t", "reproduce", &["--reproduce-runs", "1"]);
    assert_eq!(job(&output)["status"], "reproduced", "{output}");
    let clock = manifest(&world, &output)["clock"].clone();
    let clock = clock.as_str().expect("a time");
    let name = job(&output)["name"].as_str().expect("a name").to_owned();
    let results = world.read(format!("demo/.archal/attach/runs/{name}/stdout.json"));
    let results: Value = serde_json::from_str(&results).expect("JSON");
    assert_eq!(results[0]["base"], format!("{}Z", &clock[..19]));
    assert!(clock.starts_with("2026-11-2"), "{clock}");
}
