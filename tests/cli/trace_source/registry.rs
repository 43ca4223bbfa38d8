//! `archal trace-source connect`, `list`, `use`, `disable`.

use serde_json::json;

use super::environment;

#[test]
fn a_source_is_registered_in_a_file_that_is_committed() {
    let environment = environment();
    let told = environment
        .run(&["trace-source", "connect", "otel", "--name", "prod"])
        .with("besides .*", "besides  <defaults>");
    insta::assert_snapshot!(told.ended(0), @"
    exit code: 0
    ----- stdout -----
    connected prod (otel, push), the default
      traces   .archal/traces
      besides  <defaults>
      next     archal attach .archal/traces --repo . --create
    ----- stderr -----
    ");
    let file: serde_json::Value =
        serde_json::from_str(&environment.read(".archal/trace-sources.json")).expect("JSON");
    assert_eq!(
        file,
        json!({
            "schema": "archal.trace-sources",
            "version": 1,
            "default": "prod",
            "sources": {"prod": {"provider": "otel", "enabled": true}},
        })
    );
    let ignored = environment.read(".archal/.gitignore");
    let lines: Vec<&str> = ignored.lines().collect();
    assert!(lines.contains(&"/trace-sources.local.json") && lines.contains(&"/traces/"));
    assert!(!lines.contains(&"/trace-sources.json"), "{ignored}");
    assert!(
        !environment
            .repo()
            .join(".archal/trace-sources.local.json")
            .exists()
    );
}

#[test]
fn folders_are_this_machines_and_secrets_are_variables() {
    let mut environment = environment();
    environment.write("exports/a.json", "{}");
    let connect = |environment: &archal_testkit::cli::TestEnv| {
        environment.run(&[
            "trace-source",
            "connect",
            "http",
            "--option",
            "tokenEnv=PUSH_TOKEN",
            "--option",
            "mapping=exports/a.json",
            "--trace-dir",
            "prod-traces",
            "--json",
        ])
    };
    let told = connect(&environment).ended(0).json();
    assert_eq!(told["done"], "connected");
    assert_eq!(told["unset"], json!(["PUSH_TOKEN"]));
    assert_eq!(told["source"]["traceDir"], "$TEST_ENV/repo/prod-traces");
    let shared = environment.read(".archal/trace-sources.json");
    assert!(
        !shared.contains("exports") && !shared.contains("prod-traces"),
        "{shared}"
    );
    insta::assert_snapshot!(environment.read(".archal/trace-sources.local.json"), @r#"
    {
      "schema": "archal.trace-sources.local",
      "version": 1,
      "sources": {
        "http": {
          "traceDir": "prod-traces",
          "options": {
            "mapping": "exports/a.json"
          }
        }
      }
    }
    "#);
    environment.set("PUSH_TOKEN", "a secret");
    let told = connect(&environment).ended(0).json();
    assert_eq!(
        (&told["done"], &told["unset"]),
        (&json!("unchanged"), &json!([]))
    );
    for file in ["trace-sources.json", "trace-sources.local.json"] {
        assert!(
            !environment
                .read(format!(".archal/{file}"))
                .contains("a secret")
        );
    }
}

#[test]
fn a_secret_is_refused_and_not_repeated() {
    let environment = environment();
    let token = format!("{}{}", "ghp_", "q7WzT5mK9xR2vB8nL4cD6fHjQ1sY3uE0pG5a");
    for option in ["tokenEnv", "mapping"] {
        let said = format!("{option}={token}");
        let told = environment
            .run(&["trace-source", "connect", "http", "--option", &said])
            .ended(2);
        assert!(!told.to_string().contains(&token), "{told}");
    }
    assert!(
        !environment
            .repo()
            .join(".archal/trace-sources.json")
            .exists()
    );
}

#[test]
fn what_cannot_be_is_refused_with_the_way_out() {
    let environment = environment();
    let told = |arguments: &[&str]| {
        let all: Vec<&str> = ["trace-source"].iter().chain(arguments).copied().collect();
        environment.run(&all).ended(2).stderr
    };
    let all = [
        told(&["connect", "otle"]),
        told(&["connect", "kafka"]),
        told(&["connect", "otel", "--option", "listne=127.0.0.1:4318"]),
        told(&["connect", "otel", "--option", "listen=localhost"]),
        told(&["connect", "otel", "--option", "listen"]),
        told(&["connect", "otel", "--name", "../x"]),
        told(&["connect", "file"]),
        told(&["use", "prod"]),
        told(&["sync"]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    error: there is no provider `otle`
    hint: archal trace-source connect otel

    error: there is no provider `kafka`
    hint: archal trace-source list

    error: `otel` has no option `listne`
    hint: did you mean `listen`?

    error: `listen` is an address and a port, `127.0.0.1:4318`

    error: an option is `name=value`
    hint: archal trace-source connect otel --option listen=127.0.0.1:4318

    error: `../x` is no name for a source: letters, digits, `-` and `_`, at most 40, a letter or digit first
    hint: --name prod

    error: `path` is missing: the file or folder that traces are imported from
    hint: --option path=<value>

    error: there is no trace source `prod`
    hint: archal trace-source list

    error: no source is named, and none is the default
    hint: archal trace-source connect otel
    ");
    assert!(
        !environment
            .repo()
            .join(".archal/trace-sources.json")
            .exists()
    );
}

#[test]
fn sources_are_listed_switched_and_disabled() {
    let environment = environment();
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = ["trace-source"].iter().chain(arguments).copied().collect();
        environment.run(&all)
    };
    let empty = run(&["list", "--json"]).ended(0).json();
    assert_eq!(
        (&empty["sources"], &empty["default"]),
        (&json!([]), &json!(null))
    );
    let providers = empty["providers"].as_array().expect("a list");
    assert!(providers.iter().any(|provider| provider["name"] == "otel"));
    environment.write("exports/a.json", "{}");
    drop(run(&["connect", "otel", "--name", "prod"]).ended(0));
    drop(
        run(&[
            "connect",
            "file",
            "--name",
            "old",
            "--option",
            "path=exports",
        ])
        .ended(0),
    );
    drop(run(&["use", "old"]).ended(0));
    drop(run(&["disable", "prod"]).ended(0));
    let list = run(&["list"])
        .ended(0)
        .with("besides .*", "besides  <defaults>");
    insta::assert_snapshot!(list, @"
    exit code: 0
    ----- stdout -----
    old (file, pull), the default
      traces   .archal/traces
      options  path=$TEST_ENV/repo/exports
      besides  <defaults>
    prod (otel, push), disabled
      traces   .archal/traces
      besides  <defaults>
    ----- stderr -----
    ");
    let taken = run(&["connect", "http", "--name", "PROD"]).ended(2);
    assert!(
        taken.stderr.contains("`prod` is there, of `otel`"),
        "{taken}"
    );
    drop(run(&["disable", "old"]).ended(0));
    let unnamed = run(&["sync"]).ended(2);
    assert!(unnamed.stderr.contains("none is the default"), "{unnamed}");
    // Said again, it is enabled again.
    drop(run(&["connect", "otel", "--name", "prod"]).ended(0));
    let list = run(&["list", "--json"]).ended(0).json();
    crate::cli::schema::holds(&list);
    assert_eq!(list["sources"][1]["isEnabled"], true);
}

#[test]
fn a_registry_that_is_wrong_is_told_with_its_places() {
    let environment = environment();
    environment.write(
        ".archal/trace-sources.json",
        "{\"schema\": \"archal.trace-sources\", \"version\": 1,\n \"sources\": {\"prod\": {\"provider\": \"otel\", \"enabeld\": true}}}\n",
    );
    let told = environment.run(&["trace-source", "list"]).ended(2);
    insta::assert_snapshot!(told.stderr, @r#"
    error: $TEST_ENV/repo/.archal/trace-sources.json cannot be used
    config/unknown-key

      × unknown key `sources.prod.enabeld`
       ╭─[$TEST_ENV/repo/.archal/trace-sources.json:2:43]
     1 │ {"schema": "archal.trace-sources", "version": 1,
     2 │  "sources": {"prod": {"provider": "otel", "enabeld": true}}}
       ·                                           ─────────
       ╰────
      help: did you mean `enabled`?
    "#);
}
