//! What of one trace, or of one run, may go.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;

use crate::attach::state::pruned::Part;
use crate::config::schema::Retention;

use super::known::{KnownTrace, Reason};
use super::tree::Tree;

/// The folders of attach with something for each trace.
pub(super) const STAGES: [&str; 5] = ["imports", "grades", "seeds", "runs", "fixes"];
/// Files of a trace that decide what became of it; they go with the whole trace or not at all.
const DECIDING: [&str; 6] = [
    "manifest.json",
    "status.json",
    "proof.json",
    "repo.patch",
    "pr-details.md",
    "pr.json",
];
/// A run that was written to so lately may be under way.
const UNDER_WAY: Duration = Duration::from_secs(3_600);

/// Something that goes or stays as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// The trace; none for a run of `archal run`.
    pub(super) trace: Option<(String, KnownTrace)>,
    /// Which part of it.
    pub(super) part: Part,
    /// When it was last of use.
    pub(super) changed: Timestamp,
    /// Its files and folders, relative to the state folder, and their bytes.
    pub(super) paths: Vec<(PathBuf, u64)>,
}

impl Unit {
    /// Bytes of all of it.
    pub(super) fn bytes(&self) -> u64 {
        self.paths.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// What was decided of a trace or a run.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// Bytes of all of it.
    pub(super) bytes: u64,
    /// What goes because it is old, and why.
    pub(super) going: Option<(Unit, String)>,
    /// What goes only where there is not enough room.
    pub(super) spare: Vec<Unit>,
    /// What stays in any case: why, and its bytes.
    pub(super) kept: Option<(Reason, u64)>,
}

/// What is on the disk of one trace.
#[derive(Debug, Default)]
pub(super) struct OnDisk {
    /// Evidence of runs of the present revision.
    evidence: Vec<(PathBuf, u64)>,
    /// What was set aside of earlier ones.
    aside: Vec<(PathBuf, u64)>,
    /// Its whole folders and files, without the bytes of the above.
    records: Vec<(PathBuf, u64)>,
}

impl OnDisk {
    /// Sorts what one stage left of one trace into what it is for.
    pub(super) fn look(&mut self, tree: &Tree, stage: &str, path: &Path) -> io::Result<()> {
        let mut rest = tree.measure(path)?.bytes;
        if stage != "imports" {
            for entry in tree.entries(path)? {
                let name = entry.name.to_string_lossy();
                let is_aside = entry.is_folder
                    && name
                        .strip_prefix('r')
                        .is_some_and(|number| number.parse::<u32>().is_ok());
                let is_evidence =
                    matches!(stage, "runs" | "fixes") && !DECIDING.contains(&name.as_ref());
                let inner = path.join(&entry.name);
                let bytes = tree.measure(&inner)?.bytes;
                if is_aside {
                    self.aside.push((inner, bytes));
                } else if is_evidence {
                    self.evidence.push((inner, bytes));
                } else {
                    continue;
                }
                rest = rest.saturating_sub(bytes);
            }
        }
        self.records.push((path.to_owned(), rest));
        Ok(())
    }

    /// Decides about the trace whose files these are.
    pub(super) fn decide(
        self,
        name: &str,
        known: Option<KnownTrace>,
        settings: &Retention,
        now: Timestamp,
    ) -> Decision {
        let sum = |paths: &[(PathBuf, u64)]| paths.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let all = sum(&self.evidence) + sum(&self.aside) + sum(&self.records);
        let mut decision = Decision {
            bytes: all,
            ..Decision::default()
        };
        let Some(trace) = known else {
            decision.kept = Some((Reason::Unknown, all));
            return decision;
        };
        if trace.reason == Some(Reason::UnderWay) {
            decision.kept = Some((Reason::UnderWay, all));
            return decision;
        }
        let (reason, changed) = (trace.reason, trace.changed);
        let of = (name.to_owned(), trace);
        let unit = |part, paths| Unit {
            trace: Some(of.clone()),
            part,
            changed,
            paths,
        };
        let Self {
            evidence,
            aside,
            records,
        } = self;
        if reason.is_none()
            && let Some(limit) = settings.traces
            && is_older(changed, limit.duration(), now)
        {
            let paths = [evidence, aside, records].concat();
            decision.going = Some((unit(Part::Trace, paths), format!("older than {limit}")));
            return decision;
        }
        let keeps_runs = reason.is_some_and(Reason::keeps_evidence);
        let (free, held) = if keeps_runs {
            (aside, sum(&evidence) + sum(&records))
        } else {
            ([evidence, aside].concat(), sum(&records))
        };
        let free = unit(Part::Runs, free);
        match settings.runs {
            _ if free.paths.is_empty() => {}
            Some(limit) if is_older(changed, limit.duration(), now) => {
                decision.going = Some((free, format!("older than {limit}")));
            }
            _ => decision.spare.push(free),
        }
        match reason {
            Some(reason) => decision.kept = Some((reason, held)),
            None => decision.spare.push(unit(Part::Trace, records)),
        }
        decision
    }
}

/// What is named and therefore stays, among suites and runs of `archal run`.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The summary of the last suite.
    pub(super) last_run: String,
    /// Suites and runs that stay, whatever their age.
    pub(super) needed: BTreeSet<String>,
    /// Sessions of clones that run.
    pub(super) sessions: BTreeSet<String>,
    /// Artifacts of the loop before a change ships that stay, and why.
    pub(super) loops: BTreeMap<String, Reason>,
}

/// Where sessions of clones leave their evidence.
pub(super) const SESSIONS: &str = "cache/sessions";
/// Where `archal preprod run` leaves artifacts that nobody named a folder for, beside its lock and its
/// open steps.
pub(super) const LOOPS: &str = "preprod";

/// Decides about a folder that `archal run` left, of a run or of a suite, or a session of clones;
/// its name begins with `beginning`.
pub(super) fn of_run(
    tree: &Tree,
    (path, beginning): (&Path, &str),
    settings: &Retention,
    (held, now): (&Held, Timestamp),
) -> io::Result<Decision> {
    let measured = tree.measure(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut decision = Decision {
        bytes: measured.bytes,
        ..Decision::default()
    };
    let changed = Timestamp::from_second(measured.newest).unwrap_or(Timestamp::MAX);
    let unit = Unit {
        trace: None,
        part: Part::Runs,
        changed,
        paths: vec![(path.to_owned(), measured.bytes)],
    };
    match settings.runs {
        _ if !name.starts_with(beginning) => {
            decision.kept = Some((Reason::Unknown, measured.bytes));
        }
        _ if path.starts_with(SESSIONS) && held.sessions.contains(name.as_ref()) => {
            decision.kept = Some((Reason::Session, measured.bytes));
        }
        _ if path.starts_with(LOOPS) && held.loops.contains_key(name.as_ref()) => {
            let reason = held.loops[name.as_ref()];
            decision.kept = Some((reason, measured.bytes));
        }
        _ if held.needed.contains(name.as_ref()) => {
            decision.kept = Some((Reason::Suite, measured.bytes));
        }
        _ if held.last_run.contains(&format!("\"{name}\"")) => {
            decision.kept = Some((Reason::LastRun, measured.bytes));
        }
        _ if !is_older(changed, UNDER_WAY, now) => {
            decision.kept = Some((Reason::Young, measured.bytes));
        }
        Some(limit) if is_older(changed, limit.duration(), now) => {
            decision.going = Some((unit, format!("older than {limit}")));
        }
        _ => decision.spare.push(unit),
    }
    Ok(decision)
}

/// A clock that was set back makes nothing old.
fn is_older(changed: Timestamp, limit: Duration, now: Timestamp) -> bool {
    changed.checked_add(limit).is_ok_and(|end| end < now)
}
