//! Plain sentences compiled to CEL.
//!
//! `Exactly 4 issues are closed` becomes `size(github.issues.filter(i, i.state == "closed")) == 4`.
//! The words are those the clones declare, the grammar is here, and nothing that is not understood
//! is ever skipped: such a sentence is refused with the part that is not understood.
//!
//! *is* and *are* read the state at the end, *was* and *were* what changed during the run. A
//! sentence that can be read in both ways keeps both, so that a run on which they differ can say
//! so.
//!
//! - `token`, `lexicon`, `grammar`: from text to a `claim`.
//! - `template`, `emit`: from a claim to CEL. `print`: back to a sentence.
//! - `sense`: whether a claim can fail.
//! - `refusal`: why a sentence is not compiled. [`explain()`]: what became of one.

mod claim;
mod emit;
mod explain;
mod grammar;
mod lexicon;
mod print;
mod refusal;
mod sense;
mod template;
#[cfg(test)]
mod tests;
mod token;

use std::collections::BTreeSet;

use archal_core::diagnostic::Span;

pub use explain::{Explanation, Matched, explain};
pub use lexicon::Lexicon;
pub use refusal::Refusal;

use super::compile::{Compiled, compile};
use claim::{Claim, Voice};

/// A sentence as CEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The words.
    pub text: String,
    /// What decides it.
    pub cel: String,
    /// The same words written so that they have only one sense.
    pub canonical: String,
    /// Its two readings, where it has two.
    pub readings: Option<Readings>,
}

/// The two readings of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings {
    /// Of the state at the end.
    pub final_state: Reading,
    /// Of what changed during the run.
    pub change: Reading,
    /// Whether there is already something of that state, for each state that may have changed:
    /// CEL to ask of the untouched seed.
    pub present: Vec<Present>,
}

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its CEL.
    pub cel: String,
    /// How to write it so that there is no other reading.
    pub rewrite: String,
}

/// A question to the seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// What it asks, in words: `issues that are closed`.
    pub words: String,
    /// The CEL.
    pub cel: String,
}

/// Compiles a sentence.
///
/// # Errors
/// The part that is not understood and why.
pub fn compile_sentence(text: &str, lexicon: &Lexicon<'_>) -> Result<Sentence, Refusal> {
    let claim = grammar::parse(text, lexicon)?;
    sense::check(&claim, lexicon)
        .map_err(|(message, help)| Refusal::whole(text, message).with(help))?;
    let cel = emit::emit(&claim, lexicon);
    // Words of a vocabulary that do not fit its schema, and texts that CEL does not take.
    checked(text, &cel, lexicon)?;
    let readings = readings(text, &claim, lexicon)?;
    Ok(Sentence {
        text: text.to_owned(),
        canonical: print::print(&claim, lexicon),
        cel,
        readings,
    })
}

fn checked(text: &str, cel: &str, lexicon: &Lexicon<'_>) -> Result<Compiled, Refusal> {
    compile(cel, &lexicon.clones()).map_err(|diagnostics| {
        let why = diagnostics
            .first()
            .map_or_else(String::new, |first| first.message.clone());
        Refusal::whole(text, format!("it cannot be decided: {why}"))
            .with("write the condition as CEL in backticks")
    })
}

fn readings(text: &str, claim: &Claim, lexicon: &Lexicon<'_>) -> Result<Option<Readings>, Refusal> {
    if !claim.is_doubtful() {
        return Ok(None);
    }
    // A reading that no run decides is not what is meant.
    let has_sense = |voice: Voice| sense::check(&claim.read(voice), lexicon).is_ok();
    if !has_sense(Voice::Final) || !has_sense(Voice::Change) {
        return Ok(None);
    }
    let reading = |voice: Voice| -> Result<Reading, Refusal> {
        let claim = claim.read(voice);
        let cel = emit::emit(&claim, lexicon);
        checked(text, &cel, lexicon)?;
        Ok(Reading {
            cel,
            rewrite: print::print(&claim, lexicon),
        })
    };
    let final_state = reading(Voice::Final)?;
    let change = reading(Voice::Change)?;
    if final_state.cel == change.cel {
        return Ok(None);
    }
    let mut seen = BTreeSet::new();
    let present = claim
        .doubts()
        .into_iter()
        .map(|(noun, condition)| {
            let positive = Claim::Things {
                quantifier: claim::Quantifier::Exists,
                subject: claim::Phrase {
                    noun,
                    conditions: vec![claim::Condition::is(condition.what)],
                },
                predicate: Vec::new(),
            }
            .read(Voice::Final);
            Present {
                words: print::things(&positive, lexicon),
                cel: emit::emit(&positive, lexicon),
            }
        })
        .filter(|present| seen.insert(present.cel.clone()))
        .collect();
    Ok(Some(Readings {
        final_state,
        change,
        present,
    }))
}

/// Where a refused part stands in a file, for a sentence that begins at `start`.
pub fn place(refusal: &Refusal, start: usize) -> Span {
    Span {
        start: start + refusal.span.start,
        end: start + refusal.span.end,
    }
}
