//! What protection, pushes and forks mean for pull requests, and how searches find them.

use archal_core::clone::{Seed, ServiceClone};
use serde_json::{Value, json};

use super::check::{base, check, json as body, open, open_at, send};

const REPO: &str = "/repos/acme/checkout";

/// A repository whose `main` is protected, with one pull request of somebody else.
fn protected(rules: &Value) -> Box<dyn ServiceClone> {
    let mut protection = json!({"repo": "acme/checkout", "branch": "main"});
    for (name, value) in rules.as_object().expect("an object") {
        protection[name] = value.clone();
    }
    let document = json!({
        "actor": "dev",
        "users": [
            {"login": "acme", "type": "Organization"},
            {"login": "dev", "email": "dev@acme.test"},
            {"login": "lead"},
            {"login": "guest"}
        ],
        "repos": [{
            "full_name": "acme/checkout",
            "permission": "admin",
            "collaborators": ["lead"],
            "files": {"a.txt": "one\ntwo\n"}
        }],
        "branch_protections": [protection],
        "pulls": [
            {"repo": "acme/checkout", "number": 1, "title": "Three", "head": "three", "user": "lead",
             "files": {"a.txt": "one\ntwo\nthree\n"}},
            {"repo": "acme/checkout", "number": 2, "title": "Other", "head": "other", "user": "dev",
             "files": {"b.txt": "b\n"}}
        ]
    });
    open_at(Seed::Document(&document), base())
}

fn run(clone: &mut dyn ServiceClone, lines: &[&str], shown: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| line.replace('~', REPO)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let out = check(clone, &lines, shown);
    out.replace(REPO, "~").replace("acme/checkout#", "#")
}

const STATE: &[&str] = &["/mergeable_state", "/merged", "/message", "/state"];

#[test]
fn required_reviews_block_until_somebody_who_may_write_approves() {
    let rules = json!({
        "required_approving_review_count": 1,
        "dismiss_stale_reviews": true,
        "enforce_admins": true
    });
    let mut clone = protected(&rules);
    let out = run(
        clone.as_mut(),
        &[
            "GET ~/pulls/1",
            "PUT ~/pulls/1/merge {}",
            r#"POST ~/pulls/1/reviews {"event":"REQUEST_CHANGES","body":"No"}"#,
            "PUT ~/pulls/1/merge {}",
            r#"POST ~/pulls/1/reviews {"event":"APPROVE"}"#,
            "GET ~/pulls/1",
            r#"PUT ~/contents/c.txt {"message":"c","content":"Yw==","branch":"three"}"#,
            "GET ~/pulls/1",
            "GET ~/pulls/1/reviews",
            r#"POST ~/pulls/1/reviews {"event":"APPROVE"}"#,
            "PUT ~/pulls/1/merge {}",
        ],
        STATE,
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/pulls/1
      200
      "blocked" false "open"
    PUT ~/pulls/1/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"At least 1 approving review is required by reviewers with write access.","status":"405"}
    POST ~/pulls/1/reviews {"event":"REQUEST_CHANGES","body":"No"}
      200
      added reviews #pullrequestreview-1400000676
      changed issues #1
      added notifications 9000000347
      "CHANGES_REQUESTED"
    PUT ~/pulls/1/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Changes must be addressed before merging.","status":"405"}
    POST ~/pulls/1/reviews {"event":"APPROVE"}
      200
      added reviews #pullrequestreview-1400001588
      changed issues #1
      changed notifications 9000000347
      "APPROVED"
    GET ~/pulls/1
      200
      "clean" false "open"
    PUT ~/contents/c.txt {"message":"c","content":"Yw==","branch":"three"}
      201
      changed refs acme/checkout:refs/heads/three
      changed repos acme/checkout
      changed pulls #1
      changed issues #1
      changed refs acme/checkout:refs/pull/1/head
      changed reviews #pullrequestreview-1400001588
    GET ~/pulls/1
      200
      "blocked" false "open"
    GET ~/pulls/1/reviews
      200
      "CHANGES_REQUESTED"
      "DISMISSED"
    POST ~/pulls/1/reviews {"event":"APPROVE"}
      200
      added reviews #pullrequestreview-1400002474
      changed issues #1
      changed notifications 9000000347
      "APPROVED"
    PUT ~/pulls/1/merge {}
      200
      changed pulls #1
      added events #event-15000002913
      changed issues #1
      added events #event-15000003625
      changed notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true "Pull Request successfully merged"
    "#);
}

#[test]
fn required_checks_block_until_they_pass_and_bind_administrators_where_asked() {
    let rules = json!({"contexts": ["ci"], "enforce_admins": true, "strict": true});
    let mut clone = protected(&rules);
    let out = run(
        clone.as_mut(),
        &[
            "GET ~/pulls/1",
            "PUT ~/pulls/1/merge {}",
            r#"POST ~/statuses/three {"state":"pending","context":"ci"}"#,
            "PUT ~/pulls/1/merge {}",
        ],
        STATE,
    );
    let head = body(&send(clone.as_mut(), &format!("GET {REPO}/pulls/1")))["head"]["sha"].clone();
    let status = |state: &str| {
        let head = head.as_str().expect("a sha");
        format!(r#"POST ~/statuses/{head} {{"state":"{state}","context":"ci"}}"#)
    };
    let (failure, success) = (status("failure"), status("success"));
    let rest = run(
        clone.as_mut(),
        &[
            &failure,
            "GET ~/pulls/1",
            "PUT ~/pulls/1/merge {}",
            &success,
            "GET ~/pulls/1",
            "PUT ~/pulls/1/merge {}",
            "GET ~/pulls/2",
            "PUT ~/pulls/2/update-branch {}",
            "GET ~/pulls/2/commits",
            "PUT ~/pulls/2/update-branch {}",
        ],
        &[
            "/mergeable_state",
            "/merged",
            "/message",
            "/commit/message",
            "/commits",
        ],
    );
    let out = format!("{out}{rest}").replace(head.as_str().expect("a sha"), "<head>");
    insta::assert_snapshot!(out, @r#"
    GET ~/pulls/1
      200
      "blocked" false "open"
    PUT ~/pulls/1/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Required status check \"ci\" is expected.","status":"405"}
    POST ~/statuses/three {"state":"pending","context":"ci"}
      201
      added statuses acme/checkout:32000000138
      "pending"
    PUT ~/pulls/1/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Required status check \"ci\" is pending.","status":"405"}
    POST ~/statuses/<head> {"state":"failure","context":"ci"}
      201
      added statuses acme/checkout:32000000447
    GET ~/pulls/1
      200
      "blocked" false 1
    PUT ~/pulls/1/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Required status check \"ci\" is failing.","status":"405"}
    POST ~/statuses/<head> {"state":"success","context":"ci"}
      201
      added statuses acme/checkout:32000001290
    GET ~/pulls/1
      200
      "clean" false 1
    PUT ~/pulls/1/merge {}
      200
      changed pulls #1
      added events #event-15000000682
      changed issues #1
      added events #event-15000001441
      added notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true "Pull Request successfully merged"
    GET ~/pulls/2
      200
      "blocked" false 1
    PUT ~/pulls/2/update-branch {}
      202
      changed refs acme/checkout:refs/heads/other
      changed repos acme/checkout
      changed pulls #2
      changed issues #2
      changed refs acme/checkout:refs/pull/2/head
      "Updating pull request branch."
    GET ~/pulls/2/commits
      200
      "Other"
      "Merge branch 'main' into other"
    PUT ~/pulls/2/update-branch {}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request-branch","message":"There are no new commits on the base branch.","status":"422"}
    "#);
    let lax = json!({"contexts": ["ci"]});
    let mut clone = protected(&lax);
    let out = run(
        clone.as_mut(),
        &["GET ~/pulls/1", "PUT ~/pulls/1/merge {}"],
        STATE,
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/pulls/1
      200
      "blocked" false "open"
    PUT ~/pulls/1/merge {}
      200
      changed pulls #1
      added events #event-15000000682
      changed issues #1
      added events #event-15000001441
      added notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true "Pull Request successfully merged"
    "#);
}

#[test]
fn methods_that_a_repository_does_not_take_are_refused() {
    let mut clone = protected(&json!({"required_linear_history": true}));
    let out = run(
        clone.as_mut(),
        &[
            r#"PUT ~/pulls/1/merge {"merge_method":"merge"}"#,
            r#"PATCH ~ {"allow_squash_merge":false}"#,
            r#"PUT ~/pulls/1/merge {"merge_method":"squash"}"#,
            r#"PUT ~/pulls/1/merge {"merge_method":"rebase"}"#,
        ],
        &["/merged"],
    );
    insta::assert_snapshot!(out, @r#"
    PUT ~/pulls/1/merge {"merge_method":"merge"}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Merge commits are not allowed on this repository.","status":"405"}
    PATCH ~ {"allow_squash_merge":false}
      200
      changed repos acme/checkout
    PUT ~/pulls/1/merge {"merge_method":"squash"}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Squash merges are not allowed on this repository.","status":"405"}
    PUT ~/pulls/1/merge {"merge_method":"rebase"}
      200
      changed pulls #1
      added events #event-15000000682
      changed issues #1
      added events #event-15000001441
      added notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true
    "#);
}

#[test]
fn a_push_to_the_base_merges_what_it_brings() {
    let mut clone = protected(&json!({}));
    let head = body(&send(clone.as_mut(), &format!("GET {REPO}/pulls/1")))["head"]["sha"].clone();
    let line = format!(r#"PATCH ~/git/refs/heads/main {{"sha":{head}}}"#);
    let out = run(
        clone.as_mut(),
        &[
            &line,
            "GET ~/pulls/1",
            "GET ~/issues/1/events",
            "GET ~/pulls/2",
        ],
        &["/event", "/number", "/state", "/merged", "/merged_by/login"],
    );
    let out = out.replace(head.as_str().expect("a sha"), "<head>");
    insta::assert_snapshot!(out, @r#"
    PATCH ~/git/refs/heads/main {"sha":"<head>"}
      200
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      changed pulls #1
      added events #event-15000000682
      changed issues #1
      added events #event-15000001441
      added notifications 9000000347
    GET ~/pulls/1
      200
      1 "closed" true "dev"
    GET ~/issues/1/events
      200
      "merged"
      "closed"
    GET ~/pulls/2
      200
      2 "open" false
    "#);
}

#[test]
fn forks_have_heads_too() {
    let mut clone = protected(&json!({}));
    let out = run(
        clone.as_mut(),
        &[
            "POST ~/forks {}",
            r#"PUT /repos/dev/checkout/contents/f.txt {"message":"From the fork","content":"Zgo=","branch":"main"}"#,
            r#"POST ~/pulls {"title":"From the fork","head":"dev:main","base":"main"}"#,
            r#"POST ~/pulls {"title":"Again","head":"dev:main","base":"main"}"#,
            r#"POST ~/pulls {"title":"x","head":"guest:main","base":"main"}"#,
            "PUT ~/pulls/3/merge {}",
            "GET ~/commits?per_page=1",
        ],
        &[
            "/full_name",
            "/number",
            "/head/label",
            "/base/label",
            "/maintainer_can_modify",
            "/mergeable_state",
            "/merged",
            "/commit/message",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/forks {}
      202
      added repos dev/checkout
      added labels dev/checkout:bug
      added labels dev/checkout:documentation
      added labels dev/checkout:duplicate
      added labels dev/checkout:enhancement
      added labels dev/checkout:good first issue
      added labels dev/checkout:help wanted
      added labels dev/checkout:invalid
      added labels dev/checkout:question
      added labels dev/checkout:wontfix
      added refs dev/checkout:refs/heads/main
      added refs dev/checkout:refs/heads/other
      added refs dev/checkout:refs/heads/three
      changed repos acme/checkout
      "dev/checkout"
    PUT /repos/dev/checkout/contents/f.txt {"message":"From the fork","content":"Zgo=","branch":"main"}
      201
      changed refs dev/checkout:refs/heads/main
      changed repos dev/checkout
      "From the fork"
    POST ~/pulls {"title":"From the fork","head":"dev:main","base":"main"}
      201
      added pulls #3
      added refs acme/checkout:refs/pull/3/head
      added issues #3
      3 "dev:main" "acme:main" true "clean" false
    POST ~/pulls {"title":"Again","head":"dev:main","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"custom","message":"A pull request already exists for dev:main.","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"title":"x","head":"guest:main","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"invalid","field":"head","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    PUT ~/pulls/3/merge {}
      200
      changed pulls #3
      added events #event-15000000682
      changed issues #3
      added events #event-15000001441
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true
    GET ~/commits?per_page=1
      200
      "Merge pull request #3 from dev/main\n\nFrom the fork"
    "#);
}

#[test]
fn searches_know_pull_requests() {
    let mut clone = open("merge-conflict");
    let mut out = String::new();
    for query in [
        "is:issue",
        "is:pr",
        "is:pr+is:open",
        "is:pr+is:merged",
        "is:pr+is:closed+is:unmerged",
        "is:draft",
        "draft:false+is:open+is:pr",
        "head:tax",
        "base:release",
        "review:approved",
        "review:changes_requested",
        "review:none+is:open",
        "review:required",
        "reviewed-by:cart-lead",
        "review-requested:@me",
        "status:failure",
        "status:success",
        "merged:>2026-01-08",
        "linked:issue",
        "author:pay-dev+-is:open+is:pr",
        "retry",
    ] {
        let line =
            format!("GET /search/issues?q=repo:acme/checkout+{query}&sort=created&order=asc");
        let found = body(&send(clone.as_mut(), &line));
        let numbers: Vec<String> = found["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| item["number"].to_string())
            .collect();
        out.push_str(format!("{query}: {}", numbers.join(" ")).trim_end());
        out.push('\n');
    }
    insta::assert_snapshot!(out, @r#"
    is:issue: 7
    is:pr: 6 2 3 4 5 8 9 10
    is:pr+is:open: 2 4 5 8 9
    is:pr+is:merged: 3 10
    is:pr+is:closed+is:unmerged: 6
    is:draft: 5
    draft:false+is:open+is:pr: 2 4 8 9
    head:tax: 5
    base:release: 9 10
    review:approved: 4
    review:changes_requested: 2
    review:none+is:open: 5 8 9
    review:required:
    reviewed-by:cart-lead: 2 4
    review-requested:@me: 2
    status:failure: 8
    status:success: 4
    merged:>2026-01-08: 10
    linked:issue: 4
    author:pay-dev+-is:open+is:pr: 6 10
    retry: 3
    "#);
}

#[test]
fn a_repository_says_how_merges_are_named_and_what_becomes_of_heads() {
    let mut clone = protected(&json!({}));
    let out = run(
        clone.as_mut(),
        &[
            r#"PATCH ~ {"delete_branch_on_merge":true,"squash_merge_commit_title":"PR_TITLE","squash_merge_commit_message":"BLANK","merge_commit_title":"PR_TITLE","merge_commit_message":"BLANK"}"#,
            r#"PUT ~/pulls/1/merge {"merge_method":"squash"}"#,
            "GET ~/commits?per_page=1",
            "PUT ~/pulls/2/merge {}",
            "GET ~/commits?per_page=1",
            "GET ~/branches",
            "GET ~/git/matching-refs/pull",
            "GET ~/issues/2/events",
        ],
        &["/merged", "/commit/message", "/name", "/ref", "/event"],
    );
    insta::assert_snapshot!(out, @r#"
    PATCH ~ {"delete_branch_on_merge":true,"squash_merge_commit_title":"PR_TITLE","squash_merge_commit_message":"BLANK","merge_commit_title":"PR_TITLE","merge_commit_message":"BLANK"}
      200
      changed repos acme/checkout
      "checkout"
    PUT ~/pulls/1/merge {"merge_method":"squash"}
      200
      changed pulls #1
      added events #event-15000000682
      changed issues #1
      added events #event-15000001441
      added notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      added events #event-15000002208
      removed refs acme/checkout:refs/heads/three
      true
    GET ~/commits?per_page=1
      200
      "Three (#1)"
    PUT ~/pulls/2/merge {}
      200
      changed pulls #2
      added events #event-15000002913
      changed issues #2
      added events #event-15000003625
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      added events #event-15000003703
      removed refs acme/checkout:refs/heads/other
      true
    GET ~/commits?per_page=1
      200
      "Other (#2)"
    GET ~/branches
      200
      "main"
    GET ~/git/matching-refs/pull
      200
      "refs/pull/1/head"
      "refs/pull/2/head"
    GET ~/issues/2/events
      200
      "merged"
      "closed"
      "head_ref_deleted"
    "#);
}
