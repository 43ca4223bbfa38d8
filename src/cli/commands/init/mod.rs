//! `archal init`: a configuration, a harness and a first scenario from what a repository shows.
//!
//! - [`stub`]: the harness to fill in.

mod stub;

use std::io::ErrorKind;
use std::path::Path;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::nearest;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::preprod::survey::repository::{Findings, Program, look};
use crate::preprod::survey::services::SERVICES;
use crate::report::style::Style;
use crate::scenario::draft::{Draft, draft};
use crate::store::atomic;

/// The folder of scenarios, and the first of them.
const SCENARIOS: &str = "scenarios";
const FIRST: &str = "scenarios/first-run.md";
/// The configuration.
const CONFIG: &str = ".archal.json";

/// Prepare this repository: configuration, harness and a first scenario
///
/// Looks at package.json, pyproject.toml, requirements, Cargo.toml and MCP configurations for the
/// services and models the agent uses. Nothing of the repository is run, and no file that is there
/// is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// A clone the agent meets, whatever the repository shows; may be given several times
    #[arg(long, value_name = "CLONE")]
    clone: Vec<String>,

    /// Say what would be written and write nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    output: JsonOutput,
}

/// The result of `archal init`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitReport {
    /// The services that were seen.
    services: Vec<SeenService>,
    /// The variables of the agent's model keys.
    agent_keys: Vec<SeenKey>,
    /// The agent's command and what says so, where it is evident.
    agent: Option<SeenAgent>,
    /// The files.
    files: Vec<InitFile>,
    /// What could not be read, and other things to know.
    notes: Vec<String>,
    /// What to do next, commands to copy.
    next: Vec<String>,
}

/// A service that was seen.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SeenService {
    /// Its name.
    name: String,
    /// Whether this version has a clone of it.
    has_clone: bool,
    /// What shows it.
    shown_by: Vec<String>,
}

/// A variable of a model key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SeenKey {
    /// The variable.
    name: String,
    /// What shows it.
    shown_by: Vec<String>,
}

/// The agent.
#[derive(Debug, Serialize, JsonSchema)]
struct SeenAgent {
    /// Its command.
    command: Vec<String>,
    /// What says so.
    why: String,
}

/// A file of `archal init`.
#[derive(Debug, Serialize, JsonSchema)]
struct InitFile {
    /// Its path.
    path: String,
    /// What was done with it.
    action: InitAction,
    /// What it is for, or why it was left.
    why: String,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum InitAction {
    /// It was written.
    Written,
    /// It would be written.
    WouldWrite,
    /// It was there, and stays as it is.
    Kept,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let root = cx.environment.directory.clone();
    let mut findings = look(&root);
    let clones = clones(args, &mut findings, cx)?;
    let evident = findings
        .harness
        .is_none()
        .then(|| findings.agents.first().cloned())
        .flatten();
    for other in findings.agents.iter().skip(1) {
        findings.notes.push(format!(
            "{} too; name it as `agent` in {CONFIG} if it is meant",
            other.why
        ));
    }
    let mut files = Vec::new();
    let config = config_text(&clones, &findings, evident.as_ref());
    files.push(write(
        &root,
        CONFIG,
        &config,
        "the agent, its clones and where its scenarios are",
        args.dry_run,
    )?);
    let stub = match (&evident, &findings.harness) {
        (Some(_), _) => None,
        (None, Some(harness)) => {
            files.push(InitFile {
                path: harness.clone(),
                action: InitAction::Kept,
                why: "the harness that is there".to_owned(),
            });
            None
        }
        (None, None) => {
            let stub = stub::stub(&findings);
            let why = "starts the agent; it fails until it is filled in";
            files.push(write(&root, stub.path, &stub.text, why, args.dry_run)?);
            Some(stub.path)
        }
    };
    let task = clones.first().and_then(|clone| {
        SERVICES
            .iter()
            .find(|service| service.name == clone.name)?
            .task
    });
    let scenario = draft(&Draft {
        title: "First run",
        clones: &clones,
        seeds: &[],
        prompt: task,
    });
    files.push(write(
        &root,
        FIRST,
        &scenario,
        "a first scenario, which only reads",
        args.dry_run,
    )?);
    let mut next = Vec::new();
    next.extend(stub.map(|path| format!("$EDITOR {path}")));
    next.push(format!("archal scenario validate {SCENARIOS}"));
    next.push("archal run".to_owned());
    if args.dry_run {
        next = vec!["archal init".to_owned()];
    }
    let report = InitReport {
        services: seen(&findings, cx.clones),
        agent_keys: findings
            .models
            .iter()
            .map(|(name, shown_by)| SeenKey {
                name: (*name).to_owned(),
                shown_by: shown_by.clone(),
            })
            .collect(),
        agent: evident.map(|program| SeenAgent {
            command: program.command,
            why: program.why,
        }),
        files,
        notes: findings.notes,
        next,
    };
    cx.printer.line(text(&report).trim_end());
    cx.printer.document("archal.init", 1, &report);
    Ok(Exit::Fine)
}

/// The clones of the configuration: those named, else those seen, else the first there is.
fn clones<'c>(
    args: &Args,
    findings: &mut Findings,
    cx: &'c CommandContext,
) -> Result<Vec<&'c CloneDescriptor>, CliError> {
    let find = |name: &str| cx.clones.iter().find(|clone| clone.name == name);
    if !args.clone.is_empty() {
        return args
            .clone
            .iter()
            .map(|name| {
                find(name).ok_or_else(|| {
                    let error = CliError::usage(format!("there is no clone `{name}`"));
                    match nearest(name, cx.clones.iter().map(|clone| clone.name)) {
                        Some(near) => error.hint(format!("archal init --clone {near}")),
                        None => error.hint("archal clone list"),
                    }
                })
            })
            .collect();
    }
    let seen: Vec<&CloneDescriptor> = findings
        .services
        .keys()
        .filter_map(|name| find(name))
        .collect();
    if !seen.is_empty() {
        return Ok(seen);
    }
    let first: Vec<&CloneDescriptor> = cx.clones.iter().take(1).collect();
    for clone in &first {
        findings.notes.push(format!(
            "nothing here shows a service that has a clone; the first scenario is of {}: archal init --clone <name> names another, archal clone list has them",
            clone.name
        ));
    }
    Ok(first)
}

fn seen(findings: &Findings, clones: &[CloneDescriptor]) -> Vec<SeenService> {
    findings
        .services
        .iter()
        .map(|(name, shown_by)| SeenService {
            name: (*name).to_owned(),
            has_clone: clones.iter().any(|clone| clone.name == *name),
            shown_by: shown_by.clone(),
        })
        .collect()
}

fn config_text(
    clones: &[&CloneDescriptor],
    findings: &Findings,
    agent: Option<&Program>,
) -> String {
    let mut lines = Vec::new();
    if let Some(program) = agent
        && let Some((command, arguments)) = program.command.split_first()
    {
        lines.push(format!(
            "  \"agent\": {}",
            json!({"args": arguments, "command": command})
        ));
    }
    let names: Vec<&str> = clones.iter().map(|clone| clone.name).collect();
    lines.push(format!("  \"clones\": {}", json!(names)));
    lines.push(format!("  \"scenarios\": {}", json!([SCENARIOS])));
    if !findings.models.is_empty() {
        let keys: Vec<&&str> = findings.models.keys().collect();
        lines.push(format!("  \"agentKeys\": {}", json!(keys)));
    }
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// Writes a file that is not there.
fn write(
    root: &Path,
    path: &str,
    text: &str,
    why: &str,
    dry_run: bool,
) -> Result<InitFile, CliError> {
    let file = |action, why: &str| InitFile {
        path: path.to_owned(),
        action,
        why: why.to_owned(),
    };
    let kept = || file(InitAction::Kept, "it was there, and stays as it is");
    let place = root.join(path);
    if place.symlink_metadata().is_ok() {
        return Ok(kept());
    }
    if dry_run {
        return Ok(file(InitAction::WouldWrite, why));
    }
    match atomic::create(&place, text.as_bytes()) {
        Ok(()) => Ok(file(InitAction::Written, why)),
        Err(atomic::WriteError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
            Ok(kept())
        }
        Err(error) => Err(CliError::environment(error)),
    }
}

fn text(report: &InitReport) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for service in &report.services {
        let shown = service.shown_by.join(", ");
        line(if service.has_clone {
            format!("found {}: {shown}", Style::Good.paint(&service.name))
        } else {
            format!(
                "found {}, which has no clone yet: {shown}",
                Style::Warning.paint(&service.name)
            )
        });
    }
    for key in &report.agent_keys {
        line(format!(
            "found a model, its key is in {}: {}",
            key.name,
            key.shown_by.join(", ")
        ));
    }
    if let Some(agent) = &report.agent {
        line(format!(
            "found the agent: {} ({})",
            agent.command.join(" "),
            agent.why
        ));
    }
    for note in &report.notes {
        line(format!("{} {note}", Style::Warning.paint("note:")));
    }
    line(String::new());
    for file in &report.files {
        let action = match file.action {
            InitAction::Written => "wrote",
            InitAction::WouldWrite => "would write",
            InitAction::Kept => "kept",
        };
        line(format!("{action} {}: {}", file.path, file.why));
    }
    line(String::new());
    for command in &report.next {
        line(format!("{} {command}", Style::Hint.paint("next:")));
    }
    out
}
