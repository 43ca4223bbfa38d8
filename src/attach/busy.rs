//! Which traces are taken in or graded at this moment: one at a time of each.
//!
//! Two files may hold the same trace, and the newer revision takes the place of the older one in
//! rows and artifacts. Both at once would write over each other.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

use archal_core::trace::TraceIdentity;

/// The traces under way.
#[derive(Debug, Default)]
pub(super) struct Busy {
    traces: Mutex<BTreeSet<TraceIdentity>>,
    changed: Condvar,
}

/// Traces that nobody else takes, until it is dropped.
pub(super) struct Held<'a> {
    busy: &'a Busy,
    traces: Vec<TraceIdentity>,
}

impl Busy {
    /// Waits until none of the traces is under way, and takes all of them at once, so that two
    /// who want some of the same never wait for each other.
    pub(super) fn take<'a>(&self, wanted: impl Iterator<Item = &'a TraceIdentity>) -> Held<'_> {
        let traces: Vec<TraceIdentity> = wanted.cloned().collect();
        let busy = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut busy = self
            .changed
            .wait_while(busy, |busy| traces.iter().any(|trace| busy.contains(trace)))
            .unwrap_or_else(PoisonError::into_inner);
        busy.extend(traces.iter().cloned());
        drop(busy);
        Held { busy: self, traces }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let busy = self.busy.traces.lock();
        let mut busy = busy.unwrap_or_else(PoisonError::into_inner);
        for trace in &self.traces {
            busy.remove(trace);
        }
        drop(busy);
        self.busy.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn trace(id: &str) -> TraceIdentity {
        TraceIdentity {
            source: "file".to_owned(),
            project: String::new(),
            trace: id.to_owned(),
        }
    }

    #[test]
    fn who_wants_one_that_is_taken_waits_and_others_do_not() {
        let busy = Busy::default();
        let (one, two) = (trace("one"), trace("two"));
        let first = busy.take([&one].into_iter());
        drop(busy.take([&two].into_iter()));
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let held = busy.take([&two, &one].into_iter());
                tell.send(()).expect("somebody listens");
                drop(held);
            });
            // Nothing that is waited for is held: the other one can still be had.
            assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
            drop(busy.take([&two].into_iter()));
            drop(first);
            told.recv_timeout(Duration::from_secs(20))
                .expect("its turn");
        });
    }
}
