//! A stream of lines in chunks of whole ones.
//!
//! Where a chunk ends depends on what is read and on the limits alone, so that a second reading of the same
//! bytes gives the same chunks.

use std::io::{self, ErrorKind, Read};

use archal_core::source::Line;

/// Some whole lines of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The lines, each with its line break; the last of the file may have none.
    pub(super) text: Vec<u8>,
    /// Where each stands.
    pub(super) lines: Vec<Line>,
    /// Lines that were passed over because they are too long.
    pub(super) too_long: Vec<Line>,
}

impl Chunk {
    /// Each line with where it stands.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Line, &[u8])> {
        let ends = self.lines.iter().skip(1).map(|line| line.at);
        let ends = ends.chain([self.text.len()]);
        self.lines
            .iter()
            .zip(ends)
            .map(|(line, end)| (line, &self.text[line.at..end]))
    }
}

/// How much a chunk may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Bytes, unless it is a single line.
    pub(super) piece: usize,
    /// Lines.
    pub(super) lines: usize,
    /// Bytes of a line.
    pub(super) line: usize,
}

/// The chunks of a stream.
pub(super) struct Chunks<R> {
    stream: R,
    sizes: Sizes,
    /// What was read and not given.
    ahead: Vec<u8>,
    /// The number and the first byte of the next line.
    number: u64,
    offset: u64,
    end: Option<io::Result<()>>,
}

impl<R: Read> Chunks<R> {
    pub(super) fn new(stream: R, sizes: Sizes) -> Self {
        Self {
            stream,
            sizes,
            ahead: Vec::new(),
            number: 1,
            offset: 0,
            end: None,
        }
    }

    /// How many bytes were given, or passed over.
    pub(super) fn given(&self) -> u64 {
        self.offset
    }

    /// The next chunk; none at the end. Where the stream fails, what came before is given first.
    ///
    /// # Errors
    ///
    /// When the stream failed.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        loop {
            self.fill(self.sizes.piece);
            let mut end = self.end_of_lines();
            while end.is_none() && self.end.is_none() && self.ahead.len() <= self.sizes.line {
                self.fill(self.ahead.len().saturating_mul(2).max(self.sizes.piece));
                end = self.end_of_lines();
            }
            let end = match end {
                // More than a chunk is a single line.
                Some(end) if end <= self.sizes.line.max(self.sizes.piece) => end,
                None if self.end.is_some() && self.ahead.len() <= self.sizes.line => {
                    // The last line has no line break.
                    self.ahead.len()
                }
                _ => {
                    chunk.too_long.push(self.pass_over());
                    continue;
                }
            };
            let rest = self.ahead.split_off(end);
            chunk.text = std::mem::replace(&mut self.ahead, rest);
            break;
        }
        if chunk.text.is_empty() && chunk.too_long.is_empty() {
            return match self.end.take() {
                Some(Err(error)) => Err(error),
                _ => Ok(None),
            };
        }
        let mut at = 0;
        for line in chunk.text.split_inclusive(|byte| *byte == b'\n') {
            let stands = Line { at, ..self.here() };
            at += line.len();
            self.number += 1;
            self.offset += line.len() as u64;
            chunk.lines.push(stands);
        }
        Ok(Some(chunk))
    }

    fn here(&self) -> Line {
        Line {
            at: 0,
            number: self.number,
            offset: self.offset,
        }
    }

    /// Reads until so many bytes are ahead, or the end.
    fn fill(&mut self, most: usize) {
        let missing = most.saturating_sub(self.ahead.len());
        if missing == 0 || self.end.is_some() {
            return;
        }
        let mut stream = (&mut self.stream).take(missing as u64);
        match stream.read_to_end(&mut self.ahead) {
            Ok(_) if self.ahead.len() < most => self.end = Some(Ok(())),
            Ok(_) => {}
            Err(error) => self.end = Some(Err(error)),
        }
    }

    /// Where the last whole line ends of those that fit into a chunk.
    fn end_of_lines(&self) -> Option<usize> {
        let breaks = |text: &[u8]| memchr::memrchr(b'\n', text);
        let first = self.sizes.piece.min(self.ahead.len());
        // A line that is longer than a chunk is one of its own.
        let end = match breaks(&self.ahead[..first]) {
            Some(end) => end + 1,
            None => memchr::memchr(b'\n', &self.ahead[first..])? + first + 1,
        };
        let mut lines = memchr::memchr_iter(b'\n', &self.ahead[..end]);
        Some(
            lines
                .nth(self.sizes.lines.saturating_sub(1))
                .map_or(end, |last| last + 1),
        )
    }

    /// Leaves out the line that is ahead, to its end.
    fn pass_over(&mut self) -> Line {
        let line = self.here();
        self.number += 1;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.ahead) {
                self.ahead.drain(..=end);
                self.offset += end as u64 + 1;
                return line;
            }
            self.offset += self.ahead.len() as u64;
            self.ahead.clear();
            if self.end.is_some() {
                return line;
            }
            self.fill(self.sizes.piece);
        }
    }
}

/// Whether a stream ended before what was written to it.
pub(super) fn is_cut(error: &io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof
}
