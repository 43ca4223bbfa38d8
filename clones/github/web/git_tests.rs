//! The published git against the clone: clone, fetch, push, and what is refused.

use std::path::Path;

use archal_core::clone::Seed;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::served::{Served, done, git, refused};
use crate::github::access::TOKEN;
use crate::github::check::{self, base};

fn seed() -> Value {
    json!({
        "actor": "mona",
        "users": [{"login": "mona"}, {"login": "acme", "type": "Organization"}, {"login": "other"}],
        "repos": [
            {"full_name": "acme/webapp", "files": {"README.md": "# webapp\n", "src/a.txt": "a\n"}},
            {"full_name": "acme/secret", "private": true, "permission": "none", "files": {"a": "a\n"}},
            {"full_name": "acme/empty"},
            {"full_name": "acme/old", "archived": true, "files": {"a": "a\n"}},
            {"full_name": "other/theirs", "files": {"a": "a\n"}},
        ],
        "tokens": [],
        "branch_protections": [{
            "repo": "acme/webapp", "branch": "main", "required_approving_review_count": 1,
            "enforce_admins": true, "contexts": ["ci"],
        }],
    })
}

struct World {
    served: Served,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let document = seed();
        let clone = check::open_at(Seed::Document(&document), base());
        Self {
            served: Served::new(clone, "github.com"),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self, repo: &str) -> String {
        self.served.url(&format!("x:{TOKEN}@"), repo)
    }

    /// A working copy.
    fn cloned(&self, repo: &str) -> std::path::PathBuf {
        let name = repo.split('/').next_back().unwrap_or_default();
        done(self.at(), &["clone", "-q", &self.url(repo), name]);
        self.at().join(name)
    }

    fn get(&self, path: &str) -> Value {
        let mut clone = self.served.clone.lock().expect("whole");
        check::json(&check::send(clone.as_mut(), &format!("GET {path}")))
    }
}

fn commit(folder: &Path, name: &str, content: &str) -> String {
    std::fs::write(folder.join(name), content).expect("written");
    done(folder, &["add", "-A"]);
    done(folder, &["commit", "-q", "-m", &format!("Change {name}")]);
    done(folder, &["rev-parse", "HEAD"]).trim().to_owned()
}

#[test]
fn a_repository_is_cloned_pushed_to_and_fetched_by_every_protocol() {
    let world = World::new();
    for protocol in ["0", "1", "2"] {
        let version = format!("protocol.version={protocol}");
        let name = format!("copy{protocol}");
        let url = world.url("acme/webapp.git");
        done(world.at(), &["-c", &version, "clone", "-q", &url, &name]);
        let copy = world.at().join(&name);
        let read = std::fs::read_to_string(copy.join("README.md"));
        assert_eq!(read.expect("there"), "# webapp\n");
        let branch = format!("feature/{protocol}");
        done(&copy, &["checkout", "-q", "-b", &branch]);
        let tip = commit(&copy, "new.txt", &format!("{protocol}\n"));
        let said = git(&copy, &["-c", &version, "push", "origin", &branch]);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let invitation =
            format!("remote: Create a pull request for '{branch}' on GitHub by visiting");
        assert!(said.contains(&invitation), "{said}");
        let shown = world.get(&format!("/repos/acme/webapp/branches/{branch}"));
        assert_eq!(shown["commit"]["sha"], tip.as_str());
        done(&copy, &["fsck", "--strict"]);
    }
    // What one pushed, another fetches.
    let copy = world.at().join("copy0");
    done(&copy, &["fetch", "-q"]);
    let seen = done(&copy, &["log", "--format=%s", "-1", "origin/feature/2"]);
    assert_eq!(seen, "Change new.txt\n");
    // A shallow and a partial clone.
    let url = world.url("acme/webapp");
    done(
        world.at(),
        &[
            "clone",
            "-q",
            "--depth=1",
            "-b",
            "feature/2",
            &url,
            "shallow",
        ],
    );
    let count = done(
        &world.at().join("shallow"),
        &["rev-list", "--count", "HEAD"],
    );
    assert_eq!(count, "1\n");
    done(
        world.at(),
        &["clone", "-q", "--filter=blob:none", &url, "partial"],
    );
}

#[test]
fn a_first_push_makes_the_default_branch_and_tags_and_deletions_follow() {
    let world = World::new();
    let copy = world.cloned("acme/empty");
    done(&copy, &["checkout", "-q", "-b", "trunk"]);
    commit(&copy, "a", "a\n");
    done(&copy, &["tag", "-a", "v1", "-m", "One"]);
    done(&copy, &["branch", "old"]);
    done(&copy, &["push", "-q", "origin", "trunk"]);
    done(&copy, &["push", "-q", "origin", "old", "v1"]);
    assert_eq!(world.get("/repos/acme/empty")["default_branch"], "trunk");
    assert_eq!(
        world.get("/repos/acme/empty/git/ref/tags/v1")["object"]["type"],
        "tag"
    );
    done(&copy, &["push", "-q", "origin", ":old"]);
    assert_eq!(
        world.get("/repos/acme/empty/branches/old")["message"],
        "Branch not found"
    );
    let said = refused(&copy, &["push", "origin", ":trunk"]);
    let reason =
        "! [remote rejected] trunk (refusing to delete the current branch: refs/heads/trunk)";
    assert!(said.contains(reason), "{said}");
    // Not a fast forward, which git itself sees, and then by force.
    done(&copy, &["commit", "-q", "--amend", "-m", "Another"]);
    assert!(refused(&copy, &["push", "origin", "trunk"]).contains("non-fast-forward"));
    done(&copy, &["push", "-q", "--force", "origin", "trunk"]);
    let tip = done(&copy, &["rev-parse", "HEAD"]);
    let shown = world.get("/repos/acme/empty/commits/trunk");
    assert_eq!(shown["sha"], tip.trim());
}

#[test]
fn protected_branches_are_refused_in_githubs_words_and_others_go_through() {
    let world = World::new();
    let copy = world.cloned("acme/webapp");
    let before = done(&copy, &["rev-parse", "HEAD"]);
    commit(&copy, "b", "b\n");
    let said = refused(&copy, &["push", "origin", "main", "main:other"]);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim_end)
        .filter(|line| line.contains("error:") || line.contains(" -> "))
        .filter(|line| !line.starts_with("error: failed"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    remote: error: GH006: Protected branch update failed for refs/heads/main.
    remote: error:
    remote: error: Changes must be made through a pull request.
    remote: error: At least 1 approving review is required by reviewers with write access.
    remote: error: Required status check "ci" is expected.
     * [new branch]      main -> other
     ! [remote rejected] main -> main (protected branch hook declined)
    "#);
    let shown = world.get("/repos/acme/webapp/branches/main");
    assert_eq!(shown["commit"]["sha"], before.trim());
    // All or nothing, where the client asks for it.
    let said = refused(&copy, &["push", "--atomic", "origin", "main", "main:third"]);
    assert!(
        said.contains("main -> third (atomic push failure)"),
        "{said}"
    );
    assert_eq!(
        world.get("/repos/acme/webapp/branches/third")["message"],
        "Branch not found"
    );
    done(&copy, &["commit", "-q", "--amend", "-m", "Another"]);
    let said = refused(&copy, &["push", "--force", "origin", "HEAD:main"]);
    assert!(!said.contains("Cannot force-push"), "{said}");
    let root = done(&copy, &["commit-tree", "-m", "Root", "HEAD^{tree}"]);
    let forced = format!("{}:main", root.trim());
    let said = refused(&copy, &["push", "--force", "origin", &forced]);
    assert!(said.contains("Cannot force-push to this branch"), "{said}");
}

#[test]
fn names_that_are_hostile_are_refused_and_nothing_is_written() {
    let world = World::new();
    let copy = world.cloned("acme/webapp");
    let id = "a".repeat(40);
    for (name, reason) in [
        (id.as_str(), "(pre-receive hook declined)"),
        ("-x", "(funny refname)"),
        ("refs/pull/1/head", "(deny updating a hidden ref)"),
    ] {
        let target = if name.starts_with("refs/") {
            format!("HEAD:{name}")
        } else {
            format!("HEAD:refs/heads/{name}")
        };
        let said = refused(&copy, &["push", "origin", &target]);
        assert!(said.contains(reason), "{name}: {said}");
    }
    let branches = world.get("/repos/acme/webapp/branches");
    assert_eq!(branches.as_array().map(Vec::len), Some(1));
}

#[test]
fn who_may_not_is_told_as_github_tells() {
    let world = World::new();
    let anonymous = |repo: &str| world.served.url("", repo);
    done(
        world.at(),
        &["clone", "-q", &anonymous("acme/webapp"), "public"],
    );
    let public = world.at().join("public");
    let said = refused(&public, &["push", "origin", "HEAD:x"]);
    assert!(said.contains("could not read Username"), "{said}");
    for repo in ["acme/secret", "acme/nothing"] {
        let said = refused(world.at(), &["ls-remote", &anonymous(repo)]);
        assert!(said.contains("could not read Username"), "{said}");
        let said = refused(world.at(), &["ls-remote", &world.url(repo)]);
        assert!(said.contains("remote: Repository not found."), "{said}");
    }
    let bad = world.served.url("x:ghp_nothing@", "acme/secret");
    let said = refused(world.at(), &["ls-remote", &bad]);
    assert!(
        said.contains("remote: Invalid username or token."),
        "{said}"
    );
    let theirs = world.cloned("other/theirs");
    let said = refused(&theirs, &["push", "origin", "HEAD:x"]);
    let denied = "remote: Permission to other/theirs.git denied to mona.";
    assert!(said.contains(denied), "{said}");
    let old = world.cloned("acme/old");
    let said = refused(&old, &["push", "origin", "HEAD:x"]);
    assert!(
        said.contains("remote: This repository was archived so it is read-only."),
        "{said}"
    );
}

#[test]
fn what_is_broken_is_refused_and_leaves_the_state() {
    let world = World::new();
    let mut clone = world.served.clone.lock().expect("whole");
    let before = clone.state().to_json();
    let zero = "0".repeat(40);
    let one = "1".repeat(40);
    let line = format!("{zero} {one} refs/heads/x\0 report-status\n");
    let command = format!("{:04x}{line}0000", line.len() + 4);
    let mut said = Vec::new();
    for body in [
        // A pack that broke off, one that is none, objects that are nowhere, and no push at all.
        format!("{command}PACK\0\0\0\u{2}\0\0\0\u{5}"),
        format!("{command}nothing"),
        command.clone(),
        "0000".to_owned(),
        "zzzz".to_owned(),
        String::new(),
    ] {
        let mut request = check::request("POST /acme/webapp.git/git-receive-pack");
        request.host = "github.com".to_owned();
        let kind = "application/x-git-receive-pack-request".to_owned();
        request.headers.push(("content-type".to_owned(), kind));
        request.body = body.into_bytes().into();
        let response = clone.call(&request, base());
        let body = String::from_utf8_lossy(&response.body.wire).into_owned();
        let line = format!(
            "{} {}",
            response.status,
            body.lines().next().unwrap_or_default()
        );
        said.push(line.trim_end().to_owned());
        assert_eq!(response.changes, []);
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    200 0028unpack unpack-objects abnormal exit
    200 0031unpack eof before pack header was fully read
    200 0031unpack eof before pack header was fully read
    200
    400 fatal: protocol error: bad line length character: zzzz
    400 fatal: the remote end hung up unexpectedly
    ");
    assert_eq!(clone.state().to_json(), before);
}

#[test]
fn a_push_is_the_same_evidence_whatever_the_clock() {
    let evidence = |minutes: i64| {
        let document = seed();
        let base = base() + jiff::SignedDuration::from_mins(minutes);
        let clone = check::open_at(Seed::Document(&document), base);
        let world = World {
            served: Served::new(clone, "github.com"),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let copy = world.cloned("acme/webapp");
        // A client's clock is not before the base.
        let date = format!("{} +0000", base.as_second() + 5 + minutes);
        std::fs::write(copy.join("b"), "b\n").expect("written");
        done(&copy, &["add", "-A"]);
        let when = format!("--date={date}");
        let mut commit = std::process::Command::new("git");
        let status = commit
            .current_dir(&copy)
            .env("GIT_COMMITTER_DATE", &date)
            .args(["-c", "user.name=Mona", "-c", "user.email=m@example.com"])
            .args(["commit", "-q", "-m", "B", &when])
            .status();
        assert!(status.expect("git runs").success());
        done(&copy, &["push", "-q", "origin", "HEAD:b"]);
        let clone = world.served.clone.lock().expect("whole");
        let sha = done(&copy, &["rev-parse", "HEAD"]).trim().to_owned();
        (
            clone.state().evidence_text(&sha),
            clone.state().to_json(),
            sha,
        )
    };
    let (first, state, sha) = evidence(0);
    let (second, later, later_sha) = evidence(1_000);
    assert_ne!(sha, later_sha);
    assert_ne!(first, sha);
    assert_eq!(first, second);
    assert_eq!(state, later);
}

#[test]
fn a_body_in_a_file_is_read_where_it_fits_and_refused_where_it_is_too_long() {
    let document = seed();
    let mut clone = check::open_at(Seed::Document(&document), base());
    let mut answer = |length: u64| {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let text = br#"{"title": "From a file"}"#;
        std::io::Write::write_all(&mut file, text).expect("written");
        let mut request = check::request("POST /repos/acme/empty/issues");
        let path = file.path().to_owned();
        let length = length.max(text.len() as u64);
        request.spool = Some(archal_core::clone::Spool::new(path, length, None, file));
        clone.call(&request, base()).status
    };
    assert_eq!(answer(0), 201);
    assert_eq!(answer(41 * 1024 * 1024), 413);
}

#[test]
fn a_pack_in_a_file_and_one_that_is_compressed_are_taken() {
    let world = World::new();
    let copy = world.cloned("acme/webapp");
    commit(&copy, "b", "b\n");
    let tip = done(&copy, &["rev-parse", "HEAD"]).trim().to_owned();
    let pack = std::process::Command::new("git")
        .current_dir(&copy)
        .args(["pack-objects", "--all", "--stdout", "-q"])
        .output()
        .expect("git runs")
        .stdout;
    let line = format!("{} {tip} refs/heads/NAME\0 report-status\n", "0".repeat(40));
    let mut clone = world.served.clone.lock().expect("whole");
    for (name, is_packed) in [("file", false), ("gzip", true)] {
        let line = line.replace("NAME", name);
        let head = format!("{:04x}{line}0000", line.len() + 4);
        let mut body = [head.as_bytes(), &pack].concat();
        let mut request = check::request("POST /acme/webapp/git-receive-pack");
        request.host = "github.com".to_owned();
        let mut header = |name: &str, value: &str| {
            request.headers.push((name.to_owned(), value.to_owned()));
        };
        header("content-type", "application/x-git-receive-pack-request");
        if is_packed {
            header("content-encoding", "gzip");
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packed, &body).expect("written");
            body = packed.finish().expect("packed");
        }
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        std::io::Write::write_all(&mut file, &body).expect("written");
        let (path, length) = (file.path().to_owned(), body.len() as u64);
        request.spool = Some(archal_core::clone::Spool::new(path, length, None, file));
        let response = clone.call(&request, base());
        let text = String::from_utf8_lossy(&response.body.wire).into_owned();
        assert!(text.contains(&format!("ok refs/heads/{name}")), "{text}");
    }
}
