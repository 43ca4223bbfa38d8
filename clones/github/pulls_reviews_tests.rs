//! Reviews of pull requests and comments on their diffs as a client meets them.

use super::check::{check, json as body, open, send};

#[test]
fn reviews_are_begun_submitted_dismissed_and_taken_back() {
    let mut clone = open("merge-conflict");
    let made = send(
        clone.as_mut(),
        r#"POST /repos/acme/checkout/pulls/2/reviews {"body":"Begun","comments":[{"path":"src/config.js","line":3,"body":"Why ten?"}]}"#,
    );
    let id = body(&made)["id"].to_string();
    let lines: Vec<String> = [
        "GET ~/pulls/2/reviews",
        "GET ~/pulls/2/reviews/<id>/comments",
        "GET ~/pulls/2/comments",
        r#"POST ~/pulls/2/reviews {"event":"APPROVE"}"#,
        r#"POST ~/pulls/2/reviews/<id>/events {"event":"SHRUG"}"#,
        r#"POST ~/pulls/2/reviews/<id>/events {"event":"REQUEST_CHANGES","body":"See below"}"#,
        "GET ~/pulls/2/requested_reviewers",
        "GET ~/pulls/2/comments",
        r#"POST ~/pulls/2/reviews/<id>/events {"event":"APPROVE"}"#,
        "DELETE ~/pulls/2/reviews/<id>",
        r#"PUT ~/pulls/2/reviews/<id> {"body":"See above"}"#,
        r#"PUT ~/pulls/2/reviews/<id>/dismissals {"message":"Answered"}"#,
        r#"PUT ~/pulls/2/reviews/<id>/dismissals {"message":"Answered"}"#,
        r#"POST ~/pulls/4/reviews {"event":"APPROVE"}"#,
        r#"POST ~/pulls/4/reviews {"event":"REQUEST_CHANGES","body":"x"}"#,
        r#"POST ~/pulls/2/reviews {"event":"COMMENT"}"#,
        r#"POST ~/pulls/2/reviews {"event":"COMMENT","comments":[{"path":"src/nothing.js","line":3,"body":"x"}]}"#,
        r#"POST ~/pulls/2/reviews {"event":"COMMENT","comments":[{"path":"src/config.js","line":33,"body":"x"}]}"#,
        r#"POST ~/pulls/2/reviews {"event":"COMMENT","comments":[{"path":"src/config.js","position":33,"body":"x"}]}"#,
        r#"POST ~/pulls/2/reviews {"event":"COMMENT","body":"x","commit_id":"1111111111111111111111111111111111111111"}"#,
        r#"POST ~/pulls/2/reviews {"event":"APPROVE"}"#,
        "GET ~/pulls/2/reviews",
        "GET ~/issues/2/events",
    ]
    .map(|line| line.replace('~', "/repos/acme/checkout").replace("<id>", &id))
    .to_vec();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let out = check(
        clone.as_mut(),
        &lines,
        &[
            "/event",
            "/state",
            "/body",
            "/user/login",
            "/line",
            "/users",
        ],
    );
    let out = out
        .replace("/repos/acme/checkout", "~")
        .replace("acme/checkout#", "#")
        .replace(&id, "<id>");
    insta::assert_snapshot!(out, @r#"
    GET ~/pulls/2/reviews
      200
      "CHANGES_REQUESTED" "Please rebase, main has another timeout by now." "cart-lead"
      "PENDING" "Begun" "acme-dev"
    GET ~/pulls/2/reviews/<id>/comments
      200
      "Why ten?" "acme-dev" 3
    GET ~/pulls/2/comments
      200
    POST ~/pulls/2/reviews {"event":"APPROVE"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["User can only have one pending review per pull request"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews/<id>/events {"event":"SHRUG"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#submit-a-review-for-a-pull-request","message":"Invalid request.\n\nSHRUG is not a member of [\"APPROVE\", \"REQUEST_CHANGES\", \"COMMENT\"].","status":"422"}
    POST ~/pulls/2/reviews/<id>/events {"event":"REQUEST_CHANGES","body":"See below"}
      200
      changed reviews #pullrequestreview-<id>
      changed review_comments #discussion_r1300000727
      changed pulls #2
      changed issues #2
      added notifications 9000000347
      "CHANGES_REQUESTED" "See below" "acme-dev"
    GET ~/pulls/2/requested_reviewers
      200
      []
    GET ~/pulls/2/comments
      200
      "Why ten?" "acme-dev" 3
    POST ~/pulls/2/reviews/<id>/events {"event":"APPROVE"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#submit-a-review-for-a-pull-request","errors":["Can not submit a review that was already submitted"],"message":"Unprocessable Entity","status":"422"}
    DELETE ~/pulls/2/reviews/<id>
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#delete-a-pending-review-for-a-pull-request","errors":["Can not delete a non-pending pull request review"],"message":"Unprocessable Entity","status":"422"}
    PUT ~/pulls/2/reviews/<id> {"body":"See above"}
      200
      changed reviews #pullrequestreview-<id>
      changed issues #2
      "CHANGES_REQUESTED" "See above" "acme-dev"
    PUT ~/pulls/2/reviews/<id>/dismissals {"message":"Answered"}
      200
      changed reviews #pullrequestreview-<id>
      changed issues #2
      added events #event-15000001441
      "DISMISSED" "See above" "acme-dev"
    PUT ~/pulls/2/reviews/<id>/dismissals {"message":"Answered"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#dismiss-a-review-for-a-pull-request","errors":["Can not dismiss a dismissed pull request review"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/4/reviews {"event":"APPROVE"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["Review Can not approve your own pull request"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/4/reviews {"event":"REQUEST_CHANGES","body":"x"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["Review Can not request changes on your own pull request"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews {"event":"COMMENT"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["Review Body can't be blank"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews {"event":"COMMENT","comments":[{"path":"src/nothing.js","line":3,"body":"x"}]}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["Path could not be resolved"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews {"event":"COMMENT","comments":[{"path":"src/config.js","line":33,"body":"x"}]}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["Line could not be resolved"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews {"event":"COMMENT","comments":[{"path":"src/config.js","position":33,"body":"x"}]}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["Position could not be resolved"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews {"event":"COMMENT","body":"x","commit_id":"1111111111111111111111111111111111111111"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request","errors":["The commit_id is not part of the pull request"],"message":"Unprocessable Entity","status":"422"}
    POST ~/pulls/2/reviews {"event":"APPROVE"}
      200
      added reviews #pullrequestreview-1400003627
      changed issues #2
      changed notifications 9000000347
      "APPROVED" "" "acme-dev"
    GET ~/pulls/2/reviews
      200
      "CHANGES_REQUESTED" "Please rebase, main has another timeout by now." "cart-lead"
      "DISMISSED" "See above" "acme-dev"
      "APPROVED" "" "acme-dev"
    GET ~/issues/2/events
      200
      "review_dismissed"
    "#);
}

#[test]
fn comments_follow_their_lines_until_those_go() {
    let mut clone = open("merge-conflict");
    let of = |line: &str| line.replace('~', "/repos/acme/checkout");
    let head = body(&send(clone.as_mut(), &of("GET ~/pulls/4")))["head"]["sha"].clone();
    let file = body(&send(
        clone.as_mut(),
        &of("GET ~/contents/src/cart.js?ref=flag-large-orders"),
    ));
    let first = body(&send(clone.as_mut(), &of("GET ~/pulls/4/comments")))[0]["id"].to_string();
    let content = "export function total(items) {\n  // In cents.\n  let sum = 0;\n  for (const item of items) {\n    sum += item.price * item.quantity;\n  }\n  return sum;\n}\n\nexport function isLarge(items) {\n  return total(items) > 99999;\n}\n";
    let content = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, content);
    let lines: Vec<String> = [
        r#"POST ~/pulls/4/comments {"body":"Named well","commit_id":"<head>","path":"src/cart.js","line":9}"#,
        r#"POST ~/pulls/4/comments {"body":"Both","commit_id":"<head>","path":"src/cart.js","line":11,"start_line":9,"side":"RIGHT","start_side":"RIGHT"}"#,
        r#"POST ~/pulls/4/comments {"body":"All","commit_id":"<head>","path":"src/cart.js","subject_type":"file"}"#,
        r#"POST ~/pulls/4/comments {"body":"x","commit_id":"<head>","path":"src/cart.js","line":2}"#,
        r#"POST ~/pulls/4/comments {"body":"x","commit_id":"<head>","path":"src/none.js","line":2}"#,
        r#"POST ~/pulls/4/comments {"body":"x","commit_id":"<head>","path":"src/cart.js"}"#,
        r#"POST ~/pulls/4/comments {"body":"x","commit_id":"1111111111111111111111111111111111111111","path":"src/cart.js","line":9}"#,
        r#"POST ~/pulls/4/comments/<first>/replies {"body":"Yes."}"#,
        r#"PUT ~/contents/src/cart.js {"message":"In cents","content":"<content>","sha":"<file>","branch":"flag-large-orders"}"#,
        "GET ~/pulls/4/comments",
        "GET ~/pulls/4",
        "DELETE ~/pulls/comments/<first>",
        "GET ~/pulls/4/comments",
    ]
    .map(|line| {
        of(line)
            .replace("<head>", head.as_str().expect("a sha"))
            .replace("<file>", file["sha"].as_str().expect("a sha"))
            .replace("<first>", &first)
            .replace("<content>", &content)
    })
    .to_vec();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let out = check(
        clone.as_mut(),
        &lines,
        &[
            "/body",
            "/start_line",
            "/line",
            "/original_line",
            "/position",
            "/original_position",
            "/subject_type",
            "/in_reply_to_id",
            "/diff_hunk",
            "/review_comments",
        ],
    );
    let out = out
        .replace("/repos/acme/checkout", "~")
        .replace("acme/checkout#", "#")
        .replace(head.as_str().expect("a sha"), "<head>")
        .replace(file["sha"].as_str().expect("a sha"), "<file>")
        .replace(&content, "<content>")
        .replace(&first, "<first>");
    insta::assert_snapshot!(out, @r#"
    POST ~/pulls/4/comments {"body":"Named well","commit_id":"<head>","path":"src/cart.js","line":9}
      201
      added reviews #pullrequestreview-1400003122
      added review_comments #discussion_r1300000727
      changed issues #4
      "Named well" null 9 9 5 5 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {"
    POST ~/pulls/4/comments {"body":"Both","commit_id":"<head>","path":"src/cart.js","line":11,"start_line":9,"side":"RIGHT","start_side":"RIGHT"}
      201
      added reviews #pullrequestreview-1400003627
      added review_comments #discussion_r1300001215
      changed issues #4
      "Both" 9 11 11 7 7 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;\n+}"
    POST ~/pulls/4/comments {"body":"All","commit_id":"<head>","path":"src/cart.js","subject_type":"file"}
      201
      added reviews #pullrequestreview-1400004198
      added review_comments #discussion_r1300001638
      changed issues #4
      "All" null null null 1 1 "file" ""
    POST ~/pulls/4/comments {"body":"x","commit_id":"<head>","path":"src/cart.js","line":2}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/comments#create-a-review-comment-for-a-pull-request","errors":[{"code":"custom","field":"pull_request_review_thread.line","message":"pull_request_review_thread.line must be part of the diff","resource":"PullRequestReviewComment"},{"code":"missing_field","field":"pull_request_review_thread.diff_hunk","resource":"PullRequestReviewComment"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls/4/comments {"body":"x","commit_id":"<head>","path":"src/none.js","line":2}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/comments#create-a-review-comment-for-a-pull-request","errors":[{"code":"invalid","field":"pull_request_review_thread.path","resource":"PullRequestReviewComment"},{"code":"missing_field","field":"pull_request_review_thread.diff_hunk","resource":"PullRequestReviewComment"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls/4/comments {"body":"x","commit_id":"<head>","path":"src/cart.js"}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/comments#create-a-review-comment-for-a-pull-request","message":"Invalid request.\n\nNo subschema in \"oneOf\" matched.\n\"position\" wasn't supplied.\n\"in_reply_to\" wasn't supplied.\n\"subject_type\" wasn't supplied.\n\"line\" wasn't supplied.","status":"422"}
    POST ~/pulls/4/comments {"body":"x","commit_id":"1111111111111111111111111111111111111111","path":"src/cart.js","line":9}
      422
      {"documentation_url":"https://docs.github.com/rest/pulls/comments#create-a-review-comment-for-a-pull-request","errors":[{"code":"custom","field":"commit_id","message":"commit_id is not part of the pull request","resource":"PullRequestReviewComment"}],"message":"Validation Failed","status":"422"}
    POST ~/pulls/4/comments/<first>/replies {"body":"Yes."}
      201
      added reviews #pullrequestreview-1400005128
      added review_comments #discussion_r1300001713
      changed issues #4
      "Yes." null 10 10 6 6 "line" <first> "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;"
    PUT ~/contents/src/cart.js {"message":"In cents","content":"<content>","sha":"<file>","branch":"flag-large-orders"}
      200
      changed refs acme/checkout:refs/heads/flag-large-orders
      changed repos acme/checkout
      changed pulls #4
      changed issues #4
      changed refs acme/checkout:refs/pull/4/head
      changed review_comments #discussion_r<first>
      changed review_comments #discussion_r1300000727
      changed review_comments #discussion_r1300001215
      changed review_comments #discussion_r1300001638
      changed review_comments #discussion_r1300001713
    GET ~/pulls/4/comments
      200
      "In cents?" null null 10 null 6 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;"
      "Named well" null 10 9 10 5 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {"
      "Both" 10 12 11 12 7 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;\n+}"
      "All" null null null 1 1 "file" ""
      "Yes." null null 10 null 6 "line" <first> "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;"
    GET ~/pulls/4
      200
      "Closes #7" 5
    DELETE ~/pulls/comments/<first>
      204
      removed review_comments #discussion_r<first>
      changed issues #4
      changed review_comments #discussion_r1300001713
    GET ~/pulls/4/comments
      200
      "Named well" null 10 9 10 5 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {"
      "Both" 10 12 11 12 7 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;\n+}"
      "All" null null null 1 1 "file" ""
      "Yes." null null 10 null 6 "line" "@@ -5,3 +5,7 @@ export function total(items) {\n   }\n   return sum;\n }\n+\n+export function isLarge(items) {\n+  return total(items) >= 100000;"
    "#);
}
