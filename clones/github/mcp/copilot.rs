//! Tools that put GitHub's own agent to work: it is assigned or asked as the service shows it, and
//! does nothing. Where nobody of its names is in the state, the account has no Copilot.

use archal_core::clone::Arguments;
use serde_json::json;

use super::issues::repository;
use super::shapes::{self, of, refused, refused_graph};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number, required_number, required_text, text};

/// Who works on issues.
const AGENT: &str = "copilot-swe-agent";
/// Who reviews pull requests.
const REVIEWER: &str = "copilot-pull-request-reviewer[bot]";

/// `assign_copilot_to_issue`.
pub(super) fn assign(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    // The official server takes what is missing for empty.
    let (owner, repo) = (text(arguments, "owner")?, text(arguments, "repo")?);
    let issue = number(arguments, "issue_number")?.unwrap_or_default();
    let path = repository(owner, repo);
    let there = asker.get(&format!("{path}/assignees/{AGENT}"), &[]);
    if !there.succeeded() {
        let known = asker.get(&path, &[]);
        if !known.succeeded() {
            let missing = shapes::no_repository(owner, repo);
            let what = "failed to get suggested actors";
            return Err(refused_graph(what, &known, &missing));
        }
        return Err(Failure::Refused(
            "copilot isn't available as an assignee for this issue. Please inform the user to visit https://docs.github.com/en/copilot/concepts/agents/cloud-agent/about-cloud-agent for more information."
                .to_owned(),
        ));
    }
    let body = json!({"assignees": [AGENT]});
    let path = format!("{path}/issues/{issue}/assignees");
    let answered = asker.write("POST", &path, &body);
    if !answered.succeeded() {
        let missing = shapes::no_issue(issue);
        let what = "failed to get issue ID";
        return Err(refused_graph(what, &answered, &missing));
    }
    Ok(shapes::text(&json!({
        "message": "successfully assigned copilot to issue - pull request pending",
        "note": "The pull request may still be in progress. Once created, the PR number can be used to check job status, or check the issue timeline for updates.",
        "issue_number": answered.body["number"],
        "issue_url": of(&answered.body, "html_url"),
        "owner": owner,
        "repo": repo,
    })))
}

/// `request_copilot_review`.
pub(super) fn review(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let pull = required_number(arguments, "pullNumber")?;
    let path = repository(owner, repo);
    let asked = format!("{path}/pulls/{pull}/requested_reviewers");
    let answered = asker.write("POST", &asked, &json!({"reviewers": [REVIEWER]}));
    if answered.succeeded() {
        return Ok(String::new());
    }
    let mut what = "failed to request copilot review".to_owned();
    if matches!(answered.status, 403 | 404) {
        // Whoever may not write is told the same as whoever asks for what is not there.
        let known = asker.get(&path, &[]);
        what.push_str(&if !known.succeeded() {
            format!(". {owner}/{repo} could not be read with the current credentials, so it may not exist or the credentials may not reach it. Lacking write access is refused with the same status.")
        } else if known.body["permissions"]["push"] != true {
            format!(". The authenticated user has no write access to {owner}/{repo}, and GitHub requires write access to request a reviewer, even from the author of the pull request. Request the Copilot review from the pull request page on the GitHub website instead, or ask someone with write access to request it.")
        } else {
            format!(". The authenticated user has write access to {owner}/{repo}, so check that pull request #{pull} exists there and that Copilot code review is available for the repository. Copilot code review is not available on GitHub Enterprise Server.")
        });
    }
    Err(refused(&what, &answered))
}
