//! Which of the spans that may show the same call counts: a tool, or the requests that it sent.
//!
//! Where it is known which requests a call of a tool stands for, each of them is looked for. One that
//! no span shows was sent all the same, and must not go with the others.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::trace::Trace;
use percent_encoding::percent_decode_str;

use super::{Called, Entry, TracedCall};
use crate::reconstruct::tools::{Meaning, Request};

/// How far up from a span it is looked for the call that it is part of.
const ANCESTORS: usize = 64;
/// The most entries that are looked at in the time of one call.
const DURING: usize = 256;
/// What decoders say on a span that they made of what messages tell of a call.
const JOINED: &str = "archal.toolCall.joined";
const FROM_MESSAGES: &str = "from messages alone";

/// Marks what another entry shows better, so that nothing counts twice. The entries are in order of
/// time.
pub(super) fn cover(trace: &Trace, entries: &mut [Entry<'_>]) {
    let parents: BTreeMap<&str, &str> = trace
        .spans
        .iter()
        .filter_map(|span| Some((span.id.as_str(), span.parent_id.as_deref()?)))
        .collect();
    let tools: BTreeMap<&str, usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| matches!(entry.called, Called::Tool(_)))
        .map(|(at, entry)| (entry.span.id.as_str(), at))
        .collect();
    // The calls below each tool call.
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let mut id = entry.span.id.as_str();
        for _ in 0..ANCESTORS {
            let Some(parent) = parents.get(id) else { break };
            if let Some(tool) = tools.get(parent).filter(|tool| **tool != at) {
                below.entry(*tool).or_default().push(at);
            }
            id = parent;
        }
    }
    let beside = in_their_time(entries, &below);
    for (tool, part) in &beside {
        below.entry(*tool).or_default().push(*part);
    }
    for (tool, parts) in below {
        let is_call = |at: &usize| match (&entries[*at].called, &entries[*at].meaning) {
            (Called::Service(_) | Called::Elsewhere(_), _) => true,
            (_, Some(Meaning::Calls { .. })) => true,
            (Called::Tool(_), _) => false,
        };
        let parts: Vec<usize> = parts.into_iter().filter(is_call).collect();
        if parts.is_empty() {
            continue;
        }
        let is_below = parts.iter().any(|part| !beside.contains(&(tool, *part)));
        let shown = shown(entries, tool, &parts, is_below);
        let is_whole = parts.iter().all(|at| is_whole(&entries[*at]));
        let is_better = match (&entries[tool].called, &entries[tool].meaning) {
            (Called::Tool(used), Some(Meaning::Calls { .. })) => used.result().is_some(),
            _ => false,
        };
        match shown {
            Some(Shown { by, is_all: false }) => {
                complete(entries, tool, &by);
                for part in by.into_iter().flatten() {
                    entries[part].is_covered = true;
                }
            }
            Some(Shown { by, is_all: true }) if is_better && !is_whole => {
                complete(entries, tool, &by);
                for part in parts {
                    entries[part].is_covered = true;
                }
            }
            Some(_) | None => entries[tool].is_covered = true,
        }
    }
}

/// Which parts show the requests of a tool.
struct Shown {
    /// For each request the part that shows it.
    by: Vec<Option<usize>>,
    /// Whether nothing that the tool sent is shown by none.
    is_all: bool,
}

/// Looks for the requests of a tool among parts; none where its requests are not known. Below a tool
/// (`is_below`) a request may have been sent in another way than archal knows.
fn shown(entries: &[Entry<'_>], tool: usize, parts: &[usize], is_below: bool) -> Option<Shown> {
    let Some(Meaning::Calls { requests, .. }) = &entries[tool].meaning else {
        return None;
    };
    let mut taken = BTreeSet::new();
    let mut by = Vec::new();
    for request in requests {
        let found = parts
            .iter()
            .copied()
            .find(|part| !taken.contains(part) && shows(&entries[*part], request));
        // A span of the same call by another name stands for all that it sent.
        if let Some(part) = found.filter(|part| !matches!(entries[*part].called, Called::Tool(_))) {
            taken.insert(part);
        }
        by.push(found);
    }
    let left: Vec<&Entry<'_>> = parts
        .iter()
        .filter(|part| !taken.contains(part))
        .map(|part| &entries[*part])
        .collect();
    let mut spent = BTreeSet::new();
    let is_all = requests.iter().zip(&by).all(|(request, by)| {
        let mut others = left.iter().enumerate();
        by.is_some()
            || others.any(|(at, other)| {
                stands_for(other, request, is_below) && (is_any(other) || spent.insert(at))
            })
    });
    Some(Shown { by, is_all })
}

/// Whether an entry is that request.
fn shows(entry: &Entry<'_>, request: &Request) -> bool {
    let is_it = |method: &str, path: &str| {
        method == request.http.method && plain(path) == plain(&request.path)
    };
    match (&entry.called, &entry.meaning) {
        (Called::Service(call), _) => is_it(&call.http.method, &call.path),
        (Called::Tool(_), Some(Meaning::Calls { requests, .. })) => {
            let mut requests = requests.iter();
            requests.any(|sent| is_it(&sent.http.method, &sent.path))
        }
        (Called::Elsewhere(_) | Called::Tool(_), _) => false,
    }
}

/// A path as services compare it.
fn plain(path: &str) -> String {
    let decoded = percent_decode_str(path.trim_end_matches('/')).decode_utf8_lossy();
    decoded.to_lowercase()
}

/// Whether an entry that is no request of the tool as archal knows it may be one in other words.
fn stands_for(entry: &Entry<'_>, request: &Request, is_below: bool) -> bool {
    match &entry.called {
        Called::Service(call) => {
            is_graphql(call) || (is_below && call.http.method == request.http.method)
        }
        // It is said to be missing by itself.
        Called::Elsewhere(_) => is_below,
        Called::Tool(_) => false,
    }
}

/// Whether one entry may stand for any number of requests.
fn is_any(entry: &Entry<'_>) -> bool {
    matches!(entry.called, Called::Elsewhere(_))
}

fn is_graphql(call: &TracedCall<'_>) -> bool {
    call.http.method == "POST" && call.path.ends_with("/graphql")
}

/// What spans of HTTP show of the requests of a tool, put beside what its result shows: the query as
/// sent, the status and the headers, and the bodies where they were recorded.
fn complete(entries: &mut [Entry<'_>], tool: usize, by: &[Option<usize>]) {
    let Some(Meaning::Calls {
        mut requests,
        tool: official,
    }) = entries[tool].meaning.take()
    else {
        return;
    };
    for (request, part) in requests.iter_mut().zip(by) {
        let Some(Called::Service(sent)) = part.map(|part| &entries[part].called) else {
            continue;
        };
        request.query.clone_from(&sent.query);
        request.http.url.clone_from(&sent.http.url);
        if sent.http.status.is_some() {
            request.http.status = sent.http.status;
        }
        if sent.http.request_body.is_some() {
            request
                .http
                .request_body
                .clone_from(&sent.http.request_body);
        }
        if sent.http.response_body.is_some() {
            request
                .http
                .response_body
                .clone_from(&sent.http.response_body);
            request.is_silent = false;
        }
        let headers = sent.http.response_headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.clone()));
        request.http.response_headers.extend(headers);
    }
    entries[tool].meaning = Some(Meaning::Calls {
        requests,
        tool: official,
    });
}

/// Requests that were sent while a call was under way of which only messages tell, so that no span
/// stands below it: pairs of the call and the request.
fn in_their_time(
    entries: &[Entry<'_>],
    below: &BTreeMap<usize, Vec<usize>>,
) -> BTreeSet<(usize, usize)> {
    let taken: BTreeSet<usize> = below.values().flatten().copied().collect();
    // The calls that each request may be of.
    let mut callers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (tool, entry) in entries.iter().enumerate() {
        let span = entry.span;
        let is_told = span
            .attributes
            .get(JOINED)
            .is_some_and(|how| how == FROM_MESSAGES);
        let (true, Some(from), Some(to)) = (is_told, span.started_at, span.ended_at) else {
            continue;
        };
        let first = entries.partition_point(|entry| entry.span.started_at < Some(from));
        let during = entries[first..]
            .iter()
            .enumerate()
            .take(DURING)
            .take_while(|(_, entry)| entry.span.started_at <= Some(to))
            .map(|(at, entry)| (first + at, entry))
            .filter(|(at, entry)| !matches!(entry.called, Called::Tool(_)) && !taken.contains(at));
        for (at, _) in during {
            callers.entry(at).or_default().push(tool);
        }
    }
    let mut found = BTreeSet::new();
    let mut spent: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut of_unknown: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (at, tools) in callers {
        if let [only] = tools.as_slice() {
            found.insert((*only, at));
            continue;
        }
        // Several calls were under way: it is of the one that sends such a request.
        let mut sends = tools.iter().filter_map(|tool| {
            let Some(Meaning::Calls { requests, .. }) = &entries[*tool].meaning else {
                return None;
            };
            let mut requests = requests.iter().enumerate();
            requests
                .find(|(nth, request)| {
                    !spent.contains(&(*tool, *nth)) && shows(&entries[at], request)
                })
                .map(|(nth, _)| (*tool, nth))
        });
        let sender = sends.next();
        if let Some(sender) = sender {
            spent.insert(sender);
            found.insert((sender.0, at));
            continue;
        }
        let is_unknown =
            |tool: &usize| !matches!(entries[*tool].meaning, Some(Meaning::Calls { .. }));
        let unknown: Vec<usize> = tools.into_iter().filter(is_unknown).collect();
        of_unknown.entry(unknown).or_default().push(at);
    }
    // Calls of which nothing tells what they send are shown where there is a request for each.
    for (tools, parts) in of_unknown {
        if parts.len() >= tools.len() {
            let pairs = tools
                .iter()
                .flat_map(|tool| parts.iter().map(|part| (*tool, *part)));
            found.extend(pairs);
        }
    }
    found
}

/// Whether an entry shows the answer that its call got.
fn is_whole(entry: &Entry<'_>) -> bool {
    match &entry.called {
        Called::Service(call) => {
            let has_none = call.http.method == "HEAD"
                || matches!(call.http.status, Some(204 | 205 | 304 | 400..));
            has_none || call.fault.is_some() || call.http.response_body.is_some()
        }
        Called::Elsewhere(_) => true,
        Called::Tool(used) => used.result().is_some(),
    }
}
