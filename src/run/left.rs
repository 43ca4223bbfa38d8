//! What a harness printed and the files it left for archal, kept as evidence.

use std::fs;
use std::path::Path;

use crate::sandbox::child::ChildEnd;
use crate::store::atomic::{self, Durability};

use super::environment::{METRICS_FILE, TRACE_FILE};
use super::scrub::Scrubber;

/// Where it is, and where it is kept.
pub(super) struct Left<'a> {
    pub(super) scrubber: &'a Scrubber,
    pub(super) evidence: &'a Path,
    pub(super) agent_folder: &'a Path,
}

impl Left<'_> {
    /// Keeps it with secrets taken out. A note says which of the files was none.
    pub(super) fn keep(&self, child: &ChildEnd) -> Result<Vec<String>, atomic::WriteError> {
        for (name, bytes, dropped) in [
            ("stdout", &child.stdout, child.stdout_dropped),
            ("stderr", &child.stderr, child.stderr_dropped),
        ] {
            let mut bytes = self.scrubber.bytes(bytes);
            if dropped > 0 {
                bytes.extend_from_slice(
                    format!("\n[archal: {dropped} more bytes were not kept]\n").as_bytes(),
                );
            }
            atomic::write(&self.evidence.join(name), &bytes, Durability::Derived)?;
        }
        let mut notes = Vec::new();
        for (variable, name) in [
            ("AGENT_TRACE_FILE", TRACE_FILE),
            ("AGENT_METRICS_FILE", METRICS_FILE),
        ] {
            let left = self.agent_folder.join(name);
            let kept = self.evidence.join(name);
            match self.scrubber.file(&left) {
                Some(bytes) => atomic::write(&kept, &bytes, Durability::Derived)?,
                None => {
                    if let Some(reason) = Scrubber::refused(&left) {
                        notes.push(format!("{variable}: {reason} and was not kept"));
                    }
                    // A link or a pipe in the evidence folder is not evidence.
                    fs::remove_file(&kept)
                        .or_else(|_| fs::remove_dir_all(&kept))
                        .ok();
                }
            }
        }
        Ok(notes)
    }
}
