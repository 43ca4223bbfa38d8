//! Any bytes as the body of an OTLP request in protobuf, of traces and of logs: decoding and
//! assembling are total.

#![no_main]

use archal_sources::otlp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut request = otlp::decode_protobuf(bytes.to_vec()).unwrap_or_default();
    if let Ok(logs) = otlp::decode_protobuf_logs(bytes.to_vec()) {
        request.events.extend(logs.events);
    }
    for one in otlp::assemble(request, &mut Vec::new()) {
        assert!(!one.trace.id.is_empty());
    }
});
