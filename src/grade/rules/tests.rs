//! The repository's rules, on recorded traces.

use std::fs;

use archal_core::environment::Environment;

use super::*;
use crate::config::{self, Config};
use crate::grade::recording_tests::clones;

/// What is wrong with the rules of a configuration, each with the part of the file it points at.
fn told(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(".archal.json");
    fs::write(&file, text).expect("writable");
    let environment = Environment {
        variables: [].into(),
        directory: folder.path().to_owned(),
    };
    let loaded = match config::load(Some(&file), folder.path(), &[], &environment) {
        Ok(loaded) => loaded,
        Err(error) => panic!("{error}"),
    };
    let findings = of(&loaded, clones()).expect_err("something is wrong");
    findings
        .iter()
        .map(|finding| {
            let place = finding.span.map_or("", |span| &text[span.start..span.end]);
            let help = finding.help.as_deref().unwrap_or_default();
            format!("{place} | {} | {help}\n", finding.message)
        })
        .collect()
}

#[test]
fn mistakes_are_told_at_their_place_behind_the_escapes() {
    insta::assert_snapshot!(told(
        r#"{
          "grade": {
            "rules": [
              {"id": "a", "sentence": "x", "cel": "calls.all(c, c.operation != \"issues/updat\")"},
              {"id": "b", "sentence": "x", "cel": "calls.exists(c, c.stat == 1)", "when": "github.isues.size() > 0"},
              {"id": "c", "sentence": "Every \"thing\" is well"},
              {"id": "d", "sentence": "Exactly 3 issues are closed"},
              {"id": "e", "sentence": "x", "cel": "1 +"}
            ]
          }
        }"#
    ), @r#"
    \"issues/updat\" | there is no operation "issues/updat" | did you mean "issues/update"?
    isues | `github` has no collection `isues` | did you mean `issues`?
    stat | a call has no field `stat` | did you mean `status`?
    \"thing\" is well | ""thing" is well" in a rule without `cel`: this part is not understood | tool calls could stand here; or write the condition as `cel` beside the sentence
    Exactly 3 issues are closed | this could mean the end or the run | write "Exactly 3 issues are closed at the end" or "Exactly 3 issues were closed during the run"
     | not a CEL expression: it ends too early |
    "#);
}

#[test]
fn the_documented_rules_are_rules() {
    let docs = include_str!("../../../docs/grading-rules.md");
    let (_, rest) = docs.split_once("```json\n").expect("a block");
    let (block, _) = rest.split_once("```").expect("its end");
    let config: Config = serde_json::from_str(block).expect("a configuration");
    let compiled = compile_all(&config.grade.rules, clones());
    let compiled = compiled.unwrap_or_else(|wrong| panic!("{wrong:?}"));
    assert_eq!(compiled.len(), config.grade.rules.len());
    assert!(!compiled.is_empty());
}
