//! `archal clone tools`: the MCP tools of a clone, and the operations each one calls.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::starting;
use crate::report::style::Style;

/// The MCP tools of a clone, and the operations each one calls
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The clone
    clone: String,

    #[command(flatten)]
    output: JsonOutput,
}

/// The tools of a clone: `archal clone tools --json`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CloneTools {
    /// The clone.
    clone: &'static str,
    /// The MCP server whose tools these are.
    server: &'static str,
    /// Where its vendor serves it, where it does.
    url: Option<String>,
    /// Each tool that is modelled, by name.
    tools: Vec<Row>,
    /// Published tools that are not modelled.
    unmodelled: &'static [&'static str],
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Its name.
    name: &'static str,
    /// Its title.
    title: String,
    /// What it says of itself.
    description: String,
    /// The operations it calls.
    operations: &'static [&'static str],
    /// The JSON Schema of its arguments.
    input_schema: Value,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let clone = starting::find(&args.clone, cx)?;
    let face = clone
        .mcp
        .ok_or_else(|| CliError::usage(format!("the {} clone has no MCP tools", clone.name)))?;
    let definitions: Vec<Value> =
        serde_json::from_str(face.definitions).map_err(CliError::internal)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tools: Vec<Row> = face
        .tools
        .iter()
        .zip(definitions)
        .map(|(tool, mut definition)| Row {
            name: tool.name,
            title: text(&definition["annotations"]["title"]),
            description: text(&definition["description"]),
            operations: tool.operations,
            input_schema: definition["inputSchema"].take(),
        })
        .collect();
    for tool in &tools {
        cx.printer.line(format!(
            "{}  {}",
            Style::Heading.paint(tool.name),
            tool.title
        ));
        cx.printer
            .line(format!("  calls  {}", tool.operations.join(", ")));
    }
    cx.printer.line(format!(
        "{} more tools of {} are not modelled; a run that calls one is inconclusive",
        face.unmodelled.len(),
        face.server
    ));
    let document = CloneTools {
        clone: clone.name,
        server: face.server,
        url: face
            .remote
            .map(|(host, path)| format!("https://{host}{path}/")),
        tools,
        unmodelled: face.unmodelled,
    };
    cx.printer.document("archal.clone-tools", 1, &document);
    Ok(Exit::Fine)
}
