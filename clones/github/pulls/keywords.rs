//! Words of a pull request that close issues: `Fixes #7`, `closes acme/webapp#7`.

use crate::github::render::WEB;

/// The issues that a text says it closes, as `owner/repo#number`; those without a repository are
/// of `repo`.
pub(in crate::github) fn closes(text: &str, repo: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
        // A colon may follow the word.
        let word = word.strip_suffix(':').unwrap_or(word);
        if !is_keyword(word) {
            continue;
        }
        if let Some(name) = words.peek().and_then(|next| issue(next, repo))
            && !out.contains(&name)
        {
            out.push(name);
        }
    }
    out
}

fn is_keyword(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved",
    ];
    WORDS.iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// `#7`, `acme/webapp#7`, `GH-7` or the address of the issue.
fn issue(word: &str, repo: &str) -> Option<String> {
    let pages = format!("{WEB}/");
    if let Some(rest) = word.strip_prefix(&pages) {
        let (name, number) = rest
            .split_once("/issues/")
            .or_else(|| rest.split_once("/pull/"))?;
        return named(name, number);
    }
    if let Some(number) = word.strip_prefix("GH-") {
        return named(repo, number);
    }
    let (name, number) = word.split_once('#')?;
    named(if name.is_empty() { repo } else { name }, number)
}

fn named(repo: &str, number: &str) -> Option<String> {
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().ok().filter(|number| *number > 0)?;
    (repo.split('/').count() == 2).then(|| format!("{repo}#{number}"))
}

#[cfg(test)]
mod tests {
    use super::closes;

    #[test]
    fn keywords_name_issues_in_every_form() {
        let found = |text| closes(text, "acme/web");
        assert_eq!(found("Fixes #7."), ["acme/web#7"]);
        assert_eq!(
            found("closes: #7, resolves other/repo#8\nFIXED GH-9"),
            ["acme/web#7", "other/repo#8", "acme/web#9"]
        );
        assert_eq!(
            found("(Resolved https://github.com/a/b/issues/12)"),
            ["a/b#12"]
        );
        for text in [
            "see #7",
            "fixes 7",
            "prefixes #7",
            "fixes #0",
            "fixes",
            "closing #3",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
