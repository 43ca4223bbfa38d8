//! From rows that are quiet to traces in batch files.
//!
//! A file is written, then the store knows which traces it has, then the ledger, and then these
//! traces count as given out. Whoever is killed in between does it again, and finds what is there.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::Rows;
use archal_core::push::Kept;
use archal_core::redact::RedactionCounts;
use archal_core::source::DecodedTrace;
use archal_core::trace::TraceIdentity;

use super::pass::Pass;
use super::report::{PassError, PassReport};
use super::store::{Due, MOST_BYTES, MOST_ROWS, RowStore, Whole};
use crate::ingest::age;
use crate::ingest::assembly::opened::Opened;
use crate::ingest::import::Known;
use crate::ingest::pack::{Packed, Packer};

/// What comes of a trace's rows.
enum Together {
    /// A trace, and how many of its rows are not in it.
    Whole(Box<DecodedTrace>, u64),
    /// Rows that are no trace, as their source told.
    Nothing,
    /// Rows that cannot be read.
    Broken,
}

/// Traces on their way from the store to files.
pub(super) struct Giving<'a> {
    pass: &'a Pass<'a>,
    store: &'a mut RowStore,
    rows: &'a dyn Rows,
    report: &'a mut PassReport,
    packer: Packer<'a>,
    /// Packed and not written yet, by identity and revision.
    under_way: BTreeMap<(TraceIdentity, String), Vec<Due>>,
    /// Traces that are due and not wanted now, and as what they were looked at.
    left_out: &'a mut HashMap<i64, i64>,
    /// The file of which a trace was read last: those that are late together were mostly given out
    /// together.
    opened: Option<Opened>,
}

impl<'a> Giving<'a> {
    pub(super) fn new(
        pass: &'a Pass<'a>,
        store: &'a mut RowStore,
        rows: &'a dyn Rows,
        report: &'a mut PassReport,
        left_out: &'a mut HashMap<i64, i64>,
    ) -> Self {
        Self {
            pass,
            store,
            rows,
            report,
            packer: Packer::new(pass.directory, pass.name, pass.provider).holding(pass.most_held),
            under_way: BTreeMap::new(),
            left_out,
            opened: None,
        }
    }

    /// Gives out what is due.
    pub(super) fn all(mut self, whole: Whole) -> Result<(), PassError> {
        let mut behind = 0;
        'due: loop {
            let due = self.store.due(behind, &self.pass.pace, whole)?;
            if due.is_empty() {
                break;
            }
            self.pass.has_room()?;
            for trace in due {
                if self.pass.stop.is_asked() {
                    self.report.is_interrupted = true;
                    break 'due;
                }
                if self.is_full() {
                    self.report.is_limited = true;
                    break 'due;
                }
                behind = trace.id;
                if self.left_out.get(&trace.id) != Some(&trace.change) {
                    self.one(trace)?;
                }
            }
        }
        let written = self.packer.finish(self.pass.clock.now())?;
        self.note(written)
    }

    fn is_full(&self) -> bool {
        let given = self.report.new + self.report.updated;
        self.pass.limit.is_some_and(|limit| given >= limit)
    }

    fn one(&mut self, trace: Due) -> Result<(), PassError> {
        let (mut decoded, lost) = match self.together(&trace)? {
            Together::Whole(decoded, lost) => (*decoded, lost),
            Together::Nothing => {
                self.report.unmade += 1;
                self.store.given_out([&trace])?;
                return Ok(());
            }
            Together::Broken => {
                self.report.failed += 1;
                self.store.failed(&trace)?;
                return Ok(());
            }
        };
        let (ended, _) = age(&decoded.trace);
        let is_before = |time| matches!((ended, time), (Some(ended), Some(time)) if ended < time);
        if is_before(self.pass.floor) {
            self.report.older += 1;
            self.store.given_out([&trace])?;
            return Ok(());
        }
        if is_before(self.pass.since) {
            // Whoever asks without that gets it.
            let before = self.left_out.insert(trace.id, trace.change);
            self.report.older += u64::from(before.is_none());
            return Ok(());
        }
        let mut counts = RedactionCounts::new();
        let redactor = self.pass.unseen.redactor();
        redactor.trace(&mut decoded.trace, &mut counts);
        let mut clean = |name: &str| redactor.text(name, &mut counts);
        let identity = TraceIdentity {
            source: decoded
                .source
                .as_deref()
                .map_or_else(|| self.pass.name.to_owned(), &mut clean),
            project: decoded.project.as_deref().map(clean).unwrap_or_default(),
            trace: decoded.trace.id.clone(),
        };
        self.report.redactions += counts.values().sum::<u64>();
        decoded.trace.renew_revision();
        let asked = [(&identity, decoded.trace.revision.as_str())];
        let known = self
            .pass
            .ledger
            .known(self.pass.directory, &asked)
            .map_err(PassError::Ledger)?;
        match known.first() {
            Some(Known::Same) => {
                self.report.unchanged += 1;
                self.find(&trace, &identity)?;
                self.store.given_out([&trace])?;
                return Ok(());
            }
            Some(Known::Changed | Known::Earlier) => self.report.updated += 1,
            Some(Known::New) | None => self.report.new += 1,
        }
        if lost > 0 {
            self.cut(&trace, lost);
        }
        if self.pass.is_dry {
            self.store.given_out([&trace])?;
            return Ok(());
        }
        let now = self.pass.clock.now();
        let written = self.packer.add(&identity, &decoded.trace, now)?;
        // What became full may be the file with this one.
        let revision = decoded.trace.revision;
        let under_way = self.under_way.entry((identity, revision));
        under_way.or_default().push(trace);
        self.note(written)
    }

    /// Notes which file has a trace that stands there as it is, where the store does not know of it.
    fn find(&mut self, trace: &Due, identity: &TraceIdentity) -> Result<(), PassError> {
        let place = self.pass.ledger.place(self.pass.directory, identity);
        let known = trace.file.as_ref().map(|(file, _)| file);
        if let Some(file) = place.map_err(PassError::Ledger)?
            && known != Some(&file)
        {
            let given = [(trace.clone(), identity.trace.clone())];
            self.store.note_file(&given, &file)?;
        }
        Ok(())
    }

    /// Puts a trace together; where that cannot be done, it is a finding.
    fn together(&mut self, trace: &Due) -> Result<Together, PassError> {
        let held = self.store.rows_of(trace)?;
        if trace.is_whole {
            let whole = held.rows.into_iter().next();
            let decoded = whole.and_then(|whole| serde_json::from_value(whole.body).ok());
            return Ok(match decoded {
                Some(decoded) => Together::Whole(decoded, 0),
                None => {
                    self.cannot(trace, "it is too large, or its row is broken");
                    Together::Broken
                }
            });
        }
        let lost = held.lost;
        let earlier = self.earlier(trace);
        if trace.is_pruned && earlier.is_none() {
            self.report.found(Diagnostic::warning(
                "pull/alone",
                format!(
                    "{}: its earlier rows and its batch file are gone; what came late stands alone",
                    named(trace)
                ),
            ));
        }
        let kept = Kept {
            spans: held.rows,
            lost,
            earlier,
        };
        let (rows, mut findings) = (self.rows, Vec::new());
        let assembled = catch_unwind(AssertUnwindSafe(|| {
            rows.assemble(&trace.name, kept, &mut findings)
        }));
        let is_told = !findings.is_empty() && !findings.iter().any(Diagnostic::is_error);
        for finding in findings {
            self.report.found(self.pass.unseen.finding(finding));
        }
        Ok(match assembled {
            Ok(Some(decoded)) if !decoded.trace.id.is_empty() => {
                Together::Whole(Box::new(decoded), lost)
            }
            Ok(None) if is_told => Together::Nothing,
            Ok(_) => {
                self.cannot(trace, "no row of it can be read");
                Together::Broken
            }
            Err(_) => {
                self.cannot(trace, "archal has a fault that it finds; please report it");
                Together::Broken
            }
        })
    }

    /// What stands in the batch file of a trace whose rows are not all here.
    fn earlier(&mut self, trace: &Due) -> Option<DecodedTrace> {
        let (file, id) = trace.file.as_ref().filter(|_| trace.is_pruned)?;
        if self
            .opened
            .as_ref()
            .is_none_or(|opened| opened.path() != file)
        {
            self.opened = Opened::read(file);
        }
        self.opened.as_ref()?.trace(id)
    }

    /// Whoever reads the trace sees how much of it is not there; whoever asked for it is told.
    fn cut(&mut self, trace: &Due, lost: u64) {
        let megabytes = MOST_BYTES >> 20;
        let finding = Diagnostic::warning(
            "pull/cut",
            format!(
                "{}: {lost} of its rows are left out; of one trace {MOST_ROWS} and {megabytes} MB are kept",
                named(trace)
            ),
        );
        self.report.found(finding);
    }

    fn cannot(&mut self, trace: &Due, why: &str) {
        let finding = Diagnostic::error("pull/trace", format!("{}: {why}", named(trace)));
        self.report.found(finding);
    }

    fn note(&mut self, written: Vec<Packed>) -> Result<(), PassError> {
        for packed in written {
            let mut traces: Vec<(Due, String)> = Vec::new();
            for named in &packed.traces {
                let of = self.under_way.remove(named).unwrap_or_default();
                let (identity, _) = named;
                traces.extend(of.into_iter().map(|due| (due, identity.trace.clone())));
            }
            self.store.note_file(&traces, &packed.path)?;
            self.pass
                .ledger
                .note(self.pass.name, &packed)
                .map_err(PassError::Ledger)?;
            self.store.given_out(traces.iter().map(|(due, _)| due))?;
            self.report.wrote(packed.path, packed.bytes);
        }
        Ok(())
    }
}

fn named(trace: &Due) -> String {
    // One that came whole goes by its source and project, too.
    let id = trace.name.rsplit('\0').next().unwrap_or(&trace.name);
    let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    format!("trace `{shown}`")
}
