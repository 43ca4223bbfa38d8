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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::criteria;

    fn trace(more: &serde_json::Value) -> Trace {
        let mut trace = json!({
            "id": "t",
            "startedAt": "2026-03-01T12:00:00Z",
            "endedAt": "2026-03-01T12:00:02Z",
            "spans": [],
        });
        for (name, value) in more.as_object().expect("an object") {
            trace[name] = value.clone();
        }
        serde_json::from_value(trace).expect("a trace")
    }

    #[test]
    fn only_a_bad_end_is_known_from_a_trace() {
        let failed = Some(RunFact {
            exit_code: Some(1),
            duration_ms: 2_000,
            timed_out: false,
        });
        let stopped = Some(RunFact {
            exit_code: None,
            duration_ms: 2_000,
            timed_out: true,
        });
        for (more, end) in [
            (json!({}), None),
            (json!({"status": "ok"}), None),
            (json!({"metadata": {"exit_reason": "done"}}), None),
            (json!({"status": "error"}), failed),
            (json!({"error": "KeyError"}), failed),
            (json!({"metadata": {"exit_reason": "timeout"}}), stopped),
            // A limit of steps is none of time.
            (json!({"metadata": {"exit_reason": "max_turns"}}), None),
        ] {
            assert_eq!(of(&trace(&more)), end, "{more}");
        }
    }

    #[test]
    fn what_reads_the_end_waits_for_a_trace_that_tells_it() {
        let failed = of(&trace(&json!({"status": "error"})));
        for (cel, reads) in [("run.exitCode == 0", true), ("output != \"\"", false)] {
            let compiled = criteria::compile(cel, &[]).expect("a criterion");
            let references = criteria::references(&compiled);
            assert_eq!(withheld(None, references).is_some(), reads, "{cel}");
            assert_eq!(withheld(failed, references), None, "{cel}");
        }
    }
}
