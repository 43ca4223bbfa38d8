//! Starting states in words: "A repository acme/widgets with 5 open issues, 2 of them labelled
//! keep-open and last updated 3 weeks ago."
//!
//! A small grammar reads the Setup of a scenario with the words its clones declare, and makes seed
//! documents of it: the same words make the same documents. It seeds a clone only where it
//! understands every word; what it does not understand is quoted, never left out.
//!
//! - `words`: a text as words with their places. `amounts`: numbers and ages.
//! - `lexicon`: the words of the clones.
//! - `statement`: what can be said. `cursor`, `sentence`, `group`, `detail`: reading it.
//! - `rows`: the things that are said to be. `telling`: what each statement does to them;
//!   `filter`: which of them are meant; `agreement`: whether it all adds up.
//! - `document`: the seed document they are.

mod agreement;
mod amounts;
mod cursor;
mod detail;
mod document;
mod filter;
mod group;
mod lexicon;
mod rows;
mod sentence;
mod statement;
mod telling;
mod words;

#[cfg(test)]
mod tests;

use std::ops::Range;

use archal_core::clone::CloneDescriptor;
use serde_json::Value;

use lexicon::Lexicon;
use telling::Telling;

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// The starting state of one clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The clone.
    pub clone: String,
    /// A document of its seed schema.
    pub document: Value,
}

/// Something in a Setup that makes no state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misunderstood {
    /// Where it stands in the text.
    pub span: Range<usize>,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Reads a text with the words of `clones`. A clone of which it says nothing has no document.
///
/// # Errors
/// Every part that is not understood, and every part that contradicts another.
pub fn understand(
    text: &str,
    clones: &[&CloneDescriptor],
) -> Result<Vec<Said>, Vec<Misunderstood>> {
    if text.len() > MAX_BYTES {
        return Err(vec![Misunderstood {
            span: 0..text.len(),
            message: format!("a starting state in words has at most {MAX_BYTES} bytes"),
            help: None,
        }]);
    }
    let lexicon = Lexicon::of(clones).map_err(|message| {
        vec![Misunderstood {
            span: 0..text.len(),
            message,
            help: None,
        }]
    })?;
    let paragraphs = words::split(text);
    let mut statements = Vec::new();
    let mut problems = Vec::new();
    let mut spoken = sentence::Spoken::default();
    for paragraph in &paragraphs {
        match sentence::read(text, paragraph, &lexicon, &mut spoken) {
            Ok(read) => statements.extend(read),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut telling = Telling::new(&lexicon);
    for statement in &statements {
        telling.tell(statement).map_err(|problem| vec![problem])?;
    }
    let rows = telling.finish().map_err(|problem| vec![problem])?;
    Ok(document::documents(&lexicon, rows))
}
