//! Searching users and organisations: `GET /search/users`.

use std::cmp::Reverse;
use std::sync::Arc;

use super::grammar::{Query, Term};
use super::matches::Matches;
use super::range::{number, span, within};
use super::{answer, asked, check_sort, parsed};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::render;
use crate::github::tables::{REPOS, REPOS_BY_OWNER, USERS, repo, user};

/// Where words are sought where `in:` names nothing.
const USUAL: &[&str] = &["login", "name", "email"];

fn is_qualifier(name: &str) -> bool {
    matches!(
        name,
        "created"
            | "followers"
            | "fullname"
            | "in"
            | "is"
            | "language"
            | "location"
            | "org"
            | "repos"
            | "sort"
            | "type"
            | "user"
    )
}

/// `GET /search/users`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_sort(call, &["followers", "repositories", "joined"])?;
    let query = asked(call, is_qualifier)?;
    let ascending = call.query("order") == Some("asc");
    let rows = found(call, &query, call.query("sort"), ascending)?;
    let words = query.words();
    let root = call.root();
    answer(call, rows, None, |row, found| {
        let (rendered, print) = root.rendered(USERS, row);
        found.open(rendered, *print);
        let login = row.text(user::LOGIN);
        let url = format!("{}/users/{login}", render::API);
        for (property, text) in [
            ("login", login),
            ("name", row.text(user::NAME)),
            ("email", row.text(user::EMAIL)),
        ] {
            found.matches(|| Matches::of(&url, "User", property, text, &words));
        }
    })
}

/// The accounts that a search of the caller's finds, the best first.
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
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = root
        .rows(USERS)
        .values()
        // Bots are found by their logins only, and not by searches.
        .filter(|row| row.text(user::TYPE) != "Bot")
        .filter(|row| query.finds(&|term| holds(root, row, query, term)))
        .collect();
    let words = query.words();
    let sort = sort.or(query.sort()).unwrap_or("best-match");
    let rank = |row: &&Arc<Row>| {
        let login = row.text(user::LOGIN).to_lowercase();
        let first = match sort {
            "followers" => row.int(user::FOLLOWERS),
            "repositories" => repos(root, row),
            "joined" => row.seconds(user::CREATED_AT),
            _ => {
                let weight = |word: &&str| match login.contains(word) {
                    true if login == **word => 2,
                    found => i64::from(found),
                };
                words.iter().map(weight).sum()
            }
        };
        (first, Reverse(row.int(user::ID)))
    };
    if ascending || query.ascending() {
        rows.sort_by_cached_key(rank);
    } else {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    }
    Ok(rows)
}

/// The public repositories of an account.
fn public<'r>(root: &'r Root, row: &Row) -> impl Iterator<Item = &'r Arc<Row>> + use<'r> {
    root.group(REPOS, REPOS_BY_OWNER, &Key::folded(row.text(user::LOGIN)))
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| !row.bool(repo::PRIVATE))
}

fn repos(root: &Root, row: &Row) -> i64 {
    i64::try_from(public(root, row).count()).unwrap_or(i64::MAX)
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
    let has = |column: usize| row.text(column).to_lowercase().contains(word);
    [
        ("login", user::LOGIN),
        ("name", user::NAME),
        ("email", user::EMAIL),
    ]
    .iter()
    .any(|(place, column)| query.looks(place, USUAL) && has(*column))
}

fn qualifies(root: &Root, row: &Row, name: &str, value: &str) -> bool {
    let contains = |column: usize| {
        let text = row.text(column).to_lowercase();
        text.contains(&value.to_lowercase())
    };
    let organisation = row.text(user::TYPE) == "Organization";
    match name {
        "type" | "is" => match value.to_lowercase().as_str() {
            "user" => !organisation,
            "org" | "organization" => organisation,
            _ => false,
        },
        "user" => !organisation && same(row.text(user::LOGIN), value),
        "org" => organisation && same(row.text(user::LOGIN), value),
        "fullname" => contains(user::NAME),
        "location" => contains(user::LOCATION),
        "followers" => within(value, number, row.int(user::FOLLOWERS)),
        "repos" => within(value, number, repos(root, row)),
        "created" => within(value, span, row.seconds(user::CREATED_AT)),
        "language" => public(root, row).any(|row| same(row.text(repo::LANGUAGE), value)),
        _ => false,
    }
}
