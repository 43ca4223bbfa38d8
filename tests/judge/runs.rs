//! The built binary with a judge.

use std::fs;
use std::path::Path;

use archal_testkit::cli::{Output, TestEnv};
use archal_testkit::fake_judge::{FakeJudge, KEY, Protocol, Say};
use serde_json::{Value, json};

/// An agent that says the same every time, and leaves its environment behind.
const AGENT: &str = r#"env > "$AGENT_TRACE_FILE.env"
echo '{"text": "Both issues are closed, with a reason each."}'
"#;

/// A repository with an agent and one scenario, and a judge where `server` is one.
fn world(server: Option<&FakeJudge>, judge: Value, criteria: &str) -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    let mut config = json!({
        "agent": "sh agent.sh",
        "scenarios": ["scenarios"],
        "budget": {"prices": "prices.json"},
        "judge": judge,
    });
    if let Some(server) = server {
        config["judge"]["provider"] = server.provider().into();
        config["judge"]["baseUrl"] = server.url().into();
        config["judge"]["apiKeyEnv"] = "JUDGE_KEY".into();
        world.set("JUDGE_KEY", KEY);
    }
    world.write(".archal.json", &config.to_string());
    world.write(
        "prices.json",
        r#"{"version": "test", "models": [{"model": "judge-1", "input": 3, "output": 15}]}"#,
    );
    world.write("agent.sh", AGENT);
    world.write(
        "scenarios/close.md",
        &format!(
            "# Close\n\n## Prompt\n\nClose stale issues.\n\n## Expected Behavior\n\nEach gets a reason.\n\n## Success Criteria\n\n{criteria}\n\n## Config\n\nclones: github\n"
        ),
    );
    world
}

const BOTH: &str = "- [D] `run.exitCode == 0`\n- [P] The agent names a reason";

fn pass() -> Say {
    Say::verdict("pass", &["with a reason each"], "It says so.")
}

/// The judged criterion of the one run.
fn judged(output: &Output) -> Value {
    let document = output.json();
    let criteria = document["scenarios"][0]["results"][0]["criteria"].clone();
    let criteria = criteria.as_array().expect("a list").clone();
    let found = criteria.into_iter().find(|one| one["kind"] == "P");
    found.expect("a judged criterion")
}

/// Every file below `folder` that holds `text`.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = fs::read(&path) {
            let is_there = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            if is_there {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn a_judge_decides_and_its_key_stays_with_it() {
    let server = FakeJudge::new(Protocol::Anthropic, [pass()]);
    let world = world(Some(&server), json!({"model": "judge-1"}), BOTH);
    let output = world.run(&["run", "-o", "json", "-n", "2"]).ended(0);
    insta::assert_json_snapshot!(judged(&output), @r#"
    {
      "explanation": "It says so.",
      "id": "the-agent-names-a-reason",
      "judge": {
        "cached": false,
        "costSource": "computed",
        "costUsd": 0.0045,
        "model": "judge-1"
      },
      "kind": "P",
      "label": "The agent names a reason",
      "quotes": [
        "with a reason each"
      ],
      "status": "pass",
      "vacuous": false
    }
    "#);
    // The second run did the same, so the answer is known.
    assert_eq!(server.asked().len(), 1);
    assert!(server.asked()[0].question().contains("Each gets a reason."));
    // Everything this world has: the repository, its state, the home with ledger and keys.
    let root = world.repo().parent().expect("a root").to_owned();
    assert_eq!(holding(&root, KEY), [""; 0]);
    let environments = holding(&root, "AGENT_TASK=Close stale issues.");
    assert_eq!(environments.len(), 2, "the agent has left its environment");
    assert!(!format!("{output}").contains(KEY));
}

#[test]
fn what_is_invented_is_unsure_and_does_not_count() {
    let invented = || Say::verdict("pass", &["I apologised at length"], "Polite.");
    let server = FakeJudge::new(Protocol::OpenAi, [invented(), invented()]);
    let world = world(Some(&server), json!({"model": "judge-1"}), BOTH);
    let output = world.run(&["run", "-o", "json"]).ended(4);
    let criterion = judged(&output);
    assert_eq!(criterion["status"], "unsure");
    insta::assert_snapshot!(criterion["explanation"].as_str().expect("told"), @r#"the judge quoted "I apologised at length", which is not in the evidence; it had answered pass: Polite."#);

    world.write(
        "scenarios/close.md",
        "# Close\n\n## Prompt\n\nClose.\n\n## Checks\n\n- [P] The agent is polite\n\n## Config\n\nclones: github\n",
    );
    // With nothing decided, the run says nothing.
    let output = world.run(&["run"]).ended(4);
    let after = output.stdout.split("Summary").nth(1).expect("a summary");
    assert!(
        after.contains("the judge quoted \"I apologised at length\""),
        "{output}"
    );
}

#[test]
fn without_a_judge_nothing_is_judged_and_it_is_said() {
    let world = world(None, json!({}), BOTH);
    let criterion = judged(&world.run(&["run", "-o", "json"]).ended(0));
    assert_eq!(
        (&criterion["status"], &criterion["explanation"]),
        (&json!("not_evaluated"), &json!("no judge is configured"))
    );
}

#[test]
fn money_that_is_spent_and_judges_that_cannot_be_asked_end_the_command_so() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass()]);
    let mut world = world(
        Some(&server),
        json!({"model": "judge-1", "budgetUsd": 0.01}),
        BOTH,
    );
    let output = world.run(&["run"]).ended(5);
    assert!(
        output.stderr.contains(
            "`[P]` criteria were not evaluated: the judge's budget of $0.01 for one invocation is used up"
        ),
        "{output}"
    );
    world.set("JUDGE_KEY", "jk-wrong-0123456789");
    let config = world.read(".archal.json").replace("0.01", "1");
    world.write(".archal.json", &config);
    let output = world.run(&["run", "-o", "json"]).ended(3);
    assert!(
        output
            .stderr
            .contains("hint: export JUDGE_KEY=<the judge's key>"),
        "{output}"
    );
    let criterion = judged(&output);
    assert_eq!(criterion["status"], "not_evaluated");
    assert_eq!(criterion["unjudged"], "unavailable");
    assert_eq!(server.asked().len(), 1);

    // What it did not decide is not finished.
    let suite = output.json()["suite"].as_str().expect("an id").to_owned();
    assert!(
        output
            .stderr
            .contains(&format!("archal run --resume {suite}")),
        "{output}"
    );
    world.set("JUDGE_KEY", KEY);
    let output = world.run(&["run", "--resume", "-o", "json"]).ended(0);
    assert_eq!(output.json()["suite"], suite.as_str());
    assert_eq!(judged(&output)["status"], "pass");
    let output = world
        .run(&["run", "--resume", &suite, "-o", "json"])
        .ended(0);
    assert_eq!(
        (output.json()["resumed"].clone(), server.asked().len()),
        (json!(1), 2)
    );
    // Another judge is another question.
    let config = world.read(".archal.json").replace("judge-1", "judge-2");
    world.write(".archal.json", &config);
    let output = world.run(&["run", "--resume", &suite]);
    assert!(
        output
            .stderr
            .contains("has changed; its 1 finished runs are made again"),
        "{output}"
    );
}

#[test]
fn a_judge_that_cannot_be_asked_costs_no_run_of_the_agent() {
    let gone = FakeJudge::new(Protocol::OpenAi, []).url();
    for (judge, reason) in [
        (
            json!({"model": "claude-sonnet-4-6", "apiKeyEnv": "NO_SUCH_KEY"}),
            "$NO_SUCH_KEY, which holds the judge's key, is not set",
        ),
        (
            json!({"model": "judge-1", "provider": "openai", "baseUrl": gone}),
            "cannot be reached",
        ),
    ] {
        let world = world(None, judge, BOTH);
        world.write("agent.sh", "touch was-run\n");
        for arguments in [&["run"][..], &["run", "--preflight-only"]] {
            let output = world.run(arguments).ended(3);
            assert!(output.stderr.contains(reason), "{output}");
        }
        assert!(!world.repo().join("was-run").exists());
        // Who asks nothing needs nobody.
        world.write(
            "scenarios/close.md",
            "# Close\n\n## Prompt\n\nClose.\n\n## Checks\n\n- [D] `run.exitCode == 0`\n\n## Config\n\nclones: github\n",
        );
        assert_eq!(world.run(&["run"]).code, Some(0));
    }
}

/// An agent that puts a secret of its caller's wherever it can.
const LEAKY: &str = r#"python3 - <<'END'
import json, os, urllib.request, urllib.parse
key = os.environ["ACME_TOKEN"]
base = os.environ["ARCHAL_GITHUB_REST_URL"]
def call(method, path, body=None):
    request = urllib.request.Request(base + path, method=method, data=body and json.dumps(body).encode())
    request.add_header("authorization", "Bearer " + os.environ["GITHUB_TOKEN"])
    request.add_header("content-type", "application/json")
    request.add_header("x-note", key)
    try:
        urllib.request.urlopen(request).read()
    except Exception as error:
        print(error)
call("POST", "/repos/octocat/hello-service/issues", {"title": key, "body": "it is " + key})
call("POST", "/repos/octocat/hello-service/labels", {"name": key, "color": "ffffff"})
call("GET", "/search/issues?q=" + urllib.parse.quote(key))
call("GET", "/repos/acme/" + urllib.parse.quote(key, safe=""))
json.dump({"costUsd": 0, key: {key: 1}}, open(os.environ["AGENT_METRICS_FILE"], "w"))
print(json.dumps({"text": "the key is " + key}))
END
"#;

#[test]
fn what_the_caller_keeps_secret_is_in_no_evidence() {
    const SECRET: &str = "acme-Zq4/81+d0c7";
    let mut world = world(None, json!({}), BOTH);
    world.set("ACME_TOKEN", SECRET);
    world.write("agent.sh", LEAKY);
    let scenario = world.read("scenarios/close.md");
    world.write(
        "scenarios/close.md",
        &scenario.replace("# Close", &format!("# Close {SECRET}")),
    );
    let output = world
        .run(&[
            "run",
            "-o",
            "json",
            "--seed",
            "small-project",
            "--route",
            "proxy",
        ])
        .ended(0);
    let result = &output.json()["scenarios"][0]["results"][0];
    assert_eq!(result["calls"], 4, "{output}");
    let state = world.repo().join(".archal");
    let run = result["runId"].as_str().expect("an id");
    let diff = state.join("cache/runs").join(run).join("diff.json");
    let kept = fs::read_to_string(diff).expect("a diff");
    assert!(kept.contains("it is "), "the issue is there: {kept}");
    for written in [SECRET, "Zq4%2F81", "Zq4"] {
        assert_eq!(holding(&state, written), [""; 0]);
    }
    assert!(!format!("{output}").contains(SECRET));

    let task = format!("use {SECRET} for it");
    let output = world
        .run(&["run", "--task", &task, "--clone", "github"])
        .ended(2);
    assert!(
        output
            .stderr
            .contains("the task holds the value of $ACME_TOKEN"),
        "{output}"
    );
    assert_eq!(holding(&state, SECRET), [""; 0]);
}

#[test]
fn a_failed_agent_is_not_judged() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass()]);
    let world = world(Some(&server), json!({"model": "judge-1"}), BOTH);
    world.write("agent.sh", "echo Both issues are closed.; exit 3\n");
    let output = world.run(&["run", "-o", "json"]).ended(1);
    assert_eq!(
        judged(&output)["explanation"],
        "not asked: the harness failed"
    );
    assert!(server.asked().is_empty());
}

#[test]
fn the_command_line_names_the_model_over_everything() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass(), pass(), pass()]);
    let world = world(Some(&server), json!({"model": "judge-2"}), BOTH);
    let scenario = world.read("scenarios/close.md") + "evaluator-model: judge-3\n";
    world.write("scenarios/close.md", &scenario);
    for (arguments, model) in [
        (&["run"][..], "judge-3"),
        (&["run", "--judge-model", "judge-1"], "judge-1"),
    ] {
        assert_eq!(world.run(arguments).code, Some(0));
        let asked = server.asked();
        assert_eq!(asked.last().expect("asked").body["model"], model);
    }
}

#[test]
fn a_judge_is_shown_by_doctor_and_a_key_is_not_shared() {
    let server = FakeJudge::new(Protocol::Gemini, []);
    let mut world = world(Some(&server), json!({"model": "judge-1"}), BOTH);
    let host = server.url().replace("http://", "");
    let told = |output: Output| {
        let lines = output.stdout.replace(&host, "HOST");
        let line = lines.lines().find(|line| line.contains("HOST"));
        line.map(str::to_owned).unwrap_or(lines)
    };
    insta::assert_snapshot!(told(world.run(&["doctor"])), @"ok      judge         judge-1 at HOST with the key in $JUDGE_KEY");
    insta::assert_snapshot!(told(world.run(&["doctor", "--network"])), @"archal itself: HOST, `archal run` asks judge-1 there about `[P]` criteria (`judge`) and shows it what the agent said and did, with the key in $JUDGE_KEY");
    world.set("JUDGE_KEY", "");
    insta::assert_snapshot!(told(world.run(&["doctor"])), @"ok      judge         judge-1 at HOST without a key ($JUDGE_KEY is not set)");

    world.write(
        ".archal.json",
        r#"{"agentKeys": ["MODEL_KEY"], "judge": {"model": "claude-sonnet-4-6", "apiKeyEnv": "MODEL_KEY"}}"#,
    );
    let output = world.run(&["run"]).ended(2);
    assert!(
        output
            .stderr
            .contains("`agentKeys` hands the judge's key `MODEL_KEY` to the agent"),
        "{output}"
    );
    world.write(
        ".archal.json",
        r#"{"judge": {"model": "my-own"}, "scenarios": ["scenarios"], "agent": "sh agent.sh"}"#,
    );
    let output = world.run(&["run"]).ended(2);
    assert!(
        output
            .stderr
            .contains("whose model `my-own` is cannot be told from its name"),
        "{output}"
    );
}

#[test]
fn what_the_agent_tells_of_its_steps_is_shown_and_proves_nothing() {
    let quotes = [
        "reviewed the backlog twice",
        "Session expires during upload",
    ];
    let says = quotes.map(|quote| Say::verdict("pass", &[quote], "So it is."));
    let server = FakeJudge::new(Protocol::Anthropic, says);
    let world = world(Some(&server), json!({"model": "judge-1"}), BOTH);
    world.write(
        "agent.sh",
        r#"cat > "$AGENT_TRACE_FILE" <<'END'
{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c",
"spanId": "eee19b7ec3c1b174", "name": "reviewed the backlog twice",
"startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000"}]}]}]}
END
echo done
"#,
    );
    let scenario = world.read("scenarios/close.md");
    let seeded = format!("{scenario}seed: github:stale-issues\n");
    world.write("scenarios/close.md", &seeded);
    let criterion = judged(&world.run(&["run", "-o", "json"]).ended(4));
    assert_eq!(criterion["status"], "unsure", "{criterion}");
    let asked = server.asked();
    let question = asked[0].question();
    let section = |name: &str| {
        let from = question.split(&format!("<<<{name} ")).nth(1);
        let to = from.and_then(|rest| rest.split(&format!(" {name}>>>")).next());
        to.expect("a section").to_owned()
    };
    assert!(section("steps").contains("reviewed the backlog twice"));
    assert!(
        !section("steps").contains("tookMs"),
        "differs from run to run"
    );
    assert!(section("state").contains(quotes[1]), "{}", section("state"));
    // The first answer was not kept, so the same is asked again.
    let criterion = judged(&world.run(&["run", "-o", "json"]).ended(0));
    assert_eq!(criterion["status"], "pass", "{criterion}");
    assert_eq!(server.asked()[0].question(), server.asked()[1].question());
}
