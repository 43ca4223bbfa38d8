//! Cycles of agents as the fixer of both loops: the failing scenario is the first who reviews.

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::attach::{attach, job};
use super::preprod::{janitor, preprod};
use super::untouched_demo;

const CREATOR: &str = "- role: creator
  says: |
    ## Proposal
    Look at every page.
    ### Confidence
    | Task understanding | 0.9 | |
    | Solution completeness | 0.9 | |
    | Risk coverage | 0.9 | |
";
/// A Maker whose first change looks like one.
const TOUCHES: &str = "- role: maker
  cycle: 1
  runs: echo '# looked at' >> agent.py
  commit: Look at every page
  says: Done.
";
const MENDS: &str = "- role: maker
  cycle: 2
  runs: python3 fix.py
  commit: Look at every page indeed
  says: Done.
  usage: {inputTokens: 10, outputTokens: 5, costUsd: 0.02}
";
/// Whoever reads sees nothing wrong.
const APPROVES: &str = "- says: |
    No findings.
    ### Verdict: APPROVED
";

/// Has a script play the roles of runs in a repository.
fn play(world: &TestEnv, repo: &str, steps: &[&str]) {
    let archal = world.bin().join("archal");
    if !archal.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_archal"), archal).expect("a link");
    }
    let script = world.write("script.yaml", &steps.concat());
    world.write(
        format!("{repo}/.archeflow/config.yaml"),
        &format!(
            "driver: played\ndrivers:\n  played:\n    command: archal pdca play {}\n",
            script.display()
        ),
    );
}

/// The events of the only run that is kept in a folder.
fn events(world: &TestEnv, folder: &str) -> Vec<Value> {
    let folder = world.repo().join(folder).join(".archeflow/events");
    let logs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| !path.ends_with("index.jsonl"))
        .collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    let text = std::fs::read_to_string(&logs[0]).expect("a log");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a whole line"))
        .collect()
}

/// Who reviewed, and how.
fn reviews(events: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    events
        .iter()
        .filter(|event| event["type"] == "review.verdict")
        .map(|event| (text(&event["agent"]), text(&event["data"]["verdict"])))
        .collect()
}

fn pair(reviewer: &str, verdict: &str) -> (String, String) {
    (reviewer.to_owned(), verdict.to_owned())
}

const FIXER: [&str; 5] = [
    "--allow-external-execution",
    "--fixer",
    "pdca",
    "--budget-usd",
    "none",
];

#[test]
fn a_trace_is_fixed_by_cycles_that_its_scenario_reviews_first() {
    let (world, _) = untouched_demo();
    play(&world, "demo", &[CREATOR, TOUCHES, MENDS, APPROVES]);
    let output = attach(&world, "demo/traces", &FIXER);
    let fixed = job(&output);
    assert_eq!(fixed["status"], "fixed", "{fixed:#}");
    let name = fixed["name"].as_str().expect("a name");
    let folder = format!("demo/.archal/attach/fixes/{name}");
    let events = events(&world, &format!("{folder}/pdca"));
    let wanted = [
        pair("scenario", "REJECTED"),
        pair("guardian", "APPROVED"),
        pair("scenario", "APPROVED"),
        pair("guardian", "APPROVED"),
    ];
    assert_eq!(reviews(&events), wanted);
    // What the scenario found went to the second cycle, and is resolved by it.
    let fixes: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "fix.applied")
        .collect();
    assert_eq!(fixes.len(), 1, "{fixes:#?}");
    let finding = fixes[0]["data"]["finding"].as_str().expect("text");
    assert!(
        finding.contains("the failing scenario still fails"),
        "{finding}"
    );
    let last = events.last().expect("events");
    assert_eq!(last["data"]["status"], "merged", "{last:#}");
    // It went through the same proof as any fix, and is charged with what its agents cost.
    let proof: Value =
        serde_json::from_str(&world.read(format!("{folder}/proof.json"))).expect("JSON");
    assert_eq!(proof["proven"], true);
    assert_eq!(proof["fixer"]["fixer"], "pdca");
    let patch = world.read(format!("{folder}/repo.patch"));
    assert!(patch.contains("not is_kept(issue)"), "{patch}");
    assert!(!patch.contains(".archeflow"), "{patch}");
    let cost = proof["fixer"]["costUsd"].as_f64().expect("a cost");
    assert!(cost > 0.02, "{cost}");
    let budget = world.run(&["budget", "--json"]).ended(0).json();
    let kinds = budget["kinds"].to_string();
    assert!(kinds.contains("\"fix\""), "{budget:#}");
}

#[test]
fn what_its_scenario_rejects_to_the_end_is_no_candidate() {
    let (world, _) = untouched_demo();
    let touches = TOUCHES.replace("  cycle: 1\n", "");
    play(&world, "demo", &[CREATOR, &touches, APPROVES]);
    let failed = job(&attach(&world, "demo/traces", &FIXER));
    assert_eq!(failed["status"], "fix_failed", "{failed:#}");
    let reason = failed["reason"].as_str().expect("text");
    assert!(reason.contains("the same CRITICAL"), "{reason}");
    // Nobody plays the roles.
    std::fs::remove_file(world.repo().join("demo/.archeflow/config.yaml")).expect("there");
    super::attach::again(&world);
    let failed = job(&attach(&world, "demo/traces", &FIXER));
    let reason = failed["reason"].as_str().expect("text");
    assert!(reason.contains("no driver plays the roles"), "{reason}");
}

#[test]
fn a_change_is_repaired_by_cycles_before_it_ships() {
    let world = janitor();
    play(&world, "janitor", &[CREATOR, TOUCHES, MENDS, APPROVES]);
    let output = preprod(&world, &FIXER);
    let ended = output.json();
    assert_eq!(ended["status"], "passed", "{ended:#}");
    let events = events(&world, "out/attempts/1/pdca");
    assert_eq!(reviews(&events)[0], pair("scenario", "REJECTED"));
    assert_eq!(reviews(&events).len(), 4);
    let patch = world.read("out/attempts/1/fix.patch");
    assert!(patch.contains("not is_kept(issue)"), "{patch}");
    assert!(!patch.contains(".archeflow"), "{patch}");
}
