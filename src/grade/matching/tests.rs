//! Which scenario a trace belongs to.

use std::path::Path;

use archal_core::trace::{Span, ToolCall};
use serde_json::json;

use super::*;
use crate::grade::recording_tests::clones;
use crate::run::scenarios::of_text;

fn scenario(file: &str, config: &str) -> Prepared {
    let text = format!(
        "# S\n\n## Prompt\n\nDo.\n\n## Success Criteria\n\n- [D] The run exits successfully\n\n## Config\n\nclones: github\n{config}\n"
    );
    let read = of_text(Path::new(file), &text, clones());
    read.unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics))
        .0
}

fn trace() -> Trace {
    Trace {
        name: "nightly-sweep".to_owned(),
        tags: vec!["nightly".to_owned()],
        input: Some(json!("Close stale issues")),
        spans: vec![Span {
            tool: Some(ToolCall {
                name: "list_issues".to_owned(),
                ..ToolCall::default()
            }),
            ..Span::default()
        }],
        ..Trace::default()
    }
}

fn told(configs: &[&str]) -> String {
    let scenarios: Vec<Prepared> = configs
        .iter()
        .enumerate()
        .map(|(at, config)| scenario(&format!("s{at}.md"), config))
        .collect();
    match find(&trace(), &scenarios) {
        Matched::One(one) => one.scenario.id.clone(),
        Matched::None => "none".to_owned(),
        Matched::Tie(one, other) => format!("{} or {}", one.scenario.id, other.scenario.id),
    }
}

#[test]
fn the_narrowest_is_meant_and_equally_narrow_ones_tie() {
    assert_eq!(told(&["", "match: name=other"]), "none");
    assert_eq!(
        told(&["match: name=nightly*", "match: name=nightly-sweep"]),
        "s1"
    );
    assert_eq!(
        told(&["match: name=*; tags=nightly", "match: name=nightly-sweep"]),
        "s0"
    );
    assert_eq!(
        told(&["match: input=/stale/", "match: name=*; tools=list_issues"]),
        "s1"
    );
    assert_eq!(
        told(&["match: tags=nightly", "match: tools=list_issues"]),
        "s0 or s1"
    );
    assert_eq!(told(&["match: name=*-sweep", "match: name=nightly*"]), "s1");
    assert_eq!(told(&["match: name=n*", "match: name=*p"]), "s0 or s1");
    // A tie below one that is narrower is none.
    let three = [
        "match: name=n*",
        "match: name=*p",
        "match: name=n*; tags=nightly",
    ];
    assert_eq!(told(&three), "s2");
}

#[test]
fn what_is_retired_matches_nothing() {
    assert_eq!(told(&["match: name=*\nretired: true"]), "none");
    assert_eq!(
        told(&["match: name=*\nretired: true", "match: name=*"]),
        "s1"
    );
}
