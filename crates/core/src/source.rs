//! The plug point of trace sources.
//!
//! The engine owns files, cursors, retries and redaction; a source owns a format, and says what
//! can be set about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::pull::PullSource;
use crate::push::PushSource;
use crate::stability::Stability;
use crate::trace::{BatchSource, Trace};

/// What one file held: whatever could be read, and what could not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The dialect that was detected: `batch`, `otlp-json`; none where nothing was understood.
    pub dialect: Option<&'static str>,
    /// What the file says of its origin; empty where it says nothing.
    pub origin: BatchSource,
    /// Whether the writer had finished; a false one is looked at again when it changes.
    pub complete: bool,
    /// Whether the file is a list of records, so that the whole records of an unfinished file
    /// are good on their own.
    pub by_record: bool,
    /// Whether its traces may go on in other files: spans as they were exported. Then every file has
    /// a part of them, and [`FileFormat::join`] makes the whole.
    pub is_in_parts: bool,
    /// The traces, assembled and normalised, not yet redacted; `revision` is still empty.
    /// The project each belongs to stands beside it, where its root names one.
    pub traces: Vec<DecodedTrace>,
    /// What could not be read, with place and reason.
    pub diagnostics: Vec<Diagnostic>,
}

impl Decoded {
    /// The dialect of the file, and those of its spans where they have their own, as reports say
    /// it: `otlp-json: http, openinference`.
    pub fn dialect_with_spans(&self) -> Option<String> {
        let file = self.dialect?;
        let spans: BTreeSet<&str> = self
            .traces
            .iter()
            .flat_map(|one| one.dialects.keys().copied())
            .collect();
        if spans.is_empty() {
            return Some(file.to_owned());
        }
        let spans: Vec<&str> = spans.into_iter().collect();
        Some(format!("{file}: {}", spans.join(", ")))
    }
}

/// A trace and what the file says of its origin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DecodedTrace {
    /// The source this trace names, where a file holds traces of several.
    pub source: Option<String>,
    /// The project its batch names, else the root's `service.name`.
    pub project: Option<String>,
    /// How many spans spoke which dialect of attributes, where spans have dialects.
    #[serde(skip)]
    pub dialects: BTreeMap<&'static str, u64>,
    /// The trace.
    pub trace: Trace,
}

/// A trace source as the catalogue lists it.
#[derive(Debug, Clone, Copy)]
pub struct SourceDescriptor {
    /// The provider's name, a lower-snake noun.
    pub name: &'static str,
    /// One line for lists.
    pub about: &'static str,
    /// How far it can be relied on.
    pub stability: Stability,
    /// Who begins: archal or the sender.
    pub style: SourceStyle,
    /// What `--option name=value` may say of such a source, sorted by name.
    pub options: &'static [OptionInfo],
    /// The files it reads; none for a source whose traces are in no files.
    pub files: Option<FileFormat>,
    /// What asks; none for a source whose traces are in files here, or are sent.
    pub pull: Option<PullSource>,
    /// What answers those who send; none for a source that archal asks.
    pub push: Option<PushSource>,
}

/// Files of traces.
#[derive(Debug, Clone, Copy)]
pub struct FileFormat {
    /// Whether files by that name are read (`.tmp`, dot-files and the like are not).
    pub accepts: fn(path: &Path) -> bool,
    /// Decodes one file's bytes. Total: bad input is diagnostics, never a panic or an error.
    pub decode: fn(bytes: &[u8]) -> Decoded,
    /// The union of two parts of one trace, without a revision. A part that is in the other adds
    /// nothing.
    pub join: fn(earlier: Trace, later: Trace) -> Trace,
    /// How files with a record on each line are read in pieces; none where every file is read whole.
    pub lines: Option<LineFormat>,
}

/// Files with a record on each line: read in pieces, so that their size does not matter.
#[derive(Debug, Clone, Copy)]
pub struct LineFormat {
    /// What a file of so many bytes holds, unpacked where it is packed. Its reader fails with
    /// [`io::ErrorKind::UnexpectedEof`] where the file is cut, with [`io::ErrorKind::Unsupported`] where
    /// something else follows what is packed, and otherwise where nothing of the file is to be believed.
    pub unpack: fn(Box<dyn BufRead + Send>, u64) -> io::Result<Box<dyn Read + Send>>,
    /// The dialect of a file that begins so, whose lines are records; none for any other.
    pub detect: fn(&[u8]) -> Option<LineDialect>,
    /// Names every trace that a line of a dialect has something of, and perhaps some that it has not.
    pub traces: fn(&'static str, &[u8], &mut dyn FnMut(&str)),
    /// Decodes some lines. Total, as [`FileFormat::decode`] is.
    pub decode: fn(&Piece<'_>) -> Decoded,
}

/// A dialect with a record on each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineDialect {
    /// Its name.
    pub name: &'static str,
    /// Whether a trace may stand on several lines.
    pub is_in_parts: bool,
}

/// Some lines of a file, in their order.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    /// The dialect of the file.
    pub dialect: &'static str,
    /// The lines, each with its line break; the last of a file may have none.
    pub text: &'a [u8],
    /// Where each of them stands.
    pub lines: &'a [Line],
    /// Which traces are wanted of it: those of which it has every line.
    pub is_wanted: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece")
            .field("dialect", &self.dialect)
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

/// Where a line of a [`Piece`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its first byte in the text of the piece.
    pub at: usize,
    /// Its number in the file, from 1.
    pub number: u64,
    /// Its first byte in the file, unpacked.
    pub offset: u64,
}

/// Who begins when traces come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceStyle {
    /// archal asks for them.
    Pull,
    /// They are sent to a server of archal's.
    Push,
}

/// An option of a source, as it is shown and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionInfo {
    /// Its name, lower camel case.
    pub name: &'static str,
    /// One line for lists.
    pub about: &'static str,
    /// What it may be.
    pub kind: OptionKind,
    /// What holds where nobody says, as it would be written; none where that is nothing.
    pub default: Option<&'static str>,
    /// Whether there is no source without it.
    pub is_required: bool,
}

/// What the value of an option may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text on one line. Never a secret: those are variables.
    Text,
    /// A whole number.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// `true` or `false`.
    Switch,
    /// A whole number and `s`, `m`, `h`, `d` or `w`.
    Duration,
    /// A whole number and `B`, `KB`, `MB`, `GB`, `TB` or their binary kin.
    Size,
    /// Where a server listens: an address of this machine and a port, `127.0.0.1:4318`; `off` where
    /// the server is not wanted.
    Listen {
        /// Whether it may be `off`.
        may_be_off: bool,
    },
    /// A file or folder. It differs between machines and is not shared with the repository.
    Path,
    /// The same. Where nobody says, a variable of the environment does, or it is in the home folder.
    UsualPath {
        /// The variable.
        variable: &'static str,
        /// Where it is in the home folder.
        in_home: &'static str,
    },
    /// A program or library that is started: a path that only this machine's own file may say, so that
    /// a repository that somebody cloned starts nothing.
    Program,
    /// The name of an environment variable that holds a secret.
    Variable,
    /// Names of such variables, with commas between them. A source reads them as text: the values
    /// are handed on by name.
    Variables,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl OptionKind {
    /// Whether it is a path on this machine.
    pub fn is_path(self) -> bool {
        matches!(self, Self::Path | Self::UsualPath { .. } | Self::Program)
    }
}
