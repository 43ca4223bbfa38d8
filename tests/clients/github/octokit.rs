//! `octokit` for JavaScript.

use super::{script, told};

/// What a part of the script prints.
fn part(seed: &str, parts: &[&str]) -> String {
    let script = script("js/octokit.mjs");
    let mut command = vec!["node", &script];
    command.extend(parts);
    told(seed, &command)
}

#[test]
fn it_reads_writes_and_deletes() {
    let told = part("merge-conflict", &["read", "issues", "content", "pulls"]);
    insta::assert_snapshot!(told, @r##"
    # read
    me "acme-dev"
    repository "acme/checkout"
    issue "Orders of 1000 EUR and more need a second look"
    file "# checkout"
    graphql "Orders of 1000 EUR and more need a second look"
    # issues
    create issue 11
    update issue ["pay-dev"]
    comment "Seen."
    edit comment "Seen twice."
    delete comment 204
    close issue "not_planned"
    lock issue 204
    create label false
    update label "now"
    delete label 204
    create milestone 1
    # content
    create file "069d08d6e43c7f745fd93ac942eab364a003d259"
    stale file RequestError 409 BRIEF.md does not match 0000000000000000000000000000000000000000 - https://docs.github.com/rest/repos/contents#create-or-update-file-contents
    update file 200
    delete file null
    commits ["Gone","Briefer","Be brief","Merge pull request #3 from acme/retry-payments","Retry payments that time out","Initial commit"]
    create branch "refs/heads/topic"
    same branch RequestError 422 Reference already exists - https://docs.github.com/rest/git/refs#create-a-reference
    empty pull RequestError 422 Validation Failed: {"code":"custom","message":"No commits between main and topic","resource":"PullRequest"} - https://docs.github.com/rest/pulls/pulls#create-a-pull-request
    file on branch 201
    create release "v2"
    upload asset 5
    # pulls
    create pull 12
    same pull RequestError 422 Validation Failed: {"code":"custom","message":"A pull request already exists for acme:topic.","resource":"PullRequest"} - https://docs.github.com/rest/pulls/pulls#create-a-pull-request
    files [["TOPIC.md","added",1]]
    review "APPROVED"
    own review RequestError 422 Unprocessable Entity: "Review Can not approve your own pull request" - https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request
    stale head RequestError 409 Head branch was modified. Review and try the merge again. - https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
    conflict RequestError 405 Pull Request is not mergeable - https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
    merge true
    merge again RequestError 405 Pull Request is not mergeable - https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
    delete branch 204
    "##);
}

#[test]
fn it_shows_what_it_is_refused() {
    insta::assert_snapshot!(part("merge-conflict", &["refusals"]), @r#"
    # refusals
    missing RequestError 404 Not Found - https://docs.github.com/rest/issues/issues#get-an-issue
    no title RequestError 422 Invalid request.

    "title" wasn't supplied. - https://docs.github.com/rest/issues/issues#create-an-issue
    bad color RequestError 422 Validation Failed: {"code":"invalid","field":"color","resource":"Label"} - https://docs.github.com/rest/issues/labels#create-a-label
    same label RequestError 422 Validation Failed: {"code":"already_exists","field":"name","resource":"Label"} - https://docs.github.com/rest/issues/labels#create-a-label
    wrong token RequestError 401 Bad credentials - https://docs.github.com/rest
    anonymous write RequestError 401 Requires authentication - https://docs.github.com/rest/issues/issues#create-an-issue
    graphql error GraphqlResponseError undefined Request failed due to following response errors:
     - Could not resolve to a Repository with the name 'acme/nothing'.
    "#);
}

#[test]
fn it_turns_all_pages() {
    insta::assert_snapshot!(part("large-backlog", &["pages"]), @r"
    # pages
    mine 300
    pages 9 issues 300 different 300
    graphql pages [30,30]
    ");
}
