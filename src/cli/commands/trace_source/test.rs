//! `archal trace-source test`: what is ready of a source, and how much its traces show.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use archal_core::pull::PullSource;
use archal_core::push::Door;
use archal_core::source::SourceStyle;

use super::asked;
use super::connect;
use super::document::SourceTest;
use super::sampled;
use super::site::{self, Repo, Site};
use super::status;
use crate::attach::check::{self, Part, PartStatus, SAMPLE};
use crate::attach::evidence::Evidence;
use crate::attach::service::DoingNow;
use crate::cli::bench;
use crate::cli::checking;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::ingest::feed::FeedHealth;
use crate::ingest::registry::Source;
use crate::ingest::serve::port;
use crate::ingest::{FileReport, folder, read_file};
use crate::reconstruct::tools::Tools;
use crate::report::causes::chain;
use crate::report::shell::quoted;

/// Say what is ready of a source and what is missing, and how much its newest traces show
///
/// Nothing is imported. A source that is asked is asked for little: whether it answers, and for its
/// newest traces.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The source [default: the default one]
    source: Option<String>,

    #[command(flatten)]
    repo: Repo,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::of(&args.repo, cx)?;
    let source = site.source(args.source.as_deref(), cx)?;
    of(site, source, cx)
}

/// The same of one source, registered or not.
pub(super) fn of(site: Site, source: Source, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let loaded = cx.load_config(None, &site.place.repo, &[])?;
    let redactor = bench::redactor(cx, &loaded)?;
    let doing = status::doing(&site, cx);
    let mut parts = vec![registered(&source, cx)];
    parts.extend(variables(&source, cx));
    if let Some(pull) = asked::pull_of(&source, cx) {
        return asked_for(&site, &source, &pull, parts, cx);
    }
    let is_push = source.style(cx.sources) == Some(SourceStyle::Push);
    let (reach, files) = if is_push {
        (
            listens(&site, &source, doing.as_ref(), cx),
            newest(&source.trace_dir, cx),
        )
    } else {
        let path = source.options.path("path");
        (
            reads(path.as_deref(), cx),
            path.map_or_else(Vec::new, |path| newest(&path, cx)),
        )
    };
    parts.push(reach);
    parts.push(directory(&site, &source, doing.as_ref(), cx));
    let mut read: Vec<FileReport> = files
        .iter()
        .map(|file| read_file(cx.files, file, &redactor, Some(&source.name)))
        .collect();
    if is_push {
        // The directory may hold what came by other sources.
        read.retain_mut(|file| {
            file.traces.retain(|one| one.identity.source == source.name);
            !file.traces.is_empty()
        });
    }
    let traces = read.iter().flat_map(|file| &file.traces);
    let tools = Tools::of(&loaded.config.tools);
    let evidence =
        Evidence::of(traces.clone().map(|one| &one.trace), cx.clones, &tools).spoken(traces);
    parts.push(check::sample(&read, true));
    parts.push(check::shown(&evidence, None));
    Ok(tell(&site, &source, read.len(), evidence, parts, cx))
}

/// The same of a source that is asked.
fn asked_for(
    site: &Site,
    source: &Source,
    pull: &PullSource,
    mut parts: Vec<Part>,
    cx: &CommandContext,
) -> Result<Exit, CliError> {
    let is_missing = |part: &Part| part.status == PartStatus::Missing;
    let mut sample = (0, Evidence::default());
    // What is missing is told once.
    if !parts.iter().any(is_missing) {
        let looked = sampled::look(site, source, pull, cx)?;
        parts.extend(looked.parts);
        let loaded = cx.load_config(None, &site.place.repo, &[])?;
        let tools = Tools::of(&loaded.config.tools);
        let traces = looked.traces.iter();
        let evidence = Evidence::of(traces.clone().map(|one| &one.trace), cx.clones, &tools);
        sample = (looked.rows, evidence.spoken(traces));
    }
    let doing = status::doing(site, cx);
    parts.push(directory(site, source, doing.as_ref(), cx));
    let (rows, evidence) = sample;
    parts.push(check::shown(&evidence, None));
    Ok(tell(site, source, rows, evidence, parts, cx))
}

fn tell(
    site: &Site,
    source: &Source,
    sample: usize,
    evidence: Evidence,
    parts: Vec<Part>,
    cx: &CommandContext,
) -> Exit {
    let document = SourceTest {
        ready: parts.iter().all(|part| part.status != PartStatus::Missing),
        repo: site.place.repo.clone(),
        source: source.name.clone(),
        sample,
        evidence,
        parts,
    };
    cx.printer.line(checking::text(&document.parts).trim_end());
    cx.printer
        .document("archal.trace-source-test", 1, &document);
    if document.ready {
        Exit::Fine
    } else {
        Exit::CouldNotRun
    }
}

fn registered(source: &Source, cx: &CommandContext) -> Part {
    const NAME: &str = "source";
    let detail = format!("{} ({})", source.name, source.provider);
    if let Some(problem) = source.problems.first() {
        let part = Part::new(
            NAME,
            PartStatus::Missing,
            format!("{detail}: {}", problem.message),
        );
        return part.hint(site::mend(source, cx));
    }
    if source.is_enabled {
        Part::new(NAME, PartStatus::Ready, detail)
    } else {
        Part::new(NAME, PartStatus::Limited, format!("{detail} is disabled"))
            .hint(format!("archal trace-source use {}", source.name))
    }
}

fn variables(source: &Source, cx: &CommandContext) -> Option<Part> {
    const NAME: &str = "variables";
    let named: Vec<&str> = source.options.variables().map(|(_, name)| name).collect();
    if named.is_empty() {
        let push = source.descriptor(cx.sources).and_then(|known| known.push)?;
        return push.needs_token.then(|| {
            let detail = "a token is needed, and none is named";
            Part::new(NAME, PartStatus::Missing, detail).hint(format!(
                "archal trace-source connect {} --name {} --option tokenEnv=<variable>",
                source.provider, source.name
            ))
        });
    }
    let unset = connect::unset(source, cx);
    Some(if unset.is_empty() {
        Part::new(
            NAME,
            PartStatus::Ready,
            format!("{} is set", named.join(", ")),
        )
    } else {
        let are = if unset.len() == 1 { "is" } else { "are" };
        let assigned: Vec<String> = unset.iter().map(|name| format!("{name}=…")).collect();
        let detail = format!("{} {are} not set", unset.join(", "));
        Part::new(NAME, PartStatus::Missing, detail).hint(format!("export {}", assigned.join(" ")))
    })
}

/// Whether it listens, or could.
fn listens(site: &Site, source: &Source, doing: Option<&DoingNow>, cx: &CommandContext) -> Part {
    const NAME: &str = "listens";
    if let Some(now) = status::running(doing, source) {
        return match now.health {
            Some(FeedHealth::Failing { reason, .. }) => {
                Part::new(NAME, PartStatus::Missing, reason)
            }
            _ => {
                let detail = now
                    .detail
                    .unwrap_or_else(|| "the watcher runs it".to_owned());
                Part::new(NAME, PartStatus::Ready, detail)
            }
        };
    }
    if let Some(detail) = status::served(site, source, cx) {
        return Part::new(NAME, PartStatus::Ready, detail);
    }
    let Some(push) = source.descriptor(cx.sources).and_then(|known| known.push) else {
        return Part::new(NAME, PartStatus::Missing, "nothing takes what is sent");
    };
    let said = |door: &Door| source.options.listen(door.option);
    let addresses: Vec<Option<SocketAddr>> = push.doors.iter().map(said).collect();
    match port::listen(push.doors, &addresses) {
        Ok(_) => {
            let all = addresses.iter().flatten().map(ToString::to_string);
            let all: Vec<String> = all.collect();
            Part::new(
                NAME,
                PartStatus::Ready,
                format!("{} is free", all.join(", ")),
            )
        }
        Err(error) => Part::new(NAME, PartStatus::Missing, chain(&error)).hint(format!(
            "archal trace-source connect {} --name {} --option listen=127.0.0.1:<port>",
            source.provider, source.name
        )),
    }
}

/// Whether there is something to read.
fn reads(path: Option<&Path>, cx: &CommandContext) -> Part {
    const NAME: &str = "reads";
    let Some(path) = path else {
        return Part::new(NAME, PartStatus::Missing, "`path` is missing");
    };
    let shown = path.display();
    if path.is_file() {
        return Part::new(NAME, PartStatus::Ready, format!("the file {shown}"));
    }
    match folder::scan(cx.files, path) {
        Ok(scan) if scan.files.is_empty() => Part::new(
            NAME,
            PartStatus::Limited,
            format!("{shown} holds no file yet"),
        ),
        Ok(scan) => {
            let files = scan.files.len();
            Part::new(NAME, PartStatus::Ready, format!("{shown}, files: {files}"))
        }
        Err(error) => Part::new(NAME, PartStatus::Missing, chain(&error)),
    }
}

/// Where traces are put.
fn directory(site: &Site, source: &Source, doing: Option<&DoingNow>, cx: &CommandContext) -> Part {
    const NAME: &str = "directory";
    let shown = site.shown(&source.trace_dir, cx);
    let attach = format!(
        "archal attach {shown} --repo {} --create",
        quoted(&site.place.shown)
    );
    let real = source.trace_dir.canonicalize();
    let Ok(real) = real else {
        return Part::new(
            NAME,
            PartStatus::Limited,
            format!("{shown} is not there yet; it is made with the first trace"),
        )
        .hint(attach);
    };
    let is_writable = tempfile::Builder::new()
        .prefix(".archal-")
        .suffix(".tmp")
        .tempfile_in(&real);
    if let Err(error) = is_writable {
        let detail = format!("{shown} cannot be written: {error}");
        return Part::new(NAME, PartStatus::Missing, detail);
    }
    let is_attached =
        doing.is_some_and(|doing| doing.attached.iter().any(|one| one.directory == real));
    if is_attached {
        Part::new(NAME, PartStatus::Ready, format!("{shown} is attached"))
    } else {
        let detail = format!("{shown} is not attached, so nobody works on its traces");
        Part::new(NAME, PartStatus::Limited, detail).hint(attach)
    }
}

/// The newest files of a folder, or the one file.
fn newest(path: &Path, cx: &CommandContext) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let files = folder::scan(cx.files, path).map(|scan| scan.files);
    folder::newest(files.unwrap_or_default(), SAMPLE)
}
