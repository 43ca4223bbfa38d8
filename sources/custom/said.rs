//! What options say of a plugin.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use archal_core::program::{Patience, Program};
use archal_core::pull::{Asking, PullError, PullErrorKind, Said};
use serde_json::{Map, Value};

use crate::mapping::Mapping;

/// The largest mapping that is read.
const MOST_MAPPING: u64 = 1 << 20;
/// The most memory where nobody says.
const MEMORY: u64 = 2 << 30;
/// How long a plugin may take to say what it is.
const GREETING: Duration = Duration::from_secs(30);

/// A plugin as it was said.
#[derive(Clone)]
pub(super) struct Plugin {
    pub(super) program: Program,
    /// What it is told, an object.
    pub(super) config: Value,
    /// None where its rows are in archal's own shape.
    pub(super) mapping: Option<Mapping>,
    pub(super) patience: Patience,
}

impl Plugin {
    pub(super) fn of(said: &Said, asking: &Asking) -> Result<Self, PullError> {
        let wrong = |message: String| PullError::new(PullErrorKind::Options, message);
        let path = said
            .path("path")
            .ok_or_else(|| wrong("`path` is missing: which plugin is it".to_owned()))?;
        let config = match said.text("config") {
            Some(text) => serde_json::from_str(text)
                .ok()
                .filter(Value::is_object)
                .ok_or_else(|| {
                    wrong("`config` is no object of JSON".to_owned())
                        .advice("--option 'config={\"name\":\"value\"}'")
                })?,
            None => Value::Object(Map::new()),
        };
        let names = said.text("variables").into_iter();
        let names = names.flat_map(|names| names.split(',').map(|name| name.trim().to_owned()));
        let mapping = said.path("mapping").map(|path| mapping(path)).transpose()?;
        let bytes = |name, or: u64| said.number(name).unwrap_or(or);
        let time = |name, or| said.duration(name).unwrap_or(Duration::from_secs(or));
        Ok(Self {
            program: Program {
                path: path.clone(),
                variables: names.collect(),
                memory: bytes("memory", MEMORY),
                stop: asking.stop.clone(),
            },
            config,
            mapping,
            patience: Patience {
                time: time("timeout", 600),
                silence: time("silence", 60),
                line: usize::try_from(bytes("maxLine", 16 << 20)).unwrap_or(usize::MAX),
                bytes: bytes("maxBytes", 64 << 20),
            },
        })
    }

    /// How long it may take to say what it is.
    pub(super) fn greeting(&self) -> Patience {
        Patience {
            time: self.patience.time.min(GREETING),
            ..self.patience
        }
    }
}

fn mapping(path: &Path) -> Result<Mapping, PullError> {
    let failed = |reason: String| {
        let message = format!("cannot read the mapping {}: {reason}", path.display());
        PullError::new(PullErrorKind::Options, message)
    };
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if size.len() > MOST_MAPPING {
        return Err(failed("it is too large".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let fields: BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    Mapping::of(&fields).map_err(|wrong| failed(wrong.join("; ")))
}
