//! Answers to questions that were asked before.
//!
//! Only answers that decide and whose quotes were found are kept; a quote is looked for again when
//! an answer is taken from here, so a file that somebody changed decides nothing by itself.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use archal_core::clock::Timestamp;
use archal_core::hash;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::config::judge::Chosen;
use crate::store::atomic::{self, Durability, WriteError};

use super::answer::Answer;
use super::question::Prompt;

/// The value of `schema` in a kept answer.
const SCHEMA: &str = "archal.judge-answer";
const VERSION: u32 = 1;
/// A larger file is none of these.
const FILE: u64 = 256 << 10;
/// The most answers that are kept; above that the oldest go.
const MOST: usize = 2_000;
/// The folder is looked through at the first answer of a process and after each of so many.
const LOOK: u32 = 256;
/// A model's name may stand for another model by then.
const AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The folder of kept answers.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    written: AtomicU32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    schema: String,
    version: u32,
    key: String,
    at: Timestamp,
    model: String,
    answer: Answer,
}

/// What names a question: who is asked and every byte of it.
pub(super) fn key(judge: &Chosen, model: &str, prompt: &Prompt) -> String {
    hash::of_json(&(
        VERSION,
        judge.provider,
        &judge.base_url,
        model,
        &prompt.system,
        &prompt.user,
    ))
}

impl Cache {
    /// The answers in `folder`, which need not be there.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            written: AtomicU32::new(0),
        }
    }

    /// The answer to a question, where it was asked within the last month.
    pub(super) fn get(&self, key: &str, now: Timestamp) -> Option<Answer> {
        let mut text = String::new();
        let file = File::open(self.path(key)).ok()?;
        file.take(FILE + 1).read_to_string(&mut text).ok()?;
        let kept: Kept = serde_json::from_str(&text).ok()?;
        let is_mine = kept.schema == SCHEMA && kept.version == VERSION && kept.key == key;
        let age = now.duration_since(kept.at);
        (is_mine && age < AGE && age > -AGE).then_some(kept.answer)
    }

    /// Keeps an answer.
    pub(super) fn put(
        &self,
        key: &str,
        model: &str,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let kept = Kept {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            key: key.to_owned(),
            at: now,
            model: model.to_owned(),
            answer: answer.clone(),
        };
        atomic::write_json(&self.path(key), &kept, Durability::Derived)?;
        if self
            .written
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(LOOK)
        {
            self.bound(MOST);
        }
        Ok(())
    }

    /// Removes the oldest answers where there are too many, a tenth at a time.
    fn bound(&self, most: usize) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let changed = entry.metadata().ok()?.modified().ok()?;
                Some((changed, entry.path()))
            })
            .collect();
        if files.len() <= most {
            return;
        }
        files.sort();
        let too_many = files.len() - most + most / 10;
        for (_, path) in files.into_iter().take(too_many) {
            // Somebody else may have removed it, which is as well.
            _ = fs::remove_file(path);
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        let name = key.trim_start_matches("sha256:");
        self.folder.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::answer::Verdict;

    fn answer() -> Answer {
        Answer {
            verdict: Verdict::Pass,
            quotes: vec!["closed as stale".to_owned()],
            reason: "It says so.".to_owned(),
            step: None,
            owner: None,
        }
    }

    #[test]
    fn an_answer_is_found_again_for_a_month_and_only_under_its_own_key() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let cache = Cache::new(folder.path().join("judge"));
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("valid");
        let later = |days: i64| {
            now.checked_add(SignedDuration::from_hours(24 * days))
                .expect("in range")
        };
        assert_eq!(cache.get("sha256:aa", now), None);
        cache
            .put("sha256:aa", "m", &answer(), now)
            .expect("written");
        assert_eq!(cache.get("sha256:aa", later(29)), Some(answer()));
        assert_eq!(cache.get("sha256:aa", later(30)), None);
        assert_eq!(cache.get("sha256:bb", now), None);
        fs::copy(cache.path("sha256:aa"), cache.path("sha256:bb")).expect("copied");
        assert_eq!(cache.get("sha256:bb", now), None);
        fs::write(cache.path("sha256:aa"), "{").expect("written");
        assert_eq!(cache.get("sha256:aa", now), None);
    }

    #[test]
    fn too_many_answers_make_room() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let cache = Cache::new(folder.path().to_owned());
        for number in 0..30 {
            fs::write(cache.path(&format!("{number:02}")), "{}").expect("written");
        }
        cache.bound(40);
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 30);
        cache.bound(20);
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 18);
    }
}
