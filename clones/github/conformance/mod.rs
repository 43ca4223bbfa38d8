//! Every answer of a modelled operation is what GitHub publishes.
//!
//! Each area lists calls that reach its operations, in good cases and in bad ones. A call is a
//! line of [`super::check::request`]; `=> name=/pointer` at its end keeps a part of the answer,
//! which later lines of the same list write `<name>`.
//!
//! - [`actions`], [`activity`], [`alerts`], [`content`], [`gists`], [`issues`], [`meta`],
//!   [`projects`], [`pulls`], [`social`]: the areas.

mod actions;
mod activity;
mod alerts;
pub(super) mod content;
mod gists;
mod issues;
mod meta;
mod projects;
mod pulls;
mod social;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use archal_core::clone::Seed;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::PACK;
use super::check::{base, json as body, open, open_at, request, send, send_unsigned};
use super::manifest::{OPERATIONS, routes};
use super::published::PUBLISHED;
use crate::engine::route::{Route, published};

/// The calls of every area: seeds by name or as documents, and what is sent to a clone on each.
pub(super) const AREAS: &[&[(&str, &[&str])]] = &[
    // One a line.
    actions::CALLS,
    activity::CALLS,
    alerts::CALLS,
    content::CALLS,
    gists::CALLS,
    issues::CALLS,
    meta::CALLS,
    projects::CALLS,
    pulls::CALLS,
    social::CALLS,
];

/// What the published description says of the answers of modelled operations, by category.
struct Description {
    categories: BTreeMap<String, Value>,
    validators: BTreeMap<(&'static str, u16), Validator>,
}

/// What an answer must be.
enum Expected<'a> {
    /// The description leaves this status out.
    Unpublished,
    /// Without a body.
    Empty,
    /// Something else than JSON.
    Other,
    /// JSON of this schema.
    Json(&'a Validator),
}

impl Description {
    /// Reads what `cargo xtask published` wrote.
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("github/fixtures/responses");
        let files = fs::read_dir(folder).expect("the folder").flatten();
        let categories = files.map(|file| {
            let name = file.file_name().to_string_lossy().replace(".json", "");
            let text = fs::read_to_string(file.path()).expect("a file");
            (name, serde_json::from_str(&text).expect("JSON"))
        });
        Self {
            categories: categories.collect(),
            validators: BTreeMap::new(),
        }
    }

    fn expected(&mut self, operation: &'static str, status: u16) -> Expected<'_> {
        let category = operation.split('/').next().unwrap_or(operation);
        let category = &self.categories[category];
        let statuses = &category["operations"][operation];
        assert!(
            statuses.is_object(),
            "{operation}: run `cargo xtask published`"
        );
        let schema = match statuses.get(status.to_string()) {
            None => return Expected::Unpublished,
            Some(Value::Null) => return Expected::Empty,
            Some(schema) if schema["not-json"] == true => return Expected::Other,
            Some(schema) => schema,
        };
        Expected::Json(
            self.validators
                .entry((operation, status))
                .or_insert_with(|| {
                    let schema = json!({"allOf": [schema], "$defs": category["$defs"]});
                    jsonschema::validator_for(&schema).expect("a schema")
                }),
        )
    }
}

#[test]
fn every_answer_validates_against_the_published_description() {
    let mut description = Description::read();
    let mut reached = BTreeSet::new();
    let mut wrong = Vec::new();
    for (seed, lines) in AREAS.iter().copied().flatten() {
        let mut clone = match seed.starts_with('{') {
            true => {
                let document = serde_json::from_str(seed).expect("JSON");
                open_at(Seed::Document(&document), base())
            }
            false => open(seed),
        };
        let mut kept: Vec<(String, String)> = Vec::new();
        for line in *lines {
            let (line, keep) = match line.rsplit_once(" => ") {
                Some((line, keep)) => (line, keep.split_once('=')),
                None => (*line, None),
            };
            let line = kept.iter().fold(line.to_owned(), |line, (name, value)| {
                line.replace(&format!("<{name}>"), value)
            });
            let response = send(clone.as_mut(), &line);
            let Some(operation) = response.operation else {
                wrong.push(format!(
                    "{line}: no modelled operation ({})",
                    response.status
                ));
                continue;
            };
            if let Some((name, pointer)) = keep {
                let body = body(&response);
                let value = match body.pointer(pointer) {
                    Some(Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                    None => {
                        wrong.push(format!("{line}: nothing at {pointer} in {body}"));
                        continue;
                    }
                };
                kept.push((name.to_owned(), value));
            }
            if operation.starts_with("web/") || operation == "graphql" {
                // These are not in the description of the REST API.
                continue;
            }
            if response.status < 400 {
                reached.insert(operation);
            }
            match description.expected(operation, response.status) {
                // A refusal that the description leaves out has the shape of all others.
                Expected::Unpublished | Expected::Empty if response.status >= 400 => {
                    let empty = response.body.wire.is_empty();
                    if !empty && !body(&response)["message"].is_string() {
                        wrong.push(format!("{line}: a refusal without message"));
                    }
                }
                Expected::Unpublished => {
                    wrong.push(format!("{line}: {} is not published", response.status));
                }
                Expected::Empty if response.body.wire.is_empty() => {}
                Expected::Empty => wrong.push(format!("{line}: {} has a body", response.status)),
                Expected::Other => {}
                Expected::Json(validator) => {
                    let found = body(&response);
                    for error in validator.iter_errors(&found).take(5) {
                        wrong.push(format!("{line}: {} {error}", error.instance_path()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = rest().map(|route| route.info.id);
    let all: BTreeSet<&str> = all.filter(|id| *id != "graphql").collect();
    let missing: Vec<_> = all.difference(&reached).collect();
    assert!(
        missing.is_empty(),
        "no call of these answers well: {missing:?}"
    );
}

/// The operations of the REST API.
fn rest() -> impl Iterator<Item = &'static Route> {
    routes().filter(|route| !route.info.id.starts_with("web/"))
}

/// A path of a template: rows of the seed `small-project` where it has them.
fn filled(template: &str) -> String {
    let mut path = template.replace("{owner}/{repo}", "octocat/hello-service");
    for (name, value) in [
        ("issue_number", "4"),
        ("comment_id", "1900000001"),
        ("username", "octocat"),
        ("assignee", "octocat"),
        ("name", "bug"),
        ("ref", "heads/main"),
        ("branch", "main"),
    ] {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(start..=end, "1");
    }
    path
}

#[test]
fn operations_are_sorted_and_published_as_they_are() {
    assert!(OPERATIONS.is_sorted_by_key(|info| info.id));
    assert!(PUBLISHED.is_sorted_by_key(|published| published.0));
    for route in rest() {
        let info = route.info;
        let path = filled(info.path);
        let found = published(PUBLISHED, info.method, &path).expect("published");
        assert_eq!((found.0, found.2), (info.id, info.path));
        let (found, _) = PACK.find("", info.method, &path).expect("modelled");
        assert_eq!(found.info.id, info.id);
    }
}

#[test]
fn what_is_published_and_not_modelled_says_so() {
    let mut clone = open("empty");
    for (call, operation) in [
        ("GET /repos/a/b/traffic/views", "repos/get-views"),
        ("GET /marketplace_listing/plans", "apps/list-plans"),
        ("POST /repos/a/b/pages {}", "repos/create-pages-site"),
        (
            "GET /user/codespaces",
            "codespaces/list-for-authenticated-user",
        ),
    ] {
        let response = send(clone.as_mut(), call);
        assert_eq!(response.status, 501, "{call}");
        assert_eq!(response.unmodelled.as_deref(), Some(operation));
        assert_eq!(response.operation, None);
        assert!(
            response
                .headers
                .contains(&("x-clone-unmodelled", operation.to_owned()))
        );
        let message = format!("{operation} is not modelled by this local clone");
        assert_eq!(body(&response)["message"], message);
    }
    let response = send(clone.as_mut(), "GET /repos/a/b/nonsense");
    assert_eq!((response.status, response.unmodelled), (404, None));
}

#[test]
fn every_operation_survives_a_caller_without_credentials_and_strange_bodies() {
    let mut clone = open("small-project");
    for route in rest() {
        let path = filled(route.info.path);
        for strange in [
            "",
            "[]",
            "{",
            "null",
            "\"x\"",
            "{\"labels\":3,\"assignees\":{},\"title\":[]}",
        ] {
            let line = format!("{} {path} {strange}", route.info.method);
            let unsigned = send_unsigned(clone.as_mut(), &line);
            // Markdown is rendered for everybody.
            if route.info.method != "GET" && !route.info.id.starts_with("markdown/") {
                assert!(matches!(unsigned.status, 401 | 404), "{line}");
                assert!(unsigned.changes.is_empty());
            }
            let status = send(clone.as_mut(), &line).status;
            assert!(status < 500, "{line}: {status}");
        }
        let (found, _) = PACK
            .find("", route.info.method, &request(&format!("GET {path}")).path)
            .expect("its own path");
        assert_eq!(found.info.id, route.info.id);
    }
}
