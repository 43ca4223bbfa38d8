//! How far a child was confined: what really held it, what did not, and what it was refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The degree to which a child was confined beyond being held together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Confined {
    /// What kept it from writing outside its own folders and from reading credentials:
    /// `mount namespace`, `bubblewrap` or `landlock`; null where nothing did.
    pub files: Option<String>,
    /// What kept it off the network: `own network`, or `landlock` where it could connect to
    /// archal's own ports alone; `open` where nobody asked for that; null where nothing did.
    pub network: Option<String>,
    /// What refused system calls that would undo the rest: `seccomp`; null where nothing did.
    pub calls: Option<String>,
    /// What limited its processes: `cgroup`, `rlimit` or `pid namespace`; null where nothing did.
    pub processes: Option<String>,
    /// What limited its memory: `cgroup`, or `rlimit` for each of its processes; null where nothing did.
    pub memory: Option<String>,
    /// What it could reach on the network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Each part that was asked for and not enforced, with the reason.
    pub missing: Vec<String>,
    /// What it was refused, or seen to reach for.
    pub refused: Vec<Refusal>,
}

/// Something a child tried and was refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// Which rule it met.
    pub rule: Rule,
    /// What it was: a path, a host, a program's name, or the line in which it said so.
    pub what: String,
    /// How archal knows.
    pub by: Witness,
}

/// A rule of confinement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It writes nothing but its own folders.
    WritesOutside,
    /// It reads no credentials: it found empty files in their place.
    Credentials,
    /// It reaches nothing but what is allowed.
    Network,
    /// Nothing of it runs on after its end.
    Survivors,
    /// It has so many processes and no more.
    Processes,
    /// It has so much memory and no more.
    Memory,
    /// It makes no system call that would undo the rest.
    SystemCalls,
}

impl Rule {
    /// What it forbids, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::WritesOutside => "writes outside its folders",
            Self::Credentials => "credentials",
            Self::Network => "network",
            Self::Survivors => "processes left running",
            Self::Processes => "too many processes",
            Self::Memory => "too much memory",
            Self::SystemCalls => "system calls",
        }
    }
}

/// How archal knows of a refusal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// archal saw it.
    Seen,
    /// The child's own output says so.
    Said,
}

/// Most refusals that are kept of a child.
pub const MOST_REFUSED: usize = 64;

impl Confined {
    /// Whether everything that was asked for was enforced.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// Keeps a refusal, once, within bounds.
    pub fn refuse(&mut self, rule: Rule, what: String, by: Witness) {
        let refusal = Refusal { rule, what, by };
        if self.refused.len() < MOST_REFUSED && !self.refused.contains(&refusal) {
            self.refused.push(refusal);
        }
    }

    /// In one line: `whole: mount namespace, own network, seccomp, …` or `in part: …; not …`.
    pub fn in_one_line(&self) -> String {
        let parts = [
            &self.files,
            &self.network,
            &self.calls,
            &self.processes,
            &self.memory,
        ];
        let mut named: Vec<&str> = Vec::new();
        for part in parts.into_iter().flatten() {
            if part != "open" && !named.contains(&part.as_str()) {
                named.push(part);
            }
        }
        let degree = if self.is_whole() { "whole" } else { "in part" };
        match named.as_slice() {
            [] => format!("off: {}", self.missing.join("; ")),
            _ if self.is_whole() => format!("{degree}: {}", named.join(", ")),
            _ => format!(
                "{degree}: {}; missing: {}",
                named.join(", "),
                self.missing.join("; ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_degree_is_said_in_one_line() {
        let mut confined = Confined {
            files: Some("mount namespace".to_owned()),
            network: Some("open".to_owned()),
            processes: Some("rlimit".to_owned()),
            memory: Some("rlimit".to_owned()),
            ..Confined::default()
        };
        assert_eq!(confined.in_one_line(), "whole: mount namespace, rlimit");
        confined.missing.push("system calls: no seccomp".to_owned());
        assert_eq!(
            confined.in_one_line(),
            "in part: mount namespace, rlimit; missing: system calls: no seccomp"
        );
        assert!(!confined.is_whole());
        let nothing = Confined {
            missing: vec!["files: no".to_owned()],
            ..Confined::default()
        };
        assert_eq!(nothing.in_one_line(), "off: files: no");
    }

    #[test]
    fn refusals_are_kept_once_and_within_bounds() {
        let mut confined = Confined::default();
        for number in 0..2 * MOST_REFUSED {
            for _ in 0..2 {
                let what = format!("{number}");
                confined.refuse(Rule::Network, what, Witness::Seen);
            }
        }
        assert_eq!(confined.refused.len(), MOST_REFUSED);
        assert_eq!(confined.refused[1].what, "1");
    }
}
