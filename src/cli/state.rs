//! Where the state of a repository is, for commands that look at it beside a watcher.

use std::path::{Path, PathBuf};

use crate::attach::state::{Look, State};
use crate::report::shell::quoted;
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::context::CommandContext;
use super::error::CliError;

/// A repository and its state folder.
pub(crate) struct Place {
    /// The repository, without links.
    pub(crate) repo: PathBuf,
    /// As it is written in commands: `.` for who stands in it.
    pub(crate) shown: PathBuf,
    /// Its state folder; nothing is made.
    pub(crate) layout: Layout,
}

impl Place {
    /// The repository that `given` is, or is a folder of.
    pub(crate) fn of(given: &Path, cx: &CommandContext) -> Result<Self, CliError> {
        let folder = cx.environment.resolve(given);
        let folder = folder.canonicalize().map_err(|error| {
            CliError::usage(format!(
                "the repository {} cannot be read: {error}",
                given.display()
            ))
            .hint("--repo <the agent's repository>")
        })?;
        let top = folder.ancestors().find(|above| above.join(".git").exists());
        let repo = top.unwrap_or(&folder).to_owned();
        let here = cx.environment.directory.canonicalize();
        let shown = if here.is_ok_and(|here| here == repo) {
            PathBuf::from(".")
        } else if repo == folder {
            given.to_owned()
        } else {
            repo.clone()
        };
        let elsewhere = cx.environment.get("ARCHAL_STATE_DIR").map(PathBuf::from);
        let layout = Layout::of(&repo, elsewhere.as_deref());
        if let Some(link) = layout.leading_out() {
            let told = format!(
                "{} is a link that leads out of the repository",
                link.display()
            );
            return Err(CliError::environment(told).hint(format!("rm {}", quoted(&link))));
        }
        Ok(Self {
            layout,
            repo,
            shown,
        })
    }

    /// The state, to be looked at; none where nothing was ever attached.
    pub(crate) fn look(&self) -> Result<Option<Look>, CliError> {
        match State::look(&self.layout).map_err(database_error)? {
            Some(look) => Ok(Some(look)),
            // An older archal wrote it: as whoever changes it would, bring it up to date.
            None if self.layout.state_database().exists() => {
                State::beside(&self.layout).map_err(database_error)?;
                State::look(&self.layout).map_err(database_error)
            }
            None => Ok(None),
        }
    }
}

/// A state that cannot be used, as an error with the way out.
pub(crate) fn database_error(error: DatabaseError) -> CliError {
    let hint = match &error {
        DatabaseError::Broken { .. } => {
            Some("archal attach <trace-dir> --repo . puts it aside and derives it again")
        }
        error => error.way_out(),
    };
    let told = CliError::environment(error);
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}
