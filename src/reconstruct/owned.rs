//! Starting states that a repository owns, as files: what fills the gaps of its traces.
//!
//! `archal/seeds/github.json` is a document of the GitHub clone's seed schema, and so is
//! `archal/seeds/github-labels.json`: the name begins with that of the clone. What the
//! configuration's `seeds` names as a file is one, too. The scenario that a trace belongs to has the
//! last word: its Setup is the world that its author had in mind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use archal_core::clone::{CloneDescriptor, SeedTable};
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
/// How often what fills a gap may name another row that is missing.
const DEEPEST: usize = 8;

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
/// and where something is missing the scenario's own state fills in, after those of the repository:
/// the rows that are missing, and no others. What fills it then is missing no more; all else stays
/// as it is. With it come those states, cut down to what was taken of them.
pub fn rebuilt(
    trace: &Trace,
    context: &Context<'_>,
    matched: Option<(&Prepared, &[Owned])>,
) -> (Reconstruction, Vec<Owned>) {
    let of = |context: &Context<'_>| {
        let mut rebuilt = reconstruct(trace, context);
        if let Some((prepared, _)) = matched {
            rebuilt.require(|clone, table, field| prepared.reads(clone, table, field));
        }
        rebuilt
    };
    let alone = of(context);
    let Some((_, states)) = matched.filter(|_| !alone.missing.is_empty()) else {
        return (alone, Vec::new());
    };
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    let mut filled: Option<(Reconstruction, Vec<Owned>)> = None;
    for _ in 0..DEEPEST {
        let last = filled.as_ref().map_or(&alone, |(filled, _)| filled);
        let named = last.missing.iter();
        wanted.extend(named.map(|one| (one.clone.clone(), one.entity.to_lowercase())));
        let states: Vec<Owned> = states
            .iter()
            .filter_map(|state| named_of(state, &wanted, context.clones))
            .collect();
        if filled.as_ref().map_or(&[][..], |(_, taken)| taken) == states {
            break;
        }
        let owned = [context.owned, &states].concat();
        let with = of(&Context {
            owned: &owned,
            ..*context
        });
        // What was missing may name others.
        filled = Some((with, states));
    }
    match filled {
        Some(filled) if filled.0.missing.len() < alone.missing.len() => filled,
        _ => (alone, Vec::new()),
    }
}

/// The rows of a state that are among what is missing, by clone and name; none where there are none.
fn named_of(
    state: &Owned,
    wanted: &BTreeSet<(String, String)>,
    clones: &[CloneDescriptor],
) -> Option<Owned> {
    let clone = clones.iter().find(|clone| clone.name == state.clone)?;
    let own = || wanted.iter().filter(|(of, _)| *of == state.clone);
    let mut document = state.document.as_object()?.clone();
    for table in clone.tables {
        let Some(rows) = document.get_mut(table.name).and_then(Value::as_array_mut) else {
            continue;
        };
        let key = |row: &Value| Some((clone.row_key)(table.name, row)?.to_lowercase());
        let all = format!("{} of ", table.name);
        rows.retain(|row| {
            let name = key(row).map(|key| format!("{} {key}", table.name));
            own().any(|(_, entity)| match entity.strip_prefix(&all) {
                Some(list) => is_in(row, table, list),
                None => name.as_ref() == Some(entity),
            })
        });
    }
    document.retain(|_, rows| rows.as_array().is_none_or(|rows| !rows.is_empty()));
    let is_any = document.values().any(Value::is_array) || own().any(|(_, name)| name == "actor");
    is_any.then(|| Owned {
        document: Value::Object(document),
        ..state.clone()
    })
}

/// Whether a row is in a list by the name of that, in lower case: what it belongs to stands in the path, and no
/// filter is against it.
fn is_in(row: &Value, table: &SeedTable, list: &str) -> bool {
    let (path, query) = list.split_once('?').unwrap_or((list, ""));
    let path = format!("/{}/", path.replace(' ', "/"));
    let mut parents = table.fields.iter();
    let is_below = parents.any(|field| {
        let parent = row.get(field.name).and_then(Value::as_str);
        let is_parent = field.required && field.references.is_some();
        is_parent && parent.is_some_and(|of| path.contains(&format!("/{}/", of.to_lowercase())))
    });
    let mut filters = query.split('&').filter_map(|one| one.split_once('='));
    let is_out = filters.any(|(name, wanted)| {
        let own = row.get(name).and_then(Value::as_str);
        wanted != "all" && own.is_some_and(|own| !own.eq_ignore_ascii_case(wanted))
    });
    is_below && !is_out
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
