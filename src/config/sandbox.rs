//! How far a fixer, the set-up and the validation command are confined.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far they are confined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Wholly, or they do not run.
    Required,
    /// As far as this machine can; what is missing is recorded.
    #[default]
    BestEffort,
    /// Not at all: they may do what you may.
    Off,
}

impl SandboxMode {
    /// As it is written in configurations and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
            Self::Off => "off",
        }
    }
}
