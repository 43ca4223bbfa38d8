//! The commit, made with an index of its own: the user's index, files, stash, hooks and
//! configuration are never touched.

use std::collections::BTreeSet;
use std::path::Path;

use crate::git::command::{Git, GitError};

use super::program::Programs;

/// The trailer of the commits that archal makes: the group of failures that it mends.
pub const GROUP_TRAILER: &str = "Archal-Group";

/// Whose name stands on the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// The repository of the user.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    /// Its top folder.
    pub folder: &'a Path,
    /// Where git is found.
    pub path: &'a str,
}

/// A commit to make.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Its parent.
    pub base: &'a str,
    /// The patch.
    pub patch: &'a Path,
    /// The message, trailers included.
    pub message: &'a str,
    /// Whose it is.
    pub author: &'a Author,
    /// When, in RFC 3339.
    pub at: &'a str,
    /// A folder for the index, outside the working tree.
    pub scratch: &'a Path,
}

impl<'a> Repository<'a> {
    /// The repository that programs are run in.
    pub fn of(programs: &Programs<'a>) -> Self {
        Self {
            folder: programs.repo,
            path: programs.environment.get("PATH").unwrap_or_default(),
        }
    }

    fn git(&self) -> Git {
        Git::new(self.folder, self.path)
    }

    /// Makes a commit of objects alone; no ref and no file of the user's changes. The same input
    /// gives the same commit.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<String, GitError> {
        let folder = tempfile::Builder::new()
            .prefix("index-")
            .tempdir_in(commit.scratch)
            .map_err(|source| GitError::File {
                path: commit.scratch.to_owned(),
                source,
            })?;
        let index = folder.path().join("index");
        let git = || {
            let mut git = self.git();
            git.env("GIT_INDEX_FILE", &index)
                .env("GIT_ATTR_NOSYSTEM", "1")
                .env("GIT_AUTHOR_NAME", &commit.author.name)
                .env("GIT_AUTHOR_EMAIL", &commit.author.email)
                .env("GIT_AUTHOR_DATE", commit.at)
                .env("GIT_COMMITTER_NAME", &commit.author.name)
                .env("GIT_COMMITTER_EMAIL", &commit.author.email)
                .env("GIT_COMMITTER_DATE", commit.at);
            git
        };
        git().args(["read-tree", commit.base]).output()?;
        git()
            .args(["apply", "--cached", "--whitespace=nowarn"])
            .arg(commit.patch)
            .output()?;
        let tree = git().arg("write-tree").line()?;
        git()
            .args(["commit-tree", "--no-gpg-sign", "-p", commit.base])
            .args(["-m", commit.message])
            .arg(&tree)
            .line()
    }

    /// Whether a commit is in the object store.
    pub fn has(&self, commit: &str) -> bool {
        self.git()
            .args(["cat-file", "-e"])
            .arg(format!("{commit}^{{commit}}"))
            .output()
            .is_ok()
    }

    /// The commit of a local branch; none where there is no such branch.
    pub fn tip(&self, branch: &str) -> Option<String> {
        self.git()
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(format!("refs/heads/{branch}^{{commit}}"))
            .line()
            .ok()
    }

    /// Whether two commits are the same change of the same commit, whenever they were made.
    pub fn is_same_change(&self, one: &str, other: &str) -> bool {
        let of = |commit: &str| {
            self.git()
                .args(["rev-parse", "--verify", "--quiet"])
                .arg(format!("{commit}^{{tree}}"))
                .output()
                .and_then(|tree| {
                    let parents = self
                        .git()
                        .args(["show", "--no-patch", "--no-show-signature", "--format=%P"])
                        .arg(commit)
                        .output()?;
                    Ok((tree, parents))
                })
        };
        matches!((of(one), of(other)), (Ok(one), Ok(other)) if one == other)
    }

    /// Whether archal made a commit for a failure group: its own address and its own trailer.
    pub fn is_ours(&self, commit: &str, group: &str, author: &Author) -> bool {
        let said = self
            .git()
            .args(["show", "--no-patch", "--no-show-signature"])
            .arg(format!(
                "--format=%ce%n%ae%n%(trailers:key={GROUP_TRAILER},valueonly)"
            ))
            .arg(commit)
            .line();
        said.is_ok_and(|said| {
            let lines: Vec<&str> = said.lines().map(str::trim).collect();
            lines == [author.email.as_str(), author.email.as_str(), group]
        })
    }

    /// Whether a branch is checked out in any working tree, where moving it would change what
    /// that tree seems to have changed.
    pub fn is_checked_out(&self, branch: &str) -> Result<bool, GitError> {
        let list = self
            .git()
            .args(["worktree", "list", "--porcelain"])
            .output()?;
        let line = format!("branch refs/heads/{branch}");
        Ok(String::from_utf8_lossy(&list)
            .lines()
            .any(|one| one == line))
    }

    /// Moves a local branch from `old`, or makes it where that is none.
    pub fn set(&self, branch: &str, commit: &str, old: Option<&str>) -> Result<(), GitError> {
        // All zeroes: it must not exist.
        let none = "0".repeat(commit.len());
        self.git()
            .args(["update-ref", "-m", "archal: a proven fix"])
            .arg(format!("refs/heads/{branch}"))
            .arg(commit)
            .arg(old.unwrap_or(&none))
            .output()
            .map(drop)
    }

    /// The branch that HEAD is on.
    pub fn current(&self) -> Option<String> {
        self.git()
            .args(["symbolic-ref", "--quiet", "--short", "HEAD"])
            .line()
            .ok()
            .filter(|name| !name.is_empty())
    }

    /// Files that differ between two commits.
    pub fn files(&self, from: &str, to: &str) -> Result<BTreeSet<String>, GitError> {
        let list = self
            .git()
            .args(["diff-tree", "-r", "-z", "--name-only", "--no-renames"])
            .args([from, to])
            .output()?;
        Ok(list
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }
}

/// The message of a commit: what it is, and where it comes from.
pub fn message(title: &str, group: &str, traces: &[String], base: &str) -> String {
    let mut message = format!(
        "{title}\n\nThe failure showed on the base commit and does not show with this change.\n\n\
         {GROUP_TRAILER}: {group}\nArchal-Base: {base}\n"
    );
    // An id of a trace is anything; what is no plain word stays out of the trailers.
    let is_word = |trace: &&String| {
        !trace.is_empty()
            && trace.len() <= 64
            && trace
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    for trace in traces.iter().filter(is_word).take(20) {
        message.push_str(&format!("Archal-Trace: {trace}\n"));
    }
    message
}
