//! Repositories and what is in them.

use super::{hook, of_repo, operation};
use crate::engine::route::{Action, Guard, Route, nothing};
use crate::github::access::{may_admin, may_push, seen_repo, sees_admin, signed_in, writable};
use crate::github::collaborators::{known_invitation, own_invitation};
use crate::github::content::refs::not_empty;
use crate::github::content::{branches, commits, compare, files, merging, reading, statistics};
use crate::github::deploy_keys::known_deploy_key;
use crate::github::hooks::known_hook;
use crate::github::protections::{
    known_branch, protected, with_checks, with_restrictions, with_reviews,
};
use crate::github::pulls::{self, heads};
use crate::github::release_assets::known_asset;
use crate::github::releases::known_release;
use crate::github::render::{deploy_key, hook};
use crate::github::tables::{
    ASSETS, DEPLOY_KEYS, DEPLOY_KEYS_BY_REPO, HOOKS, HOOKS_BY_REPO, RELEASES, STATUSES,
};
use crate::github::{
    collaborators, creation, deliveries, deploy_keys, forks, hooks, issue_types, protections,
    release_assets, releases, repos, settings, statuses,
};

const READ: &[Guard] = &[seen_repo];
const GIT: &[Guard] = &[seen_repo, not_empty];
const WRITE: &[Guard] = &[seen_repo, writable, may_push];
const ADMIN: &[Guard] = &[seen_repo, writable, may_admin];
const MANAGE: &[Guard] = &[seen_repo, signed_in, sees_admin];
const HOOK: &[Guard] = &[seen_repo, signed_in, sees_admin, known_hook];
const PROTECTED: &[Guard] = &[seen_repo, signed_in, sees_admin, protected];
const WITH_CHECKS: &[Guard] = &[seen_repo, signed_in, sees_admin, protected, with_checks];
const WITH_REVIEWS: &[Guard] = &[seen_repo, signed_in, sees_admin, protected, with_reviews];
const RESTRICTED: &[Guard] = &[
    seen_repo,
    signed_in,
    sees_admin,
    protected,
    with_restrictions,
];
const CHANGE_RELEASE: &[Guard] = &[seen_repo, writable, may_push, known_release];
const CHANGE_ASSET: &[Guard] = &[seen_repo, writable, may_push, known_asset];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "repos/accept-invitation-for-authenticated-user",
            "PATCH",
            "/user/repository_invitations/{invitation_id}",
            "Accepts an invitation",
        ),
        docs: "collaborators/invitations#accept-a-repository-invitation",
        guards: &[signed_in, own_invitation],
        action: Action::Hook(collaborators::accept_invitation),
    },
    Route {
        info: operation(
            "repos/add-collaborator",
            "PUT",
            "/repos/{owner}/{repo}/collaborators/{username}",
            "Invites somebody to work on a repository",
        ),
        docs: "collaborators/collaborators#add-a-repository-collaborator",
        guards: ADMIN,
        action: Action::Hook(collaborators::add),
    },
    Route {
        info: operation(
            "repos/add-status-check-contexts",
            "POST",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks/contexts",
            "Adds checks that must pass",
        ),
        docs: "branches/branch-protection#add-status-check-contexts",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::add_contexts),
    },
    Route {
        info: operation(
            "repos/add-user-access-restrictions",
            "POST",
            "/repos/{owner}/{repo}/branches/{branch}/protection/restrictions/users",
            "Lets more users push",
        ),
        docs: "branches/branch-protection#add-user-access-restrictions",
        guards: RESTRICTED,
        action: Action::Hook(protections::add_users),
    },
    Route {
        info: operation(
            "repos/check-collaborator",
            "GET",
            "/repos/{owner}/{repo}/collaborators/{username}",
            "Whether somebody works on a repository",
        ),
        docs: "collaborators/collaborators#check-if-a-user-is-a-repository-collaborator",
        guards: &[seen_repo, signed_in, may_push],
        action: Action::Hook(collaborators::check),
    },
    Route {
        info: operation(
            "repos/compare-commits-with-basehead",
            "GET",
            "/repos/{owner}/{repo}/compare/{basehead}",
            "Compares two commits",
        ),
        docs: "commits/commits#compare-two-commits",
        guards: READ,
        action: Action::Apart(compare::compare),
    },
    Route {
        info: operation(
            "repos/create-commit-signature-protection",
            "POST",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_signatures",
            "Requires signed commits",
        ),
        docs: "branches/branch-protection#create-commit-signature-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::set_signatures),
    },
    Route {
        info: operation(
            "repos/create-commit-status",
            "POST",
            "/repos/{owner}/{repo}/statuses/{sha}",
            "Sets a status of a commit",
        ),
        docs: "commits/statuses#create-a-commit-status",
        guards: WRITE,
        action: Action::Create {
            table: STATUSES,
            inputs: statuses::NEW,
            make: statuses::make,
            then: heads::status_set,
            location: statuses::url,
        },
    },
    Route {
        info: operation(
            "repos/create-deploy-key",
            "POST",
            "/repos/{owner}/{repo}/keys",
            "Adds a deploy key",
        ),
        docs: "deploy-keys/deploy-keys#create-a-deploy-key",
        guards: &[seen_repo, writable, sees_admin],
        action: Action::Create {
            table: DEPLOY_KEYS,
            inputs: deploy_keys::NEW,
            make: deploy_keys::make,
            then: nothing,
            location: deploy_key::url,
        },
    },
    Route {
        info: operation(
            "repos/create-dispatch-event",
            "POST",
            "/repos/{owner}/{repo}/dispatches",
            "Tells workflows and webhooks of an event",
        ),
        docs: "repos/repos#create-a-repository-dispatch-event",
        guards: &[seen_repo, writable],
        action: Action::Hook(settings::dispatch),
    },
    Route {
        info: operation(
            "repos/create-for-authenticated-user",
            "POST",
            "/user/repos",
            "Makes a repository of the caller",
        ),
        docs: "repos/repos#create-a-repository-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(creation::for_caller),
    },
    Route {
        info: operation(
            "repos/create-fork",
            "POST",
            "/repos/{owner}/{repo}/forks",
            "Forks a repository",
        ),
        docs: "repos/forks#create-a-fork",
        guards: &[seen_repo, signed_in],
        action: Action::Hook(forks::create),
    },
    Route {
        info: operation(
            "repos/create-in-org",
            "POST",
            "/orgs/{org}/repos",
            "Makes a repository of an organisation",
        ),
        docs: "repos/repos#create-an-organization-repository",
        guards: &[signed_in],
        action: Action::Hook(creation::in_organisation),
    },
    Route {
        info: operation(
            "repos/create-or-update-file-contents",
            "PUT",
            "/repos/{owner}/{repo}/contents/{path}",
            "Writes a file",
        ),
        docs: "repos/contents#create-or-update-file-contents",
        guards: WRITE,
        action: Action::Hook(files::put),
    },
    Route {
        info: operation(
            "repos/create-release",
            "POST",
            "/repos/{owner}/{repo}/releases",
            "Makes a release",
        ),
        docs: "releases/releases#create-a-release",
        guards: WRITE,
        action: Action::Create {
            table: RELEASES,
            inputs: releases::NEW,
            make: releases::make,
            then: nothing,
            location: releases::url,
        },
    },
    Route {
        info: operation(
            "repos/create-webhook",
            "POST",
            "/repos/{owner}/{repo}/hooks",
            "Makes a webhook",
        ),
        docs: "repos/webhooks#create-a-repository-webhook",
        guards: &[seen_repo, writable, sees_admin],
        action: Action::Create {
            table: HOOKS,
            inputs: hooks::NEW,
            make: hooks::make,
            then: nothing,
            location: hook::url,
        },
    },
    Route {
        info: operation(
            "repos/decline-invitation-for-authenticated-user",
            "DELETE",
            "/user/repository_invitations/{invitation_id}",
            "Declines an invitation",
        ),
        docs: "collaborators/invitations#decline-a-repository-invitation",
        guards: &[signed_in, own_invitation],
        action: Action::Hook(collaborators::delete_invitation),
    },
    Route {
        info: operation(
            "repos/delete",
            "DELETE",
            "/repos/{owner}/{repo}",
            "Deletes a repository",
        ),
        docs: "repos/repos#delete-a-repository",
        guards: &[seen_repo, signed_in, may_admin],
        action: Action::Hook(settings::delete),
    },
    Route {
        info: operation(
            "repos/delete-access-restrictions",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/restrictions",
            "Lets everybody push who may write",
        ),
        docs: "branches/branch-protection#delete-access-restrictions",
        guards: RESTRICTED,
        action: Action::Hook(protections::delete_restrictions),
    },
    Route {
        info: operation(
            "repos/delete-admin-branch-protection",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/enforce_admins",
            "Frees administrators of protection",
        ),
        docs: "branches/branch-protection#delete-admin-branch-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::delete_admins),
    },
    Route {
        info: operation(
            "repos/delete-branch-protection",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection",
            "Protects a branch no more",
        ),
        docs: "branches/branch-protection#delete-branch-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::delete),
    },
    Route {
        info: operation(
            "repos/delete-commit-signature-protection",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_signatures",
            "Requires signed commits no more",
        ),
        docs: "branches/branch-protection#delete-commit-signature-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::delete_signatures),
    },
    Route {
        info: operation(
            "repos/delete-deploy-key",
            "DELETE",
            "/repos/{owner}/{repo}/keys/{key_id}",
            "Removes a deploy key",
        ),
        docs: "deploy-keys/deploy-keys#delete-a-deploy-key",
        guards: &[seen_repo, writable, sees_admin, known_deploy_key],
        action: Action::Delete {
            table: DEPLOY_KEYS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "repos/delete-file",
            "DELETE",
            "/repos/{owner}/{repo}/contents/{path}",
            "Deletes a file",
        ),
        docs: "repos/contents#delete-a-file",
        guards: WRITE,
        action: Action::Hook(files::delete),
    },
    Route {
        info: operation(
            "repos/delete-invitation",
            "DELETE",
            "/repos/{owner}/{repo}/invitations/{invitation_id}",
            "Takes an invitation back",
        ),
        docs: "collaborators/invitations#delete-a-repository-invitation",
        guards: &[seen_repo, signed_in, sees_admin, known_invitation],
        action: Action::Hook(collaborators::delete_invitation),
    },
    Route {
        info: operation(
            "repos/delete-pull-request-review-protection",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_pull_request_reviews",
            "Requires reviews no more",
        ),
        docs: "branches/branch-protection#delete-pull-request-review-protection",
        guards: WITH_REVIEWS,
        action: Action::Hook(protections::delete_reviews),
    },
    Route {
        info: operation(
            "repos/delete-release",
            "DELETE",
            "/repos/{owner}/{repo}/releases/{release_id}",
            "Deletes a release",
        ),
        docs: "releases/releases#delete-a-release",
        guards: CHANGE_RELEASE,
        action: Action::Delete {
            table: RELEASES,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "repos/delete-release-asset",
            "DELETE",
            "/repos/{owner}/{repo}/releases/assets/{asset_id}",
            "Deletes a file of a release",
        ),
        docs: "releases/assets#delete-a-release-asset",
        guards: CHANGE_ASSET,
        action: Action::Delete {
            table: ASSETS,
            then: release_assets::touch_release,
        },
    },
    Route {
        info: operation(
            "repos/delete-webhook",
            "DELETE",
            "/repos/{owner}/{repo}/hooks/{hook_id}",
            "Deletes a webhook",
        ),
        docs: "repos/webhooks#delete-a-repository-webhook",
        guards: HOOK,
        action: Action::Delete {
            table: HOOKS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "repos/download-tarball-archive",
            "GET",
            "/repos/{owner}/{repo}/tarball/{ref}",
            "Where a repository is to be had as a tar archive",
        ),
        docs: "repos/contents#download-a-repository-archive-tar",
        guards: READ,
        action: Action::Hook(branches::tarball),
    },
    Route {
        info: operation(
            "repos/download-zipball-archive",
            "GET",
            "/repos/{owner}/{repo}/zipball/{ref}",
            "Where a repository is to be had as a zip archive",
        ),
        docs: "repos/contents#download-a-repository-archive-zip",
        guards: READ,
        action: Action::Hook(branches::zipball),
    },
    Route {
        info: operation(
            "repos/generate-release-notes",
            "POST",
            "/repos/{owner}/{repo}/releases/generate-notes",
            "Writes the notes of a release",
        ),
        docs: "releases/releases#generate-release-notes-content-for-a-release",
        guards: WRITE,
        action: Action::Hook(releases::generate_notes),
    },
    Route {
        info: operation(
            "repos/get",
            "GET",
            "/repos/{owner}/{repo}",
            "Gets a repository",
        ),
        docs: "repos/repos#get-a-repository",
        guards: READ,
        action: Action::Hook(repos::get),
    },
    Route {
        info: operation(
            "repos/get-access-restrictions",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/restrictions",
            "Who alone may push to a branch",
        ),
        docs: "branches/branch-protection#get-access-restrictions",
        guards: RESTRICTED,
        action: Action::Hook(protections::get_restrictions),
    },
    Route {
        info: operation(
            "repos/get-admin-branch-protection",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/enforce_admins",
            "Whether protection binds administrators",
        ),
        docs: "branches/branch-protection#get-admin-branch-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::get_admins),
    },
    Route {
        info: operation(
            "repos/get-all-status-check-contexts",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks/contexts",
            "Lists the checks that must pass",
        ),
        docs: "branches/branch-protection#get-all-status-check-contexts",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::get_contexts),
    },
    Route {
        info: operation(
            "repos/get-all-topics",
            "GET",
            "/repos/{owner}/{repo}/topics",
            "Lists the topics of a repository",
        ),
        docs: "repos/repos#get-all-repository-topics",
        guards: READ,
        action: Action::Hook(settings::topics),
    },
    Route {
        info: operation(
            "repos/get-branch",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}",
            "Gets a branch",
        ),
        docs: "branches/branches#get-a-branch",
        guards: READ,
        action: Action::Hook(branches::get),
    },
    Route {
        info: operation(
            "repos/get-branch-protection",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection",
            "Gets the protection of a branch",
        ),
        docs: "branches/branch-protection#get-branch-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::get),
    },
    Route {
        info: operation(
            "repos/get-collaborator-permission-level",
            "GET",
            "/repos/{owner}/{repo}/collaborators/{username}/permission",
            "What somebody may do in a repository",
        ),
        docs: "collaborators/collaborators#get-repository-permissions-for-a-user",
        guards: &[seen_repo, signed_in],
        action: Action::Hook(collaborators::permission_level),
    },
    Route {
        info: operation(
            "repos/get-combined-status-for-ref",
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/status",
            "Gets what the statuses of a commit come to",
        ),
        docs: "commits/statuses#get-the-combined-status-for-a-specific-reference",
        guards: READ,
        action: Action::Hook(statuses::combined),
    },
    Route {
        info: operation(
            "repos/get-commit",
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}",
            "Gets a commit with what changed in it",
        ),
        docs: "commits/commits#get-a-commit",
        guards: READ,
        action: Action::Apart(commits::get),
    },
    Route {
        info: operation(
            "repos/get-commit-signature-protection",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_signatures",
            "Whether commits must be signed",
        ),
        docs: "branches/branch-protection#get-commit-signature-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::get_signatures),
    },
    Route {
        info: operation(
            "repos/get-content",
            "GET",
            "/repos/{owner}/{repo}/contents/{path}",
            "Gets a file or lists a folder",
        ),
        docs: "repos/contents#get-repository-content",
        guards: READ,
        action: Action::Hook(reading::get),
    },
    Route {
        info: operation(
            "repos/get-deploy-key",
            "GET",
            "/repos/{owner}/{repo}/keys/{key_id}",
            "Gets a deploy key",
        ),
        docs: "deploy-keys/deploy-keys#get-a-deploy-key",
        guards: &[seen_repo, signed_in, sees_admin, known_deploy_key],
        action: Action::Get { table: DEPLOY_KEYS },
    },
    Route {
        info: operation(
            "repos/get-latest-release",
            "GET",
            "/repos/{owner}/{repo}/releases/latest",
            "Gets the latest release",
        ),
        docs: "releases/releases#get-the-latest-release",
        guards: READ,
        action: Action::Hook(releases::latest),
    },
    Route {
        info: operation(
            "repos/get-pull-request-review-protection",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_pull_request_reviews",
            "What is required of reviews",
        ),
        docs: "branches/branch-protection#get-pull-request-review-protection",
        guards: WITH_REVIEWS,
        action: Action::Hook(protections::get_reviews),
    },
    Route {
        info: operation(
            "repos/get-readme",
            "GET",
            "/repos/{owner}/{repo}/readme",
            "Gets the README of a repository",
        ),
        docs: "repos/contents#get-a-repository-readme",
        guards: READ,
        action: Action::Hook(reading::readme),
    },
    Route {
        info: operation(
            "repos/get-readme-in-directory",
            "GET",
            "/repos/{owner}/{repo}/readme/{dir}",
            "Gets the README of a folder",
        ),
        docs: "repos/contents#get-a-repository-readme-for-a-directory",
        guards: READ,
        action: Action::Hook(reading::readme),
    },
    Route {
        info: operation(
            "repos/get-release",
            "GET",
            "/repos/{owner}/{repo}/releases/{release_id}",
            "Gets a release",
        ),
        docs: "releases/releases#get-a-release",
        guards: &[seen_repo, known_release],
        action: Action::Get { table: RELEASES },
    },
    Route {
        info: operation(
            "repos/get-release-asset",
            "GET",
            "/repos/{owner}/{repo}/releases/assets/{asset_id}",
            "Gets a file of a release",
        ),
        docs: "releases/assets#get-a-release-asset",
        guards: &[seen_repo, known_asset],
        action: Action::Hook(release_assets::get),
    },
    Route {
        info: operation(
            "repos/get-release-by-tag",
            "GET",
            "/repos/{owner}/{repo}/releases/tags/{tag}",
            "Gets the release of a tag",
        ),
        docs: "releases/releases#get-a-release-by-tag-name",
        guards: READ,
        action: Action::Hook(releases::by_tag),
    },
    Route {
        info: operation(
            "repos/get-status-checks-protection",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks",
            "Which checks must pass",
        ),
        docs: "branches/branch-protection#get-status-checks-protection",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::get_checks),
    },
    Route {
        info: operation(
            "repos/get-users-with-access-to-protected-branch",
            "GET",
            "/repos/{owner}/{repo}/branches/{branch}/protection/restrictions/users",
            "Lists users who alone may push",
        ),
        docs: "branches/branch-protection#get-users-with-access-to-the-protected-branch",
        guards: RESTRICTED,
        action: Action::Hook(protections::get_users),
    },
    Route {
        info: operation(
            "repos/get-webhook",
            "GET",
            "/repos/{owner}/{repo}/hooks/{hook_id}",
            "Gets a webhook",
        ),
        docs: "repos/webhooks#get-a-repository-webhook",
        guards: HOOK,
        action: Action::Get { table: HOOKS },
    },
    Route {
        info: operation(
            "repos/get-webhook-config-for-repo",
            "GET",
            "/repos/{owner}/{repo}/hooks/{hook_id}/config",
            "Gets where a webhook delivers",
        ),
        docs: "repos/webhooks#get-a-webhook-configuration-for-a-repository",
        guards: HOOK,
        action: Action::Hook(hooks::config),
    },
    Route {
        info: operation(
            "repos/get-webhook-delivery",
            "GET",
            "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}",
            "Gets a delivery of a webhook",
        ),
        docs: "repos/webhooks#get-a-delivery-for-a-repository-webhook",
        guards: HOOK,
        action: Action::Hook(deliveries::get),
    },
    Route {
        info: operation(
            "repos/list-branches",
            "GET",
            "/repos/{owner}/{repo}/branches",
            "Lists the branches of a repository",
        ),
        docs: "branches/branches#list-branches",
        guards: READ,
        action: Action::Hook(branches::list),
    },
    Route {
        info: operation(
            "repos/list-branches-for-head-commit",
            "GET",
            "/repos/{owner}/{repo}/commits/{commit_sha}/branches-where-head",
            "Lists the branches whose head is a commit",
        ),
        docs: "commits/commits#list-branches-for-head-commit",
        guards: READ,
        action: Action::Hook(commits::branches_where_head),
    },
    Route {
        info: operation(
            "repos/list-collaborators",
            "GET",
            "/repos/{owner}/{repo}/collaborators",
            "Lists who works on a repository",
        ),
        docs: "collaborators/collaborators#list-repository-collaborators",
        guards: &[seen_repo, signed_in, may_push],
        action: Action::Hook(collaborators::list),
    },
    Route {
        info: operation(
            "repos/list-commit-statuses-for-ref",
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/statuses",
            "Lists the statuses of a commit",
        ),
        docs: "commits/statuses#list-commit-statuses-for-a-reference",
        guards: READ,
        action: Action::Hook(statuses::list),
    },
    Route {
        info: operation(
            "repos/list-commits",
            "GET",
            "/repos/{owner}/{repo}/commits",
            "Lists commits",
        ),
        docs: "commits/commits#list-commits",
        guards: GIT,
        action: Action::Hook(commits::list),
    },
    Route {
        info: operation(
            "repos/list-contributors",
            "GET",
            "/repos/{owner}/{repo}/contributors",
            "Lists who wrote the commits of a repository",
        ),
        docs: "repos/repos#list-repository-contributors",
        guards: READ,
        action: Action::Hook(statistics::contributors),
    },
    Route {
        info: operation(
            "repos/list-deploy-keys",
            "GET",
            "/repos/{owner}/{repo}/keys",
            "Lists deploy keys",
        ),
        docs: "deploy-keys/deploy-keys#list-deploy-keys",
        guards: MANAGE,
        action: Action::List {
            table: DEPLOY_KEYS,
            index: DEPLOY_KEYS_BY_REPO,
            group: of_repo,
            filter: None,
        },
    },
    Route {
        info: operation(
            "repos/list-for-authenticated-user",
            "GET",
            "/user/repos",
            "Lists the repositories of the caller",
        ),
        docs: "repos/repos#list-repositories-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(repos::list_of_caller),
    },
    Route {
        info: operation(
            "repos/list-for-org",
            "GET",
            "/orgs/{org}/repos",
            "Lists the repositories of an organisation",
        ),
        docs: "repos/repos#list-organization-repositories",
        guards: &[],
        action: Action::Hook(repos::list_of_organisation),
    },
    Route {
        info: operation(
            "repos/list-for-user",
            "GET",
            "/users/{username}/repos",
            "Lists the repositories of a user",
        ),
        docs: "repos/repos#list-repositories-for-a-user",
        guards: &[],
        action: Action::Hook(repos::list_of_user),
    },
    Route {
        info: operation(
            "repos/list-forks",
            "GET",
            "/repos/{owner}/{repo}/forks",
            "Lists the forks of a repository",
        ),
        docs: "repos/forks#list-forks",
        guards: READ,
        action: Action::Hook(forks::list),
    },
    Route {
        info: operation(
            "repos/list-invitations",
            "GET",
            "/repos/{owner}/{repo}/invitations",
            "Lists the invitations to a repository",
        ),
        docs: "collaborators/invitations#list-repository-invitations",
        guards: MANAGE,
        action: Action::Hook(collaborators::list_invitations),
    },
    Route {
        info: operation(
            "repos/list-invitations-for-authenticated-user",
            "GET",
            "/user/repository_invitations",
            "Lists the invitations of the caller",
        ),
        docs: "collaborators/invitations#list-repository-invitations-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(collaborators::own_invitations),
    },
    hook(
        "repos/list-issue-types",
        "GET",
        "/repos/{owner}/{repo}/issue-types",
        "Lists the types that issues of a repository can get",
        "repos/repos#list-issue-types-for-a-repository",
        &[seen_repo],
        issue_types::list_for_repo,
    ),
    Route {
        info: operation(
            "repos/list-languages",
            "GET",
            "/repos/{owner}/{repo}/languages",
            "Counts the languages of a repository",
        ),
        docs: "repos/repos#list-repository-languages",
        guards: READ,
        action: Action::Hook(statistics::languages),
    },
    Route {
        info: operation(
            "repos/list-pull-requests-associated-with-commit",
            "GET",
            "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
            "Lists the pull requests that bring a commit",
        ),
        docs: "commits/commits#list-pull-requests-associated-with-a-commit",
        guards: GIT,
        action: Action::Hook(pulls::list::with_commit),
    },
    Route {
        info: operation(
            "repos/list-release-assets",
            "GET",
            "/repos/{owner}/{repo}/releases/{release_id}/assets",
            "Lists the files of a release",
        ),
        docs: "releases/assets#list-release-assets",
        guards: &[seen_repo, known_release],
        action: Action::Hook(release_assets::list),
    },
    Route {
        info: operation(
            "repos/list-releases",
            "GET",
            "/repos/{owner}/{repo}/releases",
            "Lists releases",
        ),
        docs: "releases/releases#list-releases",
        guards: READ,
        action: Action::Hook(releases::list),
    },
    Route {
        info: operation(
            "repos/list-tags",
            "GET",
            "/repos/{owner}/{repo}/tags",
            "Lists the tags of a repository",
        ),
        docs: "repos/repos#list-repository-tags",
        guards: READ,
        action: Action::Hook(branches::list_tags),
    },
    Route {
        info: operation(
            "repos/list-webhook-deliveries",
            "GET",
            "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries",
            "Lists what a webhook was told",
        ),
        docs: "repos/webhooks#list-deliveries-for-a-repository-webhook",
        guards: HOOK,
        action: Action::Hook(deliveries::list),
    },
    Route {
        info: operation(
            "repos/list-webhooks",
            "GET",
            "/repos/{owner}/{repo}/hooks",
            "Lists webhooks",
        ),
        docs: "repos/webhooks#list-repository-webhooks",
        guards: MANAGE,
        action: Action::List {
            table: HOOKS,
            index: HOOKS_BY_REPO,
            group: of_repo,
            filter: None,
        },
    },
    Route {
        info: operation(
            "repos/merge",
            "POST",
            "/repos/{owner}/{repo}/merges",
            "Merges a branch into another one",
        ),
        docs: "branches/branches#merge-a-branch",
        guards: WRITE,
        action: Action::Hook(merging::merge),
    },
    Route {
        info: operation(
            "repos/merge-upstream",
            "POST",
            "/repos/{owner}/{repo}/merge-upstream",
            "Syncs a branch of a fork with its upstream",
        ),
        docs: "branches/branches#sync-a-fork-branch-with-the-upstream-repository",
        guards: WRITE,
        action: Action::Hook(merging::merge_upstream),
    },
    Route {
        info: operation(
            "repos/ping-webhook",
            "POST",
            "/repos/{owner}/{repo}/hooks/{hook_id}/pings",
            "Sends a ping to a webhook",
        ),
        docs: "repos/webhooks#ping-a-repository-webhook",
        guards: HOOK,
        action: Action::Hook(hooks::ping),
    },
    Route {
        info: operation(
            "repos/redeliver-webhook-delivery",
            "POST",
            "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
            "Sends a delivery once more",
        ),
        docs: "repos/webhooks#redeliver-a-delivery-for-a-repository-webhook",
        guards: HOOK,
        action: Action::Hook(deliveries::again),
    },
    Route {
        info: operation(
            "repos/remove-collaborator",
            "DELETE",
            "/repos/{owner}/{repo}/collaborators/{username}",
            "Lets somebody work on a repository no more",
        ),
        docs: "collaborators/collaborators#remove-a-repository-collaborator",
        guards: ADMIN,
        action: Action::Hook(collaborators::remove),
    },
    Route {
        info: operation(
            "repos/remove-status-check-contexts",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks/contexts",
            "Removes checks that must pass",
        ),
        docs: "branches/branch-protection#remove-status-check-contexts",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::remove_contexts),
    },
    Route {
        info: operation(
            "repos/remove-status-check-protection",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks",
            "Requires checks no more",
        ),
        docs: "branches/branch-protection#remove-status-check-protection",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::delete_checks),
    },
    Route {
        info: operation(
            "repos/remove-user-access-restrictions",
            "DELETE",
            "/repos/{owner}/{repo}/branches/{branch}/protection/restrictions/users",
            "Lets users push no more",
        ),
        docs: "branches/branch-protection#remove-user-access-restrictions",
        guards: RESTRICTED,
        action: Action::Hook(protections::remove_users),
    },
    Route {
        info: operation(
            "repos/rename-branch",
            "POST",
            "/repos/{owner}/{repo}/branches/{branch}/rename",
            "Gives a branch another name",
        ),
        docs: "branches/branches#rename-a-branch",
        guards: WRITE,
        action: Action::Hook(branches::rename),
    },
    Route {
        info: operation(
            "repos/replace-all-topics",
            "PUT",
            "/repos/{owner}/{repo}/topics",
            "Sets the topics of a repository",
        ),
        docs: "repos/repos#replace-all-repository-topics",
        guards: ADMIN,
        action: Action::Hook(settings::set_topics),
    },
    Route {
        info: operation(
            "repos/set-admin-branch-protection",
            "POST",
            "/repos/{owner}/{repo}/branches/{branch}/protection/enforce_admins",
            "Binds administrators to protection",
        ),
        docs: "branches/branch-protection#set-admin-branch-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::set_admins),
    },
    Route {
        info: operation(
            "repos/set-status-check-contexts",
            "PUT",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks/contexts",
            "Sets the checks that must pass",
        ),
        docs: "branches/branch-protection#set-status-check-contexts",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::set_contexts),
    },
    Route {
        info: operation(
            "repos/set-user-access-restrictions",
            "PUT",
            "/repos/{owner}/{repo}/branches/{branch}/protection/restrictions/users",
            "Sets the users who alone may push",
        ),
        docs: "branches/branch-protection#set-user-access-restrictions",
        guards: RESTRICTED,
        action: Action::Hook(protections::set_users),
    },
    Route {
        info: operation(
            "repos/test-push-webhook",
            "POST",
            "/repos/{owner}/{repo}/hooks/{hook_id}/tests",
            "Sends the last push to a webhook",
        ),
        docs: "repos/webhooks#test-the-push-repository-webhook",
        guards: HOOK,
        action: Action::Hook(hooks::ping),
    },
    Route {
        info: operation(
            "repos/transfer",
            "POST",
            "/repos/{owner}/{repo}/transfer",
            "Gives a repository to somebody else",
        ),
        docs: "repos/repos#transfer-a-repository",
        guards: ADMIN,
        action: Action::Hook(settings::transfer),
    },
    Route {
        info: operation(
            "repos/update",
            "PATCH",
            "/repos/{owner}/{repo}",
            "Changes a repository",
        ),
        docs: "repos/repos#update-a-repository",
        guards: &[seen_repo, signed_in, may_admin],
        action: Action::Hook(settings::update),
    },
    Route {
        info: operation(
            "repos/update-branch-protection",
            "PUT",
            "/repos/{owner}/{repo}/branches/{branch}/protection",
            "Protects a branch",
        ),
        docs: "branches/branch-protection#update-branch-protection",
        guards: &[seen_repo, writable, sees_admin, known_branch],
        action: Action::Hook(protections::update),
    },
    Route {
        info: operation(
            "repos/update-invitation",
            "PATCH",
            "/repos/{owner}/{repo}/invitations/{invitation_id}",
            "Changes an invitation",
        ),
        docs: "collaborators/invitations#update-a-repository-invitation",
        guards: &[seen_repo, signed_in, sees_admin, known_invitation],
        action: Action::Hook(collaborators::change_invitation),
    },
    Route {
        info: operation(
            "repos/update-pull-request-review-protection",
            "PATCH",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_pull_request_reviews",
            "Changes what is required of reviews",
        ),
        docs: "branches/branch-protection#update-pull-request-review-protection",
        guards: PROTECTED,
        action: Action::Hook(protections::update_reviews),
    },
    Route {
        info: operation(
            "repos/update-release",
            "PATCH",
            "/repos/{owner}/{repo}/releases/{release_id}",
            "Changes a release",
        ),
        docs: "releases/releases#update-a-release",
        guards: CHANGE_RELEASE,
        action: Action::Patch {
            table: RELEASES,
            inputs: releases::CHANGE,
            change: releases::change,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "repos/update-release-asset",
            "PATCH",
            "/repos/{owner}/{repo}/releases/assets/{asset_id}",
            "Changes a file of a release",
        ),
        docs: "releases/assets#update-a-release-asset",
        guards: CHANGE_ASSET,
        action: Action::Patch {
            table: ASSETS,
            inputs: release_assets::CHANGE,
            change: release_assets::change,
            then: release_assets::touch_release,
        },
    },
    Route {
        info: operation(
            "repos/update-status-check-protection",
            "PATCH",
            "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks",
            "Changes which checks must pass",
        ),
        docs: "branches/branch-protection#update-status-check-protection",
        guards: WITH_CHECKS,
        action: Action::Hook(protections::update_checks),
    },
    Route {
        info: operation(
            "repos/update-webhook",
            "PATCH",
            "/repos/{owner}/{repo}/hooks/{hook_id}",
            "Changes a webhook",
        ),
        docs: "repos/webhooks#update-a-repository-webhook",
        guards: HOOK,
        action: Action::Patch {
            table: HOOKS,
            inputs: hooks::CHANGE,
            change: hooks::change,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "repos/update-webhook-config-for-repo",
            "PATCH",
            "/repos/{owner}/{repo}/hooks/{hook_id}/config",
            "Changes where a webhook delivers",
        ),
        docs: "repos/webhooks#update-a-webhook-configuration-for-a-repository",
        guards: HOOK,
        action: Action::Hook(hooks::change_config),
    },
    Route {
        info: operation(
            "repos/upload-release-asset",
            "POST",
            "/repos/{owner}/{repo}/releases/{release_id}/assets",
            "Uploads a file of a release, at `uploads.github.com`",
        ),
        docs: "releases/assets#upload-a-release-asset",
        guards: CHANGE_RELEASE,
        action: Action::Upload(release_assets::upload),
    },
];
