//! The result as a page that needs nothing else: no script, no network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::handoff;
use super::report::PreprodResult;

const TEMPLATE: &str = include_str!("page.html.jinja");
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}h1 small,p small{color:#666;font-weight:normal}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.25rem .5rem;text-align:left}pre{background:#f4f4f4;padding:1rem;overflow:auto}@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}pre{background:#262626}td,th{border-color:#444}a{color:#8ab4f8}}";

#[derive(Serialize)]
struct Whole<'a> {
    style: &'a str,
    policy: String,
    result: &'a PreprodResult,
    failures: &'a [Failure],
    has_runs: bool,
    handoff: String,
}

/// The page; `has_runs` says whether `runs.html` stands beside it.
///
/// # Errors
///
/// When the template cannot be filled, which is a fault of archal.
pub fn of(
    result: &PreprodResult,
    failures: &[Failure],
    has_runs: bool,
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    // By the name's ending, text is escaped.
    environment.add_template("page.html", TEMPLATE)?;
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let whole = Whole {
        style: STYLE,
        policy: format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
        ),
        result,
        failures,
        has_runs,
        handoff: handoff::text(result),
    };
    environment
        .get_template("page.html")?
        .render(Value::from(Serde(&whole)))
}
