//! Reading what happened to issues: their events, and their timelines with comments.

use std::sync::Arc;

use super::access;
use super::content::data;
use super::dialect::page;
use super::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, EVENTS, EVENTS_BY_ISSUE, EVENTS_BY_REPO, ISSUES, PULLS, REPOS,
    REVIEWS, REVIEWS_BY_PULL, comment, event, issue, review,
};
use super::{pulls, render};
use crate::engine::fingerprint::mix;
use crate::engine::git::{Commit, Oid};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// Whether an event is only in timelines.
fn only_in_timelines(row: &Row) -> bool {
    row.text(event::EVENT) == "cross-referenced"
}

/// `GET …/issues/{issue_number}/events`.
pub(super) fn events(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let on = call.row(ISSUES)?;
    let root = call.root();
    let group = root.group(EVENTS, EVENTS_BY_ISSUE, &root.key(ISSUES, &on));
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let rows: Vec<Item<'_>> = rows
        .filter(|row| !only_in_timelines(row))
        .map(Item::Event)
        .collect();
    Ok(answer(call, &rows))
}

/// `GET …/issues/events`: the newest first, each with its issue.
pub(super) fn events_of_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = Key::folded(&access::repo_name(call)?);
    let root = call.root();
    let group = root.group(EVENTS, EVENTS_BY_REPO, &key);
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let rows: Vec<Item<'_>> = rows
        .rev()
        .filter(|row| !only_in_timelines(row))
        .map(Item::EventWithIssue)
        .collect();
    Ok(answer(call, &rows))
}

/// `GET …/issues/events/{event_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = Part::Int(call.number("event_id"));
    let key = Key::new([folded(&access::repo_name(call)?), id]);
    let root = call.root();
    let row = root.get(EVENTS, &key).filter(|row| !only_in_timelines(row));
    let row = row.ok_or_else(access::not_found)?;
    let mut writer = Writer::new(root);
    Item::EventWithIssue(row).write(root, &mut writer);
    Ok(Reply::written(200, writer.finish(), row.version()))
}

/// `GET …/issues/{issue_number}/timeline`.
pub(super) fn timeline(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let on = call.row(ISSUES)?;
    let root = call.root();
    let key = root.key(ISSUES, &on);
    let group = |table, index| {
        let rows = root.group(table, index, &key);
        rows.into_iter().flat_map(|rows| rows.values())
    };
    let events = group(EVENTS, EVENTS_BY_ISSUE)
        .filter(|row| shows(call, row))
        .map(Item::Event);
    let comments = group(COMMENTS, COMMENTS_BY_ISSUE).map(Item::Comment);
    let reviews = group(REVIEWS, REVIEWS_BY_PULL)
        .filter(|row| row.text(review::STATE) != "PENDING")
        .map(Item::Review);
    let mut items: Vec<Item<'_>> = events.chain(comments).chain(reviews).collect();
    let of = call.row(REPOS)?;
    if let Some(pull) = root.get(PULLS, &key) {
        let compared = pulls::compare::of(root, pull);
        let commits = compared.map(|at| at.commits(root)).unwrap_or_default();
        let version = pull.version();
        let item = |(oid, commit)| {
            let of = &of;
            Item::Commit(Box::new(Committed {
                of,
                oid,
                commit,
                version,
            }))
        };
        items.extend(commits.into_iter().map(item));
    }
    items.sort_by_key(|item| item.place(root));
    Ok(answer(call, &items))
}

/// Whether the caller sees an event: not one that tells of an issue they do not see.
fn shows(call: &Call<'_>, row: &Row) -> bool {
    let Some(source) = row.text_or_null(event::SOURCE) else {
        return true;
    };
    let root = call.root();
    let source = root.named(ISSUES, source);
    let repo = source.and_then(|row| root.named(REPOS, row.text(issue::REPO)));
    repo.is_some_and(|repo| access::sees(call, repo).is_some())
}

/// What a list of events holds.
enum Item<'a> {
    Event(&'a Arc<Row>),
    EventWithIssue(&'a Arc<Row>),
    Comment(&'a Arc<Row>),
    Review(&'a Arc<Row>),
    Commit(Box<Committed<'a>>),
}

/// One of a pull request's commits.
struct Committed<'a> {
    of: &'a Row,
    oid: Oid,
    commit: Commit,
    /// That of the pull request.
    version: u64,
}

impl Item<'_> {
    /// Where it stands: by time, and within a second in order of the calls.
    fn place(&self, root: &Root) -> (i64, i64, bool) {
        match self {
            Self::Event(row) | Self::EventWithIssue(row) => {
                (row.seconds(event::CREATED_AT), row.int(event::ID), false)
            }
            Self::Comment(row) => {
                let place = row.int(comment::PLACE);
                (row.seconds(comment::CREATED_AT), place, false)
            }
            Self::Review(row) => {
                let place = row.int(review::PLACE);
                (row.seconds(review::SUBMITTED_AT), place, false)
            }
            // After the last thing before it, and before what is said of it. Those that nothing
            // lies between stay in the order of their history.
            Self::Commit(at) => {
                let place = root.objects().place(&at.oid);
                (at.commit.committer.seconds, place, true)
            }
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::Event(row)
            | Self::EventWithIssue(row)
            | Self::Comment(row)
            | Self::Review(row) => row.version(),
            // Which commits they are decides about it; their ids follow the clock.
            Self::Commit(at) => at.version,
        }
    }

    fn write(&self, root: &Root, out: &mut Writer) {
        match self {
            Self::Event(row) if row.text(event::EVENT) == "cross-referenced" => {
                render::event::cross_reference(root, row, out);
            }
            // It shows another issue as it is now.
            Self::Event(row) if row.text_or_null(event::SOURCE).is_some() => {
                render::event::event(root, row, out);
            }
            Self::Event(row) => _ = out.rendered(&root.rendered(EVENTS, row).0),
            Self::EventWithIssue(row) => {
                let mut event = Writer::new(root);
                Item::Event(row).write(root, &mut event);
                out.reopened(&event.finish());
                out.key("issue");
                match root.named(ISSUES, row.text(event::ISSUE)) {
                    Some(row) => out.rendered(&root.rendered(ISSUES, row).0),
                    None => out.raw("null"),
                };
                out.raw("}");
            }
            Self::Comment(row) => {
                out.reopened(&root.rendered(COMMENTS, row).0);
                out.key("event").text("commented");
                out.key("actor");
                render::user::named(root, row.text_or_null(comment::USER), out);
                out.raw("}");
            }
            Self::Review(row) => {
                out.reopened(&root.rendered(REVIEWS, row).0);
                out.key("event").text("reviewed").raw("}");
            }
            Self::Commit(at) => {
                let mut own = Writer::new(root);
                data::write_commit(root, at.of, &at.oid, &at.commit, &mut own);
                out.reopened(&own.finish());
                out.key("event").text("committed").raw("}");
            }
        }
    }
}

fn answer(call: &Call<'_>, items: &[Item<'_>]) -> Reply {
    let root = call.root();
    let page = page(call, items.len());
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    let mut tag = page.fingerprint();
    writer.raw("[");
    for item in items.iter().skip(page.skip()).take(page.take()) {
        tag = mix(tag, item.version());
        writer.item();
        item.write(root, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), tag);
    reply.page = Some(page);
    reply
}
