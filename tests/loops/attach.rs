//! `archal attach --once --foreground` on a kept copy of the demonstration.

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::{git, kept_demo, listing, untouched_demo, world};

const TRACE: &str = "demo/traces/2026-11-20-sweep.otlp.json";

/// One pass over a directory, to the fix.
pub(super) fn attach(world: &TestEnv, traces: &str, more: &[&str]) -> Output {
    as_far_as(world, traces, "fix", more)
}

/// One pass over a directory that goes as far as `policy`.
pub(super) fn as_far_as(world: &TestEnv, traces: &str, policy: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["attach", traces, "--repo", "demo", "--once", "--foreground"];
    arguments.extend(["--json", "--reproduce-runs", "2"]);
    arguments.extend(["--execution-policy", policy]);
    arguments.extend(more);
    world.run(&arguments)
}

/// Opens the only trace's job again: what has come to its end stays there until somebody asks.
/// Nothing where none was attached yet.
pub(super) fn again(world: &TestEnv) {
    if !world.repo().join("demo/.archal/attach").exists() {
        return;
    }
    let arguments = ["attach-reprocess", "--repo", "demo", "--json"];
    let name = only_name(world);
    let output = world.run(&[&arguments[..], &[&name]].concat()).ended(0);
    crate::cli::schema::holds(&output.json());
    assert_eq!(
        output.json()["reopened"][0]["name"],
        name.as_str(),
        "{output}"
    );
}

/// The name of the only trace that was ever attached.
fn only_name(world: &TestEnv) -> String {
    let imports = world.repo().join("demo/.archal/attach/imports");
    let names: Vec<String> = std::fs::read_dir(imports)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name())
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].clone()
}

pub(super) fn job(output: &Output) -> Value {
    output.json()["jobs"][0].clone()
}

const FIXER: &[&str] = &["--allow-external-execution", "--fix-command"];

#[test]
fn a_fix_command_decides_how_it_ends() {
    let (world, _) = untouched_demo();
    let fixed_by = |command: &str| {
        again(&world);
        // A fixer that does not say what it used takes a quarter of the trace's cap each time.
        let flags = [FIXER[0], FIXER[1], command, "--budget-usd", "none"];
        let output = attach(&world, "demo/traces", &flags);
        let job = job(&output);
        (output, job)
    };

    let (output, nothing) = fixed_by("true");
    assert_eq!(nothing["status"], "fix_failed");
    assert!(
        nothing["reason"]
            .as_str()
            .expect("text")
            .contains("no_change"),
        "{nothing}"
    );
    assert_eq!(output.code, Some(1), "{output}");

    let (output, failing) = fixed_by("echo broken >&2; exit 7");
    assert_eq!(failing["status"], "fix_failed");
    assert!(
        failing["reason"]
            .as_str()
            .expect("text")
            .contains("status 7"),
        "{failing}"
    );
    assert_eq!(output.code, Some(1), "{output}");

    let cheat = "sed -i 's/^- .D. No issue.*$//' archal/close-stale-issues.md";
    let (output, cheating) = fixed_by(cheat);
    assert_eq!(cheating["status"], "fix_failed");
    assert!(
        cheating["reason"]
            .as_str()
            .expect("text")
            .contains("only tests"),
        "{cheating}"
    );
    assert_eq!(output.code, Some(1), "{output}");

    let (output, wrong) = fixed_by("echo '# a comment' >> agent.py");
    assert_eq!(wrong["status"], "fix_failed");
    assert!(
        wrong["reason"]
            .as_str()
            .expect("text")
            .contains("still shows"),
        "{wrong}"
    );
    assert_eq!(output.code, Some(1), "{output}");

    let (output, right) = fixed_by("python3 fix.py");
    assert_eq!(right["status"], "fixed", "{right}");
    assert_eq!(right["green"]["k"], right["green"]["n"]);
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn what_has_come_to_its_end_stays_there_until_it_may_go_further() {
    let (world, _) = kept_demo();
    let first = attach(&world, "demo/traces", &[]);
    assert_eq!(job(&first)["status"], "fixed", "{first}");
    again(&world);
    let blocked = attach(&world, "demo/traces", &[]);
    assert_eq!(job(&blocked)["status"], "fix_blocked", "{blocked}");
    // Nothing is new, so nothing is done; the answer is the same.
    let same = attach(&world, "demo/traces", &[]);
    assert_eq!(job(&same), job(&blocked));
    assert_eq!(same.code, blocked.code);
    // A fixer that may run is what was missing. The attempts that showed the failure are paid.
    let fixer = [FIXER[0], FIXER[1], "python3 fix.py"];
    let fixed = attach(&world, "demo/traces", &fixer);
    assert_eq!(job(&fixed)["status"], "fixed", "{fixed}");
    assert_eq!(job(&fixed)["red"], job(&blocked)["red"]);
}

#[test]
fn without_a_fix_command_it_names_what_is_missing() {
    let (world, _) = untouched_demo();
    again(&world);
    let output = attach(&world, "demo/traces", &[]);
    let job = job(&output);
    assert_eq!(job["status"], "fix_blocked");
    let reason = job["reason"].as_str().expect("text");
    assert!(reason.contains("--fix-command"), "{reason}");
    assert!(reason.contains("--allow-external-execution"), "{reason}");
    assert_eq!(output.code, Some(1), "{output}");
}

#[test]
fn a_list_that_was_not_recorded_blocks_and_names_entity_and_field() {
    let (world, _) = untouched_demo();
    // What was to fill the gap and cannot be read is told beside it.
    world.write("demo/archal/seeds/github.json", "{");
    git(&world, "demo", &["add", "--all"]);
    git(&world, "demo", &["commit", "--quiet", "-m", "a state"]);
    for (dropped, field) in [(0, "page 1"), (1, "page 2")] {
        let traces = format!("without-{dropped}");
        without_list(&world, dropped, &format!("{traces}/t.json"));
        let output = attach(&world, &traces, &[]);
        let job = job(&output);
        assert_eq!(job["status"], "blocked", "{job}");
        assert_eq!(job["stage"], "seed");
        let missing = job["missing"].as_array().expect("a list");
        assert_eq!(missing[0]["field"], field, "{missing:?}");
        let broken = missing[1]["why"].as_str().expect("text");
        assert!(
            broken.starts_with("the seed archal/seeds/github.json is neither"),
            "{broken}"
        );
        let name = job["name"].as_str().expect("a name");
        let told = world.run(&["attach-status", name, "--repo", "demo"]);
        assert!(told.stdout.contains(broken), "{told}");
        assert!(
            missing.iter().any(|one| {
                one["field"] == "state"
                    && one["entity"]
                        .as_str()
                        .is_some_and(|entity| entity.starts_with("issues acme/webapp#"))
            }),
            "{missing:?}"
        );
        assert_eq!(output.code, Some(3), "{output}");
    }
}

/// The demonstration's trace, recorded again under another id without one of its list calls.
fn without_list(world: &TestEnv, dropped: usize, to: &str) {
    let mut trace: Value = serde_json::from_str(&world.read(TRACE)).expect("JSON");
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    let lists: Vec<usize> = (0..spans.len())
        .filter(|at| spans[*at]["name"] == "GET")
        .collect();
    spans.remove(lists[dropped]);
    let id = spans[0]["traceId"].as_str().expect("an id").to_owned();
    let other = format!("{}{dropped:04x}", &id[..id.len() - 4]);
    world.write(to, &trace.to_string().replace(&id, &other));
}

#[test]
fn a_defect_that_is_repaired_already_is_not_reproduced() {
    let (world, _) = untouched_demo();
    let source = world.read("demo/agent.py");
    let repaired = source.replace(
        "for issue in issues if is_stale(issue, cutoff)]",
        "for issue in issues if is_stale(issue, cutoff) and not is_kept(issue)]",
    );
    assert_ne!(source, repaired);
    world.write("demo/agent.py", &repaired);
    git(
        &world,
        "demo",
        &["commit", "--quiet", "--all", "-m", "repair"],
    );
    again(&world);
    let output = attach(&world, "demo/traces", &[]);
    assert_eq!(job(&output)["status"], "not_reproduced");
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn a_checkout_that_differs_from_head_is_left_out_and_named() {
    let (world, _) = untouched_demo();
    world.write("demo/agent.py", "raise SystemExit('never run')\n");
    again(&world);
    let output = attach(&world, "demo/traces", &[]);
    let document = output.json();
    assert_eq!(document["leftOut"], serde_json::json!(["M agent.py"]));
    assert_eq!(document["jobs"][0]["red"]["k"], 2, "{document}");
}

#[test]
fn the_users_repository_is_only_read() {
    let (world, demo) = untouched_demo();
    let before = listing(&demo);
    again(&world);
    let output = attach(
        &world,
        "demo/traces",
        &[FIXER[0], FIXER[1], "python3 fix.py"],
    );
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(listing(&demo), before);
}

#[test]
fn traces_that_cannot_be_read_are_rejected_with_a_reason() {
    let (world, _) = untouched_demo();
    std::fs::create_dir(world.repo().join("bad")).expect("writable");
    std::fs::write(
        world.repo().join("bad/noise.json"),
        [0, 159, 146, 150, 0, 1],
    )
    .expect("writable");
    let whole = world.read(TRACE);
    world.write("bad/cut.json", &whole[..whole.len() / 2]);
    let output = attach(&world, "bad", &[]);
    let files = output.json()["files"].clone();
    for file in files.as_array().expect("a list") {
        assert_eq!(file["status"], "rejected", "{file}");
        assert!(file["reason"].is_string(), "{file}");
    }
    assert_eq!(files.as_array().expect("a list").len(), 2);
    assert_eq!(output.code, Some(3), "{output}");
}

#[test]
fn what_is_not_there_is_said_with_what_mends_it() {
    let world = world();
    let missing = world
        .run(&["attach", "nowhere", "--once", "--foreground"])
        .ended(3);
    assert!(
        missing
            .stderr
            .contains("archal attach nowhere --repo . --create"),
        "{}",
        missing.stderr
    );
    world.write("traces/t.json", "{}");
    let unversioned = world
        .run(&["attach", "traces", "--once", "--foreground"])
        .ended(3);
    assert!(
        unversioned.stderr.contains("is no git repository"),
        "{}",
        unversioned.stderr
    );
    let background = world.run(&["attach", "traces"]).ended(3);
    assert!(
        background.stderr.contains("is no git repository"),
        "{}",
        background.stderr
    );
}
