//! A run as one file for somebody else: its events, artifacts and process records.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use archal_core::hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::{Place, RunId};
use crate::store::atomic;

/// A larger run is not put into one file.
const LARGEST: u64 = 256 << 20;
/// Folders below the artifacts that are looked into.
const DEEPEST: usize = 4;

/// The document of `archal pdca export`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bundle {
    /// The run.
    pub run_id: String,
    /// Its files, in order of their paths.
    pub files: Vec<Packed>,
}

/// A file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Packed {
    /// Where it lies in `.archeflow`.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
    /// What it holds, where that is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it holds in base64, where that is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// Why a run was not packed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is too large.
    #[error("the files of run {0} are larger than 256 MiB together")]
    TooLarge(RunId),
}

/// Packs a run. Links are left out: what they lead to is not part of it.
///
/// # Errors
///
/// When a file cannot be read or all are too large.
pub fn pack(place: &Place, run: &RunId) -> Result<Bundle, BundleError> {
    pack_within(place, run, LARGEST)
}

fn pack_within(place: &Place, run: &RunId, largest: u64) -> Result<Bundle, BundleError> {
    let mut paths = Vec::new();
    collect(&place.artifacts(run), DEEPEST, &mut paths)?;
    collect(&place.run(run), DEEPEST, &mut paths)?;
    if place.events(run).is_file() {
        paths.push(place.events(run));
    }
    paths.sort();
    let mut bundle = Bundle {
        run_id: run.to_string(),
        files: Vec::new(),
    };
    let mut size = 0_u64;
    for path in paths {
        let mut bytes = Vec::new();
        // One byte more than there is room for: no larger file comes into memory.
        let read = File::open(&path).and_then(|file| {
            let room = (largest - size).saturating_add(1);
            file.take(room).read_to_end(&mut bytes)
        });
        read.map_err(|source| BundleError::Read {
            path: path.clone(),
            source,
        })?;
        size = size.saturating_add(bytes.len() as u64);
        if size > largest {
            return Err(BundleError::TooLarge(run.clone()));
        }
        let inside = path.strip_prefix(place.root()).unwrap_or(&path);
        let sha256 = hash::sha256(&bytes);
        let (text, base64) = match String::from_utf8(bytes) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        bundle.files.push(Packed {
            path: inside.to_string_lossy().into_owned(),
            sha256,
            text,
            base64,
        });
    }
    Ok(bundle)
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), BundleError> {
    let failed = |source| BundleError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, paths)?;
        } else if kind.is_file() && !atomic::is_unfinished(&entry.file_name()) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_larger_than_the_bound_is_not_packed_and_one_as_large_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        let run = RunId::new("a").expect("an id");
        fs::create_dir_all(place.artifacts(&run)).expect("a folder");
        for name in ["x.md", "y.md"] {
            fs::write(place.artifacts(&run).join(name), "12345").expect("written");
        }
        let packed = pack_within(&place, &run, 10).expect("packed");
        assert_eq!(packed.files.len(), 2);
        let refused = pack_within(&place, &run, 9).expect_err("too large");
        assert_eq!(
            refused.to_string(),
            "the files of run a are larger than 256 MiB together"
        );
        // A file that is longer than any memory is not read to its end.
        let file = File::create(place.artifacts(&run).join("z.md")).expect("a file");
        file.set_len(1 << 40).expect("set");
        let refused = pack(&place, &run).expect_err("too large");
        assert!(matches!(refused, BundleError::TooLarge(_)), "{refused}");
    }

    #[test]
    fn a_run_is_packed_whole_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        let (run, other) = (
            RunId::new("a").expect("an id"),
            RunId::new("b").expect("an id"),
        );
        for (path, bytes) in [
            (place.artifacts(&run).join("cycle-1/x.md"), &b"x"[..]),
            (place.artifacts(&run).join("y.bin"), b"\xff\x00"),
            (place.run(&run).join("processes.jsonl"), b"{}\n"),
            (place.events(&run), b"{}\n"),
            (place.artifacts(&other).join("z.md"), b"z"),
        ] {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("written");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", place.artifacts(&run).join("link"))
            .expect("a link");
        let bundle = pack(&place, &run).expect("packed");
        let told: Vec<_> = bundle
            .files
            .iter()
            .map(|file| {
                (
                    file.path.as_str(),
                    file.text.as_deref(),
                    file.base64.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("artifacts/a/cycle-1/x.md", Some("x"), None),
                ("artifacts/a/y.bin", None, Some("/wA=")),
                ("events/a.jsonl", Some("{}\n"), None),
                ("runs/a/processes.jsonl", Some("{}\n"), None),
            ]
        );
        assert_eq!(bundle.files[0].sha256, hash::sha256(b"x"));
    }
}
