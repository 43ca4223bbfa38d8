//! A proven fix published by the real git and gh, at GitHub's own address, in a GitHub clone: what
//! is there afterwards and what is told of it. Nothing of the user's checkout changes on any way.

mod desk;
mod killed;
mod refused;

use desk::Desk;
use serde_json::{Value, json};

/// What the read-back found, by name.
fn faults(job: &Value) -> Vec<&str> {
    let findings = job["published"]["findings"].as_array();
    findings
        .into_iter()
        .flatten()
        .filter_map(|finding| finding["rule"].as_str())
        .collect()
}

/// A pull request as it was proved, and no other.
fn assert_published(desk: &Desk, job: &Value) {
    let published = &job["published"];
    assert_eq!(published["findings"], json!([]), "{published}");
    assert_eq!(published["refusal"], Value::Null);
    assert_eq!(published["request"]["draft"], true);
    let pulls = desk.api("repos/mona/janitor/pulls?state=all");
    let pulls = pulls.as_array().expect("a list");
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    let pull = &pulls[0];
    assert_eq!(pull["number"], published["request"]["number"]);
    assert_eq!(pull["draft"], true);
    let group = job["group"].as_str().expect("a group");
    assert_eq!(pull["head"]["ref"], format!("archal/{group}"));
    assert_eq!(pull["base"]["ref"], "main");
    let (here, there) = desk.branches();
    assert_eq!(pull["head"]["sha"].as_str(), there.as_deref());
    assert_eq!(here, there);
}

#[test]
fn a_proven_fix_is_a_draft_that_is_read_back() {
    let desk = Desk::new();
    let (status, told) = desk.check();
    assert_eq!(status, "ready");
    assert_eq!(
        told,
        "origin: a proven fix becomes a draft pull request into main of github.com/mona/janitor, by git and gh"
    );
    assert_eq!(desk.api("repos/mona/janitor/pulls?state=all"), json!([]));
    let job = desk.publish();
    assert_published(&desk, &job);
    let pull = desk.api("repos/mona/janitor/pulls/1");
    let body = pull["body"].as_str().expect("a text");
    assert!(body.contains("1/1 runs green"), "{body}");
    assert_eq!(
        job["published"]["request"]["checks"],
        json!({"passed": [], "failed": [], "pending": []})
    );
    assert!(
        job["reason"]
            .as_str()
            .expect("a reason")
            .contains("no checks ran"),
        "{job}"
    );
    let commit = desk.exec("cd agent; git log -1 --format='%an %ae %(trailers:key=Archal-Group,valueonly)' --branches='archal/*'");
    assert!(commit.starts_with("archal archal@localhost "), "{commit}");

    // The same fix again, after a person has written around archal's text: nothing is made twice.
    desk.exec(
        "body=$(gh api repos/mona/janitor/pulls/1 --jq .body)
         gh api -X PATCH repos/mona/janitor/pulls/1 -f body=\"Mine. $body Mine, too.\" --silent",
    );
    desk.reopen();
    let branches = desk.branches();
    let again = desk.publish();
    assert_published(&desk, &again);
    assert_eq!(desk.branches(), branches);
    let body = desk.api("repos/mona/janitor/pulls/1")["body"].clone();
    let body = body.as_str().expect("a text");
    assert!(
        body.starts_with("Mine. ") && body.ends_with(" Mine, too."),
        "{body}"
    );

    // Without gh it goes over REST.
    desk.renew();
    desk.tell("rest", "");
    let job = desk.publish();
    assert_published(&desk, &job);
}

#[test]
fn what_is_not_as_it_was_proved_is_caught_by_name() {
    let desk = Desk::new();
    let pull = "repos/mona/janitor/pulls/1";
    let cases: [(String, &[&str]); 5] = [
        (
            "\"$real\" pr ready 1 -R mona/janitor".to_owned(),
            &["not_draft"],
        ),
        (
            format!("\"$real\" api -X PATCH {pull} -f state=closed"),
            &["closed"],
        ),
        (
            format!(
                "branch=$(\"$real\" api {pull} --jq .head.ref)
                 \"$real\" api -X PUT repos/mona/janitor/contents/extra.yml -f branch=\"$branch\" -f message=m -f content=eA=="
            ),
            &["head_moved", "extra_file"],
        ),
        (
            format!(
                "sha=$(\"$real\" api {pull} --jq .head.sha)
                 \"$real\" api -X POST repos/mona/janitor/statuses/$sha -f state=failure -f context=ci/test"
            ),
            &["check_failed"],
        ),
        (
            format!(
                "sha=$(\"$real\" api repos/mona/janitor/git/ref/heads/main --jq .object.sha)
                 \"$real\" api -X POST repos/mona/janitor/git/refs -f ref=refs/heads/release -f sha=$sha
                 \"$real\" api -X PATCH {pull} -f base=release"
            ),
            &["base_moved"],
        ),
    ];
    for (then, expected) in cases {
        desk.renew();
        desk.tell("then", &then);
        let job = desk.publish();
        assert_eq!(faults(&job), expected, "{job}");
        assert_eq!(job["reasonCode"], "publish", "{job}");
    }
}
