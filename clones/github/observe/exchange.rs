//! One exchange: which operation it was, and what becomes of it.

use std::collections::BTreeMap;

use archal_core::clone::{Exchange, Fact, Observation};
use serde_json::Value;

use crate::engine::route::Params;
use crate::engine::table::TableId;
use crate::github::PACK;
use crate::github::tables::{COMMENTS, ISSUES, LABELS, REPOS, TABLES, USERS, comment_name};

/// Operations that succeed only for callers who may push to the repository.
const NEED_PUSH: &[&str] = &[
    "issues/add-assignees",
    "issues/add-labels",
    "issues/create-label",
    "issues/delete-label",
    "issues/remove-all-labels",
    "issues/remove-assignees",
    "issues/remove-label",
    "issues/set-labels",
    "issues/update",
    "issues/update-label",
];

/// What one exchange proves.
pub(in crate::github) fn observe(exchange: &Exchange<'_>) -> Observation {
    let Some((route, params)) = PACK.find("", exchange.method, exchange.path) else {
        return Observation::default();
    };
    let mut observing = Observing {
        exchange,
        id: route.info.id,
        params,
        facts: Vec::new(),
        gaps: Vec::new(),
    };
    match exchange.status {
        200..=299 if exchange.status != 202 => observing.success(),
        404 if exchange.method == "GET" => observing.absent(),
        _ => {}
    }
    Observation {
        operation: Some(route.info.id),
        facts: observing.facts,
        gaps: observing.gaps,
    }
}

/// A row being proved.
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) fields: BTreeMap<String, Value>,
}

pub(super) struct Observing<'a> {
    pub(super) exchange: &'a Exchange<'a>,
    pub(super) id: &'static str,
    params: Params<'a>,
    pub(super) facts: Vec<Fact>,
    pub(super) gaps: Vec<String>,
}

impl Observing<'_> {
    pub(super) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// The repository in the path.
    pub(super) fn repo(&self) -> String {
        format!("{}/{}", self.param("owner"), self.param("repo"))
    }

    /// The issue in the path.
    pub(super) fn issue(&self) -> String {
        format!("{}#{}", self.repo(), self.param("issue_number"))
    }

    /// Adds a fact once.
    pub(super) fn fact(&mut self, fact: Fact) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    pub(super) fn row(&mut self, table: TableId, seen: Seen, written: Vec<&'static str>) {
        self.fact(Fact::Row {
            table: TABLES[table].seed.name,
            key: seen.key,
            fields: seen.fields,
            written,
        });
    }

    pub(super) fn created(&mut self, table: TableId, seen: Seen) {
        self.fact(Fact::Created {
            table: TABLES[table].seed.name,
            key: seen.key.clone(),
        });
        let all = TABLES[table].seed.fields.iter();
        let written = all.map(|field| field.name).collect();
        self.row(table, seen, written);
    }

    /// The rows of one table by name, without a word of their fields.
    pub(super) fn named(&mut self, table: TableId, field: &str, key: &str) {
        let fields = BTreeMap::from([(field.to_owned(), Value::from(key))]);
        let seen = Seen {
            key: key.to_owned(),
            fields,
        };
        self.row(table, seen, Vec::new());
    }

    pub(super) fn implied(
        &mut self,
        table: TableId,
        key: String,
        field: &'static str,
        value: &str,
    ) {
        self.fact(Fact::Implied {
            table: TABLES[table].seed.name,
            key,
            field,
            value: Value::from(value),
        });
    }

    /// A 404 to a read: the last thing the path names is not to be seen.
    pub(super) fn absent(&mut self) {
        let (table, key) = match self.id {
            "issues/get" | "issues/list-comments" | "issues/list-labels-on-issue" => {
                (ISSUES, self.issue())
            }
            "issues/get-comment" => {
                let id = self.param("comment_id").parse().unwrap_or(0);
                (COMMENTS, comment_name(&self.repo(), id))
            }
            "issues/get-label" => (LABELS, format!("{}:{}", self.repo(), self.param("name"))),
            "users/get-by-username" | "repos/list-for-user" => {
                (USERS, self.param("username").to_owned())
            }
            "repos/get"
            | "issues/list-for-repo"
            | "issues/list-labels-for-repo"
            | "issues/list-comments-for-repo"
            | "issues/list-assignees" => (REPOS, self.repo()),
            _ => return,
        };
        self.fact(Fact::Absent {
            table: TABLES[table].seed.name,
            key,
        });
    }

    pub(super) fn success(&mut self) {
        // Whatever lies below a repository proves the repository and its owner.
        if !self.param("repo").is_empty() {
            let (owner, repo) = (self.param("owner").to_owned(), self.repo());
            self.named(USERS, "login", &owner);
            self.named(REPOS, "full_name", &repo);
            if NEED_PUSH.contains(&self.id) {
                self.implied(REPOS, repo, "permission", "push");
            }
        }
        match self.exchange.status {
            204 => self.without_body(),
            _ => match self.exchange.response_body {
                Some(body) => self.with_body(body),
                None => self
                    .gaps
                    .push(format!("{}: the response body was not captured", self.id)),
            },
        }
    }

    pub(super) fn without_body(&mut self) {
        match self.id {
            "issues/check-user-can-be-assigned" => {
                let login = self.param("assignee").to_owned();
                self.named(USERS, "login", &login);
            }
            "issues/delete-comment" => {
                let id = self.param("comment_id").parse().unwrap_or(0);
                let key = comment_name(&self.repo(), id);
                self.deleted(COMMENTS, key);
            }
            "issues/delete-label" => {
                let key = format!("{}:{}", self.repo(), self.param("name"));
                self.deleted(LABELS, key);
            }
            "issues/remove-all-labels" => self.labels_of_issue(Vec::new(), true),
            _ => {}
        }
    }

    pub(super) fn deleted(&mut self, table: TableId, key: String) {
        self.fact(Fact::Deleted {
            table: TABLES[table].seed.name,
            key,
        });
    }

    pub(super) fn with_body(&mut self, body: &Value) {
        match self.id {
            "users/get-authenticated" => {
                if let Some(key) = self.user(body) {
                    self.fact(Fact::Actor { key });
                }
            }
            "users/get-by-username" => {
                self.user(body);
            }
            "repos/get" => {
                self.repository(body);
            }
            "repos/list-for-user" | "repos/list-for-authenticated-user" | "repos/list-for-org" => {
                self.list(REPOS, body, Self::repository);
            }
            "issues/list-for-repo" => self.list(ISSUES, body, Self::read_issue),
            "search/issues-and-pull-requests" => self.list(ISSUES, body, Self::read_issue),
            "issues/get" => {
                self.read_issue(body);
            }
            "issues/create" => self.create_issue(body),
            "issues/update" => self.update_issue(body),
            "issues/add-assignees" | "issues/remove-assignees" => {
                if let Some(seen) = self.issue_seen(body) {
                    self.row(ISSUES, seen, vec!["assignees", "updated_at"]);
                }
            }
            "issues/list-labels-for-repo" => self.list(LABELS, body, Self::label),
            "issues/get-label" => {
                self.label(body);
            }
            "issues/create-label" => {
                if let Some(seen) = self.label_seen(body) {
                    self.created(LABELS, seen);
                }
            }
            "issues/update-label" => self.update_label(body),
            "issues/list-labels-on-issue" => {
                let names = self.labels(body);
                if self.page() == 1 && self.more(names.len()) == Some(false) {
                    self.labels_of_issue(names, false);
                }
            }
            "issues/add-labels" | "issues/set-labels" | "issues/remove-label" => {
                let names = self.labels(body);
                self.labels_of_issue(names, true);
            }
            "issues/list-comments" => {
                let key = self.issue();
                self.touched(key, Vec::new());
                self.list(COMMENTS, body, Self::comment);
                let count = body.as_array().map_or(0, Vec::len);
                let filtered = self.query().any(|(name, _)| name == "since");
                if self.page() == 1 && self.more(count) == Some(false) && !filtered {
                    self.count(self.issue(), count as u64);
                }
            }
            "issues/list-comments-for-repo" => self.list(COMMENTS, body, Self::comment),
            "issues/get-comment" => {
                self.comment(body);
            }
            "issues/create-comment" => {
                if let Some(seen) = self.comment_seen(body) {
                    if let Some(login) = seen.fields.get("user").and_then(Value::as_str) {
                        let key = login.to_owned();
                        self.fact(Fact::Actor { key });
                    }
                    let issue = self.issue();
                    self.touched(issue, vec!["updated_at"]);
                    self.created(COMMENTS, seen);
                }
            }
            "issues/update-comment" => {
                if let Some(seen) = self.comment_seen(body) {
                    let issue = seen.fields.get("issue").and_then(Value::as_str);
                    if let Some(issue) = issue.map(str::to_owned) {
                        self.touched(issue, vec!["updated_at"]);
                    }
                    self.row(COMMENTS, seen, vec!["body", "updated_at"]);
                }
            }
            "issues/list-assignees" => self.assignees(body),
            _ => {}
        }
    }
}
