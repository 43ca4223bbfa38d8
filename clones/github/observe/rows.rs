//! Objects in bodies as rows: users, repositories, issues, labels, comments.

use std::collections::BTreeMap;

use archal_core::clone::FieldKind;
use serde_json::Value;

use super::exchange::{Observing, Seen};
use crate::engine::table::TableId;
use crate::github::tables::{COMMENTS, ISSUES, LABELS, REPOS, TABLES, USERS, comment_name};

impl Observing<'_> {
    /// Members there are only of organisations, collaborators only of people.
    pub(super) fn association(&mut self, repo: &str, body: &Value) {
        let owner = match body.get("author_association").and_then(Value::as_str) {
            Some("MEMBER") => "Organization",
            Some("COLLABORATOR") => "User",
            _ => return,
        };
        let login = repo.split('/').next().unwrap_or_default().to_owned();
        self.implied(USERS, login, "type", owner);
    }

    pub(super) fn user(&mut self, body: &Value) -> Option<String> {
        let key = body.get("login")?.as_str()?.to_owned();
        let seen = Seen {
            fields: fields(USERS, body),
            key: key.clone(),
        };
        self.row(USERS, seen, Vec::new());
        Some(key)
    }

    pub(super) fn repository(&mut self, body: &Value) -> Option<String> {
        let key = body.get("full_name")?.as_str()?.to_owned();
        let owner = body.get("owner").and_then(|owner| self.user(owner));
        let mut fields = fields(REPOS, body);
        if let Some(owner) = owner {
            fields.insert("owner".to_owned(), Value::from(owner));
        }
        let best = ["admin", "maintain", "push", "triage", "pull"];
        if let Some(given) = body.get("permissions") {
            let best = best
                .iter()
                .find(|name| given.get(**name) == Some(&Value::Bool(true)));
            let best = best.copied().unwrap_or("none");
            fields.insert("permission".to_owned(), Value::from(best));
        }
        let seen = Seen {
            key: key.clone(),
            fields,
        };
        self.row(REPOS, seen, Vec::new());
        Some(key)
    }

    /// The repository of an issue or comment: as its own address has it, else as the path has it.
    pub(super) fn repo_of(&self, body: &Value) -> String {
        let url = ["repository_url", "issue_url", "url"]
            .iter()
            .find_map(|name| body.get(*name)?.as_str());
        url.and_then(|url| url.split_once("/repos/"))
            .map(|(_, rest)| rest.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"))
            .filter(|name| name.contains('/'))
            .unwrap_or_else(|| self.repo())
    }

    pub(super) fn issue_seen(&mut self, body: &Value) -> Option<Seen> {
        let repo = self.repo_of(body);
        let number = body.get("number")?.as_i64()?;
        let key = format!("{repo}#{number}");
        if self.param("repo").is_empty() {
            let owner = repo.split('/').next().unwrap_or_default().to_owned();
            self.named(USERS, "login", &owner);
            self.named(REPOS, "full_name", &repo);
        }
        self.association(&repo, body);
        let mut fields = fields(ISSUES, body);
        fields.insert("repo".to_owned(), Value::from(repo.as_str()));
        for name in ["user", "closed_by"] {
            match body.get(name) {
                Some(Value::Null) => {
                    fields.insert(name.to_owned(), Value::Null);
                }
                Some(person) => {
                    if let Some(login) = self.user(person) {
                        fields.insert(name.to_owned(), Value::from(login));
                    }
                }
                None => {}
            }
        }
        if let Some(people) = body.get("assignees").and_then(Value::as_array) {
            let logins: Vec<String> = people.iter().filter_map(|one| self.user(one)).collect();
            fields.insert("assignees".to_owned(), Value::from(logins));
        }
        if let Some(labels) = body.get("labels").and_then(Value::as_array) {
            let names: Vec<String> = labels
                .iter()
                .filter_map(|label| self.label_in(&repo, label))
                .collect();
            fields.insert("labels".to_owned(), Value::from(names));
        }
        if let Some(count) = body.get("comments").and_then(Value::as_u64) {
            self.count(key.clone(), count);
        }
        Some(Seen { key, fields })
    }

    pub(super) fn read_issue(&mut self, body: &Value) -> Option<String> {
        let seen = self.issue_seen(body)?;
        let key = seen.key.clone();
        self.row(ISSUES, seen, Vec::new());
        Some(key)
    }

    pub(super) fn label_seen(&mut self, body: &Value) -> Option<Seen> {
        let repo = self.repo();
        label_of(&repo, body)
    }

    pub(super) fn label(&mut self, body: &Value) -> Option<String> {
        let seen = self.label_seen(body)?;
        let key = seen.key.clone();
        self.row(LABELS, seen, Vec::new());
        Some(key)
    }

    /// A label inside an issue; its name.
    pub(super) fn label_in(&mut self, repo: &str, body: &Value) -> Option<String> {
        let seen = label_of(repo, body)?;
        let name = seen.fields.get("name")?.as_str()?.to_owned();
        self.row(LABELS, seen, Vec::new());
        Some(name)
    }

    pub(super) fn labels(&mut self, body: &Value) -> Vec<String> {
        let repo = self.repo();
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .filter_map(|label| self.label_in(&repo, label))
            .collect()
    }

    pub(super) fn comment_seen(&mut self, body: &Value) -> Option<Seen> {
        let repo = self.repo_of(body);
        let id = body.get("id")?.as_i64()?;
        self.association(&repo, body);
        let mut fields = fields(COMMENTS, body);
        let number = body
            .get("issue_url")
            .and_then(Value::as_str)
            .and_then(|url| url.rsplit('/').next()?.parse::<u64>().ok())
            .or_else(|| self.param("issue_number").parse().ok())?;
        fields.insert("issue".to_owned(), Value::from(format!("{repo}#{number}")));
        if let Some(login) = body.get("user").and_then(|user| self.user(user)) {
            fields.insert("user".to_owned(), Value::from(login));
        }
        Some(Seen {
            key: comment_name(&repo, id),
            fields,
        })
    }

    pub(super) fn comment(&mut self, body: &Value) -> Option<String> {
        let seen = self.comment_seen(body)?;
        let key = seen.key.clone();
        self.row(COMMENTS, seen, Vec::new());
        Some(key)
    }
}

fn label_of(repo: &str, body: &Value) -> Option<Seen> {
    // Old recordings have bare names in an issue's labels.
    let name = body
        .as_str()
        .or_else(|| body.get("name").and_then(Value::as_str))?;
    let mut fields = fields(LABELS, body);
    fields.insert("name".to_owned(), Value::from(name));
    fields.insert("repo".to_owned(), Value::from(repo));
    Some(Seen {
        key: format!("{repo}:{name}"),
        fields,
    })
}

/// The fields of a body that are columns of a table by the same name and of the same kind.
fn fields(table: TableId, body: &Value) -> BTreeMap<String, Value> {
    let columns = TABLES[table].columns.iter();
    columns
        .filter_map(|column| {
            let value = body.get(column.field.name)?;
            let fits = match (&column.field.kind, value) {
                (_, Value::Null) => !column.field.required,
                (FieldKind::Text, Value::String(text)) => {
                    column.choices.is_empty() || column.choices.contains(&text.as_str())
                }
                (FieldKind::Time, Value::String(text)) => text.parse::<jiff::Timestamp>().is_ok(),
                (FieldKind::Int, Value::Number(number)) => number.is_i64(),
                (FieldKind::Bool, Value::Bool(_)) => true,
                (FieldKind::List(_), Value::Array(items)) => items.iter().all(Value::is_string),
                _ => false,
            };
            fits.then(|| (column.field.name.to_owned(), value.clone()))
        })
        .collect()
}
