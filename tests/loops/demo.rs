//! `archal demo`: the whole loop, with and without namespaces, a home, a network.

use archal_testkit::cli::TestEnv;

use super::{kept_demo, run_without_namespaces, world};

#[test]
fn it_proves_the_fix_and_tells_where_to_look() {
    let (_world, demo) = kept_demo();
    let fixes = demo.join(".archal/attach/fixes");
    let trace = std::fs::read_dir(&fixes)
        .expect("the fix stage wrote its folder")
        .next()
        .expect("one trace")
        .expect("readable")
        .path();
    let read = |name: &str| std::fs::read_to_string(trace.join(name)).expect("written");
    let patch = read("repo.patch");
    assert!(patch.contains("and not is_kept(issue)"), "{patch}");
    assert!(patch.contains("archal/regressions/"), "{patch}");
    let proof: serde_json::Value = serde_json::from_str(&read("proof.json")).expect("JSON");
    assert_eq!(proof["proven"], true);
    assert_eq!(proof["red"]["k"], 3);
    assert_eq!(proof["green"]["k"], 3);
    let sandbox = proof["fixer"]["sandbox"].as_str().expect("text");
    assert!(sandbox.starts_with("whole: "), "{sandbox}");
    let held_back = &proof["heldBack"];
    assert_eq!(held_back["status"], "passed", "{held_back}");
    assert!(
        held_back["changed"]["names"]["acme"].is_string(),
        "{held_back}"
    );
    assert!(
        held_back["changed"]["numbers"].as_i64() > Some(0),
        "{held_back}"
    );
    assert!(read("pr-details.md").contains("| held-back variation | passed: `red without"));
    assert!(read("pr-details.md").contains("3/3 runs green"));
}

#[test]
fn json_is_one_document() {
    let document = world().run(&["demo", "--json"]).ended(0).json();
    crate::cli::schema::holds(&document);
    assert_eq!(document["proven"], true);
    assert_eq!(document["pass"]["jobs"][0]["status"], "fixed");
}

#[test]
fn without_namespaces_it_falls_back_to_the_shim_and_says_so() {
    let output = run_without_namespaces(&world(), &["demo"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains("route shim"), "{stdout}");
    assert!(stdout.contains("max_user_namespaces"), "{stdout}");
    let never_seen = "on a variation that the fixer never saw: 7 other names, other numbers";
    assert!(stdout.contains(never_seen), "{stdout}");
}

#[test]
fn without_a_writable_home_it_works_and_says_what_lasts_for_the_run_only() {
    let mut world = world();
    world
        .set("HOME", "/proc/nonexistent")
        .set("XDG_STATE_HOME", "/proc/nonexistent/state")
        .set("XDG_CACHE_HOME", "/proc/nonexistent/cache");
    let output = world.run(&["demo"]).ended(0);
    assert!(output.stderr.contains("redaction"), "{}", output.stderr);
}

#[test]
fn what_it_needs_and_is_not_there_is_named_with_the_line_that_installs_it() {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.without_system_programs();
    let output = world.run(&["demo"]).ended(3);
    assert!(
        output.stderr.contains("git is needed") && output.stderr.contains("apt-get install git"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_folder_that_exists_is_not_touched() {
    let world = world();
    world.write("there/mine.txt", "mine");
    let output = world.run(&["demo", "--keep", "there"]).ended(2);
    assert!(
        output.stderr.contains("exists already"),
        "{}",
        output.stderr
    );
    assert_eq!(world.read("there/mine.txt"), "mine");
}
