//! What was recorded: the calls to named hosts, and how often others were reached.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::{Clock, Timestamp};

use super::body::Captured;
use super::named::NamedHost;

/// Most bytes of one body that are kept; of a longer one length and hash.
pub(super) const BODY: usize = 4 << 20;
/// Most bytes of all bodies that are kept.
const BODIES: usize = 64 << 20;
/// Most calls that are kept; later ones go through and are counted.
const CALLS: usize = 50_000;
/// Most bytes that are kept of all that is not a body.
const HEADS: usize = 32 << 20;
/// Most hosts that are counted one by one.
const OTHERS: usize = 10_000;
/// What the later ones are counted as.
const MORE: &str = "others";

/// A call of a named host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// When the request came.
    pub started_at: Timestamp,
    /// When the answer had gone through, or had failed.
    pub ended_at: Option<Timestamp>,
    /// The method in capitals.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// The request's headers, names in lower case.
    pub request_headers: Vec<(String, String)>,
    /// Its body.
    pub request: Captured,
    /// The status; none where no answer came.
    pub status: Option<u16>,
    /// The answer's headers, names in lower case.
    pub response_headers: Vec<(String, String)>,
    /// Its body.
    pub response: Captured,
    /// Why there is no answer, or only a part of one.
    pub error: Option<String>,
    /// What the connection was made into, `websocket`; nothing of that is recorded.
    pub upgraded: Option<String>,
}

/// How often a host was reached whose calls are not recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Connections.
    pub connections: u64,
    /// Those of them that could not be made.
    pub failed: u64,
}

/// Everything recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// The calls in order of their beginning.
    pub calls: Vec<Call>,
    /// Calls that went through when the record was full.
    pub dropped: u64,
    /// Other hosts, as `host:port`.
    pub passed: BTreeMap<String, Passed>,
    /// Handshakes of clients with named hosts that failed, by host, and why.
    pub distrust: BTreeMap<String, String>,
}

/// Takes what goes through.
pub struct Recorder {
    named: Vec<NamedHost>,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    recorded: Recorded,
    /// Bytes of bodies that are kept.
    bodies: usize,
    /// Bytes of the rest.
    heads: usize,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("named", &self.named)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// An empty record of those hosts.
    pub fn new(named: Vec<NamedHost>, clock: Arc<dyn Clock>) -> Self {
        Self {
            named,
            clock,
            inner: Mutex::default(),
        }
    }

    /// The hosts.
    pub(super) fn named(&self) -> &[NamedHost] {
        &self.named
    }

    /// Whether calls to a port of a host, lower case, are recorded.
    pub(super) fn takes(&self, host: &str, port: u16) -> bool {
        self.named.iter().any(|named| named.takes(host, port))
    }

    /// Whether calls to some host on that port are.
    pub(super) fn takes_port(&self, port: u16) -> bool {
        self.named.iter().any(|named| named.ports().contains(&port))
    }

    /// A call that begins; its position, where there is room for it.
    pub(super) fn begin(
        &self,
        method: &str,
        url: String,
        request_headers: Vec<(String, String)>,
    ) -> Option<usize> {
        let started_at = self.clock.now();
        let mut inner = self.lock();
        let head = method.len() + url.len() + bytes(&request_headers);
        if inner.recorded.calls.len() >= CALLS || inner.heads + head > HEADS {
            inner.recorded.dropped += 1;
            return None;
        }
        inner.heads += head;
        inner.recorded.calls.push(Call {
            started_at,
            method: method.to_owned(),
            url,
            request_headers,
            ..Call::default()
        });
        Some(inner.recorded.calls.len() - 1)
    }

    /// The head of the answer to a call.
    pub(super) fn answered(&self, call: usize, status: u16, headers: Vec<(String, String)>) {
        let mut inner = self.lock();
        let head = bytes(&headers);
        let has_room = inner.heads + head <= HEADS;
        if has_room {
            inner.heads += head;
        }
        if let Some(call) = inner.recorded.calls.get_mut(call) {
            call.status = Some(status);
            if has_room {
                call.response_headers = headers;
            }
        }
    }

    /// The body of a request, as far as it came.
    pub(super) fn requested(&self, call: usize, body: Captured) {
        if let Some(call) = self.lock().recorded.calls.get_mut(call) {
            call.request = body;
        }
    }

    /// The body of an answer, as far as it came; `error` says why that is not all.
    pub(super) fn ended(&self, call: usize, body: Captured, error: Option<String>) {
        let now = self.clock.now();
        if let Some(call) = self.lock().recorded.calls.get_mut(call) {
            call.ended_at = Some(now);
            call.response = body;
            call.error = error;
        }
    }

    /// A call that got no answer.
    pub(super) fn failed(&self, call: usize, error: String) {
        self.ended(call, Captured::default(), Some(error));
    }

    /// A call whose connection speaks something else from now on.
    pub(super) fn upgraded(&self, call: usize, to: String) {
        let now = self.clock.now();
        if let Some(call) = self.lock().recorded.calls.get_mut(call) {
            call.ended_at = Some(now);
            call.upgraded = Some(to);
        }
    }

    /// A connection that is not looked into; whether it was made.
    pub(super) fn pass(&self, host: &str, port: u16, is_made: bool) {
        let mut inner = self.lock();
        let passed = &mut inner.recorded.passed;
        let place = format!("{host}:{port}");
        let place = match passed.len() < OTHERS || passed.contains_key(&place) {
            true => place,
            false => MORE.to_owned(),
        };
        let passed = passed.entry(place).or_default();
        passed.connections += 1;
        passed.failed += u64::from(!is_made);
    }

    /// A client that did not go on with the handshake.
    pub(super) fn distrusted(&self, host: &str, reason: String) {
        let mut inner = self.lock();
        let distrust = &mut inner.recorded.distrust;
        if distrust.len() < OTHERS {
            distrust.insert(host.to_owned(), reason);
        }
    }

    /// Takes room for bytes of a body, where there is some.
    pub(super) fn take_room(&self, bytes: usize) -> bool {
        let mut inner = self.lock();
        let fits = inner.bodies + bytes <= BODIES;
        if fits {
            inner.bodies += bytes;
        }
        fits
    }

    /// Gives room back.
    pub(super) fn give_room(&self, bytes: usize) {
        let mut inner = self.lock();
        inner.bodies = inner.bodies.saturating_sub(bytes);
    }

    /// Everything recorded so far.
    pub(super) fn take(&self) -> Recorded {
        std::mem::take(&mut *self.lock()).recorded
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change leaves a whole record behind it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(headers: &[(String, String)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use archal_core::clock::FakeClock;

    use super::*;

    fn recorder() -> (Arc<FakeClock>, Recorder) {
        let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        let named = vec![NamedHost::of_service("api.echo.test")];
        let recorder = Recorder::new(named, Arc::<FakeClock>::clone(&clock));
        (clock, recorder)
    }

    #[test]
    fn a_call_is_kept_with_its_times_and_one_without_an_answer_says_why() {
        let (clock, recorder) = recorder();
        let url = "https://api.echo.test/".to_owned();
        let first = recorder.begin("GET", url.clone(), vec![]).expect("room");
        let second = recorder.begin("GET", url, vec![]).expect("room");
        recorder.answered(first, 200, vec![("a".to_owned(), "b".to_owned())]);
        clock.advance(Duration::from_secs(2));
        recorder.ended(first, Captured::default(), None);
        recorder.failed(second, "nobody listens".to_owned());
        let calls = recorder.take().calls;
        assert_eq!(calls[0].status, Some(200));
        assert_eq!(calls[0].ended_at.map(|at| at.as_second()), Some(2));
        assert_eq!(calls[1].error.as_deref(), Some("nobody listens"));
        assert_eq!(calls[1].status, None);
    }

    #[test]
    fn what_is_beyond_the_bounds_goes_through_and_is_counted() {
        let (_, recorder) = recorder();
        let long = "x".repeat(HEADS / 2);
        assert!(recorder.begin("GET", long.clone(), vec![]).is_some());
        assert_eq!(recorder.begin("GET", long, vec![]), None);
        assert!(recorder.take_room(BODIES));
        assert!(!recorder.take_room(1));
        recorder.give_room(1);
        assert!(recorder.take_room(1));
        for host in 0..OTHERS + 5 {
            recorder.pass(&format!("h{host}"), 443, host % 2 == 0);
        }
        let recorded = recorder.take();
        assert_eq!((recorded.calls.len(), recorded.dropped), (1, 1));
        assert_eq!(recorded.passed.len(), OTHERS + 1);
        let more = Passed {
            connections: 5,
            failed: 2,
        };
        assert_eq!(recorded.passed[MORE], more);
    }
}
