//! Repositories changed, renamed, given away and deleted.

use archal_core::clone::ViewValue;
use serde_json::json;

use super::access::{self, Permission, forbidden, not_found};
use super::dialect::invalid;
use super::tables::{
    FORMER_NAMES, REPOS, USERS, former_name, name_of, owner_of, repo, repo_key, user,
};
use super::{creation, orgs, refs, repos};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Row, list, text};
use crate::engine::writer::Writer;

/// What a body of `PATCH /repos/{owner}/{repo}` holds.
const CHANGE: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("description", Kind::TextOrNull),
    Input::new("homepage", Kind::TextOrNull),
    Input::new("private", Kind::Bool),
    Input::new("visibility", Kind::Text),
    Input::new("default_branch", Kind::Text),
    Input::new("archived", Kind::Bool),
    Input::new("has_issues", Kind::Bool),
    Input::new("has_projects", Kind::Bool),
    Input::new("has_wiki", Kind::Bool),
    Input::new("has_discussions", Kind::Bool),
    Input::new("is_template", Kind::Bool),
    Input::new("allow_squash_merge", Kind::Bool),
    Input::new("allow_merge_commit", Kind::Bool),
    Input::new("allow_rebase_merge", Kind::Bool),
    Input::new("allow_auto_merge", Kind::Bool),
    Input::new("allow_update_branch", Kind::Bool),
    Input::new("delete_branch_on_merge", Kind::Bool),
    Input::new("allow_forking", Kind::Bool),
    Input::new("web_commit_signoff_required", Kind::Bool),
    Input::new("squash_merge_commit_title", Kind::Text),
    Input::new("squash_merge_commit_message", Kind::Text),
    Input::new("merge_commit_title", Kind::Text),
    Input::new("merge_commit_message", Kind::Text),
];

/// `PATCH /repos/{owner}/{repo}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, CHANGE)?;
    let old = call.row(REPOS)?;
    let unarchives = inputs.bool("archived") == Some(false);
    if old.bool(repo::ARCHIVED) && !unarchives {
        let problem = "Repository was archived so is read-only.";
        return Err(Refusal::new(403, problem));
    }
    let mut draft = old.draft();
    creation::fill(call, &mut draft, &inputs)?;
    if let Some(archived) = inputs.bool("archived") {
        draft.set(repo::ARCHIVED, ViewValue::Bool(archived));
    }
    if let Some(branch) = inputs.text("default_branch") {
        let full_name = old.text(repo::FULL_NAME);
        let known = refs::branch(call.root(), full_name, branch).is_some();
        if !known && branch != old.text(repo::DEFAULT_BRANCH) {
            return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
                "resource": "Repository", "field": "default_branch", "code": "invalid",
                "message": format!("The branch {branch} was not found. Please push that ref first or create it via the Git Data API.")
            })]));
        }
        draft.set(repo::DEFAULT_BRANCH, text(branch));
    }
    let mut full_name = old.text(repo::FULL_NAME).to_owned();
    if draft != old.draft() {
        draft.set(repo::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(REPOS, draft);
    }
    if let Some(asked) = inputs.text("name") {
        let name = creation::repository_name(asked)?;
        let renamed = format!("{}/{name}", owner_of(&full_name));
        if renamed != full_name {
            if !same(&renamed, &full_name) {
                creation::check_free(call, &renamed)?;
            }
            rename(call, &full_name, &renamed);
            full_name = renamed;
        }
    }
    let row = call.root().named(REPOS, &full_name).cloned();
    let row = row.ok_or_else(not_found)?;
    Ok(repos::full(call, 200, &row))
}

/// Gives a repository another full name: every row that names it, and whatever is in it, follows.
pub(super) fn rename(call: &mut Call<'_>, old_name: &str, new_name: &str) {
    let Some(row) = call.root().named(REPOS, old_name).cloned() else {
        return;
    };
    let id = row.int(repo::ID);
    let mut draft = row.draft();
    draft.set(repo::FULL_NAME, text(new_name));
    draft.set(repo::OWNER, text(owner_of(new_name)));
    draft.set(repo::UPDATED_AT, ViewValue::Time(call.now));
    call.transaction.replace(REPOS, &row, draft);
    let tables = call.root().pack().tables;
    for (table, declared) in tables.iter().enumerate() {
        // What a row is of begins with the name of its repository: `acme/webapp#7`.
        let columns: Vec<usize> = (0..declared.columns.len())
            .filter(|column| {
                let field = &declared.columns[*column].field;
                let of = field.references.is_some_and(|of| of != "users");
                of || (table == REPOS && *column == repo::PARENT)
            })
            .collect();
        if columns.is_empty() {
            continue;
        }
        let rows: Vec<_> = call.root().rows(table).values().cloned().collect();
        for row in rows {
            let mut draft = row.draft();
            for column in &columns {
                if let Some(renamed) = renamed(row.text(*column), old_name, new_name) {
                    draft.set(*column, text(renamed));
                }
            }
            if draft != row.draft() {
                call.transaction.replace(table, &row, draft);
            }
        }
    }
    if same(old_name, new_name) {
        return;
    }
    if let Some(key) = repo_key(new_name) {
        call.transaction.remove(FORMER_NAMES, &key);
    }
    let mut former = call.root().blank(FORMER_NAMES);
    former.set(former_name::NAME, text(old_name));
    former.set(former_name::REPO, text(new_name));
    former.set(former_name::REPO_ID, ViewValue::Int(id));
    call.transaction.put(FORMER_NAMES, former);
}

fn renamed(value: &str, old_name: &str, new_name: &str) -> Option<String> {
    let (start, rest) = value.split_at_checked(old_name.len())?;
    let ends = rest.is_empty() || rest.starts_with(['#', ':', '@', '!']);
    (ends && same(start, old_name)).then(|| format!("{new_name}{rest}"))
}

const TRANSFER: &[Input] = &[
    Input::new("new_owner", Kind::Text).required(),
    Input::new("new_name", Kind::Text),
    Input::new("team_ids", Kind::Any),
];

/// `POST /repos/{owner}/{repo}/transfer`. An organisation has the repository at once; a user is
/// asked by mail first, and until then it stays where it is.
pub(super) fn transfer(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, TRANSFER)?;
    let row = call.row(REPOS)?;
    let old_name = row.text(repo::FULL_NAME).to_owned();
    let key = Key::folded(inputs.text("new_owner").unwrap_or_default());
    let owner = call.root().get(USERS, &key).cloned();
    let owner = owner.ok_or_else(|| invalid("Repository", "new_owner", "invalid"))?;
    let login = owner.text(user::LOGIN);
    let name = match inputs.text("new_name").filter(|name| !name.is_empty()) {
        Some(name) => creation::repository_name(name)?,
        None => name_of(&old_name).to_owned(),
    };
    let new_name = format!("{login}/{name}");
    if creation::belongs_to(&row, login) {
        return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Repository", "code": "custom", "field": "new_owner",
            "message": "Repositories cannot be transferred to the original owner"
        })]));
    }
    creation::check_free(call, &new_name)?;
    if owner.text(user::TYPE) == "Organization" {
        orgs::check_takes_repos(call, login)?;
        rename(call, &old_name, &new_name);
        // What the actor could do followed from the owner that it had.
        let permission = access::of_actor(call.root(), login);
        if let Some(row) = call.root().named(REPOS, &new_name).cloned() {
            let mut draft = row.draft();
            draft.set(repo::PERMISSION, text(permission));
            call.transaction.put(REPOS, draft);
        }
    }
    // The answer shows the repository as it was.
    let mut reply = repos::listed(call, 202, &row);
    reply.tag = None;
    Ok(reply)
}

/// `DELETE /repos/{owner}/{repo}`.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let key = call.root().key(REPOS, &row);
    let full_name = row.text(repo::FULL_NAME).to_owned();
    let id = row.int(repo::ID);
    let former: Vec<Key> = call
        .root()
        .rows(FORMER_NAMES)
        .iter()
        .filter(|(_, former)| former.int(former_name::REPO_ID) == id)
        .map(|(key, _)| key.clone())
        .collect();
    for key in former {
        call.transaction.remove(FORMER_NAMES, &key);
    }
    // Forks stay, and are a network of their own.
    let forks: Vec<_> = call
        .root()
        .rows(REPOS)
        .values()
        .filter(|fork| same(fork.text(repo::PARENT), &full_name))
        .cloned()
        .collect();
    for fork in forks {
        let mut draft = fork.draft();
        draft.set(repo::PARENT, row.value(repo::PARENT).clone());
        draft.set(repo::FORK, ViewValue::Bool(!row.is_null(repo::PARENT)));
        call.transaction.put(REPOS, draft);
    }
    if let Some(above) = call.root().named(REPOS, row.text(repo::PARENT)).cloned() {
        let mut draft = above.draft();
        let left = above.int(repo::FORKS).saturating_sub(1).max(0);
        draft.set(repo::FORKS, ViewValue::Int(left));
        call.transaction.put(REPOS, draft);
    }
    call.transaction.remove(REPOS, &key);
    Ok(Reply::empty())
}

fn topics_reply(call: &Call<'_>, row: &Row) -> Reply {
    let mut writer = Writer::new(call.root());
    writer.raw("{").key("names").raw("[");
    for topic in row.texts(repo::TOPICS) {
        writer.item().text(topic);
    }
    writer.raw("]}");
    Reply::written(200, writer.finish(), row.version())
}

/// `GET …/topics`.
pub(super) fn topics(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    Ok(topics_reply(call, &row))
}

/// `PUT …/topics`.
pub(super) fn set_topics(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    const NAMES: &[Input] = &[Input::new("names", Kind::Texts).required()];
    let inputs = access::body(call, NAMES)?;
    let mut names: Vec<String> = Vec::new();
    for name in inputs.texts("names").unwrap_or_default() {
        let name = name.to_lowercase();
        let fits = name.len() <= 50
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !fits {
            let problem = format!(
                "Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens: {name}"
            );
            return Err(Refusal::new(422, "Validation Failed").with(vec![problem.into()]));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > 20 {
        return Err(invalid("Repository", "topics", "invalid"));
    }
    let old = call.row(REPOS)?;
    let mut draft = old.draft();
    draft.set(repo::TOPICS, list(names));
    draft.set(repo::UPDATED_AT, ViewValue::Time(call.now));
    let row = call.transaction.put(REPOS, draft);
    Ok(topics_reply(call, &row))
}

/// `POST …/dispatches`: workflows and webhooks are told of it.
pub(super) fn dispatch(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    const EVENT: &[Input] = &[
        Input::new("event_type", Kind::Text).required(),
        Input::new("client_payload", Kind::Object),
    ];
    if !access::may(call, Permission::Push)? {
        return Err(forbidden());
    }
    let inputs = access::body(call, EVENT)?;
    let kind = inputs.text("event_type").unwrap_or_default();
    if kind.is_empty() || kind.chars().count() > 100 {
        let problem = "Invalid request.\n\nevent_type must be 1 to 100 characters long.";
        return Err(Refusal::new(422, problem));
    }
    let payload = inputs.value("client_payload");
    let fields = payload.and_then(serde_json::Value::as_object);
    if fields.is_some_and(|fields| fields.len() > 10) {
        let problem =
            "Invalid request.\n\nNo more than 10 properties are allowed in client_payload.";
        return Err(Refusal::new(422, problem));
    }
    Ok(Reply::empty())
}
