//! What a fixer is given, what it may not do, and what it pays.

use archal::budget::entry::{State, repo_name};
use archal::budget::ledger::Ledger;
use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::super::cheating::special_casing;
use super::{OUT, RIGHT, commit, ended, git, is, janitor, listing, preprod, text};

const ALLOWED: &str = "--allow-external-execution";

fn document(world: &TestEnv) -> Value {
    serde_json::from_str(&world.read(format!("{OUT}/preprod-result.json"))).expect("JSON")
}

fn reasons(world: &TestEnv) -> Vec<String> {
    let document = document(world);
    let attempts = document["attempts"].as_array().expect("a list");
    attempts.iter().map(|one| text(&one["reason"])).collect()
}

/// What the ledger has of the example: kind, state, whether it was cut off, and its cost.
fn ledger(world: &TestEnv) -> Vec<(String, State, bool, Option<String>)> {
    let path = world.home().join(".local/state/archal/ledger.db");
    let ledger = Ledger::existing(&path).expect("readable").expect("there");
    let run = text(&document(world)["costs"]["run"]);
    let repo = repo_name(&world.repo().join("janitor"));
    let (_, entries) = ledger.of_trace(&repo, &run).expect("readable");
    entries
        .into_iter()
        .map(|one| {
            let cost = one.cost_usd.map(|cost| cost.to_string());
            (one.kind, one.state, one.interrupted, cost)
        })
        .collect()
}

#[test]
fn it_is_given_the_failures_and_nothing_of_the_callers_own() {
    let mut world = janitor();
    world.set("SECRET_TOKEN", "hunter2hunter2");
    let command = format!(
        "env | cut -d= -f1 | sort | tr '\\n' ' ' && printf '%s' \"$ARCHAL_PREPROD_FAILURES_JSON\" | \
         cmp - \"$ARCHAL_PREPROD_FAILURES_JSON_FILE\" >/dev/null; ls $ARCHAL_FIX_BRIEF | tr '\\n' ' '; \
         printf '{{\"costUsd\": 0.2}}' > \"$ARCHAL_PREPROD_USAGE_PATH\"; {RIGHT}"
    );
    let output = preprod(&world, &["--fix-command", &command, ALLOWED]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let said = world.read(format!("{OUT}/attempts/1/transcript.log"));
    let names: Vec<&str> = said.split_whitespace().collect();
    for name in [
        "ARCHAL_PREPROD_ATTEMPT",
        "ARCHAL_PREPROD_FAILURES_JSON",
        "ARCHAL_PREPROD_FAILURES_JSON_FILE",
        "ARCHAL_PREPROD_USAGE_PATH",
        "HOME",
        "failures.json",
        "task.md",
    ] {
        assert!(names.contains(&name), "{name}: {said}");
    }
    assert!(!said.contains("SECRET_TOKEN"), "{said}");
    let fix = ledger(&world)
        .into_iter()
        .find(|one| one.0 == "fix")
        .expect("it is in the ledger");
    assert_eq!(
        fix,
        (
            "fix".to_owned(),
            State::Charged,
            false,
            Some("0.20".to_owned())
        )
    );
}

#[test]
fn what_is_asked_stays_what_it_was_and_what_is_installed_is_for_review() {
    let world = janitor();
    let command = format!(
        "{RIGHT} && echo x >> archal/close-stale-issues.md && mkdir tests && echo x > tests/t.py && \
         echo '{{}}' > package.json"
    );
    let output = preprod(&world, &["--fix-command", &command, ALLOWED]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let attempt = &document(&world)["attempts"][0];
    assert_eq!(
        attempt["reverted"],
        serde_json::json!(["archal/close-stale-issues.md", "tests/t.py"])
    );
    assert_eq!(attempt["review"], serde_json::json!(["package.json"]));

    // Nothing but that is no fix at all.
    let command = "sed -i '/keep-open is closed/d' archal/close-stale-issues.md";
    let output = preprod(
        &world,
        &["--fix-command", command, ALLOWED, "--max-fix-attempts", "1"],
    );
    is(
        &ended(&world, &output),
        "budget_exhausted",
        "fix_attempts",
        1,
    );
    assert!(reasons(&world)[0].contains("only tests, scenarios or seeds"));
}

/// The rules that the attempts of a run broke, with the file.
fn breaches(world: &TestEnv) -> Vec<(String, String)> {
    let document = document(world);
    let attempts = document["attempts"].as_array().expect("a list");
    let all = attempts.iter().filter_map(|one| one["breaches"].as_array());
    all.flatten()
        .map(|one| {
            let path = one["path"].as_str().unwrap_or_default();
            (text(&one["rule"]), path.to_owned())
        })
        .collect()
}

#[test]
fn what_a_fixer_does_beside_the_repair_is_told_by_the_name_of_a_rule() {
    let mut world = janitor();
    world.set("BUILD_KEY", "build-key-456secret");
    let config = world.read("janitor/.archal.json");
    let config = config.replacen('{', r#"{ "workspace": {"env": ["BUILD_KEY"]},"#, 1);
    world.write("janitor/.archal.json", &config);
    world.write(
        "janitor/test_agent.py",
        "def test_a():\n    assert 1 == 1\n",
    );
    commit(&world);
    let command = format!(
        "{RIGHT} && rm test_agent.py && echo x >> archal/close-stale-issues.md && \
         echo '#!/bin/sh' > .git/hooks/pre-commit && echo 'x: y' > Makefile && echo $BUILD_KEY"
    );
    let output = preprod(&world, &["--fix-command", &command, ALLOWED]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let expected = [
        ("protected_file", "Makefile"),
        ("scenario_changed", "archal/close-stale-issues.md"),
        ("test_deleted", "test_agent.py"),
        ("git_hook", ".git"),
        ("secret_printed", ""),
    ];
    let found = breaches(&world);
    for (rule, path) in expected {
        let one = (rule.to_owned(), path.to_owned());
        assert!(found.contains(&one), "{one:?}: {found:?}");
    }
    let patch = world.read(format!("{OUT}/attempts/1/fix.patch"));
    assert!(
        patch.contains("Makefile") && !patch.contains("test_agent"),
        "{patch}"
    );

    // What the patch may not hold at all.
    let command = format!("{RIGHT} && echo \"# $BUILD_KEY\" >> agent.py");
    let more = [
        "--fix-command",
        &command,
        ALLOWED,
        "--max-fix-attempts",
        "1",
    ];
    let output = preprod(&world, &more);
    let status = ended(&world, &output);
    is(&status, "budget_exhausted", "fix_attempts", 1);
    assert!(reasons(&world)[0].starts_with("secret_in_patch"));
}

#[test]
fn a_patch_that_holds_for_what_the_fixer_saw_alone_is_refused() {
    let world = janitor();
    let special = special_casing("is_kept(issue) and issue['number'] < 60");
    let command = format!("if [ $ARCHAL_PREPROD_ATTEMPT = 1 ]; then {special}\nelse {RIGHT}; fi");
    let output = preprod(&world, &["--fix-command", &command, ALLOWED]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let document = document(&world);
    let (first, second) = (&document["attempts"][0], &document["attempts"][1]);
    assert_eq!(first["outcome"], "refused", "{first}");
    assert!(
        text(&first["reason"]).starts_with("special_cased"),
        "{first}"
    );
    assert_eq!(first["proved"][0]["heldBack"]["status"], "failed");
    assert_eq!(second["outcome"], "fixed", "{second}");
    assert_eq!(
        second["proved"][0]["heldBack"]["status"], "passed",
        "{second}"
    );
    // The second began without the first.
    let patch = world.read(format!("{OUT}/attempts/2/fix.patch"));
    assert!(!patch.contains("< 60"), "{patch}");
}

#[test]
fn files_in_use_that_git_does_not_track_go_into_the_copy_and_the_patch() {
    let world = janitor();
    git(
        &world,
        "janitor",
        &["rm", "--quiet", "--cached", "-r", "archal", ".archal.json"],
    );
    git(&world, "janitor", &["commit", "--quiet", "-m", "untracked"]);
    let before = listing(&world.repo().join("janitor"));
    let command = format!("{RIGHT} && echo x >> archal/close-stale-issues.md");
    let output = preprod(&world, &["--fix-command", &command, ALLOWED]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    assert_eq!(listing(&world.repo().join("janitor")), before);
    let document = document(&world);
    assert_eq!(
        document["carried"],
        serde_json::json!([".archal.json", "archal/close-stale-issues.md"])
    );
    assert_eq!(
        document["attempts"][0]["reverted"],
        serde_json::json!(["archal/close-stale-issues.md"])
    );
    let patch = world.read(format!("{OUT}/attempts/1/fix.patch"));
    let files: Vec<&str> = patch
        .lines()
        .filter_map(|line| line.strip_prefix("diff --git a/"))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        files,
        [".archal.json", "agent.py", "archal/close-stale-issues.md"]
    );
}

#[test]
fn a_patch_that_makes_another_scenario_worse_is_not_gone_on_from() {
    let world = janitor();
    // A regression that nobody asked for guards all the same.
    super::say_why(&world, "janitor/archal/regressions/say-why.md");
    commit(&world);
    // The first attempt repairs the one and breaks the other; the second only repairs.
    let silent = "sed -i 's/no activity for/quiet for/' agent.py";
    let command = format!("{RIGHT}; if [ $ARCHAL_PREPROD_ATTEMPT = 1 ]; then {silent}; fi");
    let asked = "janitor/archal/close-stale-issues.md";
    let output = preprod(&world, &["--fix-command", &command, ALLOWED, asked]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let document = document(&world);
    assert_eq!(document["scenarios"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["attempts"][0]["outcome"], "worse");
    assert!(reasons(&world)[0].contains("say-why"), "{document}");
    let patch = world.read(format!("{OUT}/attempts/2/fix.patch"));
    assert!(!patch.contains("quiet for"), "{patch}");
}

#[test]
fn links_and_failing_fixers_leave_nothing_to_try() {
    let world = janitor();
    let command = "if [ $ARCHAL_PREPROD_ATTEMPT = 1 ]; then ln -s /etc agent.d; else exit 9; fi";
    let output = preprod(&world, &["--fix-command", command, ALLOWED]);
    is(
        &ended(&world, &output),
        "budget_exhausted",
        "fix_attempts",
        1,
    );
    let reasons = reasons(&world);
    assert!(reasons[0].starts_with("link_added"), "{reasons:?}");
    assert!(reasons[1].contains("status 9"), "{reasons:?}");
}

#[test]
fn money_is_reserved_first_and_a_fixer_at_its_cap_is_ended_and_charged() {
    let world = janitor();
    let output = preprod(&world, &["--budget-usd", "0"]);
    is(
        &ended(&world, &output),
        "blocked",
        "cost_reservation_denied",
        5,
    );

    // A quarter of the cap is what the first of two may spend: it is ended there, and the second works.
    let says = |cost: &str| {
        format!("printf '{{\"costUsd\": {cost}}}' > \"$ARCHAL_PREPROD_USAGE_PATH\"; sleep 600")
    };
    let command = format!(
        "if [ $ARCHAL_PREPROD_ATTEMPT = 1 ]; then {}; else {RIGHT}; fi",
        says("0.3")
    );
    let output = preprod(&world, &["--fix-command", &command, ALLOWED]);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let reason = &reasons(&world)[0];
    assert!(
        reason.starts_with("limit_budget: ") && reason.contains("$0.25"),
        "{reason}"
    );
    let fixes = |world: &TestEnv| -> Vec<_> {
        let all = ledger(world).into_iter().filter(|one| one.0 == "fix");
        all.map(|one| (one.1, one.3)).collect()
    };
    let charged = |cost: &str| (State::Charged, Some(cost.to_owned()));
    assert_eq!(fixes(&world), [charged("0.30"), (State::Charged, None)]);

    // One that says that it spent all there is ends the loop.
    let more = ["--fix-command", &says("0.9"), ALLOWED];
    let output = preprod(&world, &more);
    is(&ended(&world, &output), "blocked", "budget_cap", 5);
    assert_eq!(fixes(&world).last(), Some(&charged("0.90")));
}

#[test]
fn the_first_run_may_spend_what_it_reserved() {
    let world = janitor();
    let agent = world.read("janitor/agent.py");
    let costly = "import os\nif \"AGENT_METRICS_FILE\" in os.environ:\n    \
         open(os.environ[\"AGENT_METRICS_FILE\"], \"w\").write('{\"costUsd\": 0.2}')\n";
    let costly = agent.replacen("import os\n", costly, 1);
    assert_ne!(costly, agent);
    world.write("janitor/agent.py", &costly);
    commit(&world);
    let two = ["--dry-run", "-n", "2"];
    is(
        &ended(&world, &preprod(&world, &two)),
        "dry_run",
        "classified",
        1,
    );
    // Now it is known what two runs cost: most of the cap.
    std::fs::remove_dir_all(world.repo().join(OUT)).expect("there");
    let output = preprod(&world, &[&two[..], &["--budget-usd", "0.5"]].concat());
    is(&ended(&world, &output), "dry_run", "classified", 1);
    let spent = &document(&world)["costs"]["totals"]["spentUsd"];
    assert_eq!(spent.as_f64(), Some(0.4));
}
