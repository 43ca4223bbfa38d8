//! The pool with scripted sources and a clock that moves when told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal_core::clock::{Clock, FakeClock, Timestamp};
use proptest::prelude::*;

use super::pool::{GRACE, Pool, PoolSize, Running, Which};
use super::queue::{Step, Weight, WorkKind, WorkSource};
use crate::sandbox::StopToken;

/// A bound for waits that end at once unless something is broken.
const SOON: Option<Duration> = Some(Duration::from_secs(20));

/// Hands out the steps it was given, in order.
struct Script {
    kind: WorkKind,
    steps: Mutex<VecDeque<Step>>,
    broken: Mutex<Vec<String>>,
}

impl Script {
    fn new(kind: WorkKind, steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            kind,
            steps: Mutex::new(steps.into_iter().collect()),
            broken: Mutex::default(),
        })
    }

    fn add(&self, step: Step) {
        self.steps.lock().expect("a lock").push_back(step);
    }
}

impl WorkSource for Script {
    fn kind(&self) -> WorkKind {
        self.kind
    }

    fn claim(&self, weight: Weight) -> Option<Step> {
        let mut steps = self.steps.lock().expect("a lock");
        let at = steps.iter().position(|step| step.weight == weight)?;
        steps.remove(at)
    }

    fn panicked(&self, step: &str, message: &str) {
        let mut broken = self.broken.lock().expect("a lock");
        broken.push(format!("{step}: {message}"));
    }
}

fn step(id: &str, weight: Weight, run: impl FnOnce(&StopToken) + Send + 'static) -> Step {
    Step {
        id: id.to_owned(),
        label: format!("doing {id}"),
        weight,
        run: Box::new(run),
    }
}

/// A step that says that it began and ends when it is told to or its token is stopped.
fn gated(id: &str, began: &Sender<String>) -> (Step, Sender<()>) {
    let (open, gate) = channel();
    let (began, name) = (began.clone(), id.to_owned());
    let step = step(id, Weight::Heavy, move |token| {
        began.send(name).expect("a listener");
        while gate.recv_timeout(Duration::from_millis(1)).is_err() && !token.is_stopped() {}
    });
    (step, open)
}

fn pool(sources: &[Arc<Script>], heavy: usize) -> (Pool, Arc<FakeClock>) {
    let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
    let sources = sources
        .iter()
        .map(|source| Arc::clone(source) as Arc<dyn WorkSource>)
        .collect();
    let size = PoolSize { heavy, light: 1 };
    let pool = Pool::start(sources, size, clock.clone()).expect("threads");
    (pool, clock)
}

fn all(listener: &Receiver<String>) -> Vec<String> {
    listener.try_iter().collect()
}

#[test]
fn sources_take_turns_and_one_slot_is_one_step_at_a_time() {
    let (said, heard) = channel();
    let steps = |name: &'static str| {
        let said = said.clone();
        (0..3).map(move |number| {
            let said = said.clone();
            step(name, Weight::Heavy, move |_| {
                said.send(format!("{name}{number}")).expect("a listener");
            })
        })
    };
    let many = Script::new(WorkKind::Trace, steps("t").chain(steps("u")));
    let few = Script::new(WorkKind::Pdca, steps("p"));
    let (pool, _) = pool(&[many, few], 1);
    assert!(pool.drain(SOON));
    assert_eq!(
        all(&heard).join(" "),
        "t0 p0 t1 p1 t2 p2 u0 u1 u2",
        "the second source does not wait for the end of the first"
    );
}

#[test]
fn how_many_heavy_steps_run_at_once_can_be_changed_while_they_do() {
    let (began, beginnings) = channel();
    let next = || {
        beginnings
            .recv_timeout(SOON.expect("a bound"))
            .expect("begun")
    };
    let (steps, gates): (Vec<_>, Vec<_>) = ["a", "b", "c", "d"]
        .into_iter()
        .map(|name| gated(name, &began))
        .unzip();
    let (pool, _) = pool(&[Script::new(WorkKind::Trace, steps)], 1);
    assert_eq!(next(), "a");
    assert_eq!(pool.running().len(), 1);
    pool.resize(3).expect("threads");
    assert_eq!([next(), next()].map(|name| name.len()), [1, 1]);
    pool.resize(2).expect("threads");
    let running = pool.running();
    assert_eq!(running.len(), 3, "nothing that runs is cut off");
    let end = |name: &str| {
        let at = ["a", "b", "c", "d"].iter().position(|one| *one == name);
        gates[at.expect("one of them")].send(()).expect("it waits");
        assert!(pool.wait_for(&|step| step.id == name, SOON));
    };
    end("a");
    assert_eq!(pool.running().len(), 2);
    assert_eq!(all(&beginnings), [""; 0], "as many as may run do");
    end("b");
    assert_eq!(next(), "d");
}

#[test]
fn a_hand_is_lent_only_where_nobody_else_may_begin_and_holds_others_up_until_it_is_given_back() {
    let (began, listener) = channel();
    let (first, end_first) = gated("first", &began);
    let source = Script::new(WorkKind::Trace, [first]);
    let (pool, _) = pool(std::slice::from_ref(&source), 2);
    assert_eq!(listener.recv(), Ok("first".to_owned()));
    let waker = pool.waker();
    let hand = waker.lend().expect("one of two is free");
    assert!(waker.lend().is_none(), "the limit holds for hands, too");
    let (second, end_second) = gated("second", &began);
    source.add(second);
    pool.wake();
    // The first is still the only one when its end lets the second begin.
    end_first.send(()).expect("it runs");
    assert_eq!(listener.recv(), Ok("second".to_owned()));
    assert_eq!(pool.running().len(), 1);
    assert!(waker.lend().is_none(), "one runs and one is lent");
    drop(hand);
    assert!(waker.lend().is_some());
    end_second.send(()).expect("it runs");
    assert!(pool.drain(SOON));
}

#[test]
fn light_steps_go_on_while_every_slot_is_taken() {
    let (began, beginnings) = channel();
    let (first, open_first) = gated("first", &began);
    let (second, _open_second) = gated("second", &began);
    let source = Script::new(WorkKind::Trace, [first, second]);
    let (pool, clock) = pool(&[Arc::clone(&source)], 1);
    assert_eq!(
        beginnings.recv_timeout(SOON.expect("a bound")),
        Ok("first".to_owned())
    );
    let (done, light) = channel();
    clock.advance(Duration::from_secs(5));
    source.add(step("grade", Weight::Light, move |_| {
        done.send(()).expect("a listener");
    }));
    pool.wake();
    assert_eq!(light.recv_timeout(SOON.expect("a bound")), Ok(()));
    assert!(pool.wait_for(&|step| step.weight == Weight::Light, SOON));
    assert_eq!(
        pool.running(),
        [Running {
            id: "first".to_owned(),
            label: "doing first".to_owned(),
            kind: WorkKind::Trace,
            weight: Weight::Heavy,
            since: Timestamp::UNIX_EPOCH,
            stopping: false,
        }]
    );
    open_first.send(()).expect("it waits");
    assert_eq!(
        beginnings.recv_timeout(SOON.expect("a bound")),
        Ok("second".to_owned())
    );
}

#[test]
fn what_becomes_ready_through_the_end_of_a_step_is_begun_without_being_told() {
    let source = Script::new(WorkKind::Trace, []);
    let (done, heard) = channel();
    let next = Arc::clone(&source);
    source.add(step("grade", Weight::Light, move |_| {
        next.add(step("reproduce", Weight::Heavy, move |_| {
            done.send(()).expect("a listener");
        }));
    }));
    let (pool, _) = pool(&[source], 2);
    assert!(pool.drain(SOON));
    assert_eq!(heard.try_recv(), Ok(()));
}

#[test]
fn a_step_is_asked_at_once_and_stopped_when_its_grace_is_over() {
    let (began, beginnings) = channel();
    let (one, _keep_one) = gated("one", &began);
    let (other, _keep_other) = gated("other", &began);
    let source = Script::new(WorkKind::Trace, [one, other]);
    let (tokens, asked) = channel();
    source.add(step("patient", Weight::Light, move |token| {
        tokens.send(token.clone()).expect("a listener");
        while !token.is_stopped() {
            token.wait(Duration::from_millis(1));
        }
    }));
    let (pool, clock) = pool(&[Arc::clone(&source)], 2);
    for _ in 0..2 {
        beginnings
            .recv_timeout(SOON.expect("a bound"))
            .expect("begun");
    }
    let token = asked.recv_timeout(SOON.expect("a bound")).expect("begun");
    let stopped = pool.stop(&Which::Step("one"), Duration::ZERO);
    assert_eq!(stopped.len(), 1);
    assert!(pool.wait_for(&|step| step.id == "one", SOON));
    assert!(!token.is_asked());

    let stopped = pool.stop(&Which::Fitting(&|step| step.id != "one"), GRACE);
    assert_eq!(stopped.len(), 2);
    assert!(token.is_asked() && !token.is_stopped());
    clock.advance(GRACE - Duration::from_millis(1));
    pool.wake();
    assert!(pool.running().iter().all(|step| step.stopping));
    assert_eq!(pool.running().len(), 2);
    assert!(!token.is_stopped());
    clock.advance(Duration::from_millis(1));
    pool.wake();
    assert!(pool.drain(SOON));
    // The pool is open: only what was named was stopped.
    let (after, _open) = gated("after", &began);
    source.add(after);
    pool.wake();
    assert_eq!(
        beginnings.recv_timeout(SOON.expect("a bound")),
        Ok("after".to_owned())
    );
}

#[test]
fn after_stopping_all_nothing_is_begun_and_the_earlier_end_counts() {
    let (began, beginnings) = channel();
    let (one, _keep_one) = gated("one", &began);
    let (two, _keep_two) = gated("two", &began);
    let source = Script::new(WorkKind::Trace, [one, two]);
    let (pool, clock) = pool(&[Arc::clone(&source)], 1);
    beginnings
        .recv_timeout(SOON.expect("a bound"))
        .expect("begun");
    assert_eq!(pool.stop(&Which::All, GRACE).len(), 1);
    pool.stop(&Which::All, GRACE * 10);
    clock.advance(GRACE);
    pool.wake();
    assert!(pool.drain(SOON));
    assert_eq!(all(&beginnings), [""; 0]);
    assert_eq!(source.steps.lock().expect("a lock").len(), 1);
}

#[test]
fn the_second_word_of_a_hurry_ends_a_grace() {
    let (began, beginnings) = channel();
    let (one, _keep_one) = gated("one", &began);
    let (pool, _) = pool(&[Script::new(WorkKind::Trace, [one])], 1);
    beginnings
        .recv_timeout(SOON.expect("a bound"))
        .expect("begun");
    pool.stop(&Which::All, GRACE);
    assert!(!pool.drain(Some(Duration::ZERO)));
    pool.stop(&Which::All, Duration::ZERO);
    assert!(pool.drain(SOON));
}

#[test]
fn a_panic_ends_its_step_and_nothing_else() {
    let (done, heard) = channel();
    let source = Script::new(
        WorkKind::Trace,
        [
            step("bad", Weight::Light, |_| panic!("no {}", "luck")),
            step("good", Weight::Light, move |_| {
                done.send(()).expect("a listener");
            }),
        ],
    );
    let (pool, _) = pool(&[Arc::clone(&source)], 1);
    assert!(pool.drain(SOON));
    assert_eq!(heard.try_recv(), Ok(()));
    assert_eq!(*source.broken.lock().expect("a lock"), ["bad: no luck"]);
}

struct Broken;

impl WorkSource for Broken {
    fn kind(&self) -> WorkKind {
        WorkKind::Preprod
    }

    fn claim(&self, _weight: Weight) -> Option<Step> {
        panic!("no database")
    }
}

#[test]
fn a_source_that_panics_does_not_hold_up_the_others() {
    let (done, heard) = channel();
    let good = Script::new(
        WorkKind::Trace,
        [step("good", Weight::Heavy, move |_| {
            done.send(()).expect("a listener");
        })],
    );
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
    let size = PoolSize { heavy: 1, light: 1 };
    let pool = Pool::start(vec![Arc::new(Broken), good], size, clock).expect("threads");
    assert!(pool.drain(SOON));
    assert_eq!(heard.try_recv(), Ok(()));
}

#[test]
fn a_waker_outlives_its_pool() {
    let (pool, _) = pool(&[], 1);
    let waker = pool.waker();
    waker.wake();
    assert!(pool.drain(SOON));
    drop(pool);
    waker.wake();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever sources have, how often anybody wakes the pool and whenever new work comes.
    #[test]
    fn the_limit_holds_and_each_step_runs_exactly_once(
        scripts in prop::collection::vec(prop::collection::vec((any::<bool>(), 0..3_u8), 0..24), 1..4),
        heavy in 1..4_usize,
        light in 1..3_usize,
    ) {
        let now = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let runs: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
        let sources: Vec<Arc<Script>> = scripts.iter().map(|_| Script::new(WorkKind::Trace, [])).collect();
        let mut total = 0;
        for (at, script) in scripts.iter().enumerate() {
            for (number, (is_heavy, follow)) in script.iter().enumerate() {
                total += 1 + usize::from(*follow);
                let id = format!("{at}-{number}");
                let weight = if *is_heavy { Weight::Heavy } else { Weight::Light };
                let (now, most, runs) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&runs));
                let (next, follow, name) = (Arc::clone(&sources[at]), *follow, id.clone());
                sources[at].add(step(&id, weight, move |_| {
                    if weight == Weight::Heavy {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                    *runs.lock().expect("a lock").entry(name.clone()).or_default() += 1;
                    for later in 0..follow {
                        let (runs, name) = (Arc::clone(&runs), format!("{name}-{later}"));
                        next.add(step(&name.clone(), Weight::Heavy, move |_| {
                            *runs.lock().expect("a lock").entry(name).or_default() += 1;
                        }));
                    }
                }));
            }
        }
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        let given = sources.iter().map(|source| Arc::clone(source) as Arc<dyn WorkSource>).collect();
        let pool = Pool::start(given, PoolSize { heavy, light }, clock).expect("threads");
        for _ in 0..3 {
            pool.wake();
        }
        prop_assert!(pool.drain(SOON));
        drop(pool);
        let runs = runs.lock().expect("a lock");
        prop_assert!(most.load(Ordering::SeqCst) <= heavy);
        prop_assert_eq!(runs.len(), total);
        prop_assert!(runs.values().all(|count| *count == 1));
    }
}
