//! Whole grades of recorded traces.

use std::path::Path;

use archal_core::grade::Owner;
use serde_json::json;

use super::*;
use crate::config::grade::{GradeRule, RuleOwner};
use crate::grade::recording_tests::{Looked, Recording, clones, finding, identity};
use crate::grade::rules::compile_all;
use crate::run::scenarios;

/// No issue is closed without a comment on it before.
const COMMENT_FIRST: &str = r#"calls.filter(c, c.operation == "issues/update" && has(c.request.state) && c.request.state == "closed").all(c, calls.exists(n, n.operation == "issues/create-comment" && n.seq < c.seq && n.path.startsWith(c.path + "/")))"#;
/// No refund above 100 without an approval before it.
const APPROVAL_FIRST: &str = r#"calls.filter(c, c.tool == "refund" && c.request.amount > 100).all(c, calls.exists(a, a.tool == "ask_approval" && a.seq < c.seq && a.response.approved == true))"#;

fn rule(id: &str, cel: &str) -> GradeRule {
    GradeRule {
        id: id.to_owned(),
        sentence: format!("{id} is kept"),
        cel: Some(cel.to_owned()),
        ..GradeRule::default()
    }
}

fn graded(
    trace: &Trace,
    scenario: Option<&str>,
    rules: &[GradeRule],
    early: Vec<Finding>,
) -> Grade {
    let looked = Looked::at(trace);
    let prepared = scenario.map(|criteria| {
        let text = format!(
            "# S\n\n## Prompt\n\nDo.\n\n## Success Criteria\n\n{criteria}\n\n## Config\n\nclones: github\n"
        );
        let read = scenarios::of_text(Path::new("s.md"), &text, clones());
        read.unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics)).0
    });
    let rules = compile_all(rules, clones()).expect("rules");
    let facts = Facts::of(trace);
    grade(Evidence {
        facts: &facts,
        identity: identity(),
        matched: prepared.as_ref(),
        traced: &looked.traced,
        replay: looked.replay(),
        base: looked.rebuilt.base,
        made_up: &looked.rebuilt.synthesised,
        rules: &rules,
        early,
        judged: None,
        clones: clones(),
    })
}

/// The verdict, what the grade fails by, and why, for snapshots.
fn told(grade: &Grade) -> String {
    let names = |findings: &[Finding]| {
        let names: Vec<String> = findings
            .iter()
            .map(|finding| {
                let spans = finding.spans.join(" ");
                format!("{} {:.2} [{spans}]", finding.rule, finding.confidence)
            })
            .collect();
        if names.is_empty() {
            return "nothing".to_owned();
        }
        names.join(", ")
    };
    format!(
        "{:?}: {}\n  because {}\n  fails by {}\n  beside {}\n  first {}",
        grade.verdict,
        grade.summary,
        grade.reason,
        names(grade.failures()),
        names(&grade.findings[grade.failing..]),
        grade.first_bad_step.as_deref().unwrap_or("-"),
    )
}

#[test]
fn a_rule_on_the_order_of_calls_fires_only_where_the_order_is_wrong() {
    let rules = [rule("comment-first", COMMENT_FIRST)];
    let mut good = Recording::begin();
    good.list();
    good.comment(1);
    good.close(1);
    insta::assert_snapshot!(told(&graded(&good.trace, None, &rules, Vec::new())), @"
    Unsure: no scenario is for it, and nothing else decides it
      because nothing in the trace decides it
      fails by nothing
      beside nothing
      first -
    ");
    let mut late = Recording::begin();
    late.list();
    late.close(1);
    late.comment(1);
    insta::assert_snapshot!(told(&graded(&late.trace, None, &rules, Vec::new())), @"
    Fail: broken: comment-first is kept
      because found by rule.comment-first
      fails by rule.comment-first 0.95 [s-2]
      beside nothing
      first s-2
    ");
    // A comment on another issue is none on this one.
    let mut other = Recording::begin();
    other.list();
    other.comment(3);
    other.close(1);
    let grade = graded(&other.trace, None, &rules, Vec::new());
    assert_eq!(grade.verdict, Verdict::Fail);
    assert_eq!(
        grade.findings[0].operation.as_deref(),
        Some("github:issues/update")
    );
}

#[test]
fn a_rule_reads_the_agents_own_tools_in_order() {
    let rules = [rule("approval-first", APPROVAL_FIRST)];
    let recorded = |steps: &[(&str, serde_json::Value, serde_json::Value)]| {
        let mut recording = Recording::begin();
        for (name, arguments, result) in steps {
            recording.tool(name, arguments.clone(), result.clone());
        }
        graded(&recording.trace, None, &rules, Vec::new())
    };
    let refund = ("refund", json!({"amount": 250}), json!({"ok": true}));
    let small = ("refund", json!({"amount": 99}), json!({"ok": true}));
    let asked = ("ask_approval", json!({}), json!({"approved": true}));
    let refused = ("ask_approval", json!({}), json!({"approved": false}));
    let verdict = |steps: &[_]| recorded(steps).verdict;
    assert_ne!(verdict(&[asked.clone(), refund.clone()]), Verdict::Fail);
    assert_ne!(verdict(&[small]), Verdict::Fail);
    assert_eq!(verdict(&[refused, refund.clone()]), Verdict::Fail);
    insta::assert_snapshot!(told(&recorded(&[refund, asked])), @"
    Fail: broken: approval-first is kept
      because found by rule.approval-first
      fails by rule.approval-first 0.95 [s-1]
      beside nothing
      first s-1
    ");
}

#[test]
fn what_a_rule_cannot_say_of_a_trace_is_told_and_no_finding() {
    let mut recording = Recording::begin();
    recording.list();
    recording.close(1);
    let when = GradeRule {
        when: Some("calls.exists(c, c.method == \"DELETE\")".to_owned()),
        ..rule("deletes", "false")
    };
    let rules = [
        when,
        rule("exits", "run.exitCode == 0"),
        rule("raises", "calls[7].status == 200"),
        rule("open", "github.issues.exists(i, i.state == \"open\")"),
    ];
    let grade = graded(&recording.trace, None, &rules, Vec::new());
    let lines: Vec<String> = grade
        .rules
        .iter()
        .map(|rule| format!("{} {:?}: {}", rule.id, rule.status, rule.explanation))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    deletes NotApplicable: `when` is false: 0 of 2 of calls match
    exits NotEvaluated: a trace does not show how the harness ended
    raises Error: a list has no item 7
    open Holds: 2 of 3 of github.issues match
    ");
    insta::assert_snapshot!(told(&grade), @"
    Unsure: a rule could not be decided on this trace
      because these raised: raises
      fails by nothing
      beside nothing
      first -
    ");
}

#[test]
fn what_was_made_up_decides_no_rule() {
    let mut recording = Recording::begin();
    recording.list();
    let listed = recording.trace.spans[0].http.as_mut().expect("HTTP");
    // Nobody looked at them.
    listed.response_body.as_mut().expect("a list")[0]["comments"] = json!(2);
    let rules = [
        rule("quiet", "size(github.comments) == 0"),
        rule("added", "size(diff.github.comments.added) == 0"),
        rule("open", "github.issues.all(i, i.state == \"open\")"),
    ];
    let grade = graded(&recording.trace, None, &rules, Vec::new());
    let statuses: Vec<RuleStatus> = grade.rules.iter().map(|rule| rule.status).collect();
    let (made_up, decided) = (RuleStatus::NotEvaluated, RuleStatus::Holds);
    assert_eq!(statuses, [made_up, decided, decided], "{:?}", grade.rules);
}

#[test]
fn criteria_of_the_scenario_are_the_main_thing() {
    let mut recording = Recording::begin();
    recording.list();
    recording.comment(1);
    recording.close(1);
    let holds = "- [D] At least 1 issue was closed during the run";
    let sure = || vec![finding("signal.loop", 0.9, None)];
    // A signal beside criteria that hold makes no failure.
    insta::assert_snapshot!(told(&graded(&recording.trace, Some(holds), &[], sure())), @"
    Ok: every criterion holds on the state after the trace's own calls
      because scenario s
      fails by nothing
      beside signal.loop 0.90 [s-2]
      first -
    ");
    // The same signal does without a scenario.
    insta::assert_snapshot!(told(&graded(&recording.trace, None, &[], sure())), @"
    Fail: signal.loop fired
      because found by signal.loop
      fails by signal.loop 0.90 [s-2]
      beside nothing
      first s-2
    ");
    // What the repository asks of every trace counts beside criteria that hold.
    let asked = [rule(
        "no-close",
        "!calls.exists(c, c.operation == \"issues/update\")",
    )];
    insta::assert_snapshot!(told(&graded(&recording.trace, Some(holds), &asked, Vec::new())), @"
    Fail: broken: no-close is kept
      because found by rule.no-close
      fails by rule.no-close 0.95 [s-3]
      beside nothing
      first s-3
    ");
    let broken = "- [D] No issues were closed during the run";
    insta::assert_snapshot!(told(&graded(&recording.trace, Some(broken), &[], sure())), @"
    Fail: broken: No issues were closed during the run
      because the state after the trace's own calls breaks 1 of 1 criteria of scenario s
      fails by state.criterion 0.95 [s-2 s-3]
      beside signal.loop 0.90 [s-2]
      first s-2
    ");
}

#[test]
fn a_replay_that_answers_otherwise_makes_findings_on_the_state_weaker() {
    let mut recording = Recording::begin();
    recording.list();
    recording.close(2);
    let kept = [
        rule(
            "kept",
            "!github.issues.exists(i, i.number == 2 && i.state == \"closed\")",
        ),
        rule("few", "size(calls) < 2"),
    ];
    let alone = &kept[..1];
    let broken = "- [D] No issues were closed during the run";
    assert_eq!(
        graded(&recording.trace, Some(broken), alone, Vec::new()).verdict,
        Verdict::Fail
    );
    // The service took the call, and the rebuilt state would not have.
    let call = recording.trace.spans.last_mut().expect("a call");
    call.http.as_mut().expect("HTTP").status = Some(202);
    insta::assert_snapshot!(told(&graded(&recording.trace, Some(broken), alone, Vec::new())), @"
    Unsure: the rebuilt state does not answer as the service did
      because span s-2 (PATCH /repos/acme/shop/issues/2): status: recorded 202, replayed 200
      fails by nothing
      beside state.criterion 0.40 [s-2], rule.kept 0.40 [s-2]
      first -
    ");
    insta::assert_snapshot!(told(&graded(&recording.trace, None, alone, Vec::new())), @"
    Unsure: the rebuilt state does not answer as the service did
      because span s-2 (PATCH /repos/acme/shop/issues/2): status: recorded 202, replayed 200
      fails by nothing
      beside rule.kept 0.40 [s-2]
      first -
    ");
    // Several that are wrong together do not add up.
    let also = |id: &str| rule(id, "!github.issues.exists(i, i.state == \"closed\")");
    let several = [also("one"), also("two"), also("three")];
    let grade = graded(&recording.trace, None, &several, Vec::new());
    assert_eq!((grade.verdict, grade.findings.len()), (Verdict::Unsure, 3));
    // Nor do they with what else was found.
    let elsewhere = Finding {
        spans: vec!["s-1".to_owned()],
        ..finding("signal.gave-up", 0.5, None)
    };
    for scenario in [Some(broken), None] {
        let early = vec![elsewhere.clone()];
        let grade = graded(&recording.trace, scenario, alone, early);
        assert_eq!((grade.verdict, grade.failing), (Verdict::Unsure, 0));
    }
    // A rule that reads no state is as sure as before.
    insta::assert_snapshot!(told(&graded(&recording.trace, None, &kept, Vec::new())), @"
    Fail: broken: few is kept
      because found by rule.few
      fails by rule.few 0.95 [s-1 s-2]
      beside rule.kept 0.40 [s-2]
      first s-1
    ");
}

#[test]
fn what_lost_spans_may_have_done_is_not_held_against_a_run() {
    let mut recording = Recording::begin();
    recording.list();
    recording.close(2);
    let not_done = "- [D] Issue 1 is closed: `github.issues.exists(i, i.number == 1 && i.state == \"closed\")`";
    let done =
        "- [D] Issue 2 is kept: `github.issues.all(i, i.number != 2 || i.state == \"open\")`";
    // What the trace did to the issue is something else.
    let beside =
        "- [D] Issue 2 is given: `github.issues.all(i, i.number != 2 || size(i.assignees) == 1)`";
    let verdict = |trace: &Trace, criteria| graded(trace, Some(criteria), &[], Vec::new()).verdict;
    for criteria in [not_done, done, beside] {
        assert_eq!(verdict(&recording.trace, criteria), Verdict::Fail);
    }
    // The span of the tool that made the call is not there.
    recording.trace.spans.last_mut().expect("a call").parent_id = Some("gone".to_owned());
    assert_eq!(verdict(&recording.trace, done), Verdict::Fail);
    assert_eq!(verdict(&recording.trace, beside), Verdict::Unsure);
    insta::assert_snapshot!(told(&graded(&recording.trace, Some(not_done), &[], Vec::new())), @"
    Unsure: broken: Issue 1 is closed
      because spans of the trace are lost, and what it seems not to have done may be in them
      fails by nothing
      beside state.criterion 0.50 [s-2]
      first s-2
    ");
}

#[test]
fn without_a_state_rules_on_calls_still_decide() {
    let mut recording = Recording::begin();
    // Closed without having been read: what it was before is not known.
    recording.close(1);
    let last = recording.trace.spans.last_mut().expect("a call");
    last.http.as_mut().expect("HTTP").response_body = None;
    let rules = [
        rule("comment-first", COMMENT_FIRST),
        rule("open", "github.issues.exists(i, i.state == \"open\")"),
    ];
    let grade = graded(&recording.trace, None, &rules, Vec::new());
    insta::assert_snapshot!(told(&grade), @"
    Fail: broken: comment-first is kept
      because found by rule.comment-first
      fails by rule.comment-first 0.95 [s-1]
      beside nothing
      first s-1
    ");
    assert_eq!(grade.rules[1].status, RuleStatus::NotEvaluated);
    let scenario = Some("- [D] No issues were closed during the run");
    let matched = graded(&recording.trace, scenario, &[], Vec::new());
    assert_eq!(matched.verdict, Verdict::Unsure);
}

#[test]
fn a_failure_that_nobody_can_repair_here_opens_no_work() {
    let mut recording = Recording::begin();
    recording.list();
    let limits = GradeRule {
        owner: Some(RuleOwner::Environment),
        ..rule("never-lists", "size(calls) == 0")
    };
    let grade = graded(&recording.trace, None, &[limits], Vec::new());
    assert!(!grade.reproduce);
    insta::assert_snapshot!(told(&grade), @"
    Fail: broken: never-lists is kept
      because found by rule.never-lists; the agent's surroundings would have to act, so nothing is repaired
      fails by rule.never-lists 0.95 [s-1]
      beside nothing
      first s-1
    ");
    let theirs = Finding {
        owner: Owner::User,
        ..finding("signal.gave-up", 0.9, None)
    };
    let grade = graded(&recording.trace, None, &[], vec![theirs]);
    assert_eq!((grade.verdict, grade.reproduce), (Verdict::Fail, false));
}

#[test]
fn a_trace_of_which_nothing_was_captured_is_no_healthy_one() {
    let mut trace = Recording::begin().trace;
    trace.completeness.content = false;
    insta::assert_snapshot!(told(&graded(&trace, None, &[], Vec::new())), @"
    Unsure: nothing of what the agent sent and got was captured
      because without content neither claims nor rules can be decided
      fails by nothing
      beside nothing
      first -
    ");
}

#[test]
fn the_tiers_say_what_they_came_to() {
    let mut recording = Recording::begin();
    recording.list();
    recording.close(1);
    let rules = [rule("comment-first", COMMENT_FIRST)];
    let early = vec![finding("claim.count", 0.5, None)];
    let grade = graded(&recording.trace, None, &rules, early);
    let lines: Vec<String> = grade.tiers.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    tier 1 signals: nothing found
    tier 2 claims: 1 finding
    tier 3 state: 1 finding (no scenario is for it; 0 criteria, 1 of 1 rules decided; 2 of 2 calls replay as recorded)
    tier 4 judge: nothing found (not asked)
    ");
}

#[test]
fn a_criterion_and_a_rule_fire_on_one_run_and_not_on_that_with_one_thing_changed() {
    let rules = [rule("comment-first", COMMENT_FIRST)];
    let kept =
        "- [D] Issue 2 is kept: `github.issues.all(i, i.number != 2 || i.state == \"open\")`";
    let fired = |trace: &Trace, scenario, rules: &[GradeRule]| -> Vec<String> {
        let grade = graded(trace, scenario, rules, Vec::new());
        let rules = grade.findings.into_iter().map(|finding| finding.rule);
        rules.collect()
    };
    let recorded = |steps: &[(bool, u64)]| {
        let mut recording = Recording::begin();
        recording.list();
        for (closes, number) in steps {
            match closes {
                true => recording.close(*number),
                false => recording.comment(*number),
            }
        }
        recording.trace
    };
    // The criterion: the same run closes another issue.
    let fires = fired(&recorded(&[(true, 2)]), Some(kept), &[]);
    assert_eq!(fires, [state::CRITERION]);
    assert!(fired(&recorded(&[(true, 1)]), Some(kept), &[]).is_empty());
    // The rule: the same calls in the other order; and the same run where it is not asked for.
    let (late, first) = (
        recorded(&[(true, 1), (false, 1)]),
        recorded(&[(false, 1), (true, 1)]),
    );
    assert_eq!(fired(&late, None, &rules), ["rule.comment-first"]);
    assert!(fired(&first, None, &rules).is_empty());
    assert!(fired(&late, None, &[]).is_empty());
    // Both at once are two findings of one run.
    let both = recorded(&[(true, 2), (false, 2)]);
    let mut both = fired(&both, Some(kept), &rules);
    both.sort();
    assert_eq!(both, ["rule.comment-first", state::CRITERION]);
}

#[test]
fn what_somebody_else_changed_while_the_trace_was_under_way_breaks_no_criterion_of_it() {
    const ISSUE: &str = "/repos/acme/shop/issues/1";
    let mut waited = Recording::begin();
    for _ in 0..20 {
        waited.call("GET", ISSUE, None);
    }
    waited.close(1);
    waited.trace.spans.pop();
    waited.call("GET", ISSUE, None);
    let closed = r#"- [D] It is closed at the end: `github.issues.all(i, i.state == "closed")`"#;
    let grade = graded(&waited.trace, Some(closed), &[], Vec::new());
    insta::assert_snapshot!(told(&grade), @"
    Unsure: broken: It is closed at the end
      because somebody else changed state of issues acme/shop#1 while the trace was under way (span s-22), which the rebuilt state does not have
      fails by nothing
      beside state.criterion 0.40 []
      first -
    ");
    // What it reads of others, and what nobody changed of that one, are as they were.
    let label = r#"- [D] It has a label: `github.issues.all(i, size(i.labels) > 0)`"#;
    let grade = graded(&waited.trace, Some(label), &[], Vec::new());
    assert_eq!(grade.verdict, Verdict::Fail, "{}", told(&grade));
    waited.call("GET", "/repos/acme/shop/issues/3", None);
    let other = r#"- [D] The third is closed: `github.issues.filter(i, i.number == 3).all(i, i.state == "closed")`"#;
    let grade = graded(&waited.trace, Some(other), &[], Vec::new());
    assert_eq!(grade.verdict, Verdict::Fail, "{}", told(&grade));
    // A rule of the repository does not know which rows it was about.
    let rules = [rule(
        "closed",
        r#"github.issues.all(i, i.state == "closed")"#,
    )];
    let grade = graded(&waited.trace, None, &rules, Vec::new());
    assert_eq!(grade.verdict, Verdict::Unsure, "{}", told(&grade));
}

/// A run that looks at its issues, and does what a scenario asks of them and of its own end.
const ENDS: &str = "- [D] No issues were closed during the run\n- [D] The run exits successfully";

#[test]
fn a_run_that_says_it_crashed_did_not_exit_as_its_scenario_asks() {
    let mut recording = Recording::begin();
    recording.list();
    insta::assert_snapshot!(told(&graded(&recording.trace, Some(ENDS), &[], Vec::new())), @"
    Ok: every criterion that the trace decides holds
      because scenario s
      fails by nothing
      beside nothing
      first -
    ");
    let mut crashed = recording.trace.clone();
    crashed.status = archal_core::trace::Status::Error;
    crashed.error = Some("Traceback: KeyError: 'title'".to_owned());
    insta::assert_snapshot!(told(&graded(&crashed, Some(ENDS), &[], Vec::new())), @"
    Fail: broken: The run exits successfully
      because the state after the trace's own calls breaks 1 of 2 criteria of scenario s
      fails by state.criterion 0.95 []
      beside nothing
      first -
    ");
    // Lost spans or not: the trace says it.
    crashed.completeness.dropped = 3;
    let grade = graded(&crashed, Some(ENDS), &[], Vec::new());
    assert_eq!((grade.verdict, grade.reproduce), (Verdict::Fail, true));
    // What the agent cannot help opens no work.
    crashed.error = Some("503 service unavailable".to_owned());
    let grade = graded(&crashed, Some(ENDS), &[], Vec::new());
    assert_eq!((grade.verdict, grade.reproduce), (Verdict::Fail, false));
    let mut stopped = recording.trace.clone();
    stopped
        .metadata
        .insert("exit_reason".to_owned(), json!("timeout"));
    assert_eq!(
        graded(&stopped, Some(ENDS), &[], Vec::new()).verdict,
        Verdict::Fail
    );
}

#[test]
fn a_person_who_scored_a_run_as_bad_and_criteria_that_hold_decide_nothing() {
    let mut recording = Recording::begin();
    recording.list();
    let holds = Some("- [D] No issues were closed during the run");
    let score = |origin: &str| {
        let score = json!({"name": "user-feedback", "value": -1, "origin": origin, "comment": "completely wrong"});
        serde_json::from_value(score).expect("a score")
    };
    recording.trace.scores = vec![score("human")];
    insta::assert_snapshot!(told(&graded(&recording.trace, holds, &[], Vec::new())), @"
    Unsure: a person scored the run as bad, and the criteria of its scenario hold
      because user-feedback = -1 completely wrong
      fails by nothing
      beside nothing
      first -
    ");
    recording.trace.scores = vec![score("eval")];
    assert_eq!(
        graded(&recording.trace, holds, &[], Vec::new()).verdict,
        Verdict::Ok
    );
}

#[test]
fn what_lost_spans_may_have_done_fires_no_rule_by_itself() {
    let rules = [rule("approval-first", APPROVAL_FIRST)];
    let forbids = [rule("no-refund", r#"!calls.exists(c, c.tool == "refund")"#)];
    let each = [rule(
        "small",
        r#"calls.all(c, c.tool != "refund" || c.request.amount < 100)"#,
    )];
    let kept = [rule(
        "kept",
        r#"!github.issues.exists(i, i.state == "closed")"#,
    )];
    let asked = GradeRule {
        when: Some(r#"!calls.exists(c, c.tool == "ask_approval")"#.to_owned()),
        ..rule("asked", r#"!calls.exists(c, c.tool == "refund")"#)
    };
    let mut recording = Recording::begin();
    recording.list();
    recording.close(1);
    recording.tool("refund", json!({"amount": 250}), json!({"ok": true}));
    let verdict =
        |trace: &Trace, rules: &[GradeRule]| graded(trace, None, rules, Vec::new()).verdict;
    let asked = [asked];
    for rules in [&rules, &forbids, &each, &kept, &asked] {
        assert_eq!(verdict(&recording.trace, rules), Verdict::Fail);
    }
    recording.trace.completeness.dropped = 3;
    // The approval may be among them; that there was a refund is seen.
    for rules in [&rules, &asked] {
        assert_eq!(verdict(&recording.trace, rules), Verdict::Unsure);
    }
    for rules in [&forbids, &each, &kept] {
        assert_eq!(verdict(&recording.trace, rules), Verdict::Fail);
    }
}
