//! Projects, their fields and items.

use std::sync::Arc;

use super::issue::name_of;
use super::people::{account, actor};
use super::{nodes, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Always, Bool, By, Empty, Int, Prose, Text, Time};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::projects::{inside, sees};
use crate::github::render::WEB;
use crate::github::render::project::{option_id, values};
use crate::github::tables::{
    FIELDS_BY_PROJECT, ISSUES, ITEMS_BY_ISSUE, ITEMS_BY_PROJECT, PROJECT_FIELDS, PROJECT_ITEMS,
    PROJECTS, PROJECTS_BY_OWNER, USERS, issue, project, project_field, project_item, user,
};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "ProjectV2",
        fields: &[PROJECT],
        gaps: &["statusUpdates", "view", "views", "workflow", "workflows"],
    },
    Type {
        name: "ProjectV2Field",
        fields: &[FIELD],
        gaps: &[],
    },
    Type {
        name: "ProjectV2SingleSelectField",
        fields: &[FIELD, &[("options", By(options))]],
        gaps: &[],
    },
    Type {
        name: "ProjectV2IterationField",
        fields: &[FIELD],
        gaps: &[],
    },
    Type {
        name: "ProjectV2Item",
        fields: &[ITEM],
        gaps: &[],
    },
];

const PROJECT: &[(&str, Field)] = &[
    ("id", Text(project::NODE_ID)),
    ("databaseId", Int(project::ID)),
    (
        "fullDatabaseId",
        By(|_, it, _| Ok(it.shown()?.int(project::ID).to_string().into())),
    ),
    ("number", Int(project::NUMBER)),
    ("title", Prose(project::TITLE)),
    ("shortDescription", Prose(project::SHORT)),
    ("readme", Prose(project::DESCRIPTION)),
    ("public", Bool(project::PUBLIC)),
    ("template", Always(false)),
    (
        "closed",
        By(|_, it, _| Ok((it.shown()?.text(project::STATE) == "closed").into())),
    ),
    ("closedAt", Time(project::CLOSED_AT)),
    ("createdAt", Time(project::CREATED_AT)),
    ("updatedAt", Time(project::UPDATED_AT)),
    (
        "creator",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(project::CREATOR),
            ))
        }),
    ),
    (
        "owner",
        By(|call, it, _| {
            let key = Key::folded(it.shown()?.text(project::OWNER));
            Ok(call.root().get(USERS, &key).map(account).into())
        }),
    ),
    ("url", By(address)),
    ("resourcePath", By(address)),
    ("fields", By(fields)),
    (
        "field",
        By(|call, it, args| {
            let name = args.text("name").unwrap_or_default();
            let found = fields_of(call.root(), it.shown()?).into_iter();
            Ok(found
                .filter(|row| row.text(project_field::NAME) == name)
                .map(|row| field(&row))
                .next()
                .into())
        }),
    ),
    ("items", By(items)),
    ("repositories", Empty),
    ("teams", Empty),
    ("viewerCanUpdate", By(changes)),
    ("viewerCanClose", By(changes)),
    ("viewerCanReopen", By(changes)),
];

fn changes(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    Ok(inside(call, it.shown()?.text(project::OWNER)).into())
}

fn address(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let owner = row.text(project::OWNER);
    let found = call.root().get(USERS, &Key::folded(owner));
    let org = found.is_some_and(|row| row.text(user::TYPE) == "Organization");
    let kind = if org { "orgs" } else { "users" };
    Ok(format!("{WEB}/{kind}/{owner}/projects/{}", row.int(project::NUMBER)).into())
}

/// The key of the project that a field or an item names, `acme/3`.
fn key_of(name: &str) -> Option<Key> {
    let (owner, number) = name.split_once('/')?;
    Some(Key::new([folded(owner), Part::Int(number.parse().ok()?)]))
}

fn project_of(call: &Call<'_>, name: &str) -> Option<Object> {
    let row = call.root().get(PROJECTS, &key_of(name)?)?;
    sees(call, row).then(|| Object::row("ProjectV2", row))
}

/// Whether the caller sees the project of that name.
pub(super) fn seen(call: &Call<'_>, name: &str) -> bool {
    project_of(call, name).is_some()
}

fn group_of(row: &Row) -> Key {
    Key::new([
        folded(row.text(project::OWNER)),
        Part::Int(row.int(project::NUMBER)),
    ])
}

fn fields_of(root: &Root, row: &Row) -> Vec<Arc<Row>> {
    let rows = root.group(PROJECT_FIELDS, FIELDS_BY_PROJECT, &group_of(row));
    rows.into_iter()
        .flat_map(|rows| rows.values())
        .cloned()
        .collect()
}

/// A field, by what it holds.
pub(super) fn field(row: &Arc<Row>) -> Object {
    let of = match row.text(project_field::TYPE) {
        "single_select" => "ProjectV2SingleSelectField",
        "iteration" => "ProjectV2IterationField",
        _ => "ProjectV2Field",
    };
    Object::row(of, row)
}

fn fields(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let rows = fields_of(call.root(), it.shown()?);
    Ok(Connection::keyed(rows.iter().map(|row| {
        (
            row.text(project_field::NODE_ID).to_owned(),
            true,
            field(row),
        )
    }))
    .into())
}

const FIELD: &[(&str, Field)] = &[
    ("id", Text(project_field::NODE_ID)),
    ("databaseId", Int(project_field::ID)),
    ("name", Text(project_field::NAME)),
    (
        "dataType",
        By(|_, it, _| Ok(name_of(it.shown()?.text(project_field::TYPE)).into())),
    ),
    ("createdAt", Time(project_field::CREATED_AT)),
    ("updatedAt", Time(project_field::UPDATED_AT)),
    (
        "project",
        By(|call, it, _| Ok(project_of(call, it.shown()?.text(project_field::PROJECT)).into())),
    ),
];

fn options(_: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let names = args.any_of("names");
    let made = row
        .texts(project_field::OPTIONS)
        .filter(|name| names.as_ref().is_none_or(|names| names.contains(name)))
        .map(|name| {
            Object::made(
                "ProjectV2SingleSelectFieldOption",
                vec![
                    ("id", option_id(row, name).into()),
                    ("name", Value::text(name)),
                    ("nameHTML", nodes::escape(name).into()),
                    ("description", "".into()),
                    ("descriptionHTML", "".into()),
                    ("color", "GRAY".into()),
                ],
            )
        });
    Ok(made.collect::<Vec<_>>().into())
}

fn listed(rows: Vec<&Arc<Row>>, archived: bool) -> Value {
    Connection::keyed(rows.into_iter().map(|row| {
        let shown = archived || row.time(project_item::ARCHIVED_AT).is_none();
        (
            row.text(project_item::NODE_ID).to_owned(),
            shown,
            Object::row("ProjectV2Item", row),
        )
    }))
    .into()
}

fn items(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let rows = call
        .root()
        .group(PROJECT_ITEMS, ITEMS_BY_PROJECT, &group_of(it.shown()?));
    Ok(listed(
        rows.into_iter().flat_map(|rows| rows.values()).collect(),
        false,
    ))
}

/// `projectItems` of an issue or pull request.
pub(super) fn of_issue(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let key = super::issue::key(it.shown()?);
    let rows = call.root().group(PROJECT_ITEMS, ITEMS_BY_ISSUE, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let seen = rows.filter(|row| project_of(call, row.text(project_item::PROJECT)).is_some());
    Ok(listed(
        seen.collect(),
        args.bool("includeArchived") != Some(false),
    ))
}

/// `projectsV2` of an issue or pull request.
pub(super) fn projects_of_issue(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let key = super::issue::key(it.shown()?);
    let rows = call.root().group(PROJECT_ITEMS, ITEMS_BY_ISSUE, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let seen = rows.filter_map(|row| project_of(call, row.text(project_item::PROJECT)));
    Ok(Connection::of(seen).into())
}

const ITEM: &[(&str, Field)] = &[
    ("id", Text(project_item::NODE_ID)),
    ("databaseId", Int(project_item::ID)),
    (
        "fullDatabaseId",
        By(|_, it, _| Ok(it.shown()?.int(project_item::ID).to_string().into())),
    ),
    ("createdAt", Time(project_item::CREATED_AT)),
    ("updatedAt", Time(project_item::UPDATED_AT)),
    (
        "isArchived",
        By(|_, it, _| Ok(it.shown()?.time(project_item::ARCHIVED_AT).is_some().into())),
    ),
    (
        "creator",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(project_item::CREATOR),
            ))
        }),
    ),
    (
        "project",
        By(|call, it, _| Ok(project_of(call, it.shown()?.text(project_item::PROJECT)).into())),
    ),
    (
        "type",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(match content(call, row) {
                _ if row.text_or_null(project_item::ISSUE).is_none() => "DRAFT_ISSUE",
                None => "REDACTED",
                Some(object) if object.of == "PullRequest" => "PULL_REQUEST",
                Some(_) => "ISSUE",
            }
            .into())
        }),
    ),
    (
        "content",
        By(|call, it, _| Ok(content(call, it.shown()?).into())),
    ),
    (
        "fieldValues",
        By(|call, it, _| {
            Ok(Connection::of(held(call, it)?.into_iter().map(|(_, value)| value)).into())
        }),
    ),
    (
        "fieldValueByName",
        By(|call, it, args| {
            let name = args.text("name").unwrap_or_default();
            let found = held(call, it)?.into_iter().find(|(known, _)| known == name);
            Ok(found.map(|(_, value)| value).into())
        }),
    ),
];

/// What an item is about; none where the caller does not see it.
fn content(call: &Call<'_>, row: &Row) -> Option<Object> {
    let root = call.root();
    match row.text_or_null(project_item::ISSUE) {
        Some(name) => {
            let on = root.named(ISSUES, name)?;
            repo_named(call, on.text(issue::REPO))?;
            Some(super::issue::object(root, on))
        }
        None => {
            let body = row.text(project_item::BODY);
            Some(Object::made(
                "DraftIssue",
                vec![
                    (
                        "id",
                        nodes::made("DI", &row.int(project_item::ID).to_string()).into(),
                    ),
                    ("title", Value::said(row.text(project_item::TITLE))),
                    ("body", Value::said(body)),
                    ("bodyText", super::markdown::text(row, project_item::BODY)),
                    ("bodyHTML", super::markdown::html(row, project_item::BODY)),
                    ("createdAt", row.time(project_item::CREATED_AT).into()),
                    ("updatedAt", row.time(project_item::UPDATED_AT).into()),
                    (
                        "creator",
                        actor(root, row.text_or_null(project_item::CREATOR)),
                    ),
                ],
            ))
        }
    }
}

/// The values of an item with the names of their fields.
fn held(call: &Call<'_>, it: &Object) -> Result<Vec<(String, Object)>, Fault> {
    let row = it.shown()?;
    let root = call.root();
    let Some(of) = key_of(row.text(project_item::PROJECT)).and_then(|key| root.get(PROJECTS, &key))
    else {
        return Ok(Vec::new());
    };
    let all = values(row);
    let made = fields_of(root, of).into_iter().filter_map(|one| {
        let name = one.text(project_field::NAME).to_owned();
        let kind = one.text(project_field::TYPE);
        let held = all
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str());
        let held = match (kind, content(call, row)) {
            ("title", Some(object)) => match (object.of, &object.row) {
                ("DraftIssue", _) => Some(row.text(project_item::TITLE).to_owned()),
                (_, Some(on)) => Some(on.text(issue::TITLE).to_owned()),
                _ => None,
            },
            _ => held.map(str::to_owned),
        }?;
        let mut fields = vec![
            (
                "id",
                nodes::made(
                    "PVTFV",
                    &format!(
                        "{}:{}",
                        row.int(project_item::ID),
                        one.int(project_field::ID)
                    ),
                )
                .into(),
            ),
            ("databaseId", Value::Null),
            ("createdAt", row.time(project_item::CREATED_AT).into()),
            ("updatedAt", row.time(project_item::UPDATED_AT).into()),
            (
                "creator",
                actor(root, row.text_or_null(project_item::CREATOR)),
            ),
            ("field", field(&one).into()),
            ("item", it.clone().into()),
        ];
        let of = match kind {
            "text" | "title" => {
                fields.push(("text", Value::said(held)));
                "ProjectV2ItemFieldTextValue"
            }
            "number" => {
                fields.push(("number", held.parse().map_or(Value::Null, Value::Float)));
                "ProjectV2ItemFieldNumberValue"
            }
            "date" => {
                fields.push(("date", Value::said(held)));
                "ProjectV2ItemFieldDateValue"
            }
            "single_select" => {
                fields.push(("optionId", option_id(&one, &held).into()));
                fields.push(("name", Value::text(held.as_str())));
                fields.push(("nameHTML", nodes::escape(&held).into()));
                fields.push(("color", "GRAY".into()));
                "ProjectV2ItemFieldSingleSelectValue"
            }
            _ => return None,
        };
        Some((name, Object::made(of, fields)))
    });
    Ok(made.collect())
}

/// `projectV2` of an account.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let number = args.int("number").unwrap_or_default();
    let owner = it.shown()?.text(user::LOGIN);
    let found = project_of(call, &format!("{owner}/{number}"));
    found.map(Value::from).ok_or_else(|| {
        Fault::new(
            "NOT_FOUND",
            format!("Could not resolve to a ProjectV2 with the number {number}."),
        )
    })
}

/// `projectsV2` of an account.
pub(super) fn of_owner(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let owner = it.shown()?.text(user::LOGIN);
    Ok(projects(call, owner, args))
}

/// `projectsV2` of a repository: those of its owner.
pub(super) fn of_repo(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let name = it.shown()?.text(crate::github::tables::repo::FULL_NAME);
    Ok(projects(call, crate::github::tables::owner_of(name), args))
}

fn projects(call: &Call<'_>, owner: &str, args: &Args) -> Value {
    let rows = call
        .root()
        .group(PROJECTS, PROJECTS_BY_OWNER, &Key::folded(owner));
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| sees(call, row))
        .collect();
    let order = args.object("orderBy");
    let descending = order.text("direction") == Some("DESC");
    match order.text("field") {
        Some("TITLE") => {
            rows.sort_by_cached_key(|row| row.text(project::TITLE).to_lowercase());
            if descending {
                rows.reverse();
            }
        }
        Some("UPDATED_AT") => super::label::directed(&mut rows, descending, |row| {
            (row.seconds(project::UPDATED_AT), row.int(project::NUMBER))
        }),
        _ => super::label::directed(&mut rows, descending, |row| row.int(project::NUMBER)),
    }
    let text = args.text("query").unwrap_or_default().to_lowercase();
    Connection::keyed(rows.into_iter().map(|row| {
        let shown = text.split_whitespace().all(|word| match word {
            "is:open" => row.text(project::STATE) == "open",
            "is:closed" => row.text(project::STATE) == "closed",
            word => row.text(project::TITLE).to_lowercase().contains(word),
        });
        (
            row.text(project::NODE_ID).to_owned(),
            shown,
            Object::row("ProjectV2", row),
        )
    }))
    .into()
}
