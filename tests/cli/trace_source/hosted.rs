//! `archal attach --source`: a database of traces.

use super::environment;

/// Nobody listens there.
const URL: &str = "postgresql://reader:hunter2secret@127.0.0.1:1/app";

#[test]
fn a_check_says_what_is_missing_and_registers_nothing() {
    let mut environment = environment();
    let check = |environment: &archal_testkit::cli::TestEnv| {
        environment.run(&[
            "attach",
            "--source",
            "postgres",
            "--database-url-env",
            "TRACE_DATABASE_URL",
            "--check",
            "--json",
        ])
    };
    let unset = check(&environment).ended(3).json();
    let missing = |document: &serde_json::Value| -> Vec<String> {
        let parts = document["parts"].as_array().expect("parts").iter();
        parts
            .filter(|part| part["status"] == "missing")
            .map(|part| format!("{}: {}", part["name"], part["detail"]))
            .collect()
    };
    assert!(missing(&unset)[0].contains("TRACE_DATABASE_URL"), "{unset}");
    environment.set("TRACE_DATABASE_URL", URL);
    let told = check(&environment).ended(3);
    assert!(!format!("{told:?}").contains("hunter2secret"));
    let refused = told.json();
    assert!(missing(&refused)[0].contains("127.0.0.1:1"), "{refused}");
    let registry = environment.repo().join(".archal/trace-sources.json");
    assert!(!registry.exists());

    let network = environment.run(&["doctor", "--network"]).ended(0);
    assert!(!format!("{network:?}").contains("127.0.0.1:1"));
}

#[test]
fn flags_register_a_source_whose_connection_string_is_a_variable() {
    let mut environment = environment();
    environment.set("TRACE_DATABASE_URL", URL);
    let told = environment.run(&[
        "attach",
        "--source",
        "supabase",
        "--source-name",
        "prod",
        "--database-url-secret-ref",
        "env:TRACE_DATABASE_URL",
        "--span-table",
        "steps",
        "--span-trace-id-column",
        "run",
        "--once",
    ]);
    // The source is registered; the repository has no commit to work on yet.
    let told = told.ended(3);
    assert!(format!("{told:?}").contains("connected the trace source `prod`"));
    let file: serde_json::Value =
        serde_json::from_str(&environment.read(".archal/trace-sources.json")).expect("JSON");
    assert_eq!(
        file["sources"]["prod"],
        serde_json::json!({
            "provider": "supabase",
            "enabled": true,
            "options": {
                "spanColumns": "traceId=run",
                "spanTable": "steps",
                "urlEnv": "TRACE_DATABASE_URL",
            },
        })
    );
    let network = environment.run(&["doctor", "--network"]).ended(0);
    let network = format!("{network:?}");
    assert!(network.contains("127.0.0.1:1"), "{network}");
    assert!(!network.contains("hunter2secret"), "{network}");
}

#[test]
fn a_source_needs_its_connection_string_and_flags_of_one_need_a_source() {
    let environment = environment();
    for arguments in [
        &["attach", "--source", "postgres"][..],
        &[
            "attach",
            "--source",
            "postgres",
            "--database-url-secret-ref",
            "vault:x",
        ],
        &[
            "attach",
            "--source",
            "postgres",
            "--database-url-env",
            "postgres://u:p@h/d",
        ],
        &["attach", "traces", "--trace-table", "runs"],
        &["attach"],
    ] {
        _ = environment.run(arguments).ended(2);
    }
    assert!(
        !environment
            .repo()
            .join(".archal/trace-sources.json")
            .exists()
    );
}
