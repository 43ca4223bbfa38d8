//! Releases before 4: traces are listed in order of time, and each is fetched whole.

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Page, PullError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::adapter::Fields;
use super::cursor::{Cursor, Walk, Window};
use super::page::tell_deprecation;
use super::{Langfuse, Listed, row};
use crate::client::{Failure, listing};
use crate::normalise::shown;

pub(super) const PATH: &str = "/api/public/traces";
const OBSERVATIONS: &str = "/api/public/observations";
/// Traces of a page of the list; more is refused.
const ROWS: u32 = 100;
/// Traces that are fetched for one page of the engine.
const AT_ONCE: usize = 5;
/// Observations of a page, where a trace is too large as a whole.
const FEW: u32 = 50;
/// Pages of one such trace.
const MOST_PAGES: u32 = 10_000;

/// The next page of a walk: a part of the list, or some of its traces.
pub(super) fn page(
    source: &mut Langfuse,
    cursor: &mut Cursor,
    walk: &mut Walk,
    began: Timestamp,
    page: &mut Page,
) -> Result<(), PullError> {
    let Some(window) = walk.window() else {
        return Ok(());
    };
    if walk.traces.is_empty() {
        let listed = match list(source, window, walk.page, began) {
            Ok(listed) => listed,
            Err(Failure::Refused { status: 422, .. }) if walk.halve(began) => {
                walk.page = 1;
                return Ok(());
            }
            Err(failure) => return Err(source.client.told(failure)),
        };
        tell_deprecation(source, cursor, listed.deprecation.as_ref());
        let ids = listed.rows.iter().filter_map(|row| Fields(row).text("id"));
        walk.traces = ids.map(str::to_owned).collect();
        if has_more(&listed, walk.page) {
            walk.page += 1;
        } else {
            // The number of no page: the list is at its end.
            walk.page = 0;
        }
    }
    let now = walk.traces.len().min(AT_ONCE);
    for trace in walk.traces.drain(..now).collect::<Vec<_>>() {
        fetch(source, &trace, page)?;
    }
    // Each trace came whole.
    page.is_checkpoint = true;
    if walk.traces.is_empty() && walk.page == 0 {
        walk.next_window();
    }
    Ok(())
}

/// A page of the list of a closed window, the oldest first: what comes meanwhile moves nothing that
/// was not read yet.
pub(super) fn list(
    source: &mut Langfuse,
    window: Window,
    number: u32,
    began: Timestamp,
) -> Result<Listed, Failure> {
    let mut query = vec![
        ("page", number.max(1).to_string()),
        ("limit", ROWS.to_string()),
        ("orderBy", "timestamp.asc".to_owned()),
        ("fields", "core".to_owned()),
        ("toTimestamp", window.to.unwrap_or(began).to_string()),
    ];
    query.extend(window.from.map(|from| ("fromTimestamp", from.to_string())));
    for environment in &source.settings.environments {
        query.push(("environment", environment.clone()));
    }
    let rate = source.settings.legacy.clone();
    source.list(PATH, query, &rate, false)
}

/// The newest of the list.
pub(super) fn list_newest(
    source: &mut Langfuse,
    rows: u32,
    began: Timestamp,
) -> Result<Listed, Failure> {
    let query = vec![
        ("page", "1".to_owned()),
        ("limit", rows.to_string()),
        ("orderBy", "timestamp.desc".to_owned()),
        ("fields", "core".to_owned()),
        ("toTimestamp", began.to_string()),
    ];
    let rate = source.settings.legacy.clone();
    source.list(PATH, query, &rate, false)
}

/// Whether there are pages behind this one.
pub(super) fn has_more(listed: &Listed, number: u32) -> bool {
    let pages = listed.meta.get("totalPages").and_then(Value::as_u64);
    !listed.rows.is_empty() && u64::from(number) < pages.unwrap_or_default()
}

/// Fetches a trace with all that is in it. One that is gone by now costs nothing.
pub(super) fn fetch(source: &mut Langfuse, trace: &str, page: &mut Page) -> Result<(), PullError> {
    let name = utf8_percent_encode(trace, NON_ALPHANUMERIC).to_string();
    if trace.chars().all(|c| c == '.') {
        // That would be another address.
        return Ok(());
    }
    let path = format!("{PATH}/{name}");
    let rate = source.settings.legacy.clone();
    let answer = match source.ask(&path, Vec::new(), &rate, true) {
        Ok(answer) => answer,
        Err(failure) if failure.is_not_found() => return Ok(()),
        Err(failure) if failure.is_of_size() => return in_parts(source, trace, &path, page),
        Err(failure) => return Err(source.client.told(failure)),
    };
    let Some(mut whole) = listing::read(&answer.body, "observations") else {
        return Err(source.client.told(Failure::NotJson));
    };
    source.findings.append(&mut whole.findings);
    let from = page.rows.len();
    super::observations::take(source, whole.rows, page);
    if let Some(Value::Array(scores)) = whole.beside.remove("scores") {
        let scores = scores.into_iter().filter_map(|score| match score {
            Value::Object(score) => row::score(score),
            _ => None,
        });
        page.rows.extend(scores);
    }
    let row = row::trace(whole.beside, &page.rows[from..]);
    page.rows.extend(row);
    Ok(())
}

/// A trace that is too large for one answer: what it is, then its observations.
fn in_parts(
    source: &mut Langfuse,
    trace: &str,
    path: &str,
    page: &mut Page,
) -> Result<(), PullError> {
    let rate = source.settings.legacy.clone();
    let from = page.rows.len();
    let mut few = FEW;
    let mut number = 1;
    while number <= MOST_PAGES {
        let query = vec![
            ("traceId", trace.to_owned()),
            ("page", number.to_string()),
            ("limit", few.to_string()),
        ];
        match source.list(OBSERVATIONS, query, &rate, few > 1) {
            Ok(listed) => {
                let is_more = has_more(&listed, number);
                super::observations::take(source, listed.rows, page);
                if !is_more {
                    break;
                }
                number += 1;
            }
            Err(failure) if failure.is_of_size() && few > 1 => {
                // The rows before stay: a page of half the size begins at twice the number.
                few = (few / 2).max(1);
                number = 1;
                page.rows.truncate(from);
            }
            Err(failure) if failure.is_of_size() => {
                source.findings.push(Diagnostic::warning(
                    "langfuse/too-large",
                    format!(
                        "an observation of trace `{}` is too large to be fetched",
                        shown(trace)
                    ),
                ));
                number += 1;
            }
            Err(failure) => return Err(source.client.told(failure)),
        }
    }
    let fields = vec![("fields", "core,scores,metrics".to_owned())];
    let answer = source.ask(path, fields, &rate, false);
    if let Ok(answer) = answer
        && let Some(whole) = listing::read(&answer.body, "observations")
    {
        let mut beside = whole.beside;
        // Groups that were not asked for come empty, which says nothing of the trace.
        for name in ["input", "output"] {
            beside.remove(name);
        }
        let row = row::trace(beside, &page.rows[from..]);
        page.rows.extend(row);
    }
    Ok(())
}
