//! What lists of issues, repositories and users ask for.

use std::sync::Arc;

use jiff::Timestamp;

use super::label::directed;
use super::people::account;
use super::repo_named;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::{Object, Outcome, Value};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::issue_lists::{order_of, time};
use crate::github::tables::{
    COMMENTS, COMMENTS_BY_REPO, ISSUES, ISSUES_BY_LABEL, ISSUES_BY_REPO, MILESTONES, comment,
    issue, label, milestone, repo, user,
};
use crate::github::{access, render, search};

/// The issues of a repository.
pub(super) fn issues_of_repo(call: &Call<'_>, repo_row: &Row, args: &Args) -> Outcome {
    let key = Key::folded(repo_row.text(repo::FULL_NAME));
    let rows = call.root().group(ISSUES, ISSUES_BY_REPO, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(issues(call, rows.collect(), args))
}

/// The issues with a label.
pub(super) fn issues_of_label(call: &Call<'_>, row: &Row, args: &Args) -> Outcome {
    let key = Key::new([folded(row.text(label::REPO)), folded(row.text(label::NAME))]);
    let rows = call.root().group(ISSUES, ISSUES_BY_LABEL, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(issues(call, rows.collect(), args))
}

/// The issues that somebody opened.
pub(super) fn issues_of_author(call: &Call<'_>, row: &Row, args: &Args) -> Outcome {
    let login = row.text(user::LOGIN);
    let rows = call.root().rows(ISSUES).values();
    let rows = rows.filter(|row| {
        same(row.text(issue::USER), login) && repo_named(call, row.text(issue::REPO)).is_some()
    });
    Ok(issues(call, rows.collect(), args))
}

/// A connection of issues by `states`, `labels`, `filterBy` and `orderBy`. Issues that do not
/// fit stay in it unseen, so that a page's end cursor leads on after the issue was closed.
pub(super) fn issues(call: &Call<'_>, rows: Vec<&Arc<Row>>, args: &Args) -> Value {
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .filter(|row| super::issue::object(root, row).of == "Issue")
        .collect();
    let order = args.object("orderBy");
    let descending = order.text("direction") == Some("DESC");
    match order.text("field") {
        Some("UPDATED_AT") => directed(&mut rows, descending, |row| {
            let number = row.int(issue::NUMBER);
            (row.seconds(issue::UPDATED_AT), order_of(row), number)
        }),
        Some("COMMENTS") => directed(&mut rows, descending, |row| {
            (render::issue::comments(root, row), row.int(issue::NUMBER))
        }),
        _ => directed(&mut rows, descending, |row| {
            (row.seconds(issue::CREATED_AT), row.int(issue::NUMBER))
        }),
    }
    let asked = Asked::read(args);
    Connection::keyed(rows.into_iter().map(|row| {
        let id = row.text(issue::NODE_ID).to_owned();
        (id, asked.shows(call, row), Object::row("Issue", row))
    }))
    .into()
}

/// What a list of issues asks for.
struct Asked {
    states: Option<Vec<String>>,
    labels: Vec<String>,
    all_labels: Vec<String>,
    assignee: Option<String>,
    creator: Option<String>,
    mentioned: Option<String>,
    milestone: Option<String>,
    since: Option<Timestamp>,
}

impl Asked {
    fn read(args: &Args) -> Self {
        let by = args.object("filterBy");
        let owned = |texts: Option<Vec<&str>>| -> Option<Vec<String>> {
            texts.map(|texts| texts.into_iter().map(str::to_owned).collect())
        };
        let text = |name: &str| by.text(name).map(str::to_owned);
        Self {
            states: owned(by.any_of("states").or(args.any_of("states"))),
            labels: owned(args.texts("labels")).unwrap_or_default(),
            all_labels: owned(by.texts("labels")).unwrap_or_default(),
            // Given as null, it asks for those that nobody is assigned to.
            assignee: if by.has("assignee") {
                Some(text("assignee").unwrap_or_default())
            } else {
                None
            },
            creator: text("createdBy"),
            mentioned: text("mentioned"),
            milestone: if by.has("milestone") || by.has("milestoneNumber") {
                Some(
                    text("milestone")
                        .or(text("milestoneNumber"))
                        .unwrap_or_default(),
                )
            } else {
                None
            },
            since: by.text("since").and_then(time),
        }
    }

    fn shows(&self, call: &Call<'_>, row: &Row) -> bool {
        let has = |name: &String| row.texts(issue::LABELS).any(|label| same(label, name));
        let me = || access::login(call).unwrap_or_default();
        let who = |name: &str| if name == "@me" { me() } else { name.to_owned() };
        self.states.as_ref().is_none_or(|states| {
            states
                .iter()
                .any(|state| state.eq_ignore_ascii_case(row.text(issue::STATE)))
        }) && (self.labels.is_empty() || self.labels.iter().any(has))
            && self.all_labels.iter().all(has)
            && self.assignee.as_deref().is_none_or(|name| match name {
                "" => row.texts(issue::ASSIGNEES).next().is_none(),
                "*" => row.texts(issue::ASSIGNEES).next().is_some(),
                name => row
                    .texts(issue::ASSIGNEES)
                    .any(|login| same(login, &who(name))),
            })
            && self
                .creator
                .as_deref()
                .is_none_or(|name| same(row.text(issue::USER), &who(name)))
            && self.mentioned.as_deref().is_none_or(|name| {
                let mention = format!("@{}", who(name).to_lowercase());
                row.text(issue::BODY).to_lowercase().contains(&mention)
            })
            && self.milestone.as_deref().is_none_or(|wanted| match wanted {
                "" => row.int(issue::MILESTONE) == 0,
                "*" => row.int(issue::MILESTONE) != 0,
                wanted => {
                    let number = row.int(issue::MILESTONE);
                    let key = Key::new([folded(row.text(issue::REPO)), Part::Int(number)]);
                    let of = call.root().get(MILESTONES, &key);
                    wanted.parse() == Ok(number)
                        || of.is_some_and(|of| {
                            same(of.text(milestone::TITLE), wanted)
                                || of.int(milestone::ID).to_string() == wanted
                        })
                }
            })
            && self.since.is_none_or(|since| {
                row.time(issue::UPDATED_AT)
                    .is_some_and(|updated| updated.at >= since)
            })
    }
}

/// Who wrote issues or comments in a repository.
pub(super) fn authors(root: &Root, repo_name: &str) -> Vec<String> {
    let key = Key::folded(repo_name);
    let rows = root.group(ISSUES, ISSUES_BY_REPO, &key);
    let mut out: Vec<String> = Vec::new();
    let mut add = |login: &str| {
        if !login.is_empty() && !out.iter().any(|known| known == login) {
            out.push(login.to_owned());
        }
    };
    for row in rows.into_iter().flat_map(|rows| rows.values()) {
        add(row.text(issue::USER));
    }
    let rows = root.group(COMMENTS, COMMENTS_BY_REPO, &key);
    for row in rows.into_iter().flat_map(|rows| rows.values()) {
        add(row.text(comment::USER));
    }
    out
}

/// Repositories that a search finds; what cannot be searched is not found.
pub(super) fn repositories_found(call: &Call<'_>, text: &str) -> Vec<Object> {
    let rows = search::repos::rows(call, text).unwrap_or_default();
    rows.into_iter()
        .map(|row| Object::row("Repository", row))
        .collect()
}

/// Users and organisations that a search finds.
pub(super) fn users_found(call: &Call<'_>, text: &str) -> Vec<Object> {
    let rows = search::users::rows(call, text).unwrap_or_default();
    rows.into_iter().map(account).collect()
}
