//! Users.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::signed_in;
use crate::github::{people, repos};

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "users/check-following-for-user",
            "GET",
            "/users/{username}/following/{target_user}",
            "Whether a user follows another",
        ),
        docs: "users/followers#check-if-a-user-follows-another-user",
        guards: &[],
        action: Action::Hook(people::check_following),
    },
    Route {
        info: operation(
            "users/check-person-is-followed-by-authenticated",
            "GET",
            "/user/following/{username}",
            "Whether the caller follows a user",
        ),
        docs: "users/followers#check-if-a-person-is-followed-by-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(people::check_following),
    },
    Route {
        info: operation(
            "users/follow",
            "PUT",
            "/user/following/{username}",
            "Follows a user",
        ),
        docs: "users/followers#follow-a-user",
        guards: &[signed_in],
        action: Action::Hook(people::follow),
    },
    Route {
        info: operation("users/get-authenticated", "GET", "/user", "Gets the caller"),
        docs: "users/users#get-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(repos::own_user),
    },
    Route {
        info: operation(
            "users/get-by-id",
            "GET",
            "/user/{account_id}",
            "Gets a user by number",
        ),
        docs: "users/users#get-a-user-using-their-id",
        guards: &[],
        action: Action::Hook(people::by_id),
    },
    Route {
        info: operation(
            "users/get-by-username",
            "GET",
            "/users/{username}",
            "Gets a user",
        ),
        docs: "users/users#get-a-user",
        guards: &[],
        action: Action::Hook(repos::any_user),
    },
    Route {
        info: operation("users/list", "GET", "/users", "Lists users"),
        docs: "users/users#list-users",
        guards: &[],
        action: Action::Hook(people::list),
    },
    Route {
        info: operation(
            "users/list-emails-for-authenticated-user",
            "GET",
            "/user/emails",
            "Lists the mail addresses of the caller",
        ),
        docs: "users/emails#list-email-addresses-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(people::emails),
    },
    Route {
        info: operation(
            "users/list-followed-by-authenticated-user",
            "GET",
            "/user/following",
            "Lists whom the caller follows",
        ),
        docs: "users/followers#list-the-people-the-authenticated-user-follows",
        guards: &[signed_in],
        action: Action::Hook(people::following),
    },
    Route {
        info: operation(
            "users/list-followers-for-authenticated-user",
            "GET",
            "/user/followers",
            "Lists who follows the caller",
        ),
        docs: "users/followers#list-followers-of-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(people::followers),
    },
    Route {
        info: operation(
            "users/list-followers-for-user",
            "GET",
            "/users/{username}/followers",
            "Lists who follows a user",
        ),
        docs: "users/followers#list-followers-of-a-user",
        guards: &[],
        action: Action::Hook(people::followers),
    },
    Route {
        info: operation(
            "users/list-following-for-user",
            "GET",
            "/users/{username}/following",
            "Lists whom a user follows",
        ),
        docs: "users/followers#list-the-people-a-user-follows",
        guards: &[],
        action: Action::Hook(people::following),
    },
    Route {
        info: operation(
            "users/list-public-emails-for-authenticated-user",
            "GET",
            "/user/public_emails",
            "Lists the public mail addresses of the caller",
        ),
        docs: "users/emails#list-public-email-addresses-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(people::emails),
    },
    Route {
        info: operation(
            "users/unfollow",
            "DELETE",
            "/user/following/{username}",
            "Follows a user no longer",
        ),
        docs: "users/followers#unfollow-a-user",
        guards: &[signed_in],
        action: Action::Hook(people::unfollow),
    },
    Route {
        info: operation(
            "users/update-authenticated",
            "PATCH",
            "/user",
            "Changes the profile of the caller",
        ),
        docs: "users/users#update-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(people::update),
    },
];
