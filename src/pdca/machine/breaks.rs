//! Circuit breaks: what ends a run that does not come closer, looked at in every Act.
//!
//! Two more stand in the format's text, three failure modes of a role in a cycle and three agents in a row that
//! do not return. They cannot come to Act: the first agent that does not return ends a run, and so does the
//! third time that a role shows the same failure mode.

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
    /// Findings that were there, went, and came again.
    pub oscillating: usize,
    /// How far each cycle came, the first that can be told first.
    pub convergence: Vec<f64>,
    /// Whether exactly what was open at the end of the last cycle is open again.
    pub is_unchanged: bool,
    /// How much of the budget is spent, in whole percent; none where there is none.
    pub spent_percent: Option<u64>,
}

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
    let count = signs.oscillating;
    let oscillates = count >= OSCILLATING;
    let told = || format!("{count} findings went and came again");
    oscillates
        .then(|| Break::hard("oscillation", told()))
        .into_iter()
        .collect()
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
        for (signs, wanted) in [
            (Signs::default(), vec![]),
            (
                Signs {
                    oscillating: 1,
                    convergence: vec![0.2, 0.5],
                    spent_percent: Some(94),
                    ..Signs::default()
                },
                vec![],
            ),
            (
                Signs {
                    oscillating: 2,
                    // Not told beside hard ones.
                    is_unchanged: true,
                    ..Signs::default()
                },
                vec!["oscillation"],
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
