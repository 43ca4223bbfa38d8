//! What tokens need for an operation: scopes of classic ones, permissions of fine-grained ones.

use archal_core::clone::CloneRequest;

use super::access::{not_found, repo_of_path};
use super::credentials::{Credential, Kind};
use super::tables::repo;
use crate::engine::pack::Refusal;
use crate::engine::root::Root;
use crate::engine::route::Route;
use crate::engine::row::Row;

/// What a token lacks is refused as.
#[derive(Debug, Clone, Copy)]
enum Without {
    /// Nothing: the scope only widens what is shown.
    Fine,
    /// As what is not there.
    Hidden,
    /// With this status and sentence.
    Told(u16, &'static str),
}

/// What an operation asks of a classic token.
struct Rule {
    /// Operations whose id begins with one of these; `=` stands before one that is meant alone.
    ids: &'static [&'static str],
    /// The methods it is about; all where empty.
    methods: &'static [&'static str],
    /// One of these scopes is needed.
    scopes: &'static [&'static str],
    without: Without,
}

const WRITES: &[&str] = &["DELETE", "PATCH", "POST", "PUT"];
const ORG_READ: &[&str] = &["admin:org", "read:org", "repo", "user", "write:org"];
const SECURITY: &[&str] = &["public_repo", "repo", "security_events"];
const REPO: &[&str] = &["public_repo", "repo"];

/// The first that fits holds.
const RULES: &[Rule] = &[
    Rule {
        ids: &["=repos/delete"],
        methods: &["DELETE"],
        scopes: &["delete_repo"],
        without: Without::Told(403, "Must have admin rights to Repository."),
    },
    Rule {
        ids: &[
            "activity/delete-thread-subscription",
            "activity/get-thread",
            "activity/list-notifications",
            "activity/list-repo-notifications",
            "activity/mark-",
            "activity/set-thread-subscription",
        ],
        methods: &[],
        scopes: &["notifications", "repo"],
        without: Without::Told(403, "Missing the 'notifications' scope."),
    },
    Rule {
        ids: &["activity/"],
        methods: WRITES,
        scopes: REPO,
        without: Without::Hidden,
    },
    Rule {
        ids: &["gists/"],
        methods: WRITES,
        scopes: &["gist"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["gists/list-starred"],
        methods: &[],
        scopes: &["gist"],
        without: Without::Hidden,
    },
    Rule {
        ids: &[
            "gists/",
            "markdown/",
            "meta/",
            "rate-limit/",
            "licenses/",
            "emojis/",
        ],
        methods: &[],
        scopes: &[],
        without: Without::Fine,
    },
    Rule {
        ids: &[
            "users/list-emails-for-authenticated-user",
            "users/list-public-emails",
        ],
        methods: &[],
        scopes: &["user", "user:email"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["users/follow", "users/unfollow"],
        methods: &[],
        scopes: &["user", "user:follow"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["users/"],
        methods: WRITES,
        scopes: &["user"],
        without: Without::Hidden,
    },
    Rule {
        ids: &[
            "orgs/list-for-authenticated-user",
            "orgs/list-memberships-for-auth",
        ],
        methods: &[],
        scopes: ORG_READ,
        without: Without::Told(
            403,
            "You need at least read:org scope or user scope to list your organizations.",
        ),
    },
    Rule {
        ids: &["orgs/", "teams/"],
        methods: WRITES,
        scopes: &["admin:org", "write:org"],
        without: Without::Told(403, "Must have admin rights to Organization."),
    },
    Rule {
        ids: &["teams/"],
        methods: &[],
        scopes: ORG_READ,
        without: Without::Hidden,
    },
    Rule {
        ids: &["projects/"],
        methods: WRITES,
        scopes: &["project"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["projects/"],
        methods: &[],
        scopes: &["project", "read:project"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["code-scanning/"],
        methods: &[],
        scopes: SECURITY,
        without: Without::Told(403, "You are not authorized to read code scanning alerts."),
    },
    Rule {
        ids: &["code-quality/", "dependabot/", "secret-scanning/"],
        methods: &[],
        scopes: SECURITY,
        without: Without::Hidden,
    },
    Rule {
        ids: &["repos/create-commit-status"],
        methods: &[],
        scopes: &["repo", "repo:status"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["repos/create-deployment", "repos/delete-deployment"],
        methods: &[],
        scopes: &["repo", "repo_deployment"],
        without: Without::Hidden,
    },
    Rule {
        ids: &[
            "repos/create-webhook",
            "repos/delete-webhook",
            "repos/ping-webhook",
            "repos/redeliver-webhook-delivery",
            "repos/test-push-webhook",
            "repos/update-webhook",
        ],
        methods: &[],
        scopes: &["admin:repo_hook", "public_repo", "repo", "write:repo_hook"],
        without: Without::Hidden,
    },
    Rule {
        ids: &["repos/get-webhook", "repos/list-webhook"],
        methods: &[],
        scopes: &[
            "admin:repo_hook",
            "public_repo",
            "read:repo_hook",
            "repo",
            "write:repo_hook",
        ],
        without: Without::Hidden,
    },
    Rule {
        ids: &[
            "actions/",
            "checks/",
            "git/",
            "issues/",
            "pulls/",
            "reactions/",
            "repos/",
            "security-advisories/create",
            "security-advisories/update",
        ],
        methods: WRITES,
        scopes: REPO,
        without: Without::Hidden,
    },
    Rule {
        ids: &[
            "actions/",
            "checks/",
            "git/",
            "issues/",
            "pulls/",
            "reactions/",
            "repos/",
        ],
        methods: &[],
        scopes: &["repo"],
        without: Without::Fine,
    },
];

fn rule(route: &Route) -> Option<&'static Rule> {
    let info = route.info;
    RULES.iter().find(|rule| {
        (rule.methods.is_empty() || rule.methods.contains(&info.method))
            && rule.ids.iter().any(|id| match id.strip_prefix('=') {
                Some(id) => info.id == id,
                None if id.ends_with(['/', '-']) => info.id.starts_with(id),
                None => info
                    .id
                    .strip_prefix(id)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
            })
    })
}

/// What `X-Accepted-OAuth-Scopes` says of an operation.
pub(super) fn accepted(route: Option<&Route>) -> String {
    let scopes = route.and_then(rule).map_or(&[][..], |rule| rule.scopes);
    scopes.join(", ")
}

/// The permission that an operation needs of a fine-grained or installation token; none where no
/// such token may call it.
pub(super) fn permission(route: &Route) -> Option<(&'static str, &'static str)> {
    let info = route.info;
    let level = if info.method == "GET" {
        "read"
    } else {
        "write"
    };
    let (category, name) = info.id.split_once('/')?;
    let permission = match category {
        "actions" if name.contains("secret") || name.contains("public-key") => "secrets",
        "actions" if name.contains("variable") => "actions_variables",
        "actions" => "actions",
        "activity" if name.contains("star") => "starring",
        "activity" if name.contains("subscription") || name.contains("watch") => "watching",
        "activity" | "apps" => return None,
        "checks" => "checks",
        "code-quality" | "code-scanning" => "security_events",
        "dependabot" => "vulnerability_alerts",
        "gists" => "gists",
        "git" => "contents",
        "issues" | "reactions" => "issues",
        "orgs" | "teams" => "members",
        "projects" => "organization_projects",
        // A merge writes commits to the base.
        "pulls" if name == "merge" => "contents",
        "pulls" => "pull_requests",
        "repos" => of_repos(name, level),
        "secret-scanning" => "secret_scanning_alerts",
        "security-advisories" => "repository_advisories",
        "users" if name.contains("email") => "email",
        "users" if name.contains("follow") => "followers",
        "users" if level == "write" => "profile",
        _ => "metadata",
    };
    Some((permission, level))
}

/// The permission of an operation on repositories.
fn of_repos(name: &str, level: &str) -> &'static str {
    const CONTENTS: &[&str] = &[
        "archive", "branch", "commit", "compare", "content", "file", "merge", "readme", "release",
    ];
    const ADMINISTRATION: &[&str] = &[
        "autolink",
        "collaborator",
        "create-for",
        "create-fork",
        "create-in-org",
        "delete",
        "invitation",
        "protection",
        "replace-all-topics",
        "rulesets",
        "transfer",
        "update",
    ];
    let is_about = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if name.contains("commit-status") || name.contains("combined-status") {
        "statuses"
    } else if name.contains("webhook") {
        "repository_hooks"
    } else if name.contains("deploy-key") {
        "administration"
    } else if name == "create-dispatch-event" {
        "contents"
    } else if name.contains("deployment") {
        "deployments"
    } else if name.contains("pages") {
        "pages"
    } else if name.contains("protection") {
        "administration"
    } else if is_about(CONTENTS) {
        "contents"
    } else if level == "write" && is_about(ADMINISTRATION) {
        "administration"
    } else {
        "metadata"
    }
}

/// Refuses what the token of a request is not for.
pub(super) fn check(
    root: &Root,
    request: &CloneRequest,
    route: &Route,
    path: &str,
) -> Result<(), Refusal> {
    let Some(credential) = Credential::of(root, request) else {
        return Ok(());
    };
    if credential.kind() == Kind::Scoped {
        return check_scopes(&credential, route);
    }
    if route.info.id == "graphql" {
        // What it reads and runs is judged by itself.
        return Ok(());
    }
    let row = repo_of_path(root, path);
    check_permission(&credential, route, row)
}

fn check_scopes(credential: &Credential<'_>, route: &Route) -> Result<(), Refusal> {
    let Some(rule) = rule(route) else {
        return Ok(());
    };
    if rule.scopes.is_empty() || credential.has(rule.scopes) {
        return Ok(());
    }
    match rule.without {
        Without::Fine => Ok(()),
        Without::Hidden => Err(not_found()),
        Without::Told(status, message) => Err(Refusal::new(status, message)),
    }
}

fn check_permission(
    credential: &Credential<'_>,
    route: &Route,
    row: Option<&Row>,
) -> Result<(), Refusal> {
    let who = if credential.kind() == Kind::Installation {
        "Resource not accessible by integration"
    } else {
        "Resource not accessible by personal access token"
    };
    let Some((permission, level)) = permission(route) else {
        return Err(Refusal::new(403, who));
    };
    let private = row.is_some_and(|row| row.bool(repo::PRIVATE));
    if let Some(row) = row
        && !credential.covers(row.text(repo::FULL_NAME))
    {
        // What is public stays readable.
        return match (private, level) {
            (true, _) => Err(not_found()),
            (false, "read") => Ok(()),
            (false, _) => Err(Refusal::new(403, who)),
        };
    }
    let open = level == "read" && row.is_some_and(|_| !private) && is_public(permission);
    // What a pull request has of an issue is written with either permission.
    let shared = ["assignee", "comment", "label", "reaction"];
    let shared = shared.iter().any(|word| route.info.id.contains(word));
    let also = (permission == "issues" && shared && credential.permits("pull_requests", level))
        || (permission == "organization_projects" && credential.permits("projects", level));
    let general = row.is_none() && level == "read" && is_public(permission);
    if open || general || also || credential.permits(permission, level) {
        return Ok(());
    }
    Err(Refusal::new(403, who))
}

/// Whether everybody may read what a permission is about in a public repository.
fn is_public(permission: &str) -> bool {
    matches!(
        permission,
        "actions"
            | "checks"
            | "contents"
            | "deployments"
            | "gists"
            | "issues"
            | "members"
            | "metadata"
            | "pull_requests"
            | "repository_advisories"
            | "starring"
            | "statuses"
            | "followers"
    )
}
