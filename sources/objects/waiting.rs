//! Waiting for an answer that comes on a runtime of its own, or for the end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind, Stop};
use tokio::runtime::{Builder, Runtime};

/// How soon a wait notices that it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// What waits.
pub(crate) struct Waiting {
    runtime: Runtime,
    stop: Arc<dyn Stop>,
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
