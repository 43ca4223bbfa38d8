//! Which suites and runs there are, the newest first.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::report::{self, CommandSummary, Stopped, SuiteCost, SuiteReport, Totals};
use crate::run::request::Request;
use crate::run::result::RunResult;
use crate::store::layout::Layout;

use super::evidence;

/// What a suite's folder begins with.
pub const SUITE: &str = "suite-";
/// What a run's folder begins with.
pub const RUN: &str = "run-";

/// Where suites and runs are kept.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// The state folder.
    pub layout: &'a Layout,
}

/// Suites, the newest first: `archal runs list --json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The newest of them.
    pub suites: Vec<SuiteHead>,
    /// Older ones that are not listed.
    pub more: usize,
}

/// A suite without its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteHead {
    /// Its id.
    pub suite: String,
    /// How far it came.
    pub state: SuiteState,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// How many of everything; none of one without a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<SuiteCost>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSummary>,
    /// Why runs are missing, where it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Whether it is to be kept, whatever its age.
    #[serde(default)]
    pub keep: bool,
    /// The command that goes on with it, where some is left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Why it cannot be read, where it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How far a suite came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteState {
    /// All its runs were made.
    Finished,
    /// It ended before its last run.
    Stopped,
    /// Its runs are being made.
    Running,
    /// It has no summary, and nobody makes its runs: it was cut off.
    Unfinished,
    /// Its files cannot be read.
    Unreadable,
}

/// The parts of a summary that a list shows; reading it passes over the runs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    started_at: String,
    #[serde(default)]
    finished_at: Option<String>,
    #[serde(default)]
    totals: Option<Totals>,
    #[serde(default)]
    cost: Option<SuiteCost>,
    #[serde(default)]
    command: Option<CommandSummary>,
    #[serde(default)]
    stopped: Option<Stopped>,
}

/// The part of a plan that matters here.
#[derive(Deserialize)]
struct Plan {
    #[serde(default)]
    keep: bool,
    #[serde(default)]
    request: Request,
}

/// Why a suite or a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A folder cannot be listed.
    #[error("cannot list {}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is not there.
    #[error("{} is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("cannot read {}: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A folder of the shelf and when something was last put into or taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name, which is the id.
    pub id: String,
    /// Its time.
    pub changed: SystemTime,
}

impl Shelf<'_> {
    /// The folders of suites, the newest first.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub fn suites(&self) -> Result<Vec<Place>, ReadError> {
        places(&self.layout.suites(), SUITE)
    }

    /// The folders of runs, the newest first.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub fn runs(&self) -> Result<Vec<Place>, ReadError> {
        places(&self.layout.runs(), RUN)
    }

    /// The newest suites, at most `most`.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub fn list(&self, most: usize) -> Result<Listing, ReadError> {
        let places = self.suites()?;
        let mut suites: Vec<SuiteHead> = places
            .iter()
            .take(most)
            .map(|place| self.head(&place.id))
            .collect();
        // Folders change when a suite is gone on with; what counts is when it began.
        suites.sort_by(|one, other| other.started_at.cmp(&one.started_at));
        Ok(Listing {
            more: places.len() - suites.len(),
            suites,
        })
    }

    /// A suite without its runs.
    pub fn head(&self, suite: &str) -> SuiteHead {
        let folder = self.layout.suite(suite);
        let mut head = SuiteHead {
            suite: suite.to_owned(),
            state: SuiteState::Unfinished,
            started_at: None,
            finished_at: None,
            totals: None,
            cost: None,
            command: None,
            stopped: None,
            keep: false,
            resume: None,
            problem: None,
        };
        let plan = evidence::document::<Plan>(&folder.join("suite.json"));
        let plan = plan.ok().flatten();
        head.keep = plan.as_ref().is_some_and(|plan| plan.keep);
        let config = plan.and_then(|plan| plan.request.config);
        let found = match evidence::document::<Head>(&folder.join("summary.json")) {
            Ok(Some(found)) => {
                head.state = if found.stopped.is_some() {
                    SuiteState::Stopped
                } else {
                    SuiteState::Finished
                };
                Ok(Some(found))
            }
            Ok(None) => evidence::document::<Head>(&folder.join("suite.json")),
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(found)) => {
                head.started_at = Some(found.started_at);
                head.finished_at = found.finished_at;
                head.totals = found.totals;
                head.cost = found.cost;
                head.command = found.command;
                head.stopped = found.stopped;
            }
            Ok(None) => {
                head.state = SuiteState::Unreadable;
                head.problem = Some("neither summary.json nor suite.json is there".to_owned());
            }
            Err(error) => {
                head.state = SuiteState::Unreadable;
                head.problem = Some(error);
            }
        }
        if head.state != SuiteState::Unreadable && is_locked(&folder.join("lock")) {
            head.state = SuiteState::Running;
        }
        if matches!(head.state, SuiteState::Stopped | SuiteState::Unfinished) {
            head.resume = Some(report::resume(suite, config.as_deref()));
        }
        head
    }

    /// A whole suite.
    ///
    /// # Errors
    ///
    /// When its summary is not there or no summary.
    pub fn suite(&self, suite: &str) -> Result<SuiteReport, ReadError> {
        let mut report: SuiteReport = whole(&self.layout.suite(suite).join("summary.json"))?;
        let scenarios = report.scenarios.iter_mut();
        for result in scenarios.flat_map(|scenario| &mut scenario.results) {
            self.place(result);
        }
        Ok(report)
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// When its result is not there or no result.
    pub fn run(&self, run: &str) -> Result<RunResult, ReadError> {
        let mut result = whole(&self.layout.run(run).join("result.json"))?;
        self.place(&mut result);
        Ok(result)
    }

    /// Says where the evidence of a run is now, wherever the folder was when it was made. Agents can
    /// write here: what is no id leads nowhere.
    fn place(&self, result: &mut RunResult) {
        result.evidence = if is_id(&result.run_id, RUN) {
            self.layout.run(&result.run_id)
        } else {
            self.layout.runs().join("none")
        };
    }

    /// The runs that say they belong to a suite, by scenario and number, of the newest `most`.
    ///
    /// # Errors
    ///
    /// When runs cannot be listed.
    pub fn runs_of(&self, suite: &str, most: usize) -> Result<Vec<RunResult>, ReadError> {
        let mut found: Vec<RunResult> = self
            .runs()?
            .iter()
            .take(most)
            .filter_map(|place| self.run(&place.id).ok())
            .filter(|result| result.suite.as_deref() == Some(suite))
            .collect();
        found.sort_by(|one, other| (&one.scenario, one.index).cmp(&(&other.scenario, other.index)));
        Ok(found)
    }

    /// The id of the last suite that ended; none where none did.
    pub fn last(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Last {
            suite: String,
        }
        let last = evidence::document::<Last>(&self.layout.last_run());
        Some(last.ok()??.suite).filter(|suite| is_id(suite, SUITE))
    }
}

/// Whether a process holds the lock of a suite, so that it makes its runs.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| {
        // Shared, so that several who look do not see each other.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    })
}

/// Whether a text is the name of a folder of suites or runs, and no way out of it.
fn is_id(text: &str, prefix: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.starts_with(prefix) && text.chars().all(is_part)
}

fn whole<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ReadError> {
    match evidence::document(path) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(ReadError::Missing {
            path: path.to_owned(),
        }),
        Err(reason) => Err(ReadError::Broken {
            path: path.to_owned(),
            reason,
        }),
    }
}

fn places(folder: &Path, prefix: &str) -> Result<Vec<Place>, ReadError> {
    let failed = |source| ReadError::List {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Ok(id) = entry.file_name().into_string() else {
            continue;
        };
        // One that goes meanwhile is gone.
        let Ok(about) = entry.metadata() else {
            continue;
        };
        if id.starts_with(prefix) && about.is_dir() {
            let changed = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Place { id, changed });
        }
    }
    found.sort_by(|one, other| (other.changed, &other.id).cmp(&(one.changed, &one.id)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::run::render::sample;

    use super::*;

    #[test]
    fn what_an_agent_wrote_into_a_summary_leads_nowhere_else() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        let shelf = Shelf { layout: &layout };
        let mut report = sample::suite();
        report.scenarios[0].results[0].run_id = "run-/../../secrets".to_owned();
        report.scenarios[1].results[0].evidence = PathBuf::from("/secrets");
        let folder = layout.suite("suite-0001");
        fs::create_dir_all(&folder).expect("made");
        let text = serde_json::to_string(&report).expect("JSON");
        fs::write(folder.join("summary.json"), text).expect("written");
        let read = shelf.suite("suite-0001").expect("a suite");
        for result in read.scenarios.iter().flat_map(|scenario| &scenario.results) {
            assert_eq!(
                result.evidence.parent(),
                Some(&*layout.runs()),
                "{result:?}"
            );
        }
        fs::write(layout.last_run(), r#"{"suite": "suite-/../../x"}"#).expect("written");
        assert_eq!(shelf.last(), None);
    }
}
