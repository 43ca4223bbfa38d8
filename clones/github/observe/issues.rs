//! Issues, and what hangs on them: labels, milestones, comments, parents.

use archal_core::clone::Fact;
use serde_json::Value;

use super::exchange::Observing;
use super::shape::Seen;
use super::shapes::{COMMENT, ISSUE, ISSUE_TYPE, LABEL, MILESTONE, USER};
use crate::engine::key::same;
use crate::github::tables::{
    COMMENTS, DEPENDENCIES, ISSUES, LABELS, PULLS, REPOS, SUB_ISSUES, TABLES, USERS, comment,
    dependency, issue, label, pull, repo, sub_issue, user,
};

/// What a state change of an issue sets.
pub(super) const STATE: &[usize] = &[
    issue::STATE,
    issue::STATE_REASON,
    issue::CLOSED_AT,
    issue::CLOSED_BY,
];

/// The names of its labels.
pub(super) fn labels(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    let items = body.get("labels")?.as_array()?;
    Some(at.label_names(repo, items).into())
}

/// The number of its milestone.
pub(super) fn milestone(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    match body.get("milestone")? {
        Value::Null => Some(Value::Null),
        inner => {
            let mut seen = at.seen(&MILESTONE, inner)?;
            seen.fields.insert("repo".to_owned(), Value::from(repo));
            let number = seen.fields.get("number").cloned();
            let key = super::shape::key_of(seen.table, &seen.fields)?;
            at.row(Seen { key, ..seen }, Vec::new());
            number
        }
    }
}

/// The name of its type.
pub(super) fn kind(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    match body.get("type")? {
        Value::Null => Some(Value::Null),
        inner => {
            let mut seen = at.seen(&ISSUE_TYPE, inner)?;
            let owner = repo.split('/').next().unwrap_or_default();
            seen.fields.insert("org".to_owned(), Value::from(owner));
            let name = seen.fields.get("name").cloned();
            let key = super::shape::key_of(seen.table, &seen.fields)?;
            at.row(Seen { key, ..seen }, Vec::new());
            name
        }
    }
}

/// The number of the comment that is pinned to it.
pub(super) fn pinned(_: &mut Observing<'_>, _: &str, body: &Value) -> Option<Value> {
    match body.get("pinned_comment")? {
        Value::Null => Some(Value::Null),
        inner => inner.get("id").cloned(),
    }
}

/// The issue that a comment or an event belongs to.
pub(super) fn issue(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    let told = body.pointer("/issue/number").and_then(Value::as_i64);
    let url = body.get("issue_url").and_then(Value::as_str);
    let number = told
        .or_else(|| url?.rsplit('/').next()?.parse().ok())
        .or_else(|| at.param("issue_number").parse().ok())?;
    Some(Value::from(format!("{repo}#{number}")))
}

/// What a reaction is to, as seeds name it.
pub(super) fn subject(at: &mut Observing<'_>, _: &str, _: &Value) -> Option<Value> {
    let comment: Option<i64> = at.param("comment_id").parse().ok();
    match comment {
        // A comment on a diff is named by its GraphQL id, which the path does not have.
        Some(_) if at.template.contains("/pulls/comments/") => None,
        Some(id) => Some(Value::from(format!("{}#issuecomment-{id}", at.repo()))),
        None if at.param("issue_number").is_empty() => None,
        None => Some(Value::from(at.issue())),
    }
}

/// What the author of something is to the repository says what its owner is: members there are only
/// of organisations, collaborators of people, too.
pub(super) fn associated(at: &mut Observing<'_>, seen: &Seen, body: &Value) {
    if body.get("author_association").and_then(Value::as_str) == Some("MEMBER") {
        let login = seen.repo.split('/').next().unwrap_or_default().to_owned();
        at.implied(USERS, login, user::TYPE, "Organization");
    }
}

/// What an issue shows beside itself.
pub(super) fn beside(at: &mut Observing<'_>, seen: &Seen, body: &Value) {
    associated(at, seen, body);
    at.repository_of(seen);
    at.passed_over(body);
    if let Some(count) = body.get("comments").and_then(Value::as_u64) {
        at.fact(Fact::Count {
            table: TABLES[COMMENTS].seed.name,
            field: TABLES[COMMENTS].seed.fields[comment::ISSUE].name,
            parent: seen.key.clone(),
            count,
        });
    }
    let parent = body.get("parent_issue_url").and_then(Value::as_str);
    if let Some(parent) = parent.and_then(issue_at) {
        at.told(
            SUB_ISSUES,
            &[
                (sub_issue::ISSUE, Value::from(seen.key.as_str())),
                (sub_issue::PARENT, Value::from(parent)),
            ],
            Vec::new(),
        );
    }
    if body.get("pull_request").is_some_and(Value::is_object) {
        at.pull_of(seen, body);
    }
}

/// The issue that an address of the API names.
pub(super) fn issue_at(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("/repos/")?;
    let mut parts = rest.split('/');
    let (owner, repo, kind, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let number: u64 = number.parse().ok()?;
    matches!(kind, "issues" | "pulls").then(|| format!("{owner}/{repo}#{number}"))
}

impl Observing<'_> {
    /// The repository of an object that the path does not name.
    pub(super) fn repository_of(&mut self, seen: &Seen) {
        if self.repo().is_empty() && !seen.repo.is_empty() {
            let owner = seen.repo.split('/').next().unwrap_or_default().to_owned();
            self.told(USERS, &[(user::LOGIN, Value::from(owner))], Vec::new());
            let name = Value::from(seen.repo.as_str());
            self.told(REPOS, &[(repo::FULL_NAME, name)], Vec::new());
        }
    }

    /// Who was to be assigned and is not: GitHub passes over those that cannot be.
    fn passed_over(&mut self, body: &Value) {
        if !matches!(self.exchange.method, "PATCH" | "POST") {
            return;
        }
        let (Some(request), Some(shown)) = (
            self.exchange.request_body,
            body.get("assignees").and_then(Value::as_array),
        ) else {
            return;
        };
        let shown = || shown.iter().filter_map(|one| one.get("login")?.as_str());
        let asked = request.get("assignees").and_then(Value::as_array);
        let asked = asked.into_iter().flatten().filter_map(Value::as_str);
        for login in asked.filter(|asked| !shown().any(|login| same(login, asked))) {
            self.fact(Fact::PassedOver {
                table: TABLES[USERS].seed.name,
                key: login.to_owned(),
            });
        }
    }

    /// A pull request as lists of issues show it: that it is one, and no more.
    fn pull_of(&mut self, seen: &Seen, body: &Value) {
        let node = seen.fields.get("node_id").cloned().unwrap_or_default();
        let mut fields = vec![
            (pull::REPO, Value::from(seen.repo.as_str())),
            (pull::NUMBER, seen.fields["number"].clone()),
        ];
        if node.is_string() {
            fields.push((pull::NODE_ID, node));
        }
        if let Some(draft) = body.get("draft").filter(|draft| draft.is_boolean()) {
            fields.push((pull::DRAFT, draft.clone()));
        }
        if let Some(at) = body.pointer("/pull_request/merged_at") {
            fields.push((pull::MERGED_AT, at.clone()));
        }
        self.told(PULLS, &fields, Vec::new());
        self.made_up_branch(&seen.repo, "");
    }

    /// Labels by name, old recordings having names alone; each is proved. One that a write names
    /// may have been made by it.
    pub(super) fn label_names(&mut self, repo: &str, items: &[Value]) -> Vec<String> {
        let writes = !matches!(self.exchange.method, "GET" | "HEAD");
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            let Some(name) = item.as_str().or_else(|| item.get("name")?.as_str()) else {
                continue;
            };
            names.push(name.to_owned());
            let seen = self.seen(&LABEL, item).map(|mut seen| {
                seen.fields.insert("repo".to_owned(), Value::from(repo));
                seen
            });
            let fresh = item.get("color").and_then(Value::as_str) == Some("ededed")
                && item.get("description").is_none_or(Value::is_null);
            let key = format!("{repo}:{name}");
            if writes && fresh && self.asks_for(name) {
                self.uncertain(&[LABELS], key.clone());
            }
            match seen {
                Some(seen) => self.row(Seen { key, ..seen }, Vec::new()),
                None => {
                    let fields = [
                        (label::REPO, Value::from(repo)),
                        (label::NAME, Value::from(name)),
                    ];
                    self.told(LABELS, &fields, Vec::new());
                }
            }
        }
        names
    }

    /// Whether the request asks for a label of that name.
    fn asks_for(&self, name: &str) -> bool {
        let Some(body) = self.exchange.request_body else {
            return true;
        };
        let items = body.as_array().or_else(|| body.get("labels")?.as_array());
        items.into_iter().flatten().any(|item| {
            let asked = item.as_str().or_else(|| item.get("name")?.as_str());
            asked.is_some_and(|asked| asked.eq_ignore_ascii_case(name))
        })
    }

    /// The labels of the issue in the path.
    fn labels_of_issue(&mut self, names: Vec<String>, written: bool) {
        let Ok(number) = self.param("issue_number").parse::<i64>() else {
            return;
        };
        let written = if written {
            vec!["labels", "updated_at"]
        } else {
            Vec::new()
        };
        let fields = [
            (issue::REPO, Value::from(self.repo())),
            (issue::NUMBER, Value::from(number)),
            (issue::LABELS, Value::from(names)),
        ];
        self.told(ISSUES, &fields, written);
    }

    /// Its labels, read.
    pub(super) fn issue_labels(&mut self, body: &Value) {
        let repo = self.repo();
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        let names = self.label_names(&repo, items);
        if self.page() == 1 && self.more(names.len()) == Some(false) {
            self.labels_of_issue(names, false);
        } else {
            self.is_whole = false;
        }
    }

    /// Its labels after a call set them.
    pub(super) fn set_labels(&mut self, body: &Value) {
        let repo = self.repo();
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        let names = self.label_names(&repo, items);
        self.labels_of_issue(names, true);
    }

    /// It has no labels any more.
    pub(super) fn clear_labels(&mut self) {
        self.labels_of_issue(Vec::new(), true);
    }

    /// The comments of the issue in the path.
    pub(super) fn comments(&mut self, body: &Value) {
        self.list(&COMMENT, body);
        let count = body.as_array().map_or(0, Vec::len);
        let filtered = self.query().any(|(name, _)| name == "since");
        if self.page() == 1 && self.more(count) == Some(false) && !filtered {
            let parent = self.issue();
            self.fact(Fact::Count {
                table: TABLES[COMMENTS].seed.name,
                field: TABLES[COMMENTS].seed.fields[comment::ISSUE].name,
                parent,
                count: count as u64,
            });
        }
    }

    /// A label under another name: the issues that have it have it under that one.
    pub(super) fn update_label(&mut self, body: &Value) {
        let Some(seen) = self.seen(&LABEL, body) else {
            self.unread();
            return;
        };
        let old = format!("{}:{}", self.repo(), self.param("name"));
        if old.eq_ignore_ascii_case(&seen.key) {
            self.row(seen, vec!["name", "color", "description"]);
            return;
        }
        let prefix = format!("{}#", self.repo());
        self.swept(ISSUES, prefix, &[issue::LABELS]);
        self.deleted(LABELS, old);
        self.created(seen);
    }

    /// The next number is the one that a new issue got; afterwards another one is.
    pub(super) fn next_number(&mut self, repo: &str, number: Value) {
        let name = || (repo::FULL_NAME, Value::from(repo));
        let told = [name(), (repo::NEXT_ISSUE_NUMBER, number)];
        self.told(REPOS, &told, Vec::new());
        self.told(REPOS, &[name()], vec!["next_issue_number"]);
    }

    /// Who can be assigned, which is who works on the repository.
    pub(super) fn assignees(&mut self, body: &Value) {
        let logins = self.show_all(&USER, body);
        let count = body.as_array().map_or(0, Vec::len);
        if self.page() == 1 && self.more(count) == Some(false) {
            let fields = [
                (repo::FULL_NAME, Value::from(self.repo())),
                (repo::COLLABORATORS, Value::from(logins)),
            ];
            self.told(REPOS, &fields, Vec::new());
        }
    }

    /// The issue has the person as a possible assignee.
    pub(super) fn assignable(&mut self) {
        let login = Value::from(self.param("assignee"));
        self.told(USERS, &[(user::LOGIN, login)], Vec::new());
    }

    /// The sub-issues of the issue in the path, in order.
    pub(super) fn sub_issues(&mut self, body: &Value) {
        let parent = self.issue();
        let before = (self.page() - 1).saturating_mul(self.per_page());
        let keys = self.show_all(&ISSUE, body);
        for (place, key) in (before + 1..).zip(keys) {
            let fields = [
                (sub_issue::ISSUE, Value::from(key)),
                (sub_issue::PARENT, Value::from(parent.as_str())),
                (sub_issue::POSITION, Value::from(place)),
            ];
            self.told(SUB_ISSUES, &fields, Vec::new());
        }
    }

    /// The parent of the issue in the path.
    pub(super) fn parent(&mut self, body: &Value) {
        let Some(parent) = self.show(&ISSUE, body) else {
            self.unread();
            return;
        };
        let fields = [
            (sub_issue::ISSUE, Value::from(self.issue())),
            (sub_issue::PARENT, Value::from(parent)),
        ];
        self.told(SUB_ISSUES, &fields, Vec::new());
    }

    /// What the issue in the path waits for.
    pub(super) fn blocked_by(&mut self, body: &Value) {
        for key in self.show_all(&ISSUE, body) {
            self.waits(self.issue(), key);
        }
    }

    /// What waits for the issue in the path.
    pub(super) fn blocking(&mut self, body: &Value) {
        for key in self.show_all(&ISSUE, body) {
            self.waits(key, self.issue());
        }
    }

    fn waits(&mut self, issue: String, blocker: String) {
        let fields = [
            (dependency::ISSUE, Value::from(issue)),
            (dependency::BLOCKED_BY, Value::from(blocker)),
        ];
        self.told(DEPENDENCIES, &fields, Vec::new());
    }

    /// What happened to issues: events proper have a number and an address of their own.
    pub(super) fn events(&mut self, body: &Value) {
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        for item in items {
            let url = item.get("url").and_then(Value::as_str).unwrap_or_default();
            if url.contains("/issues/events/") {
                self.show_at(&ISSUE, item, "/issue");
                self.show(&super::shapes::EVENT, item);
            } else if url.contains("/issues/comments/") {
                self.show(&COMMENT, item);
            }
        }
    }
}
