//! Repositories made: new ones, with what GitHub puts in every new one.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::json;

use super::access::{self, not_found};
use super::content::people;
use super::tables::{FORMER_NAMES, LABELS, REPOS, USERS, label, repo, repo_key, user};
use super::{complete, events, orgs, refs, repos};
use crate::engine::git::{Commit, Mode, PathChange};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, list, text};

/// What a body that makes a repository holds.
const NEW: &[Input] = &[
    Input::new("name", Kind::Text).required(),
    Input::new("description", Kind::TextOrNull),
    Input::new("homepage", Kind::TextOrNull),
    Input::new("private", Kind::Bool),
    Input::new("visibility", Kind::Text),
    Input::new("has_issues", Kind::Bool),
    Input::new("has_projects", Kind::Bool),
    Input::new("has_wiki", Kind::Bool),
    Input::new("has_discussions", Kind::Bool),
    Input::new("is_template", Kind::Bool),
    Input::new("auto_init", Kind::Bool),
    Input::new("gitignore_template", Kind::TextOrNull),
    Input::new("license_template", Kind::TextOrNull),
    Input::new("allow_squash_merge", Kind::Bool),
    Input::new("allow_merge_commit", Kind::Bool),
    Input::new("allow_rebase_merge", Kind::Bool),
    Input::new("allow_auto_merge", Kind::Bool),
    Input::new("allow_update_branch", Kind::Bool),
    Input::new("delete_branch_on_merge", Kind::Bool),
    Input::new("squash_merge_commit_title", Kind::Text),
    Input::new("squash_merge_commit_message", Kind::Text),
    Input::new("merge_commit_title", Kind::Text),
    Input::new("merge_commit_message", Kind::Text),
];

/// The fields of a body that are columns as they are.
pub(super) const SWITCHES: &[(&str, usize)] = &[
    ("has_issues", repo::HAS_ISSUES),
    ("has_projects", repo::HAS_PROJECTS),
    ("has_wiki", repo::HAS_WIKI),
    ("has_discussions", repo::HAS_DISCUSSIONS),
    ("is_template", repo::IS_TEMPLATE),
    ("allow_squash_merge", repo::ALLOW_SQUASH_MERGE),
    ("allow_merge_commit", repo::ALLOW_MERGE_COMMIT),
    ("allow_rebase_merge", repo::ALLOW_REBASE_MERGE),
    ("allow_auto_merge", repo::ALLOW_AUTO_MERGE),
    ("allow_update_branch", repo::ALLOW_UPDATE_BRANCH),
    ("delete_branch_on_merge", repo::DELETE_BRANCH_ON_MERGE),
    ("allow_forking", repo::ALLOW_FORKING),
    (
        "web_commit_signoff_required",
        repo::WEB_COMMIT_SIGNOFF_REQUIRED,
    ),
];

/// The fields of a body that hold one of the texts of their column.
pub(super) const CHOICES: &[(&str, usize)] = &[
    ("squash_merge_commit_title", repo::SQUASH_MERGE_COMMIT_TITLE),
    (
        "squash_merge_commit_message",
        repo::SQUASH_MERGE_COMMIT_MESSAGE,
    ),
    ("merge_commit_title", repo::MERGE_COMMIT_TITLE),
    ("merge_commit_message", repo::MERGE_COMMIT_MESSAGE),
];

/// The labels of every new repository.
const LABELS_OF_NEW: &[(&str, &str, &str)] = &[
    ("bug", "d73a4a", "Something isn't working"),
    (
        "documentation",
        "0075ca",
        "Improvements or additions to documentation",
    ),
    (
        "duplicate",
        "cfd3d7",
        "This issue or pull request already exists",
    ),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
];

/// The longest name.
const LONGEST_NAME: usize = 100;

/// `POST /user/repos`.
pub(super) fn for_caller(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    create(call, &login)
}

/// `POST /orgs/{org}/repos`.
pub(super) fn in_organisation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = Key::folded(call.param("org"));
    let row = call
        .root()
        .get(USERS, &key)
        .cloned()
        .ok_or_else(not_found)?;
    if row.text(user::TYPE) != "Organization" {
        return Err(not_found());
    }
    orgs::check_takes_repos(call, row.text(user::LOGIN))?;
    create(call, row.text(user::LOGIN))
}

fn refused(error: serde_json::Value) -> Refusal {
    Refusal::new(422, "Repository creation failed.").with(vec![error])
}

/// The name of a repository as GitHub keeps it: what it does not take becomes a dash.
pub(super) fn repository_name(asked: &str) -> Result<String, Refusal> {
    let custom = |message: &str| {
        refused(
            json!({"resource": "Repository", "code": "custom", "field": "name", "message": message}),
        )
    };
    let mut name = String::new();
    for c in asked.trim().chars() {
        let keeps = c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if keeps {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.strip_suffix(".git").unwrap_or(&name).to_owned();
    if name.is_empty() {
        return Err(custom("name is too short (minimum is 1 character)"));
    }
    if name.len() > LONGEST_NAME {
        return Err(custom("name is too long (maximum is 100 characters)"));
    }
    if matches!(name.as_str(), "." | "..") {
        return Err(custom("name is reserved"));
    }
    Ok(name)
}

/// Refuses a name that the owner has already.
pub(super) fn check_free(call: &Call<'_>, full_name: &str) -> Result<(), Refusal> {
    if call.root().named(REPOS, full_name).is_some() {
        return Err(refused(json!({
            "resource": "Repository", "code": "custom", "field": "name",
            "message": "name already exists on this account"
        })));
    }
    Ok(())
}

/// Sets what a body says of a repository's settings.
pub(super) fn fill(call: &Call<'_>, draft: &mut Draft, inputs: &Inputs) -> Result<(), Refusal> {
    for (name, column) in [
        ("description", repo::DESCRIPTION),
        ("homepage", repo::HOMEPAGE),
    ] {
        if inputs.has(name) {
            let value = inputs.text(name);
            if name == "description" && value.is_some_and(|about| about.chars().count() > 350) {
                return Err(refused(json!({
                    "resource": "Repository", "code": "custom", "field": "description",
                    "message": "description cannot be more than 350 characters"
                })));
            }
            draft.set(column, value.map_or(ViewValue::Null, text));
        }
    }
    for (name, column) in SWITCHES {
        if let Some(on) = inputs.bool(name) {
            draft.set(*column, ViewValue::Bool(on));
        }
    }
    let columns = call.root().pack().tables[REPOS].columns;
    for (name, column) in CHOICES {
        if let Some(chosen) = inputs.text(name) {
            if !columns[*column].choices.contains(&chosen) {
                return Err(super::dialect::invalid("Repository", name, "invalid"));
            }
            draft.set(*column, text(chosen));
        }
    }
    let private = match inputs.text("visibility") {
        None => inputs.bool("private"),
        Some("public") => Some(false),
        Some("private" | "internal") => Some(true),
        Some(_) => {
            return Err(super::dialect::invalid(
                "Repository",
                "visibility",
                "invalid",
            ));
        }
    };
    if let Some(private) = private {
        draft.set(repo::PRIVATE, ViewValue::Bool(private));
    }
    let ways = [
        repo::ALLOW_SQUASH_MERGE,
        repo::ALLOW_MERGE_COMMIT,
        repo::ALLOW_REBASE_MERGE,
    ];
    if ways
        .iter()
        .all(|way| *draft.get(*way) == ViewValue::Bool(false))
    {
        return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Repository", "code": "invalid", "field": "merge_commit_allowed",
            "message": "Sorry, you need to allow at least one merge strategy."
        })]));
    }
    Ok(())
}

/// A repository of an owner with nothing but its name, and the labels of every new one.
pub(super) fn fresh(call: &mut Call<'_>, full_name: &str) -> Draft {
    let id = call.transaction.next_id(REPOS);
    let owner = super::tables::owner_of(full_name).to_owned();
    let mut draft = call.root().blank(REPOS);
    draft.set(repo::FULL_NAME, text(full_name));
    draft.set(repo::ID, ViewValue::Int(id));
    draft.set(repo::NODE_ID, text(complete::node_id("R", &[id])));
    // Whoever makes a repository may do everything in it.
    let root = call.root();
    let maker = call.caller.as_ref().map(|row| row.text(user::LOGIN));
    let is_actor = maker.is_some_and(|login| root.actor() == Some(&Key::folded(login)));
    let permission = if is_actor {
        "admin"
    } else {
        access::of_actor(root, &owner)
    };
    let maker = maker.filter(|login| !is_actor && !same(login, &owner));
    let roles = maker.map(|login| format!("{login}:admin"));
    draft.set(repo::PERMISSION, text(permission));
    draft.set(repo::COLLABORATORS, list(maker.map(str::to_owned)));
    draft.set(repo::COLLABORATOR_ROLES, list(roles));
    draft.set(repo::OWNER, text(owner));
    for column in [repo::CREATED_AT, repo::UPDATED_AT, repo::PUSHED_AT] {
        draft.set(column, ViewValue::Time(call.now));
    }
    draft
}

/// Puts a new repository in its place.
pub(super) fn put(call: &mut Call<'_>, draft: Draft) -> Arc<Row> {
    let name = draft.text(repo::FULL_NAME).to_owned();
    // A new repository takes the name from the one that had it before.
    if let Some(key) = repo_key(&name) {
        call.transaction.remove(FORMER_NAMES, &key);
    }
    let row = call.transaction.put(REPOS, draft);
    for (label_name, color, about) in LABELS_OF_NEW {
        let id = call.transaction.next_id(LABELS);
        let mut draft = call.root().blank(LABELS);
        draft.set(label::REPO, text(name.as_str()));
        draft.set(label::NAME, text(*label_name));
        draft.set(label::ID, ViewValue::Int(id));
        draft.set(label::COLOR, text(*color));
        draft.set(label::DESCRIPTION, text(*about));
        draft.set(label::DEFAULT, ViewValue::Bool(true));
        complete::name_label(call.root(), &mut draft);
        call.transaction.put(LABELS, draft);
    }
    row
}

fn create(call: &mut Call<'_>, owner: &str) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW)?;
    for template in ["gitignore_template", "license_template"] {
        if inputs.text(template).is_some_and(|asked| !asked.is_empty()) {
            return Err(Refusal::gap(
                "repos/create-for-authenticated-user",
                template,
            ));
        }
    }
    let name = repository_name(inputs.text("name").unwrap_or_default())?;
    let full_name = format!("{owner}/{name}");
    check_free(call, &full_name)?;
    let mut draft = fresh(call, &full_name);
    fill(call, &mut draft, &inputs)?;
    let row = put(call, draft);
    if inputs.bool("auto_init") == Some(true) {
        first_commit(call, &row)?;
    }
    let row = call
        .root()
        .named(REPOS, &full_name)
        .cloned()
        .ok_or_else(not_found)?;
    let mut reply = repos::full(call, 201, &row);
    reply.location = Some(format!("{}/repos/{full_name}", super::render::API));
    Ok(reply)
}

/// The first commit of a repository that is made with one: a README.
fn first_commit(call: &mut Call<'_>, row: &Row) -> Result<(), Refusal> {
    let full_name = row.text(repo::FULL_NAME).to_owned();
    let mut readme = format!("# {}\n", super::tables::name_of(&full_name));
    if let Some(about) = row
        .text_or_null(repo::DESCRIPTION)
        .filter(|about| !about.is_empty())
    {
        readme.push_str(about);
        readme.push('\n');
    }
    let who = people::of_caller(call)?;
    let objects = call.root().objects();
    let oid = objects.put_blob(readme.into_bytes());
    let mode = Mode::File;
    let change = ("README.md".to_owned(), PathChange::Put { mode, oid });
    let oid = events::commit(
        call.root(),
        &Commit {
            tree: objects.write_paths(None, &[change]),
            parents: Vec::new(),
            author: who.clone(),
            committer: who,
            message: "Initial commit".to_owned(),
            signature: None,
        },
    );
    let name = format!("{}{}", refs::HEADS, row.text(repo::DEFAULT_BRANCH));
    refs::set(call, &full_name, &name, Some(oid));
    Ok(())
}

/// Whether a repository belongs to that owner.
pub(super) fn belongs_to(row: &Row, owner: &str) -> bool {
    same(super::tables::owner_of(row.text(repo::FULL_NAME)), owner)
}
