//! `archal clone start`: opens a session of clones that lives until it is stopped.

use std::path::PathBuf;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, ErrorKind};
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::{self, client_error};
use crate::cli::sessions::serving::{self, Opening};
use crate::cli::sessions::starting::{On, Wanted};
use crate::cli::state;
use crate::host::background::{self, BackgroundError, Launch};
use crate::host::interrupts::Hangup;
use crate::report::style::Style;
use crate::session::service::client::Client;
use crate::session::service::desk::{Request, Status};
use crate::session::service::place::{DEFAULT_NAME, Record, Standing};

/// Open a session of clones that lives until it is stopped
///
/// It is a process on the loopback of this machine. Clients reach the clones by base URLs
/// (`archal clone env`), by MCP URLs, or at the services' own addresses (`archal clone exec`).
/// Its evidence is in .archal/cache/sessions/<name>.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun, Exit::Interrupted]))]
pub(crate) struct Args {
    /// The clones
    #[arg(required_unless_present_any = ["all", "load"], conflicts_with = "all")]
    clones: Vec<String>,

    /// All clones of this build
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    on: On,

    /// The port of the first base URL; each further URL has the next one [default: free ones]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// The session's name, where there are several
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
    name: String,

    /// Hold what webhooks are told until `archal clone webhooks --deliver` asks for it
    #[arg(long)]
    hold_webhooks: bool,

    /// Stay in the foreground; Ctrl-C ends the session
    #[arg(long)]
    foreground: bool,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = state::Place::of(".".as_ref(), cx)?;
    let layout = bench::layout(&place.repo, cx)?;
    let directory = cx.environment.directory.clone();
    let opening = Opening {
        name: args.name.clone(),
        state: layout.root().to_owned(),
        port: args.port,
        hold_webhooks: args.hold_webhooks,
        wanted: Wanted {
            clones: args.clones.clone(),
            all: args.all,
            on: args.on.clone(),
            config: args.config.config.as_ref().map(|file| directory.join(file)),
            directory,
        },
    };
    let own = opening.place()?;
    if let Standing::Running(_) = reaching::settled(&own, cx)? {
        return Err(serving::runs_already(&args.name));
    }
    if args.foreground {
        let interrupted = serving::run(&opening, Hangup::Ends, cx, |serving| {
            tell(serving.record().clone(), true, cx)
        })?;
        return Ok(if interrupted {
            Exit::Interrupted
        } else {
            Exit::Fine
        });
    }
    // Everything a person may have got wrong is told here, with its place.
    let loaded = cx.load_config(
        args.config.config.as_deref(),
        &opening.wanted.directory,
        &[],
    )?;
    opening
        .wanted
        .choose(&bench::default_states(&loaded)?, cx)?;
    in_background(&opening, cx)?;
    let record = reaching::running(&own, cx)?;
    tell(record, false, cx)?;
    Ok(Exit::Fine)
}

fn in_background(opening: &Opening, cx: &CommandContext) -> Result<(), CliError> {
    let request = serde_json::to_string(opening).map_err(CliError::internal)?;
    let arguments = ["--name".to_owned(), opening.name.clone()];
    let mut variables = cx.environment.variables.clone();
    // Arguments are there for every user of the machine to read, variables for this one.
    variables.insert(serving::REQUEST.to_owned(), request);
    let own = opening.place()?;
    own.prepare().map_err(CliError::environment)?;
    let log: PathBuf = own.log();
    let launch = Launch {
        binary: &cx.binary,
        command: background::SESSION_ARGUMENT,
        arguments: &arguments,
        variables: &variables,
        log: &log,
        patience: background::START_PATIENCE,
    };
    match background::start(&launch, cx.clock.as_ref()) {
        Ok(_) => Ok(()),
        Err(BackgroundError::Failed(failure)) => Err(failed(failure)),
        Err(error) => Err(CliError::environment(error)),
    }
}

/// Why the process in the background could not begin, as this one would have told it.
fn failed(failure: background::Failure) -> CliError {
    let hints = failure.hints.clone();
    let mut text = failure.message.clone();
    for cause in &failure.causes {
        text.push_str(": ");
        text.push_str(cause);
    }
    let mut error = CliError::environment(text);
    if failure.exit_code == Exit::Usage.code() {
        error.kind = ErrorKind::Usage;
    }
    for hint in hints {
        error = error.hint(hint);
    }
    error
}

fn tell(record: Record, foreground: bool, cx: &CommandContext) -> Result<(), CliError> {
    let client = Client::new(record).map_err(client_error)?;
    let status: Status = client.ask(&Request::Status).map_err(client_error)?;
    let name = &status.name;
    let printer = &cx.printer;
    printer.line(format!(
        "session {} runs (process {})",
        Style::Heading.paint(name),
        status.pid
    ));
    super::status::clones(&status, printer);
    let named = if name == DEFAULT_NAME {
        String::new()
    } else {
        format!(" --name {name}")
    };
    let stop = if name == DEFAULT_NAME {
        "archal clone stop".to_owned()
    } else {
        format!("archal clone stop {name}")
    };
    let next = [
        (
            format!("eval \"$(archal clone env{named})\""),
            "its URLs and tokens for this shell",
        ),
        (
            format!("archal clone exec{named} -- <command>"),
            "a command at the services' own addresses",
        ),
        (
            format!("archal clone calls{named} --follow"),
            "what is called",
        ),
        (
            if foreground {
                "Ctrl-C".to_owned()
            } else {
                stop
            },
            "ends it",
        ),
    ];
    let widest = next.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
    printer.line("");
    for (what, about) in next {
        printer.line(format!("  {what:<widest$}  {about}"));
    }
    printer.document("archal.clone-session", 1, &status);
    Ok(())
}
