//! `archal scenario`: scenario files looked at, not run.

use archal_testkit::cli::{Output, TestEnv};

use super::environment;

/// A scenario with these parts below its title.
fn scenario(setup: &str, criteria: &str, config: &str) -> String {
    format!(
        "# T\n\n## Setup\n\n{setup}\n\n## Prompt\n\nDo it.\n\n## Checks\n\n{criteria}\n\n## Config\n\n{config}\n"
    )
}

const GOOD: &str = "# Label a bug

## Setup

A repository acme/shop with 3 open issues, 1 of them labelled \"bug\" and last updated 3 weeks ago.

## Prompt

Label issue 2 of acme/shop as a bug.

## Success Criteria

- [D] Exactly 2 issues are labelled \"bug\"
- [D] Nothing is closed: `github.issues.all(i, i.state == \"open\")`
- [P] The answer is polite

## Config

clones: github
tags: smoke
runs: 3
owner: triage
";

fn with_good() -> TestEnv {
    let world = environment();
    world.write("scenarios/label-a-bug.md", GOOD);
    world
}

#[test]
fn a_scenario_is_listed_checked_and_shown() {
    let world = with_good();
    insta::assert_snapshot!(world.run(&["scenario", "list"]));
    insta::assert_snapshot!(world.run(&["scenario", "validate"]));
    insta::assert_snapshot!(world.run(&["scenario", "show", "label-a-bug"]));
    let list = world.run(&["scenario", "list", "--json"]).ended(0).json();
    assert_eq!(list["schema"], "archal.scenario-list");
    assert_eq!(list["scenarios"][0]["runs"], 3);
    let shown = world
        .run(&["scenario", "show", "scenarios/label-a-bug.md", "--json"])
        .ended(0)
        .json();
    assert_eq!(shown["states"][0]["tables"]["issues"], 3);
    assert_eq!(shown["criteria"][1]["holdsAlready"], true);
    let none = world.run(&["scenario", "list", "--tag", "slow"]).ended(0);
    assert!(none.stderr.contains("no scenario has that tag"), "{none}");
}

#[test]
fn the_state_that_words_say_is_a_seed_document() {
    let world = with_good();
    let arguments = ["scenario", "show", "label-a-bug", "--seed-document"];
    let document = world.run(&arguments).ended(0).json();
    assert_eq!(document["issues"][0]["labels"][0], "bug");
    assert_eq!(document["issues"][0]["updated_at"], "21d ago");
    // What it prints is a seed file that a scenario can name.
    world.write("scenarios/shop.json", &document.to_string());
    world.write(
        "scenarios/named.md",
        &GOOD.replace("clones: github", "clones: github\nseed: github:shop.json"),
    );
    let again = world
        .run(&["scenario", "show", "named", "--seed-document"])
        .ended(0)
        .json();
    assert_eq!(again, document);
}

#[test]
fn an_unknown_scenario_is_a_usage_error_with_the_nearest_one() {
    insta::assert_snapshot!(with_good().run(&["scenario", "show", "lable-a-bug"]));
}

#[test]
fn a_scenario_that_nobody_can_fail_is_a_warning() {
    let world = environment();
    let text = scenario(
        "acme/shop has 2 closed issues.",
        "- [D] No issues are open",
        "clones: github",
    );
    world.write("scenarios/idle.md", &text);
    let output = world.run(&["scenario", "validate"]).ended(0);
    assert!(
        output.stdout.contains("an agent that does nothing passes"),
        "{output}"
    );
    let strict = world.run(&["scenario", "validate", "--strict"]).ended(1);
    assert!(strict.stdout.contains("1 warning"), "{strict}");
}

#[test]
fn a_sentence_of_two_senses_is_a_warning() {
    let world = environment();
    let text = scenario(
        "acme/shop has 2 closed issues and 3 open issues.",
        "- [D] Exactly 4 issues are closed",
        "clones: github",
    );
    world.write("scenarios/two.md", &text);
    let output = world.run(&["scenario", "validate"]).ended(0);
    assert!(output.stdout.contains("scenario/ambiguous"), "{output}");
}

#[test]
fn what_a_run_cannot_do_is_a_warning_and_refused_when_it_is_run() {
    let world = environment();
    let config =
        "clones: github\nfault: github:issues/update=500\nclock: fixed 2026-01-31T09:00:00Z";
    let text = scenario(
        "acme/shop has an issue.",
        "- [D] An issue is closed",
        config,
    );
    world.write("scenarios/faulty.md", &text);
    let output = world.run(&["scenario", "validate"]).ended(0);
    assert!(output.stdout.contains("2 warnings"), "{output}");
    world.write("agent.sh", "exit 0\n");
    let run = world
        .run(&["run", "scenarios/faulty.md", "--harness", "agent.sh"])
        .ended(2);
    assert!(
        run.stderr
            .contains("injects the fault `github:issues/update=500`"),
        "{run}"
    );
    assert!(run.stderr.contains("fixes the clock"), "{run}");
}

#[test]
fn a_new_scenario_validates_and_overwrites_nothing() {
    let world = environment();
    insta::assert_snapshot!(world.run(&[
        "scenario",
        "new",
        "Close stale issues",
        "--from-seed",
        "stale-issues"
    ]));
    let written = world.read("scenarios/close-stale-issues.md");
    assert!(written.contains("seed: github:stale-issues"), "{written}");
    world.run(&["scenario", "validate", "--strict"]).ended(0);
    insta::assert_snapshot!(world.run(&["scenario", "new", "close stale issues"]));
    assert_eq!(world.read("scenarios/close-stale-issues.md"), written);
    let named = world
        .run(&[
            "scenario",
            "new",
            "deep/first_try.md",
            "--clone",
            "github",
            "--json",
        ])
        .ended(0);
    assert_eq!(named.json()["path"], "deep/first_try.md");
    world
        .run(&["scenario", "validate", "deep", "--strict"])
        .ended(0);
    insta::assert_snapshot!(world.run(&["scenario", "new", "x", "--clone", "githb"]));
    insta::assert_snapshot!(world.run(&["scenario", "new", "x", "--from-seed", "stale-isues"]));
}

/// Every kind of file that is no scenario, in one pass, as a user reads it.
#[test]
fn every_mistake_is_told_with_its_place() {
    let world = environment();
    let one = "- [D] The run exits successfully";
    let state = "acme/shop has an issue.";
    let whole = |config: &str| scenario(state, one, config);
    let files: Vec<(&str, String)> = vec![
        ("01-empty", String::new()),
        (
            "02-no-prompt",
            "# T\n\n## Checks\n\n- [P] x\n\n## Config\n\nclones: github\n".to_owned(),
        ),
        (
            "03-no-criteria",
            "# T\n\n## Prompt\n\nx\n\n## Checks\n\n## Config\n\nclones: github\n".to_owned(),
        ),
        ("04-two-titles", format!("# U\n{}", whole("clones: github"))),
        (
            "05-unknown-section",
            whole("clones: github").replace("## Setup", "## Setpu"),
        ),
        ("06-unknown-key", whole("clones: github\ntimout: 5")),
        (
            "07-bad-values",
            whole(
                "clones: github\ntimeout: soon\nruns: 0\npass-threshold: 101\nsince: yesterday\nflaky: maybe\nroute: shim\nclock: noon\nfault: github:issues/updte=500\nmatch: nam=x",
            ),
        ),
        (
            "07b-quarantine",
            whole("clones: github\nowner: triage\nflaky: true"),
        ),
        ("08-unknown-clone", whole("clones: gihub")),
        (
            "09-unknown-seed",
            whole("clones: github\nseed: stale-isues"),
        ),
        (
            "10-two-states",
            scenario(
                "```yaml\nusers: []\n```",
                one,
                "clones: github\nseed: empty",
            ),
        ),
        (
            "11-bad-fence",
            scenario("```toml\na = 1\n```", one, "clones: github"),
        ),
        (
            "12-bad-yaml",
            scenario("```yaml\nusers: [\n```", one, "clones: github"),
        ),
        (
            "13-duplicate-key",
            scenario("```yaml\nusers: []\nusers: []\n```", one, "clones: github"),
        ),
        (
            "14-expansion",
            scenario(
                &format!("```yaml\n{}\n```", laughs()),
                one,
                "clones: github",
            ),
        ),
        (
            "15-bad-cel",
            scenario(
                state,
                "- [D] `size(github.isues) == 1`\n- [D] `size(`",
                "clones: github",
            ),
        ),
        (
            "16-bad-sentence",
            scenario(state, "- [D] The issues feel better", "clones: github"),
        ),
        (
            "17-half-setup",
            scenario(
                "acme/shop has 3 open issues. Most of them are very old.",
                one,
                "clones: github",
            ),
        ),
        (
            "18-two-meanings",
            scenario(
                "acme/shop has 9 issues. 4 of them are open. 2 of them are locked.",
                one,
                "clones: github",
            ),
        ),
        (
            "19-refused-state",
            scenario(
                "```yaml\nrepos:\n  - name: shop\n```",
                one,
                "clones: github",
            ),
        ),
        (
            "20-no-clone",
            "# T\n\n## Prompt\n\nDo it.\n\n## Checks\n\n- [P] x\n".to_owned(),
        ),
        (
            "21-no-seed-file",
            whole("clones: github\nseed: github:absent.json").replace(state, "For the judge."),
        ),
    ];
    for (name, text) in &files {
        world.write(format!("bad/{name}.md"), text);
    }
    world.write(
        "bad/22-huge.md",
        &format!("# T\n## Prompt\n{}", "x".repeat(1 << 20)),
    );
    let path = world.write("bad/23-not-utf8.md", "");
    std::fs::write(path, b"# T\n## Prompt\n\xff\xfe\n").expect("a writable folder");
    let names: Vec<String> = (files.iter().map(|(name, _)| *name))
        .chain(["22-huge", "23-not-utf8"])
        .map(|name| format!("bad/{name}.md"))
        .collect();
    let mut arguments = vec!["scenario", "validate"];
    arguments.extend(names.iter().map(String::as_str));
    let output: Output = world.run(&arguments).ended(1);
    insta::assert_snapshot!(output);
    let json = world
        .run(&["scenario", "validate", "bad/06-unknown-key.md", "--json"])
        .ended(1)
        .json();
    assert_eq!(json["files"][0]["findings"][0]["line"], 18, "{json}");
}

/// A document that grows without end where aliases are followed.
fn laughs() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..9 {
        let before = vec![format!("*a{}", at - 1); 10].join(", ");
        text.push_str(&format!("a{at}: &a{at} [{before}]\n"));
    }
    text.trim_end().to_owned()
}
