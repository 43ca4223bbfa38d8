//! `archal plugin check`: whether a plugin does what the protocol says, with what it gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{
    Asking, Opened, Page, PullError, PullErrorKind, PullSource, Rows, Said, Standing,
};
use archal_core::redact::Redactor;
use archal_core::source::OptionKind;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::attach::check::{Part, PartStatus};
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::bench;
use crate::cli::checking;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::ingest::plugin::programs::HeldPrograms;
use crate::ingest::pull::asking::{self, Unseen, Waiting};
use crate::ingest::pull::rates::SharedRates;
use crate::ingest::registry::Options;
use crate::report::shell::quoted;

/// The provider that talks with plugins.
const PROVIDER: &str = "custom";
/// Pages that are read.
const PAGES: usize = 10;
/// Findings that are shown of a part.
const SHOWN: usize = 10;

/// Say whether a plugin does what the protocol says, and what it gives
///
/// It is started as a source would start it: held, limited, and with the variables that are named. It is asked
/// what it is, whether it is ready, and for its first pages; nothing is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Interrupted,
]))]
pub(super) struct Args {
    /// The plugin: an executable, or a shared library
    path: PathBuf,

    /// An option of the `custom` source, `config={"host":"…"}` for example
    #[arg(long, value_name = "NAME=VALUE")]
    option: Vec<String>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The document of `--json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PluginCheck {
    /// The plugin.
    plugin: PathBuf,
    /// Whether nothing is wrong.
    ready: bool,
    /// What was looked at.
    parts: Vec<Part>,
    /// Traces that came whole.
    traces: usize,
    /// Spans that came one by one.
    spans: usize,
    /// Pages that were read.
    pages: usize,
    /// What could not be read, and what the plugin told.
    findings: Vec<Diagnostic>,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let loaded = cx.load_config(
        args.config.config.as_deref(),
        &cx.environment.directory,
        &[],
    )?;
    let redactor = bench::redactor(cx, &loaded)?;
    let plugin = cx.environment.resolve(&args.path);
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let (source, said, unseen) = said(args, &plugin, &redactor, cx)?;
    let programs = HeldPrograms::new(
        &cx.binary,
        None,
        cx.environment.clone(),
        loaded.config.attach.sandbox,
        redactor.clone(),
    );
    let asking = Asking {
        name: PROVIDER.to_owned(),
        options: said,
        since: None,
        clock: cx.clock.clone(),
        rates: Arc::new(SharedRates::new(cx.clock.clone())),
        programs: Arc::new(programs),
        stop: Arc::new(Waiting::of(interrupts.token())),
    };
    let mut rows = match (source.open)(asking) {
        Ok(Opened::Rows(rows)) => rows,
        Ok(Opened::Objects(_)) => return Err(CliError::internal("a plugin gives rows")),
        Err(error) => return Err(refused(unseen.error(error))),
    };
    let mut document = PluginCheck {
        plugin,
        ready: false,
        parts: Vec::new(),
        traces: 0,
        spans: 0,
        pages: 0,
        findings: Vec::new(),
    };
    document.look(rows.as_mut(), &unseen);
    if interrupts.is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    document.ready = document
        .parts
        .iter()
        .all(|part| part.status != PartStatus::Missing);
    cx.printer.line(checking::text(&document.parts).trim_end());
    if document.ready {
        let path = quoted(&document.plugin);
        cx.printer.line(format!(
            "  next     archal trace-source connect {PROVIDER} --name <name> --option path={path}"
        ));
    }
    cx.printer.document("archal.plugin-check", 1, &document);
    Ok(if document.ready {
        Exit::Fine
    } else {
        Exit::Bad
    })
}

impl PluginCheck {
    fn look(&mut self, rows: &mut dyn Rows, unseen: &Unseen) {
        self.parts.extend(rows.check().into_iter().map(|point| {
            let status = match point.standing {
                Standing::Ready => PartStatus::Ready,
                Standing::Limited => PartStatus::Limited,
                Standing::Missing => PartStatus::Missing,
            };
            let part = Part::new(point.name, status, unseen.text(&point.detail));
            match point.advice {
                Some(advice) => part.hint(unseen.text(&advice)),
                None => part,
            }
        }));
        let is_missing = |part: &Part| part.status == PartStatus::Missing;
        if self.parts.iter().any(is_missing) {
            return;
        }
        match self.read(rows, unseen) {
            Ok(is_whole) => {
                let detail = format!(
                    "traces: {}; spans by themselves: {}; pages: {}{}",
                    self.traces,
                    self.spans,
                    self.pages,
                    if is_whole { "" } else { ", and there are more" }
                );
                let status = if self.traces + self.spans > 0 {
                    PartStatus::Ready
                } else {
                    PartStatus::Limited
                };
                self.parts.push(Part::new("gives", status, detail));
            }
            Err(error) => {
                let error = unseen.error(error);
                let part = Part::new("gives", PartStatus::Missing, error.message);
                self.parts.push(match error.advice {
                    Some(advice) => part.hint(advice),
                    None => part,
                });
            }
        }
        self.findings();
    }

    /// Reads the first pages; whether there are no more.
    fn read(&mut self, rows: &mut dyn Rows, unseen: &Unseen) -> Result<bool, PullError> {
        let mut cursor = Value::Null;
        for _ in 0..PAGES {
            let page: Page = rows.page(&cursor)?;
            self.pages += 1;
            self.traces += page.traces.len();
            self.spans += page.rows.len();
            let findings = page.findings.into_iter();
            self.findings
                .extend(findings.map(|finding| unseen.finding(finding)));
            if page.is_last {
                return Ok(true);
            }
            cursor = page.cursor;
        }
        Ok(false)
    }

    fn findings(&mut self) {
        let errors = self.findings.iter().filter(|one| one.is_error()).count();
        if self.findings.is_empty() {
            return;
        }
        let status = if errors > 0 {
            PartStatus::Missing
        } else {
            PartStatus::Limited
        };
        let detail = format!("errors: {errors}; others: {}", self.findings.len() - errors);
        let part = Part::new("findings", status, detail);
        let shown = self.findings.iter().take(SHOWN);
        let part = shown.fold(part, |part, finding| part.note(finding.message.clone()));
        self.parts.push(part);
    }
}

/// What the options say, as a registered source would have it, and what is not told of the plugin's words.
fn said(
    args: &Args,
    plugin: &Path,
    redactor: &Redactor,
    cx: &CommandContext,
) -> Result<(PullSource, Said, Unseen), CliError> {
    let provider = cx.sources.iter().find(|known| known.name == PROVIDER);
    let (provider, source) = provider
        .and_then(|provider| Some((provider, provider.pull?)))
        .ok_or_else(|| CliError::internal("there is no source for plugins"))?;
    let mut options = Options::new(BTreeMap::new(), provider.options);
    options.say("path", plugin.to_string_lossy().into_owned());
    for pair in &args.option {
        let (name, text) = pair.split_once('=').ok_or_else(|| {
            CliError::usage("an option is `name=value`").hint("--option 'config={\"host\":\"…\"}'")
        })?;
        let known = provider.options.iter().find(|option| option.name == name);
        let text = match known.map(|option| option.kind) {
            Some(OptionKind::Path) => {
                let path = cx.environment.resolve(Path::new(text));
                path.to_string_lossy().into_owned()
            }
            _ => text.to_owned(),
        };
        options.say(name, text);
    }
    if let Some(problem) = options.problems(PROVIDER).into_iter().next() {
        return Err(CliError::usage(problem).hint("archal trace-source list --providers"));
    }
    let said = asking::said(&options, provider.options, None).map_err(refused)?;
    let secrets = options
        .variables()
        .filter_map(|(_, name)| cx.environment.get(name));
    let unseen = Unseen::new(redactor, secrets);
    Ok((source, said, unseen))
}

fn refused(error: PullError) -> CliError {
    let failed = match error.kind {
        PullErrorKind::Options => CliError::usage(error.message),
        _ => CliError::environment(error.message),
    };
    match error.advice {
        Some(advice) => failed.hint(advice),
        None => failed,
    }
}
