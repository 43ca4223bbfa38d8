//! Short hashes for ids and entity tags. They see seeds, keys and versions, never the clock.

/// Mixes one more number into a fingerprint.
pub(crate) fn mix(state: u64, value: u64) -> u64 {
    // The finaliser of splitmix64 over the running state: cheap, and every bit of the input
    // reaches every bit of the output.
    let mut z = (state ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Mixes bytes into a fingerprint.
pub(crate) fn bytes(state: u64, bytes: &[u8]) -> u64 {
    let mut state = mix(state, bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = mix(state, u64::from_le_bytes(word));
    }
    let rest = chunks.remainder();
    if rest.is_empty() {
        return state;
    }
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    mix(state, u64::from_le_bytes(word))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_and_the_length_count() {
        let all = [
            super::bytes(0, b""),
            super::bytes(0, b"\0"),
            super::bytes(0, b"\0\0"),
            super::bytes(0, b"12345678"),
            super::bytes(0, b"123456789"),
            super::bytes(1, b"12345678"),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "{all:x?}");
        }
    }
}
