//! What may be claimed, and which calls do it.

use archal_core::trace::HttpExchange;

use super::super::facts::effect::words;
use super::super::facts::{Call, Effect};

/// One kind of act.
#[derive(Debug)]
pub(super) struct Family {
    /// Its name, the same in every run.
    pub(super) name: &'static str,
    /// How it is asked for, in lower case.
    pub(super) asked: &'static [&'static str],
    /// What is so of a call `c` that changes something and does this, in CEL; none where services
    /// have no common way of doing it. A GraphQL call says nothing and is let pass.
    pub(super) act: Option<&'static str>,
    /// How it is said to be done, in lower case.
    pub(super) participles: &'static [&'static str],
    /// Words in names of tools that do it.
    pub(super) verbs: &'static [&'static str],
    /// Whether people want to hear of it where they did not ask for it.
    pub(super) told: bool,
}

/// Words in names of tools that may do anything.
const ANYTHING: &[&str] = &[
    "apply", "batch", "bulk", "edit", "execute", "graphql", "manage", "modify", "mutate", "patch",
    "perform", "process", "put", "run", "save", "set", "submit", "update", "upsert", "write",
];

/// The kinds, sorted by name.
pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "assign",
        asked: &["assign", "unassign"],
        act: Some(
            "c.path.endsWith(\"/assignees\") || has(c.request.assignees) || has(c.request.assignee)",
        ),
        participles: &["assigned", "unassigned"],
        verbs: &[
            "assign",
            "unassign",
            "assignee",
            "assignees",
            "add",
            "remove",
            "create",
        ],
        told: false,
    },
    Family {
        name: "book",
        asked: &["book", "reserve", "schedule"],
        act: None,
        participles: &["booked", "reserved", "scheduled"],
        verbs: &[
            "book",
            "booking",
            "reserve",
            "reservation",
            "schedule",
            "create",
            "add",
            "order",
            "purchase",
            "buy",
        ],
        told: false,
    },
    Family {
        name: "cancel",
        asked: &["cancel"],
        act: None,
        participles: &["cancelled", "canceled"],
        verbs: &["cancel", "delete", "remove"],
        told: true,
    },
    Family {
        name: "close",
        asked: &["close"],
        act: Some(
            "(has(c.request.state) && c.request.state == \"closed\") || c.path.endsWith(\"/close\")",
        ),
        participles: &["closed"],
        verbs: &["close", "issue", "resolve", "transition", "merge"],
        told: false,
    },
    Family {
        name: "comment",
        asked: &["comment", "reply"],
        act: Some(
            "c.path.endsWith(\"/comments\") || c.path.endsWith(\"/reviews\") || c.path.endsWith(\"/replies\") || (c.tool != null && c.tool.contains(\"comment\"))",
        ),
        participles: &["commented", "replied"],
        verbs: &[
            "comment", "comments", "reply", "respond", "add", "create", "post", "send", "message",
            "review",
        ],
        told: false,
    },
    Family {
        name: "create",
        asked: &["create", "open", "file"],
        act: Some("c.method == \"POST\" || c.method == \"PUT\""),
        participles: &["created", "opened", "filed"],
        verbs: &[
            "create",
            "add",
            "insert",
            "open",
            "new",
            "make",
            "file",
            "post",
            "commit",
            "push",
            "fork",
            "copy",
            "duplicate",
            "generate",
            "book",
            "upload",
            "register",
            "touch",
            "mkdir",
        ],
        told: false,
    },
    Family {
        name: "delete",
        asked: &["delete", "remove"],
        act: Some(
            "c.method == \"DELETE\" || (c.tool != null && (c.tool.contains(\"delete\") || c.tool.contains(\"remove\")))",
        ),
        participles: &["deleted", "removed"],
        verbs: &[
            "delete", "remove", "destroy", "drop", "purge", "clear", "unlink", "rm", "revoke",
            "unassign", "dismiss", "cancel",
        ],
        told: true,
    },
    Family {
        name: "exchange",
        asked: &["exchange"],
        act: None,
        participles: &["exchanged"],
        verbs: &["exchange", "swap", "replace", "return"],
        told: false,
    },
    Family {
        name: "label",
        asked: &["label", "tag"],
        act: Some("c.path.contains(\"/labels\") || has(c.request.labels)"),
        participles: &["labelled", "labeled", "tagged"],
        verbs: &["label", "labels", "tag", "tags", "add", "issue", "create"],
        told: false,
    },
    Family {
        name: "merge",
        asked: &["merge"],
        act: Some(
            "c.path.endsWith(\"/merge\") || c.path.endsWith(\"/merges\") || (c.tool != null && c.tool.contains(\"merge\"))",
        ),
        participles: &["merged"],
        verbs: &["merge", "pull", "push"],
        told: true,
    },
    Family {
        name: "refund",
        asked: &["refund"],
        act: None,
        participles: &["refunded"],
        verbs: &[
            "refund",
            "refunds",
            "cancel",
            "return",
            "reverse",
            "credit",
            "certificate",
            "compensate",
            "payment",
        ],
        told: true,
    },
    Family {
        name: "send",
        asked: &["send", "email", "notify", "message"],
        act: None,
        participles: &["sent", "emailed", "notified", "messaged"],
        verbs: &[
            "send",
            "email",
            "mail",
            "notify",
            "message",
            "messages",
            "post",
            "publish",
            "reply",
            "notification",
            "create",
            "issue",
        ],
        told: true,
    },
];

/// Whether a call may have changed something without its name saying so: a shell, a tool called `process`.
pub(super) fn is_opaque(call: &Call<'_>) -> bool {
    call.effect == Effect::Unknown && call.failure.is_none() && !is_question(call)
}

/// Whether a call posts a question: it may hand out a credential and does nothing that is claimed.
fn is_question(call: &Call<'_>) -> bool {
    let is_posted = |http: &HttpExchange| {
        call.name.starts_with(http.method.as_str()) && !http.url.contains("graphql")
    };
    call.effect == Effect::Unknown && call.http.is_some_and(is_posted)
}

impl Family {
    /// Whether a call can do this: its name says so, or does not say what it does.
    pub(super) fn done_by(&self, call: &Call<'_>) -> bool {
        if call.effect == Effect::Read || is_question(call) {
            return false;
        }
        if let Some(http) = call.http {
            return match self.name {
                "create" | "comment" | "send" => matches!(http.method.as_str(), "POST" | "PUT"),
                _ => true,
            };
        }
        words(&call.name)
            .iter()
            .any(|word| self.verbs.contains(&word.as_str()) || ANYTHING.contains(&word.as_str()))
    }

    /// Whether a tool's name says this and nothing else.
    pub(super) fn named_by(&self, call: &Call<'_>) -> bool {
        call.http.is_none()
            && words(&call.name)
                .first()
                .is_some_and(|word| self.verbs.first() == Some(&word.as_str()))
    }

    /// Whether a text in lower case speaks of this.
    pub(super) fn spoken_of(&self, text: &str) -> bool {
        let stem = |verb: &str| verb.trim_end_matches('e').to_owned();
        self.participles.iter().any(|word| text.contains(word))
            || self
                .verbs
                .iter()
                .any(|verb| text.contains(stem(verb).as_str()))
    }
}
