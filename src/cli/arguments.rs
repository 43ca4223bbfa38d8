//! The grammar of the command line: global options and the list of commands.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::sandbox::SandboxMode;

use super::commands;
use super::context::CommandContext;
use super::error::CliError;
use super::exit::Exit;
use super::output::Colour;

/// Reproduce, fix and prove failures of AI agents on your own machine.
#[derive(Debug, Parser)]
#[command(
    name = "archal",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Run `archal <command> --help` for a command's options and exit codes."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// When to colour output
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto, global = true)]
    pub(crate) color: When,

    /// Write only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Log what is done; twice for details, three times for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Global {
    pub(crate) fn colour(&self, no_colour: bool) -> Colour {
        match self.color {
            When::Always => Colour::Always,
            When::Auto if !no_colour => Colour::Auto,
            When::Auto | When::Never => Colour::Never,
        }
    }
}

/// `--json`, for commands whose result has a JSON form. The frame reads it before the command
/// runs, so that errors are documents too.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct JsonOutput {
    /// Write one JSON document to stdout instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// `--sandbox`, for commands that run what a fixer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sandbox {
    /// Wholly, or they do not run.
    Required,
    /// As far as this machine can; what is missing is recorded.
    BestEffort,
    /// Not at all: they may do what you may.
    Off,
}

impl Sandbox {
    /// The mode of the configuration.
    pub(crate) fn mode(self) -> SandboxMode {
        match self {
            Self::Required => SandboxMode::Required,
            Self::BestEffort => SandboxMode::BestEffort,
            Self::Off => SandboxMode::Off,
        }
    }
}

/// Where the configuration is, for commands that read it.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration file [default: the nearest `.archal.json` in this repository]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The commands in the order of `archal --help`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Args),
    Run(commands::run::Args),
    Runs(commands::runs::Args),
    Scenario(commands::scenario::Args),
    Preprod(commands::preprod::Args),
    Pdca(commands::pdca::Args),
    Attach(Box<commands::attach::Args>),
    Detach(commands::detach::Args),
    AttachStatus(commands::attach_status::Args),
    AttachReprocess(commands::attach_reprocess::Args),
    Fixer(commands::fixer::Args),
    Grade(commands::grade::Args),
    Issue(commands::issue::Args),
    TraceSource(commands::trace_source::Args),
    Plugin(commands::plugin::Args),
    Record(commands::record::Args),
    Seed(commands::seed::Args),
    Prune(commands::prune::Args),
    Budget(commands::budget::Args),
    Prices(commands::prices::Args),
    Demo(commands::demo::Args),
    Clone(commands::clone::Args),
    Criteria(commands::criteria::Args),
    Config(commands::config::Args),
    Redact(commands::redact::Args),
    Doctor(commands::doctor::Args),
    Schema(commands::schema::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
    #[command(hide = true)]
    PluginHost(commands::plugin_host::Args),
    #[command(name = "__watch", hide = true)]
    Watch(commands::watch::Args),
    #[command(name = "__session", hide = true)]
    Session(commands::session::Args),
    #[command(name = "__reference", hide = true)]
    Reference(commands::reference::Args),
}

impl Command {
    /// Whether it keeps a log of its own.
    pub(crate) fn has_own_log(&self) -> bool {
        matches!(self, Self::Watch(_) | Self::Session(_))
    }

    pub(crate) fn run(&self, cx: &mut CommandContext) -> Result<Exit, CliError> {
        match self {
            Self::Init(args) => commands::init::run(args, cx),
            Self::Run(args) => commands::run::run(args, cx),
            Self::Runs(args) => commands::runs::run(args, cx),
            Self::Scenario(args) => commands::scenario::run(args, cx),
            Self::Preprod(args) => commands::preprod::run(args, cx),
            Self::Pdca(args) => commands::pdca::run(args, cx),
            Self::Attach(args) => commands::attach::run(args, cx),
            Self::Detach(args) => commands::detach::run(args, cx),
            Self::AttachStatus(args) => commands::attach_status::run(args, cx),
            Self::AttachReprocess(args) => commands::attach_reprocess::run(args, cx),
            Self::Fixer(args) => commands::fixer::run(args, cx),
            Self::Grade(args) => commands::grade::run(args, cx),
            Self::Issue(args) => commands::issue::run(args, cx),
            Self::TraceSource(args) => commands::trace_source::run(args, cx),
            Self::Plugin(args) => commands::plugin::run(args, cx),
            Self::Record(args) => commands::record::run(args, cx),
            Self::Seed(args) => commands::seed::run(args, cx),
            Self::Prune(args) => commands::prune::run(args, cx),
            Self::Budget(args) => commands::budget::run(args, cx),
            Self::Prices(args) => commands::prices::run(args, cx),
            Self::Demo(args) => commands::demo::run(args, cx),
            Self::Clone(args) => commands::clone::run(args, cx),
            Self::Criteria(args) => commands::criteria::run(args, cx),
            Self::Config(args) => commands::config::run(args, cx),
            Self::Redact(args) => commands::redact::run(args, cx),
            Self::Doctor(args) => commands::doctor::run(args, cx),
            Self::Schema(args) => commands::schema::run(args, cx),
            Self::Completions(args) => commands::completions::run(args, cx),
            Self::Man(args) => commands::man::run(args, cx),
            Self::PluginHost(args) => commands::plugin_host::run(args, cx),
            Self::Watch(args) => commands::watch::run(args, cx),
            Self::Session(args) => commands::session::run(args, cx),
            Self::Reference(args) => commands::reference::run(args, cx),
        }
    }
}
