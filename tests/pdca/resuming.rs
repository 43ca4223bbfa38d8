//! Runs that go on: from a phase, and after their process was killed.

use std::io::{BufRead, BufReader};

use super::{CREATOR, EXPLORER, MAKER, World, approves};

#[test]
fn a_phase_says_which_artifact_it_misses() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    let (id, _) = world.run(0, &["--workflow", "fast", "--dry-run"]);
    for (phase, name) in [("check", "do-maker.md"), ("act", "check-guardian.md")] {
        let refused = world
            .pdca(&["run", "--run-id", &id, "--start-from", phase])
            .ended(2);
        let wanted = format!(
            "Cannot start from {phase}: missing artifact {name}. Run the prior phase first."
        );
        assert!(refused.stderr.contains(&wanted), "{refused}");
    }
    let unknown = world.pdca(&["run", "--run-id", "2020-01-01-none"]).ended(2);
    assert!(unknown.stderr.contains("there is no run"), "{unknown}");
}

#[test]
fn a_run_goes_on_from_check_and_from_act_with_what_is_there() {
    let crash = "- role: guardian\n  exits: 9\n";
    let world = World::new(&[CREATOR, MAKER, crash]);
    let (id, _) = world.run(3, &["--workflow", "fast"]);
    world.script(&[&approves("guardian")]);
    let go = |phase: &str| {
        let arguments = ["run", "--run-id", &id, "--start-from", phase, "--json"];
        world.document(0, &arguments).1
    };
    assert_eq!(go("check")["status"], "awaiting_merge");
    let agents = world.processes(&id).len();
    assert_eq!(go("act")["status"], "awaiting_merge");
    assert_eq!(world.processes(&id).len(), agents, "Act starts nobody");
}

#[test]
fn a_maker_that_was_cut_off_after_its_commits_were_taken_begins_where_it_did() {
    let crash = "- role: maker\n  exits: 9\n";
    let world = World::new(&[CREATOR, crash]);
    let (id, document) = world.run(3, &["--workflow", "fast"]);
    let branch = document["branch"].as_str().expect("a branch");
    // As a kill leaves it between the commits and the record of the Maker's end.
    let log = world.place("events", &format!("{id}.jsonl"));
    let lines = std::fs::read_to_string(&log).expect("a log");
    let cut: Vec<&str> = lines
        .lines()
        .take_while(|line| !line.contains("\"error\":true"))
        .collect();
    std::fs::write(&log, cut.join("\n") + "\n").expect("writable");
    let tree = world.git(&["rev-parse", "main^{tree}"]);
    let lost = world.git(&["commit-tree", "-p", "main", "-m", "lost", &tree]);
    world.git(&["update-ref", &format!("refs/heads/{branch}"), &lost]);

    world.script(&[MAKER, &approves("guardian")]);
    let (_, document) = world.document(0, &["run", "--run-id", &id, "--yes", "--json"]);
    assert_eq!(document["status"], "merged");
    assert!(!world.git(&["log", "--format=%s", "main"]).contains("lost"));
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let hangs = "- role: maker\n  hangs: true\n  says: waiting\n";
    let world = World::new(&[EXPLORER, CREATOR, hangs]);
    let mut child = world
        .env
        .command(&["pdca", "run", "Add a greeting", "--workflow", "standard"])
        .spawn()
        .expect("the built binary");
    // It tells the Creator's end before it starts the Maker.
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let told = stderr
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("Creator") && line.contains("done"));
    assert!(told.is_some());
    child.kill().expect("my own child");
    child.wait().expect("my own child");

    world.script(&[MAKER, &approves("guardian")]);
    let logs = std::fs::read_dir(world.env.repo().join(".archeflow/events")).expect("logs");
    let id = logs
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find_map(|name| Some(name.strip_suffix(".jsonl")?.to_owned()))
        .expect("a log");
    let arguments = ["run", "--run-id", &id, "--yes", "--json"];
    let (_, document) = world.document(0, &arguments);
    assert_eq!(document["status"], "merged");
    let log = world.log(&id);
    assert_eq!(
        log.matches("agent.complete plan").count(),
        2,
        "nothing was planned again:\n{log}"
    );
    let over = world.pdca(&["run", "--run-id", &id]).ended(2);
    assert!(over.stderr.contains("is over: it is merged"), "{over}");
}
