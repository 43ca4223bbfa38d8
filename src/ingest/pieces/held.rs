//! Lines that wait for the last chunk that has something of their traces.

use std::collections::BTreeMap;

use archal_core::source::Line;

/// What a waiting line costs beside its text.
const BESIDE: usize = 128;

/// Lines that wait, by the last chunk of their traces.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By number.
    lines: BTreeMap<u64, Waiting>,
    /// The lines of each trace, by its last chunk and key.
    open: BTreeMap<(u32, u64), Vec<u64>>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    text: Box<[u8]>,
    offset: u64,
    /// How many traces wait for it.
    traces: usize,
}

/// A trace that had to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evicted {
    pub(super) key: u64,
    /// Its first line.
    pub(super) line: u64,
    /// Whether it was alone, so that there is never room for it.
    pub(super) is_alone: bool,
}

impl Held {
    /// Holds a line for traces, each with its last chunk.
    pub(super) fn hold(&mut self, line: &Line, text: &[u8], traces: &[(u32, u64)]) {
        for trace in traces {
            self.open.entry(*trace).or_default().push(line.number);
        }
        self.bytes += text.len() + BESIDE;
        self.lines.insert(
            line.number,
            Waiting {
                text: text.into(),
                offset: line.offset,
                traces: traces.len(),
            },
        );
    }

    /// Puts the lines of all traces that end in a chunk behind `text`, in their order.
    pub(super) fn take(&mut self, chunk: u32, text: &mut Vec<u8>, lines: &mut Vec<Line>) {
        let behind = self.open.split_off(&(chunk.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.open, behind);
        let mut numbers: Vec<u64> = due.into_values().flatten().collect();
        numbers.sort_unstable();
        for same in numbers.chunk_by(|one, other| one == other) {
            let number = same[0];
            if let Some(waiting) = self.lines.get(&number) {
                lines.push(Line {
                    at: text.len(),
                    number,
                    offset: waiting.offset,
                });
                text.extend_from_slice(&waiting.text);
            }
            self.let_go(number, same.len());
        }
    }

    /// Lets go of traces that end last until what is held is within bounds.
    pub(super) fn make_room(&mut self, most: usize) -> Vec<Evicted> {
        let mut evicted = Vec::new();
        // With some room for what comes next, or each line would make some anew.
        let most_left = if self.bytes > most {
            most / 4 * 3
        } else {
            most
        };
        while self.bytes > most_left
            && (self.open.len() > 1 || self.bytes > most)
            && let Some(((_, key), lines)) = self.open.pop_last()
        {
            evicted.push(Evicted {
                key,
                line: lines.first().copied().unwrap_or_default(),
                is_alone: self.open.is_empty(),
            });
            for number in lines {
                self.let_go(number, 1);
            }
        }
        evicted
    }

    fn let_go(&mut self, number: u64, traces: usize) {
        let Some(waiting) = self.lines.get_mut(&number) else {
            return;
        };
        waiting.traces = waiting.traces.saturating_sub(traces);
        if waiting.traces == 0 {
            self.bytes = self.bytes.saturating_sub(waiting.text.len() + BESIDE);
            self.lines.remove(&number);
        }
    }
}
