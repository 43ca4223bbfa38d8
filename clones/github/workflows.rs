//! Workflows: listing, switching and starting them.

use std::collections::BTreeSet;
use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::access::{self, not_found};
use super::render::actions as render;
use super::tables::{
    JOBS, REPOS, RUNS_BY_WORKFLOW, WORKFLOW_RUNS, WORKFLOWS, WORKFLOWS_BY_REPO, job, repo, run,
    run_name, workflow,
};
use super::{complete, lists, refs};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, list as texts, text};
use crate::engine::running::read;
use crate::engine::writer::Writer;

/// What a body of `POST …/dispatches` holds.
const DISPATCH: &[Input] = &[
    Input::new("ref", Kind::Text).required(),
    Input::new("inputs", Kind::Object),
    Input::new("return_run_details", Kind::Bool),
];

/// Guard: the path names a workflow of the repository, by number or by file.
pub(super) fn known_workflow(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let asked = call.param("workflow_id");
    let number: Option<i64> = asked.parse().ok();
    let root = call.root();
    let group = root.group(WORKFLOWS, WORKFLOWS_BY_REPO, &Key::folded(&repo));
    let mut rows = group.into_iter().flat_map(|rows| rows.values());
    let row = rows.find(|row| {
        let path = row.text(workflow::PATH);
        let file = path.rsplit('/').next();
        number.is_some_and(|number| number == row.int(workflow::ID))
            || file == Some(asked)
            || path == asked
    });
    let row = row.cloned().ok_or_else(not_found)?;
    call.found.push((WORKFLOWS, row));
    Ok(())
}

/// `GET …/actions/workflows`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let root = call.root();
    let repo = access::repo_name(call)?;
    let group = root.group(WORKFLOWS, WORKFLOWS_BY_REPO, &Key::folded(&repo));
    let rows: Vec<&Arc<Row>> = group.into_iter().flat_map(|rows| rows.values()).collect();
    Ok(lists::counted(call, "workflows", &rows, |row, out| {
        render::workflow(root, row, out);
    }))
}

/// `GET …/actions/workflows/{workflow_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOWS)?;
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::workflow(root, row, out);
    }))
}

/// `PUT …/enable`.
pub(super) fn enable(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    switch(call, "active")
}

/// `PUT …/disable`.
pub(super) fn disable(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    switch(call, "disabled_manually")
}

fn switch(call: &mut Call<'_>, state: &str) -> Result<Reply, Refusal> {
    let old = call.row(WORKFLOWS)?;
    if old.text(workflow::STATE) != state {
        let mut draft = old.draft();
        draft.set(workflow::STATE, text(state));
        draft.set(workflow::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(WORKFLOWS, draft);
    }
    Ok(Reply::empty())
}

/// `POST …/dispatches`.
pub(super) fn dispatch(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, DISPATCH, call.root().pack())?;
    let of = call.row(WORKFLOWS)?;
    let repo = access::repo_name(call)?;
    let asked = inputs.text("ref").unwrap_or_default();
    let refused = |message: String| Refusal::new(422, message);
    let branch = ["refs/heads/", "refs/tags/"]
        .iter()
        .find_map(|prefix| asked.strip_prefix(prefix))
        .unwrap_or(asked)
        .to_owned();
    let sha = refs::branch(call.root(), &repo, &branch)
        .or_else(|| refs::tag(call.root(), &repo, &branch))
        .ok_or_else(|| refused(format!("No ref found for: {asked}")))?;
    if !of
        .texts(workflow::TRIGGERS)
        .any(|on| on == "workflow_dispatch")
    {
        let message = "Workflow does not have 'workflow_dispatch' trigger";
        return Err(refused(message.to_owned()));
    }
    if of.text(workflow::STATE) != "active" {
        let message = "Cannot trigger a 'workflow_dispatch' on a disabled workflow";
        return Err(refused(message.to_owned()));
    }
    check_inputs(&of, inputs.value("inputs")).map_err(refused)?;
    let row = start(call, &of, "workflow_dispatch", &branch, &sha.to_string())?;
    if inputs.bool("return_run_details") != Some(true) {
        return Ok(Reply::empty());
    }
    let id = row.int(run::ID);
    let mut out = Writer::new(call.root());
    let path = format!("{repo}/actions/runs/{id}");
    out.raw("{").key("workflow_run_id").int(id);
    out.key("run_url")
        .text(&format!("{}/repos/{path}", super::render::API));
    out.key("html_url")
        .text(&format!("{}/{path}", super::render::WEB));
    out.raw("}");
    Ok(Reply::new(200, out.finish()))
}

/// What is wrong with the inputs of a dispatch.
fn check_inputs(of: &Row, given: Option<&Value>) -> Result<(), String> {
    let none = serde_json::Map::new();
    let given = given.and_then(Value::as_object).unwrap_or(&none);
    let ViewValue::List(declared) = of.value(workflow::INPUTS) else {
        return Ok(());
    };
    let mut known = BTreeSet::new();
    for input in declared {
        let ViewValue::Object(fields) = input else {
            continue;
        };
        let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, v)| v);
        let Some(ViewValue::Text(name)) = field("name") else {
            continue;
        };
        known.insert(name.as_ref());
        let required = matches!(field("required"), Some(ViewValue::Bool(true)));
        let default = matches!(field("default"), Some(ViewValue::Text(_)));
        match given.get(name.as_ref()) {
            None | Some(Value::Null) if required && !default => {
                return Err(format!("Required input '{name}' not provided"));
            }
            Some(Value::String(value)) => {
                if let Some(ViewValue::List(options)) = field("options")
                    && !options.contains(&text(value.as_str()))
                {
                    return Err(format!(
                        "Provided value '{value}' for input '{name}' not in the list of allowed values"
                    ));
                }
            }
            _ => {}
        }
    }
    let strange: Vec<&str> = given
        .keys()
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect();
    if strange.is_empty() {
        return Ok(());
    }
    Err(format!("Unexpected inputs provided: {strange:?}"))
}

/// What becomes of a run that a call starts, by the workflow's `outcome`: status and conclusion.
pub(super) fn outcome(of: &Row) -> (&'static str, Option<&'static str>) {
    match of.text(workflow::OUTCOME) {
        "success" => ("completed", Some("success")),
        "failure" => ("completed", Some("failure")),
        _ => ("queued", None),
    }
}

/// The last number of a run of a workflow.
pub(super) fn last_number(root: &Root, of: &Row) -> i64 {
    let key = Key::new([
        folded(of.text(workflow::REPO)),
        Part::Text(of.text(workflow::PATH).into()),
    ]);
    let group = root.group(WORKFLOW_RUNS, RUNS_BY_WORKFLOW, &key);
    let rows = group.into_iter().flat_map(|rows| rows.values());
    rows.map(|row| row.int(run::NUMBER)).max().unwrap_or(0)
}

/// Starts a run of a workflow on a commit.
pub(super) fn start(
    call: &mut Call<'_>,
    of: &Row,
    event: &str,
    branch: &str,
    sha: &str,
) -> Result<Arc<Row>, Refusal> {
    let login = access::login(call)?;
    let repo_name = of.text(workflow::REPO).to_owned();
    let (status, conclusion) = outcome(of);
    let mut draft = call.root().blank(WORKFLOW_RUNS);
    let name = format!("{repo_name}:{}", of.text(workflow::PATH));
    draft.set(run::WORKFLOW, text(name));
    let number = last_number(call.root(), of) + 1;
    draft.set(run::NUMBER, ViewValue::Int(number));
    draft.set(run::EVENT, text(event));
    draft.set(run::STATUS, text(status));
    draft.set(run::CONCLUSION, conclusion.map_or(ViewValue::Null, text));
    draft.set(run::BRANCH, text(branch));
    draft.set(run::SHA, text(sha));
    draft.set(run::TITLE, text(of.text(workflow::NAME)));
    draft.set(run::ACTOR, text(login.as_str()));
    draft.set(run::TRIGGERING_ACTOR, text(login));
    for column in [run::CREATED_AT, run::STARTED_AT, run::UPDATED_AT] {
        draft.set(column, ViewValue::Time(call.now));
    }
    let id = call.transaction.next_id(WORKFLOW_RUNS);
    draft.set(run::ID, ViewValue::Int(id));
    let of_repo = call.root().named(REPOS, &repo_name);
    let of_repo = of_repo.map_or(0, |row| row.int(repo::ID));
    draft.set(run::NODE_ID, text(complete::node_id("WFR", &[of_repo, id])));
    let row = call.transaction.put(WORKFLOW_RUNS, draft);
    for name in of.texts(workflow::JOBS) {
        start_job(
            call,
            &row,
            name,
            1,
            (status, conclusion),
            &["ubuntu-latest"],
        );
    }
    Ok(row)
}

/// Starts a job of a run.
pub(super) fn start_job(
    call: &mut Call<'_>,
    of: &Row,
    name: &str,
    attempt: i64,
    (status, conclusion): (&str, Option<&str>),
    labels: &[&str],
) {
    let mut draft = call.root().blank(JOBS);
    let run = run_name(of.text(run::WORKFLOW), of.int(run::ID));
    draft.set(job::RUN, text(run));
    draft.set(job::NAME, text(name));
    draft.set(job::ATTEMPT, ViewValue::Int(attempt));
    draft.set(job::STATUS, text(status));
    draft.set(job::CONCLUSION, conclusion.map_or(ViewValue::Null, text));
    draft.set(job::LABELS, texts(labels.iter().copied()));
    draft.set(job::CREATED_AT, ViewValue::Time(call.now));
    draft.set(job::STARTED_AT, ViewValue::Time(call.now));
    if status == "completed" {
        draft.set(job::COMPLETED_AT, ViewValue::Time(call.now));
        draft.set(
            job::LOG,
            text(format!("Job {name}: {}", conclusion.unwrap_or_default())),
        );
    }
    let id = call.transaction.next_id(JOBS);
    draft.set(job::ID, ViewValue::Int(id));
    draft.set(job::NODE_ID, text(complete::node_id("CR", &[id])));
    call.transaction.put(JOBS, draft);
}
