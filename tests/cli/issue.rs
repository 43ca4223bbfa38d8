//! `archal issue` and `archal prune` over a state that the library made, as a watcher leaves it.

use std::fs;
use std::path::{Path, PathBuf};

use archal::attach::job::{Artifact, JobReport, Stage, Status};
use archal::attach::state::{State, attachments, failures, jobs, notices, traces};
use archal::config::schema::NoticeEvent;
use archal::report::rate::Rate;
use archal::store::layout::Layout;
use archal_core::clock::Timestamp;
use archal_core::trace::TraceIdentity;
use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use super::environment;

const GROUP: &str = "no-stale-issue-closed-0a1b2c3d";

struct World {
    environment: TestEnv,
    layout: Layout,
    state: State,
}

fn at(day: i64) -> Timestamp {
    "2026-01-01T08:30:00Z"
        .parse::<Timestamp>()
        .expect("a time")
        .checked_add(std::time::Duration::from_secs(86_400 * day.unsigned_abs()))
        .expect("in range")
}

impl World {
    fn new() -> Self {
        let environment = environment();
        // As archal names it: without links.
        let repo = environment.repo().canonicalize().expect("there");
        let layout = Layout::of(&repo, None);
        layout.prepare().expect("writable");
        let state = State::open(&layout, false).expect("opened").state;
        Self {
            environment,
            layout,
            state,
        }
    }

    fn artifact(&self, path: &str, value: &Value) -> PathBuf {
        let path = self.layout.attach(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, format!("{value:#}\n")).expect("written");
        path
    }

    /// A trace that shows a failure, with its grade and, where it leads, its attempts.
    fn shows(&self, group: &str, trace: &str, (status, day): (Status, i64), leads: bool) {
        let grade = self.artifact(&format!("grades/{trace}/grade.json"), &grade(trace));
        let folder = self.layout.attach("runs").join(trace);
        let mut artifacts = vec![Artifact::of(grade)];
        if leads {
            let manifest = manifest(&folder);
            let path = self.artifact(&format!("runs/{trace}/manifest.json"), &manifest);
            self.artifact(&format!("runs/{trace}/attempt-1/calls.jsonl"), &json!({}));
            artifacts.insert(0, Artifact::of(path));
        }
        let identity = TraceIdentity {
            source: "file".to_owned(),
            project: String::new(),
            trace: trace.to_owned(),
        };
        let report = JobReport {
            trace: identity.clone(),
            name: trace.to_owned(),
            revision: "rev-1".to_owned(),
            file: format!("{trace}.json").into(),
            status,
            stage: Stage::Reproduce,
            reason_code: None,
            reason: "red 2/3: issue 7 was closed".to_owned(),
            cause: None,
            missing: Vec::new(),
            group: Some(group.to_owned()),
            scenario: Some("scenarios/close-stale.md".into()),
            red: leads.then(|| Rate::of(2, 3)),
            green: None,
            artifacts,
            patch: None,
            published: None,
        };
        self.state
            .write(|change| {
                let directory = Path::new("/srv/traces");
                let attachment = attachments::attach(change, directory, &json!({}), at(day))?;
                let known = traces::known(change, &identity)?;
                let new = jobs::NewJob {
                    trace: &known,
                    attachment,
                    revision: "rev-1",
                    age: (None, 1),
                    file: &report.file,
                    import_hash: "x",
                    is_asked: false,
                };
                let title = "no issue is closed that was answered";
                failures::seen(change, group, &json!({}), title, at(day))?;
                let job = jobs::begin(change, &new, at(day))?;
                jobs::put(change, job, &report, None, at(day))?;
                if leads {
                    failures::lead(change, group, job, "0123456789abcdef0123")?;
                    notices::add(change, group, NoticeEvent::New, &json!({}), at(day))?;
                }
                Ok(())
            })
            .expect("written");
    }

    fn two_failures() -> Self {
        let world = Self::new();
        world.shows(GROUP, "t-1", (Status::Reproduced, 0), true);
        world.shows(GROUP, "t-2", (Status::GroupMember, 1), false);
        world.shows(
            "no-label-lost-99999999",
            "t-3",
            (Status::FailedGrade, 2),
            true,
        );
        world
    }

    fn labels(&self) -> Vec<Value> {
        let text = self.environment.read(".archal/attach/labels.jsonl");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

fn grade(trace: &str) -> Value {
    json!({
        "schema": "archal.grade",
        "version": 1,
        "trace": {"source": "file", "project": "", "trace": trace},
        "revision": "rev-1",
        "verdict": "fail",
        "summary": "issue 7 was closed although a person had answered",
        "reproduce": true,
        "reason": "a criterion does not hold on the replayed state",
        "scenario": "close-stale",
        "findings": [{
            "rule": "state.criterion",
            "subject": "no-stale-issue-closed",
            "summary": "issue 7 is closed",
            "spans": ["root/3"],
            "excerpt": "PATCH /repos/acme/webapp/issues/7 {\"state\":\"closed\"}",
            "owner": "agent",
            "confidence": 1.0,
            "operation": "github:issues/update",
            "entity": "issues",
        }],
        "firstBadStep": "root/3",
        "criteria": [
            {"id": "c1", "label": "no answered issue is closed", "kind": "D", "status": "fail",
             "vacuous": false, "cel": "github.issues.all(i, i.state == 'open')"},
            {"id": "c2", "label": "the answer is kind", "kind": "P", "status": "not_evaluated",
             "vacuous": false},
        ],
        "agreement": {"calls": 4, "agreeing": 3, "differences": []},
    })
}

fn manifest(folder: &Path) -> Value {
    let attempt = |number: u32, shown: Value| {
        let evidence = folder.join(format!("attempt-{number}"));
        json!({"number": number, "shown": shown, "evidence": evidence})
    };
    json!({
        "outcome": {"status": "reproduced"},
        "base": "0123456789abcdef0123",
        "leftOut": [" M README.md"],
        "red": Rate::of(2, 3),
        "attempts": [
            attempt(1, json!({"kind": "red-same"})),
            attempt(2, json!({"kind": "red-other", "failed": ["the harness exited with 1"]})),
            attempt(3, json!({"kind": "red-same"})),
        ],
    })
}

#[test]
fn the_list_says_how_each_failure_stands_and_what_is_next() {
    let world = World::two_failures();
    let output = world.environment.run(&["issue", "list"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        open no-label-lost-99999999  1 trace, seen 2026-01-03 08:30
          no issue is closed that was answered
          failed_grade (t-3): red 2/3: issue 7 was closed
          next: run the agent on it, to see whether HEAD still fails
            archal attach /srv/traces --repo . --execution-policy reproduce
        open no-stale-issue-closed-0a1b2c3d  2 traces, first seen 2026-01-01 08:30, last 2026-01-02 08:30
          no issue is closed that was answered
          reproduced (t-1): red 2/3: issue 7 was closed
          next: let a fixer repair the agent
            archal attach /srv/traces --repo . --execution-policy fix --allow-external-execution --fix-command '<command>'
        ----- stderr -----
        ");
    let output = world
        .environment
        .run(&["issue", "list", "--status", "fixed", "--json"]);
    let document = output.ended(0).json();
    assert_eq!(document["schema"], "archal.issue-list");
    assert_eq!(
        (&document["issues"], &document["leftOut"]),
        (&json!([]), &json!({"open": 2}))
    );
}

#[test]
fn one_failure_is_shown_with_its_traces_attempts_and_files() {
    let world = World::two_failures();
    let output = world.environment.run(&["issue", "show", "no-stale"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        open no-stale-issue-closed-0a1b2c3d  2 traces, first seen 2026-01-01 08:30, last 2026-01-02 08:30
          no issue is closed that was answered
          reproduced (t-1): red 2/3: issue 7 was closed
        traces:
          t-1 (reproduced, worked on) from t-1.json
          t-2 (group_member) from t-2.json
        red: 2/3 attempts on 0123456789ab show it
          attempt 1: red-same  $TEST_ENV/repo/.archal/attach/runs/t-1/attempt-1
          attempt 2: red-other (the harness exited with 1)
          attempt 3: red-same
        files:
          $TEST_ENV/repo/.archal/attach/runs/t-1/manifest.json
          $TEST_ENV/repo/.archal/attach/grades/t-1/grade.json
        history:
          2026-01-01 08:30 import running
          2026-01-01 08:30 reproduce reproduced: red 2/3: issue 7 was closed
        told:
          2026-01-01 08:30 new: to be sent
          next: let a fixer repair the agent
            archal attach /srv/traces --repo . --execution-policy fix --allow-external-execution --fix-command '<command>'
        ----- stderr -----
        ");
}

#[test]
fn why_tells_the_evidence_and_what_was_not_checked() {
    let world = World::two_failures();
    let output = world.environment.run(&["issue", "why", GROUP]);
    insta::assert_snapshot!(output, @r#"
        exit code: 0
        ----- stdout -----
        open no-stale-issue-closed-0a1b2c3d  2 traces, first seen 2026-01-01 08:30, last 2026-01-02 08:30
          no issue is closed that was answered
          reproduced (t-1): red 2/3: issue 7 was closed
        trace t-1
          issue 7 was closed although a person had answered
          scenario: close-stale
          finding: issue 7 is closed [state.criterion, tier 3, agent, 100%]
            decided by github:issues/update on issues
            spans: root/3
            evidence: PATCH /repos/acme/webapp/issues/7 {"state":"closed"}
          broken: no answered issue is closed
            github.issues.all(i, i.state == 'open')
          first bad step: span root/3
          replay: 3 of 4 calls answer as recorded
          see: $TEST_ENV/repo/.archal/attach/grades/t-1/grade.json
        trace t-2
          issue 7 was closed although a person had answered
          scenario: close-stale
          finding: issue 7 is closed [state.criterion, tier 3, agent, 100%]
            decided by github:issues/update on issues
            spans: root/3
            evidence: PATCH /repos/acme/webapp/issues/7 {"state":"closed"}
          broken: no answered issue is closed
            github.issues.all(i, i.state == 'open')
          first bad step: span root/3
          replay: 3 of 4 calls answer as recorded
          see: $TEST_ENV/repo/.archal/attach/grades/t-2/grade.json
        run again on 0123456789ab: reproduced, red 2/3
          attempt 1: red-same  $TEST_ENV/repo/.archal/attach/runs/t-1/attempt-1
          attempt 2: red-other (the harness exited with 1)
          attempt 3: red-same
        not checked:
          "the answer is kind": it takes a judge
          1 of 4 calls of the trace replay with another answer than recorded
          changed files of the checkout (1): attempts run on the commit
          next: let a fixer repair the agent
            archal attach /srv/traces --repo . --execution-policy fix --allow-external-execution --fix-command '<command>'
        ----- stderr -----
        "#);
    let json = world.environment.run(&["issue", "why", GROUP, "--json"]);
    let document = json.ended(0).json();
    assert_eq!(
        document["traces"][0]["findings"][0]["spans"],
        json!(["root/3"])
    );
}

#[test]
fn a_name_that_means_none_or_several_is_refused_with_those_it_may_mean() {
    let world = World::two_failures();
    let output = world.environment.run(&["issue", "show", "no-"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: `no-` is the beginning of 2 failures
        hint: archal issue show no-label-lost-99999999
        hint: archal issue show no-stale-issue-closed-0a1b2c3d
        ");
    let output = world.environment.run(&["issue", "why", "t-2"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no failure `t-2`
        hint: it is a trace of a failure: archal issue show no-stale-issue-closed-0a1b2c3d
        ");
    let output = world
        .environment
        .run(&["issue", "show", "no-lable-lost-99999999"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no failure `no-lable-lost-99999999`
        hint: archal issue show no-label-lost-99999999
        ");
}

#[test]
fn a_dismissal_mutes_labels_and_is_taken_back() {
    let world = World::two_failures();
    let run = |arguments: &[&str]| world.environment.run(arguments).to_string();
    run(&["issue", "dismiss", "no-stale", "--reason", " "]);
    assert!(!world.layout.attach("labels.jsonl").exists());
    let dismissed = run(&["issue", "dismiss", "no-stale", "--reason", "a test account"]);
    insta::assert_snapshot!(dismissed, @r"
        exit code: 0
        ----- stdout -----
        no-stale-issue-closed-0a1b2c3d is dismissed (was open)
          labels: 2 in $TEST_ENV/repo/.archal/attach/labels.jsonl
          next: nothing: it is dismissed, and its traces are not worked on
            archal issue reopen no-stale-issue-closed-0a1b2c3d
        ----- stderr -----
        ");
    let list = run(&["issue", "list"]);
    assert!(
        !list.contains(GROUP) && list.contains("left out: 1 dismissed"),
        "{list}"
    );
    assert!(run(&["issue", "list", "--all"]).contains("said of it: a test account"));
    let labels = world.labels();
    assert_eq!(labels.len(), 2);
    assert_eq!(
        (&labels[0]["label"], &labels[0]["reason"]),
        (&json!("ok"), &json!("a test account"))
    );

    assert!(run(&["issue", "reopen", "no-stale"]).contains("is reopened (was dismissed)"));
    assert!(run(&["issue", "confirm", "no-stale"]).contains("is confirmed (was reopened)"));
    let said: Vec<Value> = world
        .labels()
        .into_iter()
        .map(|line| line["label"].clone())
        .collect();
    assert_eq!(
        said,
        [
            json!("ok"),
            json!("ok"),
            json!(null),
            json!(null),
            json!("fail"),
            json!("fail")
        ]
    );
}

#[test]
fn where_nothing_was_attached_it_is_said_and_nothing_is_made() {
    let environment = environment();
    let output = environment.run(&["issue", "list"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        nothing was attached to $TEST_ENV/repo yet
          archal attach <trace-dir> --repo .
        ----- stderr -----
        ");
    let output = environment.run(&["issue", "dismiss", "x", "--reason", "y"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: nothing was attached to $TEST_ENV/repo yet, so there is no failure `x`
        hint: archal attach <trace-dir> --repo .
        ");
    let output = environment.run(&["prune"]);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        freed 0B of 0B in $TEST_ENV/repo/.archal
        ----- stderr -----
        ");
    assert!(!environment.repo().join(".archal").exists());
}

#[test]
fn pruning_says_what_goes_and_a_dry_run_removes_nothing() {
    let world = World::new();
    world.shows(GROUP, "t-1", (Status::Reproduced, 0), true);
    world.shows(GROUP, "t-2", (Status::GroupMember, 0), false);
    // Whatever the day, these rows are older than a second.
    world.environment.write(
        ".archal.json",
        "{\"retention\": {\"runs\": \"0s\", \"traces\": \"0s\"}}",
    );
    let evidence = world.layout.attach("runs").join("t-1/attempt-1");
    // The files name their own folder, whose length nobody knows.
    let dry = world
        .environment
        .run(&["prune", "--dry-run"])
        .with(r"[0-9.]+ KB", "some KB");
    insta::assert_snapshot!(dry, @r"
        exit code: 0
        ----- stdout -----
        would go runs of t-1: 3B, older than 0s
          attach/runs/t-1/attempt-1
        would go trace of t-2: some KB, older than 0s
          attach/grades/t-2
        1 kept: the inbox shows it, some KB
        would free some KB of some KB in $TEST_ENV/repo/.archal
        ----- stderr -----
        ");
    assert!(evidence.exists());
    let output = world.environment.run(&["prune", "--json"]).ended(0);
    assert_eq!(output.json()["removed"].as_array().map(Vec::len), Some(2));
    assert!(!evidence.exists() && !world.layout.attach("grades").join("t-2").exists());
    let shown = world
        .environment
        .run(&["issue", "show", "no-stale"])
        .ended(0);
    assert!(
        shown
            .stdout
            .contains("the evidence of its runs was removed on"),
        "{shown}"
    );
    let again = world.environment.run(&["prune"]).ended(0);
    assert!(again.stdout.contains("freed 0B of"), "{again}");

    world
        .environment
        .write(".archal.json", "{\"retention\": {\"runs\": \"a month\"}}");
    let wrong = world.environment.run(&["prune"]).ended(2);
    assert!(wrong.stderr.contains("`a month` is no duration"), "{wrong}");
}
