//! What a Setup can say, and what it cannot.

use std::fmt::Write as _;

use archal_core::clone::{CloneDescriptor, OpenClone, Seed};
use proptest::prelude::*;
use serde_json::Value;

use super::understand;

fn github() -> &'static CloneDescriptor {
    let mut clones = archal_clones::ALL.iter();
    clones.find(|clone| clone.name == "github").expect("github")
}

/// The rows a text makes, one on a line, after the clone has taken them.
fn rows(text: &str) -> String {
    let said = match understand(text, &[github()]) {
        Ok(said) => said,
        Err(problems) => return refused(text, &problems),
    };
    let mut out = String::new();
    for said in said {
        let how = OpenClone {
            base: "2026-01-10T00:00:00Z".parse().expect("a time"),
            ids: 1,
            seed: Seed::Document(&said.document),
        };
        if let Err(diagnostics) = (github().open)(&how) {
            panic!("{text}\n{}\n{diagnostics:?}", said.document);
        }
        for (table, rows) in said.document.as_object().expect("tables") {
            for row in rows.as_array().expect("rows") {
                if *row == serde_json::json!({"login": "octocat"}) {
                    continue;
                }
                writeln!(out, "{table} {}", line(row)).expect("text");
            }
        }
    }
    out
}

fn line(row: &Value) -> String {
    let fields = row.as_object().expect("a row").iter();
    let parts: Vec<String> = fields
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join(" ").replace('"', "")
}

fn refused(text: &str, problems: &[super::Misunderstood]) -> String {
    let mut out = String::new();
    for problem in problems {
        let help = problem.help.as_deref().unwrap_or("-");
        let place = &text[problem.span.clone()];
        writeln!(out, "! {place:?}: {} [{help}]", problem.message).expect("text");
    }
    out
}

fn all(texts: &[&str]) -> String {
    let shown = texts.iter().map(|text| format!("> {text}\n{}", rows(text)));
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn things_are_counted_and_named() {
    insta::assert_snapshot!(all(&[
        "A repository acme/widgets.",
        "There are 3 open issues in acme/widgets labelled \"stale\", 2 of them with the label keep-open.",
        "The repository acme/widgets has two open issues and one closed one.",
        "The private repository acme/widgets has a dozen issues: 5 open and 7 closed. 2 of the 7 are locked. The rest are unlocked.",
        "3 open and 2 closed issues in acme/widgets",
        "Three issues in acme/widgets: \"Crash on login\", \"Typo in the docs\" and \"Slow start\".",
        "Issues #3, #5 and #9 in acme/widgets are closed as not planned. Issue #5 has the labels \"bug\" and \"good first issue\".",
        "A repository named acme/widgets, labels bug and stale, and users mona and @hubot.",
        "An empty repository acme/widgets with the description \"All widgets\" and the topics rust and cli.",
    ]));
}

#[test]
fn things_are_told_of() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has 4 issues. Half of them are locked. The other two are assigned to mona. Issue #3 is titled \"Broken\". It has 2 comments by mona.",
        "acme/widgets has 2 open issues labelled bug and 2 closed issues. The open issues have no assignees. All closed issues were closed yesterday.",
        "acme/widgets has three open issues. Two issues are labelled bug. All of them were opened by mona.",
        "A repository acme/widgets with a bug label and 2 issues with the bug label, one of which has a comment by mona saying \"Please fix\".",
        "acme/widgets has an issue \"Crash\" assigned to mona and hubot, labelled bug, p1 and needs-info, opened by @octocat a week ago, last updated yesterday, with a comment by hubot created 2 days ago.",
    ]));
}

#[test]
fn ages_are_offsets_that_agree() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has 4 open issues created between 10 and 40 days ago.",
        "acme/widgets has 2 issues older than 90 days, a 40-day-old issue and an issue that has not been updated for more than 3 weeks.",
        "acme/widgets has a closed issue opened by mona 3 months ago and closed 2 days ago by hubot.",
        "acme/widgets has an issue 500 days old with 2 comments.",
        "acme/widgets has an issue last updated 3 weeks ago with a comment.",
    ]));
}

#[test]
fn lists_are_read_a_bullet_each() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has:\n- 2 open issues labelled bug, each 40 days old\n- a label \"good first issue\"\n- no comments",
        "There are 3 open issues in acme/widgets:\n\n1. \"Crash on login\", labelled bug and urgent, opened by mona 3 days ago\n2. \"Typo\", assigned to hubot,\n   with a comment by mona\n3. #9: \"Slow start\" - created yesterday, without labels",
        "- A repository acme/widgets.\n- It has an issue.\n<!-- not for anybody -->",
    ]));
}

#[test]
fn what_is_not_understood_is_quoted() {
    insta::assert_snapshot!(all(&[
        "A shop with one unlabelled issue.",
        "A repository acme/widgets with 5 opn issues. It has a lot of stars.",
        "A repository acme/widgets with 5 stale issues.",
        "acme/widgets has 3 open pull requests.",
        "acme/widgets has many issues.",
        "acme/widgets has 3 issues:\n- \"A\"\n- \"B\", which nobody likes\n- \"C\"",
    ]));
}

#[test]
fn what_could_mean_two_things_is_refused() {
    insta::assert_snapshot!(all(&[
        "A repository acme/widgets with 5 open issues, created 40 days ago.",
        "acme/widgets has 46 issues. 34 of them are open. 3 of them are labelled bug.",
        "Repositories acme/widgets and acme/gadgets. Five issues.",
        "Twenty issues are older than ninety days.",
    ]));
}

#[test]
fn what_cannot_be_is_refused() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has 3 issues, 2 of them open, 2 of them closed.",
        "An issue in acme/widgets. It is open. It is closed.",
        "acme/widgets has an issue created 10 days ago and last updated 20 days ago.",
        "acme/widgets has 3 issues:\n- \"A\"\n- \"B\"",
        "acme/widgets has 3 issues. Half of them are locked.",
        "acme/widgets has 3 issues. Issue #7 is closed.",
        "acme/widgets has 2 issues. The locked issues are closed.",
        "A repository acme/widgets/x.",
        "A repository with 3 issues.",
        "acme/a has 9000 issues. acme/b has 9000 issues. acme/c has 9000 issues.",
    ]));
}

#[test]
fn the_same_words_make_the_same_document() {
    let text = "acme/widgets has 40 open issues created between 1 and 90 days ago, 7 of them labelled bug by mona.";
    let text = text.replace(" by mona", "");
    let once = understand(&text, &[github()]).expect("understood");
    assert_eq!(understand(&text, &[github()]).expect("understood"), once);
    assert_eq!(
        once[0].document["issues"].as_array().map(Vec::len),
        Some(40)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is understood opens in the clone; `rows` panics otherwise.
    #[test]
    fn no_text_is_a_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..14)) {
        rows(&words.join(" "));
    }
}

const WORDS: &[&str] = &[
    "a",
    "the",
    "two",
    "3",
    "all",
    "half",
    "of them",
    "they",
    "it",
    "issue",
    "issues",
    "label",
    "repository",
    "acme/widgets",
    "acme/gadgets",
    "#3",
    "comments",
    "users",
    "open",
    "closed",
    "labelled",
    "bug",
    "\"A b\"",
    "by",
    "mona",
    "assigned to",
    "with",
    "without",
    "is",
    "are",
    "has",
    "created",
    "last updated",
    "3 days ago",
    "10 days old",
    "in",
    "on",
    ",",
    ".",
    ":",
    "\n- ",
    "and",
    "the rest",
    "no",
    "titled",
    "one",
    "ones",
    "between 1 and 3 days ago",
    "-",
    "(",
    "\u{1b}",
    "é",
];
