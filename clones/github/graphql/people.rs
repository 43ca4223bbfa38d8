//! Users, organisations and bots.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::lists;
use super::nodes::plain;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{
    Always, By, Empty, Int, Null, ProseOrEmpty, Text, Time,
};
use crate::engine::graphql::model::{Fault, Field, Object, Type, Value};
use crate::engine::key::{Key, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access;
use crate::github::render::WEB;
use crate::github::tables::{REPOS, USERS, owner_of, repo, user};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "User",
        fields: &[ACTOR, OWNER, PROFILE, USER],
        gaps: &["contributionsCollection"],
    },
    Type {
        name: "Organization",
        fields: &[ACTOR, OWNER, PROFILE, ORGANIZATION],
        gaps: &["rulesets", "ruleset"],
    },
    Type {
        name: "Bot",
        fields: &[ACTOR],
        gaps: &[],
    },
];

/// The kind of an account in the schema.
pub(super) fn kind(row: &Row) -> &'static str {
    match row.text(user::TYPE) {
        "Organization" => "Organization",
        "Bot" => "Bot",
        _ => "User",
    }
}

/// An account.
pub(super) fn account(row: &Arc<Row>) -> Object {
    Object::row(kind(row), row)
}

/// The account of that login; null where it is gone.
pub(super) fn actor(root: &Root, login: Option<&str>) -> Value {
    login
        .and_then(|login| root.get(USERS, &Key::folded(login)))
        .map(account)
        .into()
}

/// The accounts of these logins, as a connection of users.
pub(super) fn users<'r>(root: &Root, logins: impl Iterator<Item = &'r str>) -> Value {
    let rows = logins.filter_map(|login| root.get(USERS, &Key::folded(login)));
    listed(rows)
}

/// A connection of users.
pub(super) fn listed<'r>(rows: impl Iterator<Item = &'r Arc<Row>>) -> Value {
    // A connection of users has nothing else.
    let rows = rows.filter(|row| kind(row) != "Organization");
    Connection::keyed(rows.map(|row| {
        let id = row.text(user::NODE_ID).to_owned();
        (id, true, Object::row("User", row))
    }))
    .into()
}

/// Whether text occurs in a login or a name.
pub(super) fn called(row: &Row, text: &str) -> bool {
    let text = text.to_lowercase();
    let found = |at| row.text(at).to_lowercase().contains(&text);
    text.is_empty() || found(user::LOGIN) || found(user::NAME)
}

const ACTOR: &[(&str, Field)] = &[
    ("id", Text(user::NODE_ID)),
    ("databaseId", Int(user::ID)),
    ("login", Text(user::LOGIN)),
    ("createdAt", Time(user::CREATED_AT)),
    ("updatedAt", Time(user::UPDATED_AT)),
    (
        "avatarUrl",
        By(|_, it, args| {
            let id = it.shown()?.int(user::ID);
            let size = args
                .int("size")
                .map_or(String::new(), |size| format!("&s={size}"));
            Ok(format!("https://avatars.githubusercontent.com/u/{id}?v=4{size}").into())
        }),
    ),
    (
        "url",
        By(|_, it, _| Ok(format!("{WEB}{}", path(it)?).into())),
    ),
    (
        "resourcePath",
        By(|_, it, _| Ok(format!("{WEB}{}", path(it)?).into())),
    ),
];

fn path(it: &Object) -> Result<String, Fault> {
    let row = it.shown()?;
    let login = row.text(user::LOGIN);
    Ok(match kind(row) {
        "Bot" => format!("/apps/{login}"),
        _ => format!("/{login}"),
    })
}

/// What owns repositories.
const OWNER: &[(&str, Field)] = &[
    ("repositories", By(repositories)),
    (
        "repository",
        By(|call, it, args| {
            let owner = it.shown()?.text(user::LOGIN);
            let name = format!("{owner}/{}", args.text("name").unwrap_or_default());
            super::query::repository_named(call, &name)
        }),
    ),
    ("projectV2", By(super::project::one)),
    ("projectsV2", By(super::project::of_owner)),
    ("repositoryDiscussions", Empty),
    ("repositoryDiscussionComments", Empty),
];

/// What both users and organisations say of themselves.
const PROFILE: &[(&str, Field)] = &[
    ("name", Text(user::NAME)),
    ("location", Text(user::LOCATION)),
    ("twitterUsername", Text(user::TWITTER)),
    (
        "websiteUrl",
        By(|_, it, _| {
            let blog = it.shown()?.text(user::BLOG);
            Ok((!blog.is_empty()).then(|| address(blog)).into())
        }),
    ),
    ("hasSponsorsListing", Always(false)),
    ("isSponsoredBy", Always(false)),
    ("isSponsoringViewer", Always(false)),
    ("viewerCanSponsor", Always(false)),
    ("viewerIsSponsoring", Always(false)),
    (
        "viewerCanChangePinnedItems",
        By(|call, it, _| Ok(own(call, it)?.into())),
    ),
    (
        "viewerCanCreateProjects",
        By(|call, it, _| Ok(own(call, it)?.into())),
    ),
    ("anyPinnableItems", Always(false)),
    (
        "estimatedNextSponsorsPayoutInCents",
        By(|_, _, _| Ok(Value::Int(0))),
    ),
    (
        "monthlyEstimatedSponsorsIncomeInCents",
        By(|_, _, _| Ok(Value::Int(0))),
    ),
    ("pinnedItemsRemaining", By(|_, _, _| Ok(Value::Int(6)))),
    ("projects", Empty),
    (
        "projectsUrl",
        By(|_, it, _| Ok(format!("{WEB}{}/projects", path(it)?).into())),
    ),
    (
        "projectsResourcePath",
        By(|_, it, _| Ok(format!("{WEB}{}/projects", path(it)?).into())),
    ),
];

fn address(text: &str) -> String {
    if text.starts_with("http://") || text.starts_with("https://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    }
}

/// Whether the caller is that account, or administers that organisation.
fn own(call: &Call<'_>, it: &Object) -> Result<bool, Fault> {
    let row = it.shown()?;
    let caller = call.caller.as_ref();
    let is = |caller: &Arc<Row>| same(caller.text(user::LOGIN), row.text(user::LOGIN));
    Ok(caller.is_some_and(is))
}

const USER: &[(&str, Field)] = &[
    ("email", ProseOrEmpty(user::EMAIL)),
    ("bio", Text(user::BIO)),
    ("company", Text(user::COMPANY)),
    (
        "bioHTML",
        By(|_, it, _| Ok(plain("div", it.shown()?.text(user::DESCRIPTION)))),
    ),
    (
        "companyHTML",
        By(|_, it, _| Ok(plain("div", it.shown()?.text(user::COMPANY)))),
    ),
    ("isSiteAdmin", Field::Bool(user::SITE_ADMIN)),
    ("isEmployee", Field::Bool(user::SITE_ADMIN)),
    ("isBountyHunter", Always(false)),
    ("isCampusExpert", Always(false)),
    ("isDeveloperProgramMember", Always(false)),
    ("isGitHubStar", Always(false)),
    ("isHireable", Always(false)),
    ("isViewer", By(|call, it, _| Ok(own(call, it)?.into()))),
    (
        "isFollowingViewer",
        By(|call, it, _| {
            let caller = access::login(call).unwrap_or_default();
            let login = it.shown()?.text(user::LOGIN);
            Ok(super::social::follows_one(call.root(), login, &caller).into())
        }),
    ),
    ("gists", By(super::social::gists)),
    ("gist", By(super::social::gist_named)),
    ("starredRepositories", By(super::social::starred)),
    ("organizations", By(super::social::organizations)),
    ("organization", By(super::social::organization)),
    (
        "viewerIsFollowing",
        By(|call, it, _| {
            let caller = access::login(call).unwrap_or_default();
            let login = it.shown()?.text(user::LOGIN);
            Ok(super::social::follows_one(call.root(), &caller, login).into())
        }),
    ),
    (
        "viewerCanFollow",
        By(|call, it, _| Ok((!own(call, it)?).into())),
    ),
    ("status", Null),
    ("pronouns", Null),
    ("userViewType", By(|_, _, _| Ok("PUBLIC".into()))),
    (
        "followers",
        By(|call, it, _| super::social::follows(call, it, true)),
    ),
    (
        "following",
        By(|call, it, _| super::social::follows(call, it, false)),
    ),
    (
        "issues",
        By(|call, it, args| lists::issues_of_author(call, it.shown()?, args)),
    ),
    ("pullRequests", By(super::pull_lists::of_author)),
    ("pinnedItems", Empty),
    ("publicKeys", Empty),
    ("organizationVerifiedDomainEmails", Empty),
    ("suggestedListNames", Empty),
];

const ORGANIZATION: &[(&str, Field)] = &[
    ("email", Text(user::EMAIL)),
    ("description", Text(user::DESCRIPTION)),
    (
        "descriptionHTML",
        By(|_, it, _| Ok(plain("div", it.shown()?.text(user::BIO)))),
    ),
    ("teams", By(super::social::teams_of)),
    ("team", By(super::social::team_of)),
    ("membersWithRole", By(super::social::members)),
    ("isVerified", Always(false)),
    ("archivedAt", Null),
    ("requiresTwoFactorAuthentication", Null),
    ("membersCanForkPrivateRepositories", Always(false)),
    ("webCommitSignoffRequired", Always(false)),
    ("viewerIsFollowing", Always(false)),
    ("viewerIsAMember", By(member)),
    ("viewerCanAdminister", By(administers)),
    ("viewerCanCreateRepositories", By(administers)),
    ("viewerCanCreateTeams", By(administers)),
    (
        "teamsUrl",
        By(|_, it, _| Ok(organisation(it, "teams")?.into())),
    ),
    (
        "teamsResourcePath",
        By(|_, it, _| Ok(organisation(it, "teams")?.into())),
    ),
    (
        "newTeamUrl",
        By(|_, it, _| Ok(organisation(it, "new-team")?.into())),
    ),
    (
        "newTeamResourcePath",
        By(|_, it, _| Ok(organisation(it, "new-team")?.into())),
    ),
];

fn organisation(it: &Object, rest: &str) -> Result<String, Fault> {
    Ok(format!(
        "{WEB}/orgs/{}/{rest}",
        it.shown()?.text(user::LOGIN)
    ))
}

/// Whether the caller is in the organisation.
fn member(call: &Call<'_>, it: &Object, _: &Args) -> Result<Value, Fault> {
    Ok(
        crate::github::orgs::own_role(call, it.shown()?.text(user::LOGIN))
            .is_some()
            .into(),
    )
}

fn administers(call: &Call<'_>, it: &Object, _: &Args) -> Result<Value, Fault> {
    Ok(
        (crate::github::orgs::own_role(call, it.shown()?.text(user::LOGIN)) == Some("admin"))
            .into(),
    )
}

/// `repositories` of an owner.
fn repositories(call: &Call<'_>, it: &Object, args: &Args) -> Result<Value, Fault> {
    let row = it.shown()?;
    let login = row.text(user::LOGIN);
    let root = call.root();
    let own_only = args
        .texts("ownerAffiliations")
        .or(args.texts("affiliations"))
        .is_some_and(|given| given == ["OWNER"]);
    let is_caller = own(call, it)?;
    let mut rows: Vec<&Arc<Row>> = root
        .rows(REPOS)
        .values()
        .filter(|row| {
            let owned = same(owner_of(row.text(repo::FULL_NAME)), login);
            // Without a word on it, an account's list has its own and those it works on.
            let works = || {
                is_caller
                    && access::sees(call, row).is_some_and(|held| held > access::Permission::Pull)
                    || row.texts(repo::COLLABORATORS).any(|one| same(one, login))
            };
            owned || (!own_only && works())
        })
        .filter(|row| access::sees(call, row).is_some())
        .collect();
    super::repository::sort(&mut rows, &args.object("orderBy"));
    Ok(super::repository::listed(rows, |row| {
        let is = |name: &str, column| {
            args.bool(name)
                .is_none_or(|wanted| row.bool(column) == wanted)
        };
        is("isFork", repo::FORK)
            && is("isArchived", repo::ARCHIVED)
            && is("hasIssuesEnabled", repo::HAS_ISSUES)
            && match args.text("privacy").or(args.text("visibility")) {
                None => true,
                Some(wanted) => (wanted == "PRIVATE") == row.bool(repo::PRIVATE),
            }
    }))
}

/// Who can be assigned to issues of a repository.
pub(super) fn assignable(call: &Call<'_>, repo_row: &Row, text: &str) -> Value {
    let root = call.root();
    let rows = root.rows(USERS).values();
    listed(rows.filter(|row| {
        called(row, text) && access::assignable(root, repo_row, row.text(user::LOGIN))
    }))
}

/// Who can be mentioned in a repository: who takes part in it.
pub(super) fn mentionable(call: &Call<'_>, repo_row: &Row, text: &str) -> Value {
    let everybody = *repo_row.value(repo::COLLABORATORS) == ViewValue::Null;
    let root = call.root();
    let name = repo_row.text(repo::FULL_NAME);
    let authors = lists::authors(root, name);
    let rows = root.rows(USERS).values();
    listed(rows.filter(|row| {
        let login = row.text(user::LOGIN);
        called(row, text)
            && (everybody
                || access::assignable(root, repo_row, login)
                || authors.iter().any(|author| same(author, login)))
    }))
}
