//! The whole store as text, for states that are saved.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use super::object::Kind;
use super::objects::{Objects, reading, writing};
use super::oid::Oid;
use super::program::{GitFailure, run};

const KINDS: [Kind; 4] = [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag];

impl Objects {
    /// Every object: kind, whether it was made here, length and bytes of each, compressed.
    pub(crate) fn save(&self) -> Result<String, GitFailure> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
        let held = self.since(0);
        for (oid, kind, bytes) in &held {
            write(&mut out, *kind, self.made_here(oid), bytes)?;
        }
        let held: HashSet<Oid> = held.into_iter().map(|(oid, ..)| oid).collect();
        if self.has_received() {
            let folder = self.on_disk()?;
            let list = [
                "cat-file",
                "--batch-all-objects",
                "--batch-check=%(objectname)",
            ];
            let (_, names) = run(&folder, &list, &[0])?;
            for name in String::from_utf8_lossy(&names).lines() {
                let Ok(oid) = name.parse() else { continue };
                if held.contains(&oid) {
                    continue;
                }
                let (kind, bytes) = self.get(&oid).ok_or_else(|| GitFailure::Failed {
                    what: "cat-file".to_owned(),
                    stderr: format!("{oid} cannot be read"),
                })?;
                write(&mut out, kind, false, &bytes)?;
            }
        }
        Ok(STANDARD.encode(out.finish()?))
    }

    /// Puts back what [`Self::save`] wrote; false where the text is none of it.
    pub(crate) fn load(&self, saved: &str) -> bool {
        let read = || -> io::Result<()> {
            let packed = STANDARD.decode(saved).map_err(io::Error::other)?;
            let mut reader = ZlibDecoder::new(packed.as_slice());
            let mut head = [0; 10];
            while reader.read(&mut head[..1])? == 1 {
                reader.read_exact(&mut head[1..])?;
                let kind = KINDS.get(usize::from(head[0]));
                let kind = kind.ok_or(io::ErrorKind::InvalidData)?;
                let mut length = [0; 8];
                length.copy_from_slice(&head[2..]);
                let mut bytes = Vec::new();
                let length = u64::from_be_bytes(length);
                let read = reader.by_ref().take(length).read_to_end(&mut bytes)?;
                if read as u64 != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.hold(*kind, bytes.into(), head[1] == 1);
            }
            Ok(())
        };
        read().is_ok()
    }

    /// What evidence writes for ids, where that was asked for, and beginnings of ids that answers showed:
    /// which times were known at the moment of asking decided about it. What was made in which repository,
    /// and in what order.
    pub(crate) fn save_names(&self) -> Value {
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
        let made: Vec<Value> = reading(&self.made)
            .iter()
            .map(|(repository, oid)| json!([repository, oid.to_string()]))
            .collect();
        let places: Vec<Value> = reading(&self.places)
            .iter()
            .map(|(oid, place)| json!([oid.to_string(), place]))
            .collect();
        json!({"aliases": aliases, "shorts": shorts, "made": made, "places": places})
    }

    /// Puts back what [`Self::save_names`] wrote; none where it is something else.
    pub(crate) fn load_names(&self, saved: &Value) -> Option<()> {
        for pair in saved["aliases"].as_array()? {
            let (oid, alias) = (pair[0].as_str()?, pair[1].as_str()?);
            writing(&self.aliases).insert(oid.parse().ok()?, alias.parse().ok()?);
        }
        for pair in saved["shorts"].as_array()? {
            let (short, oid) = (pair[0].as_str()?, pair[1].as_str()?);
            writing(&self.shorts).insert(short.to_owned(), oid.parse().ok()?);
        }
        for pair in saved["made"].as_array()? {
            let (repository, oid) = (pair[0].as_i64()?, pair[1].as_str()?);
            self.made_in(repository, oid.parse().ok()?);
        }
        // States that were saved before places were noted have none.
        for pair in saved["places"].as_array().into_iter().flatten() {
            let (oid, place) = (pair[0].as_str()?, pair[1].as_i64()?);
            self.placed(oid.parse().ok()?, place);
        }
        Some(())
    }
}

fn write(out: &mut impl Write, kind: Kind, here: bool, bytes: &Bytes) -> io::Result<()> {
    let at = KINDS.iter().position(|one| *one == kind).unwrap_or(0);
    out.write_all(&[u8::try_from(at).unwrap_or(0), u8::from(here)])?;
    out.write_all(&(bytes.len() as u64).to_be_bytes())?;
    out.write_all(bytes)
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
        store.made_in(7, mine);
        store.placed(mine, 12);

        let saved = store.save().expect("saved");
        let again = Objects::new(base);
        assert!(again.load(&saved));
        again
            .load_names(&store.save_names())
            .expect("what was saved");
        assert_eq!(again.save().expect("saved"), saved);
        assert_eq!(again.save_names(), store.save_names());
        assert_eq!(again.blob(&mine).as_deref(), Some(&b"made here"[..]));
        assert_eq!(again.blob(&foreign).as_deref(), Some(&b"made by git"[..]));
        assert!(again.made_here(&mine) && !again.made_here(&foreign));
        assert_eq!(again.beginning_with(&short), Some(foreign));
        let folder = again.on_disk().expect("a repository");
        for oid in [mine, foreign] {
            run(&folder, &["cat-file", "-e", &oid.to_string()], &[0]).expect("git has it");
        }
        assert_eq!(again.made_by(7), [mine]);
        assert_eq!(again.place(&mine), 12);
        assert!(!again.load("sheep"));
    }
}
