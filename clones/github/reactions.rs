//! Reactions to issues, pull requests, comments and releases.

use archal_core::clone::ViewValue;

use super::dialect::{invalid_value, page};
use super::render::reaction::group;
use super::tables::{
    COMMENTS, CONTENTS, ISSUES, REACTIONS, REACTIONS_BY_SUBJECT, RELEASES, REVIEW_COMMENTS, TABLES,
    comment, issue, reaction, release, review_comment,
};
use super::{access, complete};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, Part, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, text};
use crate::engine::running::read;
use crate::engine::table::TableId;

const CONTENT: &[Input] = &[Input {
    name: "content",
    kind: Kind::Text,
    required: true,
}];

/// What a reaction is to: the row's table and key, and its GraphQL id.
pub(super) struct Subject {
    table: TableId,
    key: Key,
    node_id: String,
}

/// Finds what a path's reactions are to, by a row that the guards found.
pub(super) fn subject(call: &Call<'_>, table: TableId, node_id: usize) -> Result<Subject, Refusal> {
    let row = call.row(table)?;
    Ok(Subject {
        table,
        key: call.root().key(table, &row),
        node_id: row.text(node_id).to_owned(),
    })
}

/// Answers the reactions to a subject, those of one `content` where the query names one.
pub(super) fn list(call: &Call<'_>, subject: &Subject) -> Result<Reply, Refusal> {
    let content = call.query("content");
    if let Some(content) = content {
        check(content)?;
    }
    let root = call.root();
    let rows = root.group(REACTIONS, REACTIONS_BY_SUBJECT, &group(&subject.node_id));
    let rows: Vec<_> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| content.is_none_or(|content| row.text(reaction::CONTENT) == content))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, REACTIONS, rows, Some(page)))
}

/// Adds the caller's reaction; answers 200 where it was there already.
pub(super) fn create(call: &mut Call<'_>, subject: &Subject) -> Result<Reply, Refusal> {
    let inputs = read(call, CONTENT, call.root().pack())?;
    let content = inputs.text("content").unwrap_or_default();
    check(content)?;
    let login = access::login(call)?;
    let known = call
        .root()
        .group(REACTIONS, REACTIONS_BY_SUBJECT, &group(&subject.node_id))
        .into_iter()
        .flat_map(|rows| rows.values())
        .find(|row| {
            row.text(reaction::CONTENT) == content && same(row.text(reaction::USER), &login)
        })
        .cloned();
    if let Some(row) = known {
        return Ok(Reply::row(200, call.root(), REACTIONS, &row));
    }
    let mut draft = Draft::empty(TABLES[REACTIONS].columns.len());
    let id = call.transaction.next_id(REACTIONS);
    draft.set(reaction::SUBJECT, text(subject.node_id.as_str()));
    draft.set(reaction::ID, ViewValue::Int(id));
    draft.set(reaction::USER, text(login));
    draft.set(reaction::CONTENT, text(content));
    draft.set(reaction::CREATED_AT, ViewValue::Time(call.now));
    complete::name_reaction(&mut draft);
    let row = call.transaction.put(REACTIONS, draft);
    call.transaction.render_anew(subject.table, &subject.key);
    Ok(Reply::row(201, call.root(), REACTIONS, &row))
}

/// Takes a reaction back: one's own, or any with write access.
pub(super) fn delete(call: &mut Call<'_>, subject: &Subject) -> Result<Reply, Refusal> {
    let key = Key::new([
        Part::Text(subject.node_id.as_str().into()),
        Part::Int(call.number("reaction_id")),
    ]);
    let row = call.root().get(REACTIONS, &key).cloned();
    let row = row.ok_or_else(access::not_found)?;
    let own = same(row.text(reaction::USER), &access::login(call)?);
    if !own && !access::may(call, access::Permission::Push)? {
        return Err(access::forbidden());
    }
    call.transaction.remove(REACTIONS, &key);
    call.transaction.render_anew(subject.table, &subject.key);
    Ok(Reply::empty())
}

/// The reactions to an object go with it.
pub(super) fn clear(call: &mut Call<'_>, node_id: &str) {
    let rows = call
        .root()
        .group(REACTIONS, REACTIONS_BY_SUBJECT, &group(node_id))
        .map(|rows| rows.values().cloned().collect::<Vec<_>>());
    for row in rows.unwrap_or_default() {
        let key = call.root().key(REACTIONS, &row);
        call.transaction.remove(REACTIONS, &key);
    }
}

fn check(content: &str) -> Result<(), Refusal> {
    if CONTENTS.contains(&content) {
        Ok(())
    } else {
        Err(invalid_value("Reaction", "content", content))
    }
}

/// The kinds of subject differ in the table of what the guards found.
macro_rules! operations {
    ($($(#[$doc:meta])* $file:ident: $table:expr, $node_id:expr;)*) => {
        $(
            $(#[$doc])*
            pub(super) mod $file {
                use super::*;

                /// Lists them.
                pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
                    let subject = subject(call, $table, $node_id)?;
                    super::list(call, &subject)
                }

                /// Adds one.
                pub(in crate::github) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
                    let subject = subject(call, $table, $node_id)?;
                    super::create(call, &subject)
                }

                /// Takes one back.
                pub(in crate::github) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
                    let subject = subject(call, $table, $node_id)?;
                    super::delete(call, &subject)
                }
            }
        )*
    };
}

operations! {
    /// Reactions to an issue.
    on_issue: ISSUES, issue::NODE_ID;
    /// Reactions to a comment on an issue.
    on_comment: COMMENTS, comment::NODE_ID;
    /// Reactions to a comment on a diff.
    on_review_comment: REVIEW_COMMENTS, review_comment::NODE_ID;
    /// Reactions to a release.
    on_release: RELEASES, release::NODE_ID;
}
