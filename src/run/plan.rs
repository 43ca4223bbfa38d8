//! The plan of a suite: which runs it is made of and what each is a run of. It is written before the
//! first run, so that a suite that was cut off can be gone on with.
//!
//! Each run has its id, and with it its folder, from the beginning. So what is finished needs no
//! record beside the evidence: a run is finished when its folder has a result that names the suite and
//! that no judge is yet to say something of.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use archal_core::id::{self, IdSource};
use serde::{Deserialize, Serialize};

use crate::store::atomic::{self, Durability, WriteError};
use crate::store::layout::Layout;

use super::discarded::Discarded;
use super::request::Request;
use super::result::RunResult;

/// The value of `schema` in a plan.
const PLAN_SCHEMA: &str = "archal.suite";
/// The version of the plan written here.
const PLAN_VERSION: u32 = 1;
/// The plan's file in the suite's folder.
const PLAN_FILE: &str = "suite.json";
/// The summary's file in the suite's folder.
pub const SUMMARY_FILE: &str = "summary.json";

/// `suite.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuitePlan {
    /// Always `archal.suite`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// The suite's id, the name of its folder.
    pub suite: String,
    /// When it began.
    pub started_at: String,
    /// Whether `archal prune` leaves it and its runs alone.
    pub keep: bool,
    /// What was asked for.
    pub request: Request,
    /// A hash of the agent.
    pub agent: String,
    /// Its scenarios, in order.
    pub scenarios: Vec<PlannedScenario>,
    /// Runs that were begun and count for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discarded: Vec<Discarded>,
}

/// A scenario and its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedScenario {
    /// The scenario's id.
    pub scenario: String,
    /// Its file.
    pub path: PathBuf,
    /// A hash of all that makes a run of it what it is, but for the agent.
    pub inputs: String,
    /// The ids of its runs, in order.
    pub runs: Vec<String>,
}

/// A scenario as it is now: what a plan is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The scenario's id.
    pub scenario: String,
    /// Its file.
    pub path: PathBuf,
    /// A hash of all that makes a run of it what it is, but for the agent.
    pub inputs: String,
    /// How many runs it is to have.
    pub runs: u32,
}

/// Why a suite cannot be gone on with, or begun.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is no suite of that name.
    #[error("there is no suite {suite}")]
    Unknown {
        /// The name.
        suite: String,
    },
    /// No suite was cut off.
    #[error("no suite was cut off here")]
    NothingLeft,
    /// The plan cannot be read.
    #[error("the plan {} cannot be read", path.display())]
    Read {
        /// The plan.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The plan is broken or from another version.
    #[error("the plan {} is not one this archal understands: {reason}", path.display())]
    Broken {
        /// The plan.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process makes its runs.
    #[error("another archal is making the runs of {suite}")]
    Taken {
        /// The suite.
        suite: String,
    },
    /// The agent is another one.
    #[error(
        "the agent, or a tracked file of its repository, has changed since {suite} began: its {finished} \
         finished runs are of another agent"
    )]
    Agent {
        /// The suite.
        suite: String,
        /// How many runs were finished.
        finished: usize,
    },
    /// The plan or the lock could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The right to make the runs of a suite, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub struct SuiteLock {
    _file: File,
}

impl SuitePlan {
    /// A plan of new runs.
    pub fn new(
        ids: &dyn IdSource,
        started_at: String,
        request: Request,
        agent: String,
        present: &[Present],
    ) -> Self {
        Self {
            schema: PLAN_SCHEMA.to_owned(),
            version: PLAN_VERSION,
            suite: id::prefixed(ids, "suite"),
            started_at,
            keep: request.keep,
            request,
            agent,
            scenarios: present.iter().map(|one| planned(ids, one)).collect(),
            discarded: Vec::new(),
        }
    }

    /// Reads the plan of a suite.
    pub fn read(layout: &Layout, suite: &str) -> Result<Self, PlanError> {
        let path = layout.suite(suite).join(PLAN_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(PlanError::Unknown {
                    suite: suite.to_owned(),
                });
            }
            Err(source) => return Err(PlanError::Read { path, source }),
        };
        let broken = |reason: String| PlanError::Broken {
            path: path.clone(),
            reason,
        };
        let plan: Self =
            serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        match (plan.schema.as_str(), plan.version) {
            (PLAN_SCHEMA, PLAN_VERSION) => Ok(plan),
            (schema, version) => Err(broken(format!("it is {schema} {version}"))),
        }
    }

    /// The suite that was cut off last: one whose plan is there and whose summary is not, or says
    /// that runs are missing.
    pub fn last_cut_off(layout: &Layout) -> Result<Self, PlanError> {
        let mut found: Option<Self> = None;
        for name in names(&layout.suites()) {
            let Ok(plan) = Self::read(layout, &name) else {
                continue;
            };
            let is_newer = found
                .as_ref()
                .is_none_or(|found| found.started_at < plan.started_at);
            if is_newer && is_cut_off(&layout.suite(&name).join(SUMMARY_FILE)) {
                found = Some(plan);
            }
        }
        found.ok_or(PlanError::NothingLeft)
    }

    /// Writes the plan.
    pub fn write(&self, layout: &Layout) -> Result<(), WriteError> {
        let path = layout.suite(&self.suite).join(PLAN_FILE);
        atomic::write_json(&path, self, Durability::Derived)
    }

    /// Takes the right to make its runs.
    pub fn lock(&self, layout: &Layout) -> Result<SuiteLock, PlanError> {
        let folder = layout.suite(&self.suite);
        let path = folder.join("lock");
        let failed = |source| WriteError::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(SuiteLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(PlanError::Taken {
                suite: self.suite.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source).into()),
        }
    }

    /// The finished runs of the plan, by scenario and run, each counted from 0.
    pub fn finished(&self, layout: &Layout) -> BTreeMap<(usize, usize), RunResult> {
        let mut finished = BTreeMap::new();
        for (at, scenario) in self.scenarios.iter().enumerate() {
            for (run, id) in scenario.runs.iter().enumerate() {
                let path = layout.run(id).join("result.json");
                let result = fs::read(path)
                    .ok()
                    .and_then(|bytes| serde_json::from_slice::<RunResult>(&bytes).ok())
                    .filter(|result| result.suite.as_ref() == Some(&self.suite))
                    .filter(|result| !result.is_unjudged());
                if let Some(result) = result {
                    finished.insert((at, run), result);
                }
            }
        }
        finished
    }

    /// The plan to go on with: runs of scenarios that are as they were keep their ids, and with
    /// them their results. What is different is told.
    pub fn renewed(
        mut self,
        layout: &Layout,
        ids: &dyn IdSource,
        agent: &str,
        present: &[Present],
    ) -> Result<(Self, Vec<String>), PlanError> {
        let finished = self.finished(layout);
        if self.agent != agent && !finished.is_empty() {
            return Err(PlanError::Agent {
                suite: self.suite,
                finished: finished.len(),
            });
        }
        agent.clone_into(&mut self.agent);
        let mut notes = Vec::new();
        let count = |at: usize| {
            finished
                .keys()
                .filter(|(scenario, _)| *scenario == at)
                .count()
        };
        let old = std::mem::take(&mut self.scenarios);
        let is_same = |old: &PlannedScenario, now: &Present| {
            old.path == now.path && old.scenario == now.scenario
        };
        for (at, one) in old.iter().enumerate() {
            if !present.iter().any(|now| is_same(one, now)) {
                notes.push(format!(
                    "{} is gone; its {} finished runs are left out",
                    one.scenario,
                    count(at)
                ));
            }
        }
        let is_kept = |one: &PlannedScenario| {
            let mut present = present.iter();
            present.any(|now| is_same(one, now) && one.inputs == now.inputs)
        };
        for ((at, run), result) in &finished {
            if !is_kept(&old[*at]) {
                self.discarded.push(Discarded {
                    run: old[*at].runs[*run].clone(),
                    cost: result.cost,
                });
            }
        }
        for now in present {
            let before = old.iter().enumerate().find(|(_, one)| is_same(one, now));
            self.scenarios.push(match before {
                Some((at, one)) if one.inputs != now.inputs => {
                    if count(at) > 0 {
                        notes.push(format!(
                            "{} has changed; its {} finished runs are made again",
                            one.scenario,
                            count(at)
                        ));
                    }
                    planned(ids, now)
                }
                Some((_, one)) => one.clone(),
                None => {
                    notes.push(format!("{} is new and joins the suite", now.scenario));
                    planned(ids, now)
                }
            });
        }
        Ok((self, notes))
    }

    /// How many runs it is made of.
    pub fn size(&self) -> usize {
        self.scenarios.iter().map(|one| one.runs.len()).sum()
    }
}

fn planned(ids: &dyn IdSource, present: &Present) -> PlannedScenario {
    PlannedScenario {
        scenario: present.scenario.clone(),
        path: present.path.clone(),
        inputs: present.inputs.clone(),
        runs: (0..present.runs)
            .map(|_| id::prefixed(ids, "run"))
            .collect(),
    }
}

/// The folders of a folder, sorted; none where there is no folder.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn is_cut_off(summary: &Path) -> bool {
    let Ok(bytes) = fs::read(summary) else {
        return true;
    };
    #[derive(Deserialize)]
    struct Left {
        stopped: Option<serde::de::IgnoredAny>,
        #[serde(default)]
        scenarios: Vec<Scenario>,
    }
    #[derive(Deserialize)]
    struct Scenario {
        #[serde(default)]
        results: Vec<RunResult>,
    }
    serde_json::from_slice(&bytes).map_or(true, |left: Left| {
        let mut results = left.scenarios.iter().flat_map(|one| &one.results);
        left.stopped.is_some() || results.any(RunResult::is_unjudged)
    })
}

#[cfg(test)]
mod tests {
    use archal_core::id::SequentialIds;

    use super::*;

    fn present(scenario: &str, inputs: &str) -> Present {
        Present {
            scenario: scenario.to_owned(),
            path: PathBuf::from(format!("{scenario}.md")),
            inputs: inputs.to_owned(),
            runs: 2,
        }
    }

    fn plan(present: &[Present]) -> (tempfile::TempDir, Layout, SuitePlan) {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(folder.path(), None);
        let plan = SuitePlan::new(
            &SequentialIds::new(1),
            "2026-01-01T00:00:00Z".to_owned(),
            Request::default(),
            "agent".to_owned(),
            present,
        );
        plan.write(&layout).expect("written");
        (folder, layout, plan)
    }

    fn finish(layout: &Layout, plan: &SuitePlan, run: &str) {
        let folder = layout.run(run);
        fs::create_dir_all(&folder).expect("a folder");
        let result = serde_json::json!({
            "schema": "archal.run", "version": 1, "runId": run, "scenario": "a", "title": "A",
            "suite": plan.suite, "base": "2026-01-01T00:00:00Z", "route": {"level": "proxy"},
            "containment": "pgroup", "processLimit": "", "harness": {"how": "exited", "code": 0},
            "answer": "", "durationMs": 1, "calls": 0, "criteria": [], "refused": [],
            "unmodelled": [], "inconclusive": [], "status": "passed", "score": 100.0,
            "evidence": folder,
        });
        fs::write(folder.join("result.json"), result.to_string()).expect("written");
    }

    #[test]
    fn a_run_that_a_judge_is_yet_to_decide_is_made_again() {
        let (_folder, layout, plan) = plan(&[present("a", "1")]);
        let run = &plan.scenarios[0].runs[0];
        finish(&layout, &plan, run);
        assert_eq!(plan.finished(&layout).len(), 1);
        let path = layout.run(run).join("result.json");
        let bytes = fs::read(&path).expect("readable");
        let mut result: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let whole = |result: &serde_json::Value| {
            let summary = serde_json::json!({"scenarios": [{"results": [result]}]});
            let path = layout.suite(&plan.suite).join(SUMMARY_FILE);
            fs::write(&path, summary.to_string()).expect("written");
            is_cut_off(&path)
        };
        assert!(!whole(&result));
        result["criteria"] = serde_json::json!([{
            "id": "p", "label": "P", "kind": "P", "status": "not_evaluated", "vacuous": false,
            "unjudged": "unavailable",
        }]);
        fs::write(&path, result.to_string()).expect("written");
        assert_eq!(plan.finished(&layout).len(), 0);
        assert!(whole(&result));
    }

    #[test]
    fn what_is_as_it_was_keeps_its_runs_and_the_rest_is_told() {
        let (_folder, layout, plan) =
            plan(&[present("a", "1"), present("b", "1"), present("c", "1")]);
        for scenario in &plan.scenarios {
            finish(&layout, &plan, &scenario.runs[0]);
        }
        assert_eq!(plan.finished(&layout).len(), 3);
        let now = [present("a", "1"), present("b", "2"), present("d", "1")];
        let ids = SequentialIds::new(2);
        let (renewed, notes) = plan
            .clone()
            .renewed(&layout, &ids, "agent", &now)
            .expect("the same agent");
        assert_eq!(renewed.scenarios[0], plan.scenarios[0]);
        assert_ne!(renewed.scenarios[1].runs, plan.scenarios[1].runs);
        insta::assert_snapshot!(notes.join("\n"), @r"
        c is gone; its 1 finished runs are left out
        b has changed; its 1 finished runs are made again
        d is new and joins the suite
        ");
        let keys: Vec<_> = renewed.finished(&layout).into_keys().collect();
        assert_eq!(keys, [(0, 0)]);
        // What is made again or left out was paid for.
        let paid: Vec<&str> = renewed.discarded.iter().map(|one| &*one.run).collect();
        let (b, c) = (&plan.scenarios[1].runs[0], &plan.scenarios[2].runs[0]);
        assert_eq!(paid, [b, c]);
    }

    #[test]
    fn runs_of_another_agent_are_not_mixed_with_those_of_this_one() {
        let (_folder, layout, plan) = plan(&[present("a", "1")]);
        let now = [present("a", "1")];
        let ids = SequentialIds::new(2);
        // Nothing is finished: there is nothing to mix.
        plan.clone()
            .renewed(&layout, &ids, "other", &now)
            .expect("fine");
        finish(&layout, &plan, &plan.scenarios[0].runs[1]);
        let error = plan
            .renewed(&layout, &ids, "other", &now)
            .expect_err("mixed");
        assert!(matches!(error, PlanError::Agent { finished: 1, .. }));
    }

    #[test]
    fn the_last_suite_that_was_cut_off_is_found_and_nobody_else_may_have_it() {
        let (_folder, layout, plan) = plan(&[present("a", "1")]);
        let mut newer = plan.clone();
        newer.suite = "suite-newer".to_owned();
        newer.started_at = "2026-01-02T00:00:00Z".to_owned();
        newer.write(&layout).expect("written");
        let found = |layout: &Layout| SuitePlan::last_cut_off(layout).map(|plan| plan.suite);
        assert_eq!(found(&layout).expect("one"), newer.suite);
        let summary = |plan: &SuitePlan| layout.suite(&plan.suite).join(SUMMARY_FILE);
        fs::write(summary(&newer), r#"{"scenarios": []}"#).expect("written");
        assert_eq!(found(&layout).expect("one"), plan.suite);
        fs::write(summary(&plan), r#"{"stopped": {"left": 1}}"#).expect("written");
        assert_eq!(found(&layout).expect("one"), plan.suite);
        let lock = plan.lock(&layout).expect("free");
        assert!(matches!(plan.lock(&layout), Err(PlanError::Taken { .. })));
        drop(lock);
        plan.lock(&layout).expect("free again");
        fs::write(summary(&plan), "{}").expect("written");
        assert!(matches!(found(&layout), Err(PlanError::NothingLeft)));
    }
}
