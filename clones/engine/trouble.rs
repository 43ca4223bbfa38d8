//! What goes wrong on purpose, counted call by call.

use archal_core::clone::{Fault, FaultEffect};

/// A plan and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    plan: Vec<Fault>,
    /// How many calls each fault has seen.
    seen: Vec<u32>,
}

impl Troubles {
    /// A plan from its beginning.
    pub(crate) fn new(plan: Vec<Fault>) -> Self {
        Self {
            seen: vec![0; plan.len()],
            plan,
        }
    }

    /// Counts a call of an operation, and says what goes wrong with it: the first fault whose turn
    /// it is.
    pub(crate) fn strikes(&mut self, operation: &str) -> Option<FaultEffect> {
        let mut strikes = None;
        for (fault, seen) in self.plan.iter().zip(&mut self.seen) {
            if !fault.concerns(operation) {
                continue;
            }
            *seen = seen.saturating_add(1);
            if fault.nth.is_none_or(|nth| nth == *seen) {
                strikes = strikes.or(Some(fault.effect));
            }
        }
        strikes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_counts_its_own_calls_and_the_first_in_turn_strikes() {
        let fault = |operation: &str, nth, status| Fault {
            operation: operation.to_owned(),
            nth,
            effect: FaultEffect::Status(status),
        };
        let mut troubles = Troubles::new(vec![
            fault("issues/update", Some(2), 500),
            fault("issues/*", Some(3), 502),
            fault("repos/get", None, 404),
        ]);
        let struck: Vec<String> = [
            "issues/update",
            "users/get",
            "issues/update",
            "issues/get",
            "issues/get",
            "repos/get",
            "repos/get",
        ]
        .into_iter()
        .map(|operation| match troubles.strikes(operation) {
            None => "-".to_owned(),
            Some(effect) => effect.to_string(),
        })
        .collect();
        insta::assert_snapshot!(struck.join(" "), @"- - 500 502 - 404 404");
    }
}
