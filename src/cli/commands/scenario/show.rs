//! `archal scenario show`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use archal_core::clone::Seed;
use archal_core::diagnostic::{line_and_column, nearest};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::files::{self, Opened, ScenarioFile};
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::config::Loaded;
use crate::report::style::Style;
use crate::run::seeds::StartState;
use crate::scenario::criteria::CriterionStatus;
use crate::scenario::{Check, Scenario};

/// One scenario as a run would take it
///
/// The prompt, the starting state of each clone, the criteria with the expressions that decide
/// them, and the settings with where each comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage]))]
pub(crate) struct Args {
    /// The scenario: its file, or its id among those of the configuration
    scenario: String,

    /// Write the starting state of a clone as a seed document and nothing else
    #[arg(long, value_name = "CLONE", num_args = 0..=1, default_missing_value = "")]
    seed_document: Option<String>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The result of `archal scenario show`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownScenario {
    /// The file.
    path: String,
    /// Its id, part of failure identities.
    id: String,
    /// Its title.
    title: String,
    /// What the agent is asked.
    prompt: String,
    /// The starting state in words.
    setup: Option<String>,
    /// What a good outcome looks like, for the judge.
    expected: Option<String>,
    /// The starting state of each clone.
    states: Vec<ShownState>,
    /// The criteria, in the file's order.
    criteria: Vec<ShownCriterion>,
    /// The settings.
    settings: Vec<ShownSetting>,
}

/// The starting state of a clone.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownState {
    /// The clone.
    clone: String,
    /// What says so: a named seed, a file, a block, the Setup's words, the configuration.
    from: String,
    /// Rows by table.
    tables: BTreeMap<String, usize>,
}

/// A criterion.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ShownCriterion {
    /// Its id.
    id: String,
    /// What it says.
    label: String,
    /// Whether a judge decides it.
    judged: bool,
    /// The expression that decides it.
    cel: Option<String>,
    /// The sentence it was compiled from, written so that it has only one sense; none where it was
    /// written as an expression.
    canonical: Option<String>,
    /// Whether it holds on the starting state; none where that cannot be said.
    holds_already: Option<bool>,
}

/// A setting and where it comes from.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownSetting {
    /// Its key in a scenario's Config.
    key: String,
    /// Its value.
    value: String,
    /// Where it comes from.
    origin: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let directory = cx.environment.directory.clone();
    let loaded = cx.load_config(args.config.config.as_deref(), &directory, &[])?;
    let default = files::default_states(&loaded)?;
    let file = find(&args.scenario, &loaded, cx)?;
    let Some(scenario) = &file.scenario else {
        let what = format!("{} is not a scenario archal can run", file.shown);
        return Err(CliError::config(what).at(file.findings, file.source));
    };
    for finding in &file.findings {
        cx.printer.diagnostic(finding, file.source.as_ref());
    }
    let opened =
        files::open(scenario, &default, cx).map_err(|finding| CliError::config(finding.message))?;
    if let Some((clone, findings)) = opened.untouched.refused.first() {
        return Err(
            CliError::config(format!("the {clone} clone refuses its starting state"))
                .at(findings.clone(), None)
                .hint(format!("archal schema seed {clone}")),
        );
    }
    if let Some(clone) = &args.seed_document {
        let document = seed_document(clone, scenario, &opened)?;
        cx.printer.raw(format!("{document:#}\n").as_bytes());
        return Ok(Exit::Fine);
    }
    let shown = ShownScenario {
        path: file.shown.clone(),
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        prompt: scenario.prompt.clone(),
        setup: scenario.setup.clone(),
        expected: scenario.expected.clone(),
        states: states(scenario, &loaded, &opened),
        criteria: criteria(scenario, &opened),
        settings: settings(&file, scenario, &loaded),
    };
    cx.printer.line(text(&shown).trim_end());
    cx.printer.document("archal.scenario-show", 1, &shown);
    Ok(Exit::Fine)
}

/// The file of that name, else the scenario of that id.
fn find(name: &str, loaded: &Loaded, cx: &CommandContext) -> Result<ScenarioFile, CliError> {
    let path = cx.environment.resolve(name);
    if path.is_file() {
        return Ok(files::read(&path, cx));
    }
    let mut found = files::find(&[], loaded, cx).map_err(|_| {
        CliError::usage(format!("there is no file `{name}`")).hint("archal scenario list")
    })?;
    let id = |file: &ScenarioFile| {
        let scenario = file.scenario.as_ref();
        scenario.map(|scenario| scenario.id.clone()).or_else(|| {
            let stem = file.path.file_stem()?;
            Some(stem.to_string_lossy().into_owned())
        })
    };
    if let Some(at) = found
        .iter()
        .position(|file| id(file).as_deref() == Some(name))
    {
        return Ok(found.swap_remove(at));
    }
    let ids: Vec<String> = found.iter().filter_map(id).collect();
    let error = CliError::usage(format!("there is no scenario `{name}`"));
    Err(match nearest(name, ids.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("archal scenario show {near}")),
        None => error.hint("archal scenario list"),
    })
}

fn seed_document(clone: &str, scenario: &Scenario, opened: &Opened) -> Result<Value, CliError> {
    let clones = &scenario.config.clones;
    let name = match (clone, clones.as_slice()) {
        ("", [only]) => only,
        ("", several) => {
            let error = CliError::usage("the scenario has several clones");
            return Err(several.iter().fold(error, |error, name| {
                error.hint(format!("archal scenario show … --seed-document {name}"))
            }));
        }
        (name, _) => clones.iter().find(|known| *known == name).ok_or_else(|| {
            CliError::usage(format!("the scenario has no clone `{name}`"))
                .hint(format!("its clones: {}", clones.join(", ")))
        })?,
    };
    if let Some(StartState::Document(document)) = opened.states.get(name) {
        return Ok(document.clone());
    }
    let mut states = opened.untouched.states.iter();
    let state = states.find(|(known, _)| known == name);
    Ok(state.map_or(Value::Null, |(_, state)| state.to_json()))
}

fn states(scenario: &Scenario, loaded: &Loaded, opened: &Opened) -> Vec<ShownState> {
    opened
        .untouched
        .states
        .iter()
        .map(|(clone, state)| {
            let document = state.to_json();
            let tables = document.as_object().into_iter().flatten();
            ShownState {
                clone: clone.clone(),
                from: from(clone, scenario, loaded),
                tables: tables
                    .filter_map(|(name, rows)| Some((name.clone(), rows.as_array()?.len())))
                    .collect(),
            }
        })
        .collect()
}

/// What says in which state a clone starts.
fn from(clone: &str, scenario: &Scenario, loaded: &Loaded) -> String {
    if scenario
        .seed_blocks
        .iter()
        .any(|block| block.clone == clone)
    {
        return "a block in the file".to_owned();
    }
    match (scenario.own_seed(clone), loaded.config.seeds.get(clone)) {
        (Some(Seed::Named(name)), _) => format!("the seed `{name}`, named in Config"),
        (Some(Seed::Document(_)), _) => "the words of the Setup".to_owned(),
        (None, Some(name)) => format!("the seed `{name}`, named in the configuration"),
        (None, None) => "the seed `empty`: nothing names another".to_owned(),
    }
}

fn criteria(scenario: &Scenario, opened: &Opened) -> Vec<ShownCriterion> {
    let both = scenario.criteria.iter().zip(&opened.untouched.criteria);
    both.map(|(criterion, result)| {
        let (cel, canonical) = match &criterion.check {
            Check::Cel {
                source, sentence, ..
            } => {
                let canonical = sentence.as_ref().map(|sentence| sentence.canonical.clone());
                (Some(source.clone()), canonical)
            }
            Check::Judged { .. } => (None, None),
        };
        ShownCriterion {
            id: criterion.id.clone(),
            label: criterion.label().to_owned(),
            judged: cel.is_none(),
            cel,
            canonical,
            holds_already: result.as_ref().and_then(|result| match result.status {
                CriterionStatus::Pass => Some(true),
                CriterionStatus::Fail => Some(false),
                _ => None,
            }),
        }
    })
    .collect()
}

fn settings(file: &ScenarioFile, scenario: &Scenario, loaded: &Loaded) -> Vec<ShownSetting> {
    let config = &scenario.config;
    let in_file = |key: &str| -> String {
        let text = file
            .source
            .as_ref()
            .map_or("", |source| source.text.as_str());
        let from = text.to_lowercase().rfind("## config").unwrap_or(0);
        let line = text[from..].find(&format!("\n{key}:"));
        let line = line.map(|at| line_and_column(text, from + at + 1).0);
        line.map_or("the scenario".to_owned(), |line| {
            format!("{}:{line}", file.shown)
        })
    };
    let configured = |path: &str| {
        let key = loaded.keys.iter().find(|(known, ..)| known == path);
        key.map_or("default".to_owned(), |(_, _, origin)| origin.to_string())
    };
    let mut found = Vec::new();
    let mut add = |key: &str, own: Option<String>, other: (String, String)| {
        let (value, origin) = match own {
            Some(value) => (value, in_file(key)),
            None => other,
        };
        found.push(ShownSetting {
            key: key.to_owned(),
            value,
            origin,
        });
    };
    let other = &loaded.config;
    let some = |value: &dyn ToString| Some(value.to_string());
    add(
        "clones",
        some(&config.clones.join(", ")),
        Default::default(),
    );
    add(
        "runs",
        config.runs.map(|runs| runs.to_string()),
        (other.runs.to_string(), configured("runs")),
    );
    add(
        "timeout",
        config.timeout_seconds.map(|seconds| seconds.to_string()),
        (other.timeout.to_string(), configured("timeout")),
    );
    let mode = serde_json::to_value(other.route.mode).unwrap_or_default();
    let mode = mode.as_str().unwrap_or("auto").to_owned();
    add(
        "route",
        config.route.map(|route| route.name().to_owned()),
        (mode, configured("route.mode")),
    );
    add(
        "pass-threshold",
        config.pass_threshold.map(|threshold| threshold.to_string()),
        ("100".to_owned(), "default".to_owned()),
    );
    let mut only = |key: &str, value: Option<String>| {
        if value.is_some() {
            add(key, value, Default::default());
        }
    };
    only(
        "tags",
        (!config.tags.is_empty()).then(|| config.tags.join(", ")),
    );
    only("evaluator-model", config.evaluator_model.clone());
    only(
        "clock",
        config.clock.map(|clock| format!("fixed {}", clock.at)),
    );
    let faults: Vec<String> = config.faults.iter().map(ToString::to_string).collect();
    only("fault", (!faults.is_empty()).then(|| faults.join(", ")));
    only("owner", config.owner.clone());
    only("since", config.since.map(|day| day.to_string()));
    only("flaky", config.flaky.then(|| "true".to_owned()));
    only("retired", config.retired.then(|| "true".to_owned()));
    found
}

fn text(shown: &ShownScenario) -> String {
    let mut out = format!(
        "{}  {}\n",
        Style::Heading.paint(&shown.title),
        Style::Faint.paint(&shown.path)
    );
    let section = |out: &mut String, name: &str| {
        // Writing to a String cannot fail.
        _ = writeln!(out, "\n{}", Style::Heading.paint(name));
    };
    let indented = |out: &mut String, text: &str| {
        for line in text.lines() {
            _ = writeln!(out, "  {line}");
        }
    };
    section(&mut out, "Prompt");
    indented(&mut out, &shown.prompt);
    if let Some(setup) = &shown.setup {
        section(&mut out, "Setup");
        indented(&mut out, setup);
    }
    section(&mut out, "Starting state");
    for state in &shown.states {
        _ = writeln!(out, "  {}: {}", state.clone, state.from);
        let tables = state.tables.iter().filter(|(_, rows)| **rows > 0);
        let tables: Vec<String> = tables
            .map(|(name, rows)| format!("{rows} {name}"))
            .collect();
        _ = writeln!(
            out,
            "    {}",
            if tables.is_empty() {
                "nothing".to_owned()
            } else {
                tables.join(", ")
            }
        );
    }
    if let Some(expected) = &shown.expected {
        section(&mut out, "Expected behavior");
        indented(&mut out, expected);
    }
    section(&mut out, "Criteria");
    for criterion in &shown.criteria {
        let tag = if criterion.judged { "[P]" } else { "[D]" };
        let holds = match criterion.holds_already {
            Some(true) => Style::Faint.paint("  (holds on the starting state)"),
            _ => String::new(),
        };
        _ = writeln!(out, "  {tag} {}{holds}", criterion.label);
        if let Some(canonical) = criterion
            .canonical
            .as_ref()
            .filter(|one| **one != criterion.label)
        {
            _ = writeln!(out, "      that is: {canonical}");
        }
        if let Some(cel) = criterion
            .cel
            .as_ref()
            .filter(|cel| **cel != criterion.label)
        {
            _ = writeln!(out, "      {cel}");
        }
    }
    section(&mut out, "Settings");
    for setting in &shown.settings {
        let origin = Style::Faint.paint(&format!("({})", setting.origin));
        _ = writeln!(out, "  {}: {}  {origin}", setting.key, setting.value);
    }
    out
}
