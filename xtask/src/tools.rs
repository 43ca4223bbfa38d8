//! What the tests need beyond cargo: git, gh, curl, Python 3, Node, Chromium, PostgreSQL, and the published clients of the
//! services and the coding agents, in pinned versions, in folders of their own under `target`.
//!
//! Nothing is ever skipped: what is missing is installed by apt when this runs as root,
//! otherwise the one command that installs it is printed and the exit code is 3.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Failure, answers, note, root, run, run_at_length, target};

/// Where system programs are looked for: tests run children with this `PATH`, as users that cannot
/// read a developer's home.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program, how it shows that it is there, and the Debian packages it comes in.
const SYSTEM: &[(&str, &[&str], &[&str])] = &[
    ("curl", &["--version"], &["curl"]),
    ("gh", &["--version"], &["gh"]),
    ("git", &["--version"], &["git"]),
    (
        "python3",
        &[
            "-c",
            "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))",
        ],
        &["python3", "python3-venv"],
    ),
    (
        "node",
        &[
            "-e",
            "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)",
        ],
        &["nodejs"],
    ),
    ("npm", &["--version"], &["npm"]),
    ("chromium", &["--version"], &["chromium"]),
    // It comes with the server, whose own programs are in no folder of `PATH`.
    ("pg_lsclusters", &["--help"], &["postgresql"]),
];

/// Where the packages are that tests need.
#[derive(Debug)]
pub(crate) struct Packages {
    /// The published clients: `python/` is a virtual environment, `js/` holds `node_modules`.
    pub(crate) clients: PathBuf,
    /// The coding agents: the folder that holds their `node_modules`.
    pub(crate) agents: PathBuf,
}

/// Makes sure of the packages; [`system`] comes before.
pub(crate) fn packages() -> Result<Packages, Failure> {
    let clients = target().join("test-clients");
    fs::create_dir_all(&clients).map_err(|error| failed(&clients, &error))?;
    let packages = clients.join("python");
    python(&packages, "clients/python/requirements.txt")?;
    run(Command::new(packages.join("bin/python")).args(["-m", "pip", "check"]))?;
    javascript(&clients.join("js"), "clients/js")?;
    let agents = agents()?;
    Ok(Packages { clients, agents })
}

/// Makes sure of the coding agents alone and returns the folder that holds their `node_modules`;
/// [`system`] comes before.
pub(crate) fn agents() -> Result<PathBuf, Failure> {
    let folder = target().join("test-agents");
    javascript(&folder, "coding_agents/js")?;
    Ok(folder)
}

/// Makes sure of the programs.
pub(crate) fn system() -> Result<(), Failure> {
    let missing = || {
        SYSTEM.iter().filter(|(program, probe, _)| {
            !answers(Command::new(program).args(*probe).env("PATH", PATH))
        })
    };
    let packages: Vec<&str> = missing()
        .flat_map(|(_, _, packages)| *packages)
        .copied()
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {}",
        packages.join(" ")
    );
    if !(is_root() && answers(Command::new("apt-get").arg("--version"))) {
        let names: Vec<&str> = missing().map(|(program, _, _)| *program).collect();
        return Err(Failure::missing(format!(
            "the tests need {}; as root:\n  {line}",
            names.join(", ")
        )));
    }
    note(&format!("installing {}", packages.join(", ")));
    run(&mut apt(&["update"]))?;
    run(apt(&["install", "--yes", "--no-install-recommends"]).args(&packages))?;
    let still: Vec<&str> = missing().map(|(program, _, _)| *program).collect();
    if still.is_empty() {
        Ok(())
    } else {
        Err(Failure::missing(format!(
            "{} still missing or too old after `{line}`",
            still.join(", ")
        )))
    }
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Makes a virtual environment with what a list under `tests` names.
pub(crate) fn python(folder: &Path, list: &str) -> Result<(), Failure> {
    let wanted = root().join("tests").join(list);
    let text = read(&wanted)?;
    let program = folder.join("bin").join("python");
    if is_current(folder, &text) && answers(Command::new(&program).arg("--version")) {
        return Ok(());
    }
    note(&format!("installing the Python packages of tests/{list}"));
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(folder))?;
    run_at_length(
        Command::new(&program)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-deps", "--requirement"])
            .arg(&wanted),
    )?;
    mark_current(folder, &text)
}

/// Fills a folder with what the lock file of a folder under `tests` names.
pub(crate) fn javascript(folder: &Path, list: &str) -> Result<(), Failure> {
    let source = root().join("tests").join(list);
    let package = read(&source.join("package.json"))?;
    let lock = read(&source.join("package-lock.json"))?;
    let wanted = format!("{package}{lock}");
    if is_current(folder, &wanted) && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    note(&format!(
        "installing the JavaScript packages of tests/{list}/package-lock.json"
    ));
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for (name, text) in [("package.json", &package), ("package-lock.json", &lock)] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, &error))?;
    }
    run_at_length(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder),
    )?;
    mark_current(folder, &wanted)
}

/// Whether the folder was filled from exactly this list, to its end.
fn is_current(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join("installed")).is_ok_and(|installed| installed == wanted)
}

fn mark_current(folder: &Path, wanted: &str) -> Result<(), Failure> {
    let path = folder.join("installed");
    fs::write(&path, wanted).map_err(|error| failed(&path, &error))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::missing(format!("{}: {error}", path.display()))
}
