//! The shipped example: `examples/issue-janitor/`, in the binary.

use std::path::Path;

use crate::store::atomic::{self, Durability, WriteError};

/// The example's own fixer.
pub(super) const FIX_COMMAND: &str = "python3 fix.py";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../examples/issue-janitor/", $name)))),*]
    };
}

/// Each file of the example.
const FILES: &[(&str, &[u8])] = files![
    ".archal.json",
    ".gitignore",
    "README.md",
    "agent.py",
    "archal/close-stale-issues.md",
    "fix.py",
    "github.py",
    "telemetry.py",
    "traces/2026-11-20-sweep.otlp.json",
];

/// Writes the example into a new folder.
pub(super) fn write(folder: &Path) -> Result<(), WriteError> {
    for (name, bytes) in FILES {
        atomic::write(&folder.join(name), bytes, Durability::Derived)?;
    }
    Ok(())
}
