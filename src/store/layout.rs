//! Where archal keeps its state in a repository: `.archal/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;

use super::atomic::{self, Durability, WriteError};
use super::inside;

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
    /// What nothing in it may lead out of: the repository, or the state folder that somebody chose.
    bounds: PathBuf,
}

/// How names begin of what archal itself keeps in the state folder.
const OWN: &[&str] = &[
    ".gitignore",
    "attach",
    "cache",
    "preprod",
    "spool",
    "state.db",
    "trace-sources",
    "traces",
    "watcher.",
];

impl Layout {
    /// The state folder of the repository at `repo`: `ARCHAL_STATE_DIR` where given, else `.archal`.
    pub fn of(repo: &Path, state_directory: Option<&Path>) -> Self {
        match state_directory.map(|folder| repo.join(folder)) {
            Some(root) => Self {
                bounds: root.clone(),
                root,
            },
            None => Self {
                root: repo.join(".archal"),
                bounds: repo.to_owned(),
            },
        }
    }

    /// What nothing in the state folder may lead out of.
    pub fn bounds(&self) -> &Path {
        &self.bounds
    }

    /// Something of archal's own in the state folder that is a link out of the repository. Whoever gives
    /// somebody a repository to clone can put such a link there, and what is written would be written
    /// elsewhere.
    pub fn leading_out(&self) -> Option<PathBuf> {
        let leads_out = |path: &Path| !inside::is_inside(path, &self.bounds);
        if leads_out(&self.root) {
            return Some(self.root.clone());
        }
        let is_own = |name: &str| OWN.iter().any(|own| name.starts_with(own));
        let links_in = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let links =
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
            let mut links: Vec<PathBuf> = links.map(|entry| entry.path()).collect();
            links.sort();
            links.into_iter().find(|link| leads_out(link))
        };
        let own = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let own = own.filter(|entry| entry.file_name().to_str().is_some_and(is_own));
        let mut own: Vec<PathBuf> = own.map(|entry| entry.path()).collect();
        own.sort();
        own.iter().find_map(|path| {
            if path.is_symlink() {
                return leads_out(path).then(|| path.clone());
            }
            // Of traces there may be any number, and a link among them is not read.
            let is_searched = path.is_dir() && *path != self.traces();
            is_searched.then(|| links_in(path)).flatten()
        })
    }

    /// The state folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the state folder with its `.gitignore`, unless there is one already.
    ///
    /// Fails early, with the path, where the folder cannot be written.
    pub fn prepare(&self) -> Result<(), WriteError> {
        if let Some(path) = self.leading_out() {
            let source =
                io::Error::other("it is a link that leads out of the repository; remove it");
            return Err(WriteError::Io { path, source });
        }
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

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_repository_is_not_written_to() {
        use std::os::unix::fs::symlink;
        let victim = tempfile::tempdir().expect("temporary folder");
        let new = victim.path().join("new");
        for name in [
            "traces",
            "spool",
            "spool/prod",
            "state.db",
            "attach/imports",
            "trace-sources.json",
            ".gitignore",
        ] {
            let repo = tempfile::tempdir().expect("temporary folder");
            let layout = Layout::of(repo.path(), None);
            let link = layout.root().join(name);
            fs::create_dir_all(link.parent().expect("a folder")).expect("writable");
            symlink(&new, &link).expect("a link");
            let refused = layout.prepare().expect_err(name);
            assert!(
                matches!(&refused, WriteError::Io { path, .. } if *path == link),
                "{refused:?}"
            );
            assert!(!new.exists());
            // One that stays is the repository's own business, and one that the user made of other files his.
            fs::remove_file(&link).expect("writable");
            symlink(repo.path().join("own"), &link).expect("a link");
            symlink(&new, layout.root().join("harness.json")).expect("a link");
            assert_eq!(layout.leading_out(), None, "{name}");
        }
        let repo = tempfile::tempdir().expect("temporary folder");
        symlink(victim.path(), repo.path().join(".archal")).expect("a link");
        Layout::of(repo.path(), None).prepare().expect_err("a link");
        // A folder that somebody chose may be anywhere.
        let chosen = Layout::of(repo.path(), Some(Path::new(".archal")));
        chosen.prepare().expect("writable");
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
