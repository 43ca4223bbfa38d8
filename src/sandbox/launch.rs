//! Starting the child itself, with a reason a person understands when it cannot.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::control::Start;

/// The command that starts the child: stdin empty unless the caller gives it another, stdout and stderr those of this process,
/// nothing inherited. `through` are arguments to put this binary in between.
pub(super) fn command(start: &Start, through: Option<&[&str]>) -> Result<Command, String> {
    let name = start.command.first().ok_or("the command is empty")?;
    if !start.directory.is_dir() {
        return Err(format!(
            "the working directory {} does not exist",
            start.directory.display()
        ));
    }
    let program = find(name, start)?;
    if let Some(interpreter) = missing_interpreter(&program) {
        return Err(format!(
            "{interpreter}, which {name} names in its first line, was not found"
        ));
    }
    let mut command = match through {
        None => {
            let mut command = Command::new(program);
            command.arg0(name);
            command
        }
        Some(arguments) => {
            let mut command = Command::new("/proc/self/exe");
            command.args(arguments).arg(program).arg(name);
            command
        }
    };
    command
        .args(&start.command[1..])
        .current_dir(&start.directory)
        .env_clear()
        .envs(&start.environment)
        .stdin(Stdio::null());
    Ok(command)
}

/// Why a program that exists did not start.
pub(super) fn failure(name: &str, error: &std::io::Error) -> String {
    match error.kind() {
        // The program itself was found before: its loader is missing.
        std::io::ErrorKind::NotFound => format!("{name} is not built for this system"),
        std::io::ErrorKind::ArgumentListTooLong => {
            format!("arguments and environment of {name} are too long")
        }
        _ if error.raw_os_error() == Some(nix::errno::Errno::ENOEXEC as i32) => {
            format!("{name} is neither a program for this system nor has a first line with #!")
        }
        _ => format!("{name} could not be started: {error}"),
    }
}

fn find(name: &str, start: &Start) -> Result<PathBuf, String> {
    if name.contains('/') {
        let path = start.directory.join(name);
        return match state(&path) {
            Found::Yes => Ok(path),
            Found::NotExecutable => Err(format!("{} is not executable", path.display())),
            Found::No => Err(format!("the program {} was not found", path.display())),
        };
    }
    let folders = start.environment.get("PATH").map_or("", String::as_str);
    let mut not_executable = None;
    for folder in folders.split(':').filter(|folder| !folder.is_empty()) {
        let path = start.directory.join(folder).join(name);
        match state(&path) {
            Found::Yes => return Ok(path),
            Found::NotExecutable => not_executable = Some(path),
            Found::No => {}
        }
    }
    Err(match not_executable {
        Some(path) => format!("{} is not executable", path.display()),
        None => format!("the program {name} was not found in PATH ({folders})"),
    })
}

/// The interpreter in a script's first line, where it does not exist.
fn missing_interpreter(program: &Path) -> Option<String> {
    let mut start = Vec::new();
    // As much as the kernel reads.
    let file = std::fs::File::open(program).ok()?;
    file.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let interpreter = line.split_whitespace().next()?;
    (!Path::new(interpreter).exists()).then(|| interpreter.to_owned())
}

enum Found {
    Yes,
    NotExecutable,
    No,
}

fn state(path: &Path) -> Found {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            // Not `access`, which says yes to root for files that nobody can execute.
            if metadata.permissions().mode() & 0o111 == 0 {
                Found::NotExecutable
            } else {
                Found::Yes
            }
        }
        Ok(_) => Found::NotExecutable,
        Err(_) => Found::No,
    }
}
