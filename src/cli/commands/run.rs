//! `archal run`: scenarios against clones.
//!
//! - `asked`: what the options say, or a plan that is gone on with.
//! - `loading`: scenario files, made ready.
//! - `looking`: what is found out without running anything: `--preflight-only`, `--dry-run`.
//! - `ending`: the exit code.

mod asked;
mod ending;
mod loading;
pub(super) mod looking;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use archal_core::id;
use clap::ValueEnum;

use crate::budget::amount::Usd;
use crate::cli::arguments::ConfigFile;
use crate::cli::bench::{self, Tools};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::suites;
use crate::config::schema::RouteMode;
use crate::config::{Config, Loaded, Override};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::run::attempt::Bench;
use crate::run::discarded;
use crate::run::estimate;
use crate::run::fingerprint::{self, Fingerprint};
use crate::run::harness::{self, Harness};
use crate::run::judged;
use crate::run::plan::SuitePlan;
use crate::run::ready::Ready;
use crate::run::report::{CommandSummary, SUMMARY_SCHEMA, SUMMARY_VERSION, SuiteReport};
use crate::run::request::Request;
use crate::run::scenarios::Prepared;
use crate::run::suite::{self, Ended, SuiteOptions};
use crate::run::terminal::{self, Look};
use crate::run::trouble::TroubleEverywhere;
use crate::sandbox::StopToken;

/// Run scenarios: the agent's own harness against local service clones
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive, Exit::Budget,
    Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// Scenario files, folders and patterns [default: `scenarios` in the configuration]
    scenarios: Vec<String>,

    #[command(flatten)]
    config: ConfigFile,

    /// A task for the agent in place of scenario files; only that it exits successfully is checked
    #[arg(long, value_name = "TEXT", requires = "clone", conflicts_with_all = ["scenarios", "tag"])]
    task: Option<String>,

    /// The clones the task meets
    #[arg(long, value_name = "NAME", requires = "task", value_delimiter = ',')]
    clone: Vec<String>,

    /// The program that runs the agent: a file, or a folder with `harness.*`
    #[arg(long, value_name = "PATH")]
    harness: Option<PathBuf>,

    /// Runs of each scenario
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: Option<u32>,

    /// Time limit of one run in seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: Option<u32>,

    /// Runs made at once, each with clones of its own [default: 1]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: Option<u32>,

    /// Form of the result
    #[arg(short, long, value_enum, default_value_t = Output::Terminal)]
    output: Output,

    /// A starting state: a seed's name or file, or `clone:` and either; several with commas
    #[arg(long, value_name = "SEED", value_delimiter = ',')]
    seed: Vec<String>,

    /// Run only scenarios with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// How the agent's traffic reaches the clones
    #[arg(long, value_enum)]
    route: Option<RouteFlag>,

    /// Something that goes wrong: `CLONE:OPERATION=EFFECT`, or `OPERATION#N` for its Nth call; a status,
    /// a delay, `drop`, `no-answer`, `cut`, `rate-limit`, `stale`
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    fault: Vec<String>,

    /// Calls that a caller may make of each clone before the service refuses: `100`, or `100/60s`
    #[arg(long, value_name = "N[/TIME]")]
    rate_limit: Option<String>,

    /// Satisfaction below which a scenario has failed, 0 to 100; `TAG=SCORE` for the mean over the
    /// scenarios with a tag
    #[arg(long, value_name = "SCORE", value_parser = asked::threshold)]
    pass_threshold: Vec<asked::Threshold>,

    /// The model that decides `[P]` criteria, over `judge.model` and the scenarios' own
    #[arg(long, value_name = "MODEL")]
    judge_model: Option<String>,

    /// Begin no further run once so many dollars are spent
    #[arg(long, value_name = "USD", value_parser = asked::dollars)]
    budget_usd: Option<Usd>,

    /// Flaky scenarios and ambiguous criteria are failures
    #[arg(long)]
    strict: bool,

    /// Have `archal prune` leave this suite and its runs alone
    #[arg(long)]
    keep: bool,

    /// Check everything up to the agent, and stop there
    #[arg(long, conflicts_with_all = ["dry_run", "resume"])]
    preflight_only: bool,

    /// Tell what would run and what it may take, and run nothing
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,

    /// Go on with a suite that was cut off [default: the last one that was]; its options hold, and
    /// `--config` only says where it is kept
    #[arg(
        long, value_name = "SUITE", num_args = 0..=1, default_missing_value = asked::LAST,
        conflicts_with_all = [
            "scenarios", "task", "harness", "runs", "timeout", "seed", "tag", "route",
            "pass_threshold", "judge_model", "strict", "keep", "fault", "rate_limit",
        ],
    )]
    resume: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Terminal,
    /// One JSON document.
    Json,
    /// JUnit XML, for what reads test results.
    Junit,
}

/// A route on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RouteFlag {
    /// `isolated` where user namespaces work, else `shim`.
    Auto,
    /// A network namespace that holds nothing but the clones.
    Isolated,
    /// Connections of Node and Python led to the clones from within; proxy variables for the rest.
    Shim,
    /// A proxy named in the usual variables.
    Proxy,
    /// Base URLs in variables and nothing else.
    Direct,
}

impl From<RouteFlag> for RouteMode {
    fn from(flag: RouteFlag) -> Self {
        match flag {
            RouteFlag::Auto => Self::Auto,
            RouteFlag::Isolated => Self::Isolated,
            RouteFlag::Shim => Self::Shim,
            RouteFlag::Proxy => Self::Proxy,
            RouteFlag::Direct => Self::Direct,
        }
    }
}

/// What a suite is made of, before it is planned.
struct Made<'a> {
    loaded: &'a Loaded,
    harness: &'a Harness,
    request: &'a Request,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let asked = asked::of(args, cx)?;
    let request = &asked.request;
    let flags: Vec<Override> = [
        Override::of("--runs", "runs", request.runs),
        Override::of("--timeout", "timeout", request.timeout),
        Override::of("--judge-model", "judge.model", request.judge_model.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let loaded = cx.load_config(request.config.as_deref(), &request.directory, &flags)?;
    let loading::Found { scenarios, tags } = loading::scenarios(request, &loaded, cx)?;
    if let (true, Some(tag)) = (scenarios.is_empty(), &request.tag) {
        let missing = loading::no_such_tag(tag, &tags);
        if let Some(plan) = &asked.plan {
            let error = CliError::usage(format!("{missing}; {} had some", plan.suite));
            return Err(error.hint("archal run <scenario.md>, which begins a new suite"));
        }
        cx.printer.note(missing);
        if !args.preflight_only && !args.dry_run {
            return nothing(args, cx);
        }
    }
    for tag in request.tag_thresholds.keys() {
        if !tags.contains(tag) {
            let missing = loading::no_such_tag(tag, &tags);
            cx.printer.warning(format!(
                "--pass-threshold {tag} holds for nothing: {missing}"
            ));
        }
    }
    let tools = Tools::new(cx, &loaded)?;
    asked::refuse_keys(request, tools.scrubber())?;
    let judge = bench::judge(tools.scrubber(), &loaded, request.judge_model.is_some(), cx)?;
    let interrupts = Stopping::listen()?;
    let bench = Bench {
        judge: judge.as_ref(),
        stop: Some(interrupts.token()),
        ..tools.bench(cx)
    };
    let harness = found(request, &loaded, cx)?;
    let made = Made {
        loaded: &loaded,
        harness: &harness,
        request,
    };
    let options = options(&made, &scenarios, cx)?;
    let ready = loading::ready(&bench, &scenarios, &options)?;
    if args.preflight_only {
        judge_ready(&bench, &scenarios)?;
        return looking::preflight(&bench, &ready, &options, cx);
    }
    let layout = if args.dry_run {
        bench::known_layout(&loaded.directory, cx)
    } else {
        bench::layout(&loaded.directory, cx)?
    };
    if args.dry_run {
        let estimate = estimate::of(&layout, &ready, options.jobs);
        return Ok(looking::dry_run(&estimate, cx));
    }
    let present: Vec<_> = ready
        .iter()
        .map(|one| one.present(&bench, &options))
        .collect();
    let agent = agent(&made, &options, &scenarios, cx);
    let (plan, _lock) = match asked.plan {
        Some(mut old) => {
            let lock = old.lock(&layout).map_err(asked::plan_error)?;
            let with = (bench.scrubber, &options.prices);
            discarded::leftovers(&mut old, &layout, with).map_err(asked::plan_error)?;
            let (plan, notes) = old
                .renewed(&layout, cx.ids.as_ref(), &agent.hash, &present)
                .map_err(asked::plan_error)?;
            let finished = plan.finished(&layout).len();
            let unseen = agent.unseen.filter(|_| finished > 0);
            for note in notes.into_iter().chain(unseen) {
                cx.printer.note(note);
            }
            cx.printer.note(format!(
                "going on with {}: {finished} of {} runs are finished",
                plan.suite,
                plan.size()
            ));
            (plan, lock)
        }
        None => {
            let now = cx.clock.now().to_string();
            let ids = cx.ids.as_ref();
            let plan = SuitePlan::new(ids, now, request.clone(), agent.hash, &present);
            let lock = plan.lock(&layout).map_err(asked::plan_error)?;
            (plan, lock)
        }
    };
    if plan.finished(&layout).len() < plan.size() {
        judge_ready(&bench, &scenarios)?;
    }
    plan.write(&layout).map_err(CliError::environment)?;
    make(
        &bench,
        &layout,
        (&plan, &ready),
        (&options, args.output),
        cx,
    )
}

/// Makes the runs and tells what they came to.
fn make(
    bench: &Bench<'_>,
    layout: &crate::store::layout::Layout,
    (plan, ready): (&SuitePlan, &[Ready<'_>]),
    (options, output): (&SuiteOptions<'_>, Output),
    cx: &CommandContext,
) -> Result<Exit, CliError> {
    let printer = cx.printer.clone();
    let mut progress = |ended: Ended<'_>| {
        let line = terminal::progress::line(ended.result, Some(ended.planned), Look::default());
        printer.note(line);
        for note in &ended.result.notes {
            printer.note(format!("    note: {note}"));
        }
    };
    let end = suite::run(bench, layout, plan, ready, options, &mut progress)
        .map_err(CliError::environment)?;
    let report = &end.report;
    if output != Output::Junit {
        let text = terminal::summary::of(report, &suites::stderr, suites::look(cx));
        cx.printer.line(text.trim_end());
    }
    document(report, output, cx)?;
    ending::tell(report, output == Output::Terminal, cx);
    ending::judged(report, bench.judge, cx);
    if let Some(error) = end.error {
        let error = bench::attempt_error(error);
        cx.printer
            .warning(format!("no further run was begun: {error}"));
        for cause in error.causes() {
            cx.printer.warning(format!("caused by: {cause}"));
        }
    }
    Ok(ending::exit(report))
}

/// A judge that cannot be asked is told before an agent has cost anything.
fn judge_ready(bench: &Bench<'_>, scenarios: &[Prepared]) -> Result<(), CliError> {
    judged::ready(bench, scenarios).map_err(|not| {
        let error = CliError::environment(format!("the judge cannot be asked: {}", not.reason));
        match not.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

/// Writes the result for programs, where one was asked for.
fn document(report: &SuiteReport, output: Output, cx: &CommandContext) -> Result<(), CliError> {
    if output == Output::Junit {
        cx.printer.raw(suites::junit(report, cx)?.as_bytes());
    }
    cx.printer.document(SUMMARY_SCHEMA, SUMMARY_VERSION, report);
    Ok(())
}

/// No scenario was asked for: a result without any, for whoever reads one. Nothing is kept of it.
fn nothing(args: &Args, cx: &CommandContext) -> Result<Exit, CliError> {
    let now = cx.clock.now().to_string();
    let report = SuiteReport {
        suite: id::prefixed(cx.ids.as_ref(), "suite"),
        started_at: now.clone(),
        finished_at: now,
        command: CommandSummary {
            jobs: args.jobs.unwrap_or(1),
            tag: args.tag.clone(),
            strict: args.strict,
            ..CommandSummary::default()
        },
        ..SuiteReport::default()
    };
    document(&report, args.output, cx)?;
    Ok(Exit::Fine)
}

/// The agent as it is now.
fn agent(
    made: &Made<'_>,
    options: &SuiteOptions<'_>,
    scenarios: &[Prepared],
    cx: &CommandContext,
) -> Fingerprint {
    let mut apart: Vec<PathBuf> = scenarios
        .iter()
        .map(|prepared| prepared.scenario.path.clone())
        .collect();
    // What matters of it is compared by itself.
    apart.extend(made.loaded.source.iter().map(|source| source.path.clone()));
    let path = cx.environment.get("PATH").unwrap_or_default();
    let directory = &made.loaded.directory;
    fingerprint::of(made.harness, directory, options.model, &apart, path)
}

/// The agent, which is there.
fn found(request: &Request, loaded: &Loaded, cx: &CommandContext) -> Result<Harness, CliError> {
    let flag = request
        .harness
        .as_ref()
        .map(|path| request.directory.join(path));
    let wanted = bench::wanted(flag.as_deref(), loaded, &cx.environment)?;
    let harness = harness::find(&loaded.directory, &wanted).map_err(bench::no_harness)?;
    harness::check(&harness, &loaded.directory, &cx.environment).map_err(bench::no_harness)?;
    for note in &harness.notes {
        cx.printer.note(note);
    }
    Ok(harness)
}

/// What goes wrong on purpose, as the options say.
fn trouble(request: &Request, cx: &CommandContext) -> Result<TroubleEverywhere, CliError> {
    let limit = request.rate_limit.as_deref();
    TroubleEverywhere::read(&request.faults, limit, cx.clones).map_err(|problem| {
        let error = CliError::usage(problem.message);
        match problem.help {
            Some(help) => error.hint(help),
            None => error,
        }
    })
}

/// What a flag, the environment or the file set wins over the built-in default, and a scenario's own
/// Config wins over the file.
fn options<'a>(
    made: &Made<'a>,
    scenarios: &[Prepared],
    cx: &CommandContext,
) -> Result<SuiteOptions<'a>, CliError> {
    let (request, loaded) = (made.request, made.loaded);
    let config = &loaded.config;
    let mut tag_thresholds = config.tag_thresholds.clone();
    if let Some((tag, score)) = tag_thresholds
        .iter()
        .find(|(_, score)| !(0.0..=100.0).contains(*score))
    {
        return Err(CliError::config(format!(
            "`tagThresholds.{tag}` is {score}, which is not from 0 to 100"
        )));
    }
    tag_thresholds.extend(request.tag_thresholds.clone());
    Ok(SuiteOptions {
        harness: made.harness,
        directory: &loaded.directory,
        config: request.config.clone(),
        jobs: usize::try_from(request.jobs)
            .ok()
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MIN),
        runs: request.runs,
        default_runs: config.runs,
        timeout: request
            .timeout
            .map(|seconds| Duration::from_secs(seconds.into())),
        default_timeout: Duration::from_secs(config.timeout.into()),
        route: request.route,
        default_route: config.route.mode,
        model: config.agent_model.as_deref(),
        judge_model: request.judge_model.clone(),
        states: loading::states(request, loaded, scenarios, cx)?,
        trouble: trouble(request, cx)?,
        pass_threshold: request.pass_threshold,
        default_threshold: config.pass_threshold.unwrap_or(100.0),
        tag_thresholds,
        tag: request.tag.clone(),
        budget: request.budget_usd.and_then(Usd::reported),
        strict: request.strict,
        prices: bench::prices(loaded)?,
        withheld: withheld(config),
        expose_clone_urls: config.expose_clone_urls,
    })
}

/// Keys of others, which the agent does not get.
fn withheld(config: &Config) -> BTreeSet<String> {
    let fixers = config.fixer.key_env.iter();
    let fixers = fixers.filter(|name| !config.agent_keys.contains(*name));
    fixers.chain([&config.judge.api_key_env]).cloned().collect()
}

/// Ctrl-C and SIGTERM: no further run begins, and those under way are ended, in their own time at the
/// first, which is a few seconds, and at once at the third.
struct Stopping {
    interrupts: Interrupts,
}

impl Stopping {
    fn listen() -> Result<Self, CliError> {
        // A run is not worth finishing once nobody waits for the suite.
        let token: Arc<OnceLock<StopToken>> = Arc::default();
        let told = Arc::clone(&token);
        let interrupts = Interrupts::listen(Hangup::Ends, move |_| {
            if let Some(token) = told.get() {
                token.stop();
            }
        })
        .map_err(CliError::environment)?;
        let known = token.get_or_init(|| interrupts.token().clone());
        if interrupts.is_interrupted() {
            known.stop();
        }
        Ok(Self { interrupts })
    }

    fn token(&self) -> &StopToken {
        self.interrupts.token()
    }
}
