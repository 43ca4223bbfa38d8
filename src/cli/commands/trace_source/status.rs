//! `archal trace-source status`: how sources do.

use std::fmt::Write as _;

use archal_core::source::SourceStyle;

use super::asked;
use super::document::{Asked, SourceRow, SourceStatus, SourceStatuses};
use super::site::{self, Repo, Site};
use crate::attach::service::DoingNow;
use crate::attach::state::packed;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::state::database_error;
use crate::cli::watching;
use crate::host::lock::FileLock;
use crate::host::protocol::Request;
use crate::ingest::feed::FeedHealth;
use crate::ingest::objects::{LedgerCounts, ObjectLedger};
use crate::ingest::registry::Source;
use crate::ingest::serve;
use crate::report::shell::quoted;
use crate::run::render::words;

/// How sources do: whether they run, and what came of them
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The source [default: all]
    source: Option<String>,

    #[command(flatten)]
    repo: Repo,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::of(&args.repo, cx)?;
    let registry = site.registry(cx)?;
    let sources = match &args.source {
        None => registry.sources(),
        Some(name) => match registry.source(name) {
            Some(source) => vec![source],
            None => return Err(site::unknown(name, &registry)),
        },
    };
    let doing = doing(&site, cx);
    let look = site.place.look()?;
    let mut statuses = Vec::new();
    for source in sources {
        let came = match &look {
            Some(look) => look
                .read(|rows| packed::came(rows, &source.name))
                .map_err(database_error)?,
            None => packed::Came::default(),
        };
        let now = running(doing.as_ref(), &source);
        let is_attached = doing.as_ref().is_some_and(|doing| {
            let real = source.trace_dir.canonicalize();
            let real = real.as_ref().unwrap_or(&source.trace_dir);
            doing.attached.iter().any(|one| one.directory == *real)
        });
        let spool = site.place.layout.spool(&source.name);
        let (asked, objects) = match asked::pull_of(&source, cx) {
            // One of which nothing can be read hides nothing of the others.
            Some(_) => {
                let counted = ObjectLedger::counts(&spool);
                match Asked::of(&spool).and_then(|asked| Ok((asked, counted?))) {
                    Ok(known) => known,
                    Err(error) => (Some(Asked::unreadable(&error)), None),
                }
            }
            None => (None, None),
        };
        statuses.push(SourceStatus {
            is_attached,
            health: now.as_ref().and_then(|now| now.health.clone()),
            detail: match &now {
                Some(now) => now.detail.clone(),
                None => served(&site, &source, cx).map(str::to_owned),
            },
            asked,
            objects,
            is_running: now.is_some(),
            traces: came.traces,
            last: came.last,
            row: SourceRow::of(source, registry.default(), cx.sources),
        });
    }
    let is_unhealthy = statuses
        .iter()
        .any(|one| matches!(one.health, Some(FeedHealth::Failing { .. })));
    let document = SourceStatuses {
        repo: site.place.repo.clone(),
        has_watcher: doing.is_some(),
        sources: statuses,
    };
    for status in &document.sources {
        cx.printer.line(text(&site, status, cx).trim_end());
    }
    if document.sources.is_empty() {
        cx.printer
            .line("no trace source is connected; archal trace-source connect <provider>");
    }
    cx.printer
        .document("archal.trace-source-status", 1, &document);
    Ok(if is_unhealthy {
        Exit::CouldNotRun
    } else {
        Exit::Fine
    })
}

/// What the watcher of the repository does; none where none answers.
pub(super) fn doing(site: &Site, cx: &CommandContext) -> Option<DoingNow> {
    let asked = watching::ask(&site.place.layout, &Request::Status, watching::PATIENCE, cx);
    serde_json::from_value(asked.ok()??).ok()
}

/// How a source does in the watcher; none where it does not run there.
pub(super) fn running(
    doing: Option<&DoingNow>,
    source: &Source,
) -> Option<crate::attach::hosted::SourceNow> {
    let mut sources = doing?.attached.iter().flat_map(|one| &one.sources);
    sources.find(|now| now.name == source.name).cloned()
}

/// What is told of a source that the watcher does not run and another process serves.
pub(super) fn served(site: &Site, source: &Source, cx: &CommandContext) -> Option<&'static str> {
    let lock = serve::lock_of(&site.place.layout.spool(&source.name));
    // What cannot be known is not told; who wants to serve it hears why.
    let is_served = FileLock::is_held(&lock).unwrap_or(false);
    is_served.then_some(match source.style(cx.sources) {
        Some(SourceStyle::Pull) => "it is asked at this moment",
        _ => "`archal trace-source serve` has it",
    })
}

fn text(site: &Site, status: &SourceStatus, cx: &CommandContext) -> String {
    let row = &status.row;
    let traces = site.shown(&row.trace_dir, cx);
    let mut out = row.text(&traces);
    let repo = quoted(&site.place.shown);
    let how = match (&status.health, status.is_running) {
        (Some(FeedHealth::Failing { reason, times, .. }), _) => {
            format!("unhealthy: {reason} ({times} times)")
        }
        (Some(FeedHealth::Degraded { reason, .. }), _) => format!("runs: {reason}"),
        (_, true) => status.detail.clone().unwrap_or_else(|| "runs".to_owned()),
        (_, false) if status.detail.is_some() => status.detail.clone().unwrap_or_default(),
        (_, false) if !row.is_enabled => {
            format!("disabled; archal trace-source use {}", row.name)
        }
        (_, false) if !row.is_allowed => "not asked before it is allowed".to_owned(),
        (_, false) if status.is_attached => "attached with --no-sources".to_owned(),
        (_, false) if row.style == Some(SourceStyle::Pull) => {
            format!("not running; archal trace-source sync {}", row.name)
        }
        (_, false) => format!("not running; archal attach {traces} --repo {repo}"),
    };
    // Writing to a String cannot fail.
    _ = writeln!(out, "  now      {how}");
    let came = words::count(
        usize::try_from(status.traces).unwrap_or(usize::MAX),
        "trace",
    );
    _ = match &status.last {
        Some(last) => writeln!(out, "  came     {came}, the last at {last}"),
        None => writeln!(out, "  came     {came}"),
    };
    if let Some(asked) = &status.asked {
        told(&mut out, asked);
    }
    if let Some(objects) = status.objects {
        held(&mut out, objects);
    }
    out
}

/// What became of the objects of a store, for a person.
fn held(out: &mut String, objects: LedgerCounts) {
    let read = asked::counted(objects.read, "object");
    // Writing to a String cannot fail.
    _ = write!(out, "  holds    {read} read");
    for (count, what) in [
        (objects.failed, "without traces"),
        (objects.refused, "to ask for again"),
        (objects.unnamed, "that no manifest names yet"),
    ] {
        if count > 0 {
            _ = write!(out, ", {count} {what}");
        }
    }
    out.push('\n');
}

/// How far a source was asked, for a person.
fn told(out: &mut String, asked: &Asked) {
    // Writing to a String cannot fail.
    _ = match asked.ended_at {
        Some(at) => writeln!(
            out,
            "  asked    last at {at:.0}; {}, {}",
            asked::counted(asked.requests, "request"),
            words::bytes(asked.bytes)
        ),
        None => writeln!(out, "  asked    never to the end"),
    };
    if let Some(at) = asked.cursor_at {
        _ = writeln!(out, "  cursor   of {at:.0}");
    }
    _ = writeln!(
        out,
        "  holds    {}; {} waiting, {} failed",
        asked::counted(asked.rows, "row"),
        asked::counted(asked.waiting, "trace"),
        asked.failed
    );
    if let Some(error) = &asked.error {
        _ = writeln!(out, "  failed   {error}");
    }
    if let Some(advice) = &asked.advice {
        _ = writeln!(out, "  mend     {advice}");
    }
}
