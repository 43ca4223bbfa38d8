//! Commands at the service's own address, and variables for those with a base URL.

use std::io::Write;
use std::process::Stdio;

use nix::sys::signal::Signal;

use super::{Scene, send, until};

/// What a Python program asks at GitHub's own address.
const LOGIN: &str = r#"
import json, os, urllib.request
request = urllib.request.Request("https://api.github.com/user",
    headers={"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"]})
print(json.load(urllib.request.urlopen(request))["login"])
"#;

#[test]
fn a_command_reaches_the_clones_at_the_services_own_address_and_nothing_else() {
    let scene = Scene::started();
    let python = scene.run(&["exec", "--", "python3", "-c", LOGIN]).ended(0);
    assert_eq!(python.stdout, "octocat\n");
    let url = "https://api.github.com/repos/octocat/hello-service/issues";
    let curl = scene.run(&[
        "exec",
        "--",
        "curl",
        "-sf",
        "-d",
        r#"{"title":"By curl"}"#,
        "-H",
        "Authorization: Bearer ghp_archalLocalCloneDummyToken0000000000",
        url,
    ]);
    assert_eq!(curl.code, Some(0), "{curl}");
    assert!(scene.titles().contains(&"By curl".to_owned()));
    let elsewhere = scene.run(&[
        "exec",
        "--",
        "curl",
        "-s",
        "--max-time",
        "5",
        "https://example.com/",
    ]);
    assert_ne!(elsewhere.code, Some(0), "{elsewhere}");
    assert_eq!(
        scene.json(&["status"])["sessions"][0]["refused"],
        2,
        "the name, and the connection"
    );
}

#[test]
fn streams_exit_codes_and_signals_are_the_commands_own() {
    let scene = Scene::started();
    let mut child = scene
        .world
        .command(&[
            "clone",
            "exec",
            "--",
            "sh",
            "-c",
            "cat; echo err >&2; exit 7",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"through\n").expect("taken");
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"through\n");
    assert_eq!(output.stderr, b"err\n");
    assert_eq!(
        scene.run(&["exec", "--", "sh", "-c", "kill -9 $$"]).code,
        Some(137)
    );
    let missing = scene.run(&["exec", "--", "no-such-program"]).ended(3);
    assert!(
        missing.stderr.contains("no-such-program was not found"),
        "{missing}"
    );

    let ready = scene.world.repo().join("ready");
    let script = "trap 'echo asked; exit 4' TERM; : > ready; while :; do sleep 0.05; done";
    let child = scene
        .world
        .command(&["clone", "exec", "--", "sh", "-c", script])
        .spawn()
        .expect("the built binary");
    until("the command", || ready.exists());
    send(Signal::SIGTERM, u64::from(child.id()));
    let output = child.wait_with_output().expect("its end");
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(4), &b"asked\n"[..])
    );
}

#[test]
fn a_command_can_have_a_session_of_its_own() {
    let scene = Scene::new();
    let alone = scene.run(&["exec", "--", "true"]).ended(3);
    assert!(
        alone.stderr.contains("archal clone exec --clone github"),
        "{alone}"
    );
    let ran = scene
        .run(&[
            "exec",
            "--clone",
            "github",
            "--seed",
            "small-project",
            "--",
            "python3",
            "-c",
            LOGIN,
        ])
        .ended(0);
    assert_eq!(ran.stdout, "octocat\n");
    assert_eq!(
        scene.json(&["status"])["sessions"].as_array().map(Vec::len),
        Some(0)
    );
    let name = ran
        .stderr
        .split("--name ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let calls = scene.json(&["calls", "--name", name.expect("a name")]);
    assert_eq!(calls["calls"][0]["operation"], "users/get-authenticated");
}

#[test]
fn a_command_is_led_by_variables_where_namespaces_are_not_to_be_had() {
    let scene = Scene::started();
    let env = scene.world.command(&["clone", "env", "--routed"]).output();
    let env = String::from_utf8(env.expect("the built binary").stdout).expect("text");
    let url = "https://api.github.com/repos/octocat/hello-service";
    let script = format!("{env}\ncurl -sf {url}");
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &script]).output().expect("a shell");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_shell_takes_the_variables_and_gives_them_back() {
    let scene = Scene::started();
    let env = scene.run(&["env"]).ended(0).stdout;
    let unset = scene.run(&["env", "--unset"]).ended(0).stdout;
    let script = format!(
        "{env}\ncurl -sf -H \"Authorization: Bearer $GITHUB_TOKEN\" $GITHUB_API_URL/user | cut -c1-18\n{unset}\necho \"[$GITHUB_TOKEN]\""
    );
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &script]).output().expect("a shell");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\"login\":\"octocat\"\n[]\n"
    );
    let fish = scene.run(&["env", "--shell", "fish"]).ended(0).stdout;
    assert!(
        fish.lines().all(|line| line.starts_with("set -gx ")),
        "{fish}"
    );
}
