//! `archal clone diff`: what changed in a session.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::output::Printer;
use crate::cli::sessions::reaching::Named;
use crate::report::style::Style;
use crate::session::service::desk::Request;
use crate::session::service::place::Standing;

/// What changed in a session since its start, or since a snapshot
///
/// Of a session that has ended it tells what it had changed.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// Since this snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    since: Option<String>,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    output: JsonOutput,
}

/// What changed: `archal clone diff --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneDiff {
    /// By clone and collection: `{added[], removed[], changed[{key, before, after, fields[]}]}`.
    clones: BTreeMap<String, Value>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = args.session.place(cx)?;
    let kept = place.evidence().join("diff.json");
    let has_ended = place.standing().map_err(CliError::environment)? == Standing::Ended;
    let clones: BTreeMap<String, Value> = if has_ended && args.since.is_none() && kept.is_file() {
        let bytes = std::fs::read(&kept).map_err(CliError::environment)?;
        serde_json::from_slice(&bytes).map_err(CliError::environment)?
    } else {
        let since = args.since.clone();
        args.session.ask(&Request::Diff { since }, cx)?
    };
    let mut is_same = true;
    for (clone, collections) in &clones {
        for (collection, changes) in collections.as_object().into_iter().flatten() {
            is_same = false;
            tell(clone, collection, changes, &cx.printer);
        }
    }
    if is_same {
        cx.printer.line("nothing changed");
    }
    cx.printer
        .document("archal.clone-diff", 1, &CloneDiff { clones });
    Ok(Exit::Fine)
}

fn tell(clone: &str, collection: &str, changes: &Value, printer: &Printer) {
    let rows = |kind: &str| changes[kind].as_array().cloned().unwrap_or_default();
    printer.line(Style::Heading.paint(&format!("{clone}.{collection}")));
    for row in rows("added") {
        printer.line(format!("  + {}", label(&row)));
    }
    for row in rows("removed") {
        printer.line(format!("  - {}", label(&row)));
    }
    for row in rows("changed") {
        printer.line(format!("  ~ {}", row["key"].as_str().unwrap_or_default()));
        let fields = row["fields"].as_array().cloned().unwrap_or_default();
        for field in fields.iter().filter_map(Value::as_str) {
            let side = |side: &str| short(&row[side][field]);
            printer.line(format!(
                "      {field}: {} -> {}",
                side("before"),
                side("after")
            ));
        }
    }
}

/// What a person knows a row by.
fn label(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let repository = row["repository"]["full_name"].as_str().map(str::to_owned);
    let number = row["number"].as_i64().map(|number| format!("#{number}"));
    let place = match (repository, number) {
        (Some(repository), Some(number)) => Some(format!("{repository}{number}")),
        (repository, number) => number.or(repository),
    };
    let names = ["full_name", "login", "name", "title", "body", "message"];
    let name = names.iter().find_map(|name| text(name));
    let told: Vec<String> = place
        .into_iter()
        .chain(name.map(|name| first_line(&name)))
        .collect();
    if told.is_empty() {
        short(row)
    } else {
        told.join("  ")
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let known = ["login", "name", "full_name"];
            let named = known.iter().find_map(|name| fields.get(*name)?.as_str());
            named.map_or_else(|| first_line(&compact(fields)), str::to_owned)
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(short).collect();
            first_line(&format!("[{}]", items.join(", ")))
        }
        Value::String(text) => first_line(&format!("{text:?}")),
        other => other.to_string(),
    }
}

fn compact(fields: &Map<String, Value>) -> String {
    Value::Object(fields.clone()).to_string()
}

fn first_line(text: &str) -> String {
    const WIDTH: usize = 100;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= WIDTH && line.len() == text.len() {
        return line.to_owned();
    }
    let cut: String = line.chars().take(WIDTH).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_named_by_what_people_know_them_by() {
        let issue = json!({"number": 7, "title": "Late", "repository": {"full_name": "a/b"}});
        assert_eq!(label(&issue), "a/b#7  Late");
        assert_eq!(label(&json!({"login": "octocat"})), "octocat");
        assert_eq!(label(&json!({"x": 1})), r#"{"x":1}"#);
        assert_eq!(
            short(&json!([{"name": "bug"}, {"name": "late"}])),
            "[bug, late]"
        );
        assert_eq!(short(&json!("two\nlines")), r#""two\nlines""#);
    }
}
