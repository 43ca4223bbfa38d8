//! What the commands that work on a run are made of.

use std::path::PathBuf;
use std::sync::Arc;

use crate::budget::prices::Prices;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::config::fixer::FixerName;
use crate::config::{Loaded, Override};
use crate::driver::run::Driver;
use crate::driver::table;
use crate::fix::choice::FixerChoice;
use crate::git::command::{common_folder, top};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::pdca::artifacts::Artifacts;
use crate::pdca::domain::{self, Domain};
use crate::pdca::engine::begin::BeginError;
use crate::pdca::engine::process::Processes;
use crate::pdca::engine::stage::{EngineError, Record, Stage};
use crate::pdca::log::Log;
use crate::pdca::place::{Place, RunId};
use crate::pdca::players;
use crate::pdca::settings::{self, Settings};
use crate::reproduce::workplace::WorkspaceOptions;
use crate::run::scrub::Scrubber;
use crate::sandbox::StopToken;
use crate::sandbox::hold::{self, Probe};

/// Where lines for people go.
type Voice<'a> = &'a (dyn Fn(&str) + Sync);

/// What is the same for every run of a repository.
pub(super) struct Setup {
    pub(super) repo: PathBuf,
    pub(super) place: Place,
    pub(super) settings: Settings,
    pub(super) loaded: Loaded,
    /// The git directory that all checkouts of the repository share.
    git: PathBuf,
    options: WorkspaceOptions,
    pub(super) scrubber: Scrubber,
    prices: Prices,
    probe: Probe,
    pub(super) interrupts: Interrupts,
    /// Ends with the first signal: an agent works longer than anybody waits for it, and works again when the
    /// run goes on.
    work: StopToken,
}

/// What the command line says beside that.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) merges: bool,
    pub(super) is_dry_run: bool,
    pub(super) budget_usd: Option<f64>,
}

/// One run of it.
pub(super) struct OneRun {
    pub(super) run: RunId,
    pub(super) record: Record,
    pub(super) domain: Domain,
    pub(super) choice: FixerChoice,
    /// The same for the role that writes.
    maker: FixerChoice,
    artifacts: Artifacts,
    log: Log,
    processes: Processes,
}

/// The repository around the working directory, and where it keeps its runs.
pub(super) fn repository(cx: &CommandContext) -> Result<(PathBuf, Place), CliError> {
    let path = cx.environment.get("PATH").unwrap_or_default();
    let repo = top(&cx.environment.directory, path).map_err(|_| {
        CliError::usage("this is no git repository: a run works on a branch of one")
            .hint("git init")
    })?;
    let place = Place::of(&repo);
    Ok((repo, place))
}

impl Setup {
    pub(super) fn new(
        config: Option<&std::path::Path>,
        driver: Option<&str>,
        cx: &CommandContext,
    ) -> Result<Self, CliError> {
        let (repo, place) = repository(cx)?;
        let settings = settings::load(&place).map_err(CliError::from)?;
        for (source, note) in &settings.notes {
            cx.printer.diagnostic(note, Some(source));
        }
        let named = driver.or(settings.config.driver.as_deref());
        let own = named.is_some_and(|name| settings.config.drivers.contains_key(name));
        let agent = named.filter(|_| !own).map(str::to_owned);
        if let Some(unknown) = agent.as_deref().filter(|name| table::named(name).is_none()) {
            return Err(CliError::usage(format!(
                "there is no driver {unknown}: there are {}, and what stands under `drivers` in {}",
                players::committing(),
                place.config().display()
            )));
        }
        let flag = match driver {
            Some(_) => "--driver",
            None => "driver",
        };
        let flags: Vec<Override> = Override::of(flag, "fixer.name", agent)
            .into_iter()
            .collect();
        let loaded = cx.load_config(config, &repo, &flags)?;
        let work = StopToken::new();
        let ended = work.clone();
        Ok(Self {
            options: WorkspaceOptions::of(&loaded.config),
            scrubber: bench::scrubber(cx, &loaded)?,
            prices: bench::prices(&loaded)?,
            probe: hold::probe(&cx.binary),
            interrupts: Interrupts::listen(Hangup::Ends, move |_| ended.stop())
                .map_err(CliError::environment)?,
            work,
            git: common_folder(&repo, cx.environment.get("PATH").unwrap_or_default())
                .map_err(CliError::environment)?,
            repo,
            place,
            settings,
            loaded,
        })
    }

    /// Who plays the roles.
    pub(super) fn choice(&self, driver: Option<&str>) -> Result<FixerChoice, CliError> {
        let named = driver.or(self.settings.config.driver.as_deref());
        let mut own = self.loaded.config.clone();
        own.attach.fix_command = None;
        // A run does not play itself.
        own.fixer.name = own.fixer.name.filter(|name| *name != FixerName::Pdca);
        if let Some(driver) = named.and_then(|name| self.settings.config.drivers.get(name)) {
            own.attach.fix_command = Some(driver.command.clone());
        }
        let is_command = own.attach.fix_command.is_some();
        let choice = FixerChoice::of(&own, is_command).ok_or_else(|| {
            CliError::usage("no driver is named and none is configured")
                .hint("archal pdca run … --driver claude")
                .hint("archal fixer list")
        })?;
        if let Driver::Agent(agent) = choice.driver
            && players::commits(agent.name).is_none()
        {
            return Err(CliError::usage(format!(
                "{} cannot be the driver of a run: it may not commit; there are {}, and `drivers` in \
                 .archeflow/config.yaml",
                agent.name,
                players::committing()
            )));
        }
        Ok(choice)
    }

    pub(super) fn path<'a>(&self, cx: &'a CommandContext) -> &'a str {
        cx.environment.get("PATH").unwrap_or_default()
    }

    pub(super) fn domain(&self, name: Option<&str>) -> Result<Domain, CliError> {
        let name = name.or(self.settings.config.domain.as_deref());
        domain::load(&self.place, name, &self.repo).map_err(CliError::config)
    }

    /// A run by its record.
    pub(super) fn one(
        &self,
        run: RunId,
        record: Record,
        choice: FixerChoice,
    ) -> Result<OneRun, CliError> {
        Ok(OneRun {
            domain: self.domain(Some(&record.domain))?,
            artifacts: Artifacts::of(self.place.artifacts(&run)),
            log: Log::new(self.place.events(&run), run.clone()),
            processes: Processes::of(&self.place, &run),
            maker: players::committer(&choice),
            run,
            record,
            choice,
        })
    }

    /// Whether hooks or tests are named that may not run.
    pub(super) fn refuse_forbidden(&self, is_allowed: bool) -> Result<(), CliError> {
        let hooks = &self.settings.hooks;
        let has_hooks = [
            &hooks.run_start,
            &hooks.pre_merge,
            &hooks.post_merge,
            &hooks.run_complete,
        ]
        .iter()
        .any(|hook| hook.is_some());
        let what = match (has_hooks, self.settings.config.test_command.is_some()) {
            _ if is_allowed || self.settings.config.allow_external_execution => return Ok(()),
            (false, false) => return Ok(()),
            (true, false) => "hooks",
            (false, true) => "a test command",
            (true, true) => "hooks and a test command",
        };
        Err(CliError::usage(format!(
            "the settings in .archeflow name {what}, and nobody allowed to run them"
        ))
        .hint("archal pdca run … --allow-external-execution"))
    }

    pub(super) fn stage<'a>(
        &'a self,
        one: &'a OneRun,
        said: &Said,
        (tell, show, warn): (Voice<'a>, Voice<'a>, Voice<'a>),
        cx: &'a CommandContext,
    ) -> Stage<'a> {
        let config = &self.settings.config;
        Stage {
            repo: &self.repo,
            place: &self.place,
            run: &one.run,
            record: &one.record,
            artifacts: &one.artifacts,
            log: &one.log,
            processes: &one.processes,
            settings: &self.settings,
            domain: &one.domain,
            choice: &one.choice,
            maker: &one.maker,
            git: &self.git,
            siblings: Vec::new(),
            withheld: &self.loaded.config.agent_keys,
            options: &self.options,
            sandbox: self.loaded.config.attach.sandbox,
            binary: &cx.binary,
            probe: &self.probe,
            environment: &cx.environment,
            clock: Arc::clone(&cx.clock),
            scrubber: &self.scrubber,
            prices: &self.prices,
            stop: &self.work,
            budget_usd: said
                .budget_usd
                .or(config.costs.budget_usd.map(|usd| usd.dollars())),
            held: None,
            merges: said.merges || config.git.auto_merge,
            is_dry_run: said.is_dry_run,
            tell,
            show,
            warn,
        }
    }
}

/// A run that cannot begin, as an error with what to do about it.
pub(super) fn begin_error(error: BeginError, run: Option<&RunId>) -> CliError {
    match error {
        BeginError::Detached => CliError::usage(error).hint("git switch <branch>"),
        BeginError::Dirty(_) => CliError::usage(error)
            .hint("git commit, or git stash: a run begins on a clean checkout"),
        BeginError::NoCommit(_) => CliError::usage(error).hint("git commit"),
        BeginError::Prefix(_) => CliError::config(error),
        BeginError::Over { ref run, .. } => {
            let hint = format!("archal pdca report {run}");
            CliError::usage(error).hint(hint)
        }
        BeginError::Engine(error) => engine_error(error, run),
    }
}

/// A run that cannot go on, as an error with what to do about it.
pub(super) fn engine_error(error: EngineError, run: Option<&RunId>) -> CliError {
    use crate::pdca::artifacts::ArtifactError;
    match error {
        EngineError::Unknown(_) => CliError::usage(error).hint("archal pdca list"),
        EngineError::Artifact(error @ ArtifactError::Missing { .. }) => CliError::usage(error),
        error => match run {
            Some(run) => {
                CliError::environment(error).hint(format!("archal pdca run --run-id {run}"))
            }
            None => CliError::environment(error),
        },
    }
}

/// Who plays where no agent is started.
pub(super) fn nobody() -> FixerChoice {
    FixerChoice {
        driver: Driver::Command("false".to_owned()),
        is_cycles: false,
        model: None,
        key: None,
        arguments: Vec::new(),
        idle: None,
        hosts: Vec::new(),
    }
}
