//! What the API says of itself.

/// The calls, on a seed each.
pub(super) const CALLS: &[(&str, &[&str])] = &[(
    "small-project",
    &[
        "GET /",
        "GET /meta",
        "GET /octocat?s=hello",
        "GET /versions",
        "GET /zen",
        "GET /rate_limit",
        r#"POST /markdown {"text":"*a* @octocat","mode":"gfm"}"#,
        r#"POST /markdown {"text":"a","mode":"x"}"#,
        "POST /markdown {}",
        "POST /markdown/raw <content-type: text/plain> *a*",
        "POST /markdown/raw *a*",
    ],
)];
