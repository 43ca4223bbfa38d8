//! Contents of files that are too long for memory: they go to disk and come from there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use archal_core::clone::Spool;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use tempfile::NamedTempFile;

use super::object::Kind;
use super::objects::Objects;
use super::oid::Oid;
use super::program::{GitFailure, git, started};

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

impl Objects {
    /// Adds the content of a file, a piece at a time, on disk alone.
    pub(crate) fn put_file(&self, path: &Path) -> Result<Oid, GitFailure> {
        let folder = self.on_disk()?.join("objects");
        let mut file = File::open(path)?;
        let head = format!("{} {}\0", Kind::Blob.name(), file.metadata()?.len());
        let mut hash = gix_hash::hasher(gix_hash::Kind::Sha1);
        let mut held = NamedTempFile::new_in(&folder)?;
        let mut packed = ZlibEncoder::new(held.as_file_mut(), Compression::fast());
        hash.update(head.as_bytes());
        packed.write_all(head.as_bytes())?;
        let mut piece = vec![0; PIECE];
        loop {
            let length = file.read(&mut piece)?;
            if length == 0 {
                break;
            }
            hash.update(&piece[..length]);
            packed.write_all(&piece[..length])?;
        }
        packed.finish()?;
        let id = hash.try_finalize().map_err(io::Error::other)?;
        let oid = Oid::from(id);
        let name = oid.to_string();
        let below = folder.join(&name[..2]);
        fs::create_dir_all(&below)?;
        held.persist(below.join(&name[2..]))
            .map_err(|error| error.error)?;
        self.received();
        Ok(oid)
    }

    /// The content of a file that is on disk alone, as a file of its own.
    pub(crate) fn blob_file(&self, oid: &Oid) -> Result<Spool, GitFailure> {
        let folder = self.on_disk()?;
        let held = NamedTempFile::with_prefix("archal-body-")?;
        let status = git(&folder)
            .args(["cat-file", "blob", &oid.to_string()])
            .stdout(held.reopen()?)
            .status()
            .map_err(started)?;
        if !status.success() {
            return Err(GitFailure::Failed {
                what: "cat-file".to_owned(),
                stderr: format!("{oid} is no file"),
            });
        }
        let length = held.as_file().metadata()?.len();
        let path = held.into_temp_path();
        Ok(Spool::new(path.to_path_buf(), length, None, path))
    }
}
