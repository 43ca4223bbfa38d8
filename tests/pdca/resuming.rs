//! Runs that go on: from a phase, and after their process was killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;

use super::{CREATOR, EXPLORER, MAKER, World, approves, finds};

#[test]
fn a_phase_says_which_artifact_it_misses() {
    let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
    let (id, _) = world.run(0, &["--workflow", "fast", "--dry-run"]);
    let plan = world.place("artifacts", &id).join("plan-creator.md");
    for (phase, name) in [
        ("check", "do-maker.md"),
        ("act", "check-guardian.md"),
        ("do", "plan-creator.md"),
    ] {
        if phase == "do" {
            std::fs::remove_file(&plan).expect("there");
        }
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
    let (id, document) = world.run(3, &["--workflow", "fast"]);
    let next = format!("archal pdca run --run-id {id} --start-from check");
    assert_eq!(document["next"], next);
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

/// Starts a run, and kills archal as soon as `is_there`.
fn killed(
    world: &World,
    arguments: &[&str],
    what: &str,
    is_there: impl Fn(&str) -> bool,
) -> String {
    let mut all = vec!["pdca", "run", "Add a greeting"];
    all.extend(arguments);
    let mut child = world.env.command(&all).spawn().expect("the built binary");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let begins = lines.find_map(|line| {
        let line = line.ok()?;
        let (_, rest) = line.split_once("Run ")?;
        Some(rest.split_once(':')?.0.to_owned())
    });
    let id = begins.expect("it tells its id first");
    let latest = Instant::now() + Duration::from_secs(60);
    while !is_there(&id) {
        assert!(Instant::now() < latest, "{what}: it did not come to that");
        StopToken::new().wait(Duration::from_millis(10));
    }
    child.kill().expect("my own child");
    child.wait().expect("my own child");
    id
}

/// Whether an agent of that role, or a hook of that name, is on record as running.
fn is_running(world: &World, id: &str, name: &str) -> bool {
    let records = world.place("runs", id).join("processes.jsonl");
    records.is_file()
        && world
            .processes(id)
            .iter()
            .any(|one| one["name"] == name && one["end"] == "running")
}

#[test]
fn a_run_that_is_killed_in_check_reviews_again_and_counts_who_was_cut_off() {
    let doubts = finds(
        "guardian",
        1,
        &[("WARNING", "quality", "the name is unclear")],
    );
    let hangs = |role: &str| format!("- role: {role}\n  hangs: true\n  says: waiting\n");
    let script = [EXPLORER, CREATOR, MAKER, &doubts];
    let world = World::new(&[&script[..], &[&hangs("skeptic"), &hangs("sage")]].concat());
    let arguments = ["--workflow", "standard", "--yes"];
    let id = killed(&world, &arguments, "the others review", |id| {
        is_running(&world, id, "skeptic") && is_running(&world, id, "sage")
    });
    let commits = world.git(&["rev-list", "--count", &format!("archeflow/{id}")]);

    world.script(&[&script[..], &[&approves("skeptic"), &approves("sage")]].concat());
    let (_, document) = world.document(0, &["run", "--run-id", &id, "--yes", "--json"]);
    assert_eq!(document["status"], "merged");
    assert_eq!(
        world.count(&id, "run.merged") + world.main().matches("merge run").count(),
        1
    );
    // Nobody planned or made again.
    let records = world.processes(&id);
    let word = |one: &serde_json::Value, key: &str| one[key].as_str().expect("text").to_owned();
    let mut names: Vec<String> = records
        .iter()
        .map(|one| format!("{} {}", word(one, "name"), word(one, "end")))
        .collect();
    // Those beside each other have their numbers as it comes.
    names[4..6].sort();
    names[7..].sort();
    assert_eq!(
        names,
        [
            "explorer exited",
            "creator exited",
            "maker exited",
            "guardian exited",
            "sage cut_off",
            "skeptic cut_off",
            "guardian exited",
            "sage exited",
            "skeptic exited",
        ]
    );
    assert_eq!(
        world.git(&["rev-list", "--count", &format!("archeflow/{id}")]),
        commits
    );
    // What they may have cost is the run's and the day's, each once.
    let told: f64 = records
        .iter()
        .map(|one| one["cost_usd"].as_f64().expect("a cost"))
        .sum();
    let cost = document["costUsd"].as_f64().expect("a cost");
    assert!((cost - told).abs() < 1e-6, "{cost} is not {told}");
    let ends = world.events(&id);
    let cut = ends
        .iter()
        .filter(|event| event["data"]["reason"] == "archal ended while it worked");
    assert_eq!(cut.count(), 2);
    let day = world.env.repo().join(".archeflow/costs");
    let mut of_day = BTreeMap::new();
    for file in std::fs::read_dir(day).expect("a ledger") {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("text");
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line");
            of_day.insert(
                line["process"].as_u64(),
                line["cost_usd"].as_f64().expect("a cost"),
            );
        }
    }
    assert_eq!(of_day.len(), 9, "{of_day:?}");
    let of_day: f64 = of_day.values().sum();
    assert!((of_day - told).abs() < 1e-6, "{of_day} is not {told}");
}

#[test]
fn a_run_that_is_killed_around_its_merge_is_merged_once() {
    for hook in ["pre-merge", "post-merge"] {
        let world = World::new(&[CREATOR, MAKER, &approves("guardian")]);
        let hooks = |command: &str| format!("{hook}: {{command: '{command}'}}\n");
        world
            .env
            .write(".archeflow/hooks.yaml", &hooks("sleep 600"));
        let arguments = ["--workflow", "fast", "--yes", "--allow-external-execution"];
        let id = killed(&world, &arguments, hook, |id| is_running(&world, id, hook));
        let is_merged = world.main() != "first";
        assert_eq!(is_merged, hook == "post-merge");

        world.env.write(".archeflow/hooks.yaml", &hooks("true"));
        let agents = |id: &str| {
            world
                .processes(id)
                .iter()
                .filter(|one| one["what"] == "agent")
                .count()
        };
        let before = agents(&id);
        let arguments = [
            "run",
            "--run-id",
            &id,
            "--yes",
            "--allow-external-execution",
            "--json",
        ];
        let (_, document) = world.document(0, &arguments);
        assert_eq!(document["status"], "merged", "{hook}");
        assert_eq!(agents(&id), before, "Act starts nobody");
        assert_eq!(world.count(&id, "run.complete"), 1);
        assert_eq!(
            world.main().matches("archeflow(act): merge run").count(),
            1,
            "{hook}"
        );
        assert_eq!(world.env.read("greeting.txt"), "DIFF-MARK\n");
        assert_eq!(
            world.git(&["status", "--porcelain", "--untracked-files=no"]),
            ""
        );
    }
}
