//! Which traces of a file stand in more than one of its chunks, found in one reading.
//!
//! Of most traces a bit is kept: that their number, of so many, was seen. What comes upon a bit of an earlier
//! chunk is noted with the last chunk it was seen in. Traces that share a number are noted needlessly, which
//! costs a little memory and changes nothing of what is read.

use std::collections::{HashMap, HashSet};

use archal_core::hash;

/// The most traces that are noted.
const MOST: usize = 2_000_000;
/// Numbers of traces: 16 MiB of bits, which take memory where they are set.
const NUMBERS: u64 = 128 * 1024 * 1024;

/// What a trace goes by here. Two that share it are taken for one, which keeps both whole.
pub(super) fn key(trace: &str) -> u64 {
    hash::sixty_four_bits(trace.as_bytes())
}

/// The traces that are spread over chunks.
#[derive(Debug)]
pub(super) struct Spread {
    seen: Vec<u64>,
    last: HashMap<u64, u32>,
    /// Those of the present chunk.
    here: HashSet<u64>,
    chunk: u32,
}

/// More traces are spread over a file than can be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Spread {
    pub(super) fn new() -> Self {
        let words = usize::try_from(NUMBERS / 64).unwrap_or(0);
        Self {
            seen: vec![0; words],
            last: HashMap::new(),
            here: HashSet::new(),
            chunk: 0,
        }
    }

    /// Goes on to a chunk.
    pub(super) fn begin(&mut self, chunk: u32) {
        self.chunk = chunk;
        self.here.clear();
    }

    /// Notes that the present chunk has something of a trace.
    pub(super) fn note(&mut self, key: u64) -> Result<(), TooMany> {
        if !self.here.insert(key) {
            return Ok(());
        }
        let number = key % NUMBERS;
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.seen[word] & bit == 0 {
            self.seen[word] |= bit;
            return Ok(());
        }
        if self.last.len() >= MOST && !self.last.contains_key(&key) {
            return Err(TooMany);
        }
        self.last.insert(key, self.chunk);
        Ok(())
    }

    /// The last chunk of each trace that may be in several.
    pub(super) fn last(self) -> HashMap<u64, u32> {
        self.last
    }
}
