//! Two watchers and a pass in the foreground at once, on one user's money: together they never
//! take more than the cap of the day, and what was paid is not paid again.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use archal::budget::amount::Usd;
use archal::budget::entry::{Entry, State, repo_name};
use archal::budget::ledger::Ledger;
use archal::budget::summary::{Selection, day_of};
use archal::host::lock::WatcherLock;
use archal::sandbox::StopToken;
use archal::store::layout::Layout;
use archal_core::clock::Timestamp;
use archal_testkit::cli::{Output, TestEnv};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{git, world};

const REPOS: [&str; 3] = ["one", "two", "three"];
const TRACE: &str = "traces/2026-11-20-sweep.otlp.json";
/// What three jobs cost together is more: the cap is met in their midst.
const CAP: i64 = 1_500_000;
/// What the trace's tokens cost, which each run of the agent reserves.
const ESTIMATE: i64 = 100_000;
/// What the agent says that a run cost, and the fixer.
const RUN: i64 = 80_000;
const FIX: i64 = 400_000;
/// A bound for everything that is waited for.
const LATEST: Duration = Duration::from_secs(110);
const FIXER: &str = r#"python3 fix.py && printf '{"costUsd": 0.4}' > "$ARCHAL_USAGE_FILE""#;
/// The paid steps of a job.
const STEPS: [&str; 10] = [
    "after/close-stale-issues/1",
    "before/close-stale-issues/1",
    "fixer/1",
    "green/1",
    "green/2",
    "held-back-base/1/1",
    "held-back/1",
    "regression/1",
    "reproduce/1",
    "reproduce/2",
];

/// Three repositories of one user, and the ledger.
struct Three {
    world: TestEnv,
    /// Watchers that were started.
    started: Vec<i32>,
}

impl Drop for Three {
    fn drop(&mut self) {
        for pid in &self.started {
            // One that has ended is gone.
            kill(Pid::from_raw(*pid), Signal::SIGKILL).ok();
        }
    }
}

impl Three {
    fn new() -> Self {
        let world = world();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
        for repo in REPOS {
            let copied = Command::new("cp")
                .arg("-R")
                .args([&example, &world.repo().join(repo)])
                .status();
            assert!(copied.is_ok_and(|status| status.success()));
            let agent = world.read(format!("{repo}/agent.py"));
            let first = "    task = os.environ.get(\"AGENT_TASK\", \"\")\n";
            let paid = "    with open(os.environ[\"AGENT_METRICS_FILE\"], \"w\") as metrics:\n        \
                        json.dump({\"costUsd\": 0.08}, metrics)\n";
            assert!(agent.contains(first));
            let agent = agent.replace(first, &format!("{paid}{first}"));
            world.write(format!("{repo}/agent.py"), &agent);
            let path = format!("{repo}/{TRACE}");
            let trace = with_a_call(&world.read(&path));
            world.write(&path, &trace);
            let three = ["init --quiet", "add --all", "commit --quiet -m first"];
            set_cap(&world, repo, json!(1.5));
            for command in three {
                let words: Vec<&str> = command.split(' ').collect();
                git(&world, repo, &words);
            }
        }
        Self {
            world,
            started: Vec::new(),
        }
    }

    fn repo(&self, repo: &str) -> PathBuf {
        self.world.repo().join(repo)
    }

    fn arguments(repo: &str, more: &[&str]) -> Vec<String> {
        let mut words: Vec<String> = ["attach", &format!("{repo}/traces"), "--repo", repo]
            .map(str::to_owned)
            .into();
        let fix = ["--reproduce-runs", "2", "--allow-external-execution"];
        let fixer = ["--fix-command", FIXER, "--json"];
        words.extend(
            fix.iter()
                .chain(&fixer)
                .chain(more)
                .map(|&word| word.to_owned()),
        );
        words
    }

    fn run(&self, words: &[String]) -> Output {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.world.run(&words)
    }

    /// Attaches a repository in the background; gives the watcher's process.
    fn attach(&mut self, repo: &str) -> i32 {
        let output = self.run(&Self::arguments(repo, &[]));
        assert_eq!(output.code, Some(0), "{output}");
        let pid = output.json()["pid"].as_i64().expect("a process");
        let pid = i32::try_from(pid).expect("a process");
        self.started.push(pid);
        pid
    }

    fn ledger(&self) -> PathBuf {
        self.world.home().join(".local/state/archal/ledger.db")
    }

    /// The entries of a repository, oldest first.
    fn entries(&self, repo: &str) -> Vec<Entry> {
        let selection = Selection {
            repo: Some(repo_name(&self.repo(repo))),
            ..Selection::default()
        };
        let ledger = Ledger::existing(&self.ledger()).expect("readable");
        let mut entries = ledger.map_or_else(Vec::new, |ledger| {
            ledger.entries(&selection).expect("readable")
        });
        entries.reverse();
        entries
    }

    fn status(&self, repo: &str) -> Value {
        let output = self.world.run(&["attach-status", "--repo", repo, "--json"]);
        assert_eq!(output.code, Some(0), "{output}");
        output.json()
    }

    fn job(&self, repo: &str) -> Value {
        self.status(repo)["newest"][0].clone()
    }

    /// The job of a repository once it is at its end or waits for money.
    fn settled(&self, repo: &str) -> Value {
        let mut job = Value::Null;
        until(&format!("the job of {repo} is settled"), || {
            job = self.job(repo);
            !matches!(job["status"].as_str(), None | Some("queued" | "running"))
        });
        job
    }
}

/// The trace with one call of a model, whose tokens cost [`ESTIMATE`].
fn with_a_call(trace: &str) -> String {
    let mut trace: Value = serde_json::from_str(trace).expect("JSON");
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    let root = spans
        .iter()
        .find(|span| span["name"] == "invoke_agent issue-janitor")
        .expect("a root")
        .clone();
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    spans.push(json!({
        "traceId": root["traceId"],
        "spanId": "00f067aa0ba902b7",
        "parentSpanId": root["spanId"],
        "name": "chat gpt-5",
        "kind": 3,
        "startTimeUnixNano": root["startTimeUnixNano"],
        "endTimeUnixNano": root["startTimeUnixNano"],
        "attributes": [
            attribute("gen_ai.operation.name", json!({"stringValue": "chat"})),
            attribute("gen_ai.request.model", json!({"stringValue": "gpt-5"})),
            attribute("gen_ai.usage.input_tokens", json!({"intValue": "40000"})),
            attribute("gen_ai.usage.output_tokens", json!({"intValue": "5000"})),
        ],
    }));
    trace.to_string()
}

fn set_cap(world: &TestEnv, repo: &str, cap: Value) {
    let path = format!("{repo}/.archal.json");
    let mut config: Value = serde_json::from_str(&world.read(&path)).expect("JSON");
    config["budget"] = json!({"perTraceUsd": 2, "perDayUsd": cap});
    world.write(&path, &config.to_string());
}

/// Waits for what must come true.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let latest = Instant::now() + LATEST;
    while !is_so() {
        assert!(Instant::now() < latest, "{what}: it did not come to that");
        StopToken::new().wait(Duration::from_millis(20));
    }
}

/// What everything takes from the cap of the day, as often as it can be asked, until `is_over`;
/// gives the most, and how often it was asked.
fn most_taken(ledger: &Path, is_over: &AtomicBool) -> (i64, usize) {
    let (mut most, mut asked) = (0, 0);
    while !is_over.load(Ordering::SeqCst) {
        let found = Ledger::existing(ledger).expect("readable");
        if let Some(ledger) = found {
            let entries = ledger.entries(&Selection::default()).expect("readable");
            most = most.max(taken(&entries));
            asked += 1;
        }
        StopToken::new().wait(Duration::from_millis(2));
    }
    (most, asked)
}

/// Charged and reserved, together.
fn taken(entries: &[Entry]) -> i64 {
    entries.iter().map(|entry| entry.counted_usd.micros()).sum()
}

/// Stops a watcher between two instructions while it has something reserved, and kills it there.
/// Gives what was reserved.
fn kill_in_an_attempt(three: &Three, repo: &str, pid: i32) -> Vec<String> {
    let pid = Pid::from_raw(pid);
    let mut reserved = Vec::new();
    until("an attempt is under way", || {
        kill(pid, Signal::SIGSTOP).expect("my own watcher");
        reserved = three
            .entries(repo)
            .into_iter()
            .filter(|entry| entry.state == State::Reserved)
            .map(|entry| entry.attempt)
            .collect();
        if reserved.is_empty() {
            kill(pid, Signal::SIGCONT).expect("my own watcher");
        }
        !reserved.is_empty()
    });
    kill(pid, Signal::SIGKILL).expect("my own watcher");
    let layout = Layout::of(&three.repo(repo), None);
    until("the killed watcher holds nothing", || {
        !WatcherLock::is_held(&layout).expect("readable")
    });
    reserved
}

#[test]
fn two_watchers_and_a_pass_at_once_stay_below_the_cap_of_the_day() {
    let mut three = Three::new();
    let is_over = AtomicBool::new(false);
    let ledger = three.ledger();
    let (most, asked) = thread::scope(|scope| {
        let sampler = scope.spawn(|| most_taken(&ledger, &is_over));
        // Whatever fails in here, the sampler has to end.
        let over = Over(&is_over);
        let words = Three::arguments("three", &["--once", "--foreground"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let pass = three.world.command(&words).spawn().expect("archal");
        let killed = three.attach("one");
        three.attach("two");
        let reserved = kill_in_an_attempt(&three, "one", killed);
        three.attach("one");
        let settled = three.entries("one");
        for attempt in &reserved {
            let entry = settled.iter().find(|entry| &entry.attempt == attempt);
            let entry = entry.expect("it stays in the ledger");
            assert_ne!(entry.state, State::Reserved, "{entry:?}");
            assert!(
                entry.interrupted || entry.state == State::Released,
                "{entry:?}"
            );
        }
        let jobs = ["one", "two"].map(|repo| three.settled(repo));
        let code = pass.wait_with_output().expect("my own child").status.code();
        let third = three.job("three");
        let expected = match third["status"].as_str() {
            Some("waiting_budget") => 5,
            _ => 0,
        };
        assert_eq!(code, Some(expected), "{third}");
        let jobs = [&jobs[0], &jobs[1], &third];
        let waiting = jobs.iter().filter(|job| job["status"] == "waiting_budget");
        assert!(waiting.count() >= 2, "{jobs:?}");
        for job in jobs {
            let (status, reason) = (&job["status"], job["reason"].as_str().expect("text"));
            if status == "waiting_budget" {
                assert!(
                    reason.contains("the budget of the day is used up"),
                    "{reason}"
                );
                assert!(reason.contains("of $1.50"), "{reason}");
                assert!(reason.contains("budget.perDayUsd"), "{reason}");
                assert!(reason.contains("archal attach "), "{reason}");
            } else {
                assert_eq!(status, "fixed", "{job}");
            }
        }
        drop(over);
        sampler.join().expect("no panic")
    });
    assert!(asked > 100, "the ledger was asked {asked} times");
    assert!(most <= CAP, "{most} of {CAP} were taken");
    // So much was taken that not even a run of the agent could follow, or no fixer.
    assert!(most > CAP - FIX - 2 * ESTIMATE, "{most}");
    let budget = three.status("two")["budget"].clone();
    assert_eq!(budget["perDayUsd"], json!(1.5), "{budget}");
    assert_eq!(budget["reservedUsd"], json!(0), "nothing runs: {budget}");

    // With more money everything goes on where it was.
    for repo in REPOS {
        set_cap(&three.world, repo, json!(50));
    }
    three.attach("one");
    three.attach("two");
    let pass = three.run(&Three::arguments("three", &["--once", "--foreground"]));
    assert_eq!(pass.code, Some(0), "{pass}");
    let third = pass.json()["jobs"][0].clone();
    assert_eq!(third["status"], "fixed", "{third}");
    for repo in ["one", "two"] {
        let mut job = Value::Null;
        until(&format!("{repo} is fixed"), || {
            job = three.job(repo);
            !matches!(
                job["status"].as_str(),
                None | Some("queued" | "running" | "waiting_budget")
            )
        });
        assert_eq!(job["status"], "fixed", "{job}");
    }
    for repo in REPOS {
        paid_once(&three, repo);
    }
    for repo in ["one", "two"] {
        let output = three.world.run(&["detach", "--all", "--repo", repo]);
        assert_eq!(output.code, Some(0), "{output}");
    }
}

#[test]
fn two_watchers_and_a_preprod_run_at_once_stay_below_the_cap_of_the_day() {
    let mut three = Three::new();
    // A cap that is set later is no other agent.
    let unchanged = ["update-index", "--assume-unchanged", ".archal.json"];
    git(&three.world, "three", &unchanged);
    // What a run costs is known beforehand: the scenario was run here before.
    let warm = three.world.run(&["run", "-c", "three/.archal.json"]);
    assert_eq!(warm.code, Some(1), "{warm}");
    let is_over = AtomicBool::new(false);
    let ledger = three.ledger();
    let words = [
        "preprod",
        "run",
        "-c",
        "three/.archal.json",
        "--artifacts",
        "out",
        "--fix-command",
        FIXER,
        "--allow-external-execution",
        "--budget-usd",
        "2",
        "--json",
    ];
    let (most, asked) = thread::scope(|scope| {
        let sampler = scope.spawn(|| most_taken(&ledger, &is_over));
        let over = Over(&is_over);
        let preprod = three.world.command(&words).spawn().expect("archal");
        three.attach("one");
        three.attach("two");
        let jobs = ["one", "two"].map(|repo| three.settled(repo));
        let ended = preprod.wait_with_output().expect("my own child");
        let result: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        let waiting = jobs.iter().filter(|job| job["status"] == "waiting_budget");
        let is_denied = result["stopReason"] == "cost_reservation_denied";
        let expected = if is_denied { 5 } else { 0 };
        assert_eq!(ended.status.code(), Some(expected), "{result}");
        if is_denied {
            let why = result["explanation"].as_str().expect("text");
            assert!(why.contains("the budget of the day is used up"), "{why}");
        }
        // Three fixers and their runs cost more than the cap.
        assert!(
            waiting.count() + usize::from(is_denied) >= 2,
            "{jobs:?} {result}"
        );
        drop(over);
        sampler.join().expect("no panic")
    });
    assert!(asked > 100, "the ledger was asked {asked} times");
    assert!(most <= CAP, "{most} of {CAP} were taken");
    assert!(most > FIX, "{most}");

    // With more money it goes on where it was, and pays nothing again.
    for repo in REPOS {
        set_cap(&three.world, repo, json!(50));
    }
    let output = three.run(&words.map(str::to_owned));
    assert_eq!(output.code, Some(0), "{output}");
    let mut whole = BTreeMap::new();
    for entry in three.entries("three") {
        assert_ne!(entry.state, State::Reserved, "{entry:?}");
        let cost = entry.cost_usd.map(Usd::micros).unwrap_or_default();
        if entry.kind == "fix" {
            assert_eq!(cost, FIX, "{entry:?}");
        }
        *whole.entry(entry.kind).or_insert(0) += 1;
    }
    assert_eq!(whole.get("fix"), Some(&1), "{whole:?}");
    for repo in ["one", "two"] {
        let output = three.world.run(&["detach", "--all", "--repo", repo]);
        assert_eq!(output.code, Some(0), "{output}");
    }
}

/// Each step has one end that is paid, and the commands agree on what it cost.
fn paid_once(three: &Three, repo: &str) {
    let name = three.job(repo)["name"].as_str().expect("a name").to_owned();
    let status = three
        .world
        .run(&["attach-status", &name, "--repo", repo, "--json"]);
    assert_eq!(status.code, Some(0), "{status}");
    let status = status.json();
    let attempts = status["attempts"].as_array().expect("a list");
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    let entries = three.entries(repo);
    assert_eq!(attempts.len(), entries.len(), "{attempts:?}");
    let (mut spent, mut cut_off) = (0, 0);
    for attempt in attempts {
        let id = attempt["id"].as_str().expect("an id");
        let entry = entries.iter().find(|entry| entry.attempt == id);
        let entry = entry.expect("it is in the ledger");
        let mut told: Entry = serde_json::from_value(attempt["money"].clone()).expect("an entry");
        // The world's folder has a name in outputs.
        told.repo.clone_from(&entry.repo);
        assert_eq!(&told, entry);
        let cost = entry.cost_usd.expect("known").micros();
        spent += cost;
        let step = attempt["step"].as_str().expect("a step");
        if attempt["state"] == "ended" {
            *ended.entry(step).or_default() += 1;
            assert_eq!(cost, if step == "fixer/1" { FIX } else { RUN }, "{entry:?}");
        } else {
            assert_eq!(attempt["state"], "interrupted");
            assert!(entry.interrupted, "{entry:?}");
            cut_off += 1;
        }
    }
    let steps: Vec<(&str, usize)> = STEPS.iter().map(|&step| (step, 1)).collect();
    assert_eq!(ended.into_iter().collect::<Vec<_>>(), steps, "{repo}");
    assert!(cut_off <= usize::from(repo == "one"), "{attempts:?}");
    let total: Usd = serde_json::from_value(status["spent"]["spentUsd"].clone()).expect("dollars");
    assert_eq!(total.micros(), spent);
    // `archal budget` of that day says the same of the project.
    let day = day_of(
        entries
            .first()
            .map_or(Timestamp::UNIX_EPOCH, |entry| entry.at),
    );
    let day = day.to_string();
    let budget = three
        .world
        .run(&["budget", "--repo", repo, "--day", &day, "--json"]);
    assert_eq!(budget.code, Some(0), "{budget}");
    let project = budget.json()["projects"][0].clone();
    let of_project: Usd = serde_json::from_value(project["spentUsd"].clone()).expect("dollars");
    assert_eq!(of_project.micros(), spent, "{project}");
}

/// Ends the sampling when it goes.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
