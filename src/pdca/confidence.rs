//! What agents say of themselves: the Creator's confidence, and the last line of every answer.

use super::finding::{Confidence, Status};

/// Below this an axis opens the gate.
const LOW: f64 = 0.5;

/// What the axes are called in the table of a proposal.
const UNDERSTANDING: &str = "task understanding";
const COMPLETENESS: &str = "solution completeness";
const RISK: &str = "risk coverage";

impl Confidence {
    /// Reads the table of a proposal: below the heading `Confidence` where there is one.
    pub fn read(proposal: &str) -> Self {
        let section = section(proposal, "confidence").unwrap_or(proposal);
        let score = |axis: &str| {
            section
                .lines()
                .filter_map(cells)
                .find(|cells| plain(cells[0]).eq_ignore_ascii_case(axis))
                .and_then(|cells| cells[1..].iter().find_map(|cell| number(cell)))
                .unwrap_or_default()
        };
        Self {
            task_understanding: score(UNDERSTANDING),
            solution_completeness: score(COMPLETENESS),
            risk_coverage: score(RISK),
        }
    }

    /// Whether the task was not understood.
    pub fn lacks_understanding(&self) -> bool {
        self.task_understanding < LOW
    }

    /// Whether the proposal is not the whole of it.
    pub fn lacks_completeness(&self) -> bool {
        self.solution_completeness < LOW
    }

    /// Whether the risks are not known.
    pub fn lacks_risk(&self) -> bool {
        self.risk_coverage < LOW
    }

    /// For people: each axis with its score.
    pub fn shown(&self) -> String {
        format!(
            "{UNDERSTANDING} {:.2}, {COMPLETENESS} {:.2}, {RISK} {:.2}",
            self.task_understanding, self.solution_completeness, self.risk_coverage
        )
    }
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?;
    let row = row.strip_suffix('|').unwrap_or(row);
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    (cells.len() >= 2).then_some(cells)
}

fn plain(cell: &str) -> String {
    cell.trim_matches(|c: char| c == '*' || c == '`' || c == ' ')
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn number(cell: &str) -> Option<f64> {
    let number: f64 = plain(cell).parse().ok()?;
    (0.0..=1.0).contains(&number).then_some(number)
}

/// The text below the first heading that begins with these words, to the next heading of its level or
/// above; none where there is no such heading. Lines of fenced code are no headings.
pub fn section<'a>(text: &'a str, title: &str) -> Option<&'a str> {
    let mut fence: Option<&str> = None;
    let (mut begin, mut level, mut at) = (None, 0, 0);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        if fence.is_some() || mark.is_some() {
            continue;
        }
        let depth = trimmed.chars().take_while(|c| *c == '#').count();
        if depth == 0 || !trimmed[depth..].starts_with(' ') {
            continue;
        }
        match begin {
            Some(begin) if depth <= level => return Some(&text[begin..start]),
            None if plain(&trimmed[depth..]).to_lowercase().starts_with(title) => {
                begin = Some(at);
                level = depth;
            }
            _ => {}
        }
    }
    begin.map(|begin| &text[begin..])
}

impl Status {
    /// Reads the last line of an answer that is not empty.
    pub fn read(answer: &str) -> Self {
        let mut lines = answer.lines().rev().map(plain);
        let last = lines.find(|line| !line.is_empty()).unwrap_or_default();
        let last = last.to_ascii_uppercase();
        let Some(word) = last.strip_prefix("STATUS:") else {
            return Self::Done;
        };
        match word.trim() {
            "DONE_WITH_CONCERNS" => Self::DoneWithConcerns,
            "NEEDS_CONTEXT" => Self::NeedsContext,
            "BLOCKED" => Self::Blocked,
            _ => Self::Done,
        }
    }

    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::DoneWithConcerns => "DONE_WITH_CONCERNS",
            Self::NeedsContext => "NEEDS_CONTEXT",
            Self::Blocked => "BLOCKED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_in_every_documented_shape() {
        let full = "## Proposal\n### Confidence\n| Axis | Score | Note |\n|---|---|---|\n\
                    | **Task understanding** | 0.8 | clear |\n| Solution Completeness | `0.45` | x |\n\
                    | risk coverage | 1 |\n### Risks\n| Risk coverage | 0.1 |\n";
        let read = Confidence::read(full);
        assert_eq!(
            (
                read.task_understanding,
                read.solution_completeness,
                read.risk_coverage
            ),
            (0.8, 0.45, 1.0)
        );
        assert!(read.lacks_completeness() && !read.lacks_risk());
        let bare = "| task understanding | 0.5 |";
        assert!(!Confidence::read(bare).lacks_understanding());
        for nothing in [
            "",
            "| Task understanding | high |",
            "| Task understanding | 7 | 0.x |",
        ] {
            assert_eq!(
                Confidence::read(nothing),
                Confidence::default(),
                "{nothing}"
            );
        }
    }

    #[test]
    fn a_section_ends_at_the_next_heading_and_code_has_no_headings() {
        let text =
            "# A\n### Risks\none\n```\n# no heading\n```\n#### Deeper\ntwo\n### Not Doing\nthree\n";
        let risks = section(text, "risks").expect("there is one");
        assert!(
            risks.contains("# no heading") && risks.contains("two"),
            "{risks}"
        );
        assert!(!risks.contains("three"), "{risks}");
        assert_eq!(section(text, "changes"), None);
    }

    #[test]
    fn only_the_last_line_is_a_token() {
        assert_eq!(Status::read("STATUS: BLOCKED\nno, wait\n"), Status::Done);
        assert_eq!(Status::read("x\n**STATUS: blocked**\n\n"), Status::Blocked);
        assert_eq!(Status::read("status: NEEDS_CONTEXT"), Status::NeedsContext);
        assert_eq!(
            Status::read("STATUS: DONE_WITH_CONCERNS"),
            Status::DoneWithConcerns
        );
        assert_eq!(Status::read(""), Status::Done);
    }
}
