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
    ]), @r###"
        > A repository acme/widgets.
        repos full_name=acme/widgets
        users login=acme type=Organization

        > There are 3 open issues in acme/widgets labelled "stale", 2 of them with the label keep-open.
        issues labels=[stale,keep-open] number=1 repo=acme/widgets state=open title=Issue 1
        issues labels=[stale,keep-open] number=2 repo=acme/widgets state=open title=Issue 2
        issues labels=[stale] number=3 repo=acme/widgets state=open title=Issue 3
        labels name=stale repo=acme/widgets
        labels name=keep-open repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization

        > The repository acme/widgets has two open issues and one closed one.
        issues number=1 repo=acme/widgets state=open title=Issue 1
        issues number=2 repo=acme/widgets state=open title=Issue 2
        issues number=3 repo=acme/widgets state=closed title=Issue 3
        repos full_name=acme/widgets
        users login=acme type=Organization

        > The private repository acme/widgets has a dozen issues: 5 open and 7 closed. 2 of the 7 are locked. The rest are unlocked.
        issues number=1 repo=acme/widgets state=open title=Issue 1
        issues number=2 repo=acme/widgets state=open title=Issue 2
        issues number=3 repo=acme/widgets state=open title=Issue 3
        issues number=4 repo=acme/widgets state=open title=Issue 4
        issues number=5 repo=acme/widgets state=open title=Issue 5
        issues locked=true number=6 repo=acme/widgets state=closed title=Issue 6
        issues locked=true number=7 repo=acme/widgets state=closed title=Issue 7
        issues locked=false number=8 repo=acme/widgets state=closed title=Issue 8
        issues locked=false number=9 repo=acme/widgets state=closed title=Issue 9
        issues locked=false number=10 repo=acme/widgets state=closed title=Issue 10
        issues locked=false number=11 repo=acme/widgets state=closed title=Issue 11
        issues locked=false number=12 repo=acme/widgets state=closed title=Issue 12
        repos full_name=acme/widgets private=true
        users login=acme type=Organization

        > 3 open and 2 closed issues in acme/widgets
        issues number=1 repo=acme/widgets state=open title=Issue 1
        issues number=2 repo=acme/widgets state=open title=Issue 2
        issues number=3 repo=acme/widgets state=open title=Issue 3
        issues number=4 repo=acme/widgets state=closed title=Issue 4
        issues number=5 repo=acme/widgets state=closed title=Issue 5
        repos full_name=acme/widgets
        users login=acme type=Organization

        > Three issues in acme/widgets: "Crash on login", "Typo in the docs" and "Slow start".
        issues number=1 repo=acme/widgets title=Crash on login
        issues number=2 repo=acme/widgets title=Typo in the docs
        issues number=3 repo=acme/widgets title=Slow start
        repos full_name=acme/widgets
        users login=acme type=Organization

        > Issues #3, #5 and #9 in acme/widgets are closed as not planned. Issue #5 has the labels "bug" and "good first issue".
        issues number=3 repo=acme/widgets state=closed state_reason=not_planned title=Issue 3
        issues labels=[bug,good first issue] number=5 repo=acme/widgets state=closed state_reason=not_planned title=Issue 5
        issues number=9 repo=acme/widgets state=closed state_reason=not_planned title=Issue 9
        labels name=bug repo=acme/widgets
        labels name=good first issue repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization

        > A repository named acme/widgets, labels bug and stale, and users mona and @hubot.
        labels name=bug repo=acme/widgets
        labels name=stale repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona
        users login=hubot

        > An empty repository acme/widgets with the description "All widgets" and the topics rust and cli.
        repos description=All widgets full_name=acme/widgets topics=[rust,cli]
        users login=acme type=Organization
        "###);
}

#[test]
fn things_are_told_of() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has 4 issues. Half of them are locked. The other two are assigned to mona. Issue #3 is titled \"Broken\". It has 2 comments by mona.",
        "acme/widgets has 2 open issues labelled bug and 2 closed issues. The open issues have no assignees. All closed issues were closed yesterday.",
        "acme/widgets has three open issues. Two issues are labelled bug. All of them were opened by mona.",
        "A repository acme/widgets with a bug label and 2 issues with the bug label, one of which has a comment by mona saying \"Please fix\".",
        "acme/widgets has an issue \"Crash\" assigned to mona and hubot, labelled bug, p1 and needs-info, opened by @octocat a week ago, last updated yesterday, with a comment by hubot created 2 days ago.",
    ]), @r###"
        > acme/widgets has 4 issues. Half of them are locked. The other two are assigned to mona. Issue #3 is titled "Broken". It has 2 comments by mona.
        comments body=Comment 1 issue=acme/widgets#3 user=mona
        comments body=Comment 2 issue=acme/widgets#3 user=mona
        issues locked=true number=1 repo=acme/widgets title=Issue 1
        issues locked=true number=2 repo=acme/widgets title=Issue 2
        issues assignees=[mona] number=3 repo=acme/widgets title=Broken
        issues assignees=[mona] number=4 repo=acme/widgets title=Issue 4
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona

        > acme/widgets has 2 open issues labelled bug and 2 closed issues. The open issues have no assignees. All closed issues were closed yesterday.
        issues assignees=[] labels=[bug] number=1 repo=acme/widgets state=open title=Issue 1
        issues assignees=[] labels=[bug] number=2 repo=acme/widgets state=open title=Issue 2
        issues closed_at=1d ago created_at=1d ago number=3 repo=acme/widgets state=closed title=Issue 3
        issues closed_at=1d ago created_at=1d ago number=4 repo=acme/widgets state=closed title=Issue 4
        labels name=bug repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization

        > acme/widgets has three open issues. Two issues are labelled bug. All of them were opened by mona.
        issues labels=[bug] number=1 repo=acme/widgets state=open title=Issue 1 user=mona
        issues labels=[bug] number=2 repo=acme/widgets state=open title=Issue 2 user=mona
        issues number=3 repo=acme/widgets state=open title=Issue 3
        labels name=bug repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona

        > A repository acme/widgets with a bug label and 2 issues with the bug label, one of which has a comment by mona saying "Please fix".
        comments body=Please fix issue=acme/widgets#1 user=mona
        issues labels=[bug] number=1 repo=acme/widgets title=Issue 1
        issues labels=[bug] number=2 repo=acme/widgets title=Issue 2
        labels name=bug repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona

        > acme/widgets has an issue "Crash" assigned to mona and hubot, labelled bug, p1 and needs-info, opened by @octocat a week ago, last updated yesterday, with a comment by hubot created 2 days ago.
        comments body=Comment 1 created_at=2d ago issue=acme/widgets#1 user=hubot
        issues assignees=[mona,hubot] created_at=7d ago labels=[bug,p1,needs-info] number=1 repo=acme/widgets title=Crash updated_at=1d ago user=octocat
        labels name=bug repo=acme/widgets
        labels name=p1 repo=acme/widgets
        labels name=needs-info repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona
        users login=hubot
        "###);
}

#[test]
fn ages_are_offsets_that_agree() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has 4 open issues created between 10 and 40 days ago.",
        "acme/widgets has 2 issues older than 90 days, a 40-day-old issue and an issue that has not been updated for more than 3 weeks.",
        "acme/widgets has a closed issue opened by mona 3 months ago and closed 2 days ago by hubot.",
        "acme/widgets has an issue 500 days old with 2 comments.",
        "acme/widgets has an issue last updated 3 weeks ago with a comment.",
    ]), @r###"
        > acme/widgets has 4 open issues created between 10 and 40 days ago.
        issues created_at=40d ago number=1 repo=acme/widgets state=open title=Issue 1
        issues created_at=30d ago number=2 repo=acme/widgets state=open title=Issue 2
        issues created_at=20d ago number=3 repo=acme/widgets state=open title=Issue 3
        issues created_at=10d ago number=4 repo=acme/widgets state=open title=Issue 4
        repos full_name=acme/widgets
        users login=acme type=Organization

        > acme/widgets has 2 issues older than 90 days, a 40-day-old issue and an issue that has not been updated for more than 3 weeks.
        issues created_at=91d ago number=1 repo=acme/widgets title=Issue 1
        issues created_at=91d ago number=2 repo=acme/widgets title=Issue 2
        issues created_at=40d ago number=3 repo=acme/widgets title=Issue 3
        issues created_at=22d ago number=4 repo=acme/widgets title=Issue 4 updated_at=22d ago
        repos full_name=acme/widgets
        users login=acme type=Organization

        > acme/widgets has a closed issue opened by mona 3 months ago and closed 2 days ago by hubot.
        issues closed_at=2d ago closed_by=hubot created_at=90d ago number=1 repo=acme/widgets state=closed title=Issue 1 user=mona
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona
        users login=hubot

        > acme/widgets has an issue 500 days old with 2 comments.
        comments body=Comment 1 issue=acme/widgets#1
        comments body=Comment 2 issue=acme/widgets#1
        issues created_at=500d ago number=1 repo=acme/widgets title=Issue 1
        repos created_at=500d ago full_name=acme/widgets
        users login=acme type=Organization

        > acme/widgets has an issue last updated 3 weeks ago with a comment.
        comments body=Comment 1 created_at=21d ago issue=acme/widgets#1
        issues created_at=21d ago number=1 repo=acme/widgets title=Issue 1 updated_at=21d ago
        repos full_name=acme/widgets
        users login=acme type=Organization
        "###);
}

#[test]
fn lists_are_read_a_bullet_each() {
    insta::assert_snapshot!(all(&[
        "acme/widgets has:\n- 2 open issues labelled bug, each 40 days old\n- a label \"good first issue\"\n- no comments",
        "There are 3 open issues in acme/widgets:\n\n1. \"Crash on login\", labelled bug and urgent, opened by mona 3 days ago\n2. \"Typo\", assigned to hubot,\n   with a comment by mona\n3. #9: \"Slow start\" - created yesterday, without labels",
        "- A repository acme/widgets.\n- It has an issue.\n<!-- not for anybody -->",
    ]), @r###"
        > acme/widgets has:
        - 2 open issues labelled bug, each 40 days old
        - a label "good first issue"
        - no comments
        issues created_at=40d ago labels=[bug] number=1 repo=acme/widgets state=open title=Issue 1
        issues created_at=40d ago labels=[bug] number=2 repo=acme/widgets state=open title=Issue 2
        labels name=bug repo=acme/widgets
        labels name=good first issue repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization

        > There are 3 open issues in acme/widgets:

        1. "Crash on login", labelled bug and urgent, opened by mona 3 days ago
        2. "Typo", assigned to hubot,
           with a comment by mona
        3. #9: "Slow start" - created yesterday, without labels
        comments body=Comment 1 issue=acme/widgets#2 user=mona
        issues created_at=3d ago labels=[bug,urgent] number=1 repo=acme/widgets state=open title=Crash on login user=mona
        issues assignees=[hubot] number=2 repo=acme/widgets state=open title=Typo
        issues created_at=1d ago labels=[] number=9 repo=acme/widgets state=open title=Slow start
        labels name=bug repo=acme/widgets
        labels name=urgent repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization
        users login=mona
        users login=hubot

        > - A repository acme/widgets.
        - It has an issue.
        <!-- not for anybody -->
        issues number=1 repo=acme/widgets title=Issue 1
        repos full_name=acme/widgets
        users login=acme type=Organization
        "###);
}

#[test]
fn pull_requests_are_counted_with_issues_and_bring_their_branches() {
    insta::assert_snapshot!(all(&[
        "The repository acme/widgets has 2 open issues and 2 merged pull requests.",
    ]), @r###"
        > The repository acme/widgets has 2 open issues and 2 merged pull requests.
        issues number=1 repo=acme/widgets state=open title=Issue 1
        issues number=2 repo=acme/widgets state=open title=Issue 2
        pulls merged_at=1d ago number=3 repo=acme/widgets
        pulls merged_at=1d ago number=4 repo=acme/widgets
        repos full_name=acme/widgets
        users login=acme type=Organization
        "###);
}

#[test]
fn what_is_not_understood_is_quoted() {
    insta::assert_snapshot!(all(&[
        "A shop with one unlabelled issue.",
        "A repository acme/widgets with 5 opn issues. It has a lot of stars.",
        "A repository acme/widgets with 5 stale issues.",
        "acme/widgets has 3 open sprints.",
        "acme/widgets has many issues.",
        "acme/widgets has 3 issues:\n- \"A\"\n- \"B\", which nobody likes\n- \"C\"",
    ]), @r###"
        > A shop with one unlabelled issue.
        ! "shop with one unlabelled issue": this part of the starting state is not understood: "shop with one unlabelled issue" [it can speak of issues, comments, pull requests, reviews, milestones, branches, commits, releases, commit statuses, check runs, labels, repositories, users.]

        > A repository acme/widgets with 5 opn issues. It has a lot of stars.
        ! "opn issues": this part of the starting state is not understood: "opn issues" [did you mean `open`?]
        ! "has a lot of stars": this part of the starting state is not understood: "has a lot of stars" [it can speak of issues, comments, pull requests, reviews, milestones, branches, commits, releases, commit statuses, check runs, labels, repositories, users.]

        > A repository acme/widgets with 5 stale issues.
        ! "stale issues": this part of the starting state is not understood: "stale issues" [it can speak of issues, comments, pull requests, reviews, milestones, branches, commits, releases, commit statuses, check runs, labels, repositories, users.]

        > acme/widgets has 3 open sprints.
        ! "sprints": this part of the starting state is not understood: "sprints" [it can speak of issues, comments, pull requests, reviews, milestones, branches, commits, releases, commit statuses, check runs, labels, repositories, users.]

        > acme/widgets has many issues.
        ! "many issues": this part of the starting state is not understood: "many issues" [it can speak of issues, comments, pull requests, reviews, milestones, branches, commits, releases, commit statuses, check runs, labels, repositories, users.]

        > acme/widgets has 3 issues:
        - "A"
        - "B", which nobody likes
        - "C"
        ! "nobody likes": this part of the starting state is not understood: "nobody likes" [it can speak of issues, comments, pull requests, reviews, milestones, branches, commits, releases, commit statuses, check runs, labels, repositories, users.]
        "###);
}

#[test]
fn what_could_mean_two_things_is_refused() {
    insta::assert_snapshot!(all(&[
        "A repository acme/widgets with 5 open issues, created 40 days ago.",
        "acme/widgets has 46 issues. 34 of them are open. 3 of them are labelled bug.",
        "Repositories acme/widgets and acme/gadgets. Five issues.",
        "Twenty issues are older than ninety days.",
    ]), @r###"
        > A repository acme/widgets with 5 open issues, created 40 days ago.
        ! "created 40 days ago": this could be said of the one or of the other [say it in a sentence of its own: `They are …`]

        > acme/widgets has 46 issues. 34 of them are open. 3 of them are labelled bug.
        ! "3 of them": it is not clear whether all 46 are meant or the 34 [write `all of them`, `of the 46` or `of the 34`, or say it in one sentence: `46 issues, 34 of them …, 2 of them …`]

        > Repositories acme/widgets and acme/gadgets. Five issues.
        ! "Five issues": in which repository? there are acme/widgets, acme/gadgets [-]

        > Twenty issues are older than ninety days.
        ! "Twenty issues": in which repository? none was named before [-]
        "###);
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
    ]), @r###"
        > acme/widgets has 3 issues, 2 of them open, 2 of them closed.
        ! "2 of them closed": of 3 only 1 are left of which nothing was said, not 2 [-]

        > An issue in acme/widgets. It is open. It is closed.
        ! "closed": the issue acme/widgets#1 has the state "open" already, not "closed" [-]

        > acme/widgets has an issue created 10 days ago and last updated 20 days ago.
        ! "last updated 20 days ago": the updated_at of the issue acme/widgets#1 is before it was made [-]

        > acme/widgets has 3 issues:
        - "A"
        - "B"
        ! "3 issues": 3 are said to be there, and the list has 2 [-]

        > acme/widgets has 3 issues. Half of them are locked.
        ! "Half of them": 3 cannot be halved [-]

        > acme/widgets has 3 issues. Issue #7 is closed.
        ! "Issue #7": there is no issue #7 among those named before [-]

        > acme/widgets has 2 issues. The locked issues are closed.
        ! "The locked issues": no such issues were named before [-]

        > A repository acme/widgets/x.
        ! "A repository acme/widgets/x": a repository is written owner/name, not "acme/widgets/x" [-]

        > A repository with 3 issues.
        ! "A repository with 3 issues": which repository? its name is written owner/name [-]

        > acme/a has 9000 issues. acme/b has 9000 issues. acme/c has 9000 issues.
        ! "9000 issues": more than 20000 things are said to be there [-]
        "###);
}

#[test]
fn parts_add_up_and_what_is_not_there_is_not_there() {
    let refused = [
        "acme/shop has 5 issues: 2 open and 2 closed.",
        "acme/shop has 5 issues. 2 of the 5 are open. 2 of the 5 are closed.",
        "acme/shop has no issues. acme/shop has 3 issues.",
        "acme/shop has 3 issues. acme/shop has no issues.",
        "acme/shop has 3 issues and no labels. Issue #1 is labelled \"bug\".",
        "acme/shop has 3 issues without comments. Issue #1 has 2 comments.",
        "acme/shop has no open issues. acme/shop has 2 open issues.",
        "There are no issues. acme/shop has an issue.",
    ];
    insta::assert_snapshot!(all(&refused), @r###"
        > acme/shop has 5 issues: 2 open and 2 closed.
        ! "2 open and 2 closed": these parts are 4 of 5, and nothing says the state of the rest [say it: `the rest are …`, or count again]

        > acme/shop has 5 issues. 2 of the 5 are open. 2 of the 5 are closed.
        ! "2 of the 5 are open. 2 of the 5": these parts are 4 of 5, and nothing says the state of the rest [say it: `the rest are …`, or count again]

        > acme/shop has no issues. acme/shop has 3 issues.
        ! "no issues": no issues are said to be in the repository acme/shop, and 3 are [-]

        > acme/shop has 3 issues. acme/shop has no issues.
        ! "no issues": no issues are said to be in the repository acme/shop, and 3 are [-]

        > acme/shop has 3 issues and no labels. Issue #1 is labelled "bug".
        ! "no labels": no labels are said to be in the repository acme/shop, and the label bug is [-]

        > acme/shop has 3 issues without comments. Issue #1 has 2 comments.
        ! "without comments": no comments are said to be in the issue acme/shop#1, and 2 are [-]

        > acme/shop has no open issues. acme/shop has 2 open issues.
        ! "no open issues": no such issues are said to be in the repository acme/shop, and 2 are [-]

        > There are no issues. acme/shop has an issue.
        ! "no issues": no issues are said to be, and the issue acme/shop#1 is [-]
        "###);
    for accepted in [
        "acme/shop has 5 issues: 2 open and 2 closed. The rest are closed as not planned.",
        "acme/shop has 5 issues, 2 of them open, the rest closed.",
        "acme/shop has 5 issues, 2 of them locked.",
        "acme/shop has 5 issues, 2 of them labelled bug, 2 of them labelled docs.",
        "acme/shop has no open issues. acme/shop has 3 closed issues.",
        "acme/shop has no issues. acme/docs has 3 issues.",
        "There are no users. acme/shop has an issue.",
    ] {
        let made = rows(accepted);
        assert!(!made.starts_with('!'), "{accepted}: {made}");
    }
}

/// An issue has one author and any number of assignees.
#[test]
fn several_authors_are_one_for_each_and_several_assignees_are_all_of_each() {
    insta::assert_snapshot!(all(&[
        "2 issues in acme/shop by mona and hubot.",
        "2 issues in acme/shop assigned to mona and hubot.",
    ]), @r###"
        > 2 issues in acme/shop by mona and hubot.
        issues number=1 repo=acme/shop title=Issue 1 user=mona
        issues number=2 repo=acme/shop title=Issue 2 user=hubot
        repos full_name=acme/shop
        users login=acme type=Organization
        users login=mona
        users login=hubot

        > 2 issues in acme/shop assigned to mona and hubot.
        issues assignees=[mona,hubot] number=1 repo=acme/shop title=Issue 1
        issues assignees=[mona,hubot] number=2 repo=acme/shop title=Issue 2
        repos full_name=acme/shop
        users login=acme type=Organization
        users login=mona
        users login=hubot
        "###);
}

#[test]
fn repeated_words_end_as_a_refusal() {
    for text in [
        format!("acme/w has an issue {}open.", "that ".repeat(12_000)),
        format!("{}2 closed issues in acme/w.", "3 open, ".repeat(7_000)),
    ] {
        assert!(understand(&text, &[github()]).is_err(), "{:.60}", text);
    }
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
