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

use super::evidence::RefusedEgress;

/// The least step of virtual time between two calls.
const STEP: Duration = Duration::from_millis(1);
/// Most bytes of one body kept; of a longer one the record has length and hash.
const BODY: usize = 4 * 1024 * 1024;
/// Most bytes of all bodies kept; of later ones the record has length and hash.
const BODIES: usize = 128 * 1024 * 1024;
/// Most refusals and names kept; an agent in a loop makes more of the same.
const KEPT: usize = 10_000;

/// The record of a session.
pub(super) struct Ledger {
    base: Timestamp,
    clock: Arc<dyn Clock>,
    opened: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: Duration,
    body_bytes: usize,
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
    /// Virtual time.
    pub(super) at: Timestamp,
    /// Wall time.
    pub(super) wall: Timestamp,
    /// From the whole request read to the response handed over.
    pub(super) latency: Duration,
    /// What was asked.
    pub(super) request: CloneRequest,
    /// What was answered.
    pub(super) response: CloneResponse,
}

/// Everything recorded, in order.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) calls: Vec<RawCall>,
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
}

impl Ledger {
    /// An empty record that begins now, at virtual time `base`.
    pub(super) fn new(base: Timestamp, clock: Arc<dyn Clock>) -> Self {
        let opened = clock.monotonic();
        Self {
            base,
            clock,
            opened,
            inner: Mutex::new(Inner::default()),
        }
    }

    /// Virtual now at the start.
    pub(super) fn base(&self) -> Timestamp {
        self.base
    }

    /// Moves virtual time on: with real time, and at least a millisecond a call.
    pub(super) fn begin(&self) -> Begun {
        let started = self.clock.monotonic();
        let mut inner = self.lock();
        inner.last = (inner.last + STEP).max(started.saturating_sub(self.opened));
        Begun {
            at: self.base.checked_add(inner.last).unwrap_or(Timestamp::MAX),
            wall: self.clock.now(),
            started,
        }
    }

    /// Records a call that was begun.
    pub(super) fn end(
        &self,
        begun: &Begun,
        clone: usize,
        mut request: CloneRequest,
        mut response: CloneResponse,
    ) {
        let latency = self.clock.monotonic().saturating_sub(begun.started);
        let mut inner = self.lock();
        request.body = inner.within_bounds(request.body);
        response.body.evidence = inner.within_bounds(response.body.evidence);
        let seq = inner.calls.len() as u64 + 1;
        inner.calls.push(RawCall {
            seq,
            clone,
            at: begun.at,
            wall: begun.wall,
            latency,
            request,
            response,
        });
    }

    /// Records something that was refused or failed.
    pub(super) fn refuse(&self, kind: &str, host: &str, port: Option<u16>, reason: &str) {
        let mut inner = self.lock();
        if inner.refused.len() < KEPT {
            inner.refused.push(RefusedEgress {
                kind: kind.to_owned(),
                host: host.to_owned(),
                port,
                reason: reason.to_owned(),
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

    /// Takes everything recorded so far.
    pub(super) fn take(&self) -> Taken {
        let inner = std::mem::take(&mut *self.lock());
        Taken {
            calls: inner.calls,
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
    /// The body, or a JSON string that says what it was where there is no room for it.
    fn within_bounds(&mut self, body: Bytes) -> Bytes {
        if body.len() <= BODY && self.body_bytes + body.len() <= BODIES {
            self.body_bytes += body.len();
            return body;
        }
        let described = format!("\"[{} bytes, {}]\"", body.len(), hash::sha256(&body));
        Bytes::from(described)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archal_core::clock::FakeClock;

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
        assert_eq!(inner.within_bounds(small.clone()), small);
        let long = Bytes::from(vec![b'x'; BODY + 1]);
        let described = inner.within_bounds(long);
        assert!(
            described.starts_with(b"\"[4194305 bytes, sha256:"),
            "{described:?}"
        );
        inner.body_bytes = BODIES - 1;
        assert_ne!(inner.within_bounds(small.clone()), small);
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
