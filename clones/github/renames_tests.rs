//! What a renamed repository takes along, as a client meets it.

use super::content_tests::history;

#[test]
fn a_renamed_repository_takes_all_it_has_along() {
    let out = history(
        &[
            r#"POST ~/issues {"title":"Stays"}"#,
            r#"POST ~/issues/1/comments {"body":"C"}"#,
            r#"PATCH ~ {"name":"bye"}"#,
            "GET ~/issues/1",
            "GET /repos/octocat/bye/issues/1",
            "GET /repos/octocat/bye/issues/1/comments",
            "GET /repos/octocat/bye/releases/11/assets",
            "GET /repos/octocat/bye/contents/README.md",
            "GET /repos/octocat/bye/branches/held",
            "GET /repos/octocat/bye/check-runs/31",
            r#"POST /user/repos {"name":"hello"}"#,
            "GET ~",
        ],
        &[
            "/full_name",
            "/title",
            "/body",
            "/path",
            "/name",
            "/protected",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/issues {"title":"Stays"}
      201
      added issues octocat/hello#1
      "Stays" null
    POST ~/issues/1/comments {"body":"C"}
      201
      added comments octocat/hello#issuecomment-1900000642
      changed issues octocat/hello#1
      "C"
    PATCH ~ {"name":"bye"}
      200
      removed repos octocat/hello
      added repos octocat/bye
      changed tokens checks
      removed refs octocat/hello:refs/heads/clash
      added refs octocat/bye:refs/heads/clash
      removed refs octocat/hello:refs/heads/feature
      added refs octocat/bye:refs/heads/feature
      removed refs octocat/hello:refs/heads/held
      added refs octocat/bye:refs/heads/held
      removed refs octocat/hello:refs/heads/main
      added refs octocat/bye:refs/heads/main
      removed refs octocat/hello:refs/tags/v1.0.0
      added refs octocat/bye:refs/tags/v1.0.0
      removed issues octocat/hello#1
      added issues octocat/bye#1
      removed comments octocat/hello#issuecomment-1900000642
      added comments octocat/bye#issuecomment-1900000642
      removed branch_protections octocat/hello:held
      added branch_protections octocat/bye:held
      removed releases octocat/hello:11
      added releases octocat/bye:11
      removed release_assets octocat/hello:21
      added release_assets octocat/bye:21
      removed statuses octocat/hello:32000000138
      added statuses octocat/bye:32000000138
      removed check_suites octocat/hello:41000000502
      added check_suites octocat/bye:41000000502
      removed check_runs octocat/hello:31
      added check_runs octocat/bye:31
      removed deploy_keys octocat/hello:41
      added deploy_keys octocat/bye:41
      removed hooks octocat/hello:51
      added hooks octocat/bye:51
      removed repo_invitations octocat/hello:61
      added repo_invitations octocat/bye:61
      added former_names octocat/hello
      "octocat/bye" "bye"
    GET ~/issues/1
      301
    GET /repos/octocat/bye/issues/1
      200
      "Stays" null
    GET /repos/octocat/bye/issues/1/comments
      200
      "C"
    GET /repos/octocat/bye/releases/11/assets
      200
      "hello.txt"
    GET /repos/octocat/bye/contents/README.md
      200
      "README.md" "README.md"
    GET /repos/octocat/bye/branches/held
      200
      "held" true
    GET /repos/octocat/bye/check-runs/31
      200
      "build"
    POST /user/repos {"name":"hello"}
      201
      removed former_names octocat/hello
      added repos octocat/hello
      added labels octocat/hello:bug
      added labels octocat/hello:documentation
      added labels octocat/hello:duplicate
      added labels octocat/hello:enhancement
      added labels octocat/hello:good first issue
      added labels octocat/hello:help wanted
      added labels octocat/hello:invalid
      added labels octocat/hello:question
      added labels octocat/hello:wontfix
      "octocat/hello" "hello"
    GET ~
      200
      "octocat/hello" "hello"
    "#);
}
