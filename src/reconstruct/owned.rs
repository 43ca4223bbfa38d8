//! Starting states that a repository owns, as files: what fills the gaps of its traces.
//!
//! `archal/seeds/github.json` is a document of the GitHub clone's seed schema, and so is
//! `archal/seeds/github-labels.json`: the name begins with that of the clone. What the
//! configuration's `seeds` names as a file is one, too. The scenario that a trace belongs to has the
//! last word: its Setup is the world that its author had in mind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Diagnostic;
use archal_core::trace::Trace;
use serde_json::Value;

use super::{Context, Missing, Owned, Reconstruction, reconstruct};
use crate::run::scenarios::Prepared;
use crate::run::seeds::{self, OtherStates, StartState};

/// Where a repository keeps the states that its traces leave out.
const FOLDER: &str = "archal/seeds";
/// The most files read from it.
const MOST: usize = 1_000;

/// The states that the repository at `tree` owns: those of the configuration, then those of its
/// folder in order of name. What cannot be read is told and left out.
pub fn of_repository(
    tree: &Path,
    configured: &BTreeMap<String, StartState>,
    clones: &[CloneDescriptor],
) -> (Vec<Owned>, Vec<Diagnostic>) {
    let mut owned: Vec<Owned> = configured
        .iter()
        .filter_map(|(clone, state)| match state {
            StartState::Document(document) => Some(Owned {
                origin: format!("seeds.{clone} of the configuration"),
                clone: clone.clone(),
                document: document.clone(),
            }),
            // One that comes with the clone says nothing of the world the trace was in.
            StartState::Named(_) => None,
        })
        .collect();
    let mut problems = Vec::new();
    let (found, nobodys) = in_folder(tree, clones);
    for path in nobodys {
        let names: Vec<&str> = clones.iter().map(|clone| clone.name).collect();
        problems.push(problem(format!(
            "{}: its name does not begin with that of a clone ({})",
            path.display(),
            names.join(", ")
        )));
    }
    for (clone, path) in found {
        let origin = path.display().to_string();
        let document = match seeds::read(&tree.join(&path)) {
            Ok(document) => document,
            Err(error) => {
                // The reader knows the file in the repository, not in a copy of it.
                let text = chain(&error).replace(&tree.join(&path).display().to_string(), &origin);
                problems.push(problem(text));
                continue;
            }
        };
        let known = clones.iter().find(|one| one.name == clone);
        let told = known.map(|known| unread(known, &document));
        problems.extend(
            told.into_iter()
                .flatten()
                .map(|what| problem(format!("{origin}: {what}"))),
        );
        owned.push(Owned {
            origin,
            clone,
            document,
        });
    }
    (owned, problems)
}

/// The states that a scenario gives itself: blocks and sentences of its Setup, and files that its
/// Config names. One that comes with a clone says nothing of the world a trace was in.
pub fn of_scenario(
    prepared: &Prepared,
    place: &str,
    clones: &[CloneDescriptor],
) -> (Vec<Owned>, Vec<Diagnostic>) {
    let scenario = &prepared.scenario;
    let states = match seeds::of_scenario(scenario, clones, &OtherStates::default()) {
        Ok(states) => states,
        Err(error) => {
            return (
                Vec::new(),
                vec![problem(format!("{place}: {}", chain(&error)))],
            );
        }
    };
    let owned = states.into_iter().filter_map(|(clone, state)| match state {
        StartState::Document(document) => Some(Owned {
            origin: format!("Setup of {place}"),
            clone,
            document,
        }),
        StartState::Named(_) => None,
    });
    (owned.collect(), Vec::new())
}

/// Rebuilds the state before a trace that a scenario is for: what a criterion reads has to be known,
/// and where something is missing the scenario's own state fills in, after those of the repository.
/// What fills it then is missing no more; all else stays as it is.
pub fn rebuilt(
    trace: &Trace,
    context: &Context<'_>,
    matched: Option<(&Prepared, &[Owned])>,
) -> Reconstruction {
    let of = |context: &Context<'_>| {
        let mut rebuilt = reconstruct(trace, context);
        if let Some((prepared, _)) = matched {
            rebuilt.require(|clone, table, field| prepared.reads(clone, table, field));
        }
        rebuilt
    };
    let alone = of(context);
    let Some((_, states)) = matched.filter(|(_, states)| !states.is_empty()) else {
        return alone;
    };
    if alone.missing.is_empty() {
        return alone;
    }
    let owned = [context.owned, states].concat();
    let filled = of(&Context {
        owned: &owned,
        ..*context
    });
    match filled.missing.len() < alone.missing.len() {
        true => filled,
        false => alone,
    }
}

/// Adds what is wrong with states that the repository owns to what is missing, behind the first: where
/// nothing is missing, nobody misses them.
pub fn told(problems: &[Diagnostic], missing: &mut Vec<Missing>) {
    if missing.is_empty() {
        return;
    }
    let told = problems.iter().map(|problem| Missing {
        clone: "none".to_owned(),
        entity: "states of the repository".to_owned(),
        field: "file".to_owned(),
        why: problem.message.clone(),
        span: String::new(),
        how: "archal seed explain, then commit the file".to_owned(),
    });
    missing.splice(1..1, told);
}

fn problem(message: String) -> Diagnostic {
    Diagnostic::warning("seed/owned", message)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// What of a document is read by nobody.
fn unread(clone: &CloneDescriptor, document: &Value) -> Vec<String> {
    let Some(tables) = document.as_object() else {
        return vec!["it is no object of tables".to_owned()];
    };
    let wrong = |(name, rows): (&String, &Value)| {
        let is_known = clone.tables.iter().any(|table| table.name == name);
        match (is_known, rows) {
            (true, Value::Array(rows)) => rows
                .iter()
                .position(|row| !row.is_object())
                .map(|at| format!("{name}[{at}] is no row")),
            (true, _) => Some(format!("{name} is no list of rows")),
            (false, _) if matches!(name.as_str(), "actor" | "$schema") => None,
            (false, _) => Some(format!("{} has no table {name}", clone.name)),
        }
    };
    tables.iter().filter_map(wrong).collect()
}

/// The files of the folder with the clone of each, and those that are of no clone, in order.
fn in_folder(tree: &Path, clones: &[CloneDescriptor]) -> (Vec<(String, PathBuf)>, Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(tree.join(FOLDER)) else {
        return (Vec::new(), Vec::new());
    };
    let (mut found, mut nobodys) = (Vec::new(), Vec::new());
    for entry in entries.take(MOST) {
        let name = entry
            .ok()
            .and_then(|one| one.file_name().into_string().ok());
        let Some(name) = name.filter(|name| name.ends_with(".json")) else {
            continue;
        };
        let path = Path::new(FOLDER).join(&name);
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        let of = |clone: &&CloneDescriptor| {
            let rest = stem.strip_prefix(clone.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        };
        match clones.iter().find(of) {
            Some(clone) => found.push((clone.name.to_owned(), path)),
            None => nobodys.push(path),
        }
    }
    found.sort();
    nobodys.sort();
    (found, nobodys)
}

#[cfg(test)]
mod tests;
