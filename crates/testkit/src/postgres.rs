//! A PostgreSQL of the system's own, gone with the process of tests that started it.
#![expect(
    clippy::missing_panics_doc,
    reason = "a broken test environment ends the test; that is what every function here does"
)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The password of its superuser `postgres` over TCP; over its socket nobody needs one.
pub const PASSWORD: &str = "correct horse";
/// The user as whom the server runs where tests run as root, which it refuses.
const NOBODY: u32 = 65_534;

/// A server on a port of the loopback.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    /// Holds the pipe with whose end the server is stopped.
    _watch: Child,
}

/// A program of the server's: where Debian has them, else where all programs are.
fn program(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

/// What it said; an error where it did not go well.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .expect("the programs of PostgreSQL: cargo xtask test");
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(told(&output.stdout))
    } else {
        Err(told(&output.stderr))
    }
}

impl Postgres {
    /// Starts one. Its folder has these files, which the server alone may read; `settings` says
    /// what holds besides, by the folder.
    pub fn start(files: &[(&str, &str)], settings: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("archal-pg-")
            .tempdir_in("/tmp")
            .expect("a folder")
            .keep();
        for (name, text) in files.iter().chain(&[("password", PASSWORD)]) {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
            if is_root() {
                chown(&path, Some(NOBODY), Some(NOBODY)).expect("an owner");
            }
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
        if is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        let data = folder.join("data");
        let made = run(command(&program("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=postgres",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg("--pwfile")
            .arg(folder.join("password")));
        made.expect("initdb");
        let settings = settings(&folder);
        // Somebody else may take the port before the server does.
        let port = (0..5).find_map(|_| {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a port")
                .port();
            let settings = format!(
                "-p {port} -k {} -h 127.0.0.1 -c fsync=off -c full_page_writes=off -c max_connections=60 \
                 -c shared_buffers=64MB {settings}",
                folder.display()
            );
            // What it leaves running has to hold no pipe.
            let started = command(&program("pg_ctl"))
                .args(["start", "--wait", "--silent", "--pgdata"])
                .arg(&data)
                .arg("--log")
                .arg(folder.join("log"))
                .arg("--options")
                .arg(settings)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            let is_started = started.is_ok_and(|status| status.success());
            is_started.then_some(port)
        });
        let watch = command(Path::new("/bin/sh"))
            .args(["-c", "read -r _; \"$0\" stop --mode=immediate --silent --pgdata \"$1/data\"; rm -rf \"$1\""])
            .arg(program("pg_ctl"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a watch");
        Self {
            port: port.expect("PostgreSQL starts"),
            folder,
            _watch: watch,
        }
    }

    /// Where its files and its socket are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection string over its socket.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!(
            "host={} port={} user={user} dbname={database}",
            self.folder.display(),
            self.port
        )
    }

    /// What statements answer, as `psql` writes it: a line for each row.
    pub fn asked(&self, database: &str, statements: &str) -> String {
        let asked = run(command(&program("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--command", statements])
            .arg(self.url("postgres", database)));
        asked.expect(statements)
    }
}
