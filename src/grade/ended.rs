//! How a run ended, as far as its trace says.

use archal_core::trace::{Status, Trace};

use crate::scenario::criteria::{References, RunFact};

use super::signals;

/// How the run ended, where the trace says that it failed. That it went well would be the agent's
/// own word.
pub fn of(trace: &Trace) -> Option<RunFact> {
    let timed_out = signals::timed_out(trace);
    let has_failed = trace.status == Status::Error || trace.error.is_some() || timed_out;
    let took = trace.started_at.zip(trace.ended_at);
    has_failed.then_some(RunFact {
        // One that was stopped for its time has no exit code of its own.
        exit_code: (!timed_out).then_some(1),
        duration_ms: took.map_or(0, |(start, end)| {
            end.as_millisecond() - start.as_millisecond()
        }),
        timed_out,
    })
}

/// Why what reads that cannot be decided on a trace that says so of its end; none where it can.
pub fn withheld(ended: Option<RunFact>, references: &References) -> Option<&'static str> {
    (references.run && ended.is_none()).then_some("a trace does not show how the harness ended")
}
