//! Going on with a suite after something was changed.

use super::*;

/// A suite of two scenarios with two runs each, cut off after three by its budget.
fn cut_off() -> (TestEnv, String) {
    let world = world();
    let harness = "echo good\nprintf '{\"costUsd\": 1}' > \"$AGENT_METRICS_FILE\"\n\
                   echo \"$AGENT_SESSION_ID\" >> log\n";
    world.write("harness.sh", harness);
    for name in ["a", "b"] {
        world.write(format!("all/{name}.md"), &scenario(name, GOOD, ""));
    }
    let output = json(&world, &["all", "-n", "2", "--budget-usd", "3"]).ended(5);
    let suite = output.json()["suite"].as_str().expect("an id").to_owned();
    (world, suite)
}

fn resumed(world: &TestEnv) -> Output {
    json(world, &["--resume", "--budget-usd", "100"])
}

#[test]
fn a_scenario_that_changed_is_run_again_and_that_is_said() {
    let (world, suite) = cut_off();
    world.write("all/a.md", &scenario("a", GOOD, "tags: changed"));
    let output = resumed(&world).ended(0);
    assert!(
        output
            .stderr
            .contains("a has changed; its 2 finished runs are made again"),
        "{output}"
    );
    let document = output.json();
    assert_eq!(document["suite"], suite);
    assert_eq!(document["resumed"], 1);
    assert_eq!(document["totals"]["runsPassed"], 4);
    assert_eq!(world.read("log").lines().count(), 3 + 3);
}

#[test]
fn a_configuration_that_changes_what_runs_are_counts_as_a_change() {
    let (world, _) = cut_off();
    world.write(".archal.json", r#"{"route": {"mode": "proxy"}}"#);
    let output = resumed(&world).ended(0);
    assert_eq!(output.json()["resumed"], 0, "{output}");
}

#[test]
fn runs_of_another_agent_are_refused() {
    let (world, _) = cut_off();
    world.write("harness.sh", "echo good\n");
    let output = resumed(&world).ended(2);
    assert!(
        output
            .stderr
            .contains("its 3 finished runs are of another agent"),
        "{output}"
    );
}

#[test]
fn scenarios_that_came_and_went_are_told() {
    let (world, _) = cut_off();
    fs::remove_file(world.repo().join("all/a.md")).expect("my own file");
    world.write("all/c.md", &scenario("c", GOOD, ""));
    let output = resumed(&world).ended(0);
    for told in ["a is gone; its 2 finished", "c is new and joins"] {
        assert!(output.stderr.contains(told), "{output}");
    }
    assert_eq!(output.json()["totals"]["runs"], 4);
}

#[test]
fn options_that_would_make_it_another_suite_are_refused() {
    let (world, suite) = cut_off();
    ends(&world, &["run", "--resume", &suite, "-n", "7"], 2);
    let output = world.run(&["run", "--resume", "suite-none"]).ended(2);
    assert!(output.stderr.contains("no suite suite-none"), "{output}");
    // A plan of another version is not guessed at.
    let plan = suites(&world).join(&suite).join("suite.json");
    let text = fs::read_to_string(&plan).expect("readable");
    fs::write(&plan, text.replace("\"version\": 1", "\"version\": 9")).expect("writable");
    let output = world.run(&["run", "--resume", &suite]).ended(2);
    assert!(output.stderr.contains("archal.suite 9"), "{output}");
}
