//! What is told of a source.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::source::{SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;
use schemars::JsonSchema;
use serde::Serialize;

use crate::attach::check::Part;
use crate::attach::evidence::Evidence;
use crate::ingest::feed::FeedHealth;
use crate::ingest::objects::LedgerCounts;
use crate::ingest::pull::store::RowStore;
use crate::ingest::registry::Source;
use crate::report::causes::chain;
use crate::report::style::Style;
use crate::store::database::DatabaseError;

/// A source, as programs read it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceRow {
    /// Its name.
    pub(crate) name: String,
    /// Its provider.
    pub(crate) provider: String,
    /// Who begins; null where this version does not have the provider.
    pub(crate) style: Option<SourceStyle>,
    /// Whether it is to run.
    pub(crate) is_enabled: bool,
    /// Whether it is meant where none is named.
    pub(crate) is_default: bool,
    /// Where its traces are put.
    pub(crate) trace_dir: PathBuf,
    /// What was said of it.
    pub(crate) options: BTreeMap<String, String>,
    /// What holds besides.
    pub(crate) defaults: BTreeMap<String, String>,
    /// Whether what it does is allowed on this machine; where not, a problem says what that is.
    pub(crate) is_allowed: bool,
    /// Why it cannot be used; empty where it can.
    pub(crate) problems: Vec<Diagnostic>,
}

impl SourceRow {
    pub(super) fn of(source: Source, default: Option<&str>, all: &[SourceDescriptor]) -> Self {
        let known = source
            .descriptor(all)
            .map_or(&[][..], |known| known.options);
        let said = source.options.said().clone();
        let defaults = known
            .iter()
            .filter(|option| !said.contains_key(option.name))
            .filter_map(|option| Some((option.name.to_owned(), option.default?.to_owned())))
            .collect();
        Self {
            is_allowed: source.is_allowed(),
            style: source.style(all),
            is_default: default == Some(&source.name),
            name: source.name,
            provider: source.provider,
            is_enabled: source.is_enabled,
            trace_dir: source.trace_dir,
            options: said,
            defaults,
            problems: source.problems,
        }
    }

    /// For a person; `traces` is the trace directory as it is shown.
    pub(super) fn text(&self, traces: &str) -> String {
        let mut out = Style::Heading.paint(&self.name);
        let style = match self.style {
            Some(SourceStyle::Pull) => ", pull",
            Some(SourceStyle::Push) => ", push",
            None => "",
        };
        let default = if self.is_default { ", the default" } else { "" };
        let disabled = if self.is_enabled { "" } else { ", disabled" };
        // Writing to a String cannot fail.
        _ = writeln!(out, " ({}{style}){default}{disabled}", self.provider);
        _ = writeln!(out, "  traces   {traces}");
        let pairs = |options: &BTreeMap<String, String>| -> Vec<String> {
            let pairs = options.iter().map(|(name, text)| format!("{name}={text}"));
            pairs.collect()
        };
        let said = pairs(&self.options);
        if !said.is_empty() {
            _ = writeln!(out, "  options  {}", said.join(" "));
        }
        let defaults = pairs(&self.defaults);
        if !defaults.is_empty() {
            _ = writeln!(out, "  besides  {}", defaults.join(" "));
        }
        for problem in &self.problems {
            _ = writeln!(
                out,
                "  {}  {}",
                Style::Error.paint("wrong"),
                problem.message
            );
            if let Some(help) = &problem.help {
                _ = writeln!(out, "  mend     {help}");
            }
        }
        out
    }
}

/// `archal trace-source list --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceList {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// The source that is meant where none is named.
    pub(crate) default: Option<String>,
    /// The sources by name.
    pub(crate) sources: Vec<SourceRow>,
    /// The providers of this version.
    pub(crate) providers: Vec<ProviderRow>,
    /// Those of later ones.
    pub(crate) planned: Vec<String>,
}

/// A provider.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderRow {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is, one line.
    pub(crate) about: &'static str,
    /// How far it can be relied on.
    pub(crate) stability: Stability,
    /// Who begins.
    pub(crate) style: SourceStyle,
    /// What can be set.
    pub(crate) options: Vec<OptionRow>,
}

/// An option of a provider.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OptionRow {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is, one line.
    pub(crate) about: &'static str,
    /// What holds where nobody says.
    pub(crate) default: Option<&'static str>,
    /// Whether there is no source without it.
    pub(crate) is_required: bool,
}

impl ProviderRow {
    pub(super) fn of(provider: &SourceDescriptor) -> Self {
        Self {
            name: provider.name,
            about: provider.about,
            stability: provider.stability,
            style: provider.style,
            options: provider
                .options
                .iter()
                .map(|option| OptionRow {
                    name: option.name,
                    about: option.about,
                    default: option.default,
                    is_required: option.is_required,
                })
                .collect(),
        }
    }

    /// For a person.
    pub(super) fn text(&self) -> String {
        let mut out = format!("{}  {}\n", Style::Heading.paint(self.name), self.about);
        for option in &self.options {
            let default = match option.default {
                Some(default) => format!(" [default: {default}]"),
                None if option.is_required => " (needed)".to_owned(),
                None => String::new(),
            };
            // Writing to a String cannot fail.
            _ = writeln!(out, "  {:<11} {}{default}", option.name, option.about);
        }
        out
    }
}

/// What was done to a source: `archal trace-source connect|allow|use|disable --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangedSource {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// `connected`, `changed`, `unchanged`, `allowed`, `default` or `disabled`.
    pub(crate) done: &'static str,
    /// The source as it stands now.
    pub(crate) source: SourceRow,
    /// Variables that its options name and that are not set here.
    pub(crate) unset: Vec<String>,
    /// Commands to go on with.
    pub(crate) next: Vec<String>,
}

/// `archal trace-source status --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceStatuses {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// Whether a watcher answers.
    pub(crate) has_watcher: bool,
    /// The sources by name.
    pub(crate) sources: Vec<SourceStatus>,
}

/// How a source does.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceStatus {
    /// The source.
    #[serde(flatten)]
    pub(crate) row: SourceRow,
    /// Whether its trace directory is attached.
    pub(crate) is_attached: bool,
    /// Whether the watcher has it.
    pub(crate) is_running: bool,
    /// How it does there; null while it starts, and where it does not run.
    pub(crate) health: Option<FeedHealth>,
    /// Where it listens, or what it reads.
    pub(crate) detail: Option<String>,
    /// Traces of it that attach knows.
    pub(crate) traces: u64,
    /// When the last of them was imported or packed.
    pub(crate) last: Option<String>,
    /// How far it was asked; null for one that is not asked or never was, and for a store of objects.
    pub(crate) asked: Option<Asked>,
    /// What became of the objects of a store; null for other sources, and before the first pass.
    pub(crate) objects: Option<LedgerCounts>,
}

/// How far a source was asked.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// When the last pass began.
    pub(crate) begun_at: Option<Timestamp>,
    /// When a pass last came to its end.
    pub(crate) ended_at: Option<Timestamp>,
    /// Since when the cursor stands where it does.
    pub(crate) cursor_at: Option<Timestamp>,
    /// Traces that ended before are not asked for.
    pub(crate) since: Option<Timestamp>,
    /// Rows that are held for what comes late.
    pub(crate) rows: u64,
    /// Traces of which something was not given out yet.
    pub(crate) waiting: u64,
    /// Traces that could not be put together.
    pub(crate) failed: u64,
    /// Requests that were ever made.
    pub(crate) requests: u64,
    /// Bytes that ever came.
    pub(crate) bytes: u64,
    /// Why the last pass did not come to its end.
    pub(crate) error: Option<String>,
    /// What mends that.
    pub(crate) advice: Option<String>,
}

impl Asked {
    /// Of a source of which nothing can be read.
    pub(super) fn unreadable(error: &DatabaseError) -> Self {
        Self {
            error: Some(chain(error)),
            advice: error.way_out().map(str::to_owned),
            ..Self::default()
        }
    }

    /// Of what is kept of a source; none where it was never asked.
    pub(super) fn of(spool: &Path) -> Result<Option<Self>, DatabaseError> {
        let Some(store) = RowStore::look(spool)? else {
            return Ok(None);
        };
        let (standing, holds) = (store.standing()?, store.holds()?);
        let (error, advice) = match standing.error {
            Some((error, advice, _)) => (Some(error), advice),
            None => (None, None),
        };
        Ok(Some(Self {
            begun_at: standing.begun_at,
            ended_at: standing.ended_at,
            cursor_at: standing.cursor_at,
            since: standing.since,
            rows: holds.rows,
            waiting: holds.waiting,
            failed: holds.failed,
            requests: standing.requests,
            bytes: standing.bytes,
            error,
            advice,
        }))
    }
}

/// `archal trace-source serve --json`, when it listens.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Serving {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// The source.
    pub(crate) source: String,
    /// Where its traces are put.
    pub(crate) trace_dir: PathBuf,
    /// Where it listens.
    pub(crate) detail: Option<String>,
}

/// `archal trace-source watch --json`, when it begins.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Watched {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// The sources that are asked.
    pub(crate) sources: Vec<String>,
}

/// `archal trace-source test --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceTest {
    /// Whether nothing is missing.
    pub(crate) ready: bool,
    /// The repository.
    pub(crate) repo: PathBuf,
    /// The source.
    pub(crate) source: String,
    /// How many of its newest files were read, or of its newest rows.
    pub(crate) sample: usize,
    /// What their traces show.
    pub(crate) evidence: Evidence,
    /// The parts, in the order in which they are needed.
    pub(crate) parts: Vec<Part>,
}
