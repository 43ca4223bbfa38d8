//! Protection of branches.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::{Map, Value};

use super::access;
use super::dialect::bad_input;
use super::refs;
use super::render::protection as shown;
use super::tables::{PROTECTIONS, protection, protection_of};
use crate::engine::input::{Problem, json};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list, text};
use crate::engine::writer::Writer;

/// The protection of a branch; none where it has none.
pub(super) fn of<'r>(root: &'r Root, repo: &str, branch: &str) -> Option<&'r Arc<Row>> {
    root.get(PROTECTIONS, &protection_of(repo, branch))
}

/// Guard: the path names a branch of the repository.
pub(super) fn known_branch(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let found = refs::branch(call.root(), &repo, call.param("branch"));
    found
        .map(drop)
        .ok_or_else(|| Refusal::new(404, "Branch not found"))
}

/// Guard: the path names a branch that is protected.
pub(super) fn protected(call: &mut Call<'_>) -> Result<(), Refusal> {
    known_branch(call)?;
    let repo = access::repo_name(call)?;
    let row = of(call.root(), &repo, call.param("branch")).cloned();
    let row = row.ok_or_else(|| Refusal::new(404, "Branch not protected"))?;
    call.found.push((PROTECTIONS, row));
    Ok(())
}

/// Guard: checks are required on the protected branch that the path names.
pub(super) fn with_checks(call: &mut Call<'_>) -> Result<(), Refusal> {
    with(
        call,
        protection::CONTEXTS,
        "Required status checks not enabled",
    )
}

/// Guard: reviews are required on the protected branch that the path names.
pub(super) fn with_reviews(call: &mut Call<'_>) -> Result<(), Refusal> {
    with(
        call,
        protection::REVIEWS,
        "Pull request reviews are not required",
    )
}

/// Guard: who may push to the protected branch that the path names is restricted.
pub(super) fn with_restrictions(call: &mut Call<'_>) -> Result<(), Refusal> {
    with(
        call,
        protection::PUSH_USERS,
        "Push restrictions not enabled",
    )
}

fn with(call: &Call<'_>, column: usize, message: &'static str) -> Result<(), Refusal> {
    let row = call.row(PROTECTIONS)?;
    if row.is_null(column) {
        return Err(Refusal::new(404, message));
    }
    Ok(())
}

fn object(call: &Call<'_>) -> Result<Map<String, Value>, Refusal> {
    match json(&call.request.body).map_err(|problem| bad_input(&problem))? {
        Value::Object(given) => Ok(given),
        _ => Err(bad_input(&Problem::NotAnObject)),
    }
}

fn wrong(field: &str, value: &Value, expected: &'static str) -> Refusal {
    bad_input(&Problem::Type {
        field: field.to_owned(),
        value: value.clone(),
        expected,
    })
}

fn words(field: &str, value: &Value) -> Result<Vec<String>, Refusal> {
    let Value::Array(items) = value else {
        return Err(wrong(field, value, "array"));
    };
    let texts = items.iter().enumerate().map(|(at, item)| {
        let text = item.as_str().map(str::to_owned);
        text.ok_or_else(|| wrong(&format!("{field}/{at}"), item, "string"))
    });
    texts.collect()
}

/// A part of the body that must be there and may be null.
fn part<'v>(
    given: &'v Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'v Map<String, Value>>, Refusal> {
    match given.get(name) {
        None => Err(bad_input(&Problem::Absent(name))),
        Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        Some(other) => Err(wrong(name, other, "object")),
    }
}

/// `GET …/protection`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(answer(call, &row, shown::protection))
}

fn answer(call: &Call<'_>, row: &Row, write: impl FnOnce(&Root, &Row, &mut Writer)) -> Reply {
    let mut writer = Writer::new(call.root());
    write(call.root(), row, &mut writer);
    Reply::written(200, writer.finish(), row.version())
}

/// `PUT …/protection`: what the body leaves out is off.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let given = object(call)?;
    let repo = access::repo_name(call)?;
    let branch = call.param("branch").to_owned();
    let id = match of(call.root(), &repo, &branch) {
        Some(row) => row.int(protection::ID),
        None => call.transaction.next_id(PROTECTIONS),
    };
    let mut draft = call.root().blank(PROTECTIONS);
    draft.set(protection::REPO, text(repo));
    draft.set(protection::BRANCH, text(branch));
    draft.set(protection::ID, ViewValue::Int(id));
    if let Some(checks) = part(&given, "required_status_checks")? {
        draft.set(protection::CONTEXTS, list::<String>([]));
        set_checks(&mut draft, checks)?;
    }
    match given.get("enforce_admins") {
        None => return Err(bad_input(&Problem::Absent("enforce_admins"))),
        Some(value) => {
            let on = value.as_bool().unwrap_or(false);
            draft.set(protection::ENFORCE_ADMINS, ViewValue::Bool(on));
        }
    }
    if let Some(reviews) = part(&given, "required_pull_request_reviews")? {
        draft.set(protection::REVIEWS, ViewValue::Int(1));
        set_reviews(&mut draft, reviews)?;
    }
    if let Some(who) = part(&given, "restrictions")? {
        for (name, column) in [
            ("users", protection::PUSH_USERS),
            ("teams", protection::PUSH_TEAMS),
            ("apps", protection::PUSH_APPS),
        ] {
            let names = match who.get(name) {
                Some(value) => words(&format!("restrictions/{name}"), value)?,
                None => Vec::new(),
            };
            set_names(call, &mut draft, column, names)?;
        }
    }
    for (name, column) in protection::SWITCHES {
        let on = match given.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(on)) => *on,
            Some(other) => return Err(wrong(name, other, "boolean")),
        };
        draft.set(column, ViewValue::Bool(on));
    }
    let row = call.transaction.put(PROTECTIONS, draft);
    Ok(answer(call, &row, shown::protection))
}

fn set_checks(draft: &mut Draft, checks: &Map<String, Value>) -> Result<(), Refusal> {
    if let Some(strict) = checks.get("strict") {
        let on = strict.as_bool();
        let on = on.ok_or_else(|| wrong("required_status_checks/strict", strict, "boolean"))?;
        draft.set(protection::STRICT, ViewValue::Bool(on));
    }
    let mut names: Option<Vec<String>> = None;
    if let Some(contexts) = checks.get("contexts") {
        names = Some(words("required_status_checks/contexts", contexts)?);
    }
    // `checks` is the newer way to say the same.
    if let Some(Value::Array(items)) = checks.get("checks") {
        let contexts = items.iter().filter_map(|item| item["context"].as_str());
        names = Some(contexts.map(str::to_owned).collect());
    }
    if let Some(names) = names {
        draft.set(protection::CONTEXTS, list(distinct(names)));
    }
    Ok(())
}

fn distinct(names: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

fn set_reviews(draft: &mut Draft, reviews: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, column) in [
        ("dismiss_stale_reviews", protection::DISMISS_STALE_REVIEWS),
        ("require_code_owner_reviews", protection::CODE_OWNERS),
        ("require_last_push_approval", protection::LAST_PUSH),
    ] {
        if let Some(value) = reviews.get(name) {
            let on = value
                .as_bool()
                .ok_or_else(|| wrong(name, value, "boolean"))?;
            draft.set(column, ViewValue::Bool(on));
        }
    }
    if let Some(count) = reviews.get("required_approving_review_count") {
        let number = count.as_i64().filter(|count| (0..=6).contains(count));
        let number = number.ok_or_else(|| {
            Refusal::new(
                422,
                "Invalid request.\n\nrequired_approving_review_count must be between 0 and 6.",
            )
        })?;
        draft.set(protection::REVIEWS, ViewValue::Int(number));
    }
    if let Some(Value::Object(who)) = reviews.get("dismissal_restrictions") {
        let users = who
            .get("users")
            .map(|users| words("users", users))
            .transpose()?;
        // An empty object lifts the restriction.
        draft.set(
            protection::DISMISSAL_USERS,
            users.map_or(ViewValue::Null, list),
        );
    }
    Ok(())
}

fn set_names(
    call: &Call<'_>,
    draft: &mut Draft,
    column: usize,
    names: Vec<String>,
) -> Result<(), Refusal> {
    if column == protection::PUSH_USERS {
        let unknown = names
            .iter()
            .find(|name| !access::is_user(call.root(), name));
        if let Some(name) = unknown {
            let problem =
                format!("Validation Failed: {name} is not a user with access to this repository");
            return Err(Refusal::new(422, problem));
        }
    }
    draft.set(column, list(distinct(names)));
    Ok(())
}

/// `DELETE …/protection`.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    let key = call.root().key(PROTECTIONS, &row);
    call.transaction.remove(PROTECTIONS, &key);
    Ok(Reply::empty())
}

fn replaced(call: &mut Call<'_>, change: impl FnOnce(&mut Draft)) -> Result<Arc<Row>, Refusal> {
    let old = call.row(PROTECTIONS)?;
    let mut draft = old.draft();
    change(&mut draft);
    if draft == old.draft() {
        return Ok(old);
    }
    Ok(call.transaction.put(PROTECTIONS, draft))
}

/// `GET …/enforce_admins`.
pub(super) fn get_admins(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(switch(
        call,
        &row,
        "enforce_admins",
        protection::ENFORCE_ADMINS,
    ))
}

fn switch(call: &Call<'_>, row: &Row, name: &str, column: usize) -> Reply {
    answer(call, row, |_, row, out| {
        shown::switch(row, name, column, out)
    })
}

fn turn(call: &mut Call<'_>, column: usize, on: bool) -> Result<Arc<Row>, Refusal> {
    replaced(call, |draft| {
        draft.set(column, ViewValue::Bool(on));
    })
}

/// `POST …/enforce_admins`.
pub(super) fn set_admins(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = turn(call, protection::ENFORCE_ADMINS, true)?;
    Ok(switch(
        call,
        &row,
        "enforce_admins",
        protection::ENFORCE_ADMINS,
    ))
}

/// `DELETE …/enforce_admins`.
pub(super) fn delete_admins(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    turn(call, protection::ENFORCE_ADMINS, false)?;
    Ok(Reply::empty())
}

/// `GET …/required_signatures`.
pub(super) fn get_signatures(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(switch(
        call,
        &row,
        "required_signatures",
        protection::SIGNATURES,
    ))
}

/// `POST …/required_signatures`.
pub(super) fn set_signatures(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = turn(call, protection::SIGNATURES, true)?;
    Ok(switch(
        call,
        &row,
        "required_signatures",
        protection::SIGNATURES,
    ))
}

/// `DELETE …/required_signatures`.
pub(super) fn delete_signatures(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    turn(call, protection::SIGNATURES, false)?;
    Ok(Reply::empty())
}

/// `GET …/required_status_checks`.
pub(super) fn get_checks(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(answer(call, &row, |_, row, out| {
        shown::status_checks(row, out)
    }))
}

/// `PATCH …/required_status_checks`.
pub(super) fn update_checks(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let given = object(call)?;
    let mut problem = Ok(());
    let row = replaced(call, |draft| problem = set_checks(draft, &given))?;
    problem?;
    Ok(answer(call, &row, |_, row, out| {
        shown::status_checks(row, out)
    }))
}

/// `DELETE …/required_status_checks`.
pub(super) fn delete_checks(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    replaced(call, |draft| {
        draft.set(protection::CONTEXTS, ViewValue::Null);
        draft.set(protection::STRICT, ViewValue::Bool(false));
    })?;
    Ok(Reply::empty())
}

/// The names of a body: a bare list, or an object with the list in `field`.
fn names_of(call: &Call<'_>, field: &'static str) -> Result<Vec<String>, Refusal> {
    let body = json(&call.request.body).map_err(|problem| bad_input(&problem))?;
    match &body {
        Value::Array(_) => words(field, &body),
        Value::Object(given) => match given.get(field) {
            Some(names) => words(field, names),
            None => Err(bad_input(&Problem::Absent(field))),
        },
        _ => Err(bad_input(&Problem::NotAnObject)),
    }
}

/// How a list is changed by the names of a body.
#[derive(Clone, Copy)]
enum How {
    Add,
    Set,
    Remove,
}

fn changed(row: &Row, column: usize, how: How, names: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = row.texts(column).map(str::to_owned).collect();
    match how {
        How::Add => all.extend(names),
        How::Set => all = names,
        How::Remove => all.retain(|name| !names.contains(name)),
    }
    distinct(all)
}

fn change_contexts(call: &mut Call<'_>, how: How) -> Result<Reply, Refusal> {
    let names = names_of(call, "contexts")?;
    let row = call.row(PROTECTIONS)?;
    let names = changed(&row, protection::CONTEXTS, how, names);
    let row = replaced(call, |draft| {
        draft.set(protection::CONTEXTS, list(names));
    })?;
    Ok(answer(call, &row, |_, row, out| shown::contexts(row, out)))
}

/// `GET …/required_status_checks/contexts`.
pub(super) fn get_contexts(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(answer(call, &row, |_, row, out| shown::contexts(row, out)))
}

/// `POST …/required_status_checks/contexts`.
pub(super) fn add_contexts(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change_contexts(call, How::Add)
}

/// `PUT …/required_status_checks/contexts`.
pub(super) fn set_contexts(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change_contexts(call, How::Set)
}

/// `DELETE …/required_status_checks/contexts`.
pub(super) fn remove_contexts(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change_contexts(call, How::Remove)
}

/// `GET …/required_pull_request_reviews`.
pub(super) fn get_reviews(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(answer(call, &row, shown::reviews))
}

/// `PATCH …/required_pull_request_reviews`.
pub(super) fn update_reviews(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let given = object(call)?;
    let mut problem = Ok(());
    let row = replaced(call, |draft| {
        draft.or(protection::REVIEWS, || ViewValue::Int(1));
        problem = set_reviews(draft, &given);
    })?;
    problem?;
    Ok(answer(call, &row, shown::reviews))
}

/// `DELETE …/required_pull_request_reviews`.
pub(super) fn delete_reviews(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    replaced(call, |draft| {
        draft.set(protection::REVIEWS, ViewValue::Null);
    })?;
    Ok(Reply::empty())
}

/// `GET …/restrictions`.
pub(super) fn get_restrictions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(answer(call, &row, shown::restrictions))
}

/// `DELETE …/restrictions`.
pub(super) fn delete_restrictions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    replaced(call, |draft| {
        for column in [
            protection::PUSH_USERS,
            protection::PUSH_TEAMS,
            protection::PUSH_APPS,
        ] {
            draft.set(column, ViewValue::Null);
        }
    })?;
    Ok(Reply::empty())
}

fn change_users(call: &mut Call<'_>, how: How) -> Result<Reply, Refusal> {
    let names = names_of(call, "users")?;
    let row = call.row(PROTECTIONS)?;
    let names = changed(&row, protection::PUSH_USERS, how, names);
    let mut draft = row.draft();
    set_names(call, &mut draft, protection::PUSH_USERS, names)?;
    let row = call.transaction.put(PROTECTIONS, draft);
    Ok(people(call, &row))
}

fn people(call: &Call<'_>, row: &Row) -> Reply {
    answer(call, row, |root, row, out| {
        shown::people(root, row, protection::PUSH_USERS, out);
    })
}

/// `GET …/restrictions/users`.
pub(super) fn get_users(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROTECTIONS)?;
    Ok(people(call, &row))
}

/// `POST …/restrictions/users`.
pub(super) fn add_users(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change_users(call, How::Add)
}

/// `PUT …/restrictions/users`.
pub(super) fn set_users(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change_users(call, How::Set)
}

/// `DELETE …/restrictions/users`.
pub(super) fn remove_users(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change_users(call, How::Remove)
}

/// What protects a branch from a direct write; none where it may be written.
pub(super) fn against_write(
    root: &Root,
    repo: &str,
    branch: &str,
    caller: &str,
    admin: bool,
) -> Option<Refusal> {
    let row = of(root, repo, branch)?;
    let bound = row.bool(protection::ENFORCE_ADMINS) || !admin;
    let refused = |problem: String| Some(Refusal::new(409, problem));
    if row.bool(protection::LOCK) && bound {
        return refused("Cannot change this locked branch".to_owned());
    }
    let may = row.is_null(protection::PUSH_USERS)
        || row
            .texts(protection::PUSH_USERS)
            .any(|login| crate::engine::key::same(login, caller));
    if !may && bound {
        return refused("You're not authorized to push to this branch. Visit https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches for more information.".to_owned());
    }
    if !row.is_null(protection::REVIEWS) && bound {
        return refused("Changes must be made through a pull request.".to_owned());
    }
    let checks = row.texts(protection::CONTEXTS).count();
    if checks > 0 && bound {
        return refused(format!(
            "{checks} of {checks} required status checks are expected."
        ));
    }
    None
}
