//! Releases and their files.

use std::sync::Arc;

use super::people::{actor, users};
use super::reaction::REACTABLE;
use super::{git, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Bool, By, Int, Prose, Text, Time};
use crate::engine::graphql::model::{Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::access::Permission;
use crate::github::refs;
use crate::github::releases::{latest_of, of_tag};
use crate::github::render::WEB;
use crate::github::tables::{
    ASSETS, ASSETS_BY_RELEASE, RELEASES, RELEASES_BY_REPO, asset, release, repo,
};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "Release",
        fields: &[RELEASE, REACTABLE],
        gaps: &[],
    },
    Type {
        name: "ReleaseAsset",
        fields: &[ASSET],
        gaps: &[],
    },
];

const RELEASE: &[(&str, Field)] = &[
    ("id", Text(release::NODE_ID)),
    ("databaseId", Int(release::ID)),
    ("name", Prose(release::NAME)),
    ("tagName", Text(release::TAG)),
    ("description", Prose(release::BODY)),
    (
        "descriptionHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, release::BODY))),
    ),
    (
        "shortDescriptionHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, release::BODY))),
    ),
    ("isDraft", Bool(release::DRAFT)),
    ("isPrerelease", Bool(release::PRERELEASE)),
    (
        "isLatest",
        By(|call, it, _| {
            let row = it.shown()?;
            let latest = latest_of(call.root(), row.text(release::REPO));
            Ok(latest
                .is_some_and(|latest| latest.int(release::ID) == row.int(release::ID))
                .into())
        }),
    ),
    ("createdAt", Time(release::CREATED_AT)),
    ("publishedAt", Time(release::PUBLISHED_AT)),
    (
        "updatedAt",
        By(|_, it, _| {
            let row = it.shown()?;
            Ok(row
                .time(release::UPDATED_AT)
                .or(row.time(release::CREATED_AT))
                .into())
        }),
    ),
    (
        "author",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(release::AUTHOR),
            ))
        }),
    ),
    (
        "repository",
        By(|call, it, _| {
            let name = it.shown()?.text(release::REPO);
            Ok(repo_named(call, name)
                .map(|row| Object::row("Repository", &row))
                .into())
        }),
    ),
    ("url", By(address)),
    ("resourcePath", By(address)),
    (
        "tag",
        By(|call, it, _| {
            let row = it.shown()?;
            let full = format!("refs/tags/{}", row.text(release::TAG));
            let found = refs::get(call.root(), row.text(release::REPO), &full);
            let repo_row = repo_named(call, row.text(release::REPO));
            Ok(found
                .and(repo_row)
                .map(|row| git::reference(&row, &full))
                .into())
        }),
    ),
    (
        "tagCommit",
        By(|call, it, _| {
            let row = it.shown()?;
            let name = row.text(release::REPO);
            let root = call.root();
            let found = refs::tag(root, name, row.text(release::TAG));
            let oid = found.and_then(|oid| root.objects().peel_to_commit(&oid));
            Ok(oid
                .zip(repo_named(call, name))
                .map(|(oid, row)| git::commit(&row, &oid))
                .into())
        }),
    ),
    ("releaseAssets", By(assets)),
    (
        "mentions",
        By(|call, it, _| {
            let body = it.shown()?.text(release::BODY).to_owned();
            let names: Vec<&str> = body
                .split(|one: char| one.is_whitespace() || ",.;:()".contains(one))
                .filter_map(|word| word.strip_prefix('@'))
                .collect();
            Ok(users(call.root(), names.into_iter()))
        }),
    ),
];

fn address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let (name, tag) = (row.text(release::REPO), row.text(release::TAG));
    let page = if row.bool(release::DRAFT) {
        format!("untagged-{:020x}", row.int(release::ID))
    } else {
        tag.to_owned()
    };
    Ok(format!("{WEB}/{name}/releases/tag/{page}").into())
}

fn assets(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let key = Key::new([
        folded(row.text(release::REPO)),
        Part::Int(row.int(release::ID)),
    ]);
    let rows = call.root().group(ASSETS, ASSETS_BY_RELEASE, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(Connection::keyed(rows.map(|row| {
        let shown = args
            .text("name")
            .is_none_or(|name| row.text(asset::NAME) == name);
        let id = row.text(asset::NODE_ID).to_owned();
        (id, shown, Object::row("ReleaseAsset", row))
    }))
    .into())
}

const ASSET: &[(&str, Field)] = &[
    ("id", Text(asset::NODE_ID)),
    ("name", Text(asset::NAME)),
    ("contentType", Text(asset::CONTENT_TYPE)),
    ("size", Int(asset::SIZE)),
    ("downloadCount", Int(asset::DOWNLOADS)),
    ("createdAt", Time(asset::CREATED_AT)),
    ("updatedAt", Time(asset::UPDATED_AT)),
    (
        "uploadedBy",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(asset::UPLOADER),
            ))
        }),
    ),
    ("url", By(download)),
    ("downloadUrl", By(download)),
    (
        "release",
        By(|call, it, _| {
            let row = it.shown()?;
            let key = Key::new([
                folded(row.text(asset::REPO)),
                Part::Int(row.int(asset::RELEASE)),
            ]);
            Ok(call
                .root()
                .get(RELEASES, &key)
                .map(|row| Object::row("Release", row))
                .into())
        }),
    ),
];

fn download(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let key = Key::new([
        folded(row.text(asset::REPO)),
        Part::Int(row.int(asset::RELEASE)),
    ]);
    let of = call.root().get(RELEASES, &key);
    let tag = of.map_or("", |of| of.text(release::TAG));
    let (name, file) = (row.text(asset::REPO), row.text(asset::NAME));
    Ok(format!("{WEB}/{name}/releases/download/{tag}/{file}").into())
}

/// `release` of a repository.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let tag = args.text("tagName").unwrap_or_default();
    let found = of_tag(call.root(), it.shown()?.text(repo::FULL_NAME), tag);
    Ok(found.map(|row| Object::row("Release", &row)).into())
}

/// `latestRelease` of a repository.
pub(super) fn latest(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let found = latest_of(call.root(), it.shown()?.text(repo::FULL_NAME));
    Ok(found.map(|row| Object::row("Release", &row)).into())
}

/// `releases` of a repository; drafts are for those who may push.
pub(super) fn of_repo(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let name = it.shown()?.text(repo::FULL_NAME);
    let rows = call
        .root()
        .group(RELEASES, RELEASES_BY_REPO, &Key::folded(name));
    let writes = super::comment::may(call, name, Permission::Push);
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| writes || !row.bool(release::DRAFT))
        .collect();
    let order = args.object("orderBy");
    let descending = order.text("direction") != Some("ASC");
    if order.text("field") == Some("NAME") {
        rows.sort_by_cached_key(|row| row.text(release::NAME).to_lowercase());
        if descending {
            rows.reverse();
        }
    } else {
        super::label::directed(&mut rows, descending, |row| {
            (row.seconds(release::CREATED_AT), row.int(release::ID))
        });
    }
    Ok(Value::from(Connection::keyed(rows.into_iter().map(
        |row| {
            let id = row.text(release::NODE_ID).to_owned();
            (id, true, Object::row("Release", row))
        },
    ))))
}
