//! Releases with their files, statuses and checks as a client meets them.

use super::content_tests::history;

#[test]
fn releases_have_tags_and_one_of_them_is_the_latest() {
    let out = history(
        &[
            "GET ~/releases/latest",
            r#"POST ~/releases {"tag_name":"v2.0.0","prerelease":true}"#,
            "GET ~/releases/latest",
            r#"POST ~/releases {"tag_name":"v1.1.0","target_commitish":"feature"}"#,
            "GET ~/releases/latest",
            r#"POST ~/releases {"tag_name":"v0.9.1","make_latest":"false","generate_release_notes":true}"#,
            "GET ~/releases/latest",
            "GET ~/tags",
            r#"POST ~/releases {"tag_name":"v3.0.0","draft":true}"#,
            "GET ~/releases/tags/v3.0.0",
            "GET ~/releases?per_page=2",
            "GET ~/git/ref/tags/v3.0.0",
        ],
        &[
            "/tag_name",
            "/draft",
            "/html_url",
            "/created_at",
            "/name",
            "/body",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/releases/latest
      200
      "v1.0.0" false "https://github.com/octocat/hello/releases/tag/v1.0.0" "-15d" "One" "First"
    POST ~/releases {"tag_name":"v2.0.0","prerelease":true}
      201
      added refs octocat/hello:refs/tags/v2.0.0
      changed repos octocat/hello
      added releases octocat/hello:190000376
      "v2.0.0" false "https://github.com/octocat/hello/releases/tag/v2.0.0" "-8d" null null
    GET ~/releases/latest
      200
      "v1.0.0" false "https://github.com/octocat/hello/releases/tag/v1.0.0" "-15d" "One" "First"
    POST ~/releases {"tag_name":"v1.1.0","target_commitish":"feature"}
      201
      added refs octocat/hello:refs/tags/v1.1.0
      changed repos octocat/hello
      added releases octocat/hello:190000741
      "v1.1.0" false "https://github.com/octocat/hello/releases/tag/v1.1.0" "-10d" null null
    GET ~/releases/latest
      200
      "v1.1.0" false "https://github.com/octocat/hello/releases/tag/v1.1.0" "-10d" null null
    POST ~/releases {"tag_name":"v0.9.1","make_latest":"false","generate_release_notes":true}
      201
      added refs octocat/hello:refs/tags/v0.9.1
      changed repos octocat/hello
      added releases octocat/hello:190001715
      "v0.9.1" false "https://github.com/octocat/hello/releases/tag/v0.9.1" "-8d" "v0.9.1" "**Full Changelog**: https://github.com/octocat/hello/compare/v1.1.0...v0.9.1"
    GET ~/releases/latest
      200
      "v1.1.0" false "https://github.com/octocat/hello/releases/tag/v1.1.0" "-10d" null null
    GET ~/tags
      200
      "v2.0.0"
      "v1.1.0"
      "v1.0.0"
      "v0.9.1"
    POST ~/releases {"tag_name":"v3.0.0","draft":true}
      201
      added releases octocat/hello:190002505
      "v3.0.0" true "https://github.com/octocat/hello/releases/tag/untagged-a8e05d21fd14b600b600" "+run" null null
    GET ~/releases/tags/v3.0.0
      404
      {"documentation_url":"https://docs.github.com/rest/releases/releases#get-a-release-by-tag-name","message":"Not Found","status":"404"}
    GET ~/releases?per_page=2
      200
      "v3.0.0" true "https://github.com/octocat/hello/releases/tag/untagged-a8e05d21fd14b600b600" "+run" null null
      "v0.9.1" false "https://github.com/octocat/hello/releases/tag/v0.9.1" "-8d" "v0.9.1" "**Full Changelog**: https://github.com/octocat/hello/compare/v1.1.0...v0.9.1"
    GET ~/git/ref/tags/v3.0.0
      404
      {"documentation_url":"https://docs.github.com/rest/git/refs#get-a-reference","message":"Not Found","status":"404"}
    "#);
}

#[test]
fn statuses_and_checks_come_to_one_outcome() {
    let app = "<authorization: Bearer ghs_archalDummychecks0000000000000000000>";
    let lines = [
        "GET ~/commits/main/status".to_owned(),
        r#"POST ~/statuses/main {"state":"pending","context":"lint"}"#.to_owned(),
        "GET ~/commits/main/status".to_owned(),
        r#"POST ~/statuses/main {"state":"error","context":"lint","description":"broke"}"#
            .to_owned(),
        "GET ~/commits/main/status".to_owned(),
        "GET ~/commits/main/statuses".to_owned(),
        format!(
            r#"POST ~/check-runs {app} {{"name":"late","head_sha":"feature","status":"completed"}}"#
        ),
        format!(
            r#"POST ~/check-runs {app} {{"name":"late","head_sha":"feature","conclusion":"success"}}"#
        ),
        r#"POST ~/check-runs {"name":"late","head_sha":"feature"}"#.to_owned(),
        "GET ~/commits/feature/check-suites".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let out = history(
        &lines,
        &[
            "/state",
            "/context",
            "/description",
            "/status",
            "/conclusion",
            "/check_suites/0/conclusion",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/commits/main/status
      200
      "success"
    POST ~/statuses/main {"state":"pending","context":"lint"}
      201
      added statuses octocat/hello:32000000447
      "pending" "lint" null
    GET ~/commits/main/status
      200
      "pending"
    POST ~/statuses/main {"state":"error","context":"lint","description":"broke"}
      201
      added statuses octocat/hello:32000001290
      "error" "lint" "broke"
    GET ~/commits/main/status
      200
      "failure"
    GET ~/commits/main/statuses
      200
      "error" "lint" "broke"
      "pending" "lint" null
      "success" "ci" null
    POST ~/check-runs <authorization: Bearer ghs_archalDummychecks0000000000000000000> {"name":"late","head_sha":"feature","status":"completed"}
      422
      {"documentation_url":"https://docs.github.com/rest/reference/checks#create-a-check-run","errors":[{"code":"missing_field","field":"conclusion","resource":"CheckRun"}],"message":"Validation Failed","status":"422"}
    POST ~/check-runs <authorization: Bearer ghs_archalDummychecks0000000000000000000> {"name":"late","head_sha":"feature","conclusion":"success"}
      201
      added check_suites octocat/hello:41000000585
      added check_runs octocat/hello:52000000030
      "completed" "success"
    POST ~/check-runs {"name":"late","head_sha":"feature"}
      403
      {"documentation_url":"https://docs.github.com/rest/reference/checks#create-a-check-run","message":"You must authenticate via a GitHub App.","status":"403"}
    GET ~/commits/feature/check-suites
      200
      "success"
    "#);
}
