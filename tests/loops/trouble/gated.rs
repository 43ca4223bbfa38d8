//! A job that is held in the midst of a step, so that something can happen to it there.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::world;
use super::scene::{FIX, Scene, TRACE, eventually, is_alive};

/// What the agent does first: it waits while a file is there.
fn waits(gate: &Path, condition: &str) -> String {
    format!(
        "import os as _os, time as _time\nwhile {condition} and _os.path.exists({:?}):\n    _time.sleep(0.02)\n\n",
        gate.display()
    )
}

/// Whether the agent is the repaired one.
pub(super) const REPAIRED: &str = "open(__file__).read().count('not is_kept(issue)') > 2";

/// A job that waits in the midst of a step.
pub(super) struct Gated {
    pub(super) scene: Scene,
    gate: PathBuf,
}

impl Gated {
    /// A trace that is worked on until a step waits for the gate to open.
    pub(super) fn until_it_waits(
        agent_waits_when: Option<&str>,
        fixer_waits: bool,
        running: &str,
    ) -> Self {
        Self::in_state(None, agent_waits_when, fixer_waits, running)
    }

    /// The same with the state in a folder elsewhere.
    pub(super) fn in_state(
        state: Option<&Path>,
        agent_waits_when: Option<&str>,
        fixer_waits: bool,
        running: &str,
    ) -> Self {
        let world = world();
        let gate = world.write("gate", "");
        let before = agent_waits_when.map(|condition| waits(&gate, condition));
        let before: Vec<(&str, &str)> = before
            .iter()
            .map(|lines| ("agent.py", lines.as_str()))
            .collect();
        let scene = match state {
            Some(state) => Scene::with_state(world, state, &before),
            None => Scene::with(world, &before),
        };
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
    pub(super) fn ends_at_once(&self, stage: &str) {
        let pid = self.scene.pid();
        let said = self.scene.detach(&["--now"]);
        assert!(said.contains("the watcher ended"), "{said}");
        eventually("the process is gone", || !is_alive(pid));
        self.nothing_is_left();
        let job = self.scene.job();
        assert_eq!(job["status"], "queued", "{job}");
        assert_eq!(job["stage"], stage, "{job}");
    }

    pub(super) fn nothing_is_left(&self) {
        eventually("no process is left", || self.scene.processes().is_empty());
        for folder in ["workspaces", "private"] {
            let path = self.scene.world.home().join(".cache/archal").join(folder);
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let left = entries.filter(|entry| entry.path().is_dir()).count();
            assert_eq!(left, 0, "{folder}");
        }
    }

    /// What waits goes on.
    pub(super) fn opens(&self) {
        fs::remove_file(&self.gate).ok();
    }

    /// Attaches again with the gate open; gives the paid steps.
    pub(super) fn goes_on(&self) -> Vec<String> {
        self.opens();
        self.scene.attach(FIX);
        self.scene.until_jobs("fixed", 1);
        let steps = self.scene.steps();
        assert_eq!(self.scene.ledger().len(), steps.len());
        steps
    }
}

/// The steps of the example's job, in the order in which they are paid for.
pub(super) const STEPS: [&str; 10] = [
    "reproduce/1",
    "reproduce/2",
    "fixer/1",
    "green/1",
    "green/2",
    "before/close-stale-issues/1",
    "after/close-stale-issues/1",
    "held-back-base/1/1",
    "held-back/1",
    "regression/1",
];

/// All steps, each ended once, with that one cut off before.
pub(super) fn with_cut(cut: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for step in STEPS {
        if step == cut {
            steps.push(format!("{step} interrupted"));
        }
        steps.push(format!("{step} ended"));
    }
    steps
}
