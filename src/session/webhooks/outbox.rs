//! What waits to be delivered and what became of it, in order; the thread that sends.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use archal_core::clone::{Delivery, FaultEffect};
use tokio::sync::mpsc as orders;

use super::super::inside::Inside;
use super::send::{Outcome, Target, send};

/// Most deliveries that are kept until they are written; later ones are counted.
const KEPT: usize = 10_000;
/// Most bytes of their bodies.
const BYTES: usize = 64 * 1024 * 1024;
/// Most deliveries that are remembered, and bytes of their bodies.
const RECENT: usize = 1_000;
const RECENT_BYTES: usize = 16 * 1024 * 1024;
/// How long what waits may take before a state is put away or the session ends: as long as the
/// answer to one.
const DRAIN: Duration = Duration::from_secs(10);

/// A delivery and what became of it.
#[derive(Debug)]
pub(in crate::session) struct Posted {
    /// The position of the call that caused it, where the call is in the record.
    pub(in crate::session) seq: Option<u64>,
    /// The position of the clone in the session.
    pub(in crate::session) clone: usize,
    /// What went wrong on purpose with that call.
    pub(in crate::session) fault: Option<FaultEffect>,
    /// What is delivered.
    pub(in crate::session) delivery: Arc<Delivery>,
    /// Whether it waits until somebody asks for it.
    pub(in crate::session) held: bool,
    /// Whether it is on its way, or was.
    pub(in crate::session) begun: bool,
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
    posted: VecDeque<Posted>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    /// How many have no outcome.
    open: usize,
    dropped: u64,
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

#[derive(Debug)]
struct Sender {
    orders: orders::UnboundedSender<Order>,
    thread: JoinHandle<()>,
}

/// A delivery that is to be sent.
#[derive(Debug)]
struct Order {
    number: u64,
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

    /// Takes what a call tells webhooks; returns at once.
    pub(in crate::session) fn post(
        &self,
        seq: Option<u64>,
        clone: usize,
        fault: Option<FaultEffect>,
        deliveries: Vec<Delivery>,
    ) {
        for delivery in deliveries {
            let holds = self.kept.lock().holds;
            self.put(seq, clone, fault, Arc::new(delivery), holds, None);
        }
    }

    /// Keeps a delivery, and begins to send it unless it is held; its number where it was kept.
    fn put(
        &self,
        seq: Option<u64>,
        clone: usize,
        fault: Option<FaultEffect>,
        delivery: Arc<Delivery>,
        holds: bool,
        again: Option<u64>,
    ) -> Option<u64> {
        let target = Target::of(&delivery);
        let mut inner = self.kept.lock();
        let bytes = size(&delivery);
        if inner.posted.len() >= KEPT || inner.bytes + bytes > BYTES {
            inner.dropped += 1;
            return None;
        }
        let number = inner.first + inner.posted.len() as u64;
        let (outcome, target) = match target {
            Ok(target) => (None, Some(target)),
            Err(reason) => (Some(Outcome::NotSent(reason)), None),
        };
        let held = holds && target.is_some();
        inner.bytes += bytes;
        inner.open += usize::from(outcome.is_none() && !held);
        inner.remember(Recent {
            number: number + 1,
            again,
            clone,
            delivery: Arc::clone(&delivery),
            held,
            outcome: outcome.clone(),
        });
        inner.posted.push_back(Posted {
            seq,
            clone,
            fault,
            delivery: Arc::clone(&delivery),
            held,
            begun: false,
            outcome,
        });
        drop(inner);
        if let Some(target) = target.filter(|_| !held) {
            self.send(number, clone, delivery, target);
        }
        Some(number + 1)
    }

    fn send(&self, number: u64, clone: usize, delivery: Arc<Delivery>, target: Target) {
        let order = Order {
            number,
            queue: (clone, delivery.hook.clone()),
            target,
            delivery,
        };
        if !self.order(order) {
            let reason = "archal could not start its sender".to_owned();
            self.kept.end(number, Outcome::NotSent(reason));
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

    /// Sends what is held: those of these numbers, or all. Gives back the numbers of those that are
    /// on their way now.
    pub(in crate::session) fn deliver(&self, wanted: &[u64]) -> Vec<u64> {
        let mut sent = Vec::new();
        let mut inner = self.kept.lock();
        let first = inner.first;
        let mut orders = Vec::new();
        for (at, posted) in inner.posted.iter_mut().enumerate() {
            let number = first + at as u64;
            let is_wanted = wanted.is_empty() || wanted.contains(&(number + 1));
            // That it can be sent was seen when it was held.
            let Ok(target) = Target::of(&posted.delivery) else {
                continue;
            };
            if posted.held && is_wanted && posted.outcome.is_none() {
                posted.held = false;
                orders.push((number, posted.clone, Arc::clone(&posted.delivery), target));
            }
        }
        inner.open += orders.len();
        for (number, ..) in &orders {
            if let Some(recent) = inner.recent_of(number + 1) {
                recent.held = false;
            }
        }
        drop(inner);
        for (number, clone, delivery, target) in orders {
            self.send(number, clone, delivery, target);
            sent.push(number + 1);
        }
        sent
    }

    /// Sends a delivery once more, as it was; the number of the new one.
    ///
    /// # Errors
    ///
    /// When it is not known, or has not been sent.
    pub(in crate::session) fn again(&self, number: u64) -> Result<u64, NotAgain> {
        let found = self.kept.lock().recent_of(number).cloned();
        let found = found.ok_or(NotAgain::Unknown)?;
        if found.outcome.is_none() {
            return Err(NotAgain::Waits);
        }
        let sent = self.put(None, found.clone, None, found.delivery, false, Some(number));
        sent.ok_or(NotAgain::Unknown)
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
        let first = inner.first;
        let mut given_up = Vec::new();
        for (at, posted) in inner.posted.iter_mut().enumerate() {
            if posted.outcome.is_some() {
                continue;
            }
            let outcome = match (posted.begun, posted.held) {
                (true, _) => Outcome::Failed(why.to_owned()),
                (false, true) => Outcome::NotSent(format!("nobody asked for it; {why}")),
                (false, false) => Outcome::NotSent(why.to_owned()),
            };
            posted.held = false;
            posted.outcome = Some(outcome.clone());
            given_up.push((first + at as u64 + 1, outcome));
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

    /// Takes those whose outcome is known, up to the first whose is not, and how many were never
    /// kept.
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
    fn take_up(&self, number: u64) -> bool {
        let mut inner = self.lock();
        let posted = inner.at(number).filter(|one| one.outcome.is_none());
        posted.is_some_and(|one| {
            one.begun = true;
            true
        })
    }

    /// Says what became of a delivery.
    fn end(&self, number: u64, outcome: Outcome) {
        let mut inner = self.lock();
        let Some(posted) = inner.at(number).filter(|one| one.outcome.is_none()) else {
            return;
        };
        posted.outcome = Some(outcome.clone());
        inner.open -= 1;
        inner.end_recent(number + 1, outcome);
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

    fn at(&mut self, number: u64) -> Option<&mut Posted> {
        let at = number.checked_sub(self.first)?;
        self.posted.get_mut(usize::try_from(at).ok()?)
    }
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
    let mut queues: HashMap<(usize, String), orders::UnboundedSender<Order>> = HashMap::new();
    while let Some(order) = received.recv().await {
        let queue = queues.entry(order.queue.clone()).or_insert_with(|| {
            let (queue, received) = orders::unbounded_channel();
            tokio::spawn(work_off(inside.clone(), Arc::clone(&kept), received));
            queue
        });
        // The task ends only with its queue.
        queue.send(order).ok();
    }
}

async fn work_off(inside: Inside, kept: Arc<Kept>, mut queue: orders::UnboundedReceiver<Order>) {
    while let Some(order) = queue.recv().await {
        if kept.take_up(order.number) {
            let outcome = send(inside.clone(), &order.target, &order.delivery).await;
            kept.end(order.number, outcome);
        }
    }
}
