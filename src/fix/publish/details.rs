//! The text of a pull request, with the table of the proof.

use std::path::Path;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use crate::fix::proof::Proof;

/// The text of a pull request.
#[derive(Debug, Serialize)]
pub struct Details<'a> {
    /// The failure group.
    pub group: &'a str,
    /// The scenario's title.
    pub title: &'a str,
    /// What was wrong.
    pub summary: &'a str,
    /// The traces that show it, by id.
    pub traces: &'a [String],
    /// The scenario that fails, relative to the repository; none where it was made of the trace.
    pub scenario: Option<&'a Path>,
    /// What it cost, in one line.
    pub cost: &'a str,
    /// The proof.
    pub proof: &'a Proof,
}

const TEMPLATE: &str = include_str!("../pr-details.md.jinja");

/// Renders the text of a pull request; text from the trace stands in code spans only.
pub fn details(details: &Details<'_>) -> Result<String, minijinja::Error> {
    filled(TEMPLATE, details)
}

/// Fills a template of a pull request's text; its filter `code` puts text that came from elsewhere
/// into a code span.
///
/// # Errors
///
/// When the template cannot be filled, which is a fault of archal.
pub fn filled(template: &str, details: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.add_filter("code", |text: String| {
        format!("`{}`", text.replace(['`', '\n', '\r'], " "))
    });
    environment.add_template("pr", template)?;
    environment
        .get_template("pr")?
        .render(minijinja::Value::from(Serde(details)))
}

/// A title of one line: text that came from elsewhere cannot mention anybody or close anything.
pub fn title(prefix: &str, text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|letter| match letter {
            '@' | '#' | '`' => ' ',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(120).collect();
    format!("{prefix}{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_mentions_and_closes_nothing() {
        assert_eq!(
            title("archal: ", "Fixes #12\nfor @acme\u{7}, `now`"),
            "archal: Fixes 12 for acme , now"
        );
        assert_eq!(title("", &"x".repeat(500)).len(), 120);
    }
}
