//! What goes wrong on the way to the judge.

use std::time::Duration;

use archal::judge::answer::Verdict;
use archal::judge::{Outcome, Pause, Why};
use archal_testkit::fake_judge::{FakeJudge, KEY, PROTOCOLS, Protocol, Say};

use super::{Pauses, World, clock, line, question};

fn pass() -> Say {
    Say::verdict("pass", &["I closed both issues"], "Yes.")
}

#[test]
fn what_passes_by_itself_is_waited_for() {
    for protocol in PROTOCOLS {
        let limited = Say::Status(429, "retry-after: 7\r\n".to_owned(), "slow down".to_owned());
        let until = "retry-after: Fri, 02 Jan 2026 03:04:16 GMT\r\n".to_owned();
        let busy = Say::Status(529, until, "overloaded".to_owned());
        let server = FakeJudge::new(protocol, [limited, busy, Say::status(503, "soon"), pass()]);
        let world = World::new(&server);
        assert_eq!(world.judged().verdict, Verdict::Pass, "{protocol:?}");
        let paused = world.paused();
        assert_eq!(paused[..2], [7, 11], "{protocol:?}: as asked for");
        assert!((2..4).contains(&paused[2]), "{paused:?}");
    }
}

#[test]
fn connections_that_break_are_made_again() {
    for protocol in PROTOCOLS {
        let server = FakeJudge::new(protocol, [Say::Reset, Say::Half, pass()]);
        let world = World::new(&server);
        let judged = world.judged();
        assert_eq!(judged.verdict, Verdict::Pass, "{protocol:?}");
        if protocol != Protocol::Ollama {
            // Who broke off may send a bill all the same.
            assert_eq!(judged.cost, None, "{protocol:?}");
        }
    }
}

#[test]
fn what_does_not_pass_is_given_up_with_the_reason_and_the_way_out() {
    let told = |says: &[Say]| {
        let server = FakeJudge::new(Protocol::OpenAi, says.to_vec());
        let world = World::new(&server);
        let not = world.not_judged();
        assert_eq!(not.why, Why::Unavailable);
        let hint = not.hint.unwrap_or_default();
        let tries = server.asked().len();
        format!("{} | {hint} | {tries}", world.told(&not.reason))
    };
    let down = || Say::status(500, "it hurts");
    insta::assert_snapshot!(told(&[down(), down(), down(), down(), pass()]), @"HOST answered 500: it hurts |  | 4");
    insta::assert_snapshot!(told(&[Say::status(404, "The model `judge-1` does not exist")]), @"HOST answered 404: The model `judge-1` does not exist | `judge.model` and `judge.baseUrl` in .archal.json, or --judge-model <MODEL> | 1");
    insta::assert_snapshot!(told(&[Say::status(400, "maximum context length is 4096 tokens")]), @"HOST answered 400: maximum context length is 4096 tokens | `judge` in .archal.json | 1");
    insta::assert_snapshot!(told(&[Say::Status(302, "location: http://elsewhere.example/\r\n".to_owned(), String::new())]), @"HOST answered 302:  | redirects are not followed: give `judge.baseUrl` the address it leads to | 1");
    insta::assert_snapshot!(told(&[Say::Status(429, "retry-after: 3600\r\n".to_owned(), "quota".to_owned()), pass()]), @"HOST answered 429: quota; it asks to wait 3600 s |  | 1");
    insta::assert_snapshot!(told(&[Say::Raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n<html>ok<".to_owned())]), @"HOST does not answer as openai does | `judge.provider` and `judge.baseUrl` in .archal.json | 1");
    let half = || Say::Half;
    insta::assert_snapshot!(told(&[half(), half(), half(), half()]), @"HOST broke off: end of file before message length reached |  | 4");
}

#[test]
fn a_wrong_key_is_told_by_its_variables_name_and_nothing_of_it() {
    for protocol in PROTOCOLS {
        let mut says = Vec::new();
        if protocol == Protocol::Ollama {
            says.push(Say::status(401, "unauthorized: jk-wrong-0123456789"));
        }
        let server = FakeJudge::new(protocol, says);
        let mut world = World::new(&server);
        world.key("jk-wrong-0123456789");
        let not = world.not_judged();
        assert_eq!(not.why, Why::Unavailable);
        insta::allow_duplicates! {
            insta::assert_snapshot!(world.told(&not.reason), @"HOST refuses the key in $JUDGE_KEY (401)");
        }
        assert_eq!(
            not.hint.as_deref(),
            Some("export JUDGE_KEY=<the judge's key>")
        );
        assert_eq!(
            server.asked().len(),
            1,
            "it does not become right by trying"
        );
    }
}

#[test]
fn what_a_server_says_is_told_without_the_key() {
    let server = FakeJudge::new(
        Protocol::OpenAi,
        [Say::status(
            422,
            &format!("\u{1b}[2J{KEY} may not ask this {}", "x".repeat(1_000)),
        )],
    );
    let not = World::new(&server).not_judged();
    assert!(!not.reason.contains(KEY), "{}", not.reason);
    assert!(!not.reason.contains('\u{1b}') && not.reason.len() < 400);
}

#[test]
fn without_a_needed_key_nothing_is_sent() {
    let server = FakeJudge::new(Protocol::Gemini, [pass()]);
    let mut world = World::new(&server);
    world.settings.judge.needs_key = true;
    world.key(" ");
    let not = world.not_judged();
    insta::assert_snapshot!(not.reason, @"$JUDGE_KEY, which holds the judge's key, is not set");
    world.key("a\nb");
    insta::assert_snapshot!(world.not_judged().reason, @"the key in $JUDGE_KEY holds characters that no key has");
    assert!(server.asked().is_empty());

    world.settings.judge.base_url = "http://judge.example".to_owned();
    world.key(KEY);
    insta::assert_snapshot!(world.not_judged().reason, @"the key in $JUDGE_KEY would go to judge.example in plain text");
}

#[test]
fn an_answer_that_never_ends_is_not_waited_for() {
    for hang in [
        String::new(),
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"choices\": [".to_owned(),
    ] {
        let server = FakeJudge::new(Protocol::OpenAi, [Say::Hang(hang)]);
        let mut world = World::new(&server);
        world.settings.timeout = Duration::from_millis(300);
        let not = world.not_judged();
        insta::allow_duplicates! {
            insta::assert_snapshot!(world.told(&not.reason), @"HOST gave no whole answer in 0.3 s");
        }
        assert_eq!(not.hint.as_deref(), Some("`judge.timeout` in .archal.json"));
    }
}

#[test]
fn an_answer_without_an_end_is_cut_off() {
    let flood = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}",
        " ".repeat(5 << 20)
    );
    let server = FakeJudge::new(Protocol::Ollama, [Say::Raw(flood)]);
    let world = World::new(&server);
    insta::assert_snapshot!(world.told(&world.not_judged().reason), @"HOST answered with more than 4 MiB");
}

#[test]
fn a_judge_that_is_not_there_is_not_asked_for_ever() {
    // A port that nobody listens on: this server is gone.
    let url = FakeJudge::new(Protocol::Ollama, []).url();
    let world = World::at(Protocol::Ollama, &url);
    let judge = world.judge();
    let mut reasons = Vec::new();
    for number in 0..5 {
        let mut question = question();
        question.criterion.push_str(&number.to_string());
        let Outcome::NotJudged(not) = judge.ask(&question, "r/c", None, &world.pauses) else {
            panic!("judged");
        };
        reasons.push(world.told(&not.reason));
        assert_eq!(not.hint.as_deref(), Some("ollama serve"));
    }
    assert!(
        reasons[0].starts_with("HOST cannot be reached"),
        "{reasons:?}"
    );
    assert_eq!(
        world.paused().len(),
        9,
        "three pauses for each of three questions"
    );
    assert_eq!(judge.standing().spent, None);
    assert!(judge.standing().unavailable.is_some());
}

/// Questions that differ, so that none waits for the answer to another.
fn numbered(number: usize) -> archal::judge::question::Question {
    let mut question = question();
    question.criterion.push_str(&number.to_string());
    question
}

#[test]
fn a_judge_that_was_away_is_asked_again_after_a_while() {
    let down = || Say::status(500, "it hurts");
    let mut says: Vec<Say> = (0..12).map(|_| down()).collect();
    says.extend([down(), down(), down(), down(), pass(), pass()]);
    let server = FakeJudge::new(Protocol::OpenAi, says);
    let world = World::new(&server);
    let clock = std::sync::Arc::new(clock());
    let judge = world.judge_at(std::sync::Arc::clone(&clock));
    let is_judged = |number| {
        let outcome = judge.ask(&numbered(number), "r/c", None, &world.pauses);
        matches!(outcome, Outcome::Judged(_))
    };
    assert!(!(0..4).any(is_judged));
    assert_eq!(server.asked().len(), 12, "the fourth is not sent");
    clock.advance(Duration::from_secs(59));
    assert!(!is_judged(4));
    assert_eq!(server.asked().len(), 12);
    clock.advance(Duration::from_secs(1));
    assert!(!is_judged(5) && !is_judged(6));
    assert_eq!(
        server.asked().len(),
        16,
        "one question found out that it is still away"
    );
    clock.advance(Duration::from_secs(60));
    assert!(is_judged(7) && is_judged(8), "it is back");
}

#[test]
fn a_question_that_is_refused_says_nothing_of_the_next() {
    let long = || Say::status(400, "maximum context length is 4096 tokens");
    let server = FakeJudge::new(Protocol::OpenAi, [long(), long(), long(), long(), pass()]);
    let world = World::new(&server);
    let judge = world.judge();
    for number in 0..4 {
        let outcome = judge.ask(&numbered(number), "r/c", None, &world.pauses);
        assert!(matches!(outcome, Outcome::NotJudged(_)), "{number}");
    }
    let outcome = judge.ask(&numbered(4), "r/c", None, &world.pauses);
    assert!(matches!(outcome, Outcome::Judged(_)), "{outcome:?}");
}

#[test]
fn questions_that_fail_together_are_one_failure() {
    let busy = (0..4).map(|_| Say::status(503, "soon"));
    let down = (0..4).map(|_| Say::status(501, "never"));
    let server = FakeJudge::new(Protocol::OpenAi, busy.chain(down).chain([pass()]));
    let world = World::new(&server);
    let judge = world.judge();
    // Each waits in its pause until all are under way.
    let all = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (judge, all) = (&judge, &all);
            scope.spawn(move || {
                let outcome = judge.ask(&numbered(number), "r/c", None, &Together(all));
                assert!(matches!(outcome, Outcome::NotJudged(_)));
            });
        }
    });
    let outcome = judge.ask(&numbered(4), "r/c", None, &world.pauses);
    assert!(matches!(outcome, Outcome::Judged(_)), "{outcome:?}");
}

/// A pause that ends when all are in it.
struct Together<'a>(&'a std::sync::Barrier);

impl Pause for Together<'_> {
    fn is_over(&self) -> bool {
        false
    }

    fn pause(&self, _: Duration) -> bool {
        self.0.wait();
        false
    }
}

#[test]
fn money_for_nothing_is_told_with_the_failure() {
    let server = FakeJudge::new(
        Protocol::OpenAi,
        [
            Say::Text("no JSON".to_owned()),
            Say::status(400, "no more of this"),
        ],
    );
    let not = World::new(&server).not_judged();
    let paid = not.paid.expect("the first round was answered");
    assert_eq!(paid.model, "judge-1");
    assert_eq!(paid.cost, Some(super::usd(4_500)));

    let server = FakeJudge::new(Protocol::OpenAi, [Say::Hang(String::new())]);
    let mut world = World::new(&server);
    world.settings.timeout = Duration::from_millis(300);
    let paid = world.not_judged().paid.expect("it may send a bill");
    assert_eq!(paid.cost, None);

    let server = FakeJudge::new(Protocol::OpenAi, [Say::status(401, "no")]);
    assert_eq!(World::new(&server).not_judged().paid, None);
}

#[test]
fn a_judge_is_found_to_be_there_without_a_question() {
    let server = FakeJudge::new(Protocol::OpenAi, [pass()]);
    let mut world = World::new(&server);
    let ready = |world: &World| {
        let not = world.judge().ready(&world.pauses).err()?;
        Some(world.told(&not.reason))
    };
    assert_eq!(ready(&world), None);
    world.key("a\nb");
    insta::assert_snapshot!(ready(&world).expect("not ready"), @"the key in $JUDGE_KEY holds characters that no key has");
    world.settings.judge.needs_key = true;
    world.key("");
    insta::assert_snapshot!(ready(&world).expect("not ready"), @"$JUDGE_KEY, which holds the judge's key, is not set");
    world.key(KEY);
    world.settings.judge.base_url = "judge.example".to_owned();
    assert!(ready(&world).is_some());
    world.settings.judge.base_url = FakeJudge::new(Protocol::OpenAi, []).url();
    let told = ready(&world).expect("nobody listens");
    assert!(told.starts_with("HOST cannot be reached: "), "{told}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_stop_ends_pauses_and_requests() {
    let server = FakeJudge::new(Protocol::OpenAi, [Say::status(503, "soon"), pass()]);
    let mut world = World::new(&server);
    world.pauses = Pauses {
        ends: true,
        ..Pauses::default()
    };
    assert_eq!(world.not_judged().why, Why::Stopped);
    assert_eq!(world.not_judged().why, Why::Stopped, "nothing new is begun");
    assert_eq!(server.asked().len(), 1);

    // While the server keeps silent, somebody asks to stop.
    let server = FakeJudge::new(Protocol::OpenAi, [Say::Hang(String::new())]);
    let world = World::new(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while server.asked().is_empty() {
                std::thread::yield_now();
            }
            world
                .pauses
                .over
                .store(true, std::sync::atomic::Ordering::SeqCst);
        });
        assert_eq!(world.not_judged().why, Why::Stopped);
    });
}

#[test]
fn a_key_is_sent_where_it_belongs_and_nowhere_else() {
    for protocol in PROTOCOLS {
        let server = FakeJudge::new(protocol, [pass()]);
        assert_eq!(
            line(&World::new(&server).judged()),
            r#"pass ["I closed both issues"] Yes."#
        );
        let asked = server.asked();
        let holding: Vec<&str> = asked[0]
            .headers
            .iter()
            .filter(|(_, value)| value.contains(KEY))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(holding.len(), 1, "{protocol:?}");
        assert!(!asked[0].body.to_string().contains(KEY) && !asked[0].line.contains(KEY));
    }
}
