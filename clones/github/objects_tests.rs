//! In which repositories an object of git is read by its id.

use archal_core::clone::{Progress, Seed};
use jiff::SignedDuration;

use super::check::{base, check, json, open_at, request, send};
use super::content_tests::history;

/// Two public repositories, one with the content of the other, and one that nobody sees.
fn told(lines: &[&str]) -> String {
    let document = serde_json::json!({
        "actor": "me",
        "users": [{"login": "me"}, {"login": "other"}],
        "repos": [
            {"full_name": "me/mine", "files": {"a": "one"}},
            {"full_name": "other/open", "files": {"a": "one", "b": "two"}},
            {"full_name": "other/closed", "private": true, "permission": "none", "files": {"s": "secret"}},
        ],
    });
    let mut clone = open_at(Seed::Document(&document), base());
    check(clone.as_mut(), lines, &["/sha", "/message"])
}

#[test]
fn a_blob_is_read_where_refs_lead_to_it_or_it_was_made() {
    let out = told(&[
        // `one`, `two`, `secret` and `three`.
        "GET /repos/me/mine/git/blobs/43dd47ea691c90a5fa7827892c70241913351963",
        "GET /repos/other/open/git/blobs/43dd47ea691c90a5fa7827892c70241913351963",
        "GET /repos/me/mine/git/blobs/64c5e5885a4b06010b3a0c20edb7900dd0311025",
        "GET /repos/me/mine/git/blobs/536aca34dbae6b2b8af26bebdcba83543c9546f0",
        r#"POST /repos/me/mine/git/trees {"tree":[{"path":"s","mode":"100644","type":"blob","sha":"536aca34dbae6b2b8af26bebdcba83543c9546f0"}]}"#,
        r#"POST /repos/me/mine/git/blobs {"content":"secret"}"#,
        "GET /repos/me/mine/git/blobs/536aca34dbae6b2b8af26bebdcba83543c9546f0",
        r#"POST /repos/me/mine/git/trees {"tree":[{"path":"s/t","mode":"100644","type":"blob","content":"three"}]}"#,
        "GET /repos/me/mine/git/blobs/1d19714ffbc272ba0da6eb419d66123c20527174",
        "GET /repos/other/open/git/blobs/1d19714ffbc272ba0da6eb419d66123c20527174",
    ]);
    insta::assert_snapshot!(out, @r#"
    GET /repos/me/mine/git/blobs/43dd47ea691c90a5fa7827892c70241913351963
      200
      "43dd47ea691c90a5fa7827892c70241913351963"
    GET /repos/other/open/git/blobs/43dd47ea691c90a5fa7827892c70241913351963
      200
      "43dd47ea691c90a5fa7827892c70241913351963"
    GET /repos/me/mine/git/blobs/64c5e5885a4b06010b3a0c20edb7900dd0311025
      404
      {"documentation_url":"https://docs.github.com/rest/git/blobs#get-a-blob","message":"Not Found","status":"404"}
    GET /repos/me/mine/git/blobs/536aca34dbae6b2b8af26bebdcba83543c9546f0
      404
      {"documentation_url":"https://docs.github.com/rest/git/blobs#get-a-blob","message":"Not Found","status":"404"}
    POST /repos/me/mine/git/trees {"tree":[{"path":"s","mode":"100644","type":"blob","sha":"536aca34dbae6b2b8af26bebdcba83543c9546f0"}]}
      422
      {"documentation_url":"https://docs.github.com/rest/git/trees#create-a-tree","message":"tree.sha 536aca34dbae6b2b8af26bebdcba83543c9546f0 is not a valid blob","status":"422"}
    POST /repos/me/mine/git/blobs {"content":"secret"}
      201
      "536aca34dbae6b2b8af26bebdcba83543c9546f0"
    GET /repos/me/mine/git/blobs/536aca34dbae6b2b8af26bebdcba83543c9546f0
      200
      "536aca34dbae6b2b8af26bebdcba83543c9546f0"
    POST /repos/me/mine/git/trees {"tree":[{"path":"s/t","mode":"100644","type":"blob","content":"three"}]}
      201
      "c3079f4d527097f6d65daf027b0b6d9918316478"
    GET /repos/me/mine/git/blobs/1d19714ffbc272ba0da6eb419d66123c20527174
      200
      "1d19714ffbc272ba0da6eb419d66123c20527174"
    GET /repos/other/open/git/blobs/1d19714ffbc272ba0da6eb419d66123c20527174
      404
      {"documentation_url":"https://docs.github.com/rest/git/blobs#get-a-blob","message":"Not Found","status":"404"}
    "#);
}

#[test]
fn a_pull_requests_timeline_has_its_commits() {
    let out = history(
        &[
            r#"POST ~/pulls {"title":"Feature","head":"feature","base":"main"}"#,
            "GET ~/issues/1/timeline",
        ],
        &["/event", "/message", "/committer/date", "/number"],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/pulls {"title":"Feature","head":"feature","base":"main"}
      201
      added pulls octocat/hello#1
      added refs octocat/hello:refs/pull/1/head
      added issues octocat/hello#1
      1
    GET ~/issues/1/timeline
      200
      "committed" "Feature" "-10d"
    "#);
}

#[test]
fn a_commit_that_a_state_shows_by_its_id_alone_is_a_gap() {
    let document = serde_json::json!({
        "actor": "me",
        "users": [{"login": "me"}],
        "repos": [{"full_name": "me/mine", "files": {"a": "one"}}],
        "refs": [{"repo": "me/mine", "ref": "refs/heads/far", "sha": "c0ffee0000000000000000000000000000000000"}],
    });
    let opened = open_at(Seed::Document(&document), base());
    let written = opened.state().to_json();
    let mut again = open_at(Seed::Document(&written), base());
    let lines = [
        "GET /repos/me/mine/git/ref/heads/far",
        "GET /repos/me/mine/commits/far",
        "GET /repos/me/mine/commits?sha=far",
        "GET /repos/me/mine/contents/a?ref=far",
        "GET /repos/me/mine/contents/a",
        "GET /repos/me/mine/branches/far",
        "GET /repos/me/mine/branches",
    ];
    let out = check(again.as_mut(), &lines, &["/object/sha", "/name", "/sha"]);
    insta::assert_snapshot!(out, @r#"
    GET /repos/me/mine/git/ref/heads/far
      200
      "c0ffee0000000000000000000000000000000000"
    GET /repos/me/mine/commits/far
      501
      {"documentation_url":"https://docs.github.com/rest/commits/commits#get-a-commit","message":"refs/heads/far of me/mine is at c0ffee0000000000000000000000000000000000, and the state that was loaded does not say what is in that commit","status":"501"}
    GET /repos/me/mine/commits?sha=far
      501
      {"documentation_url":"https://docs.github.com/rest/commits/commits#list-commits","message":"refs/heads/far of me/mine is at c0ffee0000000000000000000000000000000000, and the state that was loaded does not say what is in that commit","status":"501"}
    GET /repos/me/mine/contents/a?ref=far
      501
      {"documentation_url":"https://docs.github.com/rest/repos/contents#get-repository-content","message":"refs/heads/far of me/mine is at c0ffee0000000000000000000000000000000000, and the state that was loaded does not say what is in that commit","status":"501"}
    GET /repos/me/mine/contents/a
      501
      {"documentation_url":"https://docs.github.com/rest/repos/contents#get-repository-content","message":"refs/heads/main of me/mine is at 661e65ca8d3bb44ac6bd719c4f617867d4367c99, and the state that was loaded does not say what is in that commit","status":"501"}
    GET /repos/me/mine/branches/far
      200
      "far"
    GET /repos/me/mine/branches
      200
      "far"
      "main"
    "#);
}

#[test]
fn who_asks_for_a_difference_keeps_nobody_waiting_and_sees_what_was_there() {
    let document = serde_json::json!({
        "actor": "me",
        "users": [{"login": "me"}],
        "repos": [{"full_name": "me/mine", "files": {"a": "one"}}],
    });
    let mut clone = open_at(Seed::Document(&document), base());
    let put = r#"PUT /repos/me/mine/contents/b {"message":"Second","content":"dHdv"}"#;
    let made = json(&send(clone.as_mut(), put));
    let head = made["commit"]["sha"].as_str().expect("a commit").to_owned();
    let parent = made["commit"]["parents"][0]["sha"].as_str();
    let parent = parent.expect("a parent").to_owned();
    let lines = [
        format!("GET /repos/me/mine/compare/{parent}...main"),
        format!("GET /repos/me/mine/commits/{head}"),
        "GET /repos/me/mine/commits/main".to_owned(),
    ];
    for (number, line) in lines.iter().enumerate() {
        let asked = request(line);
        let now = base() + SignedDuration::from_mins(2);
        let Progress::Working(work) = clone.begin(&asked, now) else {
            panic!("{line} is answered while the others wait");
        };
        // Meanwhile the branch goes on.
        let put = format!(
            r#"PUT /repos/me/mine/contents/f{number} {{"message":"Later {number}","content":"dHdv"}}"#
        );
        let later = send(clone.as_mut(), &put);
        assert_eq!(later.status, 201);
        let answer = clone.finish(&asked, work.run(), now);
        assert_eq!(answer.status, 200, "{line}");
        // It is a call on the state that it has read, whatever came in between.
        let roots = (answer.root_before, answer.root_after);
        assert_eq!(roots, (later.root_before, later.root_before), "{line}");
        let told = json(&answer).to_string();
        assert!(told.contains("\"sha\""), "{line}: {told}");
        assert!(!told.contains(&format!("Later {number}")), "{line}: {told}");
    }
}
