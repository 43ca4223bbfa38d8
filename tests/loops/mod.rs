//! Whole loops through the real binary: the demonstration and what `archal attach` does when
//! something is missing, and `archal run` on harnesses that behave badly.
//!
//! They need Python 3 and git.

mod attach;
mod demo;
mod misbehaving;
mod repeatable;

use std::path::PathBuf;

use archal_testkit::TestEnv;

/// A world with the caller's programs.
fn world() -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    world
}

/// A world with the demonstration kept in `demo`, after the loop has run on it once.
fn kept_demo() -> (TestEnv, PathBuf) {
    let world = world();
    world.run(&["demo", "--keep", "demo"]).ended(0);
    let folder = world.repo().join("demo");
    (world, folder)
}

/// Runs git in a folder of the world.
fn git(world: &TestEnv, folder: &str, arguments: &[&str]) {
    let status = std::process::Command::new("git")
        .current_dir(world.repo().join(folder))
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("git starts");
    assert!(status.success(), "git {arguments:?}");
}
