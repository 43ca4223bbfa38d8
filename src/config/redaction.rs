//! What the configuration adds to redaction, in the form the redaction rules take it.

use archal_core::diagnostic::Diagnostic;
use archal_core::redact::{PatternError, RedactionOptions, Redactor, SecretPattern};

use super::schema::Redaction;

impl Redaction {
    /// The patterns, values and pseudonyms as the redactor takes them.
    pub fn options(&self) -> RedactionOptions {
        RedactionOptions {
            personal: self.personal,
            patterns: self
                .patterns
                .iter()
                .map(|pattern| SecretPattern {
                    id: pattern.id.clone(),
                    regex: pattern.regex.clone(),
                    secret_group: pattern.secret_group.map(|group| group as usize),
                })
                .collect(),
            allow: self.allow.clone(),
        }
    }
}

/// What cannot be used of it: the key's dotted path and what is wrong there.
pub(super) fn check(redaction: &Redaction) -> Vec<(String, Diagnostic)> {
    match Redactor::with_options([0; 32], [], &redaction.options()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(finding).collect(),
    }
}

fn finding(error: &PatternError) -> (String, Diagnostic) {
    let (path, help) = match error {
        PatternError::Pattern { at, .. } | PatternError::Empty { at, .. } => (
            format!("redaction.patterns.{at}.regex"),
            "for example: \"acme_[a-z0-9]{32}\"; no look-around, no back-references",
        ),
        PatternError::Group { at, .. } => (
            format!("redaction.patterns.{at}.secretGroup"),
            "groups are counted from 1 by their opening parenthesis",
        ),
        PatternError::Id { at, .. } => (
            format!("redaction.patterns.{at}.id"),
            "for example: \"acme-token\"",
        ),
        PatternError::Allow { at, .. } => (
            format!("redaction.allow.{at}"),
            "write a backslash (in JSON two) before characters with a meaning: \"a\\\\(b\"",
        ),
    };
    let finding = Diagnostic::error("config/pattern", error.to_string()).with_help(help);
    (path, finding)
}
