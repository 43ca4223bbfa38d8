//! Searching labels of a repository: `GET /search/labels`.

use std::cmp::Reverse;
use std::sync::Arc;

use super::grammar::Term;
use super::matches::Matches;
use super::{answer, ascends, asked, check_sort};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;
use crate::github::dialect::invalid;
use crate::github::tables::{LABELS, LABELS_BY_REPO, REPOS, label};
use crate::github::{access, render};

/// `GET /search/labels`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_sort(call, &["created", "updated"])?;
    let id = call
        .query("repository_id")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| invalid("Search", "repository_id", "missing"))?;
    let query = asked(call, |_| false)?;
    let root = call.root();
    let of = access::repo_of_id(root, id).filter(|row| access::sees(call, row).is_some());
    let of = of.ok_or_else(access::not_found)?;
    let says = |row: &Row, term: &Term| {
        let has = |column: usize, word: &str| row.text(column).to_lowercase().contains(word);
        match term {
            Term::Word(word) => has(label::NAME, word) || has(label::DESCRIPTION, word),
            Term::Qualifier { .. } => false,
        }
    };
    let rows = root.group(LABELS, LABELS_BY_REPO, &root.key(REPOS, of));
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| query.finds(&|term| says(row, term)))
        .collect();
    let words = query.words();
    let rank = |row: &&Arc<Row>| {
        let name = row.text(label::NAME).to_lowercase();
        let hits = words.iter().filter(|word| name.contains(**word)).count();
        match call.query("sort") {
            Some(_) => (0, row.int(label::ID)),
            None => (hits, 0),
        }
    };
    if ascends(call, &query) {
        rows.sort_by_cached_key(rank);
    } else {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    }
    answer(call, rows, None, |row, found| {
        let (rendered, print) = root.rendered(LABELS, row);
        found.open(rendered, *print);
        let url = render::label::url(row.text(label::REPO), row.text(label::NAME));
        for (property, text) in [
            ("name", row.text(label::NAME)),
            ("description", row.text(label::DESCRIPTION)),
        ] {
            found.matches(|| Matches::of(&url, "Label", property, text, &words));
        }
    })
}
