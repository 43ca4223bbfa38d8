//! Passes over a store in memory, cut off anywhere.

mod scores;
mod world;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use archal_core::pull::{PullErrorKind, SaidValue};

use world::World;

#[test]
fn objects_are_read_once_and_what_changed_again() {
    let mut world = World::new(2);
    for number in 0..5 {
        world
            .store
            .put(&format!("k{number}"), &format!("t{number}=one"));
    }
    world.store.put("bad", "nothing of use");
    let report = world.report();
    assert_eq!(
        (report.listed, report.traces.new, report.traces.failed),
        (6, 5, 1)
    );
    assert!(report.is_full && !report.is_resumed);
    assert_eq!(world.taken().0, 3);

    let report = world.report();
    assert_eq!((report.known, report.requests), (6, 3), "{report:#?}");
    assert_eq!(world.taken().1, Vec::<String>::new());

    world.store.put("k3", "t3=two");
    world.store.put("bad", "t9=mended");
    world.store.objects.remove("k1");
    let report = world.report();
    assert_eq!(world.taken().1, ["bad", "k3"]);
    assert_eq!((report.changed, report.gone), (2, 1));
    assert_eq!((report.traces.new, report.traces.updated), (1, 1));
    let told = &report.traces.diagnostics[0];
    assert_eq!(told.file.as_deref(), Some(Path::new("s3:///k1")));
    assert_eq!(world.report().gone, 0, "it is told once");
    let traces = world.traces();
    assert_eq!(
        (traces["t3"].as_str(), traces["t1"].as_str()),
        ("two", "one")
    );

    world.store.put("k1", "t1=three");
    assert_eq!(world.report().traces.updated, 1);
}

#[test]
fn a_pass_that_is_cut_off_anywhere_is_gone_on_with() {
    let objects = 24_u64;
    let filled = || {
        let mut world = World::new(3);
        for number in 0..objects {
            world.store.put(
                &format!("k{number:03}"),
                &format!("t{number}=one\nshared=by all"),
            );
        }
        world
    };
    // How many steps there are.
    let mut whole = filled();
    whole.noted.fuse.set(u64::MAX);
    whole.report();
    let steps = u64::MAX - whole.noted.fuse.set(0);
    let expected = whole.traces();
    assert_eq!(expected.len() as u64, objects + 1);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..50 {
        // A linear congruential generator: any step is as likely.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let step = 1 + (seed >> 33) % steps;
        let mut world = filled();
        world.noted.fuse.set(step);
        let cut = catch_unwind(AssertUnwindSafe(|| world.pass()));
        assert!(cut.is_err(), "step {step} of {steps}");
        let (_, before) = world.taken();
        world.noted.fuse.set(0);
        world.report();
        assert_eq!(world.traces(), expected, "cut off at step {step}");
        let (listed, after) = world.taken();
        assert!(before.len() + after.len() <= 2 * objects as usize);
        assert!(listed <= 8, "{listed} pages");
        let report = world.report();
        assert_eq!((report.known, world.taken().1.len()), (objects, 0));
    }
}

#[test]
fn a_listing_goes_on_behind_the_pages_that_are_done() {
    let mut world = World::new(2);
    for number in 0..100 {
        world
            .store
            .put(&format!("k{number:03}"), &format!("t{number}=one"));
    }
    // Denied from the middle on: five in a row end the pass.
    for number in 50..100 {
        world.store.refusing.insert(format!("k{number:03}"));
    }
    let passed = world.pass();
    assert_eq!(passed.report.traces.new, 50);
    let trouble = passed.trouble.expect("trouble");
    assert_eq!(trouble.kind, PullErrorKind::Denied);
    world.taken();
    world.store.refusing.clear();
    let report = world.report();
    assert!(report.is_resumed);
    let (listed, read) = world.taken();
    assert!(listed <= 25, "{listed} pages");
    assert_eq!(read.len(), 50, "{read:?}");
    assert_eq!(world.traces().len(), 100);

    // A place that says nothing any more: from the beginning, and nothing is read again.
    for number in 100..105 {
        let key = format!("k{number}");
        world.store.put(&key, &format!("t{number}=one"));
        world.store.refusing.insert(key);
    }
    assert!(world.pass().trouble.is_some());
    world.store.refusing.clear();
    world.store.is_stale = true;
    world.taken();
    let report = world.report();
    let (listed, read) = world.taken();
    assert_eq!((report.traces.new, read.len()), (5, 5));
    assert!(report.is_full && listed > 50, "{listed} pages");
}

#[test]
fn what_is_archived_holds_nothing_up() {
    let mut world = World::new(4);
    for number in 0..10 {
        let key = format!("k{number}");
        world.store.put(&key, &format!("t{number}=one"));
        if number < 8 {
            world.store.archived.insert(key);
        }
    }
    let report = world.report();
    assert_eq!((report.traces.new, report.failed_objects), (2, 8));
    let told = &report.traces.diagnostics[0];
    assert_eq!(told.help.as_deref(), Some("restore it"));
    world.taken();
    assert_eq!(world.report().known, 10);
    assert_eq!(world.taken().1, Vec::<String>::new());
    world.store.archived.clear();
    world.store.put("k0", "t0=restored");
    assert_eq!(world.report().traces.new, 1);
}

#[test]
fn what_stays_denied_holds_nothing_up() {
    let mut world = World::new(4);
    for number in 0..20 {
        world
            .store
            .put(&format!("k{number:02}"), &format!("t{number}=one"));
    }
    // Scattered: never five in a row where the others are read.
    let denied: Vec<String> = (0..7).map(|number| format!("k{:02}", 2 * number)).collect();
    world.store.refusing.extend(denied.clone());
    let report = world.report();
    assert_eq!((report.traces.new, report.failed_objects), (13, 7));
    world.store.put("later", "t20=one");
    let report = world.report();
    assert_eq!((report.traces.new, report.failed_objects), (1, 7));
    // In the midst of a listing, too, and five that are new say that it is the store.
    for number in 0..30 {
        let key = format!("m{number:02}");
        world.store.put(&key, &format!("m{number}=one"));
        world.store.refusing.insert(key);
    }
    assert!(world.pass().trouble.is_some());
    world
        .store
        .refusing
        .retain(|key| denied.iter().any(|one| one == key));
    let report = world.report();
    assert_eq!((report.traces.new, report.is_resumed), (30, true));
}

#[test]
fn what_is_missing_for_a_while_is_asked_for_again() {
    let mut world = World::new(4);
    for number in 0..4 {
        let key = format!("k{number}");
        world.store.put(&key, &format!("t{number}=one"));
        world.store.lost.insert(key);
    }
    let report = world.report();
    assert_eq!((report.traces.new, report.failed_objects), (0, 4));
    world.store.lost.clear();
    assert_eq!(world.report().traces.new, 4);
}

#[test]
fn what_is_never_as_it_is_listed_is_told_and_listed_again_once() {
    let mut world = World::new(2);
    for number in 0..6 {
        world
            .store
            .put(&format!("k{number}"), &format!("t{number}=one"));
    }
    world.store.restless.insert("k3".to_owned());
    let report = world.report();
    assert_eq!((report.traces.new, report.traces.failed), (5, 1));
    let told = &report.traces.diagnostics[0];
    assert_eq!(told.code, "object/changed");
    assert_eq!(told.file.as_deref(), Some(Path::new("s3:///k3")));
    world.taken();
    // Then it is asked for once a pass, and no page again for it.
    let report = world.report();
    assert_eq!((report.known, report.traces.failed), (5, 1));
    assert_eq!(world.taken(), (3, vec!["k3".to_owned()]));
    world.store.restless.clear();
    assert_eq!(world.report().traces.new, 1);
}

#[test]
fn what_changes_while_it_is_read_is_listed_again() {
    let mut world = World::new(3);
    for number in 0..7 {
        world
            .store
            .put(&format!("k{number}"), &format!("t{number}=one"));
    }
    world
        .store
        .changing
        .insert("k1".to_owned(), b"t1=two".to_vec());
    world
        .store
        .changing
        .insert("k5".to_owned(), b"t5=two".to_vec());
    let report = world.report();
    assert_eq!((report.traces.new, report.traces.failed), (7, 0));
    let traces = world.traces();
    assert_eq!(
        (traces["t1"].as_str(), traces["t5"].as_str()),
        ("two", "two")
    );
    assert_eq!(world.report().known, 7);
}

#[test]
fn hostile_keys_name_nothing_here() {
    let mut world = World::new(2);
    let long = "x".repeat(5_000_000);
    for (number, key) in [
        "../../etc/passwd",
        "/etc/shadow",
        "a/\u{0}b\u{1b}[2J",
        "a/../../../b.json",
        long.as_str(),
        "\u{202e}nosj",
    ]
    .iter()
    .enumerate()
    {
        world.store.put(key, &format!("t{number}=one"));
    }
    world.store.put("z/", "t8=a folder");
    world.store.put("zero", "");
    let report = world.report();
    assert_eq!((report.traces.new, report.skipped), (5, 2));
    assert_eq!(report.traces.failed, 1, "the long one");
    let text = format!("{report:?}");
    assert!(
        text.len() < 10_000 && !text.contains("\\u{202e}n"),
        "{text}"
    );
    let report = world.report();
    assert_eq!(report.known, 5);
    let files = fs::read_dir(world.folder.path()).expect("a folder").count();
    assert_eq!(files, 2, "the spool and the trace directory");
}

#[test]
fn what_is_too_large_is_told_and_not_asked_for() {
    let mut world = World::new(10);
    world.say("maxObject", SaidValue::Number(10));
    world.store.put("large", "t1=0123456789");
    world.store.put("small", "t2=0");
    let report = world.report();
    assert_eq!((report.traces.new, report.failed_objects), (1, 1));
    assert_eq!(world.taken().1, ["small"]);
    assert_eq!(world.report().known, 2, "only another version is tried");
    // A store that says less than it sends.
    world.say("maxObject", SaidValue::Number(4));
    world.store.put("small", "t3=01");
    let stored = world.store.objects.get_mut("small").expect("there");
    stored.bytes = b"t3=01".to_vec();
    assert_eq!(world.report().failed_objects, 2);
    // Larger ones are read: both are tried again.
    world.say("maxObject", SaidValue::Number(100));
    let report = world.report();
    assert_eq!((report.traces.new, report.failed_objects), (2, 0));
}

#[test]
fn bounds_of_a_pass_leave_the_rest_for_later() {
    let mut world = World::new(3);
    for number in 0..8 {
        world.store.put_at(
            &format!("k{number}"),
            &format!("t{number}=one"),
            &format!("2026-11-0{}T00:00:00Z", number + 1),
        );
    }
    world.is_dry = true;
    assert_eq!(world.report().traces.new, 8);
    assert_eq!(world.traces().len(), 0);
    world.is_dry = false;
    world.since = Some("2026-11-05T00:00:00Z".parse().expect("a time"));
    let report = world.report();
    assert_eq!((report.traces.new, report.skipped), (4, 4));
    // What was first said holds until somebody says an earlier time.
    world.since = None;
    assert_eq!(world.report().skipped, 4);
    world.since = Some("2026-11-07T00:00:00Z".parse().expect("a time"));
    assert_eq!(world.report().skipped, 6);
    world.since = Some("2026-10-01T00:00:00Z".parse().expect("a time"));
    world.limit = Some(1);
    for expected in 5..=8 {
        let report = world.report();
        assert!(report.traces.is_limited);
        assert_eq!(world.traces().len(), expected);
    }
    world.limit = None;
    assert_eq!(world.report().traces.new, 0);
}

#[test]
fn a_bucket_in_order_of_time_is_listed_from_its_last_days() {
    let mut world = World::new(2);
    world.say("ordered", SaidValue::Switch(true));
    let put = |world: &mut World, day: u32, name: &str| {
        world.store.put_at(
            &format!("2026/11/{day:02}/{name}"),
            &format!("{day}{name}=one"),
            &format!("2026-11-{day:02}T12:00:00Z"),
        );
    };
    for day in 1..=20 {
        put(&mut world, day, "a");
    }
    assert!(world.report().is_full);
    assert_eq!(world.taken().0, 10);
    put(&mut world, 19, "b");
    put(&mut world, 21, "a");
    put(&mut world, 3, "late");
    let report = world.report();
    assert!(!report.is_full && !report.is_resumed);
    assert_eq!(report.traces.new, 2);
    assert_eq!(report.gone, 0);
    let (listed, _) = world.taken();
    assert!(listed <= 3, "{listed} pages");
    // What came late far back is found when everything is listed.
    world.say("fullList", SaidValue::Duration(Duration::ZERO));
    assert_eq!(world.report().traces.new, 1);
}

#[test]
fn only_what_manifests_name_is_read() {
    let mut world = World::new(2);
    world.say("manifests", SaidValue::Text("langfuse".to_owned()));
    let manifest = |files: &[&str]| {
        let files: Vec<serde_json::Value> = files
            .iter()
            .map(|key| serde_json::json!({"key": key, "table": "observations_v2", "format": "JSONL"}))
            .collect();
        serde_json::json!({"version": 1, "files": files}).to_string()
    };
    world.store.put("p/observations_v2/1.jsonl", "t1=one");
    world.store.put("p/observations_v2/2.jsonl", "t2=one");
    world.store.put("p/DEPRECATION_NOTICE.txt", "t3=one");
    let first = manifest(&["p/observations_v2/1.jsonl", "p/observations_v2/lost.jsonl"]);
    world.store.put("p/manifests/1.json", &first);
    let report = world.report();
    assert_eq!(world.traces().keys().collect::<Vec<_>>(), ["t1"]);
    let told = &report.traces.diagnostics[0];
    assert_eq!(told.code, "object/missing");
    world.taken();
    let second = manifest(&["p/observations_v2/2.jsonl", "../../secret"]);
    world.store.put("p/manifests/2.json", &second);
    world.report();
    assert_eq!(
        world.taken().1,
        ["p/manifests/2.json", "p/observations_v2/2.jsonl"]
    );
    // An export that is made again writes over its files.
    world.store.put("p/observations_v2/1.jsonl", "t1=two");
    world.report();
    assert_eq!(world.traces()["t1"], "two");
}
