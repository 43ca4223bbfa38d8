//! What a fixer did beside repairing the agent, by the name of a rule.

use std::path::Path;

use archal_core::confined::{Confined, Rule, Witness};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::weakened::{self, Weakening};

/// The most that is told of one file.
const MOST_OF_A_FILE: usize = 20;

/// Something a fixer did that it may not, or that a person has to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breach {
    /// The rule.
    pub rule: BreachRule,
    /// The file, relative to the repository; none where it is about no file.
    pub path: Option<String>,
    /// What was seen, one sentence.
    pub detail: String,
    /// What became of it.
    pub consequence: Consequence,
}

/// The rules for fixers. A closed list.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BreachRule {
    /// A test, or a file of tests, is not there any more.
    TestDeleted,
    /// A test is not run, or can end before it fails.
    TestSkipped,
    /// A test asserts fewer things.
    FewerAssertions,
    /// A test asserts less of a thing.
    ExpectationsLoosened,
    /// A test asserts something else.
    ExpectationsChanged,
    /// Tests were changed otherwise.
    TestChanged,
    /// A scenario, a seed or archal's configuration was changed.
    ScenarioChanged,
    /// A symbolic link or a submodule was added.
    LinkAdded,
    /// A hook for git was put into the workspace.
    GitHook,
    /// A file was changed that says what is installed.
    DependenciesChanged,
    /// A file was changed that says what runs elsewhere: CI, build, instructions to agents.
    ProtectedFile,
    /// The patch holds one of the user's keys.
    SecretInPatch,
    /// The fixer printed one of the user's keys.
    SecretPrinted,
    /// With the patch the agent makes no call at all.
    AgentSilenced,
    /// The patch holds for the names and numbers of one trace only.
    SpecialCased,
    /// There is no change to prove.
    NoChange,
    /// The fixer tried to write outside its own folders.
    WroteOutside,
    /// The fixer looked for credentials; there was nothing in them.
    ReadCredentials,
    /// The fixer tried to reach a host that it may not.
    CalledOut,
    /// Programs of the fixer ran on when it had ended, and were ended.
    LeftRunning,
    /// The fixer wanted more processes or memory than it has.
    OverLimits,
    /// The fixer made a system call that it may not.
    ForbiddenCall,
}

impl BreachRule {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::TestDeleted => "test_deleted",
            Self::TestSkipped => "test_skipped",
            Self::FewerAssertions => "fewer_assertions",
            Self::ExpectationsLoosened => "expectations_loosened",
            Self::ExpectationsChanged => "expectations_changed",
            Self::TestChanged => "test_changed",
            Self::ScenarioChanged => "scenario_changed",
            Self::LinkAdded => "link_added",
            Self::GitHook => "git_hook",
            Self::DependenciesChanged => "dependencies_changed",
            Self::ProtectedFile => "protected_file",
            Self::SecretInPatch => "secret_in_patch",
            Self::SecretPrinted => "secret_printed",
            Self::AgentSilenced => "agent_silenced",
            Self::SpecialCased => "special_cased",
            Self::NoChange => "no_change",
            Self::WroteOutside => "wrote_outside",
            Self::ReadCredentials => "read_credentials",
            Self::CalledOut => "called_out",
            Self::LeftRunning => "left_running",
            Self::OverLimits => "over_limits",
            Self::ForbiddenCall => "forbidden_call",
        }
    }
}

/// What became of what a fixer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// It was undone before the proof and is not in the patch.
    PutBack,
    /// The patch is not proven because of it.
    Refused,
    /// It is in the patch, for a person to review.
    Review,
    /// It had no effect.
    Without,
}

impl Breach {
    /// One without a file.
    pub fn new(rule: BreachRule, detail: impl Into<String>, consequence: Consequence) -> Self {
        Self {
            rule,
            path: None,
            detail: detail.into(),
            consequence,
        }
    }

    /// The same about a file.
    pub fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// As the reason why there is no proven patch.
    pub fn reason(&self) -> String {
        let place = self.path.as_ref();
        let place = place.map_or_else(String::new, |path| format!("{path}: "));
        format!("{}: {place}{}", self.rule.name(), self.detail)
    }
}

/// What the sandbox refused a fixer: none of it had an effect.
pub fn of_confined(confined: Option<&Confined>) -> Vec<Breach> {
    let refused = confined.into_iter().flat_map(|confined| &confined.refused);
    refused
        .map(|refusal| {
            let rule = match refusal.rule {
                Rule::WritesOutside => BreachRule::WroteOutside,
                Rule::Credentials => BreachRule::ReadCredentials,
                Rule::Network => BreachRule::CalledOut,
                Rule::Survivors => BreachRule::LeftRunning,
                Rule::Processes | Rule::Memory => BreachRule::OverLimits,
                Rule::SystemCalls => BreachRule::ForbiddenCall,
            };
            let detail = match refusal.by {
                Witness::Seen => refusal.what.clone(),
                Witness::Said => format!("it says: {}", refusal.what),
            };
            Breach::new(rule, detail, Consequence::Without)
        })
        .collect()
}

/// How a changed file tests less than before, as far as it can be told. `before` and `after` are
/// its text; none where it is not there or no text.
pub fn of_tests(
    path: &Path,
    before: Option<&str>,
    after: Option<&str>,
    consequence: Consequence,
) -> Vec<Breach> {
    let Some(was) = before.and_then(|text| weakened::tests_of(path, text)) else {
        return Vec::new();
    };
    let is = after.and_then(|text| weakened::tests_of(path, text));
    let shown = path.display().to_string();
    let found = weakened::compare(&was, &is.unwrap_or_default());
    let found = found.into_iter().take(MOST_OF_A_FILE).map(|one| {
        let rule = match one.how {
            Weakening::Deleted => BreachRule::TestDeleted,
            Weakening::Skipped => BreachRule::TestSkipped,
            Weakening::FewerAssertions => BreachRule::FewerAssertions,
            Weakening::Loosened => BreachRule::ExpectationsLoosened,
            Weakening::OtherExpectation => BreachRule::ExpectationsChanged,
        };
        Breach::new(rule, one.detail, consequence).at(&shown)
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_as_files_have_it() {
        for rule in [
            BreachRule::TestDeleted,
            BreachRule::FewerAssertions,
            BreachRule::NoChange,
            BreachRule::SecretInPatch,
            BreachRule::GitHook,
        ] {
            let value = serde_json::to_value(rule).expect("a name");
            assert_eq!(value, rule.name());
        }
    }

    #[test]
    fn a_file_of_tests_that_is_gone_has_each_of_them_deleted() {
        let before = "def test_a():\n    assert x == 1\n";
        let found = of_tests(
            Path::new("test_a.py"),
            Some(before),
            None,
            Consequence::PutBack,
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].reason(),
            "test_deleted: test_a.py: test_a is not there any more"
        );
    }
}
