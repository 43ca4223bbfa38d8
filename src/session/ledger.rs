//! The session's virtual time and the raw record of everything that happened in it.
//!
//! Recording keeps what is at hand and encodes nothing; that is done when the session ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::{CloneRequest, CloneResponse};
use archal_core::hash;
use bytes::Bytes;

use super::evidence::{McpCall, RefusedEgress};

/// The least step of virtual time between two calls.
const STEP: Duration = Duration::from_millis(1);
/// Most bytes of one body kept; of a longer one the record has length and hash.
const BODY: usize = 4 * 1024 * 1024;
/// Most bytes of all bodies kept; of later ones the record has length and hash. At the end each
/// becomes a JSON value, which takes about five times as much.
const BODIES: usize = 32 * 1024 * 1024;
/// Most calls kept; later ones are answered and counted.
const CALLS: usize = 100_000;
/// Most bytes kept of all that is not a body; calls beyond it are answered and counted.
const HEADS: usize = 64 * 1024 * 1024;
/// Most bytes of a host or a reason of a refusal.
const TEXT: usize = 1024;
/// Most refusals and names kept; an agent in a loop makes more of the same.
const KEPT: usize = 10_000;

/// The record of a session.
pub(super) struct Ledger {
    base: Timestamp,
    clock: Arc<dyn Clock>,
    opened: Duration,
    /// Whether virtual time moves with calls alone.
    stands: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: Duration,
    body_bytes: usize,
    wire_bytes: usize,
    head_bytes: usize,
    dropped: u64,
    /// The position of the last call kept.
    seq: u64,
    tool_calls: u64,
    calls: Vec<RawCall>,
    refused: Vec<RefusedEgress>,
    names: Vec<String>,
    known_names: BTreeSet<String>,
}

/// One call as it happened.
#[derive(Debug)]
pub(super) struct RawCall {
    /// Its position, from 1.
    pub(super) seq: u64,
    /// The clone's position in the session.
    pub(super) clone: usize,
    /// The tool call it was part of.
    pub(super) mcp: Option<McpCall>,
    /// Virtual time.
    pub(super) at: Timestamp,
    /// Wall time.
    pub(super) wall: Timestamp,
    /// From the whole request read to the response handed over.
    pub(super) latency: Duration,
    /// What was asked.
    pub(super) request: CloneRequest,
    /// What was answered; without the bytes for the client where the evidence is described.
    pub(super) response: CloneResponse,
}

/// Everything recorded, in order.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) calls: Vec<RawCall>,
    pub(super) dropped: u64,
    pub(super) refused: Vec<RefusedEgress>,
    pub(super) names: Vec<String>,
}

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    /// Virtual time of the call.
    pub(super) at: Timestamp,
    wall: Timestamp,
    started: Duration,
    mcp: Option<McpCall>,
}

impl Ledger {
    /// An empty record that begins now, at virtual time `base`.
    pub(super) fn new(base: Timestamp, clock: Arc<dyn Clock>) -> Self {
        let opened = clock.monotonic();
        Self {
            base,
            clock,
            opened,
            stands: false,
            inner: Mutex::new(Inner::default()),
        }
    }

    /// The same where virtual time moves with calls alone.
    pub(super) fn standing(mut self) -> Self {
        self.stands = true;
        self
    }

    /// Real time since the beginning, as far as virtual time moves with it.
    fn passed(&self, at: Duration) -> Duration {
        match self.stands {
            true => Duration::ZERO,
            false => at.saturating_sub(self.opened),
        }
    }

    /// Virtual now at the start.
    pub(super) fn base(&self) -> Timestamp {
        self.base
    }

    /// Moves virtual time on: with real time unless it stands, and at least a millisecond a call.
    pub(super) fn begin(&self) -> Begun {
        let started = self.clock.monotonic();
        let mut inner = self.lock();
        inner.last = (inner.last + STEP).max(self.passed(started));
        Begun {
            at: self.base.checked_add(inner.last).unwrap_or(Timestamp::MAX),
            wall: self.clock.now(),
            started,
            mcp: None,
        }
    }

    /// Moves virtual time on for a call that was left for work, and is answered now.
    pub(super) fn go_on(&self, begun: &mut Begun) {
        let now = self.begin();
        begun.at = now.at;
        begun.wall = now.wall;
    }

    /// Virtual time, without moving it on.
    pub(super) fn now(&self) -> Timestamp {
        let passed = self.passed(self.clock.monotonic()).max(self.lock().last);
        self.base.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// The same as [`Self::begin`] for a call that a tool makes.
    pub(super) fn begin_in(&self, tool_call: &McpCall) -> Begun {
        Begun {
            mcp: Some(tool_call.clone()),
            ..self.begin()
        }
    }

    /// The next call of a tool.
    pub(super) fn tool_call(&self, tool: &str) -> McpCall {
        let mut inner = self.lock();
        inner.tool_calls += 1;
        McpCall {
            tool: beginning(tool),
            call: inner.tool_calls,
        }
    }

    /// Records a call that was begun; its position, where it is kept.
    pub(super) fn end(
        &self,
        begun: &Begun,
        clone: usize,
        mut request: CloneRequest,
        mut response: CloneResponse,
    ) -> Option<u64> {
        let latency = self.clock.monotonic().saturating_sub(begun.started);
        let mut inner = self.lock();
        if !inner.has_room_for(&request, &response) {
            inner.dropped += 1;
            return None;
        }
        if let Some(spool) = request.spool.take() {
            request.body = Bytes::from(format!("\"{}\"", spool.described()));
        }
        response.spool = None;
        // A copy, since these bytes may be a small part of a large buffer of the connection.
        request.body = match inner.has_room_for_body(&request.body) {
            true => Bytes::copy_from_slice(&request.body),
            false => described(&request.body),
        };
        if let Some(said) = &mut response.request_said {
            let body = Bytes::copy_from_slice(said.as_bytes());
            if !inner.has_room_for_body(&body) {
                *said = String::from_utf8_lossy(&described(&body)).into_owned();
            }
        }
        // The bytes for the client are kept with the evidence, for the exact times in them; of a
        // body that is only described nobody can ask for times.
        let body = &mut response.body;
        if !inner.has_room_for_body(&body.evidence) {
            body.evidence = described(&body.evidence);
            body.wire = Bytes::new();
        } else if body.wire == body.evidence {
            body.wire = body.evidence.clone();
        } else if !inner.has_room_for_wire(&body.wire) {
            body.wire = Bytes::new();
        }
        inner.seq += 1;
        let seq = inner.seq;
        inner.calls.push(RawCall {
            seq,
            clone,
            mcp: begun.mcp.clone(),
            at: begun.at,
            wall: begun.wall,
            latency,
            request,
            response,
        });
        Some(seq)
    }

    /// Records something that was refused or failed.
    pub(super) fn refuse(&self, kind: &str, host: &str, port: Option<u16>, reason: &str) {
        let mut inner = self.lock();
        if inner.refused.len() < KEPT {
            inner.refused.push(RefusedEgress {
                kind: kind.to_owned(),
                host: beginning(host),
                port,
                reason: beginning(reason),
            });
        }
    }

    /// Records that a name was asked for; whether it was the first time.
    pub(super) fn name(&self, name: &str) -> bool {
        let mut inner = self.lock();
        if inner.known_names.len() >= KEPT || !inner.known_names.insert(name.to_owned()) {
            return false;
        }
        inner.names.push(name.to_owned());
        true
    }

    /// Takes what was recorded since the last time, which makes room for more; time, positions and
    /// known names go on.
    pub(super) fn drain(&self) -> Taken {
        let mut inner = self.lock();
        inner.body_bytes = 0;
        inner.wire_bytes = 0;
        inner.head_bytes = 0;
        Taken {
            calls: std::mem::take(&mut inner.calls),
            dropped: std::mem::take(&mut inner.dropped),
            refused: std::mem::take(&mut inner.refused),
            names: std::mem::take(&mut inner.names),
        }
    }

    /// Takes everything recorded so far.
    pub(super) fn take(&self) -> Taken {
        let inner = std::mem::take(&mut *self.lock());
        Taken {
            calls: inner.calls,
            dropped: inner.dropped,
            refused: inner.refused,
            names: inner.names,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a single push, so a poisoned record is still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether a call more is kept, for which its head takes room.
    fn has_room_for(&mut self, request: &CloneRequest, response: &CloneResponse) -> bool {
        let head = head_bytes(request, response);
        if self.calls.len() >= CALLS || self.head_bytes + head > HEADS {
            return false;
        }
        self.head_bytes += head;
        true
    }

    /// Whether a body more is kept whole, for which it takes room.
    fn has_room_for_body(&mut self, body: &Bytes) -> bool {
        let fits = body.len() <= BODY && self.body_bytes + body.len() <= BODIES;
        if fits {
            self.body_bytes += body.len();
        }
        fits
    }

    /// The same for the bytes for a client, which have a room of their own: they take none from
    /// the evidence.
    fn has_room_for_wire(&mut self, wire: &Bytes) -> bool {
        let fits = wire.len() <= BODY && self.wire_bytes + wire.len() <= BODIES;
        if fits {
            self.wire_bytes += wire.len();
        }
        fits
    }
}

/// A JSON string that says what a body was.
fn described(body: &Bytes) -> Bytes {
    Bytes::from(format!(
        "\"[{} bytes, {}]\"",
        body.len(),
        hash::sha256(body)
    ))
}

/// Bytes of all that a call is kept with beside its bodies.
fn head_bytes(request: &CloneRequest, response: &CloneResponse) -> usize {
    let asked = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len());
    let answered = response
        .headers
        .iter()
        .chain(&response.volatile_headers)
        .map(|(_, value)| value.len());
    let changed = response.changes.iter().map(|change| change.key.len());
    request.path.len() + request.query.len() + asked.chain(answered).chain(changed).sum::<usize>()
}

/// The beginning of a text that a client chose and that is kept.
fn beginning(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT)].to_owned()
}

#[cfg(test)]
mod tests {
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
        inner.body_bytes = BODIES - 1;
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
        let first = ledger.drain();
        assert_eq!(positions(&first), (1..=10).collect::<Vec<u64>>());
        assert_eq!(first.calls[9].response.body.wire, Bytes::new());
        call(BODY - 100);
        let second = ledger.drain();
        assert_eq!(positions(&second), [11]);
        assert_ne!(second.calls[0].response.body.wire, Bytes::new());
        assert!(second.calls[0].at > first.calls[9].at);
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
}
