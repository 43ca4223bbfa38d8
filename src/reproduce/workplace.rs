//! The private copy of the repository in which a harness or a fixer runs, with a home of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;
use crate::config::sandbox::SandboxMode;
use crate::git::command::{GitError, common_folder};
use crate::git::workspace::{Objects, Workspace};
use crate::run::environment::{Start, kept};
use crate::sandbox::child::{Bind, ChildOutcome, ChildSpec, Containment, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::confine::Confine;
use crate::sandbox::{self, Hold, StopToken, credentials};
use crate::store::atomic::{self, Durability, WriteError};
use archal_core::confined::Confined;
use archal_core::environment::Environment;

use super::private::{PrivateFolder, private_folder};
use super::{dependencies, editable};

/// How long the set-up command may take.
const SETUP_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes kept of what the set-up command prints.
const SETUP_OUTPUT: usize = 1 << 20;

/// What the configuration's `workspace` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceOptions {
    /// A shell command that installs dependencies.
    pub setup: Option<String>,
    /// Folders of the repository that git does not track, shown read-only in the copy; none
    /// where nobody named any, and those of dependencies are shown.
    pub share: Option<Vec<String>>,
    /// Variables handed on to every child that works in the copy.
    pub variables: Vec<String>,
    /// Variables with the agent's own keys; only the agent gets them.
    pub agent_keys: Vec<String>,
    /// How far the set-up command is confined.
    pub sandbox: SandboxMode,
}

impl WorkspaceOptions {
    /// What a configuration says.
    pub fn of(config: &Config) -> Self {
        Self {
            setup: config.workspace.setup.clone(),
            share: config.workspace.share.clone(),
            variables: config.workspace.env.clone(),
            agent_keys: config.agent_keys.clone(),
            sandbox: config.attach.sandbox,
        }
    }
}

/// A copy of the repository at one commit with a private home; removed when dropped.
#[derive(Debug)]
pub struct Workplace {
    folder: PrivateFolder,
    workspace: Workspace,
    binds: Vec<Bind>,
    variables: Vec<String>,
    agent_variables: Vec<String>,
    /// Files that were there when the set-up had ended.
    set_up: BTreeSet<PathBuf>,
    /// What those files and git's own were then.
    stamps: BTreeMap<PathBuf, Stamp>,
    /// How far the set-up command was confined; none where there is none, or it was not.
    set_up_confined: Option<Confined>,
    /// The fix that is part of this copy.
    patch: Vec<u8>,
    /// How far what that fix changed is confined.
    sandbox: SandboxMode,
}

/// What tells that a file was touched: a program can set the other times, but not this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<(u64, u64, i64, i64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let look = |of: fs::Metadata| (of.ino(), of.size(), of.ctime(), of.ctime_nsec());
        Self(fs::symlink_metadata(path).ok().map(look))
    }
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
    /// No private folder could be made.
    #[error(transparent)]
    Private(#[from] super::private::PrivateError),
    /// What leads into the copy could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
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
    /// A folder of dependencies was installed by another lock file than the copy's, and nothing
    /// installs what that one says.
    #[error(
        "{folder} was not installed by the {} of {base}: commit it, or set workspace.setup to the \
         command that installs it",
        lock.display()
    )]
    OtherLock {
        /// The folder.
        folder: String,
        /// The lock file.
        lock: PathBuf,
        /// The commit of the copy.
        base: String,
    },
    /// The set-up command failed.
    #[error("workspace.setup `{command}` failed: {reason}")]
    Setup {
        /// The command.
        command: String,
        /// How, with the last lines it wrote.
        reason: String,
    },
    /// archal was asked to stop while git or the set-up command ran.
    #[error("stopped before the workspace was ready")]
    Stopped,
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
    /// Ends git and the set-up command; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

impl Workshop<'_> {
    /// Copies the repository, applies `patch` where it is not empty, and runs the set-up command
    /// in the copy.
    pub fn open(&self, patch: &[u8]) -> Result<Workplace, WorkplaceError> {
        let mut place = self.copy(patch)?;
        self.show_dependencies(&mut place)?;
        // What the patch adds is put back by applying the patch again, not by keeping it.
        let patched = place.workspace.untracked()?;
        place.set_up_confined = self.set_up(&place)?;
        let all = place.workspace.untracked()?;
        place.set_up = all.difference(&patched).cloned().collect();
        place.stamps = place.stamps_now();
        Ok(place)
    }

    /// Shows the copy the folders that are shared with it. Where nobody named any they are looked
    /// for each time: a watcher lives longer than what is installed.
    fn show_dependencies(&self, place: &mut Workplace) -> Result<(), WorkplaceError> {
        let found = match (&self.options.share, self.containment) {
            (Some(named), _) => named.clone(),
            // Nobody asked for these, so where they cannot be shown they are left out.
            (None, Containment::Pgroup) => Vec::new(),
            (None, Containment::Namespaces) => {
                let path = self.environment.get("PATH").unwrap_or_default();
                dependencies::folders(self.repo, path)?
            }
        };
        for name in found {
            if let Some(lock) = dependencies::other_lock(self.repo, place.tree(), &name) {
                if self.options.setup.is_some() {
                    continue;
                }
                return Err(WorkplaceError::OtherLock {
                    folder: name,
                    lock,
                    base: place.base().chars().take(12).collect(),
                });
            }
            let source = self.repo.join(&name);
            if !source.is_dir() {
                return Err(WorkplaceError::Share {
                    name,
                    repo: self.repo.to_owned(),
                });
            }
            let target = place.tree().join(&name);
            fs::create_dir_all(&target).map_err(|source| WorkplaceError::Folder {
                path: target.clone(),
                source,
            })?;
            place.binds.push(Bind {
                source,
                target,
                read_only: true,
            });
            self.lead_into(place, &name)?;
        }
        if self.containment == Containment::Namespaces {
            for (source, shown) in dependencies::crates(self.environment, place.tree())? {
                let target = place.home().join(shown);
                place.binds.push(Bind {
                    source,
                    target,
                    read_only: true,
                });
            }
        }
        place.renew_home()
    }

    /// Lets what a folder of dependencies says of the checkout lead into the copy.
    fn lead_into(&self, place: &mut Workplace, name: &str) -> Result<(), WorkplaceError> {
        for (file, text) in editable::files(self.repo, name, place.tree()) {
            let source = place.beside("editable").join(&file);
            atomic::write(&source, text.as_bytes(), Durability::Derived)?;
            let shown = [place.tree(), self.repo].map(|folder| Bind {
                source: source.clone(),
                target: folder.join(&file),
                read_only: true,
            });
            place.binds.extend(shown);
        }
        Ok(())
    }

    /// Copies the repository and applies `patch`, without set-up: to look at files.
    pub fn copy(&self, patch: &[u8]) -> Result<Workplace, WorkplaceError> {
        let folder = private_folder(self.environment)?;
        let path = self.environment.get("PATH").unwrap_or_default();
        let objects = match self.containment {
            Containment::Namespaces => Objects::Shared,
            Containment::Pgroup => Objects::Copied,
        };
        let is_stopped = || self.stop.is_some_and(StopToken::is_stopped);
        let workspace = Workspace::create(
            self.repo,
            folder.path(),
            self.base,
            path,
            objects,
            &is_stopped,
        );
        let workspace = workspace.map_err(|error| match error {
            GitError::Stopped { .. } => WorkplaceError::Stopped,
            error => error.into(),
        })?;
        let place = Workplace {
            binds: self.protected(folder.path())?,
            folder,
            workspace,
            variables: self.options.variables.clone(),
            agent_variables: self.options.agent_keys.clone(),
            set_up: BTreeSet::new(),
            stamps: BTreeMap::new(),
            set_up_confined: None,
            patch: patch.to_vec(),
            sandbox: self.options.sandbox,
        };
        place.renew_home()?;
        place.apply_patch()?;
        Ok(place)
    }

    /// The user's repository shown read-only to every child, where mounts work. Where the copy
    /// itself lies in the repository (a home that is one), only its `.git`.
    fn protected(&self, copy: &Path) -> Result<Vec<Bind>, WorkplaceError> {
        if self.containment != Containment::Namespaces {
            return Ok(Vec::new());
        }
        let path = self.environment.get("PATH").unwrap_or_default();
        let common = common_folder(self.repo, path)?;
        // It may hold tokens of remotes, and nothing in the copy needs it.
        let settings = common.join("config");
        let mut folders = vec![common];
        if !copy.starts_with(self.repo) {
            folders.push(self.repo.to_owned());
        }
        let show = |source: PathBuf, target| Bind {
            source,
            target,
            read_only: true,
        };
        let folders = folders
            .into_iter()
            .map(|folder| show(folder.clone(), folder));
        let settings = settings
            .is_file()
            .then(|| show("/dev/null".into(), settings));
        Ok(folders.chain(settings).collect())
    }

    /// What a fixer gets to see beside the copies of the repository: the user's home can
    /// only be read, and what in it holds credentials is empty. Where mounts do not work, nothing.
    ///
    /// # Errors
    ///
    /// When what is shown in place of credentials cannot be made.
    pub fn guards(&self, place: &Workplace) -> Result<Vec<Bind>, WorkplaceError> {
        let home = self.environment.get("HOME").map(PathBuf::from);
        let home = home.and_then(|home| home.canonicalize().ok());
        let Some(home) = home.filter(|home| home.is_dir() && home.parent().is_some()) else {
            return Ok(place.binds.clone());
        };
        if self.containment != Containment::Namespaces {
            return Ok(place.binds.clone());
        }
        let mut binds = Vec::new();
        let mut show = |source: &Path, target: &Path, read_only| {
            binds.push(Bind {
                source: source.to_owned(),
                target: target.to_owned(),
                read_only,
            });
        };
        // The copies are mounts of their own before the home is one that is only read.
        let copies = place
            .folder
            .path()
            .parent()
            .filter(|copies| copies.starts_with(&home));
        if let Some(copies) = copies {
            show(copies, copies, false);
        }
        show(&home, &home, true);
        let nothing = place.beside("nothing");
        let failed = |source| WorkplaceError::Folder {
            path: nothing.clone(),
            source,
        };
        fs::create_dir_all(&nothing).map_err(failed)?;
        for (name, _) in credentials::IN_HOME {
            let target = home.join(name);
            if target.is_dir() {
                show(&nothing, &target, true);
            } else if target.is_file() {
                show(Path::new("/dev/null"), &target, true);
            }
        }
        binds.extend(place.binds.clone());
        Ok(binds)
    }

    /// Runs the set-up command, and says how far it was confined.
    fn set_up(&self, place: &Workplace) -> Result<Option<Confined>, WorkplaceError> {
        let Some(command) = &self.options.setup else {
            return Ok(None);
        };
        let end = sandbox::run(
            &ChildSpec {
                command: vec!["sh".to_owned(), "-c".to_owned(), command.clone()],
                directory: place.tree().to_owned(),
                environment: place.environment(self.environment),
                timeout: SETUP_TIMEOUT,
                idle: None,
                grace: Duration::from_secs(5),
                output_cap: SETUP_OUTPUT,
                binds: place.binds.clone(),
                process_limit: Some(DEFAULT_PROCESS_LIMIT),
                confine: place.confine(self.options.sandbox, self.environment),
            },
            &Hold {
                helper: self.binary,
                containment: self.containment,
                stop: self.stop,
            },
        );
        if end.succeeded() {
            return Ok(end.confined);
        }
        let said = String::from_utf8_lossy(&end.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        let how = match end.outcome {
            ChildOutcome::Exited { code } => format!("status {code}"),
            ChildOutcome::Killed { signal } => format!("signal {signal}"),
            ChildOutcome::TimedOut => "it took longer than 10 minutes".to_owned(),
            ChildOutcome::NotStarted { reason } => reason,
            ChildOutcome::Stopped => return Err(WorkplaceError::Stopped),
        };
        Err(WorkplaceError::Setup {
            command: command.clone(),
            reason: format!("{how}: {}", last.join(" | ")),
        })
    }
}

impl Workplace {
    /// The working tree.
    pub fn tree(&self) -> &Path {
        self.workspace.tree()
    }

    /// The folder in which all of it lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The copy as git sees it.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The private home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// How far the set-up command was confined; none where there is none, or it was not.
    pub fn set_up_confined(&self) -> Option<&Confined> {
        self.set_up_confined.as_ref()
    }

    /// To what a command is confined that works here: it writes tree and home.
    pub fn confine(&self, mode: SandboxMode, caller: &Environment) -> Option<Confine> {
        Confine::of(mode, caller, &[self.tree(), &self.home()])
    }

    /// To what the agent is confined that works here: a fixer wrote a part of it where there is a
    /// fix, else it is the user's own.
    pub fn confine_patched(&self, caller: &Environment) -> Option<Confine> {
        match self.patch.is_empty() {
            true => None,
            false => self.confine(self.sandbox, caller),
        }
    }

    /// The commit it was made at.
    pub fn base(&self) -> &str {
        self.workspace.base()
    }

    /// The fix that is part of it; empty where there is none.
    pub fn patch(&self) -> &[u8] {
        &self.patch
    }

    /// A folder beside the tree, for files that are handed to a fixer.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Folders shown read-only in the tree.
    pub fn binds(&self) -> &[Bind] {
        &self.binds
    }

    /// The folders of what is installed: where each is, and its place in the tree or the home.
    pub fn installed(&self) -> Vec<(PathBuf, PathBuf)> {
        let shown = self.binds.iter();
        shown
            .filter(|bind| bind.target.starts_with(self.folder.path()))
            .map(|bind| (bind.source.clone(), bind.target.clone()))
            .collect()
    }

    /// Folders shown read-only to a fixer: one that is confined has a view of its own, another needs the
    /// workshop's guards.
    pub fn shown_to_fixer<'a>(&'a self, mode: SandboxMode, guards: &'a [Bind]) -> &'a [Bind] {
        match mode {
            SandboxMode::Off => guards,
            SandboxMode::Required | SandboxMode::BestEffort => &self.binds,
        }
    }

    /// Puts tree and home back as they were when the set-up had ended, so that no run sees what
    /// an earlier one left.
    pub fn renew(&self) -> Result<(), WorkplaceError> {
        self.workspace.reset(&self.set_up)?;
        self.apply_patch()?;
        self.renew_home()
    }

    /// Whether nothing that [`Workplace::renew`] leaves alone was touched since the set-up had
    /// ended: the files that it made, and the copy's own `.git`.
    pub fn is_as_set_up(&self) -> bool {
        self.stamps == self.stamps_now()
    }

    fn stamps_now(&self) -> BTreeMap<PathBuf, Stamp> {
        let mut stamps = BTreeMap::new();
        for file in &self.set_up {
            stamps.insert(file.clone(), Stamp::of(&self.tree().join(file)));
        }
        let mut folders = vec![self.tree().join(".git")];
        while let Some(folder) = folders.pop() {
            stamps.insert(folder.clone(), Stamp::of(&folder));
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else {
                    stamps.insert(path.clone(), Stamp::of(&path));
                }
            }
        }
        stamps
    }

    fn apply_patch(&self) -> Result<(), WorkplaceError> {
        if !self.patch.is_empty() {
            self.workspace.apply(&self.patch)?;
        }
        Ok(())
    }

    fn renew_home(&self) -> Result<(), WorkplaceError> {
        let home = self.home();
        let failed = |source| WorkplaceError::Folder {
            path: home.clone(),
            source,
        };
        match fs::remove_dir_all(&home) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::create_dir(&home).map_err(failed)?;
        for bind in &self.binds {
            if bind.target.starts_with(&home) {
                fs::create_dir_all(&bind.target).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// A cleared environment for a child that works here; the agent's own keys are not in it.
    pub fn environment(&self, caller: &Environment) -> BTreeMap<String, String> {
        kept(
            caller,
            Start::Cleared {
                named: &self.variables,
                home: &self.home(),
            },
        )
    }

    /// Variables handed on to the agent: those of every child and its own keys.
    pub fn agent_variables(&self) -> Vec<String> {
        self.variables
            .iter()
            .chain(&self.agent_variables)
            .cloned()
            .collect()
    }
}
