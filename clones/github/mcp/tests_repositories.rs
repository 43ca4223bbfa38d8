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
    insta::assert_snapshot!(check(clone, &lines), @r#"
    create_branch {"owner":"octocat","repo":"hello-service","branch":"fix/one"}
      repos/get 200
      git/get-ref 409
      Refused("failed to get reference: GET https://api.github.com/repos/octocat/hello-service/git/ref/heads/main: 409 Git Repository is empty. []")
    create_or_update_file {"owner":"octocat","repo":"hello-service","path":"docs/new.md","content":"New\n","message":"Add","branch":"fix/one"}
      repos/get-content 404
      repos/create-or-update-file-contents 201
      Text("{\"commit\":{\"author\":{\"date\":\"2026-01-10T12:01:00Z\",\"email\":\"583231+octocat@users.noreply.github.com\",\"name\":\"The Octocat\"},\"html_url\":\"https://github.com/octocat/hello-service/commit/8347aef46631f83fa1e07a3b732933057bfaca10\",\"message\":\"Add\",\"sha\":\"8347aef46631f83fa1e07a3b732933057bfaca10\"},\"content\":{\"html_url\":\"https://github.com/octocat/hello-service/blob/fix/one/docs/new.md\",\"name\":\"new.md\",\"path\":\"docs/new.md\",\"sha\":\"96716fbf5f2614f107ec595070923687986441c6\",\"size\":4}}")
    create_or_update_file {"owner":"octocat","repo":"hello-service","path":"docs/new.md","content":"Newer\n","message":"Change","branch":"fix/one"}
      repos/get-content 200
      Refused("File already exists at docs/new.md. You must provide the current file's SHA when updating. Use git rev-parse fix/one:docs/new.md to get the blob SHA, then retry with the sha parameter.")
    create_or_update_file {"owner":"octocat","repo":"hello-service","path":"docs/new.md","content":"Newer\n","message":"Change","branch":"fix/one","sha":"0000000000000000000000000000000000000000"}
      repos/get-content 200
      Refused("SHA mismatch: provided SHA 0000000000000000000000000000000000000000 is stale. Current file SHA is 96716fbf5f2614f107ec595070923687986441c6. Pull the latest changes and use git rev-parse fix/one:docs/new.md to get the current SHA.")
    get_file_contents {"owner":"octocat","repo":"hello-service","path":"/docs/new.md","ref":"fix/one"}
      git/get-ref 200
      repos/get-content 200
      File { text: "successfully downloaded text file (SHA: 96716fbf5f2614f107ec595070923687986441c6)", uri: "repo://octocat/hello-service/sha/8347aef46631f83fa1e07a3b732933057bfaca10/contents/docs/new.md", mime_type: "text/plain; charset=utf-8", content: Text("New\n") }
    push_files {"owner":"octocat","repo":"hello-service","branch":"fix/one","message":"Two","files":[{"path":"a.txt","content":"A"},{"path":"b/c.txt","content":"C"}]}
      git/get-ref 200
      git/get-commit 200
      git/create-tree 201
      git/create-commit 201
      git/update-ref 200
      Text("{\"node_id\":\"REF_kwDOLUywUrJyZWZzL2hlYWRzL2ZpeC9vbmU\",\"object\":{\"sha\":\"fed9563cb3be1b80de5aa69528123aa1d415091f\",\"type\":\"commit\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/commits/fed9563cb3be1b80de5aa69528123aa1d415091f\"},\"ref\":\"refs/heads/fix/one\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/refs/heads/fix/one\"}")
    push_files {"owner":"octocat","repo":"hello-service","branch":"fix/two","message":"Two","files":[{"path":"a.txt","content":"A"}]}
      git/get-ref 404
      repos/get 200
      git/get-ref 200
      git/create-ref 201
      git/get-ref 200
      git/get-commit 200
      git/create-tree 201
      git/create-commit 201
      git/update-ref 200
      Text("{\"node_id\":\"REF_kwDOLUywUrJyZWZzL2hlYWRzL2ZpeC90d28\",\"object\":{\"sha\":\"304e6e290387b50d65de82f7a7f746313ce434ba\",\"type\":\"commit\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/commits/304e6e290387b50d65de82f7a7f746313ce434ba\"},\"ref\":\"refs/heads/fix/two\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/refs/heads/fix/two\"}")
    push_files {"owner":"octocat","repo":"hello-service","branch":"fix/one","message":"Two","files":[{"content":"A"}]}
      git/get-ref 200
      Refused("each file must have a path")
    delete_file {"owner":"octocat","repo":"hello-service","path":"a.txt","message":"Less","branch":"fix/one"}
      git/get-ref 200
      git/get-commit 200
      git/create-tree 201
      git/create-commit 201
      git/update-ref 200
      Text("{\"commit\":{\"author\":{\"date\":\"2026-01-10T12:01:00Z\",\"email\":\"583231+octocat@users.noreply.github.com\",\"name\":\"The Octocat\"},\"committer\":{\"date\":\"2026-01-10T12:01:00Z\",\"email\":\"583231+octocat@users.noreply.github.com\",\"name\":\"The Octocat\"},\"html_url\":\"https://github.com/octocat/hello-service/commit/0321efd5396b1c5fde16f3d3ea472a5ce13cd320\",\"message\":\"Less\",\"node_id\":\"C_kwDOLUywUtoAKDAzMjFlZmQ1Mzk2YjFjNWZkZTE2ZjNkM2VhNDcyYTVjZTEzY2QzMjA\",\"parents\":[{\"html_url\":\"https://github.com/octocat/hello-service/commit/fed9563cb3be1b80de5aa69528123aa1d415091f\",\"sha\":\"fed9563cb3be1b80de5aa69528123aa1d415091f\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/commits/fed9563cb3be1b80de5aa69528123aa1d415091f\"}],\"sha\":\"0321efd5396b1c5fde16f3d3ea472a5ce13cd320\",\"tree\":{\"sha\":\"81df4579f15a5ac6b81929f29bbee550128e1f32\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/trees/81df4579f15a5ac6b81929f29bbee550128e1f32\"},\"url\":\"https://api.github.com/repos/octocat/hello-service/git/commits/0321efd5396b1c5fde16f3d3ea472a5ce13cd320\",\"verification\":{\"payload\":null,\"reason\":\"unsigned\",\"signature\":null,\"verified\":false,\"verified_at\":null}},\"content\":null}")
    get_file_contents {"owner":"octocat","repo":"hello-service","path":"a.txt","ref":"fix/one"}
      git/get-ref 200
      repos/get-content 404
      git/get-tree 200
      Refused("Failed to get file contents. The path does not point to a file or directory, or the file does not exist in the repository.")
    get_file_contents {"owner":"octocat","repo":"hello-service","path":"c.txt","ref":"refs/heads/fix/one"}
      git/get-ref 200
      repos/get-content 404
      git/get-tree 200
      Text("Resolved potential matches in the repository tree (resolved refs: {\"ref\":\"refs/heads/fix/one\",\"sha\":\"0321efd5396b1c5fde16f3d3ea472a5ce13cd320\"}, matching files: [\"b/c.txt\"]).")
    get_file_contents {"owner":"octocat","repo":"hello-service","path":"README.md","ref":"nothing"}
      git/get-ref 404
      git/get-ref 404
      Refused("failed to resolve git reference: could not resolve ref \"nothing\" as a branch or a tag")
    list_commits {"owner":"octocat","repo":"hello-service","sha":"fix/one","fields":["sha"],"perPage":2}
      repos/list-commits 200
      Text("[{\"sha\":\"0321efd5396b1c5fde16f3d3ea472a5ce13cd320\"},{\"sha\":\"fed9563cb3be1b80de5aa69528123aa1d415091f\"}]")
    list_branches {"owner":"octocat","repo":"hello-service"}
      repos/list-branches 200
      Text("[{\"name\":\"fix/one\",\"protected\":false,\"sha\":\"0321efd5396b1c5fde16f3d3ea472a5ce13cd320\"},{\"name\":\"fix/two\",\"protected\":false,\"sha\":\"304e6e290387b50d65de82f7a7f746313ce434ba\"}]")
    get_repository_tree {"owner":"octocat","repo":"hello-service","tree_sha":"fix/one","path_filter":"b","recursive":true}
      git/get-tree 200
      Text("{\"count\":2,\"owner\":\"octocat\",\"recursive\":true,\"repo\":\"hello-service\",\"sha\":\"81df4579f15a5ac6b81929f29bbee550128e1f32\",\"tree\":[{\"mode\":\"040000\",\"path\":\"b\",\"sha\":\"c6e4eacf009055cdecda3c7bcae8b196c2d746bd\",\"type\":\"tree\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/trees/c6e4eacf009055cdecda3c7bcae8b196c2d746bd\"},{\"mode\":\"100644\",\"path\":\"b/c.txt\",\"sha\":\"96d80cd6c4e7158dbebd0849f4fb7ce513e5828c\",\"size\":1,\"type\":\"blob\",\"url\":\"https://api.github.com/repos/octocat/hello-service/git/blobs/96d80cd6c4e7158dbebd0849f4fb7ce513e5828c\"}],\"tree_sha\":\"fix/one\",\"truncated\":false}")
    get_commit {"owner":"octocat","repo":"hello-service","sha":"fix/two"}
      repos/get-commit 200
      Text("{\"author\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"},\"commit\":{\"author\":{\"date\":\"2026-01-10T12:01:00Z\",\"email\":\"583231+octocat@users.noreply.github.com\",\"name\":\"The Octocat\"},\"committer\":{\"date\":\"2026-01-10T12:01:00Z\",\"email\":\"583231+octocat@users.noreply.github.com\",\"name\":\"The Octocat\"},\"message\":\"Two\"},\"committer\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"},\"html_url\":\"https://github.com/octocat/hello-service/commit/304e6e290387b50d65de82f7a7f746313ce434ba\",\"sha\":\"304e6e290387b50d65de82f7a7f746313ce434ba\",\"stats\":{}}")
    get_commit {"owner":"octocat","repo":"hello-service","sha":"fix/two","detail":"all"}
      Refused("invalid detail \"all\": must be one of \"none\", \"stats\", \"full_patch\"")
    get_commit {"owner":"octocat","repo":"nothing","sha":"main"}
      repos/get-commit 404
      Refused("failed to get commit: main: GET https://api.github.com/repos/octocat/nothing/commits/main?page=1&per_page=30: 404 Not Found []")
    get_file_contents {"owner":"octocat","repo":"hello-service","path":"README.md"}
      repos/get 200
      git/get-ref 200
      repos/get-content 404
      git/get-tree 200
      Refused("Failed to get file contents. The path does not point to a file or directory, or the file does not exist in the repository.")
    "#);
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
    insta::assert_snapshot!(check(clone, &lines), @r#"
    create_pull_request {"owner":"octocat","repo":"hello-service","title":"Feature","head":"feature"}
      Refused("missing required parameter: base")
    create_pull_request {"owner":"octocat","repo":"hello-service","title":"Feature","head":"feature","base":"main"}
      pulls/create 422
      Refused("failed to create pull request: Validation Failed\nPullRequest (custom): A pull request already exists for octocat:feature.")
    update_pull_request {"owner":"octocat","repo":"hello-service","pullNumber":9}
      Refused("No update parameters provided.")
    update_pull_request {"owner":"octocat","repo":"hello-service","pullNumber":9,"title":"Better","draft":true}
      pulls/update 200
      pulls/get 200
      graphql 200
      pulls/get 200
      Text("{\"id\":\"1500000278\",\"url\":\"https://github.com/octocat/hello-service/pull/9\"}")
    update_pull_request {"owner":"octocat","repo":"hello-service","pullNumber":9,"draft":false}
      pulls/get 200
      graphql 200
      pulls/get 200
      Text("{\"id\":\"1500000278\",\"url\":\"https://github.com/octocat/hello-service/pull/9\"}")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get"}
      pulls/get 200
      Text("{\"additions\":2,\"base\":{\"ref\":\"main\",\"repo\":{\"description\":\"A small HTTP service\",\"full_name\":\"octocat/hello-service\"},\"sha\":\"57b3bf42cd45d40e14befb50778622e2f1abe5a1\"},\"body\":\"B\",\"changed_files\":1,\"commits\":1,\"created_at\":\"2026-01-10T12:01:00Z\",\"draft\":false,\"head\":{\"ref\":\"feature\",\"repo\":{\"description\":\"A small HTTP service\",\"full_name\":\"octocat/hello-service\"},\"sha\":\"715ec1d95dd27534b1135915043c831c7b515101\"},\"html_url\":\"https://github.com/octocat/hello-service/pull/9\",\"mergeable_state\":\"clean\",\"merged\":false,\"number\":9,\"state\":\"open\",\"title\":\"Better\",\"updated_at\":\"2026-01-10T12:01:00Z\",\"user\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"}}")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_diff"}
      pulls/get 200
      Text("diff --git a/feature.txt b/feature.txt\nnew file mode 100644\nindex 0000000..814f4a4\n--- /dev/null\n+++ b/feature.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_status"}
      pulls/get 200
      repos/get-combined-status-for-ref 200
      Text("{\"sha\":\"715ec1d95dd27534b1135915043c831c7b515101\",\"state\":\"pending\",\"statuses\":[],\"total_count\":0}")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_files"}
      pulls/list-files 200
      Text("[{\"additions\":2,\"changes\":2,\"filename\":\"feature.txt\",\"patch\":\"@@ -0,0 +1,2 @@\\n+one\\n+two\",\"status\":\"added\"}]")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_commits"}
      pulls/list-commits 200
      Text("[{\"author\":{\"date\":\"2026-01-10T12:01:00Z\",\"email\":\"583231+octocat@users.noreply.github.com\",\"name\":\"The Octocat\"},\"html_url\":\"https://github.com/octocat/hello-service/commit/715ec1d95dd27534b1135915043c831c7b515101\",\"message\":\"Feature\",\"sha\":\"715ec1d95dd27534b1135915043c831c7b515101\"}]")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_check_runs"}
      pulls/get 200
      checks/list-for-ref 200
      Text("{\"check_runs\":[],\"total_count\":0}")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_comments"}
      issues/list-comments 200
      Text("[]")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"peek"}
      Refused("unknown method: peek")
    add_comment_to_pending_review {"owner":"octocat","repo":"hello-service","pullNumber":9,"path":"feature.txt","body":"Why?","subjectType":"LINE","line":1,"side":"RIGHT"}
      users/get-authenticated 200
      graphql 200
      Refused("No pending review found for the viewer")
    pull_request_review_write {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"create"}
      pulls/get 200
      graphql 200
      Text("pending pull request created")
    add_comment_to_pending_review {"owner":"octocat","repo":"hello-service","pullNumber":9,"path":"feature.txt","body":"Why?","subjectType":"LINE","line":1,"side":"RIGHT"}
      users/get-authenticated 200
      graphql 200
      graphql 200
      Text("pull request review comment successfully added to pending review")
    pull_request_review_write {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"submit_pending","event":"COMMENT","body":"So"}
      users/get-authenticated 200
      graphql 200
      graphql 200
      Text("pending pull request review successfully submitted")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_reviews"}
      pulls/list-reviews 200
      Text("[{\"author_association\":\"OWNER\",\"body\":\"So\",\"commit_id\":\"715ec1d95dd27534b1135915043c831c7b515101\",\"html_url\":\"https://github.com/octocat/hello-service/pull/9#pullrequestreview-1400000676\",\"id\":1400000676,\"state\":\"COMMENTED\",\"submitted_at\":\"2026-01-10T12:01:00Z\",\"user\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"}}]")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"get_review_comments"}
      graphql 200
      Text("{\"pageInfo\":{\"endCursor\":\"Y3Vyc29yOnYyOlBSUlRfa3dET0xVeXdVczVOZkcweA==\",\"hasNextPage\":false,\"hasPreviousPage\":false,\"startCursor\":\"Y3Vyc29yOnYyOlBSUlRfa3dET0xVeXdVczVOZkcweA==\"},\"review_threads\":[{\"comments\":[{\"author\":\"octocat\",\"body\":\"Why?\",\"created_at\":\"2026-01-10T12:01:00Z\",\"html_url\":\"https://github.com/octocat/hello-service/pull/9#discussion_r1300000049\",\"line\":1,\"path\":\"feature.txt\",\"updated_at\":\"2026-01-10T12:01:00Z\"}],\"id\":\"PRRT_kwDOLUywUs5NfG0x\",\"is_collapsed\":false,\"is_outdated\":false,\"is_resolved\":false,\"total_count\":1}],\"totalCount\":1}")
    pull_request_review_write {"owner":"octocat","repo":"hello-service","pullNumber":9,"method":"resolve_thread"}
      Refused("threadId is required for resolve_thread and unresolve_thread methods")
    list_pull_requests {"owner":"octocat","repo":"hello-service","state":"open","fields":["number","title"]}
      pulls/list 200
      Text("[{\"number\":9,\"title\":\"Better\"}]")
    search_pull_requests {"owner":"octocat","repo":"hello-service","query":"Better","fields":["number","title"]}
      search/issues-and-pull-requests 200
      Text("{\"incomplete_results\":false,\"items\":[{\"number\":9,\"title\":\"Better\"}],\"total_count\":1}")
    merge_pull_request {"owner":"octocat","repo":"hello-service","pullNumber":9,"merge_method":"squash"}
      pulls/merge 200
      Text("{\"merged\":true,\"message\":\"Pull Request successfully merged\",\"sha\":\"ad57e7b219ecfafac079970b6032b3848552d6ae\"}")
    merge_pull_request {"owner":"octocat","repo":"hello-service","pullNumber":9}
      pulls/merge 405
      Refused("failed to merge pull request: PUT https://api.github.com/repos/octocat/hello-service/pulls/9/merge: 405 Pull Request is not mergeable []")
    pull_request_read {"owner":"octocat","repo":"hello-service","pullNumber":999,"method":"get"}
      pulls/get 404
      Refused("failed to get pull request: GET https://api.github.com/repos/octocat/hello-service/pulls/999: 404 Not Found []")
    update_pull_request_branch {"owner":"octocat","repo":"hello-service","pullNumber":9}
      pulls/update-branch 422
      Refused("failed to update pull request branch: Pull request is closed.")
    "#);
}
