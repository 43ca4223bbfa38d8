//! Which judge is asked, with what limits.

use std::path::PathBuf;
use std::time::Duration;

use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;
use http::Uri;

use crate::budget::cap::{self, Cap, Caps};
use crate::config::Loaded;
use crate::config::judge::{self, Chosen};
use crate::config::schema::JudgeProvider;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// A judge and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who is asked.
    pub judge: Chosen,
    /// Whether the model was named on the command line, which wins over a scenario's own.
    pub is_forced: bool,
    /// The variable with the key. The key itself is read when it is sent, and nowhere kept.
    pub key_variable: String,
    /// The most that this invocation may spend.
    pub cap: Cap,
    /// The caps of the user's ledger.
    pub caps: Caps,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one request may take from its first byte to the last of its answer.
    pub timeout: Duration,
    /// The repository, for the ledger.
    pub repo: PathBuf,
}

impl Settings {
    /// The judge of a configuration; none where none is configured.
    ///
    /// # Errors
    ///
    /// What is missing to ask the judge that was meant, with its place.
    pub fn of(loaded: &Loaded, is_forced: bool) -> Result<Option<Self>, Diagnostic> {
        let config = &loaded.config.judge;
        let Some(judge) =
            judge::chosen(config).map_err(|(path, finding)| loaded.at(path, finding))?
        else {
            return Ok(None);
        };
        let caps = Caps::of(loaded)?;
        let cap = cap::of(loaded, "judge.budgetUsd", &config.budget_usd)?;
        Ok(Some(Self {
            judge,
            is_forced,
            key_variable: config.api_key_env.clone(),
            cap,
            caps: Caps {
                per_trace: Cap::NONE,
                ..caps
            },
            connect_timeout: CONNECT,
            timeout: Duration::from_secs(config.timeout.into()),
            repo: loaded.directory.clone(),
        }))
    }

    /// The host that is asked, as people know it.
    pub fn host(&self) -> String {
        crate::config::notice::host(&self.judge.base_url)
            .unwrap_or_else(|| self.judge.base_url.clone())
    }

    /// Whether there is a key to send. It is not kept.
    pub fn has_key(&self, environment: &Environment) -> bool {
        environment
            .get(&self.key_variable)
            .is_some_and(|key| !key.trim().is_empty())
    }

    /// Whether nobody takes money for an answer: a server of this machine's own.
    pub(super) fn is_free(&self) -> bool {
        self.judge.provider == JudgeProvider::Ollama && judge::is_local(&self.judge.base_url)
    }

    /// Whether a key would go over a wire that anybody can read.
    pub(super) fn is_open(&self) -> bool {
        let uri: Option<Uri> = self.judge.base_url.parse().ok();
        let is_plain = uri
            .as_ref()
            .and_then(Uri::scheme_str)
            .is_none_or(|scheme| scheme == "http");
        is_plain && !judge::is_local(&self.judge.base_url)
    }
}
