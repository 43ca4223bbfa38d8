//! Tokens: whose they are and what they may do.

use std::sync::Arc;

use archal_core::clone::{CloneRequest, ViewValue};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::tables::{TOKENS, USERS, token};
use crate::engine::key::{Key, same};
use crate::engine::pack::Refusal;
use crate::engine::root::Root;
use crate::engine::row::Row;

/// The token that every state knows: the actor's, with all scopes. It has the shape of a personal
/// access token, and is none.
pub(super) const TOKEN: &str = "ghp_archalLocalCloneDummyToken0000000000";

/// The scopes of [`TOKEN`].
const ALL_SCOPES: &[&str] = &[
    "admin:enterprise",
    "admin:gpg_key",
    "admin:org",
    "admin:org_hook",
    "admin:public_key",
    "admin:repo_hook",
    "audit_log",
    "codespace",
    "copilot",
    "delete:packages",
    "delete_repo",
    "gist",
    "notifications",
    "project",
    "repo",
    "user",
    "workflow",
    "write:discussion",
    "write:network_configurations",
    "write:packages",
];

/// Each scope with those that it implies.
const IMPLIED: &[(&str, &[&str])] = &[
    ("admin:gpg_key", &["read:gpg_key", "write:gpg_key"]),
    (
        "admin:org",
        &["manage_runners:org", "read:org", "write:org"],
    ),
    ("admin:public_key", &["read:public_key", "write:public_key"]),
    ("admin:repo_hook", &["read:repo_hook", "write:repo_hook"]),
    ("project", &["read:project"]),
    (
        "repo",
        &[
            "public_repo",
            "repo:invite",
            "repo:status",
            "repo_deployment",
            "security_events",
        ],
    ),
    ("user", &["read:user", "user:email", "user:follow"]),
    ("write:discussion", &["read:discussion"]),
    ("write:org", &["read:org"]),
    ("write:packages", &["read:packages"]),
];

/// What kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A personal access token with scopes, or that of an OAuth app.
    Scoped,
    /// A fine-grained personal access token.
    FineGrained,
    /// The token of an installed app.
    Installation,
}

/// What a request presents.
pub(super) struct Credential<'r> {
    /// The row of the token; none for the one that every state knows.
    row: Option<&'r Row>,
}

impl<'r> Credential<'r> {
    /// The credential of a request; none where it has none that the state knows.
    pub(super) fn of(root: &'r Root, request: &CloneRequest) -> Option<Self> {
        let sent = sent(request.header("authorization")?)?;
        if sent == TOKEN {
            return Some(Self { row: None });
        }
        let row = root
            .rows(TOKENS)
            .values()
            .find(|row| text_of(row) == sent)?;
        Some(Self { row: Some(row) })
    }

    /// What kind it is.
    pub(super) fn kind(&self) -> Kind {
        match self.row.map(|row| row.text(token::KIND)) {
            Some("fine-grained") => Kind::FineGrained,
            Some("app-installation") => Kind::Installation,
            _ => Kind::Scoped,
        }
    }

    /// Its scopes or permissions.
    pub(super) fn scopes(&self) -> Vec<&str> {
        self.row.map_or_else(
            || ALL_SCOPES.to_vec(),
            |row| row.texts(token::SCOPES).collect(),
        )
    }

    /// Whether it has one of these scopes, or one that implies it.
    pub(super) fn has(&self, any: &[&str]) -> bool {
        let implied = |scope: &str| {
            let known = IMPLIED.iter().find(|(name, _)| *name == scope);
            known.is_some_and(|(_, implied)| implied.iter().any(|one| any.contains(one)))
        };
        self.scopes()
            .into_iter()
            .any(|scope| any.contains(&scope) || implied(scope))
    }

    /// Whether its permissions allow that: `issues` and `read` or `write`.
    pub(super) fn permits(&self, permission: &str, level: &str) -> bool {
        // Metadata is readable with every such token.
        (permission == "metadata" && level == "read")
            || self.scopes().into_iter().any(|one| {
                one.split_once(':').is_some_and(|(name, granted)| {
                    name == permission && (granted == level || granted != "read")
                })
            })
    }

    /// Whether it is for that repository.
    pub(super) fn covers(&self, full_name: &str) -> bool {
        self.row.is_none_or(|row| {
            row.value(token::REPOSITORIES) == &ViewValue::Null
                || row
                    .texts(token::REPOSITORIES)
                    .any(|one| same(one, full_name))
        })
    }
}

/// Who a request's credentials belong to.
pub(super) fn caller(root: &Root, request: &CloneRequest) -> Result<Option<Arc<Row>>, Refusal> {
    if request.header("authorization").is_none() {
        return Ok(None);
    }
    let bad = || Refusal::new(401, "Bad credentials").see("");
    let credential = Credential::of(root, request).ok_or_else(bad)?;
    let user = match credential.row {
        Some(row) if row.bool(token::EXPIRED) => None,
        Some(row) => root.get(USERS, &Key::folded(row.text(token::USER))),
        None => root.actor().and_then(|key| root.get(USERS, key)),
    };
    user.cloned().map(Some).ok_or_else(bad)
}

/// The text of a token. It follows from the name, so that whoever writes a seed knows it.
fn text_of(row: &Row) -> String {
    let (prefix, length) = match row.text(token::KIND) {
        "fine-grained" => ("github_pat_", 93),
        "app-installation" => ("ghs_", 40),
        "oauth" => ("gho_", 40),
        _ => ("ghp_", 40),
    };
    let mut out = format!("{prefix}archalDummy{}", row.text(token::NAME));
    while out.len() < length {
        // A fine-grained token has an underscore after its first 22 characters.
        let between = length == 93 && out.len() == 33;
        out.push(if between { '_' } else { '0' });
    }
    out
}

/// The token in an `Authorization` header: `token X`, `Bearer X`, or either half of Basic.
fn sent(header: &str) -> Option<String> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    let bare = password.is_empty() || password == "x-oauth-basic";
    Some(if bare { name } else { password }.to_owned())
}

/// Standard base64, padded or not, as clients write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_are_found_in_every_scheme() {
        for header in [
            "token abc",
            "Bearer abc",
            "bearer  abc ",
            "Basic bWU6YWJj",
            "Basic YWJjOngtb2F1dGgtYmFzaWM=",
            "basic YWJjOg==",
        ] {
            assert_eq!(super::sent(header).as_deref(), Some("abc"), "{header}");
        }
        for header in ["abc", "Digest abc", "Basic !", "Basic", ""] {
            assert_eq!(super::sent(header), None, "{header}");
        }
    }

    #[test]
    fn the_token_has_the_length_of_a_real_one() {
        assert_eq!(super::TOKEN.len(), 40);
    }
}
