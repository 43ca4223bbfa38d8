//! The settings of runs: `config.yaml` and `hooks.yaml`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use archal_core::diagnostic::{Diagnostic, SourceText};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::place::Place;
use super::role::{Role, Workflow};
use crate::budget::amount::Usd;
use crate::config::{ConfigError, strict, yaml};

/// A larger file holds no settings.
const LARGEST: u64 = 1 << 20;
/// How long an agent may take, unless it is told otherwise.
const AGENT_SECONDS: u64 = 300;
/// What the format has and archal does without.
const NOT_USED: [&str; 9] = [
    "git.auto_push",
    "git.signing_key",
    "lenses",
    "memory",
    "models.mapping",
    "models.ollama",
    "models.provider",
    "patterns",
    "progress.file",
];

/// What the repository sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// `config.yaml`; the defaults where there is none.
    pub config: Config,
    /// `hooks.yaml`; none where there is none.
    pub hooks: Hooks,
    /// What was passed over, with the file it stands in.
    pub notes: Vec<(SourceText, Diagnostic)>,
}

/// Reads the settings of a repository.
///
/// # Errors
///
/// When a file cannot be read or is wrong.
pub fn load(place: &Place) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    if let Some(source) = source(&place.config())? {
        let read: strict::Read<Config> = read(&source)?;
        let mut wrong = Vec::new();
        let at = |finding: Diagnostic, path: &str| match read.span(path) {
            Some(span) => finding.at(span),
            None => finding,
        };
        if !read.value.git.enabled {
            let finding = Diagnostic::error(
                "pdca/git-needed",
                "`git.enabled: false` is not supported: runs work on a branch of their own",
            );
            wrong.push(at(finding, "git.enabled"));
        }
        if !is_prefix(&read.value.git.branch_prefix) {
            let finding = Diagnostic::error(
                "pdca/branch-prefix",
                "`git.branch_prefix` begins with a letter or digit and has letters, digits, `.`, `_`, `-` and `/` only",
            );
            wrong.push(at(finding, "git.branch_prefix"));
        }
        if !wrong.is_empty() {
            return Err(ConfigError::Invalid {
                diagnostics: wrong,
                file: Some(source),
            });
        }
        for path in NOT_USED {
            if let Some(span) = read.span(path) {
                let note = Diagnostic::note("pdca/not-used", format!("`{path}` is not used"));
                settings.notes.push((source.clone(), note.at(span)));
            }
        }
        settings.config = read.value;
    }
    if let Some(source) = source(&place.hooks())? {
        let read: strict::Read<Hooks> = read(&source)?;
        for name in read.value.other.keys() {
            let note = Diagnostic::note("pdca/unknown-hook", format!("there is no hook `{name}`"))
                .with_help(
                    "the hooks are `run-start`, `pre-merge`, `post-merge` and `run-complete`",
                );
            let note = match read.span(name) {
                Some(span) => note.at(span),
                None => note,
            };
            settings.notes.push((source.clone(), note));
        }
        settings.hooks = read.value;
    }
    Ok(settings)
}

/// The text of a file; none where there is none.
///
/// # Errors
///
/// When it cannot be read or is too large.
pub(super) fn source(path: &Path) -> Result<Option<SourceText>, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LARGEST {
        return Err(ConfigError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(Some(SourceText {
        path: path.to_owned(),
        text,
    }))
}

/// Reads a file.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    source: &SourceText,
) -> Result<strict::Read<T>, ConfigError> {
    let in_file = |finding: Diagnostic| finding.in_file(&source.path);
    match yaml::read(&source.text) {
        Ok(read) => Ok(read),
        Err(findings) => Err(ConfigError::Invalid {
            diagnostics: findings.into_iter().map(in_file).collect(),
            file: Some(source.clone()),
        }),
    }
}

fn is_prefix(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
        && !text.contains("//")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
}

/// `.archeflow/config.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The version of the file; any.
    pub version: Option<Value>,
    /// The workflow of runs that name none.
    pub workflow: Option<Workflow>,
    /// Whether a run goes in cycles; `pdca` without it.
    pub strategy: Strategy,
    /// The most cycles of a run; the workflow's own number without it.
    #[schemars(range(min = 1, max = 20))]
    pub max_cycles: Option<u32>,
    /// The coding agent that plays the roles, by the name `archal fixer list` shows.
    pub driver: Option<String>,
    /// Coding agents of this repository, by name.
    pub drivers: BTreeMap<String, Driver>,
    /// How long an agent may take, in seconds; 300 without it.
    #[schemars(range(min = 1, max = 86_400))]
    pub agent_timeout_seconds: Option<u64>,
    /// Whether hooks and the test command may run without `--allow-external-execution`.
    pub allow_external_execution: bool,
    /// What runs may cost.
    pub costs: Costs,
    /// How git is used.
    pub git: Git,
    /// The command that tests the merged change.
    pub test_command: Option<String>,
    /// Which models play the roles.
    pub models: Models,
    /// What the repository is about: `code`, `writing`, `research` or a file of `domains`.
    pub domain: Option<String>,
    /// The live display.
    pub progress: Progress,
    /// Whether failure modes of roles are looked for.
    #[schemars(extend("default" = true))]
    pub shadows: Option<bool>,
    /// Lessons of earlier runs; not used by archal.
    pub memory: Option<Value>,
    /// Added review rules; not used by archal.
    pub lenses: Option<Value>,
    /// Other orders of agents; not used by archal.
    pub patterns: Option<Value>,
}

impl Config {
    /// How long an agent may take, in seconds.
    pub fn agent_timeout(&self) -> u64 {
        self.agent_timeout_seconds.unwrap_or(AGENT_SECONDS)
    }
}

/// A coding agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// The command, for a shell.
    pub command: String,
}

/// How cycles go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Plan, Do, Check and Act, with cycles.
    #[default]
    Pdca,
    /// One pass, and one round of the Maker for what blocks.
    Pipeline,
    /// A pipeline where the task says fix, bug, patch or hotfix, and cycles otherwise.
    Auto,
}

impl std::str::FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pdca" => Ok(Self::Pdca),
            "pipeline" => Ok(Self::Pipeline),
            "auto" => Ok(Self::Auto),
            _ => Err("the strategies are pdca, pipeline and auto".to_owned()),
        }
    }
}

/// What runs may cost, in US dollars; what is not set is not limited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// A run.
    pub budget_usd: Option<Usd>,
    /// An agent.
    pub per_agent_usd: Option<Usd>,
    /// A day, over all runs.
    pub daily_usd: Option<Usd>,
    /// From how much of the budget on a run warns, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub warn_at_percent: Option<u8>,
}

/// How git is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Git {
    /// Whether runs work on a branch of their own; archal does nothing without.
    pub enabled: bool,
    /// What stands before the run's id in the name of its branch.
    pub branch_prefix: String,
    /// Whether an approved run is merged without being asked for.
    pub auto_merge: bool,
    /// How an approved run is merged.
    pub merge_strategy: MergeStrategy,
    /// How the message of a merge is written.
    pub commit_style: CommitStyle,
    /// Pushes after the merge; archal never does.
    pub auto_push: bool,
    /// The key commits are signed with; not used by archal.
    pub signing_key: Option<String>,
}

impl Default for Git {
    fn default() -> Self {
        Self {
            enabled: true,
            branch_prefix: "archeflow/".to_owned(),
            auto_merge: false,
            merge_strategy: MergeStrategy::default(),
            commit_style: CommitStyle::default(),
            auto_push: false,
            signing_key: None,
        }
    }
}

/// How an approved run is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MergeStrategy {
    /// With a merge commit.
    #[default]
    #[serde(rename = "no-ff")]
    NoFf,
}

/// How the messages of archal's own commits are written; a Maker writes its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommitStyle {
    /// `archeflow(act): …`
    #[default]
    Conventional,
    /// `act: …`
    Simple,
}

/// Which models play the roles; what is not set is the driver's own choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Any role.
    pub default: Option<String>,
    /// By role.
    pub archetypes: BTreeMap<Role, String>,
    /// By workflow.
    pub workflows: BTreeMap<Workflow, WorkflowModels>,
    /// Who serves them; the driver's own setting decides.
    pub provider: Option<Value>,
    /// Other names of models; not used by archal.
    pub mapping: Option<Value>,
    /// A local server of models; the driver's own setting decides.
    pub ollama: Option<Value>,
}

/// Which models play the roles of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkflowModels {
    /// Any role.
    pub default: Option<String>,
    /// By role.
    pub archetypes: BTreeMap<Role, String>,
}

impl Models {
    /// The model that plays `role`: of the workflow by role, of the workflow, by role, of all.
    /// `of_domain` stands before the global ones.
    pub fn of<'a>(
        &'a self,
        role: Role,
        workflow: Workflow,
        of_domain: Option<&'a str>,
    ) -> Option<&'a str> {
        let of_workflow = self.workflows.get(&workflow);
        of_workflow
            .and_then(|models| models.archetypes.get(&role).or(models.default.as_ref()))
            .map(String::as_str)
            .or(of_domain)
            .or_else(|| self.archetypes.get(&role).map(String::as_str))
            .or(self.default.as_deref())
    }
}

/// The live display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Progress {
    /// Whether `progress.md` is written.
    pub enabled: bool,
    /// Where; archal writes `.archeflow/progress.md` only.
    pub file: Option<String>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            enabled: true,
            file: None,
        }
    }
}

/// `.archeflow/hooks.yaml`: commands at four points of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Hooks {
    /// Before Plan.
    #[serde(rename = "run-start")]
    pub run_start: Option<Hook>,
    /// Before an approved run is merged.
    #[serde(rename = "pre-merge")]
    pub pre_merge: Option<Hook>,
    /// After the merge and its tests.
    #[serde(rename = "post-merge")]
    pub post_merge: Option<Hook>,
    /// At the end, however it ends.
    #[serde(rename = "run-complete")]
    pub run_complete: Option<Hook>,
    /// Other points, which archal has not.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A command at a point of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The command, for a shell.
    #[schemars(length(min = 1))]
    pub command: String,
    /// What its failure does; `abort` before the merge and `warn` elsewhere without it.
    #[serde(default)]
    pub fail_action: Option<FailAction>,
}

/// What the failure of a hook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailAction {
    /// It is told.
    Warn,
    /// It ends the run.
    Abort,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(config: &str, hooks: &str) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        std::fs::create_dir_all(place.root()).expect("a folder");
        std::fs::write(place.config(), config).expect("written");
        std::fs::write(place.hooks(), hooks).expect("written");
        load(&place)
    }

    #[test]
    fn settings_of_the_format_are_read_and_what_is_not_used_is_told() {
        let config = "\
version: \"0.11\"
workflow: thorough
strategy: pdca
costs: {budget_usd: 10.00, per_agent_usd: 2, daily_usd: 50, warn_at_percent: 80}
git:
  branch_prefix: runs/
  merge_strategy: no-ff
test_command: make test
memory: {enabled: true}
models:
  default: sonnet
  archetypes: {explorer: haiku}
  workflows: {fast: {default: small, archetypes: {maker: large}}}
domain: code
";
        let hooks = "pre-merge: {command: ./check, fail_action: warn}\npost-plan: {command: x}\n";
        let settings = loaded(config, hooks).expect("sound");
        let notes: Vec<&str> = settings
            .notes
            .iter()
            .map(|(_, note)| note.message.as_str())
            .collect();
        assert_eq!(
            notes,
            ["`memory` is not used", "there is no hook `post-plan`"]
        );
        assert_eq!(settings.config.costs.budget_usd, "10".parse().ok());
        let models = &settings.config.models;
        let of = |role, workflow, domain| models.of(role, workflow, domain).expect("a model");
        assert_eq!(of(Role::Maker, Workflow::Fast, Some("d")), "large");
        assert_eq!(of(Role::Sage, Workflow::Fast, Some("d")), "small");
        assert_eq!(of(Role::Explorer, Workflow::Standard, Some("d")), "d");
        assert_eq!(of(Role::Explorer, Workflow::Standard, None), "haiku");
        assert_eq!(of(Role::Maker, Workflow::Standard, None), "sonnet");
        let hook = settings.hooks.pre_merge.expect("a hook");
        assert_eq!(hook.fail_action, Some(FailAction::Warn));
        assert_eq!(loaded("", "").expect("empty").config, Config::default());
    }

    #[test]
    fn mistakes_are_refused_with_their_places() {
        for (config, wanted) in [
            ("workflow: quick\n", "quick"),
            ("git: {merge_strategy: squash}\n", "squash"),
            ("git: {enabled: false}\n", "false"),
            ("git: {branch_prefix: ../x}\n", "../x"),
            ("costs: {budget_usd: -1}\n", "-1"),
            ("workfow: fast\n", "workfow"),
        ] {
            let error = loaded(config, "").expect_err(config);
            let ConfigError::Invalid { diagnostics, file } = error else {
                panic!("{config}: {error}");
            };
            let text = file.expect("the file").text;
            let span = diagnostics[0].span.expect("a place");
            assert_eq!(&text[span.start..span.end], wanted, "{diagnostics:?}");
        }
    }
}
