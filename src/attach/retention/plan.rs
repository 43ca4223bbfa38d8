//! What of the state folder may go, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;

use crate::attach::state::pruned::Part;
use crate::config::schema::Retention;

use super::known::{KnownTrace, Reason};
use super::tree::Tree;

/// The folders of attach with something for each trace.
const STAGES: [&str; 5] = ["imports", "grades", "seeds", "runs", "fixes"];
/// Files of a trace that decide what became of it; they go with the whole trace or not at all.
const DECIDING: [&str; 5] = [
    "manifest.json",
    "status.json",
    "proof.json",
    "repo.patch",
    "pr-details.md",
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

/// What is to go and what stays.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What goes, in that order, and why.
    pub(super) going: Vec<(Unit, String)>,
    /// Bytes and number of what stays, by reason.
    pub(super) kept: BTreeMap<Reason, (u64, u64)>,
    /// Bytes before anything went.
    pub(super) bytes: u64,
    /// What could not be looked at.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// What is known of the runs of `archal run`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs<'a> {
    /// The summary of the last suite.
    pub(super) last: &'a str,
    /// Suites and runs that stay, whatever their age.
    pub(super) needed: &'a BTreeSet<String>,
}

/// What is on the disk of one trace.
#[derive(Debug, Default)]
struct OnDisk {
    /// Evidence of runs of the present revision.
    evidence: Vec<(PathBuf, u64)>,
    /// What was set aside of earlier ones.
    aside: Vec<(PathBuf, u64)>,
    /// Its whole folders and files, without the bytes of the above.
    records: Vec<(PathBuf, u64)>,
}

/// Decides what goes by age and then, oldest first, by size: evidence before traces.
pub(super) fn make(
    tree: &Tree,
    known: &BTreeMap<String, KnownTrace>,
    settings: &Retention,
    runs_of: Runs<'_>,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    // What goes only where there is not enough room: evidence, then whole traces.
    let mut evidence = Vec::new();
    let mut wholes = Vec::new();
    for (name, found) in on_disk(tree, &mut plan) {
        let sum = |paths: &[(PathBuf, u64)]| paths.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let all = sum(&found.evidence) + sum(&found.aside) + sum(&found.records);
        plan.bytes += all;
        let Some(trace) = known.get(&name) else {
            keep(&mut plan, Reason::Unknown, all);
            continue;
        };
        if trace.reason == Some(Reason::UnderWay) {
            keep(&mut plan, Reason::UnderWay, all);
            continue;
        }
        let unit = |part, paths| Unit {
            trace: Some((name.clone(), trace.clone())),
            part,
            changed: trace.changed,
            paths,
        };
        let OnDisk {
            evidence: runs,
            aside,
            records,
        } = found;
        if trace.reason.is_none()
            && let Some(limit) = settings.traces
            && is_older(trace.changed, limit.duration(), now)
        {
            let paths = [runs, aside, records].concat();
            let why = format!("older than {limit}");
            plan.going.push((unit(Part::Trace, paths), why));
            continue;
        }
        let keeps_runs = trace.reason.is_some_and(Reason::keeps_evidence);
        let (free, held) = if keeps_runs {
            (aside, [runs, records.clone()].concat())
        } else {
            ([runs, aside].concat(), records.clone())
        };
        let free = unit(Part::Runs, free);
        match settings.runs {
            _ if free.paths.is_empty() => {}
            Some(limit) if is_older(trace.changed, limit.duration(), now) => {
                plan.going.push((free, format!("older than {limit}")));
            }
            _ => evidence.push(free),
        }
        match trace.reason {
            Some(reason) => keep(&mut plan, reason, sum(&held)),
            None => wholes.push(unit(Part::Trace, records)),
        }
    }
    for (folder, prefix) in [("cache/runs", "run-"), ("cache/suites", "suite-")] {
        let kind = (Path::new(folder), prefix);
        runs(
            tree,
            settings,
            (kind, runs_of, now),
            &mut plan,
            &mut evidence,
        );
    }
    by_size(settings, &mut plan, evidence, wholes);
    plan
}

fn keep(plan: &mut Plan, reason: Reason, bytes: u64) {
    let (count, sum) = plan.kept.entry(reason).or_default();
    *count += 1;
    *sum += bytes;
}

/// A clock that was set back makes nothing old.
fn is_older(changed: Timestamp, limit: Duration, now: Timestamp) -> bool {
    changed.checked_add(limit).is_ok_and(|end| end < now)
}

/// Takes from what nothing refers to until the rest is small enough.
fn by_size(settings: &Retention, plan: &mut Plan, mut evidence: Vec<Unit>, mut wholes: Vec<Unit>) {
    let going: u64 = plan.going.iter().map(|(unit, _)| unit.bytes()).sum();
    let mut left = plan.bytes - going;
    evidence.sort_by_key(|unit| unit.changed);
    wholes.sort_by_key(|unit| unit.changed);
    for unit in evidence.into_iter().chain(wholes) {
        match settings.max_bytes {
            Some(most) if left > most.in_bytes() && unit.bytes() > 0 => {
                left -= unit.bytes();
                plan.going.push((unit, format!("more than {most}")));
            }
            _ => keep(plan, Reason::Young, unit.bytes()),
        }
    }
}

/// The folders of `archal run`: of runs, or of suites.
fn runs(
    tree: &Tree,
    settings: &Retention,
    ((folder, prefix), of, now): ((&Path, &str), Runs<'_>, Timestamp),
    plan: &mut Plan,
    evidence: &mut Vec<Unit>,
) {
    for name in names(tree, folder, plan) {
        let path = folder.join(&name);
        let measured = match tree.measure(&path) {
            Ok(measured) => measured,
            Err(error) => {
                unseen(plan, &path, &error);
                continue;
            }
        };
        plan.bytes += measured.bytes;
        if !name.starts_with(prefix) {
            keep(plan, Reason::Unknown, measured.bytes);
            continue;
        }
        let changed = Timestamp::from_second(measured.newest).unwrap_or(Timestamp::MAX);
        let unit = Unit {
            trace: None,
            part: Part::Runs,
            changed,
            paths: vec![(path, measured.bytes)],
        };
        match settings.runs {
            _ if of.last.contains(&format!("\"{name}\"")) => {
                keep(plan, Reason::LastRun, measured.bytes);
            }
            _ if of.needed.contains(&name) => keep(plan, Reason::Suite, measured.bytes),
            _ if !is_older(changed, UNDER_WAY, now) => keep(plan, Reason::Young, measured.bytes),
            Some(limit) if is_older(changed, limit.duration(), now) => {
                plan.going.push((unit, format!("older than {limit}")));
            }
            _ => evidence.push(unit),
        }
    }
}

fn on_disk(tree: &Tree, plan: &mut Plan) -> BTreeMap<String, OnDisk> {
    let mut found: BTreeMap<String, OnDisk> = BTreeMap::new();
    for stage in STAGES {
        let folder = Path::new("attach").join(stage);
        for name in names(tree, &folder, plan) {
            let path = folder.join(&name);
            let trace = match stage {
                "imports" => name.strip_suffix(".json").unwrap_or(&name),
                _ => name.as_str(),
            };
            let on_disk = found.entry(trace.to_owned()).or_default();
            if let Err(error) = look(tree, stage, &path, on_disk) {
                unseen(plan, &path, &error);
            }
        }
    }
    found
}

/// Sorts what one stage left of one trace into what it is for.
fn look(tree: &Tree, stage: &str, path: &Path, found: &mut OnDisk) -> io::Result<()> {
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
                found.aside.push((inner, bytes));
            } else if is_evidence {
                found.evidence.push((inner, bytes));
            } else {
                continue;
            }
            rest = rest.saturating_sub(bytes);
        }
    }
    found.records.push((path.to_owned(), rest));
    Ok(())
}

/// The names in a folder; what begins with a dot is archal's own, or nobody's.
fn names(tree: &Tree, folder: &Path, plan: &mut Plan) -> Vec<String> {
    match tree.entries(folder) {
        Ok(entries) => entries
            .into_iter()
            .filter_map(|entry| entry.name.into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect(),
        Err(error) => {
            unseen(plan, folder, &error);
            Vec::new()
        }
    }
}

fn unseen(plan: &mut Plan, path: &Path, error: &io::Error) {
    plan.diagnostics.push(
        Diagnostic::warning("prune/unreadable", format!("left alone: {error}")).in_file(path),
    );
}
