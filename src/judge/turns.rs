//! The same question is under way once: whoever asks it meanwhile waits, and finds it answered.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ask::Pause;

/// How often somebody who waits looks whether work is to end.
const LOOK: Duration = Duration::from_millis(50);

/// The questions that are under way.
#[derive(Debug, Default)]
pub(super) struct Turns {
    under_way: Mutex<BTreeSet<String>>,
    changed: Condvar,
}

/// A question that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    key: String,
}

impl Turns {
    /// Waits until nobody asks that question, and asks it; none where work is to end before.
    pub(super) fn take(&self, key: &str, pause: &dyn Pause) -> Option<Turn<'_>> {
        let mut under_way = self.lock();
        while under_way.contains(key) {
            if pause.is_over() {
                return None;
            }
            under_way = match self.changed.wait_timeout(under_way, LOOK) {
                Ok((under_way, _)) => under_way,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        under_way.insert(key.to_owned());
        Some(Turn {
            turns: self,
            key: key.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A set of names is valid whatever happened to whoever held it.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.key);
        self.turns.changed.notify_all();
    }
}
