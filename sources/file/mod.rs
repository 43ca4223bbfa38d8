//! The `file` source: traces in files that something else wrote.
//!
//! A file is unpacked (`compression`), read as text whatever its bytes, split
//! into JSON records (`records`), and given to the first dialect of `DIALECTS` that knows
//! the shape of a record. Adding a dialect is a file here and a line in that table.

mod batch;
mod compression;
mod lines;
mod messages;
mod otlp_json;
mod records;
mod rows;
mod written;

#[cfg(test)]
mod tests;

use std::path::Path;

use archal_core::diagnostic::Diagnostic;
use archal_core::source::{
    Decoded, DecodedTrace, FileFormat, OptionInfo, OptionKind, SourceDescriptor, SourceStyle,
};
use archal_core::stability::Stability;
use archal_core::trace::{Score, Trace};

use crate::document::Document;
use crate::findings;
use crate::merge::{merge, put_scores};
use crate::raw::Record;

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "file",
    about: "JSON and JSONL files, plain, gzip or zstd: archal batches, OTLP dumps, exports and conversations",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: &[
        OptionInfo {
            name: "interval",
            about: "how long to wait between two looks at `path`",
            kind: OptionKind::Duration,
            default: Some("60s"),
            is_required: false,
        },
        OptionInfo {
            name: "path",
            about: "the file or folder that traces are imported from",
            kind: OptionKind::Path,
            default: None,
            is_required: true,
        },
    ],
    files: Some(FORMAT),
    pull: None,
    push: None,
};

/// The files it reads.
pub const FORMAT: FileFormat = FileFormat {
    accepts,
    decode,
    join,
    lines: Some(lines::FORMAT),
};

/// One shape of trace files.
struct Dialect {
    /// What reports call it.
    name: &'static str,
    /// Whether a record is of this shape.
    fits: fn(&Record<'_>) -> bool,
    /// Reads records that fit; bad ones are diagnostics. Of traces that may go on elsewhere it gives
    /// only those that are wanted.
    read: fn(&[Record<'_>], &Document<'_>, Wanted<'_>, &mut Decoded),
    /// Names the traces that a record has something of, its text being given, too: all of them, and
    /// perhaps others; none for a dialect of which every record has whole traces.
    traces: Option<Naming>,
}

/// Names the traces of a record.
type Naming = fn(&str, &mut dyn FnMut(&str));

/// Whether a trace is wanted.
type Wanted<'a> = &'a dyn Fn(&str) -> bool;

/// The dialects in the order in which they are tried.
const DIALECTS: &[Dialect] = &[
    batch::DIALECT,
    otlp_json::DIALECT,
    rows::langfuse::DIALECT,
    rows::braintrust::DIALECT,
    rows::langsmith::DIALECT,
    messages::DIALECT,
];

/// Endings of names that writers give to files they have not finished.
const UNFINISHED: &[&str] = &[".tmp", ".part", ".swp", ".swx", ".crdownload", "~"];

fn accepts(path: &Path) -> bool {
    let Some(name) = path.file_name() else {
        return false;
    };
    let name = name.to_string_lossy().to_lowercase();
    // What `bt sync` notes for itself beside the rows.
    let is_note = matches!(name.as_str(), "manifest.json" | "state.json");
    if is_note && path.iter().any(|folder| folder == "bt-sync") {
        return false;
    }
    !name.starts_with('.') && !UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

/// Decodes the bytes of one file. Total: bad input is diagnostics.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded {
        complete: true,
        ..Decoded::default()
    };
    let unpacked = compression::unpack(bytes, &mut decoded);
    if let Some(unpacked) = unpacked
        && let Some(document) = Document::read(&unpacked, &mut decoded)
    {
        let records = records::split(&document, &mut decoded);
        read_records(&records, &document, &mut decoded);
    }
    findings::limit(&mut decoded.diagnostics);
    decoded
}

fn join(earlier: Trace, later: Trace) -> Trace {
    if later.spans.is_empty() {
        return scored(earlier, later.scores);
    }
    if earlier.spans.is_empty() {
        return scored(later, earlier.scores);
    }
    let of = |trace| DecodedTrace {
        trace,
        ..DecodedTrace::default()
    };
    merge(of(earlier), of(later)).trace
}

/// A trace with scores that stood by themselves.
fn scored(mut trace: Trace, scores: Vec<Score>) -> Trace {
    put_scores(&mut trace, scores);
    trace.revision.clear();
    trace
}

fn read_records(records: &[Record<'_>], document: &Document<'_>, decoded: &mut Decoded) {
    let Some(dialect) = dialect_of(records) else {
        if let Some(record) = records.first() {
            findings::add(
                &mut decoded.diagnostics,
                Diagnostic::error(
                    "trace/unknown-shape",
                    "the file is JSON, but of no shape that is known as traces",
                )
                .at(document.place(record.range()))
                .with_help("known are archal batch files, OTLP JSON dumps (`resourceSpans`), rows of Langfuse, Braintrust and LangSmith, and conversations (`messages`)"),
            );
        }
        return;
    };
    read_as(dialect, records, document, &|_| true, decoded);
}

/// The first dialect that knows the shape of a record.
fn dialect_of(records: &[Record<'_>]) -> Option<&'static Dialect> {
    DIALECTS
        .iter()
        .find(|dialect| records.iter().any(|record| (dialect.fits)(record)))
}

fn read_as(
    dialect: &Dialect,
    records: &[Record<'_>],
    document: &Document<'_>,
    is_wanted: Wanted<'_>,
    decoded: &mut Decoded,
) {
    decoded.dialect = Some(dialect.name);
    decoded.is_in_parts = dialect.traces.is_some();
    let (fitting, strange): (Vec<Record<'_>>, Vec<Record<'_>>) =
        records.iter().cloned().partition(dialect.fits);
    for record in strange {
        let what = match document.line(record.start) {
            Some(number) => format!("the record on line {number}"),
            None => "a record".to_owned(),
        };
        let told = format!("{what} is not of the file's shape, {}", dialect.name);
        let finding = Diagnostic::warning("trace/unknown-shape", told);
        let finding = finding.at(document.place(record.range()));
        findings::add(&mut decoded.diagnostics, finding);
    }
    (dialect.read)(&fitting, document, is_wanted, decoded);
}
