//! The merge: made as a commit that nobody sees, tested in a copy, and only then the branch's.

use std::path::Path;

use crate::git::command::{self, Git, GitError};
use crate::host::lock::FileLock;
use crate::pdca::place::RunId;
use crate::pdca::settings::CommitStyle;

use super::change::{branch_ref, identity, tip};
use super::command::{self as own, Ran};
use super::stage::{EngineError, Stage};

/// A merge that nobody sees yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Its commit.
    pub commit: String,
    /// What the branch was when it was made.
    pub onto: String,
}

/// What came of trying to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It can be merged.
    Ready(Merge),
    /// It conflicts with what the branch is by now.
    Conflict,
    /// Its branch is not at the commit that was reviewed.
    Unreviewed,
    /// There is nothing to merge.
    Nothing,
    /// The branch that the run began on is gone.
    NoTarget,
}

/// The subject of the commit that merges a run.
pub fn subject(run: &RunId, style: CommitStyle) -> String {
    match style {
        CommitStyle::Conventional => format!("archeflow(act): merge run {run}"),
        CommitStyle::Simple => format!("act: merge run {run}"),
    }
}

/// How the merge of a run may be called: the style may have been another one then.
fn subjects(run: &RunId) -> [String; 3] {
    [
        subject(run, CommitStyle::Conventional),
        subject(run, CommitStyle::Simple),
        // Of versions that knew no style.
        format!("archeflow: merge run {run}"),
    ]
}

/// Makes the merge of a run's branch into the branch that it began on, as objects alone. Only the commit that was
/// `reviewed` is merged, where one is said.
///
/// # Errors
///
/// When git fails.
pub fn prepare(stage: &Stage<'_>, reviewed: Option<&str>) -> Result<Prepared, EngineError> {
    let (repo, path) = (stage.repo, stage.path());
    let Some(onto) = tip(repo, path, &stage.record.base_branch) else {
        return Ok(Prepared::NoTarget);
    };
    let Some(change) = tip(repo, path, &stage.record.branch) else {
        return Ok(Prepared::Nothing);
    };
    let git = || Git::new(repo, path);
    let is_in = git()
        .args(["merge-base", "--is-ancestor", &change, &onto])
        .output()
        .is_ok();
    if is_in {
        return Ok(Prepared::Nothing);
    }
    if reviewed.is_some_and(|reviewed| reviewed != change) {
        return Ok(Prepared::Unreviewed);
    }
    let merged = git()
        .args([
            "merge-tree",
            "--write-tree",
            "--no-messages",
            &onto,
            &change,
        ])
        .line();
    let tree = match merged {
        Ok(tree) => tree,
        // It names conflicts on stdout and says nothing beside them.
        Err(GitError::Failed { stderr, .. }) if stderr.is_empty() => return Ok(Prepared::Conflict),
        Err(error) => return Err(error.into()),
    };
    let commit = git()
        .args(["commit-tree", "--no-gpg-sign", "-p", &onto, "-p", &change])
        .args([
            "-m",
            &subject(stage.run, stage.settings.config.git.commit_style),
            &tree,
        ])
        .envs(&identity(stage))
        .line()?;
    Ok(Prepared::Ready(Merge { commit, onto }))
}

/// Tests what was merged, in a copy of its own; none where no command is named.
///
/// # Errors
///
/// When there is no copy.
pub fn test(stage: &Stage<'_>, merge: &Merge, cycle: u32) -> Result<Option<Ran>, EngineError> {
    let Some(command) = &stage.settings.config.test_command else {
        return Ok(None);
    };
    let workshop = stage.workshop(&merge.commit);
    let place = workshop.open(&[])?;
    own::tests(stage, &place, command, cycle).map(Some)
}

/// Whether it became the branch's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// It did.
    Yes,
    /// It did not, and why.
    No(String),
}

/// Moves the branch that the run began on to the merge: in the user's checkout where that is what is
/// checked out, else the branch alone. Whoever has the `turn` of the repository does it alone: of two that
/// move a checkout at once one would leave its files in it, and not its commit.
///
/// # Errors
///
/// When git fails for another reason than that somebody moved the branch.
pub fn land(
    repo: &Path,
    path: &str,
    turn: &Path,
    (branch, merge): (&str, &Merge),
) -> Result<Landed, EngineError> {
    let _alone = FileLock::wait(turn)?;
    let git = || Git::new(repo, path);
    if tip(repo, path, branch).as_deref() != Some(merge.onto.as_str()) {
        return Ok(Landed::No(format!("{branch} was moved meanwhile")));
    }
    let checked_out = git().args(["symbolic-ref", "--quiet", "HEAD"]).line().ok();
    if checked_out.as_deref() != Some(&branch_ref(branch)) {
        // Moving a branch below another checkout would make its files look like changes.
        let worktrees = git()
            .args(["worktree", "list", "--porcelain", "-z"])
            .output()?;
        let line = format!("branch {}", branch_ref(branch));
        if worktrees
            .split(|byte| *byte == 0)
            .any(|one| one == line.as_bytes())
        {
            return Ok(Landed::No(format!(
                "{branch} is checked out in another worktree: merge there"
            )));
        }
        let moved = git()
            .args([
                "update-ref",
                &branch_ref(branch),
                &merge.commit,
                &merge.onto,
            ])
            .output();
        return Ok(match moved {
            Ok(_) => Landed::Yes,
            Err(error) => Landed::No(error.to_string()),
        });
    }
    let changed = command::changed_tracked_files(repo, path)?;
    if !changed.is_empty() {
        return Ok(Landed::No(format!(
            "the checkout has changes that are not committed: {}",
            changed.join(", ")
        )));
    }
    let moved = git()
        .args(["merge", "--ff-only", "--quiet", &merge.commit])
        .output();
    Ok(match moved {
        Ok(_) => Landed::Yes,
        Err(error) => Landed::No(error.to_string()),
    })
}

/// The commit on a branch that merged a run, where there is one that was not taken back.
///
/// # Errors
///
/// When git fails.
pub fn merge_of(
    repo: &Path,
    path: &str,
    branch: &str,
    run: &RunId,
) -> Result<Option<String>, GitError> {
    let listed = Git::new(repo, path)
        .args(["log", "--first-parent", "--format=%H %s"])
        .arg(branch_ref(branch))
        .output()?;
    let ours = subjects(run);
    let reverted = ours.clone().map(|ours| format!("Revert \"{ours}\""));
    for line in String::from_utf8_lossy(&listed).lines() {
        match line.split_once(' ') {
            Some((_, said)) if reverted.iter().any(|one| said == one) => return Ok(None),
            Some((commit, said)) if ours.iter().any(|one| said == one) => {
                return Ok(Some(commit.to_owned()));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Makes the commit that takes back a merge; none where it conflicts with what came after it.
///
/// # Errors
///
/// When git fails.
pub fn revert(stage: &Stage<'_>, commit: &str) -> Result<Option<Merge>, EngineError> {
    let (repo, path) = (stage.repo, stage.path());
    let git = || Git::new(repo, path);
    let own = identity(stage);
    let Some(onto) = tip(repo, path, &stage.record.base_branch) else {
        return Ok(None);
    };
    // The step from the merge back to its first parent, merged with what the branch is by now.
    let back = git()
        .args(["commit-tree", "--no-gpg-sign", "-p", commit, "-m", "back"])
        .arg(format!("{commit}^1^{{tree}}"))
        .envs(&own)
        .line()?;
    let merged = git()
        .args(["merge-tree", "--write-tree", "--no-messages", &onto, &back])
        .line();
    let tree = match merged {
        Ok(tree) => tree,
        Err(GitError::Failed { stderr, .. }) if stderr.is_empty() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let said = git().args(["log", "-1", "--format=%s", commit]).line()?;
    let message = format!("Revert \"{said}\"\n\nThis reverts commit {commit}.");
    let commit = git()
        .args(["commit-tree", "--no-gpg-sign", "-p", &onto, "-m", &message])
        .arg(&tree)
        .envs(&own)
        .line()?;
    Ok(Some(Merge { commit, onto }))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn of_merges_that_land_at_once_one_does_and_the_checkout_is_its() {
        let folder = tempfile::tempdir().expect("a folder");
        let (repo, turn) = (folder.path().join("repo"), folder.path().join("turn"));
        std::fs::create_dir(&repo).expect("a folder");
        let path = "/usr/local/bin:/usr/bin:/bin";
        let git = |arguments: &[&str]| {
            let output = Command::new("git")
                .args(["-c", "user.name=Tess", "-c", "user.email=tess@example.com"])
                .args(arguments)
                .current_dir(&repo)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output()
                .expect("git");
            assert!(output.status.success(), "git {arguments:?}: {output:?}");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
        let onto = git(&["rev-parse", "main"]);
        // Each changes the same file in its own way.
        let merges: Vec<Merge> = (0..8)
            .map(|number| {
                std::fs::write(repo.join("file.txt"), number.to_string()).expect("written");
                git(&["add", "file.txt"]);
                let tree = git(&["write-tree"]);
                let commit = git(&["commit-tree", "-p", &onto, "-m", "merge", &tree]);
                let onto = onto.clone();
                Merge { commit, onto }
            })
            .collect();
        git(&["reset", "--quiet", "--hard"]);
        let landed: Vec<Landed> = std::thread::scope(|scope| {
            let all: Vec<_> = merges
                .iter()
                .map(|merge| scope.spawn(|| land(&repo, path, &turn, ("main", merge))))
                .collect();
            let ended = all.into_iter().map(|one| one.join().expect("no panic"));
            ended.map(|one| one.expect("git works")).collect()
        });
        let yes = landed.iter().filter(|one| **one == Landed::Yes);
        assert_eq!(yes.count(), 1, "{landed:?}");
        for one in &landed {
            let told =
                *one == Landed::Yes || *one == Landed::No("main was moved meanwhile".to_owned());
            assert!(told, "{one:?}");
        }
        let tip = git(&["rev-parse", "main"]);
        let won = merges.iter().position(|merge| merge.commit == tip);
        let file = std::fs::read_to_string(repo.join("file.txt")).expect("a file");
        assert_eq!(Some(file), won.map(|won| won.to_string()));
        assert_eq!(git(&["status", "--porcelain"]), "");
    }
}
