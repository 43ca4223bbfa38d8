//! What is handed over, how a job stands, and what is told of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::queue::WorkKind;
use crate::report::shell;

/// The document in the artifacts of `archal preprod run` that says how it ended.
pub const PREPROD_RESULT: &str = "preprod-result.json";

/// The document beside the records of `archal pdca run` that says how it ended.
pub const PDCA_RESULT: &str = "result.json";

/// The words that a command of a kind begins with; none where no command is of that kind.
pub fn words(kind: WorkKind) -> Option<[&'static str; 2]> {
    match kind {
        WorkKind::Preprod => Some(["preprod", "run"]),
        WorkKind::Pdca => Some(["pdca", "run"]),
        WorkKind::Trace => None,
    }
}

/// The document of results of the command that has these artifacts; none where its kind has none.
pub fn document(kind: WorkKind, artifacts: &Path) -> Option<PathBuf> {
    match kind {
        WorkKind::Preprod => Some(artifacts.join(PREPROD_RESULT)),
        // `.archeflow/artifacts/<run>` holds what agents wrote, `.archeflow/runs/<run>` what archal did.
        WorkKind::Pdca => {
            let run = artifacts.file_name()?;
            let root = artifacts.parent()?.parent()?;
            Some(root.join("runs").join(run).join(PDCA_RESULT))
        }
        WorkKind::Trace => None,
    }
}

/// A command that a watcher is to take over.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// Its arguments, `preprod run …`; with them alone it goes on where it was.
    pub arguments: Vec<String>,
    /// Where it is run, absolute.
    pub directory: PathBuf,
    /// Where its artifacts go, absolute.
    pub artifacts: PathBuf,
    /// The configuration that was named, absolute.
    #[serde(default)]
    pub config: Option<PathBuf>,
    /// The variables of whoever hands it over; none where those of the watcher count. They hold
    /// keys, and are never written down.
    #[serde(default)]
    pub variables: Option<BTreeMap<String, String>>,
}

// Not derived: variables hold keys.
impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submission")
            .field("arguments", &self.arguments)
            .field("directory", &self.directory)
            .field("artifacts", &self.artifacts)
            .finish_non_exhaustive()
    }
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubmittedStatus {
    /// It waits; so does one that was cut off and goes on with the next watcher.
    Queued,
    /// It is worked on.
    Running,
    /// The command came to its own end; its exit code says to which.
    Ended,
    /// Everything of the repository was detached.
    Cancelled,
    /// A newer commit is run in its place.
    Superseded,
    /// It cannot be run.
    Error,
}

impl SubmittedStatus {
    /// As it is written in rows and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Error => "error",
        }
    }

    /// The status of that name.
    pub fn of(name: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Ended,
            Self::Cancelled,
            Self::Superseded,
            Self::Error,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }

    /// Whether there is still something to do.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// A command that is a job of the watcher: `archal attach-status <id> --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedJob {
    /// Its name.
    pub id: String,
    /// Of what kind the command is.
    pub kind: WorkKind,
    /// How it stands.
    pub status: SubmittedStatus,
    /// Why it stands so; of one that ended its own status and reason.
    pub reason: String,
    /// The exit code of the command, where it came to its own end.
    pub exit_code: Option<i32>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Where its artifacts are.
    pub artifacts: PathBuf,
    /// What it printed.
    pub log: PathBuf,
    /// The commit that it is run for; null where a person handed it over.
    pub commit: Option<String>,
    /// How often it was begun.
    pub tries: u32,
    /// When it came.
    pub created_at: String,
    /// When it was begun last.
    pub started_at: Option<String>,
    /// When it came to its end.
    pub ended_at: Option<String>,
}

impl SubmittedJob {
    /// The command for a shell.
    pub fn command(&self) -> String {
        let words = self.arguments.iter().cloned().map(shell::word);
        let all: Vec<String> = std::iter::once("archal".to_owned()).chain(words).collect();
        all.join(" ")
    }

    /// What it is, in a few words.
    pub fn label(&self) -> String {
        let kind = match words(self.kind) {
            Some(words) => words.join(" "),
            None => "command".to_owned(),
        };
        match &self.commit {
            Some(commit) => format!("{kind} of commit {}", short(commit)),
            None => kind,
        }
    }
}

/// A commit as people name it.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// What the document of results of a command that was begun at that time says of its end,
/// `passed (fixed)`; none where there is none, or that of an earlier run.
pub fn outcome(kind: WorkKind, artifacts: &Path, begun_at: Timestamp) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Said {
        status: String,
        stop_reason: Option<String>,
        started_at: String,
    }
    let bytes = std::fs::read(document(kind, artifacts)?).ok()?;
    let said: Said = serde_json::from_slice(&bytes).ok()?;
    let started_at: Timestamp = said.started_at.parse().ok()?;
    (started_at >= begun_at).then(|| match said.stop_reason {
        Some(reason) => format!("{} ({reason})", said.status),
        None => said.status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_left_says_nothing_of_this_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let time = |text: &str| -> Timestamp { text.parse().expect("a time") };
        let begun_at = time("2026-01-01T10:00:00Z");
        let of = || outcome(WorkKind::Preprod, folder.path(), begun_at);
        assert_eq!(of(), None);
        let leave = |at: &str| {
            let said = serde_json::json!({
                "status": "blocked", "stopReason": "no_fixer", "startedAt": at,
            });
            std::fs::write(folder.path().join(PREPROD_RESULT), said.to_string()).expect("written");
        };
        leave("2026-01-01T09:59:59.999Z");
        assert_eq!(of(), None);
        leave("2026-01-01T10:00:00.001Z");
        assert_eq!(of().as_deref(), Some("blocked (no_fixer)"));
    }

    #[test]
    fn the_result_of_cycles_stands_beside_their_records() {
        let folder = tempfile::tempdir().expect("a folder");
        let artifacts = folder.path().join("artifacts/r");
        let begun_at: Timestamp = "2026-01-01T10:00:00Z".parse().expect("a time");
        let records = folder.path().join("runs/r");
        std::fs::create_dir_all(&records).expect("a folder");
        let said = r#"{"status": "merged", "startedAt": "2026-01-01T10:00:00Z"}"#;
        std::fs::write(records.join(PDCA_RESULT), said).expect("written");
        let told = outcome(WorkKind::Pdca, &artifacts, begun_at);
        assert_eq!(told.as_deref(), Some("merged"));
        assert_eq!(outcome(WorkKind::Trace, &artifacts, begun_at), None);
    }
}
