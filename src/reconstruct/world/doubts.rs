//! What calls may have touched of which nothing certain is known.

use std::collections::{BTreeMap, BTreeSet};

/// What may have been touched below one beginning of keys: for a table, or all, and for a field, or
/// any, the first call, with its place among all.
type Touched = BTreeMap<(Option<&'static str>, Option<&'static str>), (usize, String)>;

/// The calls, found by what keys begin with: a trace may have many of them and many rows.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    by_prefix: BTreeMap<String, Touched>,
    /// How long the beginnings are.
    lengths: BTreeSet<usize>,
    next: usize,
}

impl Doubts {
    /// Adds a call: it may have touched rows of these tables, or of all where there are none, whose
    /// keys begin with `prefix`, and in them these fields, or any.
    pub(super) fn add(
        &mut self,
        tables: &[&'static str],
        prefix: &str,
        fields: &[&'static str],
        span: &str,
    ) {
        self.lengths.insert(prefix.len());
        let touched = self.by_prefix.entry(prefix.to_owned()).or_default();
        for table in each_or_all(tables) {
            for field in each_or_all(fields) {
                touched
                    .entry((table, field))
                    .or_insert_with(|| (self.next, span.to_owned()));
                self.next += 1;
            }
        }
    }

    /// The first call that may have touched a row in any way.
    pub(super) fn of(&self, table: &str, key: &str) -> Option<&str> {
        self.touching(table, key)
            .filter(|(field, _, _)| field.is_none())
            .min_by_key(|(_, place, _)| *place)
            .map(|(_, _, span)| span)
    }

    /// The fields of a row that calls may have changed that touched many, with their spans, the first
    /// ones first.
    pub(super) fn swept(&self, table: &str, key: &str) -> Vec<(&'static str, String)> {
        let mut swept: Vec<_> = self
            .touching(table, key)
            .filter_map(|(field, place, span)| Some((place, field?, span)))
            .collect();
        swept.sort_unstable();
        let swept = swept.into_iter();
        swept
            .map(|(_, field, span)| (field, span.to_owned()))
            .collect()
    }

    fn touching<'s>(
        &'s self,
        table: &str,
        key: &str,
    ) -> impl Iterator<Item = (Option<&'static str>, usize, &'s str)> {
        let beginnings = self.lengths.iter().filter_map(|length| key.get(..*length));
        beginnings
            .filter_map(|beginning| self.by_prefix.get(beginning))
            .flatten()
            .filter(move |((of, _), _)| of.is_none_or(|of| of == table))
            .map(|((_, field), (place, span))| (*field, *place, span.as_str()))
    }
}

fn each_or_all(names: &[&'static str]) -> Vec<Option<&'static str>> {
    if names.is_empty() {
        vec![None]
    } else {
        names.iter().copied().map(Some).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_call_that_may_have_touched_a_row_is_found() {
        let mut doubts = Doubts::default();
        doubts.add(&["issues"], "a/b#", &[], "s1");
        doubts.add(&[], "a/b#7", &[], "s2");
        doubts.add(&[], "", &["labels"], "s3");
        doubts.add(&["issues"], "a/b#", &["labels", "state"], "s4");
        assert_eq!(doubts.of("issues", "a/b#7"), Some("s1"));
        assert_eq!(doubts.of("comments", "a/b#7"), Some("s2"));
        assert_eq!(doubts.of("comments", "a/b#8"), None);
        assert_eq!(doubts.of("issues", "a/c#7"), None);
        let swept = doubts.swept("issues", "a/b#7");
        let swept: Vec<String> = swept
            .iter()
            .map(|(field, by)| format!("{field} {by}"))
            .collect();
        assert_eq!(swept, ["labels s3", "labels s4", "state s4"]);
    }

    #[test]
    fn many_calls_that_may_have_done_the_same_are_kept_once() {
        let mut doubts = Doubts::default();
        for call in 0..10_000 {
            doubts.add(&["issues"], "a/b#", &[], &format!("s{call}"));
        }
        assert_eq!(doubts.touching("issues", "a/b#7").count(), 1);
        assert_eq!(doubts.of("issues", "a/b#7"), Some("s0"));
    }
}
