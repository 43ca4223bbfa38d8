//! A suite as one HTML file that opens from a disk: nothing is fetched, everything can be read
//! without its script, which only filters.
//!
//! Everything a run left is hostile text. The template escapes all of it, and a policy in the
//! page lets no script run but the one written here, whatever the escaping misses.
//!
//! - `view`: what the template is given of a suite.
//! - `evidence`: and of what a run left.
//! - `room`: how much of the evidence there is room for.

mod evidence;
mod room;
mod view;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::run::report::SuiteReport;
use crate::run::result::RunResult;

pub use room::Room;

const TEMPLATE: &str = include_str!("report.html.jinja");
const PARTS: &str = include_str!("parts.html.jinja");
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// What is left of a run on the disk, read when it is told.
pub type Folder<'a> = &'a dyn Fn(&RunResult) -> crate::run::kept::evidence::Evidence;

/// The page of a suite. Paths are told relative to `base`.
///
/// # Errors
///
/// When the template cannot be filled, which is a fault of archal.
pub fn of(
    report: &SuiteReport,
    base: Option<&Path>,
    evidence: Folder<'_>,
    room: Room,
) -> Result<String, minijinja::Error> {
    #[derive(Serialize)]
    struct Whole<'a> {
        style: &'a str,
        script: &'a str,
        policy: String,
        page: view::PageView,
    }
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_formatter(|out, _, value| {
        if value.is_safe() {
            write!(out, "{value}")?;
        } else if !value.is_none() && !value.is_undefined() {
            out.write_str(&escaped(&value.to_string(), true))?;
        }
        Ok(())
    });
    // Between tags quotes are text; in JSON, of which pages are full, every second character is one.
    environment.add_filter("inner", |text: String| {
        Value::from_safe_string(escaped(&text, false))
    });
    environment.add_template("parts.html", PARTS)?;
    environment.add_template("report.html", TEMPLATE)?;
    let whole = Whole {
        style: STYLE,
        script: SCRIPT,
        policy: policy(),
        page: view::of(report, base, evidence, room),
    };
    environment
        .get_template("report.html")?
        .render(Value::from(Serde(&whole)))
}

/// Text as text of HTML; with `quotes` as the value of an attribute, too.
fn escaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if quotes => out.push_str("&quot;"),
            '\'' if quotes => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// What the page may load and run: its own style and script, by their hashes, and nothing else.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests {
    use crate::run::kept::evidence::{ChangedRow, Collection, Evidence, Tail};
    use crate::run::render::sample;

    use super::*;

    fn evidence(result: &RunResult) -> Evidence {
        let body = serde_json::json!({"headers": {}, "body": {"title": sample::HOSTILE}});
        let call = serde_json::json!({
            "seq": 1, "clone": "github", "operation": "issues/update", "method": "PATCH", "path": "/x?a=<b>",
            "status": 200, "request": body, "response": body, "latencyUs": 340,
            "changes": [{"table": "issues", "key": "a#1", "change": "changed"}],
        });
        Evidence {
            calls: vec![serde_json::from_value(call).expect("a call")],
            calls_left_out: 3,
            changes: vec![Collection {
                clone: "github".to_owned(),
                collection: "issues".to_owned(),
                added: vec![serde_json::json!({"title": sample::HOSTILE})],
                changed: vec![ChangedRow {
                    key: "a#1".into(),
                    before: serde_json::json!({"state": "open"}),
                    after: serde_json::json!({"state": "closed"}),
                    fields: vec!["state".to_owned()],
                }],
                ..Collection::default()
            }],
            transcript: Some(crate::run::transcript::of(
                "Do <it>.",
                &[],
                sample::HOSTILE,
                &result.harness,
            )),
            stderr: Tail {
                text: sample::HOSTILE.to_owned(),
                bytes_left_out: 9,
            },
            ..Evidence::default()
        }
    }

    fn page(room: Room) -> String {
        of(&sample::suite(), Some(Path::new("/repo")), &evidence, room).expect("a page")
    }

    /// The page without what is written once: style, script and their hashes.
    fn shown(page: &str) -> String {
        let page = page.replace(STYLE, "…").replace(SCRIPT, "…");
        let page = page.replace(&policy().replace('\'', "&#39;"), "…");
        page.lines()
            .filter(|line| !line.trim().is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn nothing_a_run_said_is_html() {
        let text = shown(&page(Room::default()));
        assert!(
            !text.contains("<img") && !text.contains("</script><"),
            "{text}"
        );
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        assert_eq!(text.matches("<script>").count(), 1);
        assert!(
            text.contains("&lt;img src=x onerror=alert(1)&gt;"),
            "{text}"
        );
    }

    #[test]
    fn one_scenario_as_it_stands_on_the_page() {
        let text = shown(&page(Room::default()));
        let from = text.find("<article id=\"s2\"").expect("the flaky one");
        let end = text[from..].find("</article>").expect("its end");
        insta::assert_snapshot!(&text[from..from + end]);
    }

    #[test]
    fn style_and_script_end_nowhere_but_at_their_end() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
        for address in ["http:", "https:", "//cdn", "@import", "url("] {
            assert!(
                ![STYLE, SCRIPT, TEMPLATE, PARTS]
                    .iter()
                    .any(|text| text.contains(address))
            );
        }
    }

    #[test]
    fn without_room_failures_are_told_before_what_passed() {
        let none = page(Room {
            bytes: 0,
            ..Room::default()
        });
        assert_eq!(none.matches("<ol class=\"calls\">").count(), 0);
        assert!(
            none.contains("of 10 runs are left out"),
            "what is cut is said"
        );
        let one = page(Room {
            bytes: 4_000,
            ..Room::default()
        });
        assert_eq!(one.matches("<ol class=\"calls\">").count(), 1);
        let at = one.find("<ol class=\"calls\">").expect("one");
        let run = one[..at].rfind("<details class=\"run\"").expect("its run");
        assert!(one[run..at].contains("data-status=\"failed\""));
    }

    #[test]
    fn a_page_of_many_runs_has_some_of_them_and_counts_all() {
        let some = page(Room {
            runs: 4,
            ..Room::default()
        });
        assert_eq!(some.matches("<details class=\"run\"").count(), 4);
        assert!(some.contains("6 runs are counted and not told one by one"));
    }
}
