//! What came of a job, without what a clock or a die says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use archal_core::hash;
use rusqlite::Connection;
use serde_json::Value;

use super::super::{without_held_back_names, without_times};
use super::stage::{FIX_COSTS, RUN_COSTS, Stage};

/// Everything that two runs have to have in common.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    /// Every artifact with its content.
    artifacts: BTreeMap<String, String>,
    /// Every file and folder of the world.
    names: BTreeSet<String>,
    /// `attach-status --json`.
    status: Value,
    /// Rows of the state, by table.
    rows: BTreeMap<&'static str, Vec<String>>,
    /// The paid steps that have an end, by trace.
    steps: Vec<String>,
}

/// What has to be the same in the state, whatever happened on the way.
const ROWS: &[(&str, &str)] = &[
    (
        "files",
        "SELECT path || ' ' || status || ' ' || coalesce(reason, '') || ' ' || traces FROM
           (SELECT CAST(path AS TEXT) AS path, status, reason, traces FROM files) ORDER BY 1",
    ),
    (
        "jobs",
        "SELECT traces.trace || ' ' || name || ' ' || stage || ' ' || status || ' ' || reason
           FROM jobs JOIN traces ON traces.id = jobs.trace ORDER BY 1",
    ),
    (
        "failures",
        "SELECT failures.name || ' ' || failures.status || ' ' || traces.name FROM failures
           JOIN jobs ON jobs.id = leader JOIN traces ON traces.id = jobs.trace ORDER BY 1",
    ),
    (
        "notices",
        "SELECT failure || ' ' || event FROM notices ORDER BY 1",
    ),
];

impl Outcome {
    /// Reads it; asserts what has to hold for every single run.
    pub(super) fn of(stage: &Stage) -> Self {
        let names = stage.names();
        let state = open(&stage.state().join("state.db"));
        let steps = steps(&state);
        let charged = check_ledger(stage, &state);
        drop(state);
        let state = open(&stage.state().join("state.db"));
        let rows = ROWS
            .iter()
            .map(|(table, question)| (*table, texts(&state, question)))
            .collect();
        drop(state);
        let mut artifacts = BTreeMap::new();
        let folder = stage.state().join("attach");
        list(&folder, &folder, &mut artifacts);
        Self {
            artifacts,
            names,
            status: status(stage, charged),
            rows,
            steps,
        }
    }

    /// Fails with what is different, and not with everything.
    pub(super) fn assert_is(&self, expected: &Self, when: &str) {
        assert_eq!(self.rows, expected.rows, "{when}");
        let strange: Vec<_> = self.names.symmetric_difference(&expected.names).collect();
        assert!(strange.is_empty(), "{when}: {strange:#?}");
        assert_eq!(self.steps, expected.steps, "{when}");
        for (name, content) in &expected.artifacts {
            let found = &self.artifacts[name];
            let same = found.bytes().zip(content.bytes());
            let at = same.take_while(|(one, other)| one == other).count();
            let rest = |text: &str| {
                let bytes = text.bytes().skip(at.saturating_sub(80)).take(240);
                String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
            };
            assert!(
                found == content,
                "{when}: {name} differs:\n{}\n--- expected\n{}",
                rest(found),
                rest(content)
            );
        }
        assert_eq!(self.status, expected.status, "{when}");
    }
}

/// A database that nobody works with, unchanged by the look.
fn open(path: &Path) -> Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    Connection::open_with_flags(path, flags).expect("a database")
}

fn texts(database: &Connection, question: &str) -> Vec<String> {
    let mut question = database.prepare(question).expect("a question");
    let rows = question.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("text")).collect()
}

/// Which steps have an end; each has exactly one, and nothing is left without.
fn steps(state: &Connection) -> Vec<String> {
    let open = texts(
        state,
        "SELECT id FROM attempts WHERE state NOT IN ('ended', 'interrupted')
           OR ended_at IS NULL OR state = 'ended' AND record IS NULL",
    );
    assert!(open.is_empty(), "attempts without an end: {open:?}");
    let ended = texts(
        state,
        "SELECT name || ' ' || phase || '/' || slot FROM attempts
           JOIN jobs ON jobs.id = attempts.job JOIN traces ON traces.id = jobs.trace
         WHERE state = 'ended' ORDER BY 1",
    );
    let once: BTreeSet<&String> = ended.iter().collect();
    assert_eq!(once.len(), ended.len(), "paid twice: {ended:?}");
    ended
}

/// What one attempt cost as the ledger has it.
struct Entry {
    kind: String,
    state: String,
    cost: Option<i64>,
    reserved: Option<i64>,
    is_interrupted: bool,
}

/// Gives the sum of all charges. The ledger has every attempt once, charged with what it said that it cost, or with what was
/// reserved for it where it was cut off before it could say so.
fn check_ledger(stage: &Stage, state: &Connection) -> i64 {
    let ledger = open(&stage.ledger());
    let mut question = ledger
        .prepare("SELECT attempt, kind, state, cost, reserved, interrupted FROM entries")
        .expect("a question");
    let entries = question.query_map([], |row| {
        let entry = Entry {
            kind: row.get(1)?,
            state: row.get(2)?,
            cost: row.get(3)?,
            reserved: row.get(4)?,
            is_interrupted: row.get(5)?,
        };
        Ok((row.get::<_, String>(0)?, entry))
    });
    let mut entries: BTreeMap<String, Entry> = entries
        .expect("rows")
        .map(|entry| entry.expect("a row"))
        .collect();
    let ended: BTreeSet<String> = texts(state, "SELECT id FROM attempts WHERE state = 'ended'")
        .into_iter()
        .collect();
    let (mut sum, mut charged) = (0, 0);
    for id in texts(state, "SELECT id FROM attempts") {
        let entry = entries.remove(&id).expect("it was reserved first");
        assert_eq!(entry.state, "charged", "{id}");
        charged += entry.cost.unwrap_or_default();
        let said = match (stage.is_paid(), entry.kind.as_str()) {
            (false, _) => None,
            (true, "fix") => Some(FIX_COSTS),
            (true, _) => Some(RUN_COSTS),
        };
        if ended.contains(&id) {
            assert!(!entry.is_interrupted, "{id}");
            assert_eq!(entry.cost, said, "{id} {}", entry.kind);
            sum += entry.cost.unwrap_or_default();
        } else {
            let possible = [said, entry.reserved];
            assert!(possible.contains(&entry.cost), "{id}: {:?}", entry.cost);
        }
    }
    // Killed between the reservation and the row: nothing was started.
    for (id, entry) in entries {
        assert_eq!(entry.state, "released", "{id}");
    }
    let runs = i64::try_from(ended.len()).expect("few") - 1;
    let whole = if stage.is_paid() {
        runs * RUN_COSTS + FIX_COSTS
    } else {
        0
    };
    assert_eq!(sum, whole, "what was paid for steps that have an end");
    charged
}

/// Every artifact below `folder`, with what differs between any two runs taken out.
fn list(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            list(root, &path, found);
            continue;
        }
        let name = path
            .strip_prefix(root)
            .expect("below")
            .display()
            .to_string();
        let depends_on_time = [
            "timings.jsonl",
            "agent-trace.json",
            "egress.jsonl",
            "/job.json",
            ".log",
        ];
        // Made of a secret that is another each time.
        let is_held_back = name.contains("/held-back");
        let bytes = fs::read(&path).expect("readable");
        let content = if is_held_back || depends_on_time.iter().any(|end| name.ends_with(end)) {
            String::new()
        } else {
            let content = String::from_utf8(bytes).expect("text");
            match serde_json::from_str::<Value>(&content) {
                Ok(mut value) if name.ends_with(".json") => {
                    without_times(&mut value);
                    without_held_back_names(&mut value);
                    value.to_string()
                }
                _ => without_held_back_line(&content),
            }
        };
        found.insert(name, content);
    }
}

/// Leaves of the held-back variation's line in the text of a pull request how it begins.
fn without_held_back_line(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let is_told = line.starts_with("| held-back variation | passed: ");
        if is_told {
            "| held-back variation | passed\n"
        } else {
            line
        }
    });
    lines.collect()
}

/// `attach-status --json`, its jobs in the order of their names. Each artifact that it names is
/// there, with the hash that it says. What was spent is what was charged: the one thing that a
/// kill may change.
fn status(stage: &Stage, charged: i64) -> Value {
    let arguments = ["attach-status", "--repo", "agent", "--json"];
    let mut status = stage.world.run(&arguments).ended(0).json();
    let budget = status["budget"].take();
    let spent = budget["spentUsd"].as_f64().expect("a number") * 1e6;
    assert!((spent - charged as f64).abs() < 0.5, "{charged}: {budget}");
    let jobs = status["newest"].as_array_mut().expect("a list");
    jobs.sort_by_key(|job| job["name"].to_string());
    for job in jobs {
        for artifact in job["artifacts"].as_array_mut().expect("a list") {
            let path = artifact["path"].as_str().expect("a path");
            let path = path.replace("$TEST_ENV", &stage.root().display().to_string());
            let bytes = fs::read(&path).expect("an artifact");
            assert_eq!(artifact["hash"], hash::sha256(&bytes), "{path}");
            artifact["hash"] = Value::Null;
        }
    }
    status
}
