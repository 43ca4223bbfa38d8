//! Records of runs as people and other tools make and read them, in both versions of the format.

use std::fs;
use std::path::PathBuf;

use archal_testkit::cli::TestEnv;
use insta::assert_snapshot;
use serde_json::Value;

use crate::cli::environment;

const RUN: &str = "2026-04-03-add-auth";

/// A log in the format's first version, as its text shows it.
const SEED: &str = include_str!("seed.jsonl");
/// The same kind of run in the later version, of three cycles.
const LATER: &str = include_str!("later.jsonl");

fn log(environment: &TestEnv, run: &str) -> PathBuf {
    environment
        .repo()
        .join(format!(".archeflow/events/{run}.jsonl"))
}

fn keep(environment: &TestEnv, run: &str, text: &str) {
    environment.write(format!(".archeflow/events/{run}.jsonl"), text);
}

fn event(environment: &TestEnv, rest: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["pdca", "event", RUN];
    arguments.extend(rest);
    let output = environment.run(&arguments).ended(0);
    assert_eq!(output.stdout, "");
    let text = fs::read_to_string(log(environment, RUN)).expect("a log");
    let parse = |line| serde_json::from_str(line).expect("a whole event");
    text.lines().map(parse).collect()
}

#[test]
fn events_by_hand_are_numbered_follow_by_rule_and_hold_no_secret() {
    let environment = environment();
    event(&environment, &["run.start", "plan", "", r#"{"task":"x"}"#]);
    event(&environment, &["agent.start", "plan", "creator"]);
    event(&environment, &["decision", "plan", "", "{}", ""]);
    event(&environment, &["phase.transition", "do", "", "{}", "2,3"]);
    let secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    let data = format!(r#"{{"summary":"used {secret}"}}"#);
    let events = event(&environment, &["agent.complete", "plan", "creator", &data]);
    let parents: Vec<String> = events
        .iter()
        .map(|event| event["parent"].to_string())
        .collect();
    assert_eq!(parents, ["[]", "[1]", "[]", "[2,3]", "[2]"]);
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(events[0]["agent"], Value::Null);
    let text = fs::read_to_string(log(&environment, RUN)).expect("a log");
    assert!(!text.contains(secret), "{text}");
    // Nothing but settings is left for git.
    let ignored = environment.read(".archeflow/.gitignore");
    assert!(ignored.contains("/events/"), "{ignored}");
}

#[test]
fn an_event_that_cannot_be_one_is_refused() {
    let environment = environment();
    for (arguments, wanted) in [
        (&["../x", "a", "plan", ""][..], "is no run id"),
        (
            &[RUN, "a", "deploy", ""],
            "is no phase; there are plan, do, check, act",
        ),
        (&[RUN, "a", "plan", "", "{"], "the data is no JSON"),
        (&[RUN, "a", "plan", "", "[]"], "the data is no JSON object"),
        (
            &[RUN, "a", "plan", "", "{}", "1;2"],
            "invalid parent format `1;2`",
        ),
        (&[RUN, "a b", "plan", ""], "is no type of event"),
        (&[RUN, "a", "plan", "x y"], "is no role"),
    ] {
        let mut all = vec!["pdca", "event"];
        all.extend(arguments);
        let output = environment.run(&all).ended(2);
        assert!(
            output.stderr.contains(wanted),
            "{arguments:?}: {}",
            output.stderr
        );
    }
    assert!(!environment.repo().join(".archeflow").exists());
}

#[cfg(unix)]
#[test]
fn an_event_goes_through_no_link() {
    let environment = environment();
    let outside = environment.home().join("outside");
    fs::write(&outside, "").expect("written");
    fs::create_dir_all(environment.repo().join(".archeflow/events")).expect("a folder");
    std::os::unix::fs::symlink(&outside, log(&environment, RUN)).expect("a link");
    let output = environment
        .run(&["pdca", "event", RUN, "run.start", "plan", ""])
        .ended(3);
    assert!(
        output.stderr.contains("is a symbolic link"),
        "{}",
        output.stderr
    );
    assert_eq!(fs::read_to_string(&outside).expect("there"), "");
}

#[test]
fn processes_that_append_at_once_leave_no_gap() {
    let environment = environment();
    event(&environment, &["run.start", "plan", ""]);
    let children: Vec<_> = (0..20)
        .map(|_| {
            environment
                .command(&["pdca", "event", RUN, "note", "plan", ""])
                .spawn()
                .expect("started")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    let events = event(&environment, &["run.complete", "act", ""]);
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=22).collect::<Vec<u64>>());
}

#[test]
fn runs_of_both_formats_are_shown() {
    let environment = environment();
    keep(&environment, RUN, SEED);
    keep(&environment, "2026-09-25-limit", LATER);
    let show = |arguments: &[&str]| {
        let mut all = vec!["pdca"];
        all.extend(arguments);
        environment.run(&all).ended(0).stdout
    };
    assert_snapshot!("list", show(&["list"]));
    assert_snapshot!("status", show(&["status", RUN]));
    assert_snapshot!("seed_dag", show(&["dag", RUN]));
    assert_snapshot!("later_report", show(&["report", "2026-09-25-limit"]));
    assert_snapshot!("seed_progress", show(&["progress", RUN]));
    assert_snapshot!(
        "timeline",
        show(&["replay", "timeline", "2026-09-25-limit"])
    );
    assert_snapshot!(
        "whatif",
        show(&[
            "replay",
            "whatif",
            "2026-09-25-limit",
            "--weights",
            "guardian=3,sage=0.5"
        ])
    );
    assert_snapshot!(
        "compare",
        show(&["replay", "compare", RUN, "2026-09-25-limit"])
    );
    assert_eq!(
        show(&["report", RUN, "--summary"]),
        "[completed] Add auth — 1 cycle, 3 agents, 0 fixes (~3 min) [2026-04-03-add-auth]\n"
    );
    assert_eq!(show(&["report", RUN, "--dag"]), show(&["dag", RUN]));
    let painted = show(&["dag", RUN, "--color", "always"]);
    assert!(painted.contains("\u{1b}[34mcreator (plan)"), "{painted}");
}

#[test]
fn documents_say_what_people_read() {
    let environment = environment();
    keep(&environment, RUN, SEED);
    keep(&environment, "2026-09-25-limit", LATER);
    let json = |arguments: &[&str]| {
        let mut all = vec!["pdca"];
        all.extend(arguments);
        all.push("--json");
        environment.run(&all).ended(0).json()
    };
    let list = json(&["list", "--limit", "1"]);
    assert_eq!(list["schema"], "archal.pdca-list");
    assert_eq!(list["runs"][0]["runId"], "2026-09-25-limit");
    assert_eq!(list["more"], 1);
    let status = json(&["status", RUN]);
    assert_eq!(
        (&status["status"], &status["cycles"]),
        (&"completed".into(), &1.into())
    );
    let progress = json(&["progress", "2026-09-25-limit"]);
    assert_eq!(progress["status"], "completed");
    assert_eq!(progress["verdicts"][0]["verdict"], "REJECTED");
    let what_if = json(&["replay", "whatif", RUN, "--threshold", "1"]);
    assert_eq!(what_if["outcome"], "APPROVE");
    let compared = json(&["replay", "compare", RUN, RUN]);
    let differs = |row: &Value| row["differs"] == true;
    assert!(
        !compared["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .any(differs)
    );
}

#[test]
fn a_run_that_is_not_there_and_a_broken_log_are_told() {
    let environment = environment();
    assert_eq!(
        environment.run(&["pdca", "list"]).ended(0).stdout,
        "no run yet\n"
    );
    keep(
        &environment,
        RUN,
        "not json\n{\"seq\":1,\"type\":\"run.start\",\"data\":{\"task\":\"x\"}}\n",
    );
    let output = environment
        .run(&["pdca", "status", "2026-04-03-add-aut"])
        .ended(2);
    assert!(
        output.stderr.contains(&format!("did you mean `{RUN}`?")),
        "{}",
        output.stderr
    );
    let output = environment.run(&["pdca", "dag", RUN]).ended(0);
    assert!(
        output.stderr.contains("the first is line 1"),
        "{}",
        output.stderr
    );
    keep(&environment, RUN, "");
    let output = environment.run(&["pdca", "dag", RUN]).ended(3);
    assert!(output.stderr.contains("has no events"), "{}", output.stderr);
    keep(&environment, RUN, "{\"seq\":1,\"type\":\"run.start\"}\n");
    let output = environment.run(&["pdca", "replay", "whatif", RUN]).ended(2);
    assert!(
        output.stderr.contains("has no verdict"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_run_is_exported_whole_and_nothing_is_overwritten() {
    let environment = environment();
    keep(&environment, RUN, SEED);
    environment.write(
        format!(".archeflow/artifacts/{RUN}/plan-creator.md"),
        "plan",
    );
    let exported = environment.run(&["pdca", "export", RUN]).ended(0);
    assert!(
        exported
            .stdout
            .ends_with(&format!("2 files of run {RUN}\n"))
    );
    let text = environment.read(format!("{RUN}.pdca.json"));
    let bundle: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bundle["schema"], "archal.pdca-bundle");
    assert_eq!(bundle["files"][0]["text"], "plan");
    assert_eq!(bundle["files"][1]["text"], SEED);
    let again = environment.run(&["pdca", "export", RUN]).ended(3);
    assert!(again.stderr.contains("-o FILE"), "{}", again.stderr);
    let report = ["pdca", "report", RUN, "-o", "report.md"];
    assert_eq!(environment.run(&report).ended(0).stdout, "");
    assert!(
        environment
            .read("report.md")
            .starts_with("# Report: Add auth\n")
    );
    assert_eq!(environment.run(&report).ended(3).stdout, "");
}

#[test]
fn settings_are_written_once() {
    let environment = environment();
    let first = environment.run(&["pdca", "init"]).ended(0);
    assert_eq!(
        first.stdout,
        "wrote .archeflow/config.yaml\nwrote .archeflow/hooks.yaml\nnext: archal pdca run \"<task>\"\n"
    );
    environment.write(".archeflow/config.yaml", "workflow: fast\n");
    let again = environment.run(&["pdca", "init"]).ended(0);
    assert!(
        again
            .stdout
            .starts_with("kept .archeflow/config.yaml\nkept "),
        "{}",
        again.stdout
    );
    assert_eq!(
        environment.read(".archeflow/config.yaml"),
        "workflow: fast\n"
    );
}
