//! The record's bounds, positions and time.

use super::*;
use archal_core::clock::FakeClock;
use archal_core::clone::Rendered;

#[test]
fn virtual_time_moves_with_the_clock_and_never_stands_still() {
    let base = Timestamp::from_second(1_000).expect("in range");
    let clock = Arc::new(FakeClock::new(base));
    let ledger = Ledger::new(base, Arc::<FakeClock>::clone(&clock));
    let offset = || ledger.begin().at.as_millisecond() - 1_000_000;
    assert_eq!(offset(), 1);
    assert_eq!(offset(), 2);
    clock.advance(Duration::from_millis(500));
    assert_eq!(offset(), 500);
    assert_eq!(offset(), 501);
}

#[test]
fn bodies_beyond_the_bounds_are_described() {
    let mut inner = Inner::default();
    let small = Bytes::from_static(b"{}");
    assert!(inner.has_room_for_body(&small));
    let long = Bytes::from(vec![b'x'; BODY + 1]);
    assert!(!inner.has_room_for_body(&long));
    let text = described(&long);
    assert!(text.starts_with(b"\"[4194305 bytes, sha256:"), "{text:?}");
    inner.room.bodies = BODIES - 1;
    assert!(!inner.has_room_for_body(&small));
}

fn ledger() -> Ledger {
    Ledger::new(
        Timestamp::UNIX_EPOCH,
        Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
    )
}

fn response(length: usize) -> CloneResponse {
    let body = |time: &str| Bytes::from(format!("[\"{time}\",\"{}\"]", "x".repeat(length)));
    CloneResponse {
        body: Rendered {
            wire: body("1970-01-01T00:00:00Z"),
            evidence: body("+run"),
        },
        ..CloneResponse::default()
    }
}

#[test]
fn bytes_for_the_client_are_kept_only_beside_evidence_that_is() {
    let ledger = ledger();
    for length in [10, BODY] {
        ledger.end(
            &ledger.begin(),
            0,
            CloneRequest::default(),
            response(length),
        );
    }
    let taken = ledger.take();
    let [kept, described] = &taken.calls[..] else {
        panic!("two calls");
    };
    assert_eq!(kept.response.body, response(10).body);
    assert_eq!(described.response.body.wire, Bytes::new());
}

#[test]
fn what_stands_for_a_request_and_what_the_client_got_are_bounded() {
    let ledger = ledger();
    for _ in 0..BODIES / BODY + 1 {
        let answer = CloneResponse {
            body: Rendered {
                wire: Bytes::from(vec![b'x'; BODY]),
                evidence: Bytes::from_static(b"pack"),
            },
            request_said: Some("y".repeat(BODY - 4)),
            ..CloneResponse::default()
        };
        ledger.end(&ledger.begin(), 0, CloneRequest::default(), answer);
    }
    let calls = ledger.take().calls;
    let told = |call: &RawCall| {
        let response = &call.response;
        let said = response.request_said.as_ref().map(String::len);
        (response.body.wire.len(), said)
    };
    assert_eq!(told(&calls[0]), (BODY, Some(BODY - 4)));
    let (wire, said) = told(&calls[BODIES / BODY]);
    assert_eq!((wire, said.is_some_and(|said| said < 200)), (0, true));
}

#[test]
fn calls_and_heads_beyond_the_bounds_are_counted() {
    let by_number = ledger();
    for _ in 0..CALLS + 3 {
        let begun = by_number.begin();
        by_number.end(&begun, 0, CloneRequest::default(), CloneResponse::default());
    }
    let taken = by_number.take();
    assert_eq!((taken.calls.len(), taken.dropped), (CALLS, 3));

    let by_bytes = ledger();
    let long = "x".repeat(HEADS / 4 - 1);
    for _ in 0..6 {
        let request = CloneRequest {
            headers: vec![("x".to_owned(), long.clone())],
            ..CloneRequest::default()
        };
        by_bytes.end(&by_bytes.begin(), 0, request, CloneResponse::default());
    }
    let taken = by_bytes.take();
    assert_eq!((taken.calls.len(), taken.dropped), (4, 2));
}

#[test]
fn what_is_drained_makes_room_and_positions_go_on() {
    let ledger = ledger();
    let call = |length| {
        let begun = ledger.begin();
        ledger.end(&begun, 0, CloneRequest::default(), response(length));
    };
    let positions =
        |taken: &Taken| -> Vec<u64> { taken.calls.iter().map(|call| call.seq).collect() };
    for _ in 0..BODIES / BODY + 2 {
        call(BODY - 100);
    }
    let first = ledger.drain(usize::MAX);
    assert_eq!(positions(&first), (1..=10).collect::<Vec<u64>>());
    assert_eq!(first.calls[9].response.body.wire, Bytes::new());
    call(BODY - 100);
    let second = ledger.drain(usize::MAX);
    assert_eq!(positions(&second), [11]);
    assert_ne!(second.calls[0].response.body.wire, Bytes::new());
    assert!(second.calls[0].at > first.calls[9].at);
}

#[test]
fn a_part_is_drained_and_makes_room_for_as_much() {
    let ledger = ledger();
    let call = || {
        let begun = ledger.begin();
        ledger.end(&begun, 0, CloneRequest::default(), response(BODY - 100));
    };
    let kept = |taken: &Taken| -> Vec<bool> {
        let wires = taken.calls.iter().map(|call| &call.response.body.wire);
        wires.map(|wire| !wire.is_empty()).collect()
    };
    (0..9).for_each(|_| call());
    // The ninth is described: there is room for eight.
    assert_eq!(kept(&ledger.drain(BODY)), [true]);
    assert!(ledger.drain(0).calls.is_empty());
    (0..2).for_each(|_| call());
    let rest = kept(&ledger.drain(usize::MAX));
    assert_eq!(
        rest,
        [true, true, true, true, true, true, true, false, true, false]
    );
    assert_eq!(ledger.last(), 11);
    assert_eq!(ledger.lock().room.sum(), 0);
}

#[test]
fn the_same_bytes_in_memory_take_room_once_until_they_are_drained() {
    let ledger = ledger();
    let answer = response(200 * 1024);
    let call = || ledger.end(&ledger.begin(), 0, CloneRequest::default(), answer.clone());
    let mut kept = 0;
    for _ in 0..BODIES / (200 * 1024) + 2 {
        call();
        kept += 1;
    }
    let taken = ledger.drain(usize::MAX);
    let is_whole = |call: &RawCall| call.response.body == answer.body;
    assert_eq!(
        taken.calls.iter().filter(|call| is_whole(call)).count(),
        kept
    );
    let first = taken.calls[0].room;
    assert_eq!(first.bodies, answer.body.evidence.len());
    assert_eq!(taken.calls[1].room.bodies + taken.calls[1].room.wire, 0);
    call();
    // Nobody counts them any more, so they are counted again.
    assert_eq!(ledger.lock().room.bodies, first.bodies);
}

#[test]
fn a_refusal_keeps_the_beginning_of_what_the_client_chose() {
    let ledger = ledger();
    ledger.refuse("connect", &"ä".repeat(TEXT), None, "why");
    let refused = ledger.take().refused;
    assert_eq!(refused[0].host, "ä".repeat(TEXT / 2));
}

#[test]
fn names_are_kept_once_in_the_order_of_asking() {
    let ledger = Ledger::new(
        Timestamp::UNIX_EPOCH,
        Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
    );
    assert!(ledger.name("b.test"));
    assert!(ledger.name("a.test"));
    assert!(!ledger.name("b.test"));
    assert_eq!(ledger.take().names, ["b.test", "a.test"]);
}
