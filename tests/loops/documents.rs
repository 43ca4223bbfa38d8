//! The documents of commands that run agents: one of each key, and a demonstration that keeps to
//! its own folder.

use std::fs;

use serde_json::Value;

use super::{kept_demo, world};

const SCENARIO: &str = "# Check

## Prompt

Do it.

## Success Criteria

- [D] `run.exitCode == 0`

## Config

clones: github
";

/// A document names its format once: a parser that takes the last of equal keys would hide a
/// second one.
fn names_its_format_once(document: &str, schema: &str) {
    for key in ["schema", "version"] {
        let at_the_top = format!("\n  \"{key}\": ");
        assert_eq!(document.matches(&at_the_top).count(), 1, "{document}");
    }
    let value: Value = serde_json::from_str(document).expect("JSON");
    assert_eq!(value["schema"], schema);
    assert_eq!(value["version"], 1);
}

#[test]
fn a_run_names_its_format_once_on_stdout_and_on_disk() {
    let world = world();
    world.write("check.md", SCENARIO);
    world.write("harness.sh", "true\n");
    let output = world.run(&["run", "check.md", "-o", "json"]).ended(0);
    names_its_format_once(&output.stdout, "archal.run-summary");
    let kept = world.named(&world.read(".archal/cache/last-run.json"));
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(kept, output.json());
}

#[test]
fn attach_and_demo_name_their_formats_once() {
    let (world, _) = kept_demo();
    let arguments = [
        "attach",
        "demo/traces",
        "--repo",
        "demo",
        "--once",
        "--foreground",
    ];
    let mut arguments = arguments.to_vec();
    arguments.extend(["--execution-policy", "observe", "--json"]);
    names_its_format_once(&world.run(&arguments).ended(0).stdout, "archal.attach");
    let demo = world.run(&["demo", "--json"]).ended(0);
    names_its_format_once(&demo.stdout, "archal.demo");
}

#[test]
fn the_demonstration_keeps_out_of_the_users_state_folder() {
    let mut world = world();
    let mine = world.repo().join("mine");
    world.set("ARCHAL_STATE_DIR", mine.display().to_string());
    let output = world.run(&["demo", "--keep", "my demo"]).ended(0);
    assert!(!mine.exists(), "{output}");
    let fixes = fs::read_dir(world.repo().join("my demo/.archal/attach/fixes")).expect("written");
    assert_eq!(fixes.count(), 1);
    assert!(output.stdout.contains("replayed"), "{output}");
    assert!(output.stdout.contains("  cd 'my demo'\n"), "{output}");
}

#[test]
fn a_run_says_which_criteria_held_for_nothing_and_which_nobody_decided() {
    let world = world();
    let criteria = "- [D] All closed issues are labelled stale: \
        `github.issues.all(i, i.title == 'x')`\n- [P] The tone is friendly\n\n## Config";
    world.write(
        "check.md",
        &SCENARIO.replace("- [D] `run.exitCode == 0`\n\n## Config", criteria),
    );
    world.write("harness.sh", "true\n");
    let output = world.run(&["run", "check.md"]).ended(0);
    assert!(output.stdout.contains("(vacuous: it held only"), "{output}");
    assert!(
        output
            .stdout
            .contains("0/0   The tone is friendly (not evaluated: no judge)"),
        "{output}"
    );
}
