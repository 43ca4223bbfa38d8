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
    insta::assert_snapshot!(list.stdout, @r"
    UNFINISHED suite-cc03  2026-11-22T17:00:00Z  it was cut off
                go on with: archal run --resume suite-cc03
          FAIL suite-bb02  2026-11-21T17:00:00Z  3 scenarios: 1 passed, 1 failed, 1 flaky, 2/5 runs passed
         FLAKY suite-aa01  2026-11-20T17:00:00Z  3 scenarios: 2 passed, 1 flaky, 4/5 runs passed
    ");
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
    insta::assert_snapshot!(world.run(&["runs", "show"]).ended(3), @r"
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: there is no suite yet
    hint: archal run
    ");
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
    insta::assert_snapshot!(plain.stdout, @r#"
            FAIL [   0.412s] </script><img src=x onerror=alert(1)> | `*_ red<U+202E> ::error::x # #[error]y
                 ✗ [D] Exactly 4 issues are closed (broken)
                   size(github.issues.filter(i, i.state == "closed")) == 4
                   1 is not 4
                   │ acme/webapp#7 {number: 7, title: "</script><img src=x onerror=alert(1)> | `*_ \u001b[31mred<U+202E> ::error::x # #[error…, state: "closed"}
                 answer:
                 │ </script><img src=x onerror=alert(1)> | `*_ red<U+202E> ::error::x # #[error]y
                 stderr:
                 │ ::add-mask::x
                 │ </script><img src=x onerror=alert(1)> | `*_ red<U+202E> ::error::x # #[error]y
                 1 call, route isolated, evidence .archal/cache/runs/run-suite-bb02-hard-1
    calls
         1  200  PATCH /repos/acme/webapp/issues/7 (github issues/update)
                 changed issues acme/webapp#7
    state changes
                 github.issues: 1 added, 1 removed, 1 changed
                   + {"title":"</script><img src=x onerror=alert(1)> | `*_ \u001b[31mred<U+202E> ::error::x # #[error]y"}
                   - {"number":3}
                   ~ acme/webapp#7 state: "open" → "closed"
    its suite: archal runs show suite-bb02
    "#);
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
    insta::assert_snapshot!(worse.stdout, @r"
          before suite-aa01 of 2026-11-20T17:00:00Z
           after suite-bb02 of 2026-11-21T17:00:00Z

           WORSE </script><img src=x onerror=alert(1)> | `*_ red<U+202E> ::error::x # #[error]y
                 passed, satisfaction 100, 0.412s a run → failed, satisfaction 0, 0.412s a run
                 runs passed 2/2 → 0/2: lower, as chance alone makes so few runs (p = 0.333)
                 • Exactly 4 issues are closed 2/2 → 0/2: lower, as chance alone makes so few runs (p = 0.333)
    ────────────────────────────────────────────────────────────
        Compared 1 worse, 2 without a change that can be told
    ");
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
    insta::assert_snapshot!(annotations.stdout, @r#"
    ::error file=archal/hard.md,line=9,title=</script><img src=x onerror=alert(1)> | `*_ red<U+202E> %3A%3Aerror%3A%3Ax # #[error]y::failed 0/2 runs passed, satisfaction 0%0Abroken: Exactly 4 issues are closed%0Asize(github.issues.filter(i, i.state == "closed")) == 4%0A1 is not 4%0Aacme/webapp#7 {number: 7, title: "</script><img src=x onerror=alert(1)> | `*_ \u001b[31mred<U+202E> ::error::x # #[error…, state: "closed"}%0Aarchal runs show run-suite-bb02-hard-1
    ::warning file=archal/shaky.md,title=Shaky::flaky 1/2 runs passed, satisfaction 50%0Abroken: Exactly 4 issues are closed%0Asize(github.issues.filter(i, i.state == "closed")) == 4%0A1 is not 4%0Aacme/webapp#7 {number: 7, title: "</script><img src=x onerror=alert(1)> | `*_ \u001b[31mred<U+202E> ::error::x # #[error…, state: "closed"}%0Aarchal runs show run-suite-bb02-shaky-2
    "#);
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
