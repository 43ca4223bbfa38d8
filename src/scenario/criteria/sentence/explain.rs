//! What became of a sentence, for `archal criteria explain`.

use schemars::JsonSchema;
use serde::Serialize;

use super::refusal::Refusal;
use super::token::tokens;
use super::{Lexicon, compile_sentence};

/// What became of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The sentence.
    pub sentence: String,
    /// The CEL that decides it; none where it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cel: Option<String>,
    /// The same said in the grammar's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Its two readings, where it has two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<ExplainedReading>,
    /// What each word was taken for.
    pub words: Vec<Matched>,
    /// Why it is not compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// One of two readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedReading {
    /// `finalState` or `change`.
    pub reading: &'static str,
    /// Whether the sentence is decided by it.
    pub decides: bool,
    /// The CEL.
    pub cel: String,
    /// How to write it so that there is no other.
    pub rewrite: String,
}

/// A word and what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Matched {
    /// As written.
    pub text: String,
    /// What it is.
    pub kind: &'static str,
    /// The clone that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone: Option<&'static str>,
}

/// Why a sentence is not compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The part that is not understood.
    pub part: String,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Why.
    pub message: String,
    /// The nearest known words, or how to say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Explains a sentence.
pub fn explain(text: &str, lexicon: &Lexicon<'_>) -> Explanation {
    let words = words(text, lexicon);
    match compile_sentence(text, lexicon) {
        Ok(sentence) => {
            let readings = sentence.readings.iter().flat_map(|readings| {
                [
                    ("finalState", &readings.final_state),
                    ("change", &readings.change),
                ]
            });
            let readings = readings
                .map(|(name, reading)| ExplainedReading {
                    reading: name,
                    decides: reading.cel == sentence.cel,
                    cel: reading.cel.clone(),
                    rewrite: reading.rewrite.clone(),
                })
                .collect();
            Explanation {
                sentence: text.to_owned(),
                readings,
                cel: Some(sentence.cel),
                canonical: Some(sentence.canonical),
                words,
                refused: None,
            }
        }
        Err(refusal) => Explanation {
            sentence: text.to_owned(),
            cel: None,
            canonical: None,
            readings: Vec::new(),
            words,
            refused: Some(refused(text, refusal)),
        },
    }
}

fn refused(text: &str, refusal: Refusal) -> Refused {
    Refused {
        part: refusal.part(text).to_owned(),
        start: refusal.span.start,
        end: refusal.span.end,
        message: refusal.message,
        help: refusal.help,
    }
}

/// What each token is by itself; which of its senses was taken is in the CEL.
fn words(text: &str, lexicon: &Lexicon<'_>) -> Vec<Matched> {
    let Ok(tokens) = tokens(text) else {
        return Vec::new();
    };
    let mut at = 0;
    let mut matched = Vec::new();
    while at < tokens.len() {
        let (kind, clone, length) = lexicon.sense_of(&tokens[at..]);
        let end = tokens[at + length - 1].span.end;
        matched.push(Matched {
            text: text[tokens[at].span.start..end].to_owned(),
            kind,
            clone,
        });
        at += length;
    }
    matched
}
