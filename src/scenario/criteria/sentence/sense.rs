//! Whether a claim can fail and can hold: `No closed issues are open` is true of every run.
//!
//! What the conditions on one row say of its columns is compared; a condition that is not
//! understood so stands for itself. What is found is certain, what is not found may still be.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::vocabulary::{Change, Noun, Relation};

use super::claim::{
    Amount, Claim, Condition, Name, NounId, Phrase, Quantifier, Target, Test, What,
};
use super::claim::{Given, Voice};
use super::lexicon::Lexicon;
use super::template::{Fill, fill};

/// Where a row is: only new, only gone, there before and after and different, or the same.
const ADDED: u8 = 1;
const REMOVED: u8 = 2;
const CHANGED: u8 = 4;
const ANYWHERE: u8 = 15;

/// Why a claim has no sense, with what to write instead.
pub(super) type Fault = (&'static str, &'static str);

const BOTH: Fault = (
    "nothing can be both, so that no run decides this",
    "leave one of them out, or say what changed: `… were closed`",
);
const ALREADY: Fault = (
    "what is said of the things is what narrows them already, so that no run decides this",
    "leave one of them out, or say how many there are: `At least 1 … exists`",
);

/// That a claim is not decided by its words alone.
pub(super) fn check(claim: &Claim, lexicon: &Lexicon<'_>) -> Result<(), Fault> {
    match claim {
        Claim::Things {
            quantifier,
            subject,
            predicate,
        } => {
            let of_subject = facts(subject.noun, &subject.conditions, lexicon)?;
            let said = facts(subject.noun, predicate, lexicon)?;
            let mut both = of_subject.clone();
            both.join(&said);
            if both.is_impossible() {
                return Err(BOTH);
            }
            let noun = lexicon.noun(subject.noun);
            let is_implied = |facts: &Facts, conditions: &[Condition]| {
                !conditions.is_empty()
                    && conditions
                        .iter()
                        .all(|condition| facts.imply(noun, condition))
            };
            let is_already = match quantifier {
                Quantifier::Only => {
                    is_implied(&said, &subject.conditions) || is_implied(&of_subject, predicate)
                }
                // `No new issues are created` says twice what is counted, no more.
                Quantifier::Count(_) | Quantifier::None | Quantifier::Exists
                    if predicate
                        .iter()
                        .all(|each| known(noun, &each.what).place == ADDED) =>
                {
                    false
                }
                _ => is_implied(&of_subject, predicate),
            };
            if is_already { Err(ALREADY) } else { Ok(()) }
        }
        Claim::Sum { subject, .. } => {
            facts(subject.noun, &subject.conditions, lexicon)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What is said of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Atom {
    column: String,
    value: String,
    is: bool,
}

impl Atom {
    fn new(column: impl Into<String>, value: impl Into<String>, is: bool) -> Self {
        let (value, is) = match (value.into(), is) {
            (value, false) if value == "true" => ("false".to_owned(), true),
            (value, false) if value == "false" => ("true".to_owned(), true),
            (value, is) => (value, is),
        };
        Self {
            column: column.into(),
            value,
            is,
        }
    }

    /// A condition that is only known to be the same as itself.
    fn itself(text: impl Into<String>) -> Self {
        Self::new(text, "true", true)
    }

    fn opposite(&self) -> Self {
        Self::new(&self.column, &self.value, !self.is)
    }
}

/// What is known of one row.
#[derive(Debug, Clone)]
struct Facts {
    atoms: Vec<Atom>,
    place: u8,
    /// The values of the columns of which the vocabulary names several.
    domains: BTreeMap<String, BTreeSet<String>>,
}

impl Facts {
    fn join(&mut self, other: &Self) {
        self.atoms.extend(other.atoms.iter().cloned());
        self.place &= other.place;
    }

    fn with(&self, atoms: impl IntoIterator<Item = Atom>, place: u8) -> Self {
        let mut facts = self.clone();
        facts.atoms.extend(atoms);
        facts.place &= place;
        facts
    }

    fn is_impossible(&self) -> bool {
        let columns: BTreeSet<&str> = self.atoms.iter().map(|atom| atom.column.as_str()).collect();
        self.place == 0
            || columns.into_iter().any(|column| {
                let of = |is: bool| -> BTreeSet<&str> {
                    self.atoms
                        .iter()
                        .filter(|atom| atom.column == column && atom.is == is)
                        .map(|atom| atom.value.as_str())
                        .collect()
                };
                let (is, is_not) = (of(true), of(false));
                let is_left = self.domains.get(column).is_none_or(|values| {
                    values.len() < 2 || values.iter().any(|value| !is_not.contains(value.as_str()))
                });
                is.len() > 1 || !is.is_disjoint(&is_not) || (is.is_empty() && !is_left)
            })
    }

    /// Whether a condition is so of each row of which these are known.
    fn imply(&self, noun: &Noun, condition: &Condition) -> bool {
        let known = known(noun, &condition.what);
        if condition.negated {
            let all = known.says.into_iter().chain(known.implies);
            self.with(all, known.place).is_impossible()
        } else {
            known
                .says
                .iter()
                .all(|atom| self.with([atom.opposite()], ANYWHERE).is_impossible())
        }
    }
}

/// What conditions say of a row, and that what they say of its parts and its place can be.
fn facts(id: NounId, conditions: &[Condition], lexicon: &Lexicon<'_>) -> Result<Facts, Fault> {
    let noun = lexicon.noun(id);
    let mut facts = Facts {
        atoms: Vec::new(),
        place: ANYWHERE,
        domains: domains(noun),
    };
    for condition in conditions {
        let inner: Option<&Phrase> = match &condition.what {
            What::Has { parts, .. } => Some(parts),
            What::Parent {
                target: Target::Things(phrase),
                ..
            } => Some(phrase),
            _ => None,
        };
        if let Some(inner) = inner {
            self::facts(inner.noun, &inner.conditions, lexicon)?;
        }
        let known = known(noun, &condition.what);
        match (condition.negated, &known.says[..]) {
            (false, _) => {
                facts.place &= known.place;
                facts
                    .atoms
                    .extend(known.says.into_iter().chain(known.implies));
            }
            (true, [one]) => facts.atoms.push(one.opposite()),
            // Not all of several: which is left open.
            (true, _) => {}
        }
    }
    if facts.is_impossible() {
        return Err(BOTH);
    }
    Ok(facts)
}

/// What one condition says.
struct Known {
    /// What it is.
    says: Vec<Atom>,
    /// What follows from it.
    implies: Vec<Atom>,
    place: u8,
}

impl Known {
    fn says(says: Vec<Atom>) -> Self {
        Self {
            says,
            implies: Vec::new(),
            place: ANYWHERE,
        }
    }
}

fn known(noun: &Noun, what: &What) -> Known {
    match what {
        What::State { state, tense, verb } => match verb {
            Some(verb) if tense.voice == Voice::Change => happened(noun, *verb),
            _ => Known::says(atoms(&noun.states[*state].is)),
        },
        What::Happened { verb } => happened(noun, *verb),
        What::New => Known {
            place: ADDED,
            ..Known::says(vec![Atom::itself("added")])
        },
        What::Relation {
            relation,
            test,
            tense,
        } => {
            let own = related(&noun.relations[*relation], *relation, test);
            if tense.voice == Voice::Final {
                return own;
            }
            Known {
                says: vec![Atom::itself(format!("became {relation} {test:?}"))],
                implies: own.says.into_iter().chain(own.implies).collect(),
                place: ADDED | CHANGED,
            }
        }
        What::Has { amount, parts } => has(*amount, parts),
        What::Named(_) | What::Parent { .. } => Known {
            implies: place(what),
            ..Known::says(vec![Atom::itself(format!("{what:?}"))])
        },
    }
}

/// Where it is, by one name: in no two places at once. `webapp` may be `acme/webapp`, and is not `api`.
fn place(what: &What) -> Vec<Atom> {
    let What::Parent {
        parent,
        target: Target::Named(names),
    } = what
    else {
        return Vec::new();
    };
    let [name] = &names[..] else {
        return Vec::new();
    };
    match name {
        Name::Number(number) => {
            vec![Atom::new(
                format!("numbered place {parent}"),
                number.to_string(),
                true,
            )]
        }
        Name::Text(text) => {
            let (owner, short) = match text.rsplit_once('/') {
                Some((_, short)) => (Some(text), short),
                None => (None, text.as_str()),
            };
            let owner = owner.map(|whole| Atom::new(format!("whole place {parent}"), whole, true));
            let short = Atom::new(format!("place {parent}"), short, true);
            owner.into_iter().chain([short]).collect()
        }
    }
}

fn happened(noun: &Noun, verb: usize) -> Known {
    let mut own = Known::says(vec![Atom::itself(format!("verb {verb}"))]);
    // Other verbs whose change is this change, too.
    let edits = |fields: Option<&[String]>| -> Vec<Atom> {
        noun.verbs
            .iter()
            .enumerate()
            .filter_map(move |(at, other)| {
                let Change::Edited(of_other) = &other.change else {
                    return None;
                };
                let is_part = fields.is_some_and(|fields| {
                    !fields.is_empty() && fields.iter().all(|field| of_other.contains(field))
                });
                (of_other.is_empty() || is_part).then(|| Atom::itself(format!("verb {at}")))
            })
            .collect()
    };
    match &noun.verbs[verb].change {
        Change::Added => {
            own.says = vec![Atom::itself("added")];
            own.place = ADDED;
        }
        Change::Removed => own.place = REMOVED,
        Change::Becomes(condition) => {
            own.implies = atoms(condition);
            own.place = ADDED | CHANGED;
        }
        Change::Turns(condition) => {
            own.implies = atoms(condition);
            own.implies.extend(edits(None));
            own.place = CHANGED;
        }
        Change::Edited(fields) => {
            own.implies.extend(edits(Some(fields)));
            own.place = CHANGED;
        }
        Change::Gains(_) => {}
    }
    own
}

/// What a relation says: of its column where it has one value, and whether there is one at all.
fn related(relation: &Relation, at: usize, test: &Test) -> Known {
    let any = || relation.any.as_deref().map(atoms).unwrap_or_default();
    let itself = || vec![Atom::itself(format!("relation {at} {test:?}"))];
    match test {
        Test::Any => Known::says(any()),
        Test::Is { values, all } => {
            let texts: Option<Vec<&String>> = values
                .iter()
                .map(|value| match value {
                    Given::Text(text) => Some(text),
                    Given::Number(_) => None,
                })
                .collect();
            let says = match texts {
                Some(texts) if *all || texts.len() == 1 => texts
                    .into_iter()
                    .flat_map(|value| {
                        let with = Fill {
                            it: "it",
                            value,
                            ..Fill::default()
                        };
                        atoms(&fill(&relation.is, with))
                    })
                    .collect(),
                _ => itself(),
            };
            Known {
                implies: any(),
                ..Known::says(says)
            }
        }
        Test::Contains { .. } => Known {
            implies: any(),
            ..Known::says(itself())
        },
        Test::Size(amount) => match (least(*amount), most(*amount)) {
            (1, None) if relation.any.is_some() => Known::says(any()),
            (1.., _) => Known {
                implies: any(),
                ..Known::says(itself())
            },
            (_, Some(0)) => match &any()[..] {
                [one] => Known::says(vec![one.opposite()]),
                _ => Known::says(itself()),
            },
            _ => Known::says(itself()),
        },
    }
}

/// That there are parts: with all that narrows them, and so with each of it and with nothing.
fn has(amount: Amount, parts: &Phrase) -> Known {
    let some =
        |conditions: &[Condition]| Atom::itself(format!("has {:?} {conditions:?}", parts.noun));
    let says = if amount == Amount::AtLeast(1) {
        some(&parts.conditions)
    } else {
        Atom::itself(format!("has {amount:?} {parts:?}"))
    };
    let mut implies = Vec::new();
    if least(amount) > 0 {
        implies.push(some(&[]));
        implies.push(some(&parts.conditions));
        implies.extend(
            parts
                .conditions
                .iter()
                .map(|one| some(std::slice::from_ref(one))),
        );
    }
    Known {
        implies,
        ..Known::says(vec![says])
    }
}

fn least(amount: Amount) -> i64 {
    match amount {
        Amount::Exactly(number) | Amount::AtLeast(number) | Amount::Between(number, _) => number,
        Amount::MoreThan(number) => number.saturating_add(1),
        Amount::AtMost(_) | Amount::FewerThan(_) => 0,
    }
}

fn most(amount: Amount) -> Option<i64> {
    match amount {
        Amount::Exactly(number) | Amount::AtMost(number) | Amount::Between(_, number) => {
            Some(number)
        }
        Amount::FewerThan(number) => Some(number.saturating_sub(1)),
        Amount::AtLeast(_) | Amount::MoreThan(_) => None,
    }
}

/// The values that the states of a noun name, by column.
fn domains(noun: &Noun) -> BTreeMap<String, BTreeSet<String>> {
    let mut domains: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let alone = noun.states.iter().map(|state| atoms(&state.is));
    for atoms in alone {
        // A column that is only named beside another may have more values.
        if let [
            Atom {
                column,
                value,
                is: true,
            },
        ] = &atoms[..]
            && value.starts_with('"')
        {
            domains
                .entry(column.clone())
                .or_default()
                .insert(value.clone());
        }
    }
    domains
}

/// What a condition in CEL says of columns, each of which must be so.
fn atoms(condition: &str) -> Vec<Atom> {
    let is_path = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
    };
    joined(condition)
        .into_iter()
        .map(|part| {
            if is_path(part) {
                return Atom::new(part, "true", true);
            }
            if let Some(path) = part.strip_prefix('!').filter(|path| is_path(path)) {
                return Atom::new(path, "false", true);
            }
            let size = part.strip_prefix("size(");
            if let Some(path) = size.and_then(|rest| rest.strip_suffix(") > 0")) {
                return Atom::new(path, "empty", false);
            }
            if let Some(path) = size.and_then(|rest| rest.strip_suffix(") == 0")) {
                return Atom::new(path, "empty", true);
            }
            for (sign, is) in [(" == ", true), (" != ", false)] {
                if let Some((path, value)) = part.split_once(sign)
                    && is_path(path)
                {
                    return Atom::new(path, value, is);
                }
            }
            Atom::itself(part)
        })
        .collect()
}

/// The parts of a condition that `&&` joins; the whole where there is another join.
fn joined(condition: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    let (mut in_text, mut escaped) = (false, false);
    for (at, c) in condition.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '|' | '?' if depth == 0 => return vec![condition],
            '&' if depth == 0 && condition[at..].starts_with("&& ") => {
                parts.push(condition[start..at].trim());
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(condition[start..].trim());
    parts
}
