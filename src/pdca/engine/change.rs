//! The Maker's commits. They come out of its copy as a bundle, which is data: nothing that it could have
//! planted in its `.git` is run by archal outside its walls.

use std::path::Path;
use std::time::Duration;

use crate::git::command::{Git, GitError};
use crate::pdca::prompt::LONGEST_PART;
use crate::reproduce::workplace::Workplace;
use crate::sandbox;
use crate::sandbox::child::{ChildEnd, ChildSpec, DEFAULT_PROCESS_LIMIT};

use super::stage::{EngineError, Stage};

/// How long git may take in the Maker's copy.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes kept of what it prints.
const OUTPUT_CAP: usize = 1 << 20;
/// Names told of files, where there are many.
const MOST_NAMES: usize = 10;
/// A larger bundle is not taken.
const LARGEST_BUNDLE: u64 = 64 << 20;
/// Names of changed files are not read beyond this.
const LONGEST_NAMES: u64 = 4 << 20;
/// A longer change is not taken: a prompt would hold only its beginning, and nobody would review the rest.
const LONGEST_CHANGE: u64 = LONGEST_PART as u64;
/// The bundle's name in the Maker's home.
const BUNDLE: &str = "archal-change.bundle";
/// The folder no Maker may write to.
const STATE: &str = ".archeflow";

/// What stands in the way of taking the Maker's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is on the run's branch now: the files of the whole run, one a line, and its diff.
    Change {
        /// The files.
        files: Vec<u8>,
        /// The diff.
        diff: Vec<u8>,
    },
    /// Nothing is committed.
    NoCommits,
    /// It cannot be taken.
    Refused(String),
}

/// Whose name stands on commits, as variables: the user's.
pub fn identity(stage: &Stage<'_>) -> Vec<(String, String)> {
    let global = stage
        .environment
        .get("HOME")
        .map(|home| format!("{home}/.gitconfig"));
    let setting = |name: &str, otherwise: &str| {
        let mut git = Git::new(stage.repo, stage.path());
        if let Some(global) = &global {
            git.env("GIT_CONFIG_GLOBAL", global);
        }
        let found = git.args(["config", "--get", name]).line().ok();
        let found = found.filter(|value| !value.is_empty());
        found.unwrap_or_else(|| otherwise.to_owned())
    };
    let name = setting("user.name", "archal");
    let email = setting("user.email", "archal@localhost");
    ["AUTHOR", "COMMITTER"]
        .iter()
        .flat_map(|who| {
            [
                (format!("GIT_{who}_NAME"), name.clone()),
                (format!("GIT_{who}_EMAIL"), email.clone()),
            ]
        })
        .collect()
}

/// What the Maker left in its copy without committing it.
///
/// # Errors
///
/// What git says, where it cannot look.
pub fn uncommitted(stage: &Stage<'_>, place: &Workplace) -> Result<Vec<String>, String> {
    let end = within(
        stage,
        place,
        &["status", "--porcelain", "--untracked-files=normal"],
    );
    if !end.succeeded() {
        return Err(told(&end));
    }
    let text = String::from_utf8_lossy(&end.stdout);
    let names = text.lines().filter_map(|line| line.get(3..));
    Ok(names.take(MOST_NAMES).map(str::to_owned).collect())
}

/// Takes the Maker's commits onto the branch of the run.
///
/// # Errors
///
/// When git fails outside the copy.
pub fn take(stage: &Stage<'_>, place: &Workplace) -> Result<Taken, EngineError> {
    let range = format!("{}..HEAD", place.base());
    let counted = within(stage, place, &["rev-list", "--count", &range]);
    let count = String::from_utf8_lossy(&counted.stdout)
        .trim()
        .parse::<u64>();
    match (counted.succeeded(), count) {
        (true, Ok(0)) => return Ok(Taken::NoCommits),
        (true, Ok(_)) => {}
        _ => return Ok(Taken::Refused(told(&counted))),
    }
    let bundle = place.home().join(BUNDLE);
    let shown = bundle.display().to_string();
    let made = within(stage, place, &["bundle", "create", &shown, &range]);
    if !made.succeeded() {
        return Ok(Taken::Refused(told(&made)));
    }
    // By now nothing of the Maker runs that could put a pipe in its place.
    if let Some(why) = unfit(&bundle, LARGEST_BUNDLE) {
        return Ok(Taken::Refused(why));
    }
    let incoming = format!("refs/archeflow/incoming/{}", stage.run);
    let git = || Git::new(stage.repo, stage.path());
    let fetched = git()
        .args(["-c", "fetch.fsckObjects=true"])
        .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
        .args(["--no-recurse-submodules", "--no-auto-gc"])
        .arg(&bundle)
        .arg(format!("+HEAD:{incoming}"))
        .output();
    if let Err(error) = fetched {
        return Ok(Taken::Refused(error.to_string()));
    }
    let outcome = accept(stage, place.base(), &incoming);
    git().args(["update-ref", "-d", &incoming]).output()?;
    outcome
}

/// Why a bundle is not even looked into.
fn unfit(bundle: &Path, largest: u64) -> Option<String> {
    match std::fs::symlink_metadata(bundle) {
        Ok(found) if !found.is_file() => Some("its bundle is no file".to_owned()),
        Ok(found) if found.len() > largest => {
            Some(format!("its commits are larger than {} MiB", largest >> 20))
        }
        Ok(_) => None,
        Err(error) => Some(format!("its bundle is not there: {error}")),
    }
}

/// Moves the branch of the run to what came in, where that builds on it and touches no state.
fn accept(stage: &Stage<'_>, base: &str, incoming: &str) -> Result<Taken, EngineError> {
    let git = || Git::new(stage.repo, stage.path());
    let tip = git().args(["rev-parse", "--verify", incoming]).line()?;
    let builds_on = git()
        .args(["merge-base", "--is-ancestor", base, &tip])
        .output();
    if builds_on.is_err() {
        return Ok(Taken::Refused(
            "its commits do not build on the branch of the run".to_owned(),
        ));
    }
    // Every commit counts: one may take back what another did.
    let named = git()
        .args([
            "log",
            "--format=",
            "--name-only",
            "--no-renames",
            "-m",
            "-z",
        ])
        .arg(format!("{base}..{tip}"))
        .output_within(LONGEST_NAMES)?;
    let Some(named) = named else {
        return Ok(Taken::Refused("it changes too many files".to_owned()));
    };
    let touches_state = named
        .split(|byte| *byte == 0)
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .find(|name| name.split('/').next() == Some(STATE));
    if let Some(name) = touches_state {
        return Ok(Taken::Refused(format!(
            "it commits {name}: runs keep their own state in {STATE}"
        )));
    }
    let Some((files, diff)) = of_run(stage, &tip)? else {
        return Ok(Taken::Refused(format!(
            "the change of the run is longer than the {} KiB that reviewers are shown: split the task",
            LONGEST_CHANGE >> 10
        )));
    };
    git()
        .args(["update-ref", &branch_ref(&stage.record.branch), &tip, base])
        .output()?;
    Ok(Taken::Change { files, diff })
}

/// The full name of a branch.
pub fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// The commit of a branch; none where there is no such branch.
pub fn tip(repo: &Path, path: &str, branch: &str) -> Option<String> {
    Git::new(repo, path)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{}^{{commit}}", branch_ref(branch)))
        .line()
        .ok()
}

/// Files and diff.
type Change = (Vec<u8>, Vec<u8>);

/// The whole change of a run up to a commit; none where it is too long.
fn of_run(stage: &Stage<'_>, tip: &str) -> Result<Option<Change>, GitError> {
    let range = format!("{}...{tip}", stage.record.base);
    let diff = |more: &[&str]| {
        Git::new(stage.repo, stage.path())
            .args(["diff", "--no-color", "--no-ext-diff", "--no-textconv"])
            .args(more)
            .arg(&range)
            .args(["--", ".", ":(exclude).archeflow"])
            .output_within(LONGEST_CHANGE)
    };
    let (files, diff) = (diff(&["--name-only"])?, diff(&["--text"])?);
    Ok(files.zip(diff))
}

/// git in the Maker's copy, within the Maker's walls.
fn within(stage: &Stage<'_>, place: &Workplace, arguments: &[&str]) -> ChildEnd {
    let mut command = vec!["git".to_owned()];
    command.extend(arguments.iter().map(ToString::to_string));
    sandbox::run(
        &ChildSpec {
            command,
            directory: place.tree().to_owned(),
            environment: place.environment(stage.environment),
            timeout: TIMEOUT,
            idle: None,
            grace: Duration::from_secs(1),
            output_cap: OUTPUT_CAP,
            binds: place.binds().to_vec(),
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine: place.confine(stage.sandbox, stage.environment),
        },
        &stage.hold(),
    )
}

fn told(end: &ChildEnd) -> String {
    crate::driver::records::last_word(&end.stderr)
        .unwrap_or_else(|| "git did not answer in its copy".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_too_large_or_no_file_is_not_looked_into() {
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = folder.path().join(BUNDLE);
        let why = |path: &Path| unfit(path, LARGEST_BUNDLE).unwrap_or_default();
        assert!(why(&bundle).starts_with("its bundle is not there"));
        // Without a byte on the disk it is as long.
        let file = std::fs::File::create(&bundle).expect("a file");
        file.set_len(LARGEST_BUNDLE).expect("set");
        assert_eq!(why(&bundle), "");
        file.set_len(LARGEST_BUNDLE + 1).expect("set");
        assert_eq!(why(&bundle), "its commits are larger than 64 MiB");
        assert_eq!(why(folder.path()), "its bundle is no file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
        assert_eq!(why(&link), "its bundle is no file");
    }
}
