//! Refs and objects of a repository by name.

use super::git::{name_of, object, reference, repo_of};
use crate::engine::git::Oid;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::{Object, Outcome};
use crate::engine::pack::Call;
use crate::github::refs;
use crate::github::tables::repo;

/// `ref` of a repository: `refs/heads/main`, `heads/main` or `main`.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let asked = args.text("qualifiedName").unwrap_or_default();
    let name = name_of(it)?;
    let found = refs::named(call.root(), name, asked);
    let row = repo_of(it)?;
    Ok(found.map(|(full, _)| reference(row, &full)).into())
}

/// `defaultBranchRef` of a repository; null where it has no commit yet.
pub(super) fn default_branch(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = repo_of(it)?;
    let full = format!("refs/heads/{}", row.text(repo::DEFAULT_BRANCH));
    let found = refs::get(call.root(), name_of(it)?, &full);
    Ok(found.map(|_| reference(row, &full)).into())
}

/// `refs` of a repository.
pub(super) fn all(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = repo_of(it)?;
    let root = call.root();
    let prefix = args.text("refPrefix").unwrap_or("refs/heads/");
    let text = args.text("query").unwrap_or_default().to_lowercase();
    let mut names: Vec<(String, Oid)> = refs::below(root, name_of(it)?, prefix)
        .map(|(name, oid)| (name.to_owned(), oid))
        .collect();
    let order = args.object("orderBy");
    if order.text("field") == Some("TAG_COMMIT_DATE") {
        names.sort_by_key(|(_, oid)| {
            let commit = root.objects().peel_to_commit(oid);
            commit
                .and_then(|oid| root.objects().commit(&oid))
                .map_or(0, |commit| commit.committer.seconds)
        });
    }
    let down = order.text("direction").or(args.text("direction")) == Some("DESC");
    if down {
        names.reverse();
    }
    Ok(Connection::keyed(names.into_iter().map(|(name, _)| {
        let shown = text.is_empty() || name.to_lowercase().contains(&text);
        let node = reference(row, &name);
        (name, shown, node)
    }))
    .into())
}

/// `object` of a repository: by id, or by an expression like `main:src/lib.rs`.
pub(super) fn by_expression(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = repo_of(it)?;
    let root = call.root();
    let name = name_of(it)?;
    let found = match (args.text("oid"), args.text("expression")) {
        (Some(oid), _) => oid.parse::<Oid>().ok(),
        (None, Some(text)) => {
            let (at, path) = text
                .split_once(':')
                .map_or((text, None), |(at, path)| (at, Some(path)));
            let at = if at == "HEAD" {
                row.text(repo::DEFAULT_BRANCH)
            } else {
                at
            };
            let at = refs::resolve(root, name, at);
            match (at, path) {
                (Some(at), Some(path)) => root
                    .objects()
                    .peel_to_commit(&at)
                    .and_then(|at| root.objects().commit(&at))
                    .and_then(|commit| {
                        if path.trim_matches('/').is_empty() {
                            return Some(commit.tree);
                        }
                        let entry = root
                            .objects()
                            .entry_at(&commit.tree, path.trim_matches('/'));
                        entry.map(|entry| entry.oid)
                    }),
                (at, _) => at,
            }
        }
        (None, None) => None,
    };
    Ok(found.and_then(|oid| object(root, row, &oid)).into())
}
