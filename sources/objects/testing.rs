//! What tests of these sources are asked with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{Asking, Rates, Said, SaidValue, Stop};

/// Options, and a world in which nothing is waited for.
pub(crate) fn asking(said: &[(&str, SaidValue)]) -> Asking {
    let said: BTreeMap<String, SaidValue> = said
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Asking {
        name: "prod".to_owned(),
        options: Said::new(said),
        since: None,
        clock: Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
        rates: Arc::new(Unlimited),
        programs: Arc::new(Nothing),
        stop: Arc::new(Never),
    }
}

pub(crate) fn text(text: &str) -> SaidValue {
    SaidValue::Text(text.to_owned())
}

struct Unlimited;

impl Rates for Unlimited {
    fn take(&self, _bucket: &str, _per_minute: NonZeroU32) -> Duration {
        Duration::ZERO
    }

    fn hold(&self, _bucket: &str, _pause: Duration) {}
}

struct Nothing;

impl Programs for Nothing {
    fn start(&self, _program: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        unreachable!("a store is no program")
    }
}

struct Never;

impl Stop for Never {
    fn is_asked(&self) -> bool {
        false
    }

    fn wait(&self, _pause: Duration) -> bool {
        false
    }
}
