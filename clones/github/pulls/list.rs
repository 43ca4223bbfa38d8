//! Lists of pull requests, and one of them.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::SignedDuration;

use super::{compare, issue_of, reply};
use crate::engine::fingerprint::mix;
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::content::commits::{self, Form};
use crate::github::dialect::{invalid_value, page};
use crate::github::issue_lists::order_of;
use crate::github::refs;
use crate::github::render;
use crate::github::tables::{PULLS, PULLS_BY_REPO, REPOS, issue, owner_of, pull, repo};

/// `GET …/pulls`.
pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let state = match call.query("state") {
        None | Some("open") => Some("open"),
        Some("closed") => Some("closed"),
        Some("all") => None,
        Some(other) => return Err(invalid_value("PullRequest", "state", other)),
    };
    let repo = call.row(REPOS)?;
    let root = call.root();
    // A head without an owner is passed over, as GitHub does.
    let head = call.query("head").and_then(|head| head.split_once(':'));
    let base = call.query("base");
    let group = root.group(
        PULLS,
        PULLS_BY_REPO,
        &Key::folded(repo.text(repo::FULL_NAME)),
    );
    let long = call.query("sort") == Some("long-running");
    let month = SignedDuration::from_hours(24 * 30).as_secs();
    let now = call.now.at.as_second();
    let mut rows: Vec<(&Arc<Row>, &Arc<Row>)> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(|row| Some((row, issue_of(root, row).ok()?)))
        .filter(|(row, on)| {
            state.is_none_or(|state| on.text(issue::STATE) == state)
                && base.is_none_or(|base| row.text(pull::BASE) == base)
                && head.is_none_or(|(owner, branch)| {
                    same(owner_of(row.text(pull::HEAD_REPO)), owner)
                        && row.text(pull::HEAD) == branch
                })
                // Open for more than a month, and not forgotten.
                && (!long
                    || (on.seconds(issue::CREATED_AT) < now - month
                        && on.seconds(issue::UPDATED_AT) > now - month))
        })
        .collect();
    let sort = call.query("sort").unwrap_or("created");
    let rank = |(row, on): &(&Arc<Row>, &Arc<Row>)| {
        let (first, then) = match sort {
            "updated" => (on.seconds(issue::UPDATED_AT), order_of(on)),
            "popularity" => (render::issue::comments(root, on), 0),
            _ => (on.seconds(issue::CREATED_AT), 0),
        };
        (first, then, row.int(pull::NUMBER))
    };
    let ascending = match call.query("direction") {
        Some(direction) => direction == "asc",
        None => sort != "created",
    };
    if ascending {
        rows.sort_by_cached_key(rank);
    } else {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    }
    Ok(listed(call, rows))
}

/// `GET …/commits/{commit_sha}/pulls`: the merged ones that brought a commit of the default
/// branch, or the open ones that would bring another commit.
pub(in crate::github) fn with_commit(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = call.row(REPOS)?;
    let name = repo.text(repo::FULL_NAME);
    let sought = refs::commit(call, call.param("commit_sha"))?;
    let root = call.root();
    let default = refs::branch(root, name, repo.text(repo::DEFAULT_BRANCH));
    let is_in = default.is_some_and(|tip| root.objects().is_ancestor(&sought, &tip));
    let brings = |row: &Row| {
        let made = row.text(pull::MERGE_COMMIT_SHA) == sought.to_string();
        let compared = compare::of(root, row);
        let has =
            || compared.is_some_and(|at| at.commits(root).iter().any(|(oid, _)| *oid == sought));
        made || has()
    };
    let group = root.group(PULLS, PULLS_BY_REPO, &Key::folded(name));
    let rows = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(|row| Some((row, issue_of(root, row).ok()?)))
        .filter(|(row, on)| match is_in {
            true => row.time(pull::MERGED_AT).is_some(),
            false => on.text(issue::STATE) == "open",
        })
        .filter(|(row, _)| brings(row))
        .collect();
    Ok(listed(call, rows))
}

/// Pull requests with their issues, as lists show them.
fn listed(call: &Call<'_>, rows: Vec<(&Arc<Row>, &Arc<Row>)>) -> Reply {
    let root = call.root();
    let page = page(call, rows.len());
    let mut writer = Writer::with_capacity(root, 65_536, 65_536);
    let mut versions = page.fingerprint();
    writer.raw("[");
    for (row, on) in rows.into_iter().skip(page.skip()).take(page.take()) {
        versions = mix(versions, mix(row.version(), on.version()));
        writer.item();
        render::pull::pull(root, row, None, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), versions);
    reply.page = Some(page);
    reply
}

/// `GET …/pulls/{pull_number}`; with the media type of a diff or of mails, those.
pub(in crate::github) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    match commits::form(call) {
        form @ (Form::Diff | Form::Patch) => super::files::as_text(call, &row, form),
        Form::Json | Form::Sha => reply(call, 200, &row),
    }
}
