//! What was proved of a patch, for whoever opens the pull request: `validation.json`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::MOST_IN_VARIABLE;
use super::report::{Proved, ScenarioOutcome, ValidationOutcome};

/// The value of `schema` in the document.
pub const SCHEMA: &str = "archal.preprod-validation";
/// The version of the document written here.
pub const VERSION: u32 = 1;

/// A proved patch as a branch to be pushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidatedDocument {
    /// Always `archal.preprod-validation`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// Whether texts and lists were left out, so that ids alone are left.
    pub truncated: bool,
    /// The commit that the patch applies to.
    pub base: String,
    /// The branch it is to be merged into.
    pub into: String,
    /// The branch to push, which is checked out.
    pub branch: String,
    /// Its commit: the pull request must end at it.
    pub commit: String,
    /// The address of the remote, as the repository has it.
    pub remote: String,
    /// The title of the pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Files that the branch changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Each scenario as it ended with the patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioOutcome>,
    /// The scenarios that were the fixer's: red without the patch, green with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proved: Vec<Proved>,
    /// The ids of the scenarios, in a truncated document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenario_ids: Vec<String>,
    /// The validation command, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationOutcome>,
    /// The whole patch.
    pub patch: PathBuf,
}

impl ValidatedDocument {
    /// As the value of a variable, at most 64 KiB: the whole, else ids, else as many ids as have room.
    pub fn in_variable(&self) -> String {
        let text = |document: &Self| serde_json::to_string(document).unwrap_or_default();
        let whole = text(self);
        if whole.len() <= MOST_IN_VARIABLE {
            return whole;
        }
        let ids = self.scenarios.iter().map(|one| one.scenario.clone());
        let mut cut = Self {
            truncated: true,
            title: None,
            body: None,
            files: Vec::new(),
            scenarios: Vec::new(),
            proved: Vec::new(),
            scenario_ids: ids.collect(),
            validation: None,
            ..self.clone()
        };
        loop {
            let said = text(&cut);
            if said.len() <= MOST_IN_VARIABLE || cut.scenario_ids.is_empty() {
                return said;
            }
            cut.scenario_ids.truncate(cut.scenario_ids.len() / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_a_variable_is_cut_to_ids_and_says_so() {
        let mut document = ValidatedDocument {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            truncated: false,
            base: "b".to_owned(),
            into: "main".to_owned(),
            branch: "archal/x".to_owned(),
            commit: "c".to_owned(),
            remote: "r".to_owned(),
            title: Some("T".to_owned()),
            body: Some("B".to_owned()),
            files: vec!["agent.py".to_owned()],
            scenarios: Vec::new(),
            proved: Vec::new(),
            scenario_ids: Vec::new(),
            validation: None,
            patch: PathBuf::from("p"),
        };
        assert!(document.in_variable().contains("\"truncated\":false"));
        document.body = Some("x".repeat(MOST_IN_VARIABLE));
        let cut = document.in_variable();
        insta::assert_snapshot!(cut, @r#"{"schema":"archal.preprod-validation","version":1,"truncated":true,"base":"b","into":"main","branch":"archal/x","commit":"c","remote":"r","patch":"p"}"#);
    }
}
