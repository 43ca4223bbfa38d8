//! A disk that is full: said, waited for, and gone on from without loss. The state lies on a small
//! file system of its own, made in a namespace in which this test runs again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::world;
use super::gated::{Gated, STEPS, with_cut};
use super::namespace::{again_in_one, again_with_loopback, mount};
use super::scene::{GRADE, Scene, TRACE};
use crate::push::served::{Served, at_once, export, options, trace_id, traces};

const HERE: &str = "loops::trouble::full";

/// Fills the disk to the last byte; room is made by removing the file.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).expect("writable");
    for size in [1 << 20, 4096, 1] {
        let block = vec![0_u8; size];
        while file.write_all(&block).is_ok() {}
    }
    path
}

#[test]
fn a_trace_that_comes_while_the_disk_is_full_is_graded_when_there_is_room() {
    let Some(disk) = again_in_one(&format!(
        "{HERE}::a_trace_that_comes_while_the_disk_is_full_is_graded_when_there_is_room"
    )) else {
        return;
    };
    mount(&["-t", "tmpfs", "-o", "size=8m", "none"], &disk);
    let scene = Scene::with_state(world(), &disk.join("state"), &[]);
    scene.attach(GRADE);
    let filler = fill(&disk);
    scene.bring("t.json", TRACE);
    scene.until("it is told", |status| {
        status["watcher"]["doing"]["trouble"]
            .as_str()
            .is_some_and(|trouble| trouble.contains("is low"))
    });
    let told = scene
        .world
        .run(&["attach-status", "--repo", "agent"])
        .ended(0);
    assert!(told.stdout.contains("paused   the disk of"), "{told}");
    fs::remove_file(filler).expect("there");
    let status = scene.until_jobs("failed_grade", 1);
    assert_eq!(status["newest"][0]["name"], super::scene::NAME);
}

/// Fills the disk under a job that waits, and lets it go on there; then there is room again.
fn filled_under(gated: &Gated, disk: &Path) -> Vec<String> {
    let filler = fill(disk);
    gated.opens();
    gated.scene.until("it is told", |status| {
        status["watcher"]["doing"]["trouble"]
            .as_str()
            .is_some_and(|trouble| trouble.contains("the disk is full"))
    });
    let told = gated.scene.world.run(&["attach-status", "--repo", "agent"]);
    let told = told.ended(0).stdout;
    assert!(told.contains("paused   the disk is full"), "{told}");
    fs::remove_file(filler).expect("there");
    gated.scene.until_jobs("fixed", 1);
    let steps = gated.scene.steps();
    let ledger = gated.scene.ledger();
    assert_eq!(ledger.len(), steps.len(), "{ledger:?} {steps:?}");
    let open = |entry: &&String| !entry.ends_with(" charged");
    assert_eq!(ledger.iter().filter(open).collect::<Vec<_>>(), [""; 0]);
    assert!(gated.scene.log().contains("the disk is full"));
    steps
}

#[test]
fn a_failure_that_is_reproduced_on_a_full_disk_is_fixed_when_there_is_room() {
    let Some(disk) = again_in_one(&format!(
        "{HERE}::a_failure_that_is_reproduced_on_a_full_disk_is_fixed_when_there_is_room"
    )) else {
        return;
    };
    mount(&["-t", "tmpfs", "-o", "size=64m", "none"], &disk);
    let gated = Gated::in_state(
        Some(&disk.join("state")),
        Some("True"),
        false,
        "reproduce/1",
    );
    assert_eq!(filled_under(&gated, &disk), with_cut("reproduce/1"));
}

#[test]
fn a_fixer_that_ends_on_a_full_disk_is_run_once_more_when_there_is_room() {
    let Some(disk) = again_in_one(&format!(
        "{HERE}::a_fixer_that_ends_on_a_full_disk_is_run_once_more_when_there_is_room"
    )) else {
        return;
    };
    mount(&["-t", "tmpfs", "-o", "size=64m", "none"], &disk);
    let gated = Gated::in_state(Some(&disk.join("state")), None, true, "fixer/1");
    assert_eq!(filled_under(&gated, &disk), with_cut("fixer/1"));
}

#[test]
fn where_only_the_database_has_no_room_nothing_is_paid_twice() {
    let Some(disk) = again_in_one(&format!(
        "{HERE}::where_only_the_database_has_no_room_nothing_is_paid_twice"
    )) else {
        return;
    };
    mount(&["-t", "tmpfs", "-o", "size=64m", "none"], &disk);
    // Artifacts lie on a disk of their own.
    let state = disk.join("state");
    let artifacts = state.join("attach");
    fs::create_dir_all(&artifacts).expect("writable");
    mount(&["-t", "tmpfs", "-o", "size=64m", "none"], &artifacts);
    let gated = Gated::in_state(Some(&state), Some("True"), false, "reproduce/1");
    let steps = filled_under(&gated, &disk);
    // What was written down beside the database counts, or the attempt was cut off.
    let whole: Vec<String> = STEPS.iter().map(|step| format!("{step} ended")).collect();
    assert!(
        steps == whole || steps == with_cut("reproduce/1"),
        "{steps:?}"
    );
}

#[test]
fn what_is_pushed_to_a_full_disk_is_refused_and_taken_again_when_there_is_room() {
    let Some(disk) = again_with_loopback(&format!(
        "{HERE}::what_is_pushed_to_a_full_disk_is_refused_and_taken_again_when_there_is_room"
    )) else {
        return;
    };
    mount(&["-t", "tmpfs", "-o", "size=8m", "none"], &disk);
    let served = Served::start(options("otel", &disk, at_once()));
    let push = |number| served.post_json(&export(&trace_id(number), &[("00000000000000a1", "")]));
    assert_eq!(push(1).status, 200);
    served.packed();
    let filler = fill(&disk);
    let refused = push(2);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.headers["retry-after"].parse::<u64>().is_ok());
    fs::remove_file(filler).expect("there");
    assert_eq!(push(2).status, 200);
    served.packed();
    let there: Vec<String> = traces(&served.traces).into_keys().collect();
    assert_eq!(there, [trace_id(1), trace_id(2)]);
}
