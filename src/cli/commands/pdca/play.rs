//! `archal pdca play`: an agent that plays a script.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::script::{self, LARGEST, Step};
use crate::store::atomic::{self, Durability};

/// Play an agent of a run as a script says, in place of a coding agent
///
/// A driver like any other: `drivers: {played: {command: "archal pdca play script.yaml"}}` in
/// `.archeflow/config.yaml`, then `archal pdca run … --driver played`. It does without a model what a
/// run's own rules are tried with. Which agent it is, it is told by the variables of the run.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The script: a list of steps in YAML
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let shown = args.script.display();
    let large = fs::metadata(&args.script).is_ok_and(|found| found.len() > LARGEST);
    if large {
        return Err(CliError::usage(format!(
            "the script {shown} is larger than 16 MiB"
        )));
    }
    let text = fs::read_to_string(&args.script)
        .map_err(|error| CliError::usage(format!("the script {shown} cannot be read: {error}")))?;
    let steps = script::read(&text)
        .map_err(|error| CliError::config(format!("the script {shown} is wrong: {error}")))?;
    let variable = |name: &str| {
        cx.environment.get(name).ok_or_else(|| {
            CliError::usage(format!("{name} is not set: a script is played by a run"))
                .hint("archal pdca run … --driver <a driver of .archeflow/config.yaml>")
        })
    };
    let role = variable("ARCHAL_PDCA_ROLE")?;
    let number = |name| Ok::<u32, CliError>(variable(name)?.parse().unwrap_or(1));
    let (cycle, attempt) = (number("ARCHAL_PDCA_CYCLE")?, number("ARCHAL_PDCA_ATTEMPT")?);
    let Some(step) = script::step(&steps, role, cycle, attempt) else {
        return Err(CliError::environment(format!(
            "the script {shown} has no step for {role}, cycle {cycle}, attempt {attempt}"
        )));
    };
    play(step, cx)
}

fn play(step: &Step, cx: &CommandContext) -> Result<Exit, CliError> {
    for (path, text) in &step.writes {
        let path = cx.environment.resolve(path);
        atomic::write(&path, text.as_bytes(), Durability::Derived)
            .map_err(CliError::environment)?;
    }
    if let Some(command) = &step.runs {
        let code = shell(&["sh", "-c", command])?;
        if code != 0 {
            return Ok(Exit::Passed(code));
        }
    }
    if let Some(message) = &step.commit {
        let code = match shell(&["git", "add", "--all"])? {
            0 => shell(&["git", "commit", "--quiet", "--message", message])?,
            code => code,
        };
        if code != 0 {
            return Ok(Exit::Passed(code));
        }
    }
    if let (Some(usage), Some(file)) = (&step.usage, cx.environment.get("ARCHAL_USAGE_FILE")) {
        atomic::write_json(file.as_ref(), usage, Durability::Derived)
            .map_err(CliError::environment)?;
    }
    let mut out = std::io::stdout().lock();
    let mut left = step.until_bytes.unwrap_or(0);
    loop {
        let written = out
            .write_all(step.says.as_bytes())
            .and_then(|()| out.flush());
        written.map_err(CliError::environment)?;
        let length = step.says.len() as u64;
        if length == 0 || left <= length {
            break;
        }
        left -= length;
    }
    if step.hangs {
        loop {
            std::thread::park();
        }
    }
    Ok(match step.exits {
        0 => Exit::Fine,
        code => Exit::Passed(u8::try_from(code).unwrap_or(1)),
    })
}

fn shell(command: &[&str]) -> Result<u8, CliError> {
    let (program, arguments) = (command[0], &command[1..]);
    let status = Command::new(program).args(arguments).status();
    let status = status.map_err(CliError::environment)?;
    Ok(status
        .code()
        .map_or(1, |code| u8::try_from(code).unwrap_or(1)))
}
