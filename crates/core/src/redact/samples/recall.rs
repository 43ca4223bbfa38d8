//! Every rule finds what it is for, in every place.

use std::collections::BTreeSet;

use super::generator::{Numbers, sample};
use super::tests::figure;
use super::{PLACES, holds};
use crate::redact::rules::{RULES, Rule, Shape};
use crate::redact::{RedactionCounts, Redactor};
use crate::trace::{Span, Trace};

fn redactor() -> Redactor {
    Redactor::new([7; 32], ["id", "cursor"])
}

/// A text with a secret of the rule, and the secret: the first of its samples that has the
/// entropy and is not one of the rule's exceptions.
fn secret_of(rule: &Rule) -> (String, String) {
    (0..4000)
        .map(|seed| {
            let sample = sample(rule.expression(), seed);
            let group = match rule.group() {
                Some(group) => sample.groups.get(group).cloned().flatten(),
                None => sample
                    .groups
                    .iter()
                    .flatten()
                    .find(|span| !span.is_empty())
                    .cloned(),
            };
            let span = group.unwrap_or(0..sample.text.len());
            let secret = sample.text[span].to_owned();
            // Where the name of the service may stand anywhere, it stands before.
            let lower = sample.text.to_ascii_lowercase();
            let has_keyword = rule.keywords().any(|keyword| lower.contains(keyword));
            let keyword = rule.keywords().next().filter(|_| !has_keyword);
            let text = keyword.map_or_else(String::new, |keyword| format!("{keyword} "));
            (text + &sample.text, secret)
        })
        .find(|(text, _)| {
            let mut found = Vec::new();
            RULES.scan(text, &mut found, |_| {});
            found.iter().any(|found| found.rule.id() == rule.id())
        })
        .unwrap_or_else(|| panic!("{} finds none of its own samples", rule.id()))
}

#[test]
fn all_rules_compile_and_find_their_own_samples() {
    let ids: BTreeSet<&str> = RULES.all().map(Rule::id).collect();
    assert!(ids.len() >= 230, "{} rules", ids.len());
    for rule in RULES.all() {
        assert!(rule.is_compiled(), "{}", rule.id());
        assert!(!rule.expression().is_empty());
        secret_of(rule);
    }
}

#[test]
fn no_secret_of_any_rule_survives_in_any_place() {
    let redactor = redactor();
    let (mut planted, mut left) = (0_u32, Vec::new());
    for rule in RULES.all() {
        let (text, secret) = secret_of(rule);
        for (place, plant) in PLACES {
            planted += 1;
            let mut trace = plant(&format!("{text} "));
            let mut counts = RedactionCounts::new();
            redactor.trace(&mut trace, &mut counts);
            let once = trace.clone();
            if counts.is_empty() || holds(&serde_json::to_value(&trace).expect("JSON"), &secret) {
                left.push(format!("{} in {place}: {text:?}", rule.id()));
            }
            redactor.trace(&mut trace, &mut RedactionCounts::new());
            assert_eq!(trace, once, "{} in {place}", rule.id());
        }
    }
    figure(&format!(
        "recall: {} of {planted} ({} rules in {} places)",
        planted as usize - left.len(),
        RULES.all().count(),
        PLACES.len()
    ));
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn rules_that_need_a_name_find_it_in_the_field_too() {
    let redactor = redactor();
    let mut missed = Vec::new();
    let mut tried = 0;
    for rule in RULES.all().filter(|rule| rule.shape() == Shape::Assignment) {
        let (text, secret) = secret_of(rule);
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.'));
        let name = &text[..end.unwrap_or(text.len())];
        tried += 1;
        let mut value = serde_json::json!({name: secret.as_str()});
        redactor.value(&mut value, &mut RedactionCounts::new());
        if holds(&value, &secret) {
            missed.push(format!("{} under {name}: {secret}", rule.id()));
        }
    }
    figure(&format!(
        "recall by field name: {} of {tried}",
        tried - missed.len()
    ));
    assert!(missed.is_empty(), "{missed:#?}");
}

const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const DIGITS: &str = "0123456789";

/// Secrets as the services document them, written without a look at the rules: prefix, alphabet
/// and length of each part.
const DOCUMENTED: &[(&str, &[(&str, &str, usize)])] = &[
    (
        "AWS access key",
        &[("AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)],
    ),
    (
        "AWS session key",
        &[("ASIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)],
    ),
    ("Anthropic", &[("sk-ant-api03-", ALNUM, 93), ("AA", "", 0)]),
    ("Anthropic OAuth", &[("sk-ant-oat01-", ALNUM, 90)]),
    ("Artifactory", &[("AKCp", ALNUM, 69)]),
    ("Databricks", &[("dapi", HEX, 32)]),
    ("DigitalOcean", &[("dop_v1_", HEX, 64)]),
    ("Doppler", &[("dp.pt.", ALNUM, 43)]),
    ("Fly.io", &[("fo1_", ALNUM, 43)]),
    ("GitHub app", &[("ghs_", ALNUM, 36)]),
    (
        "GitHub fine-grained",
        &[("github_pat_", ALNUM, 22), ("_", ALNUM, 59)],
    ),
    ("GitHub OAuth", &[("gho_", ALNUM, 36)]),
    ("GitHub", &[("ghp_", ALNUM, 36)]),
    ("GitLab", &[("glpat-", ALNUM, 20)]),
    ("GitLab runner", &[("glrt-", ALNUM, 20)]),
    ("Google API", &[("AIza", ALNUM, 35)]),
    ("Google OAuth secret", &[("GOCSPX-", ALNUM, 28)]),
    ("Google OAuth", &[("ya29.", ALNUM, 120)]),
    ("Grafana", &[("glsa_", ALNUM, 32), ("_", HEX, 8)]),
    ("Groq", &[("gsk_", ALNUM, 52)]),
    (
        "Hugging Face",
        &[(
            "hf_",
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            34,
        )],
    ),
    (
        "JWT",
        &[("eyJ", ALNUM, 33), (".eyJ", ALNUM, 60), (".", ALNUM, 43)],
    ),
    (
        "Langfuse",
        &[
            ("sk-lf-", HEX, 8),
            ("-", HEX, 4),
            ("-", HEX, 4),
            ("-", HEX, 4),
            ("-", HEX, 12),
        ],
    ),
    ("Linear", &[("lin_api_", ALNUM, 40)]),
    (
        "New Relic",
        &[(
            "new_relic_key = NRAK-",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            27,
        )],
    ),
    ("Notion", &[("ntn_", DIGITS, 11), ("", ALNUM, 35)]),
    ("npm", &[("npm_", ALNUM, 36)]),
    ("OpenAI", &[("sk-", ALNUM, 20), ("T3BlbkFJ", ALNUM, 20)]),
    (
        "OpenAI project",
        &[("sk-proj-", ALNUM, 74), ("T3BlbkFJ", ALNUM, 74)],
    ),
    ("OpenRouter", &[("sk-or-v1-", HEX, 64)]),
    ("Perplexity", &[("pplx-", ALNUM, 48)]),
    ("PlanetScale", &[("pscale_tkn_", ALNUM, 43)]),
    ("Postman", &[("PMAK-", HEX, 24), ("-", HEX, 34)]),
    ("PyPI", &[("pypi-AgEIcHlwaS5vcmc", ALNUM, 120)]),
    ("RubyGems", &[("rubygems_", HEX, 48)]),
    ("SendGrid", &[("SG.", ALNUM, 22), (".", ALNUM, 43)]),
    ("Sentry", &[("sntryu_", HEX, 64)]),
    ("Shopify", &[("shpat_", HEX, 32)]),
    (
        "Slack bot",
        &[("xoxb-", DIGITS, 12), ("-", DIGITS, 12), ("-", ALNUM, 24)],
    ),
    (
        "Slack user",
        &[
            ("xoxp-", DIGITS, 12),
            ("-", DIGITS, 12),
            ("-", DIGITS, 12),
            ("-", HEX, 32),
        ],
    ),
    (
        "Slack app",
        &[
            ("xapp-1-A", "ABCDEFGHIJ0123456789", 10),
            ("-", DIGITS, 13),
            ("-", HEX, 64),
        ],
    ),
    (
        "Slack webhook",
        &[
            (
                "https://hooks.slack.com/services/T",
                "ABCDEFGHIJ0123456789",
                9,
            ),
            ("/B", "ABCDEFGHIJ0123456789", 9),
            ("/", ALNUM, 24),
        ],
    ),
    ("Stripe live", &[("sk_live_", ALNUM, 24)]),
    ("Stripe test", &[("sk_test_", ALNUM, 99)]),
    ("Stripe restricted", &[("rk_live_", ALNUM, 24)]),
    ("Stripe webhook", &[("whsec_", ALNUM, 32)]),
    ("Supabase", &[("sbp_", HEX, 40)]),
    ("Twilio", &[("SK", HEX, 32)]),
    ("Vault", &[("hvs.", ALNUM, 96)]),
    ("xAI", &[("xai-", ALNUM, 80)]),
    ("bearer", &[("Authorization: Bearer ", ALNUM, 40)]),
    (
        "basic",
        &[("authorization: Basic ", ALNUM, 30), ("==", "", 0)],
    ),
    (
        "password in a database URL",
        &[("postgres://app:", ALNUM, 16), ("@db.example.com/x", "", 0)],
    ),
    (
        "password of a connection string",
        &[
            ("Server=db;User Id=app;Password=", ALNUM, 16),
            (";Encrypt=true", "", 0),
        ],
    ),
    (
        "storage key",
        &[
            ("AccountName=a;AccountKey=", ALNUM, 86),
            ("==;EndpointSuffix=x", "", 0),
        ],
    ),
    (
        "signed URL",
        &[("https://s3.example.com/a?X-Amz-Signature=", HEX, 64)],
    ),
    ("password in a shell", &[("export DB_PASSWORD=", LOWER, 16)]),
    (
        "key in code",
        &[("const apiKey = \"", ALNUM, 32), ("\";", "", 0)],
    ),
    (
        "password in YAML",
        &[("db:\n  password: ", ALNUM, 12), ("\n  host: x", "", 0)],
    ),
    (
        "cookie",
        &[("Cookie: session=", HEX, 32), ("; theme=dark", "", 0)],
    ),
    (
        "curl",
        &[
            ("curl -H 'X-Api-Key: ", ALNUM, 32),
            ("' https://example.com", "", 0),
        ],
    ),
    (
        "curl user",
        &[
            ("curl -u admin:", ALNUM, 20),
            (" https://example.com", "", 0),
        ],
    ),
    (
        "Kubernetes secret",
        &[
            ("apiVersion: v1\nkind: Secret\ndata:\n  token: ", ALNUM, 40),
            ("==\n", "", 0),
        ],
    ),
];

#[test]
fn documented_secrets_are_found_in_every_place_and_in_odd_company() {
    let redactor = redactor();
    let (mut planted, mut left) = (0_u32, Vec::new());
    for (at, (what, parts)) in DOCUMENTED.iter().enumerate() {
        let mut numbers = Numbers::new(at as u64 + 1);
        let mut random = Vec::new();
        let mut text = String::new();
        for (before, alphabet, length) in *parts {
            let part = numbers.text(alphabet, *length);
            text.push_str(before);
            text.push_str(&part);
            random.push(part);
        }
        let surroundings: [(&str, &str); 8] = [
            ("", ""),
            ("use ", " for it"),
            ("(", ")"),
            ("`", "`"),
            ("it is ", ", and"),
            ("value=", "&page=2"),
            ("x\n", "\ny"),
            ("ä«", "»"),
        ];
        // The last random part that is long enough to be the secret.
        let secret = random.iter().max_by_key(|part| part.len()).expect("a part");
        for (before, after) in surroundings {
            // Text that has its own beginning or end cannot stand in any company.
            if (!before.is_empty() || !after.is_empty())
                && !text.starts_with(|c: char| c.is_ascii_alphanumeric())
            {
                continue;
            }
            let is_line = text.contains(':') && !text.contains("://")
                || text.contains('\n')
                || text.starts_with("curl");
            if is_line && !matches!(before, "" | "x\n") {
                continue;
            }
            for (place, plant) in PLACES {
                planted += 1;
                let mut trace = plant(&format!("{before}{text}{after}"));
                redactor.trace(&mut trace, &mut RedactionCounts::new());
                if holds(&serde_json::to_value(&trace).expect("JSON"), secret) {
                    left.push(format!("{what} in {place}: {before}{text}{after}"));
                }
            }
        }
    }
    figure(&format!(
        "recall of {} documented secrets: {} of {planted}",
        DOCUMENTED.len(),
        planted as usize - left.len()
    ));
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn terminal_sequences_hide_nothing() {
    let redactor = redactor();
    let mut numbers = Numbers::new(5);
    let body = numbers.text(ALNUM, 36);
    let (start, end) = body.split_at(17);
    for text in [
        format!("token ghp_{start}\u{1b}[0m{end} end"),
        format!("\u{1b}[31mghp_\u{1b}[1;32m{start}\u{200b}{end}\u{1b}[0m"),
        format!("DB_PASS\u{1b}[0mWORD=\u{1b}[1m{start}\u{1b}[0m{end}"),
        format!("\u{1b}]0;ghp_{start}{end}\u{7}title"),
        format!("{{\"password\u{1b}[0m\": \"{start}\u{1b}[0m{end}\"}}"),
        format!("Authorization:\u{1b}[2m Bearer \u{1b}[0m{start}\u{9b}0m{end}"),
    ] {
        let clean = redactor.text(&text, &mut RedactionCounts::new());
        assert!(!clean.contains(start) && !clean.contains(end), "{clean:?}");
        assert_eq!(redactor.text(&clean, &mut RedactionCounts::new()), clean);
    }
}

#[test]
fn private_keys_go_whole_also_cut_and_escaped() {
    let redactor = redactor();
    let mut numbers = Numbers::new(9);
    let lines: Vec<String> = (0..12).map(|_| numbers.text(ALNUM, 64)).collect();
    let dashes = "-----";
    for (separator, is_cut) in [
        ("\n", false),
        ("\n", true),
        ("\\n", false),
        ("\\n", true),
        ("\r\n", false),
    ] {
        for kind in [
            "RSA PRIVATE KEY",
            "PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            let end = if is_cut {
                String::new()
            } else {
                format!("{dashes}END {kind}{dashes}")
            };
            let text = format!(
                "before\n{dashes}BEGIN {kind}{dashes}{separator}{}{separator}{end}",
                lines.join(separator)
            );
            let clean = redactor.text(&text, &mut RedactionCounts::new());
            for line in &lines {
                assert!(!clean.contains(line.as_str()), "{kind}: {clean}");
            }
            assert!(clean.starts_with("before\n"), "{clean}");
        }
    }
}

#[test]
fn a_secret_in_a_url_is_found_however_often_it_is_encoded() {
    let redactor = redactor();
    let numbers = &mut Numbers::new(5);
    let (key, token) = (numbers.text(ALNUM, 200), numbers.text(ALNUM, 36));
    let dashes = "-".repeat(5);
    let pem = format!(
        "{dashes}BEGIN RSA PRIVATE KEY{dashes}\n{key}\n{dashes}END RSA PRIVATE KEY{dashes}"
    );
    let encoded = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect::<String>()
    };
    for secret in [&pem, &format!("ghp_{token}")] {
        let once = encoded(secret);
        for written in [&once, &encoded(&once), &once.replace("%20", "+")] {
            for text in [
                format!("https://h.example/keys/{written}/x?page=2"),
                format!("GET /keys/{written}"),
                format!("/keys/{written}?page=2"),
                format!("https://h.example/?note={written}&page=2"),
                format!("note={written}&page=2"),
            ] {
                // A plus is a space in forms alone.
                if written.contains("+RSA") && !text.starts_with("note=") {
                    continue;
                }
                let clean = redactor.url(&text, &mut RedactionCounts::new());
                assert!(!clean.contains(&key) && !clean.contains(&token), "{clean}");
                assert!(clean.contains("redacted-"), "{clean}");
                let rest = |text: &str| text.contains("page=2") || text.starts_with("GET ");
                assert!(rest(&clean), "{clean}");
                let again = redactor.url(&clean, &mut RedactionCounts::new());
                assert_eq!(again, clean);
            }
        }
    }
    let plain = "https://h.example/a%20b/50%25?q=%7B%22id%22%3A7%7D";
    let mut counts = RedactionCounts::new();
    assert_eq!(redactor.url(plain, &mut counts), plain);
}

#[test]
fn what_an_id_links_is_linked_still_when_it_was_a_secret() {
    let redactor = redactor();
    let token = format!("ghp_{}", Numbers::new(9).text(ALNUM, 36));
    let span = |id: &str, parent: Option<&str>| Span {
        id: id.to_owned(),
        parent_id: parent.map(str::to_owned),
        ..Span::default()
    };
    let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let mut trace = Trace {
        id: uuid.to_owned(),
        spans: vec![span(&token, None), span("00f067aa0ba902b7", Some(&token))],
        ..Trace::default()
    };
    redactor.trace(&mut trace, &mut RedactionCounts::new());
    assert_eq!(trace.id, uuid);
    assert_eq!(trace.spans[0].id, redactor.placeholder(&token));
    assert_eq!(trace.spans[1].parent_id.as_ref(), Some(&trace.spans[0].id));
    assert_eq!(trace.spans[1].id, "00f067aa0ba902b7");
}

#[test]
fn hostile_text_is_read_in_linear_steps_and_loses_its_secrets() {
    let redactor = redactor();
    let key = Numbers::new(11).text(ALNUM, 40);
    // Each of these would be read over and over again by a rule that begins anew inside itself;
    // it would then take hours.
    for piece in [
        "curl ",
        "sk-ant-a-",
        "password",
        "eyJhbGciOiJub25lIn0.",
        "api_key=",
        "key:",
        "://",
        "a@",
        "\"",
        "[",
        "{\"a\":",
        "-----BEGIN PRIVATE KEY-----",
        "%25",
        "%2D%2D%2D%2D%2DBEGIN%20PRIVATE%20KEY",
    ] {
        let text = format!("{} password={key}", piece.repeat((1 << 18) / piece.len()));
        let clean = redactor.text(&text, &mut RedactionCounts::new());
        assert!(!clean.contains(&key), "{piece}");
    }
    let many: String = (0..20_000)
        .map(|at| format!("ghp_{} ", Numbers::new(at).text(ALNUM, 36)))
        .collect();
    let mut counts = RedactionCounts::new();
    redactor.text(&many, &mut counts);
    assert_eq!(counts["rule:github-pat"], 20_000);
}
