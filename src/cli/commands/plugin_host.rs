//! `archal plugin-host`: the process in which a library is loaded. Only archal starts it.

use std::io;
use std::path::PathBuf;

use archal_plugin::message::{Error, ErrorKind, Pull, Reply};
use archal_plugin::stdio::{self, Answers};
use archal_plugin::{Failure, Output};
use serde_json::Value;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::ingest::plugin::library::{LoadError, Loaded};
use crate::report::causes::chain;

/// Load a library and speak the protocol of plugins for it, on stdin and stdout
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The library, absolute
    library: PathBuf,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let served = match Loaded::load(&args.library) {
        Ok(mut loaded) => {
            cx.printer.note(format!(
                "loaded {}, {}",
                loaded.path.display(),
                loaded.sha256
            ));
            serve(&mut loaded)
        }
        // Whoever asks is told in the protocol.
        Err(error) => serve(&mut Refused(error)),
    };
    served.map_err(CliError::environment)?;
    Ok(Exit::Fine)
}

fn serve(plugin: &mut dyn Answers) -> io::Result<()> {
    stdio::answer(plugin, io::stdin(), io::stdout().lock())
}

/// A library that is not loaded.
struct Refused(LoadError);

impl Refused {
    fn tell(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        out.reply(&Reply::Error(Error {
            kind: ErrorKind::Answer,
            message: chain(&self.0),
            advice: self.0.advice(),
            retry_after: None,
        }))?;
        Ok(())
    }
}

impl Answers for Refused {
    fn describe(&mut self, out: &mut Output<'_>) -> Result<(), Failure> {
        self.tell(out)
    }

    fn check(&mut self, _: &Value, out: &mut Output<'_>) -> Result<(), Failure> {
        self.tell(out)
    }

    fn pull(&mut self, _: &Pull, out: &mut Output<'_>) -> Result<bool, Failure> {
        self.tell(out).map(|()| false)
    }
}
