//! `GET /search/issues`.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::json;

use super::dialect::{invalid, page};
use super::issue_lists::order_of;
use super::query::Query;
use super::tables::{ISSUES, REPOS, issue, repo_of};
use super::{access, render};
use crate::engine::fingerprint::mix;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// GitHub answers no more than this many results of a search.
const MOST_RESULTS: u64 = 1_000;

/// Searches issues.
pub(super) fn issues(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let text = call
        .query("q")
        .ok_or_else(|| invalid("Search", "q", "missing"))?;
    let login = access::login(call).ok();
    let query = Query::parse(text, login.as_deref());
    let root = call.root();
    let sees = |name: &str| {
        root.named(REPOS, name)
            .is_some_and(|row| access::sees(call, row).is_some())
    };
    if query.named_repos().any(|name| !sees(name)) {
        let message = "The listed users and repositories cannot be searched either because the \
                       resources do not exist or you do not have permission to view them.";
        return Err(Refusal::new(422, "Validation Failed").with(vec![
            json!({"message": message, "resource": "Search", "field": "q", "code": "invalid"}),
        ]));
    }
    let mut rows: Vec<&Arc<Row>> = root
        .rows(ISSUES)
        .values()
        .filter(|row| query.shows(root, row) && sees(repo_of(row.text(issue::REPO))))
        .collect();
    let ascending = call.query("order") == Some("asc");
    let sort = call.query("sort").or(query.sort()).unwrap_or("best-match");
    let rank = |row: &&Arc<Row>| {
        let (first, then) = match sort {
            "created" => (row.seconds(issue::CREATED_AT), 0),
            "updated" => (row.seconds(issue::UPDATED_AT), order_of(row)),
            "comments" => (render::issue::comments(root, row), 0),
            _ => (query.hits(row), 0),
        };
        let created = row.seconds(issue::CREATED_AT);
        (first, then, created, row.int(issue::ID))
    };
    if ascending || query.ascending() {
        rows.sort_by_cached_key(rank);
    } else {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    }
    let total = rows.len();
    let mut page = page(call, total);
    if page.skip() as u64 >= MOST_RESULTS {
        return Err(Refusal::new(
            422,
            "Only the first 1000 search results are available",
        ));
    }
    page.total = page.total.min(MOST_RESULTS);
    let mut writer = Writer::with_capacity(root, 65_536, 65_536);
    writer.raw("{");
    writer.key("total_count").raw(&total.to_string());
    writer.key("incomplete_results").bool(false);
    writer.key("search_type").text("lexical");
    writer.key("items").raw("[");
    let mut tag = mix(page.fingerprint(), total as u64);
    for row in rows.into_iter().skip(page.skip()).take(page.take()) {
        let (rendered, print) = root.rendered(ISSUES, row);
        tag = mix(tag, *print);
        writer.item().reopened(rendered).key("score").raw("1.0}");
    }
    writer.raw("]}");
    let mut reply = Reply::new(200, writer.finish());
    reply.tag = Some(tag);
    reply.page = Some(page);
    Ok(reply)
}
