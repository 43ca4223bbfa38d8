//! The documents of commands that run agents: one of each key, a demonstration that keeps to its
//! own folder, and the terminal as the documentation shows it.

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

/// The text of the block of the documentation that begins so.
fn block<'d>(docs: &'d str, begin: &str, end: &str) -> &'d str {
    let (_, rest) = docs.split_once(begin).expect("a block");
    let (text, _) = rest.split_once(end).expect("its end");
    text
}

/// A text of the terminal without what differs from run to run: times and ids of runs.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.trim().lines() {
        let line = match line.split_once('[') {
            Some((before, after)) if after.contains("s]") => {
                let (_, rest) = after.split_once("s]").expect("contained");
                format!("{before}[…]{rest}")
            }
            _ => line.to_owned(),
        };
        // An id ends its line.
        let line = line.split("run-").next().unwrap_or_default();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn the_documentation_of_scenarios_shows_what_is_printed() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenarios.md");
    let docs = fs::read_to_string(docs).expect("documentation");
    let shown: Vec<&str> = docs
        .split("```text\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .filter(|text| text.contains(" Summary ["))
        .collect();
    let [passed, failed, raised, three] = shown.as_slice() else {
        panic!("other samples than these four: {shown:?}");
    };
    let agent = block(&docs, "```python\n", "\n```");
    let scenario = block(&docs, "````markdown\n", "\n````");
    let world = world();
    world.write("agent.py", agent);
    world.write(".archal.json", block(&docs, "```json\n", "\n```"));
    world.write("scenarios/label-bug.md", scenario);
    let holds = |arguments: &[&str], code: i32, sample: &str| {
        let output = world.run(arguments).ended(code);
        assert_eq!(steady(&output.stdout), steady(sample), "{output}");
    };
    holds(&["run"], 0, passed);
    holds(&["run", "-n", "3"], 0, three);
    let raises = scenario.replace("`size(calls) <= 3`", "`calls[7].status == 200`");
    world.write("scenarios/label-bug.md", &raises);
    holds(&["run"], 4, raised);
    world.write("scenarios/label-bug.md", scenario);
    world.write("agent.py", &agent.replace("\"bug\"", "\"docs\""));
    holds(&["run"], 1, failed);
}
