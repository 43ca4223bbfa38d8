//! Stable content hashes.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// `sha256:` and 64 lower-case hex digits of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// The first eight hex digits of the SHA-256 of `text`, for names a person reads.
pub fn short(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..4])
}

/// The first 64 bits of the SHA-256 of `bytes`.
pub fn sixty_four_bits(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// The [`sha256`] of a value's JSON, in the order in which its fields are declared.
///
/// Maps must be sorted (`BTreeMap`, or `serde_json::Map` without `preserve_order`), or equal
/// values would hash differently. A value that cannot be JSON hashes as its error text.
pub fn of_json(value: &impl Serialize) -> String {
    match serde_json::to_vec(value) {
        Ok(bytes) => sha256(&bytes),
        Err(error) => sha256(error.to_string().as_bytes()),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn hashes_are_the_published_ones() {
        assert_eq!(
            super::sha256(b"abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(super::short("abc"), "ba7816bf");
    }
}
