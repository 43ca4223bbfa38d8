//! Changing, closing and reopening pull requests; drafts and automatic merges.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::json;

use super::{compare, happened, issue_of, now, open, put, put_issue};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::github::dialect::invalid_value;
use crate::github::events::Details;
use crate::github::issues::check_title_and_body;
use crate::github::tables::{ISSUES, PULLS, issue, pull};
use crate::github::{access, changes};

const CHANGE: &[Input] = &[
    Input::new("title", Kind::Title),
    Input::new("body", Kind::TextOrNull),
    Input::new("state", Kind::Text),
    Input::new("base", Kind::Text),
    Input::new("maintainer_can_modify", Kind::Bool),
];

/// What is to become of a pull request.
#[derive(Debug, Clone, Default)]
pub(in crate::github) struct Changes {
    /// Its title.
    pub title: Option<String>,
    /// Its text; none in it takes the text away.
    pub body: Option<Option<String>>,
    /// Whether it is open.
    pub open: Option<bool>,
    /// The branch to merge into.
    pub base: Option<String>,
    /// Whether maintainers may push to its head.
    pub maintainer_can_modify: Option<bool>,
}

/// `PATCH …/pulls/{pull_number}`.
pub(in crate::github) fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, CHANGE)?;
    check_title_and_body("PullRequest", &inputs)?;
    let changes = Changes {
        title: inputs.text("title").map(str::to_owned),
        body: inputs
            .has("body")
            .then(|| inputs.text("body").map(str::to_owned)),
        open: state(&inputs)?,
        base: inputs.text("base").map(str::to_owned),
        maintainer_can_modify: inputs.bool("maintainer_can_modify"),
    };
    let row = call.row(PULLS)?;
    let row = changed(call, &row, &changes)?;
    super::reply(call, 200, &row)
}

fn state(inputs: &Inputs) -> Result<Option<bool>, Refusal> {
    match inputs.text("state") {
        None => Ok(None),
        Some("open") => Ok(Some(true)),
        Some("closed") => Ok(Some(false)),
        Some(other) => Err(invalid_value("PullRequest", "state", other)),
    }
}

/// Changes a pull request.
pub(in crate::github) fn changed(
    call: &mut Call<'_>,
    row: &Row,
    changes: &Changes,
) -> Result<Arc<Row>, Refusal> {
    let old = issue_of(call.root(), row)?.clone();
    let mut on = old.draft();
    if let Some(title) = &changes.title {
        on.set(issue::TITLE, text(title.as_str()));
    }
    if let Some(body) = &changes.body {
        on.set(issue::BODY, body.clone().map_or(ViewValue::Null, text));
    }
    if let Some(open) = changes.open {
        set_state(call, row, &old, &mut on, open)?;
    }
    let mut draft = row.draft();
    if let Some(modify) = changes.maintainer_can_modify {
        let fork = row.text(pull::HEAD_REPO) != row.text(pull::REPO);
        draft.set(pull::MAINTAINER_CAN_MODIFY, ViewValue::Bool(modify && fork));
    }
    if let Some(base) = changes
        .base
        .as_deref()
        .filter(|base| *base != row.text(pull::BASE))
    {
        let open = on.text(issue::STATE) == "open";
        let sha = new_base(call.root(), row, base, open)?;
        draft.set(pull::BASE, text(base));
        draft.set(pull::BASE_SHA, text(sha));
    }
    let rebased = *draft.get(pull::BASE) != *row.value(pull::BASE);
    if draft != row.draft() || on != old.draft() {
        on.set(issue::UPDATED_AT, ViewValue::Time(call.now));
        if draft != row.draft() {
            call.transaction.put(PULLS, draft);
        }
        let on = call.transaction.put(ISSUES, on);
        changes::record(call, Some(&old), &on);
    }
    let row = now(call, row)?;
    if rebased {
        happened(call, &row, "base_ref_changed", Details::default());
        super::heads::place_comments(call, &row);
    }
    now(call, &row)
}

/// Opens or closes the issue that a pull request is.
fn set_state(
    call: &Call<'_>,
    row: &Row,
    old: &Row,
    on: &mut Draft,
    open: bool,
) -> Result<(), Refusal> {
    match (old.text(issue::STATE), open) {
        ("open", false) => {
            on.set(issue::STATE, text("closed"));
            on.set(issue::CLOSED_AT, ViewValue::Time(call.now));
            on.set(issue::CLOSED_BY, text(access::login(call)?));
        }
        ("closed", true) => {
            may_reopen(call.root(), row)?;
            on.set(issue::STATE, text("open"));
            on.set(issue::CLOSED_AT, ViewValue::Null);
            on.set(issue::CLOSED_BY, ViewValue::Null);
        }
        _ => {}
    }
    Ok(())
}

/// Whether a closed pull request can be opened again.
pub(in crate::github) fn may_reopen(root: &Root, row: &Row) -> Result<(), Refusal> {
    let why = |what: String| {
        Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "PullRequest",
            "code": "invalid",
            "field": "state",
            "message": format!("state cannot be changed. {what}"),
        })])
    };
    if row.time(pull::MERGED_AT).is_some() {
        return Err(why("The pull request is merged.".to_owned()));
    }
    let head = row.text(pull::HEAD);
    match compare::branch(root, row.text(pull::HEAD_REPO), head) {
        None => return Err(why(format!("The {head} branch has been deleted."))),
        Some(now) if now.to_string() != row.text(pull::HEAD_SHA) => {
            let then = compare::oid(row, pull::HEAD_SHA);
            if !then.is_some_and(|then| root.objects().is_ancestor(&then, &now)) {
                return Err(why(format!(
                    "The {head} branch was force-pushed or recreated."
                )));
            }
        }
        Some(_) => {}
    }
    let taken = open::others(root, row.text(pull::HEAD_REPO), head).any(|other| {
        other.text(pull::REPO) == row.text(pull::REPO)
            && other.text(pull::BASE) == row.text(pull::BASE)
            && other.int(pull::NUMBER) != row.int(pull::NUMBER)
    });
    if taken {
        return Err(why(
            "There is already an open pull request for this branch.".to_owned(),
        ));
    }
    Ok(())
}

fn new_base(root: &Root, row: &Row, base: &str, open: bool) -> Result<String, Refusal> {
    let wrong = |message: String| {
        Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "PullRequest",
            "code": "invalid",
            "field": "base",
            "message": message,
        })])
    };
    if !open {
        return Err(wrong(
            "Cannot change the base branch of a closed pull request.".to_owned(),
        ));
    }
    let sha = compare::branch(root, row.text(pull::REPO), base)
        .ok_or_else(|| wrong(format!("Proposed base branch '{base}' was not found")))?;
    let head = row.text(pull::HEAD);
    let taken = open::others(root, row.text(pull::HEAD_REPO), head).any(|other| {
        other.text(pull::REPO) == row.text(pull::REPO) && other.text(pull::BASE) == base
    });
    if taken {
        return Err(wrong(format!(
            "A pull request already exists for base branch '{base}' and head branch '{head}'"
        )));
    }
    let ahead = compare::oid(row, pull::HEAD_SHA)
        .is_some_and(|head| !root.objects().is_ancestor(&head, &sha));
    if !ahead {
        return Err(wrong(format!(
            "There are no new commits between base branch '{base}' and head branch '{head}'"
        )));
    }
    Ok(sha.to_string())
}

/// What an issue's own operations change of one that is a pull request: it has no reason for its
/// state, and opens again only where its head is still there.
pub(in crate::github) fn as_issue(
    call: &Call<'_>,
    old: &Row,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let root = call.root();
    let Some(row) = root.get(PULLS, &root.key(ISSUES, old)) else {
        return Ok(());
    };
    draft.set(issue::STATE_REASON, ViewValue::Null);
    if old.text(issue::STATE) == "closed" && draft.text(issue::STATE) == "open" {
        may_reopen(root, row)?;
    }
    Ok(())
}

/// Makes a draft of a pull request, or takes that back.
pub(in crate::github) fn set_draft(
    call: &mut Call<'_>,
    row: &Row,
    draft: bool,
) -> Result<Arc<Row>, Refusal> {
    if row.bool(pull::DRAFT) == draft {
        return now(call, row);
    }
    let mut changed = row.draft();
    changed.set(pull::DRAFT, ViewValue::Bool(draft));
    if draft {
        clear_auto_merge(&mut changed);
    }
    let row = put(call, changed);
    let what = if draft {
        "convert_to_draft"
    } else {
        "ready_for_review"
    };
    happened(call, &row, what, Details::default());
    super::merge::when_ready(call, &row);
    now(call, &row)
}

/// What a pull request is merged with as soon as it may be.
#[derive(Debug, Clone)]
pub(in crate::github) struct AutoMerge {
    /// How.
    pub method: super::merge::Method,
    /// The title of the commit.
    pub title: Option<String>,
    /// The rest of its message.
    pub message: Option<String>,
}

/// Has a pull request merged as soon as it may be, or takes that back.
pub(in crate::github) fn set_auto_merge(
    call: &mut Call<'_>,
    row: &Row,
    auto: Option<AutoMerge>,
) -> Result<Arc<Row>, Refusal> {
    let login = access::login(call)?;
    let mut draft = row.draft();
    let what = match auto {
        Some(_) => "auto_merge_enabled",
        None => "auto_merge_disabled",
    };
    match auto {
        None => clear_auto_merge(&mut draft),
        Some(auto) => {
            let state = super::merging::of(call.root(), row).state;
            if matches!(state, "clean" | "unstable" | "unknown") {
                return Err(Refusal::new(
                    422,
                    format!("Pull request Pull request is in {state} status"),
                ));
            }
            draft.set(pull::AUTO_MERGE_METHOD, text(auto.method.name()));
            draft.set(pull::AUTO_MERGE_BY, text(login));
            let or_null = |value: Option<String>| value.map_or(ViewValue::Null, text);
            draft.set(pull::AUTO_MERGE_TITLE, or_null(auto.title));
            draft.set(pull::AUTO_MERGE_MESSAGE, or_null(auto.message));
            draft.set(pull::AUTO_MERGE_AT, ViewValue::Time(call.now));
        }
    }
    if draft == row.draft() {
        return now(call, row);
    }
    let row = put(call, draft);
    happened(call, &row, what, Details::default());
    Ok(row)
}

/// A pull request that is merged, closed or a draft waits for nothing.
pub(super) fn clear_auto_merge(draft: &mut Draft) {
    for column in [
        pull::AUTO_MERGE_METHOD,
        pull::AUTO_MERGE_BY,
        pull::AUTO_MERGE_TITLE,
        pull::AUTO_MERGE_MESSAGE,
        pull::AUTO_MERGE_AT,
    ] {
        draft.set(column, ViewValue::Null);
    }
}

/// Closes a pull request because the branch it needs is gone.
pub(super) fn close(call: &mut Call<'_>, row: &Row) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let at = call.now;
    let old = issue_of(call.root(), row)?.clone();
    let on = put_issue(call, row, |on| {
        on.set(issue::STATE, text("closed"));
        on.set(issue::CLOSED_AT, ViewValue::Time(at));
        on.set(issue::CLOSED_BY, text(login));
    })?;
    changes::record(call, Some(&old), &on);
    Ok(())
}
