//! The fixer that is cycles of agents with reviewers. They are made in a module above this one: here
//! stands what they are given, and the fixer that lets them work.

use std::fmt;
use std::path::{Path, PathBuf};

use archal_core::fixer::{FixRecord, FixTask, Fixer};

use crate::budget::prices::Prices;
use crate::config::sandbox::SandboxMode;
use crate::reproduce::workplace::WorkspaceOptions;
use crate::run::attempt::Bench;
use crate::sandbox::StopToken;

use super::choice::FixerChoice;

/// The name of this fixer.
pub const NAME: &str = "pdca";

/// Lets cycles of agents work in a fix workspace.
pub trait Cycles: fmt::Debug + Send + Sync {
    /// Works until what the task asks for is approved, or nobody goes on.
    fn work(&self, ground: &Ground<'_>, task: &FixTask<'_>) -> FixRecord;
}

/// What they work with beside the task.
pub struct Ground<'a> {
    /// What the configuration says of the fixer.
    pub choice: &'a FixerChoice,
    /// The user's repository, which has the settings of runs.
    pub repo: &'a Path,
    /// What private copies have.
    pub options: &'a WorkspaceOptions,
    /// Clock, environment, containment.
    pub bench: &'a Bench<'a>,
    /// How far agents are confined.
    pub mode: SandboxMode,
    /// What models cost.
    pub prices: &'a Prices,
    /// Where the records of the run are kept.
    pub folder: PathBuf,
    /// Where is kept what it tells people.
    pub transcript: PathBuf,
    /// Ends it.
    pub stop: &'a StopToken,
}

/// Cycles of agents as a fixer.
pub struct CyclesFixer<'a> {
    /// Who makes them.
    pub cycles: &'a dyn Cycles,
    /// What they work with.
    pub ground: Ground<'a>,
}

impl Fixer for CyclesFixer<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn fix(&self, task: &FixTask<'_>) -> FixRecord {
        self.cycles.work(&self.ground, task)
    }
}
