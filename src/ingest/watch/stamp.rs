//! What tells one content of a file from another without reading it.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

/// A file as it was when it was looked at: another stamp means that it is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The file system it lies on.
    pub device: u64,
    /// Its number there; a file renamed into place has another one.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written to, in nanoseconds since 1970; before that it is negative.
    pub modified_ns: i64,
}

impl Stamp {
    /// The stamp of the file that `metadata` is of.
    pub fn of(metadata: &Metadata) -> Self {
        let (device, inode) = place(metadata);
        Self {
            device,
            inode,
            size: metadata.len(),
            modified_ns: modified(metadata),
        }
    }

    /// The stamp of the file at `path`, of a link that of the file it leads to.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::metadata(path)?))
    }

    /// As a database keeps it.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.device.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.inode.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.size.to_be_bytes());
        bytes[24..].copy_from_slice(&self.modified_ns.to_be_bytes());
        bytes
    }

    /// From [`to_bytes`](Self::to_bytes); none of anything else.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let part = |at: usize| bytes.get(at..at + 8)?.try_into().ok();
        (bytes.len() == 32).then_some(())?;
        Some(Self {
            device: u64::from_be_bytes(part(0)?),
            inode: u64::from_be_bytes(part(8)?),
            size: u64::from_be_bytes(part(16)?),
            modified_ns: i64::from_be_bytes(part(24)?),
        })
    }

    /// Whether both are of one file, so that what differs was written in place.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

#[cfg(unix)]
fn place(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn place(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(unix)]
fn modified(metadata: &Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

#[cfg(not(unix))]
fn modified(metadata: &Metadata) -> i64 {
    metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}
