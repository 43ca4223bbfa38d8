//! Names of tools, as frameworks write them.

/// The most characters of a name that are looked at.
const LENGTH: usize = 200;

/// Words that frameworks put before a name, and that clients are called by. They say nothing.
pub(super) const CARRIERS: &[&str] = &[
    "api",
    "async",
    "call",
    "client",
    "default",
    "default_api",
    "execute",
    "function",
    "functions",
    "gh",
    "mcp",
    "namespace",
    "octokit",
    "remote",
    "rest",
    "sdk",
    "server",
    "service",
    "tool",
    "tools",
];

/// A name without what cannot be part of one.
pub(super) fn bounded(name: &str) -> &str {
    let name = name.trim();
    let end = name
        .char_indices()
        .nth(LENGTH)
        .map_or(name.len(), |(at, _)| at);
    &name[..end]
}

/// The words of a name in lower case: `octokit.rest.issues.listForRepo` has six.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in bounded(name).chars() {
        let begins = c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit());
        if c.is_alphanumeric() {
            match words
                .last_mut()
                .filter(|_| last.is_alphanumeric() && !begins)
            {
                Some(word) => word.extend(c.to_lowercase()),
                None => words.push(c.to_lowercase().collect()),
            }
        }
        last = c;
    }
    words
}

/// Where a name may begin within a longer one: at its start and behind each separator. With each
/// place, whether the separator is one that no name has inside.
pub(super) fn starts(name: &str) -> impl Iterator<Item = (usize, bool)> + '_ {
    let bytes = name.as_bytes();
    let behind = (1..bytes.len()).filter_map(move |at| {
        let before = bytes[at - 1];
        let is_separator = matches!(before, b'_' | b'-' | b'.' | b'/' | b':' | b' ');
        let is_strong = matches!(before, b'.' | b'/' | b':')
            || (before == b'_' && at >= 2 && bytes[at - 2] == b'_');
        is_separator.then_some((at, is_strong))
    });
    std::iter::once((0, false)).chain(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_whatever_the_convention() {
        let same = ["issues", "list", "for", "repo"];
        for name in [
            "issues.listForRepo",
            "issues/list-for-repo",
            "issues_list_for_repo",
        ] {
            assert_eq!(words(name), same, "{name}");
        }
        assert_eq!(words("getHTTP2Status"), ["get", "http2", "status"]);
        assert_eq!(words("—"), [""; 0]);
    }

    #[test]
    fn a_name_may_begin_behind_each_separator() {
        let found: Vec<_> = starts("mcp__gh-a.b").collect();
        assert_eq!(
            found,
            [(0, false), (4, false), (5, true), (8, false), (10, true)]
        );
    }
}
