//! `archal clone list`: each clone with its hosts, seeds and how much of the service it models.

use archal_core::clone::NamedSeed;
use archal_core::stability::Stability;
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

#[derive(Serialize)]
struct Document {
    clones: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: &'static str,
    about: &'static str,
    stability: Stability,
    hosts: &'static [&'static str],
    refused_hosts: &'static [&'static str],
    seeds: &'static [NamedSeed],
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
        .document("archal.clone-list", 1, &Document { clones });
    Exit::Fine
}
