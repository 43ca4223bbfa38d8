//! Pull requests: the issue that each is, its ends and what it changes.

use serde_json::{Value, json};

use super::exchange::Observing;
use super::issues::associated;
use super::shape::Seen;
use super::shapes::{ISSUE_OF_PULL, REPO, TEAM, USER};
use crate::github::tables::{BRANCHES, ISSUES, PULLS, REPOS, branch, pull, repo as repository};

/// The repository of the head.
pub(super) fn head_repo(at: &mut Observing<'_>, _: &str, body: &Value) -> Option<Value> {
    at.show_at(&REPO, body, "/head/repo").map(Value::from)
}

/// The slugs of the teams that were asked for a review.
pub(super) fn teams(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    let items = body.get("requested_teams")?.as_array()?;
    let owner = repo.split('/').next().unwrap_or_default();
    let mut slugs = Vec::new();
    for item in items {
        slugs.push(item.get("slug")?.clone());
        if let Some(mut seen) = at.seen(&TEAM, item) {
            seen.fields.insert("org".to_owned(), Value::from(owner));
            let key = super::shape::key_of(seen.table, &seen.fields)?;
            at.row(Seen { key, ..seen }, Vec::new());
        }
    }
    Some(Value::Array(slugs))
}

/// The pull request that a review or a comment belongs to.
pub(super) fn pull(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    let url = body.get("pull_request_url").and_then(Value::as_str);
    let told = url.and_then(|url| url.rsplit('/').next()?.parse::<u64>().ok());
    let number = told.or_else(|| at.param("pull_number").parse().ok())?;
    Some(Value::from(format!("{repo}#{number}")))
}

/// What a pull request shows beside itself.
pub(super) fn beside(at: &mut Observing<'_>, seen: &Seen, body: &Value) {
    associated(at, seen, body);
    at.repository_of(seen);
    at.show_at(&REPO, body, "/base/repo");
    if let Some(on) = at.seen(&ISSUE_OF_PULL, body) {
        at.row(on, Vec::new());
    }
    if let Some(base) = body.pointer("/base/ref").and_then(Value::as_str) {
        at.made_up_branch(&seen.repo, base);
    }
    if let Some(head) = body.pointer("/head/ref").and_then(Value::as_str) {
        at.made_up_head(seen, head);
    }
}

impl Observing<'_> {
    /// A repository has commits, and the branch is one of its own; what is in it is not shown.
    pub(super) fn made_up_branch(&mut self, repo: &str, branch: &str) {
        let name = repo.rsplit('/').next().unwrap_or_default();
        let files = json!({ "README.md": format!("# {name}\n") });
        self.standin(REPOS, repo, repository::FILES, files);
        if !branch.is_empty() {
            let fields = [
                (branch::REPO, Value::from(repo)),
                (branch::NAME, Value::from(branch)),
            ];
            self.told(BRANCHES, &fields, Vec::new());
        }
    }

    /// What a head has other than its base is not shown with the pull request: a file stands there,
    /// on the branch where that is known to be there, else on the one that is made for it.
    pub(super) fn made_up_head(&mut self, seen: &Seen, head: &str) {
        let file = format!("{}.md", head.replace('/', "-"));
        let files = json!({ file: format!("{head}\n") });
        self.standin(PULLS, &seen.key, pull::FILES, files.clone());
        let on = format!("{}:{head}", seen.repo);
        self.standin(BRANCHES, &on, branch::FILES, files);
    }

    /// Who was asked for a review, as a list of its own shows it.
    pub(super) fn reviewers(&mut self, body: &Value) {
        let logins = match body.get("users") {
            Some(users) => self.show_all(&USER, users),
            None => return self.unread(),
        };
        let Ok(number) = self.param("pull_number").parse::<i64>() else {
            return;
        };
        let fields = [
            (pull::REPO, Value::from(self.repo())),
            (pull::NUMBER, Value::from(number)),
            (pull::REVIEWERS, Value::from(logins)),
        ];
        self.told(PULLS, &fields, Vec::new());
    }

    /// A merge closes the pull request, moves its base, and may close what it names.
    pub(super) fn merged(&mut self) {
        let key = self.issue();
        self.fact(archal_core::clone::Fact::Written {
            table: "pulls",
            key: key.clone(),
            fields: vec!["merged_at", "merged_by", "merge_commit_sha"],
        });
        self.fact(archal_core::clone::Fact::Written {
            table: "issues",
            key,
            fields: vec![
                "state",
                "state_reason",
                "closed_at",
                "closed_by",
                "updated_at",
            ],
        });
        let repo = self.repo();
        self.uncertain(&[ISSUES, BRANCHES, REPOS], repo);
    }
}
