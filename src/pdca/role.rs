//! Phases, the roles of agents, and the workflows that say which roles a cycle has.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A phase of a cycle.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Research and a proposal.
    Plan,
    /// The change.
    Do,
    /// Reviews of it.
    Check,
    /// What follows from the reviews.
    Act,
}

/// What an agent is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Finds out what the task touches.
    Explorer,
    /// Proposes the change.
    Creator,
    /// Makes the change; the only role that writes.
    Maker,
    /// Reviews for security and risk, always first.
    Guardian,
    /// Questions the assumptions of the proposal.
    Skeptic,
    /// Reviews for quality and tests.
    Sage,
    /// Tries to break the change.
    Trickster,
}

/// Which roles a cycle has, and how many cycles there are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Workflow {
    /// Creator, Maker, Guardian; one cycle.
    Fast,
    /// With Explorer, Skeptic and Sage; two cycles.
    Standard,
    /// With Trickster as well; three cycles.
    Thorough,
}

/// A name that stands for nothing known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}; there are {known}")]
pub struct UnknownName {
    what: &'static str,
    found: String,
    known: String,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Do, Self::Check, Self::Act];

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Do => "do",
            Self::Check => "check",
            Self::Act => "act",
        }
    }
}

impl Role {
    /// All of them, in the order in which a cycle has them.
    pub const ALL: [Self; 7] = [
        Self::Explorer,
        Self::Creator,
        Self::Maker,
        Self::Guardian,
        Self::Skeptic,
        Self::Sage,
        Self::Trickster,
    ];

    /// The name in logs and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explorer => "explorer",
            Self::Creator => "creator",
            Self::Maker => "maker",
            Self::Guardian => "guardian",
            Self::Skeptic => "skeptic",
            Self::Sage => "sage",
            Self::Trickster => "trickster",
        }
    }

    /// The phase it works in.
    pub const fn phase(self) -> Phase {
        match self {
            Self::Explorer | Self::Creator => Phase::Plan,
            Self::Maker => Phase::Do,
            Self::Guardian | Self::Skeptic | Self::Sage | Self::Trickster => Phase::Check,
        }
    }

    /// Whether it may change files.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Maker)
    }
}

impl Workflow {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Standard, Self::Thorough];

    /// The name in logs and options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Standard => "standard",
            Self::Thorough => "thorough",
        }
    }

    /// The cycles a run has at most, unless it is told otherwise.
    pub const fn max_cycles(self) -> u32 {
        match self {
            Self::Fast => 1,
            Self::Standard => 2,
            Self::Thorough => 3,
        }
    }

    /// The roles of its plan phase, in order.
    pub const fn planners(self) -> &'static [Role] {
        match self {
            Self::Fast => &[Role::Creator],
            Self::Standard | Self::Thorough => &[Role::Explorer, Role::Creator],
        }
    }

    /// The roles of its check phase: Guardian first, then those who review side by side.
    pub const fn reviewers(self) -> &'static [Role] {
        match self {
            Self::Fast => &[Role::Guardian],
            Self::Standard => &[Role::Guardian, Role::Skeptic, Role::Sage],
            Self::Thorough => &[Role::Guardian, Role::Skeptic, Role::Sage, Role::Trickster],
        }
    }

    /// The agents of a whole cycle, in order.
    pub fn agents(self) -> Vec<Role> {
        let mut agents = self.planners().to_vec();
        agents.push(Role::Maker);
        agents.extend(self.reviewers());
        agents
    }
}

/// `FromStr` by name, in any case, and `Display` for an enum with `ALL` and `name`.
macro_rules! named {
    ($type:ty, $what:literal) => {
        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let mut all = Self::ALL.into_iter();
                all.find(|one| one.name().eq_ignore_ascii_case(text.trim()))
                    .ok_or_else(|| UnknownName {
                        what: $what,
                        found: text.to_owned(),
                        known: Self::ALL.map(Self::name).join(", "),
                    })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named!(Phase, "phase");
named!(Role, "role");
named!(Workflow, "workflow");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_unknown_ones_are_told_with_the_known() {
        assert_eq!("Guardian".parse(), Ok(Role::Guardian));
        assert_eq!("DO".parse(), Ok(Phase::Do));
        let error = "quick".parse::<Workflow>().expect_err("no such workflow");
        assert_eq!(
            error.to_string(),
            "`quick` is no workflow; there are fast, standard, thorough"
        );
    }

    #[test]
    fn a_workflow_has_the_agents_of_the_smaller_one_and_more() {
        for pair in Workflow::ALL.windows(2) {
            let (small, large) = (pair[0].agents(), pair[1].agents());
            assert!(small.iter().all(|role| large.contains(role)));
            assert!(large.len() > small.len());
            assert_eq!(pair[0].max_cycles() + 1, pair[1].max_cycles());
        }
    }
}
