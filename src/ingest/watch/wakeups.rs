//! Paths that something happened to, each once, and what the walks are to do.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clock::Clock;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    /// It is being written to.
    Growing,
    /// It was made: a link to a whole file, or the first moment of one that is written now.
    Created,
    /// It is whole as far as can be told, or gone.
    Ready,
}

/// What a walk is woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The watch ends.
    Stop,
    /// Something happened to the directory itself.
    Root,
    /// Walks with this number are asked for.
    Request(u64),
    /// Nothing happened in that time.
    Nothing,
}

/// The queue between those who see that something happened and those who look at it. Never
/// more than `most` paths wait; beyond, all are dropped and a walk is asked for instead.
pub(super) struct Wakeups {
    state: Mutex<State>,
    paths: Condvar,
    walks: Condvar,
    most: usize,
    growth: Duration,
}

#[derive(Default)]
struct State {
    ready: VecDeque<PathBuf>,
    /// What happened to the paths in `ready`.
    wakes: HashMap<PathBuf, Wake>,
    /// Paths that are written to, with the time to look; those no longer in `is_growing` count
    /// no more.
    growing: VecDeque<(Duration, PathBuf)>,
    is_growing: HashSet<PathBuf>,
    requested: u64,
    root: bool,
    stopped: bool,
}

impl Wakeups {
    pub(super) fn new(most: usize, growth: Duration) -> Self {
        Self {
            state: Mutex::default(),
            paths: Condvar::new(),
            walks: Condvar::new(),
            most,
            growth,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened to `path`.
    pub(super) fn wake(&self, path: PathBuf, wake: Wake, now: Duration) {
        let mut state = self.lock();
        if wake == Wake::Growing {
            // The first time stays, so that a file that grows on and on is still looked at.
            if state.wakes.contains_key(&path) || !state.is_growing.insert(path.clone()) {
                return;
            }
            state.growing.push_back((now + self.growth, path));
        } else {
            state.is_growing.remove(&path);
            if let Some(before) = state.wakes.get_mut(&path) {
                *before = wake.max(*before);
                return;
            }
            state.ready.push_back(path.clone());
            state.wakes.insert(path, wake);
        }
        if state.ready.len() + state.growing.len() > self.most {
            // Half of `growing` may be out of date; before all is given up, that goes.
            let State {
                growing,
                is_growing,
                ..
            } = &mut *state;
            growing.retain(|(_, path)| is_growing.contains(path));
        }
        if state.ready.len() + state.growing.len() > self.most {
            state.drop_paths();
            state.requested += 1;
            self.walks.notify_all();
        }
        self.paths.notify_all();
    }

    /// The next path to look at, when its time has come; none when the watch ends.
    pub(super) fn next(&self, clock: &dyn Clock) -> Option<(PathBuf, Wake)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(path) = state.ready.pop_front() {
                let wake = state.wakes.remove(&path).unwrap_or(Wake::Ready);
                return Some((path, wake));
            }
            let now = clock.monotonic();
            state = match state.next_growing(now) {
                Growing::Due(path) => return Some((path, Wake::Growing)),
                Growing::In(pause) => wait(&self.paths, state, pause),
                Growing::None => self
                    .paths
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Asks for a walk and says its number.
    pub(super) fn rescan(&self) -> u64 {
        let mut state = self.lock();
        state.requested += 1;
        self.walks.notify_all();
        state.requested
    }

    /// How many walks were asked for by now.
    pub(super) fn requested(&self) -> u64 {
        self.lock().requested
    }

    /// Something happened to the directory itself.
    pub(super) fn root(&self) {
        self.lock().root = true;
        self.walks.notify_all();
    }

    /// Waits at most `pause` for something that the walks must do; requests up to `answered`
    /// are no news.
    pub(super) fn turn(&self, answered: u64, pause: Duration) -> Turn {
        let mut state = self.lock();
        let mut is_over = false;
        loop {
            if state.stopped {
                return Turn::Stop;
            }
            if std::mem::take(&mut state.root) {
                return Turn::Root;
            }
            if state.requested > answered {
                return Turn::Request(state.requested);
            }
            if is_over {
                return Turn::Nothing;
            }
            // Woken early without a reason it says that nothing happened, which harms nobody.
            state = wait(&self.walks, state, pause);
            is_over = true;
        }
    }

    /// Ends both threads.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.drop_paths();
        self.paths.notify_all();
        self.walks.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }
}

enum Growing {
    Due(PathBuf),
    In(Duration),
    None,
}

impl State {
    fn next_growing(&mut self, now: Duration) -> Growing {
        while let Some((due, path)) = self.growing.pop_front() {
            if !self.is_growing.contains(&path) {
                continue;
            }
            if due > now {
                self.growing.push_front((due, path));
                return Growing::In(due - now);
            }
            self.is_growing.remove(&path);
            return Growing::Due(path);
        }
        Growing::None
    }

    fn drop_paths(&mut self) {
        self.ready = VecDeque::new();
        self.wakes = HashMap::new();
        self.growing = VecDeque::new();
        self.is_growing = HashSet::new();
    }
}

fn wait<'a>(
    condition: &Condvar,
    state: MutexGuard<'a, State>,
    pause: Duration,
) -> MutexGuard<'a, State> {
    condition
        .wait_timeout(state, pause)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}

#[cfg(test)]
mod tests {
    use archal_core::clock::{FakeClock, Timestamp};

    use super::*;

    const GROWTH: Duration = Duration::from_secs(1);

    fn wake(wakeups: &Wakeups, path: &str, wake: Wake, millis: u64) {
        wakeups.wake(path.into(), wake, Duration::from_millis(millis));
    }

    /// The paths that need not be waited for.
    fn ready(wakeups: &Wakeups) -> Vec<(String, Wake)> {
        let clock = FakeClock::new(Timestamp::UNIX_EPOCH);
        // Behind the last one nothing is asked for.
        wake(wakeups, "end", Wake::Ready, 0);
        let mut ready = Vec::new();
        while let Some((path, wake)) = wakeups.next(&clock) {
            if path.as_os_str() == "end" {
                break;
            }
            ready.push((path.display().to_string(), wake));
        }
        ready
    }

    /// A growing path whose time has come; these come after the others.
    fn due(wakeups: &Wakeups, millis: u64) -> Option<PathBuf> {
        match wakeups.lock().next_growing(Duration::from_millis(millis)) {
            Growing::Due(path) => Some(path),
            Growing::In(_) | Growing::None => None,
        }
    }

    #[test]
    fn a_path_waits_once_and_the_most_that_happened_counts() {
        let wakeups = Wakeups::new(99, GROWTH);
        wake(&wakeups, "a", Wake::Created, 0);
        wake(&wakeups, "b", Wake::Ready, 0);
        wake(&wakeups, "a", Wake::Growing, 0);
        wake(&wakeups, "a", Wake::Ready, 0);
        wake(&wakeups, "b", Wake::Created, 0);
        let told = [("a", Wake::Ready), ("b", Wake::Ready)];
        assert_eq!(
            ready(&wakeups),
            told.map(|(path, wake)| (path.to_owned(), wake))
        );
        assert_eq!(due(&wakeups, 9_999), None);
    }

    #[test]
    fn a_file_that_grows_comes_after_a_while_and_no_later_however_long_it_grows() {
        let wakeups = Wakeups::new(99, GROWTH);
        for millis in 0..1000 {
            wake(&wakeups, "a", Wake::Growing, millis);
            assert_eq!(due(&wakeups, millis), None);
        }
        assert_eq!(due(&wakeups, 1000), Some("a".into()));
        assert_eq!(due(&wakeups, 1000), None);
        // One that is closed comes at once, and not again.
        wake(&wakeups, "a", Wake::Growing, 1000);
        wake(&wakeups, "a", Wake::Ready, 1001);
        assert_eq!(ready(&wakeups).len(), 1);
        assert_eq!(due(&wakeups, 2000), None);
    }

    #[test]
    fn more_paths_than_fit_become_a_walk() {
        let wakeups = Wakeups::new(4, GROWTH);
        for path in ["a", "b", "c", "d"] {
            wake(&wakeups, path, Wake::Growing, 0);
        }
        // Those that are closed in between leave their place.
        for path in ["a", "b", "c", "d", "a", "b"] {
            wake(&wakeups, path, Wake::Ready, 1);
        }
        assert_eq!(wakeups.requested(), 0);
        wake(&wakeups, "e", Wake::Ready, 1);
        assert_eq!(wakeups.requested(), 1);
        assert_eq!(ready(&wakeups), []);
        assert_eq!(wakeups.turn(0, Duration::ZERO), Turn::Request(1));
        assert_eq!(wakeups.turn(1, Duration::ZERO), Turn::Nothing);
        wake(&wakeups, "f", Wake::Ready, 2);
        assert_eq!(ready(&wakeups).len(), 1);
    }

    #[test]
    fn the_end_is_told_to_both_sides() {
        let wakeups = Wakeups::new(4, GROWTH);
        wakeups.root();
        wake(&wakeups, "a", Wake::Ready, 0);
        wakeups.stop();
        assert_eq!(wakeups.turn(0, Duration::MAX), Turn::Stop);
        assert_eq!(wakeups.next(&FakeClock::new(Timestamp::UNIX_EPOCH)), None);
    }
}
