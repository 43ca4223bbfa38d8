//! The `file` source: traces in files that something else wrote.
//!
//! A file is unpacked (`compression`), read as text whatever its bytes, split
//! into JSON records (`records`), and given to the first dialect of `DIALECTS` that knows
//! the shape of a record. Adding a dialect is a file here and a line in that table.

mod batch;
mod compression;
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
};

/// One shape of trace files.
struct Dialect {
    /// What reports call it.
    name: &'static str,
    /// Whether a record is of this shape.
    fits: fn(&Record<'_>) -> bool,
    /// Reads records that fit; bad ones are diagnostics.
    read: fn(&[Record<'_>], &Document<'_>, &mut Decoded),
}

/// The dialects in the order in which they are tried.
const DIALECTS: &[Dialect] = &[
    batch::DIALECT,
    otlp_json::DIALECT,
    rows::langfuse::DIALECT,
    rows::braintrust::DIALECT,
    rows::langsmith::DIALECT,
    messages::DIALECT,
];

/// Dialects of which a file has whole traces; those of all others may go on in other files.
const WHOLE: &[&str] = &["batch", "messages"];

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
    let dialect = DIALECTS
        .iter()
        .find(|dialect| records.iter().any(|record| (dialect.fits)(record)));
    let Some(dialect) = dialect else {
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
    decoded.dialect = Some(dialect.name);
    decoded.is_in_parts = !WHOLE.contains(&dialect.name);
    let (fitting, strange): (Vec<Record<'_>>, Vec<Record<'_>>) =
        records.iter().cloned().partition(dialect.fits);
    for record in strange {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::warning(
                "trace/unknown-shape",
                format!("a record is not of the file's shape, {}", dialect.name),
            )
            .at(document.place(record.range())),
        );
    }
    (dialect.read)(&fitting, document, decoded);
}
