//! Searching repositories: `GET /search/repositories`.

use std::cmp::Reverse;
use std::sync::Arc;

use super::grammar::{Query, Term};
use super::matches::Matches;
use super::range::{number, span, within};
use super::{answer, asked, check_places, check_sort, parsed};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::tables::{ISSUES, ISSUES_BY_LABEL, REPOS, issue, name_of, owner_of, repo};
use crate::github::{access, render};

/// Where words are sought where `in:` names nothing.
const USUAL: &[&str] = &["name", "description", "topics"];

fn is_qualifier(name: &str) -> bool {
    matches!(
        name,
        "archived"
            | "created"
            | "fork"
            | "forks"
            | "good-first-issues"
            | "help-wanted-issues"
            | "in"
            | "is"
            | "language"
            | "license"
            | "mirror"
            | "org"
            | "pushed"
            | "repo"
            | "size"
            | "sort"
            | "stars"
            | "template"
            | "topic"
            | "topics"
            | "updated"
            | "user"
    )
}

/// `GET /search/repositories`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_sort(call, &["stars", "forks", "help-wanted-issues", "updated"])?;
    let query = asked(call, is_qualifier)?;
    let ascending = call.query("order") == Some("asc");
    let rows = found(call, &query, call.query("sort"), ascending)?;
    let words = query.words();
    let root = call.root();
    answer(call, rows, None, |row, found| {
        let permission = call.caller.as_ref().and_then(|_| access::sees(call, row));
        let mut out = crate::engine::writer::Writer::new(root);
        let detail = render::repo::Detail::Listed;
        render::repo::repo(root, row, detail, permission, &mut out);
        found.open(&out.finish(), row.version());
        let name = row.text(repo::FULL_NAME);
        let url = format!("{}/repos/{name}", render::API);
        for (property, text) in [
            ("name", name_of(name)),
            ("description", row.text(repo::DESCRIPTION)),
        ] {
            found.matches(|| Matches::of(&url, "Repository", property, text, &words));
        }
    })
}

/// The repositories that a search of the caller's finds, the best first.
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
    // Forks are found where they are asked for.
    let forks = query.values("fork");
    let mut rows: Vec<&Arc<Row>> = root
        .rows(REPOS)
        .values()
        .filter(|row| {
            !row.bool(repo::FORK)
                || !forks.is_empty()
                || query
                    .values("repo")
                    .iter()
                    .any(|name| same(name, row.text(repo::FULL_NAME)))
        })
        .filter(|row| query.finds(&|term| holds(root, row, query, term)))
        .filter(|row| access::sees(call, row).is_some())
        .collect();
    let words = query.words();
    let sort = sort.or(query.sort()).unwrap_or("best-match");
    let rank = |row: &&Arc<Row>| {
        let first = match sort {
            "stars" => row.int(repo::STARGAZERS),
            "forks" => row.int(repo::FORKS),
            "updated" => row.seconds(repo::UPDATED_AT),
            "help-wanted-issues" => labelled(root, row, "help wanted"),
            _ => hits(row, &words),
        };
        (first, row.int(repo::STARGAZERS), Reverse(row.int(repo::ID)))
    };
    if ascending || query.ascending() {
        rows.sort_by_cached_key(rank);
    } else {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    }
    Ok(rows)
}

/// How well a repository fits: a word in the name weighs most.
fn hits(row: &Row, words: &[&str]) -> i64 {
    let name = name_of(row.text(repo::FULL_NAME)).to_lowercase();
    let weight = |word: &&str| match name.contains(word) {
        true if name == **word => 3,
        true => 2,
        false => 0,
    };
    words.iter().map(weight).sum()
}

/// How many open issues have a label.
fn labelled(root: &Root, row: &Row, label: &str) -> i64 {
    let key = Key::new([folded(row.text(repo::FULL_NAME)), folded(label)]);
    let rows = root.group(ISSUES, ISSUES_BY_LABEL, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let open = rows.filter(|row| row.text(issue::STATE) == "open").count();
    i64::try_from(open).unwrap_or(i64::MAX)
}

fn holds(root: &Root, row: &Row, query: &Query, term: &Term) -> bool {
    match term {
        Term::Word(word) => says(row, query, word),
        Term::Qualifier { name, values } => {
            values.iter().any(|value| qualifies(root, row, name, value))
        }
    }
}

fn says(row: &Row, query: &Query, word: &str) -> bool {
    let looks = |place: &str| query.looks(place, USUAL);
    let has = |text: &str| text.to_lowercase().contains(word);
    let full_name = row.text(repo::FULL_NAME);
    (looks("name") && (has(name_of(full_name)) || (word.contains('/') && has(full_name))))
        || (looks("description") && has(row.text(repo::DESCRIPTION)))
        || (looks("topics") && row.texts(repo::TOPICS).any(has))
}

fn qualifies(root: &Root, row: &Row, name: &str, value: &str) -> bool {
    let count = |of: i64| within(value, number, of);
    let flag = |of: bool| of == (value == "true");
    let time = |column: usize| within(value, span, row.seconds(column));
    match name {
        "repo" => same(row.text(repo::FULL_NAME), value),
        "user" | "org" => same(owner_of(row.text(repo::FULL_NAME)), value),
        "is" => match value {
            "public" => !row.bool(repo::PRIVATE),
            "private" => row.bool(repo::PRIVATE),
            _ => false,
        },
        "archived" => flag(row.bool(repo::ARCHIVED)),
        "fork" => match value {
            "true" => true,
            "only" => row.bool(repo::FORK),
            _ => !row.bool(repo::FORK),
        },
        "mirror" | "template" => flag(false),
        "stars" => count(row.int(repo::STARGAZERS)),
        "forks" => count(row.int(repo::FORKS)),
        "size" => count(row.int(repo::SIZE)),
        "topics" => count(i64::try_from(row.texts(repo::TOPICS).count()).unwrap_or(i64::MAX)),
        "topic" => row.texts(repo::TOPICS).any(|topic| same(topic, value)),
        "language" => same(row.text(repo::LANGUAGE), value),
        "good-first-issues" => count(labelled(root, row, "good first issue")),
        "help-wanted-issues" => count(labelled(root, row, "help wanted")),
        "created" => time(repo::CREATED_AT),
        "updated" => time(repo::UPDATED_AT),
        "pushed" => time(repo::PUSHED_AT),
        _ => false,
    }
}
