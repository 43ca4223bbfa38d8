//! Observations, newest first, page by page.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Page, PullError, PullErrorKind};
use serde_json::{Map, Value};

use super::adapter::{CUT, Fields};
use super::cursor::{Cursor, Walk, Window};
use super::{Langfuse, Listed, row};
use crate::client::Failure;

pub(super) const PATH: &str = "/api/public/v2/observations";

/// Groups of fields. An unknown name is ignored there without a word.
const FIELDS: &str = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context";
/// The same without what can be large.
const WITHOUT_CONTENT: &str = "core,basic,time,model,usage,prompt,metrics,trace_context";
/// Characters after which Langfuse cuts a value of metadata that was not asked for by name.
const CUT_AFTER: usize = 200;
/// Names of metadata that are asked for.
const MOST_EXPANDED: usize = 50;
/// The longest of them.
const LONGEST_NAME: usize = 100;
/// Pages in a row that bring nothing. They are allowed, and not for ever.
const MOST_EMPTY: u32 = 1_000;
/// Rows of a page at most.
const MOST_ROWS: u32 = 1_000;
/// Times that a question is made smaller.
const MOST_SMALLER: u32 = 64;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// What began then.
    Window(Window),
    /// One trace.
    Trace(&'a str),
}

/// The next page of a walk.
pub(super) fn page(
    source: &mut Langfuse,
    cursor: &mut Cursor,
    walk: &mut Walk,
    began: Timestamp,
    page: &mut Page,
) -> Result<(), PullError> {
    let Some(mut window) = walk.window() else {
        return Ok(());
    };
    let mut smaller = 0;
    let listed = loop {
        match fetch(
            source,
            cursor,
            Wanted::Window(window),
            walk.cursor.as_deref(),
        ) {
            Ok(listed) => break listed,
            Err(failure) => {
                // What the database of Langfuse cannot do in time is a matter of the window, too.
                let is_slow = matches!(failure, Failure::Refused { status: 422, .. });
                smaller += 1;
                if smaller > MOST_SMALLER || !(is_slow && walk.halve(began)) {
                    return Err(source.client.told(failure));
                }
                cursor.fewer();
                window = walk.window().unwrap_or_default();
            }
        }
    };
    let reached = listed
        .rows
        .iter()
        .filter_map(|row| Fields(row).time("startTime"));
    walk.reached = reached.min().or(walk.reached);
    let next = listed.after(walk.cursor.as_deref())?;
    walk.empty = if listed.rows.is_empty() {
        walk.empty + 1
    } else {
        0
    };
    if walk.empty > MOST_EMPTY {
        return Err(PullError::new(
            PullErrorKind::Answer,
            format!("Langfuse answers {MOST_EMPTY} empty pages in a row"),
        ));
    }
    take(source, listed.rows, page);
    match next {
        Some(next) => walk.cursor = Some(next),
        None => {
            walk.next_window();
            // A trace that lies across the border has its earlier observations, and its root, behind it.
            let is_over = walk.window().is_none();
            (page.is_checkpoint, page.is_rooted_whole) = (is_over, !is_over);
        }
    }
    Ok(())
}

/// Adds what was listed to a page.
pub(super) fn take(source: &mut Langfuse, rows: Vec<Map<String, Value>>, page: &mut Page) {
    let came = rows.len();
    let rows: Vec<_> = rows.into_iter().filter_map(row::observation).collect();
    let homeless = came - rows.len();
    if homeless > 0 {
        source.findings.push(Diagnostic::warning(
            "trace/bad-row",
            format!("observations without an id or a trace: {homeless}"),
        ));
    }
    page.rows.extend(rows);
}

/// Observations with their content: fewer at a time where they are large, and one that is too large
/// alone without its content.
pub(super) fn fetch(
    source: &mut Langfuse,
    cursor: &mut Cursor,
    wanted: Wanted<'_>,
    at: Option<&str>,
) -> Result<Listed, Failure> {
    loop {
        let asked = cursor.rows;
        let listed = list(source, cursor, FIELDS, asked, wanted, at);
        let failure = match listed {
            Ok(mut listed) => {
                expand(source, cursor, &mut listed, asked, wanted, at);
                if listed.rows.len() == asked as usize {
                    cursor.more(listed.size, MOST_ROWS);
                }
                return Ok(listed);
            }
            Err(failure) => failure,
        };
        let is_slow = matches!(failure, Failure::Refused { status: 422, .. });
        if !failure.is_of_size() || (is_slow && matches!(wanted, Wanted::Window(_))) {
            return Err(failure);
        }
        if cursor.fewer() {
            continue;
        }
        let mut listed = match list(source, cursor, WITHOUT_CONTENT, 1, wanted, at) {
            Ok(listed) => listed,
            Err(Failure::Stopped) => return Err(Failure::Stopped),
            Err(_) => return Err(failure),
        };
        if !failure.is_too_large() {
            // Langfuse answers by now; whether it was the row or an outage shows only here.
            match list(source, cursor, FIELDS, 1, wanted, at) {
                Ok(whole) => return Ok(whole),
                Err(again) if again.is_of_size() => {}
                Err(other) => return Err(other),
            }
        }
        for row in &mut listed.rows {
            row.insert(CUT.to_owned(), Value::Bool(true));
            let id = Fields(row).text("id").unwrap_or_default();
            source.findings.push(Diagnostic::warning(
                "langfuse/too-large",
                format!(
                    "observation `{}` is too large to be fetched with its content",
                    crate::normalise::shown(id)
                ),
            ));
        }
        return Ok(listed);
    }
}

fn list(
    source: &mut Langfuse,
    cursor: &Cursor,
    fields: &str,
    rows: u32,
    wanted: Wanted<'_>,
    at: Option<&str>,
) -> Result<Listed, Failure> {
    let mut query = vec![("fields", fields.to_owned()), ("limit", rows.to_string())];
    match wanted {
        Wanted::Window(window) => {
            query.extend(window.from.map(|from| ("fromStartTime", from.to_string())));
            query.extend(window.to.map(|to| ("toStartTime", to.to_string())));
        }
        Wanted::Trace(trace) => query.push(("traceId", trace.to_owned())),
    }
    for environment in &source.settings.environments {
        query.push(("environment", environment.clone()));
    }
    if !cursor.expand.is_empty() && fields.contains("metadata") {
        query.push(("expandMetadata", cursor.expand.join(",")));
    }
    query.extend(at.map(|at| ("cursor", at.to_owned())));
    let rate = source.settings.rate.clone();
    source.list(PATH, query, &rate, rows > 1)
}

/// Times alone, of as many as there may be at a time.
pub(super) fn list_times(
    source: &mut Langfuse,
    cursor: &Cursor,
    window: Window,
    at: Option<&str>,
) -> Result<Listed, Failure> {
    list(
        source,
        cursor,
        "core,time",
        MOST_ROWS,
        Wanted::Window(window),
        at,
    )
}

/// Reads values of metadata again that are as long as cut ones are. Their names are remembered, so that
/// the next page has them whole at once.
fn expand(
    source: &mut Langfuse,
    cursor: &mut Cursor,
    listed: &mut Listed,
    rows: u32,
    wanted: Wanted<'_>,
    at: Option<&str>,
) {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for row in &listed.rows {
        if let Some(Value::Object(metadata)) = row.get("metadata") {
            let cut = metadata.iter().filter(|(_, value)| is_cut(value));
            names.extend(cut.map(|(name, _)| name.clone()));
        }
    }
    names.retain(|name| !cursor.expand.contains(name));
    let before = cursor.expand.len();
    let mut beyond = 0;
    for name in names {
        let is_sayable = !name.contains(',') && name.len() <= LONGEST_NAME && !is_like_a_key(&name);
        if is_sayable && cursor.expand.len() < MOST_EXPANDED {
            cursor.expand.push(name);
        } else {
            beyond += 1;
        }
    }
    if beyond > 0 {
        source.findings.push(Diagnostic::note(
            "langfuse/cut-metadata",
            format!(
                "names of metadata whose values may be cut after {CUT_AFTER} characters: {beyond}"
            ),
        ));
    }
    if cursor.expand.len() == before {
        return;
    }
    match list(source, cursor, "core,metadata", rows, wanted, at) {
        Ok(whole) => {
            let id = |row: &Map<String, Value>| Fields(row).text("id").map(str::to_owned);
            let mut by_id: BTreeMap<String, Value> = whole
                .rows
                .into_iter()
                .filter_map(|mut row| Some((id(&row)?, row.remove("metadata")?)))
                .collect();
            for row in &mut listed.rows {
                if let Some(metadata) = id(row).and_then(|id| by_id.remove(&id)) {
                    row.insert("metadata".to_owned(), metadata);
                }
            }
        }
        Err(_) => {
            cursor.expand.truncate(before);
            source.findings.push(Diagnostic::note(
                "langfuse/cut-metadata",
                format!("values of metadata were cut after {CUT_AFTER} characters and could not be read again"),
            ));
        }
    }
}

/// Whether a name may be a secret that somebody took for a name: it would stand in the cursor.
fn is_like_a_key(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|run| run.len() >= 16 && run.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether a value is as long as one that was cut, with or without three dots behind it.
fn is_cut(value: &Value) -> bool {
    let length = |text: &str| text.chars().take(CUT_AFTER + 4).count();
    value
        .as_str()
        .is_some_and(|text| (CUT_AFTER..=CUT_AFTER + 3).contains(&length(text)))
}
