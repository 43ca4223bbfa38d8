//! Pipelines as a client meets them: runs that begin, stop and begin anew, and what they leave.

use archal_core::clone::{CloneResponse, Seed, ServiceClone};
use jiff::SignedDuration;

use super::check::{base, json as body, open, open_at, request, send};

const REPO: &str = "/repos/acme/payments/actions";

fn header<'r>(response: &'r CloneResponse, name: &str) -> &'r str {
    let found = response.headers.iter().find(|(key, _)| *key == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// Follows a redirect, as clients do: without credentials.
fn follow(clone: &mut dyn ServiceClone, line: &str) -> CloneResponse {
    let response = send(clone, line);
    assert_eq!(response.status, 302, "{line}");
    let mut next = request(&format!("GET {}", header(&response, "location")));
    next.headers.retain(|(name, _)| name != "authorization");
    clone.call(&next, base() + SignedDuration::from_mins(1))
}

#[test]
fn a_dispatch_makes_a_run_that_ends_as_the_workflow_says() {
    let mut clone = open("ci-cd-pipeline");
    let clone = clone.as_mut();
    for (workflow, inputs, expected) in [
        (
            "deploy.yml",
            r#"{"environment":"production"}"#,
            ("completed", "success"),
        ),
        ("nightly.yml", "{}", ("queued", "")),
    ] {
        let line = format!(
            r#"POST {REPO}/workflows/{workflow}/dispatches {{"ref":"main","inputs":{inputs}}}"#
        );
        assert_eq!(send(clone, &line).status, 204);
        let runs = body(&send(
            clone,
            &format!("GET {REPO}/workflows/{workflow}/runs?event=workflow_dispatch"),
        ));
        let run = &runs["workflow_runs"][0];
        let found = (run["status"].as_str(), run["conclusion"].as_str());
        assert_eq!((found.0.unwrap_or(""), found.1.unwrap_or("")), expected);
        assert_eq!(run["head_branch"], "main");
        assert_eq!(run["head_commit"]["message"], "Round amounts to cents");
        let jobs = body(&send(clone, &format!("GET {REPO}/runs/{}/jobs", run["id"])));
        assert_eq!(jobs["jobs"][0]["status"], expected.0);
    }
    for (body_, message) in [
        (
            r#"{"ref":"main"}"#,
            "Required input 'environment' not provided",
        ),
        (r#"{"ref":"gone"}"#, "No ref found for: gone"),
        (
            r#"{"ref":"main","inputs":{"environment":"moon"}}"#,
            "Provided value 'moon' for input 'environment' not in the list of allowed values",
        ),
        (
            r#"{"ref":"main","inputs":{"environment":"staging","speed":"1"}}"#,
            "Unexpected inputs provided: [\"speed\"]",
        ),
    ] {
        let line = format!("POST {REPO}/workflows/deploy.yml/dispatches {body_}");
        let response = send(clone, &line);
        assert_eq!(response.status, 422);
        assert_eq!(body(&response)["message"], message);
        assert!(response.changes.is_empty());
    }
    send(clone, &format!("PUT {REPO}/workflows/nightly.yml/disable"));
    let line = format!(r#"POST {REPO}/workflows/nightly.yml/dispatches {{"ref":"main"}}"#);
    assert_eq!(send(clone, &line).status, 422);
}

#[test]
fn failed_jobs_run_again_and_what_runs_is_stopped_once() {
    let mut clone = open("ci-cd-pipeline");
    let clone = clone.as_mut();
    let again = format!("POST {REPO}/runs/30433701/rerun-failed-jobs");
    assert_eq!(send(clone, &again).status, 201);
    let run = body(&send(clone, &format!("GET {REPO}/runs/30433701")));
    assert_eq!(
        (&run["status"], &run["run_attempt"]),
        (&"queued".into(), &2.into())
    );
    let jobs = body(&send(clone, &format!("GET {REPO}/runs/30433701/jobs")));
    let shown: Vec<_> = jobs["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .map(|job| format!("{} {} {}", job["name"], job["run_attempt"], job["status"]))
        .collect();
    // The linter passed and the build was skipped; the test runs again.
    assert_eq!(
        shown,
        [
            r#""lint" 1 "completed""#,
            r#""build" 1 "completed""#,
            r#""test" 2 "queued""#
        ]
    );
    assert_eq!(send(clone, &again).status, 403);
    let cancel = format!("POST {REPO}/runs/30433701/cancel");
    assert_eq!(send(clone, &cancel).status, 202);
    assert_eq!(send(clone, &cancel).status, 409);
    let first = body(&send(
        clone,
        &format!("GET {REPO}/runs/30433701/attempts/1"),
    ));
    assert_eq!(first["conclusion"], "failure");
}

#[test]
fn logs_and_artifacts_are_handed_out_at_their_own_host() {
    let mut clone = open("ci-cd-pipeline");
    let clone = clone.as_mut();
    let response = follow(clone, &format!("GET {REPO}/jobs/87110012/logs"));
    assert_eq!(response.status, 200);
    let text = String::from_utf8_lossy(&response.body.wire).into_owned();
    assert!(
        text.starts_with("2026-01-10T08:00:00.0000000Z > payments@2.4.0 test\n"),
        "{text}"
    );
    let evidence = String::from_utf8_lossy(&response.body.evidence).into_owned();
    assert!(
        evidence.starts_with("-4h > payments@2.4.0 test\n"),
        "{evidence}"
    );
    let zip = follow(clone, &format!("GET {REPO}/runs/30433701/logs"));
    let names = |zip: &CloneResponse| {
        let bytes = std::io::Cursor::new(zip.body.wire.to_vec());
        let archive = zip::ZipArchive::new(bytes).expect("a zip file");
        archive.file_names().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut found = names(&zip);
    found.sort();
    assert_eq!(found, ["0_lint.txt", "1_test.txt", "2_build.txt"]);
    let zip = follow(clone, &format!("GET {REPO}/artifacts/7601002/zip"));
    assert_eq!(names(&zip), ["report.txt"]);
    let guessed =
        "GET https://pipelines.actions.githubusercontent.com/job-logs/acme/payments/87110012?sig=0";
    assert_eq!(send(clone, guessed).status, 403);
    assert_eq!(
        send(clone, &format!("DELETE {REPO}/runs/30433701/logs")).status,
        204
    );
    assert_eq!(
        send(clone, &format!("GET {REPO}/jobs/87110012/logs")).status,
        404
    );
}

#[test]
fn files_of_gists_are_handed_out_as_they_were() {
    let mut clone = open("ci-cd-pipeline");
    let clone = clone.as_mut();
    let gist = "/gists/aa5a315d61ae9438b18d0123456789ab";
    let first = body(&send(clone, &format!("GET {gist}")));
    let old = first["files"]["checklist.md"]["raw_url"]
        .as_str()
        .expect("an address")
        .to_owned();
    let change = r#"{"files":{"checklist.md":{"filename":"list.md","content":"new\n"}}}"#;
    let changed = body(&send(clone, &format!("PATCH {gist} {change}")));
    assert_eq!(changed["history"].as_array().map(Vec::len), Some(2));
    assert_eq!(changed["history"][0]["change_status"]["additions"], 1);
    let new = changed["files"]["list.md"]["raw_url"]
        .as_str()
        .expect("an address")
        .to_owned();
    let get = |clone: &mut dyn ServiceClone, url: &str| {
        let response = send(clone, &format!("GET {url}"));
        String::from_utf8_lossy(&response.body.wire).into_owned()
    };
    assert!(get(clone, &old).starts_with("# Release"));
    assert_eq!(get(clone, &new), "new\n");
    let latest = "https://gist.githubusercontent.com/release-bot/aa5a315d61ae9438b18d0123456789ab/raw/list.md";
    assert_eq!(get(clone, latest), "new\n");
    let others = "PATCH /gists/bb5a315d61ae9438b18d0123456789ab {\"description\":\"x\"}";
    assert_eq!(send(clone, others).status, 404);
}

#[test]
fn items_of_a_project_hold_values_of_its_fields() {
    let mut clone = open("ci-cd-pipeline");
    let clone = clone.as_mut();
    let project = "/orgs/acme/projectsV2/1";
    let fields = r#"{"fields":[{"id":190000002,"value":"Done"},{"id":190000003,"value":5},{"id":190000004,"value":"2026-02-01"}]}"#;
    let line =
        format!("PATCH {project}/items/130000001?fields=190000002,190000003,190000004 {fields}");
    let item = body(&send(clone, &line));
    let shown: Vec<String> = item["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|field| {
            let value = field["value"]
                .pointer("/name/raw")
                .unwrap_or(&field["value"]);
            format!("{} {value}", field["name"])
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#""Status" "Done""#,
            r#""Estimate" 5"#,
            r#""Due" "2026-02-01""#
        ]
    );
    let found = body(&send(clone, &format!("GET {project}/items?q=status:done")));
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    for bad in [
        r#"{"id":190000002,"value":"Never"}"#,
        r#"{"id":190000004,"value":"soon"}"#,
        r#"{"id":190000001,"value":"x"}"#,
        r#"{"id":7,"value":"x"}"#,
    ] {
        let line = format!(r#"PATCH {project}/items/130000001 {{"fields":[{bad}]}}"#);
        assert_eq!(send(clone, &line).status, 422, "{bad}");
    }
    let pages = send(clone, &format!("GET {project}/items?per_page=1"));
    let link = header(&pages, "link").to_owned();
    let next = link
        .split(['<', '>'])
        .nth(1)
        .expect("an address")
        .to_owned();
    let next = body(&send(clone, &format!("GET {next}")));
    assert_eq!(next[0]["content_type"], "DraftIssue");
}

#[test]
fn the_same_calls_leave_the_same_evidence_whatever_the_clock() {
    let evidence = |late: i64| {
        let at = base() + SignedDuration::from_hours(late);
        let mut clone = open_at(Seed::Named("ci-cd-pipeline"), at);
        let mut out = Vec::new();
        for line in [
            format!(r#"POST {REPO}/workflows/deploy.yml/dispatches {{"ref":"main","inputs":{{"environment":"staging"}}}}"#),
            format!("GET {REPO}/runs?per_page=3"),
            format!("POST {REPO}/runs/30433790/cancel"),
            format!("GET {REPO}/runs/30433790/timing"),
            format!("GET {REPO}/runs/30433642/timing"),
            "GET /gists".to_owned(),
            r#"PATCH /gists/aa5a315d61ae9438b18d0123456789ab {"files":{"a":{"content":"b"}}}"#.to_owned(),
            r#"PATCH /repos/acme/payments/code-scanning/alerts/1 {"state":"dismissed","dismissed_reason":"mitigated"}"#.to_owned(),
            "GET /orgs/acme/projectsV2/1/items".to_owned(),
            "PUT /user/starred/acme/payments".to_owned(),
            "GET /user/starred".to_owned(),
        ] {
            let now = at + SignedDuration::from_secs(60 + late);
            let response = clone.call(&request(&line), now);
            assert!(response.status < 300, "{line}: {}", response.status);
            out.push(String::from_utf8_lossy(&response.body.evidence).into_owned());
            let tag = response.headers.into_iter().find(|(name, _)| *name == "etag");
            out.extend(tag.map(|(_, tag)| tag));
        }
        out
    };
    assert_eq!(evidence(0), evidence(777));
}
