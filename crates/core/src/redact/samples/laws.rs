//! What holds for any input.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{PLACES, holds};
use crate::redact::{Form, RedactionCounts, RedactionOptions, Redactor, SecretPattern};

static PLAIN: LazyLock<Redactor> = LazyLock::new(|| Redactor::new([7; 32], ["id", "cursor"]));

/// With everything that a user can switch on.
static PERSONAL: LazyLock<Redactor> = LazyLock::new(|| {
    let options = RedactionOptions {
        personal: true,
        patterns: vec![SecretPattern {
            id: "acme".to_owned(),
            regex: "acme[0-9]{6}".to_owned(),
            secret_group: None,
        }],
        allow: vec!["hunter2".to_owned()],
    };
    Redactor::with_options([7; 32], ["id"], &options).expect("patterns")
});

/// Pieces from which secrets, half secrets and look-alikes are made.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("password".to_owned()),
        Just("Authorization: Bearer ".to_owned()),
        Just("api_key".to_owned()),
        Just("=".to_owned()),
        Just(": ".to_owned()),
        Just("\"".to_owned()),
        Just("\\\"".to_owned()),
        Just("\n".to_owned()),
        Just(" ".to_owned()),
        Just("&token=".to_owned()),
        Just("https://u:p4ss@h.example/?sig=".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        Just("ghp_".to_owned()),
        Just("sk_live_".to_owned()),
        Just("[redacted:0123abcd]".to_owned()),
        Just("redacted".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("ada@example.com".to_owned()),
        Just("acme123456".to_owned()),
        Just("curl -u a:".to_owned()),
        Just("Set-Cookie: a=".to_owned()),
        Just("é«".to_owned()),
        "[a-zA-Z0-9]{1,44}",
        "[ -~]{1,8}",
        "\\PC{1,4}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..14).prop_map(|pieces| pieces.concat())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(|text| json!({"password": text}).to_string().into()),
    ];
    let name = prop_oneof![
        Just("password".to_owned()),
        Just("id".to_owned()),
        Just("name".to_owned()),
        Just("value".to_owned()),
        Just("login".to_owned()),
        Just("stripe_api_key".to_owned()),
        Just("token".to_owned()),
        "[a-z]{1,6}",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn text_that_was_redacted_has_nothing_left_to_redact(text in text()) {
        for redactor in [&*PLAIN, &*PERSONAL] {
            let once = redactor.text(&text, &mut RedactionCounts::new());
            let mut counts = RedactionCounts::new();
            let twice = redactor.text(&once, &mut counts);
            prop_assert_eq!(&once, &twice, "{:?} {:?}", text, counts);
        }
    }

    #[test]
    fn a_document_that_was_redacted_has_nothing_left_to_redact(value in json_value()) {
        for redactor in [&*PLAIN, &*PERSONAL] {
            let once = redactor.document(&format!("{value:#}"));
            prop_assert_eq!(once.form == Form::Json, value.is_object() || value.is_array() || value.is_string());
            let twice = redactor.document(&once.text);
            prop_assert_eq!(&once.text, &twice.text, "{:?}", twice.hits);
        }
    }

    #[test]
    fn json_stays_json_and_its_shape_stays(value in json_value()) {
        fn shape(before: &Value, after: &Value) -> bool {
            match (before, after) {
                (Value::Object(a), Value::Object(b)) => {
                    a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| shape(a, b)))
                }
                (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| shape(a, b)),
                // A secret that is no text becomes one.
                (_, Value::String(_)) => true,
                (a, b) => a == b,
            }
        }
        let redacted = PLAIN.document(&value.to_string());
        if redacted.form == Form::Json {
            let after: Value = serde_json::from_str(&redacted.text).expect("JSON");
            prop_assert!(shape(&value, &after), "{value} {after}");
        }
    }

    #[test]
    fn what_the_document_says_is_what_the_value_says(value in json_value()) {
        prop_assume!(value.is_object() || value.is_array());
        let mut walked = value.clone();
        PLAIN.value(&mut walked, &mut RedactionCounts::new());
        let written: Value = serde_json::from_str(&PLAIN.document(&format!("{value:#}")).text).expect("JSON");
        // The document's second pass may replace more, never less.
        let mut again = written.clone();
        PLAIN.value(&mut again, &mut RedactionCounts::new());
        prop_assert_eq!(&again, &written);
        if walked == value {
            prop_assert_eq!(written, value);
        }
    }

    #[test]
    fn words_and_numbers_are_never_changed(words in prop::collection::vec("[a-z]{1,9}|[0-9]{1,9}", 0..40)) {
        let text = words.join(" ");
        let mut counts = RedactionCounts::new();
        prop_assert_eq!(PLAIN.text(&text, &mut counts), text);
    }

    #[test]
    fn a_planted_token_never_survives(
        before in "[ -~]{0,20}[ (\"'=:,]",
        after in "|[ ),.;:'\"&\n][ -~]{0,20}",
        body in "[a-zA-Z0-9]{36}",
        place in 0..PLACES.len(),
    ) {
        // What has hardly any entropy is no token.
        prop_assume!(body.chars().collect::<std::collections::HashSet<_>>().len() > 12);
        let token = format!("ghp_{body}");
        let mut trace = PLACES[place].1(&format!("{before}{token}{after}"));
        PLAIN.trace(&mut trace, &mut RedactionCounts::new());
        let value = serde_json::to_value(&trace).expect("JSON");
        prop_assert!(!holds(&value, &body), "{}", value);
    }
}
