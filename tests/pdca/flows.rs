//! Each workflow once from the task to the merge, and what each agent was told.

use super::{CREATOR, EXPLORER, MAKER, World, approves};

const MARKS: [&str; 7] = [
    "Add a greeting",
    "RESEARCH-MARK",
    "PROPOSAL-MARK",
    "RISK-MARK",
    "REST-MARK",
    "DIFF-MARK",
    "REPORT-MARK",
];

/// Each of the marks stands in what an agent was told, or not, as it should.
fn assert_told(world: &World, id: &str, role: &str, wanted: &[&str]) {
    let told = world.told(id, role, 1);
    for mark in MARKS {
        assert_eq!(
            told.contains(mark),
            wanted.contains(&mark),
            "{role}: {mark}\n{told}"
        );
    }
}

#[test]
fn a_thorough_run_goes_from_the_task_to_the_merge() {
    let reviewers = ["guardian", "skeptic", "sage", "trickster"]
        .map(approves)
        .concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &reviewers]);
    let (id, document) = world.run(0, &["--workflow", "thorough", "--yes"]);
    assert_eq!(document["status"], "merged");
    // Guardian alone does not do in the first cycle of a thorough run.
    insta::assert_snapshot!("thorough", world.log(&id));
    insta::assert_snapshot!("thorough-artifacts", world.artifacts(&id).join("\n"));

    assert_told(&world, &id, "explorer", &["Add a greeting"]);
    assert_told(&world, &id, "creator", &["Add a greeting", "RESEARCH-MARK"]);
    let proposal = ["PROPOSAL-MARK", "RISK-MARK", "REST-MARK"];
    assert_told(&world, &id, "maker", &proposal);
    assert_told(&world, &id, "guardian", &["RISK-MARK", "DIFF-MARK"]);
    assert_told(&world, &id, "skeptic", &proposal);
    let all = [
        "PROPOSAL-MARK",
        "RISK-MARK",
        "REST-MARK",
        "DIFF-MARK",
        "REPORT-MARK",
    ];
    assert_told(&world, &id, "sage", &all);
    assert_told(&world, &id, "trickster", &["DIFF-MARK"]);

    let parents = world.git(&["log", "-1", "--format=%P %an", "main"]);
    assert_eq!(
        parents.split(' ').count(),
        4,
        "two parents and a name: {parents}"
    );
    assert!(
        world
            .main()
            .starts_with(&format!("archeflow(act): merge run {id}\n"))
    );
    assert_eq!(world.env.read("greeting.txt"), "DIFF-MARK\n");

    // A process stands behind each agent.
    let processes = world.processes(&id);
    assert_eq!(processes.len(), 7);
    for process in &processes {
        assert!(
            process["pid"].as_u64().is_some_and(|pid| pid > 1),
            "{process}"
        );
        assert_eq!(process["exit_code"], 0);
        assert!(process["stdout_bytes"].as_u64() > Some(0));
    }
    let index = world.env.read(".archeflow/events/index.jsonl");
    assert!(index.contains("\"merged\""), "{index}");
}

#[test]
fn a_clean_guardian_ends_the_check_of_a_standard_run() {
    let guardian = approves("guardian");
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &guardian]);
    let (id, document) = world.run(0, &["--workflow", "standard", "--yes"]);
    assert_eq!(document["status"], "merged");
    assert!(world.decided(&id, "guardian_fast_path", "skip_remaining_reviewers"));
    insta::assert_snapshot!("standard", world.log(&id));
}

#[test]
fn a_fast_run_that_nobody_said_yes_to_waits_is_merged_and_taken_back() {
    let guardian = approves("guardian");
    let world = World::new(&[CREATOR, MAKER, &guardian]);
    let (id, document) = world.run(0, &["--workflow", "fast"]);
    assert_eq!(document["status"], "awaiting_merge");
    assert_eq!(document["next"], format!("archal pdca merge {id}"));
    assert!(world.told(&id, "creator", 1).contains("Mini-Reflect"));
    assert_eq!(world.main(), "first");
    insta::assert_snapshot!("fast", world.log(&id));

    let (_, merged) = world.document(0, &["merge", &id, "--json"]);
    assert_eq!(merged["isMerged"], true);
    assert_eq!(world.count(&id, "run.merged"), 1);
    assert_eq!(world.env.read("greeting.txt"), "DIFF-MARK\n");
    let again = world.pdca(&["merge", &id]).ended(2);
    assert!(again.stderr.contains("merged already"), "{again}");

    // What came after it stays.
    world.env.write("later.txt", "later\n");
    world.git(&["add", "later.txt"]);
    world.git(&["commit", "--quiet", "-m", "later"]);
    let (_, undone) = world.document(0, &["rollback", &id, "--json"]);
    assert_eq!(undone["isTakenBack"], true);
    assert!(!world.env.repo().join("greeting.txt").exists());
    assert_eq!(world.env.read("later.txt"), "later\n");
    let status = world.pdca(&["status", &id]).ended(0);
    assert!(status.stdout.starts_with("[rolled_back]"), "{status}");
    let again = world.pdca(&["rollback", &id]).ended(2);
    assert!(again.stderr.contains("no merge of"), "{again}");
}
