//! What a suite is made of: the agent that is found, and how its runs are made.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::budget::amount::Usd;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::config::{Config, Loaded};
use crate::run::attempt::Bench;
use crate::run::fingerprint::{self, Fingerprint};
use crate::run::harness::{self, Harness};
use crate::run::judged;
use crate::run::plan::PlanError;
use crate::run::request::Request;
use crate::run::scenarios::Prepared;
use crate::run::scrub::Scrubber;
use crate::run::suite::SuiteOptions;
use crate::run::trouble::TroubleEverywhere;

use super::loading;

/// What a suite is made of, before it is planned.
pub(crate) struct Made<'a> {
    /// The configuration.
    pub(crate) loaded: &'a Loaded,
    /// The agent.
    pub(crate) harness: &'a Harness,
    /// What is asked for.
    pub(crate) request: &'a Request,
}

/// A judge that cannot be asked is told before an agent has cost anything.
pub(crate) fn judge_ready(bench: &Bench<'_>, scenarios: &[Prepared]) -> Result<(), CliError> {
    judged::ready(bench, scenarios).map_err(|not| {
        let error = CliError::environment(format!("the judge cannot be asked: {}", not.reason));
        match not.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

/// The agent as it is now.
pub(crate) fn agent(
    made: &Made<'_>,
    options: &SuiteOptions<'_>,
    scenarios: &[Prepared],
    cx: &CommandContext,
) -> Fingerprint {
    let mut apart: Vec<PathBuf> = scenarios
        .iter()
        .map(|prepared| prepared.scenario.path.clone())
        .collect();
    // What matters of it is compared by itself.
    apart.extend(made.loaded.source.iter().map(|source| source.path.clone()));
    let path = cx.environment.get("PATH").unwrap_or_default();
    let directory = &made.loaded.directory;
    fingerprint::of(made.harness, directory, options.model, &apart, path)
}

/// The agent, which is there.
pub(crate) fn found(
    request: &Request,
    loaded: &Loaded,
    cx: &CommandContext,
) -> Result<Harness, CliError> {
    let flag = request
        .harness
        .as_ref()
        .map(|path| request.directory.join(path));
    let wanted = bench::wanted(flag.as_deref(), loaded, &cx.environment)?;
    let harness = harness::find(&loaded.directory, &wanted).map_err(bench::no_harness)?;
    harness::check(&harness, &loaded.directory, &cx.environment).map_err(bench::no_harness)?;
    for note in &harness.notes {
        cx.printer.note(note);
    }
    Ok(harness)
}

/// What goes wrong on purpose, as the options say.
fn trouble(request: &Request, cx: &CommandContext) -> Result<TroubleEverywhere, CliError> {
    let limit = request.rate_limit.as_deref();
    TroubleEverywhere::read(&request.faults, limit, cx.clones).map_err(|problem| {
        let error = CliError::usage(problem.message);
        match problem.help {
            Some(help) => error.hint(help),
            None => error,
        }
    })
}

/// What a flag, the environment or the file set wins over the built-in default, and a scenario's own
/// Config wins over the file.
pub(crate) fn options<'a>(
    made: &Made<'a>,
    scenarios: &[Prepared],
    cx: &CommandContext,
) -> Result<SuiteOptions<'a>, CliError> {
    let (request, loaded) = (made.request, made.loaded);
    let config = &loaded.config;
    let mut tag_thresholds = config.tag_thresholds.clone();
    if let Some((tag, score)) = tag_thresholds
        .iter()
        .find(|(_, score)| !(0.0..=100.0).contains(*score))
    {
        return Err(CliError::config(format!(
            "`tagThresholds.{tag}` is {score}, which is not from 0 to 100"
        )));
    }
    tag_thresholds.extend(request.tag_thresholds.clone());
    Ok(SuiteOptions {
        harness: made.harness,
        directory: &loaded.directory,
        config: request.config.clone(),
        jobs: usize::try_from(request.jobs)
            .ok()
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MIN),
        runs: request.runs,
        default_runs: config.runs,
        timeout: request
            .timeout
            .map(|seconds| Duration::from_secs(seconds.into())),
        default_timeout: Duration::from_secs(config.timeout.into()),
        route: request.route,
        default_route: config.route.mode,
        model: config.agent_model.as_deref(),
        judge_model: request.judge_model.clone(),
        states: loading::states(request, loaded, scenarios, cx)?,
        trouble: trouble(request, cx)?,
        pass_threshold: request.pass_threshold,
        default_threshold: config.pass_threshold.unwrap_or(100.0),
        tag_thresholds,
        tag: request.tag.clone(),
        budget: request.budget_usd.and_then(Usd::reported),
        strict: request.strict,
        prices: bench::prices(loaded)?,
        withheld: withheld(config),
        expose_clone_urls: config.expose_clone_urls,
    })
}

/// The plan keeps the task word for word, so that the suite can be gone on with: one that holds a key
/// of the caller's own cannot be kept.
pub(crate) fn refuse_keys(request: &Request, scrubber: &Scrubber) -> Result<(), CliError> {
    let held = request
        .task
        .as_deref()
        .and_then(|task| scrubber.key_in(task));
    held.map_or(Ok(()), |variable| {
        Err(CliError::usage(format!(
            "the task holds the value of ${variable}, which is not kept anywhere"
        ))
        .hint(format!(
            "name the variable in the task (${variable}) and let the agent read it"
        )))
    })
}

/// A plan that cannot be used, as an error with what to do about it.
pub(crate) fn plan_error(error: PlanError) -> CliError {
    match error {
        PlanError::Unknown { .. } | PlanError::NothingLeft => {
            CliError::usage(error).hint("archal run <scenario.md>")
        }
        PlanError::Agent { .. } => {
            CliError::config(error).hint("archal run <scenario.md>, which begins a new suite")
        }
        PlanError::Broken { .. } => CliError::config(error),
        PlanError::Read { .. } | PlanError::Taken { .. } | PlanError::Write(_) => {
            CliError::environment(error)
        }
    }
}

/// Keys of others, which the agent does not get.
fn withheld(config: &Config) -> BTreeSet<String> {
    let fixers = config.fixer.key_env.iter();
    let fixers = fixers.filter(|name| !config.agent_keys.contains(*name));
    fixers.chain([&config.judge.api_key_env]).cloned().collect()
}
