//! The coding agent that repairs: `fixer`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The coding agent that repairs. It runs only where `attach.allowExternalExecution` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FixerSettings {
    /// The agent: `aider`, `claude`, `codex`, `copilot`, `gemini`, `opencode`; or `pdca`, cycles of agents with
    /// reviewers. It takes the place of `attach.fixCommand`, unless `--fix-command` is given.
    pub name: Option<FixerName>,
    /// The model it is told to use.
    pub model: Option<String>,
    /// The environment variable that holds its key. `null` is the agent's own, such as
    /// `ANTHROPIC_API_KEY`, where that is not one of `agentKeys`.
    pub key_env: Option<String>,
    /// What it may reach beside the clones, in the words of `route.allow`. `null` is the hosts of its
    /// model; for `attach.fixCommand`, those of all known coding agents' models.
    pub hosts: Option<Vec<String>>,
    /// Further arguments of its command line.
    pub args: Vec<String>,
    /// After how many seconds without output it is ended. `null` is 600.
    #[schemars(range(min = 1, max = 86400))]
    pub idle_timeout: Option<u32>,
}

/// A coding agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FixerName {
    /// aider.
    Aider,
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Copilot CLI.
    Copilot,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// Cycles of agents with reviewers: `driver` in `.archeflow/config.yaml` plays the roles.
    Pdca,
}

impl FixerName {
    /// As it is written in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aider => "aider",
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Copilot => "copilot",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
            Self::Pdca => "pdca",
        }
    }
}
