//! What commits, tags and trees are in bytes.

use gix_object::bstr::{BString, ByteSlice as _};
use gix_object::{CommitRef, TagRef, TreeRef, WriteTo, tree};
use jiff::Timestamp;

use super::oid::Oid;

const SHA1: gix_hash::Kind = gix_hash::Kind::Sha1;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The content of a file.
    Blob,
    /// A folder.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl Kind {
    /// As git writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }

    /// The kind of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Blob, Self::Tree, Self::Commit, Self::Tag]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl From<Kind> for gix_object::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Blob => Self::Blob,
            Kind::Tree => Self::Tree,
            Kind::Commit => Self::Commit,
            Kind::Tag => Self::Tag,
        }
    }
}

impl From<gix_object::Kind> for Kind {
    fn from(kind: gix_object::Kind) -> Self {
        match kind {
            gix_object::Kind::Blob => Self::Blob,
            gix_object::Kind::Tree => Self::Tree,
            gix_object::Kind::Commit => Self::Commit,
            gix_object::Kind::Tag => Self::Tag,
        }
    }
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// A file.
    File,
    /// A file that can be run.
    Executable,
    /// A symbolic link; its target is the blob.
    Link,
    /// A folder.
    Tree,
    /// A commit of a submodule.
    Submodule,
}

impl Mode {
    /// Six octal digits, as the service writes them.
    pub(crate) fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Tree => "040000",
            Self::Submodule => "160000",
        }
    }

    /// The mode of those digits.
    pub(crate) fn from_octal(text: &str) -> Option<Self> {
        [
            Self::File,
            Self::Executable,
            Self::Link,
            Self::Tree,
            Self::Submodule,
        ]
        .into_iter()
        .find(|mode| mode.octal().trim_start_matches('0') == text.trim_start_matches('0'))
    }

    /// The kind of object it leads to.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Tree => Kind::Tree,
            Self::Submodule => Kind::Commit,
            Self::File | Self::Executable | Self::Link => Kind::Blob,
        }
    }

    fn of(mode: tree::EntryMode) -> Self {
        match mode.kind() {
            tree::EntryKind::Tree => Self::Tree,
            tree::EntryKind::Blob => Self::File,
            tree::EntryKind::BlobExecutable => Self::Executable,
            tree::EntryKind::Link => Self::Link,
            tree::EntryKind::Commit => Self::Submodule,
        }
    }

    fn entry(self) -> tree::EntryMode {
        match self {
            Self::Tree => tree::EntryKind::Tree,
            Self::File => tree::EntryKind::Blob,
            Self::Executable => tree::EntryKind::BlobExecutable,
            Self::Link => tree::EntryKind::Link,
            Self::Submodule => tree::EntryKind::Commit,
        }
        .into()
    }
}

/// An entry of a tree. Names are text; bytes of a pushed tree that are none are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// What it is.
    pub mode: Mode,
    /// Its name in the folder.
    pub name: String,
    /// The object.
    pub oid: Oid,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Seconds since the epoch.
    pub seconds: i64,
    /// The distance of local time from UTC in seconds.
    pub offset: i32,
}

impl Signature {
    /// Somebody at a time, UTC.
    pub(crate) fn new(name: &str, email: &str, at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            seconds: at.as_second(),
            offset: 0,
        }
    }

    /// The time.
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_second(self.seconds).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn of(raw: gix_actor::SignatureRef<'_>) -> Self {
        let raw = raw.trim();
        let time = raw.time().unwrap_or_default();
        Self {
            name: raw.name.to_str_lossy().into_owned(),
            email: raw.email.to_str_lossy().into_owned(),
            seconds: time.seconds,
            offset: time.offset,
        }
    }

    fn raw(&self) -> gix_actor::Signature {
        // Characters that git uses as marks may not be in names; git leaves them out too.
        let clean = |text: &str| -> BString {
            let kept = text
                .chars()
                .filter(|c| !matches!(c, '<' | '>' | '\n' | '\0'));
            kept.collect::<String>().trim().into()
        };
        gix_actor::Signature {
            name: clean(&self.name),
            email: clean(&self.email),
            time: gix_object::date::Time {
                seconds: self.seconds,
                offset: self.offset,
            },
        }
    }
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// The content of the project.
    pub tree: Oid,
    /// The commits before it.
    pub parents: Vec<Oid>,
    /// Who wrote it.
    pub author: Signature,
    /// Who put it there.
    pub committer: Signature,
    /// What is said of it.
    pub message: String,
    /// The signature in its `gpgsig` header.
    pub signature: Option<String>,
}

/// An annotated tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The tagged object.
    pub object: Oid,
    /// What that is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Who tagged.
    pub tagger: Option<Signature>,
    /// What is said of it, without the signature.
    pub message: String,
    /// The signature at its end.
    pub signature: Option<String>,
}

impl Commit {
    /// Reads one; none where the bytes are no commit.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let raw = CommitRef::from_bytes(bytes, SHA1).ok()?;
        let signature = raw
            .extra_headers
            .iter()
            .find(|(name, _)| *name == "gpgsig")
            .map(|(_, value)| value.to_str_lossy().into_owned());
        Some(Self {
            tree: raw.tree().into(),
            parents: raw.parents().map(Oid::from).collect(),
            author: Signature::of(raw.author().ok()?),
            committer: Signature::of(raw.committer().ok()?),
            message: raw.message.to_str_lossy().into_owned(),
            signature,
        })
    }

    /// Its bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        let signature = self
            .signature
            .as_deref()
            .map(|text| text.trim_end_matches('\n'));
        written(&gix_object::Commit {
            tree: self.tree.into(),
            parents: self.parents.iter().map(|oid| (*oid).into()).collect(),
            author: self.author.raw(),
            committer: self.committer.raw(),
            encoding: None,
            message: self.message.as_str().into(),
            extra_headers: signature
                .map(|text| ("gpgsig".into(), text.into()))
                .into_iter()
                .collect(),
        })
    }

    /// The first line of the message.
    pub(crate) fn headline(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

impl Tag {
    /// Reads one; none where the bytes are no tag.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let raw = TagRef::from_bytes(bytes, SHA1).ok()?;
        Some(Self {
            object: raw.target().into(),
            kind: raw.target_kind.into(),
            name: raw.name.to_str_lossy().into_owned(),
            tagger: raw.tagger().ok()?.map(Signature::of),
            message: raw.message.to_str_lossy().into_owned(),
            signature: raw.signature.map(|text| text.to_str_lossy().into_owned()),
        })
    }

    /// Its bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        written(&gix_object::Tag {
            target: self.object.into(),
            target_kind: self.kind.into(),
            name: self.name.as_str().into(),
            tagger: self.tagger.as_ref().map(Signature::raw),
            message: self.message.as_str().into(),
            signature: self.signature.as_deref().map(BString::from),
        })
    }
}

/// Reads a tree; none where the bytes are none.
pub(super) fn read_tree(bytes: &[u8]) -> Option<Vec<TreeEntry>> {
    let raw = TreeRef::from_bytes(bytes, SHA1).ok()?;
    let entries = raw.entries.iter().map(|entry| TreeEntry {
        mode: Mode::of(entry.mode),
        name: entry.filename.to_str_lossy().into_owned(),
        oid: entry.oid.to_owned().into(),
    });
    Some(entries.collect())
}

/// The bytes of a tree; entries in any order.
pub(super) fn write_tree(entries: &[TreeEntry]) -> Vec<u8> {
    let mut raw: Vec<tree::Entry> = entries
        .iter()
        .map(|entry| tree::Entry {
            mode: entry.mode.entry(),
            filename: entry.name.as_str().into(),
            oid: entry.oid.into(),
        })
        .collect();
    raw.sort();
    written(&gix_object::Tree { entries: raw })
}

fn written(object: &dyn WriteTo) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory fails only for names with marks of the format in them, which callers
    // refuse before; nothing stands for such an object.
    if object.write_to(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}
