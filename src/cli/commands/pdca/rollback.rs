//! `archal pdca rollback`: takes a merge back, with a commit that undoes it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::engine::ending;
use crate::pdca::engine::landing::{self, Landed};
use crate::pdca::engine::stage::{self, Record};
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::outline::{Outline, ROLLED_BACK};
use crate::pdca::role::Phase;
use crate::report::style::Style;

use super::run::voices;
use super::setup::{self, Said, Setup};

/// Take back the merge of a run
///
/// A commit that undoes exactly this merge comes onto the branch; nothing is rewritten, and the run's own
/// branch stays.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run: String,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// Whether a merge was taken back: `archal pdca rollback --json`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PdcaRollback<'a> {
    /// The run.
    run: &'a str,
    /// Whether it was.
    is_taken_back: bool,
    /// Why not.
    reason: Option<&'a str>,
    /// The commit that undoes the merge.
    commit: Option<&'a str>,
    /// The branch that it had gone into.
    base_branch: &'a str,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let run = super::run_id(&args.run)?;
    let (repo, place) = setup::repository(cx)?;
    place.refuse_links(&run).map_err(CliError::environment)?;
    let record = Record::read(&place, &run).map_err(|error| setup::engine_error(error, None))?;
    let setup = Setup::new(args.config.config.as_deref(), None, cx)?;
    let _lock =
        stage::take(&setup.place, &run).map_err(|error| setup::engine_error(error, None))?;
    let one = setup.one(run, record, setup::nobody())?;
    let (tell, show, warn) = voices(cx);
    let stage = setup.stage(&one, &Said::default(), (&tell, &show, &warn), cx);
    let (path, base) = (setup.path(cx), &one.record.base_branch);
    let merge = landing::merge_of(&repo, path, base, &one.run).map_err(CliError::environment)?;
    let Some(merge) = merge else {
        return Err(
            CliError::usage(format!("no merge of {} is on {base}", one.run))
                .hint(format!("archal pdca status {}", one.run)),
        );
    };
    let failed = |error| setup::engine_error(error, None);
    let undone = landing::revert(&stage, &merge).map_err(failed)?;
    let (commit, reason) = match undone {
        None => (
            None,
            Some(format!("it conflicts with what came onto {base} after it")),
        ),
        Some(undone) => {
            match landing::land(&repo, path, &place.landing(), (base, &undone)).map_err(failed)? {
                Landed::Yes => (Some(undone.commit), None),
                Landed::No(why) => (None, Some(why)),
            }
        }
    };
    if commit.is_some() {
        stage.emit(NewEvent::new(
            Kind::Decision,
            Phase::Act,
            json!({"what": "rollback", "chosen": "revert", "rationale": "asked for", "commit": commit}),
        ));
        let log = stage.log.read().map_err(CliError::environment)?;
        let cycles = Outline::of(&log.unwrap_or_default().events).cycles;
        ending::line(&stage, ROLLED_BACK, cycles).map_err(failed)?;
    }
    match &reason {
        None => cx.printer.line(format!(
            "{}  the merge of {} on {base}",
            Style::Good.paint("taken back"),
            one.run
        )),
        Some(why) => cx
            .printer
            .line(format!("{}  {why}", Style::Error.paint("not taken back"))),
    }
    cx.printer.document(
        "archal.pdca-rollback",
        1,
        &PdcaRollback {
            run: one.run.as_str(),
            is_taken_back: commit.is_some(),
            reason: reason.as_deref(),
            commit: commit.as_deref(),
            base_branch: base,
        },
    );
    Ok(if commit.is_some() {
        Exit::Fine
    } else {
        Exit::Bad
    })
}
