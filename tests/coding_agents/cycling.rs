//! Real coding agents play every role of a fast PDCA run: plan, change with commits, review, tests and merge.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::model::{RIGHT, TOKENS, Turn, WRONG, read_the_task};
use super::{Repairing, claude, codex};

const ADD: &str = "git add total.sh";
const COMMIT: &str = "git commit -m Mended";

/// What the model does in the role that the task gives it.
fn play(text: &str) -> Turn {
    let is_role = |name: &str| text.contains(&format!("# You are the {name}"));
    if is_role("Creator") {
        return Turn::Say(
            "## Proposal\nMend the sum in total.sh.\n### Confidence\n| Task understanding | 0.9 |\n\
             | Solution completeness | 0.9 |\n| Risk coverage | 0.9 |\n### Risks\nNone.\nSTATUS: DONE",
        );
    }
    if is_role("Guardian") {
        return Turn::Say("No findings.\n### Verdict: APPROVED\nIt adds.\nSTATUS: DONE");
    }
    if !is_role("Maker") {
        return read_the_task(text);
    }
    let script = match place(text) {
        Some(tree) => format!("{tree}/total.sh"),
        None => "total.sh".to_owned(),
    };
    if text.contains(COMMIT) {
        Turn::Say("## Implementation\nThe script adds.\nSTATUS: DONE")
    } else if text.contains(ADD) {
        Turn::Run(COMMIT)
    } else if text.contains(RIGHT) {
        Turn::Run(ADD)
    } else if text.contains(WRONG) {
        Turn::Edit(script)
    } else {
        Turn::Read(script)
    }
}

/// Where the agent says that it works.
fn place(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("orking directory: ")?;
    after.split(['\\', '"', ' ', '<']).next()
}

/// A fast run from the task to the merge; the records of its processes.
fn cycles(agent: &Repairing, fixer: &Value) -> Vec<Value> {
    let world = &agent.world;
    let config = json!({"fixer": fixer, "attach": {"sandbox": "required"}});
    world.write(".archal.json", &config.to_string());
    let script = format!("sum=0\nfor number in \"$@\"; do\n  sum=$(({WRONG}))\ndone\necho $sum\n");
    world.write("total.sh", &script);
    world.write(
        ".archeflow/config.yaml",
        "test_command: 'test \"$(sh total.sh 2 3)\" = 5'\n",
    );
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=Tess", "-c", "user.email=tess@example.com"])
            .args(arguments)
            .current_dir(world.repo())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git");
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "total.sh"]);
    git(&["commit", "--quiet", "-m", "first"]);
    let output = world.run(&[
        "pdca",
        "run",
        "The numbers must be added",
        "--workflow",
        "fast",
        "--driver",
        agent.name,
        "--yes",
        "--allow-external-execution",
        "--json",
    ]);
    let asked = agent.model.asked();
    assert_eq!(output.code, Some(0), "{output}\nasked: {asked:#?}");
    let document = output.json();
    assert_eq!(document["status"], "merged", "{output}");
    assert_eq!(world.read("total.sh"), script.replace(WRONG, RIGHT));
    let subjects = git(&["log", "--format=%s", "main"]);
    assert!(
        subjects.contains("archeflow(act): merge run") && subjects.contains("Mended"),
        "{subjects}"
    );

    let run = document["run"].as_str().expect("an id");
    let records = world
        .repo()
        .join(".archeflow/runs")
        .join(run)
        .join("processes.jsonl");
    let text = fs::read_to_string(records).expect("records");
    let lines = text.lines().map(|line| {
        let record: Value = serde_json::from_str(line).expect("a record");
        (record["number"].as_u64(), record)
    });
    // The last line of a process holds.
    let records: Vec<Value> = lines.collect::<BTreeMap<_, _>>().into_values().collect();
    let names: Vec<&str> = records
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["creator", "maker", "guardian", "post-merge"]);
    let sum = |key: &str| {
        records
            .iter()
            .filter_map(|one| one[key].as_u64())
            .sum::<u64>()
    };
    let answered = agent.model.answered();
    let told = (sum("tokens_input"), sum("tokens_output"));
    assert_eq!(
        told,
        (TOKENS.0 * answered, TOKENS.1 * answered),
        "{records:#?}\nasked: {asked:#?}"
    );
    for one in &records[..3] {
        let program = format!("/{}", agent.name);
        let argv = one["argv"].as_array().expect("a command");
        let is_program = |part: &Value| part.as_str().is_some_and(|part| part.ends_with(&program));
        assert!(argv.iter().any(is_program), "{one}");
        assert_eq!(
            (&one["end"], &one["exit_code"]),
            (&"exited".into(), &0.into()),
            "{one}"
        );
        assert!(one["pid"].as_u64() > Some(1), "{one}");
        assert_ne!(one["sandbox"], "off", "{one}");
    }
    // A process stands behind each agent that the log tells of.
    let log = world.read(format!(".archeflow/events/{run}.jsonl"));
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    let ends: Vec<Value> = events
        .filter(|event| event["type"] == "agent.complete")
        .collect();
    let told: Vec<_> = ends
        .iter()
        .map(|end| (&end["data"]["process"], &end["agent"]))
        .collect();
    let ran: Vec<_> = records[..3]
        .iter()
        .map(|one| (&one["number"], &one["name"]))
        .collect();
    assert_eq!(told, ran);
    records
}

#[test]
fn claude_plays_every_role_of_a_run() {
    let records = cycles(&claude(play), &json!({"model": "claude-sonnet-4-5"}));
    // Whoever only reads may not commit.
    let may_commit = |one: &Value| one["argv"].to_string().contains("Bash(git commit:*)");
    let may: Vec<bool> = records[..3].iter().map(may_commit).collect();
    assert_eq!(may, [false, true, false]);
}

#[test]
fn codex_plays_every_role_of_a_run() {
    let (agent, fixer) = codex(play);
    _ = cycles(&agent, &fixer);
}
