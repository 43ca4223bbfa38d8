//! What is so of one row, in CEL.

use archal_core::clone::vocabulary::{Change, Noun};

use super::super::claim::{Amount, Condition, Given, NounId, Phrase, Target, Test, Voice, What};
use super::super::template::{Fill, all_of, any_of, fill, not};
use super::{Emitter, compared, it, named};

impl Emitter<'_> {
    pub(super) fn condition(
        &mut self,
        id: NounId,
        condition: &Condition,
        variable: &str,
    ) -> String {
        let text = self.what(id, &condition.what, variable);
        if condition.negated { not(&text) } else { text }
    }

    fn what(&mut self, id: NounId, what: &What, variable: &str) -> String {
        let noun = self.lexicon.noun(id);
        match what {
            What::Named(names) => named(
                names,
                noun.named.number.as_ref(),
                noun.named.text.as_ref(),
                variable,
            ),
            What::State { state, tense, .. } if tense.voice == Voice::Final => {
                fill(&noun.states[*state].is, it(variable))
            }
            What::Relation {
                relation,
                test,
                tense,
            } if tense.voice == Voice::Final => self.test(noun, *relation, test, variable),
            What::State { .. } | What::Relation { .. } | What::Happened { .. } | What::New => {
                self.changed(id, what, variable)
            }
            What::Parent { parent, target } => self.parent(id, *parent, target, variable),
            What::Has { amount, parts } => self.has(id, *amount, parts, variable),
        }
    }

    /// That a change happened to the row `variable`.
    fn changed(&mut self, id: NounId, what: &What, variable: &str) -> String {
        let change = self.change_of(id, what);
        if let Change::Gains(part) = &change {
            return self.gains(id, part, variable);
        }
        let depth = self.scopes.len();
        let own = self.variable(self.lexicon.noun(id));
        let rows = self.event(id, &change, &own).rows();
        self.scopes.truncate(depth);
        let key = &self.lexicon.noun(id).key;
        format!("{variable}.{key} in {rows}.map({own}, {own}.{key})")
    }

    pub(super) fn test(&self, noun: &Noun, relation: usize, test: &Test, it_is: &str) -> String {
        let relation = &noun.relations[relation];
        let each = |template: &str, value: &Given| {
            let with = match value {
                Given::Text(text) => Fill {
                    it: it_is,
                    value: text,
                    ..Fill::default()
                },
                Given::Number(number) => Fill {
                    it: it_is,
                    number: Some(*number),
                    ..Fill::default()
                },
            };
            fill(template, with)
        };
        match test {
            Test::Is { values, all } => {
                let texts: Vec<String> = values
                    .iter()
                    .map(|value| each(&relation.is, value))
                    .collect();
                if *all { all_of(&texts) } else { any_of(&texts) }
            }
            Test::Contains { values, all } => {
                let template = relation.contains.as_deref().unwrap_or("false");
                let texts: Vec<String> = values
                    .iter()
                    .map(|value| each(template, &Given::Text(value.clone())))
                    .collect();
                if *all { all_of(&texts) } else { any_of(&texts) }
            }
            Test::Any => fill(relation.any.as_deref().unwrap_or("false"), it(it_is)),
            Test::Size(amount) => {
                let size = fill(relation.size.as_deref().unwrap_or("0"), it(it_is));
                compared(&size, *amount)
            }
        }
    }

    fn parent(&mut self, id: NounId, at: usize, target: &Target, variable: &str) -> String {
        let parent = &self.lexicon.noun(id).parents[at];
        match target {
            Target::Named(names) => named(
                names,
                parent.number.as_ref(),
                parent.text.as_ref(),
                variable,
            ),
            Target::OtherThan(names) => not(&named(
                names,
                parent.number.as_ref(),
                parent.text.as_ref(),
                variable,
            )),
            Target::Things(phrase) => {
                let depth = self.scopes.len();
                let conditions: Vec<&Condition> = phrase.conditions.iter().collect();
                let mut owners = self.set(phrase.noun, &conditions);
                let with = Fill {
                    it: variable,
                    parent: &owners.variable,
                    ..Fill::default()
                };
                owners.conditions.insert(0, fill(&parent.link, with));
                self.scopes.truncate(depth);
                owners.exists()
            }
        }
    }

    fn has(&mut self, id: NounId, amount: Amount, parts: &Phrase, variable: &str) -> String {
        let depth = self.scopes.len();
        let conditions: Vec<&Condition> = parts.conditions.iter().collect();
        let mut set = self.set(parts.noun, &conditions);
        let link = self.link(parts.noun, id, &set.variable, variable);
        set.conditions.insert(0, link);
        self.scopes.truncate(depth);
        match amount {
            Amount::AtLeast(1) => set.exists(),
            amount => compared(&set.size(), amount),
        }
    }
}
