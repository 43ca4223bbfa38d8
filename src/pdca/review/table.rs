//! Findings as rows of a table.

use std::ops::Range;

use super::super::finding::Severity;
use super::super::role::Role;
use super::lines::Line;
use super::words;
use super::{Found, Parts, found};

/// Which column says what.
#[derive(Default)]
struct Columns {
    severity: Option<usize>,
    location: Option<usize>,
    category: Option<usize>,
    description: Option<usize>,
    fix: Option<usize>,
}

/// A cell and where it stands in the whole text.
struct Cell<'a> {
    text: &'a str,
    start: usize,
}

/// The findings of the table that `lines` begin with, and how many lines it has.
pub(super) fn rows(role: Role, lines: &[Line<'_>]) -> (Vec<Found>, usize) {
    let count = lines.iter().take_while(|line| line.is_row()).count();
    let table = &lines[..count];
    let columns = table
        .first()
        .map_or_else(Columns::default, |line| columns(line));
    let rows = table.iter().filter(|line| !is_rule(line));
    (
        rows.filter_map(|line| row(role, line, &columns)).collect(),
        count,
    )
}

fn row(role: Role, line: &Line<'_>, columns: &Columns) -> Option<Found> {
    let cells = cells(line);
    let begins = |at: &usize| {
        let cell = cells.get(*at);
        cell.is_some_and(|cell| words::leading_severity(cell.text).is_some())
    };
    let said = columns
        .severity
        .filter(begins)
        .or_else(|| Some(0).filter(begins))
        .or_else(|| alone(&cells))?;
    let severity_cell = cells.get(said)?;
    let (severity, within) = words::leading_severity(severity_cell.text)?;
    // A header has no finding, and a row like `CRITICAL | 0` counts.
    let rest = cells.iter().enumerate().filter(|(at, _)| *at != said);
    let others: Vec<&str> = rest.map(|(_, cell)| cell.text).collect();
    if !others
        .iter()
        .any(|text| text.chars().any(char::is_alphabetic))
    {
        return None;
    }
    let named = |column: Option<usize>| column.and_then(|at| cells.get(at)).map(|cell| cell.text);
    let parts = if columns.severity.is_some() {
        Parts {
            location: named(columns.location).unwrap_or_default(),
            category: named(columns.category).unwrap_or_default(),
            description: named(columns.description).unwrap_or_default(),
            fix: named(columns.fix).unwrap_or_default(),
        }
    } else {
        guessed(&others)
    };
    let token: Range<usize> = severity_cell.start + within.start..severity_cell.start + within.end;
    let text = line.text.trim().to_owned();
    Some(found(
        role,
        severity,
        &parts,
        text,
        vec![token],
        line.number,
    ))
}

/// The only cell that is a severity and nothing else, lowered or not; the header of a count has several.
fn alone(cells: &[Cell<'_>]) -> Option<usize> {
    let is_severity = |cell: &Cell<'_>| {
        let text = words::plain(&words::without_downgrade(cell.text));
        Severity::parse(&text).is_some_and(|severity| severity.name().eq_ignore_ascii_case(&text))
    };
    let at = cells.iter().position(is_severity)?;
    let (_, rest) = cells.split_at(at + 1);
    let counts = rest
        .first()
        .is_some_and(|next| words::is_tally(&words::plain(next.text)));
    (!counts && !rest.iter().any(is_severity)).then_some(at)
}

/// The parts of a row without a header, by what they look like.
fn guessed<'a>(cells: &[&'a str]) -> Parts<'a> {
    let mut parts = Parts::default();
    for text in cells {
        if parts.category.is_empty() && words::is_category(text) {
            parts.category = text;
        } else if parts.location.is_empty() && is_place(text) {
            parts.location = text;
        } else if parts.description.is_empty() {
            parts.description = text;
        } else if parts.fix.is_empty() {
            parts.fix = text;
        }
    }
    parts
}

/// Whether a cell is a path and nothing else, with or without a line.
fn is_place(text: &str) -> bool {
    let text = words::plain(text);
    let has_letter = text.contains(|c: char| c.is_ascii_alphabetic());
    has_letter && !text.contains(' ') && text.contains(['.', '/'])
}

fn columns(header: &Line<'_>) -> Columns {
    let names: Vec<String> = cells(header)
        .iter()
        .map(|cell| words::plain(cell.text).to_ascii_lowercase())
        .collect();
    let column = |known: &[&str]| {
        known
            .iter()
            .find_map(|known| names.iter().position(|name| name == known))
    };
    Columns {
        severity: column(&["severity", "impact"]),
        location: column(&["location", "file", "where", "place", "path"]),
        category: column(&["category", "type", "kind", "area"]),
        description: column(&[
            "description",
            "issue",
            "finding",
            "problem",
            "details",
            "summary",
        ]),
        fix: column(&["fix", "suggested fix", "suggestion", "recommendation"]),
    }
}

fn is_rule(line: &Line<'_>) -> bool {
    line.text.chars().all(|c| "|:- \t".contains(c))
}

/// The cells of a row; `\|` does not end one.
fn cells<'a>(line: &Line<'a>) -> Vec<Cell<'a>> {
    let mut cells = Vec::new();
    let text = line.text;
    let indent = text.len() - text.trim_start().len();
    let mut start = indent + 1;
    let mut before = ' ';
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at <= indent) {
        if c == '|' && before != '\\' {
            cells.push(Cell {
                text: &text[start..at],
                start: line.start + start,
            });
            start = at + 1;
        }
        before = c;
    }
    let rest = text.get(start..).unwrap_or_default();
    if !rest.trim().is_empty() {
        cells.push(Cell {
            text: rest,
            start: line.start + start,
        });
    }
    cells
}
