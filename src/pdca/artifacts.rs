//! What the agents of a run leave for each other: files with fixed names, and their archive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::place::{PlaceError, refuse_link};
use super::role::{Phase, Role};
use crate::store::atomic::{self, Durability, WriteError};

/// The task, word for word.
pub const TASK: &str = "task.md";
/// The Explorer's research.
pub const EXPLORER: &str = "plan-explorer.md";
/// The Creator's proposal.
pub const CREATOR: &str = "plan-creator.md";
/// Research on named risks only.
pub const MINI_EXPLORER: &str = "plan-mini-explorer.md";
/// The Maker's report.
pub const MAKER: &str = "do-maker.md";
/// The files that were changed, one a line.
pub const FILES: &str = "do-maker-files.txt";
/// The change.
pub const DIFF: &str = "do-maker.diff";
/// What goes to the next cycle.
pub const FEEDBACK: &str = "act-feedback.md";
/// The findings that were fixed, one a line.
pub const FIXES: &str = "act-fixes.jsonl";

/// A reviewer's review.
pub fn review(role: Role) -> String {
    format!("check-{role}.md")
}

/// A review as it was written, where findings in it were made `INFO`.
pub fn original(name: &str) -> String {
    format!("{name}.orig")
}

/// The findings of a cycle.
pub fn findings(cycle: u32) -> String {
    format!("findings-cycle-{cycle}.json")
}

/// How far a cycle came.
pub fn convergence(cycle: u32) -> String {
    format!("convergence-cycle-{cycle}.json")
}

/// Why an artifact could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// There is a link in its place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A phase needs it.
    #[error("Cannot start from {phase}: missing artifact {name}. Run the prior phase first.")]
    Missing {
        /// The phase that was to begin.
        phase: Phase,
        /// The artifact.
        name: String,
    },
}

/// The artifacts of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// Those in `folder`, which is [`super::place::Place::artifacts`] of a run.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where one lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where those of an earlier cycle lie.
    pub fn archive_folder(&self, cycle: u32) -> PathBuf {
        self.folder.join(format!("cycle-{cycle}"))
    }

    /// Keeps one. What agents said must be redacted by now.
    ///
    /// # Errors
    ///
    /// When it cannot be written; the run cannot go on then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let path = self.path(name);
        refuse_link(&path)?;
        // Later phases and a resumed run build on it.
        Ok(atomic::write(&path, bytes, Durability::Synced)?)
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).is_file()
    }

    /// The text of one; none where there is none. Bytes that are no text are replaced.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<String>, ArtifactError> {
        let path = self.path(name);
        refuse_link(&path)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ArtifactError::Read { path, source }),
        }
    }

    /// The names of all, without archives, in order.
    ///
    /// # Errors
    ///
    /// When the folder is there and cannot be read.
    pub fn names(&self) -> Result<Vec<String>, ArtifactError> {
        let failed = |source| ArtifactError::Read {
            path: self.folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let is_file = entry.file_type().map_err(failed)?.is_file();
            if is_file && !atomic::is_unfinished(&name) {
                names.push(name.to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// # Errors
    ///
    /// When something is missing that a run needs which begins with `phase`: the proposal for Do, the
    /// Maker's files too for Check, at least one review for Act (all of `reviewers` where they are known).
    pub fn ready_for(&self, phase: Phase, reviewers: &[Role]) -> Result<(), ArtifactError> {
        let needed: Vec<String> = match phase {
            Phase::Plan => Vec::new(),
            Phase::Do => vec![CREATOR.to_owned()],
            Phase::Check => [CREATOR, MAKER, FILES, DIFF].map(str::to_owned).to_vec(),
            Phase::Act => {
                let first = [Role::Guardian];
                let reviewers = if reviewers.is_empty() {
                    &first
                } else {
                    reviewers
                };
                reviewers.iter().map(|role| review(*role)).collect()
            }
        };
        match needed.into_iter().find(|name| !self.has(name)) {
            Some(name) => Err(ArtifactError::Missing { phase, name }),
            None => Ok(()),
        }
    }

    /// Puts the artifacts of a cycle into its archive: plan and feedback stay for the next one as well,
    /// changes and reviews go, so that none of them is taken for a new one. Findings stay.
    ///
    /// May be done again after it was cut off.
    ///
    /// # Errors
    ///
    /// When one cannot be read, written or removed.
    pub fn archive(&self, cycle: u32) -> Result<(), ArtifactError> {
        let archive = self.archive_folder(cycle);
        refuse_link(&archive)?;
        let names = self.names()?;
        let begins = |name: &str, with: &[&str]| with.iter().any(|with| name.starts_with(with));
        for name in &names {
            let stays = begins(name, &["plan-"]) || name == FEEDBACK;
            if !stays && !begins(name, &["do-", "check-"]) {
                continue;
            }
            let path = self.path(name);
            let bytes = fs::read(&path).map_err(|source| ArtifactError::Read {
                path: path.clone(),
                source,
            })?;
            atomic::write(&archive.join(name), &bytes, Durability::Synced)?;
            if !stays {
                fs::remove_file(&path).map_err(|source| WriteError::Io { path, source })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts() -> (tempfile::TempDir, Artifacts) {
        let folder = tempfile::tempdir().expect("a folder");
        let artifacts = Artifacts::of(folder.path().join("r"));
        (folder, artifacts)
    }

    #[test]
    fn an_archived_cycle_leaves_plan_feedback_and_findings() {
        let (_folder, artifacts) = artifacts();
        let guardian = review(Role::Guardian);
        let findings = findings(1);
        for name in [
            EXPLORER, CREATOR, MAKER, FILES, DIFF, FEEDBACK, FIXES, TASK, &guardian, &findings,
        ] {
            artifacts.write(name, name.as_bytes()).expect("written");
        }
        artifacts.archive(1).expect("archived");
        assert_eq!(
            artifacts.names().expect("names"),
            [FEEDBACK, FIXES, &findings, CREATOR, EXPLORER, TASK]
        );
        let archive = Artifacts::of(artifacts.archive_folder(1));
        assert_eq!(
            archive.names().expect("names"),
            [FEEDBACK, &guardian, FILES, DIFF, MAKER, CREATOR, EXPLORER]
        );
        assert_eq!(archive.read(DIFF).expect("read").as_deref(), Some(DIFF));
        // Cut off and done again: what is archived stays.
        artifacts.archive(1).expect("again");
        assert!(archive.has(&guardian));
    }

    #[test]
    fn a_phase_names_the_artifact_it_misses() {
        let (_folder, artifacts) = artifacts();
        artifacts
            .ready_for(Phase::Plan, &[])
            .expect("nothing needed");
        let told = |phase, reviewers: &[Role]| {
            let error = artifacts.ready_for(phase, reviewers).expect_err("missing");
            error.to_string()
        };
        assert_eq!(
            told(Phase::Do, &[]),
            "Cannot start from do: missing artifact plan-creator.md. Run the prior phase first."
        );
        artifacts.write(CREATOR, b"").expect("written");
        artifacts.ready_for(Phase::Do, &[]).expect("there");
        assert!(told(Phase::Check, &[]).contains("do-maker.md"));
        artifacts.write(MAKER, b"").expect("written");
        assert!(told(Phase::Check, &[]).contains("do-maker-files.txt"));
        artifacts.write("check-guardian.md", b"").expect("written");
        artifacts.ready_for(Phase::Act, &[]).expect("there");
        let all = [Role::Guardian, Role::Sage];
        assert!(told(Phase::Act, &all).contains("check-sage.md"));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_or_read_through_a_link() {
        let (folder, artifacts) = artifacts();
        let outside = folder.path().join("outside");
        fs::write(&outside, "secret").expect("written");
        fs::create_dir_all(artifacts.folder()).expect("a folder");
        std::os::unix::fs::symlink(&outside, artifacts.path(CREATOR)).expect("a link");
        artifacts.write(CREATOR, b"x").expect_err("a link");
        artifacts.read(CREATOR).expect_err("a link");
        assert_eq!(fs::read(&outside).expect("there"), b"secret");
    }
}
