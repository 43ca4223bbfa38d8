//! The committed corpus of each fuzz target, through what the target calls; and that none is without.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/decoders.rs"]
mod decoders;

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

#[test]
fn every_decoder_has_a_target_and_a_corpus_that_it_holds_on() {
    let all: BTreeSet<String> = decoders::ALL
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), all);
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
