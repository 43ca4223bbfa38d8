//! What is ready of a source that is asked, and what its newest traces look like. Nothing is kept.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Opened, Page, Point, PullError, PullSource, Rows, Standing};
use archal_core::push::{Kept, KeptSpan};
use archal_core::redact::RedactionCounts;
use archal_core::source::{DecodedTrace, SourceDescriptor};
use archal_core::trace::TraceIdentity;
use serde_json::Value;

use super::asking::{self, Unseen, Waiting};
use super::stored;
use crate::ingest::Imported;
use crate::ingest::subscription::Subscription;
use crate::sandbox::StopToken;

/// What was seen of a source.
#[derive(Debug, Default)]
pub struct Sample {
    /// What was looked at.
    pub points: Vec<Point>,
    /// Rows or objects that were read.
    pub rows: usize,
    /// Traces of them, redacted.
    pub traces: Vec<Imported>,
    /// What could not be read.
    pub findings: Vec<Diagnostic>,
    /// Why no sample came.
    pub error: Option<PullError>,
}

/// Looks at a source; a sample is read where nothing is missing.
///
/// # Errors
///
/// When its options do not fit together.
pub fn sample(
    subscription: &Subscription,
    provider: &SourceDescriptor,
    pull: &PullSource,
    stop: &StopToken,
) -> Result<Sample, PullError> {
    let unseen = Unseen::of(subscription);
    let opened = asking::open(
        subscription,
        provider.options,
        pull,
        None,
        Waiting::of(stop),
    )?;
    let mut sample = Sample::default();
    let is_missing = |point: &Point| point.standing == Standing::Missing;
    let rows = match opened {
        Opened::Rows(mut rows) => {
            sample.points = rows.check();
            Some(rows)
        }
        Opened::Objects(mut objects) => {
            sample.points = objects.check();
            if !sample.points.iter().any(is_missing) {
                let read = stored::sample(subscription, provider, objects.as_mut(), &mut sample);
                sample.error = read.err().map(|error| unseen.error(error));
            }
            let findings = std::mem::take(&mut sample.findings).into_iter();
            sample.findings = findings.map(|finding| unseen.finding(finding)).collect();
            None
        }
    };
    for point in &mut sample.points {
        point.detail = unseen.text(&point.detail);
        point.advice = point.advice.as_deref().map(|advice| unseen.text(advice));
    }
    if let Some(mut rows) = rows
        && !sample.points.iter().any(is_missing)
    {
        match rows.sample() {
            Ok(page) => read(page, rows.as_ref(), subscription, &unseen, &mut sample),
            Err(error) => sample.error = Some(unseen.error(error)),
        }
    }
    Ok(sample)
}

/// The newest version of each row of a trace, by its id.
type Newest = BTreeMap<String, (Option<i64>, Value)>;

fn read(
    page: Page,
    rows: &dyn Rows,
    subscription: &Subscription,
    unseen: &Unseen,
    sample: &mut Sample,
) {
    sample.rows = page.rows.len() + page.traces.len();
    let findings = page.findings.into_iter();
    sample
        .findings
        .extend(findings.map(|finding| unseen.finding(finding)));
    let mut traces: BTreeMap<String, Newest> = BTreeMap::new();
    for row in page.rows {
        let trace = traces.entry(row.trace).or_default();
        let is_older = trace.get(&row.id).is_some_and(
            |(known, _)| matches!((row.version, known), (Some(new), Some(old)) if new < *old),
        );
        if !is_older {
            trace.insert(row.id, (row.version, row.body));
        }
    }
    let mut decoded = page.traces;
    for (name, newest) in traces {
        let spans = newest
            .into_values()
            .map(|(_, body)| KeptSpan { shared: None, body });
        let kept = Kept {
            spans: spans.collect(),
            ..Kept::default()
        };
        let mut findings = Vec::new();
        let assembled = catch_unwind(AssertUnwindSafe(|| {
            rows.assemble(&name, kept, &mut findings)
        }));
        sample
            .findings
            .extend(findings.into_iter().map(|finding| unseen.finding(finding)));
        match assembled {
            Ok(Some(trace)) => decoded.push(trace),
            Ok(None) | Err(_) => {
                let finding = Diagnostic::error("pull/trace", "a trace cannot be put together");
                sample.findings.push(finding);
            }
        }
    }
    sample.traces = decoded
        .into_iter()
        .map(|decoded| imported(decoded, subscription, unseen))
        .collect();
}

fn imported(decoded: DecodedTrace, subscription: &Subscription, unseen: &Unseen) -> Imported {
    let mut trace = decoded.trace;
    let mut redactions = RedactionCounts::new();
    unseen.secrets().trace(&mut trace);
    unseen.redactor().trace(&mut trace, &mut redactions);
    trace.renew_revision();
    let project = decoded.project.as_deref().map(|name| unseen.text(name));
    Imported {
        identity: TraceIdentity {
            source: subscription.source.name.clone(),
            project: project.unwrap_or_default(),
            trace: trace.id.clone(),
        },
        trace,
        redactions,
        dialects: decoded.dialects,
    }
}
