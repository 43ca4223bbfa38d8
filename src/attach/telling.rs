//! Telling people of failures and receivers of verdicts while archal works: both are written with
//! what they tell of, and a thread of its own delivers them, woken when there is one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use archal_core::clock::Timestamp;
use rusqlite::Connection;

use crate::config::schema::NoticeEvent;
use crate::sandbox::Hold;
use crate::sandbox::stop::StopToken;
use crate::store::database::DatabaseError;

use super::desk::{Desk, Told};
use super::engine::{Attached, Engine};
use super::intake::IntakeError;
use super::notice::{self, COMMAND_TIMEOUT, Courier, Delivery, WEBHOOK_TIMEOUT};
use super::ready::Ready;
use super::results::{self as results_out, AT_ONCE, Sender, Sent, scores};
use super::state::{notices, results};

/// After a repository or a state that could not be used.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause while a notice waits for its time: the clock may be set meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// How often what is due is taken at the end of a single pass.
const MOST_ROUNDS: usize = 4;

/// Wakes whoever delivers notices.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    /// There may be something to tell.
    pub(super) fn ring(&self) {
        *self.rung() += 1;
        self.changed.notify_all();
    }

    /// The same, where it is so.
    pub(super) fn ring_if(&self, is_so: bool) {
        if is_so {
            self.ring();
        }
    }

    /// How often it was rung.
    fn heard(&self) -> u64 {
        *self.rung()
    }

    /// Waits until it is rung more often than `heard`, at most so long where that is said.
    fn wait(&self, heard: u64, at_most: Option<Duration>) {
        let rung = self.rung();
        match at_most {
            None => drop(
                self.changed
                    .wait_while(rung, |rung| *rung == heard)
                    .unwrap_or_else(PoisonError::into_inner),
            ),
            Some(at_most) => drop(
                self.changed
                    .wait_timeout_while(rung, at_most, |rung| *rung == heard)
                    .unwrap_or_else(PoisonError::into_inner),
            ),
        }
    }

    fn rung(&self) -> MutexGuard<'_, u64> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Writes down that something happened to a group, in the transaction of the change. True
    /// where it is to be told; ring the bell then, after the transaction.
    pub(super) fn note(
        &self,
        change: &Connection,
        ready: &Ready,
        group: &str,
        (event, reason): (NoticeEvent, &str),
    ) -> rusqlite::Result<bool> {
        let reason = ready.settings.scrubber.text(reason);
        let repo = &self.surround.repo;
        notice::note(change, repo, group, event, &reason, self.now()).map(|id| id.is_some())
    }

    /// Delivers what is due, each notice by the settings of the directory its group came by: that of
    /// one that is not attached any more waits until it is again. What fails is told.
    fn deliver(
        &self,
        attached: &[Attached],
        stop: &StopToken,
        told: &Told,
    ) -> Result<(), IntakeError> {
        each(attached, |attached| {
            let now = self.now();
            let due = self
                .state
                .read(|rows| notices::due_of(rows, &[attached.id], now, notice::AT_ONCE))?;
            if due.is_empty() {
                return Ok(());
            }
            let ready = self.ready(attached, false)?;
            let courier = self.courier(&ready, stop);
            tell_failed(&courier.deliver_these(&self.state, due)?, told);
            // The settings may have changed since others were closed.
            Ok(self.unblock(attached, &ready)?)
        })
    }

    /// Opens notices and verdicts again that were closed because nothing could be told, or nobody
    /// asked, where the settings of their directory are others now.
    pub(super) fn unblock(&self, attached: &Attached, ready: &Ready) -> Result<(), DatabaseError> {
        let stop = StopToken::new();
        let can_tell = self.courier(ready, &stop).can_tell();
        let can_send = ready.settings.results.endpoint.is_some();
        let takers = self.takers();
        let endpoint = can_send.then_some("");
        let takers: Vec<&str> = endpoint.into_iter().chain(takers.names()).collect();
        if !can_tell && takers.is_empty() {
            return Ok(());
        }
        let now = self.now();
        self.state.write(|change| {
            if can_tell {
                notices::reopen_blocked(change, attached.id, now)?;
            }
            for taker in takers {
                results::reopen_unwanted(change, attached.id, taker, now)?;
            }
            Ok(())
        })
    }

    /// Sends verdicts that are due, each by the settings of the directory its trace came from; those
    /// of one that is not attached wait. What fails is told; how many need nothing more.
    fn send_results(
        &self,
        attached: &[Attached],
        stop: &StopToken,
        told: &Told,
    ) -> Result<usize, IntakeError> {
        let mut settled = 0;
        each(attached, |attached| {
            let now = self.now();
            let takers = self
                .state
                .read(|rows| results::takers(rows, attached.id, now))?;
            if takers.is_empty() {
                return Ok(());
            }
            for taker in takers {
                if stop.is_asked() {
                    return Ok(());
                }
                let sent = self.send_to(attached, &taker, stop)?;
                tell_sent(&sent, told);
                settled += sent.taken + sent.given_up;
            }
            let ready = self.ready(attached, false)?;
            // The settings may have changed since others were closed.
            Ok(self.unblock(attached, &ready)?)
        })
        .map(|()| settled)
    }

    /// Sends what is due to one who takes verdicts.
    fn send_to(
        &self,
        attached: &Attached,
        taker: &str,
        stop: &StopToken,
    ) -> Result<Sent, IntakeError> {
        let most = match taker {
            "" => AT_ONCE,
            _ => scores::AT_ONCE,
        };
        let now = self.now();
        let due = self
            .state
            .read(|rows| results::due(rows, attached.id, taker, (now, most)))?;
        if !taker.is_empty() {
            return self.send_scores(attached, taker, due, stop);
        }
        let ready = self.ready(attached, false)?;
        let sender = Sender {
            settings: &ready.settings.results,
            environment: &self.surround.environment,
            scrubber: &ready.settings.scrubber,
            clock: self.surround.clock.as_ref(),
            timeout: results_out::TIMEOUT,
        };
        Ok(sender.send(&self.state, due)?)
    }

    fn courier<'a>(&'a self, ready: &'a Ready, stop: &'a StopToken) -> Courier<'a> {
        Courier {
            settings: &ready.settings.notify,
            may_run_commands: ready.settings.options.allow_external_execution,
            environment: &self.surround.environment,
            hold: Hold {
                helper: &self.surround.binary,
                containment: self.surround.probe.containment(),
                stop: Some(stop),
            },
            layout: &self.surround.layout,
            repo: &self.surround.repo,
            scrubber: &ready.settings.scrubber,
            clock: self.surround.clock.as_ref(),
            webhook_timeout: WEBHOOK_TIMEOUT,
            command_timeout: COMMAND_TIMEOUT,
        }
    }

    /// Delivers what is due now, at the end of a single pass; says how many notices are left for
    /// another time.
    pub(super) fn deliver_once(
        &self,
        attached: &Attached,
        stop: &StopToken,
        told: &Told,
    ) -> Result<u64, IntakeError> {
        let these = std::slice::from_ref(attached);
        for _ in 0..MOST_ROUNDS {
            let next = self.next_due(&[attached.id])?;
            if next.is_none_or(|next| next > self.now()) || stop.is_asked() {
                break;
            }
            self.deliver(these, stop, told)?;
        }
        Ok(self
            .state
            .read(|rows| notices::count_open(rows, &[attached.id]))?)
    }

    /// Sends what is due now of verdicts, at the end of a single pass; says how many are left for
    /// another time.
    pub(super) fn send_once(
        &self,
        attached: &Attached,
        stop: &StopToken,
        told: &Told,
    ) -> Result<u64, IntakeError> {
        while !stop.is_asked() {
            if self.send_results(std::slice::from_ref(attached), stop, told)? == 0 {
                break;
            }
        }
        Ok(self
            .state
            .read(|rows| results::count_open(rows, &[attached.id]))?)
    }

    /// When something of these directories is due next.
    fn next_due(&self, attachments: &[i64]) -> Result<Option<Timestamp>, DatabaseError> {
        let now = self.now();
        self.state.read(|rows| {
            let of_results = results::next_due(rows, attachments, now)?;
            let of_notices = notices::next_due_of(rows, attachments, now)?;
            Ok([of_results, of_notices].into_iter().flatten().min())
        })
    }

    /// How long nothing of these directories is due; none where nothing will be.
    fn until_due(&self, attachments: &[i64]) -> Result<Option<Duration>, DatabaseError> {
        let next = self.next_due(attachments)?;
        Ok(next.map(|next| {
            let left = next.duration_since(self.now());
            // One that is overdue is due now.
            Duration::try_from(left).unwrap_or_default()
        }))
    }
}

/// Does something for each directory: one whose settings cannot be used, which is told at the end,
/// keeps it from no other.
fn each(
    attached: &[Attached],
    mut work: impl FnMut(&Attached) -> Result<(), IntakeError>,
) -> Result<(), IntakeError> {
    let mut refused = Ok(());
    for attached in attached {
        match work(attached) {
            Ok(()) => {}
            Err(error @ IntakeError::Ready(_)) => refused = Err(error),
            Err(error) => return Err(error),
        }
    }
    refused
}

/// Delivers notices as they become due, until `stop`; whoever stops it rings the bell, too.
pub(super) fn keep_telling(engine: &Engine, desk: &Weak<Desk>, told: &Told, stop: &StopToken) {
    let mut complaint = String::new();
    loop {
        let heard = engine.bell.heard();
        if stop.is_asked() {
            return;
        }
        let pause = match step(engine, desk, told, stop) {
            Ok(pause) => {
                complaint.clear();
                pause.map(|pause| pause.min(LONGEST_PAUSE))
            }
            Err(error) => {
                let reason = super::reproducing::chain(&error);
                if complaint != reason {
                    told(&format!("notices are not delivered: {reason}"));
                    complaint = reason;
                }
                Some(TROUBLE_PAUSE)
            }
        };
        if pause != Some(Duration::ZERO) {
            engine.bell.wait(heard, pause);
        }
    }
}

/// Delivers what is due; gives the pause until the next one.
fn step(
    engine: &Engine,
    desk: &Weak<Desk>,
    told: &Told,
    stop: &StopToken,
) -> Result<Option<Duration>, IntakeError> {
    let attached = all(desk);
    // Nobody's are due where none is attached: the bell is rung when one is.
    let ids = ids(&attached);
    if let Some(pause) = engine.until_due(&ids)?.filter(Duration::is_zero) {
        let delivered = engine.deliver(&attached, stop, told);
        let sent = engine.send_results(&attached, stop, told);
        delivered.and(sent.map(drop))?;
        if stop.is_asked() {
            return Ok(Some(pause));
        }
    }
    Ok(engine.until_due(&ids)?)
}

fn ids(attached: &[Attached]) -> Vec<i64> {
    attached.iter().map(|attached| attached.id).collect()
}

/// The directories that are attached, in the order in which they first were.
pub(super) fn all(desk: &Weak<Desk>) -> Vec<Attached> {
    let desk: Option<Arc<Desk>> = desk.upgrade();
    let attached = desk.map(|desk| desk.attached()).unwrap_or_default();
    attached.into_iter().map(|now| now.attached).collect()
}

fn tell_sent(sent: &Sent, told: &Told) {
    if let Some(reason) = &sent.put_off {
        told(&format!("verdicts are sent later: {reason}"));
    }
    if let Some(reason) = &sent.failed {
        told(&format!("verdicts are not sent: {reason}"));
    }
}

fn tell_failed(delivery: &Delivery, told: &Told) {
    for (group, reason) in &delivery.failed {
        told(&format!("the notice of {group} is not delivered: {reason}"));
    }
}
