//! `archal seed`.

use serde_json::{Value, json};

use super::environment;

/// A trace that reads one issue and closes it.
fn batch(with_read: bool) -> Value {
    let issue = |state: &str| {
        json!({
            "number": 7, "title": "Old one", "body": "Text", "state": state, "state_reason": null,
            "locked": false, "user": {"login": "octo"}, "assignees": [], "labels": [],
            "comments": 0, "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-02T00:00:00Z", "closed_at": null, "milestone": null,
            "url": "https://api.github.com/repos/acme/webapp/issues/7",
        })
    };
    let span = |id: &str, second: u32, http: Value| {
        json!({
            "id": id, "name": id, "kind": "http",
            "startedAt": format!("2026-02-01T10:00:0{second}Z"), "http": http,
        })
    };
    let url = "https://api.github.com/repos/acme/webapp/issues/7";
    let mut spans = vec![span(
        "write",
        3,
        json!({"method": "PATCH", "url": url, "status": 200,
            "requestBody": {"state": "closed"}, "responseBody": issue("closed")}),
    )];
    if with_read {
        spans.insert(
            0,
            span(
                "read",
                2,
                json!({"method": "GET", "url": url, "status": 200, "responseBody": issue("open")}),
            ),
        );
    }
    json!({
        "schema": "archal.trace.upload-batch", "version": 1, "complete": true,
        "source": {"name": "tests"},
        "traces": [{"id": "t1", "name": "janitor", "startedAt": "2026-02-01T10:00:00Z",
            "spans": spans}],
    })
}

#[test]
fn each_field_is_told_with_the_span_that_proves_it() {
    let environment = environment();
    environment.write("t.json", &batch(true).to_string());
    let text = environment
        .run(&["seed", "explain", "t.json"])
        .ended(0)
        .stdout;
    assert!(
        text.contains("read  GET /repos/acme/webapp/issues/7"),
        "{text}"
    );
    let report = environment
        .run(&["seed", "explain", "t.json", "--json"])
        .ended(0)
        .json();
    super::schema::holds(&report);
    let trace = &report["traces"][0];
    assert_eq!(trace["missing"], json!([]));
    assert_eq!(trace["seeds"]["github"]["issues"][0]["state"], "open");
    assert_eq!(trace["agreement"]["calls"], 2);
    let rows = trace["rows"].as_array().expect("rows");
    let issue = rows.iter().find(|row| row["key"] == "acme/webapp#7");
    assert_eq!(issue.expect("the issue")["fields"]["state"], "read");
}

#[test]
fn what_is_missing_is_named_and_the_repository_can_supply_it() {
    let environment = environment();
    environment.write("t.json", &batch(false).to_string());
    let output = environment.run(&["seed", "explain", "t.json"]).ended(3);
    assert!(
        output
            .stdout
            .contains("state of github issues acme/webapp#7: a call of the trace wrote it"),
        "{}",
        output.stdout
    );
    let owned = json!({"issues": [{"repo": "acme/webapp", "number": 7, "title": "x",
        "state": "open", "closed_at": null, "updated_at": "3d ago"}]});
    environment.write("archal/seeds/github.json", &owned.to_string());
    let report = environment
        .run(&["seed", "explain", "t.json", "--json"])
        .ended(0)
        .json();
    let issue = &report["traces"][0]["seeds"]["github"]["issues"][0];
    // The trace shows the title.
    assert_eq!(
        (&issue["title"], &issue["state"]),
        (&json!("Old one"), &json!("open"))
    );
    let output = environment.run(&["seed", "explain", "nothing"]).ended(2);
    assert!(
        output.stderr.contains("neither a file nor a trace"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_setup_of_the_scenario_that_a_trace_matches_fills_what_is_missing() {
    let environment = environment();
    environment.write("t.json", &batch(false).to_string());
    environment.write(
        ".archal.json",
        &json!({"scenarios": ["scenarios"]}).to_string(),
    );
    let scenario = |name: &str| {
        let state = json!({"repos": [{"full_name": "acme/webapp"}], "issues": [{"repo": "acme/webapp",
            "number": 7, "title": "x", "state": "open", "closed_at": null, "updated_at": "3d ago"}]});
        format!(
            "# Close\n\n## Setup\n\n```json github\n{state}\n```\n\n## Prompt\n\nClose.\n\n## Success Criteria\n\n\
             - [D] Issue #7 is closed\n\n## Config\n\nclones: github\nmatch: name={name}\n"
        )
    };
    // One that is for other traces says nothing of this one.
    environment.write("scenarios/close.md", &scenario("somebody-else"));
    let other = environment.run(&["seed", "explain", "t.json"]).ended(3);
    assert!(!other.stdout.contains("Setup of"), "{other}");
    environment.write("scenarios/close.md", &scenario("janitor"));
    let report = environment
        .run(&["seed", "explain", "t.json", "--json"])
        .ended(0)
        .json();
    let trace = &report["traces"][0];
    let issue = &trace["seeds"]["github"]["issues"][0];
    assert_eq!(
        (&issue["title"], &issue["state"]),
        (&json!("Old one"), &json!("open"))
    );
    let rows = trace["rows"].as_array().expect("rows");
    let issue = rows.iter().find(|row| row["key"] == "acme/webapp#7");
    assert_eq!(
        issue.expect("the issue")["fields"]["state"],
        "Setup of scenarios/close.md"
    );
}
