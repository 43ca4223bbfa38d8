//! Tools on files, branches, commits and pull requests.

use super::tests::{check, json};
use crate::github::check::open;

#[test]
fn files_are_read_written_pushed_and_deleted() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"hello-service""#;
    let readme = format!(r#"get_file_contents {{{repo},"path":"README.md"}}"#);
    let lines = [
        format!(r#"create_branch {{{repo},"branch":"fix/one"}}"#),
        format!(
            r#"create_or_update_file {{{repo},"path":"docs/new.md","content":"New\n","message":"Add","branch":"fix/one"}}"#
        ),
        format!(
            r#"create_or_update_file {{{repo},"path":"docs/new.md","content":"Newer\n","message":"Change","branch":"fix/one"}}"#
        ),
        format!(
            r#"create_or_update_file {{{repo},"path":"docs/new.md","content":"Newer\n","message":"Change","branch":"fix/one","sha":"0000000000000000000000000000000000000000"}}"#
        ),
        format!(r#"get_file_contents {{{repo},"path":"/docs/new.md","ref":"fix/one"}}"#),
        format!(
            r#"push_files {{{repo},"branch":"fix/one","message":"Two","files":[{{"path":"a.txt","content":"A"}},{{"path":"b/c.txt","content":"C"}}]}}"#
        ),
        format!(
            r#"push_files {{{repo},"branch":"fix/two","message":"Two","files":[{{"path":"a.txt","content":"A"}}]}}"#
        ),
        format!(
            r#"push_files {{{repo},"branch":"fix/one","message":"Two","files":[{{"content":"A"}}]}}"#
        ),
        format!(r#"delete_file {{{repo},"path":"a.txt","message":"Less","branch":"fix/one"}}"#),
        format!(r#"get_file_contents {{{repo},"path":"a.txt","ref":"fix/one"}}"#),
        format!(r#"get_file_contents {{{repo},"path":"c.txt","ref":"refs/heads/fix/one"}}"#),
        format!(r#"get_file_contents {{{repo},"path":"README.md","ref":"nothing"}}"#),
        format!(r#"list_commits {{{repo},"sha":"fix/one","fields":["sha"],"perPage":2}}"#),
        format!(r#"list_branches {{{repo}}}"#),
        format!(
            r#"get_repository_tree {{{repo},"tree_sha":"fix/one","path_filter":"b","recursive":true}}"#
        ),
        format!(r#"get_commit {{{repo},"sha":"fix/two"}}"#),
        format!(r#"get_commit {{{repo},"sha":"fix/two","detail":"all"}}"#),
        r#"get_commit {"owner":"octocat","repo":"nothing","sha":"main"}"#.to_owned(),
        readme,
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @"");
}

#[test]
fn a_pull_request_is_opened_reviewed_and_merged() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"hello-service""#;
    let push = format!(
        r#"push_files {{{repo},"branch":"feature","message":"Feature","files":[{{"path":"feature.txt","content":"one\ntwo\n"}}]}}"#
    );
    json(clone, &push);
    let made = json(
        clone,
        &format!(
            r#"create_pull_request {{{repo},"title":"Feature","head":"feature","base":"main","body":"B"}}"#
        ),
    );
    let url = made["url"].as_str().expect("an address");
    let number = url.rsplit('/').next().expect("a number").to_owned();
    let pull = format!(r#"{repo},"pullNumber":{number}"#);
    let mut lines = vec![
        format!(r#"create_pull_request {{{repo},"title":"Feature","head":"feature"}}"#),
        format!(
            r#"create_pull_request {{{repo},"title":"Feature","head":"feature","base":"main"}}"#
        ),
        format!(r#"update_pull_request {{{pull}}}"#),
        format!(r#"update_pull_request {{{pull},"title":"Better","draft":true}}"#),
        format!(r#"update_pull_request {{{pull},"draft":false}}"#),
    ];
    for method in [
        "get",
        "get_diff",
        "get_status",
        "get_files",
        "get_commits",
        "get_check_runs",
        "get_comments",
        "peek",
    ] {
        lines.push(format!(
            r#"pull_request_read {{{pull},"method":"{method}"}}"#
        ));
    }
    lines.extend([
        format!(r#"add_comment_to_pending_review {{{pull},"path":"feature.txt","body":"Why?","subjectType":"LINE","line":1,"side":"RIGHT"}}"#),
        format!(r#"pull_request_review_write {{{pull},"method":"create"}}"#),
        format!(r#"add_comment_to_pending_review {{{pull},"path":"feature.txt","body":"Why?","subjectType":"LINE","line":1,"side":"RIGHT"}}"#),
        format!(r#"pull_request_review_write {{{pull},"method":"submit_pending","event":"COMMENT","body":"So"}}"#),
        format!(r#"pull_request_read {{{pull},"method":"get_reviews"}}"#),
        format!(r#"pull_request_read {{{pull},"method":"get_review_comments"}}"#),
        format!(r#"pull_request_review_write {{{pull},"method":"resolve_thread"}}"#),
        format!(r#"list_pull_requests {{{repo},"state":"open","fields":["number","title"]}}"#),
        format!(r#"search_pull_requests {{{repo},"query":"Better","fields":["number","title"]}}"#),
        format!(r#"merge_pull_request {{{pull},"merge_method":"squash"}}"#),
        format!(r#"merge_pull_request {{{pull}}}"#),
        format!(r#"pull_request_read {{{repo},"pullNumber":999,"method":"get"}}"#),
        format!(r#"update_pull_request_branch {{{pull}}}"#),
    ]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @"");
}
