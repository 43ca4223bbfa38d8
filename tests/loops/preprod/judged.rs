//! The judge asked where rules leave a failure to the agent.

use archal_testkit::fake_judge::{FakeJudge, KEY, Protocol, Say};
use serde_json::{Value, json};

use super::{OUT, RIGHT, ended, is, janitor, preprod, text};

fn said(verdict: &str) -> Say {
    let answer = json!({
        "reason": "the task does not ask for it", "quotes": ["Leave everything labelled keep-open alone"],
        "step": 0, "owner": "user", "verdict": verdict,
    });
    Say::Text(answer.to_string())
}

/// What failed and how it is classified, with how often a judge that says so was asked.
fn asked(says: [&str; 2]) -> (Value, usize) {
    let server = FakeJudge::new(Protocol::OpenAi, says.map(said));
    let mut world = janitor();
    world.set("JUDGE_KEY", KEY);
    let mut config: Value =
        serde_json::from_str(&world.read("janitor/.archal.json")).expect("JSON");
    config["judge"] = json!({"provider": "openai", "model": "judge-1", "baseUrl": server.url(), "apiKeyEnv": "JUDGE_KEY"});
    world.write("janitor/.archal.json", &config.to_string());
    super::commit(&world);
    let more = ["--fix-command", RIGHT, "--allow-external-execution"];
    let output = preprod(&world, &more);
    let status = ended(&world, &output);
    let kept = world.read(format!("{OUT}/preprod-failures.json"));
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    match says {
        ["pass", "fail"] => is(&status, "blocked", "not_the_agent", 3),
        _ => is(&status, "passed", "fixed", 0),
    }
    (kept["failures"][0].clone(), server.asked().len())
}

#[test]
fn a_judge_that_is_sure_makes_a_strict_criterion_the_scenarios_fault() {
    let (failure, count) = asked(["pass", "fail"]);
    assert_eq!(failure["category"], "scenario", "{failure}");
    assert_eq!(failure["rule"], "judge.too-strict");
    assert_eq!(failure["forFixer"], false);
    let seen = text(&failure["evidence"][0]["seen"]);
    assert_eq!(seen, "Leave everything labelled keep-open alone");
    assert_eq!(count, 2);
}

#[test]
fn one_that_contradicts_itself_or_says_no_leaves_it_to_the_agent() {
    assert_eq!(asked(["pass", "pass"]).1, 2);
    assert_eq!(asked(["fail", "pass"]).1, 1);
}

#[test]
fn what_a_judge_leaves_open_has_not_passed() {
    let unsure = || Say::verdict("unsure", &[], "nothing shows it");
    let server = FakeJudge::new(Protocol::OpenAi, [unsure(), unsure(), unsure()]);
    let mut world = janitor();
    world.set("JUDGE_KEY", KEY);
    let repaired = std::process::Command::new("python3")
        .arg("fix.py")
        .current_dir(world.repo().join("janitor"))
        .stdout(std::process::Stdio::null())
        .status();
    assert!(repaired.is_ok_and(|status| status.success()));
    let mut config: Value =
        serde_json::from_str(&world.read("janitor/.archal.json")).expect("JSON");
    config["judge"] = json!({"provider": "openai", "model": "judge-1", "baseUrl": server.url(), "apiKeyEnv": "JUDGE_KEY"});
    world.write("janitor/.archal.json", &config.to_string());
    let file = "janitor/archal/close-stale-issues.md";
    let asked = world.read(file).replace(
        "## Success Criteria\n\n",
        "## Success Criteria\n\n- [P] The comments are polite\n",
    );
    assert!(asked.contains("[P] The comments"), "{asked}");
    world.write(file, &asked);
    super::commit(&world);
    let output = preprod(&world, &[]);
    is(&ended(&world, &output), "blocked", "run_incomplete", 3);
    assert!(!server.asked().is_empty(), "the judge was asked");
    // On the money of this run, and not on that of its agent.
    let kept = world.read(format!("{OUT}/preprod-result.json"));
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    let entries = super::resumed::entries(&world, &text(&kept["costs"]["run"]));
    let kinds: Vec<&str> = entries.iter().map(|one| one.kind.as_str()).collect();
    assert!(
        kinds.contains(&"judge") && kinds.contains(&"run"),
        "{kinds:?}"
    );
}
