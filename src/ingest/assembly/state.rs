//! Which traces are under way, and when each is to be given out: values in, values out, time as an
//! argument.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::ingest::spool::{Piece, Place};

/// When traces are given out, and how much of them is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a trace whose root has ended must have been quiet.
    pub settle: Duration,
    /// How old a span may become before its trace is given out, ended or not.
    pub longest: Duration,
    /// How long the spans of a trace that was given out are kept for late ones.
    pub keep: Duration,
    /// Spans of one trace; the others are counted as dropped.
    pub most_spans: usize,
    /// Bytes of one trace in the spool; the same.
    pub most_bytes: u64,
    /// Spans of all traces together. With more, the oldest traces are given out and let go early.
    pub most_known: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            // Exporters send what they have every five seconds, each process on its own.
            settle: Duration::from_secs(10),
            longest: Duration::from_secs(600),
            keep: Duration::from_secs(900),
            most_spans: 100_000,
            most_bytes: 128 << 20,
            most_known: 2_000_000,
        }
    }
}

/// Where a span lies, and what it shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lies {
    /// Its line.
    pub line: Place,
    /// The line of what it shares with others.
    pub shared: Option<Place>,
}

/// A trace that is to be given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// What it goes by.
    pub trace: Arc<str>,
    /// Its spans, in the order in which they came; of a whole trace its last revision.
    pub spans: Vec<Lies>,
    /// Whether it came whole.
    pub is_whole: bool,
    /// Whether some of these spans were given out before.
    pub is_again: bool,
    /// Spans that could not be read or were too many.
    pub lost: u64,
}

#[derive(Debug)]
struct Open {
    spans: Vec<Lies>,
    /// Of its lines, and of what they share, once.
    bytes: u64,
    /// Where what they share begins.
    shared: BTreeSet<(u32, u32)>,
    lost: u64,
    is_whole: bool,
    root_ended: bool,
    is_again: bool,
    /// When the first came that was not given out.
    first_new: Option<Duration>,
    last: Duration,
    /// The entry in the queue; none while it is being given out.
    queued: Option<Duration>,
}

impl Open {
    /// When something is to be done with it.
    fn due(&self, pace: &Pace) -> Duration {
        match self.first_new {
            None => self.last.saturating_add(pace.keep),
            Some(_) if self.is_whole => self.last,
            Some(first) => {
                let oldest = first.saturating_add(pace.longest);
                if self.root_ended {
                    oldest.min(self.last.saturating_add(pace.settle))
                } else {
                    oldest
                }
            }
        }
    }
}

/// The traces that are under way.
#[derive(Debug)]
pub struct Assembly {
    pace: Pace,
    open: HashMap<Arc<str>, Open>,
    queue: BTreeSet<(Duration, Arc<str>)>,
    /// How many known lines each segment has.
    needed: BTreeMap<u32, usize>,
    known: usize,
}

impl Assembly {
    /// Nothing under way.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            open: HashMap::new(),
            queue: BTreeSet::new(),
            needed: BTreeMap::new(),
            known: 0,
        }
    }

    /// Takes a piece that is on the disk.
    pub fn take(&mut self, piece: Piece, now: Duration) {
        let pace = self.pace;
        let open = self
            .open
            .entry(Arc::clone(&piece.trace))
            .or_insert_with(|| Open {
                spans: Vec::new(),
                bytes: 0,
                shared: BTreeSet::new(),
                lost: 0,
                is_whole: piece.is_whole,
                root_ended: false,
                is_again: false,
                first_new: None,
                last: now,
                queued: None,
            });
        open.first_new.get_or_insert(now);
        open.last = open.last.max(now);
        open.root_ended |= piece.ends_root;
        let beside = piece
            .shared
            .filter(|place| !open.shared.contains(&(place.segment, place.offset)));
        // What is shared is read with the spans, and once for all of them.
        let bytes = u64::from(piece.line.length)
            .saturating_add(beside.map_or(0, |place| u64::from(place.length)));
        if piece.lost > 0 {
            open.lost = open.lost.saturating_add(piece.lost);
        } else if open.spans.len() >= pace.most_spans
            || open.bytes.saturating_add(bytes) > pace.most_bytes
        {
            open.lost = open.lost.saturating_add(1);
        } else {
            if piece.is_whole {
                // The last revision takes the place of those before.
                self.known -= open.spans.len();
                for lies in open.spans.drain(..) {
                    release(&mut self.needed, lies.line.segment);
                }
                open.bytes = 0;
                open.shared.clear();
            }
            open.bytes = open.bytes.saturating_add(bytes);
            open.shared
                .extend(beside.map(|place| (place.segment, place.offset)));
            open.spans.push(Lies {
                line: piece.line,
                shared: piece.shared,
            });
            self.known += 1;
            // What is shared lies in the same record, and so in the same segment.
            *self.needed.entry(piece.line.segment).or_default() += 1;
        }
        // Later spans only put it off, and that is looked at when its time comes.
        let due = open.due(&pace);
        if open.queued.is_none_or(|queued| due < queued) {
            if let Some(queued) = open.queued.replace(due) {
                self.queue.remove(&(queued, Arc::clone(&piece.trace)));
            }
            self.queue.insert((due, piece.trace));
        }
    }

    /// When something is to be done next.
    pub fn next(&self) -> Option<Duration> {
        if self.known > self.pace.most_known {
            return Some(Duration::ZERO);
        }
        self.queue.first().map(|(due, _)| *due)
    }

    /// The next trace that is to be given out; traces that were given out long ago are let go.
    /// Whoever takes it calls [`Self::given_out`] or [`Self::put_off`].
    pub fn due(&mut self, now: Duration) -> Option<Ready> {
        loop {
            let (queued, trace) = self.queue.first().cloned()?;
            let is_early = queued > now;
            if is_early && self.known <= self.pace.most_known {
                return None;
            }
            self.queue.pop_first();
            let Some(open) = self.open.get_mut(&trace) else {
                continue;
            };
            open.queued = None;
            let due = open.due(&self.pace);
            if due > now && !is_early {
                open.queued = Some(due);
                self.queue.insert((due, trace));
            } else if open.first_new.is_none() {
                self.let_go(&trace);
            } else {
                return Some(Ready {
                    spans: open.spans.clone(),
                    is_whole: open.is_whole,
                    is_again: open.is_again,
                    lost: open.lost,
                    trace,
                });
            }
        }
    }

    /// That a trace cannot be given out before then.
    pub fn put_off(&mut self, trace: &Arc<str>, until: Duration) {
        self.requeue(trace, until);
    }

    /// That a trace cannot be put together. It is tried again after the time for which late spans
    /// are kept, and stays in the spool.
    pub fn put_aside(&mut self, trace: &Arc<str>, now: Duration) {
        self.requeue(trace, now.saturating_add(self.pace.keep));
    }

    /// That a trace, as [`Self::due`] gave it, stands in a batch file.
    pub fn given_out(&mut self, trace: &Arc<str>) {
        let Some(open) = self.open.get_mut(trace) else {
            return;
        };
        open.first_new = None;
        open.is_again = true;
        if open.is_whole {
            self.let_go(trace);
            return;
        }
        let due = open.due(&self.pace);
        self.requeue(trace, due);
    }

    fn requeue(&mut self, trace: &Arc<str>, due: Duration) {
        let Some(open) = self.open.get_mut(trace) else {
            return;
        };
        if let Some(queued) = open.queued.replace(due) {
            self.queue.remove(&(queued, Arc::clone(trace)));
        }
        self.queue.insert((due, Arc::clone(trace)));
    }

    /// Lets go of all traces that were given out: late spans of theirs come too late for the spool.
    pub fn shed(&mut self) {
        let given: Vec<Arc<str>> = self
            .queue
            .iter()
            .filter(|(_, name)| {
                self.open
                    .get(name)
                    .is_some_and(|open| open.first_new.is_none())
            })
            .map(|(_, name)| Arc::clone(name))
            .collect();
        for name in given {
            self.let_go(&name);
        }
    }

    fn let_go(&mut self, trace: &Arc<str>) {
        let Some(open) = self.open.remove(trace) else {
            return;
        };
        if let Some(queued) = open.queued {
            self.queue.remove(&(queued, Arc::clone(trace)));
        }
        self.known -= open.spans.len();
        for lies in open.spans {
            release(&mut self.needed, lies.line.segment);
        }
    }

    /// Whether more spans are known than may be.
    pub fn is_crowded(&self) -> bool {
        self.known > self.pace.most_known
    }

    /// Whether a line of this segment is still needed.
    pub fn needs(&self, segment: u32) -> bool {
        self.needed.contains_key(&segment)
    }

    /// Traces that are under way or kept for late spans.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Traces that wait to be given out.
    pub fn waiting(&self) -> usize {
        let waits = |open: &&Open| open.first_new.is_some();
        self.open.values().filter(waits).count()
    }
}

fn release(needed: &mut BTreeMap<u32, usize>, segment: u32) {
    if let Some(count) = needed.get_mut(&segment) {
        *count -= 1;
        if *count == 0 {
            needed.remove(&segment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        settle: Duration::from_secs(10),
        longest: Duration::from_secs(600),
        keep: Duration::from_secs(900),
        most_spans: 4,
        most_bytes: 1_000,
        most_known: 100,
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn piece(trace: &str, segment: u32, ends_root: bool) -> Piece {
        Piece {
            trace: Arc::from(trace),
            line: Place {
                segment,
                offset: 0,
                length: 10,
            },
            shared: None,
            ends_root,
            is_whole: false,
            lost: 0,
        }
    }

    fn ready(assembly: &mut Assembly, now: u64) -> Option<(String, usize)> {
        assembly
            .due(at(now))
            .map(|ready| (ready.trace.to_string(), ready.spans.len()))
    }

    #[test]
    fn a_trace_whose_root_ended_waits_until_it_is_quiet() {
        let mut assembly = Assembly::new(PACE);
        assembly.take(piece("a", 1, true), at(0));
        assembly.take(piece("a", 1, false), at(8));
        assert_eq!(ready(&mut assembly, 10), None, "not quiet");
        assert_eq!(assembly.next(), Some(at(18)));
        assert_eq!(ready(&mut assembly, 18), Some(("a".to_owned(), 2)));
        assert_eq!(ready(&mut assembly, 18), None, "it is on its way");
        assembly.given_out(&Arc::from("a"));
        // A late one makes a new revision, with what was there.
        assembly.take(piece("a", 2, false), at(30));
        assert_eq!(ready(&mut assembly, 39), None);
        let again = assembly.due(at(40)).expect("due");
        assert!(again.is_again);
        assert_eq!(again.spans.len(), 3);
        assembly.given_out(&again.trace);
        assert!(assembly.needs(1));
        assert_eq!(ready(&mut assembly, 929), None);
        assert!(assembly.needs(1), "kept for late ones");
        assert_eq!(ready(&mut assembly, 930), None);
        assert!(!assembly.needs(1) && !assembly.needs(2));
        assert_eq!(assembly.open(), 0);
    }

    #[test]
    fn a_root_that_comes_last_brings_its_trace_forward() {
        let mut assembly = Assembly::new(PACE);
        assembly.take(piece("a", 1, false), at(0));
        assert_eq!(assembly.next(), Some(at(600)));
        assembly.take(piece("a", 1, true), at(20));
        assert_eq!(ready(&mut assembly, 30), Some(("a".to_owned(), 2)));
    }

    #[test]
    fn a_trace_without_an_end_is_given_out_when_it_is_old_and_so_is_one_that_is_never_quiet() {
        let mut assembly = Assembly::new(PACE);
        assembly.take(piece("a", 1, false), at(0));
        assembly.take(piece("b", 1, true), at(0));
        for second in 1..4 {
            assembly.take(piece("b", 1, false), at(second * 200 - 1));
        }
        assert_eq!(ready(&mut assembly, 599), None);
        let first = ready(&mut assembly, 600).expect("due").0;
        let second = ready(&mut assembly, 600).expect("due").0;
        assert_eq!([first, second], ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_written_now_comes_again() {
        let mut assembly = Assembly::new(PACE);
        assembly.take(piece("a", 1, true), at(0));
        let first = assembly.due(at(10)).expect("due");
        assembly.put_off(&first.trace, at(12));
        assert_eq!(ready(&mut assembly, 11), None);
        assert_eq!(ready(&mut assembly, 12), Some(("a".to_owned(), 1)));
    }

    #[test]
    fn spans_beyond_the_limits_are_counted() {
        let mut assembly = Assembly::new(PACE);
        for _ in 0..6 {
            assembly.take(piece("a", 1, true), at(0));
        }
        let mut lost = piece("a", 1, false);
        lost.lost = 5;
        assembly.take(lost, at(0));
        let mut large = piece("b", 1, true);
        large.line.length = 1_001;
        assembly.take(large, at(0));
        let ready = assembly.due(at(10)).expect("due");
        assert_eq!((ready.spans.len(), ready.lost), (4, 7));
        let ready = assembly.due(at(10)).expect("due");
        assert_eq!((ready.spans.len(), ready.lost), (0, 1));
    }

    #[test]
    fn what_spans_share_counts_once_for_each_place_where_it_lies() {
        let mut assembly = Assembly::new(PACE);
        let mut shares = |segment, offset| {
            let mut piece = piece("a", segment, true);
            piece.shared = Some(Place {
                segment,
                offset,
                length: 600,
            });
            assembly.take(piece, at(0));
        };
        shares(1, 0);
        shares(1, 0);
        shares(1, 700);
        shares(2, 0);
        let ready = assembly.due(at(10)).expect("due");
        assert_eq!((ready.spans.len(), ready.lost), (2, 2));
    }

    #[test]
    fn too_many_spans_bring_the_oldest_traces_forward() {
        let mut assembly = Assembly::new(PACE);
        for number in 0..=100 {
            let name = format!("t{number:03}");
            assembly.take(piece(&name, number, false), at(u64::from(number)));
        }
        assert_eq!(assembly.next(), Some(Duration::ZERO));
        assert_eq!(ready(&mut assembly, 101), Some(("t000".to_owned(), 1)));
        assembly.given_out(&Arc::from("t000"));
        let mut given = 1;
        while let Some((name, _)) = ready(&mut assembly, 101) {
            assembly.given_out(&Arc::from(name.as_str()));
            given += 1;
            assert!(given <= 101, "it comes to an end");
        }
        assert!(assembly.known <= 100);
        assert!(!assembly.needs(0));
    }

    #[test]
    fn of_a_whole_trace_the_last_revision_counts_and_is_let_go_at_once() {
        let mut assembly = Assembly::new(PACE);
        for segment in [1, 2] {
            let mut whole = piece("a", segment, true);
            whole.is_whole = true;
            assembly.take(whole, at(0));
        }
        assert!(!assembly.needs(1));
        let ready = assembly.due(at(0)).expect("due at once");
        assert_eq!(ready.spans[0].line.segment, 2);
        assembly.given_out(&ready.trace);
        assert_eq!((assembly.open(), assembly.needs(2)), (0, false));
    }

    #[test]
    fn shedding_keeps_what_was_not_given_out() {
        let mut assembly = Assembly::new(PACE);
        assembly.take(piece("a", 1, true), at(0));
        assembly.take(piece("b", 2, false), at(0));
        let ready = assembly.due(at(10)).expect("due");
        assembly.given_out(&ready.trace);
        assembly.shed();
        assert!(!assembly.needs(1) && assembly.needs(2));
        assert_eq!(assembly.waiting(), 1);
    }
}
