//! The commit that a trace ran at, by what it calls its release: a tag, a commit's hash, a version
//! or the tag of a package's version.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::git::command::{Git, GitError};

/// The longest name of a release that is looked for.
const NAME: usize = 200;
/// Most tags that are looked through for those of a package's versions.
const TAGS: usize = 20_000;
/// Most commits of a range that are told.
const COMMITS: usize = 50;
/// The longest subject that is told.
const SUBJECT: usize = 120;

/// A release that is a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// What the trace calls it.
    pub name: String,
    /// What names the commit in the repository: `tag v1.2.3`, `commit`.
    pub by: String,
    /// The commit.
    pub commit: String,
}

/// The commits between two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// The commit they follow.
    pub from: String,
    /// The last of them.
    pub to: String,
    /// How many there are.
    pub count: usize,
    /// The newest of them, the newest first.
    pub commits: Vec<Commit>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its hash.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
}

/// The commit of a release in the repository at `repo`; why there is none otherwise.
pub fn resolve(repo: &Path, path: &str, release: &str) -> Result<Release, String> {
    let name = release.trim();
    if !is_plain(name) {
        return Err("the trace's release is not the name of a tag or a commit".to_owned());
    }
    let commit = |reference: &str| commit_of(repo, path, reference);
    let found = |by: String, commit: String| {
        Ok(Release {
            name: name.to_owned(),
            by,
            commit,
        })
    };
    // As services that collect errors write it: the package, `@`, and its version or commit.
    let (package, version) = match name.rsplit_once('@') {
        Some((package, version)) if !package.is_empty() => (Some(package), version),
        _ => (None, name.trim_start_matches('@')),
    };
    let bare = version.strip_prefix('v').unwrap_or(version);
    // What stands behind the plus tells builds of one version apart.
    let bare = bare.split('+').next().unwrap_or(bare);
    let mut tags = vec![name.to_owned()];
    if is_version(bare) {
        tags.extend([version.to_owned(), format!("v{bare}"), bare.to_owned()]);
    }
    for tag in &tags {
        if let Some(commit) = commit(&format!("refs/tags/{tag}")) {
            return found(format!("tag {tag}"), commit);
        }
    }
    if is_hash(version)
        && let Some(commit) = commit(version)
        && commit.starts_with(&version.to_ascii_lowercase())
    {
        return found("commit".to_owned(), commit);
    }
    if is_version(bare) {
        let tags = of_packages(repo, path, package, bare);
        let commits: BTreeSet<String> = tags
            .iter()
            .filter_map(|tag| commit(&format!("refs/tags/{tag}")))
            .collect();
        return match (commits.len(), commits.into_iter().next(), tags.first()) {
            (1, Some(commit), Some(tag)) => found(format!("tag {tag}"), commit),
            (0, ..) | (1, ..) => Err(nothing(name)),
            _ => Err(format!(
                "the trace's release {name} is one of several tags: {}",
                tags.join(", ")
            )),
        };
    }
    Err(nothing(name))
}

/// The commits that `to` has and `from` has not.
pub fn between(repo: &Path, path: &str, from: &str, to: &str) -> Result<Range, GitError> {
    let range = format!("{from}..{to}");
    let count = Git::new(repo, path)
        .args(["rev-list", "--count", &range, "--"])
        .line()?;
    let text = Git::new(repo, path)
        .args(["log", "--format=%H %s", "--no-show-signature"])
        .arg(format!("--max-count={COMMITS}"))
        .args([&range, "--"])
        .output()?;
    let commits = String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let (commit, subject) = line.split_once(' ')?;
            Some(Commit {
                commit: commit.to_owned(),
                subject: subject.chars().take(SUBJECT).collect(),
            })
        })
        .collect();
    Ok(Range {
        from: from.to_owned(),
        to: to.to_owned(),
        count: count.parse().unwrap_or_default(),
        commits,
    })
}

/// Whether a commit is part of the history of another, so that the repository's own people took it
/// in. A commit that was only fetched is anybody's.
pub fn is_in_history(repo: &Path, path: &str, commit: &str, of: &str) -> bool {
    Git::new(repo, path)
        .args(["merge-base", "--is-ancestor", commit, of])
        .output()
        .is_ok()
}

impl Range {
    /// `3 commits, 0123456789ab..ba9876543210`, for people.
    pub fn told(&self) -> String {
        let short = |commit: &str| commit.chars().take(12).collect::<String>();
        let word = match self.count {
            1 => "commit",
            _ => "commits",
        };
        let (from, to) = (short(&self.from), short(&self.to));
        format!("{} {word}, {from}..{to}", self.count)
    }
}

fn nothing(name: &str) -> String {
    format!("the trace's release {name} names no tag and no commit of the repository")
}

/// What a trace says is hostile: only what can be a tag's name is handed to git, and never as an
/// option or as a range.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._/@+-".contains(c);
    (1..=NAME).contains(&name.len())
        && name.chars().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@')
        && !name.contains("..")
        && !name.contains("//")
}

fn is_hash(name: &str) -> bool {
    (7..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `1.2`, `1.2.3-rc.1`: digits, and at least one dot.
fn is_version(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .split('.')
            .nth(1)
            .is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

fn commit_of(repo: &Path, path: &str, reference: &str) -> Option<String> {
    let line = Git::new(repo, path)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{reference}^{{commit}}"))
        .line()
        .ok()?;
    is_hash(&line).then_some(line)
}

/// Tags of a version of a package: `agent@1.2.3`, `agent-v1.2.3`, `packages/agent/v1.2.3`.
fn of_packages(repo: &Path, path: &str, package: Option<&str>, version: &str) -> Vec<String> {
    let listed = Git::new(repo, path)
        .args(["for-each-ref", "--format=%(refname:strip=2)"])
        .arg(format!("--count={TAGS}"))
        .arg("refs/tags")
        .output()
        .unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed);
    listed
        .lines()
        .filter(|tag| {
            let before = tag.strip_suffix(version);
            let before = before.map(|before| before.strip_suffix('v').unwrap_or(before));
            before.is_some_and(|before| {
                before.ends_with(['@', '-', '/', '_'])
                    && package.is_none_or(|package| before.contains(package))
            })
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with two commits; the first has these tags.
    fn repository(tags: &[&str]) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
        let git = |arguments: &[&str]| {
            Git::new(folder.path(), &path)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(arguments)
                .line()
                .expect("git works")
        };
        git(&["init", "--quiet"]);
        git(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
        for tag in tags {
            git(&["tag", "-m", "annotated", tag]);
        }
        git(&["commit", "--quiet", "--allow-empty", "-m", "second"]);
        git(&["tag", "other-v9.9.9"]);
        (folder, path)
    }

    fn first(folder: &tempfile::TempDir, path: &str) -> String {
        let line = Git::new(folder.path(), path)
            .args(["rev-parse", "HEAD~1"])
            .line();
        line.expect("git works")
    }

    #[test]
    fn tags_versions_hashes_and_tags_of_packages_are_commits() {
        let (folder, path) = repository(&["v1.2.3", "agent@2.0.0", "packages/agent/v3.0.0"]);
        let commit = first(&folder, &path);
        let short = commit[..9].to_owned();
        let with_package = format!("agent@{commit}");
        let named = [
            "v1.2.3",
            "1.2.3",
            "1.2.3+build.7",
            "agent@1.2.3",
            "agent@2.0.0",
            "2.0.0",
            "agent@3.0.0",
            "v3.0.0",
            &short,
            &with_package,
        ];
        let told: Vec<String> = named
            .iter()
            .map(|name| {
                let found = resolve(folder.path(), &path, name).expect(name);
                assert_eq!(found.commit, commit, "{name}");
                found.by
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @"
        tag v1.2.3
        tag v1.2.3
        tag v1.2.3
        tag v1.2.3
        tag agent@2.0.0
        tag agent@2.0.0
        tag packages/agent/v3.0.0
        tag packages/agent/v3.0.0
        commit
        commit
        ");
        let range = between(folder.path(), &path, &commit, "HEAD").expect("a range");
        assert_eq!(
            (range.count, range.commits[0].subject.as_str()),
            (1, "second")
        );
    }

    #[test]
    fn only_what_the_repository_took_in_is_in_its_history() {
        let (folder, path) = repository(&["v1.0.0"]);
        let git = |arguments: &[&str]| {
            let line = Git::new(folder.path(), &path)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(arguments)
                .line();
            line.expect("git works")
        };
        // As a pull request of a fork is fetched: a commit on top, on no branch.
        let tree = git(&["rev-parse", "HEAD^{tree}"]);
        let fork = git(&["commit-tree", "-p", "HEAD", "-m", "theirs", &tree]);
        let head = git(&["rev-parse", "HEAD"]);
        let resolved = resolve(folder.path(), &path, &fork).expect("it is a commit here");
        let is_in = |commit: &str| is_in_history(folder.path(), &path, commit, &head);
        assert!(!is_in(&resolved.commit));
        assert!(!is_in("deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"));
        assert!(is_in(&first(&folder, &path)));
        assert!(is_in(&head));
    }

    #[test]
    fn what_names_nothing_or_several_things_or_is_no_name_is_said() {
        let (folder, path) = repository(&["a-v4.0.0"]);
        let git = Git::new(folder.path(), &path)
            .args(["tag", "b-v4.0.0"])
            .output();
        git.expect("git works");
        let told: Vec<String> = [
            "7.7.7", "main", "HEAD", "4.0.0", "--all", "a..b", "x y", "", "deadbeef",
        ]
        .iter()
        .map(|name| resolve(folder.path(), &path, name).expect_err(name))
        .collect();
        insta::assert_snapshot!(told.join("\n"), @"
        the trace's release 7.7.7 names no tag and no commit of the repository
        the trace's release main names no tag and no commit of the repository
        the trace's release HEAD names no tag and no commit of the repository
        the trace's release 4.0.0 is one of several tags: a-v4.0.0, b-v4.0.0
        the trace's release is not the name of a tag or a commit
        the trace's release is not the name of a tag or a commit
        the trace's release is not the name of a tag or a commit
        the trace's release is not the name of a tag or a commit
        the trace's release deadbeef names no tag and no commit of the repository
        ");
    }
}
