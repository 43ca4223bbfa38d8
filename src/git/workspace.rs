//! A private copy of a repository at one commit, in which a harness or a fixer works.
//!
//! The working tree has a `.git` of its own that a fixer can use as it likes. archal itself
//! looks at the files through a second, private object store, so that configuration, hooks,
//! filters and attributes planted in the workspace's `.git` are never run.

use std::fs;
use std::path::{Path, PathBuf};

use super::command::{Git, GitError};

/// A working tree at a base commit.
#[derive(Debug)]
pub struct Workspace {
    tree: PathBuf,
    private: PathBuf,
    base: String,
    path: String,
}

impl Workspace {
    /// Clones the repository at `repo` into `folder` at `base`; `path` is where git is found.
    ///
    /// Objects are shared with the user's repository, which is only read.
    pub fn create(repo: &Path, folder: &Path, base: &str, path: &str) -> Result<Self, GitError> {
        fs::create_dir_all(folder).map_err(|source| GitError::File {
            path: folder.to_owned(),
            source,
        })?;
        let workspace = Self {
            tree: folder.join("tree"),
            private: folder.join("objects.git"),
            base: base.to_owned(),
            path: path.to_owned(),
        };
        Git::new(folder, path)
            .args(["clone", "--quiet", "--shared", "--bare", "--no-tags"])
            .arg(repo)
            .arg(&workspace.private)
            .output()?;
        Git::new(folder, path)
            .args(["clone", "--quiet", "--shared", "--no-checkout", "--no-tags"])
            .arg(repo)
            .arg(&workspace.tree)
            .output()?;
        let tree = &workspace.tree;
        Git::new(tree, path)
            .args(["checkout", "--quiet", "--detach", base])
            .output()?;
        Git::new(tree, path)
            .args(["remote", "remove", "origin"])
            .output()?;
        Ok(workspace)
    }

    /// The folder of the working tree.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// The commit it was made at.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Paths that differ from the base commit, with `A`, `M` or `D`; ignored files left out.
    pub fn changed_files(&self) -> Result<Vec<(char, String)>, GitError> {
        self.stage()?;
        let text = self
            .private_git()
            .args(["diff", "--cached", "--name-status", "--no-renames", "-z"])
            .arg(&self.base)
            .output()?;
        let text = String::from_utf8_lossy(&text);
        let mut parts = text.split('\0').filter(|part| !part.is_empty());
        let mut changed = Vec::new();
        while let (Some(status), Some(path)) = (parts.next(), parts.next()) {
            changed.push((status.chars().next().unwrap_or('M'), path.to_owned()));
        }
        Ok(changed)
    }

    /// The difference from the base commit as a patch that `git apply` takes; empty where nothing changed.
    pub fn patch(&self) -> Result<Vec<u8>, GitError> {
        self.stage()?;
        self.private_git()
            .args([
                "diff",
                "--cached",
                "--binary",
                "--full-index",
                "--no-renames",
            ])
            .arg(&self.base)
            .output()
    }

    /// Puts one path back as it is in the base commit, or removes it where the base has none.
    pub fn restore(&self, file: &str) -> Result<(), GitError> {
        let known = self
            .private_git()
            .args(["cat-file", "-e"])
            .arg(format!("{}:{file}", self.base))
            .output()
            .is_ok();
        if known {
            self.stage()?;
            self.private_git()
                .args(["checkout", "--quiet"])
                .arg(&self.base)
                .args(["--", file])
                .output()?;
            return Ok(());
        }
        let path = self.tree.join(file);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(GitError::File { path, source }),
        }
    }

    fn stage(&self) -> Result<(), GitError> {
        // A fresh index each time: what a fixer left in its own index says nothing.
        self.private_git()
            .args(["read-tree", &self.base])
            .output()?;
        self.private_git().args(["add", "--all"]).output()?;
        Ok(())
    }

    fn private_git(&self) -> Git {
        let mut git = Git::new(&self.tree, &self.path);
        git.env("GIT_DIR", &self.private)
            .env("GIT_WORK_TREE", &self.tree)
            .env("GIT_INDEX_FILE", self.private.join("archal.index"));
        git
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

    fn repository(folder: &Path) -> String {
        fs::create_dir_all(folder).expect("writable");
        let git = |arguments: &[&str]| {
            Git::new(folder, PATH)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(arguments)
                .line()
                .expect("git works")
        };
        git(&["init", "--quiet"]);
        fs::write(folder.join("a.txt"), "one\n").expect("writable");
        fs::write(folder.join(".gitignore"), "ignored\n").expect("writable");
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "-m", "first"]);
        git(&["rev-parse", "HEAD"])
    }

    #[test]
    fn changes_come_back_as_a_patch_and_can_be_undone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let workspace =
            Workspace::create(&repo, &folder.path().join("w"), &base, PATH).expect("cloned");
        assert!(workspace.patch().expect("diffs").is_empty());
        fs::write(workspace.tree().join("a.txt"), "two\n").expect("writable");
        fs::write(workspace.tree().join("b.txt"), "new\n").expect("writable");
        fs::write(workspace.tree().join("ignored"), "x").expect("writable");
        assert_eq!(
            workspace.changed_files().expect("diffs"),
            [('M', "a.txt".to_owned()), ('A', "b.txt".to_owned())]
        );
        let patch = workspace.patch().expect("diffs");
        let patch_file = folder.path().join("x.patch");
        fs::write(&patch_file, patch).expect("writable");
        Git::new(&repo, PATH)
            .args(["apply", "--check"])
            .arg(&patch_file)
            .output()
            .expect("applies to the repository");
        workspace.restore("a.txt").expect("restored");
        workspace.restore("b.txt").expect("removed");
        assert!(workspace.patch().expect("diffs").is_empty());
    }

    #[test]
    fn what_is_planted_in_the_workspace_is_not_run() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let workspace =
            Workspace::create(&repo, &folder.path().join("w"), &base, PATH).expect("cloned");
        let witness = folder.path().join("ran");
        let plant = format!("touch {}", witness.display());
        let config = workspace.tree().join(".git/config");
        fs::write(
            &config,
            format!("[core]\n\tfsmonitor = \"{plant}; false\"\n[filter \"x\"]\n\tclean = \"{plant}; cat\"\n"),
        )
        .expect("writable");
        fs::write(workspace.tree().join(".gitattributes"), "* filter=x\n").expect("writable");
        fs::write(workspace.tree().join("a.txt"), "two\n").expect("writable");
        assert_eq!(workspace.changed_files().expect("diffs").len(), 2);
        assert!(!witness.exists());
    }
}
