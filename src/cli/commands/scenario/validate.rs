//! `archal scenario validate`.

use std::collections::BTreeMap;

use archal_core::diagnostic::{Diagnostic, Severity, SourceText, line_and_column};
use schemars::JsonSchema;
use serde::Serialize;

use super::files::{self, ScenarioFile};
use super::list::count;
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::diagnostic;
use crate::report::style::Style;
use crate::run::seeds::StartState;
use crate::scenario::matching::Match;
use crate::scenario::untouched::Untouched;
use crate::scenario::{Check, Criterion, Scenario};

/// Check scenario files without running anything
///
/// Everything that is wrong with every file is told with its place. Starting states are opened
/// in their clones, and criteria are decided on them, so that a scenario which an agent that does
/// nothing would pass is told of.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage]))]
pub(crate) struct Args {
    /// Scenario files, folders and patterns [default: `scenarios` in the configuration, else the
    /// folder `scenarios`]
    scenarios: Vec<String>,

    /// Take warnings for errors
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The result of `archal scenario validate`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ScenarioValidation {
    /// Each file, by path.
    files: Vec<ValidatedFile>,
    /// How many errors there are in all.
    errors: usize,
    /// How many warnings there are in all.
    warnings: usize,
}

/// One scenario file.
#[derive(Debug, Serialize, JsonSchema)]
struct ValidatedFile {
    /// The file.
    path: String,
    /// Whether it can be run.
    valid: bool,
    /// Its title, where it could be read.
    title: Option<String>,
    /// What was found, in the file's order.
    findings: Vec<Placed>,
}

/// A finding with its line and column.
#[derive(Debug, Serialize, JsonSchema)]
struct Placed {
    /// Line from 1.
    line: Option<usize>,
    /// Column from 1, in characters.
    column: Option<usize>,
    /// The finding.
    #[serde(flatten)]
    finding: Diagnostic,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let directory = cx.environment.directory.clone();
    let loaded = cx.load_config(args.config.config.as_deref(), &directory, &[])?;
    let default = files::default_states(&loaded)?;
    let mut found = files::find(&args.scenarios, &loaded, cx)?;
    for file in &mut found {
        look_closer(file, &default, cx);
    }
    tell_same_ids(&mut found);
    tell_same_matches(&mut found);
    let result = ScenarioValidation {
        errors: found.iter().map(|file| file.count(Severity::Error)).sum(),
        warnings: found.iter().map(|file| file.count(Severity::Warning)).sum(),
        files: found.iter().map(validated).collect(),
    };
    for file in &found {
        cx.printer.line(text(file).trim_end());
    }
    cx.printer.line(format!(
        "{}: {}, {}",
        count(found.len(), "scenario"),
        count(result.errors, "error"),
        count(result.warnings, "warning")
    ));
    cx.printer.document("archal.scenario-validate", 1, &result);
    let bad = result.errors > 0 || (args.strict && result.warnings > 0);
    Ok(if bad { Exit::Bad } else { Exit::Fine })
}

/// What only opening the clones shows.
fn look_closer(
    file: &mut ScenarioFile,
    default: &BTreeMap<String, StartState>,
    cx: &CommandContext,
) {
    let Some(scenario) = &file.scenario else {
        return;
    };
    let shown = file.shown.clone();
    let mut more: Vec<Diagnostic> = Vec::new();
    more.extend(unanswered(scenario, file.source.as_ref()));
    match files::open(scenario, default, cx) {
        Err(finding) => more.push(finding),
        Ok(opened) => {
            for (clone, findings) in &opened.untouched.refused {
                more.extend(refused(scenario, clone, findings));
            }
            more.extend(held(scenario, &opened.untouched));
            let present = opened
                .untouched
                .present(scenario, cx.clones, cx.clock.now());
            more.extend(
                present
                    .into_iter()
                    .map(|(criterion, present)| two_senses(criterion, &present.words)),
            );
        }
    }
    file.findings
        .extend(more.into_iter().map(|finding| finding.in_file(&shown)));
    let start = |finding: &Diagnostic| finding.span.map_or(0, |span| span.start);
    file.findings.sort_by_key(start);
    if file.findings.iter().any(Diagnostic::is_error) {
        file.scenario = None;
    }
}

/// A scenario in quarantine for which nobody answers, which a run refuses.
fn unanswered(scenario: &Scenario, source: Option<&SourceText>) -> Option<Diagnostic> {
    let config = &scenario.config;
    let missing = match (&config.owner, config.since) {
        (Some(_), Some(_)) => return None,
        (None, Some(_)) => "`owner`",
        (Some(_), None) => "`since`",
        (None, None) => "`owner` and `since`",
    };
    let finding = Diagnostic::error(
        "scenario/quarantine",
        format!("it is `flaky: true` without {missing}"),
    )
    .with_help("a scenario in quarantine has somebody who answers for it: write owner: <who> and since: <day>");
    let at = source.and_then(|source| source.text.rfind("\nflaky:"));
    config.flaky.then(|| match at {
        Some(at) => finding.at(at + 1..at + 6),
        None => finding,
    })
}

/// A starting state that its clone does not take, at the block it stands in.
fn refused(scenario: &Scenario, clone: &str, findings: &[Diagnostic]) -> Vec<Diagnostic> {
    let states = scenario.seed_blocks.iter().chain(&scenario.said_states);
    let block = states.clone().find(|block| block.clone == clone);
    findings
        .iter()
        .map(|finding| {
            let message = format!(
                "the {clone} clone refuses its starting state: {}",
                finding.message
            );
            let help = finding.help.clone();
            let mut finding = Diagnostic::error("scenario/seed-refused", message)
                .with_help(help.unwrap_or_else(|| format!("archal schema seed {clone}")));
            finding.span = block.map(|block| block.span);
            finding
        })
        .collect()
}

/// A sentence that may mean the state at the end or what the run changed, where these differ.
fn two_senses(criterion: &Criterion, there: &str) -> Diagnostic {
    let message = format!("this could mean the end or the run: `{there}` already");
    let finding = Diagnostic::warning("scenario/ambiguous", message).at(criterion.span);
    let Check::Cel {
        sentence: Some(sentence),
        ..
    } = &criterion.check
    else {
        return finding;
    };
    match &sentence.readings {
        Some(readings) => finding.with_help(format!(
            "write `{}` or `{}`",
            readings.final_state.rewrite, readings.change.rewrite
        )),
        None => finding,
    }
}

/// What an agent that does nothing would pass.
fn held(scenario: &Scenario, untouched: &Untouched) -> Option<Diagnostic> {
    let holding = untouched.holding(scenario);
    let decided = untouched.decided(scenario);
    let first = holding.first()?;
    let last = holding.last()?;
    if holding.len() < decided.len() {
        let labels: Vec<String> = holding
            .iter()
            .map(|one| format!("`{}`", one.label()))
            .collect();
        let message = format!(
            "{} of {} hold on the starting state already: {}",
            holding.len(),
            count(decided.len(), "criterion"),
            labels.join(", ")
        );
        return Some(Diagnostic::note("scenario/holds-already", message).at(first.span));
    }
    let judged = scenario.criteria.len() > decided.len();
    let rest = if judged { " without a judge" } else { "" };
    let message = format!(
        "every criterion decided{rest} holds on the starting state already: an agent that does nothing passes"
    );
    Some(
        Diagnostic::warning("scenario/nothing-to-do", message)
            .at(first.span.start..last.span.end)
            .with_help("add a criterion that only the work makes true"),
    )
}

/// Two files of one name are one scenario in failure identities.
fn tell_same_ids(found: &mut [ScenarioFile]) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for file in found {
        let Some(scenario) = &file.scenario else {
            continue;
        };
        if let Some(other) = seen.get(&scenario.id) {
            let message = format!("{other} has the same id, `{}`", scenario.id);
            file.findings.push(
                Diagnostic::warning("scenario/same-id", message)
                    .in_file(&file.shown)
                    .with_help("the id is the file's name; rename one of them"),
            );
            continue;
        }
        seen.insert(scenario.id.clone(), file.shown.clone());
    }
}

/// Two scenarios that match alike tie for every trace, which then is worked on by neither; what is
/// retired or a regression matches none.
fn tell_same_matches(found: &mut [ScenarioFile]) {
    let mut seen: Vec<(Match, String)> = Vec::new();
    for file in found {
        let Some(config) = file.scenario.as_ref().map(|scenario| &scenario.config) else {
            continue;
        };
        let Some(matching) = config.matching.clone() else {
            continue;
        };
        let at = file.source.as_ref().and_then(|source| {
            let at = source.text.rfind("\nmatch:")?;
            Some(at + 1..at + 6)
        });
        let place = |finding: Diagnostic| match at.clone() {
            Some(at) => finding.at(at),
            None => finding,
        };
        let is_regression = config.tags.iter().any(|tag| tag == "regression");
        let finding = if config.retired || is_regression {
            let what = if config.retired {
                "it is retired"
            } else {
                "it is a regression"
            };
            let message = format!("`match` says nothing here: {what}");
            Diagnostic::note("scenario/match-unused", message)
        } else if let Some((_, other)) = seen.iter().find(|(one, _)| *one == matching) {
            let message = format!("{other} matches the same traces, which end `blocked: scenario`");
            Diagnostic::warning("scenario/same-match", message).with_help(
                "say more in one of them: tags, tools or input; the narrower one is meant",
            )
        } else {
            seen.push((matching, file.shown.clone()));
            continue;
        };
        let finding = place(finding).in_file(&file.shown);
        file.findings.push(finding);
    }
}

fn validated(file: &ScenarioFile) -> ValidatedFile {
    let text = file.source.as_ref().map(|source| source.text.as_str());
    ValidatedFile {
        path: file.shown.clone(),
        valid: file.scenario.is_some(),
        title: file
            .scenario
            .as_ref()
            .map(|scenario| scenario.title.clone()),
        findings: file
            .findings
            .iter()
            .map(|finding| {
                let place = finding.span.zip(text);
                let place = place.map(|(span, text)| line_and_column(text, span.start));
                Placed {
                    line: place.map(|(line, _)| line),
                    column: place.map(|(_, column)| column),
                    finding: finding.clone(),
                }
            })
            .collect(),
    }
}

fn text(file: &ScenarioFile) -> String {
    let mut out = String::new();
    for finding in &file.findings {
        out.push_str(&diagnostic::render(finding, file.source.as_ref()));
    }
    let (label, rest) = match &file.scenario {
        Some(scenario) => (
            Style::Good.paint("ok "),
            format!(
                "{} ({})",
                scenario.title,
                count(scenario.criteria.len(), "criterion")
            ),
        ),
        None => (
            Style::Error.paint("bad"),
            count(file.count(Severity::Error), "error"),
        ),
    };
    out.push_str(&format!("{label} {}: {rest}", file.shown));
    out
}
