//! What ends with a question, or before anything is made: the confidence gate, words of agents, the plan alone.

use super::{CREATOR, EXPLORER, MAKER, World, approves, finds};

fn creator(attempt: u32, scores: [f64; 3]) -> String {
    let [understanding, completeness, risk] = scores;
    format!(
        "- role: creator\n  attempt: {attempt}\n  says: |\n    ## Proposal\n    PLAN-{attempt}\n    ### Confidence\n    | Task understanding | {understanding} | |\n    | Solution completeness | {completeness} | |\n    | Risk coverage | {risk} | |\n    ### Risks\n    RISK-MARK\n"
    )
}

#[test]
fn a_task_that_is_not_understood_is_a_question() {
    let world = World::new(&[&creator(1, [0.4, 0.9, 0.9]), MAKER]);
    let (id, document) = world.run(4, &["--workflow", "fast", "--yes"]);
    assert_eq!(document["status"], "needs_user");
    assert!(world.decided(&id, "confidence_gate", "pause"));
    assert!(!world.log(&id).contains("maker"), "no Maker was started");
    // Answered, it is planned anew.
    let next = format!("archal pdca run --run-id {id} --start-from plan");
    assert_eq!(document["next"], next);
    world.script(&[CREATOR, MAKER, &approves("guardian")]);
    let go_on = [
        "run",
        "--run-id",
        &id,
        "--start-from",
        "plan",
        "--yes",
        "--json",
    ];
    let (_, document) = world.document(0, &go_on);
    assert_eq!(document["status"], "merged");
    assert!(
        world
            .artifact(&id, "plan-creator.md")
            .contains("PROPOSAL-MARK")
    );
}

#[test]
fn an_incomplete_plan_is_researched_and_made_again() {
    let world = World::new(&[
        EXPLORER,
        &creator(1, [0.9, 0.4, 0.9]),
        &creator(2, [0.9, 0.4, 0.9]),
        MAKER,
        &approves("guardian"),
    ]);
    let (id, document) = world.run(0, &["--workflow", "fast", "--yes"]);
    assert_eq!(
        (&document["workflow"], &document["status"]),
        (&"standard".into(), &"merged".into())
    );
    insta::assert_snapshot!("upgraded", world.log(&id));
    assert!(world.artifact(&id, "plan-creator.md").contains("PLAN-2"));
}

#[test]
fn risks_that_are_not_known_are_researched_alone() {
    let mini = "- role: mini-explorer\n  says: THE-RISKS-ARE-REAL\n";
    let world = World::new(&[
        mini,
        &creator(1, [0.9, 0.9, 0.4]),
        MAKER,
        &approves("guardian"),
    ]);
    let (id, _) = world.run(0, &["--workflow", "fast", "--yes"]);
    assert!(world.decided(&id, "confidence_gate", "mini_explorer"));
    assert!(
        world
            .artifact(&id, "plan-mini-explorer.md")
            .contains("THE-RISKS-ARE-REAL")
    );
    let told = world.told(&id, "mini-explorer", 1);
    assert!(
        told.contains("RISK-MARK") && !told.contains("PLAN-1"),
        "{told}"
    );
}

#[test]
fn a_plan_alone_is_gone_on_with_from_do() {
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &approves("guardian")]);
    let (id, document) = world.run(0, &["--workflow", "standard", "--dry-run"]);
    assert_eq!(document["status"], "planned");
    assert_eq!(
        document["next"],
        format!("archal pdca run --run-id {id} --start-from do")
    );
    assert_eq!(world.count(&id, "run.complete"), 0);
    assert_eq!(world.processes(&id).len(), 2);
    let shown = world
        .pdca(&[
            "run",
            "Add a greeting",
            "--workflow",
            "standard",
            "--dry-run",
        ])
        .ended(0)
        .with(r"\d{4}-\d\d-\d\d", "DAY")
        .with(r"\d+\.\ds", "TIME");
    insta::assert_snapshot!("dry-run", shown);

    let arguments = [
        "run",
        "--run-id",
        &id,
        "--start-from",
        "do",
        "--yes",
        "--json",
    ];
    let (_, document) = world.document(0, &arguments);
    assert_eq!(document["status"], "merged");
    let log = world.log(&id);
    assert!(log.contains("resumed_from=do"), "{log}");
    assert_eq!(
        log.matches("agent.start plan").count(),
        2,
        "nothing was planned again:\n{log}"
    );
}

#[test]
fn words_of_agents_end_a_run_as_they_say() {
    for (word, code, status) in [("BLOCKED", 3, "failed"), ("NEEDS_CONTEXT", 4, "needs_user")] {
        let maker = format!("- role: maker\n  says: |\n    I lack the key.\n    STATUS: {word}\n");
        let world = World::new(&[CREATOR, &maker]);
        let (id, document) = world.run(code, &["--workflow", "fast", "--yes"]);
        assert_eq!(document["status"], status);
        let reason = document["reason"].as_str().expect("a reason");
        assert!(
            reason.contains(word) && reason.contains("I lack the key."),
            "{reason}"
        );
        assert_eq!(world.processes(&id).len(), 2);
        assert_eq!(world.main(), "first");
    }
}

#[test]
fn a_failure_mode_is_told_then_another_agent_comes_then_the_user_is_asked() {
    // A Sage who writes far more than there is to review, in each of three cycles.
    let words = "and it goes on and on ".repeat(60);
    let sage =
        format!("- role: sage\n  says: |\n    No findings. {words}\n    ### Verdict: APPROVED\n");
    let guardian: Vec<String> = [(1, "security"), (2, "reliability"), (3, "dependency")]
        .map(|(cycle, category)| finds("guardian", cycle, &[("CRITICAL", category, category)]))
        .to_vec();
    let others = ["skeptic", "trickster"].map(approves).concat();
    let world = World::new(&[EXPLORER, CREATOR, MAKER, &guardian.concat(), &sage, &others]);
    let on = world
        .env
        .read(".archeflow/config.yaml")
        .replace("shadows: false\n", "");
    world.env.write(".archeflow/config.yaml", &on);
    let (id, document) = world.run(4, &["--workflow", "thorough"]);
    assert_eq!(document["status"], "needs_user");
    let reason = document["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("sage showed bureaucrat for the third time"),
        "{reason}"
    );
    let actions: Vec<String> = world
        .events(&id)
        .iter()
        .filter(|event| event["type"] == "shadow.detected" && event["agent"] == "sage")
        .map(|event| {
            event["data"]["action"]
                .as_str()
                .expect("an action")
                .to_owned()
        })
        .collect();
    assert_eq!(actions, ["correction_prompt", "replace", "ask_user"]);
}
