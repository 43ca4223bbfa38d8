//! What GitHub publishes, sliced to what the clone models: the list of all operations, and for
//! the modelled ones what their answers must look like, which the tests hold them to; beside them
//! the [`webhooks`].
//!
//! The document is fetched with npm into `target/published`; what is made of it is committed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::steps::{Failure, cargo, note, output, root, run, target};
use crate::webhooks;

pub(crate) const PACKAGE: &str = "@octokit/openapi";
pub(crate) const VERSION: &str = "23.0.2";
pub(crate) const DOCUMENT: &str = "generated/api.github.com.json";
/// Where the slices are, below the root.
pub(crate) const FOLDER: &str = "clones/github/fixtures/responses";
const LIST: &str = "clones/github/published.rs";

/// Operations of GitHub's REST API that the document leaves out: id, method, path.
const BESIDE: &[(&str, &str, &str)] = &[("graphql", "POST", "/graphql")];

/// Keywords of a schema that say what an answer may be; the others are for readers.
const KEYWORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "not",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "type",
];

/// Writes both.
pub(crate) fn run_command() -> Result<(), Failure> {
    let document = document()?;
    let all = operations(&document)?;
    write(&root().join(LIST), &list(&all))?;
    let modelled = modelled()?;
    let mut files: BTreeMap<String, BTreeMap<&str, &Value>> = BTreeMap::new();
    for (id, _, _, operation) in &all {
        if modelled.contains(*id) {
            let category = id.split('/').next().unwrap_or(id);
            let file = files.entry(format!("{category}.json")).or_default();
            file.insert(id, operation);
        }
    }
    let folder = root().join(FOLDER);
    for (name, operations) in &files {
        let text = slice(&document, operations);
        write(&folder.join(name), &text)?;
    }
    webhooks::write(&document)?;
    remove_others(&folder, &files.keys().map(String::as_str).collect())
}

/// The published document, fetched once.
fn document() -> Result<Value, Failure> {
    let folder = target().join("published");
    let place = folder.join("node_modules").join(PACKAGE).join(DOCUMENT);
    if !place.is_file() {
        note(&format!(
            "installing {PACKAGE} {VERSION} into {}",
            folder.display()
        ));
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        run(Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ])
            .arg(&folder)
            .arg(format!("{PACKAGE}@{VERSION}")))?;
    }
    let text = fs::read_to_string(&place).map_err(|error| failed(&place, &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::bad(format!("{}: {error}", place.display())))
}

type Operation<'a> = (&'a str, String, &'a str, &'a Value);

/// All operations, sorted by id.
fn operations(document: &Value) -> Result<Vec<Operation<'_>>, Failure> {
    let mut all = Vec::new();
    for (path, methods) in members(&document["paths"]) {
        for (method, operation) in members(methods) {
            if let Some(id) = operation["operationId"].as_str() {
                all.push((id, method.to_uppercase(), path.as_str(), operation));
            }
        }
    }
    if all.is_empty() {
        return Err(Failure::bad(format!("{DOCUMENT} has no operations")));
    }
    for (id, method, path) in BESIDE {
        all.push((id, (*method).to_owned(), path, &Value::Null));
    }
    all.sort_by(|a, b| a.0.cmp(b.0));
    Ok(all)
}

/// What every clone models, could model and is called for, by its name.
pub(crate) fn described() -> Result<Map<String, Value>, Failure> {
    let text = output(&mut cargo(&[
        "run",
        "--quiet",
        "--package",
        "archal-clones",
        "--example",
        "operations",
    ]))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::bad(format!("the operations are no JSON: {error}")))
}

/// The ids of the modelled operations.
fn modelled() -> Result<BTreeSet<String>, Failure> {
    let clones = described()?;
    let github = clones.get("github").map(|clone| &clone["operations"]);
    let operations = github.and_then(Value::as_array).into_iter().flatten();
    Ok(operations
        .filter_map(|operation| Some(operation["id"].as_str()?.to_owned()))
        .collect())
}

/// The source of the list of all operations.
fn list(all: &[Operation<'_>]) -> String {
    let mut text = format!(
        "//! All operations of GitHub's published REST description: id, method, path.\n\
         //!\n\
         //! Made by `cargo xtask published` from `api.github.com.json` of the npm package\n\
         //! `{PACKAGE}` {VERSION} (MIT), with the GraphQL endpoint added. Not to be edited by hand.\n\n\
         use crate::engine::route::Published;\n\n\
         /// The operations, sorted by id.\n\
         #[rustfmt::skip]\n\
         pub(super) const PUBLISHED: &[Published] = &[\n"
    );
    for (id, method, path, _) in all {
        // Writing to a String cannot fail.
        _ = writeln!(text, "    ({id:?}, {method:?}, {path:?}),");
    }
    text.push_str("];\n");
    text
}

/// The answers of some operations with every schema they refer to.
fn slice(document: &Value, operations: &BTreeMap<&str, &Value>) -> String {
    let mut answers = Map::new();
    for (id, operation) in operations {
        let mut statuses = Map::new();
        for (status, response) in members(&operation["responses"]) {
            let response = resolved(document, response);
            let json = members(&response["content"])
                .into_iter()
                .find(|(kind, _)| kind.contains("json"));
            let schema = match json {
                Some((_, body)) => cleaned(&body["schema"]),
                None if response["content"].is_object() => json!({"not-json": true}),
                None => Value::Null,
            };
            statuses.insert(status.clone(), schema);
        }
        answers.insert((*id).to_owned(), statuses.into());
    }
    let answers = Value::Object(answers);
    let mut schemas = BTreeMap::new();
    add_referenced(document, &answers, &mut schemas);
    let schemas: Map<String, Value> = schemas.into_iter().collect();
    let source = format!("npm {PACKAGE} {VERSION}, {DOCUMENT} (MIT)");
    let file = json!({"$defs": schemas, "operations": answers, "source": source});
    format!("{file}\n")
}

/// Adds every schema that a value refers to, and those that these refer to.
pub(crate) fn add_referenced(
    document: &Value,
    value: &Value,
    schemas: &mut BTreeMap<String, Value>,
) {
    let mut wanted = references(value);
    while let Some(name) = wanted.pop() {
        if let Entry::Vacant(vacant) = schemas.entry(name) {
            let schema = cleaned(&document["components"]["schemas"][vacant.key()]);
            wanted.extend(references(&schema));
            vacant.insert(schema);
        }
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"]
        .as_str()
        .and_then(|pointer| document.pointer(pointer.trim_start_matches('#')))
        .unwrap_or(value)
}

/// A schema of the document as JSON Schema, without what is for readers.
pub(crate) fn cleaned(schema: &Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema.clone();
    };
    let mut out = Map::new();
    for (name, value) in schema {
        if !KEYWORDS.contains(&name.as_str()) {
            continue;
        }
        let value = match (name.as_str(), value) {
            ("$ref", Value::String(to)) => to.replace("#/components/schemas/", "#/$defs/").into(),
            ("properties", Value::Object(fields)) => fields
                .iter()
                .map(|(name, schema)| (name.clone(), cleaned(schema)))
                .collect::<Map<_, _>>()
                .into(),
            ("allOf" | "anyOf" | "oneOf", Value::Array(of)) => of.iter().map(cleaned).collect(),
            ("items" | "not" | "additionalProperties", value) => cleaned(value),
            (_, value) => value.clone(),
        };
        // GitHub's alternatives overlap: a symbolic link fits what a file has to be.
        let name = if name == "oneOf" { "anyOf" } else { name };
        out.insert(name.to_owned(), value);
    }
    if schema.get("nullable") != Some(&Value::Bool(true)) {
        return out.into();
    }
    match out.get("type") {
        Some(Value::String(kind)) if !out.contains_key("enum") => {
            let kinds = json!([kind, "null"]);
            out.insert("type".to_owned(), kinds);
            out.into()
        }
        _ => json!({"anyOf": [out, {"type": "null"}]}),
    }
}

/// The names of the schemas that a schema refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(to) if name == "$ref" => to
                    .strip_prefix("#/$defs/")
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                value => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn members(value: &Value) -> Vec<(&String, &Value)> {
    value.as_object().into_iter().flatten().collect()
}

fn remove_others(folder: &Path, keep: &BTreeSet<&str>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !keep.contains(name.to_string_lossy().as_ref()) {
            let place: PathBuf = entry.path();
            fs::remove_file(&place).map_err(|error| failed(&place, &error))?;
            note(&format!("removed {}", place.display()));
        }
    }
    Ok(())
}

pub(crate) fn write(place: &Path, text: &str) -> Result<(), Failure> {
    if fs::read_to_string(place).is_ok_and(|found| found == text) {
        return Ok(());
    }
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    }
    fs::write(place, text).map_err(|error| failed(place, &error))?;
    note(&format!("wrote {}", place.display()));
    Ok(())
}

fn failed(place: &Path, error: &std::io::Error) -> Failure {
    Failure::bad(format!("{}: {error}", place.display()))
}
