//! Tokens an agent used, and what they cost.

use crate::budget::prices::{Prices, Tokens};

/// A larger cost, in US dollars, is a mistake or a lie.
const LARGEST_COST: f64 = 1_000_000.0;
/// A larger number of tokens is a mistake or a lie.
const MOST_TOKENS: u64 = 1_000_000_000_000;

/// What one model was used for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Used {
    /// The model; none where the agent did not name it.
    pub model: Option<String>,
    /// The tokens; cached ones are parts of the input, whatever the agent's own count is.
    pub tokens: Tokens,
}

/// What an agent says it used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// By model. Nothing means that it did not say, not that it used none.
    pub models: Vec<Used>,
    /// The cost in US dollars that it names itself.
    pub usd: Option<f64>,
}

impl Usage {
    /// The tokens of all models; none where it did not say.
    pub fn tokens(&self) -> Option<Tokens> {
        let sum = self
            .models
            .iter()
            .fold(Tokens::default(), |sum, used| Tokens {
                input: sum.input.saturating_add(used.tokens.input),
                cache_read: sum.cache_read.saturating_add(used.tokens.cache_read),
                cache_write: sum.cache_write.saturating_add(used.tokens.cache_write),
                output: sum.output.saturating_add(used.tokens.output),
            });
        let is_plausible = sum.input <= MOST_TOKENS && sum.output <= MOST_TOKENS;
        (!self.models.is_empty() && is_plausible).then_some(sum)
    }

    /// The model that took the most tokens.
    pub fn model(&self) -> Option<&str> {
        let most = self
            .models
            .iter()
            .max_by_key(|used| used.tokens.input.saturating_add(used.tokens.output))?;
        most.model.as_deref()
    }

    /// The cost in US dollars: the agent's own figure, or else by the price of each model. Where it used tokens
    /// and says nothing but zero, it does not know the price.
    /// `model` is the one that was asked for, where the agent named none. Unknown stays unknown.
    pub fn cost(&self, prices: &Prices, model: Option<&str>) -> Option<f64> {
        let used = self.tokens();
        let used_some = used.is_some_and(|used| used.input > 0 || used.output > 0);
        if let Some(usd) = self.usd.filter(|usd| *usd != 0.0 || !used_some) {
            return (0.0..=LARGEST_COST).contains(&usd).then_some(usd);
        }
        used?;
        self.models.iter().try_fold(0.0, |sum, used| {
            let model = used.model.as_deref().or(model)?;
            let cost = prices.cost(model, &used.tokens)?;
            Some(sum + cost.amount.dollars())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(model: &str, input: u64) -> Used {
        Used {
            model: Some(model.to_owned()),
            tokens: Tokens {
                input,
                ..Tokens::default()
            },
        }
    }

    #[test]
    fn an_unknown_price_makes_the_cost_unknown_and_nothing_said_is_not_zero() {
        let prices = Prices::load(None).expect("the bundled table");
        let known = prices.tables().next().expect("a table").models[0]
            .model
            .clone();
        let mut usage = Usage {
            models: vec![used(&known, 1000)],
            usd: None,
        };
        assert!(usage.cost(&prices, None).is_some_and(|usd| usd > 0.0));
        usage.models.push(used("nobody-knows", 1));
        assert_eq!(usage.cost(&prices, None), None);
        usage.usd = Some(0.5);
        assert_eq!(usage.cost(&prices, None), Some(0.5));
        usage.usd = Some(0.0);
        assert_eq!(usage.cost(&prices, None), None);
        usage.models.pop();
        assert!(usage.cost(&prices, None).is_some_and(|usd| usd > 0.0));
        usage.models.clear();
        assert_eq!(usage.cost(&prices, None), Some(0.0));
        usage.usd = Some(f64::NAN);
        assert_eq!(usage.cost(&prices, None), None);
        assert_eq!(Usage::default().cost(&prices, Some(&known)), None);
        assert_eq!(Usage::default().tokens(), None);
    }
}
