//! Git's objects and refs.

use super::operation;
use crate::engine::route::{Action, Guard, Route};
use crate::github::access::{may_push, seen_repo, writable};
use crate::github::content::refs::not_empty;
use crate::github::content::{data, refs};

const GIT: &[Guard] = &[seen_repo, not_empty];
const WRITE: &[Guard] = &[seen_repo, writable, may_push, not_empty];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "git/create-blob",
            "POST",
            "/repos/{owner}/{repo}/git/blobs",
            "Writes a blob",
        ),
        docs: "git/blobs#create-a-blob",
        guards: WRITE,
        action: Action::Hook(data::create_blob),
    },
    Route {
        info: operation(
            "git/create-commit",
            "POST",
            "/repos/{owner}/{repo}/git/commits",
            "Writes a commit",
        ),
        docs: "git/commits#create-a-commit",
        guards: WRITE,
        action: Action::Hook(data::create_commit),
    },
    Route {
        info: operation(
            "git/create-ref",
            "POST",
            "/repos/{owner}/{repo}/git/refs",
            "Makes a ref",
        ),
        docs: "git/refs#create-a-reference",
        guards: WRITE,
        action: Action::Hook(refs::create),
    },
    Route {
        info: operation(
            "git/create-tag",
            "POST",
            "/repos/{owner}/{repo}/git/tags",
            "Writes an annotated tag",
        ),
        docs: "git/tags#create-a-tag-object",
        guards: WRITE,
        action: Action::Hook(data::create_tag),
    },
    Route {
        info: operation(
            "git/create-tree",
            "POST",
            "/repos/{owner}/{repo}/git/trees",
            "Writes a tree",
        ),
        docs: "git/trees#create-a-tree",
        guards: WRITE,
        action: Action::Hook(data::create_tree),
    },
    Route {
        info: operation(
            "git/delete-ref",
            "DELETE",
            "/repos/{owner}/{repo}/git/refs/{ref}",
            "Deletes a ref",
        ),
        docs: "git/refs#delete-a-reference",
        guards: WRITE,
        action: Action::Hook(refs::delete),
    },
    Route {
        info: operation(
            "git/get-blob",
            "GET",
            "/repos/{owner}/{repo}/git/blobs/{file_sha}",
            "Gets a blob",
        ),
        docs: "git/blobs#get-a-blob",
        guards: GIT,
        action: Action::Hook(data::get_blob),
    },
    Route {
        info: operation(
            "git/get-commit",
            "GET",
            "/repos/{owner}/{repo}/git/commits/{commit_sha}",
            "Gets a commit as git has it",
        ),
        docs: "git/commits#get-a-commit-object",
        guards: GIT,
        action: Action::Hook(data::get_commit),
    },
    Route {
        info: operation(
            "git/get-ref",
            "GET",
            "/repos/{owner}/{repo}/git/ref/{ref}",
            "Gets a ref",
        ),
        docs: "git/refs#get-a-reference",
        guards: GIT,
        action: Action::Hook(refs::get),
    },
    Route {
        info: operation(
            "git/get-tag",
            "GET",
            "/repos/{owner}/{repo}/git/tags/{tag_sha}",
            "Gets an annotated tag",
        ),
        docs: "git/tags#get-a-tag",
        guards: GIT,
        action: Action::Hook(data::get_tag),
    },
    Route {
        info: operation(
            "git/get-tree",
            "GET",
            "/repos/{owner}/{repo}/git/trees/{tree_sha}",
            "Gets a tree",
        ),
        docs: "git/trees#get-a-tree",
        guards: GIT,
        action: Action::Hook(data::get_tree),
    },
    Route {
        info: operation(
            "git/list-matching-refs",
            "GET",
            "/repos/{owner}/{repo}/git/matching-refs/{ref}",
            "Lists refs by the beginning of their names",
        ),
        docs: "git/refs#list-matching-references",
        guards: GIT,
        action: Action::Hook(refs::list_matching),
    },
    Route {
        info: operation(
            "git/update-ref",
            "PATCH",
            "/repos/{owner}/{repo}/git/refs/{ref}",
            "Moves a ref",
        ),
        docs: "git/refs#update-a-reference",
        guards: WRITE,
        action: Action::Hook(refs::update),
    },
];
