//! What is ready of a source that is asked, as parts of `archal trace-source test`.

use archal_core::pull::{Point, PullSource, Standing};

use super::serve;
use super::site::Site;
use crate::attach::check::{Part, PartStatus};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::ingest::Imported;
use crate::ingest::pull::sample::{self, Sample};
use crate::ingest::registry::Source;
use crate::run::render::words;

/// The most findings that are told.
const MOST_FINDINGS: usize = 5;

/// What is ready, and the traces of a sample.
pub(super) struct Looked {
    pub(super) parts: Vec<Part>,
    pub(super) rows: usize,
    pub(super) traces: Vec<Imported>,
}

/// Asks a source what is ready, and for a sample.
pub(super) fn look(
    site: &Site,
    source: &Source,
    pull: &PullSource,
    cx: &CommandContext,
) -> Result<Looked, CliError> {
    let mut looked = Looked {
        parts: Vec::new(),
        rows: 0,
        traces: Vec::new(),
    };
    let Some(provider) = source.descriptor(cx.sources) else {
        return Ok(looked);
    };
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let subscription = serve::subscription(site, source.clone(), cx)?;
    match sample::sample(&subscription, provider, pull, interrupts.token()) {
        Ok(sample) => {
            looked.parts.extend(sample.points.iter().map(part));
            looked.parts.push(traces(&sample));
            looked.rows = sample.rows;
            looked.traces = sample.traces;
        }
        Err(error) => {
            let part = Part::new("options", PartStatus::Missing, error.message);
            looked.parts.push(match error.advice {
                Some(advice) => part.hint(advice),
                None => part,
            });
        }
    }
    Ok(looked)
}

fn part(point: &Point) -> Part {
    let status = match point.standing {
        Standing::Ready => PartStatus::Ready,
        Standing::Limited => PartStatus::Limited,
        Standing::Missing => PartStatus::Missing,
    };
    let part = Part::new(point.name, status, point.detail.clone());
    match &point.advice {
        Some(advice) => part.hint(advice.clone()),
        None => part,
    }
}

fn traces(sample: &Sample) -> Part {
    const NAME: &str = "traces";
    if let Some(error) = &sample.error {
        let part = Part::new(NAME, PartStatus::Missing, error.message.clone());
        return match &error.advice {
            Some(advice) => part.hint(advice.clone()),
            None => part,
        };
    }
    let is_missing = |point: &Point| point.standing == Standing::Missing;
    if sample.points.iter().any(is_missing) {
        let detail = "none was read: something is missing before";
        return Part::new(NAME, PartStatus::Unneeded, detail);
    }
    if sample.rows == 0 {
        return Part::new(NAME, PartStatus::Limited, "there is none yet");
    }
    let redactions = sample.traces.iter().flat_map(|one| one.redactions.values());
    let redactions = usize::try_from(redactions.sum::<u64>()).unwrap_or(usize::MAX);
    let detail = format!(
        "{} of the newest {} read; {} redacted",
        words::count(sample.traces.len(), "trace"),
        words::count(sample.rows, "row"),
        words::count(redactions, "value")
    );
    let is_bad = sample.findings.iter().any(|finding| finding.is_error());
    let status = match (sample.traces.is_empty(), is_bad) {
        (true, _) => PartStatus::Missing,
        (false, true) => PartStatus::Limited,
        (false, false) => PartStatus::Ready,
    };
    let mut part = Part::new(NAME, status, detail);
    for finding in sample.findings.iter().take(MOST_FINDINGS) {
        part = part.note(finding.message.clone());
    }
    part
}
