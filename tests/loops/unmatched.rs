//! Traces that no scenario is for: graded by the rules of the repository, run again by a scenario
//! that archal makes of what was found.

use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use super::attach::{again, as_far_as, attach, job};
use super::{git, only_folder, untouched_demo};

/// What the demonstration's agent breaks, as rules; the first is a sentence and nothing else.
fn rules() -> Value {
    json!([
        {
            "id": "comment-before-closing",
            "sentence": "No issue is closed without a comment on it before",
            "cel": "calls.filter(c, c.operation == \"issues/update\").all(c, calls.exists(n, \
                n.operation == \"issues/create-comment\" && n.seq < c.seq && \
                n.path.startsWith(c.path + \"/\")))"
        },
        {"id": "keep-open", "sentence": "No issues labelled \"keep-open\" were closed during the run"},
    ])
}

/// The demonstration, whose scenario is for other traces and whose configuration has those rules.
fn unmatched(rules: &Value) -> TestEnv {
    let (world, _) = untouched_demo();
    let file = "demo/archal/close-stale-issues.md";
    let scenario = world.read(file);
    world.write(
        file,
        &scenario.replace("match: name=*issue-janitor*", "match: name=another-agent"),
    );
    set_rules(&world, rules);
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "other"],
    );
    again(&world);
    world
}

fn set_rules(world: &TestEnv, rules: &Value) {
    let mut config: Value =
        serde_json::from_str(&world.read("demo/.archal.json")).expect("a configuration");
    config["grade"] = json!({"rules": rules});
    world.write("demo/.archal.json", &config.to_string());
}

fn reproduced(world: &TestEnv) -> Output {
    as_far_as(world, "demo/traces", "reproduce", &[])
}

fn seeds(world: &TestEnv) -> std::path::PathBuf {
    only_folder(&world.repo().join("demo/.archal/attach/seeds"))
}

/// `attach-status` on the only trace.
fn status(world: &TestEnv) -> Output {
    let name = seeds(world).file_name().expect("a name").to_owned();
    let name = name.to_str().expect("text").to_owned();
    world.run(&["attach-status", &name, "--repo", "demo"])
}

#[test]
fn a_rule_that_fires_becomes_a_scenario_that_is_reproduced_and_fixed() {
    let world = unmatched(&rules());
    let output = reproduced(&world).ended(1);
    let shown = job(&output);
    assert_eq!(shown["status"], "reproduced", "{shown}");
    assert_eq!(shown["red"]["k"], 2, "{shown}");
    let group = shown["group"].as_str().expect("a group");
    assert!(group.starts_with("rule-keep-open-"), "{group}");
    let folder = seeds(&world);
    let scenario = std::fs::read_to_string(folder.join("scenario.md")).expect("written");
    assert!(
        scenario.contains("- [D] No issues labelled \"keep-open\" were closed during the run\n"),
        "{scenario}"
    );
    assert!(
        !scenario.contains("comment"),
        "a rule that held is in {scenario}"
    );
    // It is a scenario as any other: it validates and runs where it stands.
    let file = folder.join("scenario.md").display().to_string();
    let valid = world.run(&["scenario", "validate", &file]).ended(0);
    assert!(valid.stdout.contains("1 scenario: 0 errors"), "{valid}");
    let grade = only_folder(&world.repo().join("demo/.archal/attach/grades")).join("grade.json");
    let grade = std::fs::read_to_string(grade).expect("written");
    let grade: Value = serde_json::from_str(&grade).expect("JSON");
    assert_eq!(grade["scenario"], Value::Null);
    assert_eq!(grade["findings"][0]["rule"], "rule.keep-open");
    assert!(
        !grade["findings"][0]["spans"]
            .as_array()
            .expect("spans")
            .is_empty(),
        "{grade}"
    );
    let told = status(&world).ended(0);
    for part in [
        "generated from the findings",
        "tier 3 state: 1 finding",
        "rule.keep-open, agent",
        "first:    span ",
    ] {
        assert!(told.stdout.contains(part), "{part:?} in {told}");
    }

    again(&world);
    let fixer = [
        "--allow-external-execution",
        "--fix-command",
        "python3 fix.py",
    ];
    let fixed = attach(&world, "demo/traces", &fixer).ended(0);
    assert_eq!(job(&fixed)["status"], "fixed", "{fixed}");
}

#[test]
fn what_a_person_changed_in_a_generated_scenario_is_kept() {
    let world = unmatched(&rules());
    let first = job(&reproduced(&world).ended(1));
    let path = seeds(&world).join("scenario.md");
    let generated = std::fs::read_to_string(&path).expect("written");
    let edited = generated.replace(
        "\n## Config",
        "- [D] Mine, and stricter: `size(diff.github.issues.changed) == 0`\n\n## Config",
    );
    assert_ne!(edited, generated);
    std::fs::write(&path, &edited).expect("writable");
    again(&world);
    let second = job(&reproduced(&world).ended(1));
    assert_eq!(std::fs::read_to_string(&path).expect("kept"), edited);
    assert_eq!(second["status"], "reproduced", "{second}");
    assert_ne!(second["group"], first["group"], "one more criterion fails");
    let told = status(&world).ended(0);
    assert!(told.stdout.contains("kept as you changed it"), "{told}");

    // One that nothing fails by is no failure to run again.
    let (head, rest) = edited.split_once("- [D]").expect("criteria");
    let (_, config) = rest.split_once("\n## Config").expect("a Config");
    let holds =
        format!("{head}- [D] At least 1 issue was closed during the run\n\n## Config{config}");
    std::fs::write(&path, holds).expect("writable");
    again(&world);
    let blocked = job(&reproduced(&world).ended(3));
    assert_eq!(
        (&blocked["status"], &blocked["reasonCode"]),
        (&json!("blocked"), &json!("criteria")),
        "{blocked}"
    );

    std::fs::write(&path, "# Nothing\n").expect("writable");
    again(&world);
    let unreadable = job(&reproduced(&world).ended(3));
    let reason = unreadable["reason"].as_str().expect("text");
    assert!(
        reason.contains("as you changed it cannot be used"),
        "{reason}"
    );
    assert_eq!(std::fs::read_to_string(&path).expect("kept"), "# Nothing\n");
}

#[test]
fn a_rule_that_a_run_cannot_be_held_to_blocks_with_what_to_write() {
    // Reads a tool of the agent's own, which no clone answers.
    let own_tool = json!([{
        "id": "no-own-tool",
        "sentence": "The agent calls nothing but services",
        "cel": "!calls.exists(c, c.tool == \"plan\")"
    }]);
    let world = unmatched(&own_tool);
    let trace = "demo/traces/2026-11-20-sweep.otlp.json";
    let mut document: Value = serde_json::from_str(&world.read(trace)).expect("JSON");
    let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    let mut span = spans
        .iter()
        .find(|span| span["name"] == "execute_tool list_stale_issues")
        .expect("a tool")
        .clone();
    span["spanId"] = json!("00000000000000aa");
    for attribute in span["attributes"].as_array_mut().expect("attributes") {
        if attribute["key"] == "gen_ai.tool.name" {
            attribute["value"]["stringValue"] = json!("plan");
        }
    }
    spans.push(span);
    let id = spans[0]["traceId"].as_str().expect("an id").to_owned();
    let other = format!("{}beef", &id[..id.len() - 4]);
    world.write("own/t.json", &document.to_string().replace(&id, &other));
    let policy = |policy: &str| as_far_as(&world, "own", policy, &[]);
    let graded = policy("grade").ended(1);
    assert_eq!(job(&graded)["status"], "failed_grade", "{graded}");
    let blocked = policy("reproduce").ended(3);
    let blocked = job(&blocked);
    assert_eq!(
        (&blocked["status"], &blocked["reasonCode"]),
        (&json!("blocked"), &json!("criteria")),
        "{blocked}"
    );
    let how = blocked["missing"][0]["how"].as_str().expect("text");
    assert!(
        how.contains("scenario.md, then archal attach-reprocess"),
        "{how}"
    );
}

#[test]
fn a_run_that_says_it_ended_in_an_error_is_held_to_its_exit() {
    let world = unmatched(&json!([]));
    let agent = world.read("demo/agent.py");
    let crashing = agent.replace(
        "    answer = f\"Closed",
        "    return 3\n    answer = f\"Closed",
    );
    assert_ne!(agent, crashing);
    world.write("demo/agent.py", &crashing);
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "crashes"],
    );
    let trace = "demo/traces/2026-11-20-sweep.otlp.json";
    let mut document: Value = serde_json::from_str(&world.read(trace)).expect("JSON");
    let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    let id = spans[0]["traceId"].as_str().expect("an id").to_owned();
    for span in spans {
        if span["parentSpanId"] == "" {
            span["status"] = json!({"code": 2, "message": "it fell over"});
        }
    }
    let other = format!("{}dead", &id[..id.len() - 4]);
    world.write("own/t.json", &document.to_string().replace(&id, &other));
    let output = as_far_as(&world, "own", "reproduce", &[]).ended(1);
    let shown = job(&output);
    assert_eq!(shown["status"], "reproduced", "{shown}");
    let group = shown["group"].as_str().expect("a group");
    assert!(group.starts_with("signal-crash-"), "{group}");
}

#[test]
fn without_a_rule_that_fires_an_unmatched_trace_is_no_failure_of_the_rules() {
    let world = unmatched(&json!([rules()[0]]));
    let output = reproduced(&world);
    let grade = only_folder(&world.repo().join("demo/.archal/attach/grades")).join("grade.json");
    let grade = std::fs::read_to_string(grade).expect("written");
    let grade: Value = serde_json::from_str(&grade).expect("JSON");
    assert_eq!(grade["rules"][0]["status"], "holds", "{output}");
}

#[test]
fn two_scenarios_that_match_equally_well_block() {
    let (world, _) = untouched_demo();
    let scenario = world.read("demo/archal/close-stale-issues.md");
    world.write("demo/archal/twin.md", &scenario);
    git(&world, "demo", &["add", "--all"]);
    git(&world, "demo", &["commit", "--quiet", "-m", "twin"]);
    again(&world);
    let output = reproduced(&world).ended(3);
    let tied = job(&output);
    assert_eq!(
        (&tied["status"], &tied["reasonCode"]),
        (&json!("blocked"), &json!("scenario")),
        "{tied}"
    );
    let validated = world.run(&["scenario", "validate", "demo/archal"]).ended(0);
    assert!(
        validated.stdout.contains("scenario/same-match"),
        "{validated}"
    );
}
