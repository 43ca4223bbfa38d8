//! A private copy of a repository at one commit, in which a harness or a fixer works.
//!
//! The working tree has a `.git` of its own that a fixer can use as it likes. archal itself
//! looks at the files through an object store that it makes when it looks and removes again,
//! while no child runs: configuration, hooks, filters and attributes planted anywhere in the
//! copy are never run.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::store::atomic::{self, Durability};

use super::command::{Git, GitError};

/// A working tree at a base commit.
#[derive(Debug)]
pub struct Workspace {
    tree: PathBuf,
    /// The user's objects, which the store borrows.
    objects: PathBuf,
    base: String,
    path: String,
}

/// How a copy gets its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects {
    /// Borrowed from the user's repository, which children can only read.
    Shared,
    /// Copied, where nothing keeps a child from writing to the user's repository.
    Copied,
}

/// A file that differs from the base commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// `A`, `M`, `D` or `T`.
    pub status: char,
    /// Relative to the tree.
    pub path: PathBuf,
    /// Whether it is a symbolic link or a submodule now.
    pub is_link: bool,
}

impl Workspace {
    /// Clones the repository at `repo` into `folder` at `base`, unless `is_stopped` says to leave
    /// it; `path` is where git is found.
    pub fn create(
        repo: &Path,
        folder: &Path,
        base: &str,
        path: &str,
        objects: Objects,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Self, GitError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let borrowed = Git::new(repo, path)
            .args([
                "rev-parse",
                "--path-format=absolute",
                "--git-path",
                "objects",
            ])
            .line()?;
        let workspace = Self {
            tree: folder.join("tree"),
            objects: PathBuf::from(borrowed),
            base: base.to_owned(),
            path: path.to_owned(),
        };
        Git::new(folder, path)
            .args(["clone", "--quiet", "--no-checkout", "--no-tags"])
            .arg(match objects {
                Objects::Shared => "--shared",
                Objects::Copied => "--no-hardlinks",
            })
            .arg(repo)
            .arg(&workspace.tree)
            .output_unless(is_stopped)?;
        let tree = &workspace.tree;
        Git::new(tree, path)
            .args(["checkout", "--quiet", "--detach", base])
            .output_unless(is_stopped)?;
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

    /// What differs from the base commit; ignored files left out.
    pub fn changed(&self) -> Result<Vec<Changed>, GitError> {
        let text = self
            .staged(&[])?
            .git()
            .args(["diff", "--cached", "--raw", "--no-renames", "-z"])
            .arg(&self.base)
            .output()?;
        let mut parts = text.split(|byte| *byte == 0);
        let mut changed = Vec::new();
        while let (Some(head), Some(name)) = (parts.next(), parts.next()) {
            // `:100644 120000 <sha> <sha> T`
            let head = String::from_utf8_lossy(head);
            let mut words = head.split(' ').skip(1);
            let (mode, status) = (words.next(), words.nth(2));
            changed.push(Changed {
                status: status.and_then(|word| word.chars().next()).unwrap_or('M'),
                path: OsString::from_vec(name.to_vec()).into(),
                is_link: matches!(mode, Some("120000" | "160000")),
            });
        }
        Ok(changed)
    }

    /// The difference from the base commit as a patch that `git apply` takes; empty where
    /// nothing changed. Files named in `also` are in it even where git ignores them.
    pub fn patch(&self, also: &[PathBuf]) -> Result<Vec<u8>, GitError> {
        self.staged(also)?
            .git()
            .args([
                "diff",
                "--cached",
                "--binary",
                "--full-index",
                "--no-renames",
                "--no-ext-diff",
                "--no-textconv",
            ])
            .arg(&self.base)
            .output()
    }

    /// Puts one path back as it is in the base commit, or removes it where the base has none.
    pub fn restore(&self, file: &Path) -> Result<(), GitError> {
        let store = self.at_base()?;
        let known = store
            .git()
            .args(["ls-files", "-z", "--"])
            .arg(file)
            .output()?;
        if known.is_empty() {
            return remove(&self.tree.join(file));
        }
        store.check_out(&["--".as_ref(), file.as_os_str()])
    }

    /// The content of a file as the base commit has it; none where it has no such file.
    pub fn base_file(&self, file: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let store = self.store()?;
        let listed = store
            .git()
            .args(["ls-tree", "-z", &self.base, "--"])
            .arg(file)
            .output()?;
        // `100644 blob <sha>\t<path>`
        let listed = String::from_utf8_lossy(&listed);
        let mut words = listed.split([' ', '\t']).skip(1);
        let (Some("blob"), Some(object)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        let content = store.git().args(["cat-file", "blob", object]).output()?;
        Ok(Some(content))
    }

    /// Applies a patch to the tree.
    pub fn apply(&self, patch: &[u8]) -> Result<(), GitError> {
        let store = self.store()?;
        let file = store.folder.path().join("apply.patch");
        atomic::write(&file, patch, Durability::Derived)?;
        store
            .git()
            .args(["apply", "--whitespace=nowarn"])
            .arg(&file)
            .output()
            .map(drop)
    }

    /// Files that the base commit does not have, ignored ones included.
    pub fn untracked(&self) -> Result<BTreeSet<PathBuf>, GitError> {
        let store = self.at_base()?;
        let text = store.git().args(["ls-files", "--others", "-z"]).output()?;
        Ok(text
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| OsString::from_vec(name.to_vec()).into())
            .collect())
    }

    /// Puts every file back as it is in the base commit and removes every other one that is not
    /// in `kept`.
    pub fn reset(&self, kept: &BTreeSet<PathBuf>) -> Result<(), GitError> {
        for path in self.untracked()?.difference(kept) {
            remove(&self.tree.join(path))?;
        }
        self.at_base()?.check_out(&["--all".as_ref()])
    }

    /// A store whose index holds the tree as it is, and the named files even where git ignores them.
    fn staged(&self, also: &[PathBuf]) -> Result<Store<'_>, GitError> {
        let store = self.at_base()?;
        store.git().args(["add", "--all"]).output()?;
        if !also.is_empty() {
            store
                .git()
                .args(["add", "--force", "--"])
                .args(also)
                .output()?;
        }
        Ok(store)
    }

    /// A store whose index holds the base commit.
    fn at_base(&self) -> Result<Store<'_>, GitError> {
        let store = self.store()?;
        store.git().args(["read-tree", &self.base]).output()?;
        Ok(store)
    }

    fn store(&self) -> Result<Store<'_>, GitError> {
        let parent = self.tree.parent().unwrap_or(&self.tree);
        let folder = tempfile::Builder::new()
            .prefix("store-")
            .tempdir_in(parent)
            .map_err(at(parent))?;
        Git::new(folder.path(), &self.path)
            .args(["init", "--quiet", "--bare", "--template=", "objects.git"])
            .output()?;
        let store = Store {
            workspace: self,
            folder,
        };
        let alternates = store.directory().join("objects/info/alternates");
        let line = format!("{}\n", self.objects.display());
        atomic::write(&alternates, line.as_bytes(), Durability::Derived)?;
        Ok(store)
    }
}

/// An object store and index that nobody but archal has seen; removed when dropped.
struct Store<'a> {
    workspace: &'a Workspace,
    folder: TempDir,
}

impl Store<'_> {
    fn directory(&self) -> PathBuf {
        self.folder.path().join("objects.git")
    }

    /// Writes what the index holds over what is in the tree.
    fn check_out(&self, which: &[&OsStr]) -> Result<(), GitError> {
        self.git()
            .args(["checkout-index", "--force"])
            .args(which)
            .output()
            .map(drop)
    }

    fn git(&self) -> Git {
        let mut git = Git::new(&self.workspace.tree, &self.workspace.path);
        git.env("GIT_DIR", self.directory())
            .env("GIT_WORK_TREE", &self.workspace.tree)
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_ATTR_NOSYSTEM", "1");
        git
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> GitError {
    let path = path.to_owned();
    move |source| GitError::File { path, source }
}

/// Removes a file, link or folder; one that is not there is fine.
fn remove(path: &Path) -> Result<(), GitError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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

    fn cloned(repo: &Path, base: &str, objects: Objects) -> Workspace {
        let folder = repo.with_file_name("w");
        Workspace::create(repo, &folder, base, PATH, objects, &|| false).expect("cloned")
    }

    #[test]
    fn a_copy_that_is_stopped_is_left() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let copy = folder.path().join("w");
        let asked = Cell::new(0);
        // In the midst of the first command.
        let is_stopped = || asked.replace(asked.get() + 1) > 0;
        let stopped = Workspace::create(&repo, &copy, &base, PATH, Objects::Shared, &is_stopped);
        assert!(matches!(stopped, Err(GitError::Stopped { .. })));
        assert!(!copy.join("tree/a.txt").exists());
    }

    #[test]
    fn changes_come_back_as_a_patch_and_can_be_undone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let workspace = cloned(&repo, &base, Objects::Shared);
        assert!(workspace.patch(&[]).expect("diffs").is_empty());
        fs::write(workspace.tree().join("a.txt"), "two\n").expect("writable");
        fs::write(workspace.tree().join("b.txt"), "new\n").expect("writable");
        fs::write(workspace.tree().join("ignored"), "x").expect("writable");
        let changed = workspace.changed().expect("diffs");
        let named: Vec<_> = changed
            .iter()
            .map(|one| (one.status, one.path.to_str(), one.is_link))
            .collect();
        assert_eq!(
            named,
            [('M', Some("a.txt"), false), ('A', Some("b.txt"), false)]
        );
        let base_file = |name| workspace.base_file(Path::new(name)).expect("looked up");
        assert_eq!(base_file("a.txt").as_deref(), Some(&b"one\n"[..]));
        assert_eq!(base_file("b.txt"), None);
        let patch = workspace.patch(&[]).expect("diffs");
        let patch_file = folder.path().join("x.patch");
        fs::write(&patch_file, patch).expect("writable");
        Git::new(&repo, PATH)
            .args(["apply", "--check"])
            .arg(&patch_file)
            .output()
            .expect("applies to the repository");
        workspace.restore(Path::new("a.txt")).expect("restored");
        workspace.restore(Path::new("b.txt")).expect("removed");
        assert!(workspace.patch(&[]).expect("diffs").is_empty());
    }

    #[test]
    fn what_is_planted_in_the_workspace_is_not_run() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let workspace = cloned(&repo, &base, Objects::Shared);
        let witness = folder.path().join("ran");
        let plant = format!("touch {}", witness.display());
        let planted = format!(
            "[core]\n\tfsmonitor = \"{plant}; false\"\n[filter \"x\"]\n\tclean = \"{plant}; cat\"\n"
        );
        // Everywhere a fixer can reach beside the tree, too: a name archal might use later.
        let stores = ["w/tree/.git", "w/objects.git", "w/store-a/objects.git"];
        for store in stores.map(|name| folder.path().join(name)) {
            fs::create_dir_all(&store).expect("writable");
            fs::write(store.join("config"), &planted).expect("writable");
        }
        fs::write(workspace.tree().join(".gitattributes"), "* filter=x\n").expect("writable");
        fs::write(workspace.tree().join("a.txt"), "two\n").expect("writable");
        assert_eq!(workspace.changed().expect("diffs").len(), 2);
        assert!(!witness.exists());
    }

    #[test]
    fn links_are_told_and_names_that_are_no_text_survive() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let workspace = cloned(&repo, &base, Objects::Copied);
        let odd: PathBuf = OsString::from_vec(b"test_\xff.py".to_vec()).into();
        fs::write(workspace.tree().join(&odd), "x").expect("writable");
        std::os::unix::fs::symlink("/etc", workspace.tree().join("archal")).expect("writable");
        let changed = workspace.changed().expect("diffs");
        assert_eq!(changed.len(), 2);
        assert!(changed[0].is_link && changed[0].path == Path::new("archal"));
        assert_eq!(changed[1].path, odd);
        workspace.restore(&odd).expect("removed");
        workspace.restore(Path::new("archal")).expect("removed");
        assert!(workspace.changed().expect("diffs").is_empty());
    }

    #[test]
    fn a_reset_undoes_what_a_run_left_and_keeps_what_was_set_up() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let base = repository(&repo);
        let workspace = cloned(&repo, &base, Objects::Shared);
        fs::write(workspace.tree().join("ignored"), "set up").expect("writable");
        let kept = workspace.untracked().expect("listed");
        fs::write(workspace.tree().join("a.txt"), "run").expect("writable");
        fs::create_dir(workspace.tree().join("left")).expect("writable");
        fs::write(workspace.tree().join("left/done.txt"), "run").expect("writable");
        workspace.reset(&kept).expect("reset");
        let text = |name: &str| fs::read_to_string(workspace.tree().join(name)).ok();
        assert_eq!(text("a.txt").as_deref(), Some("one\n"));
        assert_eq!(text("ignored").as_deref(), Some("set up"));
        assert_eq!(text("left/done.txt"), None);
    }
}
