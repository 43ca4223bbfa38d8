//! A sync of a database that is killed again and again while somebody writes to it: in the end every
//! trace is there once, as it stands there then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use archal_testkit::cli::TestEnv;
use archal_testkit::postgres::Postgres;
use serde_json::Value;

use super::{Dice, number};

/// How often it is killed unless somebody asks for more.
const KILLS: u64 = 8;
/// Traces to begin with, of four spans each.
const TRACES: u64 = 400;
/// How long a sync may take that nobody kills.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every row of a table in one transaction, and so at one time: only keys tell them apart.
const TABLES: &str = "
CREATE TABLE ai_traces (id text PRIMARY KEY, name text, output text, updated_at timestamptz DEFAULT now());
CREATE INDEX ON ai_traces (updated_at, id);
CREATE TABLE ai_spans (id text PRIMARY KEY, trace_id text, parent_id text, name text, output text,
  started_at timestamptz, ended_at timestamptz, updated_at timestamptz DEFAULT now());
CREATE INDEX ON ai_spans (updated_at, id);
CREATE FUNCTION add(trace text, said text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO ai_traces (id, name, output) VALUES (trace, 'triage', said);
  INSERT INTO ai_spans (id, trace_id, parent_id, name, output, started_at, ended_at)
    SELECT trace || '-' || span, trace, CASE WHEN span > 0 THEN trace || '-0' END, 'step', said,
      timestamptz '2026-01-01' + span * interval '1 s', timestamptz '2026-01-01' + (span + 1) * interval '1 s'
    FROM generate_series(0, 3) AS span
$$;";

struct World {
    server: Postgres,
    world: TestEnv,
}

impl World {
    fn new() -> Self {
        let server = Postgres::start(&[], |_| String::new());
        server.asked("postgres", TABLES);
        let all = format!("SELECT add('t-' || n, 'first') FROM generate_series(1, {TRACES}) AS n");
        server.asked("postgres", &all);
        Self {
            world: connected(&server),
            server,
        }
    }

    /// What a span or a trace says, by its id, as it stands in the database.
    fn expected(&self) -> BTreeMap<String, String> {
        let asked = "SELECT id || ' ' || output FROM ai_traces UNION ALL SELECT id || ' ' || output FROM ai_spans";
        let text = self.server.asked("postgres", asked);
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(id, said)| (id.to_owned(), said.to_owned()))
            .collect()
    }
}

/// A repository of its own that asks the server.
fn connected(server: &Postgres) -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    fs::create_dir(world.repo().join(".git")).expect("a new folder");
    world.set("TRACE_URL", server.url("postgres", "postgres"));
    let mut connect = vec!["trace-source", "connect", "postgres"];
    // Without an overlap a row that the cursor passed by never comes again.
    for option in ["urlEnv=TRACE_URL", "pageRows=25", "overlap=0s", "settle=0s"] {
        connect.extend(["--option", option]);
    }
    drop(world.run(&connect).ended(0));
    world
}

/// Runs a sync; false where it lived longer than `life` and was killed.
fn sync(world: &TestEnv, life: Duration) -> bool {
    let mut child: Child = world
        .command(&["trace-source", "sync"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("archal");
    let mut stdout = child.stdout.take().expect("piped");
    let (working, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        std::io::copy(&mut stdout, &mut std::io::sink()).ok();
        drop(working);
    });
    let is_late = ended.recv_timeout(life) == Err(mpsc::RecvTimeoutError::Timeout);
    if is_late {
        // SIGKILL: nothing is put in order.
        child.kill().expect("it runs");
    }
    let status = child.wait().expect("ended");
    assert!(is_late || status.success(), "{status}");
    !is_late
}

/// What came of the syncs.
#[derive(Default)]
struct Came {
    /// What each trace and span says last, in the order of the batch files.
    said: BTreeMap<String, String>,
    /// The revisions of each trace.
    revisions: BTreeMap<String, Vec<String>>,
}

impl Came {
    fn of(world: &TestEnv) -> Self {
        let folder = world.repo().join(".archal/traces");
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect();
        files.sort();
        let mut came = Self::default();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        for file in files {
            let bytes = fs::read(file).expect("readable");
            let batch: Value = serde_json::from_slice(&bytes).expect("JSON");
            for trace in batch["traces"].as_array().expect("a list") {
                let revisions = came.revisions.entry(text(trace, "id")).or_default();
                revisions.push(text(trace, "revision"));
                let spans = trace["spans"].as_array().expect("a list");
                for one in spans.iter().chain([trace]) {
                    came.said.insert(text(one, "id"), text(one, "output"));
                }
            }
        }
        came
    }
}

#[test]
fn a_sync_of_tables_that_are_written_to_gets_every_trace_once_at_its_newest_revision() {
    let world = World::new();
    let took = {
        let undisturbed = connected(&world.server);
        let began = Instant::now();
        assert!(sync(&undisturbed, PATIENCE));
        began.elapsed()
    };
    let kills = number("ARCHAL_TEST_KILLS").unwrap_or(KILLS);
    let mut dice = Dice::new();
    let seed = dice.seed();
    let mut killed = 0;
    for kill in 0..kills {
        // Most of a first sync has to be come to; later ones have less to do.
        if !sync(&world.world, dice.share(took, 80)) {
            killed += 1;
        }
        let (edited, also) = (1 + dice.below(TRACES), 1 + dice.below(TRACES));
        let change = format!(
            "UPDATE ai_spans SET output = 'edited {kill}', updated_at = now() WHERE id = 't-{edited}-2';
             UPDATE ai_traces SET output = 'edited {kill}', updated_at = now() WHERE id = 't-{also}';
             SELECT add('new-{kill}', 'late')"
        );
        world.server.asked("postgres", &change);
    }
    let when = format!("{killed} of {kills} killed, seed {seed}");
    assert!(killed > 0, "{when}: none was");
    assert!(sync(&world.world, PATIENCE), "{when}");
    let came = Came::of(&world.world);
    assert_eq!(came.said, world.expected(), "{when}");
    for (id, revisions) in came.revisions {
        // Whoever is killed between a file and the note of it writes the same revision again, and none before it.
        let mut written = revisions;
        written.dedup();
        let distinct: BTreeSet<&String> = written.iter().collect();
        assert_eq!(distinct.len(), written.len(), "{id} went back, {when}");
    }
    let status = ["trace-source", "status", "--json"];
    let status = world.world.run(&status).ended(0).json();
    assert_eq!(status["sources"][0]["traces"], TRACES + kills, "{when}");
    let told = world
        .world
        .run(&["trace-source", "sync", "--json"])
        .ended(0)
        .json();
    let told = ["new", "updated", "failed", "waiting"].map(|name| told[name].as_u64());
    assert_eq!(told, [Some(0); 4], "{when}: there is nothing left to do");
}
