//! Whole suites through the real binary: exit codes, runs at once, what is gone on with after a
//! kill, and what is found out without running anything.

mod codes;
mod crosstalk;
mod interrupted;
mod looking;
mod resumed;
mod two_clones;

use std::fs;
use std::path::PathBuf;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::world;

/// A scenario: a check of what the agent says, and lines of Config.
fn scenario(title: &str, check: &str, config: &str) -> String {
    format!(
        "# {title}\n\n## Prompt\n\nDo {title}.\n\n## Success Criteria\n\n- {check}\n\n\
         ## Config\n\nclones: github\ntimeout: 60\n{config}\n"
    )
}

/// A check that the agent passes by saying `good`.
const GOOD: &str = "[D] It is good: `output.contains(\"good\")`";

/// Passes on every second run, beginning with the first.
const EVERY_SECOND: &str = "n=$(cat count 2>/dev/null || echo 0)\necho $((n + 1)) > count\n\
                            [ $((n % 2)) = 0 ] && echo good\nexit 0\n";

fn suites(world: &TestEnv) -> PathBuf {
    world.repo().join(".archal/cache/suites")
}

/// The names in a folder; none where there is none.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| {
            let name = entry.expect("readable").file_name();
            name.into_string().expect("UTF-8")
        })
        .collect()
}

/// Each run of each scenario as JSON.
fn results(document: &Value) -> Vec<Value> {
    let scenarios = document["scenarios"].as_array().expect("a list");
    scenarios
        .iter()
        .flat_map(|scenario| scenario["results"].as_array().expect("a list").clone())
        .collect()
}

/// Runs `archal run -o json` with more arguments.
fn json(world: &TestEnv, arguments: &[&str]) -> Output {
    let mut all = vec!["run", "-o", "json"];
    all.extend(arguments);
    world.run(&all)
}

/// Processes whose environment carries the marker.
fn processes_with(marker: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .expect("a process file system")
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let environment = fs::read(folder.join("environ")).ok()?;
            let found = environment
                .windows(marker.len())
                .any(|window| window == marker.as_bytes());
            found.then(|| folder.display().to_string())
        })
        .collect()
}

/// Runs archal for its exit code alone.
#[track_caller]
fn ends(world: &TestEnv, arguments: &[&str], code: i32) {
    let output = world.run(arguments);
    assert_eq!(output.code, Some(code), "{output}");
}
