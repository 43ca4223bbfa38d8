//! The Config section: `key: value` lines.

use std::ops::Range;

use archal_core::diagnostic::{Diagnostic, Span, nearest};

use jiff::Timestamp;

use super::super::spec::{FixedClock, Route, ScenarioConfig};
use super::condition;

/// Keys that are understood.
const KEYS: [&str; 15] = [
    "clones",
    "seed",
    "timeout",
    "runs",
    "tags",
    "evaluator-model",
    "match",
    "route",
    "clock",
    "fault",
    "pass-threshold",
    "owner",
    "since",
    "flaky",
    "retired",
];
/// Keys of other releases, with the key to write.
const OLD_KEYS: [(&str, &str); 4] = [
    ("twins", "clones"),
    ("evaluator", "evaluator-model"),
    ("evaluatormodel", "evaluator-model"),
    ("model", "evaluator-model"),
];
/// The longest a run may be told to take: a day.
const MAX_TIMEOUT: u64 = 86_400;
/// The most runs.
const MAX_RUNS: u32 = 1_000;

/// A piece of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'t> {
    pub(super) text: &'t str,
    pub(super) span: Span,
}

impl<'t> Field<'t> {
    /// A text that stands in no file.
    pub(super) fn of(text: &'t str) -> Self {
        let span = Span {
            start: 0,
            end: text.len(),
        };
        Self { text, span }
    }

    /// A part of it, by bytes.
    pub(super) fn slice(self, range: Range<usize>) -> Self {
        Self {
            text: &self.text[range.clone()],
            span: Span {
                start: self.span.start + range.start,
                end: self.span.start + range.end,
            },
        }
    }

    /// Without the white space at its ends.
    pub(super) fn trimmed(self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        let end = self.text.trim_end().len();
        self.slice(start.min(end)..end)
    }
}

/// The items of a list with commas.
pub(super) fn items(field: Field<'_>) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    for part in field.text.split(',') {
        let item = field.slice(from..from + part.len()).trimmed();
        from += part.len() + 1;
        if !item.text.is_empty() {
            found.push(item);
        }
    }
    found
}

/// What the section says, with names not looked up yet.
#[derive(Debug, Default)]
pub(super) struct Settings<'t> {
    pub(super) config: ScenarioConfig,
    pub(super) clones: Vec<Field<'t>>,
    pub(super) seeds: Vec<Field<'t>>,
    pub(super) faults: Vec<Field<'t>>,
}

struct Entry<'t> {
    key: Field<'t>,
    value: Field<'t>,
    /// Indented lines below it.
    below: Vec<Field<'t>>,
}

/// Reads the section.
pub(super) fn settings<'t>(
    text: &'t str,
    body: Range<usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Settings<'t> {
    let mut settings = Settings::default();
    let mut seen: Vec<&str> = Vec::new();
    for entry in entries(text, body, diagnostics) {
        let Some(key) = known_key(entry.key, diagnostics) else {
            continue;
        };
        if seen.contains(&key) {
            diagnostics.push(
                Diagnostic::error(
                    "scenario/duplicate-key",
                    format!("`{key}` is written twice"),
                )
                .at(entry.key.span),
            );
            continue;
        }
        seen.push(key);
        if key != "match"
            && let Some(line) = entry.below.first()
        {
            diagnostics.push(
                Diagnostic::error(
                    "scenario/config",
                    format!("`{key}` has its value on one line"),
                )
                .at(line.span),
            );
            continue;
        }
        if entry.value.text.is_empty() && entry.below.is_empty() {
            diagnostics.push(
                Diagnostic::error("scenario/config", format!("`{key}` has no value"))
                    .at(entry.key.span),
            );
            continue;
        }
        if let Err(diagnostic) = set(&mut settings, key, &entry, diagnostics) {
            diagnostics.push(diagnostic);
        }
    }
    settings
}

fn entries<'t>(
    text: &'t str,
    body: Range<usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Entry<'t>> {
    let mut entries: Vec<Entry<'t>> = Vec::new();
    let mut start = body.start;
    let mut in_comment = false;
    for line in text[body].split_inclusive('\n') {
        let whole = Field {
            text: line,
            span: Span {
                start,
                end: start + line.len(),
            },
        };
        start += line.len();
        let content = whole.trimmed();
        if in_comment || content.text.starts_with("<!--") {
            in_comment = !content.text.contains("-->");
            continue;
        }
        if content.text.is_empty() || content.text.starts_with("```") {
            continue;
        }
        let indented = line.starts_with([' ', '\t']);
        if let (true, Some(entry)) = (indented, entries.last_mut()) {
            entry.below.push(content);
            continue;
        }
        // `- key: value` is what many write.
        let content = match content.text.strip_prefix("- ") {
            Some(_) => content.slice(2..content.text.len()).trimmed(),
            None => content,
        };
        let Some(colon) = content.text.find(':') else {
            diagnostics.push(
                Diagnostic::error("scenario/config", "a setting is written `key: value`")
                    .at(content.span),
            );
            continue;
        };
        entries.push(Entry {
            key: content.slice(0..colon).trimmed(),
            value: content.slice(colon + 1..content.text.len()).trimmed(),
            below: Vec::new(),
        });
    }
    entries
}

fn known_key(key: Field<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<&'static str> {
    let name = key.text.to_lowercase();
    if let Some(known) = KEYS.iter().find(|known| **known == name) {
        return Some(known);
    }
    if let Some((old, new)) = OLD_KEYS.iter().find(|(old, _)| *old == name) {
        diagnostics.push(
            Diagnostic::note("scenario/old-key", format!("`{old}` is called `{new}` now"))
                .at(key.span),
        );
        return Some(new);
    }
    let help = match nearest(&name, KEYS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("keys: {}", KEYS.join(", ")),
    };
    diagnostics.push(
        Diagnostic::error(
            "scenario/unknown-key",
            format!("unknown key `{}`", key.text),
        )
        .at(key.span)
        .with_help(help),
    );
    None
}

fn set<'t>(
    settings: &mut Settings<'t>,
    key: &str,
    entry: &Entry<'t>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), Diagnostic> {
    let value = entry.value;
    let config = &mut settings.config;
    match key {
        "clones" => settings.clones = items(value),
        "seed" => settings.seeds = items(value),
        "timeout" => config.timeout_seconds = Some(timeout(value)?),
        "runs" => config.runs = Some(runs(value)?),
        "tags" => config.tags = items(value).iter().map(|tag| tag.text.to_owned()).collect(),
        "evaluator-model" => config.evaluator_model = Some(value.text.to_owned()),
        "match" => {
            let mut parts = condition::parts(value);
            for line in &entry.below {
                let at = line
                    .text
                    .find(':')
                    .ok_or_else(|| wrong(*line, "a part of match is written `name: value`"))?;
                let rest = at + 1..line.text.len();
                parts.push((line.slice(0..at).trimmed(), line.slice(rest).trimmed()));
            }
            config.matching = condition::condition(&parts, entry.key.span, diagnostics);
        }
        "route" => config.route = Some(route(value)?),
        "clock" => config.clock = clock(value)?,
        "fault" => settings.faults = items(value),
        "pass-threshold" => config.pass_threshold = Some(threshold(value)?),
        "owner" => config.owner = Some(value.text.to_owned()),
        "since" => {
            let day = value.text.parse();
            config.since = Some(day.map_err(|_| wrong(value, "not a day; write 2026-01-31"))?);
        }
        "flaky" => config.flaky = truth(value)?,
        "retired" => config.retired = truth(value)?,
        _ => {}
    }
    Ok(())
}

fn wrong(value: Field<'_>, message: &str) -> Diagnostic {
    Diagnostic::error("scenario/config", message).at(value.span)
}

fn timeout(value: Field<'_>) -> Result<u64, Diagnostic> {
    let (digits, unit) = match value.text.strip_suffix(['s', 'm']) {
        Some(digits) if value.text.ends_with('m') => (digits, 60),
        Some(digits) => (digits, 1),
        None => (value.text, 1),
    };
    let seconds: Option<u64> = digits
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(unit));
    seconds
        .filter(|seconds| (1..=MAX_TIMEOUT).contains(seconds))
        .ok_or_else(|| {
            wrong(value, "a timeout is a number of seconds from 1 to 86400")
                .with_help("write timeout: 90, or 5m")
        })
}

fn runs(value: Field<'_>) -> Result<u32, Diagnostic> {
    value
        .text
        .parse()
        .ok()
        .filter(|runs| (1..=MAX_RUNS).contains(runs))
        .ok_or_else(|| wrong(value, "runs is a whole number from 1 to 1000"))
}

fn threshold(value: Field<'_>) -> Result<f64, Diagnostic> {
    value
        .text
        .trim_end_matches('%')
        .trim_end()
        .parse()
        .ok()
        .filter(|threshold: &f64| (0.0..=100.0).contains(threshold))
        .ok_or_else(|| wrong(value, "pass-threshold is a number from 0 to 100"))
}

/// `fixed` and a time; `real` is what happens anyway.
fn clock(value: Field<'_>) -> Result<Option<FixedClock>, Diagnostic> {
    if value.text == "real" {
        return Ok(None);
    }
    let time = value.text.strip_prefix("fixed").unwrap_or(value.text);
    let at: Option<Timestamp> = time.trim().parse().ok();
    let span = value.span;
    at.map(|at| Some(FixedClock { at, span })).ok_or_else(|| {
        wrong(value, "a clock is fixed at a time with its zone")
            .with_help("write clock: fixed 2026-01-31T09:00:00Z")
    })
}

fn truth(value: Field<'_>) -> Result<bool, Diagnostic> {
    match value.text {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(wrong(value, "neither true nor false")),
    }
}

fn route(value: Field<'_>) -> Result<Route, Diagnostic> {
    let names = Route::ALL.map(Route::name);
    let known = Route::ALL.into_iter().find(|one| one.name() == value.text);
    known.ok_or_else(|| {
        let help = nearest(value.text, names)
            .map_or("write isolated, shim, proxy or direct".to_owned(), |near| {
                format!("did you mean `{near}`?")
            });
        wrong(value, "unknown route").with_help(help)
    })
}
