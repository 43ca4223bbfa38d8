//! Reading a spool again after its process ended in whatever way.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use archal_core::diagnostic::Diagnostic;

use super::frame::{self, Found};
use super::record::{self, Piece};
use super::segments;

/// What was there.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The number of the next segment.
    pub next: u32,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Whole records.
    pub records: usize,
    /// What was cut or could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads all segments of a folder in order and gives their pieces to `took`; cuts torn tails.
///
/// # Errors
///
/// When the folder or a segment cannot be read or cut. What is broken inside one is a diagnostic.
pub fn recover(folder: &Path, took: &mut dyn FnMut(Piece)) -> io::Result<Recovered> {
    let mut recovered = Recovered {
        next: 1,
        ..Recovered::default()
    };
    for number in segments::numbers(folder)? {
        recovered.next = number.saturating_add(1);
        segment(folder, number, &mut recovered, took)?;
    }
    Ok(recovered)
}

fn segment(
    folder: &Path,
    number: u32,
    recovered: &mut Recovered,
    took: &mut dyn FnMut(Piece),
) -> io::Result<()> {
    let path = segments::path(folder, number);
    let bytes = fs::read(&path)?;
    let mut at = 0;
    loop {
        match frame::get(&bytes, at) {
            Found::Whole(place) => {
                at = place.end;
                let offset = u32::try_from(place.start).unwrap_or(u32::MAX);
                let (pieces, bad) = record::pieces(bytes.get(place).unwrap_or_default());
                recovered.records += 1;
                if bad > 0 {
                    recovered.diagnostics.push(
                        Diagnostic::warning(
                            "spool/bad-line",
                            format!("lines of a record that cannot be read: {bad}"),
                        )
                        .in_file(&path),
                    );
                }
                for piece in pieces {
                    took(piece.placed(number, offset));
                }
            }
            Found::Broken(place) => {
                at = place.end;
                recovered.diagnostics.push(
                    Diagnostic::error(
                        "spool/broken-record",
                        format!(
                            "{} bytes are no record of the spool: their checksum is wrong",
                            place.len()
                        ),
                    )
                    .in_file(&path)
                    .at(place),
                );
            }
            Found::Torn => {
                recovered.diagnostics.push(
                    Diagnostic::warning(
                        "spool/torn-tail",
                        format!(
                            "the last {} bytes are no whole record and were cut: a request that \
                             was cut off, or a damaged disk",
                            bytes.len() - at
                        ),
                    )
                    .in_file(&path)
                    .at(at..bytes.len()),
                );
                let file = OpenOptions::new().write(true).open(&path)?;
                file.set_len(at as u64)?;
                file.sync_all()?;
                recovered.bytes += at as u64;
                return Ok(());
            }
            Found::End => {
                recovered.bytes += bytes.len() as u64;
                return Ok(());
            }
        }
    }
}
