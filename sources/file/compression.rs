//! Compressed files, told by their magic bytes and never by their name.

use std::borrow::Cow;
use std::io::{self, Read};

use archal_core::diagnostic::Diagnostic;
use archal_core::source::Decoded;

/// The most a file may hold when unpacked.
pub(super) const MAX_UNPACKED: u64 = 512 * 1024 * 1024;
/// How many times its packed size a file may hold. gzip cannot pack better than 1,032 times.
const MAX_RATIO: u64 = 500;
/// Small files may be packed better than that.
const ALWAYS_ALLOWED: u64 = 16 * 1024 * 1024;
/// A zstd window of 128 MiB, the most its own command line tool takes without being told.
const MAX_WINDOW_LOG: u32 = 27;

/// The bytes of a file, unpacked where it is gzip or zstd. A cut file gives what could be
/// unpacked and is marked as not complete; a broken one gives nothing.
pub(super) fn unpack<'a>(bytes: &'a [u8], decoded: &mut Decoded) -> Option<Cow<'a, [u8]>> {
    let allowed = (bytes.len() as u64)
        .saturating_mul(MAX_RATIO)
        .clamp(ALWAYS_ALLOWED, MAX_UNPACKED);
    let unpacked = match bytes {
        [0x1f, 0x8b, ..] => gunzip(bytes, allowed, decoded),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            unzstd(bytes, allowed)
        }
        _ => return Some(Cow::Borrowed(bytes)),
    };
    if unpacked.data.len() as u64 > allowed {
        decoded.diagnostics.push(
            Diagnostic::error(
                "trace/too-large",
                format!("the file unpacks to more than {allowed} bytes"),
            )
            .with_help("split it into smaller files"),
        );
        return None;
    }
    match unpacked.end {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            decoded.complete = false;
            decoded.diagnostics.push(
                Diagnostic::warning("trace/incomplete", "the compressed file is cut short")
                    .at(bytes.len()..bytes.len()),
            );
        }
        Err(_) => {
            decoded.diagnostics.push(Diagnostic::error(
                "trace/bad-compression",
                "the compressed file is damaged",
            ));
            return None;
        }
    }
    Some(Cow::Owned(unpacked.data))
}

struct Unpacked {
    data: Vec<u8>,
    end: io::Result<()>,
}

/// All members of a gzip file: log rotation concatenates them.
fn gunzip(bytes: &[u8], allowed: u64, decoded: &mut Decoded) -> Unpacked {
    let mut rest = bytes;
    let mut data = Vec::new();
    while !rest.is_empty() {
        if rest.len() < bytes.len() && !rest.starts_with(&[0x1f, 0x8b]) {
            // Tape padding is zeros; half a magic number is a cut file.
            if rest == [0x1f] {
                return Unpacked {
                    data,
                    end: Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            if rest.iter().any(|byte| *byte != 0) {
                let at = bytes.len() - rest.len();
                decoded.diagnostics.push(
                    Diagnostic::warning(
                        "trace/trailing-bytes",
                        "what follows the compressed data is not read",
                    )
                    .at(at..bytes.len()),
                );
            }
            break;
        }
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let end = read_up_to(&mut member, allowed, &mut data);
        if end.is_err() || data.len() as u64 > allowed {
            return Unpacked { data, end };
        }
        rest = member.into_inner();
    }
    Unpacked { data, end: Ok(()) }
}

/// All frames of a zstd file.
fn unzstd(bytes: &[u8], allowed: u64) -> Unpacked {
    let mut data = Vec::new();
    let end = zstd_decoder(bytes).and_then(|mut decoder| {
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        read_up_to(&mut decoder, allowed, &mut data)
    });
    Unpacked { data, end }
}

fn zstd_decoder(bytes: &[u8]) -> io::Result<zstd::stream::read::Decoder<'static, &[u8]>> {
    zstd::stream::read::Decoder::with_buffer(bytes)
}

/// Reads to the end or one byte past what is allowed.
fn read_up_to(reader: &mut impl Read, allowed: u64, data: &mut Vec<u8>) -> io::Result<()> {
    let room = (allowed + 1).saturating_sub(data.len() as u64);
    reader.take(room).read_to_end(data).map(|_| ())
}
