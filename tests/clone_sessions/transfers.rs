//! Large and broken transfers: taken or refused rightly, in bounded memory, and never half.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{PATIENCE, REPO, Scene};

const MIB: usize = 1024 * 1024;

/// The most memory that the session's process has taken so far, in bytes.
fn peak(scene: &Scene) -> usize {
    let pid = scene.record("default")["pid"].as_u64().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let number: usize = number.expect("a line").trim().parse().expect("a number");
    number * 1024
}

fn token(scene: &Scene) -> String {
    let variables = scene.json(&["env"]);
    let token = &variables["variables"]["GITHUB_TOKEN"];
    token.as_str().expect("a token").to_owned()
}

/// Sends a head that promises `length` bytes, then pieces, and reads the status; none where the
/// connection is given up in the middle.
fn send(
    scene: &Scene,
    url: &str,
    path: &str,
    kind: &str,
    length: usize,
    pieces: impl Iterator<Item = Vec<u8>>,
) -> Option<u16> {
    let root = scene.url(url);
    let authority = root.strip_prefix("http://").expect("a URL");
    let authority = authority.split('/').next().unwrap_or(authority);
    let mut stream = TcpStream::connect(authority).expect("something listens");
    stream
        .set_read_timeout(Some(PATIENCE * 3))
        .expect("settable");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nUser-Agent: test\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n",
        token(scene)
    );
    stream.write_all(head.as_bytes()).expect("taken");
    let mut sent = 0;
    for piece in pieces {
        // Who refuses a body may stop taking it.
        if stream.write_all(&piece).is_err() {
            break;
        }
        sent += piece.len();
    }
    if sent < length {
        return None;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1)?.parse().ok()
}

/// Bytes that no program can pack.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}

#[test]
fn a_hundred_megabytes_are_an_asset_and_too_long_for_anything_else() {
    let scene = Scene::started();
    let file = r#"{"message":"First","content":"aGk="}"#;
    let made = scene.rest("PUT", &format!("{REPO}/contents/a.txt"), file);
    assert_eq!(made.status, 201, "{}", made.body);
    let release = scene.rest("POST", &format!("{REPO}/releases"), r#"{"tag_name":"v1"}"#);
    assert_eq!(release.status, 201, "{}", release.body);
    let id = &release.json()["id"];
    let before = peak(&scene);
    let pieces = || (0..100).map(|number| noise(number + 1, MIB));
    let path = format!("{REPO}/releases/{id}/assets?name=big.bin");
    let kind = "application/octet-stream";
    let status = send(&scene, "uploads", &path, kind, 100 * MIB, pieces());
    assert_eq!(status, Some(201));
    let assets = scene.rest("GET", &format!("{REPO}/releases/{id}/assets"), "");
    assert_eq!(assets.json()[0]["size"], json!(100 * MIB));
    let status = send(
        &scene,
        "rest",
        &format!("{REPO}/issues"),
        "application/json",
        100 * MIB,
        pieces(),
    );
    assert_eq!(status, Some(413));
    let grown = peak(&scene) - before;
    assert!(grown < 64 * MIB, "{} MiB more", grown / MIB);
    // What is broken is told, and others are answered all along.
    let broken = scene.rest("POST", &format!("{REPO}/issues"), r#"{"title":"#);
    assert_eq!(broken.status, 400, "{}", broken.body);
    scene.create("Still there");
}

fn git(folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::new("git")
        .current_dir(folder)
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_DIR")
        .env_remove("http_proxy")
        .args(["-c", "user.name=Mona", "-c", "user.email=mona@example.com"])
        .args(["-c", "core.compression=0", "-c", "pack.window=0"])
        .args(["-c", "gc.auto=0"])
        .args(arguments)
        .output()
        .expect("git runs")
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with one commit of files of this many MiB.
fn committed(scene: &Scene, sizes: &[usize]) -> (PathBuf, String) {
    let folder = scene.world.repo().join("pushed");
    std::fs::create_dir_all(&folder).expect("a folder");
    done(&folder, &["init", "-q", "-b", "main"]);
    for (number, size) in sizes.iter().enumerate() {
        let content = noise(number as u64 + 7, size * MIB);
        std::fs::write(folder.join(format!("{number}.bin")), content).expect("written");
    }
    done(&folder, &["add", "."]);
    done(&folder, &["commit", "-q", "-m", "Large"]);
    let head = done(&folder, &["rev-parse", "HEAD"]);
    (folder, head)
}

fn remote(scene: &Scene) -> String {
    let root = scene.url("git");
    let authority = root.strip_prefix("http://").expect("a URL");
    format!(
        "http://x:{}@{authority}/octocat/hello-service.git",
        token(scene)
    )
}

#[test]
fn a_push_of_two_hundred_megabytes_is_taken_in_bounded_memory() {
    let scene = Scene::started();
    let (folder, head) = committed(&scene, &[50, 50, 50, 50]);
    let remote = remote(&scene);
    let before = peak(&scene);
    done(&folder, &["push", "-q", &remote, "main"]);
    let grown = peak(&scene) - before;
    assert!(grown < 64 * MIB, "{} MiB more", grown / MIB);
    let there = done(&folder, &["ls-remote", &remote, "refs/heads/main"]);
    assert!(there.starts_with(&head), "{there}");
    let commit = scene.rest("GET", &format!("{REPO}/commits/{head}"), "");
    assert_eq!(commit.status, 200, "{}", commit.body);
}

#[test]
fn a_push_that_breaks_off_or_is_broken_leaves_nothing() {
    let scene = Scene::started();
    let (folder, head) = committed(&scene, &[12]);
    // What a client sends: the command, a flush, the pack.
    let command = format!(
        "{} {head} refs/heads/main\0 report-status agent=git/2.39",
        "0".repeat(40)
    );
    let mut whole = format!("{:04x}{command}0000", command.len() + 4).into_bytes();
    std::fs::write(folder.join("revs"), format!("{head}\n")).expect("written");
    let pack = Command::new("git")
        .current_dir(&folder)
        .args(["pack-objects", "--revs", "--stdout", "-q"])
        .stdin(std::fs::File::open(folder.join("revs")).expect("there"))
        .output()
        .expect("git runs");
    assert!(pack.status.success());
    whole.extend_from_slice(&pack.stdout);
    let path = "/octocat/hello-service.git/git-receive-pack";
    let kind = "application/x-git-receive-pack-request";
    let nothing = |what: &str| {
        let there = done(&folder, &["ls-remote", &remote(&scene)]);
        assert_eq!(there, "", "{what}");
        let blob = done(&folder, &["rev-parse", "HEAD:0.bin"]);
        for path in [format!("git/blobs/{blob}"), format!("git/commits/{head}")] {
            let answer = scene.rest("GET", &format!("{REPO}/{path}"), "");
            assert!(matches!(answer.status, 404 | 409), "{what}: {path}");
        }
    };
    // The connection ends in the middle.
    let half = whole[..whole.len() / 2].to_vec();
    let cut = send(
        &scene,
        "git",
        path,
        kind,
        whole.len(),
        [half.clone()].into_iter(),
    );
    assert_eq!(cut, None);
    nothing("cut off");
    // The client says it is all, and it is half.
    let told = send(
        &scene,
        "git",
        path,
        kind,
        half.len(),
        [half.clone()].into_iter(),
    );
    assert!(told.is_some());
    nothing("half a pack");
    // A byte of the pack is another.
    let mut wrong = whole.clone();
    let at = wrong.len() - 1000;
    wrong[at] ^= 0xff;
    let told = send(&scene, "git", path, kind, wrong.len(), [wrong].into_iter());
    assert!(told.is_some());
    nothing("a broken pack");
    // The same, whole.
    let told = send(
        &scene,
        "git",
        path,
        kind,
        whole.len(),
        [whole.clone()].into_iter(),
    );
    assert_eq!(told, Some(200));
    let there = done(&folder, &["ls-remote", &remote(&scene), "refs/heads/main"]);
    assert!(there.starts_with(&head), "{there}");
    // Names that no ref has, for a commit that is there.
    for name in [
        "refs/heads/../../x",
        "refs/heads/a b",
        "refs/heads/.lock",
        "refs/heads/x.lock",
    ] {
        let body = json!({"ref": name, "sha": head}).to_string();
        let answer = scene.rest("POST", &format!("{REPO}/git/refs"), &body);
        assert_eq!(answer.status, 422, "{name}: {}", answer.body);
        let said = &answer.json()["message"];
        assert_eq!(said, &format!("{name} is not a valid ref name."));
    }
    let body = json!({"ref": "refs/heads/named", "sha": head}).to_string();
    let answer = scene.rest("POST", &format!("{REPO}/git/refs"), &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[test]
fn what_was_pushed_is_in_a_written_state_and_comes_out_of_it_as_it_was() {
    let scene = Scene::started();
    let (folder, _) = committed(&scene, &[1, 2]);
    // What a pack holds as differences, a tag with a message, a branch of its own, a merge.
    std::fs::write(folder.join("0.bin"), noise(7, MIB + 10)).expect("written");
    done(&folder, &["commit", "-q", "-a", "-m", "A little longer"]);
    done(&folder, &["tag", "-a", "v1", "-m", "The first"]);
    done(&folder, &["checkout", "-q", "-b", "side", "HEAD~1"]);
    std::fs::write(folder.join("näme mit\ttab"), "x\r\n").expect("written");
    done(&folder, &["add", "."]);
    done(&folder, &["commit", "-q", "-m", "Beside"]);
    done(&folder, &["checkout", "-q", "main"]);
    done(&folder, &["merge", "-q", "--no-edit", "side"]);
    done(
        &folder,
        &["push", "-q", &remote(&scene), "main", "side", "v1"],
    );
    let refs = |scene: &Scene| {
        let said = done(&folder, &["ls-remote", &remote(scene)]);
        let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let before = refs(&scene);
    assert!(before.len() >= 4, "{before:?}");
    scene.fine(&["snapshot", "--out", "state.json"]);
    scene.fine(&["stop"]);
    let clones = |file: &str| {
        let document: serde_json::Value =
            serde_json::from_str(&scene.world.read(file)).expect("JSON");
        document["clones"].clone()
    };
    let whole = |name: &str| {
        assert_eq!(refs(&scene), before, "{name}");
        let into = scene.world.repo().join(name);
        let target = into.to_str().expect("a path").to_owned();
        done(
            &folder,
            &["clone", "-q", "--mirror", &remote(&scene), &target],
        );
        done(&into, &["fsck", "--full", "--strict"]);
        let listed = |at: &Path| {
            let list = ["rev-list", "--objects", "main", "side", "v1"];
            let listed = done(at, &list);
            let mut ids: Vec<String> = listed
                .lines()
                .map(|line| line.chars().take(40).collect())
                .collect();
            ids.sort();
            ids
        };
        assert_eq!(listed(&into), listed(&folder), "{name}");
        scene.fine(&["snapshot", "--out", "again.json"]);
        assert_eq!(clones("again.json"), clones("state.json"), "{name}");
    };
    // A session that starts on it, and one that takes it later and had other objects.
    scene.fine(&["start", "--load", "state.json"]);
    whole("started");
    scene.fine(&["stop"]);
    scene.fine(&["start", "github", "--seed", "large-backlog"]);
    scene.fine(&["seed", "--load", "state.json"]);
    whole("seeded");
}
