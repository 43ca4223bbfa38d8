//! Searches: one language, and for each kind of thing what its words and qualifiers mean.
//!
//! - [`grammar`], [`range`]: the language. [`matches`]: where the words occur.
//! - [`issues`], [`repos`], [`users`], [`code`], [`commits`], [`labels`], [`topics`]: the kinds.

pub(super) mod code;
pub(super) mod commits;
mod grammar;
pub(super) mod issues;
pub(super) mod labels;
mod matches;
mod range;
pub(super) mod repos;
#[cfg(test)]
mod tests;
pub(super) mod topics;
pub(super) mod users;

use serde_json::{Value, json};

use self::grammar::Query;
use self::matches::Matches;
use super::access;
use super::dialect::{invalid, page};
use super::tables::{REPOS, USERS};
use crate::engine::fingerprint::mix;
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::writer::Writer;
use archal_core::clone::Rendered;

/// GitHub answers no more than this many results of a search.
const MOST_RESULTS: u64 = 1_000;
/// The words of a search are no longer than this, its qualifiers and operators apart.
const LONGEST: usize = 256;

/// A refusal of the search itself.
fn refused(message: &str) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![json!({
        "message": message, "resource": "Search", "field": "q", "code": "invalid"
    })])
}

fn too_many_operators() -> Refusal {
    refused("More than five AND / OR / NOT operators were used.")
}

/// The search that a call asks for.
fn asked(call: &Call<'_>, is_qualifier: fn(&str) -> bool) -> Result<Query, Refusal> {
    let text = call
        .query("q")
        .ok_or_else(|| invalid("Search", "q", "missing"))?;
    parsed(call, text, is_qualifier)
}

/// A search that the caller wrote.
fn parsed(call: &Call<'_>, text: &str, is_qualifier: fn(&str) -> bool) -> Result<Query, Refusal> {
    let login = access::login(call).ok();
    let query = Query::parse(text, login.as_deref(), is_qualifier)?;
    let length: usize = query.words().iter().map(|word| word.chars().count()).sum();
    if length > LONGEST {
        return Err(refused("The search is longer than 256 characters."));
    }
    Ok(query)
}

/// Refuses a search in repositories or accounts that the caller does not see.
fn check_places(call: &Call<'_>, query: &Query) -> Result<(), Refusal> {
    let root = call.root();
    let sees = |name: &&str| {
        root.named(REPOS, name)
            .is_some_and(|row| access::sees(call, row).is_some())
    };
    let knows = |name: &&str| root.get(USERS, &Key::folded(name)).is_some();
    let repos = query.values("repo");
    let owners = [query.values("user"), query.values("org")].concat();
    // One that is seen is enough, as the others only add nothing.
    let any = repos.iter().any(sees) || owners.iter().any(knows);
    if any || (repos.is_empty() && owners.is_empty()) {
        return Ok(());
    }
    Err(refused(
        "The listed users and repositories cannot be searched either because the resources do \
         not exist or you do not have permission to view them.",
    ))
}

/// A result being written.
struct Found<'a> {
    root: &'a Root,
    /// The list of results; a result's object is left open.
    out: Writer,
    tag: u64,
    /// Where the words occur, where the request asks.
    matches: Option<Vec<Matches>>,
}

impl Found<'_> {
    /// Begins with what was rendered before; `print` is its fingerprint.
    fn open(&mut self, rendered: &Rendered, print: u64) {
        self.tag = mix(self.tag, print);
        self.out.item().reopened(rendered);
    }

    /// Adds where words occur in a text, where the request asks.
    fn matches(&mut self, of: impl FnOnce() -> Option<Matches>) {
        if let Some(matches) = &mut self.matches {
            matches.extend(of());
        }
    }

    fn close(&mut self) {
        self.out.key("score").raw("1.0");
        if let Some(matches) = &mut self.matches {
            self.out.key("text_matches").raw("[");
            for one in matches.drain(..) {
                self.out.item();
                one.write(self.root, &mut self.out);
            }
            self.out.raw("]");
        }
        self.out.raw("}");
    }
}

/// Answers a page of results, each written by `write` and left open.
fn answer<T>(
    call: &Call<'_>,
    rows: Vec<T>,
    kind: Option<&str>,
    write: impl Fn(T, &mut Found<'_>),
) -> Result<Reply, Refusal> {
    let root = call.root();
    let total = rows.len();
    let mut page = page(call, total);
    if page.skip() as u64 >= MOST_RESULTS {
        return Err(Refusal::new(
            422,
            "Only the first 1000 search results are available",
        ));
    }
    page.total = page.total.min(MOST_RESULTS);
    let asks = call
        .request
        .header("accept")
        .is_some_and(|accept| accept.contains("text-match"));
    let mut out = Writer::with_capacity(root, 65_536, 65_536);
    out.raw("{");
    out.key("total_count").raw(&total.to_string());
    out.key("incomplete_results").bool(false);
    if let Some(kind) = kind {
        out.key("search_type").text(kind);
    }
    out.key("items").raw("[");
    let mut found = Found {
        root,
        out,
        tag: mix(page.fingerprint(), total as u64),
        matches: asks.then(Vec::new),
    };
    for row in rows.into_iter().skip(page.skip()).take(page.take()) {
        write(row, &mut found);
        found.close();
    }
    let Found { mut out, tag, .. } = found;
    out.raw("]}");
    let mut reply = Reply::written(200, out.finish(), tag);
    reply.page = Some(page);
    Ok(reply)
}

/// Whether the sort of a call ascends.
fn ascends(call: &Call<'_>, query: &Query) -> bool {
    call.query("order") == Some("asc") || query.ascending()
}

/// Refuses a sort that the search does not have.
fn check_sort(call: &Call<'_>, known: &[&str]) -> Result<(), Refusal> {
    match call.query("sort") {
        Some(sort) if !known.contains(&sort) => {
            Err(Refusal::new(422, "Validation Failed").with(vec![json!({
                "resource": "Search", "field": "sort", "code": "invalid", "value": Value::from(sort)
            })]))
        }
        _ => Ok(()),
    }
}
