//! Pull requests, issues and checks as the service has them.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::decision::{Known, Refusal, Rule, request_refused};
use super::push::StepError;
use super::readback::{Checks, Seen};
use super::request::{Answer, Caller};
use super::target::Target;

/// Pages of a list that are read at most; the service lists no more than 3,000 files.
const PAGES: usize = 30;
/// Entries of a page.
const PAGE: usize = 100;
/// Pages of issues that are looked through for one of ours.
const ISSUE_PAGES: usize = 10;

/// What stands as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A repository at the service.
pub struct Service<'a> {
    /// Who calls it.
    pub caller: &'a dyn Caller,
    /// The repository.
    pub target: &'a Target,
}

/// What may be done in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Whether branches may be pushed to it; none where the service does not say.
    pub push: Option<bool>,
    /// Whether nobody can write to it.
    pub is_archived: bool,
    /// Whether only some can see it.
    pub is_private: bool,
}

/// A page of the service: a pull request or an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number.
    pub number: u64,
    /// Its address.
    pub url: String,
    /// Its text.
    pub body: String,
    /// `open` or `closed`.
    pub state: String,
}

impl Page {
    fn of(value: &Value) -> Option<Self> {
        Some(Self {
            number: value["number"].as_u64()?,
            url: text(&value["html_url"]),
            body: text(&value["body"]),
            state: text(&value["state"]),
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Service<'_> {
    fn path(&self, rest: &str) -> String {
        format!("repos/{}/{rest}", self.target.full_name())
            .trim_end_matches('/')
            .to_owned()
    }

    fn get(&self, what: &str, rest: &str) -> Result<Value, StepError> {
        let answer = self.caller.call("GET", &self.path(rest), None)?;
        fine(what, answer)
    }

    /// All entries of a list, as far as pages are read.
    fn pages(
        &self,
        what: &str,
        rest: &str,
        (part, most): (Option<&str>, usize),
    ) -> Result<Vec<Value>, StepError> {
        let mut all = Vec::new();
        let mark = if rest.contains('?') { '&' } else { '?' };
        for page in 1..=most {
            let path = format!("{rest}{mark}per_page={PAGE}&page={page}");
            let found = self.get(what, &path)?;
            let found = part.map_or(&found, |part| &found[part]);
            let before = all.len();
            all.extend(list(found).cloned());
            if all.len() - before < PAGE {
                break;
            }
        }
        Ok(all)
    }

    /// What the credential may do.
    pub fn rights(&self) -> Result<Rights, StepError> {
        let repository = self.get(&format!("cannot see {}", self.target.full_name()), "")?;
        Ok(Rights {
            push: repository["permissions"]["push"].as_bool(),
            is_archived: repository["archived"].as_bool() == Some(true),
            is_private: repository["private"].as_bool() == Some(true),
        })
    }

    /// The commit of a branch; none where there is no such branch.
    pub fn tip(&self, branch: &str) -> Result<Option<String>, StepError> {
        let path = self.path(&format!("git/ref/heads/{branch}"));
        let answer = self.caller.call("GET", &path, None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let found = fine("cannot read the branch", answer)?;
        Ok(found["object"]["sha"].as_str().map(str::to_owned))
    }

    /// Whether a commit is on a branch.
    pub fn holds(&self, branch: &str, commit: &str) -> Result<bool, StepError> {
        // The second page has no files, which can be long.
        let branch = utf8_percent_encode(branch, PART);
        let path = self.path(&format!("compare/{commit}...{branch}?per_page=1&page=2"));
        let answer = self.caller.call("GET", &path, None)?;
        if answer.status == 404 {
            return Ok(false);
        }
        let compared = fine("cannot compare with its branch", answer)?;
        Ok(matches!(
            compared["status"].as_str(),
            Some("identical" | "ahead")
        ))
    }

    /// Pull requests that have `owner:branch` as their head, newest first.
    pub fn pulls_of(&self, owner: &str, branch: &str) -> Result<Vec<Known>, StepError> {
        let rest = format!("pulls?state=all&sort=created&direction=desc&head={owner}:{branch}");
        let found = self.pages("cannot list pull requests", &rest, (None, 3))?;
        Ok(found
            .iter()
            // A service that does not know the filter lists all of them.
            .filter(|pull| pull["head"]["ref"] == branch)
            .filter_map(|pull| {
                Some(Known {
                    number: pull["number"].as_u64()?,
                    is_open: pull["state"] == "open",
                    is_merged: !pull["merged_at"].is_null(),
                    head: text(&pull["head"]["sha"]),
                    base: text(&pull["base"]["ref"]),
                })
            })
            .collect())
    }

    /// Opens a draft.
    pub fn create(
        &self,
        (title, body): (&str, &str),
        (head, base): (&str, &str),
    ) -> Result<Page, StepError> {
        let asked =
            json!({ "title": title, "body": body, "head": head, "base": base, "draft": true });
        let answer = self
            .caller
            .call("POST", &self.path("pulls"), Some(&asked))?;
        page(fine("the pull request is refused", answer)?)
    }

    /// A pull request or issue as it is.
    pub fn page(&self, kind: &str, number: u64) -> Result<Page, StepError> {
        page(self.get("cannot read it back", &format!("{kind}/{number}"))?)
    }

    /// Replaces the text of one.
    pub fn rewrite(&self, kind: &str, number: u64, body: &str) -> Result<(), StepError> {
        let asked = json!({ "body": body });
        let path = self.path(&format!("{kind}/{number}"));
        let answer = self.caller.call("PATCH", &path, Some(&asked))?;
        fine("its text cannot be changed", answer).map(drop)
    }

    /// Sets labels; why not, where they are refused.
    pub fn label(&self, number: u64, labels: &[String]) -> Result<Option<String>, StepError> {
        if labels.is_empty() {
            return Ok(None);
        }
        let path = self.path(&format!("issues/{number}/labels"));
        let asked = json!({ "labels": labels });
        let answer = self.caller.call("POST", &path, Some(&asked))?;
        Ok((!answer.is_fine()).then(|| format!("{} {}", answer.status, answer.message())))
    }

    /// A pull request with its files and the checks of its head.
    pub fn seen(&self, number: u64) -> Result<Seen, StepError> {
        let what = "cannot read it back";
        let pull = self.get(what, &format!("pulls/{number}"))?;
        let head = text(&pull["head"]["sha"]);
        let files = self.pages(what, &format!("pulls/{number}/files"), (None, PAGES))?;
        let files: BTreeSet<String> = files.iter().map(|file| text(&file["filename"])).collect();
        Ok(Seen {
            is_draft: pull["draft"].as_bool() == Some(true),
            is_open: pull["state"] == "open",
            is_merged: pull["merged"].as_bool() == Some(true),
            branch: text(&pull["head"]["ref"]),
            base: text(&pull["base"]["ref"]),
            changed_files: pull["changed_files"].as_u64().unwrap_or_default(),
            files,
            checks: self.checks(&head)?,
            head,
        })
    }

    /// Checks and statuses of a commit.
    fn checks(&self, commit: &str) -> Result<Checks, StepError> {
        let mut checks = Checks::default();
        let what = "cannot read the checks";
        let rest = format!("commits/{commit}/check-runs");
        for run in self.pages(what, &rest, (Some("check_runs"), 10))? {
            let list = match run["conclusion"].as_str() {
                Some("success" | "neutral" | "skipped") => &mut checks.passed,
                Some(_) => &mut checks.failed,
                None => &mut checks.pending,
            };
            list.push(text(&run["name"]));
        }
        let statuses = self.get(what, &format!("commits/{commit}/status"))?;
        for status in list(&statuses["statuses"]) {
            let list = match status["state"].as_str() {
                Some("success") => &mut checks.passed,
                Some("pending") => &mut checks.pending,
                _ => &mut checks.failed,
            };
            list.push(text(&status["context"]));
        }
        Ok(checks)
    }

    /// The newest issue whose text holds `mark`.
    pub fn issue_with(&self, mark: &str) -> Result<Option<Page>, StepError> {
        let rest = "issues?state=all&sort=created&direction=desc";
        let found = self.pages("cannot list issues", rest, (None, ISSUE_PAGES))?;
        Ok(found
            .iter()
            .filter(|issue| issue["pull_request"].is_null())
            .filter_map(Page::of)
            .find(|issue| issue.body.contains(mark)))
    }

    /// Opens an issue.
    pub fn create_issue(&self, title: &str, body: &str) -> Result<Page, StepError> {
        let asked = json!({ "title": title, "body": body });
        let answer = self
            .caller
            .call("POST", &self.path("issues"), Some(&asked))?;
        page(fine("the issue is refused", answer)?)
    }
}

fn page(value: Value) -> Result<Page, StepError> {
    Page::of(&value).ok_or_else(|| {
        Refusal::by(Rule::Refused, "the service gave an answer without a number").into()
    })
}

/// The body of an answer that did what was asked; by which rule it did not.
fn fine(what: &str, answer: Answer) -> Result<Value, StepError> {
    match answer.is_fine() {
        true => Ok(answer.body),
        false => Err(request_refused(what, answer.status, &answer.message()).into()),
    }
}
