//! Every status and every reason to stop.

use std::process::Command;

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::super::confined::WITHOUT_LANDLOCK;
use super::super::fixers::replay;
use super::super::{run_without_namespaces, run_without_namespaces_by};
use super::{OUT, RIGHT, commit, ended, is, janitor, listing, preprod, text, workplaces};

const ALLOWED: &str = "--allow-external-execution";

/// A world whose agent is repaired already.
fn repaired() -> TestEnv {
    let world = janitor();
    let status = Command::new("python3")
        .arg("fix.py")
        .current_dir(world.repo().join("janitor"))
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    commit(&world);
    world
}

fn document(world: &TestEnv) -> Value {
    serde_json::from_str(&world.read(format!("{OUT}/preprod-result.json"))).expect("JSON")
}

#[test]
fn scenarios_that_pass_need_nothing_more() {
    let world = repaired();
    let before = listing(&world.repo().join("janitor"));
    let output = preprod(&world, &[]);
    is(&ended(&world, &output), "passed", "scenarios_passed", 0);
    assert_eq!(listing(&world.repo().join("janitor")), before);

    // A validation command that is not allowed is not run, and one that fails is told.
    let output = preprod(&world, &["--validation-command", "false"]);
    let reason = "external_execution_not_allowed";
    is(&ended(&world, &output), "blocked", reason, 3);
    let output = preprod(&world, &["--validation-command", "false", ALLOWED]);
    let reason = "validation_command";
    is(&ended(&world, &output), "validation_failed", reason, 1);
    let output = preprod(
        &world,
        &["--validation-command", "test -f agent.py", ALLOWED],
    );
    is(&ended(&world, &output), "passed", "scenarios_passed", 0);
    let validation = &document(&world)["validation"];
    assert_eq!(validation["passed"], true);
    assert_eq!(validation["inCheckout"], true);
}

#[test]
fn a_fixer_that_repairs_the_agent_leaves_a_patch_and_the_checkout_as_it_was() {
    let world = super::shipped();
    let before = listing(&world.repo().join("janitor"));
    let output = preprod(
        &world,
        &[
            "--fix-command",
            RIGHT,
            ALLOWED,
            "--validation-command",
            "python3 -m py_compile agent.py",
        ],
    );
    is(&ended(&world, &output), "passed", "fixed", 0);
    assert_eq!(listing(&world.repo().join("janitor")), before);
    assert_eq!(workplaces(&world), Vec::<std::path::PathBuf>::new());
    let document = document(&world);
    let attempt = &document["attempts"][0];
    assert_eq!(attempt["outcome"], "fixed");
    assert_eq!(attempt["changed"], serde_json::json!(["agent.py"]));
    let proved = &attempt["proved"][0];
    // One run in the checkout; three each are the proof, as `archal attach` makes it.
    assert_eq!(
        (&proved["red"]["k"], &proved["green"]["k"]),
        (&3.into(), &3.into())
    );
    assert_eq!(document["validation"]["inCheckout"], false);
    // The patch applies to the checkout.
    let applies = Command::new("git")
        .args(["apply", "--check"])
        .arg(text(&document["patch"]))
        .current_dir(world.repo().join("janitor"))
        .status();
    assert!(applies.is_ok_and(|status| status.success()));
    for name in [
        "preprod-failures.json",
        "junit.xml",
        "report.html",
        "runs.html",
    ] {
        assert!(world.repo().join(OUT).join(name).is_file(), "{name}");
    }
    let page = world.read(format!("{OUT}/report.html"));
    assert!(
        page.contains("Close stale issues") && page.contains("Hand-off"),
        "{page}"
    );
}

#[test]
fn what_is_told_before_anything_is_fixed() {
    let world = janitor();
    let output = preprod(&world, &["--plan", "--fix-command", RIGHT]);
    let planned = output.json();
    assert_eq!(
        (
            text(&planned["status"]),
            text(&planned["stopReason"]),
            output.code
        ),
        ("planned".to_owned(), "plan_only".to_owned(), Some(0))
    );
    assert_eq!(planned["scenarios"][0]["status"], Value::Null);
    assert_eq!(planned["policy"]["sandboxEnforced"], "not tried");
    // What is a word of another command names no folder.
    let other = [
        "preprod",
        "run",
        "--json",
        "-c",
        "janitor/.archal.json",
        "--plan",
    ];
    let other = [&other[..], &["--validation-command", "x --artifacts y"]].concat();
    let other = world.run(&other).ended(0).json();
    let folder = text(&other["artifacts"]);
    assert!(
        text(&other["next"]).ends_with(&format!("--artifacts {folder}")),
        "{other}"
    );
    assert!(!world.repo().join(OUT).exists() && !world.repo().join("janitor/.archal").exists());

    let output = preprod(&world, &["--dry-run", "--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "dry_run", "classified", 1);
    let failures = world.read(format!("{OUT}/preprod-failures.json"));
    let failures: Value = serde_json::from_str(&failures).expect("JSON");
    let failure = &failures["failures"][0];
    assert_eq!(failure["category"], "agent");
    assert_eq!(failure["rule"], "agent.criterion");
    assert_eq!(
        failure["criteria"][0]["id"],
        "no-issue-labelled-keep-open-is-closed"
    );
    assert_eq!(document(&world)["attempts"], Value::Null);
}

#[test]
fn a_dry_run_of_what_passes_is_fine() {
    let world = repaired();
    let output = preprod(&world, &["--dry-run"]);
    is(&ended(&world, &output), "dry_run", "classified", 0);
}

#[test]
fn what_is_missing_to_fix_is_named_in_order() {
    let world = janitor();
    let output = preprod(&world, &["--max-fix-attempts", "0"]);
    is(
        &ended(&world, &output),
        "budget_exhausted",
        "fix_attempts",
        1,
    );
    let output = preprod(&world, &[]);
    is(&ended(&world, &output), "blocked", "no_fixer", 3);
    let output = preprod(&world, &["--fix-command", RIGHT]);
    let reason = "external_execution_not_allowed";
    is(&ended(&world, &output), "blocked", reason, 3);
    let more = ["--fix-command", RIGHT, ALLOWED, "--sandbox", "required"];
    let python = ["python3", "-c", WITHOUT_LANDLOCK];
    let arguments = super::arguments(&more);
    let output = run_without_namespaces_by(&world, &python, &arguments);
    assert_eq!(output.status.code(), Some(3));
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["stopReason"], "sandbox_unavailable", "{result}");
    assert!(text(&result["explanation"]).contains("files: "), "{result}");
    // Each time with what the first run found.
    assert_eq!(document(&world)["failures"][0]["category"], "agent");

    // Not the agent's affair: it makes no call at all.
    world.write("janitor/agent.py", "print('done')\n");
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "blocked", "not_the_agent", 3);
    assert_eq!(document(&world)["failures"][0]["rule"], "harness.no-calls");
}

#[test]
fn without_an_agent_scenarios_or_a_route_nothing_runs() {
    let world = janitor();
    let output = preprod(&world, &["--tag", "nothing-has-this"]);
    is(&ended(&world, &output), "blocked", "no_scenarios", 3);
    world.write(
        "janitor/.archal.json",
        r#"{"clones": ["github"], "scenarios": ["archal"]}"#,
    );
    let output = preprod(&world, &[]);
    is(&ended(&world, &output), "blocked", "no_harness", 3);
    world.write("janitor/.archal.json", r#"{"clones": ["github"]}"#);
    let output = preprod(&world, &[]);
    is(&ended(&world, &output), "blocked", "no_scenarios", 3);

    let world = janitor();
    let arguments = super::arguments(&["--route", "isolated"]);
    let output = run_without_namespaces(&world, &arguments);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["stopReason"], "run_incomplete", "{document}");
    let explanation = text(&document["explanation"]);
    assert!(explanation.contains("namespaces"), "{explanation}");
    assert_eq!(
        (&document["status"], output.status.code()),
        (&"blocked".into(), Some(3))
    );
}

#[test]
fn a_tree_that_is_not_head_is_checked_and_not_fixed() {
    let world = janitor();
    world.write("janitor/README.md", "changed\n");
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(
        &ended(&world, &output),
        "blocked",
        "tracked_files_changed",
        3,
    );
    std::fs::remove_dir_all(world.repo().join("janitor/.git")).expect("there");
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "blocked", "no_repository", 3);
    let blocker = text(&document(&world)["blocker"]);
    assert!(
        blocker.ends_with("git init && git add --all && git commit"),
        "{blocker}"
    );
    super::git(&world, ".", &["init", "--quiet"]);
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "blocked", "no_repository", 3);
    let blocker = text(&document(&world)["blocker"]);
    assert!(blocker.contains("archal preprod run -c "), "{blocker}");
}

#[test]
fn a_private_copy_must_be_had_and_show_the_failure() {
    let mut world = janitor();
    let config = world.read("janitor/.archal.json");
    let with = |more: &str| config.replacen('{', &format!("{{ {more}, "), 1);
    world.write(
        "janitor/.archal.json",
        &with(r#""workspace": {"setup": "exit 7"}"#),
    );
    commit(&world);
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "blocked", "workspace", 3);
    assert!(text(&document(&world)["explanation"]).contains("status 7"));

    // An agent that fails only where a variable is set that no private copy has.
    world.write("janitor/.archal.json", &config);
    let agent = world.read("janitor/agent.py");
    let kept = "if is_stale(issue, cutoff)]\n        call.result";
    assert!(agent.contains(kept));
    let depends = agent.replace(
        kept,
        "if is_stale(issue, cutoff) and (\"BREAK\" in os.environ or not is_kept(issue))]\n        call.result",
    );
    world.write("janitor/agent.py", &depends);
    commit(&world);
    world.set("BREAK", "1");
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "blocked", "not_reproduced", 3);
    assert_eq!(document(&world)["attempts"], Value::Null);
}

#[test]
fn what_fails_in_the_checkout_alone_is_told_beside_what_is_mended() {
    let mut world = janitor();
    super::say_why(&world, "janitor/archal/say-why.md");
    let agent = world.read("janitor/agent.py");
    let said = "no activity for";
    assert!(agent.contains(said));
    let quiet = format!("{agent}\n").replace(
        "import os\n",
        "import os\nQUIET = \"quiet for\" if \"BREAK\" in os.environ else \"no activity for\"\n",
    );
    let quiet = quiet.replacen("Closing: no activity for", "Closing: {QUIET}", 1);
    assert!(
        quiet.contains("{QUIET}") && quiet.contains("QUIET ="),
        "{quiet}"
    );
    world.write("janitor/agent.py", &quiet);
    commit(&world);
    world.set("BREAK", "1");
    let output = preprod(&world, &["--fix-command", RIGHT, ALLOWED]);
    is(&ended(&world, &output), "blocked", "not_reproduced", 3);
    let document = document(&world);
    assert_eq!(document["attempts"][0]["outcome"], "fixed", "{document}");
    assert!(text(&document["patch"]).ends_with("fix.patch"));
    let differing = document["differing"].as_array().expect("a list");
    assert_eq!(differing.len(), 1, "{document}");
    assert_eq!(differing[0]["scenario"], "say-why");
    assert_eq!(differing[0]["copy"], Value::Null);
}

#[test]
fn attempts_are_as_many_as_are_allowed() {
    let world = janitor();
    let output = preprod(&world, &["--fix-command", "true", ALLOWED]);
    is(
        &ended(&world, &output),
        "budget_exhausted",
        "fix_attempts",
        1,
    );
    let document = document(&world);
    let attempts = document["attempts"].as_array().expect("a list");
    assert_eq!(attempts.len(), 2);
    for attempt in attempts {
        assert_eq!(attempt["outcome"], "no_patch");
        assert!(
            text(&attempt["reason"]).starts_with("no_change"),
            "{attempt}"
        );
    }
    assert_eq!(document["patch"], Value::Null);
}

#[test]
fn a_fixer_that_its_provider_refuses_is_not_asked_again() {
    let world = janitor();
    world.program("claude", &replay("claude_nokey"));
    let output = preprod(&world, &["--fixer", "claude", ALLOWED]);
    is(&ended(&world, &output), "blocked", "fixer_unavailable", 3);
    let document = document(&world);
    assert_eq!(document["attempts"].as_array().map(Vec::len), Some(1));
    let reason = text(&document["attempts"][0]["reason"]);
    assert!(reason.starts_with("auth: "), "{reason}");
}

#[test]
fn a_validation_command_that_fails_keeps_the_patch_and_the_end_from_being_good() {
    let world = janitor();
    let output = preprod(
        &world,
        &[
            "--fix-command",
            RIGHT,
            ALLOWED,
            "--validation-command",
            "echo broken; exit 4",
        ],
    );
    let reason = "validation_command";
    is(&ended(&world, &output), "validation_failed", reason, 1);
    assert_eq!(world.read(format!("{OUT}/validation.log")), "broken\n");
    assert!(text(&document(&world)["patch"]).ends_with("fix.patch"));
}

#[test]
fn a_folder_of_somebody_elses_is_left_as_it_is() {
    let world = janitor();
    world.write(format!("{OUT}/junit.xml"), "<mine/>");
    let output = preprod(&world, &[]).ended(2);
    assert!(
        output.stderr.contains("holds no artifacts of preprod"),
        "{output}"
    );
    assert_eq!(world.read(format!("{OUT}/junit.xml")), "<mine/>");
}
