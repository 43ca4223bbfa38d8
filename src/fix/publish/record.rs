//! What was published, or why not: `pr.json`.

use std::fs;
use std::path::Path;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::publish::PublishAs;
use crate::store::atomic::{self, Durability, WriteError};

use super::decision::Refusal;
use super::readback::{Checks, Finding, Seen};

/// The file, in the folder of the fix.
pub const FILE: &str = "pr.json";

/// What a person is told of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// `pr` or `issue`.
    pub kind: PublishAs,
    /// The pull request or issue; none where there is none.
    pub request: Option<Request>,
    /// Why nothing was published, or not all of it.
    pub refusal: Option<Refusal>,
    /// What was read back and is not as it was proved; empty where all of it is.
    pub findings: Vec<Finding>,
}

/// A pull request or issue as it was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Whether it is a draft; an issue is none.
    pub draft: bool,
    /// `open`, `closed` or `merged`.
    pub state: String,
    /// How its checks stand.
    pub checks: Checks,
}

impl Request {
    /// A pull request with its page, as it was read back.
    pub fn of(number: u64, url: String, seen: Seen) -> Self {
        let state = match (seen.is_merged, seen.is_open) {
            (true, _) => "merged",
            (false, true) => "open",
            (false, false) => "closed",
        };
        Self {
            number,
            url,
            draft: seen.is_draft,
            state: state.to_owned(),
            checks: seen.checks,
        }
    }
}

impl Published {
    /// The texts in it that others wrote.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let refusal = self.refusal.iter_mut().map(|refusal| &mut refusal.reason);
        let findings = self.findings.iter_mut();
        refusal.chain(findings.map(|finding| &mut finding.message))
    }

    /// In one line.
    pub fn line(&self) -> String {
        let what = match self.kind {
            PublishAs::Pr => "pull request",
            PublishAs::Issue => "issue",
        };
        let mut line = match &self.request {
            None => format!("no {what}"),
            Some(request) => {
                let draft = if request.draft { "draft " } else { "" };
                let checks = match self.kind {
                    PublishAs::Pr => format!(", {}", request.checks.told()),
                    PublishAs::Issue => String::new(),
                };
                format!("{draft}{what} {} ({}{checks})", request.url, request.state)
            }
        };
        if let Some(refusal) = &self.refusal {
            line.push_str(&format!("; {}: {}", refusal.rule.name(), refusal.reason));
        }
        for finding in &self.findings {
            line.push_str(&format!("; {}: {}", finding.rule.name(), finding.message));
        }
        // Others wrote parts of it, and it goes to a terminal.
        line.replace(char::is_control, " ")
    }
}

/// `pr.json`: written before anything is, and after everything was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Always `archal.publication`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// The failure group.
    pub group: String,
    /// The commit the patch applies to.
    pub base: String,
    /// The hash of the patch.
    pub patch: String,
    /// The time of the commit, so that the same patch is the same commit another time.
    pub at: String,
    /// The branch; none where no branch is made.
    pub branch: Option<String>,
    /// Where it goes to: `github.com/acme/webapp`, and the branch there.
    pub target: Option<String>,
    /// The branch that it is to be merged into.
    pub base_branch: Option<String>,
    /// The commit that is published.
    pub commit: Option<String>,
    /// Commits that archal put on the branch before.
    pub earlier: Vec<String>,
    /// What is told; none while it is under way.
    pub published: Option<Published>,
}

impl Record {
    /// A publication that begins at `at`, after what an earlier record of the same failure says.
    pub fn begun(
        group: &str,
        base: &str,
        patch: &str,
        at: Timestamp,
        before: Option<&Self>,
    ) -> Self {
        let before = before.filter(|before| before.group == group);
        let same = before.filter(|before| before.base == base && before.patch == patch);
        let mut earlier = before.map_or_else(Vec::new, |before| before.earlier.clone());
        if same.is_none() {
            earlier.extend(before.and_then(|before| before.commit.clone()));
        }
        Self {
            schema: "archal.publication".to_owned(),
            version: 1,
            group: group.to_owned(),
            base: base.to_owned(),
            patch: patch.to_owned(),
            at: same.map_or_else(|| at.to_string(), |same| same.at.clone()),
            branch: None,
            target: None,
            base_branch: None,
            commit: same.and_then(|same| same.commit.clone()),
            earlier,
            published: None,
        }
    }

    /// The record in a folder; none where there is none that can be read.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }

    /// Writes it, durable before this returns.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        atomic::write_json(&folder.join(FILE), self, Durability::Synced)
    }
}
