//! The thread that walks through the directory: what it finds is the truth.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::diagnostic::Diagnostic;

use super::place::{self, FolderIdentity};
use super::wakeups::Turn;
use super::{Event, Health, Shared, Stamp, Why};
use crate::ingest::folder::{self, Entry, Step};

/// How much longer than a walk the pause after it is, when events work.
const REST: u32 = 200;
/// The same, when only walks find anything.
const REST_POLLING: u32 = 20;
/// The same, when a walk is asked for.
const REST_REQUESTED: u32 = 4;
/// However long a walk took, the next one comes.
const LONGEST_REST: Duration = Duration::from_hours(1);
/// How often at least a directory that is not there is looked for.
const MISSING: Duration = Duration::from_millis(500);
/// How many findings of a walk are told.
const MOST_FINDINGS: usize = 100;
/// How many known paths are asked for at a time.
const PAGE: usize = 1024;

/// Walks through the directory until the watch ends.
pub(super) fn run(shared: &Shared) {
    let mut watched = None;
    let mut answered = 0;
    while !shared.wakeups.is_stopped() {
        match walk_when_there(shared, &mut watched, &mut answered) {
            Ok(rest) => {
                if rest_until_due(shared, watched, answered, rest) == Turn::Root {
                    watched = None;
                }
            }
            Err(reason) => {
                watched = None;
                shared.notifier.disarm();
                shared.tell_health(Health::Waiting { reason }, false);
                let pause = shared.settings.poll.min(MISSING);
                shared.wakeups.turn(u64::MAX, pause);
            }
        }
    }
    shared.notifier.disarm();
}

/// One walk; says how long to rest after it, or why the directory cannot be read.
fn walk_when_there(
    shared: &Shared,
    watched: &mut Option<FolderIdentity>,
    answered: &mut u64,
) -> Result<Rest, String> {
    let identity = place::identify(&shared.root)?;
    if *watched != Some(identity) || shared.notifier.may_mend() {
        let is_new = *watched != Some(identity);
        arm(shared);
        *watched = Some(identity);
        shared.tell_health(shared.notifier.health(), is_new);
    }
    let request = shared.wakeups.requested();
    let begun = shared.clock.monotonic();
    let before = shared.known.count();
    let mut walk = Walk {
        shared,
        files: 0,
        known: 0,
        held_back: Duration::ZERO,
        findings: Vec::new(),
        left_out: 0,
    };
    let ended = folder::walk(shared.accepts, &shared.root, &mut |step| walk.take(step));
    if let Err(error) = ended {
        return Err(format!("{error}: {}", error.source));
    }
    // Some may have been read since the walk came by; then it is asked once too often.
    if before > 0 && walk.known < before.max(shared.known.count()) {
        walk.gone();
    }
    let took = shared
        .clock
        .monotonic()
        .saturating_sub(begun)
        .saturating_sub(walk.held_back);
    let (files, diagnostics) = (walk.files, walk.diagnostics());
    shared.tell_health(shared.notifier.health(), false);
    shared.tell(Event::Scanned {
        request,
        files,
        took,
        diagnostics,
    });
    *answered = request;
    Ok(Rest::after(
        took,
        shared.settings.poll,
        shared.notifier.health() == Health::Events,
    ))
}

/// Asks for the events of the directory and of all its folders, before files are looked at.
fn arm(shared: &Shared) {
    shared.notifier.arm(
        &shared.root,
        shared.settings.force_poll,
        &shared.wakeups,
        &shared.clock,
    );
    // No file is asked for, so that a folder of a million costs a list of names.
    let visited = folder::walk(|_| false, &shared.root, &mut |step| {
        if let Step::Folder(folder) = step {
            shared.notifier.watch(folder);
        }
        flow(shared)
    });
    // The walk that follows says what cannot be read.
    drop(visited);
}

fn flow(shared: &Shared) -> ControlFlow<()> {
    if shared.wakeups.is_stopped() {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// How long after a walk the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest {
    /// By itself.
    usual: Duration,
    /// When it is asked for.
    requested: Duration,
}

impl Rest {
    fn after(took: Duration, poll: Duration, has_events: bool) -> Self {
        let factor = if has_events { REST } else { REST_POLLING };
        let at_most = LONGEST_REST.max(poll);
        Self {
            usual: took.saturating_mul(factor).max(poll).min(at_most),
            requested: took.saturating_mul(REST_REQUESTED).min(at_most),
        }
    }
}

/// Waits until the next walk is due: by time, because it is asked for, or because another folder
/// lies at the directory's path, which is looked at however long the rest is.
fn rest_until_due(
    shared: &Shared,
    watched: Option<FolderIdentity>,
    answered: u64,
    rest: Rest,
) -> Turn {
    let begun = shared.clock.monotonic();
    let mut seen = answered;
    loop {
        let rested = shared.clock.monotonic().saturating_sub(begun);
        let due = if seen > answered {
            rest.requested
        } else {
            rest.usual
        };
        if rested >= due {
            return Turn::Nothing;
        }
        let pause = (due - rested).min(shared.settings.poll);
        match shared.wakeups.turn(seen, pause) {
            Turn::Stop => return Turn::Stop,
            Turn::Request(number) => seen = number,
            // Its watch may have ended, even where the folder made anew has the old one's number.
            Turn::Root => return Turn::Root,
            Turn::Nothing => {
                if place::identify(&shared.root).ok() != watched {
                    return Turn::Root;
                }
            }
        }
    }
}

/// One walk while it goes on.
struct Walk<'a> {
    shared: &'a Shared,
    files: u64,
    /// How many of the files have a stamp.
    known: u64,
    held_back: Duration,
    findings: Vec<Diagnostic>,
    left_out: usize,
}

impl Walk<'_> {
    fn take(&mut self, step: Step<'_>) -> ControlFlow<()> {
        match step {
            Step::Folder(folder) => self.shared.notifier.watch(folder),
            Step::Files(files) => {
                for (path, stamp) in files {
                    self.files += 1;
                    self.file(path, stamp);
                    flow(self.shared)?;
                }
            }
            Step::Finding(finding) if self.findings.len() < MOST_FINDINGS => {
                self.findings.push(finding);
            }
            Step::Finding(_) => self.left_out += 1,
        }
        flow(self.shared)
    }

    fn file(&mut self, path: PathBuf, stamp: Stamp) {
        let why = self.shared.why(&path, stamp);
        if why != Some(Why::Arrived) {
            self.known += 1;
        }
        if let Some(why) = why {
            self.tell(Event::Look { path, stamp, why });
        }
    }

    fn tell(&mut self, event: Event) {
        let begun = self.shared.clock.monotonic();
        self.shared.tell(event);
        let ended = self.shared.clock.monotonic();
        self.held_back += ended.saturating_sub(begun);
    }

    /// Some paths that have a stamp were not come upon: tells those.
    fn gone(&mut self) {
        let Ok(root) = self.shared.root.canonicalize() else {
            return;
        };
        let mut last: Option<PathBuf> = None;
        loop {
            let page = self.shared.known.after(last.as_deref(), PAGE);
            if page.is_empty() || self.shared.wakeups.is_stopped() {
                return;
            }
            last = page.last().cloned();
            for path in page {
                if self.is_gone(&path, &root) {
                    self.tell(Event::Gone { path });
                }
            }
        }
    }

    fn is_gone(&self, path: &Path, root: &Path) -> bool {
        let is_read = self.shared.below(path, root).is_some() && (self.shared.accepts)(path);
        // What cannot be looked at may still be there.
        !is_read || matches!(folder::look(path, root), Ok(Entry::Folder | Entry::Other))
    }

    fn diagnostics(&mut self) -> Vec<Diagnostic> {
        let mut findings = std::mem::take(&mut self.findings);
        if self.left_out > 0 {
            findings.push(
                Diagnostic::error(
                    "trace/unreadable",
                    format!("{} more could not be looked at", self.left_out),
                )
                .in_file(&self.shared.root),
            );
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_walk_took_the_longer_is_the_rest() {
        let poll = Duration::from_secs(5);
        let rest =
            |millis, has_events| Rest::after(Duration::from_millis(millis), poll, has_events);
        assert_eq!(rest(10, true).usual, poll);
        assert_eq!(rest(100, true).usual, Duration::from_secs(20));
        assert_eq!(rest(100, false).usual, poll);
        assert_eq!(rest(1_000, false).usual, Duration::from_secs(20));
        assert_eq!(rest(1_000, true).requested, Duration::from_secs(4));
        assert_eq!(rest(1_000_000, true).usual, LONGEST_REST);
        let seldom = Rest::after(Duration::ZERO, Duration::from_hours(9), true);
        assert_eq!(seldom.usual, Duration::from_hours(9));
        assert_eq!(seldom.requested, Duration::ZERO);
    }
}
