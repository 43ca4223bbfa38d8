//! The options that say what a suite is made of: those of `archal run`, and of every command that runs
//! scenarios as it does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::budget::amount::Usd;
use crate::cli::arguments::ConfigFile;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::run::request::Request;

use clap::ValueEnum;

use crate::config::schema::RouteMode;

/// What a suite is made of.
#[derive(Debug, clap::Args)]
pub(crate) struct SuiteArgs {
    /// Scenario files, folders and patterns [default: `scenarios` in the configuration]
    pub(crate) scenarios: Vec<String>,

    #[command(flatten)]
    pub(crate) config: ConfigFile,

    /// A task for the agent in place of scenario files; only that it exits successfully is checked
    #[arg(long, value_name = "TEXT", requires = "clone", conflicts_with_all = ["scenarios", "tag"])]
    pub(crate) task: Option<String>,

    /// The clones the task meets
    #[arg(long, value_name = "NAME", requires = "task", value_delimiter = ',')]
    pub(crate) clone: Vec<String>,

    /// The program that runs the agent: a file, or a folder with `harness.*`
    #[arg(long, value_name = "PATH")]
    pub(crate) harness: Option<PathBuf>,

    /// Runs of each scenario
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: Option<u32>,

    /// Time limit of one run in seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: Option<u32>,

    /// Runs made at once, each with clones of its own [default: 1]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) jobs: Option<u32>,

    /// A starting state: a seed's name or file, or `clone:` and either; several with commas
    #[arg(long, value_name = "SEED", value_delimiter = ',')]
    pub(crate) seed: Vec<String>,

    /// Run only scenarios with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,

    /// How the agent's traffic reaches the clones
    #[arg(long, value_enum)]
    pub(crate) route: Option<RouteFlag>,

    /// Something that goes wrong: `CLONE:OPERATION=EFFECT`, or `OPERATION#N` for its Nth call; a status,
    /// a delay, `drop`, `no-answer`, `cut`, `rate-limit`, `stale`
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    pub(crate) fault: Vec<String>,

    /// Calls that a caller may make of each clone before the service refuses: `100`, or `100/60s`
    #[arg(long, value_name = "N[/TIME]")]
    pub(crate) rate_limit: Option<String>,

    /// Satisfaction below which a scenario has failed, 0 to 100; `TAG=SCORE` for the mean over the
    /// scenarios with a tag
    #[arg(long, value_name = "SCORE", value_parser = threshold)]
    pub(crate) pass_threshold: Vec<Threshold>,

    /// The model that decides `[P]` criteria, over `judge.model` and the scenarios' own
    #[arg(long, value_name = "MODEL")]
    pub(crate) judge_model: Option<String>,

    /// Flaky scenarios and ambiguous criteria are failures
    #[arg(long)]
    pub(crate) strict: bool,

    /// Have `archal prune` leave this suite and its runs alone
    #[arg(long)]
    pub(crate) keep: bool,
}

/// A value of `--pass-threshold`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Threshold {
    /// The tag it is for; none for every scenario.
    tag: Option<String>,
    score: f64,
}

/// Reads `80` or `smoke=80`.
pub(crate) fn threshold(text: &str) -> Result<Threshold, String> {
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
pub(crate) fn dollars(text: &str) -> Result<Usd, String> {
    text.parse()
        .map_err(|error: crate::budget::amount::AmountError| error.to_string())
}

/// A route on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RouteFlag {
    /// `isolated` where user namespaces work, else `shim`.
    Auto,
    /// A network namespace that holds nothing but the clones.
    Isolated,
    /// Connections of Node and Python led to the clones from within; proxy variables for the rest.
    Shim,
    /// A proxy named in the usual variables.
    Proxy,
    /// Base URLs in variables and nothing else.
    Direct,
}

impl From<RouteFlag> for RouteMode {
    fn from(flag: RouteFlag) -> Self {
        match flag {
            RouteFlag::Auto => Self::Auto,
            RouteFlag::Isolated => Self::Isolated,
            RouteFlag::Shim => Self::Shim,
            RouteFlag::Proxy => Self::Proxy,
            RouteFlag::Direct => Self::Direct,
        }
    }
}

impl SuiteArgs {
    /// What is asked for.
    ///
    /// # Errors
    ///
    /// When a threshold is given twice.
    pub(crate) fn request(
        &self,
        budget: Option<Usd>,
        cx: &CommandContext,
    ) -> Result<Request, CliError> {
        let mut of_all = None;
        let mut by_tag = BTreeMap::new();
        for threshold in &self.pass_threshold {
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
            config: self
                .config
                .config
                .as_ref()
                .map(|path| cx.environment.resolve(path)),
            scenarios: self.scenarios.clone(),
            task: self.task.clone(),
            clones: self.clone.clone(),
            harness: self.harness.clone(),
            runs: self.runs,
            timeout: self.timeout,
            seeds: self.seed.clone(),
            tag: self.tag.clone(),
            route: self.route.map(Into::into),
            faults: self.fault.clone(),
            rate_limit: self.rate_limit.clone(),
            pass_threshold: of_all,
            tag_thresholds: by_tag,
            judge_model: self.judge_model.clone(),
            budget_usd: budget.map(Usd::dollars),
            jobs: self.jobs.unwrap_or(1),
            strict: self.strict,
            keep: self.keep,
        })
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
