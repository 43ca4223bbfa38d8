//! Which objects of a source are wanted, and how they are read.

use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::hash;
use archal_core::pull::{Object, Said};
use regex::Regex;

use super::manifest::Manifests;
use crate::ingest::file::MAX_FILE;

/// How far back a listing in order of time begins again.
const OVERLAP: Duration = Duration::from_secs(2 * 24 * 3600);
/// How often everything is listed nevertheless.
const FULL_LIST: Duration = Duration::from_secs(24 * 3600);
/// Patterns of one option.
const MOST_PATTERNS: usize = 50;

/// What was said of a source of objects.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How findings begin an object's name: `s3://bucket/`.
    pub label: String,
    /// What tells this store from any other: rows of another one say nothing.
    pub store: String,
    /// What the keys that are listed begin with.
    pub prefix: String,
    /// Keys that match one of these are read; all are where there is none.
    include: Vec<Regex>,
    /// Keys that match one of these are not.
    exclude: Vec<Regex>,
    /// Keys end with one of these, where there is one.
    suffixes: Vec<String>,
    /// The largest object that is read, in bytes.
    pub most: u64,
    /// Whether keys sort by their time.
    pub is_ordered: bool,
    /// How far back such a listing begins again.
    pub overlap: Duration,
    /// How often everything is listed nevertheless.
    pub full_list: Duration,
    /// Whether only what manifests name is read.
    pub manifests: Option<Manifests>,
    /// What of these decides which objects are read, as text.
    filter: String,
}

/// Why a source cannot be asked as it is registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A pattern is none.
    #[error("`{option}` is a list of patterns, separated by commas, such as `**/*.json`: {reason}")]
    Pattern {
        /// The option.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Settings {
    /// Of a source of `provider`.
    ///
    /// # Errors
    ///
    /// When a pattern is none.
    pub fn of(provider: &str, said: &Said) -> Result<Self, SettingsError> {
        let text = |name: &str| said.text(name).unwrap_or_default();
        let mirror = said.path("mirror").map(|path| path.display().to_string());
        let store = [
            provider,
            text("bucket"),
            text("endpoint"),
            mirror.as_deref().unwrap_or_default(),
        ];
        let filter = ["prefix", "include", "exclude", "suffix", "manifests"].map(text);
        Ok(Self {
            label: format!("{provider}://{}/", text("bucket")),
            store: hash::of_json(&store),
            prefix: text("prefix").to_owned(),
            include: patterns("include", text("include"))?,
            exclude: patterns("exclude", text("exclude"))?,
            suffixes: listed(text("suffix")).map(str::to_owned).collect(),
            most: said.number("maxObject").unwrap_or(MAX_FILE).min(MAX_FILE),
            is_ordered: said.switch("ordered"),
            overlap: said.duration("overlap").unwrap_or(OVERLAP),
            full_list: said.duration("fullList").unwrap_or(FULL_LIST),
            manifests: (text("manifests") == "langfuse").then_some(Manifests::Langfuse),
            filter: hash::of_json(&filter),
        })
    }

    /// What decides which objects a pass reads: one that was cut off is gone on with only where this
    /// is the same.
    pub fn filter(&self, since: Option<Timestamp>) -> String {
        match since {
            Some(since) => format!("{} since {since}", self.filter),
            None => self.filter.clone(),
        }
    }

    /// How objects are read: what could not be read in this way may be in another.
    pub fn way(&self) -> String {
        format!("{} {}", env!("CARGO_PKG_VERSION"), self.most)
    }

    /// Whether objects of that key are read.
    pub fn wants(&self, object: &Object) -> bool {
        let key = object.key.as_str();
        let name = key.rsplit('/').next().unwrap_or(key);
        let is_excluded = self.exclude.iter().any(|one| one.is_match(key));
        // A name that ends so is what consoles make of an empty folder.
        if name.is_empty() || object.size == 0 || is_excluded {
            return false;
        }
        // What is said of the files that are read says nothing of those that name them.
        self.is_manifest(object)
            || (self.suffixes.is_empty()
                || self.suffixes.iter().any(|suffix| key.ends_with(suffix)))
                && (self.include.is_empty() || self.include.iter().any(|one| one.is_match(key)))
    }

    /// Whether an object is too old. A file that manifests name is as old as they are.
    pub fn is_older(&self, object: &Object, since: Option<Timestamp>) -> bool {
        let is_older = matches!((object.modified, since), (Some(at), Some(since)) if at < since);
        is_older && (self.manifests.is_none() || self.is_manifest(object))
    }

    fn is_manifest(&self, object: &Object) -> bool {
        self.manifests
            .is_some_and(|manifests| manifests.is_one(&object.key))
    }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty())
}

fn patterns(option: &'static str, text: &str) -> Result<Vec<Regex>, SettingsError> {
    let failed = |reason: String| SettingsError::Pattern { option, reason };
    let patterns: Vec<&str> = listed(text).collect();
    if patterns.len() > MOST_PATTERNS {
        return Err(failed(format!("more than {MOST_PATTERNS}")));
    }
    patterns
        .into_iter()
        .map(|pattern| Regex::new(&expression(pattern)).map_err(|error| failed(error.to_string())))
        .collect()
}

/// `*` and `?` stand for anything but `/`, `**` for anything.
fn expression(pattern: &str) -> String {
    let mut out = String::from("(?s)^");
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let taken = if let Some(after) = rest.strip_prefix("**/") {
            out.push_str("(?:.*/)?");
            after
        } else if let Some(after) = rest.strip_prefix("**") {
            out.push_str(".*");
            after
        } else {
            match c {
                '*' => out.push_str("[^/]*"),
                '?' => out.push_str("[^/]"),
                other => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
            &rest[c.len_utf8()..]
        };
        rest = taken;
    }
    out.push('$');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use archal_core::pull::SaidValue;

    use super::*;

    fn settings(said: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let said: BTreeMap<String, SaidValue> = said
            .iter()
            .map(|(name, text)| ((*name).to_owned(), SaidValue::Text((*text).to_owned())))
            .collect();
        Settings::of("s3", &Said::new(said))
    }

    #[test]
    fn patterns_and_endings_choose_keys() {
        let all = settings(&[]).expect("settings");
        let some = settings(&[
            ("include", "logs/**/*.json*, other/?.gz"),
            ("exclude", "**/tmp/**"),
            ("suffix", ".json,.gz"),
        ])
        .expect("settings");
        let wants = |settings: &Settings, key: &str, size| {
            settings.wants(&Object {
                key: key.to_owned(),
                size,
                ..Object::default()
            })
        };
        for (key, is_wanted) in [
            ("logs/a.json", true),
            ("logs/2026/11/a.json.gz", true),
            ("logs/2026/11/a.jsonl", false),
            ("other/a.gz", true),
            ("other/ab.gz", false),
            ("logs/tmp/a.json", false),
            ("logs/a\n.json", true),
            ("logsxa.json", false),
        ] {
            assert_eq!(wants(&some, key, 1), is_wanted, "{key}");
            assert!(wants(&all, key, 1), "{key}");
        }
        assert!(!wants(&all, "folder/", 1) && !wants(&all, "empty.json", 0));
    }

    #[test]
    fn manifests_are_read_whatever_is_said_of_files_and_files_are_as_old_as_they_are() {
        let some = settings(&[
            ("manifests", "langfuse"),
            ("suffix", ".jsonl.gz"),
            ("include", "p/observations_v2/**"),
            ("exclude", "p/old/**"),
        ])
        .expect("settings");
        let object = |key: &str| Object {
            key: key.to_owned(),
            size: 1,
            modified: Some(Timestamp::UNIX_EPOCH),
            ..Object::default()
        };
        let wanted = [
            "p/manifests/1.json",
            "p/observations_v2/1.jsonl.gz",
            "p/observations_v2/1.csv.gz",
            "p/scores/1.jsonl.gz",
            "p/old/manifests/1.json",
        ]
        .map(|key| some.wants(&object(key)));
        assert_eq!(wanted, [true, true, false, false, false]);
        let since = Timestamp::from_second(1).ok();
        assert!(some.is_older(&object("p/manifests/1.json"), since));
        assert!(!some.is_older(&object("p/observations_v2/1.jsonl.gz"), since));
        let all = settings(&[]).expect("settings");
        assert!(all.is_older(&object("p/observations_v2/1.jsonl.gz"), since));
    }

    #[test]
    fn what_chooses_objects_tells_passes_apart() {
        let of = |said: &[(&str, &str)]| settings(said).expect("settings");
        let one = of(&[("bucket", "a"), ("prefix", "x/")]);
        let other = of(&[("bucket", "a"), ("prefix", "y/")]);
        assert_eq!(one.store, other.store);
        assert_ne!(one.filter(None), other.filter(None));
        assert_ne!(one.filter(None), one.filter(Some(Timestamp::UNIX_EPOCH)));
        assert_ne!(one.store, of(&[("bucket", "b"), ("prefix", "x/")]).store);
        assert_eq!(one.label, "s3://a/");
    }
}
