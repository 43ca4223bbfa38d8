//! The words of the clones of a scenario, as the grammar looks them up.

use archal_core::clone::vocabulary::{Change, Noun, NounSeed, Vocabulary};
use archal_core::clone::{CloneDescriptor, FieldKind, SeedField, SeedTable};

/// A noun of a clone, by the clone's and its own place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NounId {
    pub(super) clone: usize,
    noun: usize,
}

/// The words of one clone.
#[derive(Debug)]
pub(super) struct CloneWords {
    pub(super) name: &'static str,
    pub(super) tables: &'static [SeedTable],
    pub(super) vocabulary: Vocabulary,
}

/// All words.
#[derive(Debug)]
pub(super) struct Lexicon {
    pub(super) clones: Vec<CloneWords>,
}

impl Lexicon {
    /// The words of these clones.
    pub(super) fn of(clones: &[&CloneDescriptor]) -> Result<Self, String> {
        let mut found = Vec::new();
        for clone in clones {
            let vocabulary = Vocabulary::parse(clone.name, clone.vocabulary)
                .map_err(|error| format!("{error}: {}", error.source))?;
            found.push(CloneWords {
                name: clone.name,
                tables: clone.tables,
                vocabulary,
            });
        }
        Ok(Self { clones: found })
    }

    /// Every noun of which a starting state can say something.
    pub(super) fn nouns(&self) -> impl Iterator<Item = NounId> {
        let clones = self.clones.iter().enumerate();
        clones.flat_map(|(clone, words)| {
            let nouns = words.vocabulary.nouns.iter().enumerate();
            nouns
                .filter(|(_, noun)| noun.seed.is_some())
                .map(move |(noun, _)| NounId { clone, noun })
        })
    }

    pub(super) fn noun(&self, id: NounId) -> &Noun {
        &self.clones[id.clone].vocabulary.nouns[id.noun]
    }

    /// What starting states say of a noun; every id is of a noun that has it.
    pub(super) fn seed(&self, id: NounId) -> &NounSeed {
        static NONE: NounSeed = NounSeed {
            table: String::new(),
            name: None,
            number: None,
            counted_with: None,
            created: None,
            updated: None,
            times: Vec::new(),
            age: None,
            owner: None,
        };
        self.noun(id).seed.as_ref().unwrap_or(&NONE)
    }

    /// The noun of the same clone whose first singular that is.
    pub(super) fn called(&self, clone: usize, singular: &str) -> Option<NounId> {
        self.nouns()
            .find(|id| id.clone == clone && self.noun(*id).singular() == singular)
    }

    /// The noun of the same clone whose rows are in that table and have a name.
    pub(super) fn of_table(&self, clone: usize, table: &str) -> Option<NounId> {
        self.nouns().find(|id| {
            let seed = self.seed(*id);
            id.clone == clone && seed.table == table && seed.name.is_some()
        })
    }

    /// The noun whose numbers a noun shares: its own where it says nothing else.
    pub(super) fn series(&self, id: NounId) -> NounId {
        let with = self.seed(id).counted_with.as_deref();
        with.and_then(|noun| self.called(id.clone, noun))
            .unwrap_or(id)
    }

    /// What a noun belongs to, and the column that says so.
    pub(super) fn parent(&self, id: NounId) -> Option<(NounId, &str)> {
        self.noun(id).parents.iter().find_map(|parent| {
            let column = parent.seed.as_deref()?;
            Some((self.called(id.clone, &parent.noun)?, column))
        })
    }

    pub(super) fn table(&self, id: NounId) -> Option<&'static SeedTable> {
        let wanted = &self.seed(id).table;
        let mut tables = self.clones[id.clone].tables.iter();
        tables.find(|table| table.name == *wanted)
    }

    pub(super) fn column(&self, id: NounId, name: &str) -> Option<&'static SeedField> {
        let mut fields = self.table(id)?.fields.iter();
        fields.find(|field| field.name == name)
    }

    /// Whether a column holds a list.
    pub(super) fn is_list(&self, id: NounId, column: &str) -> bool {
        self.column(id, column)
            .is_some_and(|field| matches!(field.kind, FieldKind::List(_)))
    }

    /// Of what the values of a relation must be rows: what the column refers to, or the noun that
    /// the relation is called by and that belongs where this one does.
    pub(super) fn target(&self, id: NounId, relation: usize) -> Option<NounId> {
        let relation = &self.noun(id).relations[relation];
        let column = self.column(id, relation.seed.as_deref()?)?;
        if let Some(table) = column.references {
            return self.of_table(id.clone, table);
        }
        let target = relation
            .nouns
            .iter()
            .find_map(|word| self.called(id.clone, word))?;
        let same =
            self.parent(target).map(|(noun, _)| noun) == self.parent(id).map(|(noun, _)| noun);
        (same && target != id).then_some(target)
    }

    /// Words that are said of the moments of a noun: the word, the column, what else it says.
    pub(super) fn times(&self, id: NounId) -> Vec<TimeWords<'_>> {
        let noun = self.noun(id);
        let seed = self.seed(id);
        let mut found = Vec::new();
        for time in &seed.times {
            found.push(TimeWords {
                words: time.words.iter().map(String::as_str).collect(),
                column: &time.column,
                sets: Some(&time.sets),
            });
        }
        for verb in &noun.verbs {
            let words = verb.past.iter().map(String::as_str).collect();
            let column = match &verb.change {
                Change::Added => seed.created.as_deref(),
                Change::Edited(_) => seed.updated.as_deref(),
                _ => None,
            };
            if let Some(column) = column {
                found.push(TimeWords {
                    words,
                    column,
                    sets: None,
                });
            }
        }
        found
    }

    /// Every word that stands for something, for the nearest right spelling.
    pub(super) fn all_words(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for id in self.nouns() {
            let noun = self.noun(id);
            found.extend(noun.words.iter().flatten().map(String::as_str));
            let states = noun.states.iter().filter(|state| !state.seed.is_empty());
            found.extend(states.flat_map(|state| state.words.iter().map(String::as_str)));
            let relations = noun.relations.iter().filter(|one| one.seed.is_some());
            found.extend(relations.flat_map(|one| one.phrases.iter().map(String::as_str)));
        }
        found.retain(|word| !word.contains(' '));
        found
    }
}

/// Words for a moment.
pub(super) struct TimeWords<'l> {
    pub(super) words: Vec<&'l str>,
    pub(super) column: &'l str,
    pub(super) sets: Option<&'l std::collections::BTreeMap<String, serde_json::Value>>,
}
