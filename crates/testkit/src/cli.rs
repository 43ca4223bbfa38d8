//! Runs the built binary in a world of its own: a temporary home and folder, a cleared
//! environment, no terminal, and an output in which machine paths are names.
#![expect(
    clippy::missing_panics_doc,
    reason = "a broken test environment ends the test; that is what every method here does"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// The programs of the system, in the same places for everybody.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A world for one test. Its folders vanish with it.
#[derive(Debug)]
pub struct TestEnv {
    root: TempDir,
    binary: PathBuf,
    variables: BTreeMap<String, String>,
}

impl TestEnv {
    /// A world around a binary: `TestEnv::new(env!("CARGO_BIN_EXE_archal"))`.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let root = tempfile::Builder::new()
            .prefix("archal-test-")
            .tempdir()
            .expect("a temporary folder");
        for folder in ["home", "repo", "bin"] {
            fs::create_dir(root.path().join(folder)).expect("a new folder");
        }
        let mut environment = Self {
            root,
            binary: binary.into(),
            variables: BTreeMap::new(),
        };
        let path = format!("{}:{PATH}", environment.bin().display());
        environment.set("PATH", path);
        environment.set("HOME", environment.home().display().to_string());
        environment.set("TMPDIR", environment.root.path().display().to_string());
        environment.set("LC_ALL", "C.UTF-8");
        environment
    }

    /// The working directory of commands: an empty folder that may become a repository.
    pub fn repo(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    /// The home directory.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The first folder of `PATH`, for fake programs.
    pub fn bin(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    /// Sets a variable for the commands that follow.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves only fake programs on `PATH`.
    pub fn without_system_programs(&mut self) -> &mut Self {
        let bin = self.bin().display().to_string();
        self.set("PATH", bin)
    }

    /// Puts the caller's own `PATH` behind the fake programs, for tests that need tools which
    /// `cargo xtask test` has made sure of.
    #[expect(
        clippy::disallowed_methods,
        reason = "what the caller has on PATH is what this asks for"
    )]
    pub fn with_callers_programs(&mut self) -> &mut Self {
        let callers = std::env::var_os("PATH").unwrap_or_default();
        let path = format!("{}:{}", self.bin().display(), callers.to_string_lossy());
        self.set("PATH", path)
    }

    /// Puts the caller's Rust into the home, where rustup and cargo look for toolchains and crates.
    #[cfg(unix)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the caller's toolchains and crates are what this asks for"
    )]
    pub fn with_callers_rust(&mut self) -> &mut Self {
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        for (variable, name) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let place = std::env::var_os(variable).map(PathBuf::from);
            let place = place.unwrap_or_else(|| home.join(name));
            std::os::unix::fs::symlink(place, self.home().join(name)).expect("a link");
        }
        let callers = std::env::var_os("PATH").unwrap_or_default();
        let programs = self.home().join(".cargo/bin");
        let path = format!("{}:{}", programs.display(), callers.to_string_lossy());
        self.set("PATH", path)
    }

    /// Writes a file below the working directory, making folders.
    pub fn write(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.repo().join(path);
        let folder = path.parent().expect("a path below the repository");
        fs::create_dir_all(folder).expect("a new folder");
        fs::write(&path, text).expect("a writable folder");
        path
    }

    /// A file below the working directory.
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.repo().join(path);
        match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// Puts a fake program on `PATH`: a shell script.
    #[cfg(unix)]
    pub fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let text = self.root.path().join(format!("{name}.sh"));
        fs::write(&text, format!("#!/bin/sh\n{script}\n")).expect("a writable folder");
        fs::set_permissions(&text, fs::Permissions::from_mode(0o755)).expect("my own file");
        copy_program(&text, &self.bin().join(name));
    }

    /// Runs archal in the working directory with stdin closed and waits for its end.
    #[must_use = "an outcome that nobody looks at is not tested"]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.spawn().expect("the built binary");
        let (send, receive) = mpsc::channel();
        let out = collect(child.stdout.take(), send.clone());
        let err = collect(child.stderr.take(), send);
        for _ in 0..2 {
            if receive.recv_timeout(PATIENCE).is_err() {
                end(&mut child);
                panic!("archal {arguments:?} did not end in {PATIENCE:?}");
            }
        }
        let status = child.wait().expect("my own child");
        let text = |bytes: std::thread::JoinHandle<Vec<u8>>| {
            let bytes = bytes.join().expect("a reader that does not panic");
            self.named(&String::from_utf8_lossy(&bytes))
        };
        Output {
            code: status.code(),
            stdout: text(out),
            stderr: text(err),
        }
    }

    /// The command as [`TestEnv::run`] would start it, for tests that drive it themselves.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.repo())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// `text` with this world's folder written as `$TEST_ENV`.
    pub fn named(&self, text: &str) -> String {
        let root = self.root.path();
        let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        text.replace(&*real.to_string_lossy(), "$TEST_ENV")
            .replace(&*root.to_string_lossy(), "$TEST_ENV")
    }
}

/// Copies a program so that it can be started at once.
///
/// Another process does the copying: were the new file ever open for writing here, a child that
/// another test starts at that moment would inherit it, and starting the copy would fail with
/// "text file busy".
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-p").arg(from).arg(to).status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "cp {}",
        from.display()
    );
}

fn collect(
    pipe: Option<impl Read + Send + 'static>,
    done: mpsc::Sender<()>,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).expect("a readable pipe");
        }
        // The receiver is gone only when the command was too slow.
        _ = done.send(());
        bytes
    })
}

fn end(child: &mut Child) {
    child.kill().expect("my own child");
    child.wait().expect("my own child");
}

/// How a command ended and what it wrote. Shown as its exit code, stdout and stderr, for
/// snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an outcome that nobody looks at is not tested"]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The result.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Output {
    /// The result as a JSON document.
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(document) => document,
            Err(error) => panic!("stdout is no JSON document: {error}\n{self}"),
        }
    }

    /// The same outcome, once its exit code is as expected.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The same outcome with every match of a regular expression replaced.
    pub fn with(mut self, pattern: &str, replacement: &str) -> Self {
        let pattern = regex::Regex::new(pattern).expect("a valid pattern");
        for text in [&mut self.stdout, &mut self.stderr] {
            *text = pattern.replace_all(text, replacement).into_owned();
        }
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit code: {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            writeln!(f, "----- {name} -----")?;
            for line in text.lines() {
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}
