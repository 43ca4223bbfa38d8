//! A failure that was repaired is kept as a scenario and guards from then on: run by its tag and
//! by every later proof, in quarantine, retired.

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::attach::{again, attach, job};
use super::{git, kept_demo, only_folder};

/// The demonstration with its patch applied and committed, and the only regression's file.
fn applied() -> (TestEnv, String) {
    let (world, demo) = kept_demo();
    let fixes = only_folder(&demo.join(".archal/attach/fixes"));
    let patch = fixes.join("repo.patch").display().to_string();
    git(&world, "demo", &["apply", &patch]);
    // Nobody names the folder of the regressions.
    world.write(
        "demo/.archal.json",
        r#"{"agent": {"command": "python3", "args": ["agent.py"]},
            "scenarios": ["archal/close-stale-issues.md"]}"#,
    );
    commit(&world);
    let regressions = demo.join("archal/regressions");
    let names = std::fs::read_dir(regressions).expect("readable");
    let names = names.map(|entry| entry.expect("readable").file_name());
    let mut names = names.filter_map(|name| name.into_string().ok());
    let name = names.find(|name| name.ends_with(".md")).expect("one");
    (world, format!("demo/archal/regressions/{name}"))
}

fn commit(world: &TestEnv) {
    git(world, "demo", &["add", "--all"]);
    git(world, "demo", &["commit", "--quiet", "-m", "next"]);
}

/// Adds lines to the Config, which is at the end of the file.
fn govern(world: &TestEnv, file: &str, lines: &str) {
    let text = world.read(file);
    assert!(text.contains("since: "), "{text}");
    let rest = text.trim_end();
    world.write(file, &format!("{rest}\n{lines}\n"));
}

fn run(world: &TestEnv, more: &[&str]) -> Output {
    let config = ["run", "--config", "demo/.archal.json"];
    world.run(&[&config[..], more].concat())
}

/// Takes the fix back: the failure is there again.
fn broken(world: &TestEnv) {
    let agent = world.read("demo/agent.py");
    let right =
        "stale += [issue for issue in issues if is_stale(issue, cutoff) and not is_kept(issue)]";
    assert!(agent.contains(right));
    let wrong = "stale += [issue for issue in issues if is_stale(issue, cutoff)]";
    world.write("demo/agent.py", &agent.replace(right, wrong));
}

#[test]
fn a_regression_guards_by_its_tag_until_it_is_in_quarantine_or_retired() {
    let (world, file) = applied();
    let tagged = ["--tag", "regression", "--output", "json"];
    let summary = |output: &Output| -> Value { output.json()["totals"].clone() };
    let output = run(&world, &tagged).ended(0);
    assert_eq!(summary(&output)["passed"], 1, "{output}");
    let listed = world.run(&[
        "scenario",
        "list",
        "--config",
        "demo/.archal.json",
        "--tag",
        "regression",
        "--json",
    ]);
    let listed = listed.ended(0).json();
    let listed = &listed["scenarios"][0];
    assert!(listed["since"].is_string(), "{listed}");
    assert_eq!(listed["retired"], false, "{listed}");

    broken(&world);
    let output = run(&world, &tagged).ended(1);
    assert_eq!(summary(&output)["failed"], 1, "{output}");

    let kept = world.read(&file);
    govern(&world, &file, "flaky: true");
    let output = run(&world, &tagged).ended(2);
    assert!(output.stderr.contains("without owner"), "{output}");
    govern(&world, &file, "owner: web team");
    let output = run(&world, &tagged).ended(0);
    assert_eq!(summary(&output)["quarantined"], 1, "{output}");

    world.write(&file, &kept);
    govern(&world, &file, "owner: web team\nretired: true");
    let output = run(&world, &tagged).ended(0);
    assert!(
        output
            .stderr
            .contains("retired, not run: archal/regressions/")
            && output.stderr.contains("owner web team"),
        "{output}"
    );
    assert!(
        output.stdout.contains("\"scenarios\"") || output.stdout.is_empty(),
        "{output}"
    );
}

#[test]
fn every_later_proof_compares_what_is_kept_and_what_is_flaky_decides_nothing() {
    let (world, file) = applied();
    broken(&world);
    // It asks for what no right fix does.
    let asked = world.read(&file).replace(
        "## Success Criteria\n",
        "## Success Criteria\n\n- [D] One is closed: `github.issues.exists(i, \
         i.labels.exists(l, l.name == \"keep-open\") && i.state == \"closed\")`\n",
    );
    assert!(asked.contains("One is closed"));
    world.write(&file, &asked);
    commit(&world);
    let fixed = |world: &TestEnv| {
        again(world);
        let flags = ["--allow-external-execution", "--budget-usd", "none"];
        let fixer = ["--fix-command", "python3 fix.py"];
        job(&attach(
            world,
            "demo/traces",
            &[&flags[..], &fixer].concat(),
        ))
    };
    let regression = |world: &TestEnv| -> Value {
        let fixes = only_folder(&world.repo().join("demo/.archal/attach/fixes"));
        let proof = std::fs::read_to_string(fixes.join("proof.json")).expect("written");
        let proof: Value = serde_json::from_str(&proof).expect("JSON");
        let others = proof["others"].as_array().expect("a list");
        assert_eq!(others.len(), 2, "{others:?}");
        others[1].clone()
    };
    let job = fixed(&world);
    assert_eq!(job["status"], "fix_failed", "{job}");
    let reason = job["reason"].as_str().expect("text");
    assert!(reason.contains("now breaks one-is-closed"), "{reason}");
    assert_eq!(regression(&world)["quarantined"], false);

    let asked = world.read(&file);
    let since = asked.lines().find(|line| line.starts_with("since: "));
    let since = since.expect("a regression says since when");
    world.write(&file, &asked.replace(since, "since: 2026-01-05"));
    govern(&world, &file, "owner: web team\nflaky: true");
    commit(&world);
    let job = fixed(&world);
    assert_eq!(job["status"], "fixed", "{job}");
    let told = regression(&world);
    assert_eq!(told["quarantined"], true, "{told}");
    assert_eq!(told["newlyBroken"][0], "one-is-closed", "{told}");
    // The failure came back: what people said in its regression stays in the one that is kept now.
    let fixes = only_folder(&world.repo().join("demo/.archal/attach/fixes"));
    let patch = std::fs::read_to_string(fixes.join("repo.patch")).expect("written");
    assert!(patch.contains("-- [D] One is closed"), "{patch}");
    for said in ["owner: web team", "flaky: true", "since: 2026-01-05"] {
        let [gone, there] = ['-', '+'].map(|sign| patch.contains(&format!("\n{sign}{said}")));
        assert_eq!(gone, there, "{patch}");
    }
}
