//! Two hundred trace files moved in at once, many of them hostile: each ends as what it is, once,
//! and no secret, control sequence or path of theirs gets anywhere.

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use archal::attach::job::{FileRow, Status};
use archal::attach::state::{self, State, attachments, jobs, traces};
use archal::store::layout::Layout;
use archal_core::hash::sha256;
use serde_json::Value;

use self::files::{Ends, Flood, HOSTILE, Planted, secrets, sweep};
use super::watched::{self, SWEEP_ID, Watched, batch, one};

/// Children tell what they see as numbers, in which nothing can be redacted.
const DUMP: &str = "{ env; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; } 2>/dev/null \
    | od -An -v -tx1 | sed 's/^/child:/'\n";
const HARNESS: &str = "sh dump.sh >&2\nexec python3 agent.py\n";
const FIX: &str = "sh dump.sh; python3 fix.py";
/// The file that goes on growing is done after this time.
const GROWS: Duration = Duration::from_secs(5);
/// All of it, on a slow machine that does other things.
const BOUND: Duration = Duration::from_secs(420);

/// Every file below a folder with what is in it; `but` names what is left out.
fn contents(folder: &Path, but: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("readable") {
            let path = entry.expect("readable").path();
            if but.contains(&path) {
                continue;
            }
            let kind = path.symlink_metadata().expect("there").file_type();
            if kind.is_dir() {
                found.insert(path.clone(), String::new());
                folders.push(path);
            } else if kind.is_file() {
                found.insert(path.clone(), sha256(&fs::read(&path).expect("readable")));
            } else {
                found.insert(path, format!("{kind:?}"));
            }
        }
    }
    found
}

/// What was found where it must not be.
struct Leaks(Vec<(String, regex::bytes::Regex)>);

impl Leaks {
    fn of(planted: &[Planted]) -> Self {
        let pattern = |secret: &str| regex::bytes::Regex::new(&regex::escape(secret));
        Self(
            planted
                .iter()
                .map(|(family, _, secret)| {
                    ((*family).to_owned(), pattern(secret).expect("a pattern"))
                })
                .collect(),
        )
    }

    fn none_in(&self, place: &str, bytes: &[u8]) {
        let found = self.found(place, bytes);
        assert!(found.is_empty(), "{found:#?}");
    }

    fn found(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let mut told = Vec::new();
        for (family, pattern) in &self.0 {
            if let Some(found) = pattern.find(bytes) {
                let from = found.start().saturating_sub(100);
                let to = (found.end() + 50).min(bytes.len());
                let around = String::from_utf8_lossy(&bytes[from..to]);
                told.push(format!("a secret of {family} is in {place}: …{around}…"));
            }
        }
        told
    }

    /// How many files were looked at.
    fn none_below(&self, folder: &Path, but: &[PathBuf]) -> usize {
        let mut looked_at = 0;
        let mut found = Vec::new();
        for path in contents(folder, but).into_keys() {
            let kind = path.symlink_metadata().expect("there").file_type();
            found.extend(self.found("a name", path.to_string_lossy().as_bytes()));
            if kind.is_file() {
                looked_at += 1;
                let bytes = fs::read(&path).expect("readable");
                found.extend(self.found(&path.display().to_string(), &bytes));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
        looked_at
    }
}

/// Nothing that a terminal would obey.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !c.is_control())
}

/// Everything the state says: each file by name, and each trace's jobs with their transitions.
fn known(watched: &Watched) -> (BTreeMap<String, FileRow>, Vec<(String, Vec<Vec<Status>>)>) {
    let layout = Layout::of(watched.state().parent().expect("a repository"), None);
    let look = State::look(&layout).expect("readable").expect("there");
    look.read(|rows| {
        let attachment = attachments::all(rows)?.remove(0);
        let told = state::files::list(rows, attachment.id, false, 1000)?;
        let told = told.into_iter().map(|row| {
            let name = row.path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), row)
        });
        let mut known = Vec::new();
        for name in traces::names(rows, 10_000)? {
            let trace = traces::meant(rows, &name)?.remove(0);
            let mut all = Vec::new();
            for job in jobs::of_trace(rows, trace.id)? {
                let steps = jobs::transitions(rows, job.id)?;
                all.push(steps.into_iter().map(|step| step.status).collect());
            }
            known.push((name, all));
        }
        Ok((told.collect(), known))
    })
    .expect("readable")
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "what it took is looked at by whoever runs it"
)]
fn each_of_two_hundred_files_ends_as_what_it_is_and_nothing_of_them_leaks() {
    let watched = Watched::new(HARNESS);
    watched.world.write("agent/dump.sh", DUMP);
    watched.commit("a dump");
    let planted = secrets();
    let leaks = Leaks::of(&planted);
    let all: Vec<&str> = planted.iter().map(|(_, text, _)| text.as_str()).collect();
    let all = all.join(" ");

    let mut flood = Flood {
        beside: watched.path("beside"),
        ends: BTreeMap::new(),
    };
    fs::create_dir(&flood.beside).expect("made");
    flood.hostile(&planted);
    flood.large();
    flood.trace("twin-a.json", "twin");
    flood.trace("twin-b.json", "twin");
    for (number, id) in HOSTILE.iter().enumerate() {
        flood.trace(&format!("hostile-{number}.json"), id);
    }
    let nameless = batch("prod", &[one("")]);
    flood.put("nameless.json", nameless, Ends::Rejected("no `id`"));
    let sweeps = [
        SWEEP_ID.replace("54df", "54d0"),
        SWEEP_ID.replace("54df", "54d1"),
    ];
    for id in &sweeps {
        flood.put(
            &format!("sweep-{id}.json"),
            sweep(id, &all),
            Ends::Imported(1),
        );
    }
    for number in 0.. {
        if flood.ends.len() >= 200 {
            break;
        }
        flood.trace(&format!("good-{number}.json"), &format!("good-{number}"));
    }

    let began = Instant::now();
    let started = watched.attach(
        "traces",
        &[
            "--execution-policy",
            "fix",
            "--allow-external-execution",
            "--fix-command",
            FIX,
            "--reproduce-runs",
            "2",
            "--poll",
            "1",
        ],
    );
    let outside = [
        watched.state(),
        watched.path("traces"),
        watched.root().join("home"),
        flood.beside.clone(),
    ];
    let before = contents(&watched.root(), &outside);
    for name in flood.ends.keys() {
        fs::rename(flood.beside.join(name), watched.path("traces").join(name)).expect("moved");
    }

    // One more is being written meanwhile.
    let whole = batch("prod", &[one("growing")]);
    let mut growing = File::create(watched.path("traces/growing.json")).expect("a new file");
    let pieces: Vec<&[u8]> = whole.as_bytes().chunks(16).collect();
    let (last, pieces) = pieces.split_last().expect("pieces");
    let since = Instant::now();
    let mut waiting = BTreeSet::new();
    let mut at = 0;
    while since.elapsed() < GROWS || at < pieces.len() || waiting.len() < 2 {
        assert!(since.elapsed() < BOUND, "it never waited");
        if let Some(piece) = pieces.get(at) {
            growing.write_all(piece).expect("written");
            at += 1;
        }
        let rows = known(&watched).0;
        for name in ["growing.json", "cut.json"] {
            if let Some(row) = rows.get(name) {
                let is_over = since.elapsed() > Duration::from_secs(50);
                assert!(row.status == "waiting" || is_over, "{row:?}");
                waiting.insert(name);
            }
        }
        archal::sandbox::StopToken::new().wait(Duration::from_millis(100));
    }
    growing.write_all(last).expect("written");
    drop(growing);
    flood
        .ends
        .insert("growing.json".to_owned(), Ends::Imported(1));

    let is_final = |row: &FileRow, ends: Ends| match ends {
        Ends::Imported(traces) => row.status == "imported" && row.traces == traces,
        Ends::Rejected(reason) => {
            row.status == "rejected"
                && row
                    .reason
                    .as_ref()
                    .is_some_and(|text| text.contains(reason))
        }
        Ends::Unseen => false,
    };
    let seen: BTreeMap<&String, Ends> = flood
        .ends
        .iter()
        .filter(|(_, ends)| **ends != Ends::Unseen)
        .map(|(name, ends)| (name, *ends))
        .collect();
    let left = |rows: &BTreeMap<String, FileRow>| -> Vec<String> {
        let open = seen
            .iter()
            .filter(|(name, ends)| !rows.get(**name).is_some_and(|row| is_final(row, **ends)));
        open.map(|(name, ends)| format!("{name:?} {ends:?}: {:?}", rows.get(*name)))
            .collect()
    };
    let until = Instant::now() + BOUND;
    loop {
        let (rows, traces) = known(&watched);
        let left = left(&rows);
        let open: Vec<_> = traces
            .iter()
            .filter(|(_, jobs)| {
                let last = jobs.last().and_then(|steps| steps.last());
                !last.is_some_and(|status| status.is_terminal())
            })
            .collect();
        let watcher = watched.status();
        let doing = &watcher["watcher"]["doing"];
        let is_idle = doing["waiting"] == 0;
        let steps: Vec<&str> = doing["running"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|step| step["label"].as_str())
            .collect();
        let different: BTreeSet<&str> = steps.iter().copied().collect();
        assert_eq!(
            different.len(),
            steps.len(),
            "done twice at once: {steps:?}"
        );
        if left.is_empty() && open.is_empty() && is_idle {
            break;
        }
        assert!(
            Instant::now() < until,
            "not at an end: {left:#?} {open:#?}\n{}",
            watched.log()
        );
        archal::sandbox::StopToken::new().wait(Duration::from_millis(250));
    }
    let took = began.elapsed();
    let pid = watched.pid().expect("it runs");
    let memory = fs::read_to_string(format!("/proc/{pid}/status")).expect("/proc");
    let memory = memory.lines().find(|line| line.starts_with("VmHWM"));
    println!(
        "flood: {:.1} s, {}",
        took.as_secs_f64(),
        memory.unwrap_or_default()
    );

    let (rows, traces) = known(&watched);
    let names: BTreeSet<&String> = rows.keys().collect();
    assert_eq!(
        names,
        seen.keys().copied().collect(),
        "files that are known"
    );
    for (name, row) in &rows {
        if row.status != "imported" {
            let reason = row.reason.as_deref().unwrap_or_default();
            assert!(!reason.is_empty(), "{name}: {row:?}");
        }
    }
    // Each trace is one job that came to one end.
    let told: usize = rows.values().map(|row| row.traces).sum();
    assert_eq!(traces.len(), told - 1, "the twins are one");
    for (name, jobs) in &traces {
        assert_eq!(jobs.len(), 1, "{name}: {jobs:?}");
        let ends = jobs[0].iter().filter(|status| status.is_terminal()).count();
        assert_eq!(ends, 1, "{name}: {jobs:?}");
        let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(
            name.len() <= 64 && name.chars().all(is_safe) && !name.starts_with(['.', '-']),
            "{name:?}"
        );
    }
    let of_sweeps: Vec<Value> = sweeps
        .iter()
        .map(|id| watched.trace(id).expect("known")["job"].clone())
        .collect();
    let mut ended: Vec<&str> = of_sweeps
        .iter()
        .map(|job| job["status"].as_str().expect("text"))
        .collect();
    ended.sort_unstable();
    assert_eq!(ended, ["fixed", "group_member"], "{of_sweeps:#?}");
    let group = of_sweeps[0]["group"].as_str().expect("a group").to_owned();

    // What is shown.
    let mut shown = vec![started];
    for (command, more) in [
        ("attach-status", vec![]),
        ("attach-status", vec!["--json"]),
        ("attach-status", vec!["escapes"]),
        ("attach-status", vec!["escapes", "--json"]),
        ("attach-status", vec!["planted-url"]),
        ("attach-status", vec!["../../x"]),
        ("attach-status", vec![&sweeps[0]]),
        ("attach-status", vec![&sweeps[0], "--json"]),
        ("attach-reprocess", vec!["twin", "--from", "grade"]),
    ] {
        shown.push(watched.says(command, &more));
    }
    for more in [
        vec!["list"],
        vec!["list", "--json"],
        vec!["show", &group],
        vec!["why", &group],
        vec!["show", &group, "--json"],
    ] {
        shown.push(watched.says("issue", &more));
    }
    for output in &shown {
        assert!(is_plain(output), "{output:?}");
        leaks.none_in("what a command says", output.as_bytes());
    }
    watched.until("the one that was asked for", |status| {
        watched::jobs(status, "superseded") == 1
            && watched::jobs(status, "running") + watched::jobs(status, "queued") == 0
    });
    watched.says("detach", &["--all"]);

    // What is kept.
    let log = watched.log();
    assert!(is_plain(&log), "{log:?}");
    assert!(log.contains("imported twin"), "{log}");
    let but = [watched.path("traces"), flood.beside.clone()];
    let looked_at = leaks.none_below(&watched.root(), &but);
    assert!(looked_at > traces.len() * 2, "{looked_at}");
    let mut saw = BTreeSet::new();
    for path in contents(&watched.state().join("attach"), &[]).into_keys() {
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        if path.extension().is_some_and(|kind| kind == "json") {
            assert!(is_plain(&text), "{}", path.display());
        }
        let seen: Vec<u8> = text
            .lines()
            .filter_map(|line| line.strip_prefix("child:"))
            .flat_map(str::split_whitespace)
            .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"))
            .collect();
        if !seen.is_empty() {
            leaks.none_in(&format!("the world of {}", path.display()), &seen);
            let stage = path
                .strip_prefix(watched.state().join("attach"))
                .expect("below")
                .components()
                .next()
                .map(|part| part.as_os_str().to_string_lossy().into_owned());
            let text = String::from_utf8_lossy(&seen);
            assert!(text.contains("PATH="), "{text}");
            if stage.as_deref() == Some("runs") {
                assert!(text.contains("AGENT_TASK="), "{text}");
                assert!(text.contains("[redacted:"), "{text}");
            }
            saw.extend(stage);
        }
    }
    assert_eq!(saw.into_iter().collect::<Vec<_>>(), ["fixes", "runs"]);

    // And where.
    assert_eq!(contents(&watched.root(), &outside), before);
    let home = contents(&watched.root().join("home"), &[]);
    for path in home.keys() {
        let below = path
            .strip_prefix(watched.root().join("home"))
            .expect("below");
        let is_ours = [".local", ".local/state", ".cache", ".config"]
            .iter()
            .any(|folder| below == Path::new(folder))
            || [".local/state/archal", ".cache/archal", ".config/archal"]
                .iter()
                .any(|folder| below.starts_with(folder));
        assert!(is_ours, "{}", below.display());
    }
}
