//! Keys: what a row is called in its table, and where it stands in an index.

use std::sync::Arc;

/// One part of a key. Numbers sort as numbers, so issue 10 follows issue 9.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A whole number, or a time in seconds.
    Int(i64),
    /// Text, folded where the service ignores case.
    Text(Arc<str>),
}

/// A key of one or more parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Arc<[Part]>);

impl Key {
    /// A key of these parts.
    pub(crate) fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// A key of one text, folded.
    pub(crate) fn folded(text: &str) -> Self {
        Self::new([folded(text)])
    }

    /// Its parts.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }
}

/// Text as a part that ignores case.
pub(crate) fn folded(text: &str) -> Part {
    Part::Text(fold(text))
}

/// Text as services compare names: lower case.
pub(crate) fn fold(text: &str) -> Arc<str> {
    if !text.is_ascii() {
        text.to_lowercase().into()
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// Whether two names are the same but for case.
pub(crate) fn same(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a == b || fold(a) == fold(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers_and_names_without_case() {
        let issue = |number| Key::new([folded("Acme/Web"), Part::Int(number)]);
        assert!(issue(9) < issue(10));
        assert_eq!(Key::folded("Octo"), Key::folded("octo"));
        assert!(same("Größe", "GRÖSSE") || same("Größe", "GRÖßE"));
    }
}
