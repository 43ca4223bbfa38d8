//! Runs of agents through the real binary; scripts play the agents.

mod asking;
mod background;
mod contexts;
mod cycles;
mod flows;
mod hostile;
mod merging;
mod pipeline;
mod records;
mod resuming;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

/// A plan whose Creator is sure, with a risk.
const CREATOR: &str = "- role: creator
  says: |
    ## Proposal: greet
    PROPOSAL-MARK
    ### Confidence
    | Task understanding | 0.9 | clear |
    | Solution completeness | 0.8 | whole |
    | Risk coverage | 0.7 | known |
    ### Risks
    RISK-MARK
    ### Not Doing
    REST-MARK
    STATUS: DONE
";

const EXPLORER: &str = "- role: explorer
  says: |
    ## Research
    RESEARCH-MARK
";

/// A Maker who adds a file in every cycle.
const MAKER: &str = "- role: maker
  runs: echo 'DIFF-MARK' >> greeting.txt
  commit: Add a greeting
  says: |
    ## Implementation
    REPORT-MARK
";

fn approves(role: &str) -> String {
    format!(
        "- role: {role}\n  says: |\n    No findings.\n    ### Verdict: APPROVED\n    Nothing stands in the way.\n"
    )
}

/// A review with these rows of `severity, category, description`, each with evidence.
fn finds(role: &str, cycle: u32, rows: &[(&str, &str, &str)]) -> String {
    let mut text = format!(
        "- role: {role}\n  cycle: {cycle}\n  says: |\n    | Location | Severity | Category | Description | Fix |\n    |---|---|---|---|---|\n"
    );
    for (severity, category, description) in rows {
        writeln!(
            text,
            "    | greeting.txt:1 | {severity} | {category} | {description}; output: `boom` | mend it |"
        )
        .expect("a string");
    }
    let verdict = match rows.iter().any(|(severity, ..)| *severity == "CRITICAL") {
        true => "REJECTED",
        false => "APPROVED",
    };
    writeln!(text, "    ### Verdict: {verdict}").expect("a string");
    text
}

/// A repository with a script that plays its agents.
struct World {
    env: TestEnv,
}

impl World {
    fn new(script: &[&str]) -> Self {
        let world = Self {
            env: TestEnv::new(env!("CARGO_BIN_EXE_archal")),
        };
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_archal"), world.env.bin().join("archal"))
            .expect("a link");
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.git(&["config", "user.name", "Tess Ter"]);
        world.git(&["config", "user.email", "tess@example.com"]);
        world.env.write("README.md", "# A thing\n");
        world.git(&["add", "--all"]);
        world.git(&["commit", "--quiet", "-m", "first"]);
        world.script(script);
        world.settings("");
        world
    }

    fn script(&self, steps: &[&str]) {
        fs::write(self.beside("script.yaml"), steps.concat()).expect("writable");
    }

    fn settings(&self, more: &str) {
        self.env.write(
            ".archeflow/config.yaml",
            &format!(
                "drivers:\n  played:\n    command: archal pdca play $ARCHAL_PDCA_REPO/../script.yaml\ndriver: played\nshadows: false\n{more}"
            ),
        );
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.env.repo().with_file_name(name)
    }

    fn pdca(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["pdca"];
        all.extend(arguments);
        self.env.run(&all)
    }

    /// A new run; its id and how it ended.
    fn run(&self, code: i32, arguments: &[&str]) -> (String, Value) {
        let mut all = vec!["run", "Add a greeting", "--json"];
        all.extend(arguments);
        self.document(code, &all)
    }

    fn document(&self, code: i32, arguments: &[&str]) -> (String, Value) {
        let document = self.pdca(arguments).ended(code).json();
        crate::cli::schema::holds(&document);
        let id = document["run"].as_str().expect("an id").to_owned();
        (id, document)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.env.repo())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git");
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn place(&self, folder: &str, id: &str) -> PathBuf {
        self.env.repo().join(".archeflow").join(folder).join(id)
    }

    fn events(&self, id: &str) -> Vec<Value> {
        let path = self.place("events", &format!("{id}.jsonl"));
        let text = fs::read_to_string(path).expect("a log");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a whole line"))
            .collect()
    }

    /// The log, a line each: number, type, phase, agent, parents, and what decides.
    fn log(&self, id: &str) -> String {
        let mut text = String::new();
        for (at, event) in (1..).zip(self.events(id)) {
            assert_eq!(event["seq"], at, "a gap");
            let agent = event["agent"].as_str().unwrap_or("-");
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            write!(
                text,
                "{at} {} {} {agent} {}",
                word(&event["type"]),
                word(&event["phase"]),
                event["parent"]
            )
            .expect("a string");
            for name in [
                "workflow",
                "max_cycles",
                "resumed_from",
                "cycle",
                "verdict",
                "what",
                "chosen",
                "next_action",
                "met",
                "finding",
                "status",
                "error",
                "to",
            ] {
                match &event["data"][name] {
                    Value::Null => {}
                    Value::String(said) => write!(text, " {name}={said}").expect("a string"),
                    other => write!(text, " {name}={other}").expect("a string"),
                }
            }
            text.push('\n');
        }
        text
    }

    fn count(&self, id: &str, kind: &str) -> usize {
        let events = self.events(id);
        events.iter().filter(|event| event["type"] == kind).count()
    }

    /// Whether it was decided so.
    fn decided(&self, id: &str, what: &str, chosen: &str) -> bool {
        self.events(id).iter().any(|event| {
            event["type"] == "decision"
                && event["data"]["what"] == what
                && event["data"]["chosen"] == chosen
        })
    }

    /// The artifacts, those of archives too.
    fn artifacts(&self, id: &str) -> Vec<String> {
        let root = self.place("artifacts", id);
        let mut names = Vec::new();
        below(&root, &root, &mut names);
        names.sort();
        names
    }

    fn artifact(&self, id: &str, name: &str) -> String {
        let path = self.place("artifacts", id).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Every process of a run, by the last line of each.
    fn processes(&self, id: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.place("runs", id).join("processes.jsonl"));
        let text = text.expect("records");
        let lines = text.lines().map(|line| {
            let record: Value = serde_json::from_str(line).expect("a record");
            (record["number"].as_u64().expect("a number"), record)
        });
        let last: BTreeMap<u64, Value> = lines.collect();
        last.into_values().collect()
    }

    /// What an agent was told.
    fn told(&self, id: &str, role: &str, cycle: u32) -> String {
        let record = self
            .processes(id)
            .into_iter()
            .find(|one| one["name"] == role && one["cycle"] == cycle);
        let record = record.unwrap_or_else(|| panic!("{role} was not started in cycle {cycle}"));
        let number = record["number"].as_u64().expect("a number");
        let name = format!("{number:03}-{role}-prompt.md");
        fs::read_to_string(self.place("runs", id).join(name)).expect("a prompt")
    }

    fn main(&self) -> String {
        self.git(&["log", "--format=%s", "main"])
    }
}

fn below(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => below(root, &path, names),
            false => {
                let name = path.strip_prefix(root).expect("below it");
                names.push(name.display().to_string());
            }
        }
    }
}
