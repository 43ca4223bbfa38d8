//! Bounds of what is put together from traces that claim much.

use std::collections::BTreeMap;

use archal_core::clone::CloneDescriptor;
use archal_core::trace::{HttpExchange, Span, SpanKind, Trace};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::reconstruct::tools::Tools;
use crate::reconstruct::{Context, Reconstruction, reconstruct};

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
        owned: &[],
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
