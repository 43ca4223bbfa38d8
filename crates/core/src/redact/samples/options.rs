//! What a user can add, and the placeholders.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::generator::Numbers;
use crate::redact::{
    Form, PatternError, RedactionCounts, RedactionOptions, Redactor, SecretPattern,
};
use crate::trace::Trace;

fn with(options: &RedactionOptions) -> Redactor {
    Redactor::with_options([7; 32], ["id", "login", "name"], options).expect("patterns")
}

fn pattern(regex: &str, secret_group: Option<usize>) -> SecretPattern {
    SecretPattern {
        id: "acme".to_owned(),
        regex: regex.to_owned(),
        secret_group,
    }
}

#[test]
fn patterns_of_the_user_are_found_and_counted() {
    let redactor = with(&RedactionOptions {
        patterns: vec![pattern("badge (B-[0-9]{4})", Some(1))],
        ..RedactionOptions::default()
    });
    let mut value = json!({"text": "your badge B-1234, and badge B-12"});
    let mut counts = RedactionCounts::new();
    redactor.value(&mut value, &mut counts);
    let put = redactor.placeholder("B-1234");
    assert_eq!(
        value,
        json!({"text": format!("your badge {put}, and badge B-12")})
    );
    assert_eq!(counts, [("rule:acme".to_owned(), 1)].into());
}

#[test]
fn what_is_allowed_is_no_secret_for_any_rule() {
    let redactor = with(&RedactionOptions {
        allow: vec!["test-[a-z]+".to_owned(), "a+b".to_owned()],
        ..RedactionOptions::default()
    });
    let mut value = json!({
        "password": "test-only", "secret": "a+b", "url": "https://h.example/?token=test-x",
        "text": "password=test-me!", "client_secret": "xtest-only", "cookie": "aab",
    });
    let mut counts = RedactionCounts::new();
    redactor.value(&mut value, &mut counts);
    assert_eq!(value["password"], "test-only");
    assert_eq!(value["secret"], "a+b");
    assert_eq!(value["url"], "https://h.example/?token=test-x");
    assert_ne!(value["client_secret"], "xtest-only");
    let fired: Vec<&str> = counts.keys().map(String::as_str).collect();
    // `aab` is matched by the expression `a+b`.
    assert_eq!(fired, ["key:clientsecret", "key:password"]);
}

#[test]
fn patterns_that_cannot_be_used_are_all_told() {
    let options = RedactionOptions {
        patterns: vec![
            pattern("(", None),
            pattern("a*", None),
            pattern("a(b)", Some(2)),
            pattern("(?:[a-z]{900}){900}", None),
            pattern("(?=a)b", None),
            SecretPattern {
                id: "two words".to_owned(),
                ..pattern("a", None)
            },
        ],
        allow: vec!["[".to_owned()],
        ..RedactionOptions::default()
    };
    let errors = Redactor::with_options([7; 32], [], &options).expect_err("refused");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    the pattern `acme` is no expression that can be used: unclosed group
    the pattern `acme` matches the empty text, so it would match everywhere
    the pattern `acme` has no group 2, it has 1
    the pattern `acme` is no expression that can be used: it is too large; use shorter repetitions
    the pattern `acme` is no expression that can be used: look-around, including look-ahead and look-behind, is not supported
    `two words` is no id: letters, digits, `-`, `_` and `.`, at most 64
    the entry `[` is no expression that can be used: unclosed character class
    ");
    assert!(matches!(errors[5], PatternError::Id { at: 5, .. }));
}

#[test]
fn people_get_one_pseudonym_each_wherever_they_stand() {
    let redactor = with(&RedactionOptions {
        personal: true,
        ..RedactionOptions::default()
    });
    let mut trace = Trace {
        user_id: Some("ada.l".to_owned()),
        input: Some("Ask @octo-cat or Ada@Example.com about octo-cats".into()),
        output: Some(json!({
            "user": {"login": "octo-cat", "name": "Octo Cat", "email": "ada@example.com"},
            "owner": {"login": "acme", "type": "Organization"},
            "url": "https://api.github.com/users/octo-cat",
            "repo": {"name": "octo"},
        })),
        ..Trace::default()
    };
    let mut counts = RedactionCounts::new();
    redactor.trace(&mut trace, &mut counts);
    let text = serde_json::to_string(&trace).expect("JSON");
    for gone in [
        "ada.l",
        "@octo-cat ",
        "Ada@",
        "ada@",
        "Octo Cat",
        "users/octo-cat",
    ] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    for stays in ["octo-cats", "acme", "\"octo\""] {
        assert!(text.contains(stays), "{stays}: {text}");
    }
    let output = trace.output.clone().expect("an output");
    let login = output["user"]["login"].as_str().expect("a login");
    let email = output["user"]["email"].as_str().expect("an address");
    assert_eq!(
        output["url"],
        json!(format!("https://api.github.com/users/{login}"))
    );
    assert_eq!(
        trace.input,
        Some(json!(format!("Ask @{login} or {email} about octo-cats")))
    );
    assert!(email.ends_with("@redacted.example"), "{email}");
    assert_eq!(counts["personal:email"], 2);
    let once = trace.clone();
    redactor.trace(&mut trace, &mut RedactionCounts::new());
    assert_eq!(trace, once);
    // By default people stay.
    let mut value = json!({"login": "octo-cat", "text": "ada@example.com"});
    with(&RedactionOptions::default()).value(&mut value, &mut RedactionCounts::new());
    assert_eq!(
        value,
        json!({"login": "octo-cat", "text": "ada@example.com"})
    );
}

const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[test]
fn placeholders_keep_the_format_that_clones_look_at() {
    let redactor = Redactor::new([7; 32], []);
    let mut numbers = Numbers::new(2);
    let mut random = |length| numbers.text(ALNUM, length);
    let expressions = [
        (format!("ghp_{}", random(36)), "^ghp_[0-9a-zA-Z]{36}$"),
        (format!("ghs_{}", random(36)), "^ghs_[0-9a-zA-Z]{36}$"),
        (
            format!("github_pat_{}", random(82)),
            "^github_pat_[0-9a-zA-Z_]{82}$",
        ),
        (format!("glpat-{}", random(20)), "^glpat-[0-9a-zA-Z_-]{20}$"),
        (
            format!("lin_api_{}", random(40)),
            "^lin_api_[0-9a-zA-Z]{40}$",
        ),
        (
            format!("sk_test_{}", random(24)),
            "^sk_test_[0-9a-zA-Z]{24}$",
        ),
        (
            format!("rk_live_{}", random(99)),
            "^rk_live_[0-9a-zA-Z]{24}$",
        ),
        (format!("whsec_{}", random(32)), "^whsec_[0-9a-zA-Z]{24}$"),
        (
            format!("xoxb-123456789012-123456789012-{}", random(24)),
            "^xoxb-[0-9]{10}-[0-9]{10}-[0-9a-zA-Z]{28}$",
        ),
        (
            format!("xoxp-123456789012-123456789012-123456789012-{}", random(32)),
            "^xoxp-[0-9]{10}-[0-9]{10}-[0-9]{10}-[0-9a-zA-Z]{28}$",
        ),
        (
            format!("xapp-1-A0123456789-123456789012-{}", random(64)),
            "^xapp-1-A[0-9]+-[0-9]{10}-[0-9a-zA-Z]+$",
        ),
        (
            format!(
                "https://hooks.slack.com/services/T0123456/B0123456/{}",
                random(24)
            ),
            "^https://hooks.slack.com/services/T[0-9]+/B[0-9]+/[0-9a-zA-Z]{24}$",
        ),
        (
            format!("eyJ{}.eyJ{}.{}", random(33), random(60), random(43)),
            r"^ey[0-9a-zA-Z]{17,}\.ey[0-9a-zA-Z]{17,}\.[0-9a-zA-Z_-]{10,}$",
        ),
        (random(36), r"^\[redacted:[0-9a-f]{8}\]$"),
        (format!("ghp_{}", random(37)), r"^\[redacted:[0-9a-f]{8}\]$"),
    ];
    for (secret, expression) in &expressions {
        let put = redactor.placeholder(secret);
        let fits = regex::Regex::new(expression)
            .expect("an expression")
            .is_match(&put);
        assert!(fits, "{put} is no {expression}");
        assert_ne!(&put, secret);
        assert_eq!(put, redactor.placeholder(secret));
        assert_ne!(put, Redactor::new([8; 32], []).placeholder(secret));
        // It is no secret to anything, whatever it stands under.
        let before = json!({
            "password": put, "text": format!("use {put} now"), "form": format!("token={put}&a=b"),
            "header": format!("Authorization: Bearer {put}"), "stripe_key": put,
        });
        let mut value = before.clone();
        let mut counts = RedactionCounts::new();
        redactor.value(&mut value, &mut counts);
        assert_eq!(value, before, "{counts:?}");
    }
}

#[test]
fn what_looks_like_a_placeholder_and_is_none_is_a_secret() {
    let redactor = Redactor::new([7; 32], []);
    for secret in [
        "[redacted:hunter22",
        "ghp_redactedhunter22",
        "redacted-hunter22",
        "xredacted00112233",
    ] {
        let mut value = json!({"password": secret});
        redactor.value(&mut value, &mut RedactionCounts::new());
        assert_ne!(value["password"], json!(secret));
    }
}

#[test]
fn a_secret_has_one_placeholder_however_it_was_found() {
    let redactor = Redactor::new([7; 32], []);
    let token = format!("ghp_{}", Numbers::new(4).text(ALNUM, 36));
    let put = redactor.placeholder(&token);
    let mut value = json!({
        "authorization": format!("Bearer {token}"), "text": format!("I used {token}."),
        "url": format!("https://h.example/?access_token={token}"), "log": format!("GH_TOKEN={token}\n"),
    });
    redactor.value(&mut value, &mut RedactionCounts::new());
    assert_eq!(
        value,
        json!({
            "authorization": format!("Bearer {put}"), "text": format!("I used {put}."),
            "url": format!("https://h.example/?access_token={put}"), "log": format!("GH_TOKEN={put}\n"),
        })
    );
}

#[test]
fn of_a_json_file_only_secrets_change() {
    let redactor = Redactor::new([7; 32], []);
    let put = redactor.placeholder("hunter2");
    let text = "{ \"b\":1.50,\"a\" : [ 12345678901234567890123, \"\\u0041\", {\"password\":\"hunter2\"} ],\n\t\"password\": 7 }\n";
    let redacted = redactor.document(text);
    assert_eq!(redacted.form, Form::Json);
    let seven = redactor.placeholder("7");
    assert_eq!(
        redacted.text,
        text.replace("hunter2", &put)
            .replace(": 7 ", &format!(": \"{seven}\" "))
    );
    let places: Vec<String> = redacted.hits.iter().map(|hit| hit.path.join("/")).collect();
    assert_eq!(places, ["a/2/password", "password"]);

    let twice = "{\"password\": \"hunter2\", \"password\": null}";
    assert!(!redactor.document(twice).text.contains("hunter2"));

    let lines = "{\"a\": 1}\n\n{\"password\": \"hunter2\"}\n";
    let redacted = redactor.document(lines);
    assert_eq!(redacted.form, Form::JsonLines);
    assert_eq!(redacted.text, lines.replace("hunter2", &put));
    assert_eq!(redacted.hits[0].line, 3);

    let log = "line\npassword=hunter2\n";
    let redacted = redactor.document(log);
    assert_eq!(
        (redacted.form, redacted.text),
        (Form::Text, log.replace("hunter2", &put))
    );
    assert_eq!((redacted.hits[0].line, redacted.hits[0].column), (2, 9));
}

#[test]
fn hits_of_a_batch_are_counted_by_trace_and_never_hold_the_secret() {
    let redactor = Redactor::new([7; 32], ["id"]);
    let text = json!({
        "schema": "archal.trace.upload-batch", "version": 1, "complete": true,
        "traces": [{"id": "t-1", "input": "x"}, {"id": "t-2", "input": {"password": "hunter2hunter2"}, "output": "hunter2hunter2"}],
    });
    let redacted = redactor.document(&text.to_string());
    let counts: BTreeMap<&str, u64> = redacted
        .traces
        .iter()
        .map(|trace| (trace.id.as_str(), trace.counts.values().sum()))
        .collect();
    assert_eq!(counts, [("t-1", 0), ("t-2", 2)].into());
    assert!(!format!("{redacted:?}").contains("hunter2"));
    let read: Value = serde_json::from_str(&redacted.text).expect("JSON");
    assert_eq!(
        read["traces"][1]["output"],
        read["traces"][1]["input"]["password"]
    );
}

#[test]
fn what_stands_for_an_address_is_no_token() {
    let redactor = with(&RedactionOptions {
        personal: true,
        ..RedactionOptions::default()
    });
    let once = redactor.document(r#"{"token": "ada@example.com"}"#).text;
    assert!(once.contains("@redacted.example"), "{once}");
    assert_eq!(redactor.document(&once).text, once);
}
