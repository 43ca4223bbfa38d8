//! What goes wrong on purpose in the runs of a suite: what the command line asks for, and what the
//! scenario says.

use std::fmt;
use std::str::FromStr;

use archal_core::clone::{CloneDescriptor, RateLimit, Trouble};
use archal_core::diagnostic::Diagnostic;

use crate::scenario::Scenario;
use crate::scenario::format::fault;
use crate::scenario::spec::Fault;

/// What goes wrong in every scenario, whatever it says itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TroubleEverywhere {
    /// Faults, for the scenarios that have their clone.
    pub faults: Vec<Fault>,
    /// How many calls a caller may make of each clone.
    pub rate_limit: Option<RateLimit>,
}

impl TroubleEverywhere {
    /// Reads faults as `github:issues/update#2=500` and a limit as `100` or `100/60s`.
    pub fn read(
        faults: &[String],
        rate_limit: Option<&str>,
        catalogue: &[CloneDescriptor],
    ) -> Result<Self, Diagnostic> {
        let rate_limit = rate_limit.map(RateLimit::from_str).transpose();
        Ok(Self {
            faults: faults
                .iter()
                .map(|text| fault::read(text, catalogue))
                .collect::<Result<_, _>>()?,
            rate_limit: rate_limit
                .map_err(|error| Diagnostic::error("run/rate-limit", error.to_string()))?,
        })
    }

    /// What goes wrong in a clone in the runs of a scenario; its own faults come last, so that those
    /// of the command line strike first.
    pub fn of(&self, scenario: &Scenario, clone: &str) -> Trouble {
        let faults = self.faults.iter().chain(&scenario.config.faults);
        Trouble {
            faults: faults
                .filter(|fault| fault.clone == clone)
                .map(|fault| fault.fault.clone())
                .collect(),
            rate_limit: self.rate_limit,
        }
    }
}

/// As the command line has it, for the hash of what makes a run what it is.
impl fmt::Display for TroubleEverywhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            write!(f, "{fault} ")?;
        }
        match self.rate_limit {
            Some(limit) => write!(f, "{limit}"),
            None => Ok(()),
        }
    }
}
