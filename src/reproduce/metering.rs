//! Reading what a child says it has spent while it is still running, so that an attempt that is
//! cut off is charged what is known of it.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::run::scrub::Scrubber;

use super::journal::{AttemptId, Journal};
use super::spent::Spent;

/// How often the file is read.
const EVERY: Duration = Duration::from_secs(1);

/// Does `work`, and meanwhile tells the journal of each new figure in `file`.
pub fn metered<T>(
    journal: &dyn Journal,
    id: &AttemptId,
    file: &Path,
    scrubber: &Scrubber,
    work: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        // Dropped when the work has ended or panicked, which ends the reader at once.
        let (working, ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            let mut told = Spent::UNKNOWN;
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let spent = read(file, scrubber);
                if spent != told && spent != Spent::UNKNOWN {
                    journal.meter(id, &spent);
                    told = spent;
                }
            }
        });
        let done = work();
        drop(working);
        done
    })
}

/// What the file says now.
pub fn read(file: &Path, scrubber: &Scrubber) -> Spent {
    scrubber
        .file(file)
        .map_or(Spent::UNKNOWN, |report| Spent::read(&report))
}
