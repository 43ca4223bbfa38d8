//! What commands that run agents are made of: how children are held, what is redacted, which
//! program is the agent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use archal_core::redact::Redactor;

use crate::budget::ledger;
use crate::budget::prices::Prices;
use crate::config::allow::{self, Allowed};
use crate::config::{Loaded, agent};
use crate::ingest::key;
use crate::judge::Judge;
use crate::judge::cache::Cache;
use crate::judge::purse::Purse;
use crate::judge::settings::Settings;
use crate::run::attempt::{AttemptError, Bench};
use crate::run::harness::{HarnessError, Wanted};
use crate::run::scrub::{self, Scrubber};
use crate::run::seeds::{self, StartState};
use crate::sandbox::hold::{self, Probe};
use crate::scenario::spec::is_seed_file;
use crate::session::SessionError;
use crate::store::layout::Layout;

use super::context::CommandContext;
use super::error::CliError;

/// What a command keeps for as long as it runs agents.
pub(crate) struct Tools {
    probe: Probe,
    scrubber: Scrubber,
    allow: Vec<Allowed>,
}

impl Tools {
    /// Finds out how children can be held and reads the user's redaction key.
    ///
    /// # Errors
    ///
    /// When a pattern of the configuration cannot be used.
    pub(crate) fn new(cx: &CommandContext, loaded: &Loaded) -> Result<Self, CliError> {
        Ok(Self {
            probe: hold::probe(&cx.binary),
            scrubber: scrubber(cx, loaded)?,
            allow: allow::entries(&loaded.config.route),
        })
    }

    /// What keeps secrets off the disk.
    pub(crate) fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// What every run needs.
    pub(crate) fn bench<'a>(&'a self, cx: &'a CommandContext) -> Bench<'a> {
        Bench {
            clones: cx.clones,
            clock: cx.clock.clone(),
            ids: cx.ids.as_ref(),
            binary: &cx.binary,
            files: cx.files,
            probe: &self.probe,
            environment: &cx.environment,
            allow: &self.allow,
            scrubber: &self.scrubber,
            judge: None,
            stop: None,
        }
    }
}

/// What keeps secrets off the disk and out of questions: the rules in force, and the values of the
/// user's own keys.
///
/// # Errors
///
/// When a pattern of the configuration cannot be used.
pub(crate) fn scrubber(cx: &CommandContext, loaded: &Loaded) -> Result<Scrubber, CliError> {
    let mut keys = loaded.config.agent_keys.clone();
    keys.push(loaded.config.judge.api_key_env.clone());
    keys.extend(loaded.config.fixer.key_env.clone());
    Ok(Scrubber::new(redactor(cx, loaded)?, &cx.environment, &keys))
}

/// The judge of `[P]` criteria; none where none is configured. `is_forced` says that its model was
/// named on the command line.
///
/// # Errors
///
/// When the one that was meant cannot be asked, or the prices cannot be read.
pub(crate) fn judge<'a>(
    scrubber: &Scrubber,
    loaded: &Loaded,
    is_forced: bool,
    cx: &'a CommandContext,
) -> Result<Option<Judge<'a>>, CliError> {
    let settings = Settings::of(loaded, is_forced).map_err(|finding| {
        CliError::config("the judge in the configuration cannot be asked")
            .at([finding], loaded.source.clone())
    })?;
    let Some(settings) = settings else {
        return Ok(None);
    };
    let prices = prices(loaded)?;
    let purse = Purse::new(&settings, ledger::path(&cx.environment));
    Ok(Some(Judge::new(
        settings,
        Cow::Borrowed(&cx.environment),
        scrubber.redactor().clone(),
        cx.clock.clone(),
        prices,
        purse,
        Cache::new(known_layout(&loaded.directory, cx).judge_cache()),
    )))
}

/// What tokens cost: what comes with archal, behind the user's own file.
///
/// # Errors
///
/// When that file cannot be used.
pub(crate) fn prices(loaded: &Loaded) -> Result<Prices, CliError> {
    let own = loaded.config.budget.prices.as_deref();
    let own = own.map(|path| loaded.directory.join(path));
    Prices::load(own.as_deref())
        .map_err(|error| CliError::config(error).hint("archal schema prices"))
}

/// The redaction rules in force: the user's key, what the clones and the configuration keep, and
/// what the configuration adds.
///
/// # Errors
///
/// When a pattern of the configuration cannot be used.
pub(crate) fn redactor(cx: &CommandContext, loaded: &Loaded) -> Result<Redactor, CliError> {
    let key = key::load(key::path(&cx.environment).as_deref(), cx.secret());
    if let Some(warning) = &key.warning {
        cx.printer.note(warning);
    }
    scrub::rules(key.bytes, cx.clones, &loaded.config.redaction).map_err(|errors| {
        // Reading the configuration has told all of them with their places.
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        CliError::config(told.join("; ")).hint("archal config show")
    })
}

/// How the harness is named by flag and configuration.
pub(crate) fn wanted<'a>(
    flag: Option<&'a Path>,
    loaded: &Loaded,
    environment: &Environment,
) -> Result<Wanted<'a>, CliError> {
    let agent = agent::command(loaded, environment).map_err(|diagnostics| {
        CliError::config("the agent in the configuration cannot be used")
            .at(diagnostics, loaded.source.clone())
    })?;
    Ok(Wanted {
        flag,
        agent: agent.map(|agent| (agent.command, agent.args, agent.env)),
    })
}

/// A missing harness as an error with what to do about it.
pub(crate) fn no_harness(error: HarnessError) -> CliError {
    if let Some(hint) = error.hint() {
        return CliError::environment(error).hint(hint);
    }
    CliError::environment(error)
        .hint("archal run --harness <file>")
        .hint("or name it in .archal.json: \"agent\": {\"command\": \"python3\", \"args\": [\"agent.py\"]}")
}

/// The starting states that the configuration's `seeds` names.
pub(crate) fn default_states(loaded: &Loaded) -> Result<BTreeMap<String, StartState>, CliError> {
    loaded
        .config
        .seeds
        .iter()
        .map(|(clone, name)| {
            let state = if is_seed_file(name) {
                StartState::Document(
                    seeds::read(&loaded.directory.join(name)).map_err(CliError::config)?,
                )
            } else {
                StartState::Named(name.clone())
            };
            Ok((clone.clone(), state))
        })
        .collect()
}

/// Where state is kept for the repository at `folder`, made writable or refused.
pub(crate) fn layout(folder: &Path, cx: &CommandContext) -> Result<Layout, CliError> {
    let elsewhere = cx.environment.get("ARCHAL_STATE_DIR").map(PathBuf::from);
    let layout = Layout::of(folder, elsewhere.as_deref());
    layout.prepare().map_err(|error| {
        CliError::environment(error).hint("ARCHAL_STATE_DIR=<a folder you may write> archal …")
    })?;
    Ok(layout)
}

/// The state folder of the repository at `repo`, for looking: nothing is made.
pub(crate) fn known_layout(repo: &Path, cx: &CommandContext) -> Layout {
    let elsewhere = cx.environment.get("ARCHAL_STATE_DIR").map(PathBuf::from);
    Layout::of(repo, elsewhere.as_deref())
}

/// The repository's path without dots and links, as it is shown and cloned.
pub(crate) fn repository(repo: &Path, cx: &CommandContext) -> Result<PathBuf, CliError> {
    cx.environment
        .resolve(repo)
        .canonicalize()
        .map_err(|error| {
            CliError::usage(format!(
                "the repository {} cannot be read: {error}",
                repo.display()
            ))
            .hint("--repo <the agent's repository>")
        })
}

/// A run that could not be made, as an error with what to do about it.
pub(crate) fn attempt_error(error: AttemptError) -> CliError {
    match error {
        AttemptError::Session(error) => session_error(error),
        other => CliError::environment(other),
    }
}

/// A session that could not be opened, as an error with the places it comes from.
pub(crate) fn session_error(error: SessionError) -> CliError {
    let SessionError::Seed { clone, diagnostics } = error else {
        return CliError::environment(error);
    };
    CliError::config(format!("the {clone} clone refuses its starting state"))
        .at(diagnostics, None)
        .hint(format!("archal schema seed {clone}"))
}
