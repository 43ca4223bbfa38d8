//! From a file that was read to graded jobs.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::redact::Redactor;
use archal_core::trace::{Trace, TraceIdentity};
use archal_core::{diagnostic::Diagnostic, hash, id};
use rusqlite::Connection;

use crate::config::schema::NoticeEvent;
use crate::ingest::artifact;
use crate::ingest::pieces::LargeFile;
use crate::ingest::{FileReport, FileStatus, Imported};
use crate::sandbox::StopToken;
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::database::DatabaseError;
use crate::store::layout;

use super::engine::{Attached, Engine, JUDGED};
use super::grading::{self, Grading, JudgeUse};
use super::job::{FileRow, JobReport, Stage, Status};
use super::ready::{Ready, ReadyError};
use super::results::event::ResultEvent;
use super::state::pruned::{self, Part};
use super::state::{failures, files, jobs, results, traces, waits};

/// How many jobs one transaction holds.
const GROUP: usize = 64;
/// The most findings that are listed of a file that is read in pieces.
const MOST_FINDINGS: usize = 100;
/// How often a job may be taken up at import or grade without coming to an end: a trace that
/// ends archal itself each time must not keep it from all others.
pub(super) const MOST_TRIES: i64 = 20;

/// Why a job is given up that was taken up so often.
pub(super) const TRIED_IN_VAIN: &str =
    "archal ended each time it worked on this trace; please report it";

/// Why a file could not be taken in. Nothing is lost: it is looked at again.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The repository cannot be used.
    #[error(transparent)]
    Ready(#[from] ReadyError),
    /// An artifact could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The state could not be written.
    #[error(transparent)]
    State(#[from] DatabaseError),
    /// A step that runs children could not be carried out for a reason that is not its own: a full
    /// disk, a ledger that cannot be used.
    #[error(transparent)]
    Step(Box<dyn std::error::Error + Send + Sync>),
}

/// A trace of which another file gave a newer revision.
struct Passed {
    file: PathBuf,
    trace: TraceIdentity,
}

/// What became of a trace that was read.
enum Registered {
    /// It is graded now, as this job, the `earlier`th of its trace.
    Job { id: i64, name: String, earlier: i64 },
    /// This content is known.
    Known,
    /// A newer revision is known.
    Older { file: PathBuf },
}

impl Engine {
    /// Takes in what a file gave: registers each trace, grades those that are new, and writes
    /// down what became of the file. `stamp` tells the content that was read.
    pub fn take(
        &self,
        attached: &Attached,
        report: FileReport,
        stamp: &[u8],
        told: &mut dyn FnMut(&str),
    ) -> Result<(), IntakeError> {
        let mut row = row(&report);
        let mut begun = Vec::new();
        for group in report.traces.chunks(GROUP) {
            begun.extend(self.take_group(attached, &report, group, &mut row, told)?);
        }
        self.put_file(attached, row, &begun, stamp)
    }

    /// [`Self::take`] of a file that is read piece by piece, by whom `pieces` says, until that is stopped: then
    /// nothing is written down of the file, so that it is read again.
    pub fn take_pieces(
        &self,
        attached: &Attached,
        report: FileReport,
        (large, redactor, stop): (&LargeFile<'_>, &Redactor, &StopToken),
        stamp: &[u8],
        told: &mut dyn FnMut(&str),
    ) -> Result<(), IntakeError> {
        let mut taken = row(&report);
        taken.diagnostics.clear();
        let mut begun = Vec::new();
        let report = large.read(report, redactor, None, &mut |piece: FileReport| {
            let said = row(&piece);
            taken.traces += said.traces;
            taken.redactions += said.redactions;
            let room = MOST_FINDINGS.saturating_sub(taken.diagnostics.len());
            taken
                .diagnostics
                .extend(said.diagnostics.into_iter().take(room));
            for group in piece.traces.chunks(GROUP) {
                begun.extend(self.take_group(attached, &piece, group, &mut taken, told)?);
            }
            Ok::<_, IntakeError>(if stop.is_stopped() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        if stop.is_stopped() {
            return Ok(());
        }
        let mut whole = row(&report);
        whole.traces = taken.traces;
        whole.redactions = taken.redactions;
        whole.diagnostics.append(&mut taken.diagnostics);
        self.put_file(attached, whole, &begun, stamp)
    }

    /// Writes down what became of a file.
    fn put_file(
        &self,
        attached: &Attached,
        mut row: FileRow,
        begun: &[i64],
        stamp: &[u8],
    ) -> Result<(), IntakeError> {
        let now = self.now();
        self.state.write(|change| {
            // A newer revision may have come from another file meanwhile, which found no row of
            // this file to say it in.
            for id in begun {
                if let Some(passed) = passed(change, *id)? {
                    row.diagnostics.push(older(&passed.trace, &passed.file));
                }
            }
            files::put(change, attached.id, &row, stamp, now)
        })?;
        Ok(())
    }

    /// Gives the jobs that it began.
    fn take_group(
        &self,
        attached: &Attached,
        report: &FileReport,
        group: &[Imported],
        row: &mut FileRow,
        told: &mut dyn FnMut(&str),
    ) -> Result<Vec<i64>, IntakeError> {
        let artifacts: Vec<(Vec<u8>, String)> = group
            .iter()
            .map(|imported| bytes_of(report, imported))
            .collect::<Result<_, _>>()?;
        let _turn = self
            .turns
            .take(group.iter().map(|imported| &imported.identity));
        let now = self.now();
        let registered: Vec<Registered> = self.state.write(|change| {
            group
                .iter()
                .zip(&artifacts)
                .map(|(imported, (_, hash))| {
                    self.register(change, attached, imported, hash, &report.path, now)
                })
                .collect()
        })?;
        let jobs = registered.iter().filter_map(|registered| match registered {
            Registered::Job { id, .. } => Some(*id),
            Registered::Known | Registered::Older { .. } => None,
        });
        let _holding = self.holding(jobs.collect());
        let ready = self.ready(attached, false)?;
        let mut done = Vec::new();
        for ((imported, (bytes, _)), registered) in group.iter().zip(&artifacts).zip(registered) {
            match registered {
                Registered::Known => {}
                Registered::Older { file } => {
                    row.diagnostics.push(older(&imported.identity, &file));
                }
                Registered::Job { id, name, earlier } => {
                    let path = artifact::artifact_path(&self.surround.layout, &name);
                    self.set_aside(&name, earlier)?;
                    atomic::write(&path, bytes, Durability::Derived)?;
                    told(&format!("imported {name} from {}", report.path.display()));
                    let job = grading::begun(imported, &name, report.path.clone());
                    let graded = self.grade(&ready, job, &imported.trace, None, told)?;
                    done.push((id, graded));
                }
            }
        }
        let begun = done.iter().map(|(id, _)| *id).collect();
        self.put_graded(&ready, done)?;
        Ok(begun)
    }

    /// Grades a job that was imported before: one that a killed process left, or that somebody
    /// asked to be looked at again.
    pub fn grade_again(
        &self,
        attached: &Attached,
        job: jobs::StoredJob,
        stop: &StopToken,
        told: &mut dyn FnMut(&str),
    ) -> Result<(), IntakeError> {
        let _holding = self.holding(vec![job.id]);
        let _turn = self.turns.take(std::iter::once(&job.report.trace));
        let is_running = self
            .state
            .read(|connection| jobs::is_running(connection, job.id))?;
        if !is_running {
            // A newer revision took its place while this step waited.
            return Ok(());
        }
        let now = self.now();
        let id = job.id;
        let graded = self.grade_again_held(attached, job, now, stop, told);
        if let Err(error) = &graded {
            self.put_back(id, error);
        }
        graded
    }

    fn grade_again_held(
        &self,
        attached: &Attached,
        job: jobs::StoredJob,
        now: Timestamp,
        stop: &StopToken,
        told: &mut dyn FnMut(&str),
    ) -> Result<(), IntakeError> {
        let Some(trace) = self.imported(&job.report.name, &job.import_hash) else {
            self.state.write(|change| {
                let reason = match pruned::at(change, job.trace, Part::Trace)? {
                    // Derived again it would only go again.
                    Some(at) if !job.is_asked => format!(
                        "what was kept of it was removed at {at}, because it was old; \
                         archal attach-reprocess --from import {} reads its file again",
                        job.report.name
                    ),
                    _ => {
                        files::forget(change, attached.id, &job.report.file)?;
                        format!(
                            "its import is gone or changed; it is read again from {} when that is there",
                            job.report.file.display()
                        )
                    }
                };
                jobs::move_to(change, job.id, Stage::Import, Status::Blocked, &reason, now)
            })?;
            return Ok(());
        };
        let ready = self.ready(attached, false)?;
        if job.is_asked {
            let earlier = self
                .state
                .read(|connection| jobs::earlier(connection, job.trace, job.id))?;
            let layout = &self.surround.layout;
            for stage in ["grades", "seeds"] {
                layout::set_aside(&layout.attach(stage).join(&job.report.name), earlier)?;
            }
        }
        let mut report = job.report;
        report.artifacts.clear();
        report.missing.clear();
        let put_off = self
            .state
            .read(|connection| waits::put_off_times(connection, job.id))?;
        let asks = Some((stop, put_off));
        let graded = self.grade(&ready, report, &trace, asks, told)?;
        self.put_graded(&ready, vec![(job.id, graded)])
    }

    /// Grades a trace. The judge is asked only where something can end that, with how often it was in
    /// vain: a file that is read holds up others, and what the judge is wanted for waits its turn.
    fn grade(
        &self,
        ready: &Ready,
        job: JobReport,
        trace: &Trace,
        asks: Option<(&StopToken, u32)>,
        told: &mut dyn FnMut(&str),
    ) -> Result<Outcome, WriteError> {
        let judge = self.judge(ready);
        let own = id::prefixed(self.surround.ids.as_ref(), "judge");
        let attempt = format!("{JUDGED}{}/{own}", job.name);
        let grading = Grading {
            layout: &self.surround.layout,
            ready,
            clones: self.surround.clones,
            judge: match (judge.as_deref(), asks) {
                (None, _) => JudgeUse::Nobody,
                (Some(judge), None) => JudgeUse::Kept(judge),
                (Some(judge), Some((stop, put_off))) => JudgeUse::Ask {
                    judge,
                    attempt: &attempt,
                    put_off,
                    stop,
                },
            },
            now: self.now(),
        };
        let kept = job.clone();
        // A trace is hostile: one that finds a fault in archal is that job's end, not archal's.
        let graded = catch_unwind(AssertUnwindSafe(|| grading.grade(job, trace)));
        let Ok(graded) = graded else {
            let mut job = kept;
            job.stage = Stage::Grade;
            job.status = Status::Error;
            job.reason_code = Some("internal".to_owned());
            job.reason = "archal has a fault that this trace finds; please report it".to_owned();
            let result = ResultEvent::failed(&job.trace, &job.revision, "internal", self.now());
            return Ok(Outcome {
                job,
                failure: None,
                result: Some(result),
                due: None,
            });
        };
        for note in judge.iter().flat_map(|judge| judge.notes()) {
            told(&note);
        }
        let graded = graded?;
        told(&format!(
            "graded {}: {} ({})",
            graded.job.name,
            graded.job.status.name(),
            graded.job.reason
        ));
        Ok(Outcome {
            failure: graded.shows.map(|(identity, summary)| {
                let identity = serde_json::to_value(&identity).unwrap_or_default();
                (identity, summary)
            }),
            result: graded.result,
            due: graded.due,
            job: graded.job,
        })
    }

    /// Finds out what is to be done with a trace, and makes its job run where it is graded.
    fn register(
        &self,
        change: &Connection,
        attached: &Attached,
        imported: &Imported,
        import_hash: &str,
        file: &Path,
        now: Timestamp,
    ) -> rusqlite::Result<Registered> {
        let trace = traces::known(change, &imported.identity)?;
        let age = age(&imported.trace);
        if let Some(known) = jobs::newest(change, trace.id)? {
            let is_dropped = known.report.status == Status::Running && !self.is_in_hand(known.id);
            let is_at_import = known.report.stage <= Stage::Seed
                && (known.report.status == Status::Queued || is_dropped);
            let lost_its_import = known.report.stage == Stage::Import
                && known.report.status == Status::Blocked
                // What was removed because it was old is derived again when somebody asks.
                && pruned::at(change, trace.id, Part::Trace)?.is_none();
            if known.report.revision == imported.trace.revision {
                if !is_at_import && !lost_its_import {
                    return Ok(Registered::Known);
                }
                if waits::tries(change, known.id)? >= MOST_TRIES {
                    let reason = TRIED_IN_VAIN;
                    jobs::move_to(change, known.id, Stage::Import, Status::Error, reason, now)?;
                    return Ok(Registered::Known);
                }
                jobs::renew(change, known.id, file, import_hash, now)?;
                self.take_in_hand(known.id);
                return Ok(Registered::Job {
                    id: known.id,
                    earlier: jobs::earlier(change, trace.id, known.id)?,
                    name: trace.name,
                });
            }
            // A file that was written again says what counts now, also where it says less.
            if known.report.file != file && known.age > age {
                return Ok(Registered::Older {
                    file: known.report.file,
                });
            }
            if known.report.file != file {
                let note = older(&imported.identity, file);
                files::add_note(change, known.attachment, &known.report.file, note)?;
            }
            let is_under_way =
                known.report.stage >= Stage::Reproduce && known.report.status == Status::Running;
            if !is_under_way {
                let reason = "a newer revision of the trace came";
                let stage = known.report.stage;
                jobs::move_to(change, known.id, stage, Status::Superseded, reason, now)?;
            }
        }
        pruned::forget(change, trace.id)?;
        let id = jobs::begin(
            change,
            &jobs::NewJob {
                trace: &trace,
                attachment: attached.id,
                revision: &imported.trace.revision,
                age,
                file,
                import_hash,
                is_asked: false,
            },
            now,
        )?;
        self.take_in_hand(id);
        Ok(Registered::Job {
            id,
            earlier: jobs::earlier(change, trace.id, id)?,
            name: trace.name,
        })
    }

    fn put_graded(&self, ready: &Ready, done: Vec<(i64, Outcome)>) -> Result<(), IntakeError> {
        let now = self.now();
        let takers = self.takers();
        let sending = &ready.settings.results;
        let is_told = self.state.write(|change| {
            let mut is_told = false;
            for (id, outcome) in &done {
                jobs::put(change, *id, &outcome.job, Some(&ready.base), now)?;
                if let Some(due) = outcome.due {
                    waits::put_off(change, *id, due)?;
                } else if outcome.job.status == Status::WaitingBudget {
                    waits::for_money(change, *id)?;
                }
                if let Some(result) = &outcome.result {
                    let takers = takers.of(&outcome.job.trace, result);
                    let endpoint = sending.endpoint.is_some().then_some("");
                    for taker in endpoint.into_iter().chain(takers) {
                        is_told |= results::add(change, *id, result, (taker, sending.on))?;
                    }
                }
                if let (Some(group), Some((identity, title))) =
                    (&outcome.job.group, &outcome.failure)
                {
                    failures::seen(change, group, identity, title, now)?;
                    let told = (NoticeEvent::New, outcome.job.reason.as_str());
                    is_told |= self.note(change, ready, group, told)?;
                }
            }
            Ok(is_told)
        })?;
        self.bell.ring_if(is_told);
        Ok(())
    }

    /// Moves what earlier jobs of the trace left out of the way of this one.
    fn set_aside(&self, name: &str, earlier: i64) -> Result<(), WriteError> {
        if earlier == 0 {
            return Ok(());
        }
        let layout = &self.surround.layout;
        for stage in ["grades", "seeds"] {
            layout::set_aside(&layout.attach(stage).join(name), earlier)?;
        }
        let imports = layout.attach("imports");
        let file = imports.join(format!("{name}.json"));
        layout::set_file_aside(&file, &imports.join(name).join(format!("r{earlier}.json")))
    }
}

struct Outcome {
    job: JobReport,
    failure: Option<(serde_json::Value, String)>,
    result: Option<ResultEvent>,
    due: Option<Timestamp>,
}

fn bytes_of(report: &FileReport, imported: &Imported) -> Result<(Vec<u8>, String), WriteError> {
    let bytes = artifact::bytes(report, imported)?;
    let hash = hash::sha256(&bytes);
    Ok((bytes, hash))
}

/// What tells a newer revision of a trace from an older one: the last time it names, and how
/// much is in it.
fn age(trace: &Trace) -> (Option<i64>, i64) {
    let (last, spans) = crate::ingest::age(trace);
    let last = last.map(|last| i64::try_from(last.as_nanosecond()).unwrap_or(i64::MAX));
    (last, i64::try_from(spans).unwrap_or(i64::MAX))
}

/// The file and trace of the job that took the place of this one, where that came from another
/// file.
fn passed(connection: &Connection, id: i64) -> rusqlite::Result<Option<Passed>> {
    let Some(own) = jobs::get(connection, id)? else {
        return Ok(None);
    };
    let newest = jobs::newest(connection, own.trace)?;
    Ok(newest
        .filter(|newest| newest.id != id && newest.report.file != own.report.file)
        .map(|newest| Passed {
            file: newest.report.file,
            trace: own.report.trace,
        }))
}

/// Said of the file with the older revision, whichever of the two was read first.
fn older(trace: &TraceIdentity, newer: &Path) -> Diagnostic {
    Diagnostic::note(
        "trace/several-revisions",
        format!(
            "trace `{}` is in {} too; its newest revision counts",
            trace.trace.escape_default(),
            newer.display()
        ),
    )
}

/// What is told of a file.
pub(super) fn row(report: &FileReport) -> FileRow {
    let (status, reason) = match &report.status {
        FileStatus::Imported => ("imported", None),
        FileStatus::Waiting { reason } => ("waiting", Some(reason.clone())),
        FileStatus::Rejected { reason } => ("rejected", Some(reason.clone())),
    };
    FileRow {
        path: report.path.clone(),
        status: status.to_owned(),
        reason,
        dialect: report.dialect.clone(),
        traces: report.traces.len(),
        redactions: report
            .traces
            .iter()
            .flat_map(|one| one.redactions.values())
            .sum(),
        diagnostics: report.diagnostics.clone(),
    }
}
