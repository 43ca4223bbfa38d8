//! The outline of a scenario file: its title and sections with their places.

use std::ops::Range;

use archal_core::diagnostic::{Diagnostic, Span, nearest};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionKind {
    Setup,
    Prompt,
    Expected,
    Criteria,
    Config,
    SeedState,
}

/// Every heading that is understood; the first of each kind is the name to write.
const HEADINGS: &[(&str, SectionKind)] = &[
    ("Setup", SectionKind::Setup),
    ("Context", SectionKind::Setup),
    ("Initial State", SectionKind::Setup),
    ("Prompt", SectionKind::Prompt),
    ("Task", SectionKind::Prompt),
    ("Instruction", SectionKind::Prompt),
    ("Instructions", SectionKind::Prompt),
    ("Request", SectionKind::Prompt),
    ("Expected Behavior", SectionKind::Expected),
    ("Expected Behaviour", SectionKind::Expected),
    ("Behavior", SectionKind::Expected),
    ("Behaviour", SectionKind::Expected),
    ("Judge Notes", SectionKind::Expected),
    ("Evaluation Notes", SectionKind::Expected),
    ("Success Criteria", SectionKind::Criteria),
    ("Success", SectionKind::Criteria),
    ("Criteria", SectionKind::Criteria),
    ("Checks", SectionKind::Criteria),
    ("Assertions", SectionKind::Criteria),
    ("Config", SectionKind::Config),
    ("Seed State", SectionKind::SeedState),
];

impl SectionKind {
    /// The heading to write.
    pub(super) fn heading(self) -> &'static str {
        HEADINGS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(heading, _)| *heading)
    }

    /// Whether a text heads a section that is understood.
    pub(super) fn of(heading: &str) -> Option<Self> {
        let folded = fold(heading);
        HEADINGS
            .iter()
            .find(|(known, _)| fold(known) == folded)
            .map(|(_, kind)| *kind)
    }
}

fn fold(heading: &str) -> String {
    let words: Vec<&str> = heading
        .trim()
        .trim_end_matches(':')
        .split_whitespace()
        .collect();
    words.join(" ").to_lowercase()
}

/// A section.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) kind: SectionKind,
    /// Its heading.
    pub(super) heading: Span,
    /// What is below the heading.
    pub(super) body: Range<usize>,
}

/// The outline of a file.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) title: Option<(String, Span)>,
    pub(super) sections: Vec<Section>,
}

impl Outline {
    /// The first section of a kind.
    pub(super) fn section(&self, kind: SectionKind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }
}

/// A heading of the first or second level that stands in no other block.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) top: bool,
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// The headings that divide a text.
pub(super) fn headings(text: &str) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    let mut depth = 0_usize;
    let mut open = false;
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if let (0, Tag::Heading { level, .. }) = (depth, &tag)
                    && matches!(level, HeadingLevel::H1 | HeadingLevel::H2)
                {
                    open = true;
                    found.push(Heading {
                        top: *level == HeadingLevel::H1,
                        text: String::new(),
                        range,
                    });
                }
                depth += 1;
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                if matches!(end, TagEnd::Heading(_)) {
                    open = false;
                }
            }
            Event::Text(part) | Event::Code(part) => {
                if let (true, Some(heading)) = (open, found.last_mut()) {
                    heading.text.push_str(&part);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let (true, Some(heading)) = (open, found.last_mut()) {
                    heading.text.push(' ');
                }
            }
            _ => {}
        }
    }
    found
}

/// Divides a file.
pub(super) fn outline(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Outline {
    let mut outline = Outline::default();
    let headings = headings(text);
    for (at, heading) in headings.iter().enumerate() {
        let span = trimmed(text, heading.range.clone());
        let end = headings
            .get(at + 1)
            .map_or(text.len(), |next| next.range.start);
        if heading.top {
            let title = heading.text.trim();
            if outline.title.is_some() {
                diagnostics.push(
                    Diagnostic::error("scenario/second-title", "a scenario has one title")
                        .at(span)
                        .with_help("use ### or deeper for headings inside a section"),
                );
            } else if title.is_empty() {
                diagnostics
                    .push(Diagnostic::error("scenario/no-title", "the title is empty").at(span));
                outline.title = Some((String::new(), span));
            } else {
                outline.title = Some((title.to_owned(), span));
            }
            continue;
        }
        let Some(kind) = SectionKind::of(&heading.text) else {
            diagnostics.push(unknown(&heading.text, span));
            continue;
        };
        if outline.section(kind).is_some() {
            let name = kind.heading();
            diagnostics.push(
                Diagnostic::error(
                    "scenario/duplicate-section",
                    format!("a second section `{}`", heading.text.trim()),
                )
                .at(span)
                .with_help(format!("keep one `## {name}`")),
            );
            continue;
        }
        outline.sections.push(Section {
            kind,
            heading: span,
            body: heading.range.end.min(end)..end,
        });
    }
    outline
}

fn unknown(heading: &str, span: Span) -> Diagnostic {
    let names = HEADINGS.iter().map(|(name, _)| *name);
    let help = match nearest(heading, names) {
        Some(near) => format!("did you mean `## {near}`?"),
        None => {
            "sections: Setup, Prompt, Expected Behavior, Success Criteria, Config, Seed State; \
                 use ### or deeper for headings inside a section"
                .to_owned()
        }
    };
    Diagnostic::error(
        "scenario/unknown-section",
        format!("unknown section `{}`", heading.trim()),
    )
    .at(span)
    .with_help(help)
}

/// A range without the white space at its ends.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Span {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    let end = range.start + slice.trim_end().len();
    Span {
        start: start.min(end.max(range.start)),
        end: end.max(range.start),
    }
}

/// A fenced block that stands in no other block.
#[derive(Debug)]
pub(super) struct Fence {
    /// What follows the opening fence.
    pub(super) info: String,
    /// The whole block.
    pub(super) range: Range<usize>,
    /// What is between the fences, without the last line's end.
    pub(super) content: Range<usize>,
}

/// The fenced blocks of a text.
pub(super) fn fences(text: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if let (0, Tag::CodeBlock(CodeBlockKind::Fenced(info))) = (depth, &tag) {
                    let content = fence_content(text, range.clone());
                    found.push(Fence {
                        info: info.trim().to_owned(),
                        range,
                        content,
                    });
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

fn fence_content(text: &str, range: Range<usize>) -> Range<usize> {
    let block = text[range.clone()].trim_end();
    let opening = block.trim_start();
    let mark = opening.chars().next().unwrap_or('`');
    let width = opening.chars().take_while(|c| *c == mark).count();
    let Some(first) = block.find('\n') else {
        return range.start + block.len()..range.start + block.len();
    };
    let start = first + 1;
    let last = block[start..]
        .rfind('\n')
        .map_or(start, |at| start + at + 1);
    let closing = block[last..].trim();
    let closed = closing.chars().all(|c| c == mark) && closing.chars().count() >= width;
    let end = if closed { last } else { block.len() };
    let mut content = &block[start..end];
    if closed {
        content = content.strip_suffix('\n').unwrap_or(content);
    }
    range.start + start..range.start + start + content.len()
}

/// The words of a section: as written, or, where it is nothing but a block fenced as `text`,
/// what that block holds. None where there are none.
pub(super) fn prose(section: &str) -> Option<String> {
    let text = section.trim();
    if text.is_empty() {
        return None;
    }
    if let [fence] = fences(text).as_slice()
        && fence.info == "text"
        && fence.range.start == 0
        && text[fence.range.end..].trim().is_empty()
    {
        let content = &text[fence.content.clone()];
        return (!content.trim().is_empty()).then(|| content.to_owned());
    }
    Some(text.to_owned())
}
