//! Any bytes as the body of an OTLP/HTTP request in JSON: decoding and assembling are total.

#![no_main]

use archal_sources::otlp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = otlp::decode_json(bytes) else {
        return;
    };
    for one in otlp::assemble(request, &mut Vec::new()) {
        assert!(!one.trace.id.is_empty());
    }
});
