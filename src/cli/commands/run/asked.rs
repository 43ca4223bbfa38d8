//! What is to be run: as the options say, or as a plan says that is gone on with.

use std::collections::BTreeMap;
use std::path::Path;

use crate::budget::amount::Usd;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::run::plan::{PlanError, SuitePlan};
use crate::run::request::Request;
use crate::run::scrub::Scrubber;

use super::Args;

/// The suite that `--resume` without an id means.
pub(super) const LAST: &str = "last";

/// What is to be run.
pub(super) struct Asked {
    /// The options that hold.
    pub(super) request: Request,
    /// The plan that is gone on with, where one is.
    pub(super) plan: Option<SuitePlan>,
}

/// A value of `--pass-threshold`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold {
    /// The tag it is for; none for every scenario.
    tag: Option<String>,
    score: f64,
}

/// Reads `80` or `smoke=80`.
pub(super) fn threshold(text: &str) -> Result<Threshold, String> {
    let (tag, number) = match text.rsplit_once('=') {
        Some((tag, number)) => (Some(tag.trim()), number),
        None => (None, text),
    };
    if tag == Some("") {
        return Err("there is no tag before the `=`".to_owned());
    }
    let score = number
        .trim()
        .parse()
        .ok()
        .filter(|score| (0.0..=100.0).contains(score))
        .ok_or_else(|| "it is not a number from 0 to 100".to_owned())?;
    Ok(Threshold {
        tag: tag.map(str::to_owned),
        score,
    })
}

/// Reads an amount of dollars.
pub(super) fn dollars(text: &str) -> Result<Usd, String> {
    text.parse()
        .map_err(|error: crate::budget::amount::AmountError| error.to_string())
}

/// The options, or those of the plan that `--resume` names.
pub(super) fn of(args: &Args, cx: &CommandContext) -> Result<Asked, CliError> {
    let Some(suite) = &args.resume else {
        return Ok(Asked {
            request: request(args, cx)?,
            plan: None,
        });
    };
    // Where the suite is kept; which configuration holds is for the plan to say.
    let config = args.config.config.as_deref();
    let loaded = cx.load_config(config, &cx.environment.directory, &[])?;
    let layout = bench::known_layout(&loaded.directory, cx);
    let mut plan = match suite.as_str() {
        LAST => SuitePlan::last_cut_off(&layout),
        suite => SuitePlan::read(&layout, suite),
    }
    .map_err(plan_error)?;
    if let (Some(config), Some(own)) = (config, &plan.request.config)
        && !is_same(own, &cx.environment.resolve(config))
    {
        cx.printer.note(format!(
            "{} was begun with another configuration, which holds: {}",
            plan.suite,
            own.display()
        ));
    }
    if let Some(jobs) = args.jobs {
        plan.request.jobs = jobs;
    }
    if let Some(budget) = args.budget_usd {
        plan.request.budget_usd = Some(budget.dollars());
    }
    Ok(Asked {
        request: plan.request.clone(),
        plan: Some(plan),
    })
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok() == other.canonicalize().ok()
}

fn request(args: &Args, cx: &CommandContext) -> Result<Request, CliError> {
    let mut of_all = None;
    let mut by_tag = BTreeMap::new();
    for threshold in &args.pass_threshold {
        let before = match &threshold.tag {
            None => of_all.replace(threshold.score),
            Some(tag) => by_tag.insert(tag.clone(), threshold.score),
        };
        if before.is_some() {
            let of = threshold.tag.as_deref().unwrap_or("every scenario");
            return Err(CliError::usage(format!(
                "--pass-threshold is given twice for {of}"
            )));
        }
    }
    Ok(Request {
        directory: cx.environment.directory.clone(),
        // Wherever it is gone on from, it is this file.
        config: args
            .config
            .config
            .as_ref()
            .map(|path| cx.environment.resolve(path)),
        scenarios: args.scenarios.clone(),
        task: args.task.clone(),
        clones: args.clone.clone(),
        harness: args.harness.clone(),
        runs: args.runs,
        timeout: args.timeout,
        seeds: args.seed.clone(),
        tag: args.tag.clone(),
        route: args.route.map(Into::into),
        faults: args.fault.clone(),
        rate_limit: args.rate_limit.clone(),
        pass_threshold: of_all,
        tag_thresholds: by_tag,
        judge_model: args.judge_model.clone(),
        budget_usd: args.budget_usd.map(Usd::dollars),
        jobs: args.jobs.unwrap_or(1),
        strict: args.strict,
        keep: args.keep,
    })
}

/// The plan keeps the task word for word, so that the suite can be gone on with: one that holds a key
/// of the caller's own cannot be kept.
pub(super) fn refuse_keys(request: &Request, scrubber: &Scrubber) -> Result<(), CliError> {
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
pub(super) fn plan_error(error: PlanError) -> CliError {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_for_all_or_for_a_tag() {
        let read = |text| threshold(text).map(|one| (one.tag, one.score));
        assert_eq!(read("80"), Ok((None, 80.0)));
        assert_eq!(read("smoke=90.5"), Ok((Some("smoke".to_owned()), 90.5)));
        assert_eq!(read("a=b=1"), Ok((Some("a=b".to_owned()), 1.0)));
        for wrong in ["", "101", "-1", "smoke=", "=4", "smoke", "NaN"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
