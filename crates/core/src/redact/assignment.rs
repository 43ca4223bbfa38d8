//! Secrets in plain text that a name gives away: `password=…`, `"apiKey": "…"`, `Cookie: …`.

use std::ops::Range;

use super::keys::{WHOLE_LINE, last_part, listed};
use super::rules::{RULES, is_name};
use super::split_scheme;

/// The longest value looked at; a longer one is no secret that somebody typed.
const LONGEST: usize = 8192;

/// The longest part of a name on either side of what was found of it.
const LONGEST_NAME: usize = 100;

/// Words that stand where a secret would, and are none.
const WORDS: &[&str] = &[
    "any",
    "bool",
    "bytes",
    "basic",
    "bearer",
    "boolean",
    "include",
    "none",
    "null",
    "number",
    "object",
    "omit",
    "optional",
    "password",
    "required",
    "same-origin",
    "secret",
    "secretstr",
    "string",
    "text",
    "token",
    "true",
    "false",
    "undefined",
    "unknown",
];

/// A name and what is assigned to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The name around a part of it, and the value after it; none where nothing is assigned, or
/// nothing that can be a secret. `is_secret` is asked about the name.
pub(super) fn around(
    text: &str,
    part: &Range<usize>,
    is_secret: impl FnOnce(&str) -> bool,
) -> Option<Assignment> {
    let bytes = text.as_bytes();
    let inside = |b: &u8| is_name(*b) || matches!(b, b'[' | b']');
    let end = part.end
        + bytes[part.end..]
            .iter()
            .take(LONGEST_NAME)
            .take_while(|b| inside(b))
            .count();
    let operator = operator(bytes, end)?;
    let before = bytes[..part.start].iter().rev();
    let start = part.start - before.take(LONGEST_NAME).take_while(|b| inside(b)).count();
    let name = &text[start..end];
    if !is_secret(name) {
        return None;
    }
    let (mark, after) = operator;
    let line_end = bytes[after..]
        .iter()
        .take(LONGEST)
        .position(|b| matches!(b, b'\n' | b'\r'))
        .map_or(bytes.len().min(after + LONGEST), |at| after + at);
    let mut from = after;
    while from < line_end && matches!(bytes[from], b' ' | b'\t') {
        from += 1;
    }
    let quote = quote_at(bytes, from);
    let value = match quote {
        Some(quote) => {
            let inner = from + quote.len();
            let length = find(&bytes[inner..line_end], quote)?;
            inner..inner + length
        }
        None if mark == b':'
            && listed(last_part(name), WHOLE_LINE)
            && begins_line(bytes, start) =>
        {
            from..floor(text, line_end)
        }
        None => {
            let schemed = schemed_start(text, from, line_end);
            let length = bytes[schemed..line_end]
                .iter()
                .position(|b| {
                    matches!(
                        b,
                        0..=b' '
                            | b'"'
                            | b'\''
                            | b'`'
                            | b','
                            | b';'
                            | b'&'
                            | b'<'
                            | b'>'
                            | b')'
                            | b'}'
                            | b']'
                    )
                })
                .unwrap_or(line_end - schemed);
            from..floor(text, schemed + length)
        }
    };
    let is_spaced = from > after;
    let found = text.get(value.clone())?;
    // `password: letmein` and nothing else, as a line of YAML or a header.
    let is_alone = mark == b':' && begins_line(bytes, start) && value.end == line_end;
    let is_one =
        is_alone && is_one_word(found) || plausible(name, found, mark, quote.is_some(), is_spaced);
    is_one.then_some(Assignment {
        name: start..end,
        value,
    })
}

/// The operator after a name that ends at `end`, and where what follows it begins.
fn operator(bytes: &[u8], end: usize) -> Option<(u8, usize)> {
    let mut at = end;
    at += quote_at(bytes, at).map_or(0, <[u8]>::len);
    while matches!(bytes.get(at), Some(b' ' | b'\t')) && at < end + 8 {
        at += 1;
    }
    match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'=' | b':', Some(b'=' | b'>')) if bytes.get(at + 2) != Some(&b'=') => {
            // `==` compares.
            let compares = bytes[at..].starts_with(b"==");
            (!compares).then_some((b'=', at + 2))
        }
        (b':', Some(b'/' | b':')) => None,
        (mark @ (b'=' | b':'), _) => Some((*mark, at + 1)),
        _ => None,
    }
}

/// A quote, also one that is itself escaped inside a string.
fn quote_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let length = match rest {
        [b'\\', b'"' | b'\'', ..] => 2,
        [b'"' | b'\'' | b'`', ..] => 1,
        _ => return None,
    };
    rest.get(..length)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Past a scheme (`Bearer `), where the value has one.
fn schemed_start(text: &str, from: usize, end: usize) -> usize {
    text.get(from..floor(text, end))
        .map_or(from, |rest| from + split_scheme(rest).0.len())
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether only space, or the mark of a client that shows headers, stands before it.
fn begins_line(bytes: &[u8], at: usize) -> bool {
    bytes[..at]
        .iter()
        .rev()
        .take_while(|b| **b != b'\n')
        .all(|b| matches!(b, b' ' | b'\t' | b'>' | b'<' | b'*' | b'|' | b'"' | b'\''))
}

/// Whether a value is one word, perhaps after a scheme, that is no type and stands for nothing.
fn is_one_word(value: &str) -> bool {
    let (scheme, bare) = split_scheme(value);
    let bare = bare.trim();
    let least = if scheme.is_empty() { 4 } else { 1 };
    bare.len() >= least
        && !bare.contains(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '{'))
        && !bare.starts_with(['$', '<', '%', '*', '/', '~', '"', '\'', '|', '>', '&'])
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(bare))
        && !RULES.is_template(bare)
}

/// Whether somebody would write this as a secret, rather than code that gets one or a sentence
/// about it.
fn plausible(name: &str, value: &str, mark: u8, is_quoted: bool, is_spaced: bool) -> bool {
    let bare = split_scheme(value).1.trim();
    if bare.is_empty()
        || bare.starts_with(['$', '{', '<', '%', '(', '*'])
        || WORDS.iter().any(|word| word.eq_ignore_ascii_case(bare))
        || RULES.is_template(bare)
    {
        return false;
    }
    // The shell's own `PWD` is a folder.
    if bare.starts_with(['/', '~']) && name.to_ascii_lowercase().ends_with("pwd") {
        return false;
    }
    let is_line = listed(last_part(name), WHOLE_LINE);
    let has_value = bare.split_once('=').is_some_and(|(_, value)| {
        value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '%')
    });
    if is_line && has_value && !is_quoted {
        return true;
    }
    if bare.contains(char::is_whitespace) {
        return is_line && is_quoted && has_value;
    }
    // A cookie that is deleted, or whose value is left out.
    if is_line && bare.contains('=') && !has_value {
        return false;
    }
    let is_variable = name
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_variable && mark == b'=' && !is_spaced {
        return true;
    }
    let has_digit = bare.bytes().any(|b| b.is_ascii_digit());
    if is_quoted {
        return has_digit || bare.len() >= 6 && !is_expression(bare);
    }
    if bare.contains(['(', '[']) {
        return false;
    }
    if has_digit {
        return bare.len() >= 4;
    }
    mark == b'=' && !is_spaced && bare.len() >= 4 && !is_expression(bare)
}

/// A word or a path through names: code that gets the value, or a word of a sentence.
fn is_expression(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'-' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::keys::SECRET_KEYS;

    fn value(text: &str) -> Option<&str> {
        let stem = [
            "password",
            "Password",
            "PASSWORD",
            "ookie",
            "uthorization",
            "ecret",
            "pwd",
            "PWD",
            "redentials",
        ]
        .iter()
        .find_map(|stem| text.find(stem).map(|at| at..at + stem.len()))?;
        let is_secret = |name: &str| listed(last_part(name), SECRET_KEYS);
        around(text, &stem, is_secret).map(|found| &text[found.value])
    }

    #[test]
    fn what_somebody_wrote_down_is_found() {
        for (text, found) in [
            ("password=hunter2", "hunter2"),
            ("set DB.password = 'corr3ct'; go", "corr3ct"),
            ("{\"password\": \"hunter2\", \"a\": 1}", "hunter2"),
            ("say {\\\"password\\\": \\\"hunter2\\\"} now", "hunter2"),
            ("PASSWORD=letmein", "letmein"),
            ("host=h password=let-me-!n dbname=x", "let-me-!n"),
            ("> Cookie: a=1; b=2", "a=1; b=2"),
            ("Authorization: Bearer abc.def1", "Bearer abc.def1"),
            ("user[password]=hunter2&x=1", "hunter2"),
            ("client_secret := \"s3\"", "s3"),
            ("password => 'hunter2'", "hunter2"),
            ("db:\n  password: letmein\n", "letmein"),
            ("Authorization: Bearer abc", "Bearer abc"),
        ] {
            assert_eq!(value(text), Some(found), "{text}");
        }
    }

    #[test]
    fn code_and_sentences_are_left() {
        for text in [
            "password = get_password(user)",
            "password=os.environ['X1']",
            "password=user_password",
            "the password: it must be long",
            "password: string;",
            "if password == 'hunter2'",
            "password=$PASSWORD",
            "password={password}",
            "password=<your password>",
            "fetch(url, {credentials: 'include'})",
            "PWD=/home/me",
            "a secret is a secret",
            "password::hash",
            "secret://x",
            "Authorization: required",
            "Set-Cookie: a=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "Set-Cookie: a=(...); HttpOnly",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
