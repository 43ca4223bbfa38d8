//! A state that is lost: moved aside, told, derived again, and nothing is paid twice.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::scene::{FIX, GRADE, Scene, TRACE};

const PAGE: u64 = 4096;

/// Everything the jobs left, by name: what is moved or written again is told by its content.
fn artifacts(scene: &Scene) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let root = scene.state("attach");
    for stage in ["imports", "grades", "seeds", "runs", "fixes"] {
        read(&root, &root.join(stage), &mut found);
    }
    found
}

fn read(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            read(root, &path, found);
        } else {
            let name = path
                .strip_prefix(root)
                .expect("below")
                .display()
                .to_string();
            found.insert(name, fs::read(&path).expect("readable"));
        }
    }
}

fn garbage(path: &Path, at: u64, pages: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("writable");
    for page in 0..pages {
        file.write_all_at(&[0xa5; 4096], at + page * PAGE)
            .expect("writable");
    }
}

/// A way to lose a state.
type Damage = (&'static str, fn(&Path));

const DAMAGES: &[Damage] = &[
    ("a header of garbage", |path| garbage(path, 0, 1)),
    ("pages of garbage in the middle", |path| {
        let pages = fs::metadata(path).expect("there").len() / PAGE;
        garbage(path, pages / 3 * PAGE, pages / 3);
    }),
    ("cut in half", |path| {
        let file = OpenOptions::new().write(true).open(path).expect("writable");
        let length = file.metadata().expect("there").len();
        file.set_len(length / 2 / PAGE * PAGE).expect("writable");
    }),
    ("a folder in its place", |path| {
        fs::remove_file(path).expect("removable");
        fs::create_dir(path).expect("writable");
    }),
    ("nothing in it", |path| {
        fs::write(path, "").expect("writable");
    }),
    ("removed", |path| fs::remove_file(path).expect("removable")),
];

fn damage(scene: &Scene, damage: fn(&Path)) {
    // A watcher that was killed left the last changes in the log beside.
    for end in ["-wal", "-shm"] {
        fs::remove_file(scene.state(&format!("state.db{end}"))).ok();
    }
    damage(&scene.state("state.db"));
}

#[test]
fn a_job_that_was_fixed_is_fixed_again_for_nothing_when_its_state_is_lost() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    scene.attach(FIX);
    let fixed = scene.until_jobs("fixed", 1)["newest"][0].clone();
    scene.detach(&[]);
    let (paid, left) = (scene.ledger(), artifacts(&scene));
    let steps = scene.steps();
    assert!(left.keys().any(|name| name.ends_with("/job.json")));

    for (number, (how, with)) in DAMAGES.iter().enumerate() {
        damage(&scene, *with);
        let started = scene.attach(FIX);
        let is_moved = number < 4;
        let told = if is_moved { "was moved to" } else { "is gone" };
        let count = if is_moved { number + 1 } else { 4 };
        for said in [&started, &scene.log()] {
            assert!(said.contains(told), "{how}: {said}");
            assert!(said.contains("derived again"), "{how}: {said}");
        }
        let mut again = scene.until_jobs("fixed", 1)["newest"][0].clone();
        again["file"].clone_from(&fixed["file"]);
        assert_eq!(again, fixed, "{how}");
        assert_eq!(scene.ledger(), paid, "{how}");
        assert_eq!(artifacts(&scene), left, "{how}");
        assert_eq!(scene.steps(), steps, "{how}");
        scene.detach(&[]);
        for number in 1..=count {
            assert!(scene.state(&format!("state.db.broken-{number}")).exists());
        }
        assert!(
            !scene
                .state(&format!("state.db.broken-{}", count + 1))
                .exists()
        );
    }
    let issues = scene
        .world
        .run(&["issue", "list", "--repo", "agent", "--json", "--all"]);
    assert!(issues.stdout.contains("\"fixed\""), "{issues}");
}

#[test]
fn paid_steps_count_also_where_the_job_was_not_at_its_end() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    let reproduce = &["--execution-policy", "reproduce", "--reproduce-runs", "2"];
    scene.attach(reproduce);
    scene.until_jobs("reproduced", 1);
    scene.detach(&[]);
    let paid = scene.ledger();
    assert_eq!(paid.len(), 2, "{paid:?}");
    damage(&scene, DAMAGES[0].1);
    // Its end does not speak any more: the flags let it go on.
    scene.attach(FIX);
    scene.until_jobs("fixed", 1);
    let steps = scene.steps();
    let reproduced = steps.iter().filter(|step| step.starts_with("reproduce/"));
    assert_eq!(reproduced.count(), 2, "{steps:?}");
    assert_eq!(scene.ledger()[..2], paid);
    assert_eq!(scene.ledger().len(), steps.len());
}

#[test]
fn another_trace_of_the_group_does_not_lead_because_the_state_is_lost() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    let reproduce = &["--execution-policy", "reproduce", "--reproduce-runs", "1"];
    scene.attach(reproduce);
    scene.until_jobs("reproduced", 1);
    let other = TRACE.replace(super::scene::NAME, "00000000000000000000000000000001");
    scene.bring("other.json", &other);
    scene.until_jobs("group_member", 1);
    scene.detach(&[]);
    let paid = scene.ledger();
    damage(&scene, DAMAGES[0].1);
    scene.attach(reproduce);
    let status = scene.until("both are known", |status| {
        status["jobs"]["group_member"] == 1 && status["jobs"]["reproduced"] == 1
    });
    let reproduced = status["newest"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|job| job["status"] == "reproduced")
        .expect("one");
    assert_eq!(reproduced["name"], super::scene::NAME);
    assert_eq!(scene.ledger(), paid);
}

#[test]
fn a_log_of_garbage_beside_the_database_loses_nothing() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    scene.attach(GRADE);
    scene.until_jobs("failed_grade", 1);
    scene.detach(&[]);
    fs::write(scene.state("state.db-wal"), [0xa5; 10_000]).expect("writable");
    let started = scene.attach(GRADE);
    assert!(!started.contains("moved"), "{started}");
    assert_eq!(scene.job()["status"], "failed_grade");
}

#[test]
fn the_state_of_a_newer_archal_is_left_alone() {
    let scene = Scene::new();
    scene.attach(&[]);
    scene.detach(&[]);
    let path = scene.state("state.db");
    let state = rusqlite::Connection::open(&path).expect("a database");
    state
        .pragma_update(None, "user_version", 4711)
        .expect("writable");
    drop(state);
    let before = fs::read(&path).expect("readable");
    for command in [
        &["attach", "traces", "--repo", "agent"][..],
        &["attach", "traces", "--repo", "agent", "--once"],
        &["attach-status", "--repo", "agent"],
    ] {
        let refused = scene.world.run(command).ended(3);
        assert!(
            refused
                .stderr
                .contains("was written by a newer archal (form 4711"),
            "{refused}"
        );
    }
    assert_eq!(fs::read(&path).expect("readable"), before);
}

#[test]
fn a_state_that_breaks_under_a_watcher_is_begun_anew_by_it() {
    let scene = Scene::new();
    scene.bring("t.json", TRACE);
    fs::create_dir(scene.world.repo().join("more")).expect("writable");
    scene.attach(FIX);
    let more = ["attach", "more", "--repo", "agent"];
    let joined = scene.world.run(&more).ended(0);
    assert!(
        joined.stdout.contains("to the watcher that runs"),
        "{joined}"
    );
    scene.until_jobs("fixed", 1);
    let (paid, pid) = (scene.ledger(), scene.pid());
    let path = scene.state("state.db");
    for (number, with) in [DAMAGES[0].1, DAMAGES[5].1].into_iter().enumerate() {
        if number == 0 {
            // What was written lately is in the log beside, which is the truth until it is folded.
            fs::write(scene.state("state.db-wal"), "").expect("writable");
        }
        with(&path);
        let name = format!("broken-{number}.json");
        scene.bring(&name, "{ this is no trace");
        scene.until("it is known again", |status| {
            status["jobs"]["fixed"] == 1
                && status["watcher"]["doing"]["attached"]
                    .as_array()
                    .is_some_and(|attached| attached.len() == 2)
                && status["attached"][0]["files"]["rejected"] == number + 1
        });
        assert!(scene.log().contains("derived again"), "{}", scene.log());
    }
    assert_eq!(scene.pid(), pid, "it is the same process");
    assert_eq!(scene.ledger(), paid);
}
