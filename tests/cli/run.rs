//! `archal run` before anything runs: which scenarios it finds and what it says where it finds none.

use archal_testkit::cli::TestEnv;

use super::environment;

const CHECK: &str =
    "## Success Criteria\n\n- [D] `run.exitCode == 0`\n\n## Config\n\nclones: github\n";

/// A world whose configuration names the folder `scenarios`, with one file in it.
fn with_scenario(text: &str) -> TestEnv {
    let environment = environment();
    environment.write(".archal.json", r#"{"scenarios": ["scenarios"]}"#);
    environment.write("scenarios/check.md", text);
    environment
}

#[test]
fn a_scenario_without_a_prompt_is_wrong_and_not_passed_over() {
    for text in [
        format!("# Check\n\n{CHECK}"),
        "# Check\n\n## Checks\n\n- [D] `run.exitCode == 0`\n".to_owned(),
        "# Check\n\n## Config\n\nclones: github\n".to_owned(),
    ] {
        let output = with_scenario(&text).run(&["run"]).ended(2);
        assert!(
            output.stderr.contains("check.md is not a scenario"),
            "{output}"
        );
        assert!(output.stderr.contains("Prompt"), "{output}");
    }
}

#[test]
fn a_folder_without_scenarios_is_a_usage_error_that_names_it() {
    for arguments in [&["run"][..], &["run", "--tag", "slow"]] {
        let output = with_scenario("# Notes\n\n## Setup\n\nNothing.\n")
            .run(arguments)
            .ended(2);
        assert!(
            output
                .stderr
                .contains("no scenario below `scenarios` in $TEST_ENV/repo"),
            "{output}"
        );
    }
}

#[test]
fn a_tag_that_no_scenario_has_is_fine() {
    let world = with_scenario(&format!("# Check\n\n## Prompt\n\nDo it.\n\n{CHECK}"));
    let output = world.run(&["run", "--tag", "slow"]).ended(0);
    assert!(
        output.stderr.contains("no scenario has the tag `slow`"),
        "{output}"
    );
}

#[test]
fn scenarios_that_are_all_retired_are_not_a_success() {
    let text = format!("# Check\n\n## Prompt\n\nDo it.\n\n{CHECK}retired: true\n");
    let output = with_scenario(&text).run(&["run"]).ended(2);
    assert!(output.stderr.contains("retired"), "{output}");
}
