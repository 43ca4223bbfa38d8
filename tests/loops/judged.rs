//! `archal attach` with a judge about traces that nothing else decides, with verdicts sent to where
//! traces are kept, and what people say of failures as labels to measure by.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use archal_sources::otlp::decode_protobuf_logs;
use archal_testkit::cli::{Output, TestEnv};
use archal_testkit::fake_judge::{FakeJudge, KEY, Protocol, Say};
use serde_json::{Value, json};

use super::{git, world};

/// A run in which nothing but its content is wrong.
fn run(id: &str, to: &str) -> String {
    json!({"id": id, "messages": [
        {"role": "user", "content": "Send the report to Ann Smith"},
        {"role": "assistant", "tool_calls": [
            {"id": "a", "function": {"name": "send_mail", "arguments": json!({"to": to}).to_string()}},
        ]},
        {"role": "tool", "tool_call_id": "a", "content": "accepted for delivery"},
        {"role": "assistant", "content": "Your report is on its way."},
    ]})
    .to_string()
}

/// A run that claims what nothing shows, which needs no judge.
fn claimed(id: &str) -> String {
    run(id, "Ann Smith")
        .replace("send_mail", "read_mail")
        .replace("Your report is on its way.", "I have sent the report.")
}

/// A repository with a configuration, and traces beside it.
fn repository(config: &Value, traces: &[(&str, String)]) -> TestEnv {
    let mut world = world();
    world.set("JUDGE_KEY", KEY);
    world.write("agent/.archal.json", &config.to_string());
    for (name, text) in traces {
        world.write(format!("traces/{name}.json"), text);
    }
    git(&world, "agent", &["init", "--quiet"]);
    git(&world, "agent", &["add", "--all"]);
    git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
    world
}

fn judge(url: &str) -> Value {
    json!({"provider": "openai", "model": "judge-1", "baseUrl": url, "apiKeyEnv": "JUDGE_KEY"})
}

fn attach(world: &TestEnv) -> Output {
    world.run(&[
        "attach",
        "traces",
        "--repo",
        "agent",
        "--once",
        "--foreground",
        "--json",
    ])
}

fn grade(world: &TestEnv, trace: &str) -> Value {
    let text = world.read(format!("agent/.archal/attach/grades/{trace}/grade.json"));
    serde_json::from_str(&text).expect("JSON")
}

fn said(verdict: &str) -> Say {
    Say::Text(
        json!({
            "reason": "it went to somebody else", "quotes": ["\"to\":\"Bob Miller\""], "step": 2,
            "owner": "agent", "verdict": verdict,
        })
        .to_string(),
    )
}

#[test]
fn a_trace_that_only_a_judge_decides_waits_for_it_and_is_asked_about_once() {
    let server = FakeJudge::new(Protocol::OpenAi, [said("fail"), said("pass")]);
    let config = json!({"judge": judge(&server.url()), "grade": {"judge": true}});
    let traces = [
        ("wrong", run("wrong", "Bob Miller")),
        ("claim", claimed("claim")),
    ];
    let world = repository(&config, &traces);
    let output = attach(&world).ended(1);
    let jobs = output.json()["jobs"].clone();
    let job = jobs
        .as_array()
        .expect("jobs")
        .iter()
        .find(|job| job["name"] == "wrong");
    let job = job.expect("the trace");
    assert_eq!(job["status"], "failed_grade", "{job:#}");
    let group = job["group"].as_str().expect("a group");
    assert!(group.starts_with("judge-task-"), "{group}");
    let graded = grade(&world, "wrong");
    assert_eq!(graded["findings"][0]["rule"], "judge.task");
    let note = graded["tiers"][3]["note"].as_str().expect("a note");
    assert!(note.starts_with("1 statement asked"), "{note}");
    assert_eq!(grade(&world, "claim")["tiers"][3]["note"], "not asked");
    assert_eq!(server.asked().len(), 2);
    // What it said is kept with the grade; a second look costs nothing.
    let again = world.run(&["attach-reprocess", "--repo", "agent", "wrong"]);
    assert_eq!(again.code, Some(0), "{again}");
    drop(attach(&world));
    assert_eq!(grade(&world, "wrong")["verdict"], "fail");
    assert_eq!(server.asked().len(), 2);
    let spent = world.run(&["budget", "--json"]).ended(0);
    assert!(spent.stdout.contains("judge"), "{spent}");
}

/// The job of a trace in what a pass printed.
fn job(output: &Output, name: &str) -> Value {
    let jobs = output.json()["jobs"].clone();
    let found = jobs.as_array().expect("jobs").iter();
    let mut found = found.filter(|job| job["name"] == name);
    found.next().cloned().expect("the trace")
}

/// Changes rows of the state.
fn change(world: &TestEnv, statement: &str) {
    let state = world.repo().join("agent/.archal/state.db");
    let set = std::process::Command::new("python3")
        .args(["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"])
        .args([&state.display().to_string(), statement])
        .status();
    assert!(set.is_ok_and(|status| status.success()));
}

fn locked() -> Say {
    Say::status(401, "no")
}

#[test]
fn a_judge_that_cannot_be_asked_is_asked_another_time() {
    let says = [locked(), said("fail"), said("pass")];
    let server = FakeJudge::new(Protocol::OpenAi, says);
    let config = json!({"judge": judge(&server.url()), "grade": {"judge": true}});
    let traces = [
        ("wrong", run("wrong", "Bob Miller")),
        ("claim", claimed("claim")),
    ];
    let world = repository(&config, &traces);
    let first = attach(&world).ended(3);
    assert_eq!(job(&first, "claim")["status"], "failed_grade");
    let wrong = job(&first, "wrong");
    assert_eq!(wrong["status"], "queued", "{wrong:#}");
    let reason = wrong["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("the judge is asked again at ") && reason.contains("(401)"),
        "{reason}"
    );
    let note = grade(&world, "wrong")["tiers"][3]["note"].clone();
    assert!(note.as_str().expect("a note").contains("(401)"), "{note}");
    let second = attach(&world).ended(1);
    assert_eq!(job(&second, "wrong")["status"], "failed_grade", "{second}");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_judge_that_was_asked_in_vain_for_days_is_not_waited_for() {
    let says = [locked(), locked(), said("fail"), said("pass")];
    let server = FakeJudge::new(Protocol::OpenAi, says);
    let config = json!({"judge": judge(&server.url()), "grade": {"judge": true}});
    let world = repository(&config, &[("wrong", run("wrong", "Bob Miller"))]);
    drop(attach(&world).ended(3));
    change(&world, "UPDATE jobs SET put_off = 8");
    let settled = attach(&world).ended(4);
    let wrong = job(&settled, "wrong");
    assert_eq!(wrong["status"], "unsure");
    let reason = wrong["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("the judge was asked 8 times in vain: 127.0.0.1"),
        "{reason}"
    );
    assert_eq!(job(&attach(&world), "wrong")["status"], "unsure");
    let again = world.run(&["attach-reprocess", "--repo", "agent", "wrong"]);
    assert_eq!(again.code, Some(0), "{again}");
    let last = attach(&world).ended(1);
    assert_eq!(job(&last, "wrong")["status"], "failed_grade");
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn a_judge_without_money_is_waited_for() {
    let server = FakeJudge::new(Protocol::OpenAi, [said("fail"), said("pass")]);
    let with = |budget: f64| {
        let mut judge = judge(&server.url());
        judge["model"] = json!("gpt-5-mini");
        judge["budgetUsd"] = json!(budget);
        json!({"judge": judge, "grade": {"judge": true}})
    };
    // One question may cost about $0.017.
    let world = repository(&with(0.01), &[("wrong", run("wrong", "Bob Miller"))]);
    let first = attach(&world).ended(5);
    let wrong = job(&first, "wrong");
    assert_eq!(wrong["status"], "waiting_budget", "{wrong:#}");
    let reason = wrong["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("the judge is to be asked: the budget of"),
        "{reason}"
    );
    assert_eq!(server.asked().len(), 0);
    world.write("agent/.archal.json", &with(1.0).to_string());
    let second = attach(&world).ended(1);
    assert_eq!(job(&second, "wrong")["status"], "failed_grade", "{second}");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn what_a_person_said_of_failures_is_what_the_grader_is_measured_by() {
    let traces = [
        ("one", claimed("one")),
        ("other", claimed("other").replace("read_", "look_")),
    ];
    let config = json!({"grade": {"rules": [{
        "id": "only-reading", "sentence": "No mail is looked at",
        "cel": "calls.all(c, c.tool != \"look_mail\")",
    }]}});
    let world = repository(&config, &traces);
    let measured = || {
        let mut command = world.command(&["grade", "--measure"]);
        let command = command.current_dir(world.repo().join("agent"));
        let output = command.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    assert_eq!(measured().0, Some(2));
    let jobs = attach(&world).ended(1).json()["jobs"].clone();
    let group = |name: &str| {
        let job = jobs
            .as_array()
            .expect("jobs")
            .iter()
            .find(|job| job["name"] == name);
        job.expect("the trace")["group"]
            .as_str()
            .expect("a group")
            .to_owned()
    };
    assert_ne!(group("one"), group("other"));
    let decide = |arguments: &[&str]| {
        let output = world.run(&[&["issue"], arguments, &["--repo", "agent"]].concat());
        assert_eq!(output.code, Some(0), "{output}");
    };
    decide(&["confirm", &group("one")]);
    decide(&["dismiss", &group("other"), "--reason", "it may look"]);
    let (code, text) = measured();
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "own: 2 runs, 1 failing",
        "  grader                      1.00 [0.21, 1.00] 1/1         1.00 [0.21, 1.00] 1/1",
        "  always fail                 0.50 [0.10, 0.91] 1/2         1.00 [0.21, 1.00] 1/1",
        "  claim.without-act           1.00 [0.21, 1.00] 1/1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // A decision that is taken back is no label any more.
    decide(&["reopen", &group("other")]);
    let (_, text) = measured();
    assert!(text.contains("own: 1 runs, 1 failing"), "{text}");
}

/// A receiver of OTLP logs that answers with one status after another, each with the body behind its
/// bar where it has one, the last for ever.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<(String, Vec<u8>)>>>,
}

impl Receiver {
    fn answering(statuses: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let got = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&got);
        std::thread::spawn(move || {
            for (turn, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                        break;
                    }
                    let line = line.trim_end().to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.parse().expect("a number");
                    }
                    head.push_str(&line);
                    head.push('\n');
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                kept.lock().expect("whole").push((head, body));
                let said = statuses[turn.min(statuses.len() - 1)];
                let (status, body) = said.split_once('|').unwrap_or((said, ""));
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).ok();
            }
        });
        Self { url, got }
    }

    fn got(&self) -> Vec<(String, Vec<u8>)> {
        self.got.lock().expect("whole").clone()
    }
}

/// A trace as OpenTelemetry has it: a root, and a model that claims what nothing shows.
fn otlp(said: &str) -> String {
    let said_by = |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
    let asked = said_by("user", "Send Ann the report");
    let answered = said_by("assistant", said);
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

fn text<'a>(event: &'a archal_sources::otlp::OtlpEvent, name: &str) -> &'a str {
    event
        .attributes
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// As if a minute had gone: what was put off is due.
fn come_due(world: &TestEnv) {
    change(world, "UPDATE results SET due_at = '2020-01-01T00:00:00Z'");
}

/// A configuration that sends verdicts to a receiver.
fn sends_to(receiver: &Receiver) -> Value {
    json!({"grade": {"results": {"endpoint": receiver.url}}})
}

#[test]
fn a_verdict_is_kept_for_a_receiver_that_refuses_the_token_or_does_not_keep_it() {
    const PARTLY: &str =
        r#"200 OK|{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no such span"}}"#;
    let receiver = Receiver::answering(&["401 Unauthorized", "403 Forbidden", PARTLY, "200 OK"]);
    let world = repository(&sends_to(&receiver), &[("claim", claimed("claim"))]);
    for (seen, status) in [(1, "answered 401"), (2, "answered 403")] {
        let output = attach(&world).ended(1);
        assert!(
            output.stderr.contains("1 verdicts are not sent yet") && output.stderr.contains(status),
            "{output}"
        );
        assert_eq!(receiver.got().len(), seen);
        come_due(&world);
    }
    let output = attach(&world).ended(1);
    let told = "did not keep 2 of 2 events: no such span";
    assert!(output.stderr.contains(told), "{output}");
    // What was answered for is not sent again, and what was not kept was not sent.
    let quiet = attach(&world).ended(1);
    assert!(!quiet.stderr.contains("verdicts are"), "{quiet}");
    assert_eq!(receiver.got().len(), 3);
    let again = world.run(&[
        "attach-reprocess",
        "--repo",
        "agent",
        "claim",
        "--from",
        "grade",
    ]);
    assert_eq!(again.code, Some(0), "{again}");
    drop(attach(&world).ended(1));
    assert_eq!(receiver.got().len(), 4);
}

#[test]
fn a_verdict_goes_nowhere_but_by_the_settings_of_its_own_directory() {
    let [own, other] =
        [(); 2].map(|()| Receiver::answering(&["503 Service Unavailable", "200 OK"]));
    let world = repository(&sends_to(&own), &[("sooner", claimed("sooner"))]);
    drop(attach(&world).ended(1));
    come_due(&world);
    world.write("agent/.archal.json", &sends_to(&other).to_string());
    world.write("more/later.json", &claimed("later"));
    let once = [
        "attach",
        "more",
        "--repo",
        "agent",
        "--once",
        "--foreground",
        "--json",
    ];
    let output = world.run(&once).ended(1);
    assert!(
        output.stderr.contains("1 verdicts are not sent yet"),
        "{output}"
    );
    let got = other.got();
    assert_eq!((own.got().len(), got.len()), (1, 1));
    let bytes = String::from_utf8_lossy(&got[0].1);
    assert!(
        bytes.contains("later") && !bytes.contains("sooner"),
        "{bytes}"
    );
    // Nobody is named any more, and then somebody is.
    world.write("agent/.archal.json", "{}");
    drop(attach(&world).ended(1));
    world.write("agent/.archal.json", &sends_to(&own).to_string());
    drop(attach(&world).ended(1));
    assert_eq!((own.got().len(), other.got().len()), (2, 1));
}

#[test]
fn verdicts_are_sent_as_evaluations_of_their_spans_once_for_each_change() {
    let receiver = Receiver::answering(&["503 Service Unavailable", "200 OK"]);
    let results = json!({"endpoint": receiver.url, "headersEnv": {"x-tenant": "OTEL_TENANT"}});
    let traces = [
        (
            "otlp",
            otlp("I have sent the report with the key ghp_0123456789abcdefghijklmnopqrstuvwxyz12."),
        ),
        ("plain", claimed("plain")),
    ];
    let mut world = repository(&json!({"grade": {"results": results}}), &traces);
    world.set("OTEL_TENANT", "tenant-of-the-test");
    let first = attach(&world).ended(1);
    assert!(
        first.stderr.contains("2 verdicts are not sent yet"),
        "{first}"
    );
    assert!(first.stderr.contains("answered 503"), "{first}");
    assert_eq!(
        receiver.got().len(),
        1,
        "no job waits and nothing is tried at once again"
    );
    come_due(&world);
    drop(attach(&world));
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    let (head, body) = &got[1];
    assert!(
        head.starts_with("post /v1/logs ") && head.contains("application/x-protobuf"),
        "{head}"
    );
    assert!(head.contains("x-tenant: tenant-of-the-test"), "{head}");
    let ids = |body: &[u8]| {
        let request = decode_protobuf_logs(body.to_vec()).expect("OTLP");
        let events = request.events.into_iter();
        let ids = events.map(|one| text(&one.event, "archal.result.id").to_owned());
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(body), ids(&got[0].1), "a try is told by its id");
    let request = decode_protobuf_logs(body.clone()).expect("OTLP");
    // Those of the other trace have no span, and are counted.
    assert_eq!(
        (request.events.len(), request.other_logs, request.rejected),
        (2, 2, 0)
    );
    let verdict = &request.events[0];
    assert_eq!(verdict.trace_id, "6513270e269e0d37f2a74de452e6b438");
    assert_eq!(verdict.span_id, "0c5c7fd0a6a3a450");
    let event = &verdict.event;
    assert_eq!(event.name, "gen_ai.evaluation.result");
    assert_eq!(text(event, "gen_ai.evaluation.name"), "archal.grade");
    assert_eq!(text(event, "gen_ai.evaluation.score.label"), "fail");
    assert_eq!(
        event.attributes["gen_ai.evaluation.score.value"],
        json!(0.0)
    );
    assert!(!text(event, "gen_ai.evaluation.explanation").is_empty());
    assert!(text(event, "archal.result.id").starts_with("result-"));
    let finding = &request.events[1].event;
    assert_eq!(text(finding, "gen_ai.evaluation.name"), "claim.without-act");
    let bytes = String::from_utf8_lossy(body);
    assert!(
        bytes.contains("plain") && !bytes.contains("ghp_0123456789"),
        "{bytes}"
    );
    // The same verdict on another revision is no change; another verdict is.
    world.write("traces/otlp.json", &otlp("I have sent it."));
    drop(attach(&world));
    assert_eq!(receiver.got().len(), 2);
    world.write("traces/otlp.json", &otlp("Which report do you mean?"));
    drop(attach(&world));
    let got = receiver.got();
    assert_eq!(got.len(), 3);
    let request = decode_protobuf_logs(got[2].1.clone()).expect("OTLP");
    assert_eq!(
        text(&request.events[0].event, "gen_ai.evaluation.score.label"),
        "unsure"
    );
    assert_eq!(
        request.events[0]
            .event
            .attributes
            .get("gen_ai.evaluation.score.value"),
        None
    );
}
