//! The tools of GitHub's official MCP server whose operations are modelled.
//!
//! Names, schemas, shapes of results and words of errors are those of `github-mcp-server`
//! (`definitions.json`). Where that server asks GraphQL, the same may be asked of the REST operation;
//! `search_issues` finds words, not meanings.
//!
//! - [`tools`]: the list of them, with the operations they call.
//! - [`actions`], [`blame`], [`branches`], [`commits`], [`copilot`], [`discussions`], [`files`],
//!   [`gists`], [`issues`], [`labels`], [`lists`], [`notifications`], [`people`], [`projects`] and
//!   [`project_items`], [`pulls`], [`releases`], [`repositories`], [`reviews`], [`search`],
//!   [`security`], [`sub_issues`]: the tools.
//! - [`plain`]: what plain tools share. [`shapes`]: their results. [`recorded`]: what results prove.

mod actions;
mod blame;
mod branches;
mod commits;
mod copilot;
mod discussions;
mod files;
mod gists;
mod issues;
mod labels;
mod lists;
mod notifications;
mod people;
mod plain;
mod project_items;
mod projects;
mod pulls;
mod recorded;
mod releases;
mod repositories;
mod reviews;
mod search;
mod security;
mod shapes;
mod sub_issues;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_planning;
#[cfg(test)]
mod tests_repositories;
#[cfg(test)]
mod tests_services;
mod tools;

use archal_core::clone::{Ask, McpFace, ToolAnswer};

use crate::engine::mcp::Asker;

/// The face.
pub(super) const FACE: McpFace = McpFace {
    server: "github-mcp-server",
    remote: Some(("api.githubcopilot.com", "/mcp")),
    definitions: include_str!("definitions.json"),
    tools: tools::TOOLS,
    unmodelled: UNMODELLED,
    restore: recorded::restore,
};

/// Tools that the official server has switched on or can be asked for, less those above and those
/// behind its feature flags. One wants a person to confirm what it does, in a round trip of a protocol
/// newer than ours; the other writes what no published schema of GraphQL knows.
const UNMODELLED: &[&str] = &["assign_copilot_to_issue_with_intent", "delete_repository"];

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
