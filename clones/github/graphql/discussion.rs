//! Discussions, their categories and comments.

use std::sync::Arc;

use super::comment::{WRITTEN, may, reasons, wrote};
use super::issue::name_of;
use super::label::directed;
use super::people::actor;
use super::reaction::REACTABLE;
use super::repo_named;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{
    Always, Bool, By, Int, Null, Prose, ProseOrEmpty, Text, Time,
};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::access::Permission;
use crate::github::discussions::{category_of, comment, comments, of_comment};
use crate::github::render::WEB;
use crate::github::tables::{
    CATEGORIES_BY_REPO, DISCUSSION_CATEGORIES, DISCUSSIONS, DISCUSSIONS_BY_REPO, category,
    discussion, discussion_comment, repo, repo_of,
};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "Discussion",
        fields: &[DISCUSSION, WRITTEN, REACTABLE],
        gaps: &[],
    },
    Type {
        name: "DiscussionComment",
        fields: &[COMMENT, WRITTEN, REACTABLE],
        gaps: &[],
    },
    Type {
        name: "DiscussionCategory",
        fields: &[CATEGORY],
        gaps: &[],
    },
];

const CATEGORY: &[(&str, Field)] = &[
    ("id", Text(category::NODE_ID)),
    ("name", Text(category::NAME)),
    ("slug", Text(category::SLUG)),
    ("emoji", Text(category::EMOJI)),
    (
        "emojiHTML",
        By(|_, it, _| {
            Ok(super::nodes::plain(
                "div",
                it.shown()?.text(category::EMOJI),
            ))
        }),
    ),
    ("description", Text(category::DESCRIPTION)),
    ("isAnswerable", Bool(category::IS_ANSWERABLE)),
    ("createdAt", Time(category::CREATED_AT)),
    ("updatedAt", Time(category::CREATED_AT)),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(category::REPO))),
    ),
];

fn repository(call: &Call<'_>, name: &str) -> Outcome {
    Ok(repo_named(call, name)
        .map(|row| Object::row("Repository", &row))
        .into())
}

const DISCUSSION: &[(&str, Field)] = &[
    ("id", Text(discussion::NODE_ID)),
    ("databaseId", Int(discussion::ID)),
    ("number", Int(discussion::NUMBER)),
    ("title", Prose(discussion::TITLE)),
    ("body", ProseOrEmpty(discussion::BODY)),
    (
        "bodyText",
        By(|_, it, _| Ok(super::markdown::text(it.shown()?, discussion::BODY))),
    ),
    (
        "bodyHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, discussion::BODY))),
    ),
    ("createdAt", Time(discussion::CREATED_AT)),
    ("publishedAt", Time(discussion::CREATED_AT)),
    ("updatedAt", Time(discussion::UPDATED_AT)),
    ("closedAt", Time(discussion::CLOSED_AT)),
    (
        "closed",
        By(|_, it, _| Ok((it.shown()?.text(discussion::STATE) == "closed").into())),
    ),
    (
        "stateReason",
        By(|_, it, _| {
            Ok(it
                .shown()?
                .text_or_null(discussion::STATE_REASON)
                .map(name_of)
                .into())
        }),
    ),
    ("locked", Bool(discussion::LOCKED)),
    (
        "activeLockReason",
        By(|_, it, _| {
            Ok(it
                .shown()?
                .text_or_null(discussion::LOCK_REASON)
                .map(name_of)
                .into())
        }),
    ),
    ("authorAssociation", Text(discussion::AUTHOR_ASSOCIATION)),
    (
        "author",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(discussion::USER),
            ))
        }),
    ),
    (
        "category",
        By(|call, it, _| {
            let row = category_of(call.root(), it.shown()?);
            Ok(row
                .map(|row| Object::row("DiscussionCategory", &row))
                .into())
        }),
    ),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(discussion::REPO))),
    ),
    ("url", By(|_, it, _| Ok(address(it.shown()?).into()))),
    (
        "resourcePath",
        By(|_, it, _| Ok(address(it.shown()?).into())),
    ),
    (
        "labels",
        By(|call, it, args| {
            let row = it.shown()?;
            let names = row.texts(discussion::LABELS);
            Ok(super::label::of_names(
                call.root(),
                row.text(discussion::REPO),
                names,
                args,
            ))
        }),
    ),
    (
        "comments",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(listed(comments(call.root(), row, None)))
        }),
    ),
    (
        "isAnswered",
        By(|call, it, _| {
            let row = it.shown()?;
            let answerable = category_of(call.root(), row)
                .is_some_and(|category| category.bool(category::IS_ANSWERABLE));
            // Where no answer can be chosen, there is neither.
            Ok(answerable.then(|| row.int(discussion::ANSWER) != 0).into())
        }),
    ),
    (
        "answer",
        By(|call, it, _| {
            let row = it.shown()?;
            let answer = row.int(discussion::ANSWER);
            let found = comment(call.root(), row.text(discussion::REPO), answer);
            Ok(found
                .map(|row| Object::row("DiscussionComment", &row))
                .into())
        }),
    ),
    ("answerChosenAt", Time(discussion::ANSWER_CHOSEN_AT)),
    (
        "answerChosenBy",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(discussion::ANSWER_CHOSEN_BY),
            ))
        }),
    ),
    ("poll", Null),
    ("upvoteCount", Int(discussion::UPVOTES)),
    ("viewerCanUpvote", Always(true)),
    (
        "viewerHasUpvoted",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(discussion::USER)).into())),
    ),
    (
        "viewerDidAuthor",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(discussion::USER)).into())),
    ),
    ("viewerCanSubscribe", Always(true)),
    ("viewerCanUpdate", By(may_change)),
    ("viewerCanClose", By(may_change)),
    ("viewerCanReopen", By(may_change)),
    ("viewerCanLabel", By(may_manage)),
    ("viewerCanDelete", By(may_manage)),
];

fn may_manage(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    Ok(may(call, it.shown()?.text(discussion::REPO), Permission::Triage).into())
}

fn may_change(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let own = wrote(call, row.text(discussion::USER));
    Ok((own || may(call, row.text(discussion::REPO), Permission::Triage)).into())
}

fn address(row: &Row) -> String {
    let number = row.int(discussion::NUMBER);
    format!("{WEB}/{}/discussions/{number}", row.text(discussion::REPO))
}

fn listed(rows: Vec<Arc<Row>>) -> Value {
    Connection::keyed(rows.iter().map(|row| {
        let id = row.text(discussion_comment::NODE_ID).to_owned();
        (id, true, Object::row("DiscussionComment", row))
    }))
    .into()
}

const COMMENT: &[(&str, Field)] = &[
    ("id", Text(discussion_comment::NODE_ID)),
    ("databaseId", Int(discussion_comment::ID)),
    ("body", ProseOrEmpty(discussion_comment::BODY)),
    (
        "bodyText",
        By(|_, it, _| Ok(super::markdown::text(it.shown()?, discussion_comment::BODY))),
    ),
    (
        "bodyHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, discussion_comment::BODY))),
    ),
    ("createdAt", Time(discussion_comment::CREATED_AT)),
    ("publishedAt", Time(discussion_comment::CREATED_AT)),
    ("updatedAt", Time(discussion_comment::UPDATED_AT)),
    ("deletedAt", Time(discussion_comment::DELETED_AT)),
    (
        "authorAssociation",
        Text(discussion_comment::AUTHOR_ASSOCIATION),
    ),
    (
        "author",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(discussion_comment::USER),
            ))
        }),
    ),
    (
        "discussion",
        By(|call, it, _| {
            let row = of_comment(call.root(), it.shown()?);
            Ok(row.map(|row| Object::row("Discussion", &row)).into())
        }),
    ),
    ("isAnswer", By(|call, it, _| Ok(answers(call, it)?.into()))),
    ("isMinimized", Always(false)),
    ("minimizedReason", Null),
    (
        "replies",
        By(|call, it, _| {
            let row = it.shown()?;
            let Some(on) = of_comment(call.root(), row) else {
                return Ok(Connection::default().into());
            };
            let id = row.int(discussion_comment::ID);
            Ok(listed(comments(call.root(), &on, Some(id))))
        }),
    ),
    (
        "replyTo",
        By(|call, it, _| {
            let row = it.shown()?;
            let repo_name = repo_of(row.text(discussion_comment::DISCUSSION));
            let to = row.int(discussion_comment::REPLY_TO);
            let found = comment(call.root(), repo_name, to);
            Ok(found
                .map(|row| Object::row("DiscussionComment", &row))
                .into())
        }),
    ),
    ("url", By(comment_address)),
    ("resourcePath", By(comment_address)),
    ("upvoteCount", Int(discussion_comment::UPVOTES)),
    ("viewerCanUpvote", Always(true)),
    (
        "viewerHasUpvoted",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(discussion_comment::USER)).into())),
    ),
    (
        "viewerDidAuthor",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(discussion_comment::USER)).into())),
    ),
    ("viewerCanUpdate", By(may_change_comment)),
    ("viewerCanDelete", By(may_change_comment)),
    ("viewerCanMinimize", By(may_manage_comment)),
    (
        "viewerCanMarkAsAnswer",
        By(|call, it, _| may_answer(call, it, false)),
    ),
    (
        "viewerCanUnmarkAsAnswer",
        By(|call, it, _| may_answer(call, it, true)),
    ),
    (
        "viewerCannotUpdateReasons",
        By(|call, it, args| reasons(may_change_comment(call, it, args)?)),
    ),
];

fn answers(call: &Call<'_>, it: &Object) -> Result<bool, Fault> {
    let row = it.shown()?;
    let on = of_comment(call.root(), row);
    let id = row.int(discussion_comment::ID);
    Ok(on.is_some_and(|on| on.int(discussion::ANSWER) == id))
}

/// Whether the caller may choose it, or where it is chosen take that back.
fn may_answer(call: &Call<'_>, it: &Object, chosen: bool) -> Outcome {
    let row = it.shown()?;
    let Some(on) = of_comment(call.root(), row) else {
        return Ok(Value::Bool(false));
    };
    let answerable = category_of(call.root(), &on)
        .is_some_and(|category| category.bool(category::IS_ANSWERABLE));
    let own = wrote(call, on.text(discussion::USER));
    let allowed = own || may(call, on.text(discussion::REPO), Permission::Triage);
    let top = row.int(discussion_comment::REPLY_TO) == 0;
    Ok((answerable && allowed && top && answers(call, it)? == chosen).into())
}

fn may_manage_comment(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let repo_name = repo_of(it.shown()?.text(discussion_comment::DISCUSSION));
    Ok(may(call, repo_name, Permission::Triage).into())
}

fn may_change_comment(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let own = wrote(call, row.text(discussion_comment::USER));
    let repo_name = repo_of(row.text(discussion_comment::DISCUSSION));
    Ok((own || may(call, repo_name, Permission::Triage)).into())
}

fn comment_address(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let on = of_comment(call.root(), row).ok_or_else(|| Fault::gap("graphql:Discussion"))?;
    let id = row.int(discussion_comment::ID);
    Ok(format!("{}#discussioncomment-{id}", address(&on)).into())
}

/// `discussion` of a repository.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let number = args.int("number").unwrap_or_default();
    let name = it.shown()?.text(repo::FULL_NAME);
    let key = Key::new([folded(name), Part::Int(number)]);
    match call.root().get(DISCUSSIONS, &key) {
        Some(row) => Ok(Object::row("Discussion", row).into()),
        None => Err(Fault::new(
            "NOT_FOUND",
            format!("Could not resolve to a Discussion with the number of {number}."),
        )),
    }
}

/// `discussions` of a repository.
pub(super) fn of_repo(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let root = call.root();
    let key = Key::folded(it.shown()?.text(repo::FULL_NAME));
    let rows = root.group(DISCUSSIONS, DISCUSSIONS_BY_REPO, &key);
    let mut rows: Vec<&Arc<Row>> = rows.into_iter().flat_map(|rows| rows.values()).collect();
    let order = args.object("orderBy");
    let descending = order.text("direction") != Some("ASC");
    let created = order.text("field") == Some("CREATED_AT");
    directed(&mut rows, descending, |row| {
        let number = row.int(discussion::NUMBER);
        let column = if created {
            discussion::CREATED_AT
        } else {
            discussion::UPDATED_AT
        };
        // Calls within one second stay in their order, so that a list does not depend on the clock.
        let by_call = row.time(column).is_some_and(|stamp| stamp.by_call);
        let then = if by_call && !created {
            row.version()
        } else {
            0
        };
        (row.seconds(column), then, number)
    });
    let shown = |row: &Row| {
        let category = category_of(root, row);
        let answered = row.int(discussion::ANSWER) != 0;
        args.text("categoryId").is_none_or(|id| {
            category.is_some_and(|category| category.text(category::NODE_ID) == id)
        }) && args
            .bool("answered")
            .is_none_or(|wanted| wanted == answered)
            && args.any_of("states").is_none_or(|states| {
                states
                    .iter()
                    .any(|state| state.eq_ignore_ascii_case(row.text(discussion::STATE)))
            })
    };
    Ok(Connection::keyed(rows.into_iter().map(|row| {
        let id = row.text(discussion::NODE_ID).to_owned();
        (id, shown(row), Object::row("Discussion", row))
    }))
    .into())
}

/// `discussionCategories` of a repository.
pub(super) fn categories(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let key = Key::folded(it.shown()?.text(repo::FULL_NAME));
    let rows = call
        .root()
        .group(DISCUSSION_CATEGORIES, CATEGORIES_BY_REPO, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(Connection::keyed(rows.map(|row| {
        let id = row.text(category::NODE_ID).to_owned();
        (id, true, Object::row("DiscussionCategory", row))
    }))
    .into())
}

/// `discussionCategory` of a repository.
pub(super) fn category_named(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let key = Key::new([
        folded(it.shown()?.text(repo::FULL_NAME)),
        folded(args.text("slug").unwrap_or_default()),
    ]);
    let row = call.root().get(DISCUSSION_CATEGORIES, &key);
    Ok(row.map(|row| Object::row("DiscussionCategory", row)).into())
}
