//! Plugins through the real binary: worked ones, and ones that do everything wrong.

mod executable;
mod library;
mod skeleton;
mod synced;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use archal_testkit::cli::{Output, TestEnv, copy_program};
use serde_json::Value;

use super::world;

/// A file of this repository.
fn ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Puts a program into the world that belongs to whoever runs the tests.
fn program(world: &TestEnv, name: &str, text: &str) -> PathBuf {
    let written = world.write(format!("{name}.txt"), text);
    fs::set_permissions(&written, fs::Permissions::from_mode(0o755)).expect("mine");
    let program = world.repo().join(name);
    copy_program(&written, &program);
    program
}

/// `archal plugin check` of a plugin with options.
fn check(world: &TestEnv, plugin: &Path, options: &[&str]) -> Output {
    let plugin = plugin.to_str().expect("UTF-8");
    let mut arguments = vec!["plugin", "check", plugin, "--json"];
    for option in options {
        arguments.extend(["--option", option]);
    }
    world.run(&arguments)
}

/// What is said of the part that is missing.
#[track_caller]
fn missing(output: Output) -> String {
    let document = output.ended(1).json();
    let parts = document["parts"].as_array().expect("parts");
    let missing = parts.iter().find(|part| part["status"] == "missing");
    let part = missing.unwrap_or_else(|| panic!("{document}"));
    part["detail"].as_str().expect("text").to_owned()
}

/// The counts of whole traces and single spans of a plugin that is ready.
#[track_caller]
fn given(output: Output) -> (u64, u64) {
    let document: Value = output.ended(0).json();
    let count = |name: &str| document[name].as_u64().expect("a number");
    (count("traces"), count("spans"))
}
