//! Answers of the GraphQL interface: objects under other names become what the other interface
//! would have shown, and are read by the same descriptions.
//!
//! Only what was selected is proved. What mutations change is told by [`super::mutations`].

use archal_core::clone::Fact;
use archal_core::graphql::{self, Kind};
use serde_json::{Map, Value, json};

use super::exchange::Observing;
use super::shape::Shape;
use super::shapes::{COMMENT, ISSUE, LABEL, MILESTONE, PULL, REPO, REVIEW, USER};
use crate::github::tables::TABLES;

/// How deep answers are followed; GitHub refuses queries that go deeper.
const DEPTH: usize = 32;

/// How a field becomes one of the other interface.
#[derive(Clone, Copy)]
enum As {
    /// As it is.
    Same,
    /// A text that is empty where there is none, so that an empty one says neither.
    Text,
    /// In lower case: `OPEN`, `COMPLETED`.
    Lower,
    /// Somebody with an account.
    Person,
    /// All of a connection, where it is all.
    People,
    /// Labels of a connection, where it is all.
    Labels,
    /// A milestone.
    Milestone,
    /// How many a connection has.
    Total,
    /// The name in an object, as an object with that name.
    Named,
    /// `HEAD` of a pull request: a branch.
    Head,
    /// Its base.
    Base,
    /// What a caller may do.
    Permission,
    /// The name of a ref.
    Ref,
    /// The name of a language.
    Language,
}

type Field = (&'static str, &'static str, As);

const ISSUE_FIELDS: &[Field] = &[
    ("id", "node_id", As::Same),
    ("databaseId", "id", As::Same),
    ("number", "number", As::Same),
    ("title", "title", As::Same),
    ("body", "body", As::Text),
    ("state", "state", As::Lower),
    ("stateReason", "state_reason", As::Lower),
    ("locked", "locked", As::Same),
    ("activeLockReason", "active_lock_reason", As::Lower),
    ("createdAt", "created_at", As::Same),
    ("updatedAt", "updated_at", As::Same),
    ("closedAt", "closed_at", As::Same),
    ("author", "user", As::Person),
    ("authorAssociation", "author_association", As::Same),
    ("assignees", "assignees", As::People),
    ("labels", "labels", As::Labels),
    ("milestone", "milestone", As::Milestone),
    ("comments", "comments", As::Total),
    ("issueType", "type", As::Named),
];

const PULL_FIELDS: &[Field] = &[
    ("isDraft", "draft", As::Same),
    ("mergedAt", "merged_at", As::Same),
    ("mergedBy", "merged_by", As::Person),
    ("maintainerCanModify", "maintainer_can_modify", As::Same),
    ("headRefName", "head", As::Head),
    ("baseRefName", "base", As::Base),
];

const COMMENT_FIELDS: &[Field] = &[
    ("id", "node_id", As::Same),
    ("databaseId", "id", As::Same),
    ("body", "body", As::Same),
    ("author", "user", As::Person),
    ("authorAssociation", "author_association", As::Same),
    ("createdAt", "created_at", As::Same),
    ("updatedAt", "updated_at", As::Same),
    ("submittedAt", "submitted_at", As::Same),
    ("state", "state", As::Same),
];

const LABEL_FIELDS: &[Field] = &[
    ("id", "node_id", As::Same),
    ("name", "name", As::Same),
    ("color", "color", As::Same),
    ("description", "description", As::Same),
    ("isDefault", "default", As::Same),
];

const MILESTONE_FIELDS: &[Field] = &[
    ("id", "node_id", As::Same),
    ("number", "number", As::Same),
    ("title", "title", As::Same),
    ("description", "description", As::Same),
    ("dueOn", "due_on", As::Same),
    ("state", "state", As::Lower),
    ("createdAt", "created_at", As::Same),
    ("updatedAt", "updated_at", As::Same),
    ("closedAt", "closed_at", As::Same),
    ("creator", "creator", As::Person),
];

const PERSON_FIELDS: &[Field] = &[
    ("login", "login", As::Same),
    ("name", "name", As::Same),
    ("company", "company", As::Same),
    ("bio", "bio", As::Same),
    ("location", "location", As::Same),
    ("email", "email", As::Same),
    ("databaseId", "id", As::Same),
];

const REPO_FIELDS: &[Field] = &[
    ("id", "node_id", As::Same),
    ("databaseId", "id", As::Same),
    ("nameWithOwner", "full_name", As::Same),
    ("description", "description", As::Same),
    ("homepageUrl", "homepage", As::Same),
    ("isPrivate", "private", As::Same),
    ("isFork", "fork", As::Same),
    ("isArchived", "archived", As::Same),
    ("hasIssuesEnabled", "has_issues", As::Same),
    ("hasProjectsEnabled", "has_projects", As::Same),
    ("hasWikiEnabled", "has_wiki", As::Same),
    ("hasDiscussionsEnabled", "has_discussions", As::Same),
    ("isTemplate", "is_template", As::Same),
    ("mergeCommitAllowed", "allow_merge_commit", As::Same),
    ("squashMergeAllowed", "allow_squash_merge", As::Same),
    ("rebaseMergeAllowed", "allow_rebase_merge", As::Same),
    ("deleteBranchOnMerge", "delete_branch_on_merge", As::Same),
    ("stargazerCount", "stargazers_count", As::Same),
    ("forkCount", "forks_count", As::Same),
    ("createdAt", "created_at", As::Same),
    ("updatedAt", "updated_at", As::Same),
    ("pushedAt", "pushed_at", As::Same),
    ("viewerPermission", "permissions", As::Permission),
    ("defaultBranchRef", "default_branch", As::Ref),
    ("primaryLanguage", "language", As::Language),
    ("owner", "owner", As::Person),
];

impl Observing<'_> {
    /// An answer of the GraphQL interface.
    pub(super) fn graphql(&mut self, body: &Value) {
        let query = self
            .exchange
            .request_body
            .and_then(|body| body.get("query")?.as_str());
        let Some(query) = query else {
            self.gaps
                .push(format!("{}: the query was not captured", self.id));
            return self.unclear();
        };
        let query = query.to_owned();
        match self.exchange.request_body.map(graphql::kind) {
            Some(Kind::Question) => {}
            Some(Kind::Change) => return self.mutated(&query, body),
            Some(Kind::Unknown) | None => return self.unclear(),
        }
        let repo = self.repository_asked(&query).unwrap_or_default();
        if let Some(data) = body.get("data") {
            self.objects(data, "", &repo, 0);
        }
    }

    /// The repository that a query names, where it names one.
    fn repository_asked(&self, query: &str) -> Option<String> {
        let mut named = query.match_indices("repository(");
        let (at, call) = named.next()?;
        if named.next().is_some() {
            return None;
        }
        let inside = query[at + call.len()..].split(')').next()?;
        let variables = self.exchange.request_body?.get("variables");
        let argument = |name: &str| {
            let value = inside.split(',').find_map(|part| {
                let (key, value) = part.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })?;
            match value.strip_prefix('$') {
                Some(variable) => variables?.get(variable)?.as_str().map(str::to_owned),
                None => Some(value.trim_matches('"').to_owned()),
            }
        };
        Some(format!("{}/{}", argument("owner")?, argument("name")?))
    }

    /// Whether a page after the first was asked for.
    fn is_later_page(&self) -> bool {
        let variables = self
            .exchange
            .request_body
            .and_then(|body| body.get("variables")?.as_object());
        variables.into_iter().flatten().any(|(name, value)| {
            value.is_string() && matches!(name.as_str(), "after" | "endCursor" | "cursor")
        })
    }

    /// Follows an answer to the objects in it.
    pub(super) fn objects(&mut self, value: &Value, under: &str, repo: &str, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.objects(item, under, repo, depth + 1);
                }
            }
            Value::Object(map) => {
                let named = map.get("nameWithOwner").and_then(Value::as_str);
                let url = map.get("url").and_then(Value::as_str).and_then(page_of);
                let inside = map.get("repository").and_then(|of| of.get("nameWithOwner"));
                let own = named
                    .map(str::to_owned)
                    .or_else(|| inside.and_then(Value::as_str).map(str::to_owned))
                    .or_else(|| url.as_ref().map(|(repo, _)| repo.clone()));
                let repo = own.as_deref().unwrap_or(repo);
                self.is_whole &= !is_list(map) || is_listed(map, under);
                self.object(map, under, repo, url.map(|(_, pull)| pull));
                for (name, inner) in map {
                    // A connection and its rows are named like what they hold.
                    let transparent = matches!(name.as_str(), "nodes" | "edges" | "node");
                    let name = if transparent { under } else { name };
                    if !is_read(under, name) || transparent {
                        self.objects(inner, name, repo, depth + 1);
                    }
                }
                self.connection(map, under, repo);
            }
            _ => {}
        }
    }

    fn object(&mut self, map: &Map<String, Value>, under: &str, repo: &str, pull: Option<bool>) {
        let kind = map.get("__typename").and_then(Value::as_str);
        let has_number = map.contains_key("number");
        match (kind, under, pull) {
            (Some("Repository"), ..) | (None, "repository" | "repositories", _) => {
                let mut body = self.renamed(REPO_FIELDS, map, repo);
                if !repo.is_empty() {
                    body.insert("full_name".to_owned(), Value::from(repo));
                    self.show(&REPO, &Value::Object(body));
                }
            }
            (None, "viewer", _) => {
                let body = person(&Value::Object(map.clone()));
                if let Some(key) = body.and_then(|body| self.show(&USER, &body)) {
                    self.fact(Fact::Actor { key });
                }
            }
            _ if repo.is_empty() => {}
            (Some("PullRequest"), ..)
            | (None, "pullRequest" | "pullRequests", _)
            | (None, _, Some(true))
                if has_number =>
            {
                self.issue_or_pull(map, repo, true);
            }
            (Some("Issue"), ..)
            | (None, "issue" | "issues" | "subIssues", _)
            | (None, _, Some(false))
                if has_number =>
            {
                self.issue_or_pull(map, repo, false);
            }
            (Some("Label"), ..) | (None, "labels" | "label", _) if map.contains_key("name") => {
                let body = self.addressed(LABEL_FIELDS, map, repo, "labels/x");
                self.show(&LABEL, &body);
            }
            (Some("Milestone"), ..) | (None, "milestones", _) if has_number => {
                let body = self.addressed(MILESTONE_FIELDS, map, repo, "milestones/1");
                self.show(&MILESTONE, &body);
            }
            _ => {}
        }
    }

    fn issue_or_pull(&mut self, map: &Map<String, Value>, repo: &str, pull: bool) {
        let number = map
            .get("number")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let place = format!("{}/{number}", if pull { "pulls" } else { "issues" });
        let mut body = self.addressed(ISSUE_FIELDS, map, repo, &place);
        let shape: &'static Shape = if pull { &PULL } else { &ISSUE };
        if pull {
            let more = self.renamed(PULL_FIELDS, map, repo);
            if let Some(object) = body.as_object_mut() {
                // A merged pull request is closed; the number is that of the pull request.
                if object.get("state") == Some(&json!("merged")) {
                    object.insert("state".to_owned(), json!("closed"));
                }
                object.extend(more);
            }
        }
        if self.show(shape, &body).is_none() {
            return;
        }
        self.is_whole &= ["comments", "reviews"].iter().all(|name| {
            let list = map.get(*name).and_then(Value::as_object);
            list.is_none_or(|list| !list.contains_key("nodes") && !list.contains_key("edges"))
        });
        for (name, below, shape) in [
            ("comments", "issues", &COMMENT),
            ("reviews", "pulls", &REVIEW),
        ] {
            let nodes = map.get(name).and_then(|all| all.get("nodes")?.as_array());
            for node in nodes.into_iter().flatten().filter_map(Value::as_object) {
                let mut body = self.renamed(COMMENT_FIELDS, node, repo);
                let url = format!("https://api.github.com/repos/{repo}/{below}/{number}");
                let field = if below == "issues" {
                    "issue_url"
                } else {
                    "pull_request_url"
                };
                body.insert(field.to_owned(), Value::from(url));
                self.show(shape, &Value::Object(body));
            }
        }
    }

    /// A page of a connection at the root of a repository.
    fn connection(&mut self, map: &Map<String, Value>, under: &str, repo: &str) {
        let table = match under {
            "issues" => ISSUE.table,
            "pullRequests" => PULL.table,
            _ => return,
        };
        let nodes = map.get("nodes").or_else(|| map.get("edges"));
        let more = map.get("pageInfo").and_then(|page| page.get("hasNextPage"));
        let (Some(nodes), Some(more)) = (nodes.and_then(Value::as_array), more) else {
            return;
        };
        let later = self.is_later_page();
        let more = more.as_bool().filter(|more| !(*more && later));
        self.fact(Fact::Page {
            table: TABLES[table].seed.name,
            list: format!("{repo} {under} (GraphQL)"),
            page: if later { 2 } else { 1 },
            per_page: nodes.len() as u64 + 1,
            keys: Vec::new(),
            more,
            only: None,
        });
    }

    /// An object in the words of the other interface, with its address.
    fn addressed(
        &mut self,
        fields: &[Field],
        map: &Map<String, Value>,
        repo: &str,
        place: &str,
    ) -> Value {
        let mut body = self.renamed(fields, map, repo);
        let url = format!("https://api.github.com/repos/{repo}/{place}");
        body.insert("url".to_owned(), Value::from(url));
        Value::Object(body)
    }

    /// The rows of a connection, where it shows all of them.
    fn all<'v>(&mut self, value: &'v Value) -> Option<&'v Vec<Value>> {
        let all = whole(value);
        self.is_whole &= all.is_some();
        all
    }

    fn renamed(
        &mut self,
        fields: &[Field],
        map: &Map<String, Value>,
        repo: &str,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        for (theirs, ours, how) in fields {
            if let Some(value) = map
                .get(*theirs)
                .and_then(|value| self.converted(*how, value, repo))
            {
                out.insert((*ours).to_owned(), value);
            }
        }
        out
    }

    fn converted(&mut self, how: As, value: &Value, repo: &str) -> Option<Value> {
        let text = value.as_str();
        match how {
            As::Same => Some(value.clone()),
            As::Text => Some(value.clone()).filter(|_| text != Some("")),
            As::Lower if value.is_null() => Some(Value::Null),
            As::Lower => Some(Value::from(text?.to_lowercase())),
            As::Person if value.is_null() => Some(Value::Null),
            As::Person => person(value),
            As::People => self.all(value)?.iter().map(person).collect(),
            As::Labels => {
                let nodes = self.all(value)?;
                let of = |node: &Value| {
                    node.as_object()
                        .map(|node| self.addressed(LABEL_FIELDS, node, repo, "labels/x"))
                };
                nodes.iter().map(of).collect()
            }
            As::Milestone if value.is_null() => Some(Value::Null),
            As::Milestone => {
                let map = value.as_object()?;
                Some(self.addressed(MILESTONE_FIELDS, map, repo, "milestones/1"))
            }
            As::Total => value.get("totalCount").cloned(),
            As::Named if value.is_null() => Some(Value::Null),
            As::Named => Some(json!({ "name": value.get("name")?.as_str()? })),
            As::Head | As::Base => Some(json!({ "ref": text? })),
            As::Permission => {
                let name = match text? {
                    "ADMIN" => "admin",
                    "MAINTAIN" => "maintain",
                    "WRITE" => "push",
                    "TRIAGE" => "triage",
                    _ => "pull",
                };
                Some(json!({ name: true }))
            }
            As::Ref | As::Language if value.is_null() => None,
            As::Ref | As::Language => value.get("name").filter(|name| name.is_string()).cloned(),
        }
    }
}

/// Whether that is a connection of which rows are shown.
fn is_list(map: &Map<String, Value>) -> bool {
    map.contains_key("nodes") || map.contains_key("edges")
}

/// Whether it is one whose pages are told.
fn is_listed(map: &Map<String, Value>, under: &str) -> bool {
    let more = map.get("pageInfo").and_then(|page| page.get("hasNextPage"));
    matches!(under, "issues" | "pullRequests") && more.is_some() && map.contains_key("nodes")
}

/// Whether what is under a name was read with the object that it is in.
fn is_read(under: &str, name: &str) -> bool {
    let in_issue = matches!(
        under,
        "issue" | "issues" | "pullRequest" | "pullRequests" | "search" | "subIssues"
    );
    in_issue
        && matches!(
            name,
            "labels" | "milestone" | "comments" | "reviews" | "assignees" | "author"
        )
}

/// An account in the words of the other interface.
fn person(value: &Value) -> Option<Value> {
    let map = value.as_object()?;
    let login = map.get("login")?.as_str()?;
    let kind = map.get("__typename").and_then(Value::as_str);
    let is_bot = kind == Some("Bot") || map.get("is_bot") == Some(&Value::Bool(true));
    let mut out = Map::new();
    for (theirs, ours, _) in PERSON_FIELDS {
        if let Some(value) = map.get(*theirs).filter(|value| !value.is_null()) {
            out.insert((*ours).to_owned(), value.clone());
        }
    }
    if is_bot && !login.ends_with("[bot]") {
        out.insert("login".to_owned(), Value::from(format!("{login}[bot]")));
    }
    if let Some(kind @ ("Bot" | "Organization" | "User")) = kind {
        out.insert("type".to_owned(), Value::from(kind));
    }
    Some(Value::Object(out))
}

/// The rows of a connection, where it shows all of them.
fn whole(value: &Value) -> Option<&Vec<Value>> {
    let nodes = value.get("nodes")?.as_array()?;
    let total = value.get("totalCount").and_then(Value::as_u64);
    let next = value
        .pointer("/pageInfo/hasNextPage")
        .and_then(Value::as_bool);
    let all = match (total, next) {
        (Some(total), _) => total == nodes.len() as u64,
        (None, Some(next)) => !next,
        // A full page looks like one that is cut: these are the sizes that are asked for.
        (None, None) => !matches!(nodes.len(), 5 | 10 | 20 | 25 | 30 | 50 | 100),
    };
    all.then_some(nodes)
}

/// The repository that a page for people is in, and whether it is that of a pull request.
fn page_of(url: &str) -> Option<(String, bool)> {
    let rest = url.strip_prefix("https://github.com/")?;
    let mut parts = rest.split('/');
    let (owner, repo, kind) = (parts.next()?, parts.next()?, parts.next()?);
    match kind {
        "issues" | "pull" => Some((format!("{owner}/{repo}"), kind == "pull")),
        _ => None,
    }
}
