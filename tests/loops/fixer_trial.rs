//! `archal fixer test`: a fixer's repair is run, not believed.

use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use super::fixers::replay;
use super::world;

/// What repairs the script.
const REPAIR: &str = "sed -i 's/sum - number/sum + number/' total.sh";

fn tried(world: &TestEnv, arguments: &[&str]) -> (Output, Value) {
    let output = world.run(&[&["fixer", "test", "--json"], arguments].concat());
    let document = output.json();
    crate::cli::schema::holds(&document);
    (output, document)
}

#[test]
fn a_repair_is_run_and_what_it_cost_is_counted() {
    let mut world = world();
    world.set("ANTHROPIC_API_KEY", "sk-ant-do-not-tell");
    world.program(
        "claude",
        &format!(
            "echo \"$ANTHROPIC_API_KEY\" >&2; {REPAIR}; {}",
            replay("claude_stream_ok")
        ),
    );
    let (output, repaired) = tried(&world, &["claude"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(repaired["isRepaired"], true);
    assert_eq!(repaired["changed"], json!(["total.sh"]));
    assert_eq!(repaired["fixer"]["end"], "changed");
    assert!(!output.stdout.contains("do-not-tell"), "{output}");
    let cost = repaired["fixer"]["costUsd"].as_f64().expect("a cost");
    let budget = world.run(&["budget", "--json"]).ended(0).json();
    let spent = budget["totals"]["spentUsd"].as_f64().expect("an amount");
    assert!(cost > 0.0 && (spent - cost).abs() < 2e-6, "{spent} {cost}");

    let (output, by_command) = tried(&world, &["--fix-command", REPAIR]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(by_command["fixer"]["fixer"], "command");
}

#[test]
fn what_only_looks_repaired_is_not() {
    let world = world();
    for (script, changed) in [
        // It knows the one sum that is asked for.
        ("printf 'echo 6\\n' > total.sh", json!(["total.sh"])),
        // It changes what is asked.
        ("echo true > check.sh", json!(["check.sh"])),
        (
            "sed -i 's/sum - number/sum + number/' total.sh; touch more",
            json!(["more", "total.sh"]),
        ),
        ("true", json!([])),
    ] {
        let (output, document) = tried(&world, &["--fix-command", script]);
        assert_eq!(output.code, Some(1), "{script}: {output}");
        assert_eq!(document["isRepaired"], false, "{script}");
        assert_eq!(document["changed"], changed, "{script}");
        assert!(document["hint"].is_string(), "{script}");
    }
}

#[test]
fn it_sees_the_home_as_in_earnest() {
    let world = world();
    let planted = world.home().join("planted");
    let script = format!("{REPAIR}; touch {}", planted.display());
    let (output, document) = tried(&world, &["--fix-command", &script]);
    assert_eq!(document["changed"], json!(["total.sh"]), "{output}");
    assert!(!planted.exists());
}

#[test]
fn what_stands_in_its_way_is_told_with_the_way_out() {
    let world = world();
    let output = world.run(&["fixer", "test", "claude"]);
    assert_eq!(output.code, Some(3), "{output}");
    let hint = "install it: npm install --global @anthropic-ai/claude-code";
    assert!(output.stdout.contains(hint), "{output}");

    world.program("claude", &replay("claude_nokey"));
    let (output, without_key) = tried(&world, &["claude"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(without_key["fixer"]["end"], "auth");
    let hint = without_key["hint"].as_str().expect("a hint");
    assert!(hint.contains("ANTHROPIC_API_KEY"), "{hint}");
    assert!(
        without_key["lastWords"]
            .as_str()
            .is_some_and(|words| !words.is_empty())
    );

    // Nothing is run that the budget forbids.
    world.program("claude", "exit 1");
    world.write(".archal.json", r#"{"budget": {"perDayUsd": 0.01}}"#);
    let output = world.run(&["fixer", "test", "claude"]);
    assert_eq!(output.code, Some(5), "{output}");
    assert!(output.stdout.contains("not run:"), "{output}");
}
