//! What the packer does with lines that are no trace.

use std::sync::mpsc::channel;

use archal_core::clock::Timestamp;
use archal_core::push::{Delivery, PushedSpan};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::ingest::assembly::Pace;
use crate::ingest::spool::{SpoolLimits, record};

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// A trace of as many tags as it has spans; one that is named so has a fault, one has no spans.
fn assemble(trace: &str, kept: Kept, _: &mut Vec<Diagnostic>) -> Option<DecodedTrace> {
    assert_ne!(trace, "fault");
    let is_more = kept
        .earlier
        .as_ref()
        .is_some_and(|earlier| kept.lost > earlier.trace.completeness.dropped);
    if (kept.spans.is_empty() && !is_more) || trace == "loose" {
        return None;
    }
    let mut decoded = kept.earlier.unwrap_or_default();
    decoded.trace.id = trace.to_owned();
    let tags = vec!["span".to_owned(); kept.spans.len()];
    decoded.trace.tags.extend(tags);
    decoded.trace.completeness.dropped = kept.lost;
    Some(decoded)
}

const SOURCE: PushSource = PushSource {
    doors: &[],
    needs_token: false,
    check_mapping: |_| Ok(()),
    serve: |_| Box::pin(async {}),
    assemble,
};

struct World {
    folder: TempDir,
    packer: Packer,
    offset: u32,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let clock: Arc<dyn Clock> = Arc::new(Standing);
        let (committed, _) = channel();
        let limits = SpoolLimits::default();
        let spool = Spool::start(at, 2, 0, limits, Arc::clone(&clock), committed);
        let packer = Packer {
            provider: "otel",
            name: "prod".to_owned(),
            source: SOURCE,
            directory: at.join("traces"),
            assembly: Assembly::new(Pace {
                settle: Duration::ZERO,
                longest: Duration::ZERO,
                ..Pace::default()
            }),
            segments: Segments::of(at),
            numbers: BTreeSet::from([1]),
            sealed: Some(1),
            is_refusing: false,
            spool: Arc::new(spool.expect("a thread")),
            given: Given::open(at),
            redactor: Redactor::new([7; 32], []),
            clock,
        };
        Self {
            folder,
            packer,
            offset: 0,
        }
    }

    /// Puts a delivery into the spool as it would lie there; `spoil` makes its bytes others.
    fn put(&mut self, delivery: &Delivery, spoil: fn(&mut [u8])) {
        let mut record = record::encode(delivery).expect("JSON");
        spoil(&mut record.payload);
        let path = self.folder.path().join("00000001.seg");
        let mut bytes = std::fs::read(&path).unwrap_or_default();
        bytes.extend_from_slice(&record.payload);
        std::fs::write(path, &bytes).expect("writable");
        for piece in record.pieces {
            let piece = piece.placed(1, self.offset);
            self.packer.assembly.take(piece, Duration::from_secs(1));
        }
        self.offset = u32::try_from(bytes.len()).expect("short");
    }

    fn codes(&mut self) -> (usize, Vec<String>) {
        let packed = self.packer.look();
        let codes = packed.diagnostics.iter().map(|one| one.code.clone());
        (packed.traces, codes.collect())
    }
}

fn spans(trace: &str) -> Delivery {
    Delivery {
        spans: vec![PushedSpan {
            trace: trace.to_owned(),
            ends_root: true,
            body: json!({"name": "a"}),
            ..PushedSpan::default()
        }],
        ..Delivery::default()
    }
}

#[test]
fn a_trace_that_cannot_be_read_is_told_and_stays_in_the_spool() {
    let mut world = World::new();
    let mut whole = DecodedTrace::default();
    whole.trace.id = "t".to_owned();
    let delivery = Delivery {
        traces: vec![whole],
        ..Delivery::default()
    };
    world.put(&delivery, |bytes| bytes[0] = b'x');
    assert_eq!(world.codes(), (0, vec!["spool/unreadable".to_owned()]));
    assert!(world.packer.assembly.needs(1));
    assert_eq!(world.packer.assembly.waiting(), 1);
    assert_eq!(world.codes(), (0, Vec::new()), "not again at once");
}

#[test]
fn a_trace_that_cannot_be_read_goes_where_there_is_no_room() {
    let mut world = World::new();
    world.put(&spans("t"), |bytes| bytes[0] = b'x');
    world.packer.is_refusing = true;
    assert_eq!(world.codes(), (0, vec!["spool/unreadable".to_owned()]));
    assert!(!world.packer.assembly.needs(1));
}

#[test]
fn a_fault_in_one_trace_costs_the_others_nothing() {
    let mut world = World::new();
    world.put(&spans("fault"), |_| {});
    world.put(&spans("good"), |_| {});
    assert_eq!(world.codes(), (1, vec!["spool/unreadable".to_owned()]));
    assert!(world.packer.assembly.needs(1));
    assert_eq!(world.packer.assembly.waiting(), 1);
}

#[test]
fn lines_without_a_span_are_told_and_kept_for_one() {
    let mut world = World::new();
    world.put(&spans("loose"), |_| {});
    assert_eq!(world.codes(), (0, vec!["trace/loose-event".to_owned()]));
    assert!(world.packer.assembly.needs(1), "kept for late spans");
    assert_eq!(world.packer.assembly.waiting(), 0);
}

#[test]
fn spans_that_were_lost_after_their_trace_was_given_out_are_counted_in_it() {
    let mut world = World::new();
    world.put(&spans("t"), |_| {});
    assert_eq!(world.codes(), (1, Vec::new()));
    world.packer.assembly.shed();
    let delivery = Delivery {
        lost: [("t".to_owned(), 3)].into(),
        ..Delivery::default()
    };
    world.put(&delivery, |_| {});
    assert_eq!(world.codes(), (1, Vec::new()));
    let given = world.packer.given.earlier("t", "t").expect("there");
    assert_eq!(given.trace.completeness.dropped, 3);
    assert_eq!(given.trace.tags.len(), 1);
}

#[test]
fn each_late_revision_has_what_those_before_it_had() {
    let mut world = World::new();
    world.put(&spans("t"), |_| {});
    world.packer.look();
    world.packer.assembly.shed();
    for _ in 0..2 {
        world.put(&spans("t"), |_| {});
        world.packer.look();
    }
    let given = world.packer.given.earlier("t", "t").expect("there");
    assert!(given.trace.tags.len() >= 3, "{:?}", given.trace.tags);
}
