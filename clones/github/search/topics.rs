//! Searching topics: `GET /search/topics`. Topics are those of the repositories here; what
//! GitHub's editors write of famous ones is not known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::grammar::Term;
use super::range::{number, within};
use super::{answer, asked};
use crate::engine::fingerprint;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;
use crate::github::access;
use crate::github::tables::{REPOS, repo};

/// `GET /search/topics`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let query = asked(call, |name| {
        matches!(name, "created" | "is" | "repositories")
    })?;
    let root = call.root();
    let mut topics: BTreeMap<String, Vec<&Arc<Row>>> = BTreeMap::new();
    for row in root.rows(REPOS).values() {
        if access::sees(call, row).is_some() {
            for topic in row.texts(repo::TOPICS) {
                topics.entry(topic.to_lowercase()).or_default().push(row);
            }
        }
    }
    let holds = |name: &str, rows: &[&Arc<Row>], term: &Term| match term {
        Term::Word(word) => name.contains(word.as_str()),
        Term::Qualifier { name, values } => values.iter().any(|value| match name.as_str() {
            "repositories" => {
                let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
                within(value, number, count)
            }
            // None is curated or featured.
            _ => value.starts_with("not-"),
        }),
    };
    let mut found: Vec<(String, Vec<&Arc<Row>>)> = topics
        .into_iter()
        .filter(|(name, rows)| query.finds(&|term| holds(name, rows, term)))
        .collect();
    found.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    answer(call, found, None, |(name, rows), found| {
        let made = rows.iter().filter_map(|row| row.time(repo::CREATED_AT));
        let made = made.min_by_key(|stamp| stamp.at);
        found.tag = fingerprint::bytes(found.tag, name.as_bytes());
        let out = &mut found.out;
        out.item().raw("{");
        out.key("name").text(&name);
        for name in ["display_name", "short_description", "description"] {
            out.key(name).raw("null");
        }
        out.key("created_by").raw("null");
        out.key("released").raw("null");
        out.key("created_at").time(made);
        out.key("updated_at").time(made);
        out.key("featured").bool(false);
        out.key("curated").bool(false);
    })
}
