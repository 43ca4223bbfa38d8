//! What configuration and command line say, made ready to work with.

use std::path::Path;
use std::time::Duration;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, SourceText};
use archal_core::environment::Environment;

use crate::budget::cap::{Cap, Caps};
use crate::budget::prices::{Prices, PricesError};
use crate::config::allow;
use crate::config::grade::GradeResults;
use crate::config::schema::{Notify, Retention};
use crate::config::{self, ConfigError, Loaded, agent};
use crate::fix::choice::FixerChoice;
use crate::grade::rules::{self, Rule};
use crate::judge;
use crate::reconstruct::tools::Tools;
use crate::reproduce::workplace::WorkspaceOptions;
use crate::run::harness::Wanted;
use crate::run::scrub::{self, Scrubber};
use crate::run::seeds::{self, OtherStates, SeedError, StartState};
use crate::sandbox::child::Containment;
use crate::scenario::spec::is_seed_file;

use super::flags::AttachFlags;
use super::options::AttachOptions;

/// One attachment's settings.
#[derive(Debug)]
pub struct Settings {
    /// What the loop may do.
    pub options: AttachOptions,
    /// How the agent is named.
    pub agent: Wanted<'static>,
    /// What must not reach a disk.
    pub scrubber: Scrubber,
    /// What may be spent.
    pub caps: Caps,
    /// What models cost.
    pub prices: Prices,
    /// Who is told of failures.
    pub notify: Notify,
    /// What is kept how long.
    pub retention: Retention,
    /// What the agent's own tools stand for.
    pub tools: Tools,
    /// What must hold of every trace.
    pub rules: Vec<Rule>,
    /// The judge that is asked about traces which nothing else decides.
    pub judge: Option<judge::settings::Settings>,
    /// Where verdicts are sent.
    pub results: GradeResults,
    /// What should be said of the configuration: old names of keys.
    pub notes: Vec<Diagnostic>,
    /// The configuration file, for these.
    pub source: Option<SourceText>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The configuration cannot be read or has errors.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its agent cannot be used.
    #[error("the agent in the configuration cannot be used")]
    Agent {
        /// Why.
        diagnostics: Vec<Diagnostic>,
        /// The file they point into.
        source_text: Option<SourceText>,
    },
    /// A rule of grading in it cannot be used.
    #[error("the rules of grading in the configuration cannot be used")]
    Rules {
        /// Why.
        diagnostics: Vec<Diagnostic>,
        /// The file they point into.
        source_text: Option<SourceText>,
    },
    /// The judge in it cannot be asked.
    #[error("the judge in the configuration cannot be asked")]
    Judge {
        /// Why.
        diagnostic: Box<Diagnostic>,
        /// The file it points into.
        source_text: Option<SourceText>,
    },
    /// An amount of money in it is none.
    #[error("the budget in the configuration cannot be used")]
    Budget {
        /// Why.
        diagnostic: Box<Diagnostic>,
        /// The file it points into.
        source_text: Option<SourceText>,
    },
    /// A redaction pattern in it is none.
    #[error("a redaction pattern cannot be used: {0}")]
    Redaction(String),
    /// The file of prices it names cannot be used.
    #[error(transparent)]
    Prices(#[from] PricesError),
    /// A seed file it names cannot be used.
    #[error(transparent)]
    Seed(#[from] SeedError),
}

impl SettingsError {
    /// What is wrong, with its causes and where in the file, in one line.
    pub fn in_full(&self) -> String {
        let mut text = super::reproducing::chain(self);
        let findings: &[Diagnostic] = match self {
            Self::Config(ConfigError::Invalid { diagnostics, .. })
            | Self::Agent { diagnostics, .. }
            | Self::Rules { diagnostics, .. } => diagnostics,
            Self::Budget { diagnostic, .. } | Self::Judge { diagnostic, .. } => {
                std::slice::from_ref(&**diagnostic)
            }
            _ => &[],
        };
        if let Some(finding) = findings.iter().find(|finding| finding.is_error()) {
            text.push_str(&format!(": {}", finding.message));
        }
        text
    }
}

/// What settings are made with besides the configuration.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The repository.
    pub repo: &'a Path,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
    /// The user's redaction key.
    pub key: [u8; 32],
    /// How children can be held here.
    pub containment: Containment,
}

impl Settings {
    /// Reads the configuration of the repository under the flags.
    pub fn load(flags: &AttachFlags, around: Surroundings<'_>) -> Result<Self, SettingsError> {
        let loaded = config::load(
            flags.config.as_deref(),
            around.repo,
            &flags.overrides(),
            around.environment,
        )?;
        let named = agent::command(&loaded, around.environment).map_err(|diagnostics| {
            SettingsError::Agent {
                diagnostics,
                source_text: loaded.source.clone(),
            }
        })?;
        let redaction = &loaded.config.redaction;
        let rules = scrub::rules(around.key, around.clones, redaction).map_err(|errors| {
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            SettingsError::Redaction(told.join("; "))
        })?;
        let caps = Caps::of(&loaded).map_err(|diagnostic| SettingsError::Budget {
            diagnostic: Box::new(diagnostic),
            source_text: loaded.source.clone(),
        })?;
        let compiled = rules::of(&loaded, around.clones);
        let compiled = compiled.map_err(|diagnostics| SettingsError::Rules {
            diagnostics,
            source_text: loaded.source.clone(),
        })?;
        let judge = judge_of(&loaded, &caps).map_err(|diagnostic| SettingsError::Judge {
            diagnostic: Box::new(diagnostic),
            source_text: loaded.source.clone(),
        })?;
        let mut keys = loaded.config.agent_keys.clone();
        keys.push(loaded.config.judge.api_key_env.clone());
        keys.extend(loaded.config.fixer.key_env.clone());
        let own_prices = loaded.config.budget.prices.as_deref();
        let own_prices = own_prices.map(|file| loaded.directory.join(file));
        Ok(Self {
            caps,
            notify: loaded.config.attach.notify.clone(),
            retention: loaded.config.retention.clone(),
            tools: Tools::of(&loaded.config.tools),
            rules: compiled,
            judge,
            results: loaded.config.grade.results.clone(),
            prices: Prices::load(own_prices.as_deref())?,
            options: options(&loaded, flags.fix_command.is_some())?,
            agent: Wanted {
                flag: None,
                agent: named.map(|agent| (agent.command, agent.args, agent.env)),
            },
            scrubber: Scrubber::new(rules, around.environment, &keys),
            notes: loaded.notes,
            source: loaded.source,
        })
    }
}

/// The judge of traces, where it is to be asked. What a watcher spends has no end, so the cap of an
/// invocation is one of each trace here.
fn judge_of(loaded: &Loaded, caps: &Caps) -> Result<Option<judge::settings::Settings>, Diagnostic> {
    if !loaded.config.grade.judge {
        return Ok(None);
    }
    let settings = judge::settings::Settings::of(loaded, false)?;
    Ok(settings.map(|mut settings| {
        let lower = [settings.cap, caps.per_trace]
            .into_iter()
            .filter_map(Cap::amount)
            .min();
        settings.caps = Caps {
            per_trace: lower.map_or(Cap::NONE, Cap::AtMost),
            per_day: caps.per_day,
        };
        settings.cap = Cap::NONE;
        settings
    }))
}

fn options(loaded: &Loaded, is_command_asked: bool) -> Result<AttachOptions, SeedError> {
    let config = &loaded.config;
    let attach = &config.attach;
    let mut default = std::collections::BTreeMap::new();
    for (clone, name) in &config.seeds {
        let state = if is_seed_file(name) {
            StartState::Document(seeds::read(&loaded.directory.join(name))?)
        } else {
            StartState::Named(name.clone())
        };
        default.insert(clone.clone(), state);
    }
    Ok(AttachOptions {
        policy: attach.policy,
        reproduce_runs: attach.reproduce_runs,
        reproduce: config.reproduce.clone(),
        allow_external_execution: attach.allow_external_execution,
        publish: attach.open_pr.then(|| attach.publish.clone()),
        fixer: FixerChoice::of(config, is_command_asked),
        fix_timeout: Duration::from_secs(attach.fix_timeout.into()),
        validation_command: attach.validation_command.clone(),
        sandbox: attach.sandbox,
        seed_files: config
            .seeds
            .values()
            .filter(|name| is_seed_file(name))
            .cloned()
            .collect(),
        model: config.agent_model.clone(),
        expose_clone_urls: config.expose_clone_urls,
        route: config.route.mode,
        allow: allow::entries(&config.route),
        timeout: Duration::from_secs(config.timeout.into()),
        workspace: WorkspaceOptions::of(config),
        states: OtherStates {
            default,
            ..OtherStates::default()
        },
        scenarios: config.scenarios.clone(),
        jobs: attach.jobs,
        poll: Duration::from_secs(attach.poll.into()),
    })
}
