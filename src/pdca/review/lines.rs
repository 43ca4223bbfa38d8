//! The lines of a review: which are prose, headings and rows of tables.

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Without its end.
    pub(super) text: &'a str,
    /// Where it begins in the whole text.
    pub(super) start: usize,
    /// From 1.
    pub(super) number: usize,
    /// Whether it is neither quoted nor in a code block.
    pub(super) is_prose: bool,
    /// The level, where it is a heading.
    pub(super) heading: Option<usize>,
}

impl<'a> Line<'a> {
    /// Whether it is a row of a table.
    pub(super) fn is_row(&self) -> bool {
        self.is_prose && self.text.trim_start().starts_with('|')
    }

    /// The text of a heading.
    pub(super) fn title(&self) -> &'a str {
        self.text.trim().trim_start_matches('#').trim()
    }
}

/// The lines of a text.
pub(super) fn of(text: &str) -> Vec<Line<'_>> {
    let mut fence: Option<(char, usize)> = None;
    let mut start = 0;
    let mut lines = Vec::new();
    for (number, whole) in (1..).zip(text.split_inclusive('\n')) {
        let line = whole.trim_end_matches(['\n', '\r']);
        let trimmed = line.trim_start();
        let mark = trimmed.chars().next().unwrap_or(' ');
        let run = trimmed.chars().take_while(|c| *c == mark).count();
        let is_mark = matches!(mark, '`' | '~') && run >= 3;
        let is_code = match fence {
            None if is_mark => {
                fence = Some((mark, run));
                true
            }
            None => line.starts_with("    ") && !is_listed(trimmed),
            Some((open, length)) => {
                let closes = mark == open && run >= length && trimmed[run..].trim().is_empty();
                if closes {
                    fence = None;
                }
                true
            }
        };
        let is_prose = !is_code && mark != '>';
        let level = if mark == '#' && run <= 6 && trimmed[run..].starts_with([' ', '\t']) {
            Some(run)
        } else {
            None
        };
        lines.push(Line {
            text: line,
            start,
            number,
            is_prose,
            heading: level.filter(|_| is_prose),
        });
        start += whole.len();
    }
    lines
}

/// Items of nested lists and rows are indented, too.
fn is_listed(trimmed: &str) -> bool {
    let number = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
    trimmed.starts_with(['-', '*', '+', '|'])
        || (number.len() < trimmed.len() && number.starts_with(['.', ')']))
}
