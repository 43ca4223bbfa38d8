//! What webhooks are told: payloads as GitHub publishes them, signed, and who is told of what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use archal_core::clone::{Delivery, Fault, FaultEffect, Seed, ServiceClone, Trouble};
use jiff::SignedDuration;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::github::PACK;
use crate::github::check::{self, base, request, send};
use crate::github::conformance::AREAS;

/// Events that no call of the areas causes; whoever adds one takes it out here.
const UNREACHED: &[&str] = &[
    "issues-deleted",
    "issues-edited",
    "issues-pinned",
    "issues-unpinned",
    "label-edited",
    "milestone-closed",
    "milestone-edited",
    "milestone-opened",
    "pull-request-assigned",
    "pull-request-converted-to-draft",
    "pull-request-demilestoned",
    "pull-request-labeled",
    "pull-request-locked",
    "pull-request-milestoned",
    "pull-request-ready-for-review",
    "pull-request-review-edited",
    "pull-request-unassigned",
    "pull-request-unlabeled",
    "pull-request-unlocked",
    "repository-archived",
    "repository-edited",
    "repository-privatized",
    "repository-publicized",
    "repository-unarchived",
    "workflow-run-in-progress",
];

/// A document of a seed in which every repository has a webhook that is told of everything.
fn hooked(seed: &str) -> Value {
    let named = PACK.seeds.iter().find(|(info, _)| info.name == seed);
    let text = named.map_or(seed, |(_, text)| text);
    let mut document: Value = serde_json::from_str(text).expect("JSON");
    let repos = document["repos"].as_array().cloned().unwrap_or_default();
    let hooks = repos.iter().map(|repo| {
        json!({
            "repo": repo["full_name"], "url": "http://127.0.0.1:4000/", "events": ["*"],
            "content_type": "json", "secret": "s3cret",
        })
    });
    document["hooks"] = hooks.collect();
    document
}

/// Sends lines as the areas write them; gives every delivery to `told`.
fn replay(clone: &mut dyn ServiceClone, lines: &[&str], mut told: impl FnMut(&str, &Delivery)) {
    let mut kept: Vec<(&str, String)> = Vec::new();
    for line in lines {
        let (line, keep) = match line.rsplit_once(" => ") {
            Some((line, keep)) => (line, keep.split_once('=')),
            None => (*line, None),
        };
        let line = kept.iter().fold(line.to_owned(), |line, (name, value)| {
            line.replace(&format!("<{name}>"), value)
        });
        let response = send(clone, &line);
        for delivery in &response.deliveries {
            told(&line, delivery);
        }
        if let Some((name, pointer)) = keep {
            let value = match check::json(&response).pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                value => value.unwrap_or(&Value::Null).to_string(),
            };
            kept.push((name, value));
        }
    }
}

#[test]
fn every_payload_is_what_is_published() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("github/fixtures/webhooks.json");
    let published = fs::read_to_string(place).expect("a file");
    let published: Value = serde_json::from_str(&published).expect("JSON");
    let mut validators: BTreeMap<String, Validator> = BTreeMap::new();
    let mut wrong = BTreeSet::new();
    for (seed, lines) in AREAS.iter().copied().flatten() {
        let document = hooked(seed);
        let mut clone = check::open_at(Seed::Document(&document), base());
        replay(clone.as_mut(), lines, |line, delivery| {
            let name = delivery.event.replace(['.', '_'], "-");
            let schema = &published["webhooks"][&name];
            assert!(schema.is_object(), "{name} is not in webhooks.json");
            let validator = validators.entry(name.clone()).or_insert_with(|| {
                let schema = json!({"allOf": [schema], "$defs": published["$defs"]});
                jsonschema::validator_for(&schema).expect("a schema")
            });
            let body = serde_json::from_slice(&delivery.body.wire).expect("JSON");
            for error in validator.iter_errors(&body).take(5) {
                let text: String = error.to_string().chars().take(200).collect();
                wrong.insert(format!(
                    "{name} {}: {text} ({line:.90})",
                    error.instance_path()
                ));
            }
        });
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = published["webhooks"].as_object().expect("an object");
    let missing: Vec<&String> = all
        .keys()
        .filter(|name| !validators.contains_key(*name))
        .collect();
    assert_eq!(missing, UNREACHED);
}

/// What a call tells: the webhook, the event, and the headers that a receiver looks at.
fn told(clone: &mut dyn ServiceClone, line: &str) -> Vec<String> {
    let response = send(clone, line);
    let one = |delivery: &Delivery| format!("{} {}", delivery.hook, delivery.event);
    response.deliveries.iter().map(one).collect()
}

/// A repository with a webhook for issues in JSON, a form for everything, and one that is off.
fn document() -> Value {
    json!({
        "actor": "mona",
        "users": [{"login": "mona"}],
        "repos": [{"full_name": "mona/app", "files": {"a": "a\n"}}],
        "hooks": [
            {"repo": "mona/app", "id": 1, "url": "http://127.0.0.1:4000/json", "events": ["issues"],
             "content_type": "json", "secret": "It's a Secret to Everybody"},
            {"repo": "mona/app", "id": 2, "url": "http://127.0.0.1:4000/form", "events": ["*"]},
            {"repo": "mona/app", "id": 3, "url": "http://127.0.0.1:4000/off", "events": ["*"],
             "active": false},
        ],
    })
}

const ISSUE: &str = r#"POST /repos/mona/app/issues {"title":"Broken"}"#;

#[test]
fn webhooks_are_told_of_what_they_ask_for() {
    let document = document();
    let mut clone = check::open_at(Seed::Document(&document), base());
    let mut tell = |line: &str| told(clone.as_mut(), line).join(", ");
    assert_eq!(
        tell(ISSUE),
        "mona/app:1 issues.opened, mona/app:2 issues.opened"
    );
    let star = "PUT /user/starred/mona/app";
    assert_eq!(tell(star), "mona/app:2 star.created");
    let put = r#"PUT /repos/mona/app/contents/b {"message":"b","content":"Yg=="}"#;
    assert_eq!(tell(put), "mona/app:2 push");
    assert_eq!(tell("GET /repos/mona/app/issues"), "");
    assert_eq!(
        tell(r#"PATCH /repos/mona/app/issues/1 {"state":"ajar"}"#),
        ""
    );
    assert_eq!(
        tell("POST /repos/mona/app/hooks/3/pings"),
        "mona/app:3 ping"
    );
    let new = r#"POST /repos/mona/app/hooks {"config":{"url":"http://127.0.0.1:4000/new"}}"#;
    let pinged = tell(new);
    assert!(
        pinged.ends_with(" ping") && !pinged.contains(','),
        "{pinged}"
    );
}

#[test]
fn deliveries_are_signed_and_written_as_the_webhook_says() {
    let document = document();
    let mut clone = check::open_at(Seed::Document(&document), base());
    let response = send(clone.as_mut(), ISSUE);
    let [json, form] = &response.deliveries[..] else {
        panic!("two deliveries");
    };
    let header = |delivery: &Delivery, name: &str| {
        let mut all = delivery.headers.iter().chain(&delivery.volatile_headers);
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(
        header(json, "content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(header(json, "x-github-event").as_deref(), Some("issues"));
    assert_eq!(header(json, "x-github-hook-id").as_deref(), Some("1"));
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(header(form, "content-type").as_deref(), Some(kind));
    assert_eq!(header(form, "x-hub-signature-256"), None);
    assert!(
        form.body
            .wire
            .starts_with(b"payload=%7B%22action%22%3A%22opened%22")
    );
    assert!(header(json, "x-hub-signature-256").is_some_and(|value| value.starts_with("sha256=")));
    assert!(header(json, "x-hub-signature").is_some_and(|value| value.starts_with("sha1=")));
}

#[test]
fn the_signature_is_the_one_that_github_documents() {
    let signed = super::signatures(Some("It's a Secret to Everybody"), b"Hello, World!");
    let documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(signed[1], ("x-hub-signature-256", documented.to_owned()));
    assert_eq!(super::signatures(None, b"Hello, World!"), []);
}

#[test]
fn deliveries_are_lost_and_doubled_on_purpose() {
    let document = document();
    for (effect, count) in [
        (FaultEffect::WebhookLost, 0),
        (FaultEffect::WebhookTwice, 4),
    ] {
        let mut clone = check::open_at(Seed::Document(&document), base());
        clone.trouble(Trouble {
            faults: vec![Fault {
                operation: "issues/create".to_owned(),
                nth: Some(1),
                effect,
            }],
            rate_limit: None,
        });
        let told = told(clone.as_mut(), ISSUE);
        assert_eq!(told.len(), count, "{told:?}");
        assert_eq!(self::told(clone.as_mut(), ISSUE).len(), 2);
    }
}

#[test]
fn the_same_calls_leave_the_same_evidence_at_another_time() {
    let document = document();
    let deliveries = |later: i64| {
        let base = base() + SignedDuration::from_hours(later);
        let mut clone = check::open_at(Seed::Document(&document), base);
        let lines = [
            ISSUE,
            r#"POST /repos/mona/app/issues/1/comments {"body":"Yes"}"#,
        ];
        let calls = lines.iter().flat_map(|line| {
            let now = base + SignedDuration::from_secs(7 + later);
            clone.call(&request(line), now).deliveries
        });
        calls.collect::<Vec<Delivery>>()
    };
    let (now, later) = (deliveries(0), deliveries(1000));
    assert_eq!(now.len(), 3);
    for (now, later) in now.iter().zip(&later) {
        assert_eq!((&now.id, &now.headers), (&later.id, &later.headers));
        assert_eq!(now.body.evidence, later.body.evidence);
        assert_ne!(now.body.wire, later.body.wire);
    }
}

#[test]
fn what_became_of_deliveries_is_told_newest_first_and_sent_once_more() {
    let document = json!({
        "actor": "me",
        "users": [{"login": "me"}],
        "repos": [{"full_name": "me/mine", "files": {"a": "one"}}],
        "hooks": [
            {"repo": "me/mine", "id": 7, "url": "http://127.0.0.1:4000/", "events": ["issues"],
             "content_type": "form", "secret": "s3cret"},
            {"repo": "me/mine", "id": 8, "url": "http://127.0.0.1:4001/", "events": ["push"]},
        ],
    });
    let mut clone = check::open_at(Seed::Document(&document), base());
    for title in ["One", "Two", "Three"] {
        let made = send(
            clone.as_mut(),
            &format!(r#"POST /repos/me/mine/issues {{"title":"{title}"}}"#),
        );
        assert_eq!(made.deliveries.len(), 1);
    }
    let hook = "/repos/me/mine/hooks/7/deliveries";
    let all = check::json(&send(clone.as_mut(), &format!("GET {hook}")));
    assert_eq!(all.as_array().map(Vec::len), Some(3));
    // Page by page each is there once.
    let mut ids = Vec::new();
    let mut next = format!("{hook}?per_page=2");
    for size in [2, 1] {
        let page = send(clone.as_mut(), &format!("GET {next}"));
        let rows = check::json(&page);
        let rows = rows.as_array().expect("a list");
        assert_eq!(rows.len(), size);
        ids.extend(rows.iter().map(|row| row["id"].clone()));
        let link = page.headers.iter().find(|(name, _)| *name == "link");
        let Some((_, link)) = link else { break };
        let to = link.trim_start_matches("<https://api.github.com");
        next = to.split_once('>').expect("a target").0.to_owned();
    }
    let of = |row: &Value| row["id"].clone();
    let expected: Vec<Value> = all.as_array().expect("a list").iter().map(of).collect();
    assert_eq!(ids, expected);
    let none = send(clone.as_mut(), &format!("GET {hook}?status=failure"));
    assert_eq!(check::json(&none), json!([]));
    // One of them whole: as it was sent, and what was answered.
    let newest = format!("{hook}/{}", ids[0]);
    let one = send(clone.as_mut(), &format!("GET {newest}"));
    let told = check::json(&one);
    assert_eq!(told["request"]["payload"]["issue"]["title"], "Three");
    assert_eq!(told["request"]["headers"]["X-GitHub-Event"], "issues");
    let signature = &told["request"]["headers"]["X-Hub-Signature-256"];
    assert!(
        signature.as_str().is_some_and(|text| text.len() == 71),
        "{told}"
    );
    assert_eq!(told["response"]["payload"], "taken");
    assert_eq!(
        (&told["status"], &told["duration"]),
        (&json!("OK"), &json!(0.27))
    );
    let evidence = String::from_utf8_lossy(&one.body.evidence);
    assert!(evidence.contains(r#""delivered_at":"+run""#), "{evidence}");
    assert!(!evidence.contains("Hub-Signature"), "{evidence}");
    // Once more: nothing else changes, and the new attempt is another of the same delivery.
    let again = send(clone.as_mut(), &format!("POST {newest}/attempts"));
    assert_eq!((again.status, again.changes.len()), (202, 0));
    assert_eq!(again.deliveries.len(), 1);
    let all = check::json(&send(clone.as_mut(), &format!("GET {hook}")));
    assert_eq!(all[0]["redelivery"], true);
    assert_eq!(all[0]["guid"], all[1]["guid"]);
    assert_ne!(all[0]["id"], all[1]["id"]);
    // Another webhook's are not this one's; a test of pushes is for those that are told of them.
    let others = "/repos/me/mine/hooks/8";
    let none = check::json(&send(clone.as_mut(), &format!("GET {others}/deliveries")));
    assert_eq!(none, json!([]));
    let foreign = send(
        clone.as_mut(),
        &format!("GET {others}/deliveries/{}", ids[0]),
    );
    assert_eq!(foreign.status, 404);
    let pushed = send(clone.as_mut(), &format!("POST {others}/tests"));
    let events: Vec<&str> = pushed
        .deliveries
        .iter()
        .map(|one| one.event.as_str())
        .collect();
    assert_eq!((pushed.status, events), (204, vec!["push"]));
    let unasked = send(clone.as_mut(), "POST /repos/me/mine/hooks/7/tests");
    assert_eq!((unasked.status, unasked.deliveries.len()), (204, 0));
    // They are no part of the state.
    clone.reset();
    let gone = check::json(&send(clone.as_mut(), &format!("GET {hook}")));
    assert_eq!(gone, json!([]));
}
