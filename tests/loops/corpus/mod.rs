//! A corpus of traces made by really running an agent on the GitHub clone, with and without something
//! wrong in it, and what attach makes of them: imported, graded, rebuilt, replayed, reproduced.
//!
//! The agent writes its traces in three shapes. The truth is known: what is wrong is in the agent on
//! purpose, and the state that each run began in is in its evidence.

mod cases;
mod gaps;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use self::cases::Case;
use self::truth::Truth;
use super::{git, world};
use crate::measured;

/// The least share of replayed answers that are the recorded ones.
const AGREEING: f64 = 0.95;

/// The fewest fields that the traces of a shape prove: one that proves too little has none wrong.
const PROVED: [(&str, usize); 3] = [("genai", 300), ("inference", 300), ("llmetry", 300)];

/// A run of the agent that is over.
struct Made {
    case: Case,
    trace: Value,
    truth: Truth,
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures, for who runs it by hand")]
fn defects_are_found_and_reproduced_and_healthy_runs_are_left_alone() {
    let (world, made) = corpus();
    for made in &made {
        let file = format!("{}/traces/{}.json", made.case.desk(), made.case.name);
        world.write(file, &made.trace.to_string());
    }
    let jobs: BTreeMap<String, Value> = cases::DESKS
        .iter()
        .flat_map(|desk| attached(&world, desk))
        .collect();
    assert_eq!(jobs.len(), made.len());
    let cases: BTreeMap<&str, &Case> = made
        .iter()
        .map(|made| (jobs[&made.case.name]["name"].as_str(), &made.case))
        .map(|(job, case)| (job.expect("a name"), case))
        .collect();
    let mut seen = Seen::default();
    for made in &made {
        seen.look(&world, made, &jobs[&made.case.name]);
        seen.look_at_failure(&world, made, &jobs, &cases);
    }
    assert!(seen.wrong.is_empty(), "{seen}");
    assert_eq!(seen.reproduced, cases::reproducible(), "{seen}");
    assert!(seen.calls > 500, "{seen}");
    for (shape, least) in PROVED {
        assert!(seen.fields[shape] >= least, "{shape}: {seen}");
    }
    assert!(
        seen.agreeing as f64 >= AGREEING * seen.calls as f64,
        "{seen}"
    );
    let lossy = gaps::hide_failures_and_make_none(&world, &made, &jobs);
    eprintln!("{seen}{lossy}");
    is_measured(&world, &made);
}

/// What came of the whole corpus.
#[derive(Default)]
struct Seen {
    told: BTreeMap<String, usize>,
    /// Kinds of defects of which one run was reproduced.
    reproduced: BTreeSet<&'static str>,
    /// Calls replayed, and those of them that got the recorded answer.
    calls: u64,
    agreeing: u64,
    /// Fields that traces proved, by their shape.
    fields: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Seen {
    fn look(&mut self, world: &TestEnv, made: &Made, job: &Value) {
        let name = &made.case.name;
        let status = job["status"].as_str().expect("a status");
        *self.told.entry(status.to_owned()).or_default() += 1;
        if !made.case.expected().contains(&status) {
            self.wrong
                .push(format!("{name}: {status}: {}", job["reason"]));
        }
        let Some(rebuilt) = stage(world, made.case.desk(), "seeds", job, "seed.json") else {
            self.wrong.push(format!("{name}: no state"));
            return;
        };
        let (fields, wrong) = truth::wrong_fields(&rebuilt, &made.truth);
        *self.fields.entry(made.case.shape).or_default() += fields;
        self.wrong
            .extend(wrong.into_iter().map(|field| format!("{name}: {field}")));
        let agreement = &rebuilt["agreement"];
        self.calls += agreement["calls"].as_u64().unwrap_or(0);
        self.agreeing += agreement["agreeing"].as_u64().unwrap_or(0);
    }
}

impl Seen {
    /// What fails is what is wrong with the run, and who stands for it has the same wrong with it.
    fn look_at_failure(
        &mut self,
        world: &TestEnv,
        made: &Made,
        jobs: &BTreeMap<String, Value>,
        cases: &BTreeMap<&str, &Case>,
    ) {
        let (case, job) = (&made.case, &jobs[&made.case.name]);
        let Some(defect) = case.defect else { return };
        let name = &case.name;
        let failing = gaps::failing(world, case.desk(), job);
        match job["status"].as_str() {
            Some("reproduced") => _ = self.reproduced.insert(defect),
            Some("group_member") => {
                let reason = job["reason"].as_str().unwrap_or_default();
                let leader = reason.strip_prefix("the same failure as ");
                let leader = leader
                    .and_then(|rest| rest.split(':').next())
                    .unwrap_or_default();
                if !cases.get(leader).is_some_and(|leader| leader.is_like(case)) {
                    self.wrong.push(format!("{name}: {reason}"));
                }
            }
            Some("not_reproduced") => {}
            // Where it is not known what should have been, nothing is found.
            _ => return,
        }
        if !failing
            .first()
            .is_some_and(|finding| case.is_shown_by(finding))
        {
            let told: Vec<String> = failing
                .iter()
                .map(|finding| format!("{} {}", finding["rule"], finding["subject"]))
                .collect();
            self.wrong.push(format!("{name}: it failed by {told:?}"));
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            told,
            calls,
            agreeing,
            fields,
            wrong,
            reproduced,
        } = self;
        write!(
            f,
            "{told:?}; {reproduced:?}; {agreeing} of {calls} answers agree; {fields:?} fields\n{}",
            wrong.join("\n")
        )
    }
}

/// How good the grader is on the traces alone is what the documents say.
fn is_measured(world: &TestEnv, made: &[Made]) {
    for made in made {
        let mut trace = made.trace.clone();
        let label = match made.case.defect {
            Some(_) => "fail",
            None => "ok",
        };
        for resource in trace["resourceSpans"].as_array_mut().expect("resources") {
            let attributes = resource["resource"]["attributes"].as_array_mut();
            let said = [("label", label), ("set", "corpus")];
            let said =
                said.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
            attributes.expect("attributes").extend(said);
        }
        let file = format!("labelled/{}.json", made.case.name);
        world.write(file, &trace.to_string());
    }
    let sets = measured::measured(world, &["labelled"]);
    assert_eq!(sets.len(), 1);
    measured::is_told(&sets[0]);
}

/// Runs the agent on every case.
fn corpus() -> (TestEnv, Vec<Made>) {
    let world = world();
    for desk in cases::DESKS {
        repository(&world, desk);
    }
    let mut cases: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in cases::all() {
        let file = format!("cases/{}/{}.md", case.shape, case.name);
        world.write(file, &case.scenario());
        cases.entry(case.shape).or_default().push(case);
    }
    let mut all = Vec::new();
    // All together take longer than a command is waited for on a busy machine.
    for (shape, cases) in cases {
        let folder = format!("cases/{shape}");
        let mut arguments = vec!["run", &folder, "--config", "desk/.archal.json"];
        arguments.extend(["--jobs", "2", "--output", "json"]);
        let report = world.run(&arguments).json();
        all.extend(cases.into_iter().map(|case| made(&world, &report, case)));
    }
    (world, all)
}

/// What the run of a case left.
fn made(world: &TestEnv, report: &Value, case: Case) -> Made {
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let result = scenarios
        .iter()
        .flat_map(|scenario| scenario["results"].as_array().expect("results"))
        .find(|result| result["scenario"] == case.name.as_str())
        .unwrap_or_else(|| panic!("no run of {}", case.name));
    let run = result["runId"].as_str().expect("a run id");
    let evidence = world.repo().join("desk/.archal/cache/runs").join(run);
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(evidence.join(name))
            .unwrap_or_else(|error| panic!("{} of {}: {error}", name, case.name));
        serde_json::from_str(&text).expect("JSON")
    };
    let base = read("result.json")["base"]
        .as_str()
        .and_then(|base| base.parse().ok());
    Made {
        trace: read("agent-trace.json"),
        truth: Truth {
            base: base.expect("a base"),
            state: read("state-before.json")["github"].take(),
        },
        case,
    }
}

/// The agent in a repository of its own.
fn repository(world: &TestEnv, name: &str) {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loops/corpus/agent");
    copy(world, &agent, Path::new(name));
    git(world, ".", &["init", "--quiet", name]);
    git(world, name, &["add", "--all"]);
    git(world, name, &["commit", "--quiet", "-m", "desk"]);
}

fn copy(world: &TestEnv, from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(world, &path, &to);
        } else {
            world.write(to, &std::fs::read_to_string(&path).expect("text"));
        }
    }
}

/// One pass over the traces of a repository, reproductions among it; the jobs by the name of their case.
fn attached(world: &TestEnv, repository: &str) -> BTreeMap<String, Value> {
    let traces = format!("{repository}/traces");
    let mut arguments = vec!["attach", &traces, "--repo", repository];
    arguments.extend(["--once", "--foreground", "--json", "--jobs", "2"]);
    arguments.extend(["--reproduce-runs", "2", "--execution-policy", "reproduce"]);
    let mut document = world.run(&arguments).json();
    let jobs = document["jobs"].as_array_mut().expect("jobs");
    jobs.drain(..)
        .map(|job| {
            let file = Path::new(job["file"].as_str().expect("a file"));
            let name = file.file_stem().and_then(|name| name.to_str());
            (name.expect("a name").to_owned(), job)
        })
        .collect()
}

/// What a stage wrote of a job.
fn stage(world: &TestEnv, repository: &str, stage: &str, job: &Value, file: &str) -> Option<Value> {
    let name = job["name"].as_str().expect("a name");
    let file = world
        .repo()
        .join(repository)
        .join(".archal/attach")
        .join(stage)
        .join(name)
        .join(file);
    let text = std::fs::read_to_string(file).ok()?;
    serde_json::from_str(&text).ok()
}
