//! Where archal keeps its state in a repository: `.archal/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;

use super::atomic::{self, Durability, WriteError};

/// What the first use writes to `.archal/.gitignore`: archal's own state is ignored, the files a
/// user writes there (harness, registry of sources) are not.
const GITIGNORE: &str = "/attach/\n/cache/\n/preprod/\n/preprod-plan.json\n/spool/\n/traces/\n/state.db*\n/watcher.*\n/trace-sources.local.json\n/.gitignore\n";

/// Where a file of the user's own lies, whatever the repository: `$XDG_STATE_HOME/archal/<name>`,
/// else below `~/.local/state`; none without a home.
pub fn of_user(environment: &Environment, name: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("archal").join(name))
}

/// The state folder of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The state folder of the repository at `repo`: `ARCHAL_STATE_DIR` where given, else `.archal`.
    pub fn of(repo: &Path, state_directory: Option<&Path>) -> Self {
        Self {
            root: state_directory.map_or_else(|| repo.join(".archal"), |dir| repo.join(dir)),
        }
    }

    /// The state folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the state folder with its `.gitignore`, unless there is one already.
    ///
    /// Fails early, with the path, where the folder cannot be written.
    pub fn prepare(&self) -> Result<(), WriteError> {
        let gitignore = self.root.join(".gitignore");
        if !gitignore.exists() {
            return atomic::write(&gitignore, GITIGNORE.as_bytes(), Durability::Derived);
        }
        probe_writable(&self.root).map_err(|source| WriteError::Io {
            path: self.root.clone(),
            source,
        })
    }

    /// The database of attached directories and jobs.
    pub fn state_database(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The folder of one run's evidence.
    pub fn run(&self, run_id: &str) -> PathBuf {
        self.runs().join(run_id)
    }

    /// The folder of all runs' evidence.
    pub fn runs(&self) -> PathBuf {
        self.root.join("cache").join("runs")
    }

    /// The folder of one invocation of `archal run`: its plan and its summary.
    pub fn suite(&self, suite_id: &str) -> PathBuf {
        self.suites().join(suite_id)
    }

    /// The folder of all of them.
    pub fn suites(&self) -> PathBuf {
        self.root.join("cache").join("suites")
    }

    /// The folder of all sessions of clones that `archal clone start` opened.
    pub fn sessions(&self) -> PathBuf {
        self.root.join("cache").join("sessions")
    }

    /// The folder of what is recorded and stands in no trace yet.
    pub fn recordings(&self) -> PathBuf {
        self.root.join("cache").join("recordings")
    }

    /// The summary of the last run.
    pub fn last_run(&self) -> PathBuf {
        self.root.join("cache").join("last-run.json")
    }

    /// Answers of the judge to questions that were asked before.
    pub fn judge_cache(&self) -> PathBuf {
        self.root.join("cache").join("judge")
    }

    /// The lock of the process that does the work of this repository.
    pub fn watcher_lock(&self) -> PathBuf {
        self.root.join("watcher.lock")
    }

    /// Where that process says who it is.
    pub fn watcher_record(&self) -> PathBuf {
        self.root.join("watcher.json")
    }

    /// The socket over which it is asked, where the path is short enough for one.
    pub fn watcher_socket(&self) -> PathBuf {
        self.root.join("watcher.sock")
    }

    /// What it did.
    pub fn watcher_log(&self) -> PathBuf {
        self.root.join("attach").join("watcher.log")
    }

    /// Where traces of sources are put when nobody says where.
    pub fn traces(&self) -> PathBuf {
        self.root.join("traces")
    }

    /// What came to a push source and stands in no batch file yet.
    pub fn spool(&self, source: &str) -> PathBuf {
        self.root.join("spool").join(source)
    }

    /// The folder of the loop before a change ships: its lock, open paid steps, artifacts of runs
    /// that nobody named a folder for.
    pub fn preprod(&self) -> PathBuf {
        self.root.join("preprod")
    }

    /// The lock of whoever runs that loop.
    pub fn preprod_lock(&self) -> PathBuf {
        self.preprod().join("lock")
    }

    /// A folder of attach: `imports`, `grades`, `seeds`, `runs` or `fixes`.
    pub fn attach(&self, stage: &str) -> PathBuf {
        self.root.join("attach").join(stage)
    }
}

/// Moves what an earlier job of the trace left in `folder` to `r<number>` inside it, so that no
/// artifact of two jobs stands side by side. Nothing is lost; a folder that is not there is fine,
/// and so is one in which this was done before: what is there then belongs to the present job.
pub fn set_aside(folder: &Path, number: i64) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io {
        path: folder.to_owned(),
        source,
    };
    let aside = folder.join(format!("r{number}"));
    if aside.exists() {
        return Ok(());
    }
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    // It gets its name when everything is in it: a process that is killed in between leaves the
    // rest to the next one.
    let under_way = folder.join(format!(".r{number}.tmp"));
    fs::create_dir_all(&under_way).map_err(failed)?;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if Path::new(&name) == Path::new(&format!(".r{number}.tmp")) || is_earlier(&name) {
            continue;
        }
        fs::rename(folder.join(&name), under_way.join(&name)).map_err(failed)?;
    }
    fs::rename(&under_way, &aside).map_err(failed)
}

fn is_earlier(name: &std::ffi::OsStr) -> bool {
    name.to_str()
        .and_then(|name| name.strip_prefix('r'))
        .is_some_and(|number| number.parse::<i64>().is_ok())
}

/// [`set_aside`] for an artifact that is one file.
pub fn set_file_aside(file: &Path, to: &Path) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io {
        path: to.to_owned(),
        source,
    };
    if to.exists() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    match fs::rename(file, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

fn probe_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::Builder::new()
        .prefix(".archal-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preparing_keeps_a_gitignore_that_is_there() {
        let repo = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(repo.path(), None);
        fs::create_dir(layout.root()).expect("writable");
        let gitignore = layout.root().join(".gitignore");
        fs::write(&gitignore, "mine\n").expect("writable");
        layout.prepare().expect("writable");
        assert_eq!(fs::read_to_string(gitignore).expect("readable"), "mine\n");
    }

    #[test]
    fn what_an_earlier_pass_left_is_set_aside_under_the_next_number() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = |name: &str| folder.path().join(name);
        set_aside(&file("nothing"), 1).expect("fine");
        for (text, number) in [("first", 1), ("second", 2)] {
            fs::write(file("proof.json"), text).expect("writable");
            // A process that was killed half way had moved one file.
            let half = file(&format!(".r{number}.tmp"));
            fs::create_dir(&half).expect("writable");
            fs::write(half.join("moved.json"), text).expect("writable");
            set_aside(folder.path(), number).expect("moved");
            assert!(!half.exists());
        }
        assert!(!file("proof.json").exists());
        fs::write(file("proof.json"), "third").expect("writable");
        set_aside(folder.path(), 2).expect("was done");
        assert!(file("proof.json").exists());
        assert!(file("r1/moved.json").exists());
        assert_eq!(
            fs::read_to_string(file("r1/proof.json")).expect("kept"),
            "first"
        );
        assert_eq!(
            fs::read_to_string(file("r2/proof.json")).expect("kept"),
            "second"
        );
    }
}
