//! What is told of a grade: one event for the verdict, and one for each finding behind a failure.

use archal_core::clock::Timestamp;
use archal_core::grade::{Finding, Verdict};
use archal_core::hash;
use archal_core::pull::VERDICT;
use archal_core::trace::{Trace, TraceIdentity};
use serde::{Deserialize, Serialize};

use crate::run::scrub::Scrubber;

/// The most findings that are told of one grade.
const MOST: usize = 8;
/// The longest explanation, in characters.
const LONGEST: usize = 1_000;

/// The grade of one revision of a trace, as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultEvent {
    /// The same each time it is sent: by it a receiver knows what it has.
    pub key: String,
    /// When it was graded.
    pub at: Timestamp,
    /// The project of the trace.
    pub project: String,
    /// The trace's id.
    pub trace: String,
    /// Where it was recorded.
    #[serde(default)]
    pub environment: Option<String>,
    /// Its revision.
    pub revision: String,
    /// The verdict in a word, by which a change is seen.
    pub verdict: String,
    /// What is told, the verdict first.
    pub scored: Vec<Scored>,
}

/// One `gen_ai.evaluation.result`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Scored {
    /// What was evaluated: `archal.grade`, or the rule of a finding.
    pub name: String,
    /// `ok`, `fail` or `unsure`.
    pub label: Option<String>,
    /// 1 for good, 0 for bad; none where it is not decided.
    pub score: Option<f64>,
    /// Why, without secrets.
    pub explanation: Option<String>,
    /// Why there is no verdict.
    pub error: Option<String>,
    /// The span that is told of.
    pub span: Option<String>,
}

/// A grade as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence, and why.
    pub words: (&'a str, &'a str),
    /// The findings behind a failure.
    pub failing: &'a [Finding],
}

impl ResultEvent {
    /// What is sent of a grade.
    pub fn of(
        identity: &TraceIdentity,
        trace: &Trace,
        told: Told<'_>,
        scrubber: &Scrubber,
        at: Timestamp,
    ) -> Self {
        let clean = |text: &str| -> String {
            let text = scrubber.text(text);
            let line: Vec<&str> = text.split_whitespace().collect();
            let line = line.join(" ");
            let is_seen = |c: &char| !c.is_control();
            line.chars().filter(is_seen).take(LONGEST).collect()
        };
        let (label, score) = match told.verdict {
            Verdict::Ok => ("ok", Some(1.0)),
            Verdict::Fail => ("fail", Some(0.0)),
            Verdict::Unsure => ("unsure", None),
        };
        let (summary, reason) = told.words;
        let explanation = match summary == reason || reason.is_empty() {
            true => clean(summary),
            false => clean(&format!("{summary}; {reason}")),
        };
        let mut scored = vec![Scored {
            name: VERDICT.to_owned(),
            label: Some(label.to_owned()),
            score,
            explanation: Some(explanation),
            error: None,
            span: root(trace),
        }];
        scored.extend(told.failing.iter().take(MOST).map(|finding| Scored {
            name: finding.rule.clone(),
            label: Some("fail".to_owned()),
            score: Some(0.0),
            explanation: Some(clean(&finding.summary)),
            error: None,
            span: finding.spans.first().cloned().or_else(|| root(trace)),
        }));
        Self {
            environment: trace.environment.clone(),
            ..Self::with(identity, &trace.revision, label, scored, at)
        }
    }

    /// `ok`, `fail` or `unsure`; none where there is no verdict.
    pub fn label(&self) -> Option<&str> {
        self.scored.first()?.label.as_deref()
    }

    /// What is sent of a trace that could not be graded.
    pub fn failed(identity: &TraceIdentity, revision: &str, code: &str, at: Timestamp) -> Self {
        let scored = vec![Scored {
            name: VERDICT.to_owned(),
            error: Some(code.to_owned()),
            ..Scored::default()
        }];
        Self::with(identity, revision, "error", scored, at)
    }

    fn with(
        identity: &TraceIdentity,
        revision: &str,
        verdict: &str,
        scored: Vec<Scored>,
        at: Timestamp,
    ) -> Self {
        // A verdict that comes back is told again.
        let whole = format!(
            "{}\0{}\0{}\0{revision}\0{verdict}\0{at}",
            identity.source, identity.project, identity.trace
        );
        let key = hash::sixty_four_bits(whole.as_bytes());
        Self {
            key: format!("result-{key:016x}"),
            at,
            project: identity.project.clone(),
            trace: identity.trace.clone(),
            environment: None,
            revision: revision.to_owned(),
            verdict: verdict.to_owned(),
            scored,
        }
    }
}

/// The span that the trace begins with: the one without a parent, else the first.
fn root(trace: &Trace) -> Option<String> {
    let mut spans = trace.spans.iter();
    let root = spans.find(|span| span.parent_id.is_none());
    root.or(trace.spans.first()).map(|span| span.id.clone())
}
