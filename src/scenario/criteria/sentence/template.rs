//! Conditions of a vocabulary with their placeholders filled.

/// What placeholders stand for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fill<'f> {
    pub(super) it: &'f str,
    pub(super) parent: &'f str,
    pub(super) value: &'f str,
    pub(super) number: Option<i64>,
}

/// The condition with `it`, `parent`, `$value` and `$number` filled.
pub(super) fn fill(template: &str, with: Fill<'_>) -> String {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let word_length = rest
            .char_indices()
            .skip(usize::from(next == '$'))
            .find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_')
            .map_or(rest.len(), |(at, _)| at);
        if next == '"' {
            let end = closing_quote(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            before = '"';
        } else if next == '$' || next.is_ascii_alphabetic() || next == '_' {
            let word = &rest[..word_length];
            match word {
                "$value" => out.push_str(&literal(with.value)),
                "$number" => out.push_str(&with.number.unwrap_or_default().to_string()),
                "it" if before != '.' => out.push_str(with.it),
                "parent" if before != '.' => out.push_str(with.parent),
                other => out.push_str(other),
            }
            rest = &rest[word_length..];
            before = 'a';
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
            before = next;
        }
    }
    out
}

/// One past the quotation mark that closes the one at the beginning.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A text as CEL.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The opposite of a condition.
pub(super) fn not(condition: &str) -> String {
    let is_plain = condition
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let is_call = !has_operator(condition) && !condition.starts_with('!');
    let is_equality = has_at_top(condition, " == ")
        && ["&&", "||", " in ", " ? "]
            .iter()
            .all(|operator| !has_at_top(condition, operator));
    if is_plain || is_call {
        format!("!{condition}")
    } else if is_equality {
        // The first outside brackets and texts; there is only one.
        let at = top_place(condition, " == ").unwrap_or_default();
        format!("{} != {}", &condition[..at], &condition[at + 4..])
    } else {
        format!("!({condition})")
    }
}

/// All of some conditions.
pub(super) fn all_of(conditions: &[String]) -> String {
    match conditions {
        [one] => one.clone(),
        several => several
            .iter()
            .map(|each| {
                if has_at_top(each, "||") {
                    format!("({each})")
                } else {
                    each.clone()
                }
            })
            .collect::<Vec<_>>()
            .join(" && "),
    }
}

/// Any of some conditions.
pub(super) fn any_of(conditions: &[String]) -> String {
    match conditions {
        [one] => one.clone(),
        several => several
            .iter()
            .map(|each| {
                if has_at_top(each, "&&") {
                    format!("({each})")
                } else {
                    each.clone()
                }
            })
            .collect::<Vec<_>>()
            .join(" || "),
    }
}

/// Whether an operator stands outside brackets and texts.
fn has_operator(condition: &str) -> bool {
    [
        " == ", " != ", " < ", " <= ", " > ", " >= ", " in ", "&&", "||", " + ",
    ]
    .iter()
    .any(|operator| has_at_top(condition, operator))
}

fn has_at_top(condition: &str, operator: &str) -> bool {
    top_place(condition, operator).is_some()
}

/// Where an operator stands outside brackets and texts.
fn top_place(condition: &str, operator: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = condition.get(at..) {
        let Some(c) = rest.chars().next() else {
            break;
        };
        if depth == 0 && rest.starts_with(operator) {
            return Some(at);
        }
        match c {
            '"' => {
                at += closing_quote(rest);
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += c.len_utf8();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_outside_texts_and_fields_are_filled() {
        let with = Fill {
            it: "c.after",
            parent: "p",
            value: "say \"it\"",
            number: Some(7),
        };
        assert_eq!(
            fill(
                "it.state == \"it\" && item.it == parent.parent && it.n == $number && it.x == $value",
                with
            ),
            "c.after.state == \"it\" && item.it == p.parent && c.after.n == 7 && c.after.x == \"say \\\"it\\\"\""
        );
    }

    #[test]
    fn conditions_are_bracketed_where_they_would_bind_wrongly() {
        let text = |parts: &[&str]| {
            parts
                .iter()
                .map(|part| (*part).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(all_of(&text(&["a || b", "c"])), "(a || b) && c");
        assert_eq!(
            all_of(&text(&["f(a || b)", "x == \"||\""])),
            "f(a || b) && x == \"||\""
        );
        assert_eq!(any_of(&text(&["a && b", "c"])), "(a && b) || c");
        assert_eq!(not("it.locked"), "!it.locked");
        assert_eq!(not("x.exists(y, y == 1)"), "!x.exists(y, y == 1)");
        assert_eq!(not("a == \" == \""), "a != \" == \"");
        assert_eq!(not("a == b && c"), "!(a == b && c)");
        assert_eq!(not("!a"), "!(!a)");
    }
}
