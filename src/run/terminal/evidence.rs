//! What a run left: its calls and what changed, for a person.

use serde_json::Value;

use crate::report::style::Style;
use crate::run::kept::evidence::{Call, Collection, Evidence};
use crate::run::render::{quote, words};

use super::page::Page;
use super::{Detail, Look};

/// The longest line.
const WIDTH: usize = 200;
/// Where things stand.
const INDENT: usize = 13;
/// Rows of each kind that are told of a collection.
const ROWS: usize = 10;

/// The calls of a run and what they changed; with [`Detail::All`] bodies and outputs, too.
pub fn evidence(evidence: &Evidence, look: Look<'_>) -> String {
    let mut page = Page::new(look.width);
    for why in &evidence.unreadable {
        page.line(0, &Style::Warning.paint(&quote::line(why, WIDTH)));
    }
    page.line(0, &Style::Heading.paint("calls"));
    if evidence.calls.is_empty() {
        page.line(INDENT, "none");
    }
    for one in &evidence.calls {
        call(&mut page, one, look);
    }
    if evidence.calls_left_out > 0 {
        page.line(INDENT, &words::count(evidence.calls_left_out, "more call"));
    }
    page.line(0, &Style::Heading.paint("state changes"));
    if evidence.changes.is_empty() {
        page.line(INDENT, "none");
    }
    for one in &evidence.changes {
        changes(&mut page, one, look);
    }
    if look.detail == Detail::All {
        for (what, tail) in [("stdout", &evidence.stdout), ("stderr", &evidence.stderr)] {
            if !tail.text.is_empty() {
                page.line(0, &Style::Heading.paint(what));
                let lines = quote::tail(&tail.text, 500, 1_000).lines;
                lines.iter().for_each(|line| page.quoted(0, line));
            }
        }
    }
    page.into_text()
}

fn call(page: &mut Page, call: &Call, look: Look<'_>) {
    let style = match call.status {
        0..400 => Style::Good,
        400..500 => Style::Warning,
        _ => Style::Error,
    };
    let what = quote::line(&call.what(), WIDTH);
    page.hanging(
        0,
        &format!(
            "{:>6}  {}  ",
            call.seq,
            style.paint(&call.status.to_string())
        ),
        &format!(
            "{} {} {}",
            quote::line(&call.method, WIDTH),
            quote::line(&call.path, WIDTH),
            Style::Faint.paint(&format!("({} {what})", quote::line(&call.clone, WIDTH)))
        ),
    );
    for change in &call.changes {
        let part = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
        let text = format!("{} {} {}", part("change"), part("table"), part("key"));
        page.line(INDENT, &Style::Faint.paint(&quote::line(&text, WIDTH)));
    }
    if look.detail == Detail::All {
        for (head, body) in [("→", &call.request.body), ("←", &call.response.body)] {
            if !body.is_null() {
                page.quoted(INDENT, &format!("{head} {}", quote::row(body, 2_000)));
            }
        }
    }
}

fn changes(page: &mut Page, changes: &Collection, look: Look<'_>) {
    let most = if look.detail == Detail::All {
        usize::MAX
    } else {
        ROWS
    };
    let name = format!("{}.{}", changes.clone, changes.collection);
    page.line(
        INDENT,
        &format!(
            "{}: {} added, {} removed, {} changed",
            quote::line(&name, WIDTH),
            changes.added.len(),
            changes.removed.len(),
            changes.changed.len()
        ),
    );
    let inner = INDENT + 2;
    for (sign, style, rows) in [
        ("+", Style::Good, &changes.added),
        ("-", Style::Error, &changes.removed),
    ] {
        for row in rows.iter().take(most) {
            let head = format!("{} ", style.paint(sign));
            page.hanging(inner, &head, &quote::row(row, WIDTH));
        }
    }
    for row in changes.changed.iter().take(most) {
        let key = row
            .key
            .as_str()
            .map_or_else(|| row.key.to_string(), str::to_owned);
        for field in &row.fields {
            let side = |side: &Value| {
                side.get(field)
                    .map_or_else(|| "absent".to_owned(), |value| quote::row(value, 80))
            };
            page.hanging(
                inner,
                &format!("{} ", Style::Warning.paint("~")),
                &format!(
                    "{} {}: {} → {}",
                    quote::line(&key, WIDTH),
                    quote::line(field, WIDTH),
                    side(&row.before),
                    side(&row.after)
                ),
            );
        }
    }
    let told = |rows: usize| rows.saturating_sub(most);
    let left = changes.left_out
        + told(changes.added.len())
        + told(changes.removed.len())
        + told(changes.changed.len());
    if left > 0 {
        page.line(inner, &Style::Faint.paint(&words::count(left, "more row")));
    }
}
