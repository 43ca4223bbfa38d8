//! `archal run`: scenarios against clones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::arguments::ConfigFile;
use crate::cli::bench::{self, Tools};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::config::schema::RouteMode;
use crate::config::{Loaded, Override};
use crate::run::attempt::RunResult;
use crate::run::harness;
use crate::run::report::{SUMMARY_SCHEMA, SUMMARY_VERSION, ScenarioReport};
use crate::run::scenarios::{self, Prepared};
use crate::run::score::ScenarioStatus;
use crate::run::seeds::{self, OtherStates};
use crate::run::suite::{self, SuiteOptions};
use crate::run::terminal;
use crate::sandbox::child::ChildOutcome;
use crate::scenario::discover;

/// Run scenarios: the agent's own harness against local service clones
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive, Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// Scenario files, folders and patterns [default: `scenarios` in the configuration]
    scenarios: Vec<String>,

    #[command(flatten)]
    config: ConfigFile,

    /// The program that runs the agent: a file, or a folder with `harness.*`
    #[arg(long, value_name = "PATH")]
    harness: Option<PathBuf>,

    /// Runs of each scenario
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: Option<u32>,

    /// Time limit of one run in seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: Option<u32>,

    /// Form of the result
    #[arg(short, long, value_enum, default_value_t = Output::Terminal)]
    output: Output,

    /// A starting state: a seed's name or file, or `clone:` and either
    #[arg(long, value_name = "SEED")]
    seed: Vec<String>,

    /// Run only scenarios with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// How the agent's traffic reaches the clones
    #[arg(long, value_enum)]
    route: Option<RouteFlag>,

    /// Satisfaction below which a scenario has failed, 0 to 100
    #[arg(long, value_name = "SCORE", value_parser = threshold)]
    pass_threshold: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Terminal,
    /// One JSON document.
    Json,
}

/// A route on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RouteFlag {
    /// `isolated` where user namespaces work, else `proxy`.
    Auto,
    /// A network namespace that holds nothing but the clones.
    Isolated,
    /// A proxy named in the usual variables.
    Proxy,
}

impl From<RouteFlag> for RouteMode {
    fn from(flag: RouteFlag) -> Self {
        match flag {
            RouteFlag::Auto => Self::Auto,
            RouteFlag::Isolated => Self::Isolated,
            RouteFlag::Proxy => Self::Proxy,
        }
    }
}

fn threshold(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|score| (0.0..=100.0).contains(score))
        .ok_or_else(|| "it is not a number from 0 to 100".to_owned())
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let directory = cx.environment.directory.clone();
    let flags: Vec<Override> = [
        Override::of("--runs", "runs", args.runs),
        Override::of("--timeout", "timeout", args.timeout),
    ]
    .into_iter()
    .flatten()
    .collect();
    let loaded = cx.load_config(args.config.config.as_deref(), &directory, &flags)?;
    let scenarios = load(args, &loaded, cx)?;
    if scenarios.is_empty() {
        cx.printer.note("no scenario has that tag");
        return Ok(Exit::Fine);
    }
    let tools = Tools::new(cx, &loaded)?;
    let bench = tools.bench(cx);
    let flag = args
        .harness
        .as_ref()
        .map(|path| cx.environment.resolve(path));
    let wanted = bench::wanted(flag.as_deref(), &loaded, &cx.environment)?;
    let harness = harness::find(&loaded.directory, &wanted).map_err(bench::no_harness)?;
    let program = harness.command.first().map_or("", String::as_str);
    if !harness::is_there(program, &loaded.directory, &cx.environment) {
        return Err(bench::no_harness(harness::HarnessError::Missing {
            path: program.into(),
        }));
    }
    let layout = bench::layout(&loaded.directory, cx)?;
    let states = states(args, &loaded, &scenarios, cx)?;
    // What a flag, the environment or the file set wins over the built-in default, and a
    // scenario's own Config wins over the file.
    let is_flag = |given: bool, value: u32| given.then_some(value);
    let options = SuiteOptions {
        harness: &harness,
        directory: &loaded.directory,
        runs: is_flag(args.runs.is_some(), loaded.config.runs),
        default_runs: loaded.config.runs,
        timeout: is_flag(args.timeout.is_some(), loaded.config.timeout)
            .map(|seconds| Duration::from_secs(seconds.into())),
        default_timeout: Duration::from_secs(loaded.config.timeout.into()),
        route: args.route.map(Into::into),
        default_route: loaded.config.route.mode,
        model: loaded.config.agent_model.as_deref(),
        states,
        pass_threshold: args.pass_threshold,
        withheld: BTreeSet::new(),
        expose_clone_urls: loaded.config.expose_clone_urls,
    };
    let printer = cx.printer.clone();
    let mut progress = |result: &RunResult| printer.note(terminal::progress(result));
    let report = suite::run(&bench, &layout, &scenarios, &options, &mut progress)
        .map_err(bench::suite_error)?;
    cx.printer.line(terminal::summary(&report).trim_end());
    cx.printer
        .document(SUMMARY_SCHEMA, SUMMARY_VERSION, &report);
    Ok(Exit::of_all(report.scenarios.iter().map(exit_of)))
}

fn load(args: &Args, loaded: &Loaded, cx: &CommandContext) -> Result<Vec<Prepared>, CliError> {
    let (folder, places) = if args.scenarios.is_empty() {
        (&loaded.directory, &loaded.config.scenarios)
    } else {
        (&cx.environment.directory, &args.scenarios)
    };
    if places.is_empty() {
        return Err(
            CliError::usage("no scenario is named and the configuration names none")
                .hint("archal run <scenario.md>")
                .hint("or name a folder in .archal.json: \"scenarios\": [\"archal\"]"),
        );
    }
    let found = discover::discover(folder, places).map_err(CliError::usage)?;
    let searched = || {
        let names: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        format!("{} in {}", names.join(", "), folder.display())
    };
    if found.is_empty() {
        return Err(
            CliError::usage(format!("there is no scenario below {}", searched()))
                .hint("archal run <scenario.md>")
                .hint("a scenario is a markdown file with `## Prompt` and `## Success Criteria`"),
        );
    }
    let mut all = Vec::new();
    for path in found {
        let (prepared, notes) = scenarios::load(&path, cx.clones).map_err(|broken| {
            let what = format!("{} is not a scenario archal can run", broken.path.display());
            CliError::config(what).at(broken.diagnostics, broken.source)
        })?;
        for note in &notes {
            cx.printer.diagnostic(note, None);
        }
        let config = &prepared.scenario.config;
        let tagged = |tag: &String| config.tags.contains(tag);
        if !config.retired && args.tag.as_ref().is_none_or(tagged) {
            all.push(prepared);
        }
    }
    if all.is_empty() && args.tag.is_none() {
        return Err(
            CliError::usage(format!("every scenario below {} is retired", searched()))
                .hint("take `retired` out of its Config"),
        );
    }
    Ok(all)
}

/// Starting states from `--seed`, and from the configuration for clones a scenario leaves open.
fn states(
    args: &Args,
    loaded: &Loaded,
    scenarios: &[Prepared],
    cx: &CommandContext,
) -> Result<OtherStates, CliError> {
    let names: BTreeSet<String> = scenarios
        .iter()
        .flat_map(|prepared| prepared.scenario.config.clones.iter().cloned())
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let mut forced = BTreeMap::new();
    for text in &args.seed {
        let (clone, state) = seeds::of_flag(text, &names, cx.clones, &cx.environment.directory)
            .map_err(|error| CliError::usage(error).hint("archal clone list"))?;
        forced.insert(clone, state);
    }
    Ok(OtherStates {
        forced,
        default: bench::default_states(loaded)?,
    })
}

fn exit_of(report: &ScenarioReport) -> Exit {
    let not_started =
        |result: &RunResult| matches!(result.harness, ChildOutcome::NotStarted { .. });
    if report.results.iter().any(not_started) {
        return Exit::CouldNotRun;
    }
    match report.score.status {
        ScenarioStatus::Passed => Exit::Fine,
        ScenarioStatus::Failed => Exit::Bad,
        ScenarioStatus::Flaky | ScenarioStatus::Inconclusive => Exit::Inconclusive,
    }
}
