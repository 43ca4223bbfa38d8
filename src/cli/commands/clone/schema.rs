//! `archal clone schema`: what criteria can read of a clone.

use archal_core::clone::{Collection, FieldKind, ViewField};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::starting;
use crate::report::style::Style;

/// The deepest field that is told; objects of a view hold each other nowhere near as deep.
const DEEPEST: usize = 8;

/// What criteria can read of a clone: its collections and their fields
///
/// `<clone>.<collection>` is a list of rows with these fields; `before.<clone>` and
/// `diff.<clone>` have the same. `labels[].name` is a field of each item of a list. The schema
/// of a starting state is another: `archal schema seed <clone>`.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The clone
    clone: String,

    #[command(flatten)]
    output: JsonOutput,
}

/// What criteria can read: `archal clone schema --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneSchema {
    /// The clone.
    clone: &'static str,
    /// Its collections.
    collections: &'static [Collection],
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let clone = starting::find(&args.clone, cx)?;
    for collection in clone.collections {
        let name = format!("{}.{}", clone.name, collection.name);
        let heading = Style::Heading.paint(&name);
        cx.printer.line(format!("{heading}  {}", collection.about));
        let mut rows = Vec::new();
        fields(collection.fields, "", DEEPEST, &mut rows);
        let widest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, kind) in rows {
            cx.printer.line(format!("  {name:<widest$}  {kind}"));
        }
    }
    let document = CloneSchema {
        clone: clone.name,
        collections: clone.collections,
    };
    cx.printer.document("archal.clone-schema", 1, &document);
    Ok(Exit::Fine)
}

/// The fields with what each holds, those of an object below it.
fn fields(given: &[ViewField], before: &str, depth: usize, rows: &mut Vec<(String, String)>) {
    for field in given {
        let name = format!("{before}{}", field.name);
        let null = if field.nullable { " or null" } else { "" };
        rows.push((name.clone(), format!("{}{null}", kind(&field.kind))));
        let (inner, mark) = match field.kind {
            FieldKind::Object(inner) => (inner, ""),
            FieldKind::List(FieldKind::Object(inner)) => (*inner, "[]"),
            _ => continue,
        };
        if let Some(depth) = depth.checked_sub(1) {
            fields(inner, &format!("{name}{mark}."), depth, rows);
        }
    }
}

fn kind(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Bool => "bool".to_owned(),
        FieldKind::Int => "int".to_owned(),
        FieldKind::Text => "text".to_owned(),
        FieldKind::Time => "time".to_owned(),
        FieldKind::Object(_) => "object".to_owned(),
        FieldKind::List(inner) => format!("list of {}", self::kind(inner)),
    }
}
