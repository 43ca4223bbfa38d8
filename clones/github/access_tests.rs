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
        request.headers[1].1 = header;
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
    etag: W/"e220a8397b1dcdaf254b5611abde5f795c529cd9683745714cae0511d61794c8"
    server: github.com
    content-type: application/json; charset=utf-8
    cache-control: private, max-age=60, s-maxage=60
    vary: Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With
    x-oauth-scopes: admin:enterprise, admin:gpg_key, admin:org, admin:org_hook, admin:public_key, admin:repo_hook, audit_log, codespace, copilot, delete:packages, delete_repo, gist, notifications, project, repo, user, workflow, write:discussion, write:network_configurations, write:packages
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

/// A clone of the small project, private where asked, with tokens of octocat and monalisa.
fn with_tokens(private: bool) -> Box<dyn archal_core::clone::ServiceClone> {
    let mut seed: serde_json::Value =
        serde_json::from_str(include_str!("seeds/small-project.json")).expect("JSON");
    seed["repos"][0]["private"] = private.into();
    seed["former_names"] =
        serde_json::json!([{"name": "octocat/old-service", "repo": "octocat/hello-service"}]);
    seed["tokens"] = serde_json::json!([
        {"name": "all", "scopes": ["repo", "gist", "read:org"]},
        {"name": "none"},
        {"name": "public", "scopes": ["public_repo"], "kind": "oauth"},
        {"name": "late", "scopes": ["repo"], "expired": true},
        {"name": "mona", "user": "monalisa", "scopes": ["repo"]},
        {"name": "fineRead", "kind": "fine-grained", "scopes": ["issues:read"], "repositories": ["octocat/hello-service"]},
        {"name": "fineWrite", "kind": "fine-grained", "scopes": ["issues:write"], "repositories": ["octocat/hello-service"]},
        {"name": "elsewhere", "kind": "fine-grained", "scopes": ["issues:write"], "repositories": []},
        {"name": "app", "user": "hubot-dev", "kind": "app-installation", "scopes": ["issues:write"]}
    ]);
    super::check::open_at(archal_core::clone::Seed::Document(&seed), base())
}

fn token(prefix: &str, name: &str, length: usize) -> String {
    let mut token = format!("{prefix}archalDummy{name}");
    while token.len() < length {
        token.push(if length == 93 && token.len() == 33 {
            '_'
        } else {
            '0'
        });
    }
    token
}

#[test]
fn tokens_do_what_their_scopes_allow() {
    let classic = |name| token("ghp_", name, 40);
    let fine = |name| token("github_pat_", name, 93);
    let read = format!("GET {REPO}");
    let write = format!(r#"PATCH {REPO}/issues/1 {{"title":"T"}}"#);
    let user = "GET /user".to_owned();
    // Status of reading and writing where the repository is public and where it is private.
    let cases = [
        (classic("all"), [200, 200, 200, 200, 200]),
        (classic("none"), [200, 200, 404, 404, 404]),
        (token("gho_", "public", 40), [200, 200, 200, 404, 404]),
        (classic("late"), [401, 401, 401, 401, 401]),
        (classic("unknown"), [401, 401, 401, 401, 401]),
        (classic("mona"), [200, 200, 403, 404, 404]),
        (fine("fineRead"), [200, 200, 403, 200, 403]),
        (fine("fineWrite"), [200, 200, 200, 200, 200]),
        (fine("elsewhere"), [200, 200, 403, 404, 404]),
        (token("ghs_", "app", 40), [200, 200, 200, 200, 200]),
    ];
    for (token, expected) in cases {
        let mut found = Vec::new();
        for (private, lines) in [
            (false, vec![&user, &read, &write]),
            (true, vec![&read, &write]),
        ] {
            let mut clone = with_tokens(private);
            for line in lines {
                let mut request = request(line);
                request.headers[1].1 = format!("Bearer {token}");
                found.push(clone.call(&request, base()).status);
            }
        }
        assert_eq!(found, expected, "{token}");
    }
}

#[test]
fn answers_name_what_a_token_may_and_what_an_operation_needs() {
    let mut clone = with_tokens(true);
    let mut headers = |token: String, line: &str| {
        let mut request = request(line);
        request.headers[1].1 = format!("token {token}");
        let response = clone.call(&request, base());
        let named = response
            .headers
            .iter()
            .filter(|(name, _)| name.contains("scopes") || name.contains("permissions"));
        let named: Vec<String> = named
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        format!("{} {}", response.status, named.join("; "))
    };
    let issue = format!("GET {REPO}/issues/1");
    insta::assert_snapshot!(headers(token("ghp_", "all", 40), &issue), @"200 x-oauth-scopes: repo, gist, read:org; x-accepted-oauth-scopes: repo");
    insta::assert_snapshot!(headers(token("ghp_", "none", 40), &issue), @"404 x-oauth-scopes: ; x-accepted-oauth-scopes: repo");
    insta::assert_snapshot!(headers(token("github_pat_", "fineRead", 93), &issue), @"200 x-accepted-github-permissions: issues=read");
    let write = format!(r#"PATCH {REPO}/issues/1 {{"title":"T"}}"#);
    insta::assert_snapshot!(headers(token("github_pat_", "fineRead", 93), &write), @"403 x-accepted-github-permissions: issues=write");
}

#[test]
fn a_repository_is_found_by_its_former_name_and_its_number() {
    let mut clone = with_tokens(false);
    let response = send(
        clone.as_mut(),
        "GET /repos/octocat/old-service/issues?per_page=2",
    );
    assert_eq!(response.status, 301);
    let location = response
        .headers
        .iter()
        .find(|(name, _)| *name == "location");
    let location = location.expect("a location").1.clone();
    assert_eq!(json(&response)["url"], location);
    let path = location
        .strip_prefix("https://api.github.com")
        .expect("an address");
    let response = send(clone.as_mut(), &format!("GET {path}"));
    assert_eq!(
        (response.status, response.operation),
        (200, Some("issues/list-for-repo"))
    );
    let write = r#"POST /repos/octocat/old-service/issues {"title":"T"}"#;
    assert_eq!(send(clone.as_mut(), write).status, 307);
    assert_eq!(send(clone.as_mut(), "GET /repositories/1").status, 404);
}

#[test]
fn requests_are_looked_at_before_their_operation() {
    let mut clone = open("small-project");
    let mut status = |line: &str, headers: &[(&str, &str)]| {
        let mut request = request(line);
        request.headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        clone.call(&request, base()).status
    };
    let agent = ("user-agent", "x");
    assert_eq!(status("GET /zen", &[]), 403);
    assert_eq!(status("GET /zen", &[agent]), 200);
    for (header, value, expected) in [
        ("x-github-api-version", "2022-11-28", 200),
        ("x-github-api-version", "2026-03-10", 200),
        ("x-github-api-version", "1999-01-01", 400),
        ("accept", "application/vnd.github.v3+json", 200),
        ("accept", "application/xml", 415),
        ("accept", "text/html, */*;q=0.1", 200),
    ] {
        let found = status("GET /users/octocat", &[agent, (header, value)]);
        assert_eq!(found, expected, "{header}: {value}");
    }
    assert_eq!(status("OPTIONS /user", &[agent]), 204);
}

#[test]
fn texts_are_answered_in_the_form_asked_for() {
    let mut clone = open("small-project");
    let mut fields = |accept: &str| {
        let mut request = request(&format!("GET {REPO}/issues/2"));
        request
            .headers
            .push(("accept".to_owned(), accept.to_owned()));
        let body = json(&clone.call(&request, base()));
        ["body", "body_text", "body_html"].map(|name| body[name].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(
        fields("application/json"),
        ["The README names `PORT` only.", "-", "-"]
    );
    assert_eq!(
        fields("application/vnd.github.text+json"),
        ["-", "The README names PORT only.", "-"]
    );
    assert_eq!(
        fields("application/vnd.github.v3.full+json"),
        [
            "The README names `PORT` only.",
            "The README names PORT only.",
            "<p>The README names <code>PORT</code> only.</p>"
        ]
    );
}

#[test]
fn limits_count_what_was_called() {
    let mut clone = open("small-project");
    for _ in 0..3 {
        send(clone.as_mut(), "GET /search/issues?q=x");
    }
    let response = send(clone.as_mut(), "GET /rate_limit");
    let found = json(&response);
    assert_eq!(found["resources"]["search"]["remaining"], 27);
    let evidence = String::from_utf8_lossy(&response.body.evidence).into_owned();
    assert!(
        evidence.contains(r#""search":{"limit":30,"used":3,"remaining":27,"reset":"+run"}"#),
        "{evidence}"
    );
}
