//! What keeps a fix from being published: always the patch, and the reason by name.

use super::desk::Desk;
use super::faults;
use serde_json::{Value, json};

/// A change of the configuration, which is not committed.
fn configure(desk: &Desk, publish: Value) {
    let text = desk.world.read("agent/.archal.json");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["attach"]["publish"] = publish;
    desk.world.write("agent/.archal.json", &config.to_string());
}

#[test]
fn where_nothing_may_be_published_the_fix_stays_a_patch_with_the_reason() {
    let desk = Desk::new();
    let nothing_is_there = |desk: &Desk| {
        assert_eq!(desk.exec("cd agent; git branch --list 'archal/*'"), "");
        assert_eq!(desk.api("repos/mona/janitor/pulls?state=all"), json!([]));
        assert_eq!(
            desk.api("repos/mona/janitor/branches")
                .as_array()
                .map(Vec::len),
            Some(1)
        );
    };
    let remote = |url: &str| format!("cd agent; git remote set-url origin {url}");
    let cases: [(&str, String); 7] = [
        ("no_remote: there is no remote origin: git remote add origin", "cd agent; git remote remove origin".to_owned()),
        ("unknown_service: the remote origin is no repository of GitHub's", remote("../elsewhere")),
        ("no_permission: nothing may be pushed to other/theirs with this login: fork it", remote("https://github.com/other/theirs.git")),
        ("no_permission: cannot see mona/none: 404", remote("https://github.com/mona/none.git")),
        ("no_permission: mona/janitor is archived", "gh api -X PATCH repos/mona/janitor -F archived=true --silent".to_owned()),
        ("no_base: HEAD is on no branch", "cd agent; git checkout -q --detach".to_owned()),
        ("unpushed: the commit ", "cd agent; git push -q --no-verify -f origin $(git -c user.email=t@example.com commit-tree -m other HEAD^{tree}):main".to_owned()),
    ];
    for (expected, script) in cases {
        desk.renew();
        desk.exec(&script);
        // Known beforehand, and told the same.
        let (status, known) = desk.check();
        assert_eq!(status, "missing");
        let told = desk.refusal("");
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(known, format!("origin: a proven fix stays a patch: {told}"));
        if !script.contains("remote") {
            nothing_is_there(&desk);
        }
    }

    // Somebody else's branch of that name, there and here.
    desk.renew();
    let job = desk.publish();
    let group = job["group"].as_str().expect("a group");
    for (expected, script) in [
        (
            "head_moved: archal/",
            format!("cd agent; git push -q --no-verify origin HEAD:refs/heads/archal/{group}"),
        ),
        (
            "head_moved: the branch archal/",
            format!("cd agent; git branch archal/{group}"),
        ),
        (
            "checked_out: archal/",
            format!("cd agent; git worktree add -q -b archal/{group} ../other"),
        ),
    ] {
        desk.renew();
        desk.exec("rm -rf other");
        desk.exec(&script);
        let before = desk.branches();
        let told = desk.refusal("");
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(desk.branches(), before);
        assert_eq!(desk.api("repos/mona/janitor/pulls?state=all"), json!([]));
    }

    // A credential that was taken back, and none.
    desk.renew();
    desk.tell("rest", "");
    let told = desk.refusal("unset GITHUB_TOKEN GH_TOKEN");
    assert!(
        told.starts_with("no_credential: gh is not logged in"),
        "{told}"
    );
    nothing_is_there(&desk);
}

#[test]
fn what_the_service_refuses_is_told_and_mended() {
    let desk = Desk::new();
    // Drafts are refused: the branch is there, and the way to open it by hand is told.
    desk.tell(
        "instead",
        "printf 'HTTP/2.0 422 Unprocessable Entity\\r\\n\\r\\n%s' \
         '{\"message\":\"Validation Failed\",\"errors\":[{\"message\":\"Draft pull requests are not supported in this repository.\"}]}'\n(exit 1)",
    );
    let told = desk.refusal("");
    assert!(told.starts_with("draft_refused: "), "{told}");
    assert!(
        told.contains("https://github.com/mona/janitor/pull/new/archal/"),
        "{told}"
    );
    let (here, there) = desk.branches();
    assert!(here.is_some() && here == there);
    assert_eq!(desk.api("repos/mona/janitor/pulls?state=all"), json!([]));

    // A protected branch, which holds an older fix of archal's own.
    desk.renew();
    let first = desk.publish();
    let older = desk.branches();
    let group = first["group"].as_str().expect("a group");
    desk.exec(&format!(
        "echo '{{\"required_status_checks\":null,\"enforce_admins\":true,\"required_pull_request_reviews\":null,\"restrictions\":null}}' |
         gh api -X PUT repos/mona/janitor/branches/archal%2F{group}/protection --input - --silent"
    ));
    desk.reprocess("more");
    let told = desk.refusal("");
    assert!(
        told.starts_with("protected_branch: git cannot push archal/"),
        "{told}"
    );
    assert_eq!(desk.branches(), older);

    // Without the protection the same pull request shows the new fix.
    desk.exec(&format!(
        "gh api -X DELETE repos/mona/janitor/branches/archal%2F{group}/protection --silent"
    ));
    desk.reprocess("more");
    let job = desk.publish();
    super::assert_published(&desk, &job);
    assert_ne!(desk.branches(), older);

    // A person closed it: it is not opened again.
    desk.exec("gh api -X PATCH repos/mona/janitor/pulls/1 -f state=closed --silent");
    desk.reopen();
    let told = desk.refusal("");
    assert!(
        told.starts_with("closed: #1 shows this very commit"),
        "{told}"
    );
}

#[test]
fn from_a_fork_as_an_issue_and_without_secrets() {
    let desk = Desk::new();
    // From a fork.
    desk.exec(
        "cd agent; git push -q --no-verify -f https://github.com/acme/janitor.git main
         gh api -X PATCH repos/acme/janitor -f default_branch=main --silent
         gh api -X DELETE repos/mona/janitor --silent
         gh api -X POST repos/acme/janitor/forks --silent",
    );
    configure(
        &desk,
        json!({"repository": "acme/janitor", "labels": ["agent"]}),
    );
    let job = desk.publish();
    assert_eq!(faults(&job), [""; 0], "{job}");
    let url = job["published"]["request"]["url"].as_str().expect("a URL");
    assert!(
        url.starts_with("https://github.com/acme/janitor/pull/"),
        "{job}"
    );
    let number = &job["published"]["request"]["number"];
    let pull = desk.api(&format!("repos/acme/janitor/pulls/{number}"));
    assert_eq!(pull["head"]["repo"]["full_name"], "mona/janitor");
    assert_eq!(pull["labels"][0]["name"], "agent");

    // As an issue: no branch.
    desk.renew();
    configure(&desk, json!({"as": "issue"}));
    let job = desk.publish();
    assert_eq!(faults(&job), [""; 0], "{job}");
    let issue = desk.api("repos/mona/janitor/issues/1");
    let body = issue["body"].as_str().expect("a text");
    assert!(
        body.contains("1/1 runs green") && body.contains("```diff\n"),
        "{body}"
    );
    assert_eq!(desk.branches(), (None, None));
    desk.reopen();
    let again = desk.publish();
    assert_eq!(again["published"]["request"]["number"], 1, "{again}");
    assert_eq!(
        desk.api("repos/mona/janitor/issues?state=all")
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    // A fixer that prints the caller's key into a file, or a token: what was published stays.
    desk.renew();
    super::assert_published(&desk, &desk.publish());
    let older = desk.branches();
    desk.reprocess("plain-words-of-mine");
    let job = desk.attach("").json()["jobs"][0].clone();
    assert_eq!(job["status"], "fix_failed", "{job}");
    let reason = job["reason"].as_str().expect("a reason");
    assert_eq!(
        reason,
        "secret_in_patch: it holds the value of MY_SERVICE_KEY"
    );
    assert_eq!(desk.branches(), older);
    let printed = "ghp_0123456789abcdefghijABCDEFGHIJ456789";
    desk.reprocess(printed);
    let told = desk.refusal("");
    let expected = "secret: agent.py gets what looks like a secret";
    assert!(told.starts_with(expected), "{told}");
    assert_eq!(desk.branches(), older);
    assert!(!desk.record().to_string().contains(printed));
}
