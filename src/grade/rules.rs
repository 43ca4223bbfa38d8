//! What the repository asks of every trace: `grade.rules` of the configuration, compiled and
//! decided.

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Diagnostic;
use archal_core::grade::{Finding, Negation, Owner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Loaded;
use crate::config::grade::GradeRule;
use crate::scenario::criteria::sentence::{Lexicon, compile_sentence, place};
use crate::scenario::criteria::{self, Compiled, CriterionResult, CriterionStatus, compile};

use super::scene::Scene;

/// What a finding of a rule is called before the rule's id.
pub const FAMILY: &str = "rule.";

/// A rule, compiled.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What must hold, in words.
    pub sentence: String,
    /// Who has to act where it does not hold.
    pub owner: Owner,
    /// Which traces it is for; all where none.
    when: Option<Compiled>,
    /// What must hold.
    must: Compiled,
}

/// How a rule came out on one trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleReport {
    /// The rule.
    pub id: String,
    /// What must hold, in words.
    pub sentence: String,
    /// How it came out.
    pub status: RuleStatus,
    /// Why, for a person.
    pub explanation: String,
}

/// How a rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleStatus {
    /// What must hold does.
    Holds,
    /// What must hold does not: a finding.
    Fires,
    /// It is not for this trace.
    NotApplicable,
    /// It reads what the trace does not show.
    NotEvaluated,
    /// It raised while it was decided.
    Error,
}

/// Compiles rules against the clones there are.
///
/// # Errors
///
/// What is wrong: the rule's number, its key and the finding, whose place counts bytes of that
/// text.
pub fn compile_all(
    rules: &[GradeRule],
    clones: &[CloneDescriptor],
) -> Result<Vec<Rule>, Vec<(usize, &'static str, Diagnostic)>> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let clones: Vec<&CloneDescriptor> = clones.iter().collect();
    let mut compiled = Vec::new();
    let mut wrong = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let mut refused = |key, findings: Vec<Diagnostic>| {
            wrong.extend(findings.into_iter().map(|finding| (at, key, finding)));
        };
        let when = rule.when.as_deref().map(|cel| compile(cel, &clones));
        let must = match &rule.cel {
            Some(cel) => compile(cel, &clones).map_err(|findings| ("cel", findings)),
            None => said(&rule.sentence, &clones).map_err(|finding| ("sentence", vec![finding])),
        };
        match (when.transpose(), must) {
            (Ok(when), Ok(must)) => compiled.push(Rule {
                id: rule.id.clone(),
                sentence: rule
                    .sentence
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
                owner: rule.owner.map_or(Owner::Agent, |owner| owner.owner()),
                when,
                must,
            }),
            (when, must) => {
                if let Err(findings) = when {
                    refused("when", findings);
                }
                if let Err((key, findings)) = must {
                    refused(key, findings);
                }
            }
        }
    }
    if wrong.is_empty() {
        Ok(compiled)
    } else {
        Err(wrong)
    }
}

/// Compiles the rules of a configuration.
///
/// # Errors
///
/// What is wrong, at its place in the file.
pub fn of(loaded: &Loaded, clones: &[CloneDescriptor]) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    compile_all(&loaded.config.grade.rules, clones).map_err(|wrong| {
        wrong
            .into_iter()
            .map(|(at, key, finding)| loaded.within(&format!("grade.rules.{at}.{key}"), finding))
            .collect()
    })
}

/// A rule that is a sentence and nothing else.
fn said(sentence: &str, clones: &[&CloneDescriptor]) -> Result<Compiled, Diagnostic> {
    let lexicon = Lexicon::new(clones)
        .map_err(|error| Diagnostic::error("scenario/vocabulary", error.to_string()))?;
    let help = "write the condition as `cel` beside the sentence";
    let refused = |message: String, help: String| {
        Diagnostic::error("config/grade-rule", message).with_help(help)
    };
    let understood = compile_sentence(sentence, &lexicon).map_err(|refusal| {
        let part = refusal.part(sentence);
        let message = format!("\"{part}\" in a rule without `cel`: {}", refusal.message);
        let own = refusal.help.as_ref();
        let help = own.map_or_else(|| help.to_owned(), |own| format!("{own}; or {help}"));
        refused(message, help).at(place(&refusal, 0))
    })?;
    if let Some(readings) = &understood.readings {
        let message = "this could mean the end or the run".to_owned();
        let help = format!(
            "write \"{}\" or \"{}\"",
            readings.final_state.rewrite, readings.change.rewrite
        );
        return Err(refused(message, help).at(0..sentence.len()));
    }
    compile(&understood.cel, clones).map_err(|findings| {
        let why = findings.first().map_or("", |finding| &finding.message);
        refused(format!("it cannot be decided: {why}"), help.to_owned())
    })
}

impl Rule {
    /// The name of its findings.
    pub fn name(&self) -> String {
        format!("{FAMILY}{}", self.id)
    }

    /// What must hold of every run, as one expression.
    pub fn cel(&self) -> String {
        match &self.when {
            Some(when) => format!("!({}) || ({})", when.source(), self.must.source()),
            None => self.must.source().to_owned(),
        }
    }

    /// Decides it on a trace: how it came out, and the finding where it fires.
    pub fn decide(&self, scene: &Scene<'_>) -> (RuleReport, Option<Finding>) {
        let report = |status, explanation: String| RuleReport {
            id: self.id.clone(),
            sentence: self.sentence.clone(),
            status,
            explanation,
        };
        let parts = self.when.iter().chain([&self.must]);
        for part in parts {
            if let Some((status, why)) = scene.withheld(criteria::references(part)) {
                return (report(status, why), None);
            }
        }
        if let Some(when) = &self.when {
            let result = criteria::evaluate(when, &scene.world);
            match result.status {
                CriterionStatus::Pass => {}
                CriterionStatus::Fail => {
                    let why = format!("`when` is false: {}", result.explanation);
                    return (report(RuleStatus::NotApplicable, why), None);
                }
                CriterionStatus::Error { message } => {
                    return (
                        report(RuleStatus::Error, format!("`when`: {message}")),
                        None,
                    );
                }
                CriterionStatus::NotEvaluated { reason } => {
                    return (report(RuleStatus::NotEvaluated, reason), None);
                }
            }
        }
        let result = criteria::evaluate(&self.must, &scene.world);
        let status = match &result.status {
            CriterionStatus::Pass => RuleStatus::Holds,
            CriterionStatus::Fail => RuleStatus::Fires,
            CriterionStatus::Error { .. } => RuleStatus::Error,
            CriterionStatus::NotEvaluated { .. } => RuleStatus::NotEvaluated,
        };
        let finding = (status == RuleStatus::Fires).then(|| self.finding(&result, scene));
        (report(status, result.explanation), finding)
    }

    /// Whether more calls might have kept what fired: it does not merely forbid calls that were
    /// made. Where spans are lost, those calls may be in them.
    pub fn rests_on_absence(&self, finding: &Finding) -> bool {
        let reads_calls_once = |part: &Compiled| part.source().matches("calls").count() == 1;
        let says = |part: &Compiled, word: &str| part.source().contains(word);
        let starts = |part: &Compiled, with: &str| part.source().trim().starts_with(with);
        let references = criteria::references(&self.must);
        let forbids = match references.collections.is_empty() {
            // What a call of the trace did to the state.
            false => !references.calls && !finding.spans.is_empty(),
            true => {
                let all = starts(&self.must, "calls.") && says(&self.must, ".all(");
                let is_plain = !says(&self.must, "exists") && !says(&self.must, "size");
                let none = starts(&self.must, "!calls.exists(");
                reads_calls_once(&self.must) && (none || (all && is_plain))
            }
        };
        let stays = self.when.as_ref().is_none_or(|when| {
            let read = criteria::references(when);
            let is_none = !read.calls && read.collections.is_empty();
            is_none || (reads_calls_once(when) && starts(when, "calls.exists("))
        });
        !(forbids && stays)
    }

    fn finding(&self, result: &CriterionResult, scene: &Scene<'_>) -> Finding {
        let references = criteria::references(&self.must);
        let shown = scene.shown(references, &result.rows);
        let rows: Vec<Value> = result
            .rows
            .iter()
            .filter_map(|row| serde_json::to_value(row).ok())
            .collect();
        let first = rows.first().map(ToString::to_string);
        Finding {
            rule: self.name(),
            subject: self.name(),
            summary: format!("broken: {}", self.sentence),
            spans: shown.spans,
            excerpt: first.unwrap_or_else(|| result.explanation.clone()),
            owner: self.owner,
            confidence: scene.confidence(references),
            operation: shown.operation,
            entity: shown.entity,
            rows: rows
                .into_iter()
                .filter_map(|row| serde_json::from_value(row).ok())
                .collect(),
            negation: Some(Negation {
                sentence: self.sentence.clone(),
                cel: self.cel(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
