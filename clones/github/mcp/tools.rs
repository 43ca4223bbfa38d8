//! The list of the modelled tools, with the operations that each calls.

use archal_core::clone::Tool;

use super::{
    actions, answer, asker, blame, branches, commits, copilot, discussions, files, gists, issues,
    labels, lists, notifications, people, projects, pulls, releases, repositories, reviews, search,
    security, sub_issues,
};

/// A tool: its name, its operations, and the function that calls it.
macro_rules! tool {
    ($name:literal, [$($operation:literal),* $(,)?], $call:path $(,)?) => {
        Tool {
            name: $name,
            operations: &[$($operation),*],
            call: |arguments, ask| answer($call(arguments, &mut asker(ask))),
        }
    };
}

/// The tools, sorted by name.
pub(super) const TOOLS: &[Tool] = &[
    tool!(
        "actions_get",
        [
            "actions/download-artifact",
            "actions/download-workflow-run-logs",
            "actions/get-job-for-workflow-run",
            "actions/get-workflow",
            "actions/get-workflow-run",
            "actions/get-workflow-run-usage"
        ],
        actions::one
    ),
    tool!(
        "actions_list",
        [
            "actions/list-jobs-for-workflow-run",
            "actions/list-repo-workflows",
            "actions/list-workflow-run-artifacts",
            "actions/list-workflow-runs",
            "actions/list-workflow-runs-for-repo"
        ],
        actions::list
    ),
    tool!(
        "actions_run_trigger",
        [
            "actions/cancel-workflow-run",
            "actions/create-workflow-dispatch",
            "actions/delete-workflow-run-logs",
            "actions/re-run-workflow",
            "actions/re-run-workflow-failed-jobs"
        ],
        actions::trigger
    ),
    tool!(
        "add_comment_to_pending_review",
        ["graphql", "users/get-authenticated"],
        reviews::comment
    ),
    tool!(
        "add_issue_comment",
        [
            "issues/create-comment",
            "reactions/create-for-issue",
            "reactions/create-for-issue-comment"
        ],
        issues::comment
    ),
    tool!(
        "add_reply_to_pull_request_comment",
        [
            "pulls/create-reply-for-review-comment",
            "reactions/create-for-pull-request-review-comment"
        ],
        reviews::reply
    ),
    tool!(
        "assign_copilot_to_issue",
        [
            "issues/add-assignees",
            "issues/check-user-can-be-assigned",
            "repos/get"
        ],
        copilot::assign
    ),
    tool!(
        "create_branch",
        ["git/create-ref", "git/get-ref", "repos/get"],
        branches::create
    ),
    tool!("create_gist", ["gists/create"], gists::create),
    tool!(
        "create_or_update_file",
        ["repos/create-or-update-file-contents", "repos/get-content"],
        files::put_file
    ),
    tool!(
        "create_pull_request",
        ["pulls/create", "pulls/request-reviewers"],
        pulls::create
    ),
    tool!(
        "create_repository",
        ["repos/create-for-authenticated-user", "repos/create-in-org"],
        repositories::create
    ),
    tool!(
        "delete_file",
        [
            "git/create-commit",
            "git/create-tree",
            "git/get-commit",
            "git/get-ref",
            "git/update-ref"
        ],
        files::delete
    ),
    tool!("discussion_comment_write", ["graphql"], discussions::write),
    tool!(
        "dismiss_notification",
        [
            "activity/mark-thread-as-done",
            "activity/mark-thread-as-read"
        ],
        notifications::dismiss
    ),
    tool!("fork_repository", ["repos/create-fork"], repositories::fork),
    tool!(
        "get_code_quality_finding",
        ["code-quality/get-finding"],
        security::finding
    ),
    tool!(
        "get_code_scanning_alert",
        ["code-scanning/get-alert"],
        security::code_alert
    ),
    tool!("get_commit", ["repos/get-commit"], commits::one),
    tool!(
        "get_dependabot_alert",
        ["dependabot/get-alert"],
        security::dependabot_alert
    ),
    tool!("get_discussion", ["graphql"], discussions::one),
    tool!(
        "get_discussion_comments",
        ["graphql"],
        discussions::comments
    ),
    tool!("get_file_blame", ["graphql"], blame::call),
    Tool {
        name: "get_file_contents",
        operations: &[
            "git/get-ref",
            "git/get-tree",
            "repos/get",
            "repos/get-content",
        ],
        call: |arguments, ask| {
            files::contents(arguments, &mut asker(ask))
                .unwrap_or_else(|failure| answer(Err(failure)))
        },
    },
    tool!("get_gist", ["gists/get"], gists::one),
    tool!(
        "get_global_security_advisory",
        ["security-advisories/get-global-advisory"],
        security::advisory
    ),
    tool!(
        "get_job_logs",
        [
            "actions/download-job-logs-for-workflow-run",
            "actions/list-jobs-for-workflow-run",
            "web/actions-job-log"
        ],
        actions::logs
    ),
    tool!("get_label", ["issues/get-label"], labels::get),
    tool!(
        "get_latest_release",
        ["repos/get-latest-release"],
        releases::latest
    ),
    tool!("get_me", ["users/get-authenticated"], issues::me),
    tool!(
        "get_notification_details",
        ["activity/get-thread"],
        notifications::one
    ),
    tool!(
        "get_release_by_tag",
        ["repos/get-release-by-tag"],
        releases::by_tag
    ),
    tool!(
        "get_repository_tree",
        ["git/get-tree", "repos/get"],
        files::tree
    ),
    tool!(
        "get_secret_scanning_alert",
        ["secret-scanning/get-alert"],
        security::secret_alert
    ),
    tool!("get_tag", ["git/get-ref", "git/get-tag"], branches::tag),
    tool!("get_team_members", ["graphql"], people::members),
    tool!(
        "get_teams",
        ["graphql", "users/get-authenticated"],
        people::teams
    ),
    tool!(
        "issue_read",
        [
            "graphql",
            "issues/get",
            "issues/get-parent",
            "issues/list-comments",
            "issues/list-labels-on-issue",
            "issues/list-sub-issues"
        ],
        issues::read
    ),
    tool!(
        "issue_write",
        ["issues/create", "issues/get", "issues/update"],
        issues::write
    ),
    tool!(
        "label_write",
        [
            "issues/create-label",
            "issues/delete-label",
            "issues/update-label"
        ],
        labels::write
    ),
    tool!("list_branches", ["repos/list-branches"], branches::list),
    tool!(
        "list_code_scanning_alerts",
        ["code-scanning/list-alerts-for-repo"],
        security::code_alerts
    ),
    tool!("list_commits", ["repos/list-commits"], commits::list),
    tool!(
        "list_dependabot_alerts",
        ["dependabot/list-alerts-for-repo"],
        security::dependabot_alerts
    ),
    tool!(
        "list_discussion_categories",
        ["graphql"],
        discussions::categories
    ),
    tool!("list_discussions", ["graphql"], discussions::list),
    tool!(
        "list_gists",
        ["gists/list", "gists/list-for-user"],
        gists::list
    ),
    tool!(
        "list_global_security_advisories",
        ["security-advisories/list-global-advisories"],
        security::global
    ),
    tool!(
        "list_issue_fields",
        ["orgs/list-issue-fields", "repos/get"],
        people::issue_fields
    ),
    tool!(
        "list_issue_types",
        ["orgs/list-issue-types", "repos/list-issue-types"],
        people::issue_types
    ),
    tool!(
        "list_issues",
        ["issues/list-for-repo", "search/issues-and-pull-requests"],
        lists::issues
    ),
    tool!(
        "list_label",
        ["graphql", "issues/list-labels-for-repo"],
        labels::list
    ),
    tool!(
        "list_notifications",
        [
            "activity/list-notifications-for-authenticated-user",
            "activity/list-repo-notifications-for-authenticated-user"
        ],
        notifications::list
    ),
    tool!(
        "list_org_repository_security_advisories",
        ["security-advisories/list-org-repository-advisories"],
        security::of_organization
    ),
    tool!("list_pull_requests", ["pulls/list"], pulls::list),
    tool!("list_releases", ["repos/list-releases"], releases::list),
    tool!(
        "list_repository_collaborators",
        ["repos/list-collaborators"],
        repositories::collaborators
    ),
    tool!(
        "list_repository_security_advisories",
        ["security-advisories/list-repository-advisories"],
        security::of_repository
    ),
    tool!(
        "list_secret_scanning_alerts",
        ["secret-scanning/list-alerts-for-repo"],
        security::secret_alerts
    ),
    tool!(
        "list_starred_repositories",
        [
            "activity/list-repos-starred-by-authenticated-user",
            "activity/list-repos-starred-by-user"
        ],
        repositories::starred
    ),
    tool!("list_tags", ["repos/list-tags"], branches::tags),
    tool!(
        "manage_notification_subscription",
        [
            "activity/delete-thread-subscription",
            "activity/set-thread-subscription"
        ],
        notifications::subscribe
    ),
    tool!(
        "manage_repository_notification_subscription",
        [
            "activity/delete-repo-subscription",
            "activity/set-repo-subscription"
        ],
        notifications::watch
    ),
    tool!(
        "mark_all_notifications_read",
        [
            "activity/mark-notifications-as-read",
            "activity/mark-repo-notifications-as-read"
        ],
        notifications::read_all
    ),
    tool!("merge_pull_request", ["pulls/merge"], pulls::merge),
    tool!(
        "projects_get",
        [
            "graphql",
            "projects/get-field-for-org",
            "projects/get-field-for-user",
            "projects/get-for-org",
            "projects/get-for-user",
            "projects/get-org-item",
            "projects/get-user-item",
            "users/get-by-username"
        ],
        projects::one
    ),
    tool!(
        "projects_list",
        [
            "graphql",
            "projects/get-for-org",
            "projects/get-for-user",
            "projects/list-fields-for-org",
            "projects/list-fields-for-user",
            "projects/list-for-org",
            "projects/list-for-user",
            "projects/list-items-for-org",
            "projects/list-items-for-user",
            "users/get-by-username"
        ],
        projects::list
    ),
    tool!(
        "projects_write",
        [
            "graphql",
            "projects/delete-item-for-org",
            "projects/delete-item-for-user",
            "projects/get-for-org",
            "projects/get-for-user",
            "projects/update-item-for-org",
            "projects/update-item-for-user",
            "users/get-by-username"
        ],
        projects::write
    ),
    tool!(
        "pull_request_read",
        [
            "checks/list-for-ref",
            "graphql",
            "issues/list-comments",
            "pulls/get",
            "pulls/list-commits",
            "pulls/list-files",
            "pulls/list-reviews",
            "repos/get-combined-status-for-ref"
        ],
        pulls::read
    ),
    tool!(
        "pull_request_review_write",
        ["graphql", "pulls/get", "users/get-authenticated"],
        reviews::review
    ),
    tool!(
        "push_files",
        [
            "git/create-commit",
            "git/create-ref",
            "git/create-tree",
            "git/get-commit",
            "git/get-ref",
            "git/update-ref",
            "repos/create-or-update-file-contents",
            "repos/get"
        ],
        files::push
    ),
    tool!(
        "request_copilot_review",
        ["pulls/request-reviewers", "repos/get"],
        copilot::review
    ),
    tool!("search_code", ["search/code"], files::search),
    tool!("search_commits", ["search/commits"], commits::search),
    tool!(
        "search_issues",
        ["search/issues-and-pull-requests"],
        lists::search
    ),
    tool!("search_orgs", ["search/users"], search::orgs),
    tool!(
        "search_pull_requests",
        ["search/issues-and-pull-requests"],
        search::pulls
    ),
    tool!(
        "search_repositories",
        ["search/repos"],
        repositories::search
    ),
    tool!("search_users", ["search/users"], search::users),
    tool!(
        "star_repository",
        ["activity/star-repo-for-authenticated-user"],
        repositories::star
    ),
    tool!(
        "sub_issue_write",
        [
            "issues/add-sub-issue",
            "issues/remove-sub-issue",
            "issues/reprioritize-sub-issue"
        ],
        sub_issues::call
    ),
    tool!(
        "unstar_repository",
        ["activity/unstar-repo-for-authenticated-user"],
        repositories::unstar
    ),
    tool!("update_gist", ["gists/update"], gists::update),
    tool!(
        "update_pull_request",
        [
            "graphql",
            "pulls/get",
            "pulls/request-reviewers",
            "pulls/update"
        ],
        pulls::update
    ),
    tool!(
        "update_pull_request_branch",
        ["pulls/update-branch"],
        pulls::update_branch
    ),
];
