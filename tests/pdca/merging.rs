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
    // Without it a run that goes on would count one cycle less.
    assert!(world.decided(&id, "cycle", "cycle_back"));
    assert_eq!(world.env.read("greeting.txt"), "good");
    // The first try is part of the branch that was merged, and was merged once.
    let first_parents = world.git(&["log", "--first-parent", "--format=%s", "main"]);
    assert_eq!(
        first_parents,
        format!("archeflow(act): merge run {id}\nfirst")
    );
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
fn tests_that_fail_a_merge_that_was_asked_for_later_are_told_to_whoever_works_next() {
    // In the last cycle and before it: the same cycle is worked again, or another one begins.
    for (limit, cycle) in [("1", 1), ("2", 2)] {
        let first =
            "- role: maker\n  writes: {greeting.txt: bad}\n  commit: A first try\n  says: done\n";
        let second =
            "- role: maker\n  writes: {greeting.txt: good}\n  commit: A second try\n  says: done\n";
        let world = World::new(&[CREATOR, first, &approves("guardian")]);
        world.settings("test_command: 'echo THE-TESTS-SAY; test \"$(cat greeting.txt)\" = good'\n");
        let allowed = "--allow-external-execution";
        let arguments = ["--workflow", "fast", "--max-cycles", limit, allowed];
        let (id, document) = world.run(0, &arguments);
        assert_eq!(document["status"], "awaiting_merge");
        let review = world.artifact(&id, "check-guardian.md");
        // Asked for twice it fails twice, and is told once.
        for _ in 0..2 {
            let merged = world.pdca(&["merge", &id, allowed]).ended(1);
            let next = format!("next: archal pdca run --run-id {id} --start-from do");
            assert!(merged.stdout.contains(&next), "{merged}");
        }
        assert_eq!(world.main(), "first");
        let feedback = world.artifact(&id, "act-feedback.md");
        assert_eq!(
            feedback.matches("integration test failure").count(),
            1,
            "{feedback}"
        );

        world.script(&[CREATOR, second, &approves("guardian")]);
        let arguments = [
            "run",
            "--run-id",
            &id,
            "--start-from",
            "do",
            "--yes",
            allowed,
            "--json",
        ];
        let (_, document) = world.document(0, &arguments);
        assert_eq!(
            (&document["status"], &document["cycle"]),
            (&"merged".into(), &cycle.into())
        );
        let makers = world.processes(&id);
        let maker = makers
            .iter()
            .rfind(|one| one["name"] == "maker")
            .expect("a Maker");
        let prompt = format!(
            "{:03}-maker-prompt.md",
            maker["number"].as_u64().expect("a number")
        );
        let told =
            std::fs::read_to_string(world.place("runs", &id).join(prompt)).expect("a prompt");
        assert!(
            told.contains("integration test failure") && told.contains("THE-TESTS-SAY"),
            "{told}"
        );
        assert_eq!(world.env.read("greeting.txt"), "good");
        if cycle == 2 {
            // What was approved before is kept.
            assert_eq!(world.artifact(&id, "cycle-1/check-guardian.md"), review);
            assert!(world.artifact(&id, "cycle-1/do-maker.diff").contains("bad"));
        }
    }
}

#[test]
fn commits_that_nobody_reviewed_are_not_merged_unless_that_is_said() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    let (id, document) = world.run(0, &["--workflow", "fast"]);
    let branch = document["branch"].as_str().expect("a branch");
    let tree = world.git(&["rev-parse", &format!("{branch}^{{tree}}")]);
    let later = world.git(&["commit-tree", "-p", branch, "-m", "later", &tree]);
    world.git(&["update-ref", &format!("refs/heads/{branch}"), &later]);
    let merged = world.pdca(&["merge", &id]).ended(1);
    assert!(
        merged.stdout.contains("commits that nobody reviewed"),
        "{merged}"
    );
    assert_eq!(world.main(), "first");
    // Act alone does not review it either; Check does.
    let go = |code: i32, phase: &str| {
        let arguments = [
            "run",
            "--run-id",
            &id,
            "--start-from",
            phase,
            "--yes",
            "--json",
        ];
        world.document(code, &arguments).1
    };
    let document = go(1, "act");
    assert_eq!(document["status"], "awaiting_merge");
    let reason = document["reason"].as_str().expect("a reason");
    assert!(reason.contains("commits that nobody reviewed"), "{reason}");
    assert_eq!(go(0, "check")["status"], "merged");
    assert!(world.git(&["log", "--format=%s", "main"]).contains("later"));
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
