//! Pull requests as a client meets them.

use super::check::{check, open};

/// A history of calls below the repository of `merge-conflict`.
fn history(lines: &[&str], shown: &[&str]) -> String {
    let mut clone = open("merge-conflict");
    let repo = "/repos/acme/checkout";
    let lines: Vec<String> = lines.iter().map(|line| line.replace('~', repo)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(clone.as_mut(), &lines, shown)
        .replace(repo, "~")
        .replace("acme/checkout#", "#")
}

#[test]
fn lists_take_every_filter_and_order() {
    let out = history(
        &[
            "GET ~/pulls",
            "GET ~/pulls?state=closed",
            "GET ~/pulls?state=all&sort=updated&direction=desc",
            "GET ~/pulls?state=all&sort=popularity",
            "GET ~/pulls?head=acme:tax-by-country",
            "GET ~/pulls?head=tax-by-country&per_page=1",
            "GET ~/pulls?base=other",
            "GET ~/pulls?state=ajar",
            "GET ~/pulls/4",
            "GET ~/pulls/2",
            "GET ~/pulls/5",
            "GET ~/pulls/3",
            "GET ~/pulls/8",
            "GET ~/pulls/9",
            "GET ~/pulls/4/files",
            "GET ~/pulls/4/commits",
            "GET ~/pulls/7",
            "GET ~/issues?state=all&per_page=100",
        ],
        &[
            "/number",
            "/state",
            "/mergeable",
            "/mergeable_state",
            "/commits",
            "/additions",
            "/deletions",
            "/changed_files",
            "/pull_request/merged_at",
            "/filename",
            "/patch",
            "/commit/message",
            "/commit/author",
            "/author/login",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/pulls
      200
      9 "open"
      8 "open"
      5 "open"
      4 "open"
      2 "open"
    GET ~/pulls?state=closed
      200
      10 "closed"
      3 "closed"
      6 "closed"
    GET ~/pulls?state=all&sort=updated&direction=desc
      200
      10 "closed"
      9 "open"
      8 "open"
      5 "open"
      4 "open"
      2 "open"
      3 "closed"
      6 "closed"
    GET ~/pulls?state=all&sort=popularity
      200
      3 "closed"
      4 "open"
      5 "open"
      6 "closed"
      8 "open"
      9 "open"
      10 "closed"
      2 "open"
    GET ~/pulls?head=acme:tax-by-country
      200
      5 "open"
    GET ~/pulls?head=tax-by-country&per_page=1
      200
      9 "open"
    GET ~/pulls?base=other
      200
    GET ~/pulls?state=ajar
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#list-pull-requests","errors":[{"code":"invalid","field":"state","resource":"PullRequest","value":"ajar"}],"message":"Validation Failed","status":"422"}
    GET ~/pulls/4
      200
      4 "open" true "clean" 1 4 0 1
    GET ~/pulls/2
      200
      2 "open" false "dirty" 1 1 1 1
    GET ~/pulls/5
      200
      5 "open" true "draft" 1 4 2 1
    GET ~/pulls/3
      200
      3 "closed" null "unknown" 1 2 2 1
    GET ~/pulls/8
      200
      8 "open" true "unstable" 1 1 1 1
    GET ~/pulls/9
      200
      9 "open" true "behind" 1 1 0 1
    GET ~/pulls/4/files
      200
      4 0 "src/cart.js" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;\n+}"
    GET ~/pulls/4/commits
      200
      "Flag large orders" {"date":"-9d","email":"dev@acme.test","name":"Acme developer"} "acme-dev"
    GET ~/pulls/7
      404
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#get-a-pull-request","message":"Not Found","status":"404"}
    GET ~/issues?state=all&per_page=100
      200
      10 "closed" "-1d"
      9 "open" null
      8 "open" null
      5 "open" null
      4 "open" null
      3 "closed" "-6d"
      2 "open" null
      7 "open"
      6 "closed" null
    "#);
}

#[test]
fn a_pull_request_is_opened_from_what_is_ahead() {
    let out = history(
        &[
            r#"POST ~/pulls {"title":"Again","head":"drop-tax","base":"main","body":"Twice"}"#,
            r#"POST ~/pulls {"title":"Again","head":"acme:drop-tax","base":"main"}"#,
            r#"POST ~/pulls {"title":"Into release","head":"flag-large-orders","base":"release","draft":true}"#,
            r#"POST ~/pulls {"title":"x","head":"main","base":"main"}"#,
            r#"POST ~/pulls {"title":"x","head":"nothing","base":"main"}"#,
            r#"POST ~/pulls {"title":"x","head":"drop-tax","base":"nothing"}"#,
            r#"POST ~/pulls {"title":"x","head":"nobody:main","base":"main"}"#,
            r#"POST ~/pulls {"head":"drop-tax","base":"release"}"#,
            r#"POST ~/pulls {"title":"x","base":"main"}"#,
            r#"POST ~/pulls {"issue":7,"head":"drop-tax","base":"release"}"#,
            r#"POST ~/pulls {"issue":7,"head":"tax-by-country","base":"release"}"#,
            "GET ~/issues/7",
            "GET ~/pulls/7",
        ],
        &[
            "/number",
            "/title",
            "/state",
            "/draft",
            "/head/label",
            "/base/label",
            "/user/login",
            "/mergeable_state",
            "/pull_request/url",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/pulls {"title":"Again","head":"drop-tax","base":"main","body":"Twice"}
      201
      added pulls #11
      added refs acme/checkout:refs/pull/11/head
      added issues #11
      11 "Again" "open" false "acme:drop-tax" "acme:main" "acme-dev" "clean"
    POST ~/pulls {"title":"Again","head":"acme:drop-tax","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"custom","message":"A pull request already exists for acme:drop-tax.","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"title":"Into release","head":"flag-large-orders","base":"release","draft":true}
      201
      added pulls #12
      added refs acme/checkout:refs/pull/12/head
      added issues #12
      12 "Into release" "open" true "acme:flag-large-orders" "acme:release" "acme-dev" "draft"
    POST ~/pulls {"title":"x","head":"main","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"custom","message":"No commits between main and main","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"title":"x","head":"nothing","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"invalid","field":"head","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"title":"x","head":"drop-tax","base":"nothing"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"invalid","field":"base","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"title":"x","head":"nobody:main","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"invalid","field":"head","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"head":"drop-tax","base":"release"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"missing_field","field":"title","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls {"title":"x","base":"main"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","message":"Invalid request.\n\n\"head\" wasn't supplied.","status":"422"}
    POST ~/pulls {"issue":7,"head":"drop-tax","base":"release"}
      201
      added pulls #7
      added refs acme/checkout:refs/pull/7/head
      changed issues #7
      7 "Orders of 1000 EUR and more need a second look" "open" false "acme:drop-tax" "acme:release" "cart-lead" "behind"
    POST ~/pulls {"issue":7,"head":"tax-by-country","base":"release"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#create-a-pull-request","errors":[{"code":"invalid","field":"issue","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    GET ~/issues/7
      200
      7 "Orders of 1000 EUR and more need a second look" "open" false "cart-lead" "https://api.github.com~/pulls/7"
    GET ~/pulls/7
      200
      7 "Orders of 1000 EUR and more need a second look" "open" false "acme:drop-tax" "acme:release" "cart-lead" "behind"
    "#);
}

#[test]
fn closed_is_opened_again_while_its_head_is_there() {
    let out = history(
        &[
            r#"PATCH ~/pulls/4 {"title":"Flag very large orders","body":null,"state":"closed"}"#,
            "GET ~/issues/4/events",
            r#"PATCH ~/pulls/4 {"state":"open"}"#,
            r#"PATCH ~/issues/4 {"state":"closed"}"#,
            r#"PATCH ~/issues/4 {"state":"open"}"#,
            r#"PATCH ~/pulls/3 {"state":"open"}"#,
            r#"PATCH ~/issues/3 {"state":"open"}"#,
            r#"PATCH ~/pulls/4 {"base":"release"}"#,
            r#"PATCH ~/pulls/4 {"base":"nothing"}"#,
            r#"PATCH ~/pulls/6 {"base":"release"}"#,
            r#"PATCH ~/pulls/4 {"state":"ajar"}"#,
            r#"PATCH ~/pulls/4 {"title":" "}"#,
            "DELETE ~/git/refs/heads/flag-large-orders",
            r#"PATCH ~/pulls/4 {"state":"open"}"#,
        ],
        &[
            "/event",
            "/rename",
            "/number",
            "/title",
            "/body",
            "/state",
            "/state_reason",
            "/base/ref",
            "/mergeable_state",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    PATCH ~/pulls/4 {"title":"Flag very large orders","body":null,"state":"closed"}
      200
      changed issues #4
      added events #event-15000000682
      added events #event-15000001441
      4 "Flag very large orders" null "closed" "main" "unknown"
    GET ~/issues/4/events
      200
      "renamed" {"from":"Flag large orders","to":"Flag very large orders"}
      "closed" null
    PATCH ~/pulls/4 {"state":"open"}
      200
      changed issues #4
      added events #event-15000002208
      4 "Flag very large orders" null "open" "main" "clean"
    PATCH ~/issues/4 {"state":"closed"}
      200
      changed issues #4
      added events #event-15000002913
      4 "Flag very large orders" null "closed" null
    PATCH ~/issues/4 {"state":"open"}
      200
      changed issues #4
      added events #event-15000003625
      4 "Flag very large orders" null "open" null
    PATCH ~/pulls/3 {"state":"open"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request","errors":[{"code":"invalid","field":"state","message":"state cannot be changed. The pull request is merged.","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    PATCH ~/issues/3 {"state":"open"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#update-an-issue","errors":[{"code":"invalid","field":"state","message":"state cannot be changed. The pull request is merged.","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    PATCH ~/pulls/4 {"base":"release"}
      200
      changed pulls #4
      changed issues #4
      added events #event-15000003703
      4 "Flag very large orders" null "open" "release" "behind"
    PATCH ~/pulls/4 {"base":"nothing"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request","errors":[{"code":"invalid","field":"base","message":"Proposed base branch 'nothing' was not found","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    PATCH ~/pulls/6 {"base":"release"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request","errors":[{"code":"invalid","field":"base","message":"Cannot change the base branch of a closed pull request.","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    PATCH ~/pulls/4 {"state":"ajar"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request","errors":[{"code":"invalid","field":"state","resource":"PullRequest","value":"ajar"}],"message":"Validation Failed","status":"422"}
    PATCH ~/pulls/4 {"title":" "}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request","errors":[{"code":"missing_field","field":"title","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    DELETE ~/git/refs/heads/flag-large-orders
      204
      removed refs acme/checkout:refs/heads/flag-large-orders
      changed repos acme/checkout
      added events #event-15000003718
      changed issues #4
      added events #event-15000003750
    PATCH ~/pulls/4 {"state":"open"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#update-a-pull-request","errors":[{"code":"invalid","field":"state","message":"state cannot be changed. The flag-large-orders branch has been deleted.","resource":"PullRequest"}],"message":"Validation Failed","status":"422"}
    "#);
}

#[test]
fn a_merge_moves_the_base_and_closes_what_is_named() {
    let out = history(
        &[
            "GET ~/pulls/4/merge",
            r#"PUT ~/pulls/4/merge {"sha":"1111111111111111111111111111111111111111"}"#,
            r#"PUT ~/pulls/4/merge {"merge_method":"fast"}"#,
            r#"PUT ~/pulls/4/merge {"commit_message":"Fraud asked for it."}"#,
            "GET ~/pulls/4/merge",
            "GET ~/pulls/4",
            "GET ~/issues/7",
            "GET ~/commits?per_page=1",
            r#"PUT ~/pulls/4/merge {}"#,
            r#"PUT ~/pulls/2/merge {}"#,
            r#"PUT ~/pulls/5/merge {}"#,
            r#"PUT ~/pulls/9/merge {}"#,
            r#"PUT ~/pulls/8/merge {"merge_method":"rebase"}"#,
            "GET ~/commits?per_page=1",
            "GET ~/issues/4/events",
        ],
        &[
            "/event",
            "/number",
            "/state",
            "/state_reason",
            "/closed_by/login",
            "/merged",
            "/merged_by/login",
            "/message",
            "/mergeable_state",
            "/commit/message",
            "/commit/author/name",
            "/commit/committer/name",
            "/parents/1/url",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/pulls/4/merge
      404
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#check-if-a-pull-request-has-been-merged","message":"Not Found","status":"404"}
    PUT ~/pulls/4/merge {"sha":"1111111111111111111111111111111111111111"}
      409
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Head branch was modified. Review and try the merge again.","status":"409"}
    PUT ~/pulls/4/merge {"merge_method":"fast"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Invalid request.\n\nfast is not a member of [\"merge\", \"squash\", \"rebase\"].","status":"422"}
    PUT ~/pulls/4/merge {"commit_message":"Fraud asked for it."}
      200
      changed pulls #4
      added events #event-15000000682
      changed issues #4
      added events #event-15000001441
      changed issues #7
      added events #event-15000002208
      added notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true "Pull Request successfully merged"
    GET ~/pulls/4/merge
      204
    GET ~/pulls/4
      200
      4 "closed" true "acme-dev" "unknown"
    GET ~/issues/7
      200
      7 "closed" "completed" "acme-dev"
    GET ~/commits?per_page=1
      200
      "Merge pull request #4 from acme/flag-large-orders\n\nFraud asked for it." "Acme developer" "GitHub" "https://api.github.com~/commits/f259c563260ae834b3c6f1134a8de1c81a5ccfba"
    PUT ~/pulls/4/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Pull Request is not mergeable","status":"405"}
    PUT ~/pulls/2/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Pull Request is not mergeable","status":"405"}
    PUT ~/pulls/5/merge {}
      405
      {"documentation_url":"https://docs.github.com/rest/pulls/pulls#merge-a-pull-request","message":"Pull Request is still a draft","status":"405"}
    PUT ~/pulls/9/merge {}
      200
      changed pulls #9
      added events #event-15000002913
      changed issues #9
      added events #event-15000003625
      added notifications 9000000385
      changed refs acme/checkout:refs/heads/release
      changed repos acme/checkout
      true "Pull Request successfully merged"
    PUT ~/pulls/8/merge {"merge_method":"rebase"}
      200
      changed pulls #8
      added events #event-15000003703
      changed issues #8
      added events #event-15000003718
      added notifications 9000000648
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true "Pull Request successfully merged"
    GET ~/commits?per_page=1
      200
      "Round totals" "Payments developer" "Acme developer"
    GET ~/issues/4/events
      200
      "merged"
      "closed" null
    "#);
}

#[test]
fn a_squash_is_one_commit_with_the_words_of_all() {
    let out = history(
        &[
            r#"PUT ~/contents/src/large.js {"message":"Take the limit out\n\nIt is used twice.","content":"MTAwMAo=","branch":"flag-large-orders"}"#,
            "GET ~/pulls/4",
            r#"PUT ~/pulls/4/merge {"merge_method":"squash"}"#,
            "GET ~/commits?per_page=1",
            r#"PUT ~/pulls/8/merge {"merge_method":"squash"}"#,
            "GET ~/commits?per_page=1",
        ],
        &[
            "/number",
            "/commits",
            "/changed_files",
            "/merged",
            "/commit/message",
            "/commit/author/name",
            "/parents/1/url",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    PUT ~/contents/src/large.js {"message":"Take the limit out\n\nIt is used twice.","content":"MTAwMAo=","branch":"flag-large-orders"}
      201
      changed refs acme/checkout:refs/heads/flag-large-orders
      changed repos acme/checkout
      changed pulls #4
      changed issues #4
      changed refs acme/checkout:refs/pull/4/head
      changed review_comments #discussion_r1300000049
      "Take the limit out\n\nIt is used twice." "Acme developer"
    GET ~/pulls/4
      200
      4 2 2 false
    PUT ~/pulls/4/merge {"merge_method":"squash"}
      200
      changed pulls #4
      added events #event-15000000682
      changed issues #4
      added events #event-15000001441
      changed issues #7
      added events #event-15000002208
      added notifications 9000000347
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true
    GET ~/commits?per_page=1
      200
      "Flag large orders (#4)\n\n* Flag large orders\n\n* Take the limit out\n\nIt is used twice." "Acme developer"
    PUT ~/pulls/8/merge {"merge_method":"squash"}
      200
      changed pulls #8
      added events #event-15000002913
      changed issues #8
      added events #event-15000003625
      added notifications 9000000385
      changed refs acme/checkout:refs/heads/main
      changed repos acme/checkout
      true
    GET ~/commits?per_page=1
      200
      "Round totals (#8)" "Payments developer"
    "#);
}
