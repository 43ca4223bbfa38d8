//! Detached while something runs: the step gets its time, nothing is left running, and the next
//! attach goes on without paying again for what had come to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::super::world;
use super::scene::{FIX, GRADE, Scene, TRACE, eventually, is_alive};

/// What the agent does first: it waits while a file is there.
fn waits(gate: &Path, condition: &str) -> String {
    format!(
        "import os as _os, time as _time\nwhile {condition} and _os.path.exists({:?}):\n    _time.sleep(0.02)\n\n",
        gate.display()
    )
}

/// Whether the agent is the repaired one.
const REPAIRED: &str = "open(__file__).read().count('not is_kept(issue)') > 2";

struct Gated {
    scene: Scene,
    gate: PathBuf,
}

impl Gated {
    /// A trace that is worked on until a step waits for the gate to open.
    fn until_it_waits(agent_waits_when: Option<&str>, fixer_waits: bool, running: &str) -> Self {
        let world = world();
        let gate = world.write("gate", "");
        let before = agent_waits_when.map(|condition| waits(&gate, condition));
        let before: Vec<(&str, &str)> = before
            .iter()
            .map(|lines| ("agent.py", lines.as_str()))
            .collect();
        let scene = Scene::with(world, &before);
        scene.bring("t.json", TRACE);
        let command = if fixer_waits {
            let gate = gate.display();
            format!("while [ -e '{gate}' ]; do sleep 0.02; done; python3 fix.py")
        } else {
            "python3 fix.py".to_owned()
        };
        let mut flags = FIX.to_vec();
        let last = flags.len() - 1;
        flags[last] = &command;
        scene.attach(&flags);
        let gated = Self { scene, gate };
        gated.scene.until(running, |status| {
            status["newest"][0]["status"] == "running"
                && gated
                    .scene
                    .try_steps()
                    .contains(&format!("{running} running"))
        });
        gated
    }

    /// Ends the watcher, the gate still shut; gives what runs of this world then.
    fn ends_at_once(&self, stage: &str) {
        let pid = self.scene.pid();
        let said = self.scene.detach(&["--now"]);
        assert!(said.contains("the watcher ended"), "{said}");
        eventually("the process is gone", || !is_alive(pid));
        self.nothing_is_left();
        let job = self.scene.job();
        assert_eq!(job["status"], "queued", "{job}");
        assert_eq!(job["stage"], stage, "{job}");
    }

    fn nothing_is_left(&self) {
        eventually("no process is left", || self.scene.processes().is_empty());
        for folder in ["workspaces", "private"] {
            let path = self.scene.world.home().join(".cache/archal").join(folder);
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let left = entries.filter(|entry| entry.path().is_dir()).count();
            assert_eq!(left, 0, "{folder}");
        }
    }

    /// Attaches again with the gate open; gives the paid steps.
    fn goes_on(&self) -> Vec<String> {
        fs::remove_file(&self.gate).ok();
        self.scene.attach(FIX);
        self.scene.until_jobs("fixed", 1);
        let steps = self.scene.steps();
        assert_eq!(self.scene.ledger().len(), steps.len());
        steps
    }
}

/// The steps of the example's job, in the order in which they are paid for.
const STEPS: [&str; 8] = [
    "reproduce/1",
    "reproduce/2",
    "fixer/1",
    "green/1",
    "green/2",
    "before/close-stale-issues/1",
    "after/close-stale-issues/1",
    "regression/1",
];

/// All steps, each ended once, with that one cut off before.
fn with_cut(cut: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for step in STEPS {
        if step == cut {
            steps.push(format!("{step} interrupted"));
        }
        steps.push(format!("{step} ended"));
    }
    steps
}

#[test]
fn at_once_while_the_failure_is_reproduced() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    gated.ends_at_once("reproduce");
    assert_eq!(gated.goes_on(), with_cut("reproduce/1"));
}

#[test]
fn at_once_while_the_fixer_works() {
    let gated = Gated::until_it_waits(None, true, "fixer/1");
    gated.ends_at_once("fix");
    assert_eq!(gated.goes_on(), with_cut("fixer/1"));
}

#[test]
fn at_once_while_the_fix_is_proved() {
    let gated = Gated::until_it_waits(Some(REPAIRED), false, "green/1");
    gated.ends_at_once("fix");
    assert_eq!(gated.goes_on(), with_cut("green/1"));
}

#[test]
fn in_order_the_step_that_runs_comes_to_its_end_and_no_other_begins() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    thread::scope(|scope| {
        let detached = scope.spawn(|| gated.scene.detach(&[]));
        // It is asked before the step can end.
        gated.scene.until("the step is to end", |status| {
            status["watcher"]["doing"]["running"][0]["stopping"] == true
        });
        fs::remove_file(&gated.gate).expect("there");
        let said = detached.join().expect("no panic");
        assert!(said.contains("the watcher ended"), "{said}");
    });
    gated.nothing_is_left();
    assert_eq!(gated.scene.job()["status"], "queued");
    assert_eq!(gated.scene.steps(), ["reproduce/1 ended"]);
    let steps = gated.goes_on();
    assert_eq!(steps, STEPS.map(|step| format!("{step} ended")));
}

#[test]
fn while_a_large_file_is_read() {
    let scene = Scene::new();
    // Large enough that a read takes a while, and of one trace.
    let mut trace: serde_json::Value = serde_json::from_str(TRACE).expect("JSON");
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    let filling = "x".repeat(200_000);
    for span in spans.iter_mut() {
        span["filling"] = filling.as_str().into();
    }
    scene.attach(GRADE);
    scene.bring("large.json", &trace.to_string());
    scene.until("it is read", |status| {
        status["watcher"]["doing"]["running"][0]["label"]
            .as_str()
            .is_some_and(|label| label.starts_with("reading"))
    });
    let said = scene.detach(&["--now"]);
    assert!(said.contains("the watcher ended"), "{said}");
    eventually("no process is left", || scene.processes().is_empty());
    let status = scene.status();
    assert_eq!(status["watcher"]["state"], "none", "{status}");
    scene.attach(GRADE);
    scene.until_jobs("failed_grade", 1);
}

#[test]
fn a_watcher_that_was_killed_is_called_dead_and_the_next_one_goes_on() {
    let gated = Gated::until_it_waits(Some("True"), false, "reproduce/1");
    gated.scene.kill();
    // The end of its children follows from its own.
    gated
        .scene
        .until("no process is left", |_| gated.scene.processes().is_empty());
    let status = gated.scene.status();
    assert_eq!(status["watcher"]["state"], "dead", "{status}");
    let told = gated
        .scene
        .world
        .run(&["attach-status", "--repo", "agent"])
        .ended(0);
    assert!(told.stdout.contains("ended without being asked"), "{told}");
    assert!(gated.scene.state("watcher.sock").exists());
    let said = gated.scene.detach(&[]);
    assert!(said.contains("detached "), "{said}");
    let again = gated.scene.detach(&[]);
    assert!(
        again.contains("not attached") || again.contains("nothing is attached"),
        "{again}"
    );
    assert_eq!(gated.goes_on(), with_cut("reproduce/1"));
}
