//! What is no secret stays as it is: files of this repository, and made-up ids, hashes, cursors,
//! images and log lines.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::generator::Numbers;
use super::tests::figure;
use crate::redact::{RedactionCounts, Redactor};

fn redactor() -> Redactor {
    Redactor::new([7; 32], ["node_id", "id"])
}

/// Prose, generated references, lock files, published schemas: nothing in them is a secret.
const FILES: &[&str] = &[
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "README.md",
    "THIRD-PARTY.md",
    "clones/github/fixtures/responses/issues.json",
    "clones/github/published.rs",
    "crates/core/src/clone/mod.rs",
    "crates/core/src/trace.rs",
    "docs/attach.md",
    "docs/evidence.md",
    "docs/limits.md",
    "docs/reference/cli.md",
    "docs/reference/trace.schema.json",
    "docs/scenarios.md",
    "examples/issue-janitor/agent.py",
    "tests/clients/js/package-lock.json",
];

#[test]
fn files_without_secrets_stay_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut bytes, mut wrong) = (0, Vec::new());
    for file in FILES {
        let text = fs::read_to_string(root.join(file)).expect(file);
        bytes += text.len();
        let redacted = redactor().document(&text);
        wrong.extend(redacted.hits.iter().map(|hit| format!("{file}: {hit:?}")));
        if redacted.hits.is_empty() {
            assert_eq!(redacted.text, text, "{file}");
        }
    }
    figure(&format!(
        "false positives in {} files ({} KB): {}",
        FILES.len(),
        bytes / 1000,
        wrong.len()
    ));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const HEX: &str = "0123456789abcdef";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn uuid(numbers: &mut Numbers) -> String {
    [8, 4, 4, 4, 12]
        .map(|length| numbers.text(HEX, length))
        .join("-")
}

type Maker = fn(&mut Numbers) -> String;

/// What looks random and is none of a secret's business.
const MAKERS: &[(&str, Maker)] = &[
    ("uuid", uuid),
    ("sha1", |numbers| numbers.text(HEX, 40)),
    ("sha256", |numbers| {
        format!("sha256:{}", numbers.text(HEX, 64))
    }),
    ("md5", |numbers| numbers.text(HEX, 32)),
    ("integrity", |numbers| {
        format!("sha512-{}==", numbers.text(BASE64, 86))
    }),
    ("image", |numbers| {
        format!("data:image/png;base64,{}", numbers.text(BASE64, 600))
    }),
    ("cursor", |numbers| {
        format!("Y3Vyc29y{}==", numbers.text(ALNUM, 22))
    }),
    ("node id", |numbers| {
        format!("I_kwDO{}", numbers.text(ALNUM, 12))
    }),
    ("number", |numbers| numbers.text("0123456789", 18)),
    ("ulid", |numbers| {
        numbers.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26)
    }),
    ("stripe id", |numbers| {
        format!("cus_{}", numbers.text(ALNUM, 14))
    }),
    ("call id", |numbers| {
        format!("call_{}", numbers.text(ALNUM, 24))
    }),
    ("issue key", |numbers| {
        format!("PROJ-{}", numbers.text("123456789", 4))
    }),
    ("commit URL", |numbers| {
        format!(
            "https://api.github.com/repos/acme/webapp/commits/{}",
            numbers.text(HEX, 40)
        )
    }),
    ("page URL", |numbers| {
        format!(
            "https://api.github.com/repositories/1/issues?after={}&per_page=30",
            numbers.text(ALNUM, 32)
        )
    }),
];

/// Names under which such values stand.
const NAMES: &[&str] = &[
    "id",
    "sha",
    "node_id",
    "cursor",
    "next_cursor",
    "nextPageToken",
    "etag",
    "digest",
    "integrity",
    "commit",
    "url",
    "request_id",
    "trace_id",
    "tool_call_id",
    "idempotency_key",
    "checksum",
    "version",
    "image",
    "author",
    "thumbnail",
    "parent",
    "ref",
    "number",
    "value",
    "data",
    "content",
];

/// Names that sound like a secret and often are none.
const SUSPICIOUS: &[&str] = &[
    "key",
    "keys",
    "token_id",
    "access",
    "primary_key",
    "author_key",
    "api",
];

#[test]
fn ids_hashes_and_cursors_are_no_secrets() {
    let redactor = redactor();
    let mut numbers = Numbers::new(3);
    let check = |value: Value, wrong: &mut Vec<String>| {
        let mut clean = value.clone();
        redactor.value(&mut clean, &mut RedactionCounts::new());
        if clean != value {
            wrong.push(value.to_string());
        }
    };
    let (mut tried, mut wrong) = (0, Vec::new());
    let (mut suspicious, mut hidden) = (0, Vec::new());
    for (what, make) in MAKERS {
        for _ in 0..20 {
            for name in NAMES {
                tried += 2;
                check(json!({*name: make(&mut numbers)}), &mut wrong);
                check(json!([{"items": [make(&mut numbers)]}]), &mut wrong);
            }
            for name in SUSPICIOUS {
                suspicious += 1;
                check(json!({*name: make(&mut numbers)}), &mut hidden);
            }
            for sentence in [
                format!("Fixed in {}, see the notes.", make(&mut numbers)),
                format!("{what}: {}", make(&mut numbers)),
                format!(
                    "2026-03-01T12:00:00Z INFO request {} took 12 ms",
                    make(&mut numbers)
                ),
                format!("x = {}\ny = \"{}\"", make(&mut numbers), make(&mut numbers)),
                format!("- `{}` ({})", make(&mut numbers), make(&mut numbers)),
            ] {
                tried += 1;
                check(Value::String(sentence), &mut wrong);
            }
        }
    }
    figure(&format!(
        "false positives: {} of {tried}; under names like `key` and `access`: {} of {suspicious}",
        wrong.len(),
        hidden.len()
    ));
    assert!(wrong.is_empty(), "{wrong:#?}");
    // These names do hold secrets; a random value under them is taken for one unless it is a
    // link, an image or a short id.
    assert!(
        hidden.len() * 2 <= suspicious,
        "{} of {suspicious}",
        hidden.len()
    );
}

#[test]
fn sentences_and_code_about_secrets_stay_as_they_are() {
    for text in [
        "Please reset the password: it must have at least 12 characters.",
        "The access token expires after 3600 seconds; the key: rotate it.",
        "def login(username, password=None, token=settings.API_TOKEN): ...",
        "const apiKey = process.env.OPENAI_API_KEY;",
        "headers = {'Authorization': f'Bearer {token}'}",
        "curl -H \"Authorization: Bearer $TOKEN\" https://api.example.com",
        "if (password !== confirmPassword) throw new Error('no match');",
        "SELECT key, value FROM tokens WHERE key = 'primary' ORDER BY access",
        "kind: Deployment\nmetadata:\n  name: secret-reader\ndata:\n  key: value",
        "git clone git@github.com:acme/webapp.git && cd webapp",
        "usage: {\"prompt_tokens\": 1200, \"completion_tokens\": 340, \"max_tokens\": 4096}",
        "export PATH=$HOME/bin:$PATH PWD=/home/me SECRET_KEY_FILE=/run/secrets/key",
        "see https://example.com/docs/authentication#api-key and https://example.com/?q=secret",
        "basic understanding of bearer authentication, token by token",
        "<add key=\"Timeout\" value=\"30\" />",
        "type: password, required: true, secret: false, apiKey: <your key>",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ] {
        let mut counts = RedactionCounts::new();
        assert_eq!(redactor().text(text, &mut counts), text, "{counts:?}");
    }
}

#[test]
fn what_is_not_random_enough_or_kept_is_no_secret() {
    let dull = format!("{}{}", "ghp_", "abab".repeat(9));
    let random = format!("{}{}", "ghp_", Numbers::new(6).text(ALNUM, 36));
    let redactor = redactor();
    for (text, stays) in [
        (format!("use {dull} now"), true),
        (format!("use {random} now"), false),
        (format!("https://h.example/x?node_id={random}&a=b"), true),
        (format!("https://h.example/x?other={random}&a=b"), false),
        (format!("node_id={random}&a=b"), true),
        (format!("node_id={dull}&a={random}"), false),
    ] {
        let clean = redactor.text(&text, &mut RedactionCounts::new());
        assert_eq!(clean == text, stays, "{clean}");
    }
}
