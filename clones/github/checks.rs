//! Check runs and check suites.

use std::sync::Arc;

use archal_core::clone::{Stamp, ViewValue};
use serde_json::{Map, Value, json};

use super::access::{self, not_found};
use super::content::{commits, refs};
use super::credentials::{Credential, Kind as Credentials};
use super::dialect::{invalid, page};
use super::render::repo::{Detail, repo as write_repo};
use super::tables::{
    CHECK_RUNS, CHECK_RUNS_BY_COMMIT, CHECK_RUNS_BY_SUITE, CHECK_SUITES, CHECK_SUITES_BY_COMMIT,
    CONCLUSIONS, REPOS, check_run, check_suite, repo,
};
use super::{complete, issue_lists, refs as names, render};
use crate::engine::fingerprint;
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::engine::transaction::Transaction;
use crate::engine::writer::Writer;

/// What a body of `POST …/check-runs` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("name", Kind::Text).required(),
    Input::new("head_sha", Kind::Text).required(),
    Input::new("details_url", Kind::Text),
    Input::new("external_id", Kind::Text),
    Input::new("status", Kind::Text),
    Input::new("started_at", Kind::Text),
    Input::new("conclusion", Kind::Text),
    Input::new("completed_at", Kind::Text),
    Input::new("output", Kind::Object),
];

/// What a body of `PATCH …/check-runs/{check_run_id}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("details_url", Kind::Text),
    Input::new("external_id", Kind::Text),
    Input::new("status", Kind::Text),
    Input::new("started_at", Kind::Text),
    Input::new("conclusion", Kind::Text),
    Input::new("completed_at", Kind::Text),
    Input::new("output", Kind::Object),
];

/// The slug of the app that a token of an installation belongs to.
const APP: &str = "github-actions";

/// Guard: the caller is an app. A person's token may read checks and never write them.
pub(super) fn by_app(call: &mut Call<'_>) -> Result<(), Refusal> {
    let credential = Credential::of(call.root(), call.request);
    let is_app = credential.is_some_and(|one| one.kind() == Credentials::Installation);
    if is_app {
        return Ok(());
    }
    Err(Refusal::new(403, "You must authenticate via a GitHub App."))
}

/// Guard: the path names a check run of the repository.
pub(super) fn known_run(call: &mut Call<'_>) -> Result<(), Refusal> {
    known(call, "check_run_id", CHECK_RUNS)
}

/// Guard: the path names a check suite of the repository.
pub(super) fn known_suite(call: &mut Call<'_>) -> Result<(), Refusal> {
    known(call, "check_suite_id", CHECK_SUITES)
}

fn known(call: &mut Call<'_>, param: &str, table: usize) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number(param))]);
    let row = call.root().get(table, &key).cloned();
    call.found.push((table, row.ok_or_else(not_found)?));
    Ok(())
}

/// Makes the row of a new check run.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let repo = access::repo_name(call)?;
    let oid = refs::commit(call, inputs.text("head_sha").unwrap_or_default())?;
    let sha = oid.to_string();
    let suite = suite_of(call, &repo, &sha);
    let id = call.transaction.next_id(CHECK_RUNS);
    let mut draft = call.root().blank(CHECK_RUNS);
    draft.set(check_run::REPO, text(repo));
    draft.set(check_run::HEAD_SHA, text(sha));
    draft.set(check_run::ID, ViewValue::Int(id));
    draft.set(check_run::SUITE, ViewValue::Int(suite));
    draft.set(check_run::APP, text(APP));
    draft.set(check_run::STATUS, text("queued"));
    complete::content::name_run(call.root(), &mut draft);
    fill(call, &mut draft, &inputs)?;
    Ok(draft)
}

/// Changes a check run as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    fill(call, &mut draft, &inputs)?;
    Ok(draft)
}

fn fill(call: &Call<'_>, draft: &mut Draft, inputs: &Inputs) -> Result<(), Refusal> {
    for (name, column) in [
        ("name", check_run::NAME),
        ("details_url", check_run::DETAILS_URL),
        ("external_id", check_run::EXTERNAL_ID),
    ] {
        if let Some(value) = inputs.text(name) {
            draft.set(column, text(value));
        }
    }
    if draft.text(check_run::NAME).is_empty() {
        return Err(invalid("CheckRun", "name", "missing_field"));
    }
    if let Some(status) = inputs.text("status") {
        if !matches!(
            status,
            "queued" | "in_progress" | "completed" | "waiting" | "requested" | "pending"
        ) {
            return Err(invalid("CheckRun", "status", "invalid"));
        }
        draft.set(check_run::STATUS, text(status));
        if status != "completed" {
            draft.set(check_run::CONCLUSION, ViewValue::Null);
            draft.set(check_run::COMPLETED_AT, ViewValue::Null);
        }
    }
    for (name, column) in [
        ("started_at", check_run::STARTED_AT),
        ("completed_at", check_run::COMPLETED_AT),
    ] {
        if let Some(asked) = inputs.text(name) {
            let at =
                issue_lists::time(asked).ok_or_else(|| invalid("CheckRun", name, "invalid"))?;
            draft.set(column, ViewValue::Time(Stamp { at, by_call: true }));
        }
    }
    if let Some(conclusion) = inputs.text("conclusion") {
        if !CONCLUSIONS.contains(&conclusion) || conclusion == "stale" {
            return Err(invalid("CheckRun", "conclusion", "invalid"));
        }
        draft.set(check_run::CONCLUSION, text(conclusion));
        draft.set(check_run::STATUS, text("completed"));
    }
    let completed = draft.text(check_run::STATUS) == "completed";
    if completed && draft.is_null(check_run::CONCLUSION) {
        return Err(invalid("CheckRun", "conclusion", "missing_field"));
    }
    if draft.text(check_run::STATUS) != "queued" {
        draft.or(check_run::STARTED_AT, || ViewValue::Time(call.now));
    }
    if completed {
        draft.or(check_run::COMPLETED_AT, || ViewValue::Time(call.now));
    }
    if let Some(Value::Object(output)) = inputs.value("output") {
        fill_output(draft, output)?;
    }
    Ok(())
}

fn fill_output(draft: &mut Draft, output: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, column) in [
        ("title", check_run::OUTPUT_TITLE),
        ("summary", check_run::OUTPUT_SUMMARY),
        ("text", check_run::OUTPUT_TEXT),
    ] {
        if let Some(value) = output.get(name).and_then(Value::as_str) {
            if value.chars().count() > 65_535 {
                return Err(invalid("CheckRun", name, "invalid"));
            }
            draft.set(column, text(value));
        }
    }
    let Some(Value::Array(more)) = output.get("annotations") else {
        return Ok(());
    };
    if more.len() > 50 {
        return Err(invalid("CheckRun", "annotations", "invalid"));
    }
    // Annotations of later calls are added to those before.
    let mut all: Vec<Value> =
        serde_json::from_str(draft.text(check_run::ANNOTATIONS)).unwrap_or_default();
    for one in more {
        all.push(annotation(one)?);
    }
    draft.set(check_run::ANNOTATIONS, text(Value::Array(all).to_string()));
    Ok(())
}

fn annotation(given: &Value) -> Result<Value, Refusal> {
    let missing = |field: &str| invalid("CheckRunAnnotation", field, "missing_field");
    let words = |field: &str| given[field].as_str().map(str::to_owned);
    let number = |field: &str| given[field].as_i64();
    let level = words("annotation_level").ok_or_else(|| missing("annotation_level"))?;
    if !matches!(level.as_str(), "notice" | "warning" | "failure") {
        return Err(invalid("CheckRunAnnotation", "annotation_level", "invalid"));
    }
    Ok(json!({
        "path": words("path").ok_or_else(|| missing("path"))?,
        "start_line": number("start_line").ok_or_else(|| missing("start_line"))?,
        "end_line": number("end_line").ok_or_else(|| missing("end_line"))?,
        "start_column": number("start_column"),
        "end_column": number("end_column"),
        "annotation_level": level,
        "title": words("title"),
        "message": words("message").ok_or_else(|| missing("message"))?,
        "raw_details": words("raw_details"),
    }))
}

/// The address of a check run.
pub(super) fn url(row: &Row) -> String {
    render::check::url(row)
}

/// The suite of the caller's app for a commit, made where there is none.
fn suite_of(call: &mut Call<'_>, repo: &str, sha: &str) -> i64 {
    let found = suites_of(call.root(), repo, sha);
    let found = found.iter().find(|row| row.text(check_suite::APP) == APP);
    match found {
        Some(row) => row.int(check_suite::ID),
        None => add_suite(
            &mut call.transaction,
            repo,
            sha,
            APP,
            ViewValue::Time(call.now),
        ),
    }
}

/// Adds a check suite.
pub(super) fn add_suite(
    transaction: &mut Transaction,
    repo: &str,
    sha: &str,
    app: &str,
    at: ViewValue,
) -> i64 {
    let id = transaction.next_id(CHECK_SUITES);
    let branch = names::branches_at(transaction.root(), repo, sha)
        .into_iter()
        .next();
    let mut draft = transaction.root().blank(CHECK_SUITES);
    draft.set(check_suite::REPO, text(repo));
    draft.set(check_suite::HEAD_SHA, text(sha));
    draft.set(
        check_suite::HEAD_BRANCH,
        branch.map_or(ViewValue::Null, text),
    );
    draft.set(check_suite::ID, ViewValue::Int(id));
    draft.set(check_suite::APP, text(app));
    draft.set(check_suite::CREATED_AT, at.clone());
    draft.set(check_suite::UPDATED_AT, at);
    complete::content::name_suite(transaction.root(), &mut draft);
    transaction.put(CHECK_SUITES, draft);
    id
}

fn suites_of(root: &Root, repo: &str, sha: &str) -> Vec<Arc<Row>> {
    let key = Key::new([folded(repo), Part::Text(sha.into())]);
    let group = root.group(CHECK_SUITES, CHECK_SUITES_BY_COMMIT, &key);
    group
        .into_iter()
        .flat_map(|rows| rows.values())
        .cloned()
        .collect()
}

fn runs_of_suite(root: &Root, suite: &Row) -> Vec<Arc<Row>> {
    let key = Key::new([
        folded(suite.text(check_suite::REPO)),
        Part::Int(suite.int(check_suite::ID)),
    ]);
    let group = root.group(CHECK_RUNS, CHECK_RUNS_BY_SUITE, &key);
    group
        .into_iter()
        .flat_map(|rows| rows.values())
        .cloned()
        .collect()
}

/// The check runs of a commit, newest first.
pub(super) fn runs_of_commit(root: &Root, repo: &str, sha: &str) -> Vec<Arc<Row>> {
    let key = Key::new([folded(repo), Part::Text(sha.into())]);
    let group = root.group(CHECK_RUNS, CHECK_RUNS_BY_COMMIT, &key);
    let rows = group.into_iter().flat_map(|rows| rows.values().rev());
    rows.cloned().collect()
}

/// `GET …/commits/{ref}/check-runs`.
pub(super) fn list_for_ref(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let sha = refs::commit(call, call.param("ref"))?.to_string();
    let rows = runs_of_commit(call.root(), &repo, &sha);
    Ok(runs(call, rows))
}

/// `GET …/check-suites/{check_suite_id}/check-runs`.
pub(super) fn list_for_suite(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let suite = call.row(CHECK_SUITES)?;
    let mut rows = runs_of_suite(call.root(), &suite);
    rows.reverse();
    Ok(runs(call, rows))
}

/// The runs that the query asks for, in an object with their number. Of runs with the same name
/// only the newest is shown, unless all are asked for.
fn runs(call: &Call<'_>, mut rows: Vec<Arc<Row>>) -> Reply {
    for (name, column) in [
        ("check_name", check_run::NAME),
        ("status", check_run::STATUS),
    ] {
        if let Some(asked) = call.query(name) {
            rows.retain(|row| row.text(column) == asked);
        }
    }
    if call.query("filter") != Some("all") {
        let mut seen: Vec<(i64, String)> = Vec::new();
        rows.retain(|row| {
            let of = (
                row.int(check_run::SUITE),
                row.text(check_run::NAME).to_owned(),
            );
            let new = !seen.contains(&of);
            seen.push(of);
            new
        });
    }
    let root = call.root();
    let page = page(call, rows.len());
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    let mut versions = page.fingerprint();
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    writer.raw("{").key("total_count").int(total);
    writer.key("check_runs").raw("[");
    for row in rows.iter().skip(page.skip()).take(page.take()) {
        let (rendered, print) = root.rendered(CHECK_RUNS, row);
        versions = fingerprint::mix(versions, *print);
        writer.item().rendered(rendered);
    }
    writer.raw("]}");
    let mut reply = Reply::written(200, writer.finish(), versions);
    reply.page = Some(page);
    reply
}

/// `GET …/check-runs/{check_run_id}/annotations`.
pub(super) fn annotations(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(CHECK_RUNS)?;
    let notes = render::check::annotations(&row);
    let page = page(call, notes.len());
    let sha = row.text(check_run::HEAD_SHA);
    let mut writer = Writer::new(call.root());
    writer.raw("[");
    for mut note in notes.into_iter().skip(page.skip()).take(page.take()) {
        let path = note["path"].as_str().unwrap_or_default().to_owned();
        let repo = row.text(check_run::REPO);
        note["blob_href"] = format!("{}/{repo}/blob/{sha}/{path}", render::WEB).into();
        writer.item().raw(&note.to_string());
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), row.version());
    reply.page = Some(page);
    Ok(reply)
}

/// `POST …/check-runs/{check_run_id}/rerequest`: the app is asked to run it anew.
pub(super) fn rerequest_run(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(CHECK_RUNS)?;
    reset(call, &row);
    created_nothing(call)
}

/// `POST …/check-suites/{check_suite_id}/rerequest`.
pub(super) fn rerequest_suite(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let suite = call.row(CHECK_SUITES)?;
    for row in runs_of_suite(call.root(), &suite) {
        reset(call, &row);
    }
    created_nothing(call)
}

fn reset(call: &mut Call<'_>, row: &Row) {
    let mut draft = row.draft();
    draft.set(check_run::STATUS, text("queued"));
    draft.set(check_run::CONCLUSION, ViewValue::Null);
    draft.set(check_run::COMPLETED_AT, ViewValue::Null);
    call.transaction.replace(CHECK_RUNS, row, draft);
}

fn created_nothing(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut writer = Writer::new(call.root());
    writer.raw("{}");
    Ok(Reply::new(201, writer.finish()))
}

/// `GET …/check-suites/{check_suite_id}`.
pub(super) fn get_suite(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let suite = call.row(CHECK_SUITES)?;
    suite_reply(call, 200, &suite)
}

/// `POST …/check-suites`.
pub(super) fn create_suite(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    const SUITE: &[Input] = &[Input::new("head_sha", Kind::Text).required()];
    let inputs = access::body(call, SUITE)?;
    let repo = access::repo_name(call)?;
    let sha = refs::commit(call, inputs.text("head_sha").unwrap_or_default())?.to_string();
    let known = suites_of(call.root(), &repo, &sha).len();
    let id = suite_of(call, &repo, &sha);
    let status = if suites_of(call.root(), &repo, &sha).len() == known {
        200
    } else {
        201
    };
    let key = Key::new([folded(&repo), Part::Int(id)]);
    let suite = call.root().get(CHECK_SUITES, &key).cloned();
    suite_reply(call, status, suite.ok_or_else(not_found)?.as_ref())
}

fn suite_reply(call: &Call<'_>, status: u16, suite: &Row) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let mut writer = Writer::with_capacity(call.root(), 8_192, 8_192);
    write_suite(call.root(), suite, &row, &mut writer);
    Ok(Reply::written(status, writer.finish(), suite.version()))
}

/// `GET …/commits/{ref}/check-suites`.
pub(super) fn list_suites(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo_row = call.row(REPOS)?;
    let repo_name = repo_row.text(repo::FULL_NAME);
    let sha = refs::commit(call, call.param("ref"))?.to_string();
    let root = call.root();
    let mut rows = suites_of(root, repo_name, &sha);
    if let Some(name) = call.query("check_name") {
        rows.retain(|suite| {
            let runs = runs_of_suite(root, suite);
            runs.iter().any(|run| run.text(check_run::NAME) == name)
        });
    }
    let page = page(call, rows.len());
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    writer.raw("{").key("total_count").int(total);
    writer.key("check_suites").raw("[");
    for row in rows.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        write_suite(root, row, &repo_row, &mut writer);
    }
    writer.raw("]}");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

/// How far a suite is and what came of it: what its row says, else what its runs come to.
pub(super) fn outcome(root: &Root, suite: &Row) -> (String, Option<String>) {
    if let Some(status) = suite.text_or_null(check_suite::STATUS) {
        let conclusion = suite.text_or_null(check_suite::CONCLUSION);
        return (status.to_owned(), conclusion.map(str::to_owned));
    }
    let runs = runs_of_suite(root, suite);
    if runs.is_empty() {
        return ("queued".to_owned(), None);
    }
    let open = runs
        .iter()
        .find(|run| run.text(check_run::STATUS) != "completed");
    if let Some(open) = open {
        let begun = runs
            .iter()
            .any(|run| run.text(check_run::STATUS) != "queued");
        let status = if begun {
            "in_progress"
        } else {
            open.text(check_run::STATUS)
        };
        return (status.to_owned(), None);
    }
    // The worst of the runs is what the suite comes to.
    let worst = [
        "failure",
        "timed_out",
        "action_required",
        "cancelled",
        "stale",
        "success",
        "neutral",
        "skipped",
    ];
    let conclusion = worst.into_iter().find(|one| {
        runs.iter()
            .any(|run| run.text(check_run::CONCLUSION) == *one)
    });
    ("completed".to_owned(), conclusion.map(str::to_owned))
}

fn write_suite(root: &Root, suite: &Row, of: &Row, out: &mut Writer) {
    let repo_name = of.text(repo::FULL_NAME);
    let id = suite.int(check_suite::ID);
    let sha = suite.text(check_suite::HEAD_SHA);
    let url = format!("{}/repos/{repo_name}/check-suites/{id}", render::API);
    let (status, conclusion) = outcome(root, suite);
    out.raw("{").key("id").int(id);
    out.key("node_id").text(suite.text(check_suite::NODE_ID));
    out.key("head_branch")
        .text_or_null(suite.text_or_null(check_suite::HEAD_BRANCH));
    out.key("head_sha").text(sha);
    out.key("status").text(&status);
    out.key("conclusion").text_or_null(conclusion.as_deref());
    out.key("url").text(&url);
    out.key("before")
        .text_or_null(commits::first_parent(root, sha).as_deref());
    out.key("after").text(sha);
    out.key("pull_requests").raw("[]");
    out.key("app");
    render::check::app(suite.text(check_suite::APP), out);
    out.key("repository");
    write_repo(root, of, Detail::Inner, None, out);
    out.key("created_at")
        .time(suite.time(check_suite::CREATED_AT));
    out.key("updated_at")
        .time(suite.time(check_suite::UPDATED_AT));
    out.key("head_commit");
    commits::brief(root, sha, out);
    let runs = runs_of_suite(root, suite).len();
    out.key("latest_check_runs_count")
        .int(i64::try_from(runs).unwrap_or(i64::MAX));
    out.key("check_runs_url").text(&format!("{url}/check-runs"));
    out.key("rerequestable").bool(true);
    out.key("runs_rerequestable").bool(true);
    out.raw("}");
}
