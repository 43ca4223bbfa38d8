//! What holds of every trace, whatever its dialect: one span an id, spans in order of time,
//! no parent that is its own child.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::diagnostic::Diagnostic;
use archal_core::trace::{Span, Trace};

use crate::findings;

/// The attribute of a span that says which version of its row it is, where rows are written again and
/// again in files that nobody reads in order: the highest counts.
pub(crate) const VERSION: &str = "archal.version";

/// Which version of its row a span is.
pub(crate) fn version(span: &Span) -> Option<i64> {
    span.attributes.get(VERSION)?.as_str()?.parse().ok()
}

/// Puts the spans of a trace in order and counts its orphans. The result does not depend on the
/// order in which the spans came.
pub(crate) fn normalise(trace: &mut Trace, diagnostics: &mut Vec<Diagnostic>) {
    let conflicts = one_span_an_id(&mut trace.spans);
    if conflicts > 0 {
        findings::add(
            diagnostics,
            Diagnostic::warning(
                "trace/duplicate-span",
                format!(
                    "trace `{}`: different spans with one id, of which the fullest counts: {conflicts}",
                    shown(&trace.id)
                ),
            ),
        );
    }
    trace
        .spans
        .sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    let cut = cut_cycles(&mut trace.spans);
    if cut > 0 {
        findings::add(
            diagnostics,
            Diagnostic::warning(
                "trace/parent-cycle",
                format!(
                    "trace `{}`: spans that are their own ancestors, whose parent was left out: {cut}",
                    shown(&trace.id)
                ),
            ),
        );
    }
    let ids: BTreeSet<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
    let orphans = trace
        .spans
        .iter()
        .filter(|span| {
            span.parent_id
                .as_deref()
                .is_some_and(|parent| !ids.contains(parent))
        })
        .count();
    trace.completeness.orphans = orphans as u64;
}

/// Whether any message, argument, result or body was captured.
pub(crate) fn has_content(trace: &Trace) -> bool {
    trace.input.is_some()
        || trace.output.is_some()
        || trace.spans.iter().any(|span| {
            span.input.is_some()
                || span.output.is_some()
                || span
                    .tool
                    .as_ref()
                    .is_some_and(|tool| tool.arguments.is_some() || tool.result.is_some())
                || span
                    .http
                    .as_ref()
                    .is_some_and(|http| http.request_body.is_some() || http.response_body.is_some())
                || span
                    .llm
                    .as_ref()
                    .is_some_and(|llm| !llm.messages.is_empty())
        })
}

/// An id as messages show it: short and without control characters.
pub(crate) fn shown(id: &str) -> String {
    let mut text: String = id.chars().take(64).flat_map(char::escape_debug).collect();
    if id.chars().nth(64).is_some() {
        text.push('…');
    }
    text
}

/// Keeps one span of each id and returns how many different ones were dropped.
fn one_span_an_id(spans: &mut Vec<Span>) -> usize {
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    if spans
        .iter()
        .all(|span| ids.insert(span.id.as_str(), 0).is_none())
    {
        return 0;
    }
    // The fullness is kept: a large span with the id of many small ones is written out once.
    let mut fullest: BTreeMap<String, (Span, Option<Fullness>)> = BTreeMap::new();
    let mut conflicts = 0;
    for span in spans.drain(..) {
        match fullest.get_mut(&span.id) {
            Some((other, _)) if *other == span => {}
            Some((other, known)) => {
                conflicts += 1;
                // A span may be written when it starts and again when it ends.
                let its = fullness(&span);
                if *known.get_or_insert_with(|| fullness(other)) < its {
                    (*other, *known) = (span, Some(its));
                }
            }
            None => {
                fullest.insert(span.id.clone(), (span, None));
            }
        }
    }
    spans.extend(fullest.into_values().map(|(span, _)| span));
    conflicts
}

/// A total order of different spans: the later version, the later end, then the more text, then the text
/// itself.
type Fullness = (Option<i64>, Option<jiff::Timestamp>, usize, String);

fn fullness(span: &Span) -> Fullness {
    let text = serde_json::to_string(span).unwrap_or_default();
    (version(span), span.ended_at, text.len(), text)
}

/// Takes away the parent of the first span of each cycle; the spans are sorted.
fn cut_cycles(spans: &mut [Span]) -> usize {
    let places: BTreeMap<String, usize> = spans
        .iter()
        .enumerate()
        .map(|(place, span)| (span.id.clone(), place))
        .collect();
    // 0: not looked at; otherwise the walk that met it first.
    let mut met = vec![0_usize; spans.len()];
    let mut cut = 0;
    for start in 0..spans.len() {
        let walk = start + 1;
        let mut at = Some(start);
        while let Some(place) = at.filter(|place| met[*place] == 0) {
            met[place] = walk;
            at = parent_of(&spans[place], &places);
        }
        let Some(in_cycle) = at.filter(|place| met[*place] == walk) else {
            continue;
        };
        let mut first = in_cycle;
        let mut next = parent_of(&spans[in_cycle], &places);
        while let Some(place) = next.filter(|place| *place != in_cycle) {
            first = first.min(place);
            next = parent_of(&spans[place], &places);
        }
        spans[first].parent_id = None;
        cut += 1;
    }
    cut
}

fn parent_of(span: &Span, places: &BTreeMap<String, usize>) -> Option<usize> {
    places.get(span.parent_id.as_deref()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(links: &[(&str, Option<&str>)]) -> Trace {
        Trace {
            spans: links
                .iter()
                .map(|(id, parent)| Span {
                    id: (*id).to_owned(),
                    parent_id: parent.map(str::to_owned),
                    ..Span::default()
                })
                .collect(),
            ..Trace::default()
        }
    }

    #[test]
    fn cycles_are_cut_once_each_and_orphans_are_counted() {
        let mut cyclic = trace(&[
            ("a", Some("a")),
            ("b", Some("d")),
            ("c", Some("b")),
            ("d", Some("c")),
            ("e", Some("d")),
            ("f", Some("gone")),
        ]);
        let mut diagnostics = Vec::new();
        normalise(&mut cyclic, &mut diagnostics);
        let parents: Vec<Option<&str>> = cyclic
            .spans
            .iter()
            .map(|span| span.parent_id.as_deref())
            .collect();
        assert_eq!(
            parents,
            [None, None, Some("b"), Some("c"), Some("d"), Some("gone")]
        );
        assert_eq!(cyclic.completeness.orphans, 1);
        assert_eq!(diagnostics.len(), 1);
    }

    #[test]
    fn of_two_spans_with_one_id_the_fuller_stays_in_any_order() {
        let mut one = trace(&[("a", None), ("a", None), ("b", None)]);
        one.spans[1].name = "fuller".to_owned();
        let mut other = one.clone();
        other.spans.reverse();
        let mut diagnostics = Vec::new();
        normalise(&mut one, &mut diagnostics);
        normalise(&mut other, &mut diagnostics);
        assert_eq!(one, other);
        assert_eq!(one.spans[0].name, "fuller");
    }

    #[test]
    fn of_two_versions_of_a_span_the_later_stays_though_it_says_less() {
        let mut one = trace(&[("a", None), ("a", None)]);
        let numbered = |number: &str| (VERSION.to_owned(), number.into());
        one.spans[0].attributes.extend([numbered("1000192665")]);
        one.spans[1].attributes.extend([numbered("999192665")]);
        one.spans[1].name = "fuller".to_owned();
        one.spans[1].ended_at = Some("2026-01-01T00:00:00Z".parse().expect("a time"));
        normalise(&mut one, &mut Vec::new());
        assert_eq!(one.spans.len(), 1);
        assert_eq!(one.spans[0].name, "");
    }

    #[test]
    fn spans_that_began_at_once_are_in_order_of_their_ids() {
        let mut one = trace(&[("a", None), ("b", None), ("c", None)]);
        let mut other = one.clone();
        other.spans.reverse();
        let mut diagnostics = Vec::new();
        normalise(&mut one, &mut diagnostics);
        normalise(&mut other, &mut diagnostics);
        assert_eq!(one, other);
        assert_eq!(diagnostics, []);
    }
}
