//! Every key of `.archal.json`.
//!
//! A doc comment here is the key's documentation in `.archal.example.json`, in the JSON Schema
//! and in error messages. A key whose feature is not built is not here but in
//! `check::PLANNED`, so that it is refused rather than ignored.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// The configuration of archal for one repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// How the agent's harness is started: a command line, or `{"command", "args", "env"}`.
    /// Without it a harness is looked for (`.archal/harness.*`, `harness.*`, `package.json`).
    pub agent: Option<Agent>,
    /// The name of this agent in reports.
    pub title: Option<String>,
    /// The services that get a clone, by name. A scenario's own list wins.
    pub clones: Vec<String>,
    /// Scenario files, folders and globs, relative to this file.
    pub scenarios: Vec<String>,
    /// The starting state of each clone: a seed's name or a seed file, by clone name.
    pub seeds: BTreeMap<String, String>,
    /// The model the agent is told to use (`AGENT_MODEL`).
    pub agent_model: Option<String>,
    /// How many times each scenario runs.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: u32,
    /// Wall-clock limit of one run, in seconds.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout: u32,
    /// How the agent's traffic reaches the clones.
    pub route: Route,
    /// Whether the agent is told the clones' own URLs in `isolated` too, where it needs none.
    pub expose_clone_urls: bool,
    /// Environment variables with the agent's own model keys, by name. No other child gets them.
    pub agent_keys: Vec<String>,
    /// How a clean copy of this repository is made ready to run.
    pub workspace: Workspace,
    /// What happens with failed traces.
    pub attach: Attach,
    /// Which values are kept from disk, logs, models and children.
    pub redaction: Redaction,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            agent: None,
            title: None,
            clones: Vec::new(),
            scenarios: Vec::new(),
            seeds: BTreeMap::new(),
            agent_model: None,
            runs: 1,
            timeout: 180,
            route: Route::default(),
            expose_clone_urls: false,
            agent_keys: Vec::new(),
            workspace: Workspace::default(),
            attach: Attach::default(),
            redaction: Redaction::default(),
        }
    }
}

/// How the agent's harness is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Agent {
    /// A command line, split into words as a shell would; no shell runs.
    Line(String),
    /// Program, arguments and additional variables.
    Command(AgentCommand),
}

/// A program, its arguments and additional variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentCommand {
    /// The program.
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Variables it gets in addition; `${NAME}` in a value is replaced by the caller's variable.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// How the agent's traffic reaches the clones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Route {
    /// The route: `auto` takes `isolated` where user namespaces work and `proxy` elsewhere.
    pub mode: RouteMode,
}

/// A route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteMode {
    /// `isolated` where user namespaces work, else `proxy`.
    #[default]
    Auto,
    /// A network namespace that holds nothing but the clones.
    Isolated,
    /// A proxy named in the usual variables; clients that ignore them are not held.
    Proxy,
}

/// How a clean copy of this repository is made ready to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Workspace {
    /// A command that installs dependencies in the copy: `npm ci`.
    pub setup: Option<String>,
    /// Folders shared read-only from this repository: `node_modules`, `.venv`.
    /// `null` shares ignored dependency folders that stand beside a lock file.
    pub share: Option<Vec<String>>,
    /// Variables of the caller the harness needs there, by name.
    pub env: Vec<String>,
}

/// What happens with failed traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Attach {
    /// How far `archal attach` goes. `reproduce` is the permission to run this repository's
    /// harness on trace input; `fix` needs `allowExternalExecution` too.
    pub policy: ExecutionPolicy,
    /// How many times a failure is run to reproduce it.
    #[schemars(range(min = 1, max = 100))]
    pub reproduce_runs: u32,
    /// The program that tries to repair the agent, as a command line.
    pub fix_command: Option<String>,
    /// Wall-clock limit of one fix attempt, in seconds.
    #[schemars(range(min = 1, max = 86400))]
    pub fix_timeout: u32,
    /// A shell command that must succeed with a fix before it counts: `make test`.
    pub validation_command: Option<String>,
    /// Whether commands that are not the harness may run: the fix and validation commands.
    pub allow_external_execution: bool,
}

impl Default for Attach {
    fn default() -> Self {
        Self {
            policy: ExecutionPolicy::default(),
            reproduce_runs: 3,
            fix_command: None,
            fix_timeout: 900,
            validation_command: None,
            allow_external_execution: false,
        }
    }
}

/// How far `archal attach` goes with a trace.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionPolicy {
    /// Import it.
    Observe,
    /// And decide whether it failed.
    #[default]
    Grade,
    /// And run the harness until the failure shows.
    Reproduce,
    /// And let a fixer repair the agent.
    Fix,
}

/// Which values are kept from disk, logs, models and children.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Redaction {
    /// Field names that are never redacted, in addition to those the clones need.
    pub keep: Vec<String>,
    /// Whether names and e-mail addresses of people are replaced by pseudonyms, the same person
    /// always by the same.
    pub personal: bool,
    /// Secrets only you know, found wherever they stand.
    pub patterns: Vec<Pattern>,
    /// Values that are no secrets: an expression that matches the whole value, or the value.
    pub allow: Vec<String>,
}

/// A secret only the user knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pattern {
    /// What it is counted as in reports: `rule:<id>`.
    pub id: String,
    /// An expression of the Rust `regex` crate: no look-around, no back-references.
    pub regex: String,
    /// The group that is the secret; without it the whole match is.
    #[serde(default)]
    pub secret_group: Option<u32>,
}

/// The JSON Schema of `.archal.json`.
pub fn json_schema() -> Schema {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Config>()
}
