//! Objects by their ids.

use std::sync::Arc;

use super::people::account;
use crate::engine::graphql::model::{Fault, Object, Value};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::TableId;
use crate::github::access;
use crate::github::tables::{
    COMMENTS, DISCUSSION_CATEGORIES, DISCUSSION_COMMENTS, DISCUSSIONS, ISSUES, LABELS, REPOS,
    USERS, category, comment, discussion, discussion_comment, issue, label, repo, repo_of, user,
};

/// A table whose rows have ids.
struct Kind {
    /// What ids begin with.
    prefixes: &'static [&'static str],
    /// The types its rows are of.
    types: &'static [&'static str],
    /// The table.
    table: TableId,
    /// The column of the id.
    id: usize,
    /// The object that a row is.
    object: fn(&Root, &Arc<Row>) -> Object,
    /// The repository that must be seen; none for what everybody sees.
    repo: Option<fn(&Row) -> &str>,
}

const KINDS: &[Kind] = &[
    Kind {
        prefixes: &["U_", "O_", "BOT_"],
        types: &["Bot", "Organization", "User"],
        table: USERS,
        id: user::NODE_ID,
        object: |_, row| account(row),
        repo: None,
    },
    Kind {
        prefixes: &["R_"],
        types: &["Repository"],
        table: REPOS,
        id: repo::NODE_ID,
        object: |_, row| Object::row("Repository", row),
        repo: Some(|row| row.text(repo::FULL_NAME)),
    },
    Kind {
        prefixes: &["LA_"],
        types: &["Label"],
        table: LABELS,
        id: label::NODE_ID,
        object: |_, row| Object::row("Label", row),
        repo: Some(|row| row.text(label::REPO)),
    },
    Kind {
        prefixes: &["I_", "PR_"],
        types: &["Issue", "PullRequest"],
        table: ISSUES,
        id: issue::NODE_ID,
        object: super::issue::object,
        repo: Some(|row| row.text(issue::REPO)),
    },
    Kind {
        prefixes: &["IC_"],
        types: &["IssueComment"],
        table: COMMENTS,
        id: comment::NODE_ID,
        object: |_, row| Object::row("IssueComment", row),
        repo: Some(|row| repo_of(row.text(comment::ISSUE))),
    },
    Kind {
        prefixes: &["D_"],
        types: &["Discussion"],
        table: DISCUSSIONS,
        id: discussion::NODE_ID,
        object: |_, row| Object::row("Discussion", row),
        repo: Some(|row| row.text(discussion::REPO)),
    },
    Kind {
        prefixes: &["DC_"],
        types: &["DiscussionComment"],
        table: DISCUSSION_COMMENTS,
        id: discussion_comment::NODE_ID,
        object: |_, row| Object::row("DiscussionComment", row),
        repo: Some(|row| repo_of(row.text(discussion_comment::DISCUSSION))),
    },
    Kind {
        prefixes: &["DIC_"],
        types: &["DiscussionCategory"],
        table: DISCUSSION_CATEGORIES,
        id: category::NODE_ID,
        object: |_, row| Object::row("DiscussionCategory", row),
        repo: Some(|row| row.text(category::REPO)),
    },
];

/// The object of an id, where the caller sees it.
pub(super) fn find(call: &Call<'_>, id: &str) -> Result<Object, Fault> {
    let root = call.root();
    // A seed may give an id of its own making, so where the beginning says nothing all are tried.
    let kinds = KINDS
        .iter()
        .filter(|kind| kind.prefixes.iter().any(|prefix| id.starts_with(prefix)));
    let others = KINDS
        .iter()
        .filter(|kind| !kind.prefixes.iter().any(|prefix| id.starts_with(prefix)));
    for kind in kinds.chain(others) {
        let rows = root.rows(kind.table).values();
        for row in rows.filter(|row| row.text(kind.id) == id) {
            let seen = kind.repo.is_none_or(|repo_of| {
                root.named(REPOS, repo_of(row))
                    .is_some_and(|row| access::sees(call, row).is_some())
            });
            if seen {
                return Ok((kind.object)(root, row));
            }
        }
    }
    Err(unknown(id))
}

/// The id of an object that is a row.
pub(super) fn id_of(it: &Object) -> Result<&str, Fault> {
    let kind = KINDS.iter().find(|kind| kind.types.contains(&it.of));
    let kind = kind.ok_or_else(|| Fault::gap(format!("graphql:{}.id", it.of)))?;
    Ok(it.shown()?.text(kind.id))
}

/// What the object of an id is in the tables: table, column of the id, row, repository.
pub(super) fn subject(
    call: &Call<'_>,
    id: &str,
) -> Result<(TableId, usize, Arc<Row>, String), Fault> {
    let object = find(call, id)?;
    let kind = KINDS.iter().find(|kind| kind.types.contains(&object.of));
    match (kind, object.row) {
        (Some(kind), Some(row)) => {
            let repo_name = kind.repo.map_or("", |repo_of| repo_of(&row)).to_owned();
            Ok((kind.table, kind.id, row, repo_name))
        }
        _ => Err(unknown(id)),
    }
}

/// The row of an id that must be of one of these types.
pub(super) fn row(call: &Call<'_>, id: &str, of: &[&str]) -> Result<Arc<Row>, Fault> {
    let found = find(call, id)?;
    match found.row {
        Some(row) if of.contains(&found.of) => Ok(row),
        _ => Err(Fault::new(
            "NOT_FOUND",
            format!(
                "Could not resolve to {} node with the global id of '{id}'.",
                kinds(of)
            ),
        )),
    }
}

fn kinds(of: &[&str]) -> String {
    match of {
        [one] => format!("{one}"),
        _ => "a".to_owned(),
    }
}

/// The refusal of an id that nothing has.
pub(super) fn unknown(id: &str) -> Fault {
    Fault::new(
        "NOT_FOUND",
        format!("Could not resolve to a node with the global id of '{id}'"),
    )
}

/// Text as HTML without markup.
pub(super) fn plain(tag: &str, text: &str) -> Value {
    let escaped = escape(text);
    Value::said(format!("<{tag}>{escaped}</{tag}>"))
}

/// Text with the characters of HTML escaped.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The number of a milestone by its id.
pub(super) fn milestone_number(call: &Call<'_>, id: &str) -> Result<i64, Fault> {
    let _ = call;
    Err(unknown(id))
}

/// The id of what is no row: a language, a topic.
pub(super) fn made(prefix: &str, name: &str) -> String {
    use base64::Engine as _;
    let name = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(name);
    format!("{prefix}_{name}")
}
