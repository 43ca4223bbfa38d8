//! Bounds of what is put together from traces that claim much.

use std::collections::BTreeMap;

use archal_core::clone::CloneDescriptor;
use archal_core::trace::{HttpExchange, Span, SpanKind, Trace};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::reconstruct::tools::Tools;
use crate::reconstruct::{Context, Owned, Reconstruction, reconstruct};

fn base() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("valid")
}

fn read(nth: usize, path: &str, body: Value) -> Span {
    Span {
        id: format!("s{nth}"),
        kind: SpanKind::Http,
        started_at: Some(base()),
        http: Some(HttpExchange {
            method: "GET".to_owned(),
            url: format!("https://api.github.com{path}"),
            status: Some(200),
            response_headers: BTreeMap::new(),
            response_body: Some(body),
            ..HttpExchange::default()
        }),
        ..Span::default()
    }
}

fn rebuilt(spans: Vec<Span>) -> Reconstruction {
    rebuilt_with(spans, &[])
}

fn rebuilt_with(spans: Vec<Span>, owned: &[Owned]) -> Reconstruction {
    let trace = Trace {
        id: "t".to_owned(),
        started_at: Some(base()),
        spans,
        ..Trace::default()
    };
    let clones: &[CloneDescriptor] = archal_clones::ALL;
    let context = Context {
        clones,
        tools: &Tools::default(),
        owned,
    };
    reconstruct(&trace, &context)
}

#[test]
fn pages_that_were_skipped_are_one_gap() {
    let list = |nth, page: &str| {
        let path = format!("/repos/acme/webapp/issues?state=open&page={page}&per_page=1");
        read(nth, &path, json!([]))
    };
    let pages = |numbers: &[&str]| -> Vec<String> {
        let spans = numbers.iter().enumerate();
        let out = rebuilt(spans.map(|(nth, page)| list(nth, page)).collect());
        let missing = out.missing.into_iter().map(|missing| missing.field);
        missing.filter(|field| field.starts_with("page ")).collect()
    };
    assert_eq!(pages(&["10000"]), ["page 1 to 9999"]);
    assert_eq!(pages(&["1", "3", "7"]), ["page 2", "page 4 to 6"]);
    let last = u64::MAX.to_string();
    assert_eq!(pages(&[&last]), [format!("page 1 to {}", u64::MAX - 1)]);
}

#[test]
fn calls_with_the_credentials_of_two_people_are_told_and_none_is_picked() {
    let user = |nth, login: &str| read(nth, "/user", json!({"login": login}));
    let one = rebuilt(vec![user(1, "mona"), user(2, "Mona")]);
    assert_eq!(one.seeds["github"]["actor"], "mona");
    assert!(one.missing.is_empty() && one.conflicts.is_empty());

    let spans = || vec![user(1, "mona"), user(2, "hubot"), user(3, "mona")];
    let two = rebuilt(spans());
    let [missing] = &*two.missing else {
        panic!("{:?}", two.missing);
    };
    assert_eq!(
        (missing.entity.as_str(), missing.span.as_str()),
        ("actor", "s2")
    );
    for part in ["\"mona\" (span s1)", "\"hubot\" (span s2)"] {
        assert!(missing.why.contains(part), "{missing:?}");
    }
    assert_eq!(two.conflicts.len(), 1);

    // Who knows whose state it is says so.
    let owned = [Owned {
        origin: "archal/seeds/github.json".to_owned(),
        clone: "github".to_owned(),
        document: json!({"actor": "hubot"}),
    }];
    let said = rebuilt_with(spans(), &owned);
    assert_eq!(said.seeds["github"]["actor"], "hubot");
    assert_eq!(said.missing, []);
    assert_eq!(said.conflicts.len(), 1);
}
