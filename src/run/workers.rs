//! Runs made at once: each worker takes the next run that nobody has, and makes it.
//!
//! A worker waits for the child it started, and its thread lasts until no run is left: the child's
//! parent-death signal follows the thread that started it.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the workers are to do with a run that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Take another.
    GoOn,
    /// No further one begins; those under way come to their end.
    Stop,
}

/// Makes `jobs` of the runs at a time, in order. `make` is called by the workers; `ended` with one
/// result at a time, as they come.
///
/// None begins after a stop, nor after one for which `make` gives nothing.
pub fn work<J, R>(
    runs: Vec<J>,
    jobs: NonZeroUsize,
    make: impl Fn(&J) -> Option<R> + Sync,
    ended: impl FnMut(J, R) -> Next + Send,
) where
    J: Send,
    R: Send,
{
    let jobs = jobs.get().min(runs.len());
    let waiting = Mutex::new(VecDeque::from(runs));
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        let worker = || {
            loop {
                let Some(job) = locked(&waiting).pop_front() else {
                    break;
                };
                let next = match make(&job) {
                    Some(result) => (*locked(&ended))(job, result),
                    None => Next::Stop,
                };
                if next == Next::Stop {
                    locked(&waiting).clear();
                }
            }
        };
        for _ in 1..jobs {
            scope.spawn(worker);
        }
        worker();
    });
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panicked ends all of them when the scope ends.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn jobs(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).expect("not zero")
    }

    #[test]
    fn each_run_is_made_once_and_so_many_at_a_time() {
        // Nobody passes the barrier alone.
        let two = Barrier::new(2);
        let mut ended = Vec::new();
        work(
            (0..10).collect(),
            jobs(2),
            |run| {
                two.wait();
                Some(run * 2)
            },
            |run, result| {
                ended.push((run, result));
                Next::GoOn
            },
        );
        ended.sort_unstable();
        let expected: Vec<(i32, i32)> = (0..10).map(|run| (run, run * 2)).collect();
        assert_eq!(ended, expected);
    }

    #[test]
    fn after_a_stop_and_after_a_run_that_was_not_made_no_other_begins() {
        for (last, refused, expected) in [(3, 7, 0..=3), (9, 7, 0..=6)] {
            let mut ended = Vec::new();
            work(
                (0..10).collect(),
                jobs(1),
                |run| (*run != refused).then_some(()),
                |run, ()| {
                    ended.push(run);
                    if run == last { Next::Stop } else { Next::GoOn }
                },
            );
            assert_eq!(ended, expected.collect::<Vec<i32>>());
        }
    }
}
