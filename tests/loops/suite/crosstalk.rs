//! Runs at once, and killed at random moments: each comes to what it comes to alone, none is made
//! twice once it is finished, and nothing is left.
//!
//! How much is the caller's to say: `ARCHAL_TEST_SUITE` (scenarios by runs, `100x10`),
//! `ARCHAL_TEST_KILLS`, `ARCHAL_TEST_SEED`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use archal_core::hash;

use super::super::killed::{Dice, number, until};
use super::*;

/// How often archal is killed unless somebody asks for more.
const KILLS: u64 = 3;

/// Makes as many issues as its task says, one after the other, and notes that it ran.
const AGENT: &str = r#"
import json, os, urllib.request
with open("log", "a") as log:
    log.write(os.environ["AGENT_SESSION_ID"] + "\n")
name, count = os.environ["AGENT_TASK"].split()
for number in range(int(count)):
    request = urllib.request.Request(
        "https://api.github.com/repos/me/" + name + "/issues",
        json.dumps({"title": name + " " + str(number)}).encode(),
        {"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"]})
    assert urllib.request.urlopen(request, timeout=60).status == 201
print("good")
"#;

struct Stage {
    world: TestEnv,
    marker: String,
    scenarios: usize,
    runs: usize,
}

impl Stage {
    fn new(name: &str) -> Self {
        let (scenarios, runs) = size();
        let mut world = world();
        let marker = format!("archal-test-{name}-{}", std::process::id());
        world.set("MARKER", marker.clone());
        world.write("harness.py", AGENT);
        for at in 0..scenarios {
            // Each has a repository and a number of issues of its own.
            let (repo, count) = (format!("repo-{at}"), at % 3 + 1);
            let text = format!(
                "# Scenario {at}\n\n## Setup\n\n```yaml\nactor: me\nusers: [{{login: me}}]\n\
                 repos: [{{full_name: me/{repo}}}]\n\
                 issues: [{{repo: me/{repo}, number: 1, title: First, user: me}}]\n```\n\n\
                 ## Prompt\n\n{repo} {count}\n\n## Success Criteria\n\n\
                 - [D] All are new: `size(diff.github.issues.added) == {count}`\n\
                 - [D] None is another's: `github.issues.all(i, i.title == \"First\" \
                 || i.title.startsWith(\"{repo} \"))`\n\n\
                 ## Config\n\nclones: github\n"
            );
            world.write(format!("all/s{at:03}.md"), &text);
        }
        Self {
            world,
            marker,
            scenarios,
            runs,
        }
    }

    fn arguments(&self, jobs: &str) -> Vec<String> {
        let all = [
            "run",
            "all",
            "--harness",
            "harness.py",
            "-o",
            "json",
            "--jobs",
            jobs,
            "-n",
        ];
        let mut all: Vec<String> = all.map(str::to_owned).into();
        all.push(self.runs.to_string());
        all
    }

    /// Runs archal to its end, however long that takes, and gives back its document.
    fn run(&self, arguments: &[String]) -> Value {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let command = self.world.command(&arguments).output();
        let output = command.expect("the built binary");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        serde_json::from_slice(&output.stdout).expect("one document")
    }

    /// What each scenario leaves when its runs are alone: a hash of the state at the end of each.
    fn states(&self, document: &Value) -> BTreeMap<String, BTreeSet<String>> {
        let mut states: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for result in results(document) {
            let run = result["runId"].as_str().expect("an id");
            assert_eq!(result["status"], "passed", "{result}");
            let folder = self.world.repo().join(".archal/cache/runs").join(run);
            let state = fs::read(folder.join("state-after.json")).expect("evidence");
            let calls = fs::read(folder.join("calls.jsonl")).expect("evidence");
            let scenario = result["scenario"].as_str().expect("an id").to_owned();
            let both = format!("{} {}", hash::sha256(&state), hash::sha256(&calls));
            states.entry(scenario).or_default().insert(both);
        }
        assert_eq!(states.len(), self.scenarios);
        states
    }

    /// How often each run was begun.
    fn begun(&self) -> BTreeMap<String, usize> {
        let log = fs::read_to_string(self.world.repo().join("log")).unwrap_or_default();
        log.lines().fold(BTreeMap::new(), |mut begun, run| {
            *begun.entry(run.to_owned()).or_default() += 1;
            begun
        })
    }

    /// The runs that have a result, and how often each was begun until it had.
    fn finished(&self) -> BTreeMap<String, usize> {
        let runs = self.world.repo().join(".archal/cache/runs");
        let mut begun = self.begun();
        begun.retain(|run, _| runs.join(run).join("result.json").exists());
        begun
    }

    fn until_still(&self) {
        until("nothing runs", || {
            let left = processes_with(&self.marker);
            left.is_empty().then_some(()).ok_or(left.join("\n"))
        });
    }
}

/// Scenarios and the runs of each.
#[expect(
    clippy::disallowed_methods,
    reason = "how much is for the caller of the tests to say"
)]
fn size() -> (usize, usize) {
    let text = std::env::var("ARCHAL_TEST_SUITE").unwrap_or("8x2".to_owned());
    let (scenarios, runs) = text.split_once('x').expect("scenarios x runs");
    (
        scenarios.parse().expect("a number"),
        runs.parse().expect("a number"),
    )
}

#[test]
fn at_once_and_killed_each_run_comes_to_what_it_comes_to_alone() {
    let stage = Stage::new("suite");
    let mut alone = stage.arguments("1");
    let last = alone.len() - 1;
    "1".clone_into(&mut alone[last]);
    let document = stage.run(&alone);
    let expected = stage.states(&document);
    assert!(expected.values().all(|states| states.len() == 1));

    let began = Instant::now();
    let document = stage.run(&stage.arguments("2"));
    let took = began.elapsed();
    let order: Vec<u64> = results(&document)
        .iter()
        .map(|result| result["index"].as_u64().expect("a number"))
        .collect();
    let in_order: Vec<u64> = (0..stage.scenarios)
        .flat_map(|_| 1..=stage.runs as u64)
        .collect();
    assert_eq!(order, in_order);
    assert_eq!(stage.states(&document), expected);
    assert_eq!(processes_with(&stage.marker), Vec::<String>::new());

    let document = killed(&stage, took);
    assert_eq!(stage.states(&document), expected);
    let total = stage.scenarios * stage.runs;
    assert_eq!(results(&document).len(), total);
    // Nothing but evidence, plans and summaries is left.
    let runs = names(&stage.world.repo().join(".archal/cache/runs"));
    assert_eq!(runs.len(), stage.scenarios + 2 * total);
    for suite in names(&suites(&stage.world)) {
        let mut left = names(&suites(&stage.world).join(suite));
        left.sort();
        assert_eq!(left, ["lock", "suite.json", "summary.json"]);
    }
}

/// Runs the suite once more and kills it again and again; what it comes to in the end.
fn killed(stage: &Stage, took: Duration) -> Value {
    let kills = number("ARCHAL_TEST_KILLS").unwrap_or(KILLS);
    let mut dice = Dice::new();
    let seed = dice.seed();
    let mut arguments = stage.arguments("2");
    let before = names(&suites(&stage.world));
    let mut finished = stage.finished();
    let mut killed = 0;
    while killed < kills {
        // So short that the suite outlives its kills.
        let life = took * 4 / 5 / u32::try_from(kills).expect("few");
        let life = dice.share(life * 2, 100);
        let refs: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = stage.world.command(&refs);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().expect("the built binary");
        let deadline = Instant::now() + life;
        while Instant::now() < deadline {
            std::thread::park_timeout(deadline - Instant::now());
        }
        child.kill().expect("my own child");
        child.wait().expect("my own child");
        killed += 1;
        stage.until_still();
        never_again(stage, &finished, seed);
        finished = stage.finished();
        // Killed before its plan was written, there is nothing to go on with.
        let begun = names(&suites(&stage.world)).into_iter().find(|suite| {
            let folder = suites(&stage.world).join(suite);
            !before.contains(suite) && folder.join("suite.json").exists()
        });
        if let Some(suite) = begun {
            let all = ["run", "--resume", &suite, "-o", "json", "--jobs", "2"];
            arguments = all.map(str::to_owned).into();
        }
    }
    let document = stage.run(&arguments);
    never_again(stage, &finished, seed);
    assert!(
        document["resumed"].as_u64().is_some_and(|runs| runs > 0),
        "seed {seed}"
    );
    document
}

/// Holds that runs that were finished have not been begun since.
fn never_again(stage: &Stage, finished: &BTreeMap<String, usize>, seed: u64) {
    let begun = stage.begun();
    for (run, times) in finished {
        assert_eq!(&begun[run], times, "{run} was finished, seed {seed}");
    }
}
