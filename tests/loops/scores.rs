//! Verdicts sent back to Langfuse as scores, through the real binary: those of the source that says so,
//! on what it brought, once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archal_testkit::FakeClock;
use archal_testkit::cli::TestEnv;
use archal_testkit::langfuse::{Langfuse, PROJECT, PUBLIC_KEY, Release, SECRET_KEY};
use serde_json::{Value, json};

use super::watched::{batch, one};
use super::{git, world};

/// A run of one call of a model.
fn run(trace: &str, asked: &str, answered: &str, updated: &str) -> Value {
    json!({
        "id": format!("{trace}-root"), "traceId": trace, "projectId": PROJECT, "type": "GENERATION", "name": "chat",
        "parentObservationId": null, "isRootObservation": true, "level": "DEFAULT", "environment": "production",
        "startTime": "2026-03-01T10:00:00.000Z", "endTime": "2026-03-01T10:00:05.000Z",
        "createdAt": updated, "updatedAt": updated,
        "input": [{"role": "user", "content": asked}], "output": {"role": "assistant", "content": answered},
    })
}

/// What was posted as scores: of which trace, under which id, and the verdict.
fn posted(server: &Langfuse) -> Vec<(String, String, String)> {
    let state = server.state();
    let asked = state.asked.iter().filter(|one| one.method == "POST");
    let bodies = asked.map(|one| {
        assert_eq!(one.path, "/api/public/scores");
        let body = one.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (text("traceId"), text("id"), text("value"))
    });
    bodies.collect()
}

fn attached(world: &TestEnv) -> String {
    let attach = [
        "attach",
        "agent/.archal/traces",
        "--repo",
        "agent",
        "--once",
        "--foreground",
    ];
    let output = world.run(&attach);
    let said = output.to_string();
    assert!(!said.contains(SECRET_KEY), "{said}");
    said
}

fn sync(world: &TestEnv, source: &str) -> Value {
    let sync = ["trace-source", "sync", source, "--repo", "agent", "--json"];
    world.run(&sync).ended(0).json()
}

/// No file below holds a text.
fn assert_without(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_without(&path, secret);
        } else if let Ok(bytes) = fs::read(&path) {
            let mut windows = bytes.windows(secret.len());
            let is_there = windows.any(|window| window == secret.as_bytes());
            assert!(!is_there, "{}", path.display());
        }
    }
}

#[test]
fn verdicts_become_scores_of_the_source_that_asks_for_them() {
    let clock = Arc::new(FakeClock::new(
        "2026-03-02T00:00:00Z".parse().expect("a time"),
    ));
    let server = Langfuse::new(Release::Four, clock.clone());
    let seen = "2026-03-01T10:00:06.000Z";
    server.state().observations = vec![
        run(
            "claims",
            "Send Ann the report",
            "I have sent the report.",
            seen,
        ),
        run("answers", "What is the capital of France?", "Paris.", seen),
    ];
    let mut world = world();
    world.set("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY);
    world.set("LANGFUSE_SECRET_KEY", SECRET_KEY);
    world.write("agent/harness.sh", "true\n");
    world.write("agent/.gitignore", ".archal/\n");
    git(&world, "agent", &["init", "--quiet"]);
    git(&world, "agent", &["add", "--all"]);
    git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
    let host = format!("host={}", server.url());
    for (name, sends) in [("mute", "sendScores=false"), ("prod", "sendScores=true")] {
        let mut connect = vec!["trace-source", "connect", "langfuse", "--name", name];
        for option in [&host, "settle=0s", sends] {
            connect.extend(["--option", option]);
        }
        connect.extend(["--repo", "agent"]);
        drop(world.run(&connect).ended(0));
    }

    // Nobody asked for scores of these.
    assert_eq!(sync(&world, "mute")["new"], 2);
    attached(&world);
    assert_eq!(posted(&server), []);

    assert_eq!(sync(&world, "prod")["new"], 2);
    let said = attached(&world);
    let mut first = posted(&server);
    first.sort();
    let verdicts: Vec<_> = first
        .iter()
        .map(|(trace, _, verdict)| (trace.as_str(), verdict.as_str()))
        .collect();
    assert_eq!(verdicts.len(), 2, "{said}");
    assert_eq!(verdicts[1], ("claims", "fail"), "{said}");
    assert_eq!(verdicts[0].0, "answers");
    assert_ne!(verdicts[0].1, "fail");
    {
        let state = server.state();
        let claims = state.scores.iter().find(|one| one["value"] == "fail");
        let claims = claims.expect("it is kept");
        assert_eq!(claims["environment"], "production");
        assert!(
            claims["comment"]
                .as_str()
                .is_some_and(|why| !why.is_empty())
        );
        assert_eq!(
            claims["metadata"]["findings"][0]["observation"],
            "claims-root"
        );
    }

    // Once; and what a file claims to be from there was not brought from there.
    world.write(
        "agent/.archal/traces/forged.json",
        &batch("prod", &[one("forged")]),
    );
    let said = attached(&world);
    assert!(
        said.contains("`prod` did not bring the trace forged"),
        "{said}"
    );
    assert_eq!(posted(&server).len(), 2);
    // What archal said there is nothing new of the traces.
    clock.advance(Duration::from_secs(25 * 3_600));
    let report = sync(&world, "prod");
    assert_eq!([&report["new"], &report["updated"]], [0, 0], "{report:#}");

    // A day later the agent is known to have done otherwise: the score is another, and still one.
    let now = "2026-03-03T00:30:00.000Z";
    server.state().observations[0] = run(
        "claims",
        "Send Ann the report",
        "I could not send it: there is no mailbox.",
        now,
    );
    clock.advance(Duration::from_secs(25 * 3_600));
    assert_eq!(sync(&world, "prod")["updated"], 1);
    let said = attached(&world);
    let all = posted(&server);
    assert_eq!(all.len(), 3, "{said}");
    let (trace, id, verdict) = &all[2];
    assert_eq!((trace, id), (&first[1].0, &first[1].1));
    assert_ne!(verdict, "fail", "{said}");
    assert_eq!(server.state().scores.len(), 2);
    assert_without(&world.repo().join("agent"), SECRET_KEY);
}
