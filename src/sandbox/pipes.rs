//! Reading a child's output without letting it grow without bounds.

use std::io::{ErrorKind, Read};

/// One stream of a child: its first bytes are kept, the rest is read and counted.
#[derive(Debug)]
pub(super) struct Pipe<R> {
    source: Option<R>,
    kept: Vec<u8>,
    cap: usize,
    dropped: u64,
}

impl<R: Read> Pipe<R> {
    /// Reads from a non-blocking source, where there is one, and keeps `cap` bytes.
    pub(super) fn new(source: impl Into<Option<R>>, cap: usize) -> Self {
        Self {
            source: source.into(),
            kept: Vec::new(),
            cap,
            dropped: 0,
        }
    }

    /// The source, until its end was read.
    pub(super) fn open(&self) -> Option<&R> {
        self.source.as_ref()
    }

    /// Reads what is there, at most one buffer, so that a flood starves nobody else.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) {
        let Some(source) = &mut self.source else {
            return;
        };
        match source.read(buffer) {
            Ok(0) => self.source = None,
            Ok(count) => {
                let keep = count.min(self.cap - self.kept.len());
                self.kept.extend_from_slice(&buffer[..keep]);
                self.dropped += (count - keep) as u64;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.source = None,
        }
    }

    /// What was kept and how many bytes were not.
    pub(super) fn finish(self) -> (Vec<u8>, u64) {
        (self.kept, self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beyond_the_cap_are_counted_not_kept() {
        let mut pipe = Pipe::new(&b"abcdefgh"[..], 3);
        let mut buffer = [0; 2];
        while pipe.open().is_some() {
            pipe.read_some(&mut buffer);
        }
        assert_eq!(pipe.finish(), (b"abc".to_vec(), 5));
    }
}
