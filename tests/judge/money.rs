//! What the judge costs.

use archal::budget::cap::Cap;
use archal::budget::entry::{CostSource, State};
use archal::budget::ledger::Ledger;
use archal::budget::summary;
use archal::judge::{Outcome, Why};
use archal_core::clock::Timestamp;
use archal_testkit::fake_judge::{FakeJudge, Protocol, Say};
use serde_json::json;

use super::{World, question, usd};

fn pass() -> Say {
    Say::verdict("pass", &["I closed both issues"], "Yes.")
}

/// What the ledger has of the judge: state, cost, how that is known.
fn entries(world: &World) -> Vec<(State, Option<i64>, Option<CostSource>)> {
    let ledger = Ledger::existing(&world.folder.path().join("ledger.db"));
    let Some(ledger) = ledger.expect("readable") else {
        return Vec::new();
    };
    let now: Timestamp = "2026-01-02T03:04:05Z".parse().expect("valid");
    let caps = world.settings.caps;
    let report = ledger
        .report(summary::day_of(now), None, 100, &caps, now)
        .expect("readable");
    report
        .entries
        .into_iter()
        .map(|entry| {
            assert_eq!((entry.kind.as_str(), entry.trace), ("judge", None));
            let cost = entry.cost_usd.map(|cost| cost.micros());
            (entry.state, cost, entry.cost_source)
        })
        .collect()
}

#[test]
fn tokens_are_priced_and_charged() {
    let server = FakeJudge::new(Protocol::Anthropic, [pass()]);
    let world = World::new(&server);
    let judged = world.judged();
    // 1,000 tokens in at $3 and 100 out at $15 a million.
    assert_eq!(judged.cost.map(|cost| cost.micros()), Some(4_500));
    assert_eq!(judged.cost_source, CostSource::Computed);
    assert_eq!(
        entries(&world),
        [(State::Charged, Some(4_500), Some(CostSource::Computed))]
    );
}

#[test]
fn what_the_provider_says_counts_before_what_tokens_cost() {
    let body = json!({
        "choices": [{"message": {"content": json!({"verdict": "pass", "quotes": ["I closed both issues"]}).to_string()}}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "cost": 0.012},
    })
    .to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = FakeJudge::new(Protocol::OpenAi, [Say::Raw(answer)]);
    let world = World::new(&server);
    let judged = world.judged();
    assert_eq!(judged.cost.map(|cost| cost.micros()), Some(12_000));
    assert_eq!(judged.cost_source, CostSource::Reported);
}

#[test]
fn a_price_that_nobody_knows_stays_unknown() {
    let server = FakeJudge::new(Protocol::Gemini, [pass()]);
    let mut world = World::new(&server);
    world.price("[]");
    let judge = world.judge();
    let asked = judge.ask(&question(), "run-1/c", None, &world.pauses);
    let Outcome::Judged(judged) = asked else {
        panic!("not judged");
    };
    let notes = judge.notes();
    assert!(
        notes.len() == 1 && notes[0].contains("what `judge-1` costs is not known"),
        "{notes:?}"
    );
    assert_eq!(
        (judged.cost, judged.cost_source),
        (None, CostSource::Unknown)
    );
    assert_eq!(
        entries(&world),
        [(State::Charged, None, Some(CostSource::Unknown))]
    );
}

#[test]
fn a_server_of_this_machine_costs_nothing_and_needs_no_ledger() {
    let server = FakeJudge::new(Protocol::Ollama, [pass()]);
    let mut world = World::new(&server);
    world.price("[]");
    world.settings.cap = Cap::AtMost(usd(0));
    let judged = world.judged();
    assert_eq!(judged.cost.map(|cost| cost.micros()), Some(0));
    assert!(!world.folder.path().join("ledger.db").exists());
}

#[test]
fn what_is_spent_is_spent_and_nothing_more_is_asked() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass(), pass()]);
    let mut world = World::new(&server);
    // One question is expected to cost about $0.125 and costs $0.0045.
    world.settings.cap = Cap::AtMost(usd(127_000));
    let judge = world.judge();
    let ask = |number: usize| {
        let mut question = question();
        question.criterion.push_str(&number.to_string());
        judge.ask(&question, "run-1/c", None, &world.pauses)
    };
    assert!(matches!(ask(1), Outcome::Judged(_)));
    let Outcome::NotJudged(not) = ask(2) else {
        panic!("judged");
    };
    assert_eq!(not.why, Why::Budget);
    assert!(
        not.reason.starts_with(
            "the judge's budget of $0.127 for one invocation is used up: $0.0045 is spent"
        ),
        "{}",
        not.reason
    );
    assert_eq!(server.asked().len(), 1);
    assert_eq!(judge.standing().spent, Some(not));
    // What is known already is known without money.
    assert!(matches!(ask(1), Outcome::Judged(judged) if judged.cached));
}

#[test]
fn the_cap_of_the_day_holds_the_judge_too() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass()]);
    let mut world = World::new(&server);
    world.settings.caps.per_day = Cap::AtMost(usd(1_000));
    let not = world.not_judged();
    assert_eq!(
        (not.why, not.hint.as_deref()),
        (Why::Budget, Some("archal budget"))
    );
    assert!(
        not.reason.contains("the budget of the day is used up"),
        "{}",
        not.reason
    );
    assert!(server.asked().is_empty() && entries(&world).is_empty());
}

#[test]
fn what_was_never_answered_costs_nothing_and_what_broke_off_may() {
    let server = FakeJudge::new(Protocol::OpenAi, [Say::status(404, "no such model")]);
    let world = World::new(&server);
    world.not_judged();
    assert_eq!(entries(&world), [(State::Released, None, None)]);

    let half = || Say::Half;
    let server = FakeJudge::new(Protocol::OpenAi, [half(), half(), half(), half()]);
    let world = World::new(&server);
    world.not_judged();
    assert_eq!(
        entries(&world),
        [(State::Charged, None, Some(CostSource::Unknown))]
    );
}

#[test]
fn what_broke_off_may_cost_though_the_next_try_is_refused() {
    let server = FakeJudge::new(Protocol::OpenAi, [Say::Half, Say::status(404, "gone")]);
    let world = World::new(&server);
    world.not_judged();
    assert_eq!(
        entries(&world),
        [(State::Charged, None, Some(CostSource::Unknown))]
    );
}

#[test]
fn a_second_question_for_the_same_answer_is_paid_too() {
    let server = FakeJudge::new(Protocol::OpenAi, [Say::Text("PASS".to_owned()), pass()]);
    let world = World::new(&server);
    assert_eq!(world.judged().cost.map(|cost| cost.micros()), Some(9_000));
    assert_eq!(entries(&world).len(), 2);
}

#[test]
fn with_a_broken_ledger_nothing_is_spent() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass()]);
    let world = World::new(&server);
    std::fs::write(world.folder.path().join("ledger.db"), "no database").expect("writable");
    let not = world.not_judged();
    assert_eq!(not.why, Why::Unavailable);
    insta::assert_snapshot!(not.reason, @"the budget ledger is broken, so nothing may be spent");
    assert_eq!(not.hint.as_deref(), Some("archal budget repair"));
    assert!(server.asked().is_empty());
}
