//! The session's virtual time and the raw record of everything that happened in it.
//!
//! Recording keeps what is at hand and encodes nothing; that is done when the session ends.

use std::collections::{BTreeSet, VecDeque};
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
/// Bodies of the last calls that are known again.
const RECENT: usize = 4;
/// Most bytes of a body that is known again.
const RECENT_BODY: usize = 256 * 1024;
/// Calls for which an emptied record has room without asking for memory.
const SPARE: usize = 256;
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
    /// What the calls that are kept take.
    room: Room,
    dropped: u64,
    /// The position of the last call kept.
    seq: u64,
    tool_calls: u64,
    calls: VecDeque<RawCall>,
    /// Bodies of the last calls that are kept, which take no room a second time: a clone answers with
    /// the same bytes in memory where nothing changed.
    recent: VecDeque<Bytes>,
    refused: Vec<RefusedEgress>,
    names: Vec<String>,
    known_names: BTreeSet<String>,
}

/// Bytes that a call takes of the record's bounds.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    bodies: usize,
    wire: usize,
    head: usize,
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
    room: Room,
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
        let before = inner.room;
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
        if !inner.is_held(&body.evidence) && !inner.has_room_for_body(&body.evidence) {
            body.evidence = described(&body.evidence);
            body.wire = Bytes::new();
        } else if body.wire == body.evidence {
            body.wire = body.evidence.clone();
        } else if !inner.is_held(&body.wire) && !inner.has_room_for_wire(&body.wire) {
            body.wire = Bytes::new();
        }
        inner.hold(&body.evidence);
        inner.hold(&body.wire);
        inner.seq += 1;
        let seq = inner.seq;
        let room = inner.room.since(before);
        inner.calls.push_back(RawCall {
            seq,
            clone,
            mcp: begun.mcp.clone(),
            at: begun.at,
            wall: begun.wall,
            latency,
            request,
            response,
            room,
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

    /// The position of the last call that is kept.
    pub(super) fn last(&self) -> u64 {
        self.lock().seq
    }

    /// Takes the first calls recorded since the last time, which makes room for more: as many as have
    /// that many bytes, and one at least. Time, positions and known names go on.
    pub(super) fn drain(&self, bytes: usize) -> Taken {
        let mut inner = self.lock();
        let (mut calls, mut taken) = (Vec::new(), 0);
        while taken < bytes
            && let Some(call) = inner.calls.pop_front()
        {
            taken = taken.saturating_add(call.room.sum());
            inner.room.free(call.room);
            calls.push(call);
        }
        // What is known again is counted with a call that is still there.
        inner.recent.clear();
        if inner.calls.is_empty() {
            inner.calls.shrink_to(SPARE);
        }
        Taken {
            calls,
            dropped: std::mem::take(&mut inner.dropped),
            refused: std::mem::take(&mut inner.refused),
            names: std::mem::take(&mut inner.names),
        }
    }

    /// Takes everything recorded so far.
    pub(super) fn take(&self) -> Taken {
        let inner = std::mem::take(&mut *self.lock());
        Taken {
            calls: inner.calls.into(),
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
        if self.calls.len() >= CALLS || self.room.head + head > HEADS {
            return false;
        }
        self.room.head += head;
        true
    }

    /// Whether these very bytes are those of a recent call.
    fn is_held(&self, body: &Bytes) -> bool {
        let mut recent = self.recent.iter();
        recent.any(|held| held.as_ptr() == body.as_ptr() && held.len() == body.len())
    }

    /// Knows a body again.
    fn hold(&mut self, body: &Bytes) {
        if body.is_empty() || body.len() > RECENT_BODY || self.is_held(body) {
            return;
        }
        self.recent.truncate(RECENT - 1);
        self.recent.push_front(body.clone());
    }

    /// Whether a body more is kept whole, for which it takes room.
    fn has_room_for_body(&mut self, body: &Bytes) -> bool {
        let fits = body.len() <= BODY && self.room.bodies + body.len() <= BODIES;
        if fits {
            self.room.bodies += body.len();
        }
        fits
    }

    /// The same for the bytes for a client, which have a room of their own: they take none from
    /// the evidence.
    fn has_room_for_wire(&mut self, wire: &Bytes) -> bool {
        let fits = wire.len() <= BODY && self.room.wire + wire.len() <= BODIES;
        if fits {
            self.room.wire += wire.len();
        }
        fits
    }
}

impl Room {
    /// What was taken since it was so much.
    fn since(self, before: Self) -> Self {
        Self {
            bodies: self.bodies.saturating_sub(before.bodies),
            wire: self.wire.saturating_sub(before.wire),
            head: self.head.saturating_sub(before.head),
        }
    }

    /// Gives back what a call took.
    fn free(&mut self, call: Self) {
        *self = self.since(call);
    }

    fn sum(self) -> usize {
        self.bodies + self.wire + self.head
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
#[path = "ledger_tests.rs"]
mod tests;
