//! Statuses of commits.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::json;

use super::access;
use super::content::refs;
use super::dialect::page;
use super::render::repo::{Detail, repo as write_repo};
use super::tables::{REPOS, STATUSES, STATUSES_BY_COMMIT, repo, status};
use super::{complete, render};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::engine::writer::Writer;

/// What a body of `POST …/statuses/{sha}` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("state", Kind::Text),
    Input::new("target_url", Kind::TextOrNull),
    Input::new("description", Kind::TextOrNull),
    Input::new("context", Kind::Text),
];

/// Most statuses of one commit and context.
const MOST: usize = 1_000;

fn custom(field: &str, message: &str) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![
        json!({"resource": "Status", "code": "custom", "field": field, "message": message}),
    ])
}

/// Makes the row of a new status.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let repo = access::repo_name(call)?;
    let oid = refs::commit(call, call.param("sha"))?;
    let state = inputs.text("state").unwrap_or_default();
    if !matches!(state, "error" | "failure" | "pending" | "success") {
        return Err(custom("state", "state is not included in the list"));
    }
    let about = inputs.text("description");
    if about.is_some_and(|about| about.chars().count() > 140) {
        let problem = "description is too long (maximum is 140 characters)";
        return Err(custom("description", problem));
    }
    let target = inputs.text("target_url").filter(|url| !url.is_empty());
    if target.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(custom("target_url", "target_url must use http(s) scheme"));
    }
    let context = inputs.text("context").filter(|context| !context.is_empty());
    let context = context.unwrap_or("default");
    let sha = oid.to_string();
    let same = of_commit(call.root(), &repo, &sha)
        .iter()
        .filter(|row| row.text(status::CONTEXT) == context)
        .count();
    if same >= MOST {
        return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Status", "code": "custom",
            "message": "This SHA and context has reached the maximum number of statuses."
        })]));
    }
    let id = call.transaction.next_id(STATUSES);
    let mut draft = call.root().blank(STATUSES);
    draft.set(status::REPO, text(repo));
    draft.set(status::SHA, text(sha));
    draft.set(status::ID, ViewValue::Int(id));
    draft.set(status::STATE, text(state));
    draft.set(status::CONTEXT, text(context));
    draft.set(status::DESCRIPTION, about.map_or(ViewValue::Null, text));
    draft.set(status::TARGET_URL, target.map_or(ViewValue::Null, text));
    draft.set(status::CREATOR, text(access::login(call)?));
    draft.set(status::CREATED_AT, ViewValue::Time(call.now));
    draft.set(status::UPDATED_AT, ViewValue::Time(call.now));
    complete::content::name_status(call.root(), &mut draft);
    Ok(draft)
}

/// The address of a status.
pub(super) fn url(row: &Row) -> String {
    render::status::url(row)
}

/// The statuses of a commit, newest first.
pub(super) fn of_commit(root: &Root, repo: &str, sha: &str) -> Vec<Arc<Row>> {
    let key = Key::new([folded(repo), Part::Text(sha.into())]);
    let group = root.group(STATUSES, STATUSES_BY_COMMIT, &key);
    let rows = group.into_iter().flat_map(|rows| rows.values().rev());
    rows.cloned().collect()
}

/// `GET …/commits/{ref}/statuses`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let oid = refs::commit(call, call.param("ref"))?;
    let rows = of_commit(call.root(), &repo, &oid.to_string());
    let page = page(call, rows.len());
    let shown = rows.iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(call.root(), STATUSES, shown, Some(page)))
}

/// The newest status of each context.
pub(super) fn newest(root: &Root, repo: &str, sha: &str) -> Vec<Arc<Row>> {
    let mut rows: Vec<Arc<Row>> = Vec::new();
    for row in of_commit(root, repo, sha) {
        let context = row.text(status::CONTEXT);
        if !rows
            .iter()
            .any(|known| known.text(status::CONTEXT) == context)
        {
            rows.push(row);
        }
    }
    rows
}

/// What all statuses of a commit come to.
pub(super) fn combined_state(rows: &[Arc<Row>]) -> &'static str {
    let any = |states: &[&str]| {
        rows.iter()
            .any(|row| states.contains(&row.text(status::STATE)))
    };
    if any(&["error", "failure"]) {
        "failure"
    } else if rows.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    }
}

/// `GET …/commits/{ref}/status`.
pub(super) fn combined(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let repo_name = row.text(repo::FULL_NAME);
    let sha = refs::commit(call, call.param("ref"))?.to_string();
    let root = call.root();
    let rows = newest(root, repo_name, &sha);
    let page = page(call, rows.len());
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    let mut versions = page.fingerprint();
    writer.raw("{").key("state").text(combined_state(&rows));
    writer.key("statuses").raw("[");
    for row in rows.iter().skip(page.skip()).take(page.take()) {
        versions = crate::engine::fingerprint::mix(versions, row.version());
        writer.item();
        render::status::simple(root, row, &mut writer);
    }
    writer.raw("]");
    writer.key("sha").text(&sha);
    writer
        .key("total_count")
        .int(i64::try_from(rows.len()).unwrap_or(i64::MAX));
    writer.key("repository");
    write_repo(root, &row, Detail::Inner, None, &mut writer);
    let url = format!("{}/repos/{repo_name}/commits/{sha}", render::API);
    writer.key("commit_url").text(&url);
    writer.key("url").text(&format!("{url}/status")).raw("}");
    let mut reply = Reply::written(200, writer.finish(), versions);
    reply.page = Some(page);
    Ok(reply)
}
