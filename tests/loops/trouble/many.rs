//! Many at once: files in one directory, attaches of one repository.

use std::fs;
use std::thread;

use super::scene::{GRADE, Scene, TRACE};

const FILES: u64 = 100_000;

#[test]
fn a_hundred_thousand_files_are_each_looked_at_once() {
    let scene = Scene::new();
    let folder = scene.world.repo().join("traces");
    for number in 0..FILES {
        fs::write(folder.join(format!("{number}.json")), "x").expect("writable");
    }
    scene.attach(GRADE);
    // A question is answered while all of them wait.
    assert_eq!(scene.status()["watcher"]["state"], "running");
    let status = scene.until("all are rejected", |status| {
        status["attached"][0]["files"]["rejected"] == FILES
    });
    assert_eq!(
        status["attached"][0]["files"]
            .as_object()
            .map(|all| all.len()),
        Some(1)
    );
    let process = fs::read_to_string(format!("/proc/{}/status", scene.pid())).expect("it runs");
    let peak: u64 = process
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse().ok())
        .expect("a number");
    assert!(peak < 512 << 10, "{peak} kB for {FILES} files");
}

#[test]
fn of_ten_that_attach_at_once_one_watches_and_the_others_join_it() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    let said: Vec<String> = thread::scope(|scope| {
        let racing: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let arguments = ["attach", "traces", "--repo", "agent"];
                    let arguments = [&arguments[..], GRADE].concat();
                    scene.world.run(&arguments).ended(0).stdout
                })
            })
            .collect();
        racing
            .into_iter()
            .map(|one| one.join().expect("no panic"))
            .collect()
    });
    let first = said.iter().filter(|said| said.starts_with("watching "));
    assert_eq!(first.count(), 1, "{said:?}");
    scene.until_jobs("failed_grade", 1);
    let watchers = scene.processes();
    assert_eq!(watchers.len(), 1, "{watchers:?}");
}

#[test]
fn a_pass_beside_a_watcher_is_refused_and_told_why() {
    let scene = Scene::new();
    let lock = scene.state("watcher.lock");
    scene.attach(GRADE);
    assert!(lock.exists());
    let arguments = ["attach", "traces", "--repo", "agent", "--once"];
    let refused = scene.world.run(&arguments).ended(3);
    assert!(
        refused
            .stderr
            .contains("another attach works on this repository"),
        "{refused}"
    );
    assert!(refused.stderr.contains("archal detach --all"), "{refused}");
}
