//! Any bytes as a trace file: decoding is total, and what it gives has an id.

#![no_main]

use archal_sources::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let decoded = file::decode(bytes);
    for one in decoded.traces {
        assert!(!one.trace.id.is_empty());
    }
});
