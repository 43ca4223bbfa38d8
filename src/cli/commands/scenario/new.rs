//! `archal scenario new`.

use std::io::ErrorKind;
use std::path::PathBuf;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::nearest;
use schemars::JsonSchema;
use serde::Serialize;

use super::files::{self, FOLDER};
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::config::Loaded;
use crate::scenario::draft::{Draft, draft, file_name};
use crate::scenario::spec::{EMPTY_SEED, is_seed_file};
use crate::store::atomic;

/// Write a scenario to start from, with comments
///
/// It validates as it is. A file that is there is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// Its title, `Close stale issues`, or its file, `scenarios/close-stale-issues.md`
    name: String,

    /// A clone the agent meets; may be given several times [default: `clones` in the
    /// configuration, else the first clone there is]
    #[arg(long, value_name = "CLONE")]
    clone: Vec<String>,

    /// A starting state: a seed's name, or `clone:` and a seed's name or file
    #[arg(long, value_name = "SEED")]
    from_seed: Vec<String>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The result of `archal scenario new`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NewScenario {
    /// The file that was written.
    path: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let directory = cx.environment.directory.clone();
    let loaded = cx.load_config(args.config.config.as_deref(), &directory, &[])?;
    let mut clones = clones(&args.clone, &loaded, cx)?;
    let seeds = seeds(&args.from_seed, &mut clones, !args.clone.is_empty(), cx)?;
    let (path, title) = place(&args.name, &loaded, cx)?;
    let text = draft(&Draft {
        title: &title,
        clones: &clones,
        seeds: &seeds,
        prompt: None,
    });
    let shown = files::shown(&path, &cx.environment);
    atomic::create(&path, text.as_bytes()).map_err(|error| match &error {
        atomic::WriteError::Io { source, .. } if source.kind() == ErrorKind::AlreadyExists => {
            CliError::usage(format!("{shown} is there already, and stays as it is"))
                .hint(format!("archal scenario show {shown}"))
        }
        _ => CliError::environment(error),
    })?;
    cx.printer.line(format!("wrote {shown}"));
    cx.printer
        .note(format!("next: archal scenario validate {shown}"));
    cx.printer
        .document("archal.scenario-new", 1, &NewScenario { path: shown });
    Ok(Exit::Fine)
}

/// Where the file goes, and the title.
fn place(name: &str, loaded: &Loaded, cx: &CommandContext) -> Result<(PathBuf, String), CliError> {
    let is_file = name.to_lowercase().ends_with(".md");
    let stem = if is_file {
        let path = PathBuf::from(name);
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    } else {
        name.to_owned()
    };
    let words: Vec<&str> = stem
        .split(['-', '_', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    let title = if is_file {
        words.join(" ")
    } else {
        name.trim().to_owned()
    };
    let mut letters = title.chars();
    let first = letters
        .next()
        .ok_or_else(|| CliError::usage("a scenario needs a name"))?;
    let title = format!("{}{}", first.to_uppercase(), letters.as_str());
    if is_file {
        return Ok((cx.environment.resolve(name), title));
    }
    let file = file_name(&title).ok_or_else(|| {
        CliError::usage(format!("no file can be named after `{name}`"))
            .hint("archal scenario new scenarios/<name>.md")
    })?;
    // The first place of the configuration that can hold another file.
    let folder = loaded
        .config
        .scenarios
        .iter()
        .find(|place| !place.contains(['*', '?']) && !place.to_lowercase().ends_with(".md"));
    let folder = loaded.directory.join(folder.map_or(FOLDER, String::as_str));
    Ok((folder.join(file), title))
}

fn clones<'c>(
    wanted: &[String],
    loaded: &Loaded,
    cx: &'c CommandContext,
) -> Result<Vec<&'c CloneDescriptor>, CliError> {
    let names = if wanted.is_empty() {
        &loaded.config.clones
    } else {
        wanted
    };
    if names.is_empty() {
        return Ok(cx.clones.iter().take(1).collect());
    }
    names.iter().map(|name| clone(name, cx)).collect()
}

fn clone<'c>(name: &str, cx: &'c CommandContext) -> Result<&'c CloneDescriptor, CliError> {
    let folded = name.to_lowercase().replace('-', "_");
    let found = cx.clones.iter().find(|clone| clone.name == folded);
    found.ok_or_else(|| {
        let error = CliError::usage(format!("there is no clone `{name}`"));
        match nearest(name, cx.clones.iter().map(|clone| clone.name)) {
            Some(near) => error.hint(format!("archal scenario new … --clone {near}")),
            None => error.hint("archal clone list"),
        }
    })
}

/// The clone and the name of each starting state; a clone it names is one of the scenario.
fn seeds<'c>(
    wanted: &[String],
    clones: &mut Vec<&'c CloneDescriptor>,
    fixed: bool,
    cx: &'c CommandContext,
) -> Result<Vec<(&'static str, String)>, CliError> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for text in wanted {
        let (owner, name) = match text.split_once(':') {
            Some((owner, name)) => (clone(owner.trim(), cx)?, name.trim()),
            None => {
                let has = |clone: &&CloneDescriptor| {
                    is_seed_file(text) || clone.seeds.iter().any(|seed| seed.name == text)
                };
                let having: Vec<&CloneDescriptor> =
                    clones.iter().copied().filter(|one| has(one)).collect();
                let [only] = having.as_slice() else {
                    let names = clones
                        .iter()
                        .flat_map(|clone| clone.seeds.iter().map(|seed| seed.name));
                    let error = CliError::usage(format!("no single clone has a seed `{text}`"));
                    return Err(match nearest(text, names) {
                        Some(near) => {
                            error.hint(format!("archal scenario new … --from-seed {near}"))
                        }
                        None => error.hint("archal clone list"),
                    });
                };
                (*only, text.as_str())
            }
        };
        let known = name == EMPTY_SEED
            || is_seed_file(name)
            || owner.seeds.iter().any(|seed| seed.name == name);
        if !known {
            let error = CliError::usage(format!("{} has no seed `{name}`", owner.name));
            return Err(
                match nearest(name, owner.seeds.iter().map(|seed| seed.name)) {
                    Some(near) => error.hint(format!(
                        "archal scenario new … --from-seed {}:{near}",
                        owner.name
                    )),
                    None => error.hint("archal clone list"),
                },
            );
        }
        if !clones.iter().any(|clone| clone.name == owner.name) {
            if fixed {
                let message = format!("a seed for {}, which is not among the clones", owner.name);
                return Err(CliError::usage(message).hint(format!("--clone {}", owner.name)));
            }
            clones.push(owner);
        }
        if found.iter().any(|(clone, _)| *clone == owner.name) {
            return Err(CliError::usage(format!(
                "two starting states for {}",
                owner.name
            )));
        }
        found.push((owner.name, name.to_owned()));
    }
    Ok(found)
}
