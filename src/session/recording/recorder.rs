//! What was recorded: the calls to named hosts, told as they come, and how often others were reached.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

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

/// Whom calls are told: each with its number, from zero in order of their beginning, when it begins,
/// when its request is there, and when it has ended. What is told last is all that is known of it.
pub type Sink = mpsc::Sender<(usize, Call)>;

/// What was recorded beside the calls themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// How many calls were told.
    pub calls: usize,
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
struct Open {
    call: Call,
    /// Whether its request is there, as far as it came.
    has_request: bool,
}

#[derive(Default)]
struct Inner {
    recorded: Recorded,
    /// Calls that have not ended.
    open: BTreeMap<usize, Open>,
    /// None once the recording has ended.
    sink: Option<Sink>,
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
    pub fn new(named: Vec<NamedHost>, clock: Arc<dyn Clock>, sink: Sink) -> Self {
        Self {
            named,
            clock,
            inner: Mutex::new(Inner {
                sink: Some(sink),
                ..Inner::default()
            }),
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
        if inner.recorded.calls >= CALLS || inner.heads + head > HEADS {
            inner.recorded.dropped += 1;
            return None;
        }
        inner.heads += head;
        let number = inner.recorded.calls;
        inner.recorded.calls += 1;
        let call = Call {
            started_at,
            method: method.to_owned(),
            url,
            request_headers,
            ..Call::default()
        };
        inner.tell(number, &call);
        let open = Open {
            call,
            has_request: false,
        };
        inner.open.insert(number, open);
        Some(number)
    }

    /// The head of the answer to a call.
    pub(super) fn answered(&self, call: usize, status: u16, headers: Vec<(String, String)>) {
        let mut inner = self.lock();
        let head = bytes(&headers);
        let has_room = inner.heads + head <= HEADS;
        if has_room {
            inner.heads += head;
        }
        if let Some(open) = inner.open.get_mut(&call) {
            open.call.status = Some(status);
            if has_room {
                open.call.response_headers = headers;
            }
        }
    }

    /// The body of a request, as far as it came.
    pub(super) fn requested(&self, call: usize, body: Captured) {
        let mut inner = self.lock();
        let Some(open) = inner.open.get_mut(&call) else {
            return;
        };
        let has_ended = open.call.ended_at.is_some();
        let is_empty = body.length == 0;
        open.call.request = body;
        open.has_request = true;
        let told = open.call.clone();
        if has_ended {
            inner.open.remove(&call);
        }
        if has_ended || !is_empty {
            inner.tell(call, &told);
        }
    }

    /// The body of an answer, as far as it came; `error` says why that is not all.
    pub(super) fn ended(&self, call: usize, body: Captured, error: Option<String>) {
        self.close(call, |call| {
            call.response = body;
            call.error = error;
        });
    }

    /// A call that got no answer.
    pub(super) fn failed(&self, call: usize, error: String) {
        self.ended(call, Captured::default(), Some(error));
    }

    /// A call whose connection speaks something else from now on.
    pub(super) fn upgraded(&self, call: usize, to: String) {
        self.close(call, |call| call.upgraded = Some(to));
    }

    fn close(&self, number: usize, with: impl FnOnce(&mut Call)) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Some(mut open) = inner.open.remove(&number) else {
            return;
        };
        open.call.ended_at = Some(now);
        with(&mut open.call);
        inner.tell(number, &open.call);
        // An answer may come before the whole request went through.
        if !open.has_request {
            inner.open.insert(number, open);
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

    /// Ends it: what was recorded beside the calls, of which no more are told.
    pub(super) fn take(&self) -> Recorded {
        std::mem::take(&mut *self.lock()).recorded
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change leaves a whole record behind it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&self, number: usize, call: &Call) {
        if let Some(sink) = &self.sink {
            // Who does not listen any more has ended, and archal with it.
            sink.send((number, call.clone())).ok();
        }
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

    type Told = mpsc::Receiver<(usize, Call)>;

    fn recorder() -> (Arc<FakeClock>, Recorder, Told) {
        let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        let named = vec![NamedHost::of_service("api.echo.test")];
        let (sink, told) = mpsc::channel();
        let recorder = Recorder::new(named, Arc::<FakeClock>::clone(&clock), sink);
        (clock, recorder, told)
    }

    #[test]
    fn a_call_is_told_with_its_times_and_one_without_an_answer_says_why() {
        let (clock, recorder, told) = recorder();
        let url = "https://api.echo.test/".to_owned();
        let first = recorder.begin("GET", url.clone(), vec![]).expect("room");
        let second = recorder.begin("GET", url, vec![]).expect("room");
        recorder.answered(first, 200, vec![("a".to_owned(), "b".to_owned())]);
        clock.advance(Duration::from_secs(2));
        recorder.ended(first, Captured::default(), None);
        recorder.failed(second, "nobody listens".to_owned());
        assert_eq!(recorder.take().calls, 2);
        let calls: BTreeMap<usize, Call> = told.iter().collect();
        assert_eq!(calls[&first].status, Some(200));
        assert_eq!(calls[&first].ended_at.map(|at| at.as_second()), Some(2));
        assert_eq!(calls[&second].error.as_deref(), Some("nobody listens"));
        assert_eq!(calls[&second].status, None);
    }

    #[test]
    fn what_is_known_of_a_call_is_told_as_it_comes() {
        let (_, recorder, told) = recorder();
        let body = |length| Captured {
            length,
            ..Captured::default()
        };
        let call = recorder.begin("PUT", String::new(), vec![]).expect("room");
        let (_, begun) = told.try_recv().expect("at once");
        assert_eq!((begun.method.as_str(), begun.ended_at), ("PUT", None));
        recorder.requested(call, body(3));
        assert_eq!(told.try_recv().expect("at once").1.request.length, 3);
        recorder.ended(call, body(5), None);
        let (number, ended) = told.try_recv().expect("at once");
        assert_eq!(
            (number, ended.request.length, ended.response.length),
            (call, 3, 5)
        );
        // The answer comes before the rest of the request.
        let early = recorder.begin("PUT", String::new(), vec![]).expect("room");
        recorder.ended(early, body(5), None);
        recorder.requested(early, body(7));
        let last = told.try_iter().last().expect("told");
        assert_eq!(
            (last.0, last.1.request.length, last.1.response.length),
            (early, 7, 5)
        );
        recorder.take();
        recorder.requested(call, body(9));
        assert!(told.recv().is_err(), "it has ended");
    }

    #[test]
    fn what_is_beyond_the_bounds_goes_through_and_is_counted() {
        let (_, recorder, _told) = recorder();
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
        assert_eq!((recorded.calls, recorded.dropped), (1, 1));
        assert_eq!(recorded.passed.len(), OTHERS + 1);
        let more = Passed {
            connections: 5,
            failed: 2,
        };
        assert_eq!(recorded.passed[MORE], more);
    }
}
