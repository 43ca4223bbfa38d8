//! Labels.

use std::cmp::Reverse;
use std::sync::Arc;

use super::lists;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Bool, By, Null, Text};
use crate::engine::graphql::model::{Object, Outcome, Type, Value};
use crate::engine::key::{Key, fold, folded};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::render::WEB;
use crate::github::tables::{ISSUES, ISSUES_BY_LABEL, LABELS, LABELS_BY_REPO, label, repo};

/// The types.
pub(super) const TYPES: &[Type] = &[Type {
    name: "Label",
    fields: &[&[
        ("id", Text(label::NODE_ID)),
        ("name", Text(label::NAME)),
        ("color", Text(label::COLOR)),
        ("description", Text(label::DESCRIPTION)),
        ("isDefault", Bool(label::DEFAULT)),
        ("createdAt", Null),
        ("updatedAt", Null),
        ("url", By(url)),
        ("resourcePath", By(url)),
        (
            "repository",
            By(|call, it, _| {
                let name = it.shown()?.text(label::REPO);
                Ok(super::repo_named(call, name)
                    .map(|row| Object::row("Repository", &row))
                    .into())
            }),
        ),
        (
            "issues",
            By(|call, it, args| {
                let row = it.shown()?;
                lists::issues_of_label(call, row, args)
            }),
        ),
        (
            "pullRequests",
            By(|call, it, args| {
                let row = it.shown()?;
                let key = Key::new([folded(row.text(label::REPO)), folded(row.text(label::NAME))]);
                let rows = call.root().group(ISSUES, ISSUES_BY_LABEL, &key);
                let rows = rows.into_iter().flat_map(|rows| rows.values());
                Ok(super::pull::listed(call, rows.collect(), args))
            }),
        ),
    ]],
    gaps: &[],
}];

fn url(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let name = percent_encoding::utf8_percent_encode(
        row.text(label::NAME),
        percent_encoding::NON_ALPHANUMERIC,
    );
    Ok(format!("{WEB}/{}/labels/{name}", row.text(label::REPO)).into())
}

/// `label` of a repository.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let repo_row = it.shown()?;
    let key = Key::new([
        folded(repo_row.text(repo::FULL_NAME)),
        folded(args.text("name").unwrap_or_default()),
    ]);
    let row = call.root().get(LABELS, &key);
    Ok(row.map(|row| Object::row("Label", row)).into())
}

/// `labels` of a repository.
pub(super) fn of_repo(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let root = call.root();
    let key = Key::folded(it.shown()?.text(repo::FULL_NAME));
    let rows = root.group(LABELS, LABELS_BY_REPO, &key);
    let rows: Vec<&Arc<Row>> = rows.into_iter().flat_map(|rows| rows.values()).collect();
    let text = args.text("query").unwrap_or_default().to_lowercase();
    let shown = |row: &Row| {
        let found = |at| row.text(at).to_lowercase().contains(&text);
        text.is_empty() || found(label::NAME) || found(label::DESCRIPTION)
    };
    Ok(listed(root, rows, args, shown))
}

/// `labels` of an issue.
pub(super) fn of_names<'r>(
    root: &Root,
    repo_name: &str,
    names: impl Iterator<Item = &'r str>,
    args: &Args,
) -> Value {
    let repo_part = folded(repo_name);
    let rows = names
        .filter_map(|name| root.get(LABELS, &Key::new([repo_part.clone(), folded(name)])))
        .collect();
    listed(root, rows, args, |_| true)
}

fn listed(
    root: &Root,
    mut rows: Vec<&Arc<Row>>,
    args: &Args,
    shown: impl Fn(&Row) -> bool,
) -> Value {
    let order = args.object("orderBy");
    match order.text("field") {
        Some("NAME") => rows.sort_by_cached_key(|row| fold(row.text(label::NAME))),
        Some("ISSUE_COUNT") => rows.sort_by_cached_key(|row| {
            let key = Key::new([folded(row.text(label::REPO)), folded(row.text(label::NAME))]);
            (
                root.count(ISSUES, ISSUES_BY_LABEL, &key),
                row.int(label::ID),
            )
        }),
        _ => rows.sort_by_key(|row| row.int(label::ID)),
    }
    if order.text("direction") == Some("DESC") {
        rows.reverse();
    }
    Connection::keyed(rows.into_iter().map(|row| {
        let id = row.text(label::NODE_ID).to_owned();
        (id, shown(row), Object::row("Label", row))
    }))
    .into()
}

/// Rows with the newest or the oldest first.
pub(super) fn directed<K: Ord>(rows: &mut [&Arc<Row>], descending: bool, key: impl Fn(&Row) -> K) {
    if descending {
        rows.sort_by_cached_key(|row| Reverse(key(row)));
    } else {
        rows.sort_by_cached_key(|row| key(row));
    }
}
