//! A repository that is removed under its watcher, and a terminal that goes.

use std::fs;

use super::super::world;
use super::scene::{GRADE, Scene, TRACE, eventually, is_alive, signal};

#[test]
fn a_watcher_whose_repository_is_removed_ends_and_brings_nothing_back() {
    let scene = Scene::new();
    let repo = scene.world.repo().join("agent");
    scene.attach(GRADE);
    scene.bring("t.json", TRACE);
    scene.until_jobs("failed_grade", 1);
    let pid = scene.pid();
    fs::remove_dir_all(&repo).expect("my own");
    // Work that comes now finds no place.
    scene.bring("other.json", TRACE);
    eventually("it ends", || !is_alive(pid));
    assert!(!repo.exists());
    assert_eq!(scene.processes(), [""; 0]);
    fs::create_dir(&repo).expect("writable");
}

#[test]
fn its_log_says_so_where_that_is_kept_elsewhere() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let scene = Scene::with_state(world(), &folder.path().join("state"), &[]);
    let repo = scene.world.repo().join("agent");
    scene.attach(GRADE);
    let pid = scene.pid();
    let aside = scene.world.repo().join("aside");
    fs::rename(&repo, &aside).expect("my own");
    eventually("it ends", || !is_alive(pid));
    assert!(!repo.exists());
    let log = scene.log();
    assert!(
        log.contains("agent is gone; nothing is left to work on"),
        "{log}"
    );
    assert!(log.trim_end().ends_with("ended"), "{log}");
    // Where it comes back it is worked on again.
    fs::rename(&aside, &repo).expect("my own");
    scene.attach(GRADE);
    scene.bring("t.json", TRACE);
    scene.until_jobs("failed_grade", 1);
}

#[test]
fn a_watcher_in_the_background_survives_the_end_of_its_terminal() {
    let scene = Scene::new();
    scene.attach(GRADE);
    let pid = scene.pid();
    signal("HUP", pid);
    scene.bring("t.json", TRACE);
    scene.until_jobs("failed_grade", 1);
    assert_eq!(scene.pid(), pid);
}
