//! Whether the agent is the one it was: its command, the files that names, and the tracked files of its
//! repository.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use archal_core::hash;

use crate::git::command::{self, Git, GitError};

use super::harness::Harness;

/// A larger file is not looked into.
const LARGEST_FILE: u64 = 16 << 20;
/// Of more tracked files with changes only the first are looked into.
const MOST_CHANGED: usize = 1_000;

/// An agent, to tell it from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// A hash of all that was looked at.
    pub hash: String,
    /// What was not, for a person.
    pub unseen: Option<String>,
}

/// Looks at the agent in `directory`: its command, what stands in the files it names, prompt, model and
/// the names of its own variables (whose values may be secrets); and where there is a repository, its
/// tracked files as they are. `apart` are files that count by themselves: scenarios and
/// configuration. `path` is where git is found.
pub fn of(
    harness: &Harness,
    directory: &Path,
    model: Option<&str>,
    apart: &[PathBuf],
    path: &str,
) -> Fingerprint {
    let files: Vec<(String, Option<String>)> = harness
        .command
        .iter()
        .map(|part| (part.clone(), contents(&directory.join(part))))
        .collect();
    let variables: Vec<&String> = harness.environment.keys().collect();
    let (tracked, unseen) = match tracked(directory, apart, path) {
        Ok((tracked, unseen)) => (Some(tracked), unseen),
        Err(_) => (
            None,
            Some(format!(
                "{} is in no git repository with a commit: of the agent only its command and the \
                 files that names were compared",
                directory.display()
            )),
        ),
    };
    Fingerprint {
        hash: hash::of_json(&(
            files,
            variables,
            &harness.preamble,
            model.or(harness.model.as_deref()),
            tracked,
        )),
        unseen,
    }
}

/// A hash of the files of HEAD and of those that differ from it, as they are now.
fn tracked(
    directory: &Path,
    apart: &[PathBuf],
    path: &str,
) -> Result<(String, Option<String>), GitError> {
    let top = command::top(directory, path)?;
    let apart: BTreeSet<PathBuf> = apart
        .iter()
        .filter_map(|file| file.canonicalize().ok())
        .filter_map(|file| file.strip_prefix(&top).ok().map(Path::to_owned))
        .collect();
    let is_apart = |name: &[u8]| apart.contains(Path::new(OsStr::from_bytes(name)));
    let listed = Git::new(&top, path)
        .args(["ls-tree", "-r", "-z", "HEAD"])
        .output()?;
    let mut all = Vec::new();
    for line in listed.split(|byte| *byte == 0) {
        // `mode type id`, a tab, and the name.
        let name = line.splitn(2, |byte| *byte == b'\t').nth(1);
        if name.is_some_and(|name| !is_apart(name)) {
            all.extend_from_slice(line);
            all.push(0);
        }
    }
    let changed = Git::new(&top, path)
        .args([
            "diff",
            "--name-only",
            "-z",
            "--no-renames",
            "--no-ext-diff",
            "HEAD",
        ])
        .output()?;
    let changed: Vec<&[u8]> = changed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty() && !is_apart(name))
        .collect();
    for name in changed.iter().take(MOST_CHANGED) {
        all.extend_from_slice(name);
        let now = contents(&top.join(OsStr::from_bytes(name)));
        all.extend_from_slice(now.unwrap_or_default().as_bytes());
        all.push(0);
    }
    let more = changed.len().saturating_sub(MOST_CHANGED);
    let unseen = (more > 0).then(|| {
        format!(
            "{more} more tracked files of the agent's repository have changes and were not compared"
        )
    });
    Ok((hash::sha256(&all), unseen))
}

fn contents(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= LARGEST_FILE)
        .then(|| fs::read(path).ok())?
        .map(|bytes| hash::sha256(&bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

    fn fingerprint(folder: &Path) -> Fingerprint {
        let harness = Harness {
            command: vec!["python3".to_owned(), "agent.py".to_owned()],
            environment: BTreeMap::new(),
            preamble: String::new(),
            model: None,
            origin: String::new(),
            notes: Vec::new(),
        };
        let apart = [folder.join("scenario.md")];
        of(&harness, &folder.join("agent"), None, &apart, PATH)
    }

    #[test]
    fn what_the_agent_imports_is_part_of_it_where_there_is_a_repository() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        let write = |name: &str, text: &str| fs::write(root.join(name), text).expect("writable");
        let git = |arguments: &[&str]| {
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
            let mut git = Git::new(&root, PATH);
            git.args(who).args(arguments).output().expect("git");
        };
        fs::create_dir_all(root.join("agent")).expect("writable");
        for name in ["agent/agent.py", "imported.py", "scenario.md"] {
            write(name, "1");
        }
        let alone = fingerprint(&root);
        assert!(
            alone
                .unseen
                .is_some_and(|what| what.contains("no git repository"))
        );
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "one"]);
        let first = fingerprint(&root);
        assert_eq!(first.unseen, None);
        // A scenario counts by itself, and what is not tracked may be what runs leave.
        write("scenario.md", "2");
        write("log", "2");
        assert_eq!(fingerprint(&root), first);
        write("imported.py", "2");
        let changed = fingerprint(&root);
        assert_ne!(changed, first);
        write("imported.py", "3");
        assert_ne!(fingerprint(&root), changed);
        write("imported.py", "1");
        assert_eq!(fingerprint(&root), first);
        write("imported.py", "2");
        git(&["commit", "-q", "-a", "-m", "two"]);
        assert_ne!(fingerprint(&root), first);
    }
}
