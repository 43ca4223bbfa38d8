//! The plan: `preprod-plan.json`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of `schema` in the document.
pub const SCHEMA: &str = "archal.preprod-plan";
/// The version of the document written here.
pub const VERSION: u32 = 1;

/// What a repository has and lacks for the loop. On stdout and in `preprod-plan.json` it is a
/// document with [`SCHEMA`] and [`VERSION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreprodPlan {
    /// The repository.
    pub repo: PathBuf,
    /// What is there.
    pub found: Found,
    /// The scenarios that are proposed, where there is a clone for them.
    pub authored_scenarios: Vec<AuthoredScenario>,
    /// The configuration that is proposed.
    pub config: ProposedConfig,
    /// What is missing, and how to supply it.
    pub missing: Vec<Missing>,
    /// What could not be read, and other things to know.
    pub notes: Vec<String>,
    /// The command that comes next.
    pub next: String,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Languages, by manifests and code: `javascript`, `python`, `rust`.
    pub languages: Vec<String>,
    /// How the agent is started, and what says so.
    pub agent: Option<Entry>,
    /// Other programs that may be the agent.
    pub other_agents: Vec<Entry>,
    /// Services that SDKs, MCP servers and addresses in the code show.
    pub services: Vec<SeenService>,
    /// Files in which MCP servers are configured.
    pub mcp_configs: Vec<String>,
    /// Tools that the code declares.
    pub tools: Vec<DeclaredTool>,
    /// Files with tests, the first of them.
    pub tests: Vec<String>,
    /// The command that runs them, where it is evident.
    pub test_command: Option<String>,
    /// Scenario files.
    pub scenarios: Vec<String>,
    /// Files of CI.
    pub ci: Vec<String>,
    /// The remote `origin`, without credentials.
    pub remote: Option<String>,
    /// The configuration, where there is one.
    pub config: Option<String>,
}

/// A program that may be the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Program and arguments, or the file.
    pub command: Vec<String>,
    /// What says so.
    pub why: String,
}

/// A service that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenService {
    /// Its name.
    pub name: String,
    /// Whether this version has a clone of it.
    pub has_clone: bool,
    /// What shows it.
    pub shown_by: Vec<String>,
}

/// A tool that the code declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredTool {
    /// Its name.
    pub name: String,
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
}

/// What a starter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The agent starts and answers.
    Smoke,
    /// It looks and changes nothing.
    ReadOnly,
    /// It changes one thing.
    Write,
    /// What it is asked cannot be done.
    ErrorPath,
    /// A service fails once.
    Fault,
}

/// A scenario that is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthoredScenario {
    /// Where it is, or would be written, relative to the repository.
    pub path: String,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub kind: Kind,
    /// Its clones.
    pub clones: Vec<String>,
    /// Whether it was written.
    pub written: bool,
    /// Its text.
    pub text: String,
}

/// The configuration that is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposedConfig {
    /// Where it is, or would be written, relative to the repository.
    pub path: String,
    /// Whether it was written.
    pub written: bool,
    /// Why it was not, where it was asked for.
    pub reason: Option<String>,
    /// Its text.
    pub text: String,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// What.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// How to supply it.
    pub how: String,
}
