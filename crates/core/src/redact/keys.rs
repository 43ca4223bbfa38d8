//! Names that say what stands under them: secrets, parameters, what is never one.

/// Key names whose values are secrets, normalised: lower case, letters and digits only.
pub(super) const SECRET_KEYS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "accountkey",
    "anthropicapikey",
    "apikey",
    "apisecret",
    "apitoken",
    "appsecret",
    "authorization",
    "authtoken",
    "awssecretaccesskey",
    "awssessiontoken",
    "bearertoken",
    "bottoken",
    "clientsecret",
    "connectionstring",
    "consumersecret",
    "cookie",
    "credential",
    "credentials",
    "csrftoken",
    "encryptionkey",
    "ghtoken",
    "githubtoken",
    "gitlabtoken",
    "idtoken",
    "jwt",
    "mysqlpwd",
    "oauthtoken",
    "openaiapikey",
    "passphrase",
    "passwd",
    "password",
    "personalaccesstoken",
    "pgpassword",
    "privatekey",
    "privatetoken",
    "proxyauthorization",
    "pwd",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "sessioncookie",
    "sessiontoken",
    "setcookie",
    "signingkey",
    "signingsecret",
    "slacktoken",
    "sshkey",
    "webhooksecret",
    "xamzsecuritytoken",
    "xapikey",
    "xauthtoken",
    "xcsrftoken",
    "xgithubtoken",
    "xgoogapikey",
    "xvaulttoken",
    "xxsrftoken",
];

/// Names that are secrets as parameters of a URL or form; as keys of JSON they are too common.
pub(super) const SECRET_PARAMETERS: &[&str] = &[
    "sig",
    "signature",
    "token",
    "xamzcredential",
    "xamzsignature",
    "xgoogcredential",
    "xgoogsignature",
];

/// Names whose values look like secrets to `generic-api-key` and say which thing or page it is.
pub(super) const NEUTRAL: &[&str] = &[
    "continuationtoken",
    "cursor",
    "endcursor",
    "etag",
    "idempotencykey",
    "issuekey",
    "nextcursor",
    "nextpagetoken",
    "nexttoken",
    "nodeid",
    "objectkey",
    "pagetoken",
    "pagination",
    "partitionkey",
    "previouspagetoken",
    "prevpagetoken",
    "projectkey",
    "requestid",
    "rowkey",
    "sha",
    "sortkey",
    "spanid",
    "startcursor",
    "synctoken",
    "traceid",
];

/// Headers whose whole value is one secret, in text as in maps.
pub(super) const WHOLE_LINE: &[&str] =
    &["authorization", "cookie", "proxyauthorization", "setcookie"];

/// Parts of names, one of which each of [`SECRET_KEYS`] contains.
pub(super) const STEMS: &[&str] = &[
    "auth",
    "connection",
    "cookie",
    "credential",
    "jwt",
    "key",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
];

/// Fields that carry the name of a person.
pub(super) const PERSONAL: &[&str] = &[
    "assignee",
    "assignees",
    "creator",
    "displayname",
    "familyname",
    "firstname",
    "givenname",
    "lastname",
    "login",
    "nickname",
    "realname",
    "username",
];

/// How names of environment variables end that hold secrets.
const VARIABLES: &[&str] = &[
    "_ACCESS_KEY",
    "_API_KEY",
    "_PASSWD",
    "_PASSWORD",
    "_PAT",
    "_PRIVATE_KEY",
    "_SECRET",
    "_SECRET_KEY",
    "_TOKEN",
];

/// Whether it is the name of an environment variable with a secret: `DB_PASSWORD`.
pub(super) fn is_secret_variable(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_uppercase)
        && VARIABLES.iter().any(|end| name.ends_with(end))
        && bytes
            .iter()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// Whether a sorted list has the name, in whatever way it is written.
pub(super) fn listed(name: &str, list: &[&str]) -> bool {
    normalised(name, |name| list.binary_search(&name).is_ok())
}

/// The last part of a dotted or bracketed name: `password` of `user[password]`.
pub(super) fn last_part(name: &str) -> &str {
    // `node_modules/@scope/auth-token` is a package.
    if name.contains("node_modules/") || name.starts_with('@') {
        return name;
    }
    name.trim_end_matches(']')
        .rsplit(['.', '[', '/', ':'])
        .next()
        .unwrap_or(name)
}

/// Lower case, letters and digits only.
pub(super) fn normalise(name: &str) -> String {
    normalised(name, str::to_owned)
}

/// [`normalise`] without a string of its own: names are looked up for every value of a trace.
pub(super) fn normalised<T>(name: &str, with: impl FnOnce(&str) -> T) -> T {
    let mut short = [0_u8; 64];
    let mut length = 0;
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric) {
        let Some(place) = short.get_mut(length) else {
            let long: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            return with(&long.to_ascii_lowercase());
        };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    // Only ASCII was copied.
    with(str::from_utf8(&short[..length]).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_normalised() {
        for list in [
            SECRET_KEYS,
            SECRET_PARAMETERS,
            NEUTRAL,
            WHOLE_LINE,
            STEMS,
            PERSONAL,
        ] {
            assert!(list.is_sorted_by(|a, b| a < b));
            assert!(list.iter().all(|key| normalise(key) == *key));
        }
    }

    #[test]
    fn every_secret_key_contains_a_stem() {
        for key in SECRET_KEYS {
            assert!(STEMS.iter().any(|stem| key.contains(stem)), "{key}");
        }
    }

    #[test]
    fn variables_are_known_by_their_end() {
        for name in ["DB_PASSWORD", "GH_TOKEN", "X_API_KEY"] {
            assert!(is_secret_variable(name), "{name}");
        }
        for name in ["MAX_TOKENS", "db_password", "PRIMARY_KEY", "_TOKEN", "PATH"] {
            assert!(!is_secret_variable(name), "{name}");
        }
    }

    #[test]
    fn long_names_are_normalised_as_short_ones() {
        let long = "Some-Very_Long.".repeat(9);
        assert_eq!(normalise(&long), "someverylong".repeat(9));
        assert_eq!(last_part("user[password]"), "password");
    }
}
