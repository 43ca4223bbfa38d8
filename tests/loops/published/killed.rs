//! archal is killed at each step of a publication, before it is done and after: in the end there is
//! one branch and one pull request, and no paid step was made again.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::assert_published;
use super::desk::Desk;

/// More lives than there are steps.
const LIVES: usize = 40;

/// The paid steps of the job.
fn attempts(desk: &Desk) -> Vec<(String, String)> {
    let fixes = desk.world.repo().join("agent/.archal/attach/fixes");
    let trace = super::super::only_folder(&fixes);
    let trace = trace
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let status = desk
        .world
        .run(&["attach-status", "--repo", "agent", &trace, "--json"]);
    let status = status.ended(0).json();
    let attempts = status["attempts"].as_array().expect("a list").clone();
    let text = |one: &Value, name: &str| one[name].as_str().expect("a text").to_owned();
    attempts
        .iter()
        .map(|one| (text(one, "step"), text(one, "state")))
        .collect()
}

#[test]
fn killed_at_each_step_it_publishes_once_and_pays_nothing_again() {
    let desk = Desk::new();
    let paid = attempts(&desk);
    let names: BTreeSet<&String> = paid.iter().map(|(step, _)| step).collect();
    assert_eq!(names.len(), paid.len(), "{paid:?}");
    desk.shell("mkdir told/deaths");
    let before = desk.fingerprint();
    let mut lives = 0;
    let last = loop {
        let output = desk.attach("");
        desk.assert_untouched(&before);
        // Never a branch here that is not there.
        let (here, there) = desk.branches();
        assert!(here.is_none() || here == there, "{here:?} {there:?}");
        lives += 1;
        if output.code != Some(128 + 9) {
            break output.ended(0);
        }
        assert!(lives < LIVES, "{output}");
    };
    let mut deaths: Vec<String> = fs::read_dir(desk.world.repo().join("told/deaths"))
        .expect("there")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    deaths.sort();
    assert_eq!(deaths.len() + 1, lives, "{deaths:?}");
    for step in [
        "gh auth before",
        "gh GET repos:mona:janitor before",
        "git commit-tree before",
        "git commit-tree after",
        "git push before",
        "git push after",
        "git update-ref before",
        "git update-ref after",
        "gh POST repos:mona:janitor:pulls before",
        "gh POST repos:mona:janitor:pulls after",
        "gh GET repos:mona:janitor:pulls:1 before",
    ] {
        assert!(deaths.iter().any(|one| one == step), "{step}: {deaths:?}");
    }
    let job = desk.fixed(&last);
    assert_published(&desk, &job);
    assert_eq!(attempts(&desk), paid);
    assert_eq!(desk.record()["published"], job["published"]);
    // No workspace is left.
    let workspaces = desk.world.home().join(".cache/archal/workspaces");
    let left: Vec<String> = fs::read_dir(workspaces)
        .expect("there")
        .map(|entry| entry.expect("readable").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("archal-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
