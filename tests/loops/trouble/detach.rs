//! Detached while something runs: the step gets its time, nothing is left running, and the next
//! attach goes on without paying again for what had come to its end.

use std::thread;

use super::gated::{Gated, REPAIRED, STEPS, with_cut};
use super::scene::{GRADE, Scene, TRACE, eventually};

#[test]
fn at_once_while_the_failure_is_reproduced() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    gated.ends_at_once("reproduce");
    assert_eq!(gated.goes_on(), with_cut("reproduce/1"));
}

#[test]
fn at_once_while_the_fixer_works() {
    let gated = Gated::until_it_waits(None, true, "fixer/1");
    gated.ends_at_once("fix");
    assert_eq!(gated.goes_on(), with_cut("fixer/1"));
}

#[test]
fn at_once_while_the_fix_is_proved() {
    let gated = Gated::until_it_waits(Some(REPAIRED), false, "green/1");
    gated.ends_at_once("fix");
    assert_eq!(gated.goes_on(), with_cut("green/1"));
}

#[test]
fn in_order_the_step_that_runs_comes_to_its_end_and_no_other_begins() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    thread::scope(|scope| {
        let detached = scope.spawn(|| gated.scene.detach(&[]));
        // It is asked before the step can end.
        gated.scene.until("the step is to end", |status| {
            status["watcher"]["doing"]["running"][0]["stopping"] == true
        });
        gated.opens();
        let said = detached.join().expect("no panic");
        assert!(said.contains("the watcher ended"), "{said}");
    });
    gated.nothing_is_left();
    assert_eq!(gated.scene.job()["status"], "queued");
    assert_eq!(gated.scene.steps(), ["reproduce/1 ended"]);
    let steps = gated.goes_on();
    assert_eq!(steps, STEPS.map(|step| format!("{step} ended")));
}

#[test]
fn while_a_large_file_is_read() {
    let scene = Scene::new();
    // Large enough that a read takes a while, and of one trace.
    let mut trace: serde_json::Value = serde_json::from_str(TRACE).expect("JSON");
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    let filling = "x".repeat(200_000);
    for span in spans.iter_mut() {
        span["filling"] = filling.as_str().into();
    }
    scene.attach(GRADE);
    scene.bring("large.json", &trace.to_string());
    scene.until("it is read", |status| {
        status["watcher"]["doing"]["running"][0]["label"]
            .as_str()
            .is_some_and(|label| label.starts_with("reading"))
    });
    let said = scene.detach(&["--now"]);
    assert!(said.contains("the watcher ended"), "{said}");
    eventually("no process is left", || scene.processes().is_empty());
    let status = scene.status();
    assert_eq!(status["watcher"]["state"], "none", "{status}");
    scene.attach(GRADE);
    scene.until_jobs("failed_grade", 1);
}

#[test]
fn a_watcher_that_was_killed_is_called_dead_and_the_next_one_goes_on() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    gated.scene.kill();
    // The end of its children follows from its own.
    gated
        .scene
        .until("no process is left", |_| gated.scene.processes().is_empty());
    let status = gated.scene.status();
    assert_eq!(status["watcher"]["state"], "dead", "{status}");
    let told = gated
        .scene
        .world
        .run(&["attach-status", "--repo", "agent"])
        .ended(0);
    assert!(told.stdout.contains("ended without being asked"), "{told}");
    assert!(gated.scene.state("watcher.sock").exists());
    let said = gated.scene.detach(&[]);
    assert!(said.contains("detached "), "{said}");
    let again = gated.scene.detach(&[]);
    assert!(
        again.contains("not attached") || again.contains("nothing is attached"),
        "{again}"
    );
    assert_eq!(gated.goes_on(), with_cut("reproduce/1"));
}
