//! Words that a person copies into a shell.

use std::path::Path;

/// A path as a POSIX shell takes it for one word that is no option: as it is where that is safe.
pub fn quoted(path: &Path) -> String {
    let mut text = path.display().to_string();
    if text.starts_with('-') {
        text.insert_str(0, "./");
    }
    word(text)
}

/// Any text as a POSIX shell takes it for one word: as it is where that is safe.
pub fn word(text: String) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_to_be_copied_is_one_word_for_a_shell() {
        let word = |text: &str| quoted(Path::new(text));
        assert_eq!(word("/srv/agent-1/a_b.patch"), "/srv/agent-1/a_b.patch");
        assert_eq!(word("my demo"), "'my demo'");
        assert_eq!(word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(word("~/x"), "'~/x'");
        assert_eq!(word("-x"), "./-x");
        assert_eq!(word(""), "''");
    }
}
