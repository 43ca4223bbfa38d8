//! Every key of `.archal.json`.
//!
//! A doc comment here is the key's documentation in `.archal.example.json`, in the JSON Schema
//! and in error messages. A key whose feature is not built is not here but in
//! `check::PLANNED`, so that it is refused rather than ignored.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amounts::{Age, Size};
use super::fixer::FixerSettings;
use super::grade::GradeSettings;
use super::preprod::{AttachPreprod, Preprod};
use super::publish::Publish;
use super::sandbox::SandboxMode;

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
    /// Satisfaction below which a scenario has failed, 0 to 100; a scenario's own wins. `null`
    /// is 100.
    #[schemars(range(min = 0, max = 100))]
    pub pass_threshold: Option<f64>,
    /// The same for the mean over the scenarios with a tag, by tag. It holds in place of the
    /// thresholds of scenarios with that tag that set none of their own.
    pub tag_thresholds: BTreeMap<String, f64>,
    /// How the agent's traffic reaches the clones.
    pub route: Route,
    /// Whether the agent is told the clones' own URLs in `isolated` too, where it needs none.
    pub expose_clone_urls: bool,
    /// Environment variables with the agent's own model keys, by name. No other child gets them.
    pub agent_keys: Vec<String>,
    /// How a clean copy of this repository is made ready to run.
    pub workspace: Workspace,
    /// Which of the agent's own tools call a service, and how: by the tool's name, in which `*` is
    /// any text. Official MCP tools and methods of SDKs are known without it.
    pub tools: BTreeMap<String, ToolMapping>,
    /// What happens with failed traces.
    pub attach: Attach,
    /// The coding agent that repairs.
    pub fixer: FixerSettings,
    /// How traces are graded beside the scenarios they match.
    pub grade: GradeSettings,
    /// What takes the place of what has no clone when a failed trace is run again.
    pub reproduce: Reproduce,
    /// What `archal preprod run` may do.
    pub preprod: Preprod,
    /// Who decides `[P]` criteria. Without a provider and a model nobody does, and they are not
    /// evaluated.
    pub judge: Judge,
    /// What attempts may cost.
    pub budget: Budget,
    /// Which values are kept from disk, logs, models and children.
    pub redaction: Redaction,
    /// How long what archal keeps in its state folder is kept; `archal prune` and the watcher
    /// remove what is older. What something still refers to stays.
    pub retention: Retention,
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
            pass_threshold: None,
            tag_thresholds: BTreeMap::new(),
            route: Route::default(),
            expose_clone_urls: false,
            agent_keys: Vec::new(),
            workspace: Workspace::default(),
            tools: BTreeMap::new(),
            attach: Attach::default(),
            fixer: FixerSettings::default(),
            grade: GradeSettings::default(),
            reproduce: Reproduce::default(),
            preprod: Preprod::default(),
            judge: Judge::default(),
            budget: Budget::default(),
            redaction: Redaction::default(),
            retention: Retention::default(),
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
    /// The route: `auto` takes `isolated` where user namespaces work and `shim` elsewhere.
    pub mode: RouteMode,
    /// What the agent may reach beside the clones: `api.openai.com` (TLS, handed on
    /// undecrypted), `db.internal:5432` (TCP), `localhost:11434` (a port of this machine),
    /// `unix:/run/docker.sock` (a Unix socket of this machine).
    pub allow: Vec<String>,
}

/// A route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteMode {
    /// `isolated` where user namespaces work, else `shim`.
    #[default]
    Auto,
    /// A network namespace that holds nothing but the clones.
    Isolated,
    /// Connections of Node and Python are led to the clones from within; proxy variables for the rest.
    Shim,
    /// A proxy named in the usual variables; clients that ignore them are not held.
    Proxy,
    /// Base URLs in variables and nothing else; nothing is intercepted.
    Direct,
}

/// How a clean copy of this repository is made ready to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Workspace {
    /// A command that installs dependencies in the copy: `npm ci`.
    pub setup: Option<String>,
    /// Folders shared read-only from this repository: `node_modules`, `.venv`.
    /// `null` shares folders of dependencies that git does not track, beside a lock file or below one.
    pub share: Option<Vec<String>>,
    /// Variables of the caller the harness needs there, by name.
    pub env: Vec<String>,
}

/// What a tool of the agent's own stands for. `{name}` in texts is an argument of the call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ToolMapping {
    /// Whether the tool touches no service at all.
    pub local: bool,
    /// The clone of the service that it calls.
    pub clone: Option<String>,
    /// The request that it sends: `GET /repos/{owner}/{repo}/issues?state={state}`.
    pub call: Option<String>,
    /// The body of the request. Without it a request that has one carries the arguments that
    /// `call` does not name.
    pub body: Option<BTreeMap<String, Value>>,
    /// Where in the tool's result the service's answer is, as a JSON pointer: `/data/issues`.
    /// Without it the result is the answer.
    pub result: Option<String>,
    /// Where the result says that the call failed, as a JSON pointer: `/error`.
    pub error: Option<String>,
}

/// What takes the place of what has no clone when a failed trace is run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Reproduce {
    /// The agent's model: `live` is the one it calls itself, with its own keys; `recorded` answers
    /// as in the trace until the agent asks something else, and never proves a fix.
    pub model: ReproduceModel,
    /// Whether services without a clone answer as in the trace. Without it a trace that calls one
    /// is blocked.
    pub replay: bool,
}

impl Default for Reproduce {
    fn default() -> Self {
        Self {
            model: ReproduceModel::default(),
            replay: true,
        }
    }
}

/// The agent's model in an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReproduceModel {
    /// The one that it calls itself.
    #[default]
    Live,
    /// The turns of the trace.
    Recorded,
}

/// What happens with failed traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Attach {
    /// How far `archal attach` goes. `reproduce` is the permission to run this repository's
    /// harness on trace input; `fix` needs `allowExternalExecution` too.
    pub policy: ExecutionPolicy,
    /// How many times a failure is run to reproduce it.
    #[schemars(range(min = 1, max = 100))]
    pub reproduce_runs: u32,
    /// How many jobs may run the agent or a fixer at once, over all kinds of work of this
    /// repository. `null` is half the processors, at least 1.
    #[schemars(range(min = 1, max = 64))]
    pub jobs: Option<u32>,
    /// The shortest pause between two scans of the trace directory, in seconds. New files are
    /// seen at once where the system tells of them; a scan finds what it did not tell.
    #[schemars(range(min = 1, max = 86400))]
    pub poll: u32,
    /// The program that tries to repair the agent, as a command line.
    pub fix_command: Option<String>,
    /// Wall-clock limit of one fix attempt, in seconds.
    #[schemars(range(min = 1, max = 86400))]
    pub fix_timeout: u32,
    /// A shell command that must succeed with a fix before it counts: `make test`.
    pub validation_command: Option<String>,
    /// How far a fixer, the set-up and the validation command are confined.
    pub sandbox: SandboxMode,
    /// Whether commands that are not the harness may run: the fix, validation and notify commands.
    pub allow_external_execution: bool,
    /// The most that may be spent on one trace, in dollars, or `"none"`; `null` takes
    /// `budget.perTraceUsd`.
    pub budget_usd: Option<BudgetCap>,
    /// Who is told of failures, and of what.
    pub notify: Notify,
    /// Whether a proven fix is published, as `publish` says. Needs `allowExternalExecution`.
    pub open_pr: bool,
    /// Where and as what a proven fix is published.
    pub publish: Publish,
    /// When the watcher runs the loop before a change ships.
    pub preprod: AttachPreprod,
}

impl Default for Attach {
    fn default() -> Self {
        Self {
            policy: ExecutionPolicy::default(),
            reproduce_runs: 3,
            jobs: None,
            poll: 5,
            fix_command: None,
            fix_timeout: 900,
            validation_command: None,
            sandbox: SandboxMode::default(),
            allow_external_execution: false,
            budget_usd: None,
            notify: Notify::default(),
            open_pr: false,
            publish: Publish::default(),
            preprod: AttachPreprod::default(),
        }
    }
}

/// Who is told of failures: a command, or a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Notify {
    /// A shell command that is run for each notice. The notice is a JSON file, whose path is in
    /// `ARCHAL_NOTICE_FILE`. Needs `attach.allowExternalExecution`.
    pub command: Option<String>,
    /// A URL that each notice is posted to as JSON. One that holds a secret, as those of chat
    /// services do, is named by `webhookEnv` instead.
    pub webhook: Option<String>,
    /// The environment variable that holds the webhook's URL.
    pub webhook_env: Option<String>,
    /// What is told: `new`, `reproduced`, `blocked`, `fix_failed`, `fixed`, `reopened`.
    pub on: Vec<NoticeEvent>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            command: None,
            webhook: None,
            webhook_env: None,
            on: vec![
                NoticeEvent::New,
                NoticeEvent::Blocked,
                NoticeEvent::Fixed,
                NoticeEvent::Reopened,
            ],
        }
    }
}

/// What happens to a failure.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    /// A trace shows it for the first time.
    New,
    /// It shows on HEAD.
    Reproduced,
    /// Something is missing to go on: evidence, a harness, a fixer, a permission.
    Blocked,
    /// A fixer ran and there is no proven patch.
    FixFailed,
    /// There is a proven patch.
    Fixed,
    /// It shows again after a fix.
    Reopened,
}

impl NoticeEvent {
    /// As it is written in reports and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reproduced => "reproduced",
            Self::Blocked => "blocked",
            Self::FixFailed => "fix_failed",
            Self::Fixed => "fixed",
            Self::Reopened => "reopened",
        }
    }
}

/// How long what archal keeps is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retention {
    /// The evidence of runs, as `30d`; `null` for ever.
    pub runs: Option<Age>,
    /// Imports, grades and seeds of traces, as `90d`; `null` for ever.
    pub traces: Option<Age>,
    /// All of it together, as `5GB`: above that the oldest goes first; `null` for no limit.
    pub max_bytes: Option<Size>,
}

impl Retention {
    /// What removes nothing that one of the two keeps.
    #[must_use]
    pub fn longest(&self, other: &Self) -> Self {
        // None is for ever.
        fn longer<T: Ord + Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.zip(other).map(|(one, other)| one.max(other))
        }
        Self {
            runs: longer(self.runs, other.runs),
            traces: longer(self.traces, other.traces),
            max_bytes: longer(self.max_bytes, other.max_bytes),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            runs: Some(Age::days(30)),
            traces: Some(Age::days(90)),
            max_bytes: Some(Size::bytes(5_000_000_000)),
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

impl ExecutionPolicy {
    /// As it is written in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Grade => "grade",
            Self::Reproduce => "reproduce",
            Self::Fix => "fix",
        }
    }
}

/// Who decides `[P]` criteria.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Judge {
    /// Whose protocol the judge speaks: `openai`, which many servers speak, `anthropic`, `gemini` or
    /// `ollama`. `null` takes the one that the model's name tells: `claude-…`, `gpt-…`, `gemini-…`.
    pub provider: Option<JudgeProvider>,
    /// The model, as its provider names it. A scenario's `evaluator-model` wins, `--judge-model`
    /// over both.
    pub model: Option<String>,
    /// The address of the provider: `http://localhost:8000/v1`. `null` is the provider's own.
    pub base_url: Option<String>,
    /// The environment variable that holds the judge's key. No child of archal gets it, so it is
    /// not the variable of the agent's own key.
    pub api_key_env: String,
    /// The most that one invocation may spend on the judge, and `archal attach` for one trace, in
    /// dollars, or `"none"`.
    pub budget_usd: BudgetCap,
    /// How long the judge may take for one answer, in seconds.
    #[schemars(range(min = 1, max = 3600))]
    pub timeout: u32,
}

impl Default for Judge {
    fn default() -> Self {
        Self {
            provider: None,
            model: None,
            base_url: None,
            api_key_env: "ARCHAL_JUDGE_API_KEY".to_owned(),
            budget_usd: BudgetCap::Usd(1.0),
            timeout: 120,
        }
    }
}

/// A protocol of model providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JudgeProvider {
    /// Chat completions of OpenAI and of the many servers that are compatible with it.
    OpenAi,
    /// Messages of Anthropic.
    Anthropic,
    /// Content generation of Gemini.
    Gemini,
    /// The chat of Ollama.
    Ollama,
}

/// What attempts may cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Budget {
    /// The most that may be spent on one trace, in dollars, or `"none"`.
    pub per_trace_usd: BudgetCap,
    /// The most that you may spend in a day (UTC) in all projects, in dollars, or `"none"`.
    pub per_day_usd: BudgetCap,
    /// A file with prices of your own, relative to this file; they win over the prices that
    /// come with archal (`archal schema prices`).
    pub prices: Option<String>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            per_trace_usd: BudgetCap::Usd(1.0),
            per_day_usd: BudgetCap::Usd(5.0),
            prices: None,
        }
    }
}

/// A cap: dollars, or the word `none`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BudgetCap {
    /// Dollars.
    Usd(#[schemars(range(min = 0, max = 1_000_000))] f64),
    /// No cap.
    Word(NoCap),
}

/// The word that says that there is no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoCap {
    /// No cap.
    None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_retentions_the_longer_of_each_counts() {
        let one = Retention {
            runs: Some(Age::days(1)),
            traces: Some(Age::days(9)),
            max_bytes: None,
        };
        let other = Retention {
            runs: Some(Age::days(2)),
            traces: Some(Age::days(3)),
            max_bytes: Some(Size::bytes(7)),
        };
        let longest = Retention {
            runs: Some(Age::days(2)),
            ..one.clone()
        };
        assert_eq!(one.longest(&other), longest);
        assert_eq!(other.longest(&one), longest);
    }
}
