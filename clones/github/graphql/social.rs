//! Teams, members of organisations, stars, followers and gists.

use std::sync::Arc;

use archal_core::clone::Stamp;

use super::label::directed;
use super::people::{account, called};
use super::{nodes, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::{Connection, Item};
use crate::engine::graphql::model::Field::{Bool, By, Empty, Int, Null, Text, Time};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access;
use crate::github::orgs::{own_role, role};
use crate::github::render::WEB;
use crate::github::tables::{
    FILES_BY_GIST, FOLLOWED_BY, FOLLOWERS_OF, FOLLOWS, GIST_FILES, GISTS, GISTS_BY_USER,
    MEMBERS_BY_ORG, ORG_MEMBERS, REPOS_BY_TEAM, STARS, STARS_BY_REPO, STARS_BY_USER, TEAM_REPOS,
    TEAMS, TEAMS_BY_ORG, USERS, follow, gist, gist_file, org_member, repo, star, team, team_repo,
    user,
};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "Team",
        fields: &[TEAM],
        gaps: &["discussions", "invitations", "projectsV2"],
    },
    Type {
        name: "Gist",
        fields: &[GIST],
        gaps: &["comments", "forks"],
    },
];

/// A team of an organisation; none where the caller is not in it and it is secret.
pub(super) fn team_named(call: &Call<'_>, org: &str, slug: &str) -> Option<Object> {
    let key = Key::new([folded(org), folded(slug)]);
    let row = call.root().get(TEAMS, &key)?;
    seen(call, row).then(|| Object::row("Team", row))
}

/// Teams are known inside their organisation; secret ones to their members and owners.
pub(super) fn seen(call: &Call<'_>, row: &Row) -> bool {
    let login = access::login(call).unwrap_or_default();
    let is_in = row
        .texts(team::MEMBERS)
        .chain(row.texts(team::MAINTAINERS))
        .any(|one| same(one, &login));
    match own_role(call, row.text(team::ORG)) {
        None => false,
        Some("admin") => true,
        Some(_) => is_in || row.text(team::PRIVACY) != "secret",
    }
}

fn teams<'r>(rows: impl Iterator<Item = (&'r Arc<Row>, bool)>) -> Value {
    Connection::keyed(rows.map(|(row, shown)| {
        let id = row.text(team::NODE_ID).to_owned();
        (id, shown, Object::row("Team", row))
    }))
    .into()
}

/// `teams` of an organisation.
pub(super) fn teams_of(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let org = it.shown()?.text(user::LOGIN);
    let rows = call.root().group(TEAMS, TEAMS_BY_ORG, &Key::folded(org));
    let logins = args.any_of("userLogins");
    let text = args.text("query").unwrap_or_default().to_lowercase();
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(teams(rows.filter(|row| seen(call, row)).map(|row| {
        let member = |login: &str| {
            row.texts(team::MEMBERS)
                .chain(row.texts(team::MAINTAINERS))
                .any(|one| same(one, login))
        };
        let fits = logins
            .as_ref()
            .is_none_or(|logins| logins.iter().any(|login| member(login)))
            && row.text(team::NAME).to_lowercase().contains(&text);
        (row, fits)
    })))
}

/// `team` of an organisation.
pub(super) fn team_of(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let org = it.shown()?.text(user::LOGIN);
    Ok(team_named(call, org, args.text("slug").unwrap_or_default()).into())
}

const TEAM: &[(&str, Field)] = &[
    ("id", Text(team::NODE_ID)),
    ("databaseId", Int(team::ID)),
    ("name", Text(team::NAME)),
    ("slug", Text(team::SLUG)),
    ("description", Text(team::DESCRIPTION)),
    ("createdAt", Time(team::CREATED_AT)),
    ("updatedAt", Time(team::UPDATED_AT)),
    (
        "combinedSlug",
        By(|_, it, _| {
            let row = it.shown()?;
            Ok(format!("{}/{}", row.text(team::ORG), row.text(team::SLUG)).into())
        }),
    ),
    (
        "privacy",
        By(|_, it, _| {
            let secret = it.shown()?.text(team::PRIVACY) == "secret";
            Ok(if secret { "SECRET" } else { "VISIBLE" }.into())
        }),
    ),
    (
        "notificationSetting",
        By(|_, it, _| {
            let off = it.shown()?.text(team::NOTIFICATIONS) == "notifications_disabled";
            Ok(if off {
                "NOTIFICATIONS_DISABLED"
            } else {
                "NOTIFICATIONS_ENABLED"
            }
            .into())
        }),
    ),
    (
        "organization",
        By(|call, it, _| {
            let key = Key::folded(it.shown()?.text(team::ORG));
            Ok(call.root().get(USERS, &key).map(account).into())
        }),
    ),
    (
        "parentTeam",
        By(|call, it, _| {
            let row = it.shown()?;
            let parent = row.text_or_null(team::PARENT);
            Ok(parent
                .and_then(|slug| team_named(call, row.text(team::ORG), slug))
                .into())
        }),
    ),
    (
        "childTeams",
        By(|call, it, _| {
            let row = it.shown()?;
            let key = Key::folded(row.text(team::ORG));
            let rows = call.root().group(TEAMS, TEAMS_BY_ORG, &key);
            let rows = rows.into_iter().flat_map(|rows| rows.values());
            let slug = row.text(team::SLUG);
            Ok(teams(
                rows.filter(|one| same(one.text(team::PARENT), slug) && seen(call, one))
                    .map(|one| (one, true)),
            ))
        }),
    ),
    ("ancestors", Empty),
    ("members", By(team_members)),
    (
        "repositories",
        By(|call, it, _| {
            let row = it.shown()?;
            let key = Key::new([folded(row.text(team::ORG)), folded(row.text(team::SLUG))]);
            let rows = call.root().group(TEAM_REPOS, REPOS_BY_TEAM, &key);
            let mut connection = Connection::default();
            for given in rows.into_iter().flat_map(|rows| rows.values()) {
                let Some(of) = repo_named(call, given.text(team_repo::REPO)) else {
                    continue;
                };
                let own = given.text_or_null(team_repo::PERMISSION);
                let held = match own.unwrap_or(row.text(team::PERMISSION)) {
                    "admin" => "ADMIN",
                    "maintain" => "MAINTAIN",
                    "push" => "WRITE",
                    "triage" => "TRIAGE",
                    _ => "READ",
                };
                connection.items.push(Item {
                    key: of.text(repo::NODE_ID).to_owned(),
                    node: Object::row("Repository", &of),
                    shown: true,
                    edge: vec![("permission", held.into())],
                });
            }
            Ok(connection.into())
        }),
    ),
    ("url", By(|_, it, _| team_address(it, ""))),
    ("resourcePath", By(|_, it, _| team_address(it, ""))),
    ("membersUrl", By(|_, it, _| team_address(it, "/members"))),
    (
        "membersResourcePath",
        By(|_, it, _| team_address(it, "/members")),
    ),
    (
        "repositoriesUrl",
        By(|_, it, _| team_address(it, "/repositories")),
    ),
    (
        "repositoriesResourcePath",
        By(|_, it, _| team_address(it, "/repositories")),
    ),
    ("teamsUrl", By(|_, it, _| team_address(it, "/teams"))),
    (
        "teamsResourcePath",
        By(|_, it, _| team_address(it, "/teams")),
    ),
    ("editTeamUrl", By(|_, it, _| team_address(it, "/edit"))),
    (
        "editTeamResourcePath",
        By(|_, it, _| team_address(it, "/edit")),
    ),
    ("viewerCanSubscribe", Field::Always(true)),
    ("viewerSubscription", Null),
    (
        "viewerCanAdminister",
        By(|call, it, _| {
            let row = it.shown()?;
            let login = access::login(call).unwrap_or_default();
            let maintains = row.texts(team::MAINTAINERS).any(|one| same(one, &login));
            Ok((maintains || own_role(call, row.text(team::ORG)) == Some("admin")).into())
        }),
    ),
];

fn team_address(it: &Object, rest: &str) -> Outcome {
    let row = it.shown()?;
    let (org, slug) = (row.text(team::ORG), row.text(team::SLUG));
    Ok(format!("{WEB}/orgs/{org}/teams/{slug}{rest}").into())
}

fn team_members(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let root = call.root();
    let text = args.text("query").unwrap_or_default();
    let page = match team_address(it, "/members")? {
        Value::Text(page) => page,
        _ => "".into(),
    };
    let mut connection = Connection::default();
    let maintainers = row
        .texts(team::MAINTAINERS)
        .map(|login| (login, "MAINTAINER"));
    let members = row.texts(team::MEMBERS).map(|login| (login, "MEMBER"));
    for (login, held) in maintainers.chain(members) {
        let Some(one) = root.get(USERS, &Key::folded(login)) else {
            continue;
        };
        let known = connection
            .items
            .iter()
            .any(|item| item.key == one.text(user::NODE_ID));
        if known {
            continue;
        }
        connection.items.push(Item {
            key: one.text(user::NODE_ID).to_owned(),
            node: Object::row("User", one),
            shown: called(one, text) && args.text("role").is_none_or(|role| role == held),
            edge: vec![
                ("role", held.into()),
                ("memberAccessUrl", Value::Text(Arc::clone(&page))),
                ("memberAccessResourcePath", Value::Text(Arc::clone(&page))),
            ],
        });
    }
    Ok(connection.into())
}

/// `membersWithRole` of an organisation: those who say so, and all for who is in it.
pub(super) fn members(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let org = it.shown()?.text(user::LOGIN);
    let root = call.root();
    let inside = own_role(call, org).is_some();
    let rows = root.group(ORG_MEMBERS, MEMBERS_BY_ORG, &Key::folded(org));
    let said: Vec<&Arc<Row>> = rows.into_iter().flat_map(|rows| rows.values()).collect();
    let mut logins: Vec<&str> = said
        .iter()
        .filter(|row| inside || row.bool(org_member::PUBLIC))
        .map(|row| row.text(org_member::USER))
        .collect();
    if said.is_empty() && inside {
        logins.extend(call.caller.as_ref().map(|row| row.text(user::LOGIN)));
    }
    let mut connection = Connection::default();
    for login in logins {
        let Some(one) = root.get(USERS, &Key::folded(login)) else {
            continue;
        };
        let admin = role(root, org, login) == Some("admin");
        connection.items.push(Item {
            key: one.text(user::NODE_ID).to_owned(),
            node: Object::row("User", one),
            shown: true,
            edge: vec![("role", if admin { "ADMIN" } else { "MEMBER" }.into())],
        });
    }
    Ok(connection.into())
}

/// `organizations` of a user.
pub(super) fn organizations(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let login = it.shown()?.text(user::LOGIN);
    let root = call.root();
    let own = access::login(call).is_ok_and(|caller| same(&caller, login));
    let orgs = root.rows(USERS).values().filter(|row| {
        let name = row.text(user::LOGIN);
        let key = Key::new([folded(name), folded(login)]);
        let public = root
            .get(ORG_MEMBERS, &key)
            .is_some_and(|row| row.bool(org_member::PUBLIC));
        row.text(user::TYPE) == "Organization"
            && role(root, name, login).is_some()
            && (own || public || own_role(call, name).is_some())
    });
    Ok(
        Connection::keyed(orgs.map(|row| (row.text(user::NODE_ID).to_owned(), true, account(row))))
            .into(),
    )
}

/// `organization` of a user, or of a login where the user is in it.
pub(super) fn organization(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let login = it.shown()?.text(user::LOGIN);
    let name = args.text("login").unwrap_or_default();
    let root = call.root();
    let row = root.get(USERS, &Key::folded(name));
    Ok(row
        .filter(|_| role(root, name, login).is_some())
        .map(account)
        .into())
}

/// Whether the caller starred a repository.
pub(super) fn has_starred(call: &Call<'_>, name: &str) -> bool {
    let login = access::login(call).unwrap_or_default();
    let key = Key::new([folded(&login), folded(name)]);
    call.root().get(STARS, &key).is_some()
}

fn starred_edge(at: Option<Stamp>) -> Vec<(&'static str, Value)> {
    vec![("starredAt", at.into())]
}

/// `stargazers` of a repository.
pub(super) fn stargazers(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let root = call.root();
    let rows = root.group(
        STARS,
        STARS_BY_REPO,
        &Key::folded(row.text(repo::FULL_NAME)),
    );
    let mut connection = Connection::default();
    for one in rows.into_iter().flat_map(|rows| rows.values()) {
        let Some(who) = root.get(USERS, &Key::folded(one.text(star::USER))) else {
            continue;
        };
        connection.items.push(Item {
            key: who.text(user::NODE_ID).to_owned(),
            node: Object::row("User", who),
            shown: true,
            edge: starred_edge(one.time(star::STARRED_AT)),
        });
    }
    if args.object("orderBy").text("direction") == Some("DESC") {
        connection.items.reverse();
    }
    // The count of the row is the greater where a seed names only some of them.
    let total = row
        .int(repo::STARGAZERS)
        .max(i64::try_from(connection.items.len()).unwrap_or(0));
    Ok(connection.with(vec![("totalCount", total.into())]).into())
}

/// `starredRepositories` of a user.
pub(super) fn starred(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let login = it.shown()?.text(user::LOGIN);
    let rows = call.root().group(STARS, STARS_BY_USER, &Key::folded(login));
    let mut connection = Connection::default();
    for one in rows.into_iter().flat_map(|rows| rows.values()) {
        let Some(of) = repo_named(call, one.text(star::REPO)) else {
            continue;
        };
        connection.items.push(Item {
            key: of.text(repo::NODE_ID).to_owned(),
            node: Object::row("Repository", &of),
            shown: true,
            edge: starred_edge(one.time(star::STARRED_AT)),
        });
    }
    if args.object("orderBy").text("direction") == Some("DESC") {
        connection.items.reverse();
    }
    Ok(connection.with(vec![("isOverLimit", false.into())]).into())
}

fn followers_rows(root: &Root, login: &str, index: usize, column: usize) -> Vec<Arc<Row>> {
    let rows = root.group(FOLLOWS, index, &Key::folded(login));
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    rows.filter_map(|row| root.get(USERS, &Key::folded(row.text(column))).cloned())
        .collect()
}

/// `followers` or `following` of a user; the count of the row where it is the greater.
pub(super) fn follows(call: &Call<'_>, it: &Object, followers: bool) -> Outcome {
    let row = it.shown()?;
    let (index, column, count) = match followers {
        true => (FOLLOWERS_OF, follow::USER, user::FOLLOWERS),
        false => (FOLLOWED_BY, follow::TARGET, user::FOLLOWING),
    };
    let rows = followers_rows(call.root(), row.text(user::LOGIN), index, column);
    let total = row.int(count).max(i64::try_from(rows.len()).unwrap_or(0));
    let items = rows.iter().map(|row| {
        (
            row.text(user::NODE_ID).to_owned(),
            true,
            Object::row("User", row),
        )
    });
    Ok(Connection::keyed(items)
        .with(vec![("totalCount", total.into())])
        .into())
}

/// Whether one user follows another.
pub(super) fn follows_one(root: &Root, login: &str, target: &str) -> bool {
    root.get(FOLLOWS, &Key::new([folded(login), folded(target)]))
        .is_some()
}

/// `gists` of a user; secret ones are for who made them.
pub(super) fn gists(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let login = it.shown()?.text(user::LOGIN);
    let own = access::login(call).is_ok_and(|caller| same(&caller, login));
    let rows = call.root().group(GISTS, GISTS_BY_USER, &Key::folded(login));
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| own || row.bool(gist::PUBLIC))
        .collect();
    let order = args.object("orderBy");
    let column = match order.text("field") {
        Some("UPDATED_AT" | "PUSHED_AT") => gist::UPDATED_AT,
        _ => gist::CREATED_AT,
    };
    directed(&mut rows, order.text("direction") == Some("DESC"), |row| {
        (row.seconds(column), row.int(gist::NUMBER))
    });
    let privacy = args.text("privacy").unwrap_or("PUBLIC");
    Ok(Connection::keyed(rows.into_iter().map(|row| {
        let shown = match privacy {
            "ALL" => true,
            "SECRET" => !row.bool(gist::PUBLIC),
            _ => row.bool(gist::PUBLIC),
        };
        (
            row.text(gist::NODE_ID).to_owned(),
            shown,
            Object::row("Gist", row),
        )
    }))
    .into())
}

const GIST: &[(&str, Field)] = &[
    ("id", Text(gist::NODE_ID)),
    ("name", Text(gist::ID)),
    ("description", Text(gist::DESCRIPTION)),
    ("isPublic", Bool(gist::PUBLIC)),
    (
        "isFork",
        By(|_, it, _| Ok(it.shown()?.text_or_null(gist::FORK_OF).is_some().into())),
    ),
    ("createdAt", Time(gist::CREATED_AT)),
    ("updatedAt", Time(gist::UPDATED_AT)),
    ("pushedAt", Time(gist::UPDATED_AT)),
    (
        "owner",
        By(|call, it, _| {
            let key = Key::folded(it.shown()?.text(gist::USER));
            Ok(call.root().get(USERS, &key).map(account).into())
        }),
    ),
    ("url", By(gist_address)),
    ("resourcePath", By(gist_address)),
    (
        "stargazerCount",
        By(|_, it, _| Ok(it.shown()?.texts(gist::STARRED_BY).count().into())),
    ),
    (
        "stargazers",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(super::people::users(
                call.root(),
                row.texts(gist::STARRED_BY),
            ))
        }),
    ),
    (
        "viewerHasStarred",
        By(|call, it, _| {
            let login = access::login(call).unwrap_or_default();
            Ok(it
                .shown()?
                .texts(gist::STARRED_BY)
                .any(|one| same(one, &login))
                .into())
        }),
    ),
    ("files", By(gist_files)),
];

fn gist_address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let (login, id) = (row.text(gist::USER), row.text(gist::ID));
    Ok(format!("https://gist.github.com/{login}/{id}").into())
}

/// The files of the last revision.
fn gist_files(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let rows = call
        .root()
        .group(GIST_FILES, FILES_BY_GIST, &Key::folded(row.text(gist::ID)));
    let rows: Vec<&Arc<Row>> = rows.into_iter().flat_map(|rows| rows.values()).collect();
    let last = rows
        .iter()
        .map(|row| row.int(gist_file::REVISION))
        .max()
        .unwrap_or(0);
    let most = usize::try_from(args.int("limit").unwrap_or(10)).unwrap_or(10);
    let made = rows
        .into_iter()
        .filter(|row| row.int(gist_file::REVISION) == last)
        .take(most)
        .map(|row| {
            let name = row.text(gist_file::NAME);
            let content = row.text(gist_file::CONTENT);
            let extension = name
                .rsplit_once('.')
                .map_or(String::new(), |(_, rest)| format!(".{rest}"));
            Object::made(
                "GistFile",
                vec![
                    ("name", Value::text(name)),
                    ("encodedName", Value::text(name)),
                    ("encoding", "UTF-8".into()),
                    ("extension", extension.into()),
                    ("isImage", false.into()),
                    ("isTruncated", false.into()),
                    ("language", Value::Null),
                    ("size", content.len().into()),
                    ("text", Value::said(content)),
                ],
            )
        });
    Ok(made.collect::<Vec<_>>().into())
}

/// `gist` of a user by its name.
pub(super) fn gist_named(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let login = it.shown()?.text(user::LOGIN);
    let name = args.text("name").unwrap_or_default();
    let row = call.root().get(GISTS, &Key::folded(name));
    Ok(row
        .filter(|row| same(row.text(gist::USER), login))
        .map(|row| Object::row("Gist", row))
        .into())
}

/// The row of a team by its id.
pub(super) fn team_by_id(call: &Call<'_>, id: &str) -> Result<Arc<Row>, Fault> {
    nodes::row(call, id, &["Team"])
}
