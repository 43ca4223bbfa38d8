//! The methods of PyGithub: what they are called on, the operation they call, and the parameters
//! that they name otherwise. What is missing here is said to be unmapped.

use archal_core::clone::SdkMethod;

const fn method(
    on: &'static str,
    name: &'static str,
    operation: &'static str,
    parameters: &'static [(&'static str, &'static str)],
) -> SdkMethod {
    SdkMethod {
        on,
        name,
        operation,
        parameters,
    }
}

const NUMBER: &[(&str, &str)] = &[("number", "issue_number")];
const PULL: &[(&str, &str)] = &[("number", "pull_number")];
const ISSUE_OF_PULL: &[(&str, &str)] =
    &[("number", "issue_number"), ("pull_number", "issue_number")];

/// The methods.
pub(super) const METHODS: &[SdkMethod] = &[
    method(
        "Github",
        "get_organization",
        "orgs/get",
        &[("login", "org")],
    ),
    method(
        "Github",
        "get_repo",
        "repos/get",
        &[("full_name_or_id", "full_name")],
    ),
    method(
        "Github",
        "get_user",
        "users/get-by-username",
        &[("login", "username")],
    ),
    method(
        "Github",
        "search_issues",
        "search/issues-and-pull-requests",
        &[("query", "q")],
    ),
    method(
        "Github",
        "search_repositories",
        "search/repos",
        &[("query", "q")],
    ),
    method("Issue", "add_to_assignees", "issues/add-assignees", NUMBER),
    method("Issue", "add_to_labels", "issues/add-labels", NUMBER),
    method("Issue", "create_comment", "issues/create-comment", NUMBER),
    method("Issue", "delete_labels", "issues/remove-all-labels", NUMBER),
    method("Issue", "edit", "issues/update", NUMBER),
    method("Issue", "get_comments", "issues/list-comments", NUMBER),
    method("Issue", "get_labels", "issues/list-labels-on-issue", NUMBER),
    method(
        "Issue",
        "remove_from_assignees",
        "issues/remove-assignees",
        NUMBER,
    ),
    method(
        "Issue",
        "remove_from_labels",
        "issues/remove-label",
        &[("label", "name"), ("number", "issue_number")],
    ),
    method("Issue", "set_labels", "issues/set-labels", NUMBER),
    method(
        "PullRequest",
        "create_issue_comment",
        "issues/create-comment",
        ISSUE_OF_PULL,
    ),
    method("PullRequest", "edit", "pulls/update", PULL),
    method("PullRequest", "get_commits", "pulls/list-commits", PULL),
    method("PullRequest", "get_files", "pulls/list-files", PULL),
    method(
        "PullRequest",
        "get_issue_comments",
        "issues/list-comments",
        ISSUE_OF_PULL,
    ),
    method("PullRequest", "get_reviews", "pulls/list-reviews", PULL),
    method("PullRequest", "merge", "pulls/merge", PULL),
    method(
        "Repository",
        "create_git_release",
        "repos/create-release",
        &[("message", "body"), ("tag", "tag_name")],
    ),
    method("Repository", "create_issue", "issues/create", &[]),
    method("Repository", "create_label", "issues/create-label", &[]),
    method("Repository", "create_pull", "pulls/create", &[]),
    method("Repository", "get_branch", "repos/get-branch", &[]),
    method("Repository", "get_branches", "repos/list-branches", &[]),
    method(
        "Repository",
        "get_commit",
        "repos/get-commit",
        &[("sha", "ref")],
    ),
    method("Repository", "get_commits", "repos/list-commits", &[]),
    method("Repository", "get_contents", "repos/get-content", &[]),
    method("Repository", "get_issue", "issues/get", NUMBER),
    method("Repository", "get_issues", "issues/list-for-repo", &[]),
    method("Repository", "get_label", "issues/get-label", &[]),
    method(
        "Repository",
        "get_labels",
        "issues/list-labels-for-repo",
        &[],
    ),
    method(
        "Repository",
        "get_latest_release",
        "repos/get-latest-release",
        &[],
    ),
    method("Repository", "get_pull", "pulls/get", PULL),
    method("Repository", "get_pulls", "pulls/list", &[]),
    method("Repository", "get_releases", "repos/list-releases", &[]),
];
