//! What lists of issues, repositories and users ask for.

use std::sync::Arc;

use jiff::Timestamp;

use super::label::directed;
use super::people::{account, called};
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
    COMMENTS, COMMENTS_BY_REPO, ISSUES, ISSUES_BY_LABEL, ISSUES_BY_REPO, MILESTONES, REPOS, USERS,
    comment, issue, label, milestone, repo, user,
};
use crate::github::{access, render};

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

/// Repositories that a search finds: words, `user:`, `org:`, `repo:`, `language:`, `topic:`,
/// `archived:`, `fork:`, `is:`, `in:` and `sort:`.
pub(super) fn repositories_found(call: &Call<'_>, text: &str) -> Vec<Object> {
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = root
        .rows(REPOS)
        .values()
        .filter(|row| {
            access::sees(call, row).is_some()
                && text.split_whitespace().all(|word| repository_fits(row, word))
                // Forks are found where the search asks for them.
                && (!row.bool(repo::FORK) || text.contains("fork:"))
        })
        .collect();
    let sort = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("sort:"));
    let descending = !sort.is_some_and(|sort| sort.ends_with("-asc"));
    let field = sort.map_or("", |sort| sort.split('-').next().unwrap_or_default());
    directed(&mut rows, descending, |row| match field {
        "updated" => (row.seconds(repo::UPDATED_AT), row.int(repo::ID)),
        "forks" => (row.int(repo::FORKS), row.int(repo::ID)),
        _ => (row.int(repo::STARGAZERS), -row.int(repo::ID)),
    });
    rows.into_iter()
        .map(|row| Object::row("Repository", row))
        .collect()
}

fn repository_fits(row: &Row, word: &str) -> bool {
    let name = row.text(repo::FULL_NAME);
    let word = word.trim_matches('"');
    let Some((of, value)) = word.split_once(':') else {
        let word = word.to_lowercase();
        return name.to_lowercase().contains(&word)
            || row.text(repo::DESCRIPTION).to_lowercase().contains(&word);
    };
    let value = value.trim_matches('"');
    match of {
        "user" | "org" => same(crate::github::tables::owner_of(name), value),
        "repo" => same(name, value),
        "language" => same(row.text(repo::LANGUAGE), value),
        "topic" => row.texts(repo::TOPICS).any(|topic| same(topic, value)),
        "archived" => row.bool(repo::ARCHIVED) == (value == "true"),
        "fork" => match value {
            "only" => row.bool(repo::FORK),
            "false" => !row.bool(repo::FORK),
            _ => true,
        },
        "is" => match value {
            "public" => !row.bool(repo::PRIVATE),
            "private" => row.bool(repo::PRIVATE),
            _ => true,
        },
        _ => true,
    }
}

/// Users that a search finds: words, `type:`, `user:`, `org:`.
pub(super) fn users_found(call: &Call<'_>, text: &str) -> Vec<Object> {
    let rows = call.root().rows(USERS).values();
    rows.filter(|row| {
        row.text(user::TYPE) != "Bot"
            && text
                .split_whitespace()
                .all(|word| match word.split_once(':') {
                    Some(("type", "org")) => row.text(user::TYPE) == "Organization",
                    Some(("type", "user")) => row.text(user::TYPE) == "User",
                    Some(("user" | "org", login)) => same(row.text(user::LOGIN), login),
                    Some(_) => true,
                    None => called(row, word),
                })
    })
    .map(account)
    .collect()
}
