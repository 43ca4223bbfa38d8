//! Scenarios made from findings.

use archal_core::trace::Status;

use super::*;
use crate::grade::recording_tests::{Looked, Recording, clones, finding};
use crate::scenario::format;

const COMMENT_FIRST: &str = r#"calls.filter(c, c.operation == "issues/update").all(c, calls.exists(n, n.operation == "issues/create-comment" && n.seq < c.seq))"#;

fn failing<'a>(looked: &'a Looked<'_>, findings: &'a [Finding]) -> Failing<'a> {
    Failing {
        trace: looked.trace,
        name: "t-1",
        findings,
        replay: looked.replay().expect("replayed"),
        base: looked.rebuilt.base,
        clones: clones(),
    }
}

/// A trace in which an issue is closed without a word.
fn closed() -> Recording {
    let mut recording = Recording::begin();
    recording.list();
    recording.close(2);
    recording
}

fn findings() -> Vec<Finding> {
    let said = |sentence: &str, cel: &str, rule: &str| Finding {
        negation: Some(Negation {
            sentence: sentence.to_owned(),
            cel: cel.to_owned(),
        }),
        ..finding(rule, 0.9, None)
    };
    vec![
        said(
            "No issue is closed without a comment before it",
            COMMENT_FIRST,
            "rule.comment-first",
        ),
        said(
            "At most 1 tool call is made",
            "size(calls) <= 1",
            "signal.many-calls",
        ),
        said("It is quick", "size(calls) < 99", "signal.slow"),
        said("It ends well", "run.exitCode == 0", "signal.error"),
        said("It is typed", "github.isues.size() == 0", "signal.typo"),
        finding("claim.count", 0.9, None),
    ]
}

#[test]
fn what_failed_is_a_scenario_that_reads_back() {
    let recording = closed();
    let looked = Looked::at(&recording.trace);
    let found = findings();
    let failing = failing(&looked, &found);
    let written = write(&failing, "Close stale issues\n## Config\nclones: none");
    insta::assert_snapshot!(written.text, @r#"
    # sweep: No issue is closed without a comment before it

    <!-- Written by archal from trace t-1, which fails by the criteria below. What you change
         here is kept: archal attach-reprocess t-1 goes on with it. -->

    ## Prompt

    ```text
    Close stale issues
    ## Config
    clones: none
    ```

    ## Success Criteria

    - [D] No issue is closed without a comment before it: `calls.filter(c, c.operation == "issues/update").all(c, calls.exists(n, n.operation == "issues/create-comment" && n.seq < c.seq))`
    - [D] At most 1 tool call is made

    ## Config

    clones: github
    seed: github:./github.seed.json
    tags: generated
    match: name=sweep
    "#);
    let unsaid: Vec<String> = written
        .unsaid
        .iter()
        .map(|one| format!("{}: {}", one.rule, one.why))
        .collect();
    insta::assert_snapshot!(unsaid.join("\n"), @"
    signal.slow: `size(calls) < 99` holds on the trace's own calls to services, so it would not show the failure
    signal.error: `run.exitCode == 0` cannot be checked on the trace: a trace does not show how the harness ended
    signal.typo: `github.isues.size() == 0` is no criterion here: `github` has no collection `isues`
    claim.count: what must hold instead cannot be said of state, calls and run
    ");
    let path = Path::new("scenario.md");
    let prepared = read(path, &written.text, &written.subjects, clones())
        .unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics));
    let ids: Vec<&str> = prepared
        .scenario
        .criteria
        .iter()
        .map(|criterion| criterion.id.as_str())
        .collect();
    assert_eq!(ids, ["rule.comment-first", "signal.many-calls"]);
    assert_eq!(
        prepared.scenario.prompt,
        "Close stale issues\n## Config\nclones: none"
    );
    let (again, _) = format::parse(path, written.text.as_bytes(), clones());
    assert_eq!(format::write(&again.expect("read")), {
        let (first, rest) = written.text.split_once("\n\n<!--").expect("a comment");
        let (_, rest) = rest.split_once("-->\n").expect("its end");
        format!("{first}\n{rest}")
    });
    let identity = identity(&prepared, &failing, "[\"file\",\"\",\"sweep\"]").expect("fails");
    insta::assert_snapshot!(
        format!("{} of {:?}", identity.group(), identity.findings),
        @r#"rule-comment-first-ce85e7c6 of [FindingIdentity { subject: "rule.comment-first", operation: None, entity: None }, FindingIdentity { subject: "signal.many-calls", operation: None, entity: None }]"#
    );
}

#[test]
fn a_trace_that_says_it_ended_in_an_error_is_held_to_its_exit() {
    let mut recording = closed();
    recording.trace.status = Status::Error;
    let looked = Looked::at(&recording.trace);
    let found = vec![finding("signal.error", 0.9, Some("run.exitCode == 0"))];
    let written = write(&failing(&looked, &found), "Do it");
    assert!(written.unsaid.is_empty(), "{:?}", written.unsaid);
    assert!(
        written.text.contains("`run.exitCode == 0`"),
        "{}",
        written.text
    );
}

#[test]
fn without_a_criterion_a_person_has_a_place_to_write_it() {
    let recording = closed();
    let looked = Looked::at(&recording.trace);
    let found = vec![finding("claim.count", 0.9, None)];
    let failing = failing(&looked, &found);
    let written = write(&failing, "Do it");
    assert!(
        written
            .text
            .contains("- [P] It does not show claim.count: claim.count fired\n"),
        "{}",
        written.text
    );
    let path = Path::new("scenario.md");
    let of = |text: &str| {
        read(path, text, &written.subjects, clones())
            .unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics))
    };
    assert_eq!(identity(&of(&written.text), &failing, "place"), None);
    // What the person writes is what the failure is told by.
    let by_hand = written.text.replace(
        "- [P]",
        "- [D] Issue #2 is open\n- [D] No issues are created\n- [P]",
    );
    let identity = identity(&of(&by_hand), &failing, "place").expect("fails");
    assert_eq!(identity.primary.subject, "issue-2-is-open");
    assert_eq!(identity.primary.entity.as_deref(), Some("issues"));
    assert_eq!(identity.findings.len(), 1);
}

#[test]
fn a_scenario_gets_the_rules_that_fired_beside_its_own_criteria() {
    let recording = closed();
    let looked = Looked::at(&recording.trace);
    let text = "# S\n\n## Prompt\n\nDo.\n\n## Success Criteria\n\n- [D] At least 1 issue was closed during the run\n\n## Config\n\nclones: github\n";
    let (prepared, _) = scenarios::of_text(Path::new("s.md"), text, clones())
        .unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics));
    let found = findings();
    let failing = failing(&looked, &found[..1]);
    let (more, unsaid) = extended(&prepared, &failing);
    assert_eq!(unsaid, []);
    let found = identity(&more, &failing, "s").expect("fails");
    assert_eq!(found.primary.subject, "rule.comment-first");
    assert_eq!(found.findings.len(), 1);
    assert_eq!(identity(&prepared, &failing, "s"), None);
}
