//! What a run cost: the agent's own word, the judge's questions, and the prices archal knows.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use crate::budget::amount::Usd;
use crate::budget::prices::{Prices, Tokens};
use crate::budget::spent::Spent;

use super::result::RunCost;
use super::score::{CostSource, CriterionReport};

/// A larger file of metrics is not taken into the result; it stays in the evidence.
const LONGEST_METRICS: usize = 64 << 10;

/// The prices in force, read when they are first asked for: most agents need none.
#[derive(Debug, Default)]
pub struct Pricing {
    own: Option<PathBuf>,
    prices: OnceLock<Option<Prices>>,
}

impl Pricing {
    /// The prices that come with archal, behind those of the user's own file.
    pub fn new(own: Option<PathBuf>) -> Self {
        Self {
            own,
            prices: OnceLock::new(),
        }
    }

    fn cost(&self, model: &str, tokens: &Tokens) -> Option<Usd> {
        let prices = self
            .prices
            .get_or_init(|| Prices::load(self.own.as_deref()).ok());
        Some(prices.as_ref()?.cost(model, tokens)?.amount)
    }
}

/// The agent's metrics as a value; none where they are no JSON object or too long to repeat.
pub fn metrics(report: &[u8]) -> Option<Value> {
    if report.len() > LONGEST_METRICS {
        return None;
    }
    serde_json::from_slice(report).ok().filter(Value::is_object)
}

/// What a run cost: what the agent left in its file of metrics, and the notes of the judge.
pub fn of_run(
    report: Option<&[u8]>,
    criteria: &[CriterionReport],
    pricing: Option<&Pricing>,
) -> Option<RunCost> {
    let agent = report.map(|report| of_agent(&Spent::read(report), pricing));
    let judge = of_judge(criteria);
    if agent.is_none() && judge.is_none() {
        return None;
    }
    let (agent_usd, agent_source) = agent.unwrap_or((None, CostSource::Unknown));
    let (judge_usd, judge_source) = judge.unwrap_or((None, CostSource::Reported));
    Some(RunCost {
        usd: match (agent_usd, judge_usd) {
            (None, None) => None,
            (agent, judge) => Some(agent.unwrap_or_default() + judge.unwrap_or_default()),
        },
        source: agent_source.max(judge_source),
        agent_usd,
        judge_usd,
    })
}

fn of_agent(spent: &Spent, pricing: Option<&Pricing>) -> (Option<f64>, CostSource) {
    if let Some(usd) = spent.usd() {
        return (Some(usd), CostSource::Reported);
    }
    let priced = spent.model.as_deref().and_then(|model| {
        let tokens = Tokens {
            input: spent.input_tokens?,
            output: spent.output_tokens?,
            ..Tokens::default()
        };
        Spent::usd_of(Some(pricing?.cost(model, &tokens)?.micros()))
    });
    match priced {
        Some(usd) => (Some(usd), CostSource::Priced),
        None => (None, CostSource::Unknown),
    }
}

/// The sum of what is known of the judge's questions; none where nobody was asked.
fn of_judge(criteria: &[CriterionReport]) -> Option<(Option<f64>, CostSource)> {
    let notes = criteria.iter().filter_map(|one| one.judge.as_ref());
    notes.fold(None, |sum, note| {
        let (usd, source) = sum.unwrap_or((None, CostSource::Reported));
        let usd = match note.cost_usd {
            Some(more) => Some(usd.unwrap_or_default() + more),
            None => usd,
        };
        let own = match note.cost_usd {
            Some(_) => note.cost_source,
            None => CostSource::Unknown,
        };
        Some((usd, source.max(own)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::score::JudgeNote;
    use super::*;

    fn judged(cost_usd: Option<f64>, cost_source: CostSource) -> CriterionReport {
        CriterionReport {
            judge: Some(JudgeNote {
                model: "m".to_owned(),
                cached: false,
                cost_usd,
                cost_source,
            }),
            ..CriterionReport::default()
        }
    }

    #[test]
    fn nobody_said_anything_is_not_nothing() {
        assert_eq!(of_run(None, &[CriterionReport::default()], None), None);
        let silent = of_run(Some(b"{}"), &[], None).expect("a report");
        assert_eq!((silent.usd, silent.source), (None, CostSource::Unknown));
    }

    #[test]
    fn agent_and_judge_are_summed_and_the_weaker_source_counts() {
        let report = br#"{"costUsd": 0.5}"#;
        let cost = |criteria: &[CriterionReport]| {
            let cost = of_run(Some(report), criteria, None).expect("known");
            (cost.usd, cost.source)
        };
        assert_eq!(cost(&[]), (Some(0.5), CostSource::Reported));
        let priced = judged(Some(0.25), CostSource::Priced);
        let unknown = judged(None, CostSource::Reported);
        assert_eq!(
            cost(std::slice::from_ref(&priced)),
            (Some(0.75), CostSource::Priced)
        );
        assert_eq!(cost(&[priced, unknown]), (Some(0.75), CostSource::Unknown));
    }

    #[test]
    fn tokens_are_priced_where_the_agent_names_its_model_and_no_cost() {
        let pricing = Pricing::new(None);
        let report = br#"{"inputTokens": 1000000, "outputTokens": 0, "model": "gpt-4o"}"#;
        let cost = of_run(Some(report), &[], Some(&pricing)).expect("known");
        assert_eq!(cost.source, CostSource::Priced);
        assert!(cost.usd.is_some_and(|usd| usd > 0.0), "{cost:?}");
        let nobody = br#"{"inputTokens": 10, "outputTokens": 1, "model": "no-such-model"}"#;
        let cost = of_run(Some(nobody), &[], Some(&pricing)).expect("a report");
        assert_eq!((cost.usd, cost.source), (None, CostSource::Unknown));
    }
}
