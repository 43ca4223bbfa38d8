//! Webhooks of repositories: what is told to whom. Deliveries are made in [`super::webhooks`].

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::access::{self, not_found};
use super::dialect::invalid;
use super::render;
use super::tables::{HOOKS, HOOKS_BY_REPO, hook};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, list, text};
use crate::engine::writer::Writer;

/// What a body of `POST …/hooks` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("config", Kind::Object),
    Input::new("events", Kind::Texts),
    Input::new("active", Kind::Bool),
];

/// What a body of `PATCH …/hooks/{hook_id}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("config", Kind::Object),
    Input::new("events", Kind::Texts),
    Input::new("add_events", Kind::Texts),
    Input::new("remove_events", Kind::Texts),
    Input::new("active", Kind::Bool),
];

/// What a webhook of a repository can be told of.
const EVENTS: &[&str] = &[
    "*",
    "branch_protection_configuration",
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "code_scanning_alert",
    "commit_comment",
    "create",
    "custom_property_values",
    "delete",
    "dependabot_alert",
    "deploy_key",
    "deployment",
    "deployment_review",
    "deployment_protection_rule",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "issue_comment",
    "issue_dependencies",
    "issues",
    "label",
    "member",
    "merge_group",
    "meta",
    "milestone",
    "package",
    "page_build",
    "ping",
    "project",
    "project_card",
    "project_column",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "registry_package",
    "release",
    "repository",
    "repository_advisory",
    "repository_dispatch",
    "repository_import",
    "repository_ruleset",
    "repository_vulnerability_alert",
    "secret_scanning_alert",
    "secret_scanning_alert_location",
    "security_and_analysis",
    "star",
    "status",
    "sub_issues",
    "team_add",
    "watch",
    "workflow_dispatch",
    "workflow_job",
    "workflow_run",
];

fn custom(field: Option<&str>, message: String) -> Refusal {
    let mut error = serde_json::json!({"resource": "Hook", "code": "custom", "message": message});
    if let Some(field) = field {
        error["field"] = field.into();
    }
    Refusal::new(422, "Validation Failed").with(vec![error])
}

/// Guard: the path names a webhook of the repository.
pub(super) fn known_hook(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("hook_id"))]);
    let row = call.root().get(HOOKS, &key).cloned();
    call.found.push((HOOKS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Makes the row of a new webhook.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    if inputs.text("name").is_some_and(|name| name != "web") {
        return Err(custom(
            Some("name"),
            "name is not \"web\", the only kind of hook there is".to_owned(),
        ));
    }
    let id = call.transaction.next_id(HOOKS);
    let mut draft = call.root().blank(HOOKS);
    draft.set(hook::REPO, text(access::repo_name(call)?));
    draft.set(hook::ID, ViewValue::Int(id));
    draft.set(hook::EVENTS, list(["push"]));
    draft.set(hook::CREATED_AT, ViewValue::Time(call.now));
    fill(call, &mut draft, &inputs)?;
    if draft.is_null(hook::URL) {
        return Err(invalid("Hook", "url", "missing_field"));
    }
    let repo = Key::folded(draft.text(hook::REPO));
    let others = call.root().group(HOOKS, HOOKS_BY_REPO, &repo);
    let mut others = others.into_iter().flat_map(|rows| rows.values());
    let same = |row: &&std::sync::Arc<Row>| {
        row.text(hook::URL) == draft.text(hook::URL)
            && row.texts(hook::EVENTS).any(|event| {
                draft
                    .texts(hook::EVENTS)
                    .iter()
                    .any(|own| own.as_ref() == event)
            })
    };
    if others.find(same).is_some() {
        return Err(custom(
            None,
            "Hook already exists on this repository".to_owned(),
        ));
    }
    Ok(draft)
}

/// Changes a webhook as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    if inputs.value("config").is_some() {
        // A configuration is put in the place of the old one, secret and all.
        draft.set(hook::SECRET, ViewValue::Null);
        draft.set(hook::CONTENT_TYPE, text("form"));
        draft.set(hook::INSECURE_SSL, text("0"));
    }
    fill(call, &mut draft, &inputs)?;
    Ok(draft)
}

fn fill(call: &Call<'_>, draft: &mut Draft, inputs: &Inputs) -> Result<(), Refusal> {
    if let Some(Value::Object(config)) = inputs.value("config") {
        fill_config(draft, config)?;
    }
    let mut events: Vec<String> = draft
        .texts(hook::EVENTS)
        .iter()
        .map(|event| event.to_string())
        .collect();
    if let Some(asked) = inputs.texts("events") {
        events = asked.into_iter().map(str::to_owned).collect();
    }
    for event in inputs.texts("add_events").unwrap_or_default() {
        events.push(event.to_owned());
    }
    let gone = inputs.texts("remove_events").unwrap_or_default();
    events.retain(|event| !gone.contains(&event.as_str()));
    let mut known: Vec<String> = Vec::new();
    for event in events {
        if !EVENTS.contains(&event.as_str()) {
            return Err(custom(
                Some("events"),
                format!("\"{event}\" is not a valid event"),
            ));
        }
        if !known.contains(&event) {
            known.push(event);
        }
    }
    draft.set(hook::EVENTS, list(known));
    if let Some(active) = inputs.bool("active") {
        draft.set(hook::ACTIVE, ViewValue::Bool(active));
    }
    draft.set(hook::UPDATED_AT, ViewValue::Time(call.now));
    Ok(())
}

fn fill_config(draft: &mut Draft, config: &serde_json::Map<String, Value>) -> Result<(), Refusal> {
    let of = |name: &str| match config.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Bool(value)) => Some(if *value { "1" } else { "0" }.to_owned()),
        _ => None,
    };
    if let Some(url) = of("url") {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(custom(Some("url"), "url is missing a scheme".to_owned()));
        }
        draft.set(hook::URL, text(url));
    }
    if let Some(kind) = of("content_type") {
        if !matches!(kind.as_str(), "form" | "json") {
            return Err(invalid("Hook", "content_type", "invalid"));
        }
        draft.set(hook::CONTENT_TYPE, text(kind));
    }
    if let Some(insecure) = of("insecure_ssl") {
        let insecure = if insecure == "1" { "1" } else { "0" };
        draft.set(hook::INSECURE_SSL, text(insecure));
    }
    if config.contains_key("secret") {
        let secret = of("secret").filter(|secret| !secret.is_empty());
        draft.set(hook::SECRET, secret.map_or(ViewValue::Null, text));
    }
    Ok(())
}

/// `GET …/hooks/{hook_id}/config`.
pub(super) fn config(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(HOOKS)?;
    Ok(config_reply(call, &row))
}

/// `PATCH …/hooks/{hook_id}/config`.
pub(super) fn change_config(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body = crate::engine::input::json(&call.request.body)
        .map_err(|problem| super::dialect::bad_input(&problem))?;
    let Value::Object(given) = body else {
        return Err(super::dialect::bad_input(
            &crate::engine::input::Problem::NotAnObject,
        ));
    };
    let old = call.row(HOOKS)?;
    let mut draft = old.draft();
    fill_config(&mut draft, &given)?;
    draft.set(hook::UPDATED_AT, ViewValue::Time(call.now));
    let row = call.transaction.replace(HOOKS, &old, draft);
    Ok(config_reply(call, &row))
}

fn config_reply(call: &Call<'_>, row: &Row) -> Reply {
    let mut writer = Writer::new(call.root());
    render::hook::config(row, &mut writer);
    Reply::written(200, writer.finish(), row.version())
}

/// `POST …/hooks/{hook_id}/pings` and `…/tests`: GitHub answers before it delivers.
pub(super) fn ping(_: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::empty())
}
