//! From what a sentence says to CEL.
//!
//! - [`condition`]: what is so of one row. [`calls`]: calls.

mod calls;
mod condition;

use archal_core::clone::vocabulary::{Change, Noun};

use super::claim::{Amount, Claim, Condition, Name, NounId, Phrase, Quantifier, What};
use super::lexicon::Lexicon;
use super::template::{Fill, all_of, any_of, fill, literal, not};
use calls::{calls_made, calls_where};

/// The CEL of a claim.
pub(super) fn emit(claim: &Claim, lexicon: &Lexicon<'_>) -> String {
    let mut emitter = Emitter {
        lexicon,
        scopes: Vec::new(),
    };
    match claim {
        Claim::Things {
            quantifier,
            subject,
            predicate,
        } => emitter.things(*quantifier, subject, predicate),
        Claim::Sum {
            subject,
            quantity,
            amount,
            currency,
        } => emitter.sum(subject, *quantity, *amount, *currency),
        Claim::Calls { amount, calls } => calls_made(*amount, calls),
        Claim::EveryCall { calls, fails } => {
            let range = calls_where(calls);
            let holds = if *fails { ">= 400" } else { "< 400" };
            format!("{range}.all(c, c.status {holds})")
        }
        Claim::Order { first, then } => {
            let (first, then) = (literal(first), literal(then));
            format!(
                "calls.exists(c, c.operation == {then}) && \
                 calls.filter(c, c.operation in [{first}, {then}])[0].operation == {first}"
            )
        }
        Claim::Exit { code, negated } => {
            let ended = match code {
                Some(code) => format!("run.exitCode == {code}"),
                None => "run.exitCode == 0 && !run.timedOut".to_owned(),
            };
            if *negated { not(&ended) } else { ended }
        }
        Claim::Within {
            milliseconds,
            strictly,
        } => {
            let compared = if *strictly { "<" } else { "<=" };
            format!("!run.timedOut && run.durationMs {compared} {milliseconds}")
        }
        Claim::TimedOut { negated } => {
            let timed_out = "run.timedOut".to_owned();
            if *negated { not(&timed_out) } else { timed_out }
        }
        Claim::NoErrors => {
            "calls.all(c, c.status < 400) && run.exitCode == 0 && !run.timedOut".to_owned()
        }
        Claim::Output { text, negated } => {
            let contains = format!("output.icontains({})", literal(text));
            if *negated { not(&contains) } else { contains }
        }
    }
}

/// Rows: where they come from and what narrows them.
struct Set {
    base: String,
    variable: String,
    conditions: Vec<String>,
}

impl Set {
    fn rows(&self) -> String {
        if self.conditions.is_empty() {
            self.base.clone()
        } else {
            let (base, variable) = (&self.base, &self.variable);
            format!("{base}.filter({variable}, {})", all_of(&self.conditions))
        }
    }

    fn exists(&self) -> String {
        if self.conditions.is_empty() {
            format!("{} > 0", self.size())
        } else {
            let (base, variable) = (&self.base, &self.variable);
            format!("{base}.exists({variable}, {})", all_of(&self.conditions))
        }
    }

    /// How many there are.
    fn size(&self) -> String {
        let rows = self.rows();
        // A sum of lists has its own brackets.
        if self.conditions.is_empty() && rows.starts_with('(') {
            format!("size{rows}")
        } else {
            format!("size({rows})")
        }
    }

    fn none(&self) -> String {
        if self.conditions.is_empty() {
            format!("{} == 0", self.size())
        } else {
            format!("!{}", self.exists())
        }
    }
}

struct Emitter<'l> {
    lexicon: &'l Lexicon<'l>,
    /// Variables of the macros around.
    scopes: Vec<String>,
}

impl Emitter<'_> {
    /// A variable for rows of a noun that no macro around uses; of one letter, which no
    /// variable in a vocabulary has.
    fn variable(&mut self, noun: &Noun) -> String {
        let own = noun.singular().chars().next().unwrap_or('x');
        let free = std::iter::once(own.to_ascii_lowercase())
            .chain('a'..='z')
            .map(String::from)
            .find(|name| name.is_ascii() && !self.scopes.contains(name));
        let name = free.unwrap_or_else(|| "x".to_owned());
        self.scopes.push(name.clone());
        name
    }

    fn things(&mut self, quantifier: Quantifier, subject: &Phrase, said: &[Condition]) -> String {
        let of_subject: Vec<&Condition> = subject.conditions.iter().collect();
        let of_predicate: Vec<&Condition> = said.iter().collect();
        let all: Vec<&Condition> = of_subject.iter().chain(&of_predicate).copied().collect();
        let changes = of_predicate
            .iter()
            .any(|condition| condition.is_change() && !condition.negated);
        match quantifier {
            Quantifier::Count(amount) => compared(&self.set(subject.noun, &all).size(), amount),
            Quantifier::Exists => self.set(subject.noun, &all).exists(),
            Quantifier::None if of_subject.is_empty() || of_predicate.is_empty() || changes => {
                self.set(subject.noun, &all).none()
            }
            Quantifier::None => {
                let set = self.set(subject.noun, &of_subject);
                let said = self.said(subject.noun, &of_predicate, &set.variable);
                format!("!{}.exists({}, {said})", set.rows(), set.variable)
            }
            Quantifier::All { .. } => self.every(subject, &of_predicate),
            Quantifier::Definite => self.definite(subject, said, changes),
            Quantifier::Only => {
                let set = self.set(subject.noun, &of_predicate);
                let are = self.said(subject.noun, &of_subject, &set.variable);
                let only = format!("{}.all({}, {are})", set.rows(), set.variable);
                let is_named = of_subject
                    .iter()
                    .any(|each| matches!(each.what, What::Named(_)) && !each.negated);
                if is_named {
                    let mut parts = Vec::new();
                    for one in one_each(subject) {
                        self.scopes.clear();
                        let all: Vec<&Condition> = one
                            .conditions
                            .iter()
                            .chain(of_predicate.iter().copied())
                            .collect();
                        parts.push(self.set(one.noun, &all).exists());
                    }
                    parts.push(only);
                    parts.join(" && ")
                } else {
                    only
                }
            }
        }
    }

    fn every(&mut self, subject: &Phrase, said: &[&Condition]) -> String {
        let of_subject: Vec<&Condition> = subject.conditions.iter().collect();
        let mut set = self.set(subject.noun, &of_subject);
        let noun = self.lexicon.noun(subject.noun);
        let is_removed = said.iter().any(|condition| match &condition.what {
            What::Happened { verb } => {
                noun.verbs[*verb].change == Change::Removed && !condition.negated
            }
            _ => false,
        });
        // What is gone can only be looked for where it was.
        if is_removed && set.base == self.collection(subject.noun) {
            set.base = format!("before.{}", set.base);
        }
        let said = self.said(subject.noun, said, &set.variable);
        format!("{}.all({}, {said})", set.rows(), set.variable)
    }

    /// One thing, or several by name, each of which must be there.
    fn definite(&mut self, subject: &Phrase, said: &[Condition], changes: bool) -> String {
        let mut parts = Vec::new();
        for one in one_each(subject) {
            self.scopes.clear();
            let of_subject: Vec<&Condition> = one.conditions.iter().collect();
            if changes {
                let all: Vec<&Condition> = of_subject.into_iter().chain(said).collect();
                parts.push(self.set(one.noun, &all).exists());
                continue;
            }
            let set = self.set(one.noun, &of_subject);
            // What is not made need not be there.
            let is_unmade = said
                .iter()
                .any(|condition| condition.negated && self.makes(one.noun, &condition.what));
            if !is_unmade {
                parts.push(set.exists());
            }
            let denied: Vec<&Condition> = said.iter().collect();
            let is_event = denied
                .iter()
                .all(|condition| condition.is_change() && condition.negated);
            if is_event {
                for condition in denied {
                    self.scopes.clear();
                    let positive = condition.clone().negated(true);
                    let of_one: Vec<&Condition> =
                        one.conditions.iter().chain([&positive]).collect();
                    parts.push(self.set(one.noun, &of_one).none());
                }
            } else {
                let holds = self.said(one.noun, &denied, &set.variable);
                parts.push(format!("{}.all({}, {holds})", set.rows(), set.variable));
            }
        }
        parts.join(" && ")
    }

    /// Whether a change is that there is a new row.
    fn makes(&self, id: NounId, what: &What) -> bool {
        match what {
            What::New => true,
            What::Happened { verb } => self.lexicon.noun(id).verbs[*verb].change == Change::Added,
            _ => false,
        }
    }

    fn collection(&self, noun: NounId) -> String {
        let clone = self.lexicon.clone_name(noun);
        format!("{clone}.{}", self.lexicon.noun(noun).collection)
    }

    fn diff(&self, noun: NounId, part: &str) -> String {
        format!("diff.{}.{part}", self.collection(noun))
    }

    /// The rows of a noun that satisfy all conditions. What changed is looked for in the
    /// difference, by the first condition that says so.
    fn set(&mut self, id: NounId, conditions: &[&Condition]) -> Set {
        let noun = self.lexicon.noun(id);
        let source = conditions
            .iter()
            .position(|condition| condition.is_change() && !condition.negated);
        let variable = self.variable(noun);
        let change = source.map(|at| self.change_of(id, &conditions[at].what));
        let mut set = match &change {
            None => Set {
                base: self.collection(id),
                variable: variable.clone(),
                conditions: Vec::new(),
            },
            Some(change) => self.event(id, change, &variable),
        };
        if let Some(filter) = &noun.filter {
            set.conditions.push(fill(filter, it(&variable)));
        }
        for (at, condition) in conditions.iter().enumerate() {
            if Some(at) == source {
                continue;
            }
            let same = condition.is_change()
                && !condition.negated
                && change.as_ref() == Some(&self.change_of(id, &condition.what));
            if !same {
                let text = self.condition(id, condition, &variable);
                set.conditions.push(text);
            }
        }
        set
    }

    /// All of some conditions on the row `variable`.
    fn said(&mut self, id: NounId, conditions: &[&Condition], variable: &str) -> String {
        let texts: Vec<String> = conditions
            .iter()
            .map(|condition| self.condition(id, condition, variable))
            .collect();
        all_of(&texts)
    }

    fn change_of(&self, id: NounId, what: &What) -> Change {
        let noun = self.lexicon.noun(id);
        match what {
            What::Happened { verb }
            | What::State {
                verb: Some(verb), ..
            } => noun.verbs[*verb].change.clone(),
            What::Relation { relation, test, .. } => {
                Change::Becomes(self.test(noun, *relation, test, "it"))
            }
            _ => Change::Added,
        }
    }

    /// The rows to which a change happened, as they are after it.
    fn event(&mut self, id: NounId, change: &Change, variable: &str) -> Set {
        let rows = |base: String| Set {
            base,
            variable: variable.to_owned(),
            conditions: Vec::new(),
        };
        let changed = self.diff(id, "changed");
        let turned = |condition: &str| {
            let before = fill(condition, it("c.before"));
            let after = fill(condition, it("c.after"));
            let turned = all_of(&[not(&before), after]);
            format!("{changed}.filter(c, {turned}).map(c, c.after)")
        };
        match change {
            Change::Added => rows(self.diff(id, "added")),
            Change::Removed => rows(self.diff(id, "removed")),
            Change::Turns(condition) => rows(turned(condition)),
            Change::Becomes(condition) => {
                let added = self.diff(id, "added");
                let own = fill(condition, it("c"));
                rows(format!(
                    "({} + {added}.filter(c, {own}))",
                    turned(condition)
                ))
            }
            Change::Edited(fields) if fields.is_empty() => {
                rows(format!("{changed}.map(c, c.after)"))
            }
            Change::Edited(fields) => {
                let names: Vec<String> = fields.iter().map(|field| literal(field)).collect();
                rows(format!(
                    "{changed}.filter(c, c.fields.exists(f, f in [{}])).map(c, c.after)",
                    names.join(", ")
                ))
            }
            Change::Gains(part) => {
                let mut set = rows(self.collection(id));
                set.conditions.push(self.gains(id, part, variable));
                set
            }
        }
    }

    /// That a row got a new part.
    fn gains(&mut self, id: NounId, part: &str, variable: &str) -> String {
        let Some(part) = self.lexicon.noun_named(id.clone, part) else {
            return "false".to_owned();
        };
        let new = Condition::is(What::New);
        let depth = self.scopes.len();
        let mut parts = self.set(part, &[&new]);
        let link = self.link(part, id, &parts.variable, variable);
        parts.conditions.insert(0, link);
        self.scopes.truncate(depth);
        parts.exists()
    }

    fn link(&self, part: NounId, owner: NounId, it: &str, parent: &str) -> String {
        let owner = self.lexicon.noun(owner).singular();
        let found = self
            .lexicon
            .noun(part)
            .parents
            .iter()
            .find(|parent| parent.noun == owner);
        found.map_or_else(
            || "false".to_owned(),
            |found| {
                let with = Fill {
                    it,
                    parent,
                    ..Fill::default()
                };
                fill(&found.link, with)
            },
        )
    }

    fn sum(
        &mut self,
        subject: &Phrase,
        quantity: usize,
        amount: Amount,
        currency: Option<&str>,
    ) -> String {
        let conditions: Vec<&Condition> = subject.conditions.iter().collect();
        let set = self.set(subject.noun, &conditions);
        let quantity = &self.lexicon.noun(subject.noun).quantities[quantity];
        let (rows, variable) = (set.rows(), &set.variable);
        let of = fill(&quantity.of, it(variable));
        let total = compared(&format!("sum({rows}.map({variable}, {of}))"), amount);
        match (&quantity.currency, currency) {
            (Some(field), Some(currency)) => {
                let field = fill(field, it(variable));
                let currency = literal(currency);
                format!("{rows}.all({variable}, {field} == {currency}) && {total}")
            }
            _ => total,
        }
    }
}

fn it(it: &str) -> Fill<'_> {
    Fill {
        it,
        ..Fill::default()
    }
}

/// The phrase for each of the names in it.
fn one_each(phrase: &Phrase) -> Vec<Phrase> {
    let several = phrase.conditions.iter().position(|condition| {
        !condition.negated && matches!(&condition.what, What::Named(names) if names.len() > 1)
    });
    let Some(at) = several else {
        return vec![phrase.clone()];
    };
    let What::Named(names) = &phrase.conditions[at].what else {
        return vec![phrase.clone()];
    };
    names
        .iter()
        .map(|name| {
            let mut one = phrase.clone();
            one.conditions[at].what = What::Named(vec![name.clone()]);
            one
        })
        .collect()
}

/// That a row is one of these by name.
fn named(names: &[Name], number: Option<&String>, text: Option<&String>, variable: &str) -> String {
    let each: Vec<String> = names
        .iter()
        .map(|name| match name {
            Name::Number(given) => {
                let template = number.map_or("false", String::as_str);
                let with = Fill {
                    it: variable,
                    number: Some(*given),
                    ..Fill::default()
                };
                fill(template, with)
            }
            Name::Text(given) => {
                let template = text.map_or("false", String::as_str);
                let with = Fill {
                    it: variable,
                    value: given,
                    ..Fill::default()
                };
                fill(template, with)
            }
        })
        .collect();
    any_of(&each)
}

fn compared(value: &str, amount: Amount) -> String {
    match amount {
        Amount::Exactly(number) => format!("{value} == {number}"),
        Amount::AtLeast(number) => format!("{value} >= {number}"),
        Amount::AtMost(number) => format!("{value} <= {number}"),
        Amount::FewerThan(number) => format!("{value} < {number}"),
        Amount::MoreThan(number) => format!("{value} > {number}"),
        Amount::Between(low, high) => format!("{value} >= {low} && {value} <= {high}"),
    }
}
