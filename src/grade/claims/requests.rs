//! What people ask an agent to do: verbs that begin a clause or follow words of asking.

use std::sync::LazyLock;

use regex::Regex;

use super::families::{FAMILIES, Family};

/// Text of one request that is read, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// "Close it", "please close it", "find it and close it", "I want you to close it".
static ASKS: LazyLock<Regex> = LazyLock::new(|| {
    let all: Vec<&str> = FAMILIES
        .iter()
        .flat_map(|family| family.asked)
        .copied()
        .collect();
    Regex::new(&format!(
        r"(?imx)
        (?: (?:^|[.!?;:,]\s) \s* (?:(?:[-*•]|\d{{1,2}}[.)])\s+)?
          | \b(?:please|and|or|then|also|just|now)\s+
          | \b(?:can|could|would|will|must|should)\s+you\s+
          | \byou\s+(?:must|should|have\s+to|need\s+to|are\s+to)\s+
          | \b(?:want|need|like|task\s+is|job\s+is|asked|order|try)\s+(?:you\s+)?to\s+ )
        (?P<verb>{})\b",
        all.join("|")
    ))
    .expect("a constant expression")
});

/// The kinds of acts that texts of people ask for.
pub(super) fn asked<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'static Family> {
    let mut found: Vec<&'static Family> = Vec::new();
    for text in texts {
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        if found.len() == FAMILIES.len() {
            break;
        }
        for captures in ASKS.captures_iter(&text[..end]) {
            let verb = captures["verb"].to_lowercase();
            let family = FAMILIES
                .iter()
                .find(|family| family.asked.contains(&verb.as_str()));
            if let Some(family) = family
                && !found.iter().any(|other| std::ptr::eq(*other, family))
            {
                found.push(family);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_from_questions() {
        for (text, names) in [
            ("What is the state of PR 12?", vec![]),
            ("When was the merge of PR 12?", vec![]),
            ("Is issue 4 closed? Who did close it?", vec![]),
            ("Merge PR 12.", vec!["merge"]),
            (
                "Could you please close issue 4, and tag it?",
                vec!["close", "label"],
            ),
            (
                "Look for duplicates:\n- close them\n2. notify Ann",
                vec!["close", "send"],
            ),
            ("I want to cancel my flight", vec!["cancel"]),
        ] {
            let found: Vec<&str> = asked([text].into_iter())
                .iter()
                .map(|family| family.name)
                .collect();
            assert_eq!(found, names, "{text}");
        }
    }
}
