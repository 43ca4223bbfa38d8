//! What is remembered is what is found out anew, and no more than is bounded.

use super::*;
use archal_core::redact::{Literals, RedactionOptions, Redactor};
use serde_json::json;

struct Rules {
    redactor: Redactor,
    literals: Literals,
}

impl Rules {
    fn new() -> Self {
        let options = RedactionOptions {
            personal: true,
            ..RedactionOptions::default()
        };
        let redactor = Redactor::with_options([1; 32], [], &options).expect("usable");
        let literals = Literals::new(&redactor, ["acme-9f37bc2e"]);
        Self { redactor, literals }
    }

    fn clean(&self) -> Clean<'_> {
        Clean {
            redactor: &self.redactor,
            literals: &self.literals,
        }
    }

    fn alone(&self, evidence: &[u8]) -> String {
        record::body(evidence, self.clean(), &mut RedactionCounts::new()).to_string()
    }
}

fn body(evidence: impl Into<Vec<u8>>) -> Rendered {
    Bytes::from(evidence.into()).into()
}

fn deep(levels: usize) -> String {
    format!("{{\"b\":{}{}}}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn every_body_comes_to_what_it_comes_to_alone_the_second_time_too() {
    let rules = Rules::new();
    let mut remembered = Remembered::default();
    let object = json!({"z": 1, "password": "hunter2hunter2", "a": "is acme-9f37bc2e", "acme-9f37bc2e": null,
        "author": {"name": "Ann Example", "email": "ann@example.com"},
        "inner": "{\"client_secret\":\"s3cr3t-s3cr3t\"}", "n": 1e3});
    let pretty = serde_json::to_string_pretty(&json!([object, object])).expect("JSON");
    let bodies = [
        String::new(),
        "hello".to_owned(),
        "\"a text\"".to_owned(),
        "17".to_owned(),
        object.to_string(),
        format!(" {object} "),
        format!("[{object},{object},{{}}]"),
        pretty,
        format!("[{object},1]"),
        "[]".to_owned(),
        "[{}]".to_owned(),
        "[\"authorization\",\"Bearer abcdefgh12345678\"]".to_owned(),
        // None of these is JSON, so they are text.
        "{},{}".to_owned(),
        "{} ] , [ {}".to_owned(),
        "{\"a\":1".to_owned(),
        "[{\"a\":1},]".to_owned(),
        "[{\"a\":}]".to_owned(),
        // As deep as is read, and deeper.
        deep(125),
        deep(126),
        deep(127),
        format!("[{}]", deep(124)),
        format!("[{}]", deep(125)),
        format!("[{}]", deep(126)),
        format!("[{{\"a\":1}},{}]", deep(125)),
        // The second of two members of one name counts.
        "{\"a\":1,\"a\":\"acme-9f37bc2e\"}".to_owned(),
    ];
    for _ in 0..2 {
        for text in &bodies {
            let given = body(text.as_bytes());
            let (encoded, _) = remembered.body(&given, rules.clean());
            assert_eq!(encoded.get(), rules.alone(text.as_bytes()), "{text}");
            assert!(!encoded.get().contains("acme-9f"), "{text}");
        }
    }
    let bytes = b"[{\"a\":\"\xff\"}]";
    let (encoded, _) = remembered.body(&body(&bytes[..]), rules.clean());
    assert_eq!(encoded.get(), rules.alone(bytes));
    assert!(remembered.parts.len() > 5);
}

#[test]
fn a_body_is_known_by_where_it_is_only_while_it_stays_there() {
    let rules = Rules::new();
    let mut remembered = Remembered::default();
    let at = |time: &str| Bytes::from(format!("[{{\"at\":\"{time}\"}}]"));
    let given = Rendered {
        wire: at("2026-01-01T00:00:00Z"),
        evidence: at("+run"),
    };
    let exact = vec!["2026-01-01T00:00:00Z".to_owned()];
    let held = given.clone();
    assert_eq!(remembered.body(&given, rules.clean()).1, exact);
    let first = remembered.body(&given, rules.clean());
    assert_eq!(first.1, exact);
    assert!(Arc::ptr_eq(
        &first.0,
        &remembered.body(&held, rules.clean()).0
    ));
    // The same evidence for other bytes has other times.
    let other = Rendered {
        wire: at("2026-01-02T00:00:00Z"),
        ..given.clone()
    };
    assert_eq!(
        remembered.body(&other, rules.clean()).1,
        ["2026-01-02T00:00:00Z"]
    );
    // Whoever alone holds one can let it go, and another may be in its place.
    let before = remembered.bodies.len();
    remembered.body(&body("[1]"), rules.clean());
    for number in 0..3 * BODIES {
        let given = body(format!("[{number}]"));
        let _held = given.clone();
        remembered.body(&given, rules.clean());
    }
    assert!(before < BODIES && remembered.bodies.len() == BODIES);
}

#[test]
fn headers_come_to_what_they_come_to_alone() {
    let rules = Rules::new();
    let mut remembered = Remembered::default();
    let mut counts = RedactionCounts::new();
    for (name, value) in [
        ("authorization", "Bearer abcdefgh12345678"),
        ("x-note", "Bearer abcdefgh12345678"),
        ("authorization", "Bearer other"),
        ("link", "<https://u:p@h.example/?access_token=t>"),
    ] {
        let mut alone = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        rules
            .redactor
            .headers(&mut alone, &mut RedactionCounts::new());
        for _ in 0..2 {
            let said = remembered.header(name, value.to_owned(), rules.clean(), &mut counts);
            assert_eq!(said, alone[name], "{name}: {value}");
        }
    }
}

#[test]
fn what_is_remembered_is_bounded_in_bytes() {
    let rules = Rules::new();
    let mut remembered = Remembered::default();
    let mut counts = RedactionCounts::new();
    let long = "x".repeat(100 * 1024);
    for number in 0..100 {
        let given = body(format!("[{{\"a\":\"{long}{number}\"}}]"));
        remembered.body(&given, rules.clean());
        remembered.header("x", format!("{long}{number}"), rules.clean(), &mut counts);
    }
    let parts = remembered.parts.iter();
    let parts: usize = parts.map(|(given, said)| given.len() + said.len()).sum();
    let headers = remembered.headers.values().flatten();
    let headers: usize = headers.map(|(given, said)| given.len() + said.len()).sum();
    assert!((1..=PARTS).contains(&parts) && (1..=HEADERS).contains(&headers));
    remembered.forget();
    assert!(remembered.parts.is_empty() && remembered.headers.is_empty());
}
