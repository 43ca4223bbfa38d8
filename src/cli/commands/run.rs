//! `archal run`: scenarios against clones.
//!
//! - `asked`: what the options say, or a plan that is gone on with.
//! - `looking`: what is found out without running anything: `--preflight-only`, `--dry-run`.
//! - `ending`: the exit code.

mod asked;
mod ending;
pub(super) mod looking;

use std::sync::{Arc, OnceLock};

use archal_core::id;
use clap::ValueEnum;

use crate::budget::amount::Usd;
use crate::cli::bench::{self, Tools};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::making::options::{self, SuiteArgs};
use crate::cli::making::{loading, resolved};
use crate::cli::suites;
use crate::config::Override;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::run::attempt::Bench;
use crate::run::discarded;
use crate::run::estimate;
use crate::run::plan::SuitePlan;
use crate::run::ready::Ready;
use crate::run::report::{CommandSummary, SUMMARY_SCHEMA, SUMMARY_VERSION, SuiteReport};
use crate::run::suite::{self, Ended, SuiteOptions};
use crate::run::terminal::{self, Look};
use crate::sandbox::StopToken;

/// Run scenarios: the agent's own harness against local service clones
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive, Exit::Budget,
    Exit::Interrupted,
]))]
pub(crate) struct Args {
    #[command(flatten)]
    suite: SuiteArgs,

    /// Form of the result
    #[arg(short, long, value_enum, default_value_t = Output::Terminal)]
    output: Output,

    /// Begin no further run once so many dollars are spent
    #[arg(long, value_name = "USD", value_parser = options::dollars)]
    budget_usd: Option<Usd>,

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
    resolved::refuse_keys(request, tools.scrubber())?;
    let judge = bench::judge(tools.scrubber(), &loaded, request.judge_model.is_some(), cx)?;
    let interrupts = Stopping::listen()?;
    let bench = Bench {
        judge: judge.as_ref(),
        stop: Some(interrupts.token()),
        ..tools.bench(cx)
    };
    let harness = resolved::found(request, &loaded, cx)?;
    let made = resolved::Made {
        loaded: &loaded,
        harness: &harness,
        request,
    };
    let options = resolved::options(&made, &scenarios, cx)?;
    let ready = loading::ready(&bench, &scenarios, &options)?;
    if args.preflight_only {
        resolved::judge_ready(&bench, &scenarios)?;
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
    let agent = resolved::agent(&made, &options, &scenarios, cx);
    let (plan, _lock) = match asked.plan {
        Some(mut old) => {
            let lock = old.lock(&layout).map_err(resolved::plan_error)?;
            let with = (bench.scrubber, &options.prices);
            discarded::leftovers(&mut old, &layout, with).map_err(resolved::plan_error)?;
            let (plan, notes) = old
                .renewed(&layout, cx.ids.as_ref(), &agent.hash, &present)
                .map_err(resolved::plan_error)?;
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
            let lock = plan.lock(&layout).map_err(resolved::plan_error)?;
            (plan, lock)
        }
    };
    if plan.finished(&layout).len() < plan.size() {
        resolved::judge_ready(&bench, &scenarios)?;
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
            jobs: args.suite.jobs.unwrap_or(1),
            tag: args.suite.tag.clone(),
            strict: args.suite.strict,
            ..CommandSummary::default()
        },
        ..SuiteReport::default()
    };
    document(&report, args.output, cx)?;
    Ok(Exit::Fine)
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
