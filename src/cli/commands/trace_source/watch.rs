//! `archal trace-source watch`: pull sources in the foreground, again and again.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::document::Watched;
use super::serve;
use super::site::{self, Repo, Site};
use super::sync;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::ingest::feed::{self, Feed};
use crate::ingest::pull::rates::SharedRates;
use crate::ingest::registry::Source;

/// Get what pull sources have, again and again, until Ctrl-C
///
/// A watcher does the same for the directories that are attached; this is for whoever only collects.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Usage, Exit::CouldNotRun, Exit::Interrupted,
]))]
pub(super) struct Args {
    /// The sources [default: all pull sources that are enabled]
    source: Vec<String>,

    /// Seconds between two looks [default: what each source says]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86400))]
    interval: Option<u64>,

    #[command(flatten)]
    repo: Repo,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::prepared(&args.repo, cx)?;
    let sources = wanted(args, &site, cx)?;
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let mut threads = Vec::new();
    // Those that ask the same service share what it takes.
    let rates = Arc::new(SharedRates::new(cx.clock.clone()));
    for mut source in sources {
        if let Some(seconds) = args.interval {
            source.options.say("interval", format!("{seconds}s"));
        }
        serve::not_elsewhere(&site, &source, cx)?;
        let feed = serve::feed(&site, source, &rates, cx)?;
        threads.push(supervised(feed, &interrupts, cx)?);
    }
    let names: Vec<String> = threads.iter().map(|(name, _)| name.clone()).collect();
    cx.printer
        .line(format!("watching {}; Ctrl-C ends it", names.join(", ")));
    let document = Watched {
        repo: site.place.repo,
        sources: names,
    };
    cx.printer
        .document("archal.trace-source-watch", 1, &document);
    for (_, thread) in threads {
        thread.join().ok();
    }
    Ok(Exit::Interrupted)
}

fn wanted(args: &Args, site: &Site, cx: &CommandContext) -> Result<Vec<Source>, CliError> {
    if !args.source.is_empty() {
        return args
            .source
            .iter()
            .map(|name| {
                let source = site.source(Some(name), cx)?;
                sync::can_be_asked(site, &source, cx)?;
                Ok(source)
            })
            .collect();
    }
    let mut sources = site.registry(cx)?.sources();
    sources.retain(|source| source.is_enabled);
    for source in sources.iter().filter(|source| !source.is_allowed()) {
        for problem in &source.problems {
            let told = format!("{}: {}", source.name, problem.message);
            cx.printer.warning(told);
            cx.printer.note(site::mend(source, cx));
        }
    }
    sources.retain(|source| sync::can_be_asked(site, source, cx).is_ok());
    if sources.is_empty() {
        return Err(
            CliError::usage("no pull source is enabled that can be asked")
                .hint("archal trace-source list"),
        );
    }
    Ok(sources)
}

fn supervised(
    feed: Arc<dyn Feed>,
    interrupts: &Interrupts,
    cx: &CommandContext,
) -> Result<(String, thread::JoinHandle<()>), CliError> {
    let name = feed.name().to_owned();
    let (says, printer) = (name.clone(), cx.printer.clone());
    let told = move |health| {
        printer.note(format!(
            "{says}: {}",
            crate::attach::hosted::in_words(&health)
        ));
    };
    let first_pause: Duration = feed::FIRST_PAUSE;
    let thread = feed::supervise(
        feed,
        interrupts.token().clone(),
        first_pause,
        Box::new(told),
    );
    Ok((name, thread.map_err(CliError::environment)?))
}
