//! The whole store as a document, for a state that is saved.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::object::Kind;
use super::objects::{Held, Objects, reading, writing};
use super::oid::Oid;
use super::program::{GitFailure, run};

impl Objects {
    /// Every object with what evidence writes for its id, where that was asked for; those that were made
    /// here come first, in their order.
    pub(crate) fn save(&self) -> Value {
        let listed = match self.every_id() {
            Ok(listed) => listed,
            // A state without its objects is none: whoever reads it is told why.
            Err(failure) => return json!({ "missing": failure.to_string() }),
        };
        let objects: Vec<Value> = listed
            .iter()
            .filter_map(|oid| {
                let (kind, bytes) = self.get(oid)?;
                let content = STANDARD.encode(&bytes);
                Some(json!([kind.name(), self.made_here(oid), content]))
            })
            .collect();
        let mut aliases: Vec<[String; 2]> = reading(&self.aliases)
            .iter()
            .map(|(oid, alias)| [oid.to_string(), alias.to_string()])
            .collect();
        aliases.sort_unstable();
        let mut shorts: Vec<[String; 2]> = reading(&self.shorts)
            .iter()
            .map(|(short, oid)| [short.clone(), oid.to_string()])
            .collect();
        shorts.sort_unstable();
        json!({"objects": objects, "aliases": aliases, "shorts": shorts})
    }

    fn every_id(&self) -> Result<Vec<Oid>, GitFailure> {
        let mut listed: Vec<Oid> = self.since(0).into_iter().map(|(oid, ..)| oid).collect();
        let known: BTreeSet<Oid> = listed.iter().copied().collect();
        let mut others: BTreeSet<Oid> = self.in_memory().into_iter().collect();
        let folder = self.received_into();
        if let Some(folder) = folder {
            let arguments = [
                "cat-file",
                "--batch-all-objects",
                "--batch-check=%(objectname)",
            ];
            let (_, stdout) = run(&folder, &arguments, &[0])?;
            let text = String::from_utf8_lossy(&stdout).into_owned();
            others.extend(text.lines().filter_map(|line| line.parse::<Oid>().ok()));
        }
        listed.extend(others.difference(&known));
        Ok(listed)
    }

    /// Adds what [`Objects::save`] wrote; none where it is something else.
    pub(crate) fn load(&self, saved: &Value) -> Option<()> {
        for object in saved["objects"].as_array()? {
            let kind = Kind::named(object[0].as_str()?)?;
            let here = object[1].as_bool()?;
            let bytes = STANDARD.decode(object[2].as_str()?).ok()?;
            if here {
                self.put(kind, bytes);
            } else {
                self.put_foreign(kind, bytes.into());
            }
        }
        for pair in saved["aliases"].as_array()? {
            let (oid, alias) = (pair[0].as_str()?, pair[1].as_str()?);
            writing(&self.aliases).insert(oid.parse().ok()?, alias.parse().ok()?);
        }
        for pair in saved["shorts"].as_array()? {
            let (short, oid) = (pair[0].as_str()?, pair[1].as_str()?);
            writing(&self.shorts).insert(short.to_owned(), oid.parse().ok()?);
        }
        Some(())
    }

    /// Adds an object that git wrote in the life of the store before this one. It is among those that are
    /// written to disk, where git has to find it again.
    fn put_foreign(&self, kind: Kind, bytes: bytes::Bytes) {
        let oid = Oid::of(kind, &bytes);
        let held = Held {
            kind,
            bytes,
            here: false,
        };
        let mut memory = writing(&self.memory);
        if memory.objects.insert(oid, held).is_none() {
            memory.order.push(oid);
            self.used.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::times::KnownTimes;

    #[test]
    fn a_store_that_was_saved_has_every_object_here_and_for_git() {
        let base = "2026-01-10T12:00:00Z".parse().expect("a time");
        let store = Objects::new(base);
        let mine = store.put(Kind::Blob, "made here");
        let folder = store.on_disk().expect("a repository");
        let file = folder.join("foreign");
        std::fs::write(&file, "made by git").expect("written");
        let name = file.display().to_string();
        let (_, stdout) = run(&folder, &["hash-object", "-w", &name], &[0]).expect("git");
        store.received();
        let text = String::from_utf8(stdout).expect("text");
        let foreign: Oid = text.trim().parse().expect("an id");
        let short = store.short(&foreign, 7);
        store.alias(&mine, &KnownTimes::default());

        let saved = store.save();
        let again = Objects::new(base);
        again.load(&saved).expect("what was saved");
        assert_eq!(again.save(), saved);
        assert_eq!(again.blob(&mine).as_deref(), Some(&b"made here"[..]));
        assert_eq!(again.blob(&foreign).as_deref(), Some(&b"made by git"[..]));
        assert!(again.made_here(&mine) && !again.made_here(&foreign));
        assert_eq!(again.beginning_with(&short), Some(foreign));
        let folder = again.on_disk().expect("a repository");
        for oid in [mine, foreign] {
            run(&folder, &["cat-file", "-e", &oid.to_string()], &[0]).expect("git has it");
        }
        assert!(
            again
                .load(&json!({"objects": [["sheep", true, ""]]}))
                .is_none()
        );
    }
}
