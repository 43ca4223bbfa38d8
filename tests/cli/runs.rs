//! `archal runs` over suites that were kept.

use archal_testkit::cli::{Output, TestEnv};

use crate::kept_suites;

use super::environment;

/// A world with an earlier suite and a later one, in which something got worse.
fn world() -> TestEnv {
    let world = environment();
    world.write(".git/HEAD", "ref: refs/heads/main\n");
    kept_suites::write(&world, "suite-aa01", 20, true);
    kept_suites::write(&world, "suite-bb02", 21, false);
    world
}

fn codes(world: &TestEnv, commands: &[(&[&str], i32)]) {
    for (arguments, code) in commands {
        let output = world.run(arguments);
        assert_eq!(output.code, Some(*code), "{arguments:?}\n{output}");
    }
}

#[test]
fn suites_are_listed_the_newest_first_with_those_cut_off() {
    let world = world();
    world.write(
        ".archal/cache/suites/suite-cc03/suite.json",
        r#"{"schema": "archal.suite", "version": 1, "suite": "suite-cc03", "startedAt": "2026-11-22T17:00:00Z",
            "keep": false, "scenarios": []}"#,
    );
    let list = world.run(&["runs", "list"]).ended(0);
    insta::assert_snapshot!(list.stdout, @"");
    let one = world
        .run(&["runs", "list", "--limit", "1", "--json"])
        .ended(0)
        .json();
    assert_eq!(
        (&one["schema"], &one["more"]),
        (&"archal.runs-list".into(), &2.into())
    );
    let shown = world.run(&["runs", "show", "cc"]).ended(0);
    assert!(
        shown.stdout.contains("archal run --resume suite-cc03"),
        "{shown}"
    );
}

#[test]
fn an_empty_shelf_says_what_to_do() {
    let world = environment();
    let list = world.run(&["runs", "list"]).ended(0);
    assert_eq!(list.stdout, "no suite yet\n");
    insta::assert_snapshot!(world.run(&["runs", "show"]).ended(3), @"");
    codes(
        &world,
        &[(&["runs", "compare"], 3), (&["runs", "prune"], 0)],
    );
    assert!(
        !world.repo().join(".archal").exists(),
        "looking makes nothing"
    );
}

#[test]
fn a_run_is_shown_with_its_calls_and_nothing_in_it_is_obeyed() {
    let world = world();
    let shown = world
        .run(&["runs", "show", "run-suite-bb02-hard-1", "--color", "always"])
        .ended(0);
    assert!(!shown.stdout.contains("\u{1b}[31mred"), "{shown}");
    let plain = world
        .run(&["runs", "show", "run-suite-bb02-hard-1"])
        .ended(0);
    insta::assert_snapshot!(plain.stdout, @"");
    let document = world
        .run(&["runs", "show", "run-suite-bb02-hard-1", "--json"])
        .ended(0)
        .json();
    assert_eq!(
        document["evidence"]["calls"][0]["operation"],
        "issues/update"
    );
}

#[test]
fn what_got_worse_is_an_exit_code() {
    let world = world();
    let worse = world.run(&["runs", "compare"]).ended(1);
    insta::assert_snapshot!(worse.stdout, @"");
    codes(
        &world,
        &[
            (&["runs", "compare", "bb", "aa"], 0),
            (&["runs", "compare", "bb", "--json"], 0),
            (&["runs", "compare", "run-suite-bb02-hard-1"], 2),
            (&["runs", "compare", "zz"], 2),
        ],
    );
}

#[test]
fn an_export_writes_over_nothing_unless_it_is_told_to() {
    let world = world();
    for format in ["html", "junit", "json"] {
        let export = |more: &[&str]| -> Output {
            let mut all = vec!["runs", "export", "--format", format, "-o", "out"];
            all.extend(more);
            world.run(&all)
        };
        world.write("out", "mine");
        let refused = export(&[]).ended(2);
        assert!(refused.stderr.contains("is there already"), "{refused}");
        assert_eq!(world.read("out"), "mine");
        let told = export(&["--force", "--json"]).ended(0).json();
        assert_eq!(told["bytes"], world.read("out").len());
        let stdout = world
            .run(&["runs", "export", "--format", format])
            .ended(0)
            .stdout;
        assert_eq!(stdout, world.named(&world.read("out")));
    }
}

#[test]
fn a_workflow_gets_a_summary_and_annotations() {
    let mut world = world();
    world.write(
        "archal/hard.md",
        "# Hard\n\n## Prompt\n\nClose.\n\n## Success Criteria\n\n- [D] closed: `size(github.issues) == 4`\n\n## Config\n\nclones: github\n",
    );
    let markdown = world
        .run(&["runs", "export", "--format", "github"])
        .ended(0);
    assert!(markdown.stdout.starts_with("## ❌ archal"), "{markdown}");
    let summary = world.write("summary.md", "before\n");
    world.set("GITHUB_STEP_SUMMARY", summary.display().to_string());
    let annotations = world
        .run(&["runs", "export", "--format", "github"])
        .ended(0);
    insta::assert_snapshot!(annotations.stdout, @"");
    let written = world.read("summary.md");
    assert_eq!(written, format!("before\n{}", markdown.stdout));
}

#[test]
fn pruning_takes_old_suites_with_their_runs_and_not_the_last() {
    let world = world();
    codes(
        &world,
        &[(&["runs", "prune", "--dry-run", "--older-than", "0s"], 0)],
    );
    let kept = |name: &str| world.repo().join(".archal/cache").join(name).exists();
    assert!(kept("suites/suite-aa01"), "a dry run removes nothing");
    codes(&world, &[(&["runs", "prune", "aa"], 0)]);
    assert!(!kept("suites/suite-aa01") && !kept("runs/run-suite-aa01-fine-1"));
    assert!(kept("suites/suite-bb02") && kept("runs/run-suite-bb02-fine-1"));
}
