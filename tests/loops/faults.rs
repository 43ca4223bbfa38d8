//! What goes wrong on purpose, as an agent's client meets it and as the evidence has it.

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::world;

/// Asks what it is told, a line each, and says what came of it.
const AGENT: &str = r#"
import http.client, json, os, ssl, sys, time
for line in os.environ["ASKS"].split(";"):
    method, path = line.split(" ")
    connection = http.client.HTTPSConnection("api.github.com", context=ssl.create_default_context())
    headers = {"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"], "User-Agent": "agent"}
    body = json.dumps({"title": "T"}) if method in ("POST", "PATCH") else None
    began = time.monotonic()
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        said = [str(answer.status)]
        if answer.status == 200 and isinstance(json.loads(text), list):
            said.append("%d rows" % len(json.loads(text)))
        if answer.status >= 400:
            said.append(json.loads(text)["message"].split(".")[0])
        for name in ("retry-after", "x-ratelimit-remaining"):
            if name == "retry-after" and answer.headers[name]:
                said.append("after " + answer.headers[name])
            if name != "retry-after" and os.environ.get("LIMITED"):
                said.append("left " + answer.headers[name])
    except http.client.IncompleteRead as error:
        said = ["incomplete"]
    except (http.client.RemoteDisconnected, ConnectionResetError):
        said = ["no answer"]
    if time.monotonic() - began > 0.7:
        said.append("late")
    print(line, "->", ", ".join(said))
"#;

const SCENARIO: &str = "# Check

## Prompt

Do it.

## Success Criteria

- [D] `run.exitCode == 0`

## Config

clones: github
seed: small-project
timeout: 30
";

const ISSUES: &str = "/repos/octocat/hello-service/issues";

/// What the agent saw, and `calls.jsonl`.
fn run(world: &mut TestEnv, config: &str, asks: &str, options: &[&str]) -> (String, Vec<Value>) {
    world.write("agent.py", AGENT);
    world.write("harness.sh", "python3 agent.py >&2\n");
    world.write("check.md", &format!("{SCENARIO}{config}"));
    world.set("ASKS", asks.replace("ISSUES", ISSUES));
    let mut arguments = vec!["run", "check.md", "-o", "json"];
    arguments.extend(options);
    let output = world.run(&arguments);
    let result = output.json()["scenarios"][0]["results"][0].clone();
    let run = result["runId"].as_str().expect("an id");
    let folder = world.repo().join(".archal/cache/runs").join(run);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
    let calls = read("calls.jsonl");
    let calls = calls
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    (read("stderr").replace(ISSUES, "ISSUES"), calls.collect())
}

#[test]
fn each_effect_is_what_a_client_meets() {
    let asks = "GET ISSUES;GET ISSUES;POST ISSUES;GET ISSUES?state=all;GET ISSUES/1;GET ISSUES/1;\
                GET ISSUES/1;PATCH ISSUES/1;POST ISSUES;GET ISSUES?state=all;GET /user";
    let faults = "github:issues/list-for-repo#2=502,github:issues/create#1=drop,\
                  github:issues/get#1=cut,github:issues/get#2=800ms,github:issues/update=no-answer,\
                  github:issues/list-for-repo#4=stale,github:users/*=rate-limit";
    let (seen, calls) = run(&mut world(), "", asks, &["--fault", faults]);
    insta::assert_snapshot!(seen, @r#"
    GET ISSUES -> 200, 6 rows
    GET ISSUES -> 502, We couldn't respond to your request in time
    POST ISSUES -> no answer
    GET ISSUES?state=all -> 200, 8 rows
    GET ISSUES/1 -> incomplete
    GET ISSUES/1 -> 200, late
    GET ISSUES/1 -> 200
    PATCH ISSUES/1 -> no answer
    POST ISSUES -> 201
    GET ISSUES?state=all -> 200, 8 rows
    GET /user -> 403, You have exceeded a secondary rate limit, after 60
    "#);
    let told: Vec<String> = calls
        .iter()
        .map(|call| {
            let changes = call["changes"].as_array().map_or(0, Vec::len);
            format!(
                "{} {} {} changes {changes}",
                call["operation"], call["status"], call["fault"]
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "issues/list-for-repo" 200 null changes 0
    "issues/list-for-repo" 502 "502" changes 0
    "issues/create" 503 "drop" changes 0
    "issues/list-for-repo" 200 null changes 0
    "issues/get" 200 "cut" changes 0
    "issues/get" 200 "800ms" changes 0
    "issues/get" 200 null changes 0
    "issues/update" 200 "no-answer" changes 2
    "issues/create" 201 null changes 1
    "issues/list-for-repo" 200 "stale" changes 0
    "users/get-authenticated" 403 "rate-limit" changes 0
    "#);
}

#[test]
fn a_rate_limit_counts_and_names_the_time_it_ends() {
    let mut world = world();
    world.set("LIMITED", "1".to_owned());
    let asks = "GET ISSUES/1;GET ISSUES/2;GET ISSUES/1;GET /rate_limit";
    let (seen, _) = run(&mut world, "", asks, &["--rate-limit", "2"]);
    insta::assert_snapshot!(seen, @r#"
    GET ISSUES/1 -> 200, left 1
    GET ISSUES/2 -> 200, left 0
    GET ISSUES/1 -> 403, API rate limit exceeded for user ID 583231, left 0
    GET /rate_limit -> 200, left 0
    "#);
}

#[test]
fn a_scenario_names_its_own_faults() {
    let (seen, calls) = run(
        &mut world(),
        "fault: github:issues/get=503\n",
        "GET ISSUES/1;GET ISSUES/1",
        &["--fault", "github:issues/get#2=410"],
    );
    insta::assert_snapshot!(seen, @r#"
    GET ISSUES/1 -> 503, Service Unavailable
    GET ISSUES/1 -> 410, Gone
    "#);
    assert_eq!(calls[1]["fault"], "410");
}

#[test]
fn a_fault_that_cannot_be_is_refused_before_anything_runs() {
    let world = world();
    world.write("check.md", SCENARIO);
    world.write("harness.sh", "exit 0\n");
    let told: Vec<String> = [
        &["--fault", "github:issues/updte=500"][..],
        &["--fault", "slack:*=500"],
        &["--fault", "github:issues/update#0=500"],
        &["--fault", "github:issues/update=sometimes"],
        &["--rate-limit", "many"],
    ]
    .into_iter()
    .map(|options| {
        let mut arguments = vec!["run", "check.md"];
        arguments.extend(options);
        let output = world.run(&arguments).ended(2);
        output.stderr
    })
    .collect();
    insta::assert_snapshot!(told.concat(), @r#"
    error: github has no operation `issues/updte`
    hint: did you mean `issues/update`?
    error: `slack` is not among the clones
    hint: clones of this scenario: github
    error: `0` is not the number of a call, from 1
    hint: write <clone>:<operation>=<what happens>, as in github:issues/update=500, or github:issues/update#2=drop for the second call
    error: `sometimes` is no effect of a fault
    hint: write a status from 400 to 599, a delay up to 600s such as 250ms or 2s, drop, no-answer, cut, rate-limit, stale, webhook-lost or webhook-twice
    error: a rate limit is a number of calls, or that and a time of up to 24h: 100, 100/60s, 5000/1h
    "#);
}
