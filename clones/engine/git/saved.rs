//! The whole store as text, for states that are saved.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::object::Kind;
use super::objects::Objects;
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
}

fn write(out: &mut impl Write, kind: Kind, here: bool, bytes: &Bytes) -> io::Result<()> {
    let at = KINDS.iter().position(|one| *one == kind).unwrap_or(0);
    out.write_all(&[u8::try_from(at).unwrap_or(0), u8::from(here)])?;
    out.write_all(&(bytes.len() as u64).to_be_bytes())?;
    out.write_all(bytes)
}
