//! Which scenario files are meant, and what is in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use archal_core::clone::{CloneDescriptor, Seed};
use archal_core::diagnostic::{Diagnostic, Severity, SourceText};
use archal_core::environment::Environment;

use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::config::Loaded;
use crate::run::seeds::{self, OtherStates, StartState};
use crate::scenario::criteria::Compiled;
use crate::scenario::untouched::{Untouched, untouched};
use crate::scenario::{Check, Scenario, criteria, discover, format};

/// The folder of scenarios where neither arguments nor configuration name one.
pub(super) const FOLDER: &str = "scenarios";

/// A scenario file as it was read.
pub(super) struct ScenarioFile {
    pub(super) path: PathBuf,
    /// The path as it is shown: relative to the working directory where it is below it.
    pub(super) shown: String,
    /// What it holds, as far as it is text.
    pub(super) source: Option<SourceText>,
    /// The scenario where nothing is wrong with it.
    pub(super) scenario: Option<Scenario>,
    /// What was found in it, in its order.
    pub(super) findings: Vec<Diagnostic>,
}

impl ScenarioFile {
    /// How many findings are that bad.
    pub(super) fn count(&self, severity: Severity) -> usize {
        let of_it = |finding: &&Diagnostic| finding.severity == severity;
        self.findings.iter().filter(of_it).count()
    }
}

/// The scenario files that `places` name, else those of the configuration, else those in the
/// folder `scenarios`.
///
/// # Errors
/// Where a place is not there, and where there is no scenario at all.
pub(super) fn find(
    places: &[String],
    loaded: &Loaded,
    cx: &CommandContext,
) -> Result<Vec<ScenarioFile>, CliError> {
    let (folder, places) = if places.is_empty() {
        let folder = &loaded.directory;
        let mut named = loaded.config.scenarios.clone();
        if named.is_empty() && folder.join(FOLDER).is_dir() {
            named.push(FOLDER.to_owned());
        }
        (folder, discover::with_regressions(folder, &named))
    } else {
        (&cx.environment.directory, places.to_vec())
    };
    if places.is_empty() {
        return Err(CliError::usage(
            "no scenario is named, the configuration names none and there is no folder `scenarios`",
        )
        .hint("archal scenario new <name>"));
    }
    let paths = discover::discover(folder, &places).map_err(CliError::usage)?;
    if paths.is_empty() {
        let places = places.join(", ");
        return Err(
            CliError::usage(format!("there is no scenario below {places}"))
                .hint("archal scenario new <name>"),
        );
    }
    Ok(paths.iter().map(|path| read(path, cx)).collect())
}

/// Reads one file.
pub(super) fn read(path: &Path, cx: &CommandContext) -> ScenarioFile {
    let shown = shown(path, &cx.environment);
    let limit = u64::try_from(format::MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let opened = File::open(path);
    let read = opened.and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    let (scenario, findings) = match read {
        Ok(_) => format::parse(Path::new(&shown), &bytes, cx.clones),
        Err(_) => format::load(path, cx.clones),
    };
    let text =
        (bytes.len() <= format::MAX_BYTES).then(|| String::from_utf8_lossy(&bytes).into_owned());
    ScenarioFile {
        path: path.to_owned(),
        source: text.map(|text| SourceText {
            path: PathBuf::from(&shown),
            text,
        }),
        shown,
        scenario: scenario.map(|scenario| Scenario {
            path: path.to_owned(),
            ..scenario
        }),
        findings,
    }
}

/// A path as people see it.
pub(super) fn shown(path: &Path, environment: &Environment) -> String {
    let below = path.strip_prefix(&environment.directory);
    below.unwrap_or(path).display().to_string()
}

/// The starting states of a scenario and what its criteria come to on them.
pub(super) struct Opened {
    /// By clone, as a run would take them.
    pub(super) states: BTreeMap<String, StartState>,
    pub(super) untouched: Untouched,
}

/// Opens the clones of a scenario as a run would.
///
/// # Errors
/// Where a seed file cannot be read: what to show for it.
pub(super) fn open(
    scenario: &Scenario,
    default: &BTreeMap<String, StartState>,
    cx: &CommandContext,
) -> Result<Opened, Diagnostic> {
    let other = OtherStates {
        forced: BTreeMap::new(),
        default: default.clone(),
    };
    let states = seeds::of_scenario(scenario, cx.clones, &other).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        let message = format!("{error}{}", cause.unwrap_or_default());
        Diagnostic::error("scenario/seed-file", message)
    })?;
    let named: Vec<&CloneDescriptor> = cx
        .clones
        .iter()
        .filter(|clone| scenario.config.clones.iter().any(|name| name == clone.name))
        .collect();
    let compiled: Vec<Option<Compiled>> = scenario
        .criteria
        .iter()
        .map(|criterion| match &criterion.check {
            Check::Cel { source, .. } => criteria::compile(source, &named).ok(),
            Check::Judged { .. } => None,
        })
        .collect();
    let seeds: BTreeMap<String, Seed<'_>> = states
        .iter()
        .map(|(clone, state)| (clone.clone(), state.as_seed()))
        .collect();
    let untouched = untouched(scenario, &compiled, &seeds, cx.clones, cx.clock.now());
    Ok(Opened { states, untouched })
}

/// The starting states of the configuration; one that cannot be read is an error of the file.
pub(super) fn default_states(loaded: &Loaded) -> Result<BTreeMap<String, StartState>, CliError> {
    bench::default_states(loaded)
}
