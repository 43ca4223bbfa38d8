//! What users add to the rules: patterns of their own secrets, and values that are none.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// An expression that compiles to more is refused; linear-time all the same, it would be slow.
const SIZE_LIMIT: usize = 2 << 20;

/// What a redactor does besides the rules that everybody has.
#[derive(Debug, Clone, Default)]
pub struct RedactionOptions {
    /// Whether people's names and addresses are replaced by pseudonyms.
    pub personal: bool,
    /// Secrets that only this user knows.
    pub patterns: Vec<SecretPattern>,
    /// Values that no rule may redact: an expression that matches the whole value, or the value.
    pub allow: Vec<String>,
}

/// A secret that only this user knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPattern {
    /// What it is counted as: `rule:<id>`.
    pub id: String,
    /// The expression.
    pub regex: String,
    /// The group that is the secret; the whole match without one.
    pub secret_group: Option<usize>,
}

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// The expression of a pattern is none.
    #[error("the pattern `{id}` is no expression that can be used: {reason}")]
    Pattern {
        /// Its place in the list.
        at: usize,
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// The expression matches the empty text, and so everywhere.
    #[error("the pattern `{id}` matches the empty text, so it would match everywhere")]
    Empty {
        /// Its place in the list.
        at: usize,
        /// Its id.
        id: String,
    },
    /// The group does not exist.
    #[error("the pattern `{id}` has no group {group}, it has {groups}")]
    Group {
        /// Its place in the list.
        at: usize,
        /// Its id.
        id: String,
        /// The group asked for.
        group: usize,
        /// How many there are.
        groups: usize,
    },
    /// The id cannot be one.
    #[error("`{id}` is no id: letters, digits, `-`, `_` and `.`, at most 64")]
    Id {
        /// Its place in the list.
        at: usize,
        /// The id.
        id: String,
    },
    /// An entry of the allow list is none.
    #[error("the entry `{entry}` is no expression that can be used: {reason}")]
    Allow {
        /// Its place in the list.
        at: usize,
        /// The entry.
        entry: String,
        /// Why.
        reason: String,
    },
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) id: String,
    regex: Regex,
    group: usize,
}

/// A compiled entry of the allow list.
#[derive(Debug)]
pub(super) struct Allowed {
    literal: String,
    regex: Regex,
}

impl Pattern {
    pub(super) fn new(at: usize, pattern: &SecretPattern) -> Result<Self, PatternError> {
        let id = pattern.id.clone();
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(fits) {
            return Err(PatternError::Id { at, id });
        }
        let regex = compile(&pattern.regex).map_err(|reason| PatternError::Pattern {
            at,
            id: id.clone(),
            reason,
        })?;
        let groups = regex.captures_len() - 1;
        let group = pattern.secret_group.unwrap_or(0);
        if group > groups {
            return Err(PatternError::Group {
                at,
                id,
                group,
                groups,
            });
        }
        if regex.is_match("") {
            return Err(PatternError::Empty { at, id });
        }
        Ok(Self { id, regex, group })
    }

    /// Calls `found` with the place of each secret in the text.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        for captures in self.regex.captures_iter(text) {
            if let Some(secret) = captures.get(self.group).filter(|one| !one.is_empty()) {
                found(secret.range());
            }
        }
    }
}

impl Allowed {
    pub(super) fn new(at: usize, entry: &str) -> Result<Self, PatternError> {
        let regex = compile(&format!(r"\A(?:{entry})\z"));
        // Told of the entry as it was written, not of what was put around it.
        let regex = compile(entry)
            .and(regex)
            .map_err(|reason| PatternError::Allow {
                at,
                entry: entry.to_owned(),
                reason,
            })?;
        Ok(Self {
            literal: entry.to_owned(),
            regex,
        })
    }

    pub(super) fn allows(&self, value: &str) -> bool {
        self.literal == value || self.regex.is_match(value)
    }
}

/// The error without the picture of the expression, which needs a line of its own.
fn compile(regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(regex)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "it is too large; use shorter repetitions".to_owned()
            }
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}
