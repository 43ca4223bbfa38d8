//! Scenario files made ready to run.

use std::fs;
use std::path::{Path, PathBuf};

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, SourceText};

use crate::scenario::{Check, Scenario, criteria, format};

/// A scenario whose criteria have been compiled.
pub struct Prepared {
    /// The scenario.
    pub scenario: Scenario,
    /// Its deterministic criteria, by place in `scenario.criteria`; none for judged ones.
    pub compiled: Vec<Option<criteria::Compiled>>,
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

/// Reads one scenario file and compiles its criteria; with it come notes on what was accepted.
pub fn load(
    path: &Path,
    clones: &[CloneDescriptor],
) -> Result<(Prepared, Vec<Diagnostic>), Broken> {
    let broken = |diagnostics: Vec<Diagnostic>| Broken {
        path: path.to_owned(),
        source: fs::read_to_string(path).ok().map(|text| SourceText {
            path: path.to_owned(),
            text,
        }),
        diagnostics,
    };
    let (scenario, diagnostics) = format::load(path, clones);
    let Some(scenario) = scenario else {
        return Err(broken(diagnostics));
    };
    let refused = scenario.not_yet();
    if !refused.is_empty() && !scenario.config.retired {
        return Err(broken(refused));
    }
    let named: Vec<&CloneDescriptor> = clones
        .iter()
        .filter(|clone| scenario.config.clones.iter().any(|name| name == clone.name))
        .collect();
    let mut compiled = Vec::new();
    for criterion in &scenario.criteria {
        compiled.push(match &criterion.check {
            Check::Judged { .. } => None,
            Check::Cel { source, .. } => Some(criteria::compile(source, &named).map_err(&broken)?),
        });
    }
    Ok((Prepared { scenario, compiled }, diagnostics))
}
