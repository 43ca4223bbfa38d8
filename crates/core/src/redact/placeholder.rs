//! What stands in the place of a secret: a keyed hash, in the secret's own format where a clone
//! or a client looks at it.

/// What a format-keeping placeholder has in the place of a token's random part.
const MARK: &str = "redacted";
/// A token `{"alg":"none"}` with the claim that it is redacted.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJyZWRhY3RlZCI6dHJ1ZX0.redacted-";
const SLACK_HOOK: &str = "hooks.slack.com/services/";

/// Tokens of one prefix and one length: the placeholder has both.
const FIXED: &[(&str, usize)] = &[
    ("ATATT3", 192),
    ("gho_", 40),
    ("ghp_", 40),
    ("ghr_", 40),
    ("ghs_", 40),
    ("ghu_", 40),
    ("github_pat_", 93),
    ("glpat-", 26),
    ("lin_api_", 48),
    ("lin_oauth_", 74),
];

/// Tokens of one prefix and any length: the placeholder has the prefix and 24 characters.
const PREFIXED: &[&str] = &["rk_live_", "rk_test_", "sk_live_", "sk_test_", "whsec_"];

/// Numbers that stand between a Slack token's prefix and its random part.
const SLACK: &[(&str, &str)] = &[
    ("xapp-", "1-A00000000-0000000000-"),
    ("xoxa-", "0000000000-"),
    ("xoxb-", "0000000000-0000000000-"),
    ("xoxo-", "0000000000-0000000000-"),
    ("xoxp-", "0000000000-0000000000-0000000000-"),
    ("xoxr-", "0000000000-"),
    ("xoxs-", "0000000000-0000000000-"),
];

/// The placeholder for a secret whose keyed hash is given.
pub(super) fn of(secret: &str, hash: &str) -> String {
    formatted(secret, hash).unwrap_or_else(|| format!("[redacted:{hash}]"))
}

/// In the secret's own format; none where that need not be kept.
fn formatted(secret: &str, hash: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    for (prefix, length) in FIXED {
        if let Some(rest) = secret.strip_prefix(prefix) {
            let fits = secret.len() == *length && rest.bytes().all(|b| plain(b) || b == b'=');
            return fits.then(|| filled(prefix, hash, *length));
        }
    }
    for prefix in PREFIXED {
        if let Some(rest) = secret.strip_prefix(prefix) {
            let fits = rest.len() >= 10
                && rest
                    .bytes()
                    .all(|b| plain(b) || matches!(b, b'+' | b'/' | b'='));
            return fits.then(|| filled(prefix, hash, prefix.len() + 24));
        }
    }
    for (prefix, numbers) in SLACK {
        if let Some(rest) = secret.strip_prefix(prefix) {
            let fits = rest.len() >= 20 && rest.bytes().all(plain);
            let prefix = format!("{prefix}{numbers}");
            return fits.then(|| filled(&prefix, hash, prefix.len() + 28));
        }
    }
    if let Some(at) = secret.find(SLACK_HOOK)
        && matches!(&secret[..at], "" | "https://" | "http://")
    {
        let prefix = format!("{}{SLACK_HOOK}T00000000/B00000000/", &secret[..at]);
        return Some(filled(&prefix, hash, prefix.len() + 24));
    }
    let parts: Vec<&str> = secret.split('.').collect();
    let is_jwt = parts.len() == 3
        && parts[0].starts_with("ey")
        && parts[1].starts_with("ey")
        && parts[0].len() >= 19
        && parts.iter().all(|part| {
            part.bytes()
                .all(|b| plain(b) || matches!(b, b'=' | b'/' | b'\\'))
        });
    is_jwt.then(|| format!("{JWT}{hash}"))
}

/// `ghp_redacted3f9c0a1b0000…`: no service gives out such a token.
fn filled(prefix: &str, hash: &str, length: usize) -> String {
    let zeros = length.saturating_sub(prefix.len() + MARK.len() + hash.len());
    format!("{prefix}{MARK}{hash}{}", "0".repeat(zeros))
}

/// Exactly what is written in the place of a secret or a person: text that merely begins like it
/// is a secret still.
pub(super) fn is_one(text: &str) -> bool {
    let plain = text
        .strip_prefix("[redacted:")
        .and_then(|rest| rest.strip_suffix(']'))
        .or_else(|| text.strip_prefix("redacted-"));
    if let Some(hash) = plain {
        return is_hash(hash);
    }
    // A placeholder of a placeholder is itself.
    let Some(at) = text.rfind(MARK) else {
        return false;
    };
    let rest = text[at + MARK.len()..].trim_start_matches('-');
    rest.get(..8)
        .is_some_and(|hash| is_hash(hash) && formatted(text, hash).as_deref() == Some(text))
}

/// Whether a placeholder stands anywhere in the text.
pub(super) fn is_in(text: &str) -> bool {
    text.match_indices(MARK).any(|(at, mark)| {
        let rest = text[at + mark.len()..].trim_start_matches([':', '-']);
        rest.get(..8).is_some_and(is_hash)
    })
}

pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
