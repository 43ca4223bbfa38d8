//! What every command is given.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::Path;

use crate::app::World;
use crate::config::{self, Loaded, Override};

use crate::grade::rules;
use crate::report::shell;

use super::error::CliError;
use super::output::Printer;
use super::pass::rules_error;

/// The world and where output goes. The fields of [`World`] are reached directly:
/// `cx.environment`, `cx.clock`, `cx.ids`, `cx.clones`, `cx.sources`, `cx.files`,
/// `cx.binary`.
pub struct CommandContext {
    world: World,
    /// Where results and messages go.
    pub printer: Printer,
    /// The command as it was given, for a shell.
    pub command: String,
    /// Its arguments, without the name of the program.
    pub arguments: Vec<OsString>,
    /// Whether it works for a watcher, which gave it its turn.
    pub(crate) is_job: bool,
}

impl CommandContext {
    /// A context over a world; the first of the arguments is the name of the program.
    pub fn new(world: World, printer: Printer, arguments: &[OsString], is_job: bool) -> Self {
        Self {
            world,
            printer,
            command: told(arguments),
            arguments: arguments.iter().skip(1).cloned().collect(),
            is_job,
        }
    }

    /// Goes on as if the caller had not set a variable.
    pub(crate) fn forget_variable(&mut self, name: &str) {
        self.world.environment.variables.remove(name);
    }

    /// Reads the configuration and prints its notes.
    ///
    /// `file` is what `--config` named; otherwise the nearest `.archal.json` of `directory`'s
    /// repository is taken, or the defaults where there is none. `flags` are the command's
    /// options that override keys.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or has errors.
    pub fn load_config(
        &self,
        file: Option<&Path>,
        directory: &Path,
        flags: &[Override],
    ) -> Result<Loaded, CliError> {
        let loaded = config::load(file, directory, flags, &self.environment)?;
        // What only those who know the clones can check.
        rules::of(&loaded, self.clones)
            .map_err(|findings| rules_error(findings, loaded.source.clone()))?;
        for note in &loaded.notes {
            self.printer.diagnostic(note, loaded.source.as_ref());
        }
        Ok(loaded)
    }
}

impl Deref for CommandContext {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// The command as it is told to whoever is to repeat it.
fn told(arguments: &[OsString]) -> String {
    let rest = arguments.iter().skip(1);
    let words = rest.map(|word| shell::word(word.to_string_lossy().into_owned()));
    std::iter::once("archal".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
