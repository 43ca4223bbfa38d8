//! Opening pull requests.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::json;

use super::{compare, heads};
use crate::engine::git::Oid;
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list, text};
use crate::github::access::{self, Permission};
use crate::github::dialect::invalid;
use crate::github::issues::check_title_and_body;
use crate::github::render::repo::source_of;
use crate::github::tables::{
    ISSUES, PULLS, PULLS_BY_HEAD, REPOS, REPOS_BY_OWNER, issue, name_of, owner_of, pull, repo,
};
use crate::github::{changes, complete};

const NEW: &[Input] = &[
    Input::new("title", Kind::Title),
    Input::new("head", Kind::Text).required(),
    Input::new("head_repo", Kind::TextOrNull),
    Input::new("base", Kind::Text).required(),
    Input::new("body", Kind::TextOrNull),
    Input::new("maintainer_can_modify", Kind::Bool),
    Input::new("draft", Kind::Bool),
    Input::new("issue", Kind::Int),
];

/// A pull request to be.
#[derive(Debug, Clone, Default)]
pub(in crate::github) struct NewPull {
    /// Its title, where it is not made of an issue.
    pub title: Option<String>,
    /// Its text.
    pub body: Option<String>,
    /// The head, `branch` or `owner:branch`.
    pub head: String,
    /// The repository of the head, where its owner has several.
    pub head_repo: Option<String>,
    /// The branch to merge into.
    pub base: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether maintainers may push to a head in a fork.
    pub maintainer_can_modify: Option<bool>,
    /// The issue that it is made of.
    pub issue: Option<i64>,
}

/// `POST …/pulls`.
pub(in crate::github) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW)?;
    let owned = |field: &str| inputs.text(field).map(str::to_owned);
    check_title_and_body("PullRequest", &inputs)?;
    let new = NewPull {
        title: owned("title"),
        body: owned("body"),
        head: owned("head").unwrap_or_default(),
        head_repo: owned("head_repo"),
        base: owned("base").unwrap_or_default(),
        draft: inputs.bool("draft").unwrap_or(false),
        maintainer_can_modify: inputs.bool("maintainer_can_modify"),
        issue: inputs.int("issue"),
    };
    let of = call.row(REPOS)?;
    let row = opened(call, &of, new)?;
    let mut reply = super::reply(call, 201, &row)?;
    reply.location = Some(super::url(&row));
    Ok(reply)
}

fn custom(message: String) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![
        json!({"resource": "PullRequest", "code": "custom", "message": message}),
    ])
}

/// The two ends of a pull request that is being opened.
struct Ends {
    head_repo: Arc<Row>,
    head: String,
    head_sha: Oid,
    base_sha: Oid,
}

/// Opens a pull request in a repository.
pub(in crate::github) fn opened(
    call: &mut Call<'_>,
    of: &Row,
    new: NewPull,
) -> Result<Arc<Row>, Refusal> {
    let login = access::login(call)?;
    let from_issue = match new.issue {
        None => None,
        Some(number) => Some(convertible(call.root(), of, number)?),
    };
    if from_issue.is_none()
        && new
            .title
            .as_deref()
            .is_none_or(|title| title.trim().is_empty())
    {
        return Err(invalid("PullRequest", "title", "missing_field"));
    }
    let ends = ends(call.root(), of, &new)?;
    check_permission(call, of, &ends.head_repo)?;
    check_new(call.root(), of, &new.base, &ends)?;
    let repo_name = of.text(repo::FULL_NAME).to_owned();
    let number = match &from_issue {
        Some(on) => on.int(issue::NUMBER),
        None => {
            let last = call.root().last_number(ISSUES, &Key::folded(&repo_name));
            (last + 1).max(of.int(repo::NEXT_ISSUE_NUMBER))
        }
    };
    let id = call.transaction.next_id(PULLS);
    let mut draft = call.root().blank(PULLS);
    draft.set(pull::REPO, text(repo_name.as_str()));
    draft.set(pull::NUMBER, ViewValue::Int(number));
    draft.set(pull::ID, ViewValue::Int(id));
    let head_repo = ends.head_repo.text(repo::FULL_NAME);
    draft.set(pull::HEAD_REPO, text(head_repo));
    draft.set(pull::HEAD, text(ends.head.as_str()));
    draft.set(pull::HEAD_SHA, text(ends.head_sha.to_string()));
    draft.set(pull::BASE, text(new.base.as_str()));
    draft.set(pull::BASE_SHA, text(ends.base_sha.to_string()));
    draft.set(pull::DRAFT, ViewValue::Bool(new.draft));
    let fork = !same(head_repo, &repo_name);
    let modify = fork && new.maintainer_can_modify.unwrap_or(true);
    draft.set(pull::MAINTAINER_CAN_MODIFY, ViewValue::Bool(modify));
    draft.set(pull::REVIEWERS, list(Vec::<String>::new()));
    draft.set(pull::TEAMS, list(Vec::<String>::new()));
    super::seed::name_pull(call.root(), &mut draft);
    let mut on = match &from_issue {
        Some(on) => on.draft(),
        None => blank_issue(call, &login, &repo_name, number, &new),
    };
    on.set(issue::NODE_ID, draft.get(pull::NODE_ID).clone());
    on.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    // The issue is shown as a pull request because the row beside it is there already.
    let row = call.transaction.put(PULLS, draft);
    let sha = row.text(pull::HEAD_SHA);
    heads::keep(&mut call.transaction, &repo_name, number, sha);
    complete::name_issue(call.root(), &mut on);
    let on = call.transaction.put(ISSUES, on);
    changes::record(call, from_issue.as_deref(), &on);
    Ok(row)
}

fn blank_issue(
    call: &mut Call<'_>,
    login: &str,
    repo_name: &str,
    number: i64,
    new: &NewPull,
) -> Draft {
    let mut on = call.root().blank(ISSUES);
    on.set(issue::REPO, text(repo_name));
    on.set(issue::NUMBER, ViewValue::Int(number));
    let id = call.transaction.next_id(ISSUES);
    on.set(issue::ID, ViewValue::Int(id));
    on.set(issue::TITLE, text(new.title.clone().unwrap_or_default()));
    let body = new.body.clone().map_or(ViewValue::Null, text);
    on.set(issue::BODY, body);
    on.set(issue::STATE, text("open"));
    on.set(issue::USER, text(login));
    on.set(issue::LABELS, list(Vec::<String>::new()));
    on.set(issue::ASSIGNEES, list(Vec::<String>::new()));
    on.set(issue::LOCKED, ViewValue::Bool(false));
    on.set(issue::CREATED_AT, ViewValue::Time(call.now));
    on
}

/// The issue that is to become a pull request.
fn convertible(root: &Root, of: &Row, number: i64) -> Result<Arc<Row>, Refusal> {
    let key = Key::new([folded(of.text(repo::FULL_NAME)), Part::Int(number)]);
    let found = root
        .get(ISSUES, &key)
        .filter(|on| on.text(issue::STATE) == "open" && root.get(PULLS, &key).is_none());
    found
        .cloned()
        .ok_or_else(|| invalid("PullRequest", "issue", "invalid"))
}

fn ends(root: &Root, of: &Row, new: &NewPull) -> Result<Ends, Refusal> {
    let wrong = |field| invalid("PullRequest", field, "invalid");
    let base_sha =
        compare::branch(root, of.text(repo::FULL_NAME), &new.base).ok_or_else(|| wrong("base"))?;
    let (owner, branch) = match new.head.split_once(':') {
        Some((owner, branch)) => (owner, branch),
        None => (owner_of(of.text(repo::FULL_NAME)), new.head.as_str()),
    };
    let head_repo = head_repo(root, of, owner, new.head_repo.as_deref());
    let head_repo = head_repo.ok_or_else(|| wrong("head"))?;
    let head_sha = compare::branch(root, head_repo.text(repo::FULL_NAME), branch)
        .ok_or_else(|| wrong("head"))?;
    Ok(Ends {
        head: branch.to_owned(),
        head_sha,
        base_sha,
        head_repo,
    })
}

/// The repository of that owner which the head is in: the one named, the base's, or the fork.
fn head_repo(root: &Root, of: &Row, owner: &str, named: Option<&str>) -> Option<Arc<Row>> {
    let full_name = of.text(repo::FULL_NAME);
    if same(owner_of(full_name), owner) && named.is_none() {
        return root.named(REPOS, full_name).cloned();
    }
    let source = source_of(root, of).text(repo::FULL_NAME).to_owned();
    let owned = root.group(REPOS, REPOS_BY_OWNER, &Key::folded(owner))?;
    let named = named.map(|named| named.rsplit('/').next().unwrap_or(named));
    owned
        .values()
        .find(|row| {
            source_of(root, row).text(repo::FULL_NAME) == source
                && named.is_none_or(|named| same(name_of(row.text(repo::FULL_NAME)), named))
        })
        .cloned()
}

/// Who opens a pull request may write to its head.
fn check_permission(call: &Call<'_>, of: &Row, head_repo: &Row) -> Result<(), Refusal> {
    let root = call.root();
    let writes = |row: &Row| {
        access::permission(root, row, call.caller.as_deref())
            .is_some_and(|permission| permission >= Permission::Push)
    };
    if writes(head_repo) || writes(of) {
        Ok(())
    } else {
        Err(access::forbidden())
    }
}

fn check_new(root: &Root, of: &Row, base: &str, ends: &Ends) -> Result<(), Refusal> {
    let (repo_name, head_repo) = (
        of.text(repo::FULL_NAME),
        ends.head_repo.text(repo::FULL_NAME),
    );
    let (from, to) = if same(repo_name, head_repo) {
        (base.to_owned(), ends.head.clone())
    } else {
        (
            format!("{}:{base}", owner_of(repo_name)),
            format!("{}:{}", owner_of(head_repo), ends.head),
        )
    };
    let taken = others(root, head_repo, &ends.head)
        .any(|row| same(row.text(pull::REPO), repo_name) && row.text(pull::BASE) == base);
    if taken {
        let owner = owner_of(head_repo);
        return Err(custom(format!(
            "A pull request already exists for {owner}:{}.",
            ends.head
        )));
    }
    let objects = root.objects();
    if objects.is_ancestor(&ends.head_sha, &ends.base_sha) {
        return Err(custom(format!("No commits between {from} and {to}")));
    }
    if objects.merge_base(&ends.base_sha, &ends.head_sha).is_none() {
        return Err(custom(format!(
            "The {to} branch has no history in common with {from}"
        )));
    }
    Ok(())
}

/// The open pull requests from a branch.
pub(super) fn others<'r>(
    root: &'r Root,
    head_repo: &str,
    branch: &str,
) -> impl Iterator<Item = &'r Arc<Row>> + use<'r> {
    let key = Key::new([folded(head_repo), Part::Text(branch.into())]);
    root.group(PULLS, PULLS_BY_HEAD, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(move |row| super::is_open(root, row))
}
