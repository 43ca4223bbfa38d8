//! Credentials, headers and conditional requests.

use jiff::SignedDuration;

use super::access::TOKEN;
use super::check::{base, json, open, request, send, send_unsigned};

const REPO: &str = "/repos/octocat/hello-service";

#[test]
fn callers_are_known_by_their_token_alone() {
    let mut clone = open("small-project");
    for (header, status, principal) in [
        (format!("token {TOKEN}"), 200, Some("octocat")),
        ("Bearer not-a-token".to_owned(), 401, None),
        ("Digest x".to_owned(), 401, None),
    ] {
        let mut request = request("GET /user");
        request.headers = vec![("authorization".to_owned(), header)];
        let response = clone.call(&request, base());
        assert_eq!(response.status, status);
        assert_eq!(response.principal.as_deref(), principal);
        if status == 401 {
            let text = String::from_utf8_lossy(&response.body.wire).into_owned();
            insta::allow_duplicates! {
                insta::assert_snapshot!(text, @r#"
                {"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}
                "#);
            }
        }
    }
    for (line, status) in [
        (format!("GET {REPO}/issues"), 200),
        ("GET /user".to_owned(), 401),
        ("GET /user/repos".to_owned(), 401),
        (
            format!(r#"PATCH {REPO}/issues/1 {{"state":"closed"}}"#),
            401,
        ),
        (format!("GET {REPO}x"), 404),
    ] {
        let response = send_unsigned(clone.as_mut(), &line);
        assert_eq!(response.status, status, "{line}");
        assert!(response.changes.is_empty());
        if status == 401 {
            assert_eq!(json(&response)["message"], "Requires authentication");
        }
    }
}

#[test]
fn every_answer_has_githubs_headers_and_only_the_reset_follows_the_clock() {
    let mut clone = open("small-project");
    let response = send(clone.as_mut(), &format!("GET {REPO}/issues?per_page=2"));
    let headers: Vec<String> = response
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    insta::assert_snapshot!(headers.join("\n"), @r#"
    link: <https://api.github.com/repos/octocat/hello-service/issues?per_page=2&page=2>; rel="next", <https://api.github.com/repos/octocat/hello-service/issues?per_page=2&page=3>; rel="last"
    etag: W/"e220a8397b1dcdaf991bdaaa527307abde491c6fc875001c9a62037cba19297f"
    server: github.com
    content-type: application/json; charset=utf-8
    cache-control: private, max-age=60, s-maxage=60
    vary: Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With
    x-oauth-scopes: read:org, repo, user
    x-accepted-oauth-scopes: repo
    x-github-media-type: github.v3; format=json
    x-github-api-version-selected: 2022-11-28
    x-ratelimit-limit: 5000
    x-ratelimit-remaining: 4999
    x-ratelimit-used: 1
    x-ratelimit-resource: core
    x-github-request-id: 0DD7:E45932:63CBE1:ABCE45:B8B4C297
    access-control-allow-origin: *
    access-control-expose-headers: ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used, X-RateLimit-Resource, X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, X-GitHub-Media-Type, X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset
    x-content-type-options: nosniff
    x-frame-options: deny
    "#);
    let volatile: Vec<&str> = response
        .volatile_headers
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(volatile, ["x-ratelimit-reset"]);
    let other = send(clone.as_mut(), "GET /search/issues?q=x");
    let header = |name: &str| {
        let found = other.headers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(header("x-ratelimit-resource"), Some("search"));
    assert_eq!(header("x-ratelimit-remaining"), Some("29"));
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let mut clone = open("small-project");
    for path in [
        "/issues?per_page=3",
        "/issues/1",
        "/labels",
        "",
        "/issues/1/comments",
    ] {
        let line = format!("GET {REPO}{path}");
        let tag = |response: &archal_core::clone::CloneResponse| {
            let found = response.headers.iter().find(|(name, _)| *name == "etag");
            found.expect("a tag").1.clone()
        };
        let first = tag(&send(clone.as_mut(), &line));
        let mut again = request(&line);
        again
            .headers
            .push(("if-none-match".to_owned(), first.clone()));
        let response = clone.call(&again, base() + SignedDuration::from_hours(9));
        assert_eq!(response.status, 304, "{line}");
        assert!(response.body.wire.is_empty() && response.body.evidence.is_empty());
        assert_eq!(tag(&response), first);
        // What it shows changes; so does the tag.
        send(
            clone.as_mut(),
            &format!(r#"POST {REPO}/issues/8/comments {{"body":"x"}}"#),
        );
        send(
            clone.as_mut(),
            &format!(r#"POST {REPO}/issues/1/comments {{"body":"x"}}"#),
        );
        send(
            clone.as_mut(),
            &format!(r#"POST {REPO}/issues {{"title":"x","labels":["at {path}"]}}"#),
        );
        assert_eq!(clone.call(&again, base()).status, 200, "{line}");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let mut clone = open("small-project");
    let response = send(clone.as_mut(), &format!("HEAD {REPO}/issues/1"));
    assert_eq!((response.status, response.body.wire.len()), (200, 0));
    assert_eq!(response.operation, Some("issues/get"));
}
