//! Waiting for an answer that comes on a runtime of its own, or for the end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind, Stop};
use tokio::runtime::{Builder, Runtime};

/// How soon a wait notices that it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// How long a store may take to begin an answer, and between two parts of one.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// The longest time after which a store may ask to be asked again within a pass.
const LONGEST_HOLD: Duration = Duration::from_secs(15 * 60);
/// How often it may ask for that, one request after the other.
const HOLDS: u32 = 4;

/// What waits.
pub(crate) struct Waiting {
    runtime: Runtime,
    stop: Arc<dyn Stop>,
    /// How long `part` waits.
    pub(crate) answer: Duration,
}

impl Waiting {
    /// With a runtime that works while it is waited for.
    pub(crate) fn new(stop: &Arc<dyn Stop>) -> Result<Self, PullError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| PullError::new(PullErrorKind::Options, error.to_string()))?;
        Ok(Self {
            runtime,
            stop: Arc::clone(stop),
            answer: ANSWER,
        })
    }

    /// Waits for an answer, or for the end.
    pub(crate) fn of<T>(&self, answer: impl Future<Output = T>) -> Result<T, PullError> {
        let stop = Arc::clone(&self.stop);
        let asked = async move {
            while !stop.is_asked() {
                tokio::time::sleep(LOOK).await;
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                answer = answer => Ok(answer),
                () = asked => Err(stopped()),
            }
        })
    }

    /// Waits for an answer as long as a store may take, or for the end.
    pub(crate) fn part<T>(&self, answer: impl Future<Output = T>) -> Result<T, PullError> {
        let most = self.answer;
        let within = self.of(async { tokio::time::timeout(most, answer).await })?;
        within.map_err(|_| {
            let told = format!("the store says nothing for {} s", most.as_secs());
            PullError::new(PullErrorKind::Unreachable, told)
        })
    }

    /// Asks, and asks again after the time that the store says where it wants to be asked less often.
    pub(crate) fn patiently<T>(
        &self,
        mut ask: impl FnMut() -> Result<T, PullError>,
    ) -> Result<T, PullError> {
        for _ in 0..HOLDS {
            match ask() {
                Err(PullError {
                    kind: PullErrorKind::Limited { after: Some(after) },
                    ..
                }) if after <= LONGEST_HOLD => {
                    let seconds = after.as_secs();
                    let why = format!("the store asks to be asked again in {seconds} s; waiting");
                    if self.stop.wait_because(after, &why) {
                        return Err(stopped());
                    }
                }
                answer => return answer,
            }
        }
        ask()
    }

    /// Waits so long, or for the end.
    pub(crate) fn pause(&self, pause: Duration) -> Result<(), PullError> {
        if self.stop.wait(pause) {
            return Err(stopped());
        }
        Ok(())
    }
}

fn stopped() -> PullError {
    PullError::new(PullErrorKind::Stopped, "it was asked to end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::testing::Waits;

    #[test]
    fn a_store_is_asked_again_when_it_says_and_not_for_ever() {
        let waits = Arc::new(Waits::default());
        let stop: Arc<dyn Stop> = Arc::clone(&waits) as _;
        let waiting = Waiting::new(&stop).expect("a runtime");
        let held = |seconds| {
            let after = Some(Duration::from_secs(seconds));
            PullError::new(PullErrorKind::Limited { after }, "later")
        };
        let told = |answers: &[Result<u8, u64>]| {
            let mut asked = answers.iter();
            let answer = waiting.patiently(|| {
                let answer = asked.next().expect("one more");
                answer.map_err(held)
            });
            let waited: Vec<u64> = std::mem::take(&mut *waits.0.lock().expect("whole"))
                .iter()
                .map(Duration::as_secs)
                .collect();
            (answer.map_err(|error| error.kind), waited, asked.len())
        };
        let limited = |seconds| Err(held(seconds).kind);
        assert_eq!(told(&[Err(7), Err(900), Ok(1)]), (Ok(1), vec![7, 900], 0));
        assert_eq!(told(&[Err(901)]), (limited(901), vec![], 0));
        let for_ever = [Err(1); 9];
        assert_eq!(told(&for_ever), (limited(1), vec![1; 4], 4));
    }
}
