//! Children that are stopped because archal was asked to stop, told apart from those whose time was up.

use std::fs;
use std::time::Duration;

use archal::sandbox::child::ChildOutcome;
use archal::sandbox::{Hold, StopToken, run};

use super::{BOTH, MARK, eventually, helper, mark, marked, shell};

#[test]
fn a_token_stops_a_child_that_listens_and_one_that_does_not() {
    for containment in BOTH {
        for (script, said) in [
            (
                "trap 'echo stopping; exit 0' TERM; touch ready; while :; do sleep 0.05; done",
                "stopping\n",
            ),
            (
                "trap '' TERM; setsid sleep 1000 & touch ready; while :; do sleep 0.05; done",
                "",
            ),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let mark = mark(&format!("stopped{containment:?}"));
            let mut spec = shell(script);
            spec.directory = folder.path().to_owned();
            spec.grace = Duration::from_millis(300);
            spec.environment.insert(MARK.to_owned(), mark.clone());
            let (token, helper) = (StopToken::new(), helper());
            let hold = Hold {
                helper: &helper,
                containment,
                stop: Some(&token),
            };
            let end = std::thread::scope(|scope| {
                let child = scope.spawn(|| run(&spec, &hold));
                eventually("the child's start", || folder.path().join("ready").exists());
                token.stop();
                child.join().expect("ended")
            });
            assert_eq!(end.outcome, ChildOutcome::Stopped);
            assert_eq!(String::from_utf8_lossy(&end.stdout), said);
            assert_eq!(marked(&mark), Vec::<u32>::new(), "{containment:?}");
            let never = run(&shell("exit 0"), &hold);
            assert_eq!(never.outcome, ChildOutcome::Stopped);
        }
    }
}

#[test]
fn a_token_that_nobody_stopped_or_too_late_changes_nothing() {
    for containment in BOTH {
        let (token, helper) = (StopToken::new(), helper());
        let hold = Hold {
            helper: &helper,
            containment,
            stop: Some(&token),
        };
        assert!(run(&shell("exit 0"), &hold).succeeded());
        let folder = tempfile::tempdir().expect("a folder");
        let mut spec = shell("trap 'touch asked' TERM; until [ -e done ]; do sleep 0.05; done");
        spec.directory = folder.path().to_owned();
        (spec.timeout, spec.grace) = (Duration::from_millis(300), Duration::from_secs(20));
        let end = std::thread::scope(|scope| {
            let child = scope.spawn(|| run(&spec, &hold));
            eventually("the end of its time", || {
                folder.path().join("asked").exists()
            });
            token.stop();
            fs::write(folder.path().join("done"), "").expect("written");
            child.join().expect("ended")
        });
        assert_eq!(end.outcome, ChildOutcome::TimedOut);
    }
}
