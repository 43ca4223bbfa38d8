//! Setup: its words and the starting states written out in it.

use std::ops::Range;

use archal_core::diagnostic::{Diagnostic, Span};
use serde_json::Value;

use super::sections::{fences, prose, trimmed};

/// A block whose clone may not be known yet.
#[derive(Debug)]
pub(super) struct RawBlock {
    /// The clone its fence names.
    pub(super) clone: Option<(String, Span)>,
    pub(super) document: Value,
    /// Where the document stands.
    pub(super) span: Span,
}

/// A section of words and blocks.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// The words without the blocks, with the place of the first.
    pub(super) prose: Option<(String, Span)>,
    pub(super) blocks: Vec<RawBlock>,
}

/// Reads a section of words and blocks.
pub(super) fn setup(text: &str, body: Range<usize>, diagnostics: &mut Vec<Diagnostic>) -> Setup {
    let section = &text[body.clone()];
    let mut blocks = Vec::new();
    let mut words = String::new();
    let mut first = None;
    let mut from = 0;
    let mut keep = |piece: Range<usize>| {
        let kept = section[piece.clone()].trim();
        if kept.is_empty() {
            return;
        }
        first.get_or_insert(trimmed(
            text,
            body.start + piece.start..body.start + piece.end,
        ));
        if !words.is_empty() {
            words.push_str("\n\n");
        }
        words.push_str(kept);
    };
    for fence in fences(section) {
        if fence.info == "text" {
            continue;
        }
        keep(from..fence.range.start);
        from = fence.range.end;
        let content = body.start + fence.content.start..body.start + fence.content.end;
        let opening = Span {
            start: body.start + fence.range.start,
            end: body.start + fence.content.start,
        };
        let opening = trimmed(text, opening.start..opening.end.max(opening.start));
        if let Some(block) = block(text, &fence.info, opening, content, diagnostics) {
            blocks.push(block);
        }
    }
    keep(from..section.len());
    Setup {
        prose: prose(&words).zip(first),
        blocks,
    }
}

fn block(
    text: &str,
    info: &str,
    opening: Span,
    content: Range<usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RawBlock> {
    let mut words = info.split_whitespace();
    let language = words.next().unwrap_or_default().to_lowercase();
    let clone = words.next().map(|name| {
        let at = text[opening.start..opening.end].rfind(name).unwrap_or(0);
        let start = opening.start + at;
        (
            name.to_owned(),
            Span {
                start,
                end: start + name.len(),
            },
        )
    });
    let source = &text[content.clone()];
    let parsed = match language.as_str() {
        "json" => json(source),
        "yaml" | "yml" => yaml(source),
        _ => {
            let what = if language.is_empty() {
                "one without a language".to_owned()
            } else {
                format!("`{language}`")
            };
            diagnostics.push(
                Diagnostic::error(
                    "scenario/seed-block",
                    format!("a fenced block here is a starting state in json or yaml, not {what}"),
                )
                .at(opening)
                .with_help("write ```yaml github, or ```text for words"),
            );
            return None;
        }
    };
    match parsed {
        Ok(document @ Value::Object(_)) => Some(RawBlock {
            clone,
            document,
            span: content.into(),
        }),
        Ok(_) => {
            diagnostics.push(
                Diagnostic::error(
                    "scenario/seed-block",
                    "a starting state is an object of tables, each a list of rows",
                )
                .at(trimmed(text, content)),
            );
            None
        }
        Err((message, at)) => {
            let start = content.start + at.min(source.len());
            let end = line_end(text, start, content.end);
            diagnostics.push(
                Diagnostic::error("scenario/seed-block", format!("not {language}: {message}"))
                    .at(start..end),
            );
            None
        }
    }
}

/// The end of the line at `start`, at least one character on where there is one.
fn line_end(text: &str, start: usize, limit: usize) -> usize {
    let rest = &text[start..limit];
    let line = rest.find('\n').unwrap_or(rest.len());
    start + rest[..line].trim_end().len()
}

fn json(source: &str) -> Result<Value, (String, usize)> {
    serde_json::from_str(source).map_err(|error| {
        let at = offset(source, error.line(), error.column().saturating_sub(1));
        let message = error.to_string();
        // The position is in the span.
        let message = message.split(" at line ").next().unwrap_or_default();
        (message.to_owned(), at)
    })
}

fn yaml(source: &str) -> Result<Value, (String, usize)> {
    serde_saphyr::from_str(source).map_err(|error| {
        let error = error.without_snippet();
        let at = error
            .location()
            .and_then(|location| location.span().byte_offset())
            .and_then(|at| usize::try_from(at).ok())
            .unwrap_or(0);
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default();
        let message = message.split(" at line ").next().unwrap_or_default();
        // The crate's advice to programmers is none to people.
        let message = message.split(", set ").next().unwrap_or_default();
        let message = if message.starts_with("budget breached") {
            "it is too large once its aliases are followed"
        } else {
            message
        };
        (message.to_owned(), floor(source, at))
    })
}

/// The byte offset of a line from 1 and a byte column from 0.
fn offset(source: &str, line: usize, column: usize) -> usize {
    let start: usize = source
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    floor(source, start + column)
}

fn floor(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}
