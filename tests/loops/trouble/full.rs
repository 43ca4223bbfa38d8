//! A disk that is full: said, waited for, and gone on from without loss. The state lies on a small
//! file system of its own, made in a namespace in which this test runs again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::world;
use super::scene::{GRADE, Scene, TRACE};

/// The variable that names the small disk to the test inside.
const DISK: &str = "ARCHAL_TEST_SMALL_DISK";

/// Runs a test of this file again with a small disk of its own; gives the disk there.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by this very function, for the test binary alone"
)]
fn with_disk(name: &str) -> Option<PathBuf> {
    if let Some(disk) = std::env::var_os(DISK) {
        return Some(disk.into());
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let again = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=8m none \"$0\" && exec \"$@\"")
        .arg(folder.path())
        .arg(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            &format!("loops::trouble::full::{name}"),
            "--nocapture",
        ])
        .env(DISK, folder.path())
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(
        again.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&again.stderr)
    );
    None
}

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
    let Some(disk) =
        with_disk("a_trace_that_comes_while_the_disk_is_full_is_graded_when_there_is_room")
    else {
        return;
    };
    let mut world = world();
    world.set("ARCHAL_STATE_DIR", disk.join("state").display().to_string());
    let scene = Scene::with(world, &[]);
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
