//! Generated files are what the program generates; `cargo xtask gen` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::cli::environment;

#[test]
fn generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = environment().run(&["__reference"]).ended(0);
    let files: BTreeMap<String, String> =
        serde_json::from_str(&output.stdout).expect("paths and texts");
    for (path, text) in &files {
        let found = fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(
            found == *text,
            "{path} differs from the code: cargo xtask gen"
        );
    }
    let reference = "docs/reference";
    let found: BTreeSet<String> = fs::read_dir(root.join(reference))
        .expect("the reference")
        .map(|entry| entry.expect("readable").file_name())
        .map(|name| format!("{reference}/{}", name.to_string_lossy()))
        .collect();
    let left_over: Vec<&String> = found
        .iter()
        .filter(|path| !files.contains_key(*path))
        .collect();
    assert!(left_over.is_empty(), "nothing generates {left_over:?}");
}
