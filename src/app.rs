//! The composition root: the only file that names the catalogues and the real clock.

use std::process::ExitCode;

/// Runs the program, or the hidden helper mode that stands between archal and a contained child.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if let Some(code) = crate::sandbox::helper_main(&arguments) {
        return code;
    }
    ExitCode::SUCCESS
}
