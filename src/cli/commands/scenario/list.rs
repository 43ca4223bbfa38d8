//! `archal scenario list`.

use archal_core::diagnostic::Severity;
use schemars::JsonSchema;
use serde::Serialize;

use super::files::{self, ScenarioFile};
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;
use crate::scenario::Check;

/// Each scenario with its clones, criteria, runs and tags
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage]))]
pub(crate) struct Args {
    /// Scenario files, folders and patterns [default: `scenarios` in the configuration, else the
    /// folder `scenarios`]
    scenarios: Vec<String>,

    /// List only scenarios with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The result of `archal scenario list`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ScenarioList {
    /// The scenarios, by path.
    scenarios: Vec<ListedScenario>,
}

/// One scenario file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListedScenario {
    /// The file.
    path: String,
    /// Whether nothing is wrong with it; otherwise only `path` and `errors` are known.
    valid: bool,
    /// How many errors it has.
    errors: usize,
    /// Its id, part of failure identities.
    id: Option<String>,
    /// Its title.
    title: Option<String>,
    /// The clones it meets.
    clones: Vec<String>,
    /// Its tags.
    tags: Vec<String>,
    /// How many criteria are decided without a judge.
    deterministic: usize,
    /// How many go to the judge.
    judged: usize,
    /// How many runs are made.
    runs: u32,
    /// The seconds a run may take.
    timeout: u64,
    /// Who answers for it.
    owner: Option<String>,
    /// The day it was added.
    since: Option<String>,
    /// Whether it is known to pass only in some runs.
    flaky: bool,
    /// Whether it is no longer run.
    retired: bool,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let directory = cx.environment.directory.clone();
    let loaded = cx.load_config(args.config.config.as_deref(), &directory, &[])?;
    let found = files::find(&args.scenarios, &loaded, cx)?;
    let mut list = ScenarioList {
        scenarios: Vec::new(),
    };
    for file in &found {
        let row = row(file, loaded.config.runs, loaded.config.timeout.into());
        if args.tag.as_ref().is_none_or(|tag| row.tags.contains(tag)) {
            cx.printer.line(text(&row).trim_end());
            list.scenarios.push(row);
        }
    }
    let broken = list.scenarios.iter().filter(|row| !row.valid).count();
    if list.scenarios.is_empty() {
        cx.printer.note("no scenario has that tag");
    }
    if broken > 0 {
        let hint = Style::Hint.paint("hint:");
        cx.printer.note(format!("{hint} archal scenario validate"));
    }
    cx.printer.document("archal.scenario-list", 1, &list);
    Ok(if broken > 0 { Exit::Bad } else { Exit::Fine })
}

fn row(file: &ScenarioFile, runs: u32, timeout: u64) -> ListedScenario {
    let errors = file.count(Severity::Error);
    let Some(scenario) = &file.scenario else {
        return ListedScenario {
            path: file.shown.clone(),
            valid: false,
            errors,
            id: None,
            title: None,
            clones: Vec::new(),
            tags: Vec::new(),
            deterministic: 0,
            judged: 0,
            runs,
            timeout,
            owner: None,
            since: None,
            flaky: false,
            retired: false,
        };
    };
    let config = &scenario.config;
    let judged = scenario
        .criteria
        .iter()
        .filter(|criterion| matches!(criterion.check, Check::Judged { .. }))
        .count();
    ListedScenario {
        path: file.shown.clone(),
        valid: true,
        errors,
        id: Some(scenario.id.clone()),
        title: Some(scenario.title.clone()),
        clones: config.clones.clone(),
        tags: config.tags.clone(),
        deterministic: scenario.criteria.len() - judged,
        judged,
        runs: config.runs.unwrap_or(runs),
        timeout: config.timeout_seconds.unwrap_or(timeout),
        owner: config.owner.clone(),
        since: config.since.map(|day| day.to_string()),
        flaky: config.flaky,
        retired: config.retired,
    }
}

fn text(row: &ListedScenario) -> String {
    let Some(title) = &row.title else {
        let errors = count(row.errors, "error");
        let label = Style::Error.paint("broken");
        return format!("{label}  {}\n    {errors}", row.path);
    };
    let mut parts = vec![
        row.clones.join(", "),
        format!(
            "{} ({} [D], {} [P])",
            count(row.deterministic + row.judged, "criterion"),
            row.deterministic,
            row.judged
        ),
        count(usize::try_from(row.runs).unwrap_or(usize::MAX), "run"),
    ];
    parts.extend((!row.tags.is_empty()).then(|| format!("tags {}", row.tags.join(", "))));
    parts.extend(row.owner.as_ref().map(|owner| format!("owner {owner}")));
    parts.extend(row.since.as_ref().map(|since| format!("since {since}")));
    parts.extend(row.flaky.then(|| Style::Warning.paint("flaky")));
    parts.extend(row.retired.then(|| Style::Faint.paint("retired")));
    format!(
        "{}  {}\n    {}",
        Style::Heading.paint(title),
        Style::Faint.paint(&row.path),
        parts.join("; ")
    )
}

/// `1 error`, `2 errors`, `2 criteria`.
pub(super) fn count(number: usize, word: &str) -> String {
    match (number, word) {
        (1, _) => format!("1 {word}"),
        (_, "criterion") => format!("{number} criteria"),
        _ => format!("{number} {word}s"),
    }
}
