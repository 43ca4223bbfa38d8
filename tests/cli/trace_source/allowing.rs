//! `archal trace-source allow`: what a repository that was cloned says of its sources, and who cloned it allows.

use std::net::TcpListener;
use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_testkit::cli::TestEnv;
use archal_testkit::{FakeClock, langfuse};
use serde_json::json;

use super::environment;

/// The registry as somebody else committed it.
fn cloned(environment: &TestEnv, options: &serde_json::Value) {
    let registry = json!({
        "schema": "archal.trace-sources",
        "version": 1,
        "default": "prod",
        "sources": {"prod": {"provider": "langfuse", "options": options}},
    });
    environment.write(".archal/trace-sources.json", &registry.to_string());
}

#[test]
fn a_cloned_repository_is_not_sent_what_it_names() {
    let server = langfuse::Langfuse::new(
        langfuse::Release::Four,
        Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
    );
    let mut environment = environment();
    environment.set("DEPLOY_KEY", "sesame-4711-open-0815-quietly");
    environment.set("LANGFUSE_PUBLIC_KEY", langfuse::PUBLIC_KEY);
    environment.set("LANGFUSE_SECRET_KEY", langfuse::SECRET_KEY);
    cloned(
        &environment,
        &json!({"host": server.url(), "secretKeyEnv": "DEPLOY_KEY"}),
    );
    let run = |arguments: &[&str], code: i32| {
        let all: Vec<&str> = ["trace-source"].iter().chain(arguments).copied().collect();
        let done = environment.run(&all).ended(code);
        format!("{}{}", done.stdout, done.stderr).replace(&server.url(), "<url>")
    };
    let does = "not allowed on this machine: it sends LANGFUSE_PUBLIC_KEY and DEPLOY_KEY to <url>";
    for (arguments, code) in [
        (["sync", "prod"].as_slice(), 2),
        (&["test", "prod"], 3),
        (&["watch", "prod"], 2),
        (&["watch"], 2),
        (&["list"], 0),
        (&["status"], 0),
        // Saying something beside it allows nothing.
        (
            &[
                "connect",
                "langfuse",
                "--name",
                "prod",
                "--option",
                "interval=2m",
            ],
            0,
        ),
    ] {
        let told = run(arguments, code);
        assert!(told.contains(does), "{arguments:?}: {told}");
        assert!(
            told.contains("archal trace-source allow prod"),
            "{arguments:?}: {told}"
        );
    }
    let network = environment.run(&["doctor", "--network"]).ended(0);
    assert!(
        network.stdout.contains("not before you allow it"),
        "{network}"
    );
    assert_eq!(server.state().asked.len(), 0);

    insta::assert_snapshot!(run(&["allow", "prod"], 0), @"allowed prod: it sends LANGFUSE_PUBLIC_KEY and DEPLOY_KEY to <url>");
    drop(run(&["sync", "prod"], 3));
    assert_ne!(server.state().asked.len(), 0);
    let listed = environment.run(&["trace-source", "list", "--json"]);
    let listed = listed.ended(0).json();
    crate::cli::schema::holds(&listed);
    assert_eq!(listed["sources"][0]["isAllowed"], true);

    // The next commit names somebody else.
    let evil = TcpListener::bind("127.0.0.1:0").expect("a port");
    evil.set_nonblocking(true).expect("a listener");
    let host = format!("http://{}", evil.local_addr().expect("an address"));
    cloned(
        &environment,
        &json!({"host": host, "secretKeyEnv": "DEPLOY_KEY"}),
    );
    drop(run(&["sync", "prod"], 2));
    assert!(evil.accept().is_err());
}

#[test]
fn what_is_wrong_besides_is_not_allowed_away() {
    let environment = environment();
    cloned(&environment, &json!({"hots": "x"}));
    let told = environment.run(&["trace-source", "allow", "prod"]).ended(2);
    assert!(told.stderr.contains("has no option `hots`"), "{told}");
    let told = environment
        .run(&["trace-source", "allow", "prood"])
        .ended(2);
    assert!(told.stderr.contains("did you mean `prod`"), "{told}");
}
