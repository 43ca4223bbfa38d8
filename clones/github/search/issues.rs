//! Searching issues and pull requests: `GET /search/issues`.

use std::cmp::Reverse;
use std::sync::Arc;

use super::grammar::{Query, Term};
use super::matches::Matches;
use super::range::{number, span, within};
use super::{answer, asked, check_places, parsed};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::association;
use crate::github::issue_lists::order_of;
use crate::github::pulls::qualifiers;
use crate::github::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, ISSUES, MILESTONES, REACTIONS, REACTIONS_BY_SUBJECT, REPOS,
    comment, issue, milestone, milestone_key, owner_of, repo,
};
use crate::github::{access, mentions, related, render};

/// Where words are sought where `in:` names nothing.
const USUAL: &[&str] = &["title", "body", "comments"];

/// `GET /search/issues`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let query = asked(call, is_qualifier)?;
    let ascending = call.query("order") == Some("asc");
    let rows = found(call, &query, call.query("sort"), ascending)?;
    let words = query.words();
    let root = call.root();
    let url = |row: &Row| {
        let (repo, number) = (row.text(issue::REPO), row.int(issue::NUMBER));
        format!("{}/repos/{repo}/issues/{number}", render::API)
    };
    answer(call, rows, Some("lexical"), |row, found| {
        let (rendered, print) = root.rendered(ISSUES, row);
        found.open(rendered, *print);
        let url = url(row);
        for (property, text) in [
            ("title", row.text(issue::TITLE)),
            ("body", row.text(issue::BODY)),
        ] {
            found.matches(|| Matches::of(&url, "Issue", property, text, &words));
        }
    })
}

/// The issues that a search of the caller's finds, the best first.
pub(in crate::github) fn rows<'c>(
    call: &'c Call<'_>,
    text: &str,
) -> Result<Vec<&'c Arc<Row>>, Refusal> {
    let query = parsed(call, text, is_qualifier)?;
    found(call, &query, None, false)
}

fn found<'c>(
    call: &'c Call<'_>,
    query: &Query,
    sort: Option<&str>,
    ascending: bool,
) -> Result<Vec<&'c Arc<Row>>, Refusal> {
    check_places(call, query)?;
    let root = call.root();
    let sees = |row: &Row| {
        root.named(REPOS, row.text(issue::REPO))
            .is_some_and(|repo| access::sees(call, repo).is_some())
    };
    let mut rows: Vec<&Arc<Row>> = root
        .rows(ISSUES)
        .values()
        .filter(|row| query.finds(&|term| holds(root, row, query, term)) && sees(row))
        .collect();
    let sort = sort.or(query.sort()).unwrap_or("best-match");
    let words = query.words();
    let rank = |row: &&Arc<Row>| {
        let (first, then) = match sort {
            "created" | "author-date" | "committer-date" => (row.seconds(issue::CREATED_AT), 0),
            "updated" => (row.seconds(issue::UPDATED_AT), order_of(row)),
            "comments" => (render::issue::comments(root, row), 0),
            "interactions" => {
                let comments = render::issue::comments(root, row);
                (comments + reactions(root, row, None), 0)
            }
            "reactions" => (reactions(root, row, None), 0),
            sort => match sort.strip_prefix("reactions-") {
                Some(content) => (reactions(root, row, Some(content)), 0),
                None => (hits(row, &words), 0),
            },
        };
        let created = row.seconds(issue::CREATED_AT);
        (first, then, created, row.int(issue::ID))
    };
    if ascending || query.ascending() {
        rows.sort_by_cached_key(rank);
    } else {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    }
    Ok(rows)
}

/// How many reactions an issue has, of one kind or of all.
fn reactions(root: &Root, row: &Row, content: Option<&str>) -> i64 {
    let group = render::reaction::group(row.text(issue::NODE_ID));
    let rows = root.group(REACTIONS, REACTIONS_BY_SUBJECT, &group);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let count = rows
        .filter(|row| {
            let own = row.text(crate::github::tables::reaction::CONTENT);
            content.is_none_or(|content| own == content)
        })
        .count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How well an issue fits: a word in the title weighs more than one in the body.
fn hits(row: &Row, words: &[&str]) -> i64 {
    let title = row.text(issue::TITLE).to_lowercase();
    words
        .iter()
        .map(|word| i64::from(title.contains(word)))
        .sum()
}

fn holds(root: &Root, row: &Row, query: &Query, term: &Term) -> bool {
    match term {
        Term::Word(word) => says(root, row, query, word),
        Term::Qualifier { name, values } => {
            values.iter().any(|value| qualifies(root, row, name, value))
        }
    }
}

fn says(root: &Root, row: &Row, query: &Query, word: &str) -> bool {
    let looks = |place: &str| query.looks(place, USUAL);
    let has = |text: &str| text.to_lowercase().contains(word);
    (looks("title") && has(row.text(issue::TITLE)))
        || (looks("body") && has(row.text(issue::BODY)))
        || (looks("comments") && comments(root, row).any(|one| has(one.text(comment::BODY))))
}

fn comments<'r>(root: &'r Root, row: &Row) -> impl Iterator<Item = &'r Row> + use<'r> {
    let key = root.key(ISSUES, row);
    root.group(COMMENTS, COMMENTS_BY_ISSUE, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
        .map(AsRef::as_ref)
}

fn is_qualifier(name: &str) -> bool {
    if qualifiers::is_qualifier(name) {
        return true;
    }
    matches!(
        name,
        "archived"
            | "assignee"
            | "author"
            | "author-association"
            | "closed"
            | "commenter"
            | "comments"
            | "created"
            | "in"
            | "interactions"
            | "involves"
            | "is"
            | "label"
            | "language"
            | "mentions"
            | "milestone"
            | "no"
            | "org"
            | "parent-issue"
            | "reactions"
            | "reason"
            | "repo"
            | "sort"
            | "state"
            | "type"
            | "updated"
            | "user"
    )
}

fn qualifies(root: &Root, row: &Row, name: &str, value: &str) -> bool {
    let of_repo = |column: usize| {
        root.named(REPOS, row.text(issue::REPO))
            .is_some_and(|row| row.bool(column))
    };
    let commented =
        |login: &str| comments(root, row).any(|one| same(one.text(comment::USER), login));
    let assigned = |login: &str| row.texts(issue::ASSIGNEES).any(|one| same(one, login));
    let wrote = |login: &str| same(row.text(issue::USER), login);
    let mentions = |login: &str| {
        let comments = || {
            comments(root, row).any(|one| {
                let named = mentions::users(root, one.text(comment::BODY));
                named.iter().any(|one| same(one, login))
            })
        };
        mentions::in_issue(root, row, login) || comments()
    };
    let key = || root.key(ISSUES, row);
    let count = render::issue::comments(root, row);
    let state = row.text(issue::STATE);
    match name {
        "repo" => same(row.text(issue::REPO), value),
        "user" | "org" => same(owner_of(row.text(issue::REPO)), value),
        "state" => state == value.to_lowercase(),
        "is" | "type" => match value.to_lowercase().as_str() {
            value if qualifiers::is(root, row, value).is_some() => {
                qualifiers::is(root, row, value) == Some(true)
            }
            "open" => state == "open",
            "closed" => state == "closed",
            "public" => !of_repo(repo::PRIVATE),
            "private" => of_repo(repo::PRIVATE),
            "blocked" => related::blockers(root, &key())
                .iter()
                .any(|row| row.text(issue::STATE) == "open"),
            "blocking" => state == "open" && !related::blocked(root, &key()).is_empty(),
            "locked" => row.bool(issue::LOCKED),
            "unlocked" => !row.bool(issue::LOCKED),
            // What is no state is the name of a type.
            value => name == "type" && same(row.text(issue::TYPE), value),
        },
        "archived" => of_repo(repo::ARCHIVED) == (value == "true"),
        "author" => wrote(value),
        "author-association" => root
            .named(REPOS, row.text(issue::REPO))
            .is_some_and(|repo| same(association(root, repo, row.text(issue::USER)), value)),
        "assignee" if value == "*" => row.texts(issue::ASSIGNEES).next().is_some(),
        "assignee" => assigned(value),
        "commenter" => commented(value),
        "mentions" => mentions(value),
        "involves" => wrote(value) || assigned(value) || commented(value) || mentions(value),
        "no" => match value {
            "label" => row.texts(issue::LABELS).next().is_none(),
            "assignee" => row.texts(issue::ASSIGNEES).next().is_none(),
            "milestone" => row.int(issue::MILESTONE) == 0,
            "type" => row.text_or_null(issue::TYPE).is_none(),
            "parent-issue" => related::parent(root, &key()).is_none(),
            "sub-issue" => related::sub_issues(root, &key()).is_empty(),
            "project" => true,
            _ => false,
        },
        "label" => row.texts(issue::LABELS).any(|one| same(one, value)),
        "milestone" if value == "*" => row.int(issue::MILESTONE) != 0,
        "milestone" => root
            .get(
                MILESTONES,
                &milestone_key(row.text(issue::REPO), row.int(issue::MILESTONE)),
            )
            .is_some_and(|row| same(row.text(milestone::TITLE), value)),
        "parent-issue" => {
            related::parent(root, &key()).is_some_and(|parent| same(&related::name(parent), value))
        }
        "language" => root
            .named(REPOS, row.text(issue::REPO))
            .is_some_and(|row| same(row.text(repo::LANGUAGE), value)),
        "reactions" => within(value, number, reactions(root, row, None)),
        "interactions" => within(value, number, count + reactions(root, row, None)),
        "reason" => {
            let reason = value.replace(' ', "_");
            same(row.text(issue::STATE_REASON), &reason)
        }
        "comments" => within(value, number, count),
        "created" => within(value, span, row.seconds(issue::CREATED_AT)),
        "updated" => within(value, span, row.seconds(issue::UPDATED_AT)),
        "closed" => row
            .time(issue::CLOSED_AT)
            .is_some_and(|closed| within(value, span, closed.at.as_second())),
        name if qualifiers::is_qualifier(name) => {
            qualifiers::holds(root, row, name, value, |at| within(value, span, at))
        }
        _ => false,
    }
}
