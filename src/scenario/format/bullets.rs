//! Success criteria: one bullet each.

use std::collections::BTreeSet;
use std::ops::Range;

use archal_core::diagnostic::{Diagnostic, Span};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::super::spec::{Check, Criterion};
use super::sections::trimmed;

/// The longest id made from words, in bytes.
const MAX_ID: usize = 48;
/// The most criteria of one scenario.
const MAX_CRITERIA: usize = 200;

/// A bullet with the code spans in it.
struct Bullet {
    range: Range<usize>,
    /// Code spans: place of the whole and what they hold.
    code: Vec<(Range<usize>, String)>,
    nested: Option<Range<usize>>,
}

/// A criterion that is a sentence; until it is compiled it stands as one for the judge.
pub(super) struct Said {
    /// Its place among the criteria.
    pub(super) at: usize,
    /// Whether it is tagged `[D]`.
    pub(super) deterministic: bool,
    /// The words in the file.
    pub(super) span: Span,
}

/// Reads the criteria of a section, and which of them are sentences that may be compiled.
pub(super) fn criteria(
    text: &str,
    body: Range<usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Criterion>, Vec<Said>) {
    let mut bullets = bullets(text, body, diagnostics);
    if bullets.len() > MAX_CRITERIA {
        diagnostics.push(
            Diagnostic::error(
                "scenario/too-many-criteria",
                format!(
                    "at most {MAX_CRITERIA} criteria, these are {}",
                    bullets.len()
                ),
            )
            .at(trimmed(text, bullets[MAX_CRITERIA].range.clone())),
        );
        bullets.truncate(MAX_CRITERIA);
    }
    let mut ids = BTreeSet::new();
    let mut criteria = Vec::new();
    let mut said = Vec::new();
    for (at, bullet) in bullets.iter().enumerate() {
        if let Some((title, check, span, spoken)) = criterion(text, bullet, diagnostics) {
            if let Some((deterministic, span)) = spoken {
                said.push(Said {
                    at: criteria.len(),
                    deterministic,
                    span,
                });
            }
            let words = match (&title, &check) {
                (Some(title), _) => Some(title.as_str()),
                (None, Check::Judged { sentence }) => Some(sentence.as_str()),
                (None, Check::Cel { .. }) => None,
            };
            criteria.push(Criterion {
                id: unique_id(words, at + 1, &mut ids),
                title,
                check,
                span,
            });
        }
    }
    (criteria, said)
}

fn unique_id(words: Option<&str>, place: usize, taken: &mut BTreeSet<String>) -> String {
    let slug = words
        .map(|words| slug(words, MAX_ID))
        .filter(|slug| !slug.is_empty());
    let base = slug.unwrap_or_else(|| format!("c{place}"));
    let mut id = base.clone();
    let mut number = 2;
    while !taken.insert(id.clone()) {
        id = format!("{base}-{number}");
        number += 1;
    }
    id
}

/// Lower-case words joined by hyphens, cut at a word.
pub(in crate::scenario) fn slug(words: &str, limit: usize) -> String {
    let mut slug = String::new();
    let lower = words.to_lowercase();
    for word in lower.split(|c: char| !c.is_ascii_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        let more = word.len() + usize::from(!slug.is_empty());
        if slug.len() + more > limit {
            if slug.is_empty() {
                slug.extend(word.chars().take(limit));
            }
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(word);
    }
    slug
}

/// The bullets of a section; anything else in it is reported.
fn bullets(text: &str, body: Range<usize>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Bullet> {
    let mut bullets: Vec<Bullet> = Vec::new();
    let mut lists = 0_usize;
    let mut depth = 0_usize;
    let section = &text[body.clone()];
    for (event, range) in Parser::new_ext(section, Options::empty()).into_offset_iter() {
        let range = body.start + range.start..body.start + range.end;
        match event {
            Event::Start(tag) => {
                match tag {
                    Tag::List(_) => {
                        if lists > 0
                            && let Some(bullet) = bullets.last_mut()
                        {
                            bullet.nested.get_or_insert(range.clone());
                        }
                        lists += 1;
                    }
                    Tag::Item if lists == 1 => bullets.push(Bullet {
                        range,
                        code: Vec::new(),
                        nested: None,
                    }),
                    Tag::HtmlBlock => {}
                    _ if depth == 0 => diagnostics.push(
                        Diagnostic::error("scenario/criterion", "a criterion is a bullet")
                            .at(trimmed(text, range))
                            .with_help("write - [D] and the condition in backticks, or - [P] and a sentence"),
                    ),
                    _ => {}
                }
                depth += 1;
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                if matches!(end, TagEnd::List(_)) {
                    lists = lists.saturating_sub(1);
                }
            }
            Event::Code(code) => {
                if let Some(bullet) = bullets.last_mut() {
                    bullet.code.push((range, code.into_string()));
                }
            }
            _ => {}
        }
    }
    bullets
}

/// How a bullet is tagged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marked {
    Deterministic,
    Judged,
    Not,
}

fn criterion(
    text: &str,
    bullet: &Bullet,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Option<String>, Check, Span, Option<(bool, Span)>)> {
    let whole = trimmed(text, bullet.range.clone());
    if let Some(nested) = &bullet.nested {
        diagnostics.push(
            Diagnostic::error(
                "scenario/criterion",
                "a criterion has no bullets of its own",
            )
            .at(trimmed(text, nested.clone())),
        );
        return None;
    }
    let marker = text[whole.start..whole.end]
        .find(char::is_whitespace)
        .map_or(whole.end, |at| whole.start + at);
    let words = trimmed(text, marker..whole.end);
    let (marked, words) = tag(text, words, diagnostics)?;
    let sentence = &text[words.start..words.end];
    if sentence.is_empty() {
        diagnostics
            .push(Diagnostic::error("scenario/criterion", "the criterion is empty").at(whole));
        return None;
    }
    let code = bullet
        .code
        .last()
        .filter(|(range, _)| range.end == words.end);
    let code = code.and_then(|(range, source)| {
        let title = text[words.start..range.start].trim();
        // Without a colon the code is a word of the sentence: "has the label `stale`".
        let title = if title.is_empty() {
            title
        } else {
            title.strip_suffix(':')?
        };
        Some((one_line(title), range, source))
    });
    match (marked, code) {
        (Marked::Deterministic | Marked::Not, Some((title, range, source))) => {
            let check = Check::Cel {
                source: source.clone(),
                span: code_span(text, range, source),
                sentence: None,
            };
            Some(((!title.is_empty()).then_some(title), check, whole, None))
        }
        (marked, _) => {
            let check = Check::Judged {
                sentence: one_line(sentence),
            };
            let spoken = match marked {
                Marked::Judged => None,
                Marked::Deterministic => Some((true, words)),
                Marked::Not => Some((false, words)),
            };
            Some((None, check, whole, spoken))
        }
    }
}

/// Splits the tag off a criterion's words.
fn tag(text: &str, words: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<(Marked, Span)> {
    let sentence = &text[words.start..words.end];
    let Some(rest) = sentence.strip_prefix('[') else {
        return Some((Marked::Not, words));
    };
    // A longer bracket is part of the words: a link, a quotation.
    let Some((name, _)) = rest
        .split_once(']')
        .filter(|(name, _)| name.chars().count() <= 2)
    else {
        return Some((Marked::Not, words));
    };
    let after = words.start + name.len() + 2;
    let rest = trimmed(text, after..words.end);
    match name.trim() {
        "D" | "d" => Some((Marked::Deterministic, rest)),
        "P" | "p" => Some((Marked::Judged, rest)),
        _ => {
            diagnostics.push(
                Diagnostic::error("scenario/criterion", format!("unknown tag `[{name}]`"))
                    .at(words.start..after)
                    .with_help("[D] is decided on state, calls and the run, [P] by the judge"),
            );
            None
        }
    }
}

/// Where the code itself stands; the whole span where it was changed by line ends.
fn code_span(text: &str, range: &Range<usize>, source: &str) -> Span {
    match text[range.clone()].find(source) {
        Some(at) => Span {
            start: range.start + at,
            end: range.start + at + source.len(),
        },
        None => range.clone().into(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
