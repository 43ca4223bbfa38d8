//! Users and organisations.

use archal_core::clone::ViewValue;

use super::{API, WEB};
use crate::engine::key::Key;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{GISTS, GISTS_BY_USER, REPOS, REPOS_BY_OWNER, USERS, gist, repo, user};

/// A user inside other objects.
pub(in crate::github) fn simple(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    fields(row, out);
    out.raw("}");
}

/// The user of that login inside other objects; null where there is none.
pub(in crate::github) fn named(root: &Root, login: Option<&str>, out: &mut Writer) {
    match login.and_then(|login| root.get(USERS, &Key::folded(login))) {
        Some(row) => out.rendered(&root.rendered(USERS, row).0),
        None => out.raw("null"),
    };
}

/// A user with the profile; with `own`, as only they see it.
pub(in crate::github) fn profile(root: &Root, row: &Row, own: bool, out: &mut Writer) {
    let owned = root.group(REPOS, REPOS_BY_OWNER, &Key::folded(row.text(user::LOGIN)));
    let owned = owned.into_iter().flat_map(|repos| repos.values());
    let (mut public, mut private) = (0, 0);
    for one in owned {
        if one.bool(repo::PRIVATE) {
            private += 1;
        } else {
            public += 1;
        }
    }
    out.raw("{");
    fields(row, out);
    out.key("name").text_or_null(row.text_or_null(user::NAME));
    out.key("company")
        .text_or_null(row.text_or_null(user::COMPANY));
    out.key("blog").text(row.text(user::BLOG));
    out.key("location")
        .text_or_null(row.text_or_null(user::LOCATION));
    out.key("email").text_or_null(row.text_or_null(user::EMAIL));
    out.key("hireable");
    match row.value(user::HIREABLE) {
        ViewValue::Bool(hireable) => out.bool(*hireable),
        _ => out.raw("null"),
    };
    out.key("bio").text_or_null(row.text_or_null(user::BIO));
    out.key("twitter_username")
        .text_or_null(row.text_or_null(user::TWITTER));
    if own {
        out.key("notification_email")
            .text_or_null(row.text_or_null(user::EMAIL));
    }
    out.key("public_repos").int(public);
    let (open_gists, secret_gists) = gists(root, row);
    out.key("public_gists").int(open_gists);
    out.key("followers").int(row.int(user::FOLLOWERS));
    out.key("following").int(row.int(user::FOLLOWING));
    out.key("created_at").time(row.time(user::CREATED_AT));
    out.key("updated_at").time(row.time(user::UPDATED_AT));
    if own {
        out.key("private_gists").int(secret_gists);
        out.key("total_private_repos").int(private);
        out.key("owned_private_repos").int(private);
        out.key("disk_usage").int(0);
        out.key("collaborators").int(0);
        out.key("two_factor_authentication").bool(true);
        out.key("plan")
            .raw(r#"{"name":"free","space":976562499,"collaborators":0,"private_repos":10000}"#);
    }
    out.raw("}");
}

fn fields(row: &Row, out: &mut Writer) {
    let login = row.text(user::LOGIN);
    let id = row.int(user::ID);
    let url = format!("{API}/users/{login}");
    out.key("login").text(login);
    out.key("id").int(id);
    out.key("node_id").text(row.text(user::NODE_ID));
    out.key("avatar_url")
        .text(&format!("https://avatars.githubusercontent.com/u/{id}?v=4"));
    out.key("gravatar_id").text("");
    out.key("url").text(&url);
    out.key("html_url").text(&format!("{WEB}/{login}"));
    for (name, rest) in [
        ("followers_url", "/followers"),
        ("following_url", "/following{/other_user}"),
        ("gists_url", "/gists{/gist_id}"),
        ("starred_url", "/starred{/owner}{/repo}"),
        ("subscriptions_url", "/subscriptions"),
        ("organizations_url", "/orgs"),
        ("repos_url", "/repos"),
        ("events_url", "/events{/privacy}"),
        ("received_events_url", "/received_events"),
    ] {
        out.key(name).text(&format!("{url}{rest}"));
    }
    out.key("type").text(row.text(user::TYPE));
    out.key("user_view_type").text("public");
    out.key("site_admin").bool(row.bool(user::SITE_ADMIN));
}

/// How many gists of a user are public, and how many are secret.
fn gists(root: &Root, row: &Row) -> (i64, i64) {
    let group = root.group(GISTS, GISTS_BY_USER, &Key::folded(row.text(user::LOGIN)));
    let rows = group.into_iter().flat_map(|rows| rows.values());
    rows.fold((0, 0), |(open, secret), row| {
        if row.bool(gist::PUBLIC) {
            (open + 1, secret)
        } else {
            (open, secret + 1)
        }
    })
}
