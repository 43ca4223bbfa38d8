//! Circuit breaks: what ends a run that does not come closer, looked at in every Act.

/// A circuit that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Whether it ends the run at once; else what is under way is finished first.
    pub is_hard: bool,
    /// What broke it.
    pub trigger: &'static str,
    /// Why, for people.
    pub reason: String,
}

impl Break {
    /// One that ends the run at once.
    pub fn hard(trigger: &'static str, reason: impl Into<String>) -> Self {
        Self {
            is_hard: true,
            trigger,
            reason: reason.into(),
        }
    }

    /// One that ends the run once what is under way is finished.
    pub fn soft(trigger: &'static str, reason: impl Into<String>) -> Self {
        Self {
            is_hard: false,
            ..Self::hard(trigger, reason)
        }
    }
}

/// What circuits look at, at the end of a cycle.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signs {
    /// The failure modes that showed in this cycle: role and name.
    pub shadows: Vec<(String, String)>,
    /// Agents in a row that did not return.
    pub failures_in_a_row: usize,
    /// Findings that were there, went, and came again.
    pub oscillating: usize,
    /// How far each cycle came, the first that can be told first.
    pub convergence: Vec<f64>,
    /// Whether exactly what was open at the end of the last cycle is open again.
    pub is_unchanged: bool,
    /// How much of the budget is spent, in whole percent; none where there is none.
    pub spent_percent: Option<u64>,
}

/// So many times the same failure mode in one cycle break.
const SHADOWS: usize = 3;
/// So many agents in a row that do not return break.
const FAILURES: usize = 3;
/// So many oscillating findings break.
const OSCILLATING: usize = 2;
/// Two cycles running that come less far break.
const CONVERGENCE: f64 = 0.5;
/// So much of the budget breaks.
const PERCENT: u64 = 95;

/// Every circuit that broke; where a hard one did, no soft ones.
pub fn look(signs: &Signs) -> Vec<Break> {
    let hard = hard(signs);
    match hard.is_empty() {
        true => soft(signs),
        false => hard,
    }
}

fn hard(signs: &Signs) -> Vec<Break> {
    let mut broken = Vec::new();
    let mut seen: Vec<&(String, String)> = Vec::new();
    for shadow in &signs.shadows {
        if seen.contains(&shadow) {
            continue;
        }
        seen.push(shadow);
        let times = signs
            .shadows
            .iter()
            .filter(|other| *other == shadow)
            .count();
        if times >= SHADOWS {
            let (role, name) = shadow;
            broken.push(Break::hard(
                "shadow_repeat",
                format!("{role} showed {name} {times} times in one cycle"),
            ));
        }
    }
    if signs.failures_in_a_row >= FAILURES {
        let count = signs.failures_in_a_row;
        broken.push(Break::hard(
            "agent_failures",
            format!("{count} agents in a row did not return"),
        ));
    }
    if signs.oscillating >= OSCILLATING {
        let count = signs.oscillating;
        broken.push(Break::hard(
            "oscillation",
            format!("{count} findings went and came again"),
        ));
    }
    broken
}

fn soft(signs: &Signs) -> Vec<Break> {
    let mut broken = Vec::new();
    let is_low = |score: &&f64| !score.is_finite() || **score >= CONVERGENCE;
    let last_two = signs.convergence.iter().rev().take(2);
    if signs.convergence.len() >= 2 && !last_two.clone().any(|score| is_low(&score)) {
        broken.push(Break::soft(
            "divergence",
            "two cycles running resolved less than half",
        ));
    }
    if signs.is_unchanged {
        broken.push(Break::soft(
            "identical_findings",
            "the same findings as at the end of the last cycle",
        ));
    }
    if let Some(percent) = signs.spent_percent.filter(|percent| *percent >= PERCENT) {
        broken.push(Break::soft(
            "budget",
            format!("{percent} % of the budget is spent"),
        ));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triggers(signs: &Signs) -> Vec<&'static str> {
        look(signs).iter().map(|one| one.trigger).collect()
    }

    #[test]
    fn every_circuit_breaks_at_its_number_and_not_before() {
        let rogue = ("maker".to_owned(), "rogue".to_owned());
        let paranoid = ("guardian".to_owned(), "paranoid".to_owned());
        for (signs, wanted) in [
            (Signs::default(), vec![]),
            (
                Signs {
                    shadows: vec![rogue.clone(), rogue.clone(), paranoid],
                    failures_in_a_row: 2,
                    oscillating: 1,
                    convergence: vec![0.2, 0.5],
                    spent_percent: Some(94),
                    ..Signs::default()
                },
                vec![],
            ),
            (
                Signs {
                    shadows: vec![rogue.clone(), rogue.clone(), rogue],
                    failures_in_a_row: 3,
                    oscillating: 2,
                    // Not told beside hard ones.
                    is_unchanged: true,
                    ..Signs::default()
                },
                vec!["shadow_repeat", "agent_failures", "oscillation"],
            ),
            (
                Signs {
                    convergence: vec![0.9, 0.49, 0.0],
                    is_unchanged: true,
                    spent_percent: Some(95),
                    ..Signs::default()
                },
                vec!["divergence", "identical_findings", "budget"],
            ),
            (
                Signs {
                    convergence: vec![0.0, f64::NAN],
                    ..Signs::default()
                },
                vec![],
            ),
        ] {
            assert_eq!(triggers(&signs), wanted, "{signs:?}");
        }
    }
}
