//! Findings as blocks of text: under a heading, or begun by a line with a severity.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::super::finding::Severity;
use super::super::role::Role;
use super::lines::Line;
use super::words;
use super::{Found, Parts, findings_of, found};

/// The finding of the block that `lines` begin with, whose first line is a heading, and how many lines
/// it has; none where the heading begins no finding.
pub(super) fn under_heading(role: Role, lines: &[Line<'_>]) -> Option<(Vec<Found>, usize)> {
    let (first, rest) = lines.split_first()?;
    let level = first.heading?;
    let ends = |line: &Line<'_>| line.heading.is_some_and(|other| other <= level);
    let count = 1 + rest.iter().position(ends).unwrap_or(rest.len());
    let block = &lines[..count];
    let title = first.title();
    if let Some(after) = after_severity(title) {
        // `### CRITICAL` alone may stand over a list of findings.
        let inner = findings_of(role, &block[1..]);
        let has_rows = inner
            .iter()
            .any(|found| found.finding.text.starts_with('|'));
        if has_rows || (!inner.is_empty() && words::plain(after).is_empty()) {
            return Some((inner, count));
        }
        let below = || block[1..].iter().map(|line| words::plain(line.text));
        let said = match words::plain(after) {
            empty if empty.is_empty() => below().find(|text| !text.is_empty()),
            said => Some(said),
        };
        if said.is_some_and(|said| words::is_tally(&said)) {
            return None;
        }
        return Some((vec![whole(role, block, after)], count));
    }
    // The severity of a block is said before its first sub-heading.
    let own = rest
        .iter()
        .take_while(|line| line.heading.is_none())
        .filter(|line| line.is_prose);
    let (severity, token) = own
        .filter_map(|line| stated(line))
        .max_by_key(|(severity, _)| *severity)?;
    // A finding that a sub-heading begins is one of its own.
    let begins = |at: &usize| {
        block[*at].heading.is_some()
            && under_heading(role, &block[*at..]).is_some_and(|(found, _)| !found.is_empty())
    };
    let count = (1..count).find(begins).unwrap_or(count);
    let block = &block[..count];
    let parts = Parts {
        location: location_of(block),
        category: field(block, &["category"]).unwrap_or_default(),
        description: after_number(title),
        fix: field(block, &["suggested fix", "fix", "alternative"]).unwrap_or_default(),
    };
    let text = text_of(block);
    let finding = found(role, severity, &parts, text, vec![token], first.number);
    Some((vec![finding], count))
}

/// The finding of the line that `lines` begin with and of what goes on with it.
pub(super) fn of_line(role: Role, lines: &[Line<'_>]) -> Option<(Vec<Found>, usize)> {
    let first = lines.first()?;
    let start = severity_of_line(first.text)?;
    let after = &first.text[start.end..];
    if words::is_tally(&words::plain(after)) {
        return None;
    }
    let goes_on = |line: &&Line<'_>| {
        let is_next = line.is_prose && severity_of_line(line.text).is_some();
        !line.text.trim().is_empty() && line.heading.is_none() && !line.is_row() && !is_next
    };
    let mut count = 1 + lines[1..].iter().take_while(goes_on).count();
    // A code block that follows is the evidence, whatever is in it.
    let blank = lines[count..]
        .iter()
        .take_while(|line| line.text.trim().is_empty())
        .count();
    let code = lines[count + blank..]
        .iter()
        .take_while(|line| !line.is_prose)
        .count();
    if code > 0 {
        count += blank + code;
    }
    let block = &lines[..count];
    Some((vec![whole(role, block, after)], count))
}

/// One finding of a whole block at the highest severity that is named in it.
fn whole(role: Role, block: &[Line<'_>], after: &str) -> Found {
    let mut severity = Severity::Info;
    let mut places: Vec<Range<usize>> = Vec::new();
    for (at, line) in block.iter().enumerate().filter(|(_, line)| line.is_prose) {
        let mut tokens = words::tokens(line.text);
        if at == 0 && tokens.is_empty() {
            // The first line may say it in lower case.
            let range = severity_of_line(line.text);
            tokens.extend(range.and_then(|range| {
                let word = line.text.get(range.clone())?;
                Some((Severity::parse(word)?, range))
            }));
        }
        for (named, range) in tokens {
            severity = severity.max(named);
            places.push(line.start + range.start..line.start + range.end);
        }
    }
    let description = if words::plain(&words::without_downgrade(after)).is_empty() {
        let said = block[1..]
            .iter()
            .find(|line| line.is_prose && !line.text.trim().is_empty());
        said.map_or("", |line| line.text)
    } else {
        after
    };
    let parts = Parts {
        location: location_of(block),
        category: field(block, &["category"]).unwrap_or_default(),
        description,
        fix: field(block, &["suggested fix", "fix", "alternative"]).unwrap_or_default(),
    };
    let number = block.first().map_or(0, |line| line.number);
    found(role, severity, &parts, text_of(block), places, number)
}

/// What follows the severity in a heading like `1. CRITICAL, …`, `Finding 2: **WARNING** …`.
fn after_severity(title: &str) -> Option<&str> {
    static SEVERITY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^(?:(?i:finding)\s*)?(?:#?\d+\s*[.):—–-]?\s*)?[*_`\[(]*(?:CRITICAL|WARNING|INFO)\b[*_`\])]*(.*)$",
        )
        .ok()
    });
    let found = SEVERITY.as_ref()?.captures(title)?;
    Some(found.get(1).map_or("", |rest| rest.as_str()))
}

/// A title without `Challenge 1:` and the like before it.
fn after_number(title: &str) -> &str {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?i:(?:challenge|attack|finding|issue)\s*)?#?\d+\s*[.):—–-]\s*").ok()
    });
    let number = NUMBER.as_ref().and_then(|number| number.find(title));
    number.map_or(title, |number| &title[number.end()..])
}

/// The severity in a line like `**Impact:** CRITICAL` and its place in the whole text.
fn stated(line: &Line<'_>) -> Option<(Severity, Range<usize>)> {
    static STATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\s*(?:[-*+]\s+)?[*_]*(?i:impact|severity)[*_]*\s*:\s*(.*)$").ok()
    });
    let value = STATED.as_ref()?.captures(line.text)?.get(1)?;
    let (severity, range) = words::leading_severity(value.as_str())?;
    let start = line.start + value.start();
    Some((severity, start + range.start..start + range.end))
}

/// Where the severity stands in a line that begins with one: `- **CRITICAL**: …`, `[WARNING] …`.
fn severity_of_line(text: &str) -> Option<Range<usize>> {
    static SEVERITY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^\s*(?:[-*+]\s+|\d+[.)]\s+)?(?:(?:\*\*|\[|`)+(CRITICAL|WARNING|INFO)(?:\s*\(downgraded: [^)]*\))?(?:\*\*|\]|`|:)|(CRITICAL|WARNING|INFO)\s*(?:[:—–(]|-\s)|(?:\*\*|\[)(?i:(critical|warning|info))(?:\*\*|\]):?)",
        )
        .ok()
    });
    let found = SEVERITY.as_ref()?.captures(text)?;
    let word = (1..=3).find_map(|group| found.get(group))?;
    Some(word.range())
}

/// The value of a line like `**Fix:** …` of a block.
fn field<'a>(block: &[Line<'a>], names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        block.iter().filter(|line| line.is_prose).find_map(|line| {
            let text = line.text.trim_start_matches([' ', '-', '+', '*', '_']);
            let begin = text.get(..name.len())?;
            if !begin.eq_ignore_ascii_case(name) {
                return None;
            }
            let rest = text[name.len()..].trim_start_matches(['*', '_', ' ']);
            let rest = rest.strip_prefix(':')?;
            Some(rest.trim_start_matches(['*', '_']).trim())
        })
    })
}

/// The place a block names, or else the first one in it.
fn location_of<'a>(block: &[Line<'a>]) -> &'a str {
    field(block, &["location", "file", "where"])
        .or_else(|| {
            block
                .iter()
                .map(|line| words::place_in(line.text))
                .find(|place| !place.is_empty())
        })
        .unwrap_or_default()
}

fn text_of(block: &[Line<'_>]) -> String {
    let lines: Vec<&str> = block.iter().map(|line| line.text).collect();
    lines.join("\n").trim_end().to_owned()
}
