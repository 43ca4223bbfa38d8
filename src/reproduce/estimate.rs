//! What one attempt may cost, from what the traced run cost.

use archal_core::trace::{SpanKind, Trace, Usage};
use serde::{Deserialize, Serialize};

use super::spent;

/// What an estimate stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The trace says what every call of a model cost.
    Recorded,
    /// The trace's tokens at the known prices.
    Priced,
    /// The trace has no call of a model: it used none, or did not record it.
    NoCalls,
    /// The trace does not say enough.
    Unknown,
}

/// What one attempt may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// In millionths of a US dollar; null where it is not known.
    pub micros: Option<i64>,
    /// What it stands on.
    pub basis: Basis,
}

impl Estimate {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        micros: None,
        basis: Basis::Unknown,
    };

    /// An attempt that calls no model.
    pub const NOTHING: Self = Self {
        micros: Some(0),
        basis: Basis::Recorded,
    };

    /// The cost of the run in `trace`: what its calls of models say they cost where each says
    /// it, else their tokens as `price` has it (model and usage to millionths of a US dollar),
    /// else unknown. One call that cannot be priced makes the whole unknown.
    pub fn of(trace: &Trace, price: &dyn Fn(&str, &Usage) -> Option<i64>) -> Self {
        let mut calls = Vec::new();
        for span in &trace.spans {
            match &span.llm {
                Some(call) => calls.push((call.model.as_deref(), Some(&call.usage))),
                None if span.kind == SpanKind::Llm => calls.push((None, None)),
                None => {}
            }
        }
        if calls.is_empty() {
            return Self {
                micros: None,
                basis: Basis::NoCalls,
            };
        }
        let recorded = sum(calls
            .iter()
            .map(|(_, usage)| spent::micros(usage.as_ref()?.cost_usd?)));
        if let Some(micros) = recorded {
            return Self {
                micros: Some(micros),
                basis: Basis::Recorded,
            };
        }
        let priced = sum(calls.iter().map(|(model, usage)| {
            let usage = usage.as_ref()?;
            usage.input_tokens.or(usage.output_tokens)?;
            price((*model)?, usage).filter(|micros| *micros >= 0)
        }));
        priced.map_or(Self::UNKNOWN, |micros| Self {
            micros: Some(micros),
            basis: Basis::Priced,
        })
    }
}

/// The sum, unknown where one part is.
fn sum(parts: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    parts
        .into_iter()
        .try_fold(0_i64, |sum, part| Some(sum.saturating_add(part?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use archal_core::trace::{LlmCall, Span};

    fn call(model: Option<&str>, tokens: Option<u64>, cost: Option<f64>) -> Span {
        Span {
            kind: SpanKind::Llm,
            llm: Some(LlmCall {
                model: model.map(str::to_owned),
                usage: Usage {
                    input_tokens: tokens,
                    cost_usd: cost,
                    ..Usage::default()
                },
                ..LlmCall::default()
            }),
            ..Span::default()
        }
    }

    fn estimate(spans: Vec<Span>) -> (Option<i64>, Basis) {
        let trace = Trace {
            spans,
            ..Trace::default()
        };
        let price = |model: &str, usage: &Usage| {
            (model == "known").then(|| i64::try_from(usage.input_tokens.unwrap_or(0)).ok())?
        };
        let estimate = Estimate::of(&trace, &price);
        (estimate.micros, estimate.basis)
    }

    #[test]
    fn recorded_costs_count_where_every_call_has_one() {
        let known = || call(Some("known"), Some(7), Some(0.001));
        assert_eq!(
            estimate(vec![known(), known()]),
            (Some(2_000), Basis::Recorded)
        );
        let without = call(Some("known"), Some(5), None);
        assert_eq!(
            estimate(vec![known(), without.clone()]),
            (Some(12), Basis::Priced)
        );
        let nonsense = call(Some("known"), Some(5), Some(f64::NAN));
        assert_eq!(estimate(vec![nonsense]), (Some(5), Basis::Priced));
    }

    #[test]
    fn one_call_that_cannot_be_priced_makes_the_whole_unknown() {
        let unknown = (None, Basis::Unknown);
        let known = || call(Some("known"), Some(7), None);
        for other in [
            call(Some("other"), Some(7), None),
            call(None, Some(7), None),
            call(Some("known"), None, None),
            Span {
                kind: SpanKind::Llm,
                ..Span::default()
            },
        ] {
            assert_eq!(estimate(vec![known(), other]), unknown);
        }
        assert_eq!(
            estimate(vec![Span::default()]),
            (None, Basis::NoCalls),
            "a trace without calls says nothing"
        );
    }
}
