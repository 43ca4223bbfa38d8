//! A world in which archal is killed: the example agent with a child that would outlive it, a
//! directory of traces, and a command that is started again and again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::super::{git, world};

/// What a run of the agent says that it cost, in millionths of a US dollar.
pub(super) const RUN_COSTS: i64 = 10_000;
/// What the fixer says that it cost.
pub(super) const FIX_COSTS: i64 = 250_000;
/// How long anything may take that ends by itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// The world.
pub(super) struct Stage {
    pub(super) world: TestEnv,
    /// In the command line of whatever the agent leaves behind.
    mark: String,
    is_paid: bool,
}

/// How a command ended.
pub(super) enum End {
    /// By itself, with this exit code.
    Itself(Option<i32>),
    /// It was killed.
    Killed,
}

impl Stage {
    /// With the example agent; `is_paid` where agent and fixer say what they cost.
    pub(super) fn new(is_paid: bool) -> Self {
        let world = world();
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mark = format!("1000.{:020}", hasher.hash_one(world.repo()));
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
        copy(&example, &world.repo().join("agent"));
        let agent = world.read("agent/agent.py");
        let metrics = if is_paid {
            "with open(os.environ['AGENT_METRICS_FILE'], 'w') as said:\n    \
             said.write('{\"costUsd\": 0.01}')\n"
        } else {
            ""
        };
        // Started before anything else, in a session, an environment and a folder of its own.
        let before = format!(
            "import os, subprocess\n\
             null = subprocess.DEVNULL\n\
             subprocess.Popen(['sleep', '{mark}'], env={{}}, cwd='/', start_new_session=True, \
             stdin=null, stdout=null, stderr=null)\n{metrics}"
        );
        world.write("agent/agent.py", &format!("{before}{agent}"));
        let config = world.read("agent/.archal.json");
        let mut config: Value = serde_json::from_str(&config).expect("JSON");
        config["budget"] = serde_json::json!({ "perDayUsd": "none" });
        world.write("agent/.archal.json", &config.to_string());
        git(&world, "agent", &["init", "--quiet"]);
        git(&world, "agent", &["add", "--all"]);
        git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
        Self {
            world,
            mark,
            is_paid,
        }
    }

    /// Whether agent and fixer say what they cost.
    pub(super) fn is_paid(&self) -> bool {
        self.is_paid
    }

    /// The arguments of `attach` but for the mode.
    pub(super) fn attach<'a>(&self, traces: &'a str) -> Vec<&'a str> {
        let fix = if self.is_paid {
            "printf '{\"costUsd\": 0.25}' > \"$ARCHAL_USAGE_FILE\"; python3 fix.py"
        } else {
            "python3 fix.py"
        };
        let budget = if self.is_paid { "100000" } else { "none" };
        vec![
            "attach",
            traces,
            "--repo",
            "agent",
            "--json",
            "--execution-policy",
            "fix",
            "--reproduce-runs",
            "2",
            "--jobs",
            "1",
            "--budget-usd",
            budget,
            "--allow-external-execution",
            "--fix-command",
            fix,
        ]
    }

    /// The folder of everything.
    pub(super) fn root(&self) -> PathBuf {
        let home = self.world.home();
        home.parent().expect("a folder").to_owned()
    }

    /// archal's state in the repository.
    pub(super) fn state(&self) -> PathBuf {
        self.world.repo().join("agent/.archal")
    }

    /// The user's ledger.
    pub(super) fn ledger(&self) -> PathBuf {
        self.world.home().join(".local/state/archal/ledger.db")
    }

    /// Forgets whatever archal did, but for the user's key: it gives secrets their names.
    pub(super) fn renew(&self) {
        for folder in [self.state(), self.world.home()] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    panic!("{}: {error}", folder.display())
                }
                _ => {}
            }
        }
        let folder = self.world.home().join(".local/state/archal");
        fs::create_dir_all(&folder).expect("new folders");
        fs::write(folder.join("redaction.key"), [7; 32]).expect("writable");
    }

    /// Runs a command, and kills archal (nothing else) after `life` where it has not ended by
    /// then.
    pub(super) fn run(&self, arguments: &[&str], life: Option<Duration>) -> End {
        let mut running = Running::start(self, arguments);
        match running.ended.recv_timeout(life.unwrap_or(PATIENCE)) {
            Err(RecvTimeoutError::Timeout) => {
                running.child.kill().expect("my own child");
                running.child.wait().expect("my own child");
                assert!(life.is_some(), "{arguments:?} did not end in {PATIENCE:?}");
                End::Killed
            }
            _ => {
                let status = running.child.wait().expect("my own child");
                End::Itself(status.code())
            }
        }
    }

    /// How many attempts were begun.
    pub(super) fn attempts(&self) -> usize {
        let path = self.state().join("state.db");
        let state = rusqlite::Connection::open(path).expect("a database");
        let count = "SELECT count(*) FROM attempts";
        state
            .query_row(count, [], |row| row.get(0))
            .expect("a number")
    }

    /// What the command wrote to stderr when it ran last.
    pub(super) fn stderr(&self) -> String {
        fs::read_to_string(self.stderr_file()).unwrap_or_default()
    }

    fn stderr_file(&self) -> PathBuf {
        self.root().join("stderr")
    }

    /// Every process that belongs to this world, by what it was started with or where it is.
    pub(super) fn processes(&self) -> Vec<String> {
        let root = self.root().display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("readable").flatten() {
            let folder = entry.path();
            let text = |name: &str| {
                let bytes = fs::read(folder.join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            let command = text("cmdline");
            let place = fs::read_link(folder.join("cwd")).unwrap_or_default();
            let is_ours = command.contains(&self.mark)
                || command.contains(&root)
                || place.starts_with(&root)
                || text("environ").contains(&root);
            if is_ours {
                found.push(format!("{} {command}", entry.file_name().display()));
            }
        }
        found
    }

    /// Waits until a process that is nobody's child here has given back whatever it had.
    pub(super) fn until_dead(&self, id: i32) {
        until("it is dead", || {
            let status = fs::read_to_string(format!("/proc/{id}/stat"));
            let after = status
                .as_deref()
                .ok()
                .and_then(|text| text.rsplit_once(") "));
            match after {
                Some((_, rest)) if !rest.starts_with(['Z', 'X']) => Err(rest.to_owned()),
                _ => Ok(()),
            }
        });
        self.until_still();
    }

    /// Waits until nothing of this world runs.
    pub(super) fn until_still(&self) {
        until("nothing runs", || {
            let left = self.processes();
            left.is_empty().then_some(()).ok_or(left.join("\n"))
        });
    }

    /// Every file and folder of this world that no trace gave, by name.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let root = self.root();
        let mut found = BTreeSet::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("readable") {
                let entry = entry.expect("readable");
                let path = entry.path();
                let name = path.strip_prefix(&root).expect("below").display();
                found.insert(name.to_string());
                if entry.file_type().expect("known").is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }
}

struct Running {
    child: Child,
    /// Closed when stdout is: at its end.
    ended: Receiver<()>,
}

impl Running {
    fn start(stage: &Stage, arguments: &[&str]) -> Self {
        let mut command = stage.world.command(arguments);
        let stderr = File::create(stage.stderr_file()).expect("writable");
        command.stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().expect("the built binary");
        let mut pipe = child.stdout.take().expect("piped");
        let (working, ended) = mpsc::channel();
        thread::spawn(move || {
            std::io::copy(&mut pipe, &mut std::io::sink()).expect("a readable pipe");
            drop(working);
        });
        Self { child, ended }
    }
}

/// Waits for something that comes by itself; what is in the way is told where it does not.
pub(in super::super) fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) => assert!(Instant::now() < deadline, "{what}: not yet\n{why}"),
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
