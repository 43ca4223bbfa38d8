//! `archal fixer list`: every coding agent, where it is, how it is called, and whether it has its key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::config::Config;
use crate::driver::found;
use crate::driver::run::{self, Driver};
use crate::driver::table::{self, Agent};
use crate::fix::choice::FixerChoice;
use crate::report::style::Style;
use crate::reproduce::private::private_folder;
use crate::run::environment::{Start, kept};
use crate::sandbox::{Hold, hold};

/// The coding agents that can repair: which are here, and how each is called
///
/// Each that is found is asked for its version, contained and without its key. Nothing else is run.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The coding agents: `archal fixer list --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FixerList {
    /// The configured fixer: a name, or `command`.
    configured: Option<&'static str>,
    /// Each that archal can call.
    fixers: Vec<Row>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Its name.
    name: &'static str,
    /// Whether it is the configured fixer.
    is_configured: bool,
    /// Where it is; null where it is not found.
    program: Option<PathBuf>,
    /// What it says of its version.
    version: Option<String>,
    /// How it would be called; `{…}` stands for something of the run.
    call: String,
    /// Where its key is.
    key: Key,
    /// Whether it says how many tokens it used.
    tells_tokens: bool,
    /// Whether it says what they cost.
    tells_usd: bool,
    /// The command that installs it.
    install: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Key {
    /// The variables it may be in; none where that depends on the model.
    variables: Vec<String>,
    /// The one that is set. Its value is never read out.
    set: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let loaded = cx.load_config(args.config.config.as_deref(), Path::new("."), &[])?;
    let config = &loaded.config;
    let choice = FixerChoice::of(config, false);
    let folder = private_folder(&cx.environment).map_err(CliError::environment)?;
    let environment = kept(
        &cx.environment,
        Start::Cleared {
            named: &[],
            home: folder.path(),
        },
    );
    let probe = hold::probe(&cx.binary);
    let looking = Looking {
        cx,
        config,
        configured: choice.as_ref().map(FixerChoice::name),
        home: folder.path(),
        environment,
        hold: Hold {
            helper: &cx.binary,
            containment: probe.containment(),
            stop: None,
        },
    };
    let fixers: Vec<Row> = table::ALL.iter().map(|agent| looking.row(agent)).collect();
    for row in &fixers {
        print(row, cx);
    }
    if let Some(FixerChoice {
        driver: Driver::Command(command),
        ..
    }) = &choice
    {
        let mark = Style::Good.paint("command ");
        cx.printer.line(format!("{mark}   {command}  (configured)"));
    }
    if choice.is_none() {
        cx.printer
            .line("none is configured: `fixer.name` in .archal.json, or --fixer");
    }
    let configured = looking.configured;
    cx.printer
        .document("archal.fixer-list", 1, &FixerList { configured, fixers });
    Ok(Exit::Fine)
}

struct Looking<'a> {
    cx: &'a CommandContext,
    config: &'a Config,
    configured: Option<&'static str>,
    home: &'a Path,
    environment: BTreeMap<String, String>,
    hold: Hold<'a>,
}

impl Looking<'_> {
    fn row(&self, agent: &'static Agent) -> Row {
        let is_configured = self.configured == Some(agent.name);
        let fixer = &self.config.fixer;
        // Model, key and arguments are meant for the configured one.
        let (model, key, arguments) = match is_configured {
            true => (
                fixer.model.as_deref(),
                fixer.key_env.as_deref(),
                fixer.args.as_slice(),
            ),
            false => (None, None, &[][..]),
        };
        let path = self.cx.environment.get("PATH").unwrap_or_default();
        let program = found::program(agent.name, path);
        let version = program
            .as_ref()
            .and_then(|program| found::version(program, &self.environment, self.home, &self.hold));
        let variables = match key {
            Some(key) => vec![key.to_owned()],
            None => agent.keys.iter().map(ToString::to_string).collect(),
        };
        let withheld = &self.config.agent_keys;
        Row {
            name: agent.name,
            is_configured,
            program,
            version,
            call: run::called(agent, model, arguments),
            key: Key {
                variables,
                set: run::key_variable(agent, &self.cx.environment, key, withheld),
            },
            tells_tokens: agent.tells_tokens,
            tells_usd: agent.tells_usd,
            install: agent.install,
        }
    }
}

fn print(row: &Row, cx: &CommandContext) {
    let (mark, place) = match &row.program {
        Some(program) => {
            let version = row.version.as_deref().unwrap_or("it says no version");
            (
                Style::Good.paint("found   "),
                format!("{version}, {}", program.display()),
            )
        }
        None => (
            Style::Warning.paint("missing "),
            format!("install it: {}", row.install),
        ),
    };
    let configured = if row.is_configured {
        "  (configured)"
    } else {
        ""
    };
    cx.printer
        .line(format!("{mark} {:<9} {place}{configured}", row.name));
    let detail = |name: &str, text: &str| cx.printer.line(format!("{:>19} {name} {text}", ""));
    detail("call:", &row.call);
    detail("key:", &key_text(&row.key));
}

fn key_text(key: &Key) -> String {
    match (&key.set, key.variables.is_empty()) {
        (Some(name), _) => format!("{name} is set"),
        (None, true) => {
            "that of its model's provider: `fixer.keyEnv` names the variable".to_owned()
        }
        (None, false) => format!("{} is not set", key.variables.join(" or ")),
    }
}
