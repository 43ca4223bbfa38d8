//! Which scenario a trace belongs to.

use archal_core::trace::Trace;

use crate::run::scenarios::Prepared;

/// The scenario a trace belongs to, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matched<'a, T> {
    /// The most specific one.
    One(&'a T),
    /// None matches.
    None,
    /// Two match and neither is more specific.
    Tie(&'a T, &'a T),
}

/// Finds the scenario whose Config `match` names the trace; the most specific wins.
pub fn find<'a>(trace: &Trace, scenarios: &'a [Prepared]) -> Matched<'a, Prepared> {
    let mut candidates: Vec<(u32, &Prepared)> = scenarios
        .iter()
        .filter(|prepared| !prepared.scenario.config.retired)
        .filter_map(|prepared| {
            let matching = prepared.scenario.config.matching.as_ref()?;
            matching
                .matches(trace)
                .then(|| (matching.specificity(), prepared))
        })
        .collect();
    candidates.sort_by_key(|(specificity, _)| std::cmp::Reverse(*specificity));
    match candidates.as_slice() {
        [] => Matched::None,
        [(first, a), (second, b), ..] if first == second => Matched::Tie(a, b),
        [(_, one), ..] => Matched::One(one),
    }
}

#[cfg(test)]
mod tests;
