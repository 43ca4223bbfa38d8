//! `archal scenario`: scenario files looked at, not run.

use std::fs;

use archal_testkit::cli::TestEnv;

use super::environment;

/// A scenario with these parts below its title.
pub(super) fn scenario(setup: &str, criteria: &str, config: &str) -> String {
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
    insta::assert_snapshot!(world.run(&["scenario", "list"]), @r###"
        exit code: 0
        ----- stdout -----
        Label a bug  scenarios/label-a-bug.md
            github; 3 criteria (2 [D], 1 [P]); 3 runs; tags smoke; owner triage
        ----- stderr -----
        "###);
    insta::assert_snapshot!(world.run(&["scenario", "validate"]), @r###"
        exit code: 0
        ----- stdout -----
        scenario/ambiguous

          ⚠ this could mean the end or the run: `issues labelled "bug"` already
            ╭─[scenarios/label-a-bug.md:13:1]
         12 │
         13 │ - [D] Exactly 2 issues are labelled "bug"
            · ─────────────────────────────────────────
         14 │ - [D] Nothing is closed: `github.issues.all(i, i.state == "open")`
            ╰────
          help: write `Exactly 2 issues are labelled "bug" at the end` or `Exactly 2 issues were labelled
                "bug" during the run`
        scenario/holds-already

          ☞ 1 of 2 criteria hold on the starting state already: `Nothing is closed`
            ╭─[scenarios/label-a-bug.md:14:1]
         13 │ - [D] Exactly 2 issues are labelled "bug"
         14 │ - [D] Nothing is closed: `github.issues.all(i, i.state == "open")`
            · ──────────────────────────────────────────────────────────────────
         15 │ - [P] The answer is polite
            ╰────
        ok  scenarios/label-a-bug.md: Label a bug (3 criteria)
        1 scenario: 0 errors, 1 warning
        ----- stderr -----
        "###);
    insta::assert_snapshot!(world.run(&["scenario", "show", "label-a-bug"]), @r###"
        exit code: 0
        ----- stdout -----
        Label a bug  scenarios/label-a-bug.md

        Prompt
          Label issue 2 of acme/shop as a bug.

        Setup
          A repository acme/shop with 3 open issues, 1 of them labelled "bug" and last updated 3 weeks ago.

        Starting state
          github: the words of the Setup
            issues 3, labels 1, repos 1, users 2

        Criteria
          [D] Exactly 2 issues are labelled "bug"
              size(github.issues.filter(i, i.labels.exists(label, label.name == "bug"))) == 2
          [D] Nothing is closed  (holds on the starting state)
              github.issues.all(i, i.state == "open")
          [P] The answer is polite

        Settings
          clones: github  (scenarios/label-a-bug.md:19)
          runs: 3  (scenarios/label-a-bug.md:21)
          timeout: 180  (default)
          route: auto  (default)
          pass-threshold: 100  (default)
          tags: smoke  (scenarios/label-a-bug.md:20)
          owner: triage  (scenarios/label-a-bug.md:22)
        ----- stderr -----
        "###);
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
    insta::assert_snapshot!(with_good().run(&["scenario", "show", "lable-a-bug"]), @r###"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no scenario `lable-a-bug`
        hint: archal scenario show label-a-bug
        "###);
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
fn a_new_scenario_validates_and_overwrites_nothing() {
    let world = environment();
    insta::assert_snapshot!(world.run(&[
        "scenario",
        "new",
        "Close stale issues",
        "--from-seed",
        "stale-issues"
    ]), @r###"
        exit code: 0
        ----- stdout -----
        wrote scenarios/close-stale-issues.md
        ----- stderr -----
        next: archal scenario validate scenarios/close-stale-issues.md
        "###);
    let written = world.read("scenarios/close-stale-issues.md");
    assert!(written.contains("seed: github:stale-issues"), "{written}");
    _ = world.run(&["scenario", "validate", "--strict"]).ended(0);
    insta::assert_snapshot!(world.run(&["scenario", "new", "close stale issues"]), @r###"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: scenarios/close-stale-issues.md is there already, and stays as it is
        hint: archal scenario show scenarios/close-stale-issues.md
        "###);
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
    _ = world
        .run(&["scenario", "validate", "deep", "--strict"])
        .ended(0);
    insta::assert_snapshot!(world.run(&["scenario", "new", "x", "--clone", "githb"]), @r###"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no clone `githb`
        hint: archal scenario new … --clone github
        "###);
    insta::assert_snapshot!(world.run(&["scenario", "new", "x", "--from-seed", "stale-isues"]), @r###"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: no single clone has a seed `stale-isues`
        hint: archal scenario new … --from-seed stale-issues
        "###);
}

/// Messages point at it, since a user of the program has no documentation of the project.
#[test]
fn the_help_has_every_section_and_key() {
    let help = environment().run(&["scenario", "--help"]).ended(0).stdout;
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenarios.md");
    let docs = fs::read_to_string(docs).expect("documentation");
    let table = |heading: &str| {
        let (_, rest) = docs.split_once(heading).expect("a section");
        let rows = rest.split("\n## ").next().expect("its text").lines();
        let cells = rows.filter_map(|row| row.strip_prefix("| `")?.split('|').next());
        let names = cells.flat_map(|cell| cell.split(','));
        names
            .map(|name| name.trim_matches([' ', '`']).to_owned())
            .collect::<Vec<_>>()
    };
    let (sections, keys) = (table("\n## Sections\n"), table("\n## Config keys\n"));
    assert!(
        sections.len() == 7 && keys.len() == 15,
        "{sections:?} {keys:?}"
    );
    for name in sections.iter().filter(|name| *name != "# Title") {
        assert!(help.contains(name), "{name}: {help}");
    }
    let (_, told) = help.split_once("Keys of Config:").expect("the keys");
    for key in keys {
        assert!(told.contains(&key), "{key}: {help}");
    }
}
