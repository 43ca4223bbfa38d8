//! The private copy of the repository in which a harness or a fixer runs, with a home of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::environment::Environment;
use tempfile::TempDir;

use crate::git::command::GitError;
use crate::git::workspace::Workspace;
use crate::run::environment::{Start, kept};
use crate::sandbox::child::{Bind, ChildOutcome, ChildSpec, Containment};
use crate::sandbox::{self, Hold};

/// How long the set-up command may take.
const SETUP_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes kept of what the set-up command prints.
const SETUP_OUTPUT: usize = 1 << 20;

/// What the configuration's `workspace` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceOptions {
    /// A shell command that installs dependencies.
    pub setup: Option<String>,
    /// Folders of the repository that git ignores, shown read-only in the copy.
    pub share: Vec<String>,
    /// Variables handed on: `workspace.env` and the agent's own keys.
    pub variables: Vec<String>,
}

/// A copy of the repository at one commit with a private home; removed when dropped.
#[derive(Debug)]
pub struct Workplace {
    folder: TempDir,
    workspace: Workspace,
    binds: Vec<Bind>,
    variables: Vec<String>,
}

/// Why there is no workplace.
#[derive(Debug, thiserror::Error)]
pub enum WorkplaceError {
    /// No folder could be made.
    #[error("cannot make a workspace under {}", path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The repository could not be copied.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A folder to share is not there.
    #[error("workspace.share names {name}, which is not in {}", repo.display())]
    Share {
        /// The name.
        name: String,
        /// The repository.
        repo: PathBuf,
    },
    /// The set-up command failed.
    #[error("workspace.setup `{command}` failed: {reason}")]
    Setup {
        /// The command.
        command: String,
        /// How, with the last lines it wrote.
        reason: String,
    },
}

/// Makes workplaces of one repository.
#[derive(Debug, Clone, Copy)]
pub struct Workshop<'a> {
    /// The user's repository; only read.
    pub repo: &'a Path,
    /// The commit.
    pub base: &'a str,
    /// What the configuration says.
    pub options: &'a WorkspaceOptions,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// The binary whose helper modes hold children.
    pub binary: &'a Path,
    /// How children can be held here.
    pub containment: Containment,
}

impl Workshop<'_> {
    /// Copies the repository and runs the set-up command in the copy.
    pub fn open(&self) -> Result<Workplace, WorkplaceError> {
        let folder = self.folder()?;
        let path = self.environment.get("PATH").unwrap_or_default();
        let workspace = Workspace::create(self.repo, folder.path(), self.base, path)?;
        let home = folder.path().join("home");
        fs::create_dir(&home).map_err(|source| WorkplaceError::Folder { path: home, source })?;
        let mut place = Workplace {
            folder,
            workspace,
            binds: Vec::new(),
            variables: self.options.variables.clone(),
        };
        for name in &self.options.share {
            let source = self.repo.join(name);
            if !source.is_dir() {
                return Err(WorkplaceError::Share {
                    name: name.clone(),
                    repo: self.repo.to_owned(),
                });
            }
            let target = place.tree().join(name);
            fs::create_dir_all(&target).map_err(|source| WorkplaceError::Folder {
                path: target.clone(),
                source,
            })?;
            place.binds.push(Bind {
                source,
                target,
                read_only: true,
            });
        }
        self.set_up(&place)?;
        Ok(place)
    }

    /// Runs the set-up command again, after a fixer changed what it installs.
    pub fn set_up(&self, place: &Workplace) -> Result<(), WorkplaceError> {
        let Some(command) = &self.options.setup else {
            return Ok(());
        };
        let end = sandbox::run(
            &ChildSpec {
                command: vec!["sh".to_owned(), "-c".to_owned(), command.clone()],
                directory: place.tree().to_owned(),
                environment: place.environment(self.environment),
                timeout: SETUP_TIMEOUT,
                grace: Duration::from_secs(5),
                output_cap: SETUP_OUTPUT,
                binds: place.binds.clone(),
                process_limit: None,
            },
            &Hold {
                helper: self.binary,
                containment: self.containment,
            },
        );
        if end.succeeded() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&end.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        let how = match end.outcome {
            ChildOutcome::Exited { code } => format!("status {code}"),
            ChildOutcome::Killed { signal } => format!("signal {signal}"),
            ChildOutcome::TimedOut => "it took longer than 10 minutes".to_owned(),
            ChildOutcome::NotStarted { reason } => reason,
        };
        Err(WorkplaceError::Setup {
            command: command.clone(),
            reason: format!("{how}: {}", last.join(" | ")),
        })
    }

    /// A private folder under the user's cache, or under the temporary folder without one.
    fn folder(&self) -> Result<TempDir, WorkplaceError> {
        let cache = self
            .environment
            .get("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(self.environment.get("HOME")?).join(".cache")))
            .map(|cache| cache.join("archal").join("workspaces"));
        if let Some(cache) = cache
            && fs::create_dir_all(&cache).is_ok()
            && let Ok(folder) = private_folder(&cache)
        {
            return Ok(folder);
        }
        let temporary = PathBuf::from(self.environment.get("TMPDIR").unwrap_or("/tmp"));
        private_folder(&temporary).map_err(|source| WorkplaceError::Folder {
            path: temporary,
            source,
        })
    }
}

fn private_folder(parent: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("archal-")
        .tempdir_in(parent)
}

impl Workplace {
    /// The working tree.
    pub fn tree(&self) -> &Path {
        self.workspace.tree()
    }

    /// The copy as git sees it.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The private home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A folder beside the tree, for files that are handed to a fixer.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Folders shown read-only in the tree.
    pub fn binds(&self) -> &[Bind] {
        &self.binds
    }

    /// A cleared environment for a child that works here.
    pub fn environment(&self, caller: &Environment) -> BTreeMap<String, String> {
        kept(
            caller,
            Start::Cleared {
                named: &self.variables,
                home: &self.home(),
            },
        )
    }

    /// Variables handed on to children.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }
}

/// Folders of installed dependencies that stand beside the lock file that made them.
pub fn dependency_folders(repo: &Path) -> Vec<String> {
    const FOLDERS: &[(&str, &[&str])] = &[
        (
            "node_modules",
            &["package-lock.json", "pnpm-lock.yaml", "yarn.lock"],
        ),
        (".venv", &["poetry.lock", "requirements.txt", "uv.lock"]),
    ];
    FOLDERS
        .iter()
        .filter(|(folder, locks)| {
            repo.join(folder).is_dir() && locks.iter().any(|lock| repo.join(lock).is_file())
        })
        .map(|(folder, _)| (*folder).to_owned())
        .collect()
}
