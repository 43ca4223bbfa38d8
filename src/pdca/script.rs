//! The shipped driver: it plays agents as a script says them, as a coding agent would be run.
//!
//! A script is a list of steps in YAML. The first that fits role, cycle and attempt is played.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a script may be large.
pub const LARGEST: u64 = 16 << 20;

/// One step: who it is for, and what is done.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// The role, `mini-explorer` where the Explorer only looks at risks; any where none is named.
    pub role: Option<String>,
    /// The cycle; any where none is named.
    pub cycle: Option<u32>,
    /// Which start of the role in the cycle; any where none is named.
    pub attempt: Option<u32>,
    /// Files it writes, by path.
    pub writes: BTreeMap<String, String>,
    /// A shell command it runs; where that fails it ends as that does.
    pub runs: Option<String>,
    /// The message under which it commits everything; it commits nothing without.
    pub commit: Option<String>,
    /// Its answer.
    pub says: String,
    /// Its answer is said again and again until it is this long.
    pub until_bytes: Option<u64>,
    /// It never ends.
    pub hangs: bool,
    /// Its exit status.
    pub exits: i32,
    /// What it says it used: `{inputTokens, outputTokens, costUsd, model}`.
    pub usage: Option<serde_json::Value>,
}

/// Reads a script.
///
/// # Errors
///
/// Where it is wrong, and how.
pub fn read(text: &str) -> Result<Vec<Step>, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    })
}

/// The step for an agent.
pub fn step<'a>(steps: &'a [Step], role: &str, cycle: u32, attempt: u32) -> Option<&'a Step> {
    steps.iter().find(|step| {
        step.role.as_deref().is_none_or(|wanted| wanted == role)
            && step.cycle.is_none_or(|wanted| wanted == cycle)
            && step.attempt.is_none_or(|wanted| wanted == attempt)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_that_fits_is_played() {
        let steps = read(
            "- {role: guardian, cycle: 2, says: second}\n- {role: guardian, attempt: 2, says: again}\n\
             - {role: guardian, says: first}\n",
        )
        .expect("a script");
        let said = |role, cycle, attempt| {
            step(&steps, role, cycle, attempt).map(|step| step.says.as_str())
        };
        assert_eq!(said("guardian", 1, 1), Some("first"));
        assert_eq!(said("guardian", 2, 1), Some("second"));
        assert_eq!(said("guardian", 1, 2), Some("again"));
        assert_eq!(said("sage", 1, 1), None);
        let wrong = read("- {rolle: guardian}\n").expect_err("no such key");
        assert!(wrong.contains("rolle"), "{wrong}");
    }
}
