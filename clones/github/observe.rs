//! What recorded exchanges prove about GitHub's state.

use std::collections::BTreeMap;

use archal_core::clone::{Exchange, Fact, FieldKind, Observation};
use serde_json::Value;

use super::manifest::ROUTES;
use super::tables::{COMMENTS, ISSUES, LABELS, REPOS, TABLES, USERS, comment_name};
use crate::engine::route::{Params, find};
use crate::engine::table::TableId;

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
pub(super) fn observe(exchange: &Exchange<'_>) -> Observation {
    let Some((route, params)) = find(ROUTES, exchange.method, exchange.path) else {
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
struct Seen {
    key: String,
    fields: BTreeMap<String, Value>,
}

struct Observing<'a> {
    exchange: &'a Exchange<'a>,
    id: &'static str,
    params: Params<'a>,
    facts: Vec<Fact>,
    gaps: Vec<String>,
}

impl Observing<'_> {
    fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// The repository in the path.
    fn repo(&self) -> String {
        format!("{}/{}", self.param("owner"), self.param("repo"))
    }

    /// The issue in the path.
    fn issue(&self) -> String {
        format!("{}#{}", self.repo(), self.param("issue_number"))
    }

    /// Adds a fact once.
    fn fact(&mut self, fact: Fact) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    fn row(&mut self, table: TableId, seen: Seen, written: Vec<&'static str>) {
        self.fact(Fact::Row {
            table: TABLES[table].seed.name,
            key: seen.key,
            fields: seen.fields,
            written,
        });
    }

    fn created(&mut self, table: TableId, seen: Seen) {
        self.fact(Fact::Created {
            table: TABLES[table].seed.name,
            key: seen.key.clone(),
        });
        let all = TABLES[table].seed.fields.iter();
        let written = all.map(|field| field.name).collect();
        self.row(table, seen, written);
    }

    /// The rows of one table by name, without a word of their fields.
    fn named(&mut self, table: TableId, field: &str, key: &str) {
        let fields = BTreeMap::from([(field.to_owned(), Value::from(key))]);
        let seen = Seen {
            key: key.to_owned(),
            fields,
        };
        self.row(table, seen, Vec::new());
    }

    fn implied(&mut self, table: TableId, key: String, field: &'static str, value: &str) {
        self.fact(Fact::Implied {
            table: TABLES[table].seed.name,
            key,
            field,
            value: Value::from(value),
        });
    }

    /// Members there are only of organisations, collaborators only of people.
    fn association(&mut self, repo: &str, body: &Value) {
        let owner = match body.get("author_association").and_then(Value::as_str) {
            Some("MEMBER") => "Organization",
            Some("COLLABORATOR") => "User",
            _ => return,
        };
        let login = repo.split('/').next().unwrap_or_default().to_owned();
        self.implied(USERS, login, "type", owner);
    }

    /// A 404 to a read: the last thing the path names is not to be seen.
    fn absent(&mut self) {
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

    fn success(&mut self) {
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

    fn without_body(&mut self) {
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

    fn deleted(&mut self, table: TableId, key: String) {
        self.fact(Fact::Deleted {
            table: TABLES[table].seed.name,
            key,
        });
    }

    fn with_body(&mut self, body: &Value) {
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

    /// An issue that a path or a comment proves without showing it.
    fn touched(&mut self, key: String, written: Vec<&'static str>) {
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

    fn count(&mut self, parent: String, count: u64) {
        self.fact(Fact::Count {
            table: TABLES[COMMENTS].seed.name,
            field: "issue",
            parent,
            count,
        });
    }

    /// A page of a list; `read` proves an item and says its key.
    fn list(
        &mut self,
        table: TableId,
        body: &Value,
        read: fn(&mut Self, &Value) -> Option<String>,
    ) {
        let total = body.get("total_count").and_then(Value::as_u64);
        let Some(items) = body.as_array().or_else(|| body.get("items")?.as_array()) else {
            self.gaps
                .push(format!("{}: the response body is not a list", self.id));
            return;
        };
        let mut keys = Vec::new();
        for item in items {
            if item.get("pull_request").is_some() {
                let number = item.get("number").and_then(Value::as_i64).unwrap_or(0);
                let problem = format!("{}: pull request {number} is not modelled", self.id);
                self.gaps.push(problem);
                continue;
            }
            match read(self, item) {
                Some(key) => keys.push(key),
                None => self.gaps.push(format!(
                    "{}: an item of the list could not be read",
                    self.id
                )),
            }
        }
        let (page, per_page) = (self.page(), self.per_page());
        let more = match total {
            Some(total) => Some(page.saturating_mul(per_page) < total),
            None => self.more(items.len()),
        };
        let list = self.list_name();
        self.fact(Fact::Page {
            table: TABLES[table].seed.name,
            list,
            page,
            per_page,
            keys,
            more,
        });
    }

    fn query(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(self.exchange.query.as_bytes()).into_owned()
    }

    fn number(&self, of: &str, usual: u64) -> u64 {
        self.query()
            .find(|(name, _)| name == of)
            .and_then(|(_, value)| value.parse().ok())
            .filter(|value| *value > 0)
            .unwrap_or(usual)
    }

    fn page(&self) -> u64 {
        self.number("page", 1)
    }

    fn per_page(&self) -> u64 {
        self.number("per_page", 30).min(100)
    }

    /// Whether more pages follow a page of `count` items.
    fn more(&self, count: usize) -> Option<bool> {
        let headers = self.exchange.response_headers;
        if let Some(link) = headers.get("link") {
            return Some(link.contains("rel=\"next\""));
        }
        // GitHub leaves the header out where all is on one page; whether the recorder did is told
        // by headers that every answer has.
        let all = ["x-github-request-id", "x-github-media-type"];
        let recorded = all.iter().any(|name| headers.contains_key(*name));
        ((count as u64) < self.per_page() || recorded).then_some(false)
    }

    /// Path and filters in order of name, without paging.
    fn list_name(&self) -> String {
        let mut filters: Vec<_> = self
            .query()
            .filter(|(name, _)| name != "page" && name != "per_page")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        filters.sort();
        if filters.is_empty() {
            self.exchange.path.to_owned()
        } else {
            format!("{}?{}", self.exchange.path, filters.join("&"))
        }
    }

    fn user(&mut self, body: &Value) -> Option<String> {
        let key = body.get("login")?.as_str()?.to_owned();
        let seen = Seen {
            fields: fields(USERS, body),
            key: key.clone(),
        };
        self.row(USERS, seen, Vec::new());
        Some(key)
    }

    fn repository(&mut self, body: &Value) -> Option<String> {
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
    fn repo_of(&self, body: &Value) -> String {
        let url = ["repository_url", "issue_url", "url"]
            .iter()
            .find_map(|name| body.get(*name)?.as_str());
        url.and_then(|url| url.split_once("/repos/"))
            .map(|(_, rest)| rest.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"))
            .filter(|name| name.contains('/'))
            .unwrap_or_else(|| self.repo())
    }

    fn issue_seen(&mut self, body: &Value) -> Option<Seen> {
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

    fn read_issue(&mut self, body: &Value) -> Option<String> {
        let seen = self.issue_seen(body)?;
        let key = seen.key.clone();
        self.row(ISSUES, seen, Vec::new());
        Some(key)
    }

    fn create_issue(&mut self, body: &Value) {
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

    fn update_issue(&mut self, body: &Value) {
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

    fn unread(&mut self) {
        self.gaps
            .push(format!("{}: the response body could not be read", self.id));
    }

    fn label_seen(&mut self, body: &Value) -> Option<Seen> {
        let repo = self.repo();
        label_of(&repo, body)
    }

    fn label(&mut self, body: &Value) -> Option<String> {
        let seen = self.label_seen(body)?;
        let key = seen.key.clone();
        self.row(LABELS, seen, Vec::new());
        Some(key)
    }

    /// A label inside an issue; its name.
    fn label_in(&mut self, repo: &str, body: &Value) -> Option<String> {
        let seen = label_of(repo, body)?;
        let name = seen.fields.get("name")?.as_str()?.to_owned();
        self.row(LABELS, seen, Vec::new());
        Some(name)
    }

    fn labels(&mut self, body: &Value) -> Vec<String> {
        let repo = self.repo();
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .filter_map(|label| self.label_in(&repo, label))
            .collect()
    }

    fn labels_of_issue(&mut self, names: Vec<String>, written: bool) {
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

    fn update_label(&mut self, body: &Value) {
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

    fn comment_seen(&mut self, body: &Value) -> Option<Seen> {
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

    fn comment(&mut self, body: &Value) -> Option<String> {
        let seen = self.comment_seen(body)?;
        let key = seen.key.clone();
        self.row(COMMENTS, seen, Vec::new());
        Some(key)
    }

    fn assignees(&mut self, body: &Value) {
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        let logins: Vec<String> = items.iter().filter_map(|one| self.user(one)).collect();
        if self.page() == 1 && self.more(items.len()) == Some(false) {
            let repo = self.repo();
            let fields = BTreeMap::from([
                ("full_name".to_owned(), Value::from(repo.as_str())),
                ("collaborators".to_owned(), Value::from(logins)),
            ]);
            self.row(REPOS, Seen { key: repo, fields }, Vec::new());
        }
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
