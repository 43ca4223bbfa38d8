//! The whole grade of a trace: what each tier found, put together by a stated rule.
//!
//! The criteria of the matched scenario are the main thing: where they hold on a state that
//! answers as the service did, no signal makes the trace a failure. What the repository's own
//! rules say counts beside them. Signals, claims and the judge count, too, where there is no
//! scenario, or where its criteria could not be decided. A finding on a state that answers
//! otherwise than the service did is no failure by itself, and criteria that hold on it prove
//! nothing; where a call is answered with another status it does not count beside others either. What the findings that count come to is said in [`verdict`].

use std::collections::BTreeMap;

use archal_core::clone::CloneDescriptor;
use archal_core::grade::{Finding, Owner, Verdict};
use archal_core::trace::{Trace, TraceIdentity};
use jiff::Timestamp;

use crate::reconstruct::Synthesised;
use crate::reconstruct::exchanges::TracedCalls;
use crate::reconstruct::replay::Replay;
use crate::run::scenarios::Prepared;
use crate::run::score::{CriterionReport, CriterionStatus};
use crate::scenario::criteria::World;

use super::document::Grade;
use super::facts::Facts;
use super::judged::Judgement;
use super::rules::{Rule, RuleReport, RuleStatus};
use super::scene::{self, Scene};
use super::tiers::{Tier, TierReport};
use super::verdict::{self, Decided};
use super::{ended, judged, signals, state};

/// Everything a trace is graded by.
#[derive(Clone)]
pub struct Evidence<'a> {
    /// What is known of the trace itself.
    pub facts: &'a Facts<'a>,
    /// What makes it the same trace.
    pub identity: TraceIdentity,
    /// The scenario it belongs to.
    pub matched: Option<&'a Prepared>,
    /// Its calls of services.
    pub traced: &'a TracedCalls<'a>,
    /// Those calls run again on the rebuilt state, or why they were not.
    pub replay: Result<&'a Replay, &'a str>,
    /// The time that the rebuilt state's times are relative to.
    pub base: Timestamp,
    /// What of the rebuilt state was made up, because no call shows it.
    pub made_up: &'a [Synthesised],
    /// What the repository asks of every trace.
    pub rules: &'a [Rule],
    /// What signals and claims found.
    pub early: Vec<Finding>,
    /// What a judge came to; none where none was asked.
    pub judged: Option<&'a Judgement>,
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
}

/// What the criteria of the matched scenario say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criteria {
    /// There is no scenario.
    Absent,
    /// They could not be decided, or on a state that nobody can trust.
    Undecided,
    /// At least one does not hold.
    Broken,
    /// All that could be decided hold, at least one.
    Hold,
}

/// Grades a trace.
pub fn grade(evidence: Evidence<'_>) -> Grade {
    let trace = evidence.facts.trace;
    let (criteria, of_criteria) = match (evidence.matched, evidence.replay) {
        (Some(prepared), Ok(replay)) => {
            let world = World {
                run: ended::of(trace).unwrap_or_default(),
                ..scene::replayed(trace, Some(replay), evidence.base)
            };
            state::criteria(prepared, &world, replay, evidence.facts)
        }
        _ => (Vec::new(), Vec::new()),
    };
    let (rules, fired) = decide_rules(&evidence);
    let of_rules: Vec<Finding> = fired.into_iter().flatten().collect();
    let standing = standing(&evidence, &criteria, &of_criteria);
    let tiers = tiers(&evidence, &criteria, &rules);

    let mut all = of_criteria;
    all.extend(of_rules);
    let mut rest = evidence.early;
    let judged = evidence.judged.map(|judgement| &judgement.findings);
    rest.extend(judged.into_iter().flatten().cloned());
    rest.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    all.extend(rest);
    let broken = evidence.replay.ok().and_then(scene::broken);
    // On a state that is known to be another one they say nothing, neither alone nor beside others.
    let is_void = |finding: &Finding| broken.is_some() && is_shaky(finding);
    let is_open = matches!(standing, Criteria::Absent | Criteria::Undecided);
    // A rule of the repository is asked for whatever the scenario says.
    let has_a_say =
        |finding: &Finding| !is_void(finding) && (is_open || Tier::of(finding) == Tier::State);
    let is_any_void = all.iter().any(is_void);
    let heard = heard(&all, has_a_say);
    let proven = standing == Criteria::Hold || signals::praised(evidence.facts);
    let decided = verdict::decide(evidence.facts, heard, proven);
    let fails = decided.verdict == Verdict::Fail;
    let sure = |finding: &Finding| finding.confidence >= verdict::FAIL;
    // Where none is enough by itself, all that count are what made it fail.
    let is_enough = all
        .iter()
        .any(|finding| has_a_say(finding) && sure(finding));
    let counts = |finding: &Finding| {
        let counts = sure(finding) || (!is_enough && finding.confidence >= verdict::WEAK);
        fails && has_a_say(finding) && counts
    };
    let (mut failing, rest): (Vec<Finding>, Vec<Finding>) = all.into_iter().partition(counts);
    // What the agent can be held to comes first: an attempt is compared with the first of them.
    failing.sort_by_key(|finding| {
        let is_sayable = finding.rule == state::CRITERION || finding.negation.is_some();
        (!is_work(finding), !is_sayable)
    });
    let is_unknown = standing == Criteria::Undecided || is_any_void;
    let raised = raised(&criteria, &rules);
    let (verdict, summary, reason) = if let Some(first) = failing.first() {
        let reason = why_it_fails(&failing, &criteria, evidence.matched);
        (Verdict::Fail, first.summary.clone(), reason)
    } else if let Some(call) = broken.filter(|_| is_unknown) {
        let reason = format!(
            "span {} ({} {}): {}",
            call.span,
            call.method,
            call.path,
            call.differences.join("; ")
        );
        let summary = "the rebuilt state does not answer as the service did";
        (Verdict::Unsure, summary.to_owned(), reason)
    } else if let (Criteria::Undecided, Err(why)) = (standing, evidence.replay) {
        let summary = "the state the trace began in cannot be rebuilt from it";
        (Verdict::Unsure, summary.to_owned(), why.to_owned())
    } else if !raised.is_empty() || standing == Criteria::Undecided {
        let reason = match raised.is_empty() {
            true => "no criterion of the scenario reads state or calls".to_owned(),
            false => format!("these raised: {}", raised.join(", ")),
        };
        let summary = match standing {
            Criteria::Undecided => "the criteria could not be decided on this trace",
            _ => "a rule could not be decided on this trace",
        };
        (Verdict::Unsure, summary.to_owned(), reason)
    } else if let (Criteria::Broken, Some(first)) = (standing, rest.first()) {
        let reason = match meanwhile(evidence.matched, evidence.replay.ok(), first) {
            Some(changed) => changed,
            None if evidence.facts.lost => {
                "spans of the trace are lost, and what it seems not to have done may be in them"
                    .to_owned()
            }
            None => "too many calls are answered otherwise by the rebuilt state".to_owned(),
        };
        (Verdict::Unsure, first.summary.clone(), reason)
    } else if !trace.completeness.content && decided.likelihood == 0.0 {
        let summary = "nothing of what the agent sent and got was captured";
        let reason = "without content neither claims nor rules can be decided";
        (Verdict::Unsure, summary.to_owned(), reason.to_owned())
    } else if let (Criteria::Hold, Some(bad)) = (standing, signals::blamed(evidence.facts)) {
        let summary = "a person scored the run as bad, and the criteria of its scenario hold";
        (Verdict::Unsure, summary.to_owned(), bad.excerpt)
    } else {
        let is_all =
            |criterion: &CriterionReport| criterion.status != CriterionStatus::NotEvaluated;
        of_verdict(&decided, evidence.matched, criteria.iter().all(is_all))
    };
    let mut grade = Grade::without_findings(
        evidence.identity,
        &trace.revision,
        verdict,
        &summary,
        &reason,
    );
    grade.reproduce = failing.first().is_some_and(is_work);
    grade.scenario = evidence
        .matched
        .map(|prepared| prepared.scenario.id.clone());
    grade.first_bad_step = match failing.first() {
        Some(first) => first_span(trace, first),
        None if verdict == Verdict::Ok => None,
        None => decided.first_bad_step,
    };
    grade.failing = failing.len();
    grade.findings = failing;
    grade.findings.extend(rest);
    grade.tiers = tiers;
    count_findings(&mut grade);
    grade.criteria = criteria;
    grade.rules = rules;
    grade.agreement = evidence.replay.ok().map(Replay::agreement);
    grade.judge = evidence.judged.cloned();
    grade
}

/// Whether a judge may change what a trace was graded as: nothing decides it, and no scenario
/// speaks louder.
pub fn is_open(evidence: &Evidence<'_>, grade: &Grade) -> bool {
    let findings: Vec<Finding> = grade
        .findings
        .iter()
        .filter(|finding| finding.rule == state::CRITERION)
        .cloned()
        .collect();
    let standing = standing(evidence, &grade.criteria, &findings);
    matches!(standing, Criteria::Absent | Criteria::Undecided)
        && judged::is_wanted(evidence.facts, grade.verdict)
}

/// The verdict where no finding makes a failure, with a line and the reason for it. `is_all` says
/// that the trace decides each criterion.
fn of_verdict(
    decided: &Decided,
    matched: Option<&Prepared>,
    is_all: bool,
) -> (Verdict, String, String) {
    let summary = match (decided.verdict, matched) {
        (Verdict::Ok, Some(_)) if !is_all => "every criterion that the trace decides holds",
        (Verdict::Ok, Some(_)) => "every criterion holds on the state after the trace's own calls",
        (Verdict::Ok, None) => "nothing was found wrong",
        (_, _) if decided.likelihood > 0.0 => "what was found does not show a failure by itself",
        (_, _) => "no scenario is for it, and nothing else decides it",
    };
    let reason = match (decided.verdict, matched) {
        (Verdict::Ok, Some(prepared)) => format!("scenario {}", prepared.scenario.id),
        _ => decided.reason.clone(),
    };
    (decided.verdict, summary.to_owned(), reason)
}

/// That somebody else changed what a criterion reads while the trace was under way, where they did.
fn meanwhile(
    matched: Option<&Prepared>,
    replay: Option<&Replay>,
    finding: &Finding,
) -> Option<String> {
    let (prepared, replay) = (matched?, replay?);
    let references = state::references_of(prepared, &finding.subject);
    let keys = finding
        .rows
        .iter()
        .filter_map(|row| row.get("key")?.as_str());
    let changed = scene::meanwhile(replay, references, &keys.collect::<Vec<_>>())?;
    let what = match changed.field.as_str() {
        "" => changed.entity.clone(),
        field => format!("{field} of {}", changed.entity),
    };
    Some(format!(
        "somebody else changed {what} while the trace was under way (span {}), which the rebuilt state does not have",
        changed.span
    ))
}

/// Whether something of the repository can be repaired for it.
fn is_work(finding: &Finding) -> bool {
    matches!(finding.owner, Owner::Agent | Owner::Harness)
}

/// Whether a finding is on a state that answers otherwise than the service did.
fn is_shaky(finding: &Finding) -> bool {
    Tier::of(finding) == Tier::State && finding.confidence < verdict::FAIL
}

/// The findings that a verdict hears. Those on a state that answers otherwise than the service
/// did are wrong together, so that they do not add up: the surest of them speaks for all.
fn heard(all: &[Finding], has_a_say: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    let mut surest: Option<&Finding> = None;
    let mut heard = Vec::new();
    for finding in all.iter().filter(|finding| has_a_say(finding)) {
        if !is_shaky(finding) {
            heard.push(finding.clone());
        } else if surest.is_none_or(|surest| surest.confidence < finding.confidence) {
            surest = Some(finding);
        }
    }
    heard.extend(surest.cloned());
    heard
}

/// How each rule came out, and what those that fire found.
fn decide_rules(evidence: &Evidence<'_>) -> (Vec<RuleReport>, Vec<Option<Finding>>) {
    if evidence.rules.is_empty() {
        // The bodies of all calls are not copied for nothing.
        return (Vec::new(), Vec::new());
    }
    let scene = Scene::of(
        evidence.facts.trace,
        evidence.traced,
        evidence.replay,
        evidence.base,
        evidence.clones,
        evidence.made_up,
    );
    let rules = evidence.rules.iter();
    let decide = |rule: &Rule| {
        let (report, mut finding) = rule.decide(&scene);
        let absent = finding.as_mut().filter(|finding| {
            let lost = evidence.facts.lost;
            lost && rule.rests_on_absence(finding)
        });
        if let Some(finding) = absent {
            finding.confidence = finding.confidence.min(verdict::NOT_SEEN);
        }
        (report, finding)
    };
    rules.map(decide).unzip()
}

fn standing(
    evidence: &Evidence<'_>,
    criteria: &[CriterionReport],
    findings: &[Finding],
) -> Criteria {
    let (Some(_), Ok(replay)) = (evidence.matched, evidence.replay) else {
        return match evidence.matched {
            Some(_) => Criteria::Undecided,
            None => Criteria::Absent,
        };
    };
    let any = |status| criteria.iter().any(|criterion| criterion.status == status);
    if scene::broken(replay).is_some() {
        Criteria::Undecided
    } else if !findings.is_empty() {
        Criteria::Broken
    } else if any(CriterionStatus::Error) || !any(CriterionStatus::Pass) {
        Criteria::Undecided
    } else {
        Criteria::Hold
    }
}

fn raised<'a>(criteria: &'a [CriterionReport], rules: &'a [RuleReport]) -> Vec<&'a str> {
    let criteria = criteria
        .iter()
        .filter(|criterion| criterion.status == CriterionStatus::Error)
        .map(|criterion| criterion.id.as_str());
    let rules = rules
        .iter()
        .filter(|rule| rule.status == RuleStatus::Error)
        .map(|rule| rule.id.as_str());
    criteria.chain(rules).collect()
}

fn why_it_fails(
    failing: &[Finding],
    criteria: &[CriterionReport],
    matched: Option<&Prepared>,
) -> String {
    let of_criteria = failing
        .iter()
        .filter(|finding| finding.rule == state::CRITERION)
        .count();
    let others: Vec<&str> = failing
        .iter()
        .filter(|finding| finding.rule != state::CRITERION)
        .map(|finding| finding.rule.as_str())
        .collect();
    let mut parts = Vec::new();
    if let (1.., Some(prepared)) = (of_criteria, matched) {
        parts.push(format!(
            "the state after the trace's own calls breaks {of_criteria} of {} criteria of scenario {}",
            criteria.len(),
            prepared.scenario.id
        ));
    }
    if !others.is_empty() {
        parts.push(format!("found by {}", others.join(", ")));
    }
    if let Some(first) = failing.first().filter(|first| !is_work(first)) {
        let owner = match first.owner {
            Owner::User => "the person who asked",
            _ => "the agent's surroundings",
        };
        parts.push(format!("{owner} would have to act, so nothing is repaired"));
    }
    parts.join("; ")
}

/// The first of a finding's spans in the order of the trace.
fn first_span(trace: &Trace, finding: &Finding) -> Option<String> {
    let places: BTreeMap<&str, usize> = trace
        .spans
        .iter()
        .enumerate()
        .map(|(at, span)| (span.id.as_str(), at))
        .collect();
    let spans = finding.spans.iter();
    spans
        .min_by_key(|span| places.get(span.as_str()).copied().unwrap_or(usize::MAX))
        .cloned()
}

fn tiers(
    evidence: &Evidence<'_>,
    criteria: &[CriterionReport],
    rules: &[RuleReport],
) -> Vec<TierReport> {
    let report = |tier, note: String| TierReport {
        tier,
        findings: 0,
        note,
    };
    let scenario = match evidence.matched {
        Some(prepared) => format!("scenario {}", prepared.scenario.id),
        None => "no scenario is for it".to_owned(),
    };
    let decided = rules
        .iter()
        .filter(|rule| matches!(rule.status, RuleStatus::Holds | RuleStatus::Fires))
        .count();
    let state = match evidence.replay {
        Ok(replay) => {
            let agreement = replay.agreement();
            format!(
                "{scenario}; {} criteria, {decided} of {} rules decided; {} of {} calls replay as recorded",
                criteria.len(),
                rules.len(),
                agreement.agreeing,
                agreement.calls
            )
        }
        Err(why) => format!(
            "{scenario}; {decided} of {} rules decided; not replayed: {why}",
            rules.len()
        ),
    };
    let judge = evidence
        .judged
        .map_or_else(|| "not asked".to_owned(), Judgement::note);
    vec![
        report(Tier::Signals, String::new()),
        report(Tier::Claims, String::new()),
        report(Tier::State, state),
        report(Tier::Judge, judge),
    ]
}

fn count_findings(grade: &mut Grade) {
    for report in &mut grade.tiers {
        let own = |finding: &&Finding| Tier::of(finding) == report.tier;
        report.findings = grade.findings.iter().filter(own).count();
    }
}

#[cfg(test)]
mod tests;
