//! Generated files, written or compared. The program itself renders them
//! (`archal __reference`), so this crate needs none of its dependencies.

use std::collections::BTreeMap;
use std::fs;

use crate::steps::{Failure, cargo, note, output, root};

/// Writes what differs, or fails naming it when `check`.
pub(crate) fn run(check: bool) -> Result<(), Failure> {
    let text = output(&mut cargo(&[
        "run",
        "--quiet",
        "--package",
        "archal",
        "--bin",
        "archal",
        "--",
        "__reference",
    ]))?;
    let files: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|error| Failure::bad(format!("the reference is no JSON object: {error}")))?;
    let mut stale: Vec<String> = Vec::new();
    for (path, text) in &files {
        let place = root().join(path);
        if fs::read_to_string(&place).is_ok_and(|found| found == *text) {
            continue;
        }
        stale.push(path.clone());
        if !check {
            write(&place, text).map_err(|error| Failure::bad(format!("{path}: {error}")))?;
            note(&format!("wrote {path}"));
        }
    }
    for path in left_over(&files) {
        stale.push(path.clone());
        if !check {
            fs::remove_file(root().join(&path))
                .map_err(|error| Failure::bad(format!("{path}: {error}")))?;
            note(&format!("removed {path}"));
        }
    }
    if check && !stale.is_empty() {
        return Err(Failure::bad(format!(
            "generated files differ from the code: {}; run `cargo xtask gen`",
            stale.join(", ")
        )));
    }
    note(&format!("{} generated files are up to date", files.len()));
    Ok(())
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// Files of the reference that nothing generates any more.
fn left_over(files: &BTreeMap<String, String>) -> Vec<String> {
    let folder = "docs/reference";
    let Ok(entries) = fs::read_dir(root().join(folder)) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
        .filter(|path| !files.contains_key(path))
        .collect()
}
