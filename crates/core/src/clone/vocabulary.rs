//! The words a clone declares for what is in it: what sentences about its state are made of.
//!
//! A vocabulary is data that comes with the clone, a JSON document. The grammar of sentences
//! knows none of these words, and the vocabulary knows no grammar: it says which collection a
//! noun stands for, which CEL condition a state or a relation is, and what in the difference
//! between two states a verb is about.
//!
//! In conditions `it` is the row spoken of, `parent` the row it belongs to, `$value` the text
//! and `$number` the whole number that the sentence gives. Variables of macros in them have names
//! of two letters or more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The words of a clone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Further names of the service, beside the clone's own: `GitHub` is `github` in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<String>,
    /// The kinds of things.
    #[serde(default)]
    pub nouns: Vec<Noun>,
    /// Names by which agents know operations, beside the ids: names of tools.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, String>,
    /// The rows that every starting state in words has, by table: who the agent is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub base: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
}

/// A kind of things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noun {
    /// Singular and plural, the first pair being the one used in answers.
    pub words: Vec<[String; 2]>,
    /// The collection of the criteria view.
    pub collection: String,
    /// Which rows of the collection it is, where it is not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The field that no two rows share.
    pub key: String,
    /// How one of them is named.
    #[serde(default)]
    pub named: Named,
    /// What may be true of one: closed, unlabelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    /// What one may have or be in relation to: a label, a title, an author.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// What may happen to one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<Verb>,
    /// What it is part of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Parent>,
    /// What can be summed up over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<Quantity>,
    /// What starting states say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<NounSeed>,
}

/// How one thing is named: `issue #7`, `the label "stale"`, `#engineering`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// By its number, a condition with `$number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// By its name, a condition with `$value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The character that stands before its name where the noun is left out: `#`, `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigil: Option<char>,
}

/// What may be true of a thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// How it is said: `closed`. One that is a participle of a [`Verb`] too, can be read as the
    /// final state or as the change.
    pub words: Vec<String>,
    /// The condition.
    pub is: String,
    /// The columns of a starting state that make it so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seed: BTreeMap<String, Value>,
}

/// What a thing has, or is in relation to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// What stands after with, without, has and have: `label`, `labels`, `title`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nouns: Vec<String>,
    /// What stands before its value: `labelled`, `titled`, `by`, `assigned to`, `older than`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<String>,
    /// What kind of value it takes.
    #[serde(default)]
    pub value: ValueKind,
    /// The condition, with `$value` or `$number`.
    pub is: String,
    /// The condition that a part of its text is `$value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// The condition that it has one at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<String>,
    /// How many it has, where it can have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Whether `was labelled "x"` is a change that a run makes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub change: bool,
    /// The column of a starting state that holds it; a list where it can have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

/// What a relation's value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// Text: quoted, or one bare word.
    #[default]
    Text,
    /// A person or bot: text, with or without `@`.
    Person,
    /// A whole number.
    Number,
    /// A length of time, in days.
    Days,
    /// An amount of money, in minor units.
    Money,
}

/// What may happen to a thing during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verb {
    /// The participle: `closed`.
    pub past: Vec<String>,
    /// What the agent does: `close`, `closes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub active: Vec<String>,
    /// How it reads in the difference.
    pub change: Change,
}

/// How a verb reads in the difference between the states before and after a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Change {
    /// The row is new.
    Added,
    /// The row is gone.
    Removed,
    /// The row did not satisfy the condition before, or was not there, and does now.
    Becomes(String),
    /// The row was there, did not satisfy the condition and does now.
    Turns(String),
    /// One of these fields of the row is different; any field where none is named.
    Edited(Vec<String>),
    /// The row got a new one of that noun, whose parent it is.
    Gains(String),
}

/// What a thing is part of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// The noun, in the singular.
    pub noun: String,
    /// What stands before it: `on`, `in`.
    pub words: Vec<String>,
    /// The condition that `it` belongs to `parent`.
    pub link: String,
    /// The condition that it belongs to the one of that number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The condition that it belongs to the one of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The column of a starting state that holds the parent's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

/// What can be summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Its names: `amount`.
    pub words: Vec<String>,
    /// The number in a row.
    pub of: String,
    /// The currency of a row, lower case, where the number is money in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// What starting states say of a noun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NounSeed {
    /// The table of the seed document.
    pub table: String,
    /// The column that holds the name by which one is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The column that holds the number by which one is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The noun, in the singular, whose numbers it shares: pull requests are counted with issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_with: Option<String>,
    /// The column that holds when it was made, which its age is told from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The column that holds when it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Further moments of which an age can be said: when it was closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<SeedTime>,
    /// How many days old one is of which nothing is said, where what belongs to it is younger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u32>,
    /// Whose it is, where its name is `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<SeedOwner>,
}

/// A moment in the life of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedTime {
    /// The words before its age: `closed`, in `closed 3 days ago`.
    pub words: Vec<String>,
    /// The column.
    pub column: String,
    /// What a thing of which it is said is: closed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, Value>,
}

/// What stands before the slash in the name of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedOwner {
    /// Its noun, in the singular.
    pub noun: String,
    /// What it is where nothing else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, Value>,
}

/// A vocabulary that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the vocabulary of the {clone} clone cannot be read")]
pub struct VocabularyError {
    /// The clone.
    pub clone: String,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

impl Vocabulary {
    /// Reads the vocabulary of a clone; the empty text is one without words.
    ///
    /// # Errors
    /// Where it is not a document of this shape.
    pub fn parse(clone: &str, text: &str) -> Result<Self, VocabularyError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|source| VocabularyError {
            clone: clone.to_owned(),
            source,
        })
    }

    /// The noun whose first singular is `singular`.
    pub fn noun(&self, singular: &str) -> Option<&Noun> {
        self.nouns.iter().find(|noun| noun.singular() == singular)
    }
}

impl Noun {
    /// The word for one.
    pub fn singular(&self) -> &str {
        self.words.first().map_or("", |[singular, _]| singular)
    }

    /// The word for several.
    pub fn plural(&self) -> &str {
        self.words.first().map_or("", |[_, plural]| plural)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_without_words_has_an_empty_vocabulary() {
        assert_eq!(
            Vocabulary::parse("chat", "").expect("no words"),
            Vocabulary::default()
        );
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let text =
            r#"{"nouns": [{"words": [["issue", "issues"]], "colection": "issues", "key": "id"}]}"#;
        let error = Vocabulary::parse("tracker", text).expect_err("a misspelt key");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(
            source.is_some_and(|source| source.contains("colection")),
            "{error}"
        );
    }

    #[test]
    fn a_noun_answers_with_its_first_words() {
        let text = r#"{"nouns": [{"words": [["issue", "issues"], ["ticket", "tickets"]],
            "collection": "issues", "key": "id",
            "verbs": [{"past": ["closed"], "change": {"becomes": "it.state == \"closed\""}},
                {"past": ["created"], "change": "added"}]}]}"#;
        let vocabulary = Vocabulary::parse("tracker", text).expect("a vocabulary");
        let noun = vocabulary.noun("issue").expect("the noun");
        assert_eq!(noun.plural(), "issues");
        assert_eq!(noun.verbs[1].change, Change::Added);
        assert!(vocabulary.noun("ticket").is_none());
    }
}
