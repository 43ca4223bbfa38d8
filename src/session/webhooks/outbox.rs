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
    pub(in crate::session) delivery: Delivery,
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
    posted: VecDeque<Posted>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    /// How many have no outcome.
    open: usize,
    dropped: u64,
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
    delivery: Delivery,
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
            let target = Target::of(&delivery.url);
            let order = |number, target| Order {
                number,
                queue: (clone, delivery.hook.clone()),
                target,
                delivery: delivery.clone(),
            };
            let mut inner = self.kept.lock();
            let bytes = delivery.body.wire.len() + delivery.body.evidence.len();
            if inner.posted.len() >= KEPT || inner.bytes + bytes > BYTES {
                inner.dropped += 1;
                continue;
            }
            let number = inner.first + inner.posted.len() as u64;
            let (outcome, order) = match target {
                Ok(target) => (None, Some(order(number, target))),
                Err(reason) => (Some(Outcome::NotSent(reason)), None),
            };
            inner.bytes += bytes;
            inner.open += usize::from(outcome.is_none());
            inner.posted.push_back(Posted {
                seq,
                clone,
                fault,
                delivery,
                begun: false,
                outcome,
            });
            drop(inner);
            if let Some(order) = order
                && !self.order(order)
            {
                let reason = "archal could not start its sender".to_owned();
                self.kept.end(number, Outcome::NotSent(reason));
            }
        }
    }

    /// Waits until nothing waits, for a while; what is left then is not sent.
    pub(in crate::session) fn drain(&self, why: &str) {
        let waited = self
            .kept
            .changed
            .wait_timeout_while(self.kept.lock(), DRAIN, |inner| inner.open > 0);
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        for posted in &mut inner.posted {
            let left = match posted.begun {
                true => Outcome::Failed,
                false => Outcome::NotSent,
            };
            posted.outcome.get_or_insert_with(|| left(why.to_owned()));
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
        let bytes =
            |posted: &Posted| posted.delivery.body.wire.len() + posted.delivery.body.evidence.len();
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
        posted.outcome = Some(outcome);
        inner.open -= 1;
        drop(inner);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whatever was left half done is a delivery more or less.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn at(&mut self, number: u64) -> Option<&mut Posted> {
        let at = number.checked_sub(self.first)?;
        self.posted.get_mut(usize::try_from(at).ok()?)
    }
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
