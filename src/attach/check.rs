//! What work on a trace directory stands on, looked at one by one. Nothing is written to the
//! repository, and no lock is taken.
//!
//! - `agent`: scenarios, clones, harness, fixer.
//! - `place`: directory, repository, state, budget, what children are held by.

mod agent;
mod place;

use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;
use archal_core::source::FileFormat;
use archal_core::trace::Trace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::ExecutionPolicy;
use crate::ingest::key::RedactionKey;
use crate::ingest::{FileReport, FileStatus, read_file};
use crate::reconstruct::tools::Tools;
use crate::sandbox::hold::Probe;
use crate::store::layout::Layout;

use super::evidence::Evidence;
use super::flags::AttachFlags;
use super::ready::{Ready, ReadyError};
use super::recording;
use super::settings::{Settings, Surroundings};

/// How many files are read, the newest.
pub const SAMPLE: usize = 20;

/// What is looked at, and how.
pub struct Checking<'a> {
    /// The repository, absolute and without links.
    pub repo: &'a Path,
    /// The trace directory, absolute.
    pub directory: &'a Path,
    /// The command line.
    pub flags: &'a AttachFlags,
    /// Where state is or would be kept.
    pub layout: &'a Layout,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// The archal binary, for its hidden modes.
    pub binary: &'a Path,
    /// The clones there are.
    pub clones: &'static [CloneDescriptor],
    /// The files that are read.
    pub files: &'static FileFormat,
    /// How children can be held here.
    pub probe: &'a Probe,
    /// The user's redaction key, or one for this look.
    pub key: &'a RedactionKey,
    /// Where the key lies, where it has a place.
    pub key_path: Option<&'a Path>,
    /// Where what is spent is written down, where that has a place.
    pub ledger: Option<&'a Path>,
    /// The time.
    pub now: Timestamp,
}

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PartStatus {
    /// It is as it should be.
    Ready,
    /// Work can begin; the detail says what it will not do.
    Limited,
    /// Work cannot begin, or every job would be blocked by it, or what was asked for would not be
    /// done.
    Missing,
    /// The policy does not go so far, or a part before it has to be mended first.
    Unneeded,
}

/// One thing that work stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is.
    pub name: String,
    /// How it stands.
    pub status: PartStatus,
    /// What was found, one sentence.
    pub detail: String,
    /// What else is worth knowing, a line each.
    pub notes: Vec<String>,
    /// What mends it: commands and settings.
    pub hints: Vec<String>,
}

impl Part {
    /// A part without notes and hints.
    pub fn new(name: &str, status: PartStatus, detail: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            status,
            detail: detail.into(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The same with one more note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The same with one more thing that mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Whether nothing is missing.
    pub ready: bool,
    /// The repository.
    pub repo: PathBuf,
    /// The trace directory.
    pub trace_directory: PathBuf,
    /// How far the loop would go; none where the configuration cannot be read.
    pub policy: Option<ExecutionPolicy>,
    /// How many of the newest files were read.
    pub sample: usize,
    /// What their traces show.
    pub evidence: Evidence,
    /// The parts, in the order in which they are needed.
    pub parts: Vec<Part>,
}

impl Checking<'_> {
    /// Looks at everything.
    pub fn look(&self) -> CheckReport {
        let around = Surroundings {
            repo: self.repo,
            environment: self.environment,
            clones: self.clones,
            key: self.key.bytes,
            containment: self.probe.containment(),
        };
        let settings = Settings::load(self.flags, around);
        let poll = settings
            .as_ref()
            .map(|settings| settings.options.poll.as_secs())
            .ok();
        let (directory, files) = place::directory(self, poll);
        let read: Vec<FileReport> = match &settings {
            Ok(settings) => files
                .iter()
                .map(|file| read_file(self.files, file, settings.scrubber.redactor(), None))
                .collect(),
            Err(_) => Vec::new(),
        };
        let traces: Vec<&Trace> = read
            .iter()
            .flat_map(|file| &file.traces)
            .map(|imported| &imported.trace)
            .collect();
        let none = Tools::default();
        let tools = settings.as_ref().map_or(&none, |settings| &settings.tools);
        let evidence = Evidence::of(traces.iter().copied(), self.clones, tools)
            .spoken(read.iter().flat_map(|file| &file.traces));
        let (repository, is_usable) = place::repository(self);
        let ready = match &settings {
            Ok(_) if is_usable => Some(Ready::prepare(self.flags, around, self.binary)),
            _ => None,
        };
        let policy = settings
            .as_ref()
            .ok()
            .map(|settings| settings.options.policy);
        let mut parts = vec![
            directory,
            sample(&read, settings.is_ok()),
            shown(&evidence, policy),
            place::configuration(&settings),
            repository,
        ];
        match (&ready, &settings) {
            (Some(Ok(ready)), Ok(settings)) => {
                parts.extend(agent::all(self, ready, settings, &traces, &evidence));
                parts.extend(agent::states(ready));
            }
            (Some(Err(error)), _) => parts.push(not_prepared(error)),
            _ => parts.push(Part::new(
                "agent",
                PartStatus::Unneeded,
                "scenarios and harness are looked at when repository and configuration can be used",
            )),
        }
        parts.extend(place::route(self, settings.as_ref().ok()));
        if let Ok(settings) = &settings {
            parts.push(agent::fixer(settings));
            parts.push(place::budget(self, settings));
            parts.extend(place::judge(self, settings));
        }
        parts.extend([
            place::state(self),
            place::remote(self, settings.as_ref().ok()),
            place::key(self),
        ]);
        CheckReport {
            ready: parts.iter().all(|part| part.status != PartStatus::Missing),
            repo: self.repo.to_owned(),
            trace_directory: self.directory.to_owned(),
            policy,
            sample: read.len(),
            evidence,
            parts,
        }
    }
}

fn not_prepared(error: &ReadyError) -> Part {
    let reason = super::reproducing::chain(error);
    Part::new("agent", PartStatus::Missing, reason)
}

/// How many of the newest files can be read.
pub fn sample(read: &[FileReport], is_configured: bool) -> Part {
    const NAME: &str = "traces";
    if !is_configured {
        let detail = "none was read: the configuration says what is to be redacted";
        return Part::new(NAME, PartStatus::Unneeded, detail);
    }
    if read.is_empty() {
        let detail = "no trace file is there yet; attach waits for the first";
        return Part::new(NAME, PartStatus::Limited, detail)
            .hint("archal schema trace  # the format of a batch file; OTLP JSON is read too");
    }
    let count = |fits: fn(&FileStatus) -> bool| read.iter().filter(|one| fits(&one.status)).count();
    let imported = count(|status| matches!(status, FileStatus::Imported));
    let rejected = count(|status| matches!(status, FileStatus::Rejected { .. }));
    let mut dialects: Vec<&str> = read
        .iter()
        .filter_map(|file| file.dialect.as_deref())
        .collect();
    dialects.sort_unstable();
    dialects.dedup();
    let traces = read.iter().flat_map(|file| &file.traces);
    let redactions: u64 = traces.clone().flat_map(|one| one.redactions.values()).sum();
    let which = if read.len() < SAMPLE {
        counted(read.len(), "file")
    } else {
        format!("the {SAMPLE} newest files")
    };
    let mut detail = format!(
        "{imported} of {which} read, {}",
        counted(traces.count(), "trace")
    );
    if !dialects.is_empty() {
        detail.push_str(&format!(" ({})", dialects.join(", ")));
    }
    detail.push_str(&match redactions {
        1 => "; 1 value redacted".to_owned(),
        count => format!("; {count} values redacted"),
    });
    let status = match imported {
        0 if rejected == read.len() => PartStatus::Missing,
        imported if imported < read.len() => PartStatus::Limited,
        _ => PartStatus::Ready,
    };
    let mut part = Part::new(NAME, status, detail);
    for file in read {
        let (word, reason) = match &file.status {
            FileStatus::Imported => match file.diagnostics.first() {
                Some(Diagnostic { message, .. }) => ("read in part", message),
                None => continue,
            },
            FileStatus::Waiting { reason } => ("waiting", reason),
            FileStatus::Rejected { reason } => ("rejected", reason),
        };
        part = part.note(format!("{word}: {}: {reason}", file.path.display()));
    }
    if rejected > 0 {
        part =
            part.hint("archal schema trace  # the format of a batch file; OTLP JSON is read too");
    }
    part
}

/// The most tools that are named which nothing maps.
const UNMAPPED: usize = 5;

/// What the traces show, and which stages that is enough for.
pub fn shown(evidence: &Evidence, policy: Option<ExecutionPolicy>) -> Part {
    const NAME: &str = "evidence";
    if evidence.traces == 0 {
        return Part::new(NAME, PartStatus::Unneeded, "there is no trace to look at");
    }
    let all = evidence.traces;
    let detail = match evidence.score() {
        Some(score) => format!(
            "score {score} of 100: the state can be rebuilt from {} of {}",
            evidence.rebuilt,
            counted(all, "trace")
        ),
        None => format!("no call is recorded in {}", counted(all, "trace")),
    };
    let reproducible = evidence.rebuilt.min(evidence.with_input);
    let only_observes = policy == Some(ExecutionPolicy::Observe);
    let status = match evidence.rebuilt {
        _ if only_observes => PartStatus::Ready,
        0 => PartStatus::Missing,
        rebuilt if rebuilt < all || evidence.with_input < all => PartStatus::Limited,
        _ => PartStatus::Ready,
    };
    let mut part = Part::new(NAME, status, detail)
        .note(format!(
            "tools: {} with arguments, {} with results; HTTP: {} request bodies, {} response bodies",
            evidence.tool_arguments,
            evidence.tool_results,
            evidence.request_bodies,
            evidence.response_bodies
        ))
        .note(format!(
            "possible: import {all}; grade by signals {all}, by claims {}, by state {}; seed {}; reproduce and fix {reproducible}",
            evidence.with_claims, evidence.rebuilt, evidence.rebuilt
        ));
    for (missing, traces) in evidence.missing.iter().take(3) {
        part = part.note(format!(
            "missing in {}: {missing}",
            counted(*traces, "trace")
        ));
    }
    for tool in evidence.unmapped.iter().take(UNMAPPED) {
        let sign = tool
            .sign
            .as_deref()
            .unwrap_or("there is no sign that it calls a service");
        part = part.note(format!(
            "tool {} ({}) is not mapped; {sign}; in .archal.json: {} or {}",
            tool.tool.escape_default(),
            counted(tool.calls, "call"),
            tool.to_write(),
            tool.to_write_local()
        ));
    }
    if evidence.unmapped.len() > UNMAPPED {
        let more = counted(evidence.unmapped.len() - UNMAPPED, "more tool");
        part = part.note(format!("{more} not mapped; --json has all"));
    }
    if evidence.truncated > 0 {
        let cut = counted(evidence.truncated, "value");
        part = part.note(format!("{cut} cut short by whoever wrote the trace"));
    }
    if evidence.with_input < all {
        part = part
            .note(format!(
                "what the agent was asked is in {} of {all}",
                evidence.with_input
            ))
            .hint(
                "put the task on the root span: gen_ai.input.messages, or `input` of a batch file",
            );
    }
    let lacks = |share: super::evidence::Share| share.there < share.of;
    if lacks(evidence.tool_arguments) || lacks(evidence.tool_results) {
        let spoken = evidence.dialects.keys().map(String::as_str);
        for setting in recording::tool_content(spoken) {
            part = part.hint(setting);
        }
    }
    if lacks(evidence.request_bodies)
        || lacks(evidence.response_bodies)
        || all > 0 && evidence.with_clone_calls == 0
    {
        part = part.hint(
            "set http.request.body and http.response.body on the HTTP client's spans, in its request and response hooks",
        );
    }
    part
}

/// `1 trace`, `2 traces`.
fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}
