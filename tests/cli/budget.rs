//! `archal budget`.

use std::fs;
use std::path::PathBuf;

use archal::budget::amount::Usd;
use archal::budget::cap::{Cap, Caps};
use archal::budget::entry::{AttemptKey, Charge, Cost, Request};
use archal::budget::ledger::Ledger;
use archal_core::clock::Timestamp;
use archal_testkit::cli::TestEnv;

use super::environment;

fn usd(text: &str) -> Usd {
    text.parse().expect("an amount")
}

fn ledger_file(environment: &TestEnv) -> PathBuf {
    environment.home().join(".local/state/archal/ledger.db")
}

fn ledger(environment: &TestEnv) -> Ledger {
    let (ledger, warning) = Ledger::open(Some(&ledger_file(environment))).expect("opened");
    assert_eq!(warning, None);
    ledger
}

/// Reserves at a time, without caps.
fn reserve(ledger: &Ledger, key: &AttemptKey, kind: &str, estimate: Option<&str>, at: &str) {
    let request = Request {
        key: key.clone(),
        kind: kind.to_owned(),
        trace: Some("trace-1".to_owned()),
        estimate: estimate.map(usd),
    };
    let none = Caps {
        per_trace: Cap::NONE,
        per_day: Cap::NONE,
    };
    let now: Timestamp = at.parse().expect("a time");
    assert!(
        ledger
            .reserve(&request, &none, now)
            .expect("reserved")
            .is_new
    );
}

#[test]
fn without_a_ledger_nothing_was_spent_and_nothing_is_made() {
    let environment = environment();
    let output = environment.run(&["budget", "--day", "2025-03-01"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        Budget of 2025-03-01 (UTC), all projects
          spent     $0.00
          reserved  $0.00
          left      $5.00 of $5.00
          a trace   at most $1.00
        Nothing was spent.
        ----- stderr -----
        ");
    assert!(!ledger_file(&environment).exists());
    let output = environment.run(&["budget", "repair"]).ended(0);
    assert_eq!(
        output.stdout,
        "there is no ledger; nothing is to be repaired\n"
    );
    assert!(!ledger_file(&environment).exists());
}

#[test]
fn a_day_is_shown_by_project_kind_and_attempt() {
    let environment = environment();
    environment.write(
        ".archal.json",
        r#"{"budget": {"perDayUsd": 2.5, "perTraceUsd": "none"}}"#,
    );
    let ledger = ledger(&environment);
    let mine = |attempt: &str| AttemptKey::new(&environment.repo(), attempt);
    let elsewhere = AttemptKey::new(&environment.home(), "r1");
    reserve(
        &ledger,
        &mine("a1"),
        "fix",
        Some("0.50"),
        "2025-03-01T10:00:00Z",
    );
    reserve(&ledger, &mine("a2"), "fix", None, "2025-03-01T11:00:00Z");
    reserve(
        &ledger,
        &mine("a3"),
        "fix",
        Some("0.25"),
        "2025-03-01T12:00:00Z",
    );
    reserve(
        &ledger,
        &mine("a4"),
        "reproduce",
        Some("0.10"),
        "2025-03-01T13:00:00Z",
    );
    reserve(
        &ledger,
        &elsewhere,
        "reproduce",
        Some("0.05"),
        "2025-03-01T14:00:00Z",
    );
    reserve(
        &ledger,
        &mine("later"),
        "fix",
        Some("1"),
        "2025-03-02T00:00:00Z",
    );
    let charge = |attempt: &str, cost: Cost| {
        ledger
            .charge(&mine(attempt), &Charge::from(cost))
            .expect("charged");
    };
    charge("a1", Cost::Reported(usd("0.601234")));
    charge("a2", Cost::Unknown);
    ledger.interrupted(&mine("a3")).expect("settled");
    drop(ledger);

    let output = environment.run(&["budget", "--day", "2025-03-01"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        Budget of 2025-03-01 (UTC), all projects
          spent     $0.851234
          reserved  $0.15
          unknown   1 attempt of unknown cost, with $0.00 of the cap held for them
          left      $1.498766 of $2.50
          a trace   no cap
        By project
          $TEST_ENV/home  $0.00 spent, $0.05 reserved, 1 attempt
          $TEST_ENV/repo  $0.851234 spent, $0.10 reserved, 4 attempts, 1 of unknown cost
        By kind
          fix  $0.851234 spent, 3 attempts, 1 of unknown cost
          reproduce  $0.00 spent, $0.15 reserved, 2 attempts
        Last attempts
          2025-03-01T14:00:00Z  reproduce  $0.05 reserved  r1 in $TEST_ENV/home  trace trace-1
          2025-03-01T13:00:00Z  reproduce  $0.10 reserved  a4 in $TEST_ENV/repo  trace trace-1
          2025-03-01T12:00:00Z  fix  $0.25 (as reserved), cut off  a3 in $TEST_ENV/repo  trace trace-1
          2025-03-01T11:00:00Z  fix  unknown cost  a2 in $TEST_ENV/repo  trace trace-1
          2025-03-01T10:00:00Z  fix  $0.601234 (reported)  a1 in $TEST_ENV/repo  trace trace-1
        ----- stderr -----
        ");
    let output = environment
        .run(&["budget", "--day", "2025-03-01", "--repo", "../home"])
        .ended(0);
    assert!(
        output
            .stdout
            .contains("By kind\n  reproduce  $0.00 spent, $0.05 reserved, 1 attempt\n"),
        "{output}"
    );
    assert!(!output.stdout.contains("a4 in"), "{output}");

    let output = environment
        .run(&["budget", "--day", "2025-03-01", "--json"])
        .ended(0);
    let document = output.json();
    assert_eq!(document["schema"], "archal.budget");
    assert_eq!(document["totals"]["unknownCost"], 1);
    assert_eq!(document["perTraceUsd"], "none");
    assert_eq!(document["leftUsd"], serde_json::json!(1.498766));
    assert_eq!(document["entries"][3]["costUsd"], serde_json::Value::Null);
    let schema = environment.run(&["schema", "budget"]).ended(0).json();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let problems: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(problems, [""; 0]);
}

#[test]
fn what_a_wrong_clock_dated_ahead_counts_today_and_can_be_repaired() {
    let environment = environment();
    let ledger = ledger(&environment);
    let key = AttemptKey::new(&environment.repo(), "a1");
    reserve(&ledger, &key, "fix", Some("4"), "2999-01-01T00:00:00Z");
    drop(ledger);
    let today = environment.run(&["budget"]).ended(0).stdout;
    assert!(today.contains("  left      $1.00 of $5.00\n"), "{today}");
    assert!(
        today.contains("  ahead     $4.00 of this is dated after today"),
        "{today}"
    );
    let output = environment.run(&["budget", "repair"]).ended(0);
    assert_eq!(
        output.stdout,
        "the ledger is whole; 1 entry dated after today: dated today now\n"
    );
    let today = environment.run(&["budget"]).ended(0).stdout;
    assert!(
        today.contains("  left      $1.00 of $5.00\n") && !today.contains("ahead"),
        "{today}"
    );
}

#[test]
fn a_broken_ledger_is_an_error_until_it_is_repaired() {
    let environment = environment();
    drop(ledger(&environment));
    fs::write(ledger_file(&environment), "no database").expect("writable");
    let output = environment.run(&["budget"]);
    insta::assert_snapshot!(output, @r"
        exit code: 3
        ----- stdout -----
        ----- stderr -----
        error: the budget ledger is broken, so nothing may be spent
          caused by: $TEST_ENV/home/.local/state/archal/ledger.db is broken: file is not a database
        hint: archal budget repair
        ");
    // Looking does not mend it.
    assert_eq!(environment.run(&["budget"]), output);
    let output = environment.run(&["budget", "repair", "--json"]).ended(0);
    super::schema::holds(&output.json());
    assert!(
        output.json()["setAside"]
            .as_str()
            .expect("a path")
            .ends_with("ledger.db.broken-1")
    );
    let today = environment.run(&["budget"]).ended(0).stdout;
    assert!(today.ends_with("Nothing was spent.\n"), "{today}");
}

#[test]
fn wrong_days_directories_and_caps_are_usage_errors() {
    let environment = environment();
    for arguments in [
        ["--day", "tomorrow"],
        ["--day", "2026-02-30"],
        ["--repo", "gone"],
    ] {
        let output = environment
            .run(&["budget", arguments[0], arguments[1]])
            .ended(2);
        assert!(output.stdout.is_empty(), "{output}");
    }
    environment.write(".archal.json", r#"{"budget": {"perDayUsd": 0.12345678}}"#);
    let output = environment.run(&["budget"]);
    insta::assert_snapshot!(output, @r#"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: the budget of the configuration is wrong
        config/amount

          × `budget.perDayUsd`: `0.12345678` is finer than a micro-dollar; write at most six digits after
          │ the point
           ╭─[.archal.json:1:26]
         1 │ {"budget": {"perDayUsd": 0.12345678}}
           ·                          ──────────
           ╰────
        "#);
}
