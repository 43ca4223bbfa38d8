//! Stars, followers, organisations and teams as a client meets them.

use archal_core::clone::{Seed, ServiceClone};
use serde_json::json;

use super::check::{base, check, json as body, open, open_at, request, send};

#[test]
fn stars_and_followers_are_counted_once() {
    let mut clone = open("small-project");
    let out = check(
        clone.as_mut(),
        &[
            "PUT /user/starred/octocat/hello-service",
            "PUT /user/starred/octocat/hello-service",
            "GET /repos/octocat/hello-service",
            "PUT /user/following/monalisa",
            "PUT /user/following/monalisa",
            "GET /users/monalisa",
            "DELETE /user/following/monalisa",
            "DELETE /user/following/monalisa",
            "GET /users/monalisa",
        ],
        &["/stargazers_count", "/followers"],
    );
    insta::assert_snapshot!(out, @r"
    PUT /user/starred/octocat/hello-service
      204
      added stars octocat/octocat/hello-service
      changed repos octocat/hello-service
    PUT /user/starred/octocat/hello-service
      204
    GET /repos/octocat/hello-service
      200
      15
    PUT /user/following/monalisa
      204
      added follows octocat/monalisa
      changed users octocat
      changed users monalisa
    PUT /user/following/monalisa
      204
    GET /users/monalisa
      200
      1
    DELETE /user/following/monalisa
      204
      removed follows octocat/monalisa
      changed users octocat
      changed users monalisa
    DELETE /user/following/monalisa
      204
    GET /users/monalisa
      200
      0
    ");
    let mut request = request("GET /user/starred");
    let kind = "application/vnd.github.v3.star+json";
    request.headers.push(("accept".to_owned(), kind.to_owned()));
    let starred = body(&clone.call(&request, base()));
    assert_eq!(starred[0]["starred_at"], "2026-01-10T12:01:00Z");
    assert_eq!(starred[0]["repo"]["full_name"], "octocat/hello-service");
}

/// An organisation with a private repository, an owner, a member and a stranger.
fn organisation() -> Box<dyn ServiceClone> {
    let seed = json!({
        "actor": "owner",
        "users": [
            {"login": "acme", "type": "Organization", "default_repository_permission": "none"},
            {"login": "owner"}, {"login": "dev"}, {"login": "stranger"}
        ],
        "org_members": [
            {"org": "acme", "user": "owner", "role": "admin"},
            {"org": "acme", "user": "dev", "public": true}
        ],
        "repos": [{"full_name": "acme/secret", "private": true}],
        "teams": [{"org": "acme", "name": "Core", "members": ["dev"], "privacy": "secret"}],
        "tokens": [
            {"name": "dev", "user": "dev", "scopes": ["repo", "read:org"]},
            {"name": "stranger", "user": "stranger", "scopes": ["repo", "admin:org"]}
        ]
    });
    open_at(Seed::Document(&seed), base())
}

#[test]
fn teams_give_what_members_may_and_show_to_whom_they_concern() {
    let mut clone = organisation();
    let as_user = |clone: &mut dyn ServiceClone, user: &str, line: &str| {
        let mut request = request(line);
        let mut token = format!("ghp_archalDummy{user}");
        while token.len() < 40 {
            token.push('0');
        }
        request.headers[1].1 = format!("token {token}");
        clone.call(&request, base()).status
    };
    let clone = clone.as_mut();
    assert_eq!(as_user(clone, "dev", "GET /repos/acme/secret"), 404);
    let give = r#"PUT /orgs/acme/teams/core/repos/acme/secret {"permission":"push"}"#;
    assert_eq!(as_user(clone, "dev", give), 403);
    assert_eq!(send(clone, give).status, 204);
    assert_eq!(as_user(clone, "dev", "GET /repos/acme/secret"), 200);
    let label = r#"POST /repos/acme/secret/labels {"name":"x"}"#;
    assert_eq!(as_user(clone, "dev", label), 201);
    assert_eq!(as_user(clone, "dev", "GET /orgs/acme/teams/core"), 200);
    assert_eq!(as_user(clone, "stranger", "GET /orgs/acme/teams/core"), 404);
    assert_eq!(as_user(clone, "stranger", "GET /repos/acme/secret"), 404);
    assert_eq!(
        as_user(clone, "stranger", "GET /orgs/acme/members/dev"),
        302
    );
    assert_eq!(as_user(clone, "dev", "DELETE /orgs/acme/members/dev"), 403);
    let members = body(&send(clone, "GET /orgs/acme/members?role=member"));
    assert_eq!(members[0]["login"], "dev");
    assert_eq!(send(clone, "DELETE /orgs/acme/teams/core").status, 204);
    assert_eq!(as_user(clone, "dev", "GET /repos/acme/secret"), 404);
}
