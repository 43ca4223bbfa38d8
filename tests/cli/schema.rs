//! `archal schema`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::environment;

/// Holds a document that a command wrote to the schema that is published under its name, which has to
/// say what each of its fields is.
pub(crate) fn holds(document: &Value) {
    let name = document["schema"].as_str().expect("a name");
    let name = name
        .strip_prefix("archal.")
        .expect("a document of archal's");
    // As `archal schema` writes it: `tests/generated.rs` compares them.
    let file = format!("docs/reference/{name}.schema.json");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
    let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
    for field in document.as_object().expect("an object").keys() {
        let is_said = schema["properties"].get(field).is_some();
        assert!(
            is_said || field == "schema" || field == "version",
            "{name} says nothing of `{field}`"
        );
    }
}

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
