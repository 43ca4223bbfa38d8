//! How many connections a session takes at a time, and who makes room when all seats are taken.
//!
//! A connection that has been idle for a while leaves first; one that is being answered only when
//! nothing of it has moved for long. So clients that connect and do nothing keep nobody out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Most seats, whatever the system allows: memory is bounded by them.
const MOST: usize = 2048;
/// Fewest seats.
const FEWEST: usize = 64;

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub(super) seats: usize,
    /// How long one may be idle before it makes room for another.
    pub(super) idle: Duration,
    /// How long one may take nothing of its answer.
    pub(super) stall: Duration,
    /// From the connection to the end of the TLS handshake.
    pub(super) handshake: Duration,
    /// For a request's head, and between two requests.
    pub(super) head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // Half of what may be open: archal needs files, and a connection handed on takes two.
        let open = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let open = open.current.and_then(|open| usize::try_from(open).ok());
        Self {
            seats: open.map_or(MOST, |open| (open / 2).clamp(FEWEST, MOST)),
            idle: Duration::from_secs(1),
            stall: Duration::from_secs(30),
            handshake: Duration::from_secs(15),
            head: Duration::from_secs(60),
        }
    }
}

/// The seats of a session.
pub(super) struct Seats {
    limits: Limits,
    opened: Instant,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    last: u64,
    seats: BTreeMap<u64, Arc<State>>,
}

struct State {
    /// When something of it moved last, in microseconds since the session began.
    moved: AtomicU64,
    /// What of it is being answered or handed on.
    at_work: AtomicUsize,
    leaves: watch::Sender<bool>,
}

/// A connection's seat; free when this is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    state: Arc<State>,
}

/// That a connection is being answered, while this is there.
pub(super) struct AtWork(Arc<State>);

impl Seats {
    /// All of them free.
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            opened: Instant::now(),
            taken: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Waits for a seat.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        loop {
            let freed = self.freed.notified();
            match self.try_take() {
                Ok(seat) => return seat,
                // Whether it was freed or has become one that may be, it is looked at again.
                Err(wait) => timeout(wait, freed).await.unwrap_or_default(),
            }
        }
    }

    /// A seat, or how long it takes until somebody may be asked to leave. Asks whoever may.
    fn try_take(self: &Arc<Self>) -> Result<Seat, Duration> {
        let now = self.now();
        let mut taken = self.taken();
        if taken.seats.len() < self.limits.seats {
            taken.last += 1;
            let number = taken.last;
            let state = Arc::new(State {
                moved: AtomicU64::new(now),
                at_work: AtomicUsize::new(0),
                leaves: watch::Sender::new(false),
            });
            taken.seats.insert(number, Arc::clone(&state));
            return Ok(Seat {
                seats: Arc::clone(self),
                number,
                state,
            });
        }
        let staying = taken.seats.values().filter(|one| !*one.leaves.borrow());
        let first = staying.min_by_key(|one| self.may_leave_at(one));
        let Some(first) = first else {
            return Err(self.limits.idle);
        };
        let at = self.may_leave_at(first);
        if at <= now {
            first.leaves.send_replace(true);
            return Err(self.limits.idle);
        }
        Err(Duration::from_micros(at - now))
    }

    fn may_leave_at(&self, one: &State) -> u64 {
        let patience = match one.at_work.load(Ordering::Relaxed) {
            0 => self.limits.idle,
            _ => self.limits.stall,
        };
        one.moved.load(Ordering::Relaxed) + micros(patience)
    }

    fn now(&self) -> u64 {
        micros(self.opened.elapsed())
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Every change is a single step.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Something of the connection moved.
    pub(super) fn moved(&self) {
        self.state.moved.store(self.seats.now(), Ordering::Relaxed);
    }

    /// The connection is being answered.
    pub(super) fn at_work(&self) -> AtWork {
        self.moved();
        self.state.at_work.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(&self.state))
    }

    /// How long a client may take nothing.
    pub(super) fn stall(&self) -> Duration {
        self.seats.limits.stall
    }

    /// Waits until the connection is to make room.
    pub(super) async fn left(&self) {
        // The sender is in the seat's own state, so it is there.
        self.state
            .leaves
            .subscribe()
            .wait_for(|leaves| *leaves)
            .await
            .ok();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
        self.seats.freed.notify_one();
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
