//! `archal schema`.

use super::environment;

#[test]
fn every_listed_schema_is_a_valid_schema() {
    let list = environment().run(&["schema"]).ended(0).stdout;
    for line in list.lines() {
        let name = line.split("  ").next().expect("a first column").trim();
        let mut arguments = vec!["schema"];
        arguments.extend(name.split(' '));
        let schema = environment().run(&arguments).ended(0).json();
        if let Err(error) = jsonschema::meta::validate(&schema) {
            panic!("{name}: {error}");
        }
    }
    assert!(
        list.lines().any(|line| line.starts_with("trace ")),
        "{list}"
    );
}

#[test]
fn the_configuration_schema_holds_what_the_program_holds() {
    let schema = environment().run(&["schema", "config"]).ended(0).json();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    assert!(validator.is_valid(&serde_json::json!({"agent": "python3 agent.py", "runs": 3})));
    assert!(!validator.is_valid(&serde_json::json!({"runs": 0})));
    assert!(!validator.is_valid(&serde_json::json!({"judge": {"modle": "x"}})));
}

#[test]
fn an_unknown_name_is_a_usage_error_with_the_nearest_one() {
    let output = environment().run(&["schema", "traces"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no schema `traces`
        hint: archal schema trace
        ");
    let output = environment()
        .run(&["schema", "seed", "no-such-clone"])
        .ended(2);
    assert!(
        output.stderr.contains("there is no clone `no-such-clone`"),
        "{output}"
    );
}
