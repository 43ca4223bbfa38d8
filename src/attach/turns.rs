//! One step at a time works on a trace, however many files hold it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

use archal_core::trace::TraceIdentity;

/// Traces that a step works on.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: Mutex<BTreeSet<TraceIdentity>>,
    changed: Condvar,
}

impl Turns {
    /// Waits until nobody works on any of these traces, and takes them all at once, so that two
    /// steps never wait for each other.
    pub(super) fn take<'a>(&self, wanted: impl Iterator<Item = &'a TraceIdentity>) -> Turn<'_> {
        let wanted: BTreeSet<TraceIdentity> = wanted.cloned().collect();
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self
            .changed
            .wait_while(taken, |taken| !taken.is_disjoint(&wanted))
            .unwrap_or_else(PoisonError::into_inner);
        taken.extend(wanted.iter().cloned());
        Turn {
            turns: self,
            mine: wanted,
        }
    }
}

/// Traces that nobody else works on, until this is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    mine: BTreeSet<TraceIdentity>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self
            .turns
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.retain(|one| !self.mine.contains(one));
        drop(taken);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_trace_is_worked_on_by_one_step_at_a_time() {
        let trace = |name: &str| TraceIdentity {
            source: "file".to_owned(),
            project: "p".to_owned(),
            trace: name.to_owned(),
        };
        let traces = [trace("a"), trace("b"), trace("c")];
        let turns = Turns::default();
        let at_b = AtomicUsize::new(0);
        thread::scope(|scope| {
            for wanted in [&traces[..2], &traces[1..], &traces[1..2]] {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _turn = turns.take(wanted.iter());
                        assert_eq!(at_b.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        at_b.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(turns.taken.lock().expect("whole").is_empty());
    }
}
