//! The committed corpus of each fuzz target, through what the target calls; and that none is without.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/decoders.rs"]
pub(crate) mod decoders;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .expect("there")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name");
            name.to_str().expect("a name").to_owned()
        })
        .collect()
}

/// The variable with how often each input is changed; for more by hand.
const CHANGES: &str = "ARCHAL_TEST_FUZZ_CHANGES";
/// How often, where nobody says.
const USUALLY: u32 = 8;

#[expect(clippy::disallowed_methods, reason = "set by hand for a larger one")]
fn changes() -> u32 {
    std::env::var(CHANGES).map_or(USUALLY, |text| text.parse().expect("a number"))
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end.max(1)
    }
}

/// An input with a few bytes changed, left out, doubled or taken from another one.
fn changed(bytes: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const ODD: &[&[u8]] = &[
        b"\xff",
        b"\0",
        b"{",
        b"[",
        b"\"",
        b"\\u0000",
        b"\\ud800",
        b"-1",
        b"1e999",
        b"\n",
        b"%",
        b"\xc3",
        b"18446744073709551616",
        b"null",
        b"---\n",
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    ];
    let mut out = bytes.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(out.len() + 1);
        let end = (at + numbers.below(20)).min(out.len());
        match numbers.below(5) {
            0 => drop(out.splice(at..end, [])),
            1 => drop(out.splice(at..end, ODD[numbers.below(ODD.len())].iter().copied())),
            2 => {
                let again = out[at..end].to_vec();
                drop(out.splice(at..at, again));
            }
            3 => {
                let from = numbers.below(other.len() + 1);
                let until = (from + numbers.below(60)).min(other.len());
                drop(out.splice(at..end, other[from..until].iter().copied()));
            }
            _ => {
                if let Some(byte) = out.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
        }
    }
    out
}

#[test]
fn every_decoder_holds_on_changed_inputs() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (name, decoder) in decoders::ALL {
        let mut inputs: Vec<PathBuf> = fs::read_dir(fuzz().join("corpus").join(name))
            .expect("there")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        inputs.sort();
        let inputs: Vec<Vec<u8>> = inputs
            .iter()
            .map(|path| fs::read(path).expect("readable"))
            .collect();
        for _ in 0..changes() {
            for input in &inputs {
                let other = &inputs[numbers.below(inputs.len())];
                let bytes = changed(input, other, &mut numbers);
                let held = std::panic::catch_unwind(|| decoder(&bytes));
                assert!(
                    held.is_ok(),
                    "{name} does not hold on b\"{}\"",
                    bytes.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn every_decoder_has_a_corpus_that_it_holds_on() {
    let all: BTreeSet<String> = decoders::ALL
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(names(&fuzz().join("corpus")), all);
    for (name, decoder) in decoders::ALL {
        let mut inputs = 0;
        for entry in fs::read_dir(fuzz().join("corpus").join(name)).expect("there") {
            let bytes = fs::read(entry.expect("an entry").path()).expect("readable");
            decoder(&bytes);
            inputs += 1;
        }
        assert!(inputs >= 3, "{name} has {inputs} inputs");
    }
}
