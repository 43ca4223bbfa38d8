//! What a run cost: the agent's own word, the judge's questions, and the prices archal knows.

use serde_json::Value;

use crate::budget::amount::Usd;
use crate::budget::entry::CostSource;
use crate::budget::prices::{Prices, Tokens};
use crate::budget::spent::Spent;

use super::result::RunCost;
use super::score::CriterionReport;

/// A larger file of metrics is not taken into the result; it stays in the evidence.
const LONGEST_METRICS: usize = 64 << 10;

/// The agent's metrics as a value; none where they are no JSON object or too long to repeat.
pub fn metrics(report: &[u8]) -> Option<Value> {
    if report.len() > LONGEST_METRICS {
        return None;
    }
    serde_json::from_slice(report).ok().filter(Value::is_object)
}

/// What several runs cost together, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Dollars; none where no part of any is known.
    pub usd: Option<Usd>,
    /// Runs whose cost is not known, or not all of it.
    pub unknown_runs: usize,
}

impl Sum {
    /// Adds a run.
    pub fn add(&mut self, cost: Option<&RunCost>) {
        let usd = cost.and_then(|cost| cost.usd).and_then(Usd::reported);
        if let Some(usd) = usd {
            self.usd = Some(self.usd.unwrap_or_default().saturating_add(usd));
        }
        let is_known = usd.is_some() && cost.is_some_and(|cost| cost.source != CostSource::Unknown);
        self.unknown_runs += usize::from(!is_known);
    }

    /// Adds what the agent alone said of a run: the judge's questions are charged by themselves.
    pub fn add_agent(&mut self, cost: Option<&RunCost>) {
        let usd = cost.and_then(|cost| cost.agent_usd);
        let source = match usd {
            Some(_) => CostSource::Reported,
            None => CostSource::Unknown,
        };
        let alone = RunCost {
            usd,
            source,
            ..RunCost::default()
        };
        self.add(cost.map(|_| &alone));
    }

    /// The sum of several runs.
    pub fn of<'a>(costs: impl IntoIterator<Item = Option<&'a RunCost>>) -> Self {
        let mut sum = Self::default();
        costs.into_iter().for_each(|cost| sum.add(cost));
        sum
    }
}

/// What a run cost: what the agent left in its file of metrics, and the notes of the judge.
pub fn of_run(
    report: Option<&[u8]>,
    criteria: &[CriterionReport],
    prices: Option<&Prices>,
) -> Option<RunCost> {
    let agent = report.map(|report| of_agent(&Spent::read(report), prices));
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

fn of_agent(spent: &Spent, prices: Option<&Prices>) -> (Option<f64>, CostSource) {
    if let Some(usd) = spent.usd() {
        return (Some(usd), CostSource::Reported);
    }
    let priced = spent.model.as_deref().and_then(|model| {
        let tokens = Tokens {
            input: spent.input_tokens?,
            output: spent.output_tokens?,
            ..Tokens::default()
        };
        Some(prices?.cost(model, &tokens)?.amount.dollars())
    });
    match priced {
        Some(usd) => (Some(usd), CostSource::Computed),
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
    fn a_cost_of_which_a_part_is_unknown_is_summed_and_counted_as_unknown() {
        let cost = |usd, source| RunCost {
            usd,
            source,
            ..RunCost::default()
        };
        let known = cost(Some(0.5), CostSource::Reported);
        let part = cost(Some(0.25), CostSource::Unknown);
        let silent = cost(None, CostSource::Unknown);
        let sum = |costs: &[Option<&RunCost>]| Sum::of(costs.iter().copied());
        let all = sum(&[Some(&known), Some(&part), Some(&silent), None]);
        assert_eq!(all.usd.map(Usd::micros), Some(750_000));
        assert_eq!(all.unknown_runs, 3);
        assert_eq!(sum(&[Some(&known)]).unknown_runs, 0);
        assert_eq!(sum(&[Some(&silent)]).usd, None);
    }

    #[test]
    fn what_the_judge_cost_is_none_of_the_agents() {
        let both = RunCost {
            usd: Some(0.75),
            source: CostSource::Unknown,
            agent_usd: Some(0.5),
            judge_usd: Some(0.25),
        };
        let judged = RunCost {
            agent_usd: None,
            ..both
        };
        let mut sum = Sum::default();
        sum.add_agent(Some(&both));
        assert_eq!(
            (sum.usd.map(Usd::micros), sum.unknown_runs),
            (Some(500_000), 0)
        );
        sum.add_agent(Some(&judged));
        sum.add_agent(None);
        assert_eq!(
            (sum.usd.map(Usd::micros), sum.unknown_runs),
            (Some(500_000), 2)
        );
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
        let priced = judged(Some(0.25), CostSource::Computed);
        let unknown = judged(None, CostSource::Reported);
        assert_eq!(
            cost(std::slice::from_ref(&priced)),
            (Some(0.75), CostSource::Computed)
        );
        assert_eq!(cost(&[priced, unknown]), (Some(0.75), CostSource::Unknown));
    }

    #[test]
    fn tokens_are_priced_where_the_agent_names_its_model_and_no_cost() {
        let prices = Prices::load(None).expect("archal's own");
        let report = br#"{"inputTokens": 1000000, "outputTokens": 0, "model": "gpt-4o"}"#;
        let cost = of_run(Some(report), &[], Some(&prices)).expect("known");
        assert_eq!(cost.source, CostSource::Computed);
        assert!(cost.usd.is_some_and(|usd| usd > 0.0), "{cost:?}");
        let nobody = br#"{"inputTokens": 10, "outputTokens": 1, "model": "no-such-model"}"#;
        let cost = of_run(Some(nobody), &[], Some(&prices)).expect("a report");
        assert_eq!((cost.usd, cost.source), (None, CostSource::Unknown));
    }
}
