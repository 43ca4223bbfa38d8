//! Repositories and what is in them as a client meets them.

use archal_core::clone::{CloneResponse, Seed, ServiceClone};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::check::{base, check, json, open_at, request, send, taken};
use super::conformance::content::{CALLS, SEED};

const REPO: &str = "/repos/octocat/hello";

fn open_seed(at: Timestamp) -> Box<dyn ServiceClone> {
    let document: Value = serde_json::from_str(SEED).expect("JSON");
    open_at(Seed::Document(&document), at)
}

pub(super) fn history(lines: &[&str], shown: &[&str]) -> String {
    let mut clone = open_seed(base());
    let lines: Vec<String> = lines.iter().map(|line| line.replace('~', REPO)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(clone.as_mut(), &lines, shown).replace(REPO, "~")
}

fn text(response: &CloneResponse) -> &str {
    std::str::from_utf8(&response.body.wire).expect("text")
}

/// Sends the lines of a list as the conformance test does, at a base time of their own.
fn evidence(lines: &[&str], at: Timestamp) -> Vec<String> {
    let mut clone = open_seed(at);
    let mut kept: Vec<(String, String)> = Vec::new();
    let mut out = Vec::new();
    for line in lines {
        let (line, keep) = match line.rsplit_once(" => ") {
            Some((line, keep)) => (line, keep.split_once('=')),
            None => (*line, None),
        };
        let filled = kept.iter().fold(line.to_owned(), |line, (name, value)| {
            line.replace(&format!("<{name}>"), value)
        });
        let then = at + SignedDuration::from_mins(1);
        let response = clone.call(&request(&filled), then);
        taken(clone.as_mut(), &response, then);
        if let Some((name, pointer)) = keep {
            let value = json(&response).pointer(pointer).cloned();
            let value = match value.expect("a value") {
                Value::String(text) => text,
                other => other.to_string(),
            };
            kept.push((name.to_owned(), value));
        }
        let headers: Vec<String> = response
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", clone.state().evidence_text(value)))
            .collect();
        out.push(format!(
            "{line}\n{} {headers:?} {:?}\n{}",
            response.status,
            response.changes,
            String::from_utf8_lossy(&response.body.evidence)
        ));
    }
    out
}

#[test]
fn the_same_calls_leave_the_same_evidence_at_another_time() {
    for (_, lines) in CALLS {
        let now = evidence(lines, base());
        let later = evidence(lines, base() + SignedDuration::from_hours(24 * 77 + 5));
        for (now, later) in now.iter().zip(&later) {
            assert_eq!(now, later);
        }
    }
}

#[test]
fn files_are_written_changed_and_deleted_by_commits() {
    let out = history(
        &[
            "GET ~/contents/src/main.rs",
            r#"PUT ~/contents/a/b.txt {"message":"Add b","content":"b25l"}"#,
            r#"PUT ~/contents/a/b.txt {"message":"Again","content":"dHdv"}"#,
            r#"PUT ~/contents/a/b.txt {"message":"Change b","content":"dHdv","sha":"43dd47ea691c90a5fa7827892c70241913351963"}"#,
            r#"PUT ~/contents/a {"message":"A folder","content":"dHdv"}"#,
            r#"PUT ~/contents/a/b.txt/c {"message":"Below a file","content":"dHdv"}"#,
            r#"PUT ~/contents/a/../c {"message":"Up","content":"dHdv"}"#,
            "GET ~/commits?path=a/b.txt",
            "GET ~/contents/a",
            r#"DELETE ~/contents/a/b.txt {"message":"Remove b","sha":"64c5e5885a4b06ea2b2bc4e4d3a2c0eb6ef5bc27"}"#,
            "DELETE ~/contents/a/b.txt?message=Remove%20b&sha=64c5e5885a4b06010b3a0c20edb7900dd0311025",
            "GET ~/contents/a",
            "GET ~/commits?per_page=2",
        ],
        &[
            "/name",
            "/path",
            "/type",
            "/size",
            "/content",
            "/encoding",
            "/commit/message",
            "/commit/author/date",
            "/content/path",
            "/content/sha",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/contents/src/main.rs
      200
      "main.rs" "src/main.rs" "file" 34 "Zm4gbWFpbigpIHsKICAgIHByaW50bG4hKCJoaSIpOwp9Cg==\n" "base64"
    PUT ~/contents/a/b.txt {"message":"Add b","content":"b25l"}
      201
      changed refs octocat/hello:refs/heads/main
      changed repos octocat/hello
      {"_links":{"git":"https://api.github.com~/git/blobs/43dd47ea691c90a5fa7827892c70241913351963","html":"https://github.com/octocat/hello/blob/main/a/b.txt","self":"https://api.github.com~/contents/a/b.txt?ref=main"},"download_url":"https://raw.githubusercontent.com/octocat/hello/main/a/b.txt","git_url":"https://api.github.com~/git/blobs/43dd47ea691c90a5fa7827892c70241913351963","html_url":"https://github.com/octocat/hello/blob/main/a/b.txt","name":"b.txt","path":"a/b.txt","sha":"43dd47ea691c90a5fa7827892c70241913351963","size":3,"type":"file","url":"https://api.github.com~/contents/a/b.txt?ref=main"} "Add b" "+run" "a/b.txt" "43dd47ea691c90a5fa7827892c70241913351963"
    PUT ~/contents/a/b.txt {"message":"Again","content":"dHdv"}
      422
      {"documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","message":"Invalid request.\n\n\"sha\" wasn't supplied.","status":"422"}
    PUT ~/contents/a/b.txt {"message":"Change b","content":"dHdv","sha":"43dd47ea691c90a5fa7827892c70241913351963"}
      200
      changed refs octocat/hello:refs/heads/main
      changed repos octocat/hello
      {"_links":{"git":"https://api.github.com~/git/blobs/64c5e5885a4b06010b3a0c20edb7900dd0311025","html":"https://github.com/octocat/hello/blob/main/a/b.txt","self":"https://api.github.com~/contents/a/b.txt?ref=main"},"download_url":"https://raw.githubusercontent.com/octocat/hello/main/a/b.txt","git_url":"https://api.github.com~/git/blobs/64c5e5885a4b06010b3a0c20edb7900dd0311025","html_url":"https://github.com/octocat/hello/blob/main/a/b.txt","name":"b.txt","path":"a/b.txt","sha":"64c5e5885a4b06010b3a0c20edb7900dd0311025","size":3,"type":"file","url":"https://api.github.com~/contents/a/b.txt?ref=main"} "Change b" "+run" "a/b.txt" "64c5e5885a4b06010b3a0c20edb7900dd0311025"
    PUT ~/contents/a {"message":"A folder","content":"dHdv"}
      422
      {"documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","message":"path a is a directory","status":"422"}
    PUT ~/contents/a/b.txt/c {"message":"Below a file","content":"dHdv"}
      422
      {"documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","message":"path contains a file where a directory is expected","status":"422"}
    PUT ~/contents/a/../c {"message":"Up","content":"dHdv"}
      422
      {"documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","message":"path contains a malformed path component","status":"422"}
    GET ~/commits?path=a/b.txt
      200
      "Change b" "+run"
      "Add b" "+run"
    GET ~/contents/a
      200
      "b.txt" "a/b.txt" "file" 3
    DELETE ~/contents/a/b.txt {"message":"Remove b","sha":"64c5e5885a4b06ea2b2bc4e4d3a2c0eb6ef5bc27"}
      409
      {"documentation_url":"https://docs.github.com/rest/repos/contents#delete-a-file","message":"a/b.txt does not match 64c5e5885a4b06ea2b2bc4e4d3a2c0eb6ef5bc27","status":"409"}
    DELETE ~/contents/a/b.txt?message=Remove%20b&sha=64c5e5885a4b06010b3a0c20edb7900dd0311025
      200
      changed refs octocat/hello:refs/heads/main
      changed repos octocat/hello
      null "Remove b" "+run"
    GET ~/contents/a
      404
      {"documentation_url":"https://docs.github.com/rest/repos/contents#get-repository-content","message":"Not Found","status":"404"}
    GET ~/commits?per_page=2
      200
      "Remove b" "+run"
      "Change b" "+run"
    "#);
}

#[test]
fn media_types_choose_the_form_of_an_answer() {
    let mut clone = open_seed(base());
    let mut of = |line: &str| {
        let response = send(clone.as_mut(), &line.replace('~', REPO));
        let kind = response
            .headers
            .iter()
            .find(|(name, _)| *name == "content-type");
        let kind = kind.map(|(_, value)| value.clone()).unwrap_or_default();
        format!("{} {kind}\n{}", response.status, text(&response))
    };
    let raw = of("GET ~/contents/README.md <accept: application/vnd.github.raw+json>");
    assert_eq!(
        raw,
        "200 application/vnd.github.raw+json; charset=utf-8\n# Hello\n"
    );
    let sha = of("GET ~/commits/main <accept: application/vnd.github.sha>");
    assert_eq!(sha.lines().last().map(str::len), Some(40));
    let diff = of("GET ~/commits/feature <accept: application/vnd.github.v3.diff>");
    assert!(
        diff.contains("diff --git a/feature.txt b/feature.txt\nnew file mode 100644"),
        "{diff}"
    );
    let patch = of("GET ~/commits/feature <accept: application/vnd.github.patch>");
    assert!(patch.contains("Subject: [PATCH] Feature\n"), "{patch}");
    let diff = of("GET ~/compare/main...feature <accept: application/vnd.github.diff>");
    assert!(diff.contains("+one"), "{diff}");
    let object = of("GET ~/contents/src <accept: application/vnd.github.object+json>");
    assert!(
        object.contains(r#""entries":[{"name":"main.rs""#),
        "{object}"
    );
    let html = of("GET ~/contents/README.md <accept: application/vnd.github.html>");
    assert!(html.starts_with("501"), "{html}");
    let asset = of("GET ~/releases/assets/21 <accept: application/octet-stream>");
    assert_eq!(asset, "200 text/plain\nhello\n");
    let asset = of("GET https://github.com/octocat/hello/releases/download/v1.0.0/hello.txt");
    assert_eq!(asset, "200 text/plain\nhello\n");
}

#[test]
fn refs_move_forward_and_by_force_only_back() {
    let out = history(
        &[
            "GET ~/git/ref/heads/main",
            r#"POST ~/git/refs {"ref":"refs/heads/x","sha":"main"}"#,
            r#"PATCH ~/git/refs/heads/clash {"sha":"0000000000000000000000000000000000000000"}"#,
            "DELETE ~/git/refs/heads/held",
            "DELETE ~/git/refs/heads/main",
            "DELETE ~/git/refs/heads/clash",
            "GET ~/git/matching-refs/heads/",
            "GET /repos/octocat/bare/git/matching-refs/heads",
        ],
        &["/ref", "/object/type"],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/git/ref/heads/main
      200
      "refs/heads/main" "commit"
    POST ~/git/refs {"ref":"refs/heads/x","sha":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/git/refs#create-a-reference","message":"The sha parameter must be exactly 40 characters and contain only [0-9a-f].","status":"422"}
    PATCH ~/git/refs/heads/clash {"sha":"0000000000000000000000000000000000000000"}
      422
      {"documentation_url":"https://docs.github.com/rest/git/refs#update-a-reference","message":"Object does not exist","status":"422"}
    DELETE ~/git/refs/heads/held
      422
      {"documentation_url":"https://docs.github.com/rest/git/refs#delete-a-reference","message":"Cannot delete this protected ref.","status":"422"}
    DELETE ~/git/refs/heads/main
      422
      {"documentation_url":"https://docs.github.com/rest/git/refs#delete-a-reference","message":"Cannot delete the default branch","status":"422"}
    DELETE ~/git/refs/heads/clash
      204
      removed refs octocat/hello:refs/heads/clash
      changed repos octocat/hello
    GET ~/git/matching-refs/heads/
      200
      "refs/heads/feature" "commit"
      "refs/heads/held" "commit"
      "refs/heads/main" "commit"
    GET /repos/octocat/bare/git/matching-refs/heads
      409
      {"documentation_url":"https://docs.github.com/rest/git/refs#list-matching-references","message":"Git Repository is empty.","status":"409"}
    "#);
}

#[test]
fn commits_are_compared_from_where_they_part() {
    let out = history(
        &[
            "GET ~/compare/main...feature",
            "GET ~/compare/feature...main",
            "GET ~/compare/main...main",
            "GET ~/compare/main...clash",
            "GET ~/commits?author=monalisa&sha=feature",
            "GET ~/commits?until=2025-12-25T00:00:00Z",
            "GET ~/commits/feature",
        ],
        &[
            "/status",
            "/ahead_by",
            "/behind_by",
            "/files/0/filename",
            "/files/0/status",
            "/files/0/patch",
            "/commit/message",
            "/author/login",
            "/stats",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/compare/main...feature
      200
      "diverged" 1 1 "feature.txt" "added" "@@ -0,0 +1 @@\n+one"
    GET ~/compare/feature...main
      200
      "diverged" 1 1 "src/main.rs" "modified" "@@ -1,3 +1,3 @@\n fn main() {\n-    println!(\"hello\");\n+    println!(\"hi\");\n }"
    GET ~/compare/main...main
      200
      "identical" 0 0
    GET ~/compare/main...clash
      200
      "diverged" 1 1 "src/main.rs" "modified" "@@ -1,3 +1 @@\n-fn main() {\n-    println!(\"hello\");\n-}\n+fn main() { clash() }"
    GET ~/commits?author=monalisa&sha=feature
      200
      "Feature" "monalisa"
    GET ~/commits?until=2025-12-25T00:00:00Z
      200
      "Say more" "octocat"
      "Initial commit" "octocat"
    GET ~/commits/feature
      200
      "feature.txt" "added" "@@ -0,0 +1 @@\n+one" "Feature" "monalisa" {"additions":1,"deletions":0,"total":1}
    "#);
}

#[test]
fn branches_are_merged_or_conflict() {
    let out = history(
        &[
            r#"POST ~/merges {"base":"main","head":"feature","commit_message":"Together"}"#,
            r#"POST ~/merges {"base":"main","head":"feature"}"#,
            r#"POST ~/merges {"base":"main","head":"clash"}"#,
            r#"POST ~/merges {"base":"held","head":"feature"}"#,
            "GET ~/contents/feature.txt",
        ],
        &["/commit/message", "/files/0/filename", "/content"],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/merges {"base":"main","head":"feature","commit_message":"Together"}
      201
      changed refs octocat/hello:refs/heads/main
      changed repos octocat/hello
      "Together" "feature.txt"
    POST ~/merges {"base":"main","head":"feature"}
      204
    POST ~/merges {"base":"main","head":"clash"}
      409
      {"documentation_url":"https://docs.github.com/rest/branches/branches#merge-a-branch","message":"Merge conflict","status":"409"}
    POST ~/merges {"base":"held","head":"feature"}
      201
      changed refs octocat/hello:refs/heads/held
      changed repos octocat/hello
      "Merge feature into held" "feature.txt"
    GET ~/contents/feature.txt
      200
      "b25lCg==\n"
    "#);
}

#[test]
fn strangers_read_what_is_public_and_write_nothing() {
    let document = serde_json::json!({
        "actor": "me",
        "users": [{"login": "me"}, {"login": "other"}],
        "repos": [
            {"full_name": "other/open", "files": {"a": "1"}},
            {"full_name": "other/closed", "private": true, "permission": "none", "files": {"a": "1"}},
        ],
    });
    let mut clone = open_at(Seed::Document(&document), base());
    let out = check(
        clone.as_mut(),
        &[
            "GET /repos/other/open/contents/a",
            r#"PUT /repos/other/open/contents/b {"message":"B","content":""}"#,
            r#"POST /repos/other/open/git/refs {"ref":"refs/heads/x","sha":"0000000000000000000000000000000000000000"}"#,
            "GET /repos/other/open/collaborators",
            "GET /repos/other/open/hooks",
            "GET /repos/other/open/branches/main/protection",
            "DELETE /repos/other/open",
            r#"PATCH /repos/other/open {"name":"x"}"#,
            "GET /repos/other/closed/contents/a",
            "GET /repos/other/closed/releases",
            r#"PUT /repos/other/closed/contents/b {"message":"B","content":""}"#,
            "POST /repos/other/open/forks",
            r#"PUT /repos/me/open/contents/b {"message":"B","content":"Yg=="}"#,
        ],
        &["/path", "/full_name", "/content/path"],
    );
    insta::assert_snapshot!(out, @r#"
    GET /repos/other/open/contents/a
      200
      "a"
    PUT /repos/other/open/contents/b {"message":"B","content":""}
      403
      {"documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","message":"Must have admin rights to Repository.","status":"403"}
    POST /repos/other/open/git/refs {"ref":"refs/heads/x","sha":"0000000000000000000000000000000000000000"}
      403
      {"documentation_url":"https://docs.github.com/rest/git/refs#create-a-reference","message":"Must have admin rights to Repository.","status":"403"}
    GET /repos/other/open/collaborators
      403
      {"documentation_url":"https://docs.github.com/rest/collaborators/collaborators#list-repository-collaborators","message":"Must have admin rights to Repository.","status":"403"}
    GET /repos/other/open/hooks
      404
      {"documentation_url":"https://docs.github.com/rest/repos/webhooks#list-repository-webhooks","message":"Not Found","status":"404"}
    GET /repos/other/open/branches/main/protection
      404
      {"documentation_url":"https://docs.github.com/rest/branches/branch-protection#get-branch-protection","message":"Not Found","status":"404"}
    DELETE /repos/other/open
      403
      {"documentation_url":"https://docs.github.com/rest/repos/repos#delete-a-repository","message":"Must have admin rights to Repository.","status":"403"}
    PATCH /repos/other/open {"name":"x"}
      403
      {"documentation_url":"https://docs.github.com/rest/repos/repos#update-a-repository","message":"Must have admin rights to Repository.","status":"403"}
    GET /repos/other/closed/contents/a
      404
      {"documentation_url":"https://docs.github.com/rest/repos/contents#get-repository-content","message":"Not Found","status":"404"}
    GET /repos/other/closed/releases
      404
      {"documentation_url":"https://docs.github.com/rest/releases/releases#list-releases","message":"Not Found","status":"404"}
    PUT /repos/other/closed/contents/b {"message":"B","content":""}
      404
      {"documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","message":"Not Found","status":"404"}
    POST /repos/other/open/forks
      202
      added repos me/open
      added labels me/open:bug
      added labels me/open:documentation
      added labels me/open:duplicate
      added labels me/open:enhancement
      added labels me/open:good first issue
      added labels me/open:help wanted
      added labels me/open:invalid
      added labels me/open:question
      added labels me/open:wontfix
      added refs me/open:refs/heads/main
      changed repos other/open
      "me/open"
    PUT /repos/me/open/contents/b {"message":"B","content":"Yg=="}
      201
      changed refs me/open:refs/heads/main
      changed repos me/open
      "b"
    "#);
}
