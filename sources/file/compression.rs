//! Compressed files, told by their magic bytes and never by their name.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use archal_core::diagnostic::Diagnostic;
use archal_core::source::Decoded;

/// The most a file may hold when unpacked.
pub(super) const MAX_UNPACKED: u64 = 512 * 1024 * 1024;
/// The most a packed file of records may hold, which is read in pieces: it costs time and no memory.
const MAX_STREAMED: u64 = 64 * 1024 * 1024 * 1024;
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

/// What a file of `size` bytes holds, as it is read.
///
/// # Errors
///
/// When it cannot be read. Of a file that is cut, damaged or unpacks to too much the reader fails.
pub(super) fn stream(
    mut file: Box<dyn BufRead + Send>,
    size: u64,
) -> io::Result<Box<dyn Read + Send>> {
    let unpacked: Box<dyn Read + Send> = match file.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(Members {
            member: Some(flate2::bufread::GzDecoder::new(file)),
        }),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(decoder)
        }
        _ => return Ok(Box::new(file)),
    };
    let allowed = size.saturating_mul(MAX_RATIO);
    let allowed = allowed.clamp(ALWAYS_ALLOWED, MAX_STREAMED);
    Ok(Box::new(Bounded {
        unpacked,
        allowed,
        left: allowed,
    }))
}

/// The members of a gzip file, one after the other.
struct Members {
    member: Option<flate2::bufread::GzDecoder<Box<dyn BufRead + Send>>>,
}

impl Read for Members {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let Some(mut rest) = self.member.take().map(|member| member.into_inner()) else {
                break;
            };
            // Tape padding is zeros.
            let next = loop {
                let held = rest.fill_buf()?;
                let zeros = held.iter().take_while(|byte| **byte == 0).count();
                match held.get(zeros) {
                    Some(byte) => break Some(*byte),
                    None if held.is_empty() => break None,
                    None => rest.consume(zeros),
                }
            };
            match next {
                None => {}
                Some(0x1f) => {
                    let zeros = rest.fill_buf()?.iter().take_while(|byte| **byte == 0);
                    let zeros = zeros.count();
                    rest.consume(zeros);
                    self.member = Some(flate2::bufread::GzDecoder::new(rest));
                }
                Some(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "what follows the compressed data is not read",
                    ));
                }
            }
        }
        Ok(0)
    }
}

/// What is unpacked of a file, up to what is allowed.
struct Bounded<R> {
    unpacked: R,
    allowed: u64,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacked.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let told = format!("the file unpacks to more than {} bytes", self.allowed);
            io::Error::new(io::ErrorKind::FileTooLarge, told)
        })?;
        Ok(read)
    }
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
