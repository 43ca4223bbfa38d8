//! An attempt in the ledger: what it reserved and what it cost.

use std::path::Path;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::Usd;
use super::prices::{Computed, Tokens};

/// Whose money it is: a repository and an attempt in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The repository.
    pub repo: String,
    /// The attempt, by an id that names no other attempt of that repository.
    pub attempt: String,
}

impl AttemptKey {
    /// The attempt `attempt` in the repository at `repo`.
    pub fn new(repo: &Path, attempt: impl Into<String>) -> Self {
        Self {
            repo: repo_name(repo),
            attempt: attempt.into(),
        }
    }
}

/// How the ledger names a repository: its path without dots and links.
pub fn repo_name(repo: &Path) -> String {
    let path = repo.canonicalize();
    let path = path.as_deref().unwrap_or(repo);
    path.to_string_lossy().into_owned()
}

/// What an attempt asks for before it may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The attempt.
    pub key: AttemptKey,
    /// What it does, for reports: `reproduce`, `fix`, `judge`.
    pub kind: String,
    /// The trace it is for; without one only the cap of the day holds it.
    pub trace: Option<String>,
    /// What it is expected to cost at most; none where nobody can say. Such an attempt reserves
    /// nothing and is refused only when a cap is used up already.
    pub estimate: Option<Usd>,
}

/// What an attempt did cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cost {
    /// What the agent or fixer said itself.
    Reported(Usd),
    /// Computed from tokens.
    Computed(Computed),
    /// What it reserved, for want of better knowledge; unknown where it reserved nothing.
    Reserved,
    /// Nobody knows. It stays unknown, and what it reserved stays taken from the caps.
    Unknown,
    /// Nobody knows, of one that was given nothing to pay with: what it reserved is let go.
    Unpaid,
}

/// The end of an attempt, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// What it cost.
    pub cost: Cost,
    /// The tokens it used, of all its calls, where they are known.
    pub tokens: Option<Tokens>,
}

impl From<Cost> for Charge {
    fn from(cost: Cost) -> Self {
        Self { cost, tokens: None }
    }
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It may be running.
    Reserved,
    /// It ended.
    Charged,
    /// It never began.
    Released,
}

/// How the cost of an attempt or a run is known, the surest first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CostSource {
    /// Who spent it said so.
    Reported,
    /// It was computed from tokens and the prices archal knows.
    #[serde(alias = "priced")]
    Computed,
    /// It is what was metered last, or else what was reserved.
    Reserved,
    /// Nobody said; unknown is not zero.
    #[default]
    Unknown,
}

impl State {
    /// The word in the database.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Charged => "charged",
            Self::Released => "released",
        }
    }
}

impl CostSource {
    /// The word in the database and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Computed => "computed",
            Self::Reserved => "reserved",
            Self::Unknown => "unknown",
        }
    }
}

/// An attempt as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The repository.
    pub repo: String,
    /// The attempt.
    pub attempt: String,
    /// What it did.
    pub kind: String,
    /// The trace it was for.
    pub trace: Option<String>,
    /// When it was reserved; the day it counts for.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// What it reserved; null where nobody could say.
    pub reserved_usd: Option<Usd>,
    /// What it had spent when that was last known.
    pub metered_usd: Option<Usd>,
    /// What it cost; null while it runs and where nobody knows.
    pub cost_usd: Option<Usd>,
    /// How that is known.
    pub cost_source: Option<CostSource>,
    /// Whether it was cut off.
    pub interrupted: bool,
    /// What it takes from the caps.
    pub counted_usd: Usd,
    /// The tokens it used.
    pub tokens: Option<Tokens>,
    /// The version of the prices its cost was computed with.
    pub prices: Option<String>,
}

impl Entry {
    /// What it cost or takes, for a person: `$0.10 (reported)`, `$0.25 reserved`, `unknown cost`.
    pub fn cost_text(&self) -> String {
        let cost = match (self.state, self.cost_usd, self.cost_source) {
            (State::Released, ..) => "released".to_owned(),
            (State::Reserved, ..) => match self.reserved_usd {
                Some(_) => format!("${} reserved", self.counted_usd),
                None => "running at unknown cost".to_owned(),
            },
            (State::Charged, Some(cost), Some(CostSource::Reserved)) => {
                format!("${cost} (as reserved)")
            }
            (State::Charged, Some(cost), Some(source)) => format!("${cost} ({})", source.word()),
            (State::Charged, ..) => "unknown cost".to_owned(),
        };
        let cut_off = if self.interrupted { ", cut off" } else { "" };
        format!("{cost}{cut_off}")
    }

    /// Whether it ended and nobody knows what it cost.
    pub fn is_unknown(&self) -> bool {
        self.cost_source == Some(CostSource::Unknown)
    }

    /// What was reserved, or more where more was spent already.
    pub(super) fn held(&self) -> Option<Usd> {
        self.reserved_usd.max(self.metered_usd)
    }

    /// The same entry with what it takes from the caps brought up to date.
    pub(super) fn counted(mut self) -> Self {
        self.counted_usd = match self.state {
            State::Released => Usd::ZERO,
            State::Reserved => self.held().unwrap_or_default(),
            State::Charged => self.cost_usd.or(self.held()).unwrap_or_default(),
        };
        self
    }

    /// The reservation of a request.
    pub(super) fn of(request: &Request, now: Timestamp) -> Self {
        Self {
            repo: request.key.repo.clone(),
            attempt: request.key.attempt.clone(),
            kind: request.kind.clone(),
            trace: request.trace.clone(),
            at: now,
            state: State::Reserved,
            reserved_usd: request.estimate,
            metered_usd: None,
            cost_usd: None,
            cost_source: None,
            interrupted: false,
            counted_usd: Usd::ZERO,
            tokens: None,
            prices: None,
        }
        .counted()
    }

    /// After more was spent. What was spent never becomes less, and after the end it is settled.
    pub(super) fn metered(mut self, so_far: Usd) -> Self {
        if self.state == State::Reserved {
            self.metered_usd = self.metered_usd.max(Some(so_far));
        }
        self.counted()
    }

    /// After its end. The first charge counts; one for an attempt that was taken for never
    /// begun is recorded all the same.
    pub(super) fn charged(mut self, charge: &Charge) -> Self {
        if self.state == State::Charged {
            return self;
        }
        let (amount, source, prices) = match &charge.cost {
            Cost::Reported(amount) => (Some(*amount), CostSource::Reported, None),
            Cost::Computed(computed) => (
                Some(computed.amount),
                CostSource::Computed,
                Some(computed.prices.clone()),
            ),
            Cost::Reserved => (self.held(), CostSource::Reserved, None),
            Cost::Unknown => (None, CostSource::Unknown, None),
            Cost::Unpaid => {
                self.reserved_usd = None;
                (None, CostSource::Unknown, None)
            }
        };
        self.state = State::Charged;
        self.cost_usd = amount;
        self.cost_source = Some(if amount.is_some() {
            source
        } else {
            CostSource::Unknown
        });
        self.prices = prices;
        self.tokens = charge.tokens;
        self.counted()
    }

    /// After it never began. What had been spent by then is not lost: it was cut off.
    pub(super) fn released(mut self) -> Self {
        if self.state != State::Reserved {
            return self;
        }
        if self.metered_usd.is_some_and(|spent| spent > Usd::ZERO) {
            return self.interrupted();
        }
        self.state = State::Released;
        self.counted()
    }

    /// After it was cut off: what was metered last is charged, or else the whole reservation.
    pub(super) fn interrupted(mut self) -> Self {
        if self.state != State::Reserved {
            return self;
        }
        self.state = State::Charged;
        self.interrupted = true;
        self.cost_usd = self.metered_usd.or(self.reserved_usd);
        self.cost_source = Some(match self.cost_usd {
            Some(_) => CostSource::Reserved,
            None => CostSource::Unknown,
        });
        self.counted()
    }
}
