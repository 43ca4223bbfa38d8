//! Several attaches of one repository at once.

use std::thread;

use super::scene::{GRADE, Scene, TRACE};

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
