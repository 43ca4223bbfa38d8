//! Scenario files made ready to run.

use std::fs;
use std::path::{Path, PathBuf};

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, SourceText};

use crate::scenario::{Check, Scenario, criteria, format};

/// A scenario whose criteria have been compiled.
#[derive(Clone)]
pub struct Prepared {
    /// The scenario.
    pub scenario: Scenario,
    /// Its deterministic criteria, by place in `scenario.criteria`; none for judged ones.
    pub compiled: Vec<Option<criteria::Compiled>>,
    /// The two readings of those that are sentences with two, by place.
    pub readings: Vec<Option<Doubt>>,
    /// Whether it is of a file; a task has a path only to be told by.
    pub has_file: bool,
}

impl Prepared {
    /// Whether a criterion reads a field of a collection of a clone, or what is in the field.
    pub fn reads(&self, clone: &str, collection: &str, field: &str) -> bool {
        let compiled = self.compiled.iter().flatten();
        compiled.map(criteria::references).any(|read| {
            read.collections.iter().any(|of| {
                let within = |name: &String| name.split('.').next() == Some(field);
                of.clone == clone && of.collection == collection && of.fields.iter().any(within)
            })
        })
    }

    /// Whether a criterion, by its id, reads how the run ended.
    pub fn reads_the_run(&self, id: &str) -> bool {
        let compiled = self.scenario.criteria.iter().zip(&self.compiled);
        compiled
            .filter(|(criterion, _)| criterion.id == id)
            .filter_map(|(_, compiled)| compiled.as_ref())
            .any(|compiled| criteria::references(compiled).run)
    }
}

/// The two readings of a sentence, compiled.
#[derive(Clone)]
pub struct Doubt {
    /// Of the state at the end.
    pub final_state: criteria::Compiled,
    /// Of what changed during the run.
    pub change: criteria::Compiled,
    /// How to write each so that there is no other.
    pub rewrites: Vec<String>,
}

/// A scenario file that cannot be run.
#[derive(Debug)]
pub struct Broken {
    /// The file.
    pub path: PathBuf,
    /// What it holds, where it can be read.
    pub source: Option<SourceText>,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// A scenario for a task that has no file: the agent is asked, and nothing but its exit is checked,
/// for what a good outcome would be nobody has said.
///
/// # Errors
///
/// When a clone is not known.
pub fn inline(
    task: &str,
    clone_names: &[String],
    folder: &Path,
    clones: &[CloneDescriptor],
) -> Result<Prepared, Broken> {
    // Written as a file would be, so that it is read as one would be; the task itself is put in
    // afterwards, because its text may look like a section.
    let text = format!(
        "# Task\n\n## Prompt\n\nTask\n\n## Success Criteria\n\n\
         - [D] The run exits successfully: `run.exitCode == 0`\n\n\
         ## Config\n\nclones: {}\n",
        clone_names.join(", ")
    );
    let path = folder.join("task.md");
    let (scenario, diagnostics) = format::parse(&path, text.as_bytes(), clones);
    let Some(mut scenario) = scenario else {
        let source = Some(SourceText {
            path: path.clone(),
            text,
        });
        return Err(Broken {
            path,
            source,
            diagnostics,
        });
    };
    let first = task.lines().find(|line| !line.trim().is_empty());
    let title: String = first.unwrap_or("Task").trim().chars().take(80).collect();
    scenario.title = title;
    task.clone_into(&mut scenario.prompt);
    let prepared = prepare(scenario, clones).map_err(|diagnostics| Broken {
        path,
        source: None,
        diagnostics,
    })?;
    Ok(Prepared {
        has_file: false,
        ..prepared
    })
}

/// Reads one scenario file and compiles its criteria; with it come notes on what was accepted.
pub fn load(
    path: &Path,
    clones: &[CloneDescriptor],
) -> Result<(Prepared, Vec<Diagnostic>), Broken> {
    made_ready(format::load(path, clones), clones).map_err(|diagnostics| Broken {
        path: path.to_owned(),
        source: fs::read_to_string(path).ok().map(|text| SourceText {
            path: path.to_owned(),
            text,
        }),
        diagnostics,
    })
}

/// [`load`] of a text that is, or will be, in the file `path`.
pub fn of_text(
    path: &Path,
    text: &str,
    clones: &[CloneDescriptor],
) -> Result<(Prepared, Vec<Diagnostic>), Broken> {
    let parsed = format::parse(path, text.as_bytes(), clones);
    made_ready(parsed, clones).map_err(|diagnostics| Broken {
        path: path.to_owned(),
        source: Some(SourceText {
            path: path.to_owned(),
            text: text.to_owned(),
        }),
        diagnostics,
    })
}

fn made_ready(
    (scenario, diagnostics): (Option<Scenario>, Vec<Diagnostic>),
    clones: &[CloneDescriptor],
) -> Result<(Prepared, Vec<Diagnostic>), Vec<Diagnostic>> {
    let Some(scenario) = scenario else {
        return Err(diagnostics);
    };
    Ok((prepare(scenario, clones)?, diagnostics))
}

/// Compiles the criteria of a scenario.
///
/// # Errors
///
/// What is wrong with one that is no expression.
pub fn prepare(
    scenario: Scenario,
    clones: &[CloneDescriptor],
) -> Result<Prepared, Vec<Diagnostic>> {
    let named: Vec<&CloneDescriptor> = clones
        .iter()
        .filter(|clone| scenario.config.clones.iter().any(|name| name == clone.name))
        .collect();
    let mut compiled = Vec::new();
    for criterion in &scenario.criteria {
        compiled.push(match &criterion.check {
            Check::Judged { .. } => None,
            Check::Cel { source, .. } => Some(criteria::compile(source, &named)?),
        });
    }
    let mut readings = Vec::new();
    for criterion in &scenario.criteria {
        let of_sentence = match &criterion.check {
            Check::Cel {
                sentence: Some(sentence),
                ..
            } => sentence.readings.as_ref(),
            _ => None,
        };
        readings.push(match of_sentence {
            None => None,
            Some(readings) => Some(Doubt {
                final_state: criteria::compile(&readings.final_state.cel, &named)?,
                change: criteria::compile(&readings.change.cel, &named)?,
                rewrites: vec![
                    readings.final_state.rewrite.clone(),
                    readings.change.rewrite.clone(),
                ],
            }),
        });
    }
    Ok(Prepared {
        scenario,
        compiled,
        readings,
        has_file: true,
    })
}
