//! Laws that hold whatever is called in whatever order.

use std::collections::BTreeMap;

use archal_core::clone::{Seed, ServiceClone};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

use super::check::{base, json, open, open_at, request, send};

const REPO: &str = "/repos/octocat/hello-service";

/// A call of a random history. Numbers are taken modulo what there is.
pub(super) fn call() -> impl Strategy<Value = String> {
    let issue = 1..12_u32;
    let label = prop_oneof![
        Just("bug"),
        Just("question"),
        Just("late"),
        Just("good%20first%20issue")
    ];
    let body = "[ -~é]{0,20}";
    prop_oneof![
        (body, label.clone()).prop_map(|(title, label)| {
            let label = label.replace("%20", " ");
            let title = Value::from(title);
            format!(r#"POST {REPO}/issues {{"title":{title},"labels":["{label}"]}}"#)
        }),
        (issue.clone(), prop::bool::ANY).prop_map(|(number, open)| {
            let state = if open { "open" } else { "closed" };
            format!(r#"PATCH {REPO}/issues/{number} {{"state":"{state}"}}"#)
        }),
        (issue.clone(), body).prop_map(|(number, body)| {
            let body = Value::from(body);
            format!(r#"PATCH {REPO}/issues/{number} {{"body":{body}}}"#)
        }),
        (issue.clone(), body).prop_map(|(number, body)| {
            let body = Value::from(body);
            format!(r#"POST {REPO}/issues/{number}/comments {{"body":{body}}}"#)
        }),
        (issue.clone(), label.clone()).prop_map(|(number, label)| {
            let label = label.replace("%20", " ");
            format!(r#"POST {REPO}/issues/{number}/labels {{"labels":["{label}"]}}"#)
        }),
        (issue.clone(), label.clone())
            .prop_map(|(number, label)| format!("DELETE {REPO}/issues/{number}/labels/{label}")),
        issue.clone().prop_map(|number| format!(
            r#"POST {REPO}/issues/{number}/assignees {{"assignees":["monalisa","hubot-dev"]}}"#
        )),
        label
            .clone()
            .prop_map(|label| format!("DELETE {REPO}/labels/{label}")),
        label.prop_map(|label| format!(r#"PATCH {REPO}/labels/{label} {{"new_name":"late"}}"#)),
        issue.prop_map(|number| format!("GET {REPO}/issues/{number}")),
        Just(format!("GET {REPO}/issues?state=all&per_page=3&page=2")),
        Just(format!("GET {REPO}/issues/comments?sort=updated")),
        Just(format!("GET {REPO}/issues?state=all&sort=updated")),
    ]
}

fn history() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(call(), 0..25)
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

/// Evidence and state of a history run at a base time with pauses between its calls.
fn run(history: &[String], base: Timestamp, pause: SignedDuration) -> (Vec<String>, Value) {
    let mut clone = open_at(Seed::Named("small-project"), base);
    let mut now = base;
    let mut evidence = Vec::new();
    let mut seen = String::from("nothing");
    for line in history {
        now += pause;
        // The agent repeats the last time it was given in what it writes.
        let line = line.replace("{\"body\":\"", &format!("{{\"body\":\"{seen} "));
        let request = request(&line);
        let response = clone.call(&request, now);
        if let Some(time) = json(&response)["updated_at"].as_str() {
            time.clone_into(&mut seen);
        }
        let headers: Vec<String> = response
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        evidence.push(format!(
            "{} {} {} {:?} {} {} {}",
            clone
                .state()
                .evidence_text(&String::from_utf8_lossy(&request.body)),
            response.status,
            headers.join("\n"),
            response.changes,
            response.root_before,
            response.root_after,
            String::from_utf8_lossy(&response.body.evidence),
        ));
    }
    (evidence, clone.state().to_json())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_calls_leave_the_same_evidence_whatever_the_clock(history in history()) {
        let quick = run(&history, base(), SignedDuration::from_millis(1));
        let elsewhere = base() + SignedDuration::from_hours(1_234);
        let slow = run(&history, elsewhere, SignedDuration::from_millis(61_500));
        prop_assert_eq!(quick, slow);
    }

    #[test]
    fn the_diff_is_the_difference_of_the_states(history in history()) {
        let mut clone = open("small-project");
        let before = rows(clone.as_ref());
        let kept = clone.state();
        let kept_json = kept.to_json();
        for line in &history {
            let response = send(clone.as_mut(), line);
            prop_assert_eq!(response.changes.is_empty(), response.root_before == response.root_after, "{}", line);
        }
        // A state that was taken stays as it was.
        prop_assert_eq!(kept.to_json(), kept_json);
        let after = rows(clone.as_ref());
        let mut folded = before.clone();
        for diff in clone.diff() {
            let row = diff.after.as_ref().or(diff.before.as_ref()).expect("one side");
            let key = (diff.collection, row.key.clone());
            let was = diff.before.as_ref().map(|row| row.to_json(base()));
            prop_assert_eq!(was.as_ref(), before.get(&key));
            match diff.after {
                Some(row) => folded.insert(key, row.to_json(base())),
                None => folded.remove(&key),
            };
        }
        prop_assert_eq!(folded, after);
    }

    #[test]
    fn what_was_created_is_read_back_and_listed_and_pages_partition(history in history(), size in 1..5_u32) {
        let mut clone = open("small-project");
        for line in &history {
            let response = send(clone.as_mut(), line);
            if response.status == 201 {
                let made = json(&response);
                let path = made["url"].as_str().expect("an address").replace("https://api.github.com", "");
                let again = send(clone.as_mut(), &format!("GET {path}"));
                prop_assert_eq!(json(&again), made);
            }
        }
        for (list, key) in [("issues?state=all", "number"), ("issues?state=closed&sort=updated", "number"), ("issues/comments?a=b", "id"), ("labels?a=b", "name")] {
            let whole = json(&send(clone.as_mut(), &format!("GET {REPO}/{list}&per_page=100")));
            let whole: Vec<&Value> = whole.as_array().expect("a list").iter().map(|item| &item[key]).collect();
            let mut pages = Vec::new();
            let mut next = Some(format!("GET {REPO}/{list}&per_page={size}"));
            while let Some(line) = next.take() {
                let response = send(clone.as_mut(), &line);
                pages.extend(json(&response).as_array().expect("a list").iter().map(|item| item[key].clone()));
                let link = response.headers.iter().find(|(name, _)| *name == "link");
                next = link.and_then(|(_, link)| {
                    let part = link.split(", ").find(|part| part.contains("rel=\"next\""))?;
                    let url = part.split(['<', '>']).nth(1)?;
                    Some(format!("GET {}", url.replace("https://api.github.com", "")))
                });
            }
            prop_assert_eq!(pages.iter().collect::<Vec<_>>(), whole);
        }
    }

    #[test]
    fn a_state_written_down_is_the_state_loaded(history in history()) {
        let mut clone = open("small-project");
        for line in &history {
            send(clone.as_mut(), line);
        }
        // Times that calls set are no seed; they become offsets as a person would write them.
        let text = clone.state().to_json().to_string().replace("\"+run\"", "\"-1s\"");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let again = open_at(Seed::Document(&document), base());
        prop_assert_eq!(again.state().to_json(), document);
    }
}

#[test]
fn what_was_deleted_is_gone() {
    let mut clone = open("small-project");
    let comment = format!("{REPO}/issues/comments/1900000001");
    let made = send(
        clone.as_mut(),
        &format!(r#"POST {REPO}/issues/1/comments {{"body":"x"}}"#),
    );
    let path = json(&made)["url"]
        .as_str()
        .expect("an address")
        .replace("https://api.github.com", "");
    assert_eq!(send(clone.as_mut(), &format!("DELETE {path}")).status, 204);
    for method in ["GET", "DELETE", "PATCH"] {
        assert_eq!(
            send(
                clone.as_mut(),
                &format!("{method} {path} {{\"body\":\"y\"}}")
            )
            .status,
            404
        );
    }
    assert_eq!(send(clone.as_mut(), &format!("GET {comment}")).status, 404);
}
