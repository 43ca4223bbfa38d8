//! Tools on reviews of pull requests.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::issues::repository;
use super::plain::{self, get, graph, pick, put, write};
use super::shapes::{self, of};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number, number_or, required_number, required_text, text};

const REACTIONS: &str = "reaction cannot be empty when provided";
const THREADS: &str = "query($owner: String!, $repo: String!, $number: Int!, $first: Int!, $after: String) { repository(owner: $owner, name: $repo) { pullRequest(number: $number) { reviewThreads(first: $first, after: $after) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { id isResolved isOutdated isCollapsed comments(first: 100) { totalCount nodes { body path line author { login } createdAt updatedAt url } } } } } } }";
const PENDING: &str = "query($author: String!, $owner: String!, $repo: String!, $number: Int!) { repository(owner: $owner, name: $repo) { pullRequest(number: $number) { reviews(first: 1, author: $author) { nodes { id state url } } } } }";

/// `pull_request_read` of `get_review_comments`.
pub(super) fn threads(arguments: &Arguments, asker: &mut Asker<'_>) -> Result<Value, Failure> {
    let after = text(arguments, "after")?;
    let variables = json!({
        "owner": required_text(arguments, "owner")?,
        "repo": required_text(arguments, "repo")?,
        "number": required_number(arguments, "pullNumber")?,
        "first": number_or(arguments, "perPage", 30)?,
        "after": Some(after).filter(|after| !after.is_empty()),
    });
    let what = "failed to get pull request review threads";
    let data = graph(asker, THREADS, &variables, what)?;
    let threads = &data["repository"]["pullRequest"]["reviewThreads"];
    let shown = plain::each(&threads["nodes"], &[], |thread| {
        let comments = plain::each(&thread["comments"]["nodes"], &[], |comment| {
            let mut out = pick(comment, "body? path line?");
            put(&mut out, "author", comment["author"]["login"].clone());
            put(&mut out, "created_at", comment["createdAt"].clone());
            put(&mut out, "updated_at", comment["updatedAt"].clone());
            out.insert("html_url".to_owned(), comment["url"].clone());
            out.into()
        });
        json!({
            "id": thread["id"],
            "is_resolved": thread["isResolved"],
            "is_outdated": thread["isOutdated"],
            "is_collapsed": thread["isCollapsed"],
            "comments": comments,
            "total_count": thread["comments"]["totalCount"],
        })
    });
    let info = pick(
        &threads["pageInfo"],
        "hasNextPage hasPreviousPage startCursor? endCursor?",
    );
    Ok(json!({
        "review_threads": shown, "totalCount": threads["totalCount"], "pageInfo": info,
    }))
}

/// The id of the caller's pending review.
fn pending(arguments: &Arguments, asker: &mut Asker<'_>) -> Result<String, Failure> {
    let viewer = get(asker, "/user", &[], "failed to get current user")?;
    let variables = json!({
        "author": viewer["login"],
        "owner": text(arguments, "owner")?,
        "repo": text(arguments, "repo")?,
        "number": number_or(arguments, "pullNumber", 0)?,
    });
    let what = "failed to get latest review for current user";
    let data = graph(asker, PENDING, &variables, what)?;
    let review = &data["repository"]["pullRequest"]["reviews"]["nodes"][0];
    if review.is_null() {
        let text = "No pending review found for the viewer";
        return Err(Failure::Refused(text.to_owned()));
    }
    if review["state"] != "PENDING" {
        let url = of(review, "url");
        return Err(Failure::Refused(format!(
            "The latest review, found at {url} is not pending"
        )));
    }
    Ok(of(review, "id").to_owned())
}

/// `pull_request_review_write`.
pub(super) fn review(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = text(arguments, "method")?;
    let event = text(arguments, "event")?;
    let body = text(arguments, "body")?;
    match method {
        "create" => {
            let (owner, repo) = (text(arguments, "owner")?, text(arguments, "repo")?);
            let number = number_or(arguments, "pullNumber", 0)?;
            let path = format!("{}/pulls/{number}", repository(owner, repo));
            let pull = get(asker, &path, &[], "failed to get pull request")?;
            let mut input = Map::new();
            input.insert("pullRequestId".to_owned(), pull["node_id"].clone());
            put(&mut input, "commitOID", text(arguments, "commitID")?.into());
            if !event.is_empty() {
                input.insert("event".to_owned(), event.into());
                input.insert("body".to_owned(), body.into());
            }
            graph(
                asker,
                "mutation($input: AddPullRequestReviewInput!) { addPullRequestReview(input: $input) { pullRequestReview { id } } }",
                &json!({"input": input}),
                "",
            )?;
            Ok(if event.is_empty() {
                "pending pull request created"
            } else {
                "pull request review submitted successfully"
            }
            .to_owned())
        }
        "submit_pending" => {
            let id = pending(arguments, asker)?;
            let input = json!({"pullRequestReviewId": id, "event": event, "body": body});
            let what = "failed to submit pull request review";
            graph(
                asker,
                "mutation($input: SubmitPullRequestReviewInput!) { submitPullRequestReview(input: $input) { pullRequestReview { id } } }",
                &json!({"input": input}),
                what,
            )?;
            Ok("pending pull request review successfully submitted".to_owned())
        }
        "delete_pending" => {
            let id = pending(arguments, asker)?;
            let input = json!({"pullRequestReviewId": id});
            graph(
                asker,
                "mutation($input: DeletePullRequestReviewInput!) { deletePullRequestReview(input: $input) { pullRequestReview { id } } }",
                &json!({"input": input}),
                "",
            )?;
            Ok("pending pull request review successfully deleted".to_owned())
        }
        "resolve_thread" | "unresolve_thread" => {
            let thread = text(arguments, "threadId")?;
            if thread.is_empty() {
                let text = "threadId is required for resolve_thread and unresolve_thread methods";
                return Err(Failure::Refused(text.to_owned()));
            }
            let id = json!({"id": thread});
            if method == "resolve_thread" {
                graph(
                    asker,
                    "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }",
                    &id,
                    "failed to resolve review thread",
                )?;
                Ok("review thread resolved successfully".to_owned())
            } else {
                graph(
                    asker,
                    "mutation($id: ID!) { unresolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }",
                    &id,
                    "failed to unresolve review thread",
                )?;
                Ok("review thread unresolved successfully".to_owned())
            }
        }
        other => Err(Failure::Refused(format!("unknown method: {other}"))),
    }
}

/// `add_comment_to_pending_review`.
pub(super) fn comment(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    required_text(arguments, "owner")?;
    required_text(arguments, "repo")?;
    required_number(arguments, "pullNumber")?;
    let mut input = Map::new();
    for (name, as_name) in [
        ("path", "path"),
        ("body", "body"),
        ("subjectType", "subjectType"),
    ] {
        input.insert(as_name.to_owned(), required_text(arguments, name)?.into());
    }
    for name in ["line", "startLine"] {
        put(&mut input, name, number(arguments, name)?.into());
    }
    for name in ["side", "startSide"] {
        put(&mut input, name, text(arguments, name)?.into());
    }
    let id = pending(arguments, asker)?;
    input.insert("pullRequestReviewId".to_owned(), id.into());
    let data = graph(
        asker,
        "mutation($input: AddPullRequestReviewThreadInput!) { addPullRequestReviewThread(input: $input) { thread { id } } }",
        &json!({"input": input}),
        "",
    )?;
    if data["addPullRequestReviewThread"]["thread"].is_null() {
        return Err(Failure::Refused("Failed to add comment to pending review. Possible reasons:\n\t- The line number doesn't exist in the pull request diff\n\t- The file path is incorrect\n\t- The side (LEFT/RIGHT) is invalid for the specified line\n".to_owned()));
    }
    Ok("pull request review comment successfully added to pending review".to_owned())
}

/// `add_reply_to_pull_request_comment`.
pub(super) fn reply(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let comment = required_number(arguments, "commentId")?;
    let refuse = |text: &str| Err(Failure::Refused(text.to_owned()));
    if comment < 1 {
        return refuse("commentId must be greater than 0");
    }
    let has_body = arguments.contains_key("body");
    let has_reaction = arguments.contains_key("reaction");
    let body = text(arguments, "body")?;
    let reaction = text(arguments, "reaction")?;
    if !has_body && !has_reaction {
        return refuse("at least one of body or reaction is required");
    }
    if has_body && body.is_empty() {
        return refuse("body cannot be empty when provided");
    }
    if has_reaction && reaction.is_empty() {
        return refuse(REACTIONS);
    }
    let pull = if has_body {
        required_number(arguments, "pullNumber")?
    } else {
        0
    };
    let mut out = Map::new();
    if has_reaction {
        let path = format!("{repo}/pulls/comments/{comment}/reactions");
        let what = "failed to add reaction to pull request review comment";
        let made = write(asker, "POST", &path, &json!({"content": reaction}), what)?;
        out.insert("reaction".to_owned(), shapes::reacted(&path, &made));
    }
    if has_body {
        let path = format!("{repo}/pulls/{pull}/comments/{comment}/replies");
        let what = "failed to add reply to pull request comment";
        let made = write(asker, "POST", &path, &json!({"body": body}), what)?;
        out.insert("comment".to_owned(), shapes::written(&made));
    }
    Ok(match (out.get("comment"), out.get("reaction")) {
        (Some(one), None) | (None, Some(one)) => shapes::text(one),
        _ => shapes::text(&out),
    })
}
