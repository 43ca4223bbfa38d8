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
    // The two that are made again were paid for.
    assert_eq!(document["cost"]["discarded"]["runs"], 2);
    assert_eq!(document["cost"]["usd"], 6.0);
}

#[test]
fn a_configuration_that_changes_what_runs_are_counts_as_a_change() {
    let (world, _) = cut_off();
    world.write(".archal.json", r#"{"route": {"mode": "proxy"}}"#);
    let output = resumed(&world).ended(0);
    assert_eq!(output.json()["resumed"], 0, "{output}");
}

#[test]
fn money_for_runs_that_are_made_again_counts_against_the_budget() {
    let (world, _) = cut_off();
    world.write("all/a.md", &scenario("a", GOOD, "tags: changed"));
    let output = json(&world, &["--resume", "--budget-usd", "4"]).ended(5);
    let document = output.json();
    assert_eq!(document["totals"]["runs"], 2, "{output}");
    assert_eq!(document["cost"]["usd"], 4.0);
}

#[test]
fn a_file_of_the_name_that_a_task_is_told_by_is_no_part_of_it() {
    let (world, _) = cut_off();
    let task = ["--task", "Do", "--clone", "github", "-n", "2"];
    let task = [&task[..], &["--budget-usd", "1"]].concat();
    ends(&world, &[&["run"][..], &task].concat(), 5);
    world.write("task.md", "Buy milk\n");
    assert_eq!(resumed(&world).ended(0).json()["resumed"], 1);
}

#[test]
fn a_suite_of_another_folder_is_gone_on_with_as_it_is_printed() {
    let (world, _) = cut_off();
    fs::create_dir_all(world.repo().join("my agent")).expect("writable");
    for name in ["harness.sh", "one.md"] {
        world.write(
            format!("my agent/{name}"),
            &match name {
                "one.md" => scenario("one", GOOD, ""),
                _ => world.read(name),
            },
        );
    }
    world.write("my agent/.archal.json", "{}");
    let begin = ["-c", "my agent/.archal.json", "my agent/one.md", "-n", "2"];
    let begin = [&begin[..], &["--budget-usd", "1"]].concat();
    let output = json(&world, &begin).ended(5);
    let document = output.json();
    let suite = document["suite"].as_str().expect("an id");
    let config = world.repo().join("my agent/.archal.json");
    let config = config.to_str().expect("UTF-8");
    let hint = format!("archal run -c '$TEST_ENV/repo/my agent/.archal.json' --resume {suite}");
    assert!(output.stderr.contains(&hint), "{output}");
    let more = ["-c", config, "--resume", suite, "--budget-usd", "100"];
    assert_eq!(json(&world, &more).ended(0).json()["resumed"], 1);
}

#[test]
fn scenarios_whose_tag_is_gone_are_an_error() {
    let (world, _) = cut_off();
    for name in ["a", "b"] {
        world.write(
            format!("all/{name}.md"),
            &scenario(name, GOOD, "tags: smoke"),
        );
    }
    let tagged = ["all", "--tag", "smoke", "--budget-usd", "1"];
    ends(&world, &[&["run"][..], &tagged].concat(), 5);
    for name in ["a", "b"] {
        world.write(
            format!("all/{name}.md"),
            &scenario(name, GOOD, "tags: smokes"),
        );
    }
    let output = resumed(&world).ended(2);
    assert!(
        output.stderr.contains("the nearest is `smokes`"),
        "{output}"
    );
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
