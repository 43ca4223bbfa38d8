//! Documents that were found good, so that a client's next call of the same text is not read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apollo_compiler::ExecutableDocument;
use apollo_compiler::validation::Valid;

/// Most documents kept; a client has some dozens.
const MOST: usize = 64;
/// The longest text that is kept.
const LONGEST: usize = 16 * 1024;

/// Good documents by their text. What a document means follows from its text alone, so nothing in
/// it ever becomes wrong.
pub(crate) struct Documents(Mutex<Kept>);

type Kept = BTreeMap<Box<str>, Arc<Valid<ExecutableDocument>>>;

impl Documents {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The document of a text that was kept.
    pub(super) fn get(&self, text: &str) -> Option<Arc<Valid<ExecutableDocument>>> {
        self.kept().get(text).cloned()
    }

    /// Keeps a document. Once there are too many all others go: which of them are still in use is
    /// not worth a count.
    pub(super) fn keep(
        &self,
        text: &str,
        document: Valid<ExecutableDocument>,
    ) -> Arc<Valid<ExecutableDocument>> {
        let document = Arc::new(document);
        if text.len() <= LONGEST {
            let mut kept = self.kept();
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(text.into(), Arc::clone(&document));
        }
        document
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is a single one of the map, so what a panic left is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::Schema;

    use super::*;

    #[test]
    fn documents_are_kept_by_their_whole_text_and_never_more_than_a_bound() {
        let schema = Schema::parse_and_validate("type Query { a: Int }", "schema").expect("good");
        let documents = Documents::new();
        let keep = |text: &str| {
            let read = ExecutableDocument::parse_and_validate(&schema, text, "query");
            documents.keep(text, read.expect("good"));
        };
        for number in 0..=MOST {
            keep(&format!("query q{number} {{ a }}"));
        }
        assert_eq!(documents.kept().len(), 1);
        assert!(documents.get("query q64 { a }").is_some());
        assert!(documents.get("query q64 {  a }").is_none());
        keep(&format!("{{ a }}{}", " ".repeat(LONGEST)));
        assert_eq!(documents.kept().len(), 1);
    }
}
