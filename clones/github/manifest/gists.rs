//! Gists.

use super::operation;
use crate::engine::route::nothing;
use crate::engine::route::{Action, Route};
use crate::github::access::signed_in;
use crate::github::gists::{self, known_gist, known_gist_comment, owns_gist, wrote_gist_comment};
use crate::github::tables::{GIST_COMMENTS, GISTS};

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "gists/check-is-starred",
            "GET",
            "/gists/{gist_id}/star",
            "Whether the caller starred a gist",
        ),
        docs: "gists/gists#check-if-a-gist-is-starred",
        guards: &[known_gist, signed_in],
        action: Action::Hook(gists::check_star),
    },
    Route {
        info: operation("gists/create", "POST", "/gists", "Makes a gist"),
        docs: "gists/gists#create-a-gist",
        guards: &[signed_in],
        action: Action::Hook(gists::create),
    },
    Route {
        info: operation(
            "gists/create-comment",
            "POST",
            "/gists/{gist_id}/comments",
            "Comments on a gist",
        ),
        docs: "gists/comments#create-a-gist-comment",
        guards: &[known_gist, signed_in],
        action: Action::Create {
            table: GIST_COMMENTS,
            inputs: gists::COMMENT,
            make: gists::make_comment,
            then: nothing,
            location: gists::comment_url,
        },
    },
    Route {
        info: operation(
            "gists/delete",
            "DELETE",
            "/gists/{gist_id}",
            "Deletes a gist",
        ),
        docs: "gists/gists#delete-a-gist",
        guards: &[known_gist, owns_gist],
        action: Action::Delete {
            table: GISTS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "gists/delete-comment",
            "DELETE",
            "/gists/{gist_id}/comments/{comment_id}",
            "Deletes a comment on a gist",
        ),
        docs: "gists/comments#delete-a-gist-comment",
        guards: &[known_gist, known_gist_comment, wrote_gist_comment],
        action: Action::Delete {
            table: GIST_COMMENTS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "gists/fork",
            "POST",
            "/gists/{gist_id}/forks",
            "Copies a gist",
        ),
        docs: "gists/gists#fork-a-gist",
        guards: &[known_gist, signed_in],
        action: Action::Hook(gists::fork),
    },
    Route {
        info: operation("gists/get", "GET", "/gists/{gist_id}", "Gets a gist"),
        docs: "gists/gists#get-a-gist",
        guards: &[known_gist],
        action: Action::Hook(gists::get),
    },
    Route {
        info: operation(
            "gists/get-comment",
            "GET",
            "/gists/{gist_id}/comments/{comment_id}",
            "Gets a comment on a gist",
        ),
        docs: "gists/comments#get-a-gist-comment",
        guards: &[known_gist, known_gist_comment],
        action: Action::Get {
            table: GIST_COMMENTS,
        },
    },
    Route {
        info: operation(
            "gists/get-revision",
            "GET",
            "/gists/{gist_id}/{sha}",
            "Gets a revision of a gist",
        ),
        docs: "gists/gists#get-a-gist-revision",
        guards: &[known_gist],
        action: Action::Hook(gists::get_revision),
    },
    Route {
        info: operation(
            "gists/list",
            "GET",
            "/gists",
            "Lists the gists of the caller",
        ),
        docs: "gists/gists#list-gists-for-the-authenticated-user",
        guards: &[],
        action: Action::Hook(gists::list),
    },
    Route {
        info: operation(
            "gists/list-comments",
            "GET",
            "/gists/{gist_id}/comments",
            "Lists the comments on a gist",
        ),
        docs: "gists/comments#list-gist-comments",
        guards: &[known_gist],
        action: Action::List {
            table: GIST_COMMENTS,
            index: gists::COMMENTS,
            group: gists::of_gist,
            filter: None,
        },
    },
    Route {
        info: operation(
            "gists/list-commits",
            "GET",
            "/gists/{gist_id}/commits",
            "Lists the revisions of a gist",
        ),
        docs: "gists/gists#list-gist-commits",
        guards: &[known_gist],
        action: Action::Hook(gists::commits),
    },
    Route {
        info: operation(
            "gists/list-for-user",
            "GET",
            "/users/{username}/gists",
            "Lists the public gists of a user",
        ),
        docs: "gists/gists#list-gists-for-a-user",
        guards: &[],
        action: Action::Hook(gists::list_of_user),
    },
    Route {
        info: operation(
            "gists/list-forks",
            "GET",
            "/gists/{gist_id}/forks",
            "Lists the copies of a gist",
        ),
        docs: "gists/gists#list-gist-forks",
        guards: &[known_gist],
        action: Action::Hook(gists::forks),
    },
    Route {
        info: operation(
            "gists/list-public",
            "GET",
            "/gists/public",
            "Lists public gists",
        ),
        docs: "gists/gists#list-public-gists",
        guards: &[],
        action: Action::Hook(gists::list_public),
    },
    Route {
        info: operation(
            "gists/list-starred",
            "GET",
            "/gists/starred",
            "Lists the gists that the caller starred",
        ),
        docs: "gists/gists#list-starred-gists",
        guards: &[signed_in],
        action: Action::Hook(gists::list_starred),
    },
    Route {
        info: operation("gists/star", "PUT", "/gists/{gist_id}/star", "Stars a gist"),
        docs: "gists/gists#star-a-gist",
        guards: &[known_gist, signed_in],
        action: Action::Hook(gists::star),
    },
    Route {
        info: operation(
            "gists/unstar",
            "DELETE",
            "/gists/{gist_id}/star",
            "Takes a star back",
        ),
        docs: "gists/gists#unstar-a-gist",
        guards: &[known_gist, signed_in],
        action: Action::Hook(gists::star),
    },
    Route {
        info: operation(
            "gists/update",
            "PATCH",
            "/gists/{gist_id}",
            "Changes a gist",
        ),
        docs: "reference/gists/#update-a-gist",
        guards: &[known_gist, owns_gist],
        action: Action::Hook(gists::update),
    },
    Route {
        info: operation(
            "gists/update-comment",
            "PATCH",
            "/gists/{gist_id}/comments/{comment_id}",
            "Changes a comment on a gist",
        ),
        docs: "gists/comments#update-a-gist-comment",
        guards: &[known_gist, known_gist_comment, wrote_gist_comment],
        action: Action::Patch {
            table: GIST_COMMENTS,
            inputs: gists::COMMENT,
            change: gists::change_comment,
            then: nothing,
        },
    },
];

/// What the host of gists' files hands out, sorted by id.
pub(super) const HANDED_OUT: &[Route] = &[Route {
    info: operation(
        "web/gist-raw",
        "GET",
        "/{username}/{gist_id}/raw/{path}",
        "Hands out a file of a gist",
    ),
    docs: "",
    guards: &[],
    action: Action::Hook(gists::raw),
}];
