//! What is to be run: as the options say, or as a plan says that is gone on with.

use std::path::Path;

use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::making::resolved;
use crate::run::plan::SuitePlan;
use crate::run::request::Request;

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

/// The options, or those of the plan that `--resume` names.
pub(super) fn of(args: &Args, cx: &CommandContext) -> Result<Asked, CliError> {
    let Some(suite) = &args.resume else {
        return Ok(Asked {
            request: args.suite.request(args.budget_usd, cx)?,
            plan: None,
        });
    };
    // Where the suite is kept; which configuration holds is for the plan to say.
    let config = args.suite.config.config.as_deref();
    let loaded = cx.load_config(config, &cx.environment.directory, &[])?;
    let layout = bench::known_layout(&loaded.directory, cx);
    let mut plan = match suite.as_str() {
        LAST => SuitePlan::last_cut_off(&layout),
        suite => SuitePlan::read(&layout, suite),
    }
    .map_err(resolved::plan_error)?;
    if let (Some(config), Some(own)) = (config, &plan.request.config)
        && !is_same(own, &cx.environment.resolve(config))
    {
        cx.printer.note(format!(
            "{} was begun with another configuration, which holds: {}",
            plan.suite,
            own.display()
        ));
    }
    if let Some(jobs) = args.suite.jobs {
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
