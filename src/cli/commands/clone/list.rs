//! `archal clone list`: each clone with its hosts, seeds and how much of the service it models.

use archal_core::clone::NamedSeed;
use archal_core::stability::Stability;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;

/// Each clone with its hosts, seeds and operations
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine]))]
pub(crate) struct Args {
    #[command(flatten)]
    output: JsonOutput,
}

/// The clones: `archal clone list --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneList {
    /// Each, by name.
    clones: Vec<Row>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Its name.
    name: &'static str,
    /// The service, in a line.
    about: &'static str,
    /// How far it can be relied on.
    stability: Stability,
    /// The hosts it answers for.
    hosts: &'static [&'static str],
    /// Hosts of the service that are refused.
    refused_hosts: &'static [&'static str],
    /// The starting states it has by name.
    seeds: &'static [NamedSeed],
    /// How many operations it models.
    operations: usize,
}

pub(crate) fn run(_args: &Args, cx: &mut CommandContext) -> Exit {
    let clones: Vec<Row> = cx
        .clones
        .iter()
        .map(|clone| Row {
            name: clone.name,
            about: clone.about,
            stability: clone.stability,
            hosts: clone.hosts,
            refused_hosts: clone.other_hosts,
            seeds: clone.seeds,
            operations: clone.operations.len(),
        })
        .collect();
    for clone in &clones {
        let stability = match clone.stability {
            Stability::Beta => " (beta)",
            Stability::Stable => "",
        };
        let seeds: Vec<&str> = clone.seeds.iter().map(|seed| seed.name).collect();
        cx.printer.line(format!(
            "{}{stability}  {}",
            Style::Heading.paint(clone.name),
            clone.about
        ));
        cx.printer
            .line(format!("  hosts       {}", clone.hosts.join(", ")));
        cx.printer
            .line(format!("  seeds       {}", seeds.join(", ")));
        cx.printer
            .line(format!("  operations  {}", clone.operations));
    }
    cx.printer
        .document("archal.clone-list", 1, &CloneList { clones });
    Exit::Fine
}
