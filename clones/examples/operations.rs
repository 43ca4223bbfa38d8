//! Prints the modelled operations of every clone as JSON: `{"github": [{"id": ...}, ...]}`. The
//! development commands read it, which do not link the clones.

use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let operations: BTreeMap<&str, _> = archal_clones::ALL
        .iter()
        .map(|clone| (clone.name, clone.operations))
        .collect();
    match serde_json::to_writer(std::io::stdout().lock(), &operations) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
