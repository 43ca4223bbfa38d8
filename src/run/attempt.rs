//! One run: clones on their starting states, the harness against them, the criteria on what
//! resulted, and all of it on disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::budget::prices::Prices;
use crate::config::allow::Allowed;
use crate::config::schema::RouteMode;
use crate::judge::Judge;
use crate::sandbox::StopToken;
use crate::sandbox::child::{Bind, ChildEnd, ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::confine::Confine;
use crate::sandbox::hold::Probe;
use crate::scenario::criteria::{self, CallFact, CloneWorld, RunFact, World};
use crate::scenario::{Check, Criterion};
use crate::session::evidence::{CallRecord, RefusedEgress};
use crate::session::{ClonePlan, Egress, Session, SessionConfig, SessionEnd};
use crate::store::atomic::{self, Durability};
use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::{CloneDescriptor, Seed, Trouble, changes_by_method};
use archal_core::environment::Environment;
use archal_core::id::IdSource;
use archal_core::source::FileFormat;

use super::answer;
use super::cost;
use super::environment::{self, METRICS_FILE, TRACE_FILE};
use super::judged;
use super::left::Left;
use super::metrics_file;
pub use super::result::RunResult;
use super::scenarios::{Doubt, Prepared};
use super::score::{self, Ambiguity, CriterionReport, CriterionStatus, NO_ESCAPE};
use super::scrub::Scrubber;
use super::seeds::StartState;
use super::stand_in::{self, StandIn, Unrecorded};
use super::trace_file::{self, Step};
use super::transcript;
use super::trouble::TroubleEverywhere;

/// Bytes kept of each of the harness's pipes.
const OUTPUT_CAP: usize = 8 << 20;
/// The file in which processes whose clock stands say so.
const CLOCK_FILE: &str = "clock-seen";
/// Why a run says nothing whose agent does not see the time it is at.
pub const CLOCK_LOST: &str =
    "the agent's clock could not be fixed: it started neither Node nor Python";
/// How long a harness may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// What every run needs and no scenario says.
pub struct Bench<'a> {
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: &'a dyn IdSource,
    /// The binary whose helper modes hold children.
    pub binary: &'a Path,
    /// The format of the agent's own trace.
    pub files: &'a FileFormat,
    /// How children can be held here.
    pub probe: &'a Probe,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// What agents may reach beside the clones.
    pub allow: &'a [Allowed],
    /// What must not reach a disk.
    pub scrubber: &'a Scrubber,
    /// Who decides `[P]` criteria; none where nobody does.
    pub judge: Option<&'a Judge<'a>>,
    /// Ends the run that is under way; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

/// One run to make.
pub struct AttemptPlan<'a> {
    /// The scenario.
    pub prepared: &'a Prepared,
    /// The starting state of each clone.
    pub states: &'a BTreeMap<String, StartState>,
    /// Clones made for this run, of what was recorded.
    pub stand_ins: &'a [StandIn],
    /// Program and arguments.
    pub command: &'a [String],
    /// The harness's whole environment before the route adds its own.
    pub environment: BTreeMap<String, String>,
    /// Where it runs.
    pub directory: &'a Path,
    /// Folders shown to it at other paths.
    pub binds: &'a [Bind],
    /// To what it is confined; none where it is the user's own code.
    pub confine: Option<Confine>,
    /// How long it may take.
    pub timeout: Duration,
    /// The time at which the clocks of clones and agent stand, where the scenario says none.
    pub clock: Option<Timestamp>,
    /// The route wanted.
    pub route: RouteMode,
    /// What goes wrong on purpose beside what the scenario says.
    pub trouble: &'a TroubleEverywhere,
    /// Whether the agent is told the clones' addresses in `isolated` too.
    pub expose_clone_urls: bool,
    /// The run's id.
    pub run_id: String,
    /// Which of its scenario's runs it is, from 1.
    pub index: u32,
    /// The suite it belongs to.
    pub suite: Option<&'a str>,
    /// What tokens cost, where the agent says only those.
    pub prices: Option<&'a Prices>,
    /// The folder its evidence is written to.
    pub evidence: PathBuf,
    /// The folder's name as the result says it, where it gets another one when it is whole.
    pub evidence_as: PathBuf,
    /// The folder in which the agent may leave metrics and a trace.
    pub agent_folder: PathBuf,
}

/// A run with what only this process can use of it.
pub struct Attempt {
    /// The result as written.
    pub result: RunResult,
    /// The calls, for findings and identities.
    pub calls: Vec<CallFact<'static>>,
    /// Rows each call changed: position, clone, table and key.
    pub changes: Vec<Change>,
    /// How many requests stand-ins answered.
    pub stood_in: usize,
    /// The requests to which they had no answer, in order.
    pub unrecorded: Vec<Unrecorded>,
    /// Whether the agent's clock was to stand at a time, and nothing of it could be told so.
    pub is_clock_lost: bool,
}

/// A row that a call changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The call's clone.
    pub clone: String,
    /// The call's operation.
    pub operation: Option<String>,
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: String,
}

/// Why a run could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The session could not be opened or closed.
    #[error(transparent)]
    Session(#[from] crate::session::SessionError),
    /// The evidence could not be written.
    #[error(transparent)]
    Write(#[from] atomic::WriteError),
    /// The result could not be rewritten without secrets.
    #[error("the result of the run cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// There is no agent to run.
    #[error(transparent)]
    Harness(#[from] super::harness::HarnessError),
    /// archal was asked to stop before the run had ended, which says nothing.
    #[error("stopped before the run had ended")]
    Stopped {
        /// What was decided of it until then, for what that cost.
        criteria: Vec<CriterionReport>,
    },
}

/// Makes one run.
pub fn make(bench: &Bench<'_>, mut plan: AttemptPlan<'_>) -> Result<Attempt, AttemptError> {
    environment::without_service_tokens(&mut plan.environment, bench.clones);
    let scenario = &plan.prepared.scenario;
    let started_at = bench.clock.now().to_string();
    let requested = bench.clock.monotonic();
    let mut clones: Vec<ClonePlan<'_>> = plan
        .states
        .iter()
        .filter_map(|(name, state)| {
            let clone = bench.clones.iter().find(|clone| clone.name == name)?;
            Some(ClonePlan {
                clone,
                seed: state.as_seed(),
                trouble: plan.trouble.of(scenario, name),
                more_hosts: &[],
            })
        })
        .collect();
    clones.extend(plan.stand_ins.iter().map(|made| ClonePlan {
        clone: made.clone,
        seed: Seed::Document(&made.recorded),
        trouble: Trouble::default(),
        more_hosts: &made.hosts,
    }));
    let fixed = scenario.config.clock.map(|clock| clock.at).or(plan.clock);
    let seen = plan.agent_folder.join(CLOCK_FILE);
    if fixed.is_some() {
        // Nothing is there that an earlier run may have left.
        fs::remove_file(&seen).ok();
        let named = seen.display().to_string();
        plan.environment
            .insert("ARCHAL_CLOCK_SEEN".to_owned(), named);
    }
    let config = SessionConfig {
        clones,
        route: plan.route,
        probe: Some(bench.probe.clone()),
        evidence: plan.evidence.clone(),
        clock: Arc::clone(&bench.clock),
        // Runs of one scenario start from the same ids, so that their evidence can be compared.
        ids: archal_core::hash::sixty_four_bits(scenario.id.as_bytes()),
        helper: bench.binary.to_owned(),
        expose_clone_urls: plan.expose_clone_urls,
        egress: Egress::of(bench.allow, bench.environment),
        redactor: bench.scrubber.redactor().clone(),
        literals: bench.scrubber.literals().clone(),
    };
    let session = match fixed {
        Some(at) => Session::open_at(at, config),
        None => Session::open(config),
    }?
    .stopped_by(bench.stop);
    let child = session.run(ChildSpec {
        command: plan.command.to_vec(),
        directory: plan.directory.to_owned(),
        environment: std::mem::take(&mut plan.environment),
        timeout: plan.timeout,
        idle: None,
        grace: GRACE,
        output_cap: OUTPUT_CAP,
        binds: plan.binds.to_vec(),
        process_limit: Some(DEFAULT_PROCESS_LIMIT),
        confine: plan.confine.take(),
    });
    // Kept first: whatever becomes of the rest, what the agent said is there to read.
    let kept = Left {
        scrubber: bench.scrubber,
        evidence: &plan.evidence,
        agent_folder: &plan.agent_folder,
    };
    let mut notes = kept.keep(&child)?;
    if child.outcome == ChildOutcome::Stopped {
        return Err(AttemptError::Stopped {
            criteria: Vec::new(),
        });
    }
    let trace = fs::read(plan.evidence.join(TRACE_FILE)).ok();
    let trace = trace.map(|trace| trace_file::read(&trace, bench.files));
    let trace = trace.unwrap_or_default();
    let alive = child.alive;
    let end = session.finish()?;
    let started = !matches!(child.outcome, ChildOutcome::NotStarted { .. });
    let is_clock_lost = fixed.is_some() && started && !seen.exists();
    let (mut attempt, judging) = decided(bench, &plan, &trace.steps, child, end, is_clock_lost)?;
    attempt.result.index = plan.index;
    attempt.result.suite = plan.suite.map(str::to_owned);
    attempt.result.started_at = Some(started_at);
    let report = fs::read(plan.evidence.join(METRICS_FILE)).ok();
    attempt.result.metrics = report.as_deref().and_then(cost::metrics);
    notes.extend(
        report
            .as_deref()
            .map(metrics_file::notes)
            .unwrap_or_default(),
    );
    notes.extend(trace.notes);
    attempt.result.notes = notes;
    attempt.result.cost = cost::of_run(report.as_deref(), &attempt.result.criteria, plan.prices);
    attempt.result = bench
        .scrubber
        .document(&attempt.result)
        .map_err(AttemptError::Encode)?;
    let answer = &attempt.result.answer;
    let outcome = &attempt.result.harness;
    // Calls and answer have lost their secrets already.
    let prompt = bench.scrubber.text(&scenario.prompt);
    let told = transcript::of(&prompt, &attempt.calls, answer, outcome).with_steps(trace.steps);
    atomic::write_json(
        &plan.evidence.join(transcript::FILE),
        &told,
        Durability::Derived,
    )?;
    let took = bench.clock.monotonic().saturating_sub(requested);
    let added = took.saturating_sub(alive).saturating_sub(judging);
    attempt.result.overhead_ms = Some(added.as_secs_f64() * 1000.0);
    atomic::write_json(
        &plan.evidence.join("result.json"),
        &attempt.result,
        Durability::Derived,
    )?;
    Ok(attempt)
}

fn decided(
    bench: &Bench<'_>,
    plan: &AttemptPlan<'_>,
    steps: &[Step],
    child: ChildEnd,
    end: SessionEnd,
    is_clock_lost: bool,
) -> Result<(Attempt, Duration), AttemptError> {
    let (prepared, run_id) = (plan.prepared, plan.run_id.as_str());
    let answer = answer::of(&child.stdout);
    let duration_ms = u64::try_from(child.alive.as_millis()).unwrap_or(u64::MAX);
    // What stands in for a service or a model has no state, and is nothing criteria are about.
    let (recorded, served): (Vec<_>, Vec<_>) = end
        .calls
        .iter()
        .partition(|call| stand_in::is_one(&call.clone));
    let calls: Vec<CallFact<'_>> = served.iter().map(|call| fact(call, bench.clones)).collect();
    let changes = served
        .iter()
        .flat_map(|call| {
            call.changes.iter().map(|change| Change {
                clone: call.clone.clone(),
                operation: call.operation.clone(),
                table: change.table.to_owned(),
                key: change.key.clone(),
            })
        })
        .collect();
    let unmodelled: Vec<String> = served
        .iter()
        .filter_map(|call| call.unmodelled.clone())
        .collect();
    let unrecorded: Vec<Unrecorded> = recorded
        .iter()
        .filter_map(|call| {
            Some(Unrecorded {
                stand_in: call.clone.clone(),
                what: call.unmodelled.clone()?,
            })
        })
        .collect();
    let mut inconclusive = Vec::new();
    if let ChildOutcome::NotStarted { reason } = &child.outcome {
        inconclusive.push(format!("the harness did not start: {reason}"));
    }
    if let Some(first) = unmodelled.first() {
        inconclusive.push(format!("a clone does not model {first} yet"));
    }
    if let Some(first) = unrecorded.first() {
        inconclusive.push(first.what.clone());
    }
    if is_clock_lost {
        inconclusive.push(CLOCK_LOST.to_owned());
    }
    if end.dropped_calls > 0 {
        inconclusive.push(format!(
            "{} calls were answered and not recorded: the run made more than is kept",
            end.dropped_calls
        ));
    }
    let world = World {
        clones: end
            .clones
            .iter()
            .filter(|clone| !stand_in::is_one(clone.name))
            .map(|clone| CloneWorld {
                name: clone.name.to_owned(),
                before: Arc::clone(&clone.before),
                after: Arc::clone(&clone.after),
                diff: clone.diff.clone(),
                base: end.base,
            })
            .collect(),
        calls,
        run: RunFact {
            exit_code: match child.outcome {
                ChildOutcome::Exited { code } => Some(i64::from(code)),
                _ => None,
            },
            duration_ms: i64::try_from(duration_ms).unwrap_or(i64::MAX),
            timed_out: child.outcome == ChildOutcome::TimedOut,
        },
        output: answer.clone(),
    };
    let started = !matches!(child.outcome, ChildOutcome::NotStarted { .. });
    let mut criteria = decide_all(prepared, &world, |_| {
        (!started).then_some("the harness did not start")
    });
    if let Some(escape) = escape_report(&end.refused) {
        criteria.push(escape);
    }
    for criterion in &criteria {
        if criterion.status == CriterionStatus::Error {
            inconclusive.push(format!(
                "criterion {} raised: {}",
                criterion.id,
                criterion
                    .explanation
                    .as_deref()
                    .unwrap_or("no reason given")
            ));
        }
    }
    let has_failed = started && !child.succeeded();
    let skip = if has_failed {
        Some("not asked: the harness failed")
    } else if !inconclusive.is_empty() {
        Some("not asked: the run says nothing")
    } else {
        None
    };
    let judging = match judged::decide(bench, prepared, &world, steps, run_id, skip, &mut criteria)
    {
        Err(AttemptError::Stopped { .. }) => return Err(AttemptError::Stopped { criteria }),
        judging => judging?,
    };
    let score = score::of_run(&criteria, has_failed, !inconclusive.is_empty());
    let result = RunResult {
        schema: "archal.run".to_owned(),
        version: 1,
        run_id: run_id.to_owned(),
        scenario: prepared.scenario.id.clone(),
        title: prepared.scenario.title.clone(),
        index: 1,
        suite: None,
        started_at: None,
        base: archal_core::clock::rfc3339_seconds(end.base),
        route: end.route,
        containment: serde_json::to_value(child.containment)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default(),
        process_limit: child.process_limit,
        harness: child.outcome,
        answer,
        duration_ms,
        overhead_ms: None,
        cost: None,
        metrics: None,
        notes: Vec::new(),
        calls: world.calls.len(),
        criteria,
        refused: end.refused,
        unmodelled,
        inconclusive,
        score,
        evidence: plan.evidence_as.clone(),
    };
    let attempt = Attempt {
        result,
        calls: world.calls.into_iter().map(CallFact::into_owned).collect(),
        changes,
        stood_in: recorded.len(),
        unrecorded,
        is_clock_lost,
    };
    Ok((attempt, judging))
}

/// A call of the run, as criteria read it.
fn fact<'a>(call: &'a CallRecord, clones: &[CloneDescriptor]) -> CallFact<'a> {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let request = &call.request.body;
    let clone = clones.iter().find(|clone| clone.name == call.clone);
    let changes = clone.map_or(changes_by_method as _, |clone| clone.changes);
    CallFact {
        seq: i64::try_from(call.seq).unwrap_or(i64::MAX),
        clone: call.clone.clone(),
        operation: call.operation.clone(),
        tool: call.mcp.as_ref().map(|mcp| mcp.tool.clone()),
        method: call.method.clone(),
        path: path.to_owned(),
        query: query.to_owned(),
        changes: changes(&call.host, &call.method, path, Some(request)),
        status: i64::from(call.status),
        request: Some(Cow::Borrowed(request)),
        response: Some(Cow::Borrowed(&call.response.body)),
    }
}

/// Decides every criterion of a scenario; `skip` says why one is left undecided.
pub fn decide_all(
    prepared: &Prepared,
    world: &World,
    skip: impl Fn(&criteria::Compiled) -> Option<&'static str>,
) -> Vec<CriterionReport> {
    prepared
        .scenario
        .criteria
        .iter()
        .zip(&prepared.compiled)
        .zip(&prepared.readings)
        .map(|((criterion, compiled), doubt)| {
            let mut report = decide(criterion, compiled.as_ref(), world, &skip);
            report.ambiguous = doubt
                .as_ref()
                .and_then(|doubt| ambiguity(doubt, &report, world));
            report
        })
        .collect()
}

/// Whether the two readings of a sentence differ on this run, or from what it was decided as.
fn ambiguity(doubt: &Doubt, report: &CriterionReport, world: &World) -> Option<Ambiguity> {
    let decided = match report.status {
        CriterionStatus::Pass => true,
        CriterionStatus::Fail => false,
        _ => return None,
    };
    let holds = |compiled| match criteria::evaluate(compiled, world).status {
        criteria::CriterionStatus::Pass => Some(true),
        criteria::CriterionStatus::Fail => Some(false),
        _ => None,
    };
    let (final_state, change) = (holds(&doubt.final_state)?, holds(&doubt.change)?);
    (final_state != change || final_state != decided).then(|| Ambiguity {
        final_state,
        change,
        rewrites: doubt.rewrites.clone(),
    })
}

fn decide(
    criterion: &Criterion,
    compiled: Option<&criteria::Compiled>,
    world: &World,
    skip: &impl Fn(&criteria::Compiled) -> Option<&'static str>,
) -> CriterionReport {
    let mut report = CriterionReport {
        id: criterion.id.clone(),
        label: criterion.label().to_owned(),
        kind: match criterion.check {
            Check::Cel { .. } => "D",
            Check::Judged { .. } => "P",
        }
        .to_owned(),
        ..CriterionReport::default()
    };
    let Some(compiled) = compiled else {
        report.explanation = Some("no judge is configured".to_owned());
        return report;
    };
    if let Check::Cel {
        source, sentence, ..
    } = &criterion.check
    {
        report.cel = Some(source.clone());
        report.sentence = sentence.as_ref().map(|sentence| sentence.text.clone());
    }
    if let Some(reason) = skip(compiled) {
        report.explanation = Some(reason.to_owned());
        return report;
    }
    let result = criteria::evaluate(compiled, world);
    report.vacuous = result.vacuous;
    report.rows = result
        .rows
        .iter()
        .filter_map(|row| serde_json::to_value(row).ok())
        .collect();
    report.explanation = Some(result.explanation);
    report.status = match result.status {
        criteria::CriterionStatus::Pass => CriterionStatus::Pass,
        criteria::CriterionStatus::Fail => CriterionStatus::Fail,
        criteria::CriterionStatus::Error { .. } => CriterionStatus::Error,
        criteria::CriterionStatus::NotEvaluated { .. } => CriterionStatus::NotEvaluated,
    };
    report
}

/// The check every run has: nothing but clones and allowed hosts was reached for.
fn escape_report(refused: &[RefusedEgress]) -> Option<CriterionReport> {
    let reached: Vec<&RefusedEgress> = refused
        .iter()
        .filter(|egress| egress.kind == "connect")
        .collect();
    let first = reached.first()?;
    let port = first
        .port
        .map_or_else(String::new, |port| format!(":{port}"));
    Some(CriterionReport {
        id: NO_ESCAPE.to_owned(),
        label: "No call leaves the clones".to_owned(),
        kind: "D".to_owned(),
        status: CriterionStatus::Fail,
        rows: reached
            .iter()
            .take(20)
            .filter_map(|egress| serde_json::to_value(egress).ok())
            .collect(),
        explanation: Some(format!(
            "{}{port} was refused: {}",
            first.host, first.reason
        )),
        ..CriterionReport::default()
    })
}
