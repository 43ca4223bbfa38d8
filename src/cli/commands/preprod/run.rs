//! `archal preprod run`: scenarios, failures classified, fix attempts, everything again, validation.

use std::path::{Path, PathBuf};

use archal_core::confined::Confined;
use archal_core::id;

use crate::budget::cap::{self, Cap, Caps};
use crate::budget::ledger::{self, Ledger};
use crate::cli::arguments::{JsonOutput, Sandbox};
use crate::cli::bench::{self, Tools};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::making::options::SuiteArgs;
use crate::cli::making::{loading, resolved};
use crate::cli::submitting::{self, Handed};
use crate::config::preprod::Preprod;
use crate::config::sandbox::SandboxMode;
use crate::config::{Loaded, Override};
use crate::fix::choice::FixerChoice;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::host::lock::FileLock;
use crate::host::queue::WorkKind;
use crate::preprod::artifacts;
use crate::preprod::decide::{self, Means, Next};
use crate::preprod::fixers;
use crate::preprod::journal::{self, Purse, RunJournal};
use crate::preprod::report::{Policy, ScenarioOutcome};
use crate::preprod::second::{self, Asking};
use crate::preprod::status::StopReason;
use crate::preprod::validation::Validator;
use crate::report::rate::Rate;
use crate::reproduce::private;
use crate::reproduce::workplace::WorkspaceOptions;
use crate::run::attempt::Bench;
use crate::run::harness;
use crate::run::judged::Until;
use crate::run::request::Request;
use crate::run::scenarios::Prepared;
use crate::sandbox::StopToken;
use crate::sandbox::child::Containment;
use crate::sandbox::confine;

use super::ending::{End, Ending};
use super::explained::{explain_first, explained};
use super::first::{self, First};
use super::phase;

/// Run scenarios, classify what fails, let a fixer work on it within bounds, and run them again
///
/// The first run is made in the checkout as it is. From the first fix attempt on everything runs in
/// private copies of HEAD. The same command with the same `--artifacts` goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Budget, Exit::Interrupted,
]))]
pub(crate) struct Args {
    #[command(flatten)]
    suite: SuiteArgs,

    #[command(flatten)]
    output: JsonOutput,

    /// Say what the loop would do, and run nothing
    #[arg(long, conflicts_with = "dry_run")]
    plan: bool,

    /// Run and classify, and stop before anything is fixed
    #[arg(long)]
    dry_run: bool,

    /// Where the artifacts go; a folder that an earlier run left is gone on with [default: a new one
    /// in `.archal/preprod`]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,

    /// How many times a fixer is asked at most [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10))]
    max_fix_attempts: Option<u32>,

    /// Allow commands that are not the harness: the fix, validation and pull request commands
    #[arg(long)]
    allow_external_execution: bool,

    /// The command that tries to repair the agent
    #[arg(long, value_name = "COMMAND")]
    fix_command: Option<String>,

    /// The coding agent that repairs: aider, claude, codex, copilot, gemini, opencode; or pdca, cycles of them
    #[arg(long, value_name = "NAME", conflicts_with = "fix_command")]
    fixer: Option<String>,

    /// A command that must succeed once the scenarios pass
    #[arg(long, value_name = "COMMAND")]
    validation_command: Option<String>,

    /// Publish a patch that is proved as a draft pull request, and read it back
    #[arg(long)]
    open_pr: bool,

    /// A command that opens the draft in place of archal: it is told what was proved in
    /// `ARCHAL_PREPROD_VALIDATION_JSON`
    #[arg(long, value_name = "COMMAND", requires = "open_pr")]
    pr_command: Option<String>,

    /// What this run may cost, in US dollars, or `none` [default: 1.00]
    #[arg(long, value_name = "USD|none")]
    budget_usd: Option<Cap>,

    /// Hand the run to the repository's watcher, which is started where none runs, and return
    ///
    /// The exit code says whether it was taken over; archal attach-status says how it ends.
    #[arg(long, conflicts_with = "plan")]
    background: bool,

    /// How far the fixer, the set-up and the other commands are confined [default: best-effort]
    #[arg(long, value_name = "MODE")]
    sandbox: Option<Sandbox>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let request = args.suite.request(None, cx)?;
    let flags: Vec<Override> = [
        Override::of("--runs", "runs", request.runs),
        Override::of("--timeout", "timeout", request.timeout),
        Override::of("--judge-model", "judge.model", request.judge_model.clone()),
        Override::of(
            "--max-fix-attempts",
            "preprod.maxFixAttempts",
            args.max_fix_attempts,
        ),
        Override::of(
            "--allow-external-execution",
            "preprod.allowExternalExecution",
            args.allow_external_execution.then_some(true),
        ),
        Override::of(
            "--fix-command",
            "preprod.fixCommand",
            args.fix_command.clone(),
        ),
        Override::of("--fixer", "fixer.name", args.fixer.clone()),
        Override::of(
            "--validation-command",
            "preprod.validationCommand",
            args.validation_command.clone(),
        ),
        Override::of("--open-pr", "preprod.openPr", args.open_pr.then_some(true)),
        Override::of("--pr-command", "preprod.prCommand", args.pr_command.clone()),
        Override::of("--budget-usd", "preprod.budgetUsd", args.budget_usd),
        Override::of(
            "--sandbox",
            "attach.sandbox",
            args.sandbox.map(|sandbox| sandbox.mode().name()),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let loaded = cx.load_config(request.config.as_deref(), &request.directory, &flags)?;
    let caps = caps(&loaded)?;
    let choice = fixers::chosen(&loaded.config, args.fix_command.is_some());
    let tools = Tools::new(cx, &loaded)?;
    resolved::refuse_keys(&request, tools.scrubber())?;
    let containment = tools.bench(cx).probe.containment();
    let mode = loaded.config.attach.sandbox;
    // Tried for real where a command may come to run; a look alone runs nothing.
    let config = &loaded.config;
    let has_commands =
        config.workspace.setup.is_some() || config.preprod.validation_command.is_some();
    let able = (mode != SandboxMode::Off && !args.plan).then(|| {
        let able = confine::able(&cx.binary, containment);
        match has_commands {
            true => confine::with_commands(able, &cx.binary, containment),
            false => able,
        }
    });
    let ending = Ending {
        scrubber: tools.scrubber(),
        repo: &loaded.directory,
        policy: policy(
            (&loaded.config.preprod, &caps),
            (mode, able.as_ref(), containment),
            (choice.as_ref(), &tools),
        ),
        started_at: cx.clock.now(),
        is_unwritten: args.plan || args.background,
        is_folder_named: args.artifacts.is_some(),
    };
    let layout = match args.plan {
        true => bench::known_layout(&loaded.directory, cx),
        false => bench::layout(&loaded.directory, cx)?,
    };
    let folder = folder(args, &layout.preprod(), cx);

    artifacts::refuse_foreign(&folder).map_err(|error| {
        CliError::usage(error.to_string()).hint("--artifacts <a new or empty folder>")
    })?;
    let state = layout.preprod();
    // Before anything is written, also of an end that comes early: the folder may be another run's.
    // What is handed over waits for that run, so it takes the lock when its turn comes.
    let _lock = match args.plan || args.background {
        true => None,
        false => Some(turn(&layout.preprod_lock(), cx)?),
    };

    // Resolve.
    if let Some(missing) = loading::nothing(&request, &loaded) {
        let end = End::stopped(StopReason::NoScenarios, missing, &folder);
        return ending.tell(end, cx);
    }
    let mut scenarios = loading::scenarios(&request, &loaded, cx)?.scenarios;
    if scenarios.is_empty() {
        let tag = request.tag.as_deref().unwrap_or_default();
        let missing = format!("no scenario has the tag {tag}");
        return ending.tell(End::stopped(StopReason::NoScenarios, missing, &folder), cx);
    }
    // Whatever was asked for, a fix must not bring back what was repaired before.
    let mut guards = match choice.is_some() && !args.dry_run && !args.plan {
        true => loading::guards(&scenarios, &loaded, cx)?,
        false => Vec::new(),
    };
    if request.route.is_some() {
        // The option wins over what a scenario says, in private copies as in the checkout.
        for prepared in scenarios.iter_mut().chain(&mut guards) {
            prepared.scenario.config.route = None;
        }
    }
    let flag = request
        .harness
        .as_ref()
        .map(|path| request.directory.join(path));
    let wanted = bench::wanted(flag.as_deref(), &loaded, &cx.environment)?;
    let found = harness::find(&loaded.directory, &wanted);
    let found = found.and_then(|found| {
        harness::check(&found, &loaded.directory, &cx.environment)?;
        Ok(found)
    });
    let harness = match found {
        Ok(harness) => harness,
        Err(error) => {
            let mut end = End::stopped(StopReason::NoHarness, error.to_string(), &folder);
            end.scenarios = unrun(&scenarios);
            return ending.tell(end, cx);
        }
    };
    for note in &harness.notes {
        cx.printer.note(note);
    }
    let work = StopToken::new();
    let ended = work.clone();
    let interrupts =
        Interrupts::listen(Hangup::Ends, move |_| ended.stop()).map_err(CliError::environment)?;
    let judge = bench::judge(tools.scrubber(), &loaded, request.judge_model.is_some(), cx)?;
    let bench = Bench {
        judge: judge.as_ref(),
        stop: Some(&work),
        ..tools.bench(cx)
    };
    let made = resolved::Made {
        loaded: &loaded,
        harness: &harness,
        request: &request,
    };
    let options = resolved::options(&made, &scenarios, cx)?;
    // What goes wrong on purpose, and other starting states, are about what was asked for.
    let calm = Request {
        seeds: Vec::new(),
        faults: Vec::new(),
        rate_limit: None,
        ..request.clone()
    };
    let guarding = resolved::Made {
        request: &calm,
        ..made
    };
    let guarding = resolved::options(&guarding, &guards, cx)?;
    let mut all = loading::ready(&bench, &scenarios, &options)?;
    let asked = all.len();
    all.extend(loading::ready(&bench, &guards, &guarding)?);
    let ready = &all[..asked];
    resolved::judge_ready(&bench, &scenarios)?;
    if args.plan {
        let explanation = explained(&ending.policy, ready.len());
        let mut end = End::stopped(StopReason::PlanOnly, explanation, &folder);
        end.scenarios = unrun(&scenarios);
        return ending.tell(end, cx);
    }

    if args.background {
        drop(interrupts);
        let kind = WorkKind::Preprod;
        let unnamed = Some(folder.as_path()).filter(|_| args.artifacts.is_none());
        let handed = Handed {
            kind,
            repo: &loaded.directory,
            arguments: submitting::arguments(&cx.arguments, kind, unnamed)?,
            artifacts: &folder,
            config: request.config.as_deref(),
        };
        submitting::refuse_keys(&handed.arguments, tools.scrubber())?;
        return submitting::submit(&handed, cx);
    }

    // Who counts the money.
    let prices = options.prices.clone();
    // What a run that was killed left in the cache.
    private::collect(&cx.environment);
    let (ledger, warning) =
        Ledger::open(ledger::path(&cx.environment).as_deref()).map_err(ledger_error)?;
    if let Some(warning) = warning {
        cx.printer.note(warning);
    }
    let ledger = ledger.held_by(&state);
    let whole = journal::settle(&loaded.directory, &ledger, &state, &prices)
        .map_err(CliError::environment)?;
    artifacts::forget(&folder, artifacts::ALL).map_err(CliError::environment)?;
    let begun = first::begun(&folder, cx)?;
    let journal = RunJournal::new(
        Purse {
            repo: &loaded.directory,
            ledger,
            caps,
            run: begun.run.clone(),
            fixer_has_key: choice.as_ref().is_some_and(|choice| {
                let workspace = WorkspaceOptions::of(&loaded.config);
                let (withheld, named) = (&workspace.agent_keys, &loaded.config.workspace.env);
                fixers::has_key(choice, &cx.environment, withheld, named)
            }),
            fixer_share: journal::fixer_share(
                caps.per_trace,
                loaded.config.preprod.max_fix_attempts,
            ),
            prices: &prices,
        },
        (cx.clock.clone(), cx.ids.as_ref()),
        (&state, &folder),
        &work,
    );

    if let Some(judge) = &judge {
        judge.count_with(journal.run(), caps.per_trace);
    }

    // Run and classify.
    let first = first::make(
        &First {
            bench: &bench,
            layout: &layout,
            made: &made,
            scenarios: &scenarios,
            ready,
            journal: &journal,
            folder: &folder,
            whole: &whole,
        },
        options,
        begun,
        cx,
    )?;
    let lacks_sandbox =
        mode == SandboxMode::Required && !able.as_ref().is_some_and(Confined::is_whole);
    let means = means(
        args,
        &loaded.config.preprod,
        (choice.is_some(), lacks_sandbox),
    );
    let mut end = match first {
        first::Made::Interrupted => return Ok(ending.interrupted(&folder, cx)),
        first::Made::Stopped(end) => *end,
        first::Made::Whole { report, options } => {
            let fix_harness = loaded.config.preprod.fix_harness;
            let mut failures = first::failures(ready, &report, fix_harness);
            if let Some(judge) = judge.as_ref() {
                second::ask(
                    &mut failures,
                    ready,
                    &report.scenarios,
                    &Asking {
                        judge,
                        pause: &Until(&work),
                        run: journal.run(),
                    },
                    &|category| decide::is_fixable(category, fix_harness),
                );
            }
            for failure in &failures {
                cx.printer.note(failure.line());
            }
            let validator = validator(&loaded, &bench, &folder);
            let mut next = decide::after_first(&failures, &means);
            let open = first::left_open(&report).join(", ");
            // What nobody decided has not passed.
            let is_undecided = failures.is_empty() && !open.is_empty();
            if is_undecided {
                next = Next::Stop(StopReason::RunIncomplete);
            }
            let mut first = End::of_first(report, failures, &folder);
            match next {
                Next::Stop(reason) if is_undecided => {
                    first.reason = reason;
                    first.explanation = format!(
                        "the judge could not be asked or was unsure about {open}; the same command asks again"
                    );
                    first
                }
                Next::Stop(reason) => explain_first(first, reason, &ending.policy),
                Next::Validate => {
                    let validated = validator
                        .as_ref()
                        .map(|validator| validator.in_checkout(&loaded.directory));
                    match validated {
                        Some(Ok(outcome)) => first.validated(outcome),
                        Some(Err(error)) => match first.unfinished(error.into(), &journal) {
                            Some(end) => end,
                            None => return Ok(ending.interrupted(&folder, cx)),
                        },
                        None => explain_first(first, StopReason::ScenariosPassed, &ending.policy),
                    }
                }
                Next::Fix => {
                    let Some(choice) = &choice else {
                        return Err(CliError::internal("a fix phase began without a fixer"));
                    };
                    let place = phase::Place {
                        bench: &bench,
                        loaded: &loaded,
                        wanted: &wanted,
                        harness_flag: request.harness.as_deref(),
                        ready: &all,
                        asked,
                        scenarios: &scenarios,
                        guards: &guards,
                        options: &options,
                        guarding: &guarding,
                        journal: &journal,
                        folder: &folder,
                        means,
                        choice,
                        validator: validator.as_ref(),
                        work: &work,
                    };
                    match phase::run(&place, first, cx) {
                        Some(end) => end,
                        None => return Ok(ending.interrupted(&folder, cx)),
                    }
                }
            }
        }
    };
    end.costs = journal.totals().map_err(ledger_error)?;
    end.run = journal.run().to_owned();
    drop(interrupts);
    ending.tell(end, cx)
}

/// The right to run in this repository. A job was given its turn by the watcher, and whoever took the
/// lock in a terminal since then only delays it: a signal ends it while it waits, and it is queued again.
fn turn(lock: &Path, cx: &CommandContext) -> Result<FileLock, CliError> {
    if let Some(lock) = FileLock::take(lock).map_err(CliError::environment)? {
        return Ok(lock);
    }
    let taken = "another preprod run works on this repository";
    if cx.is_job {
        cx.printer
            .warning(format!("{taken}; this one waits for its end"));
        return FileLock::wait(lock).map_err(CliError::environment);
    }
    Err(CliError::environment(taken)
        .hint("wait for its end, or end it where it was started: archal attach-status shows one of the watcher"))
}

/// A ledger that cannot be used, as an error with the way out.
fn ledger_error(error: ledger::LedgerError) -> CliError {
    let hint = error.hint();
    let error = CliError::environment(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn folder(args: &Args, state: &Path, cx: &CommandContext) -> PathBuf {
    match &args.artifacts {
        Some(folder) => cx.environment.resolve(folder),
        None => state.join(id::prefixed(cx.ids.as_ref(), "preprod")),
    }
}

fn caps(loaded: &Loaded) -> Result<Caps, CliError> {
    let told = |finding| {
        CliError::config("the budget in the configuration cannot be used")
            .at([finding], loaded.source.clone())
    };
    let config = &loaded.config;
    let own = cap::of(loaded, "preprod.budgetUsd", &config.preprod.budget_usd).map_err(told)?;
    let day = cap::of(loaded, "budget.perDayUsd", &config.budget.per_day_usd).map_err(told)?;
    Ok(Caps {
        per_trace: own,
        per_day: day,
    })
}

fn policy(
    (config, caps): (&Preprod, &Caps),
    (mode, able, containment): (SandboxMode, Option<&Confined>, Containment),
    (choice, tools): (Option<&FixerChoice>, &Tools),
) -> Policy {
    let shown = |command: &str| tools.scrubber().text(command);
    Policy {
        max_fix_attempts: config.max_fix_attempts,
        allow_external_execution: config.allow_external_execution,
        fixer: choice.map(|choice| shown(&choice.shown())),
        validation_command: config.validation_command.as_deref().map(shown),
        open_pr: config.open_pr,
        pr_command: config
            .pr_command
            .as_deref()
            .filter(|_| config.open_pr)
            .map(shown),
        budget_usd: caps.per_trace,
        per_day_usd: caps.per_day,
        fix_harness: config.fix_harness,
        sandbox: mode.name().to_owned(),
        sandbox_enforced: match (mode, able) {
            (SandboxMode::Off, _) => "off".to_owned(),
            (_, Some(able)) => able.in_one_line(),
            // To look at a plan runs nothing.
            (_, None) => "not tried".to_owned(),
        },
        containment: match containment {
            Containment::Namespaces => "namespaces",
            Containment::Pgroup => "pgroup",
        }
        .to_owned(),
    }
}

fn means(args: &Args, config: &Preprod, (has_fixer, lacks_sandbox): (bool, bool)) -> Means {
    Means {
        is_dry_run: args.dry_run,
        max_attempts: config.max_fix_attempts,
        is_allowed: config.allow_external_execution,
        has_fixer,
        has_validation: config.validation_command.is_some(),
        lacks_sandbox,
    }
}

fn validator<'a>(
    loaded: &'a Loaded,
    bench: &'a Bench<'a>,
    folder: &'a Path,
) -> Option<Validator<'a>> {
    let command = loaded.config.preprod.validation_command.as_deref()?;
    Some(Validator {
        command,
        bench,
        mode: loaded.config.attach.sandbox,
        variables: &loaded.config.workspace.env,
        artifacts: folder,
    })
}

fn unrun(scenarios: &[Prepared]) -> Vec<ScenarioOutcome> {
    scenarios
        .iter()
        .map(|prepared| ScenarioOutcome {
            scenario: prepared.scenario.id.clone(),
            title: prepared.scenario.title.clone(),
            path: prepared.scenario.path.clone(),
            status: None,
            passed: Rate::of(0, 0),
            runs: Vec::new(),
        })
        .collect()
}
