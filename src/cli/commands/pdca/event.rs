//! `archal pdca event`: appends an event by hand.

use archal_core::redact::RedactionCounts;
use serde_json::Value;

use crate::cli::arguments::ConfigFile;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::event::{Kind, NewEvent, Parents};
use crate::pdca::log::Log;
use crate::pdca::place::Place;
use crate::pdca::role::Phase;

/// Append an event to the log of a run, making the log where there is none
///
/// The event gets the next number and the time. Secrets in it are taken out. Several writers may
/// append at once.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run_id: String,

    /// What kind of event it is: `decision`, `agent.start`, …
    #[arg(value_name = "TYPE")]
    kind: String,

    /// `plan`, `do`, `check` or `act`
    phase: Phase,

    /// The role, or `""` for none
    agent: String,

    /// The rest of the event, a JSON object
    #[arg(value_name = "JSON", default_value = "{}")]
    data: String,

    /// The numbers of the events it follows from, `2,5`; `""` for none [default: by rule]
    parents: Option<String>,

    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let run = super::run_id(&args.run_id)?;
    let is_kind = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if args.kind.is_empty() || !args.kind.chars().all(is_kind) {
        return Err(CliError::usage(format!(
            "`{}` is no type of event; a type is like `agent.start`",
            args.kind
        )));
    }
    if !args.agent.chars().all(is_kind) {
        return Err(CliError::usage(format!(
            "`{}` is no role; a role is like `guardian`",
            args.agent
        )));
    }
    let mut data: Value = serde_json::from_str(&args.data)
        .map_err(|error| CliError::usage(format!("the data is no JSON: {error}")))?;
    if !data.is_object() {
        return Err(CliError::usage("the data is no JSON object"));
    }
    let parents = match args.parents.as_deref() {
        None => Parents::Automatic,
        Some("") => Parents::Listed(Vec::new()),
        Some(list) => {
            let numbers: Result<Vec<u64>, _> = list.split(',').map(str::parse).collect();
            Parents::Listed(numbers.map_err(|_| {
                CliError::usage(format!("invalid parent format `{list}`; write it as 2,5"))
            })?)
        }
    };
    let repository = super::repository(cx);
    let loaded = cx.load_config(args.config.config.as_deref(), &repository, &[])?;
    bench::redactor(cx, &loaded)?.value(&mut data, &mut RedactionCounts::default());
    let place = Place::of(&repository);
    place.prepare(&run).map_err(CliError::environment)?;
    let mut event = NewEvent::new(Kind::from(args.kind.as_str()), args.phase, data);
    event.agent = Some(args.agent.clone()).filter(|agent| !agent.is_empty());
    event.parents = parents;
    let log = Log::new(place.events(&run), run);
    let event = log
        .append(event, cx.clock.now())
        .map_err(CliError::environment)?;
    cx.printer.note(format!(
        "[archeflow-event] #{} {} ({}/{})",
        event.seq,
        event.kind,
        event.phase,
        event.agent.as_deref().unwrap_or("_")
    ));
    Ok(Exit::Fine)
}
