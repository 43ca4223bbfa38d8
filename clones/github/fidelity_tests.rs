//! What those who know the service look for: roles, tokens, and what follows from a change.

use archal_core::clone::{Seed, ServiceClone};
use serde_json::json;

use super::check::{base, json as body, open_at, send};

/// An organisation with an owner, the actor as a member, and a repository with a pull request.
fn organisation() -> Box<dyn ServiceClone> {
    let document = json!({
        "actor": "dev",
        "users": [
            {"login": "acme", "type": "Organization", "default_repository_permission": "read"},
            {"login": "dev", "email": "dev@acme.test"},
            {"login": "lead"},
            {"login": "guest"},
            {"login": "other", "type": "Organization"}
        ],
        "org_members": [
            {"org": "acme", "user": "lead", "role": "admin"},
            {"org": "acme", "user": "dev", "role": "member"},
            {"org": "acme", "user": "guest", "role": "member"},
            {"org": "other", "user": "lead", "role": "admin"}
        ],
        "repos": [
            {"full_name": "acme/shop", "permission": "admin", "collaborators": ["guest"],
             "collaborator_roles": ["guest:maintain"], "files": {"a.txt": "one\n"}},
            {"full_name": "lead/tool", "files": {"b.txt": "needle\n"}}
        ],
        "issues": [
            {"repo": "acme/shop", "number": 1, "title": "One"},
            {"repo": "lead/tool", "number": 1, "title": "Elsewhere"}
        ],
        "pulls": [{"repo": "acme/shop", "number": 2, "title": "Two", "head": "two", "user": "guest",
                   "files": {"a.txt": "one\ntwo\n"}}],
        "tokens": [
            {"name": "plain", "scopes": ["repo"]},
            {"name": "guest", "user": "guest", "scopes": ["repo", "admin:org"]},
            {"name": "lead", "user": "lead", "scopes": ["repo", "admin:org"]}
        ]
    });
    open_at(Seed::Document(&document), base())
}

/// The header of a classic token.
fn by(name: &str) -> String {
    format!("<authorization: Bearer ghp_archalDummy{name:0<25}>")
}

/// The statuses of requests sent one after the other.
fn statuses(clone: &mut dyn ServiceClone, lines: &[&str]) -> Vec<u16> {
    let lines = lines.iter().map(|line| send(clone, line).status);
    lines.collect()
}

#[test]
fn only_deleting_a_repository_takes_the_scope_for_it() {
    let mut clone = organisation();
    let plain = by("plain");
    for (line, status) in [
        ("DELETE /repos/acme/shop/branches/main/protection", 404),
        ("DELETE /repos/acme/shop/collaborators/guest", 204),
        ("DELETE /repos/acme/shop", 403),
    ] {
        let response = send(clone.as_mut(), &format!("{line} {plain}"));
        assert_eq!(response.status, status, "{line} {}", body(&response));
    }
    let sha = body(&send(clone.as_mut(), "GET /repos/acme/shop/contents/a.txt"));
    let line = format!(
        r#"DELETE /repos/acme/shop/contents/a.txt {plain} {{"message":"Go","sha":{}}}"#,
        sha["sha"]
    );
    assert_eq!(send(clone.as_mut(), &line).status, 200);
}

#[test]
fn a_renamed_base_keeps_its_pull_requests_open() {
    let mut clone = organisation();
    let lines = [
        r#"POST /repos/acme/shop/releases {"tag_name":"v1","draft":true,"target_commitish":"main"}"#,
        r#"POST /repos/acme/shop/branches/main/rename {"new_name":"trunk"}"#,
    ];
    assert_eq!(statuses(clone.as_mut(), &lines), [201, 201]);
    let pull = body(&send(clone.as_mut(), "GET /repos/acme/shop/pulls/2"));
    assert_eq!(
        (&pull["state"], &pull["base"]["ref"]),
        (&json!("open"), &json!("trunk"))
    );
    let releases = body(&send(clone.as_mut(), "GET /repos/acme/shop/releases"));
    assert_eq!(releases[0]["target_commitish"], "trunk");
}

#[test]
fn a_word_that_must_not_be_there_leaves_no_repository_out() {
    let mut clone = organisation();
    for (query, count) in [
        ("needle+NOT+absent+repo:lead/tool", 1),
        ("needle+-repo:lead/tool", 0),
        ("needle+-repo:acme/shop", 1),
        ("needle+user:acme", 0),
    ] {
        let found = body(&send(
            clone.as_mut(),
            &format!("GET /search/code?q={query}"),
        ));
        assert_eq!(found["total_count"], count, "{query}");
    }
}

#[test]
fn odd_revisions_and_times_are_answered() {
    let mut clone = organisation();
    let lines = [
        "GET /repos/acme/shop/contents/a.txt?ref=main~%C3%A9",
        "GET /repos/acme/shop/commits/main~99999999999999999999",
        "GET /repos/acme/shop/actions/runs?created=9999-12-30",
    ];
    let found = statuses(clone.as_mut(), &lines);
    assert!(
        found[..2].iter().all(|status| matches!(status, 404 | 422)),
        "{found:?}"
    );
    assert_eq!(found[2], 200);
}

#[test]
fn the_highest_role_counts_and_roles_can_be_assigned() {
    let mut clone = organisation();
    let line = "GET /repos/acme/shop/collaborators/guest/permission";
    assert_eq!(body(&send(clone.as_mut(), line))["role_name"], "maintain");
    let lines = [
        "GET /repos/acme/shop/assignees/guest",
        "GET /repos/acme/shop/assignees/lead",
        "GET /repos/acme/shop/assignees/dev",
        r#"POST /orgs/acme/repos {"name":"new"}"#,
        "GET /repos/acme/new/assignees/dev",
        "GET /repos/acme/new/assignees/lead",
    ];
    assert_eq!(
        statuses(clone.as_mut(), &lines),
        [204, 204, 204, 201, 204, 204]
    );
    let lead = by("lead");
    let made = send(
        clone.as_mut(),
        &format!(r#"POST /user/repos {lead} {{"name":"own"}}"#),
    );
    assert_eq!(made.status, 201);
    // The actor may only read what somebody else made.
    let found = body(&send(clone.as_mut(), "GET /repos/lead/own"));
    assert_eq!(found["permissions"]["push"], false);
}

#[test]
fn repositories_go_only_into_organisations_of_the_caller() {
    let mut clone = organisation();
    for line in [
        r#"POST /orgs/other/repos {"name":"new"}"#,
        r#"POST /repos/acme/shop/forks {"organization":"other"}"#,
        r#"POST /repos/acme/shop/transfer {"new_owner":"other"}"#,
    ] {
        let response = send(clone.as_mut(), line);
        assert_eq!(response.status, 403, "{line}");
        let message = "You need admin access to the organization before adding a repository to it.";
        assert_eq!(body(&response)["message"], message);
    }
}

#[test]
fn commits_close_issues_of_repositories_that_their_author_may_write_to() {
    let mut clone = organisation();
    let line = r#"PUT /repos/acme/shop/contents/c.txt {"message":"Fixes #1, closes lead/tool#1","content":"Yw=="}"#;
    assert_eq!(send(clone.as_mut(), line).status, 201);
    let state = |clone: &mut dyn ServiceClone, of: &str| {
        body(&send(clone, &format!("GET /repos/{of}/issues/1")))["state"].clone()
    };
    assert_eq!(state(clone.as_mut(), "acme/shop"), "closed");
    assert_eq!(state(clone.as_mut(), "lead/tool"), "open");
}

#[test]
fn who_may_push_to_a_branch_may_merge_into_it() {
    let mut clone = organisation();
    let rules = r#"PUT /repos/acme/shop/branches/main/protection {"required_status_checks":null,"enforce_admins":true,"required_pull_request_reviews":null,"restrictions":{"users":["guest"],"teams":[]}}"#;
    assert_eq!(send(clone.as_mut(), rules).status, 200);
    let merge = "PUT /repos/acme/shop/pulls/2/merge";
    assert_eq!(send(clone.as_mut(), &format!("{merge} {{}}")).status, 405);
    let guest = by("guest");
    assert_eq!(
        send(clone.as_mut(), &format!("{merge} {guest} {{}}")).status,
        200
    );
}

#[test]
fn an_organisation_keeps_an_owner_and_its_teams_only_members() {
    let mut clone = organisation();
    let lead = by("lead");
    let mut status =
        |line: &str, rest: &str| send(clone.as_mut(), &format!("{line} {lead} {rest}")).status;
    assert_eq!(status("POST /orgs/acme/teams", r#"{"name":"Crew"}"#), 201);
    assert_eq!(
        status("PUT /orgs/acme/teams/crew/memberships/guest", "{}"),
        200
    );
    assert_eq!(
        status("PUT /orgs/acme/teams/crew/repos/acme/shop", "{}"),
        204
    );
    assert_eq!(status("DELETE /orgs/acme/members/lead", ""), 403);
    assert_eq!(
        status("PUT /orgs/acme/memberships/lead", r#"{"role":"member"}"#),
        403
    );
    assert_eq!(status("DELETE /orgs/acme/members/guest", ""), 204);
    assert_eq!(
        status("GET /orgs/acme/teams/crew/memberships/guest", ""),
        404
    );
}

#[test]
fn lists_of_own_repositories_are_told_apart_by_how_they_are_own() {
    let mut clone = organisation();
    for (query, names) in [
        ("", vec!["acme/shop"]),
        ("?affiliation=owner", vec![]),
        ("?affiliation=owner,organization_member", vec!["acme/shop"]),
        ("?type=member", vec!["acme/shop"]),
        ("?affiliation=collaborator", vec![]),
    ] {
        let found = body(&send(clone.as_mut(), &format!("GET /user/repos{query}")));
        let found: Vec<&str> = found
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["full_name"].as_str())
            .collect();
        assert_eq!(found, names, "{query}");
    }
    let both = "GET /user/repos?type=owner&affiliation=owner";
    assert_eq!(send(clone.as_mut(), both).status, 422);
}
