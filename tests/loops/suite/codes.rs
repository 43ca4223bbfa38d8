//! Every exit code of `archal run`, and which of several counts.

use super::*;

fn with(harness: &str, scenarios: &[(&str, String)]) -> TestEnv {
    let world = world();
    world.write("harness.sh", harness);
    for (name, text) in scenarios {
        world.write(format!("all/{name}.md"), text);
    }
    world
}

fn plain(config: &str) -> (&'static str, String) {
    ("one", scenario("one", GOOD, config))
}

#[test]
fn all_runs_pass_fail_or_say_nothing() {
    for (harness, code, status) in [
        ("echo good\n", 0, "passed"),
        ("echo bad\n", 1, "failed"),
        ("echo good; exit 7\n", 1, "failed"),
    ] {
        let world = with(harness, &[plain("")]);
        let document = json(&world, &["all", "-n", "2"]).ended(code).json();
        let one = &document["scenarios"][0];
        assert_eq!(one["status"], status, "{document}");
        assert_eq!(one["planned"], 2);
        assert_eq!(document["totals"]["runs"], 2);
    }
    let judged = scenario("judged", "[P] It is polite", "");
    let world = with("echo good\n", &[("judged", judged)]);
    let document = json(&world, &["all"]).ended(4).json();
    assert_eq!(document["scenarios"][0]["status"], "inconclusive");
    assert_eq!(document["scenarios"][0]["satisfaction"], Value::Null);
}

#[test]
fn flaky_is_a_result_of_its_own_and_bad_only_where_it_was_said() {
    for (arguments, code) in [
        (&["all", "-n", "4"][..], 4),
        (&["all", "-n", "4", "--strict"], 1),
        (&["all", "-n", "4", "--pass-threshold", "50"], 0),
    ] {
        let world = with(EVERY_SECOND, &[plain("")]);
        let document = json(&world, arguments).ended(code).json();
        let one = &document["scenarios"][0];
        assert_eq!((&one["passed"], &one["runs"]), (&2.into(), &4.into()));
        assert_eq!(one["criteria"][0]["passed"], 2);
        assert_eq!(one["criteria"][0]["failed"], 2);
    }
}

#[test]
fn quarantine_is_run_counted_shown_and_never_bad() {
    let config = "flaky: true\nowner: the billing team\nsince: 2026-01-31\n";
    let world = with("echo bad\n", &[plain(config)]);
    let document = json(&world, &["all", "-n", "2"]).ended(0).json();
    let one = &document["scenarios"][0];
    assert_eq!(one["status"], "failed");
    assert_eq!(one["quarantine"]["owner"], "the billing team");
    assert_eq!(one["quarantine"]["release"], false);
    assert_eq!(document["totals"]["quarantined"], 1);
    assert_eq!(document["totals"]["runsFailed"], 2);
    world.write("harness.sh", "echo good\n");
    let document = json(&world, &["all", "-n", "2"]).ended(0).json();
    assert_eq!(document["scenarios"][0]["quarantine"]["release"], true);
    let once = json(&world, &["all"]).ended(0).json();
    assert_eq!(once["scenarios"][0]["quarantine"]["release"], false);
    for missing in ["flaky: true\nowner: me\n", "flaky: true\n"] {
        let world = with("echo good\n", &[plain(missing)]);
        let output = world.run(&["run", "all"]).ended(2);
        assert!(output.stderr.contains("without"), "{output}");
        assert!(output.stderr.contains("since"), "{output}");
    }
}

#[test]
fn a_group_is_held_to_its_own_threshold() {
    let scenarios = |tags: &str| {
        let check = "[D] It is good: `output.contains(\"good b\")`";
        [
            ("a", scenario("a", GOOD, tags)),
            ("b", scenario("b", check, tags)),
        ]
    };
    // `a` passes and `b` does not: their mean is 50.
    for (threshold, code) in [("smoke=50", 0), ("smoke=51", 1)] {
        let world = with("echo good\n", &scenarios("tags: smoke"));
        let arguments = ["all", "--pass-threshold", threshold];
        let document = json(&world, &arguments).ended(code).json();
        assert_eq!(document["tags"][0]["satisfaction"], 50.0);
        assert_eq!(document["scenarios"][1]["heldBy"][0], "smoke");
    }
    // A scenario's own word is the last.
    let own = scenarios("tags: smoke\npass-threshold: 100");
    let world = with("echo good\n", &own);
    ends(&world, &["run", "all", "--pass-threshold", "smoke=0"], 1);
    // The configuration says it for everybody.
    let world = with("echo good\n", &scenarios("tags: smoke"));
    world.write(".archal.json", r#"{"tagThresholds": {"smoke": 50}}"#);
    ends(&world, &["run", "all"], 0);
    let twice = [
        "run",
        "all",
        "--pass-threshold",
        "1",
        "--pass-threshold",
        "2",
    ];
    ends(&world, &twice, 2);
}

#[test]
fn a_tag_that_nothing_has_holds_for_nothing_and_is_said() {
    let world = with("echo good\n", &[plain("tags: smoke")]);
    let output = json(&world, &["all", "--tag", "smokey"]).ended(0);
    let document = output.json();
    assert_eq!(document["schema"], "archal.run-summary");
    assert_eq!(document["totals"]["scenarios"], 0);
    assert!(output.stderr.contains("the nearest is `smoke`"), "{output}");
    let output = world.run(&["run", "all", "--tag", "smokey", "-o", "junit"]);
    let output = output.ended(0);
    assert!(output.stdout.contains("<testsuites"), "{output}");
    assert_eq!(names(&suites(&world)), Vec::<String>::new());
    // A threshold for it is no group; one of the configuration's may be of other scenarios.
    world.write(".archal.json", r#"{"tagThresholds": {"other": 50}}"#);
    let output = json(&world, &["all", "--pass-threshold", "smokey=90"]).ended(0);
    assert_eq!(output.json()["tags"], Value::Null, "{output}");
    assert!(
        output.stderr.contains("smokey holds for nothing"),
        "{output}"
    );
    assert!(!output.stderr.contains("other"), "{output}");
}

#[test]
fn a_group_with_a_scenario_that_says_nothing_says_nothing() {
    let scenarios = [
        ("a", scenario("a", GOOD, "tags: smoke")),
        ("b", scenario("b", "[P] It is polite", "tags: smoke")),
    ];
    let world = with("echo good\n", &scenarios);
    ends(&world, &["run", "all", "--pass-threshold", "smoke=90"], 4);
}

#[test]
fn prices_that_cannot_be_read_are_told_before_anything_runs() {
    let world = with("touch ran\necho good\n", &[plain("")]);
    world.write(".archal.json", r#"{"budget": {"prices": "prices.json"}}"#);
    world.write("prices.json", "{");
    let output = world.run(&["run", "all"]).ended(2);
    assert!(output.stderr.contains("prices.json"), "{output}");
    assert!(!world.repo().join("ran").exists());
}

#[test]
fn what_cannot_run_is_three() {
    let missing = with("echo good\n", &[plain("")]);
    let output = missing.run(&["run", "all", "--harness", "gone.sh"]);
    let output = output.ended(3);
    assert!(output.stderr.contains("gone.sh"), "{output}");
    // It is there, and cannot be started; another failure does not hide that.
    let world = with("echo good\n", &[plain("")]);
    let program = world.write("agent", "#!/no/such/interpreter\n");
    fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("my own file");
    let output = json(&world, &["all", "--harness", "agent"]).ended(3);
    let result = &output.json()["scenarios"][0]["results"][0];
    assert_eq!(result["harness"]["how"], "not_started", "{result}");
}

#[test]
fn money_that_is_spent_ends_the_suite_before_a_failure_counts() {
    const PAID: &str = "echo bad\nprintf '{\"costUsd\": 0.25}' > \"$AGENT_METRICS_FILE\"\n";
    let world = with(PAID, &[plain("")]);
    let arguments = ["all", "-n", "10", "--budget-usd", "0.5"];
    let output = json(&world, &arguments).ended(5);
    let document = output.json();
    assert_eq!(document["totals"]["runs"], 2, "{output}");
    assert_eq!(document["cost"]["usd"], 0.5);
    assert_eq!(document["stopped"]["reason"], "budget");
    assert_eq!(document["stopped"]["left"], 8);
    assert_eq!(results(&document)[0]["metrics"]["costUsd"], 0.25);
    assert!(output.stderr.contains("$0.50 of $0.50"), "{output}");
    // With more money the rest is made, and the failure counts.
    let output = json(&world, &["--resume", "--budget-usd", "100"]).ended(1);
    let document = output.json();
    assert_eq!(document["totals"]["runs"], 10, "{output}");
    assert_eq!(document["resumed"], 2);
    assert_eq!(document["cost"]["usd"], 2.5);
    // A cost nobody tells is not nothing.
    let world = with("echo good\n", &[plain("")]);
    let output = json(&world, &arguments).ended(0);
    assert_eq!(output.json()["cost"]["unknownRuns"], 10);
    assert!(output.stderr.contains("may be exceeded"), "{output}");
}

#[test]
fn a_sentence_with_two_readings_is_a_failure_only_where_it_was_said() {
    // Two issues of the seed are closed from the beginning, and none is closed by the agent.
    let text = scenario(
        "two",
        "[D] Exactly 2 issues are closed",
        "seed: small-project",
    );
    for (arguments, code) in [(&["all"][..], 0), (&["all", "--strict"], 1)] {
        let world = with("echo good\n", &[("two", text.clone())]);
        let document = json(&world, arguments).ended(code).json();
        let criterion = &results(&document)[0]["criteria"][0];
        assert_eq!(criterion["ambiguous"]["finalState"], true, "{criterion}");
        assert_eq!(criterion["ambiguous"]["change"], false);
    }
}
