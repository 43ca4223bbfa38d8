//! The stages that only look: grade a trace and rebuild the state it began in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::clone::CloneDescriptor;
use archal_core::grade::Verdict;
use archal_core::trace::Trace;
use serde::Serialize;

use crate::config::schema::ExecutionPolicy;
use crate::grade::facts::Facts;
use crate::grade::judged::{self, Asking, Judgement};
use crate::grade::matching::{self, Matched};
use crate::grade::whole::{self, Evidence};
use crate::grade::{Grade, claims, signals};
use crate::ingest::Imported;
use crate::judge::{Judge, NotJudged, Why};
use crate::reconstruct::replay::Replay;
use crate::reconstruct::{Context, Missing, Owned, Reconstruction, exchanges, owned};
use crate::reproduce::identity::{FailureIdentity, place_of};
use crate::reproduce::recorded::replay::Replayed;
use crate::run::judged::Until;
use crate::sandbox::stop::StopToken;
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::layout::Layout;

use super::job::{Artifact, JobReport, Stage, Status};
use super::notice;
use super::ready::Ready;
use super::results::event::{ResultEvent, Told};
use super::seeding::{Chosen, Refusal, Seeding};

/// What grading works with.
pub struct Grading<'a> {
    /// Where artifacts go.
    pub layout: &'a Layout,
    /// The repository at HEAD.
    pub ready: &'a Ready,
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
    /// The judge of what nothing else decides.
    pub judge: JudgeUse<'a>,
    /// The time.
    pub now: Timestamp,
}

/// How far a judge has a part in a grade.
#[derive(Clone, Copy)]
pub enum JudgeUse<'a> {
    /// Nobody judges.
    Nobody,
    /// What it said before counts; a trace that it would have to be asked about waits.
    Kept(&'a Judge<'static>),
    /// It is asked.
    Ask {
        /// The judge.
        judge: &'a Judge<'static>,
        /// The attempt in the ledger.
        attempt: &'a str,
        /// How often that was in vain.
        put_off: u32,
        /// What ends a wait.
        stop: &'a StopToken,
    },
}

/// Until a judge is asked again for the first time: it is left alone for a minute after it failed.
const FIRST_PAUSE: Duration = Duration::from_secs(120);
/// The reason code of a job whose judge could not be asked, and is to be again.
pub const JUDGE: &str = "judge";
/// What a job waits for that the judge is to be asked about.
const WAITS: &str = "nothing else decides it, so it waits for the judge";

/// A graded trace.
pub struct Graded<'a> {
    /// How its job stands: at its end, or queued to be reproduced.
    pub job: JobReport,
    /// The failure it shows, where it shows one, and what it is in one line.
    pub shows: Option<(FailureIdentity, String)>,
    /// What it fails by, where it is to be reproduced or would be.
    pub failure: Option<Failed<'a>>,
    /// What is told of it to those who take verdicts.
    pub result: Option<ResultEvent>,
    /// When its judge is to be asked again, where it could not be.
    pub due: Option<Timestamp>,
}

/// A trace that shows a failure.
pub struct Failed<'a> {
    /// The scenario it is run by.
    pub prepared: Chosen<'a>,
    /// The state it began in.
    pub rebuilt: Reconstruction,
    /// What of the scenario's own state stands in it.
    pub owned: Vec<Owned>,
    /// The grade.
    pub grade: Grade,
    /// What makes it this failure.
    pub identity: FailureIdentity,
}

impl<'a> Grading<'a> {
    /// Grades a trace and writes `grade.json`, `scenario.md` and `seed.json`. The same trace on
    /// the same commit gives the same files and the same job.
    pub fn grade(&self, job: JobReport, trace: &Trace) -> Result<Graded<'a>, WriteError> {
        let (mut result, mut in_vain) = (None, None);
        let mut graded = self.graded(job, trace, (&mut result, &mut in_vain))?;
        graded.result = result;
        if let Some(in_vain) = in_vain {
            graded.job.reason = format!("{}; {in_vain}", graded.job.reason);
        }
        Ok(graded)
    }

    fn graded(
        &self,
        mut job: JobReport,
        trace: &Trace,
        (result, in_vain): (&mut Option<ResultEvent>, &mut Option<String>),
    ) -> Result<Graded<'a>, WriteError> {
        if self.ready.policy() == ExecutionPolicy::Observe {
            let reason = "the policy is observe";
            return Ok(ended(
                job,
                Stage::Import,
                Status::Observed,
                "policy",
                reason,
            ));
        }
        let folder = self.folder("grades", &job);
        let matched = match matching::find(trace, &self.ready.scenarios) {
            Matched::One(prepared) => Some(prepared),
            Matched::None => None,
            Matched::Tie(first, second) => {
                let tied = (first.scenario.id.as_str(), second.scenario.id.as_str());
                return self.tied(job, trace, &folder, tied);
            }
        };
        job.scenario = matched.map(|prepared| self.ready.relative(&prepared.scenario.path));
        let context = Context {
            clones: self.clones,
            tools: &self.ready.settings.tools,
            owned: &self.ready.owned,
        };
        let (states, problems) = matched.map_or_else(Default::default, |prepared| {
            let place = self.ready.relative(&prepared.scenario.path);
            owned::of_scenario(prepared, &place.display().to_string(), self.clones)
        });
        let with_states = matched.map(|prepared| (prepared, states.as_slice()));
        let (mut rebuilt, taken) = owned::rebuilt(trace, &context, with_states);
        if self.ready.settings.options.reproduce.replay {
            Replayed::of(trace, self.clones).fills(&mut rebuilt.missing);
        }
        owned::told(
            &[&self.ready.owned_problems[..], &problems].concat(),
            &mut rebuilt.missing,
        );
        let traced = exchanges::of(trace, &context);
        let replay = if rebuilt.missing.is_empty() {
            Replay::run(&rebuilt, &traced, self.clones)
        } else {
            Err(Vec::new())
        };
        let replay = replay.map_err(|diagnostics| {
            let refused = diagnostics.first().map(|finding| finding.message.as_str());
            not_rebuilt(&rebuilt.missing, refused)
        });
        let facts = Facts::of(trace);
        let mut early = signals::find(&facts);
        early.extend(claims::find(&facts));
        let judgement: Judgement;
        let mut evidence = Evidence {
            facts: &facts,
            identity: job.trace.clone(),
            matched,
            traced: &traced,
            replay: replay.as_ref().map_err(String::as_str),
            base: rebuilt.base,
            made_up: &rebuilt.synthesised,
            rules: &self.ready.settings.rules,
            early,
            judged: None,
            clones: self.clones,
        };
        let mut grade = whole::grade(evidence.clone());
        let mut wait = None;
        if whole::is_open(&evidence, &grade) {
            match self.judged(&facts, &job, &folder)? {
                Judged::Not => {}
                Judged::Later => wait = Some(Wait::for_its_turn()),
                Judged::So(said) => {
                    judgement = *said;
                    evidence.judged = Some(&judgement);
                    grade = whole::grade(evidence.clone());
                    if let Some(cut) = &judgement.cut
                        && whole::is_open(&evidence, &grade)
                    {
                        match self.wait(cut) {
                            Ok(found) => wait = Some(found),
                            Err(settled) => *in_vain = Some(settled),
                        }
                    }
                }
            }
        }
        job.artifacts
            .push(artifact(folder.join("grade.json"), &grade)?);
        if let Some(wait) = wait {
            let mut waiting = ended(job, Stage::Grade, wait.status, wait.code, wait.reason);
            waiting.due = wait.due;
            return Ok(waiting);
        }
        *result = Some(self.result(&job, trace, &grade));
        let seeding = Seeding {
            folder: self.folder("seeds", &job),
            trace,
            job: &job,
            rebuilt: &rebuilt,
            grade: &grade,
            clones: self.clones,
        };
        let replay = match replay {
            Ok(replay) => replay,
            Err(why) => {
                let seed = seeding.write(matched)?;
                job.artifacts.push(seed);
                let is_graded = matched.is_none() && grade.verdict != Verdict::Fail;
                return Ok(if is_graded {
                    by_verdict(job, grade)
                } else {
                    self.without_state(job, trace, (&rebuilt, why), grade)
                });
            }
        };
        if grade.verdict != Verdict::Fail || !grade.reproduce {
            let seed = seeding.write(matched)?;
            job.artifacts.push(seed);
            let shown = shown(&job, trace, &grade);
            return Ok(by_verdict(job, grade).showing(shown));
        }
        let (seed, choice) = seeding.choose(matched, &replay)?;
        if matched.is_none() {
            job.scenario = Some(self.folder("seeds", &job).join("scenario.md"));
        }
        job.artifacts.push(seed);
        Ok(match choice {
            Ok((prepared, identity)) => {
                self.failed(job, prepared, (rebuilt, taken), grade, identity)
            }
            Err(refusal) => self.refused(job, trace, grade, refusal),
        })
    }

    /// What the judge says of a trace that nothing else decides. What it said before is kept beside
    /// the grade: it is not asked twice about one revision in the same words.
    fn judged(
        &self,
        facts: &Facts<'_>,
        job: &JobReport,
        folder: &Path,
    ) -> Result<Judged, WriteError> {
        let (JudgeUse::Kept(judge) | JudgeUse::Ask { judge, .. }) = self.judge else {
            return Ok(Judged::Not);
        };
        let file = folder.join("judge.json");
        let kept = std::fs::read(&file).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Judgement>(&bytes).ok());
        let is_it = |kept: &Judgement| kept.answers_for(&facts.trace.revision, judge);
        if let Some(kept) = kept.filter(is_it) {
            return Ok(Judged::So(Box::new(kept)));
        }
        let JudgeUse::Ask { attempt, stop, .. } = self.judge else {
            return Ok(Judged::Later);
        };
        let asking = Asking {
            judge,
            scrubber: &self.ready.settings.scrubber,
            attempt,
            trace: Some(&job.name),
            pause: &Until(stop),
        };
        let Ok(judgement) = judged::ask(facts, &asking) else {
            return Ok(Judged::Later);
        };
        if judgement.cut.is_none() {
            atomic::write_json(&file, &judgement, Durability::Derived)?;
        }
        Ok(Judged::So(Box::new(judgement)))
    }

    /// How a job waits whose judge could not be asked; what is said of it where it was asked often
    /// enough.
    fn wait(&self, cut: &NotJudged) -> Result<Wait, String> {
        let reason = &cut.reason;
        let hint = cut.hint.as_ref();
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        if cut.why == Why::Budget {
            return Ok(Wait {
                status: Status::WaitingBudget,
                code: "",
                reason: format!("the judge is to be asked: {reason}{hint}"),
                due: None,
            });
        }
        let put_off = match self.judge {
            JudgeUse::Ask { put_off, .. } => put_off,
            JudgeUse::Nobody | JudgeUse::Kept(_) => 0,
        };
        let first = (put_off == 0).then_some(FIRST_PAUSE);
        let Some(due) = notice::next_try(put_off, first, self.now) else {
            let tries = put_off.saturating_add(1);
            return Err(format!(
                "the judge was asked {tries} times in vain: {reason}"
            ));
        };
        Ok(Wait {
            status: Status::Queued,
            code: JUDGE,
            reason: format!("the judge is asked again at {due:.0}: {reason}{hint}"),
            due: Some(due),
        })
    }

    /// What is sent of a grade, where somebody takes it.
    fn result(&self, job: &JobReport, trace: &Trace, grade: &Grade) -> ResultEvent {
        let told = Told {
            verdict: grade.verdict,
            words: (&grade.summary, &grade.reason),
            failing: grade.failures(),
        };
        let scrubber = &self.ready.settings.scrubber;
        ResultEvent::of(&job.trace, trace, told, scrubber, self.now)
    }

    fn failed(
        &self,
        job: JobReport,
        prepared: Chosen<'a>,
        (rebuilt, owned): (Reconstruction, Vec<Owned>),
        grade: Grade,
        identity: FailureIdentity,
    ) -> Graded<'a> {
        let summary = grade.summary.clone();
        let graded = if self.ready.policy() <= ExecutionPolicy::Grade {
            ended(job, Stage::Grade, Status::FailedGrade, "policy", &*summary)
        } else {
            ended(job, Stage::Reproduce, Status::Queued, "", &*summary)
        };
        let mut graded = graded.showing(Some((identity.clone(), summary)));
        graded.failure = Some(Failed {
            prepared,
            rebuilt,
            owned,
            grade,
            identity,
        });
        graded
    }

    /// A trace whose state cannot be rebuilt: one that a scenario is for is not graded by it, and
    /// another one that failed cannot be run again.
    fn without_state(
        &self,
        mut job: JobReport,
        trace: &Trace,
        (rebuilt, why): (&Reconstruction, String),
        grade: Grade,
    ) -> Graded<'a> {
        job.missing.clone_from(&rebuilt.missing);
        job.cause = rebuilt
            .missing
            .first()
            .map(|missing| format!("{}: {}", missing.field, missing.how));
        let shown = shown(&job, trace, &grade);
        let policy = self.ready.policy();
        if grade.scenario.is_none() && policy <= ExecutionPolicy::Grade {
            let summary = grade.summary;
            return ended(job, Stage::Grade, Status::FailedGrade, "policy", summary).showing(shown);
        }
        ended(job, Stage::Seed, Status::Blocked, "evidence", why).showing(shown)
    }

    /// A trace that failed and that no scenario can be made for.
    fn refused(
        &self,
        mut job: JobReport,
        trace: &Trace,
        grade: Grade,
        refusal: Refusal,
    ) -> Graded<'a> {
        let shown = shown(&job, trace, &grade);
        job.missing = refusal.missing;
        job.cause = job.missing.first().map(|missing| match refusal.code {
            "criteria" => format!("{}: write it as a criterion", missing.entity),
            _ => format!("{}: {}", missing.field, missing.how),
        });
        if self.ready.policy() <= ExecutionPolicy::Grade {
            let summary = grade.summary;
            return ended(job, Stage::Grade, Status::FailedGrade, "policy", summary).showing(shown);
        }
        let code = refusal.code;
        ended(job, Stage::Seed, Status::Blocked, code, refusal.reason).showing(shown)
    }

    fn tied(
        &self,
        mut job: JobReport,
        trace: &Trace,
        folder: &Path,
        (first, second): (&str, &str),
    ) -> Result<Graded<'a>, WriteError> {
        let reason = format!("scenarios {first} and {second} match the trace equally well");
        job.cause = Some(reason.clone());
        let grade = Grade::without_findings(
            job.trace.clone(),
            &trace.revision,
            Verdict::Unsure,
            "two scenarios say what this agent should have done",
            &reason,
        );
        job.artifacts
            .push(artifact(folder.join("grade.json"), &grade)?);
        Ok(ended(
            job,
            Stage::Grade,
            Status::Blocked,
            "scenario",
            reason,
        ))
    }

    fn folder(&self, stage: &str, job: &JobReport) -> PathBuf {
        self.layout.attach(stage).join(&job.name)
    }
}

/// How a job waits for its judge.
struct Wait {
    status: Status,
    code: &'static str,
    reason: String,
    due: Option<Timestamp>,
}

impl Wait {
    fn for_its_turn() -> Self {
        Self {
            status: Status::Queued,
            code: "",
            reason: WAITS.to_owned(),
            due: None,
        }
    }
}

/// What came of the judge.
enum Judged {
    /// It has no part in it.
    Not,
    /// It is to be asked another time.
    Later,
    /// It said this.
    So(Box<Judgement>),
}

impl Graded<'_> {
    /// The same as one that shows that failure.
    fn showing(mut self, shown: Option<(FailureIdentity, String)>) -> Self {
        self.job.group = shown.as_ref().map(|(identity, _)| identity.group());
        self.shows = shown;
        self
    }
}

/// A job that is not gone on with: its trace shows no failure, nobody knows whether it does, or
/// nothing of the repository would have to be repaired for it.
fn by_verdict<'a>(job: JobReport, grade: Grade) -> Graded<'a> {
    match grade.verdict {
        Verdict::Ok => ended(job, Stage::Grade, Status::Ok, "", grade.reason),
        Verdict::Unsure => ended(job, Stage::Grade, Status::Unsure, "", grade.reason),
        Verdict::Fail => {
            let reason = format!("{}; {}", grade.summary, grade.reason);
            ended(job, Stage::Grade, Status::FailedGrade, "owner", reason)
        }
    }
}

/// The failure that a grade shows where no scenario decided what makes it the same; none where it
/// shows none.
fn shown(job: &JobReport, trace: &Trace, grade: &Grade) -> Option<(FailureIdentity, String)> {
    let scenario = grade.scenario.clone();
    let place = scenario.unwrap_or_else(|| place_of(&job.trace, &trace.name));
    let identity = FailureIdentity::of(&place, grade.failures())?;
    Some((identity, grade.summary.clone()))
}

/// Writes an artifact and says what it holds.
pub(super) fn artifact(file: PathBuf, document: &impl Serialize) -> Result<Artifact, WriteError> {
    let bytes = atomic::json_bytes(&file, document)?;
    atomic::write(&file, &bytes, Durability::Derived)?;
    Ok(Artifact::written(file, &bytes))
}

/// A job that begins.
pub fn begun(imported: &Imported, name: &str, file: PathBuf) -> JobReport {
    JobReport {
        trace: imported.identity.clone(),
        name: name.to_owned(),
        revision: imported.trace.revision.clone(),
        file,
        status: Status::Running,
        stage: Stage::Import,
        reason_code: None,
        reason: String::new(),
        cause: None,
        missing: Vec::new(),
        group: None,
        scenario: None,
        red: None,
        green: None,
        artifacts: Vec::new(),
        patch: None,
        published: None,
    }
}

fn ended<'a>(
    mut job: JobReport,
    stage: Stage,
    status: Status,
    code: &str,
    reason: impl Into<String>,
) -> Graded<'a> {
    job.stage = stage;
    job.status = status;
    job.reason_code = (!code.is_empty()).then(|| code.to_owned());
    job.reason = reason.into();
    Graded {
        job,
        shows: None,
        failure: None,
        result: None,
        due: None,
    }
}

fn not_rebuilt(missing: &[Missing], refused: Option<&str>) -> String {
    match (missing.split_first(), refused) {
        (Some((first, more)), _) => {
            let more = match more.len() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            format!(
                "{} of {} is not known: {}{more}",
                first.field, first.entity, first.why
            )
        }
        (None, Some(refused)) => format!("the rebuilt state is not a seed: {refused}"),
        (None, None) => "the rebuilt state is not a seed".to_owned(),
    }
}
