//! Whether a call reads or writes, from its name: what a tool's name says it does.

use archal_core::graphql::{self, Kind};
use archal_core::trace::HttpExchange;

/// What a call does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It only looks.
    Read,
    /// It changes something.
    Write,
    /// Its name does not say: a shell, a tool called `process`.
    Unknown,
}

/// Verbs of calls that look, sorted.
const READS: &[&str] = &[
    "browse",
    "calculate",
    "check",
    "compute",
    "count",
    "describe",
    "download",
    "explain",
    "fetch",
    "find",
    "finish",
    "get",
    "glob",
    "grep",
    "inspect",
    "list",
    "load",
    "lookup",
    "ls",
    "plan",
    "poll",
    "query",
    "read",
    "retrieve",
    "search",
    "select",
    "show",
    "sleep",
    "status",
    "stat",
    "think",
    "validate",
    "verify",
    "view",
    "wait",
];
/// Verbs of calls that change something, sorted.
const WRITES: &[&str] = &[
    "add",
    "append",
    "apply",
    "approve",
    "archive",
    "assign",
    "cancel",
    "close",
    "create",
    "delete",
    "deploy",
    "disable",
    "edit",
    "enable",
    "grant",
    "insert",
    "invite",
    "merge",
    "modify",
    "patch",
    "pay",
    "publish",
    "purchase",
    "push",
    "put",
    "refund",
    "register",
    "reject",
    "remove",
    "rename",
    "reopen",
    "reply",
    "reserve",
    "revoke",
    "save",
    "send",
    "submit",
    "subscribe",
    "unassign",
    "unlock",
    "unsubscribe",
    "update",
    "upload",
    "upsert",
    "write",
];
/// Words that are verbs where a name begins with them and nouns elsewhere, sorted.
const WRITES_FIRST: &[&str] = &[
    "book", "charge", "change", "comment", "commit", "exchange", "label", "lock", "mark",
    "message", "move", "post", "return", "schedule", "set", "start", "stop",
];

/// Words that names of calls that look end with, where they leave out the verb, sorted.
const LOOKED_AT: &[&str] = &[
    "date",
    "details",
    "diff",
    "forecast",
    "history",
    "info",
    "information",
    "metadata",
    "now",
    "stats",
    "statistics",
    "time",
    "today",
    "version",
    "weather",
    "whoami",
];

/// Whether a word of a tool's name may say what it does, and not of what.
pub fn is_verb(word: &str) -> bool {
    [READS, WRITES, WRITES_FIRST]
        .iter()
        .any(|verbs| verbs.contains(&word))
}

/// What a tool's name says it does.
pub fn of_tool(name: &str) -> Effect {
    let last = name.rsplit(['.', '/', ':']).next().unwrap_or(name);
    if let found @ (Effect::Read | Effect::Write) = of_words(&words(last), true) {
        return found;
    }
    let all = words(name);
    match of_words(&all, false) {
        Effect::Unknown
            if all
                .last()
                .is_some_and(|last| LOOKED_AT.contains(&last.as_str())) =>
        {
            Effect::Read
        }
        found => found,
    }
}

fn of_words(words: &[String], begins: bool) -> Effect {
    for (place, word) in words.iter().enumerate() {
        let word = word.as_str();
        if READS.contains(&word) {
            return Effect::Read;
        }
        if WRITES.contains(&word) || (begins && place == 0 && WRITES_FIRST.contains(&word)) {
            return Effect::Write;
        }
    }
    Effect::Unknown
}

/// What an exchange does: its method, for GraphQL its operation.
pub fn of_exchange(http: &HttpExchange) -> Effect {
    match http.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => Effect::Read,
        "POST" if http.url.contains("graphql") => {
            match http.request_body.as_ref().map(graphql::kind) {
                Some(Kind::Change) => Effect::Write,
                Some(Kind::Question) => Effect::Read,
                // It was cut, or names several operations, or none.
                Some(Kind::Unknown) | None => Effect::Unknown,
            }
        }
        // What is asked for is too long for an address, or is a credential.
        "POST" if asks(&http.url) => Effect::Unknown,
        _ => Effect::Write,
    }
}

/// Whether what is posted to may be a question: `/search`, `/documents:runQuery`, `/token`.
fn asks(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let last = path.trim_end_matches('/').rsplit('/').next();
    last.and_then(|last| words(last).pop())
        .is_some_and(|word| matches!(word.as_str(), "query" | "search" | "token" | "tokens"))
}

/// The words of a name: `getUserDetails`, `get_user_details` and `get-user-details` are one.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower = false;
    for c in name.chars().take(200) {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_that_may_be_a_question_is_no_change() {
        let of = |url: &str| {
            of_exchange(&HttpExchange {
                method: "POST".to_owned(),
                url: url.to_owned(),
                ..HttpExchange::default()
            })
        };
        for url in [
            "https://auth.example.com/oauth/token",
            "https://es.example.com/books/_search?size=5",
            "https://firestore.example.com/v1/documents:runQuery",
            "https://api.example.com/app/installations/1/access_tokens",
        ] {
            assert_eq!(of(url), Effect::Unknown, "{url}");
        }
        for url in [
            "https://api.example.com/search/saved",
            "https://api.example.com/orders?then=/search",
        ] {
            assert_eq!(of(url), Effect::Write, "{url}");
        }
    }

    #[test]
    fn a_graphql_document_does_what_its_operation_says_wherever_that_stands() {
        let star = "mutation M{addStar(input:{starrableId:\"R\"}){clientMutationId}}";
        for (query, effect) in [
            (star.to_owned(), Effect::Write),
            (format!("# stars it\n{star}"), Effect::Write),
            (format!("fragment F on User{{login}} {star}"), Effect::Write),
            ("{search(query:\"mutation\"){n}}".to_owned(), Effect::Read),
            ("query mutation{viewer{login}}".to_owned(), Effect::Read),
            (
                format!("query Q{{viewer{{login}}}} {star}"),
                Effect::Unknown,
            ),
            (star[..star.len() - 9].to_owned(), Effect::Unknown),
        ] {
            let exchange = HttpExchange {
                method: "POST".to_owned(),
                url: "https://api.github.com/graphql".to_owned(),
                request_body: Some(serde_json::json!({"query": query})),
                ..HttpExchange::default()
            };
            assert_eq!(of_exchange(&exchange), effect, "{query}");
        }
    }

    #[test]
    fn names_say_what_calls_do() {
        for (name, effect) in [
            ("list_issues", Effect::Read),
            ("issue_write", Effect::Write),
            ("github.issues.createComment", Effect::Write),
            ("get_order_status", Effect::Read),
            ("book_reservation", Effect::Write),
            ("find_book", Effect::Read),
            ("library_book", Effect::Unknown),
            ("current_weather", Effect::Read),
            ("git.diff", Effect::Read),
            ("order_history", Effect::Read),
            ("history_purge", Effect::Unknown),
            ("process", Effect::Unknown),
            ("bash", Effect::Unknown),
        ] {
            assert_eq!(of_tool(name), effect, "{name}");
        }
    }
}
