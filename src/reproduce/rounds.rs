//! A round of attempts: those that are left are made one after the other, or side by side where
//! hands are lent for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use crate::host::pool::{Hand, Waker};

use super::attempts::{AttemptRecord, StepError};
use super::journal::Refused;
use super::seat::Seat;

/// The attempts of one phase, by number.
#[derive(Debug, Default)]
pub(super) struct Round {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    left: VecDeque<u32>,
    made: BTreeMap<u32, AttemptRecord>,
    failed: BTreeMap<u32, StepError>,
    /// Threads that are at work or will look for some.
    workers: usize,
}

/// Makes the attempt of a number in a workplace.
type Make<'a> = &'a (dyn Fn(&dyn Seat, u32) -> Result<AttemptRecord, StepError> + Sync);

impl Round {
    /// An attempt that was made before.
    pub(super) fn has(&mut self, number: u32, record: AttemptRecord) {
        self.state().made.insert(number, record);
    }

    /// An attempt that is to be made.
    pub(super) fn lacks(&mut self, number: u32) {
        self.state().left.push_back(number);
    }

    /// Makes what is left, and gives all of it in order; of several errors that of the lowest
    /// number.
    pub(super) fn work_off(
        self,
        seat: &dyn Seat,
        hands: Option<&Waker>,
        make: Make<'_>,
    ) -> Result<Vec<AttemptRecord>, StepError> {
        self.state().workers = 1;
        thread::scope(|scope| {
            while let Some(number) = self.next() {
                if let Some(hands) = hands {
                    self.ask_for_help(scope, seat, hands, make);
                }
                if !self.one(seat, number, make) {
                    break;
                }
            }
        });
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match state.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(state.made.into_values().collect()),
        }
    }

    /// Starts a thread for each attempt that waits, as far as there are hands and workplaces.
    fn ask_for_help<'scope, 'a: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        seat: &'a dyn Seat,
        hands: &Waker,
        make: Make<'a>,
    ) {
        let waiting = self.state().left.len();
        for _ in 0..waiting {
            let Some(hand) = hands.lend() else {
                return;
            };
            let Some(other) = seat.another() else {
                return;
            };
            self.state().workers += 1;
            scope.spawn(move || self.help(&*other, hand, make));
        }
    }

    fn help(&self, seat: &dyn Seat, hand: Hand, make: Make<'_>) {
        while let Some(number) = self.next() {
            if !self.one(seat, number, make) {
                break;
            }
        }
        drop(hand);
    }

    /// The next attempt to make; none when there is none, or one has failed. Whoever is told none
    /// is at work no more.
    fn next(&self) -> Option<u32> {
        let mut state = self.state();
        let next = match state.failed.is_empty() {
            true => state.left.pop_front(),
            false => None,
        };
        if next.is_none() {
            state.workers -= 1;
        }
        next
    }

    /// Makes an attempt; whether whoever made it is to look for the next.
    fn one(&self, seat: &dyn Seat, number: u32, make: Make<'_>) -> bool {
        let made = make(seat, number);
        let mut state = self.state();
        match made {
            Ok(record) => {
                state.made.insert(number, record);
            }
            // What the others have reserved may be more than they spend. One by one this attempt
            // would be asked for after them, so it is.
            Err(StepError::Refused(Refused::Budget { .. })) if state.workers > 1 => {
                state.left.push_front(number);
                state.workers -= 1;
                return false;
            }
            Err(error) => {
                state.failed.insert(number, error);
            }
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single step, so what a panicked thread left is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
