//! Which layer sets a value, and what is said of mistakes.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment {
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        directory: PathBuf::from("/repo"),
    }
}

fn merged(
    text: Option<&str>,
    flags: &[Override],
    variables: &[(&str, &str)],
) -> Result<Loaded, ConfigError> {
    let source = text.map(|text| SourceText {
        path: PathBuf::from(FILE_NAME),
        text: text.to_owned(),
    });
    merge(
        source,
        PathBuf::from("/repo"),
        flags,
        &environment(variables),
    )
}

fn origin_of(loaded: &Loaded, path: &str) -> String {
    let key = loaded.keys.iter().find(|(key, _, _)| key == path);
    key.map(|(_, value, origin)| format!("{value} from {origin}"))
        .unwrap_or_default()
}

#[test]
fn the_nearest_layer_wins_and_is_named() {
    let text = "{\n  \"runs\": 2, \"timeout\": 20, \"title\": \"t\",\n  \"attach\": {\"reproduceRuns\": 4}\n}";
    let flags = [Override {
        flag: "--runs",
        path: "runs",
        value: Value::from(5),
    }];
    let variables = [("ARCHAL_RUNS", "3"), ("ARCHAL_TIMEOUT", "30")];
    let loaded = merged(Some(text), &flags, &variables).expect("valid");
    assert_eq!(origin_of(&loaded, "runs"), "5 from flag --runs");
    assert_eq!(
        origin_of(&loaded, "timeout"),
        "30 from environment ARCHAL_TIMEOUT"
    );
    assert_eq!(
        origin_of(&loaded, "attach.reproduceRuns"),
        "4 from .archal.json:3:31"
    );
    assert_eq!(
        origin_of(&loaded, "attach.policy"),
        "\"grade\" from default"
    );
    assert_eq!((loaded.config.runs, loaded.config.timeout), (5, 30));
}

#[test]
fn old_variables_are_taken_with_a_note_and_digits_may_be_text() {
    let loaded = merged(None, &[], &[("ARCHAL_ENGINE_MODEL", "42")]).expect("valid");
    assert_eq!(loaded.config.agent_model.as_deref(), Some("42"));
    assert_eq!(loaded.notes.len(), 1);
}

#[test]
fn a_wrong_variable_or_flag_is_named() {
    let flags = [Override {
        flag: "--runs",
        path: "runs",
        value: Value::from(0),
    }];
    let variables = [("ARCHAL_TIMEOUT", "soon")];
    let Err(ConfigError::Invalid { diagnostics, .. }) = merged(None, &flags, &variables) else {
        panic!("accepted");
    };
    let said: Vec<&str> = diagnostics
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "ARCHAL_TIMEOUT: `timeout` must be a whole number, not a string",
            "--runs: `runs` must be between 1 and 1000",
        ]
    );
}

#[test]
fn every_variable_sets_a_key_that_exists() {
    let leaves = leaves(json_schema().as_value());
    for (name, path) in VARIABLES {
        assert!(leaves.iter().any(|leaf| leaf == path), "{name} sets {path}");
    }
    assert!(VARIABLES.is_sorted_by(|a, b| a.0 < b.0));
}

#[test]
fn a_file_above_counts_only_inside_the_repository() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let below = folder.path().join("repo").join("src");
    fs::create_dir_all(&below).expect("writable");
    fs::write(folder.path().join(FILE_NAME), "{}").expect("writable");
    assert_eq!(find(&below), None);
    fs::create_dir(folder.path().join("repo").join(".git")).expect("writable");
    assert_eq!(find(&below), None);
    let mine = folder.path().join("repo").join(FILE_NAME);
    fs::write(&mine, "{}").expect("writable");
    assert_eq!(find(&below), Some(mine));
}

#[test]
fn a_byte_order_mark_moves_no_place() {
    let loaded = merged(Some("\u{feff}{\"runs\": 2}"), &[], &[]).expect("valid");
    assert_eq!(origin_of(&loaded, "runs"), "2 from .archal.json:1:11");
}
