//! Tools on pull requests.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::plain::{self, flag, get, graph, paging, pick, put, write};
use super::shapes::{self, of, refused};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_number, required_text, text, texts};

/// A pull request.
fn shape(pull: &Value) -> Value {
    let mut out = pick(
        pull,
        "number title body? state draft mergeable_state? html_url additions? deletions? changed_files? commits? comments? created_at? updated_at? closed_at? merged_at?",
    );
    let merged = pull["merged"].as_bool().unwrap_or_default();
    out.insert("merged".to_owned(), merged.into());
    if let Some(user) = shapes::user(&pull["user"]) {
        out.insert("user".to_owned(), user);
    }
    put(
        &mut out,
        "labels",
        shapes::each(&pull["labels"], "name").into(),
    );
    for people in ["assignees", "requested_reviewers"] {
        put(
            &mut out,
            people,
            shapes::each(&pull[people], "login").into(),
        );
    }
    put(&mut out, "merged_by", pull["merged_by"]["login"].clone());
    put(&mut out, "milestone", pull["milestone"]["title"].clone());
    for side in ["head", "base"] {
        let mut branch = pick(&pull[side], "ref sha");
        if pull[side]["repo"].is_object() {
            let repo = pick(&pull[side]["repo"], "full_name description?");
            branch.insert("repo".to_owned(), repo.into());
        }
        out.insert(side.to_owned(), branch.into());
    }
    out.into()
}

fn path(arguments: &Arguments) -> Result<String, Failure> {
    let repo = plain::repo(arguments)?;
    let number = required_number(arguments, "pullNumber")?;
    Ok(format!("{repo}/pulls/{number}"))
}

/// `pull_request_read`.
pub(super) fn read(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    let path = path(arguments)?;
    let paging = paging(arguments)?;
    let what = |what: &str| format!("failed to get pull request{what}");
    let shown = match method {
        "get" => shape(&get(asker, &path, &[], &what(""))?),
        "get_diff" => {
            let answered = asker.get_as(&path, "application/vnd.github.v3.diff");
            if !answered.succeeded() {
                return Err(refused(&what(" diff"), &answered));
            }
            return Ok(answered.text);
        }
        "get_status" => status(arguments, asker, &path)?,
        "get_check_runs" => {
            let pull = get(asker, &path, &[], &what(""))?;
            let repo = plain::repo(arguments)?;
            let path = format!("{repo}/commits/{}/check-runs", of(&pull["head"], "sha"));
            let runs = get(asker, &path, &paging, "failed to get check runs")?;
            let listed = plain::each(&runs["check_runs"], &[], |run| {
                pick(
                    run,
                    "id name status conclusion? html_url? details_url? started_at? completed_at?",
                )
                .into()
            });
            json!({"total_count": runs["total_count"], "check_runs": listed})
        }
        "get_files" => {
            let listed = get(asker, &format!("{path}/files"), &paging, &what(" files"))?;
            plain::each(&listed, &[], |file| {
                pick(
                    file,
                    "filename status? additions? deletions? changes? patch? previous_filename?",
                )
                .into()
            })
        }
        "get_commits" => {
            let at = format!("{path}/commits");
            let listed = get(asker, &at, &paging, &what(" commits"))?;
            plain::each(&listed, &[], |commit| {
                let mut out = pick(commit, "sha html_url?");
                put(&mut out, "message", commit["commit"]["message"].clone());
                let author = pick(&commit["commit"]["author"], "name? email? date?");
                out.insert("author".to_owned(), author.into());
                out.into()
            })
        }
        "get_reviews" => {
            let at = format!("{path}/reviews");
            let listed = get(asker, &at, &paging, &what(" reviews"))?;
            plain::each(&listed, &[], |review| {
                let mut out = pick(
                    review,
                    "id state body? html_url commit_id? submitted_at? author_association?",
                );
                if let Some(user) = shapes::user(&review["user"]) {
                    out.insert("user".to_owned(), user);
                }
                out.into()
            })
        }
        "get_comments" => {
            let at = path.replacen("/pulls/", "/issues/", 1);
            let listed = get(
                asker,
                &format!("{at}/comments"),
                &paging,
                "failed to get issue comments",
            )?;
            plain::each(&listed, &[], shapes::comment)
        }
        "get_review_comments" => super::reviews::threads(arguments, asker)?,
        other => return Err(Failure::Refused(format!("unknown method: {other}"))),
    };
    Ok(shapes::text(&shown))
}

fn status(arguments: &Arguments, asker: &mut Asker<'_>, path: &str) -> Result<Value, Failure> {
    let pull = get(asker, path, &[], "failed to get pull request")?;
    let repo = plain::repo(arguments)?;
    let path = format!("{repo}/commits/{}/status", of(&pull["head"], "sha"));
    let status = get(asker, &path, &[], "failed to get combined status")?;
    let mut out = pick(&status, "state sha total_count");
    let statuses = plain::each(&status["statuses"], &[], |status| {
        pick(
            status,
            "state context description? target_url? created_at? updated_at?",
        )
        .into()
    });
    out.insert("statuses".to_owned(), statuses);
    Ok(out.into())
}

/// `list_pull_requests`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/pulls", plain::repo(arguments)?);
    let fields = texts(arguments, "fields")?;
    let names = ["state", "head", "base", "sort", "direction"];
    let mut query = plain::texts_of(arguments, &names)?;
    query.extend(paging(arguments)?);
    let listed = get(asker, &path, &query, "failed to list pull requests")?;
    Ok(shapes::text(&plain::each(&listed, &fields, shape)))
}

/// Asks people and teams for a review.
fn ask_reviewers(asker: &mut Asker<'_>, path: &str, names: &[&str]) -> Result<(), Failure> {
    let (teams, people): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains('/'));
    let teams: Vec<&str> = teams
        .iter()
        .filter_map(|team| team.split_once('/').map(|(_, slug)| slug))
        .collect();
    let mut body = Map::new();
    put(&mut body, "reviewers", people.into());
    put(&mut body, "team_reviewers", teams.into());
    let path = format!("{path}/requested_reviewers");
    write(
        asker,
        "POST",
        &path,
        &body.into(),
        "failed to request reviewers",
    )?;
    Ok(())
}

/// `create_pull_request`.
pub(super) fn create(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let mut fields = Map::new();
    for name in ["title", "head", "base"] {
        // Another type is refused before what is missing.
        text(arguments, name)?;
    }
    for name in ["title", "head", "base"] {
        fields.insert(name.to_owned(), required_text(arguments, name)?.into());
    }
    put(&mut fields, "body", text(arguments, "body")?.into());
    for name in ["draft", "maintainer_can_modify"] {
        fields.insert(name.to_owned(), flag(arguments, name, false)?.into());
    }
    let reviewers = texts(arguments, "reviewers")?;
    let path = format!("{repo}/pulls");
    let what = "failed to create pull request";
    let made = write(asker, "POST", &path, &fields.into(), what)?;
    if !reviewers.is_empty() {
        ask_reviewers(asker, &format!("{path}/{}", made["number"]), &reviewers)?;
    }
    Ok(shapes::text(&shapes::written(&made)))
}

/// `update_pull_request`.
pub(super) fn update(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = path(arguments)?;
    let draft = if arguments.contains_key("draft") {
        Some(flag(arguments, "draft", false)?)
    } else {
        None
    };
    let mut fields = Map::new();
    for name in ["title", "body", "state", "base"] {
        if arguments.contains_key(name) {
            fields.insert(name.to_owned(), text(arguments, name)?.into());
        }
    }
    let name = "maintainer_can_modify";
    if arguments.contains_key(name) {
        fields.insert(name.to_owned(), flag(arguments, name, false)?.into());
    }
    let reviewers = texts(arguments, "reviewers")?;
    if fields.is_empty() && draft.is_none() && reviewers.is_empty() {
        return Err(Failure::Refused(
            "No update parameters provided.".to_owned(),
        ));
    }
    if !fields.is_empty() {
        let what = "failed to update pull request";
        write(asker, "PATCH", &path, &fields.into(), what)?;
    }
    if let Some(draft) = draft {
        let pull = get(asker, &path, &[], "Failed to find pull request")?;
        let id = json!({"id": pull["node_id"]});
        if pull["draft"] != draft && draft {
            let what = "Failed to convert pull request to draft";
            graph(
                asker,
                "mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { id isDraft } } }",
                &id,
                what,
            )?;
        } else if pull["draft"] != draft {
            let what = "Failed to mark pull request ready for review";
            graph(
                asker,
                "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { id isDraft } } }",
                &id,
                what,
            )?;
        }
    }
    if !reviewers.is_empty() {
        ask_reviewers(asker, &path, &reviewers)?;
    }
    let pull = get(asker, &path, &[], "Failed to get pull request")?;
    Ok(shapes::text(&shapes::written(&pull)))
}

/// `merge_pull_request`.
pub(super) fn merge(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/merge", path(arguments)?);
    let mut fields = Map::new();
    for name in ["commit_title", "commit_message", "merge_method"] {
        put(&mut fields, name, text(arguments, name)?.into());
    }
    let what = "failed to merge pull request";
    let merged = write(asker, "PUT", &path, &fields.into(), what)?;
    Ok(shapes::text(&merged))
}

/// `update_pull_request_branch`.
pub(super) fn update_branch(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/update-branch", path(arguments)?);
    let mut fields = Map::new();
    let expected = text(arguments, "expectedHeadSha")?;
    put(&mut fields, "expected_head_sha", expected.into());
    let what = "failed to update pull request branch";
    write(asker, "PUT", &path, &fields.into(), what)?;
    Ok("Pull request branch update is in progress".to_owned())
}
