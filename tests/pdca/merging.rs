//! The merge: tests, hooks and conflicts, and that nobody sees what fails them.

use super::{CREATOR, MAKER, World, approves};

/// A Maker whose first change the tests refuse.
const SECOND_IS_GOOD: &str = "- role: maker
  cycle: 1
  writes: {greeting.txt: bad}
  commit: A first try
  says: done
- role: maker
  cycle: 2
  writes: {greeting.txt: good}
  commit: A second try
  says: done
";

#[test]
fn a_change_that_fails_its_tests_is_never_seen_and_comes_back_better() {
    let world = World::new(&[CREATOR, SECOND_IS_GOOD, &approves("guardian")]);
    world.settings("test_command: 'echo THE-TESTS-SAY; test \"$(cat greeting.txt)\" = good'\n");
    let arguments = ["--workflow", "fast", "--max-cycles", "2", "--yes"];
    let forbidden = world.pdca(&["run", "Add a greeting", "--yes"]).ended(2);
    assert!(
        forbidden.stderr.contains("--allow-external-execution"),
        "{forbidden}"
    );

    let (id, document) = world.run(
        0,
        &[&arguments[..], &["--allow-external-execution"]].concat(),
    );
    assert_eq!(document["status"], "merged");
    assert!(world.decided(&id, "post_merge_test", "revert"));
    assert_eq!(world.env.read("greeting.txt"), "good");
    // The first try is part of the branch that was merged, and was merged once.
    let first_parents = world.git(&["log", "--first-parent", "--format=%s", "main"]);
    assert_eq!(first_parents, format!("archeflow: merge run {id}\nfirst"));
    let reflog = world.git(&["reflog", "main", "--format=%gs"]);
    assert_eq!(reflog.lines().count(), 2, "the branch moved once: {reflog}");
    let maker = world.told(&id, "maker", 2);
    assert!(
        maker.contains("integration test failure") && maker.contains("THE-TESTS-SAY"),
        "{maker}"
    );
    let tests: Vec<_> = world.processes(&id);
    let tests: Vec<_> = tests.iter().filter(|one| one["what"] == "test").collect();
    assert_eq!(
        (&tests[0]["exit_code"], &tests[1]["exit_code"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_hook_that_aborts_keeps_the_branch_and_one_that_warns_does_not() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    world.env.write(
        ".archeflow/hooks.yaml",
        "run-start: {command: exit 7}\npre-merge: {command: 'test \"$ARCHEFLOW_TARGET\" = other'}\n",
    );
    let arguments = ["--workflow", "fast", "--yes", "--allow-external-execution"];
    let (id, document) = world.run(1, &arguments);
    assert_eq!(document["status"], "stopped");
    assert!(world.decided(&id, "hook", "hook_abort"));
    assert_eq!(world.main(), "first");
    assert_ne!(
        world.git(&[
            "branch",
            "--list",
            document["branch"].as_str().expect("a branch")
        ]),
        ""
    );
}

#[test]
fn a_conflict_leaves_both_branches_as_they_are() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    let (id, document) = world.run(0, &["--workflow", "fast"]);
    world.env.write("greeting.txt", "another\n");
    world.git(&["add", "greeting.txt"]);
    world.git(&["commit", "--quiet", "-m", "another"]);
    let branch = document["branch"].as_str().expect("a branch");
    let before = world.git(&["rev-parse", branch, "main"]);
    let merged = world.pdca(&["merge", &id]).ended(1);
    assert!(merged.stdout.contains("conflicts with main"), "{merged}");
    assert_eq!(world.git(&["rev-parse", branch, "main"]), before);
    assert_eq!(
        world.git(&["status", "--porcelain", "--untracked-files=no"]),
        ""
    );
}

#[test]
fn work_in_the_checkout_is_not_merged_over() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    let (id, _) = world.run(0, &["--workflow", "fast"]);
    world.env.write("README.md", "mine\n");
    let merged = world.pdca(&["merge", &id]).ended(1);
    assert!(merged.stdout.contains("README.md"), "{merged}");
    assert_eq!(world.env.read("README.md"), "mine\n");
    assert_eq!(world.main(), "first");
}

#[test]
fn what_is_approved_no_more_or_lies_under_another_checkout_is_not_merged() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    let (id, _) = world.run(0, &["--workflow", "fast"]);
    world.git(&["checkout", "--quiet", "-b", "other"]);
    let beside = world.beside("beside");
    let beside = beside.to_str().expect("a path");
    world.git(&["worktree", "add", "--quiet", beside, "main"]);
    let elsewhere = world.pdca(&["merge", &id]).ended(1);
    assert!(elsewhere.stdout.contains("another worktree"), "{elsewhere}");
    assert_eq!(world.main(), "first");
    world.git(&["worktree", "remove", beside]);

    // Gone on with and cut off: nobody has approved what is on the branch by now.
    let begun = ["event", &id, "run.start", "do", "", "{}"];
    _ = world.pdca(&begun).ended(0);
    let merged = world.pdca(&["merge", &id]).ended(2);
    assert!(merged.stderr.contains("it is not over"), "{merged}");
    assert_eq!(world.main(), "first");
}

#[test]
fn a_merge_that_was_said_yes_to_and_cannot_be_done_is_no_success() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    // While the run works its branch goes another way.
    world.env.write(
        ".archeflow/hooks.yaml",
        "pre-merge: {command: git branch --move main elsewhere}\n",
    );
    let arguments = ["--workflow", "fast", "--yes", "--allow-external-execution"];
    let (_, document) = world.run(1, &arguments);
    assert_eq!(document["status"], "awaiting_merge", "{document}");
    let reason = document["reason"].as_str().expect("a reason");
    assert!(reason.contains("there is no branch main"), "{reason}");
}
