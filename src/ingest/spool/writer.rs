//! The one thread that writes a spool: records of several requests in one write and one sync.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::push::Refusal;

use super::frame;
use super::record::{Piece, Record};
use super::segments;
use crate::store::space;

/// How long the first record of a group waits for others.
const GROUP_WAITS: Duration = Duration::from_millis(5);
/// A group of so many bytes waits no longer.
const GROUP_BYTES: usize = 1 << 20;
/// When a client may try again that came too fast.
const SOON: Duration = Duration::from_secs(1);
/// When a client may try again while there is no room.
const LATER: Duration = Duration::from_secs(5);

/// How large a spool may become.
#[derive(Debug, Clone, Copy)]
pub struct SpoolLimits {
    /// Bytes of all its segments.
    pub bytes: u64,
    /// Bytes that wait to be written.
    pub pending: u64,
    /// Bytes of one segment; one that has them gets no more records.
    pub segment: u64,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self {
            bytes: 2 << 30,
            pending: 128 << 20,
            segment: 16 << 20,
        }
    }
}

/// What happens when a record is on the disk, or cannot be.
pub type Done = Box<dyn FnOnce(Result<(), Refusal>) + Send>;

/// What the writer tells whoever assembles.
#[derive(Debug)]
pub enum Order {
    /// These pieces are on the disk.
    Committed(Vec<Piece>),
    /// This segment and those before it get no more records.
    Sealed(u32),
    /// Requests are refused from now on, for this reason; or are taken again.
    Refusing(Option<String>),
    /// Nothing more will come.
    End,
}

struct Job {
    record: Record,
    done: Done,
}

#[derive(Debug, Default)]
struct Sizes {
    stored: AtomicU64,
    pending: AtomicU64,
}

/// The writing side of a spool. Dropping it writes what waits and ends the thread.
pub struct Spool {
    jobs: Mutex<Option<Sender<Job>>>,
    sizes: Arc<Sizes>,
    limits: SpoolLimits,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    /// Starts writing to `folder`, beginning with the segment `next`; `stored` bytes are there already.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(
        folder: &Path,
        next: u32,
        stored: u64,
        limits: SpoolLimits,
        clock: Arc<dyn Clock>,
        committed: Sender<Order>,
    ) -> io::Result<Self> {
        let (jobs, queue) = channel();
        let sizes = Arc::new(Sizes::default());
        sizes.stored.store(stored, Ordering::SeqCst);
        let log = Log {
            folder: folder.to_owned(),
            next,
            current: None,
            is_refusing: false,
            sizes: Arc::clone(&sizes),
            limits,
        };
        let thread = thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || write(log, &queue, clock.as_ref(), &committed))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            sizes,
            limits,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a record; `done` is called once it is on the disk, or cannot be.
    pub fn append(&self, record: Record, done: Done) {
        let bytes = record.payload.len() as u64;
        if record.payload.len() > frame::LONGEST {
            return done(Err(refusal(
                "the request is too large for the spool",
                LATER,
            )));
        }
        let pending = self.sizes.pending.fetch_add(bytes, Ordering::SeqCst);
        if pending > 0 && pending.saturating_add(bytes) > self.limits.pending {
            self.sizes.pending.fetch_sub(bytes, Ordering::SeqCst);
            return done(Err(refusal(
                "more comes than the disk takes; requests wait already",
                SOON,
            )));
        }
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = Job { record, done };
        let unsent = match jobs.as_ref() {
            Some(jobs) => jobs.send(job).err().map(|error| error.0),
            None => Some(job),
        };
        drop(jobs);
        if let Some(job) = unsent {
            self.sizes.pending.fetch_sub(bytes, Ordering::SeqCst);
            (job.done)(Err(refusal("archal is ending", LATER)));
        }
    }

    /// Bytes of all segments.
    pub fn stored(&self) -> u64 {
        self.sizes.stored.load(Ordering::SeqCst)
    }

    /// That a segment of so many bytes was removed.
    pub fn removed(&self, bytes: u64) {
        // A torn tail that could not be cut was never counted, and yet is removed.
        let less = |stored: u64| Some(stored.saturating_sub(bytes));
        self.sizes
            .stored
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .ok();
    }

    /// Whether so much is stored that what is not needed is better taken away at once.
    pub fn is_half_full(&self) -> bool {
        self.stored() > self.limits.bytes / 2
    }

    /// Writes what waits and ends the thread.
    pub fn end(&self) {
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A panic of the thread was printed by it; those who waited for it were told by their ends.
        if let Some(thread) = thread {
            thread.join().ok();
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.end();
    }
}

fn refusal(reason: impl Into<String>, retry_after: Duration) -> Refusal {
    Refusal {
        reason: reason.into(),
        retry_after,
    }
}

fn write(mut log: Log, queue: &Receiver<Job>, clock: &dyn Clock, committed: &Sender<Order>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        let mut bytes = group[0].record.payload.len();
        let until = clock.monotonic() + GROUP_WAITS;
        while bytes < GROUP_BYTES {
            let left = until.saturating_sub(clock.monotonic());
            match queue.recv_timeout(left) {
                Ok(job) => {
                    bytes += job.record.payload.len();
                    group.push(job);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        log.commit(group, committed);
    }
    // Whoever assembles may have ended first.
    committed.send(Order::End).ok();
}

/// The segment that is written, and what follows it.
struct Log {
    folder: PathBuf,
    next: u32,
    current: Option<Segment>,
    is_refusing: bool,
    sizes: Arc<Sizes>,
    limits: SpoolLimits,
}

struct Segment {
    number: u32,
    file: File,
    length: u64,
}

impl Log {
    fn commit(&mut self, group: Vec<Job>, committed: &Sender<Order>) {
        let bytes: u64 = group
            .iter()
            .map(|job| job.record.payload.len() as u64)
            .sum();
        let outcome = self.room().and_then(|()| {
            self.append(&group, committed)
                .map_err(|error| self.failed(&error))
        });
        if outcome.is_err() {
            // What is in it can go as soon as nothing needs it: that makes room.
            self.seal(committed);
        }
        self.sizes.pending.fetch_sub(bytes, Ordering::SeqCst);
        if outcome.is_err() != self.is_refusing {
            self.is_refusing = outcome.is_err();
            let reason = outcome.as_ref().err().map(|refusal| refusal.reason.clone());
            committed.send(Order::Refusing(reason)).ok();
        }
        match outcome {
            Ok(places) => {
                for (job, (segment, offset)) in group.into_iter().zip(places) {
                    let pieces = job.record.pieces.into_iter();
                    let placed = pieces.map(|piece| piece.placed(segment, offset)).collect();
                    // Whoever assembles has ended: what is on the disk is read at the next start.
                    committed.send(Order::Committed(placed)).ok();
                    (job.done)(Ok(()));
                }
            }
            Err(refused) => {
                for job in group {
                    (job.done)(Err(refused.clone()));
                }
            }
        }
    }

    /// Whether there is room for more, on the disk and by the limit.
    fn room(&self) -> Result<(), Refusal> {
        let stored = self.sizes.stored.load(Ordering::SeqCst);
        if stored >= self.limits.bytes {
            return Err(refusal(
                format!(
                    "the spool has reached its limit of {} MB; traces wait to be written",
                    self.limits.bytes / 1_000_000
                ),
                LATER,
            ));
        }
        match space::of(&self.folder) {
            Ok(space) if space.is_low() => {
                Err(refusal(format!("the disk is nearly full: {space}"), LATER))
            }
            // A file system that cannot be asked says it when it is written to.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn seal(&mut self, committed: &Sender<Order>) {
        if let Some(segment) = self.current.take() {
            committed.send(Order::Sealed(segment.number)).ok();
        }
    }

    /// Nothing of the group counts: what was written of it is cut away. The segment is left then, for
    /// after a failed sync nobody knows what of it is on the disk.
    fn failed(&self, error: &io::Error) -> Refusal {
        if let Some(segment) = &self.current {
            let is_cut = segment
                .file
                .set_len(segment.length)
                .and_then(|()| segment.file.sync_all());
            if let Err(error) = is_cut {
                tracing::warn!(segment = segment.number, %error, "a torn tail stays until the next start");
            }
        }
        refusal(format!("the spool cannot be written: {error}"), LATER)
    }

    /// Writes and syncs the group; returns the segment and offset of each payload.
    fn append(&mut self, group: &[Job], committed: &Sender<Order>) -> io::Result<Vec<(u32, u32)>> {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(group.len());
        for job in group {
            if frame::put(&mut bytes, &job.record.payload).is_none() {
                return Err(io::Error::other("a record is too long"));
            }
            ends.push(bytes.len() - job.record.payload.len());
        }
        let most = self.limits.segment;
        let is_full =
            |segment: &Segment| segment.length > 0 && segment.length + bytes.len() as u64 > most;
        if self.current.as_ref().is_some_and(is_full) {
            self.seal(committed);
        }
        if self.current.is_none() {
            self.current = Some(self.new_segment()?);
        }
        let Some(segment) = self.current.as_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        segment.file.write_all(&bytes)?;
        segment.file.sync_data()?;
        let begin = segment.length;
        segment.length += bytes.len() as u64;
        self.sizes
            .stored
            .fetch_add(bytes.len() as u64, Ordering::SeqCst);
        ends.into_iter()
            .map(|end| {
                let offset = u32::try_from(begin + end as u64)
                    .map_err(|_| io::Error::other("a segment is too long"))?;
                Ok((segment.number, offset))
            })
            .collect()
    }

    fn new_segment(&mut self) -> io::Result<Segment> {
        let number = self.next;
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(segments::path(&self.folder, number))?;
        self.next = self
            .next
            .checked_add(1)
            .ok_or_else(|| io::Error::other("there are too many segments"))?;
        // Without its name in the folder a synced file is lost.
        File::open(&self.folder)?.sync_all()?;
        Ok(Segment {
            number,
            file,
            length: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use archal_core::clock::Timestamp;

    use super::*;

    struct Standing;

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn a_segment_that_is_longer_than_was_counted_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (committed, _orders) = channel();
        let limits = SpoolLimits::default();
        let spool = Spool::start(folder.path(), 1, 10, limits, Arc::new(Standing), committed)
            .expect("a thread");
        spool.removed(17);
        assert_eq!(spool.stored(), 0);
        assert!(!spool.is_half_full());
    }

    /// A log whose segment is a file of which the system takes `room` bytes and no more.
    #[cfg(target_os = "linux")]
    fn on_a_full_disk(folder: &Path, room: u64) -> Log {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
        let file = memfd_create("segment", MemfdFlags::ALLOW_SEALING).expect("memory");
        ftruncate(&file, room).expect("room");
        fcntl_add_seals(&file, SealFlags::GROW).expect("sealed");
        Log {
            folder: folder.to_owned(),
            next: 8,
            current: Some(Segment {
                number: 7,
                file: file.into(),
                length: 0,
            }),
            is_refusing: false,
            sizes: Arc::default(),
            limits: SpoolLimits::default(),
        }
    }

    /// What becomes of a record of so many bytes.
    #[cfg(target_os = "linux")]
    fn committed(log: &mut Log, bytes: usize) -> (Result<(), Refusal>, Vec<Order>) {
        let (orders, told) = channel();
        let (done, outcome) = channel();
        let record = Record {
            payload: vec![b'x'; bytes],
            pieces: Vec::new(),
        };
        log.sizes.pending.fetch_add(bytes as u64, Ordering::SeqCst);
        let done: Done = Box::new(move |ended| done.send(ended).expect("heard"));
        log.commit(vec![Job { record, done }], &orders);
        drop(orders);
        (outcome.recv().expect("told"), told.iter().collect())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_write_that_fails_halfway_is_refused_cut_away_and_gone_on_with_in_a_new_segment() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = on_a_full_disk(folder.path(), 16 * 1024);
        let segment = log.current.as_ref().expect("one").file.try_clone();
        let segment = segment.expect("a file");
        let (outcome, orders) = committed(&mut log, 4_000);
        assert!(outcome.is_ok());
        assert!(matches!(orders[..], [Order::Committed(_)]), "{orders:?}");
        let whole = log.sizes.stored.load(Ordering::SeqCst);

        let (outcome, orders) = committed(&mut log, 64 * 1024);
        let refused = outcome.expect_err("no room");
        assert!(refused.reason.starts_with("the spool cannot be written: "));
        assert_eq!(refused.retry_after, LATER);
        let [Order::Sealed(7), Order::Refusing(Some(reason))] = &orders[..] else {
            panic!("{orders:?}");
        };
        assert_eq!(*reason, refused.reason);
        // Part of it was written, and nothing of it stays.
        assert_eq!(segment.metadata().expect("a file").len(), whole);
        assert_eq!(log.sizes.stored.load(Ordering::SeqCst), whole);
        assert_eq!(log.sizes.pending.load(Ordering::SeqCst), 0);

        let (outcome, orders) = committed(&mut log, 64 * 1024);
        assert!(outcome.is_ok());
        let [Order::Refusing(None), Order::Committed(_)] = &orders[..] else {
            panic!("{orders:?}");
        };
        let next = std::fs::metadata(segments::path(folder.path(), 8)).expect("a segment");
        assert_eq!(whole + next.len(), log.sizes.stored.load(Ordering::SeqCst));
    }
}
