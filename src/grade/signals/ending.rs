//! Runs that stopped instead of ending.

use std::sync::LazyLock;

use archal_core::grade::{Finding, Owner};
use archal_core::trace::{Part, SpanKind, Status, Trace};
use regex::Regex;
use serde_json::Value;

use super::super::facts::effect::words;
use super::super::facts::looks::{Named, found_nothing};
use super::super::facts::{Call, Effect, Facts, Step, outcome, short};
use super::super::negation;
use super::Rule;

/// Words of tools that end a run.
const LAST_WORDS: &[&str] = &[
    "answer",
    "complete",
    "done",
    "end",
    "escalate",
    "exit",
    "final",
    "finalize",
    "finish",
    "handoff",
    "human",
    "respond",
    "stop",
    "submit",
    "terminate",
    "transfer",
];
/// Words of tools that tell people something.
const TELLS: &[&str] = &[
    "comment", "comments", "email", "mail", "message", "messages", "notify", "post", "publish",
    "reply", "replies", "send", "sms",
];
/// Words of tools that hand over to a person.
const HANDOFFS: &[&str] = &["escalate", "handoff", "human", "supervisor"];

/// How programs around agents say that they stopped one.
static LIMIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) ^(exit_(cost|context|format|error)|length|max_tokens|budget_exceeded|time[\s_-]?out|timed[\s_-]?out)$
        | \b max(imum)?[\s_-]?(number\sof\s|num[\s_-])?(turn|step|iteration|round|retrie)s?\b
        | \b(turn|step|iteration|recursion|cost|token|time|call)s?[\s_-]?limits?\b
        | limits?[\s_-]?(exceeded|reached) | context_length_exceeded | stopped\sdue\sto",
    )
    .expect("a constant expression")
});
/// That a limit was not only set.
static REACHED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)exceeded|reached|\bhit\b").expect("a constant expression"));
/// Which of these limits are of time.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \btime[\s_-]?limits?\b | \btime[\s_-]?out\b | \btimed[\s_-]?out\b | \bdeadline\b
        | \bwall[\s_-]?(clock|time)\b",
    )
    .expect("a constant expression")
});
/// Keys under which programs around agents say how a run ended.
const ENDS: &[&str] = &[
    "exit_reason",
    "exit_status",
    "exitstatus",
    "finish_reason",
    "stop_reason",
    "termination",
    "termination_reason",
    "end_reason",
];
/// An answer that says the task could not be done for lack of means. A refusal by a rule is none.
const INABILITY_WORDS: &str = concat!(
    r"(?i)\b(i|we)\s+(was|were|am|are|have\s+been|'m|’m|'ve\s+been)\s+(still\s+)?(unable|not\s+able)\s+to",
    r"|\b(i|we)\s+(could|can|did)\s*(not|n't|n’t)\s+",
    r"(find|determine|locate|access|complete|retrieve|identify|resolve|verify|obtain|figure|fix|reproduce)",
    r"|\b(unable|failed)\s+to\s+(find|determine|locate|access|complete|retrieve|identify|resolve|verify|obtain|fix)",
    r"|\b(cannot|can't|can’t)\s+be\s+(determined|found|answered|completed)",
    r"|\bno\s+(definitive\s+)?answer\s+(was|could\s+be)\s+found",
);
static INABILITY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(INABILITY_WORDS).expect("a constant expression"));

/// The same of having found none, in one expression.
const NONE_THERE_WORDS: &str = r"(?i)\b(find|locate|identify)\s+(any|anything|anyone|anybody)\b";
/// Behind words for not having found: that there is none of something is what a search finds.
static NONE_THERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s+((find|locate|identify)\s+)?(any|anything|anyone|anybody)\b")
        .expect("a constant expression")
});

/// Where a text says that the task could not be done.
fn inability(text: &str) -> Option<usize> {
    INABILITY
        .find_iter(text)
        .find(|found| !NONE_THERE.is_match(&text[found.end()..]))
        .map(|found| found.start())
}

pub(super) fn crash(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let trace = facts.trace;
    if trace.status != Status::Error && trace.error.is_none() {
        return;
    }
    let text = trace
        .error
        .as_deref()
        .unwrap_or("the run has the status error");
    let kind = outcome::kind_of(text);
    let last = trace
        .spans
        .iter()
        .rev()
        .find(|span| span.status == Status::Error);
    let mut finding = rule.finding(
        kind.name(),
        "the run ended with an error".to_owned(),
        last.map(|span| span.id.as_str()),
        text,
        match kind {
            outcome::FailureKind::Other => Owner::Agent,
            kind => kind.owner(),
        },
    );
    finding.negation = Some(negation::exits());
    found.push(finding);
}

/// What a trace says of a limit that its run was stopped at.
fn stopped_at(trace: &Trace) -> Option<String> {
    trace
        .metadata
        .iter()
        .flat_map(|(key, value)| ends(key, value, 0))
        .find(|text| LIMIT.is_match(text))
        .or_else(|| trace.error.clone().filter(|text| LIMIT.is_match(text)))
}

/// Whether a trace says that its run was stopped because it took too long.
pub fn timed_out(trace: &Trace) -> bool {
    stopped_at(trace).is_some_and(|said| TIME.is_match(&said))
}

pub(super) fn limit(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    if let Some(said) = stopped_at(facts.trace) {
        let last = facts.trace.spans.last().map(|span| span.id.as_str());
        let mut finding = rule.finding(
            "limit",
            "the run was stopped at a limit before it was done".to_owned(),
            last,
            &said,
            Owner::Agent,
        );
        // Only where the run itself says that it failed is its end known to have been bad.
        let failed = facts.trace.status == Status::Error || facts.trace.error.is_some();
        finding.negation = match TIME.is_match(&said) {
            true => Some(negation::in_time()),
            false => failed.then(negation::exits),
        };
        found.push(finding);
    }
}

/// What a trace's metadata says of how it ended.
fn ends(key: &str, value: &Value, depth: u8) -> Vec<String> {
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    match value {
        // A name that frameworks give to what is set, too: `max_turns=30` says no end.
        Value::String(text) if last == "termination" && !REACHED.is_match(text) => Vec::new(),
        Value::String(text) if ENDS.contains(&last.as_str()) && text.len() <= 200 => {
            vec![text.clone()]
        }
        Value::Object(map) if depth < 3 => map
            .iter()
            .flat_map(|(key, value)| ends(key, value, depth + 1))
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn no_answer(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    if !facts.whole {
        return;
    }
    let Some(last) = facts
        .trace
        .spans
        .iter()
        .rev()
        .find(|span| matches!(span.kind, SpanKind::Llm) || span.tool.is_some())
    else {
        return;
    };
    // A model that was asked and said nothing at all.
    let silent = last.llm.as_ref().is_some_and(|llm| {
        llm.messages.last().is_some_and(|message| {
            message.role == "assistant"
                && !message.parts.iter().any(|part| match part {
                    Part::Text { text } => !text.trim().is_empty(),
                    Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Media { .. } => true,
                })
        })
    });
    // A call is the last thing there is, and it is not one that ends a run.
    let call = match facts.steps.last() {
        Some(Step::Call(call)) if facts.conversation => facts.calls.get(*call),
        _ => None,
    };
    let cut = call.filter(|call| {
        let arguments = call.arguments.as_deref().map(short).unwrap_or_default();
        let ends = words(&call.name)
            .into_iter()
            .chain(words(&arguments))
            .any(|word| LAST_WORDS.contains(&word.as_str()));
        !ends && facts.trace.output.is_none()
    });
    // What was told somebody by a call needs no more words.
    let is_told = facts.calls.last().is_some_and(|call| {
        let after = facts.steps.iter().skip(call.step);
        tells(call) && !after.into_iter().any(|step| matches!(step, Step::User(_)))
    });
    if is_told || (!silent && cut.is_none()) {
        return;
    }
    let excerpt = cut.map(|call| format!("{} was called last", call.name));
    let mut finding = rule.finding(
        "answer",
        "the run ends without an answer".to_owned(),
        [last.id.as_str()],
        excerpt
            .as_deref()
            .unwrap_or("the model's last message is empty"),
        Owner::Agent,
    );
    finding.negation = Some(negation::answers());
    found.push(finding);
}

/// Whether a call told somebody something: a message sent, a comment posted.
fn tells(call: &Call<'_>) -> bool {
    let by = match call.http {
        Some(_) => call.name.rsplit('/').next().unwrap_or_default(),
        None => &call.name,
    };
    call.effect != Effect::Read
        && call.succeeded()
        && words(by).iter().any(|word| TELLS.contains(&word.as_str()))
}

pub(super) fn gave_up(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    // In a conversation the person decides whether an answer will do.
    if facts.said_by_users().count() > 1 {
        return;
    }
    let Some(said) = facts.last_words() else {
        return;
    };
    // A long answer says more than that.
    if said.text.len() > 1_500 || facts.calls.iter().any(|call| call.wrote()) {
        return;
    }
    // Who asks back goes on once there is an answer.
    if said.text.trim_end().ends_with('?') {
        return;
    }
    let Some(at) = inability(said.text) else {
        return;
    };
    let start = said.text[..at].rfind(['.', '\n']).map_or(0, |at| at + 1);
    let sentence = &said.text[start..];
    let asked = facts.said_by_users().map(|(_, said)| said.text);
    let named = Named::of(asked.chain([sentence]));
    let last = facts.calls.iter().rev().find(|call| named.has(call));
    // That it is not there is what was to be said.
    if last.is_some_and(found_nothing) {
        return;
    }
    let mut finding = rule.finding(
        "answer",
        "the answer is that the task could not be done".to_owned(),
        [said.span],
        sentence,
        Owner::Agent,
    );
    finding.negation = Some(negation::no_giving_up(INABILITY_WORDS, NONE_THERE_WORDS));
    found.push(finding);
}

pub(super) fn handoff(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let handed = facts.calls.iter().find(|call| {
        call.succeeded()
            && words(&call.name)
                .iter()
                .any(|word| HANDOFFS.contains(&word.as_str()))
    });
    let Some(handed) = handed else { return };
    let before: Vec<&str> = facts
        .calls
        .iter()
        .filter(|call| call.step < handed.step && call.effect == Effect::Write && call.succeeded())
        .map(|call| call.span)
        .collect();
    if before.is_empty() {
        return;
    }
    found.push(rule.finding(
        &handed.name,
        format!("{} was called after changes had been made", handed.name),
        before.into_iter().chain([handed.span]),
        &handed.arguments.as_deref().map(short).unwrap_or_default(),
        Owner::Agent,
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_there_is_none_is_a_result_and_no_giving_up() {
        for (text, gives_up) in [
            (
                "I could not find any stale issues, so nothing was closed.",
                false,
            ),
            ("I was unable to find any open pull request.", false),
            ("I couldn’t identify anything to change.", false),
            ("I could not find any. I could not access the others.", true),
            ("I could not find the repository.", true),
            ("I was unable to complete the task.", true),
        ] {
            assert_eq!(inability(text).is_some(), gives_up, "{text}");
        }
    }
}
