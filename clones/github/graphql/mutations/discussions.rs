//! Mutations of discussions and of comments on them.

use std::sync::Arc;

use super::{payload, refused};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::pack::{Call, Refusal};
use crate::engine::row::Row;
use crate::github::discussions;
use crate::github::graphql::nodes;
use crate::github::tables::{category, repo};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addDiscussionComment",
        run: add_comment,
    },
    Mutation {
        name: "closeDiscussion",
        run: |call, input| {
            let reason = input.text("reason").unwrap_or("RESOLVED").to_lowercase();
            let row = row(call, input, "discussionId", "Discussion")?;
            let done = discussions::set_state(call, &row, Some(&reason));
            shown(call, "CloseDiscussion", "CloseDiscussionPayload", done)
        },
    },
    Mutation {
        name: "createDiscussion",
        run: create,
    },
    Mutation {
        name: "deleteDiscussion",
        run: |call, input| {
            let row = row(call, input, "id", "Discussion")?;
            discussions::delete(call, &row)
                .map_err(|refusal| refused(call, "DeleteDiscussion", &refusal))?;
            let gone = Object::row("Discussion", &row);
            payload("DeleteDiscussionPayload", vec![("discussion", gone.into())])
        },
    },
    Mutation {
        name: "deleteDiscussionComment",
        run: |call, input| {
            let row = row(call, input, "id", "DiscussionComment")?;
            let done = discussions::delete_comment(call, &row);
            comment(
                call,
                "DeleteDiscussionComment",
                "DeleteDiscussionCommentPayload",
                done,
            )
        },
    },
    Mutation {
        name: "markDiscussionCommentAsAnswer",
        run: |call, input| {
            let of = "MarkDiscussionCommentAsAnswer";
            let row = row(call, input, "id", "DiscussionComment")?;
            let done = discussions::set_answer(call, &row, true);
            shown(call, of, "MarkDiscussionCommentAsAnswerPayload", done)
        },
    },
    Mutation {
        name: "reopenDiscussion",
        run: |call, input| {
            let row = row(call, input, "discussionId", "Discussion")?;
            let done = discussions::set_state(call, &row, None);
            shown(call, "ReopenDiscussion", "ReopenDiscussionPayload", done)
        },
    },
    Mutation {
        name: "unmarkDiscussionCommentAsAnswer",
        run: |call, input| {
            let of = "UnmarkDiscussionCommentAsAnswer";
            let row = row(call, input, "id", "DiscussionComment")?;
            let done = discussions::set_answer(call, &row, false);
            shown(call, of, "UnmarkDiscussionCommentAsAnswerPayload", done)
        },
    },
    Mutation {
        name: "updateDiscussion",
        run: update,
    },
    Mutation {
        name: "updateDiscussionComment",
        run: |call, input| {
            let row = row(call, input, "commentId", "DiscussionComment")?;
            let body = input.text("body").unwrap_or_default();
            let done = discussions::update_comment(call, &row, body);
            comment(
                call,
                "UpdateDiscussionComment",
                "UpdateDiscussionCommentPayload",
                done,
            )
        },
    },
];

fn row(call: &Call<'_>, input: &Args, field: &str, of: &str) -> Result<Arc<Row>, Fault> {
    nodes::row(call, input.text(field).unwrap_or_default(), &[of])
}

fn shown(
    call: &Call<'_>,
    mutation: &str,
    of: &'static str,
    done: Result<Arc<Row>, Refusal>,
) -> Result<Object, Fault> {
    let row = done.map_err(|refusal| refused(call, mutation, &refusal))?;
    payload(
        of,
        vec![("discussion", Object::row("Discussion", &row).into())],
    )
}

fn comment(
    call: &Call<'_>,
    mutation: &str,
    of: &'static str,
    done: Result<Arc<Row>, Refusal>,
) -> Result<Object, Fault> {
    let row = done.map_err(|refusal| refused(call, mutation, &refusal))?;
    payload(
        of,
        vec![("comment", Object::row("DiscussionComment", &row).into())],
    )
}

/// The slug of a category of that repository by its id.
fn slug(call: &Call<'_>, input: &Args, repo_name: &str) -> Result<Option<String>, Fault> {
    let Some(id) = input.text("categoryId") else {
        return Ok(None);
    };
    let row = nodes::row(call, id, &["DiscussionCategory"])?;
    if !crate::engine::key::same(row.text(category::REPO), repo_name) {
        return Err(nodes::unknown(id));
    }
    Ok(Some(row.text(category::SLUG).to_owned()))
}

fn create(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let repo_row = row(call, input, "repositoryId", "Repository")?;
    let repo_name = repo_row.text(repo::FULL_NAME);
    let slug = slug(call, input, repo_name)?.unwrap_or_default();
    let title = input.text("title").unwrap_or_default();
    let body = input.text("body").unwrap_or_default();
    let done = discussions::create(call, repo_name, &slug, title, body);
    shown(call, "CreateDiscussion", "CreateDiscussionPayload", done)
}

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let old = row(call, input, "discussionId", "Discussion")?;
    let repo_name = old.text(crate::github::tables::discussion::REPO);
    let slug = slug(call, input, repo_name)?;
    let change = discussions::Change {
        title: input.text("title"),
        body: input.text("body"),
        category: slug.as_deref(),
    };
    let done = discussions::update(call, &old, &change);
    shown(call, "UpdateDiscussion", "UpdateDiscussionPayload", done)
}

fn add_comment(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let on = row(call, input, "discussionId", "Discussion")?;
    let reply_to = match input.text("replyToId") {
        None => None,
        Some(_) => Some(row(call, input, "replyToId", "DiscussionComment")?),
    };
    let body = input.text("body").unwrap_or_default();
    let done = discussions::add_comment(call, &on, body, reply_to.as_deref());
    comment(
        call,
        "AddDiscussionComment",
        "AddDiscussionCommentPayload",
        done,
    )
}
