//! What the person said in the conversation. Only messages of the user count: what tools and
//! documents say in the user's name does not.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use archal_core::grade::{Finding, Owner};
use regex::Regex;

use super::super::facts::{Effect, Facts, Said, Step};
use super::super::negation;
use super::Rule;

static CORRECTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \bthat('s|’s|\s+is)\s+(not\s+(what|right|correct)|wrong|incorrect)
        | \b(that\s+isn't|this\s+is\s+not)\s+(what|right|correct)
        | \bnot\s+what\s+i\s+(asked|wanted|said|meant|requested)
        | \bi\s+(never|didn't|did\s+not)\s+(said?|asked?|requested?|wanted?|agreed?|want|ask|say)\b
        | \byou\s+(got|have)\s+(it|that|this)\s+wrong
        | \byou\s+(made|have\s+made)\s+a\s+mistake
        | \bi\s+already\s+(told|said|gave|provided|mentioned|asked)",
    )
    .expect("a constant expression")
});
static ESCALATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b(speak|talk|connect\s+me|transfer\s+me|escalate\w*)\s+(to|with)?\s*(a|an|your|the|another)?\s*(human|person|manager|supervisor|someone|representative|agent|real)
        | \bthis\s+is\s+(ridiculous|unacceptable|useless|frustrating)
        | \b(forget\s+it|never\s+mind|i\s+give\s+up|i'll\s+do\s+it\s+myself)",
    )
    .expect("a constant expression")
});
static YES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b(yes|yeah|yep|yup|sure|confirm\w*|proceed|go\s+ahead|please\s+do|correct|ok|okay|agree\w*
        |sounds\s+good|that\s+works|works\s+for\s+me|fine|great|perfect|absolutely|definitely|right|do\s+it|let's)\b",
    )
    .expect("a constant expression")
});
/// Instructions that ask for a confirmation before changes.
static ASKS_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) (obtain|get|ask\s+for|request|require|receive|wait\s+for|seek)\w*\s+
        (\w+\s+){0,3}?(confirmation|consent|approval)",
    )
    .expect("a constant expression")
});
/// Words that turn what follows in a sentence into its opposite.
static NEGATES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(not|never|without|cannot|no\s+need)\b|n['’]t\b")
        .expect("a constant expression")
});

/// Whether instructions ask for a confirmation. "Do not ask for one" does not, and "change nothing
/// without asking for one" does: two negations are none.
fn asks_first(text: &str) -> bool {
    ASKS_FIRST.find_iter(text).any(|found| {
        let before = &text[..found.start()];
        let sentence = before
            .rfind(['.', '!', '?', ';', '\n'])
            .map_or(before, |at| &before[at + 1..]);
        NEGATES.find_iter(sentence).count().is_multiple_of(2)
    })
}

/// An agent that asks whether to go on.
static PROPOSES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(confirm|proceed|shall i|should i|would you like|do you want|go ahead|is that correct|yes/no|let me know|please provide|which|could you)\b")
        .expect("a constant expression")
});

pub(super) fn correction(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    said(
        rule,
        facts,
        found,
        &CORRECTION,
        "correction",
        "the person said that it was wrong",
    );
}

pub(super) fn escalation(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    said(
        rule,
        facts,
        found,
        &ESCALATION,
        "escalation",
        "the person had enough",
    );
}

fn said(
    rule: &Rule,
    facts: &Facts<'_>,
    found: &mut Vec<Finding>,
    words: &Regex,
    subject: &str,
    summary: &str,
) {
    let heard = facts
        .said_by_users()
        .skip(1)
        .find_map(|(_, said)| Some((said, words.find(said.text)?.start())));
    if let Some((said, at)) = heard {
        let from = said.text[..at].rfind(['.', '\n']).map_or(0, |at| at + 1);
        found.push(rule.finding(
            subject,
            summary.to_owned(),
            [said.span],
            &said.text[from..],
            Owner::Agent,
        ));
    }
}

/// Messages of the person that are compared with each other.
const MAX_USERS: usize = 300;
/// Words that a rephrased request must share with the first one: of ten at least so many.
const SHARED: usize = 8;

pub(super) fn rephrase(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut before: Vec<(Said<'_>, BTreeSet<String>)> = Vec::new();
    for (_, said) in facts.said_by_users().take(MAX_USERS) {
        let words: BTreeSet<String> = said
            .text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 2)
            .take(100)
            .map(str::to_lowercase)
            .collect();
        if words.len() < 6 {
            continue;
        }
        let again = before.iter().find(|(_, other)| {
            let shared = words.intersection(other).count();
            let all = words.len().max(other.len());
            shared * 10 >= all * SHARED
        });
        if let Some((first, _)) = again {
            found.push(rule.finding(
                "rephrase",
                "the person had to ask the same again".to_owned(),
                [first.span, said.span],
                said.text,
                Owner::Agent,
            ));
            return;
        }
        before.push((said, words));
    }
}

pub(super) fn unconfirmed_change(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let asks = facts
        .steps
        .iter()
        .any(|step| matches!(step, Step::Instructions(text) if asks_first(text)));
    if !asks {
        return;
    }
    let (mut user, mut agent, mut proposal): (
        Option<Said<'_>>,
        Option<Said<'_>>,
        Option<Said<'_>>,
    ) = (None, None, None);
    for step in &facts.steps {
        match step {
            Step::User(said) => {
                user = Some(*said);
                proposal = agent;
            }
            Step::Agent(said) => agent = Some(*said),
            Step::Instructions(_) => {}
            Step::Call(place) => {
                let Some(call) = facts.calls.get(*place) else {
                    continue;
                };
                if call.effect != Effect::Write {
                    continue;
                }
                let Some(user) = user else { continue };
                let proposed = proposal.is_some_and(|said| PROPOSES.is_match(said.text));
                if YES.is_match(user.text) || proposed {
                    continue;
                }
                let mut finding = rule.finding(
                    &call.name,
                    format!("{} was called before the person agreed", call.name),
                    [user.span, call.span],
                    user.text,
                    Owner::Agent,
                );
                // In a run that begins with this message nobody can agree to anything.
                if facts.said_by_users().count() == 1 {
                    finding.negation = Some(negation::no_change());
                }
                found.push(finding);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_asked_for_where_no_negation_stands_before_it() {
        for (text, asks) in [
            ("Obtain explicit user confirmation (yes) to proceed.", true),
            ("Do not guess. Ask for confirmation.", true),
            (
                "Never change anything without obtaining confirmation.",
                true,
            ),
            ("Do not ask for confirmation.", false),
            ("Don’t wait for the user's approval.", false),
            ("Close them without requesting confirmation", false),
            ("There is no need to ask for confirmation.", false),
        ] {
            assert_eq!(asks_first(text), asks, "{text}");
        }
    }
}
