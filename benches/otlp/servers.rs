//! What is measured: archal's own source, and those that others publish.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A server at work; it ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    /// Where it takes spans.
    pub(crate) at: SocketAddr,
}

impl Server {
    /// Starts a command and waits until something listens there.
    fn start(mut command: Command, at: SocketAddr, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log);
        let out = out.expect("a log");
        let begun = Instant::now();
        let process = command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a log"))
            .stderr(out)
            .spawn()
            .expect("it starts");
        let mut server = Self { process, at };
        while TcpStream::connect(at).is_err() {
            let ended = server.process.try_wait().expect("my own child");
            let log = || fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none(), "it ended with {ended:?}: {}", log());
            assert!(begun.elapsed() < PATIENCE, "it does not listen: {}", log());
            thread::sleep(LOOK);
        }
        server
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, and waits.
    pub(crate) fn end(mut self) {
        let asked = Command::new("kill")
            .args(["-INT", &self.pid().to_string()])
            .status();
        assert!(asked.expect("kill").success());
        let begun = Instant::now();
        while self.process.try_wait().expect("my own child").is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("a port")
}

/// A repository with a source that is registered.
pub(crate) struct Archal {
    folder: tempfile::TempDir,
    binary: PathBuf,
}

impl Archal {
    /// A new one.
    pub(crate) fn new(binary: PathBuf) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("archal-bench-")
            .tempdir()
            .expect("a temporary folder");
        for name in ["home", "repo", "traces"] {
            fs::create_dir(folder.path().join(name)).expect("new");
        }
        let mut git = Command::new("git");
        git.args(["init", "--quiet"])
            .arg(folder.path().join("repo"));
        assert!(git.status().expect("git").success());
        Self { folder, binary }
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("HOME", self.folder().join("home"))
            .arg("trace-source")
            .args(arguments)
            .arg("--repo")
            .arg(self.folder().join("repo"));
        command
    }

    /// Serves, giving traces out that were quiet for so long.
    pub(crate) fn serve(&self, settle: &str) -> Server {
        let (http, grpc) = (free(), free());
        let traces = self.folder().join("traces").display().to_string();
        let options = [
            format!("listen={http}"),
            format!("grpcListen={grpc}"),
            format!("settle={settle}"),
        ];
        let mut arguments = vec!["connect", "otel", "--name", "bench", "--trace-dir", &traces];
        for option in &options {
            arguments.extend(["--option", option]);
        }
        let output = self.command(&arguments).output().expect("the binary");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let log = self.folder().join("log");
        Server::start(self.command(&["serve", "bench"]), http, &log)
    }

    /// Bytes of the log of requests.
    pub(crate) fn spool(&self) -> u64 {
        let folder = self.folder().join("repo/.archal/spool/bench");
        let entries = fs::read_dir(folder).expect("a spool");
        let files = entries.filter_map(|entry| entry.ok()?.metadata().ok());
        files.map(|file| file.len()).sum()
    }
}

/// Batch files as they come.
#[derive(Default)]
pub(crate) struct Batches {
    seen: BTreeSet<PathBuf>,
    /// Spans of each trace, in its newest file.
    spans: BTreeMap<String, usize>,
    /// When the last file was written.
    pub(crate) last: Option<SystemTime>,
    /// Bytes of all.
    pub(crate) bytes: u64,
}

#[derive(Deserialize)]
struct Batch {
    traces: Vec<Trace>,
}

#[derive(Deserialize)]
struct Trace {
    id: String,
    spans: Vec<IgnoredAny>,
}

impl Batches {
    /// Waits until so many spans stand in batch files.
    pub(crate) fn until(&mut self, folder: &Path, spans: u64) {
        let begun = Instant::now();
        loop {
            self.look(folder);
            let there: usize = self.spans.values().sum();
            if there as u64 >= spans {
                return;
            }
            let most = PATIENCE + Duration::from_millis(spans / 2);
            assert!(begun.elapsed() < most, "{there} of {spans} spans");
            thread::sleep(LOOK);
        }
    }

    fn look(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("mine") {
            let path = entry.expect("an entry").path();
            // What begins with a dot is being written.
            let is_batch = path
                .extension()
                .is_some_and(|extension| extension == "jsonl")
                && path
                    .file_name()
                    .is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
            if !is_batch || !self.seen.insert(path.clone()) {
                continue;
            }
            let bytes = fs::read(&path).expect("mine");
            self.bytes += bytes.len() as u64;
            let written = fs::metadata(&path).and_then(|file| file.modified());
            self.last = self.last.max(written.ok());
            for line in bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let batch: Batch = serde_json::from_slice(line).expect("a batch");
                for trace in batch.traces {
                    self.spans.insert(trace.id, trace.spans.len());
                }
            }
        }
    }
}

/// Rotel, which drops what it has decoded.
pub(crate) fn rotel(python: &Path, folder: &Path) -> Server {
    let (http, grpc) = (free(), free());
    let mut found = fs::read_dir(python.join("lib")).expect("an environment");
    let packages = found.next().expect("a Python").expect("an entry").path();
    let mut command = Command::new(packages.join("site-packages/rotel/rotel-agent"));
    command
        .env_clear()
        .arg("start")
        .args(["--otlp-http-endpoint", &http.to_string()])
        .args(["--otlp-grpc-endpoint", &grpc.to_string()])
        .args(["--exporter", "blackhole"]);
    Server::start(command, http, &folder.join("rotel.log"))
}

/// Phoenix with its SQLite.
pub(crate) fn phoenix(python: &Path, folder: &Path) -> Server {
    let (http, grpc) = (free(), free());
    let mut command = Command::new(python.join("bin/phoenix"));
    command
        .env_clear()
        .env("HOME", folder)
        .env("PHOENIX_WORKING_DIR", folder)
        .env("PHOENIX_HOST", "127.0.0.1")
        .env("PHOENIX_PORT", http.port().to_string())
        .env("PHOENIX_GRPC_PORT", grpc.port().to_string())
        .env("PHOENIX_TELEMETRY_ENABLED", "false")
        .arg("serve");
    Server::start(command, http, &folder.join("phoenix.log"))
}

/// Waits until Phoenix has so many spans in its database, or for so long; how many there are.
pub(crate) fn persisted(folder: &Path, spans: u64, most: Duration) -> u64 {
    let begun = Instant::now();
    loop {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(folder.join("phoenix.db"), flags);
        let count = database.and_then(|database| {
            database.query_row("SELECT count(*) FROM spans", (), |row| row.get::<_, u64>(0))
        });
        // It is locked while it is written to.
        let count = count.unwrap_or_default();
        if count >= spans || begun.elapsed() > most {
            return count;
        }
        thread::sleep(LOOK * 10);
    }
}
