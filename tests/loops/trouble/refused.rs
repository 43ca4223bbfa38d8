//! What the system does not give: a folder to write, a home, watches.

use std::fs;
use std::process::Output;

use super::super::world;
use super::namespace::{again_in_one, is_mounted, mount};
use super::scene::{GRADE, NAME, Scene, TRACE, eventually, is_alive};

const HERE: &str = "loops::trouble::refused";

#[test]
fn a_state_folder_that_is_read_only_is_named_with_the_way_out() {
    let Some(disk) = again_in_one(&format!(
        "{HERE}::a_state_folder_that_is_read_only_is_named_with_the_way_out"
    )) else {
        return;
    };
    mount(&["-t", "tmpfs", "none"], &disk);
    let scene = Scene::with_state(world(), &disk.join("state"), &[]);
    scene.bring("t.json", TRACE);
    scene.attach(GRADE);
    scene.until_jobs("failed_grade", 1);
    let pid = scene.pid();
    scene.detach(&[]);
    eventually("the process is gone", || !is_alive(pid));
    // A disk on which a file is open cannot be made read-only, and the last thread of a process
    // that is gone may yet have one.
    eventually("nobody writes to the disk", || {
        is_mounted(&["-o", "remount,ro"], &disk)
    });
    for how in [&["--once"][..], &["--foreground"], &[]] {
        let arguments = [&["attach", "traces", "--repo", "agent"], how].concat();
        let refused = scene.world.run(&arguments).ended(3);
        let said = &refused.stderr;
        assert!(said.contains("Read-only file system"), "{refused}");
        assert!(
            said.contains("ARCHAL_STATE_DIR=<a folder you may write>"),
            "{refused}"
        );
    }
    // What is known can be read.
    assert_eq!(scene.job()["status"], "failed_grade");
    mount(&["-o", "remount,rw"], &disk);
    scene.attach(GRADE);
    assert_eq!(scene.job()["status"], "failed_grade");
}

#[test]
fn without_a_home_a_trace_is_reproduced_and_what_does_not_last_is_said() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    let reproduce = [
        "--execution-policy",
        "reproduce",
        "--reproduce-runs",
        "1",
        "--json",
    ];
    let arguments = [
        &["attach", "traces", "--repo", "agent", "--once"][..],
        &reproduce,
    ]
    .concat();
    let Output {
        status,
        stdout,
        stderr,
    } = scene
        .world
        .command(&arguments)
        .env_remove("HOME")
        .output()
        .expect("archal starts");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stdout.contains("\"reproduced\""), "{stdout}");
    assert!(
        stderr.contains("the redaction key lasts for this run only"),
        "{stderr}"
    );
    assert!(
        stderr.contains("the budget counts this run only"),
        "{stderr}"
    );
    let home = scene.world.home();
    assert_eq!(
        fs::read_dir(home).expect("readable").count(),
        0,
        "nothing is guessed"
    );
    let left = fs::read_dir(scene.world.repo().parent().expect("a world")).expect("readable");
    let left: Vec<String> = left
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with("archal-"))
        .collect();
    assert_eq!(left, [""; 0], "neither ledger nor copy stays");
}

#[test]
fn with_one_watch_a_directory_is_looked_through_and_the_status_says_how_to_mend_it() {
    let test = "with_one_watch_a_directory_is_looked_through_and_the_status_says_how_to_mend_it";
    if again_in_one(&format!("{HERE}::{test}")).is_none() {
        return;
    }
    fs::write("/proc/sys/user/max_inotify_watches", "1").expect("a namespace of its own");
    let scene = Scene::new();
    let deep = scene.world.repo().join("traces/deep");
    fs::create_dir(&deep).expect("writable");
    scene.attach(&[GRADE, &["--poll", "1"]].concat());
    scene.until("it is said", |status| {
        let health = status["watcher"]["doing"]["attached"][0]["health"].to_string();
        health.contains("limit of inotify watches") && health.contains("sysctl")
    });
    let told = scene
        .world
        .run(&["attach-status", "--repo", "agent"])
        .ended(0);
    assert!(
        told.stdout
            .contains("the user's limit of inotify watches is reached"),
        "{told}"
    );
    assert!(
        told.stdout
            .contains("sudo sysctl fs.inotify.max_user_watches="),
        "{told}"
    );
    // Nobody tells of it; the walk finds it.
    let written = scene.world.write("t.tmp", TRACE);
    fs::rename(written, deep.join("t.json")).expect("the same disk");
    scene.until_jobs("failed_grade", 1);
    assert_eq!(scene.job()["name"], NAME);
}

#[test]
fn of_two_passes_over_one_directory_one_works_and_the_other_is_told() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    let reproduce = ["--execution-policy", "reproduce", "--reproduce-runs", "1"];
    let arguments = [
        &["attach", "traces", "--repo", "agent", "--once"][..],
        &reproduce,
    ]
    .concat();
    let started: Vec<_> = (0..2)
        .map(|_| scene.world.command(&arguments).spawn().expect("started"))
        .collect();
    let ended: Vec<Output> = started
        .into_iter()
        .map(|child| child.wait_with_output().expect("ended"))
        .collect();
    let mut codes: Vec<Option<i32>> = ended.iter().map(|end| end.status.code()).collect();
    codes.sort_unstable();
    // A second that comes when the first has ended finds all done.
    assert!(
        codes == [Some(1), Some(3)] || codes == [Some(1), Some(1)],
        "{ended:?}"
    );
    for end in ended.iter().filter(|end| end.status.code() == Some(3)) {
        let said = String::from_utf8_lossy(&end.stderr);
        assert!(
            said.contains("another attach works on this repository"),
            "{said}"
        );
        assert!(said.contains("wait for its end"), "{said}");
    }
    assert_eq!(scene.job()["status"], "reproduced");
    assert_eq!(scene.steps(), ["reproduce/1 ended"]);
    assert_eq!(scene.ledger().len(), 1);
}

#[test]
fn a_start_over_another_state_folder_leaves_what_runs_over_the_first_alone() {
    let gated = super::gated::Gated::until_it_waits(Some("True"), false, "reproduce/1");
    let scene = &gated.scene;
    let before = scene.ledger();
    assert!(
        before.len() == 1 && before[0].ends_with(" reserved"),
        "{before:?}"
    );
    let arguments = [
        &["attach", "traces", "--repo", "agent", "--once"][..],
        GRADE,
    ]
    .concat();
    let elsewhere = tempfile::tempdir().expect("temporary folder");
    let end = scene
        .world
        .command(&arguments)
        .env("ARCHAL_STATE_DIR", elsewhere.path())
        .output()
        .expect("archal starts");
    assert_eq!(end.status.code(), Some(1), "{end:?}");
    assert_eq!(scene.ledger(), before, "it runs still");
    gated.opens();
    scene.until_jobs("fixed", 1);
    let all = scene.ledger();
    assert!(
        all.iter().all(|entry| entry.ends_with(" charged")),
        "{all:?}"
    );
}
