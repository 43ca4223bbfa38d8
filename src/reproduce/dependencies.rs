//! What an agent's repository has installed and git does not keep: folders of dependencies that a
//! copy is shown, as long as the lock files that made them are those of the copy; and the crates
//! of its lock files, which cargo keeps in the home, where all of them are there.

use std::fs;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use serde::Deserialize;

use crate::git::command::{Git, GitError};

/// Folders of dependencies by their name, and the lock files that make them. Sorted.
const FOLDERS: &[(&str, &[&str])] = &[
    (".venv", PYTHON),
    (
        "node_modules",
        &[
            "bun.lock",
            "bun.lockb",
            "npm-shrinkwrap.json",
            "package-lock.json",
            "pnpm-lock.yaml",
            "yarn.lock",
        ],
    ),
    ("venv", PYTHON),
];

const PYTHON: &[&str] = &[
    "Pipfile.lock",
    "pdm.lock",
    "poetry.lock",
    "requirements.txt",
    "uv.lock",
];

/// The most folders that are shown; each is a mount for every child.
const MOST: usize = 64;

/// The folders of dependencies in a checkout, relative to it: those that git does not track and
/// that stand beside a lock file or below one, as in a workspace of packages.
///
/// # Errors
///
/// When git cannot list what it does not track.
pub fn folders(repo: &Path, path: &str) -> Result<Vec<String>, GitError> {
    let listed = Git::new(repo, path)
        .args(["ls-files", "--others", "--directory", "-z"])
        .output()?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(listed
        .split('\0')
        .filter_map(|entry| entry.strip_suffix('/'))
        .filter(|folder| repo.join(folder).is_dir() && !locks(repo, Path::new(folder)).is_empty())
        .map(str::to_owned)
        .take(MOST)
        .collect())
}

/// The lock file that a folder of dependencies in the checkout was not made by: the copy has
/// another, or none. None where it has the same.
pub fn other_lock(repo: &Path, copy: &Path, folder: &str) -> Option<PathBuf> {
    locks(repo, Path::new(folder))
        .into_iter()
        .find(|lock| fs::read(repo.join(lock)).ok() != fs::read(copy.join(lock)).ok())
}

/// The lock files of a folder of dependencies, relative to the checkout: those of the nearest
/// folder that has any.
fn locks(repo: &Path, folder: &Path) -> Vec<PathBuf> {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    let Some((_, names)) = FOLDERS
        .iter()
        .find(|(folder, _)| name.as_deref() == Some(folder))
    else {
        return Vec::new();
    };
    let above = folder.ancestors().skip(1);
    above
        .map(|place| {
            let files = names.iter().map(|name| place.join(name));
            files.filter(|file| repo.join(file).is_file()).collect()
        })
        .find(|found: &Vec<PathBuf>| !found.is_empty())
        .unwrap_or_default()
}

/// The folders below the user's cargo home, and below every copy's, in which a build finds all
/// that the copy's lock files name; none where it has no lock file, or something would have to be
/// fetched, which needs a folder that can be written.
///
/// # Errors
///
/// When git cannot list the files of the copy.
pub fn crates(caller: &Environment, copy: &Path) -> Result<Vec<(PathBuf, &'static str)>, GitError> {
    let home = || Some(Path::new(caller.get("HOME")?).join(".cargo"));
    let Some(home) = caller.get("CARGO_HOME").map(PathBuf::from).or_else(home) else {
        return Ok(Vec::new());
    };
    let listed = Git::new(copy, caller.get("PATH").unwrap_or_default())
        .args(["ls-files", "-z", "--", "Cargo.lock", "**/Cargo.lock"])
        .output()?;
    let listed = String::from_utf8_lossy(&listed);
    let mut locks = listed
        .split('\0')
        .filter(|name| !name.is_empty())
        .peekable();
    let is_cached = |lock: &str| are_cached(&home, &copy.join(lock)).unwrap_or(false);
    if locks.peek().is_none() || !locks.all(is_cached) {
        return Ok(Vec::new());
    }
    // What is taken out of them is written beside, by each copy for itself.
    let places = [
        ("registry/index", ".cargo/registry/index"),
        ("registry/cache", ".cargo/registry/cache"),
        ("git/db", ".cargo/git/db"),
    ];
    let there = places
        .into_iter()
        .filter(|(name, _)| home.join(name).is_dir());
    Ok(there
        .map(|(name, shown)| (home.join(name), shown))
        .collect())
}

/// Whether cargo's cache holds every crate of a lock file; none where that cannot be told.
fn are_cached(home: &Path, lock: &Path) -> Option<bool> {
    let lock: LockFile = toml::from_str(&fs::read_to_string(lock).ok()?).ok()?;
    let folders = |name: &str| {
        let entries = fs::read_dir(home.join(name))
            .into_iter()
            .flatten()
            .flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let (registries, repositories) = (folders("registry/cache"), folders("git/db"));
    let is_there = |package: &Package| match package.source.as_deref() {
        // A part of the repository itself.
        None => true,
        Some(source) if source.starts_with("git+") => {
            let address = source.split(['?', '#']).next().unwrap_or_default();
            let name = address
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let name = format!("{}-", name.trim_end_matches(".git"));
            repositories.iter().any(|folder| {
                let folder = folder.file_name().map(|name| name.to_string_lossy());
                folder.is_some_and(|folder| folder.starts_with(&name))
            })
        }
        Some(_) => {
            let file = format!("{}-{}.crate", package.name, package.version);
            registries.iter().any(|folder| folder.join(&file).is_file())
        }
    };
    Some(lock.package.iter().all(is_there))
}

/// What is read of a `Cargo.lock`.
#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("a parent")).expect("writable");
            fs::write(file, name).expect("writable");
        };
        let git = |arguments: &[&str]| {
            Git::new(folder.path(), "/usr/local/bin:/usr/bin:/bin")
                .args(arguments)
                .output()
                .expect("git works");
        };
        git(&["init", "--quiet"]);
        write("pnpm-lock.yaml");
        write("packages/agent/package.json");
        write("tools/requirements.txt");
        write("kept/package-lock.json");
        write("kept/node_modules/own/index.js");
        git(&["add", "."]);
        write("node_modules/one/index.js");
        write("packages/agent/node_modules/two/index.js");
        write("tools/.venv/bin/python");
        write("bare/venv/bin/python");
        write("tools/data/node_modules.txt");
        folder
    }

    #[test]
    fn what_git_does_not_track_and_a_lock_file_made_is_shown() {
        let checkout = checkout();
        let found = folders(checkout.path(), "/usr/local/bin:/usr/bin:/bin").expect("git works");
        assert_eq!(
            found,
            ["node_modules", "packages/agent/node_modules", "tools/.venv"]
        );
    }

    #[test]
    fn a_copy_with_another_lock_file_is_told_from_one_with_the_same() {
        let checkout = checkout();
        let copy = tempfile::tempdir().expect("a folder");
        let lock = PathBuf::from("pnpm-lock.yaml");
        let other = || other_lock(checkout.path(), copy.path(), "packages/agent/node_modules");
        assert_eq!(other(), Some(lock.clone()), "it has none");
        fs::copy(checkout.path().join(&lock), copy.path().join(&lock)).expect("writable");
        assert_eq!(other(), None);
        fs::write(copy.path().join(&lock), "newer").expect("writable");
        assert_eq!(other(), Some(lock));
        assert_eq!(other_lock(checkout.path(), copy.path(), "models"), None);
    }

    #[test]
    fn crates_are_shown_where_all_of_the_lock_file_are_there() {
        let checkout = tempfile::tempdir().expect("a folder");
        let home = tempfile::tempdir().expect("a folder");
        let write = |folder: &Path, name: &str, text: &str| {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().expect("a parent")).expect("writable");
            fs::write(file, text).expect("writable");
        };
        let path = "/usr/local/bin:/usr/bin:/bin";
        let git = |arguments: &[&str]| {
            let done = Git::new(checkout.path(), path).args(arguments).output();
            done.expect("git works");
        };
        let caller = Environment {
            variables: [
                ("PATH", path.to_owned()),
                ("HOME", home.path().display().to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            directory: "/".into(),
        };
        let shown = || {
            let found = crates(&caller, checkout.path()).expect("git works");
            found
                .into_iter()
                .map(|(_, shown)| shown)
                .collect::<Vec<_>>()
        };
        git(&["init", "--quiet"]);
        write(
            home.path(),
            ".cargo/registry/cache/index-1/itoa-1.0.1.crate",
            "",
        );
        assert!(shown().is_empty(), "it is no repository of Rust");
        let lock = "[[package]]\nname = \"agent\"\nversion = \"0.1.0\"\n\
            [[package]]\nname = \"itoa\"\nversion = \"1.0.1\"\nsource = \"registry+https://x\"\n";
        write(checkout.path(), "agents/one/Cargo.lock", lock);
        git(&["add", "."]);
        assert_eq!(shown(), [".cargo/registry/cache"]);
        let more = format!(
            "{lock}[[package]]\nname = \"own\"\nversion = \"2.0.0\"\n\
             source = \"git+https://example.com/acme/own.git?rev=1#123\"\n"
        );
        write(checkout.path(), "agents/one/Cargo.lock", &more);
        assert!(shown().is_empty(), "one was never fetched");
        write(home.path(), ".cargo/git/db/own-0123456789abcdef/HEAD", "");
        assert_eq!(shown(), [".cargo/registry/cache", ".cargo/git/db"]);
        write(checkout.path(), "Cargo.lock", "[[package");
        git(&["add", "."]);
        assert!(shown().is_empty(), "one cannot be read");
    }

    #[test]
    fn the_tables_are_in_order() {
        assert!(FOLDERS.is_sorted());
        assert!(FOLDERS.iter().all(|(_, locks)| locks.is_sorted()));
    }
}
