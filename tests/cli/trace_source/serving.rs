//! `archal trace-source serve`: what is pushed to the binary lies in its trace directory.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::environment;
use crate::push::served::{export, post, trace_id};

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_trace_that_is_pushed_lies_in_the_trace_directory_and_ctrl_c_ends_it() {
    let environment = environment();
    let options = ["listen=127.0.0.1:0", "grpcListen=off", "settle=0s"];
    let mut connect = vec!["trace-source", "connect", "otel"];
    for option in options {
        connect.extend(["--option", option]);
    }
    drop(environment.run(&connect).ended(0));
    let mut command = environment.command(&["trace-source", "serve", "otel"]);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = Running(command.spawn().expect("it starts"));
    let out = BufReader::new(child.0.stdout.take().expect("piped"));
    let mut lines = out.lines().map_while(Result::ok);
    let first = lines.next().expect("it says where it listens");
    let at = first
        .split_once("listens on http ")
        .and_then(|(_, at)| at.split(';').next()?.trim().parse().ok());
    let at = at.unwrap_or_else(|| panic!("{first}"));
    let body = export(&trace_id(1), &[("00000000000000a1", "")]);
    let json = ("content-type", "application/json");
    let answer = post(at, "/v1/traces", &[json], body.as_bytes());
    assert_eq!(answer.status, 200);
    let directory = environment.repo().join(".archal/traces");
    let until = Instant::now() + Duration::from_secs(60);
    let is_there = || {
        let files = std::fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|end| end == "jsonl"))
            .any(|file| {
                std::fs::read_to_string(file.path()).is_ok_and(|text| text.contains(&trace_id(1)))
            })
    };
    while !is_there() {
        assert!(Instant::now() < until, "no file came");
        std::thread::yield_now();
    }
    let pid = Pid::from_raw(i32::try_from(child.0.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("my own child");
    assert_eq!(child.0.wait().expect("my own child").code(), Some(130));
}
