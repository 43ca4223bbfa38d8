//! How many calls each caller has made, against what a service allows or a plan does.

use std::collections::BTreeMap;

use archal_core::clone::RateLimit;

use super::key::Key;

/// What a service allows: calls, and the seconds in which they may be made.
pub(crate) type Allowance = (u64, u64);

/// The calls of every caller.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// Calls against a rate, and when the first of them was, in seconds since the epoch.
    counts: BTreeMap<(Option<Key>, &'static str), (u64, i64)>,
    /// What a plan allows in place of the service.
    limit: Option<RateLimit>,
}

/// Where a caller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many calls they may make.
    pub limit: u64,
    /// How many of them they have made.
    pub used: u64,
    /// When the count begins anew, in seconds since the epoch.
    pub reset: i64,
}

impl Rates {
    /// No calls yet, under what a plan allows.
    pub(crate) fn limited(limit: Option<RateLimit>) -> Self {
        Self {
            counts: BTreeMap::new(),
            limit,
        }
    }

    /// Where a caller stands at a time, in seconds since the epoch.
    pub(crate) fn standing(
        &self,
        caller: Option<&Key>,
        rate: &'static str,
        allowance: Allowance,
        at: i64,
    ) -> Standing {
        let (limit, window) = self.allowed(allowance);
        let (used, first) = match self.counts.get(&(caller.cloned(), rate)) {
            Some(count) if self.holds(count.1, window, at) => *count,
            _ => (0, at),
        };
        Standing {
            limit,
            used: match self.limit {
                Some(_) => used.min(limit),
                // The count starts anew before it runs out: refusals by rate are what a plan asks
                // for, and a count that followed the clock would differ between runs of the same calls.
                None => used.checked_rem(limit).unwrap_or(0),
            },
            reset: first.saturating_add_unsigned(window),
        }
    }

    /// Whether a plan allows no further call.
    pub(crate) fn is_used_up(
        &self,
        caller: Option<&Key>,
        rate: &'static str,
        allowance: Allowance,
        at: i64,
    ) -> bool {
        let standing = self.standing(caller, rate, allowance, at);
        self.limit.is_some() && standing.used >= standing.limit
    }

    /// Counts a call.
    pub(crate) fn count(
        &mut self,
        caller: Option<&Key>,
        rate: &'static str,
        allowance: Allowance,
        at: i64,
    ) {
        let (_, window) = self.allowed(allowance);
        let (used, first) = self
            .counts
            .entry((caller.cloned(), rate))
            .or_insert((0, at));
        if self.limit.is_some() && at >= first.saturating_add_unsigned(window) {
            (*used, *first) = (0, at);
        }
        *used = used.saturating_add(1);
    }

    fn allowed(&self, (calls, window): Allowance) -> Allowance {
        match self.limit {
            Some(limit) => (limit.calls, limit.window.unwrap_or(window)),
            None => (calls, window),
        }
    }

    /// Whether a count that began at `first` still holds.
    fn holds(&self, first: i64, window: u64, at: i64) -> bool {
        self.limit.is_none() || at < first.saturating_add_unsigned(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = (10, 60);

    #[test]
    fn a_plan_ends_after_its_calls_and_begins_anew_after_its_time() {
        let limit = RateLimit {
            calls: 2,
            window: Some(30),
        };
        let mut rates = Rates::limited(Some(limit));
        let mut told = Vec::new();
        for at in [100, 101, 129, 130] {
            let over = rates.is_used_up(None, "core", ALLOWANCE, at);
            rates.count(None, "core", ALLOWANCE, at);
            let standing = rates.standing(None, "core", ALLOWANCE, at);
            told.push(format!("{over} {} {}", standing.used, standing.reset));
        }
        insta::assert_snapshot!(told.join(", "), @"false 1 130, false 2 130, true 2 130, false 1 160");
    }

    #[test]
    fn without_a_plan_nothing_runs_out() {
        let mut rates = Rates::default();
        for _ in 0..9 {
            rates.count(None, "core", ALLOWANCE, 0);
        }
        assert_eq!(rates.standing(None, "core", ALLOWANCE, 0).used, 9);
        rates.count(None, "core", ALLOWANCE, 500);
        assert_eq!(rates.standing(None, "core", ALLOWANCE, 500).used, 0);
        assert!(!rates.is_used_up(None, "core", ALLOWANCE, 500));
    }
}
