//! What waits to be delivered and what became of it, in order; the thread that sends.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::clone::{Attempt, Delivery, FaultEffect, Missed, Receipt};
use tokio::sync::mpsc as orders;

use super::super::inside::Inside;
use super::send::{Outcome, Target, send};
use super::tls::Trust;

/// Most deliveries that are kept until they are written; later ones are counted.
const KEPT: usize = 10_000;
/// Most bytes of their bodies.
const BYTES: usize = 64 * 1024 * 1024;
/// Most deliveries that are remembered, and bytes of their bodies.
const RECENT: usize = 1_000;
const RECENT_BYTES: usize = 16 * 1024 * 1024;
/// Most attempts that wait for their clone to be called.
const UNTOLD: usize = 250;
/// How long what waits may take before a state is put away or the session ends: as long as the
/// answer to one.
const DRAIN: Duration = Duration::from_secs(10);

/// A delivery and what became of it.
#[derive(Debug)]
pub(in crate::session) struct Posted {
    /// Its number: of the first delivery of the session it is 1.
    number: u64,
    /// The position of the call that caused it, where the call is in the record.
    pub(in crate::session) seq: Option<u64>,
    /// The virtual time at which it was let go, or came to be held.
    at: Timestamp,
    /// The position of the clone in the session.
    pub(in crate::session) clone: usize,
    /// What went wrong on purpose with that call.
    pub(in crate::session) fault: Option<FaultEffect>,
    /// What is delivered.
    pub(in crate::session) delivery: Arc<Delivery>,
    /// Whether it is on its way, or was.
    begun: bool,
    /// What it came to; none while it waits or is on its way.
    pub(in crate::session) outcome: Option<Outcome>,
}

/// The deliveries of a session. Those of one webhook go one after the other.
#[derive(Debug)]
pub(in crate::session) struct Outbox {
    inside: Inside,
    kept: Arc<Kept>,
    sender: Mutex<Option<Sender>>,
}

#[derive(Debug, Default)]
struct Kept {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// Whether what comes waits until somebody asks for it.
    holds: bool,
    /// The last ones with what became of them, for whoever looks at them or wants them again.
    recent: VecDeque<Recent>,
    recent_bytes: usize,
    /// Those that wait until somebody asks for them, by number. They hold up none of the others.
    held: BTreeMap<u64, Posted>,
    /// Those that were let go or given up, in that order.
    posted: VecDeque<Posted>,
    /// How many were taken from these before.
    first: u64,
    /// The number of the last delivery.
    last: u64,
    /// Bytes of all that are kept.
    bytes: usize,
    /// How many have no outcome.
    open: usize,
    dropped: u64,
    /// What the clones have not been told of what became of their deliveries.
    untold: VecDeque<(usize, Attempt)>,
}

/// A delivery as it is remembered.
#[derive(Debug, Clone)]
pub(in crate::session) struct Recent {
    /// Its number: of the first delivery of the session it is 1.
    pub(in crate::session) number: u64,
    /// The number of the delivery that it repeats.
    pub(in crate::session) again: Option<u64>,
    /// The position of the clone in the session.
    pub(in crate::session) clone: usize,
    /// What is delivered.
    pub(in crate::session) delivery: Arc<Delivery>,
    /// Whether it waits until somebody asks for it.
    pub(in crate::session) held: bool,
    /// What it came to; none while it waits or is on its way.
    pub(in crate::session) outcome: Option<Outcome>,
}

/// Why a delivery is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum NotAgain {
    /// There is none of that number, or it is long ago.
    Unknown,
    /// It has not been sent yet.
    Waits,
}

/// A delivery that comes.
struct New {
    seq: Option<u64>,
    at: Timestamp,
    clone: usize,
    fault: Option<FaultEffect>,
    delivery: Arc<Delivery>,
    /// The number of the one that it repeats.
    again: Option<u64>,
}

#[derive(Debug)]
struct Sender {
    orders: orders::UnboundedSender<Order>,
    thread: JoinHandle<()>,
}

/// A delivery that is to be sent.
#[derive(Debug)]
struct Order {
    /// Its position among all that were let go.
    at: u64,
    /// Deliveries of one queue go one after the other.
    queue: (usize, String),
    target: Target,
    delivery: Arc<Delivery>,
}

impl Outbox {
    /// An empty one, whose deliveries go to what listens inside.
    pub(in crate::session) fn new(inside: Inside) -> Self {
        Self {
            inside,
            kept: Arc::default(),
            sender: Mutex::default(),
        }
    }

    /// Takes what a call at a virtual time tells webhooks; returns at once.
    pub(in crate::session) fn post(
        &self,
        seq: Option<u64>,
        at: Timestamp,
        clone: usize,
        fault: Option<FaultEffect>,
        deliveries: Vec<Delivery>,
    ) {
        for delivery in deliveries {
            let holds = self.kept.lock().holds;
            let new = New {
                seq,
                at,
                clone,
                fault,
                delivery: Arc::new(delivery),
                again: None,
            };
            self.put(new, holds);
        }
    }

    /// Keeps a delivery, and begins to send it unless it is held; its number where it was kept.
    fn put(&self, new: New, holds: bool) -> Option<u64> {
        let New {
            seq,
            at,
            clone,
            fault,
            delivery,
            again,
        } = new;
        let target = Target::of(&delivery);
        let mut inner = self.kept.lock();
        let bytes = size(&delivery);
        let kept = inner.posted.len() + inner.held.len();
        if kept >= KEPT || inner.bytes + bytes > BYTES {
            inner.dropped += 1;
            return None;
        }
        inner.last += 1;
        let number = inner.last;
        let (outcome, target) = match target {
            Ok(target) => (None, Some(target)),
            Err(reason) => (Some(Outcome::NotSent(reason)), None),
        };
        let held = holds && target.is_some();
        inner.bytes += bytes;
        inner.remember(Recent {
            number,
            again,
            clone,
            delivery: Arc::clone(&delivery),
            held,
            outcome: outcome.clone(),
        });
        let posted = Posted {
            number,
            seq,
            at,
            clone,
            fault,
            delivery,
            begun: false,
            outcome,
        };
        if held {
            inner.held.insert(number, posted);
            return Some(number);
        }
        if target.is_none() {
            let (clone, attempt) = attempt(&posted, Duration::ZERO, Err(Missed::Unreachable));
            inner.tell(clone, attempt);
        }
        let order = inner.let_go(posted, target);
        drop(inner);
        self.send(order);
        Some(number)
    }

    fn send(&self, order: Option<Order>) {
        let Some(order) = order else {
            return;
        };
        let at = order.at;
        if !self.order(order) {
            let reason = "archal could not start its sender".to_owned();
            let missed = Err(Missed::Unreachable);
            self.kept
                .end(at, (Outcome::NotSent(reason), missed), Duration::ZERO);
        }
    }

    /// Lets deliveries wait until somebody asks for them, or go at once from now on.
    pub(in crate::session) fn hold(&self, holds: bool) {
        self.kept.lock().holds = holds;
    }

    /// Whether they wait, and the last ones.
    pub(in crate::session) fn recent(&self) -> (bool, Vec<Recent>) {
        let inner = self.kept.lock();
        (inner.holds, inner.recent.iter().cloned().collect())
    }

    /// Sends what is held, at a virtual time: those of these numbers, or all. Gives back the numbers
    /// of those that are on their way now.
    pub(in crate::session) fn deliver(&self, wanted: &[u64], at: Timestamp) -> Vec<u64> {
        let mut inner = self.kept.lock();
        let is_wanted = |number: &u64| wanted.is_empty() || wanted.contains(number);
        let sent: Vec<u64> = inner.held.keys().copied().filter(is_wanted).collect();
        let mut orders = Vec::new();
        for number in &sent {
            if let Some(recent) = inner.recent_of(*number) {
                recent.held = false;
            }
            if let Some(mut posted) = inner.held.remove(number) {
                posted.at = at;
                // That it can be sent was seen when it was held.
                let target = Target::of(&posted.delivery).ok();
                orders.push(inner.let_go(posted, target));
            }
        }
        drop(inner);
        for order in orders {
            self.send(order);
        }
        sent
    }

    /// Sends a delivery once more, as it was, at a virtual time; the number of the new one.
    ///
    /// # Errors
    ///
    /// When it is not known, or has not been sent.
    pub(in crate::session) fn again(&self, number: u64, at: Timestamp) -> Result<u64, NotAgain> {
        let found = self.kept.lock().recent_of(number).cloned();
        let found = found.ok_or(NotAgain::Unknown)?;
        if found.outcome.is_none() {
            return Err(NotAgain::Waits);
        }
        let mut delivery = Arc::unwrap_or_clone(found.delivery);
        delivery.again = true;
        let new = New {
            seq: None,
            at,
            clone: found.clone,
            fault: None,
            delivery: Arc::new(delivery),
            again: Some(number),
        };
        self.put(new, false).ok_or(NotAgain::Unknown)
    }

    /// Takes what became of the deliveries of a clone since it was asked last.
    pub(in crate::session) fn untold(&self, clone: usize) -> Vec<Attempt> {
        let mut inner = self.kept.lock();
        if inner.untold.is_empty() {
            return Vec::new();
        }
        let untold = std::mem::take(&mut inner.untold);
        let (own, others) = untold.into_iter().partition(|(of, _)| *of == clone);
        inner.untold = others;
        let own: VecDeque<(usize, Attempt)> = own;
        own.into_iter().map(|(_, attempt)| attempt).collect()
    }

    /// Waits until it is known what these came to, at most as long as one may take; the last ones.
    pub(in crate::session) fn known(&self, numbers: &[u64]) -> Vec<Recent> {
        let open = |inner: &mut Inner| {
            let mut recent = inner.recent.iter();
            recent.any(|one| numbers.contains(&one.number) && one.outcome.is_none())
        };
        let kept = self.kept.lock();
        let waited = self.kept.changed.wait_timeout_while(kept, DRAIN, open);
        let inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        let wanted = |one: &&Recent| numbers.contains(&one.number);
        inner.recent.iter().filter(wanted).cloned().collect()
    }

    /// Waits until nothing waits, for a while; what is left then is not sent.
    pub(in crate::session) fn drain(&self, why: &str) {
        let waited = self
            .kept
            .changed
            .wait_timeout_while(self.kept.lock(), DRAIN, |inner| inner.open > 0);
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        let mut given_up = Vec::new();
        for posted in &mut inner.posted {
            if posted.outcome.is_some() {
                continue;
            }
            let outcome = match posted.begun {
                true => Outcome::Failed(why.to_owned()),
                false => Outcome::NotSent(why.to_owned()),
            };
            posted.outcome = Some(outcome.clone());
            given_up.push((posted.number, outcome));
        }
        for (number, mut posted) in std::mem::take(&mut inner.held) {
            let outcome = Outcome::NotSent(format!("nobody asked for it; {why}"));
            posted.outcome = Some(outcome.clone());
            inner.posted.push_back(posted);
            given_up.push((number, outcome));
        }
        for (number, outcome) in given_up {
            inner.end_recent(number, outcome);
        }
        inner.open = 0;
    }

    /// The same, and ends the thread that sends.
    pub(in crate::session) fn close(&self) {
        self.drain("the session ended first");
        let sender = self.sender().take();
        if let Some(sender) = sender {
            drop(sender.orders);
            sender.thread.join().ok();
        }
    }

    /// Takes those whose outcome is known, in the order in which they were let go, up to the first
    /// whose is not, and how many were never kept.
    pub(in crate::session) fn take(&self) -> (Vec<Posted>, u64) {
        let mut inner = self.kept.lock();
        let known = |posted: &Posted| posted.outcome.is_some();
        let count = inner.posted.iter().take_while(|one| known(one)).count();
        let taken: Vec<Posted> = inner.posted.drain(..count).collect();
        inner.first += count as u64;
        let bytes = |posted: &Posted| size(&posted.delivery);
        inner.bytes -= taken.iter().map(bytes).sum::<usize>();
        (taken, std::mem::take(&mut inner.dropped))
    }

    /// Hands an order to the thread, which begins with the first; whether there is one.
    fn order(&self, order: Order) -> bool {
        let mut sender = self.sender();
        if sender.is_none() {
            *sender = begin(self.inside.clone(), Arc::clone(&self.kept)).ok();
        }
        sender
            .as_ref()
            .is_some_and(|sender| sender.orders.send(order).is_ok())
    }

    fn sender(&self) -> MutexGuard<'_, Option<Sender>> {
        // Every change is a single step.
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let sender = self.sender().take();
        if let Some(sender) = sender {
            drop(sender.orders);
            sender.thread.join().ok();
        }
    }
}

impl Kept {
    /// Takes a delivery up; whether nobody gave it up before.
    fn take_up(&self, at: u64) -> bool {
        let mut inner = self.lock();
        let posted = inner.at(at).filter(|one| one.outcome.is_none());
        posted.is_some_and(|one| {
            one.begun = true;
            true
        })
    }

    /// Says what became of a delivery, and how long that took.
    fn end(&self, at: u64, came: (Outcome, Result<Receipt, Missed>), took: Duration) {
        let (outcome, receipt) = came;
        let mut inner = self.lock();
        let Some(posted) = inner.at(at).filter(|one| one.outcome.is_none()) else {
            return;
        };
        posted.outcome = Some(outcome.clone());
        let number = posted.number;
        let (clone, attempt) = attempt(posted, took, receipt);
        inner.tell(clone, attempt);
        inner.open -= 1;
        inner.end_recent(number, outcome);
        drop(inner);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whatever was left half done is a delivery more or less.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remember(&mut self, recent: Recent) {
        self.recent_bytes += size(&recent.delivery);
        self.recent.push_back(recent);
        while self.recent.len() > RECENT || self.recent_bytes > RECENT_BYTES {
            let Some(old) = self.recent.pop_front() else {
                break;
            };
            self.recent_bytes -= size(&old.delivery);
        }
    }

    fn recent_of(&mut self, number: u64) -> Option<&mut Recent> {
        self.recent.iter_mut().find(|one| one.number == number)
    }

    fn end_recent(&mut self, number: u64, outcome: Outcome) {
        if let Some(recent) = self.recent_of(number) {
            recent.held = false;
            recent.outcome = Some(outcome);
        }
    }

    /// Keeps what became of a delivery for its clone.
    fn tell(&mut self, clone: usize, attempt: Attempt) {
        self.untold.push_back((clone, attempt));
        if self.untold.len() > UNTOLD {
            self.untold.pop_front();
        }
    }

    /// Puts a delivery behind those that were let go; the order to send it, where it can be sent.
    fn let_go(&mut self, posted: Posted, target: Option<Target>) -> Option<Order> {
        let order = target.map(|target| Order {
            at: self.first + self.posted.len() as u64,
            queue: (posted.clone, posted.delivery.hook.clone()),
            target,
            delivery: Arc::clone(&posted.delivery),
        });
        self.open += usize::from(order.is_some());
        self.posted.push_back(posted);
        order
    }

    fn at(&mut self, at: u64) -> Option<&mut Posted> {
        let at = at.checked_sub(self.first)?;
        self.posted.get_mut(usize::try_from(at).ok()?)
    }
}

/// What a clone is told of a delivery.
fn attempt(posted: &Posted, took: Duration, outcome: Result<Receipt, Missed>) -> (usize, Attempt) {
    let attempt = Attempt {
        delivery: Arc::clone(&posted.delivery),
        at: posted.at,
        took,
        outcome,
    };
    (posted.clone, attempt)
}

/// Bytes of a delivery's body, as it is sent and as evidence has it.
fn size(delivery: &Delivery) -> usize {
    delivery.body.wire.len() + delivery.body.evidence.len()
}

/// Starts the thread that sends.
fn begin(inside: Inside, kept: Arc<Kept>) -> io::Result<Sender> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let (orders, received) = orders::unbounded_channel();
    let thread = std::thread::Builder::new()
        .name("archal-webhooks".to_owned())
        .spawn(move || {
            runtime.block_on(share_out(inside, kept, received));
            // A receiver that hangs is not waited for.
            runtime.shutdown_background();
        })?;
    Ok(Sender { orders, thread })
}

/// Gives each webhook a task of its own, so that none waits for another's receiver.
async fn share_out(
    inside: Inside,
    kept: Arc<Kept>,
    mut received: orders::UnboundedReceiver<Order>,
) {
    let trust = Arc::new(Trust::default());
    let mut queues: HashMap<(usize, String), orders::UnboundedSender<Order>> = HashMap::new();
    while let Some(order) = received.recv().await {
        let queue = queues.entry(order.queue.clone()).or_insert_with(|| {
            let (queue, received) = orders::unbounded_channel();
            let (inside, trust) = (inside.clone(), Arc::clone(&trust));
            tokio::spawn(work_off(inside, trust, Arc::clone(&kept), received));
            queue
        });
        // The task ends only with its queue.
        queue.send(order).ok();
    }
}

async fn work_off(
    inside: Inside,
    trust: Arc<Trust>,
    kept: Arc<Kept>,
    mut queue: orders::UnboundedReceiver<Order>,
) {
    while let Some(order) = queue.recv().await {
        if kept.take_up(order.at) {
            let begun = tokio::time::Instant::now();
            let came = send(inside.clone(), &trust, &order.target, &order.delivery).await;
            kept.end(order.at, came, begun.elapsed());
        }
    }
}
