//! Which batch file has a trace of which the spool no longer has the spans: late ones are added to
//! what stands there.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::hash;
use archal_core::source::DecodedTrace;

use super::opened::Opened;
use crate::store::atomic::{self, Durability};

/// Traces that are remembered; of older ones late spans make a trace of their own.
const MOST: usize = 200_000;

/// An index of traces that were given out, `given.txt` in the spool's folder. It can be lost: then
/// late spans stand alone.
#[derive(Debug)]
pub struct Given {
    file: PathBuf,
    /// By hash of the trace's id.
    files: HashMap<String, Entry>,
    order: VecDeque<String>,
    last: Option<Arc<str>>,
    unsaved: String,
    opened: Option<Opened>,
}

/// What is known of a trace that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The batch file.
    file: Arc<str>,
    note: Note,
}

/// Which spans of a trace the spool has. It only grows at its end and loses segments, so where all of
/// this is the same the spans are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// How many.
    pub spans: usize,
    /// The segment and offset of the first.
    pub first: (u32, u32),
    /// The segment and offset of the last.
    pub last: (u32, u32),
}

/// What is noted of a trace that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// What the spool had of it.
    pub extent: Extent,
    /// Whether that was added to what an earlier file had.
    pub is_merged: bool,
}

impl Given {
    /// Reads the index of a spool; what cannot be read is forgotten.
    pub fn open(folder: &Path) -> Self {
        let file = folder.join("given.txt");
        let mut given = Self {
            files: HashMap::new(),
            order: VecDeque::new(),
            last: None,
            unsaved: String::new(),
            opened: None,
            file,
        };
        let text = fs::read_to_string(&given.file).unwrap_or_default();
        let mut lines = 0;
        for (key, note, path) in text.lines().filter_map(read) {
            given.put(key.to_owned(), note, path);
            lines += 1;
        }
        if lines > given.order.len() * 2 {
            given.rewrite();
        }
        given
    }

    /// Notes that a trace stands in a file; whether one of it stood in a file before.
    pub fn note(&mut self, trace: &str, note: Note, file: &Path) -> bool {
        let key = key(trace);
        let path = file.display().to_string();
        let line = line(&key, note, &path);
        self.unsaved.push_str(&line);
        self.put(key, note, &path)
    }

    /// Whether a trace was given out with just these spans.
    pub fn is_same(&self, trace: &str, extent: Extent) -> bool {
        let entry = self.files.get(&key(trace));
        entry.is_some_and(|entry| entry.note.extent == extent)
    }

    /// Whether the trace's file may have spans that the spool lacks: without those of the file, a new
    /// revision has less than the one before. `is_again` says that this very process gave the trace
    /// out, and kept its spans since: before a start segments may have gone in any order.
    pub fn has_more(&self, trace: &str, first: (u32, u32), is_again: bool) -> bool {
        self.files.get(&key(trace)).is_some_and(|entry| {
            !is_again || entry.note.is_merged || entry.note.extent.first != first
        })
    }

    /// The newest segment of which something was given out. Its number is never given again, or the
    /// place of a span would say nothing.
    pub fn newest_segment(&self) -> u32 {
        let segments = self.files.values().map(|entry| {
            let extent = entry.note.extent;
            extent.first.0.max(extent.last.0)
        });
        segments.max().unwrap_or(0)
    }

    fn put(&mut self, key: String, note: Note, path: &str) -> bool {
        // Many traces stand in one file.
        let path = match &self.last {
            Some(last) if last.as_ref() == path => Arc::clone(last),
            _ => Arc::from(path),
        };
        self.last = Some(Arc::clone(&path));
        let entry = Entry { file: path, note };
        let is_known = self.files.insert(key.clone(), entry).is_some();
        if !is_known {
            self.order.push_back(key);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.files.remove(&oldest);
            }
        }
        is_known
    }

    /// Writes what was noted.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; it is tried again with the next.
    pub fn save(&mut self) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file)?;
        file.write_all(self.unsaved.as_bytes())?;
        self.unsaved.clear();
        Ok(())
    }

    fn rewrite(&self) {
        let mut text = String::new();
        for key in &self.order {
            if let Some(entry) = self.files.get(key) {
                text.push_str(&line(key, entry.note, &entry.file));
            }
        }
        // It only became longer than it needs to be.
        atomic::write(&self.file, text.as_bytes(), Durability::Derived).ok();
    }

    /// The trace `id`, known as `trace`, as it was given out; none where its file is gone.
    pub fn earlier(&mut self, trace: &str, id: &str) -> Option<DecodedTrace> {
        let path = Arc::clone(&self.files.get(&key(trace))?.file);
        // Traces that are late together were mostly given out together.
        if self
            .opened
            .as_ref()
            .is_none_or(|opened| opened.path() != Path::new(path.as_ref()))
        {
            self.opened = Some(Opened::read(Path::new(path.as_ref()))?);
        }
        self.opened.as_ref()?.trace(id)
    }

    /// Lets go of the file that was read last.
    pub fn close(&mut self) {
        self.opened = None;
    }
}

fn line(key: &str, note: Note, path: &str) -> String {
    let Extent { spans, first, last } = note.extent;
    let merged = if note.is_merged { "+" } else { "" };
    format!(
        "{key} {spans}{merged} {} {} {} {} {path}\n",
        first.0, first.1, last.0, last.1
    )
}

fn read(line: &str) -> Option<(&str, Note, &str)> {
    let mut words = line.splitn(7, ' ');
    let key = words.next()?;
    let spans = words.next()?;
    let bare = spans.strip_suffix('+');
    let mut place = || Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?));
    let (first, last) = (place()?, place()?);
    let note = Note {
        extent: Extent {
            spans: bare.unwrap_or(spans).parse().ok()?,
            first,
            last,
        },
        is_merged: bare.is_some(),
    };
    Some((key, note, words.next()?))
}

fn key(trace: &str) -> String {
    let mut key = hash::sha256(trace.as_bytes());
    if let Some(bare) = key.strip_prefix("sha256:") {
        key = bare.to_owned();
    }
    key.truncate(32);
    key
}

#[cfg(test)]
mod tests {
    use archal_core::clock::Timestamp;
    use archal_core::trace::Trace;

    use super::*;
    use crate::ingest::assembly::batch::{self, Packing};

    #[test]
    fn a_trace_is_found_again_in_the_file_it_was_written_to_and_after_a_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut packing = Packing::new("otel");
        for id in ["a", "b"] {
            let decoded = DecodedTrace {
                trace: Trace {
                    id: id.to_owned(),
                    name: format!("run {id}"),
                    ..Trace::default()
                },
                ..DecodedTrace::default()
            };
            let text = batch::encoded(&decoded).expect("JSON");
            packing.add(Some("prod".to_owned()), Some("p".to_owned()), &text);
        }
        let now = Timestamp::UNIX_EPOCH;
        let file = packing.write(folder.path(), "prod", now).expect("written");
        let mut given = Given::open(folder.path());
        let extent = |spans, first, last| Extent { spans, first, last };
        let note = |extent, is_merged| Note { extent, is_merged };
        let (begun, whole) = (extent(1, (3, 20), (3, 20)), extent(2, (3, 20), (4, 80)));
        assert!(!given.note("a", note(begun, false), &file));
        assert!(given.note("a", note(whole, false), &file));
        assert!(!given.note("b", note(extent(1, (4, 20), (4, 20)), true), &file));
        given.save().expect("written");
        for mut given in [given, Given::open(folder.path())] {
            let found = given.earlier("b", "b").expect("there");
            assert_eq!(found.trace.name, "run b");
            assert_eq!(found.project.as_deref(), Some("p"));
            assert_eq!(given.earlier("c", "c"), None);
            assert!(given.is_same("a", whole));
            for other in [
                // The segment of the last one went before that of the first.
                begun,
                extent(2, (3, 20), (5, 20)),
                extent(3, (3, 20), (5, 20)),
                extent(2, (4, 20), (4, 80)),
            ] {
                assert!(!given.is_same("a", other), "{other:?}");
                assert!(given.has_more("a", other.first, false));
            }
            assert!(!given.is_same("c", whole));
            assert!(!given.has_more("a", (3, 20), true) && given.has_more("a", (5, 20), true));
            assert!(
                given.has_more("b", (4, 20), true),
                "it was added to another"
            );
            assert!(!given.has_more("c", (5, 20), false));
            assert_eq!(given.newest_segment(), 4);
        }
        fs::remove_file(file).expect("there");
        assert_eq!(Given::open(folder.path()).earlier("b", "b"), None);
    }
}
