//! The strategy `pipeline`: one pass, reviewers one after another, one round of the Maker for what blocks.

use super::{CREATOR, MAKER, World, approves, finds};

/// Who was started, in order, with its cycle.
fn started(world: &World, id: &str) -> Vec<String> {
    let processes = world.processes(id);
    let words = processes
        .iter()
        .filter(|one| one["what"] == "agent")
        .map(|one| format!("{} {}", one["name"].as_str().expect("a name"), one["cycle"]));
    words.collect()
}

#[test]
fn a_pass_without_findings_needs_neither_research_nor_skeptic() {
    let reviewers = ["guardian", "sage"].map(approves).concat();
    let world = World::new(&[CREATOR, MAKER, &reviewers]);
    let planned = ["--strategy", "pipeline", "--dry-run"];
    let (_, document) = world.run(0, &planned);
    assert_eq!(
        (&document["workflow"], &document["agents"]),
        (&"pipeline".into(), &1.into())
    );
    let (id, document) = world.run(0, &["--strategy", "pipeline", "--yes"]);
    assert_eq!(document["status"], "merged");
    assert_eq!(
        started(&world, &id),
        ["creator 1", "maker 1", "guardian 1", "sage 1"]
    );
    assert!(world.decided(&id, "pipeline", "skip_skeptic"));
    assert!(world.told(&id, "creator", 1).contains("Mini-Reflect"));
    let status = world.pdca(&["status", &id]).ended(0);
    assert!(status.stdout.contains("workflow  pipeline"), "{status}");
}

#[test]
fn what_blocks_is_the_makers_alone_and_is_reviewed_again() {
    let rows = [
        ("CRITICAL", "security", "the greeting leaks a key"),
        ("WARNING", "design", "the name is unclear"),
    ];
    let first = finds("guardian", 1, &rows);
    // Found again at the end it is only told: a WARNING holds up nothing.
    let second = finds("guardian", 2, &rows[1..]);
    let reviewers = ["skeptic", "sage"].map(approves).concat();
    let world = World::new(&[CREATOR, MAKER, &first, &second, &reviewers]);
    // By the words of the task, where that is wished.
    world.settings("strategy: auto\n");
    let arguments = ["run", "Fix the greeting", "--yes", "--json"];
    let (id, document) = world.document(0, &arguments);
    assert_eq!(
        (&document["status"], &document["workflow"]),
        (&"merged".into(), &"pipeline".into())
    );
    insta::assert_snapshot!("pipeline", world.log(&id));
    let maker = world.told(&id, "maker", 2);
    for mark in ["leaks a key", "the name is unclear", "PROPOSAL-MARK"] {
        assert!(maker.contains(mark), "{mark}: {maker}");
    }
    assert_eq!(world.env.read("greeting.txt"), "DIFF-MARK\nDIFF-MARK\n");
    let artifacts = world.artifacts(&id);
    assert!(
        artifacts.contains(&"cycle-1/check-skeptic.md".to_owned()),
        "{artifacts:?}"
    );
}

#[test]
fn what_still_blocks_after_its_round_is_the_users_and_a_killed_round_is_gone_on_with() {
    let row = |cycle, what| finds("guardian", cycle, &[("CRITICAL", "security", what)]);
    let (one, two) = (row(1, "a key leaks"), row(2, "a token is lost"));
    let others = ["skeptic", "sage"].map(approves).concat();
    let crash = "- role: maker\n  cycle: 2\n  exits: 9\n";
    let world = World::new(&[CREATOR, crash, MAKER, &one, &two, &others]);
    let arguments = ["--strategy", "pipeline", "--max-cycles", "5", "--yes"];
    let (id, document) = world.run(3, &arguments);
    assert_eq!(document["maxCycles"], 2);
    // As a kill leaves it before the round has begun.
    let log = world.place("events", &format!("{id}.jsonl"));
    let lines = std::fs::read_to_string(&log).expect("a log");
    let at = lines.find("cycle_back").expect("it went back");
    let end = at + lines[at..].find('\n').expect("a line end") + 1;
    std::fs::write(&log, &lines[..end]).expect("writable");

    world.script(&[CREATOR, MAKER, &one, &two, &others]);
    let arguments = ["run", "--run-id", &id, "--yes", "--json"];
    let (_, document) = world.document(1, &arguments);
    assert_eq!(
        (&document["status"], &document["cycle"]),
        (&"stopped".into(), &2.into())
    );
    let started = started(&world, &id);
    let planned = started.iter().filter(|one| one.starts_with("creator"));
    assert_eq!(planned.count(), 1, "{started:?}");
    assert_eq!(world.main(), "first");
}
