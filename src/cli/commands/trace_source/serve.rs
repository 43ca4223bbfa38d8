//! `archal trace-source serve`: a push source in the foreground.

use std::sync::Arc;

use archal_core::source::{OptionKind, SourceStyle};

use super::connect;
use super::document::Serving;
use super::site::{self, Repo, Site};
use super::status;
use crate::attach::state::State;
use crate::attach::state::packed::OwnedLedger;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::state::database_error;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::ingest::feed::{Feed, FeedHealth};
use crate::ingest::plugin::programs::HeldPrograms;
use crate::ingest::pull::rates::SharedRates;
use crate::ingest::registry::{Source, options};
use crate::ingest::subscription::{self, Subscription};
use crate::report::shell::quoted;

/// Take what is sent to a push source, until Ctrl-C
///
/// A watcher does the same for the directories that are attached; this is for whoever only collects.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Usage, Exit::CouldNotRun, Exit::Interrupted,
]))]
pub(super) struct Args {
    /// The source [default: the default one]
    source: Option<String>,

    /// Where it listens, instead of its option `listen`
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,

    #[command(flatten)]
    repo: Repo,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::prepared(&args.repo, cx)?;
    let mut source = site.source(args.source.as_deref(), cx)?;
    if !source.problems.is_empty() {
        return Err(site::unusable(&source, cx));
    }
    if source.style(cx.sources) != Some(SourceStyle::Push) {
        return Err(CliError::usage(format!(
            "`{}` is a pull source: archal asks for its traces, and nobody sends them",
            source.name
        ))
        .hint(format!("archal trace-source sync {}", source.name)));
    }
    if let Some(listen) = &args.listen {
        let known = source.descriptor(cx.sources);
        let option = known.and_then(|known| {
            let mut options = known.options.iter();
            options.find(|option| {
                option.name == "listen" && matches!(option.kind, OptionKind::Listen { .. })
            })
        });
        let option = option
            .ok_or_else(|| CliError::usage(format!("`{}` listens nowhere", source.provider)))?;
        options::check(option, listen).map_err(CliError::usage)?;
        source.options.say("listen", listen.clone());
    }
    not_elsewhere(&site, &source, cx)?;
    if let [variable, ..] = connect::unset(&source, cx).as_slice() {
        let said = format!("the variable {variable} of `{}` is not set", source.name);
        return Err(CliError::environment(said).hint(format!("export {variable}=…")));
    }
    let traces = source.trace_dir.clone();
    let rates = Arc::new(SharedRates::new(cx.clock.clone()));
    let feed = feed(&site, source, &rates, cx)?;
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let is_told = std::cell::Cell::new(false);
    let told = |health: FeedHealth| {
        if health == FeedHealth::Healthy && !is_told.replace(true) {
            let document = Serving {
                repo: site.place.repo.clone(),
                source: feed.name().to_owned(),
                trace_dir: traces.clone(),
                detail: feed.detail(),
            };
            let detail = document.detail.as_deref().unwrap_or("serving");
            let shown = site.shown(&traces, cx);
            let repo = quoted(&site.place.shown);
            cx.printer.line(format!(
                "{}: {detail}; Ctrl-C ends it\n  traces   {shown}\n  next     archal attach {shown} --repo {repo} --no-sources",
                document.source
            ));
            cx.printer
                .document("archal.trace-source-serving", 1, &document);
        } else {
            let words = crate::attach::hosted::in_words(&health);
            cx.printer.note(format!("{}: {words}", feed.name()));
        }
    };
    let ended = feed.run(interrupts.token(), &told);
    if interrupts.is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    match ended {
        Err(reason) => {
            Err(CliError::environment(reason)
                .hint(format!("archal trace-source test {}", feed.name())))
        }
        Ok(()) => Ok(Exit::Fine),
    }
}

/// Refuses what the watcher does already.
pub(super) fn not_elsewhere(
    site: &Site,
    source: &Source,
    cx: &CommandContext,
) -> Result<(), CliError> {
    let doing = status::doing(site, cx);
    if status::running(doing.as_ref(), source).is_none() {
        return Ok(());
    }
    let repo = quoted(&site.place.shown);
    Err(
        CliError::environment(format!("the watcher runs `{}` already", source.name))
            .hint(format!("archal attach-status --repo {repo}")),
    )
}

/// What runs a source in this process.
pub(super) fn feed(
    site: &Site,
    source: Source,
    rates: &Arc<SharedRates>,
    cx: &CommandContext,
) -> Result<Arc<dyn Feed>, CliError> {
    let mut subscription = subscription(site, source, cx)?;
    subscription.rates = rates.clone();
    let ledger = Arc::new(ledger(site, cx)?);
    subscription::feed(subscription, cx.sources, ledger).map_err(CliError::environment)
}

/// What a source is given in this process.
pub(super) fn subscription(
    site: &Site,
    source: Source,
    cx: &CommandContext,
) -> Result<Subscription, CliError> {
    let loaded = cx.load_config(None, &site.place.repo, &[])?;
    let redactor = bench::redactor(cx, &loaded)?;
    let programs = HeldPrograms::new(
        &cx.binary,
        None,
        cx.environment.clone(),
        loaded.config.attach.sandbox,
        redactor.clone(),
    );
    Ok(Subscription {
        programs: Arc::new(programs),
        spool: site.place.layout.spool(&source.name),
        source,
        redactor,
        environment: cx.environment.clone(),
        clock: cx.clock.clone(),
        ids: cx.ids.clone(),
        rates: Arc::new(SharedRates::new(cx.clock.clone())),
    })
}

/// What stands in trace directories.
pub(super) fn ledger(site: &Site, cx: &CommandContext) -> Result<OwnedLedger, CliError> {
    let state = State::beside_or_new(&site.place.layout).map_err(database_error)?;
    Ok(OwnedLedger::new(state, cx.clock.clone()))
}
