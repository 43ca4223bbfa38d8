//! `archal fixer test`: a small real repair by a fixer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archal_core::fixer::{FixEnd, FixRecord};
use archal_core::id;
use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::amount::Usd;
use crate::budget::cap::Caps;
use crate::budget::entry::{AttemptKey, Request};
use crate::budget::ledger::{Ledger, LedgerError, ReserveError};
use crate::budget::spent::Spent;
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::pass::user_ledger;
use crate::config::{Loaded, Override};
use crate::driver::advice;
use crate::fix::choice::FixerChoice;
use crate::fix::trial::{Trial, TrialError, Tried};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::report::style::Style;
use crate::reproduce::workplace::WorkplaceError;
use crate::sandbox::hold;

/// Let a fixer repair a shell script in a repository made for it
///
/// It runs as it would for a failed trace, with its own key and model: an agent calls its model, which may
/// cost money. That is counted like any other attempt. What it repaired is run, not asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine,
    Exit::Bad,
    Exit::Usage,
    Exit::CouldNotRun,
    Exit::Budget,
    Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// The coding agent: aider, claude, codex, copilot, gemini, opencode [default: the configured fixer]
    #[arg(value_name = "NAME", conflicts_with = "fix_command")]
    name: Option<String>,

    /// A command instead of a coding agent
    #[arg(long, value_name = "COMMAND")]
    fix_command: Option<String>,

    /// How long it may take [default: `attach.fixTimeout`]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86400))]
    timeout: Option<u32>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// How a trial ended: `archal fixer test --json`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FixerTest<'a> {
    /// Whether the script adds rightly now, and nothing else changed.
    is_repaired: bool,
    /// The files it changed.
    changed: &'a [String],
    /// Its record; null where the budget forbids it.
    fixer: Option<&'a FixRecord>,
    /// The end of what it wrote.
    last_words: &'a str,
    /// What to do, where it did not repair.
    hint: Option<&'a str>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let flags: Vec<Override> = [
        Override::of("NAME", "fixer.name", args.name.clone()),
        Override::of(
            "--fix-command",
            "attach.fixCommand",
            args.fix_command.clone(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let loaded = cx.load_config(args.config.config.as_deref(), Path::new("."), &flags)?;
    let Some(choice) = FixerChoice::of(&loaded.config, args.fix_command.is_some()) else {
        return Err(CliError::usage("no fixer is named and none is configured")
            .hint("archal fixer list")
            .hint("archal fixer test claude"));
    };
    if choice.is_cycles {
        return Err(CliError::usage(
            "cycles of agents are tried by who plays their roles: `driver` in .archeflow/config.yaml",
        )
        .hint("archal fixer test <driver>")
        .hint("archal pdca run <task> --dry-run"));
    }
    let caps = Caps::of(&loaded).map_err(|finding| {
        CliError::config("the budget of the configuration is wrong")
            .at([finding], loaded.source.clone())
    })?;
    let purse = Purse::open(&loaded, caps, cx)?;
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let scrubber = bench::scrubber(cx, &loaded)?;
    let prices = bench::prices(&loaded)?;
    let share = match purse.reserve(cx) {
        Ok(share) => share,
        Err(ReserveError::Denied(denied)) => {
            let reason = format!("not run: {denied}");
            cx.printer.line(&reason);
            cx.printer.note("archal budget shows what was spent");
            let document = FixerTest {
                is_repaired: false,
                changed: &[],
                fixer: None,
                last_words: "",
                hint: Some(&reason),
            };
            cx.printer.document("archal.fixer-test", 1, &document);
            return Ok(Exit::Budget);
        }
        Err(ReserveError::Ledger(error)) => return Err(unusable(error)),
    };
    cx.printer
        .note(format!("{} repairs a script", choice.shown()));
    let attach = &loaded.config.attach;
    let trial = Trial {
        choice: &choice,
        environment: &cx.environment,
        variables: &loaded.config.workspace.env,
        withheld: &loaded.config.agent_keys,
        binary: &cx.binary,
        probe: &hold::probe(&cx.binary),
        clock: Arc::clone(&cx.clock),
        sandbox: attach.sandbox,
        scrubber: &scrubber,
        prices: &prices,
        timeout: Duration::from_secs(args.timeout.unwrap_or(attach.fix_timeout).into()),
        budget_usd: share.map(Usd::dollars),
        stop: interrupts.token(),
    };
    let tried = match trial.run() {
        Ok(tried) => tried,
        Err(error) => {
            purse.release();
            return match error {
                TrialError::Workplace(WorkplaceError::Stopped) => Ok(Exit::Interrupted),
                error => Err(CliError::environment(error)),
            };
        }
    };
    purse.charge(&tried.record, cx);
    let hint = hint(&choice, &tried);
    print(&tried, hint.as_deref(), cx);
    let document = FixerTest {
        is_repaired: tried.is_repaired,
        changed: &tried.changed,
        fixer: Some(&tried.record),
        last_words: &tried.last_words,
        hint: hint.as_deref(),
    };
    cx.printer.document("archal.fixer-test", 1, &document);
    Ok(exit_of(&tried))
}

fn exit_of(tried: &Tried) -> Exit {
    match tried.record.end {
        _ if tried.is_repaired => Exit::Fine,
        FixEnd::Stopped => Exit::Interrupted,
        FixEnd::NotStarted | FixEnd::Auth | FixEnd::Quota => Exit::CouldNotRun,
        _ => Exit::Bad,
    }
}

fn hint(choice: &FixerChoice, tried: &Tried) -> Option<String> {
    if tried.is_repaired {
        return None;
    }
    let end = tried.record.end;
    advice::of(&choice.driver, end, choice.key.as_deref()).or_else(|| {
        (end == FixEnd::Changed).then(|| {
            "it changed something and did not repair: name a stronger model in `fixer.model`"
                .to_owned()
        })
    })
}

fn print(tried: &Tried, hint: Option<&str>, cx: &CommandContext) {
    let record = &tried.record;
    let mark = if tried.is_repaired {
        Style::Good.paint("repaired")
    } else {
        Style::Error.paint("not repaired")
    };
    cx.printer.line(format!(
        "{mark}  {}: {}",
        record.fixer,
        outcome(record).trim_end()
    ));
    let seconds = Duration::from_millis(record.duration_ms).as_secs_f64();
    cx.printer.line(format!("  took      {seconds:.1} s"));
    let changed = match tried.changed.is_empty() {
        true => "nothing".to_owned(),
        false => tried.changed.join(", "),
    };
    cx.printer.line(format!("  changed   {changed}"));
    cx.printer.line(format!("  usage     {}", usage(record)));
    cx.printer.line(format!("  called    {}", record.command));
    if !tried.is_repaired && !tried.last_words.is_empty() {
        cx.printer.line("  its last words");
        for line in tried.last_words.lines() {
            cx.printer.line(format!("    {line}"));
        }
    }
    if let Some(hint) = hint {
        cx.printer
            .line(format!("  {} {hint}", Style::Hint.paint("hint:")));
    }
}

/// The outcome as records name it, and why.
fn outcome(record: &FixRecord) -> String {
    let word = serde_json::to_value(record.end).unwrap_or_default();
    let word = word.as_str().unwrap_or_default().to_owned();
    match &record.detail {
        Some(detail) => format!("{word} ({detail})"),
        None => word,
    }
}

fn usage(record: &FixRecord) -> String {
    let usage = record.usage.clone().unwrap_or_default();
    let tokens = |count: Option<u64>| count.map_or("unknown".to_owned(), |count| count.to_string());
    let cost = record
        .cost_usd
        .map_or("unknown cost".to_owned(), |usd| format!("${usd:.6}"));
    let mut text = format!(
        "{} tokens in, {} out, {cost}",
        tokens(usage.input_tokens),
        tokens(usage.output_tokens)
    );
    if let Some(model) = &usage.model {
        text.push_str(&format!(", {model}"));
    }
    text
}

/// The trial in the user's ledger.
struct Purse {
    ledger: Ledger,
    caps: Caps,
    key: AttemptKey,
}

impl Purse {
    fn open(loaded: &Loaded, caps: Caps, cx: &CommandContext) -> Result<Self, CliError> {
        let (ledger, warning) = Ledger::open(user_ledger(cx).as_deref()).map_err(unusable)?;
        if let Some(warning) = warning {
            cx.printer.note(warning);
        }
        let own = id::prefixed(cx.ids.as_ref(), "trial");
        Ok(Self {
            ledger,
            caps,
            key: AttemptKey::new(&loaded.directory, format!("fixer/{own}")),
        })
    }

    /// Takes what a fixer may spend; none where there is no cap.
    fn reserve(&self, cx: &CommandContext) -> Result<Option<Usd>, ReserveError> {
        let share = self.caps.fixer_share();
        let request = Request {
            key: self.key.clone(),
            kind: "fix".to_owned(),
            trace: None,
            estimate: share,
        };
        self.ledger.reserve(&request, &self.caps, cx.clock.now())?;
        Ok(share)
    }

    /// Gives it back: nothing was started.
    fn release(&self) {
        // What stays reserved counts as spent, which is the safe side.
        self.ledger.release(&self.key).ok();
    }

    fn charge(&self, record: &FixRecord, cx: &CommandContext) {
        let charge = Spent::of_fixer(record).charge();
        if let Err(error) = self.ledger.charge(&self.key, &charge) {
            cx.printer
                .warning(format!("what it cost could not be noted: {error}"));
        }
    }
}

fn unusable(error: LedgerError) -> CliError {
    let hint = error.hint();
    let error = CliError::environment(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
