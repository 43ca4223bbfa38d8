//! Laws of pull requests that hold whatever is called in whatever order.

use std::collections::BTreeMap;

use archal_core::clone::{Seed, ServiceClone};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

use super::check::{base, json, open, open_at, request, send};

const REPO: &str = "/repos/acme/checkout";
const BRANCHES: &[&str] = &[
    "longer-timeout",
    "flag-large-orders",
    "tax-by-country",
    "drop-tax",
    "round-totals",
    "release-2",
    "release",
    "main",
];

/// A call of a random history.
pub(super) fn call() -> impl Strategy<Value = String> {
    let number = 1..13_u32;
    let branch = prop::sample::select(BRANCHES);
    let word = "[a-z#1-9 ]{1,12}";
    prop_oneof![
        (branch.clone(), branch.clone(), word).prop_map(|(head, base, title)| format!(
            r#"POST {REPO}/pulls {{"title":"{title}","head":"{head}","base":"{base}"}}"#
        )),
        (number.clone(), prop::bool::ANY).prop_map(|(number, open)| {
            let state = if open { "open" } else { "closed" };
            format!(r#"PATCH {REPO}/pulls/{number} {{"state":"{state}"}}"#)
        }),
        (number.clone(), branch.clone())
            .prop_map(|(number, base)| format!(r#"PATCH {REPO}/pulls/{number} {{"base":"{base}"}}"#)),
        (number.clone(), prop::sample::select(&["merge", "squash", "rebase"][..])).prop_map(
            |(number, method)| format!(
                r#"PUT {REPO}/pulls/{number}/merge {{"merge_method":"{method}"}}"#
            )
        ),
        (branch.clone(), 0..3_u32, word).prop_map(|(branch, file, text)| {
            use base64::Engine as _;
            let content = base64::prelude::BASE64_STANDARD.encode(format!("{text}\n"));
            format!(
                r#"PUT {REPO}/contents/new-{file}.txt {{"message":"{text}","content":"{content}","branch":"{branch}"}}"#
            )
        }),
        (number.clone(), prop::sample::select(&["APPROVE", "REQUEST_CHANGES", "COMMENT"][..]), word)
            .prop_map(|(number, event, word)| format!(
                r#"POST {REPO}/pulls/{number}/reviews {{"event":"{event}","body":"{word}"}}"#
            )),
        (number.clone(), 1..12_u32).prop_map(|(number, line)| format!(
            r#"POST {REPO}/pulls/{number}/reviews {{"event":"COMMENT","body":"x","comments":[{{"path":"src/cart.js","line":{line},"body":"y"}}]}}"#
        )),
        number.clone().prop_map(|number| format!("PUT {REPO}/pulls/{number}/update-branch {{}}")),
        branch.prop_map(|branch| format!("DELETE {REPO}/git/refs/heads/{branch}")),
        number.clone().prop_map(|number| format!("GET {REPO}/pulls/{number}")),
        number.clone().prop_map(|number| format!("GET {REPO}/pulls/{number}/commits")),
        number.prop_map(|number| format!("GET {REPO}/issues/{number}/timeline")),
        Just(format!("GET {REPO}/pulls?state=all&sort=updated&direction=desc")),
        Just(format!("GET {REPO}/pulls/comments?sort=updated")),
    ]
}

fn history() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(call(), 0..16)
}

/// Evidence and state of a history run at a base time with pauses between its calls.
fn run(history: &[String], base: Timestamp, pause: SignedDuration) -> (Vec<String>, Value) {
    let mut clone = open_at(Seed::Named("merge-conflict"), base);
    let mut now = base;
    let mut evidence = Vec::new();
    for line in history {
        now += pause;
        let response = clone.call(&request(line), now);
        evidence.push(format!(
            "{line} {} {:?} {:?} {} {} {}",
            response.status,
            response.headers,
            response.changes,
            response.root_before,
            response.root_after,
            String::from_utf8_lossy(&response.body.evidence),
        ));
    }
    (evidence, clone.state().to_json())
}

/// The rows of all collections by collection and key.
fn rows(clone: &dyn ServiceClone) -> BTreeMap<(&'static str, String), Value> {
    let state = clone.state();
    let mut out = BTreeMap::new();
    for collection in super::DESCRIPTOR.collections {
        for row in state.rows(collection.name) {
            let names: Vec<&str> = row.fields.iter().map(|(name, _)| *name).collect();
            let declared: Vec<&str> = collection.fields.iter().map(|field| field.name).collect();
            assert_eq!(names, declared);
            out.insert((collection.name, row.key.clone()), row.to_json(base()));
        }
    }
    out
}

/// What must be true of every pull request at any time.
fn check(clone: &mut dyn ServiceClone) -> Result<(), TestCaseError> {
    let all = json(&send(
        clone,
        &format!("GET {REPO}/pulls?state=all&per_page=100"),
    ));
    for listed in all.as_array().expect("a list") {
        let number = &listed["number"];
        let one = json(&send(clone, &format!("GET {REPO}/pulls/{number}")));
        let on = json(&send(clone, &format!("GET {REPO}/issues/{number}")));
        for field in ["title", "state", "updated_at", "draft", "locked"] {
            prop_assert_eq!(&one[field], &on[field], "{} of {}", field, number);
            prop_assert_eq!(&one[field], &listed[field], "{} of {}", field, number);
        }
        prop_assert_eq!(&on["pull_request"]["merged_at"], &one["merged_at"]);
        let open = one["state"] == "open";
        prop_assert_eq!(one["merged"] == true, one["merged_at"].is_string());
        prop_assert!(
            !(open && one["merged"] == true),
            "{} is open and merged",
            number
        );
        prop_assert_eq!(open, one["mergeable"].is_boolean());
        let commits = json(&send(
            clone,
            &format!("GET {REPO}/pulls/{number}/commits?per_page=100"),
        ));
        let commits = commits.as_array().expect("a list");
        prop_assert_eq!(Some(commits.len() as u64), one["commits"].as_u64());
        if let Some(last) = commits.last() {
            prop_assert_eq!(&last["sha"], &one["head"]["sha"]);
        }
        if open {
            let branch = one["head"]["ref"].as_str().expect("a branch");
            let at = json(&send(clone, &format!("GET {REPO}/git/ref/heads/{branch}")));
            prop_assert_eq!(&at["object"]["sha"], &one["head"]["sha"]);
        }
    }
    Ok(())
}

/// Times are whole seconds: what happened within one is told apart by what came first.
#[test]
fn a_timeline_has_commits_where_they_were_made_within_a_second() {
    let base_changed = format!(r#"PATCH {REPO}/pulls/5 {{"base":"longer-timeout"}}"#);
    let committed = format!(
        r#"PUT {REPO}/contents/new-1.txt {{"message":"x","content":"eAo=","branch":"tax-by-country"}}"#
    );
    let read = format!("GET {REPO}/issues/5/timeline");
    for calls in [[&base_changed, &committed], [&committed, &base_changed]] {
        let history = [calls[0].clone(), calls[1].clone(), read.clone()];
        let quick = run(&history, base(), SignedDuration::from_millis(1));
        let slow = run(&history, base(), SignedDuration::from_secs(61));
        assert_eq!(quick.0[2], slow.0[2]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_calls_leave_the_same_evidence_whatever_the_clock(history in history()) {
        let quick = run(&history, base(), SignedDuration::from_millis(1));
        let elsewhere = base() + SignedDuration::from_hours(1_234);
        let slow = run(&history, elsewhere, SignedDuration::from_millis(61_500));
        prop_assert_eq!(quick, slow);
    }

    #[test]
    fn the_difference_leads_from_the_state_before_to_the_state_after(history in history()) {
        let mut clone = open("merge-conflict");
        let mut folded = rows(clone.as_ref());
        for line in &history {
            send(clone.as_mut(), line);
        }
        for diff in clone.diff() {
            let row = diff.after.as_ref().or(diff.before.as_ref()).expect("one side");
            let key = (diff.collection, row.key.clone());
            let was = diff.before.as_ref().map(|row| row.to_json(base()));
            prop_assert_eq!(was.as_ref(), folded.get(&key));
            match diff.after {
                Some(row) => folded.insert(key, row.to_json(base())),
                None => folded.remove(&key),
            };
        }
        prop_assert_eq!(folded, rows(clone.as_ref()));
    }

    #[test]
    fn a_pull_request_is_one_thing_wherever_it_is_shown(history in history()) {
        let mut clone = open("merge-conflict");
        for line in &history {
            let response = send(clone.as_mut(), line);
            prop_assert!(response.status < 500, "{}: {}", line, response.status);
            prop_assert_eq!(response.changes.is_empty(), response.root_before == response.root_after, "{}", line);
        }
        check(clone.as_mut())?;
    }
}
