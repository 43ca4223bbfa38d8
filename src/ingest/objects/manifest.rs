//! Manifests: lists of files that an export writes when the files are there.

use serde::Deserialize;

/// The largest manifest, in bytes.
pub const LARGEST: u64 = 16 << 20;

/// Whose manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manifests {
    /// `{prefix}{project}/manifests/{time}.json` of Langfuse's export to blob storage.
    Langfuse,
}

/// A file that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its key.
    pub key: String,
    /// Why it cannot be read, where its format says so.
    pub unreadable: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Langfuse {
    version: u64,
    files: Vec<LangfuseFile>,
}

#[derive(Debug, Deserialize)]
struct LangfuseFile {
    key: String,
    #[serde(default)]
    table: String,
    #[serde(default)]
    format: String,
}

impl Manifests {
    /// Whether a key is that of a manifest.
    pub fn is_one(self, key: &str) -> bool {
        let mut parts = key.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let is_json = name.len() > 5 && name.ends_with(".json");
        is_json && parts.next() == Some("manifests") && parts.next().is_some()
    }

    /// The files that a manifest names.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn read(self, bytes: &[u8]) -> Result<Vec<Named>, String> {
        let read: Langfuse =
            serde_json::from_slice(bytes).map_err(|error| format!("no manifest: {error}"))?;
        if read.version != 1 {
            return Err(format!(
                "a manifest of version {}, and this archal reads version 1",
                read.version
            ));
        }
        Ok(read.files.into_iter().map(LangfuseFile::named).collect())
    }
}

impl LangfuseFile {
    fn named(self) -> Named {
        let format = self.format.to_ascii_lowercase();
        let unreadable = matches!(format.as_str(), "csv" | "parquet").then(|| {
            format!(
                "`{}` is exported as {format}; choose JSONL in Langfuse's settings of the export",
                self.table
            )
        });
        Named {
            key: self.key,
            unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_its_files_and_other_keys_are_none() {
        let of = Manifests::Langfuse;
        assert!(of.is_one("exports/p1/manifests/2026-11-01T00-00-00.json"));
        for key in [
            "exports/p1/observations_v2/2026-11-01T00-00-00.json",
            "manifests/a.json",
            "exports/DEPRECATION_NOTICE.txt",
            "exports/manifests/.json",
            "exports/manifests/x/a.json",
        ] {
            assert!(!of.is_one(key), "{key}");
        }
        let text = br#"{"version":1,"files":[
            {"key":"p/observations_v2/a.jsonl.gz","table":"observations_v2","format":"JSONL","rowCount":3},
            {"key":"p/scores/a.parquet","table":"scores","format":"PARQUET","rowCount":null}]}"#;
        let read = of.read(text).expect("a manifest");
        assert_eq!(read[0].key, "p/observations_v2/a.jsonl.gz");
        assert_eq!(read[0].unreadable, None);
        let why = read[1].unreadable.as_deref().unwrap_or_default();
        assert!(why.contains("JSONL"), "{why}");
        let error = of.read(br#"{"version":2,"files":[]}"#).expect_err("newer");
        assert!(error.contains("version 2"), "{error}");
        assert!(of.read(b"[]").is_err());
    }
}
