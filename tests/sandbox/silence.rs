//! Children that may be silent only for so long.

use std::time::Duration;

use archal::sandbox::child::ChildOutcome;

use super::{BOTH, held, shell};

#[test]
fn silence_ends_a_child_and_words_on_either_stream_keep_it() {
    for containment in BOTH {
        let mut spec = shell("echo on; sleep 600");
        spec.timeout = Duration::from_secs(60);
        spec.idle = Some(Duration::from_millis(300));
        let end = held(&spec, containment);
        assert_eq!(end.outcome, ChildOutcome::TimedOut);
        assert!(end.was_idle, "{end:?}");
        assert_eq!(end.stdout, b"on\n");
        assert!(end.duration < spec.timeout, "{:?}", end.duration);

        // It takes longer than it may be silent, and is not ended.
        let mut spec = shell("for n in 1 2 3 4; do sleep 0.4; echo; sleep 0.4; echo >&2; done");
        spec.idle = Some(Duration::from_secs(3));
        let end = held(&spec, containment);
        assert!(end.succeeded(), "{end:?}");
        assert!(!end.was_idle && Some(end.duration) > spec.idle, "{end:?}");

        // Time that is up is not silence.
        let mut spec = shell("while :; do echo; sleep 0.05; done");
        spec.timeout = Duration::from_millis(500);
        spec.idle = Some(Duration::from_secs(60));
        let end = held(&spec, containment);
        assert_eq!(end.outcome, ChildOutcome::TimedOut);
        assert!(!end.was_idle, "{end:?}");
    }
}
