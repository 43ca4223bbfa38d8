//! Where a program is, and which version it says it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sandbox::child::{ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::{self, Hold};

use super::records::line;

/// How long a program may take to say its version: one that unpacks itself at its first start takes half a minute on a
/// busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first executable file of that name in the folders of `path`.
pub fn program(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join(name))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// What the program answers to `--version`, in one line; none where it does not.
pub fn version(
    program: &Path,
    environment: &BTreeMap<String, String>,
    home: &Path,
    hold: &Hold<'_>,
) -> Option<String> {
    let end = sandbox::run(
        &ChildSpec {
            command: vec![program.display().to_string(), "--version".to_owned()],
            directory: home.to_owned(),
            environment: environment.clone(),
            timeout: PATIENCE,
            idle: None,
            grace: Duration::from_secs(1),
            output_cap: 4096,
            binds: Vec::new(),
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine: None,
        },
        hold,
    );
    if !end.succeeded() {
        return None;
    }
    let said = String::from_utf8_lossy(&end.stdout);
    said.lines().map(line).find(|line| !line.is_empty())
}
