//! Starting states, and going back and forth between states.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{REPO, Scene};

#[test]
fn a_session_is_started_called_looked_at_and_stopped() {
    let scene = Scene::started();
    let status = scene.json(&["status"]);
    assert_eq!(status["schema"], "archal.clone-status");
    let session = &status["sessions"][0];
    assert_eq!(session["state"], "running");
    assert_eq!(session["clones"][0]["start"], "seed small-project");
    let before = scene.titles();
    scene.create("Later");
    assert_eq!(scene.titles().len(), before.len() + 1);

    let calls = scene.json(&["calls"]);
    let told: Vec<String> = calls["calls"]
        .as_array()
        .expect("calls")
        .iter()
        .map(|call| format!("{} {} {}", call["seq"], call["status"], call["operation"]))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    1 200 "issues/list-for-repo"
    2 201 "issues/create"
    3 200 "issues/list-for-repo"
    "#);
    let text = calls.to_string();
    assert!(!text.contains("DummyToken"), "tokens are redacted: {text}");
    let last = scene.json(&["calls", "--last", "1"]);
    assert_eq!(last["calls"][0]["seq"], 3);

    let diff = scene.run(&["diff"]).ended(0).stdout;
    insta::assert_snapshot!(diff, @r"
    github.issues
      + octocat/hello-service#9  Later
    ");
    let stopped = scene.json(&["stop"]);
    assert_eq!(stopped["stopped"][0]["calls"], 3);
    // What is left tells the same, and a session that is gone is missed with what to do.
    assert_eq!(scene.run(&["diff"]).ended(0).stdout, diff);
    assert_eq!(scene.json(&["calls"]), calls);
    for file in [
        "state-before.json",
        "state-after.json",
        "timings.jsonl",
        "egress.jsonl",
    ] {
        assert!(
            scene
                .folder("default")
                .join("evidence")
                .join(file)
                .is_file(),
            "{file}"
        );
    }
    let missed = scene.run(&["env"]).ended(3);
    assert!(missed.stderr.contains("archal clone start"), "{missed}");
    assert!(!scene.folder("default").join("session.json").exists());
}

#[test]
fn states_are_reset_remembered_and_gone_back_to() {
    let scene = Scene::started();
    let start = scene.titles();
    scene.create("One");
    let remembered = scene.json(&["snapshot", "--save", "one"]);
    assert_eq!(remembered["name"], "one");
    let one = scene.titles();
    scene.create("Two");
    let since = scene.json(&["diff", "--since", "one"]);
    let added = since["clones"]["github"]["issues"]["added"]
        .as_array()
        .expect("rows");
    assert_eq!((added.len(), &added[0]["title"]), (1, &json!("Two")));

    let reset = scene.json(&["reset"]);
    assert_eq!(reset["undone"]["github"], 2);
    assert_eq!(scene.titles(), start);
    assert_eq!(scene.run(&["diff"]).ended(0).stdout, "nothing changed\n");
    scene.fine(&["snapshot", "--load", "one"]);
    assert_eq!(scene.titles(), one);
    // Numbers that were given out after the snapshot are given out again.
    scene.create("Three");
    let issue = scene.rest("GET", &format!("{REPO}/issues/10"), "").json();
    assert_eq!(issue["title"], "Three");
    let unknown = scene.run(&["snapshot", "--load", "nine"]).ended(2);
    assert!(unknown.stderr.contains("it has one"), "{unknown}");
}

#[test]
fn a_state_that_was_written_is_gone_on_from_exactly() {
    let scene = Scene::started();
    scene.create("Kept");
    scene.fine(&["snapshot", "--out", "state.json"]);
    let path = scene.world.repo().join("state.json");
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let issue = format!("{REPO}/issues/9");
    let before = scene.rest("GET", &issue, "").json();
    let root = scene.url("rest");
    scene.fine(&["stop"]);

    scene.fine(&["start", "--load", "state.json"]);
    let after = scene
        .rest("GET", &issue, "")
        .body
        .replace(&scene.url("rest"), &root);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&after).expect("JSON"),
        before
    );
    scene.fine(&["snapshot", "--out", "again.json"]);
    let clones = |file: &str| {
        let text = scene.world.read(file);
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        document["clones"].clone()
    };
    assert_eq!(clones("again.json"), clones("state.json"));
    // In the session that runs, too.
    scene.create("Not kept");
    scene.fine(&["snapshot", "--load", "state.json"]);
    assert!(!scene.titles().contains(&"Not kept".to_owned()));
    scene.world.write(
        "broken.json",
        "{\"schema\": \"archal.clone-state\", \"version\": 9}",
    );
    let broken = scene.run(&["snapshot", "--load", "broken.json"]).ended(2);
    assert!(broken.stderr.contains("its version is 9"), "{broken}");
    // What never ends is not read to its end.
    let endless = scene.run(&["start", "--load", "/dev/zero", "--name", "endless"]);
    let endless = endless.ended(2);
    assert!(endless.stderr.contains("is no saved session"), "{endless}");
}

#[test]
fn a_session_starts_on_seeds_files_and_words_and_takes_others_later() {
    let scene = Scene::new();
    scene.world.write(
        "seed.yaml",
        "users: [{login: octocat}]\nrepos: [{full_name: octocat/yaml}]\n",
    );
    scene.fine(&["start", "github", "--seed-file", "github:seed.yaml"]);
    let repo = |name: &str| scene.rest("GET", &format!("/repos/{name}"), "").status;
    assert_eq!(
        (repo("octocat/yaml"), repo("octocat/hello-service")),
        (200, 404)
    );
    scene.fine(&["seed", "small-project"]);
    assert_eq!(
        (repo("octocat/yaml"), repo("octocat/hello-service")),
        (404, 200)
    );
    assert_eq!(scene.run(&["diff"]).ended(0).stdout, "nothing changed\n");
    let words = "A repository acme/api with 3 open issues.";
    scene.fine(&["seed", "--setup", words]);
    let issues = scene.rest("GET", "/repos/acme/api/issues", "").json();
    assert_eq!(issues.as_array().map(Vec::len), Some(3));

    let seeds = scene.json(&["seed", "list", "github"]);
    let names = seeds["seeds"].as_array().expect("seeds").iter();
    assert!(
        names.clone().any(|seed| seed["name"] == "small-project"),
        "{seeds}"
    );
    let sheep = scene.run(&["seed", "sheep"]).ended(2);
    assert!(sheep.stderr.contains("no seed `sheep`"), "{sheep}");
    let wrong = scene.run(&["seed", "--setup", "Some sheep."]).ended(2);
    assert!(wrong.stderr.contains("sheep"), "{wrong}");
    let twice = ["seed", "small-project", "--setup", words];
    let twice = scene.run(&twice).ended(2);
    assert!(twice.stderr.contains("two starting states"), "{twice}");
    scene
        .world
        .write("bad.json", "{\"repos\": [{\"full_name\": 7}]}");
    let bad = scene.run(&["seed", "--seed-file", "bad.json"]).ended(2);
    assert!(bad.stderr.contains("repos[0].full_name"), "{bad}");
}
