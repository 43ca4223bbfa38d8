//! The cases of the corpus: which job, what is wrong with it, in which shape its trace is written, and the
//! state it begins in.

use serde_json::{Value, json};

/// The shapes of traces that the agent writes, as they stand in the names of repositories.
const SHAPES: [&str; 3] = ["genai", "inference", "llmetry"];

/// Each job with what goes wrong in it. What goes right is in every job, three times on other states.
const JOBS: [(&str, &[&str]); 6] = [
    ("append", &["stale-read"]),
    ("assign", &["claim-without-act", "wrong-recipient"]),
    (
        "close",
        &[
            "act-without-claim",
            "claim-without-act",
            "crash",
            "duplicate",
            "forbidden",
            "giving-up",
            "looping",
            "missed-page",
            "wrong-object",
        ],
    ),
    ("label", &["crash", "giving-up"]),
    ("oldest", &["wrong-count"]),
    ("plan", &["ignored-error"]),
];

/// States on which nothing goes wrong: as many more issues.
const HEALTHY: [(&str, u64); 3] = [("healthy", 0), ("healthy-more", 2), ("healthy-most", 5)];

/// One run of the agent.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// `close-missed-page-genai`; the name of its repository, too.
    pub(super) name: String,
    job: &'static str,
    /// What is wrong with it; none where nothing is.
    pub(super) defect: Option<&'static str>,
    more: u64,
}

/// All of them.
pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in SHAPES {
        for (job, defects) in JOBS {
            let case = |what: &str, defect, more| Case {
                name: format!("{job}-{what}-{shape}"),
                job,
                defect,
                more,
            };
            cases.extend(defects.iter().map(|defect| case(defect, Some(*defect), 0)));
            cases.extend(HEALTHY.iter().map(|(what, more)| case(what, None, *more)));
        }
    }
    cases
}

impl Case {
    /// The scenario that the agent is run on to get its trace: task and state, and nothing that decides.
    pub(super) fn scenario(&self) -> String {
        format!(
            "# {name}\n\n## Setup\n\n```json github\n{state}\n```\n\n## Prompt\n\n{task}\n\n## Success \
             Criteria\n\n- [D] It ran: `size(calls) > 0`\n\n## Config\n\nclones: github\ntimeout: 60\n",
            name = self.name,
            state = self.state(),
            task = self.task(),
        )
    }

    /// How attach may leave its trace.
    pub(super) fn expected(&self) -> &'static [&'static str] {
        match self.defect {
            None => &["ok"],
            // What is on the page that the agent never asked for cannot be told from its trace.
            Some("missed-page") => &["blocked"],
            Some(_) => &["reproduced", "group_member"],
        }
    }

    /// The repository in which its trace is looked at that lost spans: of healthy runs one of each job,
    /// since only one of those that seem to fail alike is run.
    pub(super) fn place(&self) -> String {
        let shape = self.name.rsplit('-').next().unwrap_or_default();
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
