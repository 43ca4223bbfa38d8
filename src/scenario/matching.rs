//! Which traces a scenario is for: the `match` setting.

use std::collections::BTreeSet;

use archal_core::trace::Trace;
use regex::{Regex, RegexBuilder};

/// The most bytes a compiled input pattern may take.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// A condition on traces. Each part that is written must hold; an empty one matches nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// Patterns of the trace's name; one of them must fit.
    pub names: Vec<NamePattern>,
    /// Tags the trace must all have.
    pub tags: Vec<String>,
    /// Tools the trace must all have called.
    pub tools: Vec<String>,
    /// A pattern that must occur in the text of the input.
    pub input: Option<InputPattern>,
}

impl Match {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
            && self.tags.is_empty()
            && self.tools.is_empty()
            && self.input.is_none()
    }

    /// Whether the trace is one this scenario is for.
    pub fn matches(&self, trace: &Trace) -> bool {
        !self.is_empty()
            && (self.names.is_empty() || self.names.iter().any(|name| name.fits(&trace.name)))
            && self.tags.iter().all(|tag| trace.tags.contains(tag))
            && self.tools_are_called(trace)
            && self.input.as_ref().is_none_or(|pattern| {
                trace
                    .input_text()
                    .is_some_and(|text| pattern.regex.is_match(&text))
            })
    }

    fn tools_are_called(&self, trace: &Trace) -> bool {
        if self.tools.is_empty() {
            return true;
        }
        let called: BTreeSet<&str> = trace
            .spans
            .iter()
            .filter_map(|span| span.tool.as_ref())
            .map(|tool| tool.name.as_str())
            .collect();
        self.tools.iter().all(|tool| called.contains(tool.as_str()))
    }

    /// How narrow the condition is; of several scenarios that match a trace the highest is
    /// meant. More conditions count before more letters of the name.
    pub fn specificity(&self) -> u32 {
        let conditions = usize::from(!self.names.is_empty())
            + self.tags.len()
            + self.tools.len()
            + usize::from(self.input.is_some());
        // Of several names the least narrow is what the condition asks for at least.
        let letters = self
            .names
            .iter()
            .map(NamePattern::letters)
            .min()
            .unwrap_or(0);
        let total = conditions.saturating_mul(1_000) + letters.min(999);
        u32::try_from(total).unwrap_or(u32::MAX)
    }
}

/// A trace name with `*` for any text and `?` for any character.
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    regex: Regex,
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is too long to be compiled.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        let mut source = String::from("^");
        for c in text.chars() {
            match c {
                '*' => source.push_str(".*"),
                '?' => source.push('.'),
                other => source.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        source.push('$');
        let regex = RegexBuilder::new(&source)
            .dot_matches_new_line(true)
            .size_limit(PATTERN_SIZE_LIMIT)
            .build()?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `name` is as the pattern says.
    pub fn fits(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// How many characters it says, `*` and `?` apart: the more, the narrower.
    pub fn letters(&self) -> usize {
        self.text
            .chars()
            .filter(|c| !matches!(c, '*' | '?'))
            .count()
    }
}

/// A regular expression that must occur in a trace's input.
#[derive(Debug, Clone)]
pub struct InputPattern {
    source: String,
    ignore_case: bool,
    regex: Regex,
}

impl PartialEq for InputPattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.ignore_case == other.ignore_case
    }
}

impl InputPattern {
    /// Reads a regular expression, without its slashes.
    ///
    /// # Errors
    /// When it is not one, or too large.
    pub fn new(source: &str, ignore_case: bool) -> Result<Self, regex::Error> {
        let regex = RegexBuilder::new(source)
            .case_insensitive(ignore_case)
            .size_limit(PATTERN_SIZE_LIMIT)
            .build()?;
        Ok(Self {
            source: source.to_owned(),
            ignore_case,
            regex,
        })
    }

    /// The expression without its slashes.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether upper and lower case are the same.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }
}

#[cfg(test)]
mod tests {
    use archal_core::trace::{Span, ToolCall};
    use serde_json::json;

    use super::*;

    fn trace() -> Trace {
        Trace {
            name: "stale-issue-sweep".to_owned(),
            tags: vec!["nightly".to_owned(), "janitor".to_owned()],
            input: Some(json!("Close stale issues in acme/webapp")),
            spans: vec![Span {
                tool: Some(ToolCall {
                    name: "list_issues".to_owned(),
                    ..ToolCall::default()
                }),
                ..Span::default()
            }],
            ..Trace::default()
        }
    }

    fn names(patterns: &[&str]) -> Match {
        Match {
            names: patterns
                .iter()
                .map(|text| NamePattern::new(text).expect("valid"))
                .collect(),
            ..Match::default()
        }
    }

    #[test]
    fn every_written_part_must_hold() {
        assert!(names(&["stale*"]).matches(&trace()));
        assert!(names(&["other", "stale-?ssue-sweep"]).matches(&trace()));
        assert!(
            !names(&["stale"]).matches(&trace()),
            "the whole name must fit"
        );
        assert!(!names(&["stale.*"]).matches(&trace()), "a dot is a dot");
        let both = Match {
            tags: vec!["janitor".to_owned()],
            tools: vec!["list_issues".to_owned()],
            input: Some(InputPattern::new("CLOSE .* acme", true).expect("valid")),
            ..names(&["stale*"])
        };
        assert!(both.matches(&trace()));
        for narrower in [
            Match {
                tags: vec!["janitor".to_owned(), "weekly".to_owned()],
                ..both.clone()
            },
            Match {
                tools: vec!["close_issue".to_owned()],
                ..both.clone()
            },
            Match {
                input: Some(InputPattern::new("CLOSE", false).expect("valid")),
                ..both.clone()
            },
        ] {
            assert!(!narrower.matches(&trace()), "{narrower:?}");
        }
    }

    #[test]
    fn a_condition_without_parts_matches_nothing() {
        assert!(!Match::default().matches(&trace()));
    }

    #[test]
    fn narrower_conditions_are_more_specific() {
        let wide = names(&["stale*"]).specificity();
        let exact = names(&["stale-issue-sweep"]).specificity();
        let tagged = Match {
            tags: vec!["a".to_owned()],
            ..names(&["stale*"])
        }
        .specificity();
        assert!(wide < exact && exact < tagged, "{wide} {exact} {tagged}");
        assert_eq!(
            names(&["s*", "stale-issue-sweep"]).specificity(),
            names(&["s*"]).specificity()
        );
    }
}
