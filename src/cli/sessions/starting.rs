//! Which clones a session is to have, and on which states, as the command line says it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use archal_core::clone::{CloneDescriptor, OpenClone};
use archal_core::diagnostic::{Diagnostic, SourceText, nearest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::run::seeds::{self, StartState};
use crate::scenario::setup;
use crate::scenario::spec::{EMPTY_SEED, is_seed_file};
use crate::session::service::desk::{self, Beginning};
use crate::session::service::live::Start;

/// The longest file of a saved session that is read.
const MOST_SAVED: u64 = 2 << 30;
/// Where a file of a saved session comes from.
const HOW_ONE_IS_SAVED: &str = "archal clone snapshot --out FILE writes one";

/// Options that say on what clones start.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
pub(crate) struct On {
    /// A seed that comes with the clone: `github:small-project`, or the name alone where one clone has it
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Vec<String>,

    /// A file of the clone's seed schema, JSON or YAML; `github:FILE` where there are several clones
    #[arg(long, value_name = "FILE")]
    pub(crate) seed_file: Vec<String>,

    /// The state in words: "A repository acme/api with 3 open issues."
    #[arg(long, value_name = "TEXT")]
    pub(crate) setup: Option<String>,

    /// A state that `archal clone snapshot --out` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) load: Option<PathBuf>,
}

/// What a session is to begin with; paths are absolute, so that it can be read from anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// Names of clones, as given.
    pub(crate) clones: Vec<String>,
    /// All there are.
    pub(crate) all: bool,
    /// On what.
    pub(crate) on: On,
    /// Where relative paths begin, and the configuration is looked for.
    pub(crate) directory: PathBuf,
    /// The configuration file, where one was named.
    pub(crate) config: Option<PathBuf>,
}

/// A clone and on what it starts.
pub(crate) struct Chosen {
    /// Which.
    pub(crate) clone: &'static CloneDescriptor,
    /// On what.
    pub(crate) on: Beginning,
    /// How that is told.
    pub(crate) told: String,
}

/// The clone of that name.
///
/// # Errors
///
/// When there is none.
pub(crate) fn find(name: &str, cx: &CommandContext) -> Result<&'static CloneDescriptor, CliError> {
    if let Some(clone) = cx.clones.iter().find(|clone| clone.name == name) {
        return Ok(clone);
    }
    let error = CliError::usage(format!("there is no clone named {name:?}"));
    let names = cx.clones.iter().map(|clone| clone.name);
    Err(match nearest(name, names) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint("archal clone list"),
    })
}

impl On {
    /// Whether it says anything.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Wanted {
    /// Reads the states and tries them, so that what is wrong is told before anything runs.
    ///
    /// # Errors
    ///
    /// When a clone or a seed is unknown, a file cannot be read, or a clone refuses its state.
    pub(crate) fn choose(
        &self,
        defaults: &BTreeMap<String, StartState>,
        cx: &CommandContext,
    ) -> Result<Vec<Chosen>, CliError> {
        let saved = match &self.on.load {
            Some(path) => Some(read_saved(&self.directory.join(path))?),
            None => None,
        };
        let clones = self.clones(saved.as_ref(), cx)?;
        let mut on = states(&self.on, saved.as_ref(), &clones, &self.directory, cx)?;
        clones
            .into_iter()
            .map(|clone| {
                let (on, told) = on.remove(clone.name).unwrap_or_else(|| {
                    let default = defaults.get(clone.name).cloned();
                    beginning(default.unwrap_or_else(|| StartState::Named(EMPTY_SEED.to_owned())))
                });
                let chosen = Chosen { clone, on, told };
                chosen.try_out(cx)?;
                Ok(chosen)
            })
            .collect()
    }

    fn clones(
        &self,
        saved: Option<&Value>,
        cx: &CommandContext,
    ) -> Result<Vec<&'static CloneDescriptor>, CliError> {
        if self.all {
            return Ok(cx.clones.iter().collect());
        }
        let mut names = self.clones.clone();
        if let Some(saved) = saved.and_then(|saved| saved["clones"].as_object())
            && names.is_empty()
        {
            names.extend(saved.keys().cloned());
        }
        if names.is_empty() {
            let all: Vec<&str> = cx.clones.iter().map(|clone| clone.name).collect();
            return Err(CliError::usage("no clone is named")
                .hint(format!("one or more of: {}", all.join(", ")))
                .hint("archal clone start --all"));
        }
        let mut found: Vec<&'static CloneDescriptor> = Vec::new();
        for name in &names {
            let clone = find(name, cx)?;
            if !found.iter().any(|known| known.name == clone.name) {
                found.push(clone);
            }
        }
        Ok(found)
    }
}

impl Chosen {
    /// Opens the clone once, for nothing but its refusal.
    fn try_out(&self, cx: &CommandContext) -> Result<(), CliError> {
        let opened = match self.on.as_start() {
            Start::Saved(saved) => (self.clone.reopen)(saved),
            Start::Seed(seed) => (self.clone.open)(&OpenClone {
                base: archal_core::clock::truncate_to_second(cx.clock.now()),
                ids: 0,
                seed,
            }),
        };
        let name = self.clone.name;
        opened.map(drop).map_err(|diagnostics| {
            CliError::config(format!("the {name} clone refuses its starting state"))
                .at(diagnostics, None)
                .hint(match self.on {
                    Beginning::Saved(_) => HOW_ONE_IS_SAVED.to_owned(),
                    _ => format!("archal schema seed {name}"),
                })
        })
    }
}

/// The states that options ask for, by clone.
///
/// # Errors
///
/// When one cannot be had, or one clone is given two.
pub(crate) fn states(
    on: &On,
    saved: Option<&Value>,
    clones: &[&'static CloneDescriptor],
    directory: &Path,
    cx: &CommandContext,
) -> Result<BTreeMap<String, (Beginning, String)>, CliError> {
    let names: Vec<String> = clones.iter().map(|clone| clone.name.to_owned()).collect();
    let mut found: Vec<(String, Beginning, String)> = Vec::new();
    for text in &on.seed {
        let (clone, state) = seeds::of_flag(text, &names, cx.clones, directory)
            .map_err(|error| CliError::usage(error).hint("archal clone seed list <clone>"))?;
        let (state, mut told) = beginning(state);
        if is_seed_file(text) {
            told = format!("file {text}");
        }
        found.push((clone, state, told));
    }
    for text in &on.seed_file {
        let (clone, path) = of_file(text, &names)?;
        let document = seeds::read(&directory.join(path)).map_err(CliError::config)?;
        found.push((clone, Beginning::Document(document), format!("file {path}")));
    }
    if let Some(words) = &on.setup {
        let said =
            setup::understand(words, clones).map_err(|problems| misunderstood(words, problems))?;
        if said.is_empty() {
            return Err(
                CliError::usage("--setup says nothing of any of these clones")
                    .hint("\"A repository acme/api with 3 open issues.\""),
            );
        }
        found.extend(said.into_iter().map(|said| {
            let told = "in words".to_owned();
            (said.clone, Beginning::Document(said.document), told)
        }));
    }
    if let Some(saved) = saved {
        let states = desk::saved_states(saved).map_err(CliError::config)?;
        for (clone, state) in states {
            if !names.contains(clone) {
                return Err(CliError::usage(format!(
                    "the saved state has {clone}, which is not among the clones"
                )));
            }
            let told = "a saved state".to_owned();
            found.push((clone.clone(), Beginning::Saved(state.clone()), told));
        }
    }
    let mut states: BTreeMap<String, (Beginning, String)> = BTreeMap::new();
    for (clone, state, told) in found {
        if let Some((_, other)) = states.get(&clone) {
            return Err(CliError::usage(format!(
                "{clone} is given two starting states: {other}, and {told}"
            )));
        }
        states.insert(clone, (state, told));
    }
    Ok(states)
}

fn beginning(state: StartState) -> (Beginning, String) {
    match state {
        StartState::Named(name) => {
            let told = format!("seed {name}");
            (Beginning::Named(name), told)
        }
        StartState::Document(document) => (Beginning::Document(document), "a seed file".to_owned()),
    }
}

/// The clone and the path of `clone:path`, or of a path for the only clone.
fn of_file<'a>(text: &'a str, names: &[String]) -> Result<(String, &'a str), CliError> {
    let named = text
        .split_once(':')
        .filter(|(clone, _)| names.iter().any(|known| known == clone));
    match (named, names) {
        (Some((clone, path)), _) => Ok((clone.to_owned(), path)),
        (None, [only]) => Ok((only.clone(), text)),
        _ => Err(CliError::usage(format!(
            "--seed-file {text} does not say for which of the clones"
        ))
        .hint(format!("--seed-file {}:{text}", names.join("|")))),
    }
}

/// Reads a file that a session wrote of its state.
///
/// # Errors
///
/// When it cannot be read or is none.
pub(crate) fn read_saved(path: &Path) -> Result<Value, CliError> {
    let wrong = |why: String| {
        CliError::config(format!("{} is no saved session: {why}", path.display()))
            .hint(HOW_ONE_IS_SAVED)
    };
    let file = File::open(path)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))?;
    // Read as it comes: a device that never ends is none from its first byte.
    let mut text = BufReader::new(file.take(MOST_SAVED));
    let document: Value = serde_json::from_reader(&mut text).map_err(|error| {
        wrong(match text.get_ref().limit() {
            0 => format!("it is larger than {} GiB", MOST_SAVED >> 30),
            _ => error.to_string(),
        })
    })?;
    desk::saved_states(&document).map_err(wrong)?;
    Ok(document)
}

fn misunderstood(words: &str, problems: Vec<setup::Misunderstood>) -> CliError {
    let path = Path::new("--setup");
    let source = SourceText {
        path: path.to_owned(),
        text: words.to_owned(),
    };
    let findings = problems.into_iter().map(|problem| {
        let found = Diagnostic::error("session/setup", problem.message)
            .in_file(path)
            .at(problem.span);
        match problem.help {
            Some(help) => found.with_help(help),
            None => found,
        }
    });
    let findings: Vec<Diagnostic> = findings.collect();
    CliError::usage("the words of --setup make no starting state").at(findings, Some(source))
}
