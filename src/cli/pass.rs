//! One pass over a trace directory from the command line: `attach --once` and `demo` share it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archal_core::diagnostic::{Diagnostic, SourceText};

use crate::attach::desk::Told;
use crate::attach::engine::{Attached, Engine, EngineError, PROBE, Surround};
use crate::attach::flags::AttachFlags;
use crate::attach::handoff;
use crate::attach::ready::{Ready, ReadyError, first_commit};
use crate::attach::report::PassReport;
use crate::attach::service::GRACE;
use crate::attach::settings::{Settings, SettingsError};
use crate::attach::state::{Opened, State, jobs};
use crate::attach::watcher::{self, Watcher, WatcherError};
use crate::budget::ledger::{self, Ledger};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::host::lock::WatcherLock;
use crate::host::record::{self, WatcherState};
use crate::ingest::key;
use crate::sandbox::hold;
use crate::store::layout::Layout;

use super::bench;
use super::context::CommandContext;
use super::error::CliError;

/// What a pass is made of.
pub(crate) struct PassPlan {
    /// The repository, absolute and without links.
    pub(crate) repo: PathBuf,
    /// The options of the command line.
    pub(crate) flags: AttachFlags,
    /// The trace directory, absolute.
    pub(crate) directory: PathBuf,
    /// Where what is spent is written down: the user's ledger, or one that lasts for the run.
    pub(crate) ledger: Option<PathBuf>,
    /// How many jobs may run children at once, where the command line says it.
    pub(crate) jobs: Option<usize>,
}

/// Everything that works on a repository's traces, opened, and the lock that makes it the only
/// one.
pub(crate) struct Works {
    /// The engine.
    pub(crate) engine: Arc<Engine>,
    /// Where state is kept.
    pub(crate) layout: Layout,
    /// Held for as long as this lives.
    pub(crate) lock: WatcherLock,
    /// Whether the state is still to be checked.
    pub(crate) is_unchecked: bool,
    /// What became of a state that could not be used, for a person.
    pub(crate) lost: Option<String>,
}

/// What no artifact brings back.
pub(crate) const HANDED_OVER: &str =
    "runs that were handed over and had not ended are to be handed over again";

/// Takes the lock and opens state and ledger; `check` reads all of the state first.
pub(crate) fn open(
    repo: &Path,
    ledger: Option<&Path>,
    check: bool,
    cx: &CommandContext,
) -> Result<Works, CliError> {
    let layout = bench::layout(repo, cx)?;
    let lock = WatcherLock::take(&layout)
        .map_err(|error| {
            CliError::environment(error)
                .hint("ARCHAL_STATE_DIR=<a folder on a local disk> archal attach …")
        })?
        .ok_or_else(|| taken(repo, &layout))?;
    let Opened {
        state,
        set_aside,
        is_unchecked,
    } = State::open(&layout, check).map_err(CliError::environment)?;
    let lost = match set_aside {
        Some((aside, reason)) => Some(format!(
            "{reason}; it was moved to {} and is derived again from traces and artifacts; {HANDED_OVER}",
            aside.display()
        )),
        None if is_lost(&state, &layout)? => Some(format!(
            "{} is gone; it is derived again from traces and artifacts; {HANDED_OVER}",
            state.path().display()
        )),
        None => None,
    };
    if let Some(lost) = &lost {
        cx.printer.note(lost);
    }
    let (ledger, warning) = Ledger::open(ledger).map_err(|error| {
        let hint = error.hint();
        let error = CliError::environment(error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    if let Some(warning) = warning {
        cx.printer.note(warning);
    }
    let engine = Engine::new(surround(repo, &layout, cx), state, ledger).map_err(engine_error)?;
    Ok(Works {
        engine: Arc::new(engine),
        layout,
        lock,
        is_unchecked,
        lost,
    })
}

/// Somebody works on the repository already: a watcher, which can be asked to end, or a pass, which
/// ends by itself.
pub(crate) fn taken(repo: &Path, layout: &Layout) -> CliError {
    let error = CliError::environment("another attach works on this repository");
    match record::state(layout) {
        Ok(WatcherState::Alive(_)) => error
            .hint(format!(
                "archal attach-status --repo {}",
                handoff::quoted(repo)
            ))
            .hint(format!(
                "archal detach --all --repo {}",
                handoff::quoted(repo)
            )),
        _ => error.hint(
            "wait for its end, or end it where it was started: `attach --once` is one pass that \
             nobody can join or detach",
        ),
    }
}

/// Whether there was work here of which the state knows nothing.
fn is_lost(state: &State, layout: &Layout) -> Result<bool, CliError> {
    let is_known = state.read(jobs::any).map_err(CliError::environment)?;
    let imports = std::fs::read_dir(layout.attach("imports"));
    Ok(!is_known && imports.is_ok_and(|mut imports| imports.next().is_some()))
}

/// The user's ledger.
pub(crate) fn user_ledger(cx: &CommandContext) -> Option<PathBuf> {
    ledger::path(&cx.environment)
}

fn surround(repo: &Path, layout: &Layout, cx: &CommandContext) -> Surround {
    let key = key::load(key::path(&cx.environment).as_deref(), cx.secret());
    if let Some(warning) = &key.warning {
        cx.printer.note(warning);
    }
    Surround {
        cycles: crate::app::cycles(),
        repo: repo.to_owned(),
        layout: layout.clone(),
        environment: cx.environment.clone(),
        binary: cx.binary.clone(),
        clones: cx.clones,
        sources: cx.sources,
        files: cx.files,
        clock: cx.clock.clone(),
        ids: cx.ids.clone(),
        probe: hold::probe(&cx.binary),
        key: key.bytes,
    }
}

/// Makes the pass; `told` is given one line at each step. Says whether it was cut short by a
/// signal.
pub(crate) fn make(
    plan: &PassPlan,
    cx: &CommandContext,
    told: Told,
) -> Result<(PassReport, bool), CliError> {
    let works = open(&plan.repo, plan.ledger.as_deref(), false, cx)?;
    let probe = Attached {
        id: PROBE,
        directory: plan.directory.clone(),
        flags: plan.flags.clone(),
    };
    let ready = works.engine.ready(&probe, true).map_err(ready_error)?;
    say(&ready, cx);
    let heavy = heavy(plan.jobs, &ready.settings);
    let watcher = Watcher::start(works.engine.clone(), heavy, true, told).map_err(watcher_error)?;
    let attached = watcher
        .attach(&plan.directory, plan.flags.clone())
        .map_err(watcher_error)?;
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let token = interrupts.token().clone();
    watcher.work_through(&|| token.is_asked());
    if token.is_asked() {
        let is_at_once = token.is_stopped();
        watcher.stop(if is_at_once { Duration::ZERO } else { GRACE });
    }
    watcher.tell(&attached, &token);
    let trouble = watcher.desk().trouble();
    let now = watcher.desk().attached();
    let diagnostics = now
        .into_iter()
        .flat_map(|attached| attached.diagnostics)
        .collect();
    drop(watcher);
    if let Some(trouble) = trouble {
        return Err(CliError::environment(trouble.reason));
    }
    let report = works
        .engine
        .report(&attached, &ready, diagnostics)
        .map_err(CliError::environment)?;
    Ok((report, interrupts.is_interrupted()))
}

/// How many jobs run children at once: as the command line says, else as the configuration.
pub(crate) fn heavy(flag: Option<usize>, settings: &Settings) -> usize {
    let configured = settings.options.jobs;
    flag.or(configured.map(|jobs| usize::try_from(jobs).unwrap_or(usize::MAX)))
        .unwrap_or_else(watcher::default_jobs)
}

/// Tells what is worth knowing of the repository before work begins.
pub(crate) fn say(ready: &Ready, cx: &CommandContext) {
    for note in &ready.settings.notes {
        cx.printer.diagnostic(note, ready.settings.source.as_ref());
    }
    for broken in &ready.broken {
        for finding in &broken.diagnostics {
            cx.printer.diagnostic(finding, broken.source.as_ref());
        }
    }
    let is_config = |file: &String| file.ends_with(" .archal.json");
    if ready.left_out.iter().any(is_config) {
        cx.printer
            .note("`.archal.json` is used as it is in the checkout, with its changes");
    }
    if !ready.left_out.is_empty() {
        cx.printer.note(format!(
            "working on HEAD {}; {} changed files of the checkout are left out",
            &ready.base[..ready.base.len().min(12)],
            ready.left_out.len()
        ));
    }
}

/// An engine that cannot be had, as an error with what to do about it.
fn engine_error(error: EngineError) -> CliError {
    match error {
        EngineError::Ledger(error) => {
            let hint = error.hint();
            let error = CliError::environment(error);
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        error @ EngineError::State(_) => CliError::environment(error),
    }
}

/// A watcher that does not start, as an error with what to do about it.
pub(crate) fn watcher_error(error: WatcherError) -> CliError {
    match error {
        WatcherError::Ready(error) => ready_error(error),
        error => CliError::environment(error),
    }
}

/// A repository that cannot be used, as an error with what to do about it.
pub(crate) fn ready_error(error: ReadyError) -> CliError {
    match error {
        ReadyError::Settings(SettingsError::Config(error)) => error.into(),
        ReadyError::Settings(SettingsError::Agent {
            diagnostics,
            source_text,
        }) => CliError::config("the agent in the configuration cannot be used")
            .at(diagnostics, source_text),
        ReadyError::Settings(SettingsError::Rules {
            diagnostics,
            source_text,
        }) => rules_error(diagnostics, source_text),
        ReadyError::Settings(SettingsError::Budget {
            diagnostic,
            source_text,
        }) => CliError::config("the budget in the configuration cannot be used")
            .at(vec![*diagnostic], source_text),
        ReadyError::Settings(SettingsError::Judge {
            diagnostic,
            source_text,
        }) => CliError::config("the judge in the configuration cannot be asked")
            .at(vec![*diagnostic], source_text),
        ReadyError::Settings(error) => CliError::config(error),
        ReadyError::NoScenarios {
            ref wanted,
            ref repo,
            ..
        } => {
            let (repo, wanted) = (handoff::quoted(repo), handoff::quoted(Path::new(wanted)));
            let hint = format!("git -C {repo} add {wanted} && git -C {repo} commit");
            CliError::environment(error).hint(hint)
        }
        ReadyError::NoRepository { ref repo } | ReadyError::NoCommit { ref repo, .. } => {
            let hint = first_commit(repo);
            CliError::environment(error).hint(hint)
        }
        ReadyError::Inside { ref top, .. } => {
            let hint = format!("archal attach <trace-dir> --repo {}", top.display());
            CliError::usage(error).hint(hint)
        }
        error => CliError::environment(error),
    }
}

/// Rules of grading that cannot be used, as an error with their places.
pub(crate) fn rules_error(
    diagnostics: Vec<Diagnostic>,
    source_text: Option<SourceText>,
) -> CliError {
    CliError::config("the rules of grading in the configuration cannot be used")
        .at(diagnostics, source_text)
}
