//! Repositories.

use std::sync::Arc;

use super::comment::may;
use super::people::{account, assignable, mentionable};
use super::{discussion, git, label, lists, milestone, nodes, pull, release, templates};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Always, Bool, By, Empty, Int, Null, Text, Time};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::access::{self, Permission};
use crate::github::discussions::enabled;
use crate::github::refs;
use crate::github::render::WEB;
use crate::github::render::license::named as named_license;
use crate::github::tables::{
    ISSUES, REPO_SUBSCRIPTIONS, REPOS, REPOS_BY_PARENT, SUBSCRIPTIONS_BY_REPO, USERS, owner_of,
    repo, repo_subscription, user,
};

/// The types.
pub(super) const TYPES: &[Type] = &[Type {
    name: "Repository",
    fields: &[PLAIN, STANDING, LISTS, ABSENT],
    gaps: &[
        "blame",
        "codeowners",
        "commitComments",
        "deployments",
        "environment",
        "environments",
        "projectV2",
        "ruleset",
        "rulesets",
        "vulnerabilityAlert",
        "vulnerabilityAlerts",
    ],
}];

/// Repositories in the order that an argument asks for.
pub(super) fn sort(rows: &mut [&Arc<Row>], order: &Args) {
    let descending = order.text("direction") == Some("DESC");
    let field = order.text("field").unwrap_or("CREATED_AT").to_owned();
    if field == "NAME" {
        rows.sort_by_cached_key(|row| name_of(row).to_lowercase());
        if descending {
            rows.reverse();
        }
        return;
    }
    label::directed(rows, descending, |row| {
        let first = match field.as_str() {
            "UPDATED_AT" => row.seconds(repo::UPDATED_AT),
            "PUSHED_AT" => row.seconds(repo::PUSHED_AT),
            "STARGAZERS" => row.int(repo::STARGAZERS),
            _ => row.seconds(repo::CREATED_AT),
        };
        (first, row.int(repo::ID))
    });
}

/// A connection of repositories.
pub(super) fn listed(rows: Vec<&Arc<Row>>, shown: impl Fn(&Row) -> bool) -> Value {
    let size: i64 = rows.iter().map(|row| row.int(repo::SIZE)).sum();
    Connection::keyed(rows.into_iter().map(|row| {
        let id = row.text(repo::NODE_ID).to_owned();
        (id, shown(row), Object::row("Repository", row))
    }))
    .with(vec![("totalDiskUsage", size.into())])
    .into()
}

fn name_of(row: &Row) -> &str {
    let full_name = row.text(repo::FULL_NAME);
    full_name
        .split_once('/')
        .map_or(full_name, |(_, name)| name)
}

const PLAIN: &[(&str, Field)] = &[
    ("id", Text(repo::NODE_ID)),
    ("databaseId", Int(repo::ID)),
    ("name", By(|_, it, _| Ok(name_of(it.shown()?).into()))),
    ("nameWithOwner", Text(repo::FULL_NAME)),
    ("description", Text(repo::DESCRIPTION)),
    ("descriptionHTML", By(about)),
    ("shortDescriptionHTML", By(about)),
    (
        "homepageUrl",
        By(|_, it, _| {
            let page = it.shown()?.text(repo::HOMEPAGE);
            Ok((!page.is_empty()).then_some(page).into())
        }),
    ),
    (
        "hasDiscussionsEnabled",
        By(|call, it, _| Ok(enabled(call.root(), it.shown()?.text(repo::FULL_NAME)).into())),
    ),
    ("isPrivate", Bool(repo::PRIVATE)),
    ("isFork", Bool(repo::FORK)),
    ("isArchived", Bool(repo::ARCHIVED)),
    ("hasIssuesEnabled", Bool(repo::HAS_ISSUES)),
    ("stargazerCount", Int(repo::STARGAZERS)),
    ("forkCount", Int(repo::FORKS)),
    ("diskUsage", Int(repo::SIZE)),
    ("createdAt", Time(repo::CREATED_AT)),
    ("updatedAt", Time(repo::UPDATED_AT)),
    ("pushedAt", Time(repo::PUSHED_AT)),
    (
        "visibility",
        By(|_, it, _| {
            let private = it.shown()?.bool(repo::PRIVATE);
            Ok(if private { "PRIVATE" } else { "PUBLIC" }.into())
        }),
    ),
    (
        "owner",
        By(|call, it, _| {
            let login = owner_of(it.shown()?.text(repo::FULL_NAME));
            let row = call.root().get(USERS, &Key::folded(login));
            Ok(row.map(account).into())
        }),
    ),
    (
        "isInOrganization",
        By(|call, it, _| {
            let login = owner_of(it.shown()?.text(repo::FULL_NAME));
            let row = call.root().get(USERS, &Key::folded(login));
            Ok(row
                .is_some_and(|row| row.text(user::TYPE) == "Organization")
                .into())
        }),
    ),
    ("url", By(|_, it, _| Ok(web(it, "")?.into()))),
    ("resourcePath", By(|_, it, _| Ok(web(it, "")?.into()))),
    (
        "projectsUrl",
        By(|_, it, _| Ok(web(it, "/projects")?.into())),
    ),
    (
        "projectsResourcePath",
        By(|_, it, _| Ok(web(it, "/projects")?.into())),
    ),
    (
        "sshUrl",
        By(|_, it, _| {
            Ok(format!("git@github.com:{}.git", it.shown()?.text(repo::FULL_NAME)).into())
        }),
    ),
    (
        "openGraphImageUrl",
        By(|_, it, _| {
            let row = it.shown()?;
            let name = row.text(repo::FULL_NAME);
            Ok(format!(
                "https://opengraph.githubassets.com/{:x}/{name}",
                row.int(repo::ID)
            )
            .into())
        }),
    ),
];

fn about(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    Ok(nodes::plain("div", it.shown()?.text(repo::DESCRIPTION)))
}

fn web(it: &Object, rest: &str) -> Result<String, Fault> {
    Ok(format!("{WEB}/{}{rest}", it.shown()?.text(repo::FULL_NAME)))
}

/// What the caller is to the repository.
const STANDING: &[(&str, Field)] = &[
    (
        "viewerPermission",
        By(|call, it, _| {
            let row = it.shown()?;
            let held = access::sees(call, row);
            Ok(held.map(permission).into())
        }),
    ),
    ("viewerCanAdminister", By(administers)),
    ("viewerCanUpdateTopics", By(administers)),
    (
        "viewerCanCreateProjects",
        By(|call, it, _| Ok(may(call, it.shown()?.text(repo::FULL_NAME), Permission::Push).into())),
    ),
    ("viewerCanSubscribe", Always(true)),
    (
        "viewerDefaultCommitEmail",
        By(|call, _, _| Ok(mail(call).into())),
    ),
    (
        "viewerPossibleCommitEmails",
        By(|call, _, _| {
            Ok(Value::List(
                mail(call).map(Value::from).into_iter().collect(),
            ))
        }),
    ),
    ("viewerDefaultMergeMethod", By(|_, _, _| Ok("MERGE".into()))),
    (
        "viewerHasStarred",
        By(|call, it, _| {
            Ok(super::social::has_starred(call, it.shown()?.text(repo::FULL_NAME)).into())
        }),
    ),
    (
        "viewerSubscription",
        By(|_, _, _| Ok("UNSUBSCRIBED".into())),
    ),
];

fn permission(held: Permission) -> &'static str {
    match held {
        Permission::Pull => "READ",
        Permission::Triage => "TRIAGE",
        Permission::Push => "WRITE",
        Permission::Maintain => "MAINTAIN",
        Permission::Admin => "ADMIN",
    }
}

fn administers(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    Ok(may(call, it.shown()?.text(repo::FULL_NAME), Permission::Admin).into())
}

/// The address that the caller's commits from the web have.
fn mail(call: &Call<'_>) -> Option<String> {
    let caller = call.caller.as_ref()?;
    Some(match caller.text(user::EMAIL) {
        "" => format!(
            "{}+{}@users.noreply.github.com",
            caller.int(user::ID),
            caller.text(user::LOGIN)
        ),
        mail => mail.to_owned(),
    })
}

const LISTS: &[(&str, Field)] = &[
    ("issue", By(issue)),
    ("issueOrPullRequest", By(issue_or_pull)),
    (
        "issues",
        By(|call, it, args| lists::issues_of_repo(call, it.shown()?, args)),
    ),
    ("discussion", By(discussion::one)),
    ("discussions", By(discussion::of_repo)),
    ("discussionCategories", By(discussion::categories)),
    ("discussionCategory", By(discussion::category_named)),
    ("pullRequest", By(pull::one)),
    ("pullRequests", By(pull::of_repo)),
    ("defaultBranchRef", By(git::default_branch)),
    ("ref", By(git::one)),
    ("refs", By(git::all)),
    ("object", By(git::by_expression)),
    ("milestone", By(milestone::one)),
    ("milestones", By(milestone::of_repo)),
    ("release", By(release::one)),
    ("releases", By(release::of_repo)),
    ("latestRelease", By(release::latest)),
    ("label", By(label::one)),
    ("labels", By(label::of_repo)),
    (
        "assignableUsers",
        By(|call, it, args| {
            Ok(assignable(
                call,
                it.shown()?,
                args.text("query").unwrap_or_default(),
            ))
        }),
    ),
    (
        "mentionableUsers",
        By(|call, it, args| {
            Ok(mentionable(
                call,
                it.shown()?,
                args.text("query").unwrap_or_default(),
            ))
        }),
    ),
    ("repositoryTopics", By(topics)),
    (
        "primaryLanguage",
        By(|_, it, _| Ok(language(it.shown()?).into())),
    ),
    (
        "languages",
        By(|_, it, _| {
            let row = it.shown()?;
            let mut connection = Connection::of(language(row));
            let size = row.int(repo::SIZE) * 1_024;
            for item in &mut connection.items {
                item.edge.push(("size", size.into()));
            }
            Ok(connection.with(vec![("totalSize", size.into())]).into())
        }),
    ),
];

fn language(row: &Row) -> Option<Object> {
    let name = row.text_or_null(repo::LANGUAGE)?;
    Some(Object::made(
        "Language",
        vec![
            ("id", nodes::made("L", name).into()),
            ("name", name.into()),
            ("color", Value::Null),
        ],
    ))
}

fn topics(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let full_name = row.text(repo::FULL_NAME);
    let topic = |name: &str| {
        let topic = Object::made(
            "Topic",
            vec![
                ("id", nodes::made("T", name).into()),
                ("name", name.into()),
                ("stargazerCount", Value::Int(0)),
                ("viewerHasStarred", Value::Bool(false)),
            ],
        );
        let url = format!("{WEB}/topics/{name}");
        Object::made(
            "RepositoryTopic",
            vec![
                (
                    "id",
                    nodes::made("RT", &format!("{full_name}/{name}")).into(),
                ),
                ("topic", topic.into()),
                ("url", url.clone().into()),
                ("resourcePath", url.into()),
            ],
        )
    };
    Ok(Connection::of(row.texts(repo::TOPICS).map(topic)).into())
}

/// The issue of a number; or a pull request, as an object of its own type.
fn numbered(call: &Call<'_>, it: &Object, args: &Args, kind: &str) -> Outcome {
    let number = args.int("number").unwrap_or_default();
    let name = it.shown()?.text(repo::FULL_NAME);
    let root = call.root();
    let row = root.get(ISSUES, &Key::new([folded(name), Part::Int(number)]));
    let object = row.map(|row| super::issue::object(root, row));
    match object {
        Some(object) if kind.contains(object.of) => Ok(object.into()),
        _ => {
            let article = if kind.starts_with('I') { "an" } else { "a" };
            Err(Fault::new(
                "NOT_FOUND",
                format!("Could not resolve to {article} {kind} with the number of {number}."),
            ))
        }
    }
}

fn issue(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    numbered(call, it, args, "Issue")
}

fn issue_or_pull(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    match numbered(call, it, args, "Issue or PullRequest") {
        Err(mut fault) => {
            fault.message = fault
                .message
                .replace("Issue or PullRequest", "issue or pull request");
            Err(fault)
        }
        found => found,
    }
}

fn license(row: &Row) -> Value {
    let Some(spdx) = row.text_or_null(repo::LICENSE) else {
        return Value::Null;
    };
    let (spdx, key, name) = named_license(spdx);
    Object::made(
        "License",
        vec![
            ("id", nodes::made("MDc6TGljZW5zZ", key).into()),
            ("key", key.into()),
            ("name", name.into()),
            ("nickname", Value::Null),
            ("spdxId", spdx.into()),
            (
                "url",
                (key != "other")
                    .then(|| format!("http://choosealicense.com/licenses/{key}/"))
                    .into(),
            ),
            ("hidden", (key == "other").into()),
            (
                "featured",
                matches!(key, "mit" | "apache-2.0" | "gpl-3.0").into(),
            ),
            ("pseudoLicense", (key == "other").into()),
        ],
    )
    .into()
}

fn forks(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let key = Key::folded(it.shown()?.text(repo::FULL_NAME));
    let rows = call.root().group(REPOS, REPOS_BY_PARENT, &key);
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| access::sees(call, row).is_some())
        .collect();
    sort(&mut rows, &args.object("orderBy"));
    Ok(listed(rows, |_| true))
}

/// `collaborators`: only those who may write are told who they are.
fn collaborators(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let root = call.root();
    if !may(call, row.text(repo::FULL_NAME), Permission::Push) {
        let login = access::login(call).unwrap_or_default();
        return Err(Fault::new(
            "FORBIDDEN",
            format!("{login} must have push access to view repository collaborators."),
        ));
    }
    let text = args.text("query").unwrap_or_default();
    let users = root.rows(USERS).values().filter(|one| {
        let login = one.text(user::LOGIN);
        let owner = crate::engine::key::same(owner_of(row.text(repo::FULL_NAME)), login);
        let named = row
            .texts(repo::COLLABORATORS)
            .any(|one| crate::engine::key::same(one, login));
        one.text(user::TYPE) == "User"
            && (owner || named)
            && args
                .text("login")
                .is_none_or(|wanted| crate::engine::key::same(wanted, login))
            && super::people::called(one, text)
    });
    let mut connection = Connection::keyed(users.map(|one| {
        (
            one.text(user::NODE_ID).to_owned(),
            true,
            Object::row("User", one),
        )
    }));
    for item in &mut connection.items {
        let held = item
            .node
            .row
            .as_ref()
            .and_then(|one| access::permission(root, row, Some(one)));
        let held = held.unwrap_or(Permission::Pull);
        item.edge.push(("permission", permission(held).into()));
    }
    Ok(connection.into())
}

fn watching<'r>(call: &'r Call<'_>, row: &Row) -> Vec<&'r Arc<Row>> {
    let key = Key::folded(row.text(repo::FULL_NAME));
    let rows = call
        .root()
        .group(REPO_SUBSCRIPTIONS, SUBSCRIPTIONS_BY_REPO, &key);
    rows.into_iter().flat_map(|rows| rows.values()).collect()
}

fn watchers(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let rows = watching(call, it.shown()?).into_iter();
    let rows = rows.filter(|row| row.bool(repo_subscription::SUBSCRIBED));
    Ok(super::people::users(
        call.root(),
        rows.map(|row| row.text(repo_subscription::USER)),
    ))
}

fn subscription(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let login = access::login(call).unwrap_or_default();
    let own = watching(call, it.shown()?)
        .into_iter()
        .find(|row| crate::engine::key::same(row.text(repo_subscription::USER), &login));
    Ok(match own {
        Some(row) if row.bool(repo_subscription::IGNORED) => "IGNORED",
        Some(row) if row.bool(repo_subscription::SUBSCRIBED) => "SUBSCRIBED",
        _ => "UNSUBSCRIBED",
    }
    .into())
}

/// What a repository of the clone has not, or always has.
const ABSENT: &[(&str, Field)] = &[
    ("hasWikiEnabled", Bool(repo::HAS_WIKI)),
    ("hasProjectsEnabled", Bool(repo::HAS_PROJECTS)),
    ("hasSponsorshipsEnabled", Always(false)),
    ("hasVulnerabilityAlertsEnabled", Always(false)),
    ("mergeCommitAllowed", Bool(repo::ALLOW_MERGE_COMMIT)),
    ("squashMergeAllowed", Bool(repo::ALLOW_SQUASH_MERGE)),
    ("rebaseMergeAllowed", Bool(repo::ALLOW_REBASE_MERGE)),
    ("autoMergeAllowed", Bool(repo::ALLOW_AUTO_MERGE)),
    ("deleteBranchOnMerge", Bool(repo::DELETE_BRANCH_ON_MERGE)),
    ("allowUpdateBranch", Bool(repo::ALLOW_UPDATE_BRANCH)),
    ("forkingAllowed", Bool(repo::ALLOW_FORKING)),
    ("squashPrTitleUsedAsDefault", Always(false)),
    (
        "webCommitSignoffRequired",
        Bool(repo::WEB_COMMIT_SIGNOFF_REQUIRED),
    ),
    ("mergeCommitMessage", Text(repo::MERGE_COMMIT_MESSAGE)),
    ("mergeCommitTitle", Text(repo::MERGE_COMMIT_TITLE)),
    (
        "squashMergeCommitMessage",
        Text(repo::SQUASH_MERGE_COMMIT_MESSAGE),
    ),
    (
        "squashMergeCommitTitle",
        Text(repo::SQUASH_MERGE_COMMIT_TITLE),
    ),
    ("isBlankIssuesEnabled", Always(true)),
    ("isDisabled", Always(false)),
    ("isLocked", Always(false)),
    ("isMirror", Always(false)),
    ("isTemplate", Bool(repo::IS_TEMPLATE)),
    ("isSecurityPolicyEnabled", Always(false)),
    (
        "isUserConfigurationRepository",
        By(|_, it, _| {
            let row = it.shown()?;
            Ok((owner_of(row.text(repo::FULL_NAME)) == name_of(row)).into())
        }),
    ),
    ("usesCustomOpenGraphImage", Always(false)),
    ("archivedAt", Null),
    ("codeOfConduct", Null),
    ("contactLinks", Empty),
    ("fundingLinks", Empty),
    ("licenseInfo", By(|_, it, _| Ok(license(it.shown()?)))),
    ("lockReason", Null),
    ("mirrorUrl", Null),
    (
        "parent",
        By(|call, it, _| {
            let parent = it.shown()?.text(repo::PARENT);
            Ok(super::repo_named(call, parent)
                .map(|row| Object::row("Repository", &row))
                .into())
        }),
    ),
    (
        "isEmpty",
        By(|call, it, _| Ok(refs::is_empty(call.root(), it.shown()?.text(repo::FULL_NAME)).into())),
    ),
    ("forks", By(forks)),
    ("stargazers", By(super::social::stargazers)),
    ("projectsV2", By(super::project::of_repo)),
    ("collaborators", By(collaborators)),
    ("issueTemplates", By(templates::of_issues)),
    ("pullRequestTemplates", By(templates::of_pulls)),
    ("branchProtectionRules", By(super::protection::all)),
    ("pinnedDiscussions", Empty),
    ("pinnedIssues", Empty),
    ("projects", Empty),
    ("recentProjects", Empty),
    ("securityPolicyUrl", Null),
    ("submodules", Empty),
    ("templateRepository", Null),
    ("watchers", By(watchers)),
];
