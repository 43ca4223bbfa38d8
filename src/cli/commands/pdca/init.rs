//! `archal pdca init`: the settings of runs, to be filled in.

use std::io;
use std::path::PathBuf;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::place::Place;
use crate::store::atomic::{self, WriteError};

/// What `config.yaml` says at first: everything is the default.
const CONFIG: &str = include_str!("config.yaml");
/// What `hooks.yaml` says at first: there are none.
const HOOKS: &str = include_str!("hooks.yaml");

/// Write the settings of runs with all their defaults, where there are none yet
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let repository = super::repository(cx);
    let place = Place::of(&repository);
    place.make().map_err(CliError::environment)?;
    for (path, text) in [(place.config(), CONFIG), (place.hooks(), HOOKS)] {
        let shown: PathBuf = path.strip_prefix(&repository).unwrap_or(&path).to_owned();
        match atomic::create(&path, text.as_bytes()) {
            Ok(()) => cx.printer.line(format!("wrote {}", shown.display())),
            Err(WriteError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                cx.printer.line(format!("kept {}", shown.display()));
            }
            Err(error) => return Err(CliError::environment(error)),
        }
    }
    cx.printer.line("next: archal pdca run \"<task>\"");
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use crate::pdca::place::Place;
    use crate::pdca::settings::{Config, Hooks, load};

    #[test]
    fn what_is_written_first_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        std::fs::create_dir_all(place.root()).expect("a folder");
        std::fs::write(place.config(), super::CONFIG).expect("written");
        std::fs::write(place.hooks(), super::HOOKS).expect("written");
        let settings = load(&place).expect("sound");
        assert_eq!(settings.config, Config::default());
        assert_eq!(settings.hooks, Hooks::default());
        // Every line that is only a suggestion is sound as well.
        let filled = |text: &str| text.replace("\n# ", "\n");
        std::fs::write(place.config(), filled(super::CONFIG)).expect("written");
        std::fs::write(place.hooks(), filled(super::HOOKS)).expect("written");
        let settings = load(&place).expect("sound");
        assert!(settings.notes.is_empty(), "{:?}", settings.notes);
        assert_ne!(settings.config, Config::default());
        assert!(settings.hooks.pre_merge.is_some());
    }
}
