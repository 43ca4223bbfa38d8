//! New names and numbers, put into texts.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::id::IdSource;

/// What a number of a row follows where a text names the row.
const BEFORE_A_NUMBER: &[&str] = &[
    "#",
    "issue ",
    "issues/",
    "pull request ",
    "pull/",
    "pulls/",
    "pr ",
];

/// New names and numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renaming {
    /// New names, by the old ones in lower case.
    pub names: BTreeMap<String, String>,
    /// The numbers that rows have.
    pub numbers: BTreeSet<i64>,
    /// What is added to each of them.
    pub shift: i64,
}

impl Renaming {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.shift == 0
    }

    /// Gives a name another one, which no row has.
    pub fn rename(&mut self, name: &str, ids: &dyn IdSource) {
        let old = name.to_lowercase();
        if self.names.contains_key(&old) {
            return;
        }
        let new = fresh(ids);
        let is_taken = self.names.values().any(|other| *other == new);
        if !is_taken {
            self.names.insert(old, new);
        }
    }

    /// The number that a row's number becomes.
    pub fn number(&self, number: i64) -> i64 {
        match self.numbers.contains(&number) {
            true => number.saturating_add(self.shift),
            false => number,
        }
    }

    /// A text with the new names, where they stand as whole words, and the new numbers, where the
    /// text says that they are of rows: `acme/webapp#7`, `issue 7`, `/issues/7`.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            let before = &text[..text.len() - rest.len()];
            match (self.names.get(&word.to_lowercase()), word.parse::<i64>()) {
                (Some(new), _) => out.push_str(new),
                (None, Ok(number)) if names_a_row(before) => {
                    out.push_str(&self.number(number).to_string());
                }
                _ => out.push_str(word),
            }
            let between = after.find(is_of_word).unwrap_or(after.len());
            out.push_str(&after[..between]);
            rest = &after[between..];
        }
        out
    }
}

/// A name that says nothing.
pub fn fresh(ids: &dyn IdSource) -> String {
    format!("n{:08x}", ids.next() & 0xffff_ffff)
}

/// Whether a character can be part of a name.
pub fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

fn names_a_row(before: &str) -> bool {
    // The longest of them is short; what stands further off says nothing.
    let start = before.len().saturating_sub(16);
    let start = (start..=before.len()).find(|at| before.is_char_boundary(*at));
    let before = before[start.unwrap_or(before.len())..].to_lowercase();
    BEFORE_A_NUMBER.iter().any(|word| before.ends_with(word))
}
