//! `archal config show`.

use super::environment;

#[test]
fn every_value_says_where_it_comes_from() {
    let mut environment = environment();
    environment.set("ARCHAL_RUNS", "7");
    environment.write(
        ".archal.json",
        "{\n  // the original's name\n  \"twins\": [\"github\"],\n  \"attach\": {\"policy\": \"fix\"}\n}\n",
    );
    let output = environment.run(&["config", "show", "--origin"]);
    insta::assert_snapshot!(output, @"");
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let environment = environment();
    environment.write(
        ".archal.json",
        "{\n  \"scenarois\": [\"scenarios\"],\n  \"judge\": {\"model\": \"x\"},\n  \"runs\": \"three\"\n}\n",
    );
    let output = environment.run(&["config", "show"]);
    insta::assert_snapshot!(output, @"");
}

#[test]
fn a_named_file_must_exist_and_be_text() {
    let environment = environment();
    let output = environment.run(&["config", "show", "--config", "gone.json"]);
    insta::assert_snapshot!(output, @"");
    std::fs::write(environment.repo().join("binary.json"), [0xff, 0xfe, 0x00]).expect("writable");
    let output = environment
        .run(&["config", "show", "--config", "binary.json"])
        .ended(2);
    assert!(output.stderr.contains("caused by: "), "{output}");
}

#[test]
fn the_document_holds_every_key_with_its_origin() {
    let output = environment().run(&["config", "show", "--json"]).ended(0);
    let document = output.json();
    assert_eq!(document["schema"], "archal.config-show");
    assert_eq!(document["version"], 1);
    let keys = document["keys"].as_array().expect("a list");
    assert!(keys.len() >= 20, "{keys:?}");
    assert!(keys.iter().all(|key| key["origin"] == "default"));
}
