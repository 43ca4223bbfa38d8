//! Ended jobs that are opened again, because what was missing may be there now.

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::database::DatabaseError;

use super::engine::Engine;
use super::job::{Stage, Status};
use super::state::traces::KnownTrace;
use super::state::{State, files, jobs, pruned, traces};

/// The most names that are told when several traces may be meant.
const MOST_TOLD: usize = 10;

/// Which jobs are to be opened again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReprocessRequest {
    /// Traces by name or id.
    pub traces: Vec<String>,
    /// Every job that is blocked, in whatever stage.
    pub all_blocked: bool,
    /// The stage to begin at; grade where none is named.
    pub from: Option<Stage>,
}

/// A job that was opened again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reopened {
    /// The trace's name.
    pub name: String,
    /// How its job had ended.
    pub was: Status,
    /// The stage it begins at.
    pub from: Stage,
}

/// Why jobs are not opened again. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum ReprocessError {
    /// No such trace.
    #[error("no trace is called {asked:?}{}", nearest(near))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// The most similar name.
        near: Option<String>,
    },
    /// Several traces.
    #[error("{asked:?} may be any of: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// Their names.
        candidates: Vec<String>,
    },
    /// The job is not at its end.
    #[error("{name} is {}; only ended jobs are opened again", status.name())]
    Open {
        /// The trace.
        name: String,
        /// How its job stands.
        status: Status,
    },
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] DatabaseError),
}

fn nearest(near: &Option<String>) -> String {
    near.as_ref()
        .map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

/// The one trace that is meant by a name or an id.
pub fn meant(
    connection: &rusqlite::Connection,
    asked: &str,
) -> rusqlite::Result<Result<KnownTrace, ReprocessError>> {
    let mut found = traces::meant(connection, asked)?;
    Ok(match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let names = traces::names(connection, MOST_TOLD * 1000)?;
            let near = names
                .into_iter()
                .map(|name| (strsim::jaro_winkler(&name, asked), name))
                .filter(|(likeness, _)| *likeness > 0.85)
                .max_by(|one, other| one.0.total_cmp(&other.0))
                .map(|(_, name)| name);
            Err(ReprocessError::Unknown {
                asked: asked.to_owned(),
                near,
            })
        }
        _ => Err(ReprocessError::Ambiguous {
            asked: asked.to_owned(),
            candidates: found
                .iter()
                .take(MOST_TOLD)
                .map(|trace| {
                    format!(
                        "{} ({}/{})",
                        trace.name, trace.identity.source, trace.identity.project
                    )
                })
                .collect(),
        }),
    })
}

impl Engine {
    /// [`reopen`]s jobs of this engine's state.
    pub fn reprocess(&self, request: &ReprocessRequest) -> Result<Vec<Reopened>, ReprocessError> {
        // What was missing may have come with a commit of this second.
        self.look_anew();
        reopen(&self.state, request, self.now())
    }
}

/// Opens ended jobs again. Each is a new job of its trace; what the old one left is kept.
pub fn reopen(
    state: &State,
    request: &ReprocessRequest,
    now: Timestamp,
) -> Result<Vec<Reopened>, ReprocessError> {
    let from = request.from.unwrap_or(Stage::Grade);
    // Chosen and changed at once: a job that begins in between would be two.
    state.write(|connection| {
        let mut chosen = Vec::new();
        for asked in &request.traces {
            match meant(connection, asked)? {
                Ok(trace) => chosen.extend(jobs::newest(connection, trace.id)?),
                Err(error) => return Ok(Err(error)),
            }
        }
        if request.all_blocked {
            for status in [Status::Blocked, Status::FixBlocked] {
                let wanted = jobs::Wanted {
                    status: Some(status),
                    ..jobs::Wanted::default()
                };
                chosen.extend(jobs::list(connection, &wanted)?);
            }
        }
        if let Some(open) = chosen.iter().find(|job| !job.report.status.is_terminal()) {
            return Ok(Err(ReprocessError::Open {
                name: open.report.name.clone(),
                status: open.report.status,
            }));
        }
        let change = connection;
        let mut reopened: Vec<Reopened> = Vec::new();
        for job in &chosen {
            if reopened.iter().any(|done| done.name == job.report.name) {
                continue;
            }
            // What was removed because it was old is derived again.
            pruned::forget(change, job.trace)?;
            if from == Stage::Import {
                // Its file is read again, and its content decides whether it is another job.
                let reason = "it is read again from its file";
                jobs::move_to(change, job.id, from, Status::Blocked, reason, now)?;
                files::forget(change, job.attachment, &job.report.file)?;
            } else {
                let reason = "a person asked to look at the trace again";
                let stage = job.report.stage;
                jobs::move_to(change, job.id, stage, Status::Superseded, reason, now)?;
                jobs::again(change, job, from, now)?;
            }
            reopened.push(Reopened {
                name: job.report.name.clone(),
                was: job.report.status,
                from,
            });
        }
        Ok(Ok(reopened))
    })?
}
