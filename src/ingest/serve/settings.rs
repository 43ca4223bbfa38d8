//! What a registered source is served with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use archal_core::source::SourceDescriptor;

use super::{Pace, ServeOptions, SpoolLimits};
use crate::ingest::subscription::Subscription;

/// The largest body where nobody says.
const MOST_BODY: u64 = 64 << 20;
/// The largest mapping that is read.
const MOST_MAPPING: u64 = 1 << 20;

/// Why a source cannot be served as it is registered.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The variable with its token is not set.
    #[error("the variable {variable}, which has the token of this source, is not set")]
    NoToken {
        /// The variable.
        variable: String,
    },
    /// The mapping cannot be read.
    #[error("cannot read the mapping {}: {reason}", path.display())]
    Mapping {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl ServeOptions {
    /// Of a source in the registry, whose provider is `source`.
    ///
    /// # Errors
    ///
    /// When its token or mapping is not there.
    pub fn of(
        subscription: &Subscription,
        source: &'static SourceDescriptor,
    ) -> Result<Self, SettingsError> {
        let said = &subscription.source.options;
        let token = match said.text("tokenEnv") {
            Some(variable) => Some(
                subscription
                    .environment
                    .get(variable)
                    .ok_or_else(|| SettingsError::NoToken {
                        variable: variable.to_owned(),
                    })?
                    .to_owned(),
            ),
            None => None,
        };
        let mapping = match said.path("mapping") {
            Some(path) => read_mapping(&path)?,
            None => BTreeMap::new(),
        };
        let doors = source.push.map(|push| push.doors).unwrap_or_default();
        let mut pace = Pace::default();
        pace.settle = said.duration("settle").unwrap_or(pace.settle);
        let most_body = said.size("maxBody").unwrap_or(MOST_BODY);
        Ok(Self {
            source,
            name: subscription.source.name.clone(),
            spool: subscription.spool.clone(),
            trace_directory: subscription.source.trace_dir.clone(),
            addresses: doors.iter().map(|door| said.listen(door.option)).collect(),
            most_body: usize::try_from(most_body).unwrap_or(usize::MAX),
            mapping,
            token,
            redactor: subscription.redactor.clone(),
            pace,
            limits: SpoolLimits::default(),
        })
    }
}

/// The fields of a mapping file: a JSON object of texts.
///
/// # Errors
///
/// When it cannot be read, or is something else.
pub fn read_mapping(path: &Path) -> Result<BTreeMap<String, String>, SettingsError> {
    let failed = |reason: String| SettingsError::Mapping {
        path: path.to_owned(),
        reason,
    };
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if size.len() > MOST_MAPPING {
        return Err(failed("it is too large".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_an_object_of_texts() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mapping.json");
        fs::write(&file, r#"{"id": "run.id"}"#).expect("writable");
        let read = read_mapping(&file).expect("a mapping");
        assert_eq!(read["id"], "run.id");
        fs::write(&file, r#"{"id": 7}"#).expect("writable");
        let error = read_mapping(&file).expect_err("no text").to_string();
        assert!(error.contains("mapping.json"), "{error}");
    }
}
