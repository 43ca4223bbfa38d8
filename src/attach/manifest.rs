//! What the attempts at a failure add up to, explained, and the files that say it:
//! `manifest.json`, `stdout.json` and `stderr.log`.

use std::fs;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::schema::ReproduceModel;
use crate::reconstruct::{Context, exchanges};
use crate::report::rate::Rate;
use crate::reproduce::attempts::AttemptRecord;
use crate::reproduce::course::{self, Step};
use crate::reproduce::decision::{self, Decision, Shown};
use crate::reproduce::difference::{self, Explained};
use crate::reproduce::identity::FailureIdentity;
use crate::run::attempt::RunResult;
use crate::store::atomic::{self, Durability, WriteError};

use super::grading::Failed;
use super::released::Released;
use super::reproducing::Work;

/// How near attempts are to the run in the trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fidelity {
    /// `live`, or `recorded`: the turns of the trace, which prove no fix.
    pub(super) model: ReproduceModel,
    /// Hosts of services without a clone, which answered as in the trace.
    pub(super) replayed: Vec<String>,
}

impl Fidelity {
    /// What is less than live and cloned, for people; none where nothing is.
    fn told(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.model == ReproduceModel::Recorded {
            parts.push("the model's turns are those of the trace".to_owned());
        }
        if !self.replayed.is_empty() {
            let hosts = self.replayed.join(", ");
            parts.push(format!("{hosts} answered as in the trace"));
        }
        (!parts.is_empty()).then(|| parts.join(", and "))
    }

    /// The reason code and why a fix could not be proved with it; none where it could.
    pub(super) fn proves_nothing(&self) -> Option<(&'static str, String)> {
        if self.model == ReproduceModel::Recorded {
            let reason = "the model's turns were replayed from the trace, which never proves a fix; set reproduce.model: live and give the agent its key";
            return Some(("model", reason.to_owned()));
        }
        let hosts = self.replayed.join(", ");
        (!hosts.is_empty()).then(|| {
            let reason = format!(
                "{hosts} answered as in the trace, since there is no clone: a regression that is kept could not be run without the trace"
            );
            ("replay", reason)
        })
    }
}

/// The attempts at a failure and what they add up to.
pub(super) struct Reproduction<'a> {
    identity: &'a FailureIdentity,
    fidelity: &'a Fidelity,
    /// The time at which clocks stood; none where they were the real ones.
    pub(super) clock: Option<Timestamp>,
    /// The attempts.
    pub(super) made: Vec<AttemptRecord>,
    /// What they add up to.
    pub(super) decided: Decision,
    /// How many of those that count showed the failure.
    pub(super) red: Rate,
    explained: Vec<Explained>,
}

impl<'a> Reproduction<'a> {
    /// Decides, and explains the attempts that did not show the failure.
    pub(super) fn of(
        work: &Work<'_>,
        failed: &'a Failed<'_>,
        fidelity: &'a Fidelity,
        (made, clock): (Vec<AttemptRecord>, Option<Timestamp>),
    ) -> Self {
        let shown: Vec<Shown> = made.iter().map(|attempt| attempt.shown.clone()).collect();
        let (same, counted) = decision::counts(&shown);
        let context = Context {
            clones: work.bench.clones,
            tools: &work.ready.settings.tools,
            owned: &[],
        };
        let traced = exchanges::of(work.trace, &context);
        let trace = course::of_trace(&traced, work.bench.clones);
        let courses: Vec<Option<Vec<Step>>> = made
            .iter()
            .map(|attempt| course::of_attempt(&attempt.run.evidence).ok())
            .collect();
        Self {
            identity: &failed.identity,
            fidelity,
            clock,
            decided: decision::decide(&shown),
            red: Rate::of(same, counted),
            explained: difference::explain(&trace, &made, &courses, &failed.identity),
            made,
        }
    }

    /// Whether every attempt counts and shows no failure at all.
    pub(super) fn is_green(&self) -> bool {
        !self.made.is_empty() && self.made.iter().all(|made| made.shown == Shown::Green)
    }

    /// Whether something answered as in the trace.
    pub(super) fn is_recorded(&self) -> bool {
        *self.fidelity != Fidelity::default()
    }

    /// How many attempts count.
    pub(super) fn counted(&self) -> u64 {
        self.red.n
    }

    /// A reason with what differed, and with what is less than live.
    pub(super) fn reason(&self, reason: &str) -> String {
        let mut text = reason.to_owned();
        let differs = difference::summary(&self.explained);
        if !differs.is_empty() && self.decided != Decision::Reproduced {
            text.push_str("; ");
            text.push_str(&differs);
        }
        if let Some(told) = self.fidelity.told() {
            text.push_str(&format!(" ({told})"));
        }
        text
    }

    /// Writes the files into the folder of the job's runs, and gives the path of the manifest.
    pub(super) fn write(
        &self,
        work: &Work<'_>,
        folder: &Path,
        release: &Released,
    ) -> Result<PathBuf, WriteError> {
        let file = folder.join("manifest.json");
        let ready = work.ready;
        let mut manifest = json!({
            "schema": "archal.reproduction",
            "version": 1,
            "outcome": self.decided,
            "command": ready.harness.as_ref().map(|harness| &harness.command).ok(),
            "base": ready.base,
            "leftOut": ready.left_out,
            "fidelity": self.fidelity,
            "clock": self.clock,
            "identity": self.identity,
            "group": self.identity.group(),
            "red": self.red,
            "attempts": self.made.iter().map(attempt).collect::<Vec<Value>>(),
            "differences": self.explained,
        });
        if let Some(release) = release.document() {
            manifest["release"] = release;
        }
        atomic::write_json(&file, &manifest, Durability::Derived)?;
        let outputs: Vec<&RunResult> = self.made.iter().map(|attempt| &attempt.run).collect();
        atomic::write_json(&folder.join("stdout.json"), &outputs, Durability::Derived)?;
        let mut stderr = Vec::new();
        for attempt in &self.made {
            stderr.extend_from_slice(format!("--- attempt {}\n", attempt.number).as_bytes());
            // Kept beside the attempt too; a file that is gone is an empty one here.
            stderr.extend(fs::read(attempt.run.evidence.join("stderr")).unwrap_or_default());
        }
        atomic::write(&folder.join("stderr.log"), &stderr, Durability::Derived)?;
        Ok(file)
    }
}

/// An attempt as the manifest has it.
pub(super) fn attempt(attempt: &AttemptRecord) -> Value {
    json!({
        "number": attempt.number,
        "shown": attempt.shown,
        "findings": attempt.findings,
        "runId": attempt.run.run_id,
        "startedAt": attempt.run.started_at,
        "durationMs": attempt.run.duration_ms,
        "route": attempt.run.route,
        "containment": attempt.run.containment,
        "evidence": attempt.run.evidence,
    })
}
