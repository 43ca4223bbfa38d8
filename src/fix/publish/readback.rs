//! What is published held to what was proved.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pull request must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The commit that was proved.
    pub commit: String,
    /// Our branch.
    pub branch: String,
    /// The branch it is to be merged into.
    pub base: String,
    /// Files that differ between the base commit and ours.
    pub files: BTreeSet<String>,
}

/// What the service says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is a draft.
    pub is_draft: bool,
    /// Whether it is open.
    pub is_open: bool,
    /// Whether it is merged.
    pub is_merged: bool,
    /// The commit it ends at.
    pub head: String,
    /// The branch it comes from.
    pub branch: String,
    /// The branch it is to be merged into.
    pub base: String,
    /// How many files it says it changes.
    pub changed_files: u64,
    /// Files it lists.
    pub files: BTreeSet<String>,
    /// How its checks stand.
    pub checks: Checks,
}

/// How checks stand. No check at all is not the same as a green one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    /// Those that succeeded, or were skipped or neutral.
    pub passed: Vec<String>,
    /// Those that failed.
    pub failed: Vec<String>,
    /// Those that have not ended.
    pub pending: Vec<String>,
}

impl Checks {
    /// In a few words.
    pub fn told(&self) -> String {
        let (passed, failed, pending) = (self.passed.len(), self.failed.len(), self.pending.len());
        match passed + failed + pending {
            0 => "no checks ran".to_owned(),
            _ if failed > 0 => format!("{failed} checks failed"),
            _ if pending > 0 => format!("{pending} checks have not ended"),
            _ => format!("{passed} checks passed"),
        }
    }
}

/// What can be wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is no draft.
    NotDraft,
    /// It does not end at the commit that was proved.
    HeadMoved,
    /// It goes into another branch.
    BaseMoved,
    /// It changes a file that the patch does not.
    ExtraFile,
    /// It does not change a file that the patch does.
    MissingFile,
    /// It says that it changes more files than it lists.
    UnlistedFiles,
    /// A check failed.
    CheckFailed,
    /// It is not open.
    Closed,
    /// A label could not be set.
    NotLabelled,
}

impl Fault {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotDraft => "not_draft",
            Self::HeadMoved => "head_moved",
            Self::BaseMoved => "base_moved",
            Self::ExtraFile => "extra_file",
            Self::MissingFile => "missing_file",
            Self::UnlistedFiles => "unlisted_files",
            Self::CheckFailed => "check_failed",
            Self::Closed => "closed",
            Self::NotLabelled => "not_labelled",
        }
    }
}

/// One thing that is not as it was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What is wrong.
    pub rule: Fault,
    /// One sentence.
    pub message: String,
}

/// Everything in which a pull request is not what was proved.
pub fn faults(expected: &Expected, seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |rule, message: String| found.push(Finding { rule, message });
    if !seen.is_open {
        let how = if seen.is_merged { "merged" } else { "closed" };
        add(Fault::Closed, format!("it is {how}"));
    }
    if !seen.is_draft && !seen.is_merged {
        add(
            Fault::NotDraft,
            "it is ready for review, not a draft".to_owned(),
        );
    }
    if seen.head != expected.commit || seen.branch != expected.branch {
        let message = format!(
            "it ends at {} of {}, and what was proved is {} of {}",
            seen.head, seen.branch, expected.commit, expected.branch
        );
        add(Fault::HeadMoved, message);
    }
    if seen.base != expected.base {
        let message = format!("it goes into {}, not {}", seen.base, expected.base);
        add(Fault::BaseMoved, message);
    }
    let list = |files: Vec<&String>| {
        let shown: Vec<&str> = files.iter().take(5).map(|file| file.as_str()).collect();
        let more = files.len().saturating_sub(5);
        match more {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    };
    let extra: Vec<&String> = seen.files.difference(&expected.files).collect();
    if !extra.is_empty() {
        add(Fault::ExtraFile, format!("it also changes {}", list(extra)));
    }
    let listed = seen.files.len() as u64;
    if seen.changed_files > listed {
        let message = format!("it changes {} files and lists {listed}", seen.changed_files);
        add(Fault::UnlistedFiles, message);
    } else {
        let missing: Vec<&String> = expected.files.difference(&seen.files).collect();
        if !missing.is_empty() {
            add(
                Fault::MissingFile,
                format!("it does not change {}", list(missing)),
            );
        }
    }
    if !seen.checks.failed.is_empty() {
        let failed = list(seen.checks.failed.iter().collect());
        add(Fault::CheckFailed, failed);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_name() {
        let files: BTreeSet<String> = ["agent.py".to_owned()].into();
        let expected = Expected {
            commit: "c".to_owned(),
            branch: "archal/g".to_owned(),
            base: "main".to_owned(),
            files: files.clone(),
        };
        let right = Seen {
            is_draft: true,
            is_open: true,
            head: "c".to_owned(),
            branch: "archal/g".to_owned(),
            base: "main".to_owned(),
            changed_files: 1,
            files,
            ..Seen::default()
        };
        assert_eq!(faults(&expected, &right), []);
        let with = |change: &dyn Fn(&mut Seen)| {
            let mut seen = right.clone();
            change(&mut seen);
            let names = faults(&expected, &seen).into_iter();
            names.map(|finding| finding.rule.name()).collect::<Vec<_>>()
        };
        assert_eq!(with(&|seen| seen.is_draft = false), ["not_draft"]);
        assert_eq!(with(&|seen| seen.head = "d".to_owned()), ["head_moved"]);
        assert_eq!(
            with(&|seen| seen.base = "release".to_owned()),
            ["base_moved"]
        );
        assert_eq!(with(&|seen| seen.is_open = false), ["closed"]);
        let extra = |seen: &mut Seen| {
            seen.files.insert(".github/workflows/x.yml".to_owned());
            seen.changed_files = 2;
        };
        assert_eq!(with(&extra), ["extra_file"]);
        assert_eq!(with(&|seen| seen.changed_files = 3001), ["unlisted_files"]);
        let missing = |seen: &mut Seen| {
            seen.files.clear();
            seen.changed_files = 0;
        };
        assert_eq!(with(&missing), ["missing_file"]);
        let failed = |seen: &mut Seen| seen.checks.failed.push("test".to_owned());
        assert_eq!(with(&failed), ["check_failed"]);
        let pending = |seen: &mut Seen| seen.checks.pending.push("test".to_owned());
        assert!(with(&pending).is_empty());
    }
}
