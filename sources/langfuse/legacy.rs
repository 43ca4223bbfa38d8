//! Releases before 4: traces are listed in order of time, and each is fetched whole.

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Page, PullError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::adapter::{CUT, Fields, LOST};
use super::cursor::{Api, Cursor, Walk, Window};
use super::page::tell_deprecation;
use super::{Langfuse, Listed, alone, row};
use crate::client::{Failure, listing};
use crate::normalise::shown;

pub(super) const PATH: &str = "/api/public/traces";
const OBSERVATIONS: &str = "/api/public/observations";
/// Traces of a page of the list; more is refused.
const ROWS: u32 = 100;
/// Traces that are fetched for one page of the engine.
const AT_ONCE: usize = 5;
/// Observations of a page, where a trace is too large as a whole: a power of two, so that half a page is
/// a page of its own.
const FEW: u64 = 64;
/// Pages of one such trace.
const MOST_PAGES: u32 = 1_000;
/// Observations of one such trace that may be left out before its rest is.
const MOST_LEFT_OUT: u64 = 20;
/// The same one after the other.
const MOST_IN_A_ROW: u64 = 3;

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
        let fetched = alone::fetch(source, Api::Legacy, |source| fetch(source, &trace, page));
        if let Err(failure) = fetched.map_err(|failure| source.client.told(failure))? {
            alone::tell(source, &trace, failure);
        }
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

/// Fetches a trace with all that is in it. One that is gone by now costs nothing; of one that cannot be
/// fetched nothing is left in the page.
pub(super) fn fetch(source: &mut Langfuse, trace: &str, page: &mut Page) -> Result<(), Failure> {
    let from = page.rows.len();
    let fetched = fetch_whole(source, trace, page);
    if fetched.is_err() {
        page.rows.truncate(from);
    }
    fetched
}

fn fetch_whole(source: &mut Langfuse, trace: &str, page: &mut Page) -> Result<(), Failure> {
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
        Err(failure) => return Err(failure),
    };
    let mut whole = listing::read(&answer.body, "observations").ok_or(Failure::NotJson)?;
    source.findings.append(&mut whole.findings);
    let from = page.rows.len();
    super::observations::take(source, whole.rows, page);
    take_beside(whole.beside, from, page);
    Ok(())
}

/// What stands beside a trace's observations: its scores, and what it is itself. Its observations are in
/// the page from a place on.
fn take_beside(mut beside: Map<String, Value>, from: usize, page: &mut Page) {
    let row = row::trace(beside.clone(), &page.rows[from..]);
    if let Some(Value::Array(scores)) = beside.remove("scores") {
        let scores = scores.into_iter().filter_map(|score| match score {
            Value::Object(score) => row::score(score),
            _ => None,
        });
        page.rows.extend(scores);
    }
    page.rows.extend(row);
}

/// A trace that is too large for one answer: its observations, then what it is.
fn in_parts(
    source: &mut Langfuse,
    trace: &str,
    path: &str,
    page: &mut Page,
) -> Result<(), Failure> {
    let from = page.rows.len();
    let lost = take_observations(source, trace, page)?;
    if lost > 0 {
        source.findings.push(Diagnostic::warning(
            "langfuse/too-large",
            format!(
                "observations of trace `{}` that are too large to be fetched: {lost}",
                shown(trace)
            ),
        ));
    }
    let rate = source.settings.legacy.clone();
    let beside = |source: &mut Langfuse, fields: &str| {
        let fields = vec![("fields", fields.to_owned())];
        let answer = source.ask(path, fields, &rate, false)?;
        let whole = listing::read(&answer.body, "observations").ok_or(Failure::NotJson)?;
        Ok(whole.beside)
    };
    let asked = alone::fetch(source, Api::Legacy, |source| {
        beside(source, "core,io,scores,metrics")
    });
    let mut beside = match asked {
        Ok(Ok(beside)) => beside,
        Ok(Err(_)) => {
            let mut bare = beside(source, "core,scores,metrics")?;
            // Groups that were not asked for come empty, which says nothing of the trace.
            for name in ["input", "output"] {
                bare.remove(name);
            }
            bare.insert(CUT.to_owned(), Value::Bool(true));
            bare
        }
        Err(failure) if failure.is_not_found() => {
            page.rows.truncate(from);
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    if lost > 0 {
        beside.insert(LOST.to_owned(), lost.into());
    }
    take_beside(beside, from, page);
    Ok(())
}

/// The observations of a trace, fewer at a time where they are large; how many are lost.
fn take_observations(source: &mut Langfuse, trace: &str, page: &mut Page) -> Result<u64, Failure> {
    let rate = source.settings.legacy.clone();
    let (mut at, mut few) = (0, FEW);
    let (mut left_out, mut in_a_row) = (0, 0);
    let mut total = None;
    for _ in 0..MOST_PAGES {
        let ask = |source: &mut Langfuse| {
            let query = vec![
                ("traceId", trace.to_owned()),
                ("page", (at / few + 1).to_string()),
                ("limit", few.to_string()),
            ];
            source.list(OBSERVATIONS, query, &rate, few > 1)
        };
        let asked = if few > 1 {
            match ask(source) {
                Err(failure) if failure.is_of_size() => {
                    few /= 2;
                    continue;
                }
                asked => Ok(asked?),
            }
        } else {
            alone::fetch(source, Api::Legacy, ask)?
        };
        let number = |listed: &Listed, name: &str| listed.meta.get(name).and_then(Value::as_u64);
        match asked {
            Ok(listed) => {
                in_a_row = 0;
                total = number(&listed, "totalItems").or(total);
                let pages = number(&listed, "totalPages").unwrap_or_default();
                let is_last = listed.rows.is_empty() || at / few + 1 >= pages;
                super::observations::take(source, listed.rows, page);
                if is_last {
                    return Ok(left_out);
                }
            }
            Err(_) => {
                left_out += 1;
                in_a_row += 1;
                if left_out >= MOST_LEFT_OUT || in_a_row >= MOST_IN_A_ROW {
                    at += few;
                    break;
                }
            }
        }
        at += few;
        if few < FEW && at % (2 * few) == 0 {
            few *= 2;
        }
    }
    // How many there are beyond is known where one page came.
    let beyond = total.unwrap_or_default().saturating_sub(at);
    Ok((left_out + beyond).max(1))
}
