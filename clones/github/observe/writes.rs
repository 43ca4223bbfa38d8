//! What writes set, and what stays unknown of the time before them.

use std::collections::BTreeMap;

use archal_core::clone::Fact;
use serde_json::Value;

use super::exchange::{Observing, Seen};
use crate::github::tables::{COMMENTS, ISSUES, LABELS, REPOS, TABLES};

/// What a state change of an issue sets.
const STATE: &[&str] = &["state", "state_reason", "closed_at", "closed_by"];
/// All that `PATCH …/issues/{issue_number}` can set.
const WHOLE_ISSUE: &[&str] = &[
    "title",
    "body",
    "state",
    "state_reason",
    "closed_at",
    "closed_by",
    "labels",
    "assignees",
    "updated_at",
];

impl Observing<'_> {
    /// An issue that a path or a comment proves without showing it.
    pub(super) fn touched(&mut self, key: String, written: Vec<&'static str>) {
        let Some((repo, number)) = key.split_once('#') else {
            return;
        };
        let fields = BTreeMap::from([
            ("repo".to_owned(), Value::from(repo)),
            (
                "number".to_owned(),
                Value::from(number.parse().unwrap_or(0_i64)),
            ),
        ]);
        self.row(ISSUES, Seen { key, fields }, written);
    }

    pub(super) fn count(&mut self, parent: String, count: u64) {
        self.fact(Fact::Count {
            table: TABLES[COMMENTS].seed.name,
            field: "issue",
            parent,
            count,
        });
    }

    pub(super) fn create_issue(&mut self, body: &Value) {
        let at = self.facts.len();
        let Some(seen) = self.issue_seen(body) else {
            self.unread();
            return;
        };
        // A new issue has no comments before it is there.
        let counted = |fact: &Fact| matches!(fact, Fact::Count { .. });
        let mut kept: Vec<Fact> = self.facts.split_off(at);
        kept.retain(|fact| !counted(fact));
        self.facts.extend(kept);
        if let Some(login) = seen.fields.get("user").and_then(Value::as_str) {
            let key = login.to_owned();
            self.fact(Fact::Actor { key });
        }
        // The number it got is the one that was next; afterwards another one is.
        let repo = self.repo_of(body);
        let next = |fields| Seen {
            key: repo.clone(),
            fields,
        };
        if let Some(number) = seen.fields.get("number") {
            let number = BTreeMap::from([("next_issue_number".to_owned(), number.clone())]);
            self.row(REPOS, next(number), Vec::new());
            self.row(REPOS, next(BTreeMap::new()), vec!["next_issue_number"]);
        }
        self.created(ISSUES, seen);
    }

    pub(super) fn update_issue(&mut self, body: &Value) {
        let Some(seen) = self.issue_seen(body) else {
            self.unread();
            return;
        };
        let written = match self.exchange.request_body.and_then(Value::as_object) {
            None => {
                self.gaps
                    .push(format!("{}: the request body was not captured", self.id));
                WHOLE_ISSUE.to_vec()
            }
            Some(asked) => {
                let mut written: Vec<&'static str> = Vec::new();
                for name in asked.keys() {
                    match name.as_str() {
                        "title" => written.push("title"),
                        "body" => written.push("body"),
                        "labels" => written.push("labels"),
                        "assignee" | "assignees" => written.push("assignees"),
                        "state" | "state_reason" => written.extend(STATE),
                        _ => {}
                    }
                }
                written.push("updated_at");
                written.sort_unstable();
                written.dedup();
                written
            }
        };
        self.row(ISSUES, seen, written);
    }

    pub(super) fn unread(&mut self) {
        self.gaps
            .push(format!("{}: the response body could not be read", self.id));
    }

    pub(super) fn labels_of_issue(&mut self, names: Vec<String>, written: bool) {
        let number = self.param("issue_number").parse().unwrap_or(0_i64);
        let fields = BTreeMap::from([
            ("repo".to_owned(), Value::from(self.repo())),
            ("number".to_owned(), Value::from(number)),
            ("labels".to_owned(), Value::from(names)),
        ]);
        let written = if written {
            vec!["labels", "updated_at"]
        } else {
            Vec::new()
        };
        let key = self.issue();
        self.row(ISSUES, Seen { key, fields }, written);
    }

    pub(super) fn update_label(&mut self, body: &Value) {
        let Some(seen) = self.label_seen(body) else {
            self.unread();
            return;
        };
        let old = format!("{}:{}", self.repo(), self.param("name"));
        if old.to_lowercase() == seen.key.to_lowercase() {
            self.row(LABELS, seen, vec!["name", "color", "description"]);
            return;
        }
        let problem = "which issues had the label before it was renamed is not shown";
        self.gaps.push(format!("{}: {problem}", self.id));
        self.deleted(LABELS, old);
        self.created(LABELS, seen);
    }
}
