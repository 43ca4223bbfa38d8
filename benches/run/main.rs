//! What `archal run` adds to the agent: wall and processor time of a run, measured on the release
//! binary with an agent that does nothing and one that makes calls; runs a second; and two tests
//! beside promptfoo, where it is there.
//!
//! `cargo xtask bench run`; `-- --runs N` runs for each figure, `--promptfoo FOLDER` a folder with
//! promptfoo installed by npm, `--binary FILE` to measure another archal.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

#[path = "../attach/machine.rs"]
mod machine;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use machine::{Memory, memory, millis, processor, spread};
use serde_json::Value;

/// Runs for each figure, unless somebody asks for more.
const RUNS: u64 = 200;
/// Calls the busy agent makes.
const CALLS: u64 = 200;
/// Repeats of the two tests.
const REPEATS: usize = 10;
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(2);

/// Makes calls over one connection, as SDKs do.
const BUSY: &str = r#"
import http.client, os, ssl
connection = http.client.HTTPSConnection("api.github.com", context=ssl.create_default_context())
for _ in range(int(os.environ["AGENT_TASK"])):
    connection.request("GET", "/repos/octocat/hello-service/issues/1",
        headers={"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"], "User-Agent": "bench"})
    answer = connection.getresponse()
    assert len(answer.read()) > 100 and answer.status == 200
"#;

fn main() {
    let runs = option("--runs").and_then(|runs| runs.parse().ok());
    let runs = runs.unwrap_or(RUNS);
    println!("archal run, release build");
    let world = World::new();
    machine::tell(world.root.path());
    overhead(&world, runs);
    calls(&world);
    throughput(&world, runs);
    two_tests(&world);
}

/// The text after an option.
fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// A folder with scenarios and agents.
struct World {
    root: tempfile::TempDir,
    binary: PathBuf,
}

/// What a process took.
struct Took {
    wall: Duration,
    /// Processor time of the process itself, in seconds.
    own: f64,
    /// The same with that of every process it waited for.
    all: f64,
    /// Its memory when it was last looked at.
    memory: Memory,
    stdout: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let root = tempfile::Builder::new().prefix("archal-bench-").tempdir();
        let world = Self {
            root: root.expect("a temporary folder"),
            binary: option("--binary").map_or(env!("CARGO_BIN_EXE_archal").into(), PathBuf::from),
        };
        world.write("busy.py", BUSY);
        world.write("echo.sh", "echo hello\n");
        let ran = "- [D] `run.exitCode == 0`";
        world.write("idle.md", &scenario("1", ran, ""));
        let task = CALLS.to_string();
        world.write("idle-busy.md", &scenario("0", ran, "seed: small-project\n"));
        world.write("busy.md", &scenario(&task, ran, "seed: small-project\n"));
        let said = "- [D] `output.contains(\"hello\")`";
        world.write("two/one.md", &scenario("1", said, ""));
        world.write("two/other.md", &scenario("1", said, ""));
        world
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("new");
        fs::write(path, text).expect("writable");
    }

    /// Runs archal to its end, which is a good one.
    fn archal(&self, arguments: &[&str]) -> Took {
        let mut command = Command::new(&self.binary);
        command.arg("run").args(arguments);
        self.followed(command)
    }

    fn followed(&self, mut command: Command) -> Took {
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.path())
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(self.root.path().join("stdout")).expect("new"))
            .stderr(fs::File::create(self.root.path().join("stderr")).expect("new"));
        let begun = Instant::now();
        let mut child = command.spawn().expect("it starts");
        let pid = child.id();
        let (mut own, mut all) = (0.0, 0.0);
        let mut used = memory(pid);
        let status = loop {
            if let Some(status) = child.try_wait().expect("my own child") {
                break status;
            }
            // One that ended since is still there to be looked at: nobody has waited for it.
            own = processor(pid);
            all = own + processor_of_children(pid);
            let now = memory(pid);
            if now.peak >= used.peak {
                used = now;
            }
            thread::sleep(LOOK);
        };
        let wall = begun.elapsed();
        let said = fs::read_to_string(self.root.path().join("stderr")).unwrap_or_default();
        assert!(status.success(), "{command:?}: {said}");
        let stdout = fs::read(self.root.path().join("stdout")).expect("written");
        Took {
            wall,
            own,
            all,
            memory: used,
            stdout,
        }
    }
}

/// Processor time of the processes that a process has waited for, in seconds.
fn processor_of_children(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2);
    // A tick is a hundredth of a second on every Linux.
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn scenario(task: &str, check: &str, config: &str) -> String {
    format!(
        "# Bench\n\n## Prompt\n\n{task}\n\n## Success Criteria\n\n{check}\n\n## Config\n\n\
         clones: github\n{config}"
    )
}

/// The figures of each run, as the runs themselves say them.
fn overheads(document: &[u8]) -> Vec<Duration> {
    let document: Value = serde_json::from_slice(document).expect("a document");
    let scenarios = document["scenarios"].as_array().expect("a list");
    scenarios
        .iter()
        .flat_map(|scenario| scenario["results"].as_array().expect("a list"))
        .map(|result| {
            let added = result["overheadMs"].as_f64().expect("a number");
            Duration::from_secs_f64(added / 1000.0)
        })
        .collect()
}

fn overhead(world: &World, runs: u64) {
    for route in ["isolated", "proxy"] {
        let count = runs.to_string();
        let took = world.archal(&[
            "idle.md",
            "--harness",
            "/bin/true",
            "--route",
            route,
            "-o",
            "json",
            "-q",
            "-n",
            &count,
        ]);
        println!("\nan agent that does nothing, {route}, {runs} runs");
        println!("added to a run   {}", spread(&mut overheads(&took.stdout)));
        let each = |seconds: f64| seconds * 1000.0 / runs as f64;
        println!(
            "whole command    {:.1} ms a run; processor {:.1} ms a run, {:.1} ms with its helpers and the agent",
            each(took.wall.as_secs_f64()),
            each(took.own),
            each(took.all)
        );
        println!(
            "memory           {:.1} MB resident at its end ({:.1} MB own), {:.1} MB at most",
            took.memory.resident, took.memory.own, took.memory.peak
        );
    }
}

/// Processor time of archal alone, with and without calls.
fn calls(world: &World) {
    let runs = 10;
    let count = runs.to_string();
    let arguments = |file| {
        [
            file,
            "--harness",
            "busy.py",
            "-o",
            "json",
            "-q",
            "-n",
            &count,
        ]
    };
    let idle = world.archal(&arguments("idle-busy.md"));
    let busy = world.archal(&arguments("busy.md"));
    let added = (busy.own - idle.own) * 1000.0 / (CALLS * runs) as f64;
    println!("\nan agent that makes {CALLS} calls, {runs} runs");
    println!("processor        {added:.3} ms a call, archal and clones");
    println!("added to a run   {}", spread(&mut overheads(&busy.stdout)));
}

fn throughput(world: &World, runs: u64) {
    println!("\n{runs} runs of an agent that does nothing");
    for jobs in ["1", "2", "4"] {
        let count = runs.to_string();
        let took = world.archal(&[
            "idle.md",
            "--harness",
            "/bin/true",
            "-o",
            "json",
            "-q",
            "--jobs",
            jobs,
            "-n",
            &count,
        ]);
        println!(
            "--jobs {jobs}         {:.1} runs/s, {:.1} MB at most",
            runs as f64 / took.wall.as_secs_f64(),
            took.memory.peak
        );
    }
}

/// Two tests of something that only says hello.
fn two_tests(world: &World) {
    println!("\ntwo tests of an echo, {REPEATS} times");
    told("archal run", || {
        world.archal(&["two", "--harness", "echo.sh", "-q"])
    });
    let Some(folder) = option("--promptfoo").map(PathBuf::from) else {
        println!("promptfoo        not measured: name a folder with --promptfoo");
        return;
    };
    world.write(
        "promptfooconfig.json",
        r#"{"prompts": ["{{word}}"], "providers": ["echo"], "tests": [
            {"vars": {"word": "hello one"}, "assert": [{"type": "contains", "value": "hello"}]},
            {"vars": {"word": "hello other"}, "assert": [{"type": "contains", "value": "hello"}]}]}"#,
    );
    let program = program(&folder);
    told("promptfoo eval", || {
        let mut command = Command::new("node");
        command
            .arg(&program)
            .args(["eval", "--no-cache", "--no-progress-bar", "--no-write"]);
        command.args(["-c", "promptfooconfig.json"]);
        for name in [
            "PROMPTFOO_DISABLE_TELEMETRY",
            "PROMPTFOO_DISABLE_UPDATE",
            "PROMPTFOO_DISABLE_REMOTE_GENERATION",
        ] {
            command.env(name, "1");
        }
        world.followed(command)
    });
}

/// The program of an installed package.
fn program(folder: &Path) -> PathBuf {
    let package = folder.join("node_modules/promptfoo");
    let text = fs::read_to_string(package.join("package.json")).expect("promptfoo is there");
    let text: Value = serde_json::from_str(&text).expect("a package");
    println!(
        "promptfoo        {}",
        text["version"].as_str().unwrap_or("?")
    );
    package.join(text["bin"]["promptfoo"].as_str().expect("a program"))
}

fn told(name: &str, mut run: impl FnMut() -> Took) {
    // The first one reads files that the others find in memory.
    run();
    let mut walls = Vec::new();
    let mut peak: f64 = 0.0;
    let mut processor = 0.0;
    for _ in 0..REPEATS {
        let took = run();
        processor += took.all / REPEATS as f64;
        walls.push(took.wall);
        peak = peak.max(took.memory.peak);
    }
    walls.sort();
    println!(
        "{name:<16} {:.0} ms median, {:.0} ms at most; processor {:.0} ms; \
         {peak:.0} MB at most",
        millis(walls[REPEATS / 2]),
        millis(walls[REPEATS - 1]),
        processor * 1000.0,
    );
}
