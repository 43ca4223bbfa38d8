//! Notifications, and watching repositories.

use super::hook;
use crate::engine::route::{Guard, Route};
use crate::github::access::{seen_repo, signed_in};
use crate::github::inbox;

const THREAD: &[Guard] = &[signed_in, inbox::known];
const WATCH: &[Guard] = &[signed_in, seen_repo];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    hook(
        "activity/delete-repo-subscription",
        "DELETE",
        "/repos/{owner}/{repo}/subscription",
        "Watches a repository no more",
        "activity/watching#delete-a-repository-subscription",
        WATCH,
        inbox::delete_watch,
    ),
    hook(
        "activity/delete-thread-subscription",
        "DELETE",
        "/notifications/threads/{thread_id}/subscription",
        "Forgets what was chosen for a thread",
        "activity/notifications#delete-a-thread-subscription",
        THREAD,
        inbox::delete_subscription,
    ),
    hook(
        "activity/get-repo-subscription",
        "GET",
        "/repos/{owner}/{repo}/subscription",
        "Whether the caller watches a repository",
        "activity/watching#get-a-repository-subscription",
        WATCH,
        inbox::get_watch,
    ),
    hook(
        "activity/get-thread",
        "GET",
        "/notifications/threads/{thread_id}",
        "Gets a notification thread",
        "activity/notifications#get-a-thread",
        THREAD,
        inbox::get,
    ),
    hook(
        "activity/get-thread-subscription-for-authenticated-user",
        "GET",
        "/notifications/threads/{thread_id}/subscription",
        "Whether the caller follows a thread",
        "activity/notifications#get-a-thread-subscription-for-the-authenticated-user",
        THREAD,
        inbox::get_subscription,
    ),
    hook(
        "activity/list-notifications-for-authenticated-user",
        "GET",
        "/notifications",
        "Lists the notifications of the caller",
        "activity/notifications#list-notifications-for-the-authenticated-user",
        &[signed_in],
        inbox::list,
    ),
    hook(
        "activity/list-repo-notifications-for-authenticated-user",
        "GET",
        "/repos/{owner}/{repo}/notifications",
        "Lists the caller's notifications of a repository",
        "activity/notifications#list-repository-notifications-for-the-authenticated-user",
        WATCH,
        inbox::list_of_repo,
    ),
    hook(
        "activity/mark-notifications-as-read",
        "PUT",
        "/notifications",
        "Marks notifications as read",
        "activity/notifications#mark-notifications-as-read",
        &[signed_in],
        inbox::read_all,
    ),
    hook(
        "activity/mark-repo-notifications-as-read",
        "PUT",
        "/repos/{owner}/{repo}/notifications",
        "Marks the notifications of a repository as read",
        "activity/notifications#mark-repository-notifications-as-read",
        WATCH,
        inbox::read_repo,
    ),
    hook(
        "activity/mark-thread-as-done",
        "DELETE",
        "/notifications/threads/{thread_id}",
        "Puts a thread away",
        "activity/notifications#mark-a-thread-as-done",
        THREAD,
        inbox::done,
    ),
    hook(
        "activity/mark-thread-as-read",
        "PATCH",
        "/notifications/threads/{thread_id}",
        "Marks a thread as read",
        "activity/notifications#mark-a-thread-as-read",
        THREAD,
        inbox::read_thread,
    ),
    hook(
        "activity/set-repo-subscription",
        "PUT",
        "/repos/{owner}/{repo}/subscription",
        "Watches or ignores a repository",
        "activity/watching#set-a-repository-subscription",
        WATCH,
        inbox::set_watch,
    ),
    hook(
        "activity/set-thread-subscription",
        "PUT",
        "/notifications/threads/{thread_id}/subscription",
        "Follows or ignores a thread",
        "activity/notifications#set-a-thread-subscription",
        THREAD,
        inbox::set_subscription,
    ),
];
