//! Files that archal writes and people may edit: taken whole, or refused with the place of each
//! mistake. Nothing in them is overlooked, because archal writes them again.

use std::collections::BTreeMap;

use archal_core::diagnostic::{Diagnostic, Span};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;

use super::{check, document};

/// A file that was read, with the place of every value.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<T> {
    /// What it says.
    pub value: T,
    /// By dotted path.
    spans: BTreeMap<String, Span>,
}

impl<T> Read<T> {
    pub(super) fn new(value: T, spans: BTreeMap<String, Span>) -> Self {
        Self { value, spans }
    }

    /// Where the value at a dotted path stands; of the whole file for an empty one.
    pub fn span(&self, path: &str) -> Option<Span> {
        self.spans.get(path).copied()
    }
}

/// Reads the text of a file with this `schema` name and `version`. A newer one is refused as that,
/// before anything in it is found to be unknown.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read<T: DeserializeOwned + JsonSchema>(
    text: &str,
    schema: &str,
    version: u64,
) -> Result<Read<T>, Vec<Diagnostic>> {
    let node = document::parse_plain(text).map_err(|finding| vec![finding])?;
    let whole = node.to_value();
    let spans = node.spans();
    let at = |finding: Diagnostic, path: &str| match spans.get(path) {
        Some(span) => vec![finding.at(*span)],
        None => vec![finding.at(node.span)],
    };
    if whole["schema"] != schema {
        let finding = Diagnostic::error("config/schema", format!("`schema` is not `{schema}`"));
        return Err(at(finding, "schema"));
    }
    match whole["version"].as_u64() {
        Some(found) if found > version => {
            let finding = Diagnostic::error(
                "config/newer-version",
                format!("the file has version {found}; this release reads {version}"),
            );
            return Err(at(finding.with_help("update archal"), "version"));
        }
        Some(found) if found == version => {}
        _ => {
            let finding = Diagnostic::error("config/version", "`version` is not known");
            return Err(at(finding, "version"));
        }
    }
    let shape = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>();
    let findings = check::check_plain(&node, shape.as_value());
    if !findings.is_empty() {
        return Err(findings);
    }
    match serde_json::from_value(whole) {
        Ok(value) => Ok(Read::new(value, spans)),
        Err(error) => {
            let finding = Diagnostic::error("config/value", error.to_string());
            Err(at(finding, ""))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Shape {
        schema: String,
        version: u64,
        #[serde(default)]
        names: BTreeMap<String, bool>,
    }

    fn told(text: &str) -> Vec<(String, String)> {
        let findings = read::<Shape>(text, "t", 1).expect_err("refused");
        let part = |finding: &Diagnostic| {
            finding.span.map_or_else(String::new, |span| {
                text.get(span.start..span.end)
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        findings
            .iter()
            .map(|finding| (finding.message.clone(), part(finding)))
            .collect()
    }

    #[test]
    fn mistakes_are_told_with_their_places_and_nothing_is_overlooked() {
        let good = r#"{"schema": "t", "version": 1, "names": {"a": true}}"#;
        let good = read::<Shape>(good, "t", 1).expect("fine");
        assert!(good.value.names["a"]);
        assert!(good.span("names.a").is_some());
        let all = [
            told(r#"{"schema": "t", "version": 2, "new": 1}"#),
            told(r#"{"schema": "x", "version": 1}"#),
            told(r#"{"schema": "t", "version": 1, "nmaes": {}}"#),
            told(r#"{"schema": "t", "version": 1, "names": {"a": "yes"}}"#),
            told(r#"{"schema": "t", "version": 1 /* why */}"#),
            told(r#"[]"#),
        ];
        insta::assert_debug_snapshot!(all);
    }
}
