//! What is in repositories: files, branches, commits.
//!
//! A file that was read is a part of its branch; one that was read without naming a branch is a
//! part of the repository's first commit. What a commit's id names cannot be had again, so it
//! proves nothing here.

use archal_core::clone::{Fact, PartHolds};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::exchange::Observing;
use super::shapes::USER;
use crate::github::tables::{BRANCHES, COMMITS, REPOS, TABLES, branch, commit, repo as repository};

/// Files longer than this are not kept in a starting state.
const LONGEST: usize = 1024 * 1024;

impl Observing<'_> {
    /// A file of the repository, at the branch that the query names.
    fn file(&mut self, path: &str, holds: PartHolds, written: bool) {
        let asked = match self
            .exchange
            .request_body
            .and_then(|body| body.get("branch"))
        {
            Some(branch) => branch.as_str().map(str::to_owned),
            None => self.asked("ref"),
        };
        self.file_at(asked.as_deref(), path, holds, written);
    }

    fn file_at(&mut self, asked: Option<&str>, path: &str, holds: PartHolds, written: bool) {
        let repo = self.repo();
        let name = asked.map(|name| {
            let short = name.strip_prefix("refs/heads/");
            short.unwrap_or(name).to_owned()
        });
        let is_commit =
            |name: &String| name.len() == 40 && name.bytes().all(|digit| digit.is_ascii_hexdigit());
        if name.as_ref().is_some_and(is_commit) {
            self.is_whole = false;
            return;
        }
        if holds != PartHolds::Nothing && !written {
            self.made_up_branch(&repo, name.as_deref().unwrap_or_default());
        }
        let (table, key) = match name {
            None => (REPOS, repo),
            Some(name) => (BRANCHES, format!("{repo}:{name}")),
        };
        let column = match table {
            REPOS => repository::FILES,
            _ => branch::FILES,
        };
        self.fact(Fact::Part {
            table: TABLES[table].seed.name,
            key,
            field: TABLES[table].seed.fields[column].name,
            part: path.trim_matches('/').to_owned(),
            holds,
            written,
        });
    }

    /// A file or a folder.
    pub(super) fn contents(&mut self, body: &Value) {
        match body {
            Value::Array(items) => {
                // What else is in the folder is not told.
                self.is_whole = false;
                for item in items {
                    let is_file = item.get("type").and_then(Value::as_str) == Some("file");
                    if let (true, Some(path)) = (is_file, item.get("path").and_then(Value::as_str))
                    {
                        self.file(path, PartHolds::Unseen, false);
                    }
                }
            }
            // The answer in the raw media type.
            Value::String(text) if self.id == "repos/get-content" => {
                let path = self.param("path").to_owned();
                self.file(&path, PartHolds::Text(text.clone()), false);
            }
            Value::Object(_) => {
                let path = body.get("path").and_then(Value::as_str);
                let Some(path) = path else {
                    return self.unread();
                };
                let holds = decoded(body).map_or(PartHolds::Unseen, PartHolds::Text);
                self.file(path, holds, false);
            }
            _ => self.unread(),
        }
    }

    /// A file as it is.
    pub(super) fn raw(&mut self, body: &Value) {
        let Some(text) = body.as_str() else {
            // A JSON file comes parsed, and how it was written is not known any more.
            self.is_whole = false;
            return;
        };
        let (at, path) = (self.param("ref").to_owned(), self.param("path").to_owned());
        if !at.is_empty() && !path.is_empty() {
            self.file_at(Some(&at), &path, PartHolds::Text(text.to_owned()), false);
        }
    }

    /// A path that is not there.
    pub(super) fn nothing_there(&mut self) {
        if self.id == "repos/get-content" {
            let path = self.param("path").to_owned();
            self.file(&path, PartHolds::Nothing, false);
        }
    }

    /// A commit was made on a branch: the file is another one from then on.
    pub(super) fn file_written(&mut self, body: &Value) {
        self.needs_push();
        let parents = body.pointer("/commit/parents").and_then(Value::as_array);
        if parents.is_some_and(Vec::is_empty) {
            self.first_commit();
        }
        let path = self.param("path").to_owned();
        let asked = self.exchange.request_body.and_then(|body| body.get("sha"));
        // A file is replaced by naming what it was, else it was not there.
        if asked.is_none() && self.exchange.status == 201 {
            self.file(&path, PartHolds::Nothing, false);
        }
        self.file(&path, PartHolds::Unseen, true);
        self.moved();
    }

    /// A file was removed.
    pub(super) fn file_removed(&mut self, _: &Value) {
        self.needs_push();
        let path = self.param("path").to_owned();
        self.file(&path, PartHolds::Unseen, false);
        self.file(&path, PartHolds::Unseen, true);
        self.moved();
    }

    /// The repository had nothing in it, so its branch is new.
    fn first_commit(&mut self) {
        let asked = self
            .exchange
            .request_body
            .and_then(|body| body.get("branch"));
        let asked = asked.and_then(Value::as_str).map(str::to_owned);
        let names = asked.map_or_else(
            || vec!["main".to_owned(), "master".to_owned()],
            |one| vec![one],
        );
        for name in names {
            let key = format!("{}:{name}", self.repo());
            self.fact(Fact::Created {
                table: TABLES[BRANCHES].seed.name,
                key,
            });
        }
    }

    /// What follows a branch that moves: pull requests, issues that a commit closes.
    fn moved(&mut self) {
        let repo = self.repo();
        self.uncertain(
            &[crate::github::tables::ISSUES, crate::github::tables::PULLS],
            repo,
        );
    }

    /// A branch.
    pub(super) fn branch(&mut self, body: &Value) {
        let Some(name) = body.get("name").and_then(Value::as_str) else {
            return self.unread();
        };
        let repo = self.repo();
        self.made_up_branch(&repo, name);
    }

    /// Branches.
    pub(super) fn branches(&mut self, body: &Value) {
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        for item in items {
            self.branch(item);
        }
    }

    /// Commits of a branch: that they were made, by whom and when.
    pub(super) fn commits(&mut self, body: &Value) {
        let Some(items) = body.as_array() else {
            return self.unread();
        };
        let asked = self.asked("sha");
        let repo = self.repo();
        self.made_up_branch(&repo, "");
        // Those of one path, or of one author, are not all.
        let filtered = ["path", "author", "committer", "since", "until"]
            .iter()
            .any(|name| self.asked(name).is_some());
        if filtered || asked.as_ref().is_some_and(|sha| sha.len() == 40) {
            return;
        }
        for item in items {
            let message = item.pointer("/commit/message").and_then(Value::as_str);
            let root = item
                .get("parents")
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty);
            let merges = item
                .get("parents")
                .and_then(Value::as_array)
                .is_some_and(|parents| parents.len() > 1);
            let Some(message) = message.filter(|_| !root && !merges) else {
                continue;
            };
            let mut fields = vec![
                (commit::REPO, Value::from(repo.as_str())),
                (commit::MESSAGE, Value::from(message)),
            ];
            if let Some(login) = self.show_at(&USER, item, "/author") {
                fields.push((commit::AUTHOR, Value::from(login)));
            }
            if let Some(at) = item
                .pointer("/commit/author/date")
                .filter(|at| at.is_string())
            {
                fields.push((commit::DATE, at.clone()));
            }
            if let Some(asked) = &asked {
                fields.push((commit::BRANCH, Value::from(asked.as_str())));
            }
            self.told(COMMITS, &fields, Vec::new());
        }
    }

    /// Git itself was spoken to: what was sent is not in a trace.
    pub(super) fn pushed(&mut self) {
        self.gaps
            .push(format!("{}: what git sent is not recorded", self.id));
        self.unclear();
    }

    /// Git itself was spoken to: what came is not in a trace.
    pub(super) fn fetched(&mut self) {
        self.gaps
            .push(format!("{}: what git fetched is not recorded", self.id));
    }
}

/// The text of a file in an answer; none where it is none or too long.
fn decoded(body: &Value) -> Option<String> {
    let content = body.get("content")?.as_str()?;
    if body.get("encoding").and_then(Value::as_str) != Some("base64") {
        return None;
    }
    let packed: String = content.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed).ok()?;
    let whole = body.get("size").and_then(Value::as_u64);
    // A text that a tracer cut may still be well-formed.
    if bytes.len() > LONGEST || whole.is_some_and(|whole| whole != bytes.len() as u64) {
        return None;
    }
    String::from_utf8(bytes).ok()
}
