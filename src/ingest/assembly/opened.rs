//! A batch file that is read again, for traces in it to which something is added.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::source::DecodedTrace;
use archal_core::trace::{BatchSource, Trace};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A batch file that was read, and where in it each trace stands.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    text: String,
    /// By id: the batch's source, and the trace's bytes.
    places: HashMap<String, (Arc<BatchSource>, Range<usize>)>,
}

impl Opened {
    /// Reads a batch file; none where it is gone, or no text.
    pub fn read(path: &Path) -> Option<Self> {
        #[derive(Deserialize)]
        struct Batch<'a> {
            source: BatchSource,
            #[serde(borrow)]
            traces: Vec<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let text = fs::read_to_string(path).ok()?;
        let mut places = HashMap::new();
        let mut batches = serde_json::Deserializer::from_str(&text).into_iter::<Batch<'_>>();
        while let Some(Ok(batch)) = batches.next() {
            let source = Arc::new(batch.source);
            for raw in batch.traces {
                let Ok(named) = serde_json::from_str::<Named>(raw.get()) else {
                    continue;
                };
                // It is a part of the text.
                let begin = raw.get().as_ptr().addr() - text.as_ptr().addr();
                let place = begin..begin + raw.get().len();
                places
                    .entry(named.id)
                    .or_insert_with(|| (Arc::clone(&source), place));
            }
        }
        Some(Self {
            path: path.to_owned(),
            text,
            places,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A trace as it stands there, by its id.
    pub fn trace(&self, id: &str) -> Option<DecodedTrace> {
        let (source, place) = self.places.get(id)?;
        let trace: Trace = serde_json::from_str(self.text.get(place.clone())?).ok()?;
        Some(DecodedTrace {
            source: source.name.clone(),
            project: source.project.clone(),
            trace,
            ..DecodedTrace::default()
        })
    }
}
