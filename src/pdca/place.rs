//! Where the files of runs lie: `.archeflow/`, with the names that other tools read.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::clock::{Timestamp, rfc3339_seconds};
use archal_core::id::slug;

use crate::store::atomic::{self, Durability, WriteError};

/// What the first use writes to `.archeflow/.gitignore`: what runs leave is ignored, the settings a
/// user writes there are not.
const GITIGNORE: &str =
    "/artifacts/\n/events/\n/costs/\n/processes/\n/runs/\n/worktrees/\n/progress.md\n/.gitignore\n";
/// A longer id makes file and branch names that some systems refuse.
const LONGEST_ID: usize = 100;
/// Letters of the task in a run's id.
const SLUG_LENGTH: usize = 40;

/// The id of a run: safe as a file name and as the last part of a branch name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// A text that is no id of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no run id; an id begins with a letter or digit, has letters, digits, `.`, `_` and `-` only, and no `..`"
)]
pub struct BadRunId(String);

impl RunId {
    /// An id that was given.
    ///
    /// # Errors
    ///
    /// When it could be a path, an option or no branch name.
    pub fn new(text: &str) -> Result<Self, BadRunId> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(is_plain)
            && !text.contains("..")
            && text.len() <= LONGEST_ID
            // git refuses these as ends of a branch name.
            && !text.ends_with('.')
            && !text.ends_with(".lock")
            // The index of the events has this name.
            && text != "index";
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRunId(text.to_owned()))
        }
    }

    /// The day and the task: `2026-04-03-add-auth`; with `-2` and so on behind it while it is `taken`.
    pub fn of_task(now: Timestamp, task: &str, taken: impl Fn(&Self) -> bool) -> Self {
        let time = rfc3339_seconds(now);
        let day = time.split('T').next().unwrap_or_default();
        let first = format!("{day}-{}", slug(task, SLUG_LENGTH));
        let mut id = Self(first.clone());
        let mut number = 2_u64;
        while taken(&id) {
            id = Self(format!("{first}-{number}"));
            number += 1;
        }
        id
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the state folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A link would lead somewhere else.
    #[error("{} is a symbolic link; archal writes runs to real files and folders only", .0.display())]
    Link(PathBuf),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The `.archeflow` folder of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
}

impl Place {
    /// That of the repository at `repo`.
    pub fn of(repo: &Path) -> Self {
        Self {
            root: repo.join(".archeflow"),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder with its `.gitignore`, unless there is one already, and refuses links in place
    /// of what a run of this id writes.
    ///
    /// # Errors
    ///
    /// When it is a link or cannot be written.
    pub fn prepare(&self, run: &RunId) -> Result<(), PlaceError> {
        self.refuse_links(run)?;
        self.make()
    }

    /// Makes the folder with its `.gitignore`, unless there is one already.
    ///
    /// # Errors
    ///
    /// When it is a link or cannot be written.
    pub fn make(&self) -> Result<(), PlaceError> {
        refuse_link(&self.root)?;
        let gitignore = self.root.join(".gitignore");
        if !gitignore.exists() {
            atomic::write(&gitignore, GITIGNORE.as_bytes(), Durability::Derived)?;
        }
        Ok(())
    }

    /// # Errors
    ///
    /// When anything that a run of this id writes to is a symbolic link.
    pub fn refuse_links(&self, run: &RunId) -> Result<(), PlaceError> {
        let written = [
            self.root.clone(),
            self.root.join("artifacts"),
            self.artifacts(run),
            self.root.join("events"),
            self.events(run),
            self.index(),
            self.root.join("costs"),
            self.root.join("runs"),
            self.run(run),
            self.root.join("worktrees"),
            self.worktree(run),
            self.root.join("progress.md"),
        ];
        for path in written {
            refuse_link(&path)?;
        }
        Ok(())
    }

    /// The artifacts of a run.
    pub fn artifacts(&self, run: &RunId) -> PathBuf {
        self.root.join("artifacts").join(run.as_str())
    }

    /// The event log of a run.
    pub fn events(&self, run: &RunId) -> PathBuf {
        self.root.join("events").join(format!("{run}.jsonl"))
    }

    /// The folder of event logs.
    pub fn event_folder(&self) -> PathBuf {
        self.root.join("events")
    }

    /// One line for each run that ended.
    pub fn index(&self) -> PathBuf {
        self.root.join("events/index.jsonl")
    }

    /// What archal itself keeps of a run: its start, its process records.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(run.as_str())
    }

    /// The file whose lock whoever moves the user's branch holds.
    pub fn landing(&self) -> PathBuf {
        self.root.join("runs/.landing.lock")
    }

    /// How the process that worked on a run last left it.
    pub fn result(&self, run: &RunId) -> PathBuf {
        self.run(run).join("result.json")
    }

    /// Where the Maker works.
    pub fn worktree(&self, run: &RunId) -> PathBuf {
        self.root.join("worktrees").join(run.as_str())
    }

    /// The costs of the day of `now`.
    pub fn costs(&self, now: Timestamp) -> PathBuf {
        let time = rfc3339_seconds(now);
        let day = time.split('T').next().unwrap_or_default();
        self.root.join("costs").join(format!("{day}.jsonl"))
    }

    /// The settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.yaml")
    }

    /// The hooks.
    pub fn hooks(&self) -> PathBuf {
        self.root.join("hooks.yaml")
    }

    /// A domain of that name.
    pub fn domain(&self, name: &str) -> PathBuf {
        self.root.join("domains").join(format!("{name}.yaml"))
    }

    /// The user's own prompt for a role.
    pub fn archetype(&self, role: super::role::Role) -> PathBuf {
        self.root.join("archetypes").join(format!("{role}.md"))
    }

    /// What is going on, for people.
    pub fn progress(&self) -> PathBuf {
        self.root.join("progress.md")
    }
}

/// # Errors
///
/// When there is a symbolic link at `path`.
pub fn refuse_link(path: &Path) -> Result<(), PlaceError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_symlink() => Err(PlaceError::Link(path.to_owned())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Whoever uses it meets the same failure, and says what for.
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_a_path_or_an_option() {
        for bad in [
            "", ".", "..", "-x", "a/b", "a..b", "a b", "a.lock", "a.", "index", "ä", "a\nb",
        ] {
            assert!(RunId::new(bad).is_err(), "{bad:?}");
        }
        for good in ["2026-04-03-add-auth", "a", "A_1.2"] {
            assert_eq!(RunId::new(good).expect(good).as_str(), good);
        }
    }

    #[test]
    fn an_id_of_a_task_has_the_day_and_is_not_taken() {
        let now: Timestamp = "2026-04-03T23:59:59Z".parse().expect("a time");
        let free = RunId::of_task(now, "Add auth!", |_| false);
        assert_eq!(free.as_str(), "2026-04-03-add-auth");
        let third = RunId::of_task(now, "Add auth!", |id| !id.as_str().ends_with("-3"));
        assert_eq!(third.as_str(), "2026-04-03-add-auth-3");
        let hostile = RunId::of_task(now, "../../etc .lock", |_| false);
        assert_eq!(RunId::new(hostile.as_str()), Ok(hostile));
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_state_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunId::new("a").expect("an id");
        let place = Place::of(folder.path());
        place.prepare(&run).expect("prepared");
        assert!(place.root().join(".gitignore").exists());
        std::os::unix::fs::symlink("/tmp", place.root().join("events")).expect("a link");
        let error = place.prepare(&run).expect_err("a link");
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}
