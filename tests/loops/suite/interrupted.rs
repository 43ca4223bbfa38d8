//! Ctrl-C: everything ends at once, nothing is left, and the suite can be gone on with.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

#[test]
fn it_ends_all_runs_and_leaves_what_can_be_gone_on_with() {
    let mut world = world();
    let marker = format!("archal-test-interrupted-{}", std::process::id());
    world.set("MARKER", marker.clone());
    // Two runs tell that they hang, and wait for somebody to hear it.
    let harness = "if [ -e calm ]; then echo good; exit; fi\n\
                   printf '{\"costUsd\": 0.25}' > \"$AGENT_METRICS_FILE\"\n\
                   setsid sleep 1000 &\necho hanging > ready\nsleep 1000\n";
    world.write("harness.sh", harness);
    world.write("one.md", &scenario("one", GOOD, ""));
    let ready = world.repo().join("ready");
    nix::unistd::mkfifo(&ready, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let child = world
        .command(&["run", "one.md", "-n", "4", "--jobs", "2", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let mut heard = 0;
    while heard < 2 {
        // Returns when those who write now have written.
        heard += fs::read_to_string(&ready)
            .expect("somebody writes")
            .lines()
            .count();
    }
    let id = i32::try_from(child.id()).expect("small");
    kill(Pid::from_raw(id), Signal::SIGINT).expect("my own child");
    let output = child.wait_with_output().expect("my own child");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(processes_with(&marker), Vec::<String>::new());
    let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(document["stopped"]["reason"], "interrupted");
    assert_eq!(document["stopped"]["left"], 4);
    // Half a run is no evidence, and is paid for.
    assert_eq!(document["cost"]["discarded"]["runs"], 2);
    assert_eq!(document["cost"]["usd"], 0.5);
    assert_eq!(
        names(&world.repo().join(".archal/cache/runs")),
        Vec::<String>::new()
    );
    let said = String::from_utf8_lossy(&output.stderr);
    let suite = document["suite"].as_str().expect("an id");
    assert!(
        said.contains(&format!("archal run --resume {suite}")),
        "{said}"
    );
    world.write("calm", "");
    let output = json(&world, &["--resume", suite]).ended(0);
    let again = output.json();
    assert_eq!(again["suite"], suite);
    assert_eq!(again["totals"]["runsPassed"], 4, "{output}");
    assert_eq!(again["stopped"], Value::Null);
    assert_eq!(again["cost"]["usd"], 0.5, "{output}");
    let output = world.run(&["run", "--resume"]).ended(2);
    assert!(output.stderr.contains("no suite was cut off"), "{output}");
}
