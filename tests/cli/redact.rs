//! `archal redact`.

use std::io::Write;
use std::process::Stdio;

use super::environment;

/// A token that no scanner takes for one: put together here.
fn token() -> String {
    format!("{}{}", "ghp_", "q7WzT5mK9xR2vB8nL4cD6fHjQ1sY3uE0pG5a")
}

#[test]
fn a_file_loses_its_secrets_and_nothing_else() {
    let environment = environment();
    let token = token();
    let text = format!(
        "{{ \"b\": 1.50,\n  \"note\": \"use {token}, please\", \"password\": \"hunter2\" }}\n"
    );
    environment.write("note.json", &text);
    let clean = environment.run(&["redact", "note.json"]).ended(0).stdout;
    assert!(
        !clean.contains(&token) && !clean.contains("hunter2"),
        "{clean}"
    );
    assert!(
        clean.starts_with("{ \"b\": 1.50,\n  \"note\": \"use ghp_redacted"),
        "{clean}"
    );
    // The key is the user's: the same secret, the same placeholder; and nothing more to do.
    environment.write("again.json", &clean);
    assert_eq!(
        environment.run(&["redact", "again.json"]).ended(0).stdout,
        clean
    );

    let report = environment
        .run(&["redact", "note.json", "--json"])
        .ended(0)
        .json();
    super::schema::holds(&report);
    assert_eq!(report["form"], "json");
    assert_eq!(
        report["redactions"],
        serde_json::json!({"key:password": 1, "rule:github-pat": 1})
    );
    assert_eq!(report["text"], clean);
}

#[test]
fn what_was_taken_out_is_explained_and_never_shown() {
    let environment = environment();
    environment.write(".archal.json", r#"{"redaction": {"patterns": [{"id": "badge", "regex": "B-[0-9]{4}"}], "allow": ["hunter2"]}}"#);
    let log = format!(
        "starting\npush with {}\nbadge B-1234\npassword=hunter2\n",
        token()
    );
    environment.write("agent.log", &log);
    let output = environment
        .run(&["redact", "agent.log", "--explain"])
        .with("redacted[0-9a-f]{8}", "redacted<hash>")
        .with(r"\[redacted:[0-9a-f]{8}\]", "[redacted:<hash>]");
    insta::assert_snapshot!(output, @r"
    exit code: 0
    ----- stdout -----
    2:11  rule:github-pat  40 bytes -> ghp_redacted<hash>00000000000000000000
        keyword and expression match, entropy 5.2 is above 3.0
    3:7  rule:badge  6 bytes -> [redacted:<hash>]
        a pattern of the configuration matches
    2 taken out
    ----- stderr -----
    ");
    let report = environment
        .run(&["redact", "agent.log", "--explain", "--json"])
        .ended(0);
    assert!(!report.stdout.contains(&token()), "{}", report.stdout);
    let report = report.json();
    super::schema::holds(&report);
    assert_eq!(report["hits"][0]["at"], "2:11");
    assert_eq!(report["hits"][0]["length"], 40);
    assert_eq!(report["text"], serde_json::Value::Null);
}

#[test]
fn stdin_is_read_and_a_new_file_is_written() {
    let environment = environment();
    let out = environment.repo().join("out.txt");
    let mut child = environment
        .command(&["redact", "-", "--write", "out.txt"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(b"Authorization: Bearer abc123\n")
        .expect("written");
    drop(stdin);
    let ended = child.wait_with_output().expect("ended");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.is_empty());
    let text = std::fs::read_to_string(&out).expect("written");
    assert!(
        text.starts_with("Authorization: Bearer [redacted:"),
        "{text}"
    );

    environment.write("in.txt", "x");
    let refused = environment
        .run(&["redact", "in.txt", "--write", "out.txt"])
        .ended(2);
    assert!(
        refused.stderr.contains("nothing is overwritten"),
        "{}",
        refused.stderr
    );
}

#[test]
fn traces_of_a_batch_are_told_one_by_one() {
    let environment = environment();
    environment.write("traces.json", r#"{"schema": "archal.trace.upload-batch", "version": 1, "complete": true,
        "traces": [{"id": "t-1", "input": "x"}, {"id": "t-2", "spans": [{"id": "s", "http": {"url": "https://h.example/?api_key=k"}}]}]}"#);
    let output = environment
        .run(&["redact", "traces.json", "--explain"])
        .ended(0)
        .stdout;
    assert!(
        output.contains("$.traces[1].spans[0].http.url:28  key:apikey  1 bytes"),
        "{output}"
    );
    assert!(
        output.contains("trace t-1: nothing\ntrace t-2: key:apikey 1\n"),
        "{output}"
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let environment = environment();
    let missing = environment.run(&["redact", "no-such-file"]).ended(2);
    assert!(
        missing.stderr.contains("cannot read no-such-file"),
        "{}",
        missing.stderr
    );
    std::fs::write(environment.repo().join("binary"), b"\x1f\x8b\xff").expect("writable");
    let binary = environment.run(&["redact", "binary"]).ended(2);
    assert!(
        binary.stderr.contains("byte 1 is not UTF-8"),
        "{}",
        binary.stderr
    );
}

#[test]
fn a_pattern_that_cannot_be_used_has_its_place() {
    let environment = environment();
    environment.write(
        ".archal.json",
        r#"{
  "redaction": {
    "patterns": [{"id": "badge", "regex": "B-[0-9"}, {"id": "x", "regex": "y", "secretGroup": 3}],
    "allow": ["("]
  }
}"#,
    );
    environment.write("in.txt", "x");
    insta::assert_snapshot!(environment.run(&["redact", "in.txt"]), @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the configuration .archal.json has 3 errors
    config/pattern

      × the pattern `badge` is no expression that can be used: unclosed character class
       ╭─[.archal.json:3:43]
     2 │   "redaction": {
     3 │     "patterns": [{"id": "badge", "regex": "B-[0-9"}, {"id": "x", "regex": "y", "secretGroup": 3}],
       ·                                           ────────
     4 │     "allow": ["("]
       ╰────
      help: for example: "acme_[a-z0-9]{32}"; no look-around, no back-references
    config/pattern

      × the pattern `x` has no group 3, it has 0
       ╭─[.archal.json:3:95]
     2 │   "redaction": {
     3 │     "patterns": [{"id": "badge", "regex": "B-[0-9"}, {"id": "x", "regex": "y", "secretGroup": 3}],
       ·                                                                                               ─
     4 │     "allow": ["("]
       ╰────
      help: groups are counted from 1 by their opening parenthesis
    config/pattern

      × the entry `(` is no expression that can be used: unclosed group
       ╭─[.archal.json:4:15]
     3 │     "patterns": [{"id": "badge", "regex": "B-[0-9"}, {"id": "x", "regex": "y", "secretGroup": 3}],
     4 │     "allow": ["("]
       ·               ───
     5 │   }
       ╰────
      help: write a backslash (in JSON two) before characters with a meaning: "a\\(b"
    "#);
}
