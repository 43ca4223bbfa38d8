//! Releases.

use std::sync::Arc;

use archal_core::clone::{Stamp, ViewValue};

use super::access::{self, Permission, not_found};
use super::content::{notes, refs};
use super::dialect::{invalid, page};
use super::tables::{RELEASES, RELEASES_BY_REPO, RELEASES_BY_TAG, REPOS, release, repo};
use super::{complete, render};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};

/// What a body of `POST …/releases` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("tag_name", Kind::Text).required(),
    Input::new("target_commitish", Kind::Text),
    Input::new("name", Kind::TextOrNull),
    Input::new("body", Kind::TextOrNull),
    Input::new("draft", Kind::Bool),
    Input::new("prerelease", Kind::Bool),
    Input::new("make_latest", Kind::Text),
    Input::new("generate_release_notes", Kind::Bool),
];

/// What a body of `PATCH …/releases/{release_id}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("tag_name", Kind::Text),
    Input::new("target_commitish", Kind::Text),
    Input::new("name", Kind::TextOrNull),
    Input::new("body", Kind::TextOrNull),
    Input::new("draft", Kind::Bool),
    Input::new("prerelease", Kind::Bool),
    Input::new("make_latest", Kind::Text),
];

/// Whether the caller sees a release: drafts are for those who may write.
fn seen(call: &Call<'_>, row: &Row) -> Result<bool, Refusal> {
    Ok(!row.bool(release::DRAFT) || access::may(call, Permission::Push)?)
}

/// Guard: the path names a release of the repository by its number.
pub(super) fn known_release(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("release_id"))]);
    let row = call.root().get(RELEASES, &key).cloned();
    let row = row.ok_or_else(not_found)?;
    if !seen(call, &row)? {
        return Err(not_found());
    }
    call.found.push((RELEASES, row));
    Ok(())
}

/// The releases that the caller sees, newest first.
fn newest_first(call: &Call<'_>) -> Result<Vec<Arc<Row>>, Refusal> {
    let repo = Key::folded(&access::repo_name(call)?);
    let group = call.root().group(RELEASES, RELEASES_BY_REPO, &repo);
    let mut rows = Vec::new();
    for row in group.into_iter().flat_map(|rows| rows.values()) {
        if seen(call, row)? {
            rows.push(Arc::clone(row));
        }
    }
    // Calls within one second stay in their order, so that a list does not depend on the clock.
    rows.sort_by_key(|row| std::cmp::Reverse(age(row)));
    Ok(rows)
}

fn age(row: &Row) -> (bool, i64, i64) {
    let stamp = row.time(release::CREATED_AT);
    let by_call = stamp.is_some_and(|stamp| stamp.by_call);
    let seconds = if by_call {
        0
    } else {
        row.seconds(release::CREATED_AT)
    };
    (by_call, seconds, row.int(release::ID))
}

/// `GET …/releases`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = newest_first(call)?;
    let page = page(call, rows.len());
    let shown = rows.iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(call.root(), RELEASES, shown, Some(page)))
}

/// The release that GitHub calls the latest: the one chosen, else the newest that is neither
/// draft nor prerelease.
pub(super) fn latest_of(root: &Root, repo: &str) -> Option<Arc<Row>> {
    let group = root.group(RELEASES, RELEASES_BY_REPO, &Key::folded(repo))?;
    let fit = |row: &&Arc<Row>| !row.bool(release::DRAFT) && !row.bool(release::PRERELEASE);
    let chosen = group
        .values()
        .find(|row| fit(row) && row.bool(release::LATEST));
    let row = chosen.or_else(|| {
        let told_not = |row: &Row| *row.value(release::LATEST) == ViewValue::Bool(false);
        group
            .values()
            .filter(fit)
            .max_by_key(|row| (!told_not(row), age(row)))
    });
    row.cloned()
}

/// `GET …/releases/latest`.
pub(super) fn latest(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let row = latest_of(call.root(), &repo).ok_or_else(not_found)?;
    Ok(Reply::row(200, call.root(), RELEASES, &row))
}

/// The published release of a tag.
pub(super) fn of_tag(root: &Root, repo: &str, tag: &str) -> Option<Arc<Row>> {
    let key = Key::new([folded(repo), Part::Text(tag.into())]);
    let group = root.group(RELEASES, RELEASES_BY_TAG, &key)?;
    let found = group.values().find(|row| !row.bool(release::DRAFT));
    found.cloned()
}

/// `GET …/releases/tags/{tag}`.
pub(super) fn by_tag(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let row = of_tag(call.root(), &repo, call.param("tag")).ok_or_else(not_found)?;
    Ok(Reply::row(200, call.root(), RELEASES, &row))
}

/// Makes the row of a new release.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let row = call.row(REPOS)?;
    let repo_name = row.text(repo::FULL_NAME).to_owned();
    let id = call.transaction.next_id(RELEASES);
    let mut draft = call.root().blank(RELEASES);
    draft.set(release::REPO, text(repo_name.as_str()));
    draft.set(release::ID, ViewValue::Int(id));
    draft.set(release::TARGET, row.value(repo::DEFAULT_BRANCH).clone());
    draft.set(release::AUTHOR, text(access::login(call)?));
    draft.set(release::CREATED_AT, ViewValue::Time(call.now));
    complete::content::name_release(call.root(), &mut draft);
    fill(call, &mut draft, &inputs)?;
    if inputs.bool("generate_release_notes") == Some(true) {
        let made = notes::between(
            call,
            &repo_name,
            draft.text(release::TAG),
            draft.text(release::TARGET),
            None,
        )?;
        draft.or(release::NAME, || text(made.name));
        let body = match draft.text(release::BODY) {
            "" => made.body,
            own => format!("{own}\n\n{}", made.body),
        };
        draft.set(release::BODY, text(body));
    }
    settle(call, None, &mut draft, &inputs)?;
    Ok(draft)
}

/// Changes a release as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    fill(call, &mut draft, &inputs)?;
    if draft == old.draft() && !inputs.has("make_latest") {
        return Ok(draft);
    }
    draft.set(release::UPDATED_AT, ViewValue::Time(call.now));
    settle(call, Some(old), &mut draft, &inputs)?;
    Ok(draft)
}

fn fill(call: &Call<'_>, draft: &mut Draft, inputs: &Inputs) -> Result<(), Refusal> {
    for (name, column) in [
        ("tag_name", release::TAG),
        ("target_commitish", release::TARGET),
    ] {
        if let Some(value) = inputs.text(name).filter(|value| !value.is_empty()) {
            draft.set(column, text(value));
        }
    }
    for (name, column) in [("name", release::NAME), ("body", release::BODY)] {
        if inputs.has(name) {
            draft.set(column, inputs.text(name).map_or(ViewValue::Null, text));
        }
    }
    for (name, column) in [
        ("draft", release::DRAFT),
        ("prerelease", release::PRERELEASE),
    ] {
        if let Some(value) = inputs.bool(name) {
            draft.set(column, ViewValue::Bool(value));
        }
    }
    let tag = draft.text(release::TAG);
    if tag.is_empty() {
        return Err(invalid("Release", "tag_name", "missing_field"));
    }
    if !super::refs::well_formed(&format!("refs/tags/{tag}")) {
        return Err(Refusal::new(422, "Validation Failed").with(vec![
            serde_json::json!({"resource": "Release", "code": "custom", "field": "tag_name", "message": "tag_name is not well-formed"}),
            serde_json::json!({"resource": "Release", "code": "custom", "message": "Published releases must have a valid tag"}),
        ]));
    }
    let repo = draft.text(release::REPO);
    let other = of_tag(call.root(), repo, tag);
    let taken = other.is_some_and(|other| other.int(release::ID) != draft.int(release::ID));
    if taken && !is_draft(draft) {
        return Err(invalid("Release", "tag_name", "already_exists"));
    }
    Ok(())
}

fn is_draft(draft: &Draft) -> bool {
    *draft.get(release::DRAFT) == ViewValue::Bool(true)
}

/// Makes the tag and the times of a release that is published, and sees to it that at most one
/// is chosen as the latest.
fn settle(
    call: &mut Call<'_>,
    old: Option<&Row>,
    draft: &mut Draft,
    inputs: &Inputs,
) -> Result<(), Refusal> {
    let asked = match inputs.text("make_latest") {
        None => None,
        Some(asked @ ("true" | "false" | "legacy")) => Some(asked),
        Some(_) => return Err(invalid("Release", "make_latest", "invalid")),
    };
    if is_draft(draft) {
        draft.set(release::PUBLISHED_AT, ViewValue::Null);
        return Ok(());
    }
    let repo = draft.text(release::REPO).to_owned();
    let at = refs::tag_for_release(
        call,
        &repo,
        draft.text(release::TAG),
        draft.text(release::TARGET),
    )?;
    let published_now = draft.is_null(release::PUBLISHED_AT);
    if published_now {
        draft.set(release::PUBLISHED_AT, ViewValue::Time(call.now));
        if let Some(at) = at {
            draft.set(release::CREATED_AT, ViewValue::Time(at));
        }
    }
    let prerelease = *draft.get(release::PRERELEASE) == ViewValue::Bool(true);
    let choice = match asked {
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => None,
        // GitHub makes what is published the latest where it is not told otherwise.
        None if published_now && old.is_none_or(|old| old.bool(release::DRAFT)) => Some(true),
        None => return Ok(()),
    };
    if choice == Some(true) && prerelease {
        if asked.is_some() {
            return Err(Refusal::new(422, "Validation Failed").with(vec![
                serde_json::json!({"resource": "Release", "code": "custom", "field": "make_latest", "message": "make_latest cannot be true for a prerelease"}),
            ]));
        }
        return Ok(());
    }
    draft.set(
        release::LATEST,
        choice.map_or(ViewValue::Null, ViewValue::Bool),
    );
    if choice == Some(true) {
        unchoose(call, &repo, draft.int(release::ID));
    }
    Ok(())
}

/// Takes the choice as the latest from every release but `id`.
fn unchoose(call: &mut Call<'_>, repo: &str, id: i64) {
    let group = call
        .root()
        .group(RELEASES, RELEASES_BY_REPO, &Key::folded(repo));
    let others: Vec<Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| row.int(release::ID) != id && row.bool(release::LATEST))
        .cloned()
        .collect();
    for row in others {
        let mut draft = row.draft();
        draft.set(release::LATEST, ViewValue::Null);
        call.transaction.replace(RELEASES, &row, draft);
    }
}

/// Renders a release anew after what it shows of its files changed.
pub(super) fn touch(call: &mut Call<'_>, repo: &str, id: i64, now: Stamp) {
    let key = Key::new([folded(repo), Part::Int(id)]);
    if let Some(row) = call.root().get(RELEASES, &key).cloned() {
        let mut draft = row.draft();
        draft.set(release::UPDATED_AT, ViewValue::Time(now));
        call.transaction.replace(RELEASES, &row, draft);
    }
}

/// What a body of `POST …/releases/generate-notes` holds.
const NOTES: &[Input] = &[
    Input::new("tag_name", Kind::Text).required(),
    Input::new("target_commitish", Kind::Text),
    Input::new("previous_tag_name", Kind::Text),
    Input::new("configuration_file_path", Kind::Text),
];

/// `POST …/releases/generate-notes`.
pub(super) fn generate_notes(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NOTES)?;
    if inputs.has("configuration_file_path") {
        return Err(Refusal::gap(
            "repos/generate-release-notes",
            "configuration_file_path",
        ));
    }
    let row = call.row(REPOS)?;
    let repo_name = row.text(repo::FULL_NAME);
    let tag = inputs.text("tag_name").unwrap_or_default();
    let target = inputs
        .text("target_commitish")
        .filter(|target| !target.is_empty());
    let target = target.unwrap_or(row.text(repo::DEFAULT_BRANCH));
    let previous = inputs
        .text("previous_tag_name")
        .filter(|tag| !tag.is_empty());
    let made = notes::between(call, repo_name, tag, target, previous)?;
    let mut writer = crate::engine::writer::Writer::new(call.root());
    writer.raw("{").key("name").text(&made.name);
    writer.key("body").text(&made.body).raw("}");
    Ok(Reply::new(200, writer.finish()))
}

/// The address of a release.
pub(super) fn url(row: &Row) -> String {
    render::release::url(row)
}
