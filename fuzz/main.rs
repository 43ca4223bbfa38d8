//! The fuzz targets in one program: the variable `ARCHAL_FUZZ` says which function of `fuzz/decoders.rs` is called.

#![no_main]

mod decoders;

use std::sync::LazyLock;

use decoders::Decoder;

static CHOSEN: LazyLock<Decoder> = LazyLock::new(|| {
    let name = std::env::var("ARCHAL_FUZZ").unwrap_or_default();
    let chosen = decoders::ALL.iter().find(|(other, _)| *other == name);
    let (_, decoder) = chosen.unwrap_or_else(|| panic!("ARCHAL_FUZZ=`{name}` is no target"));
    *decoder
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHOSEN(bytes));
