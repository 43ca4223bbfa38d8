//! GitHub's published clients at GitHub's normal URLs through `isolated`: each creates, reads,
//! updates and deletes, turns pages, and shows what it is refused as it shows what GitHub refuses.

mod gh;
mod git;
mod limits;
mod octokit;
mod pygithub;

use archal_testkit::cli::{Output, TestEnv};

use super::{clients, python, script};

/// A world with the callers' programs, in which the scripts find their clients.
fn world() -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    let bundle = clients().join("js/node_modules/octokit/dist-bundle/index.js");
    world.set("OCTOKIT", bundle.display().to_string());
    world
}

/// What a command prints whose traffic reaches a clone with a seed, once it has ended well.
fn told(seed: &str, command: &[&str]) -> String {
    let mut arguments = vec!["clone", "exec", "--clone", "github", "--seed", seed, "--"];
    arguments.extend(command);
    let output = world().run(&arguments).ended(0);
    // It says so where the command has no network of its own, and goes the weaker way.
    let went_elsewhere = output.stderr.contains("no network of its own");
    assert!(!went_elsewhere, "{output}");
    plain(output)
}

/// What was printed, without what differs by the time of day, times and what is hashed with them,
/// and without spaces at the ends of lines.
fn plain(output: Output) -> String {
    let printed = output
        .with(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>")
        .with(r"\b[0-9a-f]{40}\trefs", "<sha>\trefs")
        .stdout;
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    lines.join("\n")
}
