//! See `braintrust_answer` in `fuzz/decoders.rs`.

#![no_main]

#[expect(dead_code, reason = "each target has one of them")]
#[path = "../decoders.rs"]
mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| decoders::braintrust_answer(bytes));
