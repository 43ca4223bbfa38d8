//! `archal trace-source serve`: what is pushed to the binary lies in its trace directory.

use super::environment;
use crate::push::binary::{Serving, connect, until_given_out};
use crate::push::served::{export, post, trace_id};

#[test]
fn a_trace_that_is_pushed_lies_in_the_trace_directory_and_ctrl_c_ends_it() {
    let environment = environment();
    connect(&environment, "0s");
    let serving = Serving::start(&environment);
    let status = environment.run(&["trace-source", "status", "prod"]);
    let told = status.ended(0).stdout;
    assert!(
        told.contains("`archal trace-source serve` has it"),
        "{told}"
    );
    let test = environment.run(&["trace-source", "test", "prod", "--json"]);
    let parts = test.ended(0).json()["parts"].take();
    assert_eq!(parts[1]["name"], "listens");
    assert_eq!(parts[1]["status"], "ready");
    let body = export(&trace_id(1), &[("00000000000000a1", "")]);
    let json = ("content-type", "application/json");
    let answer = post(serving.http, "/v1/traces", &[json], body.as_bytes());
    assert_eq!(answer.status, 200);
    let directory = environment.repo().join(".archal/traces");
    let given = until_given_out(&directory, 1);
    assert_eq!(given[0]["id"], trace_id(1));
    assert_eq!(serving.interrupt(), Some(130));
}

#[test]
fn a_source_whose_variable_is_not_set_says_what_sets_it() {
    let environment = environment();
    let mut connect = vec!["trace-source", "connect", "http", "--name", "web"];
    connect.extend(["--option", "tokenEnv=TRACES_TOKEN"]);
    drop(environment.run(&connect).ended(0));
    let output = environment.run(&["trace-source", "serve", "web"]).ended(3);
    assert!(
        output.stderr.contains("hint: export TRACES_TOKEN="),
        "{output}"
    );
}
