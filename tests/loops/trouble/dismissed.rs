//! A person dismisses a failure while it is worked on.

use serde_json::Value;

use super::gated::{Gated, STEPS};

#[test]
fn what_is_worked_on_comes_to_the_end_of_its_step_and_goes_on_when_it_is_reopened() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    let scene = &gated.scene;
    let group = scene.job()["group"].as_str().expect("a group").to_owned();
    let decide = |arguments: &[&str]| -> Value {
        let arguments = [
            &["issue"],
            arguments,
            &[&group, "--repo", "agent", "--json"],
        ]
        .concat();
        scene.world.run(&arguments).ended(0).json()
    };
    decide(&["dismiss", "--reason", "a test account"]);
    scene.until("the step is to end", |status| {
        status["watcher"]["doing"]["running"][0]["stopping"] == true
    });
    gated.opens();
    let job = scene.until_jobs("group_member", 1)["newest"][0].clone();
    assert_eq!(job["reason"], "the failure was dismissed");
    assert_eq!(scene.steps(), ["reproduce/1 ended"]);
    assert_eq!(decide(&["reopen"])["jobs"], 1);
    scene.until_jobs("fixed", 1);
    assert_eq!(scene.steps(), STEPS.map(|step| format!("{step} ended")));
}
