//! The cases of the corpus: which job, what is wrong with it, in which shape its trace is written, and the
//! state it begins in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The shapes of traces that the agent writes, as they stand in the names of repositories.
const SHAPES: [&str; 3] = ["genai", "inference", "llmetry"];

/// Each job with what goes wrong in it and the criterion of its scenario that shows it first. What goes
/// right is in every job, three times on other states.
const JOBS: [(&str, &[(&str, &str)]); 6] = [
    ("append", &[("stale-read", "both-lines-are-there")]),
    (
        "assign",
        &[
            ("claim-without-act", "they-are-told"),
            ("wrong-recipient", "ada-is-assigned"),
        ],
    ),
    (
        "close",
        &[
            ("act-without-claim", "nothing-is-locked"),
            ("claim-without-act", "each-closed-issue-has-one-new-comment"),
            ("crash", "everything-stale-is-closed"),
            ("duplicate", "each-closed-issue-has-one-new-comment"),
            ("forbidden", "nothing-labelled-keep-open-is-closed"),
            ("giving-up", "everything-stale-is-closed"),
            ("looping", "everything-stale-is-closed"),
            (MISSED_PAGE, "everything-stale-is-closed"),
            (RETRIED, "each-closed-issue-has-one-new-comment"),
            ("wrong-object", "everything-stale-is-closed"),
        ],
    ),
    (
        "label",
        &[
            ("circling", "nothing-open-is-without-a-label"),
            ("crash", "nothing-open-is-without-a-label"),
            ("giving-up", "nothing-open-is-without-a-label"),
        ],
    ),
    (
        "oldest",
        &[
            ("claim-without-act", "exactly-2-issues-were-closed"),
            (UNAVAILABLE, "exactly-2-issues-were-closed"),
            (WORDS_ALONE, "close"),
            ("wrong-count", "exactly-2-issues-were-closed"),
        ],
    ),
    ("plan", &[("ignored-error", "issue-1-is-planned")]),
];

/// What is on the page that the agent never asked for cannot be told from its trace.
const MISSED_PAGE: &str = "missed-page";

/// The agent calls nothing at all: what it says is all there is.
const WORDS_ALONE: &str = "words-alone";
/// The service loses an answer, and the agent asks again without a look: it goes wrong where the service does.
const RETRIED: &str = "retried";
/// The service is out of order for every change, and the agent goes on as if they had been made.
const UNAVAILABLE: &str = "unavailable";
/// What the service does to the runs of those.
const FAULTS: [(&str, &str); 2] = [
    (RETRIED, "github:issues/create-comment#1=no-answer"),
    (UNAVAILABLE, "github:issues/update=502"),
];

/// States on which nothing goes wrong: as many more issues.
const HEALTHY: [(&str, u64); 3] = [("healthy", 0), ("healthy-more", 2), ("healthy-most", 5)];

/// The repositories in which whole traces are looked at.
pub(super) const DESKS: [&str; 3] = ["desk", "desk-two", "desk-three"];

/// One run of the agent.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// `close-missed-page-genai`; the name of its repository, too.
    pub(super) name: String,
    job: &'static str,
    /// The shape of its trace.
    pub(super) shape: &'static str,
    /// What is wrong with it; none where nothing is.
    pub(super) defect: Option<&'static str>,
    /// The criterion that shows what is wrong first.
    shown_by: Option<&'static str>,
    more: u64,
}

/// All of them.
pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in SHAPES {
        for (job, defects) in JOBS {
            let case = |what: &str, more| Case {
                name: format!("{job}-{what}-{shape}"),
                job,
                shape,
                defect: None,
                shown_by: None,
                more,
            };
            cases.extend(defects.iter().map(|(defect, shown_by)| Case {
                defect: Some(*defect),
                shown_by: Some(*shown_by),
                ..case(defect, 0)
            }));
            cases.extend(HEALTHY.iter().map(|(what, more)| case(what, *more)));
        }
    }
    cases
}

impl Case {
    /// The scenario that the agent is run on to get its trace: task and state, and nothing that decides.
    pub(super) fn scenario(&self) -> String {
        let fault = self.fault().map(|fault| format!("fault: {fault}\n"));
        let fault = fault.unwrap_or_default();
        format!(
            "# {name}\n\n## Setup\n\n```json github\n{state}\n```\n\n## Prompt\n\n{task}\n\n## Success \
             Criteria\n\n- [D] It ran: `size(calls) > 0`\n\n## Config\n\nclones: github\n{fault}timeout: 60\n",
            name = self.name,
            state = self.state(),
            task = self.task(),
        )
    }

    /// How attach may leave its trace.
    pub(super) fn expected(&self) -> &'static [&'static str] {
        match self.defect {
            None => &["ok"],
            Some(MISSED_PAGE) => &["blocked"],
            // A shape without bodies has no more of such an answer than a tool's words.
            Some(UNAVAILABLE) if self.shape == "llmetry" => &["blocked"],
            // The service is well again: there is no failure without its own.
            Some(RETRIED | UNAVAILABLE) => &["not_reproduced", "group_member"],
            Some(_) => &["reproduced", "group_member"],
        }
    }

    /// Whether a finding is the one that shows what is wrong with it: a criterion of its scenario, unless
    /// no call shows the state that it reads.
    pub(super) fn is_shown_by(&self, finding: &Value) -> bool {
        let rule = match self.defect {
            Some(WORDS_ALONE) => "claim.without-act",
            _ => "state.criterion",
        };
        finding["rule"] == rule
            && finding["subject"]
                .as_str()
                .is_some_and(|subject| Some(subject) == self.shown_by)
    }

    /// What was wrong with the service, too.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let fault = FAULTS.iter().find(|(of, _)| Some(*of) == self.defect);
        fault.map(|(_, fault)| *fault)
    }

    /// Whether another run is of the same job with the same thing wrong in it.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.job, self.defect) == (other.job, other.defect)
    }

    /// The repository in which its trace is looked at. What breaks one criterion counts as one failure, of
    /// which one is run: each kind of defect that shall be run stands apart from those that look alike.
    pub(super) fn desk(&self) -> &'static str {
        match (self.job, self.defect) {
            ("close", Some("crash" | "duplicate")) | ("label", Some("crash")) => DESKS[1],
            ("close", Some("looping" | RETRIED))
            | ("label", Some("circling"))
            | ("oldest", Some(UNAVAILABLE)) => DESKS[2],
            ("oldest", Some("claim-without-act")) => DESKS[1],
            _ => DESKS[0],
        }
    }

    /// The repository in which its trace is looked at that lost spans: of healthy runs one of each job,
    /// since only one of those that seem to fail alike is run.
    pub(super) fn place(&self) -> String {
        let shape = self.shape;
        match self.defect {
            None => format!("healthy-{shape}-{}", self.more),
            Some(_) => format!("defects-{shape}"),
        }
    }

    fn task(&self) -> String {
        let repo = format!("acme/{}", self.name);
        match self.job {
            "append" => format!(
                "Append the lines \"Seen in 2.3.\" and \"Seen in 2.4.\" to issue #1 of {repo}."
            ),
            "assign" => format!("Assign issue #2 of {repo} to ada and tell them in a comment."),
            "close" => format!(
                "Close every open issue labelled stale in {repo} with the comment \"Closing as stale.\", but leave \
                 those labelled keep-open."
            ),
            "label" => {
                format!("Give the label triage to every open issue of {repo} that has no label.")
            }
            "oldest" => format!("Close the 2 oldest open issues of {repo}."),
            _ => format!("Put the issues #1 and #3 of {repo} into the milestone 2.0."),
        }
    }

    fn state(&self) -> Value {
        let repo = format!("acme/{}", self.name);
        let issues: Vec<Value> = (1..=self.issues())
            .map(|number| {
                json!({
                    "repo": repo,
                    "number": number,
                    "title": format!("What is reported as number {number}"),
                    "body": format!("It happens {} times a day.", number + 1),
                    "user": "ada",
                    "labels": self.labels(number),
                    "created_at": format!("{}d ago", 120 - number),
                    "updated_at": format!("{}d ago", 60 - number),
                })
            })
            .collect();
        let labels = ["bug", "keep-open", "stale", "triage"]
            .map(|name| json!({"repo": repo, "name": name, "color": "0e8a16"}));
        json!({
            "actor": "desk-bot",
            "users": [
                {"login": "acme", "type": "Organization"},
                {"login": "desk-bot"},
                {"login": "ada"},
                {"login": "brin"},
            ],
            "org_members": [{"org": "acme", "user": "desk-bot"}],
            "repos": [{"full_name": repo, "permission": "admin", "collaborators": ["ada", "brin"]}],
            "labels": labels,
            "milestones": [
                {"repo": repo, "number": 1, "title": "1.0", "creator": "ada"},
                {"repo": repo, "number": 2, "title": "2.0", "creator": "ada"},
            ],
            "issues": issues,
        })
    }

    fn issues(&self) -> u64 {
        // A page holds 30: what is to be closed begins on the second one.
        let at_least = if self.job == "close" { 34 } else { 5 };
        at_least + self.more
    }

    fn labels(&self, number: u64) -> Vec<&'static str> {
        match (self.job, number) {
            ("close", 12) => vec!["stale", "keep-open"],
            ("close", 2 | 3 | 8 | 20) => vec!["stale"],
            ("label", 2 | 4) => Vec::new(),
            _ => vec!["bug"],
        }
    }
}

/// What can be reproduced: every kind of defect that shows on the pages that were read, whatever the service
/// does.
pub(super) fn reproducible() -> BTreeSet<&'static str> {
    let defects = JOBS.iter().flat_map(|(_, defects)| defects.iter());
    let all = defects.map(|(defect, _)| *defect);
    all.filter(|defect| ![MISSED_PAGE, RETRIED, UNAVAILABLE].contains(defect))
        .collect()
}
