//! Groups as they are found, what is next, and what a decision changes.

use std::fs;

use archal_core::clock::Timestamp;
use archal_core::trace::TraceIdentity;
use serde_json::json;

use super::decide::{DISMISSED, DecideError, Decision, decide};
use super::labels::{self, Label, LabelLine};
use super::*;
use crate::attach::job::{JobReport, Stage, Status};
use crate::attach::state::{State, notices};
use crate::config::schema::NoticeEvent;
use crate::store::layout::Layout;

struct World {
    folder: tempfile::TempDir,
    layout: Layout,
    state: State,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        Self {
            folder,
            layout,
            state,
        }
    }

    /// A trace that shows a failure, and its job.
    fn shows(&self, failure: &str, trace: &str, status: Status, leads: bool) -> i64 {
        let identity = TraceIdentity {
            source: "file".to_owned(),
            project: "p".to_owned(),
            trace: trace.to_owned(),
        };
        let report = JobReport {
            trace: identity.clone(),
            name: trace.to_owned(),
            revision: "rev-1".to_owned(),
            file: "t.json".into(),
            status,
            stage: Stage::Reproduce,
            reason_code: None,
            reason: "so".to_owned(),
            cause: None,
            missing: Vec::new(),
            group: Some(failure.to_owned()),
            scenario: None,
            red: None,
            green: None,
            artifacts: Vec::new(),
            patch: Some("/state/a patch/repo.patch".into()),
            published: None,
        };
        self.state
            .write(|change| {
                let directory = Path::new("/traces");
                let attachment = attachments::attach(change, directory, &json!({}), at(1))?;
                let known = traces::known(change, &identity)?;
                let new = jobs::NewJob {
                    trace: &known,
                    attachment,
                    revision: "rev-1",
                    age: (None, 1),
                    file: Path::new("t.json"),
                    import_hash: "x",
                    is_asked: false,
                };
                failures::seen(change, failure, &json!({}), "the label is lost", at(1))?;
                let job = jobs::begin(change, &new, at(1))?;
                jobs::put(change, job, &report, None, at(1))?;
                if leads {
                    failures::lead(change, failure, job, "base")?;
                }
                Ok(job)
            })
            .expect("written")
    }

    fn desk(&self) -> Desk {
        Desk {
            repo: self.folder.path().to_owned(),
            shown: ".".into(),
            artifacts: self.layout.attach(""),
        }
    }

    fn decide(&self, failure: &str, decision: Decision<'_>) -> document::Decided {
        self.try_to_decide(failure, decision).expect("decided")
    }

    fn try_to_decide(
        &self,
        failure: &str,
        decision: Decision<'_>,
    ) -> Result<document::Decided, DecideError> {
        let failure = self
            .state
            .read(|rows| failures::get(rows, failure))
            .expect("read")
            .expect("there");
        let desk = self.desk();
        decide(&self.state, &self.layout, &desk, &failure, decision, at(9))
    }

    fn job(&self, id: i64) -> (Status, String) {
        let job = self.state.read(|rows| jobs::get(rows, id)).expect("read");
        let report = job.expect("there").report;
        (report.status, report.reason)
    }

    fn labels(&self) -> Vec<LabelLine> {
        let text = fs::read_to_string(labels::path(&self.layout)).expect("written");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line"))
            .collect()
    }
}

#[test]
fn a_group_is_found_by_its_beginning_when_no_other_has_it() {
    let world = World::new();
    for name in ["label-1", "label-10", "label-2", "stale-3"] {
        world.shows(name, &format!("t-{name}"), Status::FailedGrade, true);
    }
    let found = |asked: &str| {
        let found = world.state.read(|rows| find(rows, asked)).expect("read");
        found.map(|failure| failure.name)
    };
    assert_eq!(found("stale").as_deref(), Ok("stale-3"));
    assert_eq!(found("label-1").as_deref(), Ok("label-1"), "its whole name");
    assert_eq!(
        found("label"),
        Err(NotMeant::Ambiguous {
            asked: "label".to_owned(),
            count: 3,
            candidates: ["label-1", "label-10", "label-2"].map(str::to_owned).into(),
        })
    );
    let unknown = |asked: &str, nearest: Option<&str>| NotMeant::Unknown {
        asked: asked.to_owned(),
        nearest: nearest.map(str::to_owned),
    };
    assert_eq!(found("stlae-3"), Err(unknown("stlae-3", Some("stale-3"))));
    assert_eq!(found(""), Err(unknown("", None)));
    let of_trace = world.state.read(|rows| groups_of_trace(rows, "t-label-2"));
    assert_eq!(of_trace.expect("read"), ["label-2"]);
}

#[test]
fn each_way_to_stand_has_a_command_that_goes_on() {
    let world = World::new();
    for status in Status::ALL {
        world.shows(status.name(), &format!("t-{}", status.name()), status, true);
    }
    let desk = world.desk();
    let told = world
        .state
        .read(|rows| list(rows, &desk, &FailureStatus::ALL))
        .expect("read");
    let mut lines: Vec<String> = told
        .issues
        .iter()
        .map(|issue| format!("{}: {}", issue.group, issue.next.commands.join(" && ")))
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r"
        already_fixed: archal issue dismiss already_fixed --reason '<why>' && archal attach-reprocess --repo . t-already_fixed --from reproduce
        blocked: archal attach-reprocess --repo . t-blocked
        cancelled: archal attach-reprocess --repo . t-cancelled
        error: archal attach-reprocess --repo . t-error
        failed_grade: archal attach /traces --repo . --execution-policy reproduce
        fix_blocked: archal attach /traces --repo . --execution-policy fix --allow-external-execution --fix-command '<command>'
        fix_failed: archal attach-reprocess --repo . t-fix_failed --from reproduce
        fixed: git -C . apply '/state/a patch/repo.patch'
        flaky: archal attach /traces --repo . --execution-policy reproduce --reproduce-runs 10 && archal attach-reprocess --repo . t-flaky --from reproduce
        group_member: archal attach-reprocess --repo . t-group_member --from reproduce
        not_reproduced: archal issue dismiss not_reproduced --reason '<why>' && archal attach-reprocess --repo . t-not_reproduced --from reproduce
        observed: archal attach-status --repo . t-observed
        ok: archal attach-status --repo . t-ok
        queued: archal attach-status --repo . t-queued
        reproduced: archal attach /traces --repo . --execution-policy fix --allow-external-execution --fix-command '<command>'
        running: archal attach-status --repo . t-running
        superseded: archal attach-status --repo . t-superseded
        unsure: archal attach-status --repo . t-unsure
        waiting_budget: archal budget
        ");
}

#[test]
fn a_patch_whose_regression_is_in_the_checkout_is_applied() {
    let world = World::new();
    world.shows("g", "t", Status::Fixed, true);
    let commands = || {
        let desk = world.desk();
        let list = world
            .state
            .read(|rows| list(rows, &desk, &FailureStatus::ALL));
        list.expect("read").issues.remove(0).next.commands
    };
    assert_eq!(commands(), ["git -C . apply '/state/a patch/repo.patch'"]);
    let folder = world.folder.path().join(crate::fix::publish::FOLDER);
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("g.md"), "# x").expect("written");
    assert_eq!(commands(), [""; 0]);
}

#[test]
fn a_dismissed_group_is_not_worked_on_and_a_reopened_one_again_once() {
    let world = World::new();
    let first = world.shows("g", "a", Status::Queued, false);
    let second = world.shows("g", "b", Status::WaitingBudget, false);
    let running = world.shows("g", "c", Status::Running, false);
    let ended = world.shows("g", "d", Status::Flaky, false);
    let told = world
        .state
        .write(|change| notices::add(change, "g", NoticeEvent::New, &json!({}), at(2)));
    assert!(told.expect("written").is_some());

    let decided = world.decide(
        "g",
        Decision::Dismiss {
            reason: "a test account",
        },
    );
    assert_eq!((decided.jobs, decided.labels), (2, 4));
    assert_eq!(decided.issue.status, FailureStatus::Dismissed);
    assert_eq!(decided.issue.note.as_deref(), Some("a test account"));
    for job in [first, second] {
        assert_eq!(world.job(job), (Status::GroupMember, DISMISSED.to_owned()));
    }
    assert_eq!(world.job(running).0, Status::Running);
    assert_eq!(world.job(ended).0, Status::Flaky);
    let due = world.state.read(|rows| notices::due(rows, at(99), 9));
    assert_eq!(due.expect("read"), []);

    let decided = world.decide("g", Decision::Reopen);
    assert_eq!(
        (decided.before, decided.jobs),
        (FailureStatus::Dismissed, 1)
    );
    assert_eq!(
        (decided.issue.status, decided.issue.note),
        (FailureStatus::Reopened, None)
    );
    assert_eq!(world.job(first).0, Status::Queued);
    assert_eq!(world.job(second).0, Status::GroupMember);
}

#[test]
fn a_reopened_group_whose_leader_came_to_an_end_is_not_worked_on_again_by_itself() {
    let world = World::new();
    let leader = world.shows("g", "a", Status::NotReproduced, true);
    let other = world.shows("g", "b", Status::Queued, false);
    world.decide("g", Decision::Dismiss { reason: "x" });
    assert_eq!(world.decide("g", Decision::Reopen).jobs, 0);
    assert_eq!(world.job(leader).0, Status::NotReproduced);
    assert_eq!(world.job(other).0, Status::GroupMember);
}

#[test]
fn what_a_person_says_is_kept_line_by_line_and_can_be_taken_back() {
    let world = World::new();
    world.shows("g", "a", Status::Fixed, true);
    world
        .state
        .write(|change| failures::set_status(change, "g", FailureStatus::Fixed, None, at(2)))
        .expect("written");
    let confirmed = world.decide("g", Decision::Confirm { reason: None });
    assert_eq!(
        confirmed.issue.status,
        FailureStatus::Fixed,
        "it can show again"
    );
    world.decide("g", Decision::Dismiss { reason: "meant so" });
    world.decide("g", Decision::Reopen);
    let said: Vec<(Option<Label>, Option<String>)> = world
        .labels()
        .into_iter()
        .map(|line| (line.label, line.reason))
        .collect();
    assert_eq!(
        said,
        [
            (Some(Label::Fail), None),
            (Some(Label::Ok), Some("meant so".to_owned())),
            (None, None),
        ]
    );
    let line = world.labels().remove(0);
    assert_eq!(
        (
            line.source,
            line.project,
            line.trace,
            line.revision,
            line.at
        ),
        (
            "file".to_owned(),
            "p".to_owned(),
            "a".to_owned(),
            "rev-1".to_owned(),
            "1970-01-01T00:00:09.000Z".to_owned()
        )
    );
}

#[test]
fn a_decision_is_in_the_state_and_in_the_labels_or_in_neither() {
    let world = World::new();
    let job = world.shows("g", "a", Status::Queued, true);
    let dismiss = Decision::Dismiss { reason: "x" };
    let is_untouched = || {
        let failure = world.state.read(|rows| failures::get(rows, "g"));
        let failure = failure.expect("read").expect("there");
        failure.status == FailureStatus::Open && world.job(job).0 == Status::Queued
    };
    let file = labels::path(&world.layout);
    fs::create_dir_all(&file).expect("writable");
    let refused = world.try_to_decide("g", dismiss);
    assert!(
        matches!(refused, Err(DecideError::Labels(_))),
        "{refused:?}"
    );
    assert!(is_untouched());
    fs::remove_dir(&file).expect("empty");

    world.decide("g", Decision::Confirm { reason: None });
    world.decide("g", Decision::Reopen);
    world
        .state
        .write(|change| failures::set_status(change, "g", FailureStatus::Open, None, at(9)))
        .expect("written");
    let before = world.labels();
    // Refused at the commit, when all else is done.
    world
        .state
        .write(|change| {
            change.execute_batch(
                "CREATE TABLE owed (job INTEGER REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED);
                 CREATE TRIGGER owes AFTER UPDATE ON failures BEGIN
                   INSERT INTO owed VALUES (4711);
                 END;",
            )
        })
        .expect("written");
    let refused = world.try_to_decide("g", dismiss);
    assert!(
        matches!(refused, Err(DecideError::Database(_))),
        "{refused:?}"
    );
    assert!(is_untouched());
    assert_eq!(world.labels(), before);
}
