//! The tools of GitHub's official MCP server whose operations are modelled.
//!
//! Names, schemas, shapes of results and words of errors are those of `github-mcp-server`
//! (`definitions.json`). Where that server asks GraphQL, the same is asked of the REST operation;
//! `list_label` sorts by name, and `search_issues` finds words, not meanings.
//!
//! - [`issues`], [`lists`], [`labels`]: the tools. [`shapes`]: their results.

mod issues;
mod labels;
mod lists;
mod shapes;
#[cfg(test)]
mod tests;

use archal_core::clone::{Arguments, Ask, McpFace, Tool, ToolAnswer};

use crate::engine::mcp::Asker;

/// The face.
pub(super) const FACE: McpFace = McpFace {
    server: "github-mcp-server",
    remote: Some(("api.githubcopilot.com", "/mcp")),
    definitions: include_str!("definitions.json"),
    tools: TOOLS,
    unmodelled: UNMODELLED,
};

const TOOLS: &[Tool] = &[
    tool(
        "add_issue_comment",
        &[
            "issues/create-comment",
            "reactions/create-for-issue",
            "reactions/create-for-issue-comment",
        ],
        |arguments, ask| answer(issues::comment(arguments, &mut asker(ask))),
    ),
    tool("get_label", &["issues/get-label"], |arguments, ask| {
        answer(labels::get(arguments, &mut asker(ask)))
    }),
    tool("get_me", &["users/get-authenticated"], |_, ask| {
        answer(issues::me(&mut asker(ask)))
    }),
    tool(
        "issue_read",
        &[
            "issues/get",
            "issues/get-parent",
            "issues/list-comments",
            "issues/list-labels-on-issue",
            "issues/list-sub-issues",
        ],
        |arguments, ask| answer(issues::read(arguments, &mut asker(ask))),
    ),
    tool(
        "issue_write",
        &["issues/create", "issues/get", "issues/update"],
        |arguments, ask| answer(issues::write(arguments, &mut asker(ask))),
    ),
    tool(
        "label_write",
        &[
            "issues/create-label",
            "issues/delete-label",
            "issues/update-label",
        ],
        |arguments, ask| answer(labels::write(arguments, &mut asker(ask))),
    ),
    tool(
        "list_issues",
        &["issues/list-for-repo", "search/issues-and-pull-requests"],
        |arguments, ask| answer(lists::issues(arguments, &mut asker(ask))),
    ),
    tool(
        "list_label",
        &["issues/list-labels-for-repo"],
        |arguments, ask| answer(labels::list(arguments, &mut asker(ask))),
    ),
    tool(
        "search_issues",
        &["search/issues-and-pull-requests"],
        |arguments, ask| answer(lists::search(arguments, &mut asker(ask))),
    ),
];

/// Tools that the official server has switched on or can be asked for, less those above and those
/// behind its feature flags.
const UNMODELLED: &[&str] = &[
    "actions_get",
    "actions_list",
    "actions_run_trigger",
    "add_comment_to_pending_review",
    "add_reply_to_pull_request_comment",
    "assign_copilot_to_issue",
    "assign_copilot_to_issue_with_intent",
    "create_branch",
    "create_gist",
    "create_or_update_file",
    "create_pull_request",
    "create_repository",
    "delete_file",
    "delete_repository",
    "discussion_comment_write",
    "dismiss_notification",
    "fork_repository",
    "get_code_quality_finding",
    "get_code_scanning_alert",
    "get_commit",
    "get_dependabot_alert",
    "get_discussion",
    "get_discussion_comments",
    "get_file_blame",
    "get_file_contents",
    "get_gist",
    "get_global_security_advisory",
    "get_job_logs",
    "get_latest_release",
    "get_notification_details",
    "get_release_by_tag",
    "get_repository_tree",
    "get_secret_scanning_alert",
    "get_tag",
    "get_team_members",
    "get_teams",
    "list_branches",
    "list_code_scanning_alerts",
    "list_commits",
    "list_dependabot_alerts",
    "list_discussion_categories",
    "list_discussions",
    "list_gists",
    "list_global_security_advisories",
    "list_issue_fields",
    "list_issue_types",
    "list_notifications",
    "list_org_repository_security_advisories",
    "list_pull_requests",
    "list_releases",
    "list_repository_collaborators",
    "list_repository_security_advisories",
    "list_secret_scanning_alerts",
    "list_starred_repositories",
    "list_tags",
    "manage_notification_subscription",
    "manage_repository_notification_subscription",
    "mark_all_notifications_read",
    "merge_pull_request",
    "projects_get",
    "projects_list",
    "projects_write",
    "pull_request_read",
    "pull_request_review_write",
    "push_files",
    "request_copilot_review",
    "search_code",
    "search_commits",
    "search_orgs",
    "search_pull_requests",
    "search_repositories",
    "search_users",
    "star_repository",
    "sub_issue_write",
    "unstar_repository",
    "update_gist",
    "update_pull_request",
    "update_pull_request_branch",
];

const fn tool(
    name: &'static str,
    operations: &'static [&'static str],
    call: fn(&Arguments, Ask<'_>) -> ToolAnswer,
) -> Tool {
    Tool {
        name,
        operations,
        call,
    }
}

fn asker(ask: Ask<'_>) -> Asker<'_> {
    Asker {
        host: "api.github.com",
        ask,
    }
}

/// Why a tool has no result.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The result says what is wrong.
    Refused(String),
    /// The official server's handler fails, which is an error of the protocol.
    Fault(String),
    /// Something GitHub has and the clone does not.
    Unmodelled(&'static str),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Refused(text)
    }
}

/// A tool's result as text, or why there is none.
type Outcome = Result<String, Failure>;

fn answer(outcome: Outcome) -> ToolAnswer {
    match outcome {
        Ok(text) => ToolAnswer::Text(text),
        Err(Failure::Refused(text)) => ToolAnswer::Refused(text),
        Err(Failure::Fault(text)) => ToolAnswer::Fault(text),
        Err(Failure::Unmodelled(what)) => ToolAnswer::Unmodelled(what.to_owned()),
    }
}
