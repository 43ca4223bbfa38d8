//! A source of stored objects, asked as the others are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Object, Objects, PullError, PullErrorKind};
use archal_core::source::{FileFormat, SourceDescriptor};

use super::asking::{self, Unseen};
use super::report::{Objects as Counts, PassError, PassReport, Told};
use super::sample::Sample;
use super::{Ask, Asked};
use crate::ingest::import::Import;
use crate::ingest::objects::{ObjectLedger, ObjectsReport, Pass, Settings, fetch, names};
use crate::ingest::read_bytes;
use crate::ingest::registry::Options;
use crate::ingest::subscription::Subscription;

/// Objects of a sample.
const SAMPLE: usize = 20;
/// Pages of a listing that a sample is taken from.
const PAGES: usize = 10;
/// What is kept of them: some may have gone when they are read.
const MOST_KEPT: usize = 4 * SAMPLE;
/// The largest of these.
const LARGEST: u64 = 32 << 20;

/// A pass over a store of objects.
pub(super) fn ask(
    ask: &Ask<'_>,
    objects: &mut dyn Objects,
    told: &mut dyn FnMut(Told<'_>),
) -> Result<Asked, PassError> {
    let subscription = ask.subscription;
    let (settings, format) = settings(&subscription.source.options, ask.provider)?;
    let unseen = Unseen::of(subscription);
    let folder;
    let spool = if ask.is_dry {
        folder = tempfile::tempdir().map_err(PassError::Temporary)?;
        folder.path()
    } else {
        &subscription.spool
    };
    if ask.is_dry {
        ObjectLedger::copied(&subscription.spool, spool)?;
    }
    let mut ledger = ObjectLedger::open(spool)?;
    let floor = ledger.floor(&settings.store, ask.since)?;
    let import = Import {
        format: &format,
        redactor: &subscription.redactor,
        ledger: ask.ledger,
        clock: subscription.clock.as_ref(),
        source: &subscription.source.name,
        provider: ask.provider.name,
        directory: &subscription.source.trace_dir,
        since: ask.since.or(floor),
        limit: ask.limit,
        is_dry: ask.is_dry,
        is_wanted: &|_| true,
        is_stopped: &|| ask.stop.is_asked(),
    };
    let mut seen = |report: &ObjectsReport| {
        let report = reported(report.clone(), ask, &unseen);
        told(Told::Page(&report));
    };
    let pass = Pass {
        objects,
        ledger: &mut ledger,
        settings: &settings,
        import: &import,
        floor,
        spool,
        told: &mut seen,
    };
    let passed = catch_unwind(AssertUnwindSafe(|| pass.run()));
    let passed = passed.map_err(|_| PassError::Fault {
        provider: ask.provider.name.to_owned(),
    })??;
    let report = reported(passed.report, ask, &unseen);
    let ended = match passed.trouble {
        Some(error) => Err(PassError::Pull(unseen.error(error))),
        None => Ok(()),
    };
    Ok((report, ended))
}

fn settings(
    options: &Options,
    provider: &SourceDescriptor,
) -> Result<(Settings, FileFormat), PassError> {
    let said = asking::said(options, provider.options, None)?;
    let settings = Settings::of(provider.name, &said)
        .map_err(|error| PullError::new(PullErrorKind::Options, error.to_string()))?;
    let format = provider.files.ok_or_else(|| PassError::Unasked {
        provider: provider.name.to_owned(),
    })?;
    Ok((settings, format))
}

fn reported(report: ObjectsReport, ask: &Ask<'_>, unseen: &Unseen) -> PassReport {
    let traces = report.traces;
    let findings = traces.diagnostics.into_iter();
    PassReport {
        source: traces.source,
        provider: ask.provider.name.to_owned(),
        trace_dir: traces.trace_dir,
        is_dry_run: traces.is_dry_run,
        new: traces.new,
        updated: traces.updated,
        unchanged: traces.unchanged,
        waiting: 0,
        older: traces.older,
        unmade: 0,
        failed: traces.failed,
        rows: report.listed,
        changed_rows: traces.files,
        pages: report.pages,
        redactions: traces.redactions,
        bytes: traces.bytes,
        requests: report.requests,
        took_ms: traces.took_ms,
        is_limited: traces.is_limited,
        is_interrupted: traces.is_interrupted,
        written: traces.written,
        written_files: traces.written_files,
        written_bytes: traces.written_bytes,
        objects: Some(Counts {
            skipped: report.skipped,
            known: report.known,
            changed: report.changed,
            failed: report.failed_objects,
            gone: report.gone,
            is_resumed: report.is_resumed,
            is_full: report.is_full,
            dialects: traces.dialects,
        }),
        diagnostics: findings.map(|finding| unseen.finding(finding)).collect(),
    }
}

/// The newest objects of the first pages that are not large, read. Nothing is kept.
pub(super) fn sample(
    subscription: &Subscription,
    provider: &SourceDescriptor,
    objects: &mut dyn Objects,
    sample: &mut Sample,
) -> Result<(), PullError> {
    let (settings, format) = match settings(&subscription.source.options, provider) {
        Ok(settings) => settings,
        Err(PassError::Pull(error)) => return Err(error),
        Err(error) => return Err(PullError::new(PullErrorKind::Options, error.to_string())),
    };
    let kept = |error: std::io::Error| PullError::new(PullErrorKind::Options, error.to_string());
    let folder = tempfile::tempdir().map_err(kept)?;
    let (mut listed, mut place) = (Vec::new(), None);
    // Where keys begin with dates the newest are on the last page.
    for _ in 0..PAGES {
        let page = objects.list(place.as_deref())?;
        let fit = |one: &Object| settings.wants(one) && one.size <= LARGEST;
        listed.extend(page.objects.into_iter().filter(fit));
        listed.sort_by_key(|one| std::cmp::Reverse(one.modified));
        listed.truncate(MOST_KEPT);
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    for object in listed.iter().take(SAMPLE) {
        let read = fetch::fetch(objects, object, LARGEST, folder.path());
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) if error.is_changed() => continue,
            Err(fetch::FetchError::Store(error)) => return Err(error),
            Err(error) => {
                sample.findings.push(unread(&settings, object, &error));
                continue;
            }
        };
        let shown = names::place(&settings.label, object);
        let source = Some(subscription.source.name.as_str());
        let redactor = &subscription.redactor;
        let decoded = || read_bytes(&format, &shown, &bytes, redactor, source);
        sample.rows += 1;
        match catch_unwind(AssertUnwindSafe(decoded)) {
            Ok(report) => {
                sample.findings.extend(report.diagnostics);
                sample.traces.extend(report.traces);
            }
            Err(_) => {
                let told = "archal has a fault that this object finds; please report it";
                let finding = Diagnostic::error("trace/fault", told).in_file(shown);
                sample.findings.push(finding);
            }
        }
    }
    Ok(())
}

fn unread(settings: &Settings, object: &Object, error: &fetch::FetchError) -> Diagnostic {
    let told = match error {
        fetch::FetchError::Disk(error) => error.to_string(),
        _ => "it is not as it was listed".to_owned(),
    };
    Diagnostic::error("object/unread", told).in_file(names::place(&settings.label, object))
}
