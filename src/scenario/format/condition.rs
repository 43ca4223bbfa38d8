//! The `match` setting: `name=stale*; tags=a,b; tools=list_issues; input=/close .* stale/i`,
//! or the same parts as indented lines `name: stale*`.

use archal_core::diagnostic::{Diagnostic, Span, nearest};

use super::super::matching::{InputPattern, Match, NamePattern};
use super::settings::{Field, items};

const PARTS: [&str; 4] = ["name", "tags", "tools", "input"];

/// Splits the one-line form; a pattern between slashes may hold semicolons.
pub(super) fn parts(value: Field<'_>) -> Vec<(Field<'_>, Field<'_>)> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut in_pattern = false;
    let mut escaped = false;
    let bytes = value.text.as_bytes();
    for at in 0..=bytes.len() {
        let byte = bytes.get(at).copied();
        match byte {
            Some(b'\\') if in_pattern && !escaped => {
                escaped = true;
                continue;
            }
            Some(b'/') if !escaped => {
                let starts = value.text[from..at].trim_end().ends_with('=');
                if in_pattern || starts {
                    in_pattern = !in_pattern;
                }
            }
            Some(b';') if !in_pattern => {
                found.extend(part(value.slice(from..at)));
                from = at + 1;
            }
            None => found.extend(part(value.slice(from..at))),
            Some(_) => {}
        }
        escaped = false;
    }
    found
}

fn part(field: Field<'_>) -> Option<(Field<'_>, Field<'_>)> {
    if field.text.trim().is_empty() {
        return None;
    }
    let at = field.text.find(['=', ':']).unwrap_or(field.text.len());
    let value = (at + 1).min(field.text.len())..field.text.len();
    Some((field.slice(0..at).trimmed(), field.slice(value).trimmed()))
}

/// Reads the parts of a condition.
pub(super) fn condition(
    parts: &[(Field<'_>, Field<'_>)],
    whole: Span,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Match> {
    let mut condition = Match::default();
    let mut seen: Vec<&str> = Vec::new();
    let before = diagnostics.len();
    for (name, value) in parts {
        if seen.contains(&name.text) {
            diagnostics.push(error(
                format!("`{}` is written twice", name.text),
                name.span,
            ));
            continue;
        }
        seen.push(name.text);
        if value.text.is_empty() && PARTS.contains(&name.text) {
            diagnostics.push(error(format!("`{}` has no value", name.text), name.span));
            continue;
        }
        match name.text {
            "name" => {
                for item in items(*value) {
                    match NamePattern::new(item.text) {
                        Ok(pattern) => condition.names.push(pattern),
                        Err(_) => diagnostics.push(error("the pattern is too long", item.span)),
                    }
                }
            }
            "tags" => condition.tags = texts(*value),
            "tools" => condition.tools = texts(*value),
            "input" => condition.input = input(*value, diagnostics),
            other => {
                let help = nearest(other, PARTS).map_or_else(
                    || format!("parts: {}", PARTS.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                diagnostics.push(
                    error(format!("unknown part `{other}` of match"), name.span).with_help(help),
                );
            }
        }
    }
    if diagnostics.len() > before {
        return None;
    }
    if condition.is_empty() {
        diagnostics.push(error("match names no traces", whole).with_help(
            "write match: name=stale*; tags=nightly; tools=list_issues; input=/pattern/",
        ));
        return None;
    }
    Some(condition)
}

fn texts(value: Field<'_>) -> Vec<String> {
    items(value)
        .into_iter()
        .map(|item| item.text.to_owned())
        .collect()
}

fn input(value: Field<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<InputPattern> {
    let inner = value.text.strip_prefix('/').and_then(|rest| {
        let (source, flags) = rest.rsplit_once('/')?;
        match flags {
            "" => Some((source, false)),
            "i" => Some((source, true)),
            _ => None,
        }
    });
    let Some((source, ignore_case)) = inner.filter(|(source, _)| !source.is_empty()) else {
        diagnostics.push(
            error("an input pattern stands between slashes", value.span)
                .with_help("write input=/close .* stale/ or, without regard to case, /…/i"),
        );
        return None;
    };
    match InputPattern::new(source, ignore_case) {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            let text = problem.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            diagnostics.push(error(
                format!("not a regular expression: {reason}"),
                value.span,
            ));
            None
        }
    }
}

fn error(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error("scenario/match", message).at(span)
}
