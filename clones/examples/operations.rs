//! Prints what every clone models, could model and is called for, as JSON. The development
//! commands read it, which do not link the clones.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::json;

fn main() -> ExitCode {
    let clones: BTreeMap<&str, _> = archal_clones::ALL
        .iter()
        .map(|clone| {
            let what = json!({"operations": clone.operations, "coverage": clone.coverage});
            (clone.name, what)
        })
        .collect();
    match serde_json::to_writer(std::io::stdout().lock(), &clones) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
