//! Asking work that is under way to stop, and then making it: a flag that wakes whoever waits for it.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Says once and for all that work is to stop. Cheap to clone; clones are the same token.
///
/// It speaks twice: [`ask`](Self::ask) wants work to come to an end by itself soon, at the next place
/// from which it can go on later; [`stop`](Self::stop) ends the children that run under it. It
/// holds no descriptor until a child does.
#[derive(Debug, Clone, Default)]
pub struct StopToken {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    asked: bool,
    stopped: bool,
    /// The writing ends of the alarms, by number. Nothing is ever written: closing them rings.
    alarms: Vec<(u64, PipeWriter)>,
    last: u64,
    /// Tokens that end with this one.
    within: Vec<Weak<Shared>>,
}

impl StopToken {
    /// A token with which nobody has asked for anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token for a part of the work: it ends with this one, and may end before it alone.
    #[must_use]
    pub fn within(&self) -> Self {
        let part = Self::new();
        let mut state = self.state();
        // Under the lock, so that whoever stops this one meanwhile finds the part or is found here.
        let mut own = part.state();
        (own.asked, own.stopped) = (state.asked, state.stopped);
        drop(own);
        state.within.retain(|other| other.strong_count() > 0);
        state.within.push(Arc::downgrade(&part.shared));
        drop(state);
        part
    }

    /// The parts that are still of use.
    fn parts(&self) -> Vec<Self> {
        let state = self.state();
        let parts = state.within.iter().filter_map(Weak::upgrade);
        parts.map(|shared| Self { shared }).collect()
    }

    /// Asks work under this token to end where it can go on later; children run on.
    pub fn ask(&self) {
        self.state().asked = true;
        self.shared.changed.notify_all();
        self.parts().iter().for_each(Self::ask);
    }

    /// Ends the children under this token, and asks everything else to end; saying it again changes
    /// nothing.
    pub fn stop(&self) {
        let mut state = self.state();
        state.asked = true;
        state.stopped = true;
        state.alarms.clear();
        drop(state);
        self.shared.changed.notify_all();
        self.parts().iter().for_each(Self::stop);
    }

    /// Whether work is to end at the next place from which it can go on.
    pub fn is_asked(&self) -> bool {
        self.state().asked
    }

    /// Whether work is to end at once.
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Waits until work is to end, at most so long; whether it is. A pause that stopping cuts short.
    pub fn wait(&self, at_most: Duration) -> bool {
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.state(), at_most, |state| !state.asked);
        match waited {
            Ok((state, _)) => state.asked,
            Err(poisoned) => poisoned.into_inner().0.asked,
        }
    }

    /// Something to poll: it has its end to read as soon as this token is stopped.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "elsewhere the child's clock looks at the flag")
    )]
    pub(super) fn alarm(&self) -> io::Result<Alarm> {
        let (reader, writer) = io::pipe()?;
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        if !state.stopped {
            state.alarms.push((number, writer));
        }
        drop(state);
        Ok(Alarm {
            reader,
            number,
            shared: Arc::clone(&self.shared),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.shared)
    }
}

fn locked(shared: &Shared) -> MutexGuard<'_, State> {
    // A poisoned lock holds a flag and a list, which are valid whatever happened.
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reading end of an alarm; the token forgets it when it is dropped.
#[derive(Debug)]
pub(super) struct Alarm {
    reader: PipeReader,
    number: u64,
    shared: Arc<Shared>,
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        locked(&self.shared)
            .alarms
            .retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn stopping_wakes_who_waits_and_who_polls_and_stays() {
        let token = StopToken::new();
        let mut before = token.alarm().expect("an alarm");
        drop(token.alarm().expect("an alarm"));
        assert_eq!(token.state().alarms.len(), 1);
        assert!(!token.wait(Duration::ZERO));
        let waiter = std::thread::spawn({
            let token = token.clone();
            move || token.wait(Duration::from_secs(60))
        });
        token.ask();
        assert!(waiter.join().expect("no panic"));
        assert!(token.is_asked() && !token.is_stopped());
        assert_eq!(token.state().alarms.len(), 1);
        token.stop();
        token.stop();
        assert!(token.is_stopped());
        let mut after = token.alarm().expect("an alarm");
        let mut nothing = [0; 1];
        assert_eq!(before.reader.read(&mut nothing).expect("the end"), 0);
        assert_eq!(after.reader.read(&mut nothing).expect("the end"), 0);
    }

    #[test]
    fn a_part_ends_alone_and_with_the_whole() {
        let whole = StopToken::new();
        let (one, other) = (whole.within(), whole.within());
        one.stop();
        assert!(one.is_stopped() && !whole.is_asked() && !other.is_asked());
        whole.ask();
        assert!(other.is_asked() && !other.is_stopped());
        whole.stop();
        assert!(other.is_stopped() && whole.within().is_stopped());
    }
}
