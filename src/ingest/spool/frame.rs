//! How a record lies in a segment: mark, length, checksum, payload.

use std::ops::Range;

/// How a record begins, so that the next one is found behind a broken one.
const MARK: [u8; 4] = *b"\xA7rec";
/// Mark, length and checksum.
pub const HEADER: usize = 12;
/// The longest payload: a request of the largest size there is, written as JSON.
pub const LONGEST: usize = 1 << 30;

/// Writes a record behind `out`. None for a payload that is too long.
pub fn put(out: &mut Vec<u8>, payload: &[u8]) -> Option<()> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= LONGEST)?;
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(length, payload).to_le_bytes());
    out.extend_from_slice(payload);
    Some(())
}

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole record, whose payload lies there.
    Whole(Range<usize>),
    /// Bytes that are no record, up to the next whole record.
    Broken(Range<usize>),
    /// Bytes that are no record, and no record behind them.
    Torn,
    /// Nothing more.
    End,
}

/// Reads what stands at `at`.
pub fn get(bytes: &[u8], at: usize) -> Found {
    if at >= bytes.len() {
        return Found::End;
    }
    if let Some(payload) = whole(bytes, at) {
        return Found::Whole(payload);
    }
    let mut from = at + 1;
    while let Some(next) = find(bytes, from) {
        if whole(bytes, next).is_some() {
            return Found::Broken(at..next);
        }
        from = next + 1;
    }
    Found::Torn
}

fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MARK.len())
        .position(|window| window == MARK)
        .map(|at| from + at)
}

fn whole(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let header = bytes.get(at..at.checked_add(HEADER)?)?;
    let (mark, numbers) = header.split_at(MARK.len());
    let (length, sum) = numbers.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let sum = u32::from_le_bytes(sum.try_into().ok()?);
    let begin = at + HEADER;
    let end = begin.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(begin..end)?;
    (mark == MARK && checksum(length, payload) == sum).then_some(begin..end)
}

/// Of the length, too: a record of zeros is none.
fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&MARK);
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (Vec<u8>, Vec<Range<usize>>) {
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for payload in ["one", "", "three\n"] {
            put(&mut bytes, payload.as_bytes()).expect("short");
            places.push(bytes.len() - payload.len()..bytes.len());
        }
        (bytes, places)
    }

    fn all(bytes: &[u8]) -> (Vec<Range<usize>>, usize, bool) {
        let (mut at, mut wholes, mut broken) = (0, Vec::new(), 0);
        loop {
            match get(bytes, at) {
                Found::Whole(place) => {
                    at = place.end;
                    wholes.push(place);
                }
                Found::Broken(place) => {
                    at = place.end;
                    broken += 1;
                }
                Found::Torn => return (wholes, broken, true),
                Found::End => return (wholes, broken, false),
            }
        }
    }

    #[test]
    fn a_segment_cut_anywhere_gives_its_whole_records() {
        let (bytes, places) = three();
        assert_eq!(all(&bytes), (places.clone(), 0, false));
        for cut in 0..bytes.len() {
            let (wholes, broken, torn) = all(&bytes[..cut]);
            let expected = places.iter().filter(|place| place.end <= cut).count();
            assert_eq!(wholes, places[..expected], "cut at {cut}");
            assert_eq!(broken, 0);
            let is_edge = cut == 0 || places.iter().any(|place| place.end == cut);
            assert_eq!(torn, !is_edge, "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_anywhere_costs_one_record() {
        let (bytes, places) = three();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x20;
            let (wholes, broken, torn) = all(&changed);
            assert_eq!(wholes.len(), 2, "changed at {at}");
            assert!(wholes.iter().all(|place| places.contains(place)));
            assert_eq!(broken + usize::from(torn), 1);
        }
    }

    #[test]
    fn zeros_are_no_records() {
        assert_eq!(get(&[0; 64], 0), Found::Torn);
    }
}
