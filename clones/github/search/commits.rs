//! Searching the commits of default branches: `GET /search/commits`.

use std::sync::Arc;

use super::grammar::Term;
use super::matches::Matches;
use super::range::{span, within};
use super::{answer, ascends, asked, check_places, check_sort, refused};
use crate::engine::git::{Commit, Oid, Signature};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::content::{commits, people};
use crate::github::tables::{REPOS, owner_of, repo};
use crate::github::{access, refs, render};

fn is_qualifier(name: &str) -> bool {
    matches!(
        name,
        "author"
            | "author-date"
            | "author-email"
            | "author-name"
            | "committer"
            | "committer-date"
            | "committer-email"
            | "committer-name"
            | "hash"
            | "is"
            | "merge"
            | "org"
            | "parent"
            | "repo"
            | "sort"
            | "tree"
            | "user"
    )
}

/// `GET /search/commits`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_sort(call, &["author-date", "committer-date"])?;
    let query = asked(call, is_qualifier)?;
    if query.is_empty() {
        return Err(refused("A search of commits needs at least one term."));
    }
    check_places(call, &query)?;
    let root = call.root();
    let mut rows: Vec<(&Arc<Row>, Oid, Commit)> = Vec::new();
    for of in root.rows(REPOS).values() {
        if access::sees(call, of).is_none() {
            continue;
        }
        let name = of.text(repo::FULL_NAME);
        let Some(head) = refs::branch(root, name, of.text(repo::DEFAULT_BRANCH)) else {
            continue;
        };
        let found = root.objects().log(&head);
        let found = found.filter(|(oid, commit)| {
            query.finds(&|term| match term {
                Term::Word(word) => commit.message.to_lowercase().contains(word.as_str()),
                Term::Qualifier { name, values } => values
                    .iter()
                    .any(|value| qualifies(root, of, (oid, commit), name, value)),
            })
        });
        rows.extend(found.map(|(oid, commit)| (of, oid, commit)));
    }
    let sort = call.query("sort").or(query.sort()).unwrap_or_default();
    rows.sort_by_key(|(_, _, commit)| match sort {
        "author-date" => commit.author.seconds,
        _ => commit.committer.seconds,
    });
    if !ascends(call, &query) {
        rows.reverse();
    }
    let words = query.words();
    answer(call, rows, None, |(of, oid, commit), found| {
        let mut out = Writer::new(root);
        commits::open(root, of, &oid, &commit, &mut out);
        out.key("repository");
        render::repo::simple(root, of, &mut out);
        out.raw("}");
        found.open(&out.finish(), of.version());
        let url = format!(
            "{}/repos/{}/commits/{oid}",
            render::API,
            of.text(repo::FULL_NAME)
        );
        found.matches(|| Matches::of(&url, "Commit", "message", &commit.message, &words));
    })
}

fn qualifies(
    root: &Root,
    of: &Row,
    (oid, commit): (&Oid, &Commit),
    name: &str,
    value: &str,
) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(&value.to_lowercase());
    let starts = |oid: &Oid| value.len() >= 4 && oid.to_string().starts_with(value);
    let person = |who: &Signature| people::is(root, who, value);
    match name {
        "repo" => same(of.text(repo::FULL_NAME), value),
        "user" | "org" => same(owner_of(of.text(repo::FULL_NAME)), value),
        "is" => match value {
            "public" => !of.bool(repo::PRIVATE),
            "private" => of.bool(repo::PRIVATE),
            _ => false,
        },
        "author" => person(&commit.author),
        "committer" => person(&commit.committer),
        "author-name" => contains(&commit.author.name),
        "committer-name" => contains(&commit.committer.name),
        "author-email" => same(&commit.author.email, value),
        "committer-email" => same(&commit.committer.email, value),
        "author-date" => within(value, span, commit.author.seconds),
        "committer-date" => within(value, span, commit.committer.seconds),
        "merge" => (commit.parents.len() > 1) == (value == "true"),
        "hash" => starts(oid),
        "parent" => commit.parents.iter().any(starts),
        "tree" => starts(&commit.tree),
        _ => false,
    }
}
