//! Faults of a service, and what comes of them.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::pull::PullErrorKind;
use archal_testkit::loopback::{End, Loopback, Reply};
use serde_json::json;

use super::world::World;
use super::*;

const SECRET: &str = "sk-lf-0f9b7e3d6a";

fn fine() -> Reply {
    Reply::json(200, &json!({"data": []}))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

/// A server that gives these answers and then good ones, a client for it, and how often it was asked.
fn served(world: &World, replies: Vec<Reply>) -> (Loopback, Client, Arc<Mutex<u64>>) {
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let replies = Mutex::new(std::collections::VecDeque::from(replies));
    let server = Loopback::new(move |request| {
        *counted.lock().expect("alive") += 1;
        assert_eq!(
            request.header("authorization"),
            Some("Bearer sk-lf-0f9b7e3d6a")
        );
        let mut replies = replies.lock().expect("alive");
        replies.pop_front().unwrap_or_else(fine)
    });
    let settings = Settings {
        service: "Service",
        address: Address::of("host", &server.url()).expect("an address"),
        headers: vec![("authorization", format!("Bearer {SECRET}"))],
        secrets: vec![SECRET],
        hold: Duration::from_secs(60),
        advice: Advice {
            denied: "denied",
            missing: "missing",
            unreachable: "unreachable",
            limited: "limited",
        },
    };
    let client = Client::new(settings, &world.asking(&[])).expect("a client");
    (server, client, asked)
}

fn rate() -> Rate {
    Rate {
        bucket: "b".to_owned(),
        per_minute: NonZeroU32::new(60_000).expect("many"),
    }
}

fn question(rate: &Rate, is_divisible: bool) -> Request<'_> {
    Request {
        body: None,
        path: "/x",
        query: Vec::new(),
        rate,
        is_divisible,
    }
}

fn ask(client: &Client, is_divisible: bool) -> (Result<Answer, Failure>, Spent) {
    let rate = rate();
    let request = question(&rate, is_divisible);
    let mut spent = Spent::default();
    let answer = client.ask(&request, &mut spent);
    (answer, spent)
}

#[test]
fn passing_faults_are_tried_again_and_each_try_is_counted() {
    let world = World::new();
    let fault = |status| Reply::json(status, &json!({"message": "busy"}));
    let replies = vec![fault(500), fault(503), fine().ending(End::Cut), fault(524)];
    let (_server, client, asked) = served(&world, replies);
    let (answer, spent) = ask(&client, false);
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!((spent.requests, *asked.lock().expect("alive")), (5, 5));
    // 0.5, 1, 2 and 4 seconds.
    let waited = world.clock.monotonic();
    assert!(waited >= Duration::from_millis(7_500), "{waited:?}");
}

#[test]
fn a_fault_that_stays_is_told_after_so_many_tries() {
    for (is_divisible, tries) in [(false, 5), (true, 2)] {
        let world = World::new();
        let fault = Reply::json(500, &json!({"error": {"message": "it broke"}}));
        let (_server, client, _) = served(&world, vec![fault; 9]);
        let (answer, spent) = ask(&client, is_divisible);
        assert_eq!(spent.requests, tries);
        let told = client.told(answer.expect_err("a failure"));
        assert_eq!(told.kind, PullErrorKind::Unreachable);
        assert!(told.message.ends_with("answered 500: it broke"), "{told}");
    }
}

#[test]
fn a_service_says_how_long_to_wait_in_seconds_or_by_the_time_of_day() {
    for (header, seconds) in [
        (Some("37"), 37),
        (Some("Mon, 01 Jun 2026 12:01:30 GMT"), 90),
        (None, 60),
    ] {
        let world = World::new();
        let mut limited = Reply::json(429, &json!({"message": "Rate limit exceeded"}));
        if let Some(header) = header {
            limited = limited.header("retry-after", header);
        }
        let (_server, client, _) = served(&world, vec![limited]);
        let (answer, spent) = ask(&client, true);
        assert!(answer.is_ok());
        assert_eq!(spent.requests, 2);
        let waited = world.clock.monotonic();
        assert!(
            (seconds..seconds + 2).contains(&waited.as_secs()),
            "{header:?}: {waited:?}"
        );
        let told = format!("Service asks to be asked again in {seconds} s; waiting");
        assert_eq!(*world.told.lock().expect("alive"), [told]);
    }
}

#[test]
fn what_an_earlier_question_was_told_is_told_to_the_next() {
    let limited =
        |after: &str| Reply::json(429, &json!({})).header("retry-after", after.to_owned());
    let world = World::new();
    let (_server, client, asked) = served(&world, vec![limited("410"), fine(), limited("2000")]);
    let rate = rate();
    client.once(&question(&rate, false)).expect_err("not now");
    assert!(ask(&client, false).0.is_ok());
    let told = std::mem::take(&mut *world.told.lock().expect("alive"));
    assert_eq!(told, ["Service asks to be asked again in 410 s; waiting"]);
    // Longer than a pass waits: nobody waits in silence for what somebody else was told.
    for _ in 0..2 {
        let told = client.told(ask(&client, false).0.expect_err("not now"));
        assert!(
            matches!(told.kind, PullErrorKind::Limited { after: Some(after) } if after.as_secs() > 1_990),
            "{told}"
        );
    }
    assert_eq!(*asked.lock().expect("alive"), 3);
    assert!(world.told.lock().expect("alive").is_empty());
}

#[test]
fn a_wait_that_is_too_long_or_has_no_end_is_told() {
    let limited =
        |after: &str| Reply::json(429, &json!({})).header("retry-after", after.to_owned());
    for (replies, requests) in [
        (vec![limited("3600")], 1),
        (vec![limited("31536000")], 1),
        (vec![limited("Fri, 01 Jan 2100 00:00:00 GMT")], 1),
        (vec![limited("1"); 50], HELD as u64 + 1),
    ] {
        let world = World::new();
        let (_server, client, _) = served(&world, replies);
        let (answer, spent) = ask(&client, true);
        assert_eq!(spent.requests, requests);
        let told = client.told(answer.expect_err("a failure"));
        assert!(matches!(
            told.kind,
            PullErrorKind::Limited { after: Some(_) }
        ));
    }
}

#[test]
fn what_is_refused_is_told_once_without_what_is_secret() {
    let echoed = format!("no such key: {SECRET} (Bearer {SECRET})\u{1b}[31m");
    for (reply, kind) in [
        (
            Reply::json(401, &json!({"message": echoed})),
            PullErrorKind::Denied,
        ),
        (Reply::json(403, &json!({})), PullErrorKind::Denied),
        (
            Reply::json(404, &json!({"error": "no"})),
            PullErrorKind::Missing,
        ),
        (
            Reply::json(400, &json!({"error": "no"})),
            PullErrorKind::Answer,
        ),
        (
            Reply::json(302, &json!({})).header("location", "http://127.0.0.1:1/steal"),
            PullErrorKind::Answer,
        ),
    ] {
        let world = World::new();
        let (_server, client, _) = served(&world, vec![reply]);
        let (answer, spent) = ask(&client, false);
        assert_eq!(spent.requests, 1);
        let told = client.told(answer.expect_err("a failure"));
        assert_eq!(told.kind, kind);
        assert!(told.advice.is_some());
        assert!(!told.message.contains(SECRET), "{told}");
        assert!(!told.message.contains('\u{1b}'), "{told}");
    }
}

#[test]
fn nobody_is_followed_elsewhere_and_no_half_of_a_secret_is_told() {
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let elsewhere = Loopback::new(move |_| {
        *counted.lock().expect("alive") += 1;
        fine()
    });
    for status in [301, 302, 303, 307, 308] {
        let world = World::new();
        let reply = Reply::json(status, &json!({})).header("location", elsewhere.url());
        let (_server, client, _) = served(&world, vec![reply]);
        let told = client.told(ask(&client, false).0.expect_err("not followed"));
        assert!(
            told.message.contains("redirects are not followed"),
            "{told}"
        );
    }
    assert_eq!(*asked.lock().expect("alive"), 0, "nobody asked there");

    let echoed = SECRET.repeat(40);
    let world = World::new();
    let said = Reply::json(400, &json!({"message": echoed}));
    let (_server, client, _) = served(&world, vec![said]);
    let told = client.told(ask(&client, false).0.expect_err("refused"));
    assert!(!told.message.contains(&SECRET[..6]), "{told}");
}

#[test]
fn what_is_asked_once_is_not_waited_for() {
    let world = World::new();
    let limited = Reply::json(429, &json!({"message": "slow"})).header("retry-after", "410");
    let (_server, client, asked) = served(&world, vec![limited, Reply::json(503, &json!({}))]);
    let rate = rate();
    let request = Request {
        body: Some(json!({})),
        path: "/x",
        query: Vec::new(),
        rate: &rate,
        is_divisible: false,
    };
    let told = client.told(client.once(&request).expect_err("not now"));
    let after = Some(Duration::from_secs(410));
    assert_eq!(told.kind, PullErrorKind::Limited { after });
    assert!(world.clock.monotonic() < Duration::from_secs(2));
    // It holds for whoever asks next, who is not kept waiting either.
    let told = client.told(client.once(&request).expect_err("not yet"));
    assert!(
        matches!(told.kind, PullErrorKind::Limited { after: Some(after) } if after > Duration::from_secs(300))
    );
    assert_eq!(*asked.lock().expect("alive"), 1);
    world.clock.advance(Duration::from_secs(420));
    let told = client.told(client.once(&request).expect_err("a fault"));
    assert_eq!(told.kind, PullErrorKind::Unreachable);
    assert_eq!(*asked.lock().expect("alive"), 2);
}

#[test]
fn a_page_for_browsers_is_no_answer() {
    let world = World::new();
    let mut page = fine();
    page.body = b"<!doctype html><title>Sign in</title>".to_vec();
    let (_server, client, _) = served(&world, vec![page]);
    assert_eq!(
        ask(&client, false).0.expect_err("no answer"),
        Failure::NotJson
    );
}

#[test]
fn packed_answers_are_unpacked_and_bombs_are_not() {
    let world = World::new();
    let body = json!({"data": ["x".repeat(100_000)]}).to_string();
    let gzip = |bytes: &[u8]| {
        let mut reply = fine().header("content-encoding", "gzip");
        reply.body = packed(bytes);
        reply
    };
    let bomb = vec![b' '; 70 << 20];
    let (_server, client, _) = served(&world, vec![gzip(body.as_bytes()), gzip(&bomb)]);
    let (answer, spent) = ask(&client, false);
    assert_eq!(answer.expect("an answer").body, body.as_bytes());
    assert!(spent.bytes < 10_000, "as they came: {}", spent.bytes);
    assert!(matches!(ask(&client, false).0, Err(Failure::TooLarge(_))));
}

#[test]
fn an_answer_that_never_comes_is_late_and_an_end_is_not_waited_for() {
    let world = World::new();
    let never = vec![fine().ending(End::Never); TRIES];
    let (_server, mut client, _) = served(&world, never);
    let patience = Duration::from_millis(20);
    client.exchange.most_time = patience;
    let (answer, spent) = ask(&client, false);
    assert_eq!(answer.expect_err("late"), Failure::Late(patience));
    assert_eq!(spent.requests, TRIES as u64);

    let world = World::new();
    let (_server, client, _) = served(&world, vec![fine().ending(End::Never)]);
    let patience = Arc::clone(&world.patience);
    // Asked for while the answer is waited for.
    let ending = std::thread::spawn(move || patience.store(0, Ordering::SeqCst));
    assert_eq!(
        ask(&client, false).0.expect_err("stopped"),
        Failure::Stopped
    );
    ending.join().expect("it ends");
}

#[test]
fn nobody_there_is_told_with_the_host() {
    let world = World::new();
    let (server, client, _) = served(&world, Vec::new());
    let host = server.url().replace("http://", "");
    drop(server);
    let told = client.told(ask(&client, false).0.expect_err("nobody"));
    assert_eq!(told.kind, PullErrorKind::Unreachable);
    assert!(told.message.contains(&host), "{told}");
}
