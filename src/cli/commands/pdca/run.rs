//! `archal pdca run`: a task, cycles of agents, and a merge.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::amount::Usd;
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::host::lock::FileLock;
use crate::pdca::cost;
use crate::pdca::engine::begin::{self, BeginError, Wanted};
use crate::pdca::engine::drive::{self, Memo};
use crate::pdca::engine::stage::{self, EngineError, Record, Stage};
use crate::pdca::engine::{command, cut_off, ending, signals};
use crate::pdca::event::Event;
use crate::pdca::machine::course::{Course, End};
use crate::pdca::outline::counted;
use crate::pdca::place::{Place, RunId};
use crate::pdca::role::{Phase, Workflow};
use crate::pdca::settings::{Config, Strategy};
use crate::report::style::Style;
use crate::reproduce::workplace::WorkplaceError;

use super::account::{Account, Opened};
use super::handing;
use super::setup::{self, OneRun, Said, Setup};

/// Let agents plan, make, review and merge a change
///
/// Each agent is a process of its own, contained, in a private copy of the repository: only the Maker may
/// write there, and what it commits comes to a branch of the run. Nothing is merged into your branch
/// before every reviewer approves, no CRITICAL finding is open, the tests pass and you say yes.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine,
    Exit::Bad,
    Exit::Usage,
    Exit::CouldNotRun,
    Exit::Inconclusive,
    Exit::Budget,
    Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// What is to be done
    #[arg(required_unless_present = "run_id")]
    task: Option<String>,

    /// fast, standard or thorough [default: `workflow` in config.yaml, else by the words of the task]
    #[arg(long, value_name = "NAME", conflicts_with = "run_id")]
    workflow: Option<Workflow>,

    /// Begin a run that is there again at plan, do, check or act [default: where it was]
    #[arg(long, value_name = "PHASE", requires = "run_id")]
    pub(super) start_from: Option<Phase>,

    /// Go on with a run
    #[arg(long, value_name = "ID", conflicts_with = "task")]
    run_id: Option<String>,

    /// Only plan, and say what the run would cost
    #[arg(long)]
    pub(super) dry_run: bool,

    /// The most cycles; no rule raises it [default: 1, 2 or 3 by the workflow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20), conflicts_with = "run_id")]
    max_cycles: Option<u32>,

    /// pdca: cycles; pipeline: one pass and one round of repair; auto: by the words of the task [default:
    /// `strategy` in config.yaml, else pdca]
    #[arg(long, value_name = "NAME", conflicts_with = "run_id")]
    strategy: Option<Strategy>,

    /// code, writing, research, or a file of `.archeflow/domains` [default: by the files of the repository]
    #[arg(long, value_name = "NAME", conflicts_with = "run_id")]
    domain: Option<String>,

    /// Who plays the roles: claude, codex, or one of `drivers` in config.yaml [default: `driver` there]
    #[arg(long, value_name = "NAME")]
    pub(super) driver: Option<String>,

    /// The most it may cost, in US dollars [default: `costs.budget_usd` in config.yaml]
    #[arg(long, value_name = "USD")]
    pub(super) budget_usd: Option<f64>,

    /// Merge what is approved without asking
    #[arg(long)]
    pub(super) yes: bool,

    /// Allow hooks and the test command to run
    #[arg(long)]
    pub(super) allow_external_execution: bool,

    /// Hand the run to the repository's watcher, which is started where none runs, and return
    ///
    /// The exit code says whether it was taken over; archal attach-status says how it ends.
    #[arg(long)]
    background: bool,

    /// The number of the last event when it was handed over
    #[arg(long, hide = true, value_name = "SEQ", requires = "start_from")]
    pub(super) handed_at: Option<u64>,

    #[command(flatten)]
    pub(super) config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// How a run ended: `archal pdca run --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PdcaRun<'a> {
    /// The run.
    run: &'a str,
    /// `merged`, `awaiting_merge`, `planned`, `needs_user`, `stopped`, `wiggum_break` or `failed`.
    status: &'a str,
    /// Why, for people.
    reason: &'a str,
    /// `fast`, `standard` or `thorough`, or `pipeline`.
    workflow: &'a str,
    /// The cycle that it came to.
    cycle: u32,
    /// The last cycle that it may have.
    max_cycles: u32,
    /// Agents that worked.
    agents: u64,
    /// Findings that were mended.
    fixes: u64,
    /// What it cost in US dollars.
    cost_usd: f64,
    /// Whether some of it is not known but estimated.
    cost_estimated: bool,
    /// The branch that holds it.
    branch: &'a str,
    /// The branch that it began on.
    base_branch: &'a str,
    /// Where what it wrote is.
    artifacts: PathBuf,
    /// Where its log is.
    events: PathBuf,
    /// What is open.
    findings: Vec<&'a crate::pdca::finding::Open>,
    /// The command that goes on.
    next: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    if args
        .budget_usd
        .is_some_and(|usd| !usd.is_finite() || usd < 0.0)
    {
        return Err(CliError::usage("--budget-usd is an amount of US dollars"));
    }
    let began = cx.clock.now();
    // Before signals are listened for: one that comes while a job waits for its turn ends it.
    let known = args
        .run_id
        .as_deref()
        .map(|id| known(id, args, cx))
        .transpose()?;
    let setup = Setup::new(args.config.config.as_deref(), args.driver.as_deref(), cx)?;
    setup.refuse_forbidden(args.allow_external_execution)?;
    let choice = setup.choice(args.driver.as_deref())?;
    let path = setup.path(cx);
    let (run, record, lock) = match known {
        Some(known) => known,
        None => {
            let wanted = wanted(args, &setup)?;
            let begun = begin::begin(&setup.repo, path, &setup.place, wanted, began);
            let (run, record) = begun.map_err(|error| setup::begin_error(error, None))?;
            let lock = turn(args, &setup.place, &run, cx)?;
            (run, record, lock)
        }
    };
    if args.background {
        return handing::hand_over(args, setup, &run, cx);
    }
    begin::make_branch(&setup.repo, path, &record)
        .map_err(|error| setup::engine_error(error, Some(&run)))?;
    let one = setup.one(run, record, choice)?;
    let said = Said {
        merges: args.yes,
        is_dry_run: args.dry_run,
        budget_usd: args.budget_usd,
    };
    let (tell, show, warn) = voices(cx);
    let mut stage = setup.stage(&one, &said, (&tell, &show, &warn), cx);
    let events = stage.log.read().map_err(CliError::environment)?;
    let events = events.unwrap_or_default().events;
    let start_from = handing::still_from(args, &events);
    if let Err(BeginError::Over { status, .. }) = begin::refuse_over(&one.run, &events, start_from)
        && cx.is_job
    {
        // It was cut off at its very end, or a terminal brought it there.
        cx.printer
            .line(format!("the run {} is over: it is {status}", one.run));
        handing::leave(&stage, began, &status, "")?;
        return Ok(handing::exit_of(&status));
    }
    let events = match events.is_empty() {
        true => events,
        false => {
            cut_off::told(&stage).map_err(|error| setup::engine_error(error, Some(&one.run)))?
        }
    };
    let before: f64 = begin::spent(&events);
    let account = Account::open(&setup, &one, estimate(&one.record, args.dry_run), cx)?;
    if let Opened::Open(Account {
        left: Some(left), ..
    }) = &account
    {
        let left = before + left;
        stage.budget_usd = Some(stage.budget_usd.map_or(left, |own| own.min(left)));
    }
    let (mut course, mut memo) = start(args, &stage, &one, (&events, start_from))?;
    let at = (Phase::Plan, course.cycle());
    let variables = [("ARCHEFLOW_WORKFLOW", course.workflow().to_string())];
    let hook = setup.settings.hooks.run_start.as_ref();
    let hook = hook.filter(|_| events.is_empty());
    let engine = |error| setup::engine_error(error, Some(&one.run));
    for name in one
        .domain
        .not_counted()
        .iter()
        .filter(|_| events.is_empty())
    {
        let domain = &one.domain.name;
        cx.printer.note(format!(
            "`{name}` of the domain {domain} is not counted: archal has no such figure"
        ));
    }
    if let Opened::Denied(why) = &account {
        memo.why.clone_from(why);
        course.end(End::Budget);
    } else if !command::hook(&stage, "run-start", hook, at, &variables).map_err(engine)? {
        memo.why = "the hook run-start forbids it".to_owned();
        course.end(End::HookAbort);
    }
    let driven = drive::drive(&stage, &mut course, &mut memo);
    cx.printer.progress(None);
    if let Opened::Open(account) = account {
        account.close(memo.spent - before)?;
    }
    let end = match driven {
        // It was stopped while a copy was made.
        Err(EngineError::Workplace(WorkplaceError::Stopped)) => End::Stopped,
        driven => driven.map_err(engine)?,
    };
    ending::finish(&stage, &course, &memo, end).map_err(engine)?;
    handing::leave(&stage, began, word(end), &memo.why)?;
    drop(lock);
    let events = stage.log.read().ok().flatten().unwrap_or_default().events;
    let phase = begin::phase_of(&events);
    Ok(report(&setup, &one, (&course, &memo), (end, phase), cx))
}

/// What a run may come to cost, by what its roles usually do.
fn estimate(record: &Record, is_dry_run: bool) -> Usd {
    let course = begin::course(record);
    let mut agents = course.agents();
    if is_dry_run {
        agents.retain(|role| role.phase() == Phase::Plan);
        return cost::estimate_of_run(&agents, 1);
    }
    cost::estimate_of_run(&agents, course.limit())
}

/// A run that was begun before, and the right to work on it.
fn known(id: &str, args: &Args, cx: &CommandContext) -> Result<(RunId, Record, Turn), CliError> {
    let run = super::run_id(id)?;
    let (_, place) = setup::repository(cx)?;
    place.refuse_links(&run).map_err(CliError::environment)?;
    let record = Record::read(&place, &run).map_err(|error| setup::engine_error(error, None))?;
    let lock = turn(args, &place, &run, cx)?;
    Ok((run, record, lock))
}

/// The right to work on a run; none for what is only handed over.
type Turn = Option<FileLock>;

fn turn(args: &Args, place: &Place, run: &RunId, cx: &CommandContext) -> Result<Turn, CliError> {
    if args.background {
        return Ok(None);
    }
    let taken = match stage::take(place, run) {
        Err(busy @ EngineError::Busy(_)) if cx.is_job => {
            cx.printer
                .warning(format!("{busy}; this job waits for its end"));
            stage::wait(place, run)
        }
        taken => taken,
    };
    let lock = taken.map_err(|error| setup::engine_error(error, None))?;
    Ok(Some(lock))
}

fn wanted(args: &Args, setup: &Setup) -> Result<Wanted, CliError> {
    // Before anything is made of it: names of files and branches are, too.
    let task = setup
        .scrubber
        .text(args.task.as_deref().unwrap_or_default().trim());
    if task.is_empty() {
        return Err(CliError::usage("the task is empty"));
    }
    let config = &setup.settings.config;
    let pipeline = pipeline(args, config, &task)?;
    let (workflow, reason) = match (args.workflow, config.workflow) {
        (Some(workflow), _) => (workflow, "--workflow".to_owned()),
        (None, Some(workflow)) => (workflow, "config.yaml".to_owned()),
        (None, None) => signals::workflow_of(&task),
    };
    Ok(Wanted {
        task,
        workflow,
        is_pipeline: pipeline.is_some(),
        reason: pipeline.unwrap_or(reason),
        max_cycles: args.max_cycles.or(config.max_cycles),
        domain: setup.domain(args.domain.as_deref())?.name,
        branch_prefix: config.git.branch_prefix.clone(),
    })
}

/// Why a run goes once from the plan to the merge, where it does. A workflow that is named asks for cycles.
fn pipeline(args: &Args, config: &Config, task: &str) -> Result<Option<String>, CliError> {
    let strategy = args.strategy.unwrap_or(config.strategy);
    Ok(match (strategy, args.strategy, args.workflow) {
        (Strategy::Pipeline, Some(_), Some(_)) => {
            return Err(CliError::usage("a pipeline has no workflow")
                .hint("leave out --workflow, or --strategy pipeline"));
        }
        (Strategy::Pipeline, Some(_), None) => Some("--strategy".to_owned()),
        (Strategy::Pipeline, None, None) => Some("config.yaml".to_owned()),
        (Strategy::Auto, _, None) if config.workflow.is_none() => signals::asks_for_pipeline(task),
        _ => None,
    })
}

fn start(
    args: &Args,
    stage: &Stage<'_>,
    one: &OneRun,
    (events, start_from): (&[Event], Option<Phase>),
) -> Result<(Course, Memo), CliError> {
    let (course, memo, from) = if events.is_empty() {
        let (course, memo) = begin::fresh(stage);
        (course, memo, None)
    } else {
        let (course, memo, from) = begin::resumed(stage, events, start_from)
            .map_err(|error| setup::begin_error(error, Some(&one.run)))?;
        (course, memo, Some(from))
    };
    if args.dry_run && from.is_some_and(|from| from != Phase::Plan) {
        let run = &one.run;
        return Err(CliError::usage(format!(
            "the plan of the run {run} is made: --dry-run has nothing to do"
        ))
        .hint(format!("archal pdca report {run}")));
    }
    begin::announce(stage, &course, &memo, from);
    (stage.tell)(&format!("Run {}: {}", one.run, stage.record.task));
    (stage.tell)(&format!(
        "{} ({}), cycle {}/{}, played by {}",
        course.way(),
        stage.record.reason,
        course.cycle(),
        course.limit(),
        stage.choice.shown()
    ));
    Ok((course, memo))
}

/// Where lines for people go while a run works.
pub(super) fn voices(
    cx: &CommandContext,
) -> (
    impl Fn(&str) + Sync + use<>,
    impl Fn(&str) + Sync + use<>,
    impl Fn(&str) + Sync + use<>,
) {
    let (notes, under_way, warnings) = (cx.printer.clone(), cx.printer.clone(), cx.printer.clone());
    (
        move |text: &str| {
            notes.progress(None);
            notes.note(text);
        },
        move |text: &str| under_way.progress(Some(text)),
        move |text: &str| {
            warnings.progress(None);
            warnings.warning(text);
        },
    )
}

fn report(
    setup: &Setup,
    one: &OneRun,
    (course, memo): (&Course, &Memo),
    (end, phase): (End, Phase),
    cx: &CommandContext,
) -> Exit {
    let next = next(&one.run, end, phase);
    let status = word(end);
    let open = match end {
        End::Merged => &[][..],
        _ => memo.findings.last().map_or(&[][..], Vec::as_slice),
    };
    let mark = match exit_of(end) {
        Exit::Fine => Style::Good.paint(status),
        _ => Style::Error.paint(status),
    };
    let line = |text: &str| cx.printer.line(text);
    line(&format!("{mark}  {}: {}", one.run, one.record.task));
    if !memo.why.is_empty() {
        line(&format!("  why        {}", memo.why));
    }
    if end == End::Planned {
        plan(one, course, memo, cx);
    } else {
        line(&format!(
            "  run        {}, {}, {}, {}, ${:.4}{}",
            course.way(),
            counted(course.cycle().into(), "cycle"),
            counted(memo.agents, "agent"),
            counted(memo.fixes, "fix"),
            memo.spent,
            if memo.is_estimated { " estimated" } else { "" }
        ));
    }
    for open in open {
        let finding = &open.finding;
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(number)) => format!("{file}:{number} "),
            (Some(file), None) => format!("{file} "),
            (None, _) => String::new(),
        };
        line(&format!(
            "  {:<10} {place}{}",
            finding.severity, finding.description
        ));
    }
    line(&format!("  branch     {}", one.record.branch));
    let artifacts = setup.place.artifacts(&one.run);
    line(&format!("  artifacts  {}", artifacts.display()));
    if let Some(next) = &next {
        line(&format!("  {} {next}", Style::Hint.paint("next:")));
    }
    cx.printer.document(
        "archal.pdca-run",
        1,
        &PdcaRun {
            run: one.run.as_str(),
            status,
            reason: &memo.why,
            workflow: course.way(),
            cycle: course.cycle(),
            max_cycles: course.limit(),
            agents: memo.agents,
            fixes: memo.fixes,
            cost_usd: memo.spent,
            cost_estimated: memo.is_estimated,
            branch: &one.record.branch,
            base_branch: &one.record.base_branch,
            artifacts,
            events: setup.place.events(&one.run),
            findings: open.iter().collect(),
            next,
        },
    );
    exit_of(end)
}

/// How it ended, in a word.
fn word(end: End) -> &'static str {
    match end {
        End::Planned => "planned",
        end => end.status(),
    }
}

/// What a dry run tells beside: what is to come, and what it may cost.
fn plan(one: &OneRun, course: &Course, memo: &Memo, cx: &CommandContext) {
    let all = course.agents();
    let agents = all.len();
    let cycles = usize::try_from(course.limit()).unwrap_or(usize::MAX);
    let line = |text: String| cx.printer.line(text);
    line(format!(
        "  workflow   {} ({} max)",
        course.way(),
        counted(course.limit().into(), "cycle")
    ));
    line(format!(
        "  agents     {agents} per cycle, {} at most",
        agents.saturating_mul(cycles)
    ));
    let estimate = cost::estimate_of_run(&all, course.limit());
    line(format!(
        "  cost       about ${:.2} at most; ${:.4} so far",
        estimate.dollars(),
        memo.spent
    ));
    if let Some(confidence) = memo.confidence {
        line(format!("  confidence {}", confidence.shown()));
    }
    line("  phases     Plan (done) -> Do -> Check -> Act".to_owned());
    line(format!("  domain     {}", one.record.domain));
}

fn next(run: &RunId, end: End, phase: Phase) -> Option<String> {
    match end {
        End::Merged => Some(format!("archal pdca report {run}")),
        End::AwaitingMerge | End::NotMerged => Some(format!("archal pdca merge {run}")),
        End::Planned => Some(format!("archal pdca run --run-id {run} --start-from do")),
        End::NeedsUser => Some(format!("archal pdca run --run-id {run} --start-from plan")),
        End::Stopped => Some(format!("archal pdca run --run-id {run}")),
        // One that ended is gone on with from a phase that is named: what it has is not made again.
        End::Failed | End::Blocked | End::Budget => Some(format!(
            "archal pdca run --run-id {run} --start-from {phase}"
        )),
        End::MaxCycles | End::Escalated | End::Broken | End::Conflict | End::HookAbort => {
            Some(format!("archal pdca report {run}"))
        }
    }
}

fn exit_of(end: End) -> Exit {
    match end {
        End::Merged | End::AwaitingMerge | End::Planned => Exit::Fine,
        End::MaxCycles
        | End::Escalated
        | End::Broken
        | End::Conflict
        | End::HookAbort
        | End::NotMerged => Exit::Bad,
        End::NeedsUser => Exit::Inconclusive,
        End::Blocked | End::Failed => Exit::CouldNotRun,
        End::Budget => Exit::Budget,
        End::Stopped => Exit::Interrupted,
    }
}
