//! Words of a review: severities, verdicts, places, categories.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::super::finding::{Downgrade, Severity, Verdict};

/// What findings are about.
const CATEGORIES: [&str; 9] = [
    "security",
    "reliability",
    "design",
    "breaking-change",
    "dependency",
    "quality",
    "testing",
    "consistency",
    "scalability",
];

/// Severities in upper case, as they stand in prose.
pub(super) fn tokens(text: &str) -> Vec<(Severity, Range<usize>)> {
    static WORD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\b(?:CRITICAL|WARNING|INFO)\b").ok());
    let words = WORD.iter().flat_map(|word| word.find_iter(text));
    words
        .filter_map(|word| Some((Severity::parse(word.as_str())?, word.range())))
        .collect()
}

/// The severity a text begins with, in any case, and where it stands.
pub(super) fn leading_severity(text: &str) -> Option<(Severity, Range<usize>)> {
    static WORD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\s*_`\[]*([A-Za-z]+)").ok());
    let word = WORD.as_ref()?.captures(text)?.get(1)?;
    Some((Severity::parse(word.as_str())?, word.range()))
}

/// The verdict a text begins with; a list of the possible ones is none.
pub(super) fn leading_verdict(text: &str) -> Option<Verdict> {
    let text = text
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .to_ascii_uppercase()
        .replace(['_', '-'], " ");
    let words = [
        "APPROVED WITH FIXES",
        "APPROVED",
        "APPROVE",
        "REJECTED",
        "REJECT",
        "NEEDS CHANGES",
    ];
    let (word, rest) = words
        .iter()
        .find_map(|word| Some((*word, text.strip_prefix(word)?)))?;
    let rest = rest.trim_start_matches(['*', '`', ']', ' ']);
    let is_list = rest.starts_with(['|', '/']) || rest.starts_with("OR ");
    let goes_on = rest.starts_with(|c: char| c.is_alphanumeric())
        && text[word.len()..].starts_with(|c: char| c.is_alphanumeric());
    if is_list || goes_on {
        return None;
    }
    Verdict::parse(word)
}

/// Why a severity was lowered, where the text says that it was.
pub(super) fn downgraded(text: &str) -> Option<Downgrade> {
    if text.contains("(downgraded: hedge without evidence") {
        Some(Downgrade::HedgeWithoutEvidence)
    } else if text.contains("(downgraded: no evidence") {
        Some(Downgrade::NoEvidence)
    } else {
        None
    }
}

/// A text without the note that its severity was lowered.
pub(super) fn without_downgrade(text: &str) -> String {
    static NOTE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\(downgraded: [^)]*\)").ok());
    match NOTE.as_ref() {
        Some(note) => note.replace_all(text, "").into_owned(),
        None => text.to_owned(),
    }
}

/// A text on one line, without emphasis around it and punctuation before it.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("\\|", "|");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let text = text
        .trim_start_matches([':', ',', ';', '—', '–', '-', ']', ')', '*', '_', ' '])
        .trim_end_matches(['*', '_', ' ']);
    let text = text.strip_prefix(". ").unwrap_or(text);
    // One mark is half of what stood around the whole; of two the text is code from end to end.
    let is_around = match text.matches('`').count() {
        1 => true,
        2 => text.starts_with('`') && text.ends_with('`'),
        _ => false,
    };
    if is_around {
        text.trim_matches('`').to_owned()
    } else {
        text.to_owned()
    }
}

/// A category that is named.
pub(super) fn category_in(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let first = text
        .split([':', '—', '–', ',', '('])
        .next()
        .unwrap_or_default()
        .trim()
        .replace(' ', "-");
    CATEGORIES.into_iter().find(|known| **known == first)
}

/// Whether a text is a category and nothing else.
pub(super) fn is_category(text: &str) -> bool {
    let text = plain(text).to_ascii_lowercase().replace(' ', "-");
    CATEGORIES.contains(&text.as_str())
}

/// File and line of a place: `src/a.rs:48`, `src/a.rs:48-52`, `src/a.rs (line 48)`, `src/a.rs`.
pub(super) fn location(text: &str) -> (Option<String>, Option<u64>) {
    let text = text.replace(['`', '*'], "");
    let text = text.trim();
    if matches!(
        text.to_ascii_lowercase().as_str(),
        "" | "-" | "n/a" | "none" | "general"
    ) {
        return (None, None);
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, ':' | '#' | ',' | '(');
    let (file, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    if !file.contains(['.', '/']) && rest.starts_with(char::is_whitespace) {
        // A place in words.
        return (Some(text.to_owned()), None);
    }
    let lower = rest.to_ascii_lowercase();
    let number = rest
        .strip_prefix(':')
        .or_else(|| rest.strip_prefix("#L"))
        .or_else(|| rest.get(lower.find("line")? + "line".len()..))
        .unwrap_or_default()
        .trim_start_matches(['s', ' ']);
    let digits = number.find(|c: char| !c.is_ascii_digit());
    let line = number[..digits.unwrap_or(number.len())].parse().ok();
    let file = file.trim_start_matches("./");
    (Some(file.to_owned()).filter(|file| !file.is_empty()), line)
}

/// The first place with a line in a text.
pub(super) fn place_in(text: &str) -> &str {
    static PLACE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[\w./@+-]*[\w/-]\.[A-Za-z][\w]*:\d+").ok());
    let found = PLACE.as_ref().and_then(|place| place.find(text));
    found.map_or("", |found| found.as_str())
}

/// A text without what says that there is nothing of a severity: `no CRITICAL or WARNING findings`,
/// `CRITICAL: 0`, a heading `CRITICAL` over `None.`
pub(super) fn without_denials(text: &str) -> String {
    const NAMES: &str = r"[*_`\[]*\b(?:CRITICAL|WARNING|INFO)\b[*_`\]]*";
    // Only words that cannot say that something is missing stand between the two.
    static BEFORE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!(
            r"\b(?i:0|no|not|zero|any|without|neither|nothing)\s+(?i:(?:findings?|issues?|problems?|new|open|remaining|other|further|is|are|was|of|at|that|rises?|to|reaches|severity)\s+){{0,4}}{NAMES}(?:\s*(?:,|/|\||&|(?i:\b(?:or|and|nor)\b))+\s*(?i:(?:0|no|or|and)\s+)*{NAMES})*"
        ))
        .ok()
    });
    static AFTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!(
            r"(?m){NAMES}(?i:\s+(?:findings?|issues?|problems?))?[\s:=|(*_—–-]*\b(?i:(?:0|zero|none|nothing|n/a|no)(?:\s+(?:findings?|issues?|problems?))?(?:\s+(?:found|identified))?)[*_ \t]*(?:[.,;|)/]|$)"
        ))
        .ok()
    });
    let mut text = text.to_owned();
    // Counts first: `CRITICAL: 0, WARNING: 2` denies one of the two.
    for denial in [&AFTER, &BEFORE] {
        if let Some(denial) = denial.as_ref() {
            text = denial.replace_all(&text, " ").into_owned();
        }
    }
    text
}

/// Whether a text says how many findings there are rather than what one is.
pub(super) fn is_tally(text: &str) -> bool {
    static TALLY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:\(?\d+\s*(?:$|[,;|/.)]|findings?\b|issues?\b)|none\b|no\b.*\b(?:findings?|issues?)\b|no\.?$)").ok()
    });
    TALLY
        .as_ref()
        .is_some_and(|tally| tally.is_match(text.trim()))
}
