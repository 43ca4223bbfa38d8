//! Which services a scenario speaks of, where it names no clones.

use archal_core::clone::CloneDescriptor;

/// Words that only speak of one service, in lower case. A service needs no clone to be here: what
/// is found beside the clones that exist is told, not silently left out.
const KEYWORDS: &[(&str, &[&str])] = &[
    ("discord", &["guild", "text channel"]),
    (
        "github",
        &[
            "repository",
            "repositories",
            "pull request",
            "pull requests",
            "create_issue",
        ],
    ),
    (
        "google_workspace",
        &["gmail", "calendar event", "calendar events", "inbox"],
    ),
    ("jira", &["jira sprint"]),
    ("linear", &["linear ticket", "linear tickets"]),
    (
        "ramp",
        &[
            "expense",
            "expenses",
            "reimbursement",
            "reimbursements",
            "card spend",
        ],
    ),
    (
        "slack",
        &["slack channel", "slack channels", "send_message"],
    ),
    (
        "stripe",
        &[
            "payment",
            "payments",
            "refund",
            "refunds",
            "subscription",
            "subscriptions",
            "invoice",
            "invoices",
        ],
    ),
    ("supabase", &["database", "sql query"]),
    ("telegram", &[]),
];

/// Whether a text in lower case speaks of the service of that name.
pub(super) fn speaks_of(words: &str, service: &str) -> bool {
    let keywords = KEYWORDS
        .iter()
        .find(|(name, _)| *name == service)
        .map_or(&[][..], |(_, keywords)| keywords);
    occurs(words, &service.replace('_', " "))
        || keywords.iter().any(|keyword| occurs(words, keyword))
}

/// The services a text in lower case names that have no clone.
pub(super) fn without_clone(words: &str, catalogue: &[CloneDescriptor]) -> Vec<&'static str> {
    KEYWORDS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !catalogue.iter().any(|clone| clone.name == *name))
        // Its own name alone: a "database" or an "inbox" may be anything.
        .filter(|name| occurs(words, &name.replace('_', " ")))
        .collect()
}

/// Whether a word occurs in a text as a whole.
pub(super) fn occurs(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside)
    })
}
