//! What is left when the helper of a process group is killed: archal adopts it and ends it.
//!
//! Without namespaces a child can kill its helper, which is its parent and of the same user.
//! While such a child runs, archal is a child subreaper itself, so the helper's descendants become
//! its children.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::WaitOptions;

use super::processes;

/// How long orphans are hunted; processes stuck in the kernel outlive any signal.
const HUNT: Duration = Duration::from_secs(5);
/// Between two looks at the process table.
const PAUSE: Duration = Duration::from_millis(2);

/// The helpers of this process that run, and how many of them hold a process group.
struct Helpers {
    running: BTreeSet<i32>,
    groups: usize,
}

static HELPERS: Mutex<Helpers> = Mutex::new(Helpers {
    running: BTreeSet::new(),
    groups: 0,
});

fn helpers() -> MutexGuard<'static, Helpers> {
    HELPERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A helper that runs. Dropped after its end was waited for.
#[derive(Debug)]
pub(super) struct Running {
    id: i32,
    is_group: bool,
}

/// Starts a helper that is never taken for an orphan; the orphans of one that holds a process
/// group become children of this process.
pub(super) fn start(command: &mut Command, is_group: bool) -> io::Result<(Child, Running)> {
    // Held until the id is known, so that nobody sees a helper that is not in the list.
    let mut helpers = helpers();
    if is_group && helpers.groups == 0 {
        let own = rustix::process::getpid();
        rustix::process::set_child_subreaper(Some(own))?;
    }
    let spawned = command.spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) => {
            adopt_no_more(&helpers);
            return Err(error);
        }
    };
    let id = child.id().cast_signed();
    helpers.running.insert(id);
    helpers.groups += usize::from(is_group);
    drop(helpers);
    Ok((child, Running { id, is_group }))
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut helpers = helpers();
        helpers.running.remove(&self.id);
        helpers.groups -= usize::from(self.is_group);
        adopt_no_more(&helpers);
    }
}

fn adopt_no_more(helpers: &Helpers) {
    if helpers.groups == 0 {
        // An error leaves an attribute that does no harm.
        rustix::process::set_child_subreaper(None).ok();
    }
}

/// Kills the orphans of helpers that are gone, and their descendants, until none is left.
pub(super) fn end_all() {
    let until = Instant::now() + HUNT;
    let mut quiet = 0;
    // The table is read while it changes, so one empty look proves nothing.
    while quiet < 2 && Instant::now() < until {
        let table: Vec<_> = processes::all().collect();
        let orphans = orphans(&table);
        if orphans.is_empty() {
            quiet += 1;
            continue;
        }
        quiet = 0;
        let below = processes::descendants(&table, orphans.iter().copied());
        for id in orphans.iter().chain(&below) {
            // It may have ended in between.
            kill(Pid::from_raw(*id), Signal::SIGKILL).ok();
        }
        for id in orphans {
            // Only these: the end of a child that somebody else here waits for must stay.
            if let Some(id) = rustix::process::Pid::from_raw(id) {
                rustix::process::waitpid(Some(id), WaitOptions::NOHANG).ok();
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Children of this process that it did not start.
///
/// What it starts stays in its session, but for helpers, which are listed. A contained child has
/// a session of its own, which none of its descendants can leave for this one, and can never
/// be without `no_new_privs` again, which tells them from other daemons.
fn orphans(table: &[processes::Process]) -> Vec<i32> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    // 0 where the session's leader is outside of this PID namespace: a container without a
    // session of its own.
    let Ok(session) = nix::unistd::getsid(None).map(Pid::as_raw) else {
        return Vec::new();
    };
    let strangers: Vec<i32> = table
        .iter()
        .filter(|process| process.parent == own && process.session != session)
        .map(|process| process.id)
        .filter(|id| has_no_new_privileges(*id))
        .collect();
    // Asked after looking: a helper that was seen is in the list by then.
    let helpers = helpers();
    strangers
        .into_iter()
        .filter(|id| !helpers.running.contains(id))
        .collect()
}

fn has_no_new_privileges(id: i32) -> bool {
    fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|status| {
        status
            .lines()
            .any(|line| line.strip_prefix("NoNewPrivs:").map(str::trim) == Some("1"))
    })
}
