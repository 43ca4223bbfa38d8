//! Which suites and runs may go: a decision over what was found, and carrying it out.
//!
//! A suite goes with its runs. What may still be gone on with, what may be running and the last
//! suite stay, whatever their age; a suite that is named goes, unless it may be running.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence;
use super::shelf::{ReadError, Shelf, SuiteState};

/// What was written to so lately may be running.
const UNDER_WAY: Duration = Duration::from_secs(3_600);

/// What decides.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Older suites go; none where age is no reason.
    pub older_than: Option<Duration>,
    /// So many of the newest stay, whatever their age.
    pub keep: usize,
    /// These go, whatever their age, and nothing else.
    pub named: BTreeSet<String>,
}

/// A suite or a run without one, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: String,
    /// How far it came; none for a run without a suite.
    pub state: Option<SuiteState>,
    /// The runs that go with it, those that are there.
    pub runs: Vec<String>,
    /// When anything in it was last written.
    pub changed: SystemTime,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it is the last suite that ended.
    pub is_last: bool,
    /// Whether it is to be kept, whatever its age.
    pub keep: bool,
}

/// Why something stays.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// Its runs are being made.
    Running,
    /// It was written to within the hour, so it may be running.
    MayRun,
    /// It was made with `--keep`.
    Kept,
    /// It can be gone on with.
    Resumable,
    /// The last suite.
    Last,
    /// Among the newest that are kept.
    Newest,
    /// Not old enough.
    Young,
    /// Not named.
    NotNamed,
}

impl Stays {
    /// As a person is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::Running => "its runs are being made",
            Self::Kept => "made with --keep",
            Self::MayRun => "written to within the hour, so it may be running",
            Self::Resumable => "can be gone on with",
            Self::Last => "the last suite",
            Self::Newest => "among the newest",
            Self::Young => "not old enough",
            Self::NotNamed => "not named",
        }
    }
}

/// What went, or would go, and what stays: `archal runs prune --json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// Whether nothing was removed, only looked at.
    pub dry_run: bool,
    /// What goes, the oldest first.
    pub removed: Vec<Removed>,
    /// What stays.
    pub kept: Vec<Kept>,
    /// Bytes that go.
    pub bytes: u64,
    /// What could not be removed, each with why.
    pub failed: Vec<String>,
}

/// A suite or a run that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Its id.
    pub id: String,
    /// How many runs go with it.
    pub runs: usize,
    /// Its bytes.
    pub bytes: u64,
}

/// A suite or a run that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: Stays,
}

/// Decides what goes; `units` are the newest first.
pub fn plan<'a>(
    units: &'a [Unit],
    rules: &Rules,
    now: SystemTime,
) -> (Vec<&'a Unit>, Vec<(&'a Unit, Stays)>) {
    let mut going = Vec::new();
    let mut staying = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        match stays(unit, number, rules, now) {
            Some(reason) => staying.push((unit, reason)),
            None => going.push(unit),
        }
    }
    going.reverse();
    (going, staying)
}

fn stays(unit: &Unit, number: usize, rules: &Rules, now: SystemTime) -> Option<Stays> {
    // A clock that was set back makes nothing old.
    let age = now.duration_since(unit.changed).unwrap_or_default();
    if unit.state == Some(SuiteState::Running) {
        return Some(Stays::Running);
    }
    // An older archal has no lock that would say it of a run without a suite.
    if unit.state.is_none() && age < UNDER_WAY {
        return Some(Stays::MayRun);
    }
    if !rules.named.is_empty() {
        return (!rules.named.contains(&unit.id)).then_some(Stays::NotNamed);
    }
    if unit.keep {
        return Some(Stays::Kept);
    }
    if matches!(
        unit.state,
        Some(SuiteState::Unfinished | SuiteState::Stopped)
    ) {
        return Some(Stays::Resumable);
    }
    if unit.is_last {
        return Some(Stays::Last);
    }
    if number < rules.keep {
        return Some(Stays::Newest);
    }
    match rules.older_than {
        Some(limit) if age > limit => None,
        _ => Some(Stays::Young),
    }
}

/// Finds suites with their runs and runs without a suite, the newest first.
///
/// # Errors
///
/// When they cannot be listed.
pub fn units(shelf: Shelf<'_>) -> Result<Vec<Unit>, ReadError> {
    let last = shelf.last();
    let mut runs: BTreeSet<String> = shelf.runs()?.into_iter().map(|place| place.id).collect();
    let mut of_suites: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let suites = shelf.suites()?;
    for place in &suites {
        let folder = shelf.layout.suite(&place.id);
        let mut named = summed_runs(&folder);
        named.extend(planned_runs(&folder));
        let there = named.into_iter().filter(|run| runs.remove(run)).collect();
        of_suites.insert(place.id.clone(), there);
    }
    // What no summary names says itself whose it is.
    let mut without = Vec::new();
    for run in runs {
        let suite = suite_of(&shelf.layout.run(&run));
        match suite.and_then(|suite| of_suites.get_mut(&suite)) {
            Some(of_suite) => of_suite.push(run),
            None => without.push(run),
        }
    }
    let mut units = Vec::new();
    for (suite, runs) in of_suites {
        let mut measured = Measured::of(&shelf.layout.suite(&suite));
        for run in &runs {
            measured.add(Measured::of(&shelf.layout.run(run)));
        }
        let head = shelf.head(&suite);
        units.push(Unit {
            state: Some(head.state),
            keep: head.keep,
            is_last: last.as_deref() == Some(&suite),
            changed: measured.newest,
            bytes: measured.bytes,
            id: suite,
            runs,
        });
    }
    for run in without {
        let measured = Measured::of(&shelf.layout.run(&run));
        units.push(Unit {
            state: None,
            runs: vec![run.clone()],
            changed: measured.newest,
            bytes: measured.bytes,
            id: run,
            is_last: false,
            keep: false,
        });
    }
    units.sort_by(|one, other| (other.changed, &other.id).cmp(&(one.changed, &one.id)));
    Ok(units)
}

/// The ids of suites that stay whatever their age, because their runs are being made, can be gone
/// on with or are to be kept; and of their runs. What cannot be read is not among them.
pub fn needed(shelf: Shelf<'_>) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for place in shelf.suites().unwrap_or_default() {
        let head = shelf.head(&place.id);
        let is_needed = head.keep
            || matches!(
                head.state,
                SuiteState::Running | SuiteState::Unfinished | SuiteState::Stopped
            );
        if is_needed {
            let folder = shelf.layout.suite(&place.id);
            needed.extend(summed_runs(&folder));
            needed.extend(planned_runs(&folder));
            needed.insert(place.id);
        }
    }
    needed
}

/// Removes what goes, or says what would.
pub fn carry_out(
    shelf: Shelf<'_>,
    units: &[Unit],
    rules: &Rules,
    now: SystemTime,
    dry_run: bool,
) -> PruneReport {
    let (going, staying) = plan(units, rules, now);
    let mut report = PruneReport {
        dry_run,
        kept: staying
            .into_iter()
            .map(|(unit, reason)| Kept {
                id: unit.id.clone(),
                reason,
            })
            .collect(),
        ..PruneReport::default()
    };
    for unit in going {
        let removed = if dry_run { Ok(()) } else { remove(shelf, unit) };
        match removed {
            Ok(()) => {
                report.bytes += unit.bytes;
                report.removed.push(Removed {
                    id: unit.id.clone(),
                    runs: unit.runs.len(),
                    bytes: unit.bytes,
                });
            }
            Err(why) => report.failed.push(why),
        }
    }
    report
}

/// Runs first: what is cut off in between is found again by the suite that is still there.
fn remove(shelf: Shelf<'_>, unit: &Unit) -> Result<(), String> {
    let runs = unit.runs.iter().map(|run| shelf.layout.run(run));
    let suite = unit.state.map(|_| shelf.layout.suite(&unit.id));
    for folder in runs.chain(suite) {
        // It follows no link.
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(())
}

/// The ids of the runs a summary names.
fn summed_runs(suite: &Path) -> Vec<String> {
    #[derive(Deserialize)]
    struct Summary {
        scenarios: Vec<Scenario>,
    }
    #[derive(Deserialize)]
    struct Scenario {
        results: Vec<Run>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Run {
        run_id: String,
    }
    let summary = evidence::document::<Summary>(&suite.join("summary.json"));
    let scenarios = summary.ok().flatten().map(|summary| summary.scenarios);
    scenarios
        .into_iter()
        .flatten()
        .flat_map(|scenario| scenario.results)
        .map(|run| run.run_id)
        .collect()
}

/// The ids of the runs a plan names.
fn planned_runs(suite: &Path) -> Vec<String> {
    #[derive(Deserialize)]
    struct Plan {
        #[serde(default)]
        scenarios: Vec<Scenario>,
    }
    #[derive(Deserialize)]
    struct Scenario {
        #[serde(default)]
        runs: Vec<String>,
    }
    let plan = evidence::document::<Plan>(&suite.join("suite.json"));
    let scenarios = plan.ok().flatten().map(|plan| plan.scenarios);
    let runs = scenarios.into_iter().flatten().flat_map(|one| one.runs);
    runs.collect()
}

/// The suite a run says it belongs to.
fn suite_of(run: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Run {
        suite: Option<String>,
    }
    let run = evidence::document::<Run>(&run.join("result.json"));
    run.ok()??.suite
}

/// What a folder holds.
struct Measured {
    bytes: u64,
    newest: SystemTime,
}

impl Measured {
    fn of(folder: &Path) -> Self {
        let mut sum = Self {
            bytes: 0,
            newest: SystemTime::UNIX_EPOCH,
        };
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                // Of a link itself, not of what it leads to.
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                if about.is_dir() {
                    folders.push(entry.path());
                } else {
                    sum.add(Self {
                        bytes: about.len(),
                        newest: about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    });
                }
            }
        }
        sum
    }

    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.newest = self.newest.max(other.newest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    fn unit(id: &str, state: Option<SuiteState>, hours: u64, now: SystemTime) -> Unit {
        Unit {
            id: id.to_owned(),
            state,
            runs: Vec::new(),
            changed: now - Duration::from_secs(hours * HOUR + 1),
            bytes: 10,
            is_last: id == "last",
            keep: id == "kept",
        }
    }

    #[test]
    fn only_what_nothing_needs_goes() {
        use SuiteState::{Finished, Running, Stopped, Unfinished};
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * HOUR);
        let units = [
            unit("running", Some(Running), 99, now),
            unit("fresh", None, 0, now),
            unit("newest", Some(Finished), 30, now),
            unit("young", Some(Finished), 40, now),
            unit("last", Some(Finished), 60, now),
            unit("stopped", Some(Stopped), 70, now),
            unit("cut off", Some(Unfinished), 80, now),
            unit("loose", None, 90, now),
            unit("kept", Some(Finished), 98, now),
            unit("old", Some(Finished), 99, now),
        ];
        let decided = |rules: &Rules| {
            let (going, staying) = plan(&units, rules, now);
            let going: Vec<&str> = going.iter().map(|unit| unit.id.as_str()).collect();
            let staying: Vec<String> = staying
                .iter()
                .map(|(unit, why)| format!("{}: {why:?}", unit.id))
                .collect();
            format!("{}\n{}", going.join(", "), staying.join("\n"))
        };
        let by_age = Rules {
            older_than: Some(Duration::from_secs(50 * HOUR)),
            keep: 3,
            ..Rules::default()
        };
        insta::assert_snapshot!(decided(&by_age), @r"
        old, loose
        running: Running
        fresh: MayRun
        newest: Newest
        young: Young
        last: Last
        stopped: Resumable
        cut off: Resumable
        kept: Kept
        ");
        let named = |names: &[&str]| Rules {
            named: names.iter().map(|name| (*name).to_owned()).collect(),
            ..by_age.clone()
        };
        assert!(decided(&named(&["stopped", "young"])).starts_with("stopped, young\n"));
        assert!(decided(&named(&["running"])).starts_with('\n'));
        assert!(
            decided(&Rules::default()).starts_with('\n'),
            "no age, no reason"
        );
    }
}
