//! Reading a child's output without letting it grow without bounds.

use std::io::{ErrorKind, Read};

use super::child::TAIL;

/// One stream of a child: its first and last bytes are kept, those between are read and counted.
#[derive(Debug)]
pub(super) struct Pipe<R> {
    source: Option<R>,
    kept: Vec<u8>,
    /// The last bytes beyond the cap, and perhaps as many again before them.
    tail: Vec<u8>,
    cap: usize,
    dropped: u64,
}

impl<R: Read> Pipe<R> {
    /// Reads from a non-blocking source, where there is one, and keeps `cap` bytes.
    pub(super) fn new(source: impl Into<Option<R>>, cap: usize) -> Self {
        Self {
            source: source.into(),
            kept: Vec::new(),
            tail: Vec::new(),
            cap,
            dropped: 0,
        }
    }

    /// The source, until its end was read.
    pub(super) fn open(&self) -> Option<&R> {
        self.source.as_ref()
    }

    /// Reads what is there, at most one buffer, so that a flood starves nobody else; whether there
    /// was anything.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> bool {
        let Some(source) = &mut self.source else {
            return false;
        };
        match source.read(buffer) {
            Ok(0) => self.source = None,
            Ok(count) => {
                let keep = count.min(self.cap - self.kept.len());
                self.kept.extend_from_slice(&buffer[..keep]);
                self.keep_end(&buffer[keep..count]);
                self.dropped += (count - keep) as u64;
                return true;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.source = None,
        }
        false
    }

    fn keep_end(&mut self, more: &[u8]) {
        self.tail.extend_from_slice(more);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Its first bytes, its last ones, and how many there were beyond the first.
    pub(super) fn finish(mut self) -> (Vec<u8>, Vec<u8>, u64) {
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        (self.kept, self.tail, self.dropped)
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
        assert_eq!(pipe.finish(), (b"abc".to_vec(), b"defgh".to_vec(), 5));
    }

    #[test]
    fn the_end_of_a_flood_is_kept() {
        let mut flood = vec![b'.'; 5 * TAIL];
        flood.extend_from_slice(b"end");
        let mut pipe = Pipe::new(&flood[..], 3);
        let mut buffer = vec![0; 64 << 10];
        while pipe.open().is_some() {
            pipe.read_some(&mut buffer);
        }
        let (kept, tail, dropped) = pipe.finish();
        assert_eq!((kept.as_slice(), dropped), (&b"..."[..], 5 * TAIL as u64));
        assert_eq!(tail.len(), TAIL);
        assert!(tail.ends_with(b".end"));
    }
}
