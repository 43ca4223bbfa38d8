//! Ids as an argument.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::hash;

/// Makes ids that are new. The composition root fills it from the operating system's randomness.
pub trait IdSource: Send + Sync {
    /// 64 bits never handed out before.
    fn next(&self) -> u64;
}

/// A seeded sequence: the same seed gives the same ids.
#[derive(Debug)]
pub struct SequentialIds {
    seed: u64,
    count: AtomicU64,
}

impl SequentialIds {
    /// A sequence that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            count: AtomicU64::new(0),
        }
    }
}

impl IdSource for SequentialIds {
    fn next(&self) -> u64 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..].copy_from_slice(&count.to_le_bytes());
        hash::sixty_four_bits(&bytes)
    }
}

/// An id with a kind in front of it: `run-3f9c0a1b2c3d`.
pub fn prefixed(ids: &dyn IdSource, prefix: &str) -> String {
    format!("{prefix}-{:012x}", ids.next() & 0xffff_ffff_ffff)
}

/// Lower-case letters, digits and single dashes of `text`, at most `limit` characters; `"x"` when nothing is left.
pub fn slug(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= limit {
            break;
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() {
        "x".to_owned()
    } else {
        out.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_repeat_by_seed_and_differ_between_seeds() {
        let (a, b, c) = (
            SequentialIds::new(1),
            SequentialIds::new(1),
            SequentialIds::new(2),
        );
        assert_eq!(a.next(), b.next());
        assert_ne!(a.next(), c.next());
    }

    #[test]
    fn slugs_hold_no_path_and_no_space() {
        assert_eq!(slug("../../etc/Pass wd", 40), "etc-pass-wd");
        assert_eq!(slug("∂∂", 40), "x");
        assert_eq!(slug("abc-def", 4), "abc");
    }
}
