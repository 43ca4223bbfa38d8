//! Two parts of one trace made one: the spans that were given out, and those that came late.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::source::DecodedTrace;
use archal_core::trace::{Score, Span, Trace};

use crate::normalise::{has_content, normalise, version};

/// The union of two parts. What the part with a root says of the trace counts before what the other
/// says, and what the later version of a root says in place of what the earlier said; of two spans with
/// one id the later version counts, then the fuller.
pub(crate) fn merge(earlier: DecodedTrace, later: DecodedTrace) -> DecodedTrace {
    let (old, new) = (root(&earlier.trace), root(&later.trace));
    let (is_new, is_again) = match (old, new) {
        (None, Some(_)) => (true, false),
        (Some(old), Some(new)) if old.id == new.id => {
            (version(old) < version(new), version(old) != version(new))
        }
        _ => (false, false),
    };
    let (mut first, mut second) = if is_new {
        (later, earlier)
    } else {
        (earlier, later)
    };
    if is_again {
        forget(&mut second.trace, &first.trace);
    }
    first.source = first.source.or(second.source);
    first.project = first.project.or(second.project);
    for (dialect, spans) in second.dialects {
        *first.dialects.entry(dialect).or_default() += spans;
    }
    join(&mut first.trace, second.trace);
    first
}

fn root(trace: &Trace) -> Option<&Span> {
    trace.spans.iter().find(|span| span.parent_id.is_none())
}

/// Takes away what a root said that was written again since.
fn forget(trace: &mut Trace, newer: &Trace) {
    (trace.input, trace.output, trace.error, trace.ended_at) = (None, None, None, None);
    let again: BTreeSet<(&str, u8)> = newer.scores.iter().map(namesake).collect();
    trace
        .scores
        .retain(|score| !again.contains(&namesake(score)));
}

/// The union of what was given out and what is known now of the same spans: a span that came again takes
/// the place of what it was.
pub(crate) fn take_place_of(mut earlier: DecodedTrace, later: DecodedTrace) -> DecodedTrace {
    let cut: Vec<(String, String)> = cut_places(&earlier.trace).collect();
    let here: BTreeSet<&str> = later.trace.spans.iter().map(|span| &*span.id).collect();
    earlier
        .trace
        .spans
        .retain(|span| !here.contains(span.id.as_str()));
    put_cut_places(&mut earlier.trace, cut);
    if !later
        .trace
        .spans
        .iter()
        .any(|span| span.parent_id.is_none())
    {
        return merge(earlier, later);
    }
    // The part that is newer has the root: it speaks.
    merge(later, earlier)
}

fn join(trace: &mut Trace, other: Trace) {
    let cut: Vec<(String, String)> = cut_places(trace).chain(cut_places(&other)).collect();
    trace.started_at = trace.started_at.or(other.started_at);
    trace.ended_at = trace.ended_at.or(other.ended_at);
    for (mine, theirs) in [
        (&mut trace.input, other.input),
        (&mut trace.output, other.output),
    ] {
        *mine = mine.take().or(theirs);
    }
    for (mine, theirs) in [
        (&mut trace.error, other.error),
        (&mut trace.model, other.model),
        (&mut trace.session_id, other.session_id),
        (&mut trace.user_id, other.user_id),
        (&mut trace.environment, other.environment),
        (&mut trace.release, other.release),
    ] {
        *mine = mine.take().or(theirs);
    }
    let mut known: BTreeSet<String> = trace.tags.iter().cloned().collect();
    let tags = other.tags.into_iter();
    trace
        .tags
        .extend(tags.filter(|tag| known.insert(tag.clone())));
    for (name, value) in other.metadata {
        trace.metadata.entry(name).or_insert(value);
    }
    add_scores(&mut trace.scores, other.scores);
    trace.spans.extend(other.spans);
    // The parts may overlap, and with them what they lack.
    trace.completeness.dropped = trace.completeness.dropped.max(other.completeness.dropped);
    normalise(trace, &mut Vec::new());
    put_cut_places(trace, cut);
    trace.completeness.content = has_content(trace);
    trace.revision.clear();
}

/// What two scores have in common of which one takes the place of the other.
fn namesake(score: &Score) -> (&str, u8) {
    (&score.name, score.origin as u8)
}

/// Adds the scores that are not there yet; whether there were any. A hostile trace has as many as fit into it, so
/// they are not compared with each other one by one.
pub(crate) fn add_scores(scores: &mut Vec<Score>, others: Vec<Score>) -> bool {
    if others.is_empty() {
        return false;
    }
    let before = scores.len();
    let written = |score: &Score| serde_json::to_string(score).unwrap_or_default();
    let mut known: BTreeSet<String> = scores.iter().map(written).collect();
    scores.extend(
        others
            .into_iter()
            .filter(|score| known.insert(written(score))),
    );
    scores.len() > before
}

/// Adds scores. Those of the trace have no ids any more: one that came again takes the place of its
/// namesake.
pub(crate) fn put_scores(trace: &mut Trace, scores: impl IntoIterator<Item = Score>) {
    let mut free: BTreeMap<(String, u8), Vec<usize>> = BTreeMap::new();
    for (at, score) in trace.scores.iter().enumerate().rev() {
        let (name, origin) = namesake(score);
        free.entry((name.to_owned(), origin)).or_default().push(at);
    }
    for score in scores {
        let (name, origin) = namesake(&score);
        match free.get_mut(&(name.to_owned(), origin)).and_then(Vec::pop) {
            Some(at) => trace.scores[at] = score,
            None => trace.scores.push(score),
        }
    }
}

/// What was cut, by the ids of spans: their places change with each span that is added.
pub(crate) fn cut_places(trace: &Trace) -> impl Iterator<Item = (String, String)> + use<'_> {
    trace.completeness.truncated.iter().filter_map(|place| {
        let (at, rest) = place.strip_prefix("spans[")?.split_once(']')?;
        let span = trace.spans.get(at.parse::<usize>().ok()?)?;
        Some((span.id.clone(), rest.to_owned()))
    })
}

/// Says what was cut, by the ids of spans.
pub(crate) fn put_cut_places(trace: &mut Trace, cut: Vec<(String, String)>) {
    let spans = trace.spans.iter().enumerate().rev();
    // Of several with one id the first counts.
    let place: BTreeMap<&str, usize> = spans.map(|(at, span)| (&*span.id, at)).collect();
    let mut places: Vec<String> = cut
        .into_iter()
        .filter_map(|(id, rest)| {
            let at = place.get(id.as_str())?;
            Some(format!("spans[{at}]{rest}"))
        })
        .collect();
    places.sort();
    places.dedup();
    trace.completeness.truncated = places;
}

#[cfg(test)]
mod tests {
    use archal_core::trace::{ScoreOrigin, Span};

    use super::*;

    fn part(spans: &[(&str, Option<&str>, &str)], cut: &str, dropped: u64) -> DecodedTrace {
        let mut decoded = DecodedTrace::default();
        decoded.trace.spans = spans
            .iter()
            .map(|(id, parent, at)| Span {
                id: (*id).to_owned(),
                parent_id: parent.map(str::to_owned),
                started_at: Some(at.parse().expect("a time")),
                ..Span::default()
            })
            .collect();
        decoded.trace.completeness.truncated = vec![cut.to_owned()];
        decoded.trace.completeness.dropped = dropped;
        decoded
    }

    #[test]
    fn late_spans_stand_where_they_belong_and_the_part_with_the_root_speaks() {
        let mut early = part(
            &[("b", Some("a"), "2026-01-01T00:00:01Z")],
            "spans[0].input",
            2,
        );
        early.trace.name = "b".to_owned();
        early.trace.model = Some("m".to_owned());
        let mut late = part(&[("a", None, "2026-01-01T00:00:00Z")], "spans[0].output", 1);
        late.trace.name = "run".to_owned();
        let merged = merge(early, late).trace;
        let ids: Vec<&str> = merged.spans.iter().map(|span| span.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(merged.name, "run");
        assert_eq!(merged.model.as_deref(), Some("m"));
        assert_eq!(
            merged.completeness.truncated,
            ["spans[0].output", "spans[1].input"]
        );
        assert_eq!(merged.completeness.dropped, 2);
        assert_eq!(merged.completeness.orphans, 0);
    }

    #[test]
    fn a_part_that_is_in_the_other_changes_nothing() {
        let whole = part(
            &[
                ("a", None, "2026-01-01T00:00:00Z"),
                ("b", Some("a"), "2026-01-01T00:00:01Z"),
            ],
            "spans[1].input",
            0,
        );
        let merged = merge(whole.clone(), whole.clone());
        assert_eq!(merged.trace.spans, whole.trace.spans);
        assert_eq!(
            merged.trace.completeness.truncated,
            whole.trace.completeness.truncated
        );
    }

    #[test]
    fn scores_tags_and_cut_places_are_as_many_as_fit_into_a_trace() {
        // Compared with each other one by one they would be ten thousand million pairs.
        const MANY: usize = 100_000;
        let mut earlier = part(&[("a", None, "2026-01-01T00:00:00Z")], "", 0);
        earlier.trace.scores = (0..MANY)
            .map(|number| Score {
                name: format!("score {number}"),
                value: number.into(),
                origin: ScoreOrigin::default(),
                comment: None,
            })
            .collect();
        earlier.trace.tags = (0..MANY).map(|number| format!("tag {number}")).collect();
        let later = earlier.clone();
        let mut merged = merge(earlier, later.clone()).trace;
        assert_eq!(merged.scores, later.trace.scores);
        assert_eq!(merged.tags, later.trace.tags);
        put_scores(&mut merged, later.trace.scores.clone());
        assert_eq!(merged.scores.len(), MANY);
        forget(&mut merged, &Trace::default());
        assert_eq!(merged.scores.len(), MANY);
        forget(&mut merged, &later.trace);
        assert!(merged.scores.is_empty());
        merged.spans = (0..MANY)
            .map(|number| Span {
                id: number.to_string(),
                ..Span::default()
            })
            .collect();
        let cut = (0..MANY).map(|number| (number.to_string(), ".input".to_owned()));
        put_cut_places(&mut merged, cut.collect());
        assert_eq!(merged.completeness.truncated.len(), MANY);
    }
}
