//! More than one cycle: what is handed on, what ends them.

use super::{CREATOR, EXPLORER, MAKER, World, approves, finds};

#[test]
fn two_criticals_make_a_fast_run_a_standard_one_whose_next_cycle_mends_them() {
    let first = finds(
        "guardian",
        1,
        &[
            ("CRITICAL", "security", "the greeting leaks a key"),
            ("CRITICAL", "reliability", "the greeting is lost"),
        ],
    );
    let reviewers = ["guardian", "skeptic", "sage"].map(approves).concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &first, &reviewers]);
    let (id, document) = world.run(0, &["--workflow", "fast", "--yes"]);
    assert_eq!(document["status"], "merged");
    assert_eq!(document["workflow"], "standard");
    assert_eq!(
        (&document["cycle"], &document["maxCycles"]),
        (&2.into(), &2.into())
    );
    insta::assert_snapshot!("escalated", world.log(&id));
    insta::assert_snapshot!("escalated-artifacts", world.artifacts(&id).join("\n"));

    // The whole feedback is the Creator's; of it the Maker has its own part, which is empty here.
    let creator = world.told(&id, "creator", 2);
    assert!(
        creator.contains("leaks a key") && creator.contains("RESEARCH-MARK"),
        "{creator}"
    );
    let maker = world.told(&id, "maker", 2);
    assert!(!maker.contains("leaks a key"), "{maker}");
    for reviewer in ["guardian", "skeptic", "sage"] {
        let told = world.told(&id, reviewer, 2);
        assert!(!told.contains("leaks a key"), "{reviewer}: {told}");
    }
    let fixes = world.artifact(&id, "act-fixes.jsonl");
    assert_eq!(fixes.lines().count(), 2, "{fixes}");
    assert_eq!(document["fixes"], 2);
    // The Maker of the second cycle goes on from the first.
    assert_eq!(world.env.read("greeting.txt"), "DIFF-MARK\nDIFF-MARK\n");
}

#[test]
fn an_escalation_never_goes_above_the_cycles_that_were_said() {
    let rows = [
        ("CRITICAL", "security", "one"),
        ("CRITICAL", "security", "another thing"),
    ];
    let guardian = finds("guardian", 1, &rows);
    let world = World::new(&[CREATOR, MAKER, &guardian]);
    let (id, document) = world.run(1, &["--workflow", "fast", "--max-cycles", "1", "--yes"]);
    assert_eq!(document["status"], "stopped");
    assert!(!world.decided(&id, "escalation", "upgrade_to_standard"));
    assert_eq!(world.main(), "first");
}

#[test]
fn three_cycles_end_with_what_is_open_told_and_the_branch_kept() {
    let sage = finds("sage", 1, &[("WARNING", "quality", "the name is unclear")]);
    let one = finds("guardian", 1, &[("CRITICAL", "security", "a key leaks")]);
    let two = finds(
        "guardian",
        2,
        &[("CRITICAL", "reliability", "a greeting is lost")],
    );
    let three = finds(
        "guardian",
        3,
        &[("CRITICAL", "dependency", "a package is unknown")],
    );
    let others = ["skeptic", "sage", "trickster"].map(approves).concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &one, &two, &three, &sage, &others]);
    let (id, document) = world.run(1, &["--workflow", "thorough", "--yes"]);
    assert_eq!(document["status"], "stopped");
    assert_eq!(document["cycle"], 3);
    let open = document["findings"].as_array().expect("findings");
    assert_eq!(open.len(), 1);
    assert!(
        open[0]["description"]
            .as_str()
            .expect("text")
            .contains("a package is unknown")
    );
    assert_eq!(world.main(), "first");
    let branch = document["branch"].as_str().expect("a branch");
    assert_eq!(
        world.git(&["rev-list", "--count", &format!("main..{branch}")]),
        "3"
    );
    let artifacts = world.artifacts(&id);
    for name in [
        "cycle-1/check-guardian.md",
        "cycle-2/do-maker.diff",
        "findings-cycle-3.json",
        "convergence-cycle-2.json",
        "check-guardian.md",
    ] {
        assert!(
            artifacts.iter().any(|one| one == name),
            "{name} in {artifacts:?}"
        );
    }
    // What is the Maker's comes to the Maker, and what is the Creator's does not.
    let maker = world.told(&id, "maker", 2);
    assert!(
        maker.contains("the name is unclear") && !maker.contains("a key leaks"),
        "{maker}"
    );
    assert_eq!(world.count(&id, "cycle.boundary"), 3);
    let unapproved = world.pdca(&["merge", &id]).ended(2);
    assert!(
        unapproved.stderr.contains("was not approved"),
        "{unapproved}"
    );
}

#[test]
fn the_same_critical_twice_running_is_the_users() {
    let row = [("CRITICAL", "security", "a key leaks")];
    let (one, two) = (finds("guardian", 1, &row), finds("guardian", 2, &row));
    let others = ["skeptic", "sage", "trickster"].map(approves).concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &one, &two, &others]);
    let (id, document) = world.run(1, &["--workflow", "thorough", "--yes"]);
    assert_eq!(document["cycle"], 2);
    let reason = document["reason"].as_str().expect("a reason");
    assert!(reason.contains("the same CRITICAL"), "{reason}");
    let last = world.events(&id);
    let boundary = last.iter().rfind(|event| event["type"] == "cycle.boundary");
    assert_eq!(boundary.expect("one")["data"]["decision"], "escalate");
}

#[test]
fn a_warning_never_blocks_and_what_shows_nothing_is_an_info() {
    let guardian = finds(
        "guardian",
        1,
        &[("WARNING", "quality", "the name is unclear")],
    );
    let skeptic = "- role: skeptic\n  says: |\n    | Location | Severity | Category | Description | Fix |\n    |---|---|---|---|---|\n    | greeting | CRITICAL | design | it might be slow | x |\n    ### Verdict: APPROVED\n";
    let sage = approves("sage");
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &guardian, skeptic, &sage]);
    let (id, document) = world.run(0, &["--workflow", "standard", "--yes"]);
    assert_eq!(document["status"], "merged");
    assert_eq!(world.count(&id, "evidence.downgrade"), 1);
    assert!(
        world
            .artifact(&id, "check-skeptic.md.orig")
            .contains("CRITICAL")
    );
    assert!(
        !world
            .artifact(&id, "check-skeptic.md")
            .contains("| CRITICAL |")
    );
}

#[test]
fn a_circuit_that_breaks_ends_a_run_and_says_which() {
    // What nobody blocks and nobody mends, twice: it is finished softly, before the cycles are counted.
    let unhappy = "- role: guardian\n  says: |\n    | Location | Severity | Category | Description | Fix |\n    |---|---|---|---|---|\n    | greeting.txt:1 | INFO | quality | the tone is cold | warm it |\n    ### Verdict: REJECTED\n";
    let others = ["skeptic", "sage", "trickster"].map(approves).concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, unhappy, &others]);
    let (id, document) = world.run(1, &["--workflow", "standard", "--yes"]);
    assert_eq!(document["status"], "wiggum_break");
    insta::assert_snapshot!("soft-break", world.log(&id));
    assert_eq!(world.main(), "first");

    // Two that go and come again: hard, whatever else there is.
    let pair = [
        ("CRITICAL", "security", "a key leaks"),
        ("CRITICAL", "reliability", "a greeting is lost"),
    ];
    let other = [("CRITICAL", "dependency", "a package is unknown")];
    let guardian = [
        finds("guardian", 1, &pair),
        finds("guardian", 2, &other),
        finds("guardian", 3, &pair),
    ]
    .concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &guardian, &others]);
    let (id, document) = world.run(1, &["--workflow", "thorough", "--yes"]);
    assert_eq!(document["status"], "wiggum_break");
    let reason = document["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("2 findings went and came again"),
        "{reason}"
    );
    let broken = world.events(&id);
    let broken = broken.iter().find(|event| event["type"] == "wiggum.break");
    let data = &broken.expect("one")["data"];
    assert_eq!(
        (&data["type"], &data["triggers"][0]["type"]),
        (&"hard".into(), &"oscillation".into())
    );
    assert_eq!(world.main(), "first");
}
