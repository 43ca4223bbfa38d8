//! Every command as a user meets it: one happy and one sad case each, by exit code, stdout and
//! stderr.

mod budget;
mod clone;
mod completions;
mod config;
mod criteria;
mod doctor;
mod fixer;
mod frame;
mod grade;
mod grade_judge;
mod init;
mod issue;
mod man;
mod mistakes;
mod prices;
mod redact;
mod run;
mod runs;
mod scenario;
pub(crate) mod schema;
mod seed;
mod trace_source;

use archal_testkit::cli::TestEnv;

/// A world around the binary under test.
pub(crate) fn environment() -> TestEnv {
    TestEnv::new(env!("CARGO_BIN_EXE_archal"))
}
