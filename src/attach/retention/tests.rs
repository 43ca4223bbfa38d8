//! What goes and what stays, over a state with rows and files as the engine leaves them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::trace::TraceIdentity;
use serde_json::json;

use super::plan::Unit;
use super::*;
use crate::attach::job::{Artifact, JobReport, Stage, Status};
use crate::attach::state::failures::{self, FailureStatus};
use crate::attach::state::{attachments, jobs, pruned, traces};
use crate::fix::publish::record::Record;

/// Bytes of each file that [`World::files`] makes.
const EACH: u64 = 100;

struct World {
    folder: tempfile::TempDir,
    layout: Layout,
    state: State,
    settings: Retention,
    clock: FakeClock,
}

impl World {
    /// A state whose present is day 1000.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        Self {
            folder,
            layout,
            state,
            settings: Retention::default(),
            clock: FakeClock::new(day(1000)),
        }
    }

    /// A trace with every artifact, whose job ended in `status` so many days ago.
    fn trace(&self, name: &str, status: Status, days_ago: i64, failure: Option<&str>) -> i64 {
        for file in [
            format!("imports/{name}.json"),
            format!("grades/{name}/grade.json"),
            format!("seeds/{name}/seed.json"),
            format!("seeds/{name}/r1/seed.json"),
            format!("runs/{name}/manifest.json"),
            format!("runs/{name}/attempt-1/calls.jsonl"),
            format!("runs/{name}/r1/manifest.json"),
            format!("fixes/{name}/proof.json"),
            format!("fixes/{name}/repo.patch"),
            format!("fixes/{name}/green/attempt-1/calls.jsonl"),
        ] {
            self.file(&format!("attach/{file}"));
        }
        let at = day(1000 - days_ago);
        let attempt = self.layout.attach("runs").join(name).join("attempt-1");
        let artifacts = [
            self.layout.attach("grades").join(name).join("grade.json"),
            attempt.join("calls.jsonl"),
        ];
        let identity = TraceIdentity {
            source: "file".to_owned(),
            project: String::new(),
            trace: name.to_owned(),
        };
        let report = JobReport {
            trace: identity.clone(),
            name: name.to_owned(),
            revision: "1".to_owned(),
            file: "t.json".into(),
            status,
            stage: Stage::Fix,
            reason_code: None,
            reason: "so".to_owned(),
            cause: None,
            missing: Vec::new(),
            group: failure.map(str::to_owned),
            scenario: None,
            red: None,
            green: None,
            artifacts: artifacts.map(Artifact::of).into(),
            patch: None,
            published: None,
        };
        self.state
            .write(|change| {
                let directory = Path::new("/traces");
                let attachment = attachments::attach(change, directory, &json!({}), at)?;
                let trace = traces::known(change, &identity)?;
                let new = jobs::NewJob {
                    trace: &trace,
                    attachment,
                    revision: "1",
                    age: (None, 1),
                    file: Path::new("t.json"),
                    import_hash: "x",
                    is_asked: false,
                };
                let job = jobs::begin(change, &new, at)?;
                if let Some(failure) = failure {
                    failures::seen(change, failure, &json!({}), "t", at)?;
                    failures::lead(change, failure, job, "base")?;
                }
                jobs::put(change, job, &report, None, at)?;
                Ok(trace.id)
            })
            .expect("written")
    }

    fn file(&self, path: &str) {
        let path = self.layout.root().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, vec![b'x'; EACH as usize]).expect("written");
    }

    fn pruner(&self) -> Pruner<'_> {
        Pruner {
            layout: &self.layout,
            repo: self.folder.path(),
            settings: &self.settings,
            clock: &self.clock,
            stop: None,
        }
    }

    fn prune(&self) -> PruneReport {
        self.pruner().prune(Some(&self.state)).expect("pruned")
    }

    fn has(&self, path: &str) -> bool {
        self.layout.attach("").join(path).symlink_metadata().is_ok()
    }
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(day * 86_400).expect("in range")
}

fn gone(report: &PruneReport) -> Vec<String> {
    report
        .removed
        .iter()
        .map(|removed| {
            let trace = removed.trace.as_deref().unwrap_or("-");
            format!(
                "{trace} {} {} {}",
                removed.part.name(),
                removed.bytes,
                removed.why
            )
        })
        .collect()
}

fn kept(report: &PruneReport, reason: Reason) -> Option<(u64, u64)> {
    let kept = report.kept.iter().find(|kept| kept.reason == reason)?;
    Some((kept.count, kept.bytes))
}

#[test]
fn evidence_goes_first_then_the_trace_and_the_row_stays_with_a_note() {
    let world = World::new();
    let young = world.trace("young", Status::Ok, 29, None);
    let middle = world.trace("middle", Status::Ok, 31, None);
    let old = world.trace("old", Status::Ok, 91, None);
    let before = world
        .pruner()
        .look(State::look(&world.layout).expect("read").as_ref());
    let report = world.prune();
    assert_eq!(
        gone(&report),
        [
            "middle runs 400 older than 30d".to_owned(),
            format!("old trace {} older than 90d", 10 * EACH)
        ]
    );
    assert_eq!((report.bytes_before, report.bytes_removed), (3_000, 1_400));
    assert_eq!(report.diagnostics, []);
    let before = before.expect("looked");
    assert_eq!((before.removed, before.kept), (report.removed, report.kept));

    assert!(world.has("runs/young/attempt-1/calls.jsonl"));
    for stays in [
        "imports/middle.json",
        "grades/middle/grade.json",
        "seeds/middle/seed.json",
        "runs/middle/manifest.json",
        "fixes/middle/proof.json",
        "fixes/middle/repo.patch",
    ] {
        assert!(world.has(stays), "{stays}");
    }
    for goes in [
        "runs/middle/attempt-1",
        "runs/middle/r1",
        "seeds/middle/r1",
        "fixes/middle/green",
        "imports/old.json",
        "grades/old",
        "seeds/old",
        "runs/old",
        "fixes/old",
    ] {
        assert!(!world.has(goes), "{goes}");
    }
    assert!(
        world
            .state
            .read(|rows| jobs::newest(rows, old))
            .expect("read")
            .is_some()
    );
    let noted = |trace, part| {
        let at = world.state.read(|rows| pruned::at(rows, trace, part));
        at.expect("read").is_some()
    };
    assert!(noted(middle, Part::Runs) && !noted(middle, Part::Trace));
    assert!(noted(old, Part::Trace) && !noted(young, Part::Runs));
    let artifacts = |trace| {
        let job = world
            .state
            .read(|rows| jobs::newest(rows, trace))
            .expect("read");
        job.expect("a job").report.artifacts.len()
    };
    assert_eq!(
        (artifacts(young), artifacts(middle), artifacts(old)),
        (2, 1, 0)
    );
    assert_eq!(gone(&world.prune()), [""; 0], "once is enough");
}

#[test]
fn what_something_refers_to_stays_however_old_and_however_little_room_there_is() {
    let mut world = World::new();
    world.settings.max_bytes = Some("1B".parse().expect("a size"));
    world.trace("running", Status::Running, 900, None);
    world.trace("waiting", Status::WaitingBudget, 900, None);
    world.trace("blocked", Status::Blocked, 900, None);
    world.trace("no-fixer", Status::FixBlocked, 900, None);
    world.trace("patched", Status::Fixed, 900, Some("g-1"));
    world.trace("applied", Status::Fixed, 900, Some("g-2"));
    world.trace("open", Status::FailedGrade, 900, Some("g-3"));
    world.trace("dismissed", Status::FailedGrade, 900, Some("g-4"));
    world
        .state
        .write(|change| {
            failures::set_status(change, "g-4", FailureStatus::Dismissed, None, day(999))?;
            failures::set_status(change, "g-1", FailureStatus::Fixed, None, day(999))?;
            failures::set_status(change, "g-2", FailureStatus::Fixed, None, day(999))
        })
        .expect("written");
    let regressions = world.folder.path().join(crate::fix::publish::FOLDER);
    fs::create_dir_all(&regressions).expect("made");
    fs::write(regressions.join("g-2.md"), "# x").expect("written");
    world.file("attach/grades/mine/notes.txt");

    let report = world.prune();
    assert_eq!(
        gone(&report),
        [
            "applied runs 400 older than 30d",
            "blocked runs 200 older than 30d",
            "dismissed trace 1000 older than 90d",
            "no-fixer runs 200 older than 30d",
            "open runs 400 older than 30d",
            "patched runs 200 older than 30d",
        ]
    );
    assert_eq!(kept(&report, Reason::UnderWay), Some((2, 2_000)));
    assert_eq!(kept(&report, Reason::Blocked), Some((2, 1_600)));
    assert_eq!(kept(&report, Reason::PatchNotApplied), Some((1, 800)));
    assert_eq!(kept(&report, Reason::Regression), Some((1, 600)));
    assert_eq!(kept(&report, Reason::Inbox), Some((1, 600)));
    assert_eq!(kept(&report, Reason::Unknown), Some((1, EACH)));
    assert!(world.has("runs/patched/attempt-1") && world.has("runs/running/r1"));
    assert!(!world.has("runs/patched/r1") && world.has("grades/mine/notes.txt"));
}

#[test]
fn above_the_limit_the_oldest_goes_evidence_before_traces() {
    let mut world = World::new();
    for (name, days_ago) in [("a", 3), ("b", 2), ("c", 1)] {
        world.trace(name, Status::Ok, days_ago, None);
    }
    world.settings.max_bytes = Some("2300B".parse().expect("a size"));
    assert_eq!(
        gone(&world.prune()),
        ["a runs 400 more than 2300B", "b runs 400 more than 2300B"]
    );
    world.settings.max_bytes = Some("1300B".parse().expect("a size"));
    assert_eq!(
        gone(&world.prune()),
        ["c runs 400 more than 1300B", "a trace 600 more than 1300B"]
    );
    world.settings = Retention {
        runs: None,
        traces: None,
        max_bytes: None,
    };
    world.clock.advance(Duration::from_secs(9_999 * 86_400));
    assert_eq!(gone(&world.prune()), [""; 0], "null keeps for ever");
}

#[test]
fn more_goes_for_want_of_room_than_is_held_at_once() {
    let mut world = World::new();
    for (name, days_ago) in [("a", 1), ("b", 3), ("c", 2)] {
        world.trace(name, Status::Ok, days_ago, None);
    }
    world.settings.max_bytes = Some("700B".parse().expect("a size"));
    let would = world
        .pruner()
        .look(State::look(&world.layout).expect("read").as_ref())
        .expect("looked");
    let report = world.prune();
    assert_eq!(
        gone(&report),
        [
            "b runs 400 more than 700B",
            "c runs 400 more than 700B",
            "a runs 400 more than 700B",
            "b trace 600 more than 700B",
            "c trace 600 more than 700B",
        ]
    );
    assert_eq!(kept(&report, Reason::Young), Some((1, 600)));
    assert_eq!((would.removed, would.kept), (report.removed, report.kept));
}

#[test]
fn traces_are_counted_once_whatever_stages_left_something() {
    let world = World::new();
    world.trace("young", Status::Ok, 1, None);
    for file in [
        "attach/imports/t/r1.json",
        "attach/grades/t/grade.json",
        "attach/fixes/t/proof.json",
        "attach/runs/u/manifest.json",
        "attach/imports/u.json",
    ] {
        world.file(file);
    }
    let report = world.prune();
    assert_eq!(kept(&report, Reason::Unknown), Some((2, 5 * EACH)));
    assert_eq!(report.bytes_before, 15 * EACH);
}

#[test]
fn runs_of_archal_run_go_by_their_files_and_the_last_one_stays() {
    let world = World::new();
    for name in ["run-000000000001", "run-000000000002", "mine"] {
        world.file(&format!("cache/runs/{name}/calls.jsonl"));
    }
    let summary = world.layout.last_run();
    fs::write(&summary, "{\"runId\": \"run-000000000002\"}").expect("written");
    // The files are of today, the clock stands at day 1000: nothing is old when it was set back.
    assert_eq!(gone(&world.prune()), [""; 0]);
    world.clock.advance(Duration::from_secs(60_000 * 86_400));
    let report = world.prune();
    assert_eq!(gone(&report), ["- runs 100 older than 30d"]);
    assert_eq!(kept(&report, Reason::LastRun), Some((1, EACH)));
    let runs = world.layout.root().join("cache/runs");
    assert!(!runs.join("run-000000000001").exists() && runs.join("mine").exists());
}

#[test]
fn artifacts_of_preprod_go_by_their_files_and_what_it_works_with_stays() {
    let world = World::new();
    for name in [
        "preprod-000000000001/base/calls.jsonl",
        "open/a.json",
        "lock",
        "mine/x",
    ] {
        world.file(&format!("preprod/{name}"));
    }
    assert_eq!(gone(&world.prune()), [""; 0]);
    world.clock.advance(Duration::from_secs(60_000 * 86_400));
    assert_eq!(gone(&world.prune()), ["- runs 100 older than 30d"]);
    let folder = world.layout.preprod();
    assert!(!folder.join("preprod-000000000001").exists());
    assert!(folder.join("open/a.json").exists() && folder.join("lock").exists());
    assert!(folder.join("mine/x").exists());
}

#[test]
fn artifacts_of_preprod_stay_while_a_pull_request_or_a_step_is_open() {
    let world = World::new();
    let folder = world.layout.preprod();
    for (name, state) in [
        ("a", Some("open")),
        ("b", Some("closed")),
        ("c", Some("open")),
        ("e", None),
    ] {
        world.file(&format!("preprod/preprod-{name}/pr.json"));
        let mut record = Record::begun("g", "b", "p", world.clock.now(), None);
        record.published = state.map(|state| {
            let published = serde_json::json!({
                "kind": "pr", "refusal": null, "findings": [], "request": {
                    "number": 1, "url": "u", "draft": true, "state": state,
                    "checks": {"passed": [], "failed": [], "pending": []},
                },
            });
            serde_json::from_value(published).expect("a publication")
        });
        let folder = folder.join(format!("preprod-{name}"));
        record.write(&folder).expect("written");
    }
    world.file("preprod/preprod-d/run.json");
    world.file("preprod/open/attempt-1.json");
    let open = serde_json::json!({"step": "s", "record": folder.join("preprod-d/steps/s.json")});
    fs::write(folder.join("open/attempt-1.json"), open.to_string()).expect("written");
    fs::write(folder.join("preprod-c/pr.json"), "{").expect("written");
    world.clock.advance(Duration::from_secs(60_000 * 86_400));
    let report = world.prune();
    let there = |name: &str| folder.join(name).exists();
    for name in ["preprod-a", "preprod-d", "preprod-e"] {
        assert!(there(name), "{name}: {report:?}");
    }
    assert!(!there("preprod-b") && !there("preprod-c"), "{report:?}");
    assert!(kept(&report, Reason::PullRequest).is_some_and(|kept| kept.0 == 1));
    assert!(kept(&report, Reason::UnderWay).is_some_and(|kept| kept.0 == 2));
}

#[test]
fn sessions_of_clones_go_by_their_files_but_not_while_they_run() {
    let world = World::new();
    for name in ["old", "running"] {
        world.file(&format!("cache/sessions/{name}/evidence.1/calls.jsonl"));
    }
    let running = Place::of(&world.layout, "running").expect("a name");
    let claim = running.claim().expect("usable").expect("free");
    world.clock.advance(Duration::from_secs(60_000 * 86_400));
    let report = world.prune();
    assert_eq!(gone(&report), ["- runs 100 older than 30d"]);
    assert_eq!(kept(&report, Reason::Session), Some((1, EACH)));
    assert!(running.folder().join("evidence.1").exists());
    drop(claim);
    assert_eq!(gone(&world.prune()), ["- runs 100 older than 30d"]);
    assert!(!running.folder().exists());
}

#[test]
fn suites_go_as_runs_do_and_one_that_is_kept_keeps_its_runs() {
    let world = World::new();
    for name in ["runs/run-000000000001", "runs/run-000000000002"] {
        world.file(&format!("cache/{name}/calls.jsonl"));
    }
    for (suite, run, keep) in [
        ("suite-00000000000a", "run-000000000001", true),
        ("suite-00000000000b", "run-000000000002", false),
    ] {
        let plan = serde_json::json!({
            "schema": "archal.suite", "version": 1, "suite": suite, "startedAt": "", "keep": keep,
            "request": {}, "agent": "",
            "scenarios": [{"scenario": "s", "path": "s.md", "inputs": "", "runs": [run]}],
        });
        let path = world.layout.suite(suite).join("suite.json");
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, plan.to_string()).expect("written");
        // Without one it could still be gone on with.
        let summary = serde_json::json!({
            "schema": "archal.run-summary", "version": 1, "suite": suite,
            "startedAt": "", "finishedAt": "", "command": {"harness": [], "jobs": 1, "strict": false},
            "totals": {"scenarios": 0, "passed": 0, "failed": 0, "flaky": 0, "inconclusive": 0,
                "quarantined": 0, "runs": 0, "runsPassed": 0, "runsFailed": 0,
                "runsInconclusive": 0, "harnessMs": 0},
            "scenarios": [], "cost": {"unknownRuns": 0},
        });
        let path = path.with_file_name("summary.json");
        fs::write(path, summary.to_string()).expect("written");
    }
    world.clock.advance(Duration::from_secs(60_000 * 86_400));
    let report = world.prune();
    assert_eq!(report.removed.len(), 2, "{report:#?}");
    assert_eq!(
        kept(&report, Reason::Suite).map(|(count, _)| count),
        Some(2)
    );
    let cache = world.layout.root().join("cache");
    assert!(cache.join("suites/suite-00000000000a/suite.json").exists());
    assert!(cache.join("runs/run-000000000001").exists());
    assert!(!cache.join("suites/suite-00000000000b").exists());
    assert!(!cache.join("runs/run-000000000002").exists());
}

#[test]
fn links_lead_nowhere_and_what_cannot_go_is_told_while_the_rest_goes() {
    let world = World::new();
    world.trace("linked", Status::Ok, 91, None);
    world.trace("other", Status::Ok, 91, None);
    let outside = world.folder.path().join("outside");
    fs::create_dir_all(outside.join("attempt-1")).expect("made");
    fs::write(outside.join("attempt-1/mine"), "x").expect("written");
    let runs = world.layout.attach("runs").join("linked");
    fs::remove_dir_all(&runs).expect("removed");
    symlink(&outside, &runs).expect("made");
    symlink("/", world.layout.attach("runs").join("other/attempt-2")).expect("made");

    let report = world.prune();
    assert!(outside.join("attempt-1/mine").exists());
    assert_eq!(report.diagnostics.len(), 1, "{:?}", report.diagnostics);
    let told = &report.diagnostics[0];
    assert_eq!(told.file.as_deref(), Some(Path::new("attach/runs/linked")));
    assert!(!world.has("runs/other") && !world.has("imports/linked.json"));
    // What could not go is counted once, although its other files went before it was come upon.
    assert_eq!(report.removed.len(), 2, "{:?}", gone(&report));
}

#[test]
fn a_trace_that_began_again_after_it_was_looked_at_stays() {
    let world = World::new();
    let trace = world.trace("t", Status::Ok, 91, None);
    let known = world
        .state
        .read(|rows| known::named(rows, &BTreeSet::new(), "t"));
    let before = known.expect("read").expect("known");
    let job = world
        .state
        .read(|rows| jobs::newest(rows, trace))
        .expect("read")
        .expect("a job");
    world
        .state
        .write(|change| {
            jobs::move_to(
                change,
                job.id,
                Stage::Grade,
                Status::Queued,
                "asked",
                day(1000),
            )
        })
        .expect("written");
    let unit = Unit {
        trace: Some(("t".to_owned(), before)),
        part: Part::Trace,
        changed: day(909),
        paths: vec![("attach/imports/t.json".into(), EACH)],
    };
    let rows = Rows::State(&world.state);
    let tree = Tree::open(world.layout.root())
        .expect("opened")
        .expect("there");
    let survey = Survey {
        tree: &tree,
        rows: &rows,
        settings: &world.settings,
        regressions: BTreeSet::new(),
        held: plan::Held::default(),
        now: day(1000),
        stop: None,
        left: RefCell::default(),
    };
    let mut work = Work {
        pruner: &world.pruner(),
        survey: &survey,
        pruned: Pruned::default(),
        number: 0,
        told: &mut |_, removed| panic!("{removed:?} went"),
    };
    work.take(&unit, Why::Old, "old".to_owned()).expect("asked");
    assert_eq!(work.pruned.kept.get(&Reason::Changed), Some(&(1, EACH)));
    assert!(world.has("runs/t/attempt-1/calls.jsonl") && world.has("imports/t.json"));
}

#[test]
fn where_there_is_nothing_nothing_is_made() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let layout = Layout::of(folder.path(), None);
    let clock = FakeClock::new(day(1000));
    let pruner = Pruner {
        layout: &layout,
        repo: folder.path(),
        settings: &Retention::default(),
        clock: &clock,
        stop: None,
    };
    assert_eq!(pruner.look(None).expect("looked").removed, []);
    assert_eq!(pruner.prune(None).expect("pruned").removed, []);
    assert!(!layout.root().exists());
}
