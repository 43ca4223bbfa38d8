//! A state in which many traces are known, written with the program's own rows.

use std::fs::{self, File};
use std::path::Path;

use archal::attach::job::{Artifact, FileRow, JobReport, Stage, Status};
use archal::attach::state::{State, attachments, failures, files, jobs, traces};
use archal::ingest::watch::Stamp;
use archal::store::layout::Layout;
use archal_core::clock::Timestamp;
use archal_core::trace::TraceIdentity;
use rusqlite::Connection;
use serde_json::json;

/// Files in each folder.
const IN_FOLDER: u64 = 10_000;
/// Rows of one transaction.
const AT_ONCE: u64 = 10_000;
/// Groups of failures.
const GROUPS: u64 = 50;

/// Makes a file for each trace and the rows that say that it was imported and graded: of a
/// hundred 90 ok, 8 failed, in some groups, and 2 blocked.
///
/// The files hold one byte and no block, the artifacts that the rows name are not made: what is
/// measured is what a watcher has to know and to look at, not what it wrote before.
pub(crate) fn make(layout: &Layout, directory: &Path, traces: u64) {
    layout.prepare().expect("writable");
    let state = State::open(layout, false).expect("opened").state;
    let now = Timestamp::UNIX_EPOCH;
    let directory = directory.canonicalize().expect("there");
    let attachment = state
        .write(|change| attachments::attach(change, &directory, &json!({}), now))
        .expect("written");
    for first in (0..traces).step_by(usize::try_from(AT_ONCE).expect("small")) {
        let last = traces.min(first + AT_ONCE);
        let folder = directory.join(format!("{:04}", first / IN_FOLDER));
        fs::create_dir_all(&folder).expect("new");
        state
            .write(|change| {
                for number in first..last {
                    let file = folder.join(format!("trace-{number:08}.json"));
                    let sparse = File::create(&file).expect("new");
                    sparse.set_len(1).expect("a hole");
                    put(change, attachment, number, &file, now)?;
                }
                Ok(())
            })
            .expect("written");
    }
    state.fold().expect("folded");
}

fn put(
    change: &Connection,
    attachment: i64,
    number: u64,
    file: &Path,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let identity = TraceIdentity {
        source: "file".to_owned(),
        project: "issue-janitor".to_owned(),
        trace: format!("{number:032x}"),
    };
    let trace = traces::known(change, &identity)?;
    let revision = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let new = jobs::NewJob {
        trace: &trace,
        attachment,
        revision,
        age: (Some(1_795_261_907_366_762_341), 97),
        file,
        import_hash: revision,
        is_asked: false,
    };
    let id = jobs::begin(change, &new, now)?;
    let artifact = |stage: &str, name: &str| Artifact {
        path: format!("/srv/agent/.archal/attach/{stage}/{}/{name}", trace.name).into(),
        hash: revision.to_owned(),
    };
    let mut job = JobReport {
        trace: identity,
        name: trace.name.clone(),
        revision: revision.to_owned(),
        file: file.to_owned(),
        status: Status::Ok,
        stage: Stage::Grade,
        reason_code: None,
        reason: "all 4 deterministic criteria hold on the state that results".to_owned(),
        cause: None,
        missing: Vec::new(),
        group: None,
        scenario: Some("archal/close-stale-issues.md".into()),
        red: None,
        green: None,
        artifacts: vec![
            artifact("grades", "grade.json"),
            artifact("seeds", "seed.json"),
        ],
        patch: None,
        published: None,
    };
    match number % 100 {
        0..8 => {
            let group = format!(
                "no-issue-labelled-keep-open-is-closed-{:08x}",
                number % GROUPS
            );
            job.status = Status::FailedGrade;
            job.reason_code = Some("policy".to_owned());
            if number < AT_ONCE {
                let (identity, title) = (json!({"group": group}), "an issue is closed");
                failures::seen(change, &group, &identity, title, now)?;
            }
            job.group = Some(group);
        }
        8..10 => {
            job.status = Status::Blocked;
            job.reason_code = Some("scenario".to_owned());
            job.cause = Some("no scenario's Config `match` names the trace".to_owned());
        }
        _ => {}
    }
    jobs::put(
        change,
        id,
        &job,
        Some("0123456789abcdef0123456789abcdef01234567"),
        now,
    )?;
    let row = FileRow {
        path: file.to_owned(),
        status: "imported".to_owned(),
        reason: None,
        dialect: Some("otlp".to_owned()),
        traces: 1,
        redactions: 3,
        diagnostics: Vec::new(),
    };
    let stamp = Stamp::read(file).expect("mine");
    files::put(change, attachment, &row, &stamp.to_bytes(), now)
}
