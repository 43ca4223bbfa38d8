//! What a sentence says, as a sentence: one that reads back as the same claim.

use archal_core::clone::vocabulary::{Change, ValueKind};

use super::claim::{
    Amount, CallPhrase, Claim, Condition, Given, Name, NounId, Phrase, Quantifier, Target, Tense,
    Test, Voice, What,
};
use super::lexicon::Lexicon;

/// The sentence.
pub(super) fn print(claim: &Claim, lexicon: &Lexicon<'_>) -> String {
    let printer = Printer { lexicon };
    match claim {
        Claim::Things {
            quantifier,
            subject,
            predicate,
        } => printer.things(*quantifier, subject, predicate),
        Claim::Sum {
            subject,
            quantity,
            amount,
            currency,
        } => {
            let noun = lexicon.noun(subject.noun);
            let quantity = &noun.quantities[*quantity];
            let words = quantity.words.first().map_or("", String::as_str);
            let things = printer.phrase(subject, true);
            let number = |number: i64| match (&quantity.currency, currency) {
                (Some(_), currency) => money(number, *currency),
                (None, _) => number.to_string(),
            };
            format!(
                "The total {words} of {things} is {}",
                amount_of(*amount, number)
            )
        }
        Claim::Calls { amount, calls } => {
            let calls = calls_of(calls);
            match amount {
                Amount::Exactly(0) => format!("No {calls} are made"),
                amount => format!("{} {calls} are made", capital(&in_numbers(*amount))),
            }
        }
        Claim::EveryCall { calls, fails } => {
            let verb = if *fails { "fail" } else { "succeed" };
            format!("All {} {verb}", calls_of(calls))
        }
        Claim::Order { first, then } => {
            format!("The operation `{first}` is called before the operation `{then}`")
        }
        Claim::Exit { code, negated } => match code {
            Some(code) => {
                let not = if *negated { "not " } else { "" };
                format!("The exit code is {not}{code}")
            }
            None => "The run exits successfully".to_owned(),
        },
        Claim::Within {
            milliseconds,
            strictly,
        } => {
            let how = if *strictly { "in less than" } else { "within" };
            format!("The run finishes {how} {milliseconds} milliseconds")
        }
        Claim::TimedOut { negated } => {
            let verb = if *negated {
                "does not time out"
            } else {
                "times out"
            };
            format!("The run {verb}")
        }
        Claim::NoErrors => "No errors occur".to_owned(),
        Claim::Output { text, negated } => {
            let verb = if *negated {
                "does not contain"
            } else {
                "contains"
            };
            format!("The output {verb} {}", quoted(text))
        }
    }
}

/// The things a claim is about, as they are at the end: `issues that are closed`.
pub(super) fn things(claim: &Claim, lexicon: &Lexicon<'_>) -> String {
    let Claim::Things { subject, .. } = claim else {
        return String::new();
    };
    let things = Printer { lexicon }.phrase(subject, true);
    things.replace(" at the end", "")
}

struct Printer<'l> {
    lexicon: &'l Lexicon<'l>,
}

impl Printer<'_> {
    fn things(&self, quantifier: Quantifier, subject: &Phrase, said: &[Condition]) -> String {
        let names = subject
            .conditions
            .iter()
            .find_map(|condition| match &condition.what {
                What::Named(names) if !condition.negated => Some(names.len()),
                _ => None,
            });
        let plural = match quantifier {
            Quantifier::Exists => false,
            Quantifier::Definite => names.is_some_and(|names| names > 1),
            _ => true,
        };
        let things = self.phrase(subject, plural);
        let opening = match quantifier {
            Quantifier::Count(amount) => capital(&in_numbers(amount)),
            Quantifier::None => "No".to_owned(),
            Quantifier::All { plain: false } => "All".to_owned(),
            Quantifier::All { plain: true } | Quantifier::Definite => "The".to_owned(),
            Quantifier::Exists if things.starts_with(['a', 'e', 'i', 'o', 'u']) => "An".to_owned(),
            Quantifier::Exists => "A".to_owned(),
            Quantifier::Only => "Only".to_owned(),
        };
        let predicate = if said.is_empty() {
            if plural { "exist" } else { "exists" }.to_owned()
        } else {
            self.predicate(subject.noun, said, plural)
        };
        format!("{opening} {things} {predicate}")
    }

    fn phrase(&self, phrase: &Phrase, plural: bool) -> String {
        let noun = self.lexicon.noun(phrase.noun);
        let word = if plural {
            noun.plural()
        } else {
            noun.singular()
        };
        let mut out = String::new();
        // A word that two clones have needs the clone's name.
        let several = self
            .lexicon
            .nouns()
            .filter(|(id, other)| {
                id.clone != phrase.noun.clone
                    && other.words.iter().flatten().any(|other| other == word)
            })
            .count();
        let is_new = phrase
            .conditions
            .iter()
            .any(|condition| condition.what == What::New);
        if several > 0 {
            out.push_str(self.lexicon.clone_name(phrase.noun));
            out.push(' ');
        }
        if is_new {
            out.push_str("new ");
        }
        out.push_str(word);
        let is_name =
            |condition: &&Condition| !condition.negated && matches!(condition.what, What::Named(_));
        for condition in phrase.conditions.iter().filter(is_name) {
            if let What::Named(given) = &condition.what {
                out.push(' ');
                out.push_str(&names(given));
            }
        }
        for condition in phrase.conditions.iter().filter(|each| !is_name(each)) {
            if condition.what != What::New {
                out.push(' ');
                out.push_str(&self.modifier(phrase.noun, condition, plural));
            }
        }
        out
    }

    /// A condition after a noun.
    fn modifier(&self, id: NounId, condition: &Condition, plural: bool) -> String {
        let not = if condition.negated { "not " } else { "" };
        match &condition.what {
            What::Named(given) => format!("other than {}", names(given)),
            What::State { .. } | What::Happened { .. } => {
                format!("that {}", self.said(id, condition, plural))
            }
            What::Relation { tense, .. } if *tense != Tense::FINAL => {
                format!("that {}", self.said(id, condition, plural))
            }
            What::Relation { relation, test, .. } => {
                match (self.phrase_relation(id, *relation, test), condition.negated) {
                    (Some(text), _) => format!("{not}{text}"),
                    (None, false) => format!("with {}", self.own(id, *relation, test)),
                    (None, true) => format!("without {}", self.own(id, *relation, test)),
                }
            }
            What::Parent { parent, target } => {
                format!("{not}{}", self.place(id, *parent, target))
            }
            What::Has { amount, parts } => {
                let things = self.phrase(parts, true);
                // Not `with`, which after a verb may be how something was done.
                let has = if plural { "have" } else { "has" };
                if condition.negated {
                    format!("that {has} no {things}")
                } else {
                    format!("that {has} {} {things}", in_numbers(*amount))
                }
            }
            What::New => "new".to_owned(),
        }
    }

    fn predicate(&self, id: NounId, said: &[Condition], plural: bool) -> String {
        let parts: Vec<String> = said
            .iter()
            .map(|condition| self.said(id, condition, plural))
            .collect();
        parts.join(" and ")
    }

    /// A condition with its verb.
    fn said(&self, id: NounId, condition: &Condition, plural: bool) -> String {
        let noun = self.lexicon.noun(id);
        let not = if condition.negated { "not " } else { "" };
        let is = if plural { "are" } else { "is" };
        let was = if plural { "were" } else { "was" };
        let has = if plural { "have" } else { "has" };
        let pinned = |tense: &Tense| match (tense.pinned, tense.voice) {
            (false, _) => "",
            (true, Voice::Final) => " at the end",
            (true, Voice::Change) => " during the run",
        };
        let verb = |tense: &Tense| if tense.voice == Voice::Final { is } else { was };
        match &condition.what {
            What::State {
                state,
                verb: change,
                tense,
            } => {
                let words = &noun.states[*state].words;
                let shared = change.map(|verb| &noun.verbs[verb].past);
                let word = words
                    .iter()
                    .find(|word| shared.is_none_or(|past| past.contains(word)))
                    .map_or("", String::as_str);
                let end = if change.is_some() { pinned(tense) } else { "" };
                format!("{} {not}{word}{end}", verb(tense))
            }
            What::Happened { verb }
                if condition.negated && noun.verbs[*verb].change == Change::Edited(Vec::new()) =>
            {
                format!("{is} unchanged")
            }
            What::Happened { verb } => {
                let word = noun.verbs[*verb].past.first().map_or("", String::as_str);
                format!("{was} {not}{word}")
            }
            What::New => format!("{was} {not}created"),
            What::Relation {
                relation,
                test,
                tense,
            } => {
                let end = if noun.relations[*relation].change {
                    pinned(tense)
                } else {
                    ""
                };
                match (
                    self.phrase_relation(id, *relation, test),
                    test,
                    condition.negated,
                ) {
                    (Some(text), _, _) => format!("{} {not}{text}{end}", verb(tense)),
                    (None, Test::Any, true) => {
                        let word = noun.relations[*relation].nouns.first();
                        format!("{has} no {}", word.map_or("", String::as_str))
                    }
                    (None, _, false) => format!("{has} {}", self.own(id, *relation, test)),
                    (None, _, true) => {
                        let does = if plural { "do" } else { "does" };
                        format!("{does} not have {}", self.own(id, *relation, test))
                    }
                }
            }
            What::Parent { parent, target } => {
                format!("{is} {not}{}", self.place(id, *parent, target))
            }
            What::Has { amount, parts } => {
                let things = self.phrase(parts, true);
                if condition.negated {
                    format!("{has} no {things}")
                } else {
                    format!("{has} {} {things}", in_numbers(*amount))
                }
            }
            What::Named(given) => format!("{is} {not}{}", names(given)),
        }
    }

    /// A relation by its phrase, where it has one that fits.
    fn phrase_relation(&self, id: NounId, relation: usize, test: &Test) -> Option<String> {
        let relation = &self.lexicon.noun(id).relations[relation];
        let phrase = relation.phrases.first()?;
        match test {
            Test::Is { values, all } => {
                let texts: Vec<String> = values
                    .iter()
                    .map(|value| self.value(relation.value, value))
                    .collect();
                Some(format!("{phrase} {}", listed(&texts, *all)))
            }
            _ => None,
        }
    }

    fn value(&self, kind: ValueKind, value: &Given) -> String {
        match (value, kind) {
            (Given::Text(text), _) => quoted(text),
            (Given::Number(number), ValueKind::Days) => format!("{number} days"),
            (Given::Number(number), ValueKind::Money) => money(*number, None),
            (Given::Number(number), _) => number.to_string(),
        }
    }

    /// A relation by what a thing has.
    fn own(&self, id: NounId, at: usize, test: &Test) -> String {
        let relation = &self.lexicon.noun(id).relations[at];
        let noun = relation.nouns.first().map_or("", String::as_str);
        match test {
            Test::Is { values, all } => {
                let texts: Vec<String> = values
                    .iter()
                    .map(|value| self.value(relation.value, value))
                    .collect();
                format!("the {noun} {}", listed(&texts, *all))
            }
            Test::Contains { values, all } => {
                let texts: Vec<String> = values.iter().map(|text| quoted(text)).collect();
                format!("a {noun} containing {}", listed(&texts, *all))
            }
            Test::Any => format!("a {noun}"),
            Test::Size(amount) => {
                let plural = relation.nouns.last().map_or("", String::as_str);
                format!("{} {plural}", in_numbers(*amount))
            }
        }
    }

    fn place(&self, id: NounId, at: usize, target: &Target) -> String {
        let parent = &self.lexicon.noun(id).parents[at];
        let word = parent.words.first().map_or("", String::as_str);
        let owner = self.lexicon.noun_named(id.clone, &parent.noun);
        let plural = owner.map_or("", |owner| self.lexicon.noun(owner).plural());
        match target {
            Target::Named(given) if given.len() == 1 => {
                let singular = &parent.noun;
                format!("{word} {singular} {}", names(given))
            }
            Target::Named(given) => format!("{word} {plural} {}", names(given)),
            Target::OtherThan(given) => format!("{word} {plural} other than {}", names(given)),
            Target::Things(phrase) => format!("{word} {}", self.phrase(phrase, true)),
        }
    }
}

fn calls_of(calls: &CallPhrase) -> String {
    let mut out = String::new();
    match calls.failed {
        Some(true) => out.push_str("failed "),
        Some(false) => out.push_str("successful "),
        None => {}
    }
    if let Some(clone) = &calls.clone {
        out.push_str(clone);
        out.push(' ');
    }
    if let Some(method) = &calls.method {
        out.push_str(method);
        out.push(' ');
    }
    out.push_str("calls");
    if let Some(status) = calls.status {
        out.push_str(&format!(" with status {status}"));
    }
    if let Some(operation) = &calls.operation {
        out.push_str(&format!(" to the operation `{operation}`"));
    }
    out
}

fn in_numbers(amount: Amount) -> String {
    amount_of(amount, |number| number.to_string())
}

fn amount_of(amount: Amount, number: impl Fn(i64) -> String) -> String {
    match amount {
        Amount::Exactly(given) => format!("exactly {}", number(given)),
        Amount::AtLeast(given) => format!("at least {}", number(given)),
        Amount::AtMost(given) => format!("at most {}", number(given)),
        Amount::FewerThan(given) => format!("fewer than {}", number(given)),
        Amount::MoreThan(given) => format!("more than {}", number(given)),
        Amount::Between(low, high) => format!("between {} and {}", number(low), number(high)),
    }
}

fn money(minor: i64, currency: Option<&str>) -> String {
    let sign = match currency {
        Some("usd") => "$",
        Some("eur") => "€",
        Some("gbp") => "£",
        Some("jpy") => return format!("¥{minor}"),
        _ => return format!("{minor} cents"),
    };
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

fn names(names: &[Name]) -> String {
    let texts: Vec<String> = names
        .iter()
        .map(|name| match name {
            Name::Number(number) => format!("#{number}"),
            Name::Text(text) => quoted(text),
        })
        .collect();
    listed(&texts, true)
}

fn listed(texts: &[String], all: bool) -> String {
    let word = if all { "and" } else { "or" };
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// A text between marks that do not occur in it.
fn quoted(text: &str) -> String {
    let marks = [('"', '"'), ('“', '”'), ('`', '`'), ('«', '»')];
    let (open, close) = marks
        .into_iter()
        .find(|(open, close)| {
            // A curly quotation may end with a straight mark.
            let straight = if *open == '“' { '"' } else { *close };
            !text.contains([*open, *close, straight])
        })
        .unwrap_or(('‘', '’'));
    format!("{open}{text}{close}")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
