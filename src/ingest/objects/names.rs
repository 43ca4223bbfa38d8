//! Keys as they are shown.

use std::fmt::Write as _;
use std::path::PathBuf;

use archal_core::pull::Object;

/// The longest key that is taken, in bytes: no store that these interfaces belong to has longer ones.
pub const LONGEST: usize = 1024;
/// The most characters of a key that are shown.
const SHOWN: usize = 200;

/// A key in one line, without anything that a terminal would take for more than text.
pub fn shown(key: &str) -> String {
    let mut out = String::new();
    for (at, c) in key.chars().enumerate() {
        if at == SHOWN {
            // Writing to a String cannot fail.
            _ = write!(out, "… ({} bytes)", key.len());
            break;
        }
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that change what stands beside them, or are not seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// An object as findings name it: `s3://bucket/key`. It is no path, and nothing is opened by it.
pub fn place(label: &str, object: &Object) -> PathBuf {
    PathBuf::from(format!("{label}{}", shown(&object.key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_in_one_harmless_line() {
        assert_eq!(shown("2026/11/a b.json"), "2026/11/a b.json");
        assert_eq!(shown("a\u{1b}[2J\n\u{202e}b"), "a\\u{1b}[2J\\n\\u{202e}b");
        let long = shown(&"ä".repeat(3_000_000));
        assert!(long.ends_with("… (6000000 bytes)"), "{long}");
        assert!(long.len() < 1_000);
    }
}
