//! JSON as it is written to disks and terminals: text, and nothing that a terminal obeys.
//!
//! JSON escapes control characters up to the space; those of the C1 set and DEL may stand as they
//! are, and a terminal takes U+009B for the beginning of a sequence, as it does ESC `[`.

use serde::Serialize;

/// A value as indented JSON in which every control character is escaped.
pub fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let bytes = serde_json::to_vec_pretty(value)?;
    Ok(if control(&bytes).is_some() {
        escaped(&bytes)
    } else {
        bytes
    })
}

/// A value as JSON on one line in which every control character is escaped.
pub fn compact(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let bytes = serde_json::to_vec(value)?;
    Ok(if control(&bytes).is_some() {
        escaped(&bytes)
    } else {
        bytes
    })
}

/// Where the first control character stands, with its number and length. 0xC2 begins a character
/// wherever it stands in UTF-8, and no longer one has 0x7F in it.
fn control(bytes: &[u8]) -> Option<(usize, u8, usize)> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(0x7F, 0xC2, &bytes[at..])?;
        match bytes[at..] {
            [0x7F, ..] => return Some((at, 0x7F, 1)),
            [_, number @ 0x80..=0x9F, ..] => return Some((at, number, 2)),
            _ => at += 1,
        }
    }
}

/// Such characters stand only in strings, where an escape means the same.
fn escaped(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    while let Some((at, number, length)) = control(bytes) {
        out.extend_from_slice(&bytes[..at]);
        out.extend_from_slice(format!("\\u{number:04x}").as_bytes());
        bytes = &bytes[at + length..];
    }
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_terminal_finds_nothing_to_obey() {
        let value = json!({"a\u{9b}31m": "\u{1b}[0m\u{7f}\u{85}é\u{a0}\u{c2}"});
        let text = String::from_utf8(pretty(&value).expect("JSON")).expect("UTF-8");
        assert_eq!(
            text,
            "{\n  \"a\\u009b31m\": \"\\u001b[0m\\u007f\\u0085é\u{a0}\u{c2}\"\n}"
        );
    }

    proptest! {
        #[test]
        fn it_says_the_same(text in "[\u{0}-\u{120}]{0,40}") {
            let bytes = pretty(&json!([text])).expect("JSON");
            let back: Value = serde_json::from_slice(&bytes).expect("JSON");
            prop_assert_eq!(back, json!([text]));
            let shown = String::from_utf8(bytes).expect("UTF-8");
            prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}
