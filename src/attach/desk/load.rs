//! How much of files is read at the same time.
//!
//! What a file becomes in memory is several times its size, and there are as many readers as
//! processors. Small files are never held up; of large ones only so many are read at once as
//! are not too much together, and one that is too much by itself is read while no other is.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::ingest::watch::Stamp;

/// No larger file is held up.
const SMALL: u64 = 8 << 20;
/// Bytes of larger ones that are read at the same time.
const MOST: u64 = 128 << 20;
/// How many times its size a packed file is taken to hold. Only its name is known here; what
/// is packed under another name counts with the bytes that lie on the disk.
const PACKED: u64 = 10;
/// Endings of names of packed files.
const ENDINGS: [&str; 3] = ["gz", "zst", "zstd"];

/// Bytes of large files that are being read.
#[derive(Debug, Default)]
pub(super) struct Load(u64);

impl Load {
    /// The place of the first file that can be read now.
    pub(super) fn first_that_fits(&self, looks: &VecDeque<(i64, PathBuf, Stamp)>) -> Option<usize> {
        looks
            .iter()
            .position(|(_, path, stamp)| self.fits(weight(path, *stamp)))
    }

    fn fits(&self, weight: u64) -> bool {
        weight == 0 || self.0 == 0 || self.0.saturating_add(weight) <= MOST
    }

    /// A file is read from now on.
    pub(super) fn take(&mut self, weight: u64) {
        self.0 = self.0.saturating_add(weight);
    }

    /// It was read; whether others may have waited for that.
    pub(super) fn release(&mut self, weight: u64) -> bool {
        self.0 = self.0.saturating_sub(weight);
        weight > 0
    }
}

/// What a file counts for: nothing where it is small.
pub(super) fn weight(path: &Path, stamp: Stamp) -> u64 {
    let is_packed = path.extension().is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|packed| ending.eq_ignore_ascii_case(packed))
    });
    let factor = if is_packed { PACKED } else { 1 };
    let bytes = stamp.size.saturating_mul(factor);
    if bytes <= SMALL { 0 } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn look(name: &str, megabytes: u64) -> (i64, PathBuf, Stamp) {
        let stamp = Stamp {
            device: 1,
            inode: 1,
            size: megabytes * MB,
            modified_ns: 0,
        };
        (1, name.into(), stamp)
    }

    /// Reads the files with so many readers, the first begun being the first to end; the most
    /// bytes that were read at the same time, and the files in the order in which they began.
    fn read(readers: usize, files: &[(&str, u64)]) -> (u64, Vec<String>) {
        let mut looks: VecDeque<_> = files.iter().map(|(name, size)| look(name, *size)).collect();
        let mut load = Load::default();
        let mut under_way: VecDeque<(u64, u64)> = VecDeque::new();
        let (mut most, mut order) = (0, Vec::new());
        while !looks.is_empty() || !under_way.is_empty() {
            let place = load.first_that_fits(&looks);
            if let Some(place) = place.filter(|_| under_way.len() < readers) {
                let (_, path, stamp) = looks.remove(place).expect("there");
                let weight = weight(&path, stamp);
                load.take(weight);
                under_way.push_back((weight, stamp.size / MB));
                order.push(path.display().to_string());
                most = most.max(under_way.iter().map(|(_, size)| size).sum());
            } else {
                let (weight, _) = under_way.pop_front().expect("something is read");
                load.release(weight);
            }
        }
        (most, order)
    }

    #[test]
    fn several_huge_files_are_read_one_after_another() {
        let huge = [("a", 500), ("b", 500), ("c", 200), ("d", 500)];
        let (most, order) = read(8, &huge);
        assert_eq!((most, order.join(" ").as_str()), (500, "a b c d"));
    }

    #[test]
    fn small_files_go_past_huge_ones_and_middling_ones_share() {
        let mixed = [("a", 300), ("b", 300), ("x", 1), ("y", 8), ("z", 1)];
        let (most, order) = read(2, &mixed);
        assert_eq!((most, order.join(" ").as_str()), (308, "a x b y z"));
        let middling = [("a", 60), ("b", 60), ("c", 60)];
        assert_eq!(read(3, &middling).0, 120);
    }

    #[test]
    fn what_is_packed_counts_for_more_than_it_takes_on_the_disk() {
        let (_, path, stamp) = look("a.json.GZ", 5);
        assert_eq!(weight(&path, stamp), 50 * MB);
        assert_eq!(weight(Path::new("a.json"), stamp), 0);
        assert_eq!(read(4, &[("a.gz", 12), ("b.zst", 12)]).0, 12);
    }
}
