//! The scenario of a failure that nobody wrote one for: what the agent was asked, the state that
//! was rebuilt, and as criteria what the findings say must hold.
//!
//! A criterion that holds on the failing trace's own calls would never show the failure again, so
//! each is decided on them before it is written.

use std::collections::BTreeMap;
use std::path::Path;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Span;
use archal_core::grade::{Finding, Negation};
use archal_core::trace::Trace;
use jiff::Timestamp;

use crate::grade::ended;
use crate::grade::scene;
use crate::grade::state::{self, decisive};
use crate::reconstruct::replay::Replay;
use crate::run::attempt::{self, Change};
use crate::run::scenarios::{self, Broken, Prepared};
use crate::run::score::CriterionStatus as ReportStatus;
use crate::scenario::criteria::sentence::{Lexicon, compile_sentence};
use crate::scenario::criteria::{self, CriterionStatus, World};
use crate::scenario::matching::{Match, NamePattern};
use crate::scenario::spec::SeedChoice;
use crate::scenario::{Check, Criterion, Scenario, ScenarioConfig, format};

use super::identity::{FailureIdentity, FindingIdentity, subject_of};

/// A place in no file.
const NOWHERE: Span = Span { start: 0, end: 0 };

/// A failing trace and what is known of it.
#[derive(Clone, Copy)]
pub struct Failing<'a> {
    /// The trace.
    pub trace: &'a Trace,
    /// Its name in paths and commands.
    pub name: &'a str,
    /// The findings that made its grade `fail`, the primary one first.
    pub findings: &'a [Finding],
    /// Its calls on the rebuilt state.
    pub replay: &'a Replay,
    /// The time that the state's times are relative to.
    pub base: Timestamp,
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
}

/// A finding that no criterion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaid {
    /// The finding's rule.
    pub rule: String,
    /// Why.
    pub why: String,
}

/// A scenario as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub text: String,
    /// The rule or criterion that each criterion stands for, by its words.
    pub subjects: BTreeMap<String, String>,
    /// Findings that are in it only for the reader.
    pub unsaid: Vec<Unsaid>,
}

/// The name of the file with the starting state of a clone, beside the scenario.
pub fn seed_file(clone: &str) -> String {
    format!("{clone}.seed.json")
}

/// Writes the scenario of a failing trace that matched none, with the input as what is asked.
/// Where no finding can be said as a criterion that fails on the trace's own calls, what they
/// found stands there as `[P]`, for a person to write out.
pub fn write(failing: &Failing<'_>, asked: &str) -> Written {
    let clones = failing.called();
    let (mut criteria, subjects, unsaid) = said(failing, &clones);
    if criteria.is_empty() {
        criteria = failing.findings.iter().map(for_a_person).collect();
    }
    let first = criteria.first().map_or("", Criterion::label);
    let scenario = Scenario {
        id: String::new(),
        path: Path::new("scenario.md").to_owned(),
        title: match failing.trace.name.trim() {
            "" => first.to_owned(),
            name => format!("{name}: {first}"),
        },
        setup: None,
        prompt: asked.to_owned(),
        expected: None,
        criteria,
        config: config(failing, &clones),
        seed_blocks: Vec::new(),
        said_states: Vec::new(),
    };
    let text = format::write(&scenario);
    // A person who opens it is told where it comes from; the title is one line.
    let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let name = failing.name;
    let comment = format!(
        "<!-- Written by archal from trace {name}, which fails by the criteria below. What you change\n     \
         here is kept: archal attach-reprocess {name} goes on with it. -->"
    );
    Written {
        text: format!("{title}\n\n{comment}\n{rest}"),
        subjects,
        unsaid,
    }
}

/// Reads a scenario that was written, or that a person changed since. A criterion that stands as
/// it was written has the name of what it stands for as its id, so that attempts show the same
/// failure as the trace.
///
/// # Errors
///
/// When it is no scenario that can be run.
pub fn read(
    path: &Path,
    text: &str,
    subjects: &BTreeMap<String, String>,
    clones: &[CloneDescriptor],
) -> Result<Prepared, Broken> {
    let (mut prepared, _) = scenarios::of_text(path, text, clones)?;
    let mut taken: Vec<String> = Vec::new();
    for criterion in &mut prepared.scenario.criteria {
        let Some(subject) = subjects.get(criterion.label()) else {
            continue;
        };
        if !taken.contains(subject) {
            criterion.id.clone_from(subject);
            taken.push(subject.clone());
        }
    }
    Ok(prepared)
}

/// A scenario with further criteria for findings that none of its own says: those of rules that
/// fired. Gives it with the findings that cannot be said.
pub fn extended(prepared: &Prepared, failing: &Failing<'_>) -> (Prepared, Vec<Unsaid>) {
    let names = prepared.scenario.config.clones.iter();
    let clones: Vec<&CloneDescriptor> = names
        .filter_map(|name| failing.clones.iter().find(|clone| clone.name == name))
        .collect();
    let (criteria, subjects, unsaid) = said(failing, &clones);
    let mut more = prepared.clone();
    for mut criterion in criteria {
        let Check::Cel { source, .. } = &criterion.check else {
            continue;
        };
        if let (Ok(compiled), Some(subject)) = (
            criteria::compile(source, &clones),
            subjects.get(criterion.label()),
        ) {
            criterion.id.clone_from(subject);
            more.scenario.criteria.push(criterion);
            more.compiled.push(Some(compiled));
            more.readings.push(None);
        }
    }
    (more, unsaid)
}

/// What the criteria of a scenario that do not hold on the trace's own calls make a failure: the
/// identity that an attempt is compared with. None where all of them hold.
pub fn identity(
    prepared: &Prepared,
    failing: &Failing<'_>,
    place: &str,
) -> Option<FailureIdentity> {
    let world = failing.world();
    let changes: Vec<Change> = scene::changes(failing.replay)
        .into_iter()
        .map(|(change, _)| change)
        .collect();
    let decided = attempt::decide_all(prepared, &world, |compiled| {
        ended::withheld(ended::of(failing.trace), criteria::references(compiled))
    });
    let found: Vec<FindingIdentity> = decided
        .iter()
        .filter(|criterion| criterion.status == ReportStatus::Fail)
        .map(|criterion| {
            let decisive = decisive(criterion, prepared, &changes);
            FindingIdentity {
                subject: criterion.id.clone(),
                operation: decisive.operation,
                entity: decisive.entity,
            }
        })
        .collect();
    // What the grade holds for the most important comes first, where the scenario says it.
    let wanted = failing.findings.iter().map(subject_of);
    let primary = wanted
        .filter_map(|subject| found.iter().find(|one| one.subject == subject))
        .next()
        .or(found.first())?
        .clone();
    let mut findings = found;
    findings.sort();
    findings.dedup();
    Some(FailureIdentity {
        scenario: place.to_owned(),
        findings,
        primary,
    })
}

impl<'a> Failing<'a> {
    /// The clones that the trace called, by name.
    fn called(&self) -> Vec<&'a CloneDescriptor> {
        let names = self.replay.clones.keys();
        names
            .filter_map(|name| self.clones.iter().find(|clone| clone.name == name))
            .collect()
    }

    /// What criteria are decided on: the replay, and how the run ended where the trace says that
    /// it failed.
    fn world(&self) -> World<'_> {
        World {
            run: ended::of(self.trace).unwrap_or_default(),
            ..scene::replayed(self.trace, Some(self.replay), self.base)
        }
    }
}

type Said = (Vec<Criterion>, BTreeMap<String, String>, Vec<Unsaid>);

/// The findings as criteria that do not hold on the trace's own calls, and those that cannot be
/// said so.
fn said(failing: &Failing<'_>, clones: &[&CloneDescriptor]) -> Said {
    let world = failing.world();
    let mut criteria: Vec<Criterion> = Vec::new();
    let mut subjects = BTreeMap::new();
    let mut unsaid = Vec::new();
    for finding in failing.findings {
        if finding.rule == state::CRITERION {
            continue;
        }
        match one(finding, failing, clones, &world) {
            Ok(criterion) => {
                let label = criterion.label().to_owned();
                let subject = subject_of(finding).to_owned();
                if let std::collections::btree_map::Entry::Vacant(free) = subjects.entry(label) {
                    free.insert(subject);
                    criteria.push(criterion);
                }
            }
            Err(why) => unsaid.push(Unsaid {
                rule: finding.rule.clone(),
                why,
            }),
        }
    }
    (criteria, subjects, unsaid)
}

fn one(
    finding: &Finding,
    failing: &Failing<'_>,
    clones: &[&CloneDescriptor],
    world: &World,
) -> Result<Criterion, String> {
    let Some(Negation { sentence, cel }) = &finding.negation else {
        return Err("what must hold instead cannot be said of state, calls and run".to_owned());
    };
    let compiled = criteria::compile(cel, clones).map_err(|findings| {
        let why = findings.first().map_or("", |finding| &finding.message);
        format!("`{cel}` is no criterion here: {why}")
    })?;
    let ended = ended::of(failing.trace);
    if let Some(why) = ended::withheld(ended, criteria::references(&compiled)) {
        return Err(format!("`{cel}` cannot be checked on the trace: {why}"));
    }
    match criteria::evaluate(&compiled, world).status {
        CriterionStatus::Fail => {}
        CriterionStatus::Pass => {
            return Err(format!(
                "`{cel}` holds on the trace's own calls to services, so it would not show the failure"
            ));
        }
        CriterionStatus::Error { message } => {
            return Err(format!(
                "`{cel}` raises on the trace's own calls: {message}"
            ));
        }
        CriterionStatus::NotEvaluated { reason } => return Err(reason),
    }
    let sentence = one_line(sentence);
    // A sentence stands alone only where it is the expression and nothing else.
    let plain = Lexicon::new(clones)
        .ok()
        .and_then(|lexicon| compile_sentence(&sentence, &lexicon).ok())
        .filter(|plain| plain.readings.is_none() && plain.cel == *cel);
    Ok(Criterion {
        id: String::new(),
        title: plain.is_none().then(|| sentence.replace('`', "'")),
        check: Check::Cel {
            source: one_line(cel),
            span: NOWHERE,
            sentence: plain.map(Box::new),
        },
        span: NOWHERE,
    })
}

/// A finding in words, which nothing but a judge decides.
fn for_a_person(finding: &Finding) -> Criterion {
    let words = match &finding.negation {
        Some(negation) => one_line(&negation.sentence),
        None => format!(
            "It does not show {}: {}",
            finding.rule,
            one_line(&finding.summary)
        ),
    };
    Criterion {
        id: String::new(),
        title: None,
        check: Check::Judged {
            sentence: words.replace('`', "'"),
        },
        span: NOWHERE,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn config(failing: &Failing<'_>, clones: &[&CloneDescriptor]) -> ScenarioConfig {
    let name = failing.trace.name.trim();
    // Where the name means something in a pattern, the traces of that name are not told by it.
    let is_plain =
        !name.is_empty() && !name.contains(|c: char| ",;*?=/".contains(c) || c.is_control());
    let pattern = NamePattern::new(name).ok().filter(|_| is_plain);
    ScenarioConfig {
        clones: clones.iter().map(|clone| clone.name.to_owned()).collect(),
        seeds: clones
            .iter()
            .map(|clone| SeedChoice {
                clone: clone.name.to_owned(),
                name: format!("./{}", seed_file(clone.name)),
            })
            .collect(),
        tags: vec!["generated".to_owned()],
        matching: pattern.map(|pattern| Match {
            names: vec![pattern],
            ..Match::default()
        }),
        ..ScenarioConfig::default()
    }
}

#[cfg(test)]
mod tests;
