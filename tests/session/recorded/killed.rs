//! `archal record` that is killed, and its proxy, which is the command's alone.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use archal_core::trace::Status;
use archal_testkit::cli::TestEnv;
use serde_json::json;

use super::{Service, TOKEN, files, only, world};

/// More than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The lines that are on the disk of recordings that have no trace yet.
fn spooled(world: &TestEnv) -> Vec<PathBuf> {
    let recordings = world.repo().join(".archal/cache/recordings");
    let entries = fs::read_dir(recordings).into_iter().flatten();
    let folders = entries.map(|entry| entry.expect("an entry").path());
    folders.map(|folder| folder.join("calls.jsonl")).collect()
}

#[test]
fn what_was_written_is_there_when_archal_is_killed() {
    for route in ["isolated", "shim"] {
        let mut world = world();
        let service = Service::started(&world.home(), "killed-9");
        world.set("SSL_CERT_FILE", service.certificate.display().to_string());
        // What it was told before it is known to be a credential is on the disk by then.
        let ask = format!(
            "curl -sS {0}?a={TOKEN}; curl -sS -H 'Authorization: Bearer {TOKEN}' {0}; echo; read wait",
            service.url("/told")
        );
        let mut child = world
            .command(&["record", "--route", route, "--host", &service.host()])
            .args(["--input", "Ask twice.", "--", "sh", "-c", &ask])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the built binary");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        assert!(line.contains("/told"), "{route}: {line}");
        let until = Instant::now() + PATIENCE;
        let read = loop {
            let lines = spooled(&world);
            let read = fs::read_to_string(&lines[0]).unwrap_or_default();
            if read.matches("\"responseBody\":{").count() >= 2 {
                break read;
            }
            assert!(Instant::now() < until, "{route}: {read}");
            archal::sandbox::StopToken::new().wait(Duration::from_millis(20));
        };
        assert!(!read.contains(TOKEN), "{route}: {read}");
        child.kill().expect("killed");
        child.wait().expect("its end");
        // A command that outlives it has nothing more to do.
        drop(child.stdin.take());
        assert_eq!(files(&world).len(), 0);
        let rescued = world.run(&["record", "--rescue"]).ended(0);
        assert!(rescued.stderr.contains("recorded 2 calls"), "{rescued}");
        let (trace, text) = only(&world);
        assert!(!text.contains(TOKEN), "{route}: {text}");
        assert_eq!(trace.status, Status::Error);
        assert_eq!(trace.input, Some(json!("Ask twice.")));
        let error = trace.error.as_deref();
        assert_eq!(error, Some("archal was killed before the command ended"));
        assert_eq!(trace.completeness.dropped, 1, "more may have come by");
        assert_eq!(trace.spans.len(), 3);
        let http = trace.spans[2].http.as_ref().expect("an exchange");
        assert_eq!(http.status, Some(200));
        assert_eq!(spooled(&world).len(), 0, "it is not written twice");
        drop(world.run(&["record", "--rescue"]).ended(0));
        assert_eq!(files(&world).len(), 1);
    }
}

#[test]
fn the_next_recording_writes_what_a_killed_one_left() {
    let mut world = world();
    let service = Service::started(&world.home(), "next");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let host = service.host();
    let mut child = world
        .command(&[
            "record",
            "--host",
            &host,
            "--",
            "sh",
            "-c",
            "echo up; read wait",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    // One that is at work is left alone.
    let next = world
        .run(&["record", "--host", &host, "--", "true"])
        .ended(0);
    assert!(!next.stderr.contains("was killed"), "{next}");
    assert_eq!(files(&world).len(), 1);
    child.kill().expect("killed");
    child.wait().expect("its end");
    let next = world
        .run(&["record", "--host", &host, "--", "true"])
        .ended(0);
    assert!(next.stderr.contains("was killed"), "{next}");
    assert_eq!(files(&world).len(), 3);
    assert_eq!(spooled(&world).len(), 0);
}

#[test]
fn a_trace_that_cannot_be_written_is_written_later() {
    let mut world = world();
    let service = Service::started(&world.home(), "later");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let folder = world.repo().join("traces");
    let spoil = format!(
        "curl -sS {} && rmdir traces && touch traces",
        service.url("/kept")
    );
    let host = service.host();
    let arguments = ["record", "--host", &host, "--trace-dir", "traces", "--"];
    let output = world.run(&[&arguments[..], &["sh", "-c", &spoil]].concat());
    let output = output.ended(3);
    assert!(output.stderr.contains("archal record --rescue"), "{output}");
    let still = world.run(&["record", "--rescue"]).ended(3);
    assert!(still.stderr.contains("cannot be written"), "{still}");
    fs::remove_file(&folder).expect("removed");
    drop(world.run(&["record", "--rescue"]).ended(0));
    let written = fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(written, 1);
}

#[test]
fn the_proxy_is_the_commands_alone() {
    let mut world = world();
    let service = Service::started(&world.home(), "alone");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let mut child = world
        .command(&[
            "record",
            "--route",
            "proxy",
            "--host",
            &service.host(),
            "--",
        ])
        .args([
            "sh",
            "-c",
            "echo $HTTPS_PROXY; echo $JAVA_TOOL_OPTIONS; read wait",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    let (proxy, java) = (line(), line());
    let (_, place) = proxy.rsplit_once('@').expect("a password");
    let stranger = |proxy: &str| {
        let output = Command::new("curl")
            .args(["-sS", "--insecure", "--noproxy", "", "-o", "/dev/null"])
            .args([
                "-w",
                "%{http_connect}",
                "-x",
                proxy,
                &service.url("/stranger"),
            ])
            .output()
            .expect("curl");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(stranger(&format!("http://{place}")), "407");
    assert_eq!(stranger(&format!("http://archal:guess@{place}")), "407");
    assert_eq!(service.asked(), "", "nothing was handed on");
    assert_eq!(stranger(&proxy), "200");
    assert_eq!(service.asked(), "GET /stranger\n");
    // Java cannot say a password; who may connect there is told by the system.
    let port = java.split("-Dhttps.proxyPort=").nth(1).expect("a port");
    let port = port.split(' ').next().expect("a port");
    assert_ne!(place, format!("127.0.0.1:{port}"));
    assert_eq!(stranger(&format!("http://127.0.0.1:{port}")), "200");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"end\n").expect("taken");
    assert!(child.wait().expect("its end").success());
    let password = proxy.trim_start_matches("http://archal:");
    let password = password.split('@').next().expect("a password");
    let (trace, text) = only(&world);
    assert!(!text.contains(password), "{text}");
    assert_eq!(trace.spans.len(), 3);
}
