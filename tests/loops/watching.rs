//! What a watcher in the background does with what comes and goes, through the real binary.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::Child;
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::git;
use super::watched::{SWEEP, SWEEP_ID, Watched, batch, files, jobs, one, span};

const HARNESS: &str = "exec python3 agent.py\n";
const GRADE: &[&str] = &["--execution-policy", "grade", "--poll", "1"];
const OBSERVE: &[&str] = &["--execution-policy", "observe", "--poll", "1"];

#[test]
fn a_file_is_seen_however_it_comes() {
    let watched = Watched::new(HARNESS);
    watched.attach("traces", OBSERVE);

    watched.arrive("traces/renamed.json", &batch("a", &[one("renamed")]));
    watched.until_trace("renamed", "observed");

    watched
        .world
        .write("traces/copied.json", &batch("a", &[one("copied")]));
    watched.until_trace("copied", "observed");

    // Lines are appended to a file that stays open.
    let mut lines = OpenOptions::new()
        .create(true)
        .append(true)
        .open(watched.path("traces/lines.jsonl"))
        .expect("a new file");
    writeln!(lines, "{}", batch("a", &[one("line-1")])).expect("written");
    watched.until_trace("line-1", "observed");
    writeln!(lines, "{}", batch("a", &[one("line-2")])).expect("written");
    watched.until_trace("line-2", "observed");

    // A folder that nobody knew.
    watched.arrive("traces/later/deep/t.json", &batch("a", &[one("deep")]));
    watched.until_trace("deep", "observed");

    let status = watched.status();
    assert_eq!(files(&status, "traces", "imported"), 4, "{status:#}");
    assert_eq!(jobs(&status, "observed"), 5, "{status:#}");
    for id in ["renamed", "copied", "line-1", "line-2", "deep"] {
        let told = watched.trace(id).expect("known");
        assert_eq!(told["earlier"], json!([]), "{told:#}");
    }
}

#[test]
fn a_directory_that_goes_and_comes_again_is_watched_again() {
    let watched = Watched::new(HARNESS);
    watched.attach("traces", OBSERVE);
    watched.arrive("traces/a.json", &batch("a", &[one("before")]));
    watched.until_trace("before", "observed");

    fs::remove_dir_all(watched.path("traces")).expect("removed");
    watched.until("it is said that the directory is gone", |status| {
        let health = &status["watcher"]["doing"]["attached"][0]["health"];
        health["state"] == "degraded"
            && health["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
    });
    watched.arrive("traces/b.json", &batch("a", &[one("after")]));
    watched.until_trace("after", "observed");
    // And what comes next is told by the new directory.
    watched.arrive("traces/c.json", &batch("a", &[one("later")]));
    watched.until_trace("later", "observed");
    watched.until("it is healthy", |status| {
        status["watcher"]["doing"]["attached"][0]["health"]["state"] == "healthy"
    });
    let told = watched.trace("before").expect("known");
    assert_eq!(told["job"]["status"], "observed");
}

#[test]
fn late_spans_make_a_new_job_and_an_older_copy_does_not() {
    let watched = Watched::new(HARNESS);
    watched.attach("traces", OBSERVE);
    let short = batch("a", &[one("late")]);
    let mut longer = one("late");
    longer["spans"] = json!([span("s1", 1), span("s2", 9)]);
    longer["endedAt"] = json!("2026-01-01T00:00:09Z");
    let longer = batch("a", &[longer]);

    watched.arrive("traces/a.json", &short);
    let first = watched.until_trace("late", "observed");
    crate::cli::schema::holds(&first);
    watched.arrive("traces/b.json", &longer);
    watched.until("the late spans", |status| jobs(status, "superseded") == 1);
    let second = watched.until_trace("late", "observed");
    assert_ne!(second["job"]["revision"], first["job"]["revision"]);
    assert_eq!(second["earlier"].as_array().map(Vec::len), Some(1));
    let import = watched.state().join("attach/imports");
    assert!(import.join("late.json").is_file());
    assert!(import.join("late/r1.json").is_file());

    watched.arrive("traces/c.json", &short);
    let status = watched.until("the older copy", |status| {
        files(status, "traces", "imported") == 3
    });
    let told = &status["attached"][0]["toTell"];
    let noted = told.as_array().into_iter().flatten().find(|file| {
        file["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("c.json"))
    });
    assert_eq!(
        noted.expect("told")["diagnostics"][0]["code"],
        "trace/several-revisions",
        "{status:#}"
    );
    assert_eq!(jobs(&status, "observed"), 1);
    let third = watched.trace("late").expect("known");
    assert_eq!(third["job"]["revision"], second["job"]["revision"]);
}

#[test]
fn directories_join_one_watcher_and_leave_it_one_by_one() {
    let watched = Watched::new(HARNESS);
    let first = watched.attach("one", OBSERVE);
    assert!(first.contains("watching"), "{first}");
    let pid = watched.pid().expect("it runs");
    let second = watched.attach("two", OBSERVE);
    assert!(second.contains("to the watcher that runs"), "{second}");
    assert!(second.contains("policy: observe"), "{second}");
    assert_eq!(watched.pid(), Some(pid));
    // The last word on how many jobs run at once counts for the whole watcher.
    let more = [&["two", "--jobs", "3", "--json"][..], OBSERVE].concat();
    let joined = watched.archal("attach", &more).ended(0).json();
    crate::cli::schema::holds(&joined);
    assert_eq!(joined["policy"], "observe", "{joined}");
    assert_eq!(watched.status()["watcher"]["doing"]["jobs"], 3);
    watched.arrive("one/t.json", &batch("a", &[one("in-one")]));
    watched.arrive("two/t.json", &batch("a", &[one("in-two")]));
    watched.until_trace("in-one", "observed");
    watched.until_trace("in-two", "observed");

    let left = watched.says("detach", &["one"]);
    assert!(left.contains("detached"), "{left}");
    assert!(!left.contains("ended"), "{left}");
    // Twice is no error.
    let again = watched.says("detach", &["one"]);
    assert!(again.contains("not attached"), "{again}");
    let status = watched.status();
    assert_eq!(
        status["attached"].as_array().map(Vec::len),
        Some(1),
        "{status:#}"
    );
    watched.arrive("one/more.json", &batch("a", &[one("unseen")]));
    watched.arrive("two/more.json", &batch("a", &[one("seen")]));
    watched.until_trace("seen", "observed");
    assert_eq!(watched.trace("unseen"), None);

    let all = watched.says("detach", &["--all"]);
    assert!(all.contains("the watcher ended"), "{all}");
    assert_eq!(watched.pid(), None);
    let nothing = watched.says("detach", &["--all"]);
    assert!(nothing.contains("nothing is attached"), "{nothing}");
    let status = watched.status();
    assert_eq!(status["watcher"]["state"], "none");
    assert_eq!(status["attached"], json!([]));

    // What came meanwhile is found.
    watched.attach("one", OBSERVE);
    watched.until_trace("unseen", "observed");
}

#[test]
fn ended_jobs_are_opened_again_by_whatever_names_them() {
    let watched = Watched::without_scenario(HARNESS);
    watched.add_tie("triage");
    watched.attach("traces", GRADE);
    watched.arrive("traces/a.json", &batch("a", &[one("same"), one("only")]));
    watched.arrive("traces/b.json", &batch("b", &[one("same"), one("other")]));
    watched.until("all", |status| jobs(status, "blocked") == 4);

    let unknown = watched.archal("attach-reprocess", &["onli"]).ended(2);
    assert!(unknown.stderr.contains("did you mean only?"), "{unknown}");
    let ambiguous = watched.archal("attach-reprocess", &["same"]).ended(2);
    assert!(
        ambiguous.stderr.contains("may be any of")
            && ambiguous.stderr.contains("(a/support)")
            && ambiguous.stderr.contains("(b/support)"),
        "{ambiguous}"
    );
    let status = watched.status();
    assert_eq!(jobs(&status, "superseded"), 0, "{status:#}");

    let named = watched.says("attach-reprocess", &["only"]);
    assert!(named.contains("opened only again at grade"), "{named}");
    watched.until("the second job", |status| {
        jobs(status, "superseded") == 1 && jobs(status, "blocked") == 4
    });
    // The name that is not the id, because the id was taken.
    let hashed = status["newest"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|job| job["name"].as_str())
        .find(|name| name.starts_with("same-"))
        .expect("a name")
        .to_owned();
    watched.says("attach-reprocess", &[&hashed]);
    watched.until("the third", |status| {
        jobs(status, "superseded") == 2 && jobs(status, "blocked") == 4
    });

    let read = watched.says("attach-reprocess", &["other", "--from", "import"]);
    assert!(read.contains("at import"), "{read}");
    watched.until("it was read and graded again", |_| {
        let told = watched.trace("other").expect("known");
        let stages: Vec<_> = told["transitions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|step| format!("{}/{}", step["stage"], step["status"]).replace('"', ""))
            .collect();
        stages.len() >= 4
            && told["job"]["stage"] != "import"
            && stages.iter().any(|step| step == "import/blocked")
    });

    let all = watched.says("attach-reprocess", &["--all-blocked"]);
    assert_eq!(all.matches("opened ").count(), 4, "{all}");
    watched.until("all again", |status| {
        jobs(status, "superseded") == 6 && jobs(status, "blocked") == 4
    });
}

#[test]
fn a_commit_that_brings_the_scenario_decides() {
    let watched = Watched::without_scenario(HARNESS);
    watched.attach("traces", GRADE);
    watched.arrive("traces/sweep.json", SWEEP);
    let before = watched.until_trace(SWEEP_ID, "unsure");
    assert_eq!(before["grade"]["scenario"], json!(null), "{before:#}");
    watched.add_scenario();
    // At once: HEAD is not what it was a moment ago.
    watched.says("attach-reprocess", &[SWEEP_ID]);
    let graded = watched.until_trace(SWEEP_ID, "failed_grade");
    assert_ne!(graded["base"], before["base"]);
    assert!(graded["job"]["group"].is_string(), "{graded:#}");
}

#[test]
fn scenarios_that_are_not_committed_are_named_with_what_mends_it() {
    let watched = Watched::new(HARNESS);
    git(
        &watched.world,
        "agent",
        &["rm", "--quiet", "-r", "--cached", "archal"],
    );
    git(
        &watched.world,
        "agent",
        &["commit", "--quiet", "-m", "without"],
    );
    let refused = watched.archal("attach", &["traces", "--create"]).ended(3);
    let mends =
        "hint: git -C $TEST_ENV/repo/agent add archal && git -C $TEST_ENV/repo/agent commit";
    assert!(
        refused
            .stderr
            .contains("names the scenarios archal, and commit")
            && refused.stderr.contains(mends)
            && !refused.stderr.contains(".cache"),
        "{refused}"
    );
}

#[test]
fn a_policy_that_goes_further_lets_jobs_go_on() {
    let watched = Watched::new(HARNESS);
    watched.attach("traces", OBSERVE);
    watched.arrive("traces/sweep.json", SWEEP);
    watched.until_trace(SWEEP_ID, "observed");
    watched.attach("traces", GRADE);
    watched.until_trace(SWEEP_ID, "failed_grade");
    watched.attach(
        "traces",
        &["--execution-policy", "reproduce", "--reproduce-runs", "1"],
    );
    let told = watched.until_trace(SWEEP_ID, "reproduced");
    assert_eq!(told["earlier"], json!([]), "{told:#}");
    assert_eq!(told["job"]["red"]["k"], 1, "{told:#}");
    assert_eq!(told["policy"], "reproduce");
}

#[test]
fn a_configuration_that_breaks_leaves_the_last_good_one_in_force() {
    let watched = Watched::new(HARNESS);
    watched.configure(json!({"policy": "grade"}));
    watched.attach("traces", &["--poll", "1"]);
    watched.arrive("traces/sweep.json", SWEEP);
    watched.until_trace(SWEEP_ID, "failed_grade");

    let good = watched.world.read("agent/.archal.json");
    watched.world.write(
        "agent/.archal.json",
        &good.replace("\"attach\"", "\"atach\""),
    );
    let complaint = |status: &serde_json::Value| {
        status["watcher"]["doing"]["attached"][0]["configuration"]
            .as_str()
            .map(str::to_owned)
    };
    let status = watched.until("the status says so", |status| complaint(status).is_some());
    let text = complaint(&status).expect("said");
    assert!(
        text.contains(".archal.json") && text.contains("atach") && text.contains("last good one"),
        "{text}"
    );
    assert_eq!(status["watcher"]["doing"]["trouble"], json!(null));
    let shown = watched.says("attach-status", &[]);
    assert!(
        shown.contains("the last good one stays in force"),
        "{shown}"
    );

    // Work goes on with it, also at another commit.
    watched.commit("broken");
    watched.arrive(
        "traces/next.json",
        &SWEEP.replace(SWEEP_ID, &SWEEP_ID.replace("54df", "54d0")),
    );
    watched.until_trace(&SWEEP_ID.replace("54df", "54d0"), "failed_grade");
    assert!(
        watched.log().contains("stays in force"),
        "{}",
        watched.log()
    );
    // What is attached anew needs a good one.
    let refused = watched.archal("attach", &["more", "--create"]).ended(2);
    assert!(refused.stderr.contains("atach"), "{refused}");

    watched.configure(json!({"policy": "observe"}));
    watched.until("it is good again", |status| complaint(status).is_none());
    watched.arrive(
        "traces/last.json",
        &SWEEP.replace(SWEEP_ID, &SWEEP_ID.replace("54df", "54d1")),
    );
    watched.until_trace(&SWEEP_ID.replace("54df", "54d1"), "observed");
    assert!(
        watched.log().contains("can be used again"),
        "{}",
        watched.log()
    );
}

/// A child that is ended with the test, however that ends.
struct Foreground(Child);

impl Foreground {
    fn start(watched: &Watched, arguments: &[&str]) -> Self {
        Self(watched.world.command(arguments).spawn().expect("archal"))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).expect("a process");
        kill(Pid::from_raw(pid), signal).expect("my own child");
    }

    /// The exit code, within a bound.
    fn ended(&mut self) -> Option<i32> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.0.try_wait().expect("my own child") {
                return status.code();
            }
            assert!(Instant::now() < until, "it did not end");
            StopToken::new().wait(Duration::from_millis(10));
        }
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // It has ended where the test went well.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn in_the_foreground_an_interrupt_ends_it_in_order() {
    let watched = Watched::new(HARNESS);
    fs::create_dir(watched.path("traces")).expect("made");
    let arguments = ["attach", "traces", "--repo", "agent", "--foreground"];
    let mut arguments = arguments.to_vec();
    arguments.extend(OBSERVE);
    let mut foreground = Foreground::start(&watched, &arguments);
    let mut said = BufReader::new(foreground.0.stderr.take().expect("piped")).lines();
    let mut until_said = |wanted: &str| {
        let line = said.find(|line| line.as_ref().is_ok_and(|line| line.contains(wanted)));
        line.unwrap_or_else(|| panic!("it never said {wanted}"))
            .expect("text");
    };
    until_said("Ctrl-C ends it");
    watched.arrive("traces/t.json", &batch("a", &[one("seen")]));
    until_said("observed");
    // Whoever else attaches joins it.
    let joined = watched.attach("more", OBSERVE);
    assert!(joined.contains("to the watcher that runs"), "{joined}");
    foreground.signal(Signal::SIGINT);
    until_said("ending");
    until_said("ended");
    assert_eq!(foreground.ended(), Some(130));
    assert_eq!(watched.pid(), None);
    let status = watched.status();
    assert_eq!(status["watcher"]["state"], "none", "{status:#}");
    assert_eq!(jobs(&status, "observed"), 1);
    // It was not asked to detach, so it goes on where it was.
    watched.attach("traces", OBSERVE);
    let status = watched.status();
    assert_eq!(
        status["attached"].as_array().map(Vec::len),
        Some(2),
        "{status:#}"
    );
}

#[test]
fn while_one_pass_is_made_nothing_else_is_attached() {
    let watched = Watched::new("sleep 300\n");
    watched.world.write("traces/sweep.json", SWEEP);
    let mut once = Foreground::start(
        &watched,
        &[
            "attach",
            "traces",
            "--repo",
            "agent",
            "--once",
            "--execution-policy",
            "reproduce",
        ],
    );
    watched.until_trace(SWEEP_ID, "running");
    watched.until("the harness runs", |_| {
        let told = watched.trace(SWEEP_ID).expect("known");
        told["attempts"]
            .as_array()
            .is_some_and(|attempts| !attempts.is_empty())
    });
    for more in [&["--once"][..], &["--foreground"], &[]] {
        let mut arguments = vec!["traces"];
        arguments.extend(more);
        let refused = watched.archal("attach", &arguments).ended(3);
        assert!(
            refused
                .stderr
                .contains("another attach works on this repository"),
            "{refused}"
        );
        assert!(refused.stderr.contains("attach --once"), "{refused}");
    }
    once.signal(Signal::SIGINT);
    once.signal(Signal::SIGINT);
    assert_eq!(once.ended(), Some(130));
    watched.attach("traces", OBSERVE);
}

#[test]
fn a_status_that_is_watched_is_printed_when_it_changes() {
    let watched = Watched::new(HARNESS);
    watched.attach("traces", OBSERVE);
    let mut shown = Foreground::start(&watched, &["attach-status", "--repo", "agent", "--watch"]);
    let mut lines = BufReader::new(shown.0.stdout.take().expect("piped")).lines();
    let mut until_shown = |wanted: &str| {
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(wanted)));
        line.unwrap_or_else(|| panic!("it never showed {wanted}"))
            .expect("text");
    };
    until_shown("no files");
    watched.arrive("traces/t.json", &batch("a", &[one("first")]));
    until_shown("1 imported");
    until_shown("observed       first");
    watched.arrive("traces/u.json", "this is no trace");
    until_shown("1 imported, 1 rejected");
    watched.says("detach", &["--all"]);
    until_shown("watcher  none");
    shown.signal(Signal::SIGINT);
    assert_eq!(shown.ended(), Some(130));
}
